//! One claim and all evidence: what a promise judges on.

use crate::model::evidence::Evidence;
use crate::model::flow::{Blind, BlindSpot, Flow};
use crate::model::scenario::{Audience, Claim, Planted, Scenario};
use crate::model::sighting::{Sighting, Strength};
use crate::model::taxonomy::Data;
use crate::verdict::Promise;
use crate::verdict::audience::{FlowId, flow_id};
use std::collections::BTreeMap;

/// Evidence, with its flows found by the sightings made in them.
pub struct Indexed<'a> {
    pub(crate) evidence: &'a Evidence,
    flows: BTreeMap<FlowId<'a>, &'a Flow>,
}

impl<'a> Indexed<'a> {
    /// Indexes evidence.
    pub fn new(evidence: &'a Evidence) -> Self {
        let flows = evidence.flows.iter().flat_map(|flow| flow.ids().map(move |id| (id, flow)));
        Self { evidence, flows: flows.collect() }
    }
}

/// One claim and all evidence.
pub struct Case<'a> {
    /// The scenario the claim stands in.
    pub scenario: &'a Scenario,
    /// The claim.
    pub claim: &'a Claim,
    /// What it promises.
    pub promise: &'static Promise,
    pub(crate) indexed: &'a Indexed<'a>,
    /// The data it is about, `any` spelled out; in order, each once.
    pub data: Vec<Data>,
    /// The planted values it is about, in file order.
    pub planted: Vec<&'a Planted>,
}

impl<'a> Case<'a> {
    /// Joins a claim and the evidence.
    pub fn new(scenario: &'a Scenario, claim: &'a Claim, promise: &'static Promise, indexed: &'a Indexed<'a>) -> Self {
        let about = |other: Data| claim.data.iter().any(|data| data.covers(other));
        let planted: Vec<&Planted> = scenario.planted.iter().filter(|planted| about(planted.data)).collect();
        let named = claim.data.iter().copied().filter(|data| *data != Data::Any);
        let mut data: Vec<Data> = named.chain(planted.iter().map(|planted| planted.data)).collect();
        data.sort_unstable();
        data.dedup();
        Self { scenario, claim, promise, indexed, data, planted }
    }

    /// All evidence.
    pub const fn evidence(&self) -> &'a Evidence {
        self.indexed.evidence
    }

    /// Whether a flow's servers showed certificates that the device does not trust, as the scenario declares.
    pub fn is_forged(&self, flow: &Flow) -> bool {
        self.scenario.captures.iter().any(|capture| capture.forged && flow.ids().any(|(seen, ..)| seen == capture.name))
    }

    /// The flow a sighting was made in.
    pub fn flow_of(&self, sighting: &Sighting) -> Option<&'a Flow> {
        flow_id(sighting).and_then(|id| self.indexed.flows.get(&id).copied())
    }

    /// Whether a sighting is of the claim's data.
    pub fn is_about(&self, sighting: &Sighting) -> bool {
        self.claim.data.iter().any(|data| data.covers(sighting.data))
    }

    /// Sightings of the claim's data, in order.
    pub fn sightings(&self) -> impl Iterator<Item = &'a Sighting> + '_ {
        self.indexed.evidence.sightings.iter().filter(|sighting| self.is_about(sighting))
    }

    /// Whether a sighting can count against the app: the planted value itself; or, of a media stream and key material where
    /// the detector is sure, and in a dump, data found by rule alone. Other data found in traffic by rule may be somebody
    /// else's or a look-alike; it is shown, and so is a beginning that many texts share. So is a call heard at an end that nobody lists: it may be the person called.
    pub fn counts(&self, sighting: &Sighting) -> bool {
        let by_rule = sighting.place.flow.is_none() && !sighting.is_doubtful();
        sighting.planted.is_some() || sighting.conclusive || by_rule
    }

    /// Whether somebody who must not could read it there.
    pub fn is_forbidden(&self, sighting: &Sighting) -> bool {
        sighting.audiences.iter().any(|audience| self.promise.forbids.contains(audience))
    }

    /// Whether hashes of this data count like the data itself. They do for promises of absence: a pseudonym is shared
    /// as well. For promises about content they do where anyone can undo them by trying all values there are or all
    /// that they know (numbers, addresses, ids); nobody gets a text back from its hash.
    pub fn is_readable(&self, sighting: &Sighting, absence: bool) -> bool {
        absence || sighting.strength == Strength::Value || !sighting.data.is_content()
    }

    /// The flows to audiences that the promise is about.
    pub fn flows(&self) -> impl Iterator<Item = &'a Flow> + '_ {
        let network = self.promise.forbids.contains(&Audience::Network);
        let about = move |flow: &&Flow| network || self.promise.forbids.contains(&flow.party.audience());
        self.indexed.evidence.flows.iter().filter(about)
    }

    /// Whether somebody who must not might have read what a blind spot hides.
    pub fn may_hide(&self, flow: &Flow, spot: &BlindSpot) -> bool {
        let party = self.promise.forbids.contains(&flow.party.audience());
        let network = self.promise.forbids.contains(&Audience::Network);
        party || (network && is_bare(flow, spot))
    }
}

/// Whether what a blind spot hides may have been readable on the path.
fn is_bare(flow: &Flow, spot: &BlindSpot) -> bool {
    match spot.why {
        Blind::NoKeys | Blind::WrongKeys | Blind::Unsupported | Blind::HandshakeMissing => false,
        Blind::Opaque | Blind::Unheard => true,
        // What breaks a protocol's rules may be anything, also in the middle of TLS.
        Blind::Malformed => !flow.secure && !flow.decrypted,
        // A conversation that also spoke in clear, before it was sealed or beside, may have done so there.
        Blind::Lost | Blind::Severed | Blind::Ambiguous | Blind::Truncated | Blind::Lossy | Blind::Budget => {
            let spoke = flow.messages != [0, 0] && !flow.secure && !flow.decrypted;
            spoke || !is_sealed(flow)
        }
    }
}

/// Whether a flow's content travels inside a layer that hides it from the network.
pub(crate) fn is_sealed(flow: &Flow) -> bool {
    let sealed = |spot: &BlindSpot| {
        matches!(spot.why, Blind::NoKeys | Blind::WrongKeys | Blind::Unsupported | Blind::HandshakeMissing)
    };
    flow.secure || flow.decrypted || flow.blind.iter().any(sealed)
}
