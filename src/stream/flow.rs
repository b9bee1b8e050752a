//! One conversation: its head, kept for every flow, and its state, made with the first payload.
#![deny(clippy::expect_used, clippy::panic)]

use super::key::{End, Key};
use super::side::{GUESSED, GUESSED_AT, Payload, Side, origins};
use super::{FlowInfo, Listener, Reading};
use crate::model::budget::{OTHER_READINGS, REASSEMBLY_ACKED, REASSEMBLY_BYTES};
use crate::model::origin::{FrameNo, Origins};
use crate::model::packet::Packet;
use crate::model::stream::{Chunk, Direction, Ending, FlowKey, Lost, StreamEvent, StreamMeta, Transport};
use crate::model::time::Timestamp;
use crate::model::trace::Sequence;

/// Pieces, and what they may cost, for which the start of a stream without a SYN is waited for: segments captured out
/// of order may come before the first one seen.
const GUESS_PIECES: usize = 8;
const GUESS_BYTES: usize = 32 << 10;
/// No window is larger (RFC 7323); acknowledgments farther away are not of this connection.
const WINDOW: u64 = 1 << 30;

/// How the first sequence number of a direction is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Start {
    /// Nothing of this direction was seen; `base` is what the other end first acknowledged, if `acked`.
    Unknown,
    /// `base` is the first segment seen, others may come before it.
    Guessed,
    /// The capture starts in mid-stream, at `base`.
    Settled,
    /// The handshake tells.
    Known,
}

/// What every flow costs, payload or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) key: Key,
    /// Which end is the client.
    pub(super) client: End,
    /// A SYN was captured, or the flow is of datagrams.
    pub(super) from_start: bool,
    /// A RST was captured.
    pub(super) reset: bool,
    /// The flow is over and told.
    pub(super) closed: bool,
    pub(super) start: [Start; 2],
    /// By end: it sent something.
    pub(super) seen: [bool; 2],
    /// By end: the other end acknowledged something of it.
    pub(super) acked: [bool; 2],
    /// By end: it sent FIN.
    pub(super) finned: [bool; 2],
    /// Sequence number of offset 0.
    pub(super) base: [u32; 2],
    /// Highest acknowledgment of it by the other end.
    pub(super) ack: [u32; 2],
    /// Sequence number of its FIN.
    pub(super) fin: [u32; 2],
    pub(super) first_frame: FrameNo,
    pub(super) last_frame: FrameNo,
    pub(super) first_at: Timestamp,
    pub(super) last_at: Timestamp,
}

/// What a flow with payload costs besides.
#[derive(Debug)]
pub(super) struct Active<S> {
    pub(super) state: Option<S>,
    pub(super) sides: [Side; 2],
    gaps: u32,
    conflicts: u32,
    urgent: u32,
    cut: bool,
}

impl<S> Active<S> {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self { state: None, sides: Default::default(), gaps: 0, conflicts: 0, urgent: 0, cut: false })
    }

    /// What is held out of order.
    pub(super) fn cost(&self) -> usize {
        self.sides.iter().map(|side| side.cost).sum()
    }
}

/// Signed distance from `from` to `to` in sequence space (RFC 1982).
#[expect(clippy::cast_possible_wrap, reason = "the wrap is the meaning")]
pub(super) const fn distance(from: u32, to: u32) -> i64 {
    to.wrapping_sub(from) as i32 as i64
}

#[expect(clippy::cast_possible_truncation, reason = "sequence numbers are offsets modulo 2^32")]
const fn low(offset: u64) -> u32 {
    offset as u32
}

impl Head {
    pub(super) fn new(key: Key, client: End, packet: &Packet<'_>) -> Self {
        Self {
            key,
            client,
            from_start: false,
            reset: false,
            closed: false,
            start: [Start::Unknown; 2],
            seen: [false; 2],
            acked: [false; 2],
            finned: [false; 2],
            base: [0; 2],
            ack: [0; 2],
            fin: [0; 2],
            first_frame: packet.frame,
            last_frame: packet.frame,
            first_at: packet.at,
            last_at: packet.at,
        }
    }

