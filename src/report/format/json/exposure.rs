//! What the stores expose.

use crate::model::exposure::{About, Exposure, Identified, Learned, Linkability};
use crate::model::sighting::Masked;
use crate::model::time::Timestamp;
use crate::report::View;
use crate::report::words::rfc3339;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// How many people a store exposes, and what of them. Counts only: nobody is named.
#[derive(JsonSchema, Serialize)]
pub(super) struct ExposureJson<'a> {
    /// Persons, after joining the identifiers that a record ties together; a leased number is not another person.
    people: u64,
    /// Distinct telephone numbers.
    phone_numbers: u64,
    /// Records whose text can be read.
    messages: u64,
    /// Distinct sets of people who wrote to each other.
    conversations: u64,
    /// Of them, by the number of participants.
    conversation_sizes: BTreeMap<u64, u64>,
    /// Calls with both ends readable.
    calls: u64,
    /// Records with a place of three decimals or more.
    precise_locations: u64,
    /// Distinct pairs of a real and a leased number.
    number_links: u64,
    /// Records read.
    records: u64,
    /// When the first record was made.
    first_seen: Option<String>,
    /// When the last record was made.
    last_seen: Option<String>,
    /// The same per product.
    by_app: BTreeMap<&'a str, ShareJson>,
    /// By day (UTC).
    by_day: BTreeMap<&'a str, DayJson>,
    /// Own numbers by country calling code.
    countries: BTreeMap<u16, u64>,
    /// Who can be joined to whom by one reader.
    linkability: LinkabilityJson<'a>,
    /// Traces of somebody who was there first.
    extortion_notes: Vec<ExtortionNoteJson<'a>>,
    /// What the fields of each dump were taken for.
    roles: BTreeMap<&'a str, Vec<RoleJson<'a>>>,
    /// More distinct values came than are kept: counts of distinct things are lower bounds.
    at_least: bool,
    /// Estimates, where counts are lower bounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<AboutJson>,
}

/// Who can be joined to whom by one reader of the store. People are salted fingerprints, and named only where values are
/// revealed.
#[derive(JsonSchema, Serialize)]
struct LinkabilityJson<'a> {
    /// People who wrote to or called somebody else in the store.
    connected: u64,
    /// Pairs of people who did.
    pairs: u64,
    /// Groups within which everybody leads to everybody, over others.
    groups: u64,
    /// People in the largest of them.
    largest_group: u64,
    /// Pairs by what tells who both are: phone numbers, other identifiers, one of each.
    by_identifier: ByIdentifierJson,
    /// People whose phone number stands with another identifier of theirs.
    named_numbers: u64,
    /// More pairs came than are kept: their number is a lower bound.
    at_least: bool,
    /// The one with the most contacts, and those who share most with them.
    people: Vec<ContactJson<'a>>,
    /// Which of them are joined.
    joined: Vec<JoinedJson>,
}

/// Pairs of people by what tells who both are.
#[derive(JsonSchema, Serialize)]
struct ByIdentifierJson {
    phone_numbers: u64,
    others: u64,
    one_of_each: u64,
}

/// Somebody in the graph.
#[derive(JsonSchema, Serialize)]
struct ContactJson<'a> {
    /// Salted with all identifiers of the store: comparable within this report alone.
    fingerprint: &'a str,
    /// People they wrote to or called.
    contacts: u64,
    /// `number`, `other` or `both`.
    identified: &'static str,
    /// Their telephone number, where one is known and values are revealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<&'a str>,
}

/// Two people of the graph who are joined.
#[derive(JsonSchema, Serialize)]
struct JoinedJson {
    /// Indices into `people`.
    between: [usize; 2],
    /// Distinct conversations in which both stand.
    conversations: u64,
    /// One called the other.
    called: bool,
}

/// Of one product's users.
#[derive(JsonSchema, Serialize)]
pub(super) struct ShareJson {
    people: u64,
    messages: u64,
}

/// Of one day.
#[derive(JsonSchema, Serialize)]
pub(super) struct DayJson {
    records: u64,
    messages: u64,
}

