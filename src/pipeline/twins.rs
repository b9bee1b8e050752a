//! One conversation that several captures saw (on the phone and at the gateway, a file and its copy) counts once. The
//! better reading stands for all of them; what only another one shows is kept, and what nobody can tell stays open.
//!
//! Conversations are one where their ends are the same and their handshakes are (initial sequence numbers and first
//! bytes), or, where a capture begins later, where the same sequence numbers, or the same datagrams, were seen at the same
//! time. Everything else is left apart: behind address translation, in another format, in the same capture. Of a proxy and
//! the packets beside it nobody can say which side of it they are.

use crate::model::budget;
use crate::model::evidence::Evidence;
use crate::model::flow::{Blind, BlindSpot, Flow, OpaquePayload, Seen};
use crate::model::origin::FrameNo;
use crate::model::packet::Endpoint;
use crate::model::sighting::{Place, Sighting};
use crate::model::stream::{FlowKey, Transport};
use crate::model::time::Timestamp;
use crate::model::trace::Likeness;
use std::collections::{BTreeMap, BTreeSet};

/// Two captures of one handshake are this near, by clocks that may both be wrong.
const DAY: i64 = 86_400_000_000_000;
/// Clocks of two machines that record the same traffic differ by less.
const CLOCKS: i64 = 300_000_000_000;

/// What a sighting's place and a flow have in common.
type Id = (String, FlowKey, FrameNo);

fn id(flow: &Flow) -> Id {
    (flow.capture.clone(), flow.key, flow.first_frame)
}

fn id_of(place: &Place) -> Option<Id> {
    place.flow.map(|key| (place.capture.clone(), key, place.flow_start))
}

/// Joins what several captures saw of one conversation.
pub(super) fn join(evidence: &mut Evidence) {
    let mut flows = std::mem::take(&mut evidence.flows);
    flows.sort_by(|a, b| a.order().cmp(&b.order()));
    let (groups, crowded) = groups(&flows);
    if crowded > 0 {
        evidence.notes.push(format!(
            "{crowded} conversations have the same ends as too many others: whether two captures saw them was not looked at"
        ));
    }
    let mut slots: Vec<Option<Flow>> = flows.into_iter().map(Some).collect();
    let mut joined: Vec<Joined> = Vec::new();
    for group in groups {
        let mut members: Vec<Flow> = group.iter().filter_map(|index| slots.get_mut(*index)?.take()).collect();
        members.sort_by(|a, b| rank(b).cmp(&rank(a)).then_with(|| a.order().cmp(&b.order())));
        let mut members = members.into_iter();
        let Some(mut best) = members.next() else { continue };
        for other in members {
            let covered = covers(&best, &other);
            joined.push(Joined { best: id(&best), other: id(&other), covered });
            absorb(&mut best, other, covered);
        }
        best.also.sort();
        if let Some(slot) = group.first().and_then(|first| slots.get_mut(*first)) {
            *slot = Some(best);
        }
    }
    evidence.flows = slots.into_iter().flatten().collect();
    if !joined.is_empty() {
        sightings(&mut evidence.sightings, &joined);
        payloads(evidence, &joined);
    }
}

/// One flow that another stands for.
struct Joined {
    best: Id,
    other: Id,
    /// The better reading saw all that the other did, and read it.
    covered: bool,
}

