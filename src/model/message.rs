//! What streams carry: application messages, uniform over all protocols.

use crate::model::origin::Origins;
use crate::model::stream::{Direction, FlowKey, Layer};
use crate::model::time::Timestamp;
use std::sync::Arc;

/// What a part of a message is. It decides how its trail step prints and what decoders expect.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PartKind {
    /// Path of a request target, percent-encoded as sent; also topics, mailboxes, commands.
    Path,
    /// Query of a request target, without `?`.
    Query,
    /// One header (or trailer, or property): `name` holds its lower-case name.
    Header,
    /// The payload.
    Body,
    /// Bytes of an unrecognised protocol.
    Raw,
}

/// One part of a message: the bytes as transferred, after transfer framing and before any content decoding.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Lower-case header name; empty for other kinds.
    pub name: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The frames that carried them.
    pub origins: Origins,
    /// Offset of the first byte in the whole part, when a long part goes on over several messages.
    pub offset: u64,
    /// Media type as declared, lower case, with its parameters.
    pub content_type: Option<String>,
    /// Content codings as declared, in the order they were applied.
    pub encodings: Vec<String>,
    /// Nothing of it is missing: no gap, no cut, not a piece of a longer part.
    pub whole: bool,
}

impl Part {
    /// A part of `kind` with nothing declared about it.
    pub const fn new(kind: PartKind, bytes: Vec<u8>, origins: Origins) -> Self {
        Self {
            kind,
            name: String::new(),
            bytes,
            origins,
            offset: 0,
            content_type: None,
            encodings: Vec::new(),
            whole: true,
        }
    }

    /// One header.
    pub fn header(name: impl Into<String>, value: Vec<u8>, origins: Origins) -> Self {
        Self { name: name.into(), ..Self::new(PartKind::Header, value, origins) }
    }
}

/// One application message, in one direction.
#[derive(Clone, Debug)]
pub struct Message {
    /// The flow that carried it.
    pub flow: FlowKey,
    /// The layers around it, outermost first.
    pub layers: Arc<[Layer]>,
    /// Registry name of its protocol: `http1`, `websocket`, `raw` …
    pub protocol: &'static str,
    /// Its trail step: `POST api.example/v1/send`, `200 POST api.example/v1/send`, `message`.
    pub label: String,
    /// Which way it went.
    pub direction: Direction,
    /// When its last byte was captured.
    pub at: Timestamp,
    /// The server's name as this message states it (HTTP authority), without port.
    pub host: Option<String>,
    /// Its parts, in order.
    pub parts: Vec<Part>,
    /// Nothing of it is missing.
    pub whole: bool,
}

impl Message {
    /// Whether some layer around it hides it from the network.
    pub fn is_secured(&self) -> bool {
        self.layers.iter().any(|layer| layer.secure)
    }
}
