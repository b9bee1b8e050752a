//! Log lines with `key=value` pairs in them, quoted where a value has spaces; what stands in front is a field, too.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use crate::model::message::PartKind;
use std::ops::Range;

/// The entry.
pub(super) static LOGFMT: Decoder = Decoder {
    name: "logfmt",
    about: "log lines with key=value pairs (logfmt, logcat and syslog messages)",
    layer: false,
    codings: &[],
    filter: Filter {
        any: Shape::EQUALS,
        none: Shape::NUL.or(Shape::AMPERSAND).or(Shape::LESS),
        min: 8,
        undeclared: Some(&[]),
    },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"2026-11-02T09:00:00Z INFO chat from=+447700900142 text=\"The heron \\\"lands\\\"\" n=3",
            hint: "",
            shows: "+447700900142",
            trail: "logfmt from",
        },
        Sample {
            bytes: b"11-02 09:00:00.123  812  812 D Relay: id=7 n=8 body=VGhlIGhlcm9uIGxhbmRz",
            hint: "",
            shows: "The heron lands",
            trail: "logfmt body > base64",
        },
        Sample {
            bytes: b"from=+447700900142 n=3 payload={\"text\": \"The heron\", \"k\": 1} took=3",
            hint: "",
            shows: "The heron",
            trail: "logfmt payload > json $.text",
        },
    ],
};

/// Bytes of a line that are looked at.
const LINE: usize = 64 << 10;

/// Letters and digits in a row from which they are digits of base64 rather than a key.
const DIGITS: usize = 24;

/// One pair: where its key and its value stand, and where the next thing begins.
pub(super) struct Pair {
    key: Range<usize>,
    pub(super) value: Range<usize>,
    quoted: bool,
    end: usize,
}

/// The pair that begins at `at`, if one does.
fn pair(bytes: &[u8], at: usize) -> Option<Pair> {
    let rest = bytes.get(at..)?;
    let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@' | b'[' | b']');
    let len = rest.iter().take(64).take_while(|byte| is_key(byte)).count();
    if len == 0 || !rest.first()?.is_ascii_alphabetic() && rest.first() != Some(&b'@') || rest.get(len) != Some(&b'=') {
        return None;
    }
    // Two signs compare, or fill up base64; one behind a long word that nothing follows fills it up, too.
    let ends = |byte: Option<&u8>| byte.is_none_or(|byte| byte.is_ascii_whitespace() || b")]}>,;|<".contains(byte));
    let value = rest.get(len.saturating_add(1));
    if value == Some(&b'=') || len >= DIGITS && ends(value) {
        return None;
    }
    let key = at..at.saturating_add(len);
    let from = at.saturating_add(len).saturating_add(1);
    let value = bytes.get(from..).unwrap_or_default();
    if let Some(open) = value.first().copied().filter(|byte| matches!(byte, b'"' | b'\'')) {
        let mut escaped = false;
        let inside = value.get(1..).unwrap_or_default();
        let close = inside.iter().position(|byte| {
            let closes = !escaped && *byte == open;
            escaped = !escaped && *byte == b'\\';
            closes
        });
        // A quote that nobody closes goes on to the end.
        let to = close.unwrap_or(inside.len());
        let start = from.saturating_add(1);
        let end = start.saturating_add(to);
        return Some(Pair { key, value: start..end, quoted: true, end: end.saturating_add(1).min(bytes.len()) });
    }
    // JSON may have blanks in it.
    let object = value.get(..LINE).or(Some(value)).and_then(super::logged_json::object);
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let len = object.unwrap_or_else(|| value.iter().position(blank).unwrap_or(value.len()));
    let end = from.saturating_add(len);
    let text = bytes.get(from..end).unwrap_or_default();
    let trimmed = text.strip_suffix(b",").or_else(|| text.strip_suffix(b";")).unwrap_or(text);
    Some(Pair { key, value: from..from.saturating_add(trimmed.len()), quoted: false, end })
}

/// What can stand in front of a pair.
const fn is_front(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b',' | b';' | b'(' | b'[' | b'{' | b'\n')
}

/// All pairs, each behind white space, a bracket or a comma.
pub(super) fn pairs(bytes: &[u8]) -> impl Iterator<Item = Pair> {
    let mut at = 0_usize;
    std::iter::from_fn(move || {
        loop {
            if at >= bytes.len() || at > LINE {
                return None;
            }
            let begins =
                at == 0 || at.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(|byte| is_front(*byte));
            if begins && let Some(found) = pair(bytes, at) {
                at = found.end.max(at.saturating_add(1));
                return Some(found);
            }
            // On to behind the next thing that can stand in front of a pair.
            let rest = bytes.get(at..).unwrap_or_default();
            let next = rest.iter().position(|byte| is_front(*byte));
            at = next.map_or(bytes.len(), |found| at.saturating_add(found).saturating_add(1));
        }
    })
}

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    // A line stands for itself, whatever it was packed in; of a structure, it is the value of something.
    let is_layer = |name: &&str| super::DECODERS.iter().any(|decoder| decoder.layer && decoder.name == *name);
    if matches!(hint.part, Some(PartKind::Header | PartKind::Path | PartKind::Query))
        || hint.name.get().is_none() && !hint.within.iter().all(is_layer)
    {
        return Match::No;
    }
    // Two pairs and blanks between: fewer are a sentence with an equation in it.
    let head = bytes.get(..LINE).unwrap_or(bytes);
    let blank = memchr::memchr3(b' ', b'\n', b'\t', head).is_some() || memchr::memchr(b'\r', head).is_some();
    let full = pairs(bytes).take(8).filter(|pair| !pair.value.is_empty());
    if blank && full.take(2).count() == 2 { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut first = true;
    for Pair { key, value, quoted, .. } in pairs(bytes) {
        if fields.is_full() {
            break;
        }
        if std::mem::take(&mut first) && key.start > 0 {
            let head = bytes.get(..key.start).unwrap_or_default().trim_ascii_end().len();
            let view = fields.view(0..head);
            fields.leaf(Key::Name("head"), view, Kind::Text);
        }
        let key = Key::At(fields.view(key));
        let raw = bytes.get(value.clone()).unwrap_or_default();
        if raw.is_empty() {
            continue;
        }
        if quoted && memchr::memchr(b'\\', raw).is_some() {
            fields.begin_text();
            let mut verbatim = 0_usize;
            let mut at = 0_usize;
            while let Some(found) = memchr::memchr(b'\\', raw.get(at..).unwrap_or_default()) {
                let slash = at.saturating_add(found);
                let Some(escaped) = raw.get(slash.saturating_add(1)) else { break };
                fields.text(raw.get(verbatim..slash).unwrap_or_default(), value.start.saturating_add(verbatim));
                let stands = match escaped {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    other => *other,
                };
                fields.escape(&[stands], value.start.saturating_add(slash));
                at = slash.saturating_add(2);
                verbatim = at;
            }
            fields.text(raw.get(verbatim..).unwrap_or_default(), value.start.saturating_add(verbatim));
            let view = fields.end_text(value.end);
            fields.leaf(key, view, Kind::Text);
        } else {
            let view = fields.view(value);
            fields.leaf(key, view, Kind::Text);
        }
    }
    fields.found("log line")
}
