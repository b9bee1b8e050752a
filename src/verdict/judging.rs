//! Holds every claim against the evidence.

use crate::model::budget;
use crate::model::evidence::{Evidence, Input};
use crate::model::flow::{Blind, Fact, Flow, OpaquePayload, Standing};
use crate::model::scenario::{Audience, Claim, Party, Scenario};
use crate::model::sighting::{Sighting, Strength};
use crate::model::stream::Direction;
use crate::model::taxonomy::Data;
use crate::model::verdict::{Coverage, Judged, VerdictKind};
use crate::model::weakness::{Exhibit, Weakness};
use crate::verdict::audience::{FlowId, flow_id, server_name};
use crate::verdict::case::{Case, Indexed, is_sealed};
use crate::verdict::coverage::cover;
use crate::verdict::earned::{self, Consistent, Outcome};
use crate::verdict::forged;
use crate::verdict::hiding;
use crate::verdict::promise;
use crate::verdict::words::{contradiction, count, host_of, list, owner, sentence, tame, things};
use std::collections::BTreeSet;

/// Judges every claim of a scenario, in file order. The evidence must have its audiences placed.
pub fn judge(scenario: &Scenario, evidence: &Evidence) -> Vec<Judged> {
    let indexed = Indexed::new(evidence);
    scenario.claims.iter().map(|claim| judge_claim(scenario, claim, &indexed)).collect()
}

fn judge_claim(scenario: &Scenario, claim: &Claim, indexed: &Indexed<'_>) -> Judged {
    let Some(promise) = promise::by_name(&claim.promise) else {
        return unknown(claim);
    };
    let case = Case::new(scenario, claim, promise, indexed);
    let mut coverage = cover(case.evidence(), case.flows());
    let mut weaknesses = Vec::new();
    let (verdict, reason, sightings) = match (promise.judge)(&case) {
        Outcome::Contradicted { reason, sightings } => (VerdictKind::Contradicted, reason, sightings),
        Outcome::Weakened { reason, sightings, weaknesses: ids } => {
            weaknesses = ids;
            (VerdictKind::Weakened, reason, sightings)
        }
        Outcome::Inconclusive { reason, control } => {
            coverage.control = control;
            (VerdictKind::Inconclusive, reason, Vec::new())
        }
        Outcome::Consistent(consistent) => {
            coverage.control = Some(consistent.control().to_owned());
            (VerdictKind::Consistent, consistent.reason().to_owned(), Vec::new())
        }
    };
    let listed: BTreeSet<&str> = sightings.iter().map(String::as_str).collect();
    let shown = case.sightings().map(Sighting::id).filter(|id| !listed.contains(id.as_str())).collect();
    Judged {
        claim: claim.clone(),
        verdict,
        reason,
        weaknesses,
        shown,
        coverage,
        means: promise.means,
        cannot_prove: promise.cannot_prove,
        not_tested: not_tested(&case),
        standards: promise.standards,
        sightings,
    }
}

fn unknown(claim: &Claim) -> Judged {
    Judged {
        claim: claim.clone(),
        verdict: VerdictKind::Inconclusive,
        reason: format!("This version does not know the promise \"{}\".", tame(&claim.promise)),
        sightings: Vec::new(),
        weaknesses: Vec::new(),
        shown: Vec::new(),
        coverage: Coverage::default(),
        means: "",
        cannot_prove: "",
        not_tested: vec!["everything".to_owned()],
        standards: &[],
    }
}

/// What was not tested: the promise's own list, and what this evidence left unopened.
fn not_tested(case: &Case<'_>) -> Vec<String> {
    let mut phrases: Vec<String> = case.promise.not_tested.iter().map(|phrase| (*phrase).to_owned()).collect();
    let flows = &case.evidence().flows;
    let own = flows.iter().filter(|flow| flow.party == Party::Provider).flat_map(|flow| &flow.opaque);
    let own: Vec<u64> = own
        .filter(|payload| payload.is_shut() && payload.direction == Direction::ToServer)
        .filter(|payload| payload.standing == Standing::Content)
        .map(|p| p.len)
        .collect();
    if let Some(longest) = own.iter().max() {
        let payloads = count(own.len() as u64, "opaque payload");
        phrases.push(format!("what {payloads} to the provider hold (up to {})", count(*longest, "byte")));
    }
    let sealed = |flow: &&Flow| {
        let closed =
            |why| matches!(why, Blind::NoKeys | Blind::WrongKeys | Blind::Unsupported | Blind::HandshakeMissing);
        flow.blind.iter().any(|spot| closed(spot.why) && !case.may_hide(flow, spot))
    };
    let sealed = flows.iter().filter(sealed).fold(0_u64, |sum, flow| sum.saturating_add(flow.count));
    if sealed > 0 {
        phrases.push(format!("what is inside {}", count(sealed, "undecrypted flow")));
    }
    phrases
}

