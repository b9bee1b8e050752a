//! What connections say to HTTP/3, frame by frame of QUIC; recorded ones are in `tests/fixtures/peers/quic.toml`.

use super::PROTOCOL;
use crate::bytes::Match;
use crate::message::Peek;
use crate::message::harness::{Ev, Heard, down, meta, play, up};
use crate::message::quic::frame::{reset_stream, stream_head};
use crate::model::flow::Blind;
use crate::model::secret::Secrets;
use crate::model::stream::{Ending, StreamMeta};
use proptest::prelude::*;

fn inside(from_start: bool) -> StreamMeta {
    StreamMeta { datagrams: true, hint: Some("http3".to_owned()), from_start, ..meta() }
}

fn hear(from_start: bool, events: &[Ev]) -> Heard {
    let heard = play(&PROTOCOL, &inside(from_start), usize::MAX, events);
    heard.check();
    heard
}

fn stream(id: u64, offset: u64, bytes: &[u8], fin: bool) -> Vec<u8> {
    [stream_head(id, offset, fin), bytes.to_vec()].concat()
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len()).unwrap() | 0x4000;
    [&[kind][..], &len.to_be_bytes(), payload].concat()
}

/// `:method: POST`, `:authority: api.example`, `:path: /send` without the dynamic table.
const REQUEST: &[u8] = b"\x00\x00\xd4\x50\x0bapi.example\x51\x05/send";
/// `:status: 200`.
const RESPONSE: &[u8] = b"\x00\x00\xd9";

fn request(body: &[u8]) -> Vec<u8> {
    [frame(1, REQUEST), frame(0, body)].concat()
}

#[test]
fn a_request_and_its_response_are_read() {
    let heard = hear(
        true,
        &[
            up(stream(2, 0, b"\x00\x04\x02\x01\x00", false)),
            up(stream(0, 0, &request(b"The heron lands"), false)),
            up(stream(0, 39 + 5, b"", true)),
            down(stream(0, 0, &[frame(1, RESPONSE), frame(0, b"thanks")].concat(), true)),
            Ev::Close(Ending::Clean),
        ],
    );
    assert_eq!(
        heard.lines(),
        [
            "> http3 POST api.example/send | path=/send | :authority=api.example | body=The heron lands",
            "< http3 200 POST api.example/send | body=thanks",
        ]
    );
    assert!(heard.blind.is_empty(), "{:?}", heard.blind);
    assert_eq!(heard.hosts, ["api.example"]);
}

#[test]
fn a_response_waits_for_its_request_and_a_section_for_its_entries() {
    // The request refers to an entry (`x-key: heron`) that the encoder stream brings last.
    let section = b"\x02\x00\xd4\x50\x0bapi.example\x51\x05/send\x80";
    let heard = hear(
        true,
        &[
            down(stream(3, 0, b"\x00\x04\x03\x01\x50\x00", false)),
            down(stream(0, 0, &frame(1, RESPONSE), true)),
            up(stream(0, 0, &frame(1, section), true)),
            up(stream(6, 0, b"\x02\x3f\xe1\x01", false)),
            up(stream(6, 4, b"\x45x-key\x05heron", false)),
            Ev::Close(Ending::Clean),
        ],
    );
    assert_eq!(
        heard.lines(),
        [
            "> http3 POST api.example/send | path=/send | :authority=api.example | x-key=heron",
            "< http3 200 POST api.example/send",
        ]
    );
    assert!(heard.blind.is_empty(), "{:?}", heard.blind);
}

#[test]
fn what_is_lost_is_told_and_the_rest_is_read() {
    // Thirty bytes of the body are missing.
    let whole = request(&[b'x'; 60]);
    let cut = whole.len() - 40;
    let heard = hear(
        true,
        &[
            up(stream(0, 0, &whole[..cut], false)),
            up(stream(0, cut as u64 + 30, b"ten bytes.", true)),
            Ev::Close(Ending::Clean),
        ],
    );
    let lines = heard.lines();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("(not whole)") && lines[0].ends_with("body=xxxxxxxxxxxxxxxxxxxx cut"), "{lines:?}");
    assert!(lines[1].ends_with("POST api.example/send (not whole) | body=ten bytes. @50 cut"), "{lines:?}");

    // The front of a stream is missing: its bytes are searched as they are.
    let heard = hear(true, &[up(stream(0, 90, b"The heron lands at dusk", true)), Ev::Close(Ending::Clean)]);
    assert!(heard.lines()[0].contains("fragment (not whole) | body=The heron lands at dusk"), "{:?}", heard.lines());

    // The encoder's instructions are missing: names are unknown, and said to be.
    let section = b"\x02\x00\xd4\x50\x0bapi.example\x51\x05/send\x80";
    let heard = hear(
        true,
        &[
            up(stream(6, 9, b"\x45x-key\x05heron", false)),
            up(stream(0, 0, &frame(1, section), true)),
            Ev::Close(Ending::Clean),
        ],
    );
    assert!(heard.lines()[0].contains("POST api.example/send"), "{:?}", heard.lines());
    assert!(heard.blind.iter().any(|spot| spot.why == Blind::Lost), "{:?}", heard.blind);
}

