//! Apps that leak in ways that a careless reader overlooks, and honest ones that look like them: what may not pass, and
//! what may not be blamed.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use data_encoding::{BASE64, HEXLOWER};
use plainsight::model::report::ScenarioReport;
use plainsight::model::verdict::VerdictKind::{self, Consistent, Contradicted, Inconclusive};
use plainsight::{pipeline, scenario, verdict};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

const TEXT: &str = "The heron lands at dusk";
const API: &str = "https://api.chatterly.example/v1/send";
const THIRD: &str = "https://t.adzebra.example/e";

/// Bytes that look random, other ones for each seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::new();
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes());
    }
    out.truncate(len);
    out
}

/// One request with a body, and its answer.
fn post(url: &str, headers: &[(&str, String)], body: &Value, answer: &Value) -> Value {
    let headers: Vec<Value> = headers.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let (body, answer) = (body.to_string(), answer.to_string());
    json!({
        "startedDateTime": "2026-11-02T09:00:00Z", "serverIPAddress": "203.0.113.9",
        "request": {
            "method": "POST", "url": url, "httpVersion": "HTTP/1.1", "headers": headers, "bodySize": body.len(),
            "postData": {"mimeType": "application/json", "text": body},
        },
        "response": {
            "status": 200, "headers": [],
            "content": {"size": answer.len(), "mimeType": "application/json", "text": answer},
        },
    })
}

fn send(url: &str, body: &Value) -> Value {
    post(url, &[], body, &json!({"ok": true}))
}

fn judge(promises: &[&str], (data, value): (&str, &str), entries: &[Value]) -> ScenarioReport {
    let mut text = format!(
        "[app]\nname = 'Chatterly'\n[parties]\nprovider = ['chatterly.example']\n[parties.third]\n\
         AdZebra = ['adzebra.example']\n[[planted]]\nid = 'it'\ndata = '{data}'\nvalue = {value:?}\n\
         [[capture]]\npath = 'a.har'\n"
    );
    for promise in promises {
        let _ = write!(text, "[[claim]]\nid = '{promise}'\ntext = 't'\npromise = '{promise}'\ndata = ['{data}']\n");
    }
    let har = json!({"log": {"version": "1.2", "creator": {"name": "t"}, "entries": entries}});
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("scenario.toml"), text).unwrap();
    fs::write(folder.path().join("a.har"), har.to_string()).unwrap();
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap();
    pipeline::run(&scenario, &mut |_| {}).unwrap()
}

/// What a message of an honest app looks like.
fn sealed() -> Value {
    send(API, &json!({"to": "u81", "c": BASE64.encode(&noise(1, 80))}))
}

const PROMISES: [&str; 3] = ["end-to-end-encrypted", "not-collected", "not-shared-with-third-parties"];

fn verdicts(entries: &[Value]) -> [VerdictKind; 3] {
    let report = judge(&PROMISES, ("messages", TEXT), entries);
    [0, 1, 2].map(|at| report.claims[at].verdict)
}

#[test]
fn opaque_payloads_to_others_leave_every_promise_that_keeps_data_from_them_open() {
    assert_eq!(verdicts(&[sealed()]), [Consistent; 3]);
    let bytes = noise(2, 200);
    let coded = BASE64.encode(&bytes);
    for hidden in [
        json!({"d": coded}),
        json!({"d": format!("v2:{coded}")}),
        json!({"d": format!("{}:{}", HEXLOWER.encode(&noise(3, 16)), HEXLOWER.encode(&bytes))}),
        json!({"d": format!("{{cipher}}{coded}")}),
        json!({"d": bytes}),
        json!({"d": {"type": "Buffer", "data": bytes}}),
        json!({"d": {"type": "Buffer", "data": bytes.iter().map(|b| i8::from_le_bytes([*b])).collect::<Vec<_>>()}}),
    ] {
        assert_eq!(verdicts(&[sealed(), send(THIRD, &hidden)]), [Inconclusive; 3], "{hidden}");
    }
    let report = judge(&PROMISES, ("messages", TEXT), &[sealed(), send(THIRD, &json!({"d": coded}))]);
    let reason = &report.claims[0].reason;
    assert!(reason.contains("1 opaque payload to the third party AdZebra (t.adzebra.example), up to 200"), "{reason}");
}

