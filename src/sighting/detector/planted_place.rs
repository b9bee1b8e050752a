//! Planted places, in any notation, by distance.

use crate::model::field::{BufferId, Kind, Node, NodeId, Tree};
use crate::model::shape::Shape;
use crate::model::sighting::Strength;
use crate::model::taxonomy::Data;
use crate::sighting::coded::Coded;
use crate::sighting::folded::fold;
use crate::sighting::globe::{Axis, axis_of, decimal_at, key_before, plus_code_at, sexagesimal_at};
use crate::sighting::listed;
use crate::sighting::place::{LARGEST_SCALED, Places, Told, Written, geohash_cell, read, scaled};
use crate::sighting::text::is_plain;
use crate::sighting::{Card, Cx, Detector, Example, Hit};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Bytes between the two coordinates of one place in text.
const APART: usize = 120;
/// Coordinates of one message that are compared with each other.
const MANY: usize = 20_000;

/// The detector.
pub(super) struct PlantedPlaces;

static CARD: Card = Card {
    id: "planted-place",
    title: "Planted place",
    why: "The auditor's device was at this place: whoever holds these coordinates knows where its user was.",
    hits: &[
        Example {
            body: b"{\"lat\":48.85837,\"lng\":2.29448}",
            planted: &[("precise-location", "48.8583701,2.2944813")],
        },
        Example {
            body: b"{\"coordinates\":[2.2945,48.8584]}",
            planted: &[("precise-location", "48.8583701,2.2944813")],
        },
        Example { body: b"geo:48.858370,2.294481;u=35", planted: &[("precise-location", "48.8583701,2.2944813")] },
        Example { body: b"{\"la\":48.86,\"lo\":2.29}", planted: &[("precise-location", "48.8583701,2.2944813")] },
        Example { body: b"gh=u09tunquc&x=1", planted: &[("precise-location", "48.8583701,2.2944813")] },
        Example {
            body: "48°51'30.13\"N 2°17'40.13\"E".as_bytes(),
            planted: &[("precise-location", "48.8583701,2.2944813")],
        },
        Example { body: b"48,8583701\n2,2944813", planted: &[("precise-location", "48.8583701,2.2944813")] },
        Example {
            body: "\u{664}\u{668}\u{66b}\u{668}\u{665}\u{668}\u{664}\n\u{662}\u{66b}\u{662}\u{669}\u{664}\u{665}"
                .as_bytes(),
            planted: &[("precise-location", "48.8583701,2.2944813")],
        },
        Example { body: b"near 8FW4V75V+8Q", planted: &[("precise-location", "48.8583701,2.2944813")] },
        Example {
            body: b"\x00\x0c\x20\x7c\x28\xdf\x6d\x48\x40\x64\xd7\x07\xa3\x1a\x5b\x02\x40",
            planted: &[("precise-location", "48.8583701,2.2944813")],
        },
        Example { body: b"+W5DQsjYEkA=", planted: &[("precise-location", "48.8583701,2.2944813")] },
        Example { body: b"15321f1d2d1c5e01", planted: &[("precise-location", "48.8583701,2.2944813")] },
    ],
    misses: &[
        Example { body: b"{\"price\":48.87001}", planted: &[("precise-location", "48.8583701,2.2944813")] },
        Example {
            body: b"{\"lat\":48.85837,\"lng\":3.29448}",
            planted: &[("precise-location", "48.8583701,2.2944813")],
        },
        Example { body: b"48,858\n2,294", planted: &[("precise-location", "48.8583701,2.2944813")] },
        Example { body: b"[48.9,2.3]", planted: &[("precise-location", "48.8583701,2.2944813")] },
        Example { body: b"gh=u09tuabc&x=1", planted: &[("precise-location", "48.8583701,2.2944813")] },
        Example { body: b"v48.85.2 2.29.1", planted: &[("precise-location", "48.8583701,2.2944813")] },
    ],
};

impl Detector for PlantedPlaces {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn on_message(&self, tree: &Tree<'_>, cx: &Cx<'_>, out: &mut Vec<Hit>) {
        let places = &cx.matcher.places;
        if places.is_empty() {
            return;
        }
        let mut look = Look { tree, cx, places, seen: Vec::new(), listed: RefCell::default() };
        for (id, buffer) in (0..).zip(&tree.buffers) {
            look.buffer(id, &buffer.bytes, out);
        }
        for coded in &*cx.coded(tree) {
            look.coded(coded, out);
        }
        for (id, node) in (0..).zip(&tree.nodes) {
            if node.leaf {
                look.leaf(id, node, out);
            }
        }
        look.pairs(out);
    }
}

