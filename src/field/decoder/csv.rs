//! CSV and TSV (RFC 4180) with a header line: cells are named by it.
//!
//! Any text has commas in it. Undeclared, it takes names above several columns, and every row as long as the header.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_media_type;
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use crate::model::message::PartKind;
use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use std::ops::Range;

/// The entry.
pub(super) static CSV: Decoder = Decoder {
    name: "csv",
    about: "CSV and TSV with a header line (RFC 4180)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::BREAK, none: Shape::NUL.or(Shape::CONTROL), min: 8, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"id,name,text\r\n1,Ann,\"The heron \"\"lands\"\", at dusk\"\r\n2,Bob,x\r\n",
            hint: "",
            shows: "The heron \"lands\", at dusk",
            trail: "csv [0].text",
        },
        Sample {
            bytes: b"id\tnote\n1\tThe heron\n",
            hint: "text/tab-separated-values",
            shows: "The heron",
            trail: "csv [0].note",
        },
        Sample {
            bytes: b"when;who;what\n2026-11-02;Ann;VGhlIGhlcm9uIGxhbmRz\n2026-11-03;Bob;-\n",
            hint: "",
            shows: "The heron lands",
            trail: "csv [0].what > base64",
        },
    ],
};

const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// Rows that have to agree before it is believed.
const LOOK: usize = 8;
/// Columns of one row.
const COLUMNS: usize = 4_096;
/// Bytes of one name.
const NAME: usize = 64;

fn is_declared(hint: &Hint<'_>) -> bool {
    is_media_type(hint.content_type, &["text/csv", "application/csv", "text/tab-separated-values", "text/x-csv"])
}

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    if is_declared(hint) {
        return Match::Certain;
    }
    if matches!(hint.part, Some(PartKind::Header | PartKind::Path | PartKind::Query)) {
        return Match::No;
    }
    let Some(line) = memchr::memchr(b'\n', bytes).and_then(|end| bytes.get(..end)) else { return Match::No };
    // A header of at least three names, each a name and none twice; the rest is looked at when it is opened.
    if DELIMITERS.into_iter().any(|delimiter| is_header(line, delimiter)) { Match::Maybe } else { Match::No }
}

fn is_header(line: &[u8], delimiter: u8) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let mut names: Vec<&[u8]> = line.split(|byte| *byte == delimiter).take(COLUMNS).map(unquoted).collect();
    if names.len() < if delimiter == b'\t' { 2 } else { 3 } || !names.iter().all(|name| is_name(name)) {
        return false;
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    names.len() == count
}

fn unquoted(cell: &[u8]) -> &[u8] {
    cell.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(cell)
}

fn is_name(cell: &[u8]) -> bool {
    let fine = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"_-. @$#()/".contains(byte);
    let starts =
        cell.first().is_some_and(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii() || b"_@$#".contains(byte));
    cell.len() <= NAME && starts && cell.last() != Some(&b' ') && cell.iter().all(fine)
}

/// A cell: where it stands, quotes left out, and whether quotes in it are doubled.
struct Cell {
    range: Range<usize>,
    doubled: bool,
}

/// Reads cells one after the other.
struct Cells<'b> {
    bytes: &'b [u8],
    at: usize,
    reader: Reader,
}

impl<'b> Cells<'b> {
    fn new(bytes: &'b [u8], delimiter: u8) -> Self {
        let at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { bytes, at, reader: ReaderBuilder::new().delimiter(delimiter).build() }
    }

    /// The next row; `None` at the end.
    fn row(&mut self, cells: &mut Vec<Cell>) -> Option<Range<usize>> {
        cells.clear();
        // Room for a piece of a cell: what it says is read from the input itself.
        let mut out = [0_u8; 1_024];
        let mut first = None;
        let mut start = self.at;
        let mut len = 0_usize;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let (result, used, put) = self.reader.read_field(rest, &mut out);
            if first.is_none() && cells.is_empty() {
                // Blank lines in front belong to no row.
                let blank = rest.iter().take(used).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
                start = start.max(self.at.saturating_add(blank));
                first = Some(start);
            }
            self.at = self.at.saturating_add(used);
            len = len.saturating_add(put);
            match result {
                ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
                ReadFieldResult::End => return None,
                ReadFieldResult::Field { record_end } => {
                    cells.push(self.cell(start, len));
                    (start, len) = (self.at, 0);
                    if record_end || cells.len() >= COLUMNS {
                        return Some(first.unwrap_or(start)..self.at);
                    }
                }
            }
        }
    }

    /// The cell of `len` bytes, quotes undone, that begins at `start` and whose end was read.
    fn cell(&self, start: usize, len: usize) -> Cell {
        let quoted = self.bytes.get(start) == Some(&b'"');
        let start = start.saturating_add(usize::from(quoted));
        let taken = self.bytes.get(start..self.at).unwrap_or_default();
        let doubled =
            quoted && memchr::memmem::find(taken.get(..len.saturating_add(1)).unwrap_or(taken), b"\"\"").is_some();
        if !doubled {
            return Cell { range: start..start.saturating_add(len).min(self.at), doubled };
        }
        let close = memchr::memrchr(b'"', taken).unwrap_or(taken.len());
        Cell { range: start..start.saturating_add(close), doubled }
    }
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: &str = "CSV";
    let declared = is_declared(hint);
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = DELIMITERS.into_iter().find(|delimiter| is_header(line, *delimiter));
    let delimiter = match delimiter {
        Some(delimiter) => delimiter,
        None if is_media_type(hint.content_type, &["text/tab-separated-values"]) => b'\t',
        None if declared => b',',
        None => return Err(Malformed::Illegal(WHAT)),
    };
    let mut cells = Vec::new();
    if !declared && !agrees(bytes, delimiter, &mut cells) {
        return Err(Malformed::Illegal(WHAT));
    }
    let mut rows = Cells::new(bytes, delimiter);
    rows.row(&mut cells).ok_or(Malformed::Short(WHAT))?;
    let named = cells.iter().all(|cell| is_name(bytes.get(cell.range.clone()).unwrap_or_default()));
    let names: Vec<Range<usize>> = cells.iter().map(|cell| cell.range.clone()).collect();
    if !named {
        // Declared, and without names: the first line is a row like the others.
        rows = Cells::new(bytes, delimiter);
    }
    let mut index = 0_u32;
    while let Some(row) = rows.row(&mut cells) {
        if fields.is_full() {
            fields.exhausted("fields");
            break;
        }
        let view = fields.view(row.clone());
        fields.enter(Key::Index(index), view);
        for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.range.is_empty()) {
            let key = match names.get(column).filter(|_| named) {
                Some(name) => Key::At(fields.view(name.clone())),
                None => Key::Index(to_u32(column)),
            };
            let range = cell.range.clone();
            let view = if cell.doubled { undouble(bytes, range, fields) } else { fields.view(range) };
            fields.leaf(key, view, Kind::Text);
        }
        fields.leave(row.end);
        index = index.saturating_add(1);
    }
    fields.found(WHAT)
}

