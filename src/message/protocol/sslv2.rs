//! SSL 2.0 (Hickman, 1995): its hello, which newer clients also sent to offer SSL 3.0 and TLS (RFC 5246 appendix E.2).
//! Nothing of it is opened: that it is spoken at all is what matters (RFC 6176 forbids it).
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Malformed, Match};
use crate::message::handshake::hello::version_name;
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::flow::Blind;
use crate::model::opacity::Opacity;
use crate::model::stream::{Direction, StreamEvent};

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "sslv2",
    about: "SSL 2.0, recognised by its hello; never opened",
    probe,
    start: |_| Box::new(Ssl2::default()),
    samples: SAMPLES,
};

const SAMPLES: &[Sample] = &[];

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 4;

/// What a client's hello offers.
struct Offer {
    version: u16,
    /// Length of its record, header included.
    len: usize,
}

/// Reads a client's hello; `NeedMore` as long as it could be one.
fn offer(bytes: &[u8]) -> Result<Offer, Match> {
    let mut cursor = Cursor::new(bytes);
    let Ok(head) = cursor.u16("SSL 2.0 record") else {
        return Err(if bytes.first().is_none_or(|byte| byte & 0x80 != 0) { Match::NeedMore } else { Match::No });
    };
    let len = usize::from(head & 0x7fff);
    // Two-byte headers have the highest bit set.
    if head & 0x8000 == 0 || !(12 + 16..=4_096).contains(&len) {
        return Err(Match::No);
    }
    let Ok(kind) = cursor.u8("message type") else { return Err(Match::NeedMore) };
    if kind != CLIENT_HELLO {
        return Err(Match::No);
    }
    let Ok(version) = cursor.u16("version") else { return Err(Match::NeedMore) };
    if !matches!(version, 2 | 0x0300..=0x0303) {
        return Err(Match::No);
    }
    let (Ok(specs), Ok(session), Ok(challenge)) =
        (cursor.u16("ciphers"), cursor.u16("session"), cursor.u16("challenge"))
    else {
        return Err(Match::NeedMore);
    };
    let sum = [specs, session, challenge].into_iter().fold(9_usize, |sum, part| sum.saturating_add(usize::from(part)));
    let fine = specs > 0
        && specs.is_multiple_of(3)
        && matches!(session, 0 | 16)
        && (16..=32).contains(&challenge)
        && sum == len;
    if fine { Ok(Offer { version, len: len.saturating_add(2) }) } else { Err(Match::No) }
}

fn probe(peek: &Peek<'_>) -> Match {
    if peek.meta.datagrams {
        return Match::No;
    }
    match offer(peek.to_server) {
        Ok(_) => Match::Certain,
        Err(sure) => sure,
    }
}

#[derive(Default)]
struct Ssl2 {
    head: Vec<u8>,
    offered: bool,
    answered: bool,
    answer: Vec<u8>,
    sealed: [u64; 2],
}

impl Ssl2 {
    fn hello(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let room = 4_098_usize.saturating_sub(self.head.len());
        self.head.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        match offer(&self.head) {
            Ok(offer) if self.head.len() >= offer.len => {
                self.offered = true;
                sink.fact("tls.hello", format!("in the form of SSL 2.0, offers {}", version_name(offer.version)));
                if offer.version == 2 {
                    sink.weakness("tls.version", version_name(2), "transport below TLS 1.2");
                    self.answered = true;
                }
                Ok(())
            }
            Ok(_) | Err(Match::NeedMore) => Ok(()),
            Err(_) => Err(Malformed::Illegal("SSL 2.0 hello")),
        }
    }

    /// What the server chose: it answers in the form of the version it speaks.
    fn reply(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let room = 16_usize.saturating_sub(self.answer.len());
        self.answer.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        let version = match self.answer.as_slice() {
            // A handshake record with a server's hello: the version stands in the hello.
            [0x16, 3, _, _, _, 2, _, _, _, high, low, ..] => u16::from_be_bytes([*high, *low]),
            [first, _, SERVER_HELLO, ..] if first & 0x80 != 0 => 2,
            _ => return,
        };
        self.answered = true;
        if version < 0x0303 {
            sink.weakness("tls.version", version_name(version), "transport below TLS 1.2");
        } else {
            sink.fact("tls.version", version_name(version));
        }
    }
}

impl Dissector for Ssl2 {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => {
                sink.wire(Opacity::Encrypted, chunk.bytes.len() as u64);
                let sum = chunk.direction.of_mut(&mut self.sealed);
                *sum = sum.saturating_add(chunk.bytes.len() as u64);
                match chunk.direction {
                    Direction::ToServer if !self.offered => self.hello(chunk.bytes, sink)?,
                    Direction::ToClient if !self.answered => self.reply(chunk.bytes, sink),
                    _ => {}
                }
            }
            StreamEvent::Gap { direction, len, .. } => {
                sink.blind(Blind::Lost, direction, len, "bytes of an SSL 2.0 connection");
            }
            StreamEvent::End { .. } => {}
            StreamEvent::Close { .. } => {
                for direction in Direction::BOTH {
                    let bytes = *direction.of(&self.sealed);
                    if bytes > 0 {
                        sink.blind(Blind::Unsupported, direction, bytes, "handshake in the form of SSL 2.0");
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::harness::{Ev, down, meta, play, up};
    use crate::model::stream::Ending;

    /// A hello that offers `version` with two ciphers.
    fn hello(version: u16) -> Vec<u8> {
        let body =
            [&[1][..], &version.to_be_bytes(), &[0, 6, 0, 0, 0, 16], &[1, 0, 0x80, 7, 0, 0xc0], &[7; 16]].concat();
        [&(0x8000 | u16::try_from(body.len()).unwrap()).to_be_bytes()[..], &body].concat()
    }

    #[test]
    fn what_is_spoken_is_named() {
        let v2: &[u8] = b"\x80\x2a\x04\x00\x01\x00\x02";
        let v3: &[u8] = b"\x16\x03\x00\x00\x4a\x02\x00\x00\x46\x03\x00";
        let tls12: &[u8] = b"\x16\x03\x03\x00\x4a\x02\x00\x00\x46\x03\x03";
        for (version, answer, says) in
            [(2, v2, "SSL 2.0"), (0x0300, v3, "SSL 3.0"), (0x0301, v2, "SSL 2.0"), (0x0303, tls12, "TLS 1.2")]
        {
            for split in [1, 7, 100] {
                let mut events: Vec<Ev> = hello(version).chunks(split).map(up).collect();
                events.extend(answer.chunks(split).map(down));
                events.push(Ev::Close(Ending::Clean));
                let heard = play(&PROTOCOL, &meta(), 1 << 20, &events);
                let named: Vec<&str> =
                    heard.facts.iter().filter(|fact| fact.0 == "tls.version").map(|fact| fact.1.as_str()).collect();
                assert_eq!(named, [says], "{version:04x} in pieces of {split}");
                assert_eq!(heard.blind.len(), 2);
            }
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        let whole = hello(2);
        for len in 0..11 {
            assert!(matches!(offer(&whole[..len]), Err(Match::NeedMore)), "{len}");
        }
        assert!(offer(&whole).is_ok());
        for other in [&b"\x80\x2e\x02\x00\x02"[..], b"GET / HTTP/1.1", b"\x80\x2e\x01\x07\x02", b"\x16\x03\x01\x00\x05"]
        {
            assert!(matches!(offer(other), Err(Match::No)));
        }
        let mut odd = hello(2);
        odd[6] = 7;
        assert!(matches!(offer(&odd), Err(Match::No)));
    }
}
