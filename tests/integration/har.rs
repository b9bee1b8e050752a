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
