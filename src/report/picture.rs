//! The picture: who could read what. Data on the left, readers on the right, a band for what was seen.
//!
//! Coordinates are whole numbers in the units of the drawing's view box, so that equal reports draw equal pictures.

use crate::model::report::ScenarioReport;
use crate::model::scenario::{Audience, Party};
use crate::model::sighting::{Sighting, Strength};
use crate::model::taxonomy::Data;
use crate::report::words;
use serde::Serialize;
use std::collections::BTreeMap;

/// Width of the drawing.
const WIDTH: i64 = 960;
/// Where the left boxes end, and the right ones begin.
const LEFT: i64 = 300;
const RIGHT: i64 = 640;
/// Height of the smallest box, and the space below each.
const BOX: i64 = 46;
const GAP: i64 = 14;
/// Boxes on either side; the rest are drawn as one.
const BOXES: usize = 12;
/// Letters that fit into a box.
const LETTERS: usize = 34;

/// A drawing, ready for the template.
#[derive(Debug, Serialize)]
pub(crate) struct Picture {
    width: i64,
    height: i64,
    left: Vec<Node>,
    right: Vec<Node>,
    bands: Vec<Band>,
    /// The same in words: data, reader, how often.
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Node {
    x: i64,
    y: i64,
    w: i64,
    h: i64,
    title: String,
    name: String,
    note: String,
    class: &'static str,
}

#[derive(Debug, Serialize)]
struct Band {
    path: String,
    class: String,
    title: String,
}

#[derive(Debug, Serialize)]
struct Row {
    data: String,
    reader: String,
    times: String,
    how: &'static str,
}

/// Who stands on the right, in this order.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Reader {
    Public,
    Network,
    Third(String),
    Unlisted(String),
    OtherUnlisted,
    Provider,
    Nobody,
}

impl Reader {
    fn of(audience: Audience, sighting: &Sighting) -> Self {
        match (audience, &sighting.party) {
            (Audience::Public, _) => Self::Public,
            (Audience::Network, _) => Self::Network,
            (Audience::Provider, _) => Self::Provider,
            (Audience::ThirdParty, Party::Third(name)) => Self::Third(name.clone()),
            (Audience::ThirdParty, _) => match words::host(sighting) {
                Some(host) => Self::Unlisted(host.to_owned()),
                None => Self::Unlisted(sighting.place.flow.map_or_else(String::new, |key| key.server.to_string())),
            },
        }
    }

    const fn class(&self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Network => "network",
            Self::Third(_) | Self::Unlisted(_) | Self::OtherUnlisted => "third-party",
            Self::Provider => "provider",
            Self::Nobody => "nobody",
        }
    }

    /// Its name, and a note. `open`: it could read something.
    fn words(&self, open: bool) -> (String, &'static str) {
        match self {
            Self::Public => ("Anyone on the internet".to_owned(), "public"),
            Self::Network if !open => ("Anyone on the network".to_owned(), "saw it sealed, could not read it"),
            Self::Network => ("Anyone on the network".to_owned(), "on the path: Wi-Fi, carrier"),
            Self::Third(name) => (name.clone(), "third party"),
            Self::Unlisted(host) => (host.clone(), "unlisted: counts as a third party"),
            Self::OtherUnlisted => ("Other hosts".to_owned(), "unlisted: count as third parties"),
            Self::Provider => ("The provider".to_owned(), "the vendor’s own servers"),
            Self::Nobody => ("Nobody, as far as was seen".to_owned(), "no sighting in this evidence"),
        }
    }
}

/// What stands on the left: planted first, in the scenario's order.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Item {
    Planted(usize),
    Other(Data),
    ByRule(Data),
}

#[derive(Default)]
struct Link {
    times: u64,
    values: bool,
    /// How often it passed this reader inside a layer that hides it.
    sealed: u64,
}