/// Judges a promise about content: end to end, in transit.
pub(crate) fn content(case: &Case<'_>, in_transit: bool) -> Outcome {
    if let Some(outcome) = contradicted(case, false, !in_transit) {
        return outcome;
    }
    if let Some(outcome) = weakened(case, in_transit) {
        return outcome;
    }
    let control = earned::content(case, in_transit);
    // Noise in an unknown protocol is opaque like any other: to the provider it may be the content itself, and on the
    // path it is not readable. To somebody else it may be anything.
    let spare = |flow: &Flow, why: Blind| {
        why == Blind::Opaque && control.is_ok() && (in_transit || flow.party == Party::Provider)
    };
    let covered = earned::covered(case, &spare);
    let covered = if in_transit {
        earned::also(covered, unknown_transport(case))
    } else {
        let mut doubts = earned::varies_with(case, &|flow| flow.party == Party::Provider);
        doubts.extend(beside(case));
        earned::also(covered, doubts)
    };
    settle(covered, control, &|control| kept_shut(case, control))
}

/// What opaque payloads to somebody who has no part in the conversation may hide. What goes to the provider is the
/// content on its way, as far as anyone can tell.
pub(crate) fn beside(case: &Case<'_>) -> Vec<String> {
    hiding::opaque_to_third_parties(case, &|flow, payload| hiding::is_explained(case, flow, payload))
}

/// Judges a promise of absence: not collected, not shared.
pub(crate) fn absence(case: &Case<'_>, hidden: Vec<String>) -> Outcome {
    if let Some(outcome) = contradicted(case, true, false) {
        return outcome;
    }
    let mut doubts = earned::varies_with(case, &|_| false);
    doubts.extend(hidden);
    absence_unless(case, doubts, &|control| kept_away(case, control))
}

/// Judges a promise of absence that nothing contradicts. `hidden`: what may hide it, beside blind spots.
/// `kept` words the verdict if the promise was kept.
pub(crate) fn absence_unless(case: &Case<'_>, hidden: Vec<String>, kept: &dyn Fn(&str) -> String) -> Outcome {
    let covered = earned::also(earned::covered(case, &|_, _| false), hidden);
    settle(covered, earned::absence(case), kept)
}

pub(crate) fn settle(
    covered: Result<earned::Covered, Vec<String>>,
    control: Result<earned::Control, String>,
    kept: &dyn Fn(&str) -> String,
) -> Outcome {
    match (covered, control) {
        (Ok(covered), Ok(control)) => {
            let reason = kept(control.says());
            Outcome::Consistent(Consistent::new(covered, control, reason))
        }
        (Ok(_), Err(lacking)) => Outcome::Inconclusive { reason: not_enough(&[lacking]), control: None },
        (Err(missing), Ok(control)) => {
            Outcome::Inconclusive { reason: not_enough(&missing), control: Some(control.says().to_owned()) }
        }
        (Err(mut missing), Err(lacking)) => {
            missing.push(lacking);
            Outcome::Inconclusive { reason: not_enough(&missing), control: None }
        }
    }
}

fn not_enough(missing: &[String]) -> String {
    let mut text = format!("Not enough was seen: {}", missing.iter().take(2).cloned().collect::<Vec<_>>().join("; "));
    let more = missing.len().saturating_sub(2);
    if more > 0 {
        text.push_str("; and ");
        text.push_str(&count(more as u64, "further reason"));
    }
    sentence(&text)
}

/// What a kept promise of content says.
pub(crate) fn kept_shut(case: &Case<'_>, control: &str) -> String {
    let text = format!(
        "{} could read the {} anywhere in {}, though it was on its way: {control}",
        nobody(case),
        labels(case),
        count(flows(case), "flow"),
    );
    sentence(&text)
}

/// What a kept promise of absence says.
fn kept_away(case: &Case<'_>, control: &str) -> String {
    let rest = all_but_opaque(case, " to them");
    sentence(&format!("{} got the {}: {control}, {rest}", nobody(case), labels(case)))
}

