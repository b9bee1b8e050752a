//! Equal ciphertext for equal messages: a fixed nonce or initial value, or no randomness at all.
//!
//! Told where the same planted text is known to have been sent again: in two captures that a scenario declares as a pair,
//! or where two planted values are one text. Where the payloads of one kind differ from message to message, and one of
//! them comes again, then the text alone decides what is sent: whoever watches knows when it is sent again.
//!
//! Within one run the same ciphertext may honestly come again: sent anew after a failure, to each member of a group, to
//! another device, as a file that is forwarded. So it counts only where nothing else of its kind ever comes again, another
//! message was sent in between, and the values beside it show another message.

use crate::model::payload::Payload;
use crate::model::scenario::Planted;
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
            payloads of its kind differ within each capture and that it is there once in each. Within one run the same \
            chance; the text must be planted as often as the payload is there, and of at least five others none twice.",
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
/// Bytes that may stand around a text in a message; what is longer is a file.
const AROUND: usize = 256;

impl RunDetector for EqualCiphertext {
    fn card(&self) -> &'static RunCard {
        &CARD
    }

    fn on_run(&self, run: &Run<'_>, out: &mut Vec<Find>) {
        for (nth, planted) in run.planted.iter().enumerate() {
            let is_same = |other: &&Planted| other.data == planted.data && other.value.trim() == planted.value.trim();
            let twins: Vec<&Planted> = run.planted.iter().filter(is_same).collect();
            if twins.len() < 2 || run.planted.iter().take(nth).any(|other| is_same(&other)) {
                continue;
            }
            let len = planted.value.trim().len();
            let fits = len.max(SHORTEST)..=len.saturating_mul(2).saturating_add(AROUND);
            for members in run.slots().into_values() {
                let Some(places) = again(run, &members) else { continue };
                let payload = places.first().and_then(|index| run.payloads.get(*index));
                if places.len() == twins.len()
                    && payload.is_some_and(|payload| is_sent(payload) && fits.contains(&payload.bytes.len()))
                {
                    let ids: Vec<&str> = twins.iter().map(|twin| twin.id.as_str()).collect();
                    out.extend(find(run, places, "messages", &ids.join("\", \"")));
                }
            }
        }
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
                        out.extend(find(run, vec![*one, *other], "runs", &pair.planted.0));
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

/// Other payloads of a kind that must all differ before one that comes again says something.
const OTHERS: usize = 5;

/// The places of the one payload of a kind that comes again, in different messages with others in between.
pub(super) fn again(run: &Run<'_>, members: &[usize]) -> Option<Vec<usize>> {
    let mut places: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    for (nth, index) in members.iter().enumerate() {
        let payload = run.payloads.get(*index)?;
        if payload.is_whole() && payload.class.is_opaque() {
            if !run.spend(payload.bytes.len()) {
                return None;
            }
            places.entry(payload.bytes.as_slice()).or_default().push(nth);
        }
    }
    let mut repeated = places.values().filter(|places| places.len() > 1);
    let (places_of, None) = (repeated.next()?, repeated.next()) else { return None };
    if places.len() <= OTHERS {
        return None;
    }
    for pair in places_of.array_windows::<2>() {
        let [one, other] = *pair;
        let (first, second) = (members.get(one)?, members.get(other)?);
        let (first, second) = (run.payloads.get(*first)?, run.payloads.get(*second)?);
        // Something beside it tells the two messages apart, and a third one was sent in between.
        let own = |a: &Payload, b: &Payload| {
            a.beside
                .iter()
                .any(|token| !b.beside.iter().any(|other| other.name == token.name && other.bytes == token.bytes))
        };
        if other <= one + 1 || first.place.frames == second.place.frames || !(own(first, second) && own(second, first))
        {
            return None;
        }
    }
    places_of.iter().map(|nth| members.get(*nth).copied()).collect()
}

fn find(run: &Run<'_>, places: Vec<usize>, of: &str, planted: &str) -> Option<Find> {
    let payload = run.payloads.get(*places.first()?)?;
    let kinds: BTreeSet<u8> = payload.bytes.iter().copied().collect();
    let times = places.len();
    // Padding is no ciphertext.
    (kinds.len() >= 8).then(|| Find {
        detector: CARD.id,
        reason: format!(
            "What goes by \"{}\" is the same {} bytes in {} {of} in which the same text (\"{planted}\") was sent: equal \
             messages give equal ciphertext (a fixed nonce or initial value)",
            payload.label,
            payload.bytes.len(),
            if times == 2 { "two".to_owned() } else { times.to_string() },
        ),
        undone: None,
        proof: places.into_iter().map(Proof::unread).collect(),
    })
}
