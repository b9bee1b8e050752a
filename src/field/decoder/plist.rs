//! Apple property lists, as XML and binary (`bplist00`, CFBinaryPList.c): what apps on Apple's systems keep and send.
//!
//! Objects of a binary list refer to each other by number, so a few bytes can say a tree without end: every object that is
//! visited costs a field, and levels are counted.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::utf16_to_utf8;
use crate::field::{Decoder, Fields, Hint, Key, Sample, transfer};
use crate::model::budget;
use crate::model::field::{Kind, Reach};
use memchr::memmem;
use std::ops::Range;

/// The entry.
pub(super) static PLIST: Decoder = Decoder {
    name: "plist",
    about: "Apple property lists, XML and binary",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::LESS.or(Shape::NUL), none: Shape::NONE, min: 34, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"bplist00\xd2\x01\x02\x03\x06RinQn\xa2\x04\x05YThe heronc\x00\xe9\x00t\x00\xe9\x10\x01\x08\x0d\x10\x12\
                     \x15\x1f&\x00\x00\x00\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\
                     \x00\x00\x00\x00\x00\x00\x00\x00\x00(",
            hint: "",
            shows: "The heron",
            trail: "plist in[0]",
        },
        Sample {
            bytes: b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
                     \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n\t<key>in</key>\n\
                     \t<array>\n\t\t<string>The heron</string>\n\t\t<data>\n\t\tVGhlIGhlcm9uIGluIGRhdGE=\n\t\t</data>\n\t\
                     </array>\n\t<key>n</key>\n\t<integer>1</integer>\n</dict>\n</plist>\n",
            hint: "",
            shows: "The heron in data",
            trail: "plist in[1]",
        },
        Sample {
            bytes: b"<plist><dict><key>t</key><string>The&#32;heron</string></dict></plist>",
            hint: "",
            shows: "The heron",
            trail: "plist t > html-entities",
        },
    ],
};

const MAGIC: &[u8] = b"bplist0";
/// Bytes in which the root element of an XML list begins.
const HEAD: usize = 1_024;
const WHAT: &str = "property list";

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let is_xml = || {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        let head = text.get(..HEAD).unwrap_or(text);
        (text.starts_with(b"<?xml") || text.starts_with(b"<!DOCTYPE plist") || text.starts_with(b"<plist"))
            && memmem::find(head, b"<plist").is_some()
    };
    if bytes.starts_with(MAGIC) || is_xml() { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    if bytes.starts_with(MAGIC) { open_binary(bytes, fields) } else { open_xml(bytes, fields) }
}

/// A container under way.
struct Level {
    is_dict: bool,
    next: u32,
    /// The key whose value comes next.
    key: Option<Key>,
}

impl Level {
    const fn new(is_dict: bool) -> Self {
        Self { is_dict, next: 0, key: None }
    }

    fn key(&mut self) -> Option<Key> {
        if self.is_dict {
            return self.key.take();
        }
        let index = self.next;
        self.next = index.saturating_add(1);
        Some(Key::Index(index))
    }
}

