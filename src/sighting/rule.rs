//! What detectors of unplanted data share: runs of digits, words that name fields, and how such a hit is put.

use super::Hit;
use super::engine::{Engine, Needle};
use super::text::long_runs;
use crate::model::field::BufferId;
use crate::model::sighting::Strength;
use crate::model::taxonomy::Data;
use std::borrow::Cow;

/// Words looked for in either case.
#[derive(Debug)]
pub(super) struct Words {
    needles: Vec<Needle>,
    engine: Option<Engine<4>>,
}

impl Words {
    /// Words of four bytes or more.
    pub(super) fn new(words: &[&str]) -> Self {
        let needles: Vec<Needle> =
            words.iter().map(|word| Needle { bytes: word.as_bytes().into(), fold: true }).collect();
        let engine = Engine::new(&needles, 4..=usize::MAX);
        Self { needles, engine }
    }

    /// Calls `found` with the index of the word and its end, for every occurrence.
    pub(super) fn ends(&self, bytes: &[u8], mut found: impl FnMut(usize, usize)) {
        let Some(engine) = &self.engine else { return };
        engine.find(&self.needles, bytes, &mut |word, start| {
            let word = word as usize;
            found(word, start + self.needles.get(word).map_or(0, |needle| needle.bytes.len()));
        });
    }
}

/// The value that stands after a key which ends at `end`: `"key":"value"`, `key=value`, `key: value`.
pub(super) fn value_after(bytes: &[u8], end: usize) -> Option<(usize, usize)> {
    let rest = bytes.get(end..)?;
    let sign = rest.iter().take(4).position(|byte| matches!(byte, b'=' | b':'))?;
    if !rest.get(..sign)?.iter().all(|byte| matches!(byte, b'"' | b'\'' | b' ' | b'\\')) {
        return None;
    }
    let opens = |byte: &u8| matches!(byte, b' ' | b'"' | b'\'' | b'\\');
    let skip = rest.get(sign + 1..)?.iter().take(4).take_while(|byte| opens(byte)).count();
    let start = end + sign + 1 + skip;
    let quoted = skip > 0 && matches!(bytes.get(start - 1), Some(b'"' | b'\''));
    let ends = |byte: &u8| match byte {
        b'"' | b'\'' | b'\\' | b'<' | b'\r' | b'\n' | 0 => true,
        b'&' | b',' | b';' | b'}' | b' ' => !quoted,
        _ => false,
    };
    let len = bytes.get(start..)?.iter().take(4_096).position(ends).unwrap_or(bytes.len().min(start + 4_096) - start);
    (len > 0).then_some((start, start + len))
}

/// Calls `found` with the digits and range of every run of `fewest` to 19 digits, single spaces and dashes between
/// them skipped, that is not part of a word or a longer number.
pub(super) fn digit_runs(bytes: &[u8], fewest: usize, mut found: impl FnMut(&[u8], usize, usize)) {
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let inside = |byte: u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'-');
    for (mut start, mut end) in long_runs(bytes, fewest, inside) {
        while start < end && !digit(start) {
            start += 1;
        }
        while start < end && !digit(end - 1) {
            end -= 1;
        }
        if !(fewest..=40).contains(&(end - start)) {
            continue;
        }
        let part =
            |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'));
        let follows = bytes.get(end..).unwrap_or_default();
        let decimals = follows.first() == Some(&b'.') && follows.get(1).is_some_and(u8::is_ascii_digit);
        let word = follows.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if part(start.checked_sub(1).and_then(|i| bytes.get(i))) || word || decimals {
            continue;
        }
        let mut digits = [0; 19];
        if let Some(digits) = digits_of(bytes.get(start..end).unwrap_or_default(), &mut digits)
            && digits.len() >= fewest
        {
            found(digits, start, end);
        }
    }
}

/// The digits of a run in which what stands between them stands alone; `None` where it does not, or they are too many.
fn digits_of<'d>(run: &[u8], digits: &'d mut [u8]) -> Option<&'d [u8]> {
    let (mut count, mut is_apart) = (0, false);
    for byte in run {
        if byte.is_ascii_digit() {
            *digits.get_mut(count)? = byte - b'0';
            count += 1;
        } else if is_apart {
            return None;
        }
        is_apart = !byte.is_ascii_digit();
    }
    digits.get(..count)
}

/// The check digit of ISO/IEC 7812 holds.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(*digit);
            if at % 2 == 0 { digit } else { digit * 2 - if digit > 4 { 9 } else { 0 } }
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

/// A hit of a rule.
pub(super) fn hit(
    detector: &'static str,
    data: Data,
    form: &'static str,
    buffer: BufferId,
    (start, end): (usize, usize),
    reason: impl Into<Cow<'static, str>>,
) -> Hit {
    Hit {
        detector,
        data,
        planted: None,
        form: Cow::Borrowed(form),
        strength: Strength::Value,
        buffer,
        start,
        end,
        node: None,
        reason: reason.into(),
        conclusive: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same, every byte looked at.
    fn plainly(bytes: &[u8], fewest: usize) -> Vec<(Vec<u8>, usize, usize)> {
        let inside = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'-');
        let mut out = Vec::new();
        let mut at = 0;
        for run in bytes.chunk_by(|a, b| inside(a) == inside(b)) {
            let from = at;
            at += run.len();
            let Some(first) = run.iter().position(u8::is_ascii_digit).filter(|_| run.first().is_some_and(inside))
            else {
                continue;
            };
            let last = run.iter().rposition(u8::is_ascii_digit).unwrap();
            let (start, end) = (from + first, from + last + 1);
            let number = &bytes[start..end];
            let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let before = bytes[..start].last().is_some_and(|byte| word(byte) || *byte == b'.');
            let after = bytes[end..].first().is_some_and(word)
                || matches!(&bytes[end..], [b'.', next, ..] if next.is_ascii_digit());
            let twice = number.array_windows().any(|[a, b]| !a.is_ascii_digit() && !b.is_ascii_digit());
            let digits: Vec<u8> = number.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0').collect();
            if number.len() <= 40 && !before && !after && !twice && (fewest..=19).contains(&digits.len()) {
                out.push((digits, start, end));
            }
        }
        out
    }

    proptest! {
        #[test]
        fn runs_of_digits_are_those_a_plain_search_finds(
            text in "([0-9]{1,9}|[ -]{1,2}|[a-c._é\"]{1,4}){0,24}",
            fewest in 2..16_usize,
        ) {
            let mut found = Vec::new();
            digit_runs(text.as_bytes(), fewest, |digits, start, end| found.push((digits.to_vec(), start, end)));
            prop_assert_eq!(found, plainly(text.as_bytes(), fewest));
        }
    }
}
