//! What every detector says of itself holds.

use super::{lines, message, plant};
use crate::model::scenario::Planted;
use crate::model::shape::Shape;
use crate::sighting::detector::DETECTORS;
use crate::sighting::{Cx, Glance, Hit, Matcher, coded};
use proptest::prelude::*;
use std::sync::LazyLock;

fn hits(index: usize, body: &[u8], planted: &[(&str, &str)]) -> Vec<Hit> {
    let planted = plant(planted);
    let matcher = Matcher::new(&planted);
    let mut out = Vec::new();
    let message = message(body);
    DETECTORS[index].on_message(&lines(&message), &Cx::new(&planted, &matcher), &mut out);
    out
}

#[test]
fn every_card_holds() {
    for (index, detector) in DETECTORS.iter().enumerate() {
        let card = detector.card();
        assert!(!card.hits.is_empty() && !card.misses.is_empty(), "{}", card.id);
        for example in card.hits {
            let found = hits(index, example.body, example.planted);
            let body = String::from_utf8_lossy(example.body);
            assert!(!found.is_empty(), "{} misses {body}", card.id);
            assert!(found.iter().all(|hit| hit.detector == card.id && hit.start < hit.end), "{}", card.id);
            assert!(found.iter().all(|hit| hit.end <= example.body.len()), "{}", card.id);
            // Whoever is left out once enough of its data was seen in a dump must find nothing else.
            let only = |hit: &Hit| {
                detector.rule().is_none_or(|data| hit.data == data && hit.planted.is_none() && !hit.conclusive)
            };
            assert!(found.iter().all(only), "{}", card.id);
        }
        for example in card.misses {
            let found = hits(index, example.body, example.planted);
            assert!(found.is_empty(), "{} sees {found:?} in {}", card.id, String::from_utf8_lossy(example.body));
        }
    }
}

/// What a first look tells of a buffer hides nothing: every detector finds the same with it and without, in all examples
/// of all of them, alone and one after the other.
#[test]
fn a_first_look_hides_nothing() {
    let cards = || DETECTORS.iter().map(|detector| detector.card());
    let examples: Vec<_> = cards().flat_map(|card| card.hits.iter().chain(card.misses)).collect();
    let mut bodies: Vec<Vec<u8>> = examples.iter().map(|example| example.body.to_vec()).collect();
    bodies.push(bodies.join(&b"\n"[..]));
    for values in examples.iter().map(|example| example.planted).chain([&[][..]]) {
        let planted = plant(values);
        let matcher = Matcher::new(&planted);
        for body in &bodies {
            let message = message(body);
            let tree = lines(&message);
            let glances: Vec<Glance> = tree.buffers.iter().map(|buffer| matcher.glance(&buffer.bytes)).collect();
            for detector in DETECTORS {
                let seen = |cx: &Cx<'_>| {
                    let mut out = Vec::new();
                    detector.on_message(&tree, cx, &mut out);
                    format!("{out:?}")
                };
                let cx = Cx::new(&planted, &matcher);
                assert_eq!(seen(&cx), seen(&Cx { glances: &glances, ..cx }), "{}", detector.card().id);
            }
        }
    }
}

/// Pieces of what is planted below, as it may be written, and what may stand beside it.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "The heron",
        " lands",
        " at dusk",
        "the\u{a0}heron",
        " lands\u{200b}",
        "  at dusk",
        "ＴＨＥ",
        " heron\n",
        "ада",
        "Ада",
        "Ada!",
        "ada",
        "й",
        "é",
        "漢字",
        "👍",
        "+1",
        "202",
        "-555-",
        "0143",
        "\u{2011}555\u{2011}",
        "\u{661}",
        "12025550143",
        "2025550143",
        "%2B",
        "48.8583701",
        "2.2944813",
        ",",
        "48,8583701",
        "48°51'30.13\"N 2°17'40.13\"E",
        "8FW4V75V+8Q",
        "u09tunq",
        "488583701",
        "22944813",
        " ",
        "\n",
        "\"",
        "--",
        ".",
        "imei",
        "device_id=",
        "4111 1111 1111 1111",
        "a",
        "7",
        "\u{301}",
        "heron123",
        "KeyH\nKeyE\n",
        "hero\n",
        "n123",
        "priya@example.org",
        "xprivet",
    ];
    prop_oneof![
        6 => proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..4),
        1 => "\\PC{1,3}".prop_map(String::into_bytes),
    ]
}

/// What is planted below: with values in ASCII alone, and with others; compiled.
static PLANTED: LazyLock<[(Vec<Planted>, Matcher); 2]> = LazyLock::new(|| {
    let few = [
        ("messages", "The heron lands at dusk"),
        ("phone-number", "+12025550143"),
        ("precise-location", "48.8583701,2.2944813"),
        ("credentials", "heron123"),
    ];
    let more = [("name", "Ada!"), ("name", "Привет Ада"), ("email", "priya@example.org")];
    [few.to_vec(), [&few[..], &more].concat()].map(|values| {
        let planted = plant(&values);
        let matcher = Matcher::new(&planted);
        (planted, matcher)
    })
});

proptest! {
    /// What is known of buffers and fields beforehand hides nothing in any text.
    #[test]
    fn what_is_known_beforehand_hides_nothing(body in proptest::collection::vec(piece(), 0..12), more in any::<bool>()) {
        let [few, many] = &*PLANTED;
        let (planted, matcher) = if more { many } else { few };
        let message = message(&body.concat());
        let plain = lines(&message);
        let mut shaped = lines(&message);
        let shapes: Vec<Shape> = shaped.nodes.iter().map(|node| Shape::of(shaped.bytes(node))).collect();
        for (node, shape) in shaped.nodes.iter_mut().zip(shapes) {
            node.shape = shape;
        }
        let glances: Vec<Glance> = plain.buffers.iter().map(|buffer| matcher.glance(&buffer.bytes)).collect();
        let coded = coded::all(&shaped);
        let cx = Cx::new(planted, matcher);
        for detector in DETECTORS {
            let seen = |tree, cx: &Cx<'_>| {
                let mut out = Vec::new();
                detector.on_message(tree, cx, &mut out);
                format!("{out:?}")
            };
            let (slow, fast) = (seen(&plain, &cx), seen(&shaped, &Cx { glances: &glances, coded: Some(&coded), ..cx }));
            prop_assert_eq!(slow, fast, "{}", detector.card().id);
        }
    }
}

#[test]
fn ids_are_unique_and_kebab_case() {
    let mut ids: Vec<&str> = DETECTORS.iter().map(|detector| detector.card().id).collect();
    assert!(ids.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all);
}
