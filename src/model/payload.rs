//! Opaque bytes that messages carried, kept for what only several messages together can show: a key that travels with
//! its lock, a keystream used twice, a block that comes again.
//!
//! A [`Pool`] is bounded, and what it keeps does not depend on the order in which it was filled or merged: the first payloads
//! of each kind, and of all those the first. That is so because payloads of one kind count for the same number of bytes
//! each, so that no payload that is left out in the end ever takes more room than those it is left out for.

use crate::model::budget;
use crate::model::opacity::Opacity;
use crate::model::origin::FrameNo;
use crate::model::sighting::Place;
use crate::model::stream::{Direction, FlowKey, Layer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One opaque payload, and all that is needed to name its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// Where it was, its trail included.
    pub place: Place,
    /// The layers around its message.
    pub layers: Arc<[Layer]>,
    /// Registry name of its message's protocol.
    pub protocol: &'static str,
    /// Its message's trail step.
    pub label: String,
    /// What it is called over many messages: authority, label and trail, numbers and identifiers left out.
    pub slot: String,
    /// Its first bytes, at most [`budget::PAYLOAD_BYTES`].
    pub bytes: Vec<u8>,
    /// Its length in bytes.
    pub len: u64,
    /// What statistics say of it.
    pub class: Opacity,
    /// A recognised end-to-end envelope, by registry name.
    pub envelope: Option<&'static str>,
    /// It is the whole of a message part, as transferred.
    pub bare: bool,
    /// Short values that stand in the same message.
    pub beside: Arc<[Token]>,
}

impl Payload {
    /// Whether all of it is kept.
    pub const fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.len
    }

    /// What it counts for: its bytes, rounded up to a power of two.
    fn cost(&self) -> usize {
        self.bytes.len().max(1).checked_next_power_of_two().unwrap_or(usize::MAX)
    }

    fn kind(&self) -> PayloadKind {
        (self.slot.clone(), self.place.direction, self.cost())
    }

    fn rank(&self) -> Rank {
        Rank {
            capture: self.place.capture.clone(),
            frame: self.place.frames.first().copied().unwrap_or(0),
            flow_start: self.place.flow_start,
            flow: self.place.flow,
            trail: self.place.trail.clone(),
            bytes: self.place.bytes,
        }
    }
}

/// A short value that some message carried: what a key, a nonce or a tag may be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Token {
    /// The value.
    pub bytes: Vec<u8>,
    /// What the field is called, lower case; empty when it has no name.
    pub name: String,
    /// How it was reached, outermost first, layers included.
    pub trail: Vec<String>,
    /// The capture it is in.
    pub capture: String,
    /// First frame that carried it.
    pub frame: FrameNo,
}

/// The order payloads are kept in: by place.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Rank {
    capture: String,
    frame: FrameNo,
    flow_start: FrameNo,
    flow: Option<FlowKey>,
    trail: Vec<String>,
    bytes: (u64, u64),
}

/// What is alike: slot, direction, and what each counts for.
type PayloadKind = (String, Direction, usize);

/// The payloads of one kind.
#[derive(Clone, Debug, Default)]
struct Shelf {
    ranks: BTreeSet<Rank>,
    /// The least rank of this kind that was left out for others of it: all of it from that on are.
    limit: Option<Rank>,
}

/// Payloads and tokens of a run, bounded.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    payloads: BTreeMap<Rank, Payload>,
    /// The same, by kind.
    shelves: BTreeMap<PayloadKind, Shelf>,
    /// What the payloads held count for.
    held: usize,
    /// The least rank that was ever left out: all from it on are.
    limit: Option<Rank>,
    tokens: BTreeMap<(u8, u64, Vec<u8>), Token>,
    /// Where a token's value is known already.
    known: BTreeMap<Vec<u8>, (u8, u64)>,
    /// Payloads left out.
    dropped: u64,
    /// Whether tokens were left out.
    crowded: bool,
}

impl Pool {
    /// Whether a payload of this place would be left out: cheaper to ask than to make one.
    pub fn is_beyond(&self, capture: &str, frame: FrameNo) -> bool {
        self.limit.as_ref().is_some_and(|limit| (capture, frame) > (limit.capture.as_str(), limit.frame))
    }

    /// Counts a payload that was not even made.
    pub const fn skip(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
    }

