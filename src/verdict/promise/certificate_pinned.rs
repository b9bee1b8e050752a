//! "We pin our certificates": the app talks to nobody who shows it a certificate that is not the vendor's.
//!
//! Judged by tests that the scenario declares: captures recorded behind an interceptor that the device does not trust
//! (`certificate = "forged"`). What the app sends there, it sends to anyone.

use crate::model::flow::{Blind, Flow};
use crate::model::scenario::{Audience, Party};
use crate::model::sighting::Sighting;
use crate::model::verdict::Standard;
use crate::verdict::Promise;
use crate::verdict::audience::{flow_id, server_name};
use crate::verdict::case::Case;
use crate::verdict::earned::{self, Outcome};
use crate::verdict::forged;
use crate::verdict::judging;
use crate::verdict::words::{count, list, sentence, tame};
use std::collections::BTreeSet;

/// The promise.
pub(super) static PROMISE: Promise = Promise {
    name: "certificate-pinned",
    means: "The app refuses a server that shows a certificate other than the vendor's.",
    forbids: &[Audience::Public, Audience::Network],
    needs: "A capture declared as recorded with forged certificates, in which the app saw one from each of the provider's \
            hosts, refused it and sent nothing; and a capture with genuine ones, in which the content went to those hosts.",
    cannot_prove: "That the app compares keys rather than names of issuers, and that every certificate but the vendor's is \
                   refused: only the forged ones of the test were shown.",
    not_tested: &[
        "certificates of authorities that the device trusts",
        "hosts and versions of the app outside the captures",
        "what the app does once its user has installed an authority",
    ],
    standards: &[
        Standard { body: "OWASP MASVS", reference: "MASVS-NETWORK-2" },
        Standard { body: "OWASP MASVS", reference: "MASVS-NETWORK-1" },
        Standard { body: "GDPR", reference: "Article 32(1)(a)" },
        Standard { body: "FTC Act", reference: "Section 5" },
    ],
    judge,
};

fn judge(case: &Case<'_>) -> Outcome {
    if !case.scenario.captures.iter().any(|capture| capture.forged) {
        let reason =
            "Not enough was seen: no capture was recorded with forged certificates (`certificate = \"forged\"`).";
        return Outcome::Inconclusive { reason: reason.to_owned(), control: None };
    }
    let flows = || case.evidence().flows.iter().filter(|flow| flow.party == Party::Provider);
    let fooled: Vec<&Flow> = flows().filter(|flow| case.is_forged(flow) && forged::sent_app_data(flow)).collect();
    if !fooled.is_empty() {
        return contradicted(case, &fooled);
    }
    let refused: BTreeSet<String> =
        flows().filter(|flow| case.is_forged(flow) && forged::is_refusal(flow)).map(server_name).collect();
    let talked: BTreeSet<String> =
        flows().filter(|flow| !case.is_forged(flow) && forged::sent_app_data(flow)).map(server_name).collect();
    let mut missing = Vec::new();
    if refused.is_empty() {
        missing.push("no connection shows that the app saw a forged certificate and refused it".to_owned());
    } else {
        // What could not be read may be data sent to a host that the test never tried.
        let unread: BTreeSet<String> =
            flows().filter(|flow| !case.is_forged(flow) && forged::may_have_sent(flow)).map(server_name).collect();
        let untried: Vec<String> =
            talked.union(&unread).filter(|host| !refused.contains(*host)).map(|h| tame(h)).collect();
        if !untried.is_empty() {
            missing.push(format!("no refusal of a forged certificate of {} is in the evidence", list(&untried, 2)));
        }
        if talked.is_disjoint(&refused) {
            missing
                .push("no genuine connection to the same host shows that the app would have talked to it".to_owned());
        }
    }
    missing.extend(forged::untold(case));
    // What else went by unread is another promise's business; of the test itself nothing may be missing.
    let spare = |flow: &Flow, _: Blind| !case.is_forged(flow);
    let covered = earned::also(earned::covered(case, &spare), missing);
    let hosts: Vec<String> = refused.iter().map(|host| tame(host)).collect();
    judging::settle(covered, earned::content(case, true), &|control| {
        let text =
            format!("the app refused forged certificates of {} and sent nothing there: {control}", list(&hosts, 2));
        sentence(&text)
    })
}

fn contradicted(case: &Case<'_>, fooled: &[&Flow]) -> Outcome {
    let ids: BTreeSet<_> = fooled.iter().map(|flow| (flow.capture.as_str(), flow.key, flow.first_frame)).collect();
    let seen =
        case.evidence().sightings.iter().filter(|sighting| flow_id(sighting).is_some_and(|id| ids.contains(&id)));
    let sightings: Vec<String> = seen.filter(|sighting| case.is_about(sighting)).map(Sighting::id).collect();
    let mut hosts: Vec<String> = fooled.iter().map(|flow| tame(&server_name(flow))).collect();
    hosts.sort();
    hosts.dedup();
    let frames: Vec<String> = fooled.iter().map(|flow| flow.first_frame.to_string()).collect();
    let flows = count(fooled.len() as u64, "connection");
    let text = format!(
        "the app accepted a forged certificate of {} and sent application data, in {flows} (from frame {})",
        list(&hosts, 2),
        list(&frames, 3)
    );
    Outcome::Contradicted { reason: sentence(&text), sightings }
}

