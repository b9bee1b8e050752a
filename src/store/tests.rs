//! What must hold for every service, and knocks at doors on loopback.

use super::service::{KNOCKS, knock};
use super::{Knock, socket};
use crate::model::door::{Service, State};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

#[test]
fn every_service_has_one_knock_and_samples_of_both_answers() {
    let services: Vec<Service> = KNOCKS.iter().map(|knock| knock.service).collect();
    assert_eq!(services, Service::ALL);
    for knock in KNOCKS {
        let name = knock.service.name();
        assert!(!knock.ports.is_empty() && !knock.asks.is_empty(), "{name}");
        for state in [State::Open, State::Locked] {
            assert!(knock.samples.iter().any(|sample| sample.state == state), "{name} has no sample of {state:?}");
        }
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{name}");
        assert_eq!(serde_json::to_value(knock.service).unwrap(), name);
    }
}

#[test]
fn answers_are_read_whole_cut_and_mutated() {
    for knock in KNOCKS {
        let name = knock.service.name();
        for sample in knock.samples {
            let said = (knock.read)(sample.answer, true).unwrap();
            assert_eq!(said.state, sample.state, "{name}: {}", String::from_utf8_lossy(sample.answer));
            let holds = sample.holds.is_empty() || said.holds.iter().any(|holding| holding.name == sample.holds);
            assert!(holds, "{name}: {said:?}");
            assert!(said.state == State::Open || said.holds.is_empty(), "{name}");
            for cut in 0..sample.answer.len() {
                let part = &sample.answer[..cut];
                // As long as more may come, nothing but the final answer is an answer.
                let early = (knock.read)(part, false);
                assert!(
                    early.is_none_or(|early| early.state == sample.state || cut + 8 >= sample.answer.len()),
                    "{name} at {cut}"
                );
                let _ = (knock.read)(part, true);
                let mut other = sample.answer.to_vec();
                other[cut] ^= 0x55;
                let _ = (knock.read)(&other, true);
            }
            // Whoever answers another protocol is no store of this kind.
            for other in
                [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"\0\0\0\0\0\0"]
            {
                let said = (knock.read)(other, true);
                assert!(said.is_none_or(|said| said.state == State::Other), "{name}");
            }
        }
    }
}

/// Answers one connection with these bytes, on loopback, once it has been asked as much as `asked` bytes.
fn stand_in(answer: &'static [u8], asked: impl Fn(u16) -> usize) -> (u16, std::thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = asked(port);
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // What is left unread when a socket is closed resets the connection, and the answer with it.
        let mut request = vec![0; asked];
        stream.read_exact(&mut request).unwrap();
        for piece in answer.chunks(7) {
            // Whoever has read enough hangs up, and need not wait for the rest.
            if stream.write_all(piece).is_err() {
                break;
            }
        }
        request
    });
    (port, served)
}

/// Stand-ins, made of the published interfaces, for the services that are not installed here.
#[test]
fn stand_ins_of_every_service_are_told_open_from_locked() {
    for knock in KNOCKS {
        for sample in knock.samples {
            let (port, served) = stand_in(sample.answer, |port| (knock.request)("127.0.0.1", port).len());
            let door = socket::knock("127.0.0.1", port, knock, false);
            let request = served.join().unwrap();
            assert_eq!(request, (knock.request)("127.0.0.1", port));
            assert_eq!(door.state, sample.state, "{door:?}");
        }
    }
}

#[test]
fn a_port_where_nobody_listens_is_closed_and_says_why() {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let door = socket::knock("127.0.0.1", port, knock(Service::Redis).unwrap(), false);
    assert_eq!(door.state, State::Closed);
    assert!(door.note.is_some(), "{door:?}");
}

#[test]
fn an_answer_without_end_is_cut_at_the_budget() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"$999999999\r\n");
        while stream.write_all(&[b'x'; 4_096]).is_ok() {}
    });
    let door = socket::knock("127.0.0.1", port, knock(Service::Redis).unwrap(), false);
    assert_eq!(door.state, State::Other, "{door:?}");
    served.join().unwrap();
}

/// No request changes anything, and each is one.
#[test]
fn requests_only_read() {
    for Knock { service, request, .. } in KNOCKS {
        let bytes = request("127.0.0.1", 9_999);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let verbs = ["DELETE", "PUT ", "drop", "insert", "flush", "set ", "config"];
        assert!(!verbs.iter().any(|verb| text.to_lowercase().contains(&verb.to_lowercase())), "{service:?}: {text}");
        assert!(text.matches("HTTP/1.1").count() <= 1, "{service:?}");
        assert_eq!(text.contains("POST "), *service == Service::Etcd, "etcd's gateway reads by POST alone");
    }
}
