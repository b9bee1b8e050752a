//! WireGuard (wireguard.com/protocol): handshakes and transport data, opened with the keys of one end as Wireshark's key
//! log writes them. What it carries are IP packets, which start again at the beginning of the line.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod noise;
#[cfg(test)]
mod tests;

use crate::bytes::{Cursor, Malformed, Match};
use crate::message::crypto::aead::{Aead, Algorithm};
use crate::message::protocol::wireguard::noise::{Keyring, Offer, nonce};
use crate::message::{Dissector, Peek, Protocol, Sink};
use crate::model::budget::{WIREGUARD_KEYS, WIREGUARD_SESSIONS};
use crate::model::flow::Blind;
use crate::model::opacity::Opacity;
use crate::model::stream::{Chunk, Direction, Layer, StreamEvent};
use std::collections::BTreeMap;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "wireguard",
    about: "WireGuard, opened with a WireGuard key log; what it carries is read as packets",
    probe,
    start: |_| Box::new(WireGuard::default()),
    samples: &[],
};

const INITIATION: u8 = 1;
const RESPONSE: u8 = 2;
const COOKIE: u8 = 3;
const TRANSPORT: u8 = 4;
/// Bytes of a transport message around what it carries: header and tag.
const AROUND: usize = 32;
/// Counters may be this far apart in packets that show together what they are.
const APART: u64 = 1 << 13;

/// The type of a message that has the length of its type, and the reserved bytes of all.
const fn kind(bytes: &[u8]) -> Option<u8> {
    let [kind, 0, 0, 0, ..] = *bytes else { return None };
    match (kind, bytes.len()) {
        (INITIATION, 148) | (RESPONSE, 92) | (COOKIE, 64) => Some(kind),
        (TRANSPORT, len) if len >= AROUND && len.is_multiple_of(16) => Some(kind),
        _ => None,
    }
}

/// Receiver and counter of a transport message.
fn transport(bytes: &[u8]) -> Option<(u32, u64)> {
    let mut cursor = Cursor::new(bytes.get(4..)?);
    let receiver = u32::from_le_bytes(cursor.array("receiver").ok()?);
    Some((receiver, u64::from_le_bytes(cursor.array("counter").ok()?)))
}

fn probe(peek: &Peek<'_>) -> Match {
    if !peek.meta.datagrams {
        return Match::No;
    }
    let (direction, bytes) = if peek.to_server.is_empty() {
        (Direction::ToClient, peek.to_client)
    } else {
        (Direction::ToServer, peek.to_server)
    };
    match kind(bytes) {
        Some(INITIATION | RESPONSE) => Match::Certain,
        Some(COOKIE) => Match::NeedMore,
        Some(_) => {
            let Some((receiver, counter)) = transport(bytes) else { return Match::No };
            let like = |(way, earlier): &&(Direction, &[u8])| {
                *way == direction
                    && kind(earlier) == Some(TRANSPORT)
                    && transport(earlier)
                        .is_some_and(|(r, c)| r == receiver && c != counter && c.abs_diff(counter) < APART)
            };
            if peek.waiting.iter().filter(like).count() >= 2 { Match::Certain } else { Match::NeedMore }
        }
        None => Match::No,
    }
}

#[derive(Default)]
struct WireGuard {
    keyring: Option<Keyring>,
    /// Initiations that were opened, by their sender's index.
    offers: BTreeMap<u32, Offer>,
    /// Keys of transport data, by its receiver's index and direction.
    sessions: BTreeMap<(u32, usize), Aead>,
    /// A handshake was seen.
    shaken: bool,
    decrypted: bool,
    told: bool,
    run: [u64; 2],
}

impl Dissector for WireGuard {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => self.message(&chunk, sink),
            StreamEvent::Gap { direction, len, .. } => {
                sink.blind(Blind::Lost, direction, len, "wireguard");
                Ok(())
            }
            StreamEvent::End { .. } => Ok(()),
            StreamEvent::Close { .. } => {
                for direction in Direction::BOTH {
                    self.flush(direction, sink);
                }
                Ok(())
            }
        }
    }
}

