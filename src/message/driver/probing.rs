//! What is held of a stream until it is decided who reads it.

use crate::bytes::Match;
use crate::message::protocol::PROTOCOLS;
use crate::message::{Peek, Protocol};
use crate::model::budget;
use crate::model::origin::Origins;
use crate::model::secret::Secrets;
use crate::model::stream::{Chunk, Direction, Lost, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;

/// Events held until it is decided who reads them.
#[derive(Default)]
pub(super) struct Probing {
    pub(super) events: Vec<Held>,
    first: [Vec<u8>; 2],
}

pub(super) enum Held {
    Data { direction: Direction, at: Timestamp, offset: u64, bytes: Vec<u8>, origins: Origins },
    Gap { direction: Direction, at: Timestamp, offset: u64, len: u64, why: Lost },
    End { direction: Direction, at: Timestamp },
}

/// What the first bytes of a stream lead to.
pub(super) enum Decision {
    Wait,
    Nobody,
    Read(&'static Protocol),
}

impl Probing {
    pub(super) fn hold(&mut self, event: &StreamEvent<'_>) {
        match event {
            StreamEvent::Data(chunk) => {
                let first = chunk.direction.of_mut(&mut self.first);
                // Bytes behind a hole are not first bytes; they are still replayed.
                if first.len() as u64 == chunk.offset || first.is_empty() {
                    first.extend_from_slice(chunk.bytes);
                }
                self.events.push(Held::Data {
                    direction: chunk.direction,
                    at: chunk.at,
                    offset: chunk.offset,
                    bytes: chunk.bytes.to_vec(),
                    origins: chunk.origins.clone(),
                });
            }
            StreamEvent::Gap { direction, at, offset, len, why } => {
                self.events.push(Held::Gap { direction: *direction, at: *at, offset: *offset, len: *len, why: *why });
            }
            StreamEvent::End { direction, at } => self.events.push(Held::End { direction: *direction, at: *at }),
            StreamEvent::Close { .. } => {}
        }
    }

    /// The protocol that fits best, and whether somebody needs more bytes to tell.
    pub(super) fn best(&self, meta: &StreamMeta, secrets: &Secrets) -> Option<(&'static Protocol, Match)> {
        let [to_server, to_client] = &self.first;
        let peek = Peek { meta, to_server, to_client, waiting: &[], secrets };
        let mut best: Option<(&'static Protocol, Match)> = None;
        for protocol in PROTOCOLS {
            let fit = (protocol.probe)(&peek);
            if fit > best.map_or(Match::No, |(_, known)| known) {
                best = Some((*protocol, fit));
            }
        }
        best
    }

    pub(super) fn waiting(&self, meta: &StreamMeta, secrets: &Secrets) -> bool {
        let [to_server, to_client] = &self.first;
        let peek = Peek { meta, to_server, to_client, waiting: &[], secrets };
        to_server.len().max(to_client.len()) < budget::PROBE_BYTES
            && PROTOCOLS.iter().any(|protocol| (protocol.probe)(&peek) == Match::NeedMore)
    }

    pub(super) fn decide(&self, meta: &StreamMeta, secrets: &Secrets, last_chance: bool) -> Decision {
        let seen = self.first.iter().any(|first| !first.is_empty());
        match self.best(meta, secrets) {
            Some((protocol, Match::Certain)) => Decision::Read(protocol),
            _ if !last_chance && (!seen || self.waiting(meta, secrets)) => Decision::Wait,
            Some((protocol, Match::Maybe)) => Decision::Read(protocol),
            _ => Decision::Nobody,
        }
    }
}

impl Held {
    pub(super) fn replay(self, mut on_event: impl FnMut(StreamEvent<'_>)) {
        match self {
            Self::Data { direction, at, offset, bytes, origins } => {
                on_event(StreamEvent::Data(Chunk { direction, at, offset, bytes: &bytes, origins }));
            }
            Self::Gap { direction, at, offset, len, why } => {
                on_event(StreamEvent::Gap { direction, at, offset, len, why });
            }
            Self::End { direction, at } => on_event(StreamEvent::End { direction, at }),
        }
    }
}
