//! OMEMO: double-ratchet envelopes of XMPP, in both namespaces.

use super::{Found, Recogniser, Sample};
use crate::model::envelope::Keying;
use memchr::memmem;

/// The entry.
pub(super) static OMEMO: Recogniser = Recogniser {
    name: "omemo",
    about: "OMEMO, XMPP's multi-end encryption: the element of version 0.3 (Conversations) and of version 0.8 (omemo:2)",
    source: "XEP-0384, versions 0.3.0 and 0.8.3",
    bits: 200,
    bound: "An element's name, one of two namespaces letter by letter, a header with a number in it, and a key: more than \
            25 bytes that must be what they are.",
    recognise,
    samples: &[
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/omemo-2.element.xml"),
            kind: "urn:xmpp:omemo:2",
            sealed: 44,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/omemo-axolotl.element.xml"),
            kind: "eu.siacs.conversations.axolotl",
            sealed: 32,
        },
    ],
};

const NAMESPACES: [&str; 2] = ["eu.siacs.conversations.axolotl", "urn:xmpp:omemo:2"];

fn recognise(bytes: &[u8]) -> Option<Found> {
    let rest = bytes.strip_prefix(b"<encrypted")?;
    if !rest.first()?.is_ascii_whitespace() || !bytes.ends_with(b">") {
        return None;
    }
    let head = rest.get(..memchr::memchr(b'>', rest)?)?;
    let named = |name: &&&str| {
        let quoted = [format!("xmlns='{name}'"), format!("xmlns=\"{name}\"")];
        quoted.iter().any(|attribute| memmem::find(head, attribute.as_bytes()).is_some())
    };
    let kind = NAMESPACES.iter().find(named)?;
    let header = memmem::find(rest, b"<header ")?;
    let keys = rest.get(header..)?;
    memmem::find(keys.get(..memchr::memchr(b'>', keys)?)?, b"sid=")?;
    let key = memmem::find(keys, b"<key ")?;
    memmem::find(keys.get(key..)?, b"rid=")?;
    let mut sealed = Vec::new();
    if let Some(at) = memmem::find(bytes, b"<payload>") {
        let start = at.checked_add(9)?;
        let end = start.checked_add(memmem::find(bytes.get(start..)?, b"</payload>")?)?;
        sealed.push(start..end);
    }
    Some(Found { kind, keying: Keying::Ratchet, sealed })
}