    /// Keeps a payload, as far as the budget goes.
    pub fn add(&mut self, payload: Payload) {
        let (rank, kind, cost) = (payload.rank(), payload.kind(), payload.cost());
        let beyond = |limit: Option<&Rank>| limit.is_some_and(|limit| rank >= *limit);
        if beyond(self.limit.as_ref()) || beyond(self.shelves.get(&kind).and_then(|shelf| shelf.limit.as_ref())) {
            self.skip();
            return;
        }
        self.take(&rank);
        let shelf = self.shelves.entry(kind).or_default();
        shelf.ranks.insert(rank.clone());
        let full = shelf.ranks.len() > budget::KIND_PAYLOADS.min(budget::KIND_PAYLOADS_BYTES / cost);
        let last = shelf.ranks.last().filter(|_| full).cloned();
        if last.is_some() {
            shelf.limit.clone_from(&last);
        }
        self.held = self.held.saturating_add(cost);
        self.payloads.insert(rank, payload);
        if let Some(last) = last {
            self.take(&last);
            self.skip();
        }
        while self.payloads.len() > budget::PAYLOADS || self.held > budget::PAYLOADS_BYTES {
            let Some(rank) = self.payloads.last_key_value().map(|(rank, _)| rank.clone()) else { break };
            self.take(&rank);
            self.skip();
            self.limit = Some(rank);
        }
    }

    /// Takes a payload out.
    fn take(&mut self, rank: &Rank) {
        let Some(payload) = self.payloads.remove(rank) else { return };
        self.held = self.held.saturating_sub(payload.cost());
        let kind = payload.kind();
        if let Some(shelf) = self.shelves.get_mut(&kind) {
            shelf.ranks.remove(rank);
            // What was left out for its kind came behind all of it, and is left out for the others as well.
            if shelf.ranks.is_empty() {
                self.shelves.remove(&kind);
            }
        }
    }

    /// Takes payloads out, and counts them.
    fn leave_out(&mut self, ranks: Vec<Rank>) {
        for rank in ranks {
            self.take(&rank);
            self.skip();
        }
    }

    /// Keeps a token; `rank` 0 is the likeliest to be a key. Of one value the likeliest is kept, and the first of those.
    pub fn add_token(&mut self, rank: u8, token: Token) {
        let hash = mix(&token.bytes);
        if let Some((known, _)) = self.known.get(&token.bytes).copied() {
            if rank > known {
                return;
            }
            let place = |token: &Token| (token.capture.clone(), token.frame, token.trail.clone());
            let key = (known, hash, token.bytes.clone());
            if rank == known && self.tokens.get(&key).is_some_and(|old| place(old) <= place(&token)) {
                return;
            }
            self.tokens.remove(&key);
        } else if self.tokens.len() >= budget::TOKENS
            && self.tokens.last_key_value().is_some_and(|((last, at, _), _)| (*last, *at) < (rank, hash))
        {
            self.crowded = true;
            return;
        }
        self.known.insert(token.bytes.clone(), (rank, hash));
        self.tokens.insert((rank, hash, token.bytes.clone()), token);
        if self.tokens.len() > budget::TOKENS
            && let Some(((_, _, bytes), _)) = self.tokens.pop_last()
        {
            self.known.remove(&bytes);
            self.crowded = true;
        }
    }

    /// Whether a token of this rank and value would be kept, as far as can be told before its place is known.
    pub fn wants_token(&self, rank: u8, bytes: &[u8]) -> bool {
        match self.known.get(bytes) {
            Some((known, _)) => rank <= *known,
            None => {
                self.tokens.len() < budget::TOKENS
                    || self.tokens.last_key_value().is_none_or(|((last, at, _), _)| (rank, mix(bytes)) <= (*last, *at))
            }
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: Self) {
        self.dropped = self.dropped.saturating_add(other.dropped);
        self.crowded |= other.crowded;
        if let Some(theirs) = other.limit
            && self.limit.as_ref().is_none_or(|ours| theirs < *ours)
        {
            let beyond: Vec<Rank> = self.payloads.range(&theirs..).map(|(rank, _)| rank.clone()).collect();
            self.leave_out(beyond);
            self.limit = Some(theirs);
        }
        for (kind, shelf) in other.shelves {
            let Some(theirs) = shelf.limit else { continue };
            let ours = self.shelves.entry(kind).or_default();
            if ours.limit.as_ref().is_none_or(|ours| theirs < *ours) {
                let beyond: Vec<Rank> = ours.ranks.range(&theirs..).cloned().collect();
                ours.limit = Some(theirs);
                self.leave_out(beyond);
            }
        }
        for payload in other.payloads.into_values() {
            self.add(payload);
        }
        for ((rank, ..), token) in other.tokens {
            self.add_token(rank, token);
        }
    }

    /// Forgets the payloads of which `keep` says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&Payload) -> bool) {
        let out: Vec<Rank> =
            self.payloads.iter().filter(|(_, payload)| !keep(payload)).map(|(rank, _)| rank.clone()).collect();
        for rank in out {
            self.take(&rank);
        }
    }

    /// The payloads, by place.
    pub fn payloads(&self) -> impl Iterator<Item = &Payload> {
        self.payloads.values()
    }

    /// The tokens, likeliest keys first.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values()
    }

    /// Payloads that were left out, and whether tokens were.
    pub fn left_out(&self) -> (u64, bool) {
        (self.dropped, self.crowded || self.tokens.len() >= budget::TOKENS)
    }
}

