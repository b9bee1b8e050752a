//! Substitution: every letter (or byte, or digit of base64) stands for another, always for the same one. What the text was
//! shows in where its letters come again.
//!
//! A planted text is found by that pattern: letters that are equal in it are equal there, letters that differ do. How much
//! that proves is counted in bits: a letter that comes again costs what its share in the searched text says, four bits at
//! most; one bit where it only goes on with a repetition; a new letter half of what the letters before it leave; a space
//! that stays a space two, any other symbol that stays what it is nothing. [`WITHIN`] bits are asked for at any place of a
//! text, [`WHOLE`] where a field holds nothing else.

use super::forms::unaligned;
use crate::model::scenario::Planted;
use crate::model::taxonomy::Data;
use data_encoding::BASE64_NOPAD;
use std::collections::BTreeMap;

/// Bits that prove a planted text at some place of a text: of 2^28 places that are looked at, one is wrong with 2^-20.
pub(super) const WITHIN: f64 = 48.0;
/// Bits that prove it where a field holds nothing else: of 2^12 fields of that length, one is wrong with 2^-20.
pub(super) const WHOLE: f64 = 32.0;
/// Symbols of a text that are compared; what follows proves no more.
const COMPARED: usize = 160;
/// Letters below which a text is too short.
const FEWEST: usize = 10;
/// Symbols on either side of which the shares are taken.
const AROUND: usize = 1_024;
/// Places that are told from each other at once.
const BLOCK: usize = 64;

/// What a planted text is made of when it is looked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Made {
    /// Characters as they are, in bytes.
    Bytes,
    /// The same, capitals as small letters.
    Folded,
    /// Letters alone, in lower case.
    Letters,
    /// Characters beyond ASCII.
    Characters,
    /// Digits of base64.
    Base64,
    /// The same, the last one first.
    Reversed,
}

/// Alphabets of base64: the usual one first, then with capitals and small letters exchanged, and those of other programs.
const ALPHABETS: [&str; 7] = [
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/",
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/",
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/",
    "+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
];

/// Where the symbols of a planted text come again.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Index of the planted value.
    pub(super) planted: usize,
    pub(super) made: Made,
    /// Symbols of the whole text.
    pub(super) len: usize,
    /// Whether it is looked for inside longer texts: identifiers may be part of others.
    pub(super) within: bool,
    symbols: Vec<u32>,
    /// Symbols back to the same one; 0 where there is none.
    back: Vec<usize>,
    /// Three pairs of places with equal symbols, for a first look.
    pairs: [(usize, usize); 3],
}

impl Pattern {
    fn new(planted: usize, made: Made, within: bool, symbols: &[u32]) -> Option<Self> {
        let len = symbols.len();
        let symbols = symbols.get(..len.min(COMPARED)).unwrap_or_default().to_vec();
        let mut last: BTreeMap<u32, usize> = BTreeMap::new();
        let back: Vec<usize> =
            (0..).zip(&symbols).map(|(at, symbol)| last.insert(*symbol, at).map_or(0, |before| at - before)).collect();
        // Those that say most first: no spaces, and none that only goes on with the one before.
        let goes_on = |at: usize| at.checked_sub(1).and_then(|at| back.get(at)) == back.get(at);
        let is_space = |at: usize| symbols.get(at) == Some(&u32::from(b' '));
        let mut again: Vec<usize> = (0..).zip(&back).filter(|(_, back)| **back > 0).map(|(at, _)| at).collect();
        again.sort_by_key(|at| (is_space(*at), goes_on(*at)));
        let pair = |index: usize| again.get(index).and_then(|at| Some((at.checked_sub(*back.get(*at)?)?, *at)));
        let pairs = [pair(0)?, pair(1)?, pair(2)?];
        let pattern = Self { planted, made, len, within, symbols, back, pairs };
        // What cannot prove itself in the best case is not looked for.
        let best: Vec<u32> = pattern.symbols.iter().map(|symbol| symbol ^ 0x100).collect();
        let least = if pattern.is_digits() { WHOLE / 2.0 } else { WHOLE };
        (pattern.bits(&best, &best) >= least).then_some(pattern)
    }

    /// Symbols that are compared.
    pub(super) const fn compared(&self) -> usize {
        self.symbols.len()
    }

    const fn is_digits(&self) -> bool {
        matches!(self.made, Made::Base64 | Made::Reversed)
    }

    /// Whether `here` is the text in digits of an alphabet; the usual one is another detector's, unless it is turned round.
    fn is_written(&self, alphabet: &str, here: &[u32]) -> bool {
        let usual = ALPHABETS.first().copied().unwrap_or_default();
        let digit = |symbol: u32| usual.bytes().position(|byte| u32::from(byte) == symbol);
        let written =
            |symbol: u32| digit(symbol).and_then(|at| alphabet.as_bytes().get(at)).map(|byte| u32::from(*byte));
        (alphabet != usual || self.made == Made::Reversed)
            && self.symbols.iter().zip(here).all(|(symbol, sent)| written(*symbol) == Some(*sent))
    }

