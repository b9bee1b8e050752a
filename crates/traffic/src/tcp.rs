//! Bytes into TCP segments.

use crate::packet::{Direction, Packet, ip};
use etherparse::TcpOptionElement;
use std::net::SocketAddr;

/// A TCP connection being written, packet by packet.
#[derive(Clone, Debug)]
pub struct Tcp {
    ends: [SocketAddr; 2],
    next: [u32; 2],
    segment: usize,
    at: i64,
    step: i64,
    acknowledge: bool,
    packets: Vec<Packet>,
}

/// Which flags a segment carries.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are the header's own five bits")]
struct Flags {
    syn: bool,
    ack: bool,
    psh: bool,
    fin: bool,
    rst: bool,
}

impl Tcp {
    /// Opens a connection with its three-way handshake at `at`, nanoseconds since the epoch.
    pub fn connect(client: SocketAddr, server: SocketAddr, at: i64) -> Self {
        let mut tcp = Self::midstream(client, server, at);
        tcp.emit(Direction::ToServer, Flags { syn: true, ..Flags::default() }, &[]);
        tcp.emit(Direction::ToClient, Flags { syn: true, ack: true, ..Flags::default() }, &[]);
        tcp.emit(Direction::ToServer, Flags { ack: true, ..Flags::default() }, &[]);
        tcp
    }

    /// A connection whose beginning nobody captured.
    pub fn midstream(client: SocketAddr, server: SocketAddr, at: i64) -> Self {
        // Sequence numbers that differ from flow to flow and wrap early in some: a reader must not rely on neither.
        let ports = u32::from(client.port()) << 16 | u32::from(server.port());
        let next = [ports.wrapping_mul(2_654_435_761), ports.wrapping_mul(40_503).wrapping_sub(2_000)];
        Self { ends: [client, server], next, segment: 1_448, at, step: 50_000, acknowledge: true, packets: Vec::new() }
    }

    /// Bytes in one segment, 1,448 unless told.
    #[must_use]
    pub fn segment(mut self, bytes: usize) -> Self {
        self.segment = bytes.max(1);
        self
    }

    /// Nanoseconds between packets, 50,000 unless told.
    #[must_use]
    pub const fn step(mut self, nanoseconds: i64) -> Self {
        self.step = nanoseconds;
        self
    }

    /// The sequence numbers of the next byte to the server and to the client: for wrap-around tests.
    #[must_use]
    pub const fn sequence(mut self, to_server: u32, to_client: u32) -> Self {
        self.next = [to_server, to_client];
        self
    }

    /// Leaves out the bare acknowledgements that answer data.
    #[must_use]
    pub const fn without_acks(mut self) -> Self {
        self.acknowledge = false;
        self
    }

    /// Sends bytes in segments of the usual size; the other end acknowledges.
    pub fn send(&mut self, direction: Direction, bytes: &[u8]) -> &mut Self {
        let count = bytes.len().div_ceil(self.segment);
        self.send_in(direction, bytes, &vec![self.segment; count])
    }

    /// Sends bytes in segments of these sizes, what is left over in one more.
    pub fn send_in(&mut self, direction: Direction, bytes: &[u8], sizes: &[usize]) -> &mut Self {
        let mut rest = bytes;
        for size in sizes.iter().copied().chain([rest.len()]) {
            let (segment, after) = rest.split_at(size.min(rest.len()));
            rest = after;
            if !segment.is_empty() {
                self.emit(direction, Flags { ack: true, psh: rest.is_empty(), ..Flags::default() }, segment);
            }
        }
        if self.acknowledge {
            self.emit(direction.reverse(), Flags { ack: true, ..Flags::default() }, &[]);
        }
        self
    }

    /// Lets time pass.
    pub const fn pause(&mut self, nanoseconds: i64) -> &mut Self {
        self.at += nanoseconds;
        self
    }

    /// Both ends close in order, the client first.
    pub fn fin(&mut self) -> &mut Self {
        let fin = Flags { fin: true, ack: true, ..Flags::default() };
        self.emit(Direction::ToServer, fin, &[]);
        self.emit(Direction::ToClient, fin, &[]);
        self.emit(Direction::ToServer, Flags { ack: true, ..Flags::default() }, &[]);
        self
    }

    /// One end gives up.
    pub fn rst(&mut self, direction: Direction) -> &mut Self {
        self.emit(direction, Flags { rst: true, ack: true, ..Flags::default() }, &[]);
        self
    }

    /// The moment after the last packet.
    pub const fn now(&self) -> i64 {
        self.at
    }

    /// What was written.
    pub fn into_packets(self) -> Vec<Packet> {
        self.packets
    }

    fn emit(&mut self, direction: Direction, flags: Flags, payload: &[u8]) {
        let (this, other) = (direction.index(), direction.reverse().index());
        let mut step = ip(self.ends[this], self.ends[other]).tcp(
            self.ends[this].port(),
            self.ends[other].port(),
            self.next[this],
            65_535,
        );
        if flags.syn {
            step = step.syn().options(&[TcpOptionElement::MaximumSegmentSize(1_460)]).expect("one short option");
        }
        if flags.ack {
            step = step.ack(self.next[other]);
        }
        if flags.psh {
            step = step.psh();
        }
        if flags.fin {
            step = step.fin();
        }
        if flags.rst {
            step = step.rst();
        }
        let mut bytes = Vec::with_capacity(step.size(payload.len()));
        step.write(&mut bytes, payload).expect("a payload that fits an IP packet");
        let taken = payload.len() + usize::from(flags.syn) + usize::from(flags.fin);
        self.next[this] = self.next[this].wrapping_add(u32::try_from(taken).expect("fits a packet"));
        self.packets.push(Packet::new(self.at, bytes));
        self.at += self.step;
    }
}
