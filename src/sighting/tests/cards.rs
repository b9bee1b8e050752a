//! What every detector says of itself holds.

use super::{lines, message, plant};
use crate::sighting::detector::DETECTORS;
use crate::sighting::{Cx, Glance, Hit, Matcher};

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

#[test]
fn ids_are_unique_and_kebab_case() {
    let mut ids: Vec<&str> = DETECTORS.iter().map(|detector| detector.card().id).collect();
    assert!(ids.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all);
}
