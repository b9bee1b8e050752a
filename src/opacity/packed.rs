//! Compression that anyone undoes: known by its magic number and held to its format, or opened on trial.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use std::cell::RefCell;

/// Magic numbers of compressed and media formats, and what they are called. Each is so long, or followed by so much that
/// must hold, that chance seldom writes it.
const MAGIC: [(&[u8], &str); 30] = [
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x04\x22\x4d\x18", "lz4 frame"),
    (b"\xff\x06\0\0sNaPpY", "snappy frame"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"OggS\0", "ogg"),
    (b"fLaC\0", "flac"),
    (b"ID3\x02", "mp3"),
    (b"ID3\x03", "mp3"),
    (b"ID3\x04", "mp3"),
    (b"%PDF-", "pdf"),
    (b"wOFF\0\x01\0\0", "woff"),
    (b"wOF2\0\x01\0\0", "woff2"),
    (b"\x1aE\xdf\xa3", "webm"),
    (b"FLV\x01", "flv"),
    (b"#!AMR\n", "amr"),
    (b"#!AMR-WB\n", "amr"),
    (b"LZIP\x01", "lzip"),
    (b"Obj\x01", "avro"),
    (b"PAR1", "parquet"),
    (b"\0\0\0\x0cjP  ", "jpeg 2000"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"MSCF\0\0\0\0", "cabinet"),
];

/// The format that the first bytes declare, if what follows holds to it.
pub(super) fn magic(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => return Some("gzip"),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => return Some("bzip2"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => return Some("webp"),
        [0, 0, _, _, b'f', b't', b'y', b'p', ..] => return Some("mp4"),
        _ => {}
    }
    if let Some((_, name)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        // JPEG's three bytes are followed by the marker of a segment.
        let holds = *name != "jpeg" || bytes.get(3).is_some_and(|marker| *marker >= 0xc0);
        return holds.then_some(*name);
    }
    // zlib: its two bytes carry a check, and what follows must inflate.
    match bytes {
        [cmf, flg, ..]
            if cmf & 0x0f == 8
                && cmf >> 4 <= 7
                && flg & 0x20 == 0
                && (u16::from(*cmf) << 8 | u16::from(*flg)).is_multiple_of(31) =>
        {
            let inflated = inflate(bytes, true);
            (inflated.done || (inflated.fine && inflated.out.len() >= 64)).then_some("zlib")
        }
        _ => None,
    }
}

/// The format without a magic number that opens the bytes exactly, into something that reads.
pub(super) fn trial(bytes: &[u8]) -> Option<&'static str> {
    let reads = |out: &[u8], least: usize| {
        // What a decompressor repeats is no evidence: only distinct stretches count.
        let text =
            std::str::from_utf8(out).is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()));
        text && novel(out) >= least
    };
    let begins = match bytes {
        // A stored block carries the complement of its length.
        [first, a, b, c, d, ..] if (first >> 1).trailing_zeros() >= 2 => a ^ c == 0xff && b ^ d == 0xff,
        [first, ..] => matches!(first >> 1 & 3, 1 | 2),
        [] => false,
    };
    if begins {
        let inflated = inflate(bytes, false);
        let whole = inflated.done && inflated.used == bytes.len();
        if whole && (reads(&inflated.out, 12) || inflated.out.len() > bytes.len().saturating_mul(2).saturating_add(64))
        {
            return Some("raw deflate");
        }
        // A long stream that inflates without an error for kilobytes is no chance.
        if inflated.fine
            && !inflated.done
            && bytes.len() >= 1_024
            && novel(&inflated.out) >= 512
            && reads(inflated.out.get(..2_048).unwrap_or(&inflated.out), 200)
        {
            return Some("raw deflate");
        }
    }
    if bytes.len() <= 1 << 20
        && let Some(out) = brotli(bytes)
        && reads(&out, 16)
    {
        return Some("brotli");
    }
    if let Some(out) = snappy(bytes)
        && (reads(&out, 12) || out.len() > bytes.len())
        && novel(&out) >= 12
    {
        return Some("snappy");
    }
    None
}

/// Bytes of the output whose four-byte stretch was not there before.
fn novel(out: &[u8]) -> usize {
    let mut seen = hashbrown::HashSet::new();
    out.get(..8_192).unwrap_or(out).array_windows::<4>().filter(|four| seen.insert(**four)).count()
}

struct Inflated {
    out: Vec<u8>,
    used: usize,
    done: bool,
    /// Nothing was wrong as far as it went.
    fine: bool,
}

thread_local! {
    static STATE: RefCell<Option<Decompress>> = const { RefCell::new(None) };
}

/// Inflates up to 64 KiB.
fn inflate(bytes: &[u8], zlib: bool) -> Inflated {
    let mut state = STATE.take().map_or_else(
        || Decompress::new(zlib),
        |mut state| {
            state.reset(zlib);
            state
        },
    );
    let mut out = Vec::with_capacity(bytes.len().saturating_mul(4).clamp(256, 64 << 10));
    let status = state.decompress_vec(bytes, &mut out, FlushDecompress::None);
    let used = usize::try_from(state.total_in()).unwrap_or(usize::MAX);
    STATE.set(Some(state));
    Inflated { out, used, done: matches!(status, Ok(Status::StreamEnd)), fine: status.is_ok() }
}

/// A complete brotli stream, up to 64 KiB of it; brotli's own dictionary writes English out of noise, so that a part is
/// no evidence.
fn brotli(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut state = BrotliState::new(StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default());
    let mut out = vec![0_u8; bytes.len().saturating_mul(8).clamp(512, 64 << 10)];
    let (mut left_in, mut used, mut left_out, mut put, mut total) = (bytes.len(), 0_usize, out.len(), 0_usize, 0_usize);
    let result = BrotliDecompressStream(
        &mut left_in,
        &mut used,
        bytes,
        &mut left_out,
        &mut put,
        &mut out,
        &mut total,
        &mut state,
    );
    out.truncate(put);
    match result {
        BrotliResult::ResultSuccess if left_in == 0 => Some(out),
        BrotliResult::NeedsMoreOutput if put >= 4_096 => Some(out),
        _ => None,
    }
}

/// A raw Snappy block: its length in front must come out exactly.
fn snappy(bytes: &[u8]) -> Option<Vec<u8>> {
    let len = snap::raw::decompress_len(bytes).ok()?;
    if !(12..=1 << 20).contains(&len) || len > bytes.len().saturating_mul(64) {
        return None;
    }
    snap::raw::Decoder::new().decompress_vec(bytes).ok()
}
