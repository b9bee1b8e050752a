//! Elasticsearch and OpenSearch: the list of indices, with the number of their documents and their size.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::model::door::{Holding, Service, State};
use crate::store::{Knock, Said, Sample, http};

/// The entry.
pub(super) static KNOCK: Knock = Knock {
    service: Service::Elasticsearch,
    asks: "the names and sizes of its indices (GET /_cat/indices)",
    ports: &[9200],
    request: |host, port| http::get(host, port, "/_cat/indices?format=json&bytes=b&h=index,docs.count,store.size"),
    read,
    samples: &[
        Sample {
            answer: b"HTTP/1.1 200 OK\r\nX-elastic-product: Elasticsearch\r\ncontent-length: 60\r\n\r\n[{\"index\":\"chat-log\",\"docs.count\":\"7\",\"store.size\":\"4096\"}]",
            state: State::Open,
            holds: "chat-log",
        },
        Sample {
            answer: b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"security\"\r\ncontent-length: 2\r\n\r\n{}",
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
    let rows = answer.json();
    let Some(rows) = rows.as_ref().and_then(serde_json::Value::as_array) else { return Some(Said::only(State::Other)) };
    let number = |row: &serde_json::Value, key: &str| row.get(key)?.as_str()?.parse().ok();
    let holding = |row: &serde_json::Value| {
        let name = row.get("index")?.as_str()?.to_owned();
        Some(Holding { name, records: number(row, "docs.count"), bytes: number(row, "store.size") })
    };
    let holds: Vec<Holding> = rows.iter().filter_map(holding).collect();
    let state = if holds.len() == rows.len() { State::Open } else { State::Other };
    Some(Said { state, version: None, holds })
}
