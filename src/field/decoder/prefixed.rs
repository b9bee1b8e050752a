//! Compressed bytes behind a header of somebody's own, between others, and one after the other: a length (Qt's
//! `qCompress`, .NET), a magic, a record's header, lines of text.
//!
//! Such a frame is in no standard. Where nothing else opens bytes, and a compressed stream stands in them whose check is
//! right, or that comes to a text, that is what they hold. What stands around streams is read like any field.

use crate::bytes::{Malformed, Match};
use crate::field::blocks::may_be;
use crate::field::inflate::{Inflated, header, inflate, is_checked, is_gzip, is_zlib};
use crate::field::shape::{Filter, Shape};
use crate::field::text::{is_text, is_text_so_far};
use crate::field::unpack::{self, Unpacked};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::budget;
use crate::model::field::Kind;
use ::bzip2::bufread::BzDecoder;
use lz4_flex::frame::FrameDecoder;
use lzma_rust2::XzReader;
use memchr::memmem::Finder;
use std::ops::Range;
use std::sync::LazyLock;
use zstd::stream::raw::{DParameter, Decoder as Frames, InBuffer, Operation as _, OutBuffer};

/// The entry.
pub(super) static PREFIXED: Decoder = Decoder {
    name: "prefixed",
    about: "gzip, zlib, raw deflate, Zstandard, xz, bzip2 and LZ4 streams, and ZIP archives, behind headers and between other bytes",
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

/// The longest header that is told by no more than what follows it.
const HEADER: usize = 16;
/// The longest header in front of a stream that a length, or an unusual window of zlib, tells.
const FRAME: usize = 64;
/// How far behind one stream the next is looked for, and how far in front the first one whose beginning is short.
const GAP: usize = 4 << 10;
/// The shortest stream.
const SHORTEST: usize = 8;
/// Bytes of text that no other bytes than a stream's come to, where no check speaks for it.
const TEXT: usize = 24;
/// Bytes of other output that raw deflate must come to, where it ends with all there is and nothing else speaks for it.
const OTHER: usize = 64;
/// Bytes of output that no other bytes than a stream's come to, where a budget ends it.
const LONG: usize = 64 << 10;
/// Bytes that are gone through faster than by looking for one beginning after the other.
const SHORT: usize = 1 << 10;
/// Places at which streams may begin that are looked at more closely, for one stream.
const TRIES: usize = 64;

#[derive(Clone, Copy)]
enum Packing {
    Gzip,
    Zlib,
    Zstd,
    Xz,
    Bzip2,
    Lz4,
    Zip,
}

/// What streams begin with, of those that begin with more than a byte or two.
const MAGICS: [&[u8]; 6] =
    [b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh", b"\x04\x22\x4d\x18", b"PK\x03\x04"];

/// What a stream that begins so may be.
fn begins(bytes: &[u8]) -> Option<Packing> {
    match bytes {
        _ if is_gzip(bytes) => Some(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Packing::Xz),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => Some(Packing::Bzip2),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some(Packing::Lz4),
        [b'P', b'K', 3, 4, ..] => is_member(bytes).then_some(Packing::Zip),
        _ => is_zlib(bytes).then_some(Packing::Zlib),
    }
}

/// Whether bytes begin like a member of a ZIP archive (APPNOTE.TXT 6.3.10 section 4.3.7): of a version and method that there
/// are, and with a name.
fn is_member(bytes: &[u8]) -> bool {
    let le = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk).map(|two| u16::from_le_bytes(*two));
    let known = le(4).is_some_and(|version| version & 0xff <= 63)
        && le(8).is_some_and(|method| matches!(method, 0..=19 | 93..=99));
    let name = le(26).and_then(|len| bytes.get(30..)?.get(..usize::from(len)));
    known && name.is_some_and(|name| !name.is_empty() && name.iter().all(|byte| *byte >= b' '))
}

/// A stream that was found.
struct Stream {
    /// Its bytes.
    len: usize,
    /// Bytes that came out of it.
    put: usize,
}

/// The stream at the start of `bytes`, if it is whole and its check is right, or what came out of it can be nothing else.
fn stream(bytes: &[u8], limit: usize) -> Option<Stream> {
    let all = bytes.len();
    match begins(bytes)? {
        Packing::Gzip => {
            let body = header(bytes).ok()?;
            let member = inflate(bytes.get(body..)?, false, limit);
            let end = body.saturating_add(member.used);
            let trailer = bytes.get(end..).unwrap_or_default();
            let put = member.bytes.len();
            let checked =
                member.done && (is_checked(trailer, &member.bytes) || (put >= TEXT && is_text(&member.bytes)));
            let len =
                if checked { end.saturating_add(8).min(all) } else { is_cut(&member, body, all).then_some(all)? };
            Some(Stream { len, put })
        }
        Packing::Zlib => {
            let out = inflate(bytes, true, limit);
            let put = out.bytes.len();
            let len = if out.done && put > 0 { out.used } else { is_cut(&out, 0, all).then_some(all)? };
            Some(Stream { len, put })
        }
        Packing::Zstd => frame(bytes, limit),
        // An archive says itself where it ends: what follows it is left over there.
        Packing::Zip => Some(Stream { len: all, put: all }),
        packing => {
            let mut rest = bytes;
            let Unpacked { bytes: out, done, over } = match packing {
                Packing::Xz => unpack::read(XzReader::new(&mut rest, false), limit),
                Packing::Bzip2 => unpack::read(BzDecoder::new(&mut rest), limit),
                _ => unpack::read(FrameDecoder::new(&mut rest), limit),
            };
            let long = over && out.len() >= LONG;
            let len = if long { all } else { all.saturating_sub(rest.len()) };
            ((done && !out.is_empty()) || long).then_some(Stream { len, put: out.len() })
        }
    }
}

/// Whether a stream from `body` on goes on beyond the end of all bytes, or beyond a budget.
fn is_cut(out: &Inflated, body: usize, all: usize) -> bool {
    let long = out.over && out.bytes.len() >= LONG;
    let ends = !out.done && !out.over && body.saturating_add(out.used) == all;
    // As much as tells a stream of zlib that is cut short.
    long || (ends && out.bytes.len() >= 32 && is_text_so_far(&out.bytes))
}

/// Raw deflate from `at` on: behind a length that tells its bytes or those that come out of it, or behind a short header and up
/// to the end.
fn raw(bytes: &[u8], from: usize, at: usize, limit: usize) -> Option<Stream> {
    let rest = bytes.get(at..)?;
    let header = at.saturating_sub(from);
    let four =
        at.checked_sub(4).filter(|start| *start >= from).and_then(|start| bytes.get(start..)?.first_chunk::<4>());
    if let Some(four) = four {
        for told in [u32::from_be_bytes(*four), u32::from_le_bytes(*four)] {
            let told = usize::try_from(told).ok()?;
            if let Some(packed) = rest.get(..told).filter(|packed| packed.len() >= SHORTEST)
                && may_be(packed)
            {
                let out = inflate(packed, false, limit);
                if out.done && out.used == told && out.bytes.len() >= TEXT {
                    return Some(Stream { len: told, put: out.bytes.len() });
                }
            }
            // The first block is the last one, or its codes are told.
            let fits = told >= TEXT && told <= limit.min(rest.len().saturating_mul(1_032));
            if fits && rest.first().is_some_and(|first| matches!(first & 7, 3..=5)) {
                let out = inflate(rest, false, told);
                if out.done && out.bytes.len() == told {
                    return Some(Stream { len: out.used, put: told });
                }
            }
        }
    }
    if (1..=HEADER).contains(&header) && rest.len() >= SHORTEST && may_be(rest) {
        let out = inflate(rest, false, limit);
        let (put, ends) = (out.bytes.len(), out.done && out.used == rest.len());
        if ends && (put >= OTHER || (put >= TEXT && is_text(&out.bytes))) {
            return Some(Stream { len: rest.len(), put });
        }
    }
    None
}

/// The Zstandard frame at the start of `bytes`. Its check is optional, but its blocks say where it ends.
fn frame(bytes: &[u8], limit: usize) -> Option<Stream> {
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
            return (put > 0).then_some(Stream { len: at, put });
        }
        if took == 0 && gave == 0 {
            return None;
        }
    }
    (put >= LONG).then_some(Stream { len: bytes.len(), put })
}

