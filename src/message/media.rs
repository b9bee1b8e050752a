//! What RTP packets say of themselves (RFC 3550 section 5), for those who read them and those who open them.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Cursor;

/// The header of an RTP packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// All of it, contributing sources and extension included, in bytes.
    pub len: usize,
    /// The last byte says how much padding there is.
    pub padded: bool,
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, in units of the payload type's clock.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
}

/// Whether a payload type is RTP's on ports shared with RTCP (RFC 5761 section 4).
pub const fn is_media(payload_type: u8) -> bool {
    !matches!(payload_type, 64..=95)
}

/// The header of an RTP packet; `None` for bytes that cannot be one.
pub fn header(packet: &[u8]) -> Option<Header> {
    let mut cursor = Cursor::new(packet);
    let first = cursor.u8("first byte").ok()?;
    let second = cursor.u8("second byte").ok()?;
    let payload_type = second & 0x7f;
    if first >> 6 != 2 {
        return None;
    }
    let sequence = cursor.u16("sequence number").ok()?;
    let timestamp = cursor.u32("timestamp").ok()?;
    let ssrc = cursor.u32("SSRC").ok()?;
    cursor.take(usize::from(first & 0x0f).checked_mul(4)?, "contributing sources").ok()?;
    if first & 0x10 != 0 {
        cursor.u16("extension profile").ok()?;
        let words = usize::from(cursor.u16("extension length").ok()?);
        cursor.take(words.checked_mul(4)?, "extension").ok()?;
    }
    Some(Header { len: cursor.position(), padded: first & 0x20 != 0, payload_type, sequence, timestamp, ssrc })
}

/// Takes the padding off a payload that is read in clear.
pub fn without_padding(header: &Header, payload: &[u8]) -> Option<Vec<u8>> {
    let padding = if header.padded { usize::from(*payload.last()?) } else { 0 };
    payload.get(..payload.len().checked_sub(padding)?).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_as_long_as_they_say_and_others_are_none() {
        let plain = [0x80, 0x80, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0xff];
        let read = header(&plain).unwrap();
        assert_eq!((read.len, read.payload_type, read.sequence, read.ssrc), (12, 0, 7, 2));
        let extended = [0x91, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 9, 9, 9, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 5];
        assert_eq!(header(&extended).unwrap().len, 24);
        assert_eq!(header(&extended[..22]), None);
        assert!(is_media(8) && is_media(111) && !is_media(72));
        assert_eq!(header(&[0x40, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2]), None);
        let padded = Header { padded: true, ..read };
        assert_eq!(without_padding(&padded, &[1, 2, 0, 2]).as_deref(), Some([1, 2].as_slice()));
        assert_eq!(without_padding(&padded, &[9]), None);
    }
}
