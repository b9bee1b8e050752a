//! Private keys in DER (X.690): structures that must parse to their last byte.

use crate::bytes::Cursor;

/// The sequence that contains what stands at `at` as its first member: where it begins and ends, and what it holds.
fn sequence(bytes: &[u8], at: usize) -> Option<(usize, usize, &[u8])> {
    let head = bytes.get(at.saturating_sub(4)..at)?;
    let (start, len) = match head {
        [0x30, 0x82, high, low] => (at - 4, usize::from(u16::from_be_bytes([*high, *low]))),
        [.., 0x30, 0x81, len] => (at - 3, usize::from(*len)),
        [.., 0x30, len] if *len < 0x80 => (at - 2, usize::from(*len)),
        _ => return None,
    };
    let end = at.checked_add(len)?;
    Some((start, end, bytes.get(at..end)?))
}

/// The PKCS#8 structure (RFC 5958) whose version stands at `at`: a sequence before it, an algorithm after it.
pub(super) fn pkcs8(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let after = bytes.get(at + 4..)?;
    let (algorithm, rest) = after.split_first()?;
    if rest.first() != Some(&6) || *algorithm >= 0x80 {
        return None;
    }
    // The private key itself: an octet string after the algorithm.
    if rest.get(usize::from(*algorithm)) != Some(&4) {
        return None;
    }
    let (start, end, inside) = sequence(bytes, at)?;
    (inside.len() >= 32).then_some((start, end))
}

/// The `RSAPrivateKey` (RFC 8017, appendix A.1.2) whose version stands at `at`: eight numbers after it, up to the end of the
/// sequence, of which the fourth and the fifth multiply to the first. Other bytes pass by a chance below 2^-64.
pub(super) fn pkcs1(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let (start, end, inside) = sequence(bytes, at)?;
    let mut cursor = Cursor::new(inside);
    let mut numbers = Vec::with_capacity(9);
    while !cursor.is_empty() && numbers.len() < 10 {
        numbers.push(element(&mut cursor, 0x02)?);
    }
    let [_, modulus, _, _, p, q, _, _, _] = numbers.as_slice() else { return None };
    let long = (64..=2_049).contains(&modulus.len());
    (long && low(p).wrapping_mul(low(q)) == low(modulus) && low(modulus) & 1 == 1).then_some((start, end))
}

/// The `ECPrivateKey` (RFC 5915, section 3) whose version stands at `at`: a key, then its curve, its point or both, up to the
/// end of the sequence. A version and 32 bytes alone are too little: that is how other things look.
pub(super) fn sec1(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let (start, end, inside) = sequence(bytes, at)?;
    let mut cursor = Cursor::new(inside);
    let version = element(&mut cursor, 0x02)?;
    let key = element(&mut cursor, 0x04)?;
    if version != [1] || !(14..=72).contains(&key.len()) || cursor.is_empty() {
        return None;
    }
    if cursor.rest().first() == Some(&0xa0) {
        let mut curve = Cursor::new(element(&mut cursor, 0xa0)?);
        // The name of a curve, or all its numbers.
        let tag = *curve.rest().first().filter(|tag| matches!(tag, 0x06 | 0x30))?;
        element(&mut curve, tag)?;
        curve.finish("curve").ok()?;
    }
    if !cursor.is_empty() {
        let mut public = Cursor::new(element(&mut cursor, 0xa1)?);
        let point = element(&mut public, 0x03)?;
        public.finish("public key").ok()?;
        let (unused, point) = point.split_first()?;
        let (form, point) = point.split_first()?;
        let side = match form {
            0x02 | 0x03 => point.len(),
            0x04 => point.len() / 2,
            _ => return None,
        };
        // A key is a number below the order of the curve, which is as long as its field or a byte off.
        if *unused != 0 || side.abs_diff(key.len()) > 1 {
            return None;
        }
    }
    cursor.is_empty().then_some((start, end))
}

/// The contents of the next element, which has this tag and a length in its shortest form (X.690, section 10.1).
fn element<'a>(cursor: &mut Cursor<'a>, tag: u8) -> Option<&'a [u8]> {
    if cursor.u8("tag").ok()? != tag {
        return None;
    }
    let len = match cursor.u8("length").ok()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(cursor.u8("length").ok().filter(|len| *len >= 0x80)?),
        0x82 => usize::from(cursor.u16("length").ok().filter(|len| *len > 0xff)?),
        _ => return None,
    };
    cursor.take(len, "contents").ok().filter(|contents| !contents.is_empty())
}

/// The last eight bytes of a number.
fn low(number: &[u8]) -> u64 {
    number.iter().rev().take(8).rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
