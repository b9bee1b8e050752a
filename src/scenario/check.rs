//! What single values must be.

use crate::model::scenario::HostRule;
use crate::model::taxonomy::Data;

/// Bytes a planted value must have: shorter ones stand in every capture by chance.
pub const PLANTED_BYTES: usize = 4;

/// Why a planted value cannot be looked for, and what may be meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

fn refuse(message: impl Into<String>, help: Option<String>) -> Result<(), Refusal> {
    Err(Refusal { message: message.into(), help })
}

/// Whether a value of this data can be looked for.
pub fn planted(data: Data, value: &str) -> Result<(), Refusal> {
    match data {
        Data::PhoneNumber | Data::VirtualNumber => phone(value)?,
        Data::PreciseLocation | Data::ApproximateLocation => place(value)?,
        _ => {}
    }
    if value.trim().len() < PLANTED_BYTES {
        return refuse(
            format!("a planted value needs {PLANTED_BYTES} bytes or more"),
            Some("shorter values stand in any traffic by chance; twelve random characters are better".into()),
        );
    }
    Ok(())
}

/// The shape of E.164: `+`, then 7 to 15 digits, the first not 0. Whether anybody has such a number is not asked.
fn phone(value: &str) -> Result<(), Refusal> {
    let shaped = |text: &str| {
        text.strip_prefix('+').is_some_and(|digits| {
            (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
        })
    };
    if shaped(value) {
        return Ok(());
    }
    let bare: String = value.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}')).collect();
    let bare = bare.strip_prefix("00").map_or_else(|| bare.clone(), |rest| format!("+{rest}"));
    let help = if shaped(&bare) {
        format!("write it as \"{bare}\"")
    } else {
        "write `+`, the country code and the number, 7 to 15 digits in all: \"+4915112345678\"".to_owned()
    };
    refuse("a phone number needs the shape of E.164", Some(help))
}

/// Reads `latitude,longitude` in decimal degrees.
fn place(value: &str) -> Result<(), Refusal> {
    let help = || Some("write \"latitude,longitude\" in decimal degrees: \"48.8583701,2.2944813\"".to_owned());
    let degrees = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let Some((latitude, longitude)) = value.split_once(',') else {
        return refuse("a location needs two coordinates", help());
    };
    let (Some(latitude), Some(longitude)) = (degrees(latitude), degrees(longitude)) else {
        return refuse("these coordinates cannot be read", help());
    };
    if latitude.abs() > 90.0 {
        let swapped = longitude.abs() <= 90.0 && latitude.abs() <= 180.0;
        let help = if swapped { Some("latitude comes first: are they swapped?".to_owned()) } else { help() };
        return refuse(format!("latitude {latitude} is off the globe: it runs from -90 to 90"), help);
    }
    if longitude.abs() > 180.0 {
        return refuse(format!("longitude {longitude} is off the globe: it runs from -180 to 180"), help());
    }
    Ok(())
}

/// Reads a host rule, or says what it may have been meant to be.
pub fn host(text: &str) -> Result<HostRule, Refusal> {
    if let Some(rule) = HostRule::parse(text) {
        return Ok(rule);
    }
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let bare = bare.split(['/', '?', '#']).next().unwrap_or_default();
    let bare = bare.rsplit_once(':').map_or(bare, |(host, _)| host);
    let help = match HostRule::parse(bare) {
        Some(_) if bare != text && !is_block(text) => format!("write the host alone: \"{bare}\""),
        _ => "write \"chatterly.example\", \"203.0.113.7\" or \"198.51.100.0/24\"".to_owned(),
    };
    Err(Refusal { message: format!("`{text}` is no domain, address or CIDR block"), help: Some(help) })
}

fn is_block(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, _)| address.parse::<std::net::IpAddr>().is_ok())
}

/// Whether this is a day: `2026-11-02`.
pub fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_values() {
        let fine = [
            (Data::PhoneNumber, "+4915112345678"),
            (Data::PhoneNumber, "+1234567"),
            (Data::VirtualNumber, "+999999999999999"),
            (Data::PreciseLocation, "48.8583701,2.2944813"),
            (Data::PreciseLocation, "-90, -180.0"),
            (Data::ApproximateLocation, "0.5,1e1"),
            (Data::Messages, "døme"),
            (Data::Messages, "The heron lands at dusk"),
        ];
        for (data, value) in fine {
            assert_eq!(planted(data, value), Ok(()), "{data} {value}");
        }
        let broken = [
            (Data::PhoneNumber, "+123456", "E.164"),
            (Data::PhoneNumber, "+1234567890123456", "E.164"),
            (Data::PhoneNumber, "+0123456789", "E.164"),
            (Data::PhoneNumber, "015112345678", "E.164"),
            (Data::PhoneNumber, "", "E.164"),
            (Data::VirtualNumber, "+49 151 12345678", "E.164"),
            (Data::PreciseLocation, "48.8583701", "two coordinates"),
            (Data::PreciseLocation, "north,south", "cannot be read"),
            (Data::PreciseLocation, "NaN,2", "cannot be read"),
            (Data::PreciseLocation, "90.1,2", "latitude"),
            (Data::PreciseLocation, "1,-180.5", "longitude"),
            (Data::PreciseLocation, "1,2,3", "cannot be read"),
            (Data::Messages, "abc", "4 bytes"),
            (Data::Messages, "  a   ", "4 bytes"),
        ];
        for (data, value, want) in broken {
            let refusal = planted(data, value).unwrap_err();
            assert!(refusal.message.contains(want), "{data} {value}: {refusal:?}");
        }
        let help = |data, value| planted(data, value).unwrap_err().help.unwrap();
        assert!(help(Data::PhoneNumber, "+49 (151) 1234-5678").contains("\"+4915112345678\""));
        assert!(help(Data::PhoneNumber, "004915112345678").contains("\"+4915112345678\""));
        assert!(help(Data::PreciseLocation, "120.5,45").contains("swapped"));
    }

    #[test]
    fn hosts() {
        for fine in ["chatterly.example", "203.0.113.7", "198.51.100.0/24", "2001:db8::/32", "localhost", "[::1]"] {
            assert!(host(fine).is_ok(), "{fine}");
        }
        for (broken, help) in [
            ("https://api.chatterly.example/v1", "\"api.chatterly.example\""),
            ("api.chatterly.example:443", "\"api.chatterly.example\""),
            ("198.51.100.0/33", "198.51.100.0/24"),
            ("203.0.113.300", "203.0.113.7"),
            ("a..b", "chatterly.example"),
            ("", "chatterly.example"),
        ] {
            assert!(host(broken).unwrap_err().help.unwrap().contains(help), "{broken}");
        }
    }

    #[test]
    fn days() {
        assert!(is_day("2026-11-02"));
        for broken in ["2026-13-02", "2026-02-30", "02.11.2026", "2026-11-02T10:00", "yesterday", ""] {
            assert!(!is_day(broken), "{broken}");
        }
    }
}
