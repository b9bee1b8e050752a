//! What opaque payloads may hide from a reader of the traffic, and from whom they need not be suspected of it.

use crate::model::envelope::Keying;
use crate::model::flow::{ALIAS, Flow, OpaquePayload, Standing};
use crate::model::opacity::HIDING_PLACE;
use crate::model::scenario::Party;
use crate::model::stream::Direction;
use crate::verdict::audience::{flow_id, server_name};
use crate::verdict::case::Case;
use crate::verdict::words::{count, owner, tame, thousands};
use std::collections::{BTreeMap, BTreeSet};

/// What opaque payloads to third parties may hide: a phrase for each host. `explained`: payloads of which it is known
/// that they do no harm to this promise.
pub(crate) fn opaque_to_third_parties(
    case: &Case<'_>,
    explained: &dyn Fn(&Flow, &OpaquePayload) -> bool,
) -> Vec<String> {
    let mut hosts: BTreeMap<(Party, String), (u64, u64)> = BTreeMap::new();
    for flow in case.evidence().flows.iter().filter(|flow| flow.party != Party::Provider) {
        for payload in flow.opaque.iter().filter(|payload| !explained(flow, payload)) {
            if payload.is_shut() && payload.direction == Direction::ToServer && payload.len > HIDING_PLACE {
                let row = hosts.entry((flow.party.clone(), server_name(flow))).or_default();
                *row = (row.0.saturating_add(1), row.1.max(payload.len));
            }
        }
    }
    let says = |((party, host), (payloads, longest)): (&(Party, String), &(u64, u64))| {
        let owner = owner(&case.scenario.app.name, party, host);
        let payloads = count(*payloads, "opaque payload");
        format!("{payloads} to {owner}, up to {} bytes long, may hold anything", thousands(*longest))
    };
    hosts.iter().map(says).collect()
}

/// Whether somebody gave a payload to the app before, in the same capture: it is no secret of the device, unless the device
/// had sent it to anybody before that.
pub(crate) fn is_handed_back(case: &Case<'_>, flow: &Flow, payload: &OpaquePayload) -> bool {
    let same = |known: &&OpaquePayload| (known.len, known.digest) == (payload.len, payload.digest);
    let flows = || case.evidence().flows.iter().filter(|other| other.capture == flow.capture);
    let known = || flows().flat_map(|other| other.opaque.iter().filter(same).map(move |known| (other, known)));
    let theirs = |other: &Flow| {
        other.party == flow.party && (flow.party != Party::Unlisted || server_name(other) == server_name(flow))
    };
    let is_given = |known: &OpaquePayload| known.direction == Direction::ToClient && known.frame < payload.frame;
    if known().any(|(other, known)| theirs(other) && is_given(known)) {
        return true;
    }
    let sent = known().filter(|(_, known)| known.direction == Direction::ToServer).map(|(_, known)| known.frame).min();
    known().any(|(_, known)| is_given(known) && sent.is_none_or(|sent| known.frame < sent))
}

/// Whether a payload to a third party is what somebody gave the app to ask for it with: the signature of an address, a
/// ticket. What stands where content does may have been given to be passed on.
pub(crate) fn is_errand(case: &Case<'_>, flow: &Flow, payload: &OpaquePayload) -> bool {
    matches!(payload.standing, Standing::Aside | Standing::Credential) && is_handed_back(case, flow, payload)
}

/// Whether it is known what a payload is, so that it hides no content from the other end: a credential, what that end gave
/// before, or what is sealed for another person's device by keys that move on with the messages (a relay that is not the
/// provider's own may pass it on). What runs show of it explains nothing: they never help.
pub(crate) fn is_explained(case: &Case<'_>, flow: &Flow, payload: &OpaquePayload) -> bool {
    let mut alike = flow
        .envelopes
        .iter()
        .filter(|envelope| Some(envelope.name) == payload.envelope && envelope.direction == payload.direction)
        .peekable();
    let sealed = alike.peek().is_some() && alike.all(|envelope| envelope.keying == Keying::Ratchet);
    sealed || payload.standing == Standing::Credential || is_handed_back(case, flow, payload)
}

