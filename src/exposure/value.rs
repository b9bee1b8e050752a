//! What single values are: numbers of telephones, addresses, coordinates, and what a person wrote.

use rlibphonenumber::PHONE_NUMBER_UTIL;
use std::cell::RefCell;
use std::collections::HashMap;

/// Numbers that one thread remembers with whether they are valid: asking the numbering plans takes microseconds.
const KNOWN: usize = 1 << 20;

thread_local! {
    /// By whether it was asked leniently, and the digits.
    static ASKED: RefCell<HashMap<(bool, u64), bool, foldhash::fast::FixedState>> = RefCell::default();
}

/// Tells telephone numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    /// Numbers that are possible count as well as those that are valid: in fields that are known to hold numbers.
    lenient: bool,
}

impl Numbers {
    /// For fields that are known to hold numbers: ranges kept for fiction and new ones are in no plan yet.
    pub(super) fn lenient() -> Self {
        Self { lenient: true }
    }

    /// The number as its digits behind `+`, if it is valid in its country's plan. `bare`: without a sign in front, too.
    pub(super) fn read(self, text: &str, bare: bool) -> Option<u64> {
        let text = text.trim();
        let rest = text.strip_prefix('+').or_else(|| text.strip_prefix("00"));
        if rest.is_none() && !bare {
            return None;
        }
        let rest = rest.unwrap_or(text);
        if rest.len() > 24 || rest.starts_with('0') {
            return None;
        }
        let mut digits = 0_u64;
        let mut count = 0_u32;
        for byte in rest.bytes() {
            match byte {
                b'0'..=b'9' => {
                    digits = digits.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
                    count = count.saturating_add(1);
                }
                b' ' | b'-' | b'(' | b')' | b'.' | b'/' => {}
                _ => return None,
            }
        }
        // ITU-T E.164: up to 15 digits.
        ((8..=15).contains(&count) && self.is_valid(digits)).then_some(digits)
    }

    fn is_valid(self, digits: u64) -> bool {
        ASKED.with_borrow_mut(|asked| {
            let key = (self.lenient, digits);
            if let Some(valid) = asked.get(&key) {
                return *valid;
            }
            let valid = self.ask(digits);
            if asked.len() < KNOWN {
                asked.insert(key, valid);
            }
            valid
        })
    }

    /// Asks the numbering plans.
    fn ask(self, digits: u64) -> bool {
        let parsed = PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None);
        // Whether it is possible is told by its length, whether it is valid by its plan: the dear question comes last.
        parsed.is_ok_and(|number| (self.lenient && number.is_possible_with_reason().is_ok()) || number.is_valid())
    }

    /// Numbers inside a longer text that joins them: `+44…->+49…`, `4477…_4977…`. Among words they have to be valid, and no
    /// device's.
    pub(super) fn several(self, text: &str, bare: bool) -> Vec<u64> {
        if !text.bytes().any(|byte| byte.is_ascii_digit()) {
            return Vec::new();
        }
        if text.bytes().filter(u8::is_ascii_alphabetic).count() > 3 {
            let apart = |c: char| !(c.is_ascii_digit() || c == '+');
            let found = text.split(apart).filter(|piece| piece.len() >= 8 && !is_imei(piece));
            return found.filter_map(|piece| Self::default().read(piece, bare)).collect();
        }
        let apart = |c: char| !(c.is_ascii_digit() || c == '+' || c == ' ');
        let found = text.split(apart).filter(|piece| piece.len() >= 8);
        found.filter_map(|piece| self.read(piece, bare)).collect()
    }
}

/// Whether fifteen digits are those of a device: the check digit holds (3GPP TS 23.003, annex B).
fn is_imei(text: &str) -> bool {
    let sum = text.bytes().rev().zip([1, 2].into_iter().cycle()).map(|(byte, weight)| {
        let value = u32::from(byte.wrapping_sub(b'0')) * weight;
        value / 10 + value % 10
    });
    text.len() == 15 && text.bytes().all(|byte| byte.is_ascii_digit()) && sum.sum::<u32>().is_multiple_of(10)
}

