//! Encodings of bytes as text: the alphabet, its padding laws, and whether what is inside is shorter still.

use super::pairs;
use data_encoding::{
    BASE32, BASE32_NOPAD, BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER,
};

const LOWER_HEX: u16 = 1;
const UPPER_HEX: u16 = 1 << 1;
const STANDARD: u16 = 1 << 2;
const URL: u16 = 1 << 3;
const THIRTY_TWO: u16 = 1 << 4;
const EIGHTY_FIVE: u16 = 1 << 5;
const PRINTABLE: u16 = 1 << 6;
const DIGIT: u16 = 1 << 7;

/// Which alphabets each byte belongs to.
const ALPHABETS: [u16; 256] = {
    let mut table = [0_u16; 256];
    let mut at = 0_usize;
    while at < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let byte = at as u8;
        let mut set = 0;
        let pad = byte == b'=';
        if byte.is_ascii_digit() || matches!(byte, b'a'..=b'f') {
            set |= LOWER_HEX;
        }
        if byte.is_ascii_digit() || matches!(byte, b'A'..=b'F') {
            set |= UPPER_HEX;
        }
        if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/') || pad {
            set |= STANDARD;
        }
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') || pad {
            set |= URL;
        }
        if matches!(byte, b'A'..=b'Z' | b'2'..=b'7') || pad {
            set |= THIRTY_TWO;
        }
        if matches!(byte, 0x21..=0x7e)
            && !matches!(byte, b'"' | b'\'' | b',' | b'.' | b'/' | b':' | b'[' | b'\\' | b']')
        {
            set |= EIGHTY_FIVE;
        }
        if matches!(byte, 0x20..=0x7e | b'\r' | b'\n' | b'\t') {
            set |= PRINTABLE;
        }
        if byte.is_ascii_digit() {
            set |= DIGIT;
        }
        table[at] = set;
        at += 1;
    }
    table
};

/// Upper bytes of the UTF-16 units that scripts in use have.
const PLANES: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0_usize;
    while at < 256 {
        table[at] = matches!(at, 0..=0x12 | 0x17 | 0x1e..=0x22 | 0x30..=0x32 | 0x4e..=0x9f | 0xac..=0xde | 0xfe..=0xff);
        at += 1;
    }
    table
};

/// The alphabets that all bytes share; nothing is read further once there is none.
fn shared(bytes: &[u8]) -> u16 {
    let mut set = u16::MAX;
    for piece in bytes.chunks(16) {
        for byte in piece {
            set &= ALPHABETS.get(usize::from(*byte)).copied().unwrap_or(0);
        }
        if set == 0 {
            return 0;
        }
    }
    set
}

/// One reading of the bytes: its name, its cost in bits, and what it would be decoded to.
pub(super) struct Reading {
    pub(super) name: &'static str,
    pub(super) bits: f64,
    pub(super) inner: Vec<u8>,
}

fn count(bytes: &[u8]) -> f64 {
    f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX))
}

/// The cost of what is inside: as text if it is, else as noise.
fn inner_bits(inner: &[u8]) -> f64 {
    let text = pairs::text_bits(inner);
    let script = pairs::script_bits(inner).unwrap_or(f64::MAX);
    (8.0 * count(inner)).min(text + 2.0).min(script + 2.0)
}

/// Every encoding that the bytes could be in, by their alphabet or their charset; `utf8` says whether their head is that.
pub(super) fn readings(bytes: &[u8], utf8: bool) -> Vec<Reading> {
    let mut out = Vec::new();
    let line = bytes.trim_ascii();
    if line.get(..16).unwrap_or(line).is_ascii() {
        // No alphabet has a space: prose need not be read to its end to say so.
        if memchr::memchr(b' ', line.get(..64).unwrap_or(line)).is_some() {
            escaped(line, &mut out);
        } else {
            ascii(line, shared(line), &mut out);
        }
        let around = 8.0 * (count(bytes) - count(line));
        for reading in &mut out {
            reading.bits += around;
        }
    }
    let head = bytes.get(..512).unwrap_or(bytes);
    if !utf8 || head.iter().copied().any(control) {
        utf16(bytes, head, &mut out);
    }
    if !utf8 {
        charsets(bytes, head, &mut out);
    }
    out
}

/// Control characters that no text has.
const fn control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n') || byte == 0x7f
}

