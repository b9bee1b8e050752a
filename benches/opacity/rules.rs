//! Published rules for "encrypted", to hold against.

use crate::opacity;

/// Wu et al. 2023 (and nDPI since 4.10): everything that none of five rules exempts is taken for encrypted.
fn fully_encrypted(bytes: &[u8]) -> bool {
    let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
    let share = f64::from(ones) / bytes.len() as f64;
    let printable = |byte: &u8| matches!(byte, 0x20..=0x7e);
    let head = bytes.iter().take(6).all(printable);
    let many = bytes.iter().filter(|byte| printable(byte)).count() * 2 > bytes.len();
    let run = bytes.split(|byte| !printable(byte)).map(<[u8]>::len).max().unwrap_or(0) > 20;
    let tls = bytes.len() > 2 && matches!(bytes[0], 0x16 | 0x17) && bytes[1] == 3 && bytes[2] <= 9;
    !(share <= 3.4 || share >= 4.6 || head || many || run || tls)
}

/// Chi-square over bytes, two-sided at 0.1 % by the asymptotic quantiles (255 degrees of freedom).
fn chi_square(bytes: &[u8]) -> bool {
    let mut counts = [0_f64; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1.0;
    }
    let expected = bytes.len() as f64 / 256.0;
    let chi: f64 = counts.iter().map(|count| (count - expected).powi(2) / expected).sum();
    (184.0..=341.0).contains(&chi)
}

/// A rule's name, and whether it calls bytes encrypted.
pub(crate) type Rule = (&'static str, fn(&[u8]) -> bool);
pub(crate) const RULES: [Rule; 5] = [
    ("IMC'19: H/8 > 0.8", |bytes| opacity::entropy(bytes) > 6.4),
    ("nDPI: H >= 7.312", |bytes| opacity::entropy(bytes) >= 7.312),
    ("H >= length's mean - 4 sd", |bytes| opacity::entropy(bytes) > opacity::expected_entropy(bytes.len()) - 0.33),
    ("chi-square 0.1 %", chi_square),
    ("Wu 2023, nDPI", fully_encrypted),
];
