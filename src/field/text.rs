//! Whether bytes read as text: what guesses are checked against.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};

/// The decoder of values inside a longer text: what it cuts out is an identifier more often than not.
pub(super) const IN_TEXT: &str = "embedded";

/// Whether all of `bytes` is UTF-8 text without stray control characters. Empty is not text.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    // Random bytes are seldom so much as one character.
    let begins = match bytes {
        [] => false,
        [0x20..=0x7e, ..] => true,
        [0xc2..=0xf4, 0x80..=0xbf, ..] => true,
        [first, ..] => matches!(first, b'\t' | b'\n' | b'\r'),
    };
    begins && std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_text_char))
}

/// Like [`is_text`], but the end may be cut inside a character.
pub(super) fn is_text_so_far(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => is_text(bytes),
        Err(error) => error.error_len().is_none() && bytes.get(..error.valid_up_to()).is_some_and(is_text),
    }
}

/// Whether four printable bytes, the shortest value that is ever looked for, stand together somewhere in `bytes`.
pub(super) fn has_text(bytes: &[u8]) -> bool {
    let mut run = 0_u8;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            0x20..=0x7e if run == 3 => return true,
            0x20..=0x7e => run = run.saturating_add(1),
            0xc3..=0xef if bytes.get(at..at.saturating_add(4)).is_some_and(is_utf8_pair) => return true,
            _ => run = 0,
        }
    }
    false
}

/// Two letters of two bytes each, or a sign of three and what follows it.
fn is_utf8_pair(four: &[u8]) -> bool {
    matches!(four, [0xc3..=0xdf, 0x80..=0xbf, 0xc3..=0xdf, 0x80..=0xbf] | [0xe0..=0xef, 0x80..=0xbf, 0x80..=0xbf, _])
}

fn is_text_char(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        // Private use and the noncharacters stand for nothing that people type.
        '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}' | '\u{e0080}'.. => false,
        c => !c.is_control(),
    }
}

/// Whether a text is shaped like `8-4-4-4-12` hexadecimal digits.
pub(super) fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The alphabet of base64 that digits are of, strict about what is left over in the last one.
pub(super) fn encoding(digits: &[u8]) -> data_encoding::Encoding {
    if memchr::memchr2(b'-', b'_', digits).is_some() { BASE64URL_NOPAD } else { BASE64_NOPAD }
}

/// Whether the digits of base64 change between upper case, lower case, numbers and the rest as often as in base64 of random bytes
/// (0.65 of all neighbours), rather than as seldom as in names and words.
pub(super) fn is_spread(digits: &[u8], padded: bool) -> bool {
    // Without branches, and in counts of a byte that few enough neighbours cannot overflow: many are told at a time.
    let class = |byte: u8| {
        u8::from(byte.is_ascii_uppercase())
            | u8::from(byte.is_ascii_lowercase()) << 1
            | u8::from(byte.is_ascii_digit()) << 2
    };
    let seen = digits.iter().fold(0, |seen, byte| seen | class(*byte));
    let ones = digits.chunks(128);
    let others = digits.get(1..).unwrap_or_default().chunks(128);
    let changes = ones.zip(others).fold(0_usize, |changes, (ones, others)| {
        let pairs = ones.iter().zip(others);
        let some = pairs.fold(0_u8, |some, (one, other)| some.wrapping_add(u8::from(class(*one) != class(*other))));
        changes.saturating_add(usize::from(some))
    });
    let all = digits.len().saturating_sub(1);
    let (upper, lower, number) = (seen & 1 != 0, seen & 2 != 0, seen & 4 != 0);
    // 40 % of neighbours, a third where padding speaks for it too.
    let enough =
        if padded { changes.saturating_mul(3) >= all } else { changes.saturating_mul(5) >= all.saturating_mul(2) };
    upper && lower && (number || padded || digits.len() < 32) && enough
}

