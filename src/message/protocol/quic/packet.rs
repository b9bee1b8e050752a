//! Packet headers as they are before header protection is removed (RFC 9000 section 17).

use crate::bytes::{Cursor, Malformed};
use crate::message::protocol::quic::version::Version;
use crate::message::quic::varint::varint;

/// The longest connection ID (RFC 9000 section 17.2).
pub(super) const CID: usize = 20;
/// The integrity tag at the end of a Retry packet.
const RETRY_TAG: usize = 16;

/// Types of packets with a long header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Initial.
    Initial,
    /// 0-RTT.
    ZeroRtt,
    /// Handshake.
    Handshake,
    /// Retry.
    Retry,
}

/// The front of one packet.
#[derive(Debug)]
pub(super) enum Packet<'a> {
    /// Version Negotiation: the versions that the server has.
    VersionNegotiation(Vec<u32>),
    /// A version that cannot be read: all that is known of the datagram.
    Foreign(u32),
    /// Retry: the connection ID that the client is to use now.
    Retry {
        /// Which version.
        version: Version,
        /// Of the client.
        dcid: &'a [u8],
        /// Of the server.
        scid: &'a [u8],
    },
    /// Any other long header.
    Long {
        /// Which version.
        version: Version,
        /// Which type.
        kind: Kind,
        /// Destination connection ID.
        dcid: &'a [u8],
        /// Source connection ID.
        scid: &'a [u8],
        /// Where the packet number begins.
        pn_at: usize,
        /// Bytes of the whole packet; others may follow in the same datagram.
        len: usize,
    },
    /// A short header: where it ends only the connection knows.
    Short,
}

/// Reads the front of the packet that `bytes`, the rest of a datagram, begins with.
pub(super) fn read(bytes: &[u8]) -> Result<Packet<'_>, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let first = cursor.u8("QUIC header")?;
    if first & 0x80 == 0 {
        return Ok(Packet::Short);
    }
    let id = cursor.u32("QUIC version")?;
    let dcid = cid(&mut cursor)?;
    let scid = cid(&mut cursor)?;
    if id == 0 {
        let mut versions = Vec::new();
        while !cursor.is_empty() {
            versions.push(cursor.u32("QUIC version")?);
        }
        return Ok(Packet::VersionNegotiation(versions));
    }
    let Some(version) = Version::of(id) else { return Ok(Packet::Foreign(id)) };
    let kind = version.kind(first >> 4);
    if kind == Kind::Retry {
        if cursor.rest().len() < RETRY_TAG {
            return Err(Malformed::Short("Retry"));
        }
        return Ok(Packet::Retry { version, dcid, scid });
    }
    if kind == Kind::Initial {
        let len = varint(&mut cursor, "token length")?;
        cursor.take(usize::try_from(len).unwrap_or(usize::MAX), "token")?;
    }
    let rest = usize::try_from(varint(&mut cursor, "packet length")?).unwrap_or(usize::MAX);
    let pn_at = cursor.position();
    // A snapshot length may have cut the datagram: what is there is told from what is whole by the tag.
    let len = pn_at.saturating_add(rest.min(cursor.rest().len()));
    Ok(Packet::Long { version, kind, dcid, scid, pn_at, len })
}

fn cid<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Malformed> {
    let id = cursor.sub_u8("connection ID")?.rest();
    if id.len() > CID { Err(Malformed::TooLarge("connection ID")) } else { Ok(id) }
}

/// The packet number that its last bytes stand for (RFC 9000 appendix A.3); `largest` is the largest one seen.
pub(super) fn number(largest: Option<u64>, truncated: u64, bytes: usize) -> u64 {
    let Some(largest) = largest else { return truncated };
    let bits = u32::try_from(bytes.saturating_mul(8)).unwrap_or(32);
    let window = 1_u64.checked_shl(bits).unwrap_or(u64::MAX);
    let expected = largest.saturating_add(1);
    let near = expected & !window.wrapping_sub(1) | truncated;
    let half = window / 2;
    if near.saturating_add(half) <= expected && near.saturating_add(window) < 1 << 62 {
        near.saturating_add(window)
    } else if near > expected.saturating_add(half) && near >= window {
        near.saturating_sub(window)
    } else {
        near
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_numbers_are_those_of_the_rfc() {
        assert_eq!(number(Some(0xa82f_30ea), 0x9b32, 2), 0xa82f_9b32);
        assert_eq!(number(None, 7, 1), 7);
        assert_eq!(number(Some(254), 0, 1), 256);
        assert_eq!(number(Some(256), 0xff, 1), 255);
    }

    #[test]
    fn lies_are_refused() {
        for bytes in
            [&b""[..], &[0xc0, 0, 0, 0, 1, 21], &[0xc0, 0, 0, 0, 1, 0, 0, 0xff], &[0xc0, 0, 0, 0, 1, 0, 0, 5, 1]]
        {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        assert!(matches!(read(&[0x40, 1, 2]), Ok(Packet::Short)));
        assert!(matches!(read(&[0xc0, 0, 0, 0, 9, 0, 0]), Ok(Packet::Foreign(9))));
    }
}
