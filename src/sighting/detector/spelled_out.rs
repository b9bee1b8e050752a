//! Planted values that a message holds in pieces only: key presses, letters, words.

use crate::model::field::Tree;
use crate::sighting::{Card, Cx, Detector, Example, Hit, spell};

/// The detector.
pub(super) struct SpelledOut;

static CARD: Card = Card {
    id: spell::DETECTOR,
    title: "Planted value, spelled out",
    why: "What was typed went out a key press or a word at a time: no field holds it, and whoever gets them all reads it.",
    // Each line stands for a field.
    hits: &[
        Example { body: b"T\nh\ne\n \nh\ne\nr\no\nn", planted: &[("messages", "The heron")] },
        Example {
            body: b"Shift\nA\ng\nBackspace\nd\na\nSpace\nL\no\nv\ne\nl\na\nc\ne",
            planted: &[("name", "Ada Lovelace")],
        },
        Example { body: b"so\nthe\nHERON\nlands\nat\ndusk", planted: &[("messages", "The heron lands at dusk")] },
        Example {
            body: b"KeyH\nKeyE\nKeyR\nKeyO\nKeyN\nDigit1\nDigit2\nDigit3",
            planted: &[("credentials", "heron123")],
        },
        Example { body: b"+44\n77\n00\n90\n01\n42", planted: &[("phone-number", "+447700900142")] },
    ],
    misses: &[
        // Something stands between.
        Example { body: b"the\nHERON\noften\nlands\nat\ndusk", planted: &[("messages", "The heron lands at dusk")] },
        Example { body: b"T\nh\ne\nh\nw\ne\nr\no\nn", planted: &[("messages", "The heron")] },
        // One field holds it: that is another detector's find.
        Example { body: b"The heron\nThe heron", planted: &[("messages", "The heron")] },
        // Too short to be told from chance.
        Example { body: b"h\ne\nr\no\nn", planted: &[("messages", "heron")] },
    ],
};

impl Detector for SpelledOut {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn on_message(&self, tree: &Tree<'_>, cx: &Cx<'_>, out: &mut Vec<Hit>) {
        spell::in_message(tree, cx, out);
    }
}
