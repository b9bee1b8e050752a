//! What bytes beside a find say about it, and what a whole buffer is made of.

/// Whether bytes are text in UTF-8, but for characters cut at either end.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    Made::of(bytes).is_plain
}

/// What bytes are made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Made {
    /// No byte has its highest bit set.
    pub(super) is_ascii: bool,
    /// Text in UTF-8, but for characters cut at either end.
    pub(super) is_plain: bool,
    /// ASCII without tabs, line breaks and two spaces in a row.
    pub(super) is_even: bool,
}

impl Made {
    pub(super) fn of(bytes: &[u8]) -> Self {
        // Every byte beside the next, in blocks of which the last overlaps the one before: machines take many at once.
        let pairs = |range: std::ops::Range<usize>| {
            let next = range.start + 1..range.end + 1;
            marks(bytes.get(range).unwrap_or_default(), bytes.get(next).unwrap_or_default())
        };
        let count = bytes.len().saturating_sub(1);
        let last = bytes.last().map_or(0, |last| mark(*last, 0));
        let marks = last
            | if count < BLOCK {
                pairs(0..count)
            } else {
                pairs(0..count / BLOCK * BLOCK) | pairs(count - BLOCK..count)
            };
        let is_ascii = marks & HIGH == 0;
        let is_plain = marks & CONTROL == 0 && (is_ascii || is_utf8(bytes));
        Self { is_ascii, is_plain, is_even: is_ascii && marks & (BREAK | GAP) == 0 }
    }
}

/// Bytes of a block.
const BLOCK: usize = 32;

const HIGH: u8 = 0x80;
const CONTROL: u8 = 1;
const BREAK: u8 = 2;
const GAP: u8 = 4;

/// What the bytes are, each with the one behind it.
fn marks(bytes: &[u8], next: &[u8]) -> u8 {
    bytes.iter().zip(next).fold(0, |marks, (byte, next)| marks | mark(*byte, *next))
}

/// What one byte is: bits in one byte, so that as many are told at once as there are.
#[expect(clippy::needless_bitwise_bool, reason = "blocks of bytes are told at once where nothing is skipped")]
#[inline]
const fn mark(byte: u8, next: u8) -> u8 {
    let low = if byte < 0x20 { CONTROL } else { 0 };
    // A break is no control.
    let is_break = (byte == b'\t') | (byte == b'\n') | (byte == b'\r');
    let is_gap = (byte == b' ') & (next == b' ');
    (byte & HIGH) | (low ^ if is_break { BREAK | CONTROL } else { 0 }) | if is_gap { GAP } else { 0 }
}

/// Whether bytes are UTF-8, but for characters cut at either end.
fn is_utf8(bytes: &[u8]) -> bool {
    let lead = bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    match std::str::from_utf8(bytes.get(lead..).unwrap_or_default()) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// Calls `found` with the place of every byte that `is`, together with the one behind it (0 behind the last), what is looked
/// for. It must be told by comparisons alone, as blocks are asked all at once: that is where what is met every few words
/// is found for less than by setting out anew from each.
#[inline]
pub(super) fn each(bytes: &[u8], is: impl Fn(u8, u8) -> bool, mut found: impl FnMut(usize)) {
    let mut look = |base: usize, bytes: &[u8]| {
        for (at, [byte, next]) in (base..).zip(bytes.array_windows()) {
            if is(*byte, *next) {
                found(at);
            }
        }
    };
    let mut at = 0;
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        if any(block, &is) {
            look(at, block);
        }
        at += 16;
    }
    // The last bytes are looked at together with those before them first.
    if bytes.last_chunk().is_none_or(|block| any(block, &is)) {
        look(at, bytes.get(at..).unwrap_or_default());
    }
    if let Some((last, before)) = bytes.split_last()
        && is(*last, 0)
    {
        found(before.len());
    }
}

/// Whether a byte of a block, with the one behind it, is what is looked for.
#[inline]
fn any(block: &[u8; 17], is: &impl Fn(u8, u8) -> bool) -> bool {
    block.array_windows().fold(false, |any, [byte, next]| any | is(*byte, *next))
}