/// A ransom note.
#[derive(JsonSchema, Serialize)]
pub(super) struct ExtortionNoteJson<'a> {
    dump: &'a str,
    line: u64,
    /// What gives it away.
    signs: &'a [String],
    /// Payment addresses whose checksums are right.
    addresses: &'a [String],
}

/// Distinct values, estimated; nineteen estimates of twenty are within the error.
#[derive(JsonSchema, Serialize)]
pub(super) struct AboutJson {
    phone_numbers: u64,
    conversations: u64,
    error_percent: f64,
}

/// A learned role.
#[derive(JsonSchema, Serialize)]
pub(super) struct RoleJson<'a> {
    field: &'a str,
    role: &'static str,
    /// Records of the sample in which the field stood.
    seen: u64,
    /// Per cent of its values that fit the role.
    fits: u8,
    /// The auditor gave it; left out where it was learned.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    given: bool,
}

fn linkability<'a>(found: &'a Linkability, view: &View) -> LinkabilityJson<'a> {
    let pairs = |by| found.by_identifier.get(&by).copied().unwrap_or_default();
    LinkabilityJson {
        connected: found.connected,
        pairs: found.pairs,
        groups: found.groups,
        largest_group: found.largest_group,
        by_identifier: ByIdentifierJson {
            phone_numbers: pairs(Identified::Number),
            others: pairs(Identified::Other),
            one_of_each: pairs(Identified::Both),
        },
        named_numbers: found.named_numbers,
        at_least: found.at_least,
        people: (found.contacts.iter())
            .map(|contact| ContactJson {
                fingerprint: &contact.fingerprint,
                contacts: contact.contacts,
                identified: match contact.identified {
                    Identified::Number => "number",
                    Identified::Other => "other",
                    Identified::Both => "both",
                },
                number: contact.number.as_ref().filter(|_| view.reveal).map(Masked::reveal),
            })
            .collect(),
        joined: (found.edges.iter())
            .map(|edge| JoinedJson {
                between: [edge.from, edge.to],
                conversations: edge.conversations,
                called: edge.called,
            })
            .collect(),
    }
}

pub(super) fn exposure<'a>(found: &'a Exposure, view: &View) -> ExposureJson<'a> {
    let at = |nanoseconds: Option<i64>| nanoseconds.and_then(|at| rfc3339(Timestamp(at)));
    ExposureJson {
        people: found.people,
        phone_numbers: found.phone_numbers,
        messages: found.messages,
        conversations: found.conversations,
        conversation_sizes: found.conversation_sizes.clone(),
        calls: found.calls,
        precise_locations: found.precise_locations,
        number_links: found.number_links,
        records: found.records,
        first_seen: at(found.first_seen),
        last_seen: at(found.last_seen),
        by_app: (found.by_app.iter())
            .map(|(app, share)| (app.as_str(), ShareJson { people: share.people, messages: share.messages }))
            .collect(),
        by_day: (found.by_day.iter())
            .map(|(day, counts)| (day.as_str(), DayJson { records: counts.records, messages: counts.messages }))
            .collect(),
        countries: found.countries.clone(),
        linkability: linkability(&found.linkability, view),
        extortion_notes: (found.extortion_notes.iter())
            .map(|note| ExtortionNoteJson {
                dump: &note.dump,
                line: note.line,
                signs: &note.signs,
                addresses: &note.addresses,
            })
            .collect(),
        roles: (found.roles.iter())
            .map(|(dump, roles)| (dump.as_str(), roles.iter().map(role_json).collect()))
            .collect(),
        at_least: found.at_least,
        about: found.about.map(|about| AboutJson {
            phone_numbers: about.phone_numbers,
            conversations: about.conversations,
            error_percent: About::ERROR_PERCENT,
        }),
    }
}

pub(super) fn role_json(learned: &Learned) -> RoleJson<'_> {
    RoleJson {
        field: &learned.field,
        role: learned.role.name(),
        seen: learned.seen,
        fits: learned.fits,
        given: learned.given,
    }
}
