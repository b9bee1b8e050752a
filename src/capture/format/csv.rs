//! CSV and TSV (RFC 4180) with a header line: each row is read as an object of its columns, as JSON text.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::lines::{Lines, head_lines, is_text, text};
use crate::capture::{EvidenceKind, Format, Loss, Source, Stopped, Window};
use crate::model::budget::RECORD_BYTES;
use crate::model::item::Item;
use crate::model::origin::FrameNo;
use crate::model::record::{CUT, Record, Standing};
use std::collections::VecDeque;

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

/// Lines that a row of the head may go on for.
const LONGEST: usize = 40;

/// What stands between cells: what cuts the header into names, and the rows after it into as many cells.
fn delimiter(head: &[u8]) -> Option<u8> {
    let mut told = None;
    let mut lines = head_lines(head).skip_while(|line| {
        told = told.or_else(|| separator(line));
        is_preface(line)
    });
    let header = lines.next()?;
    let rows: Vec<&[u8]> = lines.take(LONGEST).collect();
    let delimiters = told.into_iter().chain(DELIMITERS);
    delimiters.into_iter().find(|delimiter| {
        let mut names = Vec::new();
        if !cells(header, *delimiter, &mut names) || names.len() < 2 {
            return false;
        }
        // A line may end with what stands between cells.
        let named = names.split_last().map_or(&[][..], |(last, rest)| if last.is_empty() { rest } else { &names });
        if named.len() < 2 || !named.iter().all(|name| is_name(name.trim_ascii())) {
            return false;
        }
        let (mut all, mut fit) = (0_usize, 0_usize);
        let mut cutter = Cutter::new(*delimiter);
        for row in &rows {
            cutter.line(row);
            if cutter.quoted {
                // A cell in quotes goes on in the next line.
                cutter.cell.push(b'\n');
                continue;
            }
            cutter.end();
            all = all.saturating_add(1);
            fit = fit.saturating_add(usize::from(cutter.cells.len() == names.len()));
            cutter = Cutter::new(*delimiter);
            if all == LOOK {
                break;
            }
        }
        // With signs in its names, the first line of a log would pass for a header, too.
        if named.iter().any(|name| name.iter().any(|byte| SIGNS.contains(byte))) {
            return fit == all && all >= 3 && names.len() >= 3;
        }
        // All of it may be one row, too long for a look.
        (all == 0 && !rows.is_empty()) || fit.saturating_mul(2) > all
    })
}

/// What a first line `sep=;` says that stands between cells: spreadsheets write and read it.
fn separator(line: &[u8]) -> Option<u8> {
    let (head, rest) = line.trim_ascii_end().split_at_checked(4)?;
    match rest {
        [byte] if head.eq_ignore_ascii_case(b"sep=") && DELIMITERS.contains(byte) => Some(*byte),
        _ => None,
    }
}

/// Whether a line in front of the header is none of the table: what stands between cells, or a comment.
fn is_preface(line: &[u8]) -> bool {
    separator(line).is_some() || line.starts_with(b"# ")
}

/// Signs that names seldom hold.
const SIGNS: &[u8] = b"()/:%[]'&";

fn is_name(cell: &[u8]) -> bool {
    let sign = |byte: u8| b"_-. @$#".contains(&byte) || SIGNS.contains(&byte);
    let fine = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || sign(*byte);
    (1..=64).contains(&cell.len())
        && cell.iter().all(fine)
        && cell.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii())
}

/// Cuts a row into cells, quotes undone. `false` when it ends inside quotes.
fn cells(row: &[u8], delimiter: u8, out: &mut Vec<Vec<u8>>) -> bool {
    out.clear();
    let mut cutter = Cutter { cells: std::mem::take(out), ..Cutter::new(delimiter) };
    cutter.line(row);
    let closed = cutter.end();
    *out = cutter.cells;
    closed
}

/// Cuts a row into cells, line by line: a cell in quotes may go on in the next one.
struct Cutter {
    delimiter: u8,
    cells: Vec<Vec<u8>>,
    cell: Vec<u8>,
    quoted: bool,
    /// A quote was closed just now.
    closed: bool,
    /// Something else than the next cell followed a closing quote: one of the two stands there by mistake.
    odd: bool,
}

impl Cutter {
    const fn new(delimiter: u8) -> Self {
        Self { delimiter, cells: Vec::new(), cell: Vec::new(), quoted: false, closed: false, odd: false }
    }

    fn line(&mut self, line: &[u8]) {
        let mut bytes = line.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            self.odd |= std::mem::take(&mut self.closed) && byte != self.delimiter;
            match byte {
                b'"' if self.quoted && bytes.peek() == Some(&b'"') => {
                    bytes.next();
                    self.cell.push(b'"');
                }
                b'"' if self.quoted => (self.quoted, self.closed) = (false, true),
                // Blanks may stand before the quote.
                b'"' if self.cell.iter().all(|byte| *byte == b' ') => {
                    self.cell.clear();
                    self.quoted = true;
                }
                byte if byte == self.delimiter && !self.quoted => self.cells.push(std::mem::take(&mut self.cell)),
                byte => self.cell.push(byte),
            }
        }
    }

    /// The row has ended; `false` when that is inside quotes.
    fn end(&mut self) -> bool {
        self.cells.push(std::mem::take(&mut self.cell));
        !std::mem::take(&mut self.quoted)
    }
}

