//! Protocol Buffers: the wire format (encoding guide), read strictly; with a schema, by its names.
//!
//! Nearly any bytes can be read as one field or another, so what is not declared has to earn it: every byte must be
//! explained, and tags, texts and numbers together must say clearly more than chance does.

use crate::bytes::{Cursor, Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::{is_media_type, is_text};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use std::ops::Range;

mod schema;

/// The entry.
pub(super) static PROTOBUF: Decoder = Decoder {
    name: "protobuf",
    about: "Protocol Buffers: by field numbers, or by the names of a schema that is given",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::BINARY.or(Shape::BREAK), none: Shape::NONE, min: 4, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample { bytes: b"\x08\x11\x12\x0b\x08\x01\x22\x07a heron", hint: "", shows: "a heron", trail: "protobuf 2.4" },
        Sample {
            bytes: b"\x0a\x09The heron\x11\x33\x33\x33\x33\x33\x73\x48\x40",
            hint: "application/x-protobuf",
            shows: "The heron",
            trail: "protobuf 1",
        },
        Sample { bytes: b"CAESCVRoZSBoZXJvbg==", hint: "", shows: "The heron", trail: "base64 > protobuf 2" },
    ],
};

/// Field numbers above this are not believed without a declaration.
const HIGHEST: u32 = 4_096;
/// Fields that are read before anything is made of them.
const LOOK: usize = 8;
/// Messages one inside the other; deeper ones are looked at anew.
const LEVELS: usize = 64;
/// Evidence, in tenths of a bit, from which undeclared bytes are taken for a message.
const ENOUGH: i64 = 140;

/// One field on the wire.
#[derive(Debug)]
struct Field {
    number: u32,
    value: Value,
    range: Range<usize>,
}

#[derive(Debug)]
enum Value {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes,
}

impl Value {
    const fn wire(&self) -> u8 {
        match self {
            Self::Varint(_) => 0,
            Self::Fixed64(_) => 1,
            Self::Bytes => 2,
            Self::Fixed32(_) => 5,
        }
    }
}

/// A varint in its shortest form: encoders write no other.
fn varint(cursor: &mut Cursor<'_>) -> Result<u64, Malformed> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let byte = cursor.u8("varint")?;
        if shift == 63 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            if byte == 0 && shift > 0 {
                break;
            }
            return Ok(value);
        }
    }
    Err(Malformed::Illegal("varint"))
}

/// One level of a message; every byte is part of some field.
fn level(bytes: &[u8], highest: u32) -> Result<Vec<Field>, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let mut fields = Vec::new();
    while !cursor.is_empty() {
        fields.push(field(&mut cursor, highest)?);
    }
    Ok(fields)
}

fn field(cursor: &mut Cursor<'_>, highest: u32) -> Result<Field, Malformed> {
    let tag = varint(cursor)?;
    let number = u32::try_from(tag >> 3).map_err(|_| Malformed::Illegal("protobuf field number"))?;
    if number == 0 || number > highest {
        return Err(Malformed::Illegal("protobuf field number"));
    }
    let mut start = cursor.position();
    let value = match tag & 7 {
        0 => Value::Varint(varint(cursor)?),
        1 => Value::Fixed64(cursor.array("protobuf fixed64")?),
        2 => {
            let len = usize::try_from(varint(cursor)?).map_err(|_| Malformed::TooLarge("protobuf field"))?;
            start = cursor.position();
            cursor.take(len, "protobuf field")?;
            Value::Bytes
        }
        5 => Value::Fixed32(cursor.array("protobuf fixed32")?),
        _ => return Err(Malformed::Illegal("protobuf wire type")),
    };
    Ok(Field { number, value, range: start..cursor.position() })
}

/// Whether bytes begin like a message: random ones seldom get past their second field.
fn begins(bytes: &[u8]) -> bool {
    let mut cursor = Cursor::new(bytes);
    (0..LOOK).all(|_| cursor.is_empty() || field(&mut cursor, HIGHEST).is_ok())
}

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    if is_declared(hint) {
        return Match::Certain;
    }
    let tag = bytes.first().copied().unwrap_or_default();
    if matches!(tag & 7, 0 | 1 | 2 | 5) && tag >> 3 != 0 && begins(bytes) { Match::Maybe } else { Match::No }
}

