//! Kibana and OpenSearch Dashboards: their status, which names the version.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::model::door::{Service, State};
use crate::store::{Knock, Said, Sample, http, named};

/// The entry.
pub(super) static KNOCK: Knock = Knock {
    service: Service::Kibana,
    asks: "its status (GET /api/status)",
    ports: &[5601],
    request: |host, port| http::get(host, port, "/api/status"),
    read,
    samples: &[
        Sample {
            answer: b"HTTP/1.1 200 OK\r\nkbn-name: log\r\ncontent-length: 81\r\n\r\n{\"name\":\"log\",\"version\":{\"number\":\"7.10.2\"},\"status\":{\"overall\":{\"state\":\"green\"}}}",
            state: State::Open,
            holds: "log",
        },
        Sample {
            // With security on, newer versions answer everybody, and tell strangers next to nothing.
            answer: b"HTTP/1.1 200 OK\r\nkbn-name: log\r\ncontent-length: 45\r\n\r\n{\"status\":{\"overall\":{\"level\":\"available\"}}}",
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
    let Some(status) = answer.json() else { return Some(Said::only(State::Other)) };
    let text = |pointer: &str| status.pointer(pointer).and_then(serde_json::Value::as_str).map(str::to_owned);
    let version = text("/version/number");
    let state = match (&version, status.get("status")) {
        (Some(_), Some(_)) => State::Open,
        (None, Some(_)) => State::Locked,
        _ => State::Other,
    };
    Some(Said {
        state,
        version,
        holds: text("/name").filter(|_| state == State::Open).map(named).into_iter().collect(),
    })
}
