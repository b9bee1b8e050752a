//! Armor: binary written as text between two lines (RFC 9580 section 6, RFC 7468): encrypted messages and files.
//!
//! Keys and certificates in the same dress are left as they are: whoever looks for them knows them by it.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Reach;
use data_encoding::BASE64_NOPAD;
use memchr::memmem;

/// The entry.
pub(super) static ARMOR: Decoder = Decoder {
    name: "armor",
    about: "armored messages: OpenPGP, age, CMS (RFC 9580, RFC 7468)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::MINUS, none: Shape::NUL, min: 60, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"-----BEGIN PGP MESSAGE-----\r\nComment: none\r\n\r\nVGhlIGhlcm9uIGxhbmRzIGF0\r\nIGR1c2s=\r\n=x6Tk\r\n-----END PGP MESSAGE-----\r\n",
            hint: "",
            shows: "The heron lands at dusk",
            trail: "armor message",
        },
        Sample {
            bytes: b"-----BEGIN CMS-----\nVGhlIGhlcm9uIGxhbmRzIGF0\nIGR1c2s=\n-----END CMS-----\n",
            hint: "",
            shows: "The heron lands at dusk",
            trail: "armor message",
        },
    ],
};

const LABELS: [&str; 4] = ["PGP MESSAGE", "AGE ENCRYPTED FILE", "CMS", "PKCS7"];

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let text = bytes.trim_ascii();
    if text.starts_with(b"-----BEGIN ") && text.ends_with(b"-----") && label(text).is_some() {
        Match::Certain
    } else {
        Match::No
    }
}

/// The label of the block that `text` begins with.
fn label(text: &[u8]) -> Option<&'static str> {
    let rest = text.strip_prefix(b"-----BEGIN ")?;
    LABELS.into_iter().find(|label| rest.strip_prefix(label.as_bytes()).is_some_and(|rest| rest.starts_with(b"-----")))
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("armor");
    let mut at = bytes.len().saturating_sub(bytes.trim_ascii_start().len());
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.trim_ascii().is_empty()) {
        let skipped = rest.len().saturating_sub(rest.trim_ascii_start().len());
        let start = at.saturating_add(skipped);
        let rest = rest.trim_ascii_start();
        let label = label(rest).ok_or(WHAT)?;
        let head = "-----BEGIN -----".len().saturating_add(label.len());
        let foot = format!("-----END {label}-----");
        let body = rest.get(head..).ok_or(WHAT)?;
        let len = memmem::find(body, foot.as_bytes()).ok_or(Malformed::Short("armor"))?;
        let from = start.saturating_add(head);
        let decoded = decode(body.get(..len).ok_or(WHAT)?).ok_or(WHAT)?;
        let within = Reach::Within { start: to_u32(from), end: to_u32(from.saturating_add(len)) };
        fields.decoded(Key::Name("message"), decoded, within, None);
        at = from.saturating_add(len).saturating_add(foot.len());
    }
    fields.found("armor")
}

/// The lines between: headers up to an empty line, base64, and a checksum that begins with `=`.
fn decode(body: &[u8]) -> Option<Vec<u8>> {
    let lines = || body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let is_header = |line: &&[u8]| memmem::find(line, b": ").is_some() || line.ends_with(b":");
    let headers = lines().skip(1).take_while(is_header).count();
    let mut digits = Vec::with_capacity(body.len());
    for line in lines().skip(1 + headers).filter(|line| !line.is_empty()) {
        if line.first() == Some(&b'=') {
            break;
        }
        digits.extend_from_slice(line);
    }
    while digits.last() == Some(&b'=') {
        digits.pop();
    }
    BASE64_NOPAD.decode(&digits).ok().filter(|bytes| !bytes.is_empty())
}
