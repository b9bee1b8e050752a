//! JWE: JSON Web Encryption, compact and as JSON.

use super::{Found, Recogniser, Sample};
use crate::model::envelope::Keying;
use data_encoding::BASE64URL_NOPAD;
use memchr::memmem;
use serde_json::{Map, Value};
use std::ops::Range;

/// The entry.
pub(super) static JWE: Recogniser = Recogniser {
    name: "jwe",
    about: "JSON Web Encryption: compact, flattened and general serialization",
    source: "RFC 7516, sections 3.1 and 7; RFC 7518",
    bits: 100,
    bound: "A header that is base64url of a JSON object with one of the registered content ciphers under \"enc\" and a \
            known key management algorithm under \"alg\" (100 bits and more), and a nonce and tag of that cipher's lengths.",
    recognise,
    samples: &[
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/jwe-compact-rsa.txt"),
            kind: "compact JWE",
            sealed: 31,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/jwe-compact-dir.txt"),
            kind: "compact JWE",
            sealed: 31,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/jwe-compact-cbc.txt"),
            kind: "compact JWE",
            sealed: 43,
        },
        Sample {
            bytes: include_bytes!("../../../tests/fixtures/envelopes/jwe-flattened.json"),
            kind: "flattened JWE",
            sealed: 31,
        },
    ],
};

/// Longer headers, and objects, are not looked into.
const LONGEST: usize = 1 << 20;

fn recognise(bytes: &[u8]) -> Option<Found> {
    if bytes.starts_with(b"eyJ") {
        return compact(bytes);
    }
    if bytes.first() != Some(&b'{') || bytes.len() > LONGEST {
        return None;
    }
    memmem::find(bytes, b"\"ciphertext\"")?;
    memmem::find(bytes, b"\"tag\"")?;
    json(bytes)
}

/// Bytes of nonce and tag of a content cipher (RFC 7518, section 5).
fn sizes(enc: &str) -> Option<(usize, usize)> {
    match enc {
        "A128GCM" | "A192GCM" | "A256GCM" => Some((12, 16)),
        "A128CBC-HS256" => Some((16, 16)),
        "A192CBC-HS384" => Some((16, 24)),
        "A256CBC-HS512" => Some((16, 32)),
        "C20P" => Some((12, 16)),
        "XC20P" => Some((24, 16)),
        _ => None,
    }
}

/// Whose key opens it (RFC 7518, section 4).
fn keying(alg: &str) -> Option<Keying> {
    match alg {
        _ if alg.starts_with("RSA") || alg.starts_with("ECDH-") || alg.starts_with("HPKE-") => Some(Keying::LongTerm),
        "dir" => Some(Keying::Shared),
        _ if alg.starts_with("PBES2-") => Some(Keying::Shared),
        "A128KW" | "A192KW" | "A256KW" | "A128GCMKW" | "A192GCMKW" | "A256GCMKW" => Some(Keying::Shared),
        _ => None,
    }
}

fn decoded(text: &[u8]) -> Option<usize> {
    BASE64URL_NOPAD.decode(text).ok().map(|bytes| bytes.len())
}

fn header(text: &[u8]) -> Option<Map<String, Value>> {
    let bytes = BASE64URL_NOPAD.decode(text.get(..text.len().min(LONGEST))?).ok()?;
    match serde_json::from_slice(&bytes).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

fn compact(bytes: &[u8]) -> Option<Found> {
    if memchr::memchr_iter(b'.', bytes).take(5).count() != 4 {
        return None;
    }
    let mut at = 0_usize;
    let mut parts: Vec<Range<usize>> = Vec::new();
    for part in bytes.split(|byte| *byte == b'.') {
        let end = at.checked_add(part.len())?;
        parts.push(at..end);
        at = end.checked_add(1)?;
    }
    let [head, _, iv, text, tag] = parts.as_slice() else { return None };
    let header = header(bytes.get(head.clone())?)?;
    let (nonce, mac) = sizes(header.get("enc")?.as_str()?)?;
    let keying = keying(header.get("alg")?.as_str()?)?;
    let fits = decoded(bytes.get(iv.clone())?)? == nonce
        && decoded(bytes.get(tag.clone())?)? == mac
        && decoded(bytes.get(text.clone())?).is_some();
    fits.then(|| Found { kind: "compact JWE", keying, sealed: vec![text.clone()] })
}

fn json(bytes: &[u8]) -> Option<Found> {
    let Value::Object(object) = serde_json::from_slice(bytes).ok()? else { return None };
    let member = |name: &str| object.get(name).and_then(Value::as_str);
    let text = member("ciphertext")?;
    let protected = member("protected").and_then(|text| header(text.as_bytes()));
    let shared = object.get("unprotected").and_then(Value::as_object);
    let find = |name: &str, own: Option<&Map<String, Value>>| {
        let places = [protected.as_ref(), shared, own];
        places.into_iter().flatten().find_map(|place| place.get(name)?.as_str().map(str::to_owned))
    };
    let recipients = object.get("recipients").and_then(Value::as_array);
    let own = match recipients {
        Some(recipients) => recipients.first().and_then(|first| first.get("header")),
        None => object.get("header"),
    };
    let own = own.and_then(Value::as_object);
    let (nonce, mac) = sizes(&find("enc", own)?)?;
    let keying = keying(&find("alg", own)?)?;
    let fits = decoded(member("iv")?.as_bytes())? == nonce && decoded(member("tag")?.as_bytes())? == mac;
    decoded(text.as_bytes()).filter(|_| fits)?;
    // Base64url needs no escapes: the value stands in the object as it is.
    let quoted = format!("\"{text}\"");
    let start = memmem::find(bytes, quoted.as_bytes())?.checked_add(1)?;
    let kind = if recipients.is_some() { "general JWE" } else { "flattened JWE" };
    Some(Found { kind, keying, sealed: std::iter::once(start..start.checked_add(text.len())?).collect() })
}
