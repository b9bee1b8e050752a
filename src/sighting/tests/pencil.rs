//! Ciphers of pencil and paper: generated texts under generated keys are found, honest ones are not.

use super::{flat, lines, message, plant};
use crate::model::scenario::Planted;
use crate::sighting::detector::DETECTORS;
use crate::sighting::{Cx, Hit, Matcher};
use data_encoding::BASE64;

const TEXTS: [&str; 5] = [
    "The heron lands at dusk, bring the blue lantern along",
    "Please do not tell anybody that we meet behind the mill",
    "My doctor says the results are worse than we had hoped",
    "Wir treffen uns am Sonntag hinter der alten Muehle am Fluss",
    "transfer the money before friday or they will come for us",
];
const SHORT: [&str; 4] =
    ["The heron lands at dusk", "Priya Ramanathan", "the results were positive", "4 Mill Lane, Ashford Green"];

struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    /// All of `0..count` in some order.
    fn shuffle(&mut self, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..count).collect();
        for at in (1..count).rev() {
            let other = self.roll(at + 1);
            all.swap(at, other);
        }
        all
    }
}

fn find(body: &[u8], planted: &[Planted], apart: bool) -> Vec<Hit> {
    let matcher = Matcher::new(planted);
    let message = message(body);
    let tree = if apart { lines(&message) } else { flat(&message) };
    let detector = DETECTORS.iter().find(|detector| detector.card().id == "pencil-cipher").unwrap();
    let mut out = Vec::new();
    detector.on_message(&tree, &Cx::new(planted, &matcher), &mut out);
    out
}

fn letter(byte: u8, to: impl Fn(u8) -> u8) -> u8 {
    match byte {
        b'a'..=b'z' => to(byte - b'a') + b'a',
        b'A'..=b'Z' => to(byte - b'A') + b'A',
        _ => byte,
    }
}

fn vigenere(text: &str, key: &[u8], places: bool) -> Vec<u8> {
    let mut used = 0;
    let each = |(at, byte): (usize, u8)| {
        let moved = key[(if places { at } else { used }) % key.len()];
        used += usize::from(byte.is_ascii_alphabetic());
        letter(byte, |number| (number + moved) % 26)
    };
    text.bytes().enumerate().map(each).collect()
}

/// A ciphertext in a field of its own, and inside a longer text.
fn is_found(sent: &[u8], text: &str, what: &str, only_alone: bool) {
    let planted = plant(&[("messages", text)]);
    let alone = [b"kind=note\n", sent, b"\nend"].concat();
    let hits = find(&alone, &planted, true);
    assert_eq!(hits.len(), 1, "{what}: {text:?} as {:?}: {hits:?}", String::from_utf8_lossy(sent));
    assert_eq!(hits[0].planted, Some(0));
    if !only_alone {
        let within = [b"{\"kind\":\"note\",\"text\":\"on 7 May: ", sent, b" (and more)\",\"n\":12}"].concat();
        let hits = find(&within, &planted, false);
        assert_eq!(hits.len(), 1, "{what}, within: {text:?}: {hits:?}");
    }
}

#[test]
fn letters_moved_by_a_key_are_found() {
    let mut dice = Dice(7);
    for text in TEXTS.iter().chain(&SHORT) {
        let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
        for moved in 1..26 {
            is_found(&vigenere(text, &[moved], false), text, "caesar", letters < 16);
        }
        is_found(&text.bytes().map(|byte| letter(byte, |n| 25 - n)).collect::<Vec<u8>>(), text, "atbash", letters < 16);
        let ink = |byte: u8| if byte > b' ' { (byte - 33 + 47) % 94 + 33 } else { byte };
        is_found(&text.bytes().map(ink).collect::<Vec<u8>>(), text, "rot47", letters < 16);
        for plus in [1, 3, 5, 100, 200] {
            let moved: Vec<u8> = text.bytes().map(|byte| byte.wrapping_add(plus)).collect();
            is_found(&moved, text, "bytes moved", letters < 16);
        }
    }
    for text in TEXTS {
        for len in 2..=10 {
            for places in [false, true] {
                let key: Vec<u8> = (0..len).map(|_| u8::try_from(1 + dice.roll(25)).unwrap()).collect();
                is_found(&vigenere(text, &key, places), text, &format!("vigenere {key:?} {places}"), len > 8);
            }
        }
        // Without spaces, in groups of five, in capitals.
        let bare: String = text.chars().filter(char::is_ascii_alphabetic).collect();
        let sent = vigenere(&bare.to_uppercase(), &[11, 4, 12, 14, 13], false);
        let groups: Vec<u8> = sent.chunks(5).collect::<Vec<_>>().join(&b' ');
        is_found(&groups, text, "groups of five", false);
    }
}

