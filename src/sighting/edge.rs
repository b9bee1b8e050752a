//! What may stand beside a find, so that it is no part of something longer.

use crate::sighting::text::{first_char, last_char, touches_digit, touches_word};

/// What may stand beside a form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Edge {
    /// Anything.
    Any,
    /// No digit beside a digit: a number is not part of a longer number.
    Digit,
    /// No letter or digit beside a letter or digit, in bytes that are text.
    Word,
    /// As [`Edge::Word`], and no more of a domain's name behind it.
    Mail,
    /// A letter or digit that is framing, on one side at least: all else is found by other means.
    Framed,
}

impl Edge {
    /// Whether what stands beside `start..end` makes it a part of something longer.
    pub(super) fn touches(self, bytes: &[u8], start: usize, end: usize) -> bool {
        match self {
            Self::Any => false,
            Self::Digit => touches_digit(bytes, start, end),
            Self::Word => touches_word(bytes, start, end),
            Self::Mail => touches_word(bytes, start, end) || continues_domain(bytes, end),
            Self::Framed => {
                let beside = |at: Option<usize>| at.and_then(|at| bytes.get(at)).copied();
                let digits = end.saturating_sub(start);
                [beside(start.checked_sub(1)), beside(Some(end))].into_iter().any(|byte| is_part(byte, digits))
            }
        }
    }

    /// Whether `start..end` stands for itself. In bytes that are not `plain` text one letter or digit beside it may be a
    /// length or a type.
    pub(super) fn holds(self, bytes: &[u8], start: usize, end: usize, plain: impl FnOnce() -> bool) -> bool {
        if !self.touches(bytes, start, end) {
            return self != Self::Framed;
        }
        let (from, to) = unframed(bytes, start, end);
        if (from, to) == (0, bytes.len()) || plain() {
            return false;
        }
        let inside = bytes.get(from..to).unwrap_or_default();
        !self.touches(inside, start.saturating_sub(from), end.saturating_sub(from))
    }
}

/// Whether a byte beside a number makes it a part of something longer: a letter beside a short number, a hexadecimal
/// digit beside any.
pub(super) fn is_part(beside: Option<u8>, digits: usize) -> bool {
    beside.is_some_and(|byte| if digits < 10 { byte.is_ascii_alphanumeric() } else { byte.is_ascii_hexdigit() })
}

/// The bytes around `start..end` but for a letter or digit that stands alone between it and what is no text.
fn unframed(bytes: &[u8], start: usize, end: usize) -> (usize, usize) {
    let is_one = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let from = match start.checked_sub(1) {
        Some(at) if is_one(at) && at.checked_sub(1).is_none_or(|before| ends_text(bytes, before)) => start,
        _ => 0,
    };
    let to = if is_one(end) && begins_none(bytes, end.saturating_add(1)) { end } else { bytes.len() };
    (from, to)
}

const fn is_control(byte: u8) -> bool {
    matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127)
}

/// Whether the byte at `at` is no end of a text: a control, or beyond ASCII and no UTF-8.
fn ends_text(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(at.saturating_sub(3)..at.saturating_add(1)).unwrap_or_default();
    before.last().is_some_and(|byte| is_control(*byte) || (!byte.is_ascii() && last_char(before).is_none()))
}

/// Whether the byte at `at` begins no text.
fn begins_none(bytes: &[u8], at: usize) -> bool {
    let after = bytes.get(at..at.saturating_add(4).min(bytes.len())).unwrap_or_default();
    after.first().is_some_and(|byte| is_control(*byte) || (!byte.is_ascii() && first_char(after).is_none()))
}

/// Bytes of the rest of a domain's name that are read.
const LONGEST_NAME: usize = 253;

/// Whether the name of a domain goes on at `end`: a dot or hyphen, and more up to a top-level domain. A full stop ends a
/// sentence, and what goes by the address of somebody (`.json`, `-2026`) is that address and more.
fn continues_domain(bytes: &[u8], end: usize) -> bool {
    let rest = bytes.get(end..end.saturating_add(LONGEST_NAME).min(bytes.len())).unwrap_or_default();
    if !matches!(rest, [b'.' | b'-', next, ..] if next.is_ascii_alphanumeric()) {
        return false;
    }
    let len = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')).count();
    let name = rest.get(..len).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
    let last = name.trim_end_matches(['.', '-']).split('.').rev().find(|label| !is_filling(label));
    // All of the name is none: a dot or hyphen stands in front of it.
    last.is_some_and(|last| name.len() > last.len() && is_top_level(&last.to_ascii_lowercase()))
}

