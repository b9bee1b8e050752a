//! One direction of one stream of HTTP/3.

use crate::bytes::{Buffer, Cursor};
use crate::message::margins::Beside;
use crate::message::protocol::http3::Whose;
use crate::message::quic::varint::varint;
use crate::message::sink::ChildId;
use crate::model::budget::HEAD_BYTES;
use crate::model::origin::Origins;
use crate::model::time::Timestamp;

/// Bytes held of one direction: a frame that is read as a whole, or a response that waits for its request.
const HELD: usize = 2 * HEAD_BYTES;

/// What a stream is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// It has not said yet.
    Unknown,
    /// A request and its response.
    Request,
    /// A response to a request that nobody made.
    Push(u64),
    /// Settings and the like.
    Control,
    /// The QPACK encoder's instructions.
    Encoder,
    /// Nothing anybody wants to read: the QPACK decoder's acknowledgements, or instructions behind a loss.
    Silent,
    /// Something else: its bytes are a child stream.
    Raw(ChildId),
}

/// Where it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// Before a frame.
    Frame,
    /// In a DATA frame with so many bytes to come.
    Data(u64),
    /// In a frame that is too long to be read.
    Skip(u64),
    /// In a frame of another type.
    Beside(Beside, u64),
    /// Behind a loss: where frames begin is not known.
    Loose,
}

/// The front of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHead {
    /// Its type.
    pub(super) kind: u64,
    /// Bytes of its payload.
    pub(super) body: u64,
    /// Bytes of the front.
    pub(super) len: usize,
}

/// Whether a stream is one that a client opens for a request (RFC 9000 section 2.1).
pub(super) const fn is_request(id: u64) -> bool {
    id.is_multiple_of(4)
}

impl FrameHead {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let kind = varint(&mut cursor, "frame type").ok()?;
        let body = varint(&mut cursor, "frame length").ok()?;
        Some(Self { kind, body, len: cursor.position() })
    }
}

/// One direction of one stream.
pub(super) struct Lane {
    pub(super) role: Role,
    pub(super) state: State,
    /// Offset in the stream of the next byte to come.
    pub(super) next: u64,
    /// No byte comes behind those that are there.
    pub(super) fin: bool,
    pub(super) at: Timestamp,
    buffer: Buffer,
}

impl Lane {
    pub(super) fn new(id: u64) -> Self {
        Self {
            role: if is_request(id) { Role::Request } else { Role::Unknown },
            state: State::Frame,
            next: 0,
            fin: false,
            at: Timestamp::default(),
            buffer: Buffer::new(HELD),
        }
    }

    /// Whose exchange it carries.
    pub(super) const fn whose(&self, id: u64) -> Whose {
        match self.role {
            Role::Push(push) => Whose::Push(push),
            _ => Whose::Request(id),
        }
    }

    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn room(&self) -> usize {
        HELD.saturating_sub(self.buffer.len())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.bytes()
    }

    pub(super) fn origins(&self, from: usize, to: usize) -> Origins {
        self.buffer.origins(from, to)
    }

    /// Takes bytes for which there is room.
    pub(super) fn push(&mut self, bytes: &[u8], origins: &Origins) {
        if self.buffer.push(bytes, origins).is_ok() {
            self.next = self.next.saturating_add(bytes.len() as u64);
        }
    }

    pub(super) fn consume(&mut self, len: usize) {
        self.buffer.consume(len);
    }

    /// Up to `most` of the bytes held; `None` if there is none.
    pub(super) fn take(&mut self, most: u64) -> Option<(Vec<u8>, Origins)> {
        let len = usize::try_from(most).unwrap_or(usize::MAX).min(self.buffer.len());
        if len == 0 {
            return None;
        }
        let bytes = self.buffer.bytes().get(..len)?.to_vec();
        let origins = self.buffer.origins(0, len);
        self.buffer.consume(len);
        Some((bytes, origins))
    }

    pub(super) fn take_all(&mut self) -> Option<(Vec<u8>, Origins)> {
        self.take(u64::MAX)
    }

    pub(super) fn drop_all(&mut self) {
        self.buffer.consume(usize::MAX);
    }

    /// Passes over bytes of a frame that nobody reads; whether that moved anything.
    pub(super) fn skip(&mut self) -> bool {
        let (State::Skip(left) | State::Data(left)) = self.state else { return false };
        if left == 0 {
            self.state = State::Frame;
            return true;
        }
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
        self.buffer.consume(len);
        self.state = State::Skip(left.saturating_sub(len as u64));
        len > 0
    }

    /// Whether all of it is read and nothing comes.
    pub(super) fn is_over(&self) -> bool {
        let midway = matches!(self.state, State::Data(1..) | State::Skip(1..) | State::Beside(_, 1..));
        self.fin && self.buffer.is_empty() && !midway
    }
}
