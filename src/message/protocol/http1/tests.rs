use super::*;
use crate::message::harness::{Ev, Heard, down, meta, play, up};
use crate::model::budget::FRAMING_LINE;
use crate::model::message::PartKind;
use proptest::prelude::*;

const LIMIT: usize = 1 << 20;

fn http1(events: &[Ev]) -> Heard {
    play(&PROTOCOL, &meta(), LIMIT, events)
}

fn close() -> Ev {
    Ev::Close(Ending::Clean)
}

#[test]
fn requests_and_responses_read_as_they_are() {
    let heard = http1(&[
        up("POST /v1/send?to=%34 HTTP/1.1\r\nHost: Api.Example:8443\r\nContent-Length: 5\r\n\r\nhello"),
        down("HTTP/1.1 201 Created\r\nServer: x\r\nContent-Length: 2\r\n\r\nok"),
        close(),
    ]);
    assert_eq!(
        heard.lines(),
        [
            "> http1 POST api.example/v1/send | path=/v1/send | query=to=%34 | host=Api.Example:8443 | content-length=5 | body=hello",
            "< http1 201 POST api.example/v1/send | server=x | content-length=2 | body=ok",
        ]
    );
    assert_eq!(heard.hosts, ["api.example"]);
    assert!(heard.blind.is_empty() && heard.facts.is_empty());
    assert_eq!(heard.messages[1].1.host.as_deref(), Some("api.example"));
}

#[test]
fn responses_find_their_requests() {
    let heard = http1(&[
        up(
            "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\nPUT /c HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
        ),
        down(
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
        ),
        up("x"),
        down("HTTP/1.1 204\r\n\r\n"),
        close(),
    ]);
    let labels: Vec<_> = heard.messages.iter().map(|(_, m)| m.label.as_str()).collect();
    assert_eq!(
        labels,
        ["HEAD h/a", "GET h/b", "200 HEAD h/a", "304 GET h/b", "100 PUT h/c", "PUT h/c", "204 PUT h/c",]
    );
}

