//! Memcached: its statistics, with version, number of items and bytes.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::model::door::{Holding, Service, State};
use crate::store::{Knock, Said, Sample};

/// The entry.
pub(super) static KNOCK: Knock = Knock {
    service: Service::Memcached,
    asks: "its statistics (stats)",
    ports: &[11211],
    request: |_, _| b"stats\r\n".to_vec(),
    read,
    samples: &[
        Sample { answer: include_bytes!("answers/memcached-open"), state: State::Open, holds: "items" },
        Sample { answer: include_bytes!("answers/memcached-locked"), state: State::Locked, holds: "" },
    ],
};

fn read(bytes: &[u8], ended: bool) -> Option<Said> {
    let text = String::from_utf8_lossy(bytes);
    if !text.contains('\n') && !ended && bytes.len() < 1_024 {
        return None;
    }
    if text.starts_with("CLIENT_ERROR") && text.ends_with('\n') {
        let wants = text.contains("auth");
        return Some(Said::only(if wants { State::Locked } else { State::Other }));
    }
    if !text.ends_with("END\r\n") && !ended && (text.starts_with("STAT ") || "STAT ".starts_with(text.as_ref())) {
        return None;
    }
    let stat = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("STAT ")?.strip_prefix(name)?.strip_prefix(' '));
        line.map(str::to_owned)
    };
    let Some(version) = stat("version") else { return Some(Said::only(State::Other)) };
    let number = |name: &str| stat(name).and_then(|number| number.trim().parse().ok());
    let holds = vec![Holding { name: "items".to_owned(), records: number("curr_items"), bytes: number("bytes") }];
    Some(Said { state: State::Open, version: Some(version), holds })
}
