//! Protocol Buffers by a schema: fields carry its names, and values are read as it says.

use super::{Field, LEVELS, Value, level, put_field, varint};
use crate::bytes::Cursor;
use crate::field::{Fields, Key};
use crate::model::field::Kind;
use crate::model::protos::{FieldType, MessageType, ProtoKind, Protos, TypeId};
use std::ops::Range;

/// The one type that the fields of a whole message can be read as: every field known, every value of its kind. One field
/// alone says nothing; where several types fit, none is chosen.
pub(super) fn only(protos: &Protos, bytes: &[u8], fields: &[Field]) -> Option<TypeId> {
    let several = fields.iter().any(|field| fields.first().is_some_and(|first| first.number != field.number));
    if !several {
        return None;
    }
    let mut fitting = protos.candidates().filter(|id| fits(protos, *id, bytes, fields, LEVELS));
    let one = fitting.next()?;
    fitting.next().is_none().then_some(one)
}

fn fits(protos: &Protos, id: TypeId, bytes: &[u8], fields: &[Field], levels: usize) -> bool {
    let Some(message) = protos.get(id) else { return false };
    levels > 0
        && fields.iter().all(|field| {
            let value = bytes.get(field.range.clone()).unwrap_or_default();
            message
                .fields
                .get(&field.number)
                .is_some_and(|known| fits_field(protos, known, &field.value, value, levels))
        })
}

fn fits_field(protos: &Protos, known: &FieldType, value: &Value, bytes: &[u8], levels: usize) -> bool {
    match (known.kind, value) {
        (ProtoKind::Bool, Value::Varint(number)) => *number < 2,
        (ProtoKind::Text, Value::Bytes) => std::str::from_utf8(bytes).is_ok(),
        (ProtoKind::Message(id), Value::Bytes) => {
            level(bytes, u32::MAX >> 3).is_ok_and(|inner| fits(protos, id, bytes, &inner, levels.saturating_sub(1)))
        }
        (kind, value) if kind.wire() == value.wire() => true,
        (kind, Value::Bytes) => known.repeated && packed(kind, bytes).is_some(),
        _ => false,
    }
}

/// The values of a packed field, each with its place.
fn packed(kind: ProtoKind, bytes: &[u8]) -> Option<Vec<(Value, Range<usize>)>> {
    let mut cursor = Cursor::new(bytes);
    let mut values = Vec::new();
    while !cursor.is_empty() {
        let start = cursor.position();
        let value = match kind.wire() {
            0 => Value::Varint(varint(&mut cursor).ok()?),
            1 => Value::Fixed64(cursor.array("protobuf fixed64").ok()?),
            5 => Value::Fixed32(cursor.array("protobuf fixed32").ok()?),
            _ => return None,
        };
        values.push((value, start..cursor.position()));
    }
    Some(values)
}

/// What a number is by its kind.
fn number(kind: ProtoKind, value: &Value) -> Option<Kind> {
    let integer = |number: i128| Some(Kind::Integer(number));
    match (kind, value) {
        // Negative numbers are ten bytes long: two's complement.
        (ProtoKind::Signed, Value::Varint(number)) => integer(i128::from(number.cast_signed())),
        (ProtoKind::Unsigned, Value::Varint(number)) => integer(i128::from(*number)),
        (ProtoKind::ZigZag, Value::Varint(number)) => {
            let (half, sign) = (number >> 1, number & 1);
            integer(i128::from(half.cast_signed() ^ sign.cast_signed().wrapping_neg()))
        }
        (ProtoKind::Bool, Value::Varint(_)) => Some(Kind::Simple),
        (ProtoKind::Fixed32, Value::Fixed32(raw)) => integer(i128::from(u32::from_le_bytes(*raw))),
        (ProtoKind::Sfixed32, Value::Fixed32(raw)) => integer(i128::from(i32::from_le_bytes(*raw))),
        (ProtoKind::Float, Value::Fixed32(raw)) => Some(Kind::Float(f64::from(f32::from_le_bytes(*raw)))),
        (ProtoKind::Fixed64, Value::Fixed64(raw)) => integer(i128::from(u64::from_le_bytes(*raw))),
        (ProtoKind::Sfixed64, Value::Fixed64(raw)) => integer(i128::from(i64::from_le_bytes(*raw))),
        (ProtoKind::Double, Value::Fixed64(raw)) => Some(Kind::Float(f64::from_le_bytes(*raw))),
        _ => None,
    }
}

/// Puts out a message of a known type.
pub(super) fn put(
    protos: &Protos,
    id: TypeId,
    bytes: &[u8],
    base: usize,
    level: &[Field],
    levels: usize,
    fields: &mut Fields<'_>,
) {
    let Some(message) = protos.get(id) else { return super::put(bytes, base, level, levels, fields) };
    for field in level {
        if fields.is_full() {
            fields.exhausted("fields");
            break;
        }
        let known = message.fields.get(&field.number);
        if !known.is_some_and(|known| put_known(protos, message, known, bytes, base, level, field, levels, fields)) {
            // Not in the schema, or not as it says: by its number.
            put_field(Key::Number(field.number), bytes, base, field, levels, fields);
        }
    }
}

