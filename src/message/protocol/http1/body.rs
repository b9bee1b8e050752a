//! The body of a message: counted, chunked or until the end.

use crate::message::Sink;
use crate::message::http::head;
use crate::message::protocol::http1::TUNNEL;
use crate::message::protocol::http1::begin::header;
use crate::message::protocol::http1::framing::{extensions, hex_size};
use crate::message::protocol::http1::{Http1, State};
use crate::model::budget::{FRAMING_LINE, HEAD_BYTES};
use crate::model::flow::Blind;
use crate::model::message::Part;
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::stream::{Direction, Ending};

/// What keeping a chunk extension costs beside its bytes.
const EXTENSION: usize = 128;

impl Http1 {
    /// Takes body bytes, never more than the state allows.
    pub(super) fn body(&mut self, direction: Direction, bytes: &[u8], origins: &Origins, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        let at = side.at;
        if side.state == State::Tunnel {
            sink.data(TUNNEL, direction, at, bytes.to_vec(), origins.clone());
            return;
        }
        if let Some(child) = side.child {
            sink.data(child, direction, at, bytes.to_vec(), origins.clone());
        } else if let Some(current) = &mut side.current {
            current.body(bytes, origins, at, sink);
        }
        self.advance(direction, bytes.len() as u64, sink);
    }

    /// Moves on in a body, over bytes that came or are lost.
    pub(super) fn advance(&mut self, direction: Direction, len: u64, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        match side.state {
            State::Length(left) if left <= len => self.finish(direction, sink),
            State::Length(left) => side.state = State::Length(left.saturating_sub(len)),
            State::Chunk(left) if left <= len => side.state = State::ChunkEnd,
            State::Chunk(left) => side.state = State::Chunk(left.saturating_sub(len)),
            _ => {}
        }
    }

    pub(super) fn chunk_size(&mut self, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let side = self.side(direction);
        let held = side.buffer.bytes();
        let Some(newline) = memchr::memchr(b'\n', held.get(side.scanned..).unwrap_or_default()) else {
            side.scanned = held.len();
            if held.len() > FRAMING_LINE {
                self.lose(direction, Blind::Budget, "chunk extensions over their budget", sink);
                return true;
            }
            return false;
        };
        let end = side.scanned.saturating_add(newline).saturating_add(1);
        let line = held.get(..end).unwrap_or_default();
        let Some(size) = hex_size(line) else {
            self.lose(direction, Blind::Malformed, "not a chunk size", sink);
            return true;
        };
        let said = extensions(line).map(|at| {
            let carried = side.buffer.origins(at.start, at.end);
            Part::header(":chunk-extension", line.get(at).unwrap_or_default().to_vec(), carried)
        });
        side.state = if size == 0 { State::Trailers } else { State::Chunk(size) };
        side.consume(end);
        if let Some(said) = said {
            side.extensions = side.extensions.saturating_add(said.bytes.len()).saturating_add(EXTENSION);
            match &mut side.current {
                Some(current) if side.extensions <= HEAD_BYTES => current.trailer(said),
                _ => {
                    sink.blind(Blind::Budget, direction, said.bytes.len() as u64, "chunk extensions over their budget");
                }
            }
        }
        sink.wire(Opacity::Plaintext, end as u64);
        true
    }

    pub(super) fn chunk_end(&mut self, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let side = self.side(direction);
        let len = match side.buffer.bytes() {
            [] | [b'\r'] => return false,
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => {
                self.lose(direction, Blind::Malformed, "no line end behind a chunk", sink);
                return true;
            }
        };
        side.state = State::ChunkSize;
        side.consume(len);
        sink.wire(Opacity::Plaintext, len as u64);
        true
    }

    pub(super) fn trailers(&mut self, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let side = self.side(direction);
        let held = side.buffer.bytes();
        let end = match held {
            [b'\n', ..] => Ok(1),
            [b'\r', b'\n', ..] => Ok(2),
            [b'\r'] => return false,
            _ => head::end(held, side.scanned),
        };
        let Ok(end) = end.map_err(|from| side.scanned = from) else { return false };
        let (fields, skipped) = head::fields(held.get(..end).unwrap_or_default(), 0);
        let origins = side.buffer.origins(0, end);
        if let Some(current) = &mut side.current {
            for field in &fields {
                current.trailer(header(field, &origins));
            }
        }
        side.consume(end);
        sink.wire(Opacity::Plaintext, end as u64);
        if skipped > 0 {
            sink.blind(Blind::Budget, direction, 0, "trailers over their budget");
        }
        self.finish(direction, sink);
        true
    }

    /// The current message is complete.
    pub(super) fn finish(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let upgraded = self.upgraded;
        let side = self.side(direction);
        let at = side.at;
        if let Some(current) = side.current.take() {
            current.finish(at, sink);
        }
        if let Some(child) = side.child.take() {
            sink.end(child, direction, at);
            sink.close(child, at, Ending::Clean);
        }
        side.state = if upgraded {
            State::Tunnel
        } else if std::mem::take(&mut side.switches) {
            State::Hold
        } else {
            State::Head
        };
    }
}
