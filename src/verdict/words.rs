//! How verdicts speak: sentences that a lawyer can read.

use crate::model::scenario::{Audience, Party};
use crate::model::sighting::{Sighting, Strength};
use crate::model::taxonomy::Data;
use crate::verdict::audience::server_name;
use crate::verdict::case::Case;
use std::collections::{BTreeMap, BTreeSet};

/// `1 place`, `12,345 places`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number))
}

/// `12,345`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `a, b and c`; beyond `most`, `a, b and 7 more`.
pub(crate) fn list(items: &[String], most: usize) -> String {
    let more = items.len().saturating_sub(most);
    let mut shown: Vec<String> = items.iter().take(most).cloned().collect();
    if more > 0 {
        shown.push(format!("{} more", thousands(more as u64)));
    }
    match shown.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, head)) => format!("{} and {last}", head.join(", ")),
    }
}

/// Text out of a capture, fit for a sentence.
pub(crate) fn tame(text: &str) -> String {
    let mut out: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(100).collect();
    if text.chars().nth(100).is_some() {
        out.push('…');
    }
    out
}

/// The first letter as a capital: a sentence begins.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let mut out: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    out.push_str(chars.as_str());
    if !out.ends_with(['.', '…']) {
        out.push('.');
    }
    out
}

/// Whose server: `Chatterly's own server api.chatterly.example`.
pub(crate) fn owner(app: &str, party: &Party, host: &str) -> String {
    let host = tame(host);
    match party {
        Party::Provider => format!("{}'s own server {host}", tame(app)),
        Party::Third(name) => format!("the third party {} ({host})", tame(name)),
        Party::Unlisted => format!("the unlisted third party {host}"),
    }
}

/// What kind of thing was seen: `the planted message text`.
fn kind(sighting: &Sighting) -> String {
    let what = match &sighting.planted {
        Some(_) => format!("the planted {}", sighting.data.label()),
        None => format!("{} (found by rule)", sighting.data.label()),
    };
    match sighting.strength {
        Strength::Value => what,
        Strength::Pseudonym => format!("a pseudonym ({}) of {what}", tame(&sighting.form)),
    }
}

/// What was seen: `the planted message text "greeting" and "farewell"`, kind by kind.
pub(crate) fn things<'a>(sightings: impl IntoIterator<Item = &'a Sighting>) -> String {
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sighting in sightings {
        let ids = kinds.entry(kind(sighting)).or_default();
        ids.extend(sighting.planted.as_deref().map(|id| format!("\"{}\"", tame(id))));
    }
    let told = kinds.into_iter().map(|(kind, ids)| {
        let ids: Vec<String> = ids.into_iter().collect();
        if ids.is_empty() { kind } else { format!("{kind} {}", list(&ids, 3)) }
    });
    list(&told.collect::<Vec<_>>(), 3)
}

/// The name of the layer that hides a place from the network, for people.
fn layer(sighting: &Sighting) -> &'static str {
    let says = |name: &str| sighting.place.trail.iter().any(|step| step.to_ascii_lowercase().starts_with(name));
    if says("quic") {
        "QUIC"
    } else if says("dtls") {
        "DTLS"
    } else if says("tls") || says("https") {
        "TLS"
    } else {
        "an encrypted layer"
    }
}

/// One reader, and where: what one half-sentence is about. Widest audience first.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Reader {
    audience: Audience,
    party: Party,
    host: String,
    secured: bool,
    dump: Option<String>,
    /// The party's servers are among those that must not read it.
    party_too: bool,
}

/// What contradicting sightings come to, as one sentence.
pub(crate) fn contradiction(case: &Case<'_>, sightings: &[&Sighting]) -> String {
    sentence(&told(case, sightings))
}

/// The same, as a part of one.
pub(crate) fn told(case: &Case<'_>, sightings: &[&Sighting]) -> String {
    let mut groups: BTreeMap<Reader, Vec<&Sighting>> = BTreeMap::new();
    for sighting in sightings {
        let forbidden = |audience: &&Audience| case.promise.forbids.contains(audience);
        let Some(audience) = sighting.audiences.iter().filter(forbidden).min() else { continue };
        let (party, host) = owner_of(case, sighting, *audience);
        let reader = Reader {
            audience: *audience,
            party,
            host,
            secured: sighting.place.secured,
            dump: sighting.place.flow.is_none().then(|| sighting.place.capture.clone()),
            party_too: case.promise.forbids.contains(&sighting.party.audience()),
        };
        groups.entry(reader).or_default().push(sighting);
    }
    let mut groups: Vec<(Reader, Vec<&Sighting>)> = groups.into_iter().collect();
    groups.sort_by(|(a, left), (b, right)| {
        (a.audience, std::cmp::Reverse(left.len()), a).cmp(&(b.audience, std::cmp::Reverse(right.len()), b))
    });
    let kept: u64 = groups.iter().filter(|(reader, _)| reader.dump.is_some()).map(|(_, seen)| seen.len() as u64).sum();
    let mut told: Vec<String> = groups.iter().take(2).map(|(reader, seen)| half(case, reader, seen, kept)).collect();
    // Behind the last store that is named, so that "there" is a store.
    let last = groups.iter().take(2).rposition(|(reader, _)| reader.dump.is_some());
    if let Some(half) = last.and_then(|last| told.get_mut(last)) {
        half.push_str(&in_all(case, kept));
    }
    let mut text = told.join("; ");
    let more: u64 = groups.iter().skip(2).map(|(_, seen)| seen.len() as u64).sum();
    if more > 0 {
        text.push_str("; and so in ");
        text.push_str(&count(more, "more place"));
    }
    text
}

