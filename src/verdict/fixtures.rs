//! Evidence made by hand.

use crate::model::evidence::Evidence;
use crate::model::flow::{Blind, BlindSpot, Fact, Flow, OpaquePayload, Standing};
use crate::model::opacity::Opacity;
use crate::model::packet::Endpoint;
use crate::model::scenario::{App, Audience, Claim, HostRule, Parties, Party, Planted, Scenario};
use crate::model::sighting::{Excerpt, Place, Sighting, Strength};
use crate::model::stream::{Direction, FlowKey, Transport};
use crate::model::taxonomy::Data;
use crate::model::time::Timestamp;
use crate::model::verdict::Judged;
use crate::verdict::{judge, place_audiences};
use std::net::{IpAddr, Ipv4Addr};

pub(super) const GREETING: (&str, Data, &str) = ("greeting", Data::Messages, "The heron lands at dusk");
pub(super) const REAL: (&str, Data, &str) = ("real", Data::PhoneNumber, "+4915112345678");
pub(super) const ALIAS: (&str, Data, &str) = ("alias", Data::VirtualNumber, "+12025550143");
pub(super) const DEVICE: (&str, Data, &str) = ("handset", Data::DeviceId, "9f1c2d3e-7711-4c1b-a0aa-0123456789ab");

pub(super) fn parties() -> Parties {
    let rules = |texts: &[&str]| texts.iter().filter_map(|text| HostRule::parse(text)).collect();
    Parties {
        provider: rules(&["chatterly.example", "127.1.0.0/16"]),
        third: vec![("AdZebra".into(), rules(&["adzebra.example"]))],
    }
}

/// A scenario with one claim, and these values planted.
pub(super) fn scenario(promise: &str, data: &[Data], planted: &[(&str, Data, &str)]) -> Scenario {
    let planted = planted.iter().map(|(id, data, value)| Planted {
        id: (*id).to_owned(),
        data: *data,
        value: (*value).to_owned(),
    });
    Scenario {
        id: "chatterly".into(),
        folder: "scenarios/chatterly".into(),
        app: App { name: "Chatterly".into(), version: None, platform: None },
        parties: parties(),
        planted: planted.collect(),
        claims: vec![Claim {
            max_age: None,
            id: "claim".into(),
            text: "Trust us".into(),
            source: None,
            seen: None,
            promise: promise.into(),
            data: data.to_vec(),
            line: 1,
        }],
        captures: Vec::new(),
        dumps: Vec::new(),
        stores: Vec::new(),
        unread: Vec::new(),
        pairs: Vec::new(),
    }
}

/// Judges the one claim of a scenario.
pub(super) fn verdict(scenario: &Scenario, mut evidence: Evidence) -> Judged {
    evidence.settle();
    place_audiences(&mut evidence, &scenario.parties);
    judge(scenario, &evidence).remove(0)
}

fn endpoint(last: u8, port: u16) -> Endpoint {
    Endpoint { ip: IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), port }
}

/// A TLS flow to `host` with two messages, all of it read. `n` tells flows apart.
pub(super) fn flow(host: &str, n: u16) -> Flow {
    let key = FlowKey { transport: Transport::Tcp, client: endpoint(2, 40_000 + n), server: endpoint(9, 443) };
    let mut flow = Flow::new("a.pcapng", key, u64::from(n) * 100 + 1, Timestamp::default());
    flow.host = Some(host.to_owned());
    flow.host_from = Some("sni");
    flow.protocol = "http1";
    flow.bytes = [2_000, 1_000];
    flow.decrypted = true;
    flow.secure = true;
    flow.messages = [1, 1];
    flow.read_in_full = [1, 1];
    flow.telling = 1;
    flow
}

pub(super) trait FlowParts: Sized {
    fn clear(self) -> Self;
    fn blind(self, why: Blind) -> Self;
    fn opaque(self, len: u64) -> Self;
    fn sealed(self, len: u64) -> Self;
    fn media(self, packets: u64) -> Self;
    fn weak(self) -> Self;
    fn unread(self) -> Self;
}

