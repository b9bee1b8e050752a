//! Lists of places: shops, stops, cars of a city that a server sends to whoever asks.
//!
//! Among thousands of places of a city some lie near any other. So what a server lists tells of the planted place only
//! where it is that place, and no neighbour of it.

use super::globe::{decimal_at, metres};
use super::place::scaled;
use crate::model::field::{Kind, NodeId, Tree};
use crate::model::stream::Direction;
use std::collections::{BTreeMap, BTreeSet};

/// Places from which on a message is a list of them.
const MANY: usize = 20;
/// Metres over which they are spread at least: a trail of one walk around the house is no list.
const SPREAD: f64 = 1_000.0;
/// Degrees around the planted place within which numbers are taken for places.
const REGION: f64 = 2.0;
/// Bytes between the two coordinates of one place.
const APART: usize = 120;
/// Places that are counted.
const MOST: usize = 20_000;

/// How many places a message from a server lists around one, if it is a list of them.
pub(super) fn list(tree: &Tree<'_>, around: (f64, f64)) -> Option<usize> {
    if tree.message.direction != Direction::ToClient {
        return None;
    }
    let mut places = Found { around, places: BTreeSet::new() };
    for buffer in &tree.buffers {
        places.text(&buffer.bytes);
    }
    places.leaves(tree);
    let (lats, lons) = (places.places.iter().map(|place| place.0), places.places.iter().map(|place| place.1));
    let degrees = |e5: Option<i64>| e5.and_then(|e5| i32::try_from(e5).ok()).map(|e5| f64::from(e5) / 1e5);
    let first = (degrees(lats.clone().min())?, degrees(lons.clone().min())?);
    let last = (degrees(lats.max())?, degrees(lons.max())?);
    (places.places.len() >= MANY && metres(first, last) > SPREAD).then_some(places.places.len())
}

/// Places of a message, in hundred-thousandths of a degree.
struct Found {
    around: (f64, f64),
    places: BTreeSet<(i64, i64)>,
}

impl Found {
    fn is_lat(&self, value: f64) -> bool {
        (value - self.around.0).abs() <= REGION
    }

    fn is_lon(&self, value: f64) -> bool {
        // Metres make more degrees of longitude towards the poles.
        (value - self.around.1).abs() <= REGION / self.around.0.to_radians().cos().max(0.05)
    }

    /// A pair in either order.
    fn add(&mut self, one: f64, other: f64) -> bool {
        let pair = if self.is_lat(one) && self.is_lon(other) {
            (one, other)
        } else if self.is_lon(one) && self.is_lat(other) {
            (other, one)
        } else {
            return false;
        };
        if self.places.len() < MOST {
            #[expect(clippy::cast_possible_truncation, reason = "degrees are small")]
            self.places.insert(((pair.0 * 1e5).round() as i64, (pair.1 * 1e5).round() as i64));
        }
        true
    }

    /// Decimal numbers beside each other.
    fn text(&mut self, bytes: &[u8]) {
        let mut last: Option<(f64, usize)> = None;
        for point in memchr::memchr_iter(b'.', bytes) {
            let Some((value, start, end, decimals)) = decimal_at(bytes, point) else { continue };
            if decimals < 3 || !(self.is_lat(value) || self.is_lon(value)) {
                continue;
            }
            last = match last {
                Some((before, to)) if start.saturating_sub(to) <= APART && self.add(before, value) => None,
                _ => Some((value, end)),
            };
        }
    }

    /// Numbers that are fields, record by record.
    fn leaves(&mut self, tree: &Tree<'_>) {
        let mut last: BTreeMap<(Option<NodeId>, &str), f64> = BTreeMap::new();
        for (_, node) in tree.leaves() {
            let mut numbers: Vec<(f64, &str)> = Vec::new();
            match node.kind {
                Kind::Float(value) if !tree.bytes(node).contains(&b'.') => numbers.push((value, "floats")),
                Kind::Integer(value) if value.unsigned_abs() > 100_000 => numbers.extend(scaled(value)),
                _ => {}
            }
            numbers.retain(|(value, _)| self.is_lat(*value) || self.is_lon(*value));
            for (value, notation) in numbers {
                let before = last.insert((node.parent, notation), value);
                if before.is_some_and(|before| self.add(before, value)) {
                    last.remove(&(node.parent, notation));
                }
            }
        }
    }
}
