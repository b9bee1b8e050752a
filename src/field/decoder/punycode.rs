//! Host names in punycode (RFC 3492, UTS #46): `xn--…` as people read it.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};

/// The entry.
pub(super) static PUNYCODE: Decoder = Decoder {
    name: "punycode",
    about: "international host names as people read them (RFC 3492)",
    layer: true,
    codings: &[],
    filter: Filter {
        any: Shape::MINUS,
        none: Shape::ALNUM.or(Shape::MINUS).or(Shape::DOT).complement(),
        min: 7,
        undeclared: Some(&[]),
    },
    fits,
    open,
    samples: &[Sample {
        bytes: b"chat.xn--bcher-kva.example",
        hint: "",
        shows: "chat.b\u{fc}cher.example",
        trail: "punycode",
    }],
};

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let label =
        |label: &[u8]| label.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"xn--")) && label.len() <= 63;
    if bytes.len() <= 253 && bytes.split(|byte| *byte == b'.').any(label) { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("punycode");
    let name = std::str::from_utf8(bytes).map_err(|_| WHAT)?;
    let (read, result) = idna::domain_to_unicode(name);
    if result.is_err() || read == name {
        return Err(WHAT);
    }
    fields.whole(read.into_bytes(), Reach::Within { start: 0, end: to_u32(bytes.len()) }, Kind::Text);
    Ok(())
}
