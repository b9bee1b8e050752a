//! Two runs of the same action, held against each other.

use data_encoding::BASE64;
use plainsight::model::opacity::Opacity;
use plainsight::model::pair::{Change, Compared, Relation};
use plainsight::model::report::ScenarioReport;
use plainsight::model::verdict::VerdictKind;
use plainsight::{pipeline, scenario, verdict};
use plainsight_traffic::runs::{Log, Run, Seal};
use std::fmt::Write as _;
use std::fs;

const TEXT: &str = "The heron lands at dusk";

/// AES-256-CBC under a key that never travels.
fn seal(iv: [u8; 16], text: &str) -> Vec<u8> {
    use cbc::cipher::{Array, BlockModeEncrypt as _, KeyIvInit as _};
    let key: [u8; 32] = std::array::from_fn(|at| u8::try_from(at * 53 % 251).unwrap() ^ 0x5c);
    let mut text = format!(r#"{{"kind":"text","text":"{text}"}}"#).into_bytes();
    let pad = 16 - text.len() % 16;
    text.resize(text.len() + pad, u8::try_from(pad).unwrap());
    let mut mode = cbc::Encryptor::<aes::Aes256>::new_from_slices(&key, &iv).unwrap();
    let (blocks, _) = Array::slice_as_chunks_mut(&mut text);
    mode.encrypt_blocks(blocks);
    text
}

/// One run: these texts, each in a request of its own.
fn har(texts: &[&str], iv: &dyn Fn(u8) -> [u8; 16]) -> String {
    let entry = |(at, text): (u8, &&str)| {
        let body = format!(r#"{{"to":"ivo","ct":"{}"}}"#, BASE64.encode(&seal(iv(at), text)));
        serde_json::json!({
            "startedDateTime": format!("2026-11-02T09:00:0{at}Z"), "serverIPAddress": "127.0.0.9",
            "request": {"method": "POST", "url": "https://api.chatterly.example/v1/send", "httpVersion": "HTTP/1.1", "headers": [],
                "bodySize": body.len(), "postData": {"mimeType": "application/json", "text": body}},
            "response": {"status": 200, "headers": [], "content": {"size": 2, "text": "{}", "mimeType": "application/json"}}})
    };
    let entries: Vec<_> = (0..).zip(texts).map(entry).collect();
    serde_json::json!({"log": {"version": "1.2", "creator": {"name": "t"}, "entries": entries}}).to_string()
}

fn judge(first: &str, second: &str, pair: &str) -> ScenarioReport {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[app]\nname = 'Chatterly'\n[parties]\nprovider = ['chatterly.example']\n\
         [[planted]]\nid = 'greeting'\ndata = 'messages'\nvalue = '{TEXT}'\n\
         [[claim]]\nid = 'e2ee'\ntext = 't'\npromise = 'end-to-end-encrypted'\ndata = ['messages']\n\
         [[capture]]\npath = 'a.har'\n[[capture]]\npath = 'b.har'\n{pair}"
    );
    fs::write(folder.path().join("scenario.toml"), text).unwrap();
    fs::write(folder.path().join("a.har"), first).unwrap();
    fs::write(folder.path().join("b.har"), second).unwrap();
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap();
    pipeline::run(&scenario, &mut |_| {}).unwrap()
}

const PAIR: &str = "[[pair]]\nfirst = 'a.har'\nsecond = 'b.har'\nfirst_sent = 'greeting'\nsecond_sent = 'greeting'\n";

#[test]
fn equal_ciphertext_for_equal_messages_is_a_weakness_where_the_runs_are_declared() {
    let fixed = |_| *b"\x13\xf7\x20\x9c\x4e\xd1\x88\x05\x6b\xe2\x3a\x97\xc0\x5f\x71\xb4";
    let (one, other) = ([TEXT, "see you at the gate tonight, then"], ["bring the lamp with you please", TEXT]);
    let report = judge(&har(&one, &fixed), &har(&other, &fixed), PAIR);
    let [weakness] = report.weaknesses.as_slice() else { panic!("{:?}", report.weaknesses) };
    assert_eq!((weakness.detector, weakness.exhibits.len()), ("equal-ciphertext", 2));
    assert_eq!(report.claims[0].verdict, VerdictKind::Weakened, "{}", report.claims[0].reason);
    assert!(report.claims[0].reason.contains("equal messages give equal ciphertext"), "{}", report.claims[0].reason);
    // Undeclared, the same traffic says nothing of what was sent.
    let report = judge(&har(&one, &fixed), &har(&other, &fixed), "");
    assert!(report.weaknesses.is_empty(), "{:?}", report.weaknesses);
    // Sound encryption of the same texts sets nothing off.
    let fresh = |run: u8| {
        move |at: u8| {
            std::array::from_fn(|i| u8::try_from(i).unwrap().wrapping_mul(29) ^ (run << 4 | at).wrapping_mul(77))
        }
    };
    let report = judge(&har(&one, &fresh(1)), &har(&other, &fresh(2)), PAIR);
    assert!(report.weaknesses.is_empty(), "{:?}", report.weaknesses);
    assert_eq!(report.claims[0].verdict, VerdictKind::Consistent, "{}", report.claims[0].reason);
}

/// What auditors send: no two of one length.
const TEXTS: [&str; 6] = [
    "The heron lands at dusk behind the old mill",
    "Bring the lamp with you, please",
    "Leave the key under the third stone from the left, and tell nobody that you did",
    "No, never.",
    "The ferry is late again tonight, so wait for me by the water",
    "A sixth text, quite a bit longer than any of the five others that were sent before it today",
];

/// Runs of these texts, each joined to the first.
fn runs(texts: &[usize], seal: Seal, log: Log, sends: bool) -> ScenarioReport {
    let folder = tempfile::tempdir().unwrap();
    let mut toml = "[app]\nname = 'Chatterly'\n[parties]\nprovider = ['chatterly.example']\n".to_owned();
    for (id, text) in TEXTS.iter().enumerate().filter(|(id, _)| texts.contains(id)) {
        writeln!(toml, "[[planted]]\nid = 't{id}'\ndata = 'messages'\nvalue = '{text}'").unwrap();
    }
    writeln!(toml, "[[claim]]\nid = 'e2ee'\ntext = 't'\npromise = 'end-to-end-encrypted'\ndata = ['messages']")
        .unwrap();
    writeln!(toml, "[[claim]]\nid = 'tls'\ntext = 't'\npromise = 'encrypted-in-transit'\ndata = ['messages']").unwrap();
    for (at, text) in texts.iter().enumerate() {
        let seed = at as u64 + 1;
        let run = Run { seed, text: TEXTS[*text], seal, log, sends };
        fs::write(folder.path().join(format!("{at}.pcapng")), run.capture().pcapng()).unwrap();
        writeln!(toml, "[[capture]]\npath = '{at}.pcapng'").unwrap();
        if at > 0 {
            let first = texts[0];
            writeln!(
                toml,
                "[[pair]]\nfirst = '0.pcapng'\nsecond = '{at}.pcapng'\nfirst_sent = 't{first}'\nsecond_sent = 't{text}'"
            )
            .unwrap();
        }
    }
    fs::write(folder.path().join("scenario.toml"), toml).unwrap();
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap();
    pipeline::run(&scenario, &mut |_| {}).unwrap()
}

fn at<'c>(compared: &'c Compared, field: &str) -> Option<&'c Change> {
    compared.changes.iter().find(|change| change.position.contains(field))
}

