//! What may hide in bytes that read otherwise: a stretch of noise among text or records, an archive that nothing opened,
//! bytes that no model tells.
//!
//! The class of a whole is that of most of it. A few hundred bytes of ciphertext behind a page of text leave the page text;
//! whoever gets it gets them as well.

use super::hidden::Hidden;
use super::segment::{LOOKED, MIXED, segments};
use super::{assess, packing};
use crate::model::opacity::{HIDING_PLACE, Opacity, Segment};

/// The longest stretch of a field that may hide something, though the field as a whole is not opaque. `None` for text to
/// its last byte, which [`hidden`](super::hidden()) is for. `weighed`: whether somebody else weighs the field as a whole, so
/// that what is opaque for the most part is none of this function's business.
pub fn concealed(bytes: &[u8], weighed: bool) -> Option<Hidden> {
    if bytes.len() as u64 <= HIDING_PLACE || std::str::from_utf8(bytes).is_ok() {
        return None;
    }
    let told = assess(bytes);
    let all = || Some(Hidden { range: 0..bytes.len(), bytes: bytes.len() as u64 });
    match told.class {
        Opacity::RandomLooking | Opacity::Encrypted | Opacity::WeaklyEncrypted if weighed => None,
        Opacity::RandomLooking | Opacity::Encrypted | Opacity::WeaklyEncrypted => all(),
        Opacity::Unknown if told.model == MIXED && weighed => None,
        Opacity::Unknown if told.model == MIXED => stretch(bytes),
        Opacity::Unknown => all(),
        // Pictures and sounds are what they are; what else is packed would have been opened, could anybody here.
        Opacity::Compressed if packing::is_media(told.model) => None,
        Opacity::Compressed => all(),
        Opacity::Plaintext | Opacity::Encoded => stretch(bytes),
    }
}

/// The longest stretch that is noise by itself. Every block is looked at: what is passed over is where noise would hide.
fn stretch(bytes: &[u8]) -> Option<Hidden> {
    let mut best: Option<Hidden> = None;
    for (index, block) in bytes.chunks(LOOKED).enumerate() {
        if std::str::from_utf8(block).is_ok() {
            continue;
        }
        let from = index.saturating_mul(LOOKED);
        for part in segments(block).iter().filter(|part| part.class.is_opaque()) {
            let len = Segment::len(part);
            let known = best.as_ref().map_or(HIDING_PLACE, |best| best.bytes);
            let (Ok(start), Ok(end)) = (usize::try_from(part.start), usize::try_from(part.end)) else { continue };
            if len > known && block.get(start..end).is_some_and(is_shut) {
                best = Some(Hidden { range: from.saturating_add(start)..from.saturating_add(end), bytes: len });
            }
        }
    }
    best
}

/// Whether a stretch is noise, or packed, by itself: a table of numbers is neither, though no text.
fn is_shut(stretch: &[u8]) -> bool {
    let told = assess(stretch);
    told.class.is_opaque() || (told.class == Opacity::Compressed && !packing::is_media(told.model))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opacity::tests::{Noise, TEXTS};
    use std::io::Write as _;

    fn text(len: usize) -> Vec<u8> {
        TEXTS.iter().take(6).cycle().flat_map(|text| text.bytes().chain(*b"\n")).take(len).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    /// Either of the two looks finds noise of some hundred bytes, wherever it stands in a text and however long that is.
    #[test]
    fn noise_in_a_text_is_found_wherever_it_stands() {
        let mut noise = Noise(7);
        let mut looked = 0;
        for (before, len, after) in [
            (132, 1_000, 0),
            (130, 20_000, 0),
            (400, 1_000, 0),
            (700, 120, 700),
            (6_000, 600, 6_000),
            (30_000, 3_000, 0),
            (17_000, 20_000, 0),
            (1_000, 300, 40_000),
            (40_000, 20_000, 4 << 20),
            (3 << 20, 2_000, 1 << 20),
        ] {
            let bytes = [text(before), noise.bytes(len), text(after)].concat();
            let told = assess(&bytes);
            if told.class.is_opaque() || told.model == MIXED {
                let found = concealed(&bytes, false).unwrap_or_else(|| panic!("{before} {len} {after}: {told:?}"));
                assert!(found.bytes * 10 >= len.min(LOOKED) as u64 * 4, "{before} {len} {after}: {found:?}");
                continue;
            }
            looked += 1;
            let found = concealed(&bytes, true).unwrap_or_else(|| panic!("{before} {len} {after}: {told:?}"));
            assert!(found.bytes * 10 >= len.min(LOOKED) as u64 * 4, "{before} {len} {after}: {found:?}");
            // What is taken for a piece of something packed is one place as a whole.
            assert!(found.range.start < before + len && found.range.end > before, "{before} {len}: {found:?}");
        }
        assert!(looked >= 5, "nearly all are opaque as a whole: {looked}");
    }

    #[test]
    fn what_nothing_opened_may_hold_anything() {
        let mut noise = Noise(9);
        let archives: [&[u8]; 4] =
            [b"7z\xbc\xaf\x27\x1c\0\x04", b"Rar!\x1a\x07\x01\0", b"\x28\xb5\x2f\xfd\x04", b"SQLite format 3\0"];
        for start in archives {
            let bytes = [start, &noise.bytes(2_000)].concat();
            assert!(concealed(&bytes, true).is_some() || assess(&bytes).class.is_opaque(), "{start:?}");
        }
        let mut log = text(6_000);
        log.extend(gzip(&text(40_000).iter().rev().copied().collect::<Vec<u8>>()));
        log.extend(text(6_000));
        assert!(concealed(&log, true).is_some());
    }

    #[test]
    fn honest_bytes_hide_nothing() {
        let latin: Vec<u8> = TEXTS[..6].concat().chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
        let wide: Vec<u8> = TEXTS.concat().encode_utf16().flat_map(u16::to_le_bytes).collect();
        let floats: Vec<u8> = (0..2_000_u16).flat_map(|n| (20.0 + f32::from(n) * 0.25).to_be_bytes()).collect();
        let counters: Vec<u8> = (0..2_000_u32).flat_map(|n| (1_793_610_000 + n * 17).to_be_bytes()).collect();
        let picture = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), Noise(3).bytes(20_000)].concat();
        for (name, bytes) in [
            ("latin-1", latin),
            ("utf-16", wide),
            ("floats", floats),
            ("counters", counters),
            ("picture", picture),
            ("text", text(40_000)),
            ("short", Noise(4).bytes(64)),
        ] {
            assert_eq!(concealed(&bytes, true), None, "{name}: {:?}", assess(&bytes));
        }
    }
}
