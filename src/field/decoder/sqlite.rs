//! SQLite databases, their write-ahead logs and rollback journals ("Database File Format" of sqlite.org): what apps keep, and
//! upload as a whole. Columns of a row stand side by side with nothing between them; here each is a field.
//!
//! Every page is read once: by the b-tree that the schema names, and where none leads to it, by what it looks like. What is
//! in no row (space of deleted rows, pages of no table) is put out beside them. Counts and pointers are claims: a page that
//! was read is no other's, a row costs fields, and what its header costs is counted.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::utf16_to_utf8;
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::{Kind, Reach, View};
use carve::Free;
use pages::{Btree, Encoding, Pages};
use record::{Cell, Column};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::ops::Range;

mod carve;
mod pages;
mod record;
mod schema;

/// The entry.
pub(super) static SQLITE: Decoder = Decoder {
    name: "sqlite",
    about: "SQLite databases, write-ahead logs and rollback journals: every row of every table, and what was deleted",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::NUL, none: Shape::NONE, min: 32, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample { bytes: DATABASE, hint: "", shows: "The heron lands at dusk", trail: "sqlite messages[0].text" },
        Sample { bytes: LOG, hint: "", shows: "The heron waits", trail: "sqlite pages[0][1]" },
    ],
};

const DATABASE: &[u8] = include_bytes!("sqlite/sample.db");
const LOG: &[u8] = include_bytes!("sqlite/sample.db-wal");
const WHAT: &str = "SQLite database";
/// Bytes of headers that may be read for each byte of the input: cells may overlap, and each is read.
const WORK: usize = 8;
/// Bytes from the first to the last that is no zero, in space that no row takes: fewer say nothing.
const FEWEST_FREE: usize = 8;

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if pages::kind(bytes).is_some() { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let pages = Pages::new(bytes)?;
    let ends = pages.ends;
    let mut reader = Reader {
        whole: pages.whole,
        taken: vec![false; pages.slots.len()],
        owners: BTreeMap::new(),
        free: Vec::new(),
        work: bytes.len().saturating_mul(WORK),
        pages,
        fields,
    };
    reader.tables();
    if !reader.whole {
        fields.damaged();
    }
    fields.ends(ends);
    fields.found(WHAT)
}

/// A b-tree that the schema names: a table or an index.
struct Tree {
    name: View,
    root: u32,
    /// Names of its columns, in the order of its rows.
    columns: Vec<View>,
    /// The column that is the row's number, and is not kept beside it.
    rowid: Option<usize>,
}

/// A value of a row.
#[derive(Clone, Copy)]
struct Value {
    view: View,
    kind: Kind,
}

/// A row.
struct Row {
    /// Its number; rows of indexes have none.
    number: Option<Value>,
    values: SmallVec<[Value; 16]>,
    /// Where its cell stands.
    cell: Range<usize>,
}

/// What becomes of each row of a tree, which is told its index.
type Each<'e, R> = &'e mut dyn FnMut(&mut R, &Row, u32);

struct Reader<'b, 'f, 't> {
    pages: Pages<'b>,
    /// Pages that were read.
    taken: Vec<bool>,
    /// The trees of pages, by the pages' numbers.
    owners: BTreeMap<u32, usize>,
    /// Space that no row takes.
    free: Vec<Free>,
    fields: &'f mut Fields<'t>,
    whole: bool,
    /// Bytes of headers that may still be read.
    work: usize,
}

