//! A report made by hand for tests: every verdict, every kind of reader, hostile text.

use crate::model::envelope::{Envelope, Keying};
use crate::model::evidence::Input;
use crate::model::exposure::{
    Contact, Day, Edge, Exposure, ExtortionNote, Identified, Learned, Linkability, Role, Share,
};
use crate::model::flow::{Blind, BlindSpot, Fact, Flow, OpaquePayload, Standing};
use crate::model::message::PartKind;
use crate::model::opacity::Opacity;
use crate::model::packet::Endpoint;
use crate::model::pair::{Apart, Change, Compared, Relation, Side};
use crate::model::report::{Report, ScenarioReport};
use crate::model::scenario::{App, Audience, Claim, HostRule, Parties, Party, Planted};
use crate::model::sighting::{Excerpt, Masked, Place, Sighting, Strength};
use crate::model::stream::{Direction, FlowKey, Transport};
use crate::model::taxonomy::Data;
use crate::model::time::Timestamp;
use crate::model::verdict::{Coverage, Judged, Standard, Unread, VerdictKind};
use crate::model::weakness::{Exhibit, Weakness};
use std::collections::BTreeMap;

const START: i64 = 1_793_956_445;
const CAPTURE: &str = "capture.pcapng";
/// Text that must never act, wherever it is shown.
pub(crate) const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\u{202e}\u{1b}[31m\0 '\"&{{ 7*7 }}";

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_parts(START.saturating_add(second), 250_000_000)
}

pub(crate) fn key(client: u16, server: &str, port: u16) -> FlowKey {
    FlowKey {
        transport: Transport::Tcp,
        client: Endpoint { ip: "10.0.0.2".parse().unwrap(), port: client },
        server: Endpoint { ip: server.parse().unwrap(), port },
    }
}

fn flow(client: u16, server: &str, host: &str, party: Party, protocol: &'static str, frames: (u64, u64)) -> Flow {
    let mut flow = Flow::new(CAPTURE, key(client, server, 443), frames.0, at(0));
    flow.last_frame = frames.1;
    flow.last_seen = at(i64::try_from(frames.1).unwrap());
    flow.host = Some(host.to_owned());
    flow.host_from = Some("sni");
    flow.party = party;
    flow.protocol = protocol;
    flow.bytes = [18_400, 7_300];
    flow.opacity.add(Opacity::Encrypted, 25_000);
    flow.opacity.add(Opacity::Plaintext, 700);
    flow.decrypted = true;
    flow.secure = true;
    flow.messages = [12, 12];
    flow.read_in_full = [12, 12];
    flow.add_fact(Fact { name: "tls.version", value: "TLS 1.3".into(), weakness: None });
    flow
}

fn sighting(data: Data, planted: Option<&str>, form: &str, flow: &Flow, frames: &[u64], steps: &[&str]) -> Sighting {
    let secured = steps.first().is_some_and(|step| step.starts_with("tls"));
    let mut audiences = vec![flow.party.audience()];
    if !secured {
        audiences.insert(0, Audience::Network);
    }
    Sighting {
        detector: if planted.is_some() { "planted" } else { "phone-number" },
        data,
        planted: planted.map(str::to_owned),
        form: form.to_owned(),
        strength: if form == "sha256" { Strength::Pseudonym } else { Strength::Value },
        place: Place {
            capture: CAPTURE.to_owned(),
            flow: Some(flow.key),
            flow_start: flow.first_frame,
            direction: Direction::ToServer,
            at: at(2),
            authority: flow.host.clone(),
            secured,
            frames: frames.to_vec(),
            part: Some(PartKind::Body),
            bytes: (118, 141),
            trail: steps.iter().map(|step| (*step).to_owned()).collect(),
        },
        excerpt: Excerpt {
            before: Masked::new("\"from\":\"+4915112345678\",\"text\":\""),
            found: Masked::new("The heron lands at dusk"),
            after: Masked::new("\",\"seq\":17}"),
        },
        reason: format!("The planted {} stands in the body as typed.", data.label()),
        conclusive: false,
        party: flow.party.clone(),
        audiences,
    }
}

