//! Planted places: pairs of coordinates compared by distance, in whatever notation.
//!
//! Chance: two unrelated coordinates lie within 100 m of a place once in 10^10 pairs; a lone number never counts. Raw
//! pairs in bytes that no format explains must lie within some metres, and are met by chance less than once in 10^13
//! places looked at.

use super::engine::{Engine, Needle};
use super::forms::{Edge, Forms};
use super::globe::{Axis, Cell, metres, parse_pair};
use crate::model::scenario::Planted;
use crate::model::taxonomy::Data;

/// Metres within which a place is the planted one.
const PRECISE: f64 = 100.0;
/// Metres within which an approximate place is the planted one.
const APPROXIMATE: f64 = 5_000.0;
/// Degrees within which a number may be a coordinate of a place, rounded or not.
const NEAR: f64 = 0.06;
/// Metres for pairs in bytes that no format explains.
const RAW: f64 = 25.0;

/// One planted place.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) planted: usize,
    pub(super) at: (f64, f64),
    data: Data,
    typed: (String, String),
}

/// All planted places.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) spots: Vec<Spot>,
    /// Whole degrees, without sign, that coordinates of some place may have.
    degrees: Vec<bool>,
    /// First two bytes of coordinates in binary.
    tops: Vec<u8>,
    /// The higher bytes of these.
    highs: Vec<bool>,
    hashes: Vec<Needle>,
    hash_spots: Vec<usize>,
    hash_engine: Option<Engine<4>>,
}

/// How precisely a coordinate was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Written {
    pub(super) value: f64,
    /// Decimals of a decimal number; `None` where the notation is precise anyway.
    pub(super) decimals: Option<u8>,
    /// The notation's name; both coordinates must have the same.
    pub(super) notation: &'static str,
    /// The key it was found under names its axis.
    pub(super) key: Option<Axis>,
}

/// What a pair of coordinates says about a planted place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) data: Data,
    pub(super) form: String,
    pub(super) metres: f64,
    /// It is the planted place itself, as far as it was written, and no neighbour.
    pub(super) exact: bool,
}

/// Metres within which a place in binary is the planted one itself: five decimals, cut off.
const ITSELF: f64 = 1.5;
/// Decimals that name a place and not its neighbours.
const FINE: u8 = 5;

impl Told {
    /// A place that is not written in decimals.
    pub(super) fn new(data: Data, form: impl Into<String>, metres: f64) -> Self {
        Self { data, form: form.into(), metres, exact: metres <= ITSELF }
    }
}

impl Places {
    /// Adds a planted place; `false` if the value is none.
    pub(super) fn add(&mut self, index: usize, planted: &Planted, forms: &mut Forms) -> bool {
        let typed = planted.value.trim();
        let Some(at) = parse_pair(typed) else { return false };
        // More decimals are the same place.
        forms.encodings(typed, Edge::Any);
        super::digest::of(typed.as_bytes(), "the value", forms);
        let (lat, lon) = typed.split_once(',').unwrap_or_default();
        let id = self.spots.len();
        let typed = (lat.trim().to_owned(), lon.trim().to_owned());
        self.spots.push(Spot { planted: index, at, data: planted.data, typed });
        self.degrees.resize(182, false);
        self.tops.resize(1 << 16, 0);
        self.highs.resize(1 << 8, false);
        for value in [at.0, at.1] {
            for near in [value - NEAR, value, value + NEAR] {
                if let Some(degree) = self.degrees.get_mut(whole(near)) {
                    *degree = true;
                }
            }
            let (low, high) = (value - 0.001, value + 0.001);
            self.mark(top64(low), top64(high), 1);
            self.mark(top32(low), top32(high), 2);
            self.mark(top_e7(low), top_e7(high), 4);
        }
        // The cells around, because the app's own fix may lie beyond the edge of the planted place's.
        if let Ok(hash) = geohash::encode(geohash::Coord { x: at.1, y: at.0 }, 7) {
            let around = geohash::neighbors(&hash).ok();
            let cells = around.into_iter().flat_map(|n| [n.n, n.ne, n.e, n.se, n.s, n.sw, n.w, n.nw]).chain([hash]);
            for cell in cells {
                self.hashes.push(Needle { bytes: cell.into_bytes().into(), fold: true });
                self.hash_spots.push(id);
            }
        }
        true
    }

