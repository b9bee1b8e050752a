//! The Huffman code of HPACK (RFC 7541 appendix B). It is canonical: the lengths say it all.

use crate::bytes::Malformed;
use std::sync::LazyLock;

/// The end-of-string symbol.
const EOS: usize = 256;
/// The longest code, in bits.
const LONGEST: u8 = 30;

/// Length of each symbol's code, in bits.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// Canonical decoding: for each length, the first code, and where its symbols are in the order of codes.
struct Code {
    symbols: Vec<u16>,
    /// By length: first code, first index into `symbols`, number of codes.
    rows: Vec<(u32, usize, u32)>,
}

static CODE: LazyLock<Code> = LazyLock::new(|| {
    let mut symbols: Vec<u16> = (0..=256).collect();
    let length = |symbol: u16| LENGTHS.get(usize::from(symbol)).copied().unwrap_or(LONGEST);
    symbols.sort_by_key(|symbol| (length(*symbol), *symbol));
    let mut rows = Vec::with_capacity(usize::from(LONGEST) + 1);
    let (mut code, mut index) = (0_u32, 0_usize);
    for bits in 0..=LONGEST {
        let count = LENGTHS.iter().map(|length| usize::from(*length == bits)).sum::<usize>();
        code <<= 1;
        rows.push((code, index, u32::try_from(count).unwrap_or(0)));
        code = code.saturating_add(u32::try_from(count).unwrap_or(0));
        index = index.saturating_add(count);
    }
    Code { symbols, rows }
});

/// Decodes a Huffman-coded string (RFC 7541 section 5.2).
pub fn decode(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let code = &*CODE;
    let mut out = Vec::with_capacity(bytes.len().saturating_mul(3) / 2);
    // Bits not decoded yet, right-aligned, and how many of them `row` already covers.
    let (mut value, mut bits) = (0_u32, 0_usize);
    for byte in bytes {
        for shift in (0..8).rev() {
            value = (value << 1) | u32::from((byte >> shift) & 1);
            bits = bits.saturating_add(1);
            let Some((first, index, count)) = code.rows.get(bits) else {
                return Err(Malformed::Illegal("Huffman code"));
            };
            let Some(nth) = value.checked_sub(*first).filter(|nth| nth < count) else { continue };
            let symbol = code.symbols.get(index.saturating_add(nth as usize)).copied().unwrap_or(256);
            if usize::from(symbol) == EOS {
                return Err(Malformed::Illegal("end of string in a Huffman string"));
            }
            out.push(symbol.to_le_bytes()[0]);
            (value, bits) = (0, 0);
        }
    }
    // Padding is fewer than eight bits, all ones.
    let ones = value == (1_u32 << bits.min(31)).saturating_sub(1);
    if bits < 8 && ones { Ok(out) } else { Err(Malformed::Illegal("Huffman padding")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strings_of_the_rfc_decode() {
        let table: [(&[u8], &str); 4] = [
            (&[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff], "www.example.com"),
            (&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], "no-cache"),
            (&[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f], "custom-key"),
            (&[], ""),
        ];
        for (coded, text) in table {
            assert_eq!(decode(coded).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn wrong_padding_and_end_of_string_are_refused() {
        for coded in [&[0xff][..], &[0xff, 0xff, 0xff, 0xff], &[0x18]] {
            assert!(decode(coded).is_err());
        }
    }
}
