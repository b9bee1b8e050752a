//! What hostile or incomplete connections do; whole ones are recorded (`tests/fixtures/peers/quic*.toml`, `doq.toml`).

use super::PROTOCOL;
use crate::bytes::Match;
use crate::message::Peek;
use crate::message::harness::{Ev, down, meta, play, up};
use crate::model::secret::{SecretBytes, Secrets, TlsSecret};
use crate::model::stream::{Ending, StreamMeta};
use data_encoding::HEXLOWER;
use proptest::prelude::*;

fn udp() -> StreamMeta {
    StreamMeta { datagrams: true, ..meta() }
}

fn judge(bytes: &[u8], secrets: &Secrets) -> Match {
    (PROTOCOL.probe)(&Peek { meta: &udp(), to_server: bytes, to_client: b"", waiting: &[], secrets })
}

/// RFC 9001 appendix A.5, and the secret that opens it.
fn short() -> (Vec<u8>, Secrets) {
    let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
    let mut secrets = Secrets::default();
    secrets.add_tls(TlsSecret {
        label: "CLIENT_TRAFFIC_SECRET_0".to_owned(),
        client_random: [7; 32],
        secret: SecretBytes(hex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b")),
    });
    (hex("4cfe4189655e5cd55c41f69080575d7999c25a5bfb"), secrets)
}

#[test]
fn long_headers_name_themselves() {
    let none = Secrets::default();
    let long = |first: u8, version: u32| {
        [&[first][..], &version.to_be_bytes(), &[8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x40, 40], &[9; 40]].concat()
    };
    assert_eq!(judge(&long(0xc0, 1), &none), Match::Certain);
    assert_eq!(judge(&long(0xd0, 0x6b33_43cf), &none), Match::Certain);
    assert_eq!(judge(&long(0xc0, 0xff00_001d), &none), Match::Certain);
    assert_eq!(judge(&long(0xc3, 0x5130_3530), &none), Match::Certain, "Google's own");
    assert_eq!(judge(&long(0xc0, 0x1234_5678), &none), Match::No);
    let negotiation = [&[0x80, 0, 0, 0, 0, 1, 5, 1, 6][..], &1_u32.to_be_bytes()].concat();
    assert_eq!(judge(&negotiation, &none), Match::Certain);
    assert_eq!(judge(&negotiation[..9], &none), Match::No);
}

#[test]
fn a_short_header_needs_a_key_that_opens_it() {
    let (packet, secrets) = short();
    assert_eq!(judge(&packet, &secrets), Match::Certain);
    assert_eq!(judge(&packet, &Secrets::default()), Match::NeedMore);
    assert_eq!(judge(&packet[..20], &secrets), Match::No);
    assert_eq!(judge(&[0x3f; 40], &secrets), Match::No);
}

#[test]
fn versions_that_cannot_be_read_are_named() {
    let bytes = [&[0xc3][..], b"Q050", &[8, 1, 2, 3, 4, 5, 6, 7, 8, 0], &[9; 1_200]].concat();
    let heard = play(&PROTOCOL, &udp(), usize::MAX, &[up(bytes), Ev::Close(Ending::Idle)]);
    assert!(heard.facts.contains(&("quic.version", "Google QUIC Q050".to_owned())), "{:?}", heard.facts);
    assert!(!heard.blind.is_empty());
}

proptest! {
    #[test]
    fn any_datagrams_are_survived(
        datagrams in prop::collection::vec((any::<bool>(), 0_u8..8, prop::collection::vec(any::<u8>(), 0..120)), 0..12),
    ) {
        let (_, secrets) = short();
        let mut events: Vec<Ev> = datagrams
            .into_iter()
            .map(|(to_server, form, tail)| {
                let front: &[u8] = match form {
                    0 => &[0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x40, 60],
                    1 => &[0xe0, 0, 0, 0, 1, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x40, 60],
                    2 => &[0xf0, 0, 0, 0, 1, 0, 0],
                    3 => &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
                    4 => &[0xd0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0x40, 60],
                    5 => &[0x40, 1, 2, 3, 4, 5, 6, 7, 8],
                    _ => &[],
                };
                let bytes = [front, &tail].concat();
                if to_server { up(bytes) } else { down(bytes) }
            })
            .collect();
        events.push(Ev::Close(Ending::CaptureEnd));
        crate::message::harness::play_with(&secrets, &PROTOCOL, &udp(), usize::MAX, &events).check();
    }
}
