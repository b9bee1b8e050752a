//! Base64 whose lines stand indented: in XML, YAML and headers that are folded.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::Kind;

/// The entry.
pub(super) static INDENTED: Decoder = Decoder {
    name: "indented",
    about: "base64 whose lines stand indented",
    layer: false,
    codings: &[],
    filter: Filter {
        any: Shape::SPACE,
        none: Shape::BASE64.or(Shape::BREAK).or(Shape::SPACE).complement(),
        min: FEWEST,
        undeclared: Some(&[Shape::BREAK, Shape::UPPER.or(Shape::UPPER_HEX)]),
    },
    fits,
    open,
    samples: &[Sample {
        bytes: b"\n    VGhlIGhlcm9uIGxhbmRz\n    IGF0IGR1c2sgYmVoaW5k\n    IHRoZSBtaWxs\n  ",
        hint: "",
        shows: "The heron lands at dusk behind the mill",
        trail: "indented > base64",
    }],
};

/// Digits of the shortest value.
const FEWEST: usize = 24;

/// The lines, without what stands around their digits, and where each begins.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0_usize;
    bytes.split_inclusive(|byte| *byte == b'\n').filter_map(move |line| {
        let start = at.saturating_add(line.len().saturating_sub(line.trim_ascii_start().len()));
        at = at.saturating_add(line.len());
        let digits = line.trim_ascii();
        (!digits.is_empty()).then_some((start, digits))
    })
}

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let mut found = lines(bytes).peekable();
    let Some(first) = found.next() else { return Match::No };
    // Half of all digits are, and words in lines are not.
    let is_upper = |byte: &u8| Shape::of_byte(*byte).within(Shape::UPPER.or(Shape::UPPER_HEX));
    if !first.1.iter().any(is_upper) {
        return Match::No;
    }
    let (mut last, mut digits, mut count) = (first.1.len(), first.1.len(), 1_usize);
    if first.1.contains(&b' ') {
        return Match::No;
    }
    while let Some((start, line)) = found.next() {
        let indented =
            start.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(|b| matches!(b, b' ' | b'\t'));
        // Every line but the first, which something may stand before, and the last is as long as the one before.
        let even = count < 2 || line.len() == last || (found.peek().is_none() && line.len() < last);
        if !indented || !even || memchr::memchr2(b' ', b'\t', line).is_some() {
            return Match::No;
        }
        (last, digits, count) = (line.len(), digits.saturating_add(line.len()), count.saturating_add(1));
    }
    if count > 1 && digits >= FEWEST { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    if fits(hint, bytes) == Match::No {
        return Err(Malformed::Illegal("indented base64"));
    }
    fields.begin_text();
    for (start, digits) in lines(bytes) {
        fields.text(digits, start);
    }
    let view = fields.end_text(bytes.len());
    fields.whole_view(view, Kind::Text);
    // Words in lines are no digits.
    fields.tentative();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::field::walk_bytes;

    #[test]
    fn words_in_lines_are_none() {
        let coded = data_encoding::BASE64.encode(b"The heron lands at dusk behind the mill, and the otter sleeps.");
        for (before, after) in [("\n    ", "\n  "), ("", ""), ("  ", "\n"), ("\t", "\t")] {
            for width in [20, 28, 64] {
                let lines: Vec<&str> =
                    coded.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
                let text = format!("{before}{}{after}", lines.join("\r\n    "));
                walk_bytes(text.as_str(), None, |tree| {
                    let found = tree.leaves().any(|(_, node)| tree.bytes(node).ends_with(b"the otter sleeps."));
                    assert!(found, "{text:?}");
                });
            }
        }
        for text in ["Heron\n    Otter\n    Finch", "\n  Alexandria\n  Montevideo\n  Wellington\n  Casablanca"] {
            walk_bytes(text, None, |tree| assert_eq!(tree.nodes.len(), 1, "{text}"));
        }
    }
}
