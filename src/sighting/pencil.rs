//! Planted texts under ciphers of pencil and paper, in what nobody opened.

use super::keyed::{Alphabet, Keyed, keyed};
use super::repeats::{Made, Pattern, WHOLE, letters, patterns};
use crate::model::scenario::Planted;
use std::collections::BTreeMap;

/// What is looked for, compiled.
#[derive(Debug, Default)]
pub(super) struct Pencil {
    patterns: Vec<Pattern>,
    /// By what is compared: alphabet and length of the key.
    keyed: BTreeMap<(Alphabet, usize), Vec<Keyed>>,
    /// The least and the greatest number of symbols of a text.
    lens: Option<(usize, usize)>,
    /// Some text is not all ASCII.
    wide: bool,
    /// The least number of digits of base64.
    digits: usize,
}

/// A planted text that stands somewhere.
#[derive(Debug)]
pub(super) struct Found {
    /// Index of the planted value.
    pub(super) planted: usize,
    /// The form.
    pub(super) form: String,
    /// What stands for what, for people; empty where the form says it.
    pub(super) table: String,
    /// Its bytes.
    pub(super) range: (usize, usize),
}

/// Finds of one text that are kept: it repeats itself.
const FOUND: usize = 64;

impl Pencil {
    pub(super) fn new(planted: &[Planted]) -> Self {
        let mut pencil = Self { digits: usize::MAX, ..Self::default() };
        for (index, planted) in planted.iter().enumerate() {
            for keyed in keyed(index, planted) {
                pencil.takes(keyed.len);
                pencil.keyed.entry((keyed.alphabet, keyed.period)).or_default().push(keyed);
            }
            for pattern in patterns(index, planted) {
                pencil.takes(pattern.len);
                pencil.wide |= pattern.made == Made::Characters;
                if matches!(pattern.made, Made::Base64 | Made::Reversed) {
                    pencil.digits = pencil.digits.min(pattern.compared());
                }
                pencil.patterns.push(pattern);
            }
        }
        pencil
    }

    fn takes(&mut self, len: usize) {
        let (least, most) = self.lens.unwrap_or((len, len));
        self.lens = Some((least.min(len), most.max(len)));
    }

    /// Whether a field of this many bytes may hold a text and nothing else.
    pub(super) fn may_fill(&self, bytes: usize) -> bool {
        // Letters may stand apart, and have four bytes each beyond ASCII.
        self.lens.is_some_and(|(least, most)| bytes >= least && bytes <= most.saturating_mul(4).saturating_add(16))
    }

    /// Whether a text of this many bytes may hold one.
    pub(super) fn may_hold(&self, bytes: usize) -> bool {
        self.lens.is_some_and(|(least, _)| bytes >= least)
    }

    /// Whether a field is such a text, and nothing else.
    pub(super) fn fills(&self, field: &[u8], found: &mut dyn FnMut(Found)) {
        // What moves letters says more than that they are others.
        let mut numbers: Option<(Alphabet, Vec<u8>)> = None;
        for ((alphabet, period), all) in &self.keyed {
            if numbers.as_ref().is_none_or(|(known, _)| known != alphabet) {
                numbers = Some((*alphabet, alphabet.numbers(field)));
            }
            let Some((_, numbers)) = &numbers else { continue };
            if !all.iter().any(|keyed| keyed.len == numbers.len()) {
                continue;
            }
            let steps = alphabet.steps(numbers, *period);
            for keyed in all.iter().filter(|keyed| keyed.len == numbers.len()) {
                if let Some(moved) = keyed.stands(numbers, &steps, 0) {
                    let (planted, form) = (keyed.planted, moved.form);
                    found(Found { planted, form, table: String::new(), range: (0, field.len()) });
                }
            }
        }
        let (mut low, mut wide, mut folded) = (None, None, None);
        for pattern in &self.patterns {
            match pattern.made {
                Made::Letters => {
                    let low = low.get_or_insert_with(|| letters(field));
                    if low.len() == pattern.len && pattern.stands(low, 0, WHOLE) {
                        found(substituted(pattern, low, 0, (0, field.len())));
                    }
                }
                Made::Characters if field.is_ascii() => {}
                Made::Characters => {
                    let wide = wide.get_or_insert_with(|| characters(field));
                    if wide.len() == pattern.len && pattern.stands(wide, 0, WHOLE) {
                        found(substituted(pattern, wide, 0, (0, field.len())));
                    }
                }
                // The last digits hold but a part of the last byte, or none.
                Made::Base64 | Made::Reversed => {
                    let over = field.len().checked_sub(pattern.len).filter(|over| *over <= 3);
                    let Some(over) = over else { continue };
                    let at = if pattern.made == Made::Reversed { over } else { 0 };
                    if pattern.stands(field, at, WHOLE) {
                        found(substituted(pattern, field, at, (0, field.len())));
                    }
                }
                Made::Bytes | Made::Folded if field.len() != pattern.len => {}
                Made::Bytes => {
                    if pattern.stands(field, 0, WHOLE) {
                        found(substituted(pattern, field, 0, (0, field.len())));
                    }
                }
                Made::Folded => {
                    let folded = folded.get_or_insert_with(|| field.to_ascii_lowercase());
                    if pattern.stands(folded, 0, WHOLE) {
                        found(substituted(pattern, folded, 0, (0, field.len())));
                    }
                }
            }
        }
    }