fn open_xml(bytes: &[u8], fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut at = memmem::find(bytes, b"<plist").ok_or(Malformed::Illegal(WHAT))?;
    let mut levels: Vec<Level> = Vec::new();
    let find = |from: usize, mark: &[u8]| {
        let rest = bytes.get(from..).unwrap_or_default();
        memmem::find(rest, mark).map(|found| from.saturating_add(found))
    };
    let mut done = false;
    while let Some(start) = find(at, b"<") {
        if fields.is_full() {
            fields.exhausted("fields");
            break;
        }
        let rest = bytes.get(start..).unwrap_or_default();
        if rest.starts_with(b"<!--") {
            let Some(end) = find(start, b"-->") else { break };
            at = end.saturating_add(3);
            continue;
        }
        let Some(end) = find(start, b">") else { break };
        at = end.saturating_add(1);
        let tag = bytes.get(start.saturating_add(1)..end).unwrap_or_default();
        let empty = tag.last() == Some(&b'/');
        let name = tag.split(|byte| byte.is_ascii_whitespace() || *byte == b'/').next().unwrap_or_default();
        match (tag.first(), name) {
            (Some(b'/'), _) => match tag.get(1..).unwrap_or_default().trim_ascii() {
                b"plist" => {
                    done = levels.is_empty();
                    break;
                }
                closed @ (b"dict" | b"array") => {
                    let level = levels.pop().ok_or(Malformed::Illegal(WHAT))?;
                    if level.is_dict != (closed == b"dict") {
                        return Err(Malformed::Illegal(WHAT));
                    }
                    if !levels.is_empty() {
                        fields.leave(at);
                    }
                }
                _ => {}
            },
            (_, b"plist") => {}
            (_, name @ (b"dict" | b"array")) => {
                let key = levels.last_mut().and_then(Level::key);
                let root = levels.is_empty();
                if root && !fields.is_empty() {
                    return Err(Malformed::Illegal(WHAT));
                }
                if !root {
                    let view = fields.view(start..bytes.len());
                    fields.enter(key.unwrap_or(Key::Index(0)), view);
                }
                if !empty {
                    levels.push(Level::new(name == b"dict"));
                } else if !root {
                    fields.leave(at);
                }
            }
            (_, b"true" | b"false") => {
                let key = levels.last_mut().and_then(Level::key).unwrap_or(Key::Index(0));
                let view = fields.view(start..at);
                fields.leaf(key, view, Kind::Simple);
            }
            (_, name @ (b"key" | b"string" | b"integer" | b"real" | b"date" | b"data")) => {
                let close = if empty { Some(at) } else { find(at, b"</") };
                let Some(close) = close else { break };
                let range = at..close.max(at);
                at = if empty { at } else { find(close, b">").map_or(bytes.len(), |end| end.saturating_add(1)) };
                if name == b"key" {
                    let view = fields.view(range);
                    if let Some(level) = levels.last_mut() {
                        level.key = Some(Key::At(view));
                    }
                    continue;
                }
                let key = levels.last_mut().and_then(Level::key).unwrap_or(Key::Index(0));
                text(bytes, name, range, key, fields);
            }
            _ => return Err(Malformed::Illegal(WHAT)),
        }
    }
    if !done {
        fields.leave_all(bytes.len());
        fields.damaged();
    }
    fields.found(WHAT)
}

/// Puts out the value of an element that holds text.
fn text(bytes: &[u8], element: &[u8], range: Range<usize>, key: Key, fields: &mut Fields<'_>) {
    let raw = bytes.get(range.clone()).unwrap_or_default();
    let number = || std::str::from_utf8(raw).unwrap_or_default().trim();
    let kind = match element {
        b"data" => {
            let (out, way) = transfer::base64(raw);
            let from = to_u32(range.start);
            let way = match way {
                Reach::Blocks(pairs) => {
                    Reach::Blocks(pairs.into_iter().map(|(here, there)| (here, there.saturating_add(from))).collect())
                }
                _ => Reach::Within { start: from, end: to_u32(range.end) },
            };
            fields.decoded(key, out, way, None);
            return;
        }
        b"integer" => number().parse().map_or(Kind::Text, Kind::Integer),
        b"real" => number().parse().map_or(Kind::Text, Kind::Float),
        _ => Kind::Text,
    };
    // Character data may stand in a CDATA section.
    let cdata = raw.strip_prefix(b"<![CDATA[").and_then(|rest| rest.strip_suffix(b"]]>"));
    let range = match cdata {
        Some(inner) => {
            let from = range.start.saturating_add(9);
            from..from.saturating_add(inner.len())
        }
        None => range,
    };
    let view = fields.view(range);
    fields.leaf(key, view, kind);
}

/// A binary list: its objects by number.
struct Binary<'b> {
    bytes: &'b [u8],
    /// Bytes of an offset in the table, and of a reference.
    offset_size: usize,
    ref_size: usize,
    count: usize,
    table: usize,
}

/// One object's head.
struct Object {
    marker: u8,
    /// Its length, in the units of its kind.
    len: usize,
    /// Where its content begins.
    at: usize,
}

fn uint(bytes: &[u8]) -> Option<usize> {
    if bytes.is_empty() || bytes.len() > 8 {
        return None;
    }
    let value = bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    usize::try_from(value).ok()
}

impl<'b> Binary<'b> {
    /// Reads the trailer: the last 32 bytes.
    fn new(bytes: &'b [u8]) -> Result<(Self, usize), Malformed> {
        const BAD: Malformed = Malformed::Illegal("property list trailer");
        let trailer: &[u8; 32] = bytes.last_chunk().ok_or(Malformed::Short("property list trailer"))?;
        let [_, _, _, _, _, _, offset_size, ref_size, numbers @ ..] = trailer;
        let [count, top, table] = match numbers.as_chunks::<8>() {
            ([count, top, table], []) => [count, top, table].map(|eight| uint(eight).unwrap_or(usize::MAX)),
            _ => return Err(BAD),
        };
        let (offset_size, ref_size) = (usize::from(*offset_size), usize::from(*ref_size));
        let end = count.checked_mul(offset_size).and_then(|len| len.checked_add(table)).ok_or(BAD)?;
        if !(1..=8).contains(&offset_size) || !(1..=8).contains(&ref_size) || end > bytes.len() || top >= count {
            return Err(BAD);
        }
        Ok((Self { bytes, offset_size, ref_size, count, table }, top))
    }

