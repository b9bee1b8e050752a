//! Text out of hidden bytes has rivals: honest bytes that are no text. Uniform noise is only one of them.
//!
//! Loudness values, game boards, samples, counters and packets come from a small range, or change little, or come again.
//! Such bytes are far from noise, and some key turns them into letters. So text must beat every model below, each of
//! which is a code for what was *sent* (Krichevsky and Trofimov 1981; Witten and Bell 1991): a probability for every byte
//! string of a length. Whatever source one of them describes, its bytes make text look `t` bits better than it with
//! probability 2^-t at most (Markov's inequality), whichever key was chosen, once its bits are taken off. Text knows
//! what follows what ([`letters`]); letters that do not, whoever sent them, cost more than they save.

use super::legible::script;
use crate::model::letters;

/// Bytes from the front that are looked at.
pub(in crate::sighting) const LOOKED: usize = 512;
/// Longest distance at which bytes come again.
const AGAIN: usize = 64;
/// Widest record whose columns are looked at one by one.
const WIDEST: usize = 16;
/// How often another kind of text begins.
const CHANGE: f64 = 1.0 / 64.0;
/// Bits that text need not have over its rivals, of those that it must have over noise: sound encryption comes by the
/// thousand. What is left is 2^-32 for honest bytes.
const EASIER: f64 = 32.0;

/// Bits that `plain` costs as text, byte by byte: at each place a mixture of the kinds of text, by how well each did so
/// far. `kinds` are the models of [`letters::cost`] that take part.
fn letters_each(plain: &[u8], kinds: std::ops::Range<usize>) -> Vec<f64> {
    let takes = |kind: usize| kinds.contains(&kind);
    #[expect(clippy::cast_precision_loss, reason = "at most four")]
    let even = 1.0 / kinds.len() as f64;
    let mut weights = [0.0_f64; 4];
    let all = |weights: &mut [f64; 4], with: &dyn Fn(f64) -> f64| {
        weights.iter_mut().enumerate().filter(|(kind, _)| takes(*kind)).for_each(|(_, weight)| *weight = with(*weight));
    };
    all(&mut weights, &|_| even);
    let mut last = b' ';
    let mut out = Vec::with_capacity(plain.len());
    for byte in plain {
        let costs = letters::cost(last, *byte);
        let mut sum = 0.0;
        for (weight, steps) in weights.iter_mut().zip(costs) {
            *weight *= (-f64::from(steps) / f64::from(letters::STEPS)).exp2();
            sum += *weight;
        }
        out.push(-sum.log2());
        all(&mut weights, &|weight| weight / sum * (1.0 - CHANGE) + even * CHANGE);
        last = *byte;
    }
    out
}

/// The same for text in any script as UTF-8, if it is.
fn script_each(plain: &[u8]) -> Option<Vec<f64>> {
    let mut out = Vec::with_capacity(plain.len());
    let mut sum = 0.0;
    let bits = script(plain, &mut |len, bits| {
        sum += bits;
        out.resize(out.len() + len, 0.0);
        if let Some(first) = out.len().checked_sub(len).and_then(|at| out.get_mut(at)) {
            *first = 8.0 * f64::from(u32::try_from(len).unwrap_or(0)) - bits;
        }
    })?;
    // What was cut at the ends is noise, and which cuts there are was chosen.
    let cut = plain.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    let mut each = vec![8.0; cut];
    each.extend(out);
    each.resize(plain.len(), 8.0);
    if let Some(first) = each.first_mut() {
        *first += sum - bits;
    }
    Some(each)
}

/// Text, byte by byte, under the better of both models.
fn text_each(plain: &[u8]) -> Vec<f64> {
    let mut each = letters_each(plain, 0..3);
    if let Some(script) = script_each(plain)
        && script.iter().sum::<f64>() < each.iter().sum::<f64>()
    {
        each = script;
    }
    if let Some(first) = each.first_mut() {
        *first += 1.0;
    }
    each
}

/// Bits by which `plain` speaks for text over noise.
pub(in crate::sighting) fn spoken(plain: &[u8]) -> f64 {
    text_each(plain).iter().map(|bits| 8.0 - bits).sum()
}