impl FlowParts for Flow {
    fn clear(mut self) -> Self {
        self.secure = false;
        self.decrypted = false;
        self.host_from = Some("authority");
        self
    }

    fn blind(mut self, why: Blind) -> Self {
        self.add_blind(BlindSpot { why, direction: Direction::ToServer, detail: String::new(), bytes: 1_500 }, 16);
        self
    }

    fn opaque(mut self, len: u64) -> Self {
        self.opaque.push(OpaquePayload {
            len,
            direction: Direction::ToServer,
            opacity: Opacity::RandomLooking,
            trail: "http1 > POST /send".into(),
            frame: self.first_frame,
            envelope: None,
            standing: Standing::Content,
            digest: 0,
            carries_none_of: std::collections::BTreeSet::new(),
            undone: false,
        });
        self
    }

    fn sealed(mut self, len: u64) -> Self {
        self.sealed_to_server = len;
        self
    }

    fn media(mut self, packets: u64) -> Self {
        self.media_packets = packets;
        self
    }

    fn weak(mut self) -> Self {
        self.add_fact(Fact { name: "tls.version", value: "TLS 1.0".into(), weakness: Some("obsolete since RFC 8996") });
        self
    }

    /// What a flow without keys looks like.
    fn unread(mut self) -> Self {
        self.secure = false;
        self.decrypted = false;
        self.protocol = "tls";
        self.messages = [0, 0];
        self.read_in_full = [0, 0];
        self.blind(Blind::NoKeys)
    }
}

/// A planted value, seen as typed in a message to the flow's server.
pub(super) fn seen(flow: &Flow, what: (&str, Data, &str)) -> Sighting {
    Sighting {
        detector: "planted-value",
        data: what.1,
        planted: Some(what.0.to_owned()),
        form: "as-typed".into(),
        strength: Strength::Value,
        place: Place {
            capture: flow.capture.clone(),
            flow: Some(flow.key),
            flow_start: flow.first_frame,
            direction: Direction::ToServer,
            at: Timestamp::default(),
            authority: None,
            secured: flow.secure,
            frames: vec![flow.first_frame + 3],
            part: None,
            bytes: (10, 20),
            trail: if flow.secure { vec!["tls1.3".into(), "http1".into()] } else { vec!["http1".into()] },
        },
        excerpt: Excerpt::default(),
        reason: String::new(),
        conclusive: false,
        party: Party::Unlisted,
        audiences: Vec::new(),
    }
}

pub(super) trait SightingParts: Sized {
    fn hashed(self) -> Self;
    fn by_rule(self) -> Self;
    fn conclusive(self) -> Self;
    fn later(self, seconds: i64) -> Self;
    fn back(self) -> Self;
    fn stored(self, audience: Audience, line: u64) -> Self;
}

impl SightingParts for Sighting {
    fn hashed(mut self) -> Self {
        self.strength = Strength::Pseudonym;
        self.form = "sha256".into();
        self
    }

    fn by_rule(mut self) -> Self {
        self.planted = None;
        self
    }

    fn conclusive(mut self) -> Self {
        self.conclusive = true;
        self
    }

    /// In a later message of the same flow.
    fn later(mut self, seconds: i64) -> Self {
        self.place.at = Timestamp::from_parts(seconds, 0);
        self.place.frames = self.place.frames.iter().map(|frame| frame + seconds.unsigned_abs()).collect();
        self
    }

    fn back(mut self) -> Self {
        self.place.direction = Direction::ToClient;
        self
    }

    fn stored(mut self, audience: Audience, line: u64) -> Self {
        self.place.capture = "export.ndjson".into();
        self.place.flow = None;
        self.place.flow_start = 0;
        self.place.frames = vec![line];
        self.party = Party::Provider;
        self.audiences = vec![audience];
        self
    }
}

pub(super) fn evidence(flows: Vec<Flow>, sightings: Vec<Sighting>) -> Evidence {
    Evidence { flows, sightings, ..Evidence::default() }
}