/// That nothing went by unread, as far as that is so: what is opaque nobody read, whatever else is known of it.
pub(crate) fn all_but_opaque(case: &Case<'_>, whither: &str) -> String {
    let theirs = case.evidence().flows.iter().filter(|flow| case.promise.forbids.contains(&flow.party.audience()));
    let (mut payloads, mut bytes, mut more) = (0_u64, 0_u64, false);
    for flow in theirs {
        let opaque = |p: &&OpaquePayload| p.is_shut() && p.direction == Direction::ToServer;
        for payload in flow.opaque.iter().filter(opaque) {
            payloads = payloads.saturating_add(1);
            bytes = bytes.saturating_add(payload.len);
        }
        // Of each flow only so many are remembered.
        more |= flow.opaque.len() >= budget::FLOW_PAYLOADS;
    }
    if payloads == 0 {
        return format!("and nothing{whither} went by unread");
    }
    let least = if more { "at least " } else { "" };
    let payloads = count(payloads, "opaque payload");
    format!("but for {least}{payloads} ({}), and nothing else{whither} went by unread", count(bytes, "byte"))
}

pub(crate) fn labels(case: &Case<'_>) -> String {
    let labels: Vec<String> = case.data.iter().map(|data| data.label().to_owned()).collect();
    list(&labels, 4)
}

fn flows(case: &Case<'_>) -> u64 {
    case.evidence().flows.iter().fold(0_u64, |sum, flow| sum.saturating_add(flow.count))
}

/// Everybody who must not read it, denied: `neither the public nor the network`.
fn nobody(case: &Case<'_>) -> String {
    let names: Vec<&str> = case
        .promise
        .forbids
        .iter()
        .map(|audience| match audience {
            Audience::Public => "the public",
            Audience::Network => "anyone on the path",
            Audience::ThirdParty => "third parties",
            Audience::Provider => "the provider",
        })
        .collect();
    format!("neither {}", names.join(" nor "))
}
fn ids(sightings: &[&Sighting]) -> Vec<String> {
    let mut told = BTreeSet::new();
    sightings.iter().map(|sighting| sighting.id()).filter(|id| told.insert(id.clone())).collect()
}

/// Sightings that the promise forbids. `keys`: key material given away counts whatever the claim is about, as it opens
/// everything.
pub(crate) fn contradicted(case: &Case<'_>, absence: bool, keys: bool) -> Option<Outcome> {
    let is_key = |s: &Sighting| keys && s.conclusive && s.data == Data::Credentials;
    let against = |s: &&Sighting| {
        let about = case.is_about(s) && case.counts(s) && case.is_readable(s, absence);
        case.is_forbidden(s) && (about || is_key(s))
    };
    let seen: Vec<&Sighting> = case.evidence().sightings.iter().filter(against).collect();
    if seen.is_empty() {
        return None;
    }
    Some(Outcome::Contradicted { reason: contradiction(case, &seen), sightings: ids(&seen) })
}

