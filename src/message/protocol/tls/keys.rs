//! From secrets to openers: the ladder of traffic secrets of TLS 1.3, and what stands for it up to TLS 1.2.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::message::handshake::protect::{Opener, Plain};
use crate::message::handshake::suite::Suite;
use crate::model::budget::TLS_TRIAL_BYTES;
use crate::model::secret::Secrets;
use crate::model::stream::Direction;

/// Record numbers tried for one record after a loss.
const TRIAL_NUMBERS: u64 = 1 << 16;

/// Which keys of TLS 1.3.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Epoch {
    /// 0-RTT.
    Early,
    /// The handshake's own.
    Handshake,
    /// Application traffic, after so many key updates.
    Application(u32),
}

/// Why a record was not opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shut {
    /// The secret that it needs was not supplied.
    NoKeys,
    /// There are secrets, and none opens it.
    WrongKeys,
    /// Others of this direction were opened with these keys; this one is damaged.
    Damaged,
}

struct Stage {
    epoch: Epoch,
    /// One for each suite that it may be.
    openers: Vec<(Suite, Vec<u8>, Opener)>,
}

/// The traffic secrets of one direction of TLS 1.3, in the order in which they take over from one another.
pub(super) struct Ladder {
    stages: Vec<Stage>,
    at: usize,
    /// The last record was opened, with keys that are certain: the next may be opened in place.
    steady: bool,
    /// How many records may have been lost since the last one that was opened.
    lost: u64,
    opened: bool,
    /// Whose secrets these are is not known; so many more records may be tried before that is given up.
    guesses: Option<u8>,
    trials: u64,
    scratch: Vec<u8>,
}

/// Records on which the secrets of other handshakes are tried.
const GUESSES: u8 = 4;

impl Ladder {
    /// For a session with one of `suites`, whose hello has one of `randoms`. `early`: the client may send 0-RTT data first.
    pub(super) fn new(
        direction: Direction,
        secrets: &Secrets,
        randoms: &[[u8; 32]],
        suites: &[Suite],
        early: bool,
    ) -> Self {
        let (handshake, application) = match direction {
            Direction::ToServer => ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"),
            Direction::ToClient => ("SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"),
        };
        let stage = |epoch, label, suites: &[Suite]| {
            let known = randoms.iter().filter_map(|random| secrets.tls(random, label));
            let openers = known.flat_map(|secret| {
                suites.iter().filter_map(move |&suite| {
                    let opener = Opener::tls13(suite, secret)?;
                    Some((suite, secret.to_vec(), opener))
                })
            });
            Stage { epoch, openers: openers.collect() }
        };
        let mut stages = Vec::new();
        if early {
            // Early data has the suite of the session it resumes, which need not be the one chosen now.
            let all: Vec<Suite> = (0x1301..=0x1305).map(Suite::of).collect();
            stages.push(stage(Epoch::Early, "CLIENT_EARLY_TRAFFIC_SECRET", &all));
        }
        stages.push(stage(Epoch::Handshake, handshake, suites));
        stages.push(stage(Epoch::Application(0), application, suites));
        Self { stages, at: 0, steady: false, lost: 0, opened: false, guesses: None, trials: 0, scratch: Vec::new() }
    }

    /// The secrets are other handshakes' as well: none that opens nothing is called wrong.
    pub(super) const fn guess(&mut self) {
        self.guesses = Some(GUESSES);
    }

    /// The keys in use.
    pub(super) fn epoch(&self) -> Epoch {
        self.stages.get(self.at).map_or(Epoch::Handshake, |stage| stage.epoch)
    }

    /// The next keys take over (`Finished`, `EndOfEarlyData`).
    pub(super) fn advance(&mut self) {
        if self.at.saturating_add(1) < self.stages.len() {
            self.at = self.at.saturating_add(1);
            self.steady = false;
        }
    }

    /// The next generation of application keys takes over (RFC 8446 section 7.2).
    pub(super) fn update(&mut self) {
        self.grow();
        self.advance();
    }

    /// Records are lost: `bytes` of them, 0 if that is not known.
    pub(super) fn lose(&mut self, bytes: u64) {
        // No record is shorter than its header, a type and a tag.
        let most = if bytes == 0 { TRIAL_NUMBERS } else { bytes / 22 };
        self.lost = self.lost.saturating_add(most).saturating_add(1).min(TRIAL_NUMBERS);
        self.steady = false;
    }

    /// Puts the generation after the last known one on the ladder.
    fn grow(&mut self) {
        let Some(last) = self.stages.last() else { return };
        let Epoch::Application(generation) = last.epoch else { return };
        let openers = last.openers.iter().filter_map(|(suite, secret, _)| {
            let secret = suite.hash.expand_label("tls13 ", secret, "traffic upd", &[], suite.hash.size())?;
            let opener = Opener::tls13(*suite, &secret)?;
            Some((*suite, secret, opener))
        });
        let stage = Stage { epoch: Epoch::Application(generation.saturating_add(1)), openers: openers.collect() };
        self.stages.push(stage);
    }

