//! Parameters of header values (RFC 9110, section 5.6.6): `form-data; name="a"; filename="b.jpg"`, `k=v, k2="v2"`.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use crate::model::message::PartKind;
use std::ops::Range;

/// The entry.
pub(super) static PARAMS: Decoder = Decoder {
    name: "params",
    about: "parameters of header values (RFC 9110)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::EQUALS, none: Shape::NUL, min: 4, undeclared: None },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"attachment; filename=\"The \\\"heron\\\".jpg\"",
            hint: "content-disposition:",
            shows: "The \"heron\"",
            trail: "header content-disposition filename",
        },
        Sample {
            bytes: b"device=VGhlIGhlcm9u, os=android",
            hint: "x-client:",
            shows: "The heron",
            trail: "header x-client device > base64",
        },
    ],
};

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    if hint.part != Some(PartKind::Header) || !Shape::of(bytes).meets(Shape::SEMICOLON | Shape::COMMA) {
        return Match::No;
    }
    Match::Maybe
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut start = 0_usize;
    let mut any = false;
    while start < bytes.len() && !fields.is_full() {
        let end = piece_end(bytes, start);
        any |= piece(bytes, start..end, fields);
        start = end.saturating_add(1);
    }
    if any { Ok(()) } else { Err(Malformed::Illegal("header parameter")) }
}

/// Where the piece that begins at `start` ends: at a semicolon or comma outside quotes.
fn piece_end(bytes: &[u8], start: usize) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' | b',' if !quoted => return at,
            _ => {}
        }
    }
    bytes.len()
}

/// Puts out one `name=value`; whether it was one.
fn piece(bytes: &[u8], range: Range<usize>, fields: &mut Fields<'_>) -> bool {
    let whole = bytes.get(range.clone()).unwrap_or_default();
    let start = range.start.saturating_add(whole.len().saturating_sub(whole.trim_ascii_start().len()));
    let piece = whole.trim_ascii();
    let end = start.saturating_add(piece.len());
    let Some(equals) = memchr::memchr(b'=', piece).filter(|at| *at > 0) else { return false };
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'*' | b'!' | b'#' | b'$');
    if !piece.get(..equals).is_some_and(|name| name.iter().all(is_token)) {
        return false;
    }
    let key = fields.view(start..start.saturating_add(equals));
    let from = start.saturating_add(equals).saturating_add(1);
    let value = match bytes.get(from..end) {
        Some([b'"', inner @ .., b'"']) => {
            let from = from.saturating_add(1);
            unquote(inner, from, fields).unwrap_or_else(|| fields.view(from..end.saturating_sub(1)))
        }
        _ => fields.view(from..end),
    };
    fields.leaf(Key::At(key), value, Kind::Text);
    true
}

/// Undoes the backslashes of a quoted string; `None` when there are none.
fn unquote(inner: &[u8], at: usize, fields: &mut Fields<'_>) -> Option<crate::model::field::View> {
    memchr::memchr(b'\\', inner)?;
    fields.begin_text();
    let mut from = 0_usize;
    while let Some(found) = memchr::memchr(b'\\', inner.get(from..).unwrap_or_default()) {
        let slash = from.saturating_add(found);
        fields.text(inner.get(from..slash).unwrap_or_default(), at.saturating_add(from));
        let escaped = slash.saturating_add(1);
        fields
            .escape(inner.get(escaped..).and_then(|rest| rest.get(..1)).unwrap_or_default(), at.saturating_add(slash));
        from = escaped.saturating_add(1);
    }
    fields.text(inner.get(from..).unwrap_or_default(), at.saturating_add(from));
    Some(fields.end_text(at.saturating_add(inner.len())))
}
