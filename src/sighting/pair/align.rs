//! Messages of several runs, laid side by side: by kind (server, protocol, label), then by order.

use crate::model::pair::{Reading, Sample};
use std::collections::{BTreeMap, BTreeSet};

/// The messages that are one and the same in several runs.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// Which of its kind, from 1.
    pub(super) nth: u64,
    /// By run; `None` where a run has it not, or not so that it could be told which.
    pub(super) cells: Vec<Option<&'a Sample>>,
}

/// Messages of one kind of which there are not equally many in all runs.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Loose<'a> {
    /// The label of one of them.
    pub(super) label: &'a str,
    /// How many there are, by run.
    pub(super) counts: Vec<u64>,
}

/// Lays messages side by side. Where there are not equally many of a kind, those with the same fields are a kind of their
/// own; where that does not help either, the runs that have as many as most others are laid beside each other.
pub(super) fn align<'a>(runs: &[Vec<&'a Sample>]) -> (Vec<Row<'a>>, Vec<Loose<'a>>) {
    let (mut rows, mut loose) = (Vec::new(), Vec::new());
    for kind in by(runs, |sample| sample.kind.as_str()) {
        if is_even(&kind) {
            lay(&kind, &mut rows);
            continue;
        }
        let fields = |sample: &'a Sample| -> BTreeSet<&'a str> {
            sample.fields.iter().map(|field| field.position.as_str()).collect()
        };
        for mut alike in by(&kind, fields) {
            if !is_even(&alike) {
                let label = alike.iter().flatten().next().map_or("", |sample| sample.label.as_str());
                let counts: Vec<u64> = alike.iter().map(|run| run.len() as u64).collect();
                let usual = usual(&counts);
                loose.push(Loose { label, counts });
                for run in &mut alike {
                    if run.len() as u64 != usual {
                        run.clear();
                    }
                }
            }
            lay(&alike, &mut rows);
        }
    }
    (rows, loose)
}

/// Messages by what `key` says of them, in runs again.
fn by<'a, K: Ord>(runs: &[Vec<&'a Sample>], key: impl Fn(&'a Sample) -> K) -> Vec<Vec<Vec<&'a Sample>>> {
    let mut out: BTreeMap<K, Vec<Vec<&'a Sample>>> = BTreeMap::new();
    for (run, samples) in runs.iter().enumerate() {
        for sample in samples {
            let kind = out.entry(key(sample)).or_insert_with(|| vec![Vec::new(); runs.len()]);
            if let Some(kind) = kind.get_mut(run) {
                kind.push(sample);
            }
        }
    }
    out.into_values().collect()
}

fn is_even(runs: &[Vec<&Sample>]) -> bool {
    runs.first().is_none_or(|first| runs.iter().all(|run| run.len() == first.len()))
}

/// The count that most runs share, of several the greatest; 0 where no two do.
fn usual(counts: &[u64]) -> u64 {
    let shared = |count: u64| counts.iter().filter(|other| **other == count).count();
    let shares = counts.iter().copied().filter(|count| *count > 0 && shared(*count) > 1);
    shares.max_by_key(|count| (shared(*count), *count)).unwrap_or(0)
}

fn lay<'a>(runs: &[Vec<&'a Sample>], rows: &mut Vec<Row<'a>>) {
    let most = runs.iter().map(Vec::len).max().unwrap_or(0);
    for nth in 0..most {
        let cells = runs.iter().map(|run| run.get(nth).copied()).collect();
        rows.push(Row { nth: nth as u64 + 1, cells });
    }
}

/// Fields of a message by position; where one comes several times, the order tells them apart.
pub(super) fn positions(sample: &Sample) -> BTreeMap<(&str, usize), &Reading> {
    let mut out = BTreeMap::new();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for field in &sample.fields {
        let time = times.entry(&field.position).or_default();
        out.insert((field.position.as_str(), *time), field);
        *time = time.saturating_add(1);
    }
    out
}
