//! Raw deflate (RFC 1951): no header and no check, so taken only on strong grounds.

use crate::bytes::{Malformed, Match};
use crate::field::blocks::{SHORTEST, may_be};
use crate::field::inflate::inflate;
use crate::field::shape::{Filter, Shape};
use crate::field::text::{is_text, is_text_so_far};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};

/// The entry.
pub(super) static DEFLATE: Decoder = Decoder {
    name: "deflate",
    about: "raw deflate (RFC 1951)",
    layer: true,
    codings: &["deflate", "deflate-raw"],
    filter: Filter { any: Shape::BINARY, none: Shape::NONE, min: 16, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[Sample { bytes: HERON, hint: "", shows: "The heron lands at dusk", trail: "deflate" }],
};

const HERON: &[u8] =
    b"\x0b\xc9\x48\x55\xc8\x48\x2d\xca\xcf\x53\xc8\x49\xcc\x4b\x29\x56\x48\x2c\x51\x48\x29\x2d\xce\x06\x00";

/// Bytes of output that no other bytes than a stream's come to.
const LONG: usize = 64 << 10;
/// Bytes of text that no other bytes than a stream's come to, though it is cut short.
const LONG_TEXT: usize = 64;

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if may_be(bytes) { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let (limit, budget) = fields.room(bytes.len());
    let out = inflate(bytes, false, limit);
    if hint.encoding.is_some() {
        if out.bytes.is_empty() {
            return Err(Malformed::Illegal("deflate stream"));
        }
        if !out.done || out.used < bytes.len() {
            fields.damaged();
            if !out.over {
                fields.ends(out.used);
            }
        }
    } else if out.over && out.bytes.len() >= LONG {
        // Nothing but a stream goes on for so long: what its budget cut off is told.
        fields.damaged();
    } else if !out.done
        && !out.broken
        && out.used == bytes.len()
        && out.bytes.len() >= LONG_TEXT
        && is_text_so_far(&out.bytes)
    {
        fields.damaged();
    } else if !out.done || out.used != bytes.len() || out.bytes.len() < SHORTEST {
        return Err(Malformed::Illegal("deflate stream"));
    } else if !is_text(&out.bytes) {
        fields.tentative();
    }
    if out.over {
        fields.exhausted(budget);
    }
    fields.whole(out.bytes, Reach::Blocks(out.way), Kind::Bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    const HINT: Hint<'_> = Hint {
        part: None,
        content_type: None,
        encoding: None,
        name: crate::field::Name::NONE,
        within: &[],
        whole: true,
        protos: None,
    };

    fn is_stream(bytes: &[u8]) -> bool {
        let out = inflate(bytes, false, 1 << 20);
        out.over || (out.done && out.used == bytes.len() && out.bytes.len() >= SHORTEST)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_048, ..ProptestConfig::default() })]

        #[test]
        fn what_does_not_fit_is_no_stream(
            first in prop_oneof![Just(2_u8), Just(3), Just(4), Just(5)], high in any::<u8>(),
            rest in proptest::collection::vec(any::<u8>(), 15..48), text in "(heron |dusk |lands ){4,30}[a-z]{0,9}",
            best in 1..10_u32, at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(best));
            packed.write_all(text.as_bytes()).unwrap();
            let packed = packed.finish().unwrap();
            prop_assert_eq!(fits(&HINT, &packed), Match::Maybe);
            let mut damaged = packed.clone();
            let at = at.index(damaged.len());
            damaged[at] = byte;
            let mut random = vec![first | high << 3];
            random.extend(rest);
            let fixed = [&packed, &random[..]].concat();
            for bytes in [damaged, random, fixed] {
                if fits(&HINT, &bytes) == Match::No {
                    prop_assert!(!is_stream(&bytes), "{}", bytes.escape_ascii());
                }
            }
        }
    }
}
