//! `text/event-stream` bodies (HTML Standard section 9.2) that come as a whole: behind a content coding, or in an archive.
//!
//! Uncompressed ones are read event by event, as they come, by the dissector `sse`.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_media_type;
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use std::ops::Range;

/// The entry.
pub(super) static EVENT_STREAM: Decoder = Decoder {
    name: "event-stream",
    about: "server-sent events of a body that came compressed or in an archive (HTML Standard)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::COLON, none: Shape::NONE, min: 2, undeclared: None },
    fits,
    open,
    samples: &[
        Sample {
            bytes:
                b"\xef\xbb\xbfid: 7\r\nevent: note\r\ndata: {\"t\":\"The heron\"}\r\n\r\n: quiet\r\rdata:and leaves\n\n",
            hint: "text/event-stream; charset=utf-8",
            shows: "The heron",
            trail: "event-stream [0].data > json $.t",
        },
        Sample {
            bytes: b"data\ndata: The heron\ndata: lands",
            hint: "text/event-stream",
            shows: "\nThe heron\nlands",
            trail: "event-stream [0].data",
        },
    ],
};

fn fits(hint: &Hint<'_>, _: &[u8]) -> Match {
    if is_media_type(hint.content_type, &["text/event-stream"]) { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut index = 0_u32;
    // Lines of the event's data, and where it began.
    let mut data: Vec<Range<usize>> = Vec::new();
    let mut inside = false;
    while at < bytes.len() && !fields.is_full() {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let ending = if rest.get(length..).is_some_and(|end| end.starts_with(b"\r\n")) { 2 } else { 1 };
        let line = rest.get(..length).unwrap_or_default();
        let start = at;
        at = at.saturating_add(length).saturating_add(ending);
        if line.is_empty() {
            if inside {
                finish(bytes, &mut data, start, fields);
                index = index.saturating_add(1);
                inside = false;
            }
            continue;
        }
        if !inside {
            fields.enter(Key::Index(index), fields.view(start..start));
            inside = true;
        }
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let skip = match line.get(colon..) {
            Some([b':', b' ', ..]) => 2,
            Some([b':', ..]) => 1,
            _ => 0,
        };
        let value = start.saturating_add(colon).saturating_add(skip)..start.saturating_add(length);
        if line.get(..colon) == Some(b"data") {
            data.push(value);
        } else if !value.is_empty() {
            // Comments are read too: they have no name.
            let name = fields.view(start..start.saturating_add(colon));
            let key = if colon == 0 { Key::Name("comment") } else { Key::At(name) };
            fields.leaf(key, fields.view(value), Kind::Text);
        }
    }
    if inside {
        finish(bytes, &mut data, bytes.len(), fields);
    }
    fields.found("server-sent events")
}

/// Ends an event before `end`: its lines of data are one value.
fn finish(bytes: &[u8], data: &mut Vec<Range<usize>>, end: usize, fields: &mut Fields<'_>) {
    let view = match data.as_slice() {
        [] => None,
        [one] => Some(fields.view(one.clone())),
        [first, ..] => {
            let mut before = first.start;
            fields.begin_text();
            for (number, line) in data.iter().enumerate() {
                if number > 0 {
                    fields.escape(b"\n", before);
                }
                fields.text(bytes.get(line.clone()).unwrap_or_default(), line.start);
                before = line.end;
            }
            Some(fields.end_text(before))
        }
    };
    if let Some(view) = view {
        fields.leaf(Key::Name("data"), view, Kind::Text);
    }
    data.clear();
    fields.leave(end);
}
