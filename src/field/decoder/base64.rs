//! Base64 (RFC 4648): both alphabets, with and without padding, in one line or in many (RFC 2045).

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::{IN_TEXT, encoding, has_text, is_spread, is_text, is_uuid};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};
use std::borrow::Cow;

/// The entry.
pub(super) static BASE64: Decoder = Decoder {
    name: "base64",
    about: "base64 and base64url, padded or not, in one line or wrapped (RFC 4648, RFC 2045)",
    layer: true,
    codings: &["base64"],
    filter: Filter {
        // A number is none: the first byte that its digits decode to begins no text and nothing that is packed.
        any: Shape::ALNUM.without(Shape::DIGIT),
        none: Shape::BASE64.or(Shape::BREAK).complement(),
        min: 6,
        undeclared: Some(&[]),
    },
    fits,
    open,
    samples: &[
        Sample { bytes: b"VGhlIGhlcm9uIGxhbmRz", hint: "", shows: "The heron lands", trail: "base64" },
        Sample { bytes: b"VGhlIGhlcm9uPz8-Pg", hint: "", shows: "The heron??>>", trail: "base64" },
        Sample { bytes: b"VGhlIGhlcm9uPz8+Pg==", hint: "", shows: "The heron??>>", trail: "base64" },
        Sample { bytes: b"VGhlIGhl\r\ncm9uIGxh\r\nbmRz\r\n", hint: "", shows: "The heron lands", trail: "base64" },
    ],
};

/// From so many bytes on, what is spread like base64 is data even if it reads as nothing.
const LONG: usize = 16;
/// Up to so many bytes a name may decode to text by chance.
const SHORT: usize = 8;

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    let text = bytes.trim_ascii();
    let (digits, pads) = split_pads(text);
    if pads > 2 || is_uuid(text) || digits.len() < 6 {
        return Match::No;
    }
    // Most short words and numbers are told from base64 here, before anything is allocated.
    if hint.encoding.is_none() && digits.len() <= SHORT_DIGITS {
        let mut short = [0; SHORT_DIGITS / 4 * 3];
        let Some(len) = decode_short(digits, &mut short) else {
            // Digits in several lines are joined first.
            let lines = digits.iter().any(|byte| matches!(byte, b'\r' | b'\n' | b'\t'));
            return if lines { Match::Maybe } else { Match::No };
        };
        let out = short.get(..len).unwrap_or_default();
        // What is flushed ends as no number does.
        let flushed = out.ends_with(&[0, 0, 0xff, 0xff]);
        if !(flushed || is_text(out) || has_text(out) || (len >= LONG && is_spread(digits, pads > 0))) {
            return Match::No;
        }
    }
    Match::Maybe
}

/// Digits up to which a guess is checked at once.
const SHORT_DIGITS: usize = 32;

/// Values of the digits of both alphabets, marked where it is of one alone; both marks for what is none.
static VALUES: [u8; 256] = values();

#[expect(clippy::cast_possible_truncation, clippy::indexing_slicing, reason = "64 digits, each a byte")]
const fn values() -> [u8; 256] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [255; 256];
    let mut at = 0;
    while at < 64 {
        values[DIGITS[at] as usize] = at as u8;
        at += 1;
    }
    values[b'+' as usize] |= PLAIN;
    values[b'/' as usize] |= PLAIN;
    values[b'-' as usize] = 0x3e | URL;
    values[b'_' as usize] = 0x3f | URL;
    values
}

/// Marks of digits that stand in one alphabet alone.
const PLAIN: u8 = 0x40;
const URL: u8 = 0x80;

/// Decodes a few digits of one alphabet into `out`, as strictly as [`encoding`] does; the bytes they make.
fn decode_short(digits: &[u8], out: &mut [u8; SHORT_DIGITS / 4 * 3]) -> Option<usize> {
    let value = |byte: u8| VALUES.get(usize::from(byte)).copied().unwrap_or(PLAIN | URL);
    let (fours, rest) = digits.as_chunks::<4>();
    // What is left over in the last digit must be zero: in that of most numbers it is not.
    let left = match *rest {
        [] => 0,
        [_, last] => value(last) & 0x0f,
        [_, _, last] => value(last) & 0x03,
        _ => return None,
    };
    if left != 0 {
        return None;
    }
    let (threes, _) = out.as_chunks_mut::<3>();
    let mut threes = threes.iter_mut();
    let mut seen = 0;
    for (four, three) in fours.iter().zip(&mut threes) {
        let [a, b, c, d] = *four;
        let (a, b, c, d) = (value(a), value(b), value(c), value(d));
        seen |= a | b | c | d;
        *three = [a << 2 | b >> 4 & 0x03, b << 4 | c >> 2 & 0x0f, c << 6 | d & 0x3f];
    }
    let more = match *rest {
        [] => 0,
        [a, b] => {
            let (a, b) = (value(a), value(b));
            seen |= a | b;
            *threes.next()? = [a << 2 | b >> 4 & 0x03, 0, 0];
            1
        }
        [a, b, c] => {
            let (a, b, c) = (value(a), value(b), value(c));
            seen |= a | b | c;
            *threes.next()? = [a << 2 | b >> 4 & 0x03, b << 4 | c >> 2 & 0x0f, 0];
            2
        }
        _ => return None,
    };
    let fits = seen & (PLAIN | URL) != PLAIN | URL && digits.len() <= SHORT_DIGITS;
    fits.then_some((fours.len().saturating_mul(3)).saturating_add(more))
}

