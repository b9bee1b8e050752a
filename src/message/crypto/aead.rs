//! Authenticated ciphers over 12-byte nonces: AES-GCM, ChaCha20-Poly1305, AES-CCM and CCM-8.
//!
//! ring where it has the algorithm (the fastest there is), the pure Rust crates for CCM. A record that lost bytes cannot
//! be authenticated; [`Aead::keystream`] reads what is left of it, and whoever calls it must tell.

use aes::cipher::{KeyIvInit as _, StreamCipher as _, StreamCipherSeek as _};
use aes::{Aes128, Aes256};
use ccm::aead::consts::{U8, U12, U16};
use ccm::{AeadInOut as _, Ccm, KeyInit as _};
use ctr::Ctr32BE;
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

/// Which AEAD.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// AEAD_AES_128_GCM.
    Aes128Gcm,
    /// AEAD_AES_256_GCM.
    Aes256Gcm,
    /// AEAD_CHACHA20_POLY1305.
    ChaCha20Poly1305,
    /// AEAD_AES_128_CCM.
    Aes128Ccm,
    /// AEAD_AES_256_CCM.
    Aes256Ccm,
    /// AEAD_AES_128_CCM_8: a tag of eight bytes.
    Aes128Ccm8,
    /// AEAD_AES_256_CCM_8: likewise.
    Aes256Ccm8,
}

impl Algorithm {
    /// Bytes of a key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Ccm | Self::Aes128Ccm8 => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 | Self::Aes256Ccm | Self::Aes256Ccm8 => 32,
        }
    }

    /// Bytes of the tag behind the ciphertext.
    pub const fn tag_len(self) -> usize {
        match self {
            Self::Aes128Ccm8 | Self::Aes256Ccm8 => 8,
            _ => 16,
        }
    }
}

enum Cipher {
    Ring(Box<LessSafeKey>),
    Ccm128(Box<Ccm<Aes128, U16, U12>>),
    Ccm256(Box<Ccm<Aes256, U16, U12>>),
    Ccm8of128(Box<Ccm<Aes128, U8, U12>>),
    Ccm8of256(Box<Ccm<Aes256, U8, U12>>),
}

/// A key of one AEAD.
pub struct Aead {
    algorithm: Algorithm,
    cipher: Cipher,
    key: Vec<u8>,
}

impl Aead {
    /// The key for `algorithm`; `None` if its length is wrong.
    pub fn new(algorithm: Algorithm, key: &[u8]) -> Option<Self> {
        let ring = |algorithm| {
            let key = UnboundKey::new(algorithm, key).ok()?;
            Some(Cipher::Ring(Box::new(LessSafeKey::new(key))))
        };
        let cipher = match algorithm {
            Algorithm::Aes128Gcm => ring(&AES_128_GCM)?,
            Algorithm::Aes256Gcm => ring(&AES_256_GCM)?,
            Algorithm::ChaCha20Poly1305 => ring(&CHACHA20_POLY1305)?,
            Algorithm::Aes128Ccm => Cipher::Ccm128(Box::new(Ccm::new_from_slice(key).ok()?)),
            Algorithm::Aes256Ccm => Cipher::Ccm256(Box::new(Ccm::new_from_slice(key).ok()?)),
            Algorithm::Aes128Ccm8 => Cipher::Ccm8of128(Box::new(Ccm::new_from_slice(key).ok()?)),
            Algorithm::Aes256Ccm8 => Cipher::Ccm8of256(Box::new(Ccm::new_from_slice(key).ok()?)),
        };
        Some(Self { algorithm, cipher, key: key.to_vec() })
    }

