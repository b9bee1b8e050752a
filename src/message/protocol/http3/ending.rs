//! How the streams of a connection end: whole, given up, with holes, in the middle.

use super::Http3;
use super::lane::{Role, State};
use crate::message::Sink;
use crate::model::flow::Blind;
use crate::model::stream::{Direction, Ending, Lost};
use crate::model::time::Timestamp;

impl Http3 {
    /// Bytes of a stream are lost.
    pub(super) fn hole(&mut self, id: u64, direction: Direction, len: u64, sink: &mut Sink<'_>) {
        let lane = self.lane(id, direction);
        let at = lane.at;
        match lane.role {
            Role::Encoder => {
                lane.role = Role::Silent;
                self.side(direction).decoder.lose();
                self.lossy = true;
                self.retry(sink);
            }
            Role::Raw(child) => sink.gap(child, direction, at, len, Lost::NotCaptured),
            Role::Silent | Role::Control => lane.role = Role::Silent,
            Role::Unknown if id & 2 != 0 => {
                // It may have been the encoder's stream.
                lane.role = Role::Silent;
                self.side(direction).decoder.lose();
                self.lossy = true;
                self.retry(sink);
            }
            Role::Unknown | Role::Request | Role::Push(_) => {
                if lane.role == Role::Unknown {
                    lane.role = Role::Request;
                }
                let whose = lane.whose(id);
                let inside = matches!(lane.state, State::Data(left) if len <= left && lane.bytes().is_empty());
                if let State::Data(left) = &mut lane.state
                    && inside
                {
                    *left = left.saturating_sub(len);
                } else if let State::Skip(left) | State::Beside(_, left) = &mut lane.state
                    && len <= *left
                {
                    *left = left.saturating_sub(len);
                    return;
                } else {
                    lane.state = State::Loose;
                    while self.step(id, direction, sink) {}
                }
                if direction == Direction::ToServer {
                    self.lossy = true;
                }
                let len = if inside { len } else { 0 };
                if let Some(exchange) = self.exchanges.get_mut(&whose) {
                    exchange.hole(direction, len, Lost::NotCaptured, at, sink);
                }
            }
        }
    }

    /// One direction of a stream has ended, and all of it is read.
    pub(super) fn end(&mut self, id: u64, direction: Direction, sink: &mut Sink<'_>) {
        let Some(lane) = self.side(direction).lanes.remove(&id) else { return };
        self.blocked.remove(&(id, direction));
        let at = lane.at;
        if let Role::Raw(child) = lane.role {
            sink.end(child, direction, at);
            if id & 2 != 0 {
                sink.close(child, at, Ending::Clean);
            }
        }
        if !matches!(lane.role, Role::Request | Role::Push(_)) {
            return;
        }
        let whose = lane.whose(id);
        let Some(exchange) = self.exchanges.get_mut(&whose) else { return };
        exchange.end(direction, at, sink);
        if exchange.is_done() {
            self.exchanges.remove(&whose);
        }
    }

    /// The sender gives a stream up.
    pub(super) fn reset(&mut self, id: u64, direction: Direction, at: Timestamp, sink: &mut Sink<'_>) {
        self.lane(id, direction).at = at;
        self.force(id, direction, sink);
        let Some(lane) = self.side(direction).lanes.remove(&id) else { return };
        self.blocked.remove(&(id, direction));
        if let Role::Raw(child) = lane.role {
            sink.close(child, at, Ending::Reset);
        }
        let whose = lane.whose(id);
        let Some(exchange) = self.exchanges.get_mut(&whose) else { return };
        let answered =
            direction == Direction::ToServer && !exchange.is_unanswered() && self.down.lanes.contains_key(&id);
        if answered {
            // The server said it needs no more of the request (RFC 9114 section 4.1.1).
            exchange.end(direction, at, sink);
        } else {
            exchange.cut(Ending::Reset, at, sink);
            self.exchanges.remove(&whose);
        }
    }

    /// Reads what is left of a stream, and forgets it.
    pub(super) fn finish(&mut self, id: u64, direction: Direction, at: Timestamp, sink: &mut Sink<'_>) {
        self.force(id, direction, sink);
        let Some(lane) = self.side(direction).lanes.get_mut(&id) else { return };
        let midway = lane.bytes().len() as u64;
        if midway > 0 && !matches!(lane.role, Role::Silent) {
            lane.state = State::Loose;
            lane.role = if matches!(lane.role, Role::Unknown) { Role::Request } else { lane.role };
            lane.at = at;
            sink.blind(Blind::Truncated, direction, midway, "the connection ended in mid-frame");
            while self.step(id, direction, sink) {}
        }
        if let Some(lane) = self.side(direction).lanes.remove(&id)
            && let Role::Raw(child) = lane.role
        {
            sink.close(child, at, Ending::Idle);
        }
    }

    /// The connection is over.
    pub(super) fn close(&mut self, at: Timestamp, how: Ending, sink: &mut Sink<'_>) {
        (self.lossy, self.closing) = (true, true);
        self.retry(sink);
        for direction in Direction::BOTH {
            for id in self.side(direction).lanes.keys().copied().collect::<Vec<_>>() {
                self.finish(id, direction, at, sink);
            }
        }
        self.margins.finish(sink);
        // The connection may be reset; what its streams were in the middle of is still cut.
        let how = if how == Ending::Reset { Ending::Idle } else { how };
        for (_, mut exchange) in std::mem::take(&mut self.exchanges) {
            let unanswered = exchange.is_unanswered();
            for (cut, direction) in exchange.cut(how, at, sink).into_iter().zip(Direction::BOTH) {
                if cut {
                    sink.blind(Blind::Truncated, direction, 0, "the connection ended in mid-message");
                }
            }
            if unanswered && how == Ending::CaptureEnd {
                sink.blind(Blind::Truncated, Direction::ToClient, 0, "a request without its response");
            }
        }
    }
}
