//! Private keys on the wire: whoever holds one reads what it protects.

use crate::model::field::Tree;
use crate::model::taxonomy::Data;
use crate::sighting::rule::hit;
use crate::sighting::{Card, Cx, Detector, Example, Hit};
use memchr::memmem::{self, Finder};
use std::sync::LazyLock;

/// The detector.
pub(super) struct PrivateKeys;

static CARD: Card = Card {
    id: "private-key",
    title: "Private key",
    why: "A private key that leaves the device lets whoever receives it read what was meant for its owner alone.",
    hits: &[
        Example { body: b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n", planted: &[] },
        Example { body: b"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}", planted: &[] },
        Example { body: b"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX", planted: &[] },
        Example { body: b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60", planted: &[] },
    ],
    misses: &[
        Example { body: b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n", planted: &[] },
        Example { body: b"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}", planted: &[] },
        Example { body: b"a file that begins with -----BEGIN PRIVATE KEY----- is secret", planted: &[] },
        Example { body: b"AGE-SECRET-KEY-1...", planted: &[] },
        // The checksum is wrong.
        Example { body: b"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEY", planted: &[] },
    ],
};

/// What the search begins at, prepared once: most buffers are short.
struct Marks {
    pem: Finder<'static>,
    bare_pem: Finder<'static>,
    age: Finder<'static>,
    jwk: Finder<'static>,
    pkcs8: Finder<'static>,
}

static MARKS: LazyLock<Marks> = LazyLock::new(|| Marks {
    pem: Finder::new(b" PRIVATE KEY-----"),
    bare_pem: Finder::new(b"-----BEGIN PRIVATE KEY-----"),
    age: Finder::new(b"AGE-SECRET-KEY-1"),
    jwk: Finder::new(b"\"kty\""),
    pkcs8: Finder::new(b"\x02\x01\x00\x30"),
});

/// No form of a key is shorter.
const SHORTEST: usize = 28;

impl Detector for PrivateKeys {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn words(&self) -> &'static [&'static str] {
        &[" PRIVATE KEY-----", "AGE-SECRET-KEY-1"]
    }

    fn on_message(&self, tree: &Tree<'_>, cx: &Cx<'_>, out: &mut Vec<Hit>) {
        for (id, buffer) in (0..).zip(&tree.buffers) {
            let bytes = &buffer.bytes;
            if bytes.len() < SHORTEST {
                continue;
            }
            let mut push = |form, range| {
                let reason = "A private key was readable";
                out.push(Hit { conclusive: true, ..hit(CARD.id, Data::Credentials, form, id, range, reason) });
            };
            // The longer mark ends with the shorter one.
            let named = if cx.may_hold_words(id) { bytes } else { &[][..] };
            if !named.is_empty() && MARKS.pem.find(named).is_some() {
                for at in MARKS.pem.find_iter(named).chain(MARKS.bare_pem.find_iter(named)) {
                    if let Some(range) = pem(bytes, at) {
                        push("pem", range);
                    }
                }
            }
            for at in places(&MARKS.age, named) {
                let rest = bytes.get(at..).unwrap_or_default();
                let len = rest.iter().take(80).take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
                if len == 74 && rest.get(..len).is_some_and(is_bech32) {
                    push("age secret key", (at, at + len));
                }
            }
            for at in places(&MARKS.jwk, bytes) {
                if let Some(range) = jwk(bytes, at) {
                    push("jwk", range);
                }
            }
            // Four bytes of which three are no text: where they stand, the buffer is not plain.
            // It holds a zero.
            let binary = if cx.is_plain(id, bytes) { &[][..] } else { bytes };
            for at in places(&MARKS.pkcs8, binary) {
                if let Some(range) = pkcs8(bytes, at) {
                    push("pkcs#8", range);
                }
            }
        }
    }
}

/// All places of a mark, nearly always none: to make ready for more than the first costs as much as the search.
fn places<'b>(mark: &'b Finder<'static>, bytes: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
    let first = if bytes.is_empty() { None } else { mark.find(bytes) };
    first.into_iter().flat_map(move |_| mark.find_iter(bytes))
}

/// Whether the checksum of a Bech32 string holds (BIP-173): for other strings a chance of 2^-30.
fn is_bech32(text: &[u8]) -> bool {
    const DIGITS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const STEPS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let Some(sign) = text.iter().rposition(|byte| *byte == b'1') else { return false };
    let (name, data) = (text.get(..sign).unwrap_or_default(), text.get(sign + 1..).unwrap_or_default());
    let lower = |byte: &u8| byte.to_ascii_lowercase();
    let high = name.iter().map(|byte| Some(u32::from(lower(byte) >> 5)));
    let low = name.iter().map(|byte| Some(u32::from(lower(byte) & 31)));
    let digits = data
        .iter()
        .map(|byte| DIGITS.iter().position(|digit| *digit == lower(byte)).and_then(|at| u32::try_from(at).ok()));
    let mut sum = 1_u32;
    for value in high.chain([Some(0)]).chain(low).chain(digits) {
        let Some(value) = value else { return false };
        let top = sum >> 25;
        sum = (sum & 0x01ff_ffff) << 5 ^ value;
        for (bit, step) in STEPS.iter().enumerate() {
            if top >> bit & 1 == 1 {
                sum ^= step;
            }
        }
    }
    sum == 1
}

/// The PEM block (RFC 7468) whose heading is around `at`.
fn pem(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let from = at.saturating_sub(40);
    let begin = memmem::rfind(bytes.get(from..at.saturating_add(11).min(bytes.len()))?, b"-----BEGIN ")?;
    let start = from + begin;
    let head_end = start + 11 + memmem::find(bytes.get(start + 11..)?, b"-----")? + 5;
    let label = bytes.get(start + 11..head_end - 5)?;
    if label.len() > 30 || !label.ends_with(b"PRIVATE KEY") {
        return None;
    }
    let body = bytes.get(head_end..head_end.saturating_add(16_384).min(bytes.len()))?;
    let end = memmem::find(body, b"-----END ")?;
    let coded = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    (body.get(..end)?.iter().filter(coded).count() >= 40).then_some((start, head_end + end))
}

/// The private member of a JSON Web Key (RFC 7517) that names its type at `at`.
fn jwk(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let from = at.saturating_sub(4_096);
    let open = from + bytes.get(from..at)?.iter().rposition(|byte| *byte == b'{')?;
    let close = at + bytes.get(at..at.saturating_add(8_192).min(bytes.len()))?.iter().position(|byte| *byte == b'}')?;
    let object = bytes.get(open..close)?;
    for mark in [&b"\"d\":\""[..], b"\"d\": \"", b"\"k\":\"", b"\"k\": \""] {
        if let Some(at) = memmem::find(object, mark) {
            let start = at + mark.len();
            let value = object.get(start..)?;
            let len = value.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).count();
            if len >= 22 {
                return Some((open + start, open + start + len));
            }
        }
    }
    None
}

/// The PKCS#8 structure (RFC 5958) whose version stands at `at`: a sequence before it, an algorithm after it.
fn pkcs8(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let after = bytes.get(at + 4..)?;
    let (algorithm, rest) = after.split_first()?;
    if rest.first() != Some(&6) || *algorithm >= 0x80 {
        return None;
    }
    // The private key itself: an octet string after the algorithm.
    if rest.get(usize::from(*algorithm)) != Some(&4) {
        return None;
    }
    let head = bytes.get(at.saturating_sub(4)..at)?;
    let (start, len) = match head {
        [0x30, 0x82, high, low] => (at - 4, usize::from(u16::from_be_bytes([*high, *low]))),
        [_, 0x30, 0x81, len] => (at - 3, usize::from(*len)),
        [.., 0x30, len] if *len < 0x80 => (at - 2, usize::from(*len)),
        _ => return None,
    };
    let end = at.checked_add(len)?;
    (len >= 32 && end <= bytes.len()).then_some((start, end))
}
