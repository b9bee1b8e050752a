//! One direction of a TCP connection: segments in any order in, bytes in order out.
#![deny(clippy::expect_used, clippy::panic)]

use crate::model::origin::{FrameNo, Origins};
use crate::model::packet::Packet;
use crate::model::time::Timestamp;
use std::collections::BTreeMap;
use std::hash::BuildHasher as _;

/// What one held piece costs besides its bytes.
const OVERHEAD: usize = 128;
/// Where offsets count from while the start of the stream is not known.
pub(super) const GUESSED: u64 = 1 << 40;
/// The same, signed.
pub(super) const GUESSED_AT: i64 = 1 << 40;

/// A segment's worth of bytes that wait for what comes before them.
#[derive(Debug)]
pub(super) struct Piece {
    /// The bytes; empty for a stretch that the snapshot length cut.
    pub(super) bytes: Vec<u8>,
    /// Length of the stretch.
    pub(super) len: u64,
    pub(super) at: Timestamp,
    pub(super) frame: FrameNo,
    pub(super) origins: Origins,
}

/// A segment's payload, and what of it was not captured.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) missing: u32,
}

impl Payload<'_> {
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64 + u64::from(self.missing)
    }
}

/// The state of one direction.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// Offset of the next byte to hand on.
    pub(super) next: u64,
    /// Pieces behind a hole, by offset; they never overlap.
    pub(super) held: BTreeMap<u64, Piece>,
    /// What they cost.
    pub(super) cost: usize,
    /// Payload bytes captured, each counted once.
    pub(super) bytes: u64,
    /// Payload bytes captured again.
    pub(super) again: u64,
    /// The end was told.
    pub(super) ended: bool,
    /// The last segments that were told: the low half of their offsets, their lengths, and hashes of their bytes.
    recent: [(u32, u32, u64); RECENT],
    /// Which of them is the oldest.
    oldest: usize,
}

/// Segments that are remembered after they were told, to tell a copy from another reading.
const RECENT: usize = 4;

#[expect(clippy::cast_possible_truncation, reason = "segments are short, and offsets are told apart by their low half")]
fn trace(offset: u64, bytes: &[u8]) -> (u32, u32, u64) {
    (offset as u32, bytes.len() as u32, foldhash::fast::FixedState::with_seed(0).hash_one(bytes))
}

impl Side {
    /// Holds what is new of a segment at `offset`; bytes that came first win. Returns whether bytes that had come
    /// before, and are still held, were different.
    pub(super) fn hold(&mut self, offset: u64, payload: Payload<'_>, packet: &Packet<'_>) -> bool {
        let end = offset.saturating_add(payload.bytes.len() as u64);
        let conflict = self.hold_part(offset, end, Some(payload.bytes), packet);
        self.hold_part(end, end.saturating_add(payload.missing.into()), None, packet) | conflict
    }

    fn hold_part(&mut self, offset: u64, end: u64, bytes: Option<&[u8]>, packet: &Packet<'_>) -> bool {
        let cut = |low: u64, high: u64| -> &[u8] {
            let index = |at: u64| usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX);
            bytes.and_then(|bytes| bytes.get(index(low)..index(high))).unwrap_or_default()
        };
        let mut conflict = false;
        let mut fresh: Vec<(u64, u64)> = Vec::new();
        let mut at = offset.max(self.next).min(end);
        self.again += if bytes.is_some() { at - offset } else { 0 };
        let from = self.held.range(..=at).next_back().map_or(at, |(start, _)| *start);
        for (start, piece) in self.held.range(from..end.max(from)) {
            let stop = start.saturating_add(piece.len);
            if stop <= at {
                continue;
            }
            if *start > at {
                fresh.push((at, *start));
            }
            let (low, high) = (at.max(*start), stop.min(end));
            let index = |at: u64| usize::try_from(at.saturating_sub(*start)).unwrap_or(usize::MAX);
            // Where either was cut there is nothing to compare.
            if bytes.is_some() && !piece.bytes.is_empty() {
                conflict |= piece.bytes.get(index(low)..index(high)) != Some(cut(low, high));
                self.again += high.saturating_sub(low);
            }
            at = high;
        }
        if at < end {
            fresh.push((at, end));
        }
        for (low, high) in fresh {
            let part = cut(low, high);
            let origins =
                if bytes.is_some() { origins(packet, part, bytes.unwrap_or_default()) } else { Origins::new() };
            let piece = Piece { bytes: part.to_vec(), len: high - low, at: packet.at, frame: packet.frame, origins };
            self.cost += piece.bytes.len() + OVERHEAD;
            self.bytes += piece.bytes.len() as u64;
            self.held.insert(low, piece);
        }
        conflict
    }

    /// Remembers a segment that is told now.
    pub(super) fn remember(&mut self, offset: u64, bytes: &[u8]) {
        if let Some(slot) = self.recent.get_mut(self.oldest) {
            *slot = trace(offset, bytes);
        }
        self.oldest = (self.oldest + 1) % RECENT;
    }

    /// Whether a segment that was told at this place had other bytes.
    pub(super) fn differs(&self, offset: u64, bytes: &[u8]) -> bool {
        let (start, len, hash) = trace(offset, bytes);
        let twin = |(s, l, _): &&(u32, u32, u64)| *s == start && *l == len && len > 0;
        // The last of several copies is the one that counts.
        self.recent.iter().find(twin).is_some_and(|(_, _, told)| *told != hash)
    }

    /// Takes the first piece, if it is next in order.
    pub(super) fn ready(&mut self) -> Option<(u64, Piece)> {
        let entry = self.held.first_entry()?;
        if *entry.key() > self.next {
            return None;
        }
        let (start, piece) = entry.remove_entry();
        self.cost = self.cost.saturating_sub(piece.bytes.len() + OVERHEAD);
        Some((start, piece))
    }

    /// The frame of the first piece, if it is next in order.
    pub(super) fn ready_frame(&self) -> Option<FrameNo> {
        let (start, piece) = self.held.first_key_value()?;
        (*start <= self.next).then_some(piece.frame)
    }

    /// Makes `start` (an offset as long as the stream's start was only guessed) offset 0.
    pub(super) fn rebase(&mut self, start: u64) {
        let held = std::mem::take(&mut self.held);
        self.held = held.into_iter().map(|(offset, piece)| (offset.saturating_sub(start), piece)).collect();
        self.cost = self.held.values().map(|piece| piece.bytes.len() + OVERHEAD).sum();
        self.next = 0;
    }
}

/// Which frames carried `part`, a part of `whole`, which is the end of the packet's payload.
pub(super) fn origins(packet: &Packet<'_>, part: &[u8], whole: &[u8]) -> Origins {
    if packet.parts.is_empty() || part.is_empty() {
        return Origins::one(part.len(), packet.frame);
    }
    let mut all = Origins::new();
    for run in packet.parts {
        all.push(run.len as usize, run.frame);
    }
    // `whole` may already lack its front.
    let front = all.len().saturating_sub(whole.len());
    let start = front + part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    all.slice(start, start + part.len())
}