/// A broken cipher, in the place of the first sighting, with hostile text around a planted value.
fn weakness(sightings: &[Sighting]) -> Weakness {
    let first = sightings.first().unwrap();
    let text = format!("{{\"to\":\"{HOSTILE}\",\"text\":\"The heron lands at dusk\"}}");
    let start = text.find("The heron").map(|at| text[..at].chars().count()).unwrap();
    Weakness {
        detector: "xor",
        title: "XOR with a short key, and the like",
        bound: "2^-31 for a run.",
        reason: "What goes by \"POST log.chatterly.example/v1\" is no more than hidden.".to_owned(),
        undone: Some("xor with a repeating key of 4 bytes".to_owned()),
        exhibits: vec![Exhibit {
            place: first.place.clone(),
            len: 4_000,
            before: vec![0x21, 0x74, 0xf6, 0x8b],
            after: Some(Masked::new(text)),
            planted: vec![(start, start + 23)],
            party: first.party.clone(),
            audiences: first.audiences.clone(),
        }],
        more: 3,
    }
}

fn judged(id: &str, text: &str, promise: &str, data: &[Data], verdict: VerdictKind, reason: &str) -> Judged {
    Judged {
        claim: Claim {
            max_age: None,
            id: id.to_owned(),
            text: text.to_owned(),
            source: Some("https://chatterly.example/privacy".to_owned()),
            seen: Some("2026-11-02".to_owned()),
            promise: promise.to_owned(),
            data: data.to_vec(),
            line: 20,
        },
        verdict,
        reason: reason.to_owned(),
        sightings: Vec::new(),
        weaknesses: Vec::new(),
        shown: Vec::new(),
        coverage: Coverage {
            flows: 4,
            flows_read: 3,
            bytes: 90_000,
            bytes_read: 61_000,
            hosts: 3,
            hosts_read: 2,
            messages: 30,
            messages_read: 29,
            unread: vec![Unread { why: "no-keys", says: Blind::NoKeys.says().to_owned(), flows: 1, bytes: 29_000 }],
            control: Some("an opaque payload of 96 bytes to chat.chatterly.example (frame 23)".to_owned()),
        },
        means: "Only the people who communicate can read the data: no server, no network, nobody else.",
        cannot_prove: "Traffic cannot show what the provider does with data it could not be seen to read.",
        not_tested: vec!["group chats".to_owned(), "delivery to a second device".to_owned()],
        standards: &[
            Standard { body: "OWASP MASVS", reference: "MASVS-NETWORK-1" },
            Standard { body: "GDPR", reference: "Article 5(1)(f)" },
            Standard { body: "FTC Act", reference: "Section 5" },
        ],
    }
}

