//! What recorded calls do to claims about calls: heard in clear, heard where their encryption ends, or not heard.

use plainsight::model::report::ScenarioReport;
use plainsight::model::taxonomy::Data;
use plainsight::{pipeline, scenario, verdict};
use std::fs;
use std::path::{Path, PathBuf};

/// A scenario over one of the peers' recordings: `promise` about call audio, `provider` as it stands in `[parties]`.
fn write(folder: &Path, recording: &str, keys: bool, promise: &str, provider: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peers");
    fs::copy(fixtures.join(format!("{recording}.pcapng")), folder.join("capture.pcapng")).unwrap();
    let mut text = format!(
        "[app]\nname = \"Chatterly\"\n\n[parties]\nprovider = [{provider:?}]\n\n[[claim]]\nid = \"calls\"\ntext = \"Nobody \
         listens\"\nsource = \"https://chatterly.example\"\nseen = 2026-11-02\npromise = {promise:?}\ndata = \
         [\"call-audio\"]\n\n[[capture]]\npath = \"capture.pcapng\"\n"
    );
    if keys {
        fs::copy(fixtures.join(format!("{recording}.keys")), folder.join("keys.log")).unwrap();
        text.push_str("keys = \"keys.log\"\n");
    }
    let path = folder.join("scenario.toml");
    fs::write(&path, text).unwrap();
    path
}

fn run(recording: &str, keys: bool, promise: &str, provider: &str) -> ScenarioReport {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), recording, keys, promise, provider);
    let (scenario, _) = scenario::load(&path, &verdict::promise::names()).unwrap_or_else(|e| panic!("{e}"));
    pipeline::run(&scenario, &mut |_| {}).unwrap()
}

fn verdict_of(recording: &str, keys: bool, promise: &str, provider: &str) -> (String, String) {
    let report = run(recording, keys, promise, provider);
    let judged = report.claims.first().unwrap();
    (judged.verdict.name().to_owned(), judged.reason.clone())
}

#[test]
fn claims_about_calls_come_to_what_their_recordings_show() {
    for (recording, keys, promise, provider, expected) in [
        // Anyone on the path hears it.
        ("wiretap", false, "encrypted-in-transit", "127.20.0.44", "contradicted"),
        ("wiretap", false, "end-to-end-encrypted", "127.20.0.44", "contradicted"),
        // Shut, and nobody can say to whom it opens.
        ("call", false, "end-to-end-encrypted", "127.20.0.43", "inconclusive"),
        // The provider ends the encryption, and hears it.
        ("call", true, "end-to-end-encrypted", "127.20.0.43", "contradicted"),
        // Whoever ends it is nobody listed: it may be the person called.
        ("call", true, "end-to-end-encrypted", "198.51.100.1", "inconclusive"),
    ] {
        let (verdict, reason) = verdict_of(recording, keys, promise, provider);
        assert_eq!(verdict, expected, "{recording} {promise} {keys}: {reason}");
    }
    // Nobody on the path hears a call in SRTP; having its keys must not make that worse.
    for keys in [false, true] {
        let (verdict, reason) = verdict_of("call", keys, "encrypted-in-transit", "127.20.0.43");
        assert_ne!(verdict, "contradicted", "{reason}");
    }
}

#[test]
fn every_way_to_listen_is_a_sighting_with_its_frames() {
    let report = run("wiretap", false, "encrypted-in-transit", "127.20.0.44");
    let heard: Vec<_> = report.sightings.iter().filter(|s| s.data == Data::CallAudio).collect();
    let forms: Vec<&str> = heard.iter().map(|s| s.form.as_str()).collect();
    assert_eq!(forms, ["g711-mu-law", "g711-a-law", "g711-mu-law"]);
    for sighting in &heard {
        assert!(sighting.conclusive && sighting.planted.is_none() && sighting.place.frames.len() == 100);
    }
    assert!(heard.last().unwrap().reason.contains("key that travelled in clear"));
    let report = run("call", true, "encrypted-in-transit", "127.20.0.43");
    assert_eq!(report.sightings.iter().filter(|s| s.data == Data::CallAudio && s.place.secured).count(), 2);
}

/// Somebody's voice leaves the house on the auditor's own call only.
#[test]
fn clips_are_in_reports_that_reveal_and_in_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "wiretap", false, "encrypted-in-transit", "127.20.0.44");
    for reveal in [false, true] {
        let mut command = assert_cmd::Command::cargo_bin("plainsight").unwrap();
        command.current_dir(folder.path()).args(["run", "--no-progress", "--format", "json"]).arg(&path);
        if reveal {
            command.arg("--reveal");
        }
        let output = command.output().unwrap();
        let json = String::from_utf8(output.stdout).unwrap();
        assert_eq!(json.contains("data:audio/wav"), reveal);
        let mut pages = Vec::new();
        let mut folders = vec![folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else if entry.extension().is_some_and(|extension| extension == "html") {
                    pages.push(fs::read_to_string(entry).unwrap());
                }
            }
        }
        let [page] = pages.as_slice() else { panic!("{} pages", pages.len()) };
        assert_eq!(page.contains("<audio controls"), reveal);
        assert_eq!(page.contains("media-src data:"), reveal);
        assert!(reveal || !page.contains("audio/wav"));
    }
}
