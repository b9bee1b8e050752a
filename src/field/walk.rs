//! The recursion: what is opened, in which order, and when to stop.

use crate::bytes::Match;
use crate::field::decoder::DECODERS;
use crate::field::decoder::json::JSON;
use crate::field::fields::{Fields, Output, Place, Waiting, to_u32};
use crate::field::shape::Shape;
use crate::field::stencil::Stencils;
use crate::field::{Decoder, Given, Hint, Limits, Name};
use crate::model::field::{Buffer, Kind, Node, NodeId, Step, Tree, View};
use crate::model::message::{Message, Part, PartKind};
use crate::model::origin::Origins;
use crate::model::packet::Endpoint;
use crate::model::protos::Protos;
use crate::model::stream::{Direction, FlowKey, Transport};
use crate::model::time::Timestamp;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Peels everything that can be peeled from a message.
pub fn walk(message: &Message) -> Tree<'_> {
    walk_within(message, &Limits::default())
}

/// Peels everything that can be peeled from a message, its Protocol Buffers by these schemas.
pub fn walk_by<'m>(message: &'m Message, protos: Option<&Protos>) -> Tree<'m> {
    let given = protos.map(|protos| Given {
        protos,
        // A label ends with the path, or with the path and what of the exchange it is.
        root: message.label.split(' ').find_map(|word| protos.of_path(word, message.direction == Direction::ToServer)),
    });
    peel(message, &Limits::default(), given, true, None)
}

/// Peels a record of a store: the structure of those that are built like one before is known.
pub fn walk_known<'m>(message: &'m Message, stencils: &mut Stencils) -> Tree<'m> {
    peel(message, &Limits::default(), None, true, Some(stencils))
}

/// Peels a message without any shortcut: every decoder is asked about every field.
#[cfg(test)]
pub(super) fn walk_plainly(message: &Message) -> Tree<'_> {
    peel(message, &Limits::default(), None, false, None)
}

/// Peels what can be peeled from a message within `limits`.
pub fn walk_within<'m>(message: &'m Message, limits: &Limits) -> Tree<'m> {
    peel(message, limits, None, true, None)
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
) -> Tree<'m> {
    let mut tree = Tree::new(message);
    tree.nodes = stencils.as_deref_mut().map(Stencils::room).unwrap_or_default();
    let mut walk = Walk {
        shortcuts,
        stencils,
        given,
        tree,
        way: Way::default(),
        out: Output { queue: SPARE.take(), ..Output::default() },
        typed: BTreeMap::new(),
        spent: 0,
        guessed: 0,
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

/// A set of decoders, by their indexes.
type Set = u64;

const _: () = assert!(DECODERS.len() <= Set::BITS as usize, "a set holds every decoder");

/// The decoders that bytes of a shape may pass the filter of, in the registry's order; where nothing is `declared`, those
/// of them that go without.
#[cfg(test)]
pub(super) fn candidates(shape: Shape, declared: bool) -> impl Iterator<Item = &'static Decoder> {
    members(candidate_set(shape, declared)).map(|(_, decoder)| decoder)
}

/// Whether some decoder may open `len` bytes of text of a shape of which nothing is declared.
pub(super) fn may_open(shape: Shape, len: usize) -> bool {
    candidate_set(shape, false) & long_enough(len) != 0
}

/// Whether some decoder would try to open bytes.
pub(super) fn is_opened(hint: &Hint<'_>, bytes: &[u8]) -> bool {
    let set = candidate_set(Shape::of(bytes).of_text(bytes), is_declared(hint)) & long_enough(bytes.len());
    members(set).any(|(_, decoder)| bytes.len() >= decoder.filter.min && (decoder.fits)(hint, bytes) >= Match::Maybe)
}

/// Whether anything is declared of the bytes of a part, or of what a decoder made of all that it was given: no name says
/// what those are.
const fn is_declared(hint: &Hint<'_>) -> bool {
    hint.part.is_some() || hint.content_type.is_some()
}

/// The decoders of a set of indexes, and the index of each as a set.
fn members(mut set: Set) -> impl Iterator<Item = (Set, &'static Decoder)> {
    std::iter::from_fn(move || {
        let next = set.trailing_zeros();
        let rest = set & set.checked_sub(1)?;
        let index = set ^ rest;
        set = rest;
        Some((index, *DECODERS.get(next as usize)?))
    })
}

/// Lengths of which is remembered whom they suffice.
const LENGTHS: usize = 64;

/// The decoders that `len` bytes are enough for, as a set of indexes; of more than [`LENGTHS`] bytes, all of them.
fn long_enough(len: usize) -> Set {
    static SETS: [Set; LENGTHS] = long_enough_sets();
    SETS.get(len).copied().unwrap_or(Set::MAX)
}

#[expect(clippy::indexing_slicing, reason = "the indexes run over both lists")]
const fn long_enough_sets() -> [Set; LENGTHS] {
    let mut sets = [0; LENGTHS];
    let mut index = 0;
    while index < DECODERS.len() {
        let mut len = DECODERS[index].filter.min;
        while len < LENGTHS {
            sets[len] |= 1 << index;
            len += 1;
        }
        index += 1;
    }
    sets
}

