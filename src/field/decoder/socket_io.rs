//! What real-time libraries put around JSON in WebSocket and long-polling messages: Engine.IO and Socket.IO packets,
//! SockJS frames, SignalR records.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;

/// The entry.
pub(super) static SOCKET_IO: Decoder = Decoder {
    name: "socket-io",
    about: "JSON behind the marks of Engine.IO, Socket.IO, SockJS and SignalR",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::BRACKET, none: Shape::NUL, min: 5, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: br#"42["send",{"text":"The heron"}]"#,
            hint: "",
            shows: "The heron",
            trail: "socket-io packet > json $[1].text",
        },
        Sample {
            bytes: br#"42/chat,17["send","The heron"]"#,
            hint: "",
            shows: "The heron",
            trail: "socket-io packet > json $[1]",
        },
        Sample {
            bytes: br#"a["{\"text\":\"The heron\"}"]"#,
            hint: "",
            shows: "The heron",
            trail: "socket-io packet > json $[0] > json $.text",
        },
        Sample {
            bytes: b"{\"type\":6}\x1e{\"arguments\":[\"The heron\"]}\x1e",
            hint: "",
            shows: "The heron",
            trail: "socket-io packet > json $.arguments[0]",
        },
    ],
};

/// What ends a SignalR record (JSON hub protocol), and parts Engine.IO packets of one long-polling body.
const RECORD: u8 = 0x1e;
/// Records of one message.
const RECORDS: usize = 4_096;

/// Bytes in front of the JSON text of one packet; `None` if it is none.
fn mark(packet: &[u8]) -> Option<usize> {
    let digits = packet.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = packet.get(digits..)?;
    let json = |rest: &[u8]| matches!(rest, [b'[' | b'{', .., b']' | b'}']);
    match rest.first()? {
        // SockJS: an array of messages, or one.
        b'a' | b'm' if digits == 0 && json(rest.get(1..)?) => Some(1),
        // Engine.IO says one digit, Socket.IO one more, then perhaps attachments, a namespace and an acknowledgement.
        b'[' | b'{' if (1..=20).contains(&digits) && json(rest) => Some(digits),
        b'-' if digits > 0 && json(rest.get(1..)?) => Some(digits.saturating_add(1)),
        b'/' if (1..=2).contains(&digits) => {
            let comma = memchr::memchr(b',', rest.get(..128).unwrap_or(rest))?;
            let behind = rest.get(comma.saturating_add(1)..)?;
            let ack = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let front = digits.saturating_add(comma).saturating_add(1).saturating_add(ack);
            json(packet.get(front..)?).then_some(front)
        }
        _ => None,
    }
}

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let fits = match bytes.first() {
        Some(b'{') => bytes.last() == Some(&RECORD),
        // What no mark begins with is not searched for the end of a packet.
        Some(b'0'..=b'9' | b'a' | b'm') => {
            let end = memchr::memchr(RECORD, bytes).unwrap_or(bytes.len());
            bytes.get(..end).and_then(mark).is_some()
        }
        _ => false,
    };
    if fits { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut at = 0_usize;
    for (index, packet) in bytes.split(|byte| *byte == RECORD).enumerate() {
        if index >= RECORDS {
            fields.exhausted("records of one message");
            break;
        }
        let end = at.saturating_add(packet.len());
        if !packet.is_empty() {
            let from = at.saturating_add(mark(packet).unwrap_or(0));
            let view = fields.view(from..end);
            fields.typed_leaf(Key::Name("packet"), view, Kind::Text, None);
        }
        at = end.saturating_add(1);
    }
    fields.found("a packet")
}
