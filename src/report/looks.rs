//! How messages look: a strip for each kind of message, coloured by class, and how random what is opaque in it is.

use crate::model::flow::Flow;
use crate::model::portrait::{Noise, Portrait};
use crate::model::report::ScenarioReport;
use crate::model::stream::Direction;
use crate::report::place;
use crate::report::words::{self, count};
use serde::Serialize;
use std::collections::BTreeMap;

/// Rows on the page.
const ROWS: usize = 40;
/// Width of a strip, and of the scale from 0 to 8 bits a byte.
const WIDE: u64 = 1_000;

/// The strips, and how many kinds of message have none.
#[derive(Debug, Serialize)]
pub(crate) struct Looks {
    rows: Vec<Row>,
    left: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    label: String,
    party: String,
    class: &'static str,
    /// Which way, where, how long, and how many more like it.
    about: String,
    slices: Vec<Slice>,
    /// The classes, in words.
    says: String,
    /// What was measured.
    position: String,
    measured: Gauge,
}

#[derive(Debug, Serialize)]
struct Slice {
    class: &'static str,
    x: u64,
    w: u64,
    title: String,
}

/// Entropy on a scale, and where truly random bytes of that length would be.
#[derive(Debug, Serialize)]
struct Gauge {
    at: u64,
    from: u64,
    width: u64,
    says: String,
}

/// The messages of a scenario that are shown: those with opaque fields first, then the longest; one of each kind.
pub(crate) fn looks(scenario: &ScenarioReport) -> Option<Looks> {
    let mut kinds: BTreeMap<_, (u64, &Flow, &Portrait)> = BTreeMap::new();
    for flow in &scenario.flows {
        for portrait in flow.portraits.iter() {
            let classes: Vec<&str> = portrait.pieces.iter().map(|piece| piece.class.name()).collect();
            let host = flow.host.clone().unwrap_or_else(|| flow.key.server.to_string());
            let key = (host, portrait.direction.index(), words::kind(&portrait.label), classes);
            let (times, ..) = kinds.entry(key).or_insert((0, flow, portrait));
            *times = times.saturating_add(portrait.times);
        }
    }
    let mut kinds: Vec<_> = kinds.into_values().collect();
    let all = kinds.len();
    kinds.sort_by_key(|(_, _, portrait)| (!portrait.has_opaque(), std::cmp::Reverse(portrait.len)));
    kinds.truncate(ROWS);
    // In the order they were sent.
    kinds.sort_by_key(|(_, flow, portrait)| (flow.capture.as_str(), portrait.frames, portrait.direction.index()));
    let left = (all.saturating_sub(kinds.len())) as u64;
    (!kinds.is_empty()).then(|| Looks {
        rows: kinds
            .into_iter()
            .map(|(times, flow, portrait)| row(times, flow, portrait, place::unit(scenario, &flow.capture)))
            .collect(),
        left: (left > 0).then(|| format!("{} of message in report.json.", count(left, "more kind"))),
    })
}

fn row(times: u64, flow: &Flow, portrait: &Portrait, unit: &str) -> Row {
    let way = if portrait.direction == Direction::ToServer { "sent" } else { "received" };
    let more = if times > 1 { format!(", and {} like it", words::thousands(times - 1)) } else { String::new() };
    let mut parts: BTreeMap<_, u64> = BTreeMap::new();
    let mut slices: Vec<Slice> = Vec::new();
    for piece in &portrait.pieces {
        let bytes = parts.entry(piece.class).or_default();
        *bytes = bytes.saturating_add(piece.len());
        let x = scaled(piece.start, portrait.len);
        // A little is seen, too.
        let w = scaled(piece.end, portrait.len).saturating_sub(x).max(4);
        let title = format!("bytes {} to {}: {}", piece.start, piece.end.saturating_sub(1), piece.class.name());
        slices.push(Slice { class: piece.class.name(), x, w, title });
    }
    let parts: Vec<String> = parts
        .into_iter()
        .map(|(class, bytes)| format!("{} % {}", words::percent(bytes, portrait.len), class.name()))
        .collect();
    Row {
        label: if portrait.label.is_empty() { flow.protocol.to_owned() } else { portrait.label.clone() },
        party: flow.party.name().to_owned(),
        class: flow.party.audience().name(),
        about: format!("{way}, {}, {unit} {}{more}", count(portrait.len, "byte"), portrait.frames.0),
        slices,
        says: parts.join(", "),
        position: portrait.noise.position.clone(),
        measured: gauge(&portrait.noise),
    }
}

fn scaled(at: u64, len: u64) -> u64 {
    u64::try_from(u128::from(at) * u128::from(WIDE) / u128::from(len.max(1))).unwrap_or(WIDE).min(WIDE)
}

fn gauge(noise: &Noise) -> Gauge {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a thousand")]
    let at = |bits: f64| (bits / 8.0 * 1_000.0).clamp(0.0, 1_000.0).round() as u64;
    let three = 3.0 * noise.spread;
    let (from, to) = (at(noise.expected - three), at(noise.expected + three));
    let about =
        if noise.entropy < noise.expected - three { "less than random bytes have" } else { "as random bytes have" };
    Gauge {
        at: at(noise.entropy),
        from,
        width: to.saturating_sub(from).max(6),
        says: format!(
            "{:.2} bits a byte over {}, {about}: {:.2} ± {three:.2}",
            noise.entropy,
            count(noise.len, "byte"),
            noise.expected
        ),
    }
}
