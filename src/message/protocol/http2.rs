//! HTTP/2 (RFC 9113) with HPACK, server push, extended CONNECT (RFC 8441) and connections that are captured from the
//! middle on.

use crate::bytes::{Buffer, Malformed, Match};
use crate::message::hpack::decoder::Decoder;
use crate::message::http::exchange::{self, Exchange, Place};
use crate::message::http::{assembly::Assembly, route};
use crate::message::margins::{Beside, Margins};
use crate::message::protocol::http2::frame::{
    END_HEADERS, END_STREAM, FRAME_HEADER, FrameHeader, PADDED, PRIORITY, USUAL_FRAME, chain, first_is_settings,
    fragment_of, is_known_setting, is_reserved, kind,
};
use crate::message::sink::ChildId;
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::budget::{CHILD_STREAMS, HEAD_BYTES};
use crate::model::flow::Blind;
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::stream::{Chunk, Direction, Ending, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::collections::BTreeMap;

mod damage;
mod frame;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol { name: "http2", about: "HTTP/2", probe, start, samples: SAMPLES };

/// What a client says first (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes held of one direction: a frame that is read as a whole, or the search for one.
const HELD: usize = 2 * HEAD_BYTES;
/// Up to as many exchanges are counted again at every event.
const FEW_EXCHANGES: usize = 64;

const SAMPLES: &[Sample] = &[Sample {
    name: "post and answer",
    to_server: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x1a\x01\x04\x00\x00\x00\x01\x83\x86\x41\x0bapi.example\x04\x08/v1/send\x00\x00\x17\x00\x01\x00\x00\x00\x01The heron lands at dusk",
    to_client: b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x01\x05\x00\x00\x00\x01\x89",
    shows: "The heron lands at dusk",
}];

fn probe(peek: &Peek<'_>) -> Match {
    if peek.meta.datagrams {
        return Match::No;
    }
    let hint = peek.meta.hint.as_deref().unwrap_or_default();
    let agreed = hint == "h2" || hint == "h2c" || hint.starts_with("h2c; ");
    let common = PREFACE.len().min(peek.to_server.len());
    let preface = peek.to_server.get(..common) == PREFACE.get(..common);
    if preface && common == PREFACE.len() {
        return Match::Certain;
    }
    if preface && common > 0 {
        return Match::NeedMore;
    }
    if !agreed && peek.meta.from_start {
        // The server may speak before the client is captured; it says SETTINGS first.
        let settings = FrameHeader::read(peek.to_client).is_some_and(|frame| frame.kind == kind::SETTINGS);
        return match (peek.to_server.is_empty(), peek.to_client.len() < FRAME_HEADER || settings) {
            (true, true) if first_is_settings(peek.to_client) => Match::NeedMore,
            _ => Match::No,
        };
    }
    let fits = [peek.to_server, peek.to_client].map(chain);
    match (agreed, fits) {
        (true, [a, b]) if a > 0 || b > 0 => Match::Certain,
        (false, [a, b]) if a >= 2 || b >= 2 => Match::Maybe,
        (true, _) if peek.to_server.len().max(peek.to_client.len()) < FRAME_HEADER => Match::NeedMore,
        // Agreed upon, and in the middle of a frame.
        (true, _) if !peek.meta.from_start => Match::Maybe,
        _ => Match::No,
    }
}

fn start(meta: &StreamMeta) -> Box<dyn Dissector> {
    Box::new(Http2::new(meta))
}

/// Where one direction is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Before the client's preface.
    Preface,
    /// Before a frame.
    Frame,
    /// In a DATA frame: bytes to come of data, then of padding.
    Data { stream: u32, left: u64, pad: u64, end: bool },
    /// In a frame that is too long to be read.
    Skip(u64),
    /// In a frame of another type.
    Beside(Beside, u64),
    /// Looking for a frame.
    Lost,
}

/// A header block that CONTINUATION frames go on with.
struct Pending {
    stream: u32,
    promised: bool,
    end_stream: bool,
    bytes: Vec<u8>,
    origins: Origins,
    /// More than a head may hold came.
    over: bool,
}

struct Side {
    buffer: Buffer,
    state: State,
    decoder: Decoder,
    pending: Option<Pending>,
    ended: bool,
    at: Timestamp,
}

