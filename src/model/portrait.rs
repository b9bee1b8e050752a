//! How one message looks: what its bytes are, range by range, and how random the least readable of them are.

use crate::model::budget;
use crate::model::opacity::{Opacity, Segment};
use crate::model::origin::FrameNo;
use crate::model::stream::Direction;
use std::cmp::Reverse;

/// One message, as its bytes look before any decoding.
#[derive(Clone, Debug, PartialEq)]
pub struct Portrait {
    /// Which way it went.
    pub direction: Direction,
    /// First and last frame that carried its body.
    pub frames: (FrameNo, FrameNo),
    /// Its trail step.
    pub label: String,
    /// Messages of its flow with that label, this way.
    pub times: u64,
    /// Length of its body in bytes, as transferred.
    pub len: u64,
    /// What the body is made of, in order and without gaps.
    pub pieces: Vec<Segment>,
    /// How random its longest opaque field is; of a message without one, the body.
    pub noise: Noise,
}

/// Entropy, and what truly random bytes would have.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    /// How the field was reached; empty for the body as it is.
    pub position: String,
    /// Bytes that were measured.
    pub len: u64,
    /// Bits a byte (of the histogram of its bytes).
    pub entropy: f64,
    /// What as many uniform bytes have on average: never 8.
    pub expected: f64,
    /// By how much theirs differs from that, typically (one standard deviation).
    pub spread: f64,
}

impl Portrait {
    /// Which messages of a flow are shown first: those with something opaque in them, then the longest, then the first.
    fn rank(opaque: bool, len: u64, frame: FrameNo) -> (Reverse<bool>, Reverse<u64>, FrameNo) {
        (Reverse(opaque), Reverse(len), frame)
    }

    fn own_rank(&self) -> (Reverse<bool>, Reverse<u64>, FrameNo) {
        Self::rank(self.has_opaque(), self.len, self.frames.0)
    }

    fn is_of(&self, direction: Direction, label: &str) -> bool {
        self.direction == direction && self.label == label
    }

    /// Whether nobody could read some of it.
    pub fn has_opaque(&self) -> bool {
        self.pieces.iter().any(|piece| piece.class.is_opaque())
    }
}

/// The messages of a flow that are shown, bounded each way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Portraits(Vec<Portrait>);

impl Portraits {
    /// Counts a message, and says whether it is to be drawn: cheaper to ask than to draw it. Of those with one label the
    /// first in rank is kept.
    pub fn count(&mut self, direction: Direction, label: &str, opaque: bool, len: u64, frame: FrameNo) -> bool {
        let rank = Portrait::rank(opaque, len, frame);
        if let Some(known) = self.0.iter_mut().find(|known| known.is_of(direction, label)) {
            known.times = known.times.saturating_add(1);
            return rank < known.own_rank();
        }
        let rivals = || self.0.iter().filter(|known| known.direction == direction);
        rivals().count() < budget::FLOW_PORTRAITS || rivals().any(|known| rank < known.own_rank())
    }

    /// Keeps a message, if it is among the first of its direction.
    pub fn add(&mut self, mut portrait: Portrait) {
        let direction = portrait.direction;
        if let Some(at) = self.0.iter().position(|known| known.is_of(direction, &portrait.label)) {
            portrait.times = self.0.remove(at).times;
        }
        self.0.push(portrait);
        let same = |known: &Portrait| known.direction == direction;
        if self.0.iter().filter(|known| same(known)).count() > budget::FLOW_PORTRAITS {
            let last = (0..).zip(&self.0).filter(|(_, known)| same(known)).max_by_key(|(_, known)| known.own_rank());
            if let Some(at) = last.map(|(at, _)| at) {
                self.0.remove(at);
            }
        }
        self.0
            .sort_by(|a, b| (a.frames, a.direction.index(), &a.label).cmp(&(b.frames, b.direction.index(), &b.label)));
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: Self) {
        for portrait in other.0 {
            let known = self.0.iter_mut().find(|known| known.is_of(portrait.direction, &portrait.label));
            let times = portrait.times;
            match known {
                Some(known) if known.own_rank() <= portrait.own_rank() => {
                    known.times = known.times.saturating_add(times);
                }
                Some(known) => {
                    known.times = known.times.saturating_add(times);
                    self.add(portrait);
                }
                None => self.add(portrait),
            }
        }
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Portrait> {
        self.0.iter()
    }

    /// Says of opaque bytes of a message what they alone did not. `bytes`: their range in its body.
    pub fn repaint(&mut self, direction: Direction, label: &str, frame: FrameNo, bytes: (u64, u64), class: Opacity) {
        let it = |known: &&mut Portrait| {
            known.direction == direction && known.label == label && (known.frames.0..=known.frames.1).contains(&frame)
        };
        for portrait in self.0.iter_mut().filter(it) {
            let inside = |piece: &&mut Segment| piece.start < bytes.1 && bytes.0 < piece.end;
            for piece in portrait.pieces.iter_mut().filter(|piece| piece.class.is_opaque()).filter(inside) {
                piece.class = class;
            }
        }
    }
}
