//! End-to-end envelopes of real implementations, through the whole line.

use data_encoding::BASE64;
use plainsight::field::decoder::DECODERS;
use plainsight::field::{message_of, walk};
use plainsight::message::protocol::PROTOCOLS;
use plainsight::model::report::ScenarioReport;
use plainsight::model::verdict::VerdictKind;
use plainsight::sighting::envelope;
use plainsight::{pipeline, scenario, verdict};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const TEXT: &str = "The heron lands at dusk";

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/envelopes");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.iter().filter(|path| !name(path).ends_with("md")).map(|path| (name(path), fs::read(path).unwrap())).collect()
}

/// Registry name of what a fixture holds; `None` for what must not be called an envelope.
fn holds(file: &str) -> Option<&str> {
    match file {
        // It gives the group's keys away; it seals nothing.
        "signal-sender-key-distribution.bin" => None,
        // Inside a map the tag is not seen.
        "cose-map.cbor" => None,
        _ if file.starts_with("megolm") => Some("olm"),
        _ if file.starts_with("mtproto-secret") => Some("mtproto-secret"),
        _ => file.split('-').next(),
    }
}

fn names(bytes: &[u8], content_type: Option<&str>) -> Vec<&'static str> {
    let message = message_of(bytes, content_type);
    envelope::find(&walk(&message)).iter().map(|seen| seen.name).collect()
}

