//! Text with what does not show taken out: the same words and digits in other characters.
//!
//! Keyboards, spelling aids, address books and rich text put in what nobody typed: narrow spaces, curly quotes, marks of
//! direction, joiners, digits of another script, full-width letters, line breaks. Whoever reads the text reads the same
//! value. So both sides are folded: compatibility characters to plain ones (Unicode's NFKD), letters to lower case, digits
//! of every script to ASCII, quotes and dashes to the plain ones, any white space to one space; what is ignorable is left
//! out.

use super::text::Made;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization as _;

/// Bytes of one piece that is folded: more is no text of people's.
const MOST: usize = 1 << 20;

/// Folded text, and where it came from.
#[derive(Debug)]
pub(super) struct Folded {
    /// The folded text.
    pub(super) text: String,
    /// Pairs (offset in the folded text, offset in the original), wherever their difference changes.
    way: Vec<(usize, usize)>,
    /// Bytes of the original.
    len: usize,
}

impl Folded {
    /// Folds bytes; `None` if that changes nothing but the case of ASCII letters. What is no UTF-8 stays apart from what is.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MOST || (bytes.is_ascii() && (Made::of(bytes).is_even || !is_broken(bytes))) {
            return None;
        }
        let mut folder = Folder::default();
        let mut at = 0_usize;
        for chunk in bytes.utf8_chunks() {
            for (offset, letter) in chunk.valid().char_indices() {
                folder.push(letter, at.saturating_add(offset));
            }
            at = at.saturating_add(chunk.valid().len());
            if !chunk.invalid().is_empty() {
                folder.put('\u{fffd}', at);
                at = at.saturating_add(chunk.invalid().len());
            }
        }
        folder.changed.then_some(Self { text: folder.text, way: folder.way, len: bytes.len() })
    }

    /// The range of the original that `start..end` of the folded text came from.
    pub(super) fn back(&self, start: usize, end: usize) -> (usize, usize) {
        let origin = |at: usize| {
            let known = self.way.partition_point(|(folded, _)| *folded <= at);
            let (folded, original) =
                known.checked_sub(1).and_then(|known| self.way.get(known)).copied().unwrap_or_default();
            original.saturating_add(at.saturating_sub(folded))
        };
        let from = origin(start).min(self.len);
        // Up to where the next character begins: one may have become several.
        let next = self.way.partition_point(|(folded, _)| *folded < end);
        let to = match self.way.get(next) {
            Some((folded, original)) if *folded == end => *original,
            Some((_, original)) => origin(end).min(*original),
            None if end >= self.text.len() => self.len,
            None => origin(end),
        };
        (from, to.clamp(from, self.len))
    }
}

/// A value as it is looked for in folded text.
pub(super) fn fold(value: &str) -> String {
    let mut folder = Folder::default();
    for (at, letter) in value.trim().char_indices() {
        folder.push(letter, at);
    }
    folder.text.trim().to_owned()
}

/// The ASCII in folded text: its stretches of `least` characters or more, a byte beyond ASCII after each that something
/// follows. Whatever is ASCII stands in the folded text exactly where it stands in these. `None` for what is not folded.
///
/// Most characters of other scripts fold to such again, which is told without folding them.
pub(super) fn ascii_of(bytes: &[u8], least: usize) -> Option<Vec<u8>> {
    if bytes.len() > MOST {
        return None;
    }
    let two: &[Vec<u8>] = &TWO;
    let next = |at: usize| bytes.get(at).filter(|byte| **byte & 0xc0 == 0x80).map(|byte| u32::from(byte & 0x3f));
    let mut stretches = Stretches { text: Vec::new(), start: 0, least };
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let lead = u32::from(byte);
        let (len, code) = match byte {
            0..0x80 => {
                stretches.push(byte);
                at += 1;
                continue;
            }
            0xc2..=0xdf if let Some(low) = next(at + 1) => (2, (lead & 0x1f) << 6 | low),
            0xe0..=0xef if let (Some(middle), Some(low)) = (next(at + 1), next(at + 2)) => {
                (3, (lead & 0xf) << 12 | middle << 6 | low)
            }
            0xf0..=0xf4 if let (Some(high), Some(middle), Some(low)) = (next(at + 1), next(at + 2), next(at + 3)) => {
                (4, (lead & 7) << 18 | high << 12 | middle << 6 | low)
            }
            // No UTF-8: a replacement character.
            _ => (1, 0xfffd),
        };
        at += len;
        if len == 2 {
            two.get(code as usize).into_iter().flatten().for_each(|part| stretches.push(*part));
        } else if is_apart(code) {
            stretches.end();
        } else if let Some(letter) = char::from_u32(code).filter(|letter| letter.len_utf8() == len) {
            stretches.push_folded(letter);
        } else {
            stretches.end();
        }
    }
    if stretches.text.len() < stretches.start + least {
        stretches.text.truncate(stretches.start);
    }
    Some(stretches.text)
}

