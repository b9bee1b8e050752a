//! Segments of a request path (RFC 3986, section 3.3), a topic or a mailbox name.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use crate::model::message::PartKind;

/// The entry.
pub(super) static PATH: Decoder = Decoder {
    name: "path",
    about: "segments of a request path (RFC 3986)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::SLASH, none: Shape::NONE, min: 2, undeclared: None },
    fits,
    open,
    samples: &[Sample {
        bytes: b"/v1/u/546865206865726f%36e",
        hint: "path:",
        shows: "The heron",
        trail: "path [2] > percent > hex",
    }],
};

fn fits(hint: &Hint<'_>, _: &[u8]) -> Match {
    if hint.part == Some(PartKind::Path) || (hint.name.get() == Some("path") && hint.within.last() == Some(&"url")) {
        Match::Certain
    } else {
        Match::No
    }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut start = usize::from(bytes.first() == Some(&b'/'));
    for index in 0.. {
        let rest = bytes.get(start..).unwrap_or_default();
        let len = memchr::memchr(b'/', rest).unwrap_or(rest.len());
        let end = start.saturating_add(len);
        if len > 0 {
            let view = fields.view(start..end);
            fields.leaf(Key::Index(to_u32(index)), view, Kind::Text);
        }
        start = end.saturating_add(1);
        if start > bytes.len() || fields.is_full() {
            break;
        }
    }
    fields.found("path")
}
