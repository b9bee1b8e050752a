//! BSON documents one after the other, as mongodump writes each collection.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::{EvidenceKind, Format, Loss, Source, Stopped, Window};
use crate::model::budget::RECORD_BYTES;
use crate::model::item::Item;
use crate::model::record::{Record, Standing};

/// The registry entry.
pub(super) static FORMAT: Format =
    Format { name: "bson", about: "BSON documents (mongodump)", kind: EvidenceKind::Store, sniff, open, secrets: None };

/// Bytes of an empty document.
const SHORTEST: usize = 5;

/// The length that a document begins with.
fn len(head: &[u8]) -> Option<usize> {
    let len = head.first_chunk().map(|len| u32::from_le_bytes(*len))?;
    usize::try_from(len).ok().filter(|len| *len >= SHORTEST)
}

fn sniff(head: &[u8]) -> Match {
    let Some(len) = len(head) else { return Match::No };
    // The first element: a type that exists, and a name of printable text.
    let Some((kind, rest)) = head.get(4..).and_then(<[u8]>::split_first) else { return Match::No };
    let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
    let named = matches!(kind, 0x01..=0x13) && (1..=128).contains(&name.len()) && name.len() < rest.len();
    let printable = std::str::from_utf8(name).is_ok_and(|name| !name.chars().any(char::is_control));
    let closed = match head.get(len.saturating_sub(1)) {
        Some(last) => {
            *last == 0
                && head.get(len..).is_none_or(|next| next.is_empty() || self::len(next).is_some() || next.len() < 4)
        }
        // Longer than the head.
        None => len <= 16 << 20 && head.len() >= crate::capture::open::HEAD,
    };
    if named && printable && closed { Match::Maybe } else { Match::No }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the registry's signature: other formats have a header that may be broken"
)]
fn open(window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    Ok(Box::new(Documents { window, held: 0, records: 0, loss: Loss::default() }))
}

struct Documents {
    window: Window,
    held: usize,
    records: u64,
    loss: Loss,
}

impl Source for Documents {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        loop {
            self.window.consume(std::mem::take(&mut self.held));
            if !self.window.need(4, "BSON document")? {
                return Ok(None);
            }
            self.records = self.records.saturating_add(1);
            let number = self.records;
            let Some(len) = len(self.window.peek(4)) else {
                return Err(self
                    .window
                    .stopped(format!("document {number} has no length; what follows cannot be found")));
            };
            if len > RECORD_BYTES {
                self.loss.record("record over the budget", || {
                    format!("document {number} is {len} bytes long and was skipped")
                });
                if !self.window.skip(len as u64) {
                    return Err(self.window.stopped(format!("document {number} is cut short")));
                }
                continue;
            }
            let have = self.window.head(len).len();
            self.held = have;
            if have < len {
                self.loss.record("record that breaks off", || {
                    format!("document {number} is cut short; it was read as far as it goes")
                });
            }
            let bytes = self.window.peek(have);
            return Ok(Some(Item::Record(Record {
                number,
                line: number,
                bytes,
                whole: have == len,
                kind: 0,
                standing: Standing::Record,
            })));
        }
    }

    fn loss(&mut self) -> Loss {
        std::mem::take(&mut self.loss)
    }
}