/// Messages that can be read in dumps, where the claim is about messages; of `listed` places, they may be more.
fn messages(case: &Case<'_>) -> u64 {
    let about = case.claim.data.iter().any(|data| data.covers(Data::Messages));
    case.evidence().exposure.as_ref().map_or(0, |found| if about { found.messages } else { 0 })
}

/// ` that are listed`, of so many places here, where all places named in dumps are some of many.
pub(crate) fn listed(case: &Case<'_>, all: u64, here: u64) -> &'static str {
    match (case.evidence().sightings_dropped > 0 || messages(case) > all, here) {
        (false, _) => "",
        (true, 1) => " that is listed",
        (true, _) => " that are listed",
    }
}

/// How many messages can be read in dumps, where all places named there are some of them.
pub(crate) fn in_all(case: &Case<'_>, all: u64) -> String {
    match (listed(case, all, all), messages(case)) {
        ("", _) | (_, 0) => String::new(),
        (_, messages) => format!("; in all, {} can be read there", count(messages, "message")),
    }
}

fn half(case: &Case<'_>, reader: &Reader, seen: &[&Sighting], kept: u64) -> String {
    let owner = owner(&case.scenario.app.name, &reader.party, &reader.host);
    let who = match (&reader.dump, reader.audience) {
        (Some(_), Audience::Public) => "anyone on the internet".to_owned(),
        (Some(_), Audience::Network) => "anyone on the network".to_owned(),
        (Some(_), Audience::ThirdParty) => "a third party".to_owned(),
        (Some(_), Audience::Provider) => format!("{} itself", tame(&case.scenario.app.name)),
        (None, Audience::Public) => "anyone on the internet".to_owned(),
        (None, Audience::Network) if reader.party_too => {
            format!("anyone on the path to {owner}, and that server itself,")
        }
        (None, Audience::Network) => format!("anyone on the path to {owner}"),
        (None, _) => owner,
    };
    let places = count(seen.len() as u64, "place");
    let place = if let Some(dump) = &reader.dump {
        format!(" in {places} of the store {}{}", tame(dump), listed(case, kept, seen.len() as u64))
    } else {
        let how = if seen.iter().all(|sighting| sighting.strength == Strength::Pseudonym) {
            "hashed"
        } else if seen.iter().any(|sighting| sighting.form == "as-typed") {
            "in clear"
        } else {
            "in a form that anyone can undo"
        };
        match seen.first() {
            Some(first) if reader.secured => format!(" in {places}, {how} inside {}", layer(first)),
            _ => format!(" in {places}, {how} and without encryption"),
        }
    };
    format!("{who} could read {}{place}", things(seen.iter().copied()))
}

/// Whose server an audience reads at: the server's own, or, for the second reader of a message whose authority is
/// another listed party than its connection's, that one.
fn owner_of(case: &Case<'_>, sighting: &Sighting, audience: Audience) -> (Party, String) {
    let servers = matches!(audience, Audience::ThirdParty | Audience::Provider);
    match &sighting.place.authority {
        Some(authority) if servers && sighting.party.audience() != audience => {
            (case.scenario.parties.party_of(Some(authority), None), authority.to_ascii_lowercase())
        }
        _ => (sighting.party.clone(), host_of(case, sighting)),
    }
}

/// The server a sighting's message went to.
pub(crate) fn host_of(case: &Case<'_>, sighting: &Sighting) -> String {
    match (case.flow_of(sighting), &sighting.place.authority) {
        (Some(flow), _) if flow.host_from == Some("sni") => server_name(flow),
        (_, Some(authority)) => authority.to_ascii_lowercase(),
        (Some(flow), None) => server_name(flow),
        (None, None) => match sighting.place.flow {
            Some(key) => key.server.to_string(),
            None => sighting.place.capture.clone(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_read_like_prose() {
        assert_eq!(count(1, "flow"), "1 flow");
        assert_eq!(count(1_234_567, "byte"), "1,234,567 bytes");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1000), "1,000");
        let items: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        assert_eq!(list(&items[..1], 3), "a");
        assert_eq!(list(&items[..2], 3), "a and b");
        assert_eq!(list(&items[..3], 3), "a, b and c");
        assert_eq!(list(&items, 2), "a, b and 2 more");
        assert_eq!(sentence("élan"), "Élan.");
        assert_eq!(tame("a\u{1b}[0m\n"), "a [0m ");
    }
}