fn open(mut window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    let delimiter = delimiter(window.head(crate::capture::open::HEAD)).unwrap_or(b',');
    let mut lines = Lines::new(window);
    let mut names = Vec::new();
    while names.is_empty() {
        let Some(line) = lines.next()? else { break };
        let header = lines.bytes(line);
        if !header.trim_ascii().is_empty() && !is_preface(header) {
            let mut found = Vec::new();
            cells(header.trim_ascii_start(), delimiter, &mut found);
            names = found.iter().map(|name| text(name.trim_ascii()).into_owned()).collect();
        }
    }
    Ok(Box::new(Csv {
        lines,
        delimiter,
        names,
        ahead: VecDeque::new(),
        credit: RECORD_BYTES,
        json: Vec::new(),
        records: 0,
    }))
}

/// A line that was read while looking for the end of a row.
struct Ahead {
    number: FrameNo,
    bytes: Vec<u8>,
    cut: bool,
}

struct Csv {
    lines: Lines,
    delimiter: u8,
    names: Vec<String>,
    /// Lines to read again: what they were taken for, the rest of a row, they were not.
    ahead: VecDeque<Ahead>,
    /// Bytes that may still be read again, so that quotes that never close cost no more than the file's length.
    credit: usize,
    json: Vec<u8>,
    records: u64,
}

impl Source for Csv {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        let first = loop {
            match self.line()? {
                None => return Ok(None),
                Some(line) if line.bytes.is_empty() => {}
                Some(line) => break line,
            }
        };
        let mut cutter = Cutter::new(self.delimiter);
        cutter.line(&first.bytes);
        let mut more: VecDeque<Ahead> = VecDeque::new();
        let mut joined = first.bytes.len();
        let mut stopped = None;
        while cutter.quoted && joined <= self.credit.min(RECORD_BYTES) {
            match self.line() {
                Ok(Some(line)) => {
                    joined = joined.saturating_add(line.bytes.len()).saturating_add(1);
                    cutter.cell.push(b'\n');
                    cutter.line(&line.bytes);
                    more.push_back(line);
                }
                Ok(None) => break,
                Err(why) => {
                    stopped = Some(why);
                    break;
                }
            }
        }
        let (mut closed, odd) = (cutter.end(), cutter.odd);
        // Quotes that the last line leaves open hold half a value.
        let mut cut = first.cut || more.back().map_or(!closed, |line| line.cut);
        let mut found = cutter.cells;
        let fits = closed && found.len() == self.names.len() && !odd;
        if !(more.is_empty() || fits) {
            // A quote that stands there by mistake: the row is its first line, and the next ones are rows of their own.
            closed = cells(&first.bytes, self.delimiter, &mut found);
            self.credit = self.credit.saturating_sub(joined);
            cut = first.cut;
            more.append(&mut self.ahead);
            self.ahead = more;
        } else if let Some(stopped) = stopped {
            return Err(stopped);
        }
        let line = first.number;
        let whole = closed && found.len() == self.names.len() && !cut;
        if !whole {
            self.lines.loss().record("broken CSV row", || {
                format!("the row at line {line} has other cells than the header; it was read as far as it goes")
            });
        }
        self.records = self.records.saturating_add(1);
        self.object(&found, cut);
        Ok(Some(Item::Record(Record {
            number: self.records,
            line,
            bytes: &self.json,
            whole,
            kind: 0,
            standing: Standing::Record,
        })))
    }

    fn loss(&mut self) -> Loss {
        self.lines.take_loss()
    }
}

impl Csv {
    /// The next line, read for the first time or again.
    fn line(&mut self) -> Result<Option<Ahead>, Stopped> {
        if let Some(line) = self.ahead.pop_front() {
            return Ok(Some(line));
        }
        let Some(line) = self.lines.next()? else { return Ok(None) };
        self.credit = self.credit.saturating_add(line.len);
        Ok(Some(Ahead { number: line.number, bytes: self.lines.bytes(line).to_vec(), cut: line.cut }))
    }

    /// Writes the row as a JSON object. `cut`: the file breaks off in its last cell.
    fn object(&mut self, found: &[Vec<u8>], cut: bool) {
        self.json.clear();
        self.json.push(b'{');
        for (index, cell) in found.iter().enumerate() {
            if index > 0 {
                self.json.push(b',');
            }
            let name = self.names.get(index).map_or("", String::as_str);
            let quoted = |text: &str| serde_json::Value::from(text).to_string();
            let name = if name.is_empty() { format!("column {}", index.saturating_add(1)) } else { name.to_owned() };
            // Half a value is none of its column: it is searched, and not counted.
            let broken = cut && index.saturating_add(1) == found.len();
            let name = if broken { format!("{name}{CUT}") } else { name };
            self.json.extend_from_slice(quoted(&name).as_bytes());
            self.json.push(b':');
            self.json.extend_from_slice(quoted(&text(cell)).as_bytes());
        }
        self.json.push(b'}');
    }
}
