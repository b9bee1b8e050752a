//! Reads frames, fragments included, and keeps count of what yields no packet.

use super::Skip;
use super::fragment::{Datagram, Defragmenter, FragmentLoss};
use super::ip::{Parsed, TUNNELS, parse, vxlan};
use super::stray::stray;
use crate::bytes::Malformed;
use crate::model::frame::Frame;
use crate::model::packet::Packet;
use std::collections::BTreeMap;

/// Frames that yielded no packet, by reason.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Skipped {
    /// Something other than IP.
    pub not_ip: u64,
    /// Headers that are not what their protocol allows, by what is wrong.
    pub malformed: BTreeMap<String, u64>,
    /// Link types that are not known, by number.
    pub unsupported_link: BTreeMap<u32, u64>,
}

/// Frames in, packets out.
#[derive(Default)]
pub struct Reader {
    defragmenter: Defragmenter,
    ready: Vec<Datagram>,
    not_ip: u64,
    malformed: Vec<(Malformed, u64)>,
    unsupported_link: BTreeMap<u32, u64>,
}

impl Reader {
    /// A reader that holds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a frame and hands on the packets that it completes: usually one.
    #[inline]
    pub fn frame(&mut self, frame: &Frame<'_>, mut on: impl FnMut(&Packet<'_>)) {
        match parse(frame) {
            Ok(Parsed::Packet(packet)) => {
                on(&packet);
                self.carried(&packet, &mut on);
            }
            Ok(Parsed::Fragment(fragment)) => {
                self.defragmenter.push(&fragment, &mut self.ready);
                self.drain(&mut on);
            }
            Err(Skip::NotIp) => match stray(frame) {
                Some(packet) => on(&packet),
                None => self.skip(Skip::NotIp),
            },
            Err(skip) => self.skip(skip),
        }
    }

    /// Hands on what a datagram carries, and what that does.
    #[inline]
    fn carried(&mut self, packet: &Packet<'_>, on: &mut impl FnMut(&Packet<'_>)) {
        let mut inside = vxlan(packet);
        for _ in 0..TUNNELS {
            match inside {
                Some(Parsed::Packet(packet)) => {
                    on(&packet);
                    inside = vxlan(&packet);
                }
                Some(Parsed::Fragment(fragment)) => {
                    self.defragmenter.push(&fragment, &mut self.ready);
                    return self.drain(on);
                }
                None => return,
            }
        }
    }

    /// Hands on what incomplete datagrams hold.
    pub fn finish(&mut self, mut on: impl FnMut(&Packet<'_>)) {
        self.defragmenter.finish(&mut self.ready);
        self.drain(&mut on);
        // Tunnels may have carried fragments of their own.
        self.defragmenter.finish(&mut self.ready);
        self.drain(&mut on);
    }

    /// What yielded no packet so far.
    pub fn skipped(&self) -> Skipped {
        let malformed = self.malformed.iter().map(|(why, count)| (why.to_string(), *count)).collect();
        Skipped { not_ip: self.not_ip, malformed, unsupported_link: self.unsupported_link.clone() }
    }

    /// What fragments lost so far.
    pub fn fragment_loss(&self) -> FragmentLoss {
        self.defragmenter.loss()
    }

    fn drain(&mut self, on: &mut impl FnMut(&Packet<'_>)) {
        while !self.ready.is_empty() {
            for datagram in std::mem::take(&mut self.ready) {
                match datagram.parse() {
                    Ok(Parsed::Packet(packet)) => on(&packet),
                    Ok(Parsed::Fragment(fragment)) => self.defragmenter.push(&fragment, &mut self.ready),
                    Err(skip) => self.skip(skip),
                }
            }
        }
    }

    #[cold]
    fn skip(&mut self, skip: Skip) {
        match skip {
            Skip::NotIp => self.not_ip = self.not_ip.saturating_add(1),
            Skip::Malformed(why) => match self.malformed.iter_mut().find(|(known, _)| *known == why) {
                Some((_, count)) => *count = count.saturating_add(1),
                None => self.malformed.push((why, 1)),
            },
            Skip::UnsupportedLink(link) => {
                let count = self.unsupported_link.entry(link.0).or_default();
                *count = count.saturating_add(1);
            }
        }
    }
}
