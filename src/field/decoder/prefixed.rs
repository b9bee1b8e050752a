//! Compressed bytes behind a short header of somebody's own: a length (Qt's `qCompress`, .NET), a magic, a flag.
//!
//! Such a header is in no standard. Where nothing else opens bytes, and a compressed stream begins a few bytes into them
//! and ends, checked, where they do, that is what they are.

use crate::bytes::{Malformed, Match};
use crate::field::inflate::{header, inflate, is_checked};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::budget;
use crate::model::field::Kind;
use std::ops::Range;
use zstd::stream::raw::{DParameter, Decoder as Frames, InBuffer, Operation as _, OutBuffer};

/// The entry.
pub(super) static PREFIXED: Decoder = Decoder {
    name: "prefixed",
    about: "gzip, zlib and Zstandard streams behind a header of a few bytes",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::BINARY, none: Shape::NONE, min: SHORTEST + 1, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"\x00\x00\x00\x17\x78\x9c\x0b\xc9\x48\x55\xc8\x48\x2d\xca\xcf\x53\xc8\x49\xcc\x4b\x29\x56\x48\x2c\x51\x48\x29\x2d\xce\x06\x00\x62\xd6\x08\x5c",
            hint: "",
            shows: "The heron lands at dusk",
            trail: "prefixed [1] > zlib",
        },
        Sample {
            bytes: b"LOGZ\x01\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x0b\xc9\x48\x55\xc8\x48\x2d\xca\xcf\x53\xc8\x49\xcc\x4b\x29\x56\x48\x2c\x51\x48\x29\x2d\xce\x06\x00\xd9\x35\xc1\xf4\x17\x00\x00\x00",
            hint: "",
            shows: "The heron lands at dusk",
            trail: "prefixed [1] > gzip",
        },
    ],
};

/// The longest header.
const HEADER: usize = 16;
/// The shortest stream.
const SHORTEST: usize = 8;
/// Bytes of output that no other bytes than a stream's come to, where a budget ends it.
const LONG: usize = 64 << 10;

#[derive(Clone, Copy)]
enum Packing {
    Gzip,
    Zlib,
    Zstd,
}