struct Http2 {
    meta: StreamMeta,
    up: Side,
    down: Side,
    exchanges: BTreeMap<u32, Exchange>,
    /// The newest request.
    newest: u32,
    /// Something is missing: responses do not wait for their requests.
    desync: bool,
    children: ChildId,
    told: Option<String>,
    /// What stands beside messages.
    margins: Margins,
    /// Bytes of bodies held, as of late.
    bodies: usize,
    events: usize,
}

impl Http2 {
    fn new(meta: &StreamMeta) -> Self {
        let side = |state: State| Side {
            buffer: Buffer::new(HELD),
            state,
            decoder: Decoder::new(!meta.from_start),
            pending: None,
            ended: false,
            at: meta.at,
        };
        let states = if meta.from_start { (State::Preface, State::Frame) } else { (State::Lost, State::Lost) };
        let mut exchanges = BTreeMap::new();
        let hint = meta.hint.as_deref().unwrap_or_default();
        let upgraded = hint.starts_with("h2c").then(|| route::hint_parameter(hint, "label")).flatten();
        if let Some(label) = upgraded.filter(|label| !label.is_empty()) {
            exchanges.insert(1, Exchange::requested(label.to_owned(), meta.host.clone()));
        }
        Self {
            meta: meta.clone(),
            up: side(states.0),
            down: side(states.1),
            newest: u32::from(!exchanges.is_empty()),
            exchanges,
            desync: !meta.from_start,
            children: 0,
            told: None,
            margins: Margins::default(),
            bodies: 0,
            events: 0,
        }
    }

