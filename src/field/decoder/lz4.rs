//! LZ4: frames, and blocks with their length in front as the common libraries write them.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::has_text;
use crate::field::unpack::{self, Unpacked};
use crate::field::{Decoder, Fields, Hint, Sample};
use lz4_flex::frame::FrameDecoder;

/// The entry.
pub(super) static LZ4: Decoder = Decoder {
    name: "lz4",
    about: "LZ4 frames, and blocks with their length in front",
    layer: true,
    codings: &["lz4"],
    filter: Filter { any: Shape::BINARY, none: Shape::NONE, min: 9, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample { bytes: b"\x04\x22M\x18h@B\x00\x00\x00\x00\x00\x00\x00\xe5%\x00\x00\x00\xff\x0aThe heron lands at dusk. \x19\x00\x10`waits.\x00\x00\x00\x00", hint: "", shows: "The heron waits", trail: "lz4" },
        Sample { bytes: b"B\x00\x00\x00\xff\x0aThe heron lands at dusk. \x19\x00\x10`waits.", hint: "", shows: "The heron waits", trail: "lz4" },
    ],
};

const MAGIC: &[u8] = b"\x04\x22\x4d\x18";

/// The length that stands in front of a block, if a block could have it.
fn length(bytes: &[u8]) -> Option<usize> {
    let len = usize::try_from(u32::from_le_bytes(*bytes.first_chunk::<4>()?)).ok()?;
    let block = bytes.len().checked_sub(4)?;
    // A block grows a little at worst, and shrinks 255 times at best.
    (len >= 12 && len <= block.saturating_mul(255) && block <= len.saturating_add(len / 255).saturating_add(16))
        .then_some(len)
}

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if bytes.starts_with(MAGIC) {
        Match::Certain
    } else if length(bytes).is_some() {
        Match::Maybe
    } else {
        Match::No
    }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: &str = "LZ4 frame or block";
    let (limit, budget) = fields.room(bytes.len());
    if bytes.starts_with(MAGIC) {
        let mut rest = bytes;
        let mut unpacked = unpack::read(FrameDecoder::new(&mut rest), limit);
        while unpacked.done && rest.starts_with(MAGIC) {
            let more = unpack::read(FrameDecoder::new(&mut rest), limit.saturating_sub(unpacked.bytes.len()));
            unpacked.bytes.extend_from_slice(&more.bytes);
            (unpacked.done, unpacked.over) = (more.done, more.over);
        }
        if unpacked.done {
            fields.ends(bytes.len().saturating_sub(rest.len()));
        }
        return unpack::put(unpacked, bytes.len(), budget, WHAT, fields);
    }
    let len = length(bytes).filter(|len| *len <= limit).ok_or(Malformed::Illegal(WHAT))?;
    let block = bytes.get(4..).unwrap_or_default();
    let out = lz4_flex::block::decompress(block, len).map_err(|_| Malformed::Illegal(WHAT))?;
    // The length came out exactly; what reads as nothing may still be chance.
    if out.len() != len {
        return Err(Malformed::Illegal(WHAT));
    }
    if !has_text(&out) {
        fields.tentative();
    }
    unpack::put(Unpacked { bytes: out, done: true, over: false }, bytes.len(), budget, WHAT, fields)
}