/// Stretches of ASCII as they are put together.
struct Stretches {
    text: Vec<u8>,
    /// Where the last one begins.
    start: usize,
    least: usize,
}

impl Stretches {
    /// Puts a byte, folded as [`Folder::push`] does; one beyond ASCII stands for whatever is.
    #[inline]
    fn push(&mut self, byte: u8) {
        match byte {
            b' ' | b'-' | b'\t'..=b'\r' => {
                let one = if byte == b'-' { b'-' } else { b' ' };
                if self.text.len() == self.start || self.text.last() != Some(&one) {
                    self.text.push(one);
                }
            }
            0..0x80 => self.text.push(byte.to_ascii_lowercase()),
            _ => self.end(),
        }
    }

    /// Ends a stretch; one that is too short is forgotten.
    #[inline]
    fn end(&mut self) {
        if self.text.len() < self.start + self.least {
            self.text.truncate(self.start);
        } else {
            self.text.push(0xff);
            self.start = self.text.len();
        }
    }

    /// Puts whatever a character folds to behind what stands there.
    fn push_folded(&mut self, letter: char) {
        let mut folder = Folder::default();
        let before = self.text.get(self.start..).and_then(<[u8]>::last).filter(|byte| matches!(byte, b' ' | b'-'));
        folder.text.extend(before.map(|byte| char::from(*byte)));
        folder.push(letter, 0);
        for byte in folder.text.bytes().skip(usize::from(before.is_some())) {
            if byte.is_ascii() { self.text.push(byte) } else { self.end() }
        }
    }
}

/// What each character below U+0800 folds to where nothing stands before it, by its code.
static TWO: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folded = |letter: char| {
        let mut folder = Folder::default();
        folder.push(letter, 0);
        let mut bytes = folder.text.into_bytes();
        bytes.dedup_by(|a, b| !a.is_ascii() && !b.is_ascii());
        bytes
    };
    (0..0x800_u32).filter_map(char::from_u32).map(folded).collect()
});

/// Whether a character from U+0800 on is known to fold to characters beyond ASCII: most of the text in many scripts.
const fn is_apart(code: u32) -> bool {
    match code {
        // Han, kana, Hangul, emoji, and what stands for bytes that are no text.
        0x3400..=0x4dbf
        | 0x4e00..=0x9fff
        | 0x3001..=0x3029
        | 0x3041..=0x3096
        | 0x30a1..=0x30fa
        | 0xac00..=0xd7a3
        | 0xfffd
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1faff => true,
        // Devanagari, Thai and Georgian without digits; symbols.
        0x900..=0x965 | 0xe01..=0xe4e | 0x10d0..=0x10fa | 0x2190..=0x21ff | 0x2500..=0x2767 => true,
        _ => false,
    }
}

/// Whether ASCII text holds white space before a letter or digit that is not one space: broken lines, columns.
fn is_broken(bytes: &[u8]) -> bool {
    let mut gaps = bytes.chunk_by(|a, b| a.is_ascii_whitespace() == b.is_ascii_whitespace()).skip(1).peekable();
    while let Some(gap) = gaps.next() {
        let wide = gap.len() > 1 || gap != b" ";
        let is_gap = gap.first().is_some_and(u8::is_ascii_whitespace);
        let goes_on = gaps.peek().and_then(|word| word.first()).is_some_and(u8::is_ascii_alphanumeric);
        if is_gap && wide && goes_on {
            return true;
        }
    }
    false
}

#[derive(Default)]
struct Folder {
    text: String,
    way: Vec<(usize, usize)>,
    /// Original offset less folded offset, as a wrapping difference.
    shift: usize,
    changed: bool,
}

