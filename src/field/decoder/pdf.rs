//! Streams of PDF files (ISO 32000-2, section 7.3.8): those of deflate are undone, the others are what they look like. Texts that
//! a page shows (section 9.4.3) are put together: they stand in pieces, in two notations.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::inflate::inflate;
use crate::field::shape::{Filter, Shape};
use crate::field::text::hex_digit;
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::{Kind, Reach};
use memchr::memmem::{self, Finder};
use std::ops::Range;

/// The entry.
pub(super) static PDF: Decoder = Decoder {
    name: "pdf",
    about: "streams of PDF files, deflated or not, and the texts that pages show",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::PERCENT, none: Shape::NONE, min: 32, undeclared: Some(&[Shape::PERCENT, Shape::BREAK]) },
    fits,
    open,
    samples: &[
        Sample { bytes: SAMPLE, hint: "", shows: "The heron lands at dusk", trail: "pdf [0]" },
        Sample {
            bytes: b"%PDF-1.4\n1 0 obj\n<</Length 52>>\nstream\nBT /F1 12 Tf [(The her) -20 (on) -300 <6C61>] TJ (nds) Tj ET\nendstream\nendobj\n%%EOF\n",
            hint: "application/pdf",
            shows: "The heron lands",
            trail: "pdf text",
        },
    ],
};

const SAMPLE: &[u8] =
    b"%PDF-1.7\n1 0 obj\n<</Length 31/Filter/FlateDecode>>\nstream\n\x78\x9c\x0b\xc9\x48\x55\xc8\x48\x2d\xca\
    \xcf\x53\xc8\x49\xcc\x4b\x29\x56\x48\x2c\x51\x48\x29\x2d\xce\x06\x00\x62\xd6\x08\x5c\nendstream\nendobj\n%%EOF\n";

/// Streams of one file.
const STREAMS: usize = 4_096;
/// Bytes in front of a stream in which its dictionary says how it is packed.
const DICTIONARY: usize = 1_024;
/// Thousandths of a letter's height by which a gap in a line is more than the fit of two letters.
const GAP: f64 = 150.0;

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if bytes.starts_with(b"%PDF-") { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let (begin, close) = (Finder::new(b"stream"), Finder::new(b"endstream"));
    let (mut at, mut behind, mut index) = (0_usize, 0_usize, 0_u32);
    // What stands behind the last mark of the end is none of the file's.
    let end = memmem::rfind(bytes, b"%%EOF").map_or(bytes.len(), |end| end.saturating_add(5));
    while let Some(found) = begin.find(bytes.get(at..end).unwrap_or_default()) {
        let word = at.saturating_add(found);
        let mut from = word.saturating_add(6);
        at = from;
        match bytes.get(from..).unwrap_or_default() {
            [b'\r', b'\n', ..] => from = from.saturating_add(2),
            [b'\n', ..] => from = from.saturating_add(1),
            _ => continue,
        }
        if bytes.get(..word).is_some_and(|before| before.ends_with(b"end")) {
            continue;
        }
        if index as usize >= STREAMS || fields.is_full() {
            fields.exhausted("fields");
            break;
        }
        let rest = bytes.get(from..end).unwrap_or_default();
        let len = close.find(rest).unwrap_or(rest.len());
        let head = bytes.get(word.saturating_sub(DICTIONARY)..word).unwrap_or_default();
        let head = head.get(memmem::rfind(head, b" obj").unwrap_or(0)..).unwrap_or_default();
        objects(behind..word, fields);
        stream(bytes, from..from.saturating_add(len), head, index, fields);
        index = index.saturating_add(1);
        behind = from.saturating_add(len);
        at = behind.saturating_add(close.needle().len());
    }
    objects(behind..end, fields);
    fields.ends(end);
    if index == 0 { Err(Malformed::Illegal("PDF file")) } else { Ok(()) }
}

/// Puts out what stands between streams.
fn objects(range: Range<usize>, fields: &mut Fields<'_>) {
    if !range.is_empty() {
        let view = fields.view(range);
        fields.unopened_leaf(Key::Name("objects"), view, Kind::Bytes);
    }
}

