//! Planted phone numbers: digits compared with the separators between them skipped.
//!
//! Chance: a national significant number of 9 digits with boundaries on both sides is met once in 10^9 unrelated
//! numbers of that length; fewer than 7 digits are never looked for.

use super::edge::is_part;
use super::forms::{Edge, Forms, Scope};
use super::text::each;
use crate::model::scenario::Planted;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};
use smallvec::SmallVec;

/// Fewest digits of a national significant number that count.
pub(super) const FEWEST: usize = 7;
/// Most separators between two digits of one number, as in `) - `.
const GAP: usize = 3;

/// One planted number, as digit values.
#[derive(Debug)]
struct Phone {
    planted: usize,
    country: Vec<u8>,
    trunk: Vec<u8>,
    national: Vec<u8>,
}

/// All planted numbers.
#[derive(Debug, Default)]
pub(super) struct Phones {
    known: Vec<Phone>,
    /// Last four digits of some number: bit `n`.
    tails: Vec<u64>,
    /// The least and the greatest of their last digits, as characters.
    lasts: (u8, u8),
    by_tail: hashbrown::HashMap<u16, SmallVec<[u32; 2]>>,
    integers: hashbrown::HashMap<i128, SmallVec<[(u32, &'static str); 1]>>,
}

/// A planted number in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Dialled {
    pub(super) planted: usize,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) form: &'static str,
}

fn digits(text: &str) -> Vec<u8> {
    text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect()
}

fn text(digits: &[&[u8]]) -> String {
    digits.iter().flat_map(|part| part.iter()).map(|digit| char::from(b'0' + digit)).collect()
}

fn tail(digits: &[u8]) -> Option<u16> {
    let (_, last) = digits.split_last_chunk::<4>()?;
    Some(last.iter().fold(0, |sum, digit| sum * 10 + u16::from(*digit)))
}

impl Phones {
    /// Adds a planted number, and the forms of it that are not digits.
    pub(super) fn add(&mut self, index: usize, planted: &Planted, forms: &mut Forms) {
        let typed = planted.value.trim();
        let all = digits(typed);
        let phone = match PHONE_NUMBER_UTIL.parse(typed, None) {
            Ok(number) => {
                let national = digits(&number.get_national_significant_number());
                let country = digits(&number.country_code.to_string());
                let dialled = digits(&number.format_as(PhoneNumberFormat::National));
                let trunk = dialled.strip_suffix(national.as_slice()).unwrap_or_default().to_vec();
                Phone { planted: index, country, trunk, national }
            }
            Err(_) => Phone { planted: index, country: Vec::new(), trunk: Vec::new(), national: all },
        };
        if phone.national.len() < SHORTEST_INTERNATIONAL {
            return;
        }
        let (country, national) = (phone.country.as_slice(), phone.national.as_slice());
        let whole = text(&[country, national]);
        let dialled = text(&[&phone.trunk, national]);
        for (what, input) in [
            ("the number with +", format!("+{whole}")),
            ("the number without +", whole.clone()),
            ("the number with 00 for +", format!("00{whole}")),
            ("the national number", dialled.clone()),
            ("the national significant number", text(&[national])),
        ] {
            super::digest::of(input.as_bytes(), what, forms);
        }
        let names = [("the number with +", format!("+{whole}")), ("the number without +", whole.clone())];
        for (what, input) in &names {
            super::digest::shortened(input.as_bytes(), what, forms);
        }
        super::digest::of_names(&names, forms);
        forms.encodings(&format!("+{whole}"), Edge::Digit);
        forms.encodings(&text(&[national]), Edge::Digit);
        for (form, digits) in [
            ("without +", whole.clone()),
            ("national", dialled.clone()),
            ("national significant number", text(&[national])),
        ] {
            forms.framed(form, &digits);
        }
        forms.text("reversed", &whole.chars().rev().collect::<String>(), Edge::Digit);
        if let Ok(number) = whole.parse::<u64>() {
            forms.exact("64-bit little-endian integer", &number.to_le_bytes(), Scope::Binary);
            forms.exact("64-bit big-endian integer", &number.to_be_bytes(), Scope::Binary);
        }
        forms.coded_decimal(&whole);

        let id = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        if let Ok(number) = whole.parse() {
            self.integers.entry(number).or_default().push((id, "integer"));
        }
        if national.len() >= FEWEST
            && let Ok(number) = text(&[national]).parse()
        {
            self.integers.entry(number).or_default().push((id, "integer of the national significant number"));
        }
        if let Some(tail) = tail(national) {
            self.tails.resize(10_000_usize.div_ceil(64), 0);
            if let Some(word) = self.tails.get_mut(usize::from(tail) / 64) {
                *word |= 1 << (tail % 64);
            }
            let last = b'0' + national.last().copied().unwrap_or(0);
            let (low, high) = if self.by_tail.is_empty() { (last, last) } else { self.lasts };
            self.lasts = (low.min(last), high.max(last));
            self.by_tail.entry(tail).or_default().push(id);
        }
        self.known.push(phone);
    }

