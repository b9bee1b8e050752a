//! What hostile or incomplete associations do; whole ones are recorded (`tests/fixtures/peers/dtls.toml`).

use super::PROTOCOL;
use crate::bytes::Match;
use crate::message::harness::{Ev, down, meta, play, up};
use crate::message::{Peek, Sink};
use crate::model::budget::DTLS_HELD_BYTES;
use crate::model::flow::Blind;
use crate::model::origin::Origins;
use crate::model::secret::Secrets;
use crate::model::stream::{Chunk, Direction, Ending, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;

fn udp() -> StreamMeta {
    StreamMeta { datagrams: true, ..meta() }
}

fn record(kind: u8, epoch: u16, number: u32, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, 0xfe, 0xfd];
    out.extend(epoch.to_be_bytes());
    out.extend([0, 0]);
    out.extend(number.to_be_bytes());
    out.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    out.extend(body);
    out
}

fn judge(bytes: &[u8]) -> Match {
    (PROTOCOL.probe)(&Peek {
        meta: &udp(),
        to_server: bytes,
        to_client: b"",
        waiting: &[],
        secrets: &Secrets::default(),
    })
}

#[test]
fn records_fill_their_datagram_and_other_bytes_are_no_records() {
    let two = [record(23, 1, 7, &[9; 40]), record(23, 1, 8, &[9; 40])].concat();
    assert_eq!(judge(&two), Match::Certain);
    assert_eq!(judge(&two[..two.len() - 1]), Match::No);
    assert_eq!(judge(&[two.as_slice(), b"x"].concat()), Match::No);
    let hello = record(22, 0, 0, &[1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0xfe, 0xfd]);
    assert_eq!(judge(&hello), Match::Certain);
    let overlong = record(22, 0, 0, &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0xfe, 0xfd]);
    assert_eq!(judge(&overlong), Match::No, "a fragment longer than its message");
    let mut tls = two;
    tls[1] = 3;
    assert_eq!(judge(&tls), Match::No);
    assert_eq!(
        judge(&[0x2f, 1, 2, 0, 20, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]),
        Match::NeedMore
    );
}

#[test]
fn connection_ids_are_found_by_their_record_s_length() {
    let mut bytes = vec![25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 7];
    bytes.extend(b"heron");
    bytes.extend([0, 30]);
    bytes.extend([9; 30]);
    assert_eq!(judge(&bytes), Match::Certain);
}

#[test]
fn floods_of_epochs_wait_within_their_bound_and_are_told() {
    let secrets = Secrets::default();
    let mut sink = Sink::new(&secrets, 1 << 20);
    let mut dissector = (PROTOCOL.start)(&udp());
    let mut most = 0;
    for number in 0..2000_u32 {
        let epoch = u16::try_from(number % 60_000 + 1).unwrap();
        let bytes = record(23, epoch, number, &[7; 200]);
        let origins = Origins::one(bytes.len(), 1);
        let direction = Direction::ToServer;
        let chunk = Chunk { direction, at: Timestamp::default(), offset: 0, bytes: &bytes, origins };
        dissector.on_event(StreamEvent::Data(chunk), &mut sink).unwrap();
        most = most.max(dissector.held());
    }
    assert!((1..=DTLS_HELD_BYTES).contains(&most), "{most}");
}

#[test]
fn without_a_handshake_data_is_told_and_nothing_of_the_handshake_is() {
    let events = [up(record(22, 1, 0, &[7; 40])), up(record(23, 1, 1, &[7; 100])), down(record(23, 1, 1, &[7; 60]))];
    let events: Vec<Ev> = events.into_iter().chain([Ev::Close(Ending::Clean)]).collect();
    let heard = play(&PROTOCOL, &udp(), 1 << 20, &events);
    assert_eq!(heard.blind.len(), 2);
    assert!(heard.blind.iter().all(|spot| spot.why == Blind::HandshakeMissing && spot.bytes > 0));
}

#[test]
fn a_record_that_says_nonsense_ends_nothing_else() {
    let mut events = vec![up(record(22, 0, 0, &[1, 0, 0, 5]))];
    events.push(Ev::Close(Ending::Clean));
    let heard = play(&PROTOCOL, &udp(), 1 << 20, &events);
    assert!(heard.messages.is_empty());
}

#[test]
fn what_a_hello_says_in_clear_is_overheard_and_is_no_message() {
    let listed = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let name = listed(&[&[0][..], &listed(b"Ada.push.a.example")].concat());
    let extensions = [&[0, 0][..], &listed(&name)].concat();
    let body = [&[0xfe, 0xfd][..], &[7; 32], &[0, 0, 0, 2, 0xc0, 0x2b, 1, 0], &listed(&extensions)].concat();
    let len = u32::try_from(body.len()).unwrap().to_be_bytes();
    // In one fragment, and in two.
    for cut in [body.len(), 60] {
        let mut events = Vec::new();
        for (number, (from, to)) in (0..).zip([(0, cut), (cut, body.len())]).filter(|(_, (from, to))| from < to) {
            let place = |at: usize| u32::try_from(at).unwrap().to_be_bytes();
            let head = [&[1][..], &len[1..], &[0, 0], &place(from)[1..], &place(to - from)[1..]].concat();
            events.push(up(record(22, 0, number, &[&head, &body[from..to]].concat())));
        }
        events.push(Ev::Close(Ending::Clean));
        let heard = play(&PROTOCOL, &udp(), 1 << 20, &events);
        let said: Vec<String> = heard
            .hellos
            .iter()
            .flat_map(|hello| &hello.parts)
            .map(|part| String::from_utf8_lossy(&part.bytes).into_owned())
            .collect();
        assert_eq!(said, ["Ada.push.a.example", "Adapushaexample"], "{cut}");
        assert!(heard.hellos.iter().flat_map(|hello| &hello.parts).all(|part| part.origins.first().is_some()));
        assert!(heard.messages.is_empty() && heard.hosts == ["ada.push.a.example"]);
    }
}