/// The class of a field is that of most of it; what hides in the rest goes to whoever gets the field.
#[test]
fn noise_in_what_reads_otherwise_leaves_promises_open() {
    let text = "level=info screen=chat took=12 ms, state kept, nothing to see here\n";
    let mixed = |before: usize, len: usize, after: usize| {
        let bytes = [text.repeat(before).into_bytes(), noise(11, len), text.repeat(after).into_bytes()].concat();
        send(THIRD, &json!({"log": BASE64.encode(&bytes)}))
    };
    for (before, len, after) in [(2, 1_000, 0), (10, 150, 10), (300, 4_000, 0), (90, 600, 400)] {
        let told = verdicts(&[sealed(), mixed(before, len, after)]);
        assert_eq!(told[2], Inconclusive, "{before} {len} {after}: {told:?}");
    }
    // Noise in a text that is none.
    let percent: String = noise(13, 200).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    });
    let told = verdicts(&[sealed(), send(&format!("{THIRD}?d={percent}"), &json!({"e": 1}))]);
    assert_eq!(told[2], Inconclusive, "percent-encoded: {told:?}");
    // Archives of which only the beginning is one.
    for start in [&b"7z\xbc\xaf\x27\x1c\0\x04"[..], b"Rar!\x1a\x07\x01\0", b"SQLite format 3\0"] {
        let bytes = [start, &noise(12, 900)].concat();
        let told = verdicts(&[sealed(), send(THIRD, &json!({"file": BASE64.encode(&bytes)}))]);
        assert_eq!(told[2], Inconclusive, "{start:?}: {told:?}");
    }
    // Text alone, and text in an older charset, hide nothing; short tokens behind it neither.
    let latin: Vec<u8> = "Le héron se pose au crépuscule près du vieux moulin. "
        .repeat(8)
        .chars()
        .map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?'))
        .collect();
    for honest in [mixed(40, 0, 0), mixed(3, 32, 3), send(THIRD, &json!({"log": BASE64.encode(&latin)}))] {
        assert_eq!(verdicts(&[sealed(), honest.clone()]), [Consistent; 3], "{honest}");
    }
}

