//! Zstandard (RFC 8878): one frame or several, skippable ones included.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::budget;
use crate::model::field::{Kind, Reach};
use zstd::stream::raw::{DParameter, Decoder as Frames, InBuffer, Operation as _, OutBuffer};

/// The entry.
pub(super) static ZSTD: Decoder = Decoder {
    name: "zstd",
    about: "Zstandard, one frame or several (RFC 8878)",
    layer: true,
    codings: &["zstd"],
    filter: Filter { any: Shape::HIGH, none: Shape::NONE, min: 8, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[Sample { bytes: HERON, hint: "", shows: "The heron lands at dusk", trail: "zstd" }],
};

const HERON: &[u8] = b"\x28\xb5\x2f\xfd\x04\x58\xb9\x00\x00\x54\x68\x65\x20\x68\x65\x72\x6f\x6e\x20\x6c\x61\x6e\x64\x73\x20\x61\x74\x20\x64\x75\x73\x6b\x7f\x58\xaf\x29";

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    match bytes {
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Match::Certain,
        _ => Match::No,
    }
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("zstd frame");
    if fits(hint, bytes) == Match::No {
        return Err(WHAT);
    }
    let mut frames = Frames::new().map_err(|_| WHAT)?;
    frames.set_parameter(DParameter::WindowLogMax(budget::ZSTD_WINDOW_LOG)).map_err(|_| WHAT)?;
    let (limit, budget) = fields.room(bytes.len());
    let mut out: Vec<u8> = Vec::new();
    let mut way = vec![(0, 0)];
    let mut chunk = vec![0_u8; 64 << 10];
    let (mut at, mut ended, mut over) = (0_usize, false, false);
    let piece = (bytes.len() / 512).clamp(32, 8_192);
    let complete = loop {
        let feed = bytes.get(at..at.saturating_add(piece).min(bytes.len())).unwrap_or_default();
        let mut input = InBuffer::around(feed);
        let mut output = OutBuffer::around(&mut chunk[..]);
        let Ok(left) = frames.run(&mut input, &mut output) else {
            break false;
        };
        let (took, put) = (input.pos(), output.pos());
        at = at.saturating_add(took);
        let room = limit.saturating_sub(out.len());
        out.extend_from_slice(chunk.get(..put.min(room)).unwrap_or_default());
        if put > room {
            fields.exhausted(budget);
            over = true;
            break false;
        }
        if took == 0 && put == 0 {
            break ended;
        }
        ended = left == 0;
        if put > 0 {
            // A block comes out once all of it came in: its end is here, the next begins within this piece.
            let here = to_u32(out.len());
            if took == 0 && way.len() > 2 {
                way.truncate(way.len().saturating_sub(2));
            }
            way.push((here, to_u32(at)));
            way.push((here, to_u32(at.saturating_sub(piece))));
        }
    };
    if out.is_empty() && !complete {
        return Err(WHAT);
    }
    way.push((to_u32(out.len()), to_u32(at)));
    if !complete || at < bytes.len() {
        fields.damaged();
        if !over {
            fields.ends(at);
        }
    }
    fields.whole(out, Reach::Blocks(way), Kind::Bytes);
    Ok(())
}
