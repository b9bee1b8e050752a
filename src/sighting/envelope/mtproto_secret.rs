//! MTProto secret chats: end-to-end payloads inside the cloud protocol's calls, where that was opened.

use super::{Found, Recogniser, Sample};
use crate::bytes::Cursor;
use crate::model::envelope::Keying;
use std::ops::Range;

/// The entry.
pub(super) static MTPROTO_SECRET: Recogniser = Recogniser {
    name: "mtproto-secret",
    about: "Telegram's secret chats: sendEncrypted and encryptedMessage, inside calls that were opened",
    source: "core.telegram.org/api/end-to-end and its TL schema",
    bits: 64,
    bound: "The number of the constructor (32 bits), for what is sent that of the chat (32 bits), for what is received that \
            of the file and a chat and time within reach (32 bits or more), and a payload of whole AES blocks behind 24 bytes.",
    recognise,
    samples: &[
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/mtproto-secret-send.bin"),
            kind: "messages.sendEncrypted",
            sealed: 96,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/mtproto-secret-received.bin"),
            kind: "encryptedMessage",
            sealed: 96,
        },
    ],
};

const INPUT_CHAT: u32 = 0xf141_b5e1;
const NO_FILE: u32 = 0xc21f_497e;
const FILE: u32 = 0xa8ef_fb3f;
const WHAT: &str = "TL value";

fn recognise(bytes: &[u8]) -> Option<Found> {
    let mut cursor = Cursor::new(bytes);
    let kind = match number(&mut cursor)? {
        0x44fa_7a15 => "messages.sendEncrypted",
        0x5559_481d => "messages.sendEncryptedFile",
        0x32d4_39a4 => "messages.sendEncryptedService",
        0xed18_c118 => "encryptedMessage",
        0x2373_4b06 => "encryptedMessageService",
        _ => return None,
    };
    let sealed = if kind.starts_with("messages.") {
        if kind != "messages.sendEncryptedService" {
            (number(&mut cursor)? < 16).then_some(())?;
        }
        (number(&mut cursor)? == INPUT_CHAT).then_some(())?;
        // Chat, access hash, the message's random number.
        cursor.take(4 + 8 + 8, WHAT).ok()?;
        payload(&mut cursor)?
    } else {
        // The message's random number, chat, time.
        cursor.take(8 + 4 + 4, WHAT).ok()?;
        let sealed = payload(&mut cursor)?;
        if kind == "encryptedMessage" {
            matches!(number(&mut cursor)?, NO_FILE | FILE).then_some(())?;
        } else {
            cursor.finish(WHAT).ok()?;
        }
        sealed
    };
    Some(Found { kind, keying: Keying::Ratchet, sealed: vec![sealed] })
}

fn number(cursor: &mut Cursor<'_>) -> Option<u32> {
    cursor.array(WHAT).ok().map(u32::from_le_bytes)
}

/// TL `bytes` that hold a key's fingerprint, a message key and whole AES blocks; what stands behind those 24 bytes.
fn payload(cursor: &mut Cursor<'_>) -> Option<Range<usize>> {
    let first = cursor.u8(WHAT).ok()?;
    let (len, head) = match first {
        0..=253 => (usize::from(first), 1),
        254 => {
            let [a, b, c] = cursor.array(WHAT).ok()?;
            (usize::try_from(u32::from_le_bytes([a, b, c, 0])).ok()?, 4)
        }
        255 => return None,
    };
    let start = cursor.position();
    cursor.take(len, WHAT).ok()?;
    // Padded to a multiple of four.
    let padding = cursor.take((4 - (len + head) % 4) % 4, WHAT).ok()?;
    let blocks = len.checked_sub(24)?;
    let fits = blocks >= 32 && blocks.is_multiple_of(16) && padding.iter().all(|byte| *byte == 0);
    fits.then_some(start.checked_add(24)?..start.checked_add(len)?)
}
