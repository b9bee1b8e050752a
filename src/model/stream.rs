//! What packets make: ordered bytes between two endpoints, with absence made visible.

use crate::model::origin::Origins;
use crate::model::packet::Endpoint;
use crate::model::time::Timestamp;
use serde::Serialize;

/// Which way bytes went. The client is the end that opened the conversation.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl Direction {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];

    /// The other way.
    pub const fn reverse(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }

    /// 0 to the server, 1 to the client: an index into a pair.
    pub const fn index(self) -> usize {
        match self {
            Self::ToServer => 0,
            Self::ToClient => 1,
        }
    }

    /// Its own of a pair: what is kept for the way to the server comes first.
    pub const fn of<T>(self, [to_server, to_client]: &[T; 2]) -> &T {
        match self {
            Self::ToServer => to_server,
            Self::ToClient => to_client,
        }
    }

    /// The same, to be changed.
    pub const fn of_mut<T>(self, [to_server, to_client]: &mut [T; 2]) -> &mut T {
        match self {
            Self::ToServer => to_server,
            Self::ToClient => to_client,
        }
    }
}

/// How the conversation is carried below everything else.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Ordered bytes.
    Tcp,
    /// Datagrams.
    Udp,
    /// Any other IP protocol, as datagrams.
    Ip,
}

/// The two ends of a conversation.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FlowKey {
    /// Transport.
    pub transport: Transport,
    /// The end that opened it.
    pub client: Endpoint,
    /// The other end.
    pub server: Endpoint,
}

/// A layer that a stream is inside of, outermost first: `tls1.3`, `http2`, `websocket` …
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Layer {
    /// Its name in trails.
    pub name: String,
    /// Whether it hides its content from the network.
    pub secure: bool,
    /// Whether supplied secrets opened it.
    pub opened: bool,
}

/// What a dissector is told about the stream it starts on.
#[derive(Clone, Debug)]
pub struct StreamMeta {
    /// The flow it belongs to.
    pub flow: FlowKey,
    /// When it was opened.
    pub at: Timestamp,
    /// Each chunk is a whole datagram, rather than a piece of ordered bytes.
    pub datagrams: bool,
    /// The layers around it, outermost first.
    pub layers: Vec<Layer>,
    /// The server's name as outer layers know it (SNI, CONNECT target …).
    pub host: Option<String>,
    /// What outer layers say speaks here: an ALPN id, an upgrade token, a protocol's registry name.
    pub hint: Option<String>,
    /// The first bytes were captured; false when the capture starts in mid-stream.
    pub from_start: bool,
}

/// Consecutive bytes of one direction of a stream, or one datagram.
#[derive(Clone, Debug)]
pub struct Chunk<'a> {
    /// Which way.
    pub direction: Direction,
    /// When the last byte was captured.
    pub at: Timestamp,
    /// Offset of the first byte in this direction of the stream.
    pub offset: u64,
    /// The bytes.
    pub bytes: &'a [u8],
    /// The frames that carried them.
    pub origins: Origins,
}

/// Why bytes of a stream are not there.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lost {
    /// The segment is not in the capture.
    NotCaptured,
    /// The snapshot length cut the frame.
    CutFrame,
    /// The capture starts after the stream did.
    StartMissing,
    /// A budget ran out before the missing piece came.
    Budget,
}

/// What reassembly, or a dissector's child stream, tells the next dissector.
#[derive(Clone, Debug)]
pub enum StreamEvent<'a> {
    /// Bytes, in order.
    Data(Chunk<'a>),
    /// Bytes that existed and cannot be had.
    Gap {
        /// Which way.
        direction: Direction,
        /// When the loss was noticed.
        at: Timestamp,
        /// Offset of the first missing byte.
        offset: u64,
        /// How many bytes, where known; 0 where not.
        len: u64,
        /// Why.
        why: Lost,
    },
    /// One direction ended properly (FIN, `END_STREAM`, `close_notify`).
    End {
        /// Which way.
        direction: Direction,
        /// When.
        at: Timestamp,
    },
    /// The stream is over and nothing more will come.
    Close {
        /// When.
        at: Timestamp,
        /// How it ended.
        how: Ending,
    },
}

/// How a stream came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// Both ends said so.
    Clean,
    /// One end reset it.
    Reset,
    /// Silence, or a budget.
    Idle,
    /// The capture ended first.
    CaptureEnd,
}
