//! Records of a dump on their way through the line: each is one message that somebody keeps.

use crate::field;
use crate::model::message::{Message, Part, PartKind};
use crate::model::origin::Origins;
use crate::model::packet::Endpoint;
use crate::model::record::Record;
use crate::model::stream::{Direction, FlowKey, Transport};
use crate::model::time::Timestamp;
use crate::pipeline::talk::Finds;
use crate::sighting;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Peels a record and looks for what was planted.
pub(super) fn read(dump: &str, record: &Record<'_>, cx: &sighting::Cx<'_>, finds: &mut Finds) {
    let message = message(record);
    let tree = field::walk(&message);
    if !tree.exhausted.is_empty() {
        finds.unread_records = finds.unread_records.saturating_add(1);
    }
    let scene = sighting::Scene { capture: dump, flow: None, flow_start: record.number };
    finds.take(sighting::detect(&tree, cx, &scene));
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
