//! `plainsight run`: judges scenarios one after the other; a broken one does not keep the others from being judged.

use crate::cli::args::RunArgs;
use crate::cli::engine;
use crate::cli::exit;
use crate::cli::output::Output;
use crate::cli::terminal::Terminal;
use crate::model::verdict::VerdictKind;
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
            Ok(report) => output.scenario(report, terminal)?,
            Err(failure) => {
                failed = true;
                failure.tell(terminal);
            }
        }
    }
    output.finish(terminal)?;
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
        if path.join(FILE).is_file() {
            found.push(path);
        }
    }
    if found.is_empty() {
        bail!("no folder in `{FOLDER}/` holds a {FILE}: name one, or make one with `plainsight new NAME`");
    }
    found.sort();
    Ok(found)
}

/// A bare name that is no path from here may be that of a scenario in the usual place.
fn resolve(path: &Path) -> PathBuf {
    let usual = Path::new(FOLDER).join(path);
    let bare = path.components().count() == 1;
    if bare && !path.exists() && usual.join(FILE).is_file() { usual } else { path.to_owned() }
}

/// What to do when a folder is named that holds scenarios rather than being one.
pub(super) fn hint(path: &Path) -> Option<String> {
    if !path.is_dir() || path.join(FILE).exists() {
        return None;
    }
    let inner = fs::read_dir(path).ok()?.filter_map(Result::ok);
    let holds = inner.filter(|entry| entry.path().join(FILE).is_file()).count();
    (holds > 0)
        .then(|| format!("`{}` holds scenarios and is none: name them, as in {}/*", path.display(), path.display()))
}