/// Protection that is provably poor: an obsolete transport around what the app sends, and plain hashes of content,
/// which are equal for equal texts and confirm a guess.
pub(crate) fn weakened(case: &Case<'_>, in_transit: bool) -> Option<Outcome> {
    let hashed: Vec<&Sighting> = case
        .sightings()
        .filter(|s| s.strength == Strength::Pseudonym && case.counts(s) && case.is_forbidden(s))
        .collect();
    if let Some(first) = hashed.first() {
        let owner = owner(&case.scenario.app.name, &first.party, &host_of(case, first));
        let places = count(hashed.len() as u64, "place");
        let text = format!(
            "{owner} got {} in {places}: equal texts give equal hashes, and a guess at the text can be confirmed",
            things([*first])
        );
        return Some(Outcome::Weakened { reason: sentence(&text), sightings: ids(&hashed), weaknesses: Vec::new() });
    }
    if let Some(outcome) = poorly_encrypted(case) {
        return Some(outcome);
    }
    if !in_transit {
        return None;
    }
    if let Some(text) = forged::fooled(case) {
        return Some(Outcome::Weakened { reason: sentence(&text), sightings: Vec::new(), weaknesses: Vec::new() });
    }
    let mut poor: Vec<(&'static str, String, String)> = Vec::new();
    for flow in carriers(case) {
        for Fact { name, value, weakness } in &flow.facts {
            if weakness.is_some() {
                let owner = owner(&case.scenario.app.name, &flow.party, &server_name(flow));
                poor.push((weakness.unwrap_or(name), tame(value), owner));
            }
        }
    }
    poor.sort();
    poor.dedup();
    let (weakness, value, owner) = poor.first()?;
    let more = poor.len().saturating_sub(1);
    let more = if more > 0 { format!(", and {} like it", count(more as u64, "fact")) } else { String::new() };
    let text = format!("what went to {owner} was protected by {value} only: {weakness}{more}");
    Some(Outcome::Weakened { reason: sentence(&text), sightings: Vec::new(), weaknesses: Vec::new() })
}

/// Encryption that is provably poor, around payloads that could carry what was planted.
fn poorly_encrypted(case: &Case<'_>) -> Option<Outcome> {
    let need = case.planted.iter().map(|planted| planted.value.len() as u64).min()?;
    let counts = |exhibit: &&Exhibit| {
        exhibit.place.direction == Direction::ToServer
            && exhibit.len >= need
            && exhibit.audiences.iter().any(|audience| case.promise.forbids.contains(audience))
    };
    let poor: Vec<(&Weakness, Vec<&Exhibit>)> = case
        .evidence()
        .weaknesses
        .iter()
        .map(|weakness| (weakness, weakness.exhibits.iter().filter(counts).collect::<Vec<_>>()))
        .filter(|(_, exhibits)| !exhibits.is_empty())
        .collect();
    let (weakness, exhibits) = poor.first()?;
    let frames: Vec<u64> = exhibits.iter().filter_map(|exhibit| exhibit.place.frames.first().copied()).collect();
    let mut shown: Vec<String> = frames.iter().map(u64::to_string).collect();
    shown.dedup();
    let file = exhibits.first().map(|exhibit| exhibit.place.capture.as_str()).unwrap_or_default();
    let input = case.evidence().inputs.iter().find(|input| input.name == file);
    let unit = match (input.map(Input::bare_format), shown.len()) {
        (Some("har" | "mitmproxy"), 1) => "entry",
        (Some("har" | "mitmproxy"), _) => "entries",
        (_, 1) => "frame",
        (_, _) => "frames",
    };
    let more = poor.len().saturating_sub(1);
    let more = match more {
        0 => String::new(),
        1 => "; and one more weakness".to_owned(),
        more => format!("; and {more} more weaknesses"),
    };
    let reason = weakness.reason.trim_end_matches('.');
    let text = format!("{} ({unit} {}){more}", tame_reason(reason), list(&shown, 4));
    let weaknesses = poor.iter().map(|(weakness, _)| weakness.id()).collect();
    Some(Outcome::Weakened { reason: sentence(&text), sightings: Vec::new(), weaknesses })
}

/// A detector's sentence, with what it quotes out of captures made fit to print.
fn tame_reason(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(600).collect()
}

/// Flows that carry what the app sends and whose handshake is not all there: whether their version and cipher are
/// obsolete cannot be told.
fn unknown_transport(case: &Case<'_>) -> Vec<String> {
    let handshake_lost = |flow: &&Flow| {
        let gap = |why| !matches!(why, Blind::NoKeys | Blind::WrongKeys | Blind::Unsupported | Blind::Opaque);
        let known = flow.facts.iter().any(|fact| fact.name.ends_with(".version"));
        // Evidence that others decrypted says nothing of how it was protected.
        let told = flow.secure && !flow.decrypted && flow.messages != [0, 0];
        (told || flow.blind.iter().any(|spot| gap(spot.why))) && !known
    };
    // Whatever is sealed may be the app's, as long as it was not read.
    let mut hosts: Vec<String> = case
        .evidence()
        .flows
        .iter()
        .filter(|flow| is_sealed(flow))
        .filter(handshake_lost)
        .map(|flow| owner(&case.scenario.app.name, &flow.party, &server_name(flow)))
        .collect();
    hosts.sort();
    hosts.dedup();
    let mut missing = Vec::new();
    if !hosts.is_empty() {
        let hosts = list(&hosts, 2);
        missing.push(format!("how well what went to {hosts} was protected cannot be told without its handshake"));
    }
    // What nobody could read may be the app's, and its protection is known to be poor.
    let mut poor: Vec<String> = case
        .evidence()
        .flows
        .iter()
        .filter(|flow| is_sealed(flow) && flow.unread[0] > 0 && flow.facts.iter().any(|fact| fact.weakness.is_some()))
        .map(|flow| owner(&case.scenario.app.name, &flow.party, &server_name(flow)))
        .collect();
    poor.sort();
    poor.dedup();
    if !poor.is_empty() {
        missing.push(format!("what went to {} is poorly protected and could not be read", list(&poor, 2)));
    }
    missing.extend(forged::untold(case));
    missing
}

/// The flows that carry what the app sends: application data to the provider, or the claim's data to anyone.
pub(crate) fn carriers<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Flow> {
    let seen: BTreeSet<FlowId<'a>> = case.sightings().filter(|s| case.counts(s)).filter_map(flow_id).collect();
    case.evidence().flows.iter().filter(move |flow| {
        let shut = is_sealed(flow) && flow.unread[0] > 0;
        let data = flow.messages[0] > 0 || flow.sealed_to_server > 0 || !flow.opaque.is_empty() || shut;
        (flow.party == Party::Provider && data) || flow.ids().any(|id| seen.contains(&id))
    })
}
