//! What a decoder leaves over behind what it reads is read, or at least there to be weighed.

use super::{all_trails, message, packed};
use crate::field::decoder::DECODERS;
use crate::field::{Sample, walk, walk_bytes};
use crate::model::budget;
use crate::model::field::{Step, Tree};

const TEXT: &[u8] = b"The otter sleeps until the tide is out, and the heron is gone by then.";

/// Formats that end before the bytes they are in may.
const ENDING: [&str; 15] = [
    "pdf",
    "aws-chunked",
    "gzip",
    "zstd",
    "xz",
    "bzip2",
    "zip",
    "tar",
    "sqlite",
    "avro",
    "zlib",
    "lz4",
    "json",
    "ndjson",
    "multipart",
];

fn noise(len: u32) -> Vec<u8> {
    (0..len).map(|n| (n.wrapping_add(7).wrapping_mul(2_654_435_761) >> 24) as u8 | 1).collect()
}

fn has_rest(tree: &Tree<'_>) -> bool {
    tree.nodes.iter().any(|node| node.step == Step::Name("rest"))
}

fn shows(tree: &Tree<'_>, text: &[u8]) -> bool {
    tree.leaves().any(|(_, node)| memchr::memmem::find(tree.bytes(node), text).is_some())
}

fn samples() -> impl Iterator<Item = (&'static str, &'static Sample)> {
    DECODERS.iter().flat_map(|decoder| decoder.samples.iter().map(|sample| (decoder.name, sample)))
}

#[test]
fn whole_messages_leave_nothing_over() {
    for (name, sample) in samples() {
        let message = message(sample, sample.bytes);
        let tree = walk(&message);
        assert!(!has_rest(&tree), "{name}: {:#?}", all_trails(&tree));
        let filled = [sample.bytes, &[0; 600][..]].concat();
        if ["gzip", "tar"].contains(&name) {
            walk_bytes(filled, None, |tree| assert!(!has_rest(tree), "{name}"));
        }
    }
}

#[test]
fn what_follows_is_read_or_there_to_be_weighed() {
    for (name, sample) in samples().filter(|(name, _)| ENDING.contains(name)) {
        // Blocks of LZ4, and LZMA alone, have nothing that says where they end.
        if matches!(sample.bytes, [b']' | b'B', 0, 0, ..]) {
            continue;
        }
        for how in 0..3 {
            let message = message(sample, &[sample.bytes, &packed(TEXT, how)].concat());
            let tree = walk(&message);
            assert!(shows(&tree, TEXT), "{name}, {how}: {:#?}", all_trails(&tree));
        }
        let noise = noise(300);
        let message = message(sample, &[sample.bytes, &noise].concat());
        let tree = walk(&message);
        assert!(shows(&tree, &noise), "{name}: {:#?}", all_trails(&tree));
    }
}

#[test]
fn what_stands_before_and_between_is_read() {
    let json = br#"{"event_id":"9ec79c33","sent_at":"2026-11-02T07:12:31Z"}"#;
    let head = br#"{"type":"attachment","filename":"log.gz"}"#;
    let event = br#"{"type":"event"}"#;
    let note = "{\"note\":\"The heron lands at dusk\"}".as_bytes();
    let archive = DECODERS.iter().find(|decoder| decoder.name == "zip").unwrap().samples[0].bytes;
    for payload in [packed(TEXT, 0), packed(TEXT, 1), packed(TEXT, 2), [archive, TEXT].concat()] {
        let envelope = [&json[..], head, &payload, event, note].join(&b'\n');
        walk_bytes(envelope, None, |tree| {
            for text in [&b"log.gz"[..], TEXT, b"The heron lands at dusk"] {
                assert!(shows(tree, text), "{:#?}", all_trails(tree));
            }
        });
    }
    let part = "--xyz\r\nContent-Type: text/plain\r\n\r\nThe heron\r\n--xyz--\r\n".as_bytes();
    let preamble = [TEXT, b"\r\n", part].concat();
    walk_bytes(preamble, Some("multipart/mixed; boundary=xyz"), |tree| assert!(shows(tree, TEXT)));
    // Between two members, where no reader that goes by the directory looks.
    let second = memchr::memmem::rfind(archive, b"PK\x03\x04").unwrap();
    let (one, other) = archive.split_at(second);
    for between in [packed(TEXT, 0), noise(90)] {
        let gap = [one, &between, other].concat();
        walk_bytes(gap, None, |tree| {
            assert!(shows(tree, TEXT) || shows(tree, &between), "{:#?}", all_trails(tree));
            assert!(shows(tree, b"The heron waits") && shows(tree, b"herons"), "{:#?}", all_trails(tree));
        });
    }
}

#[test]
fn leftovers_of_leftovers_end() {
    let one = packed(TEXT, 0);
    // Each stream ends, and what follows it is no stream of gzip.
    let many = [&b"!"[..], &one].concat().repeat(budget::RESTS * 3);
    let bytes = [&one[..], &many].concat();
    walk_bytes(bytes.clone(), None, |tree| assert!(shows(tree, TEXT)));
    let texts = [&b"[1,2,3,4,5] ]"[..], &b"x".repeat(9)].concat().repeat(budget::RESTS * 3);
    walk_bytes(texts, Some("application/json"), |tree| assert!(!tree.nodes.is_empty()));
}
