//! Where pages stand: one after the other in a database, behind a header each in what is written beside it.

use crate::bytes::Malformed;
use std::collections::BTreeMap;
use std::ops::Range;

const DATABASE: &[u8] = b"SQLite format 3\0";
const JOURNAL: &[u8] = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7";
/// Its last bit says in which order checksums read words.
const LOG: u32 = 0x377f_0682;
const LOG_VERSION: &[u8] = &3_007_000_u32.to_be_bytes();
const BAD: Malformed = Malformed::Illegal("SQLite header");

/// A kind of file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum File {
    /// The database itself.
    Database,
    /// What was written and is not in the database yet.
    Log,
    /// What stood in the database before.
    Journal,
}

/// What a file is, by its first bytes.
pub(super) fn kind(bytes: &[u8]) -> Option<File> {
    let first = word(bytes, 0)?;
    if first & !1 == LOG && bytes.get(4..8) == Some(LOG_VERSION) {
        return Some(File::Log);
    }
    if bytes.starts_with(DATABASE) { Some(File::Database) } else { bytes.starts_with(JOURNAL).then_some(File::Journal) }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk().map(|two| usize::from(u16::from_be_bytes(*two)))
}

fn size(claimed: Option<u32>) -> Result<usize, Malformed> {
    let size = claimed.and_then(|size| usize::try_from(size).ok()).ok_or(BAD)?;
    if size.is_power_of_two() && (512..=65_536).contains(&size) { Ok(size) } else { Err(BAD) }
}

/// How texts are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Little,
    /// UTF-16, the high byte first.
    Utf16Big,
}

/// One page.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// Its number, from 1.
    pub(super) number: u32,
    /// First byte.
    start: usize,
}

/// The pages of one file.
pub(super) struct Pages<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) slots: Vec<Slot>,
    /// The last copy of each page; in a database pages stand by their numbers.
    latest: BTreeMap<u32, usize>,
    size: usize,
    /// Bytes of a page that its content may take.
    pub(super) usable: usize,
    /// `None` where it is not said.
    pub(super) encoding: Option<Encoding>,
    /// It holds changed pages, not all.
    pub(super) is_log: bool,
    pub(super) whole: bool,
    /// Where the last page ends.
    pub(super) ends: usize,
    /// Pages that say where others belong stand between them.
    has_maps: bool,
}

