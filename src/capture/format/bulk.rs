//! `_bulk` bodies of Elasticsearch and OpenSearch: a line that says what to do, and a line with the document. Both make
//! one record.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::lines::{Lines, head_lines, is_text, text};
use crate::capture::{EvidenceKind, Format, Loss, Source, Stopped, Window};
use crate::model::item::Item;
use crate::model::record::{Record, Standing};

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "bulk",
    about: "_bulk bodies (an action line, then a document line)",
    kind: EvidenceKind::Store,
    sniff,
    open,
    secrets: None,
};

const ACTIONS: [&str; 4] = ["index", "create", "update", "delete"];

fn sniff(head: &[u8]) -> Match {
    let first = head_lines(head).next().unwrap_or_default();
    if is_text(head) && action(first).is_some() { Match::Maybe } else { Match::No }
}

/// The action that a line names, if it is nothing else: `{"index":{"_index":"chat"}}`.
fn action(line: &[u8]) -> Option<&'static str> {
    if line.len() > 4_096 {
        return None;
    }
    let found: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).ok()?;
    let [(name, value)] = found.iter().collect::<Vec<_>>().try_into().ok()?;
    let about = value.as_object()?;
    let known = ["_index", "_id", "_type", "routing", "pipeline", "version", "require_alias", "retry_on_conflict"];
    let plain =
        about.keys().all(|key| known.contains(&key.as_str()) || key.contains("version") || key.starts_with("if_"));
    ACTIONS.into_iter().find(|action| action == name && plain)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the registry's signature: other formats have a header that may be broken"
)]
fn open(window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    Ok(Box::new(Bulk { lines: Lines::new(window), record: Vec::new(), records: 0 }))
}

struct Bulk {
    lines: Lines,
    record: Vec<u8>,
    records: u64,
}

impl Source for Bulk {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        self.record.clear();
        let mut first = None;
        let mut whole = true;
        while let Some(line) = self.lines.next()? {
            let text = text(self.lines.bytes(line));
            let text = text.as_bytes().trim_ascii();
            if text.is_empty() {
                continue;
            }
            whole &= !line.cut && text.last() == Some(&b'}');
            let begins = *first.get_or_insert(line.number);
            match action(text) {
                // Two actions in a row: the first one's document is missing.
                Some(next) if self.record.is_empty() => {
                    self.record.extend_from_slice(b"{\"_action\":");
                    self.record.extend_from_slice(text);
                    if next == "delete" {
                        break;
                    }
                }
                _ if self.record.is_empty() => {
                    self.record.extend_from_slice(text);
                    self.records = self.records.saturating_add(1);
                    let record = Record {
                        number: self.records,
                        line: begins,
                        bytes: &self.record,
                        whole,
                        kind: 0,
                        standing: Standing::Record,
                    };
                    return Ok(Some(Item::Record(record)));
                }
                _ => {
                    self.record.extend_from_slice(b",\"_source\":");
                    self.record.extend_from_slice(text);
                    break;
                }
            }
        }
        let Some(line) = first else { return Ok(None) };
        self.record.push(b'}');
        if !whole {
            self.lines.loss().record("broken JSON line", || {
                format!("the document at line {line} is no complete JSON; it was read as far as it goes")
            });
        }
        self.records = self.records.saturating_add(1);
        Ok(Some(Item::Record(Record {
            number: self.records,
            line,
            bytes: &self.record,
            whole,
            kind: 0,
            standing: Standing::Record,
        })))
    }

    fn loss(&mut self) -> Loss {
        self.lines.take_loss()
    }
}
