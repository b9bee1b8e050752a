//! HTML: one file that asks nothing of anyone.
//!
//! The page carries its style and its few lines of script, and a policy that forbids everything else: nothing can be
//! loaded from anywhere, and no script runs but the one whose digest the policy names.

use crate::model::report::Report;
use crate::report::words::is_unprintable;
use crate::report::{Format, View, page, printable};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::io::{self, Write};
use std::sync::LazyLock;
use tera::{Context, Tera};

const STYLE: &str = include_str!("../templates/report.css");
const SCRIPT: &str = include_str!("../templates/report.js");
/// Names end in `.html` so that what they print is escaped.
const TEMPLATES: [(&str, &str); 15] = [
    ("report.html", include_str!("../templates/report.html")),
    ("claims.html", include_str!("../templates/claims.html")),
    ("picture.html", include_str!("../templates/picture.html")),
    ("sightings.html", include_str!("../templates/sightings.html")),
    ("weaknesses.html", include_str!("../templates/weaknesses.html")),
    ("looks.html", include_str!("../templates/looks.html")),
    ("card.html", include_str!("../templates/card.html")),
    ("pairs.html", include_str!("../templates/pairs.html")),
    ("runs.html", include_str!("../templates/runs.html")),
    ("flows.html", include_str!("../templates/flows.html")),
    ("coverage.html", include_str!("../templates/coverage.html")),
    ("evidence.html", include_str!("../templates/evidence.html")),
    ("exposure.html", include_str!("../templates/exposure.html")),
    ("stories.html", include_str!("../templates/stories.html")),
    ("bars.html", include_str!("../templates/bars.html")),
];

/// For people: a page to read, print and file.
pub(super) struct Html;

impl Format for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn about(&self) -> &'static str {
        "one offline page to read, print and file"
    }

    fn file(&self) -> &'static str {
        "report.html"
    }

    fn render(&self, report: &Report, view: &View, out: &mut dyn Write) -> io::Result<()> {
        static TERA: LazyLock<Result<Tera, String>> = LazyLock::new(|| templates().map_err(|error| error.to_string()));
        let tera = TERA.as_ref().map_err(|error| io::Error::other(error.clone()))?;
        let heard = report.scenarios.iter().flat_map(|s| &s.sightings).any(|sighting| view.clip(sighting).is_some());
        let document = Document { page: page::page(report, view), style: STYLE, script: SCRIPT, policy: policy(heard) };
        let context = Context::from_serialize(&document).map_err(io::Error::other)?;
        tera.render_to("report.html", &context, out).map_err(io::Error::other)
    }
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    page: page::Page,
    style: &'static str,
    script: &'static str,
    policy: String,
}

fn templates() -> tera::TeraResult<Tera> {
    let mut tera = Tera::new();
    tera.set_escape_fn(escape);
    tera.add_raw_templates(TEMPLATES)?;
    Ok(tera)
}

