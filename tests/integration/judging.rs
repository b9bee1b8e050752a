//! Bundled scenarios and broken ones, judged through the binary.

use crate::cli::{here, run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn bundled(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name).display().to_string()
}

fn document(text: &str) -> Value {
    let document: Value = serde_json::from_str(text).expect("stdout is one JSON document");
    let schema: Value = serde_json::from_str(include_str!("../../schema/report.schema.json")).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let errors: Vec<String> = schema.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    document
}

/// A scenario made by `new`, after `change` to its text.
fn made(folder: &Path, name: &str, change: impl Fn(&str) -> String) -> PathBuf {
    assert_eq!(run(folder, &["new", name]).code, 0);
    let file = folder.join("scenarios").join(name).join("scenario.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, change(&text)).unwrap();
    file
}

#[test]
fn an_upright_app_passes_even_strictly() {
    let here = here();
    let ended = run(here.path(), &["run", "--strict", &bundled("upright")]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    assert!(ended.stdout.contains("consistent") && !ended.stdout.contains("contradicted"));
}

#[test]
fn a_broken_promise_ends_with_one_in_every_format() {
    let here = here();
    for format in ["text", "json", "html"] {
        let ended = run(here.path(), &["run", &bundled("justalk"), "--format", format]);
        assert_eq!((ended.code, ended.stderr.as_str()), (1, ""), "{format}");
    }
}

#[test]
fn json_on_stdout_is_one_document_and_the_same_as_in_the_file() {
    let here = here();
    let ended = run(here.path(), &["run", &bundled("justalk"), "--format", "json"]);
    let printed = document(&ended.stdout);
    let written = fs::read_to_string(here.path().join("reports/justalk/report.json")).unwrap();
    assert_eq!(ended.stdout, written);
    let scenario = &printed["scenarios"][0];
    assert_eq!((scenario["id"].as_str(), scenario["app"]["name"].as_str()), (Some("justalk"), Some("JusTalk")));
    let known: Vec<&Value> = scenario["sightings"].as_array().unwrap().iter().map(|s| &s["id"]).collect();
    for claim in scenario["claims"].as_array().unwrap() {
        let rests = claim["sightings"].as_array().unwrap();
        assert_eq!(claim["verdict"] == "contradicted", !rests.is_empty(), "{claim:#}");
        assert!(rests.iter().all(|id| known.contains(&id)), "{claim:#}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_wherever_it_lies() {
    let (here, there) = (here(), here());
    run(here.path(), &["run", &bundled("justalk")]);
    run(there.path(), &["run", &bundled("justalk"), "--report", "elsewhere"]);
    for file in ["report.html", "report.json"] {
        let one = fs::read(here.path().join("reports/justalk").join(file)).unwrap();
        let other = fs::read(there.path().join("elsewhere/justalk").join(file)).unwrap();
        assert!(one == other, "{file} differs");
    }
}

#[test]
fn a_broken_scenario_does_not_keep_others_from_being_judged() {
    let here = here();
    made(here.path(), "broken", |text| text.replacen("[app]", "[ap]", 1));
    let ended = run(here.path(), &["run", "broken", &bundled("justalk"), "--format", "json"]);
    assert_eq!(ended.code, 2, "two wins over one");
    assert!(ended.stderr.contains("broken/scenario.toml"), "{}", ended.stderr);
    let printed = document(&ended.stdout);
    assert_eq!(printed["scenarios"].as_array().unwrap().len(), 1);
    assert!(here.path().join("reports/justalk/report.html").exists());
}

#[test]
fn what_is_inconclusive_fails_only_strictly() {
    let here = here();
    // A value that nobody sends, and a promise that needs to see it on its way.
    made(here.path(), "silent", |text| {
        text.replacen("The heron lands at dusk", &"nothing of the kind was sent ".repeat(200), 1)
            .replacen("\"encrypted-in-transit\"", "\"end-to-end-encrypted\"", 1)
            .replacen("\"not-shared-with-third-parties\"", "\"end-to-end-encrypted\"", 1)
    });
    let lax = run(here.path(), &["run", "silent"]);
    assert_eq!((lax.code, lax.stderr.as_str()), (0, ""), "{}", lax.stdout);
    assert!(lax.stdout.contains("inconclusive"), "{}", lax.stdout);
    assert_eq!(run(here.path(), &["run", "silent", "--strict"]).code, 3);
    assert_eq!(run(here.path(), &["run", "silent", "--strict", "--format", "html"]).code, 3);
    assert_eq!(run(here.path(), &["run", "silent", &bundled("justalk"), "--strict"]).code, 1, "one wins over three");
}

#[test]
fn a_new_scenario_runs_as_it_is() {
    let here = here();
    made(here.path(), "mine", str::to_owned);
    let ended = run(here.path(), &["run"]);
    assert!(ended.code < 2, "{}", ended.stderr);
    assert_eq!(ended.stderr, "");
    assert!(here.path().join("reports/mine/report.html").exists());
}

#[test]
fn evidence_that_cannot_be_opened_is_named() {
    let here = here();
    fs::write(here.path().join("noise.pcap"), b"this is no capture at all, and never was one").unwrap();
    for file in ["noise.pcap", "missing.pcap"] {
        let ended = run(here.path(), &["inspect", file]);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{file}");
        assert!(ended.stderr.contains(file), "{}", ended.stderr);
    }
}

#[test]
fn inspect_prints_the_same_document_without_claims() {
    let here = here();
    let capture = format!("{}/capture.pcapng", bundled("justalk"));
    let scenario = fs::read_to_string(format!("{}/scenario.toml", bundled("justalk"))).unwrap();
    let scenario: toml::Table = scenario.parse().unwrap();
    let planted = scenario["planted"].as_array().unwrap();
    let text = planted.iter().find(|p| p["data"].as_str() == Some("messages")).unwrap();
    let plant = format!("messages={}", text["value"].as_str().unwrap());
    let args = ["inspect", &capture, "--plant", &plant, "--provider", "justalk.example", "--format", "json"];
    let ended = run(here.path(), &args);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let printed = document(&ended.stdout);
    let scenario = &printed["scenarios"][0];
    assert_eq!(scenario["claims"], Value::Array(Vec::new()));
    let sightings = scenario["sightings"].as_array().unwrap();
    assert!(sightings.iter().any(|s| s["planted"] == "messages" && s["party"] == "provider"), "{sightings:#?}");
    assert!(!here.path().join("reports").exists(), "inspect writes only where it is told to");

    let ended = run(here.path(), &["inspect", &capture, "--report", "out"]);
    assert_eq!(ended.code, 0);
    assert!(here.path().join("out/capture/report.html").exists(), "{}", ended.stdout);
}

#[test]
fn quiet_prints_nothing_but_documents() {
    let here = here();
    let ended = run(here.path(), &["run", "-q", &bundled("upright")]);
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""));
    assert!(!run(here.path(), &["run", "-q", &bundled("upright"), "--format", "json"]).stdout.is_empty());
}

#[test]
fn a_report_folder_that_cannot_be_made_ends_with_two_after_judging() {
    let here = here();
    fs::write(here.path().join("reports"), b"a file in the way").unwrap();
    let ended = run(here.path(), &["run", &bundled("upright")]);
    assert_eq!(ended.code, 2);
    assert!(ended.stdout.contains("consistent") && ended.stderr.contains("report.html"), "{}", ended.stderr);
}
