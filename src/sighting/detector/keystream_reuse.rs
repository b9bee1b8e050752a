//! A keystream used for more than one message: what is known of one message reads all others.
//!
//! A stream cipher with a static key (RC4), a counter mode with a fixed nonce (CTR, GCM, ChaCha20), a pad used twice: the
//! XOR of two ciphertexts is the XOR of their texts. Planted text is dragged over each payload; where it really stands,
//! the keystream falls out, and every other payload reads as text at that offset.

use crate::sighting::run::crib::Crib;
use crate::sighting::run::legible::{clean, latin_bits, legible};
use crate::sighting::run::{Find, Proof, Run, RunCard, RunDetector, Session};
use std::collections::BTreeMap;

/// The detector.
pub(super) struct KeystreamReuse;

static CARD: RunCard = RunCard {
    id: "keystream-reuse",
    title: "A keystream used more than once",
    why: "Two messages under one keystream give each other away: who knows one of them reads the other, and so does who \
          guesses well.",
    bound: "Planted text must turn the other payloads of its kind into text that is 30 bits likelier than noise beyond \
            the number of places tried (Markov's inequality over all of them): 2^-30 for a run. Bytes in which two \
            payloads agree count for nothing, so that common headers prove nothing.",
    hits: &[
        // Three messages under one keystream, one of them known.
        Session {
            payloads: &[
                "d515dda64eb589b7c41ba773cb8a2b9bf0e18e365c3cc4d07c8906610016c1eb4282ae7faea4cec87368ac069e",
                "d515dda64eb589b7c41ba773cb8a2b9bf0e18e364174cf956289062e1a59c1ee0c87b326adbf8ad5267aa54b96616a742cb62e1988083e107d8b",
                "d515dda64eb589b7c41ba773cb8a2b9bf0e18e364531c4843481112e0c53c5e34282fd2ba7b5cec36a7fe75797743e692bbd2c09",
            ],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
    ],
    misses: &[Session {
        payloads: &[
            "8b42bd9e62a39f3a90d33aae9f8e6da57c1de9f3d2b4856f90a5c1b7e86d32f0a1b9c3d5e7f6081293a4b5c6d7e8f90a",
            "8b42bd9e62a39f3a90d33aae9f8e6da5da05f0feecc1cb0f4b0ff1e2c3746c1ab3e1d7f50c2a4968875e6f7d8c9bab10",
        ],
        tokens: &[],
        planted: &[("messages", "The heron lands at dusk")],
        second: 0,
    }],
};

/// Payloads of one kind that text is dragged over.
const DRAGGED: usize = 96;
/// Bits beyond the number of trials.
const PROOF: f64 = 30.0;
/// Bits from which one payload is shown with the others.
const SHOWN: f64 = 12.0;
/// Bytes at the front of a try that tell most wrong ones.
const GLANCE: usize = 6;

/// A stretch of keystream: where it starts, its bytes, and what it was got from.
struct Stretch {
    at: usize,
    stream: Vec<u8>,
    bits: f64,
}

impl RunDetector for KeystreamReuse {
    fn card(&self) -> &'static RunCard {
        &CARD
    }

    fn on_run(&self, run: &Run<'_>, out: &mut Vec<Find>) {
        for members in run.slots().into_values() {
            let mut members = members;
            // The same payload again is no second message.
            let mut seen = std::collections::BTreeSet::new();
            members
                .retain(|index| run.payloads.get(*index).is_some_and(|payload| seen.insert(payload.bytes.as_slice())));
            members.truncate(DRAGGED);
            if members.len() >= 2 {
                out.extend(slot(run, &members));
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of trials is far below 2^52")]
fn slot(run: &Run<'_>, members: &[usize]) -> Option<Find> {
    let bytes: Vec<&[u8]> =
        members.iter().filter_map(|index| run.payloads.get(*index)).map(|payload| payload.bytes.as_slice()).collect();
    let places =
        |crib: &Crib| -> usize { bytes.iter().map(|bytes| (bytes.len() + 1).saturating_sub(crib.bytes.len())).sum() };
    let trials: usize = run.cribs.iter().map(places).sum();
    let need = PROOF + (trials.max(1) as f64).log2();
    let mut stretches: Vec<Stretch> = Vec::new();
    let longest = bytes.iter().map(|bytes| bytes.len()).max()?;
    for crib in &run.cribs {
        let known = word(&crib.bytes)?;
        for at in 0..(longest + 1).saturating_sub(crib.bytes.len()) {
            let words: Vec<(usize, u64)> =
                (0..).zip(&bytes).filter_map(|(who, bytes)| Some((who, word(bytes.get(at..)?)?))).collect();
            if !run.spend(words.len() * words.len()) {
                return None;
            }
            // Every other payload is half a bet lost, until it reads as text.
            let lost = 1.0 - words.len() as f64;
            let mut won: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
            for (nth, (one, ours)) in words.iter().enumerate() {
                for (other, theirs) in words.get(nth + 1..).unwrap_or_default() {
                    if begins_as_text(ours ^ theirs ^ known) {
                        for (who, other) in [(*one, *other), (*other, *one)] {
                            let bits = evidence(&bytes, who, other, at, crib);
                            won.entry(who).or_default().extend(bits.map(|bits| (other, mixed(bits) + 1.0)));
                        }
                    }
                }
            }
            for (who, won) in won {
                let most: f64 = won.iter().map(|(_, bits)| bits.max(0.0)).sum();
                if lost + most < need {
                    continue;
                }
                let part = |index: usize| {
                    bytes.get(index).and_then(|bytes| bytes.get(at..)).unwrap_or_default().iter().take(crib.bytes.len())
                };
                // What others have in common, a header's key, tells once.
                let mut told: Vec<usize> = Vec::new();
                let mut bits = lost;
                for (other, gain) in won {
                    let is_like = |index: &usize| {
                        let equal = part(*index).zip(part(other)).filter(|(a, b)| a == b).count();
                        equal * 3 > part(other).len()
                    };
                    if !told.iter().any(is_like) {
                        told.push(other);
                        bits += gain;
                    }
                }
                if bits >= need {
                    let stream = part(who).zip(&crib.bytes).map(|(c, p)| c ^ p).collect();
                    stretches.push(Stretch { at, stream, bits });
                }
            }
        }
    }
    let stream = keystream(stretches)?;
    let proof: Vec<Proof> = members
        .iter()
        .zip(&bytes)
        .filter_map(|(index, bytes)| {
            let recovered: Vec<(usize, Vec<u8>)> =
                pieces(&stream, bytes).into_iter().filter(|(_, piece)| legible(piece) >= SHOWN).collect();
            (!recovered.is_empty()).then_some(Proof { payload: *index, recovered })
        })
        .collect();
    if proof.len() < 2 {
        return None;
    }
    let first = run.payloads.get(proof.first()?.payload)?;
    Some(Find {
        detector: CARD.id,
        reason: format!(
            "{} payloads of \"{}\" are enciphered with the same keystream (a static key or a fixed nonce): the planted text \
             gives it away, and with it what stands at the same place in the others",
            proof.len(),
            first.label
        ),
        undone: Some("reused keystream".to_owned()),
        proof,
    })
}

/// Whether bytes may be a cipher's. What is text already, small numbers, or the patterns that flat areas of pictures make,
/// is as close to its like as text is to text. One of fourteen windows of eight bytes of noise falls through, of 23 bytes
/// one of a hundred.
#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
pub(super) fn is_noise(bytes: &[u8]) -> bool {
    let high = bytes.iter().filter(|byte| **byte >= 0x80).count();
    if high * 4 < bytes.len() || high * 4 > bytes.len() * 3 {
        return false;
    }
    // Pairs of equal bytes: of noise one in 256, five standard deviations and three more.
    let mut seen = [0_u32; 256];
    let mut equal = 0;
    for byte in bytes {
        if let Some(count) = seen.get_mut(usize::from(*byte)) {
            equal += *count;
            *count += 1;
        }
    }
    let mean = (bytes.len() * bytes.len().saturating_sub(1)) as f64 / 512.0;
    f64::from(equal) <= mean + 5.0 * mean.sqrt() + 3.0
}

/// Bits by which `other` reads as text if a crib stands in `who`. Bytes in which the two agree say nothing: they read as
/// the planted text whatever they are.
fn evidence(bytes: &[&[u8]], who: usize, other: usize, at: usize, crib: &Crib) -> Option<f64> {
    let window = bytes.get(who)?.get(at..)?.get(..crib.bytes.len())?;
    let there = bytes.get(other)?.get(at..)?;
    let there = there.get(..there.len().min(window.len()))?;
    // Most end as soon as they begin.
    let plain = there.iter().zip(window).zip(&crib.bytes).map(|((b, a), p)| a ^ b ^ p);
    let ends = |byte: u8| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127 | 192 | 193 | 245..);
    if plain.clone().skip(GLANCE).take(GLANCE).any(ends) {
        return None;
    }
    let differ = there.iter().zip(window).filter(|(a, b)| a != b).count();
    // Headers with counters in them agree in most places, and text under text in one of fifteen.
    if differ * 3 < there.len() * 2 || differ < GLANCE || !is_noise(window) || !is_noise(there) {
        return None;
    }
    let plain: Vec<u8> = plain.collect();
    let text = clean(&plain);
    let agree = |((a, b), plain): ((&u8, &u8), &u8)| if a == b { gain(*plain) } else { 0.0 };
    let agree: f64 = there.iter().zip(window).zip(text).map(agree).sum();
    // Where the text ends was chosen.
    Some(legible(text) - agree - f64::from(u16::try_from(plain.len()).unwrap_or(u16::MAX)).log2())
}

/// The first bytes, lowest first.
fn word(bytes: &[u8]) -> Option<u64> {
    let head = bytes.first_chunk::<GLANCE>()?;
    Some(head.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)))
}

/// Whether a [`word`] may be text, in Latin letters or as UTF-8 with a character cut in front. This is asked of every two
/// payloads at every place.
fn begins_as_text(word: u64) -> bool {
    const HIGH: u64 = 0x8080_8080_8080;
    let high = word & HIGH;
    // Of characters of several bytes, no byte stands alone but at the ends.
    if high & !(high << 8 | high >> 8 | 0x8000_0000_0080) != 0 {
        return false;
    }
    let (mut rest, mut inside, mut cut, mut bits) = (word, 0_u8, true, 0.0);
    for _ in 0..GLANCE {
        let byte = rest.to_le_bytes()[0];
        rest >>= 8;
        match byte {
            0..=0x7f if inside == 0 => bits += latin_bits(byte),
            0x80..=0xbf if inside > 0 => inside -= 1,
            0x80..=0xbf if cut => {}
            0xc2..=0xf4 if inside == 0 => inside = 1 + u8::from(byte >= 0xe0) + u8::from(byte >= 0xf0),
            _ => return false,
        }
        cut &= byte & 0xc0 == 0x80;
    }
    high != 0 || bits >= 0.0
}

/// The most that one byte can add to [`legible`].
fn gain(byte: u8) -> f64 {
    if byte < 0x80 { latin_bits(byte).max(0.0) } else { 6.7 }
}

/// Half a bet that it is text, half that it is noise: sums of these obey Markov's inequality whatever the payloads are.
fn mixed(bits: f64) -> f64 {
    if bits <= 0.0 { if bits < 0.0 { -1.0 } else { 0.0 } } else { (1.0 + bits.exp2()).log2() - 1.0 }
}

/// Stretches joined, the best proved first; what contradicts a better one is left out.
fn keystream(mut stretches: Vec<Stretch>) -> Option<BTreeMap<usize, u8>> {
    stretches.sort_by(|a, b| b.bits.total_cmp(&a.bits).then_with(|| (a.at, &a.stream).cmp(&(b.at, &b.stream))));
    let mut out: BTreeMap<usize, u8> = BTreeMap::new();
    for Stretch { at, stream, .. } in stretches {
        let fits = (at..).zip(&stream).all(|(at, byte)| out.get(&at).is_none_or(|known| known == byte));
        if fits {
            out.extend((at..).zip(stream));
        }
    }
    (!out.is_empty()).then_some(out)
}

/// What a payload says where the keystream is known.
fn pieces(stream: &BTreeMap<usize, u8>, bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut out: Vec<(usize, Vec<u8>)> = Vec::new();
    for (at, key) in stream {
        let Some(byte) = bytes.get(*at) else { break };
        match out.last_mut() {
            Some((start, piece)) if *start + piece.len() == *at => piece.push(byte ^ key),
            _ => out.push((*at, vec![byte ^ key])),
        }
    }
    out
}
