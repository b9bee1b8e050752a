use super::*;
use crate::message::harness::{Ev, Heard, down, meta, play, up};
use crate::message::protocol::http2::frame::PRIORITY;
use proptest::prelude::*;

const LIMIT: usize = 1 << 20;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

/// Literal headers, each put into the dynamic table.
fn list(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in headers {
        out.push(0x40);
        for text in [name, value] {
            out.push(u8::try_from(text.len()).unwrap());
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}

fn request(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut headers = vec![(":method", "POST"), (":scheme", "https"), (":authority", "api.example"), (":path", path)];
    headers.extend_from_slice(more);
    list(&headers)
}

fn http2(events: &[Ev]) -> Heard {
    play(&PROTOCOL, &meta(), LIMIT, events)
}

fn close() -> Ev {
    Ev::Close(Ending::Clean)
}

fn preface() -> Vec<u8> {
    [PREFACE, &frame(kind::SETTINGS, 0, 0, &[])].concat()
}

/// A session with everything in it.
fn session() -> Vec<(Direction, Vec<u8>)> {
    let head = request("/v1/send?a=b", &[("cookie", "a=1"), ("cookie", "b=2"), ("x-f", "y")]);
    let padded = [&[3_u8, 0, 0, 0, 0, 9][..], &head[..10], &[0, 0, 0]].concat();
    let answer = list(&[(":status", "200"), ("content-type", "text/plain")]);
    let up = Direction::ToServer;
    let down = Direction::ToClient;
    vec![
        (up, preface()),
        (up, frame(kind::HEADERS, PADDED | PRIORITY, 1, &padded)),
        (up, frame(kind::CONTINUATION, 0, 1, &head[10..40])),
        (up, frame(kind::CONTINUATION, END_HEADERS, 1, &head[40..])),
        (up, frame(kind::DATA, PADDED, 1, b"\x04The heron\0\0\0\0")),
        (down, frame(kind::SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])),
        (up, frame(kind::HEADERS, END_HEADERS | END_STREAM, 3, &[0x82, 0x87, 0xc2, 0x04, 2, b'/', b'3'])),
        (up, frame(kind::DATA, END_STREAM, 1, b" lands")),
        (down, frame(kind::HEADERS, END_HEADERS, 3, &answer)),
        (down, frame(kind::HEADERS, END_HEADERS, 1, &[0xbf, 0xbe])),
        (down, frame(kind::DATA, 0, 1, b"for one")),
        (down, frame(kind::PING, 0, 0, &[0; 8])),
        (down, frame(kind::DATA, END_STREAM, 3, b"for three")),
        (down, frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &list(&[("x-sum", "7")]))),
    ]
}

fn events(session: &[(Direction, Vec<u8>)]) -> Vec<Ev> {
    session.iter().map(|(direction, bytes)| Ev::Data(*direction, bytes.clone())).chain([close()]).collect()
}

#[test]
fn messages_look_like_those_of_http1() {
    let heard = http2(&events(&session()));
    assert_eq!(
        heard.lines(),
        [
            "> http2 GET api.example/3 | path=/3 | :authority=api.example",
            "> http2 POST api.example/v1/send | path=/v1/send | query=a=b | :authority=api.example | cookie=a=1; b=2 | x-f=y | body=The heron lands",
            "< http2 200 GET api.example/3 | content-type=text/plain | body=for three",
            "< http2 200 POST api.example/v1/send | content-type=text/plain | body=for one | x-sum=7",
        ]
    );
}

#[test]
fn a_server_push_is_a_request_and_its_response() {
    let promise = [&8_u32.to_be_bytes()[..], &request("/pushed", &[])].concat();
    let heard = http2(&[
        up([preface(), frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &request("/", &[]))].concat()),
        down(frame(kind::PUSH_PROMISE, END_HEADERS, 1, &promise)),
        down(frame(kind::HEADERS, END_HEADERS, 8, &[0x88])),
        down(frame(kind::DATA, END_STREAM, 8, b"pushed")),
        down(frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &[0x89])),
        close(),
    ]);
    assert_eq!(
        heard.of(Direction::ToClient),
        [
            "< http2 push POST api.example/pushed | path=/pushed | :authority=api.example",
            "< http2 200 POST api.example/pushed | body=pushed",
            "< http2 204 POST api.example/",
        ]
    );
}

