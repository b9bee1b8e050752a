//! Binary property lists, object by object: half of one is heads, references and offsets, and its texts beyond ASCII
//! are UTF-16, so that byte pairs take it for a mix of readable and unreadable parts.

use super::{SHORTEST, characters, pairs};

const MAGIC: &[u8] = b"bplist00";
/// Bytes of the trailer: sizes and counts, most of them zeros.
const TRAILER: usize = 32;

fn length(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX))
}

fn big(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum: usize, byte| sum.checked_shl(8).unwrap_or(0) | usize::from(*byte))
}

/// Bits of an ASCII text.
fn ascii(bytes: &[u8]) -> Option<f64> {
    if bytes.iter().any(|byte| !byte.is_ascii() || byte.is_ascii_control() && !byte.is_ascii_whitespace()) {
        return None;
    }
    let known = (pairs::text_bits(bytes) + 2.2).min(characters::bits(bytes)? + 1.0);
    // Long signs that no model of text reads may be a code of anything.
    (bytes.len() < 2 * SHORTEST || known < 6.5 * length(bytes.len())).then_some(known)
}

/// Bits of a text in UTF-16, which may be cut within a character.
fn wide(bytes: &[u8]) -> Option<f64> {
    let (units, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for (at, c) in char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit))).enumerate() {
        match c {
            Ok(c) if c.is_control() && !c.is_whitespace() => return None,
            Ok(c) => text.push(c),
            Err(_) if at + 1 == units.len() => {}
            Err(_) => return None,
        }
    }
    let known = (pairs::text_bits(text.as_bytes()) + 2.2).min(characters::bits(text.as_bytes())? + 1.0);
    Some(known + 8.0 * length(rest.len()))
}

/// Bits of references: each is most often the one after the last.
fn references(bytes: &[u8], size: usize, last: &mut usize) -> f64 {
    let mut bits = 0.0;
    for one in bytes.chunks(size) {
        let reference = big(one);
        bits += if reference == *last + 1 { 1.0 } else { 1.0 + 8.0 * length(one.len()) };
        *last = reference;
    }
    bits
}

/// Bits of the table of where each object begins, and of the trailer behind it, where these bytes are that table.
fn table(bytes: &[u8], offsets: &[usize]) -> Option<f64> {
    let size = [1_usize, 2, 3].into_iter().find(|size| offsets.last().is_some_and(|last| *last >> (8 * size) == 0))?;
    let (own, rest) = bytes.split_at(bytes.len().min(offsets.len() * size));
    let right = own.chunks(size).zip(offsets).all(|(own, offset)| own.len() < size || big(own) == *offset);
    (right && rest.len() <= TRAILER).then(|| 2.0 + 3.0 * length(rest.len()))
}

/// Bits of a binary property list, which may be cut. `None` where it is none, or holds bytes that nobody can read.
pub(super) fn bits(bytes: &[u8]) -> Option<f64> {
    [1, 2].into_iter().filter_map(|size| read(bytes, size)).min_by(f64::total_cmp).map(|bits| bits + 1.0)
}

