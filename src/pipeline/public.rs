//! What everybody may have, told by its structure: certificates, public keys, signatures. However it is called, it is no
//! message.
//!
//! DER (X.690): a certificate (RFC 5280, section 4.1), a request for one (RFC 2986), a public key (RFC 5280, section
//! 4.1.2.7; RFC 8017, appendix A.1.1), a signature (RFC 3279, section 2.2.3), one or several in a row. And public keys in
//! rows of equal width, each behind the byte that says what key it is (5 of Signal's, 4 of an uncompressed point).

use x509_parser::asn1_rs::{Any, FromDer as _};

/// Tags (X.690, section 8).
const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// Rows from which on equal bytes in one column are no chance: 2^-32 for each column.
const ROWS: usize = 4;
/// Widest row: a number, a key, a signature.
const WIDEST: usize = 128;

/// Whether bytes are public by what they are.
pub(super) fn is_public(bytes: &[u8]) -> bool {
    is_der(bytes) || are_keys(bytes)
}

/// Whether all of some bytes is one or several of these.
fn is_der(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some((SEQUENCE, inside, next)) = element(rest) else { return false };
        let Some(parts) = elements(inside) else { return false };
        if !(is_signed(&parts) || is_key(&parts) || are_numbers(&parts)) {
            return false;
        }
        rest = next;
    }
    !bytes.is_empty()
}

pub(super) type Element<'b> = (u8, &'b [u8]);

/// The first element: the first byte of its tag, what is inside, what stands behind it.
pub(super) fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (rest, any) = Any::from_der(bytes).ok()?;
    Some((*any.header.raw_tag()?.first()?, any.data, rest))
}

/// All elements of some bytes; a handful at most.
pub(super) fn elements(mut bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut out = Vec::new();
    while !bytes.is_empty() && out.len() < 16 {
        let (tag, inside, rest) = element(bytes)?;
        out.push((tag, inside));
        bytes = rest;
    }
    bytes.is_empty().then_some(out)
}

/// An algorithm: its name first.
fn is_algorithm((tag, inside): &Element<'_>) -> bool {
    *tag == SEQUENCE && element(inside).is_some_and(|(tag, ..)| tag == OID)
}

