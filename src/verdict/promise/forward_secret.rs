//! "Keys that leak tomorrow open nothing that was sent today": sessions agree on keys that are thrown away.
//!
//! Transport facts decide: which key exchange protected what the app sent. What a recorder of the path could open with a
//! server's long-term key has no forward secrecy; nor has what TLS 1.3 resumed with a pre-shared key alone (RFC 8446,
//! section 2.2). Content that is sealed for a recipient's long-term key (OpenPGP, CMS, age, JWE …) has none towards
//! whoever stores it: that is told, and leaves the promise open.

use crate::model::envelope::Keying;
use crate::model::flow::{Blind, Flow, OpaquePayload, Standing};
use crate::model::scenario::{Audience, Party};
use crate::model::stream::Direction;
use crate::model::verdict::Standard;
use crate::verdict::Promise;
use crate::verdict::audience::server_name;
use crate::verdict::case::{Case, is_sealed};
use crate::verdict::earned::{self, Outcome};
use crate::verdict::judging;
use crate::verdict::words::{list, owner, sentence, tame};

/// The promise.
pub(super) static PROMISE: Promise = Promise {
    name: "forward-secret",
    means: "Whoever records the traffic and gets a long-term key later still cannot read the data.",
    forbids: &[Audience::Public, Audience::Network],
    needs: "The handshake of every flow that carried what the app sent, each with an ephemeral key exchange, and the \
            content on its way in one of them.",
    cannot_prove: "That both ends throw their keys away, that keys of session tickets and early data are changed often, \
                   and that no endpoint logs its secrets.",
    not_tested: &["keys of session tickets", "servers that use one ephemeral key for long", "what the provider stores"],
    standards: &[
        Standard { body: "BSI", reference: "TR-02102-2" },
        Standard { body: "NIST", reference: "SP 800-52 Rev. 2" },
        Standard { body: "OWASP MASVS", reference: "MASVS-NETWORK-1" },
        Standard { body: "GDPR", reference: "Article 32(1)(a)" },
    ],
    judge,
};

/// How a flow's keys came about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Exchange {
    /// Keys of this session alone.
    Ephemeral,
    /// A long-term key opens it: the exchange's name is in the facts.
    Static,
    /// What was sent first may have gone under keys of an earlier session (0-RTT: RFC 8446, section 2.3).
    Early,
    /// A session went on with the secrets of an earlier one.
    Resumed,
    /// The evidence does not say.
    Unknown,
}

fn exchange(flow: &Flow) -> Exchange {
    let fact = |name: &str| {
        flow.facts.iter().filter(|fact| fact.name == name).map(|fact| fact.value.as_str()).collect::<Vec<_>>()
    };
    if !fact("wireguard.handshake").is_empty() {
        return Exchange::Ephemeral;
    }
    let (versions, kinds, suites) = (fact("tls.version"), fact("tls.key-exchange"), fact("tls.cipher-suite"));
    if versions.is_empty() || flow.count > 1 {
        return Exchange::Unknown;
    }
    let resumed = !fact("tls.resumed").is_empty();
    // Up to TLS 1.2 the exchange is in the suite's name, from 1.3 on it is a group; named curves are told for both.
    let fixed = kinds.iter().chain(&suites).any(|kind| is_static(kind));
    let modern = versions.iter().all(|version| version.ends_with("1.3"));
    let early = !fact("tls.early-data").is_empty();
    match (modern, fixed, resumed, kinds.is_empty()) {
        // Without a group, the pre-shared key is all there is.
        (true, _, true, true) => Exchange::Static,
        (true, ..) if early => Exchange::Early,
        // Only the client's own hello says that it sent no early data.
        (true, ..) if fact("tls.ja4").is_empty() => Exchange::Unknown,
        (true, _, _, true) => Exchange::Unknown,
        (true, ..) => Exchange::Ephemeral,
        (false, true, ..) => Exchange::Static,
        (false, _, true, _) => Exchange::Resumed,
        (false, ..) if suites.iter().all(|suite| is_ephemeral(suite)) && !suites.is_empty() => Exchange::Ephemeral,
        (false, ..) => Exchange::Unknown,
    }
}

