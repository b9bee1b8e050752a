//! HTTP/3 (RFC 9114) with QPACK, server push, extended CONNECT (RFC 9220) and connections that are read from the middle on.
//!
//! In: all streams of one QUIC connection, as datagrams that each hold one STREAM or RESET_STREAM frame (RFC 9000 section
//! 19) in the order of its stream; a jump in the offsets is a loss.

mod ending;
mod lane;

use crate::bytes::{Cursor, Malformed, Match};
use crate::message::http::assembly::Assembly;
use crate::message::http::exchange::{self, Exchange, Place};
use crate::message::margins::{Beside, Margins};
use crate::message::protocol::http3::lane::{FrameHead, Lane, Role, State, is_request};
use crate::message::qpack::decoder::{Decoder, Section};
use crate::message::quic::frame::{self, Frame};
use crate::message::quic::varint::varint;
use crate::message::sink::{Child, ChildId};
use crate::message::{Dissector, Peek, Protocol, Sink};
use crate::model::budget::{CHILD_STREAMS, HEAD_BYTES, QPACK_BLOCKED};
use crate::model::flow::Blind;
use crate::model::origin::Origins;
use crate::model::stream::{Chunk, Direction, Ending, Layer, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The registry entry.
pub static PROTOCOL: Protocol =
    Protocol { name: "http3", about: "HTTP/3 with QPACK, over QUIC", probe, start, samples: &[] };

/// SETTINGS_QPACK_MAX_TABLE_CAPACITY (RFC 9204 section 5).
const MAX_TABLE_CAPACITY: u64 = 0x01;

/// Up to as many exchanges are counted again at every event.
const FEW_EXCHANGES: usize = 64;

/// Frame types (RFC 9114 section 7.2).
mod kind {
    pub(super) const DATA: u64 = 0x00;
    pub(super) const HEADERS: u64 = 0x01;
    pub(super) const SETTINGS: u64 = 0x04;
    pub(super) const PUSH_PROMISE: u64 = 0x05;
    /// What a stream of a WebTransport session begins with.
    pub(super) const WEBTRANSPORT: u64 = 0x41;
}

/// Whether a frame type, or a setting, is reserved for noise, to keep receivers tolerant (RFC 9114 section 7.2.8).
const fn is_reserved(number: u64) -> bool {
    number >= 0x21 && (number - 0x21).is_multiple_of(0x1f)
}

/// Whether a setting is registered: of HTTP/3, QPACK, extended CONNECT, datagrams and WebTransport.
const fn is_known_setting(id: u64) -> bool {
    matches!(id, 0x01 | 0x06 | 0x07 | 0x08 | 0x33 | 0x0276 | 0x00ff_d277 | 0x2b60_3742 | 0x2b60_3743 | 0xc671_706a)
}

fn probe(peek: &Peek<'_>) -> Match {
    let agreed = peek.meta.datagrams && peek.meta.hint.as_deref() == Some(PROTOCOL.name);
    if agreed { Match::Certain } else { Match::No }
}

fn start(meta: &StreamMeta) -> Box<dyn Dissector> {
    let lossy = !meta.from_start;
    Box::new(Http3 {
        meta: meta.clone(),
        lossy,
        closing: false,
        up: Side { lanes: BTreeMap::new(), decoder: Decoder::new(lossy) },
        down: Side { lanes: BTreeMap::new(), decoder: Decoder::new(lossy) },
        exchanges: BTreeMap::new(),
        blocked: BTreeSet::new(),
        children: 0,
        told: None,
        margins: Margins::default(),
        held: 0,
        events: 0,
    })
}

/// Which exchange a stream belongs to: a request's stream has its own number, a push its push ID.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Whose {
    Request(u64),
    Push(u64),
}

/// One direction of the connection.
struct Side {
    lanes: BTreeMap<u64, Lane>,
    decoder: Decoder,
}

