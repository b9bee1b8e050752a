//! Verdicts must be earned: what stands between a claim and `consistent`.
//!
//! [`Consistent`] can only be made out of [`Covered`] (nothing that the promise is about went by unread) and
//! [`Control`] (the action shows in the traffic), and only this file makes those. A promise cannot pass by mistake:
//!
//! ```compile_fail
//! use plainsight::verdict::earned::{Consistent, Control, Covered};
//! let covered = Covered { _read: () };
//! ```
//! ```compile_fail
//! use plainsight::verdict::earned::Control;
//! let control = Control { says: String::new() };
//! ```

use crate::model::flow::{Blind, Flow, OpaquePayload, Standing};
use crate::model::scenario::{Party, Planted};
use crate::model::sighting::Sighting;
use crate::model::stream::Direction;
use crate::model::taxonomy::Data;
use crate::verdict::audience::server_name;
use crate::verdict::case::{Case, is_sealed};
use crate::verdict::hiding;
use crate::verdict::words::{count, host_of, list, owner, tame};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What a promise finds.
#[derive(Debug)]
pub enum Outcome {
    /// The promise forbids what was seen.
    Contradicted {
        /// Why.
        reason: String,
        /// Ids of the sightings it rests on.
        sightings: Vec<String>,
    },
    /// Nothing was read, but the protection is provably poor.
    Weakened {
        /// Why.
        reason: String,
        /// Ids of sightings it rests on, if any.
        sightings: Vec<String>,
        /// Ids of weaknesses it rests on, if any.
        weaknesses: Vec<String>,
    },
    /// Not enough was seen.
    Inconclusive {
        /// What was missing.
        reason: String,
        /// What shows that the action happened, if anything does.
        control: Option<String>,
    },
    /// A breach would have been seen and was not.
    Consistent(Consistent),
}

/// Proof that nothing the promise is about went by unread.
#[derive(Debug)]
pub struct Covered {
    _read: (),
}

/// Proof that what the claim is about happened in the traffic.
#[derive(Debug)]
pub struct Control {
    says: String,
}

impl Control {
    /// What shows it: one phrase.
    pub fn says(&self) -> &str {
        &self.says
    }
}

/// Proof that a claim was held to the evidence and stood.
#[derive(Debug)]
pub struct Consistent {
    reason: String,
    control: Control,
}

impl Consistent {
    /// Spends the proofs.
    pub fn new(_covered: Covered, control: Control, reason: String) -> Self {
        Self { reason, control }
    }

    /// Why, in one sentence.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What shows that the action happened.
    pub fn control(&self) -> &str {
        &self.control.says
    }
}

/// Proves coverage, or says everything that is missing, in the order of telling. `spare`: blind spots that do no harm
/// to this promise.
pub fn covered(case: &Case<'_>, spare: &dyn Fn(&Flow, Blind) -> bool) -> Result<Covered, Vec<String>> {
    let mut missing = unplanted(case);
    let evidence = case.evidence();
    for input in &evidence.inputs {
        if let Some(stopped) = &input.stopped {
            missing.push(format!("{} could not be read to its end ({})", tame(&input.name), tame(stopped)));
        }
    }
    let mut cut: Vec<String> =
        evidence.flows.iter().filter(|flow| flow.cut_by_end).map(|flow| tame(&server_name(flow))).collect();
    cut.sort();
    cut.dedup();
    if !cut.is_empty() {
        missing.push(format!("the capture ends in the middle of a conversation with {}", list(&cut, 2)));
    }
    missing.extend(blind(case, spare));
    if evidence.unread_records > 0 {
        missing.push(format!(
            "{} of a dump or an archive could not be read in full",
            count(evidence.unread_records, "record")
        ));
    }
    if evidence.sightings_dropped > 0 {
        missing.push(format!("{} more were found than are kept", count(evidence.sightings_dropped, "sighting")));
    }
    missing.extend(doubtful(case));
    if missing.is_empty() { Ok(Covered { _read: () }) } else { Err(missing) }
}