/// One scenario with every verdict.
pub(crate) fn report() -> Report {
    let third = Party::Third("AdZebra".to_owned());
    let log = flow(40_001, "203.0.113.7", "log.chatterly.example", Party::Provider, "http1", (11, 60));
    let mut chat = flow(40_002, "203.0.113.8", "chat.chatterly.example", Party::Provider, "websocket", (14, 80));
    chat.opaque.push(OpaquePayload {
        len: 96,
        direction: Direction::ToServer,
        opacity: Opacity::Encrypted,
        trail: "tls1.3 > websocket > message > base64".to_owned(),
        frame: 23,
        envelope: Some("olm"),
        standing: Standing::Content,
        digest: 0,
        carries_none_of: std::collections::BTreeSet::new(),
        undone: false,
    });
    chat.add_envelope(Envelope {
        name: "olm",
        kind: "Olm pre-key message",
        keying: Keying::Ratchet,
        direction: Direction::ToServer,
        count: 2,
        longest: 96,
        frame: 23,
        trail: "tls1.3 > websocket > message > base64".to_owned(),
    });
    let mut ads = flow(40_003, "198.51.100.9", "t.adzebra.example", third, "http1", (30, 44));
    ads.key.server.port = 80;
    ads.secure = false;
    ads.decrypted = false;
    ads.opacity = crate::model::opacity::OpacityTally::default();
    ads.opacity.add(Opacity::Plaintext, 9_000);
    ads.opacity.add(Opacity::Compressed, 2_500);
    ads.add_fact(Fact { name: "http.version", value: "1.1".into(), weakness: None });
    let mut sealed = flow(40_004, "192.0.2.40", "cdn.unlisted.example", Party::Unlisted, "tls", (50, 99));
    sealed.decrypted = false;
    sealed.messages = [0, 0];
    sealed.read_in_full = [0, 0];
    sealed.add_blind(
        BlindSpot {
            why: Blind::NoKeys,
            direction: Direction::ToServer,
            detail: "client random not in key log".to_owned(),
            bytes: 29_000,
        },
        16,
    );
    sealed.add_fact(Fact {
        name: "tls.version",
        value: "TLS 1.0".into(),
        weakness: Some("TLS 1.0 is obsolete (RFC 8996)"),
    });

    let typed = sighting(
        Data::Messages,
        Some("greeting"),
        "as-typed",
        &log,
        &[41, 42],
        &["tls1.3", "POST log.chatterly.example/v1/log", "gzip", "json $.lines[3].payload", "base64", "json $.text"],
    );
    let again = {
        let mut again = typed.clone();
        again.place.frames = vec![52];
        again
    };
    let hashed = {
        let mut hashed =
            sighting(Data::PhoneNumber, Some("mine"), "sha256", &ads, &[33], &["GET t.adzebra.example/p", "query ph"]);
        hashed.excerpt.found = Masked::new("0c8a1a3f5c1b1e0f63f3a6bb6ac5ac37d8a1a4f8b9f0f1d2c3b4a5968778695a");
        hashed.reason = "The SHA-256 of the planted phone number, which anyone can match by trying numbers.".to_owned();
        hashed
    };
    let ruled = {
        let mut ruled = sighting(
            Data::PhoneNumber,
            None,
            "e164",
            &log,
            &[43],
            &["tls1.3", "POST log.chatterly.example/v1/log", "gzip", "json $.peer.+4915112345678"],
        );
        ruled.excerpt.found = Masked::new("+4915112345678");
        ruled.reason = "A valid phone number (Germany) beside a key that names one.".to_owned();
        ruled
    };
    let hostile = {
        let mut hostile =
            sighting(Data::Name, Some("nick"), "as-typed", &ads, &[35], &["POST t.adzebra.example/n", HOSTILE]);
        hostile.excerpt =
            Excerpt { before: Masked::new(HOSTILE), found: Masked::new(HOSTILE), after: Masked::new(HOSTILE) };
        hostile.reason = HOSTILE.to_owned();
        hostile
    };
    let mut sightings = vec![typed, again, hashed, ruled, hostile];
    sightings.sort_by(|a, b| a.order().cmp(&b.order()));
    let ids = |data: Data, planted: bool| -> Vec<String> {
        sightings.iter().filter(|s| s.data == data && s.planted.is_some() == planted).map(Sighting::id).collect()
    };

    let mut e2ee = judged(
        "e2ee",
        "Only you and the person you communicate with can see, read or listen to them: even our team won’t access your data",
        "end-to-end-encrypted",
        &[Data::Messages],
        VerdictKind::Contradicted,
        "The planted message text “greeting” was readable to the provider at log.chatterly.example: it was uploaded, in base64 inside gzip, in 2 requests (frames 41, 42 and 52).",
    );
    e2ee.sightings = ids(Data::Messages, true);
    let mut shared = judged(
        "ads",
        "We never share your phone number with advertisers",
        "not-shared-with-third-parties",
        &[Data::PhoneNumber],
        VerdictKind::Contradicted,
        "A pseudonym (SHA-256) of the planted phone number “mine” reached AdZebra at t.adzebra.example in frame 33.",
    );
    shared.sightings = ids(Data::PhoneNumber, true);
    shared.shown = ids(Data::PhoneNumber, false);
    let weak = judged(
        "bank-grade",
        "Bank-grade encryption on every connection",
        "encrypted-in-transit",
        &[Data::Messages],
        VerdictKind::Weakened,
        "Nothing was read in transit, but the connection to cdn.unlisted.example used TLS 1.0, which is obsolete (RFC 8996).",
    );
    let mut unsure = judged(
        "no-location",
        "Your location never leaves your phone",
        "not-collected",
        &[Data::PreciseLocation],
        VerdictKind::Inconclusive,
        "1 flow to cdn.unlisted.example could not be read (encrypted, no keys supplied), so nobody can say that the location was not in it.",
    );
    unsure.coverage.control = None;
    unsure.claim.source = None;
    unsure.claim.seen = None;
    let fine = judged(
        "tls",
        "Everything you send is encrypted on its way to us",
        "encrypted-in-transit",
        &[Data::Messages, Data::PhoneNumber],
        VerdictKind::Consistent,
        "All 3 flows to the provider were read, none showed the planted values to the network, and a message large enough to carry them was seen inside TLS 1.3.",
    );

    Report {
        scenarios: vec![ScenarioReport {
            weaknesses: vec![weakness(&sightings)],
            pairs: vec![pair()],
            exposure: Some(exposure()),
            id: "chatterly".to_owned(),
            app: App {
                name: "Chatterly".to_owned(),
                version: Some("8.6.1".to_owned()),
                platform: Some("android".to_owned()),
            },
            parties: Parties {
                provider: vec![
                    HostRule::parse("chatterly.example").unwrap(),
                    HostRule::parse("203.0.113.7").unwrap(),
                    HostRule::parse("198.51.100.0/28").unwrap(),
                ],
                third: vec![("AdZebra".to_owned(), vec![HostRule::parse("adzebra.example").unwrap()])],
            },
            planted: [
                ("greeting", Data::Messages, "The heron lands at dusk"),
                ("mine", Data::PhoneNumber, "+4915112345678"),
                ("nick", Data::Name, HOSTILE),
                ("here", Data::PreciseLocation, "48.8583701,2.2944813"),
            ]
            .map(|(id, data, value)| Planted { id: id.to_owned(), data, value: value.to_owned() })
            .to_vec(),
            claims: vec![e2ee, shared, weak, unsure, fine],
            sightings,
            flows: vec![log, chat, ads, sealed],
            coverage: Coverage {
                flows: 4,
                flows_read: 3,
                bytes: 102_800,
                bytes_read: 77_100,
                hosts: 4,
                hosts_read: 3,
                messages: 72,
                messages_read: 70,
                unread: vec![
                    Unread { why: "no-keys", says: Blind::NoKeys.says().to_owned(), flows: 1, bytes: 25_700 },
                    Unread { why: "truncated", says: Blind::Truncated.says().to_owned(), flows: 1, bytes: 900 },
                ],
                control: None,
            },
            inputs: vec![Input {
                name: CAPTURE.to_owned(),
                format: "pcapng.gz".to_owned(),
                sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
                bytes: 120_400,
                frames: 412,
                first_seen: Some(at(0).0),
                last_seen: Some(at(431).0),
                stopped: Some("the last block at offset 120,004 is cut off".to_owned()),
                skipped: [("arp".to_owned(), 4)].into_iter().collect(),
                cut_frames: 2,
                secrets: 6,
                keys: Vec::new(),
                notes: Vec::new(),
            }],
            warnings: vec![
                "claim “no-location” has no `source`: a reader cannot check that the vendor said it".to_owned(),
                format!("planted “nick” was typed as {HOSTILE}"),
            ],
            inspected: false,
            secrets: 0,
            command: Vec::new(),
        }],
    }
}

