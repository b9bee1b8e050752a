//! Secret keys of OpenPGP (RFC 9580, section 5.5.3) that no passphrase protects.

use crate::bytes::Cursor;

/// Packets of one key that are looked at.
const PACKETS: usize = 64;

/// Whether these bytes begin with packets of a key of which one is an unprotected secret key. Its fields must fill the packet
/// and, in version 4, add up to its checksum: with the marks of packet, version, algorithm and usage, other bytes pass by a
/// chance below 2^-40.
pub(super) fn holds_open_key(bytes: &[u8]) -> bool {
    open_key(bytes).is_some()
}

/// How long the packets are up to the end of the first unprotected secret key.
pub(super) fn open_key(bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor::new(bytes);
    for count in 0..PACKETS {
        let (tag, body) = packet(&mut cursor)?;
        // A key begins with its primary key, secret or not.
        if count == 0 && !matches!(tag, 5 | 6) {
            return None;
        }
        if matches!(tag, 5 | 7) && is_open(body) == Some(true) {
            return Some(cursor.position());
        }
    }
    None
}

/// The next packet: its type, and what it holds (sections 4.2.1 and 4.2.2). Keys have no partial lengths.
fn packet<'a>(cursor: &mut Cursor<'a>) -> Option<(u8, &'a [u8])> {
    let head = cursor.u8("packet").ok()?;
    let (tag, len) = match head >> 6 {
        0b11 => (
            head & 0x3f,
            match cursor.u8("length").ok()? {
                short @ 0..192 => usize::from(short),
                high @ 192..224 => {
                    (usize::from(high) - 192).checked_mul(256)?.checked_add(usize::from(cursor.u8("length").ok()?))?
                        + 192
                }
                255 => usize::try_from(cursor.u32("length").ok()?).ok()?,
                _ => return None,
            },
        ),
        0b10 => (
            head >> 2 & 0x0f,
            match head & 3 {
                0 => usize::from(cursor.u8("length").ok()?),
                1 => usize::from(cursor.u16("length").ok()?),
                2 => usize::try_from(cursor.u32("length").ok()?).ok()?,
                _ => return None,
            },
        ),
        _ => return None,
    };
    Some((tag, cursor.take(len, "packet").ok()?))
}

/// Whether the fields of a secret key are those of an unprotected one, from the first to the last.
fn is_open(body: &[u8]) -> Option<bool> {
    let mut cursor = Cursor::new(body);
    let version = cursor.u8("version").ok().filter(|version| matches!(version, 4 | 6))?;
    cursor.u32("time").ok()?;
    let algorithm = cursor.u8("algorithm").ok()?;
    if version == 6 {
        cursor.u32("length").ok()?;
    }
    // How many numbers are public, how many secret; or the octets of each (section 9.1).
    match algorithm {
        1..=3 => numbers(&mut cursor, 2)?,
        16 => numbers(&mut cursor, 3)?,
        17 => numbers(&mut cursor, 4)?,
        18 => {
            cursor.sub_u8("curve").ok()?;
            numbers(&mut cursor, 1)?;
            cursor.sub_u8("key derivation").ok()?;
        }
        19 | 22 => {
            cursor.sub_u8("curve").ok()?;
            numbers(&mut cursor, 1)?;
        }
        25..=28 => {
            cursor.take(native(algorithm), "public key").ok()?;
        }
        _ => return None,
    }
    // Any other usage says how it is protected, or that it is not here at all.
    if cursor.u8("usage").ok()? != 0 {
        return Some(false);
    }
    let secret = cursor.rest();
    match algorithm {
        1..=3 => numbers(&mut cursor, 4)?,
        16..=19 | 22 => numbers(&mut cursor, 1)?,
        _ => {
            cursor.take(native(algorithm), "secret key").ok()?;
        }
    }
    if version == 4 {
        let len = secret.len().checked_sub(cursor.rest().len())?;
        let sum = secret.iter().take(len).fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
        if cursor.u16("checksum").ok()? != sum {
            return None;
        }
    }
    cursor.finish("secret key").ok()?;
    Some(true)
}

/// Numbers of which each says its bits (section 3.2).
fn numbers(cursor: &mut Cursor<'_>, count: usize) -> Option<()> {
    for _ in 0..count {
        let bits = cursor.u16("bits").ok().filter(|bits| *bits > 0)?;
        cursor.take(usize::from(bits.div_ceil(8)), "number").ok()?;
    }
    Some(())
}

/// Octets of the keys of X25519, X448, Ed25519 and Ed448 alike.
const fn native(algorithm: u8) -> usize {
    match algorithm {
        26 => 56,
        28 => 57,
        _ => 32,
    }
}
