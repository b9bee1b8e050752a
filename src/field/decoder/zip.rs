//! ZIP archives: their members by local headers (APPNOTE.TXT 6.3.10 section 4.3), stored or deflated.

use crate::bytes::{Cursor, Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::inflate::inflate;
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::{Kind, Reach};

/// The entry.
pub(super) static ZIP: Decoder = Decoder {
    name: "zip",
    about: "members of ZIP archives, stored or deflated",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::BINARY, none: Shape::NONE, min: 30, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[Sample {
        bytes: b"PK\x03\x04\x14\x00\x00\x00\x08\x00\x00Hb]\xd8e\xfd\x15$\x00\x00\x00B\x00\x00\x00\x0e\x00\x00\x00notes/dusk.txt\x0b\xc9HU\xc8H-\xca\xcfS\xc8I\xccK)VH,QH)-\xce\xd6S\x08!,Q\x9e\x98YR\xac\x07\x00PK\x03\x04\x14\x00\x00\x00\x00\x00\x00Hb]\x0cVx\xb4\x06\x00\x00\x00\x06\x00\x00\x00\x01\x00\x00\x00bheronsPK\x01\x02\x14\x03\x14\x00\x00\x00\x08\x00\x00Hb]\xd8e\xfd\x15$\x00\x00\x00B\x00\x00\x00\x0e\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01\x00\x00\x00\x00notes/dusk.txtPK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00\x00Hb]\x0cVx\xb4\x06\x00\x00\x00\x06\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01P\x00\x00\x00bPK\x05\x06\x00\x00\x00\x00\x02\x00\x02\x00k\x00\x00\x00u\x00\x00\x00\x00\x00",
        hint: "",
        shows: "The heron waits",
        trail: "zip [\"notes/dusk.txt\"]",
    }],
};

const LOCAL: &[u8] = b"PK\x03\x04";
/// Members of one archive.
const MEMBERS: usize = 4_096;

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if bytes.starts_with(LOCAL) { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: &str = "ZIP archive";
    let mut at = 0_usize;
    for _ in 0..MEMBERS {
        let rest = bytes.get(at..).unwrap_or_default();
        if !rest.starts_with(LOCAL) || fields.is_full() {
            break;
        }
        match member(bytes, at, fields) {
            Ok(next) if next > at => at = next,
            Ok(_) | Err(_) => {
                fields.damaged();
                break;
            }
        }
    }
    fields.found(WHAT)
}

/// Puts out the member whose header stands at `at`; where the next one begins.
fn member(bytes: &[u8], at: usize, fields: &mut Fields<'_>) -> Result<usize, Malformed> {
    const WHAT: &str = "ZIP local header";
    let mut cursor = Cursor::new(bytes.get(at..).unwrap_or_default());
    let le16 = |cursor: &mut Cursor<'_>| cursor.array::<2>(WHAT).map(u16::from_le_bytes);
    let le32 = |cursor: &mut Cursor<'_>| cursor.array::<4>(WHAT).map(u32::from_le_bytes);
    cursor.take(4, WHAT)?;
    let _version = le16(&mut cursor)?;
    let flags = le16(&mut cursor)?;
    let method = le16(&mut cursor)?;
    let _time = le32(&mut cursor)?;
    let _crc = le32(&mut cursor)?;
    let packed = le32(&mut cursor)? as usize;
    let _size = le32(&mut cursor)?;
    let (name_len, extra) = (usize::from(le16(&mut cursor)?), usize::from(le16(&mut cursor)?));
    let name = at.saturating_add(cursor.position());
    cursor.take(name_len, WHAT)?;
    cursor.take(extra, WHAT)?;
    let from = at.saturating_add(cursor.position());
    let streamed = flags & 8 != 0 && packed == 0;
    let data = bytes.get(from..).unwrap_or_default();
    let data = if streamed { data } else { data.get(..packed).unwrap_or(data) };
    let key = Key::At(fields.view(name..name.saturating_add(name_len)));
    let mut end = from.saturating_add(data.len());
    match method {
        // Encrypted members are what they look like.
        _ if flags & 1 != 0 => {
            let view = fields.view(from..end);
            fields.leaf(key, view, Kind::Bytes);
        }
        0 if !streamed => {
            let view = fields.view(from..end);
            fields.leaf(key, view, Kind::Bytes);
        }
        8 => {
            let (limit, budget) = fields.room(data.len());
            let out = inflate(data, false, limit);
            if streamed {
                // A descriptor follows, with or without its own signature.
                let used = from.saturating_add(out.used);
                let signed = bytes.get(used..).unwrap_or_default().starts_with(b"PK\x07\x08");
                end = used.saturating_add(if signed { 16 } else { 12 });
            }
            if out.over {
                fields.exhausted(budget);
            } else if !out.done {
                fields.damaged();
            }
            let start = to_u32(from);
            let way = out.way.into_iter().map(|(here, there)| (here, there.saturating_add(start))).collect();
            if !out.bytes.is_empty() {
                fields.decoded(key, out.bytes, Reach::Blocks(way), None);
            }
        }
        _ => {
            let view = fields.view(from..end);
            fields.leaf(key, view, Kind::Bytes);
        }
    }
    Ok(end)
}