impl<'b> Pages<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Result<Self, Malformed> {
        let mut pages = Self {
            bytes,
            slots: Vec::new(),
            latest: BTreeMap::new(),
            size: 0,
            usable: 0,
            encoding: None,
            is_log: true,
            whole: true,
            ends: bytes.len(),
            has_maps: false,
        };
        match kind(bytes).ok_or(BAD)? {
            File::Database => pages.database()?,
            File::Log => pages.log()?,
            File::Journal => pages.journal()?,
        }
        pages.usable = pages.size;
        let first = pages.find(1).and_then(|slot| pages.range(slot)).and_then(|page| bytes.get(page));
        if let Some(first) = first.filter(|first| first.starts_with(DATABASE)) {
            let reserved = first.get(20).map_or(0, |reserved| usize::from(*reserved));
            pages.usable = pages.size.checked_sub(reserved).filter(|usable| *usable >= 480).ok_or(BAD)?;
            pages.encoding = match word(first, 56) {
                Some(0 | 1) => Some(Encoding::Utf8),
                Some(2) => Some(Encoding::Utf16Little),
                Some(3) => Some(Encoding::Utf16Big),
                _ => None,
            };
            pages.has_maps = word(first, 52).is_some_and(|root| root > 0);
        }
        Ok(pages)
    }

    fn database(&mut self) -> Result<(), Malformed> {
        self.is_log = false;
        self.size = match half(self.bytes, 16) {
            Some(1) => 65_536,
            claimed => size(claimed.and_then(|size| u32::try_from(size).ok()))?,
        };
        let present = self.bytes.len().div_ceil(self.size);
        // Old versions left the number of pages as it was: it counts if it was written with the last change.
        let claimed = word(self.bytes, 28).and_then(|count| usize::try_from(count).ok());
        let current = word(self.bytes, 24) == word(self.bytes, 92);
        let count = claimed.filter(|count| current && *count > 0).unwrap_or(present);
        let end = count.saturating_mul(self.size);
        self.whole = end <= self.bytes.len();
        self.ends = end.min(self.bytes.len());
        self.slots = (1..).zip(0..count.min(present)).map(|(number, at)| self.slot(number, at)).collect();
        Ok(())
    }

    fn slot(&self, number: u32, index: usize) -> Slot {
        Slot { number, start: index.saturating_mul(self.size) }
    }

    fn push(&mut self, number: u32, start: usize) {
        self.latest.insert(number, self.slots.len());
        self.slots.push(Slot { number, start });
        let end = start.saturating_add(self.size);
        self.whole &= end <= self.bytes.len();
        self.ends = end.min(self.bytes.len());
    }

    /// Frames of a write-ahead log: those of earlier rounds stand behind the last one's.
    fn log(&mut self) -> Result<(), Malformed> {
        self.size = size(word(self.bytes, 8))?;
        let salts = word(self.bytes, 16).zip(word(self.bytes, 20)).ok_or(BAD)?;
        let mut at = 32_usize;
        self.ends = at.min(self.bytes.len());
        while let (Some(number), Some(one), Some(two)) =
            (word(self.bytes, at), word(self.bytes, at.saturating_add(8)), word(self.bytes, at.saturating_add(12)))
        {
            // The first salt counts up with each round.
            let ours = salts == (one, two) || (1..=65_536).contains(&salts.0.wrapping_sub(one));
            let start = at.saturating_add(24);
            if number == 0 || !ours || start > self.bytes.len() {
                break;
            }
            self.push(number, start);
            at = start.saturating_add(self.size);
        }
        Ok(())
    }

    /// Records of a rollback journal: sections, each behind a header that fills a sector.
    fn journal(&mut self) -> Result<(), Malformed> {
        self.size = size(word(self.bytes, 24))?;
        let mut at = 0_usize;
        self.ends = 28.min(self.bytes.len());
        while self.bytes.get(at..).is_some_and(|rest| rest.starts_with(JOURNAL)) {
            let sector = word(self.bytes, at.saturating_add(20)).and_then(|sector| usize::try_from(sector).ok());
            let sector = sector.filter(|sector| sector.is_power_of_two() && *sector >= 32).ok_or(BAD)?;
            let pages = word(self.bytes, at.saturating_add(16)).unwrap_or(0);
            // The count is written when all of them are.
            let claimed = word(self.bytes, at.saturating_add(8)).unwrap_or(0);
            let most = if matches!(claimed, 0 | u32::MAX) { usize::MAX } else { claimed as usize };
            at = at.saturating_add(sector);
            let mut count = 0_usize;
            while count < most
                && let Some(number) = word(self.bytes, at).filter(|number| (1..=pages).contains(number))
            {
                self.push(number, at.saturating_add(4));
                at = at.saturating_add(self.size).saturating_add(8);
                count = count.saturating_add(1);
            }
            self.ends = at.min(self.bytes.len());
            at = at.div_ceil(sector).saturating_mul(sector);
        }
        Ok(())
    }

    /// The page of a number.
    pub(super) fn find(&self, number: u32) -> Option<usize> {
        if self.is_log {
            return self.latest.get(&number).copied();
        }
        usize::try_from(number).ok()?.checked_sub(1).filter(|slot| *slot < self.slots.len())
    }

    /// Where a page stands, as far as it is there.
    pub(super) fn range(&self, slot: usize) -> Option<Range<usize>> {
        let start = self.slots.get(slot)?.start;
        let end = start.saturating_add(self.size).min(self.bytes.len());
        (start < end).then_some(start..end)
    }

    /// Four bytes, wherever they stand.
    pub(super) fn u32(&self, at: usize) -> Option<u32> {
        word(self.bytes, at)
    }

    /// The page of a b-tree, if it is one.
    pub(super) fn btree(&self, slot: usize) -> Option<Btree> {
        let page = self.range(slot)?;
        let bytes = self.bytes.get(page.clone())?;
        let head = if bytes.starts_with(DATABASE) { 100 } else { 0 };
        let kind = *bytes.get(head)?;
        let len = match kind {
            2 | 5 => 12,
            10 | 13 => 8,
            _ => return None,
        };
        let count = half(bytes, head.saturating_add(3))?;
        let pointers = head.saturating_add(len);
        let used = count.saturating_mul(2).saturating_add(pointers);
        let content = match half(bytes, head.saturating_add(5))? {
            0 => 65_536,
            content => content,
        };
        if used > content || content > self.usable {
            return None;
        }
        let right = if len == 12 { word(bytes, head.saturating_add(8)) } else { None };
        let whole = (0..count).all(|cell| {
            half(bytes, pointers.saturating_add(cell.saturating_mul(2)))
                .is_some_and(|at| (content..self.usable).contains(&at) && at < bytes.len())
        });
        Some(Btree { kind, page, head, pointers, count, content, right, whole })
    }

    /// Pages that are in no use (freelist): those that list others are taken; what stands behind their lists.
    pub(super) fn list(&self, taken: &mut [bool]) -> Vec<Range<usize>> {
        let mut free = Vec::new();
        let mut next = if self.is_log { None } else { word(self.bytes, 32) };
        while let Some(slot) = next.and_then(|number| self.find(number)) {
            let Some(taken) = taken.get_mut(slot).filter(|taken| !**taken) else { break };
            let Some(page) = self.range(slot) else { break };
            *taken = true;
            next = word(self.bytes, page.start);
            let count = word(self.bytes, page.start.saturating_add(4)).unwrap_or(0) as usize;
            let start = page.start.saturating_add(8).saturating_add(count.saturating_mul(4));
            free.push(start.min(page.end)..page.end);
        }
        free
    }

    /// Whether a page says of others where they belong, and nothing else (auto-vacuum).
    pub(super) fn is_map(&self, slot: usize) -> bool {
        let between = (self.usable / 5).saturating_add(1);
        let number = self.slots.get(slot).and_then(|slot| usize::try_from(slot.number).ok()).unwrap_or(0);
        let maps = self.has_maps && number >= 2 && number.saturating_sub(2).is_multiple_of(between);
        let bytes = self.range(slot).and_then(|page| self.bytes.get(page)).unwrap_or_default();
        let (entries, rest) = bytes.as_chunks::<5>();
        maps && entries.iter().all(|[kind, ..]| *kind <= 5) && rest.iter().all(|byte| *byte == 0)
    }
}

