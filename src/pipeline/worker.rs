//! One shard of the flows, from packets to evidence. Nothing is shared between shards but what is looked for.

use crate::exposure::{self, Roles};
use crate::message::driver::Surroundings;
use crate::model::account::Account;
use crate::model::budget;
use crate::model::evidence::Evidence;
use crate::model::flow::{Blind, BlindSpot, Fact, Flow};
use crate::model::frame::{Frame, LinkType};
use crate::model::message::Message;
use crate::model::opacity::{Opacity, OpacityTally};
use crate::model::origin::FrameNo;
use crate::model::protos::Protos;
use crate::model::secret::Secrets;
use crate::model::stream::{Chunk, Direction, FlowKey, Layer, StreamEvent, StreamMeta, Transport};
use crate::model::time::Timestamp;
use crate::packet;
use crate::pipeline::batch::Batch;
use crate::pipeline::ledger::Ledger;
use crate::pipeline::shape;
use crate::pipeline::store;
use crate::pipeline::talk::{self, Finds, Talk};
use crate::pipeline::told;
use crate::sighting;
use crate::stream::{FlowInfo, Listener, Reading, Table};
use std::collections::BTreeMap;

/// Shards, whatever the machine: their number decides which flows share a budget, and so the result.
pub(super) const SHARDS: usize = 4;

/// Link type of frames that begin with an IP header.
const RAW_IP: u32 = 101;

/// What every worker looks for and may use.
pub(super) struct Brief<'p> {
    /// The capture, as reports name it.
    pub(super) capture: &'p str,
    /// The auditor's secrets.
    pub(super) secrets: &'p Secrets,
    /// What detectors look for.
    pub(super) cx: sighting::Cx<'p>,
    /// What the fields of a dump's records are.
    pub(super) roles: &'p Roles,
    /// What the numbers in Protocol Buffers are called.
    pub(super) protos: Option<&'p Protos>,
    /// Its messages are held against those of other runs.
    pub(super) paired: bool,
}

/// One shard at work.
pub(super) struct Worker<'p> {
    table: Table<Shard<'p>>,
    shard: Shard<'p>,
    tunnels: BTreeMap<Through, Tunnel<'p>>,
    /// Packets of tunnels that were too many.
    unfollowed: u64,
}

/// Which tunnel: the flow that carries it, its first frame, and how many tunnels deep.
type Through = (FlowKey, FrameNo, usize);

/// The conversations inside a tunnel.
struct Tunnel<'p> {
    layers: Vec<Layer>,
    reader: packet::Reader,
    table: Table<Shard<'p>>,
}

/// What the flows of one shard share.
struct Shard<'p> {
    brief: &'p Brief<'p>,
    around: Surroundings<'p>,
    finds: Finds,
    ledger: Ledger,
    /// What the records of a dump expose, and where they are read.
    exposed: exposure::Ledger,
    desk: store::Desk<'p>,
    /// Flows of sources that know messages.
    told: BTreeMap<FlowKey, Flow>,
    /// The layers around the packets at hand: those of the tunnel they came through.
    layers: Vec<Layer>,
}

impl<'p> Worker<'p> {
    pub(super) fn new(brief: &'p Brief<'p>) -> Self {
        let around = Surroundings { secrets: brief.secrets, held: 0, allowed: budget::MESSAGE_TOTAL / SHARDS };
        let shard = Shard {
            brief,
            around,
            finds: Finds::default(),
            ledger: Ledger::of_shard(),
            exposed: exposure::Ledger::default(),
            desk: store::Desk::new(Some(brief.roles)),
            told: BTreeMap::new(),
            layers: Vec::new(),
        };
        Self { table: Table::new(), shard, tunnels: BTreeMap::new(), unfollowed: 0 }
    }

    /// Takes a batch of packets and messages, and leaves it to be used again.
    pub(super) fn take(&mut self, batch: &mut Batch) {
        for packet in batch.packets() {
            self.table.packet(&packet, &mut self.shard);
            if !self.shard.finds.carried.is_empty() {
                self.follow();
            }
        }
        for record in batch.records() {
            let Shard { brief, exposed, desk, finds, .. } = &mut self.shard;
            desk.read(brief, &record, exposed, finds);
        }
        for message in batch.messages.drain(..) {
            self.shard.message(message);
        }
        for account in batch.accounts.drain(..) {
            self.shard.account(account);
        }
        if !self.shard.finds.carried.is_empty() {
            self.follow();
        }
    }

    /// Follows what tunnels carried: packets again, behind the tunnel's layers.
    fn follow(&mut self) {
        while let Some(carried) = self.shard.finds.carried.pop_front() {
            let (flow, first) = carried.tunnel;
            let through = (flow, first, carried.layers.len());
            if !self.tunnels.contains_key(&through) && self.tunnels.len() >= budget::TUNNELS {
                self.unfollowed = self.unfollowed.saturating_add(1);
                continue;
            }
            let tunnel = self.tunnels.entry(through).or_insert_with(|| Tunnel {
                layers: carried.layers,
                reader: packet::Reader::new(),
                table: Table::new(),
            });
            let frame = Frame {
                number: carried.frame,
                at: carried.at,
                link: LinkType(RAW_IP),
                bytes: &carried.bytes,
                wire_len: u32::try_from(carried.bytes.len()).unwrap_or(u32::MAX),
                process: None,
            };
            self.shard.layers.clone_from(&tunnel.layers);
            tunnel.reader.frame(&frame, |packet| tunnel.table.packet(packet, &mut self.shard));
            self.shard.layers.clear();
        }
    }

