//! Hexadecimal digits: in either case, plain, with `0x`, or in pairs kept apart by colons, spaces or dashes.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::{hex_digit, is_text, is_uuid};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};

/// The entry.
pub(super) static HEX: Decoder = Decoder {
    name: "hex",
    about: "hexadecimal digits, plain, with 0x, or in pairs",
    layer: true,
    codings: &[],
    filter: Filter {
        any: Shape::HEX,
        none: Shape::HEX.or(Shape::X).or(SEPARATORS).complement(),
        min: SHORTEST,
        undeclared: Some(Shape::NONE),
    },
    fits,
    open,
    samples: &[
        Sample { bytes: b"546865206865726f6e", hint: "", shows: "The heron", trail: "hex" },
        Sample { bytes: b"0x546865206865726F6E", hint: "", shows: "The heron", trail: "hex" },
        Sample { bytes: b"54:68:65:20:68:65:72:6f:6e", hint: "", shows: "The heron", trail: "hex" },
        Sample { bytes: b"54 68 65 20 68 65 72 6F 6E\n", hint: "", shows: "The heron", trail: "hex" },
    ],
};

/// Four bytes: the shortest value that is ever looked for.
const SHORTEST: usize = 8;
/// From so many bytes on, digits and letters mixed are data even if they read as nothing.
const LONG: usize = 16;
const SEPARATORS: Shape = Shape::SPACE.or(Shape::BREAK).or(Shape::COLON).or(Shape::MINUS);

/// How the digits stand.
struct Layout {
    /// Before the first digit.
    prefix: usize,
    /// Input bytes for one output byte.
    per: usize,
}

fn layout(bytes: &[u8]) -> Option<Layout> {
    let prefix = if matches!(bytes, [b'0', b'x' | b'X', ..]) { 2 } else { 0 };
    let digits = bytes.get(prefix..)?.trim_ascii_end();
    let apart = digits.get(2).copied().filter(|third| matches!(third, b':' | b' ' | b'-'));
    let fits = match apart {
        Some(_) => digits.len() % 3 == 2,
        None => digits.len() % 2 == 0,
    };
    fits.then_some(Layout { prefix, per: if apart.is_some() { 3 } else { 2 } })
}

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if layout(bytes).is_some() && !is_uuid(bytes) { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("hexadecimal digits");
    let Layout { prefix, per } = layout(bytes).ok_or(WHAT)?;
    let digits = bytes.get(prefix..).unwrap_or_default().trim_ascii_end();
    let separator = if per == 3 { digits.get(2).copied() } else { None };
    let mut out = Vec::with_capacity(digits.len() / per + 1);
    let (mut upper, mut lower, mut letters) = (false, false, false);
    for group in digits.chunks(per) {
        let (Some(high), Some(low)) = (group.first(), group.get(1)) else { return Err(WHAT) };
        if group.get(2).copied() != separator && group.len() == per {
            return Err(WHAT);
        }
        for digit in [high, low] {
            upper |= digit.is_ascii_uppercase();
            lower |= digit.is_ascii_lowercase();
        }
        letters |= upper || lower;
        out.push(hex_digit(*high).ok_or(WHAT)? << 4 | hex_digit(*low).ok_or(WHAT)?);
    }
    // Encoders write one case. A run of digits alone is more often a number than text.
    let marked = prefix > 0 || per == 3;
    let plausible = if is_text(&out) {
        letters || marked || (out.len() >= 4 && out.iter().all(u8::is_ascii_digit)) || out.len() >= 2 * SHORTEST
    } else {
        out.len() >= LONG && letters
    };
    if (upper && lower) || out.len() < SHORTEST / 2 {
        return Err(WHAT);
    }
    if !plausible {
        fields.tentative();
    }
    let way =
        Reach::Ratio { start: crate::field::fields::to_u32(prefix), per: crate::field::fields::to_u32(per), of: 1 };
    fields.whole(out, way, Kind::Bytes);
    Ok(())
}
