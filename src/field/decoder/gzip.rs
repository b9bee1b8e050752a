//! gzip (RFC 1952): one member or several.

use crate::bytes::{Cursor, Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::inflate::inflate;
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};

/// The entry.
pub(super) static GZIP: Decoder = Decoder {
    name: "gzip",
    about: "gzip, one member or several (RFC 1952)",
    layer: true,
    codings: &["gzip", "x-gzip"],
    filter: Filter { any: Shape::CONTROL, none: Shape::NONE, min: 11, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[Sample { bytes: HERON, hint: "", shows: "The heron lands at dusk", trail: "gzip" }],
};

const HERON: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x0b\xc9\x48\x55\xc8\x48\x2d\xca\xcf\x53\xc8\x49\xcc\x4b\x29\x56\x48\x2c\x51\x48\x29\x2d\xce\x06\x00\xd9\x35\xc1\xf4\x17\x00\x00\x00";

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    // Magic, deflate, and no reserved flag.
    match bytes {
        [0x1f, 0x8b, 8, flags, ..] if *flags < 0x20 => Match::Certain,
        _ => Match::No,
    }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut out = Vec::new();
    let mut way = Vec::new();
    let (limit, budget) = fields.room(bytes.len());
    let mut at = 0_usize;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.iter().all(|byte| *byte == 0) {
            // Padding to a block is allowed after the last member.
            break;
        }
        let body = match header(rest) {
            Ok(body) => body,
            Err(error) if at == 0 => return Err(error),
            Err(_) => {
                fields.damaged();
                break;
            }
        };
        let member = inflate(rest.get(body..).unwrap_or_default(), false, limit.saturating_sub(out.len()));
        if at == 0 && member.bytes.is_empty() && !member.done {
            return Err(Malformed::Illegal("deflate stream"));
        }
        let shift = at.saturating_add(body);
        let moved =
            |(here, there): &(u32, u32)| (here.saturating_add(to_u32(out.len())), there.saturating_add(to_u32(shift)));
        way.extend(member.way.iter().map(moved));
        if member.over {
            fields.exhausted(budget);
        }
        let trailer = rest.get(body.saturating_add(member.used)..).unwrap_or_default();
        let checked = member.done && is_checked(trailer, &member.bytes);
        out.extend_from_slice(&member.bytes);
        if !checked {
            fields.damaged();
        }
        if !member.done {
            break;
        }
        at = shift.saturating_add(member.used).saturating_add(8);
    }
    fields.whole(out, Reach::Blocks(way), Kind::Bytes);
    Ok(())
}

/// Length of a member's header (section 2.3).
fn header(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let [id1, id2, method, flags, ..] = cursor.array::<10>("gzip header")?;
    if (id1, id2, method) != (0x1f, 0x8b, 8) || flags >= 0x20 {
        return Err(Malformed::Illegal("gzip header"));
    }
    if flags & 4 != 0 {
        let len = u16::from_le_bytes(cursor.array("gzip extra field")?);
        cursor.take(usize::from(len), "gzip extra field")?;
    }
    for named in [8, 16] {
        if flags & named != 0 {
            let end = memchr::memchr(0, cursor.rest()).ok_or(Malformed::Short("gzip file name"))?;
            cursor.take(end.saturating_add(1), "gzip file name")?;
        }
    }
    if flags & 2 != 0 {
        cursor.take(2, "gzip header check")?;
    }
    Ok(cursor.position())
}

/// Whether the trailer's check and length are those of the output.
fn is_checked(trailer: &[u8], out: &[u8]) -> bool {
    let mut cursor = Cursor::new(trailer);
    let (Ok(sum), Ok(len)) = (cursor.array("gzip check"), cursor.array("gzip length")) else { return false };
    let mut crc = flate2::Crc::new();
    crc.update(out);
    u32::from_le_bytes(sum) == crc.sum() && u32::from_le_bytes(len) == crc.amount()
}
