//! Signal: the double ratchet's messages as libsignal, and WhatsApp with it, write them.

use super::wire::Protobuf;
use super::{Found, Recogniser, Sample};
use crate::model::envelope::Keying;
use std::ops::Range;

/// The entry.
pub(super) static SIGNAL: Recogniser = Recogniser {
    name: "signal",
    about: "Signal: SignalMessage, PreKeySignalMessage, SenderKeyMessage, sealed sender (version 1)",
    source: "Signal, The Double Ratchet Algorithm and The Sesame Algorithm; libsignal, rust/protocol/src/proto/wire.proto",
    bits: 40,
    bound: "A version byte (3 of 256), the tags of three fields, each known, once, and in as few bytes as it takes (24 \
            bits), ciphertext in whole blocks (4 bits) that ends a MAC or signature before the end (7 bits or more): 41 \
            bits for the oldest SenderKeyMessage, 60 or more for the others, whose keys have a length and a type byte.",
    recognise,
    samples: &[
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/signal-message.bin"),
            kind: "SignalMessage",
            sealed: 32,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/signal-prekey.bin"),
            kind: "PreKeySignalMessage",
            sealed: 32,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/signal-sender-key.bin"),
            kind: "SenderKeyMessage",
            sealed: 32,
        },
    ],
};

/// Bytes of the MAC behind a message.
const MAC: usize = 8;
/// Bytes of the signature behind a group's message.
const SIGNATURE: usize = 64;

fn recognise(bytes: &[u8]) -> Option<Found> {
    match bytes.first()? {
        0x33 | 0x34 | 0x44 => {}
        0x11 => return sealed_sender(bytes),
        _ => return None,
    }
    let found = |kind, sealed| Found { kind, keying: Keying::Ratchet, sealed: vec![sealed] };
    if let Some(sealed) = message(bytes, 0..bytes.len()) {
        return Some(found("SignalMessage", sealed));
    }
    if let Some(sealed) = prekey(bytes) {
        return Some(found("PreKeySignalMessage", sealed));
    }
    sender_key(bytes).map(|sealed| found("SenderKeyMessage", sealed))
}

/// Ciphertext of AES-CBC: whole blocks.
fn blocks(range: Range<usize>) -> Option<Range<usize>> {
    (!range.is_empty() && range.len().is_multiple_of(16)).then_some(range)
}

/// `SignalMessage`: version, fields, MAC. Keys, counters, ciphertext; the post-quantum ratchet and the addresses of later
/// versions.
fn message(bytes: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    if !matches!(bytes.get(range.start)?, 0x33 | 0x34 | 0x44) {
        return None;
    }
    let body = range.start.checked_add(1)?..range.end.checked_sub(MAC)?;
    let fields = Protobuf::read(bytes, body, &[1, 2, 3, 4, 5, 6])?;
    let counted = fields.number(2).is_some_and(|counter| u32::try_from(counter).is_ok());
    if !fields.key(1) || !counted || (fields.has(3) && fields.number(3).is_none()) {
        return None;
    }
    blocks(fields.range(4)?)
}

/// `PreKeySignalMessage`: version, fields; the message is inside.
fn prekey(bytes: &[u8]) -> Option<Range<usize>> {
    let fields = Protobuf::read(bytes, 1..bytes.len(), &[1, 2, 3, 4, 5, 6, 7, 8])?;
    if !fields.key(2) || !fields.key(3) || fields.number(6).is_none() {
        return None;
    }
    message(bytes, fields.range(4)?)
}

/// `SenderKeyMessage`: version, fields, signature; with a number, in its oldest version, where there is an identifier now.
fn sender_key(bytes: &[u8]) -> Option<Range<usize>> {
    let body = 1..bytes.len().checked_sub(SIGNATURE)?;
    let fields = Protobuf::read(bytes, body, &[1, 2, 3, 4])?;
    if fields.exact(1, 16).is_some() {
        (fields.number(2).is_some() && fields.number(3).is_some()).then_some(())?;
        return blocks(fields.range(4)?);
    }
    (fields.number(1).is_some() && fields.number(2).is_some() && !fields.has(4)).then_some(())?;
    blocks(fields.range(3)?)
}

/// `UnidentifiedSenderMessage`, version 1: an ephemeral key, the sender's key enciphered (with a MAC of ten bytes), the
/// message enciphered likewise.
fn sealed_sender(bytes: &[u8]) -> Option<Found> {
    let fields = Protobuf::read(bytes, 1..bytes.len(), &[1, 2, 3])?;
    let sender = fields.range(2)?;
    let sealed = fields.range(3)?;
    let fits = fields.key(1) && sender.len() == 43 && sealed.len() > 32;
    fits.then(|| Found { kind: "UnidentifiedSenderMessage", keying: Keying::LongTerm, sealed: vec![sealed] })
}
