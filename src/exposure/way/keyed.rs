//! Keys of objects: names that a program gave, and values that serve as keys.

use crate::exposure::value::is_email;

/// What a key of an object is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Keyed {
    /// A name that a program gave.
    Name,
    /// A value, as far as what stands under it shows nothing else.
    Maybe,
    Value,
}

/// Tells names of fields from values that serve as keys: `phone` from `+447700900142`, `u1234`, `priya@mail.example`.
pub(super) fn keyed(key: &[u8]) -> Keyed {
    // Nearly all keys end here.
    let (Some(first), Some(last)) = (key.first(), key.last()) else { return Keyed::Name };
    let telling = first.is_ascii_digit() || *first == b'+' || last.is_ascii_digit() || key.len() >= 16;
    if !telling && memchr::memchr(b'@', key).is_none() || key.len() > 64 {
        return Keyed::Name;
    }
    let digits = |bytes: &[u8]| bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let (plus, rest) = key.strip_prefix(b"+").map_or((false, key), |rest| (true, rest));
    let number = rest.len() == digits(rest) && rest.len() <= 20;
    if number && rest.len() >= if plus { 8 } else { 9 } {
        return Keyed::Value;
    }
    let hex = key.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    let dashes = memchr::memchr_iter(b'-', key).count();
    let is_digest = dashes == 0 && hex == key.len() && key.len() >= 16;
    let is_uuid = dashes == 4 && hex == 32 && key.len() == 36;
    if (is_digest || is_uuid) && digits(key) > 0 || std::str::from_utf8(key).is_ok_and(is_email) {
        return Keyed::Value;
    }
    // Who is who in a federation: `@priya:chat.example`.
    if *first == b'@' && memchr::memchr(b':', key).is_some() {
        return Keyed::Value;
    }
    // A few letters and a number.
    let letters = key.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let behind = key.get(letters..).unwrap_or_default();
    let behind =
        behind.strip_prefix(b"_").or(behind.strip_prefix(b"-")).or(behind.strip_prefix(b":")).unwrap_or(behind);
    let numbered = behind.len() >= 3 && behind.len() == digits(behind) && letters <= 12;
    if numbered { Keyed::Maybe } else { Keyed::Name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_values_are_told_from_names() {
        for key in [
            "+447700900142",
            "447700900142",
            "priya.k@mail.example.org",
            "38400000-8cf0-11bd-b23e-10b96e40000d",
            "5f2b1c9de4b0a1b2c3d4e5f6",
            "@priya:chat.example",
        ] {
            assert_eq!(keyed(key.as_bytes()), Keyed::Value, "{key}");
        }
        for key in ["u1234", "user_1001", "1001", "chat:55123", "sha256"] {
            assert_eq!(keyed(key.as_bytes()), Keyed::Maybe, "{key}");
        }
        for key in [
            "phone",
            "line1",
            "address_2",
            "md5",
            "utf8",
            "lat",
            "",
            "+",
            "+1",
            "@timestamp",
            "createdAtMilliseconds",
            "id_of_the_message_2",
            "a_very_long_name_of_a_field_1234x",
            "deadbeefcafedeadbeef",
        ] {
            assert_eq!(keyed(key.as_bytes()), Keyed::Name, "{key}");
        }
    }
}
