//! etcd over its JSON gateway: how many keys it holds.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::model::door::{Holding, Service, State};
use crate::store::{Knock, Said, Sample, http};

/// The entry.
pub(super) static KNOCK: Knock = Knock {
    service: Service::Etcd,
    asks: "the number of its keys (POST /v3/kv/range with count_only)",
    ports: &[2379],
    // All keys from the first on, counted and not listed.
    request: |host, port| {
        http::post(host, port, "/v3/kv/range", r#"{"key":"AA==","range_end":"AA==","count_only":true}"#)
    },
    read,
    samples: &[
        Sample { answer: include_bytes!("answers/etcd-open"), state: State::Open, holds: "keys" },
        Sample { answer: include_bytes!("answers/etcd-locked"), state: State::Locked, holds: "" },
    ],
};

fn read(bytes: &[u8], ended: bool) -> Option<Said> {
    let answer = http::answer(bytes, ended)?;
    let found = answer.json();
    if let Some(state) = answer.refusal() {
        let wants = memchr::memmem::find(&answer.body, b"user name is empty").is_some();
        return Some(Said::only(if wants { State::Locked } else { state }));
    }
    if found.as_ref().and_then(|found| found.pointer("/header/revision")).is_none() {
        return Some(Said::only(State::Other));
    }
    // No count: there are none.
    let count = found.as_ref().and_then(|found| found.get("count")?.as_str()?.parse().ok()).unwrap_or(0);
    let holds = vec![Holding { name: "keys".to_owned(), records: Some(count), bytes: None }];
    Some(Said { state: State::Open, version: None, holds })
}
