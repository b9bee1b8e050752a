//! What led to a node: the part of the message, the decoders, the name, and what is declared of it.

use crate::field::{Given, Hint, Name};
use crate::model::field::{Buffer, Node, NodeId, Step, View};
use crate::model::message::{Message, PartKind};
use smallvec::SmallVec;
use std::collections::BTreeMap;

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
pub(super) struct Way<'m> {
    /// Where it is now.
    node: Option<NodeId>,
    /// The innermost node on the way that is a part of the message, or a decoder's.
    opened: Option<NodeId>,
    pub(super) part: Option<PartKind>,
    /// What that node is called, and whether all of it is there.
    opened_called: Called<'m>,
    opened_whole: bool,
    /// What the node itself is called, and whether all of it is there.
    called: Called<'m>,
    whole: bool,
    pub(super) within: SmallVec<[&'static str; 8]>,
    pub(super) layers: usize,
}

impl<'m> Way<'m> {
    /// Goes to a node.
    pub(super) fn lead(&mut self, id: NodeId, message: &'m Message, nodes: &[Node]) {
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
    pub(super) fn forget(&mut self, id: NodeId) {
        self.node = None;
        self.opened = self.opened.filter(|opened| *opened < id);
    }

    /// What is known about the node.
    pub(super) fn hint<'s>(
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
pub(super) fn declared<'s>(
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
