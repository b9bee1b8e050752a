//! "Your second number cannot be traced to you": nobody can join two data.
//!
//! Whoever could read both in one message, or on one connection, joined them. So did whoever could read them on two
//! connections that carry the same planted identifier (a device id, an account, an address): connections are joined
//! through every identifier that appears on both, however long the chain. Each reader is taken alone: the path as one,
//! the provider as one, each third party as one, each unlisted server as one; a record of a store counts like a message.

use crate::model::scenario::{Audience, Party};
use crate::model::sighting::Sighting;
use crate::model::taxonomy::Data;
use crate::model::verdict::Standard;
use crate::verdict::case::Case;
use crate::verdict::earned::Outcome;
use crate::verdict::words::{self, host_of, list, sentence, tame, things};
use crate::verdict::{Promise, judging};
use std::collections::{BTreeMap, BTreeSet};

/// The promise.
pub(super) static PROMISE: Promise = Promise {
    name: "unlinkable",
    means: "Nobody can join these data to one another: they never meet under one reader's eyes.",
    forbids: &Audience::ALL,
    needs: "No unread flow to anyone, no long opaque payload to a third party that is not explained, and messages of the \
            app that were read in full.",
    cannot_prove: "That nobody joins them by address, time, payment or behaviour, or with what a server knows already.",
    not_tested: &["joining by network address, by time, and by cookies and tokens that were not planted"],
    standards: &[
        Standard { body: "GDPR", reference: "Recital 26" },
        Standard { body: "GDPR", reference: "Article 4(5)" },
        Standard { body: "FTC Act", reference: "Section 5" },
        Standard { body: "OWASP MASVS", reference: "MASVS-PRIVACY-2" },
        Standard { body: "W3C DPV", reference: "dpv:Pseudonymisation" },
    ],
    judge,
};

fn judge(case: &Case<'_>) -> Outcome {
    if case.data.len() < 2 {
        let reason =
            "Not enough was seen: this promise is about joining two data, and the claim comes to fewer.".to_owned();
        return Outcome::Inconclusive { reason, control: None };
    }
    let joins = joins(case);
    let Some(first) = joins.first() else {
        return judging::absence_unless(case, judging::beside(case), &|control| kept(case, control));
    };
    let mut ids: BTreeSet<String> = BTreeSet::new();
    for join in &joins {
        ids.extend(join.sightings.iter().map(|sighting| sighting.id()));
    }
    // Listed in the order of the evidence.
    let sightings = case.evidence().sightings.iter().map(Sighting::id).filter(|id| ids.remove(id)).collect();
    Outcome::Contradicted { reason: reason(case, first, joins.len()), sightings }
}

fn kept(case: &Case<'_>, control: &str) -> String {
    let labels: Vec<String> = case.data.iter().map(|data| data.label().to_owned()).collect();
    let text = format!(
        "nobody saw the {} in one message, on one connection or beside one identifier: {control}, {}",
        list(&labels, 4),
        judging::all_but_opaque(case, "")
    );
    sentence(&text)
}

/// One who could read. Widest first, as audiences are.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Reader {
    Public,
    Network,
    Third(String),
    Server(String),
    Provider,
}

/// What one reader sees as belonging together: a connection, or a record of a store.
type Unit<'a> = (&'a str, String);

/// Data that one reader could join.
struct Join<'a> {
    reader: Reader,
    /// How close: 0 in one message, 1 on one connection, 2 across connections.
    far: u8,
    /// The identifiers that join connections.
    through: Vec<&'a Sighting>,
    /// Everything it rests on.
    sightings: Vec<&'a Sighting>,
}

fn readers(case: &Case<'_>, sighting: &Sighting) -> Vec<Reader> {
    let one = |audience: &Audience| match (audience, &sighting.party) {
        (Audience::Public, _) => Reader::Public,
        (Audience::Network, _) => Reader::Network,
        (Audience::Provider, _) => Reader::Provider,
        (Audience::ThirdParty, Party::Third(name)) => Reader::Third(name.clone()),
        (Audience::ThirdParty, _) => Reader::Server(host_of(case, sighting)),
    };
    sighting.audiences.iter().map(one).collect()
}

fn unit(sighting: &Sighting) -> Unit<'_> {
    let place = &sighting.place;
    let within = match place.flow {
        Some(key) => format!("{:?} {} {} {}", key.transport, key.client, key.server, place.flow_start),
        None => format!("{} {:?}", place.flow_start, place.frames),
    };
    (place.capture.as_str(), within)
}

fn joins<'a>(case: &Case<'a>) -> Vec<Join<'a>> {
    let about = |sighting: &Sighting| case.is_about(sighting);
    let mut seen: BTreeMap<Reader, BTreeMap<Unit<'a>, Vec<&'a Sighting>>> = BTreeMap::new();
    for sighting in &case.evidence().sightings {
        let matters = (about(sighting) && case.counts(sighting)) || is_link(sighting);
        if matters {
            for reader in readers(case, sighting) {
                seen.entry(reader).or_default().entry(unit(sighting)).or_default().push(sighting);
            }
        }
    }
    let mut joins = Vec::new();
    for (reader, units) in seen {
        let units: Vec<Vec<&Sighting>> = units.into_values().collect();
        for group in grouped(&units) {
            let sightings: Vec<&Sighting> = group.iter().filter_map(|at| units.get(*at)).flatten().copied().collect();
            let of_claim: Vec<&Sighting> = sightings.iter().copied().filter(|s| about(s) && case.counts(s)).collect();
            if kinds(&of_claim) < 2 {
                continue;
            }
            let far = distance(case, &group, &units, &of_claim);
            let through = if far == 2 { links(&group, &units) } else { Vec::new() };
            let mut sightings = of_claim;
            sightings.extend(through.iter().filter(|link| !about(link)).copied());
            joins.push(Join { reader: reader.clone(), far, through, sightings });
        }
    }
    joins.sort_by(|a, b| (a.far, &a.reader).cmp(&(b.far, &b.reader)));
    joins
}

