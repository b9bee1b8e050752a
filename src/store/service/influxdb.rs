//! InfluxDB 1: the names of its databases.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::model::door::{Service, State};
use crate::store::{Knock, Said, Sample, http, named};

/// The entry.
pub(super) static KNOCK: Knock = Knock {
    service: Service::Influxdb,
    asks: "the names of its databases (GET /query?q=SHOW DATABASES)",
    ports: &[8086],
    request: |host, port| http::get(host, port, "/query?q=SHOW%20DATABASES"),
    read,
    samples: &[
        Sample { answer: include_bytes!("answers/influxdb-open"), state: State::Open, holds: "calls" },
        Sample { answer: include_bytes!("answers/influxdb-locked"), state: State::Locked, holds: "" },
    ],
};

fn read(bytes: &[u8], ended: bool) -> Option<Said> {
    let answer = http::answer(bytes, ended)?;
    if let Some(state) = answer.refusal() {
        return Some(Said::only(state));
    }
    let version = answer.header("x-influxdb-version").map(str::to_owned);
    let found = answer.json();
    let Some(series) = found.as_ref().and_then(|found| found.pointer("/results/0")) else {
        return Some(Said::only(State::Other));
    };
    let rows = series.pointer("/series/0/values").and_then(serde_json::Value::as_array);
    let names = rows.into_iter().flatten().filter_map(|row| Some(row.get(0)?.as_str()?.to_owned()));
    Some(Said { state: State::Open, version, holds: names.map(named).collect() })
}
