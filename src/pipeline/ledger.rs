//! The flows that are over: listed one by one while they are few, summed up beyond.

use crate::model::budget;
use crate::model::evidence::Evidence;
use crate::model::flow::Flow;
use crate::model::origin::FrameNo;
use crate::model::packet::Endpoint;
use crate::pipeline::worker::SHARDS;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Flows that are over.
pub(super) struct Ledger {
    listed: BTreeMap<(FrameNo, Endpoint), Box<Flow>>,
    summed: BTreeMap<Kin, Box<Flow>>,
    /// Flows that it lists, and rows it sums the rest up in.
    most: usize,
}

/// Flows that are summed up together: a judge cannot tell them apart.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Kin {
    host: Option<String>,
    server: Endpoint,
    protocol: &'static str,
    opacity: &'static str,
    decrypted: bool,
    secure: bool,
}

impl Ledger {
    /// The flows of one shard. Shards get alike many: a fifth of room to spare is more than chance ever needs.
    pub(super) fn of_shard() -> Self {
        Self::new(budget::LISTED_FLOWS / SHARDS * 6 / 5)
    }

    const fn new(most: usize) -> Self {
        Self { listed: BTreeMap::new(), summed: BTreeMap::new(), most }
    }

    /// Takes a flow that is over. The earliest stay listed: which they are does not depend on the order of ending.
    pub(super) fn add(&mut self, flow: Flow) {
        let place = (flow.first_frame, flow.key.client);
        let full = self.listed.len() >= self.most;
        if full && self.listed.last_key_value().is_some_and(|(last, _)| *last < place) {
            self.sum(flow);
            return;
        }
        if let Some(other) = self.listed.insert(place, Box::new(flow)) {
            // Two flows of one frame and client (a tunnel): neither is left out.
            self.sum(*other);
        }
        if self.listed.len() > self.most
            && let Some((_, latest)) = self.listed.pop_last()
        {
            self.sum(*latest);
        }
    }

    fn sum(&mut self, flow: Flow) {
        let kin = Kin {
            host: flow.host.clone(),
            server: flow.key.server,
            protocol: flow.protocol,
            opacity: flow.opacity.dominant().name(),
            decrypted: flow.decrypted,
            secure: flow.secure,
        };
        if self.summed.contains_key(&kin) || self.summed.len() < self.most {
            match self.summed.entry(kin) {
                Entry::Occupied(mut sum) => sum.get_mut().absorb(flow),
                Entry::Vacant(slot) => {
                    slot.insert(Box::new(flow));
                }
            }
        } else if let Some(mut last) = self.summed.last_entry() {
            // Nothing is left out: what has no row of its own joins the last one.
            last.get_mut().absorb(flow);
        }
    }

    pub(super) fn into_flows(self) -> Vec<Flow> {
        self.listed.into_values().chain(self.summed.into_values()).map(|flow| *flow).collect()
    }
}

/// Brings the flows of several shards down to the number that is listed.
pub(super) fn fit(evidence: &mut Evidence) {
    if evidence.flows.len() > budget::LISTED_FLOWS {
        let mut ledger = Ledger::new(budget::LISTED_FLOWS);
        let mut flows = std::mem::take(&mut evidence.flows);
        flows.sort_by(|a, b| a.order().cmp(&b.order()));
        for flow in flows {
            if flow.count > 1 { ledger.sum(flow) } else { ledger.add(flow) }
        }
        evidence.flows = ledger.into_flows();
    }
}
