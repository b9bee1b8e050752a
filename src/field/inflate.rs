//! DEFLATE (RFC 1951), streamed within a budget, with the way back from output to input; and what gzip puts around it.

use crate::bytes::{Cursor, Malformed};
use crate::field::fields::to_u32;
use flate2::{Decompress, FlushDecompress, Status};
use std::cell::RefCell;

/// What came out of one deflate stream.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the ways in which a stream may stop")]
pub(super) struct Inflated {
    /// The output.
    pub(super) bytes: Vec<u8>,
    /// Input bytes used.
    pub(super) used: usize,
    /// The stream ended as it should.
    pub(super) done: bool,
    /// The output reached the limit.
    pub(super) over: bool,
    /// It is no such stream from here on.
    pub(super) broken: bool,
    /// It stands between two blocks, where the format shows that.
    pub(super) rests: bool,
    /// Pairs (output offset, input offset): output between two came from input between the two.
    pub(super) way: Vec<(u32, u32)>,
}

/// A symbol that a piece of input ends in the middle of began at most so many bytes before its end.
const SYMBOL: usize = 8;

thread_local! {
    /// States to use again: making one costs more than most guesses need.
    static SPARE: RefCell<Vec<Decompress>> = const { RefCell::new(Vec::new()) };
}

/// Inflates `input`, with or without the zlib wrapper, to at most `limit` bytes.
pub(super) fn inflate(input: &[u8], zlib: bool, limit: usize) -> Inflated {
    let spare = SPARE.with_borrow_mut(Vec::pop);
    let mut state = spare.map_or_else(
        || Decompress::new(zlib),
        |mut state| {
            state.reset(zlib);
            state
        },
    );
    let out = inflate_with(&mut state, input, limit);
    SPARE.with_borrow_mut(|spare| spare.push(state));
    out
}

/// Goes on inflating with `state`, to at most `limit` bytes more.
pub(super) fn inflate_with(state: &mut Decompress, input: &[u8], limit: usize) -> Inflated {
    let mut out = Inflated::default();
    // Small pieces tell which input carried which output; their number is bounded.
    let piece = (input.len() / 512).clamp(32, 8_192);
    let mut stop = 0_usize;
    loop {
        if out.used >= stop {
            stop = out.used.saturating_add(piece).min(input.len());
            // What came out so far came from input up to here; what comes next, from a little before.
            out.way.push((to_u32(out.bytes.len()), to_u32(out.used)));
            out.way.push((to_u32(out.bytes.len()), to_u32(out.used.saturating_sub(SYMBOL))));
        }
        let room = limit.saturating_sub(out.bytes.len());
        if room == 0 {
            // Only a stream that has more to give is over its budget.
            out.over = !matches!(finished(state, input.get(out.used..).unwrap_or_default(), &mut out.used), Some(true));
            out.done = !out.over;
            break;
        }
        if out.bytes.capacity() == out.bytes.len() {
            out.bytes.reserve_exact(out.bytes.len().clamp(4_096, 1 << 20).min(room));
        }
        let (had_in, had_out) = (state.total_in(), out.bytes.len());
        let feed = input.get(out.used..stop).unwrap_or_default();
        let status = state.decompress_vec(feed, &mut out.bytes, FlushDecompress::None);
        let took = usize::try_from(state.total_in().saturating_sub(had_in)).unwrap_or(usize::MAX);
        out.used = out.used.saturating_add(took);
        match status {
            Ok(Status::StreamEnd) => {
                out.done = true;
                break;
            }
            Ok(Status::Ok | Status::BufError) => {
                if took == 0 && out.bytes.len() == had_out && (feed.is_empty() || out.bytes.capacity() > had_out) {
                    break;
                }
            }
            Err(_) => {
                out.broken = true;
                break;
            }
        }
    }
    out.bytes.truncate(limit);
    out.way.push((to_u32(out.bytes.len()), to_u32(out.used)));
    out
}

/// Whether a stream whose output is full ends here after all.
fn finished(state: &mut Decompress, rest: &[u8], used: &mut usize) -> Option<bool> {
    let (had_in, had_out) = (state.total_in(), state.total_out());
    let status = state.decompress(rest, &mut [0_u8; 1], FlushDecompress::None).ok()?;
    *used = used.saturating_add(usize::try_from(state.total_in().saturating_sub(had_in)).ok()?);
    Some(status == Status::StreamEnd && had_out == state.total_out())
}

/// Whether bytes begin as a member of gzip does (RFC 1952, section 2.3).
pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    matches!(bytes, [0x1f, 0x8b, 8, flags, ..] if *flags < 0x20)
}

/// Whether bytes begin as zlib does: a window up to 32 KiB, no preset dictionary, and its check (RFC 1950, section 2.2).
pub(super) fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [cmf, flg, ..]
        if cmf & 0x0f == 8
            && cmf >> 4 <= 7
            && flg & 0x20 == 0
            && (u16::from(*cmf) << 8 | u16::from(*flg)).is_multiple_of(31))
}

/// Length of the header of a member of gzip (RFC 1952, section 2.3).
pub(super) fn header(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let [id1, id2, method, flags, ..] = cursor.array::<10>("gzip header")?;
    if (id1, id2, method) != (0x1f, 0x8b, 8) || flags >= 0x20 {
        return Err(Malformed::Illegal("gzip header"));
    }
    if flags & 4 != 0 {
        let len = u16::from_le_bytes(cursor.array("gzip extra field")?);
        cursor.take(usize::from(len), "gzip extra field")?;
    }
    for named in [8, 16] {
        if flags & named != 0 {
            let end = memchr::memchr(0, cursor.rest()).ok_or(Malformed::Short("gzip file name"))?;
            cursor.take(end.saturating_add(1), "gzip file name")?;
        }
    }
    if flags & 2 != 0 {
        cursor.take(2, "gzip header check")?;
    }
    Ok(cursor.position())
}

/// Whether a gzip trailer's check and length are those of the output.
pub(super) fn is_checked(trailer: &[u8], out: &[u8]) -> bool {
    let mut cursor = Cursor::new(trailer);
    let (Ok(sum), Ok(len)) = (cursor.array("gzip check"), cursor.array("gzip length")) else { return false };
    let mut crc = flate2::Crc::new();
    crc.update(out);
    u32::from_le_bytes(sum) == crc.sum() && u32::from_le_bytes(len) == crc.amount()
}
