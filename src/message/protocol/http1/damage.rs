//! What is lost of a conversation, and how it is taken up again.

use crate::message::Sink;
use crate::message::http::assembly::Assembly;
use crate::message::http::head;
use crate::message::protocol::http1::{Http1, SEARCH_BYTES, State, TUNNEL};
use crate::model::flow::Blind;
use crate::model::stream::{Direction, Ending, Lost};
use crate::model::time::Timestamp;

impl Http1 {
    /// The current message cannot be read on: it is emitted as far as it goes, and the next one is looked for.
    pub(super) fn lose(&mut self, direction: Direction, why: Blind, detail: &'static str, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        let len = side.buffer.len() as u64;
        self.cut(direction, Ending::Idle, sink);
        let side = self.side(direction);
        side.state = State::Lost;
        side.scanned = 0;
        self.desync = true;
        sink.blind(why, direction, len, detail);
    }

    /// Emits what there is of the current message, as not whole. Says whether there was one.
    pub(super) fn cut(&mut self, direction: Direction, how: Ending, sink: &mut Sink<'_>) -> bool {
        let side = self.side(direction);
        let at = side.at;
        let mut cut = false;
        if let Some(mut current) = side.current.take() {
            current.damaged();
            current.finish(at, sink);
            cut = true;
        }
        if let Some(child) = side.child.take() {
            sink.close(child, at, how);
            cut = true;
        }
        cut
    }

    /// Looks for the next message in what is left.
    pub(super) fn search(&mut self, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let side = self.side(direction);
        let held = side.buffer.bytes();
        let Some(newline) = memchr::memchr(b'\n', held.get(side.scanned..).unwrap_or_default()) else {
            side.scanned = held.len();
            if held.len() > SEARCH_BYTES {
                let len = held.len().saturating_sub(SEARCH_BYTES / 2);
                self.fragment(direction, len, sink);
            }
            return false;
        };
        let end = side.scanned.saturating_add(newline).saturating_add(1);
        match head::start_within(held.get(..end).unwrap_or_default()) {
            Some(at) => {
                self.fragment(direction, at, sink);
                self.cut(direction, Ending::Idle, sink);
                self.side(direction).state = State::Head;
            }
            None => self.fragment(direction, end, sink),
        }
        true
    }

    /// The first `len` bytes held belong to a message whose start, or framing, is lost: they can still be read.
    pub(super) fn fragment(&mut self, direction: Direction, len: usize, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        let len = len.min(side.buffer.len());
        if len == 0 {
            return;
        }
        let current = side.current.get_or_insert_with(|| {
            let mut fragment = Assembly::new(direction, "fragment".to_owned(), None, Vec::new());
            fragment.damaged();
            fragment
        });
        let bytes = side.buffer.bytes().get(..len).unwrap_or_default();
        current.body(bytes, &side.buffer.origins(0, len), side.at, sink);
        side.consume(len);
    }

    pub(super) fn gap(&mut self, direction: Direction, at: Timestamp, len: u64, why: Lost, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        side.at = at;
        if side.state == State::Tunnel {
            sink.gap(TUNNEL, direction, at, len, why);
            return;
        }
        let (blind, detail) = match why {
            Lost::NotCaptured => (Blind::Lost, "bytes of an HTTP/1 message"),
            Lost::CutFrame => (Blind::Truncated, "frames cut by the snapshot length"),
            Lost::StartMissing => (Blind::Lost, "the start of the connection"),
            Lost::Budget => (Blind::Budget, "bytes of an HTTP/1 message"),
        };
        sink.blind(blind, direction, len, detail);
        let known = len > 0 && len <= side.state.body();
        if known || side.state == State::UntilClose {
            if let Some(child) = side.child {
                sink.gap(child, direction, at, len, why);
            }
            if let Some(current) = &mut side.current {
                current.hole(len, at, sink);
            }
            self.advance(direction, len, sink);
            return;
        }
        if why == Lost::StartMissing && side.state == State::Lost && side.buffer.is_empty() {
            return;
        }
        self.desync = true;
        self.cut(direction, Ending::Idle, sink);
        let side = self.side(direction);
        side.state = State::Lost;
        side.switches = false;
        self.fragment(direction, usize::MAX, sink);
        self.cut(direction, Ending::Idle, sink);
        self.pump(sink);
    }

    /// One direction is over.
    pub(super) fn end(&mut self, direction: Direction, at: Timestamp, how: Ending, sink: &mut Sink<'_>) {
        let side = self.side(direction);
        if std::mem::replace(&mut side.ended, true) {
            return;
        }
        side.at = at;
        let state = side.state;
        match state {
            State::Tunnel if how == Ending::Clean => sink.end(TUNNEL, direction, at),
            State::Tunnel => {}
            State::UntilClose if how == Ending::Clean => self.finish(direction, sink),
            State::Lost => {
                self.fragment(direction, usize::MAX, sink);
                self.cut(direction, how, sink);
            }
            State::Hold => {
                if !self.side(direction).buffer.is_empty() {
                    self.release(direction, sink);
                    self.side(direction).ended = false;
                    self.pump(sink);
                    self.end(direction, at, how, sink);
                }
            }
            _ => {
                let unread = !side.buffer.is_empty();
                if self.cut(direction, how, sink) || unread {
                    let left = self.side(direction).buffer.len() as u64;
                    self.fragment(direction, usize::MAX, sink);
                    self.cut(direction, how, sink);
                    let missing = if state.body() == u64::MAX { 0 } else { state.body() };
                    sink.blind(Blind::Truncated, direction, left.saturating_add(missing), ended(how));
                }
            }
        }
    }

    pub(super) fn close(&mut self, at: Timestamp, how: Ending, sink: &mut Sink<'_>) {
        self.end(Direction::ToServer, at, how, sink);
        // Nothing will come that a response could wait for.
        self.desync = true;
        self.pump(sink);
        self.end(Direction::ToClient, at, how, sink);
        if self.upgraded {
            sink.close(TUNNEL, at, how);
        } else if !self.pending.is_empty() && !self.meta.datagrams {
            if how == Ending::CaptureEnd {
                sink.blind(Blind::Truncated, Direction::ToClient, 0, "a request without its response");
            } else {
                sink.fact("http1.unanswered", self.pending.len().to_string());
            }
        }
        self.pending.clear();
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