/// Whether `plain`, made of `sent` byte by byte, speaks for text with `need` bits over noise, and with [`EASIER`] fewer over
/// whatever else `sent` may be. `clear`: text in clear is one of the rivals.
pub(in crate::sighting) fn hidden(sent: &[u8], plain: &[u8], clear: bool, need: f64) -> bool {
    let sent = sent.get(..sent.len().min(LOOKED)).unwrap_or_default();
    let plain = plain.get(..sent.len()).unwrap_or(plain);
    let text = text_each(plain);
    if text.iter().map(|bits| 8.0 - bits).sum::<f64>() < need {
        return false;
    }
    let need = need - EASIER;
    // What some model of clear bytes says of them, byte by byte.
    let mut clear = if clear { vec![text_each(sent)] } else { Vec::new() };
    clear.extend([letters_each(sent, 3..4), letters_each(sent, 2..4)]);
    // What comes again at some distance is told once, by text and by its rivals alike.
    (0..=AGAIN.min(sent.len() / 2)).all(|lag| {
        let before = |at: usize| at.checked_sub(lag).and_then(|before| sent.get(before));
        let is_new: Vec<bool> =
            sent.iter().enumerate().map(|(at, byte)| lag == 0 || before(at) != Some(byte)).collect();
        let again = is_new.iter().filter(|new| !**new).count();
        // Text agrees with itself in one place of fifteen.
        if lag > 0 && again * 6 < sent.len() {
            return true;
        }
        let of =
            |each: &[f64]| -> f64 { each.iter().zip(&is_new).filter(|(_, new)| **new).map(|(bits, _)| bits).sum() };
        let enough = of(&text) + need;
        let places = sent.iter().copied().enumerate().zip(&is_new);
        let new: Vec<(usize, u8)> = places.filter(|(_, new)| **new).map(|(place, _)| place).collect();
        clear.iter().all(|each| of(each) >= enough) && rival(&new, enough) >= enough
    })
}

/// The shortest code for bytes at their places, of all that know no text; the first found below `enough`.
fn rival(new: &[(usize, u8)], enough: f64) -> f64 {
    let bytes: Vec<u8> = new.iter().map(|(_, byte)| *byte).collect();
    let mut least = order_one(&bytes);
    for width in 1..=WIDEST {
        if least < enough {
            break;
        }
        let mut columns: Vec<Vec<u8>> = vec![Vec::new(); width];
        let mut steps: Vec<u8> = Vec::with_capacity(bytes.len());
        for (at, byte) in new {
            let Some(column) = columns.get_mut(at % width) else { continue };
            steps.push(byte.wrapping_sub(column.last().copied().unwrap_or(0)));
            column.push(*byte);
        }
        // Differences of all columns as one, and each column by itself.
        let pooled = simple(&steps);
        let apart: f64 = columns.iter().map(|column| simple(column).min(simple(&differences(column))) + 1.0).sum();
        least = least.min(pooled).min(apart);
    }
    least
}

fn differences(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().zip(std::iter::once(&0).chain(bytes)).map(|(byte, before)| byte.wrapping_sub(*before)).collect()
}

/// The shortest of the codes that know no order: uniform, of a range, of a few values, of learned counts.
fn simple(bytes: &[u8]) -> f64 {
    let n = length(bytes.len());
    let mut counts = [0_u32; 256];
    let mut learned = 0.0;
    for (seen, byte) in bytes.iter().enumerate() {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            // Few values of many: a sixteenth for each that was never seen.
            learned -= ((f64::from(*count) + 1.0 / 16.0) / (length(seen) + 16.0)).log2();
            *count += 1;
        }
    }
    let values: Vec<u8> = (0..=u8::MAX).zip(counts).filter(|(_, count)| *count > 0).map(|(value, _)| value).collect();
    // Which values there are, then which of them it is.
    let choice: f64 = (0..values.len()).map(|k| (length(256 - k) / length(k + 1)).log2()).sum();
    let few = 8.0 + choice + n * length(values.len().max(1)).log2();
    // All of them lie on an arc of the circle: the largest gap is outside.
    let next = values.iter().skip(1).chain(values.first());
    let gap = values.iter().zip(next).map(|(a, b)| b.wrapping_sub(*a).wrapping_sub(1)).max().unwrap_or(0);
    let width = if values.len() == 1 { 1.0 } else { 256.0 - f64::from(gap) };
    let arc = 16.0 + n * width.log2();
    (8.0 * n).min(learned).min(few).min(arc)
}

