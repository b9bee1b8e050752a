//! Inputs made to cost: each ends within its budget, told, with what was decoded kept.

use super::places;
use crate::field::{Limits, message_of, walk, walk_bytes, walk_within};
use std::io::Write as _;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn a_gzip_bomb_ends_at_the_ratio() {
    let mut plain = b"The heron lands at dusk".to_vec();
    plain.resize(64 << 20, b'0');
    let message = message_of(gzip(&plain), None);
    assert!(message.parts[0].bytes.len() < 80_000);
    let tree = walk(&message);
    assert!(!tree.exhausted.is_empty());
    assert!(tree.buffers.iter().map(|buffer| buffer.bytes.len()).sum::<usize>() < 40 << 20);
    assert_eq!(places(&tree, "The heron")[0].1, "gzip");
    assert!(!tree.nodes[1].whole);
}

#[test]
fn a_bomb_in_a_bomb_shares_one_budget() {
    let inner = gzip(&vec![0_u8; 30 << 20]);
    let many = serde_json::to_vec(&vec![data_encoding::BASE64.encode(&inner); 40]).unwrap();
    let message = message_of(many, None);
    let tree = walk(&message);
    assert!(tree.exhausted.contains(&"decoded bytes"));
    assert!(tree.buffers.iter().map(|buffer| buffer.bytes.len()).sum::<usize>() < 40 << 20);
}

#[test]
fn a_layer_inside_itself_ends_at_the_depth() {
    let mut bytes = b"The heron lands at dusk".to_vec();
    for _ in 0..40 {
        bytes = gzip(&bytes);
    }
    let message = message_of(bytes, None);
    let tree = walk(&message);
    assert_eq!(tree.exhausted, ["layers"]);
}

#[test]
fn ten_thousand_levels_are_read() {
    let levels = 10_000;
    let deep = format!("{}\"The \\u0068eron\"{}", "[".repeat(levels), "]".repeat(levels));
    walk_bytes(deep.clone(), None, |tree| {
        assert_eq!(tree.exhausted, ["nesting"]);
        assert_eq!(places(tree, "The heron").len(), 1, "found however deep");
    });
    let objects = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    walk_bytes(objects, None, |tree| assert_eq!(tree.exhausted, ["nesting"]));
    // Cut in the middle, it is still no reason to fall over.
    walk_bytes(&deep.as_bytes()[..levels + 3], None, |tree| assert!(!tree.nodes.is_empty()));
}

#[test]
fn fields_end_at_their_budget_and_text_is_still_there() {
    let limits = Limits { fields: 1_000, ..Limits::default() };
    let mut many: Vec<String> = (0..5_000).map(|n| n.to_string()).collect();
    many.push("\"The heron\"".to_owned());
    let message = message_of(format!("[{}]", many.join(",")), None);
    let tree = walk_within(&message, &limits);
    assert_eq!(tree.exhausted, ["fields"]);
    assert!(tree.nodes.len() <= 1_001);
    assert_eq!(places(&tree, "The heron")[0].1, "json");
}

#[test]
fn quoting_inside_quoting_ends() {
    let mut text = "The heron".to_owned();
    // Each level doubles the backslashes: 16 levels are a megabyte.
    for _ in 0..16 {
        text = serde_json::to_string(&text).unwrap();
    }
    walk_bytes(text, None, |tree| assert_eq!(places(tree, "The heron").len(), 16));
}
