//! A URL as the value of a field (RFC 3986): its path and query are looked into.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;

/// The entry.
pub(super) static URL: Decoder = Decoder {
    name: "url",
    about: "a URL inside a field",
    layer: false,
    codings: &[],
    filter: Filter {
        any: Shape::COLON,
        none: Shape::NUL.or(Shape::CONTROL).or(Shape::SPACE).or(Shape::BREAK).or(Shape::QUOTE).or(Shape::LESS),
        min: 10,
        undeclared: Some(&[Shape::COLON, Shape::SLASH]),
    },
    fits,
    open,
    samples: &[Sample {
        bytes: b"u=https%3A%2F%2Fexample.com%2Fv1%2Fs%3Fq%3DThe%2520heron%26n%3D1",
        hint: "query:",
        shows: "The heron",
        trail: "query u > url query > form q",
    }],
};

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let Some(scheme) = memchr::memmem::find(bytes, b"://").and_then(|at| bytes.get(..at)) else { return Match::No };
    let is_scheme = (2..=20).contains(&scheme.len())
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    // Without path parameters or a query there is nothing in it.
    if is_scheme && memchr::memchr3(b'?', b'#', b'%', bytes).is_some() { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("URL");
    let authority = memchr::memmem::find(bytes, b"://").ok_or(WHAT)?.saturating_add(3);
    let find = |from: usize, to: usize, marks: &[u8]| {
        let rest = bytes.get(from..to).unwrap_or_default();
        rest.iter().position(|byte| marks.contains(byte)).map_or(to, |at| from.saturating_add(at))
    };
    let fragment = find(authority, bytes.len(), b"#");
    let query = find(authority, fragment, b"?");
    let path = find(authority, query, b"/");
    for (name, start, end) in [
        ("path", path, query),
        ("query", query.saturating_add(1), fragment),
        ("fragment", fragment.saturating_add(1), bytes.len()),
    ] {
        if start < end {
            let view = fields.view(start..end);
            fields.leaf(Key::Name(name), view, Kind::Text);
        }
    }
    fields.found("URL")
}