    fn object(&self, number: usize) -> Option<Object> {
        if number >= self.count {
            return None;
        }
        let from = number.checked_mul(self.offset_size)?.checked_add(self.table)?;
        let offset = uint(self.bytes.get(from..from.checked_add(self.offset_size)?)?)?;
        let marker = *self.bytes.get(offset)?;
        let mut at = offset.checked_add(1)?;
        let mut len = usize::from(marker & 0x0f);
        if len == 15 && marker >> 4 >= 4 && marker >> 4 != 8 {
            // A length too large for half a byte follows as an integer.
            let head = *self.bytes.get(at)?;
            if head >> 4 != 1 || head & 0x0f > 3 {
                return None;
            }
            let size = 1_usize << (head & 3);
            at = at.checked_add(1)?;
            len = uint(self.bytes.get(at..at.checked_add(size)?)?)?;
            at = at.checked_add(size)?;
        }
        Some(Object { marker, len, at })
    }

    /// The `index`th reference of a container whose references begin at `at`.
    fn reference(&self, at: usize, index: usize) -> Option<usize> {
        let from = index.checked_mul(self.ref_size)?.checked_add(at)?;
        uint(self.bytes.get(from..from.checked_add(self.ref_size)?)?)
    }

    /// Where a text can be read as UTF-8.
    fn text(&self, object: &Object, fields: &mut Fields<'_>) -> Option<crate::model::field::View> {
        let wide = object.marker >> 4 == 6;
        let end = object.len.checked_mul(if wide { 2 } else { 1 })?.checked_add(object.at)?;
        let raw = self.bytes.get(object.at..end)?;
        if !wide {
            return Some(fields.view(object.at..end));
        }
        fields.begin_text();
        let (units, _) = raw.as_chunks::<2>();
        let mut index = 0_usize;
        while let Some(unit) = units.get(index) {
            let low = units.get(index.saturating_add(1)).map(|low| u16::from_be_bytes(*low));
            let mut utf8 = [0; 4];
            let (text, both) = utf16_to_utf8(u16::from_be_bytes(*unit), low, &mut utf8);
            fields.escape(text, object.at.saturating_add(index.saturating_mul(2)));
            index = index.saturating_add(if both { 2 } else { 1 });
        }
        Some(fields.end_text(end))
    }
}

fn open_binary(bytes: &[u8], fields: &mut Fields<'_>) -> Result<(), Malformed> {
    struct Container {
        level: Level,
        /// Where its references begin; those of a dictionary's values follow those of its keys.
        at: usize,
        next: usize,
        count: usize,
    }
    let (list, top) = Binary::new(bytes)?;
    let mut open: Vec<Container> = Vec::new();
    let mut number = Some(top);
    let mut whole = true;
    loop {
        let (visit, key) = match open.last_mut() {
            None => match number.take() {
                Some(top) => (top, Key::Index(0)),
                None => break,
            },
            Some(container) if container.next >= container.count => {
                open.pop();
                if !open.is_empty() {
                    fields.leave(bytes.len());
                }
                continue;
            }
            Some(container) => {
                let index = container.next;
                container.next = index.saturating_add(1);
                if container.level.is_dict {
                    let name = list
                        .reference(container.at, index)
                        .and_then(|number| list.object(number))
                        .filter(|name| matches!(name.marker >> 4, 5..=7))
                        .and_then(|name| list.text(&name, fields));
                    container.level.key = Some(name.map_or_else(|| Key::Index(to_u32(index)), Key::At));
                }
                let key = container.level.key().unwrap_or(Key::Index(to_u32(index)));
                let value = if container.level.is_dict { container.count.saturating_add(index) } else { index };
                let Some(number) = list.reference(container.at, value) else {
                    whole = false;
                    continue;
                };
                (number, key)
            }
        };
        if fields.is_full() {
            fields.exhausted("fields");
            break;
        }
        let Some(object) = list.object(visit) else {
            whole = false;
            continue;
        };
        let root = open.is_empty();
        match object.marker >> 4 {
            kind @ 0xa..=0xd => {
                if open.len() >= budget::NESTING {
                    fields.exhausted("nesting");
                    continue;
                }
                if !root {
                    // Its members may stand anywhere in the list.
                    let view = fields.view(0..bytes.len());
                    fields.enter(key, view);
                }
                // A count is a claim: what is not there ends it.
                let room = bytes.len().saturating_sub(object.at) / list.ref_size.max(1);
                whole &= object.len <= room;
                let count = object.len.min(if kind == 0xd { room / 2 } else { room });
                open.push(Container { level: Level::new(kind == 0xd), at: object.at, next: 0, count });
            }
            _ => whole &= value(&list, &object, key, fields),
        }
    }
    if !whole {
        fields.damaged();
    }
    fields.found(WHAT)
}

