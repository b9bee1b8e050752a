//! Log lines whose front says when, how grave and from whom, taken apart: each becomes a JSON object. Lines that are not
//! like that stay as they are.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::lines::{Lines, is_text, text};
use super::{Loss, Source, Stopped, Window};
use crate::bytes::Match;
use crate::model::item::Item;
use crate::model::record::{Record, Standing};

/// A name and what stands under it.
pub(super) type Part<'a> = (&'static str, &'a str);
/// Takes a line apart; `None` if it is not of the format.
pub(super) type Parts = fn(&str) -> Option<Vec<Part<'_>>>;

/// Whether most lines can be taken apart.
pub(super) fn sniff<'h>(head: &[u8], lines: impl Iterator<Item = &'h [u8]>, parts: Parts) -> Match {
    let (mut fit, mut all) = (0_usize, 0_usize);
    for line in lines {
        all = all.saturating_add(1);
        fit = fit.saturating_add(usize::from(parts(&text(line)).is_some()));
    }
    if is_text(head) && all > 0 && fit.saturating_mul(4) > all.saturating_mul(3) { Match::Maybe } else { Match::No }
}

/// Reads lines, each taken apart.
pub(super) fn open(window: Window, parts: Parts) -> Box<dyn Source + Send> {
    Box::new(Parted { lines: Lines::new(window), parts, json: Vec::new(), records: 0 })
}

struct Parted {
    lines: Lines,
    parts: Parts,
    json: Vec<u8>,
    records: u64,
}

impl Source for Parted {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        while let Some(line) = self.lines.next()? {
            if line.len == 0 {
                continue;
            }
            self.records = self.records.saturating_add(1);
            let bytes = self.lines.bytes(line);
            let line_text = text(bytes);
            self.json.clear();
            match (self.parts)(&line_text) {
                None => self.json.extend_from_slice(line_text.as_bytes()),
                Some(found) => {
                    for (name, value) in found {
                        self.json.push(if self.json.is_empty() { b'{' } else { b',' });
                        let value = serde_json::Value::from(value);
                        self.json.extend_from_slice(format!("\"{name}\":{value}").as_bytes());
                    }
                    self.json.push(b'}');
                }
            }
            let (number, whole) = (self.records, !line.cut);
            return Ok(Some(Item::Record(Record {
                number,
                line: line.number,
                bytes: &self.json,
                whole,
                kind: 0,
                standing: Standing::Record,
            })));
        }
        Ok(None)
    }

    fn loss(&mut self) -> Loss {
        self.lines.take_loss()
    }
}
