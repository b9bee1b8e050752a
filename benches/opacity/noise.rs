//! What random fields are called: the null that every other judgement is held against.

use crate::model::opacity::{Assessment, Opacity};
use crate::opacity;
use std::collections::BTreeMap;

/// SplitMix64: the same noise in every run.
pub(crate) fn fill(seed: &mut u64, bytes: &mut [u8]) {
    for eight in bytes.chunks_mut(8) {
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = *seed;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        eight.copy_from_slice(&(word ^ word >> 31).to_le_bytes()[..eight.len()]);
    }
}

/// Bits at which the tail is counted.
const TAIL: [f64; 7] = [0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0];

/// Bits by which the best other class is ahead of uniform bytes: the odds, undone.
fn evidence(told: &Assessment) -> f64 {
    let noise = told.odds[Opacity::RandomLooking.index()];
    let other = told.odds.iter().enumerate().filter(|(at, _)| *at != Opacity::RandomLooking.index());
    (other.map(|(_, odds)| *odds).fold(0.0, f64::max) / noise).log2() / opacity::TEMPER
}

/// How many of `count` random fields of each length are called what.
pub(crate) fn table(count: usize, lengths: &[usize]) {
    println!(
        "| bytes | random-looking | unknown | anything else | evidence for it of 0 bits | 3 | 6 | 9 | 12 | 15 | 18 |\n\
         |---:|---:|---:|---|{}",
        "---:|".repeat(TAIL.len())
    );
    let mut seed = 20_261_127;
    for n in lengths.iter().copied() {
        let (mut wrong, mut unknown) = (BTreeMap::<_, usize>::new(), 0);
        let mut bytes = vec![0; n];
        let mut tail = [0_usize; TAIL.len()];
        for _ in 0..count {
            fill(&mut seed, &mut bytes);
            let told = opacity::assess(&bytes);
            let evidence = evidence(&told);
            tail.iter_mut().zip(TAIL).for_each(|(count, least)| *count += usize::from(evidence >= least));
            match told.class {
                Opacity::RandomLooking => {}
                Opacity::Unknown => unknown += 1,
                class => *wrong.entry((class.name(), told.model)).or_default() += 1,
            }
        }
        let other: usize = wrong.values().sum();
        let names: Vec<String> = wrong.iter().map(|((_, model), count)| format!("{count} {model}")).collect();
        let told = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let tail = tail.map(|count| count.to_string()).join(" | ");
        println!("| {n} | {} | {unknown} | {told} | {tail} |", count - unknown - other);
    }
}
