//! zlib (RFC 1950).

use crate::bytes::{Malformed, Match};
use crate::field::inflate::inflate;
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_text_so_far;
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};

/// The entry.
pub(super) static ZLIB: Decoder = Decoder {
    name: "zlib",
    about: "zlib (RFC 1950), which HTTP calls deflate",
    layer: true,
    codings: &["deflate"],
    filter: Filter { any: Shape::BINARY, none: Shape::NONE, min: 8, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[Sample { bytes: HERON, hint: "", shows: "The heron lands at dusk", trail: "zlib" }],
};

const HERON: &[u8] = b"\x78\x9c\x0b\xc9\x48\x55\xc8\x48\x2d\xca\xcf\x53\xc8\x49\xcc\x4b\x29\x56\x48\x2c\x51\x48\x29\x2d\xce\x06\x00\x62\xd6\x08\x5c";

/// Bytes of output that no other bytes than a stream's come to.
const LONG: usize = 64 << 10;

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    // Deflate with a window up to 32 KiB, no preset dictionary, and the header's check (section 2.2).
    match bytes {
        [cmf, flg, ..]
            if cmf & 0x0f == 8
                && cmf >> 4 <= 7
                && flg & 0x20 == 0
                && (u16::from(*cmf) << 8 | u16::from(*flg)).is_multiple_of(31) =>
        {
            Match::Maybe
        }
        _ => Match::No,
    }
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let declared = hint.encoding.is_some();
    if fits(hint, bytes) == Match::No {
        return Err(Malformed::Illegal("zlib header"));
    }
    let (limit, budget) = fields.room(bytes.len());
    let out = inflate(bytes, true, limit);
    // The check at the end makes a complete stream sure; an incomplete one must read as something.
    let cut = out.over || (out.used == bytes.len() && !out.bytes.is_empty());
    // Nothing but a stream goes on for so long.
    let long = out.over && out.bytes.len() >= LONG;
    let plausible = declared || long || (out.bytes.len() >= 32 && is_text_so_far(&out.bytes));
    if out.done && (declared || out.used == bytes.len()) {
        if out.used < bytes.len() {
            fields.damaged();
            fields.ends(out.used);
        }
    } else if cut && plausible {
        fields.damaged();
    } else {
        return Err(Malformed::Illegal("zlib stream"));
    }
    if out.over {
        fields.exhausted(budget);
    }
    fields.whole(out.bytes, Reach::Blocks(out.way), Kind::Bytes);
    Ok(())
}
