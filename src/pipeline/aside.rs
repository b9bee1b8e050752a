//! Where tokens, keys and digests stand in a message: what is random there is no sign that content was sent.
//!
//! Every app holds a session token and every end-to-end one uploads public keys, also while nobody writes a word.

use crate::model::field::{NodeId, Step, Tree};
use crate::model::flow::Standing;
use crate::model::message::PartKind;
use std::hash::{DefaultHasher, Hasher as _};

/// Words in the names of such fields, and of identifiers.
const NAMES: [&str; 33] = [
    "id",
    "ids",
    "uuid",
    "guid",
    "fid",
    "pk",
    "pubkey",
    "jwk",
    "jwks",
    "key",
    "keys",
    "prekey",
    "prekeys",
    "signature",
    "sig",
    "token",
    "tokens",
    "cookie",
    "nonce",
    "iv",
    "salt",
    "mac",
    "hmac",
    "hash",
    "digest",
    "checksum",
    "fingerprint",
    "challenge",
    "verifier",
    "certificate",
    "cert",
    "csrf",
    "etag",
];

/// Headers that prove who asks.
const CREDENTIALS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// Where a field stands in its message. An envelope that is called a key may hold a message: prekey messages do.
pub(super) fn standing(tree: &Tree<'_>, id: NodeId, is_envelope: bool) -> Standing {
    let part = tree.node(id).and_then(|node| tree.part(node));
    match part {
        Some(part) if part.kind == PartKind::Header && CREDENTIALS.contains(&part.name.as_str()) => {
            Standing::Credential
        }
        _ if is_signature(tree, id) => Standing::Credential,
        Some(part) if matches!(part.kind, PartKind::Header | PartKind::Path) => Standing::Aside,
        _ if !is_envelope && tree.name(id).is_some_and(|name| says_so(&name)) => Standing::Aside,
        _ => Standing::Content,
    }
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
fn says_so(name: &str) -> bool {
    let mut word = String::new();
    let mut low = false;
    let is_one = |word: &str| NAMES.contains(&word);
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
    use super::says_so;

    #[test]
    fn names_are_taken_word_by_word() {
        for name in ["key", "identityKey", "IDENTITY-KEY", "one_time_keys", "x-session-token", "pubKey2", "sig"] {
            assert!(says_so(name), "{name}");
        }
        for name in ["", "payload", "ciphertext", "keyboard", "monkey", "design", "tokenised", "secretMessage", "body"]
        {
            assert!(!says_so(name), "{name}");
        }
    }
}