/// Where streams may begin in `window`, in order, by what they begin with.
fn beginnings(window: &[u8]) -> Vec<usize> {
    /// Built once: many values are asked for them.
    static FINDERS: LazyLock<[Finder<'static>; 6]> = LazyLock::new(|| MAGICS.map(Finder::new));
    let mut found: Vec<usize> = Vec::new();
    let is_one = |at: &usize| window.get(*at..).and_then(begins).is_some();
    if window.len() <= SHORT {
        let first = |byte: u8| matches!(byte, 0x1f | 0x28 | 0xfd | b'B' | 0x04 | b'P');
        let told = (0..).zip(window).filter(|(_, byte)| first(**byte)).map(|(at, _)| at);
        found.extend(told.filter(is_one).take(TRIES));
    } else {
        for finder in FINDERS.iter() {
            found.extend(finder.find_iter(window).filter(is_one).take(TRIES));
        }
    }
    // What nearly every encoder of zlib writes, further on; other windows are looked for near the front.
    let near = window.get(..GAP).unwrap_or(window);
    let usual = memchr::memchr_iter(0x78, near)
        .filter(|at| matches!(near.get(at.saturating_add(1)), Some(0x01 | 0x5e | 0x9c | 0xda)));
    found.extend(usual.take(TRIES));
    let unusual = (0..window.len().min(FRAME)).filter(|at| window.get(*at..).is_some_and(is_zlib));
    found.extend(unusual);
    found.sort_unstable();
    found.dedup();
    found
}

/// The first stream from `from` on, and where it begins.
fn next(bytes: &[u8], from: usize, limit: usize) -> Option<(usize, Stream)> {
    let window = if from == 0 { bytes } else { bytes.get(from..bytes.len().min(from.saturating_add(GAP)))? };
    let told = beginnings(window).into_iter().take(TRIES).find_map(|at| {
        let start = from.saturating_add(at);
        let found = stream(bytes.get(start..)?, limit)?;
        // What is a stream and nothing else is for others.
        (start > 0 || found.len < bytes.len()).then_some((start, found))
    });
    let before = told.as_ref().map_or(usize::MAX, |(start, _)| *start).min(from.saturating_add(FRAME));
    let sized =
        (from.saturating_add(1)..before.min(bytes.len())).find_map(|at| Some((at, raw(bytes, from, at, limit)?)));
    sized.or(told)
}

/// Streams that follow each other, with other bytes in front of, between and behind them.
fn streams(bytes: &[u8], limit: usize) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let (mut at, mut left) = (0_usize, limit);
    while found.len() < budget::PREFIXED_STREAMS && left > 0 && at < bytes.len() {
        let Some((start, stream)) = next(bytes, at, left) else { break };
        left = left.saturating_sub(stream.put);
        at = start.saturating_add(stream.len);
        found.push(start..at);
    }
    found
}

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let sized = |at: usize| {
        let four = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
        four.is_some_and(|four| {
            let rest = bytes.get(at.saturating_add(4)..).unwrap_or_default();
            [u32::from_be_bytes(*four), u32::from_le_bytes(*four)]
                .into_iter()
                .any(|told| (told as usize) >= SHORTEST && (told as usize) <= rest.len().saturating_mul(1_032))
        })
    };
    let ends = |at: usize| bytes.get(at..).is_some_and(|rest| rest.len() >= SHORTEST && may_be(rest));
    let some = !beginnings(bytes).is_empty() || (0..FRAME).any(sized) || (1..=HEADER).any(ends);
    if some { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let (limit, _) = fields.room(bytes.len());
    let streams = streams(bytes, limit);
    if streams.is_empty() {
        return Err(Malformed::Illegal("compressed stream behind a header"));
    }
    let (mut at, mut index) = (0_usize, 0_u32);
    let end = bytes.len()..bytes.len();
    for stream in streams.into_iter().chain([end]) {
        for (range, opens) in [(at..stream.start, false), (stream.clone(), true)] {
            if range.is_empty() {
                continue;
            }
            // A header says nothing to anybody; more than that may be whatever there is, streams included.
            let opens = opens || range.len() > HEADER;
            let kind = if bytes.get(range.clone()).is_some_and(is_text) { Kind::Text } else { Kind::Bytes };
            let view = fields.view(range);
            if opens {
                fields.leaf(Key::Index(index), view, kind);
            } else {
                fields.unopened_leaf(Key::Index(index), view, Kind::Bytes);
            }
            index = index.saturating_add(1);
        }
        at = stream.end;
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
    use std::io::Write as _;

    const TEXT: &[u8] = b"The heron lands at dusk, and the otter sleeps until the tide is out.";

    /// One of all packings.
    fn pack(how: usize) -> Vec<u8> {
        match how {
            0..3 => packed(TEXT, how),
            3 => {
                let mut to = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
                to.write_all(TEXT).unwrap();
                to.finish().unwrap()
            }
            4 => {
                let mut to = lz4_flex::frame::FrameEncoder::new(Vec::new());
                to.write_all(TEXT).unwrap();
                to.finish().unwrap()
            }
            // Another text: only that it is found counts.
            _ => {
                let xz = crate::field::decoder::DECODERS.iter().find(|decoder| decoder.name == "xz").unwrap();
                xz.samples[0].bytes.to_vec()
            }
        }
    }

    fn deflated(text: &[u8], level: u32) -> Vec<u8> {
        let mut to = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
        to.write_all(text).unwrap();
        to.finish().unwrap()
    }

    /// How often the text is shown, and whether every byte of the input is in some field or was undone.
    fn shown(bytes: &[u8]) -> usize {
        walk_bytes(bytes, None, |tree| tree.leaves().filter(|(_, node)| tree.bytes(node) == TEXT).count())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn streams_behind_a_header_are_found(
            header in proptest::collection::vec(128..=255_u8, 1..=FRAME), how in proptest::collection::vec(0..6_usize, 1..4),
            between in proptest::collection::vec(128..=255_u8, 0..=FRAME), behind in proptest::collection::vec(128..=255_u8, 0..200),
        ) {
            let mut bytes = header;
            for how in &how {
                bytes.extend(pack(*how));
                bytes.extend(&between);
            }
            bytes.extend(behind);
            let found = streams(&bytes, 1 << 20);
            prop_assert_eq!(found.len(), how.len());
        }

        #[test]
        fn random_bytes_hold_no_stream(bytes in proptest::collection::vec(any::<u8>(), 9..6_000)) {
            prop_assert!(streams(&bytes, 1 << 20).is_empty());
        }

        #[test]
        fn lengths_tell_raw_deflate(
            magic in proptest::collection::vec(128..=255_u8, 0..40), packed_len in any::<bool>(), big in any::<bool>(),
            level in 1..10_u32, count in 1..4_usize,
        ) {
            let packed = deflated(TEXT, level);
            let told = u32::try_from(if packed_len { packed.len() } else { TEXT.len() }).unwrap();
            let told = if big { told.to_be_bytes() } else { told.to_le_bytes() };
            let bytes = [magic, told.to_vec(), packed].concat().repeat(count);
            prop_assert_eq!(streams(&bytes, 1 << 20).len(), count);
        }
    }

    #[test]
    fn what_is_not_checked_must_read_as_text() {
        let text = TEXT.repeat(40);
        let zlib = packed(&text, 1);
        // Cut short, behind more than any header of a stream has.
        let cut = [&[0xee; 20], &zlib[..zlib.len() - 8]].concat();
        assert_eq!(streams(&cut, 1 << 20).first(), Some(&(20..cut.len())));
        // Behind a flag and up to the end.
        let raw = [&b"\x01\xc3"[..], &deflated(TEXT, 9)].concat();
        assert_eq!(streams(&raw, 1 << 20).first(), Some(&(2..raw.len())));
        // A wrong check, with what comes out of it.
        let mut gzip = packed(&text, 0);
        let check = gzip.len() - 6;
        gzip[check] ^= 1;
        let bytes = [&[0xee; 30], &gzip[..]].concat();
        assert_eq!(streams(&bytes, 1 << 20).first(), Some(&(30..bytes.len())));
        // The beginning of a stream with noise behind it is none.
        let noise: Vec<u8> = (0..400_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for magic in [
            &b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..],
            b"\x78\x9c",
            b"\xfd7zXZ\0",
            b"BZh91AY&SY",
            b"\x04\x22\x4d\x18",
            b"\0\0\x01\x90",
        ] {
            assert!(streams(&[&[0xee; 20], magic, &noise].concat(), 1 << 20).is_empty(), "{}", magic.escape_ascii());
        }
    }

    #[test]
    fn more_records_than_the_budget_are_still_there() {
        let record = [&[0, 0, 0, 9][..], &packed(TEXT, 1)].concat();
        let count = budget::PREFIXED_STREAMS * 2 + 9;
        assert_eq!(shown(&record.repeat(count)), count);
    }

    #[test]
    fn streams_in_a_row_and_what_is_around_them_are_read() {
        let zlib = packed(TEXT, 1);
        assert_eq!(shown(&zlib.repeat(2)), 2, "two in a row");
        let backup = [b"ANDROID BACKUP\n5\n1\nnone\n", &zlib[..]].concat();
        assert_eq!(shown(&backup), 1, "a backup");
        let log = "2026-11-02 07:12:31 the otter sleeps until the tide is out\n".repeat(100);
        let json = serde_json::json!({ "t": str::from_utf8(TEXT).unwrap(), "n": [1, 2, 3] }).to_string();
        let mixed = [log.as_bytes(), &packed(TEXT, 0), json.as_bytes(), &packed(TEXT, 2), &[0xf0; 9]].concat();
        assert_eq!(shown(&mixed), 3, "text, a stream, JSON, a stream");
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

    /// Archives are found wherever they stand, with all their members and what follows them.
    #[test]
    fn archives_between_other_bytes_are_opened() {
        let archive =
            crate::field::decoder::DECODERS.iter().find(|decoder| decoder.name == "zip").unwrap().samples[0].bytes;
        let noise: Vec<u8> = (1..300_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 | 1).collect();
        for before in [&b"attachment: notes\n\n"[..], b"\x01\x02\0\0\0\x10", &noise] {
            for after in [&b""[..], TEXT, &packed(TEXT, 0)] {
                walk_bytes([before, archive, after].concat(), None, |tree| {
                    let shows = |text: &[u8]| {
                        tree.leaves().any(|(_, node)| memchr::memmem::find(tree.bytes(node), text).is_some())
                    };
                    assert!(shows(b"The heron waits") && shows(b"herons"), "{}", before.escape_ascii());
                    assert!(after.is_empty() || shows(TEXT), "{}", before.escape_ascii());
                });
            }
        }
        let text = b"PK\x03\x04 is how archives begin, and this is none of them: so much for that\0";
        walk_bytes(&text[..], None, |tree| assert!(tree.nodes.iter().all(|node| node.whole)));
    }
}
