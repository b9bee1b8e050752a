//! Opaque bytes that messages carried, kept for what only several messages together can show: a key that travels with
//! its lock, a keystream used twice, a block that comes again.
//!
//! A [`Pool`] is bounded, and what it keeps does not depend on the order in which it was filled or merged.

use crate::model::budget;
use crate::model::opacity::Opacity;
use crate::model::origin::FrameNo;
use crate::model::sighting::Place;
use crate::model::stream::{FlowKey, Layer};
use std::collections::BTreeMap;
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

/// Payloads and tokens of a run, bounded.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    payloads: BTreeMap<Rank, Payload>,
    /// Bytes of payloads held.
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
        let rank = payload.rank();
        if self.limit.as_ref().is_some_and(|limit| rank >= *limit) {
            self.skip();
            return;
        }
        self.held = self.held.saturating_add(payload.bytes.len());
        if let Some(twin) = self.payloads.insert(rank, payload) {
            self.held = self.held.saturating_sub(twin.bytes.len());
        }
        while self.payloads.len() > budget::PAYLOADS || self.held > budget::PAYLOADS_BYTES {
            let Some((rank, last)) = self.payloads.pop_last() else { break };
            self.held = self.held.saturating_sub(last.bytes.len());
            self.skip();
            self.limit = Some(rank);
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
            let beyond = self.payloads.split_off(&theirs);
            self.dropped = self.dropped.saturating_add(beyond.len() as u64);
            self.held = self.payloads.values().map(|payload| payload.bytes.len()).sum();
            self.limit = Some(theirs);
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
        self.payloads.retain(|_, payload| keep(payload));
        self.held = self.payloads.values().map(|payload| payload.bytes.len()).sum();
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
        let many = 2 * u64::try_from(budget::PAYLOADS_BYTES / len).unwrap() + 40;
        let frames = |step: u64| (0..many).map(move |i| (i * step) % many);
        let fill = |frames: &mut dyn Iterator<Item = u64>| {
            let mut pool = Pool::default();
            for frame in frames {
                pool.add(payload(frame, if frame % 3 == 0 { len } else { len / 2 + usize::try_from(frame).unwrap() }));
            }
            pool
        };
        let kept = |pool: &Pool| pool.payloads().map(|p| p.place.frames[0]).collect::<Vec<_>>();
        let want = kept(&fill(&mut frames(1)));
        assert!(!want.is_empty() && want.windows(2).all(|pair| pair[0] + 1 == pair[1]));
        let backwards = fill(&mut (0..many).rev());
        assert_eq!(kept(&backwards), want);
        let mut halves = fill(&mut (0..many).filter(|i| i % 2 == 1));
        halves.merge(fill(&mut (0..many).filter(|i| i % 2 == 0)));
        assert_eq!(kept(&halves), want);
        assert!(halves.left_out().0 > 0);
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