/// What a stream that begins so may be.
fn begins(bytes: &[u8]) -> Option<Packing> {
    match bytes {
        [0x1f, 0x8b, 8, flags, ..] if *flags < 0x20 => Some(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
        // A window up to 32 KiB, no preset dictionary, and the header's check (RFC 1950, section 2.2).
        [cmf, flg, ..]
            if cmf & 0x0f == 8
                && cmf >> 4 <= 7
                && flg & 0x20 == 0
                && (u16::from(*cmf) << 8 | u16::from(*flg)).is_multiple_of(31) =>
        {
            Some(Packing::Zlib)
        }
        _ => None,
    }
}

/// The length of the stream at the start of `bytes`, if it is whole and its check is right.
fn stream(bytes: &[u8], limit: usize) -> Option<usize> {
    match begins(bytes)? {
        Packing::Gzip => {
            let body = header(bytes).ok()?;
            let member = inflate(bytes.get(body..)?, false, limit);
            let end = body.saturating_add(member.used);
            let trailer = bytes.get(end..).unwrap_or_default();
            let whole = member.done && is_checked(trailer, &member.bytes);
            let long = member.over && member.bytes.len() >= LONG;
            (whole || long).then(|| if long { bytes.len() } else { end.saturating_add(8) })
        }
        Packing::Zlib => {
            let out = inflate(bytes, true, limit);
            let long = out.over && out.bytes.len() >= LONG;
            (out.done && !out.bytes.is_empty() || long).then_some(if long { bytes.len() } else { out.used })
        }
        Packing::Zstd => frame(bytes, limit),
    }
}

/// The length of a Zstandard frame. Its check is optional, but its blocks say where it ends.
fn frame(bytes: &[u8], limit: usize) -> Option<usize> {
    let mut frames = Frames::new().ok()?;
    frames.set_parameter(DParameter::WindowLogMax(budget::ZSTD_WINDOW_LOG)).ok()?;
    let mut chunk = vec![0_u8; 64 << 10];
    let (mut at, mut put) = (0_usize, 0_usize);
    while put <= limit {
        let mut input = InBuffer::around(bytes.get(at..)?);
        let mut output = OutBuffer::around(&mut chunk[..]);
        let left = frames.run(&mut input, &mut output).ok()?;
        let (took, gave) = (input.pos(), output.pos());
        at = at.saturating_add(took);
        put = put.saturating_add(gave);
        if left == 0 {
            return Some(at);
        }
        if took == 0 && gave == 0 {
            return None;
        }
    }
    (put >= LONG).then_some(bytes.len())
}

/// Streams that follow each other up to the end, each behind a header; bytes left over at the end are as few.
fn streams(bytes: &[u8], limit: usize) -> Option<Vec<Range<usize>>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut at = 0_usize;
    while found.len() < budget::PREFIXED_STREAMS {
        let headers = usize::from(found.is_empty())..=HEADER;
        let next = headers.map(|header| at.saturating_add(header)).find_map(|start| {
            let len = stream(bytes.get(start..)?, limit)?;
            Some(start..start.saturating_add(len))
        });
        let Some(next) = next else { break };
        at = next.end;
        found.push(next);
    }
    (!found.is_empty() && bytes.len().saturating_sub(at) <= HEADER).then_some(found)
}

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let begins = |at: usize| bytes.get(at..).filter(|rest| rest.len() >= SHORTEST).and_then(begins).is_some();
    if (1..=HEADER).any(begins) { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let (limit, _) = fields.room(bytes.len());
    let streams = streams(bytes, limit).ok_or(Malformed::Illegal("compressed stream behind a header"))?;
    let (mut at, mut index) = (0_usize, 0_u32);
    for stream in streams {
        for (range, opens) in [(at..stream.start, false), (stream.clone(), true)] {
            if range.is_empty() {
                continue;
            }
            let view = fields.view(range);
            if opens {
                fields.leaf(Key::Index(index), view, Kind::Bytes);
            } else {
                fields.unopened_leaf(Key::Index(index), view, Kind::Bytes);
            }
            index = index.saturating_add(1);
        }
        at = stream.end;
    }
    if at < bytes.len() {
        let view = fields.view(at..bytes.len());
        fields.unopened_leaf(Key::Index(index), view, Kind::Bytes);
    }
    fields.tentative();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::packed;
    use crate::field::walk_bytes;
    use proptest::prelude::*;

    const TEXT: &[u8] = b"The heron lands at dusk, and the otter sleeps until the tide is out.";

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn streams_behind_a_header_are_found(
            header in proptest::collection::vec(any::<u8>(), 1..=HEADER), how in proptest::collection::vec(0..3_usize, 1..4),
            cut in any::<bool>(),
        ) {
            let mut bytes: Vec<u8> = how.iter().flat_map(|how| [header.clone(), packed(TEXT, *how)].concat()).collect();
            let found = streams(&bytes, 1 << 20).map(|found| found.len());
            prop_assert_eq!(found, Some(how.len()));
            if cut {
                // What is cut short is no whole stream, and might be anything.
                bytes.truncate(bytes.len() - 30);
                prop_assert!(streams(&bytes, 1 << 20).is_none_or(|found| found.len() < how.len()));
            }
        }

        #[test]
        fn random_bytes_hold_no_stream(bytes in proptest::collection::vec(any::<u8>(), 9..600)) {
            prop_assert!(streams(&bytes, 1 << 20).is_none());
        }
    }

    #[test]
    fn headers_of_known_libraries_are_passed() {
        let len = u32::try_from(TEXT.len()).unwrap();
        for (name, header, how) in [
            ("Qt", len.to_be_bytes().to_vec(), 1),
            (".NET", len.to_le_bytes().to_vec(), 0),
            ("a flag and a length", vec![1, 0, 0, 0, 0x44], 2),
            ("a magic", b"\0\x01LOGZ".to_vec(), 1),
        ] {
            let bytes = [header, packed(TEXT, how)].concat();
            let body = serde_json::json!({ "log": data_encoding::BASE64.encode(&bytes) }).to_string();
            for body in [bytes, body.into_bytes()] {
                let found = walk_bytes(body, None, |tree| tree.leaves().any(|(_, node)| tree.bytes(node) == TEXT));
                assert!(found, "{name}");
            }
        }
    }
}