#[test]
fn every_fixture_is_recognised_bare_and_inside_other_bodies() {
    for (file, bytes) in fixtures() {
        let want = holds(&file);
        assert_eq!(names(&bytes, None).first().copied(), want, "{file}");
        let boxed = format!(r#"{{"to":"ivo","seq":7,"body":"{}"}}"#, BASE64.encode(&bytes));
        assert_eq!(names(boxed.as_bytes(), Some("application/json")).first().copied(), want, "{file} in JSON");
    }
}

#[test]
fn no_sample_of_a_decoder_or_protocol_is_called_an_envelope() {
    for decoder in DECODERS {
        for sample in decoder.samples {
            // A decoder of an envelope has real ones for samples.
            let found = names(sample.bytes, None);
            assert!(found.iter().all(|name| *name == decoder.name), "{} {}: {found:?}", decoder.name, sample.shows);
        }
    }
    for protocol in PROTOCOLS {
        for sample in protocol.samples {
            for bytes in [sample.to_server, sample.to_client] {
                assert_eq!(names(bytes, None), Vec::<&str>::new(), "{}", protocol.name);
            }
        }
    }
}

#[test]
fn every_recogniser_is_in_the_docs_with_its_bound() {
    let docs = include_str!("../../docs/envelopes.md");
    for one in envelope::RECOGNISERS {
        let row = docs.lines().find(|line| line.starts_with(&format!("| `{}` |", one.name))).unwrap();
        assert!(row.contains(&format!("| {} bits |", one.bits)), "{row}");
    }
}

/// One request with this body, to the provider, over TLS that somebody else opened.
fn judge(body: &str, planted: &str) -> ScenarioReport {
    let folder = tempfile::tempdir().unwrap();
    let mut claims = String::new();
    for promise in ["end-to-end-encrypted", "not-collected"] {
        let _ = write!(claims, "[[claim]]\nid = '{promise}'\ntext = 't'\npromise = '{promise}'\ndata = ['messages']\n");
    }
    let text = format!(
        "[app]\nname = 'Chatterly'\n[parties]\nprovider = ['chatterly.example']\n\
         [[planted]]\nid = 'greeting'\ndata = 'messages'\nvalue = '{planted}'\n[[capture]]\npath = 'a.har'\n{claims}"
    );
    let har = serde_json::json!({"log": {"version": "1.2", "creator": {"name": "t"}, "entries": [{
        "startedDateTime": "2026-11-02T09:00:00Z", "serverIPAddress": "127.0.0.9",
        "request": {"method": "POST", "url": "https://api.chatterly.example/v1/send", "httpVersion": "HTTP/1.1", "headers": [],
            "bodySize": body.len(), "postData": {"mimeType": "application/json", "text": body}},
        "response": {"status": 200, "headers": [], "content": {"size": 2, "text": "{}", "mimeType": "application/json"}}}]}});
    fs::write(folder.path().join("scenario.toml"), text).unwrap();
    fs::write(folder.path().join("a.har"), har.to_string()).unwrap();
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap();
    pipeline::run(&scenario, &mut |_| {}).unwrap()
}

fn fixture(name: &str) -> Vec<u8> {
    fixtures().into_iter().find(|(file, _)| file == name).unwrap().1
}

#[test]
fn an_envelope_is_the_control_of_a_promise_and_says_so() {
    let body = format!(r#"{{"to":"ivo","msg":"{}"}}"#, BASE64.encode(&fixture("signal-prekey.bin")));
    let report = judge(&body, TEXT);
    let [flow] = report.flows.as_slice() else { panic!("{:?}", report.flows) };
    let [envelope] = flow.envelopes.as_slice() else { panic!("{:?}", flow.envelopes) };
    assert_eq!((envelope.name, envelope.kind, envelope.longest), ("signal", "PreKeySignalMessage", 32));
    let [payload] = flow.opaque.as_slice() else { panic!("{:?}", flow.opaque) };
    assert_eq!((payload.envelope, payload.opacity.name(), payload.len), (Some("signal"), "encrypted", 32));
    assert!(payload.trail.ends_with("json $.msg > base64 > signal"), "{}", payload.trail);
    let claim = &report.claims[0];
    assert_eq!(claim.verdict, VerdictKind::Consistent, "{}", claim.reason);
    assert!(claim.reason.contains("an envelope (signal) of 32 bytes"), "{}", claim.reason);
}

/// Every kind of envelope, one message each: its ciphertext is what the flow shows, and none is longer than its field.
#[test]
fn the_ciphertext_of_each_envelope_is_what_counts() {
    for (file, bytes) in fixtures() {
        let Some(want) = holds(&file) else { continue };
        let text = String::from_utf8(bytes.clone()).ok();
        let body = match text {
            Some(text) if !file.ends_with("eml") => serde_json::json!({ "to": "ivo", "msg": text }),
            _ => serde_json::json!({ "to": "ivo", "msg": BASE64.encode(&bytes) }),
        };
        let report = judge(&body.to_string(), "dusk at sea");
        let [flow] = report.flows.as_slice() else { panic!("{file}: {:?}", report.flows) };
        let seals = !matches!(file.as_str(), "mls-key-package.bin" | "mls-public.bin" | "mls-welcome.bin");
        let payload = flow.opaque.iter().find(|payload| payload.envelope == Some(want));
        assert_eq!(payload.is_some(), seals, "{file}: {:?} {:?}", flow.envelopes, flow.opaque);
        if let Some(payload) = payload {
            assert!((16..bytes.len() as u64).contains(&payload.len), "{file}: {}", payload.len);
            assert_eq!(payload.opacity.name(), "encrypted", "{file}");
        }
        assert!(flow.envelopes.iter().any(|envelope| envelope.name == want), "{file}");
    }
}

/// Readable text in the dress of an envelope is seen, and the dress is not taken for one.
#[test]
fn an_envelope_hides_nothing() {
    let mut olm = fixture("olm-normal.bin");
    let at = olm.len() - 8 - 32;
    olm[at..at + 32].copy_from_slice(b"The heron lands at dusk, and we.");
    let report = judge(&format!(r#"{{"msg":"{}"}}"#, BASE64.encode(&olm)), TEXT);
    assert_eq!(report.claims[0].verdict, VerdictKind::Contradicted);
    assert!(report.flows[0].envelopes.is_empty() && report.flows[0].opaque.iter().all(|p| p.envelope.is_none()));
}

/// A key that travels with an envelope opens it as it opens anything.
#[test]
fn an_envelope_whose_key_travels_along_is_broken_open() {
    use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
    let (key, iv) = ([0x5a_u8; 32].map(|b| b.wrapping_mul(37)), *b"\x10\x9f\x33\x71\xc2\x04\x88\xd1\x6b\xea\x57\x0c");
    let url = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
    let header = url(br#"{"alg":"dir","enc":"A256GCM"}"#);
    let mut text = format!(r#"{{"kind":"text","text":"{TEXT}"}}"#).into_bytes();
    let cipher = aes_gcm::Aes256Gcm::new_from_slice(&key).unwrap();
    let tag = cipher.encrypt_inout_detached((&iv).into(), header.as_bytes(), text.as_mut_slice().into()).unwrap();
    let jwe = format!("{header}..{}.{}.{}", url(&iv), url(&text), url(&tag));
    assert_eq!(names(format!(r#"{{"msg":"{jwe}"}}"#).as_bytes(), None), ["jwe"]);
    let report = judge(&format!(r#"{{"msg":"{jwe}","key":"{}"}}"#, BASE64.encode(&key)), TEXT);
    assert_eq!(report.claims[0].verdict, VerdictKind::Contradicted, "{}", report.claims[0].reason);
    assert!(
        report.flows[0].opaque.iter().all(|payload| payload.len < 20 || payload.opacity.name() == "weakly-encrypted")
    );
}

/// The upright group messenger, after a change to its scenario file.
fn choir(change: impl Fn(&str) -> String, strip_keys: bool) -> Vec<(String, VerdictKind, String)> {
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/choir");
    let folder = tempfile::tempdir().unwrap();
    for file in ["capture.pcapng", "forged.pcapng"] {
        let mut bytes = fs::read(bundled.join(file)).unwrap();
        if strip_keys {
            bytes = without_secrets(&bytes);
        }
        fs::write(folder.path().join(file), bytes).unwrap();
    }
    let text = fs::read_to_string(bundled.join("scenario.toml")).unwrap();
    fs::write(folder.path().join("scenario.toml"), change(&text)).unwrap();
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap();
    let report = pipeline::run(&scenario, &mut |_| {}).unwrap();
    report.claims.into_iter().map(|judged| (judged.claim.id, judged.verdict, judged.reason)).collect()
}

/// A pcapng without its Decryption Secrets Blocks (type 10).
fn without_secrets(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some((head, _)) = rest.split_first_chunk::<8>() {
        let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
        let (block, tail) = rest.split_at(word(4) as usize);
        if word(0) != 10 {
            out.extend_from_slice(block);
        }
        rest = tail;
    }
    assert!(out.len() < bytes.len());
    out
}

#[test]
fn an_upright_group_messenger_earns_every_verdict() {
    use VerdictKind::{Consistent, Inconclusive, Weakened};
    let found = |change: &dyn Fn(&str) -> String, strip: bool| {
        let judged = choir(change, strip);
        let kinds: Vec<VerdictKind> = judged.iter().map(|(_, kind, _)| *kind).collect();
        (kinds, judged.into_iter().map(|(id, _, reason)| format!("{id}: {reason}")).collect::<Vec<_>>())
    };
    let same = |text: &str| text.to_owned();
    let (kinds, reasons) = found(&same, false);
    assert_eq!(kinds, [Consistent; 5], "{reasons:#?}");
    assert!(reasons[0].contains("an envelope (mls) of"), "{}", reasons[0]);
    assert!(reasons[3].contains("refused forged certificates of api.choir.example"), "{}", reasons[3]);
    // Without keys nothing inside was read, refusals among it: only what travels sealed can still be told.
    let (kinds, reasons) = found(&same, true);
    assert_eq!(kinds, [Inconclusive, Inconclusive, Consistent, Inconclusive, Consistent], "{reasons:#?}");
    assert!(reasons[1].contains("how a connection of the test to api.choir.example ended"), "{}", reasons[1]);
    // Without its test, pinning is not known; and without the declaration neither.
    for take in ["\n[[capture]]\npath = \"forged.pcapng\"\ncertificate = \"forged\"\n", "certificate = \"forged\"\n"] {
        let (kinds, reasons) = found(&|text| text.replace(take, ""), false);
        assert_eq!(kinds[3], Inconclusive, "{reasons:#?}");
    }
    // Were the genuine capture the test, the app would have been fooled.
    let fooled = |text: &str| {
        text.replace("certificate = \"forged\"\n", "")
            .replace("path = \"capture.pcapng\"\n", "path = \"capture.pcapng\"\ncertificate = \"forged\"\n")
    };
    let (kinds, reasons) = found(&fooled, false);
    assert_eq!((kinds[1], kinds[3]), (Weakened, VerdictKind::Contradicted), "{reasons:#?}");
}
