//! What only a whole run can show: opaque payloads held against each other, and against what else the traffic carried.
//!
//! In: the [`Pool`](crate::model::payload::Pool) of all captures. Out: [`Find`]s, which the line turns into weaknesses
//! and, once what was recovered is peeled, into sightings. To add a detector of this kind: one file in `detector/` with
//! a [`RunCard`] that carries its own hits and misses and the chance of its false alarms, and two lines in
//! `detector/mod.rs`.

pub(super) mod cipher;
pub mod collect;
pub(super) mod crib;
pub(super) mod legible;
pub mod logged;
pub(super) mod rival;

use crate::model::payload::{Payload, Token};
use crate::model::scenario::{Pair, Planted};
use crib::Crib;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

/// What a detector over whole runs is, for docs, `explain` and machine-readable reports.
#[derive(Debug)]
pub struct RunCard {
    /// Unique, kebab-case.
    pub id: &'static str,
    /// A title for people.
    pub title: &'static str,
    /// Why it matters to a person whose data it is: a sentence or two.
    pub why: &'static str,
    /// The chance that sound encryption sets it off, and where the number comes from.
    pub bound: &'static str,
    /// Runs it must find something in.
    pub hits: &'static [Session],
    /// Runs it must find nothing in.
    pub misses: &'static [Session],
}

/// A run for a detector: payloads of one slot in hex, short values of the same messages, and what was planted.
#[derive(Debug)]
pub struct Session {
    /// The payloads, in hex.
    pub payloads: &'static [&'static str],
    /// Short values beside them: name and value in hex.
    pub tokens: &'static [(&'static str, &'static str)],
    /// What was planted: data name and value.
    pub planted: &'static [(&'static str, &'static str)],
    /// From this payload on it is a second capture, in which the first planted value was sent again; 0 for none.
    pub second: usize,
}

/// All of a run.
pub struct Run<'a> {
    /// What was planted.
    pub planted: &'a [Planted],
    /// The payloads, by place.
    pub payloads: &'a [&'a Payload],
    /// Short values that the traffic carried, likeliest keys first.
    pub tokens: &'a [&'a Token],
    /// Captures of the same action, as the scenario declares them.
    pub pairs: &'a [Pair],
    /// Known plaintext.
    pub(in crate::sighting) cribs: Vec<Crib>,
    /// Steps that one detector may take.
    whole: u64,
    /// Steps that are left.
    work: Cell<u64>,
    /// Whether one of the purses was too small.
    ended: Cell<bool>,
    /// Payloads that were not looked at as they should have been.
    untried: RefCell<BTreeSet<usize>>,
}

/// Steps set aside for one part of a search, so that no other part can leave it without any.
pub(in crate::sighting) struct Purse(Cell<u64>);

impl Purse {
    /// Spends `steps`; false when they are not left, and then nothing more is.
    pub(in crate::sighting) fn spend(&self, steps: usize) -> bool {
        let left = self.0.get().checked_sub(steps as u64);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Whether the steps ran out.
    pub(in crate::sighting) const fn is_empty(&self) -> bool {
        self.0.get() == 0
    }
}

impl<'a> Run<'a> {
    /// A run in which one detector may take `work` steps.
    pub fn new(
        planted: &'a [Planted],
        payloads: &'a [&'a Payload],
        tokens: &'a [&'a Token],
        pairs: &'a [Pair],
        work: u64,
    ) -> Self {
        let cribs = crib::cribs(planted);
        let (ended, untried) = (Cell::new(false), RefCell::default());
        Self { planted, payloads, tokens, pairs, cribs, whole: work, work: Cell::new(work), ended, untried }
    }

    /// A purse of `times` the steps that a detector may take, beside those.
    pub(in crate::sighting) const fn purse(&self, times: u64) -> Purse {
        Purse(Cell::new(self.whole.saturating_mul(times)))
    }

    /// Says that a part of a search ended early; of the payloads `untried` (indices) it cannot be said that nothing speaks
    /// against them.
    pub(in crate::sighting) fn end_early(&self, untried: impl IntoIterator<Item = usize>) {
        self.ended.set(true);
        self.untried.borrow_mut().extend(untried);
    }

    /// Payloads (indices) that were not looked at as they should have been, because steps ran out.
    pub fn untried(&self) -> BTreeSet<usize> {
        self.untried.borrow().clone()
    }

    /// Spends `steps`; false when they are not left, and then nothing more is.
    pub(in crate::sighting) fn spend(&self, steps: usize) -> bool {
        let left = self.work.get().checked_sub(steps as u64);
        self.work.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Whether the steps ran out.
    pub fn is_spent(&self) -> bool {
        self.work.get() == 0 || self.ended.get()
    }

    /// The payloads, by slot, each slot in the order of its payloads.
    pub(in crate::sighting) fn slots(&self) -> std::collections::BTreeMap<(&'a str, bool), Vec<usize>> {
        let mut slots: std::collections::BTreeMap<(&str, bool), Vec<usize>> = std::collections::BTreeMap::new();
        for (index, payload) in self.payloads.iter().enumerate() {
            let to_server = payload.place.direction == crate::model::stream::Direction::ToServer;
            slots.entry((payload.slot.as_str(), to_server)).or_default().push(index);
        }
        slots
    }
}

/// One weakness, with the payloads that prove it.
#[derive(Clone, Debug, PartialEq)]
pub struct Find {
    /// The detector's id.
    pub detector: &'static str,
    /// What is wrong: one sentence without its full stop.
    pub reason: String,
    /// How it was undone, as a trail step; `None` where nothing was read.
    pub undone: Option<String>,
    /// The payloads that prove it: indices into the run's.
    pub proof: Vec<Proof>,
}

/// One payload that proves a weakness.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// Index into the run's payloads.
    pub payload: usize,
    /// What it says, piece by piece: offset in what was recovered, and the bytes. Empty where nothing was read.
    pub recovered: Vec<(usize, Vec<u8>)>,
}

impl Proof {
    /// A payload of which nothing was read.
    pub(in crate::sighting) const fn unread(payload: usize) -> Self {
        Self { payload, recovered: Vec::new() }
    }

    /// A payload of which all was read.
    pub(in crate::sighting) fn read(payload: usize, bytes: Vec<u8>) -> Self {
        Self { payload, recovered: vec![(0, bytes)] }
    }
}

/// A detector over whole runs: stateless.
pub trait RunDetector: Sync {
    /// What it is.
    fn card(&self) -> &'static RunCard;
    /// Looks at all that a run carried.
    fn on_run(&self, run: &Run<'_>, out: &mut Vec<Find>);
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was found, in the order of the registry.
    pub finds: Vec<Find>,
    /// Ids of the detectors that ran out of steps.
    pub spent: Vec<&'static str>,
    /// Payloads (indices) that were not looked at as they should have been, because steps ran out.
    pub untried: BTreeSet<usize>,
}

/// Everything that the detectors over whole runs find, and where they ended early.
pub fn on_run<'a>(run: impl Fn() -> Run<'a>) -> Outcome {
    let mut out = Outcome::default();
    for detector in super::detector::RUN_DETECTORS {
        let run = run();
        detector.on_run(&run, &mut out.finds);
        if run.is_spent() {
            out.spent.push(detector.card().id);
        }
        out.untried.append(&mut run.untried());
    }
    out
}
