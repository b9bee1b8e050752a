//! UTF-32 in either byte order, with its mark or without.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_text;
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};

/// The entry.
pub(super) static UTF32: Decoder = Decoder {
    name: "utf32",
    about: "UTF-32, little- or big-endian, with or without a byte order mark",
    layer: true,
    codings: &[],
    filter: Filter { any: Shape::NUL, none: Shape::NONE, min: 4 * FEWEST, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"T\0\0\0h\0\0\0e\0\0\0 \0\0\0h\0\0\0e\0\0\0r\0\0\0o\0\0\0n\0\0\0",
            hint: "",
            shows: "The heron",
            trail: "utf32",
        },
        Sample {
            bytes: b"\0\0\xfe\xff\0\0\0T\0\0\0h\0\0\0e\0\0\0 \0\0\0h\0\0\0e\0\0\0r\0\0\0o\0\0\0n",
            hint: "",
            shows: "The heron",
            trail: "utf32",
        },
    ],
};

/// Characters from which a text without a mark is taken for one: small numbers in a row are fewer, or less like words.
const FEWEST: usize = 6;

/// Characters, by their byte order.
fn characters(bytes: &[u8]) -> Option<impl Iterator<Item = Option<char>> + Clone + '_> {
    let (fours, rest) = bytes.as_chunks::<4>();
    let big = match fours.first()? {
        [0, 0, 0xfe, 0xff] | [0, 0..=0x10, _, _] => true,
        [0xff, 0xfe, 0, 0] | [_, _, 0..=0x10, 0] => false,
        _ => return None,
    };
    let read = move |four: &[u8; 4]| if big { u32::from_be_bytes(*four) } else { u32::from_le_bytes(*four) };
    rest.is_empty().then(|| fours.iter().map(move |four| char::from_u32(read(four))))
}

/// Whether characters are such as stand together in a text: letters and signs of ASCII for the most part, or words of one other
/// script. Numbers that are no text run through many. Ideographs are so many that any number may be one: a mark has to say so.
fn is_written(bytes: &[u8]) -> bool {
    let Some(characters) = characters(bytes) else { return false };
    let (mut marked, mut blocks) = (false, Vec::new());
    let (mut letters, mut ascii, mut spaces, mut all) = (0_usize, 0_usize, 0_usize, 0_usize);
    for char in characters {
        let Some(char) = char else { return false };
        match char {
            '\u{feff}' if all == 0 => {
                marked = true;
                continue;
            }
            '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => return false,
            _ => {}
        }
        all = all.saturating_add(1);
        letters = letters.saturating_add(usize::from(char.is_alphabetic() || char == ' '));
        ascii = ascii.saturating_add(usize::from(char.is_ascii()));
        spaces = spaces.saturating_add(usize::from(char == ' '));
        // Signs, pictures and accents go with every script.
        let block = match u32::from(char) {
            ..0x250 | 0x300..0x370 | 0x2000..0x2c00 | 0xfe00..0xfe10 | 0x1f000..0x20000 => continue,
            0x2e80..0xe000 | 0xf900..0xfb00 | 0xff00..0xfff0 | 0x20000.. => IDEOGRAPHS,
            block => block >> 9,
        };
        if !blocks.contains(&block) {
            blocks.push(block);
        }
        if blocks.len() > 1 {
            return false;
        }
    }
    let latin = ascii.saturating_mul(2) >= all;
    let other = spaces > 0 && blocks.first().is_some_and(|block| *block != IDEOGRAPHS);
    all >= FEWEST && letters.saturating_mul(2) >= all && (marked || latin || other)
}

/// What ideographs and what goes with them count as.
const IDEOGRAPHS: u32 = 0x2e;

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if is_written(bytes) { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("UTF-32");
    if !is_written(bytes) {
        return Err(WHAT);
    }
    let mut out = Vec::with_capacity(bytes.len() / 4);
    let mut way = Vec::new();
    // In a long text, where a value came from is known to a few characters.
    let every = if bytes.len() > 1 << 16 { 8 } else { 1 };
    for (at, char) in characters(bytes).ok_or(WHAT)?.enumerate() {
        if at.is_multiple_of(every) {
            way.push((to_u32(out.len()), to_u32(at.saturating_mul(4))));
        }
        let mut utf8 = [0; 4];
        if let Some(char) = char.filter(|char| *char != '\u{feff}') {
            out.extend_from_slice(char.encode_utf8(&mut utf8).as_bytes());
        }
    }
    way.push((to_u32(out.len()), to_u32(bytes.len())));
    if !is_text(&out) {
        return Err(WHAT);
    }
    fields.whole(out, Reach::Blocks(way), Kind::Text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn coded(text: &str, unit: fn(u32) -> [u8; 4]) -> Vec<u8> {
        text.chars().flat_map(|char| unit(u32::from(char))).collect()
    }

    proptest! {
        #[test]
        fn texts_are_known(text in prop_oneof!["[A-Za-z ]{4}[ -~]{2,4}", "[а-я]{4,9} [а-я]{2,5}!", "\u{feff}[一-鿿]{6,12}", "[a-z]{5,9}é 🙂"]) {
            prop_assert!(is_written(&coded(&text, u32::to_le_bytes)));
            prop_assert!(is_written(&coded(&text, u32::to_be_bytes)));
        }

        #[test]
        fn numbers_and_random_bytes_are_none(
            small in proptest::collection::vec(0_u32..40_000, 12..40), bytes in proptest::collection::vec(any::<u8>(), 24..64),
        ) {
            prop_assert!(!is_written(&small.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>()));
            prop_assert!(!is_written(&bytes));
        }
    }
}
