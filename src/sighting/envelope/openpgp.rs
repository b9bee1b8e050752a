//! OpenPGP: encrypted messages as packets. Armor is a decoder's business.

use super::{Found, Recogniser, Sample};
use crate::bytes::Cursor;
use crate::model::envelope::Keying;
use std::ops::Range;

/// The entry.
pub(super) static OPENPGP: Recogniser = Recogniser {
    name: "openpgp",
    about: "OpenPGP encrypted messages: keys for recipients or passwords, then encrypted data",
    source: "RFC 9580, sections 4.2, 5.1, 5.3, 5.13",
    bits: 40,
    bound: "For each packet a known tag and form (7 bits), a version (7 bits), a known algorithm (4 bits) and a length; of \
            two packets at least, the last of which must end where the bytes end (8 bits or more).",
    recognise,
    samples: &[
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/openpgp-gpg-rsa.bin"),
            kind: "PKESK and SEIPD",
            sealed: 81,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/openpgp-gpg-ecdh.bin"),
            kind: "PKESK and SEIPD",
            sealed: 81,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/openpgp-gpg-symmetric.bin"),
            kind: "SKESK and SEIPD",
            sealed: 75,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/openpgp-gpg-partial.bin"),
            kind: "PKESK and SEIPD",
            sealed: 21_652,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/openpgp-seipd-v1.bin"),
            kind: "PKESK and SEIPD",
            sealed: 71,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/openpgp-seipd-v2.bin"),
            kind: "PKESK and SEIPD",
            sealed: 63,
        },
    ],
};

/// A packet: its tag, and where its body stands, piece by piece.
struct Packet {
    tag: u8,
    body: Vec<Range<usize>>,
}

fn recognise(bytes: &[u8]) -> Option<Found> {
    if bytes.first()? & 0x80 == 0 {
        return None;
    }
    let mut cursor = Cursor::new(bytes);
    let (mut keys, mut passwords) = (0_usize, 0_usize);
    loop {
        let packet = packet(&mut cursor)?;
        let head = bytes.get(packet.body.first()?.clone())?;
        match packet.tag {
            1 if is_for_key(head) => keys = keys.checked_add(1)?,
            3 if is_for_password(head) => passwords = passwords.checked_add(1)?,
            // A marker, and padding (section 5.8, 5.14).
            10 if head == b"PGP" => {}
            18 | 20 if keys > 0 || passwords > 0 => {
                cursor.finish("OpenPGP message").ok()?;
                let start = sealed_from(packet.tag, head)?;
                let mut sealed = packet.body;
                let first = sealed.first_mut()?;
                first.start = first.start.checked_add(start)?;
                let total: usize = sealed.iter().map(ExactSizeIterator::len).sum();
                let kind = match (packet.tag, keys > 0) {
                    (18, true) => "PKESK and SEIPD",
                    (18, false) => "SKESK and SEIPD",
                    (_, true) => "PKESK and AEAD encrypted data",
                    (_, false) => "SKESK and AEAD encrypted data",
                };
                let keying = if keys > 0 { Keying::LongTerm } else { Keying::Shared };
                return (total >= 20).then_some(Found { kind, keying, sealed });
            }
            _ => return None,
        }
    }
}

/// The next packet (section 4.2): both forms of headers, lengths in parts.
fn packet(cursor: &mut Cursor<'_>) -> Option<Packet> {
    const WHAT: &str = "OpenPGP packet";
    let head = cursor.u8(WHAT).ok()?;
    let mut body = Vec::new();
    let mut take = |cursor: &mut Cursor<'_>, len: usize| {
        let start = cursor.position();
        cursor.take(len, WHAT).ok()?;
        body.push(start..start.checked_add(len)?);
        Some(())
    };
    if head & 0xc0 == 0x80 {
        let len = match head & 3 {
            0 => usize::from(cursor.u8(WHAT).ok()?),
            1 => usize::from(cursor.u16(WHAT).ok()?),
            2 => usize::try_from(cursor.u32(WHAT).ok()?).ok()?,
            // To the end: what old writers of compressed data do.
            _ => return None,
        };
        take(cursor, len)?;
        return Some(Packet { tag: head >> 2 & 0xf, body });
    }
    if head & 0xc0 != 0xc0 {
        return None;
    }
    loop {
        let first = cursor.u8(WHAT).ok()?;
        let len = match first {
            0..=191 => usize::from(first),
            192..=223 => (usize::from(first) - 192) * 256 + usize::from(cursor.u8(WHAT).ok()?) + 192,
            224..=254 => {
                take(cursor, 1 << (first & 0x1f))?;
                continue;
            }
            255 => usize::try_from(cursor.u32(WHAT).ok()?).ok()?,
        };
        take(cursor, len)?;
        return Some(Packet { tag: head & 0x3f, body });
    }
}

/// Section 5.1: version 3 with a key's identifier, version 6 with a fingerprint; a known algorithm.
fn is_for_key(body: &[u8]) -> bool {
    let algorithm = match body.first() {
        Some(3) => body.get(9),
        Some(6) => body.get(1).and_then(|len| match len {
            0 => body.get(2),
            21 | 33 => body.get(usize::from(*len) + 2),
            _ => None,
        }),
        _ => None,
    };
    // RSA, Elgamal, ECDH, X25519, X448, and the composite ones with ML-KEM.
    body.len() > 32 && algorithm.is_some_and(|algorithm| matches!(algorithm, 1 | 2 | 16 | 18 | 25 | 26 | 35 | 36))
}

/// Section 5.3: versions 4 to 6, a known cipher.
fn is_for_password(body: &[u8]) -> bool {
    let cipher = |at: usize| body.get(at).is_some_and(|cipher| matches!(cipher, 1..=4 | 7..=13));
    match body.first() {
        // What turns the password into a key is simple, salted, iterated or Argon2.
        Some(4 | 5) => cipher(1) && body.get(2).is_some_and(|kind| matches!(kind, 0 | 1 | 3 | 4)),
        Some(6) => cipher(2),
        _ => false,
    }
}

/// Where the ciphertext begins in the body (sections 5.13, 5.16 of the draft that GnuPG follows for tag 20).
fn sealed_from(tag: u8, body: &[u8]) -> Option<usize> {
    let aead = |at: usize| body.get(at).is_some_and(|aead| matches!(aead, 1..=3));
    let cipher = body.get(1).is_some_and(|cipher| matches!(cipher, 7..=13));
    match (tag, body.first()?) {
        (18, 1) => Some(1),
        (18, 2) => (cipher && aead(2) && body.get(3).is_some_and(|chunk| *chunk <= 16)).then_some(36),
        (20, 1) => (cipher && aead(2)).then(|| if body.get(2) == Some(&1) { 20 } else { 19 }),
        _ => None,
    }
}
