//! tar archives (POSIX ustar, with the long names of GNU and pax): their members.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;

/// The entry.
pub(super) static TAR: Decoder = Decoder {
    name: "tar",
    about: "members of tar archives",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::NUL, none: Shape::NONE, min: BLOCK, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[Sample { bytes: SAMPLE, hint: "", shows: "The heron waits", trail: "tar [\"notes/dusk.txt\"]" }],
};

const SAMPLE: &[u8] = include_bytes!("tar_sample.tar");

/// Everything is in blocks of so many bytes.
const BLOCK: usize = 512;
/// Members of one archive.
const MEMBERS: usize = 4_096;

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let magic = bytes.get(257..262) == Some(b"ustar");
    if magic && bytes.get(..BLOCK).is_some_and(checks) { Match::Certain } else { Match::No }
}

/// Whether a header's checksum is right: the sum of its bytes, the checksum's own as blanks.
fn checks(header: &[u8]) -> bool {
    let sum = header.iter().enumerate().fold(0_u64, |sum, (at, byte)| {
        sum.saturating_add(u64::from(if (148..156).contains(&at) { b' ' } else { *byte }))
    });
    octal(header.get(148..156).unwrap_or_default()) == Some(sum)
}

fn octal(digits: &[u8]) -> Option<u64> {
    let text = digits.split(|byte| *byte == 0).next()?.trim_ascii();
    text.iter().try_fold(0_u64, |sum, digit| match digit {
        b'0'..=b'7' => sum.checked_mul(8)?.checked_add(u64::from(digit.wrapping_sub(b'0'))),
        _ => None,
    })
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut at = 0_usize;
    let mut long: Option<std::ops::Range<usize>> = None;
    for _ in 0..MEMBERS {
        let Some(header) = bytes.get(at..at.saturating_add(BLOCK)) else { break };
        if !checks(header) || fields.is_full() {
            break;
        }
        let size =
            octal(header.get(124..136).unwrap_or_default()).and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        let from = at.saturating_add(BLOCK);
        let end = from.saturating_add(size);
        let cut = end > bytes.len();
        let kind = header.get(156).copied().unwrap_or(b'0');
        let plain = at..at.saturating_add(header.iter().take(100).position(|byte| *byte == 0).unwrap_or(100));
        match kind {
            // The name of the next member, longer than its own field.
            b'L' => long = Some(from..end.saturating_sub(1).min(bytes.len())),
            b'0' | 0 | b'7' | b'x' | b'g' if size > 0 => {
                let name = if matches!(kind, b'x' | b'g') { plain } else { long.take().unwrap_or(plain) };
                let key = Key::At(fields.view(name));
                let view = fields.view(from..end.min(bytes.len()));
                fields.leaf(key, view, Kind::Bytes);
            }
            _ => {}
        }
        if cut {
            fields.damaged();
            at = bytes.len();
            break;
        }
        at = from.saturating_add(size.div_ceil(BLOCK).saturating_mul(BLOCK));
    }
    fields.ends(at);
    fields.found("tar archive")
}
