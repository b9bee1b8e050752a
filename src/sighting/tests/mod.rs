//! Tests over the whole room.

mod cards;
pub(super) mod honest;
mod keys;
mod listed;
mod pencil;
pub(super) mod runs;

use super::{Cx, Detected, Matcher, Scene, detect};
use crate::model::field::{Buffer, Kind, Node, Step, Tree};
use crate::model::message::{Message, Part, PartKind};
use crate::model::origin::Origins;
use crate::model::packet::Endpoint;
use crate::model::scenario::Planted;
use crate::model::shape::Shape;
use crate::model::stream::{Direction, FlowKey, Transport};
use crate::model::taxonomy::Data;
use crate::model::time::Timestamp;
use std::borrow::Cow;

/// A message with one body.
pub(super) fn message(body: &[u8]) -> Message {
    let end = Endpoint { ip: [127, 0, 0, 1].into(), port: 80 };
    Message {
        flow: FlowKey { transport: Transport::Tcp, client: end, server: end },
        layers: Vec::new().into(),
        protocol: "http1",
        label: "POST api.example/v1".into(),
        direction: Direction::ToServer,
        at: Timestamp(7),
        host: Some("api.example".into()),
        parts: vec![Part::new(PartKind::Body, body.to_vec(), Origins::one(body.len(), 3))],
        whole: true,
    }
}

/// All of it in one field.
pub(super) fn flat(message: &Message) -> Tree<'_> {
    let bytes = message.parts[0].bytes.as_slice();
    let mut tree = Tree::new(message);
    tree.nodes.push(Node {
        parent: None,
        step: Step::Part(0),
        buffer: 0,
        start: 0,
        end: u32::try_from(bytes.len()).unwrap(),
        fresh: true,
        leaf: true,
        whole: true,
        kind: Kind::Bytes,
        shape: Shape::ANY,
    });
    tree.buffers.push(Buffer { bytes: Cow::Borrowed(bytes), from: None, part: 0 });
    tree
}

/// Each line of it a field, as in an array; what is no text is one.
pub(super) fn lines(message: &Message) -> Tree<'_> {
    let mut tree = flat(message);
    let bytes = message.parts[0].bytes.as_slice();
    if !bytes.contains(&b'\n') || std::str::from_utf8(bytes).is_err() {
        return tree;
    }
    let mut start = 0;
    let to_u32 = |offset: usize| u32::try_from(offset).unwrap();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let end = start + line.len();
        let (step, parent) = (Step::Index(to_u32(index)), Some(0));
        tree.nodes.push(Node {
            parent,
            step,
            start: to_u32(start),
            end: to_u32(end),
            fresh: false,
            ..tree.nodes[0].clone()
        });
        start = end + 1;
    }
    (tree.nodes[0].leaf, tree.nodes[0].kind) = (false, Kind::Container);
    tree
}

/// Values with their data names.
pub(super) fn plant(values: &[(&str, &str)]) -> Vec<Planted> {
    values
        .iter()
        .map(|(data, value)| Planted {
            id: (*data).into(),
            data: Data::from_name(data).unwrap(),
            value: (*value).into(),
        })
        .collect()
}

/// What is seen in a body.
pub(super) fn see(body: &[u8], planted: &[Planted]) -> Detected {
    let matcher = Matcher::new(planted);
    let message = message(body);
    let scene = Scene { capture: "c", flow: Some(message.flow), flow_start: 1 };
    detect(&flat(&message), &Cx::new(planted, &matcher), &scene)
}

#[test]
fn a_sighting_says_where_it_was_made() {
    let planted = plant(&[("messages", "The heron lands at dusk")]);
    let seen = see("é say: the heron lands at dusk. ok".as_bytes(), &planted);
    let [sighting] = seen.sightings.as_slice() else { panic!("{seen:?}") };
    assert_eq!(sighting.place.frames, [3]);
    assert_eq!(sighting.place.bytes, (8, 31));
    assert_eq!(sighting.place.trail, ["http1", "POST api.example/v1"]);
    assert_eq!(sighting.excerpt.before.reveal(), "é say: ");
    assert_eq!(sighting.excerpt.found.reveal(), "the heron lands at dusk");
    assert_eq!(sighting.excerpt.after.reveal(), ". ok");
    assert_eq!(
        sighting.reason,
        "The planted message text \"messages\" was readable as typed in \"POST api.example/v1\"."
    );
}

#[test]
fn each_occurrence_is_its_own_and_what_is_too_much_is_counted() {
    let planted = plant(&[("messages", "The heron lands at dusk")]);
    let body = "The heron lands at dusk;".repeat(1_500);
    let seen = see(body.as_bytes(), &planted);
    assert_eq!((seen.sightings.len(), seen.dropped), (1_000, 500));
}
