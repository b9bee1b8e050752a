//! Records as MessagePack and CBOR pack them, item by item.
//!
//! Byte pairs see little in a record of a few bytes: half of it is heads of items and the bytes of numbers. Here each
//! item costs the kind it has where it stands (a map's key is a text, most likely), its length or size, and its text as text.
//! The code is complete over all bytes, so that what it saves against uniform bytes is evidence as everywhere.

use super::{SHORTEST, characters, pairs};

/// Items in items that are followed.
const DEPTH: usize = 16;
/// Bits above those of uniform bytes beyond which nothing is read further.
const HOPELESS: f64 = 8.0;

/// What an item's head says.
#[derive(Clone, Copy)]
enum Head {
    /// So many items, or pairs of them for a map.
    Items(usize),
    /// Until a break.
    Open,
    Bytes(usize),
    /// The bytes of a number.
    Number(usize),
    Float(usize),
    Nothing,
}

/// The kinds of items, in the order of [`COSTS`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Map,
    List,
    Text,
    Blob,
    Small,
    Number,
    Float,
    Simple,
    /// The end of an open list.
    Break,
    /// A tag before an item.
    Tag,
}

/// Where an item stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Key,
    Value,
    Element,
}

/// What a kind costs at each place, in bits; the shares behind them come to less than one in each row.
const COSTS: [[f64; 10]; 4] = [
    // Map, list, text, blob, small number, number, float, simple, break, tag.
    [0.4, 2.5, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, 7.0],
    [NEVER, NEVER, 0.15, 9.0, 4.5, 6.0, NEVER, NEVER, 6.0, NEVER],
    [4.2, 4.2, 1.5, 6.0, 2.8, 2.6, 3.6, 3.2, NEVER, 6.5],
    [1.8, 4.6, 1.8, 7.0, 2.8, 3.3, 3.6, 5.6, 6.0, 6.5],
];
const NEVER: f64 = 1e6;

/// An item's kind, what its head says, the bits of the head beyond the kind, and the bytes behind it.
type Item<'a> = (Kind, Head, f64, &'a [u8]);
type Read = for<'a> fn(&'a [u8]) -> Option<Item<'a>>;

/// How many items a map or a list has: few most often.
fn few(items: usize) -> f64 {
    match items {
        1..=8 => 3.4,
        _ => 6.2,
    }
}

/// How long a text is that its head can say.
fn brief(len: usize) -> f64 {
    match len {
        1..=10 => 4.2,
        _ => 5.7,
    }
}

/// A big-endian number behind a head; where the bytes end within it, what is there.
fn big(bytes: &[u8], width: usize) -> (usize, &[u8]) {
    let (number, rest) = bytes.split_at(bytes.len().min(width));
    (number.iter().fold(0, |sum: usize, byte| sum.checked_shl(8).unwrap_or(0) | usize::from(*byte)), rest)
}

/// Bits of a longer length: its width, and that it is no larger than what a record holds.
fn long(width: usize, len: usize) -> f64 {
    match width {
        1 => 3.0 + 7.6,
        2 if len < 4096 => 4.0 + 12.6,
        2 => 6.0 + 16.0,
        _ if len < 1 << 20 => 6.0 + 21.0,
        4 => 8.0 + 32.0,
        _ => 8.0 + 64.0,
    }
}

fn message_pack(bytes: &[u8]) -> Option<Item<'_>> {
    let (first, rest) = bytes.split_first()?;
    let low = |mask: u8| usize::from(first & mask);
    // Kinds with one, two or four bytes of length: the first of them is `from`.
    let sized = |kind, from: u8, extra: usize| {
        let width = 1_usize << (first - from);
        let (len, rest) = big(rest, width);
        Some((kind, Head::Bytes(len.saturating_add(extra)), long(width, len), rest))
    };
    Some(match first {
        0..0x80 => (Kind::Small, Head::Nothing, 7.1, rest),
        0xe0.. => (Kind::Small, Head::Nothing, 9.0, rest),
        0x80..0x90 => (Kind::Map, Head::Items(low(15)), few(low(15)), rest),
        0x90..0xa0 => (Kind::List, Head::Items(low(15)), few(low(15)), rest),
        0xa0..0xc0 => (Kind::Text, Head::Bytes(low(31)), brief(low(31)), rest),
        0xc0 | 0xc2 | 0xc3 => (Kind::Simple, Head::Nothing, 1.6, rest),
        0xc4..=0xc6 => return sized(Kind::Blob, 0xc4, 0),
        0xc7..=0xc9 => return sized(Kind::Blob, 0xc7, 1),
        0xca | 0xcb => (Kind::Float, Head::Float(4 << (first - 0xca)), if *first == 0xcb { 0.4 } else { 2.2 }, rest),
        0xcc..=0xcf => (Kind::Number, Head::Number(1 << (first - 0xcc)), 2.4, rest),
        0xd0..=0xd3 => (Kind::Number, Head::Number(1 << (first - 0xd0)), 4.4, rest),
        0xd4..=0xd8 => (Kind::Blob, Head::Bytes((1 << (first - 0xd4)) + 1), 3.5, rest),
        0xd9..=0xdb => return sized(Kind::Text, 0xd9, 0),
        0xdc..=0xdf => {
            let width = if first & 1 == 0 { 2 } else { 4 };
            let (items, rest) = big(rest, width);
            (if *first < 0xde { Kind::List } else { Kind::Map }, Head::Items(items), 2.0 + long(width, items), rest)
        }
        0xc1 => return None,
    })
}