impl Folder {
    fn push(&mut self, letter: char, at: usize) {
        if letter == '-' {
            // Two hyphens are how a long dash is typed.
            self.once('-', at, '-');
        } else if letter.is_ascii_graphic() {
            self.put(letter.to_ascii_lowercase(), at);
        } else if let Some(small) = simple(letter) {
            self.changed |= small != letter;
            self.put(small, at);
        } else if is_ignorable(letter) {
            self.changed = true;
        } else if letter.is_whitespace() {
            self.once(' ', at, letter);
        } else if let Some(plain) = plain(letter) {
            self.changed = true;
            self.once(plain, at, letter);
        } else if let Some(digit) = digit(letter) {
            self.changed = true;
            self.put(digit, at);
        } else {
            // One character may become several, each from the same place.
            for part in std::iter::once(letter).nfkd().flat_map(char::to_lowercase) {
                self.changed |= part != letter;
                if part.is_whitespace() {
                    self.once(' ', at, part);
                } else if !is_ignorable(part) {
                    self.put(plain(part).unwrap_or(part), at);
                }
            }
        }
    }

    /// Puts a character that stands for any number of its kind.
    fn once(&mut self, one: char, at: usize, letter: char) {
        if matches!(one, ' ' | '-') && self.text.ends_with(one) {
            self.changed = true;
            return;
        }
        self.changed |= letter != one;
        self.put(one, at);
    }

    fn put(&mut self, letter: char, at: usize) {
        let folded = self.text.len();
        let shift = at.wrapping_sub(folded);
        if shift != self.shift || self.way.is_empty() {
            self.way.push((folded, at));
            self.shift = shift;
        }
        self.text.push(letter);
    }
}

/// The small letter of a letter that decomposes into nothing: most of the text in these scripts, without a table.
const fn simple(letter: char) -> Option<char> {
    match letter {
        // Cyrillic, without Й and й.
        '\u{410}'..='\u{418}' | '\u{41a}'..='\u{42f}' => char::from_u32(letter as u32 + 0x20),
        '\u{430}'..='\u{438}' | '\u{43a}'..='\u{44f}' => Some(letter),
        // Arabic from ا on, the stretcher apart; Thai consonants; Han.
        '\u{627}'..='\u{63f}'
        | '\u{641}'..='\u{64a}'
        | '\u{e01}'..='\u{e2e}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' => Some(letter),
        _ => None,
    }
}