/// `TLS_RSA_WITH_…`, `TLS_ECDH_ECDSA_WITH_…`, `TLS_PSK_WITH_…`: no ephemeral key.
fn is_static(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("TLS_") else { return false };
    let Some((exchange, _)) = rest.split_once("_WITH_") else { return false };
    // One registered pair has its words the other way round: TLS_PSK_DHE_WITH_AES_128_CCM_8 (RFC 6655).
    if exchange == "PSK_DHE" {
        return false;
    }
    let word = exchange.split('_').next().unwrap_or_default();
    matches!(word, "RSA" | "ECDH" | "DH" | "PSK" | "KRB5" | "NULL") && !exchange.ends_with("_anon")
}

fn is_ephemeral(name: &str) -> bool {
    let rest = name.strip_prefix("TLS_").unwrap_or_default();
    rest.starts_with("ECDHE_")
        || rest.starts_with("DHE_")
        || rest.starts_with("PSK_DHE_")
        || rest.starts_with("ECDH_anon")
        || rest.starts_with("DH_anon")
}

fn judge(case: &Case<'_>) -> Outcome {
    if let Some(outcome) = judging::contradicted(case, false, false) {
        return outcome;
    }
    let name = |flow: &Flow| owner(&case.scenario.app.name, &flow.party, &server_name(flow));
    let sealed: Vec<&Flow> = judging::carriers(case).filter(|flow| is_sealed(flow)).collect();
    let poor: Vec<(String, String)> =
        sealed.iter().filter(|flow| exchange(flow) == Exchange::Static).map(|flow| (name(flow), says(flow))).collect();
    if let Some((owner, how)) = poor.iter().min() {
        let text = format!("what went to {owner} can be opened later by whoever recorded it on the path: {how}");
        return Outcome::Weakened { reason: sentence(&text), sightings: Vec::new(), weaknesses: Vec::new() };
    }
    let mut missing = Vec::new();
    let mut tell = |kind: &dyn Fn(&Flow) -> bool, flows: &[&Flow], words: &dyn Fn(&str) -> String| {
        let mut hosts: Vec<String> = flows.iter().filter(|flow| kind(flow)).map(|flow| name(flow)).collect();
        hosts.sort();
        hosts.dedup();
        if !hosts.is_empty() {
            missing.push(words(&list(&hosts, 2)));
        }
    };
    tell(&|flow| exchange(flow) == Exchange::Early, &sealed, &|hosts| {
        format!(
            "what the app sent first to {hosts} may have been early data, which is sealed with keys of an earlier session"
        )
    });
    tell(&|flow| exchange(flow) == Exchange::Resumed, &sealed, &|hosts| {
        format!(
            "sessions with {hosts} were resumed: their secrecy is that of a ticket's key, which the evidence does not tell of"
        )
    });
    // Whatever is sealed may be the app's, as long as it was not read.
    let mut unknown: Vec<&Flow> = case.evidence().flows.iter().filter(|flow| is_sealed(flow) && lacks(flow)).collect();
    tell(
        &|flow| matches!(exchange(flow), Exchange::Static | Exchange::Early | Exchange::Resumed),
        &unknown,
        &|hosts| {
            format!(
                "what went to {hosts} was not read in full, may be the app's, and has no forward secrecy of its own"
            )
        },
    );
    unknown.extend(&sealed);
    tell(&|flow| exchange(flow) == Exchange::Unknown, &unknown, &|hosts| {
        format!("how keys were agreed on for what went to {hosts} cannot be told without its handshake")
    });
    let need = case.planted.iter().map(|planted| planted.value.len() as u64).min().unwrap_or(0);
    let bare: Vec<&Flow> =
        case.evidence().flows.iter().filter(|flow| !is_sealed(flow) && flow.party == Party::Provider).collect();
    let opaque = |flow: &Flow| {
        let hides = |len: u64, direction: Direction| direction == Direction::ToServer && len >= need;
        let opaque = |payload: &OpaquePayload| {
            // A key that was found out was any key.
            (payload.is_shut() || payload.undone) && payload.standing != Standing::Text
        };
        flow.opaque.iter().any(|payload| opaque(payload) && hides(payload.len, payload.direction))
    };
    tell(&opaque, &bare, &|hosts| {
        format!("what went opaque to {hosts} outside any known transport may have been sealed with any key")
    });
    let mut envelopes: Vec<String> = case
        .evidence()
        .flows
        .iter()
        .flat_map(|flow| flow.envelopes.iter().map(move |envelope| (flow, envelope)))
        .filter(|(flow, envelope)| {
            flow.party == Party::Provider
                && envelope.direction == Direction::ToServer
                && envelope.keying == Keying::LongTerm
                && envelope.longest >= need
        })
        .map(|(flow, envelope)| format!("{} envelopes to {}", envelope.name, tame(&server_name(flow))))
        .collect();
    envelopes.sort();
    envelopes.dedup();
    if !envelopes.is_empty() {
        missing.push(format!(
            "{} are sealed with a recipient's long-term key: whoever stores them reads them once it leaks",
            list(&envelopes, 2)
        ));
    }
    let control = earned::content(case, true);
    let covered = earned::also(earned::covered(case, &|_, why| why == Blind::Opaque && control.is_ok()), missing);
    judging::settle(covered, control, &|control| {
        let text = format!(
            "what the app sent was protected with ephemeral keys in {}, and nobody on the path could read the {}: {control}",
            crate::verdict::words::count(sealed.len() as u64, "flow"),
            judging::labels(case)
        );
        sentence(&text)
    })
}