    /// The capture has ended: everything unfinished is told as such.
    pub(super) fn finish(mut self) -> (Evidence, exposure::Ledger, store::Unread) {
        self.table.finish(&mut self.shard);
        self.follow();
        let mut tally = self.table.tally();
        // Tunnels that end may have held packets of others.
        while let Some((_, mut tunnel)) = self.tunnels.pop_first() {
            self.shard.layers.clone_from(&tunnel.layers);
            tunnel.reader.finish(|packet| tunnel.table.packet(packet, &mut self.shard));
            tunnel.table.finish(&mut self.shard);
            self.shard.layers.clear();
            let inside = tunnel.table.tally();
            tally.evicted = tally.evicted.saturating_add(inside.evicted);
            tally.empty = tally.empty.saturating_add(inside.empty);
            self.follow();
        }
        let Shard { mut finds, mut ledger, exposed, told, .. } = self.shard;
        for mut flow in told.into_values() {
            talk::end(&mut flow, &mut finds);
            shape::tell(&mut flow);
            ledger.add(flow);
        }
        let mut evidence = Evidence {
            evicted: tally.evicted,
            empty: tally.empty,
            flows: ledger.into_flows(),
            sightings: finds.sightings,
            sightings_dropped: finds.dropped,
            pool: finds.pool,
            samples: finds.samples,
            media_keys: finds.media_keys,
            aliases: finds.aliases,
            ..Evidence::default()
        };
        if self.unfollowed > 0 {
            evidence.notes.push(format!("{} packets were in tunnels that were too many to follow", self.unfollowed));
        }
        for (ip, name) in finds.names {
            evidence.add_name(ip, name);
        }
        (evidence, exposed, finds.unread)
    }
}

impl Shard<'_> {
    /// Takes a message from a source that knows messages: its frames are entries of that source.
    fn message(&mut self, message: Message) {
        let frame = message.parts.iter().find_map(|part| part.origins.first()).unwrap_or(1);
        let flow = told(&mut self.told, self.brief.capture, message.flow, frame, message.at);
        told::on_message(flow, message, frame, &mut self.around, self.brief, &mut self.finds);
    }

    /// Takes a conversation from a source that knows conversations.
    fn account(&mut self, account: Account) {
        let flow = told(&mut self.told, self.brief.capture, account.meta.flow, account.number, account.meta.at);
        told::on_account(flow, account, &mut self.around, self.brief, &mut self.finds);
    }
}

/// The flow that a source tells of.
fn told<'f>(
    flows: &'f mut BTreeMap<FlowKey, Flow>,
    capture: &str,
    key: FlowKey,
    frame: FrameNo,
    at: Timestamp,
) -> &'f mut Flow {
    flows.entry(key).or_insert_with(|| Flow::new(capture, key, frame, at))
}

impl Listener for Shard<'_> {
    type State = Box<Talk>;

    fn open(&mut self, mut meta: StreamMeta, info: &FlowInfo) -> Box<Talk> {
        meta.layers.clone_from(&self.layers);
        let flow = Flow::new(self.brief.capture, info.key, info.first_frame, info.first_at);
        Box::new(Talk::new(flow, meta))
    }

    fn event(&mut self, talk: &mut Box<Talk>, event: StreamEvent<'_>) {
        talk.on_event(event, &mut self.around, self.brief, &mut self.finds);
    }

    fn other(&mut self, talk: &mut Box<Talk>, reading: Reading, chunk: Chunk<'_>) {
        talk.other(reading, chunk, self.brief, &mut self.finds);
    }

    fn close(&mut self, talk: Box<Talk>, info: &FlowInfo) {
        let mut flow = talk.flow;
        talk::end(&mut flow, &mut self.finds);
        flow.last_frame = info.last_frame;
        flow.last_seen = info.last_at;
        flow.bytes = info.bytes;
        flow.trace.sequence = info.sequence;
        if info.conflicts > 0 {
            // Two readings of the same bytes: the receiver saw one of them, and nobody can say which.
            let detail = format!("{} overlapping segments with different content: both were searched", info.conflicts);
            let spot = BlindSpot { why: Blind::Ambiguous, direction: Direction::ToServer, detail, bytes: 0 };
            flow.add_blind(spot, budget::FLOW_BLIND);
        }
        if info.urgent > 0 {
            let detail = format!("{} segments with an urgent byte: searched with it and without", info.urgent);
            flow.add_fact(Fact { name: "tcp.urgent", value: detail, weakness: None });
        }
        if !self.layers.is_empty() {
            flow.opacity = OpacityTally::default();
            flow.opacity.add(Opacity::Encrypted, info.bytes.iter().sum());
        }
        if info.key.transport == Transport::Ip && flow.opacity.dominant() == Opacity::Unknown {
            flow.opacity.add(Opacity::Unknown, info.bytes.iter().sum());
        }
        shape::tell(&mut flow);
        self.ledger.add(flow);
    }
}
