//! The stage after all workers are done: opaque payloads of the whole run held against each other. What is recovered is
//! peeled and searched like any message.

use crate::field;
use crate::model::budget;
use crate::model::evidence::Evidence;
use crate::model::flow::{Blind, BlindSpot, Flow, OpaquePayload};
use crate::model::message::{Message, Part, PartKind};
use crate::model::opacity::Opacity;
use crate::model::origin::{FrameNo, Origins};
use crate::model::packet::Endpoint;
use crate::model::payload::{Payload, Pool};
use crate::model::scenario::{Pair, Party, Planted};
use crate::model::sighting::{Masked, Sighting};
use crate::model::stream::{FlowKey, Transport};
use crate::model::weakness::{Exhibit, Weakness};
use crate::opacity;
use crate::sighting::detector::RUN_DETECTORS;
use crate::sighting::run::{self, Find, Outcome, Proof, Run};
use crate::sighting::{self, Scene};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Looks for encryption that is none in all of a run's evidence, and adds what it finds. Gives back the payloads against
/// which nothing speaks.
pub(super) fn break_open(evidence: &mut Evidence, cx: &sighting::Cx<'_>, pairs: &[Pair]) -> Pool {
    let mut pool = std::mem::take(&mut evidence.pool);
    let payloads: Vec<&Payload> = pool.payloads().collect();
    let (dropped, crowded) = pool.left_out();
    if payloads.is_empty() {
        return pool;
    }
    let tokens: Vec<_> = pool.tokens().collect();
    let Outcome { finds, spent, untried } =
        run::on_run(|| Run::new(cx.planted, &payloads, &tokens, pairs, budget::RUN_WORK));
    if dropped > 0 {
        evidence.notes.push(format!("{dropped} opaque payloads were too many to be held against each other"));
    }
    if crowded {
        evidence.notes.push("not every value was tried as a key: there were too many".to_owned());
    }
    for id in spent {
        evidence.notes.push(format!("the search for weak encryption ({id}) ended early: its budget of steps ran out"));
    }
    let mut flows = by_place(&mut evidence.flows);
    for payload in untried.iter().filter_map(|index| payloads.get(*index)) {
        leave_open(&mut flows, payload);
    }
    let mut broken: BTreeSet<usize> = BTreeSet::new();
    let mut weak: BTreeSet<usize> = BTreeSet::new();
    let mut read: BTreeSet<usize> = BTreeSet::new();
    let mut sightings: Vec<Sighting> = Vec::new();
    for mut find in finds {
        if find.undone.is_some() {
            // What was read already is not read again.
            find.proof.retain(|proof| broken.insert(proof.payload));
            for proof in &find.proof {
                let (seen, all) = see(&find, proof, &payloads, cx);
                sightings.extend(seen);
                read.extend(all.then_some(proof.payload));
            }
        }
        weak.extend(find.proof.iter().map(|proof| proof.payload));
        for proof in &find.proof {
            if let Some(payload) = payloads.get(proof.payload) {
                mark(&mut flows, payload, read.contains(&proof.payload));
            }
        }
        evidence.weaknesses.extend(weakness(find, &payloads, cx.planted));
    }
    sightings.retain(|new| !evidence.sightings.iter().any(|known| is_same(known, new)));
    let room = budget::SIGHTINGS.saturating_sub(evidence.sightings.len());
    let over = sightings.len().saturating_sub(room);
    evidence.sightings_dropped = evidence.sightings_dropped.saturating_add(over as u64);
    evidence.sightings.extend(sightings.into_iter().take(room));
    let mut index = 0..;
    pool.retain(|_| index.next().is_some_and(|index: usize| !weak.contains(&index)));
    pool
}

/// Flows, and where each is by what places name it.
pub(super) struct Flows<'f> {
    at: BTreeMap<(String, Option<FlowKey>, FrameNo), usize>,
    flows: &'f mut [Flow],
}

impl Flows<'_> {
    /// The flow that carried a payload.
    pub(super) fn of(&mut self, payload: &Payload) -> Option<&mut Flow> {
        let place = &payload.place;
        self.at(&place.capture, place.flow, place.flow_start)
    }

    /// The flow of a capture with these ends and this first frame.
    pub(super) fn at(&mut self, capture: &str, key: Option<FlowKey>, start: FrameNo) -> Option<&mut Flow> {
        let index = self.at.get(&(capture.to_owned(), key, start)).copied()?;
        self.flows.get_mut(index)
    }
}

