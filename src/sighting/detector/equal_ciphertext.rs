//! Equal ciphertext for equal messages: a fixed nonce or initial value, or no randomness at all.
//!
//! Told by runs that a scenario declares as pairs: the same planted text was sent in both captures. Where the payloads of
//! one kind differ from message to message, and one of them is the same in both captures, then the text alone decides
//! what is sent: whoever watches knows when it is sent again.

use crate::model::payload::Payload;
use crate::model::stream::Direction;
use crate::sighting::run::{Find, Proof, Run, RunCard, RunDetector, Session};
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub(super) struct EqualCiphertext;

static CARD: RunCard = RunCard {
    id: "equal-ciphertext",
    title: "Equal ciphertext for equal messages",
    why: "Who sees the same ciphertext twice knows that the same thing was said twice, and can look for texts they know.",
    bound: "Two captures of the same text agree in a payload of 16 bytes or more that is as long as the text: for fresh \
            nonces or initial values a chance of at most 2^-96 for each two payloads compared, 2^-70 for a run of 8,192. \
            What every message of a kind carries alike (keys, signatures, cached objects) is left out by asking that \
            payloads of its kind differ within each capture and that it is there once in each.",
    hits: &[Session {
        payloads: &[
            // Three messages, then the same three again in another run, in another order.
            "8b42bd9e62a39f3a90d33aae9f8e6da57c1de9f3d2b4856f90a5c1b7e86d32f0",
            "2c9de37a51f0b8864e1d6a9f3b7c50e2d8f1a4c6b3905e7d2a8c4f1b6e3d9075",
            "2c9de37a51f0b8864e1d6a9f3b7c50e2d8f1a4c6b3905e7d2a8c4f1b6e3d9075",
            "8b42bd9e62a39f3a90d33aae9f8e6da57c1de9f3d2b4856f90a5c1b7e86d32f0",
        ],
        tokens: &[],
        planted: &[("messages", "The heron lands at dusk")],
        second: 2,
    }],
    misses: &[
        // Nothing is the same in both.
        Session {
            payloads: &[
                "8b42bd9e62a39f3a90d33aae9f8e6da57c1de9f3d2b4856f90a5c1b7e86d32f0",
                "2c9de37a51f0b8864e1d6a9f3b7c50e2d8f1a4c6b3905e7d2a8c4f1b6e3d9075",
                "5a19f4c07be3826d91c8e50f3ab7642d1e9fb3c85d70a4268cf13be97d04a652",
                "e07c3b91d25f8a46b3196ec47d08f52a9b64c1e83f7d205ab8e61c943fd7a208",
            ],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 2,
        },
        // One constant in every message.
        Session {
            payloads: &[
                "8b42bd9e62a39f3a90d33aae9f8e6da57c1de9f3d2b4856f90a5c1b7e86d32f0",
                "8b42bd9e62a39f3a90d33aae9f8e6da57c1de9f3d2b4856f90a5c1b7e86d32f0",
                "8b42bd9e62a39f3a90d33aae9f8e6da57c1de9f3d2b4856f90a5c1b7e86d32f0",
                "8b42bd9e62a39f3a90d33aae9f8e6da57c1de9f3d2b4856f90a5c1b7e86d32f0",
            ],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 2,
        },
        // The same, and nobody said that the same was sent.
        Session {
            payloads: &[
                "8b42bd9e62a39f3a90d33aae9f8e6da57c1de9f3d2b4856f90a5c1b7e86d32f0",
                "2c9de37a51f0b8864e1d6a9f3b7c50e2d8f1a4c6b3905e7d2a8c4f1b6e3d9075",
                "8b42bd9e62a39f3a90d33aae9f8e6da57c1de9f3d2b4856f90a5c1b7e86d32f0",
            ],
            tokens: &[],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
    ],
};

/// Bytes below which equality says little.
const SHORTEST: usize = 16;

impl RunDetector for EqualCiphertext {
    fn card(&self) -> &'static RunCard {
        &CARD
    }

    fn on_run(&self, run: &Run<'_>, out: &mut Vec<Find>) {
        for pair in run.pairs.iter().filter(|pair| pair.planted.0 == pair.planted.1) {
            let planted = run.planted.iter().find(|planted| planted.id == pair.planted.0);
            let Some(need) = planted.map(|planted| planted.value.len().max(SHORTEST)) else { continue };
            for ((_, to_server), members) in run.slots() {
                if !to_server {
                    continue;
                }
                let (first, second) = (of(run, &members, &pair.first), of(run, &members, &pair.second));
                // A kind of payload that never changes says nothing of what was sent.
                if first.len() < 2 || second.len() < 2 {
                    continue;
                }
                for (bytes, at) in &first {
                    if let ([one], Some([other])) = (at.as_slice(), second.get(bytes).map(Vec::as_slice))
                        && bytes.len() >= need
                    {
                        out.extend(find(run, *one, *other, &pair.planted.0));
                    }
                }
            }
        }
    }
}

/// The opaque payloads of one capture: each with the messages that carried it.
fn of<'a>(run: &Run<'a>, members: &[usize], capture: &str) -> BTreeMap<&'a [u8], Vec<usize>> {
    let mut out: BTreeMap<&'a [u8], Vec<usize>> = BTreeMap::new();
    for index in members {
        let Some(payload) = run.payloads.get(*index).copied() else { continue };
        if payload.place.capture == capture && payload.is_whole() && is_sent(payload) && run.spend(payload.bytes.len())
        {
            out.entry(payload.bytes.as_slice()).or_default().push(*index);
        }
    }
    out
}

fn is_sent(payload: &Payload) -> bool {
    payload.place.direction == Direction::ToServer && payload.class.is_opaque()
}

fn find(run: &Run<'_>, one: usize, other: usize, planted: &str) -> Option<Find> {
    let payload = run.payloads.get(one)?;
    let kinds: BTreeSet<u8> = payload.bytes.iter().copied().collect();
    // Padding is no ciphertext.
    (kinds.len() >= 8).then(|| Find {
        detector: CARD.id,
        reason: format!(
            "What goes by \"{}\" is the same {} bytes in two runs in which the same text (\"{planted}\") was sent: equal \
             messages give equal ciphertext (a fixed nonce or initial value)",
            payload.label,
            payload.bytes.len()
        ),
        undone: None,
        proof: vec![Proof::unread(one), Proof::unread(other)],
    })
}
