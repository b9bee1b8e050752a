//! Weighs the models against one another.

use super::{SHORTEST, encoding, packing, pairs, uniform};
use crate::model::opacity::{Assessment, Opacity, Segment};

/// Evidence in bits over uniform bytes from which another model is believed: less than four in a million
/// noises by Markov's bound, and far fewer by measure (`docs/opacity.md`).
const BELIEVED: f64 = 18.0;
/// Evidence below which nothing speaks for another model.
const NOTHING: f64 = -4.0;
/// Longer bytes are judged by their head, and by pieces spread over the rest.
const WHOLE: usize = 8192;
/// Bytes of such a piece, and how many there are.
const PIECE: usize = 256;
const PIECES: usize = 16;
/// Encodings in encodings that are looked into.
const DEPTH: usize = 3;
/// One bit of code length counts this much in the odds: the models' errors within a message go together, so that their
/// bits overstate. Chosen by hand while looking at the benchmark's calibration.
const TEMPER: f64 = 0.35;

/// The model that knows no script, only that characters keep to theirs.
const RARE: &str = "utf-8 text of a rare script";

struct Candidate {
    class: Opacity,
    model: &'static str,
    bits: f64,
    inner: Option<Opacity>,
}

/// What these bytes are.
pub fn assess(bytes: &[u8]) -> Assessment {
    assess_within(bytes, 0)
}

fn length(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn assess_within(bytes: &[u8], depth: usize) -> Assessment {
    if bytes.len() < SHORTEST {
        return short(bytes);
    }
    // Bulk: a look at a sample first, as its class is a matter of many kilobytes.
    let sample: Vec<u8>;
    let seen = if bytes.len() > WHOLE {
        sample = spread(bytes);
        sample.as_slice()
    } else {
        bytes
    };
    let uniform = 8.0 * length(seen.len());
    let scan = pairs::scan(seen);
    let mut all: Vec<Candidate> = Vec::with_capacity(8);
    let mut add = |class, model, bits, inner| all.push(Candidate { class, model, bits, inner });
    for ((model, bits), fine) in pairs::NAMES.into_iter().zip(scan.bits).zip([2.0, 2.0, 2.0, 6.0]) {
        add(Opacity::Plaintext, model, bits + fine, None);
    }
    let pair = scan.bits.into_iter().fold(f64::MAX, f64::min);
    // Scripts the tables know need no second opinion.
    if pair > 5.0 * length(seen.len())
        && (seen.len() == bytes.len() || std::str::from_utf8(bytes.get(..WHOLE / 2).unwrap_or(bytes)).is_ok())
    {
        let head = seen.get(..1024).unwrap_or(seen);
        if let Some(bits) = pairs::script_bits(head) {
            add(Opacity::Plaintext, RARE, bits * uniform / (8.0 * length(head.len())) + 4.0, None);
        }
    }
    let text = scan.bits.into_iter().take(3).fold(f64::MAX, f64::min);
    // Text far below what any alphabet of 16 letters needs is no encoding.
    if text > 3.2 * length(seen.len()) {
        for reading in encoding::readings(seen) {
            let inner = (depth < DEPTH && reading.inner.len() >= SHORTEST && seen.len() == bytes.len())
                .then(|| assess_within(&reading.inner, depth.saturating_add(1)).class);
            add(Opacity::Encoded, reading.name, reading.bits, inner);
        }
    }
    let least = |all: &[Candidate]| all.iter().map(|one| one.bits).fold(f64::MAX, f64::min);
    // Text to its last byte is no container; what does not read as text may be one around it.
    let control = |byte: &u8| *byte < 0x20 && !byte.is_ascii_whitespace();
    let legible = pairs::is_text(bytes) && !bytes.iter().take(64).any(control);
    if let Some(found) = packing::magic(bytes).or_else(|| packing::trial(bytes, legible)) {
        // A container explains itself; its contents cost what the best plain model makes of them.
        let plain = least(&all);
        let contents = if plain + BELIEVED < uniform { plain - found.plain } else { f64::MAX };
        let bits = (uniform - found.uniform).min(contents);
        all.push(Candidate { class: Opacity::Compressed, model: found.name, bits, inner: None });
    }
    let rare = all
        .iter()
        .min_by(|a, b| a.bits.total_cmp(&b.bits))
        .is_some_and(|one| one.model == RARE && pair > 7.0 * length(seen.len()));
    if rare || least(&all) > uniform - 1.5 * length(seen.len()) {
        if let Some(bits) = one_byte_xor(seen) {
            all.push(Candidate { class: Opacity::WeaklyEncrypted, model: "one-byte xor", bits, inner: None });
        }
        if least(&all) > uniform - BELIEVED
            && let Some((class, model, bits)) = shape(seen)
        {
            all.push(Candidate { class, model, bits, inner: None });
        }
    }
    decide(&all, uniform, scan.islands, seen)
}

/// Too short to be told from noise, unless all of it is text.
fn short(bytes: &[u8]) -> Assessment {
    let text = std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()));
    let class = if text { Opacity::Plaintext } else { Opacity::Unknown };
    Assessment::sure(class, if text { "utf-8 text" } else { "too short" }, 0.0)
}

/// The head of bulk bytes and pieces from all over it.
fn spread(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.get(..WHOLE / 4).unwrap_or(bytes).to_vec();
    let step = bytes.len() / PIECES;
    for piece in 0..PIECES {
        let from = piece.saturating_mul(step);
        out.extend(bytes.get(from..from.saturating_add(PIECE)).unwrap_or_default());
    }
    out
}

