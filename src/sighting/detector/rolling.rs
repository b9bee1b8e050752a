//! Bytes stirred by a rule without a key, with or without XOR or addition of a short key before it: bits rotated, the
//! message turned round, each byte mixed with the one before it.

use super::xor::{self, Trick};
use crate::sighting::run::legible::{clean, legible};
use crate::sighting::run::rival::hidden;
use crate::sighting::run::{Find, Proof, Run, RunCard, RunDetector, Session};
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub(super) struct Rolling;

static CARD: RunCard = RunCard {
    id: "rolling",
    title: "Bytes stirred by a fixed rule",
    why: "A rule that needs no key is known to whoever has the app, and a short key beside it shows itself wherever a word is \
          known.",
    bound: "Fifteen rules, each followed by what detector `xor` undoes: the planted text must come out, with a key that \
            repeats for eight bytes more than its length (2^-64 at each place, at most 2^33 places), so 2^-26; without a \
            key it is eight bytes or more of planted text, 2^-27 over 2^37 places; without planted text 69 bits of text, \
            from the first byte to the last (37 over what else it may be, as with `xor`), 2^-64 for each payload. Of each \
            kind, twelve payloads are looked at.",
    hits: &[
        // XOR with three bytes, then bits rotated by three; a second message without the planted text.
        Session {
            payloads: &[
                "0f989daf98efc5c28daf985fc52a15172a2f05989c97a23f97a2adaffa3fb7824df7123fdf2a3ff722a58f985fc5fa2f0500873f",
                "0f989daf98efc5fa4547822fb5989dff4a9dc5582fa6f22dafaaf5d5c2a5d52a45d5d24daf323f77ca3577889d97a23fb7a29d77a2ad4f883547a23f7ffa1dff1a3f77ca15d5129daffa15c5e82fa798ef5d48d5",
            ],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // Each byte and a constant added to the byte sent before.
        Session {
            payloads: &[
                "2e032a4c210ee3ff284a1ffed3fa123d643926fb021d3508233b6082a37695a9cae107daee15e8ff274d6b401ff415ead7bba5d5",
            ],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // The message turned round, its bytes inverted.
        Session {
            payloads: &[
                "82c8cec5dd91ddd3dd948c8a9bdf8b9edf8c9b919e93df91908d9a97df9a97abddc5dd8b879a8bddd3dd908996ddc5dd908bdd84",
            ],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // Halves of bytes swapped, nothing planted.
        Session {
            payloads: &[
                "32a7c273a726a76373a293a747a7c2d302c2a726a76173a373c3128713b287c27387336373f287c20393c287c203d38743d3c2c2d3a2b28793a2d387d263c3d3a287c203d387b2c27363d3a747a763a726960652",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
    ],
    misses: &[
        // Noise.
        Session {
            payloads: &[
                "8b42bd9e62a39f3a90d33aae9f8e6da5da05f0feecc1cb0f4b0ff1e2c3746c1a3f6e20d1c8b79a5e4d7c6f8a1b2e09d37c1de9f3d2b4856f",
            ],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
    ],
};

/// Payloads of one kind that are looked at.
const TRIED: usize = 12;
/// Of them, without known text.
const TRIED_BLIND: usize = 2;
/// Longest key looked for behind a rule.
const LONGEST: usize = 8;
/// Bytes of each.
const LOOKED: usize = 512;
/// What the choice of a rule costs, in bits.
const CHOICE: f64 = 5.0;
/// Bits of text that prove a rule.
const NEED: f64 = xor::PROOF + CHOICE;

/// A rule that needs no key. (Bits of bytes turned round are none of them: deflate without a table of its own writes text
/// like that.)
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Rule {
    /// Bits of each byte rotated to the right; four is halves swapped.
    Rotate(u32),
    /// Bits rotated to the right by the byte's number, or to the left.
    RotateByPlace { left: bool },
    /// Last byte first.
    Backwards,
    /// The byte before it, as sent, XORed or added.
    Sent { add: bool },
    /// The byte before it, as it was, XORed, added, or taken off.
    Was(Mix),
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Mix {
    Xor,
    Add,
    Take,
}

impl Rule {
    fn all() -> impl Iterator<Item = Self> {
        let turned = [
            Self::RotateByPlace { left: false },
            Self::RotateByPlace { left: true },
            Self::Backwards,
            Self::Sent { add: false },
            Self::Sent { add: true },
            Self::Was(Mix::Xor),
            Self::Was(Mix::Add),
            Self::Was(Mix::Take),
        ];
        (1..8).map(Self::Rotate).chain(turned)
    }

    fn undo(self, bytes: &[u8]) -> Vec<u8> {
        let mut before = 0_u8;
        let stir = |(place, byte): (u32, &u8)| {
            let byte = *byte;
            match self {
                Self::Rotate(by) => byte.rotate_right(by),
                Self::RotateByPlace { left: false } => byte.rotate_right(place % 8),
                Self::RotateByPlace { left: true } => byte.rotate_left(place % 8),
                Self::Backwards => byte,
                Self::Sent { add } => {
                    let plain = if add { byte.wrapping_sub(before) } else { byte ^ before };
                    before = byte;
                    plain
                }
                Self::Was(mix) => {
                    before = match mix {
                        Mix::Xor => byte ^ before,
                        Mix::Add => byte.wrapping_sub(before),
                        Mix::Take => byte.wrapping_add(before),
                    };
                    before
                }
            }
        };
        let mut out: Vec<u8> = (0..).zip(bytes).map(stir).collect();
        if self == Self::Backwards {
            out.reverse();
        }
        out
    }

    const fn says(self) -> &'static str {
        match self {
            Self::Rotate(4) => "halves of bytes swapped",
            Self::Rotate(_) => "bits rotated",
            Self::RotateByPlace { .. } => "bits rotated by their place",
            Self::Backwards => "bytes turned round",
            Self::Sent { .. } => "bytes mixed with the one before, as sent",
            Self::Was(_) => "bytes mixed with the one before",
        }
    }
}

/// A rule, and the trick behind it, if there is one.
type Way = (Rule, Option<Trick>);

fn undo((rule, trick): &Way, bytes: &[u8]) -> Vec<u8> {
    let plain = rule.undo(bytes);
    trick.as_ref().map_or(plain.clone(), |trick| trick.undo(&plain))
}

/// Text from its first byte to its last: data that is no noise has smooth places as well, and there any rule makes letters.
fn is_text(plain: &[u8]) -> bool {
    legible(plain) >= NEED && clean(plain).len() == plain.len()
}

/// The same, over all else that may have been `sent`.
fn is_hidden((rule, trick): &Way, sent: &[u8], plain: &[u8]) -> bool {
    let over = |sent: &[u8], clear: bool| hidden(sent, plain, clear, NEED);
    // Turned round, no byte stands where it was sent.
    clean(plain).len() == plain.len()
        && over(&rule.undo(sent), trick.is_some())
        && (*rule == Rule::Backwards || over(sent, true))
}

fn step((rule, trick): &Way) -> String {
    trick.as_ref().map_or(rule.says().to_owned(), |trick| format!("{}, {}", rule.says(), trick.step()))
}

impl RunDetector for Rolling {
    fn card(&self) -> &'static RunCard {
        &CARD
    }

    fn on_run(&self, run: &Run<'_>, out: &mut Vec<Find>) {
        let read: BTreeSet<usize> = out
            .iter()
            .filter(|find| find.undone.is_some())
            .flat_map(|find| &find.proof)
            .map(|proof| proof.payload)
            .collect();
        let cribs = xor::cribs(run);
        for members in run.slots().into_values() {
            let shut = |index: &usize| {
                !read.contains(index) && run.payloads.get(*index).is_some_and(|payload| payload.envelope.is_none())
            };
            let members: Vec<usize> = members.into_iter().filter(shut).collect();
            let mut ways: Vec<Way> = Vec::new();
            for (nth, index) in members.iter().take(TRIED).enumerate() {
                let Some(payload) = run.payloads.get(*index) else { continue };
                for rule in Rule::all() {
                    // Turned round, it is all of it or nothing.
                    let whole = rule == Rule::Backwards;
                    let most = if whole { payload.bytes.len() } else { payload.bytes.len().min(LOOKED) };
                    if most > LOOKED || (whole && !payload.is_whole()) || !run.spend(most) {
                        continue;
                    }
                    let sent = payload.bytes.get(..most).unwrap_or_default();
                    let plain = rule.undo(sent);
                    let clear = run.cribs.iter().any(|crib| memchr::memmem::find(&plain, &crib.bytes).is_some());
                    let trick = if clear { None } else { xor::known(run, &plain, &cribs, LONGEST) };
                    let guess = || {
                        let way = (rule, Some(xor::blind(run, &plain, NEED)?));
                        is_hidden(&way, sent, &undo(&way, sent)).then_some(way)
                    };
                    let way = if clear || is_hidden(&(rule, None), sent, &plain) {
                        Some((rule, None))
                    } else {
                        let known = trick.map(|trick| (rule, Some(trick)));
                        known.or_else(|| (nth < TRIED_BLIND).then(guess).flatten())
                    };
                    ways.extend(way.filter(|way| !ways.contains(way)));
                }
            }
            let mut opened: BTreeMap<&Way, Vec<Proof>> = BTreeMap::new();
            for index in members.iter().filter(|_| !ways.is_empty()) {
                let Some(payload) = run.payloads.get(*index) else { continue };
                for way in &ways {
                    if !run.spend(payload.bytes.len()) {
                        break;
                    }
                    let plain = undo(way, &payload.bytes);
                    let planted = run.cribs.iter().any(|crib| memchr::memmem::find(&plain, &crib.bytes).is_some());
                    if planted || is_text(&plain) {
                        opened.entry(way).or_default().push(Proof::read(*index, plain));
                        break;
                    }
                }
            }
            for (way, proof) in opened {
                let label = members.first().and_then(|index| run.payloads.get(*index)).map_or("", |p| p.label.as_str());
                let how =
                    way.1.as_ref().map_or_else(|| step(way), |trick| format!("{}, {}", way.0.says(), trick.says()));
                out.push(Find {
                    detector: CARD.id,
                    reason: format!("What goes by \"{label}\" is no more than hidden: {how}"),
                    undone: Some(step(way)),
                    proof,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_undo_what_they_say() {
        let text = b"The heron lands at dusk, and nobody is to know";
        let chain = |mix: fn(u8, u8) -> u8, sent: bool| -> Vec<u8> {
            let mut before = 0;
            let stir = |byte: &u8| {
                let out = mix(*byte, before);
                before = if sent { out } else { *byte };
                out
            };
            text.iter().map(stir).collect()
        };
        let placed = |turn: fn(u8, u32) -> u8| -> Vec<u8> { (0..).zip(text).map(|(at, b)| turn(*b, at % 8)).collect() };
        let made = [
            (Rule::Rotate(3), text.iter().map(|byte| byte.rotate_left(3)).collect()),
            (Rule::RotateByPlace { left: false }, placed(u8::rotate_left)),
            (Rule::RotateByPlace { left: true }, placed(u8::rotate_right)),
            (Rule::Backwards, text.iter().rev().copied().collect()),
            (Rule::Sent { add: false }, chain(|byte, before| byte ^ before, true)),
            (Rule::Sent { add: true }, chain(u8::wrapping_add, true)),
            (Rule::Was(Mix::Xor), chain(|byte, before| byte ^ before, false)),
            (Rule::Was(Mix::Add), chain(u8::wrapping_add, false)),
            (Rule::Was(Mix::Take), chain(u8::wrapping_sub, false)),
        ];
        for (rule, sent) in made {
            assert_eq!(rule.undo(&sent), text, "{rule:?}");
        }
        assert_eq!(Rule::all().count(), 15);
    }
}
