//! Server-sent events: the lines of a `text/event-stream` body (HTML Standard section 9.2), one message an event.

use crate::bytes::{Buffer, Malformed, Match};
use crate::message::http::assembly::Assembly;
use crate::message::http::route;
use crate::message::{Dissector, Peek, Protocol, Sink};
use crate::model::budget::{HEAD_BYTES, HEADERS};
use crate::model::flow::Blind;
use crate::model::message::Part;
use crate::model::stream::{Direction, Ending, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;

/// The registry entry.
pub static PROTOCOL: Protocol =
    Protocol { name: "sse", about: "Server-sent events in an HTTP body", probe, start, samples: &[] };

fn probe(peek: &Peek<'_>) -> Match {
    let spoken = peek.meta.hint.as_deref().is_some_and(|hint| hint == "sse" || hint.starts_with("sse;"));
    if spoken { Match::Certain } else { Match::No }
}

fn start(meta: &StreamMeta) -> Box<dyn Dissector> {
    let label = meta.hint.as_deref().and_then(|hint| route::hint_parameter(hint, "label")).unwrap_or_default();
    Box::new(Events {
        buffer: Buffer::new(2 * HEAD_BYTES),
        label: format!("{label} event").trim_start().to_owned(),
        host: meta.host.clone(),
        direction: Direction::ToClient,
        event: None,
        fields: 0,
        lines: 0,
        begun: false,
        damaged: false,
        at: meta.at,
    })
}

struct Events {
    buffer: Buffer,
    label: String,
    host: Option<String>,
    direction: Direction,
    event: Option<Assembly>,
    /// Fields of the event besides its data.
    fields: usize,
    /// Data lines of the event.
    lines: usize,
    /// The first line was read.
    begun: bool,
    /// Bytes of the event are lost.
    damaged: bool,
    at: Timestamp,
}

impl Events {
    fn step(&mut self, last: bool, sink: &mut Sink<'_>) -> bool {
        let held = self.buffer.bytes();
        let (line, end) = match memchr::memchr2(b'\n', b'\r', held) {
            Some(at) => match held.get(at..) {
                Some([b'\r']) if !last => return false,
                Some([b'\r', b'\n', ..]) => (at, at.saturating_add(2)),
                _ => (at, at.saturating_add(1)),
            },
            None if held.len() > HEAD_BYTES || (last && !held.is_empty()) => (held.len(), held.len()),
            None => return false,
        };
        if line == end && !last {
            sink.blind(Blind::Budget, self.direction, 0, "a line of an event stream over its budget");
        }
        let bom = usize::from(!std::mem::replace(&mut self.begun, true) && held.starts_with(b"\xef\xbb\xbf"))
            .saturating_mul(3);
        let text = held.get(bom..line).unwrap_or_default().to_vec();
        let origins = self.buffer.origins(bom, line);
        let ends = self.buffer.origins(line, end);
        self.buffer.consume(end);
        if text.is_empty() {
            self.finish(sink);
            return true;
        }
        let colon = memchr::memchr(b':', &text).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(colon).unwrap_or_default();
        let value = rest.strip_prefix(b": ").or_else(|| rest.strip_prefix(b":")).unwrap_or_default();
        let from = text.len().saturating_sub(value.len());
        let frames = origins.slice(from, text.len());
        let (direction, label, host) = (self.direction, &self.label, &self.host);
        let event = self.event.get_or_insert_with(|| Assembly::new(direction, label.clone(), host.clone(), Vec::new()));
        if name == b"data" {
            if self.lines > 0 {
                let frame = frames.first().or_else(|| ends.first()).or_else(|| event.last_frame()).unwrap_or_default();
                event.body(b"\n", &crate::model::origin::Origins::one(1, frame), self.at, sink);
            }
            event.body(value, &frames, self.at, sink);
            self.lines = self.lines.saturating_add(1);
        } else if self.fields < HEADERS {
            // Comments are read too: they have no name.
            event.trailer(Part::header(String::from_utf8_lossy(name).to_ascii_lowercase(), value.to_vec(), frames));
            self.fields = self.fields.saturating_add(1);
        } else {
            sink.blind(Blind::Budget, direction, 0, "fields of an event over their budget");
        }
        true
    }

    fn finish(&mut self, sink: &mut Sink<'_>) {
        if let Some(mut event) = self.event.take() {
            if self.damaged {
                event.damaged();
            }
            event.finish(self.at, sink);
        }
        (self.fields, self.lines, self.damaged) = (0, 0, false);
    }
}

impl Dissector for Events {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => {
                (self.direction, self.at) = (chunk.direction, chunk.at);
                let mut from = 0_usize;
                for piece in chunk.bytes.chunks(HEAD_BYTES) {
                    let to = from.saturating_add(piece.len());
                    self.buffer.push(piece, &chunk.origins.slice(from, to))?;
                    from = to;
                    while self.step(false, sink) {}
                }
            }
            StreamEvent::Gap { at, .. } => {
                // The parent tells what is lost; here it is only known which event it belongs to.
                self.at = at;
                self.damaged = true;
                while self.step(true, sink) {}
                self.damaged = true;
            }
            StreamEvent::End { .. } => {}
            StreamEvent::Close { at, how } => {
                self.at = at;
                while self.step(true, sink) {}
                self.damaged |= how != Ending::Clean;
                self.finish(sink);
            }
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.buffer.len().saturating_add(self.event.as_ref().map_or(0, Assembly::held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::harness::{Ev, down, meta, play, up};
    use crate::message::protocol::http1;

    #[test]
    fn events_are_messages_however_they_are_cut() {
        let body = "\u{feff}data: The heron\ndata: lands\r\nid:7\r\revent: x\ndata\n\n: hi\n\ndata: last";
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {}\r\n\r\n", body.len());
        let want = [
            "< http1 200 GET h/feed | content-type=text/event-stream | content-length=67",
            "< sse 200 GET h/feed event | body=The heron\\nlands | id=7",
            "< sse 200 GET h/feed event | event=x",
            "< sse 200 GET h/feed event | =hi",
            "< sse 200 GET h/feed event | body=last",
        ];
        for size in [1, 2, 7, 1_000] {
            let mut events = vec![up("GET /feed HTTP/1.1\r\nHost: h\r\n\r\n"), down(&head)];
            events.extend(body.as_bytes().chunks(size).map(down));
            events.push(Ev::Close(Ending::Clean));
            let heard = play(&http1::PROTOCOL, &meta(), 1 << 20, &events);
            assert_eq!(
                heard.of(Direction::ToClient),
                want.map(|line| line.replace("=67", &format!("={}", body.len()))),
                "{size}"
            );
        }
    }
}
