//! Recovery phrases (BIP-39): whoever reads the words has the keys.
//!
//! A run of exactly 12, 15, 18, 21 or 24 words of the English list, its checksum right. False alarms: one run in 16 (12
//! words) to 256 (24 words) of words drawn from the list at random has the right checksum; running text would have to
//! keep to 2,048 words, none of them `the`, `a`, `of`, `to` or inflected, twelve times in a row, and no thirteenth time: with
//! at most every third word of a text in the list, (1/3)^12 / 16 = 2^-23 for each place in a text; the list itself, in its
//! order or any other, is longer than a phrase and never told.

use crate::model::field::Tree;
use crate::model::taxonomy::Data;
use crate::sighting::rule::hit;
use crate::sighting::text::long_runs;
use crate::sighting::{Card, Cx, Detector, Example, Hit};
use bip39::{Language, Mnemonic};

/// The detector.
pub(super) struct RecoveryPhrases;

static CARD: Card = Card {
    id: "recovery-phrase",
    title: "Recovery phrase",
    why: "Twelve words are a person's money or messages: whoever reads them can make all keys again.",
    hits: &[
        Example {
            body: b"{\"phrase\":\"legal winner thank year wave sausage worth useful legal winner thank yellow\"}",
            planted: &[],
        },
        Example {
            body: b"words=void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen \
                   patrol group space point ten exist slush involve unfold",
            planted: &[],
        },
    ],
    misses: &[
        // The checksum is wrong.
        Example {
            body: b"{\"phrase\":\"legal winner thank year wave sausage worth useful legal winner thank thank\"}",
            planted: &[],
        },
        // Thirteen words.
        Example {
            body: b"legal winner thank year wave sausage worth useful legal winner thank yellow zoo",
            planted: &[],
        },
        // The word list.
        Example {
            body: b"abandon ability able about above absent absorb abstract absurd abuse access accident account accuse \
                   achieve acid acoustic acquire across act action actor actress actual adapt add addict address adjust",
            planted: &[],
        },
        Example {
            body: b"the keeper leaves the key under the third stone and nobody will come before the lamp is out tonight",
            planted: &[],
        },
    ],
};

/// Words of the shortest phrase.
const FEWEST: usize = 12;
/// Words of the longest phrase.
const MOST: usize = 24;

impl Detector for RecoveryPhrases {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn on_message(&self, tree: &Tree<'_>, _: &Cx<'_>, out: &mut Vec<Hit>) {
        for (id, buffer) in (0..).zip(&tree.buffers) {
            if !may_be(&buffer.bytes) {
                continue;
            }
            for (start, end) in runs(&buffer.bytes) {
                let reason = "A recovery phrase was readable";
                let range = (start, end);
                out.push(Hit { conclusive: true, ..hit(CARD.id, Data::Credentials, "bip-39", id, range, reason) });
            }
        }
    }
}

/// Bytes of the shortest phrase: its words, of three letters at least, and the blanks between them.
const SHORTEST: usize = FEWEST * 3 + FEWEST - 1;

/// Whether small letters and blanks run on for long enough, and the blanks stand one word apart: whole buffers where they
/// do not are never taken to pieces.
fn may_be(bytes: &[u8]) -> bool {
    let inside = |byte: u8| matches!(byte, b'a'..=b'z' | b' ');
    long_runs(bytes, SHORTEST, inside).any(|(start, end)| has_words(bytes.get(start..end).unwrap_or_default()))
}

/// Whether there are blanks enough, one word apart.
fn has_words(bytes: &[u8]) -> bool {
    // A word of three to eight letters stands between two blanks of a phrase.
    let (mut last, mut words) = (0_usize, 0_usize);
    for blank in memchr::memchr_iter(b' ', bytes) {
        words = if (4..=9).contains(&(blank - last)) { words + 1 } else { 0 };
        if words >= FEWEST - 2 {
            return true;
        }
        last = blank;
    }
    false
}

/// Phrases in some bytes: words with one space between them. The list is asked only where words of its lengths (three to
/// eight small letters) follow each other often enough, which running text seldom does.
fn runs(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut words: Vec<(usize, usize)> = Vec::new();
    let mut at = 0_usize;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let len = rest.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
        let end = at.saturating_add(len);
        if (3..=8).contains(&len) {
            words.push((at, end));
        } else {
            words.clear();
        }
        // A phrase ends where its words end: at what is neither a space nor another letter.
        let goes_on =
            bytes.get(end) == Some(&b' ') && bytes.get(end.saturating_add(1)).is_some_and(u8::is_ascii_lowercase);
        if !goes_on {
            found.extend(phrase(bytes, &words));
            words.clear();
        } else if words.len() > MOST {
            // Too long already: on to its end.
            words.truncate(MOST + 1);
        }
        at = end.saturating_add(1);
    }
    found
}

fn phrase(bytes: &[u8], words: &[(usize, usize)]) -> Option<(usize, usize)> {
    if !(FEWEST..=MOST).contains(&words.len()) || !words.len().is_multiple_of(3) {
        return None;
    }
    let (start, end) = (words.first()?.0, words.last()?.1);
    // Letters before the first word belong to it.
    if start.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let text = std::str::from_utf8(bytes.get(start..end)?).ok()?;
    Mnemonic::parse_in_normalized(Language::English, text).ok()?;
    Some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_cannot_be_a_phrase_holds_none(
            before in "[A-Za-z0-9 \"]{0,60}",
            words in proptest::collection::vec("[a-z]{3,8}", 12..25),
            after in "[A-Za-z0-9 \"]{0,60}",
        ) {
            let phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow";
            for text in [words.join(" "), phrase.to_owned()] {
                let quoted = format!("{before}\"{text}\"{after}");
                prop_assert!(may_be(quoted.as_bytes()));
                let bytes = format!("{before}{text}{after}");
                prop_assert!(may_be(bytes.as_bytes()) || runs(bytes.as_bytes()).is_empty());
            }
        }
    }
}
