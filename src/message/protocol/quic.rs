//! QUIC versions 1 and 2 and the late drafts, opened passively with the session secrets the auditor supplied.
//!
//! Specifications: RFC 9000 (transport), 9001 (TLS), 9221 (datagrams), 9287 (greased bit), 9368 (version negotiation),
//! 9369 (version 2).
//!
//! ```text
//! datagram → packet → connection (keys by level, handshake) → frames → streams in order → child streams
//! ```
//!
//! The keys of Initial packets come from the connection ID that the client chose: anybody can open them, and nothing of
//! the app's is in them. A connection that goes on at another address (RFC 9000 section 9) is another flow here: its
//! packets have short headers only, and are recognised by a key of the key log that opens them.

mod connection;
mod handshake;
mod lane;
mod level;
mod ordered;
mod packet;
mod probe;
mod protection;
mod streams;
mod version;

use crate::bytes::Malformed;
use crate::message::protocol::quic::connection::{Connection, Sealed};
use crate::message::protocol::quic::level::Level;
use crate::message::protocol::quic::packet::{Kind, Packet};
use crate::message::protocol::quic::version::{VERSIONS, Version, foreign};
use crate::message::{Dissector, Protocol, Sink};
use crate::model::budget::QUIC_CONNECTIONS;
use crate::model::flow::Blind;
use crate::model::opacity::Opacity;
use crate::model::stream::{Chunk, Direction, Ending, StreamEvent, StreamMeta};

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "quic",
    about: "QUIC 1, 2 and drafts 27 to 34, opened with a key log",
    probe: probe::probe,
    start,
    samples: &[],
};

fn start(_: &StreamMeta) -> Box<dyn Dissector> {
    Box::new(Quic { connections: Vec::new(), serial: 0, foreign: false, greeted: false })
}

/// The connections of one conversation, the newest last.
struct Quic {
    connections: Vec<Connection>,
    /// How many there were.
    serial: u64,
    /// A version that cannot be read was told.
    foreign: bool,
    /// A version negotiation was told.
    greeted: bool,
}

impl Dissector for Quic {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let result = match event {
            StreamEvent::Data(chunk) => self.datagram(&chunk, sink),
            StreamEvent::Gap { .. } | StreamEvent::End { .. } => Ok(()),
            StreamEvent::Close { at, how } => {
                let mut result = Ok(());
                for connection in &mut self.connections {
                    result = result.and(connection.close(at, how, sink));
                }
                self.connections.clear();
                result
            }
        };
        for connection in &mut self.connections {
            connection.tell_blind(sink);
        }
        result
    }

    fn held(&self) -> usize {
        self.connections.iter().map(Connection::held).sum()
    }
}

impl Quic {
    /// Takes the packets of one datagram (RFC 9000 section 12.2).
    fn datagram(&mut self, chunk: &Chunk<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let mut from = 0_usize;
        while let Some(rest) = chunk.bytes.get(from..).filter(|rest| !rest.is_empty()) {
            if from > 0 && rest.iter().all(|byte| *byte == 0) {
                // Some stacks fill datagrams up behind their packets.
                sink.wire(Opacity::Encrypted, rest.len() as u64);
                break;
            }
            let packet = match packet::read(rest) {
                Ok(packet) => packet,
                Err(malformed) if from == 0 => return Err(malformed),
                // Whatever is behind the last packet is no packet: the datagram was filled up.
                Err(_) => break,
            };
            let len = match packet {
                Packet::Long { len, .. } => len.max(1),
                _ => rest.len(),
            };
            let clear = matches!(packet, Packet::VersionNegotiation(_));
            sink.wire(if clear { Opacity::Plaintext } else { Opacity::Encrypted }, len as u64);
            let bytes = rest.get(..len).unwrap_or(rest);
            self.packet(packet, bytes, from, chunk, sink)?;
            from = from.saturating_add(len);
        }
        Ok(())
    }