    /// The texts that stand anywhere in `text`, which is longer.
    pub(super) fn find(&self, text: &[u8], found: &mut dyn FnMut(Found)) {
        let mut left = FOUND;
        let mut found = |one: Found| {
            if left > 0 {
                left -= 1;
                found(one);
            }
        };
        let mut numbers: Option<(Alphabet, Vec<u8>)> = None;
        for ((alphabet, period), all) in &self.keyed {
            if numbers.as_ref().is_none_or(|(known, _)| known != alphabet) {
                numbers = Some((*alphabet, alphabet.numbers(text)));
            }
            let Some((_, numbers)) = &numbers else { continue };
            if !self.may_hold(numbers.len()) {
                continue;
            }
            let steps = alphabet.steps(numbers, *period);
            for keyed in all {
                keyed.find(numbers, &steps, &mut |at, moved| {
                    let range = alphabet.range(text, at, keyed.len).unwrap_or((0, text.len()));
                    let (planted, form) = (keyed.planted, moved.form);
                    found(Found { planted, form, table: String::new(), range });
                });
            }
        }
        let wide = if self.wide && !text.is_ascii() { characters(text) } else { Vec::new() };
        let runs = runs(text, self.digits);
        let (low, folded) = (letters(text), text.to_ascii_lowercase());
        for pattern in &self.patterns {
            match pattern.made {
                Made::Letters => pattern.find(&low, &mut |at| {
                    let range = Alphabet::Letters.range(text, at, pattern.len);
                    found(substituted(pattern, &low, at, range.unwrap_or((0, text.len()))));
                }),
                Made::Characters => pattern.find(&wide, &mut |at| {
                    let range = bytes_of(text, at, pattern.len);
                    found(substituted(pattern, &wide, at, range));
                }),
                Made::Base64 | Made::Reversed => {
                    for (start, run) in &runs {
                        pattern.find(run, &mut |at| {
                            let range = (start + at, start + at + pattern.len);
                            found(substituted(pattern, run, at, range));
                        });
                    }
                }
                made => {
                    let text = if made == Made::Folded { &*folded } else { text };
                    pattern.find(text, &mut |at| {
                        let end = at.saturating_add(pattern.len).min(text.len());
                        found(substituted(pattern, text, at, (at, end)));
                    });
                }
            }
        }
    }
}

/// Runs of at least so many digits of base64, of whatever alphabet, and where each begins.
fn runs(text: &[u8], least: usize) -> Vec<(usize, &[u8])> {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_.,!*$@".contains(byte);
    let mut start = 0;
    let pieces = text.split(|byte| !is_digit(byte)).map(|run| {
        let at = start;
        start += run.len() + 1;
        (at, run)
    });
    pieces.filter(|(_, run)| run.len() >= least).collect()
}

/// A text of which every symbol stands for another.
fn substituted<S: Copy + Eq + Into<u32>>(pattern: &Pattern, text: &[S], at: usize, range: (usize, usize)) -> Found {
    let table = pattern.table(text, at);
    let form = match pattern.made {
        Made::Base64 => "base64 with another alphabet",
        Made::Reversed if table.is_empty() => "base64, reversed",
        Made::Reversed => "base64 with another alphabet, reversed",
        _ => "substitution cipher",
    };
    Found { planted: pattern.planted, form: form.to_owned(), table, range }
}

/// The characters of a text in UTF-8; none where it is something else.
fn characters(text: &[u8]) -> Vec<u32> {
    std::str::from_utf8(text).map(|text| text.chars().map(u32::from).collect()).unwrap_or_default()
}

/// The bytes of `len` characters from the character `at` on.
fn bytes_of(text: &[u8], at: usize, len: usize) -> (usize, usize) {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let place = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(place, _)| place);
    (place(at), place(at.saturating_add(len)))
}
