//! Brotli (RFC 7932): no magic and no check, so taken by declaration, or when all of it reads as text.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::{is_text, is_text_so_far};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};
use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

/// The entry.
pub(super) static BROTLI: Decoder = Decoder {
    name: "brotli",
    about: "Brotli (RFC 7932)",
    layer: true,
    codings: &["br"],
    filter: Filter { any: Shape::BINARY, none: Shape::NONE, min: 24, undeclared: Some(Shape::NONE) },
    fits,
    open,
    samples: &[Sample { bytes: HERON, hint: "", shows: "The heron lands at dusk", trail: "brotli" }],
};

const HERON: &[u8] = b"\x1b\x2c\x00\xf8\x8d\x94\xab\xe5\x6c\x41\xa5\xdb\xbc\xde\xf1\xf7\x3e\xc6\x04\xa1\x98\x90\x45\x58\x9a\x8c\x14\xea\x8c\x70\x84\x9f\x14\xb6\x89\x05\xbb\xe0\xab\x35\x60\x22\x94\x33\xd9\x55\x3f\x1a";

/// Undeclared, so many bytes are tried at most.
const LONGEST_GUESS: usize = 1 << 20;

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    // Undeclared it is looked for where a whole payload stands, not in every binary value of a structure.
    let is_payload =
        hint.name.get().is_none() || hint.within.last().is_some_and(|last| matches!(*last, "base64" | "hex"));
    if hint.whole && is_payload && bytes.len() <= LONGEST_GUESS { Match::Maybe } else { Match::No }
}

/// Whether the first header may be that of a text (RFC 7932, sections 9.1 and 9.2): random bytes often claim to go on
/// unchanged, and finding out by decoding costs a window.
fn may_begin(bytes: &[u8]) -> bool {
    let head = bytes.iter().take(8).rev().fold(0_u64, |head, byte| head << 8 | u64::from(*byte));
    let mut at = 0_u32;
    let mut take = |bits: u32| {
        let value = head >> at & ((1 << bits) - 1);
        at = at.saturating_add(bits);
        value
    };
    if take(1) == 1 && take(3) == 0 {
        take(3);
    }
    let last = take(1) == 1;
    if last && take(1) == 1 {
        return false;
    }
    let nibbles = match take(2) {
        3 => return true,
        nibbles => 4_u32.saturating_add(u32::try_from(nibbles).unwrap_or(0)),
    };
    let len = take(nibbles.saturating_mul(4)).saturating_add(1);
    if last || take(1) == 0 {
        return true;
    }
    let raw = bytes.get(at.div_ceil(8) as usize..).and_then(|rest| rest.get(..usize::try_from(len).ok()?));
    raw.is_some_and(is_text_so_far)
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("brotli stream");
    if hint.encoding.is_none() && !may_begin(bytes) {
        return Err(WHAT);
    }
    let alloc = StandardAlloc::default;
    let mut state = BrotliState::new(alloc(), alloc(), alloc());
    let (limit, budget) = fields.room(bytes.len());
    let (mut out, mut way) = (Vec::new(), vec![(0, 0)]);
    let mut chunk = vec![0_u8; bytes.len().saturating_mul(4).clamp(1 << 10, 16 << 10)];
    let (mut used, mut total) = (0_usize, 0_usize);
    let piece = (bytes.len() / 512).clamp(32, 8_192);
    let mut stop = 0_usize;
    let (done, over) = loop {
        if used >= stop {
            stop = used.saturating_add(piece).min(bytes.len());
            // A symbol may begin a few bytes before the piece that ends it.
            way.push((to_u32(out.len()), to_u32(used)));
            way.push((to_u32(out.len()), to_u32(used.saturating_sub(8))));
        }
        let (mut left_in, mut left_out, mut put) = (stop.saturating_sub(used), chunk.len(), 0_usize);
        let input = bytes.get(..stop).unwrap_or_default();
        let result = BrotliDecompressStream(
            &mut left_in,
            &mut used,
            input,
            &mut left_out,
            &mut put,
            &mut chunk,
            &mut total,
            &mut state,
        );
        let room = limit.saturating_sub(out.len());
        out.extend_from_slice(chunk.get(..put.min(room)).unwrap_or_default());
        match result {
            _ if put > room => break (false, true),
            BrotliResult::ResultSuccess => break (true, false),
            BrotliResult::ResultFailure => break (false, false),
            BrotliResult::NeedsMoreInput if used >= bytes.len() => break (false, false),
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
    };
    way.push((to_u32(out.len()), to_u32(used)));
    let complete = done && used == bytes.len();
    if hint.encoding.is_none() && !(complete && out.len() >= 16 && is_text(&out)) {
        return Err(WHAT);
    }
    if out.is_empty() {
        return Err(WHAT);
    }
    if over {
        fields.exhausted(budget);
    }
    if !complete {
        fields.damaged();
    }
    fields.whole(out, Reach::Blocks(way), Kind::Bytes);
    Ok(())
}
