//! Payloads with something in front of the nonce (a version, a magic, the name of a key), and with the key itself in them.

use super::candidates::{Candidate, STEP, candidates, distinct, openssl};
use super::{Doors, open};
use crate::model::budget;
use crate::model::payload::Payload;
use crate::sighting::run::cipher::{Key, Lock, Opened, PROOF};
use crate::sighting::run::crib::Crib;
use crate::sighting::run::{Purse, Run};
use std::collections::{BTreeMap, BTreeSet};

/// Values beside payloads that may be their nonces or tags: bytes and names, by payload.
pub(super) type Beside = [Vec<(Vec<u8>, String)>];

/// Bytes in front that are passed over at most.
const FRONT: usize = 64;
/// Bytes of a magic in letters.
const MAGIC: usize = 4;
/// Lengths of keys, the usual ones first.
const KEYS: [usize; 3] = [32, 16, 24];

/// How many bytes in front of a payload may be no part of nonce and ciphertext: what all payloads of its kind begin with, the
/// first of these bytes alone, or, where it is the only one, a small number or a magic. Zero is not among them.
pub(super) fn skips(run: &Run<'_>, members: &[usize], payload: &Payload) -> BTreeSet<usize> {
    let others = members.iter().filter_map(|index| run.payloads.get(*index)).map(|other| other.bytes.as_slice());
    let mut alike = 0;
    let mut shared = payload.bytes.len().min(FRONT + 1);
    for other in others.filter(|other| *other != payload.bytes) {
        shared = payload.bytes.iter().zip(other).take(shared).take_while(|(a, b)| a == b).count();
        alike += 1;
    }
    let mut out = BTreeSet::new();
    if alike > 0 {
        if (1..=FRONT).contains(&shared) {
            out.extend([1, shared]);
        }
        return out;
    }
    if payload.bytes.first().is_some_and(|first| *first < 0x10 || *first == 0x80) {
        out.insert(1);
    }
    if payload.bytes.first_chunk::<MAGIC>().is_some_and(|magic| magic.iter().all(u8::is_ascii_alphanumeric)) {
        out.insert(MAGIC);
    }
    out
}

/// What opens with a key that stands in the payload itself, in front of the rest or behind it.
pub(super) fn inside(
    payload: &Payload,
    skips: &BTreeSet<usize>,
    beside: &[(Vec<u8>, String)],
    cribs: &[Crib],
    need: f64,
    purse: &Purse,
) -> Option<(Opened, Candidate)> {
    let spend = |steps: usize| purse.spend(steps.saturating_mul(STEP));
    for skip in std::iter::once(0).chain(skips.iter().copied()) {
        let bytes = payload.bytes.get(skip..)?;
        for len in KEYS {
            let front = bytes.split_at_checked(len).map(|(key, text)| (key, text, "in front of what it opens"));
            let end = bytes.len().checked_sub(len).filter(|_| payload.is_whole());
            let behind = end.and_then(|end| bytes.split_at_checked(end));
            let behind = behind.map(|(text, key)| (key, text, "behind what it opens"));
            for (key, text, place) in front.into_iter().chain(behind) {
                if text.len() < 8 {
                    continue;
                }
                let lock = Lock::new(text, payload.is_whole(), beside, cribs, need);
                if let Some(opened) = lock.open(&Key::new(key), true, &spend) {
                    let from = format!("sent in the payload itself, {place}");
                    return Some((opened, Candidate { key: key.to_vec(), from, how: HOW }));
                }
            }
        }
    }
    None
}

/// How such a key was got.
pub(super) const HOW: &str = "the key in the payload itself";

/// Payloads of a kind that are tried like this.
const TRIED: usize = 2;

/// Tries `sent` on payloads of which no other of their kind is open, without what stands in front of them, and what stands
/// in them on themselves. Gives back how much is to be passed over in front of payloads of the kinds that open so.
pub(super) fn behind(
    run: &Run<'_>,
    kinds: &[(&[usize], &[usize])],
    beside: &Beside,
    sent: &[Candidate],
    opened: &mut Doors,
) -> BTreeMap<usize, usize> {
    let purse = run.purse(budget::KEYS_FRAMED);
    let mut cuts = BTreeMap::new();
    for (sample, members) in kinds {
        if members.iter().any(|index| opened.contains_key(index)) {
            continue;
        }
        for (nth, index) in sample.iter().take(TRIED).enumerate() {
            let Some(payload) = run.payloads.get(*index) else { continue };
            let beside = beside.get(*index).map(Vec::as_slice).unwrap_or_default();
            let skips = skips(run, members, payload);
            if let Some(found) = inside(payload, &skips, beside, &run.cribs, PROOF, &purse) {
                opened.insert(*index, found);
                break;
            }
            // Of a kind one is enough: what opens it is tried on the others.
            for skip in skips.into_iter().filter(|_| nth == 0) {
                let Some(text) = payload.bytes.get(skip..).filter(|text| text.len() >= 8) else { continue };
                let mut locks = vec![(*index, Lock::new(text, payload.is_whole(), beside, &run.cribs, PROOF))];
                open(&purse, &mut locks, true, &distinct(payload.beside.iter().flat_map(candidates)), opened);
                open(&purse, &mut locks, true, sent, opened);
                if locks.is_empty() {
                    cuts.extend(members.iter().map(|index| (*index, skip)));
                    break;
                }
            }
            if opened.contains_key(index) {
                break;
            }
        }
    }
    if purse.is_empty() {
        run.end_early([]);
    }
    cuts
}

/// Opens what `openssl enc -pbkdf2` made with a passphrase that was sent.
pub(super) fn salted(run: &Run<'_>, kinds: &[(&[usize], &[usize])], purse: &Purse, opened: &mut Doors) {
    let spend = |steps: usize| purse.spend(steps.saturating_mul(STEP));
    for (_, members) in kinds {
        let mut failed = 0;
        for index in *members {
            let Some(payload) = run.payloads.get(*index).filter(|_| !opened.contains_key(index)) else { continue };
            // `Salted__` and the salt.
            let Some(text) = payload.bytes.get(16..).filter(|text| !text.is_empty() && failed < TRIED) else {
                continue;
            };
            let found = openssl(run, payload, purse).into_iter().find_map(|(candidate, iv)| {
                let iv = [(iv.to_vec(), String::new())];
                let lock = Lock::new(text, payload.is_whole(), &iv, &run.cribs, PROOF);
                let found = lock.open(&Key::new(&candidate.key), false, &spend)?;
                Some((Opened { iv: "made of passphrase and salt".into(), ..found }, candidate))
            });
            failed += usize::from(found.is_none());
            opened.extend(found.map(|found| (*index, found)));
        }
    }
}
