//! WebSocket (RFC 6455) with permessage-deflate (RFC 7692), inside an HTTP upgrade or an extended CONNECT.
//!
//! MQTT and others go through WebSockets as streams that do not heed messages (MQTT 5 section 6): where a protocol is
//! certain of the client's first message, the messages of both sides are the bytes of a child stream.

use crate::bytes::{Buffer, Cursor, Malformed, Match};
use crate::message::hpack::decoder::stretch;
use crate::message::http::assembly::Assembly;
use crate::message::protocol::PROTOCOLS;
use crate::message::sink::{Child, ChildId};
use crate::message::{Dissector, Peek, Protocol, Sink};
use crate::model::budget::{PART_PIECE, RATIO, RATIO_FREE};
use crate::model::flow::Blind;
use crate::model::origin::{FrameNo, Origins};
use crate::model::stream::{Direction, Ending, Layer, Lost, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use flate2::{Decompress, FlushDecompress, Status};

/// The registry entry.
pub static PROTOCOL: Protocol =
    Protocol { name: "websocket", about: "WebSocket, with permessage-deflate", probe, start, samples: &[] };

/// What a sender leaves out at the end of each compressed message (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

fn probe(peek: &Peek<'_>) -> Match {
    let spoken = peek.meta.hint.as_deref().is_some_and(|hint| hint == "websocket" || hint.starts_with("websocket;"));
    if spoken { Match::Certain } else { Match::No }
}

fn start(meta: &StreamMeta) -> Box<dyn Dissector> {
    let hint = meta.hint.as_deref().unwrap_or_default().to_ascii_lowercase();
    let has = |name: &str| hint.split([';', ',']).any(|field| field.trim() == name);
    let deflate = has("permessage-deflate");
    Box::new(WebSocket {
        up: Side::new(deflate, has("client_no_context_takeover"), meta.at),
        down: Side::new(deflate, has("server_no_context_takeover"), meta.at),
        meta: meta.clone(),
        stream: None,
        spoken: false,
    })
}

/// The child that takes the messages as a stream.
const STREAM: ChildId = 0;

/// A frame whose payload is coming.
#[derive(Clone, Copy, Debug)]
struct Frame {
    left: u64,
    mask: Option<[u8; 4]>,
    /// Payload bytes seen, for the place in the mask.
    seen: u64,
    fin: bool,
    opcode: u8,
}

/// A message whose frames are coming.
struct Current {
    assembly: Assembly,
    compressed: bool,
    input: usize,
    output: usize,
    /// The frame that carried the last byte.
    last: Option<FrameNo>,
}

impl Current {
    /// Takes payload: it is the message's, or the stream's.
    fn take(
        &mut self,
        direction: Direction,
        stream: Option<ChildId>,
        (bytes, origins): (&[u8], &Origins),
        at: Timestamp,
        sink: &mut Sink<'_>,
    ) {
        self.last = origins.runs().last().map(|run| run.frame).or(self.last);
        match stream {
            Some(child) => sink.data(child, direction, at, bytes.to_vec(), origins.clone()),
            None => self.assembly.body(bytes, origins, at, sink),
        }
    }
}

/// The inflater of one direction.
struct Inflate {
    state: Decompress,
    /// Each message starts afresh.
    afresh: bool,
    /// Its window is lost.
    broken: bool,
}

struct Side {
    buffer: Buffer,
    frame: Option<Frame>,
    current: Option<Current>,
    control: (Vec<u8>, Origins),
    inflate: Option<Inflate>,
    /// Frames are not found any more.
    lost: bool,
    ended: bool,
    at: Timestamp,
}

impl Side {
    fn new(deflate: bool, afresh: bool, at: Timestamp) -> Self {
        Self {
            buffer: Buffer::new(PART_PIECE),
            frame: None,
            current: None,
            control: (Vec::new(), Origins::new()),
            inflate: deflate.then(|| Inflate { state: Decompress::new(false), afresh, broken: false }),
            lost: false,
            ended: false,
            at,
        }
    }
}

struct WebSocket {
    up: Side,
    down: Side,
    meta: StreamMeta,
    /// The messages are the bytes of a stream.
    stream: Option<ChildId>,
    /// The client has said something.
    spoken: bool,
}

impl WebSocket {
    const fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::ToServer => &mut self.up,
            Direction::ToClient => &mut self.down,
        }
    }

    fn assembly(&self, direction: Direction, label: &str) -> Assembly {
        Assembly::new(direction, label.to_owned(), self.meta.host.clone(), Vec::new())
    }

    fn step(&mut self, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let side = self.side(direction);
        if side.lost {
            self.fragment(direction, sink);
            return false;
        }
        let held = side.buffer.len();
        match side.frame {
            Some(frame) if frame.left == 0 => {
                side.frame = None;
                self.frame_done(direction, frame, sink);
                true
            }
            Some(mut frame) if held > 0 => {
                let take = usize::try_from(frame.left).unwrap_or(usize::MAX).min(held);
                let mut bytes = side.buffer.bytes().get(..take).unwrap_or_default().to_vec();
                let origins = side.buffer.origins(0, take);
                side.buffer.consume(take);
                if let Some(mask) = frame.mask {
                    let place = usize::try_from(frame.seen % 4).unwrap_or(0);
                    for (byte, key) in bytes.iter_mut().zip(mask.iter().cycle().skip(place)) {
                        *byte ^= key;
                    }
                }
                frame.left = frame.left.saturating_sub(take as u64);
                frame.seen = frame.seen.saturating_add(take as u64);
                side.frame = Some(frame);
                if frame.opcode >= 8 {
                    side.control.0.extend_from_slice(&bytes);
                    side.control.1.append(&origins);
                } else {
                    self.payload(direction, &bytes, &origins, sink);
                }
                true
            }
            Some(_) => false,
            None => self.header(direction, sink),
        }
    }

    fn header(&mut self, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let side = self.side(direction);
        let Ok((first, mask, len, size)) = header(side.buffer.bytes()) else { return false };
        let (fin, opcode, rsv1) = (first & 0x80 != 0, first & 0x0f, first & 0x40 != 0);
        let control = opcode >= 8;
        let legal = match opcode {
            0 => side.current.is_some() && !rsv1,
            1 | 2 => side.current.is_none(),
            8..=10 => fin && len <= 125 && !rsv1,
            _ => false,
        };
        if !legal || first & 0x30 != 0 {
            let left = side.buffer.len() as u64;
            side.lost = true;
            sink.blind(Blind::Malformed, direction, left, "not a WebSocket frame");
            self.cut(direction, sink);
            return true;
        }
        side.buffer.consume(size);
        side.frame = Some(Frame { left: len, mask, seen: 0, fin, opcode });
        if control {
            side.control = (Vec::new(), Origins::new());
        } else if opcode != 0 {
            let compressed = rsv1 && side.inflate.is_some();
            if let Some(inflate) = side.inflate.as_mut().filter(|inflate| compressed && inflate.afresh) {
                inflate.state = Decompress::new(false);
                inflate.broken = false;
            }
            if rsv1 && !compressed {
                sink.blind(Blind::Unsupported, direction, len, "a WebSocket extension");
            }
            let label = if compressed { "websocket message > permessage-deflate" } else { "websocket message" };
            let mut assembly = self.assembly(direction, label);
            if rsv1 && !compressed {
                assembly.damaged();
            }
            self.side(direction).current = Some(Current { assembly, compressed, input: 0, output: 0, last: None });
        }
        true
    }

    /// Unmasked payload of a message.
    fn payload(&mut self, direction: Direction, bytes: &[u8], origins: &Origins, sink: &mut Sink<'_>) {
        let stream = self.stream;
        let side = self.side(direction);
        let at = side.at;
        let Some(current) = &mut side.current else { return };
        let Some(inflate) = side.inflate.as_mut().filter(|_| current.compressed) else {
            current.take(direction, stream, (bytes, origins), at, sink);
            return;
        };
        current.input = current.input.saturating_add(bytes.len());
        let allowed = RATIO_FREE.saturating_add(current.input.saturating_mul(RATIO));
        let mut rest = bytes;
        while !inflate.broken {
            let mut out = Vec::with_capacity(16 << 10);
            let before = inflate.state.total_in();
            let result = inflate.state.decompress_vec(rest, &mut out, FlushDecompress::Sync);
            let used = usize::try_from(inflate.state.total_in().saturating_sub(before)).unwrap_or(usize::MAX);
            rest = rest.get(used..).unwrap_or_default();
            current.output = current.output.saturating_add(out.len());
            let frames = stretch(origins, origins.len(), out.len());
            current.take(direction, stream, (&out, &frames), at, sink);
            if current.output > allowed {
                inflate.broken = true;
                current.assembly.damaged();
                sink.blind(Blind::Budget, direction, rest.len() as u64, "a compressed WebSocket message");
                return;
            }
            match result {
                Ok(Status::StreamEnd) => {
                    // A final block inside a message: what follows starts afresh (RFC 7692 section 7.2.3.4).
                    inflate.state = Decompress::new(false);
                    if rest.is_empty() || rest == TAIL {
                        return;
                    }
                }
                Ok(_) if used == 0 && out.is_empty() => return,
                Ok(_) => {}
                Err(_) => inflate.broken = true,
            }
        }
        current.assembly.damaged();
        sink.blind(Blind::Malformed, direction, rest.len() as u64, "a compressed WebSocket message");
    }

    fn frame_done(&mut self, direction: Direction, frame: Frame, sink: &mut Sink<'_>) {
        let at = self.side(direction).at;
        if frame.opcode >= 8 {
            let (bytes, origins) = std::mem::take(&mut self.side(direction).control);
            let (label, skip) = match frame.opcode {
                8 => ("websocket close", 2),
                9 => ("websocket ping", 0),
                _ => ("websocket pong", 0),
            };
            if let Some(text) = bytes.get(skip..).filter(|text| !text.is_empty()) {
                let mut message = self.assembly(direction, label);
                message.body(text, &origins.slice(skip, bytes.len()), at, sink);
                message.finish(at, sink);
            }
            return;
        }
        if frame.fin {
            let side = self.side(direction);
            if side.current.as_ref().is_some_and(|current| current.compressed) {
                self.tail(direction, sink);
            }
            if let Some(current) = self.side(direction).current.take() {
                self.complete(direction, current, at, sink);
            }
        }
    }

    /// A message is whole.
    fn complete(&mut self, direction: Direction, current: Current, at: Timestamp, sink: &mut Sink<'_>) {
        if self.stream.is_some() {
            return;
        }
        if direction == Direction::ToServer && !std::mem::replace(&mut self.spoken, true) {
            let (bytes, origins) = current.assembly.so_far();
            let meta = StreamMeta { hint: None, from_start: true, ..self.meta.clone() };
            let peek = Peek { meta: &meta, to_server: bytes, to_client: b"", waiting: &[], secrets: sink.secrets() };
            if PROTOCOLS.iter().any(|protocol| (protocol.probe)(&peek) == Match::Certain) {
                let layer = Layer { name: PROTOCOL.name.to_owned(), secure: false, opened: false };
                let host = self.meta.host.clone();
                sink.open(STREAM, Child { layer, datagrams: false, hint: None, host, from_start: true });
                sink.data(STREAM, direction, at, bytes.to_vec(), origins.clone());
                self.stream = Some(STREAM);
                return;
            }
        }
        current.assembly.finish(at, sink);
    }

    /// Lets the inflater finish a message; its last bytes, if any, belong to the frame that ended it.
    fn tail(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let stream = self.stream;
        let side = self.side(direction);
        let at = side.at;
        let (Some(current), Some(inflate)) = (&mut side.current, &mut side.inflate) else { return };
        if inflate.broken {
            return;
        }
        let mut out = Vec::with_capacity(4 << 10);
        if inflate.state.decompress_vec(&TAIL, &mut out, FlushDecompress::Sync).is_err() {
            inflate.broken = true;
            current.assembly.damaged();
            sink.blind(Blind::Malformed, direction, 0, "a compressed WebSocket message");
        }
        let frame = current.last.unwrap_or_default();
        let origins = Origins::one(out.len(), frame);
        current.take(direction, stream, (&out, &origins), at, sink);
    }

    /// Bytes that no frame is found in.
    fn fragment(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let mut fragment = self.assembly(direction, "fragment");
        fragment.damaged();
        let side = self.side(direction);
        let len = side.buffer.len();
        if len > 0 {
            fragment.body(side.buffer.bytes(), &side.buffer.origins(0, len), side.at, sink);
            side.buffer.consume(len);
            fragment.finish(side.at, sink);
        }
    }

    /// Emits what there is of the current message. Says whether there was one.
    fn cut(&mut self, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let side = self.side(direction);
        let at = side.at;
        let Some(mut current) = side.current.take() else { return false };
        if self.stream.is_some() {
            return true;
        }
        current.assembly.damaged();
        current.assembly.finish(at, sink);
        true
    }

    fn gap(&mut self, direction: Direction, at: Timestamp, len: u64, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        side.at = at;
        sink.blind(Blind::Lost, direction, len, "bytes of a WebSocket");
        if let Some(child) = self.stream {
            sink.gap(child, direction, at, len, Lost::NotCaptured);
        }
        let side = self.side(direction);
        if let Some(inflate) = &mut side.inflate {
            inflate.broken = true;
        }
        if let Some(frame) = side.frame.as_mut().filter(|frame| len > 0 && len <= frame.left) {
            frame.left = frame.left.saturating_sub(len);
            frame.seen = frame.seen.saturating_add(len);
            if let Some(current) = &mut side.current {
                current.assembly.hole(len, at, sink);
            }
            return;
        }
        side.lost = true;
        self.cut(direction, sink);
        self.fragment(direction, sink);
    }

    fn end(&mut self, direction: Direction, at: Timestamp, how: Ending, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        if std::mem::replace(&mut side.ended, true) {
            return;
        }
        side.at = at;
        let left = side.buffer.len() as u64;
        let midway = left.saturating_add(side.frame.map_or(0, |frame| frame.left));
        let midway_frame = side.frame.is_some();
        self.fragment(direction, sink);
        if self.cut(direction, sink) || midway > 0 || midway_frame {
            let detail =
                if how == Ending::CaptureEnd { "the capture ended in mid-message" } else { "it ended in mid-message" };
            sink.blind(Blind::Truncated, direction, midway, detail);
        }
        if let Some(child) = self.stream {
            sink.end(child, direction, at);
        }
    }
}

