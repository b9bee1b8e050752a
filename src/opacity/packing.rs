//! Compression: magics that say so, and trial decoding of what has none.
//!
//! A successful parse is worth -log2 of how often random bytes parse; what comes out counts only where it is new, for
//! copies are not evidence (random bytes inflate to `xxxxxxxx`).

use super::{lz, pairs};
use std::io::Read as _;

/// Output examined of one trial.
const OUT: usize = 4096;
/// Input tried without a magic; longer pieces are tried by their head.
const TRIED: usize = 64 << 10;

/// Bits that a whole object, decoded to its last byte, has over bytes that merely happen to be: text never ends where
/// a decoder would.
const PARSED: f64 = 12.0;

/// Formats that begin so and hold what they hold as it is: nothing to undo.
const OPEN: [(&[u8], &str); 5] = [
    (b"bplist00", "property list"),
    (b"SQLite format 3\0", "sqlite"),
    (b"\0asm\x01\0\0\0", "webassembly"),
    (b"\x7fELF", "elf"),
    (b"dex\n03", "dex"),
];

/// The name and the bits of such a format.
pub(super) fn open(bytes: &[u8]) -> Option<(&'static str, f64)> {
    let (start, name) = OPEN.iter().find(|(start, _)| bytes.starts_with(start))?;
    Some((name, 8.0 * f64::from(u32::try_from(start.len()).ok()?)))
}

/// Formats that begin with at least 24 fixed bits.
const MAGICS: [(&[u8], &str); 22] = [
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"OggS\x00", "ogg"),
    (b"ID3", "mp3"),
    (b"fLaC\x00", "flac"),
    (b"\x1a\x45\xdf\xa3", "webm"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"wOF2\x00", "woff2"),
    (b"\x5d\x00\x00", "lzma"),
    (b"#!AMR\n", "amr"),
    (b"\xf0\xf1\xf2\xf3", "caf"),
    (b"LZIP\x01", "lzip"),
];

/// Formats of pictures, sounds and letters: they hold what they show.
const MEDIA: [&str; 13] =
    ["jpeg", "png", "gif", "ogg", "mp3", "flac", "webm", "woff2", "amr", "caf", "mp4", "riff media", "aac or mp3"];

/// Whether a format is one of pictures, sounds or letters, not one of archives.
pub(super) fn is_media(name: &str) -> bool {
    MEDIA.contains(&name)
}

/// Whether a magic begins with each byte.
const FIRSTS: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < MAGICS.len() {
        table[MAGICS[at].0[0] as usize] = true;
        at += 1;
    }
    table
};

/// A format that the bytes are a whole object, or the head of one, in.
pub(super) struct Found {
    pub(super) name: &'static str,
    /// Bits of evidence over uniform bytes.
    pub(super) uniform: f64,
    /// Bits of evidence over any model of plain bytes: a container explains itself, its contents are then as cheap as
    /// that model makes them (stored text, literals).
    pub(super) plain: f64,
}

/// The format by its first bytes.
pub(super) fn magic(bytes: &[u8]) -> Option<Found> {
    let magic = |name, bits| Some(Found { name, uniform: bits, plain: bits });
    let first = usize::from(*bytes.first()?);
    if FIRSTS.get(first) == Some(&true)
        && let Some((start, name)) = MAGICS.iter().find(|(start, _)| bytes.starts_with(start))
    {
        return magic_bits(bytes, name, start.len()).and_then(|bits| magic(name, bits));
    }
    if bytes.get(4..8) == Some(b"ftyp") && bytes.starts_with(&[0, 0]) {
        return magic("mp4", 48.0);
    }
    if bytes.starts_with(b"RIFF") && matches!(bytes.get(8..12), Some(b"WEBP" | b"WAVE" | b"AVI ")) {
        return magic("riff media", 64.0);
    }
    if let Some(bits) = frames(bytes) {
        return magic("aac or mp3", bits);
    }
    None
}

/// The format by decoding all of the bytes. Of those that are `legible` text, snappy's alone is tried: it says its
/// length in front, in what may be a letter.
pub(super) fn trial(bytes: &[u8], legible: bool) -> Option<Found> {
    let bytes = bytes.get(..TRIED).unwrap_or(bytes);
    if legible {
        return snappy(bytes).map(|(name, uniform)| Found { name, uniform, plain: PARSED });
    }
    let tried = [zlib(bytes), deflate(bytes), snappy(bytes), lz4_block(bytes)];
    let best = tried.into_iter().flatten().max_by(|a, b| a.1.total_cmp(&b.1));
    let best = if best.is_some() { best } else { brotli(bytes) };
    best.map(|(name, uniform)| Found { name, uniform, plain: PARSED })
}

