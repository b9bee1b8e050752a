//! Letters moved by a key: Caesar, Vigenère, Gronsfeld, the mirrored alphabet, ROT47, bytes that something is added to.
//!
//! Where the key comes again, two letters differ as those of the planted text do. So for each length of a key the
//! differences of the searched text are compared with those of the planted one. Each difference that says something new
//! counts [`EACH`] bits; the number of ciphers and lengths that are tried is taken off, and what is left must reach the
//! same bits as [`repeats`](super::repeats).

use super::repeats::{WHOLE, WITHIN, is_letters, is_text};
use crate::model::scenario::Planted;
use std::collections::BTreeSet;

/// Bits of a difference: of two letters of texts it is the likeliest one in fifteen cases.
const EACH: f64 = 3.9;
/// Bits for the choice between all ciphers and lengths of keys.
const CHOICE: f64 = 6.0;
/// Symbols of a text that are compared.
const COMPARED: usize = 160;
/// Places that are told from each other at once.
const BLOCK: usize = 64;
/// Longest key.
const LONGEST: usize = 12;
/// What is no symbol of an alphabet.
const NONE: u8 = 0xff;

/// What is moved, and in which order the key goes on.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Alphabet {
    /// Letters; the key stands still at what is none.
    Letters,
    /// Letters; the key goes on at every character.
    Places,
    /// What ASCII writes, the space included.
    Printed,
    /// What ASCII writes with ink.
    Inked,
    /// Bytes.
    Bytes,
}

impl Alphabet {
    pub(super) const ALL: [Self; 5] = [Self::Letters, Self::Places, Self::Printed, Self::Inked, Self::Bytes];

    const fn size(self) -> u16 {
        match self {
            Self::Letters | Self::Places => 26,
            Self::Printed => 95,
            Self::Inked => 94,
            Self::Bytes => 256,
        }
    }

    /// Lengths of keys that are looked for.
    pub(super) const fn periods(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Self::Letters => 1..=LONGEST,
            Self::Places => 2..=LONGEST,
            Self::Printed | Self::Inked => 1..=1,
            Self::Bytes => 1..=4,
        }
    }

    const fn number(self, byte: u8) -> u8 {
        match self {
            Self::Letters | Self::Places if byte.is_ascii_alphabetic() => byte.to_ascii_lowercase() - b'a',
            Self::Printed if matches!(byte, 0x20..=0x7e) => byte - 0x20,
            Self::Inked if matches!(byte, 0x21..=0x7e) => byte - 0x21,
            Self::Bytes => byte,
            _ => NONE,
        }
    }

    /// A text in numbers.
    pub(super) fn numbers(self, text: &[u8]) -> Vec<u8> {
        let table: [u8; 256] = std::array::from_fn(|byte| self.number(u8::try_from(byte).unwrap_or(0)));
        let number = |byte: &u8| table.get(usize::from(*byte)).copied().unwrap_or(NONE);
        match self {
            Self::Bytes => text.to_vec(),
            Self::Letters | Self::Inked => {
                let mut out = Vec::with_capacity(text.len());
                out.extend(text.iter().map(number).filter(|number| *number != NONE));
                out
            }
            _ => text.iter().map(number).collect(),
        }
    }

    /// The range in bytes of `len` numbers from `at` on.
    pub(super) fn range(self, text: &[u8], at: usize, len: usize) -> Option<(usize, usize)> {
        let counts = |byte: &u8| !matches!(self, Self::Letters | Self::Inked) || self.number(*byte) != NONE;
        let mut places = (0..).zip(text).filter(|(_, byte)| counts(byte)).map(|(place, _)| place);
        let first = places.nth(at)?;
        let last = if len > 1 { places.nth(len - 2)? } else { first };
        Some((first, last + 1))
    }

    /// How much `a` is after `b`.
    const fn step(self, a: u8, b: u8) -> u8 {
        if !matches!(self, Self::Bytes) && (a == NONE || b == NONE) {
            return NONE;
        }
        #[expect(clippy::cast_possible_truncation, reason = "256 counts as nothing, in bytes that wrap")]
        let around = if a < b { self.size() as u8 } else { 0 };
        a.wrapping_sub(b).wrapping_add(around)
    }

    /// The differences of numbers that are `period` apart.
    pub(super) fn steps(self, numbers: &[u8], period: usize) -> Vec<u8> {
        match self {
            Self::Bytes => steps::<0, false>(numbers, period),
            Self::Letters => steps::<26, false>(numbers, period),
            Self::Places => steps::<26, true>(numbers, period),
            Self::Printed => steps::<95, true>(numbers, period),
            Self::Inked => steps::<94, false>(numbers, period),
        }
    }
}

