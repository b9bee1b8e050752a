//! Weighs the models against one another.

use super::{SHORTEST, characters, encoding, lz, packing, pairs, plist, records, uniform};
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
/// Bits that a key of one byte costs, and that such keys are rare.
const KEY: f64 = 8.0 + 6.0;
/// Bits around those of uniform bytes within which text of several kinds is looked for.
const MIXED: f64 = 48.0;
/// Bits that a piece of a compressed stream is dearer than one that stands at its beginning.
const PIECE_OF: f64 = 4.0;
/// Bits that it must save with each copy to be one.
const CLEAR: f64 = 4.0;
/// Encodings in encodings that are looked into.
const DEPTH: usize = 3;
/// One bit of code length counts this much in the odds: the models' errors within a message go together, so that their
/// bits overstate. Chosen by hand while looking at the benchmark's calibration.
pub const TEMPER: f64 = 0.35;

/// The model that knows no script, only that characters keep to theirs.
const RARE: &str = "utf-8 text of a rare script";

/// The model of text by the kinds of its characters.
const CHARACTERS: &str = "text of several kinds";

#[derive(Clone, Copy)]
struct Candidate {
    class: Opacity,
    model: &'static str,
    bits: f64,
    inner: Option<Opacity>,
}

/// The best model of each class so far.
#[derive(Default)]
struct Best([Option<Candidate>; 7]);

impl Best {
    fn add(&mut self, class: Opacity, model: &'static str, bits: f64, inner: Option<Opacity>) {
        if let Some(slot) = self.0.get_mut(class.index())
            && slot.is_none_or(|known| bits < known.bits)
        {
            *slot = Some(Candidate { class, model, bits, inner });
        }
    }

    /// The shortest code of all.
    fn least(&self) -> Option<Candidate> {
        self.0.iter().flatten().min_by(|a, b| a.bits.total_cmp(&b.bits)).copied()
    }

