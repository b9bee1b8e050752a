//! The byte-aligned Lempel-Ziv formats, element by element: whether bytes are a whole object, without decoding it, and
//! whether a piece cut out of the middle of one reads as such. Their literals stand in the stream as they are, so that a
//! piece of them is half text; the elements between the literals say what it is.

use super::pairs;

/// Literals, then a copy of what came before; the last element has no copy.
struct Element<'a> {
    /// Bytes before the literals.
    before: usize,
    literals: &'a [u8],
    /// How far back the copy begins, and its length; 0 where there is none.
    back: usize,
    copied: usize,
    rest: &'a [u8],
}

type Step = for<'a> fn(&'a [u8]) -> Option<Element<'a>>;

/// A sequence of an LZ4 block.
fn lz4(bytes: &[u8]) -> Option<Element<'_>> {
    let (token, mut rest) = bytes.split_first()?;
    let long = |short: u8, rest: &mut &[u8]| -> Option<usize> {
        let mut len = usize::from(short);
        if short == 15 {
            loop {
                let (more, after) = rest.split_first()?;
                *rest = after;
                len = len.checked_add(usize::from(*more))?;
                if *more < 255 {
                    break;
                }
            }
        }
        Some(len)
    };
    let len = long(token >> 4, &mut rest)?;
    let before = bytes.len() - rest.len();
    let (literals, mut rest) = rest.split_at_checked(len)?;
    if rest.is_empty() {
        return Some(Element { before, literals, back: 0, copied: 0, rest });
    }
    let (back, after) = rest.split_first_chunk::<2>()?;
    rest = after;
    let copied = long(token & 15, &mut rest)?.checked_add(4)?;
    Some(Element { before, literals, back: usize::from(u16::from_le_bytes(*back)), copied, rest })
}

/// An element of a Snappy stream.
fn snappy(bytes: &[u8]) -> Option<Element<'_>> {
    let (tag, rest) = bytes.split_first()?;
    let number = |rest: &[u8]| rest.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let upper = usize::from(tag >> 2);
    match tag & 3 {
        0 => {
            let (len, rest) = rest.split_at_checked(upper.saturating_sub(59))?;
            let len = if len.is_empty() { upper } else { number(len) };
            let before = bytes.len() - rest.len();
            let (literals, rest) = rest.split_at_checked(len.checked_add(1)?)?;
            Some(Element { before, literals, back: 0, copied: 0, rest })
        }
        1 => {
            let (low, rest) = rest.split_first()?;
            let back = upper >> 3 << 8 | usize::from(*low);
            Some(Element { before: 0, literals: &[], back, copied: (upper & 7).checked_add(4)?, rest })
        }
        kind => {
            let (back, rest) = rest.split_at_checked(if kind == 2 { 2 } else { 4 })?;
            Some(Element { before: 0, literals: &[], back: number(back), copied: upper.checked_add(1)?, rest })
        }
    }
}

/// How long a whole object would come out; `None` where the elements do not end with the bytes, or copy from before
/// their beginning.
fn whole(mut bytes: &[u8], step: Step) -> Option<usize> {
    let mut out = 0_usize;
    while !bytes.is_empty() {
        let one = step(bytes)?;
        out = out.checked_add(one.literals.len())?;
        if one.copied > 0 && (one.back == 0 || one.back > out) {
            return None;
        }
        out = out.checked_add(one.copied)?;
        bytes = one.rest;
    }
    Some(out)
}

/// Whether these are the elements of a whole LZ4 block.
pub(super) fn is_lz4_block(bytes: &[u8]) -> bool {
    whole(bytes, lz4).is_some()
}

/// Whether these are the elements of a whole Snappy stream, behind its length, that come out `len` bytes long.
pub(super) fn is_snappy(bytes: &[u8], len: usize) -> bool {
    whole(bytes, snappy) == Some(len)
}

/// Bytes of a piece that are read.
const READ: usize = 1024;
/// Bytes in front that may be left of an element cut off there.
const LEFT: usize = 32;

