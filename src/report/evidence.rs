//! What was planted, the files, and the command that makes the page again.

use crate::model::evidence::Input;
use crate::model::report::ScenarioReport;
use crate::model::time::Timestamp;
use crate::report::words::{self, count, size, thousands};
use serde::Serialize;
use std::collections::BTreeMap;

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
    frames: String,
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
    let times = [input.first_seen, input.last_seen].map(|at| at.and_then(|at| words::moment(Timestamp(at))));
    InputRow {
        name: input.name.clone(),
        format: input.format.clone(),
        size: size(input.bytes),
        frames: thousands(input.frames),
        sha256: input.sha256.clone(),
        period: match times {
            [Some(first), Some(last)] => Some(format!("{first} – {last}")),
            _ => None,
        },
        damaged: input.stopped.is_some(),
        state: input.stopped.clone().unwrap_or_else(|| "read to its end".to_owned()),
        notes,
    }
}

pub(crate) fn command(scenario: &ScenarioReport) -> String {
    if !scenario.inspected {
        return format!("plainsight run {}", quoted(&format!("scenarios/{}", scenario.id)));
    }
    let files: Vec<String> = scenario.inputs.iter().map(|input| quoted(&input.name)).collect();
    let plants = scenario.planted.iter().map(|p| format!(" --plant {}", quoted(&format!("{}={}", p.data, p.value))));
    format!("plainsight inspect {}{}", files.join(" "), plants.collect::<String>())
}

/// A word for a POSIX shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/+:@%".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_cannot_become_commands() {
        for (name, want) in [
            ("capture.pcapng", "capture.pcapng"),
            ("a b", "'a b'"),
            ("-rf", "'-rf'"),
            ("it's; rm -rf ~", r"'it'\''s; rm -rf ~'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(name), want);
        }
    }
}
