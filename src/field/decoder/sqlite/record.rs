//! Cells and the records in them.

use crate::field::decoder::sqlite::pages::{Btree, Pages};
use crate::model::field::Kind;
use std::ops::Range;

/// Columns of one row.
const COLUMNS: usize = 32_767;

/// A number of one to nine bytes, seven bits in each, eight in the ninth; and how many bytes it has.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (len, byte) in (1..=9).zip(bytes) {
        if len == 9 {
            return Some((value << 8 | u64::from(*byte), len));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, len));
        }
    }
    None
}

/// A cell that holds a row.
pub(super) struct Cell {
    /// The row's number and where it stands; rows of indexes have none.
    pub(super) rowid: Option<(i64, Range<usize>)>,
    /// Where the row's bytes stand, as far as they are in the cell.
    pub(super) local: Range<usize>,
    /// How many bytes the row has.
    pub(super) size: usize,
    /// The page on which it goes on.
    pub(super) overflow: Option<u32>,
}

impl Cell {
    /// Reads the cell of a page that begins at `at`.
    pub(super) fn read(pages: &Pages<'_>, page: &Btree, at: usize) -> Option<Self> {
        let mut at = if page.is_interior() { at.checked_add(4)? } else { at };
        let mut number = || {
            let (value, len) = varint(pages.bytes.get(at..page.end())?)?;
            let start = at;
            at = at.checked_add(len)?;
            Some((value, start..at))
        };
        let size = usize::try_from(number()?.0).ok()?;
        let rowid = if page.is_table() { Some(number()?) } else { None };
        let rowid = rowid.map(|(value, range)| (value.cast_signed(), range));
        let share = |part: usize| pages.usable.saturating_sub(12).saturating_mul(part) / 255;
        let most = if page.is_table() { pages.usable.saturating_sub(35) } else { share(64).saturating_sub(23) };
        if size <= most {
            let end = at.checked_add(size).filter(|end| *end <= page.end())?;
            return Some(Self { rowid, local: at..end, size, overflow: None });
        }
        let least = share(32).saturating_sub(23);
        let left = size.checked_sub(least)?.checked_rem(pages.usable.saturating_sub(4))?.checked_add(least)?;
        let end = at.checked_add(if left <= most { left } else { least })?;
        let next = pages.u32(end).filter(|_| end.saturating_add(4) <= page.end())?;
        Some(Self { rowid, local: at..end, size, overflow: Some(next) })
    }
}

/// A column of a row, and where its value stands in the record.
pub(super) struct Column {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
}

/// Bytes of a value of a type.
pub(super) fn size(serial: u64) -> Option<usize> {
    Some(match serial {
        0 | 8 | 9 => 0,
        1..=4 => usize::try_from(serial).ok()?,
        5 => 6,
        6 | 7 => 8,
        10 | 11 => return None,
        _ => usize::try_from(serial.checked_sub(12)? / 2).ok()?,
    })
}

/// The columns of a record; of one that is not `whole`, as far as they are there. Bytes of its header are taken off `work`.
pub(super) fn columns(record: &[u8], whole: bool, work: &mut usize) -> Option<Vec<Column>> {
    let (size, mut at) = varint(record)?;
    let size = usize::try_from(size).ok().filter(|size| *size >= at)?;
    *work = work.saturating_sub(size.min(record.len()));
    let mut body = size;
    let mut columns = Vec::new();
    while at < size {
        let (serial, len) = varint(record.get(at..size.min(record.len()))?)?;
        let said = at;
        at = at.checked_add(len)?;
        let len = self::size(serial)?;
        let end = body.checked_add(len)?;
        if whole && end > record.len() {
            return None;
        }
        // What takes no bytes stands where its type does, so that it is in nobody's way.
        let range = match serial {
            0 | 8 | 9 => said..at,
            12 | 13 => said..said,
            _ => body.min(record.len())..end.min(record.len()),
        };
        let bytes = record.get(range.clone())?;
        body = end;
        let kind = match serial {
            0 => Kind::Simple,
            1..=6 if bytes.len() == len => Kind::Integer(signed(bytes)),
            7 if bytes.len() == len => Kind::Float(f64::from_be_bytes(*bytes.first_chunk()?)),
            8 | 9 => Kind::Integer(i128::from(serial.saturating_sub(8))),
            12.. if serial % 2 == 1 => Kind::Text,
            _ => Kind::Bytes,
        };
        if columns.len() >= COLUMNS {
            return None;
        }
        columns.push(Column { range, kind });
    }
    Some(columns)
}

fn signed(bytes: &[u8]) -> i128 {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    bytes.iter().fold(if negative { -1 } else { 0 }, |value, byte| value << 8 | i128::from(*byte))
}
