//! Where two readings differ.

use crate::{ours, theirs};
use data_encoding::HEXLOWER;
use memchr::memmem;
use plainsight::model::stream::Transport;
use std::collections::BTreeSet;

/// Values of tshark's that carry what an app said: each must be in what we read.
const CARRYING: [&str; 35] = [
    "http.file_data",
    "http.request.uri.path",
    "http.request.uri.query",
    "http2.data.data",
    "http2.header.value",
    "http3.data",
    "http3.headers.header.value",
    "websocket.payload",
    "grpc.message_data",
    "mqtt.msg",
    "mqtt.topic",
    "mqtt.username",
    "mqtt.passwd",
    "syslog.msg",
    "smtp.auth.username",
    "smtp.auth.password",
    "smtp.req.parameter",
    "imap.request",
    "pop.request.parameter",
    "ftp.request.arg",
    "ftp-data.data",
    "redis.value",
    "resp.bulk_string.value",
    "socks.username",
    "socks.password",
    "sip.msg_body",
    "sdp.session_name",
    "xmpp.message.body",
    "rtp.payload",
    "stun.att.username",
    "stun.att.realm",
    "turnchannel.data",
    "imf.message_text",
    "urlencoded-form.value",
    "data.data",
];

/// One thing that only one of the two reads.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Difference {
    /// What: a field of tshark's, a piece of ours, or a stream.
    pub(crate) what: String,
    /// Who has it.
    pub(crate) only: &'static str,
    /// How many bytes it is, and how they begin.
    pub(crate) bytes: String,
}

impl Difference {
    /// Whether the bytes are this short text.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.bytes == format!("{} bytes: {text:?}", text.len())
    }
}

/// How much was compared.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Streams, each way.
    pub(crate) streams: usize,
    /// Bytes in them.
    pub(crate) stream_bytes: usize,
    /// Pieces of our messages.
    pub(crate) pieces: usize,
    /// tshark's carrying values.
    pub(crate) values: usize,
}

/// Compares two readings of one capture.
pub(crate) fn compare(ours: &ours::Reading, theirs: &theirs::Reading) -> (BTreeSet<Difference>, Tally) {
    let mut found = BTreeSet::new();
    let mut tally = Tally::default();
    streams(ours, theirs, &mut found, &mut tally);
    // A value of ours stands in some value of theirs, or in a stream that they opened.
    let dissected = theirs.fields.iter().map(|field| field.bytes.as_slice());
    let opened = theirs.followed.iter().flat_map(|followed| followed.bytes.iter().map(Vec::as_slice));
    let hay = Haystack::of(dissected.chain(opened));
    for piece in ours.pieces.iter().filter(|piece| !piece.bytes.is_empty()) {
        tally.pieces += 1;
        if !hay.holds(&piece.bytes) {
            found.insert(difference(format!("{} {}", piece.protocol, piece.what), "plainsight", &piece.bytes));
        }
    }
    let pieces = ours.pieces.iter().map(|piece| piece.bytes.as_slice());
    let hay = Haystack::of(pieces.chain(ours.said.iter().map(Vec::as_slice)));
    for field in theirs.fields.iter().filter(|field| CARRYING.contains(&field.name.as_str())) {
        tally.values += 1;
        if !hay.holds(&field.bytes) && !hay.holds(field.bytes.trim_ascii()) {
            found.insert(difference(field.name.clone(), "tshark", &field.bytes));
        }
    }
    (found, tally)
}

/// TCP and UDP payload each way, byte for byte.
fn streams(ours: &ours::Reading, theirs: &theirs::Reading, found: &mut BTreeSet<Difference>, tally: &mut Tally) {
    for (way, bytes) in ours.streams.iter().filter(|(way, _)| way.transport != Transport::Ip) {
        tally.streams += 1;
        tally.stream_bytes += bytes.len();
        let kind = if way.transport == Transport::Tcp { "tcp" } else { "udp" };
        let (from, to) = (way.from.to_string(), way.to.to_string());
        let mut their = Vec::new();
        for followed in theirs.followed.iter().filter(|followed| followed.kind == kind) {
            let [a, b] = &followed.nodes;
            if (a, b) == (&from, &to) {
                their.extend_from_slice(&followed.bytes[0]);
            } else if (b, a) == (&from, &to) {
                their.extend_from_slice(&followed.bytes[1]);
            }
        }
        if their != *bytes {
            let at = their.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            let bytes = format!("{} bytes here, {} there, the same up to {at}", bytes.len(), their.len());
            found.insert(Difference { what: format!("{kind} {from} to {to}"), only: "both, differing", bytes });
        }
    }
}

fn difference(what: String, only: &'static str, bytes: &[u8]) -> Difference {
    let head = bytes.get(..24).unwrap_or(bytes);
    let shown = match std::str::from_utf8(head) {
        Ok(text) if !text.chars().any(char::is_control) => format!("{text:?}"),
        _ => HEXLOWER.encode(head),
    };
    Difference { what, only, bytes: format!("{} bytes: {shown}", bytes.len()) }
}

/// Values one after the other, to look for others in.
struct Haystack(Vec<u8>);

impl Haystack {
    fn of<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let distinct: BTreeSet<&[u8]> = values.collect();
        // Something no value holds by chance stands between them.
        Self(distinct.into_iter().collect::<Vec<_>>().join(&b"\0\xfe|between|\xff\0"[..]))
    }

    fn holds(&self, value: &[u8]) -> bool {
        memmem::find(&self.0, value).is_some()
    }
}
