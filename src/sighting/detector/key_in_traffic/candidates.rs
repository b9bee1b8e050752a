//! Keys that values which were sent may be, or that apps are known to make of them.

use crate::model::payload::{Payload, Token};
use crate::model::taxonomy::Data;
use crate::sighting::run::cipher::{unseal, unwrap};
use crate::sighting::run::{Purse, Run};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use md5::Md5;
use ring::pbkdf2;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::num::NonZeroU32;

/// Steps that one trial of a cipher's block counts for.
pub(super) const STEP: usize = 48;
/// Digits of the times that apps send: seconds, milliseconds.
const TIME_DIGITS: std::ops::RangeInclusive<usize> = 10..=13;

/// A key that may fit, and how it was got.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) key: Vec<u8>,
    /// `the value of "iv"`, `the MD5 hash of "user_id"`.
    pub(super) from: String,
    /// How, in a trail step.
    pub(super) how: &'static str,
}

impl Candidate {
    /// Whether it is a value as it was sent, or half of it: what apps that send keys send.
    pub(super) fn is_sent(&self) -> bool {
        matches!(self.how, SENT | HALF)
    }
}

/// How a key that was sent as it is was got.
const SENT: &str = "the key sent along";
/// How a key that is half of one that was sent was got.
const HALF: &str = "half of a key sent along";

/// Keys that were sent wrapped, under another that was sent as well.
pub(super) fn unwrapped(run: &Run<'_>, keys: &[Candidate], purse: &Purse) -> Vec<Candidate> {
    let mut out = Vec::new();
    let wrapped: Vec<(Vec<u8>, &str)> = run
        .tokens
        .iter()
        .map(|token| (&token.bytes, token.name.as_str()))
        .flat_map(|(bytes, name)| decodings(bytes).into_iter().map(move |bytes| (bytes, name)))
        .filter(|(bytes, _)| matches!(bytes.len(), 24 | 32 | 40 | 44 | 52 | 60))
        .collect();
    for kek in keys.iter().filter(|kek| matches!(kek.key.len(), 16 | 24 | 32)) {
        for (wrapped, name) in &wrapped {
            if !purse.spend(STEP * 24) {
                return out;
            }
            let key = if matches!(wrapped.len(), 24 | 32 | 40) {
                unwrap(&kek.key, wrapped)
            } else {
                unseal(&kek.key, wrapped)
            };
            if let Some(key) = key {
                out.push(Candidate {
                    key,
                    from: format!("sent wrapped in \"{name}\", together with what unwraps it, {}", kek.from),
                    how: "the wrapped key sent along",
                });
            }
        }
    }
    out
}

/// Words in the names of values that keys are stretched from.
const STRETCHED: [&str; 8] = ["pass", "pwd", "pin", "phrase", "secret", "seed", "key", "code"];
/// Words in the names of numbers that say how often.
const ROUNDS: [&str; 3] = ["iter", "round", "cost"];
/// How often if nothing says so.
const USUAL: [u32; 6] = [1, 1_000, 1_024, 2_048, 4_096, 10_000];
/// More rounds are not tried.
const MOST_ROUNDS: u32 = 1_000_000;
/// Values, and salts, of each of which these many are tried.
const STRETCHES: usize = 6;
/// Steps that one round counts for.
const ROUND: usize = 16;

/// Keys stretched from a value and a salt that were both sent: HKDF (RFC 5869, no info) and PBKDF2 (RFC 8018), with SHA-256
/// and, of the latter, SHA-1.
pub(super) fn derived(run: &Run<'_>, purse: &Purse) -> Vec<Candidate> {
    let rounds = rounds(run);
    let salts: Vec<Vec<u8>> = named(run, &["salt"]).take(STRETCHES).flat_map(|token| decodings(&token.bytes)).collect();
    let mut out = Vec::new();
    for token in named(run, &STRETCHED).take(STRETCHES) {
        for value in decodings(&token.bytes) {
            for salt in &salts {
                let mut push = |key: &[u8], how: &'static str, what: &str| {
                    let from = format!("{what} the value of \"{}\" and a salt, both sent along", shown(&token.name));
                    for len in [16, 32] {
                        out.push(Candidate {
                            key: key.get(..len).unwrap_or_default().to_vec(),
                            from: from.clone(),
                            how,
                        });
                    }
                };
                let mut key = [0; 32];
                if hkdf::Hkdf::<Sha256>::new(Some(salt), &value).expand(b"", &mut key).is_ok() {
                    push(&key, "a key derived from values sent along", "derived (HKDF) from");
                }
                for times in rounds.iter().copied().filter_map(NonZeroU32::new) {
                    let stretched =
                        |key: &[u8]| push(key, "a key stretched from values sent along", "stretched (PBKDF2) from");
                    if !stretch((times, salt, &value), purse, stretched) {
                        return out;
                    }
                }
            }
        }
    }
    out
}

