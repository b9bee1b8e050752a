//! Datagrams: several protocols may share a pair of ports (RFC 7983), so that each one is asked for whose it is.

use crate::bytes::Match;
use crate::message::driver::probing::Held;
use crate::message::driver::{Offending, Reader, Scene, Surroundings, Told};
use crate::message::protocol::{PROTOCOLS, by_name};
use crate::message::raw::{lost, raw_message};
use crate::message::{Peek, Protocol};
use crate::model::budget;
use crate::model::secret::Secrets;
use crate::model::stream::{Chunk, Direction, StreamEvent, StreamMeta};
use std::collections::VecDeque;

/// Who reads the datagrams of a conversation, and those that nobody has recognised yet.
#[derive(Default)]
pub(super) struct Datagrams {
    /// The last in the list is the one that read last.
    readers: Vec<Reader>,
    waiting: VecDeque<Held>,
    waiting_bytes: usize,
}

impl Scene {
    /// Hands a datagram to the protocol that is certain of it; else to one that has read here before and may be right;
    /// else to the one that read last, for not every datagram names its protocol. What may show with others what it is
    /// waits for them. A datagram that fails does not end the conversation.
    pub(super) fn on_datagram(
        &self,
        all: &mut Datagrams,
        event: &StreamEvent<'_>,
        around: &mut Surroundings<'_>,
        tell: &mut dyn FnMut(Told),
    ) {
        let chunk = match event {
            StreamEvent::Data(chunk) => chunk,
            StreamEvent::Gap { direction, len, why, .. } => return tell(Told::Blind(lost(*direction, *len, *why))),
            StreamEvent::End { .. } => return,
            StreamEvent::Close { .. } => {
                while let Some(held) = all.release(around) {
                    held.replay(|event| self.unrecognised(&mut all.readers, &event, around, tell));
                }
                for reader in &mut all.readers {
                    if let Err(malformed) = reader.on_event(event.clone(), self, around, tell) {
                        Offending::of(event).tell(malformed, reader.protocol.name, tell);
                    }
                }
                return;
            }
        };
        let fits = all.fits(&self.meta, chunk, around.secrets);
        let known = |all: &Datagrams, least: Match| {
            let at = |name: &str| all.readers.iter().rposition(|reader| reader.protocol.name == name);
            let of = fits.iter().filter(|(_, fit)| *fit >= least);
            of.filter_map(|(protocol, fit)| Some((*fit, at(protocol.name)?))).max()
        };
        let first = |least: Match| fits.iter().find(|(_, fit)| *fit >= least).map(|(protocol, _)| *protocol);
        let chosen = match (known(all, Match::NeedMore), first(Match::Certain)) {
            (Some((Match::Certain, index)), _) => Some(index),
            (_, Some(protocol)) => Some(all.begin(protocol, self, tell)),
            (Some((_, index)), None) => Some(index),
            (None, None) => match first(Match::Maybe) {
                Some(protocol) if all.readers.is_empty() => Some(all.begin(protocol, self, tell)),
                _ => None,
            },
        };
        let Some(index) = chosen else {
            if first(Match::NeedMore).is_some() && around.held <= around.allowed {
                all.hold(event, around);
                if all.waiting.len() > budget::DATAGRAMS_HELD
                    && let Some(held) = all.release(around)
                {
                    held.replay(|event| self.unrecognised(&mut all.readers, &event, around, tell));
                }
                return;
            }
            return self.unrecognised(&mut all.readers, event, around, tell);
        };
        let reader = all.readers.remove(index);
        let secrets = around.secrets;
        let is_mine = |bytes: &[u8], direction| {
            let [mut to_server, mut to_client] = [&[][..]; 2];
            *(if direction == Direction::ToServer { &mut to_server } else { &mut to_client }) = bytes;
            let peek = Peek { meta: &self.meta, to_server, to_client, waiting: &[], secrets };
            (reader.protocol.probe)(&peek) != Match::No
        };
        // What waited for this protocol to show itself was its own.
        let mut mine = Vec::new();
        for held in std::mem::take(&mut all.waiting) {
            match &held {
                Held::Data { direction, bytes, .. } if is_mine(bytes, *direction) => {
                    all.settle(bytes.len(), around);
                    mine.push(held);
                }
                _ => all.waiting.push_back(held),
            }
        }
        all.readers.push(reader);
        for held in mine {
            held.replay(|event| self.unrecognised(&mut all.readers, &event, around, tell));
        }
        self.unrecognised(&mut all.readers, event, around, tell);
    }

