//! What a store exposes, put into words for a page and for a terminal. Counts only: nobody is named but in the graph of
//! contacts, where numbers are asked for.

use crate::model::exposure::{About, Exposure, Learned};
use crate::model::report::ScenarioReport;
use crate::model::time::Timestamp;
use crate::report::View;
use crate::report::linked::{Linked, linked};
use crate::report::words::{self, count, moment, percent, thousands};
use serde::Serialize;

/// Days drawn; of a longer time the last ones are.
const DAYS: usize = 62;
/// Rows of learned roles shown of one dump.
const ROLES: usize = 40;

/// The section of the page.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    /// The answer, in one sentence.
    answer: String,
    since: Option<String>,
    tiles: Vec<Tile>,
    apps: Vec<App>,
    sizes: Vec<Size>,
    days: Vec<Day>,
    days_says: Option<String>,
    countries: Option<String>,
    linked: Option<Linked>,
    notes: Vec<String>,
    roles: Vec<Dump>,
    caveat: Option<String>,
}

#[derive(Debug, Serialize)]
struct Tile {
    n: String,
    what: &'static str,
}

#[derive(Debug, Serialize)]
struct App {
    name: String,
    people: String,
    messages: String,
    percent: u64,
}

#[derive(Debug, Serialize)]
struct Size {
    participants: u64,
    conversations: String,
}

/// A bar of the days' chart: in units of a hundredth of its width and height.
#[derive(Debug, Serialize)]
struct Day {
    x: String,
    width: String,
    y: u64,
    height: u64,
    title: String,
}

#[derive(Debug, Serialize)]
struct Dump {
    name: String,
    roles: Vec<RoleRow>,
}

#[derive(Debug, Serialize)]
struct RoleRow {
    field: String,
    role: &'static str,
    evidence: String,
}

/// The section, if there is a dump.
pub(crate) fn section(scenario: &ScenarioReport, view: &View) -> Option<Section> {
    let found = scenario.exposure.as_ref()?;
    let tile = |n: u64, what| Tile { n: thousands(n), what };
    let mut apps: Vec<(&String, u64, u64)> =
        found.by_app.iter().map(|(app, share)| (app, share.people, share.messages)).collect();
    apps.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let app = |(name, people, messages): (&String, u64, u64)| App {
        name: name.clone(),
        people: count_people(people),
        messages: count(messages, "readable message"),
        percent: percent(people, found.people.max(1)),
    };
    let size = |(participants, conversations): (&u64, &u64)| Size {
        participants: *participants,
        conversations: thousands(*conversations),
    };
    Some(Section {
        answer: answer(found),
        since: since(found),
        tiles: vec![
            tile(found.people, "people"),
            tile(found.phone_numbers, "phone numbers"),
            tile(found.messages, "readable messages"),
            tile(found.conversations, "conversations that can be rebuilt"),
            tile(found.calls, "calls with both ends"),
            tile(found.precise_locations, "precise places"),
            tile(found.number_links, "real numbers behind leased ones"),
        ],
        apps: apps.into_iter().take(12).map(app).collect(),
        sizes: found.conversation_sizes.iter().take(8).map(size).collect(),
        days: days(found),
        days_says: (found.by_day.len() > 1).then(|| days_says(found)),
        countries: countries(found),
        linked: linked(found, view),
        notes: found
            .extortion_notes
            .iter()
            .take(6)
            .map(|note| {
                let paid = match note.addresses.as_slice() {
                    [] => String::new(),
                    [address] => format!(", to be paid to {address}"),
                    [address, ..] => format!(", to be paid to {address} and others"),
                };
                format!("{} line {}: {}{paid}", note.dump, note.line, note.signs.join(", "))
            })
            .collect(),
        roles: found
            .roles
            .iter()
            .map(|(name, roles)| Dump { name: name.clone(), roles: roles.iter().take(ROLES).map(role).collect() })
            .collect(),
        caveat: found.at_least.then(|| {
            let mut text =
                "More distinct values came than are kept: counts of people, numbers and conversations are lower bounds."
                    .to_owned();
            if let Some(about) = found.about {
                text.push_str(
                    &format_args!(
                        " There are about {} phone numbers and {} conversations, each ± {} %.",
                        thousands(about.phone_numbers),
                        thousands(about.conversations),
                        About::ERROR_PERCENT
                    )
                    .to_string(),
                );
            }
            text
        }),
    })
}