/// Servers of the vendor's name that DNS led over a name of somebody else's, and that got the data, or what may hold it: a
/// phrase for each. Whose they are does not show.
pub(crate) fn under_other_names(case: &Case<'_>) -> Vec<String> {
    let mut hosts: BTreeSet<(String, &str)> = BTreeSet::new();
    for flow in case.evidence().flows.iter().filter(|flow| flow.party == Party::Provider) {
        let Some(alias) = flow.facts.iter().find(|fact| fact.name == ALIAS) else { continue };
        let hides = |payload: &OpaquePayload| {
            payload.is_shut() && payload.direction == Direction::ToServer && payload.len > HIDING_PLACE
        };
        let mut got = case.sightings().filter(|sighting| case.counts(sighting)).filter_map(flow_id);
        if !flow.blind.is_empty() || flow.opaque.iter().any(hides) || got.any(|id| flow.ids().any(|own| own == id)) {
            hosts.insert((server_name(flow), &alias.value));
        }
    }
    let says = |(host, alias): &(String, &str)| {
        format!("DNS leads {} over {}, so that server may be somebody else's", tame(host), tame(alias))
    };
    hosts.iter().map(says).collect()
}

#[cfg(test)]
mod tests {
    use crate::model::envelope::{Envelope, Keying};
    use crate::model::flow::{Flow, Standing};
    use crate::model::opacity::Opacity;
    use crate::model::stream::Direction;
    use crate::model::taxonomy::Data;
    use crate::model::verdict::VerdictKind::{self, Consistent, Inconclusive};
    use crate::verdict::fixtures::*;

    const CONTENT: &str = "end-to-end-encrypted";
    const ADS: &str = "t.adzebra.example";
    const API: &str = "api.chatterly.example";

    fn told(promise: &str, data: &[Data], flows: Vec<Flow>) -> (VerdictKind, String) {
        let judged = verdict(&scenario(promise, data, &[GREETING, REAL, ALIAS]), evidence(flows, vec![]));
        (judged.verdict, judged.reason)
    }

    fn standing(mut flow: Flow, standing: Standing) -> Flow {
        flow.opaque.iter_mut().for_each(|payload| payload.standing = standing);
        flow
    }

    fn enveloped(mut flow: Flow, keying: Keying) -> Flow {
        flow.opaque.iter_mut().for_each(|payload| payload.envelope = Some("olm"));
        flow.envelopes.push(Envelope {
            name: "olm",
            kind: "OlmMessage",
            keying,
            direction: Direction::ToServer,
            count: 1,
            longest: 90,
            frame: 1,
            trail: String::new(),
        });
        flow
    }

    #[test]
    fn what_goes_opaque_to_somebody_else_may_be_the_content() {
        let (text, numbers) = ([GREETING.1], [REAL.1, ALIAS.1]);
        for (promise, data) in [(CONTENT, &text[..]), ("not-collected", &text), ("unlinkable", &numbers)] {
            let told = |third: Flow| told(promise, data, vec![flow(API, 1).opaque(80), third]);
            let (verdict, reason) = told(flow(ADS, 2).opaque(65));
            assert_eq!(verdict, Inconclusive, "{promise}: {reason}");
            assert!(reason.contains("1 opaque payload to the third party AdZebra (t.adzebra.example)"), "{reason}");
            let ads = || flow(ADS, 2).opaque(90);
            for (name, third, want) in [
                ("a token", flow(ADS, 2).opaque(64), Consistent),
                ("a credential", standing(ads(), Standing::Credential), Consistent),
                ("a header of another name", standing(ads(), Standing::Aside), Inconclusive),
                ("a run of text", standing(ads(), Standing::Text), Inconclusive),
                ("sealed by a ratchet", enveloped(ads(), Keying::Ratchet), Consistent),
                ("sealed with a long-term key, whoever has it", enveloped(ads(), Keying::LongTerm), Inconclusive),
            ] {
                let (verdict, reason) = told(third);
                assert_eq!(verdict, want, "{promise}, {name}: {reason}");
            }
        }
    }

    /// A payload that comes from the server, and one that goes there.
    fn handed_back(host: &str, given: u64, sent: u64) -> Flow {
        let mut flow = flow(host, 2).opaque(90).opaque(90);
        (flow.opaque[0].direction, flow.opaque[0].frame) = (Direction::ToClient, given);
        flow.opaque[1].frame = sent;
        flow
    }

    #[test]
    fn what_a_server_gave_before_tells_it_nothing() {
        let content = |flows| told(CONTENT, &[GREETING.1], flows).0;
        let api = || flow(API, 1).opaque(80);
        assert_eq!(content(vec![api(), handed_back(ADS, 7, 9)]), Consistent);
        assert_eq!(content(vec![api(), handed_back(ADS, 9, 7)]), Inconclusive, "sent first, and stored there");
        let mut other = handed_back(ADS, 7, 9);
        other.opaque[0].digest = 1;
        assert_eq!(content(vec![api(), other]), Inconclusive, "another payload of that length");
        // Nor is it a sign that content was sent.
        assert_eq!(content(vec![handed_back(API, 7, 9)]), Inconclusive);
        assert_eq!(content(vec![handed_back(API, 9, 7)]), Consistent);
    }

