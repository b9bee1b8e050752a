//! Short fields in base64 or hexadecimal digits: a few bytes that no decoder opens, as any word may be such digits.
//!
//! What is looked for in them is exact: a number of 64 bits, packed decimal digits, the coordinates of a place.

use crate::model::field::{Kind, Node, NodeId, Tree};
use crate::model::shape::Shape;
use crate::sighting::text::is_plain;
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, DecodePartial, Encoding, HEXLOWER_PERMISSIVE};

/// Digits of the shortest field: six bytes in base64.
const SHORTEST: usize = 8;
/// Digits of the shortest in hexadecimal: six bytes as well.
const SHORTEST_HEX: usize = 12;
/// Digits of the longest, with padding: more of them are opened as what they are.
const LONGEST: usize = 36;
/// Bytes that these come to at most.
const MOST: usize = LONGEST / 4 * 3;

/// Kinds of bytes of such digits.
const DIGITS: Shape =
    Shape::ALNUM.or(Shape::PLUS).or(Shape::SLASH).or(Shape::MINUS).or(Shape::UNDERSCORE).or(Shape::EQUALS);
const UPPER: Shape = Shape::UPPER_HEX.or(Shape::UPPER).or(Shape::X);
const LOWER: Shape = Shape::LOWER_HEX.or(Shape::LOWER).or(Shape::X);

/// What a short field decodes to: bytes that are no text.
#[derive(Clone, Debug)]
pub(super) struct Coded {
    /// The field.
    pub(super) node: NodeId,
    /// By which coding.
    pub(super) coding: &'static str,
    bytes: [u8; MOST],
    len: usize,
}

impl Coded {
    /// What it decodes to.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// All such fields of a message.
pub(super) fn all(tree: &Tree<'_>) -> Vec<Coded> {
    let mut all = Vec::new();
    for (node, field) in (0..).zip(&tree.nodes) {
        if field.leaf && may_be(field) {
            short(tree.bytes(field), |coding, bytes| {
                let mut coded = Coded { node, coding, bytes: [0; MOST], len: bytes.len() };
                if let Some(into) = coded.bytes.get_mut(..bytes.len()).filter(|_| !is_plain(bytes)) {
                    into.copy_from_slice(bytes);
                    all.push(coded);
                }
            });
        }
    }
    all
}

/// Whether a field may be short and of such digits, told without a look at its bytes.
fn may_be(node: &Node) -> bool {
    let len = (node.end.saturating_sub(node.start)) as usize;
    if !(SHORTEST..=LONGEST).contains(&len) || !matches!(node.kind, Kind::Bytes | Kind::Text) {
        return false;
    }
    let shape = node.shape;
    if shape == Shape::ANY || !shape.within(DIGITS) {
        return shape == Shape::ANY;
    }
    match (shape.meets(UPPER), shape.meets(LOWER)) {
        (true, true) => true,
        (false, false) if shape.within(Shape::DIGIT) => len.is_multiple_of(2) && len >= SHORTEST_HEX,
        (upper, lower) => shape.meets(Shape::EQUALS) || (shape.meets(Shape::DIGIT) && (upper || lower)),
    }
}

/// Calls `found` with the name of a coding and the bytes that all of a field decodes to by it.
fn short(field: &[u8], mut found: impl FnMut(&'static str, &[u8])) {
    if !(SHORTEST..=LONGEST).contains(&field.len()) {
        return;
    }
    let (mut upper, mut lower, mut digits, mut pads) = (0_usize, 0_usize, 0_usize, 0_usize);
    for byte in field {
        match byte {
            b'A'..=b'Z' => upper += 1,
            b'a'..=b'z' => lower += 1,
            b'0'..=b'9' => digits += 1,
            b'=' => pads += 1,
            b'+' | b'/' | b'-' | b'_' if pads == 0 => {}
            _ => return,
        }
    }
    let mut by = |name, coding: &Encoding, digits: &[u8]| {
        let mut out = [0; MOST];
        let len = coding.decode_len(digits.len()).ok().filter(|len| *len <= MOST);
        let Some(into) = len.and_then(|len| out.get_mut(..len)) else { return };
        let decoded: Result<usize, DecodePartial> = coding.decode_mut(digits, into);
        if let Some(bytes) = decoded.ok().and_then(|len| out.get(..len)) {
            found(name, bytes);
        }
    };
    // Names and words are of one case, or begin with their only capital.
    if upper > 1 && lower > 0 || digits > 0 && upper + lower > 0 || pads > 0 {
        let text = field.strip_suffix(b"==").or_else(|| field.strip_suffix(b"=")).unwrap_or(field);
        let url = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
        let coding = if url { BASE64URL_NOPAD } else { BASE64_NOPAD };
        by("base64", &coding, text);
    }
    if digits > 0 && field.len() >= SHORTEST_HEX && field.len() <= 32 {
        by("hex", &HEXLOWER_PERMISSIVE, field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sighting::tests::{lines, message};
    use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
    use proptest::prelude::*;

    fn all(field: &str) -> Vec<(&'static str, Vec<u8>)> {
        let mut out = Vec::new();
        short(field.as_bytes(), |name, bytes| out.push((name, bytes.to_vec())));
        out
    }

    proptest! {
        #[test]
        fn what_was_coded_comes_out(bytes in proptest::collection::vec(any::<u8>(), 6..=16)) {
            for (name, text) in [
                ("base64", BASE64.encode(&bytes)), ("base64", BASE64URL_NOPAD.encode(&bytes)), ("base64", BASE64URL.encode(&bytes)),
                ("hex", HEXLOWER.encode(&bytes)), ("hex", HEXUPPER.encode(&bytes)),
            ] {
                let mixed = text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte.is_ascii_alphabetic());
                prop_assert!(!mixed || all(&text).contains(&(name, bytes.clone())), "{text}");
            }
        }

        #[test]
        fn nothing_is_read_beyond_bounds(text in "\\PC{0,40}") {
            all(&text);
        }
    }

    #[test]
    fn the_kinds_of_bytes_in_a_field_keep_nothing_back() {
        let fields = "AAAAB9NzsU4=\n00000007d373b14e\n15321f1d2d1c5e01\n202512013012345678\n+W5DQsjYEkA=\nConversation\n+447700900142";
        let message = message(fields.as_bytes());
        let tree = lines(&message);
        for node in &tree.nodes {
            let bytes = tree.bytes(node);
            let shaped = Node { shape: Shape::of(bytes), ..node.clone() };
            let mut any = false;
            short(bytes, |_, _| any = true);
            assert!(may_be(&shaped) || !any, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn words_are_not_decoded() {
        for text in ["notification", "Conversation", "NOTIFICATIONS", "The heron lands", "", "a=b"] {
            assert!(all(text).is_empty(), "{text}");
        }
    }
}
