//! CouchDB: the names of its databases.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::model::door::{Service, State};
use crate::store::{Knock, Said, Sample, http, named};

/// The entry.
pub(super) static KNOCK: Knock = Knock {
    service: Service::Couchdb,
    asks: "the names of its databases (GET /_all_dbs)",
    ports: &[5984],
    request: |host, port| http::get(host, port, "/_all_dbs"),
    read,
    samples: &[
        // PouchDB's server, which speaks the same protocol.
        Sample { answer: include_bytes!("answers/couchdb-open"), state: State::Open, holds: "chat" },
        Sample {
            answer: b"HTTP/1.1 200 OK\r\nServer: CouchDB/2.3.1 (Erlang OTP/19)\r\nContent-Length: 19\r\n\r\n[\"_users\",\"chat\"]\n\n",
            state: State::Open,
            holds: "chat",
        },
        Sample {
            answer: b"HTTP/1.1 401 Unauthorized\r\nServer: CouchDB/3.3.2 (Erlang OTP/25)\r\nContent-Length: 0\r\n\r\n",
            state: State::Locked,
            holds: "",
        },
    ],
};

fn read(bytes: &[u8], ended: bool) -> Option<Said> {
    let answer = http::answer(bytes, ended)?;
    if let Some(state) = answer.refusal() {
        return Some(Said::only(state));
    }
    let server = answer.header("server").unwrap_or_default();
    let version = server.strip_prefix("CouchDB/").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    let names: Option<Vec<String>> = answer.json().and_then(|names| serde_json::from_value(names).ok());
    Some(match names {
        Some(names) => Said { state: State::Open, version, holds: names.into_iter().map(named).collect() },
        None => Said::only(State::Other),
    })
}
