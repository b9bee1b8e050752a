//! Text: what people write in any script, and what programs write in ASCII.

use crate::model::opacity::Opacity;
use crate::opacity::{Explained, Sample, float};
use std::sync::LazyLock;

/// Bits for each ASCII byte in prose: letters as often as in the languages of Europe, everything else seldom. The
/// weights are counts in a thousand letters of English, French, German, Spanish and Italian, rounded.
static PROSE: LazyLock<[f32; 128]> = LazyLock::new(|| {
    let mut weight = [0.02_f32; 128];
    for (byte, share) in [
        (b' ', 150.0),
        (b'e', 115.0),
        (b'a', 70.0),
        (b'n', 68.0),
        (b'i', 66.0),
        (b't', 62.0),
        (b's', 62.0),
        (b'r', 60.0),
        (b'o', 58.0),
        (b'l', 45.0),
        (b'd', 36.0),
        (b'u', 38.0),
        (b'h', 34.0),
        (b'c', 30.0),
        (b'm', 27.0),
        (b'p', 24.0),
        (b'g', 17.0),
        (b'f', 15.0),
        (b'b', 13.0),
        (b'v', 13.0),
        (b'w', 11.0),
        (b'y', 10.0),
        (b'k', 7.0),
        (b'q', 4.0),
        (b'j', 4.0),
        (b'x', 3.0),
        (b'z', 5.0),
        (b'.', 9.0),
        (b',', 10.0),
        (b'\n', 6.0),
        (b'\'', 4.0),
        (b'-', 4.0),
        (b'"', 3.0),
        (b'?', 3.0),
        (b'!', 3.0),
        (b':', 3.0),
        (b'\r', 2.0),
        (b'\t', 1.0),
        (b'(', 1.5),
        (b')', 1.5),
    ] {
        weight[usize::from(byte)] = share;
    }
    for byte in b'A'..=b'Z' {
        weight[usize::from(byte)] = 1.6;
    }
    for byte in b'0'..=b'9' {
        weight[usize::from(byte)] = 2.5;
    }
    bits(&weight)
});

/// Bits for each ASCII byte in what programs write: JSON, markup, logs, paths, identifiers.
static MACHINE: LazyLock<[f32; 128]> = LazyLock::new(|| {
    let mut weight = [0.02_f32; 128];
    for byte in b' '..=b'~' {
        weight[usize::from(byte)] = 4.0;
    }
    for byte in b'a'..=b'z' {
        weight[usize::from(byte)] = 16.0;
    }
    for byte in b"etaonisrdlc" {
        weight[usize::from(*byte)] = 30.0;
    }
    for byte in b'0'..=b'9' {
        weight[usize::from(byte)] = 22.0;
    }
    for byte in b'A'..=b'Z' {
        weight[usize::from(byte)] = 4.0;
    }
    for (byte, share) in [
        (b'"', 75.0),
        (b':', 32.0),
        (b',', 28.0),
        (b' ', 45.0),
        (b'/', 16.0),
        (b'<', 12.0),
        (b'>', 12.0),
        (b'=', 14.0),
        (b'{', 12.0),
        (b'}', 12.0),
        (b'[', 8.0),
        (b']', 8.0),
        (b'.', 18.0),
        (b'-', 16.0),
        (b'_', 14.0),
        (b'\n', 18.0),
        (b'&', 6.0),
        (b'%', 5.0),
        (b'\r', 5.0),
        (b'\t', 4.0),
        (b';', 6.0),
    ] {
        weight[usize::from(byte)] = share;
    }
    bits(&weight)
});

/// Bits for each ASCII byte in numbers and times.
static FIGURES: LazyLock<[f32; 128]> = LazyLock::new(|| {
    let mut weight = [0.01_f32; 128];
    for byte in b'0'..=b'9' {
        weight[usize::from(byte)] = 78.0;
    }
    for byte in b" .,:-+/()TZ_;\n" {
        weight[usize::from(*byte)] = 15.0;
    }
    bits(&weight)
});

/// The commonest Han characters, sorted.
static COMMON: LazyLock<std::collections::BTreeSet<char>> = LazyLock::new(|| {
    "一万三上下不与且世业东两个中为主么义之也书了争事二于五些交产人什今从他代以们件任会传但位住体何作你使便保信候做像儿先光克入全公共关其内再军决几出分切则利别到制前力加务动化北区十南即却原去又及反发取受变口只可司各合同名后向听告员命和品四回因国在地场基声处外多大天太头女她好如子学它安完定实家对导将小少尔就展山工己已市师带常平年并应度建开式张强当形很得德心必思性总情想意感成我或战所手才打把报拉指据接提放政教数文斯新方无日时明是更最月有望期本术机权条来果样格次正此死比民气水求没治法活海清点然物特王现理生用由电界白的目直相看真眼着知确社神种科程空立笔第等管类系经结给统美老者而能自至色行表被西要见观规觉解计认让记许论设识话该说象资走起路身边达过运还这进通道那部都里重量金长门问间队院难非面领题马高"
        .chars()
        .collect()
});

