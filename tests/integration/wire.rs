//! Places on the wire that hide a text from a reader who does not look there, and honest traffic that uses the same places.

use data_encoding::BASE64;
use flate2::{Compress, Compression, FlushCompress};
use plainsight::model::report::ScenarioReport;
use plainsight::model::verdict::VerdictKind::{self, Consistent, Contradicted, Inconclusive};
use plainsight::{pipeline, scenario, verdict};
use plainsight_traffic::Direction::{ToClient, ToServer};
use plainsight_traffic::rng::Rng;
use plainsight_traffic::tls::{Step, Tls};
use plainsight_traffic::{Capture, Direction, http};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

const TEXT: &str = "The heron lands at dusk";
const HOST: &str = "api.chatterly.example";
const PROMISES: [&str; 2] = ["end-to-end-encrypted", "not-collected"];

type Script = Vec<(Direction, Vec<u8>)>;

/// What the claims come to when packets are all there is.
fn judge(capture: &[u8]) -> ScenarioReport {
    let mut text = format!(
        "[app]\nname = 'Chatterly'\n[parties]\nprovider = ['chatterly.example', '203.0.113.7']\n[[planted]]\nid = 'it'\n\
         data = 'messages'\nvalue = '{TEXT}'\n[[capture]]\npath = 'a.pcapng'\n"
    );
    for promise in PROMISES {
        let _ = write!(text, "[[claim]]\nid = '{promise}'\ntext = 't'\npromise = '{promise}'\ndata = ['messages']\n");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("scenario.toml"), text).unwrap();
    fs::write(folder.path().join("a.pcapng"), capture).unwrap();
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap();
    pipeline::run(&scenario, &mut |_| {}).unwrap()
}

fn verdicts(report: &ScenarioReport) -> [VerdictKind; 2] {
    [0, 1].map(|claim| report.claims[claim].verdict)
}

/// Inside TLS that the auditor's keys open.
fn sealed(script: &Script) -> Vec<u8> {
    let mut steps: Vec<Step> = script.iter().map(|(way, bytes)| Step::Send(*way, bytes.clone())).collect();
    steps.extend([Step::Close(ToServer), Step::Close(ToClient)]);
    let session = Tls::new(HOST).alpn(&["http/1.1"]).session(&steps);
    Capture::new(7).session("203.0.113.7 443", &session).pcapng()
}

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Rng::new(len as u64).fill(&mut bytes);
    bytes
}

