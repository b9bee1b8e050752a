//! Rows that were deleted: their cells stand in space that is free until something else is written there. Of the first cell of
//! a block the first four bytes are gone.

use crate::field::decoder::sqlite::pages::Encoding;
use crate::field::decoder::sqlite::record::{self, Column, columns, varint};
use crate::field::text::is_text;
use crate::model::field::Kind;
use std::ops::Range;

/// Space that no row takes.
pub(super) struct Free {
    /// Where it is.
    pub(super) range: Range<usize>,
    /// Columns of the rows beside it; 0 if there are none.
    pub(super) columns: usize,
    /// It begins where a deleted cell did, behind the four bytes that are gone.
    pub(super) is_block: bool,
}

/// A row that was deleted. Where things stand counts from the first byte of the free space.
pub(super) struct Deleted {
    /// All of its cell that is there.
    pub(super) cell: Range<usize>,
    /// The row's number and where it stands.
    pub(super) rowid: Option<(i64, Range<usize>)>,
    pub(super) columns: Vec<Column>,
}

/// The fewest bytes of a text that speaks for a row.
const TEXT: usize = 3;
/// Bytes of a header: those of wide tables have more, and are left as they are.
const HEADER: Range<u8> = 2..128;

/// The rows in free space, as far as they can be nothing else: lengths agree, and texts are texts.
pub(super) fn carve(free: &[u8], of: &Free, encoding: Option<Encoding>, work: &mut usize) -> Vec<Deleted> {
    let mut found: Vec<Deleted> = Vec::new();
    let mut at = 0_usize;
    while at < free.len() && *work > 0 {
        match intact(free, at, encoding, work) {
            Some(deleted) => {
                at = deleted.cell.end;
                found.push(deleted);
            }
            None => at = at.saturating_add(1),
        }
    }
    let first = found.first().map_or(free.len(), |deleted| deleted.cell.start);
    if of.is_block
        && of.columns > 0
        && let Some(columns) = free.get(..first).and_then(|cell| beheaded(cell, of.columns, encoding, work))
    {
        found.insert(0, Deleted { cell: 0..first, rowid: None, columns });
    }
    found
}

/// The cell at `at`, if it is all there: its length, the row's number but in indexes, and a row of that length.
fn intact(free: &[u8], at: usize, encoding: Option<Encoding>, work: &mut usize) -> Option<Deleted> {
    let (size, len) = varint(free.get(at..)?)?;
    let size = usize::try_from(size).ok().filter(|size| (4..=free.len()).contains(size))?;
    let behind = at.checked_add(len)?;
    let (number, len) = varint(free.get(behind..)?)?;
    for (from, rowid) in
        [(behind.checked_add(len)?, Some((number.cast_signed(), behind..behind.saturating_add(len)))), (behind, None)]
    {
        let end = from.checked_add(size)?;
        let Some(record) = free.get(from..end) else { continue };
        if !record.first().is_some_and(|header| HEADER.contains(header)) {
            continue;
        }
        if let Some(columns) = row(record, encoding, work) {
            return Some(Deleted { cell: at..end, rowid, columns: moved(columns, from, 0) });
        }
    }
    None
}

/// A cell whose first four bytes are gone: of its length, the row's number, the length of its header and maybe the type of
/// its first column. It has as many columns as its neighbours.
fn beheaded(cell: &[u8], count: usize, encoding: Option<Encoding>, work: &mut usize) -> Option<Vec<Column>> {
    // Something of a long number may be left.
    for left in 0..4 {
        let record = cell.get(left..)?;
        if let Some(columns) = row(record, encoding, work).filter(|columns| columns.len() == count) {
            return Some(moved(columns, left, 0));
        }
    }
    if let Some(columns) = retold(cell, count, &[], encoding, work) {
        return Some(columns);
    }
    // What the other columns leave is the first one's: a text, or no more than a number takes.
    let (mut at, mut sizes) = (0_usize, 0_usize);
    for _ in 1..count {
        let (serial, len) = varint(cell.get(at..)?)?;
        at = at.checked_add(len)?;
        sizes = sizes.checked_add(record::size(serial)?)?;
    }
    let size = cell.len().checked_sub(at)?.checked_sub(sizes)?;
    let first = cell.get(at..at.checked_add(size)?)?;
    let serial = match size {
        0 => 0,
        _ if reads(first, encoding) => size.checked_mul(2)?.checked_add(13)?,
        1..=8 => size.checked_mul(2)?.checked_add(12)?,
        _ => return None,
    };
    let mut columns =
        retold(cell, count, &[u8::try_from(serial).ok().filter(|serial| *serial < 128)?], encoding, work)?;
    let others = columns.iter().skip(1).any(|column| column.kind == Kind::Text && column.range.len() >= TEXT);
    if size == 0 {
        columns.first_mut()?.range = 0..0;
    }
    (others || size == 0).then_some(columns)
}

/// The columns of a record whose header is there from some type on, behind those that are `gone`.
fn retold(cell: &[u8], count: usize, gone: &[u8], encoding: Option<Encoding>, work: &mut usize) -> Option<Vec<Column>> {
    let mut types = 0_usize;
    for _ in gone.len()..count {
        types = types.checked_add(varint(cell.get(types..)?)?.1)?;
    }
    let header = types.checked_add(gone.len())?.checked_add(1)?;
    let header = u8::try_from(header).ok().filter(|len| HEADER.contains(len))?;
    let whole = [&[header], gone, cell].concat();
    let columns = row(&whole, encoding, work)?;
    Some(moved(columns, 0, gone.len().saturating_add(1)))
}

/// The columns of a record that ends where it should, and whose texts are texts.
fn row(record: &[u8], encoding: Option<Encoding>, work: &mut usize) -> Option<Vec<Column>> {
    let columns = columns(record, true, work)?;
    let end = columns.iter().map(|column| column.range.end).max()?;
    let mut texts = columns.iter().filter(|column| column.kind == Kind::Text && !column.range.is_empty());
    let is_one = |column: &Column| record.get(column.range.clone()).is_some_and(|text| reads(text, encoding));
    let told = columns.iter().any(|column| column.kind == Kind::Text && column.range.len() >= TEXT);
    (end == record.len() && told && texts.all(is_one)).then_some(columns)
}

/// Whether bytes are a text of that encoding.
fn reads(text: &[u8], encoding: Option<Encoding>) -> bool {
    let little = match encoding {
        Some(Encoding::Utf8) | None => return is_text(text),
        Some(encoding) => encoding == Encoding::Utf16Little,
    };
    let (units, rest) = text.as_chunks::<2>();
    let units = units.iter().map(|two| if little { u16::from_le_bytes(*two) } else { u16::from_be_bytes(*two) });
    let is_char = |c: char| !c.is_control() || c.is_whitespace();
    rest.is_empty() && char::decode_utf16(units).all(|c| c.is_ok_and(is_char))
}

/// Columns whose record begins `on` bytes further on, without `back` bytes that are not there.
fn moved(mut columns: Vec<Column>, on: usize, back: usize) -> Vec<Column> {
    let at = |offset: usize| offset.saturating_sub(back).saturating_add(on);
    for column in &mut columns {
        column.range = at(column.range.start)..at(column.range.end);
    }
    columns
}
