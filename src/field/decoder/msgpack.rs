//! MessagePack: one map or array, all bytes explained.

use crate::bytes::{Cursor, Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_media_type;
use crate::field::typed::{Builder, Item, may_build};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::Kind;

/// The entry.
pub(super) static MSGPACK: Decoder = Decoder {
    name: "msgpack",
    about: "MessagePack",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::HIGH, none: Shape::NONE, min: 5, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[Sample {
        bytes: b"\x82\xa1n\x01\xa4text\x92\xc3\xa9The heron",
        hint: "",
        shows: "The heron",
        trail: "msgpack text[1]",
    }],
};

/// Bytes of text in what is taken for a value undeclared.
const FEWEST: usize = 4;

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    const TYPES: &[&str] = &["application/msgpack", "application/x-msgpack", "application/vnd.msgpack"];
    match bytes.first() {
        Some(0x81..=0x8f | 0x91..=0x9f | 0xdc..=0xdf) if is_media_type(hint.content_type, TYPES) => Match::Certain,
        Some(0x81..=0x8f | 0x91..=0x9f | 0xdc..=0xdf) if may_build(Cursor::new(bytes), FEWEST, item) => Match::Maybe,
        _ => Match::No,
    }
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let declared = fits(hint, bytes) == Match::Certain;
    let mut cursor = Cursor::new(bytes);
    let mut builder = Builder::new(fields);
    while !builder.item(item(&mut cursor)?)? {}
    let texts = builder.texts;
    cursor.finish("MessagePack value")?;
    // A short array of numbers could be anything.
    if !declared && texts < FEWEST { Err(Malformed::Illegal("MessagePack value")) } else { Ok(()) }
}

fn item(cursor: &mut Cursor<'_>) -> Result<Item, Malformed> {
    const WHAT: &str = "MessagePack value";
    let start = cursor.position();
    let first = cursor.u8(WHAT)?;
    let enter = |count: u64, is_map| Ok(Item::Enter { count: Some(count), is_map, start });
    let (len, kind) = match first {
        0x00..=0x7f => return Ok(Item::Leaf(Kind::Integer(i128::from(first)), start..cursor.position())),
        0xe0..=0xff => {
            return Ok(Item::Leaf(Kind::Integer(i128::from(first.cast_signed())), start..cursor.position()));
        }
        0x80..=0x8f => return enter(u64::from(first & 0x0f), true),
        0x90..=0x9f => return enter(u64::from(first & 0x0f), false),
        0xdc => return enter(u64::from(cursor.u16(WHAT)?), false),
        0xdd => return enter(u64::from(cursor.u32(WHAT)?), false),
        0xde => return enter(u64::from(cursor.u16(WHAT)?), true),
        0xdf => return enter(u64::from(cursor.u32(WHAT)?), true),
        0xc0 | 0xc2 | 0xc3 => (0, Kind::Simple),
        0xc1 => return Err(Malformed::Illegal(WHAT)),
        0xca => (4, Kind::Float(f64::from(f32::from_be_bytes(peek(cursor)?)))),
        0xcb => (8, Kind::Float(f64::from_be_bytes(peek(cursor)?))),
        0xcc => (1, Kind::Integer(i128::from(u8::from_be_bytes(peek(cursor)?)))),
        0xcd => (2, Kind::Integer(i128::from(u16::from_be_bytes(peek(cursor)?)))),
        0xce => (4, Kind::Integer(i128::from(u32::from_be_bytes(peek(cursor)?)))),
        0xcf => (8, Kind::Integer(i128::from(u64::from_be_bytes(peek(cursor)?)))),
        0xd0 => (1, Kind::Integer(i128::from(i8::from_be_bytes(peek(cursor)?)))),
        0xd1 => (2, Kind::Integer(i128::from(i16::from_be_bytes(peek(cursor)?)))),
        0xd2 => (4, Kind::Integer(i128::from(i32::from_be_bytes(peek(cursor)?)))),
        0xd3 => (8, Kind::Integer(i128::from(i64::from_be_bytes(peek(cursor)?)))),
        0xa0..=0xbf => (usize::from(first & 0x1f), Kind::Text),
        0xd9 => (usize::from(cursor.u8(WHAT)?), Kind::Text),
        0xda => (usize::from(cursor.u16(WHAT)?), Kind::Text),
        0xdb => (usize::try_from(cursor.u32(WHAT)?).unwrap_or(usize::MAX), Kind::Text),
        0xc4 => (usize::from(cursor.u8(WHAT)?), Kind::Bytes),
        0xc5 => (usize::from(cursor.u16(WHAT)?), Kind::Bytes),
        0xc6 => (usize::try_from(cursor.u32(WHAT)?).unwrap_or(usize::MAX), Kind::Bytes),
        // Extensions: a type byte, then the data.
        0xd4..=0xd8 => ext(1 << (first.wrapping_sub(0xd4) & 7), cursor)?,
        0xc7 => ext(cursor.u8(WHAT)?.into(), cursor)?,
        0xc8 => ext(cursor.u16(WHAT)?.into(), cursor)?,
        0xc9 => ext(cursor.u32(WHAT)?, cursor)?,
    };
    let start = cursor.position();
    let value = cursor.take(len, WHAT)?;
    // Old encoders write bytes as strings.
    let kind = if kind == Kind::Text && std::str::from_utf8(value).is_err() { Kind::Bytes } else { kind };
    Ok(Item::Leaf(kind, start..cursor.position()))
}

/// An extension's type and what its data are: of the known ones, -1 is a time (timestamp extension type), here its seconds.
fn ext(len: u32, cursor: &mut Cursor<'_>) -> Result<(usize, Kind), Malformed> {
    let kind = match (cursor.u8("MessagePack extension")?.cast_signed(), len) {
        (-1, 4) => Kind::Integer(i128::from(u32::from_be_bytes(peek(cursor)?))),
        // Thirty bits of nanoseconds stand in front.
        (-1, 8) => Kind::Integer(i128::from(u64::from_be_bytes(peek(cursor)?) & 0x3_ffff_ffff)),
        (-1, 12) => {
            let [_, _, _, _, seconds @ ..] = peek::<12>(cursor)?;
            Kind::Integer(i128::from(i64::from_be_bytes(seconds)))
        }
        _ => Kind::Bytes,
    };
    Ok((usize::try_from(len).unwrap_or(usize::MAX), kind))
}

/// The next bytes, not taken yet.
fn peek<const N: usize>(cursor: &Cursor<'_>) -> Result<[u8; N], Malformed> {
    let mut ahead = *cursor;
    ahead.array("MessagePack number")
}

#[cfg(test)]
mod tests {
    use crate::field::walk_bytes;
    use crate::model::field::Kind;

    /// What msgpack-python writes for a time, with and without nanoseconds, and before 1970.
    #[test]
    fn times_are_read_to_the_second() {
        for (packed, seconds) in [
            (&b"\x82\xa1t\xa9The heron\xa2at\xd6\xffj\xe8Q\x10"[..], 1_793_610_000),
            (b"\x82\xa1t\xa9The heron\xa2at\xd7\xff\x00\x00\x00\x14j\xe8Q\x10", 1_793_610_000),
            (b"\x82\xa1t\xa9The heron\xa2at\xc7\x0c\xff\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xfe", -2),
        ] {
            let kinds = walk_bytes(packed, None, |tree| tree.leaves().map(|(_, node)| node.kind).collect::<Vec<_>>());
            assert_eq!(kinds, [Kind::Text, Kind::Integer(seconds)]);
        }
    }
}