    pub(super) fn direction(&self, end: End) -> Direction {
        if end == self.client { Direction::ToServer } else { Direction::ToClient }
    }

    fn info<S>(&self, active: &Active<S>) -> FlowInfo {
        let (client, server) = (self.client, 1 - self.client);
        let [a, b] = [&active.sides[client], &active.sides[server]];
        let key = FlowKey {
            transport: self.key.transport(),
            client: self.key.endpoint(client),
            server: self.key.endpoint(server),
        };
        FlowInfo {
            key,
            first_frame: self.first_frame,
            last_frame: self.last_frame,
            first_at: self.first_at,
            last_at: self.last_at,
            bytes: [a.bytes, b.bytes],
            again: [a.again, b.again],
            gaps: active.gaps,
            conflicts: active.conflicts,
            urgent: active.urgent,
            cut: active.cut,
            sequence: [client, server].map(|end| self.sequence(end, active.sides[end].next)),
            from_start: self.from_start,
        }
    }

    /// Where an end is in sequence space, of which `next` bytes were told.
    fn sequence(&self, end: End, next: u64) -> Option<Sequence> {
        let known = match self.start[end] {
            Start::Known => true,
            Start::Settled => false,
            Start::Guessed | Start::Unknown => return None,
        };
        let tcp = self.key.transport() == Transport::Tcp;
        tcp.then_some(Sequence { first: self.base[end], known, len: next })
    }

    /// Where `seq` lies relative to offset 0 of an end; may be negative.
    pub(super) fn offset(&self, end: End, next: u64, seq: u32) -> i64 {
        match self.start[end] {
            Start::Guessed | Start::Unknown => GUESSED_AT + distance(self.base[end], seq),
            Start::Settled | Start::Known => {
                let near = self.base[end].wrapping_add(low(next));
                i64::try_from(next).unwrap_or(i64::MAX).saturating_add(distance(near, seq))
            }
        }
    }

    /// Notes what the other end acknowledges of `end`.
    pub(super) fn note_ack(&mut self, end: End, next: u64, ack: u32) {
        if !self.acked[end] {
            if self.start[end] == Start::Unknown {
                self.base[end] = ack;
            } else if distance(self.base[end].wrapping_add(low(next)), ack).unsigned_abs() > WINDOW {
                return;
            }
            self.acked[end] = true;
            self.ack[end] = ack;
        } else if (1..=i64::try_from(WINDOW).unwrap_or(i64::MAX)).contains(&distance(self.ack[end], ack)) {
            self.ack[end] = ack;
        }
    }
}

/// A flow that a packet, or the end of waiting, is being applied to.
pub(super) struct Telling<'a, L: Listener> {
    pub(super) head: &'a mut Head,
    pub(super) active: &'a mut Active<L::State>,
    pub(super) listener: &'a mut L,
}

