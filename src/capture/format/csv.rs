//! CSV and TSV (RFC 4180) with a header line: each row is read as an object of its columns, as JSON text.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::lines::{Lines, head_lines, is_text, text};
use crate::capture::{EvidenceKind, Format, Loss, Source, Stopped, Window};
use crate::model::budget::RECORD_BYTES;
use crate::model::item::Item;
use crate::model::record::Record;

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "csv",
    about: "CSV or TSV with a header line",
    kind: EvidenceKind::Store,
    sniff,
    open,
    secrets: None,
};

const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// Rows of the head that must have as many cells as the header.
const LOOK: usize = 10;

fn sniff(head: &[u8]) -> Match {
    if is_text(head) && delimiter(head).is_some() { Match::Maybe } else { Match::No }
}

/// What stands between cells: what cuts the header into names, and the rows after it into as many cells.
fn delimiter(head: &[u8]) -> Option<u8> {
    let mut lines = head_lines(head);
    let header = lines.next()?;
    let rows: Vec<&[u8]> = lines.take(LOOK).collect();
    DELIMITERS.into_iter().find(|delimiter| {
        let mut names = Vec::new();
        if !cells(header, *delimiter, &mut names) || names.len() < 2 || !names.iter().all(|name| is_name(name)) {
            return false;
        }
        let fits = |row: &&&[u8]| {
            let mut found = Vec::new();
            // A cell in quotes may go on in the next line.
            !cells(row, *delimiter, &mut found) || found.len() == names.len()
        };
        !rows.is_empty() && rows.iter().filter(fits).count().saturating_mul(2) > rows.len()
    })
}

fn is_name(cell: &[u8]) -> bool {
    let fine = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || !byte.is_ascii()
            || matches!(byte, b'_' | b'-' | b'.' | b' ' | b'@' | b'$' | b'#')
    };
    (1..=64).contains(&cell.len())
        && cell.iter().all(fine)
        && cell.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii())
}

/// Cuts a row into cells, quotes undone. `false` when it ends inside quotes.
fn cells(row: &[u8], delimiter: u8, out: &mut Vec<Vec<u8>>) -> bool {
    out.clear();
    let mut cell = Vec::new();
    let mut quoted = false;
    let mut bytes = row.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if quoted && bytes.peek() == Some(&b'"') => {
                bytes.next();
                cell.push(b'"');
            }
            b'"' if quoted => quoted = false,
            b'"' if cell.is_empty() => quoted = true,
            byte if byte == delimiter && !quoted => out.push(std::mem::take(&mut cell)),
            byte => cell.push(byte),
        }
    }
    out.push(cell);
    !quoted
}

fn open(mut window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    let delimiter = delimiter(window.head(crate::capture::open::HEAD)).unwrap_or(b',');
    let mut lines = Lines::new(window);
    let mut names = Vec::new();
    while names.is_empty() {
        let Some(line) = lines.next()? else { break };
        if !lines.bytes(line).trim_ascii().is_empty() {
            let mut found = Vec::new();
            cells(lines.bytes(line).trim_ascii(), delimiter, &mut found);
            names = found.iter().map(|name| text(name).into_owned()).collect();
        }
    }
    Ok(Box::new(Csv { lines, delimiter, names, row: Vec::new(), json: Vec::new(), records: 0 }))
}

struct Csv {
    lines: Lines,
    delimiter: u8,
    names: Vec<String>,
    row: Vec<u8>,
    json: Vec<u8>,
    records: u64,
}

impl Source for Csv {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        let mut first = None;
        let mut found = Vec::new();
        self.row.clear();
        let mut whole = true;
        let mut complete = false;
        while let Some(line) = self.lines.next()? {
            if first.is_none() && line.len == 0 {
                continue;
            }
            let begins = *first.get_or_insert(line.number);
            if begins != line.number {
                self.row.push(b'\n');
            }
            self.row.extend_from_slice(self.lines.bytes(line));
            whole &= !line.cut;
            if cells(&self.row, self.delimiter, &mut found) {
                complete = true;
                break;
            }
            if self.row.len() > RECORD_BYTES {
                break;
            }
        }
        let Some(line) = first else { return Ok(None) };
        if !complete || found.len() != self.names.len() {
            whole = false;
            self.lines.loss().record("broken CSV row", || {
                format!("the row at line {line} has other cells than the header; it was read as far as it goes")
            });
        }
        self.records = self.records.saturating_add(1);
        self.object(&found);
        Ok(Some(Item::Record(Record { number: self.records, line, bytes: &self.json, whole, kind: 0 })))
    }

    fn loss(&mut self) -> Loss {
        self.lines.take_loss()
    }
}

impl Csv {
    /// Writes the row as a JSON object.
    fn object(&mut self, found: &[Vec<u8>]) {
        self.json.clear();
        self.json.push(b'{');
        for (index, cell) in found.iter().enumerate() {
            if index > 0 {
                self.json.push(b',');
            }
            let name = self.names.get(index).map_or("", String::as_str);
            let quoted = |text: &str| serde_json::Value::from(text).to_string();
            let name = if name.is_empty() { format!("column {}", index.saturating_add(1)) } else { name.to_owned() };
            self.json.extend_from_slice(quoted(&name).as_bytes());
            self.json.push(b':');
            self.json.extend_from_slice(quoted(&text(cell)).as_bytes());
        }
        self.json.push(b'}');
    }
}
