//! Percent-encoding, shared by all formats that use it.

use crate::field::Fields;
use crate::field::text::hex_digit;
use crate::model::field::View;
use std::ops::Range;

/// One escape.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Percent {
    /// `%XX`.
    Byte(u8),
    /// `%uXXXX`, as old JavaScript writes it: one unit of UTF-16.
    Unit(u16),
}

impl Percent {
    /// The escape that `bytes` begin with.
    pub(super) fn at(bytes: &[u8]) -> Option<Self> {
        let digits = |digits: &[u8]| {
            digits.iter().try_fold(0_u16, |value, digit| Some(value << 4 | u16::from(hex_digit(*digit)?)))
        };
        match bytes {
            [b'%', b'u' | b'U', a, b, c, d, ..] => digits(&[*a, *b, *c, *d]).map(Self::Unit),
            [b'%', a, b, ..] => digits(&[*a, *b]).and_then(|byte| u8::try_from(byte).ok()).map(Self::Byte),
            _ => None,
        }
    }
}

/// Undoes the escapes in `range` of a decoder's input, and `+` for space if `plus`: `None` when there are none.
pub(super) fn unescape(bytes: &[u8], range: Range<usize>, plus: bool, fields: &mut Fields<'_>) -> Option<View> {
    let whole = bytes.get(range.clone())?;
    let next = |from: usize| {
        let rest = whole.get(from..).unwrap_or_default();
        let found = if plus { memchr::memchr2(b'%', b'+', rest) } else { memchr::memchr(b'%', rest) };
        found.map(|found| from.saturating_add(found))
    };
    let mut verbatim = 0_usize;
    let mut any = false;
    let mut from = 0_usize;
    while let Some(at) = next(from) {
        let rest = whole.get(at..).unwrap_or_default();
        let escape = Percent::at(rest);
        let is_plus = rest.first() == Some(&b'+');
        if escape.is_none() && !is_plus {
            // A stray percent sign stands for itself.
            from = at.saturating_add(1);
            continue;
        }
        if !any {
            any = true;
            fields.begin_text();
        }
        fields.text(whole.get(verbatim..at).unwrap_or_default(), range.start.saturating_add(verbatim));
        let mut len = 1;
        let place = range.start.saturating_add(at);
        match escape {
            None => fields.escape(b" ", place),
            Some(Percent::Byte(byte)) => {
                len = 3;
                fields.escape(&[byte], place);
            }
            Some(Percent::Unit(unit)) => {
                let low = match Percent::at(rest.get(6..).unwrap_or_default()) {
                    Some(Percent::Unit(low @ 0xdc00..=0xdfff)) => Some(low),
                    _ => None,
                };
                let mut utf8 = [0; 4];
                let (text, both) = crate::field::text::utf16_to_utf8(unit, low, &mut utf8);
                len = if both { 12 } else { 6 };
                fields.escape(text, place);
            }
        }
        from = at.saturating_add(len);
        verbatim = from;
    }
    if !any {
        return None;
    }
    fields.text(whole.get(verbatim..).unwrap_or_default(), range.start.saturating_add(verbatim));
    Some(fields.end_text(range.end))
}
