//! RabbitMQ's management: its overview, with version and number of messages.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::model::door::{Holding, Service, State};
use crate::store::{Knock, Said, Sample, http};

/// The entry.
pub(super) static KNOCK: Knock = Knock {
    service: Service::Rabbitmq,
    asks: "its overview (GET /api/overview)",
    ports: &[15672],
    request: |host, port| http::get(host, port, "/api/overview"),
    read,
    samples: &[
        Sample { answer: include_bytes!("answers/rabbitmq-open"), state: State::Open, holds: "chat@localhost" },
        Sample { answer: include_bytes!("answers/rabbitmq-locked"), state: State::Locked, holds: "" },
    ],
};

fn read(bytes: &[u8], ended: bool) -> Option<Said> {
    let answer = http::answer(bytes, ended)?;
    if let Some(state) = answer.refusal() {
        return Some(Said::only(state));
    }
    let Some(found) = answer.json() else { return Some(Said::only(State::Other)) };
    let text = |key: &str| found.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
    let Some(version) = text("rabbitmq_version") else { return Some(Said::only(State::Other)) };
    let records = found.pointer("/queue_totals/messages").and_then(serde_json::Value::as_u64);
    let holds = text("node").map(|name| Holding { name, records, bytes: None }).into_iter().collect();
    Some(Said { state: State::Open, version: Some(version), holds })
}
