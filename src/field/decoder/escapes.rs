//! Backslash escapes outside JSON, as programs write them into logs: `\u0041`, `\x41`, `\"`, `\n`.

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
        Sample { bytes: br"note=The \u0068er\u006fn", hint: "", shows: "The heron", trail: "escapes" },
        Sample { bytes: br"\x54\x68\x65 heron", hint: "", shows: "The heron", trail: "escapes" },
        Sample { bytes: br#"{\"t\":\"The heron\"}"#, hint: "", shows: "The heron", trail: "escapes > json $.t" },
    ],
};

enum Escape {
    Unit(u16),
    Byte(u8),
}

/// The escape at the start of `bytes`, and its length.
fn escape(bytes: &[u8]) -> Option<(Escape, usize)> {
    let hex =
        |digits: &[u8]| digits.iter().try_fold(0_u16, |unit, digit| Some(unit << 4 | u16::from(hex_digit(*digit)?)));
    let simple = |byte| Some((Escape::Byte(byte), 2));
    match bytes {
        [b'\\', b'u', a, b, c, d, ..] => Some((Escape::Unit(hex(&[*a, *b, *c, *d])?), 6)),
        [b'\\', b'x', a, b, ..] => Some((Escape::Byte(u8::try_from(hex(&[*a, *b])?).ok()?), 4)),
        [b'\\', b'n', ..] => simple(b'\n'),
        [b'\\', b'r', ..] => simple(b'\r'),
        [b'\\', b't', ..] => simple(b'\t'),
        [b'\\', byte @ (b'"' | b'\\' | b'/' | b'\''), ..] => simple(*byte),
        _ => None,
    }
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