/// Puts out the stream that stands behind the dictionary `head`, and the texts that it shows.
fn stream(bytes: &[u8], range: Range<usize>, head: &[u8], index: u32, fields: &mut Fields<'_>) {
    let (key, data) = (Key::Index(index), bytes.get(range.clone()).unwrap_or_default());
    let mut text = None;
    let is_packed = memmem::find(head, b"/FlateDecode").is_some() || memmem::find(head, b"/Fl ").is_some();
    let out = is_packed.then(|| {
        let (limit, budget) = fields.room(data.len());
        let out = inflate(data, true, limit);
        if out.over {
            fields.exhausted(budget);
        }
        out
    });
    if let Some(out) = out.filter(|out| !out.bytes.is_empty()) {
        if fields.room(data.len()).0 / 2 > out.bytes.len() {
            text = shown(&out.bytes);
        }
        let moved = |(here, there): (u32, u32)| (here, there.saturating_add(to_u32(range.start)));
        let way = out.way.into_iter().map(moved).collect();
        fields.decoded(key, out.bytes, Reach::Blocks(way), None);
    } else {
        text = shown(data);
        let view = fields.view(range.clone());
        fields.leaf(key, view, Kind::Bytes);
    }
    if let Some(text) = text {
        let reach = Reach::Within { start: to_u32(range.start), end: to_u32(range.end) };
        fields.decoded(Key::Name("text"), text, reach, None);
    }
}

/// What stands at the beginning of a stream of operators, and its length.
enum Token<'s> {
    Text(Vec<u8>),
    Number(f64),
    /// `[` and `]` among them.
    Word(&'s [u8]),
    Other,
}

fn token(rest: &[u8]) -> Option<(Token<'_>, usize)> {
    let is_regular = |byte: &u8| !byte.is_ascii_whitespace() && !b"()<>[]{}/%\0".contains(byte);
    let regular = |rest: &[u8]| rest.iter().take_while(|byte| is_regular(byte)).count();
    Some(match rest {
        [] => return None,
        [b'(', inside @ ..] => {
            let (text, len) = literal(inside);
            (Token::Text(text), len.saturating_add(1))
        }
        [b'<', b'<', ..] | [b'>', b'>', ..] => (Token::Other, 2),
        [b'<', inside @ ..] => {
            let len = memchr::memchr(b'>', inside).unwrap_or(inside.len());
            let digits: Vec<u8> = inside.get(..len)?.iter().filter_map(|digit| hex_digit(*digit)).collect();
            let byte = |pair: &[u8]| pair.iter().fold(0, |byte, digit| byte << 4 | digit) << (4 * (pair.len() % 2));
            (Token::Text(digits.chunks(2).map(byte).collect()), len.saturating_add(2))
        }
        [b'[' | b']', ..] => (Token::Word(rest.get(..1)?), 1),
        [b'%', ..] => (Token::Other, memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())),
        [b'/', name @ ..] => (Token::Other, regular(name).saturating_add(1)),
        [byte, ..] if is_regular(byte) => {
            let len = regular(rest);
            let word = rest.get(..len)?;
            let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
            (number.map_or(Token::Word(word), Token::Number), len)
        }
        _ => (Token::Other, 1),
    })
}

/// A text in brackets, which may hold others, and the length with the bracket at its end.
fn literal(inside: &[u8]) -> (Vec<u8>, usize) {
    let (mut out, mut at, mut depth) = (Vec::new(), 0_usize, 1_usize);
    while let Some(byte) = inside.get(at) {
        at = at.saturating_add(1);
        match byte {
            b'(' => depth = depth.saturating_add(1),
            b')' if depth == 1 => return (out, at),
            b')' => depth = depth.saturating_sub(1),
            b'\\' => {
                let rest = inside.get(at..).unwrap_or_default();
                let (said, len) = match rest {
                    [b'n', ..] => (Some(b'\n'), 1),
                    [b'r', ..] => (Some(b'\r'), 1),
                    [b't', ..] => (Some(b'\t'), 1),
                    [b'b' | b'f', ..] => (None, 1),
                    [b'\r', b'\n', ..] => (None, 2),
                    [b'\r' | b'\n', ..] => (None, 1),
                    [b'0'..=b'7', ..] => {
                        let digits = rest.iter().take(3).take_while(|digit| matches!(digit, b'0'..=b'7'));
                        let (sum, len) =
                            digits.fold((0_u16, 0), |(sum, len), digit| (sum << 3 | u16::from(digit & 7), len + 1));
                        (Some(sum.to_be_bytes()[1]), len)
                    }
                    [other, ..] => (Some(*other), 1),
                    [] => (None, 0),
                };
                out.extend(said);
                at = at.saturating_add(len);
                continue;
            }
            _ => {}
        }
        out.push(*byte);
    }
    (out, at)
}

