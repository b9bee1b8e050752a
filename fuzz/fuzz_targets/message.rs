//! Every protocol, on any bytes in any pieces: the first byte says how they are cut and which way they go.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plainsight::message::driver::{Conversation, Surroundings, Told};
use plainsight::model::origin::Origins;
use plainsight::model::packet::Endpoint;
use plainsight::model::secret::Secrets;
use plainsight::model::stream::{Chunk, Direction, Ending, FlowKey, StreamEvent, StreamMeta, Transport};
use plainsight::model::time::Timestamp;

fuzz_target!(|bytes: &[u8]| {
    let Some((mode, mut rest)) = bytes.split_first() else { return };
    let datagrams = mode & 1 == 1;
    let end = |port| Endpoint { ip: [127, 0, 0, 1].into(), port };
    let transport = if datagrams { Transport::Udp } else { Transport::Tcp };
    let meta = StreamMeta {
        flow: FlowKey { transport, client: end(40_000), server: end(443) },
        at: Timestamp(0),
        datagrams,
        layers: Vec::new(),
        host: None,
        hint: None,
        from_start: mode & 2 == 0,
    };
    let secrets = Secrets::default();
    let mut around = Surroundings { secrets: &secrets, held: 0, allowed: 1 << 20 };
    let mut conversation = Conversation::new(meta);
    let mut offsets = [0_u64; 2];
    let mut told = 0_usize;
    let mut tell = |thing: Told| {
        if let Told::Message(message) = thing {
            told += message.parts.len();
            for part in &message.parts {
                assert_eq!(part.origins.len(), part.bytes.len(), "every byte of {} has its frame", message.label);
            }
        }
    };
    // Each piece: a byte of length and direction, then the piece.
    while let Some((head, after)) = rest.split_first() {
        let direction = if head & 1 == 0 { Direction::ToServer } else { Direction::ToClient };
        let len = usize::from(head >> 1).min(after.len());
        let (piece, next) = after.split_at(len);
        rest = next;
        let offset = offsets[direction.index()];
        offsets[direction.index()] += len as u64;
        let origins = Origins::one(len, 1);
        let chunk = Chunk { direction, at: Timestamp(0), offset, bytes: piece, origins };
        conversation.on_event(StreamEvent::Data(chunk), &mut around, &mut tell);
    }
    conversation.on_event(StreamEvent::Close { at: Timestamp(0), how: Ending::CaptureEnd }, &mut around, &mut tell);
});
