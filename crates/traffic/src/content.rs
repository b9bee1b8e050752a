//! What apps send: JSON that compresses and looks like a messenger's, with planted values now and then.

use crate::rng::Rng;
use std::fmt::Write as _;

const WORDS: [&str; 64] = [
    "after", "again", "balcony", "because", "bicycle", "bread", "bridge", "candle", "carry", "cellar", "chestnut",
    "coffee", "corner", "curtain", "dinner", "early", "evening", "ferry", "garden", "gravel", "green", "harbour",
    "heavy", "honest", "island", "jacket", "kettle", "ladder", "later", "letter", "listen", "market", "meadow",
    "morning", "never", "orchard", "paper", "pepper", "picture", "quiet", "railway", "remember", "river", "saddle",
    "seven", "silver", "slowly", "station", "stone", "sunday", "table", "thunder", "ticket", "together", "under",
    "velvet", "village", "waiting", "walnut", "water", "weather", "window", "winter", "yellow",
];

/// Planted value number `index`: a text of five words, told apart by two numbers.
pub fn value(index: usize) -> String {
    let mut rng = Rng::new(0x5641_4c55 ^ u64::try_from(index).expect("64 bits"));
    format!("{} {} {} {index} {}", words(&mut rng, 2), 100 + rng.below(900), words(&mut rng, 1), words(&mut rng, 1))
}

/// `count` words.
pub fn words(rng: &mut Rng, count: usize) -> String {
    let mut text = String::new();
    for index in 0..count {
        if index > 0 {
            text.push(' ');
        }
        text.push_str(WORDS[rng.below(WORDS.len())]);
    }
    text
}

/// A JSON document of about `bytes` bytes; `planted`, if any, is one of its texts.
pub fn json(rng: &mut Rng, bytes: usize, planted: Option<&str>) -> Vec<u8> {
    let mut text = String::with_capacity(bytes + 400);
    write!(text, r#"{{"cursor":{},"items":["#, rng.next() >> 20).expect("a string takes all");
    let place = rng.below(bytes.max(1));
    let mut planted = planted;
    loop {
        let body = match planted {
            Some(value) if text.len() >= place || text.len() + 250 >= bytes => {
                planted = None;
                value.to_owned()
            }
            _ => {
                let count = 3 + rng.below(25);
                words(rng, count)
            }
        };
        write!(
            text,
            r#"{{"id":"{:016x}","at":{},"from":"u{:08x}","read":{},"text":"{body}"}}"#,
            rng.next(),
            1_793_600_000_000 + (rng.next() >> 40),
            rng.next() >> 32,
            rng.below(2) == 0,
        )
        .expect("a string takes all");
        if text.len() >= bytes && planted.is_none() {
            text.push_str("]}");
            return text.into_bytes();
        }
        text.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_planted_is_there_once() {
        let mut rng = Rng::new(1);
        for bytes in [0, 300, 5_000] {
            let text = String::from_utf8(json(&mut rng, bytes, Some(&value(7)))).unwrap();
            assert_eq!(text.matches(&value(7)).count(), 1, "{text}");
            assert!(text.len() >= bytes && text.len() < bytes + 500);
        }
        assert_ne!(value(7), value(8));
    }
}
