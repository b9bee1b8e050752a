//! What the harness could see.

use crate::model::evidence::Evidence;
use crate::model::flow::{Blind, Flow};
use crate::model::verdict::{Coverage, Unread};
use crate::verdict::audience::server_name;
use crate::verdict::words::thousands;
use std::collections::BTreeMap;

/// Why, as JSON spells it, what a damaged file held was not read.
pub const DAMAGED: &str = "damaged";

/// Coverage of everything.
pub fn coverage(evidence: &Evidence) -> Coverage {
    cover(evidence, evidence.flows.iter())
}

/// Whether everything of a flow was read.
pub(crate) fn is_read(flow: &Flow) -> bool {
    flow.blind.is_empty() && flow.unread == [0; 2]
}

/// Coverage of some flows of the evidence. What a damaged file held beyond the damage is missing from every claim: nobody
/// knows whose it was, nor how much.
pub(crate) fn cover<'a>(evidence: &Evidence, flows: impl Iterator<Item = &'a Flow>) -> Coverage {
    let mut coverage = Coverage::default();
    let mut hosts: BTreeMap<String, bool> = BTreeMap::new();
    let mut unread: BTreeMap<Blind, (u64, u64)> = BTreeMap::new();
    for flow in flows {
        let read = is_read(flow);
        coverage.flows = coverage.flows.saturating_add(flow.count);
        coverage.flows_read = coverage.flows_read.saturating_add(if read { flow.count } else { 0 });
        for (all, missing) in flow.bytes.into_iter().zip(flow.unread) {
            coverage.bytes = coverage.bytes.saturating_add(all);
            // Lost bytes are unread and were never counted as carried.
            coverage.bytes_read = coverage.bytes_read.saturating_add(all.saturating_sub(missing));
        }
        for (all, full) in flow.messages.into_iter().zip(flow.read_in_full) {
            coverage.messages = coverage.messages.saturating_add(all);
            coverage.messages_read = coverage.messages_read.saturating_add(full.min(all));
        }
        *hosts.entry(server_name(flow)).or_insert(true) &= read;
        let mut reasons: Vec<Blind> = flow.blind.iter().map(|spot| spot.why).collect();
        reasons.sort_unstable();
        reasons.dedup();
        for why in reasons {
            let bytes =
                flow.blind.iter().filter(|spot| spot.why == why).fold(0_u64, |sum, s| sum.saturating_add(s.bytes));
            let row = unread.entry(why).or_default();
            *row = (row.0.saturating_add(flow.count), row.1.saturating_add(bytes));
        }
    }
    coverage.hosts = hosts.len() as u64;
    coverage.hosts_read = hosts.values().filter(|read| **read).count() as u64;
    let mut unread: Vec<(Blind, u64, u64)> =
        unread.into_iter().map(|(why, (flows, bytes))| (why, flows, bytes)).collect();
    unread.sort_by_key(|(why, flows, bytes)| (std::cmp::Reverse(*bytes), std::cmp::Reverse(*flows), *why));
    coverage.unread = unread
        .into_iter()
        .map(|(why, flows, bytes)| {
            let says = why.told(evidence.secrets).into_owned();
            Unread { why: why.name(), says, flows, bytes }
        })
        .collect();
    let damaged = evidence.inputs.iter().filter(|input| input.stopped.is_some()).count() as u64;
    if damaged > 0 {
        let says = match damaged {
            1 => "what follows the damage in 1 file".to_owned(),
            many => format!("what follows the damage in {} files", thousands(many)),
        };
        coverage.unread.push(Unread { why: DAMAGED, says, flows: 0, bytes: 0 });
    }
    coverage
}
