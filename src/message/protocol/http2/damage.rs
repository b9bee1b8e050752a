//! What is lost of a connection, and how it is taken up again.

use crate::message::Sink;
use crate::message::http::assembly::Assembly;
use crate::message::protocol::http2::frame::{FRAME_HEADER, FrameHeader};
use crate::message::protocol::http2::{Http2, State};
use crate::model::flow::Blind;
use crate::model::stream::{Direction, Ending, Lost};
use crate::model::time::Timestamp;

impl Http2 {
    /// Looks for a frame with another one behind it; `last`: nothing more will come.
    pub(super) fn search(&mut self, direction: Direction, last: bool, sink: &mut Sink<'_>) -> bool {
        let side = self.side(direction);
        let held = side.buffer.bytes();
        for at in 0..held.len().saturating_sub(FRAME_HEADER - 1) {
            let rest = held.get(at..).unwrap_or_default();
            let Some(frame) = FrameHeader::read(rest).filter(|frame| frame.is_plausible()) else { continue };
            let next = FRAME_HEADER.saturating_add(frame.len as usize);
            let behind = rest.get(next..);
            let follows = match behind {
                Some([]) => true,
                Some(behind) if behind.len() >= FRAME_HEADER => {
                    FrameHeader::read(behind).is_some_and(FrameHeader::is_plausible)
                }
                _ if last => true,
                // Cannot be told yet.
                _ => {
                    self.fragment(direction, at, sink);
                    return false;
                }
            };
            if follows {
                self.fragment(direction, at, sink);
                self.side(direction).state = State::Frame;
                return true;
            }
        }
        let keep = if last { 0 } else { FRAME_HEADER - 1 };
        let len = held.len().saturating_sub(keep);
        self.fragment(direction, len, sink);
        false
    }

    /// The first `len` bytes held belong to a frame whose start is lost: they can still be read.
    pub(super) fn fragment(&mut self, direction: Direction, len: usize, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        let len = len.min(side.buffer.len());
        if len == 0 {
            return;
        }
        let mut fragment = Assembly::new(direction, "fragment".to_owned(), None, Vec::new());
        fragment.damaged();
        let bytes = side.buffer.bytes().get(..len).unwrap_or_default();
        fragment.body(bytes, &side.buffer.origins(0, len), side.at, sink);
        fragment.finish(side.at, sink);
        side.buffer.consume(len);
    }

    pub(super) fn gap(&mut self, direction: Direction, at: Timestamp, len: u64, why: Lost, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        side.at = at;
        let (blind, detail) = match why {
            Lost::NotCaptured => (Blind::Lost, "bytes of an HTTP/2 connection"),
            Lost::CutFrame => (Blind::Truncated, "frames cut by the snapshot length"),
            Lost::StartMissing => (Blind::Lost, "the start of the connection"),
            Lost::Budget => (Blind::Budget, "bytes of an HTTP/2 connection"),
        };
        sink.blind(blind, direction, len, detail);
        if let State::Data { stream, left, .. } = &mut side.state
            && len > 0
            && len <= *left
        {
            *left = left.saturating_sub(len);
            let stream = *stream;
            self.exchange(stream, sink).hole(direction, len, why, at, sink);
            self.pump(sink);
            return;
        }
        side.decoder.lose();
        side.pending = None;
        side.state = State::Lost;
        self.desync = true;
        self.fragment(direction, usize::MAX, sink);
        for exchange in self.exchanges.values_mut() {
            exchange.hole(direction, 0, why, at, sink);
        }
        self.pump(sink);
    }

    /// No more bytes come in this direction.
    pub(super) fn end(&mut self, direction: Direction, at: Timestamp, how: Ending, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        if std::mem::replace(&mut side.ended, true) {
            return;
        }
        side.at = at;
        if side.state == State::Lost {
            while self.search(direction, true, sink) {
                self.pump(sink);
                if self.side(direction).state != State::Lost {
                    break;
                }
            }
        }
        let side = self.side(direction);
        let midway = match side.state {
            State::Data { left, pad, .. } => left.saturating_add(pad),
            State::Skip(left) | State::Beside(_, left) => left,
            _ => side.buffer.len() as u64,
        };
        if midway > 0 || side.pending.is_some() {
            self.fragment(direction, usize::MAX, sink);
            sink.blind(Blind::Truncated, direction, midway, ended(how));
        }
    }

    pub(super) fn close(&mut self, at: Timestamp, how: Ending, sink: &mut Sink<'_>) {
        self.end(Direction::ToServer, at, how, sink);
        self.desync = true;
        self.pump(sink);
        self.end(Direction::ToClient, at, how, sink);
        self.margins.finish(sink);
        for (_, mut exchange) in std::mem::take(&mut self.exchanges) {
            let unanswered = exchange.is_unanswered();
            // The connection may be reset; what its streams were in the middle of is still cut.
            let how = if how == Ending::Reset { Ending::Idle } else { how };
            for (cut, direction) in exchange.cut(how, at, sink).into_iter().zip(Direction::BOTH) {
                if cut {
                    sink.blind(Blind::Truncated, direction, 0, ended(how));
                }
            }
            if unanswered && how == Ending::CaptureEnd {
                sink.blind(Blind::Truncated, Direction::ToClient, 0, "a request without its response");
            }
        }
    }
}

pub(super) const fn ended(how: Ending) -> &'static str {
    match how {
        Ending::Clean => "the connection ended in mid-message",
        Ending::Reset => "the connection was reset in mid-message",
        Ending::Idle => "the connection fell silent in mid-message",
        Ending::CaptureEnd => "the capture ended in mid-message",
    }
}
