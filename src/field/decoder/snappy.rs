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
    filter: Filter { any: Shape::BINARY, none: Shape::NONE, min: 8, undeclared: Some(&[]) },
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
    let fits = decompress_len(bytes).is_ok_and(|len| {
        len >= 12
            && len <= bytes.len().saturating_mul(24)
            && len.saturating_mul(2) >= bytes.len()
            && begins(bytes, len).unwrap_or(false)
    });
    if fits { Match::Maybe } else { Match::No }
}

/// Pieces of a block that are looked at before any is unpacked.
const LOOK: usize = 16;

/// Whether a block of `len` bytes may begin so: every piece is there, fits, and repeats only what came before it. `None`, too,
/// says that it may not.
fn begins(block: &[u8], len: usize) -> Option<bool> {
    let head = block.iter().position(|byte| *byte < 0x80)?;
    let mut rest = block.get(head.saturating_add(1)..)?;
    let mut out = 0_usize;
    for _ in 0..LOOK {
        let Some((tag, tail)) = rest.split_first() else { return Some(out == len) };
        let more = usize::from(tag >> 2);
        // Bytes behind the tag that say how much, or from where.
        let said = match tag & 3 {
            0 => more.saturating_sub(59),
            1 => 1,
            2 => 2,
            _ => 4,
        };
        let (number, tail) = tail.split_at_checked(said)?;
        let number = number.iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        let (count, from) = match tag & 3 {
            0 if said == 0 => (more.saturating_add(1), None),
            0 => (number.saturating_add(1), None),
            1 => ((more & 7).saturating_add(4), Some(usize::from(tag >> 5) << 8 | number)),
            _ => (more.saturating_add(1), Some(number)),
        };
        rest = match from {
            None => tail.get(count..)?,
            Some(from) if from == 0 || from > out => return None,
            Some(_) => tail,
        };
        out = out.saturating_add(count);
        if out > len {
            return None;
        }
    }
    Some(true)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_that_do_not_begin_cannot_be_unpacked(
            mut block in proptest::collection::vec(any::<u8>(), 8..40), low in proptest::collection::vec(0_u8..24, 0..30),
            text in "(heron |dusk ){2,9}", at in any::<prop::sample::Index>(), byte in any::<u8>(), len in 12_u8..64,
        ) {
            let mut packed = snap::raw::Encoder::new().compress_vec(text.as_bytes()).unwrap();
            prop_assert_eq!(begins(&packed, text.len()), Some(true));
            let at = at.index(packed.len());
            packed[at] = byte;
            block[0] = len;
            for (to, from) in block.iter_mut().skip(1).zip(&low) {
                *to = *from;
            }
            for block in [packed, block] {
                if let Ok(len) = decompress_len(&block) && begins(&block, len) != Some(true) {
                    prop_assert!(Raw::new().decompress_vec(&block).is_err());
                }
            }
        }
    }
}
