//! One shard of the flows, from packets to evidence. Nothing is shared between shards but what is looked for.

use crate::exposure::{self, Roles};
use crate::message::driver::Surroundings;
use crate::model::budget;
use crate::model::evidence::Evidence;
use crate::model::flow::{Blind, BlindSpot, Flow};
use crate::model::message::Message;
use crate::model::opacity::Opacity;
use crate::model::secret::Secrets;
use crate::model::stream::{Direction, FlowKey, StreamEvent, StreamMeta, Transport};
use crate::pipeline::batch::Batch;
use crate::pipeline::ledger::Ledger;
use crate::pipeline::store;
use crate::pipeline::talk::{self, Finds, Talk};
use crate::sighting;
use crate::stream::{FlowInfo, Listener, Table};
use std::collections::BTreeMap;

/// Shards, whatever the machine: their number decides which flows share a budget, and so the result.
pub(super) const SHARDS: usize = 4;

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
}

/// One shard at work.
pub(super) struct Worker<'p> {
    table: Table<Shard<'p>>,
    shard: Shard<'p>,
}

/// What the flows of one shard share.
struct Shard<'p> {
    brief: &'p Brief<'p>,
    around: Surroundings<'p>,
    finds: Finds,
    ledger: Ledger,
    /// What the records of a dump expose.
    exposed: exposure::Ledger,
    /// Flows of sources that know messages.
    told: BTreeMap<FlowKey, Flow>,
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
            told: BTreeMap::new(),
        };
        Self { table: Table::new(), shard }
    }

    /// Takes a batch of packets and messages, and leaves it to be used again.
    pub(super) fn take(&mut self, batch: &mut Batch) {
        for packet in batch.packets() {
            self.table.packet(&packet, &mut self.shard);
        }
        for record in batch.records() {
            let Shard { brief, exposed, finds, .. } = &mut self.shard;
            store::read(brief, &record, exposed, finds);
        }
        for message in batch.messages.drain(..) {
            self.shard.message(&message);
        }
    }

    /// The capture has ended: everything unfinished is told as such.
    pub(super) fn finish(mut self) -> (Evidence, exposure::Ledger) {
        self.table.finish(&mut self.shard);
        let tally = self.table.tally();
        let Shard { finds, mut ledger, exposed, told, .. } = self.shard;
        for flow in told.into_values() {
            ledger.add(flow);
        }
        let mut evidence = Evidence {
            evicted: tally.evicted,
            empty: tally.empty,
            flows: ledger.into_flows(),
            sightings: finds.sightings,
            unread_records: finds.unread_records,
            sightings_dropped: finds.dropped,
            pool: finds.pool,
            ..Evidence::default()
        };
        for (ip, name) in finds.names {
            evidence.add_name(ip, name);
        }
        (evidence, exposed)
    }
}

impl Shard<'_> {
    /// Takes a message from a source that knows messages: its frames are entries of that source.
    fn message(&mut self, message: &Message) {
        let frame = message.parts.iter().find_map(|part| part.origins.first()).unwrap_or(1);
        let flow = self
            .told
            .entry(message.flow)
            .or_insert_with(|| Flow::new(self.brief.capture, message.flow, frame, message.at));
        talk::on_message(flow, message, frame, &self.brief.cx, &mut self.finds);
    }
}

impl Listener for Shard<'_> {
    type State = Box<Talk>;

    fn open(&mut self, meta: StreamMeta, info: &FlowInfo) -> Box<Talk> {
        let flow = Flow::new(self.brief.capture, info.key, info.first_frame, info.first_at);
        Box::new(Talk::new(flow, meta))
    }

    fn event(&mut self, talk: &mut Box<Talk>, event: StreamEvent<'_>) {
        talk.on_event(event, &mut self.around, &self.brief.cx, &mut self.finds);
    }

    fn close(&mut self, talk: Box<Talk>, info: &FlowInfo) {
        let mut flow = talk.flow;
        flow.last_frame = info.last_frame;
        flow.last_seen = info.last_at;
        flow.bytes = info.bytes;
        if info.conflicts > 0 {
            // Two readings of the same bytes: the receiver saw one of them, and nobody can say which.
            let detail = format!("{} overlapping segments with different content", info.conflicts);
            let spot = BlindSpot { why: Blind::Lost, direction: Direction::ToServer, detail, bytes: 0 };
            flow.add_blind(spot, budget::FLOW_BLIND);
        }
        if info.key.transport == Transport::Ip && flow.opacity.dominant() == Opacity::Unknown {
            flow.opacity.add(Opacity::Unknown, info.bytes.iter().sum());
        }
        self.ledger.add(flow);
    }
}
