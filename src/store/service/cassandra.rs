//! Cassandra: whether it lets a connection start (CQL binary protocol, version 4).
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Cursor;
use crate::model::door::{Service, State};
use crate::store::{Knock, Said, Sample};

/// The entry.
pub(super) static KNOCK: Knock = Knock {
    service: Service::Cassandra,
    asks: "to start a connection (STARTUP)",
    ports: &[9042],
    request: |_, _| STARTUP.to_vec(),
    read,
    samples: &[
        Sample { answer: b"\x84\0\0\0\x02\0\0\0\0", state: State::Open, holds: "" },
        Sample {
            answer: b"\x84\0\0\0\x03\0\0\0\x31\0\x2forg.apache.cassandra.auth.PasswordAuthenticator",
            state: State::Locked,
            holds: "",
        },
    ],
};

/// Version, flags, stream, opcode, length; then a map of one string (section 4.1.1).
const STARTUP: &[u8] = b"\x04\0\0\0\x01\0\0\0\x16\0\x01\0\x0bCQL_VERSION\0\x053.0.0";

fn read(bytes: &[u8], ended: bool) -> Option<Said> {
    let mut cursor = Cursor::new(bytes);
    let head = (cursor.u8("version"), cursor.take(3, "flags and stream"), cursor.u8("opcode"), cursor.u32("length"));
    let (Ok(version), Ok(_), Ok(opcode), Ok(_)) = head else {
        let strange = bytes.first().is_some_and(|version| version & 0x80 == 0);
        return (ended || strange).then(|| Said::only(State::Other));
    };
    Some(Said::only(match opcode {
        _ if version & 0x80 == 0 || version & 0x7f > 5 => State::Other,
        // READY, and AUTHENTICATE.
        0x02 => State::Open,
        0x03 => State::Locked,
        _ => State::Other,
    }))
}