fn is_declared(hint: &Hint<'_>) -> bool {
    const TYPES: &[&str] = &[
        "application/x-protobuf",
        "application/protobuf",
        "application/vnd.google.protobuf",
        "application/x-google-protobuf",
        "+proto",
        "application/grpc",
        "application/grpc+proto",
    ];
    is_media_type(hint.content_type, TYPES)
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let declared = is_declared(hint);
    let top = level(bytes, if declared { u32::MAX >> 3 } else { HIGHEST })?;
    if !declared && weigh(bytes, &top, LEVELS) < ENOUGH {
        return Err(Malformed::Illegal("protobuf message"));
    }
    // What a method takes or gives is said by its path; otherwise the bytes have to say which type they are.
    let kind = hint.protos.and_then(|given| {
        let said = hint.name.get().is_none().then_some(given.root).flatten();
        Some((given.protos, said.or_else(|| schema::only(given.protos, bytes, &top))?))
    });
    match kind {
        Some((protos, id)) => schema::put(protos, id, bytes, 0, &top, LEVELS, fields),
        None => put(bytes, 0, &top, LEVELS, fields),
    }
    fields.found("protobuf message")
}

/// How much more than chance a message says, in tenths of a bit.
fn weigh(bytes: &[u8], fields: &[Field], levels: usize) -> i64 {
    // It ends where it should.
    let mut sum = 30_i64;
    let mut last = 0;
    for field in fields {
        let value = bytes.get(field.range.clone()).unwrap_or_default();
        sum = sum.saturating_add(if field.number < 16 { 21 } else { -10 });
        sum = sum.saturating_add(if field.number >= last { 5 } else { -20 });
        last = field.number;
        let len = i64::try_from(value.len()).unwrap_or(i64::MAX);
        sum = sum.saturating_add(match &field.value {
            Value::Varint(_) if value.len() == 1 => 10,
            Value::Varint(_) => 5,
            Value::Fixed64(raw) => {
                if is_sane(f64::from_le_bytes(*raw)) {
                    50
                } else {
                    -20
                }
            }
            Value::Fixed32(raw) => {
                if is_sane(f64::from(f32::from_le_bytes(*raw))) {
                    30
                } else {
                    -20
                }
            }
            Value::Bytes if is_string(value) => len.saturating_mul(14).saturating_add(30),
            // A length that fits, and either a message or bytes that could be anything.
            Value::Bytes => inner(value, levels).map_or(5, |inner| {
                // Weighed once: twice on each level would be 2^levels times.
                let weight = weigh(value, &inner, levels.saturating_sub(1));
                if is_likely(&inner, || weight) { weight.max(0) } else { 5 }
            }),
        });
        if sum > ENOUGH.saturating_mul(8) {
            break;
        }
    }
    sum
}

/// The fields of a message in a message, if these bytes can be one.
fn inner(bytes: &[u8], levels: usize) -> Option<Vec<Field>> {
    if levels == 0 || bytes.len() < 2 {
        return None;
    }
    level(bytes, HIGHEST).ok()
}

/// Whether bytes that can be a message are one rather than a key or a digest.
fn is_likely(inner: &[Field], weight: impl FnOnce() -> i64) -> bool {
    inner.iter().all(|field| field.number < 64) || weight() > 60
}

/// A message in a message, if these bytes are one.
fn nested(bytes: &[u8], levels: usize) -> Option<Vec<Field>> {
    let fields = inner(bytes, levels)?;
    is_likely(&fields, || weigh(bytes, &fields, levels.saturating_sub(1))).then_some(fields)
}

/// Text, unless it could as well begin with the tag of a nested message.
fn is_string(bytes: &[u8]) -> bool {
    is_text(bytes) && !(bytes.first() == Some(&b'\n') && level(bytes, HIGHEST).is_ok())
}

/// Whether a number is one that people measure: not nearly zero, not astronomical.
fn is_sane(value: f64) -> bool {
    value == 0.0 || (1e-6..1e12).contains(&value.abs())
}

