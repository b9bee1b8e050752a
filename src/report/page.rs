//! What a page shows, put into words and bounded, so that the templates only lay it out.

use crate::model::report::{Report, ScenarioReport};
use crate::model::verdict::VerdictKind;
use crate::report::cards::{self, Cards};
use crate::report::picture::{self, Picture};
use crate::report::words::{self, count, mark};
use crate::report::{View, claims, evidence, exposed, looks, paired, poor, rows, story};
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Debug, Serialize)]
pub(crate) struct Page {
    title: String,
    version: &'static str,
    scenes: Vec<Scene>,
}

/// One scenario.
#[derive(Debug, Serialize)]
struct Scene {
    /// Keeps anchors of several scenarios apart.
    n: usize,
    id: String,
    inspected: bool,
    app: String,
    about: String,
    dated: String,
    outcome: String,
    outcome_class: &'static str,
    tallies: Vec<Tally>,
    claims: Vec<claims::Claim>,
    picture: Option<Picture>,
    sightings: String,
    cards: Vec<cards::Card>,
    aside: Option<String>,
    cards_left: Option<String>,
    weaknesses: Vec<poor::Card>,
    weaknesses_says: String,
    weaknesses_left: Option<String>,
    looks: Option<looks::Looks>,
    pairs: Vec<paired::Runs>,
    filter: cards::Filter,
    flows: Vec<rows::FlowRow>,
    flows_left: Option<String>,
    exposure: Option<exposed::Section>,
    stories: Vec<story::Told>,
    coverage: claims::Covered,
    limits: Vec<claims::Limit>,
    planted: Vec<evidence::Planted>,
    inputs: Vec<evidence::InputRow>,
    warnings: Vec<String>,
    command: String,
}

#[derive(Debug, Serialize)]
struct Tally {
    verdict: &'static str,
    mark: &'static str,
    n: usize,
}

/// Puts a report into words.
pub(crate) fn page(report: &Report, view: &View) -> Page {
    let title = match report.scenarios.as_slice() {
        [one] => words::app(&one.app, &one.id),
        many => count(words::len(many), "scenario"),
    };
    let scenes = report.scenarios.iter().enumerate().map(|(n, scenario)| scene(n, scenario, view)).collect();
    Page { title, version: env!("CARGO_PKG_VERSION"), scenes }
}

fn scene(n: usize, scenario: &ScenarioReport, view: &View) -> Scene {
    let mut cards = Cards::gather(scenario, view);
    let aside = cards.aside();
    let claims = scenario.claims.iter().map(|judged| claims::claim(judged, &cards, scenario)).collect();
    let (outcome, outcome_class) = outcome(scenario);
    let app = &scenario.app;
    let detail = [app.version.as_deref().map(|version| format!("version {version}")), app.platform.clone()];
    let flows = rows::flows(scenario);
    let stories = story::told(scenario, &cards, view);
    let (weaknesses, weaknesses_says, weaknesses_left) = poor::cards(scenario, view);
    Scene {
        n,
        id: scenario.id.clone(),
        inspected: scenario.inspected,
        app: if app.name.is_empty() { scenario.id.clone() } else { app.name.clone() },
        about: detail.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        dated: words::dated(scenario),
        outcome,
        outcome_class,
        tallies: (VerdictKind::ALL.iter())
            .map(|kind| Tally {
                verdict: kind.name(),
                mark: mark(*kind),
                n: scenario.claims.iter().filter(|judged| judged.verdict == *kind).count(),
            })
            .filter(|tally| tally.n > 0)
            .collect(),
        claims,
        picture: picture::draw(scenario),
        sightings: count(words::len(&scenario.sightings), "sighting"),
        filter: cards.filter(scenario),
        cards_left: (cards.left > 0).then(|| {
            format!("{}, each with its trail and frames, in report.json.", count(cards.left, "more sighting"))
        }),
        cards: cards.shown,
        aside,
        weaknesses,
        weaknesses_says,
        weaknesses_left,
        looks: looks::looks(scenario),
        pairs: paired::pairs(scenario, view),
        flows_left: (words::len(&scenario.flows).checked_sub(words::len(&flows)).filter(|left| *left > 0)).map(|left| {
            format!(
                "{} in report.json: shown here are those with sightings, those that could not be read, and the largest.",
                count(left, "more flow")
            )
        }),
        flows,
        exposure: exposed::section(scenario, view),
        stories,
        coverage: claims::covered(&scenario.coverage, scenario),
        limits: claims::limits(&scenario.claims),
        planted: evidence::planted(scenario),
        inputs: scenario.inputs.iter().map(evidence::input).collect(),
        warnings: scenario.warnings.clone(),
        command: evidence::command(scenario, view),
    }
}

/// What contradicts claims: what the app sent, what is stored, or what somebody found who looked.
fn contradicted_by(scenario: &ScenarioReport) -> &'static str {
    let told: BTreeSet<&str> = (scenario.claims.iter())
        .filter(|judged| judged.verdict == VerdictKind::Contradicted)
        .flat_map(|judged| judged.sightings.iter().map(String::as_str))
        .collect();
    let by = |sent: bool| {
        let mut there = scenario.sightings.iter().filter(|sighting| sighting.place.flow.is_some() == sent);
        there.any(|sighting| told.contains(sighting.id().as_str()))
    };
    match (by(true), by(false)) {
        (true, false) => "contradicted by the app’s own traffic.",
        (true, true) => "contradicted by the app’s own traffic and by what is stored.",
        (false, true) => "contradicted by what is stored.",
        (false, false) => "contradicted by what was found.",
    }
}

/// The whole in one sentence.
fn outcome(scenario: &ScenarioReport) -> (String, &'static str) {
    if scenario.inspected || scenario.claims.is_empty() {
        let seen = scenario.sightings.iter().filter(|sighting| sighting.planted.is_some()).count();
        return match (scenario.planted.is_empty(), seen) {
            (true, _) => {
                (format!("{} of personal data, by rule.", count(words::len(&scenario.sightings), "sighting")), "none")
            }
            (false, 0) => ("No planted value was readable in what could be read.".to_owned(), "none"),
            (false, seen) => {
                (format!("Planted values were readable in {}.", count(seen as u64, "place")), "contradicted")
            }
        };
    }
    let total = words::len(&scenario.claims);
    let with = |kind: VerdictKind| scenario.claims.iter().filter(|judged| judged.verdict == kind).count() as u64;
    let of = |n: u64| match (n, total) {
        (1, 1) => "The one claim is".to_owned(),
        (n, total) if n == total => format!("All {total} claims are"),
        (1, total) => format!("1 of {total} claims is"),
        (n, total) => format!("{n} of {total} claims are"),
    };
    let worst = scenario.claims.iter().map(|judged| judged.verdict).min().unwrap_or(VerdictKind::Inconclusive);
    let says = match worst {
        VerdictKind::Contradicted => contradicted_by(scenario),
        VerdictKind::Weakened => "weakened: nothing was read, but the protection is provably poor.",
        VerdictKind::Inconclusive => "inconclusive: not enough was seen.",
        VerdictKind::Consistent => "consistent with what the app sent.",
    };
    (format!("{} {says}", of(with(worst))), worst.name())
}
