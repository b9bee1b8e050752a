//! Binary formats that are a tree of counted containers (MessagePack, CBOR): the walk they share.

use crate::bytes::{Cursor, Malformed};
use crate::field::{Fields, Key};
use crate::model::field::Kind;
use std::ops::Range;

/// What a format reads next.
#[derive(Debug)]
pub(super) enum Item {
    /// A value at this range.
    Leaf(Kind, Range<usize>),
    /// Bytes at this range, of this media type.
    Typed(&'static str, Range<usize>),
    /// A container that begins here, with its number of elements or pairs, if it says so.
    Enter { count: Option<u64>, is_map: bool, start: usize },
    /// The end of a container that did not.
    Leave(usize),
}

#[derive(Debug)]
struct Level {
    is_map: bool,
    /// Elements or pairs still to come.
    left: Option<u64>,
    index: u32,
    /// The key whose value comes next.
    key: Option<Key>,
}

/// Turns items into fields.
pub(super) struct Builder<'f, 't> {
    fields: &'f mut Fields<'t>,
    levels: Vec<Level>,
    /// Bytes of text read: what chance seldom brings.
    pub(super) texts: usize,
}

/// Items that are read before anything is made of them.
const LOOK: usize = 16;

/// Whether a container may be all of the bytes of `cursor` and hold `texts` bytes of text: most random bytes run out of
/// themselves, or leave some over, within a few items. What is told to be none, [`Builder`] finds to be none.
pub(super) fn may_build(
    mut cursor: Cursor<'_>,
    texts: usize,
    item: fn(&mut Cursor<'_>) -> Result<Item, Malformed>,
) -> bool {
    let (mut left, mut read) = (1_u64, 0_usize);
    for _ in 0..LOOK {
        let Ok(item) = item(&mut cursor) else { return false };
        left = left.saturating_sub(1);
        match item {
            Item::Leaf(Kind::Text, range) => read = read.saturating_add(range.len()),
            Item::Leaf(..) | Item::Typed(..) => {}
            Item::Enter { count: Some(count), is_map, .. } => {
                left = left.saturating_add(count.saturating_mul(if is_map { 2 } else { 1 }));
            }
            // Of no count: only its end tells.
            Item::Enter { count: None, .. } => return true,
            Item::Leave(_) => return false,
        }
        let rest = cursor.rest().len();
        if left == 0 {
            return rest == 0 && read >= texts;
        }
        // No item is shorter than a byte.
        if left > u64::try_from(rest).unwrap_or(u64::MAX) || read.saturating_add(rest) < texts {
            return false;
        }
    }
    true
}

impl<'f, 't> Builder<'f, 't> {
    pub(super) const fn new(fields: &'f mut Fields<'t>) -> Self {
        Self { fields, levels: Vec::new(), texts: 0 }
    }

    /// Takes the next item; whether the outermost value is complete.
    pub(super) fn item(&mut self, item: Item) -> Result<bool, Malformed> {
        if let Item::Leave(end) = item {
            let level = self.levels.pop().ok_or(Malformed::Illegal("end of a container"))?;
            if level.left.is_some() || level.key.is_some() {
                return Err(Malformed::Illegal("end of a container"));
            }
            if !self.levels.is_empty() {
                self.fields.leave(end);
            }
            return Ok(self.after(end));
        }
        if let Item::Leaf(kind, range) = &item
            && let Some(Level { is_map: true, key: key @ None, index, .. }) = self.levels.last_mut()
        {
            let view = self.fields.view(range.clone());
            *key = Some(match kind {
                Kind::Text | Kind::Bytes => Key::At(view),
                Kind::Integer(number) => u32::try_from(*number).map_or(Key::At(view), Key::Number),
                _ => Key::Index(*index),
            });
            if *kind == Kind::Text {
                self.texts = self.texts.saturating_add(range.len());
            }
            return Ok(false);
        }
        let root = self.levels.is_empty();
        let key = match self.levels.last_mut() {
            Some(Level { is_map: true, key, .. }) => key.take().ok_or(Malformed::Illegal("key of a map"))?,
            Some(level) => {
                let index = level.index;
                level.index = index.saturating_add(1);
                Key::Index(index)
            }
            None => Key::Index(0),
        };
        match item {
            Item::Typed(media_type, range) => {
                if root {
                    return Err(Malformed::Illegal("lone value"));
                }
                let end = range.end;
                let view = self.fields.view(range);
                self.fields.typed_leaf(key, view, Kind::Bytes, Some(media_type.to_owned()));
                Ok(self.after(end))
            }
            Item::Leaf(kind, range) => {
                if root {
                    return Err(Malformed::Illegal("lone value"));
                }
                if kind == Kind::Text {
                    self.texts = self.texts.saturating_add(range.len());
                }
                let end = range.end;
                let view = self.fields.view(range);
                self.fields.leaf(key, view, kind);
                Ok(self.after(end))
            }
            Item::Enter { count, is_map, start } => {
                if !root {
                    let view = self.fields.view(start..usize::MAX);
                    self.fields.enter(key, view);
                }
                self.levels.push(Level { is_map, left: count, index: 0, key: None });
                if count == Some(0) { Ok(self.close(start)) } else { Ok(false) }
            }
            Item::Leave(_) => Ok(false),
        }
    }

    /// A value ended at `end`: so may containers around it.
    fn after(&mut self, end: usize) -> bool {
        match self.levels.last_mut() {
            None => true,
            Some(Level { left: Some(left), .. }) => {
                *left = left.saturating_sub(1);
                if *left == 0 { self.close(end) } else { false }
            }
            Some(_) => false,
        }
    }

    fn close(&mut self, end: usize) -> bool {
        while let Some(Level { left: Some(0), .. }) = self.levels.last() {
            self.levels.pop();
            if self.levels.is_empty() {
                return true;
            }
            self.fields.leave(end);
            if let Some(Level { left: Some(left), .. }) = self.levels.last_mut() {
                *left = left.saturating_sub(1);
            }
        }
        self.levels.is_empty()
    }
}
