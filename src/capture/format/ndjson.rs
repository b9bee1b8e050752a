//! JSON lines: one JSON value on each line, as log stores, elasticdump and `_bulk` write them.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::extended::plain;
use crate::capture::lines::{Lines, fronted, head_lines, is_text, text};
use crate::capture::{EvidenceKind, Format, Loss, Source, Stopped, Window};
use crate::model::item::Item;
use crate::model::origin::FrameNo;
use crate::model::record::{Record, Standing};
use memchr::memmem::Finder;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::LazyLock;

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "ndjson",
    about: "JSON lines (log stores, elasticdump, mongoexport)",
    kind: EvidenceKind::Store,
    sniff,
    open,
    secrets: None,
};

/// Lines of the head that are looked at.
const LOOK: usize = 20;

fn sniff(head: &[u8]) -> Match {
    if !is_text(head) {
        return Match::No;
    }
    let (mut objects, mut all) = (0_usize, 0_usize);
    for line in head_lines(head).take(LOOK) {
        all = all.saturating_add(1);
        objects = objects.saturating_add(usize::from(is_object(line)));
    }
    // One object on one line is a document as likely as a log: those who know documents were asked before.
    if objects.saturating_mul(2) > all { Match::Maybe } else { Match::No }
}

/// Whether a line holds one JSON object, and nothing else.
fn is_object(line: &[u8]) -> bool {
    line.first() == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the registry's signature: other formats have a header that may be broken"
)]
fn open(window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    Ok(Box::new(JsonLines { lines: Lines::new(window), changed: Vec::new(), more: VecDeque::new(), records: 0 }))
}

struct JsonLines {
    lines: Lines,
    /// The record at hand, where types were written out in it or its charset is another.
    changed: Vec<u8>,
    /// Further records of one line.
    more: VecDeque<(FrameNo, Vec<u8>)>,
    records: u64,
}

/// What stands between two objects on one line.
static BETWEEN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"}{"));

/// The objects of a line that holds several, one behind the other: a line's end is missing. None of any other line.
fn several(line: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    if BETWEEN.find(line).is_none() {
        return found;
    }
    let mut values = serde_json::Deserializer::from_slice(line).into_iter::<serde::de::IgnoredAny>();
    let mut start = 0_usize;
    while let Some(value) = values.next() {
        let end = values.byte_offset();
        let object = line.get(start..end).map(<[u8]>::trim_ascii).filter(|object| object.first() == Some(&b'{'));
        match (value, object) {
            (Ok(_), Some(object)) => found.push(object.to_vec()),
            _ => return Vec::new(),
        }
        start = end;
    }
    if found.len() > 1 { found } else { Vec::new() }
}

impl Source for JsonLines {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        if let Some((line, record)) = self.more.pop_front() {
            self.changed = record;
            self.records = self.records.saturating_add(1);
            let (number, bytes) = (self.records, &self.changed);
            return Ok(Some(Item::Record(Record {
                number,
                line,
                bytes,
                whole: true,
                kind: 0,
                standing: Standing::Record,
            })));
        }
        while let Some(line) = self.lines.next()? {
            let blank = self.lines.bytes(line).iter().all(u8::is_ascii_whitespace);
            if blank {
                continue;
            }
            let (closed, changed) = {
                let text = text(self.lines.bytes(line));
                let json = text.as_bytes().trim_ascii();
                let closed = matches!((json.first(), json.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')))
                    || fronted(json).is_some();
                let plain = match plain(text.as_bytes()) {
                    Cow::Owned(plain) => Some(plain),
                    Cow::Borrowed(_) => None,
                };
                let foreign = matches!(text, Cow::Owned(_));
                (closed, plain.or_else(|| foreign.then(|| text.into_owned().into_bytes())))
            };
            let several = several(changed.as_deref().unwrap_or_else(|| self.lines.bytes(line)));
            if !several.is_empty() {
                self.lines.loss().remark("lines hold several records, and each was read by itself");
                self.more = several.into_iter().map(|record| (line.number, record)).collect();
                return self.next();
            }
            if !closed {
                // It is searched as it stands; what is escaped in it may stay unread.
                let number = line.number;
                self.lines.loss().record("broken JSON line", || {
                    format!("line {number} is no complete JSON; it was searched as plain text")
                });
            }
            self.records = self.records.saturating_add(1);
            let bytes = match changed {
                None => self.lines.bytes(line),
                Some(changed) => {
                    self.changed = changed;
                    &self.changed
                }
            };
            let record = Record {
                number: self.records,
                line: line.number,
                bytes,
                whole: closed && !line.cut,
                kind: 0,
                standing: Standing::Record,
            };
            return Ok(Some(Item::Record(record)));
        }
        Ok(None)
    }

    fn loss(&mut self) -> Loss {
        self.lines.take_loss()
    }
}