fn cbor(bytes: &[u8]) -> Option<Item<'_>> {
    let (first, rest) = bytes.split_first()?;
    let (major, short) = (first >> 5, first & 31);
    if major == 7 {
        return match short {
            20..=22 => Some((Kind::Simple, Head::Nothing, 1.6, rest)),
            23 => Some((Kind::Simple, Head::Nothing, 7.0, rest)),
            25 => Some((Kind::Float, Head::Float(2), 2.5, rest)),
            26 => Some((Kind::Float, Head::Float(4), 2.5, rest)),
            27 => Some((Kind::Float, Head::Float(8), 0.7, rest)),
            31 => Some((Kind::Break, Head::Nothing, 0.0, rest)),
            _ => None,
        };
    }
    let kind = match (major, short) {
        (0 | 1, 0..24) => Kind::Small,
        (0 | 1, _) => Kind::Number,
        (2, _) => Kind::Blob,
        (3, _) => Kind::Text,
        (4, _) => Kind::List,
        (5, _) => Kind::Map,
        _ => Kind::Tag,
    };
    // Less than nothing is rarer.
    let sign = if major == 1 { 2.5 } else { 0.3 };
    let width = match short {
        0..24 => 0,
        24..28 => 1_usize << (short - 24),
        31 if matches!(kind, Kind::List | Kind::Map) => return Some((kind, Head::Open, 5.2, rest)),
        _ => return None,
    };
    if kind == Kind::Number {
        return Some((kind, Head::Number(width), 2.1 + sign, rest));
    }
    let (size, rest) = if width == 0 { (usize::from(short), rest) } else { big(rest, width) };
    let more = if width == 0 { 0.0 } else { long(width, size) };
    Some(match kind {
        Kind::Small => (kind, Head::Nothing, 4.7 + sign, rest),
        Kind::List | Kind::Map if width == 0 => (kind, Head::Items(size), few(size), rest),
        Kind::List | Kind::Map => (kind, Head::Items(size), 2.0 + more, rest),
        Kind::Tag => (kind, Head::Nothing, if width == 0 { 4.6 } else { 1.0 + more }, rest),
        _ if width == 0 => (kind, Head::Bytes(size), brief(size), rest),
        _ => (kind, Head::Bytes(size), more, rest),
    })
}

fn length(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX))
}

/// Bits of the bytes of a number: those of eight bytes are times and names of things, with nothing in front.
fn number(bytes: &[u8], width: usize) -> f64 {
    let zeros = bytes.iter().take(2).take_while(|byte| **byte == 0).count();
    let uniform = 8.0 * length(bytes.len());
    match (width, zeros) {
        (8, 2) => uniform - 15.0,
        (8, 1) => uniform - 6.0,
        (8, _) => uniform + 2.5,
        _ => uniform,
    }
}

/// Bits of the bytes of a float of eight: not too large, and not too small.
fn float(bytes: &[u8], width: usize) -> f64 {
    let uniform = 8.0 * length(bytes.len());
    match (width, bytes) {
        (8, [0x3f | 0x40 | 0x41 | 0xbf | 0xc0 | 0xc1, _, _, rest @ ..]) if rest.iter().all(|byte| *byte == 0) => {
            uniform - 4.5 - 4.0 * length(rest.len())
        }
        (8, [0x3f | 0x40 | 0x41 | 0xbf | 0xc0 | 0xc1, ..]) => uniform - 4.5,
        (8, [_, ..]) => uniform + 4.0,
        _ => uniform,
    }
}

