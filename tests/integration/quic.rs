//! The laws of judging over QUIC as others speak it: what is taken away from a recording never helps a claim.

use crate::peers::packets;
use plainsight::model::report::ScenarioReport;
use plainsight::model::verdict::VerdictKind;
use plainsight::{pipeline, scenario, verdict};
use plainsight_traffic::edit;
use plainsight_traffic::file::PcapNg;
use plainsight_traffic::packet::Packet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peers").join(name)
}

/// Judged as sent to the vendor, and as sent to somebody else.
fn judge(packets: &[Packet], key_log: &str, value: &str, provider: &str) -> ScenarioReport {
    let folder = tempfile::tempdir().unwrap();
    let claims = ["encrypted-in-transit", "end-to-end-encrypted", "not-collected", "not-shared-with-third-parties"];
    let mut toml = format!(
        "[app]\nname = \"Chatterly\"\n[parties]\nprovider = [\"{provider}\"]\n\
         [[planted]]\nid = \"text\"\ndata = \"messages\"\nvalue = \"{value}\"\n\
         [[capture]]\npath = \"a.pcapng\"\n"
    );
    for claim in claims {
        writeln!(toml, "[[claim]]\nid = \"{claim}\"\ntext = \"x\"\npromise = \"{claim}\"\ndata = [\"messages\"]")
            .unwrap();
    }
    fs::write(folder.path().join("scenario.toml"), toml).unwrap();
    fs::write(folder.path().join("a.pcapng"), PcapNg::new().secrets_first(key_log).write(packets)).unwrap();
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap_or_else(|e| panic!("{e}"));
    pipeline::run(&scenario, &mut |_| {}).unwrap()
}

fn assert_no_better(what: &str, before: &ScenarioReport, after: &ScenarioReport) {
    for (was, is) in before.claims.iter().zip(&after.claims) {
        let allowed = is.verdict <= was.verdict || is.verdict == VerdictKind::Inconclusive;
        assert!(
            allowed,
            "{what}: `{}` went from {:?} to {:?}\nbefore: {}\nafter: {}",
            was.claim.id, was.verdict, is.verdict, was.reason, is.reason
        );
    }
}

#[test]
fn what_is_taken_away_from_quic_never_helps() {
    for (name, value) in [("quic_go", "The heron lands at dusk"), ("quic", "The bittern booms early")] {
        let all = packets(&recording(&format!("{name}.pcapng")));
        let key_log = fs::read_to_string(recording(&format!("{name}.keys"))).unwrap();
        for provider in if name == "quic" { &["chat.example"][..] } else { &["chat.example", "elsewhere.example"] } {
            let before = judge(&all, &key_log, value, provider);
            assert!(before.claims.iter().any(|judged| judged.verdict == VerdictKind::Contradicted), "{name}");
            let check = |what: &str, packets: &[Packet], key_log: &str| {
                let after = judge(packets, key_log, value, provider);
                assert_no_better(&format!("{name}, {provider}, {what}"), &before, &after);
            };
            for n in 0..all.len() {
                // One by one, and four at a time.
                let without = |from: usize, to: usize| -> Vec<Packet> {
                    all.iter()
                        .enumerate()
                        .filter(|(i, _)| *i < from || *i >= to)
                        .map(|(_, packet)| packet.clone())
                        .collect()
                };
                check(&format!("without packet {n}"), &without(n, n + 1), &key_log);
                if n % 4 == 0 {
                    check(&format!("without packets {n} to {}", n + 3), &without(n, n + 4), &key_log);
                }
            }
            // What ends before the connection began leaves no trace of it.
            let frames = before.sightings.iter().flat_map(|sighting| &sighting.place.frames);
            let first = usize::try_from(*frames.min().unwrap()).unwrap();
            for tenth in 1..10 {
                let end = all.len() * tenth / 10;
                if end < first {
                    continue;
                }
                check(&format!("cut behind packet {end}"), &edit::cut_end(&all, end), &key_log);
            }
            for n in 0..key_log.lines().count() {
                let left = key_log.lines().enumerate().filter(|(i, _)| *i != n).map(|(_, line)| line);
                check(&format!("without line {n} of the key log"), &all, &left.collect::<Vec<_>>().join("\n"));
            }
            check("without keys", &all, "");
        }
    }
}
