//! Tricks that are no encryption: XOR or addition with a short repeating key, a key that counts, each byte chained to
//! the one before it.

use crate::model::payload::Payload;
use crate::sighting::run::crib::Crib;
use crate::sighting::run::legible::{latin_bits, legible};
use crate::sighting::run::{Find, Proof, Run, RunCard, RunDetector, Session};
use data_encoding::HEXLOWER;
use std::collections::BTreeMap;

/// The detector.
pub(super) struct Xor;

static CARD: RunCard = RunCard {
    id: "xor",
    title: "XOR with a short key, and the like",
    why: "Anyone undoes it with pencil and paper: a key that repeats shows itself wherever a word is known or guessed.",
    bound: "With planted text: the key must repeat for eight bytes more than its own length, 2^-64 at each place; at most \
            2^33 places are tried in a run, so 2^-31. Without: the text must be 64 bits likelier than noise after the \
            key's own length and the choice of it are taken off (Markov's inequality), so 2^-64 for each payload.",
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
/// Bits from which text without known words is proof.
const PROOF: f64 = 64.0;

/// A trick, with its key from the first byte of a payload on.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Trick {
    /// XOR with a key that repeats.
    Xor(Vec<u8>),
    /// Addition of a key that repeats.
    Add(Vec<u8>),
    /// XOR with a byte that grows by a step for each byte.
    Roll { first: u8, step: u8 },
    /// XOR with the byte before it, as sent, and a constant.
    Chain(u8),
}

impl Trick {
    fn undo(&self, bytes: &[u8]) -> Vec<u8> {
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
        }
    }

    fn step(&self) -> String {
        match self {
            Self::Xor(key) => format!("xor with {}", keyed(key)),
            Self::Add(key) => format!("addition of {}", keyed(key)),
            Self::Roll { .. } => "xor with a counting byte".to_owned(),
            Self::Chain(_) => "xor with the byte before".to_owned(),
        }
    }

    fn says(&self) -> String {
        match self {
            Self::Xor(key) | Self::Add(key) => format!("{}, recovered: {}", self.step(), HEXLOWER.encode(key)),
            Self::Roll { first, step } => format!("{} (from {first:02x}, by {step:02x})", self.step()),
            Self::Chain(seed) => format!("{} and {seed:02x}", self.step()),
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
        let cribs: Vec<&Crib> = run.cribs.iter().filter(|crib| !repeats(&crib.bytes)).collect();
        let mut found: Vec<Trick> = Vec::new();
        for payload in run.payloads {
            if let Some(trick) = known(run, payload, &cribs)
                && !found.contains(&trick)
            {
                found.push(trick);
            }
        }
        let mut open = |found: &[Trick], solved: &mut Vec<bool>| {
            for (index, (payload, solved)) in run.payloads.iter().zip(solved).enumerate() {
                for trick in found {
                    if *solved || !run.spend(payload.bytes.len()) {
                        break;
                    }
                    let plain = trick.undo(&payload.bytes);
                    let planted = run.cribs.iter().any(|crib| memchr::memmem::find(&plain, &crib.bytes).is_some());
                    if planted || legible(&plain) >= PROOF {
                        *solved = true;
                        tricks.entry(trick.clone()).or_default().push(Proof::read(index, plain));
                    }
                }
            }
        };
        open(&found, &mut solved);
        // Without known text: a few of each kind of payload show whether there is anything to it.
        let mut guessed: Vec<Trick> = Vec::new();
        for members in run.slots().into_values() {
            let open: Vec<usize> =
                members.into_iter().filter(|index| !solved.get(*index).copied().unwrap_or(true)).take(4).collect();
            for payload in open.iter().filter_map(|index| run.payloads.get(*index)) {
                if let Some(trick) = blind(run, payload)
                    && !guessed.contains(&trick)
                {
                    guessed.push(trick);
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

/// Whether a text is itself so regular that a key would seem to repeat under it.
fn repeats(text: &[u8]) -> bool {
    (1..text.len().saturating_sub(REPEATS - 1)).any(|period| is_periodic(text, period))
}

fn is_periodic(bytes: &[u8], period: usize) -> bool {
    bytes.iter().zip(bytes.iter().skip(period)).all(|(a, b)| a == b)
}

/// The shortest period that is seen to repeat.
fn period(bytes: &[u8]) -> Option<usize> {
    (1..=LONGEST.min(bytes.len().saturating_sub(REPEATS))).find(|period| is_periodic(bytes, *period))
}

/// The trick that makes known text out of some place in a payload.
fn known(run: &Run<'_>, payload: &Payload, cribs: &[&Crib]) -> Option<Trick> {
    for crib in cribs {
        let len = crib.bytes.len();
        if payload.bytes.len() < len || !run.spend(payload.bytes.len() * (16 + len)) {
            continue;
        }
        for (at, window) in payload.bytes.windows(len).enumerate() {
            let diff: Vec<u8> = window.iter().zip(&crib.bytes).map(|(c, p)| c ^ p).collect();
            let phase = |key: &[u8]| -> Vec<u8> {
                let period = key.len();
                (0..period).filter_map(|i| key.get((i + period - at % period) % period).copied()).collect()
            };
            if let Some(period) = period(&diff) {
                let key = phase(diff.get(..period)?);
                // A key of zeros is no key: the text stands there in clear.
                return key.iter().any(|byte| *byte != 0).then_some(Trick::Xor(key));
            }
            let sums: Vec<u8> = window.iter().zip(&crib.bytes).map(|(c, p)| c.wrapping_sub(*p)).collect();
            if let Some(period) = period(&sums) {
                return Some(Trick::Add(phase(sums.get(..period)?)));
            }
            if len < REPEATS + 2 {
                continue;
            }
            let mut steps = diff.windows(2).map(|pair| match pair {
                [a, b] => b.wrapping_sub(*a),
                _ => 0,
            });
            if let Some(step) = steps.next()
                && steps.all(|other| other == step)
            {
                let back = step.wrapping_mul(u8::try_from(at % 256).unwrap_or(0));
                return Some(Trick::Roll { first: diff.first()?.wrapping_sub(back), step });
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

/// The repeating key under which a payload reads as text in Latin letters, if there is one.
#[expect(clippy::cast_precision_loss, reason = "a key's length is far below 2^52")]
fn blind(run: &Run<'_>, payload: &Payload) -> Option<Trick> {
    let bytes = payload.bytes.get(..payload.bytes.len().min(BLIND_BYTES))?;
    for period in 1..=LONGEST_BLIND.min(bytes.len() / 8) {
        // Text agrees with itself at one place in fifteen, noise at one in 256: under a key that repeats as well.
        let agree = bytes.iter().zip(bytes.iter().skip(period)).filter(|(a, b)| a == b).count();
        if agree * 40 < bytes.len() - period {
            continue;
        }
        if !run.spend(bytes.len() * 256) {
            return None;
        }
        let mut key = Vec::with_capacity(period);
        let mut bits = 0.0;
        for column in 0..period {
            let score = |k: u8| -> f64 { bytes.iter().skip(column).step_by(period).map(|c| latin_bits(c ^ k)).sum() };
            let (best, most) =
                (0..=u8::MAX).map(|k| (k, score(k))).max_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap_or((0, 0.0));
            key.push(best);
            bits += most;
        }
        // Every key had its chance, and every period.
        if bits - 8.0 * period as f64 - 4.0 >= PROOF && key.iter().any(|byte| *byte != 0) {
            return Some(Trick::Xor(key));
        }
    }
    None
}
