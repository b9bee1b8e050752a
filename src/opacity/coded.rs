//! Encodings that anyone undoes: hexadecimal, base64, base32, percent, UTF-16, and XOR with a single byte.

use crate::model::opacity::Opacity;
use crate::opacity::{Explained, Sample, float, text};

/// Alphabets, what they are called, and bits for each digit.
const ALPHABETS: [(&str, &[u8], f64); 6] = [
    ("hex", b"0123456789abcdef", 4.0),
    ("hex", b"0123456789ABCDEF", 4.0),
    ("base32", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 5.0),
    ("base64", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6.0),
    ("base64url", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 6.0),
    ("base58", b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 5.858),
];

/// Which alphabets a byte is in: bit by bit.
static MEMBERS: [u8; 256] = members();

const fn members() -> [u8; 256] {
    let mut table = [0_u8; 256];
    let mut alphabet = 0;
    while alphabet < ALPHABETS.len() {
        let mut at = 0;
        while at < ALPHABETS[alphabet].1.len() {
            table[ALPHABETS[alphabet].1[at] as usize] |= 1 << alphabet;
            at += 1;
        }
        alphabet += 1;
    }
    table
}

/// What encodings save over uniform bytes.
pub(super) fn explain(bytes: &[u8], sample: &Sample<'_>, reads: bool, all: &mut Vec<Explained>) {
    digits(bytes, sample, all);
    percent(sample, all);
    for (model, little) in [("utf-16le", true), ("utf-16be", false)] {
        if !reads && let Some(bits) = utf16(bytes, sample, little) {
            all.push(Explained { class: Opacity::Encoded, model, bits });
        }
    }
}

fn digits(bytes: &[u8], sample: &Sample<'_>, all: &mut Vec<Explained>) {
    let trimmed = bytes.trim_ascii();
    let pads = trimmed.iter().rev().take(6).take_while(|byte| **byte == b'=').count();
    let body = trimmed.len() - pads;
    let mut common = 0xff_u8;
    let mut breaks = 0_usize;
    for stretch in sample.stretches() {
        for byte in stretch {
            if matches!(byte, b'\r' | b'\n' | b'=') {
                breaks += 1;
            } else {
                common &= MEMBERS.get(usize::from(*byte)).copied().unwrap_or(0);
            }
        }
    }
    if common == 0 || breaks * 8 > sample.len() + 16 {
        return;
    }
    for (index, (model, _, each)) in ALPHABETS.iter().enumerate() {
        // Lengths that no encoder writes.
        let fits = match *model {
            "hex" => pads == 0 && body.is_multiple_of(2),
            "base32" => matches!(body % 8, 0 | 2 | 4 | 5 | 7),
            "base64" | "base64url" => body % 4 != 1 || breaks > 2,
            _ => pads == 0,
        };
        if common >> index & 1 == 1 && fits {
            let bits = (8.0 - each) * float(sample.len() - breaks) + 5.0 * float(breaks) - 5.0;
            all.push(Explained { class: Opacity::Encoded, model, bits });
        }
    }
}

/// Text most of which is escapes: `%D0%A6…`, `\u0426…`.
fn percent(sample: &Sample<'_>, all: &mut Vec<Explained>) {
    let (mut escaped, mut bits) = (0_usize, -6.0);
    for stretch in sample.stretches() {
        let mut rest = stretch;
        while let Some((first, tail)) = rest.split_first() {
            let is_hex = |at: usize| tail.get(at).is_some_and(u8::is_ascii_hexdigit);
            let taken = match first {
                b'%' if is_hex(0) && is_hex(1) => 3,
                b'\\' if tail.first() == Some(&b'u') && (1..5).all(is_hex) => 6,
                0x20..=0x7e | b'\r' | b'\n' | b'\t' => 1,
                _ => return,
            };
            if taken > 1 {
                escaped += taken;
                bits += 8.0 * float(taken) - 10.0;
            } else {
                bits += 8.0 - 6.6;
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
    }
    if escaped * 4 >= sample.len() {
        all.push(Explained { class: Opacity::Encoded, model: "escapes", bits });
    }
}

/// What UTF-16 saves: the characters are scored as such, against eight bits for each byte there is. Scoring what they
/// decode to would make evidence out of nothing.
fn utf16(bytes: &[u8], sample: &Sample<'_>, little: bool) -> Option<f64> {
    if !bytes.len().is_multiple_of(2) && bytes.len() < 64 {
        return None;
    }
    let mut bits = -6.0;
    for stretch in sample.stretches() {
        let (pairs, odd) = stretch.as_chunks::<2>();
        let units = pairs.iter().map(|pair| if little { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) });
        let mut bad = 0_usize;
        let chars: Vec<char> = char::decode_utf16(units)
            .filter(|unit| !matches!(unit, Ok('\u{feff}')))
            .map(|unit| {
                unit.unwrap_or_else(|_| {
                    bad += 1;
                    '\u{fffd}'
                })
            })
            .collect();
        if bad > 1 {
            return None;
        }
        let cost = text::chars(chars.into_iter(), 8.0 * float(odd.len()));
        bits += 8.0 * float(stretch.len()) - cost.into_iter().fold(f64::INFINITY, f64::min);
    }
    Some(bits)
}
