//! The recursion: what is opened, in which order, and when to stop.

use crate::bytes::Match;
use crate::field::candidates::{Set, candidates_for, is_declared, is_opened, members};
use crate::field::continued::Continued;
use crate::field::decoder::DECODERS;
use crate::field::decoder::json::JSON;
use crate::field::fields::{Fields, Output, Place, Waiting, to_u32};
use crate::field::names::is_common;
use crate::field::shape::Shape;
use crate::field::stencil::Stencils;
use crate::field::text::is_text;
use crate::field::way::{Way, declared};
use crate::field::{Decoder, Given, Hint, Limits};
use crate::model::budget;
use crate::model::field::{Buffer, Kind, Node, NodeId, Step, Tree, View};
use crate::model::message::{Message, Part, PartKind};
use crate::model::origin::Origins;
use crate::model::packet::Endpoint;
use crate::model::protos::Protos;
use crate::model::stream::{Direction, FlowKey, Transport};
use crate::model::time::Timestamp;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

mod onward;

/// Peels everything that can be peeled from a message.
pub fn walk(message: &Message) -> Tree<'_> {
    walk_within(message, &Limits::default())
}

/// Peels everything that can be peeled from a message, its Protocol Buffers by these schemas.
pub fn walk_by<'m>(message: &'m Message, protos: Option<&Protos>) -> Tree<'m> {
    peel(message, &Limits::default(), given(message, protos), true, None, None)
}

/// Peels a message of a conversation of which earlier ones were peeled: compression may go on over several.
pub fn walk_on<'m>(message: &'m Message, protos: Option<&Protos>, continued: &mut Continued) -> Tree<'m> {
    let given = given(message, protos);
    peel(message, &Limits::default(), given, true, None, Some(continued))
}

/// The schemas that were given, and what they say of a message.
fn given<'g>(message: &Message, protos: Option<&'g Protos>) -> Option<Given<'g>> {
    protos.map(|protos| Given {
        protos,
        // A label ends with the path, or with the path and what of the exchange it is.
        root: message.label.split(' ').find_map(|word| protos.of_path(word, message.direction == Direction::ToServer)),
    })
}

/// Peels a record of a store: the structure of those that are built like one before is known.
pub fn walk_known<'m>(message: &'m Message, stencils: &mut Stencils) -> Tree<'m> {
    peel(message, &Limits::default(), None, true, Some(stencils), None)
}

/// Peels a message without any shortcut: every decoder is asked about every field.
#[cfg(test)]
pub(super) fn walk_plainly(message: &Message) -> Tree<'_> {
    peel(message, &Limits::default(), None, false, None, None)
}

/// Peels what can be peeled from a message within `limits`.
pub fn walk_within<'m>(message: &'m Message, limits: &Limits) -> Tree<'m> {
    peel(message, limits, None, true, None, None)
}

/// Nodes for which room is kept from one message to the next.
const SPARED: usize = 1_024;

thread_local! {
    /// Room for nodes to open.
    static SPARE: Cell<Vec<Waiting>> = const { Cell::new(Vec::new()) };
}

fn peel<'m>(
    message: &'m Message,
    limits: &Limits,
    given: Option<Given<'_>>,
    shortcuts: bool,
    mut stencils: Option<&mut Stencils>,
    mut continued: Option<&mut Continued>,
) -> Tree<'m> {
    let misses_pieces = continued.as_deref_mut().is_some_and(|continued| continued.misses_pieces(message));
    if let Some(continued) = continued.as_deref_mut().filter(|_| !message.whole) {
        continued.lose(message);
    }
    let mut tree = Tree::new(message);
    tree.nodes = stencils.as_deref_mut().map(Stencils::room).unwrap_or_default();
    let mut walk = Walk {
        shortcuts,
        stencils,
        continued,
        misses_pieces,
        given,
        tree,
        way: Way::default(),
        out: Output { queue: SPARE.take(), ..Output::default() },
        typed: BTreeMap::new(),
        spent: 0,
        guessed: 0,
        rests: 0,
        limits: *limits,
    };
    walk.tree.nodes.reserve(32);
    for (index, part) in message.parts.iter().enumerate() {
        walk.part(to_u32(index), part);
    }
    // Breadth first: what is near the surface is seen even when a budget bites deep down.
    let mut next = 0;
    while let Some(waiting) = walk.out.queue.get(next).copied() {
        next += 1;
        walk.open(waiting);
    }
    let mut queue = walk.out.queue;
    if queue.capacity() <= SPARED {
        queue.clear();
        SPARE.set(queue);
    }
    walk.tree
}

