//! Many patterns at once: sampled, case-folded windows in a bitmap, candidates verified byte by byte.
//!
//! A pattern of `STRIDE + Q - 1` bytes or more holds a window of `Q` bytes at every residue modulo the stride, so one
//! look-up at every `stride`-th byte of the haystack meets each occurrence exactly once, wherever it starts. The cost
//! for each byte hardly depends on how many patterns there are.

/// Bytes to look for.
#[derive(Clone, Debug)]
pub(super) struct Needle {
    /// The bytes.
    pub(super) bytes: Box<[u8]>,
    /// ASCII letters match in either case.
    pub(super) fold: bool,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    gram: u64,
    needle: u32,
    offset: u32,
}

/// All needles of at least `stride + Q - 1` bytes.
#[derive(Debug, Default)]
pub(super) struct Engine<const Q: usize> {
    stride: usize,
    bitmap: Vec<u64>,
    bitmap_shift: u32,
    starts: Vec<u32>,
    table_shift: u32,
    slots: Vec<Slot>,
}

/// Bytes that are sampled at a time.
const BLOCK: usize = 32;
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
const FOLD: u64 = 0x2020_2020_2020_2020;

/// A window as a number, with the bit that tells ASCII cases apart set everywhere.
#[inline]
fn gram<const Q: usize>(window: &[u8; Q]) -> u64 {
    // One load: `Q` is known when this is compiled, and it runs for every few bytes of everything.
    let wide = match (window.first_chunk::<8>(), window.first_chunk::<4>()) {
        (Some(eight), _) => u64::from_le_bytes(*eight),
        (None, Some(four)) => u64::from(u32::from_le_bytes(*four)),
        (None, None) => window.iter().rev().fold(0, |wide, byte| wide << 8 | u64::from(*byte)),
    };
    wide | FOLD
}