/// A magic's own bits, and those of the fields behind it that few values fit.
fn magic_bits(bytes: &[u8], name: &str, len: usize) -> Option<f64> {
    let at = |at: usize| bytes.get(at).copied();
    let own = f64::from(u32::try_from(len).unwrap_or(0)) * 8.0;
    let more = match name {
        // Flags use five bits; the extra flags are 0, 2 or 4 and the system is one of fifteen.
        "gzip" => (at(3)? < 0x20 && matches!(at(8), None | Some(0 | 2 | 4))).then_some(3.0 + 6.0),
        "bzip2" => (matches!(at(3)?, b'1'..=b'9')
            && matches!(bytes.get(4..10), Some(b"1AY&SY" | b"\x17\x72\x45\x38\x50\x90") | None))
        .then_some(40.0),
        "jpeg" => matches!(at(3)?, 0xdb | 0xe0..=0xef | 0xfe | 0xc0).then_some(4.0),
        "mp3" => (at(3)? < 5 && at(4)? < 5 && at(6)? < 0x80).then_some(12.0),
        // Properties, a dictionary of a power of two, and a length that is unknown or below a terabyte.
        "lzma" => {
            (bytes.get(5..13)?.iter().all(|byte| *byte == 0xff) || bytes.get(10..13)? == [0, 0, 0]).then_some(24.0)
        }
        _ => Some(0.0),
    }?;
    Some(own + more)
}