#[test]
fn pushes_tunnels_and_foreign_streams_find_their_readers() {
    let promise = [&b"\x07"[..], b"\x00\x00\xd1\x50\x0bapi.example\x51\x06/inbox"].concat();
    let connect = b"\x00\x00\xcf\x50\x0bapi.example\x51\x03/ws\x27\x02:protocol\x09websocket";
    let heard = hear(
        true,
        &[
            up(stream(0, 0, &request(b"hi"), true)),
            down(stream(0, 0, &[frame(5, &promise), frame(1, RESPONSE)].concat(), true)),
            down(stream(7, 0, &[&b"\x01\x07"[..], &frame(1, RESPONSE), &frame(0, b"pushed")].concat(), true)),
            up(stream(4, 0, &[frame(1, connect), frame(0, b"\x81\x05heron")].concat(), false)),
            down(stream(4, 0, &frame(1, RESPONSE), false)),
            up(stream(10, 0, b"\x40\x54\x00session bytes", true)),
            Ev::Close(Ending::Clean),
        ],
    );
    let lines = heard.lines().join("\n");
    assert!(lines.contains("push GET api.example/inbox"), "{lines}");
    assert!(lines.contains("200 GET api.example/inbox | body=pushed"), "{lines}");
    assert!(lines.contains("> websocket") && lines.contains("heron"), "{lines}");
    assert!(
        heard.raw.iter().any(|(_, [up, _])| up.ends_with(b"session bytes")) || lines.contains("session bytes"),
        "{lines}"
    );
}

#[test]
fn resets_end_what_they_reset() {
    let heard = hear(
        true,
        &[
            up(stream(0, 0, &frame(1, REQUEST), false)),
            up(stream(0, 26, b"\x00\x05hel", false)),
            up(reset_stream(0)),
            Ev::Close(Ending::Clean),
        ],
    );
    assert_eq!(heard.messages.len(), 1, "{:?}", heard.lines());
}

#[test]
fn an_endless_header_block_stays_within_its_budget() {
    let mut events = vec![up(stream(0, 0, b"\x01\x80\x10\x00\x00\x00\x00", false))];
    let piece = vec![0x50; 60_000];
    events.extend((0..30).map(|n| up(stream(0, 7 + n * 60_000, &piece, false))));
    events.push(Ev::Close(Ending::Clean));
    let heard = hear(true, &events);
    assert!(heard.blind.iter().any(|spot| spot.why == Blind::Budget), "{:?}", heard.blind);
}

#[test]
fn nobody_is_asked_without_an_agreement() {
    let bytes = stream(0, 0, &request(b"x"), true);
    for (hint, want) in [(Some("http3"), Match::Certain), (Some("h2"), Match::No), (None, Match::No)] {
        let meta = StreamMeta { datagrams: true, hint: hint.map(str::to_owned), ..meta() };
        let peek = Peek { meta: &meta, to_server: &bytes, to_client: b"", waiting: &[], secrets: &Secrets::default() };
        assert_eq!((PROTOCOL.probe)(&peek), want);
    }
}

proptest! {
    #[test]
    fn splitting_changes_nothing(cuts in prop::collection::vec(1_usize..60, 0..6)) {
        let bytes = request(b"The heron lands at dusk, and leaves at dawn.");
        let whole = hear(true, &[up(stream(0, 0, &bytes, true)), Ev::Close(Ending::Clean)]);
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < bytes.len()).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let mut events: Vec<Ev> = cuts
            .windows(2)
            .map(|pair| up(stream(0, pair[0] as u64, &bytes[pair[0]..pair[1]], pair[1] == bytes.len())))
            .collect();
        events.push(Ev::Close(Ending::Clean));
        prop_assert_eq!(hear(true, &events).lines(), whole.lines());
    }

    #[test]
    fn any_frames_are_survived(
        streams in prop::collection::vec((0_u64..12, 0_u64..60, prop::collection::vec(any::<u8>(), 0..80), any::<bool>(), any::<bool>()), 0..20),
        from_start in any::<bool>(),
    ) {
        let mut next = std::collections::BTreeMap::new();
        let mut events: Vec<Ev> = streams
            .into_iter()
            .map(|(id, jump, bytes, fin, to_server)| {
                let at = next.entry((id, to_server)).or_insert(0);
                let from = *at + if jump > 50 { jump } else { 0 };
                *at = from + bytes.len() as u64;
                let bytes = stream(id, from, &bytes, fin);
                if to_server { up(bytes) } else { down(bytes) }
            })
            .collect();
        events.push(Ev::Close(Ending::CaptureEnd));
        hear(from_start, &events);
    }
}

#[test]
fn what_stands_beside_messages_is_joined_by_kind_and_told() {
    // Settings nobody knows, a frame of a type nobody knows in two pieces, one that is reserved, and a cancelled push.
    let control =
        [&[0][..], &frame(4, b"\x01\x00\x2c\x05"), &frame(0x2b, b"The heron"), &frame(0x03, b"\x09")].concat();
    let request = [frame(0x2b, b" lands"), request(b"hi"), frame(0x21, b"noise")].concat();
    let heard = hear(
        true,
        &[
            up(stream(2, 0, &control[..12], false)),
            up(stream(2, 12, &control[12..], false)),
            up(stream(0, 0, &request, true)),
            down(stream(0, 0, &frame(1, RESPONSE), true)),
            Ev::Close(Ending::Clean),
        ],
    );
    let said: Vec<(&str, String, bool)> = heard
        .beside
        .iter()
        .map(|(draft, noise)| {
            let text = String::from_utf8_lossy(&draft.parts[0].bytes).into_owned();
            (draft.label.as_str(), text, *noise < u64::MAX)
        })
        .collect();
    let want = [
        ("unknown settings", ",\u{5}".to_owned(), true),
        ("error codes", "\t".to_owned(), false),
        ("frames of reserved types", "noise".to_owned(), true),
        ("frames of unknown types", "The heron lands".to_owned(), true),
    ];
    assert_eq!(said, want);
    assert!(heard.blind.is_empty(), "{:?}", heard.blind);
    assert_eq!(heard.lines().len(), 2);
}
