//! Deciphering by trial: every usual cipher and mode under a key that may be the right one.
//!
//! A trial succeeds only on proof: an authentication tag that holds (a chance of 2^-128 for a wrong key), known plaintext
//! of eight bytes or more (2^-64 for each place), a gzip stream whose checksum and length hold (2^-88, with its first bytes), or
//! text, padding and the head and checksum of a zlib stream (2^-46) that noise would give with less than 2^-64 together
//! ([`super::legible`]). Looking less random is no proof.

use crate::sighting::run::cipher::block::{Block, Mode, xor};
use crate::sighting::run::crib::Crib;
use crate::sighting::run::legible::legible;
use aes::cipher::{KeyInit as _, KeyIvInit as _, StreamCipher as _};
use md5::Md5;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::cell::OnceCell;

mod block;
pub(in crate::sighting) mod packed;
mod sealed;

pub(in crate::sighting) use sealed::{unseal, unwrap};

/// Bits of evidence from which text and padding are proof, when nothing else speaks for a key.
pub(in crate::sighting) const PROOF: f64 = 64.0;
/// Bytes deciphered to see whether a trial is worth going on with.
const GLANCE: usize = 64;

/// What a key opened.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sighting) struct Opened {
    /// The plaintext, padding taken off.
    pub(in crate::sighting) plain: Vec<u8>,
    /// Cipher and mode, as trails name them: `aes-128-cbc`.
    pub(in crate::sighting) mode: String,
    /// Where the initial value came from, for people; empty where there is none.
    pub(in crate::sighting) iv: Cow<'static, str>,
    /// What proves it, for people.
    pub(in crate::sighting) proof: &'static str,
}

/// A key, and what is made of it once for all trials.
pub(in crate::sighting) struct Key<'k> {
    bytes: &'k [u8],
    blocks: Vec<Block>,
    /// The first bytes of RC4's keystream.
    rc4: OnceCell<Option<[u8; GLANCE]>>,
}

impl<'k> Key<'k> {
    /// Every cipher under a key of this length.
    pub(in crate::sighting) fn new(bytes: &'k [u8]) -> Self {
        Self { bytes, blocks: Block::all(bytes), rc4: OnceCell::new() }
    }

    fn rc4(&self) -> Option<&[u8; GLANCE]> {
        let stream = || {
            let mut stream = [0; GLANCE];
            rc4::StreamCipher::apply_keystream(&mut rc4::Rc4::new_from_slice(self.bytes).ok()?, &mut stream);
            Some(stream)
        };
        self.rc4.get_or_init(stream).as_ref()
    }
}

/// An initial value, the ciphertext it is for, and where it came from.
struct Start<'a> {
    iv: Vec<u8>,
    text: &'a [u8],
    from: Cow<'static, str>,
}

/// One payload that a key may open, with values beside it that may be its nonce or tag.
pub(in crate::sighting) struct Lock<'a> {
    text: &'a [u8],
    whole: bool,
    cribs: &'a [Crib],
    need: f64,
    /// Initial values by their length: 8, 12, 16, 24 bytes.
    starts: [Vec<Start<'a>>; 4],
    /// Counter blocks of 16 bytes, made of shorter nonces.
    counters: Vec<Start<'a>>,
    /// Values beside it that may be its tag.
    tags: Vec<[u8; 16]>,
    /// What a tag may speak for beside the ciphertext: nothing, or a header (RFC 7516: the protected one, as it is coded).
    associated: Vec<Vec<u8>>,
}

impl<'a> Lock<'a> {
    /// A payload, `whole` if all of it is there, with the values of the same message (bytes, and what the field is called),
    /// known plaintext, and how many bits of evidence make text and padding proof.
    pub(in crate::sighting) fn new(
        text: &'a [u8],
        whole: bool,
        beside: &[(Vec<u8>, String)],
        cribs: &'a [Crib],
        need: f64,
    ) -> Self {
        let starts = |size: usize| {
            let mut out: Vec<Start<'a>> = Vec::new();
            if let Some((iv, text)) = text.split_at_checked(size)
                && !text.is_empty()
            {
                out.push(Start { iv: iv.to_vec(), text, from: "in front of it".into() });
            }
            for (iv, name) in beside.iter().filter(|(iv, _)| iv.len() == size) {
                let from = if name.is_empty() { "beside it".into() } else { format!("in \"{name}\" beside it").into() };
                out.push(Start { iv: iv.clone(), text, from });
            }
            out.push(Start { iv: vec![0; size], text, from: "all zero".into() });
            out
        };
        let starts = [starts(8), starts(12), starts(16), starts(24)];
        // A nonce of 8 or 12 bytes, and a counter from 0, 1 or 2 (GCM) behind it.
        let [eight, twelve, ..] = &starts;
        let mut counters: Vec<Start<'a>> = Vec::new();
        for start in twelve.iter().chain(eight) {
            for first in [0, 1, 2] {
                let mut iv = start.iv.clone();
                iv.resize(15, 0);
                iv.push(first);
                if !counters.iter().any(|known| known.iv == iv && known.text == start.text) {
                    counters.push(Start { iv, text: start.text, from: start.from.clone() });
                }
            }
        }
        let tag = |(tag, name): &(Vec<u8>, String)| {
            (name.contains("tag") || name.contains("mac")).then(|| tag.as_slice().try_into().ok()).flatten()
        };
        let tags = beside.iter().filter_map(tag).collect();
        let headers = beside.iter().filter(|(_, name)| matches!(name.as_str(), "header" | "protected" | "aad"));
        let associated = std::iter::once(Vec::new()).chain(headers.map(|(header, _)| header.clone())).collect();
        Self { text, whole, cribs, need, starts, counters, tags, associated }
    }

