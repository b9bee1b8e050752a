//! Puts IP fragments together (RFC 815), within a budget.
//!
//! Overlapping IPv6 fragments make the whole datagram invalid (RFC 5722); of overlapping IPv4 fragments the first
//! bytes win. What stays incomplete comes out as far as it goes from its start, marked as missing the rest.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::Skip;
use super::ip::{Carrier, Parsed, Upper, inner};
use crate::model::budget::FRAGMENT_BYTES;
use crate::model::origin::{FrameNo, Origins};
use crate::model::packet::{Packet, Segment};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// Seconds, in capture time, after which an incomplete datagram is given up (RFC 8200 section 4.5).
const PATIENCE: i64 = 60;
/// What one held fragment costs besides its bytes.
const OVERHEAD: usize = 128;
/// The largest datagram that fragments can make.
const LARGEST: usize = 65_535;

/// What fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct FragmentId {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) id: u32,
    pub(super) protocol: u8,
}

/// A piece of a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    pub(super) id: FragmentId,
    pub(super) upper: Upper<'a>,
    pub(super) offset: usize,
    pub(super) more: bool,
    pub(super) carrier: Carrier,
}

/// A datagram made of fragments.
#[derive(Debug)]
pub struct Datagram {
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    bytes: Vec<u8>,
    missing: usize,
    carrier: Carrier,
    parts: Origins,
}

impl Datagram {
    /// What it holds: a packet, or, from within a tunnel, a fragment again.
    pub fn parse(&self) -> Result<Parsed<'_>, Skip> {
        let (src, dst, protocol) = (self.src, self.dst, self.protocol);
        let parsed = inner(self.carrier, Upper { src, dst, protocol, payload: &self.bytes, missing: self.missing })?;
        Ok(match parsed {
            Parsed::Packet(packet) => Parsed::Packet(Packet { parts: self.parts.runs(), ..packet }),
            fragment @ Parsed::Fragment(_) => fragment,
        })
    }

    fn new(pending: &Pending, id: &FragmentId) -> Option<Self> {
        let first = pending.pieces.first_key_value()?;
        let whole = pending.end;
        let mut bytes = Vec::with_capacity(whole.unwrap_or(first.1.bytes.len()).min(LARGEST));
        let mut parts = Origins::new();
        for (start, piece) in &pending.pieces {
            if *start != bytes.len() {
                break;
            }
            bytes.extend_from_slice(&piece.bytes);
            parts.push(piece.bytes.len(), piece.frame);
        }
        // Where the end is unknown, at least one byte is missing.
        let missing = whole.unwrap_or(bytes.len().saturating_add(1)).saturating_sub(bytes.len());
        let carrier = pending.carrier;
        let mut datagram =
            Self { src: id.src, dst: id.dst, protocol: pending.protocol?, bytes, missing, carrier, parts };
        // The parts are those of the payload: headers stand in front of it, other bytes may trail it.
        let payload = match datagram.parse() {
            Ok(Parsed::Packet(packet)) => {
                let (Segment::Tcp { payload, .. } | Segment::Udp { payload, .. } | Segment::Other { payload, .. }) =
                    packet.segment;
                let start = payload.as_ptr().addr().saturating_sub(datagram.bytes.as_ptr().addr());
                Some((start, start.saturating_add(payload.len())))
            }
            _ => None,
        };
        if let Some((start, end)) = payload {
            datagram.parts = datagram.parts.slice(start, end);
        }
        Some(datagram)
    }
}

/// What fragments lost.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FragmentLoss {
    /// Datagrams that stayed incomplete: pieces missing, or no room.
    pub incomplete: u64,
    /// Bytes held of them.
    pub bytes: u64,
    /// IPv6 datagrams dropped because their fragments overlap.
    pub forbidden: u64,
    /// IPv4 fragments of which some bytes had come before, with other content.
    pub conflicts: u64,
}

struct Piece {
    bytes: Vec<u8>,
    frame: FrameNo,
}

struct Pending {
    pieces: BTreeMap<usize, Piece>,
    end: Option<usize>,
    protocol: Option<u8>,
    carrier: Carrier,
    started: i64,
    cost: usize,
    /// Fragments overlapped: everything of it is dropped.
    poisoned: bool,
    order: u64,
}

/// Holds fragments until their datagram is complete.
#[derive(Default)]
pub struct Defragmenter {
    pending: BTreeMap<FragmentId, Pending>,
    /// Datagrams by age; an entry whose number is no longer current is stale.
    ages: VecDeque<(u64, FragmentId)>,
    cost: usize,
    next: u64,
    loss: FragmentLoss,
}

