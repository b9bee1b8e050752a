//! MongoDB extended JSON (specification, version 2): `{"$oid": …}`, `{"$date": …}` and their like become the plain
//! values that they stand for, so that a field keeps its name. Everything else stays byte for byte.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use memchr::memmem::Finder;
use std::borrow::Cow;
use std::sync::LazyLock;

/// What every wrapped value begins with: built once, for records are many.
static MARK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"$"));

/// Types whose value is a number written in quotes.
const NUMBERS: [&[u8]; 3] = [b"$numberLong", b"$numberInt", b"$numberDouble"];
/// Types whose value is a text.
const TEXTS: [&[u8]; 5] = [b"$oid", b"$date", b"$numberDecimal", b"$uuid", b"$symbol"];

/// The record with plain values.
pub(super) fn plain(record: &[u8]) -> Cow<'_, [u8]> {
    let mut out: Option<Vec<u8>> = None;
    let mut kept = 0_usize;
    for mark in MARK.find_iter(record) {
        if mark < kept {
            continue;
        }
        let before = record.get(kept..mark).unwrap_or_default();
        let opening = before.trim_ascii_end();
        if opening.last() != Some(&b'{') {
            continue;
        }
        let start = kept.saturating_add(opening.len()).saturating_sub(1);
        if let Some((value, len)) = wrapped(record.get(start..).unwrap_or_default()) {
            let out = out.get_or_insert_with(|| Vec::with_capacity(record.len()));
            out.extend_from_slice(record.get(kept..start).unwrap_or_default());
            out.extend_from_slice(value);
            kept = start.saturating_add(len);
        }
    }
    match out {
        None => Cow::Borrowed(record),
        Some(mut out) => {
            out.extend_from_slice(record.get(kept..).unwrap_or_default());
            Cow::Owned(out)
        }
    }
}

/// The plain value of a wrapped one that begins here, as JSON, and the bytes that the wrapped one takes.
fn wrapped(text: &[u8]) -> Option<(&[u8], usize)> {
    let rest = text.strip_prefix(b"{")?.trim_ascii_start();
    let (name, rest) = string(rest)?;
    let name = name.get(1..name.len().checked_sub(1)?)?;
    let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let (value, rest) = if NUMBERS.contains(&name) {
        let (quoted, rest) = string(rest)?;
        let number = quoted.get(1..quoted.len().checked_sub(1)?)?;
        let plain = serde_json::from_slice::<serde_json::Number>(number).is_ok();
        (if plain { number } else { quoted }, rest)
    } else if TEXTS.contains(&name) {
        match rest.first()? {
            // Dates before 1970 and in canonical form are numbers of milliseconds.
            b'{' => {
                let (value, len) = wrapped(rest)?;
                (value, rest.get(len..)?)
            }
            b'"' => string(rest)?,
            _ => {
                let len = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
                (rest.get(..len).filter(|digits| !digits.is_empty())?, rest.get(len..)?)
            }
        }
    } else if name == b"$binary" {
        binary(rest)?
    } else {
        return None;
    };
    let rest = rest.trim_ascii_start().strip_prefix(b"}")?;
    Some((value, text.len().saturating_sub(rest.len())))
}

/// The base64 text of `{"base64": …, "subType": …}`.
fn binary(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let close = memchr::memchr(b'}', text)?;
    let (inside, rest) = (text.get(..close)?, text.get(close.saturating_add(1)..)?);
    let key = memchr::memmem::find(inside, b"\"base64\"")?;
    let after = inside.get(key.saturating_add(8)..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    Some((string(after)?.0, rest))
}

/// The string that begins here, with its quotes, and what follows.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1_usize;
    loop {
        let found = memchr::memchr2(b'"', b'\\', text.get(at..)?)?.saturating_add(at);
        if text.get(found) == Some(&b'"') {
            return text.split_at_checked(found.saturating_add(1));
        }
        at = found.saturating_add(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_values_become_plain_and_the_rest_stays() {
        for (text, want) in [
            (r#"{"_id":{"$oid":"507f1f77bcf86cd799439011"},"a":1}"#, r#"{"_id":"507f1f77bcf86cd799439011","a":1}"#),
            (r#"{"t":{ "$date" : "2026-11-02T09:00:00Z" }}"#, r#"{"t":"2026-11-02T09:00:00Z"}"#),
            (r#"{"t":{"$date":{"$numberLong":"1793610000000"}}}"#, r#"{"t":1793610000000}"#),
            (r#"{"n":{"$numberLong":"447700900142"},"d":{"$numberDouble":"NaN"}}"#, r#"{"n":447700900142,"d":"NaN"}"#),
            (r#"{"b":{"$binary":{"base64":"aGVyb24=","subType":"00"}}}"#, r#"{"b":"aGVyb24="}"#),
            (r#"[{"$numberInt":"5"},{"$numberInt":"6"}]"#, "[5,6]"),
        ] {
            assert_eq!(String::from_utf8_lossy(&plain(text.as_bytes())), want, "{text}");
        }
        for text in [
            r#"{"q":{"$gt":5},"s":"{\"$oid\":\"x\"}"}"#,
            r#"{"$oid":"abc"#,
            r#"{"a":{"$oid":"x","more":1}}"#,
            r#"{"price":"$5","$set":{"a":1}}"#,
        ] {
            assert_eq!(plain(text.as_bytes()), text.as_bytes(), "{text}");
        }
    }
}