/// A page of a b-tree.
#[derive(Clone, Debug)]
pub(super) struct Btree {
    kind: u8,
    page: Range<usize>,
    /// Where its header begins.
    head: usize,
    /// Where its list of cells begins.
    pointers: usize,
    /// Cells.
    pub(super) count: usize,
    /// Where cells begin.
    content: usize,
    /// Its last child.
    pub(super) right: Option<u32>,
    /// Every cell is where cells may be.
    pub(super) whole: bool,
}

impl Btree {
    /// It holds rows by their numbers; otherwise by what they say.
    pub(super) const fn is_table(&self) -> bool {
        matches!(self.kind, 5 | 13)
    }

    /// It has children.
    pub(super) const fn is_interior(&self) -> bool {
        matches!(self.kind, 2 | 5)
    }

    /// Where the page ends, as far as it is there.
    pub(super) const fn end(&self) -> usize {
        self.page.end
    }

    /// Where a cell begins.
    pub(super) fn cell(&self, pages: &Pages<'_>, index: usize) -> Option<usize> {
        let at = self.page.start.saturating_add(self.pointers).saturating_add(index.saturating_mul(2));
        let offset = half(pages.bytes, at).filter(|offset| (self.content..pages.usable).contains(offset))?;
        Some(self.page.start.saturating_add(offset)).filter(|at| *at < self.page.end)
    }

    /// Where its cells begin.
    pub(super) fn cells<'p>(&'p self, pages: &'p Pages<'_>) -> impl Iterator<Item = usize> + 'p {
        (0..self.count).filter_map(|index| self.cell(pages, index))
    }

    /// Space that no cell takes: between list and cells, behind what a page may use, and of deleted cells, which is told.
    pub(super) fn free(&self, pages: &Pages<'_>) -> Vec<(Range<usize>, bool)> {
        let at = |offset: usize| self.page.start.saturating_add(offset).min(self.page.end);
        let listed = self.pointers.saturating_add(self.count.saturating_mul(2));
        let mut free = vec![(at(listed)..at(self.content), false), (at(pages.usable)..self.page.end, false)];
        let mut block = half(pages.bytes, at(self.head.saturating_add(1))).unwrap_or(0);
        // They ascend, so they end; the first four bytes of each lead to the next.
        while block >= self.content && at(block) < self.page.end {
            let Some(len) = half(pages.bytes, at(block).saturating_add(2)) else { break };
            free.push((at(block.saturating_add(4))..at(block.saturating_add(len.max(4)).min(pages.usable)), true));
            let next = half(pages.bytes, at(block)).unwrap_or(0);
            if next <= block {
                break;
            }
            block = next;
        }
        free
    }
}
