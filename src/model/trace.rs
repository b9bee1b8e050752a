//! What tells a conversation from every other, whoever captured it: so that one that two captures saw counts once.

/// Bytes of the start of a stream that are compared.
const HEAD: u8 = 64;
/// Digests of datagrams that are kept: the least of all.
const SKETCH: usize = 32;

/// Where one direction of a TCP connection is in sequence space.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sequence {
    /// Sequence number of the first byte that was told.
    pub first: u32,
    /// Its handshake says so: it is the first byte there was.
    pub known: bool,
    /// Bytes from there on, gaps included.
    pub len: u64,
}

impl Sequence {
    /// Whether two captures saw the same direction; `None` where nothing shows.
    fn agrees(self, other: Self) -> Option<bool> {
        if self.known && other.known {
            return Some(self.first == other.first);
        }
        if self.len == 0 || other.len == 0 {
            return None;
        }
        let within = |from: Self, at: u32| u64::from(at.wrapping_sub(from.first)) < from.len;
        Some(within(self, other.first) || within(other, self.first))
    }
}

/// A digest of bytes that come piece by piece, however they are cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Head {
    digest: u64,
    len: u8,
}

impl Default for Head {
    fn default() -> Self {
        Self { digest: SEED, len: 0 }
    }
}

/// FNV-1a.
const SEED: u64 = 0xcbf2_9ce4_8422_2325;

fn eat(digest: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(digest, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A last mix, so that the least digests are as good as drawn by lot.
const fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

/// What a capture shows of one conversation's identity, beside its ends and times.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Trace {
    /// TCP: to the server, to the client.
    pub sequence: [Option<Sequence>; 2],
    heads: [Head; 2],
    /// The least digests of its datagrams, ascending, each once.
    sketch: Vec<u64>,
}

/// What two traces say of each other.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Likeness {
    /// Two conversations.
    Different,
    /// Nothing shows it.
    Unknown,
    /// The same bytes in the same place: one conversation, if they were seen at one time.
    Overlapping,
    /// The same handshake: one conversation.
    Same,
}

impl Trace {
    /// Takes the next bytes of a stream; `slot` 0 to the server, 1 to the client, `offset` in that direction.
    pub fn stream(&mut self, slot: usize, offset: u64, bytes: &[u8]) {
        if let Some(head) = self.heads.get_mut(slot)
            && offset == u64::from(head.len)
            && head.len < HEAD
        {
            let piece = bytes.get(..usize::from(HEAD - head.len)).unwrap_or(bytes);
            head.digest = eat(head.digest, piece);
            head.len = head.len.saturating_add(u8::try_from(piece.len()).unwrap_or(HEAD)).min(HEAD);
        }
    }

    /// Takes a datagram.
    pub fn datagram(&mut self, slot: usize, bytes: &[u8]) {
        let way = u8::try_from(slot).unwrap_or(0);
        let digest = mix(eat(eat(SEED, &[way]), bytes));
        if let Err(at) = self.sketch.binary_search(&digest)
            && at < SKETCH
        {
            self.sketch.insert(at, digest);
            self.sketch.truncate(SKETCH);
        }
    }

    /// Whether there is anything to tell it by.
    pub fn is_empty(&self) -> bool {
        self.sequence == [None; 2] && self.sketch.is_empty()
    }

    /// What this trace and another, of the same two ends, say of each other. `turned`: the other capture takes the
    /// client for the server.
    pub fn likeness(&self, other: &Self, turned: bool) -> Likeness {
        if !self.sketch.is_empty() && !other.sketch.is_empty() {
            return if turned { Likeness::Unknown } else { self.shares(other) };
        }
        let mut best = Likeness::Unknown;
        for slot in 0..2 {
            let theirs = if turned { 1 - slot } else { slot };
            let (Some(mine), Some(theirs_at)) = (self.sequence[slot], other.sequence[theirs]) else { continue };
            let (head, their_head) = (self.heads[slot], other.heads[theirs]);
            let starts = mine.known && theirs_at.known && head.len == their_head.len && head.len > 0;
            let seen = match mine.agrees(theirs_at) {
                Some(false) => return Likeness::Different,
                // The same number before other bytes: chance, or a machine that was set back.
                Some(true) if starts && head.digest != their_head.digest => return Likeness::Different,
                Some(true) if mine.known && theirs_at.known => Likeness::Same,
                Some(true) => Likeness::Overlapping,
                None => Likeness::Unknown,
            };
            best = best.max(seen);
        }
        best
    }

