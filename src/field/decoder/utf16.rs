//! UTF-16 in either byte order, by its mark or by what the units say.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::utf16_to_utf8;
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};

/// The entry.
pub(super) static UTF16: Decoder = Decoder {
    name: "utf16",
    about: "UTF-16, little- or big-endian, with or without a byte order mark",
    layer: true,
    codings: &[],
    filter: Filter { any: Shape::BINARY, none: Shape::NONE, min: 8, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample { bytes: b"\xff\xfeT\0h\0e\0 \0h\0e\0r\0o\0n\0", hint: "", shows: "The heron", trail: "utf16" },
        Sample { bytes: b"\0T\0h\0e\0 \0h\0e\0r\0o\0n", hint: "", shows: "The heron", trail: "utf16" },
        Sample {
            bytes: b"\x26\x04\x30\x04\x3f\x04\x3b\x04\x4f\x04\x20\x00\x43\x04\x3b\x04\x35\x04\x42\x04\x35\x04\x3b\x04\x30\x04",
            hint: "",
            shows: "\u{426}\u{430}\u{43f}\u{43b}\u{44f} \u{443}\u{43b}\u{435}\u{442}\u{435}\u{43b}\u{430}",
            trail: "utf16",
        },
    ],
};

/// Evidence, in bits over random bytes, from which a text without a mark is taken for one.
const ENOUGH: i64 = 24;

/// Order of the bytes in a unit.
#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

fn units(bytes: &[u8], order: Order) -> impl Iterator<Item = u16> {
    let (pairs, _) = bytes.as_chunks::<2>();
    pairs.iter().map(move |pair| match order {
        Order::Little => u16::from_le_bytes(*pair),
        Order::Big => u16::from_be_bytes(*pair),
    })
}

/// Evidence that a unit is text: bits over one of 65,536 equally likely units, in halves of a bit.
const fn evidence(unit: u16) -> Option<i64> {
    Some(match unit {
        0x09 | 0x0a | 0x0d | 0x20..=0x7e => 16,
        0xa0..=0xff => 8,
        // Alphabets with some 100 to 250 letters.
        0x100..=0x24f | 0x370..=0x6ff | 0x900..=0xdff | 0xe00..=0xeff => 6,
        0x2010..=0x2044 | 0x20a0..=0x20bf | 0x3000..=0x30ff | 0xff01..=0xff5e => 6,
        // Thousands of them: each says next to nothing, and less than nothing when random bytes are likelier.
        0x4e00..=0x9fff => -2,
        0xac00..=0xd7a3 => -4,
        0xd800..=0xdfff => -6,
        // Never in text.
        0..=0x1f | 0x7f..=0x9f | 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xfffe..=0xffff => return None,
        _ => -16,
    })
}

fn weigh(bytes: &[u8], order: Order) -> i64 {
    let head = bytes.get(..2_048).unwrap_or(bytes);
    // One unit in ten of random bytes is for private use: its higher byte says so.
    let (pairs, _) = head.as_chunks::<2>();
    let is_private = |[one, other]: &[u8; 2]| {
        let high = match order {
            Order::Little => *other,
            Order::Big => *one,
        };
        high.wrapping_sub(0xe0) <= 0x18
    };
    if pairs.iter().any(is_private) {
        return i64::MIN;
    }
    let mut sum = 0_i64;
    let mut before = None;
    for unit in units(head, order) {
        match evidence(unit) {
            Some(bits) => sum = sum.saturating_add(bits),
            None => return i64::MIN,
        }
        // Letters of two alphabets stand side by side in no word; in structures of bytes they do all the time.
        let alphabet = match unit {
            0x370..=0xeff => Some(unit >> 8),
            0x4e00..=0x9fff => Some(0x4e),
            _ => None,
        };
        if let (Some(one), Some(other)) = (before, alphabet)
            && one != other
        {
            sum = sum.saturating_sub(24);
        }
        before = alphabet;
    }
    sum / 2
}

/// The byte order, and how many bytes the mark takes.
fn order(bytes: &[u8], declared: bool) -> Option<(Order, usize)> {
    match bytes {
        [0xff, 0xfe, ..] => Some((Order::Little, 2)),
        [0xfe, 0xff, ..] => Some((Order::Big, 2)),
        _ => {
            let (little, big) = (weigh(bytes, Order::Little), weigh(bytes, Order::Big));
            let best = if little >= big { (Order::Little, little) } else { (Order::Big, big) };
            (best.1 >= if declared { 0 } else { ENOUGH }).then_some((best.0, 0))
        }
    }
}

fn is_declared(hint: &Hint<'_>) -> bool {
    hint.content_type
        .is_some_and(|declared| declared.contains("charset=utf-16") || declared.contains("charset=\"utf-16"))
}

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    if !bytes.len().is_multiple_of(2) && hint.whole {
        return Match::No;
    }
    match order(bytes, is_declared(hint)) {
        Some((order, mark)) if weigh(bytes.get(mark..).unwrap_or_default(), order) > 0 => Match::Certain,
        _ => Match::No,
    }
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let (order, mark) = order(bytes, is_declared(hint)).ok_or(Malformed::Illegal("UTF-16"))?;
    let text = bytes.get(mark..).unwrap_or_default();
    let mut out = Vec::with_capacity(text.len());
    let mut way = Vec::new();
    let mut units = units(text, order).peekable();
    let mut at = mark;
    // In a long text, where a value came from is known to a few characters.
    let every = if text.len() > 1 << 16 { 8 } else { 1 };
    let mut count = 0_usize;
    while let Some(unit) = units.next() {
        if count.is_multiple_of(every) {
            way.push((to_u32(out.len()), to_u32(at)));
        }
        count = count.saturating_add(1);
        let mut utf8 = [0; 4];
        let (c, both) = utf16_to_utf8(unit, units.peek().copied(), &mut utf8);
        out.extend_from_slice(c);
        at = at.saturating_add(if both { 4 } else { 2 });
        if both {
            units.next();
        }
    }
    way.push((to_u32(out.len()), to_u32(at)));
    // Random bytes now and then begin like text: all of it has to be text.
    if out.iter().filter(|byte| **byte < 0x20 && !byte.is_ascii_whitespace()).count() > out.len() / 64 {
        return Err(Malformed::Illegal("UTF-16"));
    }
    fields.whole(out, Reach::Blocks(way), Kind::Text);
    Ok(())
}
