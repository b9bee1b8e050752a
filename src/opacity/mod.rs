//! The statistics: what bytes are, as far as bytes can tell. Pure functions.
//!
//! Competing models each say how many bits they would need for the *original* bytes; the shortest code wins
//! (minimum description length), and what it saves against uniform bytes is the evidence. For any normalised model,
//! uniform bytes save `t` bits with a chance of at most 2^-t (Markov), so the threshold holds by theory, not by a
//! training set. `docs/opacity.md` has the measured table.

mod characters;
mod concealed;
mod encoding;
mod hidden;
mod judge;
mod lz;
mod packing;
mod pairs;
mod plist;
mod records;
mod segment;
mod together;
mod uniform;

pub use concealed::concealed;
pub use hidden::{Hidden, hidden};
pub use judge::{TEMPER, assess};
pub use segment::{closed_range, segments, tally};
pub use together::{columns, length_law, pooled};
pub use uniform::{entropy, entropy_spread, expected_entropy};

/// Payloads shorter than this are not told apart from random bytes.
pub const SHORTEST: usize = 12;

#[cfg(test)]
mod tests;
