//! Streams → messages.
//!
//! In: the [`StreamEvent`]s of a flow. Out: [`Message`](crate::model::message::Message)s, facts and blind spots. What
//! speaks is decided from the bytes, never by the port alone. A session inside a session (decrypted TLS, one HTTP/2
//! stream, a WebSocket, a tunnel) is a child stream that a dissector opens.
//!
//! To add a protocol: one file in `protocol/` with a [`Protocol`] entry, and two lines in `protocol/mod.rs`.

pub mod crypto;
mod dialogue;
pub mod driver;
pub mod handshake;
#[cfg(test)]
pub(crate) mod harness;
pub mod hpack;
pub mod http;
mod inflate;
mod margins;
pub mod media;
pub mod protocol;
pub mod qpack;
pub mod quic;
mod raw;
pub mod sink;
#[cfg(test)]
mod tests;

use crate::bytes::{Malformed, Match};
use crate::model::secret::Secrets;
use crate::model::stream::{Direction, StreamEvent, StreamMeta};
pub use sink::Sink;

/// What is known of a stream's first bytes when a protocol is asked whether they are its own.
#[derive(Clone, Copy, Debug)]
pub struct Peek<'a> {
    /// The stream.
    pub meta: &'a StreamMeta,
    /// First bytes to the server, as far as seen.
    pub to_server: &'a [u8],
    /// First bytes to the client, as far as seen.
    pub to_client: &'a [u8],
    /// Earlier datagrams of the same conversation that nobody has recognised, oldest first: where one datagram says
    /// nothing, several may.
    pub waiting: &'a [(Direction, &'a [u8])],
    /// The secrets the auditor supplied: a key that opens a datagram tells what it is.
    pub secrets: &'a Secrets,
}

/// A registry entry: how to recognise a protocol, and how to start reading it.
pub struct Protocol {
    /// Registry name: unique, kebab-case; what a flow's `protocol` says.
    pub name: &'static str,
    /// What it is, in a few words, for the docs.
    pub about: &'static str,
    /// Whether these first bytes are this protocol. Must not claim `Certain` on a port, and must answer `No` as soon as
    /// it can: the stream waits for everyone who says `NeedMore`. Of a datagram `NeedMore` says that it may be one of
    /// several that show it together, or one of a conversation that began with others.
    pub probe: fn(&Peek<'_>) -> Match,
    /// A dissector for one stream.
    pub start: fn(&StreamMeta) -> Box<dyn Dissector>,
    /// Real sessions that generic tests cut, split and truncate.
    pub samples: &'static [Sample],
}

/// A short real session, for tests that run over every protocol.
pub struct Sample {
    /// What it shows.
    pub name: &'static str,
    /// Bytes to the server.
    pub to_server: &'static [u8],
    /// Bytes to the client.
    pub to_client: &'static [u8],
    /// A piece of text that must come out in a field of some message.
    pub shows: &'static str,
}

/// A sans-io parser for one protocol on one stream.
///
/// An error ends this dissector: the driver records the rest of the stream as a blind spot, and neither the parent nor
/// any other stream is touched.
pub trait Dissector: Send {
    /// Takes the next event and puts what it makes of it into `sink`. A dissector must survive any bytes, any split of
    /// them, gaps, and an end at any point; at [`StreamEvent::Close`] it emits what is unfinished, marked not whole.
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed>;

    /// Bytes of unfinished messages it holds, so that a worker can tell everyone to hold less.
    fn held(&self) -> usize {
        0
    }
}
