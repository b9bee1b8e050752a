//! Olm and Megolm: the ratchets of Matrix, as libolm and vodozemac write them.

use super::wire::Protobuf;
use super::{Found, Recogniser, Sample};
use crate::model::envelope::Keying;
use std::ops::Range;

/// The entry.
pub(super) static OLM: Recogniser = Recogniser {
    name: "olm",
    about: "Olm and Megolm, the ratchets of Matrix: normal, pre-key and group messages",
    source: "Matrix, Olm: A Cryptographic Ratchet (docs/olm.md) and Megolm group ratchet (docs/megolm.md)",
    bits: 36,
    bound: "A version byte (2 of 256), the tags of two fields (16 bits), ciphertext in whole blocks (4 bits) whose length \
            leaves a MAC and signature of fixed length (7 bits or more), and none but known fields: 36 bits for Megolm; 60 \
            or more for Olm, whose keys have a length.",
    recognise,
    samples: &[
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/olm-normal.bin"),
            kind: "Olm normal message",
            sealed: 32,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/olm-prekey.bin"),
            kind: "Olm pre-key message",
            sealed: 32,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/megolm.bin"),
            kind: "Megolm message",
            sealed: 32,
        },
    ],
};

/// Bytes of the signature behind a group's message.
const SIGNATURE: usize = 64;

/// Bytes of the MAC behind a message: cut to eight, and whole in the version that vodozemac added.
fn mac(version: u8) -> Option<usize> {
    match version {
        3 => Some(8),
        4 => Some(32),
        _ => None,
    }
}

fn recognise(bytes: &[u8]) -> Option<Found> {
    mac(*bytes.first()?)?;
    let found = |kind, sealed| Found { kind, keying: Keying::Ratchet, sealed: vec![sealed] };
    if let Some(sealed) = normal(bytes, 0..bytes.len()) {
        return Some(found("Olm normal message", sealed));
    }
    if let Some(sealed) = prekey(bytes) {
        return Some(found("Olm pre-key message", sealed));
    }
    megolm(bytes).map(|sealed| found("Megolm message", sealed))
}

fn blocks(range: Range<usize>) -> Option<Range<usize>> {
    (!range.is_empty() && range.len().is_multiple_of(16)).then_some(range)
}

/// A ratchet key, a chain index, ciphertext.
fn normal(bytes: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let mac = mac(*bytes.get(range.start)?)?;
    let fields = Protobuf::read(bytes, range.start.checked_add(1)?..range.end.checked_sub(mac)?, &[1, 2, 4])?;
    fields.exact(1, 32)?;
    u32::try_from(fields.number(2)?).ok()?;
    blocks(fields.range(4)?)
}

/// A one-time key, a base key, an identity key, and the message inside.
fn prekey(bytes: &[u8]) -> Option<Range<usize>> {
    let fields = Protobuf::read(bytes, 1..bytes.len(), &[1, 2, 3, 4])?;
    let keys = (1..=3).all(|number| fields.exact(number, 32).is_some());
    let message = fields.range(4).filter(|_| keys)?;
    normal(bytes, message)
}

/// A message index, ciphertext; behind them a MAC and a signature.
fn megolm(bytes: &[u8]) -> Option<Range<usize>> {
    let behind = mac(*bytes.first()?)?.checked_add(SIGNATURE)?;
    let fields = Protobuf::read(bytes, 1..bytes.len().checked_sub(behind)?, &[1, 2])?;
    u32::try_from(fields.number(1)?).ok()?;
    blocks(fields.range(2)?)
}
