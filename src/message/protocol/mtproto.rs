//! MTProto transports: abridged, intermediate, padded intermediate and full (core.telegram.org/mtproto).
//!
//! Recognised by structure: what agrees on a key goes by in clear, and names its constructor. From then on, messages are
//! encrypted with a key that no capture shows. The obfuscated transport is made to look like noise from its first byte on,
//! and does: it stays an unknown, opaque conversation here.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Buffer, Cursor, Malformed, Match};
use crate::message::sink::Draft;
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::flow::Blind;
use crate::model::message::{Part, PartKind};
use crate::model::opacity::Opacity;
use crate::model::stream::{Direction, StreamEvent, StreamMeta};

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "mtproto",
    about: "MTProto transports, by the clear messages that agree on a key",
    probe,
    start: |meta| Box::new(MtProto::new(meta)),
    samples: &[Sample {
        name: "the first message of a key exchange, abridged",
        to_server:
            b"\xef\x0a\0\0\0\0\0\0\0\0\x00\x11\x22\x33\x44\x55\x66\x67\x14\0\0\0\xf1\x8e\x7e\xbe(the nonce here)",
        to_client: b"",
        shows: "(the nonce here)",
    }],
};

/// The longest frame that is read.
const LONGEST: usize = 1 << 20;

/// How messages are framed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Framing {
    /// A length in words, in one byte or four.
    Abridged,
    /// A length in bytes, in four.
    Intermediate,
    /// The same, with up to fifteen bytes of padding.
    Padded,
    /// Length, number and checksum around each message.
    Full,
}

impl Framing {
    /// What a client says first, and how messages are framed then.
    fn of(bytes: &[u8]) -> Option<(Self, usize)> {
        match bytes {
            [0xef, ..] => Some((Self::Abridged, 1)),
            [0xee, 0xee, 0xee, 0xee, ..] => Some((Self::Intermediate, 4)),
            [0xdd, 0xdd, 0xdd, 0xdd, ..] => Some((Self::Padded, 4)),
            // A first message: its length, and the number zero.
            [_, _, 0, 0, 0, 0, 0, 0, ..] => Some((Self::Full, 0)),
            _ => None,
        }
    }

    /// The range of the first message in `bytes` and the length of its frame; `None` if more bytes are needed.
    fn next(self, bytes: &[u8]) -> Result<Option<(usize, usize, usize)>, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let little = |cursor: &mut Cursor<'_>| cursor.array("length").map(u32::from_le_bytes).ok();
        let size = match self {
            Self::Abridged => {
                let Ok(first) = cursor.u8("length") else { return Ok(None) };
                let words = match first & 0x7f {
                    0x7f => {
                        let Ok([a, b, c]) = cursor.array("length") else { return Ok(None) };
                        u32::from_le_bytes([a, b, c, 0])
                    }
                    short => u32::from(short),
                };
                words.saturating_mul(4)
            }
            Self::Intermediate | Self::Padded => {
                let Some(len) = little(&mut cursor) else { return Ok(None) };
                len & 0x7fff_ffff
            }
            Self::Full => {
                let Some(len) = little(&mut cursor) else { return Ok(None) };
                if cursor.array::<4>("number").is_err() {
                    return Ok(None);
                }
                len.checked_sub(12).ok_or(Malformed::Illegal("length"))?
            }
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > LONGEST || size == 0 {
            return Err(Malformed::Illegal("length"));
        }
        let from = cursor.position();
        let to = from.saturating_add(size);
        let end = if self == Self::Full { to.saturating_add(4) } else { to };
        Ok((bytes.len() >= end).then_some((from, to, end)))
    }
}

/// A message.
#[derive(Debug, Eq, PartialEq)]
enum Message<'a> {
    /// Of the key exchange: its constructor's name, and its fields.
    Clear(&'static str, &'a [u8]),
    Encrypted,
    /// An error of the transport.
    Error,
}

fn message(bytes: &[u8], padded: bool) -> Option<Message<'_>> {
    if matches!(bytes.len(), 4..16) {
        return Some(Message::Error);
    }
    let mut cursor = Cursor::new(bytes);
    let key: [u8; 8] = cursor.array("auth_key_id").ok()?;
    if key == [0; 8] {
        cursor.take(8, "message id").ok()?;
        let len = usize::try_from(cursor.array("length").map(u32::from_le_bytes).ok()?).ok()?;
        let rest = cursor.rest();
        let fits = if padded { len <= rest.len() && rest.len() < len.saturating_add(16) } else { len == rest.len() };
        let (id, fields) = rest.get(..len).filter(|_| fits)?.split_first_chunk::<4>()?;
        return Some(Message::Clear(constructor(u32::from_le_bytes(*id))?, fields));
    }
    // Key id, message key, and blocks of sixteen bytes.
    let sealed = bytes.len().checked_sub(24)?;
    (sealed >= 16 && (padded || sealed.is_multiple_of(16))).then_some(Message::Encrypted)
}

