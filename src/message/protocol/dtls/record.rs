//! Datagrams → records (RFC 6347 section 4.1, RFC 9146 section 4, RFC 9147 section 4).
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Malformed};
use crate::message::handshake::protect::TLS12_CID;

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;
/// Acknowledgments of DTLS 1.3.
pub(super) const ACK: u8 = 26;
/// The longest ciphertext of a record (RFC 6347 section 4.1).
const LONGEST: usize = (1 << 14) + 2048;
/// Connection IDs that are looked for where the handshake does not say how long they are.
const CID_LONGEST: usize = 32;

/// How a record is headed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Head {
    /// Up to DTLS 1.2, and what DTLS 1.3 sends in clear.
    Plain { kind: u8, version: u16, epoch: u16, number: u64, cid: Vec<u8> },
    /// The unified header of DTLS 1.3: the low bits of the epoch; the record number is encrypted. `header` is all of it,
    /// its number at `at`, one byte long or two.
    Unified { epoch: u8, header: Vec<u8>, at: usize, wide: bool },
}

/// One record.
#[derive(Clone, Debug)]
pub(super) struct Record<'a> {
    pub(super) head: Head,
    /// Its body, and where in the datagram that begins.
    pub(super) body: &'a [u8],
    pub(super) start: usize,
}

/// Whether a version is one that records state.
pub(super) const fn is_version(version: u16) -> bool {
    matches!(version, 0xfeff | 0xfefd)
}

/// Reads the next record of a datagram. `cid`: how long connection IDs of this direction are, if that is known.
pub(super) fn next<'a>(cursor: &mut Cursor<'a>, cid: Option<usize>) -> Result<Record<'a>, Malformed> {
    match cursor.rest().first() {
        Some(first) if first & 0xe0 == 0x20 => unified(cursor, cid),
        _ => plain(cursor, cid),
    }
}

fn plain<'a>(cursor: &mut Cursor<'a>, cid: Option<usize>) -> Result<Record<'a>, Malformed> {
    let kind = cursor.u8("content type")?;
    let version = cursor.u16("record version")?;
    if !matches!(kind, CHANGE_CIPHER_SPEC..=ACK) || !is_version(version) {
        return Err(Malformed::Illegal("record header"));
    }
    let epoch = cursor.u16("epoch")?;
    let high = cursor.u16("record number")?;
    let number = (u64::from(high) << 32) | u64::from(cursor.u32("record number")?);
    let cid_len = match (kind, cid) {
        (TLS12_CID, Some(len)) => len,
        // The one that makes the record end with the datagram.
        (TLS12_CID, None) => (0..=CID_LONGEST)
            .find(|len| {
                let mut tail = *cursor;
                let body = tail.take(*len, "connection ID").and_then(|_| tail.u16("record length"));
                body.is_ok_and(|body| usize::from(body) == tail.rest().len())
            })
            .ok_or(Malformed::Illegal("connection ID"))?,
        _ => 0,
    };
    let cid = cursor.take(cid_len, "connection ID")?.to_vec();
    let len = usize::from(cursor.u16("record length")?);
    if len > LONGEST {
        return Err(Malformed::Illegal("record length"));
    }
    let start = cursor.position();
    let body = cursor.take(len, "record")?;
    Ok(Record { head: Head::Plain { kind, version, epoch, number, cid }, body, start })
}

fn unified<'a>(cursor: &mut Cursor<'a>, cid: Option<usize>) -> Result<Record<'a>, Malformed> {
    let whole = cursor.rest();
    let before = cursor.position();
    let flags = cursor.u8("unified header")?;
    if flags & 0x10 != 0 {
        cursor.take(cid.unwrap_or(0), "connection ID")?;
    }
    let at = cursor.position().saturating_sub(before);
    let wide = flags & 0x08 != 0;
    cursor.take(if wide { 2 } else { 1 }, "record number")?;
    let len = if flags & 0x04 == 0 { cursor.rest().len() } else { usize::from(cursor.u16("record length")?) };
    let end = cursor.position().saturating_sub(before);
    // Sixteen bytes of ciphertext are what the number is masked with.
    if !(16..=LONGEST).contains(&len) {
        return Err(Malformed::Illegal("record length"));
    }
    let header = whole.get(..end).unwrap_or_default().to_vec();
    let start = cursor.position();
    let body = cursor.take(len, "record")?;
    Ok(Record { head: Head::Unified { epoch: flags & 3, header, at, wide }, body, start })
}

/// One piece of a handshake message (RFC 6347 section 4.2.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    pub(super) kind: u8,
    pub(super) len: usize,
    pub(super) number: u16,
    pub(super) offset: usize,
    pub(super) bytes: &'a [u8],
}

/// Reads the next fragment of a handshake record.
pub(super) fn fragment<'a>(cursor: &mut Cursor<'a>) -> Result<Fragment<'a>, Malformed> {
    let wide = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
    let kind = cursor.u8("handshake type")?;
    let len = wide(cursor.u24("handshake length")?);
    let number = cursor.u16("message number")?;
    let offset = wide(cursor.u24("fragment offset")?);
    let size = wide(cursor.u24("fragment length")?);
    if offset.saturating_add(size) > len {
        return Err(Malformed::Illegal("fragment"));
    }
    Ok(Fragment { kind, len, number, offset, bytes: cursor.take(size, "fragment")? })
}
