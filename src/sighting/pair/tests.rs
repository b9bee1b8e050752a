//! Every relation, with what must not be taken for it.

use super::*;
use crate::model::opacity::Opacity;
use crate::model::taxonomy::Data;
use crate::model::time::Timestamp;

const TEXTS: [&str; 6] = [
    "The heron lands at dusk",
    "Bring the lamp",
    "Leave the key under the third stone, and tell nobody",
    "No.",
    "The ferry is late again tonight, so wait",
    "A sixth text, longer than all of the five others that were sent before it today",
];

struct Nobody;

impl Beside for Nobody {
    fn is_readable(&self, _: &str, _: &Sample, field: &Reading, _: &str) -> bool {
        field.position == "json $.clear"
    }

    fn server(&self, _: &str, _: &Sample) -> (Party, Option<String>) {
        (Party::Provider, Some("api.chatterly.example".into()))
    }
}

/// Bytes that differ for each seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..len).map(|_| next()).collect()
}

fn field(name: &str, bytes: impl AsRef<[u8]>, opaque: bool) -> Reading {
    let bytes = bytes.as_ref();
    let mut digest = [0; 16];
    let hash = bytes.iter().fold(7_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    digest[..8].copy_from_slice(&hash.to_be_bytes());
    Reading {
        position: format!("json $.{name}"),
        trail: vec!["POST /send".into(), format!("json $.{name}")],
        name: name.to_owned(),
        shut: opaque.then_some(Opacity::RandomLooking),
        bare: false,
        frame: 7,
        bytes: (0, bytes.len() as u64),
        len: bytes.len() as u64,
        digest,
        head: bytes.iter().copied().take(budget::PAIR_VALUE).collect(),
    }
}

fn message(at: i64, label: &str, fields: Vec<Reading>) -> Sample {
    Sample {
        at: Timestamp(at),
        frame: 7,
        flow: (None, 1),
        kind: label.to_owned(),
        label: label.to_owned(),
        authority: None,
        fields,
    }
}

/// Runs in which these texts were sent, in captures `0`, `1` …, each the partner of the first; what each run's message holds
/// is `fields` of its number and text.
fn compared(texts: &[usize], fields: impl Fn(u64, &str) -> Vec<Reading>) -> (Vec<Compared>, Vec<Mark>) {
    let planted: Vec<Planted> = (TEXTS.iter().enumerate())
        .map(|(at, text)| Planted { id: format!("t{at}"), data: Data::Messages, value: (*text).to_owned() })
        .collect();
    let mut samples = Samples::default();
    let mut pairs = Vec::new();
    for (run, text) in (0_u64..).zip(texts) {
        samples.add(&run.to_string(), message(1, "POST /send", fields(run, TEXTS[*text])));
        if run > 0 {
            let sent = (format!("t{}", texts[0]), format!("t{text}"));
            pairs.push(Pair { first: "0".into(), second: run.to_string(), planted: sent });
        }
    }
    compare(&samples, &pairs, &planted, &Nobody)
}

/// What the last pair says of the one field there is.
fn relation(texts: &[usize], bytes: impl Fn(u64, &str) -> Vec<u8>, opaque: bool) -> Option<Relation> {
    let (compared, _) = compared(texts, |run, text| vec![field("f", bytes(run, text), opaque)]);
    compared.last().unwrap().changes.first().map(|change| change.relation)
}

/// What a field holds, by run and text.
type Bytes<'b> = &'b dyn Fn(u64, &str) -> Vec<u8>;

#[test]
fn every_relation_is_told_and_no_other() {
    let sealed = |run: u64, text: &str| noise(run + 1, text.len() + 28);
    let blocks = |run: u64, text: &str| noise(run + 1, 16 + (text.len() + 16) / 16 * 16);
    let steady = |run: u64, _: &str| noise(run + 1, 32);
    let equal = |_: u64, text: &str| noise(text.len() as u64, 64);
    let padded = |run: u64, text: &str| noise(run + 1, 256 * text.len().div_ceil(256));
    let fixed = |_: u64, _: &str| noise(5, 48);
    let jitter = |run: u64, _: &str| noise(run + 1, 70 + usize::try_from(run * run % 5).unwrap());
    let mood = |_: u64, text: &str| if text.len() > 30 { b"long".to_vec() } else { b"short".to_vec() };
    let hash = |_: u64, text: &str| format!("{:08x}", text.len() * 7919).into_bytes();
    let clock = |run: u64, _: &str| format!("17936100{run:02}").into_bytes();
    for (what, texts, bytes, opaque, want) in [
        ("a stream over five texts", &[0, 1, 2, 3, 4][..], &sealed as Bytes<'_>, true, Some(Relation::FollowsLength)),
        ("a stream over three texts, each twice", &[0, 1, 2, 0, 1, 2], &sealed, true, Some(Relation::FollowsLength)),
        ("a stream over two texts", &[0, 1], &sealed, true, Some(Relation::MayFollowLength)),
        ("the same text, sealed twice", &[0, 0], &sealed, true, Some(Relation::Untold)),
        (
            "blocks over six texts, twice",
            &[0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5],
            &blocks,
            true,
            Some(Relation::FollowsLength),
        ),
        ("a fresh key of 32 bytes", &[0, 1, 2, 3, 4], &steady, true, Some(Relation::KeepsLength)),
        ("padded to 256 bytes", &[0, 1, 2, 3, 4], &padded, true, Some(Relation::KeepsLength)),
        ("deterministic", &[0, 1, 2, 0], &equal, true, Some(Relation::EqualCiphertext)),
        ("deterministic, and only one text", &[0, 0], &equal, true, None),
        ("a constant", &[0, 1, 2, 0], &fixed, true, None),
        ("a constant, other text", &[0, 1], &fixed, true, Some(Relation::CarriesNoText)),
        ("a length of its own", &[0, 1, 2, 0], &jitter, true, Some(Relation::Noise)),
        ("a length of its own, no text twice", &[0, 1, 2, 3], &jitter, true, Some(Relation::Untold)),
        ("a digest of the text", &[0, 1, 0, 1], &hash, false, Some(Relation::DependsOnText)),
        ("a digest of the text, no text twice", &[0, 1], &hash, false, Some(Relation::Untold)),
        ("a word for some texts", &[2, 4, 0, 1, 0, 1], &mood, false, Some(Relation::Untold)),
        ("a clock", &[0, 1, 0, 1], &clock, false, Some(Relation::Noise)),
        ("a clock, no text twice", &[0, 1], &clock, false, Some(Relation::Untold)),
        ("a word that stays", &[0, 1, 0], &|_, _| b"text".to_vec(), false, None),
    ] {
        assert_eq!(relation(texts, bytes, opaque), want, "{what}");
    }
}

#[test]
fn a_nonce_that_stays_is_told_beside_ciphertext_that_does_not() {
    let fields = |run: u64, text: &str| {
        vec![field("iv", noise(9, 12), false), field("ct", noise(run + 1, text.len() + 28), true)]
    };
    let (found, _) = compared(&[0, 1], fields);
    let told: Vec<Relation> = found[0].changes.iter().map(|change| change.relation).collect();
    assert_eq!(told, [Relation::MayFollowLength, Relation::SameNonce]);
    // Fresh each time, or by another name, or beside nothing.
    let fresh = |run: u64, text: &str| {
        vec![field("iv", noise(run + 90, 12), false), field("ct", noise(run + 1, text.len() + 28), true)]
    };
    let id = |run: u64, text: &str| {
        vec![field("device", noise(9, 12), false), field("ct", noise(run + 1, text.len() + 28), true)]
    };
    let alone = |_: u64, _: &str| vec![field("iv", noise(9, 12), false), field("ct", noise(4, 40), false)];
    let says = |fields: &dyn Fn(u64, &str) -> Vec<Reading>| {
        compared(&[0, 1], fields).0[0].changes.iter().any(|change| change.relation == Relation::SameNonce)
    };
    assert!(!says(&fresh) && !says(&id) && !says(&alone));
}

#[test]
fn payloads_are_marked_by_what_they_carry() {
    let sealed = |run: u64, text: &str| {
        vec![field("ct", noise(run + 1, text.len() + 28), true), field("key", noise(3, 32), true)]
    };
    let (found, marks) = compared(&[0, 1, 2, 3, 4], sealed);
    let carries: Vec<&Mark> = marks.iter().filter(|mark| matches!(mark.says, Says::Carries(_))).collect();
    assert_eq!(carries.len(), 5, "one in each run");
    assert!(carries.iter().all(|mark| mark.position == "json $.ct"));
    let none: Vec<&Mark> = marks.iter().filter(|mark| matches!(mark.says, Says::CarriesNone(_))).collect();
    let all: BTreeSet<String> = (0..5).map(|text| format!("t{text}")).collect();
    assert!(!none.is_empty() && none.iter().all(|mark| mark.position == "json $.key"));
    assert!(none.iter().all(|mark| mark.says == Says::CarriesNone(all.clone())), "{none:?}");
    assert!(found[0].says[0].starts_with("The text travels in json $.ct"), "{:?}", found[0].says);
    // Too few runs: nothing is marked, and what is missing is told.
    let (found, marks) = compared(&[0, 1], |run, text| vec![field("ct", noise(run + 1, text.len() + 28), true)]);
    assert!(marks.iter().all(|mark| matches!(mark.says, Says::MayCarry(_))), "{marks:?}");
    assert!(found[0].says[0].contains("3 more texts of other lengths"), "{:?}", found[0].says);
}

#[test]
fn what_is_readable_is_left_to_its_sightings() {
    let (found, marks) = compared(&[0, 1], |_, text| vec![field("clear", text, false)]);
    assert_eq!(found[0].changes[0].relation, Relation::Readable);
    assert_eq!(marks, []);
}

#[test]
fn messages_are_laid_side_by_side_by_kind_and_order() {
    let send = |at, tag: &str| message(at, "POST /send", vec![field("a", tag, false)]);
    let ping = |at| message(at, "POST /send", vec![field("ping", b"1", false)]);
    let (one, two, beat, other) = (send(1, "x"), send(2, "y"), ping(3), message(4, "GET /avatar", Vec::new()));
    // Not equally many of a kind: those with the same fields are.
    let runs = vec![vec![&one, &beat, &two], vec![&one, &two, &beat, &beat, &other], vec![&one, &two, &beat]];
    let (rows, loose) = align(&runs);
    let full = rows.iter().filter(|row| row.cells.iter().all(Option::is_some)).count();
    assert_eq!(full, 2, "both texts, in their order");
    let mut counts: Vec<_> = loose.iter().map(|loose| (loose.label, loose.counts.clone())).collect();
    counts.sort();
    assert_eq!(counts, [("GET /avatar", vec![0, 1, 0]), ("POST /send", vec![1, 2, 1])]);
    // The two runs that have one heartbeat each are laid beside each other still.
    assert!(rows.iter().any(|row| row.cells[0].is_some() && row.cells[1].is_none() && row.cells[2].is_some()));
}

#[test]
fn too_much_is_told_and_nothing_is_compared() {
    let many = |_: u64, _: &str| (0..=budget::PAIR_FIELDS).map(|n| field(&n.to_string(), [1], false)).collect();
    let (found, marks) = compared(&[0, 1], many);
    assert_eq!((found[0].changes.len(), marks.len()), (0, 0));
    assert!(found[0].says[0].contains("more fields than are compared"), "{:?}", found[0].says);
}
