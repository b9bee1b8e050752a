//! Brotli (RFC 7932): no magic and no check, so taken by declaration, or when all of it reads as text.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::{is_text, is_text_so_far};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};
use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

/// The entry.
pub(super) static BROTLI: Decoder = Decoder {
    name: "brotli",
    about: "Brotli (RFC 7932)",
    layer: true,
    codings: &["br"],
    filter: Filter { any: Shape::BINARY, none: Shape::NONE, min: 24, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[Sample { bytes: HERON, hint: "", shows: "The heron lands at dusk", trail: "brotli" }],
};

const HERON: &[u8] = b"\x1b\x2c\x00\xf8\x8d\x94\xab\xe5\x6c\x41\xa5\xdb\xbc\xde\xf1\xf7\x3e\xc6\x04\xa1\x98\x90\x45\x58\x9a\x8c\x14\xea\x8c\x70\x84\x9f\x14\xb6\x89\x05\xbb\xe0\xab\x35\x60\x22\x94\x33\xd9\x55\x3f\x1a";

/// Undeclared, so many bytes are tried at most.
const LONGEST_GUESS: usize = 1 << 20;

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    // Undeclared it is looked for where a whole payload stands, not in every binary value of a structure.
    let is_payload =
        hint.name.get().is_none() || hint.within.last().is_some_and(|last| matches!(*last, "base64" | "hex"));
    if hint.whole && is_payload && bytes.len() <= LONGEST_GUESS { Match::Maybe } else { Match::No }
}

/// Whether the first header may be that of a text (RFC 7932, sections 9.1 and 9.2): random bytes often claim to go on
/// unchanged, and finding out by decoding costs a window.
fn may_begin(bytes: &[u8]) -> bool {
    let head = bytes.iter().take(16).rev().fold(0_u128, |head, byte| head << 8 | u128::from(*byte));
    let mut bits = Bits { head, at: 0 };
    if bits.take(1) == 1 && bits.take(3) == 0 {
        bits.take(3);
    }
    let last = bits.take(1) == 1;
    if last && bits.take(1) == 1 {
        return false;
    }
    let nibbles = match bits.take(2) {
        3 => return bits.may_be_metadata(bytes.len()),
        nibbles => nibbles.saturating_add(4),
    };
    let len = bits.take(nibbles.saturating_mul(4)).saturating_add(1);
    if last || bits.take(1) == 0 {
        return bits.may_be_codes();
    }
    let raw = bytes.get(bits.at.div_ceil(8) as usize..).and_then(|rest| rest.get(..usize::try_from(len).ok()?));
    raw.is_some_and(is_text_so_far)
}

/// How much of a prefix code was read.
enum Read {
    All,
    Head,
}

/// The first bits of a stream, lowest first.
struct Bits {
    head: u128,
    at: u32,
}

impl Bits {
    /// The next bits as a number, zero behind the last of them.
    fn take(&mut self, bits: u32) -> u32 {
        let value = self.head.checked_shr(self.at).unwrap_or(0) & (1_u128 << bits.min(32)).saturating_sub(1);
        self.at = self.at.saturating_add(bits);
        u32::try_from(value).unwrap_or(0)
    }

    /// A count from 1 to 256 (section 9.2).
    fn count(&mut self) -> u32 {
        if self.take(1) == 0 {
            return 1;
        }
        let more = self.take(3);
        (1_u32 << more).saturating_add(self.take(more)).saturating_add(1)
    }

    /// Whether a block of metadata may be in a stream of `len` bytes: all of it has to be.
    fn may_be_metadata(&mut self, len: usize) -> bool {
        if self.take(1) == 1 {
            return false;
        }
        let more = self.take(2).saturating_mul(8);
        if more == 0 {
            return true;
        }
        let skipped = self.take(more).saturating_add(1) as usize;
        skipped <= len.saturating_sub(self.at.div_ceil(8) as usize)
    }

    /// Whether the first prefix code of a block, whichever that is, may be one.
    fn may_be_codes(&mut self) -> bool {
        // Block types of literals, of commands and of distances.
        for _ in 0..3 {
            let types = self.count();
            if types > 1 {
                // Behind the code of the types stands that of how long they go on.
                return match self.code(types.saturating_add(2)) {
                    Some(Read::All) => self.code(26).is_some(),
                    code => code.is_some(),
                };
            }
        }
        // How distances are told, and the context of the one type of literals.
        self.take(8);
        // Codes of literals and of distances.
        for _ in 0..2 {
            let codes = self.count();
            if codes > 1 {
                let runs = if self.take(1) == 1 { self.take(4).saturating_add(1) } else { 0 };
                return self.code(codes.saturating_add(runs)).is_some();
            }
        }
        self.code(256).is_some()
    }

