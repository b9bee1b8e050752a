//! Puts the pieces of one stream in order, and sets of packet numbers.

use crate::model::origin::Origins;
use std::collections::BTreeMap;

/// What keeping a piece costs beside its bytes.
const PIECE: usize = 96;
/// Ranges of packet numbers remembered; the lowest are forgotten first.
const RANGES: usize = 512;

/// Bytes in order.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Where in the stream.
    pub(super) offset: u64,
    /// Bytes missing in front of it.
    pub(super) lost: u64,
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// The frames that carried them.
    pub(super) origins: Origins,
    /// They are the last of the stream.
    pub(super) last: bool,
}

/// One direction of a stream.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    next: u64,
    waiting: BTreeMap<u64, (Vec<u8>, Origins)>,
    held: usize,
    end: Option<u64>,
    /// The end was given out.
    done: bool,
}

impl Ordered {
    /// What waits for bytes in front of it.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Takes a piece.
    pub(super) fn push(&mut self, offset: u64, bytes: &[u8], origins: &Origins, last: bool) {
        let to = offset.saturating_add(bytes.len() as u64);
        if last {
            self.end = Some(to);
        }
        if self.done || to <= self.next {
            return;
        }
        let cut = usize::try_from(self.next.saturating_sub(offset)).unwrap_or(usize::MAX);
        let from = offset.max(self.next);
        let Some(fresh) = bytes.get(cut..).filter(|fresh| !fresh.is_empty()) else { return };
        // Of two pieces that begin alike, the longer one.
        if self.waiting.get(&from).is_some_and(|(known, _)| known.len() >= fresh.len()) {
            return;
        }
        self.held = self.held.saturating_add(fresh.len()).saturating_add(PIECE);
        let kept = (fresh.to_vec(), origins.slice(cut, bytes.len()));
        if let Some((known, _)) = self.waiting.insert(from, kept) {
            self.held = self.held.saturating_sub(known.len()).saturating_sub(PIECE);
        }
    }

    /// The next piece, if it is there.
    pub(super) fn next(&mut self) -> Option<Piece> {
        while let Some(entry) = self.waiting.first_entry() {
            let offset = *entry.key();
            if offset > self.next {
                break;
            }
            let (bytes, origins) = entry.remove();
            self.held = self.held.saturating_sub(bytes.len()).saturating_sub(PIECE);
            let cut = usize::try_from(self.next.saturating_sub(offset)).unwrap_or(usize::MAX);
            let Some(fresh) = bytes.get(cut..).filter(|fresh| !fresh.is_empty()) else { continue };
            let (offset, fresh) = (self.next, if cut == 0 { bytes } else { fresh.to_vec() });
            self.next = self.next.saturating_add(fresh.len() as u64);
            self.done = self.end == Some(self.next);
            let origins = if cut == 0 { origins } else { origins.slice(cut, usize::MAX) };
            return Some(Piece { offset, lost: 0, bytes: fresh, origins, last: self.done });
        }
        if !self.done && self.end == Some(self.next) {
            self.done = true;
            return Some(Piece { offset: self.next, last: true, ..Piece::default() });
        }
        None
    }

    /// The next piece behind a hole that will not be filled.
    pub(super) fn force(&mut self) -> Option<Piece> {
        let to = self.waiting.first_key_value().map(|(offset, _)| *offset).or(self.end.filter(|_| !self.done))?;
        let lost = to.saturating_sub(self.next);
        self.next = self.next.max(to);
        self.next().map(|piece| Piece { lost, ..piece })
    }
}

/// A set of packet numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// First → last.
    ranges: BTreeMap<u64, u64>,
    /// Lower ones are forgotten.
    floor: u64,
}

impl Numbers {
    /// Adds `first..=last`; false if all of them were there.
    pub(super) fn insert(&mut self, first: u64, last: u64) -> bool {
        let (mut first, mut last) = (first.max(self.floor), last);
        if first > last {
            return false;
        }
        if let Some((_, end)) = self.ranges.range(..=first).next_back()
            && *end >= last
        {
            return false;
        }
        // Every range that touches the new one becomes part of it.
        while let Some((&start, &end)) = self.ranges.range(..=last.saturating_add(1)).next_back() {
            if end.saturating_add(1) < first {
                break;
            }
            (first, last) = (first.min(start), last.max(end));
            self.ranges.remove(&start);
        }
        self.ranges.insert(first, last);
        while self.ranges.len() > RANGES {
            let Some((_, end)) = self.ranges.pop_first() else { break };
            self.floor = end.saturating_add(1);
        }
        true
    }

    /// The largest.
    pub(super) fn largest(&self) -> Option<u64> {
        self.ranges.last_key_value().map(|(_, last)| *last)
    }

    /// How many of `other` are not here, as far as both are remembered.
    pub(super) fn lacks(&self, other: &Self) -> u64 {
        let floor = self.floor.max(other.floor);
        let mut missing = 0_u64;
        for (&first, &last) in &other.ranges {
            let first = first.max(floor);
            if first > last {
                continue;
            }
            let mut known = 0_u64;
            for (&start, &end) in self.ranges.range(..=last) {
                let (from, to) = (start.max(first), end.min(last));
                if from <= to {
                    known = known.saturating_add(to.saturating_sub(from).saturating_add(1));
                }
            }
            missing = missing.saturating_add(last.saturating_sub(first).saturating_add(1)).saturating_sub(known);
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(ordered: &mut Ordered) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some(piece) = ordered.next() {
            assert_eq!(piece.origins.len(), piece.bytes.len());
            out.extend(piece.bytes);
        }
        out
    }

    proptest! {
        #[test]
        fn pieces_come_out_in_order(cuts in prop::collection::vec((0_usize..60, 1_usize..30), 1..40)) {
            let text: Vec<u8> = (0..60).collect();
            let mut ordered = Ordered::default();
            let mut out = Vec::new();
            for (from, len) in cuts {
                let to = (from + len).min(60);
                ordered.push(from as u64, &text[from..to], &Origins::one(to - from, 1), to == 60);
                out.extend(all(&mut ordered));
                prop_assert_eq!(&out[..], &text[..out.len()]);
            }
            ordered.push(0, &text, &Origins::one(60, 2), true);
            out.extend(all(&mut ordered));
            prop_assert_eq!(out, text);
            prop_assert!(ordered.done && ordered.held() == 0);
        }

        #[test]
        fn numbers_are_a_set(ranges in prop::collection::vec((0_u64..200, 0_u64..9), 0..60)) {
            let mut numbers = Numbers::default();
            let mut set = std::collections::BTreeSet::new();
            for (first, more) in ranges {
                let before = set.len();
                set.extend(first..=first + more);
                prop_assert_eq!(numbers.insert(first, first + more), set.len() > before);
                prop_assert_eq!(numbers.largest(), set.last().copied());
            }
            let mut every = Numbers::default();
            every.insert(0, 299);
            prop_assert_eq!(numbers.lacks(&every), 300 - set.len() as u64);
        }
    }

    #[test]
    fn a_hole_is_jumped_when_nobody_fills_it() {
        let mut ordered = Ordered::default();
        ordered.push(5, b"late", &Origins::one(4, 1), true);
        assert!(ordered.next().is_none());
        let piece = ordered.force().unwrap();
        assert_eq!((piece.lost, piece.offset, piece.bytes.as_slice(), piece.last), (5, 5, &b"late"[..], true));
        assert!(ordered.force().is_none());
    }
}
