//! The flow table: which flow a packet belongs to, when a flow is new, and when it is over.
#![deny(clippy::expect_used, clippy::panic)]

use super::Listener;
use super::flow::{Active, Head, Start, Telling, distance};
use super::key::{End, Key};
use super::queue::{Kind, Slab};
use super::side::Payload;
use crate::model::budget;
use crate::model::origin::FrameNo;
use crate::model::packet::{Packet, Segment, TcpFlags};
use crate::model::stream::Ending;
use crate::model::time::Timestamp;
use hashbrown::HashTable;
use std::collections::VecDeque;
use std::hash::BuildHasher as _;

/// A SYN this far before the first segment seen, or nearer, is the start of the same connection.
const REORDERED: i64 = 1 << 20;

/// What the table saw and had to give up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Flows opened, empty ones included.
    pub opened: u64,
    /// Flows that carried no payload and showed no loss.
    pub empty: u64,
    /// Flows closed because there were too many at once.
    pub evicted: u64,
    /// Times that reassembly gave up waiting because too much was held over all flows.
    pub pressed: u64,
}

struct Flow<S> {
    head: Head,
    active: Option<Box<Active<S>>>,
}

/// Every open conversation of one worker.
pub struct Table<L: Listener> {
    flows: Slab<Flow<L::State>>,
    index: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    /// Bytes held out of order, over all flows.
    held: usize,
    /// Flows that hold something, by when they began to; a flow's first frame tells whether the slot is still its own.
    holders: VecDeque<(u32, FrameNo)>,
    second: i64,
    tally: Tally,
}

impl<L: Listener> Default for Table<L> {
    fn default() -> Self {
        Self::new()
    }
}

impl<L: Listener> Table<L> {
    /// An empty table.
    pub fn new() -> Self {
        Self {
            flows: Slab::new(),
            index: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            held: 0,
            holders: VecDeque::new(),
            second: i64::MIN,
            tally: Tally::default(),
        }
    }

    /// What was seen and given up so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Takes the next packet, and tells the listener what it brings.
    pub fn packet(&mut self, packet: &Packet<'_>, listener: &mut L) {
        self.expire(packet.at, listener);
        let (key, end) = Key::of(packet);
        let hash = self.hasher.hash_one(key);
        let flows = &self.flows;
        let found = self.index.find(hash, |slot| flows.get(*slot).is_some_and(|flow| flow.head.key == key)).copied();
        match packet.segment {
            Segment::Tcp { .. } => self.tcp(packet, key, hash, end, found, listener),
            Segment::Udp { payload: bytes, missing } => {
                self.datagram(packet, key, hash, end, found, Payload { bytes, missing }, listener);
            }
            Segment::Other { payload: bytes, .. } => {
                self.datagram(packet, key, hash, end, found, Payload { bytes, missing: 0 }, listener);
            }
        }
    }