    /// Reads a prefix code (sections 3.4 and 3.5) of an alphabet; `None` if it is none: its symbols are not of it or do not
    /// differ, or its codes' codes make up no tree.
    fn code(&mut self, alphabet: u32) -> Option<Read> {
        const VALUES: [u32; 16] = [0, 4, 3, 2, 0, 4, 3, 1, 0, 4, 3, 2, 0, 4, 3, 5];
        const LENGTHS: [u32; 16] = [2, 2, 2, 3, 2, 2, 2, 4, 2, 2, 2, 3, 2, 2, 2, 4];
        let read = match self.take(2) {
            1 => {
                let width = u32::BITS.saturating_sub(alphabet.saturating_sub(1).leading_zeros());
                let mut symbols = [u32::MAX; 4];
                let count = self.take(2).saturating_add(1) as usize;
                let differ = (0..count).all(|at| {
                    let symbol = self.take(width);
                    let is_new = symbol < alphabet && !symbols.contains(&symbol);
                    if let Some(slot) = symbols.get_mut(at) {
                        *slot = symbol;
                    }
                    is_new
                });
                if count == 4 {
                    self.take(1);
                }
                differ.then_some(Read::All)
            }
            skipped => {
                let (mut space, mut codes) = (32_u32, 0_u32);
                for _ in skipped..18 {
                    let next = self.head.checked_shr(self.at).unwrap_or(0) & 0x0f;
                    let next = usize::try_from(next).unwrap_or(0);
                    let value = VALUES.get(next).copied().unwrap_or(0);
                    self.at = self.at.saturating_add(LENGTHS.get(next).copied().unwrap_or(0));
                    if value > 0 {
                        codes = codes.saturating_add(1);
                        match space.checked_sub(32 >> value) {
                            Some(left) if left > 0 => space = left,
                            left => {
                                space = left.unwrap_or(u32::MAX);
                                break;
                            }
                        }
                    }
                }
                (codes == 1 || space == 0).then_some(Read::Head)
            }
        };
        // What was not looked at may be anything.
        if self.at > u128::BITS { Some(Read::Head) } else { read }
    }
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("brotli stream");
    if hint.encoding.is_none() && !may_begin(bytes) {
        return Err(WHAT);
    }
    let alloc = StandardAlloc::default;
    let mut state = BrotliState::new(alloc(), alloc(), alloc());
    let (limit, budget) = fields.room(bytes.len());
    let (mut out, mut way) = (Vec::new(), vec![(0, 0)]);
    let mut chunk = vec![0_u8; bytes.len().saturating_mul(4).clamp(1 << 10, 16 << 10)];
    let (mut used, mut total) = (0_usize, 0_usize);
    let piece = (bytes.len() / 512).clamp(32, 8_192);
    let mut stop = 0_usize;
    let (done, over) = loop {
        if used >= stop {
            stop = used.saturating_add(piece).min(bytes.len());
            // A symbol may begin a few bytes before the piece that ends it.
            way.push((to_u32(out.len()), to_u32(used)));
            way.push((to_u32(out.len()), to_u32(used.saturating_sub(8))));
        }
        let (mut left_in, mut left_out, mut put) = (stop.saturating_sub(used), chunk.len(), 0_usize);
        let input = bytes.get(..stop).unwrap_or_default();
        let result = BrotliDecompressStream(
            &mut left_in,
            &mut used,
            input,
            &mut left_out,
            &mut put,
            &mut chunk,
            &mut total,
            &mut state,
        );
        let room = limit.saturating_sub(out.len());
        out.extend_from_slice(chunk.get(..put.min(room)).unwrap_or_default());
        match result {
            _ if put > room => break (false, true),
            BrotliResult::ResultSuccess => break (true, false),
            BrotliResult::ResultFailure => break (false, false),
            BrotliResult::NeedsMoreInput if used >= bytes.len() => break (false, false),
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
    };
    way.push((to_u32(out.len()), to_u32(used)));
    let complete = done && used == bytes.len();
    if hint.encoding.is_none() && !(complete && out.len() >= 16 && is_text(&out)) {
        return Err(WHAT);
    }
    if out.is_empty() {
        return Err(WHAT);
    }
    if over {
        fields.exhausted(budget);
    }
    if !complete {
        fields.damaged();
    }
    fields.whole(out, Reach::Blocks(way), Kind::Bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use brotli_decompressor::BrotliDecompress;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_096, ..ProptestConfig::default() })]

        #[test]
        fn what_does_not_begin_like_a_stream_is_none(
            bytes in proptest::collection::vec(any::<u8>(), 24..48), low in 0..32_u8, at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut damaged = HERON.to_vec();
            let at = at.index(damaged.len());
            damaged[at] = byte;
            // Short blocks that end the stream.
            let mut short = bytes.clone();
            (short[0], short[1]) = (low << 3 | 0b110 & short[0], short[1] & 0b1000_0011);
            for bytes in [bytes, damaged, short] {
                if !may_begin(&bytes) {
                    let mut out = Vec::new();
                    let done = BrotliDecompress(&mut &bytes[..], &mut out).is_ok();
                    prop_assert!(!done || out.len() < 16 || !is_text(&out), "{}", bytes.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn a_stream_begins_like_one() {
        assert!(may_begin(HERON));
    }
}
