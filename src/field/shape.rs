//! What a decoder's input must look like, by the kinds of bytes that occur in it.

pub use crate::model::shape::Shape;

/// What a decoder's input must look like: cheap to test on every field.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// At least one of these classes occurs.
    pub any: Shape,
    /// None of these occurs.
    pub none: Shape,
    /// At least so many bytes.
    pub min: usize,
    /// Of each of these sets a class occurs where nothing is declared of the bytes: no media type, no part of the message,
    /// no name inside a URL. `None`: it goes by what is declared alone.
    pub undeclared: Option<&'static [Shape]>,
}

impl Filter {
    /// Whether `len` bytes of `shape` pass.
    #[inline]
    pub const fn passes(&self, shape: Shape, len: usize) -> bool {
        len >= self.min && shape.meets(self.any) && !shape.meets(self.none)
    }

    /// Whether bytes of `shape` may be what is looked for though nothing is declared of them.
    #[cfg(test)]
    pub fn goes_without(&self, shape: Shape) -> bool {
        self.undeclared.is_some_and(|sets| sets.iter().all(|set| shape.meets(*set)))
    }
}

/// Whether text of this shape is words and punctuation that no decoder asks for; a test holds the registry to it.
#[inline]
pub const fn is_plain(shape: Shape, len: usize) -> bool {
    len < SHORTEST
        || (shape.meets(Shape::SPACE)
            && shape.within(WORDS)
            && shape.meets(Shape::LOWER.or(Shape::UPPER))
            && (len <= LONGEST_PLAIN || !shape.meets(Shape::DIGIT)))
}

/// Bytes up to which nobody looks for encoded values among words and numbers.
pub const LONGEST_PLAIN: usize = 32;

/// The shortest text that any decoder looks at.
pub const SHORTEST: usize = 4;

const WORDS: Shape = Shape::ALNUM.or(Shape::SPACE).or(Shape::DOT).or(Shape::COMMA).or(Shape::MINUS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_plain_and_encodings_are_not() {
        assert!(is_plain(Shape::of(b"The heron lands at dusk, 5.30"), 29));
        for text in ["a%20b c", "k=v x", "de ad be ef", "{} a", "aGVsbG8gd29ybGQ"] {
            assert!(!is_plain(Shape::of(text.as_bytes()), text.len()), "{text}");
        }
    }
}
