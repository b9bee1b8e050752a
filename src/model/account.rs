//! What a proxy in the middle tells of one conversation: it knew its ends, and read what they said.

use crate::model::flow::{BlindSpot, Fact};
use crate::model::message::Message;
use crate::model::origin::FrameNo;
use crate::model::stream::{Direction, Ending, StreamMeta};
use crate::model::time::Timestamp;

/// One conversation, as a flow file has it: messages where the proxy knew their protocol, bytes where it did not.
#[derive(Clone, Debug)]
pub struct Account {
    /// Number of the record in its file, from 1: what stands for a frame.
    pub number: FrameNo,
    /// Its two ends, the layers around it, and what is known of its server.
    pub meta: StreamMeta,
    /// Where the server's name in it comes from: `sni`, or `authority` for what the proxy was asked for.
    pub host_from: &'static str,
    /// What the proxy knew of the connection. Nothing of it is a weakness: it is the proxy's own.
    pub facts: Vec<Fact>,
    /// What is missing of it.
    pub blind: Vec<BlindSpot>,
    /// Its messages, in order.
    pub messages: Vec<Message>,
    /// Its bytes, in order, where the proxy made no messages of them.
    pub pieces: Vec<Piece>,
    /// How it came to its end.
    pub ending: Ending,
}

/// Bytes that went one way at once.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Which way.
    pub direction: Direction,
    /// When.
    pub at: Timestamp,
    /// The bytes.
    pub bytes: Vec<u8>,
}
