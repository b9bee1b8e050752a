//! Record protection of TLS and of DTLS up to 1.2: what opens the records of one direction under one set of keys.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::message::crypto::aead::{Aead, Algorithm};
use crate::message::crypto::cbc::CbcKey;
use crate::message::crypto::hash::Hash;
use crate::message::crypto::rc4::Rc4;
use crate::message::handshake::suite::{Cipher, Suite};
use smallvec::SmallVec;

/// Keys of one direction up to TLS 1.2.
#[derive(Clone, Default)]
pub struct Keys {
    /// Of the MAC.
    pub mac: Vec<u8>,
    /// Of the cipher.
    pub key: Vec<u8>,
    /// The IV, or the part of the nonce that is not sent.
    pub iv: Vec<u8>,
}

/// What hellos agreed on beside the suite, up to TLS 1.2.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// The version, as TLS numbers it; DTLS 1.0 is built on TLS 1.1, DTLS 1.2 on TLS 1.2.
    pub version: u16,
    /// `encrypt_then_mac` (RFC 7366).
    pub encrypt_then_mac: bool,
    /// `truncated_hmac` (RFC 6066).
    pub truncated_hmac: bool,
}

/// What an opened record was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Plain {
    /// Content type: the inner one in TLS 1.3.
    pub kind: u8,
    /// Where in the record's body the plaintext began.
    pub lead: usize,
}

/// Content type of DTLS records with a connection ID (RFC 9146).
pub const TLS12_CID: u8 = 25;

enum Kind {
    /// TLS 1.3 (RFC 8446 section 5.2).
    Aead13 { aead: Aead, iv: [u8; 12] },
    /// TLS 1.2 with eight bytes of nonce in each record (RFC 5288, 6655).
    Aead12 { aead: Aead, salt: [u8; 4], last: Option<(u64, u64)> },
    /// TLS 1.2 with ChaCha20-Poly1305 (RFC 7905).
    ChaCha12 { aead: Aead, iv: [u8; 12] },
    /// CBC; `iv` is the chained one up to TLS 1.0, `None` where it is lost.
    Cbc { key: CbcKey, block: usize, implicit: bool, iv: Option<Vec<u8>>, encrypt_then_mac: bool },
    /// RC4.
    Rc4(Rc4),
    /// Nothing.
    Null,
}

/// Opens the records of one direction under one set of keys.
pub struct Opener {
    kind: Kind,
    mac: Option<(Hash, usize, Vec<u8>)>,
    /// Number of the next record.
    pub seq: u64,
    /// The connection ID that DTLS records of this direction carry (RFC 9146).
    pub cid: Vec<u8>,
}

impl Opener {
    /// For TLS 1.3: from a traffic secret.
    pub fn tls13(suite: Suite, secret: &[u8]) -> Option<Self> {
        let Cipher::Aead(algorithm) = suite.cipher else { return None };
        if secret.len() != suite.hash.size() {
            return None;
        }
        let key = suite.hash.expand_label("tls13 ", secret, "key", &[], algorithm.key_len())?;
        let iv = suite.hash.expand_label("tls13 ", secret, "iv", &[], 12)?.try_into().ok()?;
        Some(Self { kind: Kind::Aead13 { aead: Aead::new(algorithm, &key)?, iv }, mac: None, seq: 0, cid: Vec::new() })
    }

