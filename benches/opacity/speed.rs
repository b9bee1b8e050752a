//! Bytes a second of one core. Time is the thread's own, so that neighbours on the machine count less; beside each
//! figure stands what a plain histogram of the same bytes takes, for ratios between machines.

use crate::noise;
use crate::{Field, opacity};
use std::hint::black_box;

/// Seconds that this thread has run.
fn now() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Megabytes a second, best of many rounds.
fn rate(set: &[Vec<u8>], mut work: impl FnMut(&[u8])) -> f64 {
    let all: usize = set.iter().map(Vec::len).sum();
    let mut best = f64::MAX;
    for _ in 0..40 {
        let before = now();
        for bytes in set {
            work(black_box(bytes));
        }
        best = best.min(now() - before);
    }
    all as f64 / best / 1e6
}

/// Prints the speeds of the sets whose names hold `only`.
pub(crate) fn table(fields: &[Field], only: &str) {
    let of = |kind: &str, n: usize| -> Vec<Vec<u8>> {
        let fits = |field: &&Field| field.n == n && field.truth == "plaintext" && field.kind.starts_with(kind);
        fields.iter().filter(fits).cycle().take((2 << 20) / n).map(|field| field.bytes.clone()).collect()
    };
    let mut seed = 20_261_127;
    let mut noise = |n: usize, count: usize| -> Vec<Vec<u8>> {
        let mut one = || {
            let mut bytes = vec![0; n];
            noise::fill(&mut seed, &mut bytes);
            bytes
        };
        (0..count).map(|_| one()).collect()
    };
    let bulk =
        |set: Vec<Vec<u8>>, n: usize| -> Vec<Vec<u8>> { set.concat().chunks_exact(n).map(<[u8]>::to_vec).collect() };
    println!("| bytes | MB/s | a histogram of them | share | tally |\n|---|---:|---:|---:|---:|");
    for (name, set) in [
        ("plain, 64 B", of("", 64)),
        ("plain, 1 KiB", of("", 1024)),
        ("plain latin, 1 KiB", of("text fr", 1024)),
        ("plain Chinese, 1 KiB", of("text zh", 1024)),
        ("plain JSON, 1 KiB", of("json", 1024)),
        ("plain, 8 KiB", bulk(of("", 4096), 8192)),
        ("plain, 16 KiB", bulk(of("", 4096), 16_384)),
        ("plain, 64 KiB", bulk(of("", 4096), 65_536)),
        ("noise, 64 B", noise(64, 20_000)),
        ("noise, 1 KiB", noise(1024, 2000)),
        ("noise, 8 KiB", noise(8192, 300)),
        ("noise, 16 KiB", noise(16_384, 150)),
        ("noise, 64 KiB", noise(65_536, 60)),
        ("noise, 1 MiB", noise(1 << 20, 8)),
    ] {
        if !name.contains(only) {
            continue;
        }
        let ours = rate(&set, |bytes| {
            black_box(opacity::assess(bytes));
        });
        let floor = rate(&set, |bytes| {
            let mut counts = [0_u32; 256];
            for byte in bytes {
                counts[usize::from(*byte)] += 1;
            }
            black_box(counts);
        });
        let tally = rate(&set, |bytes| {
            black_box(opacity::tally(bytes));
        });
        println!("| {name} | {ours:.0} | {floor:.0} | {:.2} | {tally:.0} |", ours / floor);
    }
}
