use super::*;
use crate::message::harness::{Ev, Heard, down, meta, play, up};
use crate::message::protocol::http1;
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let flag = if mask.is_some() { 0x80 } else { 0 };
    let mut out = vec![first];
    if payload.len() < 126 {
        out.push(flag | u8::try_from(payload.len()).unwrap());
    } else {
        out.push(flag | 0x7e);
        out.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
    }
    let mask = mask.inspect(|mask| out.extend_from_slice(mask)).unwrap_or_default();
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

fn deflate(state: &mut Compress, text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(4_096);
    state.compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync).unwrap();
    assert!(out.ends_with(&TAIL));
    out.truncate(out.len() - 4);
    out
}

fn session(extensions: &str) -> Vec<Ev> {
    vec![
        up("GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        down(format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n{extensions}\r\n")),
    ]
}

fn heard(events: &[Ev]) -> Heard {
    play(&http1::PROTOCOL, &meta(), 1 << 20, events)
}

fn messages(heard: &Heard) -> Vec<String> {
    heard.lines().into_iter().filter(|line| line.contains("websocket ")).collect()
}

#[test]
fn frames_become_messages() {
    let key = Some([1, 2, 3, 4]);
    let mut events = session("");
    events.extend([
        up(frame(0x01, key, b"The heron ")),
        up(frame(0x89, key, b"alive?")),
        up(frame(0x80, key, b"lands at dusk")),
        down(frame(0x82, None, &[0; 300])),
        down(frame(0x88, None, b"\x03\xe8bye")),
        up(frame(0x88, key, b"\x03\xe8")),
        Ev::Close(Ending::Clean),
    ]);
    let heard = heard(&events);
    let got = messages(&heard);
    assert_eq!(
        got[..2],
        ["> websocket websocket ping | body=alive?", "> websocket websocket message | body=The heron lands at dusk"]
    );
    assert!(got[2].starts_with("< websocket websocket message | body=\\x00\\x00"));
    assert_eq!(got[3], "< websocket websocket close | body=bye");
    assert!(heard.blind.is_empty());
}

#[test]
fn compressed_messages_share_their_window_or_not() {
    for (extensions, afresh) in
        [("permessage-deflate", false), ("permessage-deflate; client_no_context_takeover", true)]
    {
        let mut events = session(&format!("Sec-WebSocket-Extensions: {extensions}\r\n"));
        let mut state = Compress::new(Compression::best(), false);
        for n in 0..3 {
            if afresh {
                state = Compress::new(Compression::best(), false);
            }
            let coded = deflate(&mut state, &format!("The heron lands at dusk {n}"));
            let (front, back) = coded.split_at(coded.len() / 2);
            events.push(up(frame(0x41, Some([9; 4]), front)));
            events.push(up(frame(0x80, Some([7; 4]), back)));
        }
        events.push(Ev::Close(Ending::Clean));
        let heard = heard(&events);
        let want: Vec<String> = (0..3)
            .map(|n| format!("> websocket websocket message > permessage-deflate | body=The heron lands at dusk {n}"))
            .collect();
        assert_eq!(messages(&heard), want, "{extensions}");
        assert!(heard.blind.is_empty());
    }
}

#[test]
fn what_is_no_frame_or_never_ends_is_told() {
    let mut events = session("");
    events.extend([
        down(frame(0x83, None, b"x")),
        up(&frame(0x81, Some([0; 4]), b"hello")[..8]),
        Ev::Close(Ending::CaptureEnd),
    ]);
    let heard = heard(&events);
    let why: Vec<Blind> = heard.blind.iter().map(|spot| spot.why).collect();
    assert_eq!(why, [Blind::Malformed, Blind::Truncated]);
    assert!(heard.lines().contains(&"> websocket websocket message (not whole) | body=he cut".to_owned()));
}

#[test]
fn a_stream_inside_is_read_as_one() {
    let connect = b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03app";
    let publish = b"\x30\x15\x00\x04chatThe heron lands";
    let (front, back) = publish.split_at(9);
    let meta = StreamMeta { hint: Some("websocket".to_owned()), ..meta() };
    let events = [
        up(frame(0x82, Some([1, 2, 3, 4]), connect)),
        down(frame(0x82, None, b"\x20\x02\x00\x00")),
        // Messages need not end where packets do.
        up(frame(0x82, Some([1, 2, 3, 4]), front)),
        up(frame(0x82, Some([9, 2, 3, 4]), back)),
        Ev::Close(Ending::Clean),
    ];
    let heard = play(&PROTOCOL, &meta, usize::MAX, &events);
    heard.check();
    let lines = heard.lines().join("\n");
    assert!(lines.contains("> mqtt CONNECT") && lines.contains("The heron lands"), "{lines}");
    assert!(!lines.contains("websocket message"), "{lines}");
    let bytes: Vec<Ev> = events
        .iter()
        .flat_map(|event| match event {
            Ev::Data(direction, bytes) => bytes.iter().map(|byte| Ev::Data(*direction, vec![*byte])).collect(),
            other => vec![other.clone()],
        })
        .collect();
    assert_eq!(play(&PROTOCOL, &meta, usize::MAX, &bytes).lines(), heard.lines());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_and_any_bytes(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6), noise in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut state = Compress::new(Compression::best(), false);
        let mut bytes = frame(0xc1, Some([9; 4]), &deflate(&mut state, "The heron lands at dusk"));
        bytes.extend(frame(0xc1, Some([1, 2, 3, 4]), &deflate(&mut state, "The heron lands at dusk again")));
        let play = |pieces: Vec<Ev>| {
            let mut events = session("Sec-WebSocket-Extensions: permessage-deflate\r\n");
            events.extend(pieces);
            events.push(Ev::Close(Ending::Clean));
            heard(&events)
        };
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        at.sort_unstable();
        let got = play(at.windows(2).map(|pair| up(&bytes[pair[0]..pair[1]])).collect());
        prop_assert_eq!(got.lines(), play(vec![up(&bytes)]).lines());
        prop_assert_eq!(messages(&got).len(), 2);
        play(vec![up([&bytes[..at[0]], &noise].concat()), down(noise)]);
    }
}
