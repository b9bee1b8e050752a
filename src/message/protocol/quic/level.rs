//! Levels of encryption (RFC 9001 section 4), and the keys that may open each.

use crate::message::handshake::suite::Suite;
use crate::message::protocol::quic::protection::{Opened, Opener};
use crate::message::protocol::quic::version::Version;
use crate::model::budget::QUIC_TRIAL_BYTES;
use crate::model::secret::Secrets;
use crate::model::stream::Direction;

/// Handshakes of the key log that are tried where a connection's own hello does not name it.
pub(super) const CANDIDATES: usize = 64;

/// A level of encryption.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Level {
    /// Keys that everybody can derive.
    Initial,
    /// 0-RTT.
    Early,
    /// The handshake's own.
    Handshake,
    /// 1-RTT.
    Application,
}

impl Level {
    /// Index of its packet number space (RFC 9000 section 12.3).
    pub(super) const fn space(self) -> usize {
        match self {
            Self::Initial => 0,
            Self::Handshake => 1,
            Self::Early | Self::Application => 2,
        }
    }

    /// The key log's label for it (RFC 9850).
    pub(super) const fn label(self, direction: Direction) -> &'static str {
        match (self, direction) {
            (Self::Initial, _) => "",
            (Self::Early, _) => "CLIENT_EARLY_TRAFFIC_SECRET",
            (Self::Handshake, Direction::ToServer) => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            (Self::Handshake, Direction::ToClient) => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            (Self::Application, Direction::ToServer) => "CLIENT_TRAFFIC_SECRET_0",
            (Self::Application, Direction::ToClient) => "SERVER_TRAFFIC_SECRET_0",
        }
    }

    /// Whether the app's data travels at it.
    pub(super) const fn is_application(self) -> bool {
        matches!(self, Self::Early | Self::Application)
    }
}

/// The keys that may open one direction at one level: many at first, one once it opened something.
pub(super) struct Lot {
    /// Each with the client random of the handshake it comes from.
    openers: Vec<([u8; 32], Opener)>,
    certain: bool,
    trials: u64,
}

impl Lot {
    /// Keys from the secrets with one of `randoms`, for each suite and version they may be for.
    pub(super) fn new(
        secrets: &Secrets,
        label: &str,
        randoms: &[[u8; 32]],
        suites: &[Suite],
        versions: &[Version],
    ) -> Self {
        let known = randoms.iter().filter_map(|random| Some((*random, secrets.tls(random, label)?)));
        let openers = known.flat_map(|(random, secret)| {
            let pairs = suites.iter().flat_map(|suite| versions.iter().map(move |version| (*suite, *version)));
            pairs.filter_map(move |(suite, version)| Some((random, Opener::new(version, suite, secret)?)))
        });
        Self { openers: openers.collect(), certain: false, trials: 0 }
    }

    /// Whether there is any key.
    pub(super) const fn is_empty(&self) -> bool {
        self.openers.is_empty()
    }

    /// Whether a key is known to be the right one.
    pub(super) const fn is_certain(&self) -> bool {
        self.certain
    }

    /// The client random of the handshake that the right key comes from, and the key's version, once it is known.
    pub(super) fn session(&self) -> Option<([u8; 32], Version)> {
        let (random, opener) = self.openers.first().filter(|_| self.certain)?;
        Some((*random, opener.version))
    }

    /// Opens a packet.
    pub(super) fn open(&mut self, packet: &[u8], pn_at: usize, largest: Option<u64>) -> Option<Opened> {
        if self.trials > QUIC_TRIAL_BYTES {
            return None;
        }
        // Where much is tried already, numbers are not tried as well.
        let far = self.certain || self.openers.len() <= 4;
        let hit = self.openers.iter_mut().enumerate().find_map(|(index, (_, opener))| {
            let opened = opener.open(packet, pn_at, largest, far)?;
            Some((index, opened))
        });
        let Some((index, opened)) = hit else {
            let tried = packet.len().saturating_mul(self.openers.len());
            self.trials = self.trials.saturating_add(tried as u64);
            return None;
        };
        self.openers.swap(0, index);
        self.openers.truncate(1);
        self.certain = true;
        Some(opened)
    }
}
