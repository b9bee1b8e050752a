//! What a source passed over or read in part only: the first losses word by word, all of them counted.

use crate::model::budget::LOSS_NOTES;
use std::collections::BTreeMap;

/// What was lost.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Loss {
    counts: BTreeMap<&'static str, u64>,
    notes: Vec<String>,
    remarks: BTreeMap<&'static str, u64>,
}

impl Loss {
    /// Counts something that an auditor should know and that loses nothing.
    pub fn remark(&mut self, what: &'static str) {
        let seen = self.remarks.entry(what).or_default();
        *seen = seen.saturating_add(1);
    }

    /// Counts a record that was lost, whole or in part, for this reason, and tells it while few were told.
    pub fn record(&mut self, why: &'static str, tells: impl FnOnce() -> String) {
        let seen = self.counts.entry(why).or_default();
        *seen = seen.saturating_add(1);
        if *seen <= LOSS_NOTES as u64 {
            self.notes.push(tells());
        }
    }

    /// Records lost, by reason.
    pub const fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Records lost.
    pub fn records(&self) -> u64 {
        self.counts.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The first of each kind, word by word, and how many more there were; then what loses nothing.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        for (why, count) in &self.counts {
            let more = count.saturating_sub(LOSS_NOTES as u64);
            if more > 0 {
                notes.push(format!("{more} more: {why}"));
            }
        }
        notes.extend(self.remarks.iter().map(|(what, count)| format!("{count} {what}")));
        notes
    }
}
