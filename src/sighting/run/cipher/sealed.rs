//! Ciphers with an authentication tag, which is proof by itself; and keys that are wrapped in others.

use crate::sighting::run::cipher::block::Block;
use crate::sighting::run::cipher::{Lock, Opened};
use aes::cipher::KeyInit;
use aes::{Aes128, Aes192, Aes256};
use aes_gcm::AesGcm;
use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::{U12, U16};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};

/// What proves a key whose tag holds, for people.
pub(super) const TAG: &str = "its authentication tag holds";

impl Lock<'_> {
    /// AES-GCM, with a nonce of 12 or 16 bytes, the tag behind the ciphertext or beside it.
    pub(super) fn sealed(&self, key: &[u8], spend: &dyn Fn(usize) -> bool) -> Option<Opened> {
        if !self.whole {
            return None;
        }
        for size in [12, 16] {
            for start in self.starts(size) {
                for (text, tag, associated) in self.tags(start.text) {
                    if !spend(text.len() / 64 + 8) {
                        return None;
                    }
                    let plain = match (key.len(), size) {
                        (16, 12) => aead::<AesGcm<Aes128, U12>>(key, &start.iv, associated, text, &tag),
                        (24, 12) => aead::<AesGcm<Aes192, U12>>(key, &start.iv, associated, text, &tag),
                        (32, 12) => aead::<AesGcm<Aes256, U12>>(key, &start.iv, associated, text, &tag),
                        (16, _) => aead::<AesGcm<Aes128, U16>>(key, &start.iv, associated, text, &tag),
                        (24, _) => aead::<AesGcm<Aes192, U16>>(key, &start.iv, associated, text, &tag),
                        _ => aead::<AesGcm<Aes256, U16>>(key, &start.iv, associated, text, &tag),
                    };
                    if let Some(plain) = plain {
                        let mode = format!("aes-{}-gcm", key.len() * 8);
                        return Some(Opened { plain, mode, iv: start.from.clone(), proof: TAG });
                    }
                }
            }
        }
        None
    }

    /// ChaCha20-Poly1305 (RFC 8439), with a nonce of 12 bytes or, extended, 24.
    pub(super) fn sealed_chacha(&self, key: &[u8], spend: &dyn Fn(usize) -> bool) -> Option<Opened> {
        if !self.whole {
            return None;
        }
        for size in [12, 24] {
            for start in self.starts(size) {
                for (text, tag, associated) in self.tags(start.text) {
                    if !spend(text.len() / 64 + 8) {
                        return None;
                    }
                    let (plain, mode) = if size == 12 {
                        (aead::<ChaCha20Poly1305>(key, &start.iv, associated, text, &tag), "chacha20-poly1305")
                    } else {
                        (aead::<XChaCha20Poly1305>(key, &start.iv, associated, text, &tag), "xchacha20-poly1305")
                    };
                    if let Some(plain) = plain {
                        return Some(Opened { plain, mode: mode.to_owned(), iv: start.from.clone(), proof: TAG });
                    }
                }
            }
        }
        None
    }

    /// Ciphertexts with their tags, and what else these speak for.
    fn tags<'t>(&'t self, text: &'t [u8]) -> Vec<(&'t [u8], [u8; 16], &'t [u8])> {
        let behind = text.split_last_chunk::<16>().filter(|(text, _)| !text.is_empty()).map(|(text, tag)| (text, *tag));
        let all = behind.into_iter().chain(self.tags.iter().map(|tag| (text, *tag)));
        all.flat_map(|(text, tag)| self.associated.iter().map(move |header| (text, tag, header.as_slice()))).collect()
    }
}

fn aead<A: AeadInOut + KeyInit>(
    key: &[u8],
    nonce: &[u8],
    associated: &[u8],
    text: &[u8],
    tag: &[u8; 16],
) -> Option<Vec<u8>> {
    let cipher = A::new_from_slice(key).ok()?;
    let nonce = nonce.try_into().ok()?;
    let tag = tag.as_slice().try_into().ok()?;
    let mut out = text.to_vec();
    cipher.decrypt_inout_detached(nonce, associated, out.as_mut_slice().into(), tag).ok()?;
    Some(out)
}

/// A key sealed under another with AES-GCM or ChaCha20-Poly1305, its nonce in front and its tag behind.
pub(in crate::sighting) fn unseal(kek: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, rest) = sealed.split_at_checked(12)?;
    let (text, tag) = rest.split_last_chunk::<16>()?;
    match kek.len() {
        16 => aead::<AesGcm<Aes128, U12>>(kek, nonce, b"", text, tag),
        24 => aead::<AesGcm<Aes192, U12>>(kek, nonce, b"", text, tag),
        32 => aead::<AesGcm<Aes256, U12>>(kek, nonce, b"", text, tag)
            .or_else(|| aead::<ChaCha20Poly1305>(kek, nonce, b"", text, tag)),
        _ => None,
    }
}

/// AES key unwrap (RFC 3394): the key inside, if the integrity check of 64 bits holds.
pub(in crate::sighting) fn unwrap(kek: &[u8], wrapped: &[u8]) -> Option<Vec<u8>> {
    let n = wrapped.len().checked_div(8)?.checked_sub(1)?;
    if !wrapped.len().is_multiple_of(8) || !(2..=8).contains(&n) {
        return None;
    }
    let block = Block::all(kek).into_iter().find(|block| block.size() == 16)?;
    let (head, rest) = wrapped.split_at_checked(8)?;
    let mut check: [u8; 8] = head.try_into().ok()?;
    let mut parts: Vec<[u8; 8]> = rest.chunks_exact(8).filter_map(|part| part.try_into().ok()).collect();
    for round in (0..6_u64).rev() {
        for (index, part) in parts.iter_mut().enumerate().rev() {
            let count = (n as u64).wrapping_mul(round).wrapping_add(index as u64).wrapping_add(1);
            let mut both = [0; 16];
            let mixed = (u64::from_be_bytes(check) ^ count).to_be_bytes();
            for (to, from) in both.iter_mut().zip(mixed.iter().chain(&*part)) {
                *to = *from;
            }
            block.decrypt(&mut both);
            let (left, right) = both.split_at(8);
            check = left.try_into().ok()?;
            *part = right.try_into().ok()?;
        }
    }
    (check == [0xa6; 8]).then(|| parts.concat())
}
