//! Bytes as tools and logs show them, so many a line behind their offset (`xxd`, `hexdump -C`, `tcpdump -x`): the letters beside
//! them break every few characters.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::{hex_digit, is_text};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use memchr::memmem::Finder;
use std::ops::Range;
use std::sync::LazyLock;

/// The entry.
pub(super) static HEXDUMP: Decoder = Decoder {
    name: "hexdump",
    about: "bytes in lines behind their offsets, as xxd, hexdump and logs show them",
    layer: false,
    codings: &[],
    filter: Filter {
        any: Shape::BREAK,
        none: Shape::NUL.or(Shape::CONTROL),
        min: 60,
        undeclared: Some(&[Shape::BREAK, Shape::SPACE, Shape::DIGIT]),
    },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"00000000: 5468 6520 6865 726f 6e20 6c61 6e64 7320  The heron lands \n00000010: 6174 2064 7573 6b                        at dusk\n",
            hint: "",
            shows: "The heron lands at dusk",
            trail: "hexdump [0]",
        },
        Sample {
            bytes: b"sent:\n00000000  54 68 65 20 68 65 72 6f  6e 20 6c 61 6e 64 73 20  |The heron lands |\n\
                     00000010  61 74 20 64 75 73 6b                              |at dusk|\n00000017\n",
            hint: "",
            shows: "The heron lands at dusk",
            trail: "hexdump [1]",
        },
    ],
};

/// Bytes of one line.
const LINE: usize = 64;
/// Bytes of a text in which the first line begins.
const HEAD: usize = 4_096;

/// A line of a dump: its offset, and each byte with where its digits stand.
struct Line {
    offset: usize,
    bytes: Bytes,
}

/// Bytes of a dump, each with where its digits stand.
type Bytes = Vec<(u8, usize)>;

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

/// The line whose offset begins at `at`.
fn line(text: &[u8], at: usize) -> Option<Line> {
    let rest = text.get(at..)?;
    let digits = rest.iter().take(17).take_while(|byte| is_hex(**byte)).count();
    if !(4..=16).contains(&digits) {
        return None;
    }
    let value = |digits: &[u8]| {
        digits.iter().try_fold(0_usize, |sum, digit| sum.checked_mul(16)?.checked_add(usize::from(hex_digit(*digit)?)))
    };
    let offset = value(rest.get(..digits)?)?;
    let mut at = at.saturating_add(digits);
    let colon = text.get(at) == Some(&b':');
    if colon {
        at = at.saturating_add(1);
    }
    let mut bytes = Vec::new();
    let mut blanks = text.get(at..)?.iter().take_while(|byte| **byte == b' ').count();
    if blanks == 0 && at < text.len() {
        return None;
    }
    loop {
        // A gap stands in the middle of some lines, and at the end of bytes in all.
        if blanks == 0 || bytes.len() >= LINE || (blanks > 1 && !bytes.is_empty() && bytes.len() != 8) {
            break;
        }
        at = at.saturating_add(blanks);
        let rest = text.get(at..)?;
        let run = rest.iter().take(9).take_while(|byte| is_hex(**byte)).count();
        if !matches!(run, 2 | 4 | 8) || rest.get(run).is_some_and(|byte| *byte != b' ') {
            break;
        }
        let first = bytes.len();
        for (index, pair) in rest.get(..run)?.chunks(2).enumerate() {
            bytes.push((u8::try_from(value(pair)?).ok()?, at.saturating_add(index.saturating_mul(2))));
        }
        // Words of two bytes without a colon are numbers of a machine, the low byte first.
        if run == 4
            && !colon
            && let Some([one, two]) = bytes.get_mut(first..)
        {
            std::mem::swap(&mut one.0, &mut two.0);
        }
        at = at.saturating_add(run);
        blanks = text.get(at..)?.iter().take_while(|byte| **byte == b' ').count();
    }
    Some(Line { offset, bytes })
}

/// A dump in a text: where its lines stand, and its bytes.
fn dump(bytes: &[u8]) -> Option<(Range<usize>, Bytes)> {
    static ZERO: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"0000"));
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let mut from = 0_usize;
    while let Some(found) = ZERO.find(head.get(from..)?) {
        let at = from.saturating_add(found);
        if let Some(dump) = dump_at(bytes, at) {
            return Some(dump);
        }
        let zeros = head.get(at..)?.iter().take_while(|byte| **byte == b'0').count();
        from = at.saturating_add(zeros);
    }
    None
}