    fn bits(&self) -> f64 {
        self.least().map_or(f64::MAX, |one| one.bits)
    }
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
    // Bulk is judged by a sample of it: its class is a matter of many kilobytes.
    let sample: Vec<u8>;
    let seen = if bytes.len() > WHOLE {
        sample = spread(bytes);
        sample.as_slice()
    } else {
        bytes
    };
    let whole = seen.len() == bytes.len();
    let n = length(seen.len());
    let uniform = 8.0 * n;
    let scan = pairs::scan(seen);
    let mut best = Best::default();
    let fine = pairs::NAMES.into_iter().zip(scan.bits).zip([2.0, 2.0, 2.0, 6.0]);
    if let Some((model, bits)) =
        fine.map(|((model, bits), fine)| (model, bits + fine)).min_by(|a, b| a.1.total_cmp(&b.1))
    {
        best.add(Opacity::Plaintext, model, bits, None);
    }
    let open = packing::open(bytes);
    if let Some((model, bits)) = open {
        best.add(Opacity::Plaintext, model, (uniform - bits).min(best.bits() - bits), None);
        if whole && let Some(bits) = plist::bits(seen) {
            best.add(Opacity::Plaintext, model, bits, None);
        }
    }
    let pair = scan.bits.into_iter().fold(f64::MAX, f64::min);
    let text = scan.bits.into_iter().take(3).fold(f64::MAX, f64::min);
    let utf8 = pairs::is_text(bytes.get(..WHOLE).unwrap_or(bytes));
    // Scripts the tables know need no second opinion.
    let begun = whole && (bytes.len() > 1024 || bytes.first().is_some_and(|first| first & 0xc0 == 0x80));
    if pair > 5.0 * n && (utf8 || begun) {
        let head = seen.get(..1024).unwrap_or(seen);
        if let Some(bits) = pairs::script_bits(head) {
            best.add(Opacity::Plaintext, RARE, bits * n / length(head.len()) + 4.0, None);
        }
    }
    // Where one kind of text does not explain much, several may: names, figures, markup between words. What is no text
    // to its end may be a record of texts, or a piece of their compression.
    let between = !utf8 && open.is_none() && pair > 5.0 * n && pair < 8.5 * n;
    if between || best.bits() > uniform - MIXED.max(1.5 * n) && pair < uniform + MIXED + n / 4.0 {
        best.add(Opacity::Plaintext, "mixed text", pairs::mixed_bits(seen) + 2.0, None);
        let head = seen.get(..1024).unwrap_or(seen);
        let cut = || bytes.first().is_some_and(|first| first & 0xc0 == 0x80);
        if (utf8 || cut())
            && let Some(bits) = characters::bits(head)
        {
            best.add(Opacity::Plaintext, CHARACTERS, bits * n / length(head.len()) + 3.0, None);
        }
    }
    if utf8
        && pair > 6.0 * n
        && let Some(bits) = characters::code_bits(seen)
    {
        best.add(Opacity::Unknown, "printable code", bits + 12.0, None);
    }
    if whole
        && !utf8
        && open.is_none()
        && let Some((model, bits)) = records::bits(seen)
    {
        best.add(Opacity::Plaintext, model, bits + 4.0, None);
    }
    // Text far below what any alphabet of 16 letters needs is no encoding.
    if text > 3.2 * n && open.is_none() {
        for reading in encoding::readings(seen, utf8) {
            let inner = (depth < DEPTH && reading.inner.len() >= SHORTEST && whole)
                .then(|| assess_within(&reading.inner, depth.saturating_add(1)).class);
            best.add(Opacity::Encoded, reading.name, reading.bits, inner);
        }
    }
    // Text to its last byte is no container; what does not read as text may be one around it.
    let control = |byte: &u8| *byte < 0x20 && !byte.is_ascii_whitespace();
    let legible = utf8 && !bytes.iter().take(64).any(control);
    let found = packing::magic(bytes).or_else(|| packing::trial(bytes, legible));
    let whole_object = found.is_some();
    if let Some(found) = found {
        // A container explains itself; its contents cost what the best plain model makes of them.
        let plain = best.bits();
        let contents = if plain + BELIEVED < uniform { plain - found.plain } else { f64::MAX };
        best.add(Opacity::Compressed, found.name, (uniform - found.uniform).min(contents), None);
    }
    // A piece of text's compression, where it explains each copy well; else it may be a record of short texts.
    if between
        && !whole_object
        && let Some(piece) = lz::piece(seen)
    {
        let clear = best.bits() > piece.bits + CLEAR * piece.copies;
        let (class, model) =
            if clear { (Opacity::Compressed, piece.name) } else { (Opacity::Unknown, "records or a piece") };
        best.add(class, model, piece.bits + PIECE_OF, None);
    }
    // What knows no words may take text under a key for another script, or for signs.
    let vague = |one: Candidate| one.model == CHARACTERS || pair > 7.0 * n && one.model == RARE;
    if open.is_none() && (best.least().is_some_and(vague) || best.bits() > uniform - 1.5 * n) {
        if !whole_object && let Some(bits) = one_byte_xor(seen, utf8, best.bits().min(uniform)) {
            best.add(Opacity::WeaklyEncrypted, "one-byte xor", bits, None);
        }
        if best.bits() > uniform - BELIEVED
            && let Some((class, model, bits)) = shape(seen, utf8)
        {
            best.add(class, model, bits, None);
        }
    }
    // Text has no unreadable part: noise of a dozen bytes is no text.
    let islands = if legible { 0.0 } else { scan.islands };
    let told = decide(&best, uniform, islands, seen);
    match open {
        // Not noise, though most of what it holds may be.
        Some((model, _)) if told.class.is_opaque() => Assessment { class: Opacity::Unknown, model, ..told },
        _ => told,
    }
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

/// Text under one key byte, where that could cost less than `limit`. The differences of neighbours do not know the key:
/// they say at once whether to try.
fn one_byte_xor(bytes: &[u8], utf8: bool, limit: f64) -> Option<f64> {
    let head = bytes.get(..96).unwrap_or(bytes);
    // Text keeps the upper bit of neighbours alike far more often than noise does.
    let changes = head.iter().zip(head.get(1..)?).fold(0_u8, |sum, (a, b)| sum.wrapping_add((a ^ b) >> 7));
    let alike = head.len().saturating_sub(1).saturating_sub(usize::from(changes));
    if alike * 100 < head.len() * 65 {
        return None;
    }
    // Few keys leave text valid UTF-8, only those of six bits: what is, is rather a table of odd characters.
    let odd = utf8 && !bytes.is_ascii();
    let price = KEY + if odd { 50.0 } else { 0.0 };
    // Text has no control characters but breaks and tabs. Those are one block of 32, and a key moves whole blocks: so a
    // block that some byte is in leaves three keys of 32.
    let mut blocks = [None; 8];
    for byte in head {
        if let Some(slot) = blocks.get_mut(usize::from(byte >> 5)) {
            *slot = Some(*byte);
        }
    }
    let control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    let clean = |bytes: &[u8], key: u8| !bytes.iter().any(|byte| control(byte ^ key));
    let mut least = (limit - price) * length(head.len()) / length(bytes.len()) + 32.0;
    let mut best = None;
    for key in 1..=if odd { 0x3f } else { u8::MAX } {
        let inside = blocks.get(usize::from(key >> 5)).copied().flatten();
        if inside.is_none_or(|byte| !control(byte ^ key) && clean(head, key))
            && let Some(bits) = pairs::text_bits_under(head, key, least)
            && bits < least
        {
            (least, best) = (bits, Some(key));
        }
    }
    let key = best.filter(|key| clean(bytes, *key))?;
    let all: Vec<u8> = bytes.iter().map(|byte| byte ^ key).collect();
    let script = pairs::script_bits(&all).unwrap_or(f64::MAX);
    let kinds = characters::bits(&all).unwrap_or(f64::MAX);
    Some(pairs::text_bits(&all).min(pairs::mixed_bits(&all)).min(script + 4.0).min(kinds + 3.0) + price)
}

/// Skewed counts with no model that explains them: a code that learns them as it goes (Krichevsky and Trofimov).
fn shape(bytes: &[u8], utf8: bool) -> Option<(Opacity, &'static str, f64)> {
    if bytes.len() < 24 {
        return None;
    }
    let n = bytes.len() as u64;
    // Uniform bytes make n + n(n-1)/256 on average; the code is worth its logarithms well above only.
    if uniform::squares(bytes) < n + n * n / 256 + n / 2 {
        return None;
    }
    let counts = uniform::histogram(bytes);
    // log2 of the gammas: ln G(c + a) - ln G(a), with a = 1/16 for few symbols among many.
    let a = 1.0 / 16.0;
    let rise = |count: u32, a: f64| -> f64 { (0..count.min(20_000)).map(|k| (f64::from(k) + a).log2()).sum() };
    let total = u32::try_from(n).unwrap_or(u32::MAX);
    let bits = rise(total, a * 256.0)
        - counts.iter().filter(|count| **count > 0).map(|count| rise(*count, a)).sum::<f64>()
        + 8.0;
    let (class, model) = if bits < 6.0 * length(bytes.len()) || utf8 {
        (Opacity::Plaintext, "skewed bytes")
    } else {
        (Opacity::Unknown, "not uniform")
    };
    Some((class, model, bits))
}

fn decide(best: &Best, uniform: f64, islands: f64, seen: &[u8]) -> Assessment {
    let noise = Candidate { class: Opacity::RandomLooking, model: "uniform", bits: uniform, inner: None };
    let least = best.least().unwrap_or(noise);
    let evidence = uniform - least.bits;
    // Odds: each class by its best model. Less than 2^-30 is nothing beside one.
    let floor = least.bits.min(uniform);
    let mut odds = [0.0_f64; 7];
    for one in best.0.iter().flatten().chain([&noise]) {
        if let Some(slot) = odds.get_mut(one.class.index())
            && (one.bits - floor) * TEMPER < 30.0
        {
            *slot = ((floor - one.bits) * TEMPER).exp2();
        }
    }
    let sum: f64 = odds.iter().sum();
    for slot in &mut odds {
        *slot /= sum;
    }
    let told =
        |one: Candidate, bits: f64| Assessment { class: one.class, model: one.model, bits, odds, inner: one.inner };
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
                return told(noise, f64::from(u32::try_from(closed.saturating_mul(8)).unwrap_or(u32::MAX)));
            }
            if open < closed.saturating_mul(7) {
                return unknown(super::segment::MIXED, evidence.abs());
            }
        }
    }
    if evidence >= BELIEVED {
        let second =
            best.0.iter().flatten().filter(|one| one.class != least.class).map(|one| one.bits).fold(uniform, f64::min);
        return told(least, second - least.bits);
    }
    if evidence > NOTHING {
        return unknown("undecided", evidence.abs());
    }
    told(noise, -evidence)
}
