//! What must hold for every format, and what each one looks like.

use super::*;
use crate::model::report::Report;
use crate::report::{View, sample};

fn render(format: &dyn Format, report: &Report, view: &View) -> String {
    let mut out = Vec::new();
    format.render(report, view, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn named(name: &str) -> &'static dyn Format {
    by_name(name).unwrap()
}

#[test]
fn names_and_files_are_unique() {
    let mut seen = std::collections::BTreeSet::new();
    for format in FORMATS {
        let name = format.name();
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
        assert!(seen.insert(name) && seen.insert(format.file()), "{name} is taken");
        assert!(!format.about().is_empty());
    }
}

#[test]
fn equal_reports_give_equal_bytes() {
    for format in FORMATS {
        let view = View::default();
        assert_eq!(
            render(*format, &sample::report(), &view),
            render(*format, &sample::report(), &view),
            "{}",
            format.name()
        );
        render(*format, &Report::default(), &view);
    }
}

#[test]
fn every_claim_is_in_every_format() {
    let report = sample::report();
    for format in FORMATS {
        let text = render(*format, &report, &View::default());
        for judged in &report.scenarios[0].claims {
            assert!(text.contains(&judged.claim.id), "{} lacks claim {}", format.name(), judged.claim.id);
            assert!(text.contains(judged.verdict.name()), "{} lacks {}", format.name(), judged.verdict.name());
        }
    }
}

#[test]
fn only_planted_values_are_shown_unless_more_is_asked_for() {
    let mut report = sample::report();
    // The number is planted too: take that away, and it is somebody's.
    report.scenarios[0].planted.retain(|planted| planted.id != "mine");
    for format in FORMATS {
        let masked = render(*format, &report, &View::default());
        assert!(!masked.contains("15112345678"), "{} shows somebody's number", format.name());
        let shown = render(*format, &report, &View { reveal: true, ..View::default() });
        if format.name() != "text" {
            assert!(masked.contains("+0000000000000"), "{} hides even the shape", format.name());
            assert!(shown.contains("+4915112345678"), "{} cannot be made to show it", format.name());
        }
    }
}

#[test]
fn people_of_a_store_are_fingerprints_unless_more_is_asked_for() {
    let report = sample::report();
    for name in ["html", "json"] {
        let masked = render(named(name), &report, &View::default());
        let shown = render(named(name), &report, &View { reveal: true, ..View::default() });
        assert!(masked.contains("a1b2c3d4") && !masked.contains("+447700900041"), "{name} names somebody");
        assert!(shown.contains("+447700900041"), "{name} cannot be made to name anybody");
        // Whose number nobody knows stays a fingerprint.
        assert!(shown.contains("5d5d0c21"), "{name}");
    }
}

#[test]
fn hostile_text_stays_text() {
    for format in FORMATS {
        for report in [sample::report(), sample::inspected()] {
            let text = render(*format, &report, &View { reveal: true, ..View::default() });
            let bad = text.chars().find(|c| crate::report::words::is_unprintable(*c) && *c != '\n');
            assert_eq!(bad, None, "{} lets a character through that acts", format.name());
        }
    }
}

#[test]
fn text_fits_its_width() {
    for width in [60, 80, 100, 160] {
        for report in [sample::report(), sample::inspected()] {
            let text = render(named("text"), &report, &View { width, ..View::default() });
            for line in text.lines() {
                assert!(line.chars().count() <= width, "wider than {width}: {line}");
            }
            let screen = if width < 80 { 58 } else { 50 };
            assert!(text.lines().count() <= screen, "more than a screen at {width}");
        }
    }
}

#[test]
fn text_of_every_verdict() {
    let view = View { written: Some("reports/chatterly/report.html".to_owned()), ..View::default() };
    insta::assert_snapshot!("text", render(named("text"), &sample::report(), &view));
    insta::assert_snapshot!("text_inspected", render(named("text"), &sample::inspected(), &View::default()));
}

#[test]
fn styles_are_the_only_difference_they_make() {
    let plain = render(named("text"), &sample::report(), &View::default());
    let styled = render(named("text"), &sample::report(), &View { styled: true, ..View::default() });
    assert_ne!(plain, styled);
    assert_eq!(anstream::adapter::strip_str(&styled).to_string(), plain);
}

#[test]
fn json_of_every_verdict() {
    insta::assert_snapshot!("json", render(named("json"), &sample::report(), &View::default()));
}

#[test]
fn json_says_what_the_published_schema_says() {
    let published = include_str!("../../../schema/report.schema.json");
    let generated = format!("{:#}\n", json_schema());
    assert!(published == generated, "write the output of `plainsight schema report` to schema/report.schema.json");

    let schema = jsonschema::draft202012::new(&json_schema()).unwrap();
    for report in [sample::report(), sample::inspected(), Report::default()] {
        let document: serde_json::Value =
            serde_json::from_str(&render(named("json"), &report, &View::default())).unwrap();
        let errors: Vec<String> =
            schema.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    assert!(!schema.is_valid(&serde_json::json!({"schema": "plainsight/2", "scenarios": []})));
}

#[test]
fn json_keeps_text_that_it_escapes() {
    let document: serde_json::Value =
        serde_json::from_str(&render(named("json"), &sample::report(), &View::default())).unwrap();
    let planted = &document["scenarios"][0]["planted"];
    assert!(planted.as_array().unwrap().iter().any(|planted| planted["value"] == sample::HOSTILE));
}

#[test]
fn json_joins_sightings_to_their_flows() {
    let document: serde_json::Value =
        serde_json::from_str(&render(named("json"), &sample::report(), &View::default())).unwrap();
    let scenario = &document["scenarios"][0];
    for sighting in scenario["sightings"].as_array().unwrap() {
        let flow = &scenario["flows"][usize::try_from(sighting["flow"].as_u64().unwrap()).unwrap()];
        assert_eq!(flow["host"], sighting["host"]);
    }
}
