//! How many distinct values there were, beyond those that can be kept: HyperLogLog (Flajolet, Fusy, Gandouet and Meunier,
//! 2007), with hashes of 64 bits, which need no correction for large counts (Heule, Nunkesser and Hall, 2013).

use std::hash::{BuildHasher as _, Hasher as _};

/// Bits of a hash that choose a register: 16,384 of them.
const PRECISION: u32 = 14;
const REGISTERS: usize = 1 << PRECISION;

/// What was seen of a set; the union of two is that of their sets, in any order.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    registers: Vec<u8>,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { registers: vec![0; REGISTERS] }
    }
}

impl Sketch {
    /// Adds a value; `words` are all of it.
    pub(super) fn add(&mut self, words: &[u64]) {
        // The seed is fixed: the same values give the same report. Keys are people's numbers, which nobody picks freely.
        let mut hasher = foldhash::quality::FixedState::with_seed(0x51e7).build_hasher();
        for word in words {
            hasher.write_u64(*word);
        }
        let hash = hasher.finish();
        let index = usize::try_from(hash >> (u64::BITS - PRECISION)).unwrap_or(0);
        // The position of the first one among the other bits; a one behind them bounds it.
        let rank = u8::try_from((hash << PRECISION | 1 << (PRECISION - 1)).leading_zeros() + 1).unwrap_or(u8::MAX);
        if let Some(register) = self.registers.get_mut(index) {
            *register = rank.max(*register);
        }
    }

    /// Adds all that `other` saw.
    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.registers.iter_mut().zip(&other.registers) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// How many distinct values were added, about.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate, of a count that is positive and far below what a double holds"
    )]
    pub(super) fn count(&self) -> u64 {
        let registers = REGISTERS as f64;
        let alpha = 0.7213 / (1.0 + 1.079 / registers);
        let sum: f64 = self.registers.iter().map(|rank| 2_f64.powi(-i32::from(*rank))).sum();
        let estimate = alpha * registers * registers / sum;
        let empty = memchr::memchr_iter(0, &self.registers).count();
        if estimate <= 2.5 * registers && empty > 0 {
            // Linear counting: most registers are still empty.
            return (registers * (registers / empty as f64).ln()).round() as u64;
        }
        estimate.round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exposure::About;

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "counts far below what a double holds")]
    fn estimates_are_within_their_error_and_unions_do_not_count_twice() {
        for (count, step) in [(0_u64, 1_u64), (10, 1), (5_000, 7), (100_000, 1), (1_500_000, 11)] {
            let (mut all, mut odd, mut even) = (Sketch::default(), Sketch::default(), Sketch::default());
            for n in 0..count {
                let value = 447_700_000_000 + n * step;
                all.add(&[value]);
                if n % 2 == 1 { &mut odd } else { &mut even }.add(&[value]);
                odd.add(&[value]);
            }
            let estimate = all.count();
            let off = estimate.abs_diff(count) as f64;
            assert!(off <= (count as f64 * 2.0 * About::ERROR_PERCENT / 100.0).ceil(), "{count}: {estimate}");
            odd.merge(&even);
            assert_eq!(odd.count(), estimate);
        }
        let (mut ordered, mut other) = (Sketch::default(), Sketch::default());
        ordered.add(&[1, 2]);
        other.add(&[2, 1]);
        other.merge(&ordered);
        assert_eq!(other.count(), 2);
    }
}