    /// The places of a text where the pattern stands.
    pub(super) fn find<S: Copy + Eq + Into<u32>>(&self, text: &[S], found: &mut dyn FnMut(usize)) {
        if !self.within {
            return;
        }
        let Some(places) = text.len().checked_sub(self.symbols.len()).map(|last| last + 1) else { return };
        let mut at = 0;
        while at < places {
            let end = places.min(at + BLOCK);
            if self.may_stand(text, at, end - at) {
                (at..end).filter(|at| self.stands(text, *at, WITHIN)).for_each(&mut *found);
            }
            at = end;
        }
    }

    /// Whether the three pairs are equal at one of `count` places.
    fn may_stand<S: Copy + Eq>(&self, text: &[S], from: usize, count: usize) -> bool {
        let run = |at: usize| text.get(from + at..from + at + count).unwrap_or_default();
        let pairs = self.pairs.map(|(one, other)| (run(one), run(other)));
        let chunk = |(one, other): (&'_ [S], &'_ [S])| Some((*one.first_chunk()?, *other.first_chunk()?));
        // Blocks of a known size are told at once.
        let [first, second, third] = pairs.map(chunk);
        let (Some(first), Some(second), Some(third)) = (first, second, third) else { return are_equal(pairs) };
        let blocks: [([S; BLOCK], [S; BLOCK]); 3] = [first, second, third];
        let [first, second, third] = &blocks;
        are_equal([(&first.0, &first.1), (&second.0, &second.1), (&third.0, &third.1)])
    }

    /// Whether the pattern stands at a place, and proves `need` bits.
    pub(super) fn stands<S: Copy + Eq + Into<u32>>(&self, text: &[S], at: usize, need: f64) -> bool {
        let Some(here) = text.get(at..at.saturating_add(self.symbols.len())) else { return false };
        let same = |(at, back): (usize, &usize)| {
            let symbol = here.get(at);
            match back {
                0 => here.get(..at).is_some_and(|before| !before.iter().any(|other| Some(other) == symbol)),
                back => at.checked_sub(*back).and_then(|before| here.get(before)) == symbol,
            }
        };
        if !self.back.iter().enumerate().all(same) {
            return false;
        }
        let here: Vec<u32> = here.iter().map(|symbol| (*symbol).into()).collect();
        // Digits of an alphabet that others use prove themselves.
        if self.is_digits() && ALPHABETS.iter().any(|alphabet| self.is_written(alphabet, &here)) {
            return true;
        }
        // Another text out of the same template has most letters in common.
        let (kept, all) = self.kept(&here);
        let around = at.saturating_sub(AROUND)..text.len().min(at.saturating_add(AROUND));
        let text: Vec<u32> = text.get(around).unwrap_or_default().iter().map(|symbol| (*symbol).into()).collect();
        kept * 2 <= all && self.bits(&here, &text) >= need
    }

    /// Of the different letters how many stayed as they are, and how many there are.
    fn kept(&self, here: &[u32]) -> (usize, usize) {
        let digits = self.is_digits();
        let low = |symbol: u32| if digits { Some(symbol) } else { lower(symbol) };
        let new = self.symbols.iter().zip(here).zip(&self.back).filter(|(_, back)| **back == 0);
        new.filter_map(|((planted, sent), _)| low(*planted).map(|planted| (planted, low(*sent))))
            .fold((0, 0), |(kept, all), (planted, sent)| (kept + usize::from(sent == Some(planted)), all + 1))
    }

