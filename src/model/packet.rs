//! What a frame holds: a transport segment between two endpoints.

use crate::model::origin::{FrameNo, Run};
use crate::model::time::Timestamp;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// One end of a conversation: address and port.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Endpoint {
    /// IP address.
    pub ip: IpAddr,
    /// Transport port; 0 where the transport has none.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.ip, self.port).fmt(f)
    }
}

/// TCP flags (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "they are the bits of the header")]
pub struct TcpFlags {
    /// Synchronize sequence numbers.
    pub syn: bool,
    /// Acknowledgment field is significant.
    pub ack: bool,
    /// No more data from sender.
    pub fin: bool,
    /// Reset the connection.
    pub rst: bool,
    /// Urgent pointer field is significant.
    pub urg: bool,
}

/// The transport header and what it carries.
#[derive(Clone, Copy, Debug)]
pub enum Segment<'a> {
    /// TCP.
    Tcp {
        /// Sequence number of the first payload byte (of SYN itself, if set).
        seq: u32,
        /// Acknowledgment number, when `flags.ack`.
        ack: u32,
        /// Control bits.
        flags: TcpFlags,
        /// Urgent pointer, when `flags.urg`.
        urgent: u16,
        /// Captured payload.
        payload: &'a [u8],
        /// Payload bytes that the IP header promises and the capture lacks (snapshot length).
        missing: u32,
    },
    /// UDP: one datagram.
    Udp {
        /// Captured payload.
        payload: &'a [u8],
        /// Payload bytes that the header promises and the capture lacks.
        missing: u32,
    },
    /// Any other IP protocol.
    Other {
        /// Protocol number (IANA).
        protocol: u8,
        /// Captured payload.
        payload: &'a [u8],
    },
}

/// One packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The frame it came in (the last one, for a reassembled datagram).
    pub frame: FrameNo,
    /// When.
    pub at: Timestamp,
    /// Sender.
    pub src: Endpoint,
    /// Receiver.
    pub dst: Endpoint,
    /// Transport header and payload.
    pub segment: Segment<'a>,
    /// The frames that carried the payload, in its order, when it was put together from IP fragments; empty when
    /// `frame` carried all of it.
    pub parts: &'a [Run],
}
