//! Base85: Ascii85 (Adobe's with its marks, and bare), Z85 (ZeroMQ RFC 32) and the alphabet of RFC 1924 (Python, Git).
//!
//! Four bytes stand for themselves in five digits, so nearly any run of printable signs decodes to something. Without marks
//! it is believed only where text comes out, or what some decoder can open.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_text;
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};

/// The entry.
pub(super) static BASE85: Decoder = Decoder {
    name: "base85",
    about: "base85: Ascii85, Z85 and the alphabet of RFC 1924",
    layer: true,
    codings: &[],
    filter: Filter {
        any: Shape::OTHER.or(Shape::LESS).or(Shape::PERCENT).or(Shape::PLUS).or(Shape::AMPERSAND).or(Shape::SEMICOLON),
        none: Shape::SPACE.or(Shape::BINARY),
        min: 9,
        // Its digits are letters of both cases, unless marks say what they are.
        undeclared: Some(&[
            Shape::UPPER.or(Shape::UPPER_HEX).or(Shape::X).or(Shape::LESS),
            Shape::LOWER.or(Shape::LOWER_HEX).or(Shape::X).or(Shape::LESS),
        ]),
    },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"<~<+ohcBOu4&DBNb(DIdf2@<<W&F`V<~>",
            hint: "",
            shows: "The heron lands at dusk",
            trail: "base85",
        },
        Sample { bytes: b"<+ohcBOu4&DBNb(DIdf2@<<W&F`V<", hint: "", shows: "The heron lands at dusk", trail: "base85" },
        Sample { bytes: b"RA^-&Xk~J5ZXj%7Ze(*HVRRs5b#rR", hint: "", shows: "The heron lands at dusk", trail: "base85" },
        Sample {
            bytes: b"ra]?=xK#j5zxJ+7zE^/hvrrS5B-RsJ",
            hint: "",
            shows: "The heron lands at dusk.",
            trail: "base85",
        },
    ],
};

/// Digits from which bare ones are looked at: twelve bytes that read as text come by chance once in a hundred thousand, of
/// values that look the part.
const SHORTEST: usize = 15;
/// Digits from which what does not read as text may still hold something.
const LONG: usize = 30;
/// Digits that show what the rest is like.
const LOOK: usize = 96;

const Z85: &[u8; 85] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
const RFC1924: &[u8; 85] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/// Values of the digits of an alphabet; 255 for what is none.
struct Digits([u8; 256]);