/// A certificate or a request for one: what is signed, how, and the signature.
fn is_signed(parts: &[Element<'_>]) -> bool {
    let [(SEQUENCE, inside), algorithm, (BITS, _)] = parts else { return false };
    if !is_algorithm(algorithm) {
        return false;
    }
    let Some(inside) = elements(inside) else { return false };
    inside.iter().any(|(tag, inside)| *tag == SEQUENCE && elements(inside).is_some_and(|parts| is_key(&parts)))
        && inside.iter().any(|(tag, _)| *tag == INTEGER)
}

/// A public key: its algorithm, and the key as whole bytes.
fn is_key(parts: &[Element<'_>]) -> bool {
    matches!(parts, [algorithm, (BITS, key)] if is_algorithm(algorithm) && key.first() == Some(&0))
}

/// Two numbers: a modulus and its exponent, or a signature.
fn are_numbers(parts: &[Element<'_>]) -> bool {
    let positive = |number: &[u8]| number.first().is_some_and(|first| *first < 0x80);
    match parts {
        [(INTEGER, one), (INTEGER, other)] if positive(one) && positive(other) => {
            let signature = one.len().abs_diff(other.len()) <= 4 && one.len() >= 20;
            signature || (one.len() >= 64 && other.len() <= 4)
        }
        _ => false,
    }
}

/// Rows of equal width with the byte of a kind of key in one column, and the key behind it.
fn are_keys(bytes: &[u8]) -> bool {
    (33..=WIDEST.min(bytes.len() / ROWS)).filter(|width| bytes.len().is_multiple_of(*width)).any(|width| {
        let is_column = |column: usize, kind: u8| bytes.iter().skip(column).step_by(width).all(|byte| *byte == kind);
        let behind = |len: usize| (width + 1).saturating_sub(len);
        (0..behind(33)).any(|column| is_column(column, 5)) || (0..behind(65)).any(|column| is_column(column, 4))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    fn noise(len: usize, seed: u32) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..len).map(|_| next()).collect()
    }

    fn der(tag: u8, inside: &[&[u8]]) -> Vec<u8> {
        let inside = inside.concat();
        let len = u16::try_from(inside.len()).unwrap();
        let [high, low] = len.to_be_bytes();
        let head = match len {
            0..=0x7f => vec![tag, low],
            0x80..=0xff => vec![tag, 0x81, low],
            _ => vec![tag, 0x82, high, low],
        };
        [head, inside].concat()
    }

    fn algorithm() -> Vec<u8> {
        der(SEQUENCE, &[&der(OID, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]])])
    }

    fn key(len: usize) -> Vec<u8> {
        der(SEQUENCE, &[&algorithm(), &der(BITS, &[&[0], &noise(len, 1)])])
    }

    fn certificate(len: usize) -> Vec<u8> {
        let time = der(0x17, &[b"260101000000Z"]);
        let name = der(SEQUENCE, &[&der(0x31, &[&noise(20, 2)])]);
        let version = der(0xa0, &[&der(INTEGER, &[&[2]])]);
        let dates = der(SEQUENCE, &[&time, &time]);
        let more = der(0xa3, &[&noise(90, 3)]);
        let serial = der(INTEGER, &[&[7; 16]]);
        let inside = der(SEQUENCE, &[&version, &serial, &algorithm(), &name, &dates, &name, &key(len), &more]);
        der(SEQUENCE, &[&inside, &algorithm(), &der(BITS, &[&[0], &noise(len, 4)])])
    }

    #[test]
    fn certificates_keys_and_signatures_are_public() {
        for len in [32, 65, 97, 140, 270, 550] {
            let request = der(SEQUENCE, &[&der(INTEGER, &[&[0]]), &der(SEQUENCE, &[]), &key(len), &der(0xa0, &[])]);
            let request = der(SEQUENCE, &[&request, &algorithm(), &der(BITS, &[&[0], &noise(len, 4)])]);
            let chain = [certificate(len), certificate(64)].concat();
            for public in [key(len), certificate(len), chain, request] {
                assert!(is_public(&public), "{}", HEXLOWER.encode(&public));
                assert!(!is_public(&public[1..]) && !is_public(&public[..public.len() - 1]));
                assert!(!is_public(&[public, noise(16, 5)].concat()), "something stands behind it");
            }
        }
        let number = |len: usize| der(INTEGER, &[&[0x41], &noise(len - 1, 6)]);
        assert!(is_public(&der(SEQUENCE, &[&number(32), &number(31)])), "a signature");
        assert!(is_public(&der(SEQUENCE, &[&number(256), &der(INTEGER, &[&[1, 0, 1]])])), "a modulus");
    }

    #[test]
    fn keys_in_rows_are_public() {
        for (head, kind, len, behind) in [(0, 5, 32, 0), (4, 5, 32, 0), (2, 5, 32, 64), (1, 4, 64, 0), (0, 4, 64, 0)] {
            let row = |nth: u32| [noise(head, nth), vec![kind], noise(len + behind, nth + 100)].concat();
            let rows: Vec<u8> = (0..20).flat_map(row).collect();
            assert!(is_public(&rows), "{head} {kind}");
            assert!(!is_public(&rows[1..]), "{head} {kind}");
        }
    }

    #[test]
    fn what_is_sealed_is_not_public() {
        for seed in 0..3_000 {
            let len = 40 + seed as usize % 900;
            assert!(!is_public(&noise(len, seed)), "{seed}");
        }
        // CMS (RFC 5652) begins with the name of what is in it.
        let sealed =
            der(SEQUENCE, &[&der(OID, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3]]), &der(0xa0, &[&key(64)])]);
        assert!(!is_public(&sealed));
        assert!(!is_public(&[]));
    }
}