impl Defragmenter {
    /// Takes a fragment. Datagrams that are complete now, or that are given up, go to `out`.
    pub fn push(&mut self, fragment: &Fragment<'_>, out: &mut Vec<Datagram>) {
        let Fragment { id, upper, offset, more, carrier } = *fragment;
        let now = carrier.at.0.div_euclid(1_000_000_000);
        self.expire(now, out);
        let stop = offset.saturating_add(upper.payload.len());
        if stop > LARGEST || (more && upper.missing == 0 && !upper.payload.len().is_multiple_of(8)) {
            self.loss.incomplete = self.loss.incomplete.saturating_add(1);
            self.loss.bytes = self.loss.bytes.saturating_add(upper.payload.len() as u64);
            return;
        }
        let order = self.next;
        let pending = self.pending.entry(id).or_insert_with(|| {
            self.next = self.next.saturating_add(1);
            self.ages.push_back((order, id));
            Pending {
                pieces: BTreeMap::new(),
                end: None,
                protocol: None,
                carrier,
                started: now,
                cost: 0,
                poisoned: false,
                order,
            }
        });
        if pending.poisoned {
            return;
        }
        if !more {
            pending.end.get_or_insert(stop.saturating_add(upper.missing));
        }
        if offset == 0 || id.protocol != 0 {
            pending.protocol.get_or_insert(upper.protocol);
        }
        pending.carrier = carrier;
        let before = pending.cost;
        pending.cost = pending.cost.max(OVERHEAD);
        match pending.add(offset, upper.payload, carrier.frame) {
            Overlap::None | Overlap::Same => {}
            Overlap::Partial | Overlap::Conflict if upper.src.is_ipv6() => {
                self.loss.forbidden = self.loss.forbidden.saturating_add(1);
                pending.poisoned = true;
                pending.pieces.clear();
                pending.cost = OVERHEAD;
            }
            Overlap::Partial => {}
            Overlap::Conflict => self.loss.conflicts = self.loss.conflicts.saturating_add(1),
        }
        self.cost = self.cost.saturating_sub(before).saturating_add(pending.cost);
        if pending.complete() {
            if let Some(done) = self.remove(&id) {
                out.extend(Datagram::new(&done, &id));
            }
            return;
        }
        while self.cost > FRAGMENT_BYTES {
            if !self.give_up_oldest(out) {
                break;
            }
        }
    }

    /// Gives up everything that is still incomplete, oldest first.
    pub fn finish(&mut self, out: &mut Vec<Datagram>) {
        while self.give_up_oldest(out) {}
    }

    /// What was lost so far.
    pub fn loss(&self) -> FragmentLoss {
        self.loss
    }

    fn expire(&mut self, now: i64, out: &mut Vec<Datagram>) {
        while let Some((order, id)) = self.ages.front() {
            match self.pending.get(id) {
                Some(pending) if pending.order == *order => {
                    if now.saturating_sub(pending.started) <= PATIENCE {
                        return;
                    }
                    self.give_up_oldest(out);
                }
                _ => {
                    self.ages.pop_front();
                }
            }
        }
    }

    fn give_up_oldest(&mut self, out: &mut Vec<Datagram>) -> bool {
        while let Some((order, id)) = self.ages.pop_front() {
            if self.pending.get(&id).is_none_or(|pending| pending.order != order) {
                continue;
            }
            if let Some(pending) = self.remove(&id)
                && !pending.poisoned
            {
                self.loss.incomplete = self.loss.incomplete.saturating_add(1);
                let held: usize = pending.pieces.values().map(|piece| piece.bytes.len()).sum();
                self.loss.bytes = self.loss.bytes.saturating_add(held as u64);
                out.extend(Datagram::new(&pending, &id));
            }
            return true;
        }
        false
    }

    fn remove(&mut self, id: &FragmentId) -> Option<Pending> {
        let pending = self.pending.remove(id)?;
        self.cost = self.cost.saturating_sub(pending.cost);
        // Stale ages go when they reach the front; where completion is the rule, that is at once.
        while self.ages.front().is_some_and(|(order, id)| self.pending.get(id).is_none_or(|p| p.order != *order)) {
            self.ages.pop_front();
        }
        if self.ages.len() > self.pending.len().saturating_mul(2).saturating_add(1_024) {
            let pending = &self.pending;
            self.ages.retain(|(order, id)| pending.get(id).is_some_and(|p| p.order == *order));
        }
        Some(pending)
    }
}

/// How a fragment relates to those that came before.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Overlap {
    /// Not at all.
    None,
    /// It is one of them again.
    Same,
    /// It shares bytes with some, equal ones.
    Partial,
    /// It shares bytes with some, different ones.
    Conflict,
}

impl Pending {
    /// Keeps those bytes that have not come before.
    fn add(&mut self, offset: usize, payload: &[u8], frame: FrameNo) -> Overlap {
        if self.pieces.get(&offset).is_some_and(|piece| piece.bytes == payload) {
            return Overlap::Same;
        }
        let stop = offset.saturating_add(payload.len());
        let mut overlap = Overlap::None;
        let mut fresh: Vec<(usize, usize)> = Vec::new();
        let mut at = offset;
        let from = self.pieces.range(..=offset).next_back().map_or(offset, |(start, _)| *start);
        for (start, piece) in self.pieces.range(from..stop) {
            let end = start.saturating_add(piece.bytes.len());
            if end <= at {
                continue;
            }
            if *start > at {
                fresh.push((at, *start));
            }
            let (low, high) = (at.max(*start), end.min(stop));
            let old = piece.bytes.get(low.saturating_sub(*start)..high.saturating_sub(*start));
            let new = payload.get(low.saturating_sub(offset)..high.saturating_sub(offset));
            overlap = overlap.max(if old == new { Overlap::Partial } else { Overlap::Conflict });
            at = high;
        }
        if at < stop {
            fresh.push((at, stop));
        }
        for (start, end) in fresh {
            let bytes = payload.get(start.saturating_sub(offset)..end.saturating_sub(offset)).unwrap_or_default();
            self.cost = self.cost.saturating_add(bytes.len()).saturating_add(OVERHEAD);
            self.pieces.insert(start, Piece { bytes: bytes.to_vec(), frame });
        }
        overlap
    }

    fn complete(&self) -> bool {
        let Some(end) = self.end else { return false };
        let mut at = 0_usize;
        // Pieces never overlap; a hole or a cut ends the walk.
        for (start, piece) in &self.pieces {
            if *start != at {
                return false;
            }
            at = at.saturating_add(piece.bytes.len());
            if at >= end {
                return self.protocol.is_some();
            }
        }
        false
    }
}
