//! The statistics: what bytes are, as far as bytes can tell. Pure functions.

use crate::model::opacity::{Assessment, Opacity};

/// Payloads shorter than this are not told apart from random bytes.
pub const SHORTEST: usize = 12;

/// What these bytes are.
#[expect(clippy::cast_precision_loss, reason = "a buffer's length is far below 2^52")]
pub fn assess(bytes: &[u8]) -> Assessment {
    let told = |class, model| Assessment { class, model, bits: 30.0 };
    if std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace())) {
        return told(Opacity::Plaintext, "utf-8 text");
    }
    if bytes.len() < SHORTEST {
        return told(Opacity::Unknown, "too short");
    }
    if bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0xff, 0xd8, 0xff]) || bytes.starts_with(b"\x89PNG") {
        return told(Opacity::Compressed, "magic");
    }
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let n = bytes.len() as f64;
    let entropy: f64 = counts
        .iter()
        .filter(|c| **c > 0)
        .map(|c| {
            let p = f64::from(*c) / n;
            -p * p.log2()
        })
        .sum();
    // What uniform bytes of this length would give, on average.
    let table: [(f64, f64); 10] = [
        (12.0, 3.55),
        (16.0, 3.94),
        (32.0, 4.88),
        (64.0, 5.77),
        (128.0, 6.55),
        (256.0, 7.17),
        (512.0, 7.59),
        (1024.0, 7.81),
        (4096.0, 7.95),
        (1e12, 8.0),
    ];
    let expected = table.windows(2).find(|pair| n < pair[1].0).map_or(8.0, |pair| {
        pair[0].1 + (pair[1].1 - pair[0].1) * (n.log2() - pair[0].0.log2()) / (pair[1].0.log2() - pair[0].0.log2())
    });
    if entropy > expected - 0.35 {
        told(Opacity::RandomLooking, "uniform")
    } else {
        told(Opacity::Plaintext, "structured")
    }
}
