//! bzip2.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::unpack;
use crate::field::{Decoder, Fields, Hint, Sample};
use ::bzip2::bufread::BzDecoder;

/// The entry.
pub(super) static BZIP2: Decoder = Decoder {
    name: "bzip2",
    about: "bzip2",
    layer: true,
    codings: &["bzip2", "x-bzip2"],
    filter: Filter { any: Shape::BINARY, none: Shape::NONE, min: 14, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[Sample { bytes: b"BZh91AY&SY\xf1N\x08-\x00\x00\x07\x93\x80@\x01\x04\x00&m\x9e\x80 \x00TD\xd3#\x13\x13\x02Jh\x01\xa6\x84\x8e\x10]:\xd9J\xd8\xf7\x06,Hqi2\xde\x06!L\xeau\x04x\xe0Y\x82\xe0\xbb\x92)\xc2\x84\x87\x8apAh", hint: "", shows: "The heron waits", trail: "bzip2" }],
};

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    match bytes {
        // A block's magic is pi, an empty stream's is the square root of it.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => Match::Certain,
        _ => Match::No,
    }
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: &str = "bzip2 stream";
    if fits(hint, bytes) == Match::No {
        return Err(Malformed::Illegal(WHAT));
    }
    let (limit, budget) = fields.room(bytes.len());
    let mut rest = bytes;
    let mut unpacked = unpack::read(BzDecoder::new(&mut rest), limit);
    // Streams may follow one another.
    while unpacked.done && fits(hint, rest) == Match::Certain {
        let more = unpack::read(BzDecoder::new(&mut rest), limit.saturating_sub(unpacked.bytes.len()));
        unpacked.bytes.extend_from_slice(&more.bytes);
        (unpacked.done, unpacked.over) = (more.done, more.over);
    }
    if unpacked.done {
        fields.ends(bytes.len().saturating_sub(rest.len()));
    }
    unpack::put(unpacked, bytes.len(), budget, WHAT, fields)
}
