//! Conversations, and what the bytes of them are.

use crate::model::flow::Flow;
use crate::model::opacity::{Opacity, power};
use crate::model::portrait::Portrait;
use crate::report::words::rfc3339;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// One conversation.
#[derive(JsonSchema, Serialize)]
pub(super) struct FlowJson<'a> {
    capture: &'a str,
    #[schemars(extend("enum" = ["tcp", "udp", "ip"]))]
    transport: &'static str,
    /// `ip:port`.
    client: String,
    /// `ip:port`.
    server: String,
    host: Option<&'a str>,
    /// `sni`, `authority` or `dns`.
    host_from: Option<&'static str>,
    party: &'a str,
    /// Innermost recognised protocol, or `unknown`.
    protocol: &'static str,
    /// What a listener on the network sees: the class that covers most bytes.
    #[schemars(extend("enum" = ["plaintext", "encoded", "compressed", "weakly-encrypted", "unknown", "random-looking", "encrypted"]))]
    opacity: &'static str,
    /// Bytes by class, classes without any left out.
    opacity_bytes: BTreeMap<&'static str, u64>,
    /// Supplied secrets opened application data.
    decrypted: bool,
    /// Other captures that saw it: it is listed once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also_in: Vec<&'a str>,
    /// Who on the phone spoke, a process or an SDK, where the evidence says.
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<&'a str>,
    /// Transport payload, both directions.
    bytes: u64,
    bytes_each_way: PairJson,
    messages: PairJson,
    messages_read: PairJson,
    bytes_unread: PairJson,
    first_frame: u64,
    last_frame: u64,
    first_seen: Option<String>,
    last_seen: Option<String>,
    /// Flows this row sums up; 1 unless there were too many to list.
    count: u64,
    media_packets: u64,
    blind: Vec<BlindJson<'a>>,
    facts: Vec<FactJson<'a>>,
    opaque: Vec<OpaqueJson<'a>>,
    /// End-to-end envelopes recognised by structure, by kind: support for a control, never proof.
    envelopes: Vec<EnvelopeJson<'a>>,
    /// How some of its messages look, before any decoding: those with opaque fields, and the longest.
    portraits: Vec<PortraitJson<'a>>,
    /// Where the protocol is unknown: what its messages are made of, range by range.
    segments: Vec<SegmentJson>,
}

/// How one message looks.
#[derive(JsonSchema, Serialize)]
pub(super) struct PortraitJson<'a> {
    #[schemars(extend("enum" = ["to-server", "to-client"]))]
    direction: &'static str,
    first_frame: u64,
    label: &'a str,
    /// Messages of the flow with that label, this way; the one that is shown is the longest with an opaque field, if any has.
    times: u64,
    /// Length of its body, as transferred.
    len: u64,
    /// What the body is made of, in order and without gaps: where each piece ends, and its opacity.
    pieces: Vec<(u64, &'static str)>,
    noise: NoiseJson<'a>,
}

/// How random the longest opaque field of a message is; of one without any, its body.
#[derive(JsonSchema, Serialize)]
pub(super) struct NoiseJson<'a> {
    /// How the field was reached; empty for the body.
    position: &'a str,
    /// Bytes that were measured.
    len: u64,
    /// Bits a byte.
    entropy: f64,
    /// What as many uniform bytes have on average.
    expected: f64,
    /// One standard deviation of theirs.
    spread: f64,
}

/// A range of a flow's messages in one direction.
#[derive(JsonSchema, Serialize)]
pub(super) struct SegmentJson {
    #[schemars(extend("enum" = ["to-server", "to-client"]))]
    direction: &'static str,
    start: u64,
    /// The byte behind the last; null where it reaches to the end of each message.
    end: Option<u64>,
    /// Over several messages `constant`, `counter`, `length`, `readable`, `random-looking`, `encrypted` or `unknown`; in
    /// one message its opacity.
    kind: &'static str,
    /// How many messages say so.
    messages: u64,
    /// Where it is random-looking: what the longest message would have shown in it, and what not.
    #[serde(skip_serializing_if = "Option::is_none")]
    power: Option<String>,
}

/// Rows of flows, each made when it is written: there may be many.
pub(super) struct Flows<'a>(pub(super) &'a [Flow]);

impl Serialize for Flows<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(flow))
    }
}

/// A number each way.
#[derive(JsonSchema, Serialize)]
pub(super) struct PairJson {
    to_server: u64,
    to_client: u64,
}

/// A stretch of a flow that could not be read.
#[derive(JsonSchema, Serialize)]
pub(super) struct BlindJson<'a> {
    why: &'static str,
    #[schemars(extend("enum" = ["to-server", "to-client"]))]
    direction: &'static str,
    detail: &'a str,
    bytes: u64,
}

/// Something learned about a flow.
#[derive(JsonSchema, Serialize)]
pub(super) struct FactJson<'a> {
    name: &'static str,
    value: &'a str,
    /// Why this is a provable weakness of the transport; null for most facts.
    weakness: Option<&'static str>,
}

