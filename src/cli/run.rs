//! `plainsight run`: judges scenarios one after the other; a broken one does not keep the others from being judged.

use crate::capture::{self, Wanted};
use crate::cli::args::RunArgs;
use crate::cli::engine;
use crate::cli::exit;
use crate::cli::output::Output;
use crate::cli::terminal::Terminal;
use crate::model::verdict::VerdictKind;
use crate::scenario::problem::nearest;
use anyhow::{Context as _, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// Where scenarios are when none is named.
const FOLDER: &str = "scenarios";
/// What a scenario's file is called.
const FILE: &str = "scenario.toml";

pub(super) fn run(args: &RunArgs, terminal: &mut Terminal) -> anyhow::Result<u8> {
    let mut output = Output::new(&args.output, Some(&args.report));
    let mut failed = false;
    for path in scenarios(&args.scenarios)? {
        match engine::judge(&path, args.output.no_progress || args.output.quiet, terminal) {
            Ok(report) => output.scenario(report, terminal),
            Err(failure) => {
                failed = true;
                failure.tell(terminal);
            }
        }
    }
    output.finish(terminal);
    let claims = output.finished().scenarios.iter().flat_map(|scenario| &scenario.claims);
    let verdicts: Vec<VerdictKind> = claims.map(|judged| judged.verdict).collect();
    Ok(exit::code(verdicts, failed || output.failed, args.strict))
}

/// The scenarios named, or all there are, by name.
pub(super) fn scenarios(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    if !named.is_empty() {
        return Ok(named.iter().map(|path| resolve(path)).collect());
    }
    let what =
        || format!("failed to look for scenarios in `{FOLDER}/`: name one, or make one with `plainsight new NAME`");
    let mut found = Vec::new();
    for entry in fs::read_dir(FOLDER).with_context(what)? {
        let path = entry.with_context(what)?.path();
        // What is meant as a scenario and is none fails to load, with the reason: passed over it would be a pass.
        if path.join(FILE).is_file() || is_meant(&path) {
            found.push(path);
        }
    }
    if found.is_empty() {
        bail!("no folder in `{FOLDER}/` holds a {FILE}: name one, or make one with `plainsight new NAME`");
    }
    found.sort();
    Ok(found)
}

/// Files of a folder that are looked at to tell whether it is meant as a scenario.
const LOOKED_AT: usize = 1_000;

/// Whether a folder without a scenario's file was meant to have one: something in it is called nearly that, or is
/// traffic, or an export with a tell-tale ending, or a scenario in its turn.
fn is_meant(folder: &Path) -> bool {
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    if hidden(folder) || !folder.is_dir() {
        return false;
    }
    let Ok(entries) = fs::read_dir(folder) else { return true };
    let mut files = entries.filter_map(Result::ok).take(LOOKED_AT).map(|entry| entry.path());
    files.any(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let stem = name.trim_end_matches(".gz").trim_end_matches(".zst");
        let ending = stem.rsplit_once('.').map_or("", |(_, ending)| ending);
        ending == "toml"
            || is_nearly(&name)
            || EVIDENCE.contains(&ending)
            || path.join(FILE).is_file()
            || (path.is_file() && capture::survey(&path, Wanted::Capture).is_ok())
    })
}

/// How the names of stored evidence end, whose content anything could have.
const EVIDENCE: [&str; 4] = ["ndjson", "jsonl", "sql", "bson"];

/// Whether a name is that of a scenario's file but for its case, a slip or two, or an ending.
fn is_nearly(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains(FILE) || strsim::damerau_levenshtein(&name, FILE) <= 2
}

/// A file in a folder without a scenario's file that is called nearly like one.
fn misnamed(folder: &Path) -> Option<String> {
    let names = fs::read_dir(folder).ok()?.filter_map(Result::ok).take(LOOKED_AT);
    let mut names: Vec<String> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names.into_iter().find(|name| is_nearly(name))
}

/// A bare name that is no path from here may be that of a scenario in the usual place.
fn resolve(path: &Path) -> PathBuf {
    let usual = Path::new(FOLDER).join(path);
    let bare = path.components().count() == 1;
    if bare && !path.exists() && usual.join(FILE).is_file() { usual } else { path.to_owned() }
}

/// What to do when a folder is named that holds scenarios rather than being one, or whose file has another name.
pub(super) fn hint(path: &Path) -> Option<String> {
    if !path.exists() {
        return near(path);
    }
    if !path.is_dir() || path.join(FILE).exists() {
        return None;
    }
    if let Some(name) = misnamed(path) {
        return Some(format!("`{}` has no {FILE}, but `{name}`: call it {FILE}", path.display()));
    }
    let inner = fs::read_dir(path).ok()?.filter_map(Result::ok);
    let holds = inner.filter(|entry| entry.path().join(FILE).is_file()).count();
    (holds > 0)
        .then(|| format!("`{}` holds scenarios and is none: name them, as in {}/*", path.display(), path.display()))
}

/// The scenario that a name stands for but for a slip.
fn near(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(FOLDER));
    let names: Vec<String> = fs::read_dir(folder)
        .ok()?
        .filter_map(Result::ok)
        .take(LOOKED_AT)
        .filter(|entry| entry.path().join(FILE).is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let near = nearest(path.file_name()?.to_str()?, &names)?;
    Some(format!("there is no `{}`; did you mean `{}`?", path.display(), folder.join(near).display()))
}
