//! xz (the .xz file format 1.2) and LZMA without it ("alone", .lzma).

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::unpack;
use crate::field::{Decoder, Fields, Hint, Sample};
use lzma_rust2::{LzmaReader, XzReader};

/// The entry.
pub(super) static XZ: Decoder = Decoder {
    name: "xz",
    about: "xz, and LZMA in its older form",
    layer: true,
    codings: &["xz", "lzma"],
    filter: Filter { any: Shape::NUL, none: Shape::NONE, min: 14, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample { bytes: b"\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4F\x02\x00!\x01\x0c\x00\x00\x00\x8f\x98A\x9c\xe0\x00A\x00&]\x00*\x1a\x08\xa2\x07\xc0\x16\xc7\xb7\xc3\x95\xee\xba)-\x12x<7{\x01a)G\xd3#1\xb91);\x03\xceq\x9dK\xeb\xb6\x00\x00\x00\x1d\xe5\xf1e\xbe\x01-a\x00\x01BB\x10\xb8\x1bz\x1f\xb6\xf3}\x01\x00\x00\x00\x00\x04YZ", hint: "", shows: "The heron waits", trail: "xz" },
        Sample { bytes: b"]\x00\x00\x04\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00*\x1a\x08\xa2\x07\xc0\x16\xc7\xb7\xc3\x95\xee\xba)-\x12x<7{\x01a)G\xd3#1\xb91);\x03\xceq\xa0r\x08a\xff\xfe\xd3$\x00", hint: "", shows: "The heron waits", trail: "xz" },
    ],
};

const MAGIC: &[u8] = b"\xfd7zXZ\0";
/// KiB of memory that a dictionary may take.
const MEMORY: u32 = 64 << 10;

/// A header of LZMA alone: properties within their range, a dictionary of a power of two, and a length that is not known or
/// could be.
fn is_alone(bytes: &[u8]) -> bool {
    let [properties, a, b, c, d, length @ ..] = bytes else { return false };
    let dictionary = u32::from_le_bytes([*a, *b, *c, *d]);
    let Some(length) = length.first_chunk::<8>().map(|eight| u64::from_le_bytes(*eight)) else { return false };
    // 5D is what every encoder writes unless told otherwise.
    *properties == 0x5d
        && dictionary.is_power_of_two()
        && dictionary >= 1 << 12
        && (length == u64::MAX || length < 1 << 32)
}

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if bytes.starts_with(MAGIC) {
        Match::Certain
    } else if is_alone(bytes) {
        Match::Maybe
    } else {
        Match::No
    }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: &str = "xz stream";
    let (limit, budget) = fields.room(bytes.len());
    let unpacked = if bytes.starts_with(MAGIC) {
        let mut rest = bytes;
        let mut unpacked = unpack::read(XzReader::new(&mut rest, false), limit);
        // Streams may follow one another.
        while unpacked.done && rest.starts_with(MAGIC) {
            let more = unpack::read(XzReader::new(&mut rest, false), limit.saturating_sub(unpacked.bytes.len()));
            unpacked.bytes.extend_from_slice(&more.bytes);
            (unpacked.done, unpacked.over) = (more.done, more.over);
        }
        if unpacked.done {
            fields.ends(bytes.len().saturating_sub(rest.len()));
        }
        unpacked
    } else if is_alone(bytes) {
        let reader = LzmaReader::new_mem_limit(bytes, MEMORY, None).map_err(|_| Malformed::Illegal(WHAT))?;
        let unpacked = unpack::read(reader, limit);
        // No check follows: what is cut short is nothing.
        if !unpacked.done && !unpacked.over {
            return Err(Malformed::Illegal(WHAT));
        }
        unpacked
    } else {
        return Err(Malformed::Illegal(WHAT));
    };
    unpack::put(unpacked, bytes.len(), budget, WHAT, fields)
}
