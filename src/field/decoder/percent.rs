//! Percent-encoding (RFC 3986, section 2.1) of a whole text, `%uXXXX` included.

use crate::bytes::{Malformed, Match};
use crate::field::percent::{Percent, unescape};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::Kind;

/// The entry.
pub(super) static PERCENT: Decoder = Decoder {
    name: "percent",
    about: "percent-encoding of a whole text (RFC 3986)",
    layer: true,
    codings: &[],
    filter: Filter { any: Shape::PERCENT, none: Shape::NUL.or(Shape::CONTROL), min: 3, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample { bytes: b"The%20heron%2520lands", hint: "", shows: "The heron lands", trail: "percent > percent" },
        Sample { bytes: b"%u82CD%u9E6D", hint: "", shows: "苍鹭", trail: "percent" },
    ],
};

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let mut at = 0_usize;
    let (mut escapes, mut strays) = (0_usize, 0_usize);
    // A long text shows what it is early on.
    let head = bytes.get(..4_096).unwrap_or(bytes);
    // What was escaped is all that may be no text.
    if !head.is_ascii() && std::str::from_utf8(head).is_err_and(|error| error.error_len().is_some()) {
        return Match::No;
    }
    while let Some(found) = memchr::memchr(b'%', head.get(at..).unwrap_or_default()) {
        at = at.saturating_add(found);
        match Percent::at(bytes.get(at..).unwrap_or_default()) {
            Some(_) => escapes = escapes.saturating_add(1),
            None => strays = strays.saturating_add(1),
        }
        at = at.saturating_add(1);
    }
    if escapes > strays { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let view = unescape(bytes, 0..bytes.len(), false, fields).ok_or(Malformed::Illegal("percent-encoding"))?;
    fields.whole_view(view, Kind::Text);
    Ok(())
}