fn ascii(line: &[u8], set: u16, out: &mut Vec<Reading>) {
    let n = count(line);
    // Lines of MIME: the breaks are not part of the code.
    let joined: Vec<u8>;
    let (line, set) = if set & STANDARD == 0 && line.contains(&b'\n') && line.len() > 64 {
        joined = line.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
        (joined.as_slice(), shared(&joined))
    } else {
        (line, set)
    };
    let mut take = |encoding: &Encoding, name, per_char: f64, fine: f64| {
        if let Ok(inner) = encoding.decode(line) {
            let bits = (per_char * n).min(inner_bits(&inner)) + fine;
            out.push(Reading { name, bits, inner });
        }
    };
    if set & LOWER_HEX != 0 {
        take(&HEXLOWER, "hex", 4.0, 4.0);
    } else if set & UPPER_HEX != 0 {
        take(&HEXUPPER, "hex", 4.0, 4.0);
    }
    if set & THIRTY_TWO != 0 {
        take(&BASE32, "base32", 5.0, 6.0);
        take(&BASE32_NOPAD, "base32", 5.0, 6.0);
    }
    if set & STANDARD != 0 {
        take(&BASE64, "base64", 6.0, 4.0);
        take(&BASE64_NOPAD, "base64", 6.0, 5.0);
    }
    if set & URL != 0 {
        take(&BASE64URL, "base64url", 6.0, 5.0);
        take(&BASE64URL_NOPAD, "base64url", 6.0, 5.0);
    }
    if set & (STANDARD | URL) != 0 && !out.iter().any(|reading| reading.name.starts_with("base64")) {
        // The alphabet without the law: a random token, a piece of base64, base64 in parts joined by dots.
        out.push(Reading { name: "token", bits: 6.1 * n + 6.0, inner: Vec::new() });
    }
    if set & EIGHTY_FIVE != 0 && set & (STANDARD | URL) == 0 && line.len() % 5 != 1 {
        out.push(Reading { name: "base85", bits: 6.41 * n + 4.0, inner: Vec::new() });
    }
    if set & DIGIT == 0 {
        escaped(line, out);
    }
}

/// Percent signs and backslashes before most of the characters.
fn escaped(line: &[u8], out: &mut Vec<Reading>) {
    let digit = |at: usize| line.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let two = |at: usize| Some(digit(at)? << 4 | digit(at.checked_add(1)?)?);
    for (name, lead, width) in [("percent", b'%', 3_usize), ("escapes", b'\\', 6)] {
        let marks = memchr::memchr_iter(lead, line).count();
        if marks < 2 || marks * width * 2 < line.len() {
            continue;
        }
        let mut inner = Vec::with_capacity(line.len());
        let mut units: Vec<u16> = Vec::new();
        let mut at = 0;
        let mut broken = 0_u32;
        while let Some(byte) = line.get(at) {
            let code = if *byte != lead {
                None
            } else if width == 3 {
                two(at + 1)
            } else if line.get(at + 1) == Some(&b'u') {
                two(at + 2).zip(two(at + 4)).map(|(high, low)| high << 8 | low)
            } else {
                None
            };
            if let Some(code) = code {
                if width == 3 {
                    inner.push(u8::try_from(code).unwrap_or(b'?'));
                } else {
                    units.push(u16::try_from(code).unwrap_or(0xfffd));
                }
                at += width;
                continue;
            }
            broken += u32::from(*byte == lead);
            if width == 3 {
                inner.push(*byte);
            } else {
                units.push(u16::from(*byte));
            }
            at += 1;
        }
        if width != 3 {
            inner = String::from_utf16_lossy(&units).into_bytes();
        }
        // A bit at each character says whether it is escaped; an escape cut at the end costs its bytes.
        let bits = inner_bits(&inner) + count(&inner) * 0.5 + f64::from(broken) * 16.0 + 4.0;
        out.push(Reading { name, bits, inner });
    }
}

/// UTF-16. Decoding proves nothing by itself (half of all short noise decodes): only the text that comes out does,
/// scored against the *original* length.
fn utf16(bytes: &[u8], head: &[u8], out: &mut Vec<Reading>) {
    let (units, rest) = head.as_chunks::<2>();
    let upper = |byte: &u8| PLANES.get(usize::from(*byte)) == Some(&true);
    if !rest.is_empty() || !(units.iter().all(|[_, last]| upper(last)) || units.iter().all(|[first, _]| upper(first))) {
        return;
    }
    let share = count(bytes) / count(head).max(1.0);
    for (name, read) in [("utf-16le", u16::from_le_bytes as fn([u8; 2]) -> u16), ("utf-16be", u16::from_be_bytes)] {
        let Ok(text) = char::decode_utf16(units.iter().map(|unit| read(*unit))).collect::<Result<String, _>>() else {
            continue;
        };
        if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            continue;
        }
        let text = text.trim_start_matches('\u{feff}');
        let bits = inner_bits(text.as_bytes()) * share + 4.0;
        if bits < 8.0 * count(bytes) {
            out.push(Reading { name, bits, inner: text.as_bytes().to_vec() });
        }
    }
}

/// The charsets of older systems, by the same law.
fn charsets(bytes: &[u8], head: &[u8], out: &mut Vec<Reading>) {
    // No charset has control characters inside its characters.
    let few = head.get(..128).unwrap_or(head);
    if few.iter().copied().any(control) || head.iter().filter(|byte| **byte >= 0x80).count() * 4 < head.len() {
        return;
    }
    let head = few;
    let share = count(bytes) / count(head).max(1.0);
    for (name, charset) in [
        ("gb18030", encoding_rs::GB18030),
        ("shift-jis", encoding_rs::SHIFT_JIS),
        ("euc-kr", encoding_rs::EUC_KR),
        ("big5", encoding_rs::BIG5),
        ("windows-1251", encoding_rs::WINDOWS_1251),
        ("windows-1256", encoding_rs::WINDOWS_1256),
        ("windows-874", encoding_rs::WINDOWS_874),
    ] {
        if let Some(text) = charset.decode_without_bom_handling_and_without_replacement(head) {
            if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
                continue;
            }
            let bits = inner_bits(text.as_bytes()) * share + 9.0;
            if bits < 8.0 * count(bytes) {
                out.push(Reading { name, bits, inner: text.into_owned().into_bytes() });
            }
        }
    }
}
