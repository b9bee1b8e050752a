//! Streams: every protocol, recognised or forced, with secrets and without.

use plainsight::capture::keylog;
use plainsight::field;
use plainsight::message::driver::{Conversation, Surroundings, Told};
use plainsight::message::protocol::PROTOCOLS;
use plainsight::message::sink::Output;
use plainsight::message::{Peek, Sink};
use plainsight::model::origin::Origins;
use plainsight::model::packet::Endpoint;
use plainsight::model::secret::Secrets;
use plainsight::model::stream::{Chunk, Direction, Ending, FlowKey, Lost, StreamEvent, StreamMeta, Transport};
use plainsight::model::time::Timestamp;

/// What parents say of children that no bytes tell apart.
const HINTS: [Option<&str>; 8] = [
    None,
    Some("sse; label=GET h/feed"),
    Some("grpc; type=application/grpc+proto; encoding=gzip; label=POST h/a"),
    Some("grpc; type=application/grpc-web-text; encoding=identity; label=POST h/a"),
    Some("websocket"),
    Some("websocket; permessage-deflate"),
    Some("h2"),
    Some("http/1.1"),
];

/// Whatever protocol recognises the bytes; the first byte says whether they are datagrams, and begin at the beginning.
pub(crate) fn message(bytes: &[u8]) {
    let Some((mode, rest)) = bytes.split_first() else { return };
    converse(*mode, rest, &Secrets::default());
}

/// The same with a key log: two bytes of its length, the key log, then as `message`, each piece with two bytes of length.
pub(crate) fn sealed(bytes: &[u8]) {
    let Some(([high, low], rest)) = bytes.split_first_chunk() else { return };
    let (log, rest) = rest.split_at((usize::from(*high) << 8 | usize::from(*low)).min(rest.len()));
    let secrets = keylog::parse(log, "fuzz").map(|log| log.secrets).unwrap_or_default();
    let Some((mode, rest)) = rest.split_first() else { return };
    converse(*mode | LONG, rest, &secrets);
}

/// Pieces have two bytes of length, of which the lowest bit is the direction.
const LONG: u8 = 4;

fn meta(mode: u8, hint: Option<&str>) -> StreamMeta {
    let end = |port| Endpoint { ip: [127, 0, 0, 1].into(), port };
    let datagrams = mode & 1 == 1;
    let transport = if datagrams { Transport::Udp } else { Transport::Tcp };
    StreamMeta {
        flow: FlowKey { transport, client: end(40_000), server: end(443) },
        at: Timestamp(0),
        datagrams,
        layers: Vec::new(),
        host: None,
        hint: hint.map(str::to_owned),
        from_start: mode & 2 == 0,
    }
}

/// Cuts the rest into pieces and says which way each goes; every 32nd is lost, where `losses`.
fn pieces(mode: u8, mut rest: &[u8], losses: bool, mut on: impl FnMut(StreamEvent<'_>)) {
    let mut offsets = [0_u64; 2];
    for number in 1_u32.. {
        let (head, after) = if mode & LONG == 0 {
            let Some((head, after)) = rest.split_first() else { break };
            (usize::from(*head), after)
        } else {
            let Some(([high, low], after)) = rest.split_first_chunk() else { break };
            (usize::from(*high) << 8 | usize::from(*low), after)
        };
        let direction = if head & 1 == 0 { Direction::ToServer } else { Direction::ToClient };
        let len = (head >> 1).min(after.len());
        let (bytes, next) = after.split_at(len);
        rest = next;
        let offset = &mut offsets[direction.index()];
        let (at, origins) = (Timestamp(0), Origins::one(len, 1));
        if losses && number.is_multiple_of(32) {
            on(StreamEvent::Gap { direction, at, offset: *offset, len: len as u64, why: Lost::NotCaptured });
        } else {
            on(StreamEvent::Data(Chunk { direction, at, offset: *offset, bytes, origins }));
        }
        *offset += len as u64;
    }
    on(StreamEvent::Close { at: Timestamp(0), how: Ending::CaptureEnd });
}

fn converse(mode: u8, rest: &[u8], secrets: &Secrets) {
    let mut around = Surroundings { secrets, held: 0, allowed: 1 << 20 };
    let mut conversation = Conversation::new(meta(mode, None));
    let mut looked_at = 0;
    let mut tell = |thing: Told| {
        if let Told::Message(message) = thing {
            for part in &message.parts {
                assert_eq!(part.origins.len(), part.bytes.len(), "every byte of {} has its frame", message.label);
            }
            if looked_at < 16 {
                looked_at += 1;
                let _ = field::walk(&message);
            }
        }
    };
    pieces(mode, rest, mode & 8 != 0, |event| conversation.on_event(event, &mut around, &mut tell));
}

/// One protocol, chosen by the first byte, whatever the bytes look like; the second chooses the mode and the hint.
pub(crate) fn protocol(bytes: &[u8]) {
    let Some(([choice, mode], rest)) = bytes.split_first_chunk() else { return };
    let protocol = PROTOCOLS[usize::from(*choice) % PROTOCOLS.len()];
    let meta = meta(*mode, HINTS[usize::from(mode >> 4) % HINTS.len()]);
    let half = rest.split_at(rest.len() / 2);
    let secrets = Secrets::default();
    let peek = Peek { meta: &meta, secrets: &secrets, to_server: half.0, to_client: half.1, waiting: &[] };
    let _ = (protocol.probe)(&peek);
    let mut dissector = (protocol.start)(&meta);
    let mut ended = false;
    pieces(*mode & !LONG, rest, mode & 8 != 0, |event| {
        if ended {
            return;
        }
        let mut sink = Sink::new(&secrets, 1 << 20);
        ended = dissector.on_event(event, &mut sink).is_err();
        let _ = dissector.held();
        for output in sink.take() {
            match output {
                Output::Message(draft) => {
                    for part in &draft.parts {
                        assert_eq!(part.origins.len(), part.bytes.len(), "{}: every byte has its frame", draft.label);
                    }
                }
                Output::Data { bytes, origins, .. } => {
                    assert_eq!(origins.len(), bytes.len(), "{}: every byte of a child has its frame", protocol.name);
                }
                _ => {}
            }
        }
    });
}
