//! Who can be joined to whom by one reader of a store: in a sentence or two, and as a small graph of fingerprints.

use crate::model::exposure::{Contact, Exposure, Identified, Linkability};
use crate::report::View;
use crate::report::words::{count, thousands};
use serde::Serialize;
use std::f64::consts::TAU;

/// The middle of the graph, and how far the others stand from it.
const MIDDLE: (f64, f64) = (320.0, 150.0);
const REACH: (f64, f64) = (230.0, 112.0);

/// The part of the section.
#[derive(Debug, Serialize)]
pub(crate) struct Linked {
    says: Vec<String>,
    /// The graph in one sentence.
    about: String,
    /// What people are called in it.
    names: &'static str,
    nodes: Vec<Node>,
    lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Node {
    x: i64,
    y: i64,
    label: String,
    contacts: String,
    identified: &'static str,
    class: &'static str,
}

#[derive(Debug, Serialize)]
struct Line {
    x1: i64,
    y1: i64,
    x2: i64,
    y2: i64,
    called: bool,
    title: String,
}

/// What there is to tell; `None` where nobody wrote to or called anybody.
pub(crate) fn linked(found: &Exposure, view: &View) -> Option<Linked> {
    let joined = &found.linkability;
    let most = joined.contacts.first()?;
    let at = |index: usize| {
        let others = joined.contacts.len().saturating_sub(1).max(1);
        #[expect(clippy::cast_precision_loss, reason = "a dozen at most")]
        let turn = TAU * (index.saturating_sub(1) as f64) / (others as f64);
        let reach = if index == 0 { 0.0 } else { 1.0 };
        #[expect(clippy::cast_possible_truncation, reason = "within the picture")]
        let round = |middle: f64, offset: f64| offset.mul_add(reach, middle).round() as i64;
        (round(MIDDLE.0, REACH.0 * turn.cos()), round(MIDDLE.1, REACH.1 * turn.sin()))
    };
    let called = |contact: &Contact| match &contact.number {
        Some(number) if view.reveal => number.reveal().to_owned(),
        _ => contact.fingerprint.clone(),
    };
    let name = |index: usize| joined.contacts.get(index).map(called).unwrap_or_default();
    let lines: Vec<Line> = joined
        .edges
        .iter()
        .map(|edge| {
            let ((x1, y1), (x2, y2)) = (at(edge.from), at(edge.to));
            let call = if edge.called { ", and a call" } else { "" };
            let title = format!(
                "{} and {}: {}{call}",
                name(edge.from),
                name(edge.to),
                count(edge.conversations, "conversation")
            );
            Line { x1, y1, x2, y2, called: edge.called, title }
        })
        .collect();
    Some(Linked {
        says: says(joined),
        about: format!(
            "The person with the most contacts, {} of them, and {} who share most with them",
            thousands(most.contacts),
            joined.contacts.len().saturating_sub(1)
        ),
        names: if view.reveal {
            "Everybody is called by their phone number; where none is known, by a fingerprint, salted with all identifiers of \
             the store."
        } else {
            "The names are fingerprints, salted with all identifiers of the store: only who has the store can tell whose they \
             are."
        },
        nodes: (joined.contacts.iter().enumerate())
            .map(|(index, contact)| {
                let (x, y) = at(index);
                let (identified, class) = match contact.identified {
                    Identified::Number => ("a phone number", "number"),
                    Identified::Other => ("another identifier", "other"),
                    Identified::Both => ("a phone number and another identifier", "both"),
                };
                let label = called(contact);
                Node { x, y, label, contacts: count(contact.contacts, "contact"), identified, class }
            })
            .collect(),
        lines,
    })
}

fn says(joined: &Linkability) -> Vec<String> {
    let least = if joined.at_least { "at least " } else { "" };
    let mut says = vec![format!(
        "One reader of the store can join {} people to each other, in {least}{} who wrote to or called each other. {}",
        thousands(joined.connected),
        count(joined.pairs, "pair"),
        if joined.groups == 1 {
            "All of them hang together: everybody leads to everybody, over others.".to_owned()
        } else {
            format!(
                "They fall into {} groups; within the largest, of {} people, everybody leads to everybody, over others.",
                thousands(joined.groups),
                thousands(joined.largest_group)
            )
        }
    )];
    let by = |identified: Identified, what: &str| {
        let pairs = joined.by_identifier.get(&identified).copied().unwrap_or_default();
        (pairs > 0).then(|| format!("{} by {what}", count(pairs, "pair")))
    };
    let ways: Vec<String> = [
        by(Identified::Number, "the phone numbers of both"),
        by(Identified::Other, "other identifiers of both"),
        by(Identified::Both, "a number of the one and another identifier of the other"),
    ]
    .into_iter()
    .flatten()
    .collect();
    says.push(format!("Who they are is told: {}.", ways.join("; ")));
    if joined.named_numbers > 0 {
        says.push(format!(
            "For {} a phone number stands with another identifier of the same person, so that one leads to the other.",
            if joined.named_numbers == 1 {
                "one person".to_owned()
            } else {
                format!("{} people", thousands(joined.named_numbers))
            }
        ));
    }
    says
}
