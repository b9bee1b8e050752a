//! When everybody's name is known: runs of one action, held against each other. What they show betters a control, or
//! takes it from a payload that carries no text; it is never a sighting.

use crate::model::evidence::Evidence;
use crate::model::flow::{Fact, Flow};
use crate::model::opacity::Opacity;
use crate::model::origin::FrameNo;
use crate::model::pair::{Reading, Sample};
use crate::model::payload::Pool;
use crate::model::scenario::{Party, Scenario};
use crate::model::sighting::Sighting;
use crate::model::stream::{Direction, FlowKey};
use crate::pipeline::breaking::by_place;
use crate::sighting::pair::{self, Beside, Mark, Says};
use std::collections::{BTreeMap, BTreeSet};

/// Name of the fact that says whose length a payload of a flow follows from run to run.
const CARRIES: &str = "pair.carries";
/// Name of the fact that says which planted values a payload of a flow does not carry.
const CARRIES_NONE: &str = "pair.carries-none-of";

/// A flow, as messages and places name it.
type Id = (String, Option<FlowKey>, FrameNo);

/// What flows and sightings say of the messages that are compared.
struct Known<'e> {
    servers: BTreeMap<Id, (Party, Option<String>)>,
    sightings: BTreeMap<Id, Vec<&'e Sighting>>,
}

impl Beside for Known<'_> {
    fn is_readable(&self, capture: &str, sample: &Sample, field: &Reading, planted: &str) -> bool {
        let of = self.sightings.get(&(capture.to_owned(), sample.flow.0, sample.flow.1));
        of.into_iter().flatten().any(|sighting| {
            let place = &sighting.place;
            sighting.planted.as_deref() == Some(planted)
                && place.trail.starts_with(&field.trail)
                && place.frames.contains(&field.frame)
        })
    }

    fn server(&self, capture: &str, sample: &Sample) -> (Party, Option<String>) {
        let known = self.servers.get(&(capture.to_owned(), sample.flow.0, sample.flow.1)).cloned();
        let (party, host) = known.unwrap_or((Party::Unlisted, None));
        (party, sample.authority.clone().or(host))
    }
}

/// Holds the runs of every pair against each other. `shut`: the payloads against which nothing speaks.
pub(super) fn hold(evidence: &mut Evidence, shut: &Pool, scenario: &Scenario) {
    let samples = std::mem::take(&mut evidence.samples);
    if scenario.pairs.is_empty() {
        return;
    }
    let mut known = Known { servers: BTreeMap::new(), sightings: BTreeMap::new() };
    for flow in &evidence.flows {
        let host = flow.host.clone().or_else(|| Some(flow.key.server.to_string()));
        let ids = flow.ids().map(|(capture, key, frame)| (capture.to_owned(), Some(key), frame));
        known.servers.extend(ids.map(|id| (id, (flow.party.clone(), host.clone()))));
    }
    for sighting in evidence.sightings.iter().filter(|sighting| sighting.planted.is_some()) {
        let place = &sighting.place;
        let id = (place.capture.clone(), place.flow, place.flow_start);
        known.sightings.entry(id).or_default().push(sighting);
    }
    let (compared, marks) = pair::compare(&samples, &scenario.pairs, &scenario.planted, &known);
    evidence.pairs = compared;
    let payload = |capture: &str, flow: Option<FlowKey>, start: FrameNo, frame: FrameNo, len: u64| {
        (capture.to_owned(), flow, start, frame, len)
    };
    let sound: BTreeSet<_> = (shut.payloads())
        .filter(|payload| payload.class.is_opaque())
        .map(|sealed| {
            let place = &sealed.place;
            let frame = place.frames.first().copied().unwrap_or(place.flow_start);
            payload(&place.capture, place.flow, place.flow_start, frame, sealed.len)
        })
        .collect();
    let mut flows = by_place(&mut evidence.flows);
    for found in marks {
        let Mark { capture, flow, frame, len, .. } = &found;
        let Some(carrier) = flows.at(capture, flow.0, flow.1) else { continue };
        match &found.says {
            // What is provably weak stays so.
            Says::Carries(planted) if sound.contains(&payload(capture, flow.0, flow.1, *frame, *len)) => {
                carries(carrier, &found, planted);
            }
            Says::Carries(planted) | Says::MayCarry(planted) => {
                carrier.may_follow.insert(planted.clone());
            }
            Says::CarriesNone(planted) => carries_none(carrier, &found, planted),
        }
    }
}

fn carries(flow: &mut Flow, found: &Mark, planted: &str) {
    for known in &mut flow.opaque {
        let is_it = known.frame == found.frame && known.len == found.len && known.direction == Direction::ToServer;
        if is_it && known.opacity == Opacity::RandomLooking {
            known.opacity = Opacity::Encrypted;
            if found.bare {
                flow.opacity.shift(Opacity::RandomLooking, Opacity::Encrypted, found.len);
            }
        }
    }
    flow.portraits.repaint(Direction::ToServer, &found.label, found.frame, found.bytes, Opacity::Encrypted);
    let longest = flow.follows.entry(planted.to_owned()).or_default();
    *longest = found.len.max(*longest);
    let value = format!("{planted}: {} bytes in frame {}", found.len, found.frame);
    flow.add_fact(Fact { name: CARRIES, value, weakness: None });
}

fn carries_none(flow: &mut Flow, found: &Mark, planted: &BTreeSet<String>) {
    let ids: Vec<&str> = planted.iter().map(String::as_str).collect();
    for known in &mut flow.opaque {
        // A clear header around it may have been left out of its length.
        let is_it = known.frame == found.frame
            && known.direction == Direction::ToServer
            && (known.len == found.len || known.len < found.len && known.trail.ends_with(&found.position));
        if is_it {
            known.carries_none_of.extend(planted.iter().cloned());
        }
    }
    let value = format!("{}: {} bytes in frame {}", ids.join(", "), found.len, found.frame);
    flow.add_fact(Fact { name: CARRIES_NONE, value, weakness: None });
}