/// What is left out: it shows nothing by itself (Unicode's `Default_Ignorable_Code_Point`, and the Arabic stretcher).
const fn is_ignorable(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{640}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The plain sign for a typographic one.
const fn plain(letter: char) -> Option<char> {
    Some(match letter {
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{2b9}' | '\u{2bc}' | '\u{b4}' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{2033}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' | '\u{2e3a}' | '\u{2e3b}' => '-',
        '\u{66b}' | '\u{b7}' | '\u{2022}' | '\u{2027}' | '\u{22c5}' => '.',
        '\u{66c}' | '\u{60c}' => ',',
        '\u{3c2}' => '\u{3c3}',
        _ => return None,
    })
}

/// The decimal digits of scripts, by their zeros (Unicode's general category `Nd`); compatibility ones are decomposed.
fn digit(letter: char) -> Option<char> {
    const ZEROS: [u32; 36] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
        0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
        0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0,
    ];
    let code = u32::from(letter);
    let zero = ZEROS.get(ZEROS.partition_point(|zero| *zero <= code).checked_sub(1)?)?;
    let value = code.checked_sub(*zero).filter(|value| *value < 10)?;
    char::from_digit(value, 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_show_is_left_out() {
        for (text, want) in [
            ("Ｔｈｅ　ｈｅｒｏｎ", "the heron"),
            ("the\u{a0}her\u{200b}on\u{202f}lands", "the heron lands"),
            ("the\n  heron\tlands", "the heron lands"),
            ("it\u{2019}s \u{201c}dusk\u{201d} \u{2014} or\u{2026}", "it's \"dusk\" - or..."),
            ("\u{202a}+\u{661}\u{662}\u{663}\u{202c} \u{6f4}\u{096b}", "+123 45"),
            ("مرحـبا", "مرحبا"),
            ("I \u{2764}\u{fe0f} dusk", "i \u{2764} dusk"),
            ("ﾍﾛﾝｶﾞ", "ヘロンカ\u{3099}"),
            ("ПРИВЕТ, Нора", "привет, нора"),
            ("-- a", "- a"),
        ] {
            assert_eq!(fold(text), want, "{text}");
        }
        assert!(Folded::of(b"{\"m\": \"The heron lands at dusk\",\n  \"n\": 1}").is_none(), "nothing to fold");
        assert!(Folded::of(b"the heron\nlands").is_some());
    }

    #[test]
    fn the_way_back_is_known() {
        let text = "x:\u{200e}ｈｅｒｏｎ\u{a0}\u{a0}lands;\u{fb01}n";
        let folded = Folded::of(text.as_bytes()).unwrap();
        for (part, original) in
            [("heron lands", "ｈｅｒｏｎ\u{a0}\u{a0}lands"), ("lands", "lands"), ("fin", "\u{fb01}n"), ("x:", "x:")]
        {
            let start = folded.text.find(part).unwrap();
            let (from, to) = folded.back(start, start + part.len());
            assert!(text[from..to].trim_matches('\u{200e}') == original, "{part}: {:?}", &text[from..to]);
        }
    }

    #[test]
    fn simple_letters_are_what_the_tables_say() {
        for letter in (0..0x1_0000_u32).filter_map(char::from_u32) {
            if let Some(small) = simple(letter) {
                let told: String = std::iter::once(letter).nfkd().flat_map(char::to_lowercase).collect();
                assert_eq!(told, small.to_string());
                assert!(!is_ignorable(letter) && plain(letter).is_none() && digit(letter).is_none(), "{letter}");
            }
        }
    }

    /// What folding makes of some bytes, but for the way back.
    fn folded(bytes: &[u8]) -> String {
        let mut folder = Folder::default();
        for chunk in bytes.utf8_chunks() {
            chunk.valid().chars().for_each(|letter| folder.push(letter, 0));
            if !chunk.invalid().is_empty() {
                folder.put('\u{fffd}', 0);
            }
        }
        folder.text
    }

    fn stretches(text: &[u8], least: usize) -> Vec<&[u8]> {
        text.split(|byte| !byte.is_ascii()).filter(|part| part.len() >= least).collect()
    }

    #[test]
    fn the_ascii_of_every_character_is_known() {
        // The last planes are all alike.
        let letters = (0x80..0x2_0000_u32).chain((0x2_0000..0x11_0000).step_by(61));
        for letter in letters.filter_map(char::from_u32) {
            let text = format!("a{letter}b {letter} -{letter}{letter}-");
            let (folded, ascii) = (folded(text.as_bytes()), ascii_of(text.as_bytes(), 1).unwrap());
            assert_eq!(stretches(&ascii, 1), stretches(folded.as_bytes(), 1), "{text}");
            assert!(!folded.bytes().any(|byte| byte.is_ascii_uppercase()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_ascii_of_folded_text_is_known_without_folding(
            pieces in proptest::collection::vec(prop_oneof![
                "[a-dA-D \t-]{0,6}".prop_map(String::into_bytes),
                "[а-яЁйéüßﬁﾞｱ漢字가の١²½\u{a0}\u{200b}\u{301}\u{2011}👍\u{fe0f}]{0,4}".prop_map(String::into_bytes),
                "\\PC{0,3}".prop_map(String::into_bytes),
                proptest::collection::vec(any::<u8>(), 0..6),
            ], 0..8),
            least in 1..9_usize,
        ) {
            let bytes = pieces.concat();
            let (folded, ascii) = (folded(&bytes), ascii_of(&bytes, least).unwrap());
            prop_assert_eq!(stretches(&ascii, least), stretches(folded.as_bytes(), least));
            prop_assert_eq!(stretches(&ascii, 1).len(), stretches(&ascii, least).len());
        }

        #[test]
        fn ranges_stay_in_the_original(bytes in proptest::collection::vec(any::<u8>(), 0..80), text in "\\PC{0,20}", a in 0..300_usize, b in 0..300_usize) {
            let bytes = [text.as_bytes(), &bytes].concat();
            if let Some(folded) = Folded::of(&bytes) {
                let (from, to) = folded.back(a.min(b).min(folded.text.len()), a.max(b).min(folded.text.len()));
                prop_assert!(from <= to && to <= bytes.len());
            }
        }

        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
