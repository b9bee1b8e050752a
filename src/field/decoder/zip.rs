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
        if fields.is_full() {
            break;
        }
        if !rest.starts_with(LOCAL) {
            // Something may stand between members, which no reader that goes by the directory sees.
            let Some(next) = gap(rest) else { break };
            let view = fields.view(at..at.saturating_add(next));
            fields.leaf(Key::Name("gap"), view, Kind::Bytes);
            at = at.saturating_add(next);
            continue;
        }
        match member(bytes, at, fields) {
            Ok(next) if next > at => at = next,
            Ok(_) | Err(_) => {
                fields.damaged();
                break;
            }
        }
    }
    fields.ends(directory(bytes, at));
    fields.found(WHAT)
}

/// How many bytes stand before the next member, if that is not at once and one follows.
fn gap(rest: &[u8]) -> Option<usize> {
    if DIRECTORY.iter().any(|record| rest.starts_with(*record)) {
        return None;
    }
    let next = memchr::memmem::find(rest, LOCAL)?;
    // Bytes of a member that is damaged may say `PK`, too: its version is one that there is.
    rest.get(next.saturating_add(4)).is_some_and(|version| *version <= 63).then_some(next)
}

/// What records of the directory begin with: members, the archive's extra data, a signature, and the ends of both lengths.
const DIRECTORY: [&[u8; 4]; 6] =
    [b"PK\x01\x02", b"PK\x06\x08", b"PK\x05\x05", b"PK\x06\x06", b"PK\x06\x07", b"PK\x05\x06"];

/// The end of the directory that begins at `at`, without the archive's comment (sections 4.3.11 to 4.3.16).
fn directory(bytes: &[u8], mut at: usize) -> usize {
    let le = |at: usize, len: usize| {
        let digits = bytes.get(at..at.saturating_add(len)).unwrap_or_default();
        digits.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    for _ in 0..=MEMBERS.saturating_mul(2) {
        let field = |offset: usize, len: usize| le(at.saturating_add(offset), len);
        let record = bytes.get(at..).unwrap_or_default();
        let len = match record {
            [b'P', b'K', 1, 2, ..] => {
                46_usize.saturating_add(field(28, 2)).saturating_add(field(30, 2)).saturating_add(field(32, 2))
            }
            [b'P', b'K', 6, 8, ..] => 8_usize.saturating_add(field(4, 4)),
            [b'P', b'K', 5, 5, ..] => 6_usize.saturating_add(field(4, 2)),
            [b'P', b'K', 6, 6, ..] => 12_usize.saturating_add(field(4, 4)),
            [b'P', b'K', 6, 7, ..] => 20,
            // The comment is part of what is left over: whoever has something to hide may write it there.
            [b'P', b'K', 5, 6, ..] => 22,
            _ => break,
        };
        at = at.saturating_add(len);
    }
    at.min(bytes.len())
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