/// The same as a set of indexes, remembered: values have few shapes.
fn candidate_set(shape: Shape, declared: bool) -> Set {
    /// Sets remembered by one thread.
    const KNOWN: usize = 1 << 11;
    thread_local! {
        static SETS: [Cell<(u64, Set)>; KNOWN] = const { [const { Cell::new((u64::MAX, 0)) }; KNOWN] };
    }
    let key = u64::from(shape.bits()) << 1 | u64::from(declared);
    let slot = usize::try_from(key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53).unwrap_or_default();
    SETS.with(|sets| match sets.get(slot).map(Cell::get) {
        Some((known, set)) if known == key => set,
        _ => {
            let set = filtered(shape, declared);
            if let Some(slot) = sets.get(slot) {
                slot.set((key, set));
            }
            set
        }
    })
}

/// Decoders, as sets of indexes, by what their filters say of one class of bytes.
#[derive(Clone, Copy)]
struct Class {
    /// It is one of those of which one occurs.
    any: Set,
    /// It does not occur.
    none: Set,
    /// It occurs where nothing is declared.
    wanted: Set,
}

const CLASSES: usize = Shape::ANY.bits().count_ones() as usize;

/// What the filters say of every class, and the decoders that go by what is declared alone.
static FILTERS: ([Class; CLASSES], Set) = filters();

#[expect(clippy::indexing_slicing, reason = "the indexes run over both lists")]
const fn filters() -> ([Class; CLASSES], Set) {
    let mut classes = [Class { any: 0, none: 0, wanted: 0 }; CLASSES];
    let (mut index, mut never) = (0, 0);
    while index < DECODERS.len() {
        let (filter, member) = (&DECODERS[index].filter, 1_u64 << index);
        let mut class = 0;
        while class < CLASSES {
            let bit = 1_u32 << class;
            if filter.any.bits() & bit != 0 {
                classes[class].any |= member;
            }
            if filter.none.bits() & bit != 0 {
                classes[class].none |= member;
            }
            if let Some(all) = filter.undeclared
                && all.bits() & bit != 0
            {
                classes[class].wanted |= member;
            }
            class += 1;
        }
        if filter.undeclared.is_none() {
            never |= member;
        }
        index += 1;
    }
    (classes, never)
}

/// The decoders whose filters let bytes of a shape pass.
fn filtered(shape: Shape, declared: bool) -> Set {
    let (classes, never) = &FILTERS;
    let (mut any, mut none, mut missing) = (0, 0, *never);
    for (at, class) in classes.iter().enumerate() {
        if shape.bits() >> at & 1 == 0 {
            missing |= class.wanted;
        } else {
            any |= class.any;
            none |= class.none;
        }
    }
    any & !none & !if declared { 0 } else { missing }
}

/// The peeling of one message under way.
struct Walk<'m, 'g> {
    /// What led to the node at hand.
    way: Way<'m>,
    /// Structures that are known, for records.
    stencils: Option<&'g mut Stencils>,
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
    limits: Limits,
}

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

