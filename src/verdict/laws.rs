//! The laws: less evidence never helps a claim, and what has nothing to do with it changes nothing.

use super::fixtures::*;
use super::promise;
use crate::model::evidence::Evidence;
use crate::model::flow::{Blind, BlindSpot, Fact, Flow, OPENED};
use crate::model::opacity::Opacity;
use crate::model::scenario::{Audience, CaptureRef, Scenario};
use crate::model::sighting::Sighting;
use crate::model::stream::Direction;
use crate::model::taxonomy::Data;
use crate::model::verdict::VerdictKind;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const BLIND: [Blind; 13] = [
    Blind::NoKeys,
    Blind::WrongKeys,
    Blind::Unsupported,
    Blind::HandshakeMissing,
    Blind::Lost,
    Blind::Severed,
    Blind::Ambiguous,
    Blind::Truncated,
    Blind::Malformed,
    Blind::Lossy,
    Blind::Budget,
    Blind::Opaque,
    Blind::Unheard,
];

fn any_flow() -> impl Strategy<Value = Flow> {
    let host = select(vec!["api.chatterly.example", "log.chatterly.example", "t.adzebra.example", "cdn.example"]);
    let parts = (any::<bool>(), select(vec![0_u64, 20, 90]), select(vec![0_u64, 20, 90]), prop::bool::weighted(0.1));
    let blind = prop::option::weighted(0.15, select(BLIND.to_vec()));
    let test = (select(EXCHANGES.to_vec()), prop::bool::weighted(0.3), any::<bool>());
    (host, parts, blind, test).prop_map(|(host, (secure, opaque, sealed, weak), blind, (exchange, forged, refused))| {
        let mut flow = flow(host, 0);
        for (name, value) in exchange {
            flow.add_fact(Fact { name, value: (*value).into(), weakness: None });
        }
        if forged {
            flow.capture = FORGED.into();
        }
        if forged && refused {
            return refusal(flow);
        }
        if !secure {
            flow = flow.clear();
        }
        if opaque > 0 {
            flow = flow.opaque(opaque);
        }
        if secure {
            flow = flow.sealed(sealed);
        }
        if weak {
            flow = flow.weak();
        }
        match blind {
            Some(Blind::NoKeys) if secure => flow.unread(),
            Some(why) => flow.blind(why),
            None => flow,
        }
    })
}

/// The capture of a test with forged certificates.
const FORGED: &str = "forged.pcapng";

/// Key exchanges, as facts tell them.
const EXCHANGES: [&[(&str, &str)]; 4] = [
    &[("tls.ja4", "t13d"), ("tls.version", "TLS 1.3"), ("tls.key-exchange", "x25519")],
    &[("tls.ja4", "t13d"), ("tls.version", "TLS 1.3"), ("tls.key-exchange", "x25519"), ("tls.early-data", "offered")],
    &[("tls.version", "TLS 1.2"), ("tls.cipher-suite", "TLS_RSA_WITH_AES_128_GCM_SHA256")],
    &[],
];

/// A handshake that the app gave up when it saw the certificate.
fn refusal(mut flow: Flow) -> Flow {
    flow.protocol = "tls";
    (flow.decrypted, flow.secure) = (false, false);
    (flow.messages, flow.read_in_full, flow.telling) = ([0, 0], [0, 0], 0);
    for (name, value) in [("tls.version", "TLS 1.3"), ("tls.certificate", "CN=x"), ("tls.alert", "client: unknown_ca")]
    {
        flow.add_fact(Fact { name, value: value.into(), weakness: None });
    }
    flow
}

/// A scenario one of whose captures is such a test.
fn tested(promise: &str, data: &[Data], planted: &[(&str, Data, &str)]) -> Scenario {
    let mut scenario = scenario(promise, data, planted);
    for (name, forged) in [("a.pcapng", false), (FORGED, true)] {
        scenario.captures.push(CaptureRef {
            name: name.into(),
            path: name.into(),
            keys: None,
            sockets: None,
            hooks: None,
            protos: Vec::new(),
            forged,
        });
    }
    scenario
}

/// Sightings as (flow, what, how), to be made once flows have their numbers.
type Spot = (prop::sample::Index, usize, u8);

const WHAT: [(&str, Data, &str); 4] = [GREETING, REAL, ALIAS, DEVICE];

