//! Base58 in Bitcoin's alphabet, with or without a check (base58check): payment addresses, keys, short identifiers.
//!
//! Names and identifiers are made of the same letters. So a check has to hold, or what comes out has to be text or something
//! that a decoder can open.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_text;
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};
use sha2::{Digest as _, Sha256};

/// The entry.
pub(super) static BASE58: Decoder = Decoder {
    name: "base58",
    about: "base58, with or without a check (base58check)",
    layer: true,
    codings: &[],
    filter: Filter { any: Shape::LOWER, none: Shape::ALNUM.complement(), min: SHORTEST, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"2k7ks826veB46nntQddeFUD6iuEytmmk",
            hint: "",
            shows: "The heron lands at dusk",
            trail: "base58",
        },
        Sample {
            bytes: b"CQfu4DvE7HeSFgRXCu6h7iGMSWxBb4mAfA6h5",
            hint: "",
            shows: "The heron lands at dusk",
            trail: "base58",
        },
    ],
};

/// Nine bytes of text: by chance one value in eight thousand reads so, and hardly any of those is spread like digits.
const SHORTEST: usize = 12;
/// Digits from which what does not read as text may still hold something.
const LONG: usize = 18;
/// Taking digits apart costs their number squared.
const LONGEST: usize = 512;
/// Classes of digits.
const UPPER: u8 = 1;
const LOWER: u8 = 2;
const DIGIT: u8 = 4;
/// Bytes of the check.
const CHECK: usize = 4;

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if bytes.len() > LONGEST {
        return Match::No;
    }
    let (mut seen, mut changes, mut before) = (0_u8, 0_usize, 0_u8);
    for byte in bytes {
        let class = match byte {
            b'0' | b'O' | b'I' | b'l' => return Match::No,
            b'A'..=b'Z' => UPPER,
            b'a'..=b'z' => LOWER,
            _ => DIGIT,
        };
        changes = changes.saturating_add(usize::from(class != before));
        seen |= class;
        before = class;
    }
    // Three neighbours in ten, as digits drawn by lot have six; the first has none before it.
    let spread = changes.saturating_sub(1).saturating_mul(10) >= bytes.len().saturating_mul(3);
    let mixed = seen & (UPPER | LOWER) == UPPER | LOWER && (seen & DIGIT != 0 || bytes.len() >= LONG);
    if spread && mixed && (bytes.len() >= LONG || short_holds_text(bytes)) { Match::Maybe } else { Match::No }
}

/// Whether a value of fewer than [`LONG`] digits stands for text, with a check behind it or without: told by one number,
/// before anything is allocated.
fn short_holds_text(digits: &[u8]) -> bool {
    // 17 digits are less than 100 bits.
    let value = digits.iter().take(LONG).fold(0_u128, |value, digit| {
        let digit = match digit {
            b'1'..=b'9' => digit.wrapping_sub(b'1'),
            b'A'..=b'H' => digit.wrapping_sub(b'A').wrapping_add(9),
            b'J'..=b'N' => digit.wrapping_sub(b'J').wrapping_add(17),
            b'P'..=b'Z' => digit.wrapping_sub(b'P').wrapping_add(22),
            b'a'..=b'k' => digit.wrapping_sub(b'a').wrapping_add(33),
            _ => digit.wrapping_sub(b'm').wrapping_add(44),
        };
        value.wrapping_mul(58).wrapping_add(u128::from(digit))
    });
    let bytes = value.to_be_bytes();
    let zeros = (value.leading_zeros() / 8) as usize;
    let out = bytes.get(zeros..).unwrap_or_default();
    is_text(out) || out.split_last_chunk::<CHECK>().is_some_and(|(payload, _)| is_text(payload))
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("base58");
    let mut out = bs58::decode(bytes).into_vec().map_err(|_| WHAT)?;
    let checked = out.split_last_chunk::<CHECK>().filter(|(payload, _)| !payload.is_empty());
    // Two hashes are dear: of a short value they are worth it only where they would leave text.
    let worth = checked.filter(|(payload, _)| bytes.len() >= LONG || is_text(payload));
    let holds = worth.is_some_and(|(payload, check)| {
        Sha256::digest(Sha256::digest(payload)).first_chunk::<CHECK>().is_some_and(|sum| sum == check)
    });
    if holds {
        out.truncate(out.len().saturating_sub(CHECK));
    } else if !is_text(&out) {
        if bytes.len() < LONG {
            return Err(WHAT);
        }
        fields.tentative();
    }
    fields.whole(out, Reach::Within { start: 0, end: to_u32(bytes.len()) }, Kind::Bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::walk_bytes;

    #[test]
    fn short_values_are_opened_where_they_hold_text() {
        let check = |text: &[u8]| Sha256::digest(Sha256::digest(text)).get(..4).unwrap().to_vec();
        for text in ["heron at 5", "x7 herons!", "Herons 12"] {
            let bare = bs58::encode(text).into_string();
            assert!(short_holds_text(bare.as_bytes()), "{bare}");
            let checked = bs58::encode([text.as_bytes(), &check(text.as_bytes())].concat()).into_string();
            assert!(checked.len() >= LONG || short_holds_text(checked.as_bytes()), "{checked}");
        }
        // Every digit, beside what the library reads.
        for digits in ["123456789ABCDEFGH", "2JKLMNPQRSTUVWXYZ", "2abcdefghijkmnopq", "2rstuvwxyz"] {
            let out = bs58::decode(digits).into_vec().unwrap();
            let payload = out.split_last_chunk::<CHECK>().unwrap().0;
            assert_eq!(short_holds_text(digits.as_bytes()), is_text(&out) || is_text(payload), "{digits}");
        }
    }

    #[test]
    fn an_address_is_opened_to_its_payload_and_a_typo_is_not() {
        // The first address that was ever paid: version 0 and twenty bytes of hash.
        let trails = |text: &str| {
            walk_bytes(text, None, |tree| {
                tree.leaves().map(|(id, node)| (tree.trail(id).join(" > "), tree.bytes(node).len())).collect::<Vec<_>>()
            })
        };
        assert_eq!(trails("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"), [("base58".to_owned(), 21)]);
        assert!(!trails("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb").iter().any(|(trail, _)| trail == "base58"));
    }
}
