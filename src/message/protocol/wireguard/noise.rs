//! `Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s` as WireGuard uses it (whitepaper section 5.4), followed from outside with the
//! private keys of one end.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Cursor;
use crate::message::crypto::aead::{Aead, Algorithm};
use crate::model::secret::Secrets;
use blake2::digest::Mac as _;
use blake2::digest::consts::U16;
use blake2::{Blake2s256, Blake2sMac, Digest as _};
use x25519_dalek::{PublicKey, StaticSecret};

type Key = [u8; 32];

const CONSTRUCTION: &[u8] = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
const IDENTIFIER: &[u8] = b"WireGuard v1 zx2c4 Jason@zx2c4.com";

pub(super) fn hash(parts: &[&[u8]]) -> Key {
    let mut hash = Blake2s256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// HMAC (RFC 2104) over BLAKE2s, whose blocks have 64 bytes.
fn hmac(key: &[u8], parts: &[&[u8]]) -> Key {
    let pad = |with: u8| {
        let mut block = [with; 64];
        for (to, from) in block.iter_mut().zip(key) {
            *to ^= from;
        }
        block
    };
    let (inner, outer) = (pad(0x36), pad(0x5c));
    let mut all: Vec<&[u8]> = vec![&inner];
    all.extend(parts);
    let first = hash(&all);
    hash(&[&outer, &first])
}

/// The key derivation function: `N` keys.
pub(super) fn kdf<const N: usize>(key: &Key, input: &[u8]) -> [Key; N] {
    let secret = hmac(key, &[input]);
    let mut out = [[0; 32]; N];
    let mut last: Vec<u8> = Vec::new();
    for (number, to) in (1_u8..).zip(&mut out) {
        *to = hmac(&secret, &[&last, &[number]]);
        last = to.to_vec();
    }
    out
}

/// The nonce of a counter.
pub(super) fn nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (to, from) in nonce.iter_mut().skip(4).zip(counter.to_le_bytes()) {
        *to = from;
    }
    nonce
}

fn open(key: &Key, sealed: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    let mut text = sealed.to_vec();
    Aead::new(Algorithm::ChaCha20Poly1305, key)?.open([0; 12], aad, &mut text, 0).then_some(text)
}

fn public(private: &Key) -> Key {
    PublicKey::from(&StaticSecret::from(*private)).to_bytes()
}

/// An initiation that was opened.
#[derive(Clone)]
pub(super) struct Offer {
    chaining: Key,
    hash: Key,
    ephemeral: Key,
    initiator: Key,
}

/// What the key log has.
#[derive(Default)]
pub(super) struct Keyring {
    /// Private keys by their public ones.
    private: Vec<(Key, Key)>,
    /// Static public keys, of either end.
    statics: Vec<Key>,
    shared: Vec<Key>,
}

impl Keyring {
    /// From the auditor's secrets, `limit` of each kind at most; whether there are more.
    pub(super) fn new(secrets: &Secrets, limit: usize) -> (Self, bool) {
        let mut out = Self { shared: vec![[0; 32]], ..Self::default() };
        let mut over = false;
        for (label, key) in secrets.wireguard() {
            let Ok(key) = Key::try_from(key) else { continue };
            let list = match label {
                "REMOTE_STATIC_PUBLIC_KEY" => &mut out.statics,
                "PRESHARED_KEY" => &mut out.shared,
                _ if out.private.len() >= limit => {
                    over = true;
                    continue;
                }
                _ => {
                    let open = public(&key);
                    if !out.private.iter().any(|(known, _)| *known == open) {
                        out.private.push((open, key));
                    }
                    if label != "LOCAL_STATIC_PRIVATE_KEY" {
                        continue;
                    }
                    out.statics.push(open);
                    continue;
                }
            };
            if list.len() >= limit {
                over = true;
            } else if !list.contains(&key) {
                list.push(key);
            }
        }
        (out, over)
    }

    /// The secret that two public keys share, if the private key of one is known.
    fn agree(&self, one: &Key, other: &Key) -> Option<Key> {
        let with = |mine: &Key, theirs: &Key| {
            let (_, private) = self.private.iter().find(|(open, _)| open == mine)?;
            Some(StaticSecret::from(*private).diffie_hellman(&PublicKey::from(*theirs)).to_bytes())
        };
        with(one, other).or_else(|| with(other, one))
    }

    /// Opens an initiation: its sender's index, and what the response goes on from.
    pub(super) fn initiation(&self, message: &[u8]) -> Option<(u32, Offer)> {
        let mut cursor = Cursor::new(message.get(4..)?);
        let sender = u32::from_le_bytes(cursor.array("sender").ok()?);
        let ephemeral: Key = cursor.array("ephemeral").ok()?;
        let sealed_static = cursor.take(48, "static").ok()?;
        let sealed_time = cursor.take(28, "timestamp").ok()?;
        let mac1 = cursor.take(16, "mac1").ok()?;
        // The first checksum is keyed by whom it is for.
        let responder = self.statics.iter().find(|responder| {
            let key = hash(&[b"mac1----", *responder]);
            let mac = <Blake2sMac<U16> as blake2::digest::KeyInit>::new_from_slice(&key);
            mac.is_ok_and(|mut mac| {
                mac.update(message.get(..116).unwrap_or_default());
                mac.finalize().into_bytes().as_slice() == mac1
            })
        })?;
        let chaining = hash(&[CONSTRUCTION]);
        let state = hash(&[&hash(&[&chaining, IDENTIFIER]), responder]);
        let [chaining] = kdf(&chaining, &ephemeral);
        let state = hash(&[&state, &ephemeral]);
        let [chaining, key] = kdf(&chaining, &self.agree(&ephemeral, responder)?);
        let initiator: Key = open(&key, sealed_static, &state)?.try_into().ok()?;
        let state = hash(&[&state, sealed_static]);
        let [chaining, key] = kdf(&chaining, &self.agree(&initiator, responder)?);
        open(&key, sealed_time, &state)?;
        let hash = hash(&[&state, sealed_time]);
        Some((sender, Offer { chaining, hash, ephemeral, initiator }))
    }

    /// Opens the response to an initiation: the keys of transport data to the responder and to the initiator.
    pub(super) fn response(&self, offer: &Offer, message: &[u8]) -> Option<[Key; 2]> {
        let mut cursor = Cursor::new(message.get(12..)?);
        let ephemeral: Key = cursor.array("ephemeral").ok()?;
        let empty = cursor.take(16, "empty").ok()?;
        let [chaining] = kdf(&offer.chaining, &ephemeral);
        let state = hash(&[&offer.hash, &ephemeral]);
        let [chaining] = kdf(&chaining, &self.agree(&ephemeral, &offer.ephemeral)?);
        let [chaining] = kdf(&chaining, &self.agree(&ephemeral, &offer.initiator)?);
        self.shared.iter().find_map(|shared| {
            let [chaining, tau, key] = kdf(&chaining, shared);
            open(&key, empty, &hash(&[&state, &tau]))?;
            Some(kdf(&chaining, &[]))
        })
    }
}
