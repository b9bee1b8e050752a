//! Which kinds of bytes occur in a field: one pass that rules most readers of it out.

use std::ops::BitOr;

/// A set of byte classes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Shape(u32);

macro_rules! classes {
    ($($bit:literal $name:ident $about:literal)+) => {
        impl Shape {
            $(#[doc = $about] pub const $name: Self = Self(1 << $bit);)+
        }
    };
}

classes! {
    0 LOWER_HEX "`a` to `f`"
    1 LOWER "`g` to `z` without `x`"
    2 X "`x` and `X`"
    3 UPPER_HEX "`A` to `F`"
    4 UPPER "`G` to `Z` without `X`"
    5 DIGIT "`0` to `9`"
    6 SPACE "space"
    7 BREAK "tab, carriage return, line feed"
    8 PERCENT "`%`"
    9 PLUS "`+`"
    10 SLASH "`/`"
    11 EQUALS "`=`"
    12 AMPERSAND "`&`"
    13 MINUS "`-`"
    14 UNDERSCORE "`_`"
    15 BACKSLASH "`\\`"
    16 BRACKET "`{` and `[`"
    17 QUOTE "`\"`"
    18 COLON "`:`"
    19 SEMICOLON "`;`"
    20 DOT "`.`"
    21 COMMA "`,`"
    22 NUL "byte 0"
    23 CONTROL "other control bytes and byte 127"
    24 HIGH "bytes from 128 up"
    25 LESS "`<`"
    26 OTHER "the rest of printable ASCII"
}

impl Shape {
    /// No bytes.
    pub const NONE: Self = Self(0);
    /// Bytes that plain text does not hold.
    pub const BINARY: Self = Self(Self::NUL.0 | Self::CONTROL.0 | Self::HIGH.0);
    /// Hexadecimal letters and digits, in either case.
    pub const HEX: Self = Self(Self::LOWER_HEX.0 | Self::UPPER_HEX.0 | Self::DIGIT.0);
    /// Letters and digits.
    pub const ALNUM: Self = Self(Self::HEX.0 | Self::LOWER.0 | Self::UPPER.0 | Self::X.0);
    /// What base64 and base64url are written in, padding included (RFC 4648, sections 4 and 5).
    pub const BASE64: Self =
        Self::ALNUM.or(Self::PLUS).or(Self::SLASH).or(Self::MINUS).or(Self::UNDERSCORE).or(Self::EQUALS);
    /// Every class.
    pub const ANY: Self = Self((1 << 27) - 1);

    /// The classes in `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        // Four sums side by side: one byte does not wait for the one before it.
        let (fours, rest) = bytes.as_chunks::<4>();
        let sums = fours.iter().fold([Self::NONE; 4], |[a, b, c, d], [w, x, y, z]| {
            [a | Self::of_byte(*w), b | Self::of_byte(*x), c | Self::of_byte(*y), d | Self::of_byte(*z)]
        });
        sums.into_iter().chain(rest.iter().map(|byte| Self::of_byte(*byte))).fold(Self::NONE, BitOr::bitor)
    }

    /// The shape of `bytes` as decoders take it: letters of other scripts make no binary.
    #[inline]
    pub fn of_text(self, bytes: &[u8]) -> Self {
        let text = self.meets(Self::HIGH) && !self.meets(Self::NUL.or(Self::CONTROL));
        if text && std::str::from_utf8(bytes).is_ok() { self.without(Self::HIGH) } else { self }
    }

    /// The set as a number.
    #[inline]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The class of one byte.
    #[inline]
    pub const fn of_byte(byte: u8) -> Self {
        #[expect(clippy::indexing_slicing, reason = "a byte indexes 256 entries")]
        Self(TABLE[byte as usize])
    }

    /// Both sets.
    #[inline]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Every class that is not in this set.
    #[inline]
    pub const fn complement(self) -> Self {
        Self(Self::ANY.0 & !self.0)
    }

    /// This set less `other`.
    #[inline]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the sets share a class.
    #[inline]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every class of this set is in `other`.
    #[inline]
    pub const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

impl BitOr for Shape {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

static TABLE: [u32; 256] = table();

#[expect(clippy::cast_possible_truncation, clippy::indexing_slicing, reason = "the index runs over all bytes")]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let class = match at as u8 {
            b'a'..=b'f' => Shape::LOWER_HEX,
            b'x' | b'X' => Shape::X,
            b'g'..=b'z' => Shape::LOWER,
            b'A'..=b'F' => Shape::UPPER_HEX,
            b'G'..=b'Z' => Shape::UPPER,
            b'0'..=b'9' => Shape::DIGIT,
            b' ' => Shape::SPACE,
            b'\t' | b'\r' | b'\n' => Shape::BREAK,
            b'%' => Shape::PERCENT,
            b'+' => Shape::PLUS,
            b'/' => Shape::SLASH,
            b'=' => Shape::EQUALS,
            b'&' => Shape::AMPERSAND,
            b'-' => Shape::MINUS,
            b'_' => Shape::UNDERSCORE,
            b'\\' => Shape::BACKSLASH,
            b'{' | b'[' => Shape::BRACKET,
            b'"' => Shape::QUOTE,
            b':' => Shape::COLON,
            b';' => Shape::SEMICOLON,
            b'.' => Shape::DOT,
            b',' => Shape::COMMA,
            0 => Shape::NUL,
            1..=31 | 127 => Shape::CONTROL,
            128..=255 => Shape::HIGH,
            b'<' => Shape::LESS,
            _ => Shape::OTHER,
        };
        table[at] = class.0;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_class() {
        for byte in 0..=255_u8 {
            assert_eq!(Shape::of_byte(byte).0.count_ones(), 1, "{byte}");
        }
        assert!(Shape::of(b"deadBEEF01").within(Shape::HEX));
        assert!(!Shape::of(b"xyz").meets(Shape::HEX));
        assert_eq!(Shape::ANY.complement(), Shape::NONE);
    }
}