#[test]
fn letters_exchanged_for_others_are_found() {
    let mut dice = Dice(11);
    for text in TEXTS {
        for _ in 0..12 {
            let order = dice.shuffle(26);
            let sent: Vec<u8> =
                text.bytes().map(|b| letter(b, |n| u8::try_from(order[usize::from(n)]).unwrap())).collect();
            is_found(&sent, text, "substitution", false);
            let bare: Vec<u8> = sent.iter().filter(|byte| byte.is_ascii_alphabetic()).copied().collect();
            is_found(&bare, text, "substitution without spaces", false);
            // No line ends, which would part the field.
            let order: Vec<usize> = dice.shuffle(256).into_iter().filter(|byte| *byte != 10).collect();
            let sent: Vec<u8> = text.bytes().map(|byte| u8::try_from(order[usize::from(byte)]).unwrap()).collect();
            is_found(&sent, text, "substitution of bytes", false);
            let mut alphabet: Vec<u8> = (b'0'..=b'9').chain(b'A'..=b'Z').chain(b'a'..=b'z').chain(*b"-_").collect();
            let order = dice.shuffle(64);
            alphabet = order.iter().map(|at| alphabet[*at]).collect();
            let usual = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            for before in ["", "a", "ab", "abc"] {
                let plain = format!("{before}{text}");
                let coded = BASE64.encode(plain.as_bytes());
                let digit = |b: u8| usual.iter().position(|other| *other == b).map_or(b, |at| alphabet[at]);
                let sent: Vec<u8> = coded.bytes().map(digit).collect();
                let planted = plant(&[("messages", text)]);
                assert_eq!(find(&sent, &planted, false).len(), 1, "{before}, {text}");
                let turned: Vec<u8> = coded.bytes().rev().collect();
                assert_eq!(find(&turned, &planted, false).len(), 1, "{before}, {text}, turned round");
            }
        }
    }
    // Characters of another alphabet.
    for text in TEXTS {
        let sent: String = text.chars().map(|char| char::from_u32(u32::from(char) + 0x4e00).unwrap()).collect();
        is_found(sent.as_bytes(), text, "characters far up", false);
    }
    // Alphabets of others.
    let text = "Цапля садится в сумерках у старой мельницы за рекой";
    let turn = |char: char| match char {
        'а'..='я' => char::from_u32((u32::from(char) - 0x430 + 7) % 32 + 0x430).unwrap(),
        'А'..='Я' => char::from_u32((u32::from(char) - 0x410 + 7) % 32 + 0x410).unwrap(),
        char => char,
    };
    is_found(text.chars().map(turn).collect::<String>().as_bytes(), text, "caesar", false);
}

#[test]
fn identifiers_inside_others_are_not_theirs() {
    let planted = plant(&[("email", "ana.lindqvist@mailbox.example")]);
    let moved = |text: &str| vigenere(text, &[5], false);
    assert_eq!(find(&[b"x\n", &moved("ana.lindqvist@mailbox.example")[..]].concat(), &planted, true).len(), 1);
    assert!(find(&[b"x\n", &moved("diana.lindqvist@mailbox.example")[..]].concat(), &planted, true).is_empty());
}

/// Honest texts: sentences out of the same words, records out of one template, identifiers, digits, base64, code.
#[test]
fn honest_texts_are_none() {
    const WORDS: [&str; 60] = [
        "the", "heron", "lands", "at", "dusk", "bring", "a", "lantern", "please", "do", "not", "tell", "anybody",
        "that", "we", "meet", "behind", "old", "mill", "my", "doctor", "says", "results", "are", "worse", "than",
        "had", "hoped", "transfer", "money", "before", "friday", "or", "they", "will", "come", "for", "us", "and",
        "then", "i", "was", "at", "home", "with", "her", "sister", "in", "this", "green", "house", "by", "river",
        "you", "know", "it", "is", "never", "too", "late",
    ];
    let mut dice = Dice(3);
    let values: Vec<(&str, &str)> = TEXTS.iter().chain(&SHORT).map(|text| ("messages", *text)).collect();
    let mut planted = plant(&values);
    planted.extend(plant(&[("name", "Priya Ramanathan"), ("email", "priya.ramanathan@mailbox.example")]));
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for round in 0..24 {
        let mut body: Vec<u8> = Vec::new();
        for _ in 0..80 {
            let words = 2 + dice.roll(14);
            let line: Vec<&str> = (0..words).map(|_| WORDS[dice.roll(WORDS.len())]).collect();
            let line = line.join(" ");
            let noise: Vec<u8> = (0..8 + dice.roll(40)).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect();
            let line = match round % 6 {
                0 => line,
                1 => format!("{{\"id\":{},\"text\":\"{line}\",\"seen\":{}}}", dice.roll(1 << 30), dice.roll(2) == 1),
                2 => BASE64.encode(line.as_bytes()),
                3 => BASE64.encode(&noise),
                4 => data_encoding::HEXLOWER.encode(&noise),
                _ => format!("if (x{0} == {1}) {{ return f{0}({1}, \"{line}\"); }}", dice.roll(99), dice.roll(9999)),
            };
            body.extend_from_slice(line.as_bytes());
            body.push(b'\n');
        }
        bodies.push(body);
    }
    // One template, with other names, numbers and words.
    let mut body = Vec::new();
    for text in TEXTS.iter().chain(&SHORT) {
        for at in 0..text.len() {
            let mut other = text.as_bytes().to_vec();
            for byte in &mut other[at..text.len().min(at + 6)] {
                *byte = letter(*byte, |number| (number + 1 + u8::try_from(at % 20).unwrap()) % 26);
            }
            body.extend_from_slice(&other);
            body.push(b'\n');
        }
    }
    bodies.push(body);
    for size in [1, 2, 3, 5, 7, 16, 26] {
        bodies.push((0..3_000_usize).map(|at| b'a' + u8::try_from(at % size).unwrap()).collect());
        bodies.push((0..3_000).map(|_| b'a' + u8::try_from(dice.roll(size)).unwrap()).collect());
    }
    for body in &bodies {
        for apart in [false, true] {
            let hits = find(body, &planted, apart);
            let shown = |hit: &Hit| String::from_utf8_lossy(&body[hit.start..hit.end]).into_owned();
            assert!(hits.is_empty(), "{:?}", hits.iter().map(|hit| (&hit.reason, shown(hit))).collect::<Vec<_>>());
        }
    }
}
