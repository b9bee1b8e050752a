//! Quoted-printable (RFC 2045, section 6.7).

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::hex_digit;
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::Kind;

/// The entry.
pub(super) static QUOTED_PRINTABLE: Decoder = Decoder {
    name: "quoted-printable",
    about: "quoted-printable, soft line breaks included (RFC 2045)",
    layer: true,
    codings: &["quoted-printable"],
    filter: Filter {
        any: Shape::EQUALS,
        none: Shape::AMPERSAND.or(Shape::NUL).or(Shape::CONTROL).or(Shape::HIGH),
        min: 6,
        undeclared: Some(&[]),
    },
    fits,
    open,
    samples: &[Sample {
        bytes: b"Caf=C3=A9: The her=\r\non lands",
        hint: "",
        shows: "Caf\u{e9}: The heron",
        trail: "quoted-printable",
    }],
};

/// What the equals sign at the start of `bytes` stands for, and the length of it all.
fn escape(bytes: &[u8]) -> Option<(Option<u8>, usize)> {
    match bytes {
        [b'=', b'\r', b'\n', ..] => Some((None, 3)),
        [b'=', b'\n', ..] => Some((None, 2)),
        // Upper case is the rule.
        [b'=', high, low, ..] if !high.is_ascii_lowercase() && !low.is_ascii_lowercase() => {
            Some((Some(hex_digit(*high)? << 4 | hex_digit(*low)?), 3))
        }
        _ => None,
    }
}

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    let escapes = |at: usize| escape(bytes.get(at..).unwrap_or_default());
    let mut soft_or_high = 0_usize;
    for at in memchr::memchr_iter(b'=', bytes).take(1_000) {
        match escapes(at) {
            // What needs no escape is seldom escaped: control bytes, other scripts, the equals sign, a blank at the end.
            Some((None | Some(0..=0x20 | b'=' | 0x80..), _)) => soft_or_high = soft_or_high.saturating_add(1),
            Some(_) => {}
            None => return Match::No,
        }
    }
    if soft_or_high > 1 || (soft_or_high == 1 && hint.encoding.is_some()) { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    fields.begin_text();
    let mut verbatim = 0_usize;
    for at in memchr::memchr_iter(b'=', bytes) {
        let Some((byte, len)) = escape(bytes.get(at..).unwrap_or_default()) else { continue };
        fields.text(bytes.get(verbatim..at).unwrap_or_default(), verbatim);
        if let Some(byte) = byte {
            fields.escape(&[byte], at);
        }
        verbatim = at.saturating_add(len);
    }
    if verbatim == 0 {
        return Err(Malformed::Illegal("quoted-printable"));
    }
    fields.text(bytes.get(verbatim..).unwrap_or_default(), verbatim);
    let view = fields.end_text(bytes.len());
    fields.whole_view(view, Kind::Text);
    Ok(())
}