#[test]
fn a_capture_from_the_middle_on_is_read_as_far_as_it_can() {
    let midway = StreamMeta { from_start: false, hint: Some("h2".to_owned()), ..meta() };
    // Method GET, an unknown index, a literal path.
    let head = [0x82, 0x87, 0xc5, 0x04, 2, b'/', b'x'];
    let bytes = [
        b"rest of a frame".to_vec(),
        frame(kind::HEADERS, END_HEADERS, 5, &head),
        frame(kind::DATA, END_STREAM, 5, b"body"),
    ]
    .concat();
    let peek = Peek {
        meta: &midway,
        to_server: &bytes,
        to_client: b"",
        waiting: &[],
        secrets: &crate::model::secret::Secrets::default(),
    };
    assert_eq!(probe(&peek), Match::Maybe);
    let heard = play(&PROTOCOL, &midway, LIMIT, &[up(&bytes), close()]);
    assert_eq!(
        heard.lines(),
        [
            "> http2 fragment (not whole) | body=rest of a frame cut",
            "> http2 GET 127.0.0.1/x | path=/x | unknown= cut | body=body",
        ]
    );
    assert!(heard.blind.iter().any(|spot| spot.why == Blind::Lost && spot.detail.contains("header compression")));
}

#[test]
fn holes_in_data_and_between_frames_are_survived() {
    let heard = http2(&[
        up(preface()),
        up(frame(kind::HEADERS, END_HEADERS, 1, &request("/a", &[]))),
        up(&frame(kind::DATA, END_STREAM, 1, b"0123456789")[..12]),
        Ev::Gap(Direction::ToServer, 5),
        up(b"89"),
        up(frame(kind::HEADERS, END_HEADERS, 3, &request("/b", &[]))),
        Ev::Gap(Direction::ToServer, 100),
        up(b"tail"),
        up(frame(kind::DATA, END_STREAM, 3, b"end of b")),
        up(frame(kind::HEADERS, END_HEADERS | END_STREAM, 5, &request("/c", &[]))),
        close(),
    ]);
    assert_eq!(
        heard.lines(),
        [
            "> http2 POST api.example/a (not whole) | path=/a | :authority=api.example | body=012 cut",
            "> http2 POST api.example/a (not whole) | body=89 @8 cut",
            "> http2 fragment (not whole) | body=tail cut",
            "> http2 POST api.example/b (not whole) | path=/b | :authority=api.example | body=end of b cut",
            "> http2 POST api.example/c | path=/c | :authority=api.example",
        ]
    );
}

#[test]
fn resets_and_ends_in_the_middle() {
    let start =
        [preface(), frame(kind::HEADERS, END_HEADERS, 1, &request("/a", &[])), frame(kind::DATA, 0, 1, b"part")]
            .concat();
    let reset = http2(&[up(&start), up(frame(kind::RST_STREAM, 0, 1, &[0, 0, 0, 8])), close()]);
    assert_eq!(reset.lines(), ["> http2 POST api.example/a | path=/a | :authority=api.example | body=part cut"]);
    assert!(reset.blind.is_empty());
    let cut = http2(&[up(&start), Ev::Close(Ending::CaptureEnd)]);
    assert!(!cut.messages[0].1.whole && cut.blind[0].why == Blind::Truncated);
    let unanswered = http2(&[
        up([preface(), frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &request("/a", &[]))].concat()),
        Ev::Close(Ending::CaptureEnd),
    ]);
    assert_eq!(unanswered.blind[0].why, Blind::Truncated);
}

#[test]
fn tunnels_become_children() {
    let connect =
        list(&[(":method", "CONNECT"), (":protocol", "other"), (":authority", "api.example"), (":path", "/chat")]);
    let heard = http2(&[
        up([preface(), frame(kind::HEADERS, END_HEADERS, 1, &connect), frame(kind::DATA, 0, 1, b"early")].concat()),
        down(frame(kind::HEADERS, END_HEADERS, 1, &[0x88])),
        down(frame(kind::DATA, END_STREAM, 1, b"down")),
        up(frame(kind::DATA, END_STREAM, 1, b" up")),
        close(),
    ]);
    assert_eq!(heard.raw, [(Some("other".to_owned()), [b"early up".to_vec(), b"down".to_vec()])]);
    assert_eq!(heard.lines().len(), 2);
}

#[test]
fn an_upgrade_answers_on_the_first_stream() {
    let upgraded = StreamMeta { hint: Some("h2c; label=GET api.example/up".to_owned()), ..meta() };
    let heard = play(
        &PROTOCOL,
        &upgraded,
        LIMIT,
        &[
            down(frame(kind::SETTINGS, 0, 0, &[])),
            down(frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &[0x88])),
            up(preface()),
            close(),
        ],
    );
    assert_eq!(heard.lines(), ["< http2 200 GET api.example/up"]);
}

