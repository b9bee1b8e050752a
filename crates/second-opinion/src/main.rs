//! A second opinion: every bundled capture, recorded session and generated one is decoded by plainsight and by tshark,
//! and what either reads is looked for in what the other reads: streams byte for byte, message by message, decrypted payloads included.
//!
//! `cargo run -p plainsight-second-opinion [NAME…]`. Differences that are known are listed with their reason in
//! `explained.toml`; one that is not there, or one there that is gone, fails. Without tshark it says so and passes.

mod compare;
mod generated;
mod ours;
mod recordings;
mod theirs;

use anyhow::{Context as _, Result};
use compare::Difference;
use recordings::Recording;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// `explained.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// What tshark must be told of a recording, because it goes by ports.
    #[serde(default)]
    told: Vec<Told>,
    /// Differences with their reason.
    #[serde(default)]
    explained: Vec<Explained>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    /// Recordings whose name begins so.
    recording: String,
    /// Arguments: `-d tcp.port==8080,http2`.
    arguments: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Explained {
    /// Recordings whose name begins so; all without it.
    #[serde(default)]
    recording: String,
    /// What differs: the difference's name begins so.
    what: String,
    /// The value itself, where not all of the name is explained.
    value: Option<String>,
    /// Why, and who is right.
    #[expect(dead_code, reason = "for people")]
    why: String,
}

fn main() -> Result<ExitCode> {
    let mut out = io::stdout().lock();
    let Some(version) = theirs::version() else {
        writeln!(out, "tshark is not installed: no second opinion")?;
        return Ok(ExitCode::SUCCESS);
    };
    let known: Known = toml::from_str(include_str!("../explained.toml")).context("explained.toml")?;
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let folder = tempfile::tempdir()?;
    writeln!(out, "{version}\n")?;
    writeln!(
        out,
        "| recording | streams | their bytes | pieces of ours | values of theirs | explained | unexplained |"
    )?;
    writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    let mut used = BTreeSet::new();
    let mut unexplained: Vec<(String, Difference)> = Vec::new();
    let mut recordings = recordings::all(folder.path())?;
    recordings.extend(generated::all(folder.path())?);
    recordings.retain(|recording| asked.is_empty() || asked.iter().any(|name| recording.name.contains(name)));
    for (recording, outcome) in recordings.iter().zip(compare_all(&recordings, &known)) {
        let (differences, tally) = outcome?;
        let all = differences.len();
        let mut open = 0;
        for difference in differences {
            let reason = known.explained.iter().position(|explained| {
                recording.name.starts_with(&explained.recording)
                    && difference.what.starts_with(&explained.what)
                    && explained.value.as_ref().is_none_or(|value| difference.is(value))
            });
            if let Some(index) = reason {
                used.insert(index);
            } else {
                open += 1;
                unexplained.push((recording.name.clone(), difference));
            }
        }
        let compare::Tally { streams, stream_bytes, pieces, values } = tally;
        let (name, explained) = (&recording.name, all - open);
        writeln!(out, "| {name} | {streams} | {stream_bytes} | {pieces} | {values} | {explained} | {open} |")?;
    }
    let mut fine = true;
    for (recording, Difference { what, only, bytes }) in &unexplained {
        fine = false;
        writeln!(out, "{recording}: {what}: only {only}: {bytes}")?;
    }
    if asked.is_empty() {
        for (_, stale) in known.explained.iter().enumerate().filter(|(index, _)| !used.contains(index)) {
            fine = false;
            writeln!(out, "explained.toml: {:?} {:?} differs no more", stale.recording, stale.what)?;
        }
    }
    // The reasons were written for one release: another one knows other protocols, and is told of, not failed by.
    let explained_for = version.contains(" 4.0.");
    if !fine && !explained_for {
        writeln!(
            out,
            "explained.toml was written for TShark 4.0: what differs with this one is for people to look at"
        )?;
    }
    Ok(if fine || !explained_for { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What differs in one recording, and how much was compared.
type Outcome = Result<(BTreeSet<Difference>, compare::Tally)>;

/// Reads every recording twice, as many at a time as there are cores.
fn compare_all(recordings: &[Recording], known: &Known) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                while let index = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(recording) = recordings.get(index)
                {
                    let outcome = compare_one(recording, known);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

fn compare_one(recording: &Recording, known: &Known) -> Outcome {
    let told: Vec<String> = (known.told.iter())
        .filter(|told| recording.name.starts_with(&told.recording))
        .flat_map(|told| told.arguments.clone())
        .collect();
    let keys: Vec<_> = recording.keys.iter().cloned().collect();
    let ours = ours::read(&recording.path, &keys)?;
    let theirs = theirs::read(&recording.path, recording.keys.as_deref(), &told)
        .with_context(|| format!("tshark on {}", recording.name))?;
    Ok(compare::compare(&ours, &theirs))
}
