//! Hashes of planted values: pseudonyms that anyone who knows or guesses the value can match.

use super::forms::{Edge, Form, Forms, Scope};
use crate::model::sighting::Strength;
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization as _;

/// Adds every hash of `input` in hex (either case), base64, base64url and raw. `what` says how the value was brought
/// into shape first.
pub(super) fn of(input: &[u8], what: &str, forms: &mut Forms) {
    let digests: [(&str, Vec<u8>); 6] = [
        ("md5", Md5::digest(input).to_vec()),
        ("sha1", Sha1::digest(input).to_vec()),
        ("sha256", Sha256::digest(input).to_vec()),
        ("sha512", Sha512::digest(input).to_vec()),
        ("sha224", Sha224::digest(input).to_vec()),
        ("sha384", Sha384::digest(input).to_vec()),
    ];
    for (name, digest) in digests {
        let name = format!("{name} of {what}");
        for (bytes, fold, scope) in [
            (HEXLOWER.encode(&digest).into_bytes(), true, Scope::All),
            (BASE64_NOPAD.encode(&digest).into_bytes(), false, Scope::All),
            (BASE64URL_NOPAD.encode(&digest).into_bytes(), false, Scope::All),
            (digest, false, Scope::Binary),
        ] {
            let (name, strength) = (Cow::Owned(name.clone()), Strength::Pseudonym);
            forms.push(Form { bytes, name, strength, fold, edge: Edge::Any, scope, coding: None });
        }
    }
}

/// Bytes of a hash by which a value is still told. In base64 they are 60 bits that do not depend on what follows: of 2^30
/// places and 2^6 such hashes one is another's with 2^-24.
const SHORTENED: usize = 8;

/// Adds the first bytes of hashes of `input`: apps that look for known people send no more of each.
pub(super) fn shortened(input: &[u8], what: &str, forms: &mut Forms) {
    let digests: [(&str, Vec<u8>); 3] = [
        ("sha256", Sha256::digest(input).to_vec()),
        ("sha1", Sha1::digest(input).to_vec()),
        ("md5", Md5::digest(input).to_vec()),
    ];
    for (name, digest) in digests {
        let first = digest.get(..SHORTENED).unwrap_or_default();
        // Digits that depend on what follows are left out.
        let digits = SHORTENED * 8 / 6;
        let coded = |text: String| text.get(..digits).unwrap_or_default().as_bytes().to_vec();
        for (bytes, fold, scope) in [
            (HEXLOWER.encode(first).into_bytes(), true, Scope::All),
            (coded(BASE64_NOPAD.encode(first)), false, Scope::All),
            (coded(BASE64URL_NOPAD.encode(first)), false, Scope::All),
            (first.to_vec(), false, Scope::Binary),
        ] {
            let (name, strength) = (Cow::Owned(format!("first bytes of the {name} of {what}")), Strength::Pseudonym);
            forms.push(Form { bytes, name, strength, fold, edge: Edge::Any, scope, coding: None });
        }
    }
}

/// Adds the hashes of a text in its usual normalisations.
pub(super) fn of_text(value: &str, forms: &mut Forms) {
    let trimmed = value.trim();
    let lower = trimmed.to_lowercase();
    let inputs = [
        ("the value", value.to_owned()),
        ("the trimmed value", trimmed.to_owned()),
        ("the lower-cased value", lower.clone()),
        ("the upper-cased value", trimmed.to_uppercase()),
        ("the value in unicode nfc", trimmed.nfc().collect()),
        ("the lower-cased value without spaces", lower.split_whitespace().collect()),
    ];
    let mut seen: Vec<&str> = Vec::new();
    for (what, input) in &inputs {
        if !input.is_empty() && !seen.contains(&input.as_str()) {
            seen.push(input);
            of(input.as_bytes(), what, forms);
        }
    }
}