impl<L: Listener> Telling<'_, L> {
    fn emit(&mut self, event: StreamEvent<'_>) {
        if matches!(event, StreamEvent::Gap { .. }) {
            self.active.gaps = self.active.gaps.saturating_add(1);
        }
        self.open();
        if let Some(state) = &mut self.active.state {
            self.listener.event(state, event);
        }
    }

    fn open(&mut self) {
        if self.active.state.is_none() {
            let info = self.head.info(self.active);
            let meta = StreamMeta {
                flow: info.key,
                at: self.head.first_at,
                datagrams: info.key.transport != Transport::Tcp,
                layers: Vec::new(),
                host: None,
                hint: None,
                from_start: self.head.from_start,
            };
            self.active.state = Some(self.listener.open(meta, &info));
        }
    }

    /// Tells another reading of bytes at `offset`.
    fn other(&mut self, end: End, reading: Reading, offset: u64, bytes: &[u8], origins: Origins, at: Timestamp) {
        let told = self.active.conflicts.saturating_add(self.active.urgent) as usize;
        if bytes.is_empty() || told > OTHER_READINGS || matches!(self.head.start[end], Start::Unknown | Start::Guessed)
        {
            return;
        }
        self.open();
        let direction = self.head.direction(end);
        if let Some(state) = &mut self.active.state {
            self.listener.other(state, reading, Chunk { direction, at, offset, bytes, origins });
        }
    }

    /// Takes the urgent byte of a segment: it stands in front of where the urgent pointer points.
    pub(super) fn urgent(&mut self, end: End, pointer: u16, payload: Payload<'_>, packet: &Packet<'_>) {
        let Some((front, back)) = usize::from(pointer).checked_sub(1).and_then(|at| {
            let (front, rest) = payload.bytes.split_at_checked(at)?;
            Some((front, rest.split_first()?.1))
        }) else {
            return;
        };
        self.active.urgent = self.active.urgent.saturating_add(1);
        let mut carried = origins(packet, front, payload.bytes);
        carried.append(&origins(packet, back, payload.bytes));
        let offset = self.active.sides[end].next;
        self.other(end, Reading::Urgent, offset, &[front, back].concat(), carried, packet.at);
    }

    fn overlap(&mut self, end: End, offset: u64, payload: Payload<'_>, packet: &Packet<'_>) {
        self.active.conflicts = self.active.conflicts.saturating_add(1);
        let carried = origins(packet, payload.bytes, payload.bytes);
        self.other(end, Reading::Overlap, offset, payload.bytes, carried, packet.at);
    }

    fn gap(&mut self, end: End, at: Timestamp, len: u64, why: Lost) {
        let direction = self.head.direction(end);
        let offset = self.active.sides[end].next;
        self.active.sides[end].next = offset.saturating_add(len);
        self.emit(StreamEvent::Gap { direction, at, offset, len, why });
    }

    /// Hands on a payload that is next in order, as it stands in the packet.
    fn hand_on(&mut self, end: End, payload: Payload<'_>, packet: &Packet<'_>) {
        let side = &mut self.active.sides[end];
        let offset = side.next;
        if !payload.bytes.is_empty() {
            side.next = offset.saturating_add(payload.bytes.len() as u64);
            side.bytes = side.bytes.saturating_add(payload.bytes.len() as u64);
            if self.head.key.transport() == Transport::Tcp {
                side.remember(offset, payload.bytes);
            }
            let origins = origins(packet, payload.bytes, payload.bytes);
            let direction = self.head.direction(end);
            self.emit(StreamEvent::Data(Chunk { direction, at: packet.at, offset, bytes: payload.bytes, origins }));
        }
        if payload.missing > 0 {
            self.active.cut = true;
            self.gap(end, packet.at, payload.missing.into(), Lost::CutFrame);
        }
    }

    /// Takes a datagram.
    pub(super) fn datagram(&mut self, end: End, payload: Payload<'_>, packet: &Packet<'_>) {
        self.hand_on(end, payload, packet);
    }

    /// Takes a segment's payload.
    pub(super) fn segment(&mut self, end: End, seq: u32, payload: Payload<'_>, packet: &Packet<'_>) {
        if self.head.start[end] == Start::Unknown {
            self.head.start[end] = Start::Guessed;
            self.head.base[end] = seq;
        }
        self.active.cut |= payload.missing > 0;
        let side = &mut self.active.sides[end];
        let offset = self.head.offset(end, side.next, seq);
        let Ok(offset) = u64::try_from(offset) else {
            // Before the start of the stream: of an earlier connection, or a copy from before the capture.
            side.again = side.again.saturating_add(payload.bytes.len() as u64);
            return;
        };
        let guessed = self.head.start[end] == Start::Guessed;
        if !guessed && offset == side.next && side.held.is_empty() {
            self.hand_on(end, payload, packet);
            return;
        }
        if !guessed && offset.saturating_add(payload.len()) <= side.next {
            // A copy; a keep-alive repeats the last byte and is none.
            if payload.bytes.len() > 1 || offset.saturating_add(1) != side.next {
                side.again = side.again.saturating_add(payload.bytes.len() as u64);
                if side.differs(offset, payload.bytes) {
                    self.overlap(end, offset, payload, packet);
                }
            }
            return;
        }
        if side.hold(offset, payload, packet) {
            self.overlap(end, offset, payload, packet);
        }
        let side = &mut self.active.sides[end];
        if guessed {
            if side.held.len() >= GUESS_PIECES || side.cost >= GUESS_BYTES {
                self.settle();
            }
            return;
        }
        self.hand_on_held();
        self.bound(end, packet.at);
    }

    /// The handshake tells that `base` is offset 0 of an end.
    pub(super) fn start(&mut self, end: End, base: u32) {
        if self.head.start[end] == Start::Guessed {
            let first = GUESSED_AT + distance(self.head.base[end], base);
            self.active.sides[end].rebase(u64::try_from(first).unwrap_or(0));
        }
        self.head.start[end] = Start::Known;
        self.head.base[end] = base;
        self.hand_on_held();
    }

    /// Stops waiting for what may come before the first segments seen.
    fn settle(&mut self) {
        for end in 0..2 {
            if self.head.start[end] != Start::Guessed {
                continue;
            }
            let side = &mut self.active.sides[end];
            let first = side.held.first_key_value();
            let (first, at) = first.map_or((GUESSED, None), |(start, piece)| (*start, Some(piece.at)));
            side.rebase(first);
            self.head.start[end] = Start::Settled;
            let back = low(GUESSED.wrapping_sub(first));
            self.head.base[end] = self.head.base[end].wrapping_sub(back);
            if let Some(at) = at {
                self.gap(end, at, 0, Lost::StartMissing);
            }
        }
        self.hand_on_held();
    }

    /// Hands on what is next in order, of both directions in the order of their frames.
    fn hand_on_held(&mut self) {
        loop {
            let ready = |end: End| match self.head.start[end] {
                Start::Settled | Start::Known => self.active.sides[end].ready_frame(),
                Start::Unknown | Start::Guessed => None,
            };
            let end = match (ready(0), ready(1)) {
                (None, None) => return,
                (Some(_), None) => 0,
                (None, Some(_)) => 1,
                (Some(low), Some(high)) => usize::from(low > high),
            };
            let side = &mut self.active.sides[end];
            let Some((start, piece)) = side.ready() else { return };
            // Pieces never overlap each other, but what was told may have gone past their start.
            let stale = side.next.saturating_sub(start);
            let len = piece.len.saturating_sub(stale);
            let offset = side.next;
            if len == 0 {
                continue;
            }
            if piece.bytes.is_empty() {
                self.gap(end, piece.at, len, Lost::CutFrame);
                continue;
            }
            side.next = offset.saturating_add(len);
            let skip = usize::try_from(stale).unwrap_or(usize::MAX);
            let bytes = piece.bytes.get(skip..).unwrap_or_default();
            side.remember(offset, bytes);
            let origins = if skip == 0 { piece.origins } else { piece.origins.slice(skip, usize::MAX) };
            let direction = self.head.direction(end);
            self.emit(StreamEvent::Data(Chunk { direction, at: piece.at, offset, bytes, origins }));
        }
    }

    /// Skips holes while more is held behind them than a budget allows.
    fn bound(&mut self, end: End, at: Timestamp) {
        loop {
            let side = &self.active.sides[end];
            let Some(first) = side.held.first_key_value().map(|(start, _)| *start) else { return };
            let acked = self.acked(end) >= first;
            if side.cost <= REASSEMBLY_BYTES && !(acked && side.cost > REASSEMBLY_ACKED) {
                return;
            }
            self.skip_hole(end, at, true);
        }
    }

    /// Skips the first hole of an end. `pressed`: there is no room to wait for what fills it, which may come yet, unless
    /// the other end acknowledged it; if not, nothing more comes.
    fn skip_hole(&mut self, end: End, at: Timestamp, pressed: bool) {
        let side = &self.active.sides[end];
        if let Some((start, _)) = side.held.first_key_value()
            && *start > side.next
        {
            let why = if pressed && self.acked(end) < *start { Lost::Budget } else { Lost::NotCaptured };
            let len = *start - side.next;
            self.gap(end, at, len, why);
        }
        self.hand_on_held();
    }

    /// Skips every hole: there is no room to wait any longer.
    pub(super) fn skip_holes(&mut self, at: Timestamp) {
        self.settle();
        for end in 0..2 {
            while !self.active.sides[end].held.is_empty() {
                self.skip_hole(end, at, true);
            }
        }
    }

    /// The offset up to which the other end has acknowledged payload of an end.
    fn acked(&self, end: End) -> u64 {
        let head = &self.head;
        if !head.acked[end] {
            return 0;
        }
        let next = self.active.sides[end].next;
        let ack = u64::try_from(head.offset(end, next, head.ack[end])).unwrap_or(0);
        if ack > next.saturating_add(WINDOW) {
            return 0;
        }
        // A FIN counts as one.
        if head.finned[end] { ack.min(u64::try_from(head.offset(end, next, head.fin[end])).unwrap_or(0)) } else { ack }
    }

    /// Tells the end of directions that came to it.
    pub(super) fn ends(&mut self, at: Timestamp) {
        for end in 0..2 {
            if self.head.at_fin(end, &self.active.sides[end])
                && !self.active.sides[end].ended
                && self.active.state.is_some()
            {
                self.active.sides[end].ended = true;
                self.emit(StreamEvent::End { direction: self.head.direction(end), at });
            }
        }
    }

    /// Tells what is left: held pieces, what acknowledgments and FINs show to be missing at the end, the end itself.
    pub(super) fn close(&mut self, how: Ending) {
        let at = self.head.last_at;
        self.settle();
        // Holes of both directions in the order of the frames behind them.
        loop {
            let first = |end: End| self.active.sides[end].held.first_key_value().map(|(_, piece)| piece.frame);
            match (first(0), first(1)) {
                (None, None) => break,
                (Some(_), None) => self.skip_hole(0, at, false),
                (None, Some(_)) => self.skip_hole(1, at, false),
                (Some(low), Some(high)) => self.skip_hole(usize::from(low > high), at, false),
            }
        }
        for end in 0..2 {
            let lost = self.head.lost_at_end(end, self.active.sides[end].next);
            if lost > 0 {
                self.gap(end, at, lost, Lost::NotCaptured);
            }
        }
        self.ends(at);
        if self.active.state.is_some() {
            self.emit(StreamEvent::Close { at, how });
        }
        if let Some(state) = self.active.state.take() {
            let info = self.head.info(self.active);
            self.listener.close(state, &info);
        }
    }
}

