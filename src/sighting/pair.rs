//! Runs of one action, held against each other, message by message and field by field: what changes, and what of it
//! changes with the text that was sent.
//!
//! In: the [`Samples`] of captures that pairs name. Out: a [`Compared`] for each pair, and [`Mark`]s: the payloads whose
//! length follows the text, and those that carry none. These are facts; nothing here is a sighting.

mod align;
mod judge;
mod law;
mod sample;
#[cfg(test)]
mod tests;
mod words;

pub use sample::sample;

use crate::model::budget;
use crate::model::opacity::Opacity;
use crate::model::origin::FrameNo;
use crate::model::pair::{Apart, Change, Compared, Reading, Relation, Sample, Samples};
use crate::model::scenario::{Pair, Party, Planted};
use crate::model::stream::FlowKey;
use align::{Row, align, positions};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of fields besides their bytes.
pub trait Beside {
    /// Whether this planted value was seen readable in a field.
    fn is_readable(&self, capture: &str, sample: &Sample, field: &Reading, planted: &str) -> bool;
    /// Whose server a message went to, and what that is called.
    fn server(&self, capture: &str, sample: &Sample) -> (Party, Option<String>);
}

/// What was found out of one opaque payload.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Mark {
    /// The capture it is in.
    pub capture: String,
    /// The flow that carried it, and its first frame.
    pub flow: (Option<FlowKey>, FrameNo),
    /// First frame that carried it.
    pub frame: FrameNo,
    /// Its message's trail step.
    pub label: String,
    /// How it was reached inside its message, joined.
    pub position: String,
    /// Byte range in the message part that carried it.
    pub bytes: (u64, u64),
    /// Its length in bytes.
    pub len: u64,
    /// It is the whole of a message part that no layer hides.
    pub bare: bool,
    /// Its length follows that of this text, which it carries; or it carries none of these.
    pub says: Says,
}

/// What a [`Mark`] says.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Says {
    /// It carries this planted value.
    Carries(String),
    /// It may carry this planted value.
    MayCarry(String),
    /// It carries none of these planted values.
    CarriesNone(BTreeSet<String>),
}

/// One run: a capture, and what was sent in it.
#[derive(Clone, Copy)]
struct Ran<'a> {
    capture: &'a str,
    text: &'a Planted,
}

/// Holds the runs of every pair against each other, and against all other runs of the same action.
pub fn compare(
    samples: &Samples,
    pairs: &[Pair],
    planted: &[Planted],
    beside: &dyn Beside,
) -> (Vec<Compared>, Vec<Mark>) {
    let mut marks: BTreeSet<Mark> = BTreeSet::new();
    let compared = pairs.iter().map(|pair| {
        let known = runs(pair, pairs, planted);
        let (found, told) =
            known.map_or_else(|| (nothing(pair), Vec::new()), |known| hold(samples, pair, &known, beside));
        marks.extend(told);
        found
    });
    let compared = compared.collect();
    (compared, marks.into_iter().collect())
}

fn nothing(pair: &Pair) -> Compared {
    Compared {
        captures: [pair.first.clone(), pair.second.clone()],
        sent: [pair.planted.0.clone(), pair.planted.1.clone()],
        ..Compared::default()
    }
}

/// All runs of the action of a pair, by capture: what pairs join. A capture in which several texts were sent says nothing
/// beyond the pair that names it.
fn runs<'a>(pair: &'a Pair, pairs: &'a [Pair], planted: &'a [Planted]) -> Option<Vec<Ran<'a>>> {
    let mut joined = BTreeSet::from([pair.first.as_str(), pair.second.as_str()]);
    loop {
        let before = joined.len();
        for other in pairs {
            if joined.contains(other.first.as_str()) || joined.contains(other.second.as_str()) {
                joined.extend([other.first.as_str(), other.second.as_str()]);
            }
        }
        if joined.len() == before {
            break;
        }
    }
    let mut sent: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for other in pairs {
        sent.entry(&other.first).or_default().insert(&other.planted.0);
        sent.entry(&other.second).or_default().insert(&other.planted.1);
    }
    let text = |id: &str| planted.iter().find(|planted| planted.id == id);
    let clear = |capture: &str| sent.get(capture).is_some_and(|ids| ids.len() == 1);
    if !clear(&pair.first) || !clear(&pair.second) {
        let first = Ran { capture: &pair.first, text: text(&pair.planted.0)? };
        return Some(vec![first, Ran { capture: &pair.second, text: text(&pair.planted.1)? }]);
    }
    let clear = joined.into_iter().filter(|capture| clear(capture));
    let run = |capture: &'a str| Some(Ran { capture, text: text(sent.get(capture)?.first()?)? });
    Some(clear.filter_map(run).collect())
}

/// A field in all runs, and in the two of a pair.
struct Field<'a> {
    position: &'a str,
    /// By run.
    readings: Vec<Option<&'a Reading>>,
    runs: &'a [Ran<'a>],
    /// Which two.
    at: (usize, usize),
    first: &'a Reading,
    second: &'a Reading,
}

