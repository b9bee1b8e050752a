//! `application/x-www-form-urlencoded` (WHATWG URL, section 5.1): forms and query strings.

use crate::bytes::{Malformed, Match};
use crate::field::percent::unescape;
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_media_type;
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use crate::model::message::PartKind;
use std::ops::Range;

/// The entry.
pub(super) static FORM: Decoder = Decoder {
    name: "form",
    about: "URL-encoded forms and query strings",
    layer: false,
    codings: &[],
    filter: Filter {
        any: Shape::ANY,
        none: Shape::NUL.or(Shape::CONTROL),
        min: 3,
        undeclared: Some(&[Shape::EQUALS, Shape::AMPERSAND]),
    },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"to=%2B15551234567&text=The+heron+lands&x",
            hint: "application/x-www-form-urlencoded",
            shows: "The heron lands",
            trail: "form text",
        },
        Sample { bytes: b"q=The%20heron&n=1", hint: "query:", shows: "The heron", trail: "query q" },
        Sample { bytes: b"user_id=17&message=The+heron", hint: "", shows: "The heron", trail: "form message" },
    ],
};

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    if hint.part == Some(PartKind::Query) || (hint.within.last() == Some(&"url") && hint.name.get() == Some("query")) {
        return Match::Certain;
    }
    let head = bytes.get(..4_096).unwrap_or(bytes);
    if is_media_type(hint.content_type, &["application/x-www-form-urlencoded"]) {
        // Many clients send JSON and declare this, the default of their library.
        return if matches!(head.first(), Some(b'{' | b'[')) { Match::No } else { Match::Certain };
    }
    if memchr::memchr(b'=', head).is_none() || memchr::memchr(b'&', head).is_none() {
        return Match::No;
    }
    // Undeclared: two pairs or more with names that could be names, and nothing that would have been escaped.
    let is_name = |name: &[u8]| {
        !name.is_empty()
            && name.len() <= 64
            && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'[' | b']' | b'%'))
    };
    let shape = Shape::of(head);
    if shape.meets(Shape::SPACE | Shape::BREAK | Shape::LESS | Shape::QUOTE) {
        return Match::No;
    }
    let named = head.split(|b| *b == b'&').filter(|pair| !pair.is_empty()).all(|pair| {
        let name = pair.split(|b| *b == b'=').next().unwrap_or_default();
        is_name(name)
    });
    if named { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut start = 0_usize;
    while start < bytes.len() && !fields.is_full() {
        let rest = bytes.get(start..).unwrap_or_default();
        let end = start.saturating_add(memchr::memchr(b'&', rest).unwrap_or(rest.len()));
        if end > start {
            pair(bytes, start..end, fields);
        }
        start = end.saturating_add(1);
    }
    fields.found("form")
}

fn pair(bytes: &[u8], range: Range<usize>, fields: &mut Fields<'_>) {
    let whole = bytes.get(range.clone()).unwrap_or_default();
    let equals = memchr::memchr(b'=', whole).map(|at| range.start.saturating_add(at));
    let name = range.start..equals.unwrap_or(range.end);
    let value = equals.map_or(range.start, |at| at.saturating_add(1))..range.end;
    let part = |range: Range<usize>, fields: &mut Fields<'_>| {
        unescape(bytes, range.clone(), true, fields).unwrap_or_else(|| fields.view(range))
    };
    let key = part(name, fields);
    let value = part(value, fields);
    fields.leaf(Key::At(key), value, Kind::Text);
}