    /// Hands a datagram to the one that read last; without anyone, its bytes are a message as they are.
    pub(super) fn unrecognised(
        &self,
        readers: &mut [Reader],
        event: &StreamEvent<'_>,
        around: &mut Surroundings<'_>,
        tell: &mut dyn FnMut(Told),
    ) {
        let StreamEvent::Data(chunk) = event else { return };
        let Some(reader) = readers.last_mut() else {
            return tell(Told::Message(raw_message(self, chunk, true)));
        };
        if let Err(malformed) = reader.on_event(event.clone(), self, around, tell) {
            Offending::of(event).tell(malformed, reader.protocol.name, tell);
            tell(Told::Message(raw_message(self, chunk, false)));
        }
    }
}

impl Datagrams {
    /// Everyone to whom a datagram may belong, and how well it fits.
    pub(super) fn fits(
        &self,
        meta: &StreamMeta,
        chunk: &Chunk<'_>,
        secrets: &Secrets,
    ) -> Vec<(&'static Protocol, Match)> {
        let [mut to_server, mut to_client] = [&[][..]; 2];
        *(if chunk.direction == Direction::ToServer { &mut to_server } else { &mut to_client }) = chunk.bytes;
        let waiting: Vec<(Direction, &[u8])> = self
            .waiting
            .iter()
            .filter_map(|held| match held {
                Held::Data { direction, bytes, .. } => Some((*direction, bytes.as_slice())),
                _ => None,
            })
            .collect();
        let peek = Peek { meta, to_server, to_client, waiting: &waiting, secrets };
        // An outer layer that names the protocol and the protocol itself agree: nobody else has to be asked.
        let named = meta.hint.as_deref().and_then(by_name);
        if let Some(named) = named.filter(|named| (named.probe)(&peek) == Match::Certain) {
            return vec![(named, Match::Certain)];
        }
        let fits = PROTOCOLS.iter().map(|protocol| (*protocol, (protocol.probe)(&peek)));
        fits.filter(|(_, fit)| *fit > Match::No).collect()
    }

    /// Someone begins to read: the index of their reader.
    pub(super) fn begin(&mut self, protocol: &'static Protocol, scene: &Scene, tell: &mut dyn FnMut(Told)) -> usize {
        self.readers.push(Reader::start(protocol, scene, tell));
        self.readers.len().saturating_sub(1)
    }

    pub(super) fn hold(&mut self, event: &StreamEvent<'_>, around: &mut Surroundings<'_>) {
        let StreamEvent::Data(chunk) = event else { return };
        self.waiting_bytes = self.waiting_bytes.saturating_add(chunk.bytes.len());
        around.held = around.held.saturating_add(chunk.bytes.len());
        self.waiting.push_back(Held::Data {
            direction: chunk.direction,
            at: chunk.at,
            offset: chunk.offset,
            bytes: chunk.bytes.to_vec(),
            origins: chunk.origins.clone(),
        });
    }

    pub(super) fn settle(&mut self, bytes: usize, around: &mut Surroundings<'_>) {
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes);
        around.held = around.held.saturating_sub(bytes);
    }

    /// The datagram that has waited longest.
    pub(super) fn release(&mut self, around: &mut Surroundings<'_>) -> Option<Held> {
        let held = self.waiting.pop_front()?;
        if let Held::Data { bytes, .. } = &held {
            self.settle(bytes.len(), around);
        }
        Some(held)
    }
}
