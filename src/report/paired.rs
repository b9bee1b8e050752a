//! Runs of one action side by side: what changed between two of them, field by field.

use crate::model::opacity::Opacity;
use crate::model::pair::{Change, Compared, Relation, Side};
use crate::model::report::ScenarioReport;
use crate::model::sighting::Masked;
use crate::report::words::{self, count};
use crate::report::{View, place};
use serde::Serialize;

/// Characters of a field that are shown.
const SHOWN: usize = 56;
/// Width of the longest bar.
const WIDE: u64 = 100;

/// Two runs on the page.
#[derive(Debug, Serialize)]
pub(crate) struct Runs {
    n: usize,
    captures: [String; 2],
    sent: [String; 2],
    /// One line about what was compared.
    extent: String,
    says: Vec<String>,
    /// What tells something of the text.
    telling: Vec<Row>,
    /// What merely changed.
    rest: Vec<Row>,
    left: Option<String>,
    apart: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    relation: &'static str,
    says: &'static str,
    reason: String,
    message: String,
    position: String,
    party: String,
    class: &'static str,
    opacity: Option<&'static str>,
    sides: [Cell; 2],
}

/// A field in one run.
#[derive(Debug, Serialize)]
struct Cell {
    /// What the number counts: a frame, an entry.
    unit: &'static str,
    frame: u64,
    len: String,
    /// How long it is, beside the longest of the pair.
    width: u64,
    /// What both begin with, and what follows there.
    alike: String,
    other: String,
    /// It goes on.
    more: bool,
}

/// Every pair of a scenario.
pub(crate) fn pairs(scenario: &ScenarioReport, view: &View) -> Vec<Runs> {
    scenario.pairs.iter().enumerate().map(|(n, pair)| runs(n, pair, scenario, view)).collect()
}

fn runs(n: usize, pair: &Compared, scenario: &ScenarioReport, view: &View) -> Runs {
    let text = |id: &String| {
        let planted = scenario.planted.iter().find(|planted| planted.id == *id);
        planted.map_or_else(|| id.clone(), |planted| planted.value.clone())
    };
    let (telling, rest): (Vec<&Change>, Vec<&Change>) =
        pair.changes.iter().partition(|change| is_telling(change.relation));
    let messages = match pair.messages {
        0 => "No message could be laid side by side.".to_owned(),
        n => format!(
            "{} side by side: {} of {} the same in both.",
            count(n, "message"),
            words::thousands(pair.same),
            count(pair.fields, "field")
        ),
    };
    let runs =
        if pair.runs > 2 { format!(" Told by {} of this action.", count(pair.runs, "run")) } else { String::new() };
    let units = pair.captures.each_ref().map(|capture| place::unit(scenario, capture));
    Runs {
        n,
        captures: pair.captures.clone(),
        sent: pair.sent.each_ref().map(text),
        extent: format!("{messages}{runs}"),
        says: pair.says.clone(),
        telling: telling.into_iter().map(|change| row(change, units, view)).collect(),
        rest: rest.into_iter().map(|change| row(change, units, view)).collect(),
        left: (pair.more > 0).then(|| format!("{} not listed.", count(pair.more, "more change"))),
        apart: (pair.apart.iter())
            .map(|apart| {
                let [one, other] = apart.counts.map(words::thousands);
                format!("{}: {one} in the first run, {other} in the second", apart.message)
            })
            .collect(),
    }
}

/// Whether a relation says something of the text or of its protection.
const fn is_telling(relation: Relation) -> bool {
    !matches!(relation, Relation::KeepsLength | Relation::Noise | Relation::Untold)
}

fn row(change: &Change, units: [&'static str; 2], view: &View) -> Row {
    let [one, other] = units;
    let longest = change.sides.iter().map(|side| side.len).max().unwrap_or(0).max(1);
    let [first, second] = &change.sides;
    let alike = alike(first, second);
    Row {
        relation: change.relation.name(),
        says: change.relation.says(),
        reason: change.reason.clone(),
        message: if change.nth > 1 {
            format!("{} (no. {})", change.message, change.nth)
        } else {
            change.message.clone()
        },
        position: if change.position.is_empty() { "the whole of it".to_owned() } else { change.position.clone() },
        party: change.party.name().to_owned(),
        class: change.party.audience().name(),
        opacity: change.opacity.map(Opacity::name),
        sides: [cell(first, one, alike, longest, view), cell(second, other, alike, longest, view)],
    }
}

/// Characters that two fields begin with alike: of ciphertext whole bytes.
fn alike(first: &Side, second: &Side) -> usize {
    let pairs = first.value.reveal().chars().zip(second.value.reveal().chars());
    let alike = pairs.take_while(|(a, b)| a == b).count();
    if first.opaque && second.opaque { alike / 2 * 2 } else { alike }
}

fn cell(side: &Side, unit: &'static str, alike: usize, longest: u64, view: &View) -> Cell {
    let shown = |text: String| if side.opaque || view.reveal { text } else { Masked::new(text).shape() };
    let chars: Vec<char> = side.value.reveal().chars().collect();
    let alike = alike.min(SHOWN);
    let piece = |from: usize, to: usize| -> String { chars.iter().skip(from).take(to.saturating_sub(from)).collect() };
    Cell {
        unit,
        frame: side.frame,
        len: count(side.len, "byte"),
        width: (u128::from(side.len) * u128::from(WIDE) / u128::from(longest)).try_into().unwrap_or(WIDE).max(1),
        alike: shown(piece(0, alike)),
        other: shown(piece(alike, SHOWN)),
        more: side.more || chars.len() > SHOWN,
    }
}