/// Flows that are one conversation, each group by index, and how many were not looked at.
fn groups(flows: &[Flow]) -> (Vec<Vec<usize>>, usize) {
    let mut by_ends: BTreeMap<(Transport, Endpoint, Endpoint), Vec<usize>> = BTreeMap::new();
    for (index, flow) in flows.iter().enumerate() {
        if flow.count == 1 && !flow.trace.is_empty() {
            let FlowKey { transport, client, server } = flow.key;
            by_ends.entry((transport, client.min(server), client.max(server))).or_default().push(index);
        }
    }
    let mut parent: Vec<usize> = (0..flows.len()).collect();
    let mut crowded = 0_usize;
    for alike in by_ends.values() {
        let captures = alike.windows(2).any(|pair| match pair {
            [a, b] => flows.get(*a).map(|flow| &flow.capture) != flows.get(*b).map(|flow| &flow.capture),
            _ => false,
        });
        if !captures {
            continue;
        }
        if alike.len() > budget::TWINS {
            crowded = crowded.saturating_add(alike.len());
            continue;
        }
        for (place, a) in alike.iter().enumerate() {
            for b in alike.iter().skip(place.saturating_add(1)) {
                if let (Some(one), Some(two)) = (flows.get(*a), flows.get(*b))
                    && one.capture != two.capture
                    && are_one(one, two)
                {
                    let (low, high) = (root(&parent, *a), root(&parent, *b));
                    if let Some(up) = parent.get_mut(low.max(high)) {
                        *up = low.min(high);
                    }
                }
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in 0..flows.len() {
        groups.entry(root(&parent, index)).or_default().push(index);
    }
    (groups.into_values().filter(|group| group.len() > 1).collect(), crowded)
}

fn root(parent: &[usize], mut at: usize) -> usize {
    while let Some(up) = parent.get(at)
        && *up != at
    {
        at = *up;
    }
    at
}

/// Whether two captures saw one conversation.
fn are_one(a: &Flow, b: &Flow) -> bool {
    let turned = a.key.client != b.key.client;
    let apart = |x: Timestamp, y: Timestamp| x.0.saturating_sub(y.0);
    // Silence between two times; negative where they overlap.
    let between = apart(a.first_seen, b.last_seen).max(apart(b.first_seen, a.last_seen));
    match a.trace.likeness(&b.trace, turned) {
        Likeness::Same => between < DAY,
        Likeness::Overlapping => between < CLOCKS,
        Likeness::Unknown | Likeness::Different => false,
    }
}

/// The better reading is the greater.
fn rank(flow: &Flow) -> impl Ord {
    let read: u64 = flow.read_in_full.iter().fold(0, |sum, read| sum.saturating_add(*read));
    let bytes: u64 = flow.bytes.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes));
    (flow.decrypted, read, bytes, is_read(flow))
}

fn is_read(flow: &Flow) -> bool {
    flow.blind.is_empty() && flow.unread == [0; 2]
}

/// Whether one reading has all that another could have: nothing of the conversation is missing from its capture. What it
/// could not open is shut to both, as it is the one that opened more.
fn covers(best: &Flow, other: &Flow) -> bool {
    let turned = best.key.client != other.key.client;
    let [to_server, to_client] = other.bytes;
    let theirs = if turned { [to_client, to_server] } else { [to_server, to_client] };
    let more = best.bytes.iter().zip(theirs).all(|(mine, theirs)| *mine >= theirs);
    let shut =
        |why| matches!(why, Blind::NoKeys | Blind::WrongKeys | Blind::Unsupported | Blind::Opaque | Blind::Unheard);
    best.blind.iter().all(|spot| shut(spot.why)) && !best.cut_by_end && more
}

/// Adds a reading to a better one of the same conversation. Nothing is added up: what both have is the same.
fn absorb(best: &mut Flow, other: Flow, covered: bool) {
    best.also.push(Seen { capture: other.capture.clone(), key: other.key, first_frame: other.first_frame });
    best.also.extend(other.also);
    let sni = |from: Option<&str>| from == Some("sni");
    if best.host.is_none() || (sni(other.host_from) && !sni(best.host_from)) {
        best.host = other.host;
        best.host_from = other.host_from;
    }
    for fact in other.facts {
        if best.facts.len() < budget::FLOW_FACTS || fact.weakness.is_some() {
            best.add_fact(fact);
        }
    }
    for payload in other.opaque {
        let kind = |payload: &OpaquePayload| (payload.len, payload.direction, payload.standing);
        let known = best.opaque.iter().any(|known| kind(known) == kind(&payload));
        if !known {
            best.add_opaque(payload);
        }
    }
    best.app = best.app.take().or(other.app);
    best.secure |= other.secure;
    best.decrypted |= other.decrypted;
    best.sealed_to_server = best.sealed_to_server.max(other.sealed_to_server);
    if covered {
        return;
    }
    // What either could not read stays open: where the one went blind the other may have, too.
    for spot in other.blind {
        let same = |known: &&mut BlindSpot| {
            (known.why, known.direction, &known.detail) == (spot.why, spot.direction, &spot.detail)
        };
        if let Some(known) = best.blind.iter_mut().find(same) {
            known.bytes = known.bytes.max(spot.bytes);
        } else {
            let unread = best.unread;
            best.add_blind(spot, budget::FLOW_BLIND);
            best.unread = unread;
        }
    }
    let most = |into: &mut [u64; 2], from: [u64; 2]| {
        for (into, from) in into.iter_mut().zip(from) {
            *into = (*into).max(from);
        }
    };
    most(&mut best.unread, other.unread);
    most(&mut best.bytes, other.bytes);
    most(&mut best.messages, other.messages);
    best.telling = best.telling.max(other.telling);
    best.cut_by_end |= other.cut_by_end;
    best.media_packets = best.media_packets.max(other.media_packets);
    if best.media.is_empty() {
        best.media = other.media;
    }
    for key in other.media_keys {
        if best.media_keys.len() < budget::FLOW_FACTS {
            best.media_keys.push(key);
        }
    }
}

/// What two captures saw of one conversation is one sighting. Each of the better reading's stands for one like it.
fn sightings(all: &mut Vec<Sighting>, joined: &[Joined]) {
    let mut of: BTreeMap<Id, Vec<Sighting>> = BTreeMap::new();
    let wanted: BTreeSet<&Id> = joined.iter().flat_map(|one| [&one.best, &one.other]).collect();
    let mut rest = Vec::new();
    for sighting in std::mem::take(all) {
        match id_of(&sighting.place).filter(|id| wanted.contains(id)) {
            Some(id) => of.entry(id).or_default().push(sighting),
            None => rest.push(sighting),
        }
    }
    for Joined { best, other, covered } in joined {
        let theirs = of.remove(other).unwrap_or_default();
        let mine = of.entry(best.clone()).or_default();
        let mut counts: BTreeMap<_, usize> = BTreeMap::new();
        for sighting in mine.iter() {
            let slot = counts.entry(exactly(sighting)).or_default();
            *slot = slot.saturating_add(1);
        }
        for sighting in theirs {
            let slot = counts.entry(exactly(&sighting)).or_default();
            if *slot > 0 {
                *slot = slot.saturating_sub(1);
            } else if !(*covered && mine.iter().any(|known| roughly(known) == roughly(&sighting))) {
                mine.push(sighting);
            }
        }
    }
    rest.extend(of.into_values().flatten());
    *all = rest;
}

/// What two sightings of the same bytes have in common, whoever captured them.
fn exactly(sighting: &Sighting) -> impl Ord + use<> {
    let Sighting { detector, data, planted, form, place, excerpt, .. } = sighting;
    let found = excerpt.found.reveal().to_owned();
    (*detector, *data, planted.clone(), form.clone(), place.trail.clone(), place.bytes, place.authority.clone(), found)
}

/// What two sightings of the same value have in common, however far it was read.
fn roughly(sighting: &Sighting) -> impl Eq + '_ {
    (sighting.data, sighting.planted.as_deref(), sighting.excerpt.found.reveal())
}

/// A payload that two captures saw is one: that it came twice is no sign of a cipher that repeats itself.
fn payloads(evidence: &mut Evidence, joined: &[Joined]) {
    let into: BTreeMap<&Id, &Id> = joined.iter().map(|one| (&one.other, &one.best)).collect();
    let mut known: BTreeMap<Id, Vec<(Vec<u8>, u64)>> = BTreeMap::new();
    let bests: BTreeSet<&Id> = joined.iter().map(|one| &one.best).collect();
    for payload in evidence.pool.payloads() {
        if let Some(id) = id_of(&payload.place).filter(|id| bests.contains(id)) {
            known.entry(id).or_default().push((payload.bytes.clone(), payload.len));
        }
    }
    evidence.pool.retain(|payload| {
        let Some(best) = id_of(&payload.place).and_then(|id| into.get(&id).copied()) else { return true };
        // Without keys the better reading has other payloads: those of the worse say nothing that it does not.
        let same = known
            .get(best)
            .is_some_and(|known| known.iter().any(|(bytes, len)| (bytes, *len) == (&payload.bytes, payload.len)));
        !same
    });
}