/// Value of a hexadecimal digit.
pub(super) const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(byte.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(byte.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

/// UTF-8 for one unit of UTF-16, or for a pair if `low` completes it (then the flag is set). A lone surrogate is written
/// as if it were a character: evidence is kept even where it is not text.
pub(super) fn utf16_to_utf8(unit: u16, low: Option<u16>, out: &mut [u8; 4]) -> (&[u8], bool) {
    let pair = match (unit, low) {
        (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => char::decode_utf16([unit, low]).next().and_then(Result::ok),
        _ => None,
    };
    if let Some(c) = pair.or_else(|| char::from_u32(u32::from(unit))) {
        return (c.encode_utf8(out).as_bytes(), pair.is_some());
    }
    let [high, low] = unit.to_be_bytes();
    *out = [0xe0 | high >> 4, 0x80 | (high & 0x0f) << 2 | low >> 6, 0x80 | low & 0x3f, 0];
    (out.split_last().map_or(&[], |(_, three)| three), false)
}

/// Whether the media type names one of `types`: `type/subtype` exactly, or `+suffix`.
pub(super) fn is_media_type(content_type: Option<&str>, types: &[&str]) -> bool {
    let Some(essence) = content_type.and_then(|declared| declared.split(';').next()).map(str::trim) else {
        return false;
    };
    types.iter().any(|name| if name.starts_with('+') { essence.ends_with(name) } else { essence == *name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Classes one after the other.
    fn changes(digits: &[u8]) -> (usize, u8) {
        let class = |byte: u8| match byte {
            b'A'..=b'Z' => 1_u8,
            b'a'..=b'z' => 2,
            b'0'..=b'9' => 4,
            _ => 8,
        };
        let pairs = digits.iter().zip(digits.iter().skip(1));
        let changes = pairs.filter(|(one, other)| class(**one) != class(**other)).count();
        (changes, digits.iter().fold(0, |seen, byte| seen | class(*byte)))
    }

    proptest! {
        #[test]
        fn what_is_told_fast_is_what_is_told_slowly(
            digits in prop_oneof!["[A-Za-z0-9+/_-]{0,40}", "[a-zA]{0,300}", "[a-z0-9A-Z]{0,300}"],
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0x20..0x7f_u8, 0x80..0xf0_u8, Just(0xe5), Just(0xc3)], 0..12),
            padded in any::<bool>(),
        ) {
            let (changes, seen) = changes(digits.as_bytes());
            let all = digits.len().saturating_sub(1);
            let enough = if padded { changes * 3 >= all } else { changes * 5 >= all * 2 };
            let mixed = seen & 3 == 3 && (seen & 4 != 0 || padded || digits.len() < 32);
            prop_assert_eq!(is_spread(digits.as_bytes(), padded), mixed && enough);
            let slowly =
                bytes.windows(4).any(|four| four.iter().all(|byte| matches!(byte, 0x20..=0x7e)) || is_utf8_pair(four));
            prop_assert_eq!(has_text(&bytes), slowly);
            let text = std::str::from_utf8(&bytes).is_ok_and(|text| !text.is_empty() && text.chars().all(is_text_char));
            prop_assert_eq!(is_text(&bytes), text);
        }
    }

    #[test]
    fn text_is_told_from_bytes() {
        for text in ["hi", "Où est-ce ?\r\n", "苍鹭在黄昏降落", "مساء الخير", "🙂"] {
            assert!(is_text(text.as_bytes()), "{text}");
        }
        assert!(!is_text(b""));
        assert!(!is_text(b"a\0b"));
        assert!(!is_text(b"\xff\xfe"));
        assert!(is_text_so_far("né".as_bytes().split_last().unwrap().1));
        assert!(is_uuid(b"550e8400-e29b-41d4-a716-446655440000"));
        assert!(is_media_type(Some("application/ld+json; charset=utf-8"), &["+json"]));
        assert!(!is_media_type(Some("application/jsonp"), &["application/json"]));
    }
}
