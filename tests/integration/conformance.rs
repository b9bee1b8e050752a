//! `docs/conformance.md` is written from the registries and the recordings, so that it is true:
//! `PLAINSIGHT_WRITE=1 cargo nextest run conformance` writes it again.

use crate::peers;
use plainsight::capture::format::FORMATS;
use plainsight::field::decoder::DECODERS;
use plainsight::message::protocol::PROTOCOLS;
use plainsight::packet::LINKS;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The source of a registry entry: a file, or a folder of them.
fn source(folder: &str, name: &str) -> Option<String> {
    let stem = name.replace('-', "_");
    let file = format!("{folder}/{stem}.rs");
    let house = format!("{folder}/{stem}");
    [file, house].into_iter().find(|path| root().join(path).exists())
}

fn recordings(sessions: &[peers::Session], name: &str) -> String {
    let names = |s: &&peers::Session| s.stated.protocols.iter().chain(&s.stated.proves).any(|proved| proved == name);
    let found = sessions.iter().filter(names);
    let lines: Vec<String> = found.map(|s| format!("`{}`: {}", s.name, s.stated.peers)).collect();
    lines.join("<br>")
}

fn table() -> String {
    let sessions = peers::sessions();
    let mut out = String::from(
        "# What is supported, and what proves it\n\n\
         Written from the registries and the recordings by the test `conformance` (`PLAINSIGHT_WRITE=1 cargo nextest run \
         conformance` writes it again). The samples of every entry are read whole, split at every byte, truncated and \
         mutated by tests that run over the whole registry; the recordings are sessions of independent implementations, \
         kept with their generators (`crates/traffic/peers`, `crates/traffic/tls`) and read whole, cut into tiny and \
         overlapping segments, reordered, with losses, and cut off at every tenth.\n",
    );
    out.push_str(
        "\n## Protocols\n\n| protocol | what is read | samples | independent recordings |\n| --- | --- | --- | --- |\n",
    );
    for protocol in PROTOCOLS {
        let (name, about, samples) = (protocol.name, protocol.about, protocol.samples.len());
        let recorded = recordings(&sessions, name);
        writeln!(out, "| `{name}` | {about} | {samples} | {recorded} |").unwrap();
    }
    out.push_str("\n## Body formats\n\n| decoder | what is read | samples | independent recordings |\n| --- | --- | --- | --- |\n");
    for decoder in DECODERS {
        let (name, about, samples) = (decoder.name, decoder.about, decoder.samples.len());
        let recorded = recordings(&sessions, name);
        writeln!(out, "| `{name}` | {about} | {samples} | {recorded} |").unwrap();
    }
    out.push_str("\n## Links\n\n| link types | what they are |\n| --- | --- |\n");
    for (numbers, about) in LINKS {
        writeln!(out, "| {numbers} | {about} |").unwrap();
    }
    out.push_str("\n## Evidence\n\n| format | what it is | independent recordings |\n| --- | --- | --- |\n");
    for format in FORMATS {
        let recorded = recordings(&sessions, format.name);
        writeln!(out, "| `{}` | {} | {recorded} |", format.name, format.about).unwrap();
    }
    out.push_str("\n## Recordings\n\n| recording | what happens in it | whose |\n| --- | --- | --- |\n");
    for session in &sessions {
        writeln!(out, "| `{}` | {} | {} |", session.name, session.stated.about, session.stated.peers).unwrap();
    }
    out
}

#[test]
fn conformance_table_is_true() {
    let path = root().join("docs/conformance.md");
    let table = table();
    if std::env::var_os("PLAINSIGHT_WRITE").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == table, "docs/conformance.md is not what the registries say: write it again as its head says");
}

#[test]
fn every_protocol_has_a_source_and_samples() {
    for protocol in PROTOCOLS {
        assert!(source("src/message/protocol", protocol.name).is_some(), "{}: where is it?", protocol.name);
    }
    let sessions = peers::sessions();
    for session in &sessions {
        for name in session.stated.protocols.iter().chain(&session.stated.proves) {
            let known = PROTOCOLS.iter().any(|p| p.name == name)
                || DECODERS.iter().any(|d| d.name == name)
                || FORMATS.iter().any(|f| f.name == name);
            assert!(known, "{}: nothing is called {name}", session.name);
        }
    }
}

/// Protocols without a recording of an independent implementation, each with the reason.
const WITHOUT_RECORDING: &[(&str, &str)] = &[];

#[test]
fn every_protocol_was_spoken_by_somebody_else() {
    let sessions = peers::sessions();
    let proven =
        |name: &str| sessions.iter().any(|s| s.stated.protocols.iter().chain(&s.stated.proves).any(|n| n == name));
    for protocol in PROTOCOLS {
        let excused = WITHOUT_RECORDING.iter().any(|(name, reason)| *name == protocol.name && !reason.is_empty());
        let name = protocol.name;
        assert!(proven(name) || excused, "{name}: no recording of an independent implementation: see CONTRIBUTING.md");
        assert!(!(proven(name) && excused), "{name}: has a recording now, and needs no excuse");
    }
    for (name, _) in WITHOUT_RECORDING {
        assert!(PROTOCOLS.iter().any(|protocol| protocol.name == *name), "{name}: no such protocol");
    }
}
