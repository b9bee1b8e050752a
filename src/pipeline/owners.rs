//! Who on the phone spoke: what frames and traces of sockets say, put on the flows they are about.

use crate::model::budget;
use crate::model::flow::Flow;
use crate::model::origin::FrameNo;
use crate::model::packet::{Endpoint, Packet};
use crate::model::socket::Socket;
use crate::packet::Owner;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Clocks of the trace and of the capture differ by less: nanoseconds.
const CLOCKS: i64 = 300_000_000_000;

/// Frames in a row between two ends that one app sent.
struct Spell {
    first: FrameNo,
    last: FrameNo,
    name: String,
}

/// What the frames of one capture say.
#[derive(Default)]
pub(super) struct Owners {
    between: BTreeMap<(Endpoint, Endpoint), Vec<Spell>>,
    spells: usize,
    /// Spells that were too many.
    dropped: u64,
}

impl Owners {
    /// Notes who sent a packet.
    pub(super) fn note(&mut self, packet: &Packet<'_>, owner: Owner<'_>) {
        let ends = (packet.src.min(packet.dst), packet.src.max(packet.dst));
        let spells = self.between.entry(ends).or_default();
        let numbered = || match (owner.uid, owner.pid) {
            (Some(uid), _) if uid >= 0 => format!("user {uid}"),
            (_, Some(pid)) => format!("process {pid}"),
            _ => String::new(),
        };
        if let Some(last) = spells.last_mut()
            && (last.name == owner.name || (owner.name.is_empty() && last.name == numbered()))
        {
            last.last = packet.frame;
            return;
        }
        let name = if owner.name.is_empty() { numbered() } else { owner.name.to_owned() };
        if name.is_empty() {
            return;
        }
        if self.spells >= budget::OWNERS {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.spells = self.spells.saturating_add(1);
        spells.push(Spell { first: packet.frame, last: packet.frame, name });
    }

    /// Names the flows. One that several are named for stays without a name: nobody knows who spoke.
    pub(super) fn settle(self, flows: &mut [Flow], notes: &mut Vec<String>) {
        for flow in flows.iter_mut().filter(|flow| flow.count == 1) {
            let ends = (flow.key.client.min(flow.key.server), flow.key.client.max(flow.key.server));
            let during = |spell: &&Spell| spell.first <= flow.last_frame && spell.last >= flow.first_frame;
            let spells = self.between.get(&ends).into_iter().flatten().filter(during);
            let names: BTreeSet<&str> = spells.map(|spell| spell.name.as_str()).collect();
            name(flow, &names);
        }
        if self.dropped > 0 {
            notes.push(format!("{} frames name their app beyond what is kept", self.dropped));
        }
    }
}

fn name(flow: &mut Flow, names: &BTreeSet<&str>) {
    if let (1, Some(only)) = (names.len(), names.first()) {
        flow.app = Some((*only).to_owned());
    }
}

/// Names the flows of a capture by a trace of sockets, where no frame did.
pub(super) fn trace(sockets: &[Socket], capture: &str, flows: &mut [Flow]) {
    let mut by_ends: BTreeMap<(IpAddr, u16, u16), Vec<&Socket>> = BTreeMap::new();
    for socket in sockets {
        let key = (socket.remote.ip.to_canonical(), socket.remote.port, socket.local_port);
        by_ends.entry(key).or_default().push(socket);
    }
    for flow in flows.iter_mut().filter(|flow| flow.capture == capture && flow.count == 1) {
        let (client, server) = (flow.key.client, flow.key.server);
        let found = by_ends.get(&(server.ip.to_canonical(), server.port, client.port)).into_iter().flatten();
        let during = |socket: &&&Socket| {
            let local =
                socket.local_ip.is_none_or(|ip| ip.is_unspecified() || ip.to_canonical() == client.ip.to_canonical());
            let timely = socket.at.is_none_or(|at| {
                at.0.saturating_add(CLOCKS) >= flow.first_seen.0 && at.0 <= flow.last_seen.0.saturating_add(CLOCKS)
            });
            local && timely
        };
        let found: Vec<&Socket> = found.filter(during).copied().collect();
        let only =
            |names: BTreeSet<&str>| if names.len() == 1 { names.first().map(|name| (*name).to_owned()) } else { None };
        let process = only(found.iter().filter_map(|socket| socket.process.as_deref()).collect());
        let sdk = only(found.iter().filter_map(|socket| socket.sdk.as_deref()).collect());
        let process = flow.app.take().or(process);
        flow.app = match (process, sdk) {
            (Some(process), Some(sdk)) if !process.contains(&*sdk) => Some(format!("{process}, by {sdk}")),
            (Some(process), _) => Some(process),
            (None, sdk) => sdk,
        };
    }
}