/// Whether every row that is looked at is as long as the header, and there are enough of them: two, or one that no comma
/// of a sentence could have made.
fn agrees(bytes: &[u8], delimiter: u8, cells: &mut Vec<Cell>) -> bool {
    let mut rows = Cells::new(bytes, delimiter);
    if rows.row(cells).is_none() {
        return false;
    }
    let columns = cells.len();
    let mut seen = 0_usize;
    while let Some(row) = rows.row(cells).filter(|_| seen < LOOK) {
        // The last row may be cut short.
        if cells.len() != columns {
            return seen >= 2 && row.end >= bytes.len() && cells.len() < columns;
        }
        // A blank behind each comma is how sentences are written.
        let prose = cells.iter().skip(1).filter(|cell| bytes.get(cell.range.start) == Some(&b' ')).count();
        if prose.saturating_mul(2) > columns {
            return false;
        }
        seen = seen.saturating_add(1);
    }
    seen >= 2 || (seen == 1 && columns >= 4)
}

fn undouble(bytes: &[u8], range: Range<usize>, fields: &mut Fields<'_>) -> crate::model::field::View {
    fields.begin_text();
    let (mut verbatim, end) = (range.start, range.end);
    while let Some(found) = memchr::memmem::find(bytes.get(verbatim..end).unwrap_or_default(), b"\"\"") {
        let quote = verbatim.saturating_add(found);
        fields.text(bytes.get(verbatim..quote).unwrap_or_default(), verbatim);
        fields.escape(b"\"", quote);
        verbatim = quote.saturating_add(2);
    }
    fields.text(bytes.get(verbatim..end).unwrap_or_default(), verbatim);
    fields.end_text(end)
}

#[cfg(test)]
mod tests {
    use crate::field::walk_bytes;

    fn trails(text: &str, declared: Option<&str>) -> Vec<String> {
        walk_bytes(text, declared, |tree| {
            let show = |(id, node): (u32, &_)| {
                format!("{} = {}", tree.trail(id).join(" > "), String::from_utf8_lossy(tree.bytes(node)))
            };
            tree.leaves().map(show).collect()
        })
    }

    #[test]
    fn cells_are_named_by_the_header() {
        assert_eq!(
            trails("id,name,note\n1,\"Ann, Lee\",\"two\nlines\"\n2,,\"say \"\"hi\"\" now\"\n", None),
            [
                "csv [0].id = 1",
                "csv [0].name = Ann, Lee",
                "csv [0].note = two\nlines",
                "csv [1].id = 2",
                "csv [1].note = say \"hi\" now",
            ]
        );
        assert_eq!(trails("1,2\n3,heron\n", Some("text/csv")).last().unwrap(), "csv [1][1] = heron");
        assert_eq!(
            trails("a\tb\r\n1\theron\r\n2\tx", None),
            ["csv [0].a = 1", "csv [0].b = heron", "csv [1].a = 2", "csv [1].b = x"]
        );
    }

    #[test]
    fn prose_is_no_table() {
        for text in [
            "Dear Ann, Bob, Lee\nthe heron lands, at dusk, they said\nit was late, cold, dark\n",
            "one,two,three\n",
            "a,b,c\n1,2\n3,4,5\n",
            "x\ty\n",
            "first line\nsecond line, with a comma\n",
            "red,green,blue\nand, then, nothing\nor, perhaps, not\n",
        ] {
            assert!(!trails(text, None).iter().any(|trail| trail.starts_with("csv")), "{text}");
        }
    }
}
