//! Who is who, and who could read what.

use crate::model::alias::Aliases;
use crate::model::evidence::Evidence;
use crate::model::flow::{ALIAS, Fact, Flow, SESSION};
use crate::model::origin::FrameNo;
use crate::model::scenario::{Audience, Parties, Party};
use crate::model::sighting::Sighting;
use crate::model::stream::FlowKey;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What tells one flow of the evidence from all others.
pub(crate) type FlowId<'a> = (&'a str, FlowKey, FrameNo);

/// The flow that a sighting was made in; `None` in a dump.
pub(crate) fn flow_id(sighting: &Sighting) -> Option<FlowId<'_>> {
    sighting.place.flow.map(|key| (sighting.place.capture.as_str(), key, sighting.place.flow_start))
}

/// Gives every flow its host and party, and every sighting its party and audiences.
///
/// A flow's host is what TLS SNI says, else HTTP authority, else the name that DNS answers of any capture gave to its
/// address; its party is whose the name is, or else the address. Whoever is on the path reads what no layer secures;
/// the server's party reads all. Where SNI and the authority of a message name two listed parties, both could read it:
/// encryption ends at the one, and the message goes to the other. Dumps keep what their source says.
///
/// Run it on merged evidence: names of one capture explain addresses of another.
pub fn place_audiences(evidence: &mut Evidence, parties: &Parties) {
    let mut known: BTreeMap<(String, FlowKey, FrameNo), (Party, bool)> = BTreeMap::new();
    follow_sessions(&mut evidence.flows);
    for flow in &mut evidence.flows {
        place_flow(flow, parties, &evidence.names, &evidence.aliases);
        let sni = flow.host_from == Some("sni");
        for (capture, key, frame) in flow.ids() {
            known.insert((capture.to_owned(), key, frame), (flow.party.clone(), sni));
        }
    }
    let (names, aliases) = (&evidence.names, &evidence.aliases);
    let seen = evidence.sightings.iter_mut().map(|s| (&s.place, &mut s.party, &mut s.audiences));
    let poor = evidence.weaknesses.iter_mut().flat_map(|weakness| &mut weakness.exhibits);
    let poor = poor.map(|exhibit| (&exhibit.place, &mut exhibit.party, &mut exhibit.audiences));
    for (place, party, audiences) in seen.chain(poor) {
        let Some(key) = place.flow else {
            if audiences.is_empty() {
                *audiences = vec![party.audience()];
            }
            continue;
        };
        let ip = key.server.ip;
        let flow = known.get(&(place.capture.clone(), key, place.flow_start));
        let stated = place.authority.as_deref();
        let by_authority = stated.map(|name| behind(name, ip, parties, aliases).0);
        let whose = match (flow, &by_authority) {
            // One proxied or reused connection carries messages to several hosts: each says its own.
            (Some((_, false)) | None, Some(party)) => party.clone(),
            (Some((party, _)), _) => party.clone(),
            (None, None) => parties.party_of(names.get(&ip).map(String::as_str), Some(ip)),
        };
        let mut readers = vec![whose.audience()];
        if !place.secured {
            readers.push(Audience::Network);
        }
        // An address vouches for nobody's name here: only a listed name makes a second reader.
        let named = stated.map(|name| parties.party_of(Some(name), None));
        readers.extend(named.filter(|party| *party != Party::Unlisted).map(|party| party.audience()));
        readers.sort_unstable();
        readers.dedup();
        *party = whose;
        *audiences = readers;
    }
}

/// A connection that goes on at another address goes to whom it went before (RFC 9000 section 9).
fn follow_sessions(flows: &mut [Flow]) {
    let session = |flow: &Flow| flow.facts.iter().find(|fact| fact.name == SESSION).map(|fact| fact.value.clone());
    let mut hosts: BTreeMap<String, String> = BTreeMap::new();
    for flow in flows.iter().filter(|flow| flow.host_from == Some("sni")) {
        if let (Some(session), Some(host)) = (session(flow), &flow.host) {
            hosts.entry(session).or_insert_with(|| host.clone());
        }
    }
    for flow in flows.iter_mut().filter(|flow| flow.host_from != Some("sni")) {
        if let Some(host) = session(flow).and_then(|session| hosts.get(&session)) {
            flow.host = Some(host.clone());
            flow.host_from = Some("sni");
        }
    }
}

/// Whose server a name is at an address, and the name of somebody else's that DNS answers led over, if they did.
///
/// A name of the vendor's that leads to an address over the name of a listed third party is that party's server, whatever it
/// is called. Where it leads over a name that nobody listed, whose server it is does not show: it stays the vendor's, with
/// that name told. It is the vendor's all the same where the address is listed, or the last name is.
fn behind(name: &str, ip: IpAddr, parties: &Parties, aliases: &Aliases) -> (Party, Option<String>) {
    let party = parties.party_of(Some(name), Some(ip));
    if party != Party::Provider || parties.party_of(None, Some(ip)) == Party::Provider {
        return (party, None);
    }
    let clean = name.trim_end_matches('.').to_ascii_lowercase();
    let (chains, sure) = aliases.of(&clean, ip);
    let whose = |name: &String| parties.party_of(Some(name), None);
    let led = chains.into_iter().filter(|others| others.last().is_some_and(|last| whose(last) != Party::Provider));
    let others = led.flatten().filter(|other| whose(other) != Party::Provider);
    let (mut third, mut foreign) = (None, None);
    for other in others {
        match whose(other) {
            listed @ Party::Third(_) if sure && third.is_none() => third = Some((listed, other.clone())),
            _ => foreign = foreign.or_else(|| Some(other.clone())),
        }
    }
    match third {
        Some((listed, other)) => (listed, Some(other)),
        None => (party, foreign),
    }
}

fn place_flow(flow: &mut Flow, parties: &Parties, names: &BTreeMap<IpAddr, String>, aliases: &Aliases) {
    let ip = flow.key.server.ip;
    if let Some(host) = &mut flow.host {
        let clean = host.trim_end_matches('.').to_ascii_lowercase();
        *host = clean;
    } else if let Some(name) = names.get(&ip).or_else(|| names.get(&ip.to_canonical())) {
        flow.host = Some(name.trim_end_matches('.').to_ascii_lowercase());
        flow.host_from = Some("dns");
    }
    let (party, alias) = match &flow.host {
        Some(host) => behind(host, ip, parties, aliases),
        None => (parties.party_of(None, Some(ip)), None),
    };
    flow.party = party;
    if let Some(value) = alias {
        flow.add_fact(Fact { name: ALIAS, value, weakness: None });
    }
}

/// What a flow's server is called: its name, else its address and port.
pub(crate) fn server_name(flow: &Flow) -> String {
    flow.host.clone().unwrap_or_else(|| flow.key.server.to_string())
}
