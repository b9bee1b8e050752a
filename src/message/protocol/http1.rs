//! HTTP/1.0 and HTTP/1.1 (RFC 9112), read as a listener has to: both directions at once, as leniently as the
//! implementations that apps talk to, and on after what is lost.

use crate::bytes::{Buffer, Malformed, Match};
use crate::message::hpack::decoder::stretch;
use crate::message::http::assembly::Assembly;
use crate::message::http::head::{self, Field, Head, Start};
use crate::message::http::names::{self, Target};
use crate::message::http::route;
use crate::message::protocol::http1::framing::{framing, upgrade_hint, value, values};
use crate::message::sink::{Child, ChildId};
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::budget::{HEAD_BYTES, PIPELINED};
use crate::model::flow::Blind;
use crate::model::message::{Part, PartKind};
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::stream::{Chunk, Direction, Ending, Layer, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::collections::VecDeque;

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

    fn head(&mut self, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let side = self.side(direction);
        let held = side.buffer.bytes();
        let blank = held.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        if blank > 0 {
            side.consume(blank);
            sink.wire(Opacity::Plaintext, blank as u64);
            return true;
        }
        if side.scanned == 0 && head::may_start(held) == Some(false) {
            self.lose(direction, Blind::Malformed, "not an HTTP/1 start line", sink);
            return true;
        }
        match head::end(held, side.scanned) {
            Err(from) => {
                // The first line is judged again until it is there.
                side.scanned = if memchr::memchr(b'\n', held).is_some() { from } else { 0 };
                false
            }
            Ok(end) => {
                let read = head::read(held.get(..end).unwrap_or_default());
                let origins = side.buffer.origins(0, end);
                match read {
                    Ok(head) => {
                        let bytes = held.get(..end).unwrap_or_default().to_vec();
                        side.consume(end);
                        sink.wire(Opacity::Plaintext, end as u64);
                        if head.skipped > 0 {
                            sink.blind(Blind::Budget, direction, 0, "headers over their budget");
                        }
                        match head.start {
                            Start::Request { .. } => self.request(direction, &bytes, &head, &origins, sink),
                            Start::Status { code } => self.response(direction, code, &bytes, &head, &origins, sink),
                        }
                    }
                    Err(_) => self.lose(direction, Blind::Malformed, "not an HTTP/1 head", sink),
                }
                true
            }
        }
    }

    fn request(&mut self, direction: Direction, bytes: &[u8], head: &Head, origins: &Origins, sink: &mut Sink<'_>) {
        let Start::Request { method, target: range } = &head.start else { return };
        let raw = bytes.get(range.clone()).unwrap_or_default();
        let connect = method.eq_ignore_ascii_case("CONNECT");
        let target = if connect {
            Target { authority: Some(0..raw.len()), path: raw.len()..raw.len(), query: None }
        } else {
            Target::of(raw)
        };
        let part = |kind: PartKind, piece: &std::ops::Range<usize>| {
            let from = range.start.saturating_add(piece.start);
            let to = range.start.saturating_add(piece.end);
            Part::new(kind, raw.get(piece.clone()).unwrap_or_default().to_vec(), origins.slice(from, to))
        };
        let mut parts = Vec::with_capacity(head.fields.len().saturating_add(3));
        if !names::is_known_method(method) {
            parts.push(Part::header(":method", method.clone().into_bytes(), origins.slice(0, method.len())));
        }
        if let Some(authority) = &target.authority {
            parts.push(Part { name: ":authority".to_owned(), ..part(PartKind::Header, authority) });
        }
        if !target.path.is_empty() {
            parts.push(part(PartKind::Path, &target.path));
        }
        if let Some(query) = &target.query {
            parts.push(part(PartKind::Query, query));
        }
        let authority = match &target.authority {
            Some(authority) => raw.get(authority.clone()),
            None => value(&head.fields, "host"),
        };
        let host = authority.and_then(|authority| names::host_of(&String::from_utf8_lossy(authority)));
        if let Some(host) = &host
            && self.host.as_ref() != Some(host)
        {
            sink.host(host.clone(), "authority");
            self.host = Some(host.clone());
        }
        let server = host.clone().or_else(|| self.meta.host.clone());
        let server = server.unwrap_or_else(|| self.meta.flow.server.ip.to_string());
        let path = raw.get(target.path.clone()).unwrap_or_default();
        let label = names::request_label(method, &server, path);
        parts.extend(head.fields.iter().map(|field| header(field, origins)));
        let switches = connect || value(&head.fields, "upgrade").is_some_and(|upgrade| !upgrade.is_empty());
        if self.pending.len() >= PIPELINED {
            self.pending.pop_front();
        }
        let framing = if connect { Framing::None } else { framing(&head.fields, None, direction, sink) };
        self.pending.push_back(Pending { method: method.clone(), label: label.clone(), host: host.clone(), switches });
        self.side(direction).switches = switches && !self.meta.datagrams;
        let assembly = Assembly::new(direction, label.clone(), host, parts);
        self.begin(direction, assembly, framing, &head.fields, &label, sink);
        let query = target.query.clone().unwrap_or_default();
        if let Some((message, digits)) = raw.get(query.clone()).and_then(route::dns_query) {
            let at = self.side(direction).at;
            let from = range.start.saturating_add(query.start);
            let carried = origins.slice(from.saturating_add(digits.start), from.saturating_add(digits.end));
            let carried = stretch(&carried, digits.len(), message.len());
            self.children = self.children.saturating_add(1);
            let layer = Layer { name: "http1".to_owned(), secure: false, opened: false };
            let hint = Some(route::DNS_MESSAGE.to_owned());
            let host = self.meta.host.clone().or_else(|| self.host.clone());
            sink.open(self.children, Child { layer, datagrams: false, hint, host, from_start: true });
            sink.data(self.children, direction, at, message, carried);
            sink.close(self.children, at, Ending::Clean);
        }
    }

    fn response(
        &mut self,
        direction: Direction,
        code: u16,
        bytes: &[u8],
        head: &Head,
        origins: &Origins,
        sink: &mut Sink<'_>,
    ) {
        let interim = (100..200).contains(&code) && code != 101;
        if self.desync && !interim && self.pending.len() > 1 && !self.meta.datagrams {
            // Something is missing. Hardly anyone pipelines: the last request is the one this answers.
            self.pending.drain(..self.pending.len().saturating_sub(1));
        }
        let popped = if interim { None } else { self.pending.pop_front() };
        let request = if interim { self.pending.front() } else { popped.as_ref() };
        let label = names::response_label(code, request.map(|request| request.label.as_str()));
        let host = request.and_then(|request| request.host.clone());
        let method = request.map(|request| request.method.as_str());
        let connected = method.is_some_and(|m| m.eq_ignore_ascii_case("CONNECT")) && (200..300).contains(&code);
        let tunnels = connected || code == 101;
        let bodiless = interim
            || tunnels
            || matches!(code, 204 | 304)
            || method.is_some_and(|method| method.eq_ignore_ascii_case("HEAD"));
        let framing = if bodiless { Framing::None } else { framing(&head.fields, Some(code), direction, sink) };
        let reason = head::reason(bytes, code).map(|at| {
            let carried = origins.slice(at.start, at.end);
            Part::header(":reason", bytes.get(at).unwrap_or_default().to_vec(), carried)
        });
        let parts = reason.into_iter().chain(head.fields.iter().map(|field| header(field, origins))).collect();
        let assembly = Assembly::new(direction, label.clone(), host.clone(), parts);
        self.begin(direction, assembly, framing, &head.fields, &label, sink);
        if tunnels {
            let hint = if connected { None } else { upgrade_hint(&head.fields, request_label(popped.as_ref())) };
            self.tunnel(hint, host, sink);
        } else if popped.is_some_and(|request| request.switches) {
            let other = self.side(direction.reverse());
            other.switches = false;
            if other.state == State::Hold {
                other.state = State::Head;
            }
        }
    }

    /// From here on both directions belong to a child stream, each behind the message it is in.
    fn tunnel(&mut self, hint: Option<String>, host: Option<String>, sink: &mut Sink<'_>) {
        if self.upgraded {
            return;
        }
        self.upgraded = true;
        let layer = Layer { name: "http1".to_owned(), secure: false, opened: false };
        let host = host.or_else(|| self.meta.host.clone());
        sink.open(TUNNEL, Child { layer, datagrams: false, hint, host, from_start: true });
        for direction in Direction::BOTH {
            let side = self.side(direction);
            if matches!(side.state, State::Head | State::Hold | State::Lost) {
                side.state = State::Tunnel;
            }
        }
    }

    /// A head is read: its body comes.
    fn begin(
        &mut self,
        direction: Direction,
        mut assembly: Assembly,
        framing: Framing,
        fields: &[Field],
        label: &str,
        sink: &mut Sink<'_>,
    ) {
        let content_type = value(fields, "content-type").and_then(names::media_type);
        let mut encodings: Vec<String> = values(fields, "content-encoding").flat_map(names::codings).collect();
        encodings.extend(values(fields, "transfer-encoding").flat_map(names::codings).filter(|c| c != "chunked"));
        let grpc = value(fields, "grpc-encoding").map(|value| String::from_utf8_lossy(value).into_owned());
        let stream = route::body_stream(content_type.as_deref(), &encodings, grpc.as_deref(), label);
        assembly.declare(content_type, encodings);
        let host = self.meta.host.clone().or_else(|| self.host.clone());
        let at = self.side(direction).at;
        if let Some(hint) = stream.filter(|_| framing != Framing::None) {
            self.children = self.children.saturating_add(1);
            let child = self.children;
            let layer = Layer { name: "http1".to_owned(), secure: false, opened: false };
            assembly.flush(at, sink);
            sink.open(child, Child { layer, datagrams: false, hint: Some(hint), host, from_start: true });
            self.side(direction).child = Some(child);
        }
        let side = self.side(direction);
        side.extensions = 0;
        side.current = Some(assembly);
        side.state = match framing {
            Framing::None | Framing::Length(0) => return self.finish(direction, sink),
            Framing::Length(len) => State::Length(len),
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::UntilClose,
        };
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

fn request_label(request: Option<&Pending>) -> &str {
    request.map_or("", |request| request.label.as_str())
}

fn header(field: &Field, head: &Origins) -> Part {
    let mut origins = Origins::new();
    for span in &field.spans {
        origins.append(&head.slice(span.start, span.end));
    }
    Part::header(field.name.clone(), field.value.clone(), origins)
}

#[cfg(test)]
mod tests;
