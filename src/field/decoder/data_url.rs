//! `data:` URLs (RFC 2397).

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;

/// The entry.
pub(super) static DATA_URL: Decoder = Decoder {
    name: "data-url",
    about: "data URLs (RFC 2397)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::COLON, none: Shape::NUL, min: 7, undeclared: Some(&[Shape::COLON, Shape::COMMA]) },
    fits,
    open,
    samples: &[Sample {
        bytes: b"data:text/plain;base64,VGhlIGhlcm9uIGxhbmRz",
        hint: "",
        shows: "The heron",
        trail: "data-url data > base64",
    }],
};

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let is_one = bytes.get(..5).is_some_and(|head| head.eq_ignore_ascii_case(b"data:"))
        && memchr::memchr(b',', bytes.get(..256).unwrap_or(bytes)).is_some();
    if is_one { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let comma = memchr::memchr(b',', bytes).ok_or(Malformed::Illegal("data URL"))?;
    let declared = bytes.get(5..comma).unwrap_or_default();
    let content_type = String::from_utf8_lossy(declared).to_ascii_lowercase();
    let view = fields.view(comma.saturating_add(1)..bytes.len());
    fields.typed_leaf(Key::Name("data"), view, Kind::Text, Some(content_type));
    Ok(())
}
