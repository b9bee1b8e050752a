//! What stands around a value that was found inside an encoding: a few bytes to both sides, decoded where it stands.
//!
//! A value in base64 is any run of digits at one of three alignments, and what belongs to its first and last byte may
//! stand beside that run.

use crate::sighting::text::is_plain;

/// Encoded digits before a value that are read.
const BEFORE: usize = 20;
/// Bytes before a value that are read.
const NEAR: usize = 16;
/// Bytes behind it: the rest of a domain's name.
const FAR: usize = 40;

/// How a form encodes its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Coding {
    /// Digits of so many bits, the value `shift` bytes behind the first of a group, with its first and last byte: both may
    /// reach into digits beside the form.
    Digits {
        /// 4, 5 or 6.
        bits: usize,
        /// Bytes.
        shift: usize,
        /// Its first byte and its last.
        ends: (u8, u8),
    },
    /// Code units of so many bytes.
    Wide {
        /// 2 or 4.
        size: usize,
        /// The first byte is the lowest.
        little: bool,
    },
    /// Each byte by XOR with the same.
    Xor {
        /// The value's first byte: it tells the key.
        first: u8,
    },
}

/// A value and what stands around it, decoded.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Around {
    /// All of it.
    pub(super) bytes: Vec<u8>,
    /// First byte of the value.
    pub(super) start: usize,
    /// One past its last.
    pub(super) end: usize,
    /// Nothing in it is framing.
    pub(super) plain: bool,
}

impl Coding {
    /// What stands around the form found at `start..end`, under the XOR with `key`; `None` if not all of the value is there,
    /// or if it reads as well, and rather, as the same in another encoding. `base`: where the field around it begins.
    pub(super) fn around(self, bytes: &[u8], (start, end): (usize, usize), key: u8, base: usize) -> Option<Around> {
        match self {
            Self::Digits { bits, shift, ends } => digits(bits, shift, ends, bytes, (start, end)),
            Self::Wide { size, little } => {
                let own = size != 2 || little == is_little(bytes, (start, end), little, base);
                own.then(|| wide(size, little, bytes, (start, end)))
            }
            Self::Xor { .. } => {
                let (from, to) = (start.saturating_sub(NEAR), end.saturating_add(FAR).min(bytes.len()));
                let bytes: Vec<u8> = bytes.get(from..to)?.iter().map(|byte| byte ^ key).collect();
                let plain = is_plain(&bytes);
                Some(Around { bytes, start: start.checked_sub(from)?, end: end.checked_sub(from)?, plain })
            }
        }
    }
}

/// What a digit says.
fn digit(bits: usize, byte: u8) -> Option<u8> {
    let lower = byte.to_ascii_lowercase();
    match (bits, byte) {
        (4 | 5, b'a'..=b'z' | b'A'..=b'Z') => {
            let letter = lower.checked_sub(b'a')?;
            if bits == 5 { Some(letter) } else { (letter < 6).then_some(letter.saturating_add(10)) }
        }
        (4, b'0'..=b'9') => byte.checked_sub(b'0'),
        (5, b'2'..=b'7') => byte.checked_sub(b'2' - 26),
        (6, b'A'..=b'Z') => byte.checked_sub(b'A'),
        (6, b'a'..=b'z') => byte.checked_sub(b'a' - 26),
        (6, b'0'..=b'9') => byte.checked_add(52 - b'0'),
        (6, b'+' | b'-') => Some(62),
        (6, b'/' | b'_') => Some(63),
        _ => None,
    }
}

/// A digit that is escaped: `%2B`, `\/`.
fn escaped(bits: usize, text: &[u8]) -> Option<u8> {
    match text {
        b"%2B" | b"%2b" if bits == 6 => Some(62),
        b"%2F" | b"%2f" | b"\\/" if bits == 6 => Some(63),
        _ => None,
    }
}

fn is_break(text: &[u8]) -> bool {
    matches!(text, b"\r" | b"\n" | b"\\r" | b"\\n")
}

/// The digit before `at`, and where it begins; `over`: a line break may stand between.
fn before(bits: usize, bytes: &[u8], mut at: usize, over: bool) -> Option<(u8, usize)> {
    let last = |at: usize, len: usize| Some((bytes.get(at.checked_sub(len)?..at)?, at.checked_sub(len)?));
    for _ in 0..4 {
        if let Some((text, from)) = last(at, 3)
            && text.first() == Some(&b'%')
        {
            return Some((escaped(bits, text)?, from));
        }
        let two = last(at, 2).filter(|(text, _)| text.first() == Some(&b'\\'));
        let (text, from) = two.or_else(|| last(at, 1))?;
        if is_break(text) {
            if !over {
                return None;
            }
            at = from;
            continue;
        }
        return match text {
            [byte] => Some((digit(bits, *byte)?, from)),
            _ => Some((escaped(bits, text)?, from)),
        };
    }
    None
}

