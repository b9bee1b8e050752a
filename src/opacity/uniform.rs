//! What truly random bytes of some length look like, and what a test of that length can catch.

/// Entropy of the byte histogram in bits a byte (the plug-in estimate).
#[expect(clippy::cast_precision_loss, reason = "a buffer's length is far below 2^52")]
pub fn entropy(bytes: &[u8]) -> f64 {
    let n = bytes.len().max(1) as f64;
    let bits: f64 = histogram(bytes)
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let p = f64::from(*count) / n;
            -p * p.log2()
        })
        .sum();
    bits.max(0.0)
}

/// How often each byte occurs.
pub(super) fn histogram(bytes: &[u8]) -> [u32; 256] {
    // Two tables, so that equal neighbours do not wait for one another.
    let (mut a, mut b) = ([0_u32; 256], [0_u32; 256]);
    let (pairs, rest) = bytes.as_chunks::<2>();
    let up = |table: &mut [u32; 256], byte: u8| {
        if let Some(slot) = table.get_mut(usize::from(byte)) {
            *slot = slot.saturating_add(1);
        }
    };
    for [first, second] in pairs {
        up(&mut a, *first);
        up(&mut b, *second);
    }
    for byte in rest {
        up(&mut a, *byte);
    }
    for (sum, more) in a.iter_mut().zip(b) {
        *sum = sum.saturating_add(more);
    }
    a
}

/// The sum of the squares of all counts of up to 64 KiB, in one pass.
pub(super) fn squares(bytes: &[u8]) -> u64 {
    let mut counts = [0_u16; 256];
    let mut sum = 0_u32;
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            sum = sum.wrapping_add(u32::from(*count) * 2 + 1);
            *count = count.wrapping_add(1);
        }
    }
    sum.into()
}

/// What [`entropy`] gives on average for `n` uniform bytes: never 8, and never above log2 n. Exact: the mean over the
/// binomial count of one byte value.
#[expect(clippy::cast_precision_loss, reason = "a buffer's length is far below 2^52")]
pub fn expected_entropy(n: usize) -> f64 {
    if n < 2 {
        return 0.0;
    }
    let len = n as f64;
    if n > 65_536 {
        return 8.0 - 255.0 / (2.0 * len * std::f64::consts::LN_2);
    }
    // log C(n, k) p^k q^(n-k), from one k to the next.
    let (p, q) = (1.0_f64 / 256.0, 255.0_f64 / 256.0);
    let mut log = len * q.ln();
    let mut sum = 0.0;
    for k in 1..=n {
        let at = k as f64;
        log += ((len - at + 1.0) / at).ln() + p.ln() - q.ln();
        let share = at / len;
        sum -= 256.0 * log.exp() * share * share.log2();
        if at > len * p + 12.0 * (len * p).sqrt() + 30.0 {
            break;
        }
    }
    sum
}

/// By how much [`entropy`] of `n` uniform bytes differs from [`expected_entropy`], typically: one standard deviation, within
/// a fifth of it. While bytes seldom meet, each two that do cost 2/n bits, and they are as many as a Poisson law of mean
/// n(n-1)/512 says; later it is that of a chi-square law of 255 degrees.
#[expect(clippy::cast_precision_loss, reason = "a buffer's length is far below 2^52")]
pub fn entropy_spread(n: usize) -> f64 {
    if n < 2 {
        return 0.0;
    }
    let n = n as f64;
    let few = 2.0 / n * (n * (n - 1.0) / 512.0).sqrt();
    let many = (255.0_f64 / 2.0).sqrt() / (n * std::f64::consts::LN_2);
    // Near 200 bytes both hold, and each a little less.
    1.0 / (1.0 / few.powi(4) + 1.0 / many.powi(4)).powf(0.25)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_entropy_is_the_known_one() {
        for (n, want) in [(16, 3.9419), (32, 4.8815), (64, 5.7655), (256, 7.1749), (1024, 7.8088), (4096, 7.9546)] {
            assert!((expected_entropy(n) - want).abs() < 0.002, "{n} {}", expected_entropy(n));
        }
        assert!(expected_entropy(1 << 20) < 8.0);
        assert!((entropy(b"aabb") - 1.0).abs() < 1e-9);
    }
}