    /// To be called when all were added.
    pub(super) fn compile(&mut self) {
        self.hash_engine = Engine::new(&self.hashes, 7..=7);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spots.is_empty()
    }

    /// Geohashes near the places.
    pub(super) fn geohash_needles(&self) -> &[Needle] {
        &self.hashes
    }

    fn mark(&mut self, low: u16, high: u16, flag: u8) {
        let (low, high) = (low.min(high), low.max(high));
        // Around zero the leading bytes run through everything: such a place is found by its formats only.
        if high - low <= 64 {
            for top in low..=high {
                if let Some(is_high) = self.highs.get_mut(usize::from(top >> 8)) {
                    *is_high = true;
                }
                if let Some(flags) = self.tops.get_mut(usize::from(top)) {
                    *flags |= flag;
                }
            }
        }
    }

    /// Whether a number with this many whole degrees may be a coordinate of some place.
    pub(super) fn may_be(&self, value: f64) -> bool {
        self.degrees.get(whole(value)).copied().unwrap_or(false)
    }

    /// Whether the digits before a decimal point may be the whole degrees of some place's coordinate: told without reading
    /// the number.
    pub(super) fn may_be_before(&self, bytes: &[u8], point: usize) -> bool {
        let before = bytes.get(point.saturating_sub(4)..point).unwrap_or_default();
        let digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let whole =
            before.iter().skip(before.len() - digits).fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
        // Many nines after the point round up.
        self.degrees.get(whole..).is_some_and(|degrees| degrees.iter().take(2).any(|near| *near))
    }