/// Draws a scenario; nothing when there is nothing on the left.
pub(crate) fn draw(scenario: &ScenarioReport) -> Option<Picture> {
    let links = links(scenario);
    if links.is_empty() {
        return None;
    }
    let thickness = |link: &Link| 4 + 3 * i64::from(64 - link.times.leading_zeros()).min(6);
    let mut ends: BTreeMap<(bool, Side<'_>), i64> = BTreeMap::new();
    for ((item, reader), link) in &links {
        *ends.entry((false, Side::Item(item))).or_default() += thickness(link) + 2;
        *ends.entry((true, Side::Reader(reader))).or_default() += thickness(link) + 2;
    }
    let place = |right: bool| {
        let mut y = 0;
        let mut placed = BTreeMap::new();
        for ((_, side), size) in ends.iter().filter(|((on_right, _), _)| *on_right == right) {
            let h = BOX.max(*size + 12);
            placed.insert(*side, (y, h, *size));
            y += h + GAP;
        }
        (placed, y - GAP)
    };
    let (left, left_height) = place(false);
    let (right, right_height) = place(true);
    let height = left_height.max(right_height);
    let shift = |own: i64| (height - own) / 2;

    let open = |reader: &Reader| links.iter().any(|((_, of), link)| of == reader && link.times > 0);

    let mut used: BTreeMap<(bool, Side<'_>), i64> = BTreeMap::new();
    let mut bands = Vec::new();
    let mut rows = Vec::new();
    for ((item, reader), link) in &links {
        let t = thickness(link);
        let mut port = |right_side: bool, side: Side<'_>, placed: &BTreeMap<Side<'_>, (i64, i64, i64)>, own: i64| {
            let (y, h, size) = placed.get(&side).copied().unwrap_or_default();
            let key = ends.keys().find(|key| key.0 == right_side && key.1 == side).copied();
            let offset = key.map_or(0, |key| {
                let used = used.entry(key).or_default();
                let offset = *used;
                *used += t + 2;
                offset
            });
            shift(own) + y + (h - size) / 2 + offset + 1
        };
        let y0 = port(false, Side::Item(item), &left, left_height);
        let y1 = port(true, Side::Reader(reader), &right, right_height);
        let data = item_name(item, scenario);
        let (name, _) = reader.words(open(reader));
        let times = words::count(link.times.max(link.sealed), if link.times == 0 { "time" } else { "sighting" });
        let (class, path, how) = if link.times == 0 {
            let (a, b) = (y0 + t / 2, y1 + t / 2);
            let how = if *reader == Reader::Nobody { "not seen readable" } else { "sealed: passed by, not readable" };
            ("band closed", format!("M{LEFT} {a}C470 {a} 470 {b} {RIGHT} {b}"), how)
        } else {
            let (a, b) = (y0 + t, y1 + t);
            let path = format!("M{LEFT} {y0}C470 {y0} 470 {y1} {RIGHT} {y1}V{b}C470 {b} 470 {a} {LEFT} {a}Z");
            match (item, link.values) {
                (Item::ByRule(_), _) => ("band rule", path, "found by rule alone"),
                (_, false) => ("band pseudonym", path, "as a pseudonym"),
                (_, true) => ("band", path, "the value itself"),
            }
        };
        bands.push(Band {
            path,
            class: format!("{class} r-{}", reader.class()),
            title: format!("{data} → {name}: {times}, {how}"),
        });
        rows.push(Row { data, reader: name, times, how });
    }
    let node = |x: i64, own: i64, (y, h, _): (i64, i64, i64), name: String, note: String, class| Node {
        x,
        y: shift(own) + y,
        w: LEFT - 1,
        h,
        title: format!("{name}: {note}"),
        name: short(&name),
        note: short(&note),
        class,
    };
    Some(Picture {
        width: WIDTH,
        height,
        left: (left.iter())
            .filter_map(|(side, at)| match side {
                Side::Item(item) => {
                    let (name, note) = item_words(item, scenario);
                    let class = if matches!(item, Item::ByRule(_)) { "rule" } else { "planted" };
                    Some(node(1, left_height, *at, name, note, class))
                }
                Side::Reader(_) => None,
            })
            .collect(),
        right: (right.iter())
            .filter_map(|(side, at)| match side {
                Side::Reader(reader) => {
                    let (name, note) = reader.words(open(reader));
                    // Who read nothing is drawn like nobody.
                    let class = if open(reader) { reader.class() } else { Reader::Nobody.class() };
                    Some(node(RIGHT, right_height, *at, name, note.to_owned(), class))
                }
                Side::Item(_) => None,
            })
            .collect(),
        bands,
        rows,
    })
}

/// One box.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Side<'a> {
    Item(&'a Item),
    Reader(&'a Reader),
}

fn links(scenario: &ScenarioReport) -> BTreeMap<(Item, Reader), Link> {
    let known: BTreeMap<&str, usize> =
        scenario.planted.iter().enumerate().rev().map(|(index, planted)| (planted.id.as_str(), index)).collect();
    let crowded = scenario.planted.len() > BOXES;
    let planted = |index: usize, data: Data| if crowded { Item::Other(data) } else { Item::Planted(index) };
    let mut hosts: Vec<Reader> = Vec::new();
    let mut links: BTreeMap<(Item, Reader), Link> = BTreeMap::new();
    for sighting in &scenario.sightings {
        let item = match &sighting.planted {
            Some(id) => {
                known.get(id.as_str()).map_or(Item::Other(sighting.data), |index| planted(*index, sighting.data))
            }
            None => Item::ByRule(sighting.data),
        };
        for audience in &sighting.audiences {
            let mut reader = Reader::of(*audience, sighting);
            if matches!(reader, Reader::Third(_) | Reader::Unlisted(_)) && !hosts.contains(&reader) {
                if hosts.len() < BOXES {
                    hosts.push(reader.clone());
                } else {
                    reader = Reader::OtherUnlisted;
                }
            }
            let link = links.entry((item.clone(), reader)).or_default();
            link.times = link.times.saturating_add(1);
            link.values |= sighting.strength == Strength::Value;
        }
        if sighting.place.secured && sighting.planted.is_some() {
            let link = links.entry((item, Reader::Network)).or_default();
            link.sealed = link.sealed.saturating_add(1);
        }
    }
    for (index, value) in scenario.planted.iter().enumerate() {
        let item = planted(index, value.data);
        if !links.keys().any(|(known, _)| *known == item) {
            links.insert((item, Reader::Nobody), Link::default());
        }
    }
    links
}

fn item_words(item: &Item, scenario: &ScenarioReport) -> (String, String) {
    match item {
        Item::Planted(index) => match scenario.planted.get(*index) {
            Some(planted) => (capital(planted.data.label()), format!("“{}” as planted", planted.id)),
            None => (String::new(), String::new()),
        },
        Item::Other(data) => (capital(data.label()), "as planted".to_owned()),
        Item::ByRule(data) => (capital(data.label()), "recognised by rule, not planted".to_owned()),
    }
}

/// What stands on the left, in one phrase that nothing else there has.
fn item_name(item: &Item, scenario: &ScenarioReport) -> String {
    let (name, _) = item_words(item, scenario);
    match item {
        Item::Planted(index) => {
            match scenario.planted.get(*index).filter(|planted| planted.id != planted.data.name()) {
                Some(planted) => format!("{name} “{}”", planted.id),
                None => name,
            }
        }
        Item::Other(_) => name,
        Item::ByRule(_) => format!("{name}, by rule"),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn short(text: &str) -> String {
    if text.chars().count() <= LETTERS {
        return text.to_owned();
    }
    let head: String = text.chars().take(LETTERS - 1).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn everything_seen_and_everything_planted_is_drawn() {
        let report = sample::report();
        let picture = draw(&report.scenarios[0]).unwrap();
        let rows: Vec<String> = picture
            .rows
            .iter()
            .map(|row| format!("{} → {}: {} ({})", row.data, row.reader, row.times, row.how))
            .collect();
        let expected = "Message text “greeting” → Anyone on the network: 2 times (sealed: passed by, not readable)
Message text “greeting” → The provider: 2 sightings (the value itself)
Phone number “mine” → Anyone on the network: 1 sighting (as a pseudonym)
Phone number “mine” → AdZebra: 1 sighting (as a pseudonym)
Name “nick” → Anyone on the network: 1 sighting (the value itself)
Name “nick” → AdZebra: 1 sighting (the value itself)
Precise location “here” → Nobody, as far as was seen: 0 times (not seen readable)
Phone number, by rule → The provider: 1 sighting (found by rule alone)";
        assert_eq!(rows.join("\n"), expected);
        assert_eq!(picture.bands.len(), rows.len());
    }

    #[test]
    fn who_saw_it_only_sealed_is_not_said_to_have_read_it() {
        let mut report = sample::report();
        let note = |report: &crate::model::report::Report| {
            let picture = draw(&report.scenarios[0]).unwrap();
            let network = picture.right.iter().find(|node| node.name == "Anyone on the network").unwrap();
            (network.note.clone(), network.class)
        };
        assert_eq!(note(&report), ("on the path: Wi-Fi, carrier".to_owned(), "network"));
        report.scenarios[0].sightings.retain(|sighting| sighting.place.secured);
        assert_eq!(note(&report), ("saw it sealed, could not read it".to_owned(), "nobody"));
    }

    #[test]
    fn boxes_do_not_overlap_and_stay_inside() {
        for report in [sample::report(), sample::crowded(10, 5_000)] {
            let picture = draw(&report.scenarios[0]).unwrap();
            for side in [&picture.left, &picture.right] {
                assert!(side.windows(2).all(|pair| pair[0].y + pair[0].h < pair[1].y));
                assert!(side.iter().all(|node| node.y >= 0 && node.y + node.h <= picture.height));
            }
        }
    }

    #[test]
    fn no_picture_of_nothing() {
        assert!(draw(&ScenarioReport::default()).is_none());
    }
}