fn relation(compared: &Compared, field: &str) -> Option<Relation> {
    at(compared, field).map(|change| change.relation)
}

#[test]
fn the_length_law_names_the_field_that_carries_the_text() {
    for (seal, says) in
        [(Seal::Gcm, "as many bytes longer"), (Seal::WideChaCha, "in UTF-16"), (Seal::Cbc, "blocks of 16")]
    {
        let report = runs(&[0, 1, 2, 3, 4, 5], seal, Log::Session, true);
        assert_eq!(report.pairs.len(), 5);
        for pair in &report.pairs {
            assert_eq!((pair.runs, pair.messages), (6, 5), "{seal:?}: {:?}", pair.apart);
            assert_eq!(relation(pair, "$.ct"), Some(Relation::FollowsLength), "{seal:?}: {:?}", pair.changes);
            assert!(at(pair, "$.ct").unwrap().reason.contains(says), "{seal:?}: {}", at(pair, "$.ct").unwrap().reason);
            assert_eq!(relation(pair, "$.session"), Some(Relation::KeepsLength), "{seal:?}");
            assert_eq!(relation(pair, "$.install"), Some(Relation::CarriesNoText), "{seal:?}");
            // Times and identifiers: nobody can tell, for no text was sent twice.
            assert_eq!(
                (relation(pair, "$.at"), relation(pair, "$.id")),
                (Some(Relation::Untold), Some(Relation::Untold))
            );
            assert!(pair.says[0].starts_with("The text travels in json $.ct"), "{:?}", pair.says);
            assert!(!pair.says.iter().any(|says| says.contains("varies with the text, too")), "{:?}", pair.says);
        }
        assert!(report.weaknesses.is_empty(), "{:?}", report.weaknesses);
        let control = report.claims[0].coverage.control.as_deref().unwrap_or_default();
        assert!(control.contains("whose length follows that of \"t"), "{seal:?}: {control}");
        // Positive evidence: that field, and no other, is encrypted rather than random-looking.
        let opaque = || report.flows.iter().flat_map(|flow| &flow.opaque);
        assert!(opaque().filter(|p| p.trail.contains("$.ct")).all(|p| p.opacity == Opacity::Encrypted), "{seal:?}");
        assert!(
            opaque().filter(|p| !p.trail.contains("$.ct")).all(|p| p.opacity == Opacity::RandomLooking),
            "{seal:?}"
        );
    }
}