    /// Which algorithm this key is for.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Opens the ciphertext and tag that `buffer` holds from byte `lead` on; the plaintext is then all that it holds.
    /// False if the tag is wrong; what `buffer` holds is then of no use.
    pub fn open(&self, nonce: [u8; 12], aad: &[u8], buffer: &mut Vec<u8>, lead: usize) -> bool {
        let tag_len = self.algorithm.tag_len();
        let Some(len) = buffer.len().checked_sub(lead).and_then(|len| len.checked_sub(tag_len)) else { return false };
        macro_rules! ccm {
            ($key:expr) => {{
                buffer.drain(..lead);
                let Some((text, tag)) = buffer.split_at_mut_checked(len) else { return false };
                let Ok(tag) = (&*tag).try_into() else { return false };
                $key.decrypt_inout_detached(&nonce.into(), aad, text.into(), tag).is_ok()
            }};
        }
        let fine = match &self.cipher {
            Cipher::Ring(key) => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                key.open_within(nonce, Aad::from(aad), buffer, lead..).is_ok()
            }
            Cipher::Ccm128(key) => ccm!(key),
            Cipher::Ccm256(key) => ccm!(key),
            Cipher::Ccm8of128(key) => ccm!(key),
            Cipher::Ccm8of256(key) => ccm!(key),
        };
        if fine {
            buffer.truncate(len);
        }
        fine
    }

    /// Deciphers `text`, which starts at the first byte of the message, without authenticating it. Bytes that were lost
    /// may be anything: each byte is deciphered by itself.
    pub fn keystream(&self, nonce: [u8; 12], text: &mut [u8]) {
        let mut block = [0_u8; 16];
        // GCM counts from 2 behind the nonce (the first block masks the tag); CCM from 1, after a byte of flags.
        let gcm = matches!(self.algorithm, Algorithm::Aes128Gcm | Algorithm::Aes256Gcm);
        let (at, first) = if gcm { (0, 2) } else { (1, 1) };
        for (to, from) in block.iter_mut().skip(at).zip(nonce) {
            *to = from;
        }
        if !gcm && let Some(flags) = block.first_mut() {
            *flags = 2;
        }
        if let Some(last) = block.last_mut() {
            *last = first;
        }
        if self.algorithm == Algorithm::ChaCha20Poly1305 {
            if let Ok(mut cipher) = chacha20::ChaCha20::new_from_slices(&self.key, &nonce) {
                // Block 0 makes the key of the authenticator.
                if cipher.try_seek(64_u32).is_ok() {
                    let _ = cipher.try_apply_keystream(text);
                }
            }
        } else if self.key.len() == 16 {
            if let Ok(mut cipher) = Ctr32BE::<Aes128>::new_from_slices(&self.key, &block) {
                let _ = cipher.try_apply_keystream(text);
            }
        } else if let Ok(mut cipher) = Ctr32BE::<Aes256>::new_from_slices(&self.key, &block) {
            let _ = cipher.try_apply_keystream(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ccm::aead::Aead as _;
    use ring::aead::Aad;

    #[test]
    fn opens_behind_an_explicit_nonce_and_reads_the_same_without_the_tag() {
        for (algorithm, ring) in [
            (Algorithm::Aes128Gcm, &AES_128_GCM),
            (Algorithm::Aes256Gcm, &AES_256_GCM),
            (Algorithm::ChaCha20Poly1305, &CHACHA20_POLY1305),
        ] {
            let key = vec![7; algorithm.key_len()];
            let mut sealed = b"The heron lands at dusk, and not before.".to_vec();
            let seal = LessSafeKey::new(UnboundKey::new(ring, &key).unwrap());
            let nonce = Nonce::assume_unique_for_key([9; 12]);
            seal.seal_in_place_append_tag(nonce, Aad::from(b"aad"), &mut sealed).unwrap();
            check(algorithm, &key, &sealed);
        }
    }

    #[test]
    fn ccm_opens_and_reads_the_same_without_the_tag() {
        let text = b"The heron lands at dusk, and not before.".as_slice();
        let payload = || ccm::aead::Payload { msg: text, aad: b"aad" };
        let nonce = [9; 12].into();
        let sealed = Ccm::<Aes128, U16, U12>::new(&[7; 16].into()).encrypt(&nonce, payload()).unwrap();
        check(Algorithm::Aes128Ccm, &[7; 16], &sealed);
        let sealed = Ccm::<Aes256, U8, U12>::new(&[7; 32].into()).encrypt(&nonce, payload()).unwrap();
        check(Algorithm::Aes256Ccm8, &[7; 32], &sealed);
    }

    fn check(algorithm: Algorithm, key: &[u8], sealed: &[u8]) {
        let aead = Aead::new(algorithm, key).unwrap();
        let mut buffer = [&[1, 2, 3, 4, 5, 6, 7, 8], sealed].concat();
        assert!(aead.open([9; 12], b"aad", &mut buffer, 8));
        assert_eq!(buffer, b"The heron lands at dusk, and not before.");
        let mut cut = sealed[..20].to_vec();
        aead.keystream([9; 12], &mut cut);
        assert_eq!(cut, b"The heron lands at d");
        let mut wrong = sealed.to_vec();
        wrong[3] ^= 1;
        assert!(!aead.open([9; 12], b"aad", &mut wrong, 0));
        assert!(!aead.open([9; 12], b"aad", &mut vec![0; 7], 0));
        assert!(Aead::new(algorithm, &[0; 5]).is_none());
    }
}
