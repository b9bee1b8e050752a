//! Flow files of a proxy in the middle, judged: what the app sent, and what was the proxy's own doing.

use plainsight::model::report::ScenarioReport;
use plainsight::model::verdict::VerdictKind;
use plainsight::{pipeline, scenario, verdict};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn judge(planted: &str, provider: &str, files: &[&str]) -> ScenarioReport {
    let folder = tempfile::tempdir().unwrap();
    let mut text = format!(
        "[app]\nname = 'Chatterly'\n[parties]\nprovider = ['{provider}']\n\
         [[planted]]\nid = 'text'\ndata = 'messages'\nvalue = '{planted}'\n"
    );
    for promise in ["end-to-end-encrypted", "encrypted-in-transit", "not-shared-with-third-parties"] {
        let _ = write!(text, "[[claim]]\nid = '{promise}'\ntext = 't'\npromise = '{promise}'\ndata = ['messages']\n");
    }
    for file in files {
        let _ = write!(text, "[[capture]]\npath = '{file}'\n");
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peers").join(file);
        fs::copy(recorded, folder.path().join(file)).unwrap();
    }
    fs::write(folder.path().join("scenario.toml"), text).unwrap();
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap();
    pipeline::run(&scenario, &mut |_| {}).unwrap()
}

fn kinds(report: &ScenarioReport) -> [VerdictKind; 3] {
    [0, 1, 2].map(|index| report.claims[index].verdict)
}

#[test]
fn every_version_is_judged_alike() {
    use VerdictKind::{Contradicted, Inconclusive};
    for file in ["mitmproxy_12", "mitmproxy_8", "mitmproxy_6", "mitmproxy_4", "mitmproxy_2", "mitmproxy_0_15"] {
        let file = format!("{file}.mitm");
        // Inside TLS: the provider reads it. How well TLS would have been without the proxy is not in the file.
        let secure = judge("The heron lands at dusk", "heron.example", &[&file]);
        assert_eq!(kinds(&secure)[..2], [Contradicted, Inconclusive], "{file}: {:#?}", secure.claims[1].reason);
        assert!(secure.flows.iter().all(|flow| !flow.decrypted), "{file}");
        // Clear HTTP through the proxy is clear.
        let clear = judge("The grebe dives at noon", "heron.example", &[&file]);
        assert_eq!(kinds(&clear)[..2], [Contradicted, Contradicted], "{file}");
        let third = judge("The heron lands at dusk", "other.example", &[&file]);
        assert_eq!(kinds(&third)[2], Contradicted, "{file}");
    }
}

#[test]
fn the_testers_own_doings_are_not_held_against_the_app() {
    for text in [
        "the tester wrote this instead",
        "the tester sent this again",
        "the tester put this in",
        "the proxy answered this",
    ] {
        let report = judge(text, "heron.example", &["mitmproxy_12.mitm"]);
        assert!(report.sightings.iter().all(|sighting| sighting.planted.is_none()), "{text}");
        assert!(!kinds(&report).contains(&VerdictKind::Contradicted), "{text}");
        // And what the file lost leaves everything open.
        assert!(!kinds(&report).contains(&VerdictKind::Consistent), "{text}");
    }
    let notes = judge("nothing", "heron.example", &["mitmproxy_12.mitm"]).inputs[0].notes.clone();
    for told in
        ["changed at the proxy", "sent by the proxy itself", "put in by the proxy itself", "made by the proxy itself"]
    {
        assert!(notes.iter().any(|note| note.contains(told)), "{told}: {notes:?}");
    }
}