/// The differences of numbers that are `period` apart, modulo `SIZE` (0 for 256); `MARKED`: some may be none. No branch stands
/// in the loop, so that machines take many at once.
fn steps<const SIZE: u8, const MARKED: bool>(numbers: &[u8], period: usize) -> Vec<u8> {
    let later = numbers.get(period..).unwrap_or_default();
    let mut out = vec![0; later.len()];
    let is_none = |number: u8| if MARKED && number == NONE { NONE } else { 0 };
    for ((out, after), before) in out.iter_mut().zip(later).zip(numbers) {
        let around = if after < before { SIZE } else { 0 };
        *out = after.wrapping_sub(*before).wrapping_add(around) | is_none(*after) | is_none(*before);
    }
    out
}

/// A planted text in numbers, and its differences.
#[derive(Debug)]
pub(super) struct Keyed {
    /// Index of the planted value.
    pub(super) planted: usize,
    pub(super) alphabet: Alphabet,
    pub(super) period: usize,
    /// The alphabet is written backwards.
    pub(super) mirrored: bool,
    /// Numbers of the whole text.
    pub(super) len: usize,
    within: bool,
    numbers: Vec<u8>,
    /// Offsets and differences to find there: the first three say something each.
    steps: Vec<(usize, u8)>,
}

/// What a text was moved by.
#[derive(Debug, PartialEq)]
pub(super) struct Moved {
    /// The form of the find.
    pub(super) form: String,
}

