//! What is lost of a TLS session, and what can be read all the same.

use crate::message::Sink;
use crate::message::handshake::protect::{Bound, capacity};
use crate::message::protocol::tls::record::{APPLICATION_DATA, Record};
use crate::message::protocol::tls::session::{CHILD, Guard, Joiner, Session};
use crate::model::flow::Blind;
use crate::model::opacity::Opacity;
use crate::model::stream::{Direction, Lost};
use crate::model::time::Timestamp;

impl Session {
    /// A record of which bytes are lost: what can be deciphered without its tag goes on, the rest is told.
    pub(super) fn damaged(&mut self, direction: Direction, record: &mut Record, sink: &mut Sink<'_>) {
        let bytes = capacity(self.suite(), self.version(), record.body.len(), Bound::Upper);
        let Some(&(first_hole, _, why)) = record.holes.first() else { return };
        let opener = match &mut self.half(direction).guard {
            Guard::Ladder(ladder) if record.kind == APPLICATION_DATA => ladder.certain(),
            Guard::Legacy(legacy) => legacy.certain(),
            _ => None,
        };
        let mut read = 0_u64;
        let mut pieces = Vec::new();
        if let Some(opener) = opener {
            let seq = opener.seq;
            opener.seq = seq.saturating_add(1);
            if let Some((lead, end)) = opener.peek(seq, &mut record.body, first_hole) {
                let mut from = lead;
                for &(hole, after, why) in &record.holes {
                    pieces.push((from, hole.min(end), Some(why)));
                    from = after.max(from);
                }
                pieces.push((from, end, None));
            }
        }
        if record.kind != APPLICATION_DATA {
            // By its header no data of the app's; but a header that makes a record too long swallows what follows.
            let reason = if self.close { Blind::Truncated } else { Blind::Lost };
            self.blind(direction, reason, "part of a record".into(), bytes, sink);
            return;
        }
        if matches!(self.half(direction).guard, Guard::Ladder(_)) {
            trim13(&record.body, first_hole, &mut pieces);
        }
        for (from, to, then) in pieces {
            if from < to
                && let Some(piece) = record.body.get(from..to)
            {
                read = read.saturating_add(piece.len() as u64);
                let origins = record.origins.slice(from, to);
                self.application(direction, record.at, piece.to_vec(), origins, sink);
            }
            if let Some(why) = then
                && self.child
            {
                sink.gap(CHILD, direction, record.at, 0, why);
            }
        }
        if read == 0 && self.child {
            sink.gap(CHILD, direction, record.at, bytes, why);
        }
        let reason = if self.close && why == Lost::NotCaptured { Blind::Truncated } else { Blind::Lost };
        self.blind(direction, reason, "part of a record".into(), bytes.saturating_sub(read), sink);
    }

    pub(super) fn lost(
        &mut self,
        direction: Direction,
        at: Timestamp,
        bytes: u64,
        unread: u64,
        why: Lost,
        sink: &mut Sink<'_>,
    ) {
        if unread > 0 {
            sink.wire(Opacity::Encrypted, unread);
        }
        let total = bytes.saturating_add(unread);
        let half = self.half(direction);
        half.gone = true;
        half.joiner = Joiner::default();
        match &mut half.guard {
            Guard::Ladder(ladder) => ladder.lose(if bytes == 0 { 0 } else { total }),
            Guard::Legacy(legacy) => legacy.lose(if bytes == 0 { 0 } else { total }),
            Guard::Clear | Guard::Dark(..) => {}
        }
        let reason = if self.close && bytes == 0 { Blind::Truncated } else { Blind::Lost };
        self.blind(direction, reason, "between records".into(), total, sink);
        if self.child {
            sink.gap(CHILD, direction, at, 0, why);
        } else if !matches!(self.half(direction).guard, Guard::Clear) {
            self.missed = true;
        }
    }

    pub(super) fn end(&mut self, direction: Direction, at: Timestamp, sink: &mut Sink<'_>) {
        self.flush_run(direction, sink);
        let child = self.child;
        let half = self.half(direction);
        half.gone = true;
        if !half.ended && child {
            half.ended = true;
            sink.end(CHILD, direction, at);
        }
    }
}

/// Takes from the pieces of a TLS 1.3 record, of which bytes are lost, what is no content: padding and the type at its
/// end; all of them, if its front is a ticket or a key update.
pub(super) fn trim13(body: &[u8], first_hole: usize, pieces: &mut Vec<(usize, usize, Option<Lost>)>) {
    if body.len() <= 2 + 1 + 16 {
        // No longer than an alert.
        pieces.clear();
        return;
    }
    if first_hole >= 4
        && let &[kind @ (4 | 24), a, b, c, ..] = body
    {
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        let room = body.len().saturating_sub(8 + 1 + 4);
        if len <= room && (kind == 4 || len == 1) {
            pieces.clear();
            return;
        }
    }
    // The shortest tag there is: CCM-8. A front this short may be a ticket's as well.
    pieces.retain(|&(from, ..)| from >= first_hole || first_hole >= 4);
    let Some((from, to, _)) = pieces.iter_mut().rfind(|(from, to, _)| from < to) else { return };
    let Some(text) = body.get(*from..*to) else { return };
    let content = text.iter().rposition(|&byte| byte != 0).map_or(0, |at| at.saturating_add(1));
    let ends_in_type = content.checked_sub(1).and_then(|at| text.get(at)) == Some(&APPLICATION_DATA);
    *to = from.saturating_add(if ends_in_type { content.saturating_sub(1) } else { content });
}
