//! Content transfer encodings of mails, declared: base64 in lines and quoted-printable (RFC 2045 sections 6.7 and 6.8),
//! and the encoded words of their headers (RFC 2047).

use crate::field::fields::to_u32;
use crate::field::text::hex_digit;
use crate::model::field::Reach;
use data_encoding::{BASE64, BASE64_NOPAD};
use encoding_rs::Encoding;
use std::ops::Range;

/// Base64, whatever stands between its digits passed over; and the way back, line by line.
pub(super) fn base64(bytes: &[u8]) -> (Vec<u8>, Reach) {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    let mut way = Vec::new();
    let mut group = Vec::with_capacity(4);
    let mut begins = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')) {
            continue;
        }
        if group.is_empty() {
            begins = at;
        }
        group.push(*byte);
        if group.len() == 4 {
            put(&mut out, &mut way, &group, begins);
            group.clear();
        }
    }
    // A body that is cut short ends anywhere.
    let digits = group.len() - group.len() % 2;
    put(&mut out, &mut way, group.get(..digits).unwrap_or_default(), begins);
    way.push((to_u32(out.len()), to_u32(bytes.len())));
    (out, Reach::Blocks(way))
}

fn put(out: &mut Vec<u8>, way: &mut Vec<(u32, u32)>, group: &[u8], at: usize) {
    let decoded = BASE64.decode(group).or_else(|_| {
        let digits = group.iter().position(|byte| *byte == b'=').unwrap_or(group.len());
        BASE64_NOPAD.decode(group.get(..digits).unwrap_or_default())
    });
    if let Ok(decoded) = decoded
        && !decoded.is_empty()
    {
        way.push((to_u32(out.len()), to_u32(at)));
        out.extend(decoded);
    }
}

/// Quoted-printable; what is no escape stands as it is (RFC 2045 section 6.7, note on robustness).
pub(super) fn quoted_printable(bytes: &[u8]) -> (Vec<u8>, Reach) {
    let mut out = Vec::with_capacity(bytes.len());
    let mut way = vec![(0, 0)];
    let mut verbatim = 0_usize;
    for at in memchr::memchr_iter(b'=', bytes) {
        if at < verbatim {
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let (byte, len) = match rest {
            [b'=', b'\r', b'\n', ..] => (None, 3),
            [b'=', b'\n', ..] => (None, 2),
            [b'=', high, low, ..] => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => (Some(high << 4 | low), 3),
                _ => continue,
            },
            _ => continue,
        };
        out.extend_from_slice(bytes.get(verbatim..at).unwrap_or_default());
        if let Some(byte) = byte {
            way.push((to_u32(out.len()), to_u32(at)));
            out.push(byte);
        }
        verbatim = at + len;
        way.push((to_u32(out.len()), to_u32(verbatim)));
    }
    out.extend_from_slice(bytes.get(verbatim..).unwrap_or_default());
    way.push((to_u32(out.len()), to_u32(bytes.len())));
    (out, Reach::Table(way))
}

/// One piece of a header's value.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    /// Bytes as they stand.
    As(Range<usize>),
    /// What an encoded word stands for, and where the word is.
    Word(String, usize),
}

/// A header's value taken apart: encoded words decoded, white space between two of them and line breaks left out.
pub(super) fn header(value: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0_usize;
    let mut verbatim = 0_usize;
    let mut after_word = false;
    while let Some(found) = memchr::memmem::find(value.get(at..).unwrap_or_default(), b"=?") {
        let start = at + found;
        let Some((text, len)) = encoded_word(value.get(start..).unwrap_or_default()) else {
            at = start + 2;
            continue;
        };
        let between = value.get(verbatim..start).unwrap_or_default();
        if !(after_word && between.iter().all(u8::is_ascii_whitespace)) {
            unfold(value, verbatim..start, &mut pieces);
        }
        pieces.push(Piece::Word(text, start));
        (at, verbatim, after_word) = (start + len, start + len, true);
    }
    unfold(value, verbatim..value.len(), &mut pieces);
    pieces
}

/// Line breaks of folding are left out, the white space behind them stays (RFC 5322 section 2.2.3).
fn unfold(value: &[u8], range: Range<usize>, pieces: &mut Vec<Piece>) {
    let mut from = range.start;
    let bytes = value.get(range.clone()).unwrap_or_default();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if !text.is_empty() {
            pieces.push(Piece::As(from..from + text.len()));
        }
        from += line.len();
    }
}

/// `=?charset?B or Q?text?=` at the start of `bytes`: what it says, and its length.
fn encoded_word(bytes: &[u8]) -> Option<(String, usize)> {
    // RFC 2047 allows 75 characters; mailers write longer ones.
    let head = bytes.get(..bytes.len().min(1_000))?;
    let inner = head.strip_prefix(b"=?")?;
    let charset = inner.get(..memchr::memchr(b'?', inner)?)?;
    let coding = inner.get(charset.len() + 1)?;
    let text_from = charset.len() + 3;
    if inner.get(charset.len() + 2) != Some(&b'?') {
        return None;
    }
    let text = inner.get(text_from..)?;
    let text = text.get(..memchr::memmem::find(text, b"?=")?)?;
    if text.contains(&b'?') {
        return None;
    }
    let raw = match coding.to_ascii_uppercase() {
        b'B' => base64(text).0,
        b'Q' => {
            let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'_' { b' ' } else { *byte }).collect();
            quoted_printable(&spaced).0
        }
        _ => return None,
    };
    // A language may follow the charset (RFC 2231 section 5).
    let label = charset.split(|byte| *byte == b'*').next()?;
    let (text_out, _, _) = Encoding::for_label(label)?.decode(&raw);
    Some((text_out.into_owned(), 2 + text_from + text.len() + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: &str) -> String {
        header(value.as_bytes())
            .into_iter()
            .map(|piece| match piece {
                Piece::As(range) => value[range].to_owned(),
                Piece::Word(text, _) => text,
            })
            .collect()
    }

    #[test]
    fn encoded_words_are_read() {
        for (value, want) in [
            ("plain", "plain"),
            ("=?utf-8?Q?Caf=C3=A9_au_lait?=", "Café au lait"),
            ("=?ISO-8859-1?q?Andr=E9?= Pirard <p@x>", "André Pirard <p@x>"),
            ("=?utf-8?B?VGhlIA==?=\r\n =?utf-8?b?aGVyb24=?=", "The heron"),
            ("=?koi8-r?B?88HQ08HO?=", "Сапсан"),
            ("=?iso-2022-jp?B?GyRCJDUkLhsoQg==?= lands", "さぎ lands"),
            ("a =?nonsense", "a =?nonsense"),
            ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
            ("folded\r\n line", "folded line"),
            ("=?utf-8*en?Q?dusk?=", "dusk"),
        ] {
            assert_eq!(said(value), want, "{value}");
        }
    }

    #[test]
    fn transfer_encodings_lead_back() {
        let (out, reach) = base64(b"VGhl\r\nIGhl\r\ncm9u\r\n");
        assert_eq!(out, b"The heron");
        assert_eq!(reach.back(3, 6), (6, 12), "the second line");
        assert_eq!(base64(b"VGhlIGhlcg=").0, b"The her", "cut short");
        let (out, reach) = quoted_printable(b"Th=65 her=\r\non");
        assert_eq!(out, b"The heron");
        let (from, to) = reach.back(2, 3);
        assert!(from <= 2 && to >= 5 - 2, "{from}..{to}");
        assert_eq!(quoted_printable(b"1 = 1 =").0, b"1 = 1 =");
    }
}
