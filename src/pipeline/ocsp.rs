//! Questions whether a certificate is still good (OCSP, RFC 6960): whoever looks at an app's connections meets them, and
//! what of them nobody can check is too little to hide anything in.

use super::public::{element, elements};
use crate::model::field::{Node, Tree};
use crate::model::message::PartKind;
use crate::model::opacity::HIDING_PLACE;

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const NULL: u8 = 0x05;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// `requestExtensions`, [2].
const EXTENSIONS: u8 = 0xa2;
/// id-sha1, 1.3.14.3.2.26.
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
/// id-sha256, 2.16.840.1.101.3.4.2.1.
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// id-pkix-ocsp-nonce, 1.3.6.1.5.5.7.48.1.2.
const NONCE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];
/// Whether a field is such a question, where one is asked: as a body of its type, or in the path.
pub(super) fn asks(tree: &Tree<'_>, node: &Node) -> bool {
    let asked = tree.part(node).is_some_and(|part| match part.kind {
        PartKind::Path => true,
        PartKind::Body => {
            part.content_type.as_deref().is_some_and(|kind| kind.trim().starts_with("application/ocsp-request"))
        }
        _ => false,
    });
    asked && unchecked(tree.bytes(node)).is_some_and(|free| free as u64 <= HIDING_PLACE)
}

/// Bytes that may be anything of an `OCSPRequest` about one certificate, without a version, a name and a signature.
fn unchecked(bytes: &[u8]) -> Option<usize> {
    let inside = only(bytes, SEQUENCE)?;
    let parts = elements(only(inside, SEQUENCE)?)?;
    let (list, nonce) = match parts.as_slice() {
        [(SEQUENCE, list)] => (list, 0),
        [(SEQUENCE, list), (EXTENSIONS, extensions)] => (list, nonce(extensions)?),
        _ => return None,
    };
    Some(certificate(only(list, SEQUENCE)?)?.saturating_add(nonce))
}

/// The one element that some bytes are.
fn only(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (found, inside, rest) = element(bytes)?;
    (found == tag && rest.is_empty()).then_some(inside)
}

/// Bytes of the hashes and the serial number of a `CertID` that stands alone.
fn certificate(request: &[u8]) -> Option<usize> {
    let parts = elements(only(request, SEQUENCE)?)?;
    let [(SEQUENCE, algorithm), (OCTETS, name), (OCTETS, key), (INTEGER, serial)] = parts.as_slice() else {
        return None;
    };
    let algorithm = elements(algorithm)?;
    let hash = match algorithm.as_slice() {
        [(OID, hash)] | [(OID, hash), (NULL, [])] => *hash,
        _ => return None,
    };
    let len = match hash {
        SHA1 => 20,
        SHA256 => 32,
        _ => return None,
    };
    let sized = name.len() == len && key.len() == len;
    sized.then(|| name.len().saturating_add(key.len()).saturating_add(serial.len()))
}

/// Bytes of a nonce that is the only extension.
fn nonce(extensions: &[u8]) -> Option<usize> {
    let extension = only(only(extensions, SEQUENCE)?, SEQUENCE)?;
    let parts = elements(extension)?;
    let [(OID, NONCE), (OCTETS, value)] = parts.as_slice() else { return None };
    Some(value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let inside = parts.concat();
        let len = u8::try_from(inside.len()).unwrap();
        let head = if len < 0x80 { vec![tag, len] } else { vec![tag, 0x81, len] };
        [head, inside].concat()
    }

    fn question(hash: &[u8], len: usize, serial: usize) -> Vec<u8> {
        let algorithm = der(SEQUENCE, &[&der(OID, &[hash]), &[NULL, 0]]);
        let (name, key) = (der(OCTETS, &[&vec![0xa1; len]]), der(OCTETS, &[&vec![0xb2; len]]));
        der(SEQUENCE, &[&der(SEQUENCE, &[&algorithm, &name, &key, &der(INTEGER, &[&vec![0x11; serial]])])])
    }

    fn request(questions: &[Vec<u8>], more: &[u8]) -> Vec<u8> {
        let list = der(SEQUENCE, &questions.iter().map(Vec::as_slice).collect::<Vec<_>>());
        der(SEQUENCE, &[&der(SEQUENCE, &[&list, more])])
    }

    fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
        let extension = der(SEQUENCE, &[&der(OID, &[oid]), &der(OCTETS, &[value])]);
        der(EXTENSIONS, &[&der(SEQUENCE, &[&extension])])
    }

    #[test]
    fn a_question_is_told_with_what_of_it_nobody_can_check() {
        let one = || question(SHA1, 20, 16);
        let nonce = |len: usize| extension(NONCE, &der(OCTETS, &[&vec![7; len]]));
        for (name, bytes, want) in [
            ("one", request(&[one()], b""), Some(56)),
            ("a serial number as long as they may be", request(&[question(SHA1, 20, 21)], b""), Some(61)),
            ("sha-256", request(&[question(SHA256, 32, 20)], b""), Some(84)),
            ("a nonce", request(&[one()], &nonce(32)), Some(90)),
            ("a bare nonce", request(&[one()], &extension(NONCE, &[9; 4])), Some(60)),
            ("a long serial number", request(&[question(SHA1, 20, 60)], b""), Some(100)),
            ("two", request(&[one(), one()], b""), None),
            ("another extension", request(&[one()], &extension(SHA1, &[9; 16])), None),
            ("no question", request(&[], b""), None),
            ("a hash of another length", request(&[question(SHA1, 32, 16)], b""), None),
            ("another hash", request(&[question(NONCE, 20, 16)], b""), None),
            ("more behind it", [request(&[one()], b""), vec![5, 0]].concat(), None),
            ("cut short", request(&[one()], b"")[..70].to_vec(), None),
            ("nothing", vec![], None),
        ] {
            assert_eq!(unchecked(&bytes), want, "{name}: {bytes:x?}");
        }
    }
}
