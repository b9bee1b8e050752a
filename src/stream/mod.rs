//! Packets → stream events: which packets belong together, and their bytes in order.
//!
//! In: [`Packet`](crate::model::packet::Packet)s in file order. Out: for each conversation the
//! [`StreamEvent`]s of both directions, told to a [`Listener`]. What is missing is told as
//! [`StreamEvent::Gap`], because absence must be visible; it never looks at what the bytes mean.
//!
//! Bytes and offsets do not depend on the order in which segments were captured, on how they were cut, or on copies
//! among them: a hole is declared only when a budget, or the end of the connection, says that waiting is over.
//!
//! The client is who sends the SYN, or gets the SYN+ACK. Where neither was captured it is guessed: a port below 1024
//! that only one end has is the server's, else the lower port is, else whoever sends first is the client. For UDP the
//! first sender is the client unless it alone has a port below 1024. A guess stands once the first payload was told.

mod flow;
mod key;
mod queue;
mod side;
mod table;

#[cfg(test)]
mod tests;

use crate::model::origin::FrameNo;
use crate::model::stream::{Chunk, FlowKey, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use crate::model::trace::Sequence;
pub use table::{Table, Tally};

/// Who is told what the conversations carry.
pub trait Listener {
    /// What the listener keeps for one conversation. It is made at the first payload, so that empty conversations
    /// cost nothing.
    type State;

    /// A conversation carries its first payload, or shows its first loss.
    fn open(&mut self, meta: StreamMeta, info: &FlowInfo) -> Self::State;

    /// The next event of a conversation; [`StreamEvent::Close`] is the last.
    fn event(&mut self, state: &mut Self::State, event: StreamEvent<'_>);

    /// Bytes that a receiver may have read in place of those that were told. Who follows one reading passes over it.
    fn other(&mut self, _state: &mut Self::State, _reading: Reading, _chunk: Chunk<'_>) {}

    /// The conversation is over.
    fn close(&mut self, state: Self::State, info: &FlowInfo);
}

/// Why bytes can be read in two ways.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reading {
    /// Another segment for the same place, with other bytes: which of the two the receiver took, it alone knows.
    Overlap,
    /// A segment without its urgent byte, which some receivers take out of line (RFC 6093). It was told with it.
    Urgent,
}

/// What the transport shows of one conversation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FlowInfo {
    /// Its two ends.
    pub key: FlowKey,
    /// First frame, payload or not.
    pub first_frame: FrameNo,
    /// Last frame so far.
    pub last_frame: FrameNo,
    /// When the first frame was captured.
    pub first_at: Timestamp,
    /// When the last frame so far was captured.
    pub last_at: Timestamp,
    /// Payload bytes captured, each counted once: to the server, to the client.
    pub bytes: [u64; 2],
    /// Payload bytes captured that had come before: to the server, to the client.
    pub again: [u64; 2],
    /// Stretches told as gaps.
    pub gaps: u32,
    /// Segments whose bytes differ from those that had come before for the same place. The first ones were told.
    pub conflicts: u32,
    /// Segments with an urgent byte.
    pub urgent: u32,
    /// The snapshot length cut frames of it.
    pub cut: bool,
    /// Where each direction is in sequence space, where that is known: to the server, to the client.
    pub sequence: [Option<Sequence>; 2],
    /// The opening handshake was captured (for datagrams: nothing says otherwise).
    pub from_start: bool,
}
