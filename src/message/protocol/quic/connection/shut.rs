//! Packets of a connection that stay shut: what is told of them, and of those that would have stayed so without keys.

use super::{Connection, Sealed};
use crate::message::Sink;
use crate::message::protocol::quic::level::Level;
use crate::model::flow::Blind;
use crate::model::stream::{Direction, Ending};
use std::borrow::Cow;

impl Connection {
    /// Counts data as if it had stayed shut: having the keys must not make less of what travels sealed.
    pub(super) fn seal(&mut self, packet: &Sealed<'_>, sink: &mut Sink<'_>) {
        if self.lane(packet.direction).count(packet) {
            self.flush(packet.direction.reverse(), sink);
        }
    }

    pub(super) fn flush(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let run = std::mem::take(&mut self.lane(direction).run);
        if run > 0 {
            sink.sealed(direction, run);
        }
    }

    /// A packet that stays shut.
    pub(super) fn shut(&mut self, packet: &Sealed<'_>, sink: &mut Sink<'_>) {
        let direction = packet.direction;
        if packet.level == Level::Initial && self.client.is_none() {
            let bytes = packet.bytes.len() as u64;
            return self.blind(
                direction,
                Blind::Malformed,
                "an Initial packet fails authentication".into(),
                bytes,
                sink,
            );
        }
        if !packet.level.is_application() {
            // Nothing of the app's is in it.
            return;
        }
        let tail = packet.bytes.len().checked_sub(16).and_then(|at| packet.bytes.get(at..));
        if tail.is_some_and(|tail| self.resets.iter().any(|token| token == tail)) {
            self.ended = Some(Ending::Reset);
            return;
        }
        let named = self.client.as_ref().is_some_and(|client| sink.secrets().knows(&client.random));
        let (why, detail) = match self.lane(direction).lot(packet.level) {
            Some(lot) if lot.is_certain() => (Blind::Malformed, "a packet fails authentication".into()),
            Some(lot) if !lot.is_empty() && named => {
                (Blind::WrongKeys, "the key log's secret does not open this session".into())
            }
            _ => (Blind::NoKeys, sink.secrets().why_none(self.client.as_ref().map(|client| &client.random)).into()),
        };
        self.missed = true;
        let bytes = packet.bytes.len().saturating_sub(packet.pn_at).saturating_sub(16 + 1) as u64;
        self.blind(direction, why, detail, bytes, sink);
    }

    pub(super) fn blind(
        &mut self,
        direction: Direction,
        why: Blind,
        detail: Cow<'static, str>,
        bytes: u64,
        sink: &mut Sink<'_>,
    ) {
        if let Some((known, text, sum)) = &mut self.lane(direction).blind
            && *known == why
            && *text == detail
        {
            *sum = sum.saturating_add(bytes);
            return;
        }
        self.tell(direction, sink);
        self.lane(direction).blind = Some((why, detail, bytes));
    }

    /// Tells what could not be read since the last time.
    pub(in crate::message::protocol::quic) fn tell_blind(&mut self, sink: &mut Sink<'_>) {
        for direction in Direction::BOTH {
            self.tell(direction, sink);
        }
    }

    fn tell(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        if let Some((why, detail, bytes)) = self.lane(direction).blind.take() {
            sink.blind(why, direction, bytes, detail);
        }
    }
}
