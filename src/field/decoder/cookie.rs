//! `Cookie` and `Set-Cookie` (RFC 6265).

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use crate::model::message::PartKind;

/// The entry.
pub(super) static COOKIE: Decoder = Decoder {
    name: "cookie",
    about: "cookies (RFC 6265)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::EQUALS, none: Shape::NUL, min: 2, undeclared: None },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"sid=1; t=VGhlIGhlcm9u",
            hint: "cookie:",
            shows: "The heron",
            trail: "header cookie t > base64",
        },
        Sample {
            bytes: b"m=The%20heron; Path=/",
            hint: "set-cookie:",
            shows: "The heron",
            trail: "header set-cookie m > percent",
        },
    ],
};

fn fits(hint: &Hint<'_>, _: &[u8]) -> Match {
    let is_cookie = hint.part == Some(PartKind::Header) && matches!(hint.name.get(), Some("cookie" | "set-cookie"));
    if is_cookie { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut start = 0_usize;
    while start < bytes.len() && !fields.is_full() {
        let rest = bytes.get(start..).unwrap_or_default();
        let end = start.saturating_add(memchr::memchr(b';', rest).unwrap_or(rest.len()));
        let whole = bytes.get(start..end).unwrap_or_default();
        let from = start.saturating_add(whole.len().saturating_sub(whole.trim_ascii_start().len()));
        let to = from.saturating_add(whole.trim_ascii().len());
        if from < to {
            let equals =
                bytes.get(from..to).and_then(|pair| memchr::memchr(b'=', pair)).map(|at| from.saturating_add(at));
            let key = fields.view(from..equals.unwrap_or(to));
            let mut value = equals.map_or(from, |at| at.saturating_add(1))..to;
            // Section 4.1.1: the value may stand in quotes that are not part of it.
            if let Some([b'"', .., b'"']) = bytes.get(value.clone()) {
                value = value.start.saturating_add(1)..value.end.saturating_sub(1);
            }
            let value = fields.view(value);
            fields.leaf(Key::At(key), value, Kind::Text);
        }
        start = end.saturating_add(1);
    }
    fields.found("cookie")
}
