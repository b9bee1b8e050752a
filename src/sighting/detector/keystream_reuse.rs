//! A keystream used for more than one message: what is known of one message reads all others.
//!
//! A stream cipher with a static key (RC4), a counter mode with a fixed nonce (CTR, GCM, ChaCha20), a pad used twice: the
//! XOR of two ciphertexts is the XOR of their texts. Planted text is dragged over each payload; where it really stands,
//! the keystream falls out, and every other payload reads as text at that offset.

use crate::sighting::run::crib::Crib;
use crate::sighting::run::legible::{latin_bits, legible};
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
    for crib in &run.cribs {
        for (who, payload) in bytes.iter().enumerate() {
            if !run.spend(payload.len() * bytes.len() * 3) {
                return None;
            }
            for (at, window) in payload.windows(crib.bytes.len()).enumerate() {
                let stream: Vec<u8> = window.iter().zip(&crib.bytes).map(|(c, p)| c ^ p).collect();
                let others = bytes.iter().enumerate().filter(|(other, _)| *other != who).map(|(_, bytes)| *bytes);
                let bits: f64 = others.map(|other| mixed(evidence(other, window, at, &stream))).sum();
                if bits >= need {
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

/// Bits by which `other` reads as text under a stretch of keystream that was got from `window`. Bytes in which the two
/// agree say nothing: they read as the planted text whatever they are.
fn evidence(other: &[u8], window: &[u8], at: usize, stream: &[u8]) -> f64 {
    let Some(there) = other.get(at..) else { return 0.0 };
    let len = there.len().min(stream.len());
    let differ = there.iter().zip(window).take(len).filter(|(a, b)| a != b).count();
    // Headers with counters in them agree in most places, and text under text in one of fifteen.
    if differ * 3 < len * 2 || differ < GLANCE {
        return 0.0;
    }
    let plain = there.iter().zip(stream).map(|(c, k)| c ^ k);
    let glance: f64 = plain.clone().take(GLANCE).map(latin_bits).sum();
    let ascii = plain.clone().take(GLANCE).all(|byte| byte < 0x80);
    if ascii && glance < 0.0 {
        return -1.0;
    }
    if !ascii && std::str::from_utf8(&plain.clone().take(len).collect::<Vec<u8>>()).is_err_and(|e| e.valid_up_to() < 4)
    {
        let head: Vec<u8> = plain.clone().take(GLANCE).collect();
        // A character may be cut in front.
        let lead = head.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
        if lead == 0
            || std::str::from_utf8(head.get(lead..).unwrap_or_default()).is_err_and(|e| e.error_len().is_some())
        {
            return -1.0;
        }
    }
    let agree: f64 =
        there.iter().zip(window).zip(plain.clone()).take(len).filter(|((a, b), _)| a == b).map(|(_, p)| gain(p)).sum();
    legible(&plain.take(len).collect::<Vec<u8>>()) - agree
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
