//! XMPP over TCP (RFC 6120): the stanzas of its XML streams, with SASL, STARTTLS and compression (XEP-0138).

use crate::bytes::{Buffer, Malformed, Match};
use crate::message::inflate::Inflate;
use crate::message::raw::lost;
use crate::message::sink::{Child, ChildId, Draft};
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::budget::{PART_BYTES, PART_PIECE};
use crate::model::flow::Blind;
use crate::model::message::{Part, PartKind};
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::stream::{Direction, Layer, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use memchr::memmem;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "xmpp",
    about: "XMPP streams: stanzas, SASL, STARTTLS and compression",
    probe,
    start: |meta| Box::new(Xmpp::new(meta)),
    samples: SAMPLES,
};

const SAMPLES: &[Sample] = &[Sample {
    name: "a message and a password",
    to_server: b"<?xml version='1.0'?><stream:stream to='chat.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AG1lAGhlcm9u</auth><message to='b@chat.example'><body>The heron <b>lands</b></body></message></stream:stream>",
    to_client: b"<?xml version='1.0'?><stream:stream from='chat.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'><stream:features/><success/><presence a='>'/>",
    shows: "<body>The heron <b>lands</b></body>",
}];

/// The child stream that an upgrade opens.
const TLS: ChildId = 0;
/// What a stream opens with, besides its XML declaration.
const OPENS: &[u8] = b"<stream:stream";

fn probe(peek: &Peek<'_>) -> Match {
    if peek.meta.datagrams {
        return Match::No;
    }
    let sides = [peek.to_server, peek.to_client].map(|bytes| {
        let head = bytes.trim_ascii_start();
        let head = match (head.starts_with(b"<?xml"), memmem::find(head, b"?>")) {
            (true, Some(end)) => head.get(end.saturating_add(2)..).unwrap_or_default().trim_ascii_start(),
            (true, None) => return if bytes.len() < 300 { Match::NeedMore } else { Match::No },
            (false, _) => head,
        };
        match head.get(..OPENS.len()) {
            Some(tag) if tag == OPENS => Match::Certain,
            Some(_) => Match::No,
            None if OPENS.starts_with(head) || b"<?xml".starts_with(head) => Match::NeedMore,
            None => Match::No,
        }
    });
    match sides {
        [Match::Certain, Match::No] | [Match::No, _] => Match::No,
        [Match::Certain, _] | [_, Match::Certain] => Match::Certain,
        [_, Match::No] => Match::No,
        _ => Match::NeedMore,
    }
}

struct Xmpp {
    meta: StreamMeta,
    sides: [Side; 2],
    upgraded: bool,
}

struct Side {
    buffer: Buffer,
    /// Bytes of the buffer that were scanned.
    scanned: usize,
    /// Elements open inside the stream's.
    depth: usize,
    mode: Mode,
    /// What comes is compressed.
    inflate: Option<Inflate>,
    at: Timestamp,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    Stanzas,
    Tls,
    /// Until a stanza's beginning is seen.
    Lost,
}

/// A tag: where it ends, and what it does.
enum Tag {
    Opens,
    Closes,
    Whole,
    /// A declaration or an instruction.
    Other,
}

impl Xmpp {
    fn new(meta: &StreamMeta) -> Self {
        let side = || Side {
            buffer: Buffer::new(PART_BYTES),
            scanned: 0,
            depth: 0,
            mode: Mode::Stanzas,
            inflate: None,
            at: meta.at,
        };
        Self { meta: meta.clone(), sides: [side(), side()], upgraded: false }
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        direction.of_mut(&mut self.sides)
    }

    /// Takes bytes, compressed or not, and reads what is whole.
    fn take(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        origins: &Origins,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        let Some(inflate) = &mut self.side(direction).inflate else {
            return self.read(direction, bytes, origins, sink);
        };
        for (bytes, origins) in inflate.take(direction, bytes, origins, sink) {
            self.read(direction, &bytes, &origins, sink)?;
        }
        Ok(())
    }

