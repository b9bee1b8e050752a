//! Several messages of one flow, or several values of one field, judged together.

use super::judge;
use crate::model::opacity::{Assessment, Column, ColumnKind, Glimpse, Opacity};

/// Bytes of a header that are looked at column by column.
const HEADER: usize = 48;
/// Messages below which columns say nothing.
const FEW: usize = 4;
/// Bytes judged together.
const POOL: usize = 8192;

/// Values of one field position as one: when each is too short to be told, all of them may not be. Equal values are one
/// observation.
pub fn pooled(values: &[&[u8]]) -> Assessment {
    let mut known: Vec<&[u8]> = Vec::new();
    let mut all = Vec::new();
    for value in values.iter().copied() {
        if all.len() + value.len() > POOL {
            break;
        }
        if !known.contains(&value) {
            known.push(value);
            all.extend_from_slice(value);
        }
    }
    let each: Vec<Assessment> = known.iter().map(|value| judge::assess(value)).collect();
    // Objects are whole each for itself: where all agree, their joint is that.
    if let Some((first, rest)) = each.split_first()
        && first.class != Opacity::Unknown
        && rest.iter().all(|one| one.class == first.class)
    {
        return Assessment { bits: each.iter().map(|one| one.bits).sum(), ..*first };
    }
    judge::assess(&all)
}

/// The block that all lengths are a multiple of, but for a constant, if chance would not do that: at least six
/// different lengths, all equal modulo 16 (chance 16^-5), or eleven modulo 8.
pub fn length_law(lengths: &[u64]) -> Option<u64> {
    let mut different = lengths.to_vec();
    different.sort_unstable();
    different.dedup();
    let first = *different.first()?;
    let all = |block: u64| different.iter().all(|len| (len - first) % block == 0);
    match different.len() {
        6.. if all(16) => Some(16),
        11.. if all(8) => Some(8),
        _ => None,
    }
}

/// The columns of several messages of one direction, in order of sending: what precedes the ciphertext of a private
/// protocol, and where it begins. Empty with fewer than four different messages.
pub fn columns(glimpses: &[Glimpse]) -> Vec<Column> {
    let messages: Vec<&[u8]> = glimpses.iter().map(|glimpse| glimpse.head.as_slice()).collect();
    let lengths: Vec<u64> = glimpses.iter().map(|glimpse| glimpse.len).collect();
    let messages = messages.as_slice();
    let shortest = messages.iter().map(|message| message.len()).min().unwrap_or(0);
    if messages.len() < FEW || messages.windows(2).all(|pair| matches!(pair, [a, b] if a == b)) {
        return Vec::new();
    }
    let reach = shortest.min(HEADER);
    let mut kinds = vec![ColumnKind::Unknown; reach];
    let byte = |message: &[u8], at: usize| message.get(at).copied().unwrap_or(0);
    for (at, kind) in kinds.iter_mut().enumerate() {
        let first = messages.first().map_or(0, |message| byte(message, at));
        if messages.iter().all(|message| byte(message, at) == first) {
            *kind = ColumnKind::Constant;
        }
    }
    for width in [4_usize, 2, 1] {
        for at in 0..(reach + 1).saturating_sub(width) {
            let Some(range) = kinds.get(at..at + width) else { continue };
            // Something in it moves, and none of it is told yet.
            if range.iter().any(|kind| !matches!(kind, ColumnKind::Constant | ColumnKind::Unknown))
                || range.iter().all(|kind| *kind == ColumnKind::Constant)
            {
                continue;
            }
            for big in [true, false] {
                let read = |message: &[u8]| -> i64 {
                    let bytes = message.get(at..at + width).unwrap_or_default();
                    let join = |sum: i64, byte: &u8| sum << 8 | i64::from(*byte);
                    if big { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) }
                };
                if let Some(found) = law(messages, &lengths, read, width)
                    && let Some(range) = kinds.get_mut(at..at + width)
                {
                    range.fill(found);
                    break;
                }
            }
        }
    }
    for at in 0..reach {
        if kinds.get(at) != Some(&ColumnKind::Unknown) {
            continue;
        }
        let column: Vec<u8> = messages.iter().map(|message| byte(message, at)).collect();
        if let Some(kind) = kinds.get_mut(at) {
            *kind = differing(&column);
        }
    }
    let mut out: Vec<Column> = Vec::new();
    let mut at = 0_u64;
    for run in kinds.chunk_by(|a, b| a == b) {
        let end = at + run.len() as u64;
        if let Some(kind) = run.first() {
            out.push(Column { start: at, end: Some(end), kind: *kind });
        }
        at = end;
    }
    let tails: Vec<&[u8]> =
        messages.iter().filter_map(|message| message.get(reach..)).filter(|tail| !tail.is_empty()).collect();
    if !tails.is_empty() {
        let kind = match pooled(&tails).class {
            class if class.is_opaque() => ColumnKind::Random,
            Opacity::Unknown => ColumnKind::Unknown,
            _ => ColumnKind::Readable,
        };
        match out.last_mut() {
            Some(last) if last.kind == kind => last.end = None,
            _ => out.push(Column { start: at, end: None, kind }),
        }
    }
    out
}

/// A counter or a length, where enough messages differ to say so: each agrees by chance once in 2^(8 width) messages.
fn law(messages: &[&[u8]], lengths: &[u64], read: impl Fn(&[u8]) -> i64, width: usize) -> Option<ColumnKind> {
    let values: Vec<i64> = messages.iter().map(|message| read(message)).collect();
    let overhead = i64::try_from(*lengths.first()?).ok()?.checked_sub(*values.first()?)?;
    let mut different = lengths.to_vec();
    different.sort_unstable();
    different.dedup();
    let agrees =
        |(len, value): (&u64, &i64)| i64::try_from(*len).is_ok_and(|len| len.checked_sub(*value) == Some(overhead));
    if different.len() >= 3 && (0..=64).contains(&overhead) && lengths.iter().zip(&values).all(agrees) {
        return Some(ColumnKind::Length);
    }
    let rises = values.windows(2).all(|pair| matches!(pair, [a, b] if b - a == 1));
    (rises && (messages.len() - 1) * width >= 3).then_some(ColumnKind::Counter)
}

/// A column without a law: readable characters, or bytes that spread as noise does.
fn differing(column: &[u8]) -> ColumnKind {
    let mut kinds = column.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    let printable = column.iter().filter(|byte| matches!(byte, 0x20..=0x7e)).count();
    if printable == column.len() && column.len() >= 8 {
        return ColumnKind::Readable;
    }
    // n noises hit 256 (1 - (255/256)^n) different values; half of that is out of reach for them.
    let n = f64::from(u32::try_from(column.len()).unwrap_or(u32::MAX));
    let hit = 256.0 * (1.0 - (255.0_f64 / 256.0).powf(n));
    if f64::from(u32::try_from(kinds.len()).unwrap_or(0)) > hit * 0.75 {
        return ColumnKind::Random;
    }
    ColumnKind::Unknown
}