/// The same evidence, inspected without a scenario.
pub(crate) fn inspected() -> Report {
    let mut report = report();
    for scenario in &mut report.scenarios {
        scenario.claims.clear();
        scenario.app = App::default();
        scenario.inspected = true;
        scenario.id = "capture".to_owned();
    }
    report
}

/// The report with `flows` flows and `sightings` sightings more.
pub(crate) fn crowded(flows: u16, sightings: u32) -> Report {
    let mut report = report();
    let scenario = report.scenarios.first_mut().unwrap();
    let model = scenario.flows.first().unwrap().clone();
    for n in 0..flows {
        let mut flow = model.clone();
        flow.first_frame = 1_000 + u64::from(n);
        flow.key.client.port = n;
        flow.host = Some(format!("h{}.chatterly.example", n % 977));
        scenario.flows.push(flow);
    }
    let model = scenario.sightings.first().unwrap().clone();
    for n in 0..sightings {
        let mut sighting = model.clone();
        sighting.place.frames = vec![100_000 + u64::from(n)];
        if let Some(step) = sighting.place.trail.get_mut(1) {
            // Names, not numbers: those are one kind of place.
            let name: String = [n % 26, n / 26 % 26, n / 676 % 26]
                .map(|at| char::from(b'a' + u8::try_from(at).unwrap()))
                .iter()
                .collect();
            *step = format!("POST log.chatterly.example/v1/log/{name}");
        }
        scenario.sightings.push(sighting);
    }
    scenario.flows.sort_by(|a, b| a.order().cmp(&b.order()));
    scenario.sightings.sort_by(|a, b| a.order().cmp(&b.order()));
    let ids = scenario.sightings.iter().filter(|s| s.data == Data::Messages).map(Sighting::id).collect();
    if let Some(first) = scenario.claims.first_mut() {
        first.sightings = ids;
    }
    report
}