/// What an app says: words of the text, so that the text itself is nothing but repetitions, and then the text or a
/// sealed one.
fn said(last: &str) -> Vec<String> {
    let event = |n: usize, text: &str| format!(r#"{{"op":0,"s":{n},"t":"MESSAGE_CREATE","d":{{"content":"{text}"}}}}"#);
    let mut all: Vec<String> = ["The heron", "n lands a", " lands at", "t dusk", "at dusk", "heron lands"]
        .iter()
        .enumerate()
        .map(|(n, words)| event(n, words))
        .collect();
    all.push(event(9, last));
    all
}

/// One stream for all messages, flushed behind each.
fn stretches(kind: &str, messages: &[String]) -> Vec<Vec<u8>> {
    if kind == "zstd" {
        let mut stream = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        return messages
            .iter()
            .map(|message| {
                stream.write_all(message.as_bytes()).unwrap();
                stream.flush().unwrap();
                std::mem::take(stream.get_mut())
            })
            .collect();
    }
    let mut stream = Compress::new(Compression::best(), kind == "zlib");
    let mut out: Vec<Vec<u8>> = messages
        .iter()
        .map(|message| {
            let mut out = Vec::with_capacity(4_096);
            stream.compress_vec(message.as_bytes(), &mut out, FlushCompress::Sync).unwrap();
            out
        })
        .collect();
    if kind == "gzip" {
        out[0].splice(0..0, *b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03");
    }
    out
}

/// A WebSocket frame from the client.
fn frame(payload: &[u8]) -> Vec<u8> {
    let mask = [7_u8, 77, 177, 17];
    let len = u16::try_from(payload.len()).unwrap();
    let mut out = vec![0x82];
    if len < 126 {
        out.push(0x80 | len.to_le_bytes()[0]);
    } else {
        out.push(0xfe);
        out.extend(len.to_be_bytes());
    }
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

fn websocket(messages: &[Vec<u8>]) -> Script {
    let upgrade =
        [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")];
    let mut script = vec![
        (ToServer, http::request("GET", HOST, "/gateway?compress=zlib-stream", &upgrade, b"")),
        (
            ToClient,
            http::response("101 Switching Protocols", &[("Upgrade", "websocket"), ("Connection", "Upgrade")], b""),
        ),
    ];
    script.extend(messages.iter().map(|message| (ToServer, frame(message))));
    script
}

/// The app's own sealed message, so that it did what the claims are about.
fn upright() -> String {
    BASE64.encode(&noise(120))
}

#[test]
fn one_compressed_stream_over_many_messages_is_read() {
    for kind in ["zlib", "deflate", "gzip", "zstd"] {
        let leak = stretches(kind, &said(TEXT));
        let honest = stretches(kind, &said(&upright()));
        let report = judge(&sealed(&websocket(&leak)));
        assert_eq!(verdicts(&report), [Contradicted; 2], "{kind}: {}", report.claims[0].reason);
        let report = judge(&sealed(&websocket(&honest)));
        assert_eq!(
            verdicts(&report),
            [Consistent; 2],
            "{kind}: {} {}",
            report.claims[0].reason,
            report.claims[1].reason
        );
        // Each flush in two messages.
        let halves = |all: &[Vec<u8>]| -> Vec<Vec<u8>> {
            all.iter().flat_map(|one| one.chunks(one.len().div_ceil(2)).map(<[u8]>::to_vec)).collect()
        };
        let report = judge(&sealed(&websocket(&halves(&leak))));
        if ["deflate", "zstd"].contains(&kind) {
            // Half a message is a few bytes of anything: nobody can always tell that a stream begins there, or goes on.
            assert!(!verdicts(&report).contains(&Consistent), "{kind} in halves: {}", report.claims[0].reason);
            continue;
        }
        assert_eq!(verdicts(&report), [Contradicted; 2], "{kind} in halves: {}", report.claims[0].reason);
        let report = judge(&sealed(&websocket(&halves(&honest))));
        assert_eq!(verdicts(&report)[0], Consistent, "{kind} in halves: {}", report.claims[0].reason);
    }
}

#[test]
fn a_compressed_stream_without_its_beginning_was_not_read() {
    for kind in ["zlib", "deflate", "gzip"] {
        for messages in [said(TEXT), said(&upright())] {
            let rest = &stretches(kind, &messages)[1..];
            let report = judge(&sealed(&websocket(rest)));
            assert_eq!(verdicts(&report), [Inconclusive; 2], "{kind}: {}", report.claims[0].reason);
            assert!(report.claims[0].reason.contains("could not be read"), "{}", report.claims[0].reason);
        }
    }
}

#[test]
fn a_stream_inside_other_fields_is_read() {
    let packed = |text: &str| -> Vec<Vec<u8>> {
        let coded = |bytes: &Vec<u8>| format!(r#"{{"z":"{}"}}"#, BASE64.encode(bytes)).into_bytes();
        stretches("zlib", &said(text)).iter().map(coded).collect()
    };
    let report = judge(&sealed(&websocket(&packed(TEXT))));
    assert_eq!(verdicts(&report), [Contradicted; 2], "{}", report.claims[0].reason);
    let report = judge(&sealed(&websocket(&packed(&upright()))));
    assert_eq!(verdicts(&report), [Consistent; 2], "{}", report.claims[0].reason);
}

/// An upload in pieces of one body.
fn upload(body: &[u8], piece: usize, skip: usize, header: &str) -> Script {
    let mut script = Vec::new();
    for (n, bytes) in body.chunks(piece).enumerate().skip(skip) {
        let (start, end) = (n * piece, n * piece + bytes.len());
        let range = match header {
            "Content-Range" => format!("bytes {start}-{}/{}", end - 1, body.len()),
            _ => start.to_string(),
        };
        let headers = [("Content-Type", "application/octet-stream"), (header, range.as_str())];
        script.push((ToServer, http::request("PUT", HOST, "/up/7", &headers, bytes)));
        script.push((ToClient, http::response("308 Resume Incomplete", &[], b"")));
    }
    script
}

#[test]
fn one_body_in_several_requests_is_read_as_one() {
    let hex = |len| data_encoding::HEXLOWER.encode(&noise(len));
    let text = format!("{}\n{TEXT}\n{}", hex(3_000), hex(2_000));
    let other = format!("{}\n{}\n{}", hex(3_000), upright(), hex(2_000));
    for header in ["Content-Range", "Upload-Offset"] {
        let packed = http::gzip(text.as_bytes());
        let report = judge(&sealed(&upload(&packed, 1_500, 0, header)));
        assert_eq!(verdicts(&report), [Contradicted; 2], "{header}: {}", report.claims[0].reason);
        let report = judge(&sealed(&upload(&packed, 1_500, 1, header)));
        assert_eq!(verdicts(&report), [Inconclusive; 2], "{header}: {}", report.claims[0].reason);
        let report = judge(&sealed(&upload(&http::gzip(other.as_bytes()), 1_500, 0, header)));
        assert_ne!(report.claims[0].verdict, Contradicted, "{header}");
        assert_eq!(report.claims[1].verdict, Consistent, "{header}: {}", report.claims[1].reason);
        // What an app sealed goes up in pieces, too.
        let report = judge(&sealed(&upload(&noise(5_000), 1_500, 0, header)));
        assert_eq!(report.claims[0].verdict, Consistent, "{header}: {}", report.claims[0].reason);
    }
}

#[test]
fn a_body_that_stops_in_the_middle_goes_on_elsewhere() {
    let text = format!("{}\n{TEXT}\n{}", data_encoding::HEXLOWER.encode(&noise(3_000)), upright());
    let zstd = zstd::encode_all(text.as_bytes(), 3).unwrap();
    for packed in [http::gzip(text.as_bytes()), zstd] {
        let (first, rest) = packed.split_at(packed.len() / 3);
        let put = |body: &[u8]| http::post(HOST, "/up", "application/octet-stream", body);
        let ok = http::ok("application/json", b"{}");
        let halves: Script =
            vec![(ToServer, put(first)), (ToClient, ok.clone()), (ToServer, put(rest)), (ToClient, ok.clone())];
        assert_eq!(verdicts(&judge(&sealed(&halves))), [Contradicted; 2]);
        let report = judge(&sealed(&vec![
            (ToServer, put(first)),
            (ToClient, ok.clone()),
            (ToServer, message()),
            (ToClient, ok),
        ]));
        assert_eq!(verdicts(&report), [Inconclusive; 2], "{} {}", report.claims[0].reason, report.claims[1].reason);
    }
}

/// A conversation that goes on compressed, both ways.
fn compressed(zlib: bool, up: &[&str], down: &[&str]) -> Script {
    let mut script = Vec::new();
    let mut streams = [Compress::new(Compression::best(), zlib), Compress::new(Compression::best(), zlib)];
    for (n, (up, down)) in up.iter().zip(down).enumerate() {
        for (way, text) in [(ToServer, up), (ToClient, down)] {
            let mut out = Vec::with_capacity(8_192);
            streams[way.index()].compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync).unwrap();
            assert!(out.len() < 8_192 && n < 9);
            script.push((way, out));
        }
    }
    script
}

#[test]
fn mail_and_chat_that_go_on_compressed_are_read() {
    let imap = |text: &str| -> Script {
        let mail = format!("Subject: x\r\n\r\n{text}\r\n");
        let mut script: Script = [
            (ToClient, "* OK IMAP4rev1 ready\r\n"),
            (ToServer, "a1 LOGIN me heron-dusk\r\n"),
            (ToClient, "a1 OK in\r\n"),
            (ToServer, "a2 COMPRESS DEFLATE\r\n"),
            (ToClient, "a2 OK active\r\n"),
        ]
        .map(|(way, line)| (way, line.as_bytes().to_vec()))
        .into();
        script.extend(compressed(
            false,
            &[&format!("a3 APPEND Drafts {{{}+}}\r\n{mail}\r\n", mail.len()), "a4 NOOP\r\n"],
            &["a3 OK done\r\n", "a4 OK done\r\n"],
        ));
        script
    };
    let xmpp = |text: &str| -> Script {
        let open = "<stream:stream to='chatterly.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
        let mut script: Script = [
            (ToServer, open),
            (ToClient, open),
            (ToServer, "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>"),
            (ToClient, "<compressed xmlns='http://jabber.org/protocol/compress'/>"),
        ]
        .map(|(way, line)| (way, line.as_bytes().to_vec()))
        .into();
        let message = format!("<message to='b@chatterly.example'><body>{text}</body></message>");
        script.extend(compressed(true, &[open, &message], &[open, "<presence from='b@chatterly.example'/>"]));
        script
    };
    for (name, with) in [("imap", &imap as &dyn Fn(&str) -> Script), ("xmpp", &xmpp)] {
        let report = judge(&sealed(&with(TEXT)));
        assert_eq!(verdicts(&report), [Contradicted; 2], "{name}: {}", report.claims[0].reason);
        let report = judge(&sealed(&with(&upright())));
        assert_eq!(
            verdicts(&report),
            [Consistent; 2],
            "{name}: {} {}",
            report.claims[0].reason,
            report.claims[1].reason
        );
    }
    // Who answers that it will not compress goes on in lines.
    let refused: Script = [
        (ToClient, "* OK IMAP4rev1 ready\r\n"),
        (ToServer, "a1 COMPRESS DEFLATE\r\n"),
        (ToClient, "a1 NO not now\r\n"),
        (ToServer, "a2 NOOP\r\n"),
        (ToClient, "a2 OK done\r\n"),
    ]
    .map(|(way, line)| (way, line.as_bytes().to_vec()))
    .into();
    let report = judge(&sealed(&refused));
    assert_eq!(report.claims[1].verdict, Consistent, "{}", report.claims[1].reason);
}

/// A message of the app, sealed end to end.
fn message() -> Vec<u8> {
    http::post(HOST, "/v1/send", "application/json", format!(r#"{{"to":"u81","c":"{}"}}"#, upright()).as_bytes())
}

/// The app's message and its answer, with something else on the way.
fn beside(requests: &[Vec<u8>], answers: &[Vec<u8>]) -> Script {
    let ok = http::ok("application/json", b"{}");
    let mut script = vec![(ToServer, message()), (ToClient, ok.clone())];
    for n in 0..requests.len().max(answers.len()) {
        script.push((ToServer, requests.get(n).cloned().unwrap_or_else(|| http::get(HOST, "/poll"))));
        script.push((ToClient, answers.get(n).cloned().unwrap_or_else(|| ok.clone())));
    }
    script
}

/// A request whose one chunk has extensions.
fn chunk(extensions: &str) -> Vec<u8> {
    let head = format!("POST /v1/log HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n");
    format!("{head}2{extensions}\r\n{{}}\r\n0\r\n\r\n").into_bytes()
}

#[test]
fn what_http1_says_beside_its_messages_is_read() {
    let hex = data_encoding::HEXLOWER.encode(TEXT.as_bytes());
    let named = |name: &str, value: &str| http::request("GET", HOST, "/poll", &[(name, value)], b"");
    for (name, leak, honest) in [
        (
            "reason phrase",
            beside(&[], &[http::response(&format!("200 {TEXT}"), &[], b"")]),
            beside(&[], &[http::response("200 Everything is fine", &[], b"")]),
        ),
        (
            "chunk extensions",
            beside(&[chunk(&format!(";q=\"{TEXT}\""))], &[]),
            beside(&[chunk(";q=1;sig=abcdef")], &[]),
        ),
        (
            "name of a header",
            beside(&[named(&format!("X-{hex}"), "1")], &[]),
            beside(&[named("X-Chatterly-Theme", "1")], &[]),
        ),
        (
            "name of an empty header",
            beside(&[named(&TEXT.replace(' ', "%20"), "")], &[]),
            beside(&[named("X-Chatterly-Empty", "")], &[]),
        ),
        (
            "method",
            beside(
                &[http::request(&data_encoding::BASE32_NOPAD.encode(b"heron at dusk"), HOST, "/poll", &[], b"")],
                &[],
            ),
            beside(&[http::request("LOCK", HOST, "/poll", &[], b"")], &[]),
        ),
    ] {
        let report = judge(&sealed(&honest));
        assert_eq!(
            verdicts(&report),
            [Consistent; 2],
            "{name}: {} {}",
            report.claims[0].reason,
            report.claims[1].reason
        );
        if name != "method" {
            let report = judge(&sealed(&leak));
            assert_eq!(verdicts(&report), [Contradicted; 2], "{name}: {}", report.claims[0].reason);
            assert!(report.sightings.iter().all(|seen| !seen.place.frames.is_empty()), "{name}");
        }
    }
}

/// A frame of HTTP/2.
fn h2(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A session of HTTP/2 in which the app sends its message, with other frames before and after it.
fn session(up: &[Vec<u8>], padding: &[u8]) -> Vec<u8> {
    let body = format!(r#"{{"to":"u81","c":"{}"}}"#, upright());
    let path = "/v1/send";
    let mut head = vec![0x83, 0x87, 0x41, u8::try_from(HOST.len()).unwrap()];
    head.extend(HOST.bytes());
    head.extend([0x04, u8::try_from(path.len()).unwrap()]);
    head.extend(path.bytes());
    let mut data = vec![u8::try_from(padding.len()).unwrap()];
    data.extend(body.bytes());
    data.extend(padding);
    let mut client = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    client.extend(h2(4, 0, 0, b"\0\x03\0\0\0\x64\0\x04\0\xff\xff\xff"));
    client.extend(h2(8, 0, 0, &[0, 0xef, 0, 1]));
    client.extend(h2(1, 4, 1, &head));
    client.extend(h2(0, 0x09, 1, &data));
    client.extend(up.concat());
    let server = [h2(4, 0, 0, b""), h2(4, 1, 0, b""), h2(1, 5, 1, &[0x89])].concat();
    let steps =
        [Step::Send(ToServer, client), Step::Send(ToClient, server), Step::Close(ToServer), Step::Close(ToClient)];
    let session = Tls::new(HOST).alpn(&["h2"]).session(&steps);
    Capture::new(7).session("203.0.113.7 443", &session).pcapng()
}

#[test]
fn what_http2_says_beside_its_messages_is_read() {
    let split = |kind: u8, size: usize| -> Vec<Vec<u8>> {
        let padded = format!("{TEXT}{}", " ".repeat(8));
        padded.as_bytes().chunks_exact(size).map(|piece| h2(kind, 0, 0, piece)).collect()
    };
    let settings = |id: &[u8; 2], text: &str| -> Vec<u8> {
        let all: Vec<u8> = text.as_bytes().chunks_exact(4).flat_map(|value| [id.as_slice(), value].concat()).collect();
        h2(4, 0, 0, &all)
    };
    let text = format!("{TEXT} ");
    let plain: &[u8] = &[0; 8];
    for (name, capture) in [
        ("an unknown frame", session(&[h2(0x40, 0, 0, TEXT.as_bytes())], plain)),
        ("ALTSVC", session(&[h2(0x0a, 0, 0, &[b"\0\0".as_slice(), TEXT.as_bytes()].concat())], plain)),
        ("ORIGIN", session(&[h2(0x0c, 0, 0, &[b"\0\x17".as_slice(), TEXT.as_bytes()].concat())], plain)),
        ("noise", session(&[h2(0x2a, 0, 0, TEXT.as_bytes())], plain)),
        ("pings", session(&split(6, 8), plain)),
        ("windows", session(&split(8, 4), plain)),
        ("known settings", session(&[settings(&[0, 4], &text)], plain)),
        ("GOAWAY", session(&[h2(7, 0, 0, &[[0; 8].as_slice(), TEXT.as_bytes()].concat())], plain)),
        ("padding", session(&[], TEXT.as_bytes())),
    ] {
        let report = judge(&capture);
        assert_eq!(verdicts(&report), [Contradicted; 2], "{name}: {}", report.claims[0].reason);
        assert!(report.sightings.iter().all(|seen| !seen.place.frames.is_empty()), "{name}");
    }
    let honest = [
        h2(6, 0, 0, &noise(8)),
        h2(6, 0, 0, &7_u64.to_be_bytes()),
        h2(6, 1, 0, &noise(9)[1..]),
        h2(0x2a, 0, 0, &noise(60)),
        h2(0x0c, 0, 0, b"\0\x1dhttps://api.chatterly.example"),
        h2(4, 0, 0, &[[0x1a, 0x1a].as_slice(), &noise(4)].concat()),
        h2(2, 0, 3, &[0, 0, 0, 1, 200]),
        h2(7, 0, 0, &[0; 8]),
    ];
    let report = judge(&session(&honest, plain));
    assert_eq!(verdicts(&report), [Consistent; 2], "{} {}", report.claims[0].reason, report.claims[1].reason);
    // Noise where none is expected was read by nobody.
    for capture in [session(&[h2(0x40, 0, 0, &noise(400))], plain), session(&[], &noise(200))] {
        let report = judge(&capture);
        assert_eq!(report.claims[1].verdict, Inconclusive, "{}", report.claims[1].reason);
    }
}

/// A capture of frames of Ethernet: the app's message over HTTP, and others.
fn frames(others: &[(u16, &[u8])]) -> Vec<u8> {
    let capture = Capture::new(7).plain_http(
        "203.0.113.7",
        &[plainsight_traffic::Exchange::new(message(), http::ok("application/json", b"{}"))],
    );
    let last = capture.packets.last().unwrap().at;
    let mut bytes = plainsight_traffic::file::Pcap::new().write(&capture.packets);
    for (kind, payload) in others {
        let ends = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        let frame = [&ends[..], &kind.to_be_bytes(), payload].concat();
        let len = u32::try_from(frame.len()).unwrap();
        let seconds = u32::try_from(last / 1_000_000_000 + 1).unwrap();
        for number in [seconds, 0, len, len] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(frame);
    }
    bytes
}

#[test]
fn frames_that_are_no_ip_are_read() {
    let snap = [b"\xaa\xaa\x03\0\0\0\x88\xb5".as_slice(), TEXT.as_bytes()].concat();
    let len = u16::try_from(snap.len()).unwrap();
    for (kind, payload) in [(0x88b5, TEXT.as_bytes()), (len, &snap)] {
        let report = judge(&frames(&[(kind, payload)]));
        assert_eq!(verdicts(&report), [Contradicted; 2], "{kind:#x}: {}", report.claims[0].reason);
    }
    let report = judge(&frames(&[(0x88b5, &noise(200))]));
    assert_eq!(verdicts(&report), [Inconclusive; 2], "{}", report.claims[0].reason);
    // What keeps the link working is nobody's.
    let arp = b"\0\x01\x08\0\x06\x04\0\x01\x02\0\0\0\0\x02\xc0\0\x02\x2c\0\0\0\0\0\0\xc0\0\x02\x01";
    let report =
        judge(&frames(&[(0x0806, arp), (0x888e, &noise(99)), (0x88cc, &noise(60)), (38, b"\x42\x42\x03\0\0\0\0")]));
    assert_eq!(verdicts(&report), [Consistent; 2], "{} {}", report.claims[0].reason, report.claims[1].reason);
}
