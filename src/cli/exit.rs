//! What the command's exit code says. It is decided from verdicts alone: no output option ever changes it.

use crate::model::verdict::VerdictKind;
use crate::verdict::{Gate, gate};

/// Every claim is consistent, or inconclusive without `--strict`.
pub const FINE: u8 = 0;
/// Some claim is contradicted or weakened.
pub const BROKEN_PROMISE: u8 = 1;
/// The run could not be carried out: usage, a broken scenario, evidence that cannot be opened at all.
pub const FAILED: u8 = 2;
/// With `--strict`: nothing is contradicted or weakened, and something is inconclusive.
pub const INCONCLUSIVE: u8 = 3;

/// The exit code of a run: a failure outweighs a broken promise, which outweighs doubt.
pub fn code(verdicts: impl IntoIterator<Item = VerdictKind>, failed: bool, strict: bool) -> u8 {
    match gate(verdicts, strict) {
        _ if failed => FAILED,
        Gate::Broken => BROKEN_PROMISE,
        Gate::Unclear => INCONCLUSIVE,
        Gate::Open => FINE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use VerdictKind::{Consistent, Contradicted, Inconclusive, Weakened};

    #[test]
    fn two_wins_over_one_over_three() {
        let cases: [(&[VerdictKind], bool, bool, u8); 12] = [
            (&[], false, false, FINE),
            (&[], false, true, FINE),
            (&[], true, false, FAILED),
            (&[Consistent], false, true, FINE),
            (&[Consistent, Inconclusive], false, false, FINE),
            (&[Consistent, Inconclusive], false, true, INCONCLUSIVE),
            (&[Inconclusive, Weakened], false, false, BROKEN_PROMISE),
            (&[Inconclusive, Weakened], false, true, BROKEN_PROMISE),
            (&[Consistent, Contradicted], false, true, BROKEN_PROMISE),
            (&[Contradicted], true, true, FAILED),
            (&[Inconclusive], true, true, FAILED),
            (&[Consistent], true, false, FAILED),
        ];
        for (verdicts, failed, strict, want) in cases {
            assert_eq!(code(verdicts.iter().copied(), failed, strict), want, "{verdicts:?} {failed} {strict}");
        }
    }
}
