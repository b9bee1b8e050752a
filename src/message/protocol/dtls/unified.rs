//! One direction of DTLS 1.3 (RFC 9147 section 4): traffic secrets, encrypted record numbers, epochs by their low bits.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::message::crypto::aead::{Aead, Algorithm};
use crate::message::handshake::suite::{Cipher, Suite};
use crate::model::budget::DTLS_EPOCHS;
use crate::model::secret::Secrets;
use crate::model::stream::Direction;
use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _, KeyIvInit as _, StreamCipher as _, StreamCipherSeek as _};

/// What the labels of its key schedule begin with (RFC 9147 section 5.9).
const PREFIX: &str = "dtls13";
/// Key updates that may have been lost in a row.
const UPDATES: usize = 4;

/// Record numbers that were seen, so that copies are told from news.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    /// One past the highest.
    next: u64,
    bits: u128,
}

impl Window {
    /// Notes a number; false if it was there before. Numbers too old to tell count as new: read twice is better than
    /// never.
    pub(super) const fn note(&mut self, number: u64) -> bool {
        if number >= self.next {
            let shift = number.saturating_sub(self.next).saturating_add(1);
            self.bits = if shift < 128 { self.bits << shift } else { 0 };
            self.bits |= 1;
            self.next = number.saturating_add(1);
            return true;
        }
        let age = self.next.saturating_sub(number).saturating_sub(1);
        if age >= 128 {
            return true;
        }
        let mask = 1_u128 << age;
        let new = self.bits & mask == 0;
        self.bits |= mask;
        new
    }
}

/// Masks record numbers (RFC 9147 section 4.2.3).
enum Mask {
    Aes128(Box<aes::Aes128>),
    Aes256(Box<aes::Aes256>),
    ChaCha([u8; 32]),
}

impl Mask {
    fn new(algorithm: Algorithm, key: &[u8]) -> Option<Self> {
        Some(match (algorithm, key.len()) {
            (Algorithm::ChaCha20Poly1305, _) => Self::ChaCha(key.try_into().ok()?),
            (_, 16) => Self::Aes128(Box::new(aes::Aes128::new_from_slice(key).ok()?)),
            _ => Self::Aes256(Box::new(aes::Aes256::new_from_slice(key).ok()?)),
        })
    }

    /// The first two bytes of the mask for a ciphertext.
    fn of(&self, ciphertext: &[u8]) -> Option<[u8; 2]> {
        let sample: [u8; 16] = ciphertext.first_chunk::<16>().copied()?;
        let aes = |block: [u8; 16]| block.first_chunk::<2>().copied();
        match self {
            Self::Aes128(cipher) => {
                let mut block = sample.into();
                cipher.encrypt_block(&mut block);
                aes(block.into())
            }
            Self::Aes256(cipher) => {
                let mut block = sample.into();
                cipher.encrypt_block(&mut block);
                aes(block.into())
            }
            Self::ChaCha(key) => {
                let (counter, nonce) = sample.split_first_chunk::<4>()?;
                let mut cipher = chacha20::ChaCha20::new_from_slices(key, nonce).ok()?;
                cipher.try_seek(u64::from(u32::from_le_bytes(*counter)).checked_mul(64)?).ok()?;
                let mut mask = [0; 2];
                cipher.try_apply_keystream(&mut mask).ok()?;
                Some(mask)
            }
        }
    }
}

/// Keys of one epoch.
struct Epoch {
    number: u64,
    aead: Aead,
    iv: [u8; 12],
    mask: Mask,
    /// The number after the highest that was opened.
    next: u64,
    seen: Window,
}

impl Epoch {
    fn new(number: u64, suite: Suite, secret: &[u8]) -> Option<Self> {
        let Cipher::Aead(algorithm) = suite.cipher else { return None };
        if secret.len() != suite.hash.size() {
            return None;
        }
        let part = |label, len| suite.hash.expand_label(PREFIX, secret, label, &[], len);
        let key = part("key", algorithm.key_len())?;
        let iv = part("iv", 12)?.try_into().ok()?;
        let mask = Mask::new(algorithm, &part("sn", algorithm.key_len())?)?;
        Some(Self { number, aead: Aead::new(algorithm, &key)?, iv, mask, next: 0, seen: Window::default() })
    }

