//! From paths to judged scenarios: the one place where the command line meets the pipeline.

use crate::cli::args::InspectArgs;
use crate::cli::run::hint;
use crate::cli::terminal::Terminal;
use crate::model::report::ScenarioReport;
use crate::model::scenario::{Parties, Planted, Scenario};
use crate::pipeline::{self, Inspection, RunError};
use crate::scenario::{self, Problems, Warning};
use crate::verdict::promise;
use std::path::Path;

/// Why a scenario could not be judged.
pub(super) enum Failure {
    /// Its file is wrong.
    Broken(Problems),
    /// Its evidence cannot be opened at all.
    Evidence(RunError),
    /// What is wrong, in words.
    Words(String),
}

impl Failure {
    /// Says so on stderr.
    pub(super) fn tell(&self, terminal: &mut Terminal) {
        match self {
            Self::Broken(problems) => {
                let styled = terminal.styled_errors;
                terminal.rendered(&problems.render(styled));
            }
            Self::Evidence(error) => terminal.error(&error.to_string()),
            Self::Words(words) => terminal.error(words),
        }
    }
}

/// Reads a scenario's file.
pub(super) fn load(path: &Path) -> Result<(Scenario, Vec<Warning>), Failure> {
    if let Some(words) = hint(path) {
        return Err(Failure::Words(words));
    }
    scenario::load(path, &promise::names()).map_err(Failure::Broken)
}

/// Judges a scenario.
pub(super) fn judge(path: &Path, quiet: bool, terminal: &mut Terminal) -> Result<ScenarioReport, Failure> {
    let (scenario, warnings) = load(path)?;
    let mut report = pipeline::run(&scenario, &mut |at| {
        if !quiet {
            terminal.progress(at.file, at.done, at.total);
        }
    })
    .map_err(Failure::Evidence)?;
    terminal.clear();
    report.warnings.splice(0..0, warnings.iter().map(warning));
    Ok(report)
}

/// Inspects evidence without a scenario.
pub(super) fn inspect(args: &InspectArgs, terminal: &mut Terminal) -> Result<ScenarioReport, Failure> {
    let planted = args
        .plant
        .iter()
        .map(|(data, value)| Planted { id: data.name().to_owned(), data: *data, value: value.clone() })
        .collect();
    let inspection = Inspection {
        files: args.files.clone(),
        keys: args.keys.clone(),
        protos: args.protos.clone(),
        sockets: args.sockets.clone(),
        hooks: args.hooks.clone(),
        planted,
        parties: Parties { provider: args.provider.clone(), third: Vec::new() },
    };
    let quiet = args.output.no_progress || args.output.quiet;
    let mut report = pipeline::inspect(&inspection, &mut |at| {
        if !quiet {
            terminal.progress(at.file, at.done, at.total);
        }
    })
    .map_err(Failure::Evidence)?;
    terminal.clear();
    let wide = args.provider.iter().filter_map(|rule| Some(format!("--provider {rule} {}", rule.too_wide()?)));
    report.warnings.splice(0..0, wide);
    Ok(report)
}

/// A warning as a report says it: the same wherever the scenario lies.
fn warning(warning: &Warning) -> String {
    let problem = warning.problem();
    let place = problem.position().map_or_else(String::new, |(line, _)| format!("line {line} of scenario.toml: "));
    let help = problem.suggestion().map_or_else(String::new, |help| format!("; {help}"));
    format!("{place}{}{help}", problem.message())
}
