//! What every report format renders: sorted, complete, without presentation.

use crate::model::evidence::Input;
use crate::model::exposure::Exposure;
use crate::model::flow::Flow;
use crate::model::pair::Compared;
use crate::model::scenario::{App, Parties, Planted};
use crate::model::sighting::Sighting;
use crate::model::verdict::{Coverage, Judged};
use crate::model::weakness::Weakness;

/// One run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One for each scenario, in the order named; an `inspect` has exactly one.
    pub scenarios: Vec<ScenarioReport>,
}

/// One scenario, judged; or evidence, inspected.
#[derive(Clone, Debug, Default)]
pub struct ScenarioReport {
    /// Its folder's name.
    pub id: String,
    /// The app.
    pub app: App,
    /// Who is who.
    pub parties: Parties,
    /// What was planted.
    pub planted: Vec<Planted>,
    /// The claims, judged, in file order; none when inspected.
    pub claims: Vec<Judged>,
    /// Every sighting, in order.
    pub sightings: Vec<Sighting>,
    /// Encryption that is provably poor, in order.
    pub weaknesses: Vec<Weakness>,
    /// What pairs of runs show, in file order.
    pub pairs: Vec<Compared>,
    /// Every conversation, in order.
    pub flows: Vec<Flow>,
    /// What the dumps expose; `None` without any.
    pub exposure: Option<Exposure>,
    /// How much of everything could be read.
    pub coverage: Coverage,
    /// The evidence, with digests.
    pub inputs: Vec<Input>,
    /// What the auditor should know: unused planted values, missing sources, budgets that bit.
    pub warnings: Vec<String>,
    /// Secrets that were supplied for whatever they may open, each once.
    pub secrets: u64,
    /// Evidence was inspected without a scenario.
    pub inspected: bool,
    /// The words of the command that inspected it, after the program's name; none for a scenario.
    pub command: Vec<String>,
}
