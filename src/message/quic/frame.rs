//! Frames (RFC 9000 section 19, RFC 9221).

use crate::bytes::{Cursor, Malformed};
use crate::message::quic::varint::{put_varint, varint};

/// Ranges of one ACK frame that are looked at.
const ACK_RANGES: u64 = 256;
/// Type of RESET_STREAM.
const RESET_STREAM: u64 = 0x04;
/// Type of STREAM with an offset and without a length: it goes on to the end.
const STREAM_TO_END: u8 = 0x0c;
/// FIN in the type of STREAM.
const FIN: u8 = 0x01;

/// What a frame says, as far as anyone here wants to know.
#[derive(Debug, Eq, PartialEq)]
pub enum Frame<'a> {
    /// ACK: ranges of packet numbers, both ends included, largest first.
    Ack(Vec<(u64, u64)>),
    /// RESET_STREAM: the sender will send no more of it.
    ResetStream(u64),
    /// CRYPTO.
    Crypto {
        /// Where in the stream.
        offset: u64,
        /// The bytes.
        data: &'a [u8],
    },
    /// STREAM.
    Stream {
        /// Which stream.
        id: u64,
        /// Where in it.
        offset: u64,
        /// The bytes.
        data: &'a [u8],
        /// They are the last.
        fin: bool,
    },
    /// NEW_CONNECTION_ID: the sender can be reached by it from now on.
    NewConnectionId {
        /// The ID.
        cid: &'a [u8],
        /// What a packet ends with that resets the connection statelessly.
        reset: &'a [u8],
    },
    /// CONNECTION_CLOSE.
    Close {
        /// The error code.
        code: u64,
        /// Why, for people.
        reason: &'a [u8],
    },
    /// DATAGRAM.
    Datagram(&'a [u8]),
    /// Anything else.
    Other,
}

/// Reads the next frame; the data of a frame ends where the cursor is then, but for [`Frame::NewConnectionId`].
pub fn next<'a>(cursor: &mut Cursor<'a>) -> Result<Frame<'a>, Malformed> {
    let kind = varint(cursor, "frame type")?;
    let skip = |count: usize, cursor: &mut Cursor<'a>| -> Result<Frame<'a>, Malformed> {
        for _ in 0..count {
            varint(cursor, "frame")?;
        }
        Ok(Frame::Other)
    };
    match kind {
        // PADDING, PING, HANDSHAKE_DONE, IMMEDIATE_ACK.
        0x00 | 0x01 | 0x1e | 0x1f => Ok(Frame::Other),
        0x02 | 0x03 => ack(cursor, kind == 0x03),
        RESET_STREAM => {
            let id = varint(cursor, "RESET_STREAM")?;
            skip(2, cursor)?;
            Ok(Frame::ResetStream(id))
        }
        // RESET_STREAM_AT says up to where the stream is still delivered.
        0x24 => skip(4, cursor),
        // STOP_SENDING, MAX_STREAM_DATA, STREAM_DATA_BLOCKED.
        0x05 | 0x11 | 0x15 => skip(2, cursor),
        0x06 => {
            let offset = varint(cursor, "CRYPTO offset")?;
            Ok(Frame::Crypto { offset, data: data(cursor, "CRYPTO")? })
        }
        // NEW_TOKEN.
        0x07 => data(cursor, "NEW_TOKEN").map(|_| Frame::Other),
        0x08..=0x0f => {
            let id = varint(cursor, "stream ID")?;
            let offset = if kind & 0x04 == 0 { 0 } else { varint(cursor, "STREAM offset")? };
            let data = if kind & 0x02 == 0 {
                let left = cursor.rest().len();
                cursor.take(left, "STREAM")?
            } else {
                data(cursor, "STREAM")?
            };
            Ok(Frame::Stream { id, offset, data, fin: kind & 0x01 != 0 })
        }
        // MAX_DATA, MAX_STREAMS, DATA_BLOCKED, STREAMS_BLOCKED, RETIRE_CONNECTION_ID.
        0x10 | 0x12 | 0x13 | 0x14 | 0x16 | 0x17 | 0x19 => skip(1, cursor),
        0x18 => {
            skip(2, cursor)?;
            let cid = cursor.sub_u8("NEW_CONNECTION_ID")?.rest();
            Ok(Frame::NewConnectionId { cid, reset: cursor.take(16, "stateless reset token")? })
        }
        // PATH_CHALLENGE, PATH_RESPONSE.
        0x1a | 0x1b => cursor.take(8, "PATH_CHALLENGE").map(|_| Frame::Other),
        0x1c | 0x1d => {
            let code = varint(cursor, "error code")?;
            if kind == 0x1c {
                varint(cursor, "frame type")?;
            }
            Ok(Frame::Close { code, reason: data(cursor, "reason phrase")? })
        }
        0x30 => {
            let left = cursor.rest().len();
            Ok(Frame::Datagram(cursor.take(left, "DATAGRAM")?))
        }
        0x31 => Ok(Frame::Datagram(data(cursor, "DATAGRAM")?)),
        // ACK_FREQUENCY.
        0xaf => skip(4, cursor),
        _ => Err(Malformed::Illegal("QUIC frame type")),
    }
}