fn put(bytes: &[u8], base: usize, level: &[Field], levels: usize, fields: &mut Fields<'_>) {
    for field in level {
        if fields.is_full() {
            fields.exhausted("fields");
            break;
        }
        put_field(Key::Number(field.number), bytes, base, field, levels, fields);
    }
}

/// Puts out one field by what its bytes look like.
fn put_field(key: Key, bytes: &[u8], base: usize, field: &Field, levels: usize, fields: &mut Fields<'_>) {
    let value = bytes.get(field.range.clone()).unwrap_or_default();
    let start = base.saturating_add(field.range.start);
    let end = base.saturating_add(field.range.end);
    let view = fields.view(start..end);
    let kind = match &field.value {
        // Negative numbers are ten bytes long: two's complement.
        Value::Varint(number) => Kind::Integer(i128::from(number.cast_signed())),
        Value::Fixed64(raw) => float_or(f64::from_le_bytes(*raw), i64::from_le_bytes(*raw)),
        Value::Fixed32(raw) => float_or(f64::from(f32::from_le_bytes(*raw)), i64::from(i32::from_le_bytes(*raw))),
        Value::Bytes if is_string(value) => Kind::Text,
        Value::Bytes => {
            if let Some(inner) = nested(value, levels) {
                fields.enter(key, view);
                put(value, start, &inner, levels.saturating_sub(1), fields);
                fields.leave(end);
                return;
            }
            if levels == 0 && nested(value, 1).is_some() {
                fields.exhausted("nesting");
            }
            Kind::Bytes
        }
    };
    fields.leaf(key, view, kind);
}

fn float_or(float: f64, integer: i64) -> Kind {
    if integer != 0 && is_sane(float) { Kind::Float(float) } else { Kind::Integer(i128::from(integer)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_for_what_they_are() {
        let bytes = b"\x09\x2b\x5b\x35\x19\xdf\x6d\x48\x40\x11\xc4\xd6\x9e\x59\x12\x5b\x02\x40\x1d\x15\x32\x1f\x1d\x20\
                      \xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        let kinds = crate::field::walk_bytes(*bytes, Some("application/x-protobuf"), |tree| {
            tree.leaves().map(|(_, node)| node.kind).collect::<Vec<_>>()
        });
        assert!(matches!(kinds[0], Kind::Float(lat) if (lat - 48.858_370_1).abs() < 1e-6), "{kinds:?}");
        assert!(matches!(kinds[1], Kind::Float(lon) if (lon - 2.294_481_3).abs() < 1e-2), "{kinds:?}");
        assert_eq!(kinds[2], Kind::Integer(488_583_701));
        assert_eq!(kinds[3], Kind::Integer(-1));
    }

    fn wrapped(tag: &[u8], levels: usize) -> Vec<u8> {
        (0..levels).fold(b"\x0a\x0bjust a word".to_vec(), |inner, _| {
            let mut len = inner.len();
            let mut outer = tag.to_vec();
            while len > 0x7f {
                outer.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
                len >>= 7;
            }
            outer.push(u8::try_from(len).unwrap());
            outer.extend(inner);
            outer
        })
    }

    #[test]
    fn depth_is_told() {
        let bytes = wrapped(b"\x0a", 10_000);
        let told = crate::field::walk_bytes(bytes, Some("application/x-protobuf"), |tree| tree.exhausted.clone());
        assert_eq!(told, ["nesting"]);
    }

    #[test]
    fn weighing_costs_no_more_than_the_depth() {
        // Numbers that have to be weighed to be believed, on each level.
        let bytes = wrapped(b"\xa2\x06", LEVELS - 2);
        let shown = crate::field::walk_bytes(bytes, Some("application/x-protobuf"), |tree| {
            tree.leaves().any(|(_, node)| tree.bytes(node) == b"just a word")
        });
        assert!(shown);
    }

    #[test]
    fn overlong_varints_and_lying_lengths_are_no_messages() {
        assert!(level(b"\x08\x80\x00", HIGHEST).is_err());
        assert!(level(b"\x0a\xff\xff\xff\xff\x0fabc", HIGHEST).is_err());
        assert!(level(b"\x00\x01", HIGHEST).is_err());
    }
}
