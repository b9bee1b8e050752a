//! Payloads opened with keys that hooks in the app logged: proof that the app sealed them, and no weakness. Nobody but
//! the auditor has these keys.

use crate::model::hook::Hook;
use crate::model::payload::Payload;
use crate::model::scenario::Planted;
use crate::model::secret::SecretBytes;
use crate::sighting::run::cipher::{Key, Lock};
use crate::sighting::run::crib::{self, Crib, SHORTEST};
use std::cell::Cell;
use std::collections::BTreeSet;

/// Steps that a block of a trial costs.
const STEP: usize = 64;
/// Bytes that initial value, padding and tag add to a text.
const AROUND: usize = 48;

/// A payload that a logged key opens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sealed {
    /// Algorithm and mode, as Java names them: `AES/CBC`.
    pub algorithm: String,
    /// Ids of the planted values inside, in order.
    pub planted: Vec<String>,
    /// Nothing is known against how it was sealed: a mode and an initial value that do not repeat themselves.
    pub is_sound: bool,
}

/// Trials within a budget of steps.
pub struct Trials<'a> {
    planted: &'a [Planted],
    cribs: Vec<Crib>,
    work: Cell<u64>,
}

impl<'a> Trials<'a> {
    /// Trials that may take `work` steps in all.
    pub fn new(planted: &'a [Planted], work: u64) -> Self {
        Self { planted, cribs: crib::cribs(planted), work: Cell::new(work) }
    }

    /// Whether the steps ran out: then not every key was tried.
    pub const fn is_spent(&self) -> bool {
        self.work.get() == 0
    }

    fn spend(&self, steps: usize) -> bool {
        let left = self.work.get().checked_sub(steps as u64);
        self.work.set(left.unwrap_or(0));
        left.is_some_and(|left| left > 0)
    }

    /// What the first key that opens a payload shows: a planted value comes out, or the very text that was logged.
    pub fn open(&self, hooks: &[Hook], payload: &Payload) -> Option<Sealed> {
        // A logged ciphertext says which key it was.
        let knows = |hook: &&Hook| hook.texts.iter().any(|text| text.0 == payload.bytes);
        let (likely, others): (Vec<&Hook>, Vec<&Hook>) = hooks.iter().partition(knows);
        likely.into_iter().chain(others).take_while(|_| !self.is_spent()).find_map(|hook| self.try_one(hook, payload))
    }

