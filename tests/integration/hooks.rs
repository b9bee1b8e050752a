//! Keys that hooks in the app logged: they better a control, and nothing else.

use data_encoding::{BASE64, HEXLOWER};
use plainsight::model::flow::{Flow, OPENED};
use plainsight::model::opacity::Opacity;
use plainsight::model::report::ScenarioReport;
use plainsight::model::scenario::Planted;
use plainsight::model::taxonomy::Data;
use plainsight::model::verdict::VerdictKind;
use plainsight::pipeline::Inspection;
use plainsight::{pipeline, scenario, verdict};
use plainsight_traffic::capture::{Capture, Exchange};
use plainsight_traffic::http;
use std::fs;

const TEXT: &str = "The heron lands at dusk";
const CONTROL: &str = "the planted text \"greeting\" itself, sealed by the app before it was sent, in 2 places";

/// A key that never travels.
fn key() -> [u8; 16] {
    std::array::from_fn(|at| u8::try_from(at * 53 % 251).unwrap() ^ 0x5c)
}

fn iv(n: u8) -> [u8; 16] {
    std::array::from_fn(|at| u8::try_from(at).unwrap().wrapping_mul(29) ^ n.wrapping_mul(77) ^ 0x35)
}

/// AES-128-CBC as Java makes it, with PKCS#7 padding.
fn seal(iv: [u8; 16], text: &str) -> Vec<u8> {
    use cbc::cipher::{Array, BlockModeEncrypt as _, KeyIvInit as _};
    let mut text = text.as_bytes().to_vec();
    let pad = 16 - text.len() % 16;
    text.resize(text.len() + pad, u8::try_from(pad).unwrap());
    let mut mode = cbc::Encryptor::<aes::Aes128>::new_from_slices(&key(), &iv).unwrap();
    let (blocks, _) = Array::slice_as_chunks_mut(&mut text);
    mode.encrypt_blocks(blocks);
    text
}

