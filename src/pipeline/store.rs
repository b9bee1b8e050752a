//! Records of a dump on their way through the line: each is one message that somebody keeps.

use crate::exposure::{self, Ledger, Roles, Ways};
use crate::field;
use crate::model::door::{Door, OPEN_STORE, State};
use crate::model::field::Tree;
use crate::model::message::{Message, Part, PartKind};
use crate::model::origin::Origins;
use crate::model::packet::Endpoint;
use crate::model::record::Record;
use crate::model::scenario::{Audience, Party};
use crate::model::sighting::{Excerpt, Masked, Place, Sighting, Strength};
use crate::model::stream::{Direction, FlowKey, Transport};
use crate::model::taxonomy::Data;
use crate::model::time::Timestamp;
use crate::pipeline::talk::Finds;
use crate::pipeline::worker::Brief;
use crate::sighting::{self, Hit};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Where records are read, one after the other.
pub(super) struct Desk<'r> {
    message: Message,
    ways: Ways<'r>,
}

impl<'r> Desk<'r> {
    /// For records of whose fields `roles` are known; without roles to learn from.
    pub(super) fn new(roles: Option<&'r Roles>) -> Self {
        let nowhere = Endpoint { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 0 };
        let message = Message {
            flow: FlowKey { transport: Transport::Tcp, client: nowhere, server: nowhere },
            layers: Arc::from([]),
            protocol: "dump",
            label: "record".to_owned(),
            direction: Direction::ToServer,
            at: Timestamp::default(),
            host: None,
            parts: vec![Part::new(PartKind::Body, Vec::new(), Origins::new())],
            whole: true,
        };
        Self { message, ways: Ways::new(roles) }
    }

    /// Peels a record and looks for what was planted.
    pub(super) fn read(&mut self, brief: &Brief<'_>, record: &Record<'_>, ledger: &mut Ledger, finds: &mut Finds) {
        let dump = brief.capture;
        self.lay(record);
        let tree = field::walk(&self.message);
        if !tree.exhausted.is_empty() {
            finds.unread_records = finds.unread_records.saturating_add(1);
        }
        let scene = sighting::Scene { capture: dump, flow: None, flow_start: record.number };
        let shown = ledger.take(&self.ways.leaves(&tree), dump, record.line);
        let wanted = shown.iter().filter(|shown| shown.conclusive || finds.wants(shown.data));
        let hits = wanted.filter_map(|shown| hit(&tree, shown)).collect();
        let found = sighting::detect_beside(&tree, &brief.cx, &scene, hits, &|data| finds.wants(data));
        finds.take(found);
    }

    /// Looks at a record of the sample that roles are learned from.
    pub(super) fn learn(&mut self, record: &Record<'_>, learner: &mut exposure::Learner) {
        self.lay(record);
        learner.look(&self.ways.leaves(&field::walk(&self.message)));
    }

    /// Makes the message of a record: nobody's flow, on its way to the store, its line where a message has frames.
    fn lay(&mut self, record: &Record<'_>) {
        self.message.whole = record.whole;
        for part in &mut self.message.parts {
            part.bytes.clear();
            part.bytes.extend_from_slice(record.bytes);
            part.origins = Origins::one(record.bytes.len(), record.line);
            part.whole = record.whole;
        }
    }
}

/// What counting saw in a record, as a find.
fn hit(tree: &Tree<'_>, shown: &exposure::Shown) -> Option<Hit> {
    let node = tree.node(shown.node)?;
    Some(Hit {
        detector: shown.detector,
        data: shown.data,
        planted: None,
        form: Cow::Borrowed("record"),
        strength: Strength::Value,
        buffer: node.buffer,
        start: node.start as usize,
        end: node.end as usize,
        node: Some(shown.node),
        reason: Cow::Borrowed(shown.reason),
        conclusive: shown.conclusive,
    })
}

/// What an open door shows: that anybody can get in.
pub(super) fn at_the_door(door: &Door, file: &str, number: u64) -> Option<Sighting> {
    if door.state != State::Open {
        return None;
    }
    let host = if door.host.contains(':') { format!("[{}]", door.host) } else { door.host.clone() };
    let version = door.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let records = door.holds.iter().filter_map(|held| held.records).fold(0_u64, u64::saturating_add);
    let holds = match (door.holds.len(), records) {
        (0, _) => String::new(),
        (1, 0) => ", and named what it holds".to_owned(),
        (names, 0) => format!(", and named {names} things that it holds"),
        (_, records) => format!(", and said that it holds {records} records"),
    };
    let reason = format!("{}{version} at {host}:{} answered without credentials{holds}.", door.service, door.port);
    let names: Vec<&str> = door.holds.iter().take(20).map(|held| held.name.as_str()).collect();
    Some(Sighting {
        detector: OPEN_STORE,
        data: Data::Any,
        planted: None,
        form: "answer".to_owned(),
        strength: Strength::Value,
        place: Place {
            capture: file.to_owned(),
            flow: None,
            flow_start: number,
            direction: Direction::ToClient,
            at: Timestamp::default(),
            authority: Some(door.host.clone()),
            secured: false,
            frames: vec![number],
            bytes: (0, 0),
            trail: vec!["door".to_owned(), format!("{} {host}:{}", door.service, door.port)],
        },
        excerpt: Excerpt { found: Masked::new(names.join(", ")), ..Excerpt::default() },
        reason,
        conclusive: true,
        party: Party::Provider,
        audiences: vec![Audience::Public],
    })
}
