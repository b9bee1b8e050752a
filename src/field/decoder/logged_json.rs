//! A JSON object behind what a log puts in front of it: a time, a stream, a level, the name of a variable.
//!
//! Container runtimes (`2026-11-02T09:00:00Z stdout F {…}`), journals (`MESSAGE={…}`) and programs (`[app] INFO {…}`,
//! `received {…} from relay`) write structured records so. What stands in front is a field, and what follows is another.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use crate::model::message::PartKind;
use std::ops::Range;

/// The entry.
pub(super) static LOGGED_JSON: Decoder = Decoder {
    name: "logged-json",
    about: "a JSON object behind the front of a log line (container runtimes, journals, `INFO {…}`)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::BRACKET, none: Shape::NUL, min: 8, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"2026-11-02T09:00:00.5Z stdout F {\"from\":\"+447700900142\",\"text\":\"The heron\"}",
            hint: "",
            shows: "The heron",
            trail: "logged-json record > json $.text",
        },
        Sample {
            bytes: b"MESSAGE={\"text\":\"a {brace} and The heron\"}",
            hint: "",
            shows: "a {brace} and The heron",
            trail: "logged-json record > json $.text",
        },
        Sample {
            bytes: b"from=+447700900142 n=3 got {\"text\":\"The heron\"} in 3 ms\n",
            hint: "",
            shows: "+447700900142",
            trail: "logged-json head > logfmt from",
        },
    ],
};

/// Bytes of a line that are looked at.
const LINE: usize = 256 << 10;
/// Bytes that stand in front at most.
const FRONT: usize = 1 << 10;
/// Braces at which an object may begin.
const TRIES: usize = 8;
/// Objects and lists inside each other.
const DEPTH: usize = 64;

/// Where the object, or the list of objects, that begins at the start of some bytes ends, told by its braces and quotes alone; `None` if it does not.
pub(super) fn object(bytes: &[u8]) -> Option<usize> {
    let first = bytes.get(1..)?.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if !matches!((bytes.first(), first), (Some(b'{'), b'"') | (Some(b'['), b'{')) {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0_usize);
    loop {
        at = at
            .saturating_add(bytes.get(at..)?.iter().position(|byte| matches!(byte, b'{' | b'}' | b'[' | b']' | b'"'))?);
        match bytes.get(at)? {
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'"' => {
                // On to the quote that closes it.
                loop {
                    at = at.saturating_add(1);
                    at = at.saturating_add(memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?);
                    if bytes.get(at) == Some(&b'"') {
                        break;
                    }
                    at = at.saturating_add(1);
                }
            }
            _ => depth = depth.saturating_sub(1),
        }
        at = at.saturating_add(1);
        if depth == 0 {
            return Some(at);
        }
        if depth > DEPTH {
            return None;
        }
    }
}

/// Where an object stands in a line that begins with something else.
fn inside(line: &[u8]) -> Option<Range<usize>> {
    let front = line.get(..FRONT).unwrap_or(line);
    if line.len() > LINE || matches!(line.first(), None | Some(b'{' | b'"')) {
        return None;
    }
    let apart = |at: usize| {
        at.checked_sub(1).and_then(|before| line.get(before)).is_some_and(|byte| b" \t=:]|>),;(-".contains(byte))
    };
    for open in memchr::memchr2_iter(b'{', b'[', front).filter(|at| apart(*at)).take(TRIES) {
        let Some(len) = line.get(open..).and_then(object) else { continue };
        let end = open.saturating_add(len);
        if line.get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric()) {
            return Some(open..end);
        }
    }
    None
}

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    let line = bytes.trim_ascii_end();
    if matches!(hint.part, Some(PartKind::Header | PartKind::Path | PartKind::Query)) {
        return Match::No;
    }
    let Some(found) = inside(line).filter(|_| memchr::memchr2(b'\n', b'\r', line).is_none()) else { return Match::No };
    // The value of one pair among others is theirs to read.
    let front = line.get(..found.start).unwrap_or_default();
    let paired = front.ends_with(b"=") && super::logfmt::pairs(front).any(|pair| !pair.value.is_empty());
    if paired { Match::No } else { Match::Maybe }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let found = inside(bytes.trim_ascii_end()).ok_or(Malformed::Illegal("JSON object in a log line"))?;
    let head = bytes.get(..found.start).unwrap_or_default().trim_ascii_end().len();
    let tail = bytes.get(found.end..).unwrap_or_default();
    let tail = (bytes.len().saturating_sub(tail.trim_ascii_start().len()))
        ..found.end.saturating_add(tail.trim_ascii_end().len());
    if head > 0 {
        let view = fields.view(0..head);
        fields.leaf(Key::Name("head"), view, Kind::Text);
    }
    let view = fields.view(found);
    fields.leaf(Key::Name("record"), view, Kind::Text);
    if tail.start < tail.end {
        let view = fields.view(tail);
        fields.leaf(Key::Name("tail"), view, Kind::Text);
    }
    // Braces may be a program's.
    fields.tentative();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn objects_end_where_their_braces_do() {
        for (text, want) in [
            ("{\"a\":1}", Some(7)),
            ("{ \"a\":{\"b\":[{\"c\":\"}\\\"{\"}]}} x", Some(27)),
            ("{\"a\":1", None),
            ("{\"a", None),
            ("{\"a\\", None),
            ("[{\"a\":1},{\"b\":[2]}]", Some(19)),
            ("[1,2]", None),
            ("{a:1}", None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(object(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn objects_are_found_behind_the_front_of_a_line() {
        for (line, want) in [
            ("2026-11-02T09:00:00Z stdout F {\"a\":1}", Some("{\"a\":1}")),
            ("[app] INFO {\"a\":1}", Some("{\"a\":1}")),
            ("[app] {x} INFO: {\"a\":1} took 3 ms", Some("{\"a\":1}")),
            ("callback({\"a\":1});", Some("{\"a\":1}")),
            ("[app] got [{\"a\":1}]", Some("[{\"a\":1}]")),
            ("x{\"a\":1}", None),
            ("INFO {\"a\":1}b", None),
            ("INFO {\"a\":1", None),
            ("INFO {a}", None),
            ("{\"a\":1} INFO {\"b\":1}", None),
        ] {
            let found = inside(line.as_bytes()).and_then(|range| line.get(range));
            assert_eq!(found, want, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_breaks_it(line in "([{}\"\\\\ a=]|\\PC){0,60}") {
            if let Some(found) = inside(line.as_bytes()) {
                prop_assert!(found.start < found.end && found.end <= line.len());
            }
        }
    }
}