/// First byte, mask, payload length, and the size of the header itself.
type Header = (u8, Option<[u8; 4]>, u64, usize);

/// A frame header (RFC 6455 section 5.2).
fn header(bytes: &[u8]) -> Result<Header, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let first = cursor.u8("frame header")?;
    let second = cursor.u8("frame header")?;
    let len = match second & 0x7f {
        126 => u64::from(cursor.u16("frame header")?),
        127 => cursor.u64("frame header")?,
        len => u64::from(len),
    };
    let mask = if second & 0x80 == 0 { None } else { Some(cursor.array("frame header")?) };
    Ok((first, mask, len, cursor.position()))
}

impl Dissector for WebSocket {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => {
                let direction = chunk.direction;
                self.side(direction).at = chunk.at;
                let mut from = 0_usize;
                for piece in chunk.bytes.chunks(PART_PIECE / 2) {
                    let to = from.saturating_add(piece.len());
                    self.side(direction).buffer.push(piece, &chunk.origins.slice(from, to))?;
                    from = to;
                    while self.step(direction, sink) {}
                }
            }
            StreamEvent::Gap { direction, at, len, .. } => {
                self.gap(direction, at, len, sink);
                while self.step(direction, sink) {}
            }
            StreamEvent::End { direction, at } => self.end(direction, at, Ending::Clean, sink),
            StreamEvent::Close { at, how } => {
                for direction in Direction::BOTH {
                    self.end(direction, at, how, sink);
                }
                if let Some(child) = self.stream.take() {
                    sink.close(child, at, how);
                }
            }
        }
        Ok(())
    }

    fn held(&self) -> usize {
        let side = |side: &Side| side.current.as_ref().map_or(0, |current| current.assembly.held());
        side(&self.up).saturating_add(side(&self.down))
    }
}

#[cfg(test)]
mod tests;
