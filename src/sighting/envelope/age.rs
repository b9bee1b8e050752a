//! age: files for recipients or a passphrase. Armor is a decoder's business.

use super::{Found, Recogniser, Sample};
use crate::model::envelope::Keying;
use memchr::memmem;

/// The entry.
pub(super) static AGE: Recogniser = Recogniser {
    name: "age",
    about: "age files, version 1",
    source: "age-encryption.org/v1, C2SP age.md",
    bits: 200,
    bound: "A first line of 22 characters, a stanza, and the line of the header's MAC: more than 25 bytes that must be \
            what they are.",
    recognise,
    samples: &[
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/age-x25519.age"),
            kind: "age file",
            sealed: 39,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/age-scrypt.age"),
            kind: "age file",
            sealed: 39,
        },
    ],
};

const FIRST: &[u8] = b"age-encryption.org/v1\n";
/// Bytes of a header that are looked at: a stanza for each recipient.
const HEADER: usize = 64 << 10;
/// Bytes before the ciphertext: the payload's nonce.
const NONCE: usize = 16;

fn recognise(bytes: &[u8]) -> Option<Found> {
    let rest = bytes.strip_prefix(FIRST)?;
    let stanza = rest.strip_prefix(b"-> ")?;
    let head = rest.get(..rest.len().min(HEADER))?;
    // Three dashes, a space, 32 bytes in base64.
    let mac = memmem::find(head, b"\n--- ")?;
    let body = mac.checked_add(5 + 43)?;
    if rest.get(body) != Some(&b'\n') {
        return None;
    }
    let start = FIRST.len().checked_add(body)?.checked_add(1 + NONCE)?;
    let keying = if stanza.starts_with(b"scrypt ") { Keying::Shared } else { Keying::LongTerm };
    (bytes.len() >= start.checked_add(16)?).then(|| Found {
        kind: "age file",
        keying,
        sealed: std::iter::once(start..bytes.len()).collect(),
    })
}
