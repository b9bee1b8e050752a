//! The statistics: what bytes are, as far as bytes can tell. Pure functions.
//!
//! Competing models are compared by the number of bits each needs to write the bytes down, and the shortest wins: there is
//! no cascade of thresholds, and no entropy to cut at. Uniform bytes need eight bits each; whatever explains them in
//! fewer has as many bits of evidence for it, and random bytes give a model `t` bits of evidence with a probability of
//! at most `2^-t` (Markov's inequality), whatever the model. What trial decoding opens is what it opens into.
//!
//! Statistics never say more than *random-looking*: LZMA without its header, WebP and video are as uniform as ciphertext.
//! [`power`] says what would have been noticed at a length.

mod binary;
mod coded;
mod packed;
mod text;

#[cfg(test)]
mod tests;

use crate::model::opacity::{Assessment, Opacity};

/// Payloads shorter than this are not told apart from random bytes.
pub const SHORTEST: usize = 12;
/// Evidence, in bits, from which a model is believed over uniform bytes: chance reaches it once in a million.
const BELIEVED: f64 = 20.0;
/// Less than this between the best and uniform bytes tells nothing.
const UNSURE: f64 = 8.0;
/// Bytes of a long payload that are weighed: its beginning, its middle and its end.
const WEIGHED: usize = 4_096;

/// A model's explanation of bytes.
#[derive(Clone, Copy, Debug)]
struct Explained {
    class: Opacity,
    model: &'static str,
    /// Bits saved over eight for each byte weighed.
    bits: f64,
}

/// What these bytes are.
pub fn assess(bytes: &[u8]) -> Assessment {
    let told = |class, model, bits| Assessment { class, model, bits };
    if bytes.len() < SHORTEST {
        let text = text::is_text(bytes) && !bytes.is_empty();
        return if text {
            told(Opacity::Plaintext, "utf-8 text", 0.0)
        } else {
            told(Opacity::Unknown, "too short", 0.0)
        };
    }
    // What is declared by a magic number, and holds to its format, needs no weighing.
    if let Some(model) = packed::magic(bytes) {
        return told(Opacity::Compressed, model, 30.0);
    }
    let sample = Sample::of(bytes);
    let mut all: Vec<Explained> = Vec::with_capacity(8);
    text::explain(&sample, &mut all);
    // What reads as it is needs no second reading: text shifted by a byte, or under a key, now and then reads as another.
    let reads = all.iter().any(|text| text.bits > 0.0);
    coded::explain(bytes, &sample, reads, &mut all);
    binary::explain(&sample, reads, &mut all);
    let best = strongest(&all);
    // Trial decompression costs most: it is for what nothing else explains, or only a second reading does.
    let second = |best: Explained| best.model.starts_with("utf-16") || best.class == Opacity::WeaklyEncrypted;
    if best.is_none_or(|best| best.bits < BELIEVED || second(best))
        && let Some(model) = packed::trial(bytes)
    {
        return told(Opacity::Compressed, model, 30.0);
    }
    match best {
        Some(best) if best.bits >= BELIEVED => {
            let rival =
                all.iter().filter(|other| other.class != best.class).map(|other| other.bits).fold(0.0, f64::max);
            told(best.class, best.model, best.bits - rival)
        }
        Some(best) if best.bits > UNSURE => told(Opacity::Unknown, "too little evidence", best.bits),
        _ if binary::is_biased(bytes) => told(Opacity::Unknown, "not uniform, and no known structure", 0.0),
        best => told(Opacity::RandomLooking, "uniform", best.map_or(BELIEVED, |best| -best.bits).max(0.0)),
    }
}

fn strongest(all: &[Explained]) -> Option<Explained> {
    all.iter().copied().reduce(|best, next| if next.bits > best.bits { next } else { best })
}

/// What a test of `len` bytes could have noticed, for whoever reads that they look random. Figures: detection by the
/// models above and by a chi-square test at one in a million, on headerless fragments.
pub const fn power(len: usize) -> &'static str {
    match len {
        0..64 => {
            "Text, encodings, whole compressed bodies and one-byte XOR would have shown; fragments of compressed data would not."
        }
        64..512 => {
            "Text, encodings, whole compressed bodies, LZ4 and Snappy would have shown, and XOR with a key of up to eight \
             bytes; fragments of deflate, zstd, brotli, LZMA, images and sound would not."
        }
        512..8_192 => {
            "XOR with short keys, speech codecs and uncompressed sound would have shown, too; fragments of deflate, zstd, \
             brotli, LZMA, WebP and video would not."
        }
        _ => {
            "Fragments of PNG, Vorbis and most sound would have shown, too; fragments of deflate, brotli and zstd often would \
             not, and of LZMA, WebP and video never."
        }
    }
}

/// The bytes that are weighed: all of a short payload, three stretches of a long one.
struct Sample<'a> {
    stretches: [&'a [u8]; 3],
}

impl<'a> Sample<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        if bytes.len() <= WEIGHED {
            return Self { stretches: [bytes, &[], &[]] };
        }
        let third = WEIGHED / 3;
        let stretch = |from: usize| bytes.get(from..from.saturating_add(third)).unwrap_or_default();
        Self { stretches: [stretch(0), stretch(bytes.len() / 2), stretch(bytes.len().saturating_sub(third))] }
    }

    fn stretches(&self) -> impl Iterator<Item = &'a [u8]> {
        self.stretches.into_iter().filter(|stretch| !stretch.is_empty())
    }

    /// Bytes weighed.
    fn len(&self) -> usize {
        self.stretches.iter().map(|stretch| stretch.len()).sum()
    }
}

/// A length as a number of bits can be compared with.
#[expect(clippy::cast_precision_loss, reason = "lengths here are far below 2^52")]
const fn float(len: usize) -> f64 {
    len as f64
}
