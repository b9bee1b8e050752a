//! What several envelopes are written in: protocol buffers and DER, read strictly.

use crate::bytes::{Cursor, Malformed};
use std::ops::Range;

/// One field of a protocol buffer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::sighting) enum Value {
    /// Wire type 0.
    Number(u64),
    /// Wire type 2: where its bytes stand.
    Bytes(Range<usize>),
}

/// The fields of a message, each at most once, none but `known` (ascending numbers are not required), all bytes used.
pub(in crate::sighting) struct Protobuf<'b> {
    bytes: &'b [u8],
    fields: Vec<(u32, Value)>,
}

impl<'b> Protobuf<'b> {
    /// Reads `range` of `bytes`; ranges of fields are relative to `bytes`.
    pub(in crate::sighting) fn read(bytes: &'b [u8], range: Range<usize>, known: &[u32]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes.get(range.clone())?);
        let mut fields: Vec<(u32, Value)> = Vec::new();
        while !cursor.is_empty() {
            let tag = varint(&mut cursor).ok()?;
            let number = u32::try_from(tag >> 3).ok()?;
            if !known.contains(&number) || fields.iter().any(|(seen, _)| *seen == number) {
                return None;
            }
            let value = match tag & 7 {
                0 => Value::Number(varint(&mut cursor).ok()?),
                2 => {
                    let len = usize::try_from(varint(&mut cursor).ok()?).ok()?;
                    let start = range.start.checked_add(cursor.position())?;
                    cursor.take(len, "protobuf field").ok()?;
                    Value::Bytes(start..start.checked_add(len)?)
                }
                _ => return None,
            };
            fields.push((number, value));
        }
        Some(Self { bytes, fields })
    }

    /// Whether a field is there.
    pub(in crate::sighting) fn has(&self, number: u32) -> bool {
        self.fields.iter().any(|(known, _)| *known == number)
    }

    /// A number.
    pub(in crate::sighting) fn number(&self, number: u32) -> Option<u64> {
        self.fields.iter().find_map(|(known, value)| match value {
            Value::Number(value) if *known == number => Some(*value),
            _ => None,
        })
    }

    /// Where the bytes of a field stand.
    pub(in crate::sighting) fn range(&self, number: u32) -> Option<Range<usize>> {
        self.fields.iter().find_map(|(known, value)| match value {
            Value::Bytes(range) if *known == number => Some(range.clone()),
            _ => None,
        })
    }

    /// The bytes of a field of this length.
    pub(in crate::sighting) fn exact(&self, number: u32, len: usize) -> Option<&'b [u8]> {
        self.bytes.get(self.range(number)?).filter(|bytes| bytes.len() == len)
    }

    /// A public key of Curve25519 as Signal writes it: a type byte in front.
    pub(in crate::sighting) fn key(&self, number: u32) -> bool {
        self.exact(number, 33).is_some_and(|key| key.first() == Some(&5))
    }
}

fn varint(cursor: &mut Cursor<'_>) -> Result<u64, Malformed> {
    const WHAT: &str = "varint";
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = cursor.u8(WHAT)?;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            // Written in as few bytes as it takes.
            return if byte == 0 && shift > 0 { Err(Malformed::Illegal(WHAT)) } else { Ok(value) };
        }
    }
    Err(Malformed::Illegal(WHAT))
}

/// One value of DER, or of BER with an indefinite length (X.690).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::sighting) struct Tlv {
    /// Identifier octet.
    pub(in crate::sighting) tag: u8,
    /// Where its contents stand.
    pub(in crate::sighting) inner: Range<usize>,
    /// The byte behind it.
    pub(in crate::sighting) end: usize,
}

/// The value that starts at `at` and ends at `end` at the latest. `depth`: values in one another that are looked into.
pub(in crate::sighting) fn tlv(bytes: &[u8], at: usize, end: usize, depth: u8) -> Option<Tlv> {
    let mut cursor = Cursor::new(bytes.get(at..end)?);
    let tag = cursor.u8("tag").ok()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let first = cursor.u8("length").ok()?;
    let len = match first {
        0..=0x7f => usize::from(first),
        0x80 if tag & 0x20 != 0 => {
            let start = at.checked_add(2)?;
            let mut next = start;
            loop {
                if bytes.get(next..next.checked_add(2)?) == Some(&[0, 0]) {
                    return Some(Tlv { tag, inner: start..next, end: next.checked_add(2)? });
                }
                next = tlv(bytes, next, end, depth.checked_sub(1)?)?.end;
            }
        }
        0x81..=0x84 => {
            let mut len = 0_usize;
            for _ in 0x80..first {
                len = len.checked_mul(256)?.checked_add(usize::from(cursor.u8("length").ok()?))?;
            }
            len
        }
        _ => return None,
    };
    let start = at.checked_add(cursor.position())?;
    cursor.take(len, "contents").ok()?;
    Some(Tlv { tag, inner: start..start.checked_add(len)?, end: start.checked_add(len)? })
}

/// All values of a range, one after the other, at most `most`.
pub(in crate::sighting) fn all(bytes: &[u8], range: Range<usize>, depth: u8, most: usize) -> Option<Vec<Tlv>> {
    let mut out = Vec::new();
    let mut at = range.start;
    while at < range.end {
        if out.len() >= most {
            return None;
        }
        let next = tlv(bytes, at, range.end, depth)?;
        at = next.end;
        out.push(next);
    }
    Some(out)
}
