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
    filter: Filter { any: Shape::LOWER, none: Shape::ALNUM.complement(), min: SHORTEST },
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
/// Bytes of the check.
const CHECK: usize = 4;

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if bytes.len() > LONGEST || memchr::memchr3(b'0', b'O', b'I', bytes).is_some() || bytes.contains(&b'l') {
        return Match::No;
    }
    let class = |byte: &u8| match byte {
        b'A'..=b'Z' => 0_u8,
        b'a'..=b'z' => 1,
        _ => 2,
    };
    let changes = bytes.iter().zip(bytes.iter().skip(1)).filter(|(a, b)| class(a) != class(b)).count();
    let has = |which: u8| bytes.iter().any(|byte| class(byte) == which);
    // Three neighbours in ten, as digits drawn by lot have six.
    let spread = changes.saturating_mul(10) >= bytes.len().saturating_mul(3);
    if spread && has(0) && has(1) && (has(2) || bytes.len() >= LONG) { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("base58");
    let mut out = bs58::decode(bytes).into_vec().map_err(|_| WHAT)?;
    let checked = out.split_last_chunk::<CHECK>().filter(|(payload, _)| !payload.is_empty());
    let holds = checked.is_some_and(|(payload, check)| {
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
    use crate::field::walk_bytes;

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
