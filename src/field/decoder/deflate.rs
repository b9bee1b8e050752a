//! Raw deflate (RFC 1951): no header and no check, so taken only on strong grounds.

use crate::bytes::{Malformed, Match};
use crate::field::inflate::inflate;
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_text;
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};

/// The entry.
pub(super) static DEFLATE: Decoder = Decoder {
    name: "deflate",
    about: "raw deflate (RFC 1951)",
    layer: true,
    codings: &["deflate", "deflate-raw"],
    filter: Filter { any: Shape::BINARY, none: Shape::NONE, min: 16, undeclared: Some(Shape::NONE) },
    fits,
    open,
    samples: &[Sample { bytes: HERON, hint: "", shows: "The heron lands at dusk", trail: "deflate" }],
};

const HERON: &[u8] =
    b"\x0b\xc9\x48\x55\xc8\x48\x2d\xca\xcf\x53\xc8\x49\xcc\x4b\x29\x56\x48\x2c\x51\x48\x29\x2d\xce\x06\x00";

/// Bytes of output that no other bytes than a stream's come to.
const LONG: usize = 64 << 10;

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    match bytes.first().map(|first| first >> 1 & 3) {
        // Block type 3 does not exist; a stored block carries the complement of its length.
        Some(1 | 2) => Match::Maybe,
        Some(0) => match bytes {
            [_, a, b, c, d, ..] if a ^ c == 0xff && b ^ d == 0xff => Match::Maybe,
            _ => Match::No,
        },
        _ => Match::No,
    }
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let (limit, budget) = fields.room(bytes.len());
    let out = inflate(bytes, false, limit);
    if hint.encoding.is_some() {
        if out.bytes.is_empty() {
            return Err(Malformed::Illegal("deflate stream"));
        }
        if !out.done || out.used < bytes.len() {
            fields.damaged();
        }
    } else if out.over && out.bytes.len() >= LONG {
        // Nothing but a stream goes on for so long: what its budget cut off is told.
        fields.damaged();
    } else if !out.done || out.used != bytes.len() || out.bytes.len() < 16 {
        return Err(Malformed::Illegal("deflate stream"));
    } else if !is_text(&out.bytes) {
        fields.tentative();
    }
    if out.over {
        fields.exhausted(budget);
    }
    fields.whole(out.bytes, Reach::Blocks(out.way), Kind::Bytes);
    Ok(())
}