/// What a node is called.
#[derive(Clone, Copy, Default)]
enum Called<'m> {
    #[default]
    Nothing,
    Header(&'m str),
    Text(&'static str),
    At(View),
}

/// What led to a node. Of fields that the same decoder put out most of it is the same, and is told once.
#[derive(Default)]
struct Way<'m> {
    /// Where it is now.
    node: Option<NodeId>,
    /// The innermost node on the way that is a part of the message, or a decoder's.
    opened: Option<NodeId>,
    part: Option<PartKind>,
    /// What that node is called, and whether all of it is there.
    opened_called: Called<'m>,
    opened_whole: bool,
    /// What the node itself is called, and whether all of it is there.
    called: Called<'m>,
    whole: bool,
    within: SmallVec<[&'static str; 8]>,
    layers: usize,
}

impl<'m> Way<'m> {
    /// Goes to a node.
    fn lead(&mut self, id: NodeId, message: &'m Message, nodes: &[Node]) {
        if self.node == Some(id) {
            return;
        }
        let (mut at, mut called, mut whole) = (id, Called::Nothing, true);
        while let Some(node) = nodes.get(at as usize) {
            match node.step {
                Step::Open(_) | Step::Part(_) => break,
                Step::Key(key) if matches!(called, Called::Nothing) => called = Called::At(key),
                Step::Name(name) if matches!(called, Called::Nothing) => called = Called::Text(name),
                Step::Key(_) | Step::Name(_) | Step::Index(_) | Step::Number(_) => {}
            }
            whole &= node.whole;
            match node.parent {
                Some(parent) => at = parent,
                None => break,
            }
        }
        if self.opened != Some(at) {
            self.climb(at, message, nodes);
        }
        self.called = if matches!(called, Called::Nothing) { self.opened_called } else { called };
        self.whole = whole && self.opened_whole;
        self.node = Some(id);
    }

    /// Tells all that is the same for the fields that a decoder put out.
    fn climb(&mut self, opened: NodeId, message: &'m Message, nodes: &[Node]) {
        (self.node, self.opened, self.part) = (None, Some(opened), None);
        (self.opened_called, self.opened_whole, self.layers) = (Called::Nothing, true, 0);
        self.within.clear();
        let mut at = Some(opened);
        while let Some(node) = at.and_then(|id| nodes.get(id as usize)) {
            self.opened_whole &= node.whole;
            let named = !matches!(self.opened_called, Called::Nothing);
            match node.step {
                Step::Open(name) => {
                    self.within.push(name);
                    self.layers = self.layers.saturating_add(usize::from(node.fresh));
                }
                Step::Part(part) => {
                    if let Some(part) = message.parts.get(part as usize) {
                        if self.within.is_empty() {
                            self.part = Some(part.kind);
                        }
                        if !named && part.kind == PartKind::Header {
                            self.opened_called = Called::Header(&part.name);
                        }
                    }
                }
                Step::Key(key) if !named => self.opened_called = Called::At(key),
                Step::Name(name) if !named => self.opened_called = Called::Text(name),
                Step::Key(_) | Step::Name(_) | Step::Index(_) | Step::Number(_) => {}
            }
            at = node.parent;
        }
        self.within.reverse();
    }

    /// Forgets what is told of nodes from `id` on.
    fn forget(&mut self, id: NodeId) {
        self.node = None;
        self.opened = self.opened.filter(|opened| *opened < id);
    }

    /// What is known about the node.
    fn hint<'s>(
        &'s self,
        buffers: &'s [Buffer<'_>],
        content_type: Option<&'s str>,
        protos: Option<Given<'s>>,
    ) -> Hint<'s> {
        let name = match self.called {
            Called::Nothing => None,
            Called::Header(name) | Called::Text(name) => Some(name.as_bytes()),
            Called::At(key) => buffers
                .get(key.buffer as usize)
                .and_then(|buffer| buffer.bytes.get(key.start as usize..key.end as usize)),
        };
        Hint {
            part: self.part,
            content_type,
            encoding: None,
            name: Name(name),
            within: &self.within,
            whole: self.whole,
            protos,
        }
    }
}

/// The media type that was declared of a node: what the bytes are once their coding is undone.
fn declared<'s>(
    id: NodeId,
    message: &'s Message,
    nodes: &[Node],
    typed: &'s BTreeMap<NodeId, String>,
) -> Option<&'s str> {
    let mut at = Some(id);
    while let Some((id, node)) = at.and_then(|id| Some((id, nodes.get(id as usize)?))) {
        if let Some(declared) = typed.get(&id) {
            return Some(declared);
        }
        match node.step {
            Step::Open(_) if node.fresh => at = node.parent,
            Step::Part(part) => return message.parts.get(part as usize)?.content_type.as_deref(),
            _ => return None,
        }
    }
    None
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
            self.out.queue.push(Waiting { node: at, shape: None, declared: true });
        }
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
        let node = self.tree.node(id)?;
        let bytes = self.tree.bytes(node);
        let shape = waiting.shape.filter(|_| self.shortcuts).unwrap_or_else(|| Shape::of(bytes)).of_text(bytes);
        let Tree { message, nodes, buffers, .. } = &self.tree;
        self.way.lead(id, message, nodes);
        let hint = self.way.hint(buffers, declared(id, message, nodes, &self.typed), self.given);
        let asked = waiting.declared && (is_declared(&hint) || !matches!(node.step, Step::Open(_)));
        let set = candidate_set(shape, asked || !self.shortcuts) & long_enough(bytes.len());
        if set == 0 {
            return None;
        }
        let (mut certain, mut maybe) = (0, 0);
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
        opened
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
            inside: self.shortcuts.then_some(&inside),
        });
        let opened = (decoder.open)(bytes, &hint, &mut fields).is_ok() && !fields.is_empty();
        fields.finish();
        let output = &self.out;
        self.guessed = self.guessed.saturating_add(output.spent);
        let kept = opened && !(self.shortcuts && is_dead_end(output, before.2, nodes, &inside));
        self.way.within.pop();
        if !kept {
            self.tree.nodes.truncate(before.0);
            self.out.clear(before.2);
            return None;
        }
        let node = to_u32(before.0);
        let tentative = output.tentative;
        self.keep(id);
        if tentative && self.open(Waiting { node, shape: None, declared: true }).is_none() {
            self.tree.nodes.truncate(before.0);
            self.tree.buffers.truncate(before.1);
            self.out.queue.truncate(before.2);
            self.spent = before.3;
            self.typed.retain(|id, _| *id < node);
            self.way.forget(node);
            if let Some(input) = self.tree.nodes.get_mut(id as usize) {
                input.leaf = true;
            }
            return None;
        }
        Some(node)
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
