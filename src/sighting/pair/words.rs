//! What a pair of runs says, in sentences.

use super::{Ran, is_telling};
use crate::model::opacity::Opacity;
use crate::model::pair::{Change, Reading, Relation, Side};
use crate::model::scenario::Party;
use crate::model::sighting::Masked;
use data_encoding::HEXLOWER;
use std::collections::BTreeSet;

/// Places that one sentence names.
const NAMED: usize = 3;
/// Texts of different lengths that make chance unlikely, one run each.
const ENOUGH: usize = 5;

/// A field as a report shows it.
pub(super) fn side(reading: &Reading) -> Side {
    let text = std::str::from_utf8(&reading.head).ok().filter(|text| !text.chars().any(char::is_control));
    let cut = reading.len > reading.head.len() as u64;
    let text = match text {
        Some(text) if reading.shut.is_none() => Some(text.to_owned()),
        // A character that the cut went through.
        None if reading.shut.is_none() && cut => {
            let valid = std::str::from_utf8(&reading.head).err().map_or(0, |error| error.valid_up_to());
            let head = reading.head.get(..valid).unwrap_or_default();
            let whole = reading.head.len().saturating_sub(valid) < 4;
            std::str::from_utf8(head)
                .ok()
                .filter(|text| whole && !text.chars().any(char::is_control))
                .map(str::to_owned)
        }
        _ => None,
    };
    Side {
        frame: reading.frame,
        len: reading.len,
        opaque: reading.shut.is_some_and(Opacity::is_opaque),
        value: Masked::new(text.unwrap_or_else(|| HEXLOWER.encode(&reading.head))),
        more: cut,
    }
}

/// Where the text travels, and what these runs cannot tell.
pub(super) fn says(changes: &[Change], runs: &[Ran<'_>]) -> Vec<String> {
    let mut out = Vec::new();
    let with = |relation: Relation| changes.iter().filter(move |change| change.relation == relation);
    let carries: Vec<&Change> = with(Relation::FollowsLength).collect();
    if let Some(first) = carries.first() {
        out.push(format!("The text travels in {}, whose length follows it.", place(first)));
    }
    for also in carries.iter().skip(1).take(NAMED) {
        out.push(format!("{} varies with the text, too: as long as it, to {}.", place(also), owner(also)));
    }
    let lengths: BTreeSet<usize> = runs.iter().map(|run| run.text.value.len()).collect();
    let may = with(Relation::MayFollowLength).count();
    if carries.is_empty() && lengths.len() < ENOUGH && changes.iter().any(|change| change.opacity.is_some()) {
        let found = match may {
            0 => "Which opaque field carries the text cannot be told".to_owned(),
            1 => "One opaque field may carry the text".to_owned(),
            _ => format!("{may} opaque fields may carry the text"),
        };
        let more = ENOUGH.saturating_sub(lengths.len());
        let texts = if more == 1 { "text of another length" } else { "texts of other lengths" };
        out.push(format!("{found}; runs with {more} more {texts} would rule out chance."));
    }
    if with(Relation::DependsOnText).next().is_some() {
        let named: Vec<String> = with(Relation::DependsOnText).take(NAMED).map(place).collect();
        out.push(format!("Depends on the text, though it was not recognised there: {}.", named.join("; ")));
    }
    let texts: BTreeSet<&str> = runs.iter().map(|run| run.text.value.as_str()).collect();
    if texts.len() == runs.len() && with(Relation::Untold).next().is_some() {
        out.push(
            "No two runs have the same text: what changes by itself (times, identifiers, nonces) cannot be told from what \
             the text changes."
                .to_owned(),
        );
    }
    if texts.len() == 1 {
        out.push(
            "The same text was sent in every run: what follows the text cannot be told from what changes by itself."
                .to_owned(),
        );
    }
    if !changes.iter().any(|change| is_telling(change.relation)) && texts.len() > 1 && out.is_empty() {
        out.push("No field that was compared varies with the text.".to_owned());
    }
    out
}

fn place(change: &Change) -> String {
    let position = if change.position.is_empty() { "the payload" } else { change.position.as_str() };
    format!("{position} of \"{}\"", change.message)
}

fn owner(change: &Change) -> String {
    match (&change.party, &change.host) {
        (Party::Provider, Some(host)) => format!("{host}, the provider's"),
        (Party::Provider, None) => "the provider".to_owned(),
        (Party::Third(name), Some(host)) => format!("{host}, {name}'s"),
        (Party::Third(name), None) => name.clone(),
        (Party::Unlisted, Some(host)) => format!("{host}, which nobody listed"),
        (Party::Unlisted, None) => "a server that nobody listed".to_owned(),
    }
}