    fn packet(
        &mut self,
        packet: Packet<'_>,
        bytes: &[u8],
        from: usize,
        chunk: &Chunk<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        let direction = chunk.direction;
        let sealed = |level, version, pn_at| Sealed {
            direction,
            at: chunk.at,
            level,
            version,
            bytes: bytes.into(),
            pn_at,
            origins: chunk.origins.slice(from, from.saturating_add(bytes.len())),
        };
        match packet {
            Packet::VersionNegotiation(versions) => {
                if !std::mem::replace(&mut self.greeted, true) {
                    let names: Vec<String> = versions.iter().take(16).map(|id| version_name(*id)).collect();
                    sink.fact("quic.version-negotiation", names.join(", "));
                }
                if let Some(connection) = self.connections.last_mut() {
                    connection.restart();
                }
                Ok(())
            }
            Packet::Foreign(id) => {
                if !std::mem::replace(&mut self.foreign, true) {
                    sink.fact("quic.version", version_name(id));
                }
                sink.sealed(direction, bytes.len().saturating_sub(80) as u64);
                sink.blind(Blind::Unsupported, direction, bytes.len() as u64, version_name(id));
                Ok(())
            }
            Packet::Retry { version, dcid, scid } => {
                sink.fact("quic.retry", "true");
                let index = self.find(direction, dcid, Some(scid)).unwrap_or(self.connections.len().saturating_sub(1));
                if let Some(connection) = self.connections.get_mut(index) {
                    connection.addressed(direction, version, dcid, scid);
                    connection.originates(scid);
                    connection.restart();
                }
                Ok(())
            }
            Packet::Long { version, kind, dcid, scid, pn_at, .. } => {
                let level = match kind {
                    Kind::ZeroRtt => Level::Early,
                    Kind::Handshake => Level::Handshake,
                    Kind::Initial | Kind::Retry => Level::Initial,
                };
                let first = direction == Direction::ToServer && matches!(kind, Kind::Initial | Kind::ZeroRtt);
                let index = match self.find(direction, dcid, Some(scid)) {
                    Some(index) => index,
                    None => self.open(version, first.then_some(dcid), chunk, sink)?,
                };
                let Some(connection) = self.connections.get_mut(index) else { return Ok(()) };
                connection.addressed(direction, version, dcid, scid);
                connection.packet(sealed(level, version, pn_at), sink)
            }
            Packet::Short => {
                let found = self
                    .connections
                    .iter()
                    .enumerate()
                    .rev()
                    .find_map(|(index, connection)| Some((index, connection.short_cid(direction, bytes)?)));
                if let Some((index, cid)) = found {
                    let Some(connection) = self.connections.get_mut(index) else { return Ok(()) };
                    let packet = sealed(Level::Application, VERSIONS[0], cid.saturating_add(1));
                    return connection.packet(packet, sink);
                }
                let packet = sealed(Level::Application, VERSIONS[0], 1);
                if self.connections.is_empty() {
                    self.open(VERSIONS[0], None, chunk, sink)?;
                }
                let Some(connection) = self.connections.last_mut() else { return Ok(()) };
                let cid = connection.adopt(&packet, sink).unwrap_or_default();
                connection.packet(Sealed { pn_at: cid.saturating_add(1), ..packet }, sink)
            }
        }
    }

    /// The connection that a packet belongs to.
    fn find(&self, direction: Direction, dcid: &[u8], scid: Option<&[u8]>) -> Option<usize> {
        self.connections.iter().rposition(|connection| connection.knows(direction, dcid, scid))
    }

    /// Follows one more connection.
    fn open(
        &mut self,
        version: Version,
        dcid: Option<&[u8]>,
        chunk: &Chunk<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<usize, Malformed> {
        if self.connections.len() >= QUIC_CONNECTIONS {
            let mut oldest = self.connections.remove(0);
            oldest.close(chunk.at, Ending::Idle, sink)?;
        }
        self.connections.push(Connection::new(version, dcid, self.serial));
        self.serial = self.serial.saturating_add(1);
        Ok(self.connections.len().saturating_sub(1))
    }
}

/// The name of a version for people.
fn version_name(id: u32) -> String {
    let known = Version::of(id).map(|version| version.name.to_owned());
    known.or_else(|| foreign(id)).unwrap_or_else(|| format!("{id:#010x}"))
}

#[cfg(test)]
mod tests;
