//! A capture full of traffic made to cost: it is read to its end, what bites is told, and what the other flows carry is
//! found as if it were alone.

use plainsight::model::flow::Blind;
use plainsight::model::report::ScenarioReport;
use plainsight::model::scenario::Planted;
use plainsight::model::taxonomy::Data;
use plainsight::pipeline::{self, Inspection};
use plainsight_traffic::{Capture, Direction, Exchange, Packet, http};
use std::fs;

/// What is said on one connection.
type Script = Vec<(Direction, Vec<u8>)>;

const PLANTED: &str = "The heron lands at dusk";

fn inspect(capture: &Capture) -> ScenarioReport {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bombs.pcapng");
    fs::write(&path, capture.pcapng()).unwrap();
    let planted = vec![Planted { id: "it".into(), data: Data::Messages, value: PLANTED.into() }];
    let inspection = Inspection { files: vec![path], planted, ..Inspection::default() };
    pipeline::inspect(&inspection, &mut |_| {}).unwrap()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header of four kilobytes is put into the table once, and called up by one byte each, sixteen thousand times a frame.
fn hpack() -> Vec<u8> {
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    out.extend(frame(4, 0, 0, b""));
    let mut block = vec![0x82, 0x84, 0x87, 0x40, 1, b'x', 0x7f, 0x91, 0x1e];
    block.extend([b'a'; 4_000]);
    block.extend([0xbe; 12_000]);
    out.extend(frame(1, 0, 1, &block));
    for _ in 0..60 {
        out.extend(frame(9, 0, 1, &[0xbe; 16_000]));
    }
    out
}

/// Messages one in the other, with a word in the innermost.
fn nested_protobuf(levels: usize) -> Vec<u8> {
    (0..levels).fold(b"\x0a\x0bjust a word".to_vec(), |inner, _| {
        let mut outer = vec![0x0a];
        let mut len = inner.len();
        while len > 0x7f {
            outer.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
            len >>= 7;
        }
        outer.push(u8::try_from(len).unwrap());
        outer.extend(inner);
        outer
    })
}

fn good() -> Exchange {
    let body = format!("{{\"text\":\"{PLANTED}\"}}");
    let request = http::post("api.chatterly.example", "/send", "application/json", body.as_bytes());
    Exchange::new(request, http::ok("text/plain", b"ok"))
}

#[test]
fn bombs_leave_the_other_flows_alone() {
    let up = |bytes: Vec<u8>| vec![(Direction::ToServer, bytes)];
    let post = |kind: &str, body: &[u8]| up(http::post("api.chatterly.example", "/bomb", kind, body));
    let zeros = vec![0_u8; 48 << 20];
    let gzipped = (0..6).fold(http::gzip(&zeros), |bytes, _| http::gzip(&bytes));
    let deep = [vec![b'['; 200_000], vec![b']'; 200_000]].concat();
    let many = format!("[{}]", vec!["1"; 400_000].join(","));
    let head = "POST /x HTTP/1.1\r\nHost: api.chatterly.example\r\n";
    let chunk = format!("{head}Transfer-Encoding: chunked\r\n\r\n5;{}", "a=b;".repeat(200_000));
    let lying = format!("{head}Content-Length: 18446744073709551615\r\n\r\n{}", "x".repeat(100_000));
    let headers = format!("{head}{}", "X-A: b\r\n".repeat(60_000));
    let line = format!("{head}X-A: {}", "b".repeat(1 << 20));
    let record = [&[0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff][..], &[0; 9_000]].concat();
    let pointers: Vec<u8> = [&b"\x12\x34\x01\0\0\x40\0\0\0\0\0\0"[..], &b"\xc0\x0c\0\x01\0\x01".repeat(64)].concat();
    let bombs: Vec<(&str, Script)> = vec![
        ("gzip in gzip", post("application/json", &gzipped)),
        ("deep JSON", post("application/json", &deep)),
        ("wide JSON", post("application/json", many.as_bytes())),
        ("deep protobuf", post("application/x-protobuf", &nested_protobuf(10_000))),
        ("HPACK", up(hpack())),
        ("an endless chunk extension", up(chunk.into_bytes())),
        ("a lying length", up(lying.into_bytes())),
        ("headers without end", up(headers.into_bytes())),
        ("a header without end", up(line.into_bytes())),
    ];
    let alone = inspect(&Capture::new(7).plain_http("203.0.113.7", &[good()]));
    let mut capture = Capture::new(7);
    for (index, (_, script)) in bombs.iter().enumerate() {
        capture = capture.tcp(&format!("203.0.113.{} 8080", 20 + index), script);
    }
    // Neither says more than that it is cut; what counts is that nothing else is.
    capture = capture.tcp("203.0.113.80 8443", &up(record));
    capture = capture.udp("203.0.113.90 53", &[(Direction::ToServer, pointers)]);
    let report = inspect(&capture.plain_http("203.0.113.7", &[good()]));
    let seen = |report: &ScenarioReport| -> Vec<(String, Vec<String>)> {
        let planted = report.sightings.iter().filter(|sighting| sighting.planted.is_some());
        planted.map(|sighting| (sighting.form.clone(), sighting.place.trail.clone())).collect()
    };
    assert_eq!(seen(&alone).len(), 1);
    assert_eq!(seen(&report), seen(&alone));
    // Every one of them is told: a budget that bit, or what is not what its protocol allows.
    for (index, (what, _)) in bombs.iter().enumerate() {
        let server = format!("203.0.113.{}", 20 + index);
        let flow = report.flows.iter().find(|flow| flow.key.server.ip.to_string() == server).expect(what);
        let told =
            |blind: &Blind| matches!(blind, Blind::Budget | Blind::Malformed | Blind::Truncated | Blind::Unsupported);
        assert!(flow.blind.iter().any(|spot| told(&spot.why)), "{what}: {:?}", flow.blind);
    }
}

/// Segments that contradict each other: what either reading says is found, and that there are two is told.
#[test]
fn both_readings_of_contradicting_segments_are_searched() {
    let innocent = b"POST /a HTTP/1.1\r\nHost: api.chatterly.example\r\nContent-Length: 34\r\n\r\nThe weather is fine today, really!";
    let mut capture = Capture::new(7).tcp("203.0.113.9 8080", &[(Direction::ToServer, innocent.to_vec())]);
    let at = capture.packets.iter().position(Packet::has_tcp_payload).unwrap();
    let mut forged = capture.packets[at].clone();
    let body = forged.ip.len() - 34;
    forged.ip[body..body + PLANTED.len()].copy_from_slice(PLANTED.as_bytes());
    capture.packets.insert(at + 1, forged);
    let report = inspect(&capture);
    let trails: Vec<String> = report.sightings.iter().map(|sighting| sighting.place.trail.join(" > ")).collect();
    assert_eq!(trails, ["overlapping segment"], "{trails:?}");
    let told =
        |flow: &plainsight::model::flow::Flow| flow.blind.iter().any(|spot| spot.detail.contains("both were searched"));
    assert!(report.flows.iter().any(told));
}

/// More half-open connections than flows are kept, a window that is shut and probed again and again, and one message between.
#[test]
fn floods_leave_the_message_between_them() {
    let talk = Capture::new(7).plain_http("203.0.113.7", &[good()]);
    let syn = talk.packets[0].clone();
    let flood = (0..60_000_u32).map(|index| {
        let mut packet = syn.clone();
        packet.ip[12..16].copy_from_slice(&(0x0a00_0000 + index).to_be_bytes());
        packet
    });
    let payload = talk.packets.iter().position(Packet::has_tcp_payload).unwrap();
    let mut packets: Vec<Packet> = flood.collect();
    let middle = packets.len() / 2;
    let mut between = talk.packets.clone();
    // The server's window is shut: the client asks again by its last byte, as it has to (RFC 9293, 3.8.6.1).
    let mut probe = between[payload].clone();
    probe.ip.truncate(41);
    probe.ip[2..4].copy_from_slice(&41_u16.to_be_bytes());
    for _ in 0..20_000 {
        between.insert(payload, probe.clone());
    }
    packets.splice(middle..middle, between);
    let mut capture = talk;
    capture.packets = packets;
    let report = inspect(&capture);
    let found = report.sightings.iter().filter(|sighting| sighting.planted.is_some()).count();
    assert_eq!(found, 1);
    // Connections on which nothing was said are no flows, and a byte that came twenty thousand times is one byte.
    assert_eq!((report.flows.len(), report.coverage.messages_read), (1, 2));
    assert_eq!(report.coverage.bytes, inspect(&Capture::new(7).plain_http("203.0.113.7", &[good()])).coverage.bytes);
}
