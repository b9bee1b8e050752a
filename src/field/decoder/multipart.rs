//! `multipart/form-data` (RFC 7578) and the other multipart types (RFC 2046).

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use memchr::memmem;
use std::ops::Range;
use std::sync::LazyLock;

/// The entry.
pub(super) static MULTIPART: Decoder = Decoder {
    name: "multipart",
    about: "multipart bodies: form data, mixed, related (RFC 2046, RFC 7578)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::MINUS, none: Shape::NONE, min: 10, undeclared: Some(&[Shape::MINUS, Shape::BREAK]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"--xyz\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nThe heron\r\n--xyz\r\n\r\nfoo\r\n--xyz--\r\n",
            hint: "multipart/form-data; boundary=xyz",
            shows: "The heron",
            trail: "multipart note",
        },
        Sample {
            bytes: b"--b1\nContent-Type: application/json\n\n{\"t\":\"The heron\"}\n--b1--",
            hint: "",
            shows: "The heron",
            trail: "multipart [0] > json $.t",
        },
    ],
};

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    if hint.content_type.is_some_and(|declared| declared.starts_with("multipart/")) {
        return Match::Certain;
    }
    if boundary(bytes).is_some() { Match::Maybe } else { Match::No }
}

/// The boundary as the first line gives it: the declared one has lost its case.
fn boundary(bytes: &[u8]) -> Option<&[u8]> {
    /// Built once: many values are asked for it.
    static DASHES: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"--"));
    let start = DASHES.find(bytes.get(..1_024).unwrap_or(bytes))?;
    // A preamble may come before it, but only whole lines of it.
    if start > 0 && bytes.get(start.checked_sub(1)?) != Some(&b'\n') {
        return None;
    }
    let rest = bytes.get(start..)?;
    let line = rest.get(..memchr::memchr(b'\n', rest)?)?.trim_ascii_end();
    // RFC 2046: 1 to 70 characters.
    let is_one = (3..=72).contains(&line.len()) && line.iter().all(|b| b.is_ascii_graphic() || *b == b' ');
    is_one.then_some(line)
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("multipart boundary");
    let boundary = boundary(bytes).ok_or(WHAT)?;
    let mut start = memmem::find(bytes, boundary).ok_or(WHAT)?.saturating_add(boundary.len());
    let mut ended = false;
    let preamble = 0..start.saturating_sub(boundary.len());
    for index in 0.. {
        let rest = bytes.get(start..).unwrap_or_default();
        if rest.starts_with(b"--") {
            ended = true;
            fields.ends(start.saturating_add(2));
            break;
        }
        let Some(line) = memchr::memchr(b'\n', rest) else { break };
        let from = start.saturating_add(line).saturating_add(1);
        let (to, next) = next_part(bytes, from, boundary);
        if index == 0 && next.is_none() && !has_headers(bytes.get(from..to).unwrap_or_default()) {
            return Err(WHAT);
        }
        part(bytes, from..to, index, fields);
        let Some(next) = next else { break };
        if fields.is_full() {
            break;
        }
        start = next;
    }
    if !ended {
        fields.damaged();
    }
    // Receivers are told to pass over it (RFC 2046 section 5.1.1), and whoever listens is not.
    if !fields.is_empty() && !bytes.get(preamble.clone()).unwrap_or_default().trim_ascii().is_empty() {
        let view = fields.view(preamble);
        fields.leaf(Key::Name("preamble"), view, Kind::Bytes);
    }
    fields.found("multipart body")
}

/// Where the part that begins at `from` ends, and what comes after the boundary behind it.
fn next_part(bytes: &[u8], from: usize, boundary: &[u8]) -> (usize, Option<usize>) {
    let mut search = from;
    while let Some(found) = memmem::find(bytes.get(search..).unwrap_or_default(), boundary) {
        let at = search.saturating_add(found);
        let before = bytes.get(from.min(at)..at).unwrap_or_default();
        if before.is_empty() || before.ends_with(b"\n") {
            let body = before.strip_suffix(b"\r\n").or(before.strip_suffix(b"\n")).unwrap_or(before);
            return (from.saturating_add(body.len()), Some(at.saturating_add(boundary.len())));
        }
        search = at.saturating_add(1);
    }
    (bytes.len(), None)
}

fn has_headers(part: &[u8]) -> bool {
    part.get(..8).is_some_and(|head| head.eq_ignore_ascii_case(b"content-"))
}

fn part(bytes: &[u8], range: Range<usize>, index: u32, fields: &mut Fields<'_>) {
    let mut key = Key::Index(index);
    let mut content_type = None;
    let mut at = range.start;
    loop {
        let rest = bytes.get(at..range.end).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', rest) else { break };
        let line = rest.get(..end).unwrap_or_default().trim_ascii_end();
        let after = at.saturating_add(end).saturating_add(1);
        if line.is_empty() {
            at = after;
            break;
        }
        let Some(colon) = memchr::memchr(b':', line) else { break };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"content-type") {
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            content_type = Some(String::from_utf8_lossy(value).to_ascii_lowercase());
        } else if name.eq_ignore_ascii_case(b"content-disposition")
            && let Some(found) = form_name(value)
        {
            let start = at.saturating_add(colon);
            key = Key::At(fields.view(start.saturating_add(found.start)..start.saturating_add(found.end)));
        }
        at = after;
    }
    let view = fields.view(at..range.end);
    fields.typed_leaf(key, view, Kind::Bytes, content_type);
}

/// Where the value of `name` stands in a content disposition.
fn form_name(value: &[u8]) -> Option<Range<usize>> {
    let at = memmem::find_iter(value, b"name=").find(|at| {
        at.checked_sub(1).and_then(|before| value.get(before)).is_some_and(|byte| matches!(byte, b' ' | b';' | b'\t'))
    })?;
    let from = at.saturating_add(5);
    let rest = value.get(from..)?;
    if rest.first() == Some(&b'"') {
        let len = memchr::memchr(b'"', rest.get(1..)?)?;
        return Some(from.saturating_add(1)..from.saturating_add(1).saturating_add(len));
    }
    let len = memchr::memchr(b';', rest).unwrap_or(rest.len());
    Some(from..from.saturating_add(len))
}
