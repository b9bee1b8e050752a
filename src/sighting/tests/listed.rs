//! A server's list of places is nobody's whereabouts, but for the planted place itself.

use super::{flat, message, plant};
use crate::model::stream::Direction;
use crate::model::taxonomy::Data;
use crate::sighting::{Cx, Matcher, Scene, detect};
use std::fmt::Write as _;

const PLACE: (&str, &str) = ("precise-location", "48.8583701,2.2944813");

/// What of the planted place counts, and what is shown only.
fn told(body: &str, direction: Direction) -> (usize, usize) {
    let planted = plant(&[PLACE]);
    let matcher = Matcher::new(&planted);
    let message = crate::model::message::Message { direction, ..message(body.as_bytes()) };
    let scene = Scene { capture: "c", flow: Some(message.flow), flow_start: 1 };
    let seen = detect(&flat(&message), &Cx::new(&planted, &matcher), &scene).sightings;
    let precise =
        |s: &&crate::model::sighting::Sighting| s.detector == "planted-place" && s.data == Data::PreciseLocation;
    let counts = seen.iter().filter(precise).filter(|sighting| sighting.planted.is_some()).count();
    (counts, seen.iter().filter(precise).count() - counts)
}

/// Places of a city, none of them within two hundred metres, then some more.
fn city(many: u32, spread: f64, notation: &dyn Fn(f64, f64) -> String, more: &[(f64, f64)]) -> String {
    let mut state = 1_u32;
    let mut roll = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    let mut out = String::from("[");
    for _ in 0..many {
        write!(out, "{},", notation(48.8604 + roll() * spread, 2.25 + roll() * spread)).unwrap();
    }
    for (lat, lon) in more {
        write!(out, "{},", notation(*lat, *lon)).unwrap();
    }
    out + "0]"
}

#[test]
fn a_neighbour_in_a_servers_list_is_shown_and_does_not_count() {
    type Notation = fn(f64, f64) -> String;
    let keyed: Notation = |lat, lon| format!("{{\"n\":\"Shop\",\"lat\":{lat:.6},\"lon\":{lon:.6}}}");
    let points: Notation = |lat, lon| format!("{{\"type\":\"Point\",\"coordinates\":[{lon:.7},{lat:.7}]}}");
    let lines: Notation = |lat, lon| format!("shop,{lat:.5},{lon:.5}\n");
    let (near, here) = ((48.8581, 2.2950), (48.858_370_1, 2.294_481_3));
    for notation in [keyed, points, lines] {
        let told = |many, spread, more: &[(f64, f64)], direction| told(&city(many, spread, &notation, more), direction);
        for many in [20, 60, 200, 800] {
            assert_eq!(told(many, 0.1, &[near], Direction::ToClient), (0, 1), "{many}");
            assert_eq!(told(many, 0.1, &[near, here], Direction::ToClient), (1, 1), "the place itself, {many}");
            assert_eq!(told(many, 0.1, &[near], Direction::ToServer), (1, 0), "sent by the app, {many}");
        }
        assert_eq!(told(6, 0.1, &[near], Direction::ToClient), (1, 0), "a few places are no list");
        assert_eq!(told(0, 0.1, &[near], Direction::ToClient), (1, 0), "alone");
    }
    // A walk around the house.
    let walk: Vec<(f64, f64)> = (0..40).map(|step| (48.858 + f64::from(step) * 2e-5, 2.2945)).collect();
    assert_eq!(told(&city(0, 0.0, &keyed, &walk), Direction::ToClient).1, 0);
}

#[test]
fn an_echo_is_the_place_itself_however_it_was_rounded() {
    let list = |echo: &str| city(200, 0.1, &|lat, lon| format!("{{\"lat\":{lat:.6},\"lon\":{lon:.6}}}"), &[]) + echo;
    for echo in [
        "{\"lat\":48.8583701,\"lon\":2.2944813}",
        "{\"lat\":48.858370100000,\"lon\":2.294481300000}",
        "{\"lat\":48.858370,\"lon\":2.294481}",
        "{\"lat\":48.85837,\"lon\":2.29448}",
        "48.8583701,2.2944813",
    ] {
        assert_eq!(told(&list(echo), Direction::ToClient), (1, 0), "{echo}");
    }
    for neighbour in ["{\"lat\":48.8583,\"lon\":2.2944}", "{\"lat\":48.858371,\"lon\":2.294490}"] {
        assert_eq!(told(&list(neighbour), Direction::ToClient), (0, 1), "{neighbour}");
    }
}
