//! Two runs of the same action, held against each other.

use data_encoding::BASE64;
use plainsight::model::report::ScenarioReport;
use plainsight::model::verdict::VerdictKind;
use plainsight::{pipeline, scenario, verdict};
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