fn bits(weight: &[f32; 128]) -> [f32; 128] {
    let sum: f32 = weight.iter().sum();
    weight.map(|share| -(share / sum).log2())
}

/// Whether all of `bytes` is UTF-8 without stray control characters.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()))
}

/// What text saves over uniform bytes.
pub(super) fn explain(sample: &Sample<'_>, all: &mut Vec<Explained>) {
    let mut saved = [-2.0_f64 - 1.6; 3];
    for stretch in sample.stretches() {
        for (saved, cost) in saved.iter_mut().zip(cost(stretch)) {
            *saved += 8.0 * float(stretch.len()) - cost;
        }
    }
    let [prose, machine, figures] = saved;
    for (model, bits) in [("text", prose), ("structured text", machine), ("figures", figures)] {
        all.push(Explained { class: Opacity::Plaintext, model, bits });
    }
}

/// Bits that a stretch of UTF-8 costs as prose, as structure and as figures. Bytes that are none cost twice what they
/// are; at the edges, where a stretch may begin and end within a character, what they are.
pub(super) fn cost(stretch: &[u8]) -> [f64; 3] {
    let mut stray = 0.0;
    let mut at = 0_usize;
    let mut valid: smallvec::SmallVec<[&str; 8]> = smallvec::SmallVec::new();
    for chunk in stretch.utf8_chunks() {
        valid.push(chunk.valid());
        at += chunk.valid().len();
        let invalid = chunk.invalid().len();
        let edge = at < 3 || at + invalid >= stretch.len();
        stray += float(invalid) * if edge { 8.0 } else { 16.0 };
        at += invalid;
    }
    chars(valid.iter().flat_map(|text| text.chars()), stray)
}

/// Bits that characters cost, whatever bytes they came from. Scripts are not known beforehand: a block of 128 characters
/// that was seen before is likely to come again.
pub(super) fn chars(text: impl Iterator<Item = char>, edge: f64) -> [f64; 3] {
    let (prose, machine, figures) = (&*PROSE, &*MACHINE, &*FIGURES);
    let mut sums = [edge; 3];
    let mut blocks: [u32; 8] = [u32::MAX; 8];
    let mut known = 0_usize;
    for c in text {
        let code = u32::from(c);
        if let (Some(a), Some(b), Some(d)) =
            (prose.get(code as usize), machine.get(code as usize), figures.get(code as usize))
        {
            // Of text in a Latin script some nine characters in ten are ASCII, in another script every third.
            let ascii = if known == 0 { 0.05 } else { 0.9 };
            for (sum, bits) in sums.iter_mut().zip([a, b, d]) {
                *sum += f64::from(*bits) + ascii;
            }
            // Control characters are in no text.
            if c.is_control() && !c.is_whitespace() {
                sums = sums.map(|sum| sum + 16.0);
            }
            continue;
        }
        let block = code >> 7;
        // Han: some twenty thousand characters, of which a few hundred are most of any text. Hangul: eleven thousand.
        let (block, within) = match code {
            0x4e00..=0x9fff if COMMON.contains(&c) => (1 << 20, 9.0),
            0x4e00..=0x9fff | 0x3400..=0x4dbf => (1 << 20, 15.9),
            0xac00..=0xd7a3 => (1 << 21, 12.5),
            0x80..=0x6ff | 0x900..=0xeff | 0x10a0..=0x11ff | 0x1780..=0x17ff | 0x1e00..=0x20ff => (block, 6.0),
            0x2100..=0x27bf | 0x3000..=0x30ff | 0xff00..=0xffef | 0x1f000..=0x1faff => (block, 7.0),
            // Scripts that hardly anybody writes messages in.
            _ => (block, 16.0),
        };
        let cost = if blocks.contains(&block) {
            1.1 + within
        } else {
            if let Some(slot) = blocks.get_mut(known % 8) {
                *slot = block;
            }
            known += 1;
            5.0 + 8.0 + within
        };
        let odd = matches!(code, 0x80..=0x9f | 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xfff0..=0xffff | 0xe0000..);
        sums = sums.map(|sum| sum + cost + if odd { 25.0 } else { 0.0 });
    }
    sums
}
