//! Beginnings of planted texts: logs, notifications and previews keep the first twenty or forty characters of a message,
//! or as many bytes as they have room for, and whoever reads these has read what somebody wrote.
//!
//! Many texts begin alike, so that a beginning is the planted one's only where it is told apart by its words. Each word
//! weighs as much as it is seldom: greetings least, then the commonest words of some languages, then everyday ones, then
//! all others; a word that is cut weighs by its letters, and names and words of languages that nobody knows here weigh
//! less. By chance two texts begin with the same words of weight [`MARKED`] about once in a million, a rare word among
//! them.

mod words;

use crate::model::scenario::Planted;
use crate::model::taxonomy::Data;
use crate::sighting::folded::fold;
use crate::sighting::text::begins_word;
use bip39::Language;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Columns of the shortest beginning, those of wide characters counted twice: what stands before is no more than a
/// greeting.
const HEAD: usize = 12;

/// Half bits of a beginning that shows that it was cut, and by which it is told apart.
const MARKED: u32 = 32;
/// Half bits of one that just ends, as a text of somebody else's may: within a word, or behind two rare ones.
const PLAIN: u32 = 48;
/// Half bits of one without a rare word.
const COMMON: u32 = 72;

/// Half bits of a greeting, of a common, of an everyday and of a rare word, of a name and of one in an unknown language.
const OF_GREETING: u32 = 2;
const OF_COMMON: u32 = 6;
const OF_EVERYDAY: u32 = 12;
const OF_RARE: u32 = 24;
const OF_NAME: u32 = 12;
const OF_UNKNOWN: u32 = 10;

/// The beginning of a planted text as it is looked for.
#[derive(Debug)]
pub(super) struct Beginning {
    /// The whole text.
    text: String,
    /// Bytes of what every beginning has.
    head: usize,
    words: Vec<Word>,
}

#[derive(Clone, Copy, Debug)]
struct Word {
    start: usize,
    end: usize,
    /// Half bits of all of it, and of each letter where it is cut.
    whole: u32,
    letter: u32,
}

/// How the place where a text stands goes on behind what is the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Found {
    /// One past its last byte.
    pub(super) end: usize,
    /// Characters of it, and of the whole text.
    pub(super) chars: usize,
    pub(super) of: usize,
    /// It is the planted text's; else other texts begin so, too.
    pub(super) sure: bool,
}

/// The beginnings of a planted value, as it was typed and in plain characters, if it is a text of somebody's.
pub(super) fn of(planted: &Planted) -> Vec<Beginning> {
    if !matches!(planted.data, Data::Messages | Data::HealthInfo | Data::SearchHistory) {
        return Vec::new();
    }
    let typed = planted.value.trim();
    let plain = Some(fold(typed)).filter(|plain| !plain.eq_ignore_ascii_case(typed));
    let texts = [Some(typed), plain.as_deref()];
    texts.into_iter().flatten().filter_map(|text| Beginning::of(text, typed)).collect()
}

impl Beginning {
    /// Of a text, and of what was typed if that is not the same: names show in its capitals.
    pub(super) fn of(text: &str, typed: &str) -> Option<Self> {
        let mut columns = 0;
        let head = text.char_indices().find_map(|(at, letter)| {
            columns += if is_joined(letter) { 2 } else { 1 };
            (columns >= HEAD).then(|| at.saturating_add(letter.len_utf8()))
        })?;
        if head >= text.len() {
            return None;
        }
        Some(Self { text: text.to_owned(), head, words: weigh(text, typed) })
    }

    /// What every beginning begins with.
    pub(super) fn head(&self) -> &str {
        self.text.get(..self.head).unwrap_or_default()
    }