/// The dump whose first line has its offset at `at`.
fn dump_at(bytes: &[u8], at: usize) -> Option<(Range<usize>, Bytes)> {
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    if before.is_some_and(|byte| is_hex(*byte)) {
        return None;
    }
    let start = memchr::memrchr(b'\n', bytes.get(..at)?).map_or(0, |end| end.saturating_add(1));
    let column = at.saturating_sub(start);
    let mut out: Bytes = Vec::new();
    let (mut next, mut lines, mut starred) = (start, 0_usize, false);
    let mut last: Option<(usize, usize)> = None;
    while let Some(rest) = bytes.get(next..).filter(|rest| !rest.is_empty()) {
        let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |len| len.saturating_add(1));
        let text = bytes.get(..next.saturating_add(len))?.trim_ascii_end();
        // Lines that are the same as the one before are left out.
        if lines > 0 && text.get(next..) == Some(b"*") {
            starred = true;
            next = next.saturating_add(len);
            continue;
        }
        let Some(line) = line(text, next.saturating_add(column)) else { break };
        match last {
            None if line.offset != 0 => return None,
            None => {}
            // The offset says how many bytes the line before has, whatever looks like some behind them.
            Some((offset, from)) => {
                let Some(count) = line.offset.checked_sub(offset).filter(|count| *count > 0) else { break };
                let read = out.len().saturating_sub(from);
                if if starred { count < read } else { count > read } {
                    break;
                }
                out.truncate(from.saturating_add(count));
            }
        }
        starred = false;
        next = next.saturating_add(len);
        if line.bytes.is_empty() {
            break;
        }
        last = Some((line.offset, out.len()));
        out.extend(line.bytes);
        lines = lines.saturating_add(1);
    }
    (lines > 1 && out.len() > 8).then_some((start..next, out))
}

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if dump(bytes).is_some() { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let (range, dumped) = dump(bytes).ok_or(Malformed::Illegal("dump of bytes"))?;
    let mut index = 0_u32;
    let rest = |fields: &mut Fields<'_>, index: &mut u32, range: Range<usize>| {
        if bytes.get(range.clone()).is_some_and(|text| !text.trim_ascii().is_empty()) {
            let view = fields.view(range);
            fields.leaf(Key::Index(*index), view, Kind::Text);
            *index = index.saturating_add(1);
        }
    };
    rest(fields, &mut index, 0..range.start);
    let plain: Vec<u8> = dumped.iter().map(|(byte, _)| *byte).collect();
    let kind = if is_text(&plain) { Kind::Text } else { Kind::Bytes };
    fields.begin_text();
    for (byte, at) in dumped {
        fields.escape(&[byte], at);
    }
    let view = fields.end_text(range.end);
    fields.leaf(Key::Index(index), view, kind);
    index = index.saturating_add(1);
    rest(fields, &mut index, range.end..bytes.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::packed;
    use crate::field::walk_bytes;
    use std::fmt::Write as _;

    const TEXT: &[u8] = b"The heron lands at dusk, be 12 cafe, and the otter sleeps until the tide is out.";

    /// A dump as tools write it: bytes of a line, of a group, and whether a colon stands behind the offset.
    fn shown(bytes: &[u8], width: usize, group: usize, colon: bool, before: &str) -> String {
        let mut out = String::new();
        for (at, line) in bytes.chunks(width).enumerate() {
            let mut digits = String::new();
            for (at, group) in line.chunks(group).enumerate() {
                digits.push_str(if at == 8 && !colon { "  " } else { " " });
                for byte in group {
                    write!(digits, "{byte:02x}").unwrap();
                }
            }
            let letters: String =
                line.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect();
            let sign = if colon { ":" } else { " " };
            let wide = width / group * (group * 2 + 1) + 2;
            writeln!(out, "{before}{:08x}{sign}{digits:wide$} {letters}", at * width).unwrap();
        }
        out
    }

    #[test]
    fn dumps_of_tools_are_undone() {
        for body in [TEXT.to_vec(), packed(TEXT, 0), packed(TEXT, 1)] {
            for (width, group, colon) in [(16, 1, false), (16, 2, true), (8, 1, true), (32, 4, true), (16, 1, true)] {
                for before in ["", "    ", "11-02 10:00:00.1 D/Net: ", "0x"] {
                    let text = shown(&body, width, group, colon, before);
                    let log = format!("POST /v1 (80 bytes)\n{text}done\n");
                    for text in [text, log] {
                        walk_bytes(text.as_str(), None, |tree| {
                            let found = tree.leaves().any(|(_, node)| tree.bytes(node) == TEXT);
                            assert!(found, "{width} {group} {colon}\n{text}");
                        });
                    }
                }
            }
        }
        let lines = "0000000 6854 2065 6568 6f72 206e 616c 646e 2073\n0000010 7461 6420 7375 006b\n0000017\n";
        walk_bytes(lines, None, |tree| {
            assert!(tree.leaves().any(|(_, node)| tree.bytes(node) == b"The heron lands at dusk"));
        });
    }

    #[test]
    fn tables_of_numbers_are_none() {
        for text in [
            "0000 12 34\n0001 56 78\n0002 9a bc and more of it so that it is long enough\n",
            "id 00001234: 12 34\nid 00001235: 56 78\nid 00001236: 9a bc, and so on and so forth\n",
            "00000000-0000-0000-0000-000000000000 is no one\n00000000-0000-0000-0000-000000000001 is\n",
            "0000: ready\n0010: set\n0020: go, said the starter, and all of them went off at once\n",
        ] {
            assert!(dump(text.as_bytes()).is_none(), "{text}");
        }
    }
}
