//! What every recogniser says of itself holds.

use super::{RECOGNISERS, find};
use crate::sighting::tests::{flat, message};

/// Bytes that are the same in every test run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

#[test]
fn names_are_unique_and_bounds_are_stated() {
    let mut names: Vec<&str> = RECOGNISERS.iter().map(|one| one.name).collect();
    assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), RECOGNISERS.len());
    for one in RECOGNISERS {
        assert!(one.bits >= 36 && !one.bound.is_empty() && !one.samples.is_empty(), "{}", one.name);
    }
}

#[test]
fn real_envelopes_are_recognised_as_what_they_are() {
    let mut told = Vec::new();
    let mut want = Vec::new();
    for one in RECOGNISERS {
        for sample in one.samples {
            want.push((one.name, sample.kind, sample.sealed));
            for other in RECOGNISERS {
                let Some(found) = (other.recognise)(sample.bytes) else { continue };
                assert!(found.sealed.iter().all(|range| range.end <= sample.bytes.len()), "{}", one.name);
                told.push((other.name, found.kind, found.sealed.iter().map(ExactSizeIterator::len).sum::<usize>()));
            }
            let message = message(sample.bytes);
            assert!(find(&flat(&message)).len() <= 1, "{} {}", one.name, sample.kind);
        }
    }
    assert_eq!(told, want);
}

/// Noise of all lengths, noise behind the first bytes of real envelopes, and of their lengths: each of the first bytes
/// given for nothing takes eight bits off the bound, so that few are.
#[test]
fn noise_is_no_envelope() {
    let mut dice = Dice(9420);
    let mut noise = vec![0; 2_048];
    let none = |bytes: &[u8]| {
        for one in RECOGNISERS {
            assert_eq!((one.recognise)(bytes), None, "{} in {bytes:02x?}", one.name);
        }
    };
    for _ in 0..100_000 {
        let len = 24 + dice.below(280);
        dice.fill(&mut noise[..len]);
        none(&noise[..len]);
    }
    for one in RECOGNISERS {
        for sample in one.samples {
            for turn in 0..4_000 {
                let given = 1 + turn % 2;
                let len = if turn % 3 == 0 { sample.bytes.len().min(2_048) } else { 24 + dice.below(400) };
                dice.fill(&mut noise[..len]);
                noise[..given].copy_from_slice(&sample.bytes[..given]);
                none(&noise[..len]);
            }
        }
    }
}

/// A real envelope that was cut, lengthened or damaged in its structure is none; wherever it is damaged, nothing panics.
#[test]
fn what_is_damaged_is_told_from_what_is_whole() {
    let mut dice = Dice(7516);
    for one in RECOGNISERS {
        for sample in one.samples {
            for at in 0..sample.bytes.len().min(600) {
                let _ = (one.recognise)(&sample.bytes[..at]);
                let mut damaged = sample.bytes.to_vec();
                damaged[at] ^= 1 << dice.below(8);
                if let Some(found) = (one.recognise)(&damaged) {
                    assert!(found.sealed.iter().all(|range| range.end <= damaged.len()), "{}", one.name);
                }
            }
            let first = [&[sample.bytes[0] ^ 0x55], &sample.bytes[1..]].concat();
            assert_eq!((one.recognise)(&first), None, "{} {}", one.name, sample.kind);
        }
    }
}
