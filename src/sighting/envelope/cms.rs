//! CMS: the enveloped data of S/MIME and of much else, in DER or BER.

use super::wire::{Tlv, all, tlv};
use super::{Found, Recogniser, Sample};
use crate::model::envelope::Keying;

/// The entry.
pub(super) static CMS: Recogniser = Recogniser {
    name: "cms",
    about: "Cryptographic Message Syntax: EnvelopedData and AuthEnvelopedData, as in S/MIME",
    source: "RFC 5652, section 6; RFC 5083",
    bits: 104,
    bound: "An object identifier of eleven bytes or more, with its tag and length, inside a sequence.",
    recognise,
    samples: &[
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/cms-rsa.der"),
            kind: "EnvelopedData",
            sealed: 32,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/cms-ec.der"),
            kind: "EnvelopedData",
            sealed: 32,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/cms-auth.der"),
            kind: "AuthEnvelopedData",
            sealed: 23,
        },
    ],
};

/// 1.2.840.113549.1.7.3
const ENVELOPED: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
/// 1.2.840.113549.1.9.16.1.23
const AUTH_ENVELOPED: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17";
/// Values in one another.
const DEPTH: u8 = 12;
/// Values one after the other: recipients, pieces of ciphertext.
const MOST: usize = 4_096;

fn recognise(bytes: &[u8]) -> Option<Found> {
    if bytes.first() != Some(&0x30) {
        return None;
    }
    // The identifier is near the front; what comes before it is three lengths at most.
    let front = bytes.get(..bytes.len().min(32))?;
    memchr::memmem::find(front, b"\x2a\x86\x48\x86\xf7\x0d\x01")?;
    let outer = tlv(bytes, 0, bytes.len(), DEPTH)?;
    let parts = all(bytes, outer.inner, DEPTH, 2)?;
    let [kind, content] = parts.as_slice() else { return None };
    let kind = match bytes.get(kind.inner.clone()).filter(|_| kind.tag == 6)? {
        ENVELOPED => "EnvelopedData",
        AUTH_ENVELOPED => "AuthEnvelopedData",
        _ => return None,
    };
    if content.tag != 0xa0 {
        return None;
    }
    let body = tlv(bytes, content.inner.start, content.inner.end, DEPTH).filter(|body| body.tag == 0x30)?;
    let parts = all(bytes, body.inner, DEPTH, 16)?;
    let mut parts = parts.into_iter().peekable();
    parts.next().filter(|version| version.tag == 2)?;
    parts.next_if(|originator| originator.tag == 0xa0);
    let recipients = parts.next().filter(|set| set.tag == 0x31)?;
    let recipients = all(bytes, recipients.inner, DEPTH, MOST)?;
    let sealed = parts.next().filter(|info| info.tag == 0x30)?;
    let sealed = all(bytes, sealed.inner, DEPTH, 3)?;
    let text = sealed.get(2)?;
    let pieces = match text.tag {
        0x80 => vec![text.inner.clone()],
        // Written as a stream: a constructed octet string.
        0xa0 => all(bytes, text.inner.clone(), DEPTH, MOST)?
            .into_iter()
            .map(|piece| (piece.tag == 4).then_some(piece.inner))
            .collect::<Option<Vec<_>>>()?,
        _ => return None,
    };
    Some(Found { kind, keying: keying(&recipients), sealed: pieces })
}

/// Key transport and key agreement end at the recipient's certified key; the rest is agreed before.
fn keying(recipients: &[Tlv]) -> Keying {
    if recipients.iter().any(|recipient| matches!(recipient.tag, 0x30 | 0xa1)) {
        Keying::LongTerm
    } else if recipients.is_empty() {
        Keying::Untold
    } else {
        Keying::Shared
    }
}
