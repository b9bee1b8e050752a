//! MongoDB: the names and sizes of its databases (listDatabases, in an OP_MSG).
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Malformed};
use crate::model::door::{Holding, Service, State};
use crate::store::{Knock, Said, Sample};

/// The entry.
pub(super) static KNOCK: Knock = Knock {
    service: Service::Mongodb,
    asks: "the names and sizes of its databases (listDatabases)",
    ports: &[27017],
    request: |_, _| REQUEST.to_vec(),
    read,
    samples: &[
        Sample {
            answer: b"\x61\0\0\0\x01\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0\x4c\0\0\0\x04databases\0\x30\0\0\0\x030\0\x28\0\0\0\x02name\0\x05\0\0\0chat\0\x12sizeOnDisk\0\0\x10\0\0\0\0\0\0\0\0\x01ok\0\0\0\0\0\0\0\xf0\x3f\0",
            state: State::Open,
            holds: "chat",
        },
        Sample {
            answer: b"\x30\0\0\0\x01\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0\x1b\0\0\0\x10code\0\x0d\0\0\0\x01ok\0\0\0\0\0\0\0\0\0\0\0\0",
            state: State::Locked,
            holds: "",
        },
    ],
};

/// Length, request id, response to, OP_MSG; flags, section 0, `{listDatabases: 1, $db: "admin"}`.
const REQUEST: &[u8] = b"\x3c\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x27\0\0\0\x10listDatabases\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";

/// Bytes before the document.
const HEAD: usize = 21;

fn read(bytes: &[u8], ended: bool) -> Option<Said> {
    let len = bytes.first_chunk().map(|len| u32::from_le_bytes(*len) as usize);
    let answers = bytes.get(12..16).is_none_or(|code| code == [0xdd, 7, 0, 0]);
    if !ended && answers && len.is_none_or(|len| bytes.len() < len.min(1 << 20)) {
        return None;
    }
    let mut found = Found::default();
    if !answers || document(bytes.get(HEAD..).unwrap_or_default(), 0, &mut found).is_err() {
        return Some(Said::only(State::Other));
    }
    let state = match (found.ok, found.code) {
        (true, _) => State::Open,
        // Unauthorized, AuthenticationFailed, and what newer versions say.
        (false, Some(13 | 18 | 8000)) => State::Locked,
        _ => State::Other,
    };
    Some(Said { state, version: None, holds: found.holds })
}

#[derive(Default)]
struct Found {
    ok: bool,
    code: Option<i32>,
    holds: Vec<Holding>,
}

/// Reads a BSON document and those in it, as deep as the list of databases goes.
fn document(bytes: &[u8], depth: usize, found: &mut Found) -> Result<(), Malformed> {
    const WHAT: &str = "BSON document";
    let mut cursor = Cursor::new(bytes);
    cursor.take(4, WHAT)?;
    loop {
        let kind = cursor.u8(WHAT)?;
        if kind == 0 {
            return Ok(());
        }
        let end = memchr::memchr(0, cursor.rest()).ok_or(Malformed::Short(WHAT))?;
        let key = cursor.take(end, WHAT)?;
        cursor.take(1, WHAT)?;
        let little = |bytes: &[u8]| bytes.first_chunk().map(|len| u32::from_le_bytes(*len) as usize);
        let len = match kind {
            0x01 | 0x09 | 0x11 | 0x12 => 8,
            0x02 => little(cursor.rest()).and_then(|len| len.checked_add(4)).ok_or(Malformed::Short(WHAT))?,
            0x03 | 0x04 => little(cursor.rest()).filter(|len| *len >= 5).ok_or(Malformed::Short(WHAT))?,
            0x05 => little(cursor.rest()).and_then(|len| len.checked_add(5)).ok_or(Malformed::Short(WHAT))?,
            0x07 => 12,
            0x08 => 1,
            0x0a => 0,
            0x10 => 4,
            0x13 => 16,
            _ => return Err(Malformed::Illegal("BSON type")),
        };
        let value = cursor.take(len, WHAT)?;
        let eight = || value.first_chunk::<8>().copied().unwrap_or_default();
        match (key, kind) {
            (b"ok", 0x01) => found.ok |= depth == 0 && f64::from_le_bytes(eight()) > 0.5,
            (b"ok", 0x10) => found.ok |= depth == 0 && value.first() == Some(&1),
            (b"code", 0x10) if depth == 0 => found.code = value.first_chunk().map(|code| i32::from_le_bytes(*code)),
            (b"name", 0x02) if depth == 2 => {
                let text = value.get(4..value.len().saturating_sub(1)).unwrap_or_default();
                let name = String::from_utf8_lossy(text).into_owned();
                found.holds.push(Holding { name, records: None, bytes: None });
            }
            (b"sizeOnDisk", 0x01) if depth == 2 => size(found, f64::from_le_bytes(eight())),
            (b"sizeOnDisk", 0x12) if depth == 2 => {
                let bytes = u64::try_from(i64::from_le_bytes(eight())).ok();
                if let Some(last) = found.holds.last_mut() {
                    last.bytes = bytes;
                }
            }
            (_, 0x03 | 0x04) if depth < 3 => document(value, depth.saturating_add(1), found)?,
            _ => {}
        }
    }
}

fn size(found: &mut Found, bytes: f64) {
    if let Some(last) = found.holds.last_mut()
        && (0.0..1e18).contains(&bytes)
    {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within what a u64 holds")]
        let bytes = bytes as u64;
        last.bytes = Some(bytes);
    }
}