    /// Closes everything, in the order of first frames.
    pub fn finish(&mut self, listener: &mut L) {
        let mut open: Vec<(FrameNo, u32)> =
            self.flows.all().map(|(slot, flow)| (flow.head.first_frame, slot)).collect();
        open.sort_unstable();
        for (_, slot) in open {
            self.close(slot, Ending::CaptureEnd, listener);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what the packet's lookup already knows")]
    fn datagram(
        &mut self,
        packet: &Packet<'_>,
        key: Key,
        hash: u64,
        end: End,
        found: Option<u32>,
        payload: Payload<'_>,
        listener: &mut L,
    ) {
        let slot = found.unwrap_or_else(|| {
            // The first sender is the client, unless it alone has a well-known port.
            let answers = key.port(end) < 1024 && key.port(1 - end) >= 1024 && key.port(end) != 0;
            let mut head = Head::new(key, if answers { 1 - end } else { end }, packet);
            head.from_start = true;
            self.insert(head, hash)
        });
        let Some(flow) = self.flows.get_mut(slot) else { return };
        flow.head.touched(end, packet);
        if payload.len() > 0 {
            let active = flow.active.get_or_insert_with(Active::new);
            Telling { head: &mut flow.head, active, listener }.datagram(end, payload, packet);
        }
        let kind = if flow.active.is_some() { Kind::Datagrams } else { Kind::Bare };
        self.touch(slot, kind, listener);
    }

    fn tcp(&mut self, packet: &Packet<'_>, key: Key, hash: u64, end: End, found: Option<u32>, listener: &mut L) {
        let Segment::Tcp { seq, ack, flags, urgent, payload: bytes, missing } = packet.segment else { return };
        let payload = Payload { bytes, missing };
        let mut found = found;
        if let Some(slot) = found {
            let Some(flow) = self.flows.get(slot) else { return };
            match flow.head.belongs(end, seq, ack, flags, payload.len()) {
                Belongs::Here => {}
                Belongs::Past => return,
                Belongs::New => {
                    let how = if flow.head.reset { Ending::Reset } else { Ending::Idle };
                    self.close(slot, how, listener);
                    found = None;
                }
            }
        }
        let slot = match found {
            Some(slot) => slot,
            // Nothing to reset, nothing to say.
            None if flags.rst && payload.len() == 0 => return,
            None => self.insert(Head::new(key, client(&key, end, flags), packet), hash),
        };
        let Some(flow) = self.flows.get_mut(slot) else { return };
        let before = flow.active.as_ref().map_or(0, |active| active.cost());
        flow.tcp(end, seq, ack, flags, urgent, payload, packet, listener);
        let cost = flow.active.as_ref().map_or(0, |active| active.cost());
        let (kind, done) = (flow.kind(), flow.done());
        let first_frame = flow.head.first_frame;
        self.account(slot, first_frame, before, cost);
        if done {
            self.settle_accounts(slot, listener);
        } else {
            self.touch(slot, kind, listener);
        }
        while self.held > budget::REASSEMBLY_TOTAL && self.press(packet.at, listener) {}
    }

    /// Tells that a connection is over, and keeps its head so that late copies of its packets open nothing.
    fn settle_accounts(&mut self, slot: u32, listener: &mut L) {
        let Some(flow) = self.flows.get_mut(slot) else { return };
        flow.head.closed = true;
        match flow.active.take() {
            Some(mut active) => {
                Telling { head: &mut flow.head, active: &mut active, listener }.close(Ending::Clean);
            }
            None => self.tally.empty += 1,
        }
        self.touch(slot, Kind::Closed, listener);
    }

    fn account(&mut self, slot: u32, first_frame: FrameNo, before: usize, after: usize) {
        self.held = self.held.saturating_sub(before).saturating_add(after);
        if before == 0 && after > 0 {
            // Flows that no longer hold anything leave their place behind; most of the queue is such places by then.
            if self.holders.len() >= budget::ACTIVE_FLOWS.saturating_mul(4) {
                let flows = &self.flows;
                self.holders.retain(|(slot, first)| holds(flows, *slot, *first));
            }
            self.holders.push_back((slot, first_frame));
        }
    }

    /// Makes the flow that has been waiting longest give up waiting; `false` when none waits.
    fn press(&mut self, at: Timestamp, listener: &mut L) -> bool {
        while let Some((slot, first_frame)) = self.holders.pop_front() {
            if !holds(&self.flows, slot, first_frame) {
                continue;
            }
            if let Some(flow) = self.flows.get_mut(slot)
                && let Some(active) = &mut flow.active
            {
                let before = active.cost();
                Telling { head: &mut flow.head, active, listener }.skip_holes(at);
                let after = active.cost();
                self.held = self.held.saturating_sub(before).saturating_add(after);
                self.tally.pressed += 1;
                return true;
            }
        }
        false
    }

    fn insert(&mut self, head: Head, hash: u64) -> u32 {
        let slot = self.flows.insert(Kind::Bare, Flow { head, active: None });
        let (flows, hasher) = (&self.flows, &self.hasher);
        let rehash = |slot: &u32| flows.get(*slot).map_or(0, |flow| hasher.hash_one(flow.head.key));
        self.index.insert_unique(hash, slot, rehash);
        self.tally.opened += 1;
        slot
    }

    fn touch(&mut self, slot: u32, kind: Kind, listener: &mut L) {
        self.flows.touch(slot, kind);
        if self.flows.count(kind) > limit(kind)
            && let Some(idlest) = self.flows.idlest(kind)
        {
            // Stragglers and memories are no loss.
            if matches!(kind, Kind::Bare | Kind::Tcp | Kind::Datagrams) {
                self.tally.evicted += 1;
            }
            self.close(idlest, Ending::Idle, listener);
        }
    }

    fn expire(&mut self, at: Timestamp, listener: &mut L) {
        let second = at.0.div_euclid(1_000_000_000);
        if second == self.second {
            return;
        }
        self.second = second;
        for kind in Kind::ALL {
            while let Some(slot) = self.flows.idlest(kind) {
                let Some(flow) = self.flows.get(slot) else { break };
                let patience = match kind {
                    Kind::Bare | Kind::Tcp => budget::TCP_IDLE_SECONDS,
                    Kind::Datagrams => budget::UDP_IDLE_SECONDS,
                    Kind::Ending | Kind::Closed => budget::ENDING_SECONDS,
                };
                if at.seconds_since(flow.head.last_at) <= patience {
                    break;
                }
                self.close(slot, Ending::Idle, listener);
            }
        }
    }

    /// Forgets a flow, after telling what it still holds. `how` is why, unless the flow itself knows better.
    fn close(&mut self, slot: u32, how: Ending, listener: &mut L) {
        let Some(flow) = self.flows.get(slot) else { return };
        let hash = self.hasher.hash_one(flow.head.key);
        if let Ok(entry) = self.index.find_entry(hash, |other| *other == slot) {
            entry.remove();
        }
        let Some(Flow { mut head, active }) = self.flows.remove(slot) else { return };
        if head.closed {
            return;
        }
        let held = active.as_ref().map_or(0, |active| active.cost());
        self.held = self.held.saturating_sub(held);
        let lost = || (0..2).any(|end| head.lost_at_end(end, 0) > 0);
        let Some(mut active) = active.or_else(|| lost().then(Active::new)) else {
            self.tally.empty += 1;
            return;
        };
        let how = if head.reset { Ending::Reset } else { how };
        Telling { head: &mut head, active: &mut active, listener }.close(how);
    }
}

fn holds<S>(flows: &Slab<Flow<S>>, slot: u32, first_frame: FrameNo) -> bool {
    let own = flows.get(slot).filter(|flow| flow.head.first_frame == first_frame);
    own.and_then(|flow| flow.active.as_ref()).is_some_and(|active| active.cost() > 0)
}

const fn limit(kind: Kind) -> usize {
    match kind {
        Kind::Bare => budget::OPEN_FLOWS,
        Kind::Tcp | Kind::Datagrams => budget::ACTIVE_FLOWS,
        Kind::Ending => budget::ENDING_FLOWS,
        Kind::Closed => budget::CLOSED_FLOWS,
    }
}

/// Which end opened the connection that a packet is the first one of.
fn client(key: &Key, end: End, flags: TcpFlags) -> End {
    let (mine, other) = (key.port(end), key.port(1 - end));
    match (flags.syn, flags.ack) {
        (true, false) => end,
        (true, true) => 1 - end,
        _ if mine < 1024 && other >= 1024 => 1 - end,
        _ if other < 1024 && mine >= 1024 => end,
        _ if mine < other => 1 - end,
        _ => end,
    }
}

/// What a packet is to a flow between the same endpoints.
enum Belongs {
    /// Part of it.
    Here,
    /// A late copy of something that was told.
    Past,
    /// The first packet of another connection.
    New,
}

impl Head {
    fn touched(&mut self, end: End, packet: &Packet<'_>) {
        self.seen[end] = true;
        self.last_frame = self.last_frame.max(packet.frame);
        self.last_at = self.last_at.max(packet.at);
    }

    fn belongs(&self, end: End, seq: u32, ack: u32, flags: TcpFlags, len: u64) -> Belongs {
        let first = seq.wrapping_add(1);
        let early = || (0..=REORDERED).contains(&distance(first, self.base[end]));
        let here = match self.start[end] {
            _ if !flags.syn => {
                if !self.closed {
                    return Belongs::Here;
                }
                // After the end only new bytes are something new.
                let stop = seq.wrapping_add(u32::try_from(len).unwrap_or(u32::MAX));
                return if len > 0 && distance(self.fin[end], stop) > 0 { Belongs::New } else { Belongs::Past };
            }
            Start::Known => self.base[end] == first,
            Start::Guessed => early(),
            Start::Settled => false,
            Start::Unknown => flags.ack || !self.acked[end] || self.base[end] == first,
        };
        if !here {
            // A second answer to the same SYN counts when nothing came under the first.
            let answers = flags.ack && !self.closed && self.base[1 - end] == ack && self.start[1 - end] == Start::Known;
            return if answers && !self.acked[end] { Belongs::Here } else { Belongs::New };
        }
        if self.closed { Belongs::Past } else { Belongs::Here }
    }
}

impl<S> Flow<S> {
    #[expect(clippy::too_many_arguments, reason = "the fields of the segment")]
    fn tcp<L: Listener<State = S>>(
        &mut self,
        end: End,
        seq: u32,
        ack: u32,
        flags: TcpFlags,
        urgent: u16,
        payload: Payload<'_>,
        packet: &Packet<'_>,
        listener: &mut L,
    ) {
        let Self { head, active } = self;
        head.touched(end, packet);
        if payload.len() > 0 && active.is_none() {
            *active = Some(Active::new());
        }
        if flags.syn {
            if active.as_ref().is_none_or(|active| active.state.is_none()) {
                head.client = if flags.ack { 1 - end } else { end };
            }
            head.from_start = true;
            let mut start = |head: &mut Head, end: End, base: u32| {
                if let Some(active) = active.as_deref_mut() {
                    Telling { head, active, listener }.start(end, base);
                } else {
                    (head.start[end], head.base[end]) = (Start::Known, base);
                }
            };
            start(head, end, seq.wrapping_add(1));
            // The answer tells where the SYN that was not captured stood.
            let other = 1 - end;
            let early = || (0..=REORDERED).contains(&distance(ack, head.base[other]));
            if flags.ack && (head.start[other] == Start::Unknown || (head.start[other] == Start::Guessed && early())) {
                start(head, other, ack);
            }
        }
        if flags.ack && !flags.rst {
            let next = active.as_ref().map_or(0, |active| active.sides[1 - end].next);
            head.note_ack(1 - end, next, ack);
        }
        let seq = seq.wrapping_add(u32::from(flags.syn));
        if flags.fin && !head.finned[end] {
            head.finned[end] = true;
            head.fin[end] = seq.wrapping_add(u32::try_from(payload.len()).unwrap_or(u32::MAX));
            if head.start[end] == Start::Unknown && payload.len() == 0 {
                (head.start[end], head.base[end]) = (Start::Guessed, seq);
            }
        }
        head.reset |= flags.rst;
        if let Some(active) = active {
            let mut telling = Telling { head, active, listener };
            if payload.len() > 0 {
                telling.segment(end, seq, payload, packet);
                if flags.urg {
                    telling.urgent(end, urgent, payload, packet);
                }
            }
            telling.ends(packet.at);
        }
    }

    /// Both directions came to their ends.
    fn done(&self) -> bool {
        match &self.active {
            Some(active) => (0..2).all(|end| self.head.at_fin(end, &active.sides[end])),
            None => (0..2).all(|end| {
                let head = &self.head;
                head.finned[end] && head.start[end] == Start::Known && head.fin[end] == head.base[end]
            }),
        }
    }

    fn kind(&self) -> Kind {
        let head = &self.head;
        // One end is over, and the other was never seen: a capture of one direction.
        let one_sided = |end: End| head.finned[end] && !head.seen[1 - end];
        if head.reset || one_sided(0) || one_sided(1) || (head.finned[0] && head.finned[1]) {
            Kind::Ending
        } else if self.active.is_some() {
            Kind::Tcp
        } else {
            Kind::Bare
        }
    }
}