    /// Up to TLS 1.2: from one direction's part of the key block.
    pub fn tls12(suite: Suite, terms: Terms, keys: &Keys) -> Option<Self> {
        let mac_of = |hash: Hash| {
            let len = if terms.truncated_hmac { 10 } else { hash.size() };
            (hash, len, keys.mac.clone())
        };
        let (kind, mac) = match suite.cipher {
            Cipher::Aead(algorithm) => {
                let aead = Aead::new(algorithm, &keys.key)?;
                let kind = if algorithm == Algorithm::ChaCha20Poly1305 {
                    Kind::ChaCha12 { aead, iv: keys.iv.as_slice().try_into().ok()? }
                } else {
                    Kind::Aead12 { aead, salt: keys.iv.as_slice().try_into().ok()?, last: None }
                };
                (kind, None)
            }
            Cipher::Cbc(block, hash) => {
                let kind = Kind::Cbc {
                    key: CbcKey::new(block, &keys.key)?,
                    block: block.size(),
                    implicit: terms.version < 0x0302,
                    iv: Some(keys.iv.clone()),
                    encrypt_then_mac: terms.encrypt_then_mac,
                };
                (kind, Some(mac_of(hash)))
            }
            Cipher::Rc4(hash) => (Kind::Rc4(Rc4::new(&keys.key)?), Some(mac_of(hash))),
            Cipher::Null(hash) => (Kind::Null, hash.map(mac_of)),
            Cipher::Unsupported => return None,
        };
        Some(Self { kind, mac, seq: 0, cid: Vec::new() })
    }

    /// Whether a record can be tried more than once, with one number and then another.
    pub const fn can_retry(&self) -> bool {
        match &self.kind {
            Kind::Rc4(_) => false,
            Kind::Cbc { implicit, .. } => !*implicit,
            _ => true,
        }
    }

    /// The number that a record says it has, where it says so: explicit nonces count along with records in most stacks.
    pub fn told_seq(&self, body: &[u8]) -> Option<u64> {
        let Kind::Aead12 { last, .. } = &self.kind else { return None };
        let (nonce, seq) = (*last)?;
        let now = u64::from_be_bytes(body.first_chunk::<8>().copied()?);
        seq.checked_add(now.checked_sub(nonce)?)
    }

    /// Opens record number `seq`: `body` is then its plaintext. `None` if it is not authentic; `body` is then of no use.
    pub fn open(&mut self, seq: u64, kind: u8, version: u16, body: &mut Vec<u8>) -> Option<Plain> {
        let mac = self.mac.as_ref();
        let cid = self.cid.as_slice();
        match &mut self.kind {
            Kind::Aead13 { aead, iv } => {
                let [v0, v1] = version.to_be_bytes();
                let [l0, l1] = u16::try_from(body.len()).ok()?.to_be_bytes();
                if !aead.open(xor_nonce(*iv, seq), &[kind, v0, v1, l0, l1], body, 0) {
                    return None;
                }
                let end = body.iter().rposition(|&byte| byte != 0)?;
                let kind = body.get(end).copied()?;
                body.truncate(end);
                Some(Plain { kind, lead: 0 })
            }
            Kind::Aead12 { aead, salt, last } => {
                let explicit = body.first_chunk::<8>().copied()?;
                let len = body.len().checked_sub(8)?.checked_sub(aead.algorithm().tag_len())?;
                let aad = pseudo_header(cid, seq, kind, version, len)?;
                if !aead.open(explicit_nonce(*salt, explicit), &aad, body, 8) {
                    return None;
                }
                *last = Some((u64::from_be_bytes(explicit), seq));
                Some(Plain { kind, lead: 8 })
            }
            Kind::ChaCha12 { aead, iv } => {
                let len = body.len().checked_sub(aead.algorithm().tag_len())?;
                let aad = pseudo_header(cid, seq, kind, version, len)?;
                aead.open(xor_nonce(*iv, seq), &aad, body, 0).then_some(Plain { kind, lead: 0 })
            }
            Kind::Cbc { key, block, implicit, iv, encrypt_then_mac } => {
                let (hash, mac_len, mac_key) = mac?;
                if *encrypt_then_mac {
                    let end = body.len().checked_sub(*mac_len)?;
                    let (text, tag) = body.split_at_checked(end)?;
                    let front = pseudo_header(cid, seq, kind, version, text.len())?;
                    if !hash.hmac(mac_key, &[&front, text]).starts_with(tag) {
                        return None;
                    }
                    body.truncate(end);
                }
                let lead = if *implicit { 0 } else { *block };
                let next = body.len().checked_sub(*block).and_then(|at| body.get(at..)).map(<[u8]>::to_vec);
                let (front, text) = body.split_at_mut_checked(lead)?;
                let chained = if *implicit { std::mem::replace(iv, next) } else { None };
                let first = if *implicit { chained.as_deref()? } else { &*front };
                if !key.decrypt(first, text) {
                    return None;
                }
                body.drain(..lead);
                // Padding (RFC 5246 section 6.2.3.2): its length, repeated.
                let pad = body.last().copied()?;
                let end = body.len().checked_sub(usize::from(pad))?.checked_sub(1)?;
                if body.get(end..)?.iter().any(|&byte| byte != pad) {
                    return None;
                }
                body.truncate(end);
                if !*encrypt_then_mac {
                    check_mac((*hash, *mac_len, mac_key), cid, seq, kind, version, body)?;
                }
                Some(Plain { kind, lead })
            }
            Kind::Rc4(stream) => {
                let (hash, mac_len, mac_key) = mac?;
                stream.apply(body);
                check_mac((*hash, *mac_len, mac_key), cid, seq, kind, version, body)?;
                Some(Plain { kind, lead: 0 })
            }
            Kind::Null => {
                // Anyone can read it, key or no key; so a wrong MAC keeps nobody from doing so.
                let len = body.len().checked_sub(mac.map_or(0, |(_, len, _)| *len))?;
                body.truncate(len);
                Some(Plain { kind, lead: 0 })
            }
        }
    }