pub(super) fn by_place(flows: &mut [Flow]) -> Flows<'_> {
    let mut at = BTreeMap::new();
    for (index, flow) in flows.iter().enumerate() {
        at.extend(flow.ids().map(|(capture, key, frame)| ((capture.to_owned(), Some(key), frame), index)));
    }
    Flows { at, flows }
}

/// Of a payload that not all keys were tried on that should have been, nobody knows that it is shut.
fn leave_open(flows: &mut Flows<'_>, payload: &Payload) {
    if let Some(flow) = flows.of(payload) {
        let detail = "values that were sent, tried as keys to its payloads".to_owned();
        let spot = BlindSpot { why: Blind::Budget, direction: payload.place.direction, detail, bytes: 0 };
        flow.add_blind(spot, budget::FLOW_BLIND);
    }
}

/// What is weakly encrypted is no control, and on a clear flow a listener sees it as such. `read`: nothing of it is left
/// that anything may hide in.
fn mark(flows: &mut Flows<'_>, payload: &Payload, read: bool) {
    if let Some(flow) = flows.of(payload) {
        mark_as(flow, payload, Opacity::WeaklyEncrypted);
        for known in flow.opaque.iter_mut().filter(|known| read && is_it(known, payload)) {
            known.undone = true;
        }
    }
}

/// Whether what a flow remembers is a payload: its first byte need not have come in its first frame.
fn is_it(known: &OpaquePayload, payload: &Payload) -> bool {
    let place = &payload.place;
    known.len == payload.len && known.direction == place.direction && place.frames.contains(&known.frame)
}

/// Says of a payload what its bytes alone did not.
pub(super) fn mark_as(flow: &mut Flow, payload: &Payload, class: Opacity) {
    let place = &payload.place;
    let frame = place.frames.first().copied();
    for known in flow.opaque.iter_mut().filter(|known| is_it(known, payload)) {
        known.opacity = class;
    }
    flow.portraits.repaint(place.direction, &payload.label, frame.unwrap_or(place.flow_start), place.bytes, class);
    if payload.bare && !place.secured {
        flow.opacity.shift(payload.class, class, payload.len);
    }
}

/// A planted value that was seen in the same bytes without breaking anything.
fn is_same(known: &Sighting, new: &Sighting) -> bool {
    let (a, b) = (&known.place, &new.place);
    known.planted == new.planted
        && known.data == new.data
        && (&a.capture, a.flow, a.flow_start, &a.frames) == (&b.capture, b.flow, b.flow_start, &b.frames)
        && b.trail.starts_with(&a.trail)
        && a.bytes.0 < b.bytes.1
        && b.bytes.0 < a.bytes.1
}

/// What is readable in recovered text, and whether that is all that the payload holds.
fn see(find: &Find, proof: &Proof, payloads: &[&Payload], cx: &sighting::Cx<'_>) -> (Vec<Sighting>, bool) {
    let Some(payload) = payloads.get(proof.payload) else { return (Vec::new(), false) };
    let came_out: usize = proof.recovered.iter().map(|(_, bytes)| bytes.len()).sum();
    // Nonces and tags are no content, and what is shorter hides none.
    let mut all = payload.is_whole() && came_out.saturating_add(TRIMMINGS) >= payload.bytes.len();
    let step = find.undone.as_deref().unwrap_or_default();
    let mut out = Vec::new();
    for (_, bytes) in &proof.recovered {
        let message = message(payload, bytes);
        let tree = field::walk(&message);
        all &= tree.leaves().all(|(_, node)| {
            let bytes = tree.bytes(node);
            bytes.len() <= TRIMMINGS || !opacity::assess(bytes).class.is_opaque()
        });
        let place = &payload.place;
        let scene = Scene { capture: &place.capture, flow: place.flow, flow_start: place.flow_start };
        for mut sighting in sighting::detect(&tree, cx, &scene).sightings {
            let inner = std::mem::take(&mut sighting.place.trail);
            sighting.place = place.clone();
            sighting.place.trail.push(step.to_owned());
            sighting.place.trail.extend(inner);
            sighting.form = match sighting.form.as_str() {
                "as-typed" => step.to_owned(),
                form => format!("{step}, {form}"),
            };
            let reason = sighting.reason.trim_end_matches('.');
            sighting.reason = format!("{reason} (once undone: {step}) in \"{}\".", payload.label);
            out.push(sighting);
        }
    }
    (out, all)
}