fn count_people(n: u64) -> String {
    if n == 1 { "1 person".to_owned() } else { format!("{} people", thousands(n)) }
}

/// How many people, which conversations, since when: in one sentence.
pub(crate) fn answer(found: &Exposure) -> String {
    let least = if found.at_least { "At least " } else { "" };
    let mut text =
        format!("{least}{} can be identified in {}", count_people(found.people), count(found.records, "record"));
    if found.messages > 0 {
        text.push_str(
            &format_args!(
                "; {} of theirs can be read, in {}",
                count(found.messages, "message"),
                count(found.conversations, "conversation")
            )
            .to_string(),
        );
    }
    text.push('.');
    text
}

/// The time the store reaches back over.
pub(crate) fn since(found: &Exposure) -> Option<String> {
    let (first, last) = (found.first_seen?, found.last_seen?);
    let days = last.saturating_sub(first) / 86_400_000_000_000;
    let (first, last) = (moment(Timestamp(first))?, moment(Timestamp(last))?);
    let days = u64::try_from(days).unwrap_or_default().saturating_add(1);
    Some(format!("Records from {first} to {last}: {} are kept.", count(days, "day")))
}

fn role(learned: &Learned) -> RoleRow {
    RoleRow {
        field: if learned.field.is_empty() { "(whole record)".to_owned() } else { learned.field.clone() },
        role: learned.role.name(),
        evidence: if learned.given {
            "given by the auditor".to_owned()
        } else {
            format!("{} % of {} in the sample", learned.fits, count(learned.seen, "value"))
        },
    }
}

fn days(found: &Exposure) -> Vec<Day> {
    let skip = found.by_day.len().saturating_sub(DAYS);
    let shown: Vec<_> = found.by_day.iter().skip(skip).collect();
    let most = shown.iter().map(|(_, day)| day.messages).max().unwrap_or_default().max(1);
    let n = shown.len().max(1);
    let each = 10_000 / n;
    let hundredth = |at: usize| format!("{}.{:02}", at / 100, at % 100);
    shown
        .into_iter()
        .enumerate()
        .map(|(index, (day, counts))| {
            let height = counts.messages.saturating_mul(40) / most;
            Day {
                x: hundredth(index.saturating_mul(each)),
                width: hundredth(each.saturating_mul(4) / 5),
                y: 40_u64.saturating_sub(height),
                height,
                title: format!(
                    "{day}: {} in {}",
                    count(counts.messages, "readable message"),
                    count(counts.records, "record")
                ),
            }
        })
        .collect()
}

fn days_says(found: &Exposure) -> String {
    let first = found.by_day.keys().next().cloned().unwrap_or_default();
    let last = found.by_day.keys().next_back().cloned().unwrap_or_default();
    let most = found.by_day.iter().max_by_key(|(day, counts)| (counts.messages, std::cmp::Reverse(day.as_str())));
    match most {
        Some((day, counts)) => {
            format!("Readable messages a day from {first} to {last}; most on {day}: {}.", thousands(counts.messages))
        }
        None => String::new(),
    }
}

fn countries(found: &Exposure) -> Option<String> {
    let mut by: Vec<(u16, u64)> = found.countries.iter().map(|(code, n)| (*code, *n)).collect();
    by.sort_by_key(|(code, n)| (std::cmp::Reverse(*n), *code));
    if by.is_empty() {
        return None;
    }
    let shown: Vec<String> = by.iter().take(8).map(|(code, n)| format!("+{code}: {}", thousands(*n))).collect();
    let left = words::len(&by).saturating_sub(8);
    let more = if left > 0 { format!(", and {}", count(left, "more calling code")) } else { String::new() };
    Some(format!("Own numbers by calling code: {}{more}.", shown.join(", ")))
}
