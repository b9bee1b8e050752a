//! From a master secret to the keys of records, up to TLS 1.2 and DTLS 1.2.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::message::crypto::aead::Algorithm;
use crate::message::crypto::hash::{Hash, prf10, prf12};
use crate::message::handshake::protect::{Keys, Terms};
use crate::message::handshake::suite::{Cipher, Suite};

/// The keys of both directions, client's first, from a master secret (RFC 5246 section 6.3).
pub fn key_block(suite: Suite, terms: Terms, master: &[u8], client: &[u8], server: &[u8]) -> [Keys; 2] {
    let (mac, key, iv) = match suite.cipher {
        Cipher::Aead(algorithm) => {
            let iv = if algorithm == Algorithm::ChaCha20Poly1305 { 12 } else { 4 };
            (0, algorithm.key_len(), iv)
        }
        Cipher::Cbc(block, hash) => (hash.size(), block.key_len(), block.size()),
        Cipher::Rc4(hash) => (hash.size(), 16, 0),
        Cipher::Null(hash) => (hash.map_or(0, Hash::size), 0, 0),
        Cipher::Unsupported => (0, 0, 0),
    };
    let total = (mac.saturating_add(key).saturating_add(iv)).saturating_mul(2);
    let block = expand(suite, terms.version, master, "key expansion", &[server, client], total);
    let mut rest = block.as_slice();
    let mut take = |len: usize| {
        let (head, tail) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        rest = tail;
        head.to_vec()
    };
    let macs = [take(mac), take(mac)];
    let keys = [take(key), take(key)];
    let ivs = [take(iv), take(iv)];
    let [client_mac, server_mac] = macs;
    let [client_key, server_key] = keys;
    let [client_iv, server_iv] = ivs;
    [Keys { mac: client_mac, key: client_key, iv: client_iv }, Keys { mac: server_mac, key: server_key, iv: server_iv }]
}

/// The version's pseudo-random function.
pub fn expand(suite: Suite, version: u16, secret: &[u8], label: &str, seed: &[&[u8]], len: usize) -> Vec<u8> {
    if version >= 0x0303 { prf12(suite.hash, secret, label, seed, len) } else { prf10(secret, label, seed, len) }
}
