//! Weaknesses, put into words for a page and for machines.

use crate::model::report::ScenarioReport;
use crate::model::sighting::Masked;
use crate::model::weakness::{Exhibit, Weakness};
use crate::report::words::{self, count};
use crate::report::{View, place};
use serde::Serialize;

/// Weaknesses on the page; the rest are counted, and are in the JSON document.
pub(crate) const CARDS: usize = 50;
/// Messages shown of one weakness.
const SHOWN: usize = 6;

/// One weakness on the page.
#[derive(Debug, Serialize)]
pub(crate) struct Card {
    n: usize,
    id: String,
    detector: &'static str,
    title: String,
    host: Option<String>,
    times: String,
    reason: String,
    bound: String,
    exhibits: Vec<Row>,
    left: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    place: String,
    at: Option<String>,
    readers: String,
    trail: String,
    before: String,
    after: Vec<Run>,
}

/// A stretch of recovered text.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Run {
    /// The text, or its shape.
    pub(crate) text: String,
    /// It was planted.
    pub(crate) planted: bool,
}

/// Every weakness, as far as the page has room; with how many there are, and how many were left out.
pub(crate) fn cards(scenario: &ScenarioReport, view: &View) -> (Vec<Card>, String, Option<String>) {
    let all = words::len(&scenario.weaknesses);
    let says = if all == 1 { "1 weakness".to_owned() } else { format!("{} weaknesses", words::thousands(all)) };
    let left = all.checked_sub(CARDS as u64).filter(|left| *left > 0);
    let left = left.map(|left| format!("{} more in report.json.", words::thousands(left)));
    let cards =
        scenario.weaknesses.iter().take(CARDS).enumerate().map(|(n, weakness)| card(n, weakness, scenario, view));
    (cards.collect(), says, left)
}

fn card(n: usize, weakness: &Weakness, scenario: &ScenarioReport, view: &View) -> Card {
    let shown = weakness.exhibits.iter().take(SHOWN);
    let times = words::moments(&shown.clone().map(|exhibit| exhibit.place.at).collect::<Vec<_>>());
    let first = weakness.exhibits.first();
    let all = words::len(&weakness.exhibits).saturating_add(weakness.more);
    let left = all.checked_sub(SHOWN as u64).filter(|left| *left > 0);
    Card {
        n,
        id: weakness.id(),
        detector: weakness.detector,
        title: weakness.title.to_owned(),
        host: first.and_then(|exhibit| {
            let place = &exhibit.place;
            place.authority.clone().or_else(|| place.flow.map(|key| key.server.to_string()))
        }),
        times: count(all, "message"),
        reason: weakness.reason.clone(),
        bound: weakness.bound.to_owned(),
        exhibits: shown.zip(times).map(|(exhibit, at)| row(exhibit, at, weakness, scenario, view)).collect(),
        left: left.map(|left| format!("{} in report.json", count(left, "more message"))),
    }
}

fn row(exhibit: &Exhibit, at: Option<String>, weakness: &Weakness, scenario: &ScenarioReport, view: &View) -> Row {
    let place = &exhibit.place;
    let mut trail = place.trail.clone();
    trail.extend(weakness.undone.clone());
    let readers: Vec<String> = exhibit
        .audiences
        .iter()
        .map(|audience| words::reader(*audience, &exhibit.party, place.authority.as_deref()))
        .collect();
    Row {
        place: format!("{}, {}, {}", place.capture, place::frames(scenario, place), count(exhibit.len, "byte")),
        at,
        readers: readers.join(", "),
        trail: trail.join(" > "),
        before: hex(exhibit),
        after: after(exhibit, view),
    }
}

/// The bytes as they were sent.
pub(crate) fn hex(exhibit: &Exhibit) -> String {
    let more = if (exhibit.before.len() as u64) < exhibit.len { "…" } else { "" };
    format!("{}{more}", data_encoding::HEXLOWER.encode(&exhibit.before))
}

/// What was recovered, as it may be shown: what was planted is the auditor's own, the rest is somebody's.
pub(crate) fn after(exhibit: &Exhibit, view: &View) -> Vec<Run> {
    let Some(text) = &exhibit.after else { return Vec::new() };
    let chars: Vec<char> = text.reveal().chars().collect();
    let piece = |from: usize, to: usize| -> String { chars.get(from..to).unwrap_or_default().iter().collect() };
    let plain = |text: String| if view.reveal { text } else { Masked::new(text).shape() };
    let mut out = Vec::new();
    let mut at = 0;
    for (start, end) in &exhibit.planted {
        out.push(Run { text: plain(piece(at, *start)), planted: false });
        out.push(Run { text: piece(*start, *end), planted: true });
        at = *end;
    }
    out.push(Run { text: plain(piece(at, chars.len())), planted: false });
    out.retain(|run| !run.text.is_empty());
    out
}
