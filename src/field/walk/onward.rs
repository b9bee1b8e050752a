//! What a message goes on with, and what it leaves for the next one.

use crate::field::continued::{FLUSHED, Onward, Place as Stands, Stretch, begins, hash};
use crate::field::fields::{Fields, Place, to_u32};
use crate::field::text::is_text;
use crate::field::walk::Walk;
use crate::model::budget;
use crate::model::field::{Kind, NodeId, Reach, Step, Tree};
use crate::model::message::PartKind;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Decoders whose input may end before the stream that they undo does.
const COMPRESSION: [&str; 9] = ["gzip", "zlib", "deflate", "zstd", "brotli", "lz4", "snappy", "xz", "bzip2"];

/// Where a node stands in messages like this one.
fn stands(tree: &Tree<'_>, id: NodeId) -> Stands {
    let mut slot = DefaultHasher::new();
    let mut at = Some(id);
    while let Some(node) = at.and_then(|id| tree.node(id)) {
        match node.step {
            Step::Part(part) => {
                let part = tree.message.parts.get(part as usize);
                part.map(|part| (part.kind, &part.name)).hash(&mut slot);
            }
            Step::Open(name) | Step::Name(name) => name.hash(&mut slot),
            Step::Key(key) => tree.view(key).hash(&mut slot),
            Step::Number(number) => number.hash(&mut slot),
            Step::Index(_) => {}
        }
        at = node.parent;
    }
    Stands { slot: slot.finish(), label: hash(&tree.message.label) }
}

impl Walk<'_, '_> {
    /// Whether bytes that nothing opens by itself may go on with what earlier messages held.
    pub(super) fn goes_on(&self) -> bool {
        self.continued.as_deref().is_some_and(|continued| continued.is_open(self.tree.message))
    }

    /// Goes on with a compressed stream of earlier messages, or begins one. `alone`: no decoder opens the node.
    pub(super) fn go_on(&mut self, id: NodeId, alone: bool) -> Option<NodeId> {
        let continued = self.continued.as_deref_mut()?;
        let message = self.tree.message;
        let node = self.tree.node(id).filter(|node| matches!(node.kind, Kind::Bytes))?;
        let open = continued.is_open(message);
        if !alone && !open {
            return None;
        }
        let part = self.tree.part(node).filter(|_| node.parent.is_none());
        let bytes = self.tree.bytes(node);
        let flushed = bytes.len() > FLUSHED.len() && bytes.ends_with(&FLUSHED);
        let missing = self.misses_pieces && part.is_some_and(|part| part.kind == PartKind::Body);
        let cut = alone && !flushed && begins(bytes).is_some() && self.tree.exhausted.is_empty();
        if !message.whole || !(open || (alone && (flushed || missing || cut))) {
            return None;
        }
        let stands = stands(&self.tree, id);
        let readable = is_text(bytes) && !(alone && continued.is_midway(message, stands));
        if readable || self.tree.nodes.len() >= self.limits.fields {
            return None;
        }
        let ratio = bytes.len().saturating_mul(budget::RATIO).max(budget::RATIO_FREE);
        let limit = self.limits.decoded.saturating_sub(self.spent).min(ratio);
        let onward = if open { continued.go_on(message, part, stands, bytes, limit, alone) } else { Onward::Nowhere };
        let stretch = match onward {
            Onward::Stretch(stretch) => Some(stretch),
            Onward::Nowhere if alone && flushed => continued.begin_flushed(message, stands, bytes, limit),
            Onward::Nowhere if cut => continued.begin_cut(message, part, stands, bytes, limit),
            Onward::Nowhere | Onward::Severed => None,
        };
        if stretch.is_none() && alone && (flushed || missing || continued.is_severed(message, stands, bytes)) {
            self.tree.severed.push(id);
        }
        self.stretch(id, stretch?)
    }

    /// Puts out a stretch of a compressed stream as the decoder would that opened its beginning.
    fn stretch(&mut self, id: NodeId, stretch: Stretch) -> Option<NodeId> {
        let input = self.tree.node(id)?.view();
        let Tree { nodes, buffers, .. } = &mut self.tree;
        let part = buffers.get(input.buffer as usize)?.part;
        let (node, first_buffer) = (to_u32(nodes.len()), to_u32(buffers.len()));
        let mut fields = Fields::new(Place {
            nodes,
            input,
            input_node: id,
            first_buffer,
            part,
            room: self.limits.decoded.saturating_sub(self.spent),
            max_nodes: self.limits.fields,
            name: stretch.name,
            all: !self.shortcuts,
            out: &mut self.out,
            inside: None,
        });
        if !stretch.whole {
            fields.damaged();
        }
        fields.whole(stretch.bytes, Reach::Blocks(stretch.way), Kind::Bytes);
        fields.finish();
        self.keep(id);
        Some(node)
    }

    /// A decoder opened a node that may end before what it holds does.
    pub(super) fn begin(&mut self, id: NodeId, opened: NodeId, name: &'static str) {
        let Some(continued) = self.continued.as_deref_mut() else { return };
        let cut = self.tree.node(opened).is_some_and(|node| !node.whole) && self.tree.exhausted.is_empty();
        if !cut || !self.tree.message.whole || !COMPRESSION.contains(&name) {
            return;
        }
        let Some(node) = self.tree.node(id) else { return };
        let part = self.tree.part(node).filter(|_| node.parent.is_none());
        continued.begin(self.tree.message, part, stands(&self.tree, id), name, self.tree.bytes(node));
    }
}