/// A code that learns which byte follows which, and falls back on how often each was seen.
fn order_one(bytes: &[u8]) -> f64 {
    let mut pairs: std::collections::BTreeMap<(u8, u8), u32> = std::collections::BTreeMap::new();
    let mut after = [0_u32; 256];
    let mut counts = [0_u32; 256];
    let mut last = 0_u8;
    let mut bits = 0.0;
    for (seen, byte) in bytes.iter().enumerate() {
        let of = |counts: &[u32; 256], byte: u8| counts.get(usize::from(byte)).copied().map_or(0.0, f64::from);
        let alone = (of(&counts, *byte) + 1.0 / 16.0) / (length(seen) + 16.0);
        let pair = pairs.entry((last, *byte)).or_default();
        bits -= ((f64::from(*pair) + alone) / (of(&after, last) + 1.0)).log2();
        *pair += 1;
        for (counts, byte) in [(&mut after, last), (&mut counts, *byte)] {
            if let Some(count) = counts.get_mut(usize::from(byte)) {
                *count += 1;
            }
        }
        last = *byte;
    }
    bits
}

fn length(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a text under one byte is found.
    fn is_found(text: &str, key: u8) -> bool {
        let sent: Vec<u8> = text.bytes().map(|byte| byte ^ key).collect();
        hidden(&sent, text.as_bytes(), true, 64.0 + 12.0)
    }

    #[test]
    fn texts_beat_their_rivals() {
        for text in [
            "The heron lands at dusk beside the mill",
            "{\"to\":\"+447700900377\",\"text\":\"come over\"}",
            "Der Reiher landet in der Dämmerung bei der Mühle",
            "Le héron se pose au crépuscule près du moulin",
            "Czapla ląduje o zmierzchu obok młyna, nikt nie wie",
            "Цапля садится в сумерках у мельницы",
        ] {
            for key in [0x01, 0x13, 0x20, 0x6a, 0x80, 0xb5, 0xff] {
                assert!(is_found(text, key), "{text} under {key:02x}");
            }
        }
    }

    #[test]
    fn letters_that_do_not_follow_each_other_are_no_text() {
        let noise = |at: u32, range: u8| -> u8 { at.wrapping_mul(0x9e37_79b9).to_be_bytes()[1] % range };
        for range in [2, 4, 10, 16, 20, 26, 32, 64, 128] {
            let sent: Vec<u8> = (0..120).map(|at| noise(at, range)).collect();
            for key in 0..=u8::MAX {
                let plain: Vec<u8> = sent.iter().map(|byte| byte ^ key).collect();
                assert!(!hidden(&sent, &plain, true, 64.0), "a range of {range} under {key:02x}");
            }
        }
    }

    #[test]
    fn text_in_clear_is_not_hidden() {
        // In small letters it reads better.
        let sent = "USER-0001 HAS LEFT THE ROOM WITHOUT A WORD".as_bytes();
        let plain: Vec<u8> = sent.iter().map(|byte| byte ^ 0x20).collect();
        assert!(!hidden(sent, &plain, true, 76.0));
        assert!(!hidden(
            b"The heron lands at dusk beside the mill",
            b"The heron lands at dusk beside the mill",
            true,
            76.0
        ));
    }

    #[test]
    fn no_code_promises_too_much() {
        // What may follow a byte: the shares come to one at most.
        for first in [0, b' ', b'e', 0x80, 0xff] {
            let follows = |bits: &dyn Fn(&[u8]) -> f64| -> f64 {
                let alone = bits(&[first]);
                (0..=u8::MAX).map(|next| (alone - bits(&[first, next])).exp2()).sum()
            };
            assert!(follows(&order_one) <= 1.000_1, "{first:02x}");
            for kinds in [0..3, 3..4, 2..4] {
                assert!(follows(&|bytes| letters_each(bytes, kinds.clone()).iter().sum()) <= 1.000_1, "{first:02x}");
            }
        }
    }
}
