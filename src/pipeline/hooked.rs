//! After the search for weak encryption: keys that hooks in the app logged, tried on what stayed shut. What they open
//! is never a sighting: they are the auditor's instrument. It shows that what was planted was on its way, sealed.

use crate::model::budget;
use crate::model::evidence::Evidence;
use crate::model::flow::{Fact, Flow, OPENED};
use crate::model::opacity::Opacity;
use crate::model::payload::{Payload, Pool};
use crate::model::scenario::Planted;
use crate::model::stream::Direction;
use crate::pipeline::breaking::{by_place, mark_as};
use crate::sighting::run::logged::Trials;
use std::collections::{BTreeMap, BTreeSet};

/// What the logged keys of each capture open of its own payloads, put on the flows that carried them.
pub(super) fn open(evidence: &mut Evidence, shut: &Pool, planted: &[Planted]) {
    let hooks = std::mem::take(&mut evidence.hooks);
    if hooks.is_empty() {
        return;
    }
    let trials = Trials::new(planted, budget::HOOK_WORK);
    let mut flows = by_place(&mut evidence.flows);
    let mut told: BTreeMap<_, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    let id = |payload: &Payload| (payload.place.capture.clone(), payload.place.flow, payload.place.flow_start);
    for payload in shut.payloads().filter(|payload| payload.class.is_opaque()) {
        let Some(flow) = flows.of(payload) else { continue };
        // A conversation that several captures saw is all of theirs.
        let captures: BTreeSet<String> = flow.ids().map(|(capture, ..)| capture.to_owned()).collect();
        let logged = captures.iter().filter_map(|capture| hooks.get(capture));
        let Some(sealed) = logged.into_iter().find_map(|hooks| trials.open(hooks, payload)) else { continue };
        let inside = told.entry(id(payload)).or_default().entry(sealed.algorithm.clone()).or_default();
        inside.extend(sealed.planted.iter().cloned());
        // What repeats itself stays as it was without the keys: they neither help nor harm it.
        if !sealed.is_sound {
            continue;
        }
        mark_as(flow, payload, Opacity::Encrypted);
        if payload.place.direction == Direction::ToServer {
            for planted in sealed.planted {
                let places = flow.sealed_inside.entry(planted).or_default();
                *places = places.saturating_add(1);
            }
        }
    }
    for payload in shut.payloads() {
        let (Some(algorithms), Some(flow)) = (told.remove(&id(payload)), flows.of(payload)) else { continue };
        tell(flow, algorithms);
    }
    if trials.is_spent() {
        let note = "not every logged key was tried on every opaque payload: the budget of steps ran out";
        evidence.notes.push(note.to_owned());
    }
}

fn tell(flow: &mut Flow, algorithms: BTreeMap<String, BTreeSet<String>>) {
    for (algorithm, inside) in algorithms {
        let inside: Vec<String> = inside.into_iter().collect();
        let inside = if inside.is_empty() { "nothing planted".to_owned() } else { inside.join(", ") };
        flow.add_fact(Fact { name: OPENED, value: format!("{algorithm}: {inside}"), weakness: None });
    }
}