impl Reader<'_, '_, '_> {
    /// Reads what the schema names, tables first: what indexes hold stands in them, too.
    fn tables(&mut self) {
        let all = self.fields.view(0..self.pages.bytes.len());
        let (mut trees, mut indexes) = (Vec::new(), Vec::new());
        if self.pages.find(1).is_some() {
            self.fields.enter(Key::Name("schema"), all);
            self.walk(1, None, &mut |reader, row, index| {
                reader.row(row, index, None);
                match reader.named(row) {
                    Some((tree, true)) => indexes.push(tree),
                    Some((tree, false)) => trees.push(tree),
                    None => {}
                }
            });
            self.fields.leave(self.pages.bytes.len());
        }
        trees.append(&mut indexes);
        for (at, tree) in trees.iter().enumerate() {
            self.fields.enter(Key::At(tree.name), all);
            self.walk(tree.root, Some(at), &mut |reader, row, index| reader.row(row, index, Some(tree)));
            self.fields.leave(self.pages.bytes.len());
        }
        self.others(&trees);
    }

    /// The tree that a row of the schema names, and whether it is an index.
    fn named(&self, row: &Row) -> Option<(Tree, bool)> {
        let [kind, name, _, root, sql, ..] = row.values.as_slice() else { return None };
        let Kind::Integer(root) = root.kind else { return None };
        let root = u32::try_from(root).ok().filter(|root| *root > 1)?;
        let is_index = self.bytes(kind.view) == b"index";
        let mut tree = Tree { name: name.view, root, columns: Vec::new(), rowid: None };
        if !is_index && sql.kind == Kind::Text {
            let columns = schema::columns(self.bytes(sql.view));
            tree.rowid = columns.iter().position(|column| column.is_rowid);
            let at = |offset: usize| sql.view.start.saturating_add(to_u32(offset)).min(sql.view.end);
            let view = |name: &Range<usize>| View { buffer: sql.view.buffer, start: at(name.start), end: at(name.end) };
            tree.columns = columns.iter().map(|column| view(&column.name)).collect();
        }
        Some((tree, is_index))
    }

    /// What stands at a view, wherever it is.
    fn bytes(&self, view: View) -> &[u8] {
        let input = self.fields.view(0..self.pages.bytes.len());
        if view.buffer != input.buffer {
            return self.fields.owned(view);
        }
        let at = |offset: u32| offset.saturating_sub(input.start) as usize;
        self.pages.bytes.get(at(view.start)..at(view.end)).unwrap_or_default()
    }

    fn is_taken(&self, slot: usize) -> bool {
        self.taken.get(slot) != Some(&false)
    }

    fn take(&mut self, slot: usize) {
        if let Some(taken) = self.taken.get_mut(slot) {
            *taken = true;
        }
    }

    /// Reads a b-tree from its root: `each` gets its rows, page by page.
    fn walk(&mut self, root: u32, owner: Option<usize>, each: Each<'_, Self>) {
        let mut stack = vec![root];
        let mut index = 0_u32;
        while let Some(number) = stack.pop() {
            let slot = self.pages.find(number).filter(|slot| !self.is_taken(*slot));
            let Some((slot, page)) = slot.and_then(|slot| Some((slot, self.pages.btree(slot)?))) else {
                // A log holds what was changed alone.
                self.whole &= self.pages.is_log;
                continue;
            };
            if let Some(owner) = owner {
                self.owners.insert(number, owner);
            }
            self.page(slot, &page, &mut index, &mut *each);
            if page.is_interior() {
                let first = stack.len();
                stack.extend(page.cells(&self.pages).filter_map(|at| self.pages.u32(at)));
                stack.extend(page.right);
                if let Some(children) = stack.get_mut(first..) {
                    children.reverse();
                }
            }
        }
    }

    /// Reads the rows of one page.
    fn page(&mut self, slot: usize, page: &Btree, index: &mut u32, each: Each<'_, Self>) {
        self.take(slot);
        self.whole &= page.whole;
        let mut columns = 0_usize;
        for cell in 0..if page.is_table() && page.is_interior() { 0 } else { page.count } {
            if self.fields.is_full() || self.work == 0 {
                self.fields.exhausted("fields");
                break;
            }
            let Some(row) = page.cell(&self.pages, cell).and_then(|at| self.cell(page, at)) else {
                self.whole = false;
                continue;
            };
            columns = row.values.len();
            each(self, &row, *index);
            *index = index.saturating_add(1);
        }
        let spaces = page.free(&self.pages).into_iter();
        self.free.extend(spaces.map(|(range, is_block)| Free { range, columns, is_block }));
    }

    /// The row in the cell that begins at `at`.
    fn cell(&mut self, page: &Btree, at: usize) -> Option<Row> {
        let cell = Cell::read(&self.pages, page, at)?;
        let local = cell.local.clone();
        let bytes: &[u8] = self.pages.bytes.get(local.clone())?;
        let (columns, base) = match cell.overflow {
            None => (record::columns(bytes, true, &mut self.work)?, self.fields.view(local.clone())),
            Some(next) => {
                let (room, budget) = self.fields.room(cell.size);
                if room < cell.size {
                    self.fields.exhausted(budget);
                    return None;
                }
                let (all, way) = self.gather(bytes.to_vec(), local.start, next, cell.size);
                let whole = all.len() >= cell.size;
                self.whole &= whole;
                let columns = record::columns(&all, whole, &mut self.work)?;
                (columns, self.fields.own(all, way))
            }
        };
        let values = self.columns_of(columns, base, &local);
        Some(Row { number: cell.rowid.map(|rowid| self.number(rowid)), values, cell: at..local.end })
    }

    /// A row's number and where it stands.
    fn number(&self, (number, range): (i64, Range<usize>)) -> Value {
        Value { view: self.fields.view(range), kind: Kind::Integer(i128::from(number)) }
    }

    /// The values of a record that stands at `base`; `cell` is where it came from.
    fn columns_of(&mut self, columns: Vec<Column>, base: View, cell: &Range<usize>) -> SmallVec<[Value; 16]> {
        let mut values = SmallVec::new();
        for Column { range, kind } in columns {
            let from = |offset: usize| base.start.saturating_add(to_u32(offset)).min(base.end);
            let view = View { buffer: base.buffer, start: from(range.start), end: from(range.end) };
            values.push(if kind == Kind::Text { self.text(view, cell) } else { Value { view, kind } });
        }
        values
    }

    /// Puts out what stands in free space: rows that were deleted, and what is none.
    fn deleted(&mut self, free: &Free, next: &mut u32) {
        let bytes = self.pages.bytes;
        if filled(bytes, &free.range).is_none() {
            return;
        }
        let space = bytes.get(free.range.clone()).unwrap_or_default();
        let at = |offset: usize| free.range.start.saturating_add(offset);
        let mut from = 0_usize;
        for row in carve::carve(space, free, self.pages.encoding, &mut self.work) {
            self.unread(at(from)..at(row.cell.start), next);
            from = row.cell.end;
            let cell = at(row.cell.start)..at(row.cell.end);
            let base = self.fields.view(free.range.clone());
            let values = self.columns_of(row.columns, base, &cell);
            let number = row.rowid.map(|(number, range)| self.number((number, at(range.start)..at(range.end))));
            self.row(&Row { number, values, cell }, *next, None);
            *next = next.saturating_add(1);
        }
        self.unread(at(from)..free.range.end, next);
    }

    /// Puts out what stands in a range and is no row, if it may say something.
    fn unread(&mut self, range: Range<usize>, next: &mut u32) {
        if let Some(filled) = filled(self.pages.bytes, &range) {
            let view = self.fields.view(filled);
            self.fields.leaf(Key::Index(*next), view, Kind::Bytes);
            *next = next.saturating_add(1);
        }
    }

    /// The whole of a payload that goes on over pages of its own, and the way back.
    fn gather(&mut self, local: Vec<u8>, start: usize, next: u32, size: usize) -> (Vec<u8>, Reach) {
        let mut out = local;
        let end = start.saturating_add(out.len());
        let mut way = vec![(0, to_u32(start)), (to_u32(out.len()), to_u32(end))];
        let (mut ascends, mut first, mut last, mut next) = (true, start, end, next);
        while out.len() < size {
            let slot = self.pages.find(next).filter(|slot| !self.is_taken(*slot));
            let Some((slot, page)) = slot.and_then(|slot| Some((slot, self.pages.range(slot)?))) else { break };
            let Some(number) = self.pages.u32(page.start) else { break };
            self.take(slot);
            let from = page.start.saturating_add(4).min(page.end);
            let to = page.start.saturating_add(self.pages.usable).min(page.end);
            let to = to.min(from.saturating_add(size.saturating_sub(out.len()))).max(from);
            let Some(piece) = self.pages.bytes.get(from..to) else { break };
            ascends &= from >= last;
            (first, last, next) = (first.min(from), last.max(to), number);
            way.push((to_u32(out.len()), to_u32(from)));
            out.extend_from_slice(piece);
            way.push((to_u32(out.len()), to_u32(to)));
            // What a payload leaves of its last page.
            self.free.push(Free { range: to..page.end, columns: 0, is_block: false });
        }
        let reach =
            if ascends { Reach::Blocks(way) } else { Reach::Within { start: to_u32(first), end: to_u32(last) } };
        (out, reach)
    }

    /// A text, in UTF-8 whatever the database's encoding is; `cell` is where it came from.
    fn text(&mut self, view: View, cell: &Range<usize>) -> Value {
        let bytes = self.bytes(view);
        let little = match self.pages.encoding {
            Some(Encoding::Utf8) => return Value { view, kind: Kind::Text },
            Some(Encoding::Utf16Little) => true,
            Some(Encoding::Utf16Big) => false,
            // A log need not say it: letters of many languages have a zero beside them.
            None => match memchr::memchr(0, bytes) {
                Some(at) => at % 2 == 1,
                None if std::str::from_utf8(bytes).is_ok() => return Value { view, kind: Kind::Text },
                None => return Value { view, kind: Kind::Bytes },
            },
        };
        let (room, budget) = self.fields.room(bytes.len());
        if room / 2 < bytes.len() {
            self.fields.exhausted(budget);
            return Value { view, kind: Kind::Bytes };
        }
        let (units, _) = bytes.as_chunks::<2>();
        let unit = |two: &[u8; 2]| if little { u16::from_le_bytes(*two) } else { u16::from_be_bytes(*two) };
        let mut out = Vec::with_capacity(bytes.len());
        let mut index = 0_usize;
        while let Some(two) = units.get(index) {
            let mut utf8 = [0; 4];
            let (text, both) = utf16_to_utf8(unit(two), units.get(index.saturating_add(1)).map(unit), &mut utf8);
            out.extend_from_slice(text);
            index = index.saturating_add(if both { 2 } else { 1 });
        }
        let input = self.fields.view(0..self.pages.bytes.len());
        let reach = if view.buffer == input.buffer {
            let at = |offset: u32| offset.saturating_sub(input.start);
            Reach::Within { start: at(view.start), end: at(view.end) }
        } else {
            Reach::Within { start: to_u32(cell.start), end: to_u32(cell.end) }
        };
        Value { view: self.fields.own(out, reach), kind: Kind::Text }
    }

    /// Puts out a row, its values under the names of its table's columns.
    fn row(&mut self, row: &Row, index: u32, tree: Option<&Tree>) {
        let view = self.fields.view(row.cell.clone());
        self.fields.enter(Key::Index(index), view);
        let alias = tree.and_then(|tree| tree.rowid);
        let mut number = row.number;
        for (at, (index, value)) in (0..).zip(&row.values).enumerate() {
            let name = tree.and_then(|tree| tree.columns.get(at)).map_or(Key::Index(index), |name| Key::At(*name));
            // The column that is the row's number is empty where its value would stand.
            let value = if alias == Some(at) && value.kind == Kind::Simple { number.take() } else { Some(*value) };
            if let Some(value) = value {
                self.fields.leaf(name, value.view, value.kind);
            }
        }
        if let Some(number) = number {
            self.fields.leaf(Key::Name("rowid"), number.view, number.kind);
        }
        self.fields.leave(row.cell.end);
    }

    /// Reads what no tree of the schema leads to.
    fn others(&mut self, trees: &[Tree]) {
        let lists = self.pages.list(&mut self.taken).into_iter();
        self.free.extend(lists.map(|range| Free { range, columns: 0, is_block: false }));
        let all = self.fields.view(0..self.pages.bytes.len());
        let is_other = |slot: &usize| !self.is_taken(*slot) && !self.pages.is_map(*slot);
        let others: Vec<usize> = (0..self.pages.slots.len()).filter(is_other).collect();
        let bytes = self.pages.bytes;
        self.free.retain(|free| filled(bytes, &free.range).is_some());
        if others.is_empty() && self.free.is_empty() {
            return;
        }
        self.fields.enter(Key::Name(if self.pages.is_log { "pages" } else { "free" }), all);
        let mut next = 0_u32;
        for slot in others {
            let Some(page) = self.pages.btree(slot).filter(|page| page.whole) else {
                self.free.extend(self.pages.range(slot).map(|range| Free { range, columns: 0, is_block: false }));
                continue;
            };
            let owner = self.pages.slots.get(slot).and_then(|slot| self.owners.get(&slot.number));
            let tree = owner.and_then(|owner| trees.get(*owner)).filter(|_| page.is_table());
            let whole = self.whole;
            let from = next;
            self.page(slot, &page, &mut next, &mut |reader, row, index| reader.row(row, index, tree));
            // What was deleted may lead to pages that are others' now.
            self.whole = whole;
            if from == next && !page.is_interior() {
                self.free.extend(self.pages.range(slot).map(|range| Free { range, columns: 0, is_block: false }));
            }
        }
        for free in std::mem::take(&mut self.free) {
            self.deleted(&free, &mut next);
        }
        self.fields.leave(bytes.len());
    }
}

/// What stands in space that no row takes, without the zeros around it, if that may say something.
fn filled(bytes: &[u8], free: &Range<usize>) -> Option<Range<usize>> {
    let inside = bytes.get(free.clone())?;
    let first = inside.iter().position(|byte| *byte != 0)?;
    let last = inside.iter().rposition(|byte| *byte != 0)?;
    let at = |offset: usize| free.start.saturating_add(offset);
    (last.saturating_sub(first) >= FEWEST_FREE).then(|| at(first)..at(last).saturating_add(1))
}

#[cfg(test)]
mod tests;