/// Calls `made` with what PBKDF2 makes of a value in so many rounds with a salt, under either hash; `false` where the purse
/// is empty.
fn stretch((times, salt, value): (NonZeroU32, &[u8], &[u8]), purse: &Purse, mut made: impl FnMut(&[u8])) -> bool {
    let mut key = [0; 32];
    for algorithm in [pbkdf2::PBKDF2_HMAC_SHA256, pbkdf2::PBKDF2_HMAC_SHA1] {
        if !purse.spend(times.get() as usize * ROUND) {
            return false;
        }
        pbkdf2::derive(algorithm, times, salt, value, &mut key);
        made(&key);
    }
    true
}

/// Values that are called so.
pub(super) fn named<'r>(run: &'r Run<'_>, words: &'static [&'static str]) -> impl Iterator<Item = &'r Token> + use<'r> {
    run.tokens.iter().copied().filter(move |token| words.iter().any(|word| token.name.contains(word)))
}

/// How often keys may be stretched: as values of the run say, and as is usual.
fn rounds(run: &Run<'_>) -> Vec<u32> {
    let number = |token: &Token| std::str::from_utf8(&token.bytes).ok()?.parse::<u32>().ok();
    let told = named(run, &ROUNDS).filter_map(number).filter(|n| (1..=MOST_ROUNDS).contains(n));
    let mut rounds: Vec<u32> = told.take(2).chain(USUAL).collect();
    rounds.sort_unstable();
    rounds.dedup();
    rounds
}

/// Words in the names of values that say what a derived key is for.
const INFOS: [&str; 5] = ["info", "context", "label", "purpose", "usage"];
/// What programs say it is for.
const PURPOSES: [&[u8]; 18] = [
    b"encryption",
    b"encrypt",
    b"encryption key",
    b"encryption-key",
    b"encryption_key",
    b"message",
    b"message key",
    b"message-key",
    b"messages",
    b"session",
    b"session key",
    b"session-key",
    b"aes",
    b"aes-256-gcm",
    b"aes-key",
    b"key",
    b"data",
    b"e2ee",
];
/// Words in the names of values that people are known by.
const KNOWN_BY: [&str; 6] = ["user", "mail", "phone", "login", "uid", "account"];
/// Values, salts and names, of each of which these many are tried together.
const NAMES: usize = 4;