/// Whether something of what the client sent was not read: it may be anything.
fn lacks(flow: &Flow) -> bool {
    flow.unread[0] > 0 || flow.blind.iter().any(|spot| spot.direction == Direction::ToServer)
}

/// The key exchange that has no forward secrecy, for people.
fn says(flow: &Flow) -> String {
    let suite = flow.facts.iter().find(|fact| fact.name == "tls.cipher-suite" && is_static(&fact.value));
    match suite {
        Some(suite) => format!("{} agrees on keys with a long-term key alone", tame(&suite.value)),
        None => "the session was resumed with a pre-shared key alone (psk_ke)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Exchange, exchange};
    use crate::model::envelope::{Envelope, Keying};
    use crate::model::flow::{Blind, Fact, Flow};
    use crate::model::stream::Direction;
    use crate::model::verdict::VerdictKind::{Consistent, Contradicted, Inconclusive, Weakened};
    use crate::verdict::fixtures::*;

    const API: &str = "api.chatterly.example";

    fn with(mut flow: Flow, facts: &[(&'static str, &str)]) -> Flow {
        for (name, value) in facts {
            flow.add_fact(Fact { name, value: (*value).into(), weakness: None });
        }
        flow
    }

    fn tls(n: u16, facts: &[(&'static str, &str)]) -> Flow {
        with(flow(API, n).sealed(90), facts)
    }

    const MODERN: &[(&str, &str)] = &[
        ("tls.ja4", "t13d1715h2_5b57614c22b0_3d5424432f57"),
        ("tls.version", "TLS 1.3"),
        ("tls.cipher-suite", "TLS_AES_128_GCM_SHA256"),
        ("tls.key-exchange", "x25519"),
    ];

    #[test]
    fn the_exchange_is_told_from_the_facts() {
        let (v13, v12) = (("tls.version", "TLS 1.3"), ("tls.version", "TLS 1.2"));
        let suite = |name| ("tls.cipher-suite", name);
        for (facts, want) in [
            (MODERN.to_vec(), Exchange::Ephemeral),
            ([MODERN, &[("tls.resumed", "true")]].concat(), Exchange::Ephemeral),
            ([MODERN, &[("tls.early-data", "offered")]].concat(), Exchange::Early),
            (MODERN.iter().copied().skip(1).collect(), Exchange::Unknown),
            (vec![v13, suite("TLS_AES_128_GCM_SHA256"), ("tls.resumed", "true")], Exchange::Static),
            (vec![v13, suite("TLS_AES_128_GCM_SHA256")], Exchange::Unknown),
            (vec![v12, suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")], Exchange::Ephemeral),
            (vec![v12, suite("TLS_DHE_RSA_WITH_AES_128_CBC_SHA")], Exchange::Ephemeral),
            (vec![v12, suite("TLS_DHE_PSK_WITH_AES_128_CBC_SHA")], Exchange::Ephemeral),
            (vec![v12, suite("TLS_PSK_DHE_WITH_AES_256_CCM_8")], Exchange::Ephemeral),
            (vec![v12, suite("TLS_RSA_WITH_AES_128_GCM_SHA256")], Exchange::Static),
            (vec![v12, suite("TLS_RSA_PSK_WITH_AES_128_GCM_SHA256")], Exchange::Static),
            (vec![v12, suite("TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA")], Exchange::Static),
            (vec![v12, suite("TLS_DH_RSA_WITH_AES_128_CBC_SHA")], Exchange::Static),
            (vec![v12, suite("TLS_PSK_WITH_AES_128_CBC_SHA")], Exchange::Static),
            (vec![v12, suite("TLS_DH_anon_WITH_AES_128_CBC_SHA")], Exchange::Ephemeral),
            (vec![v12, suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), ("tls.resumed", "true")], Exchange::Resumed),
            (vec![v12, suite("0xcafe")], Exchange::Unknown),
            (vec![], Exchange::Unknown),
            (vec![("wireguard.handshake", "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")], Exchange::Ephemeral),
        ] {
            assert_eq!(exchange(&tls(0, &facts)), want, "{facts:?}");
        }
    }

    #[test]
    fn ephemeral_keys_everywhere_or_not_consistent() {
        let rsa = &[("tls.version", "TLS 1.2"), ("tls.cipher-suite", "TLS_RSA_WITH_AES_128_GCM_SHA256")];
        let pgp = |mut flow: Flow, keying| {
            flow.add_envelope(Envelope {
                name: "openpgp",
                kind: "PKESK and SEIPD",
                keying,
                direction: Direction::ToServer,
                count: 1,
                longest: 80,
                frame: 3,
                trail: String::new(),
            });
            flow
        };
        for (name, flows, want, words) in [
            ("all ephemeral", vec![tls(0, MODERN)], Consistent, "ephemeral keys in 1 flow"),
            (
                "early data",
                vec![tls(0, &[MODERN, &[("tls.early-data", "offered")]].concat())],
                Inconclusive,
                "early data",
            ),
            ("static RSA", vec![tls(0, MODERN), tls(1, rsa)], Weakened, "TLS_RSA_WITH_AES_128_GCM_SHA256 agrees"),
            ("no handshake", vec![tls(0, MODERN), tls(1, &[])], Inconclusive, "without its handshake"),
            ("a ratchet inside", vec![pgp(tls(0, MODERN), Keying::Ratchet)], Consistent, "ephemeral"),
            ("a long-term key inside", vec![pgp(tls(0, MODERN), Keying::LongTerm)], Inconclusive, "long-term key"),
            ("opaque in clear", vec![tls(0, MODERN), flow(API, 1).clear().opaque(90)], Inconclusive, "any key"),
            ("nothing sent", vec![], Inconclusive, "nothing in the traffic shows"),
            ("lost", vec![tls(0, MODERN), flow(API, 1).clear().blind(Blind::Lost)], Inconclusive, "could not be read"),
        ] {
            let scenario = scenario("forward-secret", &[GREETING.1], &[GREETING]);
            let judged = verdict(&scenario, evidence(flows, Vec::new()));
            assert_eq!(judged.verdict, want, "{name}: {}", judged.reason);
            assert!(judged.reason.contains(words), "{name}: {}", judged.reason);
        }
        let scenario = scenario("forward-secret", &[GREETING.1], &[GREETING]);
        let bare = flow(API, 1).clear();
        let judged = verdict(&scenario, evidence(vec![tls(0, MODERN), bare.clone()], vec![seen(&bare, GREETING)]));
        assert_eq!(judged.verdict, Contradicted, "{}", judged.reason);
    }
}