/// The country calling code of a number.
pub(super) fn country(digits: u64) -> Option<u16> {
    let number = PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None).ok()?;
    u16::try_from(number.country_code).ok()
}

/// An e-mail address.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let fine = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    !local.is_empty()
        && local.chars().all(fine)
        && domain.contains('.')
        && domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
        && domain.rsplit('.').next().is_some_and(|top| top.len() >= 2 && top.chars().all(char::is_alphabetic))
}

/// A coordinate, and how many decimals it has.
pub(super) fn coordinate(text: &str, most: f64) -> Option<(f64, usize)> {
    let text = text.trim();
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let value: f64 = text.parse().ok()?;
    (value.is_finite() && value.abs() <= most && decimals > 0).then_some((value, decimals))
}

/// A coordinate in ten-millionths or millionths of a degree, and how many decimals that is: a whole number under a name that
/// says what it is, with more digits than degrees have.
pub(super) fn scaled(text: &str, most: f64) -> Option<(f64, usize)> {
    let whole: i32 = text.trim().parse().ok()?;
    let digits = text.trim();
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    let by = |unit: f64, decimals: usize| (f64::from(whole) / unit, decimals.saturating_sub(zeros));
    let fits = |(degrees, _): &(f64, usize)| degrees.abs() <= most;
    let found = [by(1e7, 7), by(1e6, 6)].into_iter().find(fits);
    found.filter(|_| whole.unsigned_abs() >= 10_000)
}

/// Latitude and longitude in one value: `48.85,2.29`, `geo:48.85,2.29`, `POINT(2.29 48.85)`.
pub(super) fn pair(text: &str) -> Option<(f64, f64, usize)> {
    let text = text.trim();
    if let Some((lon, lat)) = point(text) {
        return Some((coordinate(lat, 90.0)?.0, coordinate(lon, 180.0)?.0, decimals(lat).min(decimals(lon))));
    }
    let text = text.trim_start_matches("geo:").trim_matches(['(', ')', '[', ']', '"']);
    let (a, b) = text.split_once([',', ';', ' '])?;
    let ((lat, da), (lon, db)) = (coordinate(a, 90.0)?, coordinate(b.trim_start_matches([',', ' ']), 180.0)?);
    Some((lat, lon, da.min(db)))
}

fn decimals(number: &str) -> usize {
    number.split_once('.').map_or(0, |(_, decimals)| decimals.len())
}

/// Longitude and latitude of a point in well-known text (OGC 06-103r4, section 7), with PostGIS' identifier in front or
/// without.
fn point(text: &str) -> Option<(&str, &str)> {
    let text = match text.split_once(';') {
        Some((srid, rest)) if srid.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("SRID=")) => rest.trim_start(),
        _ => text,
    };
    let (word, rest) = text.split_at_checked(5)?;
    let (kind, inside) = rest.strip_suffix(')')?.split_once('(')?;
    let known = ["", "z", "m", "zm"].iter().any(|known| kind.trim().eq_ignore_ascii_case(known));
    if !word.eq_ignore_ascii_case("POINT") || !known {
        return None;
    }
    let mut numbers = inside.split_ascii_whitespace();
    Some((numbers.next()?, numbers.next()?))
}

/// Fewest decimals of a precise place: three are some hundred metres.
pub(super) const PRECISE: usize = 3;