    /// What the pattern proves where `here` stands in `text`, in bits.
    fn bits(&self, here: &[u32], text: &[u32]) -> f64 {
        let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
        for symbol in text {
            *counts.entry(*symbol).or_default() += 1.0;
        }
        let all = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX)) + PRIOR;
        // Two letters of a text are equal in one case of fifteen, and one of them has a share of one in twenty-five.
        let share = |symbol: u32, prior: f64| (counts.get(&symbol).copied().unwrap_or(0.0) + PRIOR * prior) / all;
        let digits = self.is_digits();
        let (mut bits, mut seen, mut last) = (0.0, 0.0_f64, 0);
        for ((planted, sent), back) in self.symbols.iter().zip(here).zip(&self.back) {
            // Other texts out of one template have letters in common, and signs.
            let stays = planted == sent || !digits && lower(*planted).is_some() && lower(*planted) == lower(*sent);
            bits += match back {
                _ if stays && *planted == u32::from(b' ') => 2.0,
                _ if stays => 0.0,
                0 => -0.5 * (1.0 - seen.min(0.9)).log2(),
                back if *back == last => 1.0,
                // Base64 of text has columns with few digits each.
                back if digits && back.is_multiple_of(4) => 2.0,
                _ => (-share(*sent, 0.066).log2()).min(4.0),
            };
            if *back == 0 {
                seen += share(*sent, 0.04);
            }
            last = *back;
        }
        bits
    }

    /// Which symbol stands for which, the first few of them.
    pub(super) fn table<S: Copy + Into<u32>>(&self, text: &[S], at: usize) -> String {
        let here = text.get(at..).unwrap_or_default().iter().map(|symbol| (*symbol).into());
        let new = self.symbols.iter().zip(here).zip(&self.back).filter(|((a, b), back)| **back == 0 && *a != b);
        let show = |symbol: u32| {
            let char = char::from_u32(symbol).filter(|char| char.is_ascii_graphic() || char.is_alphanumeric());
            char.map_or_else(|| format!("0x{symbol:02x}"), String::from)
        };
        let shown: Vec<String> = new.take(12).map(|((a, b), _)| format!("{} for {}", show(b), show(*a))).collect();
        shown.join(", ")
    }
}

/// Whether all pairs are equal at one of their places.
#[inline]
fn are_equal<S: Copy + Eq>(pairs: [(&[S], &[S]); 3]) -> bool {
    let [first, second, third] = pairs.map(|(one, other)| one.iter().zip(other));
    let is_one = |(one, other): (&S, &S)| u8::from(one == other);
    let all = first.zip(second).zip(third);
    all.fold(0, |any, ((first, second), third)| any | is_one(first) & is_one(second) & is_one(third)) != 0
}

/// Symbols that stand beside a text for what letters usually are.
const PRIOR: f64 = 256.0;

/// A letter or digit in lower case; nothing else.
fn lower(symbol: u32) -> Option<u32> {
    let char = char::from_u32(symbol).filter(|char| char.is_alphanumeric())?;
    char.to_lowercase().next().map(u32::from)
}

/// The letters of ASCII in a text, in lower case.
pub(super) fn letters(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    out.extend(text.iter().filter(|byte| byte.is_ascii_alphabetic()).map(u8::to_ascii_lowercase));
    out
}

/// Whether a value is one of words, which nothing else is likely to be a part of.
pub(super) fn is_text(planted: &Planted) -> bool {
    let spaced = planted.value.trim().contains(char::is_whitespace);
    spaced && !matches!(planted.data, Data::Name | Data::Email)
}

/// Whether a value may be looked for at all: what has the digits of numbers has too few symbols.
pub(super) fn is_letters(planted: &Planted) -> bool {
    let number = matches!(
        planted.data,
        Data::PhoneNumber
            | Data::VirtualNumber
            | Data::PreciseLocation
            | Data::ApproximateLocation
            | Data::DeviceId
            | Data::PaymentInfo
    );
    !number && planted.value.chars().filter(|char| char.is_alphabetic()).count() >= FEWEST
}

/// Every pattern of a planted value that may prove itself.
pub(super) fn patterns(index: usize, planted: &Planted) -> Vec<Pattern> {
    if !is_letters(planted) {
        return Vec::new();
    }
    let (value, within) = (planted.value.trim(), is_text(planted));
    let low = value.to_lowercase();
    let bytes = |text: &[u8]| text.iter().map(|byte| u32::from(*byte)).collect::<Vec<u32>>();
    let chars = |text: &str| text.chars().map(u32::from).collect::<Vec<u32>>();
    let mut out: Vec<Pattern> = Vec::new();
    let mut add = |made, within, symbols: &[u32]| {
        let Some(pattern) = Pattern::new(index, made, within, symbols) else { return };
        if !out.iter().any(|known| known.made == made && known.back == pattern.back) {
            out.push(pattern);
        }
    };
    if value.is_ascii() {
        add(Made::Bytes, within, &bytes(value.as_bytes()));
        add(Made::Bytes, within, &bytes(low.as_bytes()));
        add(Made::Folded, within, &bytes(low.as_bytes()));
        add(Made::Letters, within, &bytes(&letters(value.as_bytes())));
    }
    // What is ASCII may be written in characters of another alphabet.
    add(Made::Characters, within, &chars(value));
    add(Made::Characters, within, &chars(&low));
    for shift in 0..3 {
        let digits = unaligned(&BASE64_NOPAD, value.as_bytes(), shift);
        if shift == 0 || within {
            add(Made::Base64, within, &bytes(digits.as_bytes()));
            add(Made::Reversed, within, &bytes(&digits.bytes().rev().collect::<Vec<u8>>()));
        }
    }
    out
}
