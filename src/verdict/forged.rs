//! Declared tests with forged certificates (`[[capture]] certificate = "forged"`): what the app did there.

use crate::model::flow::Flow;
use crate::model::scenario::Party;
use crate::model::stream::Ending;
use crate::verdict::audience::server_name;
use crate::verdict::case::{Case, is_sealed};
use crate::verdict::words::{list, tame};
use std::collections::BTreeSet;

/// A forged certificate that the app accepted from the provider's server in a test that the scenario declares.
pub(crate) fn fooled(case: &Case<'_>) -> Option<String> {
    let mut hosts: Vec<String> = case
        .evidence()
        .flows
        .iter()
        .filter(|flow| case.is_forged(flow) && flow.party == Party::Provider && sent_app_data(flow))
        .map(|flow| tame(&server_name(flow)))
        .collect();
    hosts.sort();
    hosts.dedup();
    (!hosts.is_empty()).then(|| {
        format!("the app accepted a forged certificate and sent its data to whoever showed it as {}", list(&hosts, 2))
    })
}

/// Whether the app sent application data inside a secure transport.
pub(crate) fn sent_app_data(flow: &Flow) -> bool {
    flow.sealed_to_server > 0 || (is_sealed(flow) && flow.messages[0] > 0)
}

/// Whether something of what went inside a secure transport was not read: it may be application data.
pub(crate) fn may_have_sent(flow: &Flow) -> bool {
    is_sealed(flow) && (flow.unread[0] > 0 || !flow.blind.is_empty())
}

/// A handshake that ended after the server's certificate, by the app's alert or by closing, without application data.
pub(crate) fn is_refusal(flow: &Flow) -> bool {
    let has = |name: &str| flow.facts.iter().any(|fact| fact.name == name);
    let alert = flow.facts.iter().any(|fact| fact.name == "tls.alert" && fact.value.starts_with("client: "));
    let closed = matches!(flow.ended, Some(Ending::Clean | Ending::Reset));
    let silent = flow.messages == [0, 0] && flow.blind.is_empty() && flow.unread == [0, 0];
    has("tls.version") && has("tls.certificate") && (alert || closed) && silent && flow.count == 1
}

/// No certificate was to be shown on it.
fn is_in_clear(flow: &Flow) -> bool {
    !is_sealed(flow) && flow.blind.is_empty() && !flow.facts.iter().any(|fact| fact.name.starts_with("tls."))
}

/// What of such a test cannot be told: connections to the provider that neither show a refusal nor what was sent.
pub(crate) fn untold(case: &Case<'_>) -> Option<String> {
    let hosts: BTreeSet<String> = case
        .evidence()
        .flows
        .iter()
        .filter(|flow| flow.party == Party::Provider && case.is_forged(flow))
        .filter(|flow| !sent_app_data(flow) && !is_refusal(flow) && !is_in_clear(flow))
        .map(|flow| tame(&server_name(flow)))
        .collect();
    let hosts: Vec<String> = hosts.into_iter().collect();
    (!hosts.is_empty()).then(|| format!("how a connection of the test to {} ended cannot be told", list(&hosts, 2)))
}