/// Texts where somebody who must not could read them, cut short, of which nobody can say whether they are what was planted.
fn doubtful(case: &Case<'_>) -> Option<String> {
    let seen: Vec<&Sighting> = case.sightings().filter(|s| s.is_doubtful() && case.is_forbidden(s)).collect();
    let first = seen.first()?;
    let owner = owner(&case.scenario.app.name, &first.party, &host_of(case, first));
    let places = count(seen.len() as u64, "place");
    let what = first.data.label();
    Some(format!("{owner} got what may be the beginning of the planted {what}, and of many others, in {places}"))
}

/// Takes coverage back where a promise misses more than blind spots.
pub fn also(covered: Result<Covered, Vec<String>>, hidden: Vec<String>) -> Result<Covered, Vec<String>> {
    match covered {
        Ok(covered) if hidden.is_empty() => Ok(covered),
        Ok(_) => Err(hidden),
        Err(mut missing) => {
            missing.extend(hidden);
            Err(missing)
        }
    }
}

/// Data of the claim of which nothing was planted, though it could have been.
fn unplanted(case: &Case<'_>) -> Vec<String> {
    let planted = |data: &Data| case.planted.iter().any(|planted| planted.data == *data);
    let mut labels: Vec<String> = case
        .data
        .iter()
        .filter(|data| data.can_be_planted() && !planted(data))
        .map(|data| data.label().to_owned())
        .collect();
    if case.data.is_empty() {
        labels.push(Data::Any.label().to_owned());
    }
    if labels.is_empty() { Vec::new() } else { vec![format!("nothing was planted for {}", list(&labels, 4))] }
}

/// What went by unread, by server and reason, most bytes first.
fn blind(case: &Case<'_>, spare: &dyn Fn(&Flow, Blind) -> bool) -> Vec<String> {
    let mut gaps: BTreeMap<(Party, String, Blind), (u64, u64)> = BTreeMap::new();
    for flow in &case.evidence().flows {
        let mut reasons: BTreeMap<Blind, u64> = BTreeMap::new();
        for spot in flow.blind.iter().filter(|spot| case.may_hide(flow, spot) && !spare(flow, spot.why)) {
            let bytes = reasons.entry(spot.why).or_default();
            *bytes = bytes.saturating_add(spot.bytes);
        }
        for (why, bytes) in reasons {
            let row = gaps.entry((flow.party.clone(), server_name(flow), why)).or_default();
            *row = (row.0.saturating_add(flow.count), row.1.saturating_add(bytes));
        }
    }
    let mut gaps: Vec<_> = gaps.into_iter().collect();
    gaps.sort_by(|(a, x), (b, y)| (std::cmp::Reverse(x.1), a).cmp(&(std::cmp::Reverse(y.1), b)));
    let says = |((party, host, why), (flows, bytes)): &((Party, String, Blind), (u64, u64))| {
        let size = if *bytes > 0 { format!(", {}", count(*bytes, "byte")) } else { String::new() };
        let owner = owner(&case.scenario.app.name, party, host);
        format!("{} to {owner} could not be read ({}{size})", count(*flows, "flow"), why.told(case.evidence().secrets))
    };
    gaps.iter().map(says).collect()
}

