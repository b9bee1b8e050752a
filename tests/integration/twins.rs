//! The same conversation in several captures counts once, whatever else each of them lacks, and in whatever order they
//! are given.

use plainsight::model::report::ScenarioReport;
use plainsight::model::verdict::VerdictKind;
use plainsight::{pipeline, scenario, verdict};
use plainsight_traffic::edit;
use plainsight_traffic::file::PcapNg;
use plainsight_traffic::packet::Packet;
use plainsight_traffic::story::Story;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const STORIES: u64 = 10;

fn report(toml: &str, captures: &[(&str, Vec<u8>)]) -> ScenarioReport {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("scenario.toml"), toml).unwrap();
    for (name, bytes) in captures {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap_or_else(|e| panic!("{e}"));
    pipeline::run(&scenario, &mut |_| {}).unwrap()
}

fn verdicts(report: &ScenarioReport) -> BTreeMap<String, VerdictKind> {
    report.claims.iter().map(|judged| (judged.claim.id.clone(), judged.verdict)).collect()
}

/// What was seen and how often, apart from where.
fn seen(report: &ScenarioReport) -> BTreeMap<(String, Option<String>, String, String), usize> {
    let mut seen = BTreeMap::new();
    for s in &report.sightings {
        let what = (s.data.name().to_owned(), s.planted.clone(), s.form.clone(), s.place.trail.join(" > "));
        *seen.entry(what).or_default() += 1;
    }
    seen
}

/// The flows, apart from where and when they were captured.
fn flows(report: &ScenarioReport) -> BTreeSet<String> {
    let flow = |f: &plainsight::model::flow::Flow| {
        let (key, bytes, read, blind) = (f.key, f.bytes, f.read_in_full, &f.blind);
        format!("{key:?} {:?} {} {} {bytes:?} {read:?} {:?} {blind:?}", f.host, f.protocol, f.decrypted, f.messages)
    };
    report.flows.iter().map(flow).collect()
}

fn both(story: &Story, a: Vec<u8>, b: Vec<u8>) -> ScenarioReport {
    let toml = format!("{}\n[[capture]]\npath = \"b.pcapng\"\n", story.scenario("a.pcapng"));
    report(&toml, &[("a.pcapng", a), ("b.pcapng", b)])
}

fn file(packets: &[Packet], keys: &str) -> Vec<u8> {
    PcapNg::new().secrets_first(keys).write(packets)
}

/// By a clock that is three quarters of a second ahead.
fn elsewhere(packets: &[Packet]) -> Vec<Packet> {
    edit::shift(packets, 750_000_000)
}

#[test]
fn a_copy_of_a_capture_changes_nothing() {
    for seed in 0..STORIES {
        let story = Story::new(seed);
        let (packets, keys) = (&story.capture.packets, &*story.capture.key_log);
        let alone = report(&story.scenario("a.pcapng"), &[("a.pcapng", file(packets, keys))]);
        let copy = elsewhere(&edit::split_randomly(packets, seed));
        for (what, a, b) in [
            ("both with keys", file(packets, keys), file(&copy, keys)),
            ("keys in the first", file(packets, keys), file(&copy, "")),
            ("keys in the second", file(packets, ""), file(&copy, keys)),
        ] {
            let joined = both(&story, a.clone(), b.clone());
            assert_eq!(verdicts(&joined), verdicts(&alone), "seed {seed}, {what}");
            assert_eq!(seen(&joined), seen(&alone), "seed {seed}, {what}");
            assert_eq!(flows(&joined), flows(&alone), "seed {seed}, {what}");
            assert_eq!(joined.coverage.bytes, alone.coverage.bytes, "seed {seed}, {what}");
            assert!(joined.flows.iter().all(|flow| flow.also.len() == 1), "seed {seed}, {what}");
            let swapped = both(&story, b, a);
            assert_eq!(verdicts(&swapped), verdicts(&joined), "seed {seed}, {what}: swapped");
            assert_eq!(seen(&swapped), seen(&joined), "seed {seed}, {what}: swapped");
            assert_eq!(flows(&swapped), flows(&joined), "seed {seed}, {what}: swapped");
        }
    }
}

