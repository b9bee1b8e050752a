//! Promises about what a store keeps: judged on dumps, and on what somebody left in them.

use crate::model::door::OPEN_STORE;
use crate::model::sighting::{Sighting, Strength};
use crate::model::time::Timestamp;
use crate::verdict::case::Case;
use crate::verdict::earned::Outcome;
use crate::verdict::words::{contradiction, count, sentence, thousands};
use std::collections::BTreeSet;

/// Detector of what somebody who was there first left behind.
const EXTORTION_NOTE: &str = "extortion-note";
/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

fn ids(sightings: &[&Sighting]) -> Vec<String> {
    let mut told = BTreeSet::new();
    sightings.iter().map(|sighting| sighting.id()).filter(|id| told.insert(id.clone())).collect()
}

/// Sightings of the claim's data in stores, that count.
fn kept<'a>(case: &Case<'a>) -> Vec<&'a Sighting> {
    let own = |s: &&Sighting| s.place.flow.is_none() && case.counts(s) && s.strength == Strength::Value;
    case.sightings().filter(own).collect()
}

fn no_store(what: &str) -> Outcome {
    Outcome::Inconclusive { reason: sentence(&format!("not enough was seen: {what}")), control: None }
}

/// Nobody who gets hold of the store can read the data in it.
pub(crate) fn at_rest(case: &Case<'_>) -> Outcome {
    let seen = kept(case);
    if seen.is_empty() {
        return if case.evidence().exposure.is_some() {
            no_store("the dump shows none of the data in clear, and nothing shows that it ever held it")
        } else {
            no_store("there is no dump of a store")
        };
    }
    let records: BTreeSet<(&str, &[u64])> =
        seen.iter().map(|s| (s.place.capture.as_str(), s.place.frames.as_slice())).collect();
    let places = count(records.len() as u64, "record");
    let dump = seen.first().map(|s| s.place.capture.clone()).unwrap_or_default();
    let total = case.evidence().exposure.as_ref().map_or(0, |found| found.messages);
    let more =
        if total > 0 { format!("; in all, {} can be read there", count(total, "message")) } else { String::new() };
    let text =
        format!("whoever gets hold of {dump} can read it: it stands there in clear, in {places} that are listed{more}");
    Outcome::Contradicted { reason: sentence(&text), sightings: ids(&seen) }
}

/// Nobody can read the store without credentials.
pub(crate) fn not_public(case: &Case<'_>) -> Outcome {
    let notes: Vec<&Sighting> =
        case.evidence().sightings.iter().filter(|sighting| sighting.detector == EXTORTION_NOTE).collect();
    if let Some(first) = notes.first() {
        let line = first.place.frames.first().copied().unwrap_or_default();
        let text = format!(
            "somebody was in the store before: a note in {}, line {line}, asks for money, and nobody leaves one without having got in",
            first.place.capture
        );
        return Outcome::Contradicted { reason: sentence(&text), sightings: ids(&notes) };
    }
    let doors: Vec<&Sighting> =
        case.evidence().sightings.iter().filter(|sighting| sighting.detector == OPEN_STORE).collect();
    if let Some(first) = doors.first() {
        let more = match doors.len() {
            1 => String::new(),
            many => format!("; so did {}", count(many.saturating_sub(1) as u64, "more door")),
        };
        let text = format!("a store answered whoever knocked: {}{more}", first.reason.trim_end_matches('.'));
        return Outcome::Contradicted { reason: sentence(&text), sightings: ids(&doors) };
    }
    let forbidden = |s: &&Sighting| case.is_forbidden(s) && case.counts(s);
    let seen: Vec<&Sighting> = case.sightings().filter(forbidden).collect();
    if !seen.is_empty() {
        return Outcome::Contradicted { reason: contradiction(case, &seen), sightings: ids(&seen) };
    }
    no_store("no store was found open, and none was knocked at")
}

/// Nothing is kept longer than promised.
pub(crate) fn not_retained(case: &Case<'_>) -> Outcome {
    let Some(days) = case.claim.max_age else {
        return no_store("the claim does not say how long is too long (`max_age`)");
    };
    let Some(found) = &case.evidence().exposure else { return no_store("there is no dump of a store") };
    let (Some(first), Some(last)) = (found.first_seen, found.last_seen) else {
        return no_store("the records of the dump have no times");
    };
    let seen = kept(case);
    let age = u64::try_from(last.saturating_sub(first) / DAY).unwrap_or_default();
    if seen.is_empty() {
        return no_store("the dump shows none of the data");
    }
    if age <= days {
        return no_store(&format!(
            "the records reach back over {}, and how old they grow is not known",
            count(age, "day")
        ));
    }
    let day = |at: i64| {
        let text = written(Timestamp(at));
        text.get(..10).unwrap_or_default().to_owned()
    };
    let text = format!(
        "a record of {} was still kept when one of {} was written: {} days, where {} were promised",
        day(first),
        day(last),
        thousands(age),
        thousands(days)
    );
    Outcome::Contradicted { reason: sentence(&text), sightings: ids(&seen) }
}

/// A time as machines write it.
fn written(at: Timestamp) -> String {
    ::jiff::Timestamp::from_nanosecond(i128::from(at.0)).map(|at| at.to_string()).unwrap_or_default()
}