/// The positive control of promises about content: every planted value of the claim is on its way, opaque or sealed.
///
/// A planted value's control is an opaque payload of the app's own to the provider, at least as long as the value,
/// whatever it is wrapped in; session tokens, public keys, digests and what the server gave before are none, as they
/// travel while nobody writes. With `in_transit`, it is also a record to the provider that stays sealed and could hold
/// the value, or the value itself seen inside a layer that hides it from the network. Better than either is the value
/// itself in what the app sealed before it sent it, where logged keys of the app open that; then a payload whose length
/// follows the value's from run to run. One that was the same in runs with other values is none. Call audio's control is a
/// media stream.
pub fn content(case: &Case<'_>, in_transit: bool) -> Result<Control, String> {
    let mut shows: Vec<String> = Vec::new();
    let mut lacking: Vec<String> = Vec::new();
    for planted in &case.planted {
        let seen = if in_transit { seen_inside(case, planted) } else { None };
        let seen = seen.or_else(|| sealed_inside(case, planted)).or_else(|| follows(case, planted));
        let sealed = || if in_transit { sealed(case, planted) } else { None };
        match seen.or_else(sealed).or_else(|| opaque(case, planted)) {
            Some(phrase) => shows.push(phrase),
            None => lacking.push(format!("{} \"{}\"", planted.data.label(), tame(&planted.id))),
        }
    }
    let plants = |data: Data| case.planted.iter().any(|planted| planted.data == data);
    for data in case.data.iter().filter(|data| !data.can_be_planted() && !plants(**data)) {
        let packets = case.evidence().flows.iter().fold(0_u64, |sum, flow| sum.saturating_add(flow.media_packets));
        if packets > 0 {
            shows.push(format!("a media stream of {}", count(packets, "packet")));
        } else {
            lacking.push(data.label().to_owned());
        }
    }
    shows.sort();
    shows.dedup();
    if !lacking.is_empty() {
        let constant = |planted: &Planted| {
            case.evidence().flows.iter().flat_map(|flow| &flow.opaque).any(|p| p.carries_none_of.contains(&planted.id))
        };
        let same = if case.planted.iter().any(|planted| constant(planted)) {
            " that is not the same whichever text was sent"
        } else {
            ""
        };
        return Err(format!(
            "nothing in the traffic shows that {} was sent: no payload to the provider{same} is large enough to carry it",
            list(&lacking, 3)
        ));
    }
    if shows.is_empty() {
        return Err("nothing in the traffic shows that the action happened".to_owned());
    }
    Ok(Control { says: list(&shows, 2) })
}

/// The opaque payload that may carry a planted value.
fn opaque(case: &Case<'_>, planted: &Planted) -> Option<String> {
    let need = planted.value.len() as u64;
    let fits = |payload: &OpaquePayload| {
        payload.opacity.is_opaque()
            && payload.direction == Direction::ToServer
            && payload.len >= need
            && payload.standing == Standing::Content
            && !payload.carries_none_of.contains(&planted.id)
    };
    let flows = case.evidence().flows.iter().filter(|flow| flow.party == Party::Provider);
    let payloads = flows.flat_map(|flow| flow.opaque.iter().filter(|p| fits(p)).map(move |p| (flow, p)));
    let payloads = payloads.filter(|(flow, payload)| !hiding::is_handed_back(case, flow, payload));
    // The longest of an envelope that is recognised, else the longest; by name where equal, so that order is nothing.
    let best = payloads.max_by_key(|(flow, p)| (p.envelope.is_some(), p.len, std::cmp::Reverse(server_name(flow))))?;
    let (flow, payload) = best;
    let what = match payload.envelope {
        Some(envelope) => format!("an envelope ({envelope})"),
        None => format!("an opaque payload ({})", payload.opacity.name()),
    };
    Some(format!("{what} of {} to {}", count(payload.len, "byte"), tame(&server_name(flow))))
}

/// The sealed record that may carry a planted value.
fn sealed(case: &Case<'_>, planted: &Planted) -> Option<String> {
    let need = planted.value.len() as u64;
    let flows = case.evidence().flows.iter();
    let flow = flows
        .filter(|flow| flow.party == Party::Provider && flow.sealed_to_server >= need && is_sealed(flow))
        .max_by_key(|flow| (flow.sealed_to_server, std::cmp::Reverse(server_name(flow))))?;
    Some(format!("a sealed run of {} to {}", count(flow.sealed_to_server, "byte"), tame(&server_name(flow))))
}

/// The value itself, where the network cannot read it.
fn seen_inside(case: &Case<'_>, planted: &Planted) -> Option<String> {
    let inside = |sighting: &&Sighting| {
        sighting.planted.as_deref() == Some(planted.id.as_str())
            && sighting.place.flow.is_some()
            && sighting.place.secured
    };
    let places = case.sightings().filter(inside).count() as u64;
    let id = tame(&planted.id);
    (places > 0).then(|| format!("\"{id}\" itself inside an encrypted layer, in {}", count(places, "place")))
}

/// The value itself, inside what the app sealed: its logged keys show it to the auditor alone.
fn sealed_inside(case: &Case<'_>, planted: &Planted) -> Option<String> {
    let flows = case.evidence().flows.iter().filter(|flow| flow.party == Party::Provider);
    let counts = flows.filter_map(|flow| flow.sealed_inside.get(&planted.id));
    let places = counts.fold(0_u64, |sum, places| sum.saturating_add(*places));
    let id = tame(&planted.id);
    (places > 0).then(|| {
        format!("the planted text \"{id}\" itself, sealed by the app before it was sent, in {}", count(places, "place"))
    })
}

