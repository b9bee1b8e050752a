//! CBOR (RFC 8949): one map or array, all bytes explained.

use crate::bytes::{Cursor, Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_media_type;
use crate::field::typed::{Builder, Item, may_build};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::Kind;

/// The entry.
pub(super) static CBOR: Decoder = Decoder {
    name: "cbor",
    about: "CBOR (RFC 8949)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::HIGH, none: Shape::NONE, min: 5, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"\xa2\x61n\x01\x64text\x82\xf5\x69The heron",
            hint: "",
            shows: "The heron",
            trail: "cbor text[1]",
        },
        Sample { bytes: b"\xbf\x61t\x9f\x69The heron\xff\xff", hint: "", shows: "The heron", trail: "cbor t[0]" },
        Sample {
            bytes: b"\xa2ax\xd8\x18M\xa1axiThe heronan\x01",
            hint: "application/cbor",
            shows: "The heron",
            trail: "cbor x > cbor x",
        },
    ],
};

/// Bytes of text in what is taken for a value undeclared.
const FEWEST: usize = 4;

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    let declared = is_media_type(hint.content_type, &["application/cbor", "+cbor"]);
    match bytes.first() {
        Some(0x81..=0x9b | 0x9f | 0xa1..=0xbb | 0xbf | 0xc0..=0xdb) if declared => Match::Certain,
        Some(0x81..=0x9b | 0x9f | 0xa1..=0xbb | 0xbf) if may_build(Cursor::new(bytes), FEWEST, item) => Match::Maybe,
        // Messages of COSE (RFC 9052): an array behind the tag that says which.
        Some(0xd0..=0xd2) if bytes.get(1).is_some_and(|next| matches!(next, 0x83 | 0x84)) => Match::Certain,
        Some(0xd8) if matches!(bytes.get(1..3), Some([0x60..=0x62, 0x84 | 0x85])) => Match::Certain,
        // The tag that says nothing but "CBOR".
        Some(0xd9) if bytes.starts_with(b"\xd9\xd9\xf7") => Match::Certain,
        _ => Match::No,
    }
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let declared = fits(hint, bytes) == Match::Certain;
    let mut cursor = Cursor::new(bytes);
    let mut builder = Builder::new(fields);
    while !builder.item(item(&mut cursor)?)? {}
    let texts = builder.texts;
    cursor.finish("CBOR value")?;
    if !declared && texts < FEWEST { Err(Malformed::Illegal("CBOR value")) } else { Ok(()) }
}

fn item(cursor: &mut Cursor<'_>) -> Result<Item, Malformed> {
    const WHAT: &str = "CBOR value";
    let mut start = cursor.position();
    let (mut major, mut info) = head(cursor)?;
    // Tags say how to read what follows; the value is what counts.
    let mut tag = None;
    while major == 6 {
        tag = Some(argument(cursor, info)?.ok_or(Malformed::Illegal("CBOR tag"))?);
        start = cursor.position();
        (major, info) = head(cursor)?;
    }
    if major == 7 {
        let kind = match info {
            31 => return Ok(Item::Leave(cursor.position())),
            25 => Kind::Float(half(cursor.u16(WHAT)?)),
            26 => Kind::Float(f64::from(f32::from_bits(cursor.u32(WHAT)?))),
            27 => Kind::Float(f64::from_bits(cursor.u64(WHAT)?)),
            0..=24 => {
                argument(cursor, info)?;
                Kind::Simple
            }
            _ => return Err(Malformed::Illegal(WHAT)),
        };
        return Ok(Item::Leaf(kind, start..cursor.position()));
    }
    let argument = argument(cursor, info)?;
    match (major, argument) {
        (0, Some(number)) => Ok(Item::Leaf(Kind::Integer(i128::from(number)), start..cursor.position())),
        (1, Some(number)) => Ok(Item::Leaf(Kind::Integer(-1 - i128::from(number)), start..cursor.position())),
        (2 | 3, Some(len)) => {
            let start = cursor.position();
            let value = cursor.take(usize::try_from(len).unwrap_or(usize::MAX), WHAT)?;
            if major == 3 && std::str::from_utf8(value).is_err() {
                return Err(Malformed::Illegal("CBOR text"));
            }
            let kind = match (major, tag) {
                (3, _) => Kind::Text,
                // A number too large for eight bytes (section 3.4.3), if it fits sixteen.
                (_, Some(sign @ (2 | 3))) if value.len() < 16 => {
                    let number = value.iter().fold(0_i128, |number, byte| number << 8 | i128::from(*byte));
                    Kind::Integer(if sign == 2 { number } else { -1 - number })
                }
                // CBOR in a byte string (section 3.4.5.1).
                (_, Some(24)) => return Ok(Item::Typed("application/cbor", start..cursor.position())),
                _ => Kind::Bytes,
            };
            Ok(Item::Leaf(kind, start..cursor.position()))
        }
        // Strings in pieces are shown as lists of them.
        (2..=5, count) => Ok(Item::Enter { count, is_map: major == 5, start }),
        _ => Err(Malformed::Illegal(WHAT)),
    }
}

fn head(cursor: &mut Cursor<'_>) -> Result<(u8, u8), Malformed> {
    let first = cursor.u8("CBOR value")?;
    Ok((first >> 5, first & 0x1f))
}

/// The argument of a head (section 3): `None` for an indefinite length.
fn argument(cursor: &mut Cursor<'_>, info: u8) -> Result<Option<u64>, Malformed> {
    const WHAT: &str = "CBOR length";
    Ok(Some(match info {
        0..=23 => u64::from(info),
        24 => u64::from(cursor.u8(WHAT)?),
        25 => u64::from(cursor.u16(WHAT)?),
        26 => u64::from(cursor.u32(WHAT)?),
        27 => cursor.u64(WHAT)?,
        31 => return Ok(None),
        _ => return Err(Malformed::Illegal(WHAT)),
    }))
}

/// A number of half precision (appendix D).
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let value = match exponent {
        0 => mantissa * f64::powi(2.0, -24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * f64::powi(2.0, exponent.saturating_sub(25)),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}

#[cfg(test)]
mod tests {
    use crate::field::walk_bytes;
    use crate::model::field::Kind;

    /// What cbor2 writes for large numbers, a time, and CBOR inside CBOR.
    #[test]
    fn tags_say_how_to_read_what_follows() {
        let packed = b"\xa5at\xd8\x18M\xa1axiThe heronab\xc2I@\0\0\0\0\0\0\0\0an\xc3I?\xff\xff\xff\xff\xff\xff\xff\xff\
                       ae\xc1\x1aj\xe8Q\x10dnoteewords";
        walk_bytes(*packed, None, |tree| {
            let mut leaves: Vec<_> = tree.leaves().map(|(id, node)| (tree.trail(id).join(" > "), node.kind)).collect();
            leaves.sort_by(|a, b| a.0.cmp(&b.0));
            let want = [
                ("cbor b", Kind::Integer(1 << 70)),
                ("cbor e", Kind::Integer(1_793_610_000)),
                ("cbor n", Kind::Integer(-(1 << 70))),
                ("cbor note", Kind::Text),
                ("cbor t > cbor x", Kind::Text),
            ];
            assert_eq!(leaves, want.map(|(trail, kind)| (trail.to_owned(), kind)));
        });
    }
}
