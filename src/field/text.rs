//! Whether bytes read as text: what guesses are checked against.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};

/// Whether all of `bytes` is UTF-8 text without stray control characters. Empty is not text.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    !bytes.is_empty() && std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_text_char))
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
    bytes.windows(4).any(|four| four.iter().all(|byte| matches!(byte, 0x20..=0x7e)) || is_utf8_pair(four))
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
    let class = |byte: u8| match byte {
        b'A'..=b'Z' => 1_u8,
        b'a'..=b'z' => 2,
        b'0'..=b'9' => 4,
        _ => 8,
    };
    let (mut seen, mut changes, mut last) = (0, 0_usize, digits.first().map_or(0, |byte| class(*byte)));
    for byte in digits {
        let this = class(*byte);
        seen |= this;
        changes = changes.saturating_add(usize::from(this != last));
        last = this;
    }
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