/// Bits of a text; `None` for what is none, and for what is so long that it may be anything.
fn text(bytes: &[u8], cut: bool) -> Option<f64> {
    let legible = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if cut && error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    if legible.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    if bytes.is_empty() {
        return Some(0.0);
    }
    let rest = 8.0 * length(bytes.len() - legible.len());
    let known = (pairs::text_bits(bytes) + 2.2).min(characters::bits(legible.as_bytes())? + rest + 1.0);
    // Long signs that no model of text reads may be a code of anything.
    (bytes.len() < 2 * SHORTEST || known < 6.5 * length(bytes.len())).then_some(known)
}

/// A list or a map that is being read.
#[derive(Clone, Copy, Default)]
struct Level {
    map: bool,
    /// A map's key was read, its value was not.
    value: bool,
    /// Items that are left, keys and values each.
    left: u32,
}

/// An open list or map has so many left.
const OPEN: u32 = u32::MAX;

/// The lists and maps around an item; none allocates, for most noise is asked too.
#[derive(Default)]
struct Levels([Level; DEPTH], usize);

impl Levels {
    fn last(&mut self) -> Option<&mut Level> {
        self.0.get_mut(self.1.checked_sub(1)?)
    }

    fn push(&mut self, level: Level) -> Option<()> {
        *self.0.get_mut(self.1)? = level;
        self.1 += 1;
        Some(())
    }

    fn pop(&mut self) -> Option<Level> {
        let level = *self.last()?;
        self.1 -= 1;
        Some(level)
    }

    /// Counts an item that has begun.
    fn count(&mut self) {
        if let Some(level) = self.last() {
            level.value = level.map && !level.value;
            if level.left != OPEN {
                level.left = level.left.saturating_sub(1);
            }
        }
    }

    /// Leaves what has been read to its end.
    fn close(&mut self) {
        while self.last().is_some_and(|level| level.left == 0) {
            self.1 -= 1;
        }
    }
}

/// Bits of all of the bytes as records one after another, the last of which may be cut. `None` where they are none, or hold
/// bytes that nobody can read.
fn read(bytes: &[u8], item: Read) -> Option<f64> {
    let (mut rest, mut bits) = (bytes, 0.0);
    let mut levels = Levels::default();
    let mut tagged = false;
    while !rest.is_empty() {
        let place = match levels.last() {
            None => Place::First,
            Some(level) if !level.map => Place::Element,
            Some(level) if level.value => Place::Value,
            Some(_) => Place::Key,
        };
        let (kind, head, own, after) = item(rest)?;
        bits += COSTS.get(place as usize)?.get(kind as usize)? + own;
        rest = after;
        if bits > 8.0 * length(bytes.len() - rest.len()) + HOPELESS {
            return None;
        }
        // A tag of a tag is nothing that is sent.
        if std::mem::replace(&mut tagged, kind == Kind::Tag) && tagged {
            return None;
        }
        match kind {
            Kind::Tag => continue,
            Kind::Break => {
                let level = levels.pop()?;
                if level.left != OPEN || level.value {
                    return None;
                }
            }
            _ => levels.count(),
        }
        let map = kind == Kind::Map;
        match head {
            Head::Items(items) => {
                let left = u32::try_from(items).ok()?.checked_mul(1 + u32::from(map))?.min(OPEN - 1);
                levels.push(Level { map, value: false, left })?;
            }
            Head::Open => levels.push(Level { map, value: false, left: OPEN })?,
            Head::Bytes(len) => {
                let (own, after) = rest.split_at(rest.len().min(len));
                rest = after;
                bits += match kind {
                    Kind::Text => text(own, own.len() < len)?,
                    _ if own.len() < SHORTEST => 8.0 * length(own.len()),
                    _ => return None,
                };
            }
            Head::Number(width) | Head::Float(width) => {
                let (own, after) = rest.split_at(rest.len().min(width));
                rest = after;
                bits += if kind == Kind::Float { float(own, width) } else { number(own, width) };
            }
            Head::Nothing => {}
        }
        levels.close();
    }
    Some(bits)
}

/// The packing that explains the bytes best, and its bits.
#[inline]
pub(super) fn bits(bytes: &[u8]) -> Option<(&'static str, f64)> {
    // Maps and lists alone are records, and what is tagged: most noise is neither.
    matches!(bytes.first(), Some(0x80..=0xc1 | 0xd9 | 0xdc..=0xdf)).then(|| best(bytes))?
}

