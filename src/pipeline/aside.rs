//! Where tokens, keys and digests stand in a message: what is random there is no sign that content was sent.
//!
//! Every app holds a session token and every end-to-end one uploads public keys, also while nobody writes a word.

use super::public;
use crate::model::field::{NodeId, Step, Tree};
use crate::model::flow::Standing;
use crate::model::message::PartKind;
use std::hash::{DefaultHasher, Hasher as _};

/// Words in the names of such fields, and of identifiers.
const NAMES: [&str; 40] = [
    "id",
    "ids",
    "uuid",
    "guid",
    "fid",
    "pk",
    "pubkey",
    "jwk",
    "key",
    "sig",
    "nonce",
    "iv",
    "salt",
    "mac",
    "hmac",
    "hash",
    "digest",
    "checksum",
    "verifier",
    "csrf",
    "etag",
    "cursor",
    "bloom",
    "fp",
    // Steps of an exchange that proves a password (RFC 9807, RFC 5054), and the password itself.
    "ke",
    "oprf",
    "pake",
    "srp",
    "blinded",
    "password",
    "passwd",
    "passcode",
    "pwd",
    "pw",
    "otp",
    "login",
    "registration",
    "integrity",
    "cert",
    "certificate",
];

/// Words in the names of what holds such fields, up to [`ABOVE`] names above them: `signatures.@user.device`.
const HOLDERS: [&str; 27] = [
    "jwks",
    "keys",
    "prekey",
    "prekeys",
    "signature",
    "signatures",
    "sigs",
    "hashes",
    "digests",
    "fingerprint",
    "fingerprints",
    "certs",
    "certificates",
    "attestation",
    "attestations",
    "attest",
    "assertion",
    "receipt",
    "receipts",
    "proof",
    "proofs",
    "challenge",
    "captcha",
    "recaptcha",
    "cookie",
    "token",
    "tokens",
];

/// Words in the names of what proves who asks, on which device: there even an envelope holds no message.
const PROOFS: [&str; 21] = [
    "token",
    "tokens",
    "integrity",
    "attestation",
    "attestations",
    "attest",
    "assertion",
    "receipt",
    "proof",
    "challenge",
    "captcha",
    "recaptcha",
    "cookie",
    "csrf",
    "credential",
    "credentials",
    "auth",
    "authorization",
    "login",
    "ticket",
    "registration",
];

/// Names above a field's own that are read.
const ABOVE: usize = 3;

/// Lengths of the public numbers of SRP, in bytes: those of its groups (RFC 5054, appendix A).
const GROUPS: [usize; 7] = [128, 192, 256, 384, 512, 768, 1024];

/// Headers that prove who asks.
const CREDENTIALS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// Where a field stands in its message. An envelope that is called a key may hold a message: prekey messages do.
pub(super) fn standing(tree: &Tree<'_>, id: NodeId, is_envelope: bool) -> Standing {
    let node = tree.node(id);
    let part = node.and_then(|node| tree.part(node));
    let is_public = || node.is_some_and(|node| public::is_public(tree.bytes(node)));
    match part {
        Some(part) if part.kind == PartKind::Header && CREDENTIALS.contains(&part.name.as_str()) => {
            Standing::Credential
        }
        _ if is_signature(tree, id) => Standing::Credential,
        Some(part) if matches!(part.kind, PartKind::Header | PartKind::Path) => Standing::Aside,
        _ if is_envelope && names(tree, id).iter().any(|name| has_word(name, &PROOFS)) => Standing::Aside,
        _ if !is_envelope && (is_called_so(tree, id) || is_public()) => Standing::Aside,
        _ => Standing::Content,
    }
}

/// Whether a field is called a token, a key or a digest, or stands among such.
fn is_called_so(tree: &Tree<'_>, id: NodeId) -> bool {
    let names = names(tree, id);
    let own = names.first().is_some_and(|name| {
        let len = tree.node(id).map_or(0, |node| node.end.saturating_sub(node.start) as usize);
        has_word(name, &NAMES) || matches!(name.as_str(), "A" | "B") && GROUPS.contains(&len)
    });
    own || names.iter().any(|name| has_word(name, &HOLDERS))
}

/// What a field is called, and what holds it: innermost first.
fn names(tree: &Tree<'_>, id: NodeId) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut at = Some(id);
    while let Some((id, node)) = at.and_then(|id| Some((id, tree.node(id)?)))
        && names.len() <= ABOVE
    {
        // What is only opened or counted is called like what it stands in.
        if !matches!(node.step, Step::Open(_) | Step::Index(_)) {
            names.extend(tree.name(id).map(std::borrow::Cow::into_owned));
        }
        at = node.parent;
    }
    names
}

/// Whether a field is the signature of a web token.
fn is_signature(tree: &Tree<'_>, id: NodeId) -> bool {
    let above = std::iter::successors(Some(id), |id| tree.node(*id)?.parent);
    let mut steps = above.filter_map(|id| tree.node(id)).map(|node| node.step);
    steps.any(|step| step == Step::Name("signature")) && steps.next() == Some(Step::Open("jwt"))
}

