//! Guesses compete: what explains the bytes best wins, and what is nothing but words stays words.

use super::{all_trails, message, places};
use crate::field::decoder::DECODERS;
use crate::field::{message_of, walk, walk_bytes};
use crate::model::field::{NodeId, Step, Tree};
use data_encoding::{BASE64, HEXLOWER};
use std::collections::BTreeMap;
use std::io::Write as _;

/// Words, names, sentences and identifiers in some eighty languages; `fixtures/ordinary.py` made it.
const ORDINARY: &str = include_str!("fixtures/ordinary.txt");

/// The decoders that undid something on the way to a field.
fn openers(trail: &str) -> Vec<&'static str> {
    let step = |step: &str| {
        let name = step.split(' ').next().unwrap_or_default().to_owned();
        DECODERS.iter().map(|decoder| decoder.name).find(|decoder| **decoder == name)
    };
    trail.split(" > ").filter_map(step).collect()
}

#[test]
fn ordinary_words_are_opened_by_nothing() {
    assert!(ORDINARY.lines().count() >= 10_000);
    let mut opened: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for text in ORDINARY.lines() {
        let body = serde_json::json!({ "v": text }).to_string();
        let bare = walk_bytes(text, None, |tree| {
            tree.leaves().flat_map(|(id, _)| openers(&tree.trail(id).join(" > "))).next()
        });
        let inside = walk_bytes(body, None, |tree| {
            tree.leaves().flat_map(|(id, _)| openers(&tree.trail(id).join(" > "))).find(|name| *name != "json")
        });
        for opener in [bare, inside].into_iter().flatten() {
            opened.entry(opener).or_default().push(text);
        }
    }
    assert!(opened.is_empty(), "{opened:#?}");
}

/// Every decoder on the way to a node, told in its trail or not.
fn opened(tree: &Tree<'_>, id: NodeId) -> Vec<&'static str> {
    let mut names = Vec::new();
    let mut at = Some(id);
    while let Some(node) = at.and_then(|id| tree.node(id)) {
        if let Step::Open(name) = node.step {
            names.push(name);
        }
        at = node.parent;
    }
    names
}

#[test]
fn every_sample_is_won_by_its_decoder() {
    for decoder in DECODERS {
        for sample in decoder.samples {
            let message = message(sample, sample.bytes);
            let tree = walk(&message);
            let found = places(&tree, sample.shows);
            let won = |(id, trail, _): &(NodeId, String, _)| {
                trail == sample.trail && opened(&tree, *id).contains(&decoder.name)
            };
            assert!(found.iter().any(won), "{}: {:#?}", decoder.name, all_trails(&tree));
        }
    }
}

/// What nobody declares is won by the same decoder under layers that are themselves guessed.
#[test]
fn samples_are_won_under_guessed_layers() {
    let gzip = |bytes: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    let mut lost = Vec::new();
    for decoder in DECODERS {
        for sample in decoder.samples.iter().filter(|sample| sample.hint.is_empty()) {
            let text = std::str::from_utf8(sample.bytes).ok();
            let wrapped = [
                Some(("base64", BASE64.encode(sample.bytes).into_bytes())),
                Some(("hex", HEXLOWER.encode(sample.bytes).into_bytes())),
                Some(("gzip", gzip(sample.bytes))),
                text.map(|text| ("json $.v", serde_json::json!({ "v": text }).to_string().into_bytes())),
                Some(("base58", bs58::encode(sample.bytes).into_string().into_bytes()))
                    .filter(|_| sample.bytes.len() < 60),
            ];
            for (layer, bytes) in wrapped.into_iter().flatten() {
                let message = message_of(bytes, None);
                let tree = walk(&message);
                let want = format!("{layer} > {}", sample.trail);
                let found = places(&tree, sample.shows);
                if !found.iter().any(|(_, trail, _)| *trail == want) {
                    lost.push(format!(
                        "{want}: {:?} of {:?}",
                        all_trails(&tree),
                        sample.bytes.escape_ascii().to_string()
                    ));
                }
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}
