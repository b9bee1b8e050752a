//! What one direction of a connection has: keys, handshake, packet numbers, and what could not be read.

use crate::message::protocol::quic::connection::Sealed;
use crate::message::protocol::quic::handshake::Crypto;
use crate::message::protocol::quic::level::{Level, Lot};
use crate::message::protocol::quic::ordered::Numbers;
use crate::message::protocol::quic::protection::{Opened, Opener};
use crate::model::flow::Blind;
use crate::model::stream::Direction;
use std::borrow::Cow;

/// What a packet of data holds beside it at the most: the rest of its header, the tag, an ACK frame of usual size and the
/// head of a STREAM frame.
const OVERHEAD: usize = 4 + 16 + 32 + 18;
/// Up to this size packets are taken for data at once; larger ones may be probes of the path, until a second one comes.
const USUAL_SIZE: usize = 1_252;

/// One direction.
#[derive(Default)]
pub(super) struct Lane {
    /// For the Initial packets: by version and by the connection ID they come from.
    initial: Vec<(u32, Vec<u8>, Opener)>,
    early: Option<Lot>,
    handshake: Option<Lot>,
    application: Option<Lot>,
    pub(super) crypto: [Crypto; 3],
    /// Packet numbers seen, in each space.
    pub(super) seen: [Numbers; 3],
    /// Of them in the last space, those that the other side has acknowledged.
    pub(super) acked: Numbers,
    pub(super) run: u64,
    largest_packet: usize,
    pub(super) blind: Option<(Blind, Cow<'static, str>, u64)>,
}

impl Lane {
    /// The keys of a level, once somebody looked for them.
    pub(super) const fn lot(&self, level: Level) -> Option<&Lot> {
        match level {
            Level::Initial => None,
            Level::Early => self.early.as_ref(),
            Level::Handshake => self.handshake.as_ref(),
            Level::Application => self.application.as_ref(),
        }
    }

    /// The same, to open with.
    pub(super) const fn lot_mut(&mut self, level: Level) -> Option<&mut Lot> {
        match level {
            Level::Initial => None,
            Level::Early => self.early.as_mut(),
            Level::Handshake => self.handshake.as_mut(),
            Level::Application => self.application.as_mut(),
        }
    }

    /// The keys of a level are looked for.
    pub(super) fn put(&mut self, level: Level, lot: Lot) {
        match level {
            Level::Initial => {}
            Level::Early => self.early = Some(lot),
            Level::Handshake => self.handshake = Some(lot),
            Level::Application => self.application = Some(lot),
        }
    }

    /// Opens an Initial packet with keys from one of these connection IDs.
    pub(super) fn open_initial(&mut self, packet: &Sealed<'_>, origins: &[Vec<u8>]) -> Option<Opened> {
        let version = packet.version;
        for id in origins {
            if !self.initial.iter().any(|(known, of, _)| *known == version.id && of == id)
                && let Some(opener) = Opener::initial(version, id, packet.direction == Direction::ToServer)
            {
                self.initial.push((version.id, id.clone(), opener));
            }
        }
        let largest = self.seen.first().and_then(Numbers::largest);
        let openers = self.initial.iter_mut().rev().filter(|(known, ..)| *known == version.id);
        openers.map(|(.., opener)| opener).find_map(|opener| opener.open(&packet.bytes, packet.pn_at, largest, false))
    }

    /// Counts what data a packet may hold; whether it counts.
    pub(super) fn count(&mut self, packet: &Sealed<'_>) -> bool {
        let len = packet.bytes.len();
        let probe = len > USUAL_SIZE && len > self.largest_packet;
        self.largest_packet = self.largest_packet.max(len);
        let most = len.saturating_sub(packet.pn_at).saturating_sub(OVERHEAD);
        if probe || most == 0 {
            return false;
        }
        self.run = self.run.saturating_add(most as u64);
        true
    }
}