    /// The payload.
    pub(in crate::sighting) const fn text(&self) -> &[u8] {
        self.text
    }

    /// Initial values of `size` bytes: in front, beside, none.
    fn starts(&self, size: usize) -> &[Start<'a>] {
        let [eight, twelve, sixteen, more] = &self.starts;
        match size {
            8 => eight,
            12 => twelve,
            16 => sixteen,
            _ => more,
        }
    }

    /// What `key` opens, if it is the right one. `spend` takes the steps that a trial costs; false ends it. A key of
    /// which little speaks is tried less hard: text must show in the first block, whatever tags may say.
    pub(in crate::sighting) fn open(&self, key: &Key<'_>, hard: bool, spend: &dyn Fn(usize) -> bool) -> Option<Opened> {
        if hard
            && matches!(key.bytes.len(), 16 | 24 | 32)
            && let Some(opened) = self.sealed(key.bytes, spend)
        {
            return Some(opened);
        }
        if key.bytes.len() == 32
            && let Some(opened) = self.chacha(key.bytes, hard, spend)
        {
            return Some(opened);
        }
        for block in &key.blocks {
            if let Some(opened) = self.blocks(block, key.bytes, spend) {
                // Counter mode, and a tag behind it: then the tag says so.
                return if opened.mode.ends_with("ctr") {
                    self.sealed(key.bytes, spend).or(Some(opened))
                } else {
                    Some(opened)
                };
            }
        }
        self.salted(key.bytes, spend).or_else(|| self.rc4(key, spend))
    }

    /// What `openssl enc` and CryptoJS make of a passphrase: `Salted__`, eight bytes of salt, AES-256-CBC under a key and an
    /// initial value that are hashes of both (OpenSSL, EVP_BytesToKey; one round of MD5, later SHA-256).
    fn salted(&self, passphrase: &[u8], spend: &dyn Fn(usize) -> bool) -> Option<Opened> {
        let (salt, text) = self.text.strip_prefix(b"Salted__")?.split_at_checked(8)?;
        if !spend(8) || text.is_empty() || !text.len().is_multiple_of(16) {
            return None;
        }
        let md5 = |bytes: &[u8]| Md5::digest(bytes).to_vec();
        let sha256 = |bytes: &[u8]| Sha256::digest(bytes).to_vec();
        for digest in [&md5 as &dyn Fn(&[u8]) -> Vec<u8>, &sha256] {
            let mut made: Vec<u8> = Vec::new();
            let mut last: Vec<u8> = Vec::new();
            while made.len() < 48 {
                last = digest(&[last.as_slice(), passphrase, salt].concat());
                made.extend_from_slice(&last);
            }
            let (key, iv) = made.get(..48)?.split_at_checked(32)?;
            for block in Block::all(key) {
                if let Some((plain, proof)) = self.chained(&block, Some(iv), text) {
                    return Some(Opened {
                        plain,
                        mode: "aes-256-cbc".to_owned(),
                        iv: "made of passphrase and salt".into(),
                        proof,
                    });
                }
            }
        }
        None
    }

