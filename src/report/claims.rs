//! Claims, judged, as a page shows them.

use crate::model::report::ScenarioReport;
use crate::model::verdict::{Coverage, Judged, VerdictKind};
use crate::report::cards::{Cards, LINKS, Link};
use crate::report::poor;
use crate::report::words::{self, count, mark, size, thousands};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Claim {
    id: String,
    text: String,
    source: Option<String>,
    link: Option<String>,
    seen: Option<String>,
    promise: String,
    data: String,
    verdict: &'static str,
    mark: &'static str,
    reason: String,
    links: Vec<Link>,
    links_left: Option<String>,
    weaknesses: Vec<Link>,
    shown: Vec<Link>,
    not_tested: Vec<String>,
    means: &'static str,
    cannot_prove: &'static str,
    standards: Vec<String>,
    coverage: Covered,
    /// What shows that the planted action happened; `None` where the verdict rests on other things.
    control: Option<String>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Covered {
    bars: Vec<Bar>,
    unread: Vec<String>,
    /// How much of the dumps was read.
    kept: Option<String>,
    /// Why there was nothing to read.
    nothing: Option<&'static str>,
    /// What is to be said where nothing that was captured stayed unread.
    all: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Bar {
    name: &'static str,
    percent: u64,
    says: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Limit {
    text: String,
    claims: String,
}

/// Links to the weaknesses that a verdict rests on.
fn weak_links(judged: &Judged, scenario: &ScenarioReport) -> Vec<Link> {
    (scenario.weaknesses.iter().enumerate())
        .filter(|(_, weakness)| judged.weaknesses.contains(&weakness.id()))
        .filter(|(to, _)| *to < poor::CARDS)
        .take(LINKS)
        .map(|(to, weakness)| Link { to, says: weakness.title.to_owned() })
        .collect()
}

pub(crate) fn claim(judged: &Judged, cards: &Cards, scenario: &ScenarioReport) -> Claim {
    let claim = &judged.claim;
    let (links, left) = cards.links(&judged.sightings);
    let (shown, _) = cards.links(&judged.shown);
    let link = claim.source.as_deref().filter(|source| source.starts_with("https://") || source.starts_with("http://"));
    Claim {
        id: claim.id.clone(),
        text: claim.text.clone(),
        link: link.map(str::to_owned),
        source: claim.source.clone(),
        seen: claim.seen.clone(),
        promise: claim.promise.clone(),
        data: claim.data.iter().map(|data| data.label()).collect::<Vec<_>>().join(", "),
        verdict: judged.verdict.name(),
        mark: mark(judged.verdict),
        reason: judged.reason.clone(),
        links,
        weaknesses: weak_links(judged, scenario),
        links_left: (left > 0).then(|| format!("and {}", count(left, "more sighting"))),
        shown,
        not_tested: judged.not_tested.clone(),
        means: judged.means,
        cannot_prove: judged.cannot_prove,
        standards: judged.standards.iter().map(|s| format!("{} {}", s.body, s.reference)).collect(),
        coverage: covered(&judged.coverage, scenario),
        control: control(judged),
    }
}

/// What shows that the planted action happened. What was seen happened; weaknesses are told by themselves.
fn control(judged: &Judged) -> Option<String> {
    match judged.verdict {
        VerdictKind::Contradicted | VerdictKind::Weakened => {
            (!judged.sightings.is_empty()).then(|| "the sightings themselves".to_owned())
        }
        VerdictKind::Inconclusive | VerdictKind::Consistent => {
            let none = || "none: nothing shows that the planted action happened".to_owned();
            Some(judged.coverage.control.clone().unwrap_or_else(none))
        }
    }
}

pub(crate) fn covered(coverage: &Coverage, scenario: &ScenarioReport) -> Covered {
    let bar = |name, read: u64, all: u64, say: fn(u64) -> String| Bar {
        name,
        percent: if all == 0 { 0 } else { words::percent(read, all) },
        says: format!("{} of {} read", say(read), say(all)),
    };
    let sent = coverage.flows > 0 || coverage.messages > 0;
    let bars = || {
        vec![
            bar("Bytes", coverage.bytes_read, coverage.bytes, size),
            bar("Flows", coverage.flows_read, coverage.flows, thousands),
            bar("Hosts", coverage.hosts_read, coverage.hosts, thousands),
            bar("Messages", coverage.messages_read, coverage.messages, thousands),
        ]
    };
    let kept = words::kept(scenario);
    Covered {
        bars: if sent { bars() } else { Vec::new() },
        unread: (coverage.unread.iter())
            .map(|unread| {
                if unread.flows == 0 {
                    return unread.says.clone();
                }
                let bytes = if unread.bytes > 0 { format!(", {}", size(unread.bytes)) } else { String::new() };
                format!("{}{bytes}: {}", count(unread.flows, "flow"), unread.says)
            })
            .collect(),
        nothing: (!sent && kept.is_none()).then(|| nothing(scenario)),
        kept,
        all: all(scenario),
    }
}

/// Why there was nothing to read.
pub(crate) fn nothing(scenario: &ScenarioReport) -> &'static str {
    if words::has_captures(scenario) {
        "no payload was captured"
    } else {
        "no traffic was captured, and there is no dump"
    }
}

/// What may be said of evidence of which nothing that is there stayed unread.
fn all(scenario: &ScenarioReport) -> String {
    let cut = scenario.inputs.iter().fold(0_u64, |sum, input| sum.saturating_add(input.cut_frames));
    if cut > 0 {
        return format!(
            "{} cut when it was captured: what is missing there was not read.",
            match cut {
                1 => "1 frame was".to_owned(),
                many => format!("{} frames were", thousands(many)),
            }
        );
    }
    if scenario.inputs.iter().any(|input| input.stopped.is_some()) || !words::has_captures(scenario) {
        return String::new();
    }
    "Everything that was captured could be read.".to_owned()
}

/// What was not tested, and for which claims.
pub(crate) fn limits(claims: &[Judged]) -> Vec<Limit> {
    let mut limits: Vec<(&str, Vec<&str>)> = Vec::new();
    for judged in claims {
        for text in judged.not_tested.iter().map(String::as_str).chain([judged.cannot_prove]).filter(|t| !t.is_empty())
        {
            match limits.iter_mut().find(|(known, _)| *known == text) {
                Some((_, of)) => of.push(&judged.claim.id),
                None => limits.push((text, vec![&judged.claim.id])),
            }
        }
    }
    limits.into_iter().map(|(text, claims)| Limit { text: text.to_owned(), claims: claims.join(", ") }).collect()
}
