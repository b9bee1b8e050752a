//! Sentences of satellite receivers (NMEA 0183): places in degrees and minutes.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::{Kind, Reach};
use memchr::memmem::Finder;
use std::ops::Range;
use std::sync::LazyLock;

/// The entry.
pub(super) static NMEA: Decoder = Decoder {
    name: "nmea",
    about: "places in sentences of satellite receivers (NMEA 0183)",
    layer: false,
    codings: &[],
    filter: Filter {
        any: Shape::OTHER,
        none: Shape::NUL.or(Shape::CONTROL),
        min: 24,
        undeclared: Some(&[Shape::OTHER, Shape::COMMA, Shape::DIGIT, Shape::UPPER]),
    },
    fits,
    open,
    samples: &[Sample {
        bytes: b"$GPGGA,123519,4851.50221,N,00217.66889,E,1,08,0.9,545.4,M,46.9,M,,*47",
        hint: "",
        shows: "48.858370,2.294481",
        trail: "nmea gps",
    }],
};

/// Sentences of one text.
const SENTENCES: usize = 4_096;
/// Bytes of a sentence: 82 by the standard, and some to spare.
const LONGEST: usize = 128;

/// The sentences with a place in a text: where each stands, and the place.
fn places(bytes: &[u8]) -> impl Iterator<Item = (Range<usize>, f64, f64)> + '_ {
    static DOLLAR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"$G"));
    DOLLAR.find_iter(bytes).filter_map(|start| {
        let rest = bytes.get(start..bytes.len().min(start.saturating_add(LONGEST)))?;
        let len = rest.iter().position(|byte| matches!(byte, b'*' | b'\r' | b'\n' | b'"')).unwrap_or(rest.len());
        let mut values = rest.get(..len)?.split(|byte| *byte == b',');
        let before = match values.next()?.get(3..)? {
            b"RMC" => 2,
            b"GGA" | b"GNS" => 1,
            b"GLL" => 0,
            _ => return None,
        };
        let mut values = values.skip(before);
        let lat = degrees(values.next()?, values.next()?, 2, 90.0)?;
        let lon = degrees(values.next()?, values.next()?, 3, 180.0)?;
        Some((start..start.saturating_add(len), lat, lon))
    })
}

/// Degrees of so many digits, then minutes, and the side: south and west are below zero.
fn degrees(value: &[u8], side: &[u8], digits: usize, most: f64) -> Option<f64> {
    let sign = match side {
        b"N" | b"E" => 1.0,
        b"S" | b"W" => -1.0,
        _ => return None,
    };
    let number = |text: &[u8]| {
        let digits = text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
        std::str::from_utf8(text).ok().filter(|_| digits)?.parse::<f64>().ok()
    };
    let (whole, minutes) = value.split_at_checked(digits)?;
    let value = number(whole)? + number(minutes).filter(|minutes| *minutes < 60.0)? / 60.0;
    (value <= most).then_some(value * sign)
}

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    let is_own = hint.within.last() == Some(&NMEA.name);
    if !is_own && places(bytes).next().is_some() { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut count = 0_usize;
    for (at, lat, lon) in places(bytes) {
        if count >= SENTENCES || fields.is_full() {
            fields.exhausted("fields");
            break;
        }
        count = count.saturating_add(1);
        let reach = Reach::Within { start: to_u32(at.start), end: to_u32(at.end) };
        fields.decoded(Key::Name("gps"), format!("{lat:.6},{lon:.6}").into_bytes(), reach, None);
    }
    if count == 0 {
        return Err(Malformed::Illegal("NMEA sentence"));
    }
    // The text itself is what it is.
    let view = fields.view(0..bytes.len());
    fields.leaf(Key::Name("text"), view, Kind::Text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::walk_bytes;

    #[test]
    fn sentences_say_where() {
        let cases = [
            ("$GPRMC,081836,A,3751.65,S,14507.36,E,000.0,360.0,130998,011.3,E*62", "-37.860833,145.122667"),
            ("$GNRMC,001031.00,A,4404.13993,N,12118.86023,W,0.146,,100117,,,A*7B", "44.068999,-121.314337"),
            ("D/Gps: [10:00] $GPGLL,4916.45,N,12311.12,W,225444,A,*1D got", "49.274167,-123.185333"),
        ];
        for (text, place) in cases {
            let body = serde_json::json!({ "log": text }).to_string();
            for bytes in [text, &body] {
                walk_bytes(bytes, None, |tree| {
                    assert!(tree.leaves().any(|(_, node)| tree.bytes(node) == place.as_bytes()), "{text}");
                    assert!(tree.leaves().any(|(_, node)| tree.bytes(node) == text.as_bytes()), "{text}");
                });
            }
        }
        for text in [
            "$GPRMC,,V,,,,,,,,,,N*53",
            "$GPGGA,123519,9951.5,N,00217.6,E,1,08,0.9",
            "$GPGSV,3,1,11,03,03,111,00,04,15,270,00",
            "costs $GREAT,4851.5,N,00217.6,E",
        ] {
            assert!(places(text.as_bytes()).next().is_none(), "{text}");
        }
    }
}
