//! BSON: one document whose length is its own.

use crate::bytes::{Cursor, Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;

/// The entry.
pub(super) static BSON: Decoder = Decoder {
    name: "bson",
    about: "BSON documents",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::NUL, none: Shape::NONE, min: 8, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[Sample {
        bytes: b"\x26\0\0\0\x10n\0\x01\0\0\0\x03in\0\x16\0\0\0\x02t\0\x0a\0\0\0The heron\0\0\0",
        hint: "",
        shows: "The heron",
        trail: "bson in.t",
    }],
};

const WHAT: &str = "BSON document";

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let len = bytes.first_chunk().map(|len| u32::from_le_bytes(*len));
    let fits = len.is_some_and(|len| usize::try_from(len).is_ok_and(|len| len == bytes.len()));
    if fits && bytes.last() == Some(&0) { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(bytes);
    cursor.take(4, WHAT)?;
    // Where each open document ends.
    let mut ends = vec![bytes.len()];
    while let Some(end) = ends.last().copied() {
        let kind = cursor.u8(WHAT)?;
        if kind == 0 {
            if cursor.position() != end {
                return Err(Malformed::Illegal(WHAT));
            }
            ends.pop();
            if !ends.is_empty() {
                fields.leave(end);
            }
            continue;
        }
        let start = cursor.position();
        let len = memchr::memchr(0, cursor.rest()).ok_or(Malformed::Short(WHAT))?;
        if std::str::from_utf8(cursor.take(len, WHAT)?).is_err() {
            return Err(Malformed::Illegal("BSON key"));
        }
        cursor.take(1, WHAT)?;
        let key = Key::At(fields.view(start..start.saturating_add(len)));
        let at = cursor.position();
        let (len, value) = match kind {
            1 => (8, Kind::Float(f64::from_le_bytes(ahead(&cursor)?))),
            3 | 4 => {
                let stop = at.saturating_add(length(&cursor)?);
                if stop > end || stop < at.saturating_add(5) {
                    return Err(Malformed::Illegal(WHAT));
                }
                let view = fields.view(at..stop);
                fields.enter(key, view);
                ends.push(stop);
                cursor.take(4, WHAT)?;
                continue;
            }
            2 | 13 | 14 => {
                let len = length(&cursor)?;
                cursor.take(4, WHAT)?;
                let text = cursor.take(len, WHAT)?.strip_suffix(b"\0").ok_or(Malformed::Illegal("BSON string"))?;
                let start = at.saturating_add(4);
                let view = fields.view(start..start.saturating_add(text.len()));
                fields.leaf(key, view, Kind::Text);
                continue;
            }
            5 => {
                let len = length(&cursor)?;
                cursor.take(5, WHAT)?;
                let start = cursor.position();
                cursor.take(len, WHAT)?;
                let view = fields.view(start..cursor.position());
                fields.leaf(key, view, Kind::Bytes);
                continue;
            }
            7 => (12, Kind::Bytes),
            8 => (1, Kind::Simple),
            6 | 10 | 127 | 255 => (0, Kind::Simple),
            9 | 17 | 18 => (8, Kind::Integer(i128::from(i64::from_le_bytes(ahead(&cursor)?)))),
            16 => (4, Kind::Integer(i128::from(i32::from_le_bytes(ahead(&cursor)?)))),
            19 => (16, Kind::Bytes),
            _ => return Err(Malformed::Illegal("BSON type")),
        };
        cursor.take(len, WHAT)?;
        let view = fields.view(at..cursor.position());
        fields.leaf(key, view, value);
    }
    cursor.finish(WHAT)?;
    fields.found(WHAT)
}

fn length(cursor: &Cursor<'_>) -> Result<usize, Malformed> {
    usize::try_from(u32::from_le_bytes(ahead(cursor)?)).map_err(|_| Malformed::TooLarge(WHAT))
}

/// The next bytes, not taken yet.
fn ahead<const N: usize>(cursor: &Cursor<'_>) -> Result<[u8; N], Malformed> {
    let mut ahead = *cursor;
    ahead.array(WHAT)
}
