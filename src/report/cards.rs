//! Sightings on cards: those of one thing in one kind of place share one.

use crate::model::door::OPEN_STORE;
use crate::model::report::ScenarioReport;
use crate::model::scenario::Audience;
use crate::model::sighting::{Sighting, Strength};
use crate::model::stream::Direction;
use crate::model::verdict::Judged;
use crate::report::place;
use crate::report::strip::{self, Layer};
use crate::report::words::{self, count, mark};
use crate::report::{View, view::Shown};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Cards of sightings on the page; the rest are counted, and are in the JSON document.
const CARDS: usize = 250;
/// Cards that are open, whatever they show.
const OPEN: usize = 3;
/// Places listed on one card.
const PLACES: usize = 40;
/// Places of one card that are printed, as the style sheet has it: paper is for readers who look none of them up.
const ON_PAPER: u64 = 3;
/// Cards that one claim links to.
pub(crate) const LINKS: usize = 6;

/// Detectors of what shows that a store is open.
const OPENS: [&str; 2] = ["extortion-note", OPEN_STORE];

#[derive(Debug, Serialize)]
pub(crate) struct Link {
    pub(crate) to: usize,
    pub(crate) says: String,
}

/// Sightings of one thing in one kind of place: the first is shown, the others are listed.
#[derive(Debug, Serialize)]
pub(crate) struct Card {
    n: usize,
    title: String,
    by_rule: bool,
    /// Found by rule, and no verdict rests on it: folded away.
    aside: bool,
    pseudonym: bool,
    times: Option<String>,
    host: String,
    party: String,
    readers: Vec<Reader>,
    layers: Vec<Layer>,
    before: String,
    found: String,
    after: String,
    /// Audio to be played, as a data URL.
    clip: Option<String>,
    form: String,
    reason: String,
    capture: String,
    /// Which way it went; what lies in a store went neither.
    direction: Option<&'static str>,
    first: PlaceRow,
    places: Vec<PlaceRow>,
    places_left: Option<String>,
    /// What stands instead of the rows that paper does not show.
    off_paper: Option<String>,
    claims: Vec<ClaimRef>,
    /// For the filter: claims, data and readers, space-separated.
    tokens: String,
    look: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Reader {
    class: &'static str,
    name: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct ClaimRef {
    id: String,
    verdict: &'static str,
    mark: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct PlaceRow {
    id: String,
    frames: String,
    /// The bytes, and of what they are.
    bytes: Option<String>,
    /// The bytes alone.
    range: String,
    at: Option<String>,
    trail: String,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Filter {
    claims: Vec<Choice>,
    data: Vec<Choice>,
    readers: Vec<Choice>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Choice {
    token: String,
    name: String,
}

/// Sightings, gathered into cards.
pub(crate) struct Cards {
    pub(crate) shown: Vec<Card>,
    /// Which card shows a sighting.
    pub(crate) of: BTreeMap<String, usize>,
    pub(crate) left: u64,
    /// Cards that show that a whole store is open: they stand before what is in it.
    opening: BTreeSet<usize>,
}

impl Cards {
    /// What is folded away, in a line; `None` where nothing is. A few are always open.
    pub(crate) fn aside(&mut self) -> Option<String> {
        for card in self.shown.iter_mut().take(OPEN) {
            card.aside = false;
        }
        let folded = self.shown.iter().filter(|card| card.aside).count();
        (folded > 0).then(|| {
            format!("{}: found by rule, not planted, and no verdict rests on them", count(folded as u64, "more card"))
        })
    }

    pub(crate) fn gather(scenario: &ScenarioReport, view: &View) -> Self {
        let mut groups: Vec<Vec<&Sighting>> = Vec::new();
        let mut known: BTreeMap<_, usize> = BTreeMap::new();
        for sighting in &scenario.sightings {
            let key = (
                (sighting.planted.is_none(), sighting.planted.as_deref(), sighting.data, sighting.form.as_str()),
                (sighting.detector, sighting.strength == Strength::Value, &sighting.party, words::host(sighting)),
                (&sighting.audiences, sighting.place.capture.as_str(), sighting.place.direction),
                sighting.place.trail.iter().map(|step| without_indices(&words::kind(step))).collect::<Vec<_>>(),
            );
            if let Some(group) = known.get(&key).and_then(|index| groups.get_mut(*index)) {
                group.push(sighting);
            } else {
                known.insert(key, groups.len());
                groups.push(vec![sighting]);
            }
        }
        drop(known);
        let mut rests: BTreeMap<&str, Vec<&Judged>> = BTreeMap::new();
        for judged in &scenario.claims {
            for id in &judged.sightings {
                rests.entry(id.as_str()).or_default().push(judged);
            }
        }
        // What verdicts rest on comes first, then what was planted, then by who could read it.
        let mut groups: Vec<(Vec<&Sighting>, Vec<&Judged>)> = (groups.into_iter())
            .map(|group| {
                let first = group.first().map(|sighting| sighting.id()).unwrap_or_default();
                let claims = rests.get(first.as_str()).cloned().unwrap_or_default();
                (group, claims)
            })
            .collect();
        groups.sort_by_key(|(group, claims)| {
            let first = group.first();
            let claim =
                claims.first().and_then(|judged| scenario.claims.iter().position(|c| c.claim.id == judged.claim.id));
            (
                claim.unwrap_or(usize::MAX),
                first.is_none_or(|s| s.planted.is_none()),
                first.and_then(|s| s.audiences.first().copied()),
            )
        });
        let mut cards = Self { shown: Vec::new(), of: BTreeMap::new(), left: 0, opening: BTreeSet::new() };
        for (group, claims) in groups {
            let number = cards.shown.len();
            match group.first() {
                Some(first) if number < CARDS => {
                    if OPENS.contains(&first.detector) {
                        cards.opening.insert(number);
                    }
                    for sighting in &group {
                        cards.of.insert(sighting.id(), number);
                    }
                    cards.shown.push(card(number, first, &group, &claims, scenario, view));
                }
                _ => cards.left = cards.left.saturating_add(words::len(&group)),
            }
        }
        cards
    }

    /// Links to the cards of these sightings, and how many sightings are on none that is linked.
    pub(crate) fn links(&self, ids: &[String]) -> (Vec<Link>, u64) {
        let mut times: BTreeMap<usize, u64> = BTreeMap::new();
        for id in ids {
            if let Some(card) = self.of.get(id) {
                *times.entry(*card).or_default() += 1;
            }
        }
        let mut times: Vec<(usize, u64)> = times.into_iter().collect();
        times.sort_by_key(|(card, _)| !self.opening.contains(card));
        let linked: u64 = times.iter().take(LINKS).map(|(_, n)| n).sum();
        let links = times.into_iter().take(LINKS).filter_map(|(number, n)| {
            let card = self.shown.get(number)?;
            let more = if n > 1 { format!(" and {}", count(n - 1, "more place")) } else { String::new() };
            Some(Link { to: number, says: format!("{} at {}, {}{more}", card.title, card.host, card.first.frames) })
        });
        (links.collect(), words::len(ids).saturating_sub(linked))
    }

    pub(crate) fn filter(&self, scenario: &ScenarioReport) -> Filter {
        let tokens: BTreeSet<&str> = self.shown.iter().flat_map(|card| card.tokens.split(' ')).collect();
        let choice = |token: String, name: String| tokens.contains(token.as_str()).then_some(Choice { token, name });
        let claims = scenario.claims.iter().enumerate();
        let mut data: Vec<_> = scenario.sightings.iter().map(|sighting| sighting.data).collect();
        data.sort_unstable();
        data.dedup();
        Filter {
            claims: claims.filter_map(|(n, judged)| choice(format!("c{n}"), judged.claim.id.clone())).collect(),
            data: data.into_iter().filter_map(|data| choice(format!("d-{data}"), data.label().to_owned())).collect(),
            readers: (Audience::ALL.iter())
                .filter_map(|audience| choice(format!("r-{}", audience.name()), audience.name().to_owned()))
                .collect(),
        }
    }
}

fn card(
    number: usize,
    first: &Sighting,
    group: &[&Sighting],
    claims: &[&Judged],
    scenario: &ScenarioReport,
    view: &View,
) -> Card {
    let at = &first.place;
    let Shown { before, found, after } = view.excerpt(first);
    let host = words::host(first).map(str::to_owned).or_else(|| at.flow.map(|key| key.server.to_string()));
    let mut tokens = vec![format!("d-{}", first.data)];
    tokens.extend(first.audiences.iter().map(|audience| format!("r-{}", audience.name())));
    for (n, judged) in scenario.claims.iter().enumerate() {
        if claims.iter().any(|claim| claim.claim.id == judged.claim.id) {
            tokens.push(format!("c{n}"));
        }
    }
    let times: Vec<_> = group.iter().take(1 + PLACES).map(|sighting| sighting.place.at).collect();
    let mut times = words::moments(&times).into_iter();
    Card {
        n: number,
        title: words::subject(first),
        by_rule: first.planted.is_none(),
        aside: first.planted.is_none() && claims.is_empty(),
        pseudonym: first.strength == Strength::Pseudonym,
        times: (group.len() > 1).then(|| count(words::len(group), "place")),
        host: host.unwrap_or_else(|| at.capture.clone()),
        party: first.party.name().to_owned(),
        readers: (first.audiences.iter())
            .map(|audience| Reader {
                class: audience.name(),
                name: words::reader(*audience, &first.party, words::host(first)),
            })
            .collect(),
        layers: strip::layers(first, view),
        before,
        found,
        after,
        clip: view.clip(first).map(str::to_owned),
        form: first.form.clone(),
        reason: first.reason.clone(),
        capture: at.capture.clone(),
        direction: at.flow.map(|_| match at.direction {
            Direction::ToServer => "sent to the server",
            Direction::ToClient => "sent by the server",
        }),
        first: row(first, times.next().flatten(), scenario, view),
        places: (group.iter().skip(1).zip(times)).map(|(sighting, at)| row(sighting, at, scenario, view)).collect(),
        places_left: (words::len(group).checked_sub(1 + PLACES as u64).filter(|left| *left > 0))
            .map(|left| format!("{} in report.json", count(left, "more place"))),
        off_paper: (words::len(group).checked_sub(1 + ON_PAPER).filter(|left| *left > 0))
            .map(|left| format!("{} on screen and in report.json", count(left, "more place"))),
        claims: (claims.iter())
            .map(|judged| ClaimRef {
                id: judged.claim.id.clone(),
                verdict: judged.verdict.name(),
                mark: mark(judged.verdict),
            })
            .collect(),
        tokens: tokens.join(" "),
        look: place::look_again(scenario, first),
    }
}

fn row(sighting: &Sighting, at: Option<String>, scenario: &ScenarioReport, view: &View) -> PlaceRow {
    PlaceRow {
        id: sighting.id(),
        frames: place::frames(scenario, &sighting.place),
        range: place::range(&sighting.place).unwrap_or_default(),
        bytes: place::bytes(&sighting.place),
        at,
        trail: view.trail(sighting),
    }
}

/// `json $.lines[3].payload` and `json $.lines[4].payload` are one kind of place.
fn without_indices(step: &str) -> String {
    let mut out = String::with_capacity(step.len());
    let mut inside = false;
    for c in step.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if inside && c.is_ascii_digit() => continue,
            _ => {}
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many are left off paper is counted here; which ones are, the style sheet says.
    #[test]
    fn the_style_sheet_prints_as_many_places_as_are_counted() {
        let style = include_str!("templates/report.css");
        let beyond = format!(".card tbody tr:nth-child(n + {}) {{ display: none; }}", ON_PAPER + 1);
        assert!(style.contains(&beyond), "{beyond}");
    }

    #[test]
    fn places_that_differ_by_index_are_one_kind() {
        assert_eq!(without_indices("json $.lines[13].p2[0]"), "json $.lines[].p2[]");
        assert_eq!(without_indices("form x[y]"), "form x[y]");
    }
}
