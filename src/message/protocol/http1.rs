//! HTTP/1.0 and HTTP/1.1 (RFC 9112), read as a listener has to: both directions at once, as leniently as the
//! implementations that apps talk to, and on after what is lost.

use crate::bytes::{Buffer, Malformed, Match};
use crate::message::http::assembly::Assembly;
use crate::message::http::head;
use crate::message::sink::ChildId;
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::budget::HEAD_BYTES;
use crate::model::flow::Blind;
use crate::model::stream::{Chunk, Direction, Ending, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::collections::VecDeque;

mod begin;
mod body;
mod damage;
mod framing;

/// The registry entry.
pub static PROTOCOL: Protocol =
    Protocol { name: "http1", about: "HTTP/1.0 and HTTP/1.1", probe, start, samples: SAMPLES };

const SAMPLES: &[Sample] = &[
    Sample {
        name: "post with a length",
        to_server: b"POST /v1/send?to=42 HTTP/1.1\r\nHost: api.example\r\nContent-Type: application/json\r\nContent-Length: 33\r\n\r\n{\"text\":\"The heron lands at dusk\"}",
        to_client: b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n",
        shows: "The heron lands at dusk",
    },
    Sample {
        name: "chunks",
        to_server: b"GET /feed HTTP/1.1\r\nHost: api.example\r\n\r\n",
        to_client: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA;name=value\r\nThe heron \r\nd\r\nlands at dusk\r\n0\r\nX-Sum: 1\r\n\r\n",
        shows: "The heron lands at dusk",
    },
    Sample {
        name: "until the end",
        to_server: b"GET /old HTTP/1.0\n\n",
        to_client: b"HTTP/1.0 200 OK\nContent-Type: text/plain\n\nThe heron lands at dusk",
        shows: "The heron lands at dusk",
    },
];

/// Bytes of a line without an end that a search for the next message keeps.
const SEARCH_BYTES: usize = 16 << 10;
/// The child stream behind an upgrade or a tunnel; bodies that are streams follow it.
const TUNNEL: ChildId = 0;

fn probe(peek: &Peek<'_>) -> Match {
    let requests = probe_side(peek.to_server);
    let responses = probe_side(peek.to_client);
    match (requests, responses) {
        (Match::Certain, _) => Match::Certain,
        // Nothing from the client: a capture that starts in the middle, or sees one direction only.
        (Match::NeedMore, Match::Certain) if peek.to_server.is_empty() => Match::Certain,
        _ if !peek.meta.from_start && !peek.meta.datagrams => requests.max(responses).max(midway(peek)),
        (Match::No, _) => Match::No,
        (_, Match::No) => Match::No,
        _ => requests.max(responses),
    }
}

fn probe_side(bytes: &[u8]) -> Match {
    let bytes = bytes.trim_ascii_start();
    match head::may_start(bytes) {
        None => Match::Certain,
        Some(false) => Match::No,
        // A first line longer than anyone probes for.
        Some(true) if bytes.len() > 2_000 && head::known_method(bytes) => Match::Maybe,
        Some(true) => Match::NeedMore,
    }
}

/// A capture that starts in the middle of a message: some later line starts another one.
fn midway(peek: &Peek<'_>) -> Match {
    let found = [peek.to_server, peek.to_client]
        .iter()
        .any(|bytes| bytes.split_inclusive(|b| *b == b'\n').any(|line| head::start_within(line).is_some()));
    if found { Match::Maybe } else { Match::NeedMore }
}

fn start(meta: &StreamMeta) -> Box<dyn Dissector> {
    Box::new(Http1::new(meta))
}

/// Where one direction is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Before a start line.
    Head,
    /// In a body with this many bytes to come.
    Length(u64),
    /// In a body that the end of the stream ends.
    UntilClose,
    /// Before a chunk size.
    ChunkSize,
    /// In a chunk with this many bytes to come.
    Chunk(u64),
    /// Before the line end behind a chunk.
    ChunkEnd,
    /// In the trailer section.
    Trailers,
    /// Behind a request that may change what is spoken, before its response.
    Hold,
    /// Something else is spoken from here on.
    Tunnel,
    /// Looking for the next message.
    Lost,
}

impl State {
    /// How many of the next bytes are body bytes, without any framing.
    const fn body(self) -> u64 {
        match self {
            Self::Length(left) | Self::Chunk(left) => left,
            Self::UntilClose | Self::Tunnel => u64::MAX,
            _ => 0,
        }
    }
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Framing {
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

/// One direction.
struct Side {
    buffer: Buffer,
    state: State,
    /// Bytes of the buffer known to hold no end of what is being looked for.
    scanned: usize,
    current: Option<Assembly>,
    /// What keeping the chunk extensions of the current message costs, in bytes.
    extensions: usize,
    /// The body goes to this child stream.
    child: Option<ChildId>,
    /// The request being read may change what is spoken.
    switches: bool,
    ended: bool,
    at: Timestamp,
}

impl Side {
    fn new(state: State, at: Timestamp) -> Self {
        Self {
            buffer: Buffer::new(HEAD_BYTES),
            state,
            scanned: 0,
            current: None,
            extensions: 0,
            child: None,
            switches: false,
            ended: false,
            at,
        }
    }

    fn consume(&mut self, len: usize) {
        self.buffer.consume(len);
        self.scanned = 0;
    }
}

/// A request that waits for its response.
struct Pending {
    method: String,
    label: String,
    host: Option<String>,
    /// It asked to speak something else.
    switches: bool,
}

struct Http1 {
    meta: StreamMeta,
    up: Side,
    down: Side,
    pending: VecDeque<Pending>,
    /// Requests or responses may be missing, so that order alone does not match them.
    desync: bool,
    /// Something else is spoken behind the current messages.
    upgraded: bool,
    /// The last host that was told.
    host: Option<String>,
    children: ChildId,
}

impl Http1 {
    fn new(meta: &StreamMeta) -> Self {
        let state = if meta.from_start { State::Head } else { State::Lost };
        Self {
            meta: meta.clone(),
            up: Side::new(state, meta.at),
            down: Side::new(state, meta.at),
            pending: VecDeque::new(),
            desync: !meta.from_start || meta.datagrams,
            upgraded: false,
            host: None,
            children: TUNNEL,
        }
    }

    const fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::ToServer => &mut self.up,
            Direction::ToClient => &mut self.down,
        }
    }