/// The constructors of the key exchange (core.telegram.org/mtproto/auth_key).
const fn constructor(id: u32) -> Option<&'static str> {
    Some(match id {
        0x6046_9778 => "req_pq",
        0xbe7e_8ef1 => "req_pq_multi",
        0x0516_2463 => "resPQ",
        0xd712_e4be => "req_DH_params",
        0xd0e8_075c => "server_DH_params_ok",
        0x79cb_045d => "server_DH_params_fail",
        0xf504_5f1f => "set_client_DH_params",
        0x3bcb_f734 => "dh_gen_ok",
        0x46dc_1fb9 => "dh_gen_retry",
        0xa69d_ae02 => "dh_gen_fail",
        0x62d6_b459 => "msgs_ack",
        _ => return None,
    })
}

fn probe(peek: &Peek<'_>) -> Match {
    if peek.meta.datagrams || !peek.meta.from_start {
        return Match::No;
    }
    let bytes = peek.to_server;
    let Some((framing, tag)) = Framing::of(bytes) else {
        let marks: [&[u8]; 2] = [&[0xee; 4], &[0xdd; 4]];
        let full = bytes.iter().skip(2).all(|byte| *byte == 0) && bytes.len() < 8;
        let open = full || marks.iter().any(|mark| mark.starts_with(bytes));
        return if open { Match::NeedMore } else { Match::No };
    };
    let rest = bytes.get(tag..).unwrap_or_default();
    match framing.next(rest) {
        Err(_) => Match::No,
        Ok(None) => {
            // A key exchange begins with a message of some forty bytes; whatever claims more says it soon.
            if rest.len() > 1024 { Match::No } else { early(framing, rest) }
        }
        Ok(Some((from, to, end))) => {
            match message(rest.get(from..to).unwrap_or_default(), framing == Framing::Padded) {
                Some(Message::Clear(..)) => Match::Certain,
                // With a key from before: another frame must follow, or a mark of four bytes have gone before.
                Some(Message::Encrypted) if matches!(framing, Framing::Intermediate | Framing::Padded) => {
                    Match::Certain
                }
                Some(Message::Encrypted) if framing == Framing::Abridged => {
                    let next = rest.get(end..).unwrap_or_default();
                    match framing.next(next) {
                        Ok(Some((from, to, _))) if message(next.get(from..to).unwrap_or_default(), false).is_some() => {
                            Match::Maybe
                        }
                        Err(_) => Match::No,
                        _ => Match::NeedMore,
                    }
                }
                _ => Match::No,
            }
        }
    }
}

/// Whether a first frame that is not whole may still become a message.
fn early(framing: Framing, rest: &[u8]) -> Match {
    let skip = match (framing, rest.first()) {
        (Framing::Abridged, Some(0x7f)) | (Framing::Intermediate | Framing::Padded, _) => 4,
        (Framing::Abridged, _) => 1,
        (Framing::Full, _) => 8,
    };
    // Only a key exchange begins over the full transport.
    let clear = rest.iter().skip(skip).take(8).all(|byte| *byte == 0);
    if framing == Framing::Full && !clear { Match::No } else { Match::NeedMore }
}

struct MtProto {
    framing: Option<Framing>,
    buffers: [Buffer; 2],
    lost: [bool; 2],
    from_start: bool,
}

impl MtProto {
    fn new(meta: &StreamMeta) -> Self {
        let buffer = || Buffer::new(LONGEST.saturating_mul(2));
        Self { framing: None, buffers: [buffer(), buffer()], lost: [false; 2], from_start: meta.from_start }
    }

    fn drain(
        &mut self,
        direction: Direction,
        at: crate::model::time::Timestamp,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        loop {
            let buffer = direction.of_mut(&mut self.buffers);
            let framing = match self.framing {
                Some(framing) => framing,
                None if direction == Direction::ToClient || !self.from_start => return Ok(()),
                None => match Framing::of(buffer.bytes()) {
                    Some((framing, tag)) => {
                        buffer.consume(tag);
                        sink.wire(Opacity::Plaintext, tag as u64);
                        self.framing = Some(framing);
                        framing
                    }
                    None if buffer.len() >= 8 => return Err(Malformed::Illegal("transport")),
                    None => return Ok(()),
                },
            };
            let Some((from, to, end)) = framing.next(buffer.bytes())? else { return Ok(()) };
            let bytes = buffer.bytes().get(from..to).unwrap_or_default();
            match message(bytes, framing == Framing::Padded) {
                Some(Message::Clear(name, fields)) => {
                    sink.wire(Opacity::Plaintext, end.saturating_sub(fields.len()) as u64);
                    let start = from.saturating_add(24);
                    let origins = buffer.origins(start, start.saturating_add(fields.len()));
                    let part = Part::new(PartKind::Body, fields.to_vec(), origins);
                    let label = name.to_owned();
                    sink.message(Draft { direction, at, label, host: None, parts: vec![part], whole: true });
                }
                Some(Message::Encrypted) => {
                    sink.wire(Opacity::Encrypted, end as u64);
                    let sealed = to.saturating_sub(from).saturating_sub(24);
                    // Salt, session, numbers and length, and at least twelve bytes of padding, are in it as well.
                    sink.sealed(direction, sealed.saturating_sub(48) as u64);
                    sink.blind(Blind::NoKeys, direction, sealed as u64, "MTProto, with a key that no capture shows");
                }
                Some(Message::Error) => sink.wire(Opacity::Plaintext, end as u64),
                None => return Err(Malformed::Illegal("message")),
            }
            buffer.consume(end);
        }
    }
}