/// A piece cut out of the middle of a stream.
pub(super) struct Piece {
    pub(super) name: &'static str,
    /// Bits for the bytes: literals as text, those between them as they are. Every byte is paid for, so that noise gains
    /// nothing.
    pub(super) bits: f64,
    /// Copies there are.
    pub(super) copies: f64,
}

/// The bytes as a piece of LZ4 or Snappy, judged by their head.
pub(super) fn piece(bytes: &[u8]) -> Option<Piece> {
    let read = bytes.get(..READ).unwrap_or(bytes);
    let of = |name, step| elements(read, step).map(|(steps, copies)| (name, steps, copies));
    let both = [of("piece of lz4", lz4), of("piece of snappy", snappy)];
    let (name, steps, copies) = both.into_iter().flatten().min_by_key(|(_, steps, _)| *steps)?;
    let len = |len: usize| f64::from(u32::try_from(len).unwrap_or(u32::MAX));
    let share = len(bytes.len()) / len(read.len());
    // Five bits for the place, two for the model of the literals, one for the format.
    let bits = f64::from(steps) / f64::from(pairs::STEPS) + 8.0;
    Some(Piece { name, bits: bits * share, copies: f64::from(copies) * share })
}

/// Costs under each model of the literals, in steps.
type Lanes = [u32; 4];

fn plus(a: Lanes, b: Lanes) -> Lanes {
    let mut sum = a;
    sum.iter_mut().zip(b).for_each(|(sum, b)| *sum = sum.saturating_add(b));
    sum
}

/// Steps of the shortest code over all places where the first whole element may begin, and its copies; from the end to the beginning, since
/// what follows an element does not depend on what was before it.
fn elements(bytes: &[u8], step: Step) -> Option<(u32, u32)> {
    // What all bytes up to each place cost as text.
    let mut sums: Vec<Lanes> = Vec::with_capacity(bytes.len() + 1);
    let (mut sum, mut last) = ([0; 4], b' ');
    sums.push(sum);
    for byte in bytes {
        sum = plus(sum, pairs::cost(last, *byte).map(u32::from));
        sums.push(sum);
        last = *byte;
    }
    // Literals begin as words do, whatever stands before them.
    let text = |from: usize, to: usize| -> Option<Lanes> {
        let Some(first) = bytes.get(from..to).and_then(<[u8]>::first) else { return Some([0; 4]) };
        let (begin, end) = (sums.get(from + 1)?, sums.get(to)?);
        let mut rest = *end;
        rest.iter_mut().zip(begin).for_each(|(end, begin)| *end = end.saturating_sub(*begin));
        Some(plus(rest, pairs::cost(b' ', *first).map(u32::from)))
    };
    let plain = |len: usize| [u32::try_from(len).unwrap_or(u32::MAX).saturating_mul(8 * pairs::STEPS); 4];
    // Costs from each place to the end, and copies on the way.
    let mut ways: Vec<(Lanes, u32)> = vec![([0; 4], 0); bytes.len() + 1];
    for at in (0..bytes.len()).rev() {
        let rest = bytes.get(at..)?;
        let way = match step(rest) {
            Some(one) => {
                let end = bytes.len() - one.rest.len();
                let (after, copies) = *ways.get(end)?;
                // Literals stand last in what has no copy, and else behind the token and its length.
                let own = rest.len() - one.rest.len() - one.literals.len();
                let begin = at + one.before;
                // A copy from nowhere is none.
                let wrong = if one.copied > 0 && one.back == 0 { plain(READ) } else { [0; 4] };
                let literals = text(begin, begin + one.literals.len())?;
                (plus(plus(after, literals), plus(plain(own), wrong)), copies + u32::from(one.copied > 0))
            }
            // Cut off by the end.
            None => (plus(plain(1), text(at + 1, bytes.len())?), 0),
        };
        *ways.get_mut(at)? = way;
    }
    let starts = (0..LEFT.min(bytes.len() / 2)).filter_map(|at| {
        let (costs, copies) = *ways.get(at)?;
        if copies < 2 {
            return None;
        }
        Some((plus(costs, text(0, at)?).into_iter().min()?, copies))
    });
    starts.min()
}