/// Equal for equal bytes, and for no others that anybody meets.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    let mut hash = DefaultHasher::new();
    hash.write(bytes);
    hash.finish()
}

/// Names are taken word by word: `identityKey`, `identity_key`, `IDENTITY-KEY`; a keyboard is no key.
fn has_word(name: &str, words: &[&str]) -> bool {
    let mut word = String::new();
    let mut low = false;
    let is_one = |word: &str| words.contains(&word);
    for letter in name.chars() {
        if !letter.is_ascii_alphabetic() || (low && letter.is_ascii_uppercase()) {
            if is_one(&word) {
                return true;
            }
            word.clear();
        }
        low = letter.is_ascii_lowercase();
        if letter.is_ascii_alphabetic() {
            word.push(letter.to_ascii_lowercase());
        }
    }
    is_one(&word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field;
    use crate::model::message::{Message, Part};
    use crate::model::origin::Origins;
    use crate::model::packet::Endpoint;
    use crate::model::stream::{Direction, FlowKey, Transport};
    use crate::model::time::Timestamp;

    #[test]
    fn names_are_taken_word_by_word() {
        let says_so = |name: &str| has_word(name, &NAMES) || has_word(name, &HOLDERS);
        for name in [
            "key",
            "identityKey",
            "IDENTITY-KEY",
            "one_time_keys",
            "x-session-token",
            "pubKey2",
            "sig",
            "preKeys",
            "receipt-data",
            "g-recaptcha-response",
            "ke1",
            "blindedMessage",
        ] {
            assert!(says_so(name), "{name}");
        }
        for name in ["", "payload", "ciphertext", "keyboard", "monkey", "design", "tokenised", "secretMessage", "body"]
        {
            assert!(!says_so(name), "{name}");
        }
    }

    /// How the longest field of a JSON body stands; `*` in it is where some random bytes are, in hex.
    fn stands(body: &str, len: u32, is_envelope: bool) -> Standing {
        use std::fmt::Write as _;
        let mut hex = String::new();
        for at in 0..len {
            write!(hex, "{:02x}", at.wrapping_mul(0x9e37_79b9).to_be_bytes()[1]).unwrap();
        }
        let bytes = body.replace('*', &hex).into_bytes();
        let end = Endpoint { ip: [127, 0, 0, 1].into(), port: 80 };
        let message = Message {
            flow: FlowKey { transport: Transport::Tcp, client: end, server: end },
            layers: Vec::new().into(),
            protocol: "http1",
            label: "POST api.example/v1".into(),
            direction: Direction::ToServer,
            at: Timestamp(7),
            host: None,
            parts: vec![Part::new(PartKind::Body, bytes.clone(), Origins::one(bytes.len(), 3))],
            whole: true,
        };
        let tree = field::walk(&message);
        let (id, _) = tree.leaves().max_by_key(|(_, node)| node.end - node.start).unwrap();
        assert_eq!(tree.bytes(tree.node(id).unwrap()).len(), len as usize, "{body}");
        standing(&tree, id, is_envelope)
    }

    #[test]
    fn what_stands_among_keys_and_proofs_is_no_content() {
        for (body, len) in [
            (r#"{"device_keys":{"signatures":{"@a:x":{"ed25519:D":"*"}}}}"#, 64),
            (r#"{"one_time_keys":{"signed_curve25519:AAAA":{"x":"*"}}}"#, 64),
            (r#"{"fallback_keys":{"curve25519:AAAA":"*"}}"#, 64),
            (r#"{"attestation":["*"]}"#, 900),
            (r#"{"receipt":{"data":"*"}}"#, 900),
            (r#"{"proof":{"a":{"b":"*"}}}"#, 64),
            (r#"{"ke1":"*"}"#, 96),
            (r#"{"A":"*"}"#, 256),
            (r#"{"preKeys":[{"publicKey":"*"}]}"#, 96),
        ] {
            assert_eq!(stands(body, len, false), Standing::Aside, "{body}");
        }
        for (body, len) in [
            (r#"{"ciphertext":"*"}"#, 96),
            (r#"{"A":"*"}"#, 250),
            (r#"{"messages":{"@a:x":{"D":{"ciphertext":{"abc":{"body":"*"}}}}}}"#, 96),
            (r#"{"to":"@a:x","content":{"payload":"*"}}"#, 96),
            (r#"{"keys":{"a":{"b":{"c":{"d":"*"}}}}}"#, 96),
        ] {
            assert_eq!(stands(body, len, false), Standing::Content, "{body}");
        }
    }

    #[test]
    fn a_proof_in_an_envelope_is_a_proof_and_a_prekey_message_a_message() {
        for (body, want) in [
            (r#"{"integrityToken":"*"}"#, Standing::Aside),
            (r#"{"attestation":{"blob":"*"}}"#, Standing::Aside),
            (r#"{"preKeyMessage":"*"}"#, Standing::Content),
            (r#"{"keys":{"a":"*"}}"#, Standing::Content),
            (r#"{"payload":"*"}"#, Standing::Content),
        ] {
            assert_eq!(stands(body, 200, true), want, "{body}");
        }
    }
}
