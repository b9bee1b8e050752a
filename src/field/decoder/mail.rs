//! Internet messages (RFC 5322) with MIME parts (RFC 2045, RFC 2046), transfer encodings undone and encoded words read.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::transfer::{self, Piece};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use memchr::memmem;
use std::ops::Range;

/// The entry.
pub(super) static MAIL: Decoder = Decoder {
    name: "mail",
    about: "Internet messages with MIME parts, transfer encodings and encoded words (RFC 5322, RFC 2045, RFC 2047)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::BREAK, none: Shape::NUL, min: 12, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"From: a@example.org\r\nSubject: =?utf-8?Q?The_heron?=\r\n lands\r\n\r\nAt dusk.\r\n",
            hint: "message/rfc822",
            shows: "The heron lands",
            trail: "mail Subject",
        },
        Sample {
            bytes: b"From: a@example.org\r\nTo: b@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_X\"\r\n\r\n--=_X\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nVGhlIGhlcm9u\r\nIGxhbmRz\r\n--=_X--\r\n",
            hint: "",
            shows: "The heron lands",
            trail: "mail [0].body",
        },
        Sample {
            bytes: b"MIME-Version: 1.0\r\nDate: Mon, 02 Nov 2026 09:00:00 +0000\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nLe h=E9ron se po=\r\nse au cr=E9puscule\r\n",
            hint: "message/rfc822",
            shows: "Le h\u{e9}ron se pose au cr\u{e9}puscule",
            trail: "mail body > charset",
        },
    ],
};

/// Multipart bodies one inside the other.
const DEPTH: usize = 16;
/// Headers whose presence tells a mail from any other lines with colons.
const TELLING: [&str; 10] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "received",
    "content-type",
    "return-path",
    "content-transfer-encoding",
];

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    if hint.content_type.is_some_and(|declared| declared.starts_with("message/rfc822")) {
        return Match::Certain;
    }
    // Three headers that only mails have together.
    let head = bytes.get(..4_096).unwrap_or(bytes);
    let mut telling = 0_usize;
    for (index, line) in head.split(|byte| *byte == b'\n').take(60).enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            continue;
        }
        let Some(name) = name(line) else {
            return if index > 0 && telling >= 3 { Match::Maybe } else { Match::No };
        };
        telling = telling
            .saturating_add(usize::from(TELLING.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))));
    }
    if telling >= 3 { Match::Maybe } else { Match::No }
}

/// The name of the header that a line begins with (RFC 5322 section 3.6.8).
fn name(line: &[u8]) -> Option<&[u8]> {
    let name = line.get(..memchr::memchr(b':', line)?)?.trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(name)
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    entity(bytes, 0..bytes.len(), 0, fields);
    fields.found("mail")
}

/// What the headers of an entity say of its body.
#[derive(Default)]
struct Declared {
    content_type: Option<String>,
    boundary: Option<Vec<u8>>,
    coding: Vec<u8>,
}

/// Headers, an empty line, and a body.
fn entity(bytes: &[u8], range: Range<usize>, depth: usize, fields: &mut Fields<'_>) {
    let mut declared = Declared::default();
    let mut at = range.start;
    while at < range.end {
        let rest = bytes.get(at..range.end).unwrap_or_default();
        let first = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end.saturating_add(1));
        let line = rest.get(..first).unwrap_or_default();
        if line.trim_ascii().is_empty() {
            at = at.saturating_add(first);
            break;
        }
        let Some(name) = name(line) else { break };
        // A header goes on in lines that begin with white space.
        let mut len = first;
        while let Some(more) = rest.get(len..).filter(|more| matches!(more.first(), Some(b' ' | b'\t'))) {
            let more = memchr::memchr(b'\n', more).map_or(more.len(), |end| end.saturating_add(1));
            len = len.saturating_add(more);
        }
        let colon = memchr::memchr(b':', line).unwrap_or_default();
        let from = at.saturating_add(colon).saturating_add(1);
        let key = Key::At(fields.view(at..at.saturating_add(name.len())));
        header(bytes, key, from..at.saturating_add(len), fields);
        let value = bytes.get(from..at.saturating_add(len)).unwrap_or_default();
        declared.read(name, value);
        at = at.saturating_add(len);
        if fields.is_full() {
            return;
        }
    }
    body(bytes, at..range.end, &declared, depth, fields);
}

fn header(bytes: &[u8], key: Key, range: Range<usize>, fields: &mut Fields<'_>) {
    let value = bytes.get(range.clone()).unwrap_or_default();
    let left = value.len().saturating_sub(value.trim_ascii_start().len());
    let trimmed = value.trim_ascii();
    let from = range.start.saturating_add(left);
    let to = from.saturating_add(trimmed.len());
    if memchr::memchr(b'\n', trimmed).is_none() && memmem::find(trimmed, b"=?").is_none() {
        let view = fields.view(from..to);
        fields.leaf(key, view, Kind::Text);
        return;
    }
    fields.begin_text();
    for piece in transfer::header(trimmed) {
        match piece {
            Piece::As(part) => {
                let text = trimmed.get(part.clone()).unwrap_or_default();
                fields.text(text, from.saturating_add(part.start));
            }
            Piece::Word(text, at) => fields.escape(text.as_bytes(), from.saturating_add(at)),
        }
    }
    let view = fields.end_text(to);
    fields.leaf(key, view, Kind::Text);
}

