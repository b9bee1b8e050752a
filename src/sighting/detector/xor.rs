//! Tricks that are no encryption: XOR or addition with a short repeating key, with a key that counts, with the length;
//! each byte multiplied, or chained to the one before it.

use crate::model::letters;
use crate::model::payload::Payload;
use crate::sighting::run::crib::Crib;
use crate::sighting::run::legible::{latin_bits, legible};
use crate::sighting::run::rival::{hidden, spoken};
use crate::sighting::run::{Find, Proof, Run, RunCard, RunDetector, Session};
use data_encoding::HEXLOWER;
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub(super) struct Xor;

static CARD: RunCard = RunCard {
    id: "xor",
    title: "XOR with a short key, and the like",
    why: "Anyone undoes it with pencil and paper: a key that repeats shows itself wherever a word is known or guessed.",
    bound: "With planted text: the key must repeat for eight bytes more than its own length, 2^-64 at each place; at most \
            2^33 places are tried in a run, so 2^-31. Without: the text must be 64 bits likelier than noise, and 32 \
            bits likelier than text in clear and than bytes of any shares, of a range, in columns, that change little or \
            come again, after the key's own length and the choice of it are taken off (Markov's inequality): 2^-64 for \
            each payload of noise, 2^-32 for one that is not encrypted at all.",
    hits: &[
        // A key of four bytes, nothing known.
        Session {
            payloads: &[
                "213ee7887826b18e2c73b1cb7868f69f2e3ea9c52979f6c72373e6c73b68b3933279b3883678b38f3b6ef1882f6eb3933571fc952873e4cb7a7dfd837a7ee18e347bb3933279b38b3f68e782286fb3903368fbc72373e6c527",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
        // A key of twelve bytes.
        Session {
            payloads: &["743c595369604b11f1f987982d6a48443f78535ad3fec094677b5f53257a0519e9f2d6946e6a0d583e29025afa"],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // Addition of three bytes.
        Session {
            payloads: &["8a40a17e40673187a37e405931929287924f49408177834d77839f7e8c4d7b7f9b73914d70924d7393a07a40aa"],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // A byte that counts up by seven.
        Session {
            payloads: &["fba5fafabe9988d8ced0e4e1f6af879184d5c427587b7f01404a44522a6b3e380e031d551df7aaf5edeccd8fc9"],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // Each byte with the one before.
        Session {
            payloads: &["120344180900114b0e52435c4d0a5c17504148593e6533207b2d6c306d7e21732e79392a783f2c7b3d7d25347a"],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // Addition of a byte that counts.
        Session {
            payloads: &[
                "b05cb3b36b8875c1d3d1899893eae0f8f9acc9b6ed0608c81517292b2fe63731433e52044a62135c7275722e3d3889425f5b66b1",
            ],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // An affine cipher.
        Session {
            payloads: &[
                "1e590382599159b49d82595b5903803703599159636780bf6780698235bf9b4c3533b6bf4c03bf3350b64e595b59355991dcaab8",
            ],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // XOR with the length: another byte for each message.
        Session {
            payloads: &[
                "efb6e0fbb6aeb6fde2fbb6b8b6e0f1ece0b6aeb6c0fcf1b4fcf1e6fbfab4f8f5faf0e7b4f5e0b4f0e1e7ffb6b8b6fab6aea5a3e9",
                "8fd6809bd6ced69a9b8695d6d8d680918c80d6ced6ba9b969b908dd49d87d4809bd49f9a9b83d4809c9580d4809c91d498918080918687d4958691d4819a909186d4809c91d487809b9a91d6d8d69ad6cec5cc89",
            ],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
    ],
    misses: &[Session {
        payloads: &[
            "8b42bd9e62a39f3a90d33aae9f8e6da5da05f0feecc1cb0f4b0ff1e2c3746c1a3f6e20d1c8b79a5e4d7c6f8a1b2e09d37c1de9f3d2b4856f",
        ],
        tokens: &[],
        planted: &[("messages", "The heron lands at dusk")],
        second: 0,
    }],
};

/// Longest key looked for.
const LONGEST: usize = 32;
/// Bytes for which a key must be seen to repeat.
const REPEATS: usize = 8;
/// Longest key looked for without known text.
const LONGEST_BLIND: usize = 16;
/// Bytes of a payload that are looked at without known text.
const BLIND_BYTES: usize = 256;
/// Bytes of a key that are looked at again, of all 256 at one place.
const SECOND_LOOK: usize = 16;
/// Bits from which text without known words is proof.
pub(super) const PROOF: f64 = 64.0;

/// A trick, with its key from the first byte of a payload on.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Trick {
    /// XOR with a key that repeats.
    Xor(Vec<u8>),
    /// Addition of a key that repeats.
    Add(Vec<u8>),
    /// XOR with a byte that grows by a step for each byte.
    Roll { first: u8, step: u8 },
    /// XOR with the byte before it, as sent, and a constant.
    Chain(u8),
    /// Addition of a byte that grows by a step for each byte.
    Climb { first: u8, step: u8 },
    /// Multiplication and addition: an affine cipher over bytes.
    Affine { times: u8, plus: u8 },
    /// XOR with the length of the message and a constant.
    Length(u8),
}

impl Trick {
    pub(super) fn undo(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Xor(key) => bytes.iter().zip(key.iter().cycle()).map(|(c, k)| c ^ k).collect(),
            Self::Add(key) => bytes.iter().zip(key.iter().cycle()).map(|(c, k)| c.wrapping_sub(*k)).collect(),
            Self::Roll { first, step } => {
                let mut key = *first;
                let mut next = || {
                    let now = key;
                    key = key.wrapping_add(*step);
                    now
                };
                bytes.iter().map(|byte| byte ^ next()).collect()
            }
            Self::Chain(seed) => {
                let before = std::iter::once(&0).chain(bytes);
                bytes.iter().zip(before).map(|(c, before)| c ^ before ^ seed).collect()
            }
            Self::Climb { first, step } => {
                let mut key = first.wrapping_sub(*step);
                let mut next = || {
                    key = key.wrapping_add(*step);
                    key
                };
                bytes.iter().map(|byte| byte.wrapping_sub(next())).collect()
            }
            Self::Affine { times, plus } => {
                let back = inverse(*times);
                bytes.iter().map(|byte| byte.wrapping_sub(*plus).wrapping_mul(back)).collect()
            }
            Self::Length(seed) => {
                let key = low(bytes.len()) ^ seed;
                bytes.iter().map(|byte| byte ^ key).collect()
            }
        }
    }

    pub(super) fn step(&self) -> String {
        match self {
            Self::Xor(key) => format!("xor with {}", keyed(key)),
            Self::Add(key) => format!("addition of {}", keyed(key)),
            Self::Roll { .. } => "xor with a counting byte".to_owned(),
            Self::Chain(_) => "xor with the byte before".to_owned(),
            Self::Climb { .. } => "addition of a counting byte".to_owned(),
            Self::Affine { .. } => "multiplication of each byte".to_owned(),
            Self::Length(_) => "xor with the message's length".to_owned(),
        }
    }

    pub(super) fn says(&self) -> String {
        match self {
            Self::Xor(key) | Self::Add(key) => format!("{}, recovered: {}", self.step(), HEXLOWER.encode(key)),
            Self::Roll { first, step } | Self::Climb { first, step } => {
                format!("{} (from {first:02x}, by {step:02x})", self.step())
            }
            Self::Chain(seed) | Self::Length(seed) => format!("{} and {seed:02x}", self.step()),
            Self::Affine { times, plus } => format!("{} by {times:02x}, and {plus:02x} added", self.step()),
        }
    }
}

fn keyed(key: &[u8]) -> String {
    match key.len() {
        1 => "one byte".to_owned(),
        len => format!("a repeating key of {len} bytes"),
    }
}

impl RunDetector for Xor {
    fn card(&self) -> &'static RunCard {
        &CARD
    }

    fn on_run(&self, run: &Run<'_>, out: &mut Vec<Find>) {
        let mut tricks: BTreeMap<Trick, Vec<Proof>> = BTreeMap::new();
        let mut solved = vec![false; run.payloads.len()];
        let cribs = cribs(run);
        let mut found: Tricks<'_> = BTreeMap::new();
        for payload in run.payloads {
            let trick = known(run, &payload.bytes, &cribs, LONGEST);
            // A key of one byte that is the length is another one for each message.
            let length = trick.as_ref().and_then(|trick| match trick {
                Trick::Xor(key) if payload.is_whole() => {
                    key.first().filter(|_| key.len() == 1).map(|key| Trick::Length(low(payload.bytes.len()) ^ key))
                }
                _ => None,
            });
            // So it is if it reads another message of another length.
            let fits = |length: &Trick| {
                run.payloads.iter().any(|other| {
                    other.bytes.len() != payload.bytes.len()
                        && run.spend(other.bytes.len())
                        && reads(other, &length.undo(&other.bytes), &BTreeSet::from([payload.slot.as_str()]))
                })
            };
            for trick in length.filter(fits).into_iter().chain(trick) {
                found.entry(trick).or_default().insert(&payload.slot);
            }
        }
        let mut open = |found: &Tricks<'_>, solved: &mut Vec<bool>| {
            for (index, (payload, solved)) in run.payloads.iter().zip(solved).enumerate() {
                // The length first: a key of one byte that is the length reads one message only.
                for (trick, slots) in found.iter().rev() {
                    if *solved || !run.spend(payload.bytes.len()) {
                        break;
                    }
                    let plain = trick.undo(&payload.bytes);
                    let planted = run.cribs.iter().any(|crib| memchr::memmem::find(&plain, &crib.bytes).is_some());
                    if planted || reads(payload, &plain, slots) {
                        *solved = true;
                        tricks.entry(trick.clone()).or_default().push(Proof::read(index, plain));
                    }
                }
            }
        };
        open(&found, &mut solved);
        // Without known text: a few of each kind of payload show whether there is anything to it.
        let mut guessed: Tricks<'_> = BTreeMap::new();
        for members in run.slots().into_values() {
            let open: Vec<usize> =
                members.into_iter().filter(|index| !solved.get(*index).copied().unwrap_or(true)).take(4).collect();
            for payload in open.iter().filter_map(|index| run.payloads.get(*index)) {
                if let Some(trick) = blind(run, &payload.bytes, PROOF) {
                    guessed.entry(trick).or_default().insert(&payload.slot);
                }
            }
        }
        open(&guessed, &mut solved);
        for (trick, proof) in tricks {
            let label = proof.first().and_then(|p| run.payloads.get(p.payload)).map_or("", |p| p.label.as_str());
            out.push(Find {
                detector: CARD.id,
                reason: format!("What goes by \"{label}\" is no more than hidden: {}", trick.says()),
                undone: Some(trick.step()),
                proof,
            });
        }
    }
}

/// Tricks that are known to be used, and for which kinds of payload.
type Tricks<'r> = BTreeMap<Trick, BTreeSet<&'r str>>;

/// Whether a payload under a trick reads as text. Where the trick is known to be used, what is no noise is.
fn reads(payload: &Payload, plain: &[u8], slots: &BTreeSet<&str>) -> bool {
    slots.contains(payload.slot.as_str()) && legible(plain) >= PROOF || hidden(&payload.bytes, plain, true, PROOF)
}

/// Known text under which no key seems to repeat that is not there.
pub(super) fn cribs<'r>(run: &'r Run<'_>) -> Vec<&'r Crib> {
    run.cribs.iter().filter(|crib| !repeats(&crib.bytes)).collect()
}

fn low(number: usize) -> u8 {
    u8::try_from(number % 256).unwrap_or(0)
}

/// What undoes multiplication by an odd number (Newton's iteration: the number of right bits doubles).
const fn inverse(times: u8) -> u8 {
    let mut back = times;
    let mut round = 0;
    while round < 3 {
        back = back.wrapping_mul(2_u8.wrapping_sub(times.wrapping_mul(back)));
        round += 1;
    }
    back
}

/// Whether a text is itself so regular that a key would seem to repeat under it.
fn repeats(text: &[u8]) -> bool {
    (1..text.len().saturating_sub(REPEATS - 1)).any(|period| is_periodic(text, period))
}

fn is_periodic(bytes: &[u8], period: usize) -> bool {
    bytes.first() == bytes.get(period) && bytes.iter().zip(bytes.iter().skip(period)).all(|(a, b)| a == b)
}

/// The shortest period that is seen to repeat.
fn period(bytes: &[u8], longest: usize) -> Option<usize> {
    (1..=longest.min(bytes.len().saturating_sub(REPEATS))).find(|period| is_periodic(bytes, *period))
}

/// The trick that makes known text out of some place in a payload, with a key of `longest` bytes at most.
pub(super) fn known(run: &Run<'_>, bytes: &[u8], cribs: &[&Crib], longest: usize) -> Option<Trick> {
    let (mut diff, mut sums) = (Vec::new(), Vec::new());
    for crib in cribs {
        let len = crib.bytes.len();
        if bytes.len() < len {
            continue;
        }
        if !run.spend(bytes.len() * 2 * longest.max(REPEATS)) {
            return None;
        }
        let odd = crib.bytes.iter().position(|byte| crib.bytes.first().is_some_and(|first| (first ^ byte) & 1 == 1));
        for (at, window) in bytes.windows(len).enumerate() {
            // Nearly all of them fail at the front.
            let front = len.min(REPEATS + longest);
            diff.clear();
            diff.extend(window.iter().zip(&crib.bytes).take(front).map(|(c, p)| c ^ p));
            sums.clear();
            sums.extend(window.iter().zip(&crib.bytes).take(front).map(|(c, p)| c.wrapping_sub(*p)));
            let phase = |key: &[u8]| -> Vec<u8> {
                let period = key.len();
                (0..period).filter_map(|i| key.get((i + period - at % period) % period).copied()).collect()
            };
            // The key of the first bytes holds for all of them.
            let holds = |period: usize, all: &mut dyn Iterator<Item = u8>| {
                let all: Vec<u8> = all.collect();
                is_periodic(&all, period)
            };
            let pairs = window.iter().zip(&crib.bytes);
            if let Some(period) = period(&diff, longest)
                && holds(period, &mut pairs.clone().map(|(c, p)| c ^ p))
            {
                let key = phase(diff.get(..period)?);
                // A key of zeros is no key: the text stands there in clear.
                return key.iter().any(|byte| *byte != 0).then_some(Trick::Xor(key));
            }
            if let Some(period) = period(&sums, longest)
                && holds(period, &mut pairs.map(|(c, p)| c.wrapping_sub(*p)))
            {
                return Some(Trick::Add(phase(sums.get(..period)?)));
            }
            if len < REPEATS + 2 {
                continue;
            }
            // Text that stands there in clear as far as the front goes needs no key, whatever comes after it.
            if diff.iter().all(|byte| *byte == 0) {
                continue;
            }
            let pairs = window.iter().zip(&crib.bytes);
            if let Some((first, step)) = counts(pairs.clone().map(|(c, p)| c ^ p)) {
                return Some(Trick::Roll { first: first.wrapping_sub(step.wrapping_mul(low(at))), step });
            }
            if let Some((first, step)) = counts(pairs.map(|(c, p)| c.wrapping_sub(*p))) {
                return Some(Trick::Climb { first: first.wrapping_sub(step.wrapping_mul(low(at))), step });
            }
            if let Some((times, plus)) = odd.and_then(|odd| affine(window, &crib.bytes, odd)) {
                return Some(Trick::Affine { times, plus });
            }
            let mut chained =
                window.iter().zip(window.iter().skip(1)).zip(crib.bytes.iter().skip(1)).map(|((a, b), p)| a ^ b ^ p);
            if let Some(seed) = chained.next()
                && chained.all(|other| other == seed)
            {
                return Some(Trick::Chain(seed));
            }
        }
    }
    None
}

/// The odd number by which each byte was multiplied, and what was added, if that is so; `odd` is a place where the text
/// differs from its first byte by an odd number.
fn affine(window: &[u8], text: &[u8], odd: usize) -> Option<(u8, u8)> {
    let (p, q) = (text.first()?, text.get(odd)?);
    let times = window.get(odd)?.wrapping_sub(*window.first()?).wrapping_mul(inverse(q.wrapping_sub(*p)));
    let plus = window.first()?.wrapping_sub(p.wrapping_mul(times));
    let fits = window.iter().zip(text).all(|(c, p)| *c == p.wrapping_mul(times).wrapping_add(plus));
    (fits && times & 1 == 1).then_some((times, plus))
}

/// The first byte and the step by which bytes count, if all of them do: a byte that stays as it is does not.
fn counts(mut bytes: impl Iterator<Item = u8>) -> Option<(u8, u8)> {
    let first = bytes.next()?;
    let mut last = bytes.next()?;
    let step = last.wrapping_sub(first);
    let goes_on = |byte: u8| byte.wrapping_sub(std::mem::replace(&mut last, byte)) == step;
    (step != 0 && bytes.all(goes_on)).then_some((first, step))
}

/// The repeating key under which a payload reads as text with `need` bits, if there is one.
#[expect(clippy::cast_precision_loss, reason = "a key's length is far below 2^52")]
pub(super) fn blind(run: &Run<'_>, bytes: &[u8], need: f64) -> Option<Trick> {
    let bytes = bytes.get(..bytes.len().min(BLIND_BYTES))?;
    for period in 1..=LONGEST_BLIND.min(bytes.len() / 8) {
        // Text agrees with itself at one place in fifteen, noise at one in 256: under a key that repeats as well. Under one
        // byte any two places tell.
        let agree = bytes.iter().zip(bytes.iter().skip(period)).filter(|(a, b)| a == b).count();
        if if period == 1 { is_even(bytes) } else { agree * 40 < bytes.len() - period } {
            continue;
        }
        if !run.spend(bytes.len() * 256) {
            return None;
        }
        let key = if period == 1 { vec![one_byte(bytes)] } else { repeating(bytes, period) };
        // Every key had its chance, and every period.
        let need = need + 8.0 * period as f64 + 4.0;
        let trick = Trick::Xor(key);
        let plain = trick.undo(bytes);
        if plain != bytes && spoken(&plain) >= need && run.spend(bytes.len() * 256) && hidden(bytes, &plain, true, need)
        {
            return Some(trick);
        }
    }
    None
}

/// Whether values come as evenly as in noise: two places are equal in one case of 256, in text in one of fifteen to thirty.
fn is_even(bytes: &[u8]) -> bool {
    let mut counts = [0_usize; 256];
    let mut equal = 0;
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            equal += *count;
            *count += 1;
        }
    }
    equal < bytes.len() * bytes.len().saturating_sub(1) / 256 + 2
}

/// The byte under which all others follow each other best.
fn one_byte(bytes: &[u8]) -> u8 {
    let cost = |key: u8| {
        let mut sums = [0_u32; 3];
        let mut last = b' ';
        for byte in bytes {
            add(&mut sums, letters::cost(last, byte ^ key));
            last = byte ^ key;
        }
        sums.into_iter().min().unwrap_or(0)
    };
    (0..=u8::MAX).min_by_key(|key| cost(*key)).unwrap_or(0)
}

/// The key of `period` bytes: each byte by its letters, then the best few once more by what stands around them.
fn repeating(bytes: &[u8], period: usize) -> Vec<u8> {
    let best = |column: usize| -> Vec<u8> {
        let mut counts: BTreeMap<u8, f64> = BTreeMap::new();
        for byte in bytes.iter().skip(column).step_by(period) {
            *counts.entry(*byte).or_default() += 1.0;
        }
        let score = |key: u8| -> f64 { counts.iter().map(|(byte, count)| latin_bits(byte ^ key) * count).sum() };
        let mut scores: Vec<(f64, u8)> = (0..=u8::MAX).map(|key| (score(key), key)).collect();
        scores.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        scores.into_iter().take(SECOND_LOOK).map(|(_, key)| key).collect()
    };
    let columns: Vec<Vec<u8>> = (0..period).map(best).collect();
    let mut key: Vec<u8> = columns.iter().filter_map(|best| best.first().copied()).collect();
    for (column, keys) in columns.iter().enumerate() {
        let of = |key: &[u8], at: usize| Some(bytes.get(at)? ^ key.get(at % period)?);
        let cost = |byte: u8| {
            let mut sums = [0_u32; 3];
            for at in (column..bytes.len()).step_by(period) {
                let Some(this) = bytes.get(at).map(|sent| sent ^ byte) else { continue };
                add(&mut sums, letters::cost(at.checked_sub(1).and_then(|at| of(&key, at)).unwrap_or(b' '), this));
                if let Some(next) = of(&key, at + 1) {
                    add(&mut sums, letters::cost(this, next));
                }
            }
            sums.into_iter().min().unwrap_or(0)
        };
        let best = keys.iter().copied().min_by_key(|byte| cost(*byte));
        if let (Some(slot), Some(best)) = (key.get_mut(column), best) {
            *slot = best;
        }
    }
    key
}

/// Costs of one more pair of bytes as text of three kinds.
fn add(sums: &mut [u32; 3], costs: [u8; 4]) {
    for (sum, cost) in sums.iter_mut().zip(costs) {
        *sum = sum.saturating_add(u32::from(cost));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_there_in_clear_has_no_key() {
        let text = "the quick heron lands near the old mill at dusk, and leaves again before the sun is up";
        let planted = crate::sighting::tests::plant(&[("messages", text)]);
        let run = Run::new(&planted, &[], &[], &[], crate::model::budget::RUN_WORK);
        let cribs = cribs(&run);
        // In clear up to some place, and something else from there on.
        for kept in (10..text.len()).step_by(7) {
            for other in [0x00_u8, 0x01, 0x80, 0xff] {
                let sent: Vec<u8> =
                    (0..).zip(text.bytes()).map(|(at, byte)| if at < kept { byte } else { byte ^ other }).collect();
                for longest in [1, LONGEST_BLIND, LONGEST] {
                    let told = known(&run, &sent, &cribs, longest);
                    assert_eq!(told, None, "{kept} bytes, then xor {other:02x}");
                }
            }
        }
        // A byte that counts is told from its first byte to its last.
        for step in [1_u8, 7, 0x81, 0xff] {
            let keys = std::iter::successors(Some(9_u8), |key| Some(key.wrapping_add(step)));
            let sent: Vec<u8> = text.bytes().zip(keys).map(|(byte, key)| byte ^ key).collect();
            assert_eq!(known(&run, &sent, &cribs, LONGEST), Some(Trick::Roll { first: 9, step }));
        }
    }
}