/// Whether a text reads as something a person could have written: letters, and not one long word of digits and
/// letters mixed, as ciphertext and identifiers are.
pub(super) fn is_prose(text: &str) -> bool {
    let text = text.trim();
    if text.is_ascii() {
        return is_ascii_prose(text.as_bytes());
    }
    let (mut letters, mut visible, mut word, mut longest, mut scripts) = (0_usize, 0_usize, 0_usize, 0_usize, false);
    for c in text.chars() {
        letters += usize::from(!c.is_ascii() || c.is_ascii_alphabetic());
        // Scripts that are written without blanks: Thai, Lao, Burmese, Khmer, and those of East Asia.
        scripts |=
            matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..);
        if c.is_whitespace() || is_joint(c) {
            visible += usize::from(!c.is_whitespace());
            word = 0;
            continue;
        }
        if c.is_control() {
            return false;
        }
        visible += 1;
        word += 1;
        longest = longest.max(word);
    }
    if letters == 0 || (longest >= 24 && !scripts && !text.contains("://")) {
        return false;
    }
    letters * 2 >= visible
}

/// What joins words to a longer one: addresses and compounds are made so.
const fn is_joint(c: char) -> bool {
    matches!(c, '@' | '.' | '-' | '/' | '\'' | '’')
}

/// Letters and digits of a word from which on it is no word of people's, in what joins several apart.
const LONG: usize = 24;
/// Letters of the longest compounds.
const COMPOUND: usize = 64;

/// Kinds of bytes in words.
const LOWER: u8 = 1;
const UPPER: u8 = 2;
/// Small letters that are hexadecimal digits.
const HEX: u8 = 4;
const DIGIT: u8 = 8;
const SIGN: u8 = 16;
const CONTROL: u8 = 32;

const fn kind(byte: u8) -> u8 {
    match byte {
        b'a'..=b'f' => HEX,
        b'g'..=b'z' => LOWER,
        b'A'..=b'Z' => UPPER,
        b'0'..=b'9' => DIGIT,
        0..0x20 | 0x7f => CONTROL,
        _ => SIGN,
    }
}

/// Whether a piece of a word is longer than words are: of letters alone, it may be a compound.
fn is_long(word: &[u8], kinds: u8) -> bool {
    let letters = kinds & !(LOWER | HEX | UPPER) == 0;
    let inner = word.iter().skip(1).any(u8::is_ascii_uppercase) && kinds & (LOWER | HEX) != 0;
    if letters && !inner {
        return word.len() > COMPOUND;
    }
    word.split(|byte| is_joint(char::from(*byte))).any(|piece| piece.len() >= LONG)
}

