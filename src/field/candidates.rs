//! Which decoders are asked about bytes, by the classes of bytes that occur in them and by how many there are.

use crate::bytes::Match;
use crate::field::decoder::DECODERS;
use crate::field::shape::Shape;
use crate::field::{Decoder, Hint};
use std::cell::Cell;

/// A set of decoders, by their indexes.
pub(super) type Set = u128;

const _: () = assert!(DECODERS.len() <= Set::BITS as usize, "a set holds every decoder");

/// The decoders that bytes of a shape may pass the filter of, in the registry's order; where nothing is `declared`, those
/// of them that go without.
#[cfg(test)]
pub(super) fn candidates(shape: Shape, declared: bool) -> impl Iterator<Item = &'static Decoder> {
    members(candidate_set(shape, declared)).map(|(_, decoder)| decoder)
}

/// The decoders that may open `len` bytes of a shape.
pub(super) fn candidates_for(shape: Shape, len: usize, declared: bool) -> Set {
    candidate_set(shape, declared) & long_enough(len)
}

/// Whether some decoder would try to open bytes.
pub(super) fn is_opened(hint: &Hint<'_>, bytes: &[u8]) -> bool {
    let set = candidates_for(Shape::of(bytes).of_text(bytes), bytes.len(), is_declared(hint));
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
}

const CLASSES: usize = Shape::ANY.bits().count_ones() as usize;

/// What the filters say of every class.
static FILTERS: [Class; CLASSES] = filters();

#[expect(clippy::indexing_slicing, reason = "the indexes run over both lists")]
const fn filters() -> [Class; CLASSES] {
    let mut classes = [Class { any: 0, none: 0 }; CLASSES];
    let mut index = 0;
    while index < DECODERS.len() {
        let (filter, member) = (&DECODERS[index].filter, 1_u128 << index);
        let mut class = 0;
        while class < CLASSES {
            let bit = 1_u32 << class;
            if filter.any.bits() & bit != 0 {
                classes[class].any |= member;
            }
            if filter.none.bits() & bit != 0 {
                classes[class].none |= member;
            }
            class += 1;
        }
        index += 1;
    }
    classes
}

/// The decoders that go by what is declared alone.
const NEVER: Set = never();

/// Sets of classes of which one occurs where nothing is declared, and the decoder that says so, as a set.
static WANTED: [(Shape, Set); count_wanted()] = wanted();

const fn never() -> Set {
    let (mut index, mut never) = (0, 0);
    while index < DECODERS.len() {
        if DECODERS[index].filter.undeclared.is_none() {
            never |= 1 << index;
        }
        index += 1;
    }
    never
}

const fn count_wanted() -> usize {
    let (mut index, mut count) = (0, 0);
    while index < DECODERS.len() {
        if let Some(sets) = DECODERS[index].filter.undeclared {
            count += sets.len();
        }
        index += 1;
    }
    count
}

#[expect(clippy::indexing_slicing, reason = "the indexes run over both lists")]
const fn wanted() -> [(Shape, Set); count_wanted()] {
    let mut wanted = [(Shape::NONE, 0); count_wanted()];
    let (mut index, mut next) = (0, 0);
    while index < DECODERS.len() {
        if let Some(sets) = DECODERS[index].filter.undeclared {
            let mut at = 0;
            while at < sets.len() {
                wanted[next] = (sets[at], 1 << index);
                (next, at) = (next + 1, at + 1);
            }
        }
        index += 1;
    }
    wanted
}

/// The decoders whose filters let bytes of a shape pass.
fn filtered(shape: Shape, declared: bool) -> Set {
    let (mut any, mut none, mut unasked) = (0, 0, NEVER);
    for (at, class) in FILTERS.iter().enumerate() {
        if shape.bits() >> at & 1 != 0 {
            any |= class.any;
            none |= class.none;
        }
    }
    for (set, decoder) in &WANTED {
        if !shape.meets(*set) {
            unasked |= decoder;
        }
    }
    any & !none & !if declared { 0 } else { unasked }
}
