//! Hexadecimal digits: in either case, plain, with `0x`, or in pairs kept apart by colons, spaces or dashes.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::{IN_TEXT, is_text, is_uuid};
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
        undeclared: Some(&[]),
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

/// Decoded bytes that need no memory of their own to be looked at.
const SHORT: usize = 32;
/// What [`VALUES`] says beside a digit's value: that it is a capital, a small letter, or no digit at all.
const UPPER: u8 = 0x10;
const LOWER: u8 = 0x20;
const NO_DIGIT: u8 = 0x80;

static VALUES: [u8; 256] = values();

#[expect(clippy::cast_possible_truncation, clippy::indexing_slicing, reason = "sixteen digits, each a byte")]
const fn values() -> [u8; 256] {
    let mut values = [NO_DIGIT; 256];
    let mut at = 0_usize;
    while at < 16 {
        if at < 10 {
            values[b'0' as usize + at] = at as u8;
        } else {
            values[b'a' as usize + at - 10] = at as u8 | LOWER;
            values[b'A' as usize + at - 10] = at as u8 | UPPER;
        }
        at += 1;
    }
    values
}

fn value(byte: u8) -> u8 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT)
}

/// Decodes digits in a row; what they are beside their values.
fn pairs(digits: &[u8], out: &mut [u8]) -> u8 {
    let (pairs, rest) = digits.as_chunks::<2>();
    let seen = pairs.iter().zip(out).fold(0, |seen, ([high, low], out)| {
        let (high, low) = (value(*high), value(*low));
        *out = high << 4 | low & 0x0f;
        seen | high | low
    });
    if rest.is_empty() { seen } else { NO_DIGIT }
}

/// The same for pairs kept apart.
fn apart(digits: &[u8], out: &mut [u8]) -> u8 {
    let separator = digits.get(2);
    digits.chunks(3).zip(out).fold(0, |seen, (group, out)| match group {
        [high, low, rest @ ..] if rest.is_empty() || rest.first() == separator => {
            let (high, low) = (value(*high), value(*low));
            *out = high << 4 | low & 0x0f;
            seen | high | low
        }
        _ => seen | NO_DIGIT,
    })
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("hexadecimal digits");
    let Layout { prefix, per } = layout(bytes).ok_or(WHAT)?;
    let digits = bytes.get(prefix..).unwrap_or_default().trim_ascii_end();
    // Numbers and keys are short, and most are nothing: those need no memory of their own.
    let len = digits.len().div_ceil(per);
    let (mut short, mut long) = ([0; SHORT], Vec::new());
    let out = if let Some(short) = short.get_mut(..len) {
        short
    } else {
        long.resize(len, 0);
        &mut long
    };
    let seen = if per == 2 { pairs(digits, out) } else { apart(digits, out) };
    let (upper, lower) = (seen & UPPER != 0, seen & LOWER != 0);
    let letters = upper || lower;
    let out: &[u8] = out;
    if seen & NO_DIGIT != 0 || (upper && lower) || out.len() < SHORTEST / 2 {
        return Err(WHAT);
    }
    // Encoders write one case. A run of digits alone is more often a number than text.
    let marked = prefix > 0 || per == 3;
    let plausible = if is_text(out) {
        letters || marked || (out.len() >= 4 && out.iter().all(u8::is_ascii_digit)) || out.len() >= 2 * SHORTEST
    } else {
        out.len() >= LONG && letters && hint.within.last() != Some(&IN_TEXT)
    };
    if !plausible {
        fields.tentative_if_opened(out)?;
    }
    let way =
        Reach::Ratio { start: crate::field::fields::to_u32(prefix), per: crate::field::fields::to_u32(per), of: 1 };
    let out = short.get(..len).map_or(long, <[u8]>::to_vec);
    fields.whole(out, way, Kind::Bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn digits_are_read_as_the_standard_library_reads_them(
            text in prop_oneof!["([0-9a-f]{2}){0,6}", "([0-9A-F]{2}){0,6}", "([0-9a-fA-F]{2}){0,6}", "([ -~]{2}){0,3}"], separator in "[: -]",
        ) {
            let groups: Vec<&[u8]> = text.as_bytes().chunks(2).collect();
            let read = |group: &&[u8]| match group {
                [high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    u8::from_str_radix(std::str::from_utf8(group).unwrap(), 16).ok()
                }
                _ => None,
            };
            let want: Option<Vec<u8>> = groups.iter().map(read).collect();
            let joined = groups.join(separator.as_bytes());
            for alone in [false, true] {
                let mut out = vec![0; groups.len()];
                let seen = if alone { pairs(text.as_bytes(), &mut out) } else { apart(&joined, &mut out) };
                prop_assert_eq!((seen & NO_DIGIT == 0).then_some(&out), want.as_ref());
                if want.is_some() {
                    prop_assert_eq!(seen & UPPER != 0, text.bytes().any(|byte| byte.is_ascii_uppercase()));
                    prop_assert_eq!(seen & LOWER != 0, text.bytes().any(|byte| byte.is_ascii_lowercase()));
                }
            }
        }
    }
}