/// Nothing from anywhere; of inline code, only what is ours; of media, what the page itself holds, if it holds any.
fn policy(heard: bool) -> String {
    let media = if heard { "media-src data:; " } else { "" };
    let digest = |text: &str| data_encoding::BASE64.encode(&Sha256::digest(text));
    format!(
        "default-src 'none'; {media}style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    )
}

/// Escapes text for HTML content and quoted attributes, and shows characters that would act or hide.
fn escape(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut buffer = [0; 4];
    for c in text.chars() {
        match c {
            '&' => out.write_all(b"&amp;")?,
            '<' => out.write_all(b"&lt;")?,
            '>' => out.write_all(b"&gt;")?,
            '"' => out.write_all(b"&quot;")?,
            '\'' => out.write_all(b"&#39;")?,
            c if is_unprintable(c) => out.write_all(printable(c.encode_utf8(&mut buffer)).as_bytes())?,
            c => out.write_all(c.encode_utf8(&mut buffer).as_bytes())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::verdict::Coverage;
    use crate::report::sample;

    fn html(report: &Report) -> String {
        let mut out = Vec::new();
        Html.render(report, &View::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_page_asks_nothing_of_anyone() {
        let page = html(&sample::report());
        for asks in [
            "src=",
            "@import",
            "url(",
            "<link",
            "<iframe",
            "<object",
            "<form",
            "fetch(",
            "XMLHttp",
            "http-equiv=\"refresh\"",
        ] {
            let visible = page.replace("&lt;img src=x", "");
            assert!(!visible.contains(asks), "{asks} in the page");
        }
        assert!(page.contains("default-src &#39;none&#39;"));
        // Addresses stand in links that a person may follow, and in text, never where a browser would follow them.
        for (at, _) in page.match_indices("http") {
            let before = &page[at.saturating_sub(6)..at];
            let fine = before.ends_with("href=\"") || !before.ends_with("=\"");
            assert!(fine, "an address stands in an attribute: {}", &page[at - 20..at + 40]);
        }
    }

    #[test]
    fn hostile_text_is_never_markup() {
        let page = html(&sample::report());
        assert!(!page.contains("<img") && !page.contains("onerror=alert(1)>"));
        assert_eq!(page.matches("<script>").count(), 1);
        assert_eq!(page.matches("</script>").count(), 1);
        assert!(page.contains("{{ 7*7 }}"), "text was taken for a template");
        assert!(page.contains("⟨U+202E⟩"));
    }

    #[test]
    fn every_element_is_closed() {
        for report in [sample::report(), sample::inspected(), sample::crowded(600, 900), Report::default()] {
            balanced(&html(&report));
        }
    }

    #[test]
    fn ids_are_unique_and_links_lead_somewhere() {
        let mut report = sample::report();
        report.scenarios.push(sample::report().scenarios.remove(0));
        let page = html(&report);
        let mut ids = std::collections::BTreeSet::new();
        for id in attribute(&page, " id=\"") {
            assert!(ids.insert(id), "{id} twice");
        }
        for anchor in attribute(&page, "href=\"#") {
            assert!(ids.contains(anchor), "#{anchor} leads nowhere");
        }
    }

    #[test]
    fn what_was_seen_needs_no_control() {
        let page = html(&sample::report());
        let claims: Vec<&str> = page.split("<article class=\"claim ").skip(1).collect();
        assert_eq!(claims.len(), 5);
        for claim in claims {
            let none = claim.contains("none: nothing shows that the planted action happened");
            let own = claim.contains("the sightings themselves");
            match claim.split('"').next() {
                Some("v-contradicted") => assert!(own && !none),
                Some("v-weakened") => assert!(!claim.contains("Positive control")),
                Some("v-inconclusive") => assert!(none && !own),
                _ => assert!(claim.contains("Positive control") && !none && !own),
            }
        }
    }

    #[test]
    fn a_store_is_said_to_be_kept_not_sent() {
        let mut report = sample::report();
        let scenario = report.scenarios.first_mut().unwrap();
        scenario.flows.clear();
        scenario.coverage = Coverage::default();
        let input = scenario.inputs.first_mut().unwrap();
        (input.name, input.format) = ("store.ndjson".to_owned(), "ndjson".to_owned());
        (input.first_seen, input.last_seen, input.stopped, input.cut_frames) = (None, None, None, 0);
        for sighting in &mut scenario.sightings {
            (sighting.place.flow, sighting.place.capture) = (None, "store.ndjson".to_owned());
        }
        for judged in &mut scenario.claims {
            judged.coverage = Coverage::default();
        }
        let page = html(&report);
        assert!(page.contains("100,000 records of 1 dump read to the end") && page.contains("records of 2026-"));
        for lie in ["Nothing was sent", "without times", "sent to the server", "0 of 0", "<dl class=\"bars\">"] {
            assert!(!page.contains(lie), "{lie}");
        }
        report.scenarios[0].inputs[0].stopped = Some("stopped at byte 9".to_owned());
        assert!(html(&report).contains("100,000 records of 1 dump read as far as they go"));
        report.scenarios[0].exposure = None;
        assert!(html(&report).contains("There was nothing to read: no traffic was captured, and there is no dump."));
    }

    #[test]
    fn what_was_cut_is_never_all_there_was() {
        let all = "Everything that was captured could be read";
        let mut report = sample::report();
        report.scenarios[0].coverage.unread.clear();
        report.scenarios[0].inputs[0].stopped = None;
        report.scenarios[0].inputs[0].cut_frames = 0;
        assert!(html(&report).contains(all));
        report.scenarios[0].inputs[0].cut_frames = 2;
        let page = html(&report);
        assert!(!page.contains(all) && page.contains("2 frames were cut when it was captured"));
        report.scenarios[0].inputs[0].cut_frames = 0;
        report.scenarios[0].inputs[0].stopped = Some("stopped at byte 9".to_owned());
        assert!(!html(&report).contains(all));
    }

    #[test]
    fn a_crowd_stays_small() {
        let page = html(&sample::crowded(20_000, 40_000));
        assert!(page.len() < 5_000_000, "{} bytes", page.len());
        assert!(page.contains("more flows in report.json"));
        assert!(page.contains("more sightings, each with"));
    }

    fn attribute<'p>(page: &'p str, opening: &str) -> Vec<&'p str> {
        page.split(opening).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    /// A page whose tags nest, outside of its style and script.
    fn balanced(page: &str) {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = page;
        while let Some(at) = rest.find('<') {
            rest = &rest[at + 1..];
            let end = rest.find('>').unwrap();
            let tag = &rest[..end];
            let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap();
            if tag.starts_with('/') {
                assert_eq!(
                    open.pop(),
                    Some(name),
                    "closed by </{name}> before {:.80}",
                    &rest[end..].escape_debug().to_string()
                );
            } else if !tag.starts_with('!')
                && !tag.ends_with('/')
                && !["meta", "br", "wbr", "hr", "input", "col"].contains(&name)
            {
                open.push(name);
            }
            rest = &rest[end..];
            if ["style", "script"].contains(&name) && !tag.starts_with('/') {
                rest = &rest[rest.find(&format!("</{name}")).unwrap()..];
            }
        }
        assert!(open.is_empty(), "never closed: {open:?}");
    }
}
