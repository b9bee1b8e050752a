//! Promises about what a store keeps: judged on dumps, and on what somebody left in them.

use crate::model::door::OPEN_STORE;
use crate::model::sighting::{Sighting, Strength};
use crate::model::taxonomy::Data;
use crate::model::time::Timestamp;
use crate::verdict::case::Case;
use crate::verdict::earned::Outcome;
use crate::verdict::words::{self, count, in_all, list, listed, sentence, tame, thousands};
use std::collections::{BTreeMap, BTreeSet};

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
    let mut dumps: Vec<String> = seen.iter().map(|s| tame(&s.place.capture)).collect();
    dumps.sort();
    dumps.dedup();
    let text = format!(
        "whoever gets hold of {} can read it: it stands there in clear, in {places}{}{}",
        list(&dumps, 3),
        listed(case, records.len() as u64, records.len() as u64),
        in_all(case, records.len() as u64)
    );
    Outcome::Contradicted { reason: sentence(&text), sightings: ids(&seen) }
}

/// Nobody can read the store without credentials.
pub(crate) fn not_public(case: &Case<'_>) -> Outcome {
    let by = |detector: &'static str| case.evidence().sightings.iter().filter(move |s| s.detector == detector);
    let (notes, doors): (Vec<&Sighting>, Vec<&Sighting>) = (by(EXTORTION_NOTE).collect(), by(OPEN_STORE).collect());
    let told = |s: &&Sighting| [EXTORTION_NOTE, OPEN_STORE].contains(&s.detector);
    // What stands in an open store can be read whether or not somebody left a note in it.
    let seen: Vec<&Sighting> =
        case.sightings().filter(|s| case.is_forbidden(s) && case.counts(s) && !told(s)).collect();
    let mut says = Vec::new();
    if let Some(first) = notes.first() {
        let line = first.place.frames.first().copied().unwrap_or_default();
        says.push(format!(
            "somebody was in the store before: a note in {}, line {line}, asks for money, and nobody leaves one without having got in",
            tame(&first.place.capture)
        ));
    }
    if let Some(first) = doors.first() {
        let more = match doors.len() {
            1 => String::new(),
            many => format!("; so did {}", count(many.saturating_sub(1) as u64, "more door")),
        };
        says.push(format!("a store answered whoever knocked: {}{more}", first.reason.trim_end_matches('.')));
    }
    if !seen.is_empty() {
        says.push(words::told(case, &seen));
    }
    if says.is_empty() {
        return no_store("no store was found open, and none was knocked at");
    }
    let sightings = ids(&[notes, doors, seen].concat());
    Outcome::Contradicted { reason: sentence(&says.join("; ")), sightings }
}

/// Nothing is kept longer than promised.
pub(crate) fn not_retained(case: &Case<'_>) -> Outcome {
    let Some(days) = case.claim.max_age else {
        return no_store("the claim does not say how long is too long (`max_age`)");
    };
    let Some(found) = &case.evidence().exposure else { return no_store("there is no dump of a store") };
    let seen = kept(case);
    if seen.is_empty() {
        return no_store("the dump shows none of the data");
    }
    // Other records may be as old as the store: an account is no message.
    let ages: BTreeMap<Data, Option<(i64, i64)>> =
        seen.iter().filter_map(|s| aging(s.data)).map(|data| (data, found.ages.get(&data).copied())).collect();
    let oldest = ages
        .into_iter()
        .filter_map(|(data, age)| age.map(|(first, last)| (last.saturating_sub(first), first, last, data)))
        .max();
    let Some((age, first, last, data)) = oldest else {
        return no_store(if found.first_seen.is_none() {
            "the records of the dump have no times"
        } else {
            "how old the records are that hold the data is not known, only how old others are"
        });
    };
    let age = u64::try_from(age / DAY).unwrap_or_default();
    if age <= days {
        return no_store(&format!(
            "the records with {} reach back over {}, and how old they grow is not known",
            data.label(),
            count(age, "day")
        ));
    }
    let day = |at: i64| {
        let text = written(Timestamp(at));
        text.get(..10).unwrap_or_default().to_owned()
    };
    let text = format!(
        "a record of {} with {} was still kept when one of {} was written: {} days, where {} were promised",
        day(first),
        data.label(),
        day(last),
        thousands(age),
        thousands(days)
    );
    let seen: Vec<&Sighting> = seen.into_iter().filter(|s| aging(s.data) == Some(data)).collect();
    Outcome::Contradicted { reason: sentence(&text), sightings: ids(&seen) }
}

/// The kind of records that tell the age of some data; `None` where no kind of them must hold it.
const fn aging(data: Data) -> Option<Data> {
    match data {
        Data::Messages | Data::CallRecords => Some(data),
        Data::PreciseLocation | Data::ApproximateLocation => Some(Data::PreciseLocation),
        Data::PhoneNumber | Data::VirtualNumber => Some(Data::PhoneNumber),
        _ => None,
    }
}

/// A time as machines write it.
fn written(at: Timestamp) -> String {
    ::jiff::Timestamp::from_nanosecond(i128::from(at.0)).map(|at| at.to_string()).unwrap_or_default()
}