/// Text under one key byte. The differences of neighbours do not know the key: they say at once whether to try.
fn one_byte_xor(bytes: &[u8]) -> Option<f64> {
    let head = bytes.get(..96).unwrap_or(bytes);
    // Text keeps the upper bit of neighbours alike far more often than noise does.
    let alike = head.windows(2).filter(|pair| matches!(pair, [a, b] if (a ^ b) & 0x80 == 0)).count();
    if alike * 100 < head.len() * 65 {
        return None;
    }
    let mut buffer = Vec::with_capacity(head.len());
    let (mut least, mut best) = (f64::MAX, 0);
    for key in 1..=255_u8 {
        buffer.clear();
        buffer.extend(head.iter().map(|byte| byte ^ key));
        let bits = pairs::text_bits(&buffer);
        if bits < least {
            (least, best) = (bits, key);
        }
    }
    let all: Vec<u8> = bytes.iter().map(|byte| byte ^ best).collect();
    let script = pairs::script_bits(&all).unwrap_or(f64::MAX);
    // Few keys leave text valid UTF-8: what is, is rather a table of odd characters.
    let odd = if !bytes.is_ascii() && pairs::is_text(bytes) { 50.0 } else { 0.0 };
    Some(pairs::text_bits(&all).min(script + 4.0) + 8.0 + 14.0 + odd)
}

/// Skewed counts with no model that explains them: a code that learns them as it goes (Krichevsky and Trofimov).
fn shape(bytes: &[u8]) -> Option<(Opacity, &'static str, f64)> {
    if bytes.len() < 24 {
        return None;
    }
    let counts = uniform::histogram(bytes);
    let squares: u64 = counts.iter().map(|count| u64::from(*count) * u64::from(*count)).sum();
    let n = bytes.len() as u64;
    // Uniform bytes make n + n(n-1)/256 on average; the code is worth its logarithms well above only.
    if squares < n + n * n / 256 + n / 4 {
        return None;
    }
    // log2 of the gammas: ln G(c + a) - ln G(a), with a = 1/16 for few symbols among many.
    let a = 1.0 / 16.0;
    let rise = |count: u32, a: f64| -> f64 { (0..count.min(20_000)).map(|k| (f64::from(k) + a).log2()).sum() };
    let total = u32::try_from(n).unwrap_or(u32::MAX);
    let bits = rise(total, a * 256.0)
        - counts.iter().filter(|count| **count > 0).map(|count| rise(*count, a)).sum::<f64>()
        + 8.0;
    let (class, model) = if bits < 6.0 * length(bytes.len()) || pairs::is_text(bytes) {
        (Opacity::Plaintext, "skewed bytes")
    } else {
        (Opacity::Unknown, "not uniform")
    };
    Some((class, model, bits))
}

fn decide(all: &[Candidate], uniform: f64, islands: f64, seen: &[u8]) -> Assessment {
    let mut best: [Option<&Candidate>; 7] = [None; 7];
    for one in all {
        if let Some(slot) = best.get_mut(one.class.index())
            && slot.is_none_or(|known| one.bits < known.bits)
        {
            *slot = Some(one);
        }
    }
    let noise = Candidate { class: Opacity::RandomLooking, model: "uniform", bits: uniform, inner: None };
    let least = best.iter().flatten().min_by(|a, b| a.bits.total_cmp(&b.bits)).copied().unwrap_or(&noise);
    let evidence = uniform - least.bits;
    // Odds: each class by its best model.
    let floor = least.bits.min(uniform);
    let mut odds = [0.0_f64; 7];
    for class in Opacity::ALL {
        let bits = if class == Opacity::RandomLooking {
            Some(uniform)
        } else {
            best.get(class.index()).copied().flatten().map(|one| one.bits)
        };
        if let (Some(bits), Some(slot)) = (bits, odds.get_mut(class.index())) {
            *slot = 2_f64.powf((floor - bits) * TEMPER);
        }
    }
    let sum: f64 = odds.iter().sum();
    for slot in &mut odds {
        *slot /= sum;
    }
    let told =
        |one: &Candidate, bits: f64| Assessment { class: one.class, model: one.model, bits, odds, inner: one.inner };
    let unknown = |model, bits| Assessment { class: Opacity::Unknown, model, bits, odds, inner: None };
    // A readable part beside an unreadable one: neither word is true of the whole.
    if least.class != Opacity::Compressed && evidence < islands - 40.0 && islands > 40.0 {
        let parts = super::segment::segments(seen);
        let of = |opaque: bool| -> u64 {
            (parts.iter().filter(|part| part.class.is_opaque() == opaque)).map(Segment::len).sum()
        };
        let (open, closed) = (of(false), of(true));
        if open > 0 && closed > 0 {
            if closed >= open.saturating_mul(3) {
                return told(&noise, f64::from(u32::try_from(closed.saturating_mul(8)).unwrap_or(u32::MAX)));
            }
            if open < closed.saturating_mul(7) {
                return unknown(super::segment::MIXED, evidence.abs());
            }
        }
    }
    if evidence >= BELIEVED {
        let second =
            best.iter().flatten().filter(|one| one.class != least.class).map(|one| one.bits).fold(uniform, f64::min);
        return told(least, second - least.bits);
    }
    if evidence > NOTHING {
        return unknown("undecided", evidence.abs());
    }
    told(&noise, -evidence)
}