    /// Opens a record; its plaintext, and whether it is new.
    fn open(&mut self, header: &[u8], at: usize, wide: bool, body: &[u8]) -> Option<(Vec<u8>, bool)> {
        let [m0, m1] = self.mask.of(body)?;
        let mut header = header.to_vec();
        let mut low = 0_u64;
        for (byte, mask) in header.get_mut(at..)?.iter_mut().take(if wide { 2 } else { 1 }).zip([m0, m1]) {
            *byte ^= mask;
            low = (low << 8) | u64::from(*byte);
        }
        let number = nearest(self.next, low, if wide { 1 << 16 } else { 1 << 8 });
        let mut nonce = self.iv;
        for (to, from) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *to ^= from;
        }
        let mut text = body.to_vec();
        if !self.aead.open(nonce, &header, &mut text, 0) {
            return None;
        }
        self.next = self.next.max(number.saturating_add(1));
        Some((text, self.seen.note(number)))
    }
}

/// The number with these low bits that is nearest to the one expected (RFC 9147 section 4.2.2).
const fn nearest(expected: u64, low: u64, span: u64) -> u64 {
    let base = expected & !span.saturating_sub(1);
    let here = base | low;
    if here > expected.saturating_add(span / 2) && here >= span {
        here.saturating_sub(span)
    } else if here.saturating_add(span / 2) < expected {
        here.saturating_add(span)
    } else {
        here
    }
}

/// Why a record stays shut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shut {
    /// There are no secrets of its epoch.
    NoKeys,
    /// There are, and they do not open it.
    WrongKeys,
}

/// One direction.
pub(super) struct Unified {
    epochs: Vec<Epoch>,
    /// The last known generation of application secrets, and its epoch.
    last: Option<(Suite, Vec<u8>, u64)>,
}

impl Unified {
    /// From what the key log has for a client random.
    pub(super) fn new(direction: Direction, secrets: &Secrets, random: &[u8; 32], suite: Suite) -> Self {
        let (handshake, application) = match direction {
            Direction::ToServer => ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"),
            Direction::ToClient => ("SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"),
        };
        let mut epochs = Vec::new();
        let mut add = |number, label| {
            let secret = secrets.tls(random, label)?;
            epochs.push(Epoch::new(number, suite, secret)?);
            Some((suite, secret.to_vec(), number))
        };
        if direction == Direction::ToServer {
            add(1, "CLIENT_EARLY_TRAFFIC_SECRET");
        }
        add(2, handshake);
        let last = add(3, application);
        Self { epochs, last }
    }

    /// Opens a record: its plaintext with the inner type and padding still behind it, its epoch, and whether it is new.
    pub(super) fn open(
        &mut self,
        bits: u8,
        header: &[u8],
        at: usize,
        wide: bool,
        body: &[u8],
    ) -> Result<(Vec<u8>, u64, bool), Shut> {
        let mut known = false;
        for epoch in self.epochs.iter_mut().rev().filter(|epoch| epoch.number & 3 == u64::from(bits)) {
            known = true;
            if let Some((text, new)) = epoch.open(header, at, wide, body) {
                return Ok((text, epoch.number, new));
            }
        }
        // The next generations of application keys (RFC 9147 section 8); their announcement may be lost.
        let mut ahead = self.last.clone();
        for _ in 0..UPDATES {
            let Some((suite, secret, number)) = ahead.take() else { break };
            let Some(secret) = suite.hash.expand_label(PREFIX, &secret, "traffic upd", &[], suite.hash.size()) else {
                break;
            };
            let number = number.saturating_add(1);
            if number & 3 == u64::from(bits)
                && let Some(mut epoch) = Epoch::new(number, suite, &secret)
            {
                known = true;
                if let Some((text, new)) = epoch.open(header, at, wide, body) {
                    self.epochs.push(epoch);
                    if self.epochs.len() > DTLS_EPOCHS {
                        self.epochs.remove(0);
                    }
                    self.last = Some((suite, secret, number));
                    return Ok((text, number, new));
                }
            }
            ahead = Some((suite, secret, number));
        }
        Err(if known { Shut::WrongKeys } else { Shut::NoKeys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_nearest_ones() {
        assert_eq!(nearest(0, 5, 256), 5);
        assert_eq!(nearest(257, 255, 256), 255);
        assert_eq!(nearest(250, 3, 256), 259);
        assert_eq!(nearest(70_000, 4464, 65_536), 70_000);
        assert_eq!(nearest(3, 250, 256), 250);
    }

    #[test]
    fn copies_are_told_from_news() {
        let mut window = Window::default();
        assert!(window.note(5) && window.note(3) && window.note(6));
        assert!(!window.note(5) && !window.note(3) && !window.note(6));
        assert!(window.note(4) && window.note(1000) && !window.note(1000) && window.note(7));
    }
}