fn world(mut flows: Vec<Flow>, spots: &[Spot]) -> Evidence {
    for (n, flow) in flows.iter_mut().enumerate() {
        let number = u16::try_from(n).unwrap();
        flow.key.client.port = 40_000 + number;
        flow.first_frame = u64::from(number) * 100 + 1;
    }
    let mut sightings: Vec<Sighting> = Vec::new();
    for (at, what, how) in spots {
        let Some(flow) = flows.get(at.index(flows.len().max(1))) else { continue };
        if flow.messages == [0, 0] {
            continue;
        }
        let sighting = seen(flow, WHAT[*what]);
        sightings.push(match how {
            0..=3 => sighting,
            4 => sighting.hashed(),
            5 => sighting.by_rule(),
            6 => sighting.later(7),
            7 => sighting.back(),
            _ => sighting.stored(Audience::ALL[*what], 3),
        });
    }
    evidence(flows, sightings)
}

fn any_world() -> impl Strategy<Value = Evidence> {
    let spots = vec((any::<prop::sample::Index>(), 0..4_usize, 0..9_u8), 0..4);
    (vec(any_flow(), 0..5), spots).prop_map(|(flows, spots)| world(flows, &spots))
}

fn any_scenario() -> impl Strategy<Value = Scenario> {
    let data = vec![Data::Messages, Data::PhoneNumber, Data::VirtualNumber, Data::DeviceId];
    (select(promise::names()), subsequence(data, 1..=4)).prop_map(|(promise, data)| tested(promise, &data, &WHAT))
}

fn kind(scenario: &Scenario, evidence: &Evidence) -> VerdictKind {
    verdict(scenario, evidence.clone()).verdict
}

/// What taking evidence away may lead to.
fn may_become(before: VerdictKind, after: VerdictKind) -> bool {
    match before {
        // What was held against the app may be lost, and then nothing is known; it is never cleared.
        VerdictKind::Contradicted | VerdictKind::Weakened | VerdictKind::Inconclusive => {
            after != VerdictKind::Consistent
        }
        VerdictKind::Consistent => true,
    }
}

/// A flow as it looks without its keys.
fn without_keys(flow: &Flow) -> Flow {
    let mut flow = flow.clone();
    if flow.decrypted {
        flow = flow.unread();
        flow.opaque.clear();
    }
    flow
}

/// Keeps what can still be seen in the flows: sightings in flows without messages are gone.
fn still_seen(evidence: &Evidence, flows: Vec<Flow>) -> Evidence {
    let lives = |s: &Sighting| {
        s.place.flow.is_none() || flows.iter().any(|f| f.first_frame == s.place.flow_start && f.messages != [0, 0])
    };
    let sightings = evidence.sightings.iter().filter(|s| lives(s)).cloned().collect();
    Evidence { flows, sightings, ..Evidence::default() }
}

