//! Redis: its own description, with version and the number of keys of each database.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::model::door::{Holding, Service, State};
use crate::store::{Knock, Said, Sample};

/// The entry.
pub(super) static KNOCK: Knock = Knock {
    service: Service::Redis,
    asks: "its description (INFO)",
    ports: &[6379],
    request: |_, _| b"*1\r\n$4\r\nINFO\r\n".to_vec(),
    read,
    samples: &[
        Sample { answer: include_bytes!("answers/redis-open"), state: State::Open, holds: "db0" },
        Sample { answer: include_bytes!("answers/redis-locked"), state: State::Locked, holds: "" },
        // What it says to others than its own machine as long as nobody set a password.
        Sample {
            answer: b"-DENIED Redis is running in protected mode because protected mode is enabled\r\n",
            state: State::Locked,
            holds: "",
        },
    ],
};

fn read(bytes: &[u8], ended: bool) -> Option<Said> {
    let text = String::from_utf8_lossy(bytes);
    let Some((first, rest)) = text.split_once("\r\n") else {
        return ended.then(|| Said::only(State::Other));
    };
    if let Some(error) = first.strip_prefix('-') {
        let wants = ["NOAUTH", "DENIED", "NOPERM", "WRONGPASS"].iter().any(|code| error.starts_with(code));
        return Some(Said::only(if wants { State::Locked } else { State::Other }));
    }
    let Some(len) = first.strip_prefix('$').and_then(|len| len.parse::<usize>().ok()) else {
        return Some(Said::only(State::Other));
    };
    if rest.len() < len && !ended {
        return None;
    }
    let version = rest.lines().find_map(|line| line.strip_prefix("redis_version:")).map(str::to_owned);
    if version.is_none() {
        return Some(Said::only(State::Other));
    }
    let database = |line: &str| {
        let (name, about) = line.split_once(":keys=")?;
        let number = name.strip_prefix("db")?;
        number.parse::<u32>().ok()?;
        let records = about.split(',').next()?.parse().ok();
        Some(Holding { name: name.to_owned(), records, bytes: None })
    };
    Some(Said { state: State::Open, version, holds: rest.lines().filter_map(database).collect() })
}