#[expect(clippy::cast_possible_truncation, clippy::indexing_slicing, reason = "85 digits, each a byte")]
const fn digits(alphabet: &[u8; 85]) -> Digits {
    let mut values = [255; 256];
    let mut at = 0;
    while at < 85 {
        values[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    Digits(values)
}

#[expect(clippy::cast_possible_truncation, clippy::indexing_slicing, reason = "85 digits, each a byte")]
const fn ascii85() -> Digits {
    let mut values = [255; 256];
    let mut at = 0;
    while at < 85 {
        values[b'!' as usize + at] = at as u8;
        at += 1;
    }
    Digits(values)
}

/// What a byte counts as, a byte each from the lowest: upper case, lower case, sign, sign that ordinary values seldom hold.
static KINDS: [u32; 256] = kinds();

#[expect(clippy::cast_possible_truncation, clippy::indexing_slicing, reason = "the index runs over all bytes")]
const fn kinds() -> [u32; 256] {
    let mut kinds = [0; 256];
    let mut at = 0;
    while at < 256 {
        kinds[at] = match at as u8 {
            b'A'..=b'Z' => 1,
            b'a'..=b'z' => 1 << 8,
            b'0'..=b'9' => 0,
            b'.' | b'-' | b':' | b'/' | b'_' | b',' | b'[' | b']' | b'\\' => 1 << 16,
            _ => 1 << 16 | 1 << 24,
        };
        at += 1;
    }
    kinds
}

static TABLES: [(Digits, bool); 3] = [(digits(RFC1924), false), (digits(Z85), false), (ascii85(), true)];

fn marked(bytes: &[u8]) -> Option<&[u8]> {
    if !bytes.first().is_some_and(|first| *first == b'<' || first.is_ascii_whitespace()) {
        return None;
    }
    bytes.trim_ascii().strip_prefix(b"<~")?.strip_suffix(b"~>")
}

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if marked(bytes).is_some() {
        return Match::Certain;
    }
    if bytes.len() < SHORTEST || memchr::memchr3(b'\r', b'\n', b'\t', bytes).is_some() {
        return Match::No;
    }
    // Digits drawn by lot are signs one time in four, and of both cases: addresses and sentences are not.
    let head = bytes.get(..LOOK).unwrap_or(bytes);
    // No count of so few digits overflows its byte.
    let counts =
        head.iter().fold(0_u32, |sum, byte| sum.wrapping_add(KINDS.get(usize::from(*byte)).copied().unwrap_or(0)));
    let [upper, lower, signs, odd] = counts.to_le_bytes().map(usize::from);
    let enough = head.len() / 12;
    if odd >= 2 && signs >= enough && signs <= head.len() / 2 && upper >= enough && lower >= enough {
        Match::Maybe
    } else {
        Match::No
    }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("base85");
    let way = |start: usize| Reach::Ratio { start: to_u32(start), per: 5, of: 4 };
    if let Some(inner) = marked(bytes) {
        let start = memchr::memmem::find(bytes, b"<~").unwrap_or_default().saturating_add(2);
        let out = decode(inner, &TABLES[2].0, true).ok_or(WHAT)?;
        // White space and short zeros move what follows: then all of it is needed.
        let plain = !inner.iter().any(|byte| byte.is_ascii_whitespace() || *byte == b'z');
        let way = if plain { way(start) } else { Reach::Within { start: 0, end: to_u32(bytes.len()) } };
        fields.whole(out, way, Kind::Bytes);
        return Ok(());
    }
    let mut second = None;
    for (table, ascii) in &TABLES {
        let Some(out) = decode(bytes, table, *ascii) else { continue };
        if is_text(&out) {
            fields.whole(out, way(0), Kind::Bytes);
            return Ok(());
        }
        // What begins like something compressed is worth opening.
        if bytes.len() >= LONG && second.is_none() && is_packed(&out) {
            second = Some(out);
        }
    }
    let out = second.ok_or(WHAT)?;
    fields.tentative();
    fields.whole(out, way(0), Kind::Bytes);
    Ok(())
}

fn is_packed(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0x1f, 0x8b, 8, ..]
            | [0x28, 0xb5, 0x2f, 0xfd, ..]
            | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..]
            | [b'P', b'K', 3, 4, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..]
            | [0xfd, b'7', b'z', b'X', b'Z', 0, ..]
            | [0x04, 0x22, 0x4d, 0x18, ..]
    )
}

/// The bytes that the digits stand for; `None` if one is none, or more than a word says.
fn decode(text: &[u8], table: &Digits, ascii: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 5 * 4 + 4);
    let (mut value, mut held) = (0_u64, 0_usize);
    for byte in text {
        if ascii && byte.is_ascii_whitespace() {
            continue;
        }
        if ascii && *byte == b'z' && held == 0 {
            out.extend([0; 4]);
            continue;
        }
        let digit = table.0.get(usize::from(*byte)).copied().filter(|digit| *digit < 85)?;
        value = value.saturating_mul(85).saturating_add(u64::from(digit));
        held = held.saturating_add(1);
        if held == 5 {
            out.extend(u32::try_from(value).ok()?.to_be_bytes());
            (value, held) = (0, 0);
        }
    }
    // A last group of n digits is n - 1 bytes, as if the highest digit followed.
    match held {
        0 => {}
        1 => return None,
        _ => {
            for _ in held..5 {
                value = value.saturating_mul(85).saturating_add(84);
            }
            out.extend(u32::try_from(value).ok()?.to_be_bytes().iter().take(held.saturating_sub(1)));
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_and_what_is_too_large_is_not() {
        let plain = |text: &[u8]| decode(text, &TABLES[2].0, true);
        assert_eq!(plain(b"87cURD]i,\"Ebo80").unwrap(), b"Hello World!");
        assert_eq!(plain(b"z87 cUR\nDZ").unwrap(), b"\0\0\0\0Hello");
        assert_eq!(plain(b"s8W-!").unwrap(), [255; 4]);
        assert!(plain(b"s8W-\"").is_none());
        assert!(plain(b"8").is_none());
    }
}
