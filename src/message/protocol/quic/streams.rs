//! The streams of one connection: put in order and handed on.
//!
//! HTTP/3 needs all of them together, so it gets one child stream whose datagrams are STREAM and RESET_STREAM frames, in
//! the order of each stream; a jump in the offsets is a loss. Everything else gets a child for each stream.

use crate::message::Sink;
use crate::message::handshake::hello;
use crate::message::protocol::quic::ordered::{Ordered, Piece};
use crate::message::quic::frame::{reset_stream, stream_head};
use crate::message::sink::{Child, ChildId};
use crate::model::budget::{CHILD_STREAMS, QUIC_STREAM_BYTES, QUIC_WAITING_BYTES};
use crate::model::flow::Blind;
use crate::model::origin::{FrameNo, Origins};
use crate::model::stream::{Direction, Ending, Layer, Lost};
use crate::model::time::Timestamp;
use std::collections::BTreeMap;

/// Children of one connection are numbered within so many bits; its own number is above.
const CHILD_BITS: u32 = 40;

/// One stream.
#[derive(Debug, Default)]
struct Both {
    up: Ordered,
    down: Ordered,
    child: Option<ChildId>,
    /// Directions that are over.
    over: [bool; 2],
}

/// All streams of one connection.
#[derive(Debug, Default)]
pub(super) struct Streams {
    all: BTreeMap<u64, Both>,
    /// Streams below this one, of the same kind, are forgotten.
    forgotten: BTreeMap<u64, u64>,
    held: usize,
    http3: bool,
    /// The child that takes all streams together.
    together: Option<ChildId>,
    /// The child that takes datagrams.
    datagrams: Option<ChildId>,
    children: ChildId,
    hint: Option<String>,
    host: Option<String>,
    from_start: bool,
}

impl Streams {
    /// The streams of the connection with this number among those of its conversation.
    pub(super) fn new(serial: u64) -> Self {
        Self { children: serial << CHILD_BITS, ..Self::default() }
    }

    /// Bytes that wait for others in front of them.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// What the connection speaks, as far as that is known.
    pub(super) fn speak(&mut self, alpn: Option<&[u8]>, host: Option<String>, from_start: bool) {
        // Where nobody says, it is most likely what nearly everybody speaks.
        self.http3 = alpn.is_none_or(|alpn| alpn.starts_with(b"h3"));
        self.hint = alpn.map(hello::alpn_text);
        self.host = host;
        self.from_start = from_start;
    }

    fn open(&mut self, hint: Option<String>, datagrams: bool, from_start: bool, sink: &mut Sink<'_>) -> ChildId {
        let layer = Layer { name: "quic".to_owned(), secure: true, opened: true };
        self.children = self.children.saturating_add(1);
        sink.open(self.children, Child { layer, datagrams, hint, host: self.host.clone(), from_start });
        self.children
    }

    /// Data of a stream: where in it, the bytes, whether they are its last.
    pub(super) fn data(
        &mut self,
        id: u64,
        direction: Direction,
        at: Timestamp,
        (offset, data, fin): (u64, &[u8], bool),
        (origins, frame): (&Origins, FrameNo),
        sink: &mut Sink<'_>,
    ) {
        if self.forgotten.get(&(id & 3)).is_some_and(|floor| id < *floor) {
            return;
        }
        if self.all.len() >= CHILD_STREAMS && !self.all.contains_key(&id) {
            self.forget(at, sink);
        }
        let stream = self.all.entry(id).or_default();
        let ordered = stream.half(direction);
        let before = ordered.held();
        ordered.push(offset, data, origins, fin);
        let mut pieces = Vec::new();
        while let Some(piece) = ordered.next() {
            pieces.push(piece);
        }
        let total = self.held.saturating_add(ordered.held()).saturating_sub(before);
        if ordered.held() > QUIC_STREAM_BYTES || total > QUIC_WAITING_BYTES {
            pieces.extend(ordered.force());
            while let Some(piece) = ordered.next() {
                pieces.push(piece);
            }
            sink.blind(Blind::Lost, direction, 0, "bytes of a QUIC stream");
        }
        self.held = self.held.saturating_add(ordered.held()).saturating_sub(before);
        for piece in pieces {
            self.deliver(id, direction, at, piece, frame, sink);
        }
    }