    /// The beginning that stands at `start` and is cut there. `ends`: whether a field ends at a place.
    pub(super) fn at(&self, bytes: &[u8], start: usize, ends: impl Fn(usize) -> bool) -> Option<Found> {
        let there = bytes.get(start..)?;
        let same = there.iter().zip(self.text.bytes()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
        let len = self.text.floor_char_boundary(same);
        // All of it is another form's, and a part of a word is no beginning.
        if len < self.head || len >= self.text.len() || !begins_word(bytes, start) {
            return None;
        }
        // A character that was cut, or what a program put for it.
        let mut end = start.saturating_add(same);
        while bytes.get(end..).is_some_and(|rest| rest.starts_with(REPLACED)) && end - start < len + 3 * REPLACED.len()
        {
            end = end.saturating_add(REPLACED.len());
        }
        let broken = end > start + len;
        let rest = bytes.get(end..).unwrap_or_default();
        let marked = is_mark(rest, self.text.get(..len).is_some_and(|text| text.ends_with('.')));
        if !marked && !ends(end) && !is_end(rest) {
            return None;
        }
        let before = self.text.get(..len).and_then(|text| text.chars().next_back());
        let after = self.text.get(len..).and_then(|text| text.chars().next());
        let inside = before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
        let (weight, rare) = self.weight(len);
        // One rare word tells a beginning that shows that it was cut; what ends between two words may be whole.
        let (least, words) = match (marked || broken, inside) {
            (true, _) => (MARKED, 1),
            (false, true) => (PLAIN, 1),
            (false, false) => (PLAIN, 2),
        };
        let sure = weight >= COMMON || (rare >= words * OF_RARE && weight >= least);
        if !sure && !marked && !broken && !inside {
            return None;
        }
        let seen = self.text.get(..len).unwrap_or_default().trim_end();
        let end = start.saturating_add(seen.len());
        Some(Found { end, chars: seen.chars().count(), of: self.text.chars().count(), sure })
    }

    /// Half bits of the first `len` bytes, and those of the rare words among them.
    fn weight(&self, len: usize) -> (u32, u32) {
        let (mut sum, mut rare) = (0_u32, 0_u32);
        for word in self.words.iter().take_while(|word| word.start < len) {
            let part = if word.end <= len {
                word.whole
            } else {
                let letters = self.text.get(word.start..len).map_or(0, |part| part.chars().count());
                u32::try_from(letters)
                    .unwrap_or(u32::MAX)
                    .saturating_mul(word.letter)
                    .min(word.whole.saturating_mul(2) / 3)
            };
            sum = sum.saturating_add(part);
            // Three rare characters are as much as a rare word.
            rare = rare.saturating_add(match (word.end <= len, word.whole) {
                (true, OF_RARE) => OF_RARE,
                (true, OF_HAN) => OF_HAN,
                _ => 0,
            });
        }
        (sum, rare)
    }
}

/// What programs put for a character that they could not read.
const REPLACED: &[u8] = "\u{fffd}".as_bytes();

/// Whether something says that a text goes on, here: three dots, or a word for that in brackets.
fn is_mark(rest: &[u8], after_dot: bool) -> bool {
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let rest = rest.strip_prefix(b"\xc2\xa0").unwrap_or(rest);
    let dots: [&[u8]; 7] =
        ["\u{2026}".as_bytes(), b"...", b"\\u2026", b"&hellip;", b"&#8230;", b"%E2%80%A6", b"&#x2026;"];
    if dots.iter().any(|dots| rest.starts_with(dots)) || (after_dot && rest.starts_with(b"..")) {
        return true;
    }
    let Some((b'[' | b'(' | b'<', inner)) = rest.split_first() else { return false };
    let words: [&[u8]; 7] = [b"trunc", b"snip", b"cut", b"more", b"...", "\u{2026}".as_bytes(), b"+"];
    words.iter().any(|word| inner.get(..word.len()).is_some_and(|inner| inner.eq_ignore_ascii_case(word)))
}

/// Whether a value ends here, as far as text shows it.
fn is_end(rest: &[u8]) -> bool {
    match rest {
        [b'"' | b'\n' | b'\r' | 0 | b'<', ..] => true,
        [b'\\', next, ..] => matches!(next, b'"' | b'n' | b'r'),
        [b'\''] => true,
        [b'\'', next, ..] => !next.is_ascii_alphanumeric(),
        _ => rest.starts_with(b"&quot;"),
    }
}

/// Half bits of a rare Han character, and of the other characters of scripts that are written without blanks.
const OF_HAN: u32 = 8;
const OF_KATAKANA: u32 = 4;
const OF_JOINED: u32 = 1;

/// Whether a script is written without blanks.
const fn is_joined(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Words that are known, by how common they are.
struct Known {
    greetings: HashSet<&'static str>,
    common: HashSet<&'static str>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| Known {
    greetings: words::GREETING.split_whitespace().collect(),
    common: words::COMMON.split_whitespace().collect(),
});

/// Whether a word is an everyday one of English, inflected or not.
fn is_everyday(word: &str) -> bool {
    let list = Language::English.word_list();
    let is_listed = |word: &str| list.binary_search(&word).is_ok();
    let stems = ["s", "es", "d", "ed", "ing", "ly", "er", "ers", "'s", "y"];
    is_listed(word) || stems.iter().any(|end| word.strip_suffix(end).is_some_and(is_listed))
}

/// The words of a text, each with what it weighs.
fn weigh(text: &str, typed: &str) -> Vec<Word> {
    let spans = spans(text);
    let small: Vec<String> = spans.iter().map(|(from, to)| lower(text.get(*from..*to))).collect();
    let known: &Known = &KNOWN;
    let common = |word: &str| known.common.contains(word) || known.greetings.contains(word);
    // A language is known by its commonest words: no text does without.
    let told = small.iter().filter(|word| common(word)).count().saturating_mul(4) >= small.len();
    let capitals: Vec<bool> = self::spans(typed)
        .into_iter()
        .map(|(from, to)| typed.get(from..to).and_then(|word| word.chars().next()).is_some_and(char::is_uppercase))
        .collect();
    let shouted = !typed.chars().any(char::is_lowercase);
    let named = |at: usize| !shouted && capitals.len() == spans.len() && capitals.get(at).copied().unwrap_or(false);
    let word = |(at, ((start, end), small)): (usize, ((usize, usize), &String))| {
        let first = small.chars().next().unwrap_or_default();
        let (whole, letter) = if is_joined(first) {
            let one = match first {
                '\u{30a0}'..='\u{30ff}' => OF_KATAKANA,
                '\u{3400}'..='\u{9fff}' | '\u{20000}'.. if !words::HAN.contains(first) => OF_HAN,
                _ => OF_JOINED,
            };
            (one, 0)
        } else if known.greetings.contains(small.as_str()) {
            (OF_GREETING, 1)
        } else if common(small) {
            (OF_COMMON, 1)
        } else if small.bytes().all(|byte| byte.is_ascii_digit()) {
            (if small.len() >= 4 { OF_EVERYDAY } else { OF_COMMON }, 2)
        } else if small.chars().count() < 4 || is_everyday(small) {
            (OF_EVERYDAY, 2)
        } else if !told {
            (OF_UNKNOWN, 1)
        } else if named(at) {
            (OF_NAME, 2)
        } else {
            (OF_RARE, 2)
        };
        Word { start, end, whole, letter }
    };
    spans.iter().copied().zip(&small).enumerate().map(word).collect()
}

fn lower(word: Option<&str>) -> String {
    word.unwrap_or_default().replace('\u{2019}', "'").to_lowercase()
}

/// Where the words of a text stand; each character of scripts without blanks is one.
fn spans(text: &str) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut open = false;
    for (at, letter) in text.char_indices() {
        let end = at.saturating_add(letter.len_utf8());
        let joined = is_joined(letter);
        let quote = matches!(letter, '\'' | '\u{2019}');
        let inside =
            letter.is_alphanumeric() || unicode_normalization::char::is_combining_mark(letter) || (open && quote);
        match spans.last_mut() {
            Some(last) if open && inside && !joined => last.1 = end,
            _ if inside => spans.push((at, end)),
            _ => {}
        }
        open = inside && !joined;
    }
    // Quotes at the end of a word are none of it.
    for (from, to) in &mut spans {
        if let Some(word) = text.get(*from..*to) {
            *to = from.saturating_add(word.trim_end_matches(['\'', '\u{2019}']).len());
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether a beginning is found in a text, and whether it is told apart.
    fn seen(typed: &str, text: &str) -> Option<bool> {
        let beginning = Beginning::of(typed, typed)?;
        let head = beginning.head().to_lowercase();
        let start = text.to_lowercase().find(&head)?;
        let end = text.len();
        beginning.at(text.as_bytes(), start, |at| at == end).map(|found| found.sure)
    }

    #[test]
    fn beginnings_are_told_apart_by_their_words() {
        const HERON: &str = "The heron lands at dusk";
        const OLD: &str = "Meet me at the old lighthouse after the last ferry";
        const HELLO: &str = "Hello, how are you doing today my dear friend, the heron lands at dusk";
        for (typed, text, want) in [
            (HERON, "The heron lands at d…", Some(true)),
            (HERON, "Priya: \"The heron la...\"", Some(true)),
            (HERON, "the heron lands at ...", Some(true)),
            (HERON, "The heron lands at d", Some(true)),
            (HERON, "The heron lands", Some(true)),
            (HERON, "\"The heron lands at d\",\"n\":1", Some(true)),
            (HERON, "The heron la [truncated]", Some(true)),
            (HERON, "The heron lands (+12 more)", Some(true)),
            // Too short, not cut, not the same, or within a word.
            (HERON, "The heron…", None),
            (HERON, "The heron lands at dawn", None),
            (HERON, "The heron lands, at d…", None),
            (HERON, "The heron la", Some(false)),
            (HERON, "Bathe heron lands at d…", None),
            (HERON, "The heron lands at dusk", None),
            (HERON, "The heron lands at dusk…", None),
            (OLD, "Meet me at the old lighthouse af", Some(true)),
            (OLD, "Meet me at the old lighthouse…", Some(true)),
            // Words that many begin with tell nothing, and a text that ends between words may be whole.
            (OLD, "Meet me at the old l…", Some(false)),
            (OLD, "Meet me at the old", None),
            (OLD, "Meet me at the old lighthouse", None),
            (OLD, "Meet me at the old lighthouse after the last ferry…", None),
            (HELLO, "Hello, how are you d…", Some(false)),
            (HELLO, "Hello, how are you doing today my dear fr…", Some(false)),
            (HELLO, "Hello, how are you doing today my dear friend", None),
            (HELLO, "Hello, how are you", None),
            (HELLO, "Hello, how are you doing today my dear friend, the heron l…", Some(true)),
            ("See you tomorrow at the station at nine", "See you tomorrow at the station…", Some(false)),
            ("Hi Thomas, can you pick up the kids today", "Hi Thomas, can you…", Some(false)),
            ("Guten Morgen, wie geht es dir heute im neuen Haus", "Guten Morgen, wie geht es dir h…", Some(false)),
            ("Der Reiher landet in der Dämmerung", "Der Reiher landet in der…", Some(true)),
            ("Der Reiher landet in der Dämmerung", "Der Reiher landet in der D\u{fffd}", Some(true)),
            ("Привет, как дела, что нового сегодня", "Привет, как дела, что…", Some(false)),
            ("Цапля садится в сумерках у старой мельницы", "Цапля садится в сумерках у…", Some(true)),
            // A language that nobody knows here.
            ("Haikara laskeutuu hämärässä vanhan myllyn luona", "Haikara laskeutuu…", Some(false)),
            ("你好，最近怎么样，工作忙吗，有空吗", "你好，最近怎么样，工作忙…", Some(false)),
            ("苍鹭在黄昏时降落在旧磨坊旁边", "苍鹭在黄昏时降落在…", Some(true)),
            ("Ada!", "Ada", None),
        ] {
            assert_eq!(seen(typed, text), want, "{typed}: {text}");
        }
    }

    #[test]
    fn characters_may_be_cut() {
        let typed = "Ça sent la mûre écrasée près du vieux moulin";
        let beginning = Beginning::of(typed, typed).unwrap();
        for end in beginning.head..typed.len() {
            let bytes = &typed.as_bytes()[..end];
            let found = beginning.at(bytes, 0, |at| at == end);
            assert!(found.is_none_or(|found| found.end <= end));
            if !typed.is_char_boundary(end) {
                assert!(found.is_some(), "{end}");
            }
        }
    }

    /// Wherever a text is cut, it is found as soon as it is told apart, and from then on.
    #[test]
    fn longer_beginnings_are_told_no_worse() {
        for typed in [
            "The heron lands at dusk",
            "Meet me at the old lighthouse after the last ferry",
            "Der Reiher landet in der Dämmerung am See",
            "Цапля садится в сумерках у старой мельницы",
            "苍鹭在黄昏时降落在旧磨坊旁边的水里",
        ] {
            let all: Vec<(usize, char)> = typed.char_indices().collect();
            let ends: [(&str, bool); 5] =
                [("…", true), ("...", true), (" [truncated]", true), ("\u{fffd}", true), ("", false)];
            for (end, marked) in ends {
                let mut sure = false;
                for (at, _) in all.iter().skip(1) {
                    let cut = typed.get(..*at).unwrap();
                    let found = seen(typed, &format!("{cut}{end}"));
                    assert!(!(sure && marked) || found == Some(true), "{cut}{end}");
                    assert!(
                        !marked || found.is_some() == (cut.len() >= Beginning::of(typed, typed).unwrap().head),
                        "{cut}{end}"
                    );
                    sure = found == Some(true);
                }
                assert!(sure, "{typed}{end}");
            }
        }
    }

    proptest! {
        /// Another text that begins alike and goes on otherwise is nobody's.
        #[test]
        fn texts_that_go_on_otherwise_are_none(cut in 1..22_usize, more in "[a-z]{1,12}( [a-z]{2,8}){0,3}") {
            let typed = "The heron lands at dusk";
            let text = format!("{}{more}!", &typed[..cut]);
            let same = typed.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
            prop_assume!(same < typed.len());
            prop_assert_eq!(seen(typed, &text), None);
        }

        #[test]
        fn no_text_breaks_it(typed in "\\PC{0,60}", text in "\\PC{0,60}", cut in 0..80_usize) {
            if let Some(beginning) = Beginning::of(&typed, &typed) {
                let bytes = [typed.as_bytes().get(..cut).unwrap_or_default(), text.as_bytes()].concat();
                let end = bytes.len();
                if let Some(found) = beginning.at(&bytes, 0, |at| at == end) {
                    prop_assert!(found.end <= end && found.chars < found.of);
                }
            }
        }
    }
}
