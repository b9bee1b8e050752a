//! Conversations, as the page's table shows them.

use crate::model::envelope::Envelope;
use crate::model::flow::Flow;
use crate::model::opacity::Opacity;
use crate::model::report::ScenarioReport;
use crate::model::stream::Direction;
use crate::report::place;
use crate::report::words::{count, size, thousands};
use serde::Serialize;
use std::collections::BTreeMap;

/// Rows in the table of flows.
const ROWS: usize = 400;

#[derive(Debug, Serialize)]
pub(crate) struct FlowRow {
    first_frame: u64,
    frames: String,
    capture: String,
    host: String,
    server: String,
    client: String,
    party: String,
    class: &'static str,
    protocol: &'static str,
    opacity: &'static str,
    bar: Vec<Slice>,
    decrypted: &'static str,
    /// Other captures that saw it.
    also: Vec<String>,
    /// Who on the phone spoke.
    app: Option<String>,
    up: u64,
    up_words: String,
    down: u64,
    down_words: String,
    messages: u64,
    count: Option<String>,
    blind: Vec<String>,
    facts: Vec<String>,
    weak: Vec<String>,
    segments: Vec<SegmentRow>,
    /// End-to-end envelopes: what, how many, where.
    envelopes: Vec<String>,
    /// What the statistics measured, and what they could not have seen.
    power: Vec<String>,
    sightings: u64,
}

/// What the messages of an unknown protocol are made of, one way.
#[derive(Debug, Serialize)]
pub(crate) struct SegmentRow {
    way: &'static str,
    says: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Slice {
    class: &'static str,
    x: u64,
    w: u64,
    title: String,
}

pub(crate) fn flows(scenario: &ScenarioReport) -> Vec<FlowRow> {
    let mut seen: BTreeMap<_, u64> = BTreeMap::new();
    for sighting in &scenario.sightings {
        if let Some(key) = sighting.place.flow {
            *seen.entry((sighting.place.capture.as_str(), key, sighting.place.flow_start)).or_default() += 1;
        }
    }
    let sightings = |flow: &Flow| flow.ids().filter_map(|id| seen.get(&id)).sum();
    let mut order: Vec<(usize, &Flow)> = scenario.flows.iter().enumerate().collect();
    let bytes = |flow: &Flow| flow.bytes[0].saturating_add(flow.bytes[1]);
    order.sort_by_key(|(index, flow)| {
        (sightings(flow) == 0, flow.blind.is_empty(), std::cmp::Reverse(bytes(flow)), *index)
    });
    order.truncate(ROWS);
    order.sort_by_key(|(index, _)| *index);
    order.into_iter().map(|(_, flow)| flow_row(flow, sightings(flow), scenario)).collect()
}

fn flow_row(flow: &Flow, sightings: u64, scenario: &ScenarioReport) -> FlowRow {
    let total: u64 = Opacity::ALL.iter().map(|class| flow.opacity.of(*class)).sum();
    let mut x = 0;
    let bar = (Opacity::ALL.iter())
        .filter(|class| flow.opacity.of(**class) > 0)
        .map(|class| {
            let bytes = flow.opacity.of(*class);
            // Two at least, so that a little is still seen.
            let w = (u128::from(bytes) * 100 / u128::from(total.max(1))).max(2);
            let w = u64::try_from(w).unwrap_or(100).min(100_u64.saturating_sub(x));
            let slice = Slice { class: class.name(), x, w, title: format!("{} {}", size(bytes), class.name()) };
            x = x.saturating_add(w);
            slice
        })
        .collect();
    let mut blind: Vec<String> = (flow.blind.iter())
        .map(|spot| {
            let bytes = if spot.bytes > 0 { format!(", {}", size(spot.bytes)) } else { String::new() };
            let detail = if spot.detail.is_empty() { String::new() } else { format!(" ({})", spot.detail) };
            format!("{}{bytes}{detail}", spot.why.told(scenario.secrets))
        })
        .collect();
    blind.dedup();
    FlowRow {
        first_frame: flow.first_frame,
        frames: format!("{}–{}", flow.first_frame, flow.last_frame),
        capture: flow.capture.clone(),
        host: flow.host.clone().unwrap_or_else(|| flow.key.server.to_string()),
        server: flow.key.server.to_string(),
        client: flow.key.client.to_string(),
        party: flow.party.name().to_owned(),
        class: flow.party.audience().name(),
        protocol: flow.protocol,
        opacity: flow.opacity.dominant().name(),
        bar,
        decrypted: if flow.decrypted { "yes" } else { "no" },
        also: flow.also.iter().map(|seen| seen.capture.clone()).collect(),
        app: flow.app.clone(),
        up: flow.bytes[0],
        up_words: size(flow.bytes[0]),
        down: flow.bytes[1],
        down_words: size(flow.bytes[1]),
        messages: flow.messages[0].saturating_add(flow.messages[1]),
        count: (flow.count > 1).then(|| count(flow.count, "flow")),
        blind,
        facts: (flow.facts.iter())
            .filter(|fact| fact.weakness.is_none())
            .map(|fact| format!("{} {}", fact.name, fact.value))
            .collect(),
        weak: flow.facts.iter().filter_map(|fact| fact.weakness.map(str::to_owned)).collect(),
        segments: [(true, "up"), (false, "down")]
            .into_iter()
            .filter_map(|(up, way)| segment_row(flow, up, way))
            .collect(),
        envelopes: flow.envelopes.iter().map(|seen| envelope_row(seen, place::unit(scenario, &flow.capture))).collect(),
        power: flow
            .facts
            .iter()
            .filter(|fact| fact.name.starts_with("opacity."))
            .map(|fact| fact.value.clone())
            .collect(),
        sightings,
    }
}

fn envelope_row(envelope: &Envelope, unit: &str) -> String {
    let way = if envelope.direction == Direction::ToServer { "up" } else { "down" };
    let most =
        if envelope.longest > 0 { format!(", up to {}", count(envelope.longest, "byte")) } else { String::new() };
    format!(
        "{way}: {} × {} ({} envelope){most}, sealed with {}; {unit} {}",
        thousands(envelope.count),
        envelope.kind,
        envelope.name,
        envelope.keying.says(),
        envelope.frame
    )
}

fn segment_row(flow: &Flow, up: bool, way: &'static str) -> Option<SegmentRow> {
    let ranges: Vec<String> = (flow.segments.iter())
        .filter(|range| range.to_server == up)
        .map(|range| match range.end {
            Some(end) => format!("{}–{end} {}", range.start, range.kind),
            None => format!("{}– {}", range.start, range.kind),
        })
        .collect();
    (!ranges.is_empty()).then(|| SegmentRow { way, says: ranges.join(" · ") })
}