    fn read(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        origins: &Origins,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        if self.side(direction).buffer.len().saturating_add(bytes.len()) > PART_BYTES / 2 {
            sink.blind(Blind::Budget, direction, 0, "an XMPP stanza over its budget");
            let held = self.side(direction).buffer.len();
            self.emit(direction, held, false, sink);
            self.side(direction).mode = Mode::Lost;
        }
        self.side(direction).buffer.push(bytes, origins)?;
        while self.step(direction, sink)? {}
        Ok(())
    }

    /// Reads up to the end of the next tag; `false` when there is none.
    fn step(&mut self, direction: Direction, sink: &mut Sink<'_>) -> Result<bool, Malformed> {
        let side = self.side(direction);
        let held = side.buffer.bytes();
        match side.mode {
            Mode::Tls => {
                let (bytes, origins) = (held.to_vec(), side.buffer.origins(0, held.len()));
                side.buffer.consume(bytes.len());
                let at = side.at;
                sink.data(TLS, direction, at, bytes, origins);
                return Ok(false);
            }
            Mode::Lost => {
                let starts = ["<message", "<iq", "<presence", "<stream:stream"];
                let found = starts.iter().filter_map(|tag| memmem::find(held, tag.as_bytes())).min();
                let skip = found.unwrap_or(held.len().saturating_sub(16));
                side.buffer.consume(skip);
                if found.is_none() {
                    return Ok(false);
                }
                (side.mode, side.depth, side.scanned) = (Mode::Stanzas, 0, 0);
                return Ok(true);
            }
            Mode::Stanzas => {}
        }
        if side.depth == 0 && side.scanned == 0 {
            // No XML begins with a TLS record.
            if held.starts_with(&[0x16, 3]) {
                side.mode = Mode::Tls;
                self.upgrade(sink);
                return Ok(true);
            }
            // Nor with the header of zlib: `x`, and a check.
            match held {
                [0x78] if side.inflate.is_none() => return Ok(false),
                [0x78, flags, ..] if side.inflate.is_none() && (0x7800 | u16::from(*flags)).is_multiple_of(31) => {
                    let (bytes, origins) = (held.to_vec(), side.buffer.origins(0, held.len()));
                    side.buffer.consume(bytes.len());
                    side.inflate = Some(Inflate::new(true));
                    self.take(direction, &bytes, &origins, sink)?;
                    return Ok(true);
                }
                _ => {}
            }
            // Whitespace between stanzas keeps connections alive.
            let blank = held.len().saturating_sub(held.trim_ascii_start().len());
            if blank > 0 {
                side.buffer.consume(blank);
                return Ok(true);
            }
        }
        let Some((end, tag)) = next_tag(held, side.scanned) else { return Ok(false) };
        let stream = held.get(side.scanned..).unwrap_or_default();
        let stream = memchr::memchr(b'<', stream).and_then(|at| stream.get(at..)).unwrap_or_default();
        side.scanned = end;
        let ends = match tag {
            // A stream that begins again after SASL or TLS is no stanza.
            Tag::Opens if stream.starts_with(OPENS) => side.depth == 0,
            Tag::Opens => {
                side.depth = side.depth.saturating_add(1);
                false
            }
            Tag::Closes => {
                side.depth = side.depth.saturating_sub(1);
                side.depth == 0
            }
            Tag::Whole | Tag::Other => side.depth == 0,
        };
        if ends {
            self.emit(direction, end, true, sink);
        }
        Ok(true)
    }

    fn emit(&mut self, direction: Direction, end: usize, whole: bool, sink: &mut Sink<'_>) {
        let host = self.meta.host.clone();
        let side = self.side(direction);
        let bytes = side.buffer.bytes().get(..end).unwrap_or_default().to_vec();
        let origins = side.buffer.origins(0, bytes.len());
        let at = side.at;
        side.buffer.consume(bytes.len());
        (side.scanned, side.depth) = (0, 0);
        let name: Vec<u8> = bytes.iter().skip(1).take(40).copied().take_while(|b| !b" />\t\r\n".contains(b)).collect();
        let name = String::from_utf8_lossy(&name).into_owned();
        let mut parts = Vec::new();
        if matches!(name.as_str(), "auth" | "response") {
            let from = memchr::memchr(b'>', &bytes).map_or(bytes.len(), |at| at.saturating_add(1));
            let to = memchr::memrchr(b'<', &bytes).unwrap_or(bytes.len());
            if let Some(secret) = bytes.get(from..to).filter(|secret| !secret.is_empty()) {
                parts.push(Part::header("authorization", secret.to_vec(), origins.slice(from, to)));
            }
        }
        parts.push(Part {
            // A stream's own tag is not closed, so that it is no document.
            content_type: (!name.starts_with(['?', '/']) && name != "stream:stream")
                .then(|| "application/xml".to_owned()),
            whole,
            ..Part::new(PartKind::Body, bytes, origins)
        });
        sink.message(Draft { direction, at, label: name, host, parts, whole });
    }

