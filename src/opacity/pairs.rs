//! Byte-pair models of four kinds of plain bytes, and one of scripts none of them has seen.
//!
//! The table (`benches/opacity/corpus.py train` writes it) holds for each pair of bytes the cost of the second after
//! the first, in sixteenths of a bit, rounded up, under each model.

/// Latin-script prose, prose of other scripts, structured text, binary structure.
pub(super) const NAMES: [&str; 4] = ["latin text", "utf-8 text", "structured text", "binary structure"];

static TABLE: &[u8; 4 * 65536] = include_bytes!("pairs.bin");
/// Bytes of one block of [`Scan`]; its lanes cannot overflow sixteen bits.
pub(super) const BLOCK: usize = 32;
/// Steps of the table in one bit.
pub(super) const STEPS: u32 = 16;

/// Costs of `next` after `last`, one byte a model.
pub(super) fn cost(last: u8, next: u8) -> [u8; 4] {
    let at = usize::from(last) << 8 | usize::from(next);
    TABLE.as_chunks::<4>().0.get(at).copied().unwrap_or([255; 4])
}

/// What the models say of some bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    /// Bits under each model.
    pub(super) bits: [f64; 4],
    /// Bits saved in those blocks that some model explains, were each block judged alone.
    pub(super) islands: f64,
}

/// Scores all bytes under all models in one pass.
pub(super) fn scan(bytes: &[u8]) -> Scan {
    let mut total = [0_u64; 4];
    let mut islands = 0_i64;
    let mut last = b' ';
    for block in bytes.chunks(BLOCK) {
        let (mut even, mut odd) = (0_u32, 0_u32);
        for next in block {
            let four = u32::from_le_bytes(cost(last, *next));
            even = even.wrapping_add(four & 0x00ff_00ff);
            odd = odd.wrapping_add(four >> 8 & 0x00ff_00ff);
            last = *next;
        }
        let lanes = [even & 0xffff, odd & 0xffff, even >> 16, odd >> 16];
        for (sum, lane) in total.iter_mut().zip(lanes) {
            *sum = sum.saturating_add(u64::from(lane));
        }
        let least = lanes.into_iter().min().unwrap_or(u32::MAX);
        let uniform = i64::try_from(block.len()).unwrap_or(0).saturating_mul(8 * i64::from(STEPS));
        // Eight bits to say that the block is one.
        islands = islands.saturating_add((uniform - i64::from(least) - 8 * i64::from(STEPS)).max(0));
    }
    #[expect(clippy::cast_precision_loss, reason = "sums of a few kilobytes")]
    Scan { bits: total.map(|sum| sum as f64 / f64::from(STEPS)), islands: islands as f64 / f64::from(STEPS) }
}

/// Bits of the best text model (not the binary one).
pub(super) fn text_bits(bytes: &[u8]) -> f64 {
    let [latin, other, shaped, _] = scan(bytes).bits;
    latin.min(other).min(shaped)
}

/// Whether all bytes are UTF-8, but for a character cut at the end.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).err().is_none_or(|error| error.error_len().is_none() && error.valid_up_to() > 0)
}

/// Bits of text in any script, also one no table has seen: a character costs little in the block of the one before.
/// `None` if the bytes are not UTF-8, but for a character cut at either end.
pub(super) fn script_bits(bytes: &[u8]) -> Option<f64> {
    let head = bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    let rest = bytes.get(head..)?;
    let text = match std::str::from_utf8(rest) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => std::str::from_utf8(rest.get(..error.valid_up_to())?).ok()?,
        Err(_) => return None,
    };
    let cut = bytes.len().saturating_sub(text.len());
    #[expect(clippy::cast_precision_loss, reason = "at most six")]
    let mut bits = 8.0 * cut as f64;
    let (mut block, mut wide, mut spaced) = (u32::MAX, false, false);
    for c in text.chars() {
        let code = u32::from(c);
        let han = matches!(code, 0x4e00..=0x9fff);
        let kana = matches!(code, 0x3040..=0x30ff);
        let mark = matches!(code, 0x3000..=0x303f);
        let full = matches!(code, 0xff00..=0xffef);
        let hangul = matches!(code, 0xac00..=0xd7a3);
        let (east, korean) = (wide && !spaced, wide && spaced);
        bits += match code {
            // Written without spaces, or with.
            0x20 if east => 5.0,
            0x20 => 3.1,
            0..=0x7f if c.is_control() && !c.is_whitespace() => 14.0,
            0..=0x7f if east => 11.0,
            0..=0x7f => 9.5,
            _ if east && han => 0.5 + 14.4,
            _ if east && kana => 3.0 + 7.6,
            _ if east && mark => 4.5 + 6.0,
            _ if east && full => 5.0 + 8.0,
            _ if korean && hangul => 0.6 + 13.5,
            _ if code >> 7 == block => 1.0 + 7.0,
            0x1_0000.. => 6.6 + 20.0,
            _ => 2.0 + 9.0 + 7.0,
        };
        if code > 0x7f {
            wide = han || kana || mark || full || hangul;
            spaced = hangul;
            block = code >> 7;
        }
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_context_promises_more_than_one_code() {
        for last in 0..=255 {
            for lane in 0..4 {
                let sum: f64 = (0..=255).map(|next| 2_f64.powf(-f64::from(cost(last, next)[lane]) / 16.0)).sum();
                assert!(sum <= 1.0, "{last} {lane} {sum}");
                assert!(sum > 0.9, "a wasteful table: {last} {lane} {sum}");
            }
        }
    }

    #[test]
    fn unseen_scripts_are_text() {
        for text in ["ᚠᛇᚻ ᛒᛦᚦ ᚠᚱᚩᚠᚢᚱ ᚠᛁᚱᚪ", "ᎣᏏᏲ ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ"] {
            let bits = script_bits(text.as_bytes()).expect("UTF-8");
            assert!(bits + 40.0 < 8.0 * f64::from(u32::try_from(text.len()).unwrap()), "{text} {bits}");
        }
        assert_eq!(script_bits(&[0xff, 0xfe, 0x00, 0x31]), None);
    }
}
