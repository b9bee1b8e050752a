//! Evidence → verdicts. Pure: no I/O, no clock, and the order of evidence decides nothing.
//!
//! A sighting is a fact without severity; only a [`Promise`] turns facts into a verdict. [`place_audiences`] says who
//! could read each sighting, [`judge`] holds every claim of a scenario against all of them, [`gate()`] turns verdicts into
//! what a release is let through by.
//!
//! To add a promise: one file in `promise/` with a [`Promise`], and two lines in `promise/mod.rs`.

pub mod audience;
pub mod case;
pub mod coverage;
pub mod earned;
mod forged;
pub mod gate;
mod hiding;
pub mod judging;
pub mod promise;
mod stored;
pub mod words;

pub use audience::place_audiences;
pub use case::Case;
pub use coverage::coverage;
pub use earned::{Consistent, Outcome};
pub use gate::{Gate, gate};
pub use judging::judge;

use crate::model::scenario::Audience;
use crate::model::verdict::Standard;

/// What a claim commits to, machine-checkable: a claim's data must never be readable by these audiences.
pub struct Promise {
    /// Registry name: unique, kebab-case; what scenario files say.
    pub name: &'static str,
    /// What it commits to, for people: one sentence.
    pub means: &'static str,
    /// Who must not be able to read the data.
    pub forbids: &'static [Audience],
    /// What must have been seen before it may be called consistent: one sentence.
    pub needs: &'static str,
    /// What traffic can never prove about it.
    pub cannot_prove: &'static str,
    /// What is never tested: one phrase each.
    pub not_tested: &'static [&'static str],
    /// The rules of law and the controls it maps to.
    pub standards: &'static [Standard],
    /// Holds a claim against the evidence.
    pub judge: fn(&Case<'_>) -> Outcome,
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
