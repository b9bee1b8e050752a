//! What was planted, the files, and the command that makes the page again.

use crate::model::evidence::Input;
use crate::model::report::ScenarioReport;
use crate::model::time::Timestamp;
use crate::report::View;
use crate::report::words::{self, count, is_unprintable, size, thousands};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

#[derive(Debug, Serialize)]
pub(crate) struct Planted {
    id: String,
    data: &'static str,
    value: String,
    seen: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct InputRow {
    name: String,
    format: String,
    size: String,
    /// How many frames, entries or records it holds; `None` of what holds none of those.
    frames: Option<String>,
    sha256: String,
    period: Option<String>,
    state: String,
    damaged: bool,
    notes: Vec<String>,
}

pub(crate) fn planted(scenario: &ScenarioReport) -> Vec<Planted> {
    let mut times: BTreeMap<&str, u64> = BTreeMap::new();
    for sighting in &scenario.sightings {
        if let Some(id) = &sighting.planted {
            *times.entry(id.as_str()).or_default() += 1;
        }
    }
    (scenario.planted.iter())
        .map(|planted| Planted {
            id: planted.id.clone(),
            data: planted.data.label(),
            value: planted.value.clone(),
            seen: times.get(planted.id.as_str()).map_or_else(|| "not seen".to_owned(), |n| count(*n, "sighting")),
        })
        .collect()
}

pub(crate) fn input(input: &Input) -> InputRow {
    let mut notes: Vec<String> = Vec::new();
    if input.cut_frames > 0 {
        notes.push(format!("{} cut by the snapshot length", count(input.cut_frames, "frame")));
    }
    notes.extend(input.skipped.iter().map(|(why, n)| format!("{} skipped: {why}", count(*n, "frame"))));
    if input.secrets > 0 {
        notes.push(format!("{} supplied", count(input.secrets, "secret")));
    }
    notes.extend(input.notes.iter().cloned());
    let times = words::moments(&[input.first_seen, input.last_seen].map(|at| Timestamp(at.unwrap_or_default())));
    InputRow {
        name: input.name.clone(),
        format: input.format.clone(),
        size: size(input.bytes),
        frames: match input.bare_format() {
            "keys" | "protos" | "sockets" | "hooks" => None,
            "pcap" | "pcapng" => Some(count(input.frames, "frame")),
            "har" | "mitmproxy" if input.frames != 1 => Some(format!("{} entries", thousands(input.frames))),
            "har" | "mitmproxy" => Some("1 entry".to_owned()),
            "doors" | "banners" => Some(count(input.frames, "answer")),
            _ => Some(count(input.frames, "record")),
        },
        sha256: input.sha256.clone(),
        period: match times.as_slice() {
            [Some(first), Some(last)] => Some(format!("{first} – {last}")),
            _ => None,
        },
        damaged: input.stopped.is_some(),
        state: input.stopped.clone().unwrap_or_else(|| "read to its end".to_owned()),
        notes,
    }
}

/// The command that makes the page again.
pub(crate) fn command(scenario: &ScenarioReport, view: &View) -> String {
    let mut words = vec!["plainsight".to_owned()];
    if scenario.inspected {
        words.extend(scenario.command.iter().map(|word| quoted(word)));
        words.extend(["--report", "reports"].map(str::to_owned));
    } else {
        words.extend(["run".to_owned(), quoted(&format!("scenarios/{}", scenario.id))]);
    }
    if view.reveal {
        words.push("--reveal".to_owned());
    }
    words.join(" ")
}

/// A word for a POSIX shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/+:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    if !word.chars().any(is_unprintable) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    // What a page cannot show as it is stands as the bytes it is made of.
    let mut out = String::from("$'");
    for c in word.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            c if is_unprintable(c) => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(out, "\\{byte:03o}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_cannot_become_commands() {
        for (name, want) in [
            ("capture.pcapng", "capture.pcapng"),
            ("a b", "'a b'"),
            ("two\nlines' \u{202e}", r"$'two\012lines\' \342\200\256'"),
            ("it's; rm -rf ~", r"'it'\''s; rm -rf ~'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(name), want);
        }
    }
}