/// Bytes around a ciphertext.
const TRIMMINGS: usize = 64;

/// Recovered text as a message of its own, in the place of the one that carried it.
fn message(payload: &Payload, bytes: &[u8]) -> Message {
    let nowhere = Endpoint { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 0 };
    let frame = payload.place.frames.first().copied().unwrap_or(payload.place.flow_start);
    let part = Part::new(PartKind::Body, bytes.to_vec(), Origins::one(bytes.len(), frame));
    Message {
        flow: payload.place.flow.unwrap_or(FlowKey { transport: Transport::Tcp, client: nowhere, server: nowhere }),
        layers: Arc::from([]),
        protocol: "raw",
        label: String::new(),
        direction: payload.place.direction,
        at: payload.place.at,
        host: payload.place.authority.clone(),
        parts: vec![part],
        whole: payload.is_whole(),
    }
}

fn weakness(find: Find, payloads: &[&Payload], planted: &[Planted]) -> Option<Weakness> {
    let exhibits: Vec<Exhibit> = find
        .proof
        .iter()
        .filter_map(|proof| Some((proof, payloads.get(proof.payload)?)))
        .take(budget::EXHIBITS)
        .map(|(proof, payload)| exhibit(proof, payload, planted))
        .collect();
    if exhibits.is_empty() {
        return None;
    }
    let more = find.proof.len().saturating_sub(exhibits.len()) as u64;
    let card = RUN_DETECTORS.iter().map(|detector| detector.card()).find(|card| card.id == find.detector)?;
    Some(Weakness {
        detector: card.id,
        title: card.title,
        bound: card.bound,
        reason: format!("{}.", find.reason),
        undone: find.undone,
        exhibits,
        more,
    })
}

fn exhibit(proof: &Proof, payload: &Payload, planted: &[Planted]) -> Exhibit {
    let before = payload.bytes.get(..payload.bytes.len().min(budget::EXHIBIT_BYTES)).unwrap_or_default().to_vec();
    let text = text(&proof.recovered);
    let planted = text.as_deref().map(|text| marks(text, planted)).unwrap_or_default();
    Exhibit {
        place: payload.place.clone(),
        len: payload.len,
        before,
        after: text.map(Masked::new),
        planted,
        party: Party::Unlisted,
        audiences: Vec::new(),
    }
}

/// What was recovered, as text: what is no character shows as a dot, what is not known as an ellipsis.
fn text(pieces: &[(usize, Vec<u8>)]) -> Option<String> {
    let mut out = String::new();
    let mut end = 0;
    for (at, bytes) in pieces {
        if *at > end {
            out.push('…');
        }
        end = at.saturating_add(bytes.len());
        let shown = String::from_utf8_lossy(bytes.get(..bytes.len().min(budget::EXHIBIT_BYTES)).unwrap_or_default());
        let tame = |c: char| if c.is_control() || c == char::REPLACEMENT_CHARACTER { '·' } else { c };
        out.extend(shown.chars().map(tame));
    }
    (!pieces.is_empty()).then_some(out)
}

/// Character ranges of a text that are planted values.
fn marks(text: &str, planted: &[Planted]) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for value in planted.iter().map(|planted| planted.value.trim()).filter(|value| value.len() >= 4) {
        for (at, found) in text.match_indices(value) {
            let start = text.get(..at).map_or(0, |before| before.chars().count());
            out.push((start, start.saturating_add(found.chars().count())));
        }
    }
    out.sort_unstable();
    // Of values that overlap, the first.
    let mut end = 0;
    out.retain(|(start, to)| {
        let fits = *start >= end;
        if fits {
            end = *to;
        }
        fits
    });
    out
}