    /// Reads record number `seq` of which bytes are lost, without authenticating it. Gives where the plaintext began in
    /// the body, and how much of the front of the body can be trusted to be plaintext at the most.
    pub fn peek(&mut self, seq: u64, body: &mut [u8], first_hole: usize) -> Option<(usize, usize)> {
        let tail = self.mac.as_ref().map_or(0, |(_, len, _)| *len);
        match &mut self.kind {
            Kind::Aead13 { aead, iv } => {
                let end = body.len().checked_sub(aead.algorithm().tag_len())?;
                aead.keystream(xor_nonce(*iv, seq), body.get_mut(..end)?);
                // The inner type, and whatever padding is behind it, is no content.
                Some((0, end.checked_sub(1)?))
            }
            Kind::Aead12 { aead, salt, .. } => {
                let end = body.len().checked_sub(aead.algorithm().tag_len())?;
                let explicit = body.first_chunk::<8>().copied().filter(|_| first_hole >= 8)?;
                aead.keystream(explicit_nonce(*salt, explicit), body.get_mut(8..end)?);
                Some((8, end))
            }
            Kind::ChaCha12 { aead, iv } => {
                let end = body.len().checked_sub(aead.algorithm().tag_len())?;
                aead.keystream(xor_nonce(*iv, seq), body.get_mut(..end)?);
                Some((0, end))
            }
            Kind::Cbc { key, block, implicit, iv, encrypt_then_mac } => {
                // Whole blocks in front of the first hole; the MAC and at least one byte of padding may be at the end.
                let lead = if *implicit { 0 } else { *block };
                let content = body.len().checked_sub(if *encrypt_then_mac { tail } else { 0 })?;
                let chained = std::mem::take(iv);
                if *implicit {
                    let at = content.checked_sub(*block)?;
                    // The next record goes on from this one's last block, if that one is there.
                    *iv = (first_hole >= content).then(|| body.get(at..content).map(<[u8]>::to_vec)).flatten();
                }
                let whole = first_hole.min(content).checked_sub(lead)?.checked_div(*block)?;
                let end = whole.checked_mul(*block)?.checked_add(lead)?;
                let (front, text) = body.get_mut(..end)?.split_at_mut_checked(lead)?;
                let first = if *implicit { chained.as_deref()? } else { &*front };
                let fine = key.decrypt(first, text);
                // Where the padding begins is at the end, too; up to a block of content is given up for it.
                let most = content.checked_sub(if *encrypt_then_mac { 0 } else { tail })?.checked_sub(*block)?;
                fine.then_some((lead, end.min(most)))
            }
            Kind::Rc4(stream) => {
                stream.apply(body);
                Some((0, body.len().checked_sub(tail)?))
            }
            Kind::Null => Some((0, body.len().checked_sub(tail)?)),
        }
    }
}