/// The digit at `at`, and where the next one begins.
fn after(bits: usize, bytes: &[u8], mut at: usize, over: bool) -> Option<(u8, usize)> {
    for _ in 0..4 {
        let len = match bytes.get(at)? {
            b'%' => 3,
            b'\\' => 2,
            _ => 1,
        };
        let to = at.checked_add(len)?;
        let text = bytes.get(at..to)?;
        if is_break(text) && over {
            at = to;
            continue;
        }
        return match text {
            [byte] => Some((digit(bits, *byte)?, to)),
            _ => Some((escaped(bits, text)?, to)),
        };
    }
    None
}

fn digits(bits: usize, shift: usize, ends: (u8, u8), bytes: &[u8], (start, end): (usize, usize)) -> Option<Around> {
    // Bits of the first byte that stand before the form, and bytes of the value.
    let from = (shift * 8).div_ceil(bits);
    let lead = from * bits - shift * 8;
    let len = ((from + end.checked_sub(start)?) * bits).div_ceil(8).checked_sub(shift)?;
    let mut all = Vec::new();
    let mut at = start;
    while all.len() < BEFORE
        && let Some((digit, next)) = before(bits, bytes, at, all.len() * bits < lead)
    {
        all.push(digit);
        at = next;
    }
    all.reverse();
    let ahead = (all.len() * bits).checked_sub(lead)?;
    all.extend(bytes.get(start..end)?.iter().filter_map(|byte| digit(bits, *byte)));
    let most = (ahead + (len + FAR) * 8) / bits;
    at = end;
    while all.len() < most
        && let Some((digit, next)) = after(bits, bytes, at, all.len() * bits < ahead + len * 8)
    {
        all.push(digit);
        at = next;
    }
    let (mut skip, mut sum, mut held) = (ahead % 8, 0_u32, 0);
    let mut decoded = Vec::with_capacity(len + FAR);
    for digit in all {
        sum = sum << bits | u32::from(digit);
        held += bits;
        let cut = skip.min(held);
        (skip, held) = (skip - cut, held - cut);
        if held >= 8 {
            held -= 8;
            decoded.push(u8::try_from(sum >> held & 0xff).unwrap_or(0));
        }
    }
    let (start, end) = (ahead / 8, ahead / 8 + len);
    let value = decoded.get(start..end)?;
    let is = |byte: Option<&u8>, want: u8| byte.is_some_and(|byte| byte.eq_ignore_ascii_case(&want));
    let whole = is(value.first(), ends.0) && is(value.last(), ends.1);
    let plain = is_plain(&decoded);
    whole.then_some(Around { bytes: decoded, start, end, plain })
}

fn wide(size: usize, little: bool, bytes: &[u8], (start, end): (usize, usize)) -> Around {
    let unit = |at: usize| -> Option<char> {
        let unit = bytes.get(at..at.checked_add(size)?)?.iter();
        let sum = |sum: u32, byte: &u8| sum << 8 | u32::from(*byte);
        let code = if little { unit.rev().fold(0, sum) } else { unit.fold(0, sum) };
        // Half of a pair is a sign that is no letter.
        let char = char::from_u32(code).or_else(|| (0xd800..0xe000).contains(&code).then_some('\u{fffd}'))?;
        (!char.is_control() || char.is_whitespace()).then_some(char)
    };
    let mut around: Vec<char> = (1..=NEAR).map_while(|back| unit(start.checked_sub(back * size)?)).collect();
    around.reverse();
    let mut text: String = around.into_iter().collect();
    let from = text.len();
    text.extend((start..end).step_by(size).map_while(unit));
    let to = text.len();
    text.extend((0..FAR).map_while(|further| unit(end.checked_add(further * size)?)));
    Around { bytes: text.into_bytes(), start: from, end: to, plain: true }
}