/// The payload whose length follows the value's from run to run.
fn follows(case: &Case<'_>, planted: &Planted) -> Option<String> {
    let flows = case.evidence().flows.iter().filter(|flow| flow.party == Party::Provider);
    let lengths = flows.filter_map(|flow| Some((*flow.follows.get(&planted.id)?, flow)));
    let fits = lengths.filter(|(len, _)| *len >= planted.value.len() as u64);
    let (len, flow) = fits.max_by_key(|(len, flow)| (*len, std::cmp::Reverse(server_name(flow))))?;
    Some(format!(
        "a payload of {} to {} whose length follows that of \"{}\" from run to run",
        count(len, "byte"),
        tame(&server_name(flow)),
        tame(&planted.id)
    ))
}

/// The positive control of promises of absence: messages of the app that were read in full, to the provider or to an
/// audience that the promise is about. Look-ups of names and shouts into the local network are the system's.
pub fn absence(case: &Case<'_>) -> Result<Control, String> {
    let evidence = case.evidence();
    if evidence.flows.is_empty() {
        return Err("there is no traffic to judge by".to_owned());
    }
    let audience =
        |flow: &&Flow| flow.party == Party::Provider || case.promise.forbids.contains(&flow.party.audience());
    let flows: Vec<&Flow> = evidence.flows.iter().filter(audience).filter(|flow| is_the_apps(flow)).collect();
    let read = |flows: &[&Flow]| flows.iter().fold(0_u64, |sum, flow| sum.saturating_add(flow.read_in_full[0]));
    let messages = read(&flows);
    if messages == 0 {
        return Err("no message of the app was read in full".to_owned());
    }
    let mut hosts: Vec<String> =
        flows.iter().filter(|flow| flow.read_in_full[0] > 0).map(|flow| tame(&server_name(flow))).collect();
    hosts.sort();
    hosts.dedup();
    Ok(Control { says: format!("{} read in full, to {}", count(messages, "message"), list(&hosts, 2)) })
}

fn is_the_apps(flow: &Flow) -> bool {
    let shout = match flow.key.server.ip {
        IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_multicast(),
    };
    // Look-ups and clocks that nothing has recognised are told by their ports: here a port can only cost a control.
    let chore = flow.protocol == "unknown" && matches!(flow.key.server.port, 53 | 123 | 5353);
    // A request without content to somebody whom nobody listed is the system's connectivity check as likely as not.
    let known = !matches!(flow.party, Party::Unlisted) || flow.telling > 0;
    !shout && !chore && known && flow.protocol != "dns"
}

/// Opaque payloads that are as long as a planted value in every run, on their way to somebody the promise keeps it from: a
/// phrase for each host. `spare`: flows on which the content has to travel.
pub fn varies_with(case: &Case<'_>, spare: &dyn Fn(&Flow) -> bool) -> Vec<String> {
    let mut hosts: BTreeMap<(Party, String), (bool, Vec<String>)> = BTreeMap::new();
    let forbidden = |flow: &&Flow| case.promise.forbids.contains(&flow.party.audience()) && !spare(flow);
    for flow in case.evidence().flows.iter().filter(forbidden) {
        for planted in &case.planted {
            let surely = flow.follows.contains_key(&planted.id);
            if surely || flow.may_follow.contains(&planted.id) {
                let (sure, ids) = hosts.entry((flow.party.clone(), server_name(flow))).or_default();
                *sure |= surely;
                ids.push(format!("\"{}\"", tame(&planted.id)));
            }
        }
    }
    let says = |((party, host), (sure, mut ids)): ((Party, String), (bool, Vec<String>))| {
        ids.sort();
        ids.dedup();
        let owner = owner(&case.scenario.app.name, &party, &host);
        let follows = if sure { "follows" } else { "may follow" };
        format!("the length of an opaque payload to {owner} {follows} that of {} from run to run", list(&ids, 2))
    };
    hosts.into_iter().map(says).collect()
}
