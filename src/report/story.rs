//! One secret seen on both planes is one story: it left the phone, and it lies in the store.

use crate::model::report::ScenarioReport;
use crate::model::sighting::{Sighting, Strength};
use crate::model::stream::Direction;
use crate::report::View;
use crate::report::cards::Cards;
use crate::report::{place, words};
use serde::Serialize;
use std::collections::BTreeMap;

/// Lines or frames named in one step.
const NAMED: usize = 8;

/// The story of one planted value.
pub(crate) struct Story<'a> {
    /// Its id.
    pub(crate) planted: &'a str,
    /// What it is, in words.
    subject: String,
    /// Where it was seen on its way, in order of time.
    pub(crate) sent: Vec<&'a Sighting>,
    /// Where it lies, in order of files and lines.
    pub(crate) kept: Vec<&'a Sighting>,
}

/// A story as a page tells it.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    subject: String,
    value: String,
    steps: Vec<Step>,
}

/// A step of it: what happened, who could read it there, and the card that shows it.
#[derive(Debug, Serialize)]
struct Step {
    at: Option<String>,
    says: String,
    readers: String,
    card: Option<String>,
}

/// The stories of a scenario, in words.
pub(crate) fn told(scenario: &ScenarioReport, cards: &Cards, view: &View) -> Vec<Told> {
    let value =
        |id: &str| scenario.planted.iter().find(|planted| planted.id == id).map(|planted| planted.value.clone());
    let told = |story: Story<'_>| Told {
        steps: story.steps(scenario, cards, view),
        value: value(story.planted).unwrap_or_default(),
        subject: story.subject,
    };
    stories(scenario).into_iter().map(told).collect()
}

/// The stories of a scenario, in the order of what was planted.
pub(crate) fn stories(scenario: &ScenarioReport) -> Vec<Story<'_>> {
    let mut by_id: BTreeMap<&str, Vec<&Sighting>> = BTreeMap::new();
    for sighting in scenario.sightings.iter().filter(|sighting| sighting.strength == Strength::Value) {
        if let Some(planted) = &sighting.planted {
            by_id.entry(planted).or_default().push(sighting);
        }
    }
    let story = |planted: &'_ str| -> Option<Story<'_>> {
        let (planted, seen) = by_id.get_key_value(planted)?;
        let (mut sent, kept): (Vec<&Sighting>, Vec<&Sighting>) =
            seen.iter().copied().partition(|sighting| sighting.place.flow.is_some());
        sent.sort_by_key(|sighting| sighting.place.at);
        let subject = words::subject(seen.first()?);
        (!sent.is_empty() && !kept.is_empty()).then_some(Story { planted, subject, sent, kept })
    };
    scenario.planted.iter().filter_map(|planted| story(&planted.id)).collect()
}

impl Story<'_> {
    /// It step by step: sightings at one host, or in one store, are one step.
    fn steps(&self, scenario: &ScenarioReport, cards: &Cards, view: &View) -> Vec<Step> {
        let mut groups: Vec<Vec<&Sighting>> = Vec::new();
        for sighting in self.sent.iter().chain(&self.kept) {
            let alike = |group: &&mut Vec<&Sighting>| {
                group.first().is_some_and(|first| {
                    let (place, other) = (&first.place, &sighting.place);
                    first.audiences == sighting.audiences
                        && (&place.capture, &place.authority, place.direction)
                            == (&other.capture, &other.authority, other.direction)
                })
            };
            match groups.iter_mut().find(alike) {
                Some(group) => group.push(sighting),
                None => groups.push(vec![sighting]),
            }
        }
        let times: Vec<_> = groups.iter().filter_map(|group| group.first()).map(|first| first.place.at).collect();
        let times = words::moments(&times);
        (groups.iter().zip(times)).filter_map(|(group, at)| step(group, at, scenario, cards, view)).collect()
    }
}

/// The field of a record that a sighting was made in: its trail without what all records of a store have in front.
fn field(sighting: &Sighting, view: &View) -> String {
    let steps = view.steps(sighting);
    let inside: Vec<&str> =
        steps.iter().map(String::as_str).skip_while(|step| ["dump", "record"].contains(step)).collect();
    if inside.is_empty() { "(whole record)".to_owned() } else { inside.join(" > ") }
}

fn step(
    group: &[&Sighting],
    at: Option<String>,
    scenario: &ScenarioReport,
    cards: &Cards,
    view: &View,
) -> Option<Step> {
    let first = *group.first()?;
    let place = &first.place;
    let mut numbers: Vec<u64> = group.iter().flat_map(|sighting| sighting.place.frames.iter().copied()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let named: Vec<String> = numbers.iter().take(NAMED).map(u64::to_string).collect();
    let more = words::len(&numbers).saturating_sub(NAMED as u64);
    let more = if more > 0 { format!(" and {} more", words::thousands(more)) } else { String::new() };
    let listed = format!("{}{more}", named.join(", "));
    let unit = place::plural(place::unit(scenario, &place.capture), numbers.len());
    let says = if let Some(key) = place.flow {
        let host = words::host(first).map_or_else(|| key.server.to_string(), str::to_owned);
        let layer = place.trail.first().filter(|_| place.secured);
        let secured = layer.map_or_else(|| ", in clear".to_owned(), |layer| format!(", readable inside {layer}"));
        let way = match place.direction {
            Direction::ToServer => "left the phone for",
            Direction::ToClient => "came back from",
        };
        format!("{way} {host} in {unit} {listed} of {}{secured}", place.capture)
    } else {
        let mut fields: Vec<String> = group.iter().map(|sighting| field(sighting, view)).collect();
        fields.sort_unstable();
        fields.dedup();
        let several = if fields.len() == 1 { "" } else { "s" };
        let more = words::len(&fields).saturating_sub(NAMED as u64);
        fields.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("lies in the store {}, {unit} {listed}, field{several} {}{more}", place.capture, fields.join(", "))
    };
    Some(Step { at, says, readers: words::readers(first), card: cards.of.get(&first.id()).map(usize::to_string) })
}
