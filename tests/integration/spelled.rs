//! What a keyboard sends a key press at a time is found, over the messages of a connection.

use plainsight::model::report::ScenarioReport;
use plainsight::model::scenario::Planted;
use plainsight::model::taxonomy::Data;
use plainsight::pipeline::{self, Inspection};
use plainsight_traffic::{Capture, Exchange, http};
use std::fs;

const TEXT: &str = "The heron lands at dusk";

fn inspect(bodies: &[String], path: &dyn Fn(usize) -> String) -> ScenarioReport {
    let exchanges: Vec<Exchange> = bodies
        .iter()
        .enumerate()
        .map(|(index, body)| {
            let request = http::post("keys.example", &path(index), "application/json", body.as_bytes());
            Exchange::new(request, http::ok("application/json", b"{}"))
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.pcapng");
    fs::write(&file, Capture::new(7).tls_http("keys.example", "203.0.113.9", &exchanges).pcapng()).unwrap();
    let planted = vec![Planted { id: "heron".into(), data: Data::Messages, value: TEXT.into() }];
    let inspection = Inspection { files: vec![file], planted, ..Inspection::default() };
    pipeline::inspect(&inspection, &mut |_| {}).unwrap()
}

fn press(key: &str, at: usize) -> String {
    format!(r#"{{"app":"chat","t":{},"event":{{"type":"keydown","key":"{key}"}}}}"#, 1_790_000_000 + at)
}

#[test]
fn key_presses_of_a_connection_are_put_together() {
    // A wrong letter is typed and taken back.
    let mut keys: Vec<String> = TEXT.chars().map(String::from).collect();
    keys.splice(4..4, ["g".to_owned(), "Backspace".to_owned()]);
    keys.insert(0, "Shift".to_owned());
    let bodies: Vec<String> = keys.iter().enumerate().map(|(at, key)| press(key, at)).collect();
    let report = inspect(&bodies, &|index| format!("/v1/event/{index}"));
    let [seen] = report.sightings.as_slice() else { panic!("{:#?}", report.sightings) };
    assert_eq!((seen.form.as_str(), seen.planted.as_deref()), ("piece by piece", Some("heron")));
    // Each letter is in a frame of its own; the spaces are no part of what is compared.
    let letters = TEXT.chars().filter(|letter| letter.is_alphanumeric()).count();
    assert_eq!(seen.place.frames.len(), letters, "{:?}", seen.place.frames);
    assert!(seen.reason.contains("piece by piece"), "{}", seen.reason);
    assert!(seen.place.trail.join(" > ").contains("event.key"), "{:?}", seen.place.trail);
}

#[test]
fn other_texts_of_the_same_letters_are_not_taken_for_it() {
    for text in ["The heron often lands at dusk", "The heron land sat dawn", "eht noreh sdnal ta ksud"] {
        let bodies: Vec<String> = text.chars().enumerate().map(|(at, key)| press(&key.to_string(), at)).collect();
        let report = inspect(&bodies, &|_| "/v1/event".to_owned());
        assert_eq!(report.sightings.len(), 0, "{text}: {:#?}", report.sightings);
    }
}

#[test]
fn a_value_that_one_message_holds_is_told_once_for_each_message() {
    let bodies = vec![press(TEXT, 1), press(TEXT, 2)];
    let report = inspect(&bodies, &|_| "/v1/event".to_owned());
    let forms: Vec<&str> = report.sightings.iter().map(|seen| seen.form.as_str()).collect();
    assert_eq!(forms, ["as-typed"; 2]);
}