#[test]
fn a_response_waits_for_a_request_captured_late() {
    let heard = http1(&[
        down("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
        up("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n"),
        close(),
    ]);
    assert_eq!(heard.messages[1].1.label, "200 HEAD h/a");
    assert!(heard.blind.is_empty());
    let alone = http1(&[down("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"), close()]);
    assert_eq!(alone.lines(), ["< http1 408 | content-length=0"]);
}

#[test]
fn chunks_are_joined_and_codings_kept() {
    let heard = http1(&[
        up(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\nContent-Encoding: br\r\nContent-Type: Text/Plain; Charset=X\r\n\r\n",
        ),
        up("3;a=\"b\"\r\nabc\r\n0002 \ndeX\r\n"),
        close(),
    ]);
    // The chunk of two bytes is followed by neither CR nor LF.
    assert_eq!(heard.blind[0].why, Blind::Malformed);
    let heard = http1(&[
        up(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\nContent-Encoding: br\r\nContent-Type: Text/Plain; Charset=X\r\n\r\n",
        ),
        up("3;a=\"b\"\r\nabc\r\n0002 \nde\n0\r\nX-Sum: 7\r\n\r\n"),
        close(),
    ]);
    let (_, message) = &heard.messages[0];
    let body = message.parts.iter().find(|part| part.kind == PartKind::Body).unwrap();
    assert_eq!((body.bytes.as_slice(), body.whole), (&b"abcde"[..], true));
    assert_eq!(body.encodings, ["br", "gzip"]);
    assert_eq!(body.content_type.as_deref(), Some("text/plain; charset=x"));
    assert_eq!(message.parts.last().map(|part| part.name.as_str()), Some("x-sum"));
    assert!(heard.blind.is_empty() && message.whole);
}

#[test]
fn long_bodies_go_on_in_pieces_that_overlap() {
    let body: Vec<u8> = (0..30_000_u32).map(|n| (n % 251) as u8).collect();
    let mut bytes = b"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 30000\r\n\r\n".to_vec();
    bytes.extend_from_slice(&body);
    let heard = play(&PROTOCOL, &meta(), 12_000, &[up(bytes), close()]);
    let mut end = 0;
    for (index, (_, message)) in heard.messages.iter().enumerate() {
        let part = message.parts.last().unwrap();
        assert!(message.whole && !part.whole && part.kind == PartKind::Body);
        let from = usize::try_from(part.offset).unwrap();
        assert_eq!(part.bytes, body[from..from + part.bytes.len()]);
        assert_eq!(from, if index == 0 { 0 } else { end - 4_096 });
        end = from + part.bytes.len();
    }
    assert_eq!((end, heard.messages.len()), (30_000, 4));
    // A body that just fits is one part.
    let fits = play(&PROTOCOL, &meta(), 5, &[up("PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"), close()]);
    assert!(fits.messages[0].1.parts.last().unwrap().whole);
}

#[test]
fn holes_in_bodies_are_stepped_over() {
    let heard = http1(&[
        up("PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n01234"),
        Ev::Gap(Direction::ToServer, 10),
        up("56789GET /y HTTP/1.1\r\nHost: h\r\n\r\n"),
        close(),
    ]);
    assert_eq!(
        heard.lines(),
        [
            "> http1 PUT h/x (not whole) | path=/x | host=h | content-length=20 | body=01234 cut",
            "> http1 PUT h/x (not whole) | body=56789 @15 cut",
            "> http1 GET h/y | path=/y | host=h",
        ]
    );
    assert_eq!((heard.blind[0].why, heard.blind[0].bytes), (Blind::Lost, 10));
}

#[test]
fn what_follows_a_lost_boundary_is_found() {
    let heard = http1(&[
        up("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HT"),
        down("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"),
        Ev::Gap(Direction::ToServer, 40),
        Ev::Gap(Direction::ToClient, 0),
        down("lost end of itHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nthr"),
        up("rest of a body}POST /c HTTP/1.1\r\nHost: h\r\n\r\n"),
        close(),
    ]);
    assert_eq!(
        heard.of(Direction::ToServer),
        [
            "> http1 GET h/a | path=/a | host=h",
            "> http1 fragment (not whole) | body=GET /b HT cut",
            "> http1 fragment (not whole) | body=rest of a body} cut",
            "> http1 POST h/c | path=/c | host=h",
        ]
    );
    assert_eq!(
        heard.of(Direction::ToClient),
        [
            "< http1 200 GET h/a | content-length=3 | body=one",
            "< http1 fragment (not whole) | body=lost end of it cut",
            "< http1 200 | content-length=3 | body=thr",
        ]
    );
}

#[test]
fn ends_in_mid_message_are_told() {
    let table: [(&[Ev], usize, Option<Blind>); 7] = [
        (&[up("GET / HTTP/1.1\r\nHost: h\r\n"), Ev::Close(Ending::CaptureEnd)], 1, Some(Blind::Truncated)),
        (&[up("PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"), Ev::Close(Ending::Reset)], 1, Some(Blind::Truncated)),
        (&[up("GET / HTTP/1.1\r\n\r\n"), Ev::Close(Ending::CaptureEnd)], 1, Some(Blind::Truncated)),
        (&[up("GET / HTTP/1.1\r\n\r\n"), Ev::Close(Ending::Clean)], 1, None),
        (
            &[up("GET / HTTP/1.1\r\n\r\n"), down("HTTP/1.1 200 OK\r\n\r\nabc"), Ev::Close(Ending::CaptureEnd)],
            2,
            Some(Blind::Truncated),
        ),
        (&[up("GET / HTTP/1.1\r\n\r\n"), down("HTTP/1.1 200 OK\r\n\r\nabc"), Ev::Close(Ending::Clean)], 2, None),
        (
            &[
                up("GET / HTTP/1.1\r\n\r\n"),
                down("HTTP/1.1 200 OK\r\n\r\nabc"),
                Ev::End(Direction::ToClient),
                Ev::Close(Ending::CaptureEnd),
            ],
            2,
            None,
        ),
    ];
    for (events, messages, blind) in table {
        let heard = http1(events);
        assert_eq!(heard.messages.len(), messages, "{events:?}");
        assert_eq!(heard.blind.first().map(|spot| spot.why), blind, "{events:?}");
        let cut = matches!(blind, Some(Blind::Truncated))
            && !matches!(&events[0], Ev::Data(_, b) if b.ends_with(b"1.1\r\n\r\n") && events.len() == 2);
        assert_eq!(heard.messages.last().unwrap().1.whole, !cut, "{events:?}");
    }
}

#[test]
fn conflicting_lengths_are_told() {
    let both = http1(&[
        up("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        close(),
    ]);
    assert!(both.lines()[0].ends_with("body=hello"));
    assert_eq!(both.facts[0].0, "http1.conflicting-lengths");
    let two = http1(&[up("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), close()]);
    assert_eq!(two.blind[0].why, Blind::Malformed);
    assert!(two.lines().iter().any(|line| line.ends_with("body=abc")));
    let same = http1(&[up("POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc"), close()]);
    assert!(same.blind.is_empty() && same.lines()[0].ends_with("body=abc"));
    let huge = http1(&[up("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nabc"), close()]);
    assert_eq!(huge.blind[0].why, Blind::Malformed);
}

#[test]
fn upgrades_and_tunnels_become_children() {
    let heard = http1(&[
        up("GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: foo/2\r\nConnection: upgrade\r\n\r\nearly"),
        down("HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo/2\r\n\r\nDOWN"),
        up(" UP"),
        close(),
    ]);
    assert_eq!(heard.raw, [(Some("foo/2".to_owned()), [b"early UP".to_vec(), b"DOWN".to_vec()])]);
    let heard = http1(&[
        up("CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n\r\n"),
        down("HTTP/1.1 200 Connection established\r\n\r\n"),
        up("\x16\x03"),
        close(),
    ]);
    assert_eq!(heard.raw, [(None, [b"\x16\x03".to_vec(), Vec::new()])]);
    assert_eq!(heard.messages[0].1.label, "CONNECT api.example");
    let refused = http1(&[
        up("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n"),
        down("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        close(),
    ]);
    assert_eq!(refused.of(Direction::ToServer).len(), 2);
}

#[test]
fn absolute_targets_name_their_host() {
    let heard = http1(&[up("GET http://me:pw@Api.example:80/x?y HTTP/1.1\r\nHost: proxy\r\n\r\n"), close()]);
    assert_eq!(
        heard.lines(),
        ["> http1 GET api.example/x | :authority=me:pw@Api.example:80 | path=/x | query=y | host=proxy"]
    );
}

#[test]
fn floods_stay_within_budgets_and_are_told() {
    let mut head = b"GET / HTTP/1.1\r\n".to_vec();
    head.resize(HEAD_BYTES + 100, b'a');
    let heard = http1(&[up(head), close()]);
    assert!(heard.blind.iter().any(|spot| spot.why == Blind::Budget));
    let mut chunk = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;".to_vec();
    chunk.resize(chunk.len() + 2 * FRAMING_LINE, b'x');
    let heard = http1(&[up(chunk), close()]);
    assert!(heard.blind.iter().any(|spot| spot.why == Blind::Budget));
    assert!(heard.messages.iter().any(|(_, message)| !message.whole));
}

#[test]
fn a_capture_that_starts_in_the_middle_is_read_from_the_next_message() {
    let midway = StreamMeta { from_start: false, ..meta() };
    let rest = "rest of an old body\"}GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
    let peek = Peek {
        meta: &midway,
        to_server: rest.as_bytes(),
        to_client: b"",
        waiting: &[],
        secrets: &crate::model::secret::Secrets::default(),
    };
    assert_eq!(probe(&peek), Match::Maybe);
    let heard = play(&PROTOCOL, &midway, LIMIT, &[up(rest), close()]);
    assert_eq!(
        heard.lines(),
        ["> http1 fragment (not whole) | body=rest of an old body\\\"} cut", "> http1 GET h/a | path=/a | host=h",]
    );
}

#[test]
fn datagrams_are_messages() {
    let udp = StreamMeta { datagrams: true, ..meta() };
    let search = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nST: ssdp:all\r\n\r\n";
    let heard = play(
        &PROTOCOL,
        &udp,
        LIMIT,
        &[up(search), up(search), down("HTTP/1.1 200 OK\r\nUSN: uuid:1\r\n\r\n"), close()],
    );
    assert_eq!(
        heard.lines(),
        [
            "> http1 M-SEARCH 239.255.255.250 * | path=* | host=239.255.255.250:1900 | st=ssdp:all",
            "> http1 M-SEARCH 239.255.255.250 * | path=* | host=239.255.255.250:1900 | st=ssdp:all",
            "< http1 200 M-SEARCH 239.255.255.250 * | usn=uuid:1",
        ]
    );
}

#[test]
fn only_http_is_taken_for_http() {
    let meta = meta();
    let table: [(&[u8], &[u8], Match); 9] = [
        (b"GET / HTTP/1.1\r\n", b"", Match::Certain),
        (b"GET / HT", b"", Match::NeedMore),
        (b"\x16\x03\x01", b"", Match::No),
        (b"EHLO x\r\n", b"220 hi\r\n", Match::No),
        (b"OPTIONS rtsp://x RTSP/1.0\r\n", b"", Match::No),
        (b"", b"HTTP/1.1 200 OK\r\n", Match::Certain),
        (b"", b"220 mail\r\n", Match::No),
        (b"PRI * HTTP/2.0\r\n", b"", Match::No),
        (b"", b"", Match::NeedMore),
    ];
    for (to_server, to_client, want) in table {
        assert_eq!(
            probe(&Peek {
                meta: &meta,
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

/// A session with everything in it, as pieces in order.
fn session() -> Vec<(Direction, Vec<u8>)> {
    let up = Direction::ToServer;
    let down = Direction::ToClient;
    vec![
        (up, b"POST /v1/send?a=b HTTP/1.1\r\nHost: api.example\r\nX-F: 1\r\n 2\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nThe \r\n5\r\nheron\r\n0\r\nX-T: 1\r\n\r\n".to_vec()),
        (up, b"GET /two HTTP/1.1\nHost: api.example\n\n".to_vec()),
        (down, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\nlands at dusk".to_vec()),
        (up, b"GET /chat HTTP/1.1\r\nHost: api.example\r\nUpgrade: other\r\n\r\n".to_vec()),
        (down, b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnop\r\n0\r\n\r\n".to_vec()),
        (down, b"HTTP/1.1 101 Yes\r\nUpgrade: other\r\n\r\nraw down".to_vec()),
        (up, b"raw up".to_vec()),
    ]
}

fn split(pieces: &[(Direction, Vec<u8>)], cuts: &[prop::sample::Index]) -> Vec<Ev> {
    let mut events = Vec::new();
    for (direction, bytes) in pieces {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        for pair in at.windows(2) {
            events.push(Ev::Data(*direction, bytes[pair[0]..pair[1]].to_vec()));
        }
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_reads_the_same(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12), whole in any::<bool>()) {
        let pieces = session();
        let mut events = split(&pieces, &cuts);
        if whole {
            // Everything of one direction before anything of the other.
            events.sort_by_key(|event| matches!(event, Ev::Data(Direction::ToClient, _)));
        }
        events.push(close());
        let straight: Vec<Ev> = pieces.iter().map(|(d, b)| Ev::Data(*d, b.clone())).chain([close()]).collect();
        let (got, want) = (http1(&events), http1(&straight));
        prop_assert_eq!(got.exact(), want.exact());
        prop_assert_eq!(got.raw, want.raw);
        prop_assert!(got.blind.is_empty());
    }

    #[test]
    fn truncation_gives_a_prefix(at in any::<prop::sample::Index>()) {
        let mut bytes = Vec::new();
        for (direction, piece) in session() {
            bytes.extend(piece.into_iter().map(|byte| (direction, byte)));
        }
        let cut = at.index(bytes.len() + 1);
        let all: Vec<Ev> = bytes.iter().map(|(d, b)| Ev::Data(*d, vec![*b])).chain([close()]).collect();
        let mut some: Vec<Ev> = all[..cut].to_vec();
        some.push(Ev::Close(Ending::CaptureEnd));
        let (all, some) = (http1(&all).exact(), http1(&some));
        for (all, direction) in all.iter().zip(Direction::BOTH) {
            let whole = some.messages.iter().filter(|(_, m)| m.direction == direction && m.whole).count();
            prop_assert!(some.exact()[direction.index()][..whole] == all[..whole]);
        }
    }

    #[test]
    fn mutation_never_panics(
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
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
        let mut events = split(&pieces, &cuts);
        if let Some((at, len)) = gap {
            let index = at.index(events.len());
            events.insert(index, Ev::Gap(if len % 2 == 0 { Direction::ToServer } else { Direction::ToClient }, len));
        }
        events.push(close());
        play(&PROTOCOL, &meta(), limit, &events);
    }
}