/// The ranges of all runs of at least `fewest` bytes that are `inside`, in their order: such a run covers every so manieth
/// byte at least once, so that the others are looked at only beside one that is.
pub(super) fn long_runs(
    bytes: &[u8],
    fewest: usize,
    inside: impl Fn(u8) -> bool,
) -> impl Iterator<Item = (usize, usize)> {
    let inside = move |at: usize| bytes.get(at).is_some_and(|byte| inside(*byte));
    let (mut done, mut at) = (0, fewest.saturating_sub(1));
    std::iter::from_fn(move || {
        while at < bytes.len() {
            if !inside(at) {
                at += fewest.max(1);
                continue;
            }
            let (mut start, mut end) = (at, at + 1);
            while start > done && inside(start - 1) {
                start -= 1;
            }
            while inside(end) {
                end += 1;
            }
            (done, at) = (end, end + fewest);
            if end - start >= fewest {
                return Some((start, end));
            }
        }
        None
    })
}

/// Whether a digit at either edge of `start..end` has a digit beside it.
pub(super) fn touches_digit(bytes: &[u8], start: usize, end: usize) -> bool {
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    (is_digit(Some(start)) && is_digit(start.checked_sub(1)))
        || (is_digit(end.checked_sub(1)) && is_digit(Some(end)) && end > start)
}

/// Whether a letter or digit at either edge of `start..end` has a letter or digit beside it. Scripts written without
/// spaces (Chinese, Japanese, Thai, Khmer and their neighbours) have no such edges.
pub(super) fn touches_word(bytes: &[u8], start: usize, end: usize) -> bool {
    let before = bytes.get(start.saturating_sub(4)..start).unwrap_or_default();
    let after = bytes.get(end..end.saturating_add(4).min(bytes.len())).unwrap_or_default();
    let inside = bytes.get(start..end).unwrap_or_default();
    joins(last_char(before), first_char(inside)) || joins(last_char(inside), first_char(after))
}

/// Whether a letter or digit at `start` has no letter or digit before it.
pub(super) fn begins_word(bytes: &[u8], start: usize) -> bool {
    let before = bytes.get(start.saturating_sub(4)..start).unwrap_or_default();
    let after = bytes.get(start..start.saturating_add(4).min(bytes.len())).unwrap_or_default();
    !joins(last_char(before), first_char(after))
}

fn joins(left: Option<char>, right: Option<char>) -> bool {
    let spaced = |c: char| c.is_alphanumeric() && u32::from(c) < 0x0e00;
    left.is_some_and(spaced) && right.is_some_and(spaced)
}

pub(super) fn first_char(bytes: &[u8]) -> Option<char> {
    bytes.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next())
}

pub(super) fn last_char(bytes: &[u8]) -> Option<char> {
    let chunk = bytes.utf8_chunks().last()?;
    if chunk.invalid().is_empty() { chunk.valid().chars().next_back() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        #[expect(clippy::needless_bitwise_bool, reason = "blocks of bytes are told at once where nothing is skipped")]
        fn each_place_is_told_in_order(bytes in "[a-d]{0,80}") {
            let is = |byte: u8, next: u8| (byte == b'b') & (next != b'c') | ((byte == b'd') & (next == 0));
            let mut places = Vec::new();
            each(bytes.as_bytes(), is, |at| places.push(at));
            let next = |at: usize| bytes.as_bytes().get(at + 1).copied().unwrap_or(0);
            let want: Vec<usize> = (0..).zip(bytes.bytes()).filter(|(at, byte)| is(*byte, next(*at))).map(|(at, _)| at).collect();
            prop_assert_eq!(places, want);
        }

        #[test]
        fn what_bytes_are_made_of_is_what_each_of_them_says(
            bytes in proptest::collection::vec(prop_oneof![Just(b' '), b'a'..=b'z', b'a'..=b'z', 0_u8..=255], 0..100),
            even in "[ -~]{0,100}",
            text in "\\PC{0,40}",
            from in 0..4_usize,
        ) {
            let cut = text.as_bytes().get(from..).unwrap_or_default();
            for bytes in [bytes.as_slice(), even.as_bytes(), cut] {
                let made = Made::of(bytes);
                prop_assert_eq!(made.is_ascii, bytes.is_ascii());
                let control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
                prop_assert_eq!(made.is_plain, !bytes.iter().any(control) && is_utf8(bytes));
                let uneven = !bytes.is_ascii()
                    || bytes.iter().any(|byte| matches!(byte, b'\t' | b'\n' | b'\r'))
                    || bytes.array_windows().any(|pair| pair == b"  ");
                prop_assert_eq!(made.is_even, !uneven);
            }
        }
    }
}