#[test]
fn a_second_place_that_varies_with_the_text_is_told() {
    let report = runs(&[0, 1, 2, 3, 4, 5], Seal::Gcm, Log::Sealed, true);
    let pair = &report.pairs[0];
    assert_eq!(relation(pair, "$.blob"), Some(Relation::FollowsLength), "{:?}", pair.changes);
    let too = pair.says.iter().find(|says| says.contains("varies with the text, too")).unwrap();
    assert!(too.contains("in.adzebra.example, which nobody listed"), "{too}");
    // A field that goes elsewhere is no breach: it was not read.
    assert!(report.sightings.iter().all(|sighting| sighting.planted.is_none()), "{:?}", report.sightings);
}

#[test]
fn two_runs_say_what_they_cannot_tell() {
    let report = runs(&[0, 1], Seal::Gcm, Log::Session, true);
    let pair = &report.pairs[0];
    assert_eq!(relation(pair, "$.ct"), Some(Relation::MayFollowLength), "{:?}", pair.changes);
    assert!(pair.says.iter().any(|says| says.contains("would rule out chance")), "{:?}", pair.says);
    assert!(pair.says.iter().any(|says| says.contains("No two runs have the same text")), "{:?}", pair.says);
    let opaque = || report.flows.iter().flat_map(|flow| &flow.opaque);
    assert!(opaque().all(|payload| payload.opacity == Opacity::RandomLooking), "one difference is no law");
}

#[test]
fn what_depends_on_the_text_is_told_apart_from_what_changes_by_itself() {
    let report = runs(&[0, 1, 0, 1], Seal::Padded, Log::Vowels, true);
    let pair = &report.pairs[0];
    assert_eq!(relation(pair, "$.v"), Some(Relation::DependsOnText), "{:?}", pair.changes);
    assert_eq!((relation(pair, "$.at"), relation(pair, "$.id")), (Some(Relation::Noise), Some(Relation::Noise)));
    // Padded: nothing follows, and nothing is called encrypted for it.
    assert_eq!(relation(pair, "$.ct"), Some(Relation::KeepsLength), "{:?}", pair.changes);
    assert!(report.sightings.iter().all(|sighting| sighting.planted.is_none()), "a fact is no sighting");
    // Between runs of the same text it does not change, and is not told.
    assert_eq!(relation(&report.pairs[1], "$.v"), None);
}

#[test]
fn an_initial_value_that_stays_is_told_and_equal_ciphertext_judged() {
    let report = runs(&[0, 1, 0], Seal::FixedCbc, Log::Session, true);
    assert_eq!(relation(&report.pairs[0], "$.iv"), Some(Relation::SameNonce), "{:?}", report.pairs[0].changes);
    assert_eq!(relation(&report.pairs[1], "$.ct"), Some(Relation::EqualCiphertext), "{:?}", report.pairs[1].changes);
    let fresh = runs(&[0, 1, 0], Seal::Cbc, Log::Session, true);
    assert!(
        fresh
            .pairs
            .iter()
            .flat_map(|pair| &pair.changes)
            .all(|change| { !matches!(change.relation, Relation::SameNonce | Relation::EqualCiphertext) })
    );
}

#[test]
fn what_is_the_same_for_every_text_is_no_control() {
    // The app signs on with a long opaque constant and sends nothing: undeclared, that would pass for the message.
    let kept = runs(&[3, 3], Seal::Gcm, Log::Vowels, false);
    let e2ee = |report: &ScenarioReport| {
        let judged = report.claims.iter().find(|judged| judged.claim.id == "e2ee").unwrap();
        (judged.verdict, judged.reason.clone())
    };
    let install = |report: &ScenarioReport| relation(&report.pairs[0], "$.install");
    assert_eq!(install(&kept), None, "the same text: nothing can be said of it");
    assert_eq!(e2ee(&kept).0, VerdictKind::Consistent, "{}", e2ee(&kept).1);
    let told = runs(&[3, 1], Seal::Gcm, Log::Vowels, false);
    assert_eq!(install(&told), Some(Relation::CarriesNoText), "{:?}", told.pairs[0].changes);
    assert_eq!(e2ee(&told).0, VerdictKind::Inconclusive);
    assert!(e2ee(&told).1.contains("the same whichever text was sent"), "{}", e2ee(&told).1);
}