/// Namespaces of identifiers made out of names (RFC 9562, section 6.6).
const NAMESPACES: [(&str, u8); 4] = [("dns", 0x10), ("url", 0x11), ("oid", 0x12), ("x.500", 0x14)];

/// Adds what is made out of identifiers: UUIDs of versions 3 and 5 in the standard namespaces, and hashes of hashes in
/// hexadecimal digits.
pub(super) fn of_names(names: &[(&str, String)], forms: &mut Forms) {
    let strength = Strength::Pseudonym;
    let mut push = |name: String, bytes: Vec<u8>, scope| {
        let fold = scope == Scope::All;
        forms.push(Form { bytes, name: Cow::Owned(name), strength, fold, edge: Edge::Any, scope, coding: None });
    };
    for (what, name) in names {
        for (space, number) in NAMESPACES {
            // 6ba7b810-9dad-11d1-80b4-00c04fd430c8 and its neighbours.
            let mut input =
                vec![0x6b, 0xa7, 0xb8, number, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];
            input.extend_from_slice(name.as_bytes());
            for (version, digest) in [(3_u8, Md5::digest(&input).to_vec()), (5, Sha1::digest(&input).to_vec())] {
                let Some(mut raw) = digest.first_chunk::<16>().copied() else { continue };
                for (at, keep, set) in [(6, 0x0f, version << 4), (8, 0x3f, 0x80)] {
                    if let Some(byte) = raw.get_mut(at) {
                        *byte = *byte & keep | set;
                    }
                }
                let text = HEXLOWER.encode(&raw);
                let ends = [8, 12, 16, 20, 32];
                let groups = [0].iter().chain(&ends).zip(&ends).filter_map(|(from, to)| text.get(*from..*to));
                let form = format!("uuid v{version} ({space}) of {what}");
                push(form.clone(), groups.collect::<Vec<_>>().join("-").into_bytes(), Scope::All);
                push(form.clone(), text.clone().into_bytes(), Scope::All);
                push(form, raw.to_vec(), Scope::Binary);
            }
        }
        let digits = |digest: &[u8]| HEXLOWER.encode(digest).into_bytes();
        for (algorithm, twice) in [
            ("md5", digits(&Md5::digest(digits(&Md5::digest(name))))),
            ("sha1", digits(&Sha1::digest(digits(&Sha1::digest(name))))),
            ("sha256", digits(&Sha256::digest(digits(&Sha256::digest(name))))),
        ] {
            push(format!("{algorithm} of the {algorithm} of {what}"), twice, Scope::All);
        }
    }
}

/// The names that identifiers are made out of: a text as it is, and in lower case.
pub(super) fn names_of(value: &str) -> Vec<(&'static str, String)> {
    let trimmed = value.trim();
    let lower = trimmed.to_lowercase();
    let mut names = vec![("the value", trimmed.to_owned())];
    if lower != trimmed {
        names.push(("the lower-cased value", lower));
    }
    names
}

/// Adds the hashes of an address with what Gmail ignores left out: dots, and everything after `+`.
pub(super) fn of_email(value: &str, forms: &mut Forms) {
    let lower = value.trim().to_lowercase();
    shortened(lower.as_bytes(), "the lower-cased value", forms);
    let Some((local, domain)) = lower.rsplit_once('@') else { return };
    let local = local.split('+').next().unwrap_or_default();
    of(format!("{local}@{domain}").as_bytes(), "the lower-cased value without its + tag", forms);
    of(format!("{}@{domain}", local.replace('.', "")).as_bytes(), "the lower-cased value without dots", forms);
}

/// Adds the hashes of an identifier without its separators, in both cases.
pub(super) fn of_identifier(value: &str, forms: &mut Forms) {
    let bare: String = value.chars().filter(|c| c.is_alphanumeric()).collect();
    of(bare.to_lowercase().as_bytes(), "the lower-cased value without separators", forms);
    of(bare.to_uppercase().as_bytes(), "the upper-cased value without separators", forms);
}