/// With references of so many bytes.
fn read(bytes: &[u8], size: usize) -> Option<f64> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let (mut bits, mut last, mut offsets) = (8.0, 0, Vec::new());
    while let Some((head, after)) = rest.split_first() {
        if let Some(bits_of_table) = table(rest, &offsets) {
            return Some(bits + bits_of_table);
        }
        offsets.push(bytes.len() - rest.len());
        rest = after;
        let (kind, low) = (head >> 4, usize::from(head & 15));
        // Each kind of object, then how long it is.
        bits += match kind {
            5 => 1.5,
            1 | 6 => 3.0,
            0 | 2 | 0xd => 3.5,
            3 | 4 | 8 | 0xa => 5.0,
            _ => return None,
        };
        let mut count = low;
        if matches!(kind, 4..=6 | 0xa..=0xd) {
            bits += 4.0;
            if low == 15 {
                // A longer one is a number of its own.
                let width = 1_usize.checked_shl(u32::from(rest.first()? & 15)).filter(|width| *width <= 4)?;
                let number = rest.get(1..rest.len().min(1 + width))?;
                count = big(number);
                bits += 1.0 + 8.0 * length(number.len());
                rest = rest.get(1 + number.len()..)?;
            }
        }
        let len = match kind {
            0 if matches!(low, 0 | 8 | 9) => 0,
            1..=3 if low <= 4 => 1 << low,
            8 => low + 1,
            4 | 5 => count,
            6 => count.checked_mul(2)?,
            0xa => count.checked_mul(size)?,
            0xd => count.checked_mul(size)?.checked_mul(2)?,
            _ => return None,
        };
        let (own, after) = rest.split_at(rest.len().min(len));
        rest = after;
        bits += match kind {
            0..=3 => 2.5 + 8.0 * length(own.len()),
            4 if own.len() >= SHORTEST => return None,
            5 => ascii(own)?,
            6 => wide(own)?,
            0xa | 0xd => references(own, size, &mut last),
            _ => 8.0 * length(own.len()),
        };
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of as many maps of a name, a number and a flag, as Apple's writers lay it out.
    fn list(names: &[&str]) -> Vec<u8> {
        let mut objects: Vec<Vec<u8>> = vec![vec![0xa0 | u8::try_from(names.len()).unwrap()]];
        objects[0].extend((0..names.len()).map(|n| u8::try_from(1 + n).unwrap()));
        let first = u8::try_from(1 + names.len()).unwrap();
        for n in 0..u8::try_from(names.len()).unwrap() {
            objects.push(vec![0xd2, first, first + 1, first + 2 + 2 * n, first + 3 + 2 * n]);
        }
        objects.extend([b"\x54name".to_vec(), b"\x52id".to_vec()]);
        for (n, name) in (0_u32..).zip(names) {
            let units: Vec<u16> = name.encode_utf16().collect();
            let mut text = vec![if name.is_ascii() { 0x50 } else { 0x60 } | u8::try_from(units.len()).unwrap()];
            if name.is_ascii() {
                text.extend(name.bytes());
            } else {
                text.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
            }
            objects.push(text);
            objects.push([&[0x12_u8][..], &n.wrapping_mul(0x9e37_79b1).to_be_bytes()].concat());
        }
        let mut out = MAGIC.to_vec();
        let mut offsets = Vec::new();
        for object in &objects {
            offsets.push(u8::try_from(out.len()).unwrap());
            out.extend(object);
        }
        let table = out.len() as u64;
        out.extend(&offsets);
        out.extend([0, 0, 0, 0, 0, 0, 1, 1]);
        out.extend([offsets.len() as u64, 0, table].map(u64::to_be_bytes).as_flattened());
        out
    }

    #[test]
    fn lists_are_read_to_their_end_and_wherever_they_are_cut() {
        for names in [["Baldur", "Anna Maria"], ["Иванов", "Παππάς"], ["鈴木翔太", "이성진"], ["עומר", "สมชาย"]]
        {
            let bytes = list(&names);
            for end in 16..=bytes.len() {
                let told = bits(&bytes[..end]).unwrap_or_else(|| panic!("{names:?} {end}"));
                assert!(told + 36.0 < 8.0 * length(end), "{names:?} {end} of {}: {told}", bytes.len());
            }
            assert!(bits(&bytes).unwrap() < 5.0 * length(bytes.len()), "{names:?} {:?}", bits(&bytes));
        }
    }

    #[test]
    fn what_nobody_can_read_is_left_to_others() {
        let sealed: Vec<u8> = (1..=64_u32).map(|n| n.wrapping_mul(0x9e37_79b1).to_be_bytes()[0]).collect();
        for head in [&b"\xd1\x01\x02\x54data\x4f\x10\x40"[..], b"\xd1\x01\x02\x54data\x5f\x10\x40", b""] {
            assert_eq!(bits(&[MAGIC, head, &sealed].concat()), None, "{head:x?}");
        }
        assert_eq!(bits(b"bplist"), None);
        assert_eq!(bits(b"bplist00\xf4data"), None);
    }

    #[test]
    fn noise_behind_the_head_is_no_list() {
        let mut state = 3_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[1]
        };
        let mut over = [0_u32; 3];
        for n in 0..100_000_usize {
            let noise: Vec<u8> = (0..8 + n % 60).map(|_| next()).collect();
            // The head itself is worth its bits but for what it costs to say so.
            let saved = bits(&[MAGIC, &noise].concat()).map_or(f64::MIN, |bits| 8.0 * length(noise.len()) - bits + 8.0);
            for (over, least) in over.iter_mut().zip([6.0, 10.0, 14.0]) {
                *over += u32::from(saved >= least);
            }
        }
        // Half of all ways of references; a table that is cut gives away what is left of it.
        assert!(over[0] < 100_000 >> 3 && over[1] < 100_000 >> 6 && over[2] < 100_000 >> 10, "{over:?}");
    }
}
