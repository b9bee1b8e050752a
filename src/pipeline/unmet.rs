//! A list of the provider's hosts that none of the evidence falls under: most likely it is misspelt, and every verdict
//! that asks whose server it was rests on it.

use crate::model::evidence::Evidence;
use crate::model::flow::Flow;
use crate::model::scenario::{HostRule, Parties, Party};
use crate::scenario::problem::nearest;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Hosts that are named.
const NAMED: usize = 5;

/// Says so, once every flow has its party.
pub(super) fn tell(evidence: &mut Evidence, parties: &Parties) {
    let ours = |party: &Party| *party == Party::Provider;
    let met = evidence.flows.iter().any(|flow| ours(&flow.party))
        || evidence.sightings.iter().any(|sighting| sighting.place.flow.is_some() && ours(&sighting.party));
    if met || parties.provider.is_empty() || evidence.flows.is_empty() {
        return;
    }
    let seen = seen(&evidence.flows);
    let mut note = format!("no server of the evidence is in the provider's list: seen were {}", some(&seen));
    if let Some(meant) = parties.provider.iter().find_map(|rule| meant(rule, &seen)) {
        let _ = write!(note, "; did you mean `{meant}`?");
    }
    evidence.notes.push(note);
}

/// Servers by name, else by address, those with the most bytes first.
fn seen(flows: &[Flow]) -> Vec<String> {
    let mut bytes: BTreeMap<String, u64> = BTreeMap::new();
    for flow in flows {
        let name = flow.host.clone().unwrap_or_else(|| flow.key.server.ip.to_string());
        let sum = bytes.entry(name).or_default();
        *sum = flow.bytes.iter().fold(*sum, |sum, bytes| sum.saturating_add(*bytes));
    }
    let mut seen: Vec<(String, u64)> = bytes.into_iter().collect();
    seen.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    seen.into_iter().map(|(name, _)| name).collect()
}

fn some(seen: &[String]) -> String {
    let named = seen.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match seen.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The domain of a server that a rule is nearly the name of.
fn meant(rule: &HostRule, seen: &[String]) -> Option<String> {
    let HostRule::Domain(domain) = rule else { return None };
    let labels = domain.split('.').count();
    let tail = |host: &String| {
        let from = host.rmatch_indices('.').nth(labels.saturating_sub(1)).map_or(0, |(at, _)| at.saturating_add(1));
        host.get(from..).unwrap_or_default().to_owned()
    };
    let tails: Vec<String> = seen.iter().map(tail).collect();
    let tails: Vec<&str> = tails.iter().map(String::as_str).collect();
    nearest(domain, &tails).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_that_was_meant_is_found_whatever_stands_below_it() {
        let seen = ["api.chatterly.example", "t.adzebra.example", "203.0.113.7"].map(str::to_owned);
        let meant = |rule: &str| meant(&HostRule::parse(rule).unwrap(), &seen);
        assert_eq!(meant("chaterly.example").as_deref(), Some("chatterly.example"));
        assert_eq!(meant("api.chatterley.example").as_deref(), Some("api.chatterly.example"));
        assert_eq!(meant("quillpost.test"), None);
        assert_eq!(meant("203.0.113.8"), None);
    }

    #[test]
    fn many_servers_are_counted() {
        let seen: Vec<String> = (0..7).map(|n| format!("h{n}.example")).collect();
        assert!(some(&seen).ends_with("h4.example and 2 more"), "{}", some(&seen));
        assert_eq!(some(&seen[..1]), "h0.example");
    }
}