/// Whether a field may hold what [`local_decimal`] reads: in ASCII, digits and a comma.
const fn is_local(node: &Node, len: usize) -> bool {
    let shape = node.shape;
    matches!(node.kind, Kind::Bytes | Kind::Text)
        && len >= 6
        && len <= LONGEST_LOCAL
        && (shape.meets(Shape::HIGH) || (shape.meets(Shape::COMMA) && shape.meets(Shape::DIGIT)))
}

/// A number as the phone's language writes it, with a comma or in other digits: programs that format coordinates for
/// people send them so. Four decimals at least, as a comma may also stand between thousands.
fn local_decimal(bytes: &[u8]) -> Option<(f64, u8)> {
    let begins = bytes.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-' || !byte.is_ascii());
    if !begins || bytes.is_ascii() && memchr::memchr(b',', bytes).is_none() {
        return None;
    }
    let text = fold(std::str::from_utf8(bytes).ok()?);
    let (whole, decimals) = text.split_once([',', '.'])?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole.strip_prefix('-').unwrap_or(whole)) || !digits(decimals) || decimals.len() < 4 {
        return None;
    }
    Some((format!("{whole}.{decimals}").parse().ok()?, u8::try_from(decimals.len()).ok()?))
}

/// A whole number of twelve characters at most, in decimal digits.
fn whole_number(bytes: &[u8]) -> Option<i128> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    if digits.is_empty() || bytes.len() > 12 {
        return None;
    }
    let add = |sum: i64, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'));
    let value = i128::from(digits.iter().try_fold(0, add)?);
    Some(if digits.len() < bytes.len() { -value } else { value })
}

/// Bytes of a number in digits of up to three bytes each.
const LONGEST_LOCAL: usize = 60;

/// A number that may be one coordinate of a place.
#[derive(Debug)]
struct Seen {
    spot: usize,
    axis: Axis,
    buffer: BufferId,
    start: usize,
    end: usize,
    written: Written,
    parent: Option<NodeId>,
}

struct Look<'a, 't> {
    tree: &'a Tree<'t>,
    cx: &'a Cx<'a>,
    places: &'a Places,
    seen: Vec<Seen>,
    /// How many places the message lists around each planted one, once that was asked.
    listed: RefCell<BTreeMap<usize, Option<usize>>>,
}

impl Look<'_, '_> {
    fn buffer(&mut self, id: BufferId, bytes: &[u8], out: &mut Vec<Hit>) {
        for at in memchr::memchr2_iter(b'.', b'+', bytes) {
            if bytes.get(at) == Some(&b'.') {
                self.decimal(id, bytes, at);
                continue;
            }
            // A letter or digit of the code stands before it.
            let code =
                at.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(|byte| (b'2'..=b'x').contains(byte));
            let found = if code { plus_code_at(bytes, at) } else { None };
            let Some((cell, start, end)) = found else { continue };
            for (spot, data, metres) in self.places.cell(cell) {
                let told = Told::new(data, "plus code", metres);
                out.extend(self.hit(spot, told, id, (start, end)));
            }
        }
        // The degree sign is two bytes in UTF-8.
        let high = if self.cx.may_hold_high(id) { bytes } else { &[][..] };
        for sign in memchr::memchr_iter(0xc2, high) {
            if bytes.get(sign + 1) != Some(&0xb0) {
                continue;
            }
            if let Some((value, start, end)) = sexagesimal_at(bytes, sign) {
                let notation = "degrees, minutes and seconds";
                let written = Written { value, decimals: None, notation, key: None };
                self.note(id, bytes, start, end, written, None);
            }
        }
        let hashes = if self.cx.may_hold_words(id) { bytes } else { &[][..] };
        self.places.geohashes(hashes, &mut |spot, data, metres, start, end| {
            let told = Told::new(data, "geohash", metres);
            out.extend(self.hit(spot, told, id, (start, end)));
        });
        if !self.cx.is_plain(id, bytes) {
            self.places.raw(bytes, &mut |spot, notation, metres, start, end| {
                let Some(planted) = self.planted(spot) else { return };
                let told = Told::new(planted.data, notation, metres);
                out.extend(self.hit(spot, told, id, (start, end)));
            });
        }
    }

    /// The decimal number around a point.
    fn decimal(&mut self, id: BufferId, bytes: &[u8], point: usize) {
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        if !digit(point.checked_sub(1)) || !digit(Some(point + 1)) || !self.places.may_be_before(bytes, point) {
            return;
        }
        if let Some((value, start, end, decimals)) = decimal_at(bytes, point)
            && self.places.may_be(value)
        {
            let written = Written { value, decimals: Some(decimals), notation: "decimal", key: None };
            self.note(id, bytes, start, end, written, None);
        }
    }