    /// Of the datagrams that both sketches would hold, half of the fewer must be in both.
    fn shares(&self, other: &Self) -> Likeness {
        let bound = |sketch: &[u64]| if sketch.len() < SKETCH { u64::MAX } else { sketch.last().copied().unwrap_or(0) };
        let bound = bound(&self.sketch).min(bound(&other.sketch));
        let within = |sketch: &[u64]| sketch.iter().filter(|digest| **digest <= bound).count();
        let fewer = within(&self.sketch).min(within(&other.sketch));
        let common = self.sketch.iter().filter(|digest| **digest <= bound && other.sketch.contains(digest)).count();
        match fewer {
            // A short piece of a long conversation may have none of the least digests.
            0 => Likeness::Unknown,
            fewer if common > 0 && common.saturating_mul(2) >= fewer => Likeness::Overlapping,
            _ => Likeness::Different,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(first: u32, known: bool, len: u64, head: &[u8]) -> Trace {
        let mut trace = Trace { sequence: [Some(Sequence { first, known, len }), None], ..Trace::default() };
        for (at, byte) in (0..).zip(head) {
            trace.stream(0, at, &[*byte]);
        }
        trace
    }

    #[test]
    fn connections_are_told_apart_by_their_sequence_numbers() {
        let hello = [7; 90];
        let whole = tcp(1_000, true, 500, &hello);
        for (other, likeness) in [
            (tcp(1_000, true, 90, &hello), Likeness::Same),
            (tcp(1_001, true, 500, &hello), Likeness::Different),
            (tcp(1_000, true, 500, &[8; 90]), Likeness::Different),
            (tcp(1_400, false, 900, b""), Likeness::Overlapping),
            (tcp(1_500, false, 900, b""), Likeness::Different),
            (tcp(900, false, 101, b""), Likeness::Overlapping),
            (tcp(900, false, 100, b""), Likeness::Different),
            (tcp(1_100, false, 0, b""), Likeness::Unknown),
            (Trace::default(), Likeness::Unknown),
        ] {
            assert_eq!(whole.likeness(&other, false), likeness, "{other:?}");
            assert_eq!(other.likeness(&whole, false), likeness, "{other:?}");
        }
        let wraps = tcp(u32::MAX - 9, false, 100, b"");
        assert_eq!(wraps.likeness(&tcp(5, false, 10, b""), false), Likeness::Overlapping);
        let turned = Trace { sequence: [None, whole.sequence[0]], ..Trace::default() };
        assert_eq!(tcp(1_400, false, 9, b"").likeness(&turned, true), Likeness::Overlapping);
    }

    #[test]
    fn datagrams_are_known_by_their_content_however_many_there_are() {
        let of = |range: std::ops::Range<u32>| {
            let mut trace = Trace::default();
            for n in range.rev() {
                trace.datagram(0, &n.to_be_bytes());
            }
            trace
        };
        let all = of(0..1_000);
        assert_eq!(all.likeness(&of(0..1_000), false), Likeness::Overlapping);
        assert_eq!(all.likeness(&of(400..1_000), false), Likeness::Overlapping);
        assert_eq!(of(0..30).likeness(&of(20..30), false), Likeness::Overlapping);
        assert_eq!(all.likeness(&of(1_000..2_000), false), Likeness::Different);
        assert_eq!(of(0..3).likeness(&of(2..40), false), Likeness::Different);
    }
}