impl Head {
    /// Everything that an end sent was told.
    pub(super) fn at_fin(&self, end: End, side: &Side) -> bool {
        let placed = matches!(self.start[end], Start::Known | Start::Settled);
        let here = i64::try_from(side.next).unwrap_or(i64::MAX);
        placed && self.finned[end] && side.held.is_empty() && self.offset(end, side.next, self.fin[end]) <= here
    }

    /// Bytes at the end of a direction that acknowledgments or its FIN show, and that never came.
    pub(super) fn lost_at_end(&self, end: End, next: u64) -> u64 {
        if self.start[end] == Start::Unknown {
            // Nothing of it was captured, but the other end went on acknowledging.
            let lost = if self.acked[end] { distance(self.base[end], self.ack[end]) } else { 0 };
            return u64::try_from(lost).unwrap_or(0);
        }
        let here = i64::try_from(next).unwrap_or(i64::MAX);
        let beyond = |seq: u32| {
            let lost = self.offset(end, next, seq).saturating_sub(here);
            u64::try_from(lost).ok().filter(|lost| *lost <= WINDOW).unwrap_or(0)
        };
        match (self.finned[end], self.acked[end]) {
            (true, _) => beyond(self.fin[end]),
            (false, true) => beyond(self.ack[end]),
            (false, false) => 0,
        }
    }
}