    /// Takes bytes: those of a body at once, all others through the buffer.
    fn feed(&mut self, chunk: &Chunk<'_>, sink: &mut Sink<'_>) {
        let direction = chunk.direction;
        self.side(direction).at = chunk.at;
        let mut from = 0_usize;
        while let Some(rest) = chunk.bytes.get(from..).filter(|rest| !rest.is_empty()) {
            let side = self.side(direction);
            let body = usize::try_from(side.state.body()).unwrap_or(usize::MAX);
            let direct = body > 0 && side.buffer.is_empty();
            let room = if direct { body } else { HEAD_BYTES.saturating_sub(side.buffer.len()) };
            if room == 0 {
                self.force(direction, sink);
                continue;
            }
            let take = room.min(rest.len());
            let bytes = rest.get(..take).unwrap_or_default();
            let origins = chunk.origins.slice(from, from.saturating_add(take));
            from = from.saturating_add(take);
            if direct {
                self.body(direction, bytes, &origins, sink);
            } else if self.side(direction).buffer.push(bytes, &origins).is_err() {
                self.force(direction, sink);
            }
            self.pump(sink);
        }
    }

    /// Reads on in both directions until neither gets further: a response can let the requests go on.
    fn pump(&mut self, sink: &mut Sink<'_>) {
        loop {
            let up = self.step(Direction::ToServer, sink);
            let down = self.step(Direction::ToClient, sink);
            if !up && !down {
                return;
            }
        }
    }

    /// The buffer is full: whatever is waited for is not waited for any longer.
    fn force(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let waits = self.waits(direction);
        let side = self.side(direction);
        match side.state {
            State::Hold => self.release(direction, sink),
            _ if waits => self.desync = true,
            State::Lost => self.fragment(direction, usize::MAX, sink),
            state => {
                let line = memchr::memchr(b'\n', side.buffer.bytes()).map_or(usize::MAX, |at| at.saturating_add(1));
                self.lose(direction, Blind::Budget, "message head over its budget", sink);
                if state == State::Head {
                    // Its start line must not be found once more.
                    self.fragment(direction, line, sink);
                }
            }
        }
        self.pump(sink);
    }

    /// Whether a response waits for its request: captures do not keep the order of the two directions.
    fn waits(&self, direction: Direction) -> bool {
        direction == Direction::ToClient
            && self.down.state == State::Head
            && !self.desync
            && !self.up.ended
            && self.pending.is_empty()
            && self.down.buffer.bytes().trim_ascii_start().starts_with(b"HTTP/1.")
    }

    /// No answer to an upgrade came: what follows tells by itself what it is.
    fn release(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        side.switches = false;
        if head::may_start(side.buffer.bytes().trim_ascii_start()) == Some(false) {
            let host = self.pending.back().and_then(|pending| pending.host.clone());
            self.tunnel(None, host, sink);
        } else {
            self.side(direction).state = State::Head;
        }
    }

    /// One step in one direction; false when it needs more bytes.
    fn step(&mut self, direction: Direction, sink: &mut Sink<'_>) -> bool {
        if self.waits(direction) {
            return false;
        }
        let side = self.side(direction);
        if side.buffer.is_empty() {
            return false;
        }
        match side.state {
            State::Hold => false,
            State::Head => self.head(direction, sink),
            State::Length(_) | State::Chunk(_) | State::UntilClose | State::Tunnel => {
                let body = usize::try_from(side.state.body()).unwrap_or(usize::MAX).min(side.buffer.len());
                let bytes = side.buffer.bytes().get(..body).unwrap_or_default().to_vec();
                let origins = side.buffer.origins(0, body);
                side.consume(body);
                self.body(direction, &bytes, &origins, sink);
                true
            }
            State::ChunkSize => self.chunk_size(direction, sink),
            State::ChunkEnd => self.chunk_end(direction, sink),
            State::Trailers => self.trailers(direction, sink),
            State::Lost => self.search(direction, sink),
        }
    }
}

impl Dissector for Http1 {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => {
                self.feed(&chunk, sink);
                if self.meta.datagrams {
                    // A datagram is a message, whatever its lengths say.
                    self.side(chunk.direction).ended = false;
                    self.end(chunk.direction, chunk.at, Ending::Clean, sink);
                    self.side(chunk.direction).state = State::Head;
                }
            }
            StreamEvent::Gap { direction, at, len, why, .. } => self.gap(direction, at, len, why, sink),
            StreamEvent::End { direction, at } => {
                self.end(direction, at, Ending::Clean, sink);
                self.pump(sink);
            }
            StreamEvent::Close { at, how } => self.close(at, how, sink),
        }
        Ok(())
    }

    fn held(&self) -> usize {
        let side = |side: &Side| side.buffer.len().saturating_add(side.current.as_ref().map_or(0, Assembly::held));
        side(&self.up).saturating_add(side(&self.down))
    }
}

#[cfg(test)]
mod tests;