/// Puts out a value that is no container; whether it is all there.
fn value(list: &Binary<'_>, object: &Object, key: Key, fields: &mut Fields<'_>) -> bool {
    let raw = |len: usize| {
        let end = object.at.checked_add(len)?;
        list.bytes.get(object.at..end).map(|bytes| (bytes, object.at..end))
    };
    let size = 1_usize << (object.marker & 7);
    let (range, kind) = match object.marker >> 4 {
        0 => (object.at.saturating_sub(1)..object.at, Kind::Simple),
        1 if size <= 16 => match raw(size) {
            Some((bytes, range)) => {
                // Only eight bytes and more are signed.
                let signed = size >= 8 && bytes.first().is_some_and(|byte| byte & 0x80 != 0);
                let value = bytes.iter().fold(if signed { -1_i128 } else { 0 }, |v, byte| v << 8 | i128::from(*byte));
                (range, Kind::Integer(value))
            }
            None => return false,
        },
        2 | 3 => match raw(size) {
            Some((bytes, range)) => {
                let kind = match (bytes.first_chunk::<8>(), bytes.first_chunk::<4>()) {
                    (Some(eight), _) => Kind::Float(f64::from_be_bytes(*eight)),
                    (None, Some(four)) => Kind::Float(f64::from(f32::from_be_bytes(*four))),
                    _ => Kind::Bytes,
                };
                (range, kind)
            }
            None => return false,
        },
        4 => match raw(object.len) {
            Some((_, range)) => (range, Kind::Bytes),
            None => return false,
        },
        5..=7 => {
            let Some(view) = list.text(object, fields) else { return false };
            fields.leaf(key, view, Kind::Text);
            return true;
        }
        8 => match raw(object.len.saturating_add(1)).and_then(|(bytes, range)| Some((uint(bytes)?, range))) {
            Some((uid, range)) => (range, Kind::Integer(i128::try_from(uid).unwrap_or(i128::MAX))),
            None => return false,
        },
        _ => return false,
    };
    let view = fields.view(range);
    fields.leaf(key, view, kind);
    true
}

#[cfg(test)]
mod tests {
    use crate::field::walk_bytes;

    /// A binary list of arrays that each hold the next one twice, `levels` deep.
    fn doubling(levels: u8, last: u8) -> Vec<u8> {
        let mut bytes = b"bplist00".to_vec();
        let mut offsets = Vec::new();
        for level in 0..levels {
            offsets.push(bytes.len());
            let next = if level + 1 == levels { last } else { level + 1 };
            bytes.extend([0xa2, next, next]);
        }
        offsets.push(bytes.len());
        bytes.extend(b"\x59The heron");
        let table = bytes.len();
        for offset in &offsets {
            bytes.extend(u16::try_from(*offset).unwrap().to_be_bytes());
        }
        bytes.extend([0, 0, 0, 0, 0, 0, 2, 1]);
        for number in [offsets.len(), 0, table] {
            bytes.extend((number as u64).to_be_bytes());
        }
        bytes
    }

    #[test]
    fn objects_that_hold_each_other_end_at_a_budget() {
        walk_bytes(doubling(60, 60), None, |tree| {
            assert_eq!(tree.exhausted, ["fields"]);
            assert!(tree.leaves().any(|(_, node)| tree.bytes(node) == b"The heron"));
        });
        walk_bytes(doubling(3, 0), None, |tree| {
            assert!(tree.exhausted.contains(&"nesting") || tree.exhausted.contains(&"fields"), "{:?}", tree.exhausted);
        });
        walk_bytes(doubling(3, 3), None, |tree| {
            assert_eq!(tree.leaves().count(), 8);
            assert!(tree.exhausted.is_empty());
        });
    }
}