/// Whether a value in UTF-16 is little-endian where both can be read, each a byte beside the other; `little` if only this
/// one can.
fn is_little(bytes: &[u8], (start, end): (usize, usize), little: bool, base: usize) -> bool {
    let zero = |at: Option<usize>| at.and_then(|at| bytes.get(at)) == Some(&0);
    let letter = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| (0x20..0x7f).contains(byte));
    // From the zero before the first character to the one behind the last.
    let (mut from, mut to) = if little { (start.wrapping_sub(1), end) } else { (start, end.saturating_add(1)) };
    let both = from < to && (from..to).step_by(2).all(|at| zero(Some(at))) && zero(to.checked_sub(1));
    if !both {
        return little;
    }
    while letter(from.checked_sub(1)) && zero(from.checked_sub(2)) {
        from = from.saturating_sub(2);
    }
    while letter(Some(to)) && zero(to.checked_add(1)) {
        to = to.saturating_add(2);
    }
    if letter(from.checked_sub(1)) {
        return true;
    }
    if letter(Some(to)) {
        return false;
    }
    from.saturating_sub(base) % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sighting::forms::{Edge, Forms};
    use data_encoding::{BASE32, BASE32_NOPAD, BASE64, BASE64URL, HEXUPPER};
    use proptest::prelude::*;

    /// What is found of a value, decoded, in bytes: the value with what stands around it.
    fn found(value: &str, text: &[u8]) -> Vec<Around> {
        let mut forms = Forms::default();
        forms.encodings(value, Edge::Mail);
        let mut out = Vec::new();
        for form in forms.out {
            let Some(coding) = form.coding else { continue };
            let hay = if form.fold { text.to_ascii_lowercase() } else { text.to_vec() };
            let needle = if form.fold { form.bytes.to_ascii_lowercase() } else { form.bytes };
            if !matches!(coding, Coding::Xor { .. }) {
                let places = memchr::memmem::find_iter(&hay, &needle);
                out.extend(places.filter_map(|at| coding.around(text, (at, at + needle.len()), 0, 0)));
            }
        }
        out
    }

    proptest! {
        #[test]
        fn what_stands_around_a_value_is_decoded_at_any_alignment(
            before in "[ -~]{0,30}",
            after in "[ -~]{0,60}",
            value in "[a-z]{3,9}@[a-z]{4,9}[.][a-z]{2,3}",
            lined in any::<bool>(),
        ) {
            prop_assume!(!before.contains(&value) && !after.contains(&value));
            let all = format!("{before}{value}{after}");
            for coding in [&BASE64, &BASE64URL, &BASE32, &BASE32_NOPAD, &HEXUPPER] {
                let mut text = coding.encode(all.as_bytes());
                if lined && coding.bit_width() == 6 {
                    text = text.replace('+', "%2B").replace('/', "\\/");
                }
                let found = found(&value, format!("\"{text}\"").as_bytes());
                prop_assert!(!found.is_empty(), "{}", text);
                for around in &found {
                    let told = String::from_utf8(around.bytes.clone()).unwrap();
                    prop_assert!(around.plain && all.contains(&told), "{}", told);
                    prop_assert_eq!(&told[around.start..around.end], &value);
                    let (left, right) = (before.len().min(7), after.len().min(30));
                    prop_assert!(around.start >= left && told.len() - around.end >= right, "{}", told);
                }
            }
        }

        #[test]
        fn the_first_byte_and_the_last_are_the_values_own(
            before in "[a-z]{0,6}",
            after in "[a-z]{0,6}",
            digit in 0_u8..10,
        ) {
            let (value, other) = ("+491575390184", b'0' + digit);
            for wrong in [format!("+49157539018{}", char::from(other)), format!("{}491575390184", char::from(other))] {
                prop_assume!(wrong != value);
                for coding in [&BASE64, &BASE64URL, &BASE32, &BASE32_NOPAD, &HEXUPPER] {
                    let text = coding.encode(format!("{before}{wrong}{after}").as_bytes());
                    prop_assert_eq!(found(value, text.as_bytes()), [], "{}", text);
                }
            }
        }

        #[test]
        fn code_units_are_read_in_their_own_order(
            before in "[ -~]{0,9}",
            after in "[ -~]{0,9}",
            little in any::<bool>(),
            framed in 0_usize..3,
        ) {
            let value = "ana@mailbox.example";
            let units = format!("{before}{value}{after}");
            let text: Vec<u8> =
                units.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect();
            let text = match framed {
                0 => text,
                1 => [&[0xff, 0xfe, 0x80, 0x81], text.as_slice(), &[0x80, 0x81]].concat(),
                _ => [&[0xff, 0x01], text.as_slice(), &[0x01, 0xff]].concat(),
            };
            let found = found(value, &text);
            prop_assert_eq!(found.len(), 1);
            for around in found {
                prop_assert_eq!(&around.bytes[around.start..around.end], value.as_bytes());
                prop_assert!(around.bytes.len() >= units.len());
            }
        }
    }

    #[test]
    fn digits_cut_by_a_line_break_belong_to_the_value() {
        let value = "ana@mailbox.example";
        for before in 0..9 {
            let all = format!("{}{value} and more of it", "-".repeat(before));
            let text = BASE64.encode(all.as_bytes());
            for ending in ["\n", "\r\n", "\\n", "\\r\\n"] {
                for cut in 1..text.len() {
                    let cut_text = format!("{}{ending}{}", &text[..cut], &text[cut..]);
                    // Cut in its own digits it is not found at all.
                    for around in found(value, cut_text.as_bytes()) {
                        assert_eq!(&around.bytes[around.start..around.end], value.as_bytes(), "{cut_text}");
                    }
                    let first = before * 8 / 6;
                    let last = ((before + value.len()) * 8).div_ceil(6);
                    if cut + 1 < first || cut == first + 1 && before % 3 != 0 || cut > last {
                        assert!(!found(value, cut_text.as_bytes()).is_empty(), "{cut_text}");
                    }
                }
            }
        }
    }
}