impl Keyed {
    fn new(planted: usize, alphabet: Alphabet, period: usize, mirrored: bool, value: &Planted) -> Option<Self> {
        let mut numbers = alphabet.numbers(value.value.trim().as_bytes());
        let len = numbers.len();
        numbers.truncate(COMPARED);
        let mut told = BTreeSet::new();
        let (mut new, mut old) = (Vec::new(), Vec::new());
        for (at, step) in alphabet.steps(&numbers, period).into_iter().enumerate() {
            if step == NONE && alphabet != Alphabet::Bytes {
                continue;
            }
            let sought = if mirrored { alphabet.step(0, step) } else { step };
            // Equal letters, and the same two letters once more, are where texts are alike anyway.
            let says = step != 0 && told.insert((numbers.get(at).copied(), step));
            if says { &mut new } else { &mut old }.push((at, sought));
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 160")]
        let bits = new.len() as f64 * EACH - CHOICE;
        if bits < WHOLE || new.len() < 3 {
            return None;
        }
        let within = bits >= WITHIN && is_text(value);
        new.append(&mut old);
        Some(Self { planted, alphabet, period, mirrored, len, within, numbers, steps: new })
    }

    /// The places of a text where it stands; `steps` are the text's.
    pub(super) fn find(&self, numbers: &[u8], steps: &[u8], found: &mut dyn FnMut(usize, Moved)) {
        if !self.within {
            return;
        }
        let Some(places) = numbers.len().checked_sub(self.numbers.len()).map(|last| last + 1) else { return };
        let [a, b, c] = [0, 1, 2].map(|index| self.steps.get(index).copied().unwrap_or_default());
        let mut at = 0;
        while at < places {
            let end = places.min(at + BLOCK);
            if is_in_block(steps, at, end, [a, b]) {
                for at in (at..end).filter(|at| steps.get(at + c.0) == Some(&c.1)) {
                    if let Some(moved) = self.stands(numbers, steps, at) {
                        found(at, moved);
                    }
                }
            }
            at = end;
        }
    }

    /// What the planted text was moved by, if it stands at a place.
    pub(super) fn stands(&self, numbers: &[u8], steps: &[u8], at: usize) -> Option<Moved> {
        if !self.steps.iter().all(|(offset, step)| steps.get(at.saturating_add(*offset)) == Some(step)) {
            return None;
        }
        let here = numbers.get(at..at.checked_add(self.numbers.len())?)?;
        let is_one = |number: u8| self.alphabet == Alphabet::Bytes || number != NONE;
        // What is no letter stays as it is.
        if here.iter().zip(&self.numbers).any(|(sent, planted)| is_one(*sent) != is_one(*planted)) {
            return None;
        }
        let mut key = vec![None; self.period];
        for (index, (sent, planted)) in here.iter().zip(&self.numbers).enumerate() {
            if is_one(*planted)
                && let Some(slot) = key.get_mut(index % self.period)
            {
                let moved = if self.mirrored {
                    self.alphabet.step(*sent, self.alphabet.step(0, *planted))
                } else {
                    self.alphabet.step(*sent, *planted)
                };
                slot.get_or_insert(moved);
            }
        }
        let key: Vec<u8> = key.into_iter().flatten().collect();
        // Text that mostly stays as it is was written by somebody else.
        let moving = key.iter().filter(|moved| **moved > 0).count();
        (self.mirrored || moving * 2 > key.len()).then(|| Moved { form: self.form(&key) })
    }

    fn form(&self, key: &[u8]) -> String {
        let letters = || key.iter().map(|moved| char::from(b'a'.saturating_add(*moved))).collect::<String>();
        match (self.alphabet, key) {
            (Alphabet::Letters, [25]) if self.mirrored => "atbash cipher".to_owned(),
            (Alphabet::Letters, [moved]) if self.mirrored => format!("mirrored alphabet moved by {moved}"),
            (Alphabet::Letters, [moved]) => format!("caesar cipher, moved by {moved}"),
            (Alphabet::Letters | Alphabet::Places, _) => format!("vigenere cipher with the key {}", letters()),
            (Alphabet::Inked, [47]) => "rot47".to_owned(),
            (Alphabet::Printed | Alphabet::Inked, _) => {
                format!("caesar cipher over all characters, moved by {}", key.first().copied().unwrap_or(0))
            }
            (Alphabet::Bytes, _) => format!("addition of {}", data_encoding::HEXLOWER.encode(key)),
        }
    }
}

/// Whether two differences stand where they should at one of the places `from..to`, a block of them at most.
fn is_in_block(steps: &[u8], from: usize, to: usize, [a, b]: [(usize, u8); 2]) -> bool {
    let run = |offset: usize| steps.get(from + offset..to + offset).unwrap_or_default();
    let (first, second) = (run(a.0), run(b.0));
    // Blocks of a known size are told at once.
    match (first.first_chunk::<BLOCK>(), second.first_chunk::<BLOCK>()) {
        (Some(first), Some(second)) => is_there(first, a.1, second, b.1),
        _ => is_there(first, a.1, second, b.1),
    }
}

#[inline]
fn is_there(first: &[u8], a: u8, second: &[u8], b: u8) -> bool {
    let both = |first: u8, second: u8| u8::from(first == a) & u8::from(second == b);
    first.iter().zip(second).fold(0, |any, (first, second)| any | both(*first, *second)) != 0
}

/// Every way of looking for a planted value that may prove itself.
pub(super) fn keyed(index: usize, planted: &Planted) -> Vec<Keyed> {
    if !is_letters(planted) {
        return Vec::new();
    }
    let mut out = Vec::new();
    for alphabet in Alphabet::ALL {
        for period in alphabet.periods() {
            out.extend(Keyed::new(index, alphabet, period, false, planted));
        }
    }
    out.extend(Keyed::new(index, Alphabet::Letters, 1, true, planted));
    out
}
