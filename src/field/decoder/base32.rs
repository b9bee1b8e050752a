//! Base32 (RFC 4648), in either case, padded or not.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_text;
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};
use data_encoding::BASE32_NOPAD;

/// The entry.
pub(super) static BASE32: Decoder = Decoder {
    name: "base32",
    about: "base32, upper or lower case, padded or not (RFC 4648)",
    layer: true,
    codings: &[],
    filter: Filter {
        // Its letters are of one case, and there are some.
        any: Shape::ALNUM.without(Shape::DIGIT),
        none: Shape::ALNUM.or(Shape::EQUALS).or(Shape::BREAK).complement(),
        min: 7,
        undeclared: Some(&[]),
    },
    fits,
    open,
    samples: &[
        Sample { bytes: b"KRUGKIDIMVZG63Q=", hint: "", shows: "The heron", trail: "base32" },
        Sample { bytes: b"krugkidimvzg63q", hint: "", shows: "The heron", trail: "base32" },
    ],
};

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let (mut upper, mut lower) = (false, false);
    for byte in bytes.trim_ascii() {
        match byte {
            b'A'..=b'Z' => upper = true,
            b'a'..=b'z' => lower = true,
            b'2'..=b'7' | b'=' => {}
            _ => return Match::No,
        }
    }
    if upper == lower { Match::No } else { Match::Maybe }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("base32");
    let text = bytes.trim_ascii_end();
    let pads = text.iter().rev().take_while(|byte| **byte == b'=').count();
    if pads > 6 || (pads > 0 && !text.len().is_multiple_of(8)) {
        return Err(WHAT);
    }
    let digits = text.get(..text.len().saturating_sub(pads)).unwrap_or_default().to_ascii_uppercase();
    let out = BASE32_NOPAD.decode(&digits).map_err(|_| WHAT)?;
    // A word in capitals decodes to bytes now and then, hardly ever to text.
    if out.len() < 4 || !is_text(&out) || (pads == 0 && out.len() < 6) {
        if out.len() < 10 {
            return Err(WHAT);
        }
        fields.tentative();
    }
    fields.whole(out, Reach::Ratio { start: 0, per: 8, of: 5 }, Kind::Bytes);
    Ok(())
}