#[test]
fn floods_of_continuations_are_bounded_and_told() {
    let mut bytes = [preface(), frame(kind::HEADERS, 0, 1, &request("/a", &[]))].concat();
    for _ in 0..40 {
        bytes.extend(frame(kind::CONTINUATION, 0, 1, &list(&[("a", "b")]).repeat(3_000)));
    }
    bytes.extend(frame(kind::CONTINUATION, END_HEADERS, 1, &[]));
    let heard = http2(&[up(bytes), close()]);
    assert!(heard.blind.iter().any(|spot| spot.why == Blind::Budget));
    assert_eq!(heard.messages[0].1.label, "POST api.example/a");
}

#[test]
fn only_http2_is_taken_for_http2() {
    let meta = meta();
    let h2 = StreamMeta { hint: Some("h2".to_owned()), ..meta.clone() };
    let settings = frame(kind::SETTINGS, 0, 0, &[]);
    let table: [(&StreamMeta, &[u8], &[u8], Match); 6] = [
        (&meta, PREFACE, b"", Match::Certain),
        (&meta, &PREFACE[..8], b"", Match::NeedMore),
        (&meta, b"PROPFIND / HTTP/1.1\r\n", b"", Match::No),
        (&meta, b"", &settings, Match::NeedMore),
        (&meta, b"", b"220 mail", Match::No),
        (&h2, b"", &settings, Match::Certain),
    ];
    for (meta, to_server, to_client, want) in table {
        assert_eq!(
            probe(&Peek {
                meta,
                to_server,
                to_client,
                waiting: &[],
                secrets: &crate::model::secret::Secrets::default()
            }),
            want,
            "{to_server:?} {to_client:?}"
        );
    }
}

fn split(pieces: &[(Direction, Vec<u8>)], cuts: &[prop::sample::Index]) -> Vec<Ev> {
    let mut events = Vec::new();
    for (direction, bytes) in pieces {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        events.extend(at.windows(2).map(|pair| Ev::Data(*direction, bytes[pair[0]..pair[1]].to_vec())));
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_reads_the_same(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8), order in 0..3) {
        let pieces = session();
        let mut split = split(&pieces, &cuts);
        if order > 0 {
            // All of one direction before the other, whichever comes first.
            split.sort_by_key(|event| matches!(event, Ev::Data(Direction::ToClient, _)) == (order == 1));
        }
        split.push(close());
        let (got, want) = (http2(&split), http2(&events(&pieces)));
        prop_assert_eq!(got.exact(), want.exact());
        prop_assert!(got.blind.is_empty());
    }

    #[test]
    fn truncation_gives_a_prefix(at in any::<prop::sample::Index>()) {
        let bytes: Vec<Ev> =
            session().into_iter().flat_map(|(d, piece)| piece.into_iter().map(move |byte| Ev::Data(d, vec![byte]))).collect();
        let cut = at.index(bytes.len() + 1);
        let whole: Vec<Ev> = bytes.iter().cloned().chain([close()]).collect();
        let some: Vec<Ev> = bytes[..cut].iter().cloned().chain([Ev::Close(Ending::CaptureEnd)]).collect();
        let (all, some) = (http2(&whole).lines(), http2(&some));
        let read: Vec<String> = some.lines().into_iter().filter(|line| !line.contains("(not whole)")).collect();
        prop_assert!(read.iter().all(|line| all.contains(line)), "{:?}", read);
        prop_assert!(cut == bytes.len() || !some.blind.is_empty() || some.messages.len() + 1 >= read.len());
    }

    #[test]
    fn mutation_never_panics(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..6),
        gap in prop::option::of((any::<prop::sample::Index>(), 0_u64..50)),
        limit in 1_usize..40,
    ) {
        let mut pieces = session();
        for (piece, at, byte) in edits {
            let index = piece.index(pieces.len());
            let bytes = &mut pieces[index].1;
            let index = at.index(bytes.len());
            bytes[index] = byte;
        }
        let mut events = events(&pieces);
        if let Some((at, len)) = gap {
            let index = at.index(events.len());
            events.insert(index, Ev::Gap(if len % 2 == 0 { Direction::ToServer } else { Direction::ToClient }, len));
        }
        play(&PROTOCOL, &meta(), limit, &events);
    }
}
