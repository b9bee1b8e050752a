//! Whether a datagram is QUIC's.

use crate::bytes::Match;
use crate::message::Peek;
use crate::message::handshake::suite::Suite;
use crate::message::protocol::quic::level::{CANDIDATES, Level, Lot};
use crate::message::protocol::quic::packet::{self, CID, Packet};
use crate::message::protocol::quic::version::{VERSIONS, foreign};
use crate::model::stream::Direction;

/// The shortest packet with a short header: a byte of packet number in front of the sample (RFC 9001 section 5.4.2).
const SHORTEST: usize = 21;
/// Datagrams of a conversation that are tried with keys of the key log, to find a connection that began elsewhere.
const TRIES: usize = 3;

/// The probe of the registry.
pub(super) fn probe(peek: &Peek<'_>) -> Match {
    if !peek.meta.datagrams {
        return Match::No;
    }
    let (bytes, direction) = if peek.to_server.is_empty() {
        (peek.to_client, Direction::ToClient)
    } else {
        (peek.to_server, Direction::ToServer)
    };
    let Some(first) = bytes.first() else { return Match::NeedMore };
    if first & 0x80 == 0 {
        return short(peek, bytes, direction);
    }
    match packet::read(bytes) {
        Ok(Packet::VersionNegotiation(versions)) => {
            let real = |id: &u32| packet_version(*id);
            if versions.iter().any(real) { Match::Certain } else { Match::No }
        }
        // The bit is fixed (RFC 9000 section 17.2), but for those who agreed to grease it (RFC 9287).
        Ok(Packet::Foreign(id)) if foreign(id).is_some() && first & 0x40 != 0 => Match::Certain,
        Ok(Packet::Retry { .. }) => Match::Certain,
        Ok(Packet::Long { pn_at, len, .. }) if len >= pn_at.saturating_add(SHORTEST - 1) => Match::Certain,
        _ => Match::No,
    }
}

fn packet_version(id: u32) -> bool {
    VERSIONS.iter().any(|version| version.id == id) || foreign(id).is_some()
}

/// A short header says nothing of itself. It may follow others of its connection; or, where the connection began on
/// another path or before the capture, a key of the key log opens it.
fn short(peek: &Peek<'_>, bytes: &[u8], direction: Direction) -> Match {
    if bytes.len() < SHORTEST || bytes.first().is_none_or(|first| first & 0x40 == 0) {
        return Match::No;
    }
    if peek.waiting.len() < TRIES && opens(peek, bytes, direction) {
        return Match::Certain;
    }
    Match::NeedMore
}

fn opens(peek: &Peek<'_>, bytes: &[u8], direction: Direction) -> bool {
    let label = Level::Application.label(direction);
    let randoms: Vec<[u8; 32]> = peek.secrets.with_label(label).map(|(random, _)| *random).take(CANDIDATES).collect();
    if randoms.is_empty() {
        return false;
    }
    let suites: Vec<Suite> = (0x1301..=0x1303).map(Suite::of).collect();
    let versions: Vec<_> = VERSIONS.into_iter().take(2).collect();
    let mut lot = Lot::new(peek.secrets, label, &randoms, &suites, &versions);
    (0..=CID).any(|len| lot.open(bytes, len.saturating_add(1), None).is_some())
}
