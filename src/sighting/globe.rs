//! Coordinates and the ways to write them: distances, keys, degrees with minutes, plus codes.

/// Latitude or longitude.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Axis {
    /// North and south.
    Lat,
    /// East and west.
    Lon,
}

/// Metres between two places, on a sphere (half a percent off at most).
pub(super) fn metres(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat_a, lat_b) = (a.0.to_radians(), b.0.to_radians());
    let (half_lat, half_lon) = ((lat_b - lat_a) / 2.0, (b.1 - a.1).to_radians() / 2.0);
    let h = half_lat.sin().powi(2) + lat_a.cos() * lat_b.cos() * half_lon.sin().powi(2);
    2.0 * 6_371_008.8 * h.sqrt().min(1.0).asin()
}

/// `latitude,longitude` on the globe.
pub(super) fn parse_pair(text: &str) -> Option<(f64, f64)> {
    let (lat, lon) = text.split_once(',')?;
    let (lat, lon): (f64, f64) = (lat.trim().parse().ok()?, lon.trim().parse().ok()?);
    (lat.abs() <= 90.0 && lon.abs() <= 180.0).then_some((lat, lon))
}

/// Which axis a key names: `lat`, `geo_lng`, `homeLatitude`; not `flat` or `along`.
pub(super) fn axis_of(key: &[u8]) -> Option<Axis> {
    for (name, axis) in [
        ("latitude", Axis::Lat),
        ("lat", Axis::Lat),
        ("longitude", Axis::Lon),
        ("long", Axis::Lon),
        ("lng", Axis::Lon),
        ("lon", Axis::Lon),
    ] {
        let Some((head, tail)) = key.len().checked_sub(name.len()).and_then(|at| key.split_at_checked(at)) else {
            continue;
        };
        if tail.eq_ignore_ascii_case(name.as_bytes()) {
            let starts_word = tail.first().is_some_and(u8::is_ascii_uppercase);
            let apart = head.last().is_none_or(|byte| !byte.is_ascii_alphabetic());
            return (apart || starts_word).then_some(axis);
        }
    }
    None
}

/// The key that stands before a value: `"lat":`, `lat=`, `lat: `, `<lat>`.
pub(super) fn key_before(bytes: &[u8], start: usize) -> &[u8] {
    let before = bytes.get(start.saturating_sub(48)..start).unwrap_or_default();
    let between = |byte: &u8| matches!(byte, b'"' | b'\'' | b'=' | b':' | b' ' | b'>' | b'\\' | b'[' | b'(');
    let Some(last) = before.iter().rposition(|byte| !between(byte)) else { return &[] };
    let head = before.get(..=last).unwrap_or_default();
    let first = head
        .iter()
        .rposition(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$')))
        .map_or(0, |at| at + 1);
    if last + 1 == before.len() { &[] } else { head.get(first..).unwrap_or_default() }
}

/// A decimal number around the point at `point`: value, range, decimals.
pub(super) fn decimal_at(bytes: &[u8], point: usize) -> Option<(f64, usize, usize, u8)> {
    let whole =
        bytes.get(point.saturating_sub(4)..point)?.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let decimals = bytes.get(point + 1..)?.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=3).contains(&whole) || decimals == 0 || decimals == 20 {
        return None;
    }
    let (mut start, mut end) = (point - whole, point + 1 + decimals);
    let at = |at: Option<usize>| at.and_then(|at| bytes.get(at)).copied();
    let digits = std::str::from_utf8(bytes.get(start..end)?).ok()?;
    let mut value: f64 = digits.parse().ok()?;
    // A version, an address and a date have more points.
    if at(start.checked_sub(1)) == Some(b'.') || (at(Some(end)) == Some(b'.') && at(Some(end + 1))?.is_ascii_digit()) {
        return None;
    }
    if at(start.checked_sub(1)) == Some(b'-') {
        start -= 1;
        value = -value;
    }
    let tail = bytes.get(end..)?;
    let tail = tail.strip_prefix("°".as_bytes()).unwrap_or(tail);
    let tail = tail.strip_prefix(b" ").unwrap_or(tail);
    if let Some((letter, rest)) = tail.split_first()
        && !rest.first().is_some_and(u8::is_ascii_alphanumeric)
        && value > 0.0
        && matches!(letter, b'S' | b'W' | b'N' | b'E')
    {
        end = bytes.len() - rest.len();
        if matches!(letter, b'S' | b'W') {
            value = -value;
        }
    }
    Some((value, start, end, u8::try_from(decimals).unwrap_or(u8::MAX)))
}