/// An opaque payload of the app's own.
#[derive(JsonSchema, Serialize)]
pub(super) struct OpaqueJson<'a> {
    len: u64,
    opacity: &'static str,
    trail: &'a str,
    frame: u64,
    envelope: Option<&'static str>,
    /// Where nothing but its bytes calls it opaque: what they would have shown at this length, and what not.
    #[serde(skip_serializing_if = "Option::is_none")]
    power: Option<String>,
}

/// Envelopes of one kind that a flow carried one way.
#[derive(JsonSchema, Serialize)]
pub(super) struct EnvelopeJson<'a> {
    /// Registry name: `signal`, `olm`, `jwe` …
    envelope: &'static str,
    /// What its specification calls it.
    kind: &'static str,
    /// Whose key opens it, as far as the structure says.
    #[schemars(extend("enum" = ["ratchet", "long-term", "shared", "untold"]))]
    keying: &'static str,
    #[schemars(extend("enum" = ["to-server", "to-client"]))]
    direction: &'static str,
    count: u64,
    /// Ciphertext of the longest, in bytes; 0 where such an envelope holds none.
    longest: u64,
    /// First frame of the longest.
    frame: u64,
    trail: &'a str,
}

pub(super) fn flow(flow: &Flow) -> FlowJson<'_> {
    use crate::model::stream::Transport;
    let pair = |[to_server, to_client]: [u64; 2]| PairJson { to_server, to_client };
    FlowJson {
        capture: &flow.capture,
        transport: match flow.key.transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::Ip => "ip",
        },
        client: flow.key.client.to_string(),
        server: flow.key.server.to_string(),
        host: flow.host.as_deref(),
        host_from: flow.host_from,
        party: flow.party.name(),
        protocol: flow.protocol,
        opacity: flow.opacity.dominant().name(),
        opacity_bytes: (Opacity::ALL.iter())
            .map(|class| (class.name(), flow.opacity.of(*class)))
            .filter(|(_, bytes)| *bytes > 0)
            .collect(),
        decrypted: flow.decrypted,
        app: flow.app.as_deref(),
        also_in: flow.also.iter().map(|seen| seen.capture.as_str()).collect(),
        bytes: flow.bytes[0].saturating_add(flow.bytes[1]),
        bytes_each_way: pair(flow.bytes),
        messages: pair(flow.messages),
        messages_read: pair(flow.read_in_full),
        bytes_unread: pair(flow.unread),
        first_frame: flow.first_frame,
        last_frame: flow.last_frame,
        first_seen: rfc3339(flow.first_seen),
        last_seen: rfc3339(flow.last_seen),
        count: flow.count,
        media_packets: flow.media_packets,
        blind: (flow.blind.iter())
            .map(|spot| BlindJson {
                why: spot.why.name(),
                direction: direction(spot.direction),
                detail: &spot.detail,
                bytes: spot.bytes,
            })
            .collect(),
        facts: (flow.facts.iter())
            .map(|fact| FactJson { name: fact.name, value: &fact.value, weakness: fact.weakness })
            .collect(),
        opaque: (flow.opaque.iter())
            .map(|payload| OpaqueJson {
                len: payload.len,
                opacity: payload.opacity.name(),
                trail: &payload.trail,
                frame: payload.frame,
                envelope: payload.envelope,
                power: (payload.opacity == Opacity::RandomLooking).then(|| power(payload.len)),
            })
            .collect(),
        envelopes: (flow.envelopes.iter())
            .map(|envelope| EnvelopeJson {
                envelope: envelope.name,
                kind: envelope.kind,
                keying: envelope.keying.name(),
                direction: direction(envelope.direction),
                count: envelope.count,
                longest: envelope.longest,
                frame: envelope.frame,
                trail: &envelope.trail,
            })
            .collect(),
        portraits: flow.portraits.iter().map(portrait).collect(),
        segments: (flow.segments.iter())
            .map(|range| SegmentJson {
                direction: if range.to_server { "to-server" } else { "to-client" },
                start: range.start,
                end: range.end,
                kind: range.kind,
                messages: range.messages,
                power: (range.kind == Opacity::RandomLooking.name()).then(|| power(range.longest)),
            })
            .collect(),
    }
}

pub(super) fn portrait(portrait: &Portrait) -> PortraitJson<'_> {
    // Their last digits are the machine's.
    let round = |bits: f64| (bits * 1_000.0).round() / 1_000.0;
    PortraitJson {
        direction: direction(portrait.direction),
        first_frame: portrait.frames.0,
        label: &portrait.label,
        times: portrait.times,
        len: portrait.len,
        pieces: portrait.pieces.iter().map(|piece| (piece.end, piece.class.name())).collect(),
        noise: NoiseJson {
            position: &portrait.noise.position,
            len: portrait.noise.len,
            entropy: round(portrait.noise.entropy),
            expected: round(portrait.noise.expected),
            spread: round(portrait.noise.spread),
        },
    }
}

pub(super) fn direction(direction: crate::model::stream::Direction) -> &'static str {
    use crate::model::stream::Direction;
    match direction {
        Direction::ToServer => "to-server",
        Direction::ToClient => "to-client",
    }
}
