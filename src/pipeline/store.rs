//! Records of a dump on their way through the line: each is one message that somebody keeps.

use crate::exposure::{self, Ledger};
use crate::field;
use crate::model::field::Tree;
use crate::model::message::{Message, Part, PartKind};
use crate::model::origin::Origins;
use crate::model::packet::Endpoint;
use crate::model::record::Record;
use crate::model::sighting::Strength;
use crate::model::stream::{Direction, FlowKey, Transport};
use crate::model::time::Timestamp;
use crate::pipeline::talk::Finds;
use crate::pipeline::worker::Brief;
use crate::sighting::{self, Hit};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Peels a record and looks for what was planted.
pub(super) fn read(brief: &Brief<'_>, record: &Record<'_>, ledger: &mut Ledger, finds: &mut Finds) {
    let dump = brief.capture;
    let message = message(record);
    let tree = field::walk(&message);
    if !tree.exhausted.is_empty() {
        finds.unread_records = finds.unread_records.saturating_add(1);
    }
    let scene = sighting::Scene { capture: dump, flow: None, flow_start: record.number };
    let shown = ledger.take(&exposure::leaves(&tree), brief.roles, dump, record.line);
    let hits = shown.iter().filter_map(|shown| hit(&tree, shown)).collect();
    let found = sighting::detect_beside(&tree, &brief.cx, &scene, hits, &|data| finds.wants(data));
    finds.take(found);
}

/// Looks at a record of the sample that roles are learned from.
pub(super) fn learn(record: &Record<'_>, learner: &mut exposure::Learner) {
    let message = message(record);
    learner.look(&exposure::leaves(&field::walk(&message)));
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

/// A record as a message: nobody's flow, on its way to the store, its line where a message has frames.
fn message(record: &Record<'_>) -> Message {
    let nowhere = Endpoint { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 0 };
    let origins = Origins::one(record.bytes.len(), record.line);
    let mut part = Part::new(PartKind::Body, record.bytes.to_vec(), origins);
    part.whole = record.whole;
    Message {
        flow: FlowKey { transport: Transport::Tcp, client: nowhere, server: nowhere },
        layers: Arc::from([]),
        protocol: "dump",
        label: "record".to_owned(),
        direction: Direction::ToServer,
        at: Timestamp::default(),
        host: None,
        parts: vec![part],
        whole: record.whole,
    }
}