/// Two messages over TLS, each sealed by the app; `sent` is what goes before the ciphertext.
fn capture(text: &str, iv: &dyn Fn(u8) -> [u8; 16], sent: bool) -> Vec<u8> {
    let exchange = |n: u8| {
        let inner = format!(r#"{{"kind":"text","text":"{text}","n":{n},"room":"the one by the old mill"}}"#);
        let front = if sent { iv(n).to_vec() } else { Vec::new() };
        let body = format!(r#"{{"to":"ivo","ct":"{}"}}"#, BASE64.encode(&[front, seal(iv(n), &inner)].concat()));
        let post = http::post("api.chatterly.example", "/v1/send", "application/json", body.as_bytes());
        Exchange::new(post, http::ok("application/json", b"{}"))
    };
    Capture::new(7).tls_http("api.chatterly.example", "127.0.0.9", &[exchange(1), exchange(2)]).pcapng()
}

fn judge(capture: &[u8], log: Option<&str>) -> Result<ScenarioReport, String> {
    let folder = tempfile::tempdir().unwrap();
    let hooks = if log.is_some() { "hooks = 'stand_in_aes_info.json'\n" } else { "" };
    let text = format!(
        "[app]\nname = 'Chatterly'\n[parties]\nprovider = ['chatterly.example']\n\
         [[planted]]\nid = 'greeting'\ndata = 'messages'\nvalue = '{TEXT}'\n\
         [[claim]]\nid = 'e2ee'\ntext = 't'\npromise = 'end-to-end-encrypted'\ndata = ['messages']\n\
         [[claim]]\nid = 'none'\ntext = 't'\npromise = 'not-collected'\ndata = ['messages']\n\
         [[capture]]\npath = 'a.pcapng'\n{hooks}"
    );
    fs::write(folder.path().join("scenario.toml"), text).unwrap();
    fs::write(folder.path().join("a.pcapng"), capture).unwrap();
    if let Some(log) = log {
        fs::write(folder.path().join("stand_in_aes_info.json"), log).unwrap();
    }
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap_or_else(|e| panic!("{e}"));
    pipeline::run(&scenario, &mut |_| {}).map_err(|error| error.to_string())
}

/// A log of one key; `more` are further fields.
fn log(key: &[u8], more: &str) -> String {
    let key = HEXLOWER.encode(key);
    format!(
        r#"[{{"type":"aes_info","process":"org.chatterly.app","data":{{"algorithm":"AES/CBC/PKCS5Padding","key":"{key}"{more}}}}}]"#
    )
}

fn opened(report: &ScenarioReport) -> Vec<&str> {
    let facts = report.flows.iter().flat_map(|flow| &flow.facts);
    facts.filter(|fact| fact.name == OPENED).map(|fact| fact.value.as_str()).collect()
}

/// All that hooks may not change: verdicts, sightings, weaknesses.
fn held(report: &ScenarioReport) -> (Vec<VerdictKind>, usize, usize) {
    let verdicts = report.claims.iter().map(|judged| judged.verdict).collect();
    (verdicts, report.sightings.len(), report.weaknesses.len())
}

fn opacities(flow: &Flow) -> Vec<Opacity> {
    flow.opaque.iter().map(|payload| payload.opacity).collect()
}

#[test]
fn logged_keys_name_the_control_and_are_never_a_sighting() {
    let packets = capture(TEXT, &iv, true);
    let without = judge(&packets, None).unwrap();
    assert_eq!(without.claims[0].verdict, VerdictKind::Consistent, "{}", without.claims[0].reason);
    assert!(without.claims[0].reason.contains("an opaque payload"), "{}", without.claims[0].reason);
    assert_eq!(held(&without).1, 0, "{:?}", without.sightings);
    let with = judge(&packets, Some(&log(&key(), ""))).unwrap();
    assert_eq!(held(&with), held(&without));
    assert_eq!(opened(&with), ["AES/CBC: greeting"]);
    assert!(with.claims[0].reason.contains(CONTROL), "{}", with.claims[0].reason);
    assert_eq!(with.claims[0].coverage.control.as_deref(), Some(CONTROL));
    assert_eq!(opacities(&without.flows[0]), [Opacity::RandomLooking; 2]);
    assert_eq!(opacities(&with.flows[0]), [Opacity::Encrypted; 2]);
    assert!(with.inputs.iter().any(|input| input.format == "hooks" && input.name == "stand_in_aes_info.json"));
    assert!(!format!("{with:?}").contains(&HEXLOWER.encode(&key())), "keys are never printed");
    let error = judge(&packets, Some("[{\"local_port\":1}]")).unwrap_err();
    assert!(error.contains("not a log of AES calls"), "{error}");
}

#[test]
fn inspection_takes_logs_of_hooks_and_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.pcapng"), capture(TEXT, &iv, true)).unwrap();
    fs::write(path("aes_info.json"), log(&key(), "")).unwrap();
    let inspect = |hooks, sockets| {
        let planted = vec![Planted { id: "greeting".into(), data: Data::Messages, value: TEXT.into() }];
        let inspection = Inspection { files: vec![path("a.pcapng")], hooks, sockets, planted, ..Inspection::default() };
        pipeline::inspect(&inspection, &mut |_| {}).unwrap()
    };
    let bare = inspect(None, None);
    let client = bare.flows[0].key.client.port;
    let trace = format!(
        r#"{{"process":"org.chatterly.app","timestamp":{},"data":{{"local_port":{client},"dest_ip":"127.0.0.9","dest_port":443}}}}"#,
        bare.flows[0].first_seen.0 / 1_000_000
    );
    fs::write(path("socket_trace.json"), trace).unwrap();
    let told = inspect(Some(path("aes_info.json")), Some(path("socket_trace.json")));
    assert_eq!(opened(&bare).len(), 0);
    assert_eq!(opened(&told).len(), 1, "{:?}", told.flows[0].facts);
    assert_eq!(told.flows[0].app.as_deref(), Some("org.chatterly.app"));
}

#[test]
fn a_wrong_key_changes_nothing() {
    let packets = capture(TEXT, &iv, true);
    let without = judge(&packets, None).unwrap();
    let mut wrong = key();
    wrong[5] ^= 1;
    let with = judge(&packets, Some(&log(&wrong, ""))).unwrap();
    assert_eq!((with.flows, with.claims, with.sightings), (without.flows, without.claims, without.sightings));
}

#[test]
fn an_initial_value_that_does_not_travel_is_taken_from_the_log() {
    let packets = capture(TEXT, &iv, false);
    let entries: Vec<String> = (1..=2).map(|n| log(&key(), &format!(r#","iv":"{}""#, BASE64.encode(&iv(n))))).collect();
    let with = judge(&packets, Some(&entries.join("\n"))).unwrap();
    assert_eq!(opened(&with), ["AES/CBC: greeting"]);
    assert!(with.claims[0].reason.contains(CONTROL), "{}", with.claims[0].reason);
}

#[test]
fn the_logged_text_opens_as_well_and_controls_nothing() {
    let packets = capture("see you at the gate", &iv, true);
    let plain = r#"{"kind":"text","text":"see you at the gate","n":2,"room":"the one by the old mill"}"#;
    let without = judge(&packets, None).unwrap();
    let with = judge(&packets, Some(&log(&key(), &format!(r#","in":{}"#, serde_json::json!(plain))))).unwrap();
    assert_eq!(opened(&with), ["AES/CBC: nothing planted"]);
    assert_eq!(held(&with), held(&without));
    assert!(!with.claims[0].reason.contains("sealed by the app"), "{}", with.claims[0].reason);
    assert_eq!(opacities(&with.flows[0]).iter().filter(|class| **class == Opacity::Encrypted).count(), 1);
}

#[test]
fn a_fixed_initial_value_is_told_and_makes_no_better_control() {
    let packets = capture(TEXT, &|_| [0; 16], false);
    let without = judge(&packets, None).unwrap();
    let with = judge(&packets, Some(&log(&key(), r#","iv":"00000000000000000000000000000000""#))).unwrap();
    assert_eq!(opened(&with), ["AES/CBC: greeting"]);
    assert_eq!(held(&with), held(&without));
    assert!(!with.claims[0].reason.contains("sealed by the app"), "{}", with.claims[0].reason);
    assert_eq!(opacities(&with.flows[0]), opacities(&without.flows[0]));
}