/// People who wrote to each other, and some of them drawn.
fn linkability() -> Linkability {
    let contact = |fingerprint: &str, contacts, identified| {
        let number = (identified != Identified::Other).then(|| Masked::new(format!("+4477009{contacts:05}")));
        Contact { fingerprint: fingerprint.to_owned(), contacts, identified, number }
    };
    Linkability {
        connected: 1_180,
        pairs: 2_613,
        groups: 3,
        largest_group: 1_171,
        by_identifier: BTreeMap::from([(Identified::Number, 2_600), (Identified::Both, 13)]),
        named_numbers: 88,
        contacts: vec![
            contact("a1b2c3d4", 41, Identified::Both),
            contact("00ff17e9", 12, Identified::Number),
            contact("5d5d0c21", 9, Identified::Other),
        ],
        edges: vec![
            Edge { from: 0, to: 1, conversations: 3, called: true },
            Edge { from: 0, to: 2, conversations: 1, called: false },
        ],
        at_least: false,
    }
}

/// A store that exposes some people.
fn exposure() -> Exposure {
    let at = |seconds: i64| Some(seconds * 1_000_000_000);
    let learned = |field: &str, role, fits| Learned { field: field.to_owned(), role, seen: 4_096, fits, given: false };
    Exposure {
        people: 1_204,
        phone_numbers: 1_310,
        messages: 48_113,
        conversations: 2_207,
        conversation_sizes: BTreeMap::from([(2, 2_001), (3, 206)]),
        calls: 812,
        precise_locations: 90,
        number_links: 106,
        records: 100_000,
        first_seen: at(1_790_000_000),
        last_seen: at(1_793_610_000),
        ages: BTreeMap::new(),
        by_app: BTreeMap::from([
            ("chatterly".to_owned(), Share { people: 1_100, messages: 47_000 }),
            ("chatterly-kids".to_owned(), Share { people: 104, messages: 1_113 }),
        ]),
        by_day: BTreeMap::from([
            ("2026-11-01".to_owned(), Day { records: 60_000, messages: 30_000 }),
            ("2026-11-02".to_owned(), Day { records: 40_000, messages: 18_113 }),
        ]),
        countries: BTreeMap::from([(33, 600), (44, 604)]),
        linkability: linkability(),
        extortion_notes: vec![ExtortionNote {
            dump: "store.ndjson".to_owned(),
            line: 77_001,
            signs: vec!["read_me".to_owned(), "btc".to_owned()],
            addresses: vec!["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa".to_owned()],
        }],
        roles: BTreeMap::from([(
            "store.ndjson".to_owned(),
            vec![learned("from.phone", Role::Sender, 100), learned("msg", Role::Text, 61)],
        )]),
        at_least: false,
        about: None,
    }
}

/// Two runs, with a field of each kind.
fn pair() -> Compared {
    let side = |frame, len, value: &str, opaque| Side { frame, len, value: Masked::new(value), more: len > 64, opaque };
    let change = |relation, reason: &str, position: &str, opacity, sides| Change {
        relation,
        reason: reason.to_owned(),
        message: "POST api.chatterly.example/v1/send".to_owned(),
        nth: 1,
        position: position.to_owned(),
        host: Some("api.chatterly.example".to_owned()),
        party: Party::Provider,
        opacity,
        sides,
    };
    Compared {
        captures: ["one.pcapng".to_owned(), HOSTILE.to_owned()],
        sent: ["greeting".to_owned(), "nick".to_owned()],
        runs: 5,
        messages: 4,
        fields: 19,
        same: 15,
        changes: vec![
            change(
                Relation::FollowsLength,
                "as many bytes longer as the text is, in 5 runs with 5 texts",
                "json $.ct > base64",
                Some(Opacity::RandomLooking),
                [side(41, 51, "8f3a", true), side(77, 66, "2c9d", true)],
            ),
            change(
                Relation::Untold,
                "changes; without two runs of the same text nobody can say whether it does so by itself",
                "json $.from",
                None,
                [side(41, 14, "+4917698765432", false), side(77, 15, HOSTILE, false)],
            ),
        ],
        more: 1,
        apart: vec![Apart { message: "GET cdn.unlisted.example/avatar".to_owned(), counts: [0, 2] }],
        says: vec!["The text travels in json $.ct > base64 of \"POST api.chatterly.example/v1/send\".".to_owned()],
    }
}