    fn blocks(&self, block: &Block, key: &[u8], spend: &dyn Fn(usize) -> bool) -> Option<Opened> {
        let size = block.size();
        let name = block.name();
        let found = |plain, mode: &str, iv, proof| Opened { plain, mode: format!("{name}-{mode}"), iv, proof };
        // The key itself may be the initial value, too.
        let own = key.get(..size).map(|iv| Start { iv: iv.to_vec(), text: self.text, from: "the key itself".into() });
        if self.text.len().is_multiple_of(size) {
            if !spend(4) {
                return None;
            }
            let (bare, chained) = self.worth(block);
            if bare && let Some((plain, proof)) = self.chained(block, None, self.text) {
                return Some(found(plain, "ecb", Cow::Borrowed(""), proof));
            }
            // A wrong initial value spoils one block only: the one that gives most text is the right one.
            let mut best: Option<(f64, Opened)> = None;
            for start in self.starts(size).iter().chain(&own).filter(|_| chained) {
                if !spend(1) {
                    return None;
                }
                if let Some((plain, proof)) = self.chained(block, Some(&start.iv), start.text) {
                    let bits = legible(&plain);
                    if best.as_ref().is_none_or(|(most, _)| *most < bits) {
                        best = Some((bits, found(plain, "cbc", start.from.clone(), proof)));
                    }
                }
            }
            if let Some((_, opened)) = best {
                return Some(opened);
            }
        }
        let counters = if size == 16 { self.counters.as_slice() } else { &[] };
        for start in self.starts(size).iter().chain(&own).chain(counters) {
            if !spend(1) {
                return None;
            }
            // The first block is the same in all three modes.
            let mut head = start.iv.clone();
            block.encrypt(&mut head);
            xor(&mut head, start.text);
            head.truncate(start.text.len());
            if !Self::is_promising(&head) {
                continue;
            }
            for (mode, label) in Mode::ALL {
                let plain = block.stream(mode, &start.iv, start.text);
                if let Some(proof) = self.proof(&plain, 0.0) {
                    return Some(found(plain, label, start.from.clone(), proof));
                }
            }
        }
        None
    }

    /// Whether ECB and CBC are worth undoing: padding or text shows. In CBC only the first block depends on the initial
    /// value.
    fn worth(&self, block: &Block) -> (bool, bool) {
        let size = block.size();
        let head = self.text.get(..self.text.len().min(GLANCE) / size * size).unwrap_or_default();
        let bare = block.unchain(None, head);
        let mut chained = bare.get(size..).unwrap_or_default().to_vec();
        xor(&mut chained, head);
        let mut blocks = self.text.rchunks_exact(size);
        let (last, before) = (blocks.next().unwrap_or_default(), blocks.next().unwrap_or_default());
        let mut end = last.to_vec();
        block.decrypt(&mut end);
        let padded = |end: &[u8]| self.whole && padding(end, size).is_some();
        let ecb = padded(&end) || Self::is_promising(&bare);
        xor(&mut end, before);
        (ecb, self.text.len() <= 2 * size || padded(&end) || Self::is_promising(&chained))
    }

    /// ECB or CBC: what padding, text and known plaintext prove.
    fn chained(&self, block: &Block, iv: Option<&[u8]>, text: &[u8]) -> Option<(Vec<u8>, &'static str)> {
        let size = block.size();
        let last = text.len().checked_sub(size).and_then(|at| text.get(at..))?;
        let before = text.len().checked_sub(2 * size).and_then(|at| text.get(at..at + size));
        let mut end = last.to_vec();
        block.decrypt(&mut end);
        if let Some(before) = iv.and(before.or(iv)) {
            xor(&mut end, before);
        }
        let pad = if self.whole { padding(&end, size) } else { None };
        if pad.is_none() {
            let glance = text.get(..text.len().min(GLANCE) / size * size).unwrap_or_default();
            if !Self::is_promising(&block.unchain(iv, glance)) {
                return None;
            }
        }
        let mut plain = block.unchain(iv, text);
        // A MAC of 16 or 32 bytes may stand behind it: then the padding is in front of that.
        let padded = |end: usize| Some((end, padding(plain.get(end.checked_sub(size)?..end)?, size)?));
        let behind = || [32, 16].into_iter().find_map(|mac| padded(plain.len().checked_sub(mac)?));
        let tried = pad.is_none() && self.whole && iv.is_some();
        let (end, pad) = if tried { behind().unzip() } else { (None, pad) };
        plain.truncate(end.unwrap_or(usize::MAX));
        // Padding of n bytes is one of `size` paddings that would do, and behind it may be no MAC, or one of two.
        let bits = pad.map_or(0.0, |pad| 8.0 * f64::from(pad) - f64::from(u8::try_from(3 * size).unwrap_or(48)).log2());
        if let Some(pad) = pad {
            plain.truncate(plain.len().saturating_sub(usize::from(pad)));
        } else if self.whole {
            let zeros = plain.iter().rev().take(size - 1).take_while(|byte| **byte == 0).count();
            plain.truncate(plain.len() - zeros);
        }
        self.proof(&plain, bits).map(|proof| (plain, proof))
    }

