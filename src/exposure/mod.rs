//! Records of a store → how many people it exposes.
//!
//! In: the fields of each record. Out: an [`Exposure`](crate::model::exposure::Exposure). First the roles of its fields
//! are learned from its first records ([`Learner`]): who sends, to whom, what was said, where, when. Then every record
//! is counted by them ([`Ledger`]). Ledgers of parts of a store merge, in any order, to the same result.

mod identity;
mod ledger;
mod linked;
mod names;
mod notes;
mod role;
mod sketch;
mod value;
mod way;
mod when;

#[cfg(test)]
mod tests;

pub use ledger::{EXTORTION_NOTE, Ledger, Shown};
pub use role::{Learner, Roles};
pub use way::{Said, Way, Ways};

use std::borrow::Cow;

/// One field of a record, as counting sees it.
#[derive(Clone, Debug)]
pub struct Leaf<'a> {
    /// How it is reached.
    pub way: &'a Way,
    /// The container it stands in; equal for fields of one object of one record.
    pub container: u32,
    /// What it says.
    pub text: Cow<'a, str>,
    /// It, in the record's tree.
    pub node: u32,
}