/// The same for ASCII, in one pass: most fields are asked.
fn is_ascii_prose(text: &[u8]) -> bool {
    let (mut letters, mut visible, mut coded, mut words) = (0_usize, 0_usize, 0_usize, 0_usize);
    // What `char::is_whitespace` says of ASCII.
    for word in text.split(|byte| matches!(byte, b' ' | 0x09..=0x0d)).filter(|word| !word.is_empty()) {
        words += 1;
        visible += word.len();
        let kinds = word.iter().fold(0_u8, |kinds, byte| kinds | kind(*byte));
        if kinds & CONTROL != 0 {
            return false;
        }
        letters += if kinds & !(LOWER | UPPER | HEX) == 0 {
            word.len()
        } else {
            word.iter().filter(|byte| byte.is_ascii_alphabetic()).count()
        };
        if word.len() >= LONG && is_long(word, kinds) && memchr::memmem::find(text, b"://").is_none() {
            return false;
        }
        // Digits in groups, and pieces of something encoded in lines.
        let both = kinds & (LOWER | HEX) != 0 && kinds & UPPER != 0;
        let rises = || word.array_windows().filter(|[a, b]| a.is_ascii_lowercase() && b.is_ascii_uppercase()).count();
        let mixed = both && word.len() >= 8 && (kinds & DIGIT != 0 || (word.len() >= 12 && rises() >= 2));
        let hex = kinds & DIGIT != 0 && word.len().is_multiple_of(2) && word.iter().all(u8::is_ascii_hexdigit);
        let hex = hex && (word.len() == 2 || kinds != DIGIT);
        coded += if mixed || hex { word.len() } else { 0 };
    }
    if letters == 0 || (words > 1 && coded * 2 >= visible) {
        return false;
    }
    // One word may be a text; a word with digits or odd capitals in it is an identifier.
    if words == 1 && text.len() >= 8 {
        let digits = text.iter().any(u8::is_ascii_digit);
        let inner_capitals = text.iter().skip(1).any(u8::is_ascii_uppercase);
        let lower = text.iter().any(u8::is_ascii_lowercase);
        let signs = text.iter().any(|byte| b"_={/".contains(byte));
        return !(digits || signs || (inner_capitals && lower));
    }
    letters * 2 >= visible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_look_alikes() {
        let numbers = Numbers::default();
        assert_eq!(numbers.read("+1 650 253 0000", false), Some(16_502_530_000));
        assert_eq!(numbers.read("16502530000", true), Some(16_502_530_000));
        assert_eq!(numbers.read("16502530000", false), None);
        for other in ["1667551234567", "+1667", "8.6.1", "490154203237518999", "", "+", "abc"] {
            assert_eq!(numbers.read(other, true), None, "{other}");
        }
        assert_eq!(numbers.several("+16502530000->+4915123456789", false), [16_502_530_000, 4_915_123_456_789]);
        assert_eq!(numbers.several("16502530000_4915123456789", true).len(), 2);
    }

    #[test]
    fn texts_are_told_from_identifiers() {
        for text in [
            "ok",
            "haha",
            "The heron lands",
            "苍鹭在黄昏降落",
            "мама мыла раму",
            "see https://a.example/x",
            "🙂",
            "mail me at priya.kumar-long@mail.example.org",
            "Das ist die Donaudampfschifffahrtsgesellschaft",
            "www.example.org/some/long/path/to.html look",
            "พบกันที่โรงสีเก่าตอนพลบค่ำนะ",
            "code 1234 for you",
        ] {
            assert!(is_prose(text), "{text}");
        }
        for other in [
            "a8f3c0de11",
            "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=",
            "12345",
            "",
            "user_created_ok",
            "sessionTokenX9",
            "a1 b2 c3 d4 e5 f6 07 18",
            "9bFlIkpYt5HfavHY\nMD5hzQhR3kX0pLw2",
            "deadbeef00 cafe0123 00ffee11",
        ] {
            assert!(!is_prose(other), "{other}");
        }
    }

    #[test]
    fn places_are_read() {
        assert_eq!(pair("48.8583701,2.2944813").map(|p| p.2), Some(7));
        assert!(pair("1,2").is_none() && pair("91.5,2.5").is_none());
        for text in [
            "POINT(2.2944 48.8583)",
            "point (2.2944 48.8583)",
            "POINT Z (2.2944 48.8583 35.0)",
            "SRID=4326;POINT(2.2944 48.8583)",
        ] {
            assert_eq!(pair(text), Some((48.8583, 2.2944, 4)), "{text}");
        }
        for other in [
            "POINT(2 48)",
            "POINT(2.2944)",
            "POINT()",
            "POINTS(2.2944 48.8583)",
            "LINESTRING(2.2944 48.8583, 2.3 48.9)",
            "POINT(2.2944 98.8583)",
            "PointOfSale(2.2944 48.8583)",
        ] {
            assert_eq!(pair(other), None, "{other}");
        }
        assert_eq!(scaled("488583701", 90.0), Some((48.858_370_1, 7)));
        assert_eq!(scaled("-1799999990", 180.0), Some((-179.999_999, 6)));
        assert_eq!(scaled("151210000", 90.0), Some((15.121, 3)));
        for other in ["48", "4800", "48.85", "9900000000", "", "x"] {
            assert_eq!(scaled(other, 90.0), None, "{other}");
        }
        assert!(is_email("priya.k@mail.example.org") && !is_email("a@b") && !is_email("@x.y"));
    }
}