#[test]
fn what_is_explained_leaves_nothing_open() {
    let token = json!({"session": BASE64.encode(&noise(4, 96))});
    let given = post(THIRD, &[], &json!({"hello": 1}), &token);
    let url = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
    let claims = br#"{"sub":"u81","exp":1790000000}"#;
    let jwt = format!("{}.{}.{}", url(br#"{"alg":"RS256"}"#), url(claims), url(&noise(5, 256)));
    let bearer = ("Authorization", format!("Bearer {jwt}"));
    for (name, entries) in [
        ("what the third party gave", vec![given, send(THIRD, &token)]),
        ("a signed token", vec![send(THIRD, &json!({"id_token": jwt}))]),
        ("a signed token, where they stand", vec![post(THIRD, &[bearer], &json!({"e": 1}), &json!({}))]),
        ("short tokens", vec![send(THIRD, &json!({"d": BASE64.encode(&noise(6, 32))}))]),
        (
            "a push token",
            vec![send(THIRD, &json!({"push": format!("{}:APA91b{}", url(&noise(7, 16)), url(&noise(8, 100)))}))],
        ),
    ] {
        let entries: Vec<Value> = std::iter::once(sealed()).chain(entries).collect();
        assert_eq!(verdicts(&entries)[..2], [Consistent; 2], "{name}");
    }
}

/// Systems ask whether a certificate is still good, and send hashes of its issuer's names. A longer nonce may be anything.
#[test]
fn a_question_about_a_certificate_hides_nothing() {
    let der = |tag: u8, inside: &[u8]| [&[tag, u8::try_from(inside.len()).unwrap()][..], inside].concat();
    let question = |nonce: usize| {
        let algorithm = der(0x30, b"\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00");
        let (name, key) = (der(4, &noise(31, 20)), der(4, &noise(32, 20)));
        let certificate = der(0x30, &[algorithm, name, key, der(2, &noise(33, 16))].concat());
        let list = der(0x30, &der(0x30, &certificate));
        let extension = [b"\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x02".to_vec(), der(4, &noise(34, nonce))].concat();
        let more = if nonce > 0 { der(0xa2, &der(0x30, &der(0x30, &extension))) } else { Vec::new() };
        der(0x30, &der(0x30, &[list, more].concat()))
    };
    for (nonce, want) in [(0, Consistent), (4, Consistent), (32, Inconclusive)] {
        let asked = BASE64.encode(&question(nonce)).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let mut entry = send(&format!("http://ocsp.adzebra.example/{asked}"), &json!({}));
        entry["request"]["method"] = json!("GET");
        let request = entry["request"].as_object_mut().unwrap();
        request.remove("postData");
        request.remove("bodySize");
        assert_eq!(verdicts(&[sealed(), entry])[2], want, "in the path, a nonce of {nonce}");
        let mut entry = send("http://ocsp.adzebra.example/", &json!({}));
        let text = BASE64.encode(&question(nonce));
        entry["request"]["bodySize"] = json!(question(nonce).len());
        entry["request"]["postData"] =
            json!({"mimeType": "application/ocsp-request", "text": text, "encoding": "base64"});
        assert_eq!(verdicts(&[sealed(), entry])[2], want, "as a body, a nonce of {nonce}");
    }
}

#[test]
fn tokens_and_public_keys_do_not_show_that_a_message_was_sent() {
    let random = |seed| BASE64.encode(&noise(seed, 64));
    let bearer = [("Authorization", format!("Bearer {}", random(9)))];
    let cookie = [("Cookie", format!("sid={}", random(9)))];
    let session = json!({"sess": random(10)});
    for (name, entries) in [
        ("a bearer token", vec![post(API, &bearer, &json!({"e": 1}), &json!({}))]),
        ("a cookie", vec![post(API, &cookie, &json!({"e": 1}), &json!({}))]),
        ("public keys", vec![send(API, &json!({"identityKey": random(11), "signed_prekey": {"sig": random(12)}}))]),
        (
            "a name of a file",
            vec![send(&format!("https://cdn.chatterly.example/{}", "0a1b2c3d".repeat(8)), &json!({}))],
        ),
        ("an identifier", vec![send(API, &json!({"installation_id": random(13)}))]),
        ("what the server gave", vec![post(API, &[], &json!({"login": 1}), &session), send(API, &session)]),
    ] {
        let report = judge(&PROMISES[..1], ("messages", TEXT), &entries);
        assert_eq!(report.claims[0].verdict, Inconclusive, "{name}: {}", report.claims[0].reason);
    }
}

/// The value in other characters that read the same.
#[test]
fn a_value_is_the_same_value_in_other_characters() {
    let wide = |text: &str| -> String {
        text.chars()
            .map(|c| if c == ' ' { '\u{3000}' } else { char::from_u32(u32::from(c) + 0xfee0).unwrap() })
            .collect()
    };
    let script = |text: &str, zero: u32| -> String {
        text.chars().map(|c| c.to_digit(10).and_then(|d| char::from_u32(zero + d)).unwrap_or(c)).collect()
    };
    let (text, phone) = (("messages", TEXT), ("phone-number", "+12025550143"));
    let typed = ("messages", "it's Nora's heron -- at dusk...");
    let arabic = ("messages", "مرحبا يا نورا");
    for (name, planted, sent) in [
        ("full width", text, wide(TEXT)),
        ("no-break spaces", text, TEXT.replace(' ', "\u{a0}")),
        ("line breaks", text, TEXT.replace(' ', "\r\n  ")),
        ("zero-width spaces", text, TEXT.chars().flat_map(|c| [c, '\u{200b}']).collect()),
        ("soft hyphen", text, TEXT.replace("heron", "he\u{ad}ron")),
        ("curly quotes and long dashes", typed, "it\u{2019}s Nora\u{2019}s heron \u{2014} at dusk\u{2026}".into()),
        ("stretched letters", arabic, "مرحـــبا يا نورا".into()),
        ("upper case of another script", ("name", "привет, Нора"), "Привет, НОРА".into()),
        ("half-width katakana", ("name", "ヘロンガナク"), "ﾍﾛﾝｶﾞﾅｸ".into()),
        ("full-width number", phone, wide("+12025550143")),
        ("Arabic-Indic digits", phone, script("+12025550143", 0x660)),
        ("Persian digits", phone, script("12025550143", 0x6f0)),
        ("Devanagari digits", phone, script("+1 202 555 0143", 0x966)),
        ("marks of direction", phone, "\u{2066}+1\u{a0}(202)\u{a0}555\u{2011}0143\u{2069}".into()),
    ] {
        let entries = [sealed(), send(THIRD, &json!({"n": 1, "m": format!("x: {sent}.")}))];
        let report = judge(&PROMISES[2..], planted, &entries);
        assert_eq!(report.claims[0].verdict, Contradicted, "{name}: {sent}");
        let [seen] = report.sightings.as_slice() else { panic!("{name}: {:#?}", report.sightings) };
        assert!(seen.form.starts_with("in other characters"), "{name}: {}", seen.form);
    }
    // And typed in other characters than it is sent in.
    let curly = ("messages", "it\u{2019}s Nora\u{2019}s heron");
    let report = judge(&PROMISES[2..], curly, &[sealed(), send(THIRD, &json!({"m": "it's Nora's heron"}))]);
    assert_eq!(report.claims[0].verdict, Contradicted);
}

#[test]
fn what_merely_looks_like_it_is_nobodys() {
    let phone = ("phone-number", "+12025550143");
    for (planted, sent) in [
        (phone, "order \u{ff19}\u{ff12}025550143\u{ff17}"),
        (phone, "\u{669}\u{661}\u{662}\u{660}\u{662}\u{665}\u{665}\u{665}\u{660}\u{661}\u{664}\u{663}"),
        (("name", "Ada!"), "CanAda\u{200b}!"),
        (("messages", TEXT), "The heron\u{a0}stands at dusk"),
    ] {
        let report = judge(&PROMISES[2..], planted, &[sealed(), send(THIRD, &json!({"m": sent}))]);
        assert_eq!(report.claims[0].verdict, Consistent, "{sent}: {:#?}", report.sightings);
    }
}

#[test]
fn bytes_written_as_numbers_are_read() {
    let value = "Où est le héron ?";
    let signed: Vec<i8> = value.bytes().map(|byte| i8::from_le_bytes([byte])).collect();
    for body in [json!({"m": value.as_bytes()}), json!({"m": {"data": signed}})] {
        let report = judge(&PROMISES[2..], ("messages", value), &[sealed(), send(THIRD, &body)]);
        assert_eq!(report.claims[0].verdict, Contradicted, "{body}");
        assert_eq!(report.sightings.len(), 1, "{:#?}", report.sightings);
    }
}

/// Programs that format coordinates for people send them as the phone's language writes numbers.
#[test]
fn a_place_is_the_same_place_in_another_languages_numbers() {
    let place = ("precise-location", "48.8583701,2.2944813");
    for (lat, lon) in [
        ("48,8583701", "2,2944813"),
        ("\u{664}\u{668}\u{66b}\u{668}\u{665}\u{668}\u{664}", "\u{662}\u{66b}\u{662}\u{669}\u{664}\u{665}"),
    ] {
        let report = judge(&PROMISES[2..], place, &[sealed(), send(THIRD, &json!({"lat": lat, "lon": lon}))]);
        assert_eq!(report.claims[0].verdict, Contradicted, "{lat}");
    }
    let amounts = send(THIRD, &json!({"a": "48,858", "b": "2,294", "c": "48,8583701", "d": "17,2944813"}));
    assert_eq!(judge(&PROMISES[2..], place, &[sealed(), amounts]).claims[0].verdict, Consistent);
}

/// Silence, blank pictures and ramps of colour are no text that somebody hid.
#[test]
fn what_only_repeats_is_not_taken_for_weak_encryption() {
    let ramp: Vec<u8> = (0..4_096_u32).map(|at| (at * 3 % 256).to_le_bytes()[0]).collect();
    let begun = [noise(14, 30), vec![0; 3_000]].concat();
    for (name, bytes) in
        [("silence", vec![0xff; 3_000]), ("a blank picture", vec![0xa0; 3_000]), ("a ramp", ramp), ("padding", begun)]
    {
        let mut upload = send("https://api.chatterly.example/avatar", &json!({}));
        upload["request"]["bodySize"] = json!(bytes.len());
        upload["request"]["postData"] =
            json!({"mimeType": "application/octet-stream", "encoding": "base64", "text": BASE64.encode(&bytes)});
        let report = judge(&PROMISES[..1], ("messages", TEXT), &[sealed(), upload]);
        assert_eq!(report.claims[0].verdict, Consistent, "{name}: {}", report.claims[0].reason);
    }
}

/// Notifications and logs keep the beginning of a message: where it is told apart it was read, and where many texts begin so
/// nobody knows.
#[test]
fn the_beginning_of_a_text_is_the_text_where_its_words_are_rare() {
    let common = "Hello, how are you doing today, Nora dear, see you";
    for (planted, sent, want) in [
        (TEXT, json!({"alert": "The heron lands at d\u{2026}"}), Contradicted),
        (TEXT, json!({"alert": {"body": "Nora: The heron la..."}}), Contradicted),
        (TEXT, json!({"log": "sent text=\"The heron lands at d\" to=3"}), Contradicted),
        (TEXT, json!({"alert": "The\u{a0}heron lands\u{a0}at d\u{2026}"}), Contradicted),
        ("Le héron se pose à l'étang", json!({"log": "Le héron se pose à l'\u{fffd}"}), Contradicted),
        (TEXT, json!({"alert": "The heron"}), Consistent),
        (TEXT, json!({"alert": "The heron lands at dawn"}), Consistent),
        (common, json!({"alert": "Hello, how are you"}), Consistent),
        (common, json!({"alert": "Hello, how are you doing today"}), Consistent),
        (common, json!({"alert": "Hello, how are you do\u{2026}"}), Inconclusive),
    ] {
        let planted = ("messages", planted);
        let report = judge(&PROMISES[2..], planted, &[sealed(), send(THIRD, &json!({"n": 1, "aps": sent}))]);
        let claim = &report.claims[0];
        assert_eq!(claim.verdict, want, "{sent}: {} {:#?}", claim.reason, report.sightings);
        assert_eq!(report.sightings.len(), usize::from(want != Consistent), "{sent}: {:#?}", report.sightings);
        if want == Contradicted {
            assert!(report.sightings[0].form.contains("beginning, "), "{sent}: {}", report.sightings[0].form);
        }
        if want == Inconclusive {
            assert!(claim.reason.contains("may be the beginning of the planted"), "{}", claim.reason);
        }
    }
}

/// Bytes as a program packs them.
fn packed(bytes: &[u8], gzip: bool) -> Vec<u8> {
    let level = flate2::Compression::best();
    if gzip {
        let mut to = flate2::write::GzEncoder::new(Vec::new(), level);
        to.write_all(bytes).unwrap();
        return to.finish().unwrap();
    }
    let mut to = flate2::write::ZlibEncoder::new(Vec::new(), level);
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

#[test]
fn what_is_only_packed_is_no_sign_of_encryption_wherever_it_stands() {
    let note = json!({"to": "u81", "n": [1, 2, 3], "m": TEXT}).to_string();
    let (gzip, zlib) = (packed(note.as_bytes(), true), packed(note.as_bytes(), false));
    let framed = |stream: &[u8]| [&u32::try_from(stream.len()).unwrap().to_be_bytes()[..], stream].concat();
    for (name, bytes) in [
        ("behind a long header", [&noise(11, 40)[..], &gzip].concat()),
        ("behind a longer one", [&noise(12, 900)[..], &gzip].concat()),
        ("two in a row", zlib.repeat(2)),
        ("a backup", [b"ANDROID BACKUP\n5\n1\nnone\n", &zlib[..]].concat()),
        ("raw, behind its length", framed(&zlib[2..zlib.len() - 4])),
        ("records", framed(&zlib).repeat(2_000)),
        ("behind another stream", [packed(b"{\"v\":1}", true), zlib.clone(), noise(13, 60)].concat()),
    ] {
        let entries = [send(API, &json!({"c": BASE64.encode(&bytes)}))];
        assert_eq!(verdicts(&entries)[0], Contradicted, "{name}");
    }
}

#[test]
fn what_is_left_over_behind_an_end_is_weighed() {
    let gzip = packed(json!({"open": true, "v": 3}).to_string().as_bytes(), true);
    assert_eq!(verdicts(&[sealed(), send(THIRD, &json!({"d": BASE64.encode(&gzip)}))]), [Consistent; 3]);
    for len in [200, 3_000] {
        let bytes = [&gzip[..], &noise(14, len)].concat();
        let entries = [sealed(), send(THIRD, &json!({"d": BASE64.encode(&bytes)}))];
        assert_eq!(verdicts(&entries), [Inconclusive; 3], "{len}");
    }
}

/// AES-256-GCM, the nonce in front and the tag behind.
fn gcm(key: &[u8], seed: u64, text: &[u8]) -> Vec<u8> {
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let nonce: [u8; 12] = noise(seed, 12).try_into().unwrap();
    let mut sealed = text.to_vec();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).unwrap();
    [&nonce[..], &sealed].concat()
}

/// Whatever else was sent: identifiers without end make no secret of a key.
#[test]
fn a_key_that_was_sent_is_no_secret_among_many_identifiers() {
    let key = noise(20, 32);
    let message = |at: u64, key: &[u8]| {
        let text = format!("\u{8}\u{1}\u{12}{TEXT} ({at})");
        send(API, &json!({"to": "u81", "n": at, "c": BASE64.encode(&gcm(key, 30 + at, text.as_bytes()))}))
    };
    for many in [0, 60, 300] {
        for (told, want) in [(key.clone(), Contradicted), (noise(21, 32), Consistent)] {
            let items: Vec<Value> = (0..many)
                .map(|at| json!({"id": HEXLOWER.encode(&noise(100 + at, 8)), "token": BASE64.encode(&noise(900 + at, 18))}))
                .collect();
            let feed = post("https://api.chatterly.example/v1/feed", &[], &json!({}), &json!({"items": items}));
            let room =
                post("https://api.chatterly.example/v1/room", &[], &json!({}), &json!({"r": BASE64.encode(&told)}));
            let entries: Vec<Value> = [feed, room].into_iter().chain((0..6).map(|at| message(at, &key))).collect();
            let report = judge(&PROMISES[..1], ("messages", TEXT), &entries);
            assert_eq!(report.claims[0].verdict, want, "{many}: {}", report.claims[0].reason);
        }
    }
}

/// Each letter of a text moved by a key that goes on with each letter.
fn vigenere(text: &str, key: &[u8]) -> String {
    let mut key = key.iter().cycle();
    let mut moved = |letter: char, first: u8| {
        let number = u8::try_from(letter).unwrap() - first;
        char::from(first + (number + key.next().unwrap()) % 26)
    };
    let each = |letter: char| match letter {
        'a'..='z' => moved(letter, b'a'),
        'A'..='Z' => moved(letter, b'A'),
        _ => letter,
    };
    text.chars().map(each).collect()
}

#[test]
fn ciphers_of_pencil_and_paper_hide_nothing() {
    let text = "The heron lands at dusk, bring the blue lantern along";
    let exchanged: String = text
        .chars()
        .map(|letter| match letter {
            'a'..='z' => char::from(b"qwertyuiopasdfghjklzxcvbnm"[usize::from(u8::try_from(letter).unwrap() - b'a')]),
            'A'..='Z' => char::from(b"QWERTYUIOPASDFGHJKLZXCVBNM"[usize::from(u8::try_from(letter).unwrap() - b'A')]),
            _ => letter,
        })
        .collect();
    let swapped = |text: &str| -> String {
        let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        text.chars().map(swap).collect()
    };
    let coded = BASE64.encode(text.as_bytes());
    for (sent, form) in [
        (vigenere(text, &[3]), "caesar cipher, moved by 3"),
        (vigenere(text, &[11, 4, 12, 14, 13]), "vigenere cipher with the key lemon"),
        (exchanged.clone(), "substitution cipher"),
        (exchanged.replace(' ', ""), "substitution cipher"),
        (coded.chars().rev().collect(), "base64, reversed"),
        (swapped(&coded), "base64 with another alphabet"),
    ] {
        let entries = [sealed(), send(THIRD, &json!({"event": "typed", "note": sent}))];
        let report = judge(&PROMISES, ("messages", text), &entries);
        for claim in &report.claims {
            assert_eq!(claim.verdict, Contradicted, "{form}: {}", claim.reason);
        }
        assert!(report.sightings.iter().any(|sighting| sighting.form == form), "{form}: {:?}", report.sightings);
    }
    // Somebody else's text out of the same letters.
    for other in
        ["The raven lands at dawn, bring the grey lantern along", "Gur urera ynaqf bs Oevgnva ner ohfl naq pbyq"]
    {
        let entries = [sealed(), send(THIRD, &json!({"event": "typed", "note": other}))];
        let report = judge(&PROMISES, ("messages", text), &entries);
        assert_eq!([0, 1, 2].map(|at| report.claims[at].verdict), [Consistent; 3], "{other}");
    }
}

/// A text in AES-128-ECB.
fn block_by_block(key: &[u8], plain: &[u8]) -> Vec<u8> {
    let cipher = Aes128::new_from_slice(key).unwrap();
    let mut out = plain.to_vec();
    let pad = 16 - out.len() % 16;
    out.resize(out.len() + pad, u8::try_from(pad).unwrap());
    for block in out.chunks_exact_mut(16) {
        cipher.encrypt_block(block.try_into().unwrap());
    }
    out
}

/// Nobody read it, however poor it is.
#[test]
fn what_is_poorly_sealed_to_others_leaves_promises_open() {
    let key = noise(21, 16);
    let text = format!("{{\"text\":\"{TEXT}\",\"pad\":\"{}\"}}", "a".repeat(90));
    let weak = json!({"d": BASE64.encode(&block_by_block(&key, text.as_bytes()))});
    let report = judge(&PROMISES, ("messages", TEXT), &[sealed(), send(THIRD, &weak)]);
    assert!(report.weaknesses.iter().any(|weakness| weakness.detector == "ecb"), "{:?}", report.weaknesses);
    assert_eq!([1, 2].map(|at| report.claims[at].verdict), [Inconclusive; 2], "{}", report.claims[2].reason);
    // What was undone was read.
    let hidden: Vec<u8> =
        "{\"event\":\"screen_view\",\"screen\":\"chat\",\"took\":12,\"state\":\"kept\",\"battery\":71}"
            .bytes()
            .map(|byte| byte ^ 0xa7)
            .collect();
    let told = verdicts(&[sealed(), send(THIRD, &json!({"d": BASE64.encode(&hidden)}))]);
    assert_eq!([told[1], told[2]], [Consistent; 2]);
}
