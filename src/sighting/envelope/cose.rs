//! COSE: encrypted messages in CBOR, with the tags that name them.

use super::{Found, Recogniser, Sample};
use crate::bytes::Cursor;
use crate::model::envelope::Keying;
use std::ops::Range;

/// The entry.
pub(super) static COSE: Recogniser = Recogniser {
    name: "cose",
    about: "COSE_Encrypt0 and COSE_Encrypt, with their tags",
    source: "RFC 9052, section 5; RFC 9053",
    bits: 45,
    bound: "The tag and the array's length (16 bits or more), a byte string that is a map (14 bits) whose first label names \
            a registered content cipher (14 bits), a map, and a length that ends with the bytes.",
    recognise,
    samples: &[
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/cose-encrypt0.cbor"),
            kind: "COSE_Encrypt0",
            sealed: 39,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/cose-encrypt.cbor"),
            kind: "COSE_Encrypt",
            sealed: 39,
        },
    ],
};

/// Values in one another that are passed over.
const DEPTH: u8 = 8;

fn recognise(bytes: &[u8]) -> Option<Found> {
    let (kind, head) = match bytes {
        [0xd0, 0x83, ..] => ("COSE_Encrypt0", 2),
        [0xd8, 0x60, 0x84, ..] => ("COSE_Encrypt", 3),
        _ => return None,
    };
    let mut cursor = Cursor::new(bytes);
    cursor.take(head, "COSE message").ok()?;
    let protected = string(&mut cursor, 2)?;
    let (algorithm, nonce) = protected_header(bytes.get(protected)?)?;
    if !is_cipher(algorithm) {
        return None;
    }
    let (major, _) = peek(cursor)?;
    let unprotected = cursor.position();
    skip(&mut cursor, DEPTH)?;
    // The nonce is in one header or the other: label 5.
    let has_nonce = nonce || bytes.get(unprotected..cursor.position())?.contains(&5);
    let sealed = string(&mut cursor, 2)?;
    let mut keying = Keying::Shared;
    if kind == "COSE_Encrypt" {
        let (recipients, _) = peek(cursor)?;
        if recipients != 4 {
            return None;
        }
        let start = cursor.position();
        skip(&mut cursor, DEPTH)?;
        if agrees_on_keys(bytes.get(start..cursor.position())?) {
            keying = Keying::LongTerm;
        }
    }
    cursor.finish("COSE message").ok()?;
    (major == 5 && has_nonce && sealed.len() >= 8).then(|| Found { kind, keying, sealed: vec![sealed] })
}

/// Content ciphers of RFC 9053, section 4: AES-GCM, ChaCha20/Poly1305, AES-CCM; and those of RFC 9459, CTR and CBC.
fn is_cipher(algorithm: i64) -> bool {
    matches!(algorithm, 1..=3 | 10..=13 | 24 | 30..=33 | -65_534..=-65_529)
}

/// Whether a recipient's algorithm is key agreement or transport with a long-term key (RFC 9053, section 6; RFC 8230):
/// its number stands behind label 1.
fn agrees_on_keys(recipients: &[u8]) -> bool {
    // -25 to -34, and -40 to -42: two bytes each.
    recipients.windows(3).any(|window| matches!(window, [1, 0x38, 0x18..=0x21 | 0x27..=0x29]))
}

/// Label 1 of a protected header, and whether label 5 is there.
fn protected_header(bytes: &[u8]) -> Option<(i64, bool)> {
    let mut cursor = Cursor::new(bytes);
    let (major, pairs) = head(&mut cursor)?;
    if major != 5 || pairs == 0 || pairs > 16 {
        return None;
    }
    let (mut algorithm, mut nonce) = (None, false);
    for _ in 0..pairs {
        let label = integer(&mut cursor)?;
        match label {
            1 => algorithm = Some(integer(&mut cursor)?),
            _ => skip(&mut cursor, DEPTH)?,
        }
        nonce |= label == 5;
    }
    cursor.finish("COSE header").ok()?;
    Some((algorithm?, nonce))
}

fn integer(cursor: &mut Cursor<'_>) -> Option<i64> {
    let (major, value) = head(cursor)?;
    let value = i64::try_from(value).ok()?;
    match major {
        0 => Some(value),
        1 => (-1_i64).checked_sub(value),
        _ => None,
    }
}

/// Major type and argument (RFC 8949, section 3); what has no definite length is not COSE.
fn head(cursor: &mut Cursor<'_>) -> Option<(u8, u64)> {
    const WHAT: &str = "CBOR head";
    let first = cursor.u8(WHAT).ok()?;
    let argument = match first & 0x1f {
        info @ 0..=23 => u64::from(info),
        24 => u64::from(cursor.u8(WHAT).ok()?),
        25 => u64::from(cursor.u16(WHAT).ok()?),
        26 => u64::from(cursor.u32(WHAT).ok()?),
        27 => cursor.u64(WHAT).ok()?,
        _ => return None,
    };
    Some((first >> 5, argument))
}

fn peek(cursor: Cursor<'_>) -> Option<(u8, u64)> {
    let mut cursor = cursor;
    head(&mut cursor)
}

fn string(cursor: &mut Cursor<'_>, want: u8) -> Option<Range<usize>> {
    let (major, len) = head(cursor)?;
    let len = usize::try_from(len).ok().filter(|_| major == want)?;
    let start = cursor.position();
    cursor.take(len, "CBOR string").ok()?;
    Some(start..start.checked_add(len)?)
}

/// Passes over one value.
fn skip(cursor: &mut Cursor<'_>, depth: u8) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let (major, argument) = head(cursor)?;
    match major {
        2 | 3 => drop(cursor.take(usize::try_from(argument).ok()?, "CBOR string").ok()?),
        4 | 5 => {
            let items = if major == 5 { argument.checked_mul(2)? } else { argument };
            for _ in 0..items {
                skip(cursor, depth)?;
            }
        }
        6 => skip(cursor, depth)?,
        _ => {}
    }
    Some(())
}
