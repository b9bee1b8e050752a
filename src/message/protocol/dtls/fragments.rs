//! Handshake messages out of fragments that come in any order, overlapping, and more than once.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::message::protocol::dtls::record::Fragment;
use crate::model::budget::{DTLS_FRAGMENTS, DTLS_MESSAGES, TLS_MESSAGE_BYTES};
use std::collections::BTreeMap;

/// A message of which pieces may be missing.
enum Message {
    Partial {
        kind: u8,
        len: usize,
        /// By offset.
        pieces: BTreeMap<usize, Vec<u8>>,
    },
    /// It was handed on; a hello is remembered, to tell a copy of it from one that begins anew.
    Done(Option<Vec<u8>>),
}

/// What a fragment brings.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Brought {
    /// Nothing yet, or nothing new.
    Nothing,
    /// A whole message.
    Whole(u8, Vec<u8>),
    /// It is over a budget, and was dropped.
    Over,
}

/// The messages of one direction.
#[derive(Default)]
pub(super) struct Fragments {
    messages: BTreeMap<(u16, u16), Message>,
    held: usize,
}

impl Fragments {
    /// Bytes held.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    pub(super) fn push(&mut self, epoch: u16, fragment: &Fragment<'_>) -> Brought {
        let key = (epoch, fragment.number);
        let whole = fragment.bytes.len() == fragment.len;
        if let Some(Message::Done(first)) = self.messages.get(&key) {
            let again = !whole || fragment.kind != 1 || first.as_deref().is_none_or(|first| first == fragment.bytes);
            if again {
                return Brought::Nothing;
            }
            // Another hello under the same number: its sender begins anew.
            self.clear();
        }
        if fragment.len > TLS_MESSAGE_BYTES {
            return Brought::Over;
        }
        if !self.messages.contains_key(&key) && self.messages.len() >= DTLS_MESSAGES {
            return Brought::Over;
        }
        if whole {
            if let Some(Message::Partial { pieces, .. }) = self.messages.get(&key) {
                self.held = self.held.saturating_sub(pieces.values().map(Vec::len).sum());
            }
            return self.done(key, fragment.kind, fragment.bytes.to_vec());
        }
        let message = self.messages.entry(key).or_insert_with(|| Message::Partial {
            kind: fragment.kind,
            len: fragment.len,
            pieces: BTreeMap::new(),
        });
        let Message::Partial { kind, len, pieces } = message else { return Brought::Nothing };
        if (*kind, *len) != (fragment.kind, fragment.len) {
            return Brought::Nothing;
        }
        if pieces.get(&fragment.offset).is_some_and(|known| known.len() >= fragment.bytes.len()) {
            return Brought::Nothing;
        }
        if pieces.len() >= DTLS_FRAGMENTS || self.held.saturating_add(fragment.bytes.len()) > TLS_MESSAGE_BYTES {
            return Brought::Over;
        }
        self.held = self.held.saturating_add(fragment.bytes.len());
        if let Some(shorter) = pieces.insert(fragment.offset, fragment.bytes.to_vec()) {
            self.held = self.held.saturating_sub(shorter.len());
        }
        let mut out = Vec::new();
        for (offset, piece) in pieces.iter() {
            // A hole.
            let Some(known) = out.len().checked_sub(*offset) else { return Brought::Nothing };
            out.extend_from_slice(piece.get(known..).unwrap_or_default());
        }
        if out.len() < *len {
            return Brought::Nothing;
        }
        let (kind, spent): (u8, usize) = (*kind, pieces.values().map(Vec::len).sum());
        self.held = self.held.saturating_sub(spent);
        self.done(key, kind, out)
    }

    fn done(&mut self, key: (u16, u16), kind: u8, bytes: Vec<u8>) -> Brought {
        self.messages.insert(key, Message::Done((kind == 1).then(|| bytes.clone())));
        Brought::Whole(kind, bytes)
    }

    /// A new handshake begins.
    pub(super) fn clear(&mut self) {
        self.messages.clear();
        self.held = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(offset: usize, bytes: &[u8]) -> Fragment<'_> {
        Fragment { kind: 11, len: 6, number: 2, offset, bytes }
    }

    #[test]
    fn pieces_in_any_order_overlapping_and_repeated_make_one_message() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.push(0, &piece(3, b"def")), Brought::Nothing);
        assert_eq!(fragments.push(0, &piece(3, b"def")), Brought::Nothing);
        assert_eq!(fragments.push(0, &piece(1, b"bc")), Brought::Nothing);
        assert_eq!(fragments.push(0, &piece(0, b"ab")), Brought::Whole(11, b"abcdef".to_vec()));
        assert_eq!(fragments.push(0, &piece(0, b"ab")), Brought::Nothing);
        assert_eq!(fragments.held(), 0);
    }

    #[test]
    fn floods_are_bounded_and_told() {
        let mut fragments = Fragments::default();
        let mut over = 0;
        for number in 0..1000 {
            for offset in 0..4 {
                let fragment = Fragment { kind: 11, len: 200_000, number, offset: offset * 50_000, bytes: &[7; 1000] };
                over += usize::from(fragments.push(0, &fragment) == Brought::Over);
            }
        }
        assert!(over > 0 && fragments.held() <= TLS_MESSAGE_BYTES && fragments.messages.len() <= DTLS_MESSAGES);
        let claim = Fragment { kind: 11, len: 1 << 23, number: 0, offset: 1 << 22, bytes: b"x" };
        assert_eq!(fragments.push(9, &claim), Brought::Over);
    }

    #[test]
    fn another_hello_begins_anew_and_a_copy_does_not() {
        let mut fragments = Fragments::default();
        let hello = |bytes: &'static [u8]| Fragment { kind: 1, len: bytes.len(), number: 0, offset: 0, bytes };
        assert_eq!(fragments.push(0, &hello(b"one")), Brought::Whole(1, b"one".to_vec()));
        assert_eq!(fragments.push(0, &hello(b"one")), Brought::Nothing);
        assert_eq!(fragments.push(0, &hello(b"two")), Brought::Whole(1, b"two".to_vec()));
    }
}