    fn upgrade(&mut self, sink: &mut Sink<'_>) {
        if !std::mem::replace(&mut self.upgraded, true) {
            let layer = Layer { name: "xmpp".to_owned(), secure: false, opened: false };
            let host = self.meta.host.clone();
            sink.open(TLS, Child { layer, datagrams: false, hint: None, host, from_start: true });
        }
    }

    /// What is left of one direction when nothing follows.
    fn rest(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        let left = side.buffer.len();
        if side.mode == Mode::Stanzas && left > 0 {
            self.emit(direction, left, false, sink);
            sink.blind(Blind::Truncated, direction, 0, "an XMPP stanza is cut short");
        }
    }
}

/// The next tag behind `from`: where it ends, and what it does.
fn next_tag(held: &[u8], from: usize) -> Option<(usize, Tag)> {
    let rest = held.get(from..)?;
    let start = memchr::memchr(b'<', rest)?;
    let tag = rest.get(start..)?;
    if tag.starts_with(b"<![CDATA[") {
        let end = memmem::find(tag, b"]]>")?.saturating_add(3);
        return Some((from.saturating_add(start).saturating_add(end), Tag::Other));
    }
    let mut quote = None;
    for (at, byte) in tag.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'>') => {
                let kind = match (tag.get(1), at.checked_sub(1).and_then(|before| tag.get(before))) {
                    (Some(b'?' | b'!'), _) => Tag::Other,
                    (Some(b'/'), _) => Tag::Closes,
                    (_, Some(b'/')) => Tag::Whole,
                    _ => Tag::Opens,
                };
                return Some((from.saturating_add(start).saturating_add(at).saturating_add(1), kind));
            }
            (None, _) => {}
        }
    }
    None
}

impl Dissector for Xmpp {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => {
                let direction = chunk.direction;
                let side = self.side(direction);
                side.at = chunk.at;
                if side.mode != Mode::Tls {
                    let packed = side.inflate.is_some();
                    let class = if packed { Opacity::Compressed } else { Opacity::Plaintext };
                    sink.wire(class, chunk.bytes.len() as u64);
                }
                let mut from = 0_usize;
                for piece in chunk.bytes.chunks(PART_PIECE) {
                    let to = from.saturating_add(piece.len());
                    self.take(direction, piece, &chunk.origins.slice(from, to), sink)?;
                    from = to;
                }
            }
            StreamEvent::Gap { direction, at, len, why, .. } => {
                self.side(direction).at = at;
                if self.side(direction).mode == Mode::Tls {
                    sink.gap(TLS, direction, at, len, why);
                    return Ok(());
                }
                let spot = lost(direction, len, why);
                sink.blind(spot.why, direction, len, spot.detail);
                self.rest(direction, sink);
                let side = self.side(direction);
                if let Some(inflate) = &mut side.inflate {
                    inflate.lose();
                }
                (side.mode, side.scanned, side.depth) = (Mode::Lost, 0, 0);
            }
            StreamEvent::End { direction, at } => {
                self.side(direction).at = at;
                if self.side(direction).mode == Mode::Tls {
                    sink.end(TLS, direction, at);
                } else {
                    self.rest(direction, sink);
                }
            }
            StreamEvent::Close { at, how } => {
                for direction in Direction::BOTH {
                    self.rest(direction, sink);
                }
                if self.upgraded {
                    sink.close(TLS, at, how);
                }
            }
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.sides.iter().map(|side| side.buffer.len()).sum()
    }
}