    /// Whether there is nothing to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The planted numbers a whole number is: index of the planted value and form.
    pub(super) fn integer(&self, value: i128) -> impl Iterator<Item = (usize, &'static str)> + '_ {
        let found = if self.integers.is_empty() { None } else { self.integers.get(&value) };
        found.into_iter().flatten().filter_map(|(id, form)| Some((self.known.get(*id as usize)?.planted, *form)))
    }

    /// Calls `found` for every planted number in `bytes`.
    pub(super) fn scan(&self, bytes: &[u8], found: &mut impl FnMut(Dialled)) {
        if self.by_tail.is_empty() {
            return;
        }
        let mut seen: Vec<(u8, usize)> = Vec::new();
        let mut done = 0;
        let (low, high) = self.lasts;
        // Where a group of digits ends as a planted number does: nearly no run needs a closer look.
        let is_last = |byte: u8, next: u8| (low..=high).contains(&byte) & !next.is_ascii_digit();
        each(bytes, is_last, |last| {
            if last < done || !self.is_tail(bytes.get(..=last).unwrap_or_default()) {
                return;
            }
            let dialable = |at: usize| bytes.get(at).is_some_and(|byte| is_dialable(*byte));
            let (mut start, mut end) = (last, last + 1);
            while start > done && dialable(start - 1) {
                start -= 1;
            }
            while dialable(end) {
                end += 1;
            }
            self.run(bytes, start, end, &mut seen, found);
            done = end;
        });
    }

    /// Whether a planted number stands in `bytes`.
    pub(super) fn occur(&self, bytes: &[u8]) -> bool {
        let mut any = false;
        self.scan(bytes, &mut |_| any = true);
        any
    }

    /// Whether the last four digits of a run that ends here are those of a planted number.
    fn is_tail(&self, bytes: &[u8]) -> bool {
        let (mut tail, mut place) = (0, 1);
        for byte in bytes.iter().rev() {
            if byte.is_ascii_digit() {
                tail += usize::from(byte - b'0') * place;
                place *= 10;
                if place == 10_000 {
                    return self.tails.get(tail / 64).is_some_and(|word| word >> (tail % 64) & 1 != 0);
                }
            } else if !is_dialable(*byte) {
                break;
            }
        }
        false
    }

    /// One run of digits and separators.
    fn run(
        &self,
        bytes: &[u8],
        start: usize,
        end: usize,
        seen: &mut Vec<(u8, usize)>,
        found: &mut impl FnMut(Dialled),
    ) {
        seen.clear();
        let (mut plus, mut gap) = (None, 0);
        for at in start..end {
            let Some(byte) = bytes.get(at) else { break };
            match byte {
                b'0'..=b'9' => {
                    gap = 0;
                    seen.push((byte - b'0', at));
                    let next = bytes.get(at + 1);
                    if !next.is_some_and(u8::is_ascii_digit) && seen.len() >= FEWEST {
                        self.group_end(bytes, seen, plus, found);
                    }
                }
                b'+' => {
                    seen.clear();
                    (plus, gap) = (Some(at), 0);
                }
                _ => {
                    gap += 1;
                    if gap > GAP {
                        seen.clear();
                        plus = None;
                    }
                }
            }
        }
    }

    fn group_end(&self, bytes: &[u8], seen: &[(u8, usize)], plus: Option<usize>, found: &mut impl FnMut(Dialled)) {
        let Some((_, last)) = seen.split_last_chunk::<4>() else { return };
        let tail = last.iter().fold(0_u16, |sum, (digit, _)| sum * 10 + u16::from(*digit));
        let word = self.tails.get(usize::from(tail) / 64).copied().unwrap_or(0);
        if word >> (tail % 64) & 1 == 0 {
            return;
        }
        for id in self.by_tail.get(&tail).into_iter().flatten() {
            if let Some(phone) = self.known.get(*id as usize)
                && let Some(dialled) = phone.at_end(bytes, seen, plus)
            {
                found(dialled);
            }
        }
    }
}

/// E.164 needs no more than the country code and a number; fewer digits than this are no subscriber's.
const SHORTEST_INTERNATIONAL: usize = 4;

impl Phone {
    /// This number, if `seen` ends with it.
    fn at_end(&self, bytes: &[u8], seen: &[(u8, usize)], plus: Option<usize>) -> Option<Dialled> {
        let ends = |with: &[&[u8]], upto: usize| -> Option<usize> {
            let mut at = upto;
            for part in with.iter().rev() {
                at = at.checked_sub(part.len())?;
                let there = seen.get(at..at + part.len())?;
                if !there.iter().zip(*part).all(|((digit, _), want)| digit == want) {
                    return None;
                }
            }
            Some(at)
        };
        let touches = |at: usize| match (at.checked_sub(1).and_then(|i| seen.get(i)), seen.get(at)) {
            (Some((_, left)), Some((_, right))) => left + 1 == *right,
            _ => false,
        };
        let national = ends(&[&self.national], seen.len())?;
        let country = if self.country.is_empty() {
            None
        } else {
            ends(&[&self.country], national).or_else(|| ends(&[&self.country, &self.trunk], national))
        };
        let (mut first, name) = if let Some(at) = country
            && at == 0
            && plus.is_some()
        {
            (0, "as-typed")
        } else if let Some(at) = country.and_then(|at| ends(&[&[0, 1, 1]], at).or_else(|| ends(&[&[0, 0]], at)))
            && !touches(at)
        {
            (at, "with 00 for +")
        } else if let Some(at) = country
            && !touches(at)
        {
            (at, "without +")
        } else if let Some(at) = ends(&[&self.trunk], national)
            && !self.trunk.is_empty()
            && !touches(at)
        {
            (at, "national")
        } else if !touches(national) && self.national.len() >= FEWEST {
            let form =
                if self.country.is_empty() && plus.is_some() { "as-typed" } else { "national significant number" };
            (national, form)
        } else {
            return None;
        };
        if name != "as-typed" && seen.len() - first < FEWEST {
            return None;
        }
        let mut start = seen.get(first)?.1;
        let end = seen.last()?.1 + 1;
        let spaced = end - start != seen.len() - first;
        // Times and names of files have colons and underscores: without its country a number may be one by chance.
        let odd =
            spaced && bytes.get(start..end).is_some_and(|number| number.iter().any(|byte| matches!(byte, b'_' | b':')));
        if odd && matches!(name, "national" | "national significant number") {
            return None;
        }
        if name == "as-typed" {
            start = plus?;
        } else {
            let digits = seen.len() - first;
            let before = start.checked_sub(1).and_then(|i| bytes.get(i)).copied();
            let encoded_plus = bytes.get(..start).is_some_and(|before| before.ends_with(b"%2B"));
            if !encoded_plus && (is_part(before, digits) || is_part(bytes.get(end).copied(), digits)) {
                return None;
            }
            // Decimals after a point are no number to dial.
            let decimals =
                before == Some(b'.') && start.checked_sub(2).and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
            if decimals && !spaced {
                return None;
            }
            if before == Some(b'(') && bytes.get(start..end).is_some_and(|number| number.contains(&b')')) {
                start -= 1;
            }
        }
        first = self.planted;
        let form = match (name, spaced) {
            (name, false) => name,
            ("as-typed", true) => "with separators",
            ("with 00 for +", true) => "with 00 for + and separators",
            ("without +", true) => "without +, with separators",
            ("national", true) => "national with separators",
            (_, true) => "national significant number with separators",
        };
        Some(Dialled { planted: first, start, end, form })
    }
}

/// Digits and what people write between them.
#[expect(clippy::indexing_slicing, reason = "a byte indexes 256 entries")]
const fn is_dialable(byte: u8) -> bool {
    DIALABLE[byte as usize]
}

static DIALABLE: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < 256 {
        #[expect(clippy::cast_possible_truncation, clippy::indexing_slicing, reason = "the index runs over all bytes")]
        {
            table[at] = matches!(at as u8, b'0'..=b'9' | b' ' | b'.' | b'-' | b'/' | b'(' | b')' | b'+' | b'_' | b':');
        }
        at += 1;
    }
    table
};

