//! Encoded values joined by punctuation: `iv:ciphertext`, `v1.…`, `enc:…`, `…?iv=…`, `{cipher}…`.
//!
//! Whoever seals a value often writes what is needed to open it beside it, in a form of their own. As a whole that is no
//! encoding; its pieces are.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::{encoding, is_spread, is_text, is_uuid};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use std::ops::Range;

/// The entry.
pub(super) static JOINED: Decoder = Decoder {
    name: "joined",
    about: "encoded values joined by punctuation: `iv:ciphertext`, `v1.…`, `enc:…`",
    layer: false,
    codings: &[],
    filter: Filter {
        any: Shape::COLON
            .or(Shape::DOT)
            .or(Shape::COMMA)
            .or(Shape::SEMICOLON)
            .or(Shape::EQUALS)
            .or(Shape::BRACKET)
            .or(Shape::OTHER),
        none: Shape::BINARY
            .or(Shape::SPACE)
            .or(Shape::BREAK)
            .or(Shape::QUOTE)
            .or(Shape::BACKSLASH)
            .or(Shape::LESS)
            .or(Shape::PERCENT),
        min: FEWEST,
        undeclared: Some(&[]),
    },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"v1:VGhlIGhlcm9uIGxhbmRzIGF0IGR1c2s=",
            hint: "",
            shows: "The heron",
            trail: "joined [1] > base64",
        },
        Sample {
            bytes: b"f0a1c2d3e4b5968778695a4b3c2d1e0f:546865206865726f6e206c616e6473206174206475736b",
            hint: "",
            shows: "The heron",
            trail: "joined [1] > hex",
        },
        Sample {
            bytes: b"VGhlIGhlcm9uIGxhbmRzIGF0IGR1c2s=?iv=8PHi0+S1loeHaVpLPC0eDw==",
            hint: "",
            shows: "The heron",
            trail: "joined [0] > base64",
        },
    ],
};

/// Digits of the shortest encoded piece that shows that there are any: 16 bytes.
const FEWEST: usize = 22;
/// The same for hexadecimal digits.
const FEWEST_HEX: usize = 32;
/// More pieces are a list, not a sealed value.
const MOST: usize = 16;
/// What registration tokens of Firebase Cloud Messaging begin with behind their colon: the push service made them.
const PUSH_TOKEN: &[u8] = b"APA91b";

/// What pieces are made of, and what may stand behind them.
const DIGITS: Shape = Shape::ALNUM.or(Shape::PLUS).or(Shape::SLASH).or(Shape::MINUS).or(Shape::UNDERSCORE);
const DIGITS_AND_PADDING: Shape = DIGITS.or(Shape::EQUALS);

/// Whether a piece may be as long as the shortest encoded one: a few bytes tell that those of dates and host names are not.
fn may_hold_coded(bytes: &[u8]) -> bool {
    let is_other = |byte: &u8| !Shape::of_byte(*byte).within(DIGITS_AND_PADDING);
    // A run as long as that holds one of any two bytes that stand so far apart.
    let mut at = FEWEST.saturating_sub(1);
    while let Some((before, [byte, after @ ..])) = bytes.split_at_checked(at) {
        if !is_other(byte) {
            let left = before.iter().rev().position(is_other).unwrap_or(before.len());
            let right = after.iter().position(is_other).unwrap_or(after.len());
            if left.saturating_add(right).saturating_add(1) >= FEWEST {
                return true;
            }
            at = at.saturating_add(right).saturating_add(1);
        }
        at = at.saturating_add(FEWEST);
    }
    false
}

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let is_digit = |byte: &u8| Shape::of_byte(*byte).within(DIGITS);
    let (_, rest) = bytes.split_at(bytes.iter().position(|byte| !is_digit(byte)).unwrap_or(bytes.len()));
    // One piece is joined to none.
    let lone = rest.iter().all(|byte| *byte == b'=');
    if !lone && may_hold_coded(bytes) { fits_pieces(bytes) } else { Match::No }
}

fn fits_pieces(bytes: &[u8]) -> Match {
    let mut pieces = pieces(bytes);
    let count = pieces.clone().take(MOST.saturating_add(1)).count();
    if count > MOST || count < 2 && !bytes.starts_with(b"{") {
        return Match::No;
    }
    let mut all = pieces.clone().filter_map(|range| bytes.get(range));
    if all.any(|piece| piece.starts_with(PUSH_TOKEN)) {
        return Match::No;
    }
    if pieces.any(|range| bytes.get(range).is_some_and(is_coded)) { Match::Maybe } else { Match::No }
}