/// The texts that a stream of operators shows, in its order; `None` if it shows none.
fn shown(stream: &[u8]) -> Option<Vec<u8>> {
    memmem::find(stream, b"BT")?;
    memmem::find(stream, b"Tj").or_else(|| memmem::find(stream, b"TJ")).or_else(|| memmem::find(stream, b"'"))?;
    let (mut out, mut piece) = (Vec::new(), Vec::new());
    let (mut at, mut in_list, mut last) = (0_usize, false, 0.0_f64);
    while let Some((token, len)) = token(stream.get(at..)?) {
        at = at.saturating_add(len.max(1));
        match token {
            Token::Text(text) => {
                // Two bytes a letter, where the font says so: the first is zero in many.
                let wide = text.len() >= 2 && text.len() % 2 == 0 && text.iter().step_by(2).all(|byte| *byte == 0);
                piece.extend(text.into_iter().skip(usize::from(wide)).step_by(if wide { 2 } else { 1 }));
            }
            Token::Number(number) => {
                if in_list && number < -GAP && !piece.is_empty() && piece.last() != Some(&b' ') {
                    piece.push(b' ');
                }
                last = number;
            }
            Token::Word(b"[") => in_list = true,
            Token::Word(b"]") => in_list = false,
            Token::Word(b"Tj" | b"TJ") => out.append(&mut piece),
            Token::Word(b"'" | b"\"") => {
                gap(&mut out, b'\n');
                out.append(&mut piece);
            }
            Token::Word(b"Td" | b"TD") => gap(&mut out, if last == 0.0 { b' ' } else { b'\n' }),
            Token::Word(b"T*" | b"Tm" | b"ET") => gap(&mut out, b'\n'),
            // A picture between operators ends with its own word.
            Token::Word(b"ID") => {
                let rest = stream.get(at..)?;
                at = at.saturating_add(memmem::find(rest, b"EI").unwrap_or(rest.len()));
            }
            Token::Word(_) => piece.clear(),
            Token::Other => {}
        }
    }
    let text = out.trim_ascii();
    if text.is_empty() {
        return None;
    }
    if std::str::from_utf8(text).is_ok() {
        return Some(text.to_vec());
    }
    let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(text);
    Some(text.into_owned().into_bytes())
}

/// Ends a line or a word.
fn gap(out: &mut Vec<u8>, with: u8) {
    if out.last().is_some_and(|last| !last.is_ascii_whitespace()) {
        out.push(with);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::packed;
    use crate::field::walk_bytes;

    #[test]
    fn texts_that_are_shown_are_put_together() {
        let cases: [(&str, &str); 9] = [
            ("BT (The heron) Tj ET", "The heron"),
            ("BT [(The)-250(her)12(on)] TJ ET", "The heron"),
            ("BT (The) Tj 30 0 Td (heron) Tj ET", "The heron"),
            ("BT (The) Tj 0 -14 Td (heron) Tj ET", "The\nheron"),
            ("BT <546865206865726F6E> Tj ET", "The heron"),
            ("BT <005400680065> Tj ET", "The"),
            (
                r"BT (a \(b\) \\ (c) h\351ron\
s) Tj ET",
                "a (b) \\ (c) h\u{e9}rons",
            ),
            (
                "q 1 0 0 1 0 0 cm BT /F1 9 Tf (one) Tj T* (two) ' ET Q BI /W 1 ID \u{1}(x)\u{2} EI BT (three) Tj ET",
                "one\ntwo\nthree",
            ),
            ("BT /F1 9 Tf ET", ""),
        ];
        for (stream, text) in cases {
            let found = shown(stream.as_bytes()).map(|text| String::from_utf8(text).unwrap()).unwrap_or_default();
            assert_eq!(found, text, "{stream}");
            let packed = packed(stream.as_bytes(), 1);
            let file = [
                b"%PDF-1.7\n1 0 obj <</Filter [/FlateDecode]>> stream\r\n",
                &packed[..],
                b"\r\nendstream endobj\n%%EOF",
            ]
            .concat();
            walk_bytes(file, None, |tree| {
                assert!(
                    text.is_empty() || tree.leaves().any(|(_, node)| tree.bytes(node) == text.as_bytes()),
                    "{stream}"
                );
                assert!(tree.leaves().any(|(_, node)| tree.bytes(node) == stream.as_bytes()), "{stream}");
            });
        }
    }

    #[test]
    fn what_follows_and_what_is_sealed_is_there() {
        let noise: Vec<u8> = (1..300_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 | 1).collect();
        let sealed =
            [b"%PDF-1.7\n1 0 obj <</Filter/FlateDecode>> stream\n", &noise[..], b"\nendstream endobj\n%%EOF\n"]
                .concat();
        for bytes in [[SAMPLE, &noise].concat(), sealed] {
            walk_bytes(bytes, None, |tree| {
                assert!(tree.leaves().any(|(_, node)| memmem::find(tree.bytes(node), &noise).is_some()));
            });
        }
    }
}