    fn leaf(&mut self, id: NodeId, node: &Node, out: &mut Vec<Hit>) {
        let (start, end) = (node.start as usize, node.end as usize);
        let len = end - start;
        let is_local = is_local(node, len);
        // A field that is longer holds no number, and is searched where its buffer is.
        let is_long = len > 12 && matches!(node.kind, Kind::Bytes | Kind::Text | Kind::Simple | Kind::Container);
        if is_long && !is_local {
            return;
        }
        let bytes = self.tree.bytes(node);
        if is_local
            && let Some((value, decimals)) = local_decimal(bytes)
            && self.places.may_be(value)
        {
            let written = Written { value, decimals: Some(decimals), notation: "decimal", key: None };
            self.note(node.buffer, &[], start, end, written, Some(id));
            return;
        }
        if is_long {
            return;
        }
        match node.kind {
            Kind::Integer(value) => self.whole(id, node, value),
            Kind::Float(value) if !bytes.contains(&b'.') => self.read(id, node, value, "floats"),
            Kind::Float(value) if value.fract() == 0.0 && value.abs() < 4e9 && !bytes.ends_with(b".0") => {
                #[expect(clippy::cast_possible_truncation, reason = "a whole number within bounds")]
                self.whole(id, node, value as i128);
            }
            Kind::Bytes | Kind::Text => {
                if node.shape.meets(Shape::DIGIT)
                    && let Some(value) = whole_number(bytes)
                {
                    self.whole(id, node, value);
                }
                if matches!(len, 5 | 6) {
                    self.short_geohash(id, node, out);
                }
            }
            Kind::Float(_) | Kind::Simple | Kind::Container => {}
        }
        if matches!(len, 4 | 8) && node.shape.meets(Shape::BINARY) && !is_plain(bytes) {
            for (big, notation) in [(true, "big-endian floats"), (false, "little-endian floats")] {
                if let Some(value) = read(bytes, 0, bytes.len(), big, false) {
                    self.read(id, node, value, notation);
                }
            }
        }
    }

    /// A pair of coordinates in binary in what a short field decodes to.
    fn coded(&self, coded: &Coded, out: &mut Vec<Hit>) {
        let Some(node) = self.tree.node(coded.node) else { return };
        let range = (node.start as usize, node.end as usize);
        self.places.raw(coded.bytes(), &mut |spot, notation, metres, _, _| {
            let Some(planted) = self.planted(spot) else { return };
            let told = Told::new(planted.data, format!("{} of {notation}", coded.coding), metres);
            out.extend(self.hit(spot, told, node.buffer, range).map(|hit| Hit { node: Some(coded.node), ..hit }));
        });
    }

    /// A whole number, in all readings.
    fn whole(&mut self, id: NodeId, node: &Node, value: i128) {
        if value.unsigned_abs() < LARGEST_SCALED {
            for (value, notation) in scaled(value) {
                self.read(id, node, value, notation);
            }
        }
    }

    /// A number that is all of a field.
    fn read(&mut self, id: NodeId, node: &Node, value: f64, notation: &'static str) {
        if self.places.may_be(value) {
            let written = Written { value, decimals: None, notation, key: None };
            self.note(node.buffer, &[], node.start as usize, node.end as usize, written, Some(id));
        }
    }

    /// Five or six digits are a place only where the field says so.
    fn short_geohash(&self, id: NodeId, node: &Node, out: &mut Vec<Hit>) {
        if !self.tree.bytes(node).iter().all(u8::is_ascii_alphanumeric) {
            return;
        }
        let says_so = self.tree.name(id).is_some_and(|name| {
            let name = name.to_ascii_lowercase();
            ["geohash", "geo", "gh", "location", "loc", "place", "cell"].iter().any(|key| name.ends_with(key))
        });
        if !says_so {
            return;
        }
        let cell = std::str::from_utf8(self.tree.bytes(node)).ok().and_then(geohash_cell);
        for (spot, data, metres) in cell.into_iter().flat_map(|cell| self.places.cell(cell)) {
            let told = Told::new(data, "geohash", metres);
            out.extend(self.hit(spot, told, node.buffer, (node.start as usize, node.end as usize)));
        }
    }