/// How much plaintext a record with a body of `len` bytes can hold: with the most padding that stacks usually send for a
/// lower bound, with the least that is possible for an upper one.
pub fn capacity(suite: Option<Suite>, version: Option<u16>, len: usize, bound: Bound) -> u64 {
    let overhead = match (suite.map(|suite| suite.cipher), version) {
        (Some(Cipher::Aead(algorithm)), Some(0x0304)) => algorithm.tag_len().saturating_add(1),
        (Some(Cipher::Aead(algorithm @ Algorithm::ChaCha20Poly1305)), _) => algorithm.tag_len(),
        (Some(Cipher::Aead(algorithm)), _) => algorithm.tag_len().saturating_add(8),
        (Some(Cipher::Cbc(block, hash)), version) => {
            let iv = if version.is_some_and(|version| version < 0x0302) { 0 } else { block.size() };
            let padding = if bound == Bound::Lower { block.size() } else { 1 };
            iv.saturating_add(hash.size()).saturating_add(padding)
        }
        (Some(Cipher::Rc4(hash) | Cipher::Null(Some(hash))), _) => hash.size(),
        (Some(Cipher::Null(None)), _) => 0,
        // The most that any suite in use takes is an IV, a SHA-384 MAC and a block of padding; the least, a tag.
        (Some(Cipher::Unsupported) | None, _) => match bound {
            Bound::Lower => 80,
            Bound::Upper => 16,
        },
    };
    len.saturating_sub(overhead) as u64
}

/// Which bound of a capacity: what is evidence is never overestimated, what is unread never underestimated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bound {
    /// The least that it surely holds.
    Lower,
    /// The most that it may hold.
    Upper,
}

fn xor_nonce(mut iv: [u8; 12], seq: u64) -> [u8; 12] {
    for (to, from) in iv.iter_mut().skip(4).zip(seq.to_be_bytes()) {
        *to ^= from;
    }
    iv
}

fn explicit_nonce(salt: [u8; 4], explicit: [u8; 8]) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (to, from) in nonce.iter_mut().zip(salt.into_iter().chain(explicit)) {
        *to = from;
    }
    nonce
}

/// What MACs and AEADs cover in front of the content (RFC 5246 section 6.2.3; for `tls12_cid`, RFC 9146 section 5).
fn pseudo_header(cid: &[u8], seq: u64, kind: u8, version: u16, len: usize) -> Option<SmallVec<[u8; 32]>> {
    let mut out = SmallVec::new();
    if kind == TLS12_CID {
        out.extend_from_slice(&[0xff; 8]);
        out.extend_from_slice(&[TLS12_CID, u8::try_from(cid.len()).ok()?, TLS12_CID]);
        out.extend_from_slice(&version.to_be_bytes());
        out.extend_from_slice(&seq.to_be_bytes());
        out.extend_from_slice(cid);
    } else {
        out.extend_from_slice(&seq.to_be_bytes());
        out.push(kind);
        out.extend_from_slice(&version.to_be_bytes());
    }
    out.extend_from_slice(&u16::try_from(len).ok()?.to_be_bytes());
    Some(out)
}

/// Takes the MAC off the end of `body`; `None` if it is wrong.
fn check_mac(
    mac: (Hash, usize, &[u8]),
    cid: &[u8],
    seq: u64,
    kind: u8,
    version: u16,
    body: &mut Vec<u8>,
) -> Option<()> {
    let (hash, len, key) = mac;
    let end = body.len().checked_sub(len)?;
    let (text, tag) = body.split_at_checked(end)?;
    let front = pseudo_header(cid, seq, kind, version, text.len())?;
    if !hash.hmac(key, &[&front, text]).starts_with(tag) {
        return None;
    }
    body.truncate(end);
    Some(())
}
