//! Where dissectors put what they make.

use crate::model::flow::{Blind, BlindSpot, Fact};
use crate::model::media::{MediaKey, MediaStream};
use crate::model::message::Part;
use crate::model::opacity::Opacity;
use crate::model::origin::{FrameNo, Origins};
use crate::model::secret::Secrets;
use crate::model::stream::{Direction, Ending, Layer, Lost};
use crate::model::time::Timestamp;
use std::net::IpAddr;

/// A message as a dissector knows it; the driver adds the flow, the layers and the protocol.
#[derive(Debug)]
pub struct Draft {
    /// Which way it went.
    pub direction: Direction,
    /// When its last byte was captured.
    pub at: Timestamp,
    /// Its trail step: `POST api.example/v1/send`.
    pub label: String,
    /// The server's name as it states it, without port.
    pub host: Option<String>,
    /// Its parts.
    pub parts: Vec<Part>,
    /// Nothing of it is missing.
    pub whole: bool,
}

/// A stream inside a stream, as its parent knows it.
#[derive(Debug)]
pub struct Child {
    /// The layer that the parent is, for the child's trails.
    pub layer: Layer,
    /// Each chunk is a whole datagram.
    pub datagrams: bool,
    /// What speaks inside, if the parent knows: ALPN id, upgrade token, registry name.
    pub hint: Option<String>,
    /// The server's name, if the parent knows.
    pub host: Option<String>,
    /// Its first bytes are there.
    pub from_start: bool,
}

/// Number of a child stream, chosen by its parent and unique among the parent's children.
pub type ChildId = u64;

/// One thing a dissector made.
#[derive(Debug)]
pub enum Output {
    /// A message.
    Message(Draft),
    /// What a handshake says in clear: it is searched, and counts as no message of the application.
    Hello(Draft),
    /// What stands beside messages: it is searched, and counts as no message of the application. So many bytes of it look
    /// random in honest traffic, too.
    Beside(Draft, u64),
    /// A child stream begins.
    Open(ChildId, Child),
    /// Bytes of a child stream.
    Data {
        /// Whose.
        child: ChildId,
        /// Which way.
        direction: Direction,
        /// When.
        at: Timestamp,
        /// The bytes.
        bytes: Vec<u8>,
        /// The frames that carried them.
        origins: Origins,
    },
    /// Bytes of a child stream are lost.
    Gap {
        /// Whose.
        child: ChildId,
        /// Which way.
        direction: Direction,
        /// When.
        at: Timestamp,
        /// How many; 0 where not known.
        len: u64,
        /// Why.
        why: Lost,
    },
    /// One direction of a child stream ended properly.
    End(ChildId, Direction, Timestamp),
    /// A child stream is over.
    Close(ChildId, Timestamp, Ending),
    /// Bytes that could not be read.
    Blind(BlindSpot),
    /// A fact about the flow.
    Fact(Fact),
    /// The server's name, and where from: `sni`, `authority`.
    Host(String, &'static str),
    /// A DNS answer: this address has this name.
    Name(IpAddr, String),
    /// A DNS answer: this name has this address under other names, in the order in which they lead to it.
    Alias(String, IpAddr, Vec<String>),
    /// Bytes on the wire of the flow itself, by what they are to a listener. Only the outermost dissector's count.
    Wire(Opacity, u64),
    /// This much application data went by sealed, opened with keys or not.
    Sealed(Direction, u64),
    /// Supplied secrets opened application data.
    Decrypted,
    /// Media packets went by.
    Media(u64),
    /// A media stream is over: one source's packets, with a sample of them.
    MediaStream(Box<MediaStream>),
    /// A key that opens media.
    MediaKey(Box<MediaKey>),
    /// An IP packet that a tunnel carried: it is read as if it had come bare, behind this layer.
    Packet {
        /// The tunnel.
        layer: Layer,
        /// When.
        at: Timestamp,
        /// The packet, from its IP header on.
        bytes: Vec<u8>,
        /// The frame that carried it.
        frame: FrameNo,
    },
}

/// Where a dissector puts what it makes, and where it finds the secrets.
pub struct Sink<'a> {
    secrets: &'a Secrets,
    part_limit: usize,
    out: Vec<Output>,
}

impl<'a> Sink<'a> {
    /// An empty sink. `part_limit`: how many bytes of one message part may be held at the moment.
    pub const fn new(secrets: &'a Secrets, part_limit: usize) -> Self {
        Self { secrets, part_limit, out: Vec::new() }
    }

