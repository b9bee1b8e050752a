//! HTTP Archives, judged: who could read what, and what a loss does to a verdict.

use plainsight::model::report::ScenarioReport;
use plainsight::model::verdict::VerdictKind;
use plainsight::{pipeline, scenario, verdict};
use std::fmt::Write as _;
use std::fs;

const TEXT: &str = "The heron lands at dusk";

fn judge(har: &str) -> ScenarioReport {
    let folder = tempfile::tempdir().unwrap();
    let mut claims = String::new();
    for promise in ["end-to-end-encrypted", "encrypted-in-transit", "not-shared-with-third-parties"] {
        let _ = write!(claims, "[[claim]]\nid = '{promise}'\ntext = 't'\npromise = '{promise}'\ndata = ['messages']\n");
    }
    let text = format!(
        "[app]\nname = 'Chatterly'\n[parties]\nprovider = ['chatterly.example']\n\
         [[planted]]\nid = 'greeting'\ndata = 'messages'\nvalue = '{TEXT}'\n[[capture]]\npath = 'a.har'\n{claims}"
    );
    fs::write(folder.path().join("scenario.toml"), text).unwrap();
    fs::write(folder.path().join("a.har"), har).unwrap();
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap();
    pipeline::run(&scenario, &mut |_| {}).unwrap()
}

fn kinds(report: &ScenarioReport) -> [VerdictKind; 3] {
    [0, 1, 2].map(|index| report.claims[index].verdict)
}

fn har(url: &str, post: &str, content: &str) -> String {
    format!(
        r#"{{"log":{{"version":"1.2","creator":{{"name":"t"}},"entries":[{{"startedDateTime":"2026-11-02T09:00:00Z","serverIPAddress":"127.0.0.9",
        "request":{{"method":"POST","url":"{url}","httpVersion":"HTTP/1.1","headers":[],"bodySize":40,{post}}},
        "response":{{"status":200,"headers":[],"content":{content}}}}}]}}}}"#
    )
}

#[test]
fn what_a_har_shows_is_judged_by_who_could_read_it() {
    use VerdictKind::{Contradicted, Inconclusive};
    let post = format!(r#""postData":{{"mimeType":"application/json","text":"{{\"text\":\"{TEXT}\"}}"}}"#);
    let secure = judge(&har("https://api.chatterly.example/v1/send", &post, r#"{"size":0}"#));
    // How well it was protected is in no HAR.
    assert_eq!(kinds(&secure)[..2], [Contradicted, Inconclusive]);
    let sighting = &secure.sightings[0];
    assert_eq!(sighting.place.trail.join(" > "), "tls > http1 > POST api.chatterly.example/v1/send > json $.text");
    assert_eq!(sighting.audiences.iter().map(|a| a.name()).collect::<Vec<_>>(), ["provider"]);
    assert_eq!(secure.flows[0].opacity.dominant().name(), "encrypted");
    assert!(!secure.flows[0].decrypted);

    let clear = judge(&har("http://api.chatterly.example/v1/send", &post, r#"{"size":0}"#));
    assert_eq!(kinds(&clear)[..2], [Contradicted, Contradicted]);
    let third = judge(&har("https://ads.example/px", &post, r#"{"size":0}"#));
    assert_eq!(kinds(&third)[2], Contradicted);
}

#[test]
fn a_har_that_lost_a_body_proves_nothing() {
    let post = r#""postData":{"mimeType":"text/plain","text":"something else"}"#;
    let lost = judge(&har("https://ads.example/px", post, r#"{"size":99,"mimeType":"application/json"}"#));
    assert!(kinds(&lost).iter().all(|kind| *kind == VerdictKind::Inconclusive), "{:?}", kinds(&lost));
    assert!(lost.warnings.iter().any(|warning| warning.contains("entry 1")), "{:?}", lost.warnings);
}

/// What a recorded archive lost, word by word.
fn lost(file: &str) -> Vec<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peers").join(file);
    let inspection = pipeline::Inspection { files: vec![path], ..pipeline::Inspection::default() };
    let report = pipeline::inspect(&inspection, &mut |_| {}).unwrap();
    assert!(report.flows.iter().any(|flow| flow.blind.iter().any(|spot| spot.why.name() == "lossy")), "{file}");
    report.inputs[0].notes.clone()
}

/// Recorded archives lose bodies without saying so; their headers give it away.
#[test]
fn recorded_archives_tell_what_they_lost() {
    let of = |entry: u32, whose: &str| format!("entry {entry}: the body of the {whose}");
    // Bodies that the proxy passed on unread.
    assert_eq!(lost("mitmproxy_har.har"), [of(7, "request"), of(7, "response")]);
    // Half a surrogate pair, an upload, bytes that are no text.
    let replaced = "entry 3: bytes of a body became replacement characters".to_owned();
    assert_eq!(lost("chromium_playwright.har"), [replaced.clone(), of(5, "request"), of(6, "request")]);
    let devtools = lost("chromium_devtools.har");
    for told in [of(1, "response"), of(3, "response"), replaced] {
        assert!(devtools.contains(&told), "{told}: {devtools:?}");
    }
}