struct Http3 {
    meta: StreamMeta,
    /// Something is missing: responses do not wait for their requests.
    lossy: bool,
    closing: bool,
    up: Side,
    down: Side,
    exchanges: BTreeMap<Whose, Exchange>,
    /// Streams that wait for entries of the dynamic table.
    blocked: BTreeSet<(u64, Direction)>,
    children: ChildId,
    told: Option<String>,
    /// What stands beside messages.
    margins: Margins,
    /// Bytes held, as of late.
    held: usize,
    events: usize,
}

impl Dissector for Http3 {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let result = match event {
            StreamEvent::Data(chunk) => self.frame(&chunk, sink),
            StreamEvent::Gap { .. } | StreamEvent::End { .. } => Ok(()),
            StreamEvent::Close { at, how } => {
                self.close(at, how, sink);
                Ok(())
            }
        };
        self.events = self.events.wrapping_add(1);
        if self.exchanges.len() <= FEW_EXCHANGES || self.events.is_multiple_of(FEW_EXCHANGES * 4) {
            self.count_held();
        }
        result
    }

    fn held(&self) -> usize {
        self.held
    }
}

impl Http3 {
    fn count_held(&mut self) {
        let side = |side: &Side| {
            let lanes: usize = side.lanes.values().map(Lane::held).sum();
            lanes.saturating_add(side.decoder.held())
        };
        let bodies: usize = self.exchanges.values().map(Exchange::held).sum();
        let sides = side(&self.up).saturating_add(side(&self.down));
        self.held = bodies.saturating_add(sides).saturating_add(self.margins.held());
    }

