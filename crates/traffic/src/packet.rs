//! One IP packet at one moment.

use etherparse::{IpHeaders, PacketHeaders, TcpHeader, TransportHeader};
use std::net::SocketAddr;

/// Which way bytes go. The client is the end that opens the conversation.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn reverse(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }

    /// 0 to the server, 1 to the client.
    pub const fn index(self) -> usize {
        match self {
            Self::ToServer => 0,
            Self::ToClient => 1,
        }
    }
}

/// One IP packet; the link header is added when it is written to a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Packet {
    /// When, in nanoseconds since the epoch.
    pub at: i64,
    /// The IP packet, as far as it was captured.
    pub ip: Vec<u8>,
    /// How long the IP packet was on the wire; more than `ip` when a snapshot length cut it.
    pub wire_len: usize,
}

impl Packet {
    /// A packet that was captured whole.
    pub const fn new(at: i64, ip: Vec<u8>) -> Self {
        let wire_len = ip.len();
        Self { at, ip, wire_len }
    }

    /// Its IP and TCP headers and its payload, if it is a whole TCP segment.
    pub fn tcp(&self) -> Option<(IpHeaders, TcpHeader, &[u8])> {
        let headers = PacketHeaders::from_ip_slice(&self.ip).ok()?;
        let Some(TransportHeader::Tcp(tcp)) = headers.transport else { return None };
        let ip = match headers.net? {
            etherparse::NetHeaders::Ipv4(header, extensions) => IpHeaders::Ipv4(header, extensions),
            etherparse::NetHeaders::Ipv6(header, extensions) => IpHeaders::Ipv6(header, extensions),
            etherparse::NetHeaders::Arp(_) => return None,
        };
        (self.wire_len == self.ip.len()).then_some((ip, tcp, headers.payload.slice()))
    }

    /// Whether it is a TCP segment that carries bytes.
    pub fn has_tcp_payload(&self) -> bool {
        self.tcp().is_some_and(|(_, _, payload)| !payload.is_empty())
    }
}

/// Starts a packet between two addresses of one family.
pub(crate) fn ip(from: SocketAddr, to: SocketAddr) -> etherparse::PacketBuilderStep<IpHeaders> {
    match (from, to) {
        (SocketAddr::V4(from), SocketAddr::V4(to)) => {
            etherparse::PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), 64)
        }
        (SocketAddr::V6(from), SocketAddr::V6(to)) => {
            etherparse::PacketBuilder::ipv6(from.ip().octets(), to.ip().octets(), 64)
        }
        _ => panic!("both ends must be of one address family: {from} {to}"),
    }
}