#[test]
fn a_payload_that_follows_the_text_is_a_doubt_where_the_text_must_not_go() {
    let (id, data, _) = GREETING;
    let kind = |promise: &str, host: &str, surely: bool| {
        let provider = flow("api.chatterly.example", 0).opaque(90);
        let mut other = flow(host, 0).opaque(40);
        if surely {
            other.follows.insert(id.to_owned(), 40);
        } else {
            other.may_follow.insert(id.to_owned());
        }
        verdict(&scenario(promise, &[data], &[GREETING]), world(vec![provider, other], &[])).verdict
    };
    for surely in [true, false] {
        for (promise, host, want) in [
            ("end-to-end-encrypted", "t.adzebra.example", VerdictKind::Inconclusive),
            ("not-shared-with-third-parties", "t.adzebra.example", VerdictKind::Inconclusive),
            ("not-collected", "api.chatterly.example", VerdictKind::Inconclusive),
            // Where it has to go, and where nobody on the way can read it.
            ("end-to-end-encrypted", "log.chatterly.example", VerdictKind::Consistent),
            ("not-shared-with-third-parties", "log.chatterly.example", VerdictKind::Consistent),
            ("encrypted-in-transit", "t.adzebra.example", VerdictKind::Consistent),
        ] {
            assert_eq!(kind(promise, host, surely), want, "{promise}, {host}, {surely}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn taking_keys_away_never_helps(scenario in any_scenario(), evidence in any_world(), which in any::<u8>()) {
        let take = |(n, flow): (usize, &Flow)| if which >> (n % 8) & 1 == 1 { without_keys(flow) } else { flow.clone() };
        let flows = evidence.flows.iter().enumerate().map(take).collect();
        let less = still_seen(&evidence, flows);
        let (before, after) = (kind(&scenario, &evidence), kind(&scenario, &less));
        prop_assert!(may_become(before, after), "{before:?} became {after:?}");
    }

    #[test]
    fn losing_packets_never_helps(
        scenario in any_scenario(),
        evidence in any_world(),
        hit in any::<prop::sample::Index>(),
        why in select(vec![
            Blind::Lost,
            Blind::Severed,
            Blind::Ambiguous,
            Blind::Truncated,
            Blind::Lossy,
            Blind::Budget,
            Blind::HandshakeMissing,
        ]),
        bare in any::<bool>(),
    ) {
        prop_assume!(!evidence.flows.is_empty());
        let hit = hit.index(evidence.flows.len());
        let mut flows = evidence.flows.clone();
        let flow = &mut flows[hit];
        // What is seen inside a flow whose handshake is lost shows that the flow matters; taking the sighting away takes
        // that trace with it.
        prop_assume!(flow.blind.iter().all(|spot| spot.why != Blind::HandshakeMissing));
        // Without its handshake a flow shows neither keys nor facts; a flow in clear has none to lose.
        let why = if why == Blind::HandshakeMissing && !flow.secure { Blind::Lost } else { why };
        if why == Blind::HandshakeMissing || bare {
            flow.facts.clear();
        }
        if why == Blind::HandshakeMissing {
            flow.decrypted = false;
            flow.secure = false;
            flow.messages = [0, 0];
            flow.read_in_full = [0, 0];
        }
        flow.opaque.clear();
        flow.add_blind(BlindSpot { why, direction: Direction::ToServer, detail: String::new(), bytes: 700 }, 16);
        let start = flow.first_frame;
        let mut less = still_seen(&evidence, flows);
        less.sightings.retain(|s| s.place.flow.is_none() || s.place.flow_start != start);
        let (before, after) = (kind(&scenario, &evidence), kind(&scenario, &less));
        prop_assert!(may_become(before, after), "{before:?} became {after:?}");
    }

    #[test]
    fn losing_controls_never_helps(scenario in any_scenario(), evidence in any_world()) {
        let mut less = evidence.clone();
        for flow in &mut less.flows {
            flow.opaque.clear();
            flow.sealed_to_server = 0;
            flow.media_packets = 0;
        }
        let before = kind(&scenario, &evidence);
        let after = kind(&scenario, &less);
        // Opaque payloads to third parties are doubts rather than controls; without them the doubt is gone too.
        let doubt = evidence.flows.iter().any(|flow| flow.host.as_deref().is_some_and(|h| !h.contains("chatterly")));
        // So are those outside any known transport to whoever asks for forward secrecy: any key may have sealed them.
        let secrecy = scenario.claims.iter().any(|claim| claim.promise == "forward-secret");
        let bare = evidence.flows.iter().any(|flow| !flow.secure && !flow.opaque.is_empty());
        let doubt = doubt || (secrecy && bare);
        prop_assert!(may_become(before, after) || doubt, "{before:?} became {after:?}");
    }

    #[test]
    fn logged_keys_only_better_the_control(scenario in any_scenario(), evidence in any_world(), which in any::<u8>()) {
        let mut more = evidence.clone();
        let opened = |flow: &&mut Flow| flow.messages[0] > 0;
        for (n, flow) in more.flows.iter_mut().filter(opened).enumerate().filter(|(n, _)| which >> (n % 8) & 1 == 1) {
            let (id, ..) = WHAT[n % WHAT.len()];
            flow.sealed_inside.insert(id.to_owned(), 2);
            flow.add_fact(Fact { name: OPENED, value: format!("AES/CBC: {id}"), weakness: None });
            // Only what was opaque before is tried.
            for payload in flow.opaque.iter_mut().filter(|payload| payload.opacity.is_opaque()) {
                payload.opacity = Opacity::Encrypted;
            }
        }
        let (without, with) = (verdict(&scenario, evidence), verdict(&scenario, more));
        let earned = without.verdict == VerdictKind::Inconclusive
            && with.verdict == VerdictKind::Consistent
            // Of several controls the first ones are named, the others counted.
            && with.coverage.control.as_ref().is_some_and(|control| {
                control.contains("sealed by the app") || control.ends_with(" more")
            });
        prop_assert!(without.verdict == with.verdict || earned, "{:?} became {:?}: {} / {}", without.verdict, with.verdict, without.reason, with.reason);
        prop_assert_eq!(without.sightings, with.sightings);
    }

    #[test]
    fn what_runs_show_never_helps(scenario in any_scenario(), evidence in any_world(), which in any::<u64>()) {
        let mut more = evidence.clone();
        for (n, flow) in more.flows.iter_mut().enumerate() {
            let (id, ..) = WHAT[n % WHAT.len()];
            let drawn = (which >> (3 * (n % 21))) & 7;
            let longest = flow.opaque.iter().filter(|payload| payload.opacity.is_opaque()).map(|payload| payload.len).max();
            // Only an opaque payload follows anything.
            let (follows, may_follow) = (drawn & 1 == 1, drawn & 2 == 2);
            if let Some(len) = longest.filter(|_| follows) {
                flow.follows.insert(id.to_owned(), len);
            } else if longest.is_some() && may_follow {
                flow.may_follow.insert(id.to_owned());
            } else if drawn & 4 == 4 {
                for payload in &mut flow.opaque {
                    payload.carries_none_of.insert(id.to_owned());
                }
            }
        }
        let (without, with) = (verdict(&scenario, evidence), verdict(&scenario, more));
        let doubted = with.verdict == VerdictKind::Inconclusive && without.verdict == VerdictKind::Consistent;
        prop_assert!(without.verdict == with.verdict || doubted, "{:?} became {:?}: {} / {}", without.verdict, with.verdict, without.reason, with.reason);
        prop_assert_eq!(without.sightings, with.sightings);
    }

    #[test]
    fn a_damaged_capture_never_helps(scenario in any_scenario(), evidence in any_world()) {
        let mut less = evidence.clone();
        less.inputs.push(crate::model::evidence::Input { stopped: Some("cut".into()), ..Default::default() });
        let (before, after) = (kind(&scenario, &evidence), kind(&scenario, &less));
        prop_assert_ne!(after, VerdictKind::Consistent);
        prop_assert!(before == after || before == VerdictKind::Consistent);
    }

    #[test]
    fn unrelated_traffic_changes_nothing(
        scenario in any_scenario(),
        evidence in any_world(),
        secure in any::<bool>(),
        copies in 1..4_u16,
    ) {
        // Where nothing of the app was read, anything that is read is a sign of life: that is no unrelated traffic.
        let alive = evidence.flows.iter().any(|flow| flow.read_in_full[0] > 0);
        prop_assume!(alive);
        let mut more = evidence.clone();
        for n in 0..copies {
            let mut other = flow("weather.example", 900 + n);
            if !secure {
                other = other.clear();
            }
            more.flows.push(other);
        }
        prop_assert_eq!(kind(&scenario, &evidence), kind(&scenario, &more));
    }

    #[test]
    fn order_and_merging_change_nothing(scenario in any_scenario(), evidence in any_world(), cut in any::<prop::sample::Index>()) {
        let whole = verdict(&scenario, evidence.clone());
        let at = cut.index(evidence.flows.len().max(1)).min(evidence.flows.len());
        let mut left = evidence.clone();
        let right = Evidence { flows: left.flows.split_off(at), ..Evidence::default() };
        let mut reversed = Evidence { flows: right.flows.iter().rev().cloned().collect(), ..Evidence::default() };
        reversed.sightings = left.sightings.drain(..).rev().collect();
        reversed.merge(left);
        prop_assert_eq!(whole, verdict(&scenario, reversed));
    }

    #[test]
    fn another_sighting_never_clears(scenario in any_scenario(), evidence in any_world(), what in 0..4_usize, at in any::<prop::sample::Index>()) {
        prop_assume!(!evidence.flows.is_empty());
        let before = kind(&scenario, &evidence);
        let mut more = evidence.clone();
        let flow = &evidence.flows[at.index(evidence.flows.len())];
        more.sightings.push(seen(flow, WHAT[what]).later(50));
        let after = kind(&scenario, &more);
        prop_assert!(
            before != VerdictKind::Contradicted || after == VerdictKind::Contradicted,
            "{before:?} became {after:?}"
        );
    }

    #[test]
    fn what_comes_back_counts_like_what_goes_out(scenario in any_scenario(), evidence in any_world()) {
        let mut turned = evidence.clone();
        for sighting in &mut turned.sightings {
            sighting.place.direction = sighting.place.direction.reverse();
        }
        prop_assert_eq!(kind(&scenario, &evidence), kind(&scenario, &turned));
    }
}

#[test]
fn every_verdict_occurs_in_these_worlds() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    // Promises about stores are judged on dumps, which these worlds do not have.
    let stored = ["encrypted-at-rest", "not-public", "not-retained"];
    for promise in promise::names().into_iter().filter(|promise| !stored.contains(promise)) {
        let mut occurred = Vec::new();
        for _ in 0..1500 {
            let data = [Data::Messages, Data::PhoneNumber, Data::VirtualNumber];
            let world = any_world().new_tree(&mut runner).unwrap().current();
            occurred.push(kind(&tested(promise, &data, &WHAT), &world));
        }
        for verdict in VerdictKind::ALL {
            let content = matches!(promise, "encrypted-in-transit" | "end-to-end-encrypted" | "forward-secret");
            if verdict != VerdictKind::Weakened || content {
                assert!(occurred.contains(&verdict), "{promise} is never {}", verdict.name());
            }
        }
    }
}
