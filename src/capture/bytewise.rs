//! A text file byte by byte, with the line it has come to: for formats whose records are no lines.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::{Stopped, Window};
use crate::model::budget::RECORD_BYTES;
use crate::model::origin::FrameNo;

/// Bytes asked for at first.
const STEP: usize = 64 << 10;

/// Reads a text file.
pub(super) struct Bytewise {
    window: Window,
    line: FrameNo,
}

impl Bytewise {
    /// From the first byte on; a byte order mark is no part of the text.
    pub(super) fn new(mut window: Window) -> Self {
        if window.head(3) == b"\xef\xbb\xbf" {
            window.consume(3);
        }
        Self { window, line: 1 }
    }

    /// The line of the next byte, from 1.
    pub(super) const fn line(&self) -> FrameNo {
        self.line
    }

    /// The next byte, which stays.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        match self.window.peek(1).first() {
            Some(byte) => Some(*byte),
            None => self.window.head(1).first().copied(),
        }
    }

    /// Whether what follows begins like this.
    pub(super) fn starts_with(&mut self, text: &[u8]) -> bool {
        self.window.head(text.len()) == text
    }

    /// The next byte.
    #[inline]
    pub(super) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.line = self.line.saturating_add(u64::from(byte == b'\n'));
        self.window.consume(1);
        Some(byte)
    }

    /// Takes the next byte if it is one of these.
    pub(super) fn take_if(&mut self, fits: impl Fn(u8) -> bool) -> Option<u8> {
        if self.peek().is_some_and(fits) { self.next() } else { None }
    }

    /// Skips bytes while they fit.
    pub(super) fn skip_while(&mut self, fits: impl Fn(u8) -> bool) {
        while self.take_if(&fits).is_some() {}
    }

    /// The rest of the line, without its end; `false` when it was longer than a record may be and its rest was skipped.
    pub(super) fn rest_of_line(&mut self, out: &mut Vec<u8>) -> bool {
        out.clear();
        let mut kept = true;
        loop {
            let at_hand = self.window.head(1);
            if at_hand.is_empty() {
                return kept;
            }
            let at_hand = self.window.peek(STEP);
            let end = memchr::memchr(b'\n', at_hand);
            let piece = at_hand.get(..end.unwrap_or(at_hand.len())).unwrap_or_default();
            if out.len().saturating_add(piece.len()) <= RECORD_BYTES {
                out.extend_from_slice(piece);
            } else {
                kept = false;
            }
            let step = piece.len().saturating_add(usize::from(end.is_some()));
            self.window.consume(step);
            if end.is_some() {
                self.line = self.line.saturating_add(1);
                if out.last() == Some(&b'\r') {
                    out.pop();
                }
                return kept;
            }
        }
    }

    /// Why the file cannot be read on, once [`Bytewise::next`] says that it ended.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        self.window.broken().map(|why| self.window.stopped(why))
    }

    /// The window itself, for who moves over whole values.
    pub(super) const fn window(&mut self) -> &mut Window {
        &mut self.window
    }

    /// Moves on over bytes that are at hand, counting lines.
    pub(super) fn consume(&mut self, len: usize) {
        let lines = memchr::memchr_iter(b'\n', self.window.peek(len)).count();
        self.line = self.line.saturating_add(lines as u64);
        self.window.consume(len);
    }
}