impl Forms {
    /// Two digits a byte, the first in the low half (TBCD, 3GPP TS 29.002) and the other way round.
    fn coded_decimal(&mut self, number: &str) {
        let digits = digits(number);
        let swapped: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.first().copied().unwrap_or(0) | pair.get(1).copied().unwrap_or(15) << 4)
            .collect();
        let straight: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.first().copied().unwrap_or(0) << 4 | pair.get(1).copied().unwrap_or(15))
            .collect();
        self.packed("coded decimal, swapped", &swapped);
        self.packed("coded decimal", &straight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::taxonomy::Data;
    use proptest::prelude::*;

    fn phones(values: &[&str]) -> Phones {
        let mut phones = Phones::default();
        for (index, value) in values.iter().enumerate() {
            let planted = Planted { id: "p".into(), data: Data::PhoneNumber, value: (*value).into() };
            phones.add(index, &planted, &mut Forms::default());
        }
        phones
    }

    fn found(value: &str, text: &str) -> Vec<(String, &'static str)> {
        let mut out = Vec::new();
        phones(&[value]).scan(text.as_bytes(), &mut |hit| out.push((text[hit.start..hit.end].to_owned(), hit.form)));
        out
    }

    #[test]
    fn numbers_are_found_however_they_are_written() {
        for (number, text, want, form) in [
            ("+12025550143", r#"{"to":"+12025550143"}"#, "+12025550143", "as-typed"),
            ("+12025550143", "call +1 (202) 555-0143 now", "+1 (202) 555-0143", "with separators"),
            ("+12025550143", "tel:+1-202-555-0143;x", "+1-202-555-0143", "with separators"),
            ("+12025550143", "to=12025550143&", "12025550143", "without +"),
            ("+12025550143", "%2B12025550143", "12025550143", "without +"),
            ("+12025550143", "0012025550143", "0012025550143", "with 00 for +"),
            ("+12025550143", "[2025550143]", "2025550143", "national significant number"),
            ("+12025550143", "(202) 555-0143", "(202) 555-0143", "national significant number with separators"),
            ("+12025550143", "20.25.55.01.43", "20.25.55.01.43", "national significant number with separators"),
            ("+33639981234", "06 39 98 12 34", "06 39 98 12 34", "national with separators"),
            ("+33639981234", "\"0639981234\"", "0639981234", "national"),
            ("+442071838750", "+44 (0)20 7183 8750", "+44 (0)20 7183 8750", "with separators"),
            ("+12025550143", "+1_202_555_0143", "+1_202_555_0143", "with separators"),
            ("+12025550143", "1:202:555:0143", "1:202:555:0143", "without +, with separators"),
            ("+12025550143", "call_7_12025550143_x", "12025550143", "without +"),
            ("+12025550143", "t:12025550143:", "12025550143", "without +"),
        ] {
            assert_eq!(found(number, text), [(want.to_owned(), form)], "{text}");
        }
    }

    #[test]
    fn a_number_is_no_part_of_a_longer_one() {
        for text in [
            "912025550143",
            "920255501431",
            "0.2025550143",
            "a2025550143f",
            "2025550144",
            "20255 501430 7 more 2025550",
            "2025,550,143",
            "2025:55:01:43",
            "IMG_20255501_43",
            "202_555_0143",
            "202    5550143",
        ] {
            assert_eq!(found("+12025550143", text), [], "{text}");
        }
    }

    proptest! {
        #[test]
        fn runs_are_those_a_plain_search_finds(
            text in "(\\+?1|202|555|0143|2025550143|[0-9]{1,7}|[ ./():_-]{1,4}|[a-f]{1,9}|é){0,16}",
        ) {
            let (phones, bytes) = (phones(&["+12025550143", "+33639980143"]), text.as_bytes());
            let mut fast = Vec::new();
            phones.scan(bytes, &mut |hit| fast.push(hit));
            let (mut plain, mut seen, mut start) = (Vec::new(), Vec::new(), 0);
            for run in bytes.chunk_by(|a, b| is_dialable(*a) == is_dialable(*b)) {
                phones.run(bytes, start, start + run.len(), &mut seen, &mut |hit| plain.push(hit));
                start += run.len();
            }
            prop_assert_eq!(phones.occur(bytes), !plain.is_empty());
            prop_assert_eq!(fast, plain);
        }
    }

    #[test]
    fn whole_numbers_count() {
        let phones = phones(&["+12025550143"]);
        assert_eq!(phones.integer(12_025_550_143).count(), 1);
        assert_eq!(phones.integer(2_025_550_143).count(), 1);
        assert_eq!(phones.integer(2_025_550_144).count(), 0);
    }
}
