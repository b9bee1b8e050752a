//! What `plainsight door` wrote: the doors that were knocked at, each with its answer.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::{EvidenceKind, Format, Loss, Source, Stopped, Window};
use crate::model::budget::{DOOR_FILE, DOORS};
use crate::model::door::{Door, SCHEMA};
use crate::model::item::Item;
use serde::Deserialize;

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "doors",
    about: "what `plainsight door` found",
    kind: EvidenceKind::Store,
    sniff,
    open,
    secrets: None,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    doors: Vec<Door>,
}

fn sniff(head: &[u8]) -> Match {
    let begins = head.trim_ascii_start().first() == Some(&b'{');
    let named = head.get(..200).unwrap_or(head);
    if begins && memchr::memmem::find(named, SCHEMA.as_bytes()).is_some() { Match::Certain } else { Match::No }
}

fn open(mut window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    let bytes = window.head(DOOR_FILE.saturating_add(1));
    if bytes.len() > DOOR_FILE {
        return Err(window.stopped("this is far too long for a list of doors"));
    }
    let found: Result<Document, String> = serde_json::from_slice(bytes).map_err(|error| error.to_string());
    match found {
        Ok(found) if found.schema == SCHEMA => {
            let mut loss = Loss::default();
            let more = found.doors.len().saturating_sub(DOORS);
            if more > 0 {
                loss.record("doors over the budget", || format!("{more} more doors were not read"));
            }
            Ok(Box::new(Doors { doors: found.doors.into_iter().take(DOORS), loss }))
        }
        Ok(found) => Err(window.stopped(format!("this version reads {SCHEMA}, not {}", found.schema))),
        Err(why) => Err(window.stopped(why)),
    }
}

struct Doors {
    doors: std::iter::Take<std::vec::IntoIter<Door>>,
    loss: Loss,
}

impl Source for Doors {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        Ok(self.doors.next().map(|door| Item::Door(Box::new(door))))
    }

    fn loss(&mut self) -> Loss {
        std::mem::take(&mut self.loss)
    }
}
