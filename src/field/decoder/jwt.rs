//! JSON Web Tokens in compact form (RFC 7515, RFC 7519): signed, so anyone can read them.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;

/// The entry.
pub(super) static JWT: Decoder = Decoder {
    name: "jwt",
    about: "signed JSON web tokens: header, payload, signature (RFC 7519)",
    layer: false,
    codings: &[],
    filter: Filter {
        any: Shape::DOT,
        none: Shape::ALNUM.or(Shape::DOT).or(Shape::MINUS).or(Shape::UNDERSCORE).complement(),
        min: 20,
        undeclared: Some(&[]),
    },
    fits,
    open,
    samples: &[Sample {
        bytes: b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJUaGUgaGVyb24ifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbi1oZXJl",
        hint: "",
        shows: "The heron",
        trail: "jwt payload > base64 > json $.sub",
    }],
};

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    // `{"` in base64.
    let dots = memchr::memchr_iter(b'.', bytes).count();
    if bytes.starts_with(b"eyJ") && dots == 2 { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut start = 0_usize;
    for (name, part) in ["header", "payload", "signature"].into_iter().zip(bytes.split(|byte| *byte == b'.')) {
        let end = start.saturating_add(part.len());
        let view = fields.view(start..end);
        fields.leaf(Key::Name(name), view, Kind::Text);
        start = end.saturating_add(1);
    }
    fields.found("web token")
}
