//! Compressed streams that go on over several messages.

use crate::field::{Continued, message_of, walk_on};
use crate::model::budget;
use crate::model::field::Tree;
use crate::model::message::Message;
use flate2::{Compress, Compression, FlushCompress};

const TEXT: &str = "The heron lands at dusk";

fn words(last: &str) -> Vec<String> {
    let all = ["The heron", "n lands a", " lands at", "t dusk", "at dusk", "heron lands", last];
    all.iter().enumerate().map(|(n, words)| format!(r#"{{"op":0,"s":{n},"d":{{"content":"{words}"}}}}"#)).collect()
}

/// One stream of deflate for all texts, in a message each.
fn packed(zlib: bool, texts: &[String]) -> Vec<Vec<u8>> {
    let mut stream = Compress::new(Compression::best(), zlib);
    let one = |text: &String| {
        let mut out = Vec::with_capacity(4_096);
        stream.compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync).unwrap();
        out
    };
    texts.iter().map(one).collect()
}

fn shows(tree: &Tree<'_>, text: &str) -> bool {
    tree.leaves().any(|(_, node)| tree.bytes(node) == text.as_bytes())
}

/// How many messages show the text, and in how many something is severed.
fn read(messages: &[Message]) -> (usize, usize) {
    let mut continued = Continued::default();
    let (mut shown, mut severed) = (0, 0);
    for message in messages {
        let tree = walk_on(message, None, &mut continued);
        shown += usize::from(shows(&tree, TEXT));
        severed += usize::from(!tree.severed.is_empty());
    }
    (shown, severed)
}

fn bodies(bodies: &[Vec<u8>]) -> Vec<Message> {
    bodies.iter().map(|body| message_of(body.clone(), None)).collect()
}

#[test]
fn what_a_message_goes_on_with_is_read() {
    for zlib in [true, false] {
        let all = packed(zlib, &words(TEXT));
        assert_eq!(read(&bodies(&all)), (1, 0));
        assert_eq!(read(&bodies(&all[1..])).0, 0, "without its beginning");
        assert!(read(&bodies(&all[1..])).1 > 0, "without its beginning");
        let coded: Vec<Vec<u8>> = all
            .iter()
            .map(|bytes| format!(r#"{{"z":"{}"}}"#, data_encoding::BASE64.encode(bytes)).into_bytes())
            .collect();
        assert_eq!(read(&bodies(&coded)), (1, 0), "coded");
    }
}

#[test]
fn what_is_lost_of_a_stream_severs_the_rest_in_its_place_alone() {
    let all = packed(true, &words(TEXT));
    let mut messages = bodies(&all);
    messages[2].whole = false;
    let (shown, severed) = read(&messages);
    assert_eq!((shown, severed > 0), (0, true));
    // What is readable by itself stays so.
    messages.insert(4, message_of(TEXT, None));
    assert_eq!(read(&messages), (1, severed));
}

#[test]
fn streams_side_by_side_are_told_apart_by_their_fields_or_not_at_all() {
    let (one, other) = (packed(true, &words(TEXT)), packed(true, &words("dusk")));
    let field = |name: &str, bytes: &Vec<u8>| -> Vec<u8> {
        format!(r#"{{"{name}":"{}"}}"#, data_encoding::BASE64.encode(bytes)).into_bytes()
    };
    let apart: Vec<Vec<u8>> = one.iter().zip(&other).flat_map(|(a, b)| [field("a", a), field("b", b)]).collect();
    assert_eq!(read(&bodies(&apart)), (1, 0));
    let mixed: Vec<Vec<u8>> = one.into_iter().zip(other).flat_map(|(a, b)| [a, b]).collect();
    let (shown, severed) = read(&bodies(&mixed));
    assert_eq!((shown, severed > 0), (0, true));
}

#[test]
fn more_streams_than_are_followed_are_severed_and_not_forgotten() {
    let mut messages = Vec::new();
    for port in 0..=u16::try_from(budget::CONTINUED).unwrap() {
        for body in packed(true, &words(TEXT)) {
            let mut message = message_of(body, None);
            message.flow.client.port = 20_000 + port;
            messages.push(message);
        }
    }
    let (shown, severed) = read(&messages);
    assert_eq!(shown, budget::CONTINUED);
    assert!(severed > 0);
}

#[test]
fn a_stream_that_puts_out_too_much_is_told() {
    let words = words(TEXT);
    let texts = [words[0].clone(), "0".repeat(3 << 20), words[6].clone()];
    let mut stream = Compress::new(Compression::best(), true);
    let (mut continued, mut told) = (Continued::default(), false);
    for text in texts {
        let mut out = Vec::with_capacity(64 << 10);
        stream.compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync).unwrap();
        let message = message_of(out, None);
        let tree = walk_on(&message, None, &mut continued);
        told |= !tree.severed.is_empty() || !tree.exhausted.is_empty();
    }
    assert!(told);
}