#[inline(never)]
fn best(bytes: &[u8]) -> Option<(&'static str, f64)> {
    let told = [("messagepack", message_pack as Read), ("cbor", cbor as Read)];
    told.into_iter()
        .filter_map(|(name, item)| Some((name, read(bytes, item)? + 1.0)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(bytes: &[u8]) -> Option<f64> {
        bits(bytes).map(|(_, bits)| 8.0 * length(bytes.len()) - bits)
    }

    /// A map's beginning in both packings: `{"ok": true, "name": …` with as much of the name as sixteen bytes hold.
    fn named(name: &str) -> [Vec<u8>; 2] {
        let len = u8::try_from(name.len()).unwrap();
        let pack = [b"\x82\xa2ok\xc3\xa4name".to_vec(), b"\xa2bok\xf5dname".to_vec()];
        let short = [0xa0 | len, 0x60 | len];
        pack.into_iter()
            .zip(short)
            .map(|(mut head, short)| {
                head.push(short);
                head.extend(name.bytes());
                head.truncate(16);
                head
            })
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
    }

    #[test]
    fn sixteen_bytes_of_a_record_are_told_in_any_script() {
        for name in ["Baldur", "Иванов", "鈴木翔太", "이성진", "Παππάς", "عائشة", "राजेश", "สมชาย", "דוד לוי"]
        {
            for record in named(name) {
                assert!(evidence(&record).is_some_and(|bits| bits > 22.0), "{name} {:?} {record:x?}", bits(&record));
            }
        }
        for record in [
            &b"\x82\xa3lat\xcb@\x49\x0f\xdb\x3c\x9a\x11\x07\x52\xa2"[..],
            b"\xa2clat\xfb\xc0\x41\x99\x12\x3c\x9a\x11\x07bo",
            b"\xbfbid\x1a\x3b\x9a\xca\x00bok\xf5\xff",
            b"\x94\x01\xa3get\xce\x3b\x9a\xca\x00\xc3",
        ] {
            assert!(evidence(record).is_some_and(|bits| bits > 10.0), "{:?} {record:x?}", bits(record));
        }
    }

    #[test]
    fn what_nobody_can_read_is_no_record() {
        let noise: Vec<u8> = (1..=40_u32).map(|n| n.wrapping_mul(0x9e37_79b1).to_be_bytes()[0]).collect();
        let around = |head: &[u8]| [head, noise.as_slice()].concat();
        for bytes in [
            // Sealed bytes in a map, in a list, and as a text.
            around(b"\x81\xa4data\xc4\x28"),
            around(b"\x82\x58\x28"),
            around(b"\xa1ddatax\x28"),
            around(b"\xa1ddata\x58\x28"),
            // Signs of a code in a long text.
            b"\xa1ddatax\x28fPNKd,wV&j$Z`1a3%^@!<>?~|}{KWq;:[]=+_)(*".to_vec(),
            // A map of maps as keys, a tag of a tag, a break where nothing is open, a control character.
            b"\xa1\xa1aa\x01\x02\x03\x04\x05\x06\x07\x08".to_vec(),
            b"\xc1\xc1\xa1aa\x01\xa1aa\x02".to_vec(),
            b"\xa1aa\x01\xff\xff\xff\xff".to_vec(),
            b"\xa2aa\x01ab\x61\x02".to_vec(),
            // Text, and nothing.
            b"{\"data\": 1}".to_vec(),
            Vec::new(),
        ] {
            assert_eq!(bits(&bytes), None, "{bytes:x?}");
        }
    }

    #[test]
    fn noise_saves_no_more_than_any_code_can() {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[1]
        };
        let tail = [2_i32, 4, 6, 8, 10];
        let (mut over, times) = ([0_u32; 5], 400_000_u32);
        for n in 0..times {
            let mut bytes: Vec<u8> = (0..12 + n % 20).map(|_| next()).collect();
            // Of those that could be one, as often as of all would be.
            bytes[0] = 0x80 | bytes[0] & 0x3f;
            let saved = evidence(&bytes).unwrap_or(f64::MIN);
            for (over, least) in over.iter_mut().zip(tail) {
                *over += u32::from(saved >= f64::from(least));
            }
        }
        for (over, least) in over.into_iter().zip(tail) {
            // A quarter of all bytes begin so.
            assert!(f64::from(over) < 4.0 * f64::from(times) * 2_f64.powi(-least), "{least} bits: {over}");
        }
    }
}