/// Keys made of a value that was sent and of names: HKDF with an info that was sent, is usual or is the app's name, with a
/// salt or none; PBKDF2 with whom it belongs to as the salt.
pub(super) fn of_names(run: &Run<'_>, purse: &Purse) -> Vec<Candidate> {
    let values: Vec<(String, Vec<u8>)> = named(run, &STRETCHED)
        .take(NAMES)
        .flat_map(|token| decodings(&token.bytes).into_iter().map(|value| (shown(&token.name), value)))
        .collect();
    let mut out = Vec::new();
    if values.is_empty() {
        return out;
    }
    let mut push = |key: &[u8], from: String, how: &'static str| {
        for len in [32, 16] {
            out.push(Candidate { key: key.get(..len).unwrap_or_default().to_vec(), from: from.clone(), how });
        }
    };
    let mut infos: Vec<Vec<u8>> =
        named(run, &INFOS).take(NAMES).flat_map(|token| decodings(&token.bytes)).chain(app_names(run)).collect();
    infos.extend(PURPOSES.iter().map(|purpose| purpose.to_vec()));
    let salts = named(run, &["salt"]).take(NAMES).flat_map(|token| decodings(&token.bytes).into_iter().map(Some));
    let salts: Vec<Option<Vec<u8>>> = std::iter::once(None).chain(salts).collect();
    let mut key = [0; 32];
    for (name, value) in &values {
        for salt in &salts {
            let derived = hkdf::Hkdf::<Sha256>::new(salt.as_deref(), value);
            // With a salt and without an info is tried elsewhere.
            for info in infos.iter().map(Vec::as_slice).chain(salt.is_none().then_some(&b""[..])) {
                if purse.spend(ROUND) && derived.expand(info, &mut key).is_ok() {
                    let from = format!("derived (HKDF) from the value of \"{name}\", sent along, and a name");
                    push(&key, from, "a key derived from values sent along");
                }
            }
        }
    }
    let people: Vec<Vec<u8>> = named(run, &KNOWN_BY).map(|token| token.bytes.clone()).take(NAMES).collect();
    let planted = run.planted.iter().filter(|planted| is_name(planted.data)).map(|planted| planted.value.trim());
    let people: BTreeSet<Vec<u8>> = planted
        .take(NAMES)
        .flat_map(|name| [name.as_bytes().to_vec(), name.to_lowercase().into_bytes()])
        .chain(people)
        .collect();
    for times in rounds(run).into_iter().filter_map(NonZeroU32::new) {
        for (name, value) in &values {
            for person in &people {
                let stretched = |key: &[u8]| {
                    let from =
                        format!("stretched (PBKDF2) from the value of \"{name}\", sent along, and whom it belongs to");
                    push(key, from, "a key stretched from values sent along");
                };
                if !stretch((times, person, value), purse, stretched) {
                    return out;
                }
            }
        }
    }
    out
}

const fn is_name(data: Data) -> bool {
    matches!(data, Data::Email | Data::UserId | Data::PhoneNumber | Data::VirtualNumber | Data::Name)
}

/// What apps may be called, told from the names of their servers: `chatterly` of `api.chatterly.example`.
fn app_names(run: &Run<'_>) -> Vec<Vec<u8>> {
    let mut names: BTreeSet<Vec<u8>> = BTreeSet::new();
    for host in run.payloads.iter().filter_map(|payload| payload.place.authority.as_deref()) {
        let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let mut labels = host.rsplit('.').skip(1).filter(|label| label.len() > 3);
        if let Some(name) = labels.next().filter(|_| names.len() < 2 * NAMES) {
            let (first, rest) = name.split_at_checked(1).unwrap_or_default();
            names.insert(format!("{}{rest}", first.to_ascii_uppercase()).into_bytes());
            names.insert(name.as_bytes().to_vec());
        }
    }
    names.into_iter().collect()
}

/// Rounds of `openssl enc -pbkdf2`, unless it is told another number.
const OPENSSL: NonZeroU32 = NonZeroU32::MIN.saturating_add(9_999);

/// Keys and initial values that `openssl enc -pbkdf2` makes of values that are called a passphrase, with the salt in front
/// of a payload.
pub(super) fn openssl(run: &Run<'_>, payload: &Payload, purse: &Purse) -> Vec<(Candidate, [u8; 16])> {
    let mut out = Vec::new();
    let Some(salt) = payload.bytes.strip_prefix(b"Salted__").and_then(|rest| rest.get(..8)) else { return out };
    let called = |token: &&Token| STRETCHED.iter().any(|word| token.name.contains(word));
    for token in payload.beside.iter().filter(called).chain(named(run, &STRETCHED)).take(STRETCHES) {
        for value in decodings(&token.bytes) {
            if !purse.spend(OPENSSL.get() as usize * 2 * ROUND) {
                return out;
            }
            let mut made = [0; 48];
            pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, OPENSSL, salt, &value, &mut made);
            let (key, iv) = made.split_at(32);
            let from =
                format!("stretched (PBKDF2, as openssl does) from the value of \"{}\", sent along", shown(&token.name));
            let candidate = Candidate { key: key.to_vec(), from, how: "a key stretched from values sent along" };
            out.extend(iv.try_into().ok().map(|iv| (candidate, iv)));
        }
    }
    out
}

/// A field's name, fit to print.
fn shown(name: &str) -> String {
    let name = if name.is_empty() { "a field" } else { name };
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}