    /// Opens a record: `body` is then its plaintext.
    pub(super) fn open(&mut self, kind: u8, version: u16, body: &mut Vec<u8>) -> Result<Plain, Shut> {
        if self.steady
            && let Some(stage) = self.stages.get_mut(self.at)
            && let Some((_, _, opener)) = stage.openers.first_mut()
        {
            let plain = opener.open(opener.seq, kind, version, body);
            // A damaged record still counts; the next one will show.
            opener.seq = opener.seq.saturating_add(1);
            self.steady = plain.is_some();
            self.lost = u64::from(plain.is_none());
            return plain.ok_or(Shut::Damaged);
        }
        if self.lost > 0 && self.at.saturating_add(1) == self.stages.len() {
            self.grow();
        }
        let mut any = false;
        for at in self.at..self.stages.len() {
            let Some(stage) = self.stages.get_mut(at) else { break };
            let mut hit = None;
            for (index, (_, _, opener)) in stage.openers.iter_mut().enumerate() {
                any = true;
                let first = if at == self.at { opener.seq } else { 0 };
                for seq in first..=first.saturating_add(self.lost) {
                    self.trials = self.trials.saturating_add(body.len() as u64);
                    if self.trials > TLS_TRIAL_BYTES && seq > first {
                        break;
                    }
                    self.scratch.clear();
                    self.scratch.extend_from_slice(body);
                    if let Some(plain) = opener.open(seq, kind, version, &mut self.scratch) {
                        opener.seq = seq.saturating_add(1);
                        hit = Some((index, plain));
                        break;
                    }
                }
                if hit.is_some() {
                    break;
                }
            }
            let Some((index, plain)) = hit else { continue };
            stage.openers.swap(0, index);
            stage.openers.truncate(1);
            let epoch = stage.epoch;
            self.at = at;
            self.lost = 0;
            self.opened = true;
            self.guesses = None;
            self.steady = matches!(epoch, Epoch::Application(_));
            *body = std::mem::take(&mut self.scratch);
            return Ok(plain);
        }
        if let Some(left) = &mut self.guesses {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.stages.iter_mut().for_each(|stage| stage.openers.clear());
            }
            return Err(Shut::NoKeys);
        }
        if self.opened {
            self.lost = self.lost.saturating_add(1).min(TRIAL_NUMBERS);
        }
        let known =
            self.stages.iter().any(|stage| matches!(stage.epoch, Epoch::Application(_)) && !stage.openers.is_empty());
        Err(if !any || !known {
            Shut::NoKeys
        } else if self.opened {
            Shut::Damaged
        } else {
            Shut::WrongKeys
        })
    }

    /// The opener of the next record, where both its keys and its number are certain: for records that lost bytes.
    pub(super) fn certain(&mut self) -> Option<&mut Opener> {
        if !self.steady {
            return None;
        }
        self.stages.get_mut(self.at)?.openers.first_mut().map(|(_, _, opener)| opener)
    }
}

/// An opener up to TLS 1.2, and how far it can be relied upon.
pub(super) struct Legacy {
    opener: Opener,
    lost: u64,
    opened: bool,
    broken: bool,
    trials: u64,
}

impl Legacy {
    pub(super) const fn new(opener: Opener) -> Self {
        Self { opener, lost: 0, opened: false, broken: false, trials: 0 }
    }

    /// Records are lost: `bytes` of them, 0 if that is not known.
    pub(super) fn lose(&mut self, bytes: u64) {
        let most = if bytes == 0 { TRIAL_NUMBERS } else { bytes / 21 };
        self.lost = self.lost.saturating_add(most).saturating_add(1).min(TRIAL_NUMBERS);
        // Keystreams and chained IVs do not survive a loss of unknown extent.
        self.broken |= !self.opener.can_retry();
    }

    /// Opens a record: `body` is then its plaintext.
    pub(super) fn open(&mut self, kind: u8, version: u16, body: &mut Vec<u8>) -> Result<Plain, Shut> {
        if self.broken {
            return Err(Shut::Damaged);
        }
        let first = self.opener.seq;
        let copy = (self.lost > 0).then(|| body.clone());
        let told = if self.lost > 0 { self.opener.told_seq(body) } else { None };
        let mut tried = self.try_at(told.unwrap_or(first), kind, version, body);
        if let Some(copy) = copy.filter(|_| tried.is_none()) {
            for seq in first..=first.saturating_add(self.lost) {
                self.trials = self.trials.saturating_add(body.len() as u64);
                if self.trials > TLS_TRIAL_BYTES {
                    break;
                }
                body.clear();
                body.extend_from_slice(&copy);
                tried = self.try_at(seq, kind, version, body);
                if tried.is_some() {
                    break;
                }
            }
        }
        if let Some(plain) = tried {
            self.lost = 0;
            self.opened = true;
            return Ok(plain);
        }
        if self.lost == 0 {
            self.opener.seq = first.saturating_add(1);
        }
        Err(if self.opened { Shut::Damaged } else { Shut::WrongKeys })
    }

    fn try_at(&mut self, seq: u64, kind: u8, version: u16, body: &mut Vec<u8>) -> Option<Plain> {
        let plain = self.opener.open(seq, kind, version, body)?;
        self.opener.seq = seq.saturating_add(1);
        Some(plain)
    }

    /// The opener of the next record, where its number is certain: for records that lost bytes.
    pub(super) fn certain(&mut self) -> Option<&mut Opener> {
        (self.opened && self.lost == 0 && !self.broken).then_some(&mut self.opener)
    }
}