fn is_coded(piece: &[u8]) -> bool {
    if piece.len() >= FEWEST_HEX && piece.len().is_multiple_of(2) && piece.iter().all(u8::is_ascii_hexdigit) {
        let upper = piece.iter().any(u8::is_ascii_uppercase);
        let lower = piece.iter().any(u8::is_ascii_lowercase);
        return upper != lower;
    }
    piece.len() >= FEWEST && is_base64(piece)
}

/// Whether text is base64 for certain: it decodes to its end, and is spread like data or reads as text.
fn is_base64(text: &[u8]) -> bool {
    let pads = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = text.get(..text.len().saturating_sub(pads)).unwrap_or_default();
    // Names joined by underscores are spread, too, but hold no numbers.
    let mixed = pads > 0 || digits.iter().any(u8::is_ascii_digit);
    if pads > 2 || (pads > 0 && !text.len().is_multiple_of(4)) || is_uuid(text) || !mixed {
        return false;
    }
    encoding(digits).decode(digits).is_ok_and(|out| is_spread(digits, pads > 0) || is_text(&out))
}

/// Runs of the letters and digits that encodings are made of. Padding belongs to what is before it.
fn pieces(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> + Clone + '_ {
    let is_digit = |byte: &u8| Shape::of_byte(*byte).within(DIGITS);
    let mut at = 0_usize;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let start = at.saturating_add(rest.iter().position(is_digit)?);
        let rest = bytes.get(start..)?;
        let len = rest.iter().position(|byte| !is_digit(byte)).unwrap_or(rest.len());
        let padding = rest.get(len..)?.iter().take_while(|byte| **byte == b'=').count();
        let goes_on = rest.get(len.saturating_add(padding)).is_some_and(is_digit);
        let end = start.saturating_add(len).saturating_add(if goes_on { 0 } else { padding.min(2) });
        at = end;
        Some(start..end)
    })
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    for (index, piece) in (0_usize..).zip(pieces(bytes)) {
        let view = fields.view(piece);
        fields.leaf(Key::Index(to_u32(index)), view, Kind::Text);
    }
    fields.found("joined values")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{Name, walk_bytes};
    use proptest::prelude::*;

    fn fits_text(text: &str) -> bool {
        fits(
            &Hint {
                part: None,
                content_type: None,
                encoding: None,
                name: Name::NONE,
                within: &[],
                whole: true,
                protos: None,
            },
            text.as_bytes(),
        ) == Match::Maybe
    }

    proptest! {
        #[test]
        fn what_is_left_early_has_no_encoded_piece(
            text in prop_oneof!["([0-9a-f]{20,34}[:.,]?){1,3}", "([A-Za-z0-9+/_-]{0,26}={0,3}[:;?{},.!]){0,5}[A-Za-z0-9]{0,30}", "[{]?[A-Za-z0-9]{22}={0,3}", "\\PC{0,60}"],
        ) {
            prop_assert_eq!(fits_text(&text), fits_pieces(text.as_bytes()) == Match::Maybe);
        }
    }

    #[test]
    fn names_addresses_and_numbers_are_not_taken_apart() {
        for text in [
            "com.example.messenger.conversation.ConversationListFragment",
            "1:1234567890:android:0a1b2c3d4e5f60718293",
            "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
            "priya.canary7@mail.example.test",
            "2026-11-02T09:00:00.123456789+01:00",
            "urn:uuid:38400000-8cf0-11bd-b23e-10b96e40000d",
            "cAbCdEfGhIjKlMnOpQrSt1:APA91bHun4MxP5egoKMwt2KZFBaFUH0RxQxXyZ1aB2cD3eF4gH5iJ6",
            "The_heron_lands_at_dusk:and_never_before_the_tide_is_out",
        ] {
            assert!(!fits_text(text), "{text}");
        }
    }

    #[test]
    fn what_is_joined_is_opened_to_its_end() {
        let packed = {
            use std::io::Write as _;
            let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            to.write_all(b"{\"m\":\"The heron lands at dusk\"}").unwrap();
            data_encoding::BASE64.encode(&to.finish().unwrap())
        };
        for text in [format!("enc:{packed}"), format!("{{cipher}}{packed}"), format!("v2.local.{packed}.AAEC")] {
            let body = serde_json::json!({ "d": text }).to_string();
            let found = walk_bytes(body, None, |tree| {
                tree.leaves().any(|(_, node)| tree.bytes(node) == b"The heron lands at dusk")
            });
            assert!(found, "{text}");
        }
    }
}