pub(super) fn distinct(candidates: impl IntoIterator<Item = Candidate>) -> Vec<Candidate> {
    let mut seen: BTreeSet<Vec<u8>> = BTreeSet::new();
    candidates.into_iter().filter(|candidate| seen.insert(candidate.key.clone())).collect()
}

/// A value as it stands, and out of hex and base64.
pub(super) fn decodings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut out = vec![bytes.to_vec()];
    if bytes.is_ascii() && bytes.len() >= 8 {
        out.extend(HEXLOWER_PERMISSIVE.decode(bytes).ok());
        for coding in [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD] {
            if let Ok(decoded) = coding.decode(bytes) {
                out.push(decoded);
                break;
            }
        }
    }
    out
}

/// Every key that apps are known to make of a value.
pub(super) fn candidates(token: &Token) -> Vec<Candidate> {
    let shown = shown(&token.name);
    let mut out: Vec<Candidate> = Vec::new();
    let mut push = |key: Vec<u8>, what: &str, how: &'static str| {
        let from = format!("{what} \"{shown}\", sent along");
        out.push(Candidate { key, from, how });
    };
    let value = &token.bytes;
    for (at, bytes) in decodings(value).into_iter().enumerate() {
        // Of a key for CBC and a MAC, the latter half is the cipher's (RFC 7518, section 5.2.2.1; Fernet).
        if matches!(bytes.len(), 32 | 48 | 64) {
            push(bytes.get(bytes.len() / 2..).unwrap_or_default().to_vec(), "the latter half of", HALF);
        }
        if bytes.len() >= 5 {
            push(bytes, if at == 0 { "the value of" } else { "the decoded value of" }, SENT);
        }
    }
    let text = value.is_ascii();
    for len in [8, 16, 24, 32] {
        if value.len() > len {
            push(
                value.get(..len).unwrap_or_default().to_vec(),
                "the first bytes of",
                "the start of a value sent along",
            );
        } else if text && value.len() < len && value.len() * 2 >= len {
            let mut padded = value.clone();
            padded.resize(len, 0);
            push(padded, "the zero-padded value of", "a padded value sent along");
        }
    }
    digests(value, &mut push);
    if text && TIME_DIGITS.contains(&value.len()) && value.iter().all(u8::is_ascii_digit) {
        times(value, &mut push);
    }
    out
}

fn digests(value: &[u8], push: &mut impl FnMut(Vec<u8>, &str, &'static str)) {
    const HOW: &str = "a hash of a value sent along";
    let digests = [
        ("the MD5 hash of", Md5::digest(value).to_vec()),
        ("the SHA-1 hash of", Sha1::digest(value).to_vec()),
        ("the SHA-256 hash of", Sha256::digest(value).to_vec()),
    ];
    for (name, digest) in digests {
        let hex = HEXLOWER.encode(&digest).into_bytes();
        for len in [8, 16, 24, 32] {
            if digest.len() >= len {
                push(digest.get(..len).unwrap_or_default().to_vec(), name, HOW);
            }
            push(hex.get(..len).unwrap_or_default().to_vec(), name, HOW);
        }
        // Some take the middle 16 digits.
        push(hex.get(8..24).unwrap_or_default().to_vec(), name, HOW);
    }
}

/// Keys made of a time: its first or last eight digits, as they are, backwards, or masked as in a keyboard app (Citizen
/// Lab, "The not-so-silent type", 2024: `%08u` of (time mod 10^8) XOR 0x1001111); its bytes.
fn times(value: &[u8], push: &mut impl FnMut(Vec<u8>, &str, &'static str)) {
    const HOW: &str = "a key made of a time sent along";
    const WHAT: &str = "made of the time in";
    let Some(time) = std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok()) else { return };
    for time in [time, time / 1000] {
        let low = time % 100_000_000;
        for number in [low ^ 0x100_1111, low] {
            let digits = format!("{number:08}").into_bytes();
            push(digits.get(..8).unwrap_or_default().to_vec(), WHAT, HOW);
        }
        for bytes in [time.to_be_bytes(), time.to_le_bytes()] {
            push(bytes.to_vec(), WHAT, HOW);
        }
        for len in [16, 24, 32] {
            push(format!("{time:0len$}").into_bytes(), WHAT, HOW);
        }
    }
    push(value.iter().rev().take(8).copied().collect(), WHAT, HOW);
}
