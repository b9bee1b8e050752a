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
            forms.push(Form { bytes, name, strength, fold, edge: Edge::Any, scope });
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

/// Adds the hashes of an address with what Gmail ignores left out: dots, and everything after `+`.
pub(super) fn of_email(value: &str, forms: &mut Forms) {
    let lower = value.trim().to_lowercase();
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