/// A hash that spreads: which tokens stay when there are too many is as good as drawn by lot, and the same every time.
fn mix(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::stream::Direction;
    use crate::model::time::Timestamp;

    fn payload(frame: FrameNo, len: usize) -> Payload {
        Payload {
            place: Place {
                capture: "c".into(),
                flow: None,
                flow_start: 1,
                direction: Direction::ToServer,
                at: Timestamp(0),
                authority: None,
                secured: true,
                frames: vec![frame],
                part: None,
                bytes: (0, len as u64),
                trail: Vec::new(),
            },
            layers: Arc::from([]),
            protocol: "http1",
            label: String::new(),
            slot: String::new(),
            bytes: vec![7; len],
            len: len as u64,
            class: Opacity::RandomLooking,
            envelope: None,
            bare: false,
            beside: Arc::from([]),
        }
    }

    fn token(value: u32, frame: FrameNo) -> Token {
        Token {
            bytes: value.to_be_bytes().to_vec(),
            name: String::new(),
            trail: Vec::new(),
            capture: "c".into(),
            frame,
        }
    }

    #[test]
    fn what_is_kept_does_not_depend_on_order_or_merging() {
        let len = budget::PAYLOAD_BYTES;
        let (kinds, each) = (23, budget::KIND_PAYLOADS_BYTES / len + 80);
        let many = (kinds * each) as u64;
        let fill = |frames: &mut dyn Iterator<Item = u64>| {
            let mut pool = Pool::default();
            for frame in frames {
                let small = usize::try_from(frame * 7 % 90).unwrap();
                let len = match frame % 6 {
                    0 | 3 => len,
                    1 => 200 + small,
                    _ => len / 2 + 1 + small,
                };
                // Half of all is of one kind.
                let slot = if frame % 2 == 0 { 0 } else { frame % 23 };
                pool.add(Payload { slot: slot.to_string(), ..payload(frame, len) });
            }
            pool
        };
        let kept = |pool: &Pool| pool.payloads().map(|p| p.place.frames[0]).collect::<Vec<_>>();
        let whole = fill(&mut (0..many));
        let want = kept(&whole);
        assert!(whole.left_out().0 > 0 && whole.limit.is_some() && whole.shelves.values().any(|s| s.limit.is_some()));
        assert_eq!(whole.left_out().0 + want.len() as u64, many);
        assert_eq!(kept(&fill(&mut (0..many).rev())), want);
        for step in [7, 601, 1_009] {
            assert_eq!(kept(&fill(&mut (0..many).map(|i| i * step % many))), want, "{step}");
        }
        let mut parts = fill(&mut (0..many).filter(|i| i % 3 == 1));
        parts.merge(fill(&mut (0..many).rev().filter(|i| i % 3 == 0)));
        parts.merge(fill(&mut (0..many).filter(|i| i % 3 == 2)));
        assert_eq!(kept(&parts), want);
        assert_eq!(parts.held, parts.payloads().map(Payload::cost).sum::<usize>());
    }

    #[test]
    fn many_of_one_kind_leave_room_for_others() {
        let mut pool = Pool::default();
        for frame in 0..3_000 {
            let big = payload(frame, budget::PAYLOAD_BYTES);
            pool.add(Payload { slot: "PUT /backup/#".into(), ..big });
        }
        for frame in 3_000..3_012 {
            pool.add(payload(frame, 120));
        }
        assert_eq!(pool.payloads().filter(|payload| payload.slot.is_empty()).count(), 12);
        assert!(pool.payloads().filter(|payload| !payload.slot.is_empty()).count() >= 64);
    }

    #[test]
    fn tokens_are_one_a_value_and_the_same_ones_whatever_the_order() {
        let all = u32::try_from(budget::TOKENS).unwrap() + 50;
        let fill = |values: &mut dyn Iterator<Item = u32>| {
            let mut pool = Pool::default();
            for value in values {
                pool.add_token(u8::from(value % 5 > 0), token(value, u64::from(value)));
                pool.add_token(1, token(value, 1));
            }
            pool
        };
        let kept = |pool: &Pool| pool.tokens().cloned().collect::<Vec<_>>();
        let want = kept(&fill(&mut (0..all)));
        assert_eq!(want.len(), budget::TOKENS);
        let likely = |token: &&Token| u32::from_be_bytes(token.bytes[..].try_into().unwrap()) % 5 == 0;
        assert_eq!(want.iter().filter(likely).count(), all.div_ceil(5) as usize, "the likeliest stay");
        assert!(want.iter().filter(|token| !likely(token)).all(|token| token.frame <= 1), "the first place is kept");
        assert_eq!(kept(&fill(&mut (0..all).rev())), want);
        let mut halves = fill(&mut (0..all / 2));
        halves.merge(fill(&mut (all / 2..all)));
        assert_eq!(kept(&halves), want);
    }
}
