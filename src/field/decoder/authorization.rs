//! `Authorization` and `Proxy-Authorization` (RFC 9110, section 11.6): the scheme, and what it carries.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use crate::model::message::PartKind;

/// The entry.
pub(super) static AUTHORIZATION: Decoder = Decoder {
    name: "authorization",
    about: "credentials in HTTP headers (RFC 9110)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::SPACE, none: Shape::NUL, min: 4, undeclared: None },
    fits,
    open,
    samples: &[Sample {
        bytes: b"Basic dXNlcjpUaGUgaGVyb24=",
        hint: "authorization:",
        shows: "user:The heron",
        trail: "header authorization basic > base64",
    }],
};

fn fits(hint: &Hint<'_>, _: &[u8]) -> Match {
    let named = matches!(hint.name.get(), Some("authorization" | "proxy-authorization"));
    if named && hint.part == Some(PartKind::Header) { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("credentials");
    let space = memchr::memchr(b' ', bytes).ok_or(WHAT)?;
    let scheme = bytes.get(..space).unwrap_or_default();
    let rest = bytes.get(space..).unwrap_or_default();
    let start = bytes.len().saturating_sub(rest.trim_ascii_start().len());
    let end = start.saturating_add(rest.trim_ascii().len());
    let view = fields.view(start..end);
    let key = if scheme.eq_ignore_ascii_case(b"basic") {
        Key::Name("basic")
    } else if scheme.eq_ignore_ascii_case(b"bearer") {
        Key::Name("bearer")
    } else {
        Key::At(fields.view(0..space))
    };
    fields.leaf(key, view, Kind::Text);
    Ok(())
}