    #[test]
    fn what_anybody_gave_the_app_before_is_no_secret_of_the_device() {
        let third = |sent: u64, place| {
            let mut flow = standing(flow(ADS, 2).opaque(90), place);
            flow.opaque[0].frame = sent;
            flow
        };
        let given = |at: u64, direction| {
            let mut flow = flow(API, 1).opaque(80).opaque(90);
            (flow.opaque[1].direction, flow.opaque[1].frame) = (direction, at);
            flow
        };
        let (down, up) = (Direction::ToClient, Direction::ToServer);
        for (name, flows, place, want, sharing) in [
            ("given before", vec![given(7, down)], Standing::Aside, Consistent, Consistent),
            ("given before, as content", vec![given(7, down)], Standing::Content, Consistent, Inconclusive),
            ("given after", vec![given(11, down)], Standing::Aside, Inconclusive, Inconclusive),
            ("sent before", vec![given(7, up)], Standing::Aside, Inconclusive, Inconclusive),
            ("an echo", vec![given(5, up), given(7, down)], Standing::Aside, Inconclusive, Inconclusive),
            ("given, then sent", vec![given(5, down), given(7, up)], Standing::Aside, Consistent, Consistent),
        ] {
            let all = |promise| {
                let flows = [flows.clone(), vec![flow(API, 3).opaque(80), third(9, place)]].concat();
                told(promise, &[GREETING.1], flows)
            };
            let (verdict, reason) = all(CONTENT);
            assert_eq!(verdict, want, "{name}: {reason}");
            let (verdict, reason) = all("not-shared-with-third-parties");
            assert_eq!(verdict, sharing, "{name}, not shared: {reason}");
        }
        let mut other = given(7, down);
        other.capture = "other".into();
        assert_eq!(
            told(CONTENT, &[GREETING.1], vec![flow(API, 3).opaque(80), other, third(9, Standing::Aside)]).0,
            Inconclusive
        );
    }

    #[test]
    fn absence_owns_up_to_what_was_opaque() {
        for (promise, data) in [("not-collected", &[GREETING.1][..]), ("unlinkable", &[REAL.1, ALIAS.1])] {
            let (verdict, reason) = told(promise, data, vec![flow(API, 1)]);
            assert_eq!(verdict, Consistent);
            assert!(reason.contains("and nothing") && !reason.contains("opaque"), "{reason}");
            let (verdict, reason) = told(promise, data, vec![flow(API, 1).opaque(4_000).opaque(160)]);
            assert_eq!(verdict, Consistent, "what goes to the provider may be the content itself");
            assert!(reason.contains("but for 2 opaque payloads (4,160 bytes), and nothing else"), "{reason}");
            let tokens = standing(flow(API, 1).opaque(40), Standing::Aside);
            assert!(told(promise, data, vec![tokens]).1.contains("but for 1 opaque payload (40 bytes)"));
        }
        // The provider is no third party.
        let (verdict, reason) =
            told("not-shared-with-third-parties", &[GREETING.1], vec![flow(API, 1).opaque(4_000), flow(ADS, 2)]);
        assert_eq!(verdict, Consistent);
        assert!(reason.contains("and nothing to them went by unread"), "{reason}");
    }

    #[test]
    fn poor_encryption_that_nobody_broke_hides_as_well() {
        let weak = |undone: bool, len: u64| {
            let mut flow = flow(ADS, 2).opaque(len);
            (flow.opaque[0].opacity, flow.opaque[0].undone) = (Opacity::WeaklyEncrypted, undone);
            flow
        };
        for promise in ["not-shared-with-third-parties", "not-collected"] {
            let told = |third: Flow| told(promise, &[GREETING.1], vec![flow(API, 1), third]);
            let (verdict, reason) = told(weak(false, 96));
            assert_eq!(verdict, Inconclusive, "{promise}: {reason}");
            assert!(reason.contains("1 opaque payload to the third party AdZebra"), "{reason}");
            let (verdict, reason) = told(weak(true, 96));
            assert_eq!(verdict, Consistent, "{promise}, read: {reason}");
            assert_eq!(told(weak(false, 64)).0, Consistent, "{promise}, too short");
        }
    }

    #[test]
    fn tokens_and_keys_are_no_sign_that_content_was_sent() {
        for place in [Standing::Aside, Standing::Text, Standing::Credential] {
            let (verdict, reason) = told(CONTENT, &[GREETING.1], vec![standing(flow(API, 1).opaque(300), place)]);
            assert_eq!(verdict, Inconclusive, "{place:?}");
            assert!(reason.contains("no payload to the provider is large enough"), "{reason}");
        }
    }
}