    fn note(
        &mut self,
        buffer: BufferId,
        bytes: &[u8],
        start: usize,
        end: usize,
        mut written: Written,
        node: Option<NodeId>,
    ) {
        let mut near = self.places.near(written.value).peekable();
        if near.peek().is_none() || self.seen.len() >= MANY {
            return;
        }
        let leaf = node.or_else(|| self.tree.innermost(buffer, start, end));
        written.key = axis_of(key_before(bytes, start))
            .or_else(|| leaf.and_then(|leaf| self.tree.name(leaf)).and_then(|name| axis_of(name.as_bytes())));
        let parent = leaf.and_then(|leaf| self.tree.node(leaf)).and_then(|leaf| leaf.parent);
        for (spot, axis) in near {
            self.seen.push(Seen { spot, axis, buffer, start, end, written, parent });
        }
    }

    /// Joins latitudes with the longitudes they belong to.
    fn pairs(&self, out: &mut Vec<Hit>) {
        if self.seen.is_empty() {
            return;
        }
        let of = |axis| {
            let mut seen: Vec<&Seen> = self.seen.iter().filter(|seen| seen.axis == axis).collect();
            seen.sort_by_key(|seen| (seen.spot, seen.buffer, seen.start));
            seen
        };
        let (lats, lons) = (of(Axis::Lat), of(Axis::Lon));
        for lat in lats {
            let near = |lon: &&&Seen| {
                // One number is not both: places on the line where the two are equal.
                let itself = (lon.buffer, lon.start) == (lat.buffer, lat.start);
                lon.written.notation == lat.written.notation && !itself
            };
            let from =
                lons.partition_point(|lon| (lon.spot, lon.buffer, lon.end + APART) < (lat.spot, lat.buffer, lat.start));
            let beside = lons
                .get(from..)
                .unwrap_or_default()
                .iter()
                .take_while(|lon| (lon.spot, lon.buffer) == (lat.spot, lat.buffer) && lon.start <= lat.end + APART)
                .filter(near)
                .min_by_key(|lon| (lon.start.abs_diff(lat.end)).min(lat.start.abs_diff(lon.end)));
            let same_place = lons.partition_point(|lon| lon.spot < lat.spot);
            let others = || {
                lons.get(same_place..).unwrap_or_default().iter().take_while(|lon| lon.spot == lat.spot).filter(near)
            };
            let keyed = |lon: &Seen| lat.written.key == Some(Axis::Lat) && lon.written.key == Some(Axis::Lon);
            let lon = beside
                .or_else(|| others().take(1_000).find(|lon| lat.parent.is_some() && lon.parent == lat.parent))
                .or_else(|| others().take(1_000).find(|lon| keyed(lon)));
            let Some(lon) = lon else { continue };
            let text = |seen: &Seen| {
                let buffer = self.tree.buffers.get(seen.buffer as usize);
                buffer.and_then(|buffer| buffer.bytes.get(seen.start..seen.end)).unwrap_or_default()
            };
            let Some(told) = self.places.judge(lat.spot, &lat.written, &lon.written, (text(lat), text(lon))) else {
                continue;
            };
            let range = if lat.buffer == lon.buffer {
                (lat.start.min(lon.start), lat.end.max(lon.end))
            } else {
                (lat.start, lat.end)
            };
            out.extend(self.hit(lat.spot, told, lat.buffer, range));
        }
    }

    fn planted(&self, spot: usize) -> Option<&crate::model::scenario::Planted> {
        self.cx.planted.get(self.places.spots.get(spot)?.planted)
    }

    fn hit(&self, spot: usize, told: Told, buffer: BufferId, (start, end): (usize, usize)) -> Option<Hit> {
        let place = self.places.spots.get(spot)?;
        let planted = self.planted(spot)?;
        let about = if told.data == planted.data { planted.data.label() } else { Data::ApproximateLocation.label() };
        // One of a city's shops lies near every place: in a server's list only the place itself tells that it is known.
        let list = || *self.listed.borrow_mut().entry(spot).or_insert_with(|| listed::list(self.tree, place.at));
        let listed = if told.exact { None } else { list() };
        let (id, form, metres) = (&planted.id, &told.form, told.metres);
        let reason = match listed {
            None => format!("The {about} of the planted place \"{id}\" was readable ({form}, {metres:.0} m away)"),
            Some(places) => format!(
                "One of {places} places that the server listed is near the planted place \"{id}\", and not the same \
                 ({form}, {metres:.0} m away)"
            ),
        };
        Some(Hit {
            detector: CARD.id,
            data: told.data,
            planted: listed.is_none().then_some(place.planted),
            form: Cow::Owned(told.form),
            strength: Strength::Value,
            buffer,
            start,
            end,
            node: None,
            reason: Cow::Owned(reason),
            conclusive: false,
        })
    }
}
