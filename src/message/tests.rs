//! Every protocol's samples: recognised, read, split at every byte, cut off everywhere, damaged everywhere.

use crate::message::Sample;
use crate::message::driver::{Conversation, Surroundings, Told};
use crate::message::harness::meta;
use crate::message::protocol::PROTOCOLS;
use crate::model::origin::Origins;
use crate::model::secret::Secrets;
use crate::model::stream::{Chunk, Direction, Ending, StreamEvent, StreamMeta};
use std::collections::BTreeSet;

/// Pieces of one session, in the order of their capture.
type Pieces<'a> = Vec<(Direction, &'a [u8])>;

fn whole(sample: &Sample) -> Pieces<'_> {
    vec![(Direction::ToServer, sample.to_server), (Direction::ToClient, sample.to_client)]
}

/// The protocols that spoke, and everything that was said.
fn converse(pieces: &Pieces<'_>, datagrams: bool) -> (BTreeSet<&'static str>, Vec<Vec<u8>>) {
    let meta = StreamMeta { datagrams, ..meta() };
    let at = meta.at;
    let secrets = Secrets::default();
    let mut around = Surroundings { secrets: &secrets, held: 0, allowed: 1 << 24 };
    let mut conversation = Conversation::new(meta);
    let (mut spoke, mut said) = (BTreeSet::new(), Vec::new());
    let mut hear = |told| {
        if let Told::Message(message) = told {
            spoke.insert(message.protocol);
            for part in message.parts {
                assert_eq!(part.origins.len(), part.bytes.len(), "{}: origins of {}", message.protocol, message.label);
                said.push(part.bytes);
            }
            said.push(message.label.into_bytes());
        }
    };
    let mut offsets = [0_u64; 2];
    for (frame, (direction, bytes)) in (1..).zip(pieces.iter().filter(|(_, bytes)| !bytes.is_empty())) {
        let offset = offsets[direction.index()];
        offsets[direction.index()] += bytes.len() as u64;
        let chunk = Chunk { direction: *direction, at, offset, bytes, origins: Origins::one(bytes.len(), frame) };
        conversation.on_event(StreamEvent::Data(chunk), &mut around, &mut hear);
    }
    conversation.on_event(StreamEvent::Close { at, how: Ending::Clean }, &mut around, &mut hear);
    (spoke, said)
}

fn shows(said: &[Vec<u8>], text: &str) -> bool {
    said.iter().any(|bytes| memchr::memmem::find(bytes, text.as_bytes()).is_some())
}

fn reads(name: &str, sample: &Sample, pieces: &Pieces<'_>, datagrams: bool) -> bool {
    let (spoke, said) = converse(pieces, datagrams);
    spoke.contains(name) && shows(&said, sample.shows)
}

#[test]
fn names_are_unique_and_kebab_case() {
    let names: BTreeSet<&str> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
    assert_eq!(names.len(), PROTOCOLS.len());
    for name in names {
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
    }
}

#[test]
fn samples_are_recognised_and_read_however_they_are_split() {
    for protocol in PROTOCOLS {
        for sample in protocol.samples {
            let name = protocol.name;
            let stream = reads(name, sample, &whole(sample), false);
            let datagrams = reads(name, sample, &whole(sample), true);
            assert!(stream || datagrams, "{name}, {}: {:?} is not read", sample.name, sample.shows);
            if !stream {
                continue;
            }
            for cut in 1..sample.to_server.len() {
                let (a, b) = sample.to_server.split_at(cut);
                let pieces =
                    vec![(Direction::ToServer, a), (Direction::ToServer, b), (Direction::ToClient, sample.to_client)];
                assert!(reads(name, sample, &pieces, false), "{name}, {}: cut at {cut}", sample.name);
            }
            for cut in 1..sample.to_client.len() {
                let (a, b) = sample.to_client.split_at(cut);
                let pieces =
                    vec![(Direction::ToServer, sample.to_server), (Direction::ToClient, a), (Direction::ToClient, b)];
                assert!(reads(name, sample, &pieces, false), "{name}, {}: answer cut at {cut}", sample.name);
            }
            let bytes = sample.to_server.chunks(1).map(|byte| (Direction::ToServer, byte));
            let answer = sample.to_client.chunks(1).map(|byte| (Direction::ToClient, byte));
            assert!(
                reads(name, sample, &bytes.chain(answer).collect(), false),
                "{name}, {}: byte by byte",
                sample.name
            );
        }
    }
}

#[test]
fn damaged_samples_are_survived() {
    for protocol in PROTOCOLS {
        for sample in protocol.samples {
            for datagrams in [false, true] {
                for cut in 0..sample.to_server.len() {
                    converse(&vec![(Direction::ToServer, &sample.to_server[..cut])], datagrams);
                }
                for cut in 0..sample.to_client.len() {
                    let cut = (Direction::ToClient, &sample.to_client[..cut]);
                    converse(&vec![(Direction::ToServer, sample.to_server), cut], datagrams);
                }
                for side in 0..2 {
                    let mut both = [sample.to_server.to_vec(), sample.to_client.to_vec()];
                    for at in 0..both[side].len() {
                        for flip in [1_u8, 0x20, 0x80, 0xff] {
                            both[side][at] ^= flip;
                            converse(
                                &vec![(Direction::ToServer, &both[0]), (Direction::ToClient, &both[1])],
                                datagrams,
                            );
                            both[side][at] ^= flip;
                        }
                    }
                }
            }
        }
    }
}

/// A port decides nothing, and what one side says in another protocol's words is not enough.
#[test]
fn noise_is_nobodys() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = || {
        let mut bytes = vec![0_u8; 200];
        for byte in &mut bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state.to_le_bytes()[3];
        }
        bytes
    };
    let mut taken = BTreeSet::new();
    for _ in 0..2_000 {
        let (a, b) = (noise(), noise());
        for datagrams in [false, true] {
            let (spoke, _) = converse(&vec![(Direction::ToServer, &a), (Direction::ToClient, &b)], datagrams);
            taken.extend(spoke.into_iter().filter(|name| *name != "raw"));
        }
    }
    assert!(taken.is_empty(), "random bytes were taken for {taken:?}");
}