    const fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::ToServer => &mut self.up,
            Direction::ToClient => &mut self.down,
        }
    }

    /// The exchange of a stream; the oldest goes when there are too many.
    fn exchange(&mut self, stream: u32, sink: &mut Sink<'_>) -> &mut Exchange {
        if self.exchanges.len() >= CHILD_STREAMS
            && !self.exchanges.contains_key(&stream)
            && let Some((_, mut oldest)) = self.exchanges.pop_first()
        {
            let at = self.up.at.max(self.down.at);
            for (cut, direction) in oldest.cut(Ending::Idle, at, sink).into_iter().zip(Direction::BOTH) {
                if cut {
                    sink.blind(Blind::Budget, direction, 0, "HTTP/2 streams open at once");
                }
            }
        }
        self.exchanges.entry(stream).or_default()
    }

    fn feed(&mut self, chunk: &Chunk<'_>, sink: &mut Sink<'_>) {
        let direction = chunk.direction;
        self.side(direction).at = chunk.at;
        let mut from = 0_usize;
        while let Some(rest) = chunk.bytes.get(from..).filter(|rest| !rest.is_empty()) {
            let side = self.side(direction);
            let left = if let State::Data { left, .. } = side.state { left } else { 0 };
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            let direct = left > 0 && side.buffer.is_empty();
            let room = if direct { left } else { HELD.saturating_sub(side.buffer.len()) };
            if room == 0 {
                self.force(direction, sink);
                continue;
            }
            let take = room.min(rest.len());
            let bytes = rest.get(..take).unwrap_or_default();
            let origins = chunk.origins.slice(from, from.saturating_add(take));
            from = from.saturating_add(take);
            if direct {
                self.data(direction, bytes, &origins, sink);
            } else if self.side(direction).buffer.push(bytes, &origins).is_err() {
                self.force(direction, sink);
            }
            self.pump(sink);
        }
    }

    fn pump(&mut self, sink: &mut Sink<'_>) {
        loop {
            let up = self.step(Direction::ToServer, sink);
            let down = self.step(Direction::ToClient, sink);
            if !up && !down {
                return;
            }
        }
    }

    /// The buffer is full: a response waits in vain, or no frame is found.
    fn force(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        if self.waits(direction) {
            self.desync = true;
        } else {
            self.fragment(direction, HELD / 2, sink);
        }
        self.pump(sink);
    }

    /// Whether a response waits for its request: captures do not keep the order of the two directions.
    fn waits(&self, direction: Direction) -> bool {
        direction == Direction::ToClient
            && !self.desync
            && !self.up.ended
            && self.down.state == State::Frame
            && FrameHeader::read(self.down.buffer.bytes())
                .is_some_and(|frame| frame.kind == kind::HEADERS && frame.stream % 2 == 1 && frame.stream > self.newest)
    }

    fn step(&mut self, direction: Direction, sink: &mut Sink<'_>) -> bool {
        if self.waits(direction) {
            return false;
        }
        let side = self.side(direction);
        let held = side.buffer.len();
        match side.state {
            State::Data { left: 0, pad: 0, .. } => {
                self.data_done(direction, sink);
                true
            }
            _ if held == 0 => false,
            State::Preface => {
                let common = PREFACE.len().min(held);
                if side.buffer.bytes().get(..common) != PREFACE.get(..common) {
                    side.state = State::Frame;
                    return true;
                }
                if common < PREFACE.len() {
                    return false;
                }
                side.buffer.consume(common);
                side.state = State::Frame;
                sink.wire(Opacity::Plaintext, common as u64);
                true
            }
            State::Skip(left) => {
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(held);
                side.buffer.consume(take);
                let left = left.saturating_sub(take as u64);
                side.state = if left == 0 { State::Frame } else { State::Skip(left) };
                sink.wire(Opacity::Plaintext, take as u64);
                true
            }
            State::Beside(what, left) => {
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(held);
                let left = left.saturating_sub(take as u64);
                side.state = if left == 0 { State::Frame } else { State::Beside(what, left) };
                self.beside(direction, what, take, sink);
                true
            }
            State::Data { stream, left: 0, pad, end } => {
                let take = usize::try_from(pad).unwrap_or(usize::MAX).min(held);
                let padding = side.buffer.bytes().get(..take).unwrap_or_default();
                if padding.iter().any(|byte| *byte != 0) {
                    let (bytes, origins) = (padding.to_vec(), side.buffer.origins(0, take));
                    let at = side.at;
                    self.margins.note((direction, Beside::Padding), &bytes, &origins, at, sink);
                }
                let side = self.side(direction);
                side.buffer.consume(take);
                side.state = State::Data { stream, left: 0, pad: pad.saturating_sub(take as u64), end };
                sink.wire(Opacity::Plaintext, take as u64);
                true
            }
            State::Data { left, .. } => {
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(held);
                let bytes = side.buffer.bytes().get(..take).unwrap_or_default().to_vec();
                let origins = side.buffer.origins(0, take);
                side.buffer.consume(take);
                self.data(direction, &bytes, &origins, sink);
                true
            }
            State::Frame => self.frame(direction, sink),
            State::Lost => self.search(direction, false, sink),
        }
    }

    /// The first `len` bytes held stand beside messages.
    fn beside(&mut self, direction: Direction, what: Beside, len: usize, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        let (bytes, at) = (side.buffer.bytes().get(..len).unwrap_or_default().to_vec(), side.at);
        let origins = side.buffer.origins(0, len);
        side.buffer.consume(len);
        self.margins.note((direction, what), &bytes, &origins, at, sink);
        sink.wire(Opacity::Plaintext, len as u64);
    }

    /// Bytes of a DATA frame, never more than it has.
    fn data(&mut self, direction: Direction, bytes: &[u8], origins: &Origins, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        let at = side.at;
        let State::Data { stream, left, .. } = &mut side.state else { return };
        *left = left.saturating_sub(bytes.len() as u64);
        let stream = *stream;
        self.exchange(stream, sink).data(direction, bytes, origins, at, sink);
    }

    fn data_done(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        let at = side.at;
        let State::Data { stream, end, .. } = side.state else { return };
        side.state = State::Frame;
        if end {
            self.end_stream(stream, direction, at, sink);
        }
    }

    fn end_stream(&mut self, stream: u32, direction: Direction, at: Timestamp, sink: &mut Sink<'_>) {
        let exchange = self.exchange(stream, sink);
        exchange.end(direction, at, sink);
        if exchange.is_done() {
            self.exchanges.remove(&stream);
        }
    }

    /// A frame: DATA as it comes, all others as a whole.
    fn frame(&mut self, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let lost = self.desync;
        let side = self.side(direction);
        let held = side.buffer.bytes();
        let Some(frame) = FrameHeader::read(held) else { return false };
        if lost && !frame.is_plausible() && frame.kind <= kind::CONTINUATION && frame.len <= USUAL_FRAME {
            side.state = State::Lost;
            return self.search(direction, false, sink);
        }
        let len = frame.len as usize;
        let whole = FRAME_HEADER.saturating_add(len);
        match frame.kind {
            kind::DATA => {
                let padded = frame.has(PADDED) && len > 0;
                let head = FRAME_HEADER.saturating_add(usize::from(padded));
                let pad = match held.get(FRAME_HEADER) {
                    _ if !padded => 0,
                    Some(pad) => u64::from(*pad),
                    None => return false,
                };
                let body = u64::from(frame.len).saturating_sub(u64::from(padded));
                let pad = pad.min(body);
                side.state = State::Data {
                    stream: frame.stream,
                    left: body.saturating_sub(pad),
                    pad,
                    end: frame.has(END_STREAM),
                };
                side.buffer.consume(head);
                sink.wire(Opacity::Plaintext, head as u64);
                return true;
            }
            kind::HEADERS..=kind::CONTINUATION => {}
            kind => {
                let what = if is_reserved(kind) { Beside::Reserved } else { Beside::Unknown };
                side.buffer.consume(FRAME_HEADER);
                side.state = if len == 0 { State::Frame } else { State::Beside(what, u64::from(frame.len)) };
                sink.wire(Opacity::Plaintext, FRAME_HEADER as u64);
                return true;
            }
        }
        if whole > HELD {
            side.buffer.consume(FRAME_HEADER);
            side.state = State::Skip(u64::from(frame.len));
            side.decoder.lose();
            side.pending = None;
            sink.blind(Blind::Budget, direction, u64::from(frame.len), "an HTTP/2 frame over its budget");
            return true;
        }
        let Some(payload) = held.get(FRAME_HEADER..whole) else { return false };
        let payload = payload.to_vec();
        let origins = side.buffer.origins(FRAME_HEADER, whole);
        side.buffer.consume(whole);
        sink.wire(Opacity::Plaintext, whole as u64);
        self.control(direction, frame, &payload, &origins, sink);
        true
    }

    /// A frame that is there as a whole.
    fn control(
        &mut self,
        direction: Direction,
        frame: FrameHeader,
        payload: &[u8],
        origins: &Origins,
        sink: &mut Sink<'_>,
    ) {
        let side = self.side(direction);
        let at = side.at;
        match frame.kind {
            kind::HEADERS | kind::PUSH_PROMISE => {
                let promised = frame.kind == kind::PUSH_PROMISE;
                let Some((front, end)) = fragment_of(frame, payload) else {
                    side.decoder.lose();
                    sink.blind(Blind::Malformed, direction, payload.len() as u64, "padding longer than its frame");
                    return;
                };
                let stream = match payload.get(front.saturating_sub(4)..front) {
                    Some([a, b, c, d]) if promised => u32::from_be_bytes([*a, *b, *c, *d]) & 0x7fff_ffff,
                    _ => frame.stream,
                };
                if side.pending.take().is_some() {
                    side.decoder.lose();
                    sink.blind(Blind::Malformed, direction, 0, "a header block that is never continued");
                }
                let side = self.side(direction);
                side.pending = Some(Pending {
                    stream,
                    promised,
                    end_stream: frame.has(END_STREAM) && !promised,
                    bytes: payload.get(front..end).unwrap_or_default().to_vec(),
                    origins: origins.slice(front, end),
                    over: false,
                });
                let padding = payload.get(end..).filter(|padding| padding.iter().any(|byte| *byte != 0));
                let depends = if frame.has(PRIORITY) && !promised { 5 } else { 0 };
                let depends = front.saturating_sub(depends)..front;
                let beside = [(Beside::Padding, padding), (Beside::Priority, payload.get(depends.clone()))];
                for ((what, bytes), start) in beside.into_iter().zip([end, depends.start]) {
                    let bytes = bytes.unwrap_or_default();
                    let origins = origins.slice(start, start.saturating_add(bytes.len()));
                    self.margins.note((direction, what), bytes, &origins, at, sink);
                }
                if frame.has(END_HEADERS) {
                    self.block(direction, sink);
                }
            }
            kind::CONTINUATION => {
                let Some(pending) = &mut side.pending else {
                    sink.blind(Blind::Lost, direction, payload.len() as u64, "the start of a header block");
                    side.decoder.lose();
                    return;
                };
                if pending.bytes.len().saturating_add(payload.len()) > HEAD_BYTES {
                    pending.over = true;
                } else {
                    pending.bytes.extend_from_slice(payload);
                    pending.origins.append(origins);
                }
                if frame.has(END_HEADERS) {
                    self.block(direction, sink);
                }
            }
            kind::PRIORITY => self.margins.note((direction, Beside::Priority), payload, origins, at, sink),
            kind::PING => self.margins.note((direction, Beside::Ping), payload, origins, at, sink),
            kind::WINDOW_UPDATE => self.margins.note((direction, Beside::Window), payload, origins, at, sink),
            kind::SETTINGS => {
                let mut from = 0_usize;
                for setting in payload.chunks(6) {
                    let to = from.saturating_add(setting.len());
                    // What a known setting is called says nothing.
                    let (what, skip) = match setting {
                        [high, low, ..] if is_known_setting(u16::from_be_bytes([*high, *low])) => (Beside::Setting, 2),
                        _ => (Beside::OtherSetting, 0),
                    };
                    let carried = origins.slice(from.saturating_add(skip), to);
                    self.margins.note((direction, what), setting.get(skip..).unwrap_or_default(), &carried, at, sink);
                    from = to;
                }
            }
            kind::RST_STREAM => {
                self.margins.note((direction, Beside::Code), payload, origins, at, sink);
                if let Some(mut exchange) = self.exchanges.remove(&frame.stream) {
                    exchange.cut(Ending::Reset, at, sink);
                }
            }
            _ => {
                let code =
                    payload.get(4..8).and_then(|code| <[u8; 4]>::try_from(code).ok()).map_or(0, u32::from_be_bytes);
                if code != 0 {
                    sink.fact("http2.goaway", format!("error {code}"));
                }
                if let Some(debug) = payload.get(8..).filter(|debug| !debug.is_empty()) {
                    // Text for people about the connection: it may well quote what was said on it.
                    let mut message = Assembly::new(direction, "GOAWAY".to_owned(), None, Vec::new());
                    message.body(debug, &origins.slice(8, payload.len()), at, sink);
                    message.finish(at, sink);
                }
            }
        }
    }

    /// A header block is complete.
    fn block(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        let at = side.at;
        let Some(pending) = side.pending.take() else { return };
        let block = side.decoder.block(&pending.bytes, &pending.origins);
        if pending.over {
            side.decoder.lose();
            sink.blind(Blind::Budget, direction, 0, "a header block over its budget");
        }
        exchange::tell_block(&block.headers, block.skipped, direction, sink);
        if let Some(broken) = block.broken.filter(|_| !pending.over) {
            sink.blind(Blind::Malformed, direction, pending.bytes.len() as u64, format!("header block: {broken}"));
        }
        if direction == Direction::ToServer {
            self.newest = self.newest.max(pending.stream);
        }
        self.exchange(pending.stream, sink);
        let Self { meta, exchanges, children, told, .. } = self;
        let Some(exchange) = exchanges.get_mut(&pending.stream) else { return };
        let mut place = Place { meta, layer: "http2", children, told, at };
        if pending.promised {
            exchange.promise(&block.headers, &mut place, sink);
        } else {
            exchange.headers(direction, &block.headers, &mut place, sink);
        }
        if pending.end_stream {
            self.end_stream(pending.stream, direction, at, sink);
        }
    }
}

impl Dissector for Http2 {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => self.feed(&chunk, sink),
            StreamEvent::Gap { direction, at, len, why, .. } => self.gap(direction, at, len, why, sink),
            StreamEvent::End { direction, at } => {
                self.end(direction, at, Ending::Clean, sink);
                self.pump(sink);
            }
            StreamEvent::Close { at, how } => self.close(at, how, sink),
        }
        self.events = self.events.wrapping_add(1);
        if self.exchanges.len() <= FEW_EXCHANGES || self.events.is_multiple_of(FEW_EXCHANGES * 4) {
            self.bodies = self.exchanges.values().map(Exchange::held).sum();
        }
        Ok(())
    }

    fn held(&self) -> usize {
        let buffers = self.up.buffer.len().saturating_add(self.down.buffer.len());
        self.bodies.saturating_add(buffers).saturating_add(self.margins.held())
    }
}

#[cfg(test)]
mod tests;
