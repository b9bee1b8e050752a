//! Coordinates under keys that say so.

use crate::model::field::Tree;
use crate::model::taxonomy::Data;
use crate::sighting::globe::{Axis, axis_of, decimal_at, key_before};
use crate::sighting::rule::hit;
use crate::sighting::{Card, Cx, Detector, Example, Hit};

/// Bytes between a latitude and its longitude.
const APART: usize = 120;

/// The detector.
pub(super) struct PreciseLocations;

static CARD: Card = Card {
    id: "precise-location",
    title: "Precise location",
    why: "Coordinates with three decimals or more tell the house a person lives in.",
    hits: &[
        Example { body: b"{\"lat\":51.50735,\"lng\":-0.12776}", planted: &[] },
        Example { body: b"latitude=51.5073&longitude=-0.1277", planted: &[] },
        Example { body: b"{\"lon\":\"-0.1277\",\"lat\":\"51.507\"}", planted: &[] },
    ],
    misses: &[
        Example { body: b"{\"lat\":51.5,\"lng\":-0.1}", planted: &[] },
        Example { body: b"{\"lat\":51.50735}", planted: &[] },
        Example { body: b"{\"latency\":51.50735,\"along\":0.12776}", planted: &[] },
        Example { body: b"{\"lat\":151.50735,\"lng\":0.12776}", planted: &[] },
        Example { body: b"{\"lat\":0.0000,\"lng\":0.0000}", planted: &[] },
        Example { body: b"51.50735, -0.12776", planted: &[] },
    ],
};

impl Detector for PreciseLocations {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn rule(&self) -> Option<Data> {
        Some(Data::PreciseLocation)
    }

    fn on_message(&self, tree: &Tree<'_>, _: &Cx<'_>, out: &mut Vec<Hit>) {
        for (id, buffer) in (0..).zip(&tree.buffers) {
            let bytes = &buffer.bytes;
            let mut last: Option<(Axis, f64, usize, usize)> = None;
            for point in memchr::memchr_iter(b'.', bytes) {
                let decimals = bytes.get(point + 1..point + 4).is_some_and(|next| next.iter().all(u8::is_ascii_digit));
                if !decimals {
                    continue;
                }
                let Some((value, start, end, _)) = decimal_at(bytes, point) else { continue };
                let Some(axis) = axis_of(key_before(bytes, start)) else { continue };
                let limit = if axis == Axis::Lat { 90.0 } else { 180.0 };
                if value.abs() > limit {
                    continue;
                }
                if let Some((other, first, from, to)) = last.take()
                    && other != axis
                    && start.saturating_sub(to) <= APART
                {
                    if first != 0.0 || value != 0.0 {
                        let reason = "Precise coordinates that were not planted were readable";
                        out.push(hit(CARD.id, Data::PreciseLocation, "coordinates", id, (from, end), reason));
                    }
                    continue;
                }
                last = Some((axis, value, start, end));
            }
        }
    }
}