impl Declared {
    fn read(&mut self, name: &[u8], value: &[u8]) {
        if name.eq_ignore_ascii_case(b"content-type") {
            let flat: Vec<u8> = value.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')).copied().collect();
            self.boundary = parameter(&flat, b"boundary=");
            self.content_type = Some(String::from_utf8_lossy(flat.trim_ascii()).to_ascii_lowercase());
        } else if name.eq_ignore_ascii_case(b"content-transfer-encoding") {
            self.coding = value.trim_ascii().to_ascii_lowercase();
        }
    }
}

/// The value of a parameter, quoted or not, in its own case.
fn parameter(value: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let lower = value.to_ascii_lowercase();
    let at = memmem::find(&lower, name)?.saturating_add(name.len());
    let rest = value.get(at..)?;
    let found = match rest.strip_prefix(b"\"") {
        Some(quoted) => quoted.get(..memchr::memchr(b'"', quoted)?)?,
        None => rest.split(|byte| matches!(byte, b';' | b' ' | b'\t')).next()?,
    };
    // RFC 2046 section 5.1.1: 1 to 70 characters.
    (1..=70).contains(&found.len()).then(|| found.to_vec())
}

fn body(bytes: &[u8], range: Range<usize>, declared: &Declared, depth: usize, fields: &mut Fields<'_>) {
    let content = bytes.get(range.clone()).unwrap_or_default();
    if content.is_empty() {
        return;
    }
    let multipart = declared.content_type.as_deref().is_some_and(|declared| declared.starts_with("multipart/"));
    if multipart && let Some(boundary) = &declared.boundary {
        if depth >= DEPTH {
            fields.exhausted("nesting");
            return;
        }
        for (index, part) in (0..).zip(parts(bytes, range.clone(), boundary)) {
            if fields.is_full() {
                return;
            }
            let view = fields.view(part.clone());
            let end = part.end;
            fields.enter(Key::Index(index), view);
            entity(bytes, part, depth.saturating_add(1), fields);
            fields.leave(end);
        }
        return;
    }
    let key = Key::Name("body");
    let content_type = declared.content_type.clone();
    match declared.coding.as_slice() {
        b"base64" | b"quoted-printable" => {
            let (room, budget) = fields.room(content.len());
            if content.len() > room {
                fields.exhausted(budget);
                return;
            }
            let decode = if declared.coding == b"base64" { transfer::base64 } else { transfer::quoted_printable };
            let (out, reach) = decode(content);
            fields.decoded(key, out, shifted(reach, range.start), content_type);
        }
        _ => {
            let view = fields.view(range);
            fields.typed_leaf(key, view, Kind::Bytes, content_type);
        }
    }
}

/// The same way back, to bytes that begin at `start`.
fn shifted(reach: crate::model::field::Reach, start: usize) -> crate::model::field::Reach {
    use crate::model::field::Reach;
    let start = crate::field::fields::to_u32(start);
    let moved =
        |pairs: Vec<(u32, u32)>| pairs.into_iter().map(|(here, there)| (here, there.saturating_add(start))).collect();
    match reach {
        Reach::Table(pairs) => Reach::Table(moved(pairs)),
        Reach::Blocks(pairs) => Reach::Blocks(moved(pairs)),
        other => other,
    }
}

/// The parts between boundaries (RFC 2046 section 5.1.1); the last may be cut short.
fn parts(bytes: &[u8], range: Range<usize>, boundary: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut begins: Option<usize> = None;
    let mut at = range.start;
    while at < range.end {
        let rest = bytes.get(at..range.end).unwrap_or_default();
        let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end.saturating_add(1));
        let line = rest.get(..len).unwrap_or_default();
        if let Some(after) = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary)) {
            let last = after.starts_with(b"--");
            if last || after.trim_ascii().is_empty() {
                if let Some(from) = begins.take() {
                    let text = bytes.get(from..at).unwrap_or_default();
                    let text = text.strip_suffix(b"\r\n").or_else(|| text.strip_suffix(b"\n")).unwrap_or(text);
                    found.push(from..from.saturating_add(text.len()));
                }
                if last {
                    return found;
                }
                begins = Some(at.saturating_add(len));
            }
        }
        at = at.saturating_add(len);
    }
    if let Some(from) = begins.filter(|from| *from < range.end) {
        found.push(from..range.end);
    }
    found
}
