//! Which decoders are asked about bytes, by the classes of bytes that occur in them and by how many there are.

use crate::bytes::Match;
use crate::field::decoder::DECODERS;
use crate::field::shape::Shape;
use crate::field::{Decoder, Hint};
use std::cell::Cell;

/// A set of decoders, by their indexes.
pub(super) type Set = u64;

const _: () = assert!(DECODERS.len() <= Set::BITS as usize, "a set holds every decoder");

/// The decoders that bytes of a shape may pass the filter of, in the registry's order; where nothing is `declared`, those
/// of them that go without.
#[cfg(test)]
pub(super) fn candidates(shape: Shape, declared: bool) -> impl Iterator<Item = &'static Decoder> {
    members(candidate_set(shape, declared)).map(|(_, decoder)| decoder)
}

/// Whether some decoder may open `len` bytes of text of a shape of which nothing is declared.
pub(super) fn may_open(shape: Shape, len: usize) -> bool {
    candidate_set(shape, false) & long_enough(len) != 0
}

/// Whether some decoder would try to open bytes.
pub(super) fn is_opened(hint: &Hint<'_>, bytes: &[u8]) -> bool {
    let set = candidate_set(Shape::of(bytes).of_text(bytes), is_declared(hint)) & long_enough(bytes.len());
    members(set).any(|(_, decoder)| bytes.len() >= decoder.filter.min && (decoder.fits)(hint, bytes) >= Match::Maybe)
}

/// Whether anything is declared of the bytes of a part, or of what a decoder made of all that it was given: no name says
/// what those are.
pub(super) const fn is_declared(hint: &Hint<'_>) -> bool {
    hint.part.is_some() || hint.content_type.is_some()
}

/// The decoders of a set of indexes, and the index of each as a set.
pub(super) fn members(mut set: Set) -> impl Iterator<Item = (Set, &'static Decoder)> {
    std::iter::from_fn(move || {
        let next = set.trailing_zeros();
        let rest = set & set.checked_sub(1)?;
        let index = set ^ rest;
        set = rest;
        Some((index, *DECODERS.get(next as usize)?))
    })
}

/// Lengths of which is remembered whom they suffice.
const LENGTHS: usize = 64;

/// The decoders that `len` bytes are enough for, as a set of indexes; of more than [`LENGTHS`] bytes, all of them.
pub(super) fn long_enough(len: usize) -> Set {
    static SETS: [Set; LENGTHS] = long_enough_sets();
    SETS.get(len).copied().unwrap_or(Set::MAX)
}

#[expect(clippy::indexing_slicing, reason = "the indexes run over both lists")]
const fn long_enough_sets() -> [Set; LENGTHS] {
    let mut sets = [0; LENGTHS];
    let mut index = 0;
    while index < DECODERS.len() {
        let mut len = DECODERS[index].filter.min;
        while len < LENGTHS {
            sets[len] |= 1 << index;
            len += 1;
        }
        index += 1;
    }
    sets
}

/// The same as a set of indexes, remembered: values have few shapes.
pub(super) fn candidate_set(shape: Shape, declared: bool) -> Set {
    /// Sets remembered by one thread.
    const KNOWN: usize = 1 << 11;
    thread_local! {
        static SETS: [Cell<(u64, Set)>; KNOWN] = const { [const { Cell::new((u64::MAX, 0)) }; KNOWN] };
    }
    let key = u64::from(shape.bits()) << 1 | u64::from(declared);
    let slot = usize::try_from(key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53).unwrap_or_default();
    SETS.with(|sets| match sets.get(slot).map(Cell::get) {
        Some((known, set)) if known == key => set,
        _ => {
            let set = filtered(shape, declared);
            if let Some(slot) = sets.get(slot) {
                slot.set((key, set));
            }
            set
        }
    })
}

/// Decoders, as sets of indexes, by what their filters say of one class of bytes.
#[derive(Clone, Copy)]
struct Class {
    /// It is one of those of which one occurs.
    any: Set,
    /// It does not occur.
    none: Set,
    /// It occurs where nothing is declared.
    wanted: Set,
}

const CLASSES: usize = Shape::ANY.bits().count_ones() as usize;

/// What the filters say of every class, and the decoders that go by what is declared alone.
static FILTERS: ([Class; CLASSES], Set) = filters();

#[expect(clippy::indexing_slicing, reason = "the indexes run over both lists")]
const fn filters() -> ([Class; CLASSES], Set) {
    let mut classes = [Class { any: 0, none: 0, wanted: 0 }; CLASSES];
    let (mut index, mut never) = (0, 0);
    while index < DECODERS.len() {
        let (filter, member) = (&DECODERS[index].filter, 1_u64 << index);
        let mut class = 0;
        while class < CLASSES {
            let bit = 1_u32 << class;
            if filter.any.bits() & bit != 0 {
                classes[class].any |= member;
            }
            if filter.none.bits() & bit != 0 {
                classes[class].none |= member;
            }
            if let Some(all) = filter.undeclared
                && all.bits() & bit != 0
            {
                classes[class].wanted |= member;
            }
            class += 1;
        }
        if filter.undeclared.is_none() {
            never |= member;
        }
        index += 1;
    }
    (classes, never)
}

/// The decoders whose filters let bytes of a shape pass.
fn filtered(shape: Shape, declared: bool) -> Set {
    let (classes, never) = &FILTERS;
    let (mut any, mut none, mut missing) = (0, 0, *never);
    for (at, class) in classes.iter().enumerate() {
        if shape.bits() >> at & 1 == 0 {
            missing |= class.wanted;
        } else {
            any |= class.any;
            none |= class.none;
        }
    }
    any & !none & !if declared { 0 } else { missing }
}
