//! Hits → sightings: one for each place a value stands in, told from outside in.

use super::detector::DETECTORS;
use super::{Cx, Glance, Hit, coded};
use crate::model::budget;
use crate::model::field::{BufferId, NodeId, Tree};
use crate::model::origin::FrameNo;
use crate::model::scenario::Party;
use crate::model::sighting::{Excerpt, Masked, Place, Sighting, Strength};
use crate::model::stream::FlowKey;
use crate::model::taxonomy::Data;
use smallvec::SmallVec;
use std::cmp::Reverse;

/// Characters of an excerpt on either side.
const AROUND: usize = 40;
/// Characters of what was found that an excerpt shows.
const FOUND: usize = 400;

/// Where the messages of one flow come from, as far as they do not say so themselves.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The capture or dump, as the scenario names it.
    pub capture: &'a str,
    /// The flow; `None` in a dump.
    pub flow: Option<FlowKey>,
    /// First frame of the flow; number of the record in a dump.
    pub flow_start: FrameNo,
}

/// What was seen in one message.
#[derive(Debug, Default)]
pub struct Detected {
    /// In the order of their places. Whose server it was and who could read it is not known here.
    pub sightings: Vec<Sighting>,
    /// How many more there were than [`budget::MESSAGE_SIGHTINGS`] keeps.
    pub dropped: usize,
}

/// Everything readable in one message.
pub fn detect(tree: &Tree<'_>, cx: &Cx<'_>, scene: &Scene<'_>) -> Detected {
    detect_beside(tree, cx, scene, Vec::new(), &|_| true)
}

/// Everything readable in one message, beside what somebody else saw in it already. Data by rule alone of which no more
/// is `wanted` is not looked for.
pub fn detect_beside(
    tree: &Tree<'_>,
    cx: &Cx<'_>,
    scene: &Scene<'_>,
    mut hits: Vec<Hit>,
    wanted: &dyn Fn(Data) -> bool,
) -> Detected {
    let glances: SmallVec<[Glance; 8]> = tree.buffers.iter().map(|buffer| cx.matcher.glance(&buffer.bytes)).collect();
    let coded = if cx.matcher.is_in_codes() { coded::all(tree) } else { Vec::new() };
    let cx = &Cx { glances: &glances, coded: Some(&coded), ..*cx };
    for detector in DETECTORS {
        if detector.rule().is_none_or(wanted) {
            detector.on_message(tree, cx, &mut hits);
        }
    }
    if hits.is_empty() {
        return Detected::default();
    }
    let mut hits = merge(tree, hits);
    let dropped = hits.len().saturating_sub(budget::MESSAGE_SIGHTINGS);
    hits.truncate(budget::MESSAGE_SIGHTINGS);
    let mut sightings: Vec<Sighting> = hits.iter().map(|hit| sighting(tree, cx, scene, hit)).collect();
    sightings.sort_by(|a, b| a.order().cmp(&b.order()));
    Detected { sightings, dropped }
}

/// Of hits on the same bytes, the one that says most.
fn merge(tree: &Tree<'_>, hits: Vec<Hit>) -> Vec<Hit> {
    let mut hits = one_each(hits);
    // What a decoder's output shows is not told again for the encoded bytes it came from.
    let outer: Vec<(Option<usize>, Strength, BufferId, usize, usize)> = hits
        .iter()
        .flat_map(|hit| {
            above(tree, hit.buffer, hit.start, hit.end)
                .into_iter()
                .map(move |(buffer, start, end)| (hit.planted, hit.strength, buffer, start, end))
        })
        .collect();
    if !outer.is_empty() {
        hits.retain(|hit| {
            !outer.iter().any(|(planted, strength, buffer, start, end)| {
                *buffer == hit.buffer
                    && *start < hit.end
                    && hit.start < *end
                    && (*planted == hit.planted || hit.planted.is_none())
                    && *strength <= hit.strength
            })
        });
    }
    // Data found by rule alone gives way to the planted value that it is.
    let planted: Vec<(BufferId, usize, usize)> =
        hits.iter().filter(|hit| hit.planted.is_some()).map(|hit| (hit.buffer, hit.start, hit.end)).collect();
    hits.retain(|hit| {
        hit.planted.is_some()
            || hit.conclusive
            || !planted.iter().any(|(buffer, start, end)| *buffer == hit.buffer && *start < hit.end && hit.start < *end)
    });
    hits
}

/// Of overlapping hits in one buffer that say the same, the strongest; then the longest; then the plainest.
fn one_each(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by(|a, b| {
        (a.planted.is_none(), a.planted, rule(a), a.buffer, a.start, a.end)
            .cmp(&(b.planted.is_none(), b.planted, rule(b), b.buffer, b.start, b.end))
            .then_with(|| a.form.cmp(&b.form))
    });
    let mut out: Vec<Hit> = Vec::new();
    for hit in hits {
        if let Some(last) = out.last_mut()
            && last.planted == hit.planted
            && rule(last) == rule(&hit)
            && last.buffer == hit.buffer
            && hit.start < last.end
        {
            if rank(&hit) < rank(last) {
                *last = hit;
            }
            continue;
        }
        out.push(hit);
    }
    out.sort_by_key(|hit| (hit.buffer, hit.start, hit.end, hit.planted));
    out
}

