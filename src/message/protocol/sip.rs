//! SIP (RFC 3261) over UDP and TCP, with the session descriptions it carries.

use crate::bytes::{Buffer, Malformed, Match};
use crate::message::raw::lost;
use crate::message::sink::Draft;
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::budget::{HEAD_BYTES, HEADERS, PART_BYTES, PART_PIECE};
use crate::model::flow::Blind;
use crate::model::message::{Part, PartKind};
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::stream::{Direction, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use memchr::memmem;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "sip",
    about: "SIP over UDP and TCP, compact header names included; session descriptions and instant messages",
    probe,
    start: |meta| Box::new(Sip::new(meta)),
    samples: SAMPLES,
};

const SAMPLES: &[Sample] = &[Sample {
    name: "an invitation",
    to_server: b"INVITE sip:b@chat.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nf: <sip:a@chat.example>\r\nc: application/sdp\r\nl: 38\r\n\r\nv=0\r\ns=The heron call\r\nm=audio 9 RTP 0\r\n",
    to_client: b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nContent-Length: 0\r\n\r\n",
    shows: "s=The heron call",
}];

/// Methods (RFC 3261, 3262, 3265, 3311, 3428, 3515, 3903, 6086).
const METHODS: [&str; 14] = [
    "INVITE",
    "ACK",
    "OPTIONS",
    "BYE",
    "CANCEL",
    "REGISTER",
    "PRACK",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "INFO",
    "REFER",
    "MESSAGE",
    "UPDATE",
];
/// Compact header names and what they stand for (RFC 3261 section 7.3.3 and its extensions).
const COMPACT: [(&str, &str); 12] = [
    ("a", "accept-contact"),
    ("b", "referred-by"),
    ("c", "content-type"),
    ("e", "content-encoding"),
    ("f", "from"),
    ("i", "call-id"),
    ("k", "supported"),
    ("l", "content-length"),
    ("m", "contact"),
    ("s", "subject"),
    ("t", "to"),
    ("v", "via"),
];

fn probe(peek: &Peek<'_>) -> Match {
    let [up, down] = [peek.to_server, peek.to_client].map(begins);
    match (up, down) {
        (Match::Certain, _) | (_, Match::Certain) => Match::Certain,
        (Match::No, _) if !peek.to_server.is_empty() => Match::No,
        (_, Match::No) if !peek.to_client.is_empty() => Match::No,
        _ if peek.meta.datagrams => Match::No,
        _ => Match::NeedMore,
    }
}

/// Whether bytes begin with a start line of SIP (RFC 3261 section 7).
fn begins(bytes: &[u8]) -> Match {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        let so_far = |word: &str| {
            let len = bytes.len().min(word.len());
            bytes.get(..len) == word.as_bytes().get(..len)
        };
        let could = so_far("SIP/2.0 ") || METHODS.iter().any(|method| so_far(&format!("{method} ")));
        return if could && bytes.len() < 1_000 { Match::NeedMore } else { Match::No };
    };
    let line = bytes.get(..end).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.starts_with(b"SIP/2.0 ") {
        return if line.get(8..11).is_some_and(|code| code.iter().all(u8::is_ascii_digit)) {
            Match::Certain
        } else {
            Match::No
        };
    }
    let method =
        METHODS.iter().any(|method| line.starts_with(method.as_bytes()) && line.get(method.len()) == Some(&b' '));
    if method && line.ends_with(b" SIP/2.0") { Match::Certain } else { Match::No }
}

struct Sip {
    meta: StreamMeta,
    sides: [Side; 2],
}

struct Side {
    buffer: Buffer,
    at: Timestamp,
    /// Nothing is known until the next start line.
    lost: bool,
}

impl Sip {
    fn new(meta: &StreamMeta) -> Self {
        let side = || Side { buffer: Buffer::new(PART_BYTES), at: meta.at, lost: false };
        Self { meta: meta.clone(), sides: [side(), side()] }
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        direction.of_mut(&mut self.sides)
    }

    /// Reads one message; `false` when there is none, or not all of it.
    fn step(&mut self, direction: Direction, last: bool, sink: &mut Sink<'_>) -> Result<bool, Malformed> {
        let datagrams = self.meta.datagrams;
        let host = self.meta.host.clone();
        let side = self.side(direction);
        let held = side.buffer.bytes();
        // Empty lines between messages keep connections alive (RFC 5626 section 4.4.1).
        let blank = held.iter().take_while(|byte| matches!(byte, b'\r' | b'\n' | 0)).count();
        if blank > 0 {
            side.buffer.consume(blank);
            return Ok(true);
        }
        if held.is_empty() {
            return Ok(false);
        }
        if side.lost {
            let next = (0..held.len()).step_by(1).find(|at| {
                (*at == 0 || held.get(at.saturating_sub(1)) == Some(&b'\n'))
                    && begins(held.get(*at..).unwrap_or_default()) == Match::Certain
            });
            side.buffer.consume(next.unwrap_or(held.len()));
            side.lost = next.is_none();
            return Ok(next.is_some());
        }
        if begins(held) == Match::No {
            return Err(Malformed::Illegal("SIP start line"));
        }
        let (head, whole_head) = match memmem::find(held, b"\r\n\r\n") {
            Some(at) => (at.saturating_add(4), true),
            None if datagrams || last => (held.len(), false),
            None if held.len() > HEAD_BYTES => return Err(Malformed::TooLarge("SIP header")),
            None => return Ok(false),
        };
        let read = Head::read(held.get(..head).unwrap_or_default());
        let length =
            read.value("content-length").and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
        let left = held.len().saturating_sub(head);
        let wanted = match length {
            Some(length) if datagrams => left.min(length),
            Some(length) if length > PART_BYTES / 2 => return Err(Malformed::TooLarge("SIP body")),
            Some(length) => length,
            // In a datagram the body is what follows; on a stream the length must be said (RFC 3261 section 20.14).
            None if datagrams => left,
            None => 0,
        };
        let whole = whole_head && left >= wanted && length.is_none_or(|length| !datagrams || left >= length);
        if left < wanted && !last {
            return Ok(false);
        }
        let take = head.saturating_add(wanted.min(left));
        let bytes = held.get(..take).unwrap_or_default().to_vec();
        let origins = side.buffer.origins(0, take);
        let at = side.at;
        side.buffer.consume(take);
        if !whole {
            sink.blind(Blind::Truncated, direction, 0, "a SIP message is cut short");
        }
        sink.message(read.draft(&bytes, head, &origins, direction, at, host, whole));
        Ok(true)
    }
}