#[cfg(test)]
mod tests {
    use crate::model::flow::{Blind, Fact, Flow};
    use crate::model::scenario::CaptureRef;
    use crate::model::stream::Ending;
    use crate::model::verdict::VerdictKind::{self, Consistent, Contradicted, Inconclusive, Weakened};
    use crate::verdict::fixtures::*;

    const API: &str = "api.chatterly.example";

    fn fact(flow: &mut Flow, name: &'static str, value: &str) {
        flow.add_fact(Fact { name, value: value.into(), weakness: None });
    }

    /// A handshake in the forged capture that ends as `end` says.
    fn refusal(host: &str, n: u16, alert: Option<&str>) -> Flow {
        let mut flow = flow(host, n);
        flow.capture = "forged.pcapng".into();
        flow.protocol = "tls";
        (flow.decrypted, flow.secure) = (false, false);
        (flow.messages, flow.read_in_full, flow.telling) = ([0, 0], [0, 0], 0);
        fact(&mut flow, "tls.version", "TLS 1.3");
        fact(&mut flow, "tls.certificate", "CN=api.chatterly.example; issued by CN=Nobody");
        if let Some(alert) = alert {
            fact(&mut flow, "tls.alert", alert);
        }
        flow
    }

    fn fooled(host: &str, n: u16) -> Flow {
        let mut flow = flow(host, n).sealed(90);
        flow.capture = "forged.pcapng".into();
        fact(&mut flow, "tls.version", "TLS 1.3");
        fact(&mut flow, "tls.certificate", "CN=api.chatterly.example; issued by CN=Nobody");
        flow
    }

    fn judge(promise: &str, declared: bool, flows: Vec<Flow>) -> (VerdictKind, String) {
        let mut scenario = scenario(promise, &[GREETING.1], &[GREETING]);
        for (name, forged) in [("a.pcapng", false), ("forged.pcapng", declared)] {
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
        let seen: Vec<_> = flows.iter().filter(|flow| flow.messages[0] > 0).map(|flow| seen(flow, GREETING)).collect();
        let judged = verdict(&scenario, evidence(flows, seen));
        assert!(judged.reason.ends_with('.'), "{}", judged.reason);
        (judged.verdict, judged.reason)
    }

    #[test]
    fn only_a_refusal_beside_a_genuine_connection_is_consistent() {
        let unknown_ca = Some("client: unknown_ca");
        let closed = |mut flow: Flow| {
            flow.ended = Some(Ending::Clean);
            flow
        };
        let without = |name: &str, mut flow: Flow| {
            flow.facts.retain(|fact| fact.name != name);
            flow
        };
        for (name, declared, flows, want, words) in [
            ("refused by alert", true, vec![flow(API, 0), refusal(API, 1, unknown_ca)], Consistent, "refused forged"),
            (
                "refused by closing",
                true,
                vec![flow(API, 0), closed(refusal(API, 1, None))],
                Consistent,
                "refused forged",
            ),
            ("never declared", false, vec![flow(API, 0), refusal(API, 1, unknown_ca)], Inconclusive, "no capture was"),
            ("no genuine connection", true, vec![refusal(API, 1, unknown_ca)], Inconclusive, "no genuine connection"),
            ("nothing in the test", true, vec![flow(API, 0)], Inconclusive, "no connection shows"),
            ("the capture ends first", true, vec![flow(API, 0), refusal(API, 1, None)], Inconclusive, "no connection"),
            (
                "one of two is dark",
                true,
                vec![flow(API, 0), refusal(API, 1, unknown_ca), refusal(API, 2, None).blind(Blind::NoKeys)],
                Inconclusive,
                "cannot be told",
            ),
            (
                "the server's alert",
                true,
                vec![flow(API, 0), refusal(API, 1, Some("server: close"))],
                Inconclusive,
                "no c",
            ),
            (
                "the certificate was never seen",
                true,
                vec![flow(API, 0), without("tls.certificate", refusal(API, 1, unknown_ca))],
                Inconclusive,
                "no connection shows",
            ),
            (
                "part of it is lost",
                true,
                vec![flow(API, 0), refusal(API, 1, unknown_ca).blind(Blind::Lost)],
                Inconclusive,
                "could not be read",
            ),
            (
                "another host was never tried",
                true,
                vec![flow(API, 0), flow("log.chatterly.example", 2), refusal(API, 1, unknown_ca)],
                Inconclusive,
                "log.chatterly.example",
            ),
            ("accepted", true, vec![flow(API, 0), fooled(API, 1)], Contradicted, "accepted a forged certificate"),
            (
                "accepted once",
                true,
                vec![flow(API, 0), refusal(API, 1, unknown_ca), fooled(API, 3)],
                Contradicted,
                "in 1 connection",
            ),
            ("accepted without the declaration", false, vec![flow(API, 0), fooled(API, 1)], Inconclusive, "no capture"),
        ] {
            let (verdict, reason) = judge("certificate-pinned", declared, flows);
            assert_eq!(verdict, want, "{name}: {reason}");
            assert!(reason.contains(words), "{name}: {reason}");
        }
    }

    #[test]
    fn an_app_that_was_fooled_has_weak_transport_too() {
        let (verdict, reason) = judge("encrypted-in-transit", true, vec![flow(API, 0), fooled(API, 1)]);
        assert_eq!(verdict, Weakened, "{reason}");
        let (verdict, _) = judge("encrypted-in-transit", false, vec![flow(API, 0), fooled(API, 1)]);
        assert_eq!(verdict, Consistent);
    }
}