    fn chacha(&self, key: &[u8], hard: bool, spend: &dyn Fn(usize) -> bool) -> Option<Opened> {
        if hard && let Some(opened) = self.sealed_chacha(key, spend) {
            return Some(opened);
        }
        // Bytes of keystream that are passed over: the first block is what Poly1305 takes for itself.
        for (size, first) in [(12, 0), (12, 64), (8, 0)] {
            for start in self.starts(size) {
                if !spend(8) {
                    return None;
                }
                // The older nonce of 8 bytes behind a longer counter.
                let mut nonce = vec![0; 12 - size];
                nonce.extend_from_slice(&start.iv);
                let apply = |text: &[u8]| {
                    let mut out = vec![0; first];
                    out.extend_from_slice(text);
                    let mut cipher = chacha20::ChaCha20::new_from_slices(key, &nonce).ok()?;
                    cipher.try_apply_keystream(&mut out).ok()?;
                    Some(out.split_off(first))
                };
                if Self::is_promising(&apply(start.text.get(..start.text.len().min(GLANCE)).unwrap_or_default())?) {
                    let plain = apply(start.text)?;
                    if let Some(proof) = self.proof(&plain, 0.0) {
                        let opened = Opened { plain, mode: "chacha20".to_owned(), iv: start.from.clone(), proof };
                        // A tag behind it says so, if there is one.
                        let sealed = (first > 0).then(|| self.sealed_chacha(key, spend)).flatten();
                        return Some(sealed.unwrap_or(opened));
                    }
                }
            }
        }
        None
    }

    fn rc4(&self, key: &Key<'_>, spend: &dyn Fn(usize) -> bool) -> Option<Opened> {
        if !(5..=64).contains(&key.bytes.len()) || !spend(4) {
            return None;
        }
        let mut glance = self.text.get(..self.text.len().min(GLANCE)).unwrap_or_default().to_vec();
        xor(&mut glance, key.rc4()?);
        if !Self::is_promising(&glance) {
            return None;
        }
        let mut plain = self.text.to_vec();
        rc4::StreamCipher::apply_keystream(&mut rc4::Rc4::new_from_slice(key.bytes).ok()?, &mut plain);
        let proof = self.proof(&plain, 0.0)?;
        Some(Opened { plain, mode: "rc4".to_owned(), iv: Cow::Borrowed(""), proof })
    }

    /// Whether the first bytes of a trial are worth deciphering the rest: there is some text in them, or a compressed one
    /// begins.
    fn is_promising(glance: &[u8]) -> bool {
        if packed::begins(glance) {
            return true;
        }
        if glance.len() >= 8 && !has_run(glance) {
            return false;
        }
        glance.windows(8).step_by(2).any(|window| legible(window) >= 8.0) || legible(glance) >= 8.0
    }

    /// What proves that this is the plaintext; `bits` are proved already.
    fn proof(&self, plain: &[u8], bits: f64) -> Option<&'static str> {
        if self.cribs.iter().any(|crib| memchr::memmem::find(plain, &crib.bytes).is_some()) {
            return Some("the planted text comes out");
        }
        if bits.min(64.0) + legible(plain) >= self.need {
            return Some("text comes out that noise would not give");
        }
        let (text, bits) = packed::unpack(plain)?;
        let planted = || self.cribs.iter().any(|crib| memchr::memmem::find(&text, &crib.bytes).is_some());
        let proves = bits >= PROOF || bits + legible(&text) >= PROOF || planted();
        proves.then_some("a compressed text comes out whose checksum holds")
    }
}

/// Whether eight bytes side by side may be UTF-8: most of what a wrong key gives has no such run. At most [`GLANCE`] bytes
/// are looked at.
fn has_run(bytes: &[u8]) -> bool {
    // Bytes that may stand anywhere, that go on a character, that begin one.
    let (mut ascii, mut inner, mut lead) = (0_u64, 0_u64, 0_u64);
    for byte in bytes.iter().take(GLANCE).rev() {
        ascii = ascii << 1 | u64::from(*byte < 0x80);
        inner = inner << 1 | u64::from(byte & 0xc0 == 0x80);
        lead = lead << 1 | u64::from((0xc2..=0xf4).contains(byte));
    }
    let end = 1_u64.rotate_left(u32::try_from(bytes.len().min(GLANCE)).unwrap_or(0).wrapping_sub(1));
    // What is cut at either end is fine.
    let mut run = ascii | inner & ((inner | lead) << 1 | 1) | lead & (inner >> 1 | end);
    for step in [1, 2, 4] {
        run &= run >> step;
    }
    run != 0
}

/// PKCS#7 padding at the end of a block.
fn padding(block: &[u8], size: usize) -> Option<u8> {
    let pad = *block.last()?;
    let from = block.len().checked_sub(usize::from(pad))?;
    let fits = (1..=size).contains(&usize::from(pad)) && block.get(from..)?.iter().all(|byte| *byte == pad);
    fits.then_some(pad)
}

#[cfg(test)]
mod tests;
