//! What identifies a conversation, the same for both directions.

use crate::model::packet::{Endpoint, Packet, Segment};
use crate::model::stream::Transport;
use std::net::{IpAddr, Ipv6Addr};

/// Two ends in a fixed order, and the protocol: forty bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key {
    low: [u8; 16],
    high: [u8; 16],
    low_port: u16,
    high_port: u16,
    protocol: u8,
    v6: bool,
}

/// Which end of a [`Key`]: 0 is the low one, 1 the high one. An index into pairs.
pub(super) type End = usize;

impl Key {
    /// The key of a packet, and which end sent it.
    #[inline]
    pub(super) fn of(packet: &Packet<'_>) -> (Self, End) {
        let protocol = match packet.segment {
            Segment::Tcp { .. } => 6,
            Segment::Udp { .. } => 17,
            Segment::Other { protocol, .. } => protocol,
        };
        let (src, dst) = ((octets(packet.src.ip), packet.src.port), (octets(packet.dst.ip), packet.dst.port));
        let from = usize::from(src > dst);
        let (low, high) = if from == 0 { (src, dst) } else { (dst, src) };
        let v6 = packet.src.ip.is_ipv6();
        (Self { low: low.0, high: high.0, low_port: low.1, high_port: high.1, protocol, v6 }, from)
    }

    /// One end's address and port.
    pub(super) fn endpoint(&self, end: End) -> Endpoint {
        let (ip, port) = if end == 0 { (self.low, self.low_port) } else { (self.high, self.high_port) };
        let ip = Ipv6Addr::from(ip);
        let ip = match ip.to_ipv4_mapped() {
            Some(v4) if !self.v6 => IpAddr::V4(v4),
            _ => IpAddr::V6(ip),
        };
        Endpoint { ip, port }
    }

    /// One end's port.
    pub(super) fn port(&self, end: End) -> u16 {
        if end == 0 { self.low_port } else { self.high_port }
    }

    pub(super) fn transport(&self) -> Transport {
        match self.protocol {
            6 => Transport::Tcp,
            17 => Transport::Udp,
            _ => Transport::Ip,
        }
    }
}

#[inline]
fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}
