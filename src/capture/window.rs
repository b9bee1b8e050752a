//! A moving window over a file: large reads, and units of any size borrowed from it without a copy.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::Stopped;
use crate::bytes::Malformed;
use std::io::{self, BufRead, Read};

/// Bytes asked of the file at once: large enough that system calls cost nothing, small enough for the cache.
const READ: usize = 1 << 20;

/// The bytes of a file from the current position on, as many as a reader asks for.
///
/// The buffer grows with the bytes that really come, never by a length that the file merely declares.
pub struct Window {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    base: u64,
    ended: bool,
    broken: Option<String>,
}

impl Window {
    /// A window at the start of `input`.
    pub fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input, buffer: Vec::new(), start: 0, end: 0, base: 0, ended: false, broken: None }
    }

    /// Offset of the current position in the (decompressed) file.
    pub fn offset(&self) -> u64 {
        self.base.saturating_add(self.start as u64)
    }

    /// Makes the next `len` bytes available. `false` when the file ends properly right here; an error when it ends,
    /// or cannot be read, before `len` bytes have come.
    #[inline]
    pub fn need(&mut self, len: usize, what: &'static str) -> Result<bool, Stopped> {
        if self.end.saturating_sub(self.start) >= len {
            return Ok(true);
        }
        self.fill(len);
        match self.end.saturating_sub(self.start) {
            have if have >= len => Ok(true),
            0 if self.broken.is_none() => Ok(false),
            _ => Err(self.stopped(self.broken.clone().unwrap_or_else(|| Malformed::Short(what).to_string()))),
        }
    }

    /// The next bytes, at most `len`, as far as [`Window::need`] made them available.
    #[inline]
    pub fn peek(&self, len: usize) -> &[u8] {
        let stop = self.start.saturating_add(len).min(self.end);
        self.buffer.get(self.start..stop).unwrap_or_default()
    }

    /// The `len` bytes that end at the current position, if they are still here: what was just consumed.
    #[inline]
    pub fn behind(&self, len: usize) -> &[u8] {
        self.buffer.get(self.start.saturating_sub(len)..self.start).unwrap_or_default()
    }

    /// The first `len` bytes, or fewer when the file is shorter or breaks off; for sniffing.
    pub fn head(&mut self, len: usize) -> &[u8] {
        self.fill(len);
        self.peek(len)
    }

    /// Why the file cannot be read on, if it cannot.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Moves on over `len` bytes that are available.
    #[inline]
    pub fn consume(&mut self, len: usize) {
        self.start = self.start.saturating_add(len).min(self.end);
    }

    /// Moves on over `len` bytes, available or not; `false` when the file ends before.
    pub fn skip(&mut self, mut len: u64) -> bool {
        loop {
            let have = self.end.saturating_sub(self.start) as u64;
            let step = have.min(len);
            self.consume(usize::try_from(step).unwrap_or(usize::MAX));
            len = len.saturating_sub(step);
            if len == 0 {
                return true;
            }
            self.fill(1);
            if self.start == self.end {
                return false;
            }
        }
    }

    /// An error at the current position.
    pub fn stopped(&self, why: impl Into<String>) -> Stopped {
        Stopped { offset: self.offset(), why: why.into() }
    }

    fn fill(&mut self, len: usize) {
        while self.end.saturating_sub(self.start) < len && !self.ended {
            if self.start > 0 && self.start.saturating_add(len) > self.buffer.len() {
                self.buffer.copy_within(self.start..self.end, 0);
                self.base = self.base.saturating_add(self.start as u64);
                self.end = self.end.saturating_sub(self.start);
                self.start = 0;
            }
            if self.end == self.buffer.len() {
                let size = self.buffer.len().saturating_mul(2).max(READ);
                self.buffer.resize(size, 0);
            }
            match self.input.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end = self.end.saturating_add(read).min(self.buffer.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    self.broken = Some(error.to_string());
                }
            }
        }
    }
}

impl Read for Window {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        self.fill(1);
        let have = self.peek(out.len());
        let read = have.len();
        if read == 0 {
            return self.broken.as_ref().map_or(Ok(0), |why| Err(io::Error::other(why.clone())));
        }
        out.get_mut(..read).unwrap_or_default().copy_from_slice(have);
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Window {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill(1);
        match &self.broken {
            Some(why) if self.start == self.end => Err(io::Error::other(why.clone())),
            _ => Ok(self.peek(usize::MAX)),
        }
    }

    fn consume(&mut self, len: usize) {
        Self::consume(self, len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_larger_than_a_read_are_whole_and_offsets_hold() {
        let file: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_be_bytes).collect();
        let mut window = Window::new(Box::new(io::Cursor::new(file.clone())));
        let mut at = 0;
        for len in [1, 3, READ, 4 * READ + 7, 10] {
            assert!(window.need(len, "unit").unwrap());
            assert_eq!(window.peek(len), &file[at..at + len]);
            window.consume(len);
            at += len;
            assert_eq!(window.offset(), at as u64);
        }
        assert!(window.skip((file.len() - at) as u64));
        assert!(!window.need(1, "unit").unwrap());
        assert!(!window.skip(1));
    }

    #[test]
    fn a_cut_unit_says_where_and_a_lying_length_allocates_nothing() {
        let mut window = Window::new(Box::new(io::Cursor::new(vec![7; 10])));
        window.consume(0);
        assert!(window.need(4, "header").unwrap());
        window.consume(4);
        let stopped = window.need(1 << 40, "record").unwrap_err();
        assert_eq!(stopped, Stopped { offset: 4, why: "record is cut short".into() });
        assert!(window.buffer.len() <= 2 * READ);
    }
}
