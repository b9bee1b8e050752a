//! Log lines: syslog, logcat, `key=value`, access logs, anything with a record on each line.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::lines::{Lines, head_lines, is_log_line, is_text, text};
use crate::capture::{EvidenceKind, Format, Loss, Source, Stopped, Window};
use crate::model::item::Item;
use crate::model::record::{Record, Standing};
use std::borrow::Cow;

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "lines",
    about: "log lines (syslog, logcat, key=value, plain text)",
    kind: EvidenceKind::Store,
    sniff,
    open,
    secrets: None,
};

/// Lines of the head that are looked at.
const LOOK: usize = 100;

fn sniff(head: &[u8]) -> Match {
    if !is_text(head) {
        return Match::No;
    }
    let (mut logs, mut all) = (0_usize, 0_usize);
    for line in head_lines(head).take(LOOK) {
        all = all.saturating_add(1);
        logs = logs.saturating_add(usize::from(is_log_line(line)));
    }
    // Other text may still be a log of its own kind, for whoever says that it is one.
    if logs.saturating_mul(2) > all { Match::Maybe } else { Match::NeedMore }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the registry's signature: other formats have a header that may be broken"
)]
fn open(window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    Ok(Box::new(LogLines { lines: Lines::new(window), foreign: Vec::new(), records: 0 }))
}

struct LogLines {
    lines: Lines,
    /// The line at hand, where its charset is another.
    foreign: Vec<u8>,
    records: u64,
}

impl Source for LogLines {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        while let Some(line) = self.lines.next()? {
            if line.len > 0 {
                self.records = self.records.saturating_add(1);
                let foreign = match text(self.lines.bytes(line)) {
                    Cow::Borrowed(_) => None,
                    Cow::Owned(text) => Some(text),
                };
                let bytes = match foreign {
                    None => self.lines.bytes(line),
                    Some(text) => {
                        self.foreign = text.into_bytes();
                        &self.foreign
                    }
                };
                let record = Record {
                    number: self.records,
                    line: line.number,
                    bytes,
                    whole: !line.cut,
                    kind: 0,
                    standing: Standing::Record,
                };
                return Ok(Some(Item::Record(record)));
            }
        }
        Ok(None)
    }

    fn loss(&mut self) -> Loss {
        self.lines.take_loss()
    }
}