/// Puts out one field that the schema knows; whether its value is what the schema says.
#[expect(clippy::too_many_arguments, reason = "one message's place, type and field")]
fn put_known(
    protos: &Protos,
    message: &MessageType,
    known: &FieldType,
    bytes: &[u8],
    base: usize,
    siblings: &[Field],
    field: &Field,
    levels: usize,
    fields: &mut Fields<'_>,
) -> bool {
    let value = bytes.get(field.range.clone()).unwrap_or_default();
    let (start, end) = (base.saturating_add(field.range.start), base.saturating_add(field.range.end));
    let view = fields.view(start..end);
    let key = Key::Name(known.name);
    if let Some(kind) = number(known.kind, &field.value) {
        fields.leaf(key, view, kind);
        return true;
    }
    match (known.kind, &field.value) {
        (ProtoKind::Text, Value::Bytes) => {
            fields.leaf(key, view, Kind::Text);
            true
        }
        (ProtoKind::Bytes, Value::Bytes) => {
            // `google.protobuf.Any` says beside its value what type that is.
            let any = (message.name == "google.protobuf.Any" && field.number == 2)
                .then(|| siblings.iter().find(|sibling| sibling.number == 1))
                .flatten()
                .and_then(|url| std::str::from_utf8(bytes.get(url.range.clone())?).ok())
                .and_then(|url| protos.named(url));
            if !any.is_some_and(|id| put_message(protos, id, key, value, start, levels, fields)) {
                fields.leaf(key, view, Kind::Bytes);
            }
            true
        }
        (ProtoKind::Message(id), Value::Bytes) => put_message(protos, id, key, value, start, levels, fields),
        (kind, Value::Bytes) if known.repeated => {
            let Some(values) = packed(kind, value) else { return false };
            fields.enter(key, view);
            for (index, (value, range)) in (0_u32..).zip(values) {
                let view = fields.view(start.saturating_add(range.start)..start.saturating_add(range.end));
                if fields.leaf(Key::Index(index), view, number(kind, &value).unwrap_or(Kind::Bytes)).is_none() {
                    break;
                }
            }
            fields.leave(end);
            true
        }
        _ => false,
    }
}

/// Puts out a message in a message; whether it is one.
fn put_message(
    protos: &Protos,
    id: TypeId,
    key: Key,
    bytes: &[u8],
    start: usize,
    levels: usize,
    fields: &mut Fields<'_>,
) -> bool {
    if levels == 0 {
        return false;
    }
    let Ok(inner) = level(bytes, u32::MAX >> 3) else { return false };
    let end = start.saturating_add(bytes.len());
    let view = fields.view(start..end);
    fields.enter(key, view);
    let message = protos.get(id);
    match message.filter(|message| message.is_entry) {
        Some(entry) => put_entry(protos, entry, bytes, start, &inner, levels, fields),
        None => put(protos, id, bytes, start, &inner, levels.saturating_sub(1), fields),
    }
    fields.leave(end);
    true
}

/// Puts out an entry of a map: its value, called by its key.
fn put_entry(
    protos: &Protos,
    entry: &MessageType,
    bytes: &[u8],
    base: usize,
    inner: &[Field],
    levels: usize,
    fields: &mut Fields<'_>,
) {
    let named = inner.iter().find(|field| field.number == 1 && matches!(field.value, Value::Bytes));
    let at = |range: &Range<usize>| base.saturating_add(range.start)..base.saturating_add(range.end);
    let text = named.filter(|name| std::str::from_utf8(bytes.get(name.range.clone()).unwrap_or_default()).is_ok());
    let Some(name) = text else {
        for field in inner {
            let known = entry.fields.get(&field.number);
            if !known.is_some_and(|known| put_known(protos, entry, known, bytes, base, inner, field, levels, fields)) {
                put_field(Key::Number(field.number), bytes, base, field, levels, fields);
            }
        }
        return;
    };
    let key = Key::At(fields.view(at(&name.range)));
    for field in inner.iter().filter(|field| field.number != 1) {
        let known = entry.fields.get(&field.number);
        let value = bytes.get(field.range.clone()).unwrap_or_default();
        let start = base.saturating_add(field.range.start);
        let view = fields.view(at(&field.range));
        let done = match known.map(|known| known.kind) {
            Some(ProtoKind::Text) => {
                fields.leaf(key, view, Kind::Text);
                true
            }
            Some(ProtoKind::Message(id)) => {
                put_message(protos, id, key, value, start, levels.saturating_sub(1), fields)
            }
            Some(kind) => number(kind, &field.value).is_some_and(|kind| {
                fields.leaf(key, view, kind);
                true
            }),
            None => false,
        };
        if !done {
            put_field(key, bytes, base, field, levels, fields);
        }
    }
}
