//! Backslash escapes outside JSON, as programs write them into logs: `\u0041`, `\u{41}`, `\x41`, `\"`, `\n`, and
//! letters of several bytes in octal (`\303\251`).

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::{hex_digit, utf16_to_utf8};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::Kind;

/// The entry.
pub(super) static ESCAPES: Decoder = Decoder {
    name: "escapes",
    about: "backslash escapes outside JSON",
    layer: true,
    codings: &[],
    filter: Filter { any: Shape::BACKSLASH, none: Shape::NUL.or(Shape::CONTROL), min: 4, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: br#"m: "Le h\303\251ron se pose \360\237\246\242" id: 5"#,
            hint: "text/plain",
            shows: "Le h\u{e9}ron se pose \u{1f9a2}",
            trail: "escapes",
        },
        Sample { bytes: br"Le h\u{e9}ron \u{1f9a2}", hint: "", shows: "Le h\u{e9}ron \u{1f9a2}", trail: "escapes" },
        Sample { bytes: br"note=The \u0068er\u006fn", hint: "", shows: "The heron", trail: "escapes" },
        Sample { bytes: br"\x54\x68\x65 heron", hint: "", shows: "The heron", trail: "escapes" },
        Sample { bytes: br#"{\"t\":\"The heron\"}"#, hint: "", shows: "The heron", trail: "escapes > json $.t" },
    ],
};

enum Escape {
    Unit(u16),
    Byte(u8),
    /// A character, in UTF-8.
    Char(char),
}

/// The escape at the start of `bytes`, and its length.
fn escape(bytes: &[u8]) -> Option<(Escape, usize)> {
    let hex =
        |digits: &[u8]| digits.iter().try_fold(0_u16, |unit, digit| Some(unit << 4 | u16::from(hex_digit(*digit)?)));
    let simple = |byte| Some((Escape::Byte(byte), 2));
    match bytes {
        [b'\\', b'u', b'{', rest @ ..] => {
            let len = rest.iter().take(7).position(|byte| *byte == b'}').filter(|len| *len > 0)?;
            let digits = rest.get(..len)?.iter();
            let number = digits.copied().try_fold(0_u32, |sum, digit| Some(sum << 4 | u32::from(hex_digit(digit)?)))?;
            Some((Escape::Char(char::from_u32(number)?), len.saturating_add(4)))
        }
        [b'\\', b'2' | b'3', ..] => octal(bytes),
        [b'\\', b'u', a, b, c, d, ..] => Some((Escape::Unit(hex(&[*a, *b, *c, *d])?), 6)),
        [b'\\', b'x', a, b, ..] => Some((Escape::Byte(u8::try_from(hex(&[*a, *b])?).ok()?), 4)),
        [b'\\', b'n', ..] => simple(b'\n'),
        [b'\\', b'r', ..] => simple(b'\r'),
        [b'\\', b't', ..] => simple(b'\t'),
        [b'\\', byte @ (b'"' | b'\\' | b'/' | b'\''), ..] => simple(*byte),
        _ => None,
    }
}

/// A character beyond ASCII, each of its bytes as three octal digits, as C and the text format of Protocol Buffers write it.
/// Folders of Windows have numbers for names, too, but seldom those of UTF-8.
fn octal(bytes: &[u8]) -> Option<(Escape, usize)> {
    let mut utf8 = Vec::with_capacity(4);
    for four in bytes.as_chunks::<4>().0.iter().take(4) {
        let [b'\\', high @ b'2'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7'] = *four else { return None };
        utf8.push((high & 3) << 6 | (middle & 7) << 3 | low & 7);
        if let Some(c) = std::str::from_utf8(&utf8).ok().and_then(|text| text.chars().next()) {
            return Some((Escape::Char(c), utf8.len().saturating_mul(4)));
        }
    }
    None
}

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let head = bytes.get(..4_096).unwrap_or(bytes);
    // Where no value could stand, signs are signs; and what escapes make is text, as what is around them.
    let text = std::str::from_utf8(head).err().is_none_or(|error| error.valid_up_to().saturating_add(4) > head.len());
    if !text || head.iter().filter(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii()).take(4).count() < 4 {
        return Match::No;
    }
    let (mut escapes, mut strays, mut at) = (0_usize, 0_usize, 0_usize);
    while let Some(found) = memchr::memchr(b'\\', head.get(at..).unwrap_or_default()) {
        at = at.saturating_add(found);
        let len = if let Some((_, len)) = escape(head.get(at..).unwrap_or_default()) {
            escapes = escapes.saturating_add(1);
            len
        } else {
            strays = strays.saturating_add(1);
            1
        };
        at = at.saturating_add(len);
    }
    // A path of Windows has strays.
    if escapes > 0 && strays == 0 { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    fields.begin_text();
    let (mut verbatim, mut from) = (0_usize, 0_usize);
    let mut any = false;
    while let Some(found) = memchr::memchr(b'\\', bytes.get(from..).unwrap_or_default()) {
        let at = from.saturating_add(found);
        let rest = bytes.get(at..).unwrap_or_default();
        let Some((escaped, mut len)) = escape(rest) else {
            from = at.saturating_add(1);
            continue;
        };
        any = true;
        fields.text(bytes.get(verbatim..at).unwrap_or_default(), verbatim);
        match escaped {
            Escape::Byte(byte) => fields.escape(&[byte], at),
            Escape::Char(c) => fields.escape(c.encode_utf8(&mut [0; 4]).as_bytes(), at),
            Escape::Unit(unit) => {
                let low = match escape(rest.get(6..).unwrap_or_default()) {
                    Some((Escape::Unit(low), _)) => Some(low),
                    _ => None,
                };
                let mut utf8 = [0; 4];
                let (text, both) = utf16_to_utf8(unit, low, &mut utf8);
                fields.escape(text, at);
                len = if both { 12 } else { 6 };
            }
        }
        from = at.saturating_add(len);
        verbatim = from;
    }
    if !any {
        return Err(Malformed::Illegal("escape"));
    }
    fields.text(bytes.get(verbatim..).unwrap_or_default(), verbatim);
    let view = fields.end_text(bytes.len());
    fields.whole_view(view, Kind::Text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_numbers_are_none() {
        for text in [
            r"\200\300\readme",
            r"\303\300\x",
            r"\u{110000} text",
            r"\u{} text",
            r"\377\376 text",
            r"\303 text",
            r"\u{41",
        ] {
            assert!(escape(text.as_bytes()).is_none(), "{text}");
        }
    }
}