/// Whether a short text is letters and digits of one script for the most part: one name in a thousand decodes to signs.
fn is_wordy(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let count = |is: fn(char) -> bool| text.chars().filter(|c| is(*c)).count();
    let all = text.chars().count();
    let signs = all.saturating_sub(count(|c| c.is_alphanumeric() || c == ' '));
    let foreign = count(|c| c >= '\u{180}' && !('\u{1e00}'..='\u{1eff}').contains(&c));
    let latin = count(|c| c.is_ascii_alphabetic());
    signs.saturating_mul(4) <= all && (latin == 0 || foreign == 0)
}

/// Whether what digits decode to is kept even if nothing opens it.
fn is_plausible(hint: &Hint<'_>, digits: &[u8], pads: usize, out: &[u8]) -> bool {
    // Digits in the midst of a text are an identifier more often than not: what they are, what they decode to must show.
    if hint.within.last() == Some(&IN_TEXT) {
        return is_text(out);
    }
    let words = is_text(out) && (pads > 0 || out.len() >= SHORT || is_wordy(out));
    words || (out.len() >= LONG && is_spread(digits, pads > 0))
}

/// The digits, and how much padding stands behind them.
fn split_pads(text: &[u8]) -> (&[u8], usize) {
    let pads = text.iter().rev().take_while(|byte| **byte == b'=').count();
    (text.get(..text.len().saturating_sub(pads)).unwrap_or_default(), pads)
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("base64");
    let trimmed = bytes.trim_ascii();
    let (digits, pads) = split_pads(trimmed);
    let mut short = [0; SHORT_DIGITS / 4 * 3];
    if digits.len() <= SHORT_DIGITS
        && (pads == 0 || trimmed.len().is_multiple_of(4))
        && let Some(len) = decode_short(digits, &mut short)
    {
        let out = short.get(..len).unwrap_or_default();
        if hint.encoding.is_none() && !is_plausible(hint, digits, pads, out) {
            fields.tentative_if_opened(out)?;
        }
        let way = Reach::Ratio { start: to_u32(leading(bytes)), per: 4, of: 3 };
        fields.whole(out.to_vec(), way, Kind::Bytes);
        return Ok(());
    }
    let (text, way) = unwrap(bytes);
    let (digits, pads) = split_pads(&text);
    // Padding, where it is, must be right; and what is left over in the last digit must be zero.
    if pads > 0 && !text.len().is_multiple_of(4) {
        return Err(WHAT);
    }
    let out = encoding(digits).decode(digits).map_err(|_| WHAT)?;
    if hint.encoding.is_none() && !is_plausible(hint, digits, pads, &out) {
        fields.tentative_if_opened(&out)?;
    }
    let way = match way {
        Some(lines) => Reach::Blocks(lines),
        None => Reach::Ratio { start: to_u32(leading(bytes)), per: 4, of: 3 },
    };
    fields.whole(out, way, Kind::Bytes);
    Ok(())
}

fn leading(bytes: &[u8]) -> usize {
    bytes.len().saturating_sub(bytes.trim_ascii_start().len())
}

/// Pairs (output offset, input offset).
type Way = Vec<(u32, u32)>;

/// The digits without line breaks, and where each line's output came from if there are several lines.
fn unwrap(bytes: &[u8]) -> (Cow<'_, [u8]>, Option<Way>) {
    let text = bytes.trim_ascii();
    if memchr::memchr3(b'\r', b'\n', b'\t', text).is_none() {
        return (text.into(), None);
    }
    let mut digits = Vec::with_capacity(text.len());
    let mut way = Vec::new();
    let mut at = leading(bytes);
    for line in text.split(|byte| matches!(byte, b'\r' | b'\n' | b'\t')) {
        if !line.is_empty() {
            // A group of four may begin in the line before.
            way.push((
                to_u32(digits.len() / 4 * 3),
                to_u32(at.saturating_sub(if digits.len() % 4 == 0 { 0 } else { 6 })),
            ));
            digits.extend_from_slice(line);
        }
        at = at.saturating_add(line.len()).saturating_add(1);
    }
    way.push((to_u32(digits.len().div_ceil(4).saturating_mul(3)), to_u32(at.saturating_sub(1))));
    (digits.into(), Some(way))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn few_digits_decode_as_many_do(digits in prop_oneof!["[A-Za-z0-9+/]{0,32}", "[A-Za-z0-9_-]{0,32}", "[AQgw+/_-]{0,9}", "[ -~]{0,9}"]) {
            let digits = digits.as_bytes();
            let mut short = [0; SHORT_DIGITS / 4 * 3];
            let found = decode_short(digits, &mut short).and_then(|len| short.get(..len).map(<[u8]>::to_vec));
            prop_assert_eq!(found, encoding(digits).decode(digits).ok());
        }
    }
}