    /// The places and axes that a number may be a coordinate of.
    pub(super) fn near(&self, value: f64) -> impl Iterator<Item = (usize, Axis)> + '_ {
        self.spots.iter().enumerate().flat_map(move |(id, spot)| {
            // Metres make more degrees of longitude towards the poles.
            let wide = (APPROXIMATE / 111_000.0 / spot.at.0.to_radians().cos().max(0.01)).max(NEAR);
            let lat = ((value - spot.at.0).abs() <= NEAR).then_some((id, Axis::Lat));
            let lon = ((value - spot.at.1).abs() <= wide).then_some((id, Axis::Lon));
            lat.into_iter().chain(lon)
        })
    }

    /// What a latitude and a longitude say about a place; `typed` are they as written.
    pub(super) fn judge(&self, id: usize, lat: &Written, lon: &Written, typed: (&[u8], &[u8])) -> Option<Told> {
        let spot = self.spots.get(id)?;
        let far = metres(spot.at, (lat.value, lon.value));
        let keyed = lat.key == Some(Axis::Lat) && lon.key == Some(Axis::Lon);
        let fewest = lat.decimals.unwrap_or(9).min(lon.decimals.unwrap_or(9));
        let as_typed = typed.0 == spot.typed.0.as_bytes() && typed.1 == spot.typed.1.as_bytes();
        // As far as both were written.
        let is_itself = |written: &Written, value: f64, typed: &str| {
            let Some(decimals) = written.decimals else { return far <= ITSELF };
            let planted = typed.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            let both = decimals.min(u8::try_from(planted).unwrap_or(u8::MAX));
            (decimals >= FINE || usize::from(decimals) >= planted) && is_rounded(written.value, value, both)
        };
        let exact = as_typed || is_itself(lat, spot.at.0, &spot.typed.0) && is_itself(lon, spot.at.1, &spot.typed.1);
        let told = |data, form: String| Some(Told { data, form, metres: far, exact });
        if far <= PRECISE && (fewest >= 3 || as_typed || (keyed && fewest >= 1)) {
            let form = match (as_typed, lat.decimals) {
                (true, _) => "as-typed".to_owned(),
                (false, Some(_)) => format!("{fewest} decimals"),
                (false, None) => lat.notation.to_owned(),
            };
            return told(spot.data, form);
        }
        if spot.data == Data::ApproximateLocation {
            let fits = far <= APPROXIMATE && (fewest >= 2 || (keyed && fewest >= 1));
            return if fits { told(spot.data, format!("{fewest} decimals")) } else { None };
        }
        let rounded = |written: &Written, value: f64| is_rounded(written.value, value, written.decimals.unwrap_or(9));
        let enough = fewest >= 2 || (keyed && fewest >= 1);
        (enough && fewest <= 4 && rounded(lat, spot.at.0) && rounded(lon, spot.at.1)).then(|| Told {
            data: Data::ApproximateLocation,
            form: format!("rounded to {fewest} decimals"),
            metres: far,
            exact,
        })
    }

    /// What a cell says about each place: index of the place, and what.
    pub(super) fn cell(&self, cell: Cell) -> impl Iterator<Item = (usize, Data, f64)> + '_ {
        let Cell { corner, sides } = cell;
        let centre = (corner.0 + sides.0 / 2.0, corner.1 + sides.1 / 2.0);
        self.spots.iter().enumerate().filter_map(move |(id, spot)| {
            let far = metres(spot.at, centre);
            let inside = (corner.0..corner.0 + sides.0).contains(&spot.at.0)
                && (corner.1..corner.1 + sides.1).contains(&spot.at.1);
            // A cell of two hundred metres still names the place.
            let small = sides.0 < 0.0019;
            if far <= PRECISE || (inside && small) {
                Some((id, spot.data, far))
            } else {
                inside.then_some((id, Data::ApproximateLocation, far))
            }
        })
    }

    /// Calls `found` with the place and the range of every geohash of seven digits or more near one.
    pub(super) fn geohashes(&self, bytes: &[u8], found: &mut impl FnMut(usize, Data, f64, usize, usize)) {
        let Some(engine) = &self.hash_engine else { return };
        engine.find(&self.hashes, bytes, &mut |needle, start| {
            let more = bytes.get(start..).unwrap_or_default().iter().take(13).take_while(|b| b.is_ascii_alphanumeric());
            let end = start + more.count();
            let beside = start.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
            let Some(text) = bytes.get(start..end).and_then(|text| std::str::from_utf8(text).ok()) else { return };
            if beside || text.len() > 12 {
                return;
            }
            let Some(cell) = geohash_cell(text) else { return };
            let Some(spot) = self.hash_spots.get(needle as usize) else { return };
            if let Some((_, data, far)) = self.cell(cell).find(|(id, ..)| id == spot) {
                found(*spot, data, far, start, end);
            }
        });
    }

    /// Calls `found` with the place, notation and range of every pair of coordinates in bytes that are not text.
    pub(super) fn raw(&self, bytes: &[u8], found: &mut impl FnMut(usize, &'static str, f64, usize, usize)) {
        if self.tops.is_empty() {
            return;
        }
        let is_high = |byte: u8| self.highs.get(usize::from(byte)).copied().unwrap_or(false);
        for (at, window @ [first, second]) in bytes.array_windows::<2>().enumerate() {
            if !is_high(*first) && !is_high(*second) {
                continue;
            }
            let big = self.tops.get(usize::from(u16::from_be_bytes(*window))).copied().unwrap_or(0);
            let little = self.tops.get(usize::from(u16::from_le_bytes(*window))).copied().unwrap_or(0);
            if big | little == 0 {
                continue;
            }
            for (flag, width, name_be, name_le) in [
                (1_u8, 8_usize, "64-bit floats, big-endian", "64-bit floats, little-endian"),
                (2, 4, "32-bit floats, big-endian", "32-bit floats, little-endian"),
                (4, 4, "E7 integers, big-endian", "E7 integers, little-endian"),
            ] {
                let starts = [(big, Some(at), true), (little, (at + 2).checked_sub(width), false)];
                for (flags, start, is_big) in starts {
                    if flags & flag == 0 {
                        continue;
                    }
                    let Some(start) = start else { continue };
                    // The second stands beside the first, or one tag further.
                    for next in [start + width, start + width + 1] {
                        let read = |at: usize| read(bytes, at, width, is_big, flag == 4);
                        let (Some(first), Some(second)) = (read(start), read(next)) else { continue };
                        for pair in [(first, second), (second, first)] {
                            let spot = self.spots.iter().position(|spot| metres(spot.at, pair) <= RAW);
                            if let Some(id) = spot {
                                let name = if is_big { name_be } else { name_le };
                                let far = self.spots.get(id).map_or(0.0, |spot| metres(spot.at, pair));
                                found(id, name, far, start, next + width);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Whether a number is another one rounded or cut off to some decimals.
fn is_rounded(written: f64, value: f64, decimals: u8) -> bool {
    let unit = 10_f64.powi(-i32::from(decimals));
    let cut = value.abs() - written.abs();
    (written - value).abs() <= unit * 0.500_001 || (0.0..unit).contains(&cut)
}

/// Beyond, no reading of a whole number is a coordinate: zigzag halves what ten million make one of 180 degrees.
pub(super) const LARGEST_SCALED: u128 = 4_000_000_000;

/// The readings of a whole number as a coordinate, with their names.
pub(super) fn scaled(value: i128) -> impl Iterator<Item = (f64, &'static str)> {
    #[expect(clippy::cast_precision_loss, reason = "coordinates need fewer digits than a double has")]
    let plain = value as f64;
    #[expect(clippy::cast_precision_loss, reason = "coordinates need fewer digits than a double has")]
    let zigzag = ((value >> 1) ^ -(value & 1)) as f64;
    [
        (plain / 1e7, "E7 integers"),
        (plain / 1e6, "E6 integers"),
        (plain / 1e5, "E5 integers"),
        (zigzag / 1e7, "zigzag E7 integers"),
        (zigzag / 1e6, "zigzag E6 integers"),
    ]
    .into_iter()
}

/// The cell of a geohash.
pub(super) fn geohash_cell(text: &str) -> Option<Cell> {
    let cell = geohash::decode_bbox(&text.to_ascii_lowercase()).ok()?;
    let sides = (cell.max().y - cell.min().y, cell.max().x - cell.min().x);
    Some(Cell { corner: (cell.min().y, cell.min().x), sides })
}

/// A coordinate in binary.
pub(super) fn read(bytes: &[u8], at: usize, width: usize, is_big: bool, is_e7: bool) -> Option<f64> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    let value = if width == 8 {
        let raw: [u8; 8] = bytes.try_into().ok()?;
        if is_big { f64::from_be_bytes(raw) } else { f64::from_le_bytes(raw) }
    } else {
        let raw: [u8; 4] = bytes.try_into().ok()?;
        match (is_e7, is_big) {
            (true, true) => f64::from(i32::from_be_bytes(raw)) / 1e7,
            (true, false) => f64::from(i32::from_le_bytes(raw)) / 1e7,
            (false, true) => f64::from(f32::from_be_bytes(raw)),
            (false, false) => f64::from(f32::from_le_bytes(raw)),
        }
    };
    value.is_finite().then_some(value)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small whole number, not negative")]
fn whole(value: f64) -> usize {
    value.abs().min(1e6) as usize
}

const fn top64(value: f64) -> u16 {
    (value.to_bits() >> 48) as u16
}

#[expect(clippy::cast_possible_truncation, reason = "the two leading bytes of the nearest float are wanted")]
const fn top32(value: f64) -> u16 {
    ((value as f32).to_bits() >> 16) as u16
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the two leading bytes are wanted")]
const fn top_e7(value: f64) -> u16 {
    (((value * 1e7) as i32) as u32 >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_numbers_are_no_coordinates() {
        let largest = LARGEST_SCALED.cast_signed();
        for value in [largest, largest + 1, -largest, -largest - 1, i128::MAX, i128::MIN] {
            assert!(scaled(value).all(|(degrees, _)| degrees.abs() > 182.0), "{value}");
        }
    }
}