/// A message whose body is `bytes` and nothing else, all carried by frame 1: for tests and examples.
pub fn message_of(bytes: impl Into<Vec<u8>>, content_type: Option<&str>) -> Message {
    let bytes = bytes.into();
    let origins = Origins::one(bytes.len(), 1);
    let mut part = Part::new(PartKind::Body, bytes, origins);
    part.content_type = content_type.map(str::to_ascii_lowercase);
    message_of_parts(vec![part])
}

/// A message of these parts, to nobody in particular: for tests and examples.
pub fn message_of_parts(parts: Vec<Part>) -> Message {
    let end = |last: u8, port| Endpoint { ip: IpAddr::from([127, 0, 0, last]), port };
    Message {
        flow: FlowKey { transport: Transport::Tcp, client: end(1, 40_000), server: end(2, 80) },
        layers: Arc::from([]),
        protocol: "raw",
        label: "message".to_owned(),
        direction: Direction::ToServer,
        at: Timestamp::default(),
        host: None,
        whole: parts.iter().all(|part| part.whole),
        parts,
    }
}

/// Peels `bytes` as a message body and hands the tree to `look`: for tests and examples.
pub fn walk_bytes<R>(bytes: impl Into<Vec<u8>>, content_type: Option<&str>, look: impl FnOnce(&Tree<'_>) -> R) -> R {
    let message = message_of(bytes, content_type);
    look(&walk(&message))
}

/// The peeling of one message under way.
struct Walk<'m, 'g> {
    /// What led to the node at hand.
    way: Way<'m>,
    /// Structures that are known, for records.
    stencils: Option<&'g mut Stencils>,
    /// Compressed streams that go on over several messages.
    continued: Option<&'g mut Continued>,
    /// It is a later piece of an upload whose pieces before it are not all there.
    misses_pieces: bool,
    /// Decoders that need a declaration are asked only where there may be one, and shapes are taken from whoever knows them.
    shortcuts: bool,
    given: Option<Given<'g>>,
    tree: Tree<'m>,
    /// Nodes to open, in order, and what else a decoder puts out.
    out: Output,
    /// Media types declared inside the message.
    typed: BTreeMap<NodeId, String>,
    /// Decoded bytes kept.
    spent: usize,
    /// Decoded bytes put out, kept or not.
    guessed: usize,
    /// Fields made of what decoders left over.
    rests: usize,
    limits: Limits,
}

/// Bytes from the first to the last that a decoder left over, beside filling, which say nothing if they are fewer.
const FEWEST_LEFT: usize = 8;

/// Whether one run of bytes came out that counts only if something opens it, and nothing does.
fn is_dead_end(output: &Output, queued: usize, nodes: &[Node], inside: &Hint<'_>) -> bool {
    if !output.tentative || output.fits {
        return false;
    }
    let ([buffer], Some([waiting])) = (output.buffers.as_slice(), output.queue.get(queued..)) else { return false };
    let Some(node) = nodes.get(waiting.node as usize).filter(|_| output.exhausted.is_empty()) else { return false };
    let Some(bytes) = buffer.bytes.get(node.start as usize..node.end as usize) else { return false };
    let hint =
        Hint { content_type: inside.content_type.filter(|_| node.fresh), whole: inside.whole && node.whole, ..*inside };
    !is_opened(&hint, bytes)
}

impl<'m> Walk<'m, '_> {
    fn part(&mut self, index: u32, part: &'m Part) {
        let buffer = to_u32(self.tree.buffers.len());
        let mut at = to_u32(self.tree.nodes.len());
        self.tree.buffers.push(Buffer { bytes: Cow::Borrowed(&part.bytes), from: None, part: index });
        self.tree.nodes.push(Node {
            parent: None,
            step: Step::Part(index),
            buffer,
            start: 0,
            end: to_u32(part.bytes.len()),
            fresh: true,
            leaf: true,
            whole: part.whole,
            kind: Kind::Bytes,
            shape: Shape::ANY,
        });
        // The coding applied last comes off first.
        for coding in part.encodings.iter().rev() {
            let coding = coding.trim().to_ascii_lowercase();
            let Some(decoder) = DECODERS.iter().find(|decoder| decoder.codings.contains(&coding.as_str())) else {
                continue;
            };
            let Some(opened) = self.attempt(at, decoder, Some(&coding)) else { break };
            at = opened;
        }
        // A decoder queued what it put out itself.
        if part.encodings.is_empty() || !self.out.queue.iter().any(|waiting| waiting.node == at) {
            self.out.queue.push(Waiting { node: at, known: None, declared: true });
        }
        if part.kind == PartKind::Header && !is_common(&part.name) {
            self.name(index, part);
        }
    }

    /// What a header is called is the sender's choice like its value.
    fn name(&mut self, index: u32, part: &'m Part) {
        let (buffer, node) = (to_u32(self.tree.buffers.len()), to_u32(self.tree.nodes.len()));
        self.tree.buffers.push(Buffer { bytes: Cow::Borrowed(part.name.as_bytes()), from: None, part: index });
        self.tree.nodes.push(Node {
            parent: None,
            step: Step::Part(index),
            buffer,
            start: 0,
            end: to_u32(part.name.len()),
            fresh: true,
            leaf: true,
            whole: true,
            kind: Kind::Text,
            shape: Shape::ANY,
        });
        self.out.queue.push(Waiting { node, known: None, declared: false });
    }

    /// Opens a node with whatever fits it best; the decoder's node, if any does.
    fn open(&mut self, waiting: Waiting) -> Option<NodeId> {
        let id = waiting.node;
        let node = self.tree.node(id)?;
        if !node.leaf || !matches!(node.kind, Kind::Bytes | Kind::Text) {
            return None;
        }
        if id == 0
            && let Some(opened) = self.lay()
        {
            return Some(opened);
        }
        if let Some(opened) = self.go_on(id, false) {
            return Some(opened);
        }
        let node = self.tree.node(id)?;
        let bytes = self.tree.bytes(node);
        let Tree { message, nodes, buffers, .. } = &self.tree;
        self.way.lead(id, message, nodes);
        let hint = self.way.hint(buffers, declared(id, message, nodes, &self.typed), self.given);
        let set = waiting.known.filter(|_| self.shortcuts).unwrap_or_else(|| {
            let shape = Shape::of(bytes).of_text(bytes);
            let asked = waiting.declared && (is_declared(&hint) || !matches!(node.step, Step::Open(_)));
            candidates_for(shape, bytes.len(), asked || !self.shortcuts)
        });
        if set == 0 {
            return self.go_on(id, true);
        }
        let (mut certain, mut maybe): (Set, Set) = (0, 0);
        for (index, decoder) in members(set) {
            if bytes.len() >= decoder.filter.min {
                match (decoder.fits)(&hint, bytes) {
                    Match::Certain => certain |= index,
                    Match::Maybe => maybe |= index,
                    Match::No | Match::NeedMore => {}
                }
            }
        }
        // Of two that fit equally well, the first of the registry comes first.
        let guesses = members(certain).chain(members(maybe));
        let opened = guesses.into_iter().find_map(|(_, decoder)| self.attempt(id, decoder, None));
        if id == 0
            && opened.is_some()
            && let Some(stencils) = &mut self.stencils
        {
            stencils.learn(&self.tree);
        }
        opened.or_else(|| self.go_on(id, true))
    }

    /// Lays a known structure over a record, if it has one.
    fn lay(&mut self) -> Option<NodeId> {
        let stencils = self.stencils.as_deref_mut()?;
        let Tree { nodes, buffers, .. } = &mut self.tree;
        let node = nodes.first().filter(|node| node.whole)?;
        let input = node.view();
        let buffer = buffers.first()?;
        let queued = self.out.queue.len();
        let mut fields = Fields::new(Place {
            nodes,
            input,
            input_node: 0,
            first_buffer: 1,
            part: 0,
            room: 0,
            max_nodes: self.limits.fields,
            name: JSON.name,
            all: !self.shortcuts,
            out: &mut self.out,
            inside: None,
        });
        let laid = stencils.lay(&buffer.bytes, &mut fields);
        fields.finish();
        let Some((pattern, count)) = laid else {
            self.tree.nodes.truncate(1);
            self.out.clear(queued);
            return None;
        };
        self.keep(0);
        self.tree.pattern = Some((pattern, count.saturating_add(2)));
        Some(1)
    }

    /// Tries one decoder on a node; its node, if it succeeds. If it does not, nothing is left behind.
    fn attempt(&mut self, id: NodeId, decoder: &Decoder, coding: Option<&str>) -> Option<NodeId> {
        let input = self.tree.node(id)?.view();
        let shortcuts = self.shortcuts && !self.goes_on();
        let Tree { message, nodes, buffers, .. } = &mut self.tree;
        let first_buffer = to_u32(buffers.len());
        let before = (nodes.len(), buffers.len(), self.out.queue.len(), self.spent);
        self.way.lead(id, message, nodes);
        let over = if self.way.within.len() >= self.limits.depth {
            Some("depth")
        } else if decoder.layer && self.way.layers >= self.limits.layers {
            Some("layers")
        } else if nodes.len() >= self.limits.fields {
            Some("fields")
        } else if self.spent >= self.limits.decoded || self.guessed >= self.limits.guessed {
            Some("decoded bytes")
        } else {
            None
        };
        if let Some(budget) = over {
            self.exhausted(budget);
            return None;
        }
        let buffer = buffers.get(input.buffer as usize)?;
        let bytes = buffer.bytes.get(input.start as usize..input.end as usize)?;
        self.way.within.push(decoder.name);
        let content_type = declared(id, message, nodes, &self.typed);
        let inside = Hint { part: None, ..self.way.hint(buffers, content_type, self.given) };
        let (_, within) = inside.within.split_last().unwrap_or((&"", &[]));
        let hint = Hint { part: self.way.part, encoding: coding, within, ..inside };
        let mut fields = Fields::new(Place {
            nodes,
            input,
            input_node: id,
            first_buffer,
            part: buffer.part,
            room: self.limits.decoded.saturating_sub(self.spent),
            max_nodes: self.limits.fields,
            name: decoder.name,
            all: !self.shortcuts,
            out: &mut self.out,
            inside: shortcuts.then_some(&inside),
        });
        let opened = (decoder.open)(bytes, &hint, &mut fields).is_ok() && !fields.is_empty();
        fields.finish();
        let output = &self.out;
        self.guessed = self.guessed.saturating_add(output.spent);
        let kept = opened && !(shortcuts && is_dead_end(output, before.2, nodes, &inside));
        self.way.within.pop();
        if !kept {
            self.tree.nodes.truncate(before.0);
            self.out.clear(before.2);
            return None;
        }
        let node = to_u32(before.0);
        let (tentative, ends) = (output.tentative, output.ends);
        self.keep(id);
        if tentative && !self.opens_any(node, before.2) {
            self.tree.nodes.truncate(before.0);
            self.tree.buffers.truncate(before.1);
            self.out.queue.truncate(before.2);
            self.spent = before.3;
            self.typed.retain(|id, _| *id < node);
            self.tree.severed.retain(|id| *id < node);
            self.way.forget(node);
            if let Some(input) = self.tree.nodes.get_mut(id as usize) {
                input.leaf = true;
            }
            return None;
        }
        // What ends before its input does goes on nowhere.
        if !ends.is_some_and(|ends| self.rest(id, input, ends)) {
            self.begin(id, node, decoder.name);
        }
        Some(node)
    }

    /// Makes a field of what a decoder left over of a node, behind what it read: it is read, searched and weighed like any.
    /// Whether there is anything.
    fn rest(&mut self, id: NodeId, input: View, ends: u32) -> bool {
        let start = input.start.saturating_add(ends);
        let buffer = self.tree.buffers.get(input.buffer as usize);
        let Some(bytes) = buffer.and_then(|buffer| buffer.bytes.get(start as usize..input.end as usize)) else {
            return false;
        };
        // Blocks are filled up, and lines end.
        let is_filling = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
        let Some(first) = bytes.iter().position(|byte| !is_filling(byte)) else { return false };
        let last = bytes.iter().rposition(|byte| !is_filling(byte)).unwrap_or(first);
        if last.saturating_sub(first) < FEWEST_LEFT {
            return false;
        }
        if self.tree.nodes.len() >= self.limits.fields {
            self.exhausted("fields");
            return true;
        }
        let kind = if is_text(bytes) { Kind::Text } else { Kind::Bytes };
        let node = to_u32(self.tree.nodes.len());
        self.tree.nodes.push(Node {
            parent: Some(id),
            step: Step::Name("rest"),
            buffer: input.buffer,
            start,
            end: input.end,
            fresh: false,
            leaf: true,
            whole: true,
            kind,
            shape: Shape::ANY,
        });
        // Each may leave over most of what it is asked about.
        if self.rests >= budget::RESTS {
            self.exhausted("rests");
            return true;
        }
        self.rests = self.rests.saturating_add(1);
        self.out.queue.push(Waiting { node, known: None, declared: false });
        true
    }

    /// Opens what a decoder put out that counts only if something opens it: its own node, or the fields that wait behind
    /// the first `queued`. Whether any was opened.
    fn opens_any(&mut self, node: NodeId, queued: usize) -> bool {
        if self.tree.node(node).is_some_and(|node| node.leaf) {
            return self.open(Waiting { node, known: None, declared: true }).is_some();
        }
        let mut any = false;
        for at in queued..self.out.queue.len() {
            let Some(waiting) = self.out.queue.get(at).copied() else { break };
            any |= self.open(waiting).is_some();
        }
        any
    }

    fn keep(&mut self, id: NodeId) {
        if let Some(input) = self.tree.nodes.get_mut(id as usize) {
            input.leaf = false;
        }
        for buffer in self.out.buffers.drain(..) {
            self.tree.buffers.push(buffer);
        }
        if !self.out.typed.is_empty() {
            self.typed.extend(self.out.typed.drain(..));
        }
        self.spent = self.spent.saturating_add(self.out.spent);
        for budget in std::mem::take(&mut self.out.exhausted) {
            self.exhausted(budget);
        }
        self.out.clear(usize::MAX);
    }

    fn exhausted(&mut self, budget: &'static str) {
        if !self.tree.exhausted.contains(&budget) {
            self.tree.exhausted.push(budget);
        }
    }
}