fn data<'a>(cursor: &mut Cursor<'a>, what: &'static str) -> Result<&'a [u8], Malformed> {
    let len = varint(cursor, what)?;
    cursor.take(usize::try_from(len).unwrap_or(usize::MAX), what)
}

fn ack<'a>(cursor: &mut Cursor<'a>, ecn: bool) -> Result<Frame<'a>, Malformed> {
    let largest = varint(cursor, "ACK")?;
    varint(cursor, "ACK delay")?;
    let count = varint(cursor, "ACK ranges")?;
    let mut first = largest.checked_sub(varint(cursor, "ACK range")?).ok_or(Malformed::Illegal("ACK range"))?;
    let mut ranges = vec![(first, largest)];
    for n in 0..count {
        let gap = varint(cursor, "ACK gap")?;
        let len = varint(cursor, "ACK range")?;
        let last = first.checked_sub(gap).and_then(|at| at.checked_sub(2)).ok_or(Malformed::Illegal("ACK gap"))?;
        first = last.checked_sub(len).ok_or(Malformed::Illegal("ACK range"))?;
        if n < ACK_RANGES {
            ranges.push((first, last));
        }
    }
    if ecn {
        for _ in 0..3 {
            varint(cursor, "ECN count")?;
        }
    }
    Ok(Frame::Ack(ranges))
}

/// A STREAM frame without its data, which must follow up to the end of what holds it.
pub fn stream_head(id: u64, offset: u64, fin: bool) -> Vec<u8> {
    let mut out = vec![STREAM_TO_END | if fin { FIN } else { 0 }];
    put_varint(&mut out, id);
    put_varint(&mut out, offset);
    out
}

/// A RESET_STREAM frame.
pub fn reset_stream(id: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, RESET_STREAM);
    put_varint(&mut out, id);
    out.extend_from_slice(&[0, 0]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_follow_the_rfc() {
        let bytes = [
            &[0x00, 0x01, 0x02, 10, 3, 1, 2, 1, 3][..],
            &[0x06, 4, 2, b'h', b'i', 0x0f, 4, 0x40, 9, 1, b'x', 0x1c, 1, 0, 2, b'n', b'o'],
            &[0x18, 1, 0, 2, 0xaa, 0xbb, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x30, 7, 8],
        ]
        .concat();
        let mut cursor = Cursor::new(&bytes);
        let mut all = Vec::new();
        while !cursor.is_empty() {
            all.push(next(&mut cursor).unwrap());
        }
        assert_eq!(
            all[2..],
            [
                Frame::Ack(vec![(8, 10), (2, 5)]),
                Frame::Crypto { offset: 4, data: b"hi" },
                Frame::Stream { id: 4, offset: 9, data: b"x", fin: true },
                Frame::Close { code: 1, reason: b"no" },
                Frame::NewConnectionId { cid: &[0xaa, 0xbb], reset: &bytes[32..48] },
                Frame::Datagram(&[7, 8]),
            ]
        );
    }

    #[test]
    fn lies_are_refused() {
        for bytes in
            [&[0x02, 1, 0, 0, 2][..], &[0x02, 5, 0, 1, 1, 9, 9], &[0x06, 0, 9, 1], &[0x40, 0xff, 1], &[0x18, 0]]
        {
            assert!(next(&mut Cursor::new(bytes)).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn written_frames_are_read_again() {
        let bytes = [stream_head(70, 900, true), b"abc".to_vec()].concat();
        let read = next(&mut Cursor::new(&bytes)).unwrap();
        assert_eq!(read, Frame::Stream { id: 70, offset: 900, data: b"abc", fin: true });
        assert_eq!(next(&mut Cursor::new(&reset_stream(3))).unwrap(), Frame::ResetStream(3));
    }
}