/// Rules compete with themselves only.
fn rule(hit: &Hit) -> &'static str {
    if hit.planted.is_some() { "" } else { hit.detector }
}

fn rank(hit: &Hit) -> impl Ord {
    (hit.strength, hit.data, Reverse(hit.end.saturating_sub(hit.start)), hit.form != "as-typed")
}

/// The ranges in the buffers around that bytes `start..end` were decoded from, innermost first.
fn above(tree: &Tree<'_>, buffer: BufferId, start: usize, end: usize) -> Vec<(BufferId, usize, usize)> {
    let mut out = Vec::new();
    let (mut buffer, mut start, mut end) = (buffer, start, end);
    while let Some(Some((node, reach))) = tree.buffers.get(buffer as usize).map(|b| b.from.as_ref()) {
        let Some(parent) = tree.node(*node) else { break };
        if parent.buffer >= buffer {
            break;
        }
        (start, end) = reach.back(start, end);
        start = start.saturating_add(parent.start as usize).min(parent.end as usize);
        end = end.saturating_add(parent.start as usize).min(parent.end as usize);
        buffer = parent.buffer;
        out.push((buffer, start, end));
    }
    out
}

/// Where bytes `start..end` of a buffer were seen; the trail leads to `node`.
pub(super) fn place(
    tree: &Tree<'_>,
    scene: &Scene<'_>,
    node: Option<NodeId>,
    buffer: BufferId,
    start: usize,
    end: usize,
) -> Place {
    let message = tree.message;
    let mut trail: Vec<String> = message.layers.iter().map(|layer| layer.name.clone()).collect();
    if trail.last().is_none_or(|last| last != message.protocol) && message.protocol != "raw" {
        trail.push(message.protocol.to_owned());
    }
    trail.push(message.label.clone());
    trail.extend(node.map(|node| tree.trail(node)).unwrap_or_default());
    trail.retain(|step| !step.is_empty());
    let (first, last) = tree.reach(buffer, start, end);
    let part = tree.buffers.get(buffer as usize).and_then(|buffer| message.parts.get(buffer.part as usize));
    let offset = part.map_or(0, |part| part.offset);
    Place {
        capture: scene.capture.to_owned(),
        flow: scene.flow,
        flow_start: scene.flow_start,
        direction: message.direction,
        at: message.at,
        authority: message.host.clone(),
        secured: message.is_secured(),
        frames: tree.origins(buffer, start, end).frames(),
        part: part.map(|part| part.kind),
        bytes: (offset.saturating_add(first as u64), offset.saturating_add(last as u64)),
        trail,
    }
}

fn sighting(tree: &Tree<'_>, cx: &Cx<'_>, scene: &Scene<'_>, hit: &Hit) -> Sighting {
    let message = tree.message;
    let node: Option<NodeId> = hit.node.or_else(|| tree.innermost(hit.buffer, hit.start, hit.end));
    let inside = node.map(|node| tree.trail(node)).unwrap_or_default().join(" > ");
    let reason = match (inside.is_empty(), message.label.is_empty()) {
        (true, true) => format!("{}.", hit.reason),
        (true, false) => format!("{} in \"{}\".", hit.reason, message.label),
        (false, true) => format!("{} at {inside}.", hit.reason),
        (false, false) => format!("{} in \"{}\" at {inside}.", hit.reason, message.label),
    };
    Sighting {
        detector: hit.detector,
        data: hit.data,
        planted: hit.planted.and_then(|index| cx.planted.get(index)).map(|planted| planted.id.clone()),
        form: hit.form.clone().into_owned(),
        strength: hit.strength,
        place: place(tree, scene, node, hit.buffer, hit.start, hit.end),
        excerpt: excerpt(tree, hit),
        reason,
        conclusive: hit.conclusive,
        party: Party::Unlisted,
        audiences: Vec::new(),
    }
}

/// The words around a hit, in the buffer it stands in.
fn excerpt(tree: &Tree<'_>, hit: &Hit) -> Excerpt {
    let bytes = tree.buffers.get(hit.buffer as usize).map_or(&[][..], |buffer| &buffer.bytes);
    // A character has at most four bytes; what is cut shows as replacement characters, which are left out.
    let piece = |from: usize, to: usize| {
        let raw = bytes.get(from.min(bytes.len())..to.min(bytes.len())).unwrap_or_default();
        String::from_utf8_lossy(raw).into_owned()
    };
    let trim = |c: char| c == char::REPLACEMENT_CHARACTER;
    let before = piece(hit.start.saturating_sub(AROUND * 4), hit.start);
    let before: Vec<char> = before.trim_start_matches(trim).chars().collect();
    let after = piece(hit.end, hit.end.saturating_add(AROUND * 4));
    Excerpt {
        before: Masked::new(
            before.get(before.len().saturating_sub(AROUND)..).unwrap_or_default().iter().collect::<String>(),
        ),
        found: Masked::new(piece(hit.start, hit.end.min(hit.start.saturating_add(FOUND)))),
        after: Masked::new(after.trim_end_matches(trim).chars().take(AROUND).collect::<String>()),
    }
}