    /// The secrets the auditor supplied.
    pub const fn secrets(&self) -> &'a Secrets {
        self.secrets
    }

    /// How many bytes of one message part may be held at the moment; a longer part goes on in a next message with
    /// [`PART_OVERLAP`](crate::model::budget::PART_OVERLAP) bytes repeated.
    pub const fn part_limit(&self) -> usize {
        self.part_limit
    }

    /// Emits a message.
    pub fn message(&mut self, draft: Draft) {
        self.out.push(Output::Message(draft));
    }

    /// Emits what a handshake says in clear to whoever listens.
    pub fn hello(&mut self, draft: Draft) {
        self.out.push(Output::Hello(draft));
    }

    /// Emits what stands beside messages, of which `noise` bytes may look random and mean nothing.
    pub fn beside(&mut self, draft: Draft, noise: u64) {
        self.out.push(Output::Beside(draft, noise));
    }

    /// Opens a child stream.
    pub fn open(&mut self, id: ChildId, child: Child) {
        self.out.push(Output::Open(id, child));
    }

    /// Hands bytes to a child stream.
    pub fn data(&mut self, child: ChildId, direction: Direction, at: Timestamp, bytes: Vec<u8>, origins: Origins) {
        if !bytes.is_empty() {
            self.out.push(Output::Data { child, direction, at, bytes, origins });
        }
    }

    /// Tells a child stream that bytes are lost; `len` 0 where not known.
    pub fn gap(&mut self, child: ChildId, direction: Direction, at: Timestamp, len: u64, why: Lost) {
        self.out.push(Output::Gap { child, direction, at, len, why });
    }

    /// Tells a child stream that one direction ended properly.
    pub fn end(&mut self, child: ChildId, direction: Direction, at: Timestamp) {
        self.out.push(Output::End(child, direction, at));
    }

    /// Closes a child stream.
    pub fn close(&mut self, child: ChildId, at: Timestamp, how: Ending) {
        self.out.push(Output::Close(child, at, how));
    }

    /// Records bytes that could not be read.
    pub fn blind(&mut self, why: Blind, direction: Direction, bytes: u64, detail: impl Into<String>) {
        self.out.push(Output::Blind(BlindSpot { why, direction, detail: detail.into(), bytes }));
    }

    /// Records a fact.
    pub fn fact(&mut self, name: &'static str, value: impl Into<String>) {
        self.out.push(Output::Fact(Fact { name, value: value.into(), weakness: None }));
    }

    /// Records a fact that is a provable weakness of the transport.
    pub fn weakness(&mut self, name: &'static str, value: impl Into<String>, weakness: &'static str) {
        self.out.push(Output::Fact(Fact { name, value: value.into(), weakness: Some(weakness) }));
    }

    /// Records the server's name; `from` is `sni` or `authority`.
    pub fn host(&mut self, name: impl Into<String>, from: &'static str) {
        self.out.push(Output::Host(name.into(), from));
    }

    /// Records a DNS answer.
    pub fn name(&mut self, ip: IpAddr, name: impl Into<String>) {
        self.out.push(Output::Name(ip, name.into()));
    }

    /// Records a DNS answer that leads over other names.
    pub fn alias(&mut self, name: impl Into<String>, ip: IpAddr, others: Vec<String>) {
        self.out.push(Output::Alias(name.into(), ip, others));
    }

    /// Counts bytes of the stream by what a listener sees. The driver ignores it from child streams.
    pub fn wire(&mut self, class: Opacity, bytes: u64) {
        self.out.push(Output::Wire(class, bytes));
    }

    /// Counts sealed application data, opened with keys or not: `bytes` of plaintext that one record, or consecutive
    /// records, may hold.
    pub fn sealed(&mut self, direction: Direction, bytes: u64) {
        self.out.push(Output::Sealed(direction, bytes));
    }

    /// Supplied secrets opened application data of this flow.
    pub fn decrypted(&mut self) {
        self.out.push(Output::Decrypted);
    }

    /// Counts media packets.
    pub fn media(&mut self, packets: u64) {
        self.out.push(Output::Media(packets));
    }

    /// Hands over a media stream that is over. Whether it was encrypted shows at the end of the run, when every key that
    /// went by is known; what it counts for, too.
    pub fn media_stream(&mut self, stream: MediaStream) {
        self.out.push(Output::MediaStream(Box::new(stream)));
    }

    /// Records a key that opens media, of this flow or another.
    pub fn media_key(&mut self, key: MediaKey) {
        self.out.push(Output::MediaKey(Box::new(key)));
    }

    /// Hands an IP packet that a tunnel carried back to the start of the line.
    pub fn packet(&mut self, layer: Layer, at: Timestamp, bytes: Vec<u8>, frame: FrameNo) {
        self.out.push(Output::Packet { layer, at, bytes, frame });
    }

    /// Takes everything that was put in, in order.
    pub fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.out)
    }
}
