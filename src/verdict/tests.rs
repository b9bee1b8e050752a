//! Every promise, every verdict, every rule.

use super::fixtures::*;
use super::promise::PROMISES;
use super::*;
use crate::model::evidence::{Evidence, Input};
use crate::model::flow::{Blind, Fact};
use crate::model::opacity::Opacity;
use crate::model::scenario::Audience::{self, Network, Provider, ThirdParty};
use crate::model::scenario::{HostRule, Party};
use crate::model::stream::Direction;
use crate::model::taxonomy::Data;
use crate::model::verdict::VerdictKind::{self, Consistent, Contradicted, Inconclusive, Weakened};

const API: &str = "api.chatterly.example";
const ADS: &str = "t.adzebra.example";
const CDN: &str = "cdn.example";

mod stores;

/// Judges; the reason must hold these words.
fn check(name: &str, promise: &str, data: &[Data], evidence: Evidence, want: VerdictKind, words: &[&str]) {
    let scenario = scenario(promise, data, &[GREETING, REAL, ALIAS, DEVICE]);
    let judged = verdict(&scenario, evidence);
    assert_eq!(judged.verdict, want, "{name}: {}", judged.reason);
    for word in words {
        assert!(judged.reason.contains(word), "{name}: {word:?} in {:?}", judged.reason);
    }
    assert!(judged.reason.ends_with('.') && !judged.reason.contains(".."), "{name}: {}", judged.reason);
    assert!(judged.reason.chars().next().is_some_and(char::is_uppercase), "{name}: {}", judged.reason);
    match want {
        Contradicted => assert!(!judged.sightings.is_empty(), "{name}"),
        Inconclusive | Consistent => assert!(judged.sightings.is_empty(), "{name}"),
        Weakened => {}
    }
    if want == Consistent {
        assert!(judged.coverage.control.is_some_and(|control| judged.reason.contains(&control)), "{name}");
    }
    assert!(!judged.cannot_prove.is_empty() && !judged.not_tested.is_empty());
}

