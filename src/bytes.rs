//! The only way to read wire bytes: every read is checked, named and bounded.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

pub mod domain;

use crate::model::origin::Origins;

/// Why bytes could not be read. Names say what was being read, for people; never the bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// The bytes are complete but not allowed here.
    #[error("illegal {0}")]
    Illegal(&'static str),
    /// The unit ends before its declared length.
    #[error("{0} is cut short")]
    Short(&'static str),
    /// A declared or accumulated size is over its budget.
    #[error("{0} is over its budget")]
    TooLarge(&'static str),
    /// Bytes are left over after a complete unit.
    #[error("bytes left over after {0}")]
    Trailing(&'static str),
}

/// How well bytes fit a protocol or format; ordered, so the best fit is the greatest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Match {
    /// These bytes are something else.
    No,
    /// Not enough bytes to tell.
    NeedMore,
    /// They could be this; only a full parse can tell.
    Maybe,
    /// They are this.
    Certain,
}

/// A checked reader over borrowed bytes. Integers are big-endian (network order) unless named otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    taken: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, taken: 0 }
    }

    /// Bytes read so far.
    pub const fn position(&self) -> usize {
        self.taken
    }

    /// Bytes not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(Malformed::Short(what))?;
        self.rest = tail;
        self.taken = self.taken.saturating_add(len);
        Ok(head)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        let bytes = self.take(N, what)?;
        bytes.try_into().map_err(|_| Malformed::Short(what))
    }

    /// One byte.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        Ok(u8::from_be_bytes(self.array(what)?))
    }

    /// Two bytes, big-endian.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array(what)?))
    }

    /// Three bytes, big-endian.
    pub fn u24(&mut self, what: &'static str) -> Result<u32, Malformed> {
        let [a, b, c] = self.array(what)?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes, big-endian.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array(what)?))
    }

    /// Eight bytes, big-endian.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, Malformed> {
        Ok(u64::from_be_bytes(self.array(what)?))
    }

    /// A reader over the next `len` bytes alone.
    pub fn sub(&mut self, len: usize, what: &'static str) -> Result<Self, Malformed> {
        Ok(Self::new(self.take(len, what)?))
    }

    /// A reader over a block with a one-byte length in front.
    pub fn sub_u8(&mut self, what: &'static str) -> Result<Self, Malformed> {
        let len = self.u8(what)?;
        self.sub(usize::from(len), what)
    }

    /// A reader over a block with a two-byte length in front.
    pub fn sub_u16(&mut self, what: &'static str) -> Result<Self, Malformed> {
        let len = self.u16(what)?;
        self.sub(usize::from(len), what)
    }

    /// A reader over a block with a three-byte length in front.
    pub fn sub_u24(&mut self, what: &'static str) -> Result<Self, Malformed> {
        let len = self.u24(what)?;
        self.sub(usize::try_from(len).map_err(|_| Malformed::TooLarge(what))?, what)
    }

    /// Ends the read; bytes left over are an error.
    pub fn finish(self, what: &'static str) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Trailing(what)) }
    }
}

/// Accumulates one direction of a stream until a whole unit is present, remembering which frame
/// carried each byte. Its cap is mandatory: a push over it is refused, never silently dropped.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    origins: Origins,
    head: usize,
    cap: usize,
    offset: u64,
}

impl Buffer {
    /// An empty buffer that refuses to hold more than `cap` bytes.
    pub fn new(cap: usize) -> Self {
        Self { bytes: Vec::new(), origins: Origins::new(), head: 0, cap, offset: 0 }
    }

    /// Appends `bytes`, carried as `origins` says.
    pub fn push(&mut self, bytes: &[u8], origins: &Origins) -> Result<(), Malformed> {
        if self.len().saturating_add(bytes.len()) > self.cap {
            return Err(Malformed::TooLarge("stream buffer"));
        }
        self.compact();
        self.bytes.extend_from_slice(bytes);
        self.origins.append(origins);
        Ok(())
    }

    /// The bytes held and not consumed.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(self.head..).unwrap_or_default()
    }

    /// How many bytes are held.
    pub fn len(&self) -> usize {
        self.bytes.len().saturating_sub(self.head)
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Offset in the stream of the first byte held.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Which frames carried `start..end` of the bytes held.
    pub fn origins(&self, start: usize, end: usize) -> Origins {
        self.origins.slice(self.head.saturating_add(start), self.head.saturating_add(end))
    }

    /// Forgets the first `len` bytes held.
    pub fn consume(&mut self, len: usize) {
        let len = len.min(self.len());
        self.head = self.head.saturating_add(len);
        self.offset = self.offset.saturating_add(len as u64);
        if self.head == self.bytes.len() {
            self.bytes.clear();
            self.origins.clear();
            self.head = 0;
        }
    }

    /// Forgets everything held and moves on to stream offset `offset` (after a gap).
    pub fn skip_to(&mut self, offset: u64) {
        self.bytes.clear();
        self.origins.clear();
        self.head = 0;
        self.offset = offset;
    }

    fn compact(&mut self) {
        if self.head > 65_536 && self.head >= self.bytes.len() / 2 {
            self.bytes.drain(..self.head.min(self.bytes.len()));
            self.origins.drop_front(self.head);
            self.head = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_names_what_is_short() {
        let mut cursor = Cursor::new(&[0, 3, 1, 2]);
        assert_eq!(cursor.sub_u16("record").unwrap_err(), Malformed::Short("record"));
        assert_eq!(cursor.position(), 2);
        assert_eq!(cursor.u16("rest").unwrap(), 0x0102);
        assert!(cursor.finish("record").is_ok());
    }

    #[test]
    fn buffer_keeps_frames_across_consume_and_compaction() {
        let mut buffer = Buffer::new(1 << 20);
        for frame in 1..=40_u64 {
            buffer.push(&[0; 5000], &Origins::one(5000, frame)).unwrap();
            if frame > 2 {
                buffer.consume(5000);
            }
        }
        assert_eq!(buffer.len(), 10_000);
        assert_eq!(buffer.origins(4999, 5001).frames(), [39, 40]);
        assert_eq!(buffer.offset(), 190_000);
    }

    #[test]
    fn buffer_refuses_more_than_its_cap() {
        let mut buffer = Buffer::new(4);
        buffer.push(b"abcd", &Origins::one(4, 1)).unwrap();
        assert_eq!(buffer.push(b"e", &Origins::one(1, 2)), Err(Malformed::TooLarge("stream buffer")));
    }
}