    /// Too many streams: the oldest of the kind that has most goes.
    fn forget(&mut self, at: Timestamp, sink: &mut Sink<'_>) {
        let done = self.all.iter().find(|(id, stream)| stream.is_over(**id)).map(|(id, _)| *id);
        let Some(id) = done.or_else(|| self.all.keys().next().copied()) else { return };
        if done.is_none() {
            sink.blind(Blind::Budget, Direction::ToServer, 0, "QUIC streams open at once");
        }
        if let Some(stream) = self.all.remove(&id) {
            self.held = self.held.saturating_sub(stream.up.held()).saturating_sub(stream.down.held());
            if let Some(child) = stream.child {
                sink.close(child, at, Ending::Idle);
            }
        }
        let floor = self.forgotten.entry(id & 3).or_default();
        *floor = (*floor).max(id.saturating_add(1));
    }

    fn deliver(
        &mut self,
        id: u64,
        direction: Direction,
        at: Timestamp,
        piece: Piece,
        frame: FrameNo,
        sink: &mut Sink<'_>,
    ) {
        if self.http3 {
            let together = match self.together {
                Some(child) => child,
                None => self.open(Some("http3".to_owned()), true, self.from_start, sink),
            };
            self.together = Some(together);
            let mut bytes = stream_head(id, piece.offset, piece.last);
            let mut origins = Origins::one(bytes.len(), piece.origins.first().unwrap_or(frame));
            bytes.extend_from_slice(&piece.bytes);
            origins.append(&piece.origins);
            sink.data(together, direction, at, bytes, origins);
            if piece.last {
                self.over(id, direction);
            }
            return;
        }
        let child = match self.all.get(&id).and_then(|stream| stream.child) {
            Some(child) => child,
            None => self.open(self.hint.clone(), false, piece.offset == 0, sink),
        };
        if let Some(stream) = self.all.get_mut(&id) {
            stream.child = Some(child);
        }
        if piece.lost > 0 {
            sink.gap(child, direction, at, piece.lost, Lost::NotCaptured);
        }
        sink.data(child, direction, at, piece.bytes, piece.origins);
        if piece.last {
            sink.end(child, direction, at);
            if let Some(child) = self.over(id, direction) {
                sink.close(child, at, Ending::Clean);
            }
        }
    }

    /// One direction is over; its child, if the stream is over with it.
    fn over(&mut self, id: u64, direction: Direction) -> Option<ChildId> {
        let stream = self.all.get_mut(&id)?;
        *direction.of_mut(&mut stream.over) = true;
        if stream.is_over(id) { stream.child.take() } else { None }
    }

    /// The sender gives a stream up.
    pub(super) fn reset(&mut self, id: u64, direction: Direction, at: Timestamp, frame: FrameNo, sink: &mut Sink<'_>) {
        if self.http3 {
            if let Some(together) = self.together {
                let bytes = reset_stream(id);
                let origins = Origins::one(bytes.len(), frame);
                sink.data(together, direction, at, bytes, origins);
            }
        } else if let Some(child) = self.over(id, direction) {
            sink.close(child, at, Ending::Reset);
        }
    }

    /// A datagram (RFC 9221).
    pub(super) fn datagram(
        &mut self,
        direction: Direction,
        at: Timestamp,
        data: &[u8],
        origins: Origins,
        sink: &mut Sink<'_>,
    ) {
        let child = match self.datagrams {
            Some(child) => child,
            None => self.open(None, true, true, sink),
        };
        self.datagrams = Some(child);
        sink.data(child, direction, at, data.to_vec(), origins);
    }

    /// The connection is over: what waits for bytes that will not come goes on without them.
    pub(super) fn close(&mut self, at: Timestamp, how: Ending, sink: &mut Sink<'_>) {
        for id in self.all.keys().copied().collect::<Vec<_>>() {
            for direction in Direction::BOTH {
                let mut told = false;
                while let Some(piece) = self.all.get_mut(&id).and_then(|stream| {
                    let half = stream.half(direction);
                    half.next().or_else(|| half.force())
                }) {
                    if piece.lost > 0 && !told {
                        told = true;
                        sink.blind(Blind::Lost, direction, piece.lost, "bytes of a QUIC stream");
                    }
                    self.deliver(id, direction, at, piece, FrameNo::default(), sink);
                }
            }
        }
        self.held = 0;
        let single = std::mem::take(&mut self.all).into_values().filter_map(|stream| stream.child);
        for child in single.chain(self.together.take()).chain(self.datagrams.take()) {
            sink.close(child, at, how);
        }
    }
}

impl Both {
    const fn half(&mut self, direction: Direction) -> &mut Ordered {
        match direction {
            Direction::ToServer => &mut self.up,
            Direction::ToClient => &mut self.down,
        }
    }

    /// Whether both directions are over, or the only one there is (RFC 9000 section 2.1).
    const fn is_over(&self, id: u64) -> bool {
        let [up, down] = self.over;
        if id & 2 == 0 { up && down } else { up || down }
    }
}