    fn try_one(&self, hook: &Hook, payload: &Payload) -> Option<Sealed> {
        let mut beside: Vec<(Vec<u8>, String)> = Vec::new();
        beside.extend(hook.iv.iter().map(|iv| (iv.0.clone(), "iv".to_owned())));
        beside.extend(payload.beside.iter().map(|token| (token.bytes.clone(), token.name.clone())));
        let mut cribs = self.cribs.clone();
        let len = payload.bytes.len();
        let near = |text: &&SecretBytes| (len.saturating_sub(AROUND).max(SHORTEST)..=len).contains(&text.0.len());
        let logged = hook.texts.iter().filter(near);
        if !self.spend(logged.clone().fold(1, |sum, text| sum.saturating_add(text.0.len()))) {
            return None;
        }
        cribs.extend(logged.map(|text| Crib { planted: usize::MAX, bytes: text.0.clone() }));
        // Text that noise would not give is no proof here: only what is known is.
        let lock = Lock::new(&payload.bytes, payload.is_whole(), &beside, &cribs, f64::INFINITY);
        let opened = lock.open(&Key::new(&hook.key.0), true, &|steps| self.spend(steps.saturating_mul(STEP)))?;
        let mode = opened.mode.strip_prefix("aes-")?.rsplit('-').next()?.to_ascii_uppercase();
        let said = hook.algorithm.to_ascii_uppercase();
        // Counter mode is what GCM is without its tag, which data that is not in the log may be part of.
        let mode = if mode == "CTR" && said.contains("GCM") { "GCM".to_owned() } else { mode };
        let inside = |crib: &&Crib| memchr::memmem::find(&opened.plain, &crib.bytes).is_some();
        let found: BTreeSet<usize> = self.cribs.iter().filter(inside).map(|crib| crib.planted).collect();
        let mut planted: Vec<String> =
            found.iter().filter_map(|index| Some(self.planted.get(*index)?.id.clone())).collect();
        planted.sort();
        let equal = || opened.plain.len() >= SHORTEST && hook.texts.iter().any(|text| text.0 == opened.plain);
        if planted.is_empty() && !(payload.is_whole() && equal()) {
            return None;
        }
        let iv = hook.iv.as_ref().map(|iv| iv.0.as_slice()).unwrap_or_default();
        let fixed = ["all zero", "the key itself"].contains(&&*opened.iv)
            || (!iv.is_empty()
                && opened.iv == "in \"iv\" beside it"
                && (iv.iter().all(|byte| *byte == 0) || hook.key.0.starts_with(iv)));
        Some(Sealed { algorithm: format!("AES/{mode}"), planted, is_sound: mode != "ECB" && !fixed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::opacity::Opacity;
    use crate::model::sighting::Place;
    use crate::model::stream::Direction;
    use crate::model::taxonomy::Data;
    use crate::model::time::Timestamp;
    use aes_gcm::aead::{Aead as _, KeyInit as _};
    use std::sync::Arc;

    const KEY: [u8; 32] = *b"\x91\x0c\xe5\x3a\x77\xb8\x42\xdf\x06\x6d\xa3\x18\xfc\x59\x20\xee\x8b\x34\xc1\x7e\x05\xd2\x96\x4b\xf0\x1d\x68\xa7\x3c\x82\xb5\x4f";

    fn payload(bytes: Vec<u8>) -> Payload {
        let place = Place {
            capture: "c".into(),
            flow: None,
            flow_start: 1,
            direction: Direction::ToServer,
            at: Timestamp(0),
            authority: None,
            secured: true,
            frames: vec![1],
            part: None,
            bytes: (0, bytes.len() as u64),
            trail: Vec::new(),
        };
        Payload {
            place,
            layers: Arc::from([]),
            protocol: "http1",
            label: String::new(),
            slot: String::new(),
            len: bytes.len() as u64,
            bytes,
            class: Opacity::RandomLooking,
            envelope: None,
            bare: false,
            beside: Arc::from([]),
        }
    }

    fn hook(key: [u8; 32], iv: Option<&[u8]>) -> Hook {
        let iv = iv.map(|iv| SecretBytes(iv.to_vec()));
        Hook { key: SecretBytes(key.to_vec()), iv, algorithm: "AES/GCM/NoPadding".into(), texts: Vec::new() }
    }

    #[test]
    fn tags_are_no_proof_of_what_was_planted_and_a_budget_ends_the_trials() {
        let planted = [Planted { id: "m".into(), data: Data::Messages, value: "The heron lands at dusk".into() }];
        let cipher = aes_gcm::Aes256Gcm::new_from_slice(&KEY).unwrap();
        let nonce = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8];
        let seal = |text: &str| payload(cipher.encrypt(&nonce.into(), text.as_bytes()).unwrap());
        let told = seal(r#"{"text":"The heron lands at dusk"}"#);
        let hooks = [hook([9; 32], None), hook(KEY, Some(&nonce))];
        let trials = Trials::new(&planted, 1 << 20);
        let sealed = trials.open(&hooks, &told).unwrap();
        assert_eq!((sealed.algorithm.as_str(), sealed.is_sound), ("AES/GCM", true));
        assert_eq!(sealed.planted, ["m"]);
        assert_eq!(trials.open(&hooks, &seal(r#"{"text":"something else altogether"}"#)), None);
        assert_eq!(trials.open(&hooks[..1], &told), None);
        assert!(!trials.is_spent());
        let poor = Trials::new(&planted, 100);
        assert_eq!(poor.open(&hooks, &told), None);
        assert!(poor.is_spent());
    }
}