#[test]
fn registry_entries_are_complete() {
    let mut names: Vec<&str> = promise::names();
    assert_eq!(
        names,
        [
            "certificate-pinned",
            "encrypted-at-rest",
            "encrypted-in-transit",
            "end-to-end-encrypted",
            "forward-secret",
            "not-collected",
            "not-public",
            "not-retained",
            "not-shared-with-third-parties",
            "unlinkable"
        ]
    );
    names.dedup();
    assert_eq!(names.len(), PROMISES.len());
    for promise in PROMISES {
        assert!(promise.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", promise.name);
        assert!(!promise.forbids.is_empty() && !promise.standards.is_empty() && !promise.not_tested.is_empty());
        for text in [promise.means, promise.needs, promise.cannot_prove] {
            assert!(text.ends_with('.') && !text.contains("  "), "{}: {text}", promise.name);
        }
        assert!(promise.forbids.contains(&Audience::Public), "{}: an open store is everybody's", promise.name);
    }
}

#[test]
fn end_to_end() {
    let run = |name, evidence, want, words: &[&str]| {
        check(name, "end-to-end-encrypted", &[Data::Messages], evidence, want, words);
    };
    let api = || flow(API, 1);
    let one = |f: crate::model::flow::Flow| evidence(vec![f], vec![]);
    run(
        "plaintext inside TLS to the vendor",
        evidence(vec![api().opaque(80)], vec![seen(&api(), GREETING), seen(&api(), GREETING).later(5)]),
        Contradicted,
        &[
            "Chatterly's own server api.chatterly.example could read the planted message text \"greeting\"",
            "in 2 places",
            "in clear inside TLS",
        ],
    );
    run(
        "the vendor sends it back",
        evidence(vec![api().opaque(80)], vec![seen(&api(), GREETING).back()]),
        Contradicted,
        &["own server"],
    );
    run(
        "clear HTTP: the path as well",
        evidence(vec![api().clear()], vec![seen(&api().clear(), GREETING)]),
        Contradicted,
        &["Anyone on the path to Chatterly's own server", "that server itself", "without encryption"],
    );
    run(
        "to somebody unlisted",
        evidence(vec![flow(CDN, 3)], vec![seen(&flow(CDN, 3), GREETING)]),
        Contradicted,
        &["unlisted third party cdn.example"],
    );
    run(
        "in an open store",
        evidence(vec![], vec![seen(&api(), GREETING).stored(Audience::Public, 7)]),
        Contradicted,
        &["Anyone on the internet", "the store export.ndjson"],
    );
    run(
        "found by rule in the vendor's store",
        evidence(vec![], vec![seen(&api(), GREETING).by_rule().stored(Provider, 7)]),
        Contradicted,
        &["Chatterly itself could read message text (found by rule)"],
    );
    run("an opaque payload, all read", one(api().opaque(23)), Consistent, &["opaque payload", "23 bytes"]);
    run("an opaque payload too short", one(api().opaque(22)), Inconclusive, &["large enough"]);
    run("an opaque payload to a third party", one(flow(ADS, 1).opaque(90)), Inconclusive, &["large enough"]);
    run("an opaque payload that only came back", one(reversed(api().opaque(90))), Inconclusive, &["large enough"]);
    run(
        "noise in an unknown protocol to the provider is opaque like any other payload",
        one(api().opaque(80).blind(Blind::Opaque)),
        Consistent,
        &["opaque payload"],
    );
    run(
        "noise in an unknown protocol to somebody else may be anything",
        evidence(vec![api().opaque(80), flow(CDN, 2).blind(Blind::Opaque)], vec![]),
        Inconclusive,
        &[Blind::Opaque.says(), CDN],
    );
    run("nothing at all", Evidence::default(), Inconclusive, &["nothing in the traffic"]);
    run("plaintext without the message", one(api()), Inconclusive, &["message text \"greeting\""]);
    run(
        "a message by rule alone is somebody's",
        evidence(vec![api().opaque(80)], vec![seen(&api(), GREETING).by_rule()]),
        Consistent,
        &[],
    );
    run(
        "another datum is another claim's",
        evidence(vec![api().opaque(80)], vec![seen(&api(), REAL)]),
        Consistent,
        &[],
    );
    run(
        "a hash of a text: nobody reads it, anyone confirms it",
        evidence(vec![api().opaque(80)], vec![seen(&api(), GREETING).hashed()]),
        Weakened,
        &["a pseudonym (sha256)", "equal hashes"],
    );
    run("an obsolete transport says nothing about the ends", one(api().opaque(80).weak()), Consistent, &[]);
    run(
        "no keys for the vendor",
        evidence(vec![api().opaque(80), flow(API, 2).unread()], vec![]),
        Inconclusive,
        &["1 flow to Chatterly's own server api.chatterly.example", "no keys supplied", "1,500 bytes"],
    );
    run(
        "no keys for somebody else",
        evidence(vec![api().opaque(80), flow(CDN, 2).unread()], vec![]),
        Inconclusive,
        &["cdn.example", "no keys supplied"],
    );
    for why in [
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
    ] {
        run(why.name(), one(api().opaque(80).blind(why)), Inconclusive, &[why.says(), API]);
    }
}

#[test]
fn key_material_given_away_opens_everything() {
    let api = flow(API, 1).opaque(80);
    let key = || seen(&api, ("", Data::Credentials, "")).by_rule().conclusive();
    let world = || evidence(vec![api.clone()], vec![key()]);
    check(
        "private key",
        "end-to-end-encrypted",
        &[Data::Messages],
        world(),
        Contradicted,
        &["credentials (found by rule)"],
    );
    check("not a matter of the path", "encrypted-in-transit", &[Data::Messages], world(), Consistent, &[]);
    check("nor of numbers", "not-collected", &[Data::PhoneNumber], world(), Consistent, &[]);
}

fn reversed(mut flow: crate::model::flow::Flow) -> crate::model::flow::Flow {
    for payload in &mut flow.opaque {
        payload.direction = Direction::ToClient;
    }
    flow
}

#[test]
fn end_to_end_for_identifiers_and_calls() {
    let api = flow(API, 1).opaque(80);
    check(
        "a number can be found from its hash",
        "end-to-end-encrypted",
        &[Data::PhoneNumber],
        evidence(vec![api.clone()], vec![seen(&api, REAL).hashed()]),
        Contradicted,
        &["a pseudonym (sha256) of the planted phone number \"real\"", "hashed inside TLS"],
    );
    let call = |flows, sightings| (flows, sightings);
    let clear = seen(&api, ("", Data::CallAudio, "")).by_rule().conclusive();
    for (name, (flows, sightings), want, word) in [
        ("a media stream", call(vec![api.clone().media(400)], vec![]), Consistent, "400 packets"),
        ("no media stream", call(vec![api.clone()], vec![]), Inconclusive, "call audio"),
        ("audio in clear", call(vec![api.clone().media(400)], vec![clear]), Contradicted, "call audio (found by rule)"),
    ] {
        check(name, "end-to-end-encrypted", &[Data::CallAudio], evidence(flows, sightings), want, &[word]);
    }
}

#[test]
fn all_planted_values_need_their_control() {
    let long = ("essay", Data::Messages, "A much longer text that a short payload cannot carry");
    let scenario = scenario("end-to-end-encrypted", &[Data::Messages], &[GREETING, long]);
    let judged = verdict(&scenario, evidence(vec![flow(API, 1).opaque(30)], vec![]));
    assert_eq!(judged.verdict, Inconclusive);
    assert!(judged.reason.contains("\"essay\"") && !judged.reason.contains("\"greeting\""), "{}", judged.reason);
    let judged = verdict(&scenario, evidence(vec![flow(API, 1).opaque(30), flow(API, 2).opaque(60)], vec![]));
    assert_eq!(judged.verdict, Consistent, "{}", judged.reason);
}

#[test]
fn lengths_are_utf8_bytes() {
    let accents = ("accents", Data::Messages, "çççç");
    let scenario = scenario("end-to-end-encrypted", &[Data::Messages], &[accents]);
    assert_eq!(verdict(&scenario, evidence(vec![flow(API, 1).opaque(7)], vec![])).verdict, Inconclusive);
    assert_eq!(verdict(&scenario, evidence(vec![flow(API, 1).opaque(8)], vec![])).verdict, Consistent);
}

#[test]
fn in_transit() {
    let run = |name, evidence, want, words: &[&str]| {
        check(name, "encrypted-in-transit", &[Data::Messages], evidence, want, words);
    };
    let api = || flow(API, 1);
    let one = |f: crate::model::flow::Flow| evidence(vec![f], vec![]);
    run(
        "clear HTTP",
        evidence(vec![api().clear()], vec![seen(&api().clear(), GREETING)]),
        Contradicted,
        &[
            "Anyone on the path to Chatterly's own server api.chatterly.example could read",
            "in 1 place, in clear and without",
        ],
    );
    run(
        "readable inside TLS is encrypted in transit",
        evidence(vec![api()], vec![seen(&api(), GREETING)]),
        Consistent,
        &["\"greeting\" itself inside an encrypted layer"],
    );
    run(
        "TLS without keys, a record large enough",
        one(api().unread().sealed(23)),
        Consistent,
        &["a sealed run of 23 bytes"],
    );
    run("TLS without keys, records too short", one(api().unread().sealed(22)), Inconclusive, &["large enough"]);
    run("TLS without keys to somebody else", one(flow(CDN, 1).unread().sealed(90)), Inconclusive, &["large enough"]);
    run("an opaque payload in clear HTTP", one(api().clear().opaque(40)), Consistent, &["opaque payload"]);
    run(
        "noise in an unknown protocol to the provider, large enough to be the content",
        one(api().clear().opaque(40).blind(Blind::Opaque)),
        Consistent,
        &["opaque payload"],
    );
    run(
        "noise in an unknown protocol, too short to be the content",
        one(api().clear().opaque(20).blind(Blind::Opaque)),
        Inconclusive,
        &["unknown protocol"],
    );
    run(
        "noise in an unknown protocol, beside a control",
        evidence(vec![api().unread().sealed(23), flow(CDN, 2).clear().blind(Blind::Opaque)], vec![]),
        Consistent,
        &[],
    );
    for (why, want) in [
        (Blind::Lost, Inconclusive),
        (Blind::Severed, Inconclusive),
        (Blind::Ambiguous, Inconclusive),
        (Blind::Malformed, Inconclusive),
        (Blind::Budget, Inconclusive),
    ] {
        let bare = flow(CDN, 2).clear().blind(why);
        run(why.name(), evidence(vec![api().unread().sealed(23), bare], vec![]), want, &[why.says(), CDN]);
    }
    let mut inside = flow(CDN, 2).blind(Blind::Lost);
    inside.add_fact(Fact { name: "tls.version", value: "TLS 1.3".into(), weakness: None });
    run("lost inside TLS", evidence(vec![api().unread().sealed(23), inside], vec![]), Consistent, &[]);
    for why in [Blind::HandshakeMissing, Blind::Lost, Blind::Severed, Blind::Ambiguous] {
        let shorn = api().unread().sealed(90).blind(why);
        run(why.name(), one(shorn.clone()), Inconclusive, &["cannot be told without its handshake", API]);
        let mut told = shorn;
        told.add_fact(Fact { name: "tls.version", value: "TLS 1.3".into(), weakness: None });
        run(why.name(), one(told), Consistent, &[]);
    }
    run("keys make no less of a sealed record", one(api().sealed(23)), Consistent, &["a sealed run of 23 bytes"]);
    run("an obsolete version", one(api().unread().sealed(23).weak()), Weakened, &["TLS 1.0", "obsolete", API]);
    run("an obsolete version, and nothing else seen", one(api().unread().sealed(5).weak()), Weakened, &[]);
    run(
        "somebody else's obsolete version",
        evidence(vec![api().unread().sealed(23), flow(CDN, 2).weak()], vec![]),
        Consistent,
        &[],
    );
    run(
        "a refused handshake carries nothing",
        one({
            let mut flow = api().weak();
            flow.messages = [0, 0];
            flow
        }),
        Inconclusive,
        &[],
    );
    run(
        "contradicted before weakened",
        evidence(vec![api().weak(), flow(API, 2).clear()], vec![seen(&flow(API, 2).clear(), GREETING)]),
        Contradicted,
        &[],
    );
    run("innocent plaintext", evidence(vec![api().unread().sealed(23), flow(CDN, 2).clear()], vec![]), Consistent, &[]);
    run("nothing at all", Evidence::default(), Inconclusive, &[]);
    run(
        "an open store is no transport's, and yet everybody's",
        evidence(vec![api().unread().sealed(23)], vec![seen(&api(), GREETING).stored(Audience::Public, 3)]),
        Contradicted,
        &["Anyone on the internet"],
    );
    run(
        "the vendor's own store",
        evidence(vec![api().unread().sealed(23)], vec![seen(&api(), GREETING).stored(Provider, 3)]),
        Consistent,
        &[],
    );
}

#[test]
fn not_collected() {
    let run = |name, data: &[Data], evidence, want, words: &[&str]| {
        check(name, "not-collected", data, evidence, want, words);
    };
    let api = || flow(API, 1);
    let number: &[Data] = &[Data::PhoneNumber];
    run("sent", number, evidence(vec![api()], vec![seen(&api(), REAL)]), Contradicted, &["own server"]);
    run(
        "hashed",
        number,
        evidence(vec![api()], vec![seen(&api(), REAL).hashed()]),
        Contradicted,
        &["a pseudonym (sha256)"],
    );
    run(
        "a text, hashed, is shared as well",
        &[Data::Messages],
        evidence(vec![api()], vec![seen(&api(), GREETING).hashed()]),
        Contradicted,
        &["a pseudonym (sha256)"],
    );
    run(
        "read in full",
        number,
        evidence(vec![api()], vec![]),
        Consistent,
        &["1 message read in full, to api.chatterly"],
    );
    run("read in full, to somebody else", number, evidence(vec![flow(CDN, 1)], vec![]), Consistent, &["cdn.example"]);
    run("opaque to the vendor", number, evidence(vec![api().opaque(900)], vec![]), Consistent, &[]);
    run("no traffic", number, Evidence::default(), Inconclusive, &["no traffic"]);
    let mut lookup = flow("resolver.example", 1).clear();
    lookup.protocol = "dns";
    let mut unknown = lookup.clone();
    unknown.protocol = "unknown";
    unknown.key.server.port = 53;
    run(
        "only a look-up that nobody recognised",
        number,
        evidence(vec![unknown], vec![]),
        Inconclusive,
        &["no message"],
    );
    run("only a look-up of a name", number, evidence(vec![lookup], vec![]), Inconclusive, &["no message of the app"]);
    run(
        "no keys",
        number,
        evidence(vec![api(), flow(ADS, 2).unread()], vec![]),
        Inconclusive,
        &["AdZebra (t.adzebra.example)"],
    );
    run("by rule", number, evidence(vec![api()], vec![seen(&api(), REAL).by_rule()]), Consistent, &[]);
    run(
        "nothing planted for it",
        &[Data::PhoneNumber, Data::Email],
        evidence(vec![api()], vec![]),
        Inconclusive,
        &["nothing was planted for e-mail address"],
    );
    run(
        "by rule where nothing is planted: a look-alike is no proof",
        &[Data::Email],
        evidence(vec![api()], vec![seen(&api(), ("", Data::Email, "")).by_rule()]),
        Inconclusive,
        &["nothing was planted"],
    );
    run("any is all that is planted", &[Data::Any], evidence(vec![api()], vec![]), Consistent, &[]);
    run("any of it", &[Data::Any], evidence(vec![api()], vec![seen(&api(), DEVICE)]), Contradicted, &["device id"]);
    let mut cut = evidence(vec![api()], vec![]);
    cut.inputs.push(Input {
        name: "a.pcapng".into(),
        stopped: Some("block ends early at 991".into()),
        ..Input::default()
    });
    run("a damaged capture", number, cut, Inconclusive, &["a.pcapng could not be read to its end"]);
    let mut many = evidence(vec![api()], vec![]);
    many.sightings_dropped = 3;
    run("more than is kept", number, many, Inconclusive, &["3 sightings more"]);
}

#[test]
fn not_shared() {
    let run = |name, evidence, want, words: &[&str]| {
        check(name, "not-shared-with-third-parties", &[Data::DeviceId], evidence, want, words);
    };
    let ads = || flow(ADS, 1);
    let api = || flow(API, 2);
    run(
        "to a named other",
        evidence(vec![ads()], vec![seen(&ads(), DEVICE)]),
        Contradicted,
        &["The third party AdZebra (t.adzebra.example) could read the planted device id \"handset\""],
    );
    run(
        "to an unlisted host",
        evidence(vec![flow(CDN, 1)], vec![seen(&flow(CDN, 1), DEVICE)]),
        Contradicted,
        &["cdn.example"],
    );
    run(
        "a pseudonym",
        evidence(vec![ads()], vec![seen(&ads(), DEVICE).hashed()]),
        Contradicted,
        &["a pseudonym (sha256)"],
    );
    run("to the vendor", evidence(vec![api()], vec![seen(&api(), DEVICE)]), Consistent, &[]);
    let mut fronted = seen(&api(), DEVICE);
    fronted.place.authority = Some("T.adzebra.example".into());
    run(
        "for a named other, through the vendor's connection",
        evidence(vec![api()], vec![fronted]),
        Contradicted,
        &["The third party AdZebra (t.adzebra.example) could read"],
    );
    run("to the vendor, in clear", evidence(vec![api().clear()], vec![seen(&api().clear(), DEVICE)]), Consistent, &[]);
    run("no keys for the vendor", evidence(vec![api(), flow(API, 3).unread()], vec![]), Consistent, &[]);
    run(
        "no keys for the vendor, and nothing else",
        evidence(vec![api().unread()], vec![]),
        Inconclusive,
        &["no message"],
    );
    run(
        "no keys for somebody else",
        evidence(vec![api(), ads().unread()], vec![]),
        Inconclusive,
        &["AdZebra", "no keys"],
    );
    run(
        "opaque to somebody else",
        evidence(vec![api(), ads().opaque(65)], vec![]),
        Inconclusive,
        &["may hold anything"],
    );
    run("a token to somebody else", evidence(vec![api(), ads().opaque(64)], vec![]), Consistent, &[]);
    run("no traffic", Evidence::default(), Inconclusive, &["no traffic"]);
}

#[test]
fn unlinkable() {
    let run = |name, evidence, want, words: &[&str]| {
        check(name, "unlinkable", &[Data::PhoneNumber, Data::VirtualNumber], evidence, want, words);
    };
    let (a, b, c) = (flow(API, 1), flow(API, 2), flow(ADS, 3));
    run(
        "in one message",
        evidence(vec![a.clone()], vec![seen(&a, REAL), seen(&a, ALIAS)]),
        Contradicted,
        &["own server api.chatterly.example could join", "\"real\"", "\"alias\"", "in one message"],
    );
    run(
        "on one connection",
        evidence(vec![a.clone()], vec![seen(&a, REAL), seen(&a, ALIAS).later(9)]),
        Contradicted,
        &["on one connection"],
    );
    run(
        "through a device id",
        evidence(
            vec![a.clone(), b.clone()],
            vec![seen(&a, REAL), seen(&a, DEVICE), seen(&b, ALIAS), seen(&b, DEVICE).hashed()],
        ),
        Contradicted,
        &["on connections that both carry", "device id \"handset\""],
    );
    run(
        "a device id that only one of two readers sees",
        evidence(vec![a.clone(), c.clone()], vec![seen(&a, REAL), seen(&a, DEVICE), seen(&c, ALIAS), seen(&c, DEVICE)]),
        Consistent,
        &[],
    );
    run(
        "hashed",
        evidence(vec![a.clone()], vec![seen(&a, REAL).hashed(), seen(&a, ALIAS)]),
        Contradicted,
        &["pseudonym"],
    );
    run("apart", evidence(vec![a.clone(), b.clone()], vec![seen(&a, REAL), seen(&b, ALIAS)]), Consistent, &[]);
    run("one of them", evidence(vec![a.clone()], vec![seen(&a, REAL)]), Consistent, &[]);
    run(
        "by rule: a look-alike joins nobody",
        evidence(vec![a.clone()], vec![seen(&a, REAL), seen(&a, ALIAS).by_rule()]),
        Consistent,
        &[],
    );
    run("no keys", evidence(vec![a.clone(), b.clone().unread()], vec![]), Inconclusive, &["no keys"]);
    run("no traffic", Evidence::default(), Inconclusive, &["no traffic"]);
    let (left, right) = (seen(&a, REAL).by_rule(), seen(&a, ALIAS).by_rule());
    run(
        "in one record of a store",
        evidence(vec![], vec![left.clone().stored(Provider, 4), right.clone().stored(Provider, 4)]),
        Contradicted,
        &["Chatterly itself could join", "in one record of the store export.ndjson"],
    );
    run(
        "in two records of a store",
        evidence(vec![a.clone()], vec![left.stored(Provider, 4), right.stored(Provider, 5)]),
        Consistent,
        &[],
    );
    check("one datum", "unlinkable", &[Data::PhoneNumber], evidence(vec![a], vec![]), Inconclusive, &["two data"]);
}

#[test]
fn sightings_are_listed_and_the_others_shown() {
    let api = flow(API, 1).opaque(80);
    let sightings = vec![seen(&api, GREETING), seen(&api, GREETING).by_rule().later(4), seen(&api, REAL)];
    let ids: Vec<String> = sightings.iter().map(crate::model::sighting::Sighting::id).collect();
    let judged = verdict(
        &scenario("end-to-end-encrypted", &[Data::Messages], &[GREETING, REAL]),
        evidence(vec![api], sightings),
    );
    assert_eq!(judged.sightings, ids[..1]);
    assert_eq!(judged.shown, ids[1..2]);
}

#[test]
fn coverage_counts_what_the_claim_is_about() {
    let flows = vec![flow(API, 1), flow(API, 2).unread(), flow(ADS, 3)];
    let all = coverage(&evidence(flows.clone(), vec![]));
    assert_eq!((all.flows, all.flows_read, all.hosts, all.hosts_read), (3, 2, 2, 1));
    assert_eq!((all.bytes, all.bytes_read, all.messages, all.messages_read), (9_000, 7_500, 4, 4));
    assert_eq!((all.unread[0].why, all.unread[0].flows, all.unread[0].bytes), ("no-keys", 1, 1_500));
    let judged =
        verdict(&scenario("not-shared-with-third-parties", &[Data::DeviceId], &[DEVICE]), evidence(flows, vec![]));
    assert_eq!((judged.verdict, judged.coverage.flows, judged.coverage.flows_read), (Consistent, 1, 1));
    assert!(judged.not_tested.iter().any(|phrase| phrase.contains("1 undecrypted flow")), "{:?}", judged.not_tested);
}

#[test]
fn audiences_follow_parties_and_layers() {
    let mut parties = parties();
    parties.provider.push(HostRule::parse("203.0.113.7").unwrap());
    let place = |flow: crate::model::flow::Flow, authority: Option<&str>, names: &[(&str, &str)]| {
        let mut sighting = seen(&flow, GREETING);
        sighting.place.authority = authority.map(str::to_owned);
        let mut evidence = evidence(vec![flow], vec![sighting]);
        evidence.names = names.iter().map(|(ip, name)| (ip.parse().unwrap(), (*name).to_owned())).collect();
        place_audiences(&mut evidence, &parties);
        let (flow, sighting) = (evidence.flows.remove(0), evidence.sightings.remove(0));
        (flow.host, flow.party, sighting.party, sighting.audiences)
    };
    let zebra = Party::Third("AdZebra".into());
    let (host, party, at, audiences) = place(flow("API.Chatterly.example.", 1), None, &[]);
    assert_eq!((host.as_deref(), party, at), (Some(API), Party::Provider, Party::Provider));
    assert_eq!(audiences, [Provider]);
    assert_eq!(place(flow(ADS, 1).clear(), None, &[]).3, [Network, ThirdParty]);
    assert_eq!(place(flow(API, 1).clear(), None, &[]).3, [Network, Provider]);
    // One connection through a proxy: each message says whom it is for.
    let proxied = place(flow("proxy.example", 1).clear(), Some(API), &[]);
    assert_eq!((proxied.1, proxied.2, proxied.3), (Party::Unlisted, Party::Provider, vec![Network, Provider]));
    // Encryption ends at the SNI's server, and the message is the authority's.
    let fronted = place(flow(ADS, 1), Some(API), &[]);
    assert_eq!((fronted.1, fronted.2, fronted.3), (zebra.clone(), zebra.clone(), vec![ThirdParty, Provider]));
    assert_eq!(place(flow(API, 1), Some("backend.internal"), &[]).3, [Provider]);
    // No name: DNS answers, then the address.
    let mut nameless = flow("", 1);
    (nameless.host, nameless.host_from) = (None, None);
    let named = place(nameless.clone(), None, &[("127.0.0.9", "T.AdZebra.example.")]);
    assert_eq!((named.0.as_deref(), named.1), (Some(ADS), zebra));
    assert_eq!(place(nameless.clone(), None, &[]).1, Party::Unlisted);
    nameless.key.server.ip = "::ffff:203.0.113.7".parse().unwrap();
    assert_eq!(place(nameless, None, &[]).1, Party::Provider);
}

#[test]
fn a_name_that_leads_to_somebody_else_is_theirs() {
    let ip = "127.0.0.9".parse().unwrap();
    let cloaked = "metrics.chatterly.example";
    let named = |flow: crate::model::flow::Flow, ip: std::net::IpAddr, others: &[&str]| {
        let mut sighting = seen(&flow, DEVICE);
        sighting.place.authority = Some(cloaked.to_owned());
        let mut evidence = evidence(vec![flow], vec![sighting]);
        let others: Vec<String> = others.iter().map(|name| (*name).to_owned()).collect();
        evidence.aliases.add(cloaked, ip, &others, 9);
        evidence
    };
    let sharing = scenario("not-shared-with-third-parties", &[Data::DeviceId], &[DEVICE]);
    let judged = |evidence| {
        let judged = verdict(&sharing, evidence);
        (judged.verdict, judged.reason)
    };
    let at = |host: &str| {
        let mut flow = flow(host, 1);
        flow.key.server.ip = ip;
        flow
    };
    let elsewhere = "127.0.0.8".parse().unwrap();
    for (others, server, want) in [
        (&["chatterly.t.adzebra.example"][..], ip, Contradicted),
        (&["chatterly.t.adzebra.example", "edge.cdn.example"], ip, Contradicted),
        (&["edge.cdn.example"], ip, Inconclusive),
        // Another address of the same name.
        (&["chatterly.t.adzebra.example"], elsewhere, Inconclusive),
        // Back at the vendor's.
        (&["traffic.cdn.example", "eu.chatterly.example"], ip, Consistent),
        (&["eu.chatterly.example"], ip, Consistent),
    ] {
        let (verdict, reason) = judged(named(at(cloaked), server, others));
        assert_eq!(verdict, want, "{others:?}: {reason}");
        if want == Inconclusive {
            assert!(reason.contains(&format!("DNS leads {cloaked} over {}", others[0])), "{reason}");
        }
        // In clear, where the message alone names the host.
        let mut clear = at(cloaked).clear();
        clear.host_from = Some("authority");
        assert_eq!(judged(named(clear, server, others)).0, want, "{others:?}");
    }
    // Another name leads there: this one does not.
    let (verdict, reason) = judged(named(at(API), ip, &["edge.cdn.example"]));
    assert_eq!(verdict, Consistent, "{reason}");
    // What is somebody else's and got nothing does no harm; what it got unread may be anything.
    let mut silent = named(at(cloaked), ip, &["edge.cdn.example"]);
    silent.sightings.clear();
    assert_eq!(judged(silent.clone()).0, Consistent);
    silent.flows = vec![flow(API, 2), silent.flows.remove(0).opaque(90)];
    assert_eq!(judged(silent).0, Inconclusive);
    // The vendor's own address stays the vendor's.
    let mut parties = parties();
    parties.provider.push(HostRule::parse("127.0.0.9").unwrap());
    let mut own = named(at(cloaked), ip, &["chatterly.t.adzebra.example"]);
    place_audiences(&mut own, &parties);
    assert_eq!((own.flows[0].party.clone(), own.sightings[0].party.clone()), (Party::Provider, Party::Provider));
}

#[test]
fn text_from_captures_is_tamed() {
    let evil = flow("cdn.example\u{1b}[2J\n", 1);
    let judged = verdict(
        &scenario("not-collected", &[Data::Messages], &[GREETING]),
        evidence(vec![evil.clone()], vec![seen(&evil, GREETING)]),
    );
    assert!(!judged.reason.contains(char::is_control), "{:?}", judged.reason);
}

#[test]
fn an_encrypted_payload_is_a_control_and_a_weak_one_is_not() {
    let scenario = scenario("end-to-end-encrypted", &[Data::Messages], &[GREETING]);
    for (opacity, want) in
        [(Opacity::Encrypted, Consistent), (Opacity::WeaklyEncrypted, Inconclusive), (Opacity::Unknown, Inconclusive)]
    {
        let mut api = flow(API, 1).opaque(80);
        api.opaque[0].opacity = opacity;
        assert_eq!(verdict(&scenario, evidence(vec![api], vec![])).verdict, want, "{opacity:?}");
    }
}