/// Degrees, minutes and seconds around the degree sign at `sign`: value and range. The letter is required.
pub(super) fn sexagesimal_at(bytes: &[u8], sign: usize) -> Option<(f64, usize, usize)> {
    let whole = bytes.get(sign.saturating_sub(3)..sign)?.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let start = sign.checked_sub(whole).filter(|start| *start < sign)?;
    let degrees: f64 = std::str::from_utf8(bytes.get(start..sign)?).ok()?.parse().ok()?;
    let mut rest = bytes.get(sign + "°".len()..)?;
    let mut value = degrees;
    for (unit, marks) in [(60.0, &["'", "′", "’"][..]), (3600.0, &["\"", "″", "''", "”", "\\\""][..])] {
        rest = rest.trim_ascii_start();
        let digits = rest.iter().take(12).take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        let (number, after) = rest.split_at_checked(digits)?;
        if digits == 0 {
            continue;
        }
        let number: f64 = std::str::from_utf8(number).ok()?.parse().ok()?;
        rest = marks.iter().find_map(|mark| after.strip_prefix(mark.as_bytes()))?;
        value += number / unit;
    }
    rest = rest.trim_ascii_start();
    let (letter, rest) = rest.split_first()?;
    let sign = match letter {
        b'N' | b'E' => 1.0,
        b'S' | b'W' => -1.0,
        _ => return None,
    };
    Some((value * sign, start, bytes.len() - rest.len()))
}

const PLUS: &[u8; 20] = b"23456789CFGHJMPQRVWX";

/// A rectangle of coordinates: its south-west corner and its sides, in degrees of latitude and longitude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    /// South-west corner.
    pub(super) corner: (f64, f64),
    /// Height and width.
    pub(super) sides: (f64, f64),
}

/// The plus code (Open Location Code) around the `+` at `plus`: its cell and its range.
pub(super) fn plus_code_at(bytes: &[u8], plus: usize) -> Option<(Cell, usize, usize)> {
    let digit =
        |byte: u8| PLUS.iter().position(|p| *p == byte.to_ascii_uppercase()).and_then(|at| u32::try_from(at).ok());
    let start = plus.checked_sub(8)?;
    let after = bytes.get(plus + 1..)?.iter().take(4).take_while(|byte| digit(**byte).is_some()).count();
    let end = plus + 1 + after;
    let beside = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    if after == 1 || after > 3 || beside(start.checked_sub(1)) || beside(Some(end)) {
        return None;
    }
    let digits: Vec<u32> = bytes
        .get(start..plus)?
        .iter()
        .chain(bytes.get(plus + 1..end)?)
        .map(|byte| digit(*byte))
        .collect::<Option<_>>()?;
    let (mut lat, mut lon, mut side) = (-90.0, -180.0, 400.0);
    for pair in digits.get(..digits.len().min(10))?.as_chunks::<2>().0 {
        side /= 20.0;
        lat += f64::from(pair[0]) * side;
        lon += f64::from(pair[1]) * side;
    }
    let mut sides = (side, side);
    if let Some(last) = digits.get(10) {
        sides = (side / 5.0, side / 4.0);
        lat += f64::from(last / 4) * sides.0;
        lon += f64::from(last % 4) * sides.1;
    }
    Some((Cell { corner: (lat, lon), sides }, start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_maps() {
        // Paris to London, city centres.
        let far = metres((48.8566, 2.3522), (51.5074, -0.1278));
        assert!((343_000.0..344_500.0).contains(&far), "{far}");
        assert!(metres((48.0, 2.0), (48.0, 2.0)) < 1e-6);
    }

    #[test]
    fn keys_name_an_axis_at_a_word_only() {
        for (key, want) in [
            ("lat", Some(Axis::Lat)),
            ("geo_lng", Some(Axis::Lon)),
            ("homeLatitude", Some(Axis::Lat)),
            ("x-long", Some(Axis::Lon)),
            ("flat", None),
            ("along", None),
            ("latency", None),
        ] {
            assert_eq!(axis_of(key.as_bytes()), want, "{key}");
        }
        assert_eq!(key_before(br#"{"a":1,"geoLat":"#, 16), b"geoLat");
        assert_eq!(key_before(b"x=1&lon=", 8), b"lon");
        assert_eq!(key_before(b"abc", 3), b"");
    }

    #[test]
    fn degrees_are_read_as_written() {
        let text = "48°51'30.13\"N";
        let (value, start, end) = sexagesimal_at(text.as_bytes(), 2).unwrap();
        assert!((value - 48.858_369).abs() < 1e-5 && start == 0 && end == text.len(), "{value}");
        let text = "2° 17′ 40″ W";
        let (value, ..) = sexagesimal_at(text.as_bytes(), 1).unwrap();
        assert!((value + 2.294_444).abs() < 1e-5, "{value}");
        assert_eq!(decimal_at(b"1.2.3", 1), None);
        assert_eq!(decimal_at(b"a -48.85 b", 5), Some((-48.85, 2, 8, 2)));
        assert_eq!(decimal_at(b"48.85S", 2), Some((-48.85, 0, 6, 2)));
    }

    #[test]
    fn plus_codes_are_cells() {
        // The published example of the specification: Google's office in Zurich.
        let (cell, start, end) = plus_code_at(b"at 8FVC9G8F+6X.", 11).unwrap();
        let ((lat, lon), (height, width)) = (cell.corner, cell.sides);
        assert!((lat - 47.365_5).abs() < 1e-6 && (lon - 8.524_875).abs() < 1e-6, "{lat} {lon}");
        assert!((height - 0.000_125).abs() < 1e-9 && (width - 0.000_125).abs() < 1e-9);
        assert_eq!((start, end), (3, 14));
    }
}
