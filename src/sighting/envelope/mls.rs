//! MLS: the messages of RFC 9420.

use super::{Found, Recogniser, Sample};
use crate::bytes::Cursor;
use crate::model::envelope::Keying;

/// The entry.
pub(super) static MLS: Recogniser = Recogniser {
    name: "mls",
    about: "Messaging Layer Security: PrivateMessage, PublicMessage, Welcome, KeyPackage",
    source: "RFC 9420, section 6",
    bits: 64,
    bound: "Version and wire format (32 bits), then for messages an epoch below 2^32 (32 bits), a known content type and \
            lengths that end exactly with the message; for the others a cipher suite below 4096, keys of a known length \
            and, but for key packages, lengths that end exactly (32 bits or more together).",
    recognise,
    samples: &[
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/mls-private.bin"),
            kind: "PrivateMessage",
            sealed: 272,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/mls-welcome.bin"),
            kind: "Welcome",
            sealed: 0,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/mls-public.bin"),
            kind: "PublicMessage",
            sealed: 0,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/mls-key-package.bin"),
            kind: "KeyPackage",
            sealed: 0,
        },
    ],
};

/// Bytes of public keys: X25519, X448, P-256, P-384, P-521, X-Wing, ML-KEM-512 to 1024.
const PUBLIC: [usize; 9] = [32, 56, 65, 97, 133, 1216, 800, 1184, 1568];

fn recognise(bytes: &[u8]) -> Option<Found> {
    let rest = bytes.strip_prefix(&[0, 1, 0])?;
    let (format, _) = rest.split_first()?;
    let mut cursor = Cursor::new(bytes);
    cursor.take(4, "MLS message").ok()?;
    let (kind, sealed) = match format {
        1 => ("PublicMessage", public(cursor)?),
        2 => ("PrivateMessage", private(cursor)?),
        3 => ("Welcome", welcome(cursor)?),
        5 => ("KeyPackage", key_package(cursor)?),
        _ => return None,
    };
    Some(Found { kind, keying: Keying::Ratchet, sealed })
}

type Sealed = Vec<std::ops::Range<usize>>;

/// A vector with its length in front (section 2.1.2), and where it stands.
fn vector<'b>(cursor: &mut Cursor<'b>) -> Option<(&'b [u8], std::ops::Range<usize>)> {
    const WHAT: &str = "MLS vector";
    let first = cursor.u8(WHAT).ok()?;
    let head = usize::from(first & 0x3f);
    let len = match first >> 6 {
        0 => head,
        1 => head << 8 | usize::from(cursor.u8(WHAT).ok()?),
        2 => {
            let rest = usize::try_from(cursor.u24(WHAT).ok()?).ok()?;
            head.checked_shl(24)? | rest
        }
        _ => return None,
    };
    let start = cursor.position();
    let bytes = cursor.take(len, WHAT).ok()?;
    Some((bytes, start..start.checked_add(len)?))
}

fn epoch(cursor: &mut Cursor<'_>) -> Option<()> {
    (cursor.u64("MLS epoch").ok()? < 1 << 32).then_some(())
}

/// Section 6.3: group, epoch, content type, authenticated data, sender data, ciphertext.
fn private(mut cursor: Cursor<'_>) -> Option<Sealed> {
    vector(&mut cursor)?;
    epoch(&mut cursor)?;
    matches!(cursor.u8("content type").ok()?, 1..=3).then_some(())?;
    vector(&mut cursor)?;
    let (sender, _) = vector(&mut cursor)?;
    let (text, range) = vector(&mut cursor)?;
    cursor.finish("MLS PrivateMessage").ok()?;
    // Sender data is eleven bytes or more, and a tag.
    (sender.len() >= 24 && text.len() > 16).then(|| vec![range])
}

/// Section 6.2: group, epoch, sender, authenticated data, content type; only what is no application data may travel so.
fn public(mut cursor: Cursor<'_>) -> Option<Sealed> {
    let (group, _) = vector(&mut cursor)?;
    epoch(&mut cursor)?;
    match cursor.u8("sender type").ok()? {
        1 | 2 => {
            cursor.u32("sender").ok().filter(|leaf| *leaf < 1 << 24)?;
        }
        3 | 4 => {}
        _ => return None,
    }
    vector(&mut cursor)?;
    let content = cursor.u8("content type").ok()?;
    // The signature, at least, stands behind.
    (matches!(content, 2 | 3) && !group.is_empty() && cursor.rest().len() > 64).then(Vec::new)
}

/// Section 12.4.3.1: a cipher suite, secrets for new members, the group's state: sealed, and nothing that anybody said.
fn welcome(mut cursor: Cursor<'_>) -> Option<Sealed> {
    suite(&mut cursor)?;
    let (secrets, _) = vector(&mut cursor)?;
    let (text, _) = vector(&mut cursor)?;
    cursor.finish("MLS Welcome").ok()?;
    let mut inner = Cursor::new(secrets);
    while !inner.is_empty() {
        let (reference, _) = vector(&mut inner)?;
        let (output, _) = vector(&mut inner)?;
        let (sealed, _) = vector(&mut inner)?;
        (reference.len() >= 16 && PUBLIC.contains(&output.len()) && sealed.len() >= 16).then_some(())?;
    }
    (!secrets.is_empty() && text.len() > 32).then(Vec::new)
}

/// Section 10: version, cipher suite, the key for welcomes, the key of the leaf.
fn key_package(mut cursor: Cursor<'_>) -> Option<Sealed> {
    (cursor.u16("version").ok()? == 1).then_some(())?;
    suite(&mut cursor)?;
    let (initial, _) = vector(&mut cursor)?;
    let (leaf, _) = vector(&mut cursor)?;
    let (signature, _) = vector(&mut cursor)?;
    let keys = PUBLIC.contains(&initial.len()) && leaf.len() == initial.len() && signature.len() >= 32;
    (keys && cursor.rest().len() > 64).then(Vec::new)
}

fn suite(cursor: &mut Cursor<'_>) -> Option<()> {
    matches!(cursor.u16("cipher suite").ok()?, 1..=0x0fff).then_some(())
}