/// ADTS or MPEG audio without a tag: two headers, the second where the first says.
fn frames(bytes: &[u8]) -> Option<f64> {
    let head: [u8; 6] = bytes.get(..6)?.try_into().ok()?;
    let [0xff, second, third, fourth, fifth, sixth] = head else { return None };
    if second & 0xf6 == 0xf0 {
        // A variable rate is spelled by eleven ones.
        if sixth & 0x1f == 0x1f && bytes.get(6).is_some_and(|byte| byte >> 2 == 0x3f) && third >> 2 & 15 < 13 {
            return Some(24.0);
        }
        let len = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
        return (len > 7 && bytes.get(len..len.checked_add(2)?)? == [0xff, second]).then_some(28.0);
    }
    if second & 0xfe == 0xfa {
        let rates = [0_usize, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
        let kilo = *rates.get(usize::from(third >> 4))?;
        let hertz = *[44_100_usize, 48_000, 32_000].get(usize::from(third >> 2 & 3))?;
        let len = (kilo * 144_000).checked_div(hertz)?.checked_add(usize::from(third >> 1 & 1))?;
        return (kilo > 0 && bytes.get(len..len.checked_add(2)?)? == [0xff, second]).then_some(28.0);
    }
    None
}

/// Bits of text in what came out, counted only where a run of four bytes is new.
fn novel_bits(out: &[u8]) -> f64 {
    let out = out.get(..1024).unwrap_or(out);
    let mut seen = [0_u64; 64];
    let mut last = b' ';
    let mut lanes = [0_i64; 4];
    let mut window = 0_u32;
    for byte in out {
        window = window << 8 | u32::from(*byte);
        let slot = window.wrapping_mul(0x9e37_79b1) >> 20;
        let (word, bit) = (slot as usize >> 6, 1_u64 << (slot & 63));
        if let Some(word) = seen.get_mut(word)
            && *word & bit == 0
        {
            *word |= bit;
            for (lane, cost) in lanes.iter_mut().zip(pairs::cost(last, *byte)) {
                *lane = lane.saturating_add(128 - i64::from(cost));
            }
        }
        last = *byte;
    }
    #[expect(clippy::cast_precision_loss, reason = "a kilobyte's bits")]
    let best = lanes.into_iter().max().unwrap_or(0) as f64 / 16.0;
    // Scripts the tables do not know are text too, where nothing repeats at once.
    let wide =
        pairs::script_bits(out).map_or(f64::MIN, |bits| 8.0 * f64::from(u16::try_from(out.len()).unwrap_or(0)) - bits);
    if best > 0.0 { best.max(wide.min(best * 2.0)) } else { best.max(wide.min(24.0)) }
}

/// Whether a deflate block can begin like this, with `behind` bytes after the last one: what most random bytes fail at
/// once.
fn block_begins(bytes: &[u8], behind: usize) -> bool {
    let byte = |at: usize| u32::from(bytes.get(at).copied().unwrap_or(0));
    match byte(0) >> 1 & 3 {
        1 => fixed_begins(bytes, behind),
        0 => byte(1) | byte(2) << 8 == (!(byte(3) | byte(4) << 8)) & 0xffff,
        2 => {
            let bits = u64::from_le_bytes(bytes.first_chunk::<8>().copied().unwrap_or_default());
            let (literals, distances, lengths) = (bits >> 3 & 31, bits >> 8 & 31, (bits >> 13 & 15) + 4);
            if literals > 29 || distances > 29 {
                return false;
            }
            let more = u64::from_le_bytes(bytes.get(2..10).and_then(|more| more.try_into().ok()).unwrap_or_default());
            // The code of code lengths must be complete: Kraft's sum is exactly one.
            let mut sum = 0_u32;
            let mut left = more >> 1;
            for _ in 0..lengths {
                let len = left & 7;
                left >>= 3;
                if len > 0 {
                    sum = sum.saturating_add(128 >> len);
                }
            }
            sum == 128
        }
        _ => false,
    }
}

/// Whether a block of the fixed code goes well for its first symbols, and ends where it can, `behind` bytes before the
/// last: noise soon copies from before the beginning.
fn fixed_begins(bytes: &[u8], behind: usize) -> bool {
    let bits = bytes.len().saturating_sub(behind).saturating_mul(8);
    let (mut at, mut out) = (3_usize, 0_u32);
    // Some bits from the lowest on; nothing but zeros behind the end.
    let peek = |at: usize| {
        let rest = bytes.get(at >> 3..).unwrap_or_default();
        let four = rest.first_chunk::<4>().copied().unwrap_or_else(|| {
            let mut four = [0; 4];
            four.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
            four
        });
        u32::from_le_bytes(four) >> (at & 7)
    };
    let number = |at: usize, len: u32| peek(at) & (1_u32 << len).wrapping_sub(1);
    for _ in 0..32 {
        if at >= bits {
            return at < bits + 16;
        }
        // Codes stand with their highest bit first.
        let code = peek(at).reverse_bits();
        let symbol = match code >> 24 {
            0..=1 => {
                // The end of the block: of the last one, and the bytes', or anywhere.
                return bytes.first().is_some_and(|first| first & 1 == 0) || (at + 7).div_ceil(8) * 8 == bits;
            }
            2..=47 => {
                at += 7;
                (code >> 25) - 1
            }
            long @ 0xc0..=0xc7 => {
                at += 8;
                long - 0xc0 + 23
            }
            literal => {
                at += if literal < 0xc0 { 8 } else { 9 };
                out = out.saturating_add(1);
                continue;
            }
        };
        // Lengths and distances: four, then two codes with each number of further bits.
        let length = match symbol {
            0..8 => 3 + symbol,
            8..28 => {
                let more = symbol / 4 - 1;
                let extra = number(at, more);
                at += more as usize;
                ((4 + (symbol & 3)) << more) + 3 + extra
            }
            28 => 258,
            _ => return false,
        };
        let distance = peek(at).reverse_bits() >> 27;
        at += 5;
        let more = (distance / 2).saturating_sub(1);
        let back = if distance < 2 { distance + 1 } else { ((2 + (distance & 1)) << more) + 1 + number(at, more) };
        at += more as usize;
        if distance > 29 || back > out {
            return false;
        }
        out = out.saturating_add(length);
    }
    true
}

/// Raw deflate: how it ended, how much was read, and the head of what came out.
fn inflate(bytes: &[u8], wrapped: bool) -> Option<(bool, usize, Vec<u8>)> {
    let mut state = flate2::Decompress::new(wrapped);
    let mut out = Vec::with_capacity(OUT);
    let mut last = None;
    // What is beyond the examined head is read and dropped.
    let mut rest = [0_u8; 4096];
    for round in 0..256 {
        let from = usize::try_from(state.total_in()).ok()?;
        let left = bytes.get(from..)?;
        let before = state.total_out();
        let status = if round == 0 {
            state.decompress_vec(left, &mut out, flate2::FlushDecompress::None).ok()?
        } else {
            state.decompress(left, &mut rest, flate2::FlushDecompress::None).ok()?
        };
        if status == flate2::Status::StreamEnd {
            last = Some(true);
            break;
        }
        if state.total_out() == before && usize::try_from(state.total_in()).ok()? == from {
            break;
        }
    }
    Some((last == Some(true), usize::try_from(state.total_in()).ok()?, out))
}

fn zlib(bytes: &[u8]) -> Option<(&'static str, f64)> {
    let [first, second] = *bytes.first_chunk::<2>()?;
    if first & 0x0f != 8
        || first >> 4 > 7
        || second & 0x20 != 0
        || (u16::from(first) << 8 | u16::from(second)) % 31 != 0
    {
        return None;
    }
    if !block_begins(bytes.get(2..)?, 4) {
        return None;
    }
    let (ended, read, out) = inflate(bytes, true)?;
    if ended {
        // Adler-32 holds.
        return (read == bytes.len()).then_some(("zlib", 42.0));
    }
    // Cut, or longer than what is tried: all of it is still a stream.
    (read == bytes.len() && read >= 24).then(|| ("zlib", 6.0 + novel_bits(&out)))
}

fn deflate(bytes: &[u8]) -> Option<(&'static str, f64)> {
    // A last block, a flush, or the code lengths of a dynamic block: else half of all noise would be inflated.
    let first = *bytes.first()?;
    if (first & 1 == 0 && first >> 1 & 3 != 2 && !bytes.ends_with(&[0, 0, 0xff, 0xff])) || !block_begins(bytes, 0) {
        return None;
    }
    let (ended, read, out) = inflate(bytes, false)?;
    if read < bytes.len() || out.len() < 4 {
        return None;
    }
    // A stream without its end, or with a flush for one, is worth less: permessage-deflate, cut bodies.
    let flushed = bytes.ends_with(&[0, 0, 0xff, 0xff]);
    let parse = if ended {
        12.0
    } else if flushed {
        32.0
    } else {
        0.0
    };
    let new = novel_bits(&out);
    if bytes.first().is_some_and(|first| (first >> 1).trailing_zeros() >= 2) {
        return Some(("deflate", 16.0 + if ended { 10.0 } else { 0.0 }));
    }
    (ended || flushed || new > 60.0).then_some(("deflate", parse + new - if ended { 0.0 } else { 30.0 }))
}

fn snappy(bytes: &[u8]) -> Option<(&'static str, f64)> {
    // The length in front is a claim; it is compared, and allocated within bounds only.
    let len = snap::raw::decompress_len(bytes).ok()?;
    if !(4..=OUT * 8).contains(&len) || len + 8 < bytes.len() * 3 / 4 {
        return None;
    }
    // The first element must be a literal.
    let header = bytes.iter().position(|byte| byte & 0x80 == 0)?.checked_add(1)?;
    let elements = bytes.get(header..)?;
    if elements.first()? & 3 != 0 || !lz::is_snappy(elements, len) {
        return None;
    }
    let mut out = vec![0; len];
    let wrote = snap::raw::Decoder::new().decompress(bytes, &mut out).ok()?;
    (wrote == len).then(|| ("snappy", 14.0 + novel_bits(&out)))
}

fn lz4_block(bytes: &[u8]) -> Option<(&'static str, f64)> {
    // A block begins and ends with literals.
    let token = *bytes.first()?;
    if token >> 4 == 0 || bytes.len() < 6 || !lz::is_lz4_block(bytes) {
        return None;
    }
    let mut out = vec![0; OUT.max(bytes.len().saturating_mul(4)).min(TRIED * 4)];
    let wrote = lz4_flex::block::decompress_into(bytes, &mut out).ok()?;
    let out = out.get(..wrote)?;
    (wrote + 16 >= bytes.len()).then(|| ("lz4 block", 8.0 + novel_bits(out)))
}

/// Whether a brotli stream can begin like this and be as long as these bytes say: the window, and the length of the
/// first meta-block.
fn brotli_begins(bytes: &[u8]) -> bool {
    let bits = u64::from_le_bytes(bytes.first_chunk::<8>().copied().unwrap_or_default());
    let window = match bits & 0x7f {
        odd if odd & 1 == 0 => 1,
        0x11 => return false,
        seven if seven & 0x0f == 1 => 7,
        _ => 4,
    };
    let mut left = bits >> window;
    let last = left & 1 == 1;
    left >>= 1;
    if last {
        if left & 1 == 1 {
            return false;
        }
        left >>= 1;
    }
    let nibbles = (left & 3) + 4;
    left >>= 2;
    if nibbles == 7 {
        return false;
    }
    let len = (left & ((1 << (4 * nibbles)) - 1)) + 1;
    if nibbles > 4 && len - 1 < 1 << (4 * (nibbles - 1)) {
        return false;
    }
    let n = bytes.len() as u64;
    // One whole meta-block, or several with an empty one at the end.
    let tail = bytes.last().copied().unwrap_or(0);
    let ends = tail != 0 && (tail >> (7 - tail.leading_zeros().min(7)).saturating_sub(1)) & 3 == 3 || tail == 1;
    if last { len + 8 >= n && len <= n * 24 + 64 } else { ends && len <= n * 48 + 64 }
}

fn brotli(bytes: &[u8]) -> Option<(&'static str, f64)> {
    if !brotli_begins(bytes) {
        return None;
    }
    let mut out = Vec::with_capacity(OUT);
    let mut input = std::io::Cursor::new(bytes);
    let mut reader = brotli_decompressor::Decompressor::new(&mut input, 4096);
    let whole = (&mut reader).take(OUT as u64 * 16).read_to_end(&mut out).is_ok();
    drop(reader);
    let all = whole && input.position() == bytes.len() as u64;
    // Its dictionary makes English of noise: what comes out counts half.
    (all && out.len() >= 4 && out.len() < OUT * 16).then(|| ("brotli", 10.0 + novel_bits(&out) / 2.0))
}