/// A message's head: its start line and headers, by where they stand.
struct Head {
    line: String,
    headers: Vec<(String, std::ops::Range<usize>, Vec<u8>)>,
}

impl Head {
    fn read(head: &[u8]) -> Self {
        let mut line = String::new();
        let mut headers: Vec<(String, std::ops::Range<usize>, Vec<u8>)> = Vec::new();
        let mut at = 0_usize;
        for text in head.split_inclusive(|byte| *byte == b'\n') {
            let start = at;
            at = at.saturating_add(text.len());
            let text = text.trim_ascii_end();
            if start == 0 {
                line = String::from_utf8_lossy(text).into_owned();
                continue;
            }
            // A line that begins with white space goes on with the header before it.
            if text.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
                if let Some((_, range, value)) = headers.last_mut() {
                    range.end = start.saturating_add(text.len());
                    value.push(b' ');
                    value.extend_from_slice(text.trim_ascii());
                }
                continue;
            }
            let Some(colon) = memchr::memchr(b':', text) else { continue };
            let name = String::from_utf8_lossy(text.get(..colon).unwrap_or_default().trim_ascii()).to_ascii_lowercase();
            let name = COMPACT.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| (*long).to_owned());
            let value = text.get(colon.saturating_add(1)..).unwrap_or_default();
            let skip = value.len().saturating_sub(value.trim_ascii_start().len());
            let from = start.saturating_add(colon).saturating_add(1).saturating_add(skip);
            if headers.len() < HEADERS {
                headers.push((name, from..start.saturating_add(text.len()), value.trim_ascii().to_vec()));
            }
        }
        Self { line, headers }
    }

    fn value(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(known, ..)| known == name).map(|(.., value)| value.as_slice())
    }

    #[expect(clippy::too_many_arguments, reason = "all that a message is made of")]
    fn draft(
        &self,
        bytes: &[u8],
        head: usize,
        origins: &Origins,
        direction: Direction,
        at: Timestamp,
        host: Option<String>,
        whole: bool,
    ) -> Draft {
        let label = self.line.strip_suffix(" SIP/2.0").unwrap_or(&self.line).trim_start_matches("SIP/2.0 ").to_owned();
        let mut parts = Vec::new();
        for (name, range, value) in &self.headers {
            if value.is_empty() {
                continue;
            }
            let raw = bytes.get(range.clone()).unwrap_or_default();
            // A folded value is not in the message as it is: all its lines carried it.
            let frames = origins.slice(range.start, range.end);
            let frames = if raw == value.as_slice() {
                frames
            } else {
                Origins::one(value.len(), frames.first().unwrap_or_default())
            };
            parts.push(Part::header(name.as_str(), value.clone(), frames));
        }
        let text = |name| self.value(name).map(|value| String::from_utf8_lossy(value).to_ascii_lowercase());
        if let Some(body) = bytes.get(head..).filter(|body| !body.is_empty()) {
            parts.push(Part {
                content_type: text("content-type"),
                encodings: text("content-encoding").into_iter().collect(),
                whole,
                ..Part::new(PartKind::Body, body.to_vec(), origins.slice(head, bytes.len()))
            });
        }
        Draft { direction, at, label, host, parts, whole }
    }
}

impl Dissector for Sip {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => {
                let direction = chunk.direction;
                sink.wire(Opacity::Plaintext, chunk.bytes.len() as u64);
                self.side(direction).at = chunk.at;
                if self.meta.datagrams {
                    let offset = chunk.offset;
                    self.side(direction).buffer.skip_to(offset);
                }
                let mut from = 0_usize;
                for piece in chunk.bytes.chunks(PART_PIECE) {
                    let to = from.saturating_add(piece.len());
                    self.side(direction).buffer.push(piece, &chunk.origins.slice(from, to))?;
                    from = to;
                    if !self.meta.datagrams {
                        while self.step(direction, false, sink)? {}
                    }
                }
                if self.meta.datagrams {
                    while self.step(direction, true, sink)? {}
                }
            }
            StreamEvent::Gap { direction, at, len, why, .. } => {
                self.side(direction).at = at;
                while self.step(direction, true, sink)? {}
                let spot = lost(direction, len, why);
                sink.blind(spot.why, direction, len, spot.detail);
                self.side(direction).lost = true;
            }
            StreamEvent::End { direction, at } => {
                self.side(direction).at = at;
                while self.step(direction, true, sink)? {}
            }
            StreamEvent::Close { .. } => {
                for direction in Direction::BOTH {
                    while self.step(direction, true, sink)? {}
                }
            }
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.sides.iter().map(|side| side.buffer.len()).sum()
    }
}
