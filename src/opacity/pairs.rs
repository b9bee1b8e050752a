//! Byte-pair models of four kinds of plain bytes, and one of scripts none of them has seen.

use crate::model::letters;
pub(super) use crate::model::letters::cost;

/// Latin-script prose, prose of other scripts, structured text, binary structure.
pub(super) const NAMES: [&str; 4] = ["latin text", "utf-8 text", "structured text", "binary structure"];

/// Bytes of one block of [`Scan`]; its lanes cannot overflow sixteen bits.
pub(super) const BLOCK: usize = 32;
/// Steps of the table in one bit.
pub(super) const STEPS: u32 = letters::STEPS;

/// What the models say of some bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    /// Bits under each model.
    pub(super) bits: [f64; 4],
    /// Bits saved in those blocks that some model explains, were each block judged alone.
    pub(super) islands: f64,
}

/// Costs of up to 257 bytes, given the one before them in front: a lane a model, in steps.
fn lanes(bytes: &[u8]) -> [u32; 4] {
    // Two sums tell all four lanes: that of the words, and that of their even lanes apart.
    let (mut words, mut even) = (0_u64, 0_u32);
    for pair in bytes.windows(2) {
        if let [last, next] = pair {
            let four = u32::from_le_bytes(cost(*last, *next));
            words = words.wrapping_add(u64::from(four));
            even = even.wrapping_add(four & 0x00ff_00ff);
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "two lanes of sixteen bits")]
    let odd = (words.wrapping_sub(u64::from(even)) >> 8) as u32;
    [even & 0xffff, odd & 0xffff, even >> 16, odd >> 16]
}

/// Scores all bytes under all models in one pass.
pub(super) fn scan(bytes: &[u8]) -> Scan {
    let mut total = [0_u32; 4];
    let mut islands = 0_u32;
    let mut add = |lanes: [u32; 4], len: usize| {
        for (sum, lane) in total.iter_mut().zip(lanes) {
            *sum = sum.saturating_add(lane);
        }
        let [a, b, c, d] = lanes;
        let uniform = u32::try_from(len).unwrap_or(0) * 8 * STEPS;
        // Eight bits to say that the block is one.
        islands = islands.saturating_add(uniform.saturating_sub(8 * STEPS + a.min(b).min(c.min(d))));
    };
    let (first, rest) = bytes.split_at(bytes.len().min(BLOCK));
    let mut begun = [b' '; BLOCK + 1];
    begun.iter_mut().skip(1).zip(first).for_each(|(to, byte)| *to = *byte);
    add(lanes(begun.get(..=first.len()).unwrap_or_default()), first.len());
    for (at, block) in rest.chunks(BLOCK).enumerate() {
        // With the byte before it.
        let from = (at + 1) * BLOCK - 1;
        add(lanes(bytes.get(from..=from + block.len()).unwrap_or_default()), block.len());
    }
    Scan { bits: total.map(|sum| f64::from(sum) / f64::from(STEPS)), islands: f64::from(islands) / f64::from(STEPS) }
}

/// Bits where the bytes may pass from one model to another, as prose with names, figures or markup in it does: the
/// shortest way through (Viterbi). A change costs five bits, staying what that leaves.
pub(super) fn mixed_bits(bytes: &[u8]) -> f64 {
    const CHANGE: u32 = 5 * STEPS;
    const STAY: u32 = 3;
    // Two bits for the model to begin with.
    let mut now = [2 * STEPS; 4];
    let mut last = b' ';
    for next in bytes {
        let least = now.into_iter().min().unwrap_or(0).saturating_add(CHANGE);
        for (now, cost) in now.iter_mut().zip(cost(last, *next)) {
            *now = now.saturating_add(STAY).min(least).saturating_add(u32::from(cost));
        }
        last = *next;
    }
    f64::from(now.into_iter().min().unwrap_or(0)) / f64::from(STEPS)
}

/// Whether some range of the bytes saves `least` steps under one model: what no way to cut them can do without.
pub(super) fn has_island(bytes: &[u8], least: i16) -> bool {
    let (mut now, mut most) = ([0_i16; 4], [0_i16; 4]);
    let mut last = b' ';
    for piece in bytes.chunks(BLOCK) {
        for next in piece {
            for ((now, most), cost) in now.iter_mut().zip(&mut most).zip(cost(last, *next)) {
                *now = now.saturating_add(128 - i16::from(cost)).max(0);
                *most = (*most).max(*now);
            }
            last = *next;
        }
        if most.into_iter().any(|most| most >= least) {
            return true;
        }
    }
    false
}

/// Bits of the best text model (not the binary one).
pub(super) fn text_bits(bytes: &[u8]) -> f64 {
    let [latin, other, shaped, _] = scan(bytes).bits;
    latin.min(other).min(shaped)
}

/// Bits of the best text model for these bytes under a one-byte key, unless they are clearly above `limit`: looked for
/// after each sixteen bytes, with a margin for a dear beginning.
pub(super) fn text_bits_under(bytes: &[u8], key: u8, limit: f64) -> Option<f64> {
    const MARGIN: f64 = 40.0;
    let each = limit / f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let (mut lanes, mut seen) = ([0_u32; 3], 0_u32);
    let mut last = b' ';
    for piece in bytes.chunks(16) {
        for byte in piece {
            let next = byte ^ key;
            let [latin, other, shaped, _] = cost(last, next);
            for (lane, cost) in lanes.iter_mut().zip([latin, other, shaped]) {
                *lane = lane.saturating_add(u32::from(cost));
            }
            last = next;
        }
        seen = seen.saturating_add(16);
        let least = f64::from(lanes.into_iter().min().unwrap_or(u32::MAX)) / f64::from(STEPS);
        if least > limit.min(each * f64::from(seen) + MARGIN) {
            return None;
        }
    }
    Some(f64::from(lanes.into_iter().min().unwrap_or(u32::MAX)) / f64::from(STEPS))
}

/// Whether all bytes are UTF-8, but for a character cut at the end.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).err().is_none_or(|error| error.error_len().is_none() && error.valid_up_to() > 0)
}

/// Bits of text in any script, also one no table has seen: a character costs little in the block of the one before.
/// `None` if the bytes are not UTF-8, but for a character cut at either end.
pub(super) fn script_bits(bytes: &[u8]) -> Option<f64> {
    let text = super::characters::trimmed(bytes)?;
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
