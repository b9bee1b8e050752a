//! What every detector over whole runs says of itself holds; and sound encryption sets none of them off.

use super::plant;
use crate::model::budget;
use crate::model::opacity::Opacity;
use crate::model::payload::{Payload, Token};
use crate::model::scenario::Pair;
use crate::model::sighting::Place;
use crate::model::stream::Direction;
use crate::model::time::Timestamp;
use crate::sighting::detector::{DETECTORS, RUN_DETECTORS};
use crate::sighting::run::{Find, Run, RunDetector, Session};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// A payload of one slot.
pub(in crate::sighting) fn payload(index: usize, bytes: Vec<u8>, beside: &Arc<[Token]>) -> Payload {
    Payload {
        place: Place {
            capture: "c".into(),
            flow: None,
            flow_start: 1,
            direction: Direction::ToServer,
            at: Timestamp(0),
            authority: None,
            secured: true,
            frames: vec![index as u64 + 1],
            part: None,
            bytes: (0, bytes.len() as u64),
            trail: vec!["POST /send".into()],
        },
        layers: Arc::from([]),
        protocol: "http1",
        label: "POST /send".into(),
        slot: "POST /send".into(),
        len: bytes.len() as u64,
        bytes,
        class: Opacity::RandomLooking,
        envelope: None,
        bare: false,
        beside: Arc::clone(beside),
    }
}

fn run(detector: &dyn RunDetector, session: &Session) -> (Vec<Find>, usize) {
    let planted = plant(session.planted);
    let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
    let tokens: Vec<Token> = session
        .tokens
        .iter()
        .map(|(name, value)| Token {
            bytes: hex(value),
            name: (*name).to_owned(),
            trail: Vec::new(),
            capture: "c".into(),
            frame: 1,
        })
        .collect();
    let shared: Arc<[Token]> = tokens.clone().into();
    let mut payloads: Vec<Payload> =
        session.payloads.iter().enumerate().map(|(index, text)| payload(index, hex(text), &shared)).collect();
    let mut pairs = Vec::new();
    if session.second > 0 {
        for payload in payloads.iter_mut().skip(session.second) {
            payload.place.capture = "d".into();
        }
        let id = planted[0].id.clone();
        pairs.push(Pair { first: "c".into(), second: "d".into(), planted: (id.clone(), id) });
    }
    let payloads: Vec<&Payload> = payloads.iter().collect();
    let tokens: Vec<&Token> = tokens.iter().collect();
    let run = Run::new(&planted, &payloads, &tokens, &pairs, budget::RUN_WORK);
    let mut finds = Vec::new();
    detector.on_run(&run, &mut finds);
    assert!(!run.is_spent(), "{}", detector.card().id);
    (finds, payloads.len())
}

#[test]
fn every_run_card_holds() {
    for detector in RUN_DETECTORS {
        let card = detector.card();
        assert!(!card.hits.is_empty() && !card.misses.is_empty() && !card.bound.is_empty(), "{}", card.id);
        for (at, session) in card.hits.iter().enumerate() {
            let (finds, payloads) = run(*detector, session);
            assert!(!finds.is_empty(), "{} misses its hit {at}", card.id);
            for find in finds {
                assert_eq!(find.detector, card.id);
                assert!(!find.proof.is_empty() && find.proof.iter().all(|proof| proof.payload < payloads));
                assert_eq!(find.undone.is_some(), find.proof.iter().any(|proof| !proof.recovered.is_empty()));
                if find.undone.is_some() && !session.planted.is_empty() {
                    let text = find.proof.iter().flat_map(|proof| &proof.recovered);
                    let shows = |(_, bytes): &(usize, Vec<u8>)| {
                        memchr::memmem::find(bytes, session.planted[0].1.as_bytes()).is_some()
                    };
                    assert!(text.clone().any(shows), "{}: {find:?}", card.id);
                }
            }
        }
        for (at, session) in card.misses.iter().enumerate() {
            assert_eq!(run(*detector, session).0, [], "{} sees something in its miss {at}", card.id);
        }
    }
}

#[test]
fn ids_are_unique_over_both_registries() {
    let mut ids: Vec<&str> = RUN_DETECTORS.iter().map(|detector| detector.card().id).collect();
    assert!(ids.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    ids.extend(DETECTORS.iter().map(|detector| detector.card().id));
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

/// What a text that was sent twice shows, and what an honest app may do that looks like it.
#[test]
fn equal_ciphertext_within_one_run_needs_a_text_that_was_sent_twice_and_no_other_reason() {
    const NONE: [usize; 0] = [];
    let cipher =
        |nth: u8| -> Vec<u8> { Sha256::digest([nth]).iter().chain(&Sha256::digest([nth, 1])).copied().collect() };
    let finds = |values: &[(&str, &str)], order: &[u8], id: &dyn Fn(usize) -> usize| {
        let planted = plant(values);
        let payloads: Vec<Payload> = order
            .iter()
            .enumerate()
            .map(|(index, nth)| {
                let id = Token {
                    bytes: id(index).to_string().into_bytes(),
                    name: "id".into(),
                    trail: Vec::new(),
                    capture: "c".into(),
                    frame: index as u64 + 1,
                };
                payload(index, cipher(*nth), &Arc::from([id]))
            })
            .collect();
        let payloads: Vec<&Payload> = payloads.iter().collect();
        let run = Run::new(&planted, &payloads, &[], &[], budget::RUN_WORK);
        let mut finds = Vec::new();
        let detector = RUN_DETECTORS.iter().find(|detector| detector.card().id == "equal-ciphertext").unwrap();
        detector.on_run(&run, &mut finds);
        finds.iter().flat_map(|find| &find.proof).map(|proof| proof.payload).collect::<Vec<_>>()
    };
    let twice = [("messages", "The heron lands at dusk"), ("messages", "The heron lands at dusk")];
    let sent = [1, 2, 3, 1, 4, 5, 6];
    assert_eq!(finds(&twice, &sent, &|index| index), [0, 3]);
    // Planted once; sent again at once; the very same message; another one comes again as well; three times; too few.
    assert_eq!(finds(&twice[..1], &sent, &|index| index), NONE);
    assert_eq!(finds(&twice, &[1, 1, 2, 3, 4, 5, 6], &|index| index), NONE);
    assert_eq!(finds(&twice, &sent, &|index| index % 3), NONE);
    assert_eq!(finds(&twice, &[1, 2, 3, 1, 4, 3, 5, 6], &|index| index), NONE);
    assert_eq!(finds(&twice, &[1, 2, 1, 3, 1, 4, 5, 6], &|index| index), NONE);
    assert_eq!(finds(&twice, &[1, 2, 3, 1, 4], &|index| index), NONE);
}
