//! Whether a release is let through: decided from verdicts alone, never from a format or a flag of presentation.

use crate::model::verdict::VerdictKind;

/// What a set of verdicts comes to, best first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Gate {
    /// Nothing stands in the way.
    Open,
    /// Something is inconclusive, and that was not to be.
    Unclear,
    /// A claim is contradicted or weakened.
    Broken,
}

/// Decides. `strict`: what is inconclusive does not pass.
pub fn gate(verdicts: impl IntoIterator<Item = VerdictKind>, strict: bool) -> Gate {
    let one = |verdict| match verdict {
        VerdictKind::Contradicted | VerdictKind::Weakened => Gate::Broken,
        VerdictKind::Inconclusive if strict => Gate::Unclear,
        VerdictKind::Inconclusive | VerdictKind::Consistent => Gate::Open,
    };
    verdicts.into_iter().map(one).max().unwrap_or(Gate::Open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use VerdictKind::{Consistent, Contradicted, Inconclusive, Weakened};

    #[test]
    fn the_worst_verdict_decides() {
        let table: &[(&[VerdictKind], Gate, Gate)] = &[
            (&[], Gate::Open, Gate::Open),
            (&[Consistent, Consistent], Gate::Open, Gate::Open),
            (&[Consistent, Inconclusive], Gate::Open, Gate::Unclear),
            (&[Weakened, Consistent], Gate::Broken, Gate::Broken),
            (&[Inconclusive, Contradicted], Gate::Broken, Gate::Broken),
        ];
        for (verdicts, lax, strict) in table {
            assert_eq!(gate(verdicts.iter().copied(), false), *lax, "{verdicts:?}");
            assert_eq!(gate(verdicts.iter().copied(), true), *strict, "{verdicts:?} strict");
        }
    }
}