#[test]
fn a_damaged_copy_takes_nothing_away_and_two_damaged_ones_make_nothing_better() {
    for seed in 0..STORIES {
        let story = Story::new(seed);
        let (packets, keys) = (&story.capture.packets, &*story.capture.key_log);
        let alone = report(&story.scenario("a.pcapng"), &[("a.pcapng", file(packets, keys))]);
        let half = packets.len() / 2;
        for (what, copy) in [
            ("cut at its end", edit::cut_end(packets, half)),
            ("begun later", packets[half..].to_vec()),
            ("with losses", edit::lose_randomly(packets, seed, 4)),
            ("cut frames", edit::snap(packets, 120)),
        ] {
            let joined = both(&story, file(packets, keys), file(&elsewhere(&copy), ""));
            assert_eq!(verdicts(&joined), verdicts(&alone), "seed {seed}, {what}");
            assert_eq!(seen(&joined), seen(&alone), "seed {seed}, {what}");
            assert_eq!(joined.flows.len(), alone.flows.len(), "seed {seed}, {what}");
            // The same damage twice, apart: what either shows is kept, and nothing is better than it was whole.
            let other = file(&edit::lose_randomly(packets, seed + 1, 4), keys);
            let damaged = both(&story, file(&copy, keys), other.clone());
            let one = report(&story.scenario("a.pcapng"), &[("a.pcapng", file(&copy, keys))]);
            let planted = |report: &ScenarioReport| -> BTreeSet<Option<String>> {
                report.sightings.iter().map(|sighting| sighting.planted.clone()).collect()
            };
            assert!(planted(&damaged).is_superset(&planted(&one)), "seed {seed}, {what}");
            for (id, verdict) in verdicts(&damaged) {
                let whole = verdicts(&alone)[&id];
                let better = verdict == VerdictKind::Consistent && whole != VerdictKind::Consistent;
                assert!(!better, "seed {seed}, {what}: {id} was {whole:?} and is {verdict:?}");
            }
        }
    }
}

/// Small bundled scenarios, each with a second copy of every capture: no verdict moves, and above all no payload that came twice
/// makes a cipher look as if it repeated itself.
#[test]
fn bundled_scenarios_stand_with_every_capture_given_twice() {
    let mut tried = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")).unwrap() {
        let source = entry.unwrap().path();
        let (alone, _) = scenario::load(&source, &verdict::promise::names()).unwrap();
        // The small ones are judged by the same code as the large ones, in a tenth of the time.
        let bytes: u64 = alone.captures.iter().map(|capture| fs::metadata(&capture.path).unwrap().len()).sum();
        if alone.captures.is_empty() || bytes > 30_000 {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut toml = fs::read_to_string(source.join("scenario.toml")).unwrap();
        for file in fs::read_dir(&source).unwrap() {
            let file = file.unwrap().path();
            if file.is_file() {
                fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
            }
        }
        for capture in &alone.captures {
            let copy = format!("copy-of-{}", capture.name.replace('/', "-"));
            fs::copy(&capture.path, folder.path().join(&copy)).unwrap();
            let _ = write!(toml, "\n[[capture]]\npath = \"{copy}\"\n");
        }
        fs::write(folder.path().join("scenario.toml"), toml).unwrap();
        let before = pipeline::run(&alone, &mut |_| {}).unwrap();
        let (twice, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap();
        let after = pipeline::run(&twice, &mut |_| {}).unwrap();
        let name = source.display();
        assert_eq!(verdicts(&after), verdicts(&before), "{name}");
        assert_eq!(seen(&after), seen(&before), "{name}");
        assert_eq!(after.weaknesses.len(), before.weaknesses.len(), "{name}");
        assert_eq!(after.flows.len(), before.flows.len(), "{name}");
        tried += 1;
    }
    assert!(tried >= 3);
}