/// Whether whoever sees it twice knows that it is the same person or device.
fn is_link(sighting: &Sighting) -> bool {
    sighting.planted.is_some() && sighting.data.is_identifier()
}

fn kinds(sightings: &[&Sighting]) -> usize {
    sightings.iter().map(|sighting| sighting.data).collect::<BTreeSet<Data>>().len()
}

/// Units that share an identifier, however long the chain, as groups of their indices.
fn grouped(units: &[Vec<&Sighting>]) -> Vec<Vec<usize>> {
    let mut group_of: Vec<usize> = (0..units.len()).collect();
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, sightings) in units.iter().enumerate() {
        for sighting in sightings.iter().filter(|sighting| is_link(sighting)) {
            let Some(id) = sighting.planted.as_deref() else { continue };
            let known = *first.entry(id).or_insert(at);
            let (from, to) = (root(&group_of, at), root(&group_of, known));
            if let Some(slot) = group_of.get_mut(from.max(to)) {
                *slot = from.min(to);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..units.len() {
        groups.entry(root(&group_of, at)).or_default().push(at);
    }
    groups.into_values().collect()
}

/// Roots only ever point to smaller indices, so this ends.
fn root(group_of: &[usize], mut at: usize) -> usize {
    while let Some(&up) = group_of.get(at)
        && up < at
    {
        at = up;
    }
    at
}

fn distance(case: &Case<'_>, group: &[usize], units: &[Vec<&Sighting>], of_claim: &[&Sighting]) -> u8 {
    let mut messages: BTreeMap<_, Vec<&Sighting>> = BTreeMap::new();
    for sighting in of_claim {
        let key = (unit(sighting), sighting.place.direction, sighting.place.at, sighting.place.authority.as_deref());
        messages.entry(key).or_default().push(sighting);
    }
    if messages.values().any(|sightings| kinds(sightings) >= 2) {
        return 0;
    }
    let in_one = |at: &usize| {
        let about: Vec<&Sighting> =
            units.get(*at).into_iter().flatten().copied().filter(|s| case.is_about(s) && case.counts(s)).collect();
        kinds(&about) >= 2
    };
    if group.iter().any(in_one) { 1 } else { 2 }
}

/// Sightings of identifiers that appear in more than one unit of a group.
fn links<'a>(group: &[usize], units: &[Vec<&'a Sighting>]) -> Vec<&'a Sighting> {
    let mut places: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let inside = || group.iter().filter_map(|at| units.get(*at).map(|sightings| (*at, sightings)));
    for (at, sightings) in inside() {
        for sighting in sightings.iter().filter(|sighting| is_link(sighting)) {
            if let Some(id) = sighting.planted.as_deref() {
                places.entry(id).or_default().insert(at);
            }
        }
    }
    let shared = |s: &&&'a Sighting| s.planted.as_deref().and_then(|id| places.get(id)).is_some_and(|at| at.len() > 1);
    inside().flat_map(|(_, sightings)| sightings.iter().filter(shared).copied()).filter(|s| is_link(s)).collect()
}

/// An identifier, hashed or not: whoever got both can tell that they are one.
fn name(sighting: &Sighting) -> Option<String> {
    sighting.planted.as_deref().map(|id| format!("the {} \"{}\"", sighting.data.label(), tame(id)))
}

fn reason(case: &Case<'_>, join: &Join<'_>, joins: usize) -> String {
    let app = &case.scenario.app.name;
    let about = |sighting: &&&Sighting| case.is_about(sighting);
    let of_claim: Vec<&&Sighting> = join.sightings.iter().filter(about).collect();
    let host = of_claim.first().map(|sighting| host_of(case, sighting)).unwrap_or_default();
    let in_store = of_claim.first().is_some_and(|sighting| sighting.place.flow.is_none());
    let who = match &join.reader {
        Reader::Public => "anyone on the internet".to_owned(),
        Reader::Network => format!("anyone on the path to {}", tame(&host)),
        Reader::Provider if in_store => format!("{} itself", tame(app)),
        Reader::Provider => words::owner(app, &Party::Provider, &host),
        Reader::Third(name) => words::owner(app, &Party::Third(name.clone()), &host),
        Reader::Server(host) => words::owner(app, &Party::Unlisted, host),
    };
    let what = things(of_claim.iter().map(|sighting| **sighting));
    let through: BTreeSet<String> = join.through.iter().filter_map(|sighting| name(sighting)).collect();
    let how = match (join.far, in_store) {
        (0, true) => format!("in one record of the store {}", tame(&host)),
        (0, false) => "in one message".to_owned(),
        (1, _) => "on one connection".to_owned(),
        _ => format!("on connections that both carry {}", list(&through.into_iter().collect::<Vec<_>>(), 2)),
    };
    let more = if joins > 1 { format!("; {} in all", words::count(joins as u64, "such join")) } else { String::new() };
    sentence(&format!("{who} could join {what}: they travel {how}{more}"))
}
