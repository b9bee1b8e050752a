//! Binary structure that anyone reads: numbers with zeros in front, lengths, flags, words between them; and the same, or
//! text, under a single-byte XOR.

use crate::model::opacity::Opacity;
use crate::opacity::{Explained, Sample, float, text};

/// Classes of bytes that follow one another in records: zero, small, text, large, all ones.
const fn class(byte: u8) -> usize {
    match byte {
        0 => 0,
        1..0x20 => 1,
        0x20..0x7f => 2,
        0x7f..0xff => 3,
        0xff => 4,
    }
}

/// Members of each class.
const SIZE: [f64; 5] = [1.0, 31.0, 95.0, 128.0, 1.0];
/// How often a byte of one class follows one of another, in protobuf, TLV, MessagePack, tables of integers and the like:
/// rows from, columns to; each row sums to one.
const FOLLOWS: [[f64; 5]; 5] = [
    [0.55, 0.21, 0.14, 0.08, 0.02],
    [0.20, 0.26, 0.36, 0.17, 0.01],
    [0.06, 0.10, 0.78, 0.05, 0.01],
    [0.14, 0.20, 0.16, 0.49, 0.01],
    [0.10, 0.12, 0.10, 0.18, 0.50],
];
/// Fewest bytes of which a XOR key is sought.
const XORED: usize = 16;

/// What structure saves over uniform bytes.
pub(super) fn explain(sample: &Sample<'_>, reads: bool, all: &mut Vec<Explained>) {
    let mut bits = -4.0;
    let mut before = 1_usize;
    for stretch in sample.stretches() {
        for byte in stretch {
            let now = class(*byte);
            let share = FOLLOWS.get(before).and_then(|row| row.get(now)).copied().unwrap_or(0.01);
            bits += 8.0 + (share / SIZE.get(now).copied().unwrap_or(1.0)).log2();
            before = now;
        }
    }
    all.push(Explained { class: Opacity::Plaintext, model: "binary structure", bits });
    if !reads && let Some(bits) = xored(sample) {
        all.push(Explained { class: Opacity::WeaklyEncrypted, model: "single-byte xor", bits });
    }
}

/// What text under a single-byte XOR saves, the key and the choice of this model paid for.
fn xored(sample: &Sample<'_>) -> Option<f64> {
    let first = sample.stretches().next()?;
    let first = first.get(..first.len().min(512))?;
    if first.len() < XORED {
        return None;
    }
    // The key makes the commonest byte a space or an e: other keys make no text.
    let mut counts = [0_u16; 256];
    for byte in first {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let commonest =
        (0_u8..=255).max_by_key(|byte| (counts.get(usize::from(*byte)).copied(), std::cmp::Reverse(*byte)))?;
    let top = usize::from(counts.get(usize::from(commonest)).copied()?);
    // Uniform bytes repeat less.
    if top * 20 < first.len() {
        return None;
    }
    let keys = [b' ', b'e', b'"', b'a', 0].map(|plain| commonest ^ plain);
    let best = keys.into_iter().filter(|key| *key != 0).map(|key| {
        let plain: Vec<u8> = first.iter().map(|byte| byte ^ key).collect();
        let cost = text::cost(&plain).into_iter().fold(f64::INFINITY, f64::min);
        8.0 * float(first.len()) - cost - 16.0
    });
    best.reduce(f64::max)
}

/// Whether the bytes are not uniform, by a chi-square test over 256 values at one in a million; quantiles by simulation
/// below 512 bytes, where the distribution is skewed.
pub(super) fn is_biased(bytes: &[u8]) -> bool {
    let bytes = bytes.get(..1 << 16).unwrap_or(bytes);
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let expected = float(bytes.len()) / 256.0;
    let sum: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    let critical = match bytes.len() {
        0..32 => 560.0,
        32..64 => 480.0,
        64..128 => 440.0,
        128..512 => 415.0,
        _ => 385.0,
    };
    sum > critical
}