impl Dissector for MtProto {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => {
                if *chunk.direction.of(&self.lost) {
                    sink.blind(Blind::Lost, chunk.direction, chunk.bytes.len() as u64, "mtproto: after a gap");
                    return Ok(());
                }
                chunk.direction.of_mut(&mut self.buffers).push(chunk.bytes, &chunk.origins)?;
                let known = self.framing.is_some();
                self.drain(chunk.direction, chunk.at, sink)?;
                if !known && self.framing.is_some() {
                    self.drain(chunk.direction.reverse(), chunk.at, sink)?;
                }
                Ok(())
            }
            StreamEvent::Gap { direction, len, .. } => {
                *direction.of_mut(&mut self.lost) = true;
                sink.blind(Blind::Lost, direction, len, "mtproto");
                Ok(())
            }
            StreamEvent::End { .. } => Ok(()),
            StreamEvent::Close { .. } => {
                for (direction, buffer) in Direction::BOTH.into_iter().zip(&self.buffers) {
                    if !buffer.is_empty() {
                        sink.blind(Blind::Truncated, direction, buffer.len() as u64, "mtproto: part of a message");
                    }
                }
                Ok(())
            }
        }
    }

    fn held(&self) -> usize {
        self.buffers.iter().map(Buffer::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::harness::{meta, play, up};

    fn first() -> Vec<u8> {
        let mut out = vec![0; 8];
        out.extend(7_u64.to_le_bytes());
        out.extend(20_u32.to_le_bytes());
        out.extend(0xbe7e_8ef1_u32.to_le_bytes());
        out.extend(b"(the nonce here)");
        out
    }

    fn framed(framing: Framing) -> Vec<u8> {
        let body = first();
        let len = u32::try_from(body.len()).unwrap();
        match framing {
            Framing::Abridged => [&[0xef, 10][..], &body].concat(),
            Framing::Intermediate => [&[0xee; 4][..], &len.to_le_bytes(), &body].concat(),
            Framing::Padded => [&[0xdd; 4][..], &len.saturating_add(3).to_le_bytes(), &body, &[7; 3]].concat(),
            Framing::Full => [&len.saturating_add(12).to_le_bytes()[..], &[0; 4], &body, &[1, 2, 3, 4]].concat(),
        }
    }

    fn judge(bytes: &[u8]) -> Match {
        probe(&Peek {
            meta: &meta(),
            to_server: bytes,
            to_client: b"",
            waiting: &[],
            secrets: &crate::model::secret::Secrets::default(),
        })
    }

    #[test]
    fn every_transport_shows_its_first_message() {
        for framing in [Framing::Abridged, Framing::Intermediate, Framing::Padded, Framing::Full] {
            let bytes = framed(framing);
            assert_eq!(judge(&bytes), Match::Certain, "{framing:?}");
            for cut in 1..bytes.len() {
                assert_eq!(judge(&bytes[..cut]), Match::NeedMore, "{framing:?} {cut}");
            }
            let heard = play(&PROTOCOL, &meta(), 1 << 20, &[up(&bytes)]);
            assert_eq!(heard.lines(), ["> mtproto req_pq_multi | body=(the nonce here)"], "{framing:?}");
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        for other in [
            &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
            b"\x16\x03\x01\x00\xa5\x01\x00\x00",
            b"\xef\x09\x01\x02\x03\x04\x05\x06\x07\x08\x00\x11\x22\x33\x44\x55\x66\x67\x14\0\0\0\xf1\x8e\x7e\xbf(a nonce is it)",
            b"\x30\x00\x00\x00\x00\x00\x00\x00\x01\x02",
            b"\xef\x00",
        ] {
            assert_eq!(judge(other), Match::No, "{}", other.escape_ascii());
        }
        let other_call =
            [&[0xef, 10][..], &first().iter().map(|b| if *b == 0xbe { 0 } else { *b }).collect::<Vec<_>>()].concat();
        assert_eq!(judge(&other_call), Match::No);
    }
}