impl<'a> Field<'a> {
    /// The runs that have it.
    fn seen(&self) -> impl Iterator<Item = (Ran<'a>, &'a Reading)> {
        self.runs.iter().copied().zip(&self.readings).filter_map(|(run, reading)| Some((run, (*reading)?)))
    }

    fn is_opaque(&self) -> bool {
        self.seen().all(|(_, reading)| reading.shut.is_some_and(Opacity::is_opaque))
    }

    fn is_same(&self) -> bool {
        is_same(self.first, self.second)
    }
}

fn is_same(a: &Reading, b: &Reading) -> bool {
    (a.len, a.digest) == (b.len, b.digest)
}

fn hold(samples: &Samples, pair: &Pair, known: &[Ran<'_>], beside: &dyn Beside) -> (Compared, Vec<Mark>) {
    let mut out = nothing(pair);
    let mut marks = Vec::new();
    let mut messages: Vec<Vec<&Sample>> = Vec::new();
    for run in known {
        let Some(of) = samples.of(run.capture) else {
            out.says.push(format!("{} holds more fields than are compared, so nothing was.", run.capture));
            return (out, marks);
        };
        messages.push(of);
    }
    let at = |capture: &str| known.iter().position(|run| run.capture == capture);
    let (Some(one), Some(other)) = (at(&pair.first), at(&pair.second)) else { return (out, marks) };
    out.runs = known.len() as u64;
    let (rows, loose) = align(&messages);
    let both =
        rows.iter().filter_map(|row| Some((row, row.cells.get(one).copied()??, row.cells.get(other).copied()??)));
    let both: Vec<(&Row<'_>, &Sample, &Sample)> = both.collect();
    out.messages = both.len() as u64;
    let fields: Vec<Vec<Field<'_>>> = both.iter().map(|(row, ..)| fields(row, known, (one, other))).collect();
    out.fields = fields.iter().map(|fields| fields.len() as u64).sum();
    // The more fields are tried, the oftener chance makes one look as if it followed.
    let tried = fields.iter().flatten().filter(|field| field.is_opaque() && !field.is_same()).count();
    for ((row, first, _), fields) in both.iter().zip(&fields) {
        for field in fields {
            let Some((relation, reason)) = judge::relation(field, first, tried, beside, fields) else {
                out.same = out.same.saturating_add(1);
                continue;
            };
            if field.is_same() {
                out.same = out.same.saturating_add(1);
            }
            marks.extend(judge::marks(field, relation, row));
            let (party, host) = beside.server(&pair.first, first);
            out.changes.push(Change {
                relation,
                reason,
                message: first.label.clone(),
                nth: row.nth,
                position: field.position.to_owned(),
                host,
                party,
                opacity: match relation {
                    Relation::FollowsLength => Some(Opacity::Encrypted),
                    _ => field.first.shut.filter(|_| field.is_opaque()),
                },
                sides: [words::side(field.first), words::side(field.second)],
            });
        }
    }
    out.changes.sort_by(|a, b| order(a).cmp(&order(b)));
    out.says.extend(words::says(&out.changes, known));
    out.more = out.changes.len().saturating_sub(budget::PAIR_CHANGES) as u64;
    out.changes.truncate(budget::PAIR_CHANGES);
    for loose in loose {
        let counts = [one, other].map(|run| loose.counts.get(run).copied().unwrap_or(0));
        if counts[0] != counts[1] && out.apart.len() < budget::PAIR_APART {
            out.apart.push(Apart { message: loose.label.to_owned(), counts });
        }
    }
    (out, marks)
}

fn order(change: &Change) -> impl Ord + '_ {
    (change.relation, change.sides[0].frame, change.message.as_str(), change.nth, change.position.as_str())
}

/// The fields of a message that are in both runs of a pair.
fn fields<'a>(row: &Row<'a>, runs: &'a [Ran<'a>], at: (usize, usize)) -> Vec<Field<'a>> {
    let cells: Vec<_> = row.cells.iter().map(|cell| cell.map(positions)).collect();
    let Some(Some(first)) = cells.get(at.0) else { return Vec::new() };
    let field = |(key, reading): (&(&'a str, usize), &&'a Reading)| {
        let readings: Vec<Option<&'a Reading>> =
            cells.iter().map(|cell| cell.as_ref().and_then(|fields| fields.get(key)).copied()).collect();
        let second = readings.get(at.1).copied()??;
        Some(Field { position: key.0, readings, runs, at, first: reading, second })
    };
    first.iter().filter_map(field).collect()
}

/// Whether a relation tells where the text may be.
const fn is_telling(relation: Relation) -> bool {
    matches!(
        relation,
        Relation::FollowsLength | Relation::MayFollowLength | Relation::Readable | Relation::DependsOnText
    )
}
