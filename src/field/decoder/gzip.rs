//! gzip (RFC 1952): one member or several.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::inflate::{header, inflate, is_checked, is_gzip};
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
    if is_gzip(bytes) { Match::Certain } else { Match::No }
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
                fields.ends(at);
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
            // Where a stream is broken, what follows is read by nobody.
            if !member.over {
                fields.ends(shift.saturating_add(member.used));
            }
            break;
        }
        at = shift.saturating_add(member.used).saturating_add(8);
    }
    fields.whole(out, Reach::Blocks(way), Kind::Bytes);
    Ok(())
}