impl<const Q: usize> Engine<Q> {
    /// Compiles those of `needles` whose length lies in `lengths`. `None` if there are none.
    pub(super) fn new(needles: &[Needle], lengths: std::ops::RangeInclusive<usize>) -> Option<Self> {
        let chosen: Vec<(u32, &Needle)> =
            (0_u32..).zip(needles).filter(|(_, needle)| lengths.contains(&needle.bytes.len())).collect();
        let shortest = chosen.iter().map(|(_, needle)| needle.bytes.len()).min()?;
        // Longer strides would need more windows of each pattern; beyond five, the bitmap fills faster than it skips.
        let stride = (shortest + 1).checked_sub(Q)?.clamp(1, 5);
        let windows = |needle: &Needle| needle.bytes.array_windows::<Q>().map(gram).collect::<Vec<u64>>();

        let mut common: hashbrown::HashMap<u64, u32> = hashbrown::HashMap::new();
        for (_, needle) in &chosen {
            for gram in windows(needle) {
                *common.entry(gram).or_default() += 1;
            }
        }
        let mut slots = Vec::new();
        for (index, needle) in &chosen {
            let grams = windows(needle);
            for residue in 0..stride {
                // Of the windows that would do, the one fewest patterns share: many values start alike.
                let rarest = grams
                    .iter()
                    .enumerate()
                    .skip(residue)
                    .step_by(stride)
                    .min_by_key(|(_, gram)| (common.get(*gram).copied().unwrap_or(0), dullness(**gram)));
                if let Some((offset, gram)) = rarest {
                    slots.push(Slot { gram: *gram, needle: *index, offset: u32::try_from(offset).unwrap_or(u32::MAX) });
                }
            }
        }
        // Sparse while that costs little memory: what a bit stands for by chance has to be looked up.
        let sparse = slots.len().saturating_mul(64).min(1 << 17).max(slots.len().saturating_mul(16));
        let bits = sparse.next_power_of_two().clamp(1 << 12, 1 << 22).trailing_zeros();
        let rows = slots.len().next_power_of_two().clamp(1 << 8, 1 << 20).trailing_zeros();
        let (bitmap_shift, table_shift) = (64 - bits, 64 - rows);
        let mut bitmap = vec![0_u64; 1 << (bits - 6)];
        let row = |slot: &Slot| row(slot.gram.wrapping_mul(MIX), table_shift);
        slots.sort_by_key(|slot| (row(slot), slot.gram, slot.needle, slot.offset));
        let mut starts = vec![0_u32; (1 << rows) + 1];
        for slot in &slots {
            let bit = slot.gram.wrapping_mul(MIX) >> bitmap_shift;
            if let Some(word) = bitmap.get_mut((bit >> 6) as usize) {
                *word |= 1 << (bit & 63);
            }
            if let Some(start) = starts.get_mut(row(slot) + 1) {
                *start += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        Some(Self { stride, bitmap, bitmap_shift, starts, table_shift, slots })
    }

    /// Calls `found` with the needle's index and where it starts, for every occurrence in `haystack`.
    pub(super) fn find(&self, needles: &[Needle], haystack: &[u8], found: &mut impl FnMut(u32, usize)) {
        let mut from = 0;
        while let Some((at, gram)) = self.next(haystack, from) {
            self.verify(needles, haystack, at, gram, found);
            from = at + self.stride;
        }
    }

    /// Calls `met` with the indices of needles that occur in `haystack`, until it says that this is enough.
    pub(super) fn meets(&self, needles: &[Needle], haystack: &[u8], met: &mut impl FnMut(u32) -> bool) {
        let (mut from, mut is_enough) = (0, false);
        while let Some((at, gram)) = self.next(haystack, from).filter(|_| !is_enough) {
            self.verify(needles, haystack, at, gram, &mut |needle, _| is_enough |= met(needle));
            from = at + self.stride;
        }
    }

    /// The first sample from `from` on that stands in some needle, as far as the bitmap tells, and its window.
    fn next(&self, haystack: &[u8], from: usize) -> Option<(usize, u64)> {
        match self.stride {
            1 => self.next_by::<1>(haystack, from),
            2 => self.next_by::<2>(haystack, from),
            3 => self.next_by::<3>(haystack, from),
            4 => self.next_by::<4>(haystack, from),
            _ => self.next_by::<5>(haystack, from),
        }
    }

    #[inline(never)]
    fn next_by<const STRIDE: usize>(&self, haystack: &[u8], from: usize) -> Option<(usize, u64)> {
        let mut at = from;
        // In a block every window is known to lie inside.
        let samples = const { (BLOCK - Q) / STRIDE + 1 };
        while let Some(block) = haystack.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
            for offset in (0..samples).map(|sample| sample * STRIDE) {
                let window = block.get(offset..).and_then(|rest| rest.first_chunk::<Q>());
                if let Some(gram) = window.map(gram).filter(|gram| self.may_be(*gram)) {
                    return Some((at + offset, gram));
                }
            }
            at += samples * STRIDE;
        }
        while let Some(window) = haystack.get(at..).and_then(|rest| rest.first_chunk::<Q>()) {
            let gram = gram(window);
            if self.may_be(gram) {
                return Some((at, gram));
            }
            at += STRIDE;
        }
        None
    }

    #[inline]
    fn may_be(&self, gram: u64) -> bool {
        let bit = gram.wrapping_mul(MIX) >> self.bitmap_shift;
        let word = self.bitmap.get((bit >> 6) as usize).copied().unwrap_or(0);
        word >> (bit & 63) & 1 != 0
    }

    #[cold]
    #[inline(never)]
    fn verify(&self, needles: &[Needle], haystack: &[u8], at: usize, gram: u64, found: &mut impl FnMut(u32, usize)) {
        let row = row(gram.wrapping_mul(MIX), self.table_shift);
        let (Some(from), Some(to)) = (self.starts.get(row), self.starts.get(row + 1)) else { return };
        let slots = self.slots.get(*from as usize..*to as usize).unwrap_or_default();
        for slot in slots.iter().filter(|slot| slot.gram == gram) {
            let Some(needle) = needles.get(slot.needle as usize) else { continue };
            let Some(start) = at.checked_sub(slot.offset as usize) else { continue };
            let Some(there) = haystack.get(start..start.saturating_add(needle.bytes.len())) else { continue };
            let same =
                if needle.fold { there.eq_ignore_ascii_case(&needle.bytes) } else { there == needle.bytes.as_ref() };
            if same {
                found(slot.needle, start);
            }
        }
    }
}

/// The row of a hash; never more than 2^20.
fn row(hash: u64, shift: u32) -> usize {
    usize::try_from(hash >> shift).unwrap_or(usize::MAX)
}

/// How likely a window is to stand in any traffic: few distinct bytes, or digits only.
fn dullness(gram: u64) -> u32 {
    let bytes = gram.to_le_bytes();
    let repeats = bytes.array_windows::<2>().filter(|[a, b]| a == b).count();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    u32::try_from(repeats * 2 + digits).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn needles(words: &[&str]) -> Vec<Needle> {
        words.iter().map(|word| Needle { bytes: word.as_bytes().into(), fold: true }).collect()
    }

    proptest! {
        #[test]
        fn every_occurrence_is_found_once_wherever_it_starts(
            before in proptest::collection::vec(any::<u8>(), 0..40),
            after in proptest::collection::vec(any::<u8>(), 0..40),
            word in "[a-zA-Z0-9 ]{12,40}",
        ) {
            let needles = needles(&["The heron lands at dusk", &word]);
            let engine = Engine::<8>::new(&needles, 12..=usize::MAX).unwrap();
            let mut haystack = before.clone();
            haystack.extend_from_slice(word.to_ascii_uppercase().as_bytes());
            haystack.extend_from_slice(&after);
            let mut starts = Vec::new();
            engine.find(&needles, &haystack, &mut |needle, start| if needle == 1 { starts.push(start) });
            prop_assert_eq!(starts.iter().filter(|start| **start == before.len()).count(), 1);
        }

        #[test]
        fn what_is_found_is_what_stands_there(
            words in proptest::collection::vec("[ab]{4,12}", 1..5),
            haystack in "[abAB]{0,90}",
        ) {
            let needles = needles(&words.iter().map(String::as_str).collect::<Vec<_>>());
            let shortest = words.iter().map(String::len).min().unwrap();
            let there = |needle: &Needle, at: usize| {
                let part = haystack.as_bytes().get(at..at + needle.bytes.len());
                part.is_some_and(|part| part.eq_ignore_ascii_case(&needle.bytes))
            };
            let all = (0..haystack.len()).flat_map(|at| (0_u32..).zip(&needles).map(move |(index, needle)| (at, index, needle)));
            let mut want: Vec<(usize, u32)> =
                all.filter(|(at, _, needle)| there(needle, *at)).map(|(at, index, _)| (at, index)).collect();
            let engine = Engine::<4>::new(&needles, shortest..=usize::MAX).unwrap();
            let mut found = Vec::new();
            engine.find(&needles, haystack.as_bytes(), &mut |needle, start| found.push((start, needle)));
            found.sort_unstable();
            prop_assert_eq!(&found, &want);
            let mut met = Vec::new();
            engine.meets(&needles, haystack.as_bytes(), &mut |needle| {
                met.push(needle);
                false
            });
            met.sort_unstable();
            want.sort_by_key(|(_, needle)| *needle);
            prop_assert_eq!(met, want.into_iter().map(|(_, needle)| needle).collect::<Vec<_>>());
        }

        #[test]
        fn short_needles_are_found_too(before in "[x-z]{0,20}", word in "[a-w]{4,7}") {
            let needles = needles(&[&word]);
            let engine = Engine::<4>::new(&needles, 4..=7).unwrap();
            let mut starts = Vec::new();
            engine.find(&needles, format!("{before}{word}").as_bytes(), &mut |_, start| starts.push(start));
            prop_assert_eq!(starts, vec![before.len()]);
        }
    }
}