    const fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::ToServer => &mut self.up,
            Direction::ToClient => &mut self.down,
        }
    }

    /// Takes one frame of QUIC.
    fn frame(&mut self, chunk: &Chunk<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let direction = chunk.direction;
        let mut cursor = Cursor::new(chunk.bytes);
        match frame::next(&mut cursor)? {
            Frame::Stream { id, offset, data, fin } => {
                let end = cursor.position();
                let origins = chunk.origins.slice(end.saturating_sub(data.len()), end);
                self.stream(id, direction, offset, chunk.at, sink);
                let lane = self.lane(id, direction);
                lane.fin |= fin;
                self.feed(id, direction, data, &origins, sink);
            }
            Frame::ResetStream(id) => self.reset(id, direction, chunk.at, sink),
            _ => return Err(Malformed::Illegal("frame")),
        }
        cursor.finish("frame")
    }

    fn lane(&mut self, id: u64, direction: Direction) -> &mut Lane {
        self.side(direction).lanes.entry(id).or_insert_with(|| Lane::new(id))
    }

    /// Bytes of a stream come, from this offset on.
    fn stream(&mut self, id: u64, direction: Direction, offset: u64, at: Timestamp, sink: &mut Sink<'_>) {
        let full = self.side(direction).lanes.len() >= CHILD_STREAMS;
        if full && !self.side(direction).lanes.contains_key(&id) {
            let oldest = self.side(direction).lanes.keys().find(|id| **id & 2 == 0).copied();
            if let Some(oldest) = oldest {
                sink.blind(Blind::Budget, direction, 0, "HTTP/3 streams open at once");
                self.finish(oldest, direction, at, sink);
            }
        }
        let lane = self.lane(id, direction);
        lane.at = at;
        let lost = offset.saturating_sub(lane.next);
        if lost > 0 {
            lane.next = offset;
            self.hole(id, direction, lost, sink);
        }
    }

    fn feed(&mut self, id: u64, direction: Direction, data: &[u8], origins: &Origins, sink: &mut Sink<'_>) {
        let mut from = 0_usize;
        loop {
            let rest = data.get(from..).unwrap_or_default();
            let lane = self.lane(id, direction);
            let take = lane.room().min(rest.len());
            let bytes = rest.get(..take).unwrap_or_default();
            lane.push(bytes, &origins.slice(from, from.saturating_add(take)));
            from = from.saturating_add(take);
            self.pump(id, direction, sink);
            if from >= data.len() {
                return;
            }
            if self.lane(id, direction).room() == 0 {
                // What it waits for does not come in time.
                self.force(id, direction, sink);
            }
        }
    }

    /// Reads what can be read of a stream, and of the other direction if that waited for this one.
    fn pump(&mut self, id: u64, direction: Direction, sink: &mut Sink<'_>) {
        while self.step(id, direction, sink) {}
        if direction == Direction::ToServer && self.down.lanes.contains_key(&id) {
            while self.step(id, Direction::ToClient, sink) {}
        }
    }

    /// A stream goes on without what it waits for.
    fn force(&mut self, id: u64, direction: Direction, sink: &mut Sink<'_>) {
        let before = (self.lossy, self.closing);
        (self.lossy, self.closing) = (true, true);
        while self.step(id, direction, sink) {}
        (self.lossy, self.closing) = before;
        if self.lane(id, direction).room() == 0 {
            self.lane(id, direction).state = State::Loose;
            while self.step(id, direction, sink) {}
        }
    }

    fn step(&mut self, id: u64, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let waits = direction == Direction::ToClient
            && is_request(id)
            && !self.lossy
            && !self.exchanges.get(&Whose::Request(id)).is_some_and(Exchange::has_request);
        let Some(lane) = self.side(direction).lanes.get_mut(&id) else { return false };
        if waits && lane.state == State::Frame {
            return false;
        }
        if lane.is_over() {
            self.end(id, direction, sink);
            return false;
        }
        match (lane.role, lane.state) {
            (_, State::Skip(_)) => lane.skip(),
            (_, State::Beside(what, left)) => self.beside(id, direction, what, left, sink),
            (Role::Unknown, _) => self.begin(id, direction, sink),
            (Role::Encoder, _) => self.instructions(id, direction, sink),
            (Role::Silent, _) => {
                lane.drop_all();
                false
            }
            (Role::Raw(child), _) => {
                let Some((bytes, origins)) = lane.take_all() else { return false };
                let at = lane.at;
                sink.data(child, direction, at, bytes, origins);
                true
            }
            (_, State::Loose) => self.loose(id, direction, sink),
            (Role::Request | Role::Push(_), State::Data(_)) => self.data(id, direction, sink),
            (Role::Request | Role::Push(_) | Role::Control, State::Frame) => self.next_frame(id, direction, sink),
            (Role::Control, State::Data(_)) => lane.skip(),
        }
    }

    /// Bytes of a frame that is no part of a message.
    fn beside(&mut self, id: u64, direction: Direction, what: Beside, left: u64, sink: &mut Sink<'_>) -> bool {
        let lane = self.lane(id, direction);
        if left == 0 {
            lane.state = State::Frame;
            return true;
        }
        let Some((bytes, origins)) = lane.take(left) else { return false };
        lane.state = State::Beside(what, left.saturating_sub(bytes.len() as u64));
        let at = lane.at;
        self.margins.note((direction, what), &bytes, &origins, at, sink);
        true
    }

    /// What a unidirectional stream is says its first integer (RFC 9114 section 6.2).
    fn begin(&mut self, id: u64, direction: Direction, sink: &mut Sink<'_>) -> bool {
        if id & 2 == 0 {
            // Only clients ask; streams that servers open belong to WebTransport.
            let role = Role::Raw(self.raw(sink));
            self.lane(id, direction).role = role;
            return true;
        }
        let lane = self.lane(id, direction);
        let mut cursor = Cursor::new(lane.bytes());
        let Ok(kind) = varint(&mut cursor, "stream type") else { return false };
        let role = match kind {
            0x00 => Role::Control,
            0x01 => {
                let Ok(push) = varint(&mut cursor, "push ID") else { return false };
                Role::Push(push)
            }
            0x02 => Role::Encoder,
            0x03 => Role::Silent,
            _ => Role::Raw(0),
        };
        let used = cursor.position();
        lane.consume(used);
        let role = if role == Role::Raw(0) { Role::Raw(self.raw(sink)) } else { role };
        self.lane(id, direction).role = role;
        true
    }

    /// A child for bytes that have no form that is known here.
    fn raw(&mut self, sink: &mut Sink<'_>) -> ChildId {
        self.children = self.children.saturating_add(1);
        let layer = Layer { name: PROTOCOL.name.to_owned(), secure: false, opened: false };
        let host = self.meta.host.clone();
        sink.open(self.children, Child { layer, datagrams: false, hint: None, host, from_start: !self.lossy });
        self.children
    }

    fn instructions(&mut self, id: u64, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let Some((bytes, origins)) = self.lane(id, direction).take_all() else { return false };
        if let Err(malformed) = self.side(direction).decoder.instructions(&bytes, &origins) {
            sink.blind(Blind::Malformed, direction, bytes.len() as u64, format!("QPACK encoder stream: {malformed}"));
        }
        self.retry(sink);
        true
    }

    /// Entries have come: who waited for them may go on.
    fn retry(&mut self, sink: &mut Sink<'_>) {
        for (id, direction) in std::mem::take(&mut self.blocked) {
            self.pump(id, direction, sink);
        }
    }

    fn next_frame(&mut self, id: u64, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let last = self.closing || self.blocked.len() >= QPACK_BLOCKED;
        let lane = self.lane(id, direction);
        let Some(head) = FrameHead::read(lane.bytes()) else { return false };
        let control = lane.role == Role::Control;
        let payload = match (head.kind, control) {
            (kind::DATA, false) => {
                lane.consume(head.len);
                lane.state = State::Data(head.body);
                return true;
            }
            (kind::WEBTRANSPORT, false) if lane.role == Role::Request => {
                // The length is the session's number; all that follows is the session's.
                lane.consume(head.len);
                let child = self.raw(sink);
                self.lane(id, direction).role = Role::Raw(child);
                return true;
            }
            (kind::HEADERS | kind::PUSH_PROMISE, false) | (kind::SETTINGS, true) => {
                let Some(len) = usize::try_from(head.body).ok().filter(|len| *len <= HEAD_BYTES) else {
                    lane.consume(head.len);
                    lane.state = State::Skip(head.body);
                    sink.blind(Blind::Budget, direction, head.body, "an HTTP/3 frame over its budget");
                    return true;
                };
                lane.bytes().get(head.len..head.len.saturating_add(len)).map(<[u8]>::to_vec)
            }
            (kind, _) => {
                let what = match kind {
                    // CANCEL_PUSH, GOAWAY, MAX_PUSH_ID: one number.
                    0x03 | 0x07 | 0x0d => Beside::Code,
                    // PRIORITY_UPDATE (RFC 9218) is text.
                    _ if is_reserved(kind) => Beside::Reserved,
                    _ => Beside::Unknown,
                };
                lane.consume(head.len);
                lane.state = State::Beside(what, head.body);
                return true;
            }
        };
        let Some(payload) = payload else { return false };
        let origins = lane.origins(head.len, head.len.saturating_add(payload.len()));
        if head.kind == kind::SETTINGS {
            self.settings(id, direction, &payload, &origins, sink);
        } else if !self.section(id, direction, head.kind, &payload, &origins, last, sink) {
            self.blocked.insert((id, direction));
            return false;
        }
        self.lane(id, direction).consume(head.len.saturating_add(payload.len()));
        true
    }

    /// What one side can take bounds what the other side writes.
    fn settings(&mut self, id: u64, direction: Direction, payload: &[u8], origins: &Origins, sink: &mut Sink<'_>) {
        let at = self.lane(id, direction).at;
        let mut cursor = Cursor::new(payload);
        let mut from = 0_usize;
        while let (Ok(id), Ok(value)) = (varint(&mut cursor, "setting"), varint(&mut cursor, "setting")) {
            let to = cursor.position();
            if id == MAX_TABLE_CAPACITY {
                self.side(direction.reverse()).decoder.allow(value);
            }
            if !is_known_setting(id) {
                let bytes = payload.get(from..to).unwrap_or_default();
                self.margins.note((direction, Beside::OtherSetting), bytes, &origins.slice(from, to), at, sink);
            }
            from = to;
        }
    }

    /// A field section; false where it has to wait.
    #[expect(clippy::too_many_arguments, reason = "a frame, and where it was found")]
    fn section(
        &mut self,
        id: u64,
        direction: Direction,
        kind: u64,
        payload: &[u8],
        origins: &Origins,
        last: bool,
        sink: &mut Sink<'_>,
    ) -> bool {
        let mut cursor = Cursor::new(payload);
        let promised = if kind == kind::PUSH_PROMISE { varint(&mut cursor, "push ID").ok() } else { None };
        if kind == kind::PUSH_PROMISE && promised.is_none() {
            sink.blind(Blind::Malformed, direction, payload.len() as u64, "a promise without its number");
            return true;
        }
        let origins = origins.slice(cursor.position(), payload.len());
        let Section::Read(block) = self.side(direction).decoder.section(cursor.rest(), &origins, last) else {
            return false;
        };
        exchange::tell_block(&block.headers, block.skipped, direction, sink);
        if let Some(broken) = block.broken {
            sink.blind(Blind::Malformed, direction, payload.len() as u64, format!("field section: {broken}"));
        }
        let lane = self.lane(id, direction);
        let at = lane.at;
        let whose = promised.map_or_else(|| lane.whose(id), Whose::Push);
        self.make_room(whose, at, sink);
        let Self { meta, exchanges, children, told, .. } = self;
        let exchange = exchanges.entry(whose).or_default();
        let mut place = Place { meta, layer: PROTOCOL.name, children, told, at };
        if promised.is_some() {
            exchange.promise(&block.headers, &mut place, sink);
        } else {
            exchange.headers(direction, &block.headers, &mut place, sink);
        }
        true
    }

    /// The oldest exchange goes when there are too many.
    fn make_room(&mut self, whose: Whose, at: Timestamp, sink: &mut Sink<'_>) {
        if self.exchanges.len() >= CHILD_STREAMS
            && !self.exchanges.contains_key(&whose)
            && let Some((_, mut oldest)) = self.exchanges.pop_first()
        {
            for (cut, direction) in oldest.cut(Ending::Idle, at, sink).into_iter().zip(Direction::BOTH) {
                if cut {
                    sink.blind(Blind::Budget, direction, 0, "HTTP/3 streams open at once");
                }
            }
        }
    }

    fn data(&mut self, id: u64, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let lane = self.lane(id, direction);
        let State::Data(left) = lane.state else { return false };
        if left == 0 {
            lane.state = State::Frame;
            return true;
        }
        let Some((bytes, origins)) = lane.take(left) else { return false };
        lane.state = State::Data(left.saturating_sub(bytes.len() as u64));
        let (at, whose) = (lane.at, lane.whose(id));
        self.exchanges.entry(whose).or_default().data(direction, &bytes, &origins, at, sink);
        true
    }

    /// Bytes whose frame is lost: they can still be read.
    fn loose(&mut self, id: u64, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let lane = self.lane(id, direction);
        let Some((bytes, origins)) = lane.take_all() else { return false };
        let at = lane.at;
        let mut fragment = Assembly::new(direction, "fragment".to_owned(), None, Vec::new());
        fragment.damaged();
        fragment.body(&bytes, &origins, at, sink);
        fragment.finish(at, sink);
        true
    }
}

#[cfg(test)]
mod tests;