impl WireGuard {
    fn message(&mut self, chunk: &Chunk<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let bytes = chunk.bytes;
        let kind = kind(bytes).ok_or(Malformed::Illegal("message type or length"))?;
        sink.wire(Opacity::Encrypted, bytes.len() as u64);
        if self.keyring.is_none() {
            let (keyring, over) = Keyring::new(sink.secrets(), WIREGUARD_KEYS);
            self.keyring = Some(keyring);
            if over {
                sink.blind(Blind::Budget, chunk.direction, 0, "keys of the WireGuard key log");
            }
        }
        let Some(keyring) = &self.keyring else { return Ok(()) };
        match kind {
            INITIATION => {
                self.shaken = true;
                if let Some((sender, offer)) = keyring.initiation(bytes) {
                    self.offers.insert(sender, offer);
                    if self.offers.len() > WIREGUARD_SESSIONS {
                        self.offers.pop_first();
                    }
                }
            }
            RESPONSE => {
                self.shaken = true;
                let mut cursor = Cursor::new(bytes.get(4..).unwrap_or_default());
                let sender = u32::from_le_bytes(cursor.array("sender")?);
                let receiver = u32::from_le_bytes(cursor.array("receiver")?);
                if let Some([up, down]) = self.offers.get(&receiver).and_then(|offer| keyring.response(offer, bytes)) {
                    let side = chunk.direction.reverse().index();
                    let back = chunk.direction.index();
                    let mut add = |index, side, key: [u8; 32]| {
                        let aead = Aead::new(Algorithm::ChaCha20Poly1305, &key)?;
                        self.sessions.insert((index, side), aead)
                    };
                    add(sender, side, up);
                    add(receiver, back, down);
                    while self.sessions.len() > WIREGUARD_SESSIONS {
                        self.sessions.pop_first();
                    }
                }
                if !self.told {
                    self.told = true;
                    sink.fact("wireguard.handshake", "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s");
                }
            }
            COOKIE => {}
            _ => self.carried(chunk, sink),
        }
        Ok(())
    }

    /// Transport data.
    fn carried(&mut self, chunk: &Chunk<'_>, sink: &mut Sink<'_>) {
        let bytes = chunk.bytes;
        let Some((receiver, counter)) = transport(bytes) else { return };
        let room = bytes.len().saturating_sub(AROUND);
        if room > 0 {
            self.flush(chunk.direction.reverse(), sink);
            // Up to fifteen bytes of it pad.
            let least = room.saturating_sub(15) as u64;
            let run = chunk.direction.of_mut(&mut self.run);
            *run = run.saturating_add(least);
        }
        let Some(aead) = self.sessions.get(&(receiver, chunk.direction.index())) else {
            if room > 0 {
                let (why, detail) = match (self.shaken, sink.secrets().wireguard().next().is_some()) {
                    (_, false) => (Blind::NoKeys, "no WireGuard key log"),
                    (false, _) => (Blind::HandshakeMissing, "the handshake is not in the capture"),
                    _ => (Blind::NoKeys, "the key log lacks keys of this handshake"),
                };
                sink.blind(why, chunk.direction, room as u64, detail);
            }
            return;
        };
        let mut text = bytes.get(16..).unwrap_or_default().to_vec();
        if !aead.open(nonce(counter), &[], &mut text, 0) {
            sink.blind(Blind::WrongKeys, chunk.direction, room as u64, "a message fails authentication");
            return;
        }
        // An empty one keeps the connection alive.
        let Some(len) = ip_len(&text) else { return };
        if len > text.len() {
            sink.blind(Blind::Malformed, chunk.direction, room as u64, "no IP packet inside");
            return;
        }
        text.truncate(len);
        if !self.decrypted {
            self.decrypted = true;
            sink.decrypted();
        }
        let layer = Layer { name: "wireguard".to_owned(), secure: true, opened: true };
        sink.packet(layer, chunk.at, text, chunk.origins.first().unwrap_or(1));
    }

    fn flush(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let run = direction.of_mut(&mut self.run);
        if *run > 0 {
            sink.sealed(direction, std::mem::take(run));
        }
    }
}

/// How long an IP packet says it is; `None` for nothing, the longest there is for what is no IP packet.
fn ip_len(bytes: &[u8]) -> Option<usize> {
    let word = |at: usize| {
        let pair = bytes.get(at..at.saturating_add(2))?.first_chunk::<2>()?;
        Some(usize::from(u16::from_be_bytes(*pair)))
    };
    match bytes.first()? >> 4 {
        4 => Some(word(2).unwrap_or(usize::MAX)),
        6 => Some(word(4).map_or(usize::MAX, |len| len.saturating_add(40))),
        _ => Some(usize::MAX),
    }
}
