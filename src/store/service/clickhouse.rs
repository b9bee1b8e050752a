//! ClickHouse over HTTP: its version and the names of its databases.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::model::door::{Service, State};
use crate::store::{Knock, Said, Sample, http, named};

/// The entry.
pub(super) static KNOCK: Knock = Knock {
    service: Service::Clickhouse,
    asks: "its version and the names of its databases (GET /?query=SELECT ... FROM system.databases)",
    ports: &[8123],
    // A query that comes as GET is read-only.
    request: |host, port| {
        http::get(host, port, "/?query=SELECT%20version(),name%20FROM%20system.databases%20FORMAT%20JSONCompact")
    },
    read,
    samples: &[
        Sample { answer: include_bytes!("answers/clickhouse-open"), state: State::Open, holds: "chat" },
        Sample { answer: include_bytes!("answers/clickhouse-locked"), state: State::Locked, holds: "" },
        // Newer versions.
        Sample {
            answer: b"HTTP/1.1 403 Forbidden\r\nX-ClickHouse-Exception-Code: 516\r\nContent-Length: 0\r\n\r\n",
            state: State::Locked,
            holds: "",
        },
    ],
};

fn read(bytes: &[u8], ended: bool) -> Option<Said> {
    let answer = http::answer(bytes, ended)?;
    if let Some(state) = answer.refusal() {
        // Older versions say so in words (error codes 193 and 194: wrong password, password required).
        let wants = memchr::memmem::find(&answer.body, b"assword").is_some() && answer.body.starts_with(b"Code: 19");
        return Some(Said::only(if wants { State::Locked } else { state }));
    }
    let rows = answer.json();
    let Some(rows) = rows.as_ref().and_then(|found| found.get("data")?.as_array()) else {
        return Some(Said::only(State::Other));
    };
    let cell = |row: &serde_json::Value, at: usize| Some(row.get(at)?.as_str()?.to_owned());
    let version = rows.iter().find_map(|row| cell(row, 0));
    Some(Said { state: State::Open, version, holds: rows.iter().filter_map(|row| cell(row, 1)).map(named).collect() })
}
