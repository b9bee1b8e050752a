//! Snappy: framed, and raw blocks whose length comes out exactly.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::has_text;
use crate::field::unpack::{self, Unpacked};
use crate::field::{Decoder, Fields, Hint, Sample};
use snap::raw::{Decoder as Raw, decompress_len};
use snap::read::FrameDecoder;

/// The entry.
pub(super) static SNAPPY: Decoder = Decoder {
    name: "snappy",
    about: "Snappy, framed and raw",
    layer: true,
    codings: &["snappy", "x-snappy-framed"],
    filter: Filter { any: Shape::BINARY, none: Shape::NONE, min: 8, undeclared: Some(Shape::NONE) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"\xff\x06\x00\x00sNaPpY\x00)\x00\x00\x9b\xfeg\xf1B`The heron lands at dusk. \x8a\x19\x00\x14waits.",
            hint: "",
            shows: "The heron waits",
            trail: "snappy",
        },
        Sample {
            bytes: b"B`The heron lands at dusk. \x8a\x19\x00\x14waits.",
            hint: "",
            shows: "The heron waits",
            trail: "snappy",
        },
    ],
};

const MAGIC: &[u8] = b"\xff\x06\x00\x00sNaPpY";

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if bytes.starts_with(MAGIC) {
        return Match::Certain;
    }
    // A block begins with a literal, and its declared length is one that its bytes could have.
    let fits = decompress_len(bytes)
        .is_ok_and(|len| len >= 12 && len <= bytes.len().saturating_mul(24) && len.saturating_mul(2) >= bytes.len());
    if fits { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: &str = "Snappy frame or block";
    let (limit, budget) = fields.room(bytes.len());
    if bytes.starts_with(MAGIC) {
        return unpack::put(unpack::read(FrameDecoder::new(bytes), limit), bytes.len(), budget, WHAT, fields);
    }
    let len = decompress_len(bytes).map_err(|_| Malformed::Illegal(WHAT))?;
    if len > limit {
        return Err(Malformed::TooLarge(WHAT));
    }
    let out = Raw::new().decompress_vec(bytes).map_err(|_| Malformed::Illegal(WHAT))?;
    if !has_text(&out) {
        fields.tentative();
    }
    unpack::put(Unpacked { bytes: out, done: true, over: false }, bytes.len(), budget, WHAT, fields)
}
