//! Is this TLS?
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Match};
use crate::message::Peek;
use crate::message::protocol::tls::record::{APPLICATION_DATA, HANDSHAKE, HEADER, header};

/// Whether these first bytes are TLS records.
pub(super) fn probe(peek: &Peek<'_>) -> Match {
    if peek.meta.datagrams {
        return Match::No;
    }
    let sides = [side(peek.to_server, 1, peek.meta.from_start), side(peek.to_client, 2, peek.meta.from_start)];
    match sides {
        // One end speaks something else: records do not come out of nowhere.
        [Match::No, _] | [_, Match::No] => Match::No,
        [a, b] => a.max(b),
    }
}

/// Judges one direction. `hello`: the handshake type that begins it.
fn side(bytes: &[u8], hello: u8, from_start: bool) -> Match {
    let Some(&kind) = bytes.first() else { return Match::NeedMore };
    if !(20..=24).contains(&kind) || bytes.get(1).is_some_and(|&major| major != 3) {
        return Match::No;
    }
    if bytes.len() < HEADER {
        return Match::NeedMore;
    }
    let Some((kind, _, len)) = header(bytes) else { return Match::No };
    let body = bytes.get(HEADER..).unwrap_or_default();
    if kind == HANDSHAKE {
        return match handshake(body, len) {
            Some((kind, _)) if kind == hello => Match::Certain,
            Some((0..=24, _)) => Match::Maybe,
            Some(_) => chain(bytes),
            None if body.len() < 4 => Match::NeedMore,
            None => Match::No,
        };
    }
    match chain(bytes) {
        // In mid-stream one header must do: a whole record seldom fits into the bytes looked at.
        Match::NeedMore if kind == APPLICATION_DATA && !from_start && len > 16 => Match::Maybe,
        other => other,
    }
}

/// Type and length of the handshake message at the start of a record of `len` bytes, if it can be one.
fn handshake(body: &[u8], len: usize) -> Option<(u8, u32)> {
    let mut cursor = Cursor::new(body);
    let kind = cursor.u8("handshake type").ok()?;
    let size = cursor.u24("handshake length").ok()?;
    (len >= 4 && size < 1 << 18).then_some((kind, size))
}

/// Follows headers from record to record.
fn chain(bytes: &[u8]) -> Match {
    let mut rest = bytes;
    let mut seen = 0_usize;
    loop {
        if rest.len() < HEADER {
            break;
        }
        let Some((_, _, len)) = header(rest) else { return Match::No };
        seen = seen.saturating_add(1);
        let Some(next) = rest.get(HEADER.saturating_add(len)..) else { break };
        rest = next;
    }
    if seen >= 2 { Match::Maybe } else { Match::NeedMore }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hellos_are_certain_and_other_bytes_are_refused_at_once() {
        let hello = [0x16, 3, 1, 0, 0xa7, 1, 0, 0, 0xa3, 3, 3];
        assert_eq!(side(&hello, 1, true), Match::Certain);
        assert_eq!(side(&hello, 2, true), Match::Maybe);
        for len in 1..9 {
            assert_eq!(side(&hello[..len], 1, true), Match::NeedMore, "{len}");
        }
        for other in [b"GET / HTTP/1.1\r\n".as_slice(), b"\x16\x02\x01", b"\x17\x03\x03\xff\xff", b"\0\0\0"] {
            assert_eq!(side(other, 1, false), Match::No);
        }
    }

    #[test]
    fn mid_stream_records_are_believed_by_their_chain() {
        let record = [&[0x17, 3, 3, 0, 40][..], &[9; 40]].concat();
        assert_eq!(side(&record, 1, true), Match::NeedMore);
        assert_eq!(side(&record, 1, false), Match::Maybe);
        assert_eq!(side(&[record.clone(), record.clone()].concat(), 1, true), Match::Maybe);
        assert_eq!(side(&[record.as_slice(), b"nonsense"].concat(), 1, false), Match::No);
    }
}