/// Whether a label is no part of a domain's name: nothing, or what files end in.
fn is_filling(label: &str) -> bool {
    label.is_empty() || FILES.iter().any(|file| label.eq_ignore_ascii_case(file))
}

/// Names at the top that are set aside and used all the same (RFC 2606, RFC 6761, RFC 7686, RFC 9476).
const SET_ASIDE: [&str; 9] = ["test", "example", "invalid", "localhost", "local", "internal", "onion", "arpa", "alt"];

/// Top-level domains that files end in as well: an archive or a note that goes by somebody's address is no longer domain.
const FILES: [&str; 13] = ["ai", "bz", "cab", "cc", "md", "mov", "pl", "ps", "py", "rs", "sh", "so", "zip"];

fn is_top_level(label: &str) -> bool {
    let known = || psl::suffix(label.as_bytes()).is_some_and(|suffix| suffix.is_known());
    label.len() >= 2 && (label.starts_with("xn--") || SET_ASIDE.contains(&label) || known())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(edge: Edge, before: &[u8], value: &[u8], after: &[u8]) -> bool {
        let all = [before, value, after].concat();
        let plain = || crate::sighting::text::is_plain(&all);
        edge.holds(&all, before.len(), before.len() + value.len(), plain)
    }

    #[test]
    fn a_domain_goes_on_up_to_a_top_level_domain() {
        for (after, want) in [
            ("", true),
            (".", true),
            (". Then", true),
            (".\nOr", true),
            (".json", true),
            (".Then", true),
            ("-2026-11-02", true),
            (".profile.v1", true),
            (".zip", true),
            (".org.md", false),
            (".museum", false),
            (".sandvik", false),
            (".localhost", false),
            (".1", true),
            ("-", true),
            (".org", false),
            (".org.", false),
            (".ORG>", false),
            (".co.uk", false),
            ("-mail.org", false),
            (".de,", false),
            ("s", false),
        ] {
            assert_eq!(holds(Edge::Mail, b"to ", b"ana@mailbox.example", after.as_bytes()), want, "{after}");
        }
        assert!(holds(Edge::Word, b"to ", b"ana@mailbox.example", b".org"), "names may go on");
    }

    #[test]
    fn one_letter_between_a_value_and_what_is_no_text_is_framing() {
        let (mail, id) = (&b"ana@mailbox.example"[..], &b"1023456789"[..]);
        for edge_value in [(Edge::Mail, mail), (Edge::Word, mail), (Edge::Digit, id)] {
            let (edge, value) = edge_value;
            for no_text in [&b"\x00"[..], b"\x1f", b"\xff", b"\xc3", b"\x90\x90", b"\xe2\x82"] {
                for beside in [b"0", b"7"] {
                    let before = [no_text, beside].concat();
                    let after = [&beside[..], no_text].concat();
                    assert!(holds(edge, &before, value, b"\x00"), "{before:x?}");
                    assert!(holds(edge, b"\x00", value, &after), "{after:x?}");
                    assert!(holds(edge, &before, value, &after), "{after:x?}");
                    let two = [no_text, beside, beside].concat();
                    assert!(!holds(edge, &two, value, b"\x00"), "{two:x?}");
                    assert!(!holds(edge, &before, value, &[&beside[..], beside, no_text].concat()), "{before:x?}");
                }
            }
            // In plain text nothing is framing.
            for (before, after) in [("7", ""), ("", "7"), (" 7", " "), ("é7", ""), ("\n7", "\n"), ("", "7é")] {
                assert!(!holds(edge, before.as_bytes(), value, after.as_bytes()), "{before}, {after}");
            }
        }
        assert!(!holds(Edge::Mail, b"\x00di", mail, b"\x00"));
        // What framing does not touch is found by other means.
        assert!(!holds(Edge::Framed, b"\x00", id, b"\x00"));
        assert!(holds(Edge::Framed, b"\x007", id, b"\x00"));
        assert!(!holds(Edge::Framed, b"\x0077", id, b"\x00"));
        assert!(!holds(Edge::Framed, b" 7", id, b" "));
    }
}
