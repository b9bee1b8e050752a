//! What a decoder puts out: nodes and buffers, kept only if the decoder succeeds.

use crate::bytes::Malformed;
use crate::field::Hint;
use crate::field::candidates::{Set, candidates_for, is_opened};
use crate::field::shape::{Shape, is_plain};
use crate::model::budget;
use crate::model::field::{Buffer, BufferId, Kind, Node, NodeId, Reach, Step, View};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::ops::Range;

/// How a field is reached from the container around it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Key {
    /// A named member; its name stands here, decoded.
    At(View),
    /// A named member; the name is the format's.
    Name(&'static str),
    /// An element, from 0.
    Index(u32),
    /// A numbered field.
    Number(u32),
}

impl From<Key> for Step {
    fn from(key: Key) -> Self {
        match key {
            Key::At(view) => Self::Key(view),
            Key::Name(name) => Self::Name(name),
            Key::Index(index) => Self::Index(index),
            Key::Number(number) => Self::Number(number),
        }
    }
}

/// What one decoder makes of one run of bytes. Ranges are relative to the bytes it was given.
#[derive(Debug)]
pub struct Fields<'t> {
    nodes: &'t mut Vec<Node>,
    /// The decoded node, the decoder's own node, and the containers it is in.
    input: View,
    input_node: NodeId,
    open: NodeId,
    /// The decoder's node is a leaf with bytes of its own.
    became: bool,
    stack: SmallVec<[NodeId; 16]>,
    /// Levels beyond [`budget::NESTING`] that got no node.
    below: usize,
    out: &'t mut Output,
    first_buffer: BufferId,
    part: u32,
    /// Values that are not in the input as they are: one after the other, each followed by a NUL.
    texts: Vec<u8>,
    texts_way: Vec<(u32, u32)>,
    texts_id: Option<BufferId>,
    text_start: u32,
    /// Bytes that may still be put out, and nodes that may still be made.
    room: usize,
    max_nodes: usize,
    /// Names of fields say what is in them.
    declares: bool,
    /// What is known about a layer that the decoder undoes, where what nothing opens need not be put out.
    inside: Option<&'t Hint<'t>>,
}

/// What is kept when a decoder succeeds; one place for all decoders that are asked, one after the other.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) buffers: SmallVec<[Buffer<'static>; 1]>,
    /// Nodes that some decoder may open, behind those that wait already.
    pub(super) queue: Vec<Waiting>,
    /// Media types declared for nodes.
    pub(super) typed: Vec<(NodeId, String)>,
    pub(super) exhausted: Vec<&'static str>,
    /// Bytes put out.
    pub(super) spent: usize,
    /// It counts only if something opens what it put out.
    pub(super) tentative: bool,
    /// Some decoder would try to open what was put out.
    pub(super) fits: bool,
    /// Where in its input the decoder stopped to read, if that is not the end.
    pub(super) ends: Option<u32>,
}

impl Output {
    /// Makes it empty, but for the first `waiting` nodes.
    pub(super) fn clear(&mut self, waiting: usize) {
        self.buffers.clear();
        self.queue.truncate(waiting);
        self.typed.clear();
        self.exhausted.clear();
        (self.spent, self.tentative, self.fits, self.ends) = (0, false, false, None);
    }
}

/// A node that some decoder may open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) node: NodeId,
    /// The decoders that may open it, where they are known already: where nothing is declared of it.
    pub(super) known: Option<Set>,
    /// Something may be declared of it.
    pub(super) declared: bool,
}

/// Where a decoder's output goes.
pub(super) struct Place<'t> {
    pub(super) nodes: &'t mut Vec<Node>,
    pub(super) input: View,
    pub(super) input_node: NodeId,
    pub(super) first_buffer: BufferId,
    pub(super) part: u32,
    pub(super) room: usize,
    pub(super) max_nodes: usize,
    pub(super) name: &'static str,
    /// Every field is put up for opening, whatever its shape.
    pub(super) all: bool,
    /// What it puts out, beside nodes: nothing yet, but what waits already.
    pub(super) out: &'t mut Output,
    /// What is known about a layer that the decoder undoes; `None` if all that is tentative is put out.
    pub(super) inside: Option<&'t Hint<'t>>,
}

impl<'t> Fields<'t> {
    pub(super) fn new(place: Place<'t>) -> Self {
        let Place { nodes, input, input_node, first_buffer, part, room, max_nodes, name, all, out, inside } = place;
        let open = to_u32(nodes.len());
        nodes.push(Node {
            parent: Some(input_node),
            step: Step::Open(name),
            buffer: input.buffer,
            start: input.start,
            end: input.end,
            fresh: false,
            leaf: true,
            whole: true,
            kind: Kind::Container,
            shape: Shape::ANY,
        });
        Self {
            nodes,
            input,
            input_node,
            open,
            became: false,
            stack: SmallVec::from_buf_and_len([open; 16], 1),
            below: 0,
            out,
            first_buffer,
            part,
            texts: Vec::new(),
            texts_way: Vec::new(),
            texts_id: None,
            text_start: 0,
            room,
            max_nodes,
            declares: all || name == "url",
            inside,
        }
    }

    /// Whether anything was put out.
    pub(super) fn is_empty(&self) -> bool {
        !self.became && self.nodes.len() <= (self.open as usize).saturating_add(1)
    }

    /// Ends the decoding: the shared buffer gets its bytes.
    pub(super) fn finish(mut self) {
        if let Some(id) = self.texts_id
            && let Some(buffer) = self.out.buffers.get_mut(id.saturating_sub(self.first_buffer) as usize)
        {
            self.out.spent = self.out.spent.saturating_add(self.texts.len());
            buffer.bytes = Cow::Owned(std::mem::take(&mut self.texts));
            buffer.from = Some((self.input_node, Reach::Table(std::mem::take(&mut self.texts_way))));
        }
    }

    /// A range of the input.
    #[inline]
    pub fn view(&self, range: Range<usize>) -> View {
        let at = |offset: usize| self.input.start.saturating_add(to_u32(offset)).min(self.input.end);
        View { buffer: self.input.buffer, start: at(range.start), end: at(range.end) }
    }

    /// Puts out a field that stands in the input, or in the shared buffer, as it is.
    pub fn leaf(&mut self, key: Key, view: View, kind: Kind) -> Option<NodeId> {
        let node = self.push(key.into(), view, kind, Shape::ANY)?;
        if matches!(kind, Kind::Bytes | Kind::Text) {
            self.out.queue.push(Waiting { node, known: None, declared: self.declares });
        }
        Some(node)
    }

    /// Puts out a field that no decoder is asked about: what is left around others.
    pub fn unopened_leaf(&mut self, key: Key, view: View, kind: Kind) {
        self.push(key.into(), view, kind, Shape::ANY);
    }

    /// Puts out a text field of which the shape is known already.
    #[inline]
    pub fn shaped_leaf(&mut self, key: Key, view: View, shape: Shape) {
        let Some(node) = self.push(key.into(), view, Kind::Text, shape) else { return };
        self.wait(node, (view.end.saturating_sub(view.start)) as usize, shape);
    }

    /// Puts a text of `len` bytes up for opening, if its shape is one that some decoder asks for.
    #[inline]
    fn wait(&mut self, node: NodeId, len: usize, shape: Shape) {
        if is_plain(shape, len) {
            return;
        }
        // Letters of other scripts are looked at more closely when its turn comes.
        let known = (!self.declares && !shape.meets(Shape::HIGH)).then(|| candidates_for(shape, len, false));
        if known != Some(0) {
            if self.out.queue.capacity() == 0 {
                self.out.queue.reserve(16);
            }
            self.out.queue.push(Waiting { node, known, declared: self.declares });
        }
    }

    /// Puts out nodes of a structure that is known, whose parents stand before them. Their steps, parents and order are
    /// those that a decoder put out for it before.
    pub(super) fn stamp(&mut self, nodes: impl Iterator<Item = Node>) {
        let first = self.nodes.len();
        self.nodes.extend(nodes);
        for id in first..self.nodes.len() {
            let Some(node) = self.nodes.get(id).filter(|node| matches!(node.kind, Kind::Text)) else { continue };
            let (len, shape) = (node.end.saturating_sub(node.start) as usize, node.shape);
            self.wait(to_u32(id), len, shape);
        }
        if let Some(open) = self.nodes.get_mut(self.open as usize) {
            open.leaf = false;
        }
    }

    /// Puts out a field with a media type of its own.
    pub fn typed_leaf(&mut self, key: Key, view: View, kind: Kind, content_type: Option<String>) {
        if let Some(node) = self.leaf(key, view, kind)
            && let Some(content_type) = content_type
        {
            self.out.typed.push((node, content_type));
            if let Some(waiting) = self.out.queue.last_mut() {
                waiting.declared = true;
            }
        }
    }

    /// Keeps bytes that several fields will view: a piece of the input that was decompressed.
    pub fn own(&mut self, bytes: Vec<u8>, reach: Reach) -> View {
        self.buffer(bytes, reach)
    }

    /// What stands at a view of bytes that are kept.
    pub fn owned(&self, view: View) -> &[u8] {
        let kept = view.buffer.checked_sub(self.first_buffer).and_then(|at| self.out.buffers.get(at as usize));
        kept.and_then(|kept| kept.bytes.get(view.start as usize..view.end as usize)).unwrap_or_default()
    }

    /// Puts out a field that had to be decoded: it gets a buffer of its own.
    pub fn decoded(&mut self, key: Key, bytes: Vec<u8>, reach: Reach, content_type: Option<String>) {
        let view = self.buffer(bytes, reach);
        self.typed_leaf(key, view, Kind::Bytes, content_type);
    }

    /// Enters a container; what follows is inside until [`Fields::leave`].
    pub fn enter(&mut self, key: Key, view: View) {
        if self.stack.len() >= budget::NESTING {
            self.below = self.below.saturating_add(1);
            self.exhausted("nesting");
            return;
        }
        match self.push(key.into(), view, Kind::Container, Shape::ANY) {
            Some(node) => self.stack.push(node),
            None => self.below = self.below.saturating_add(1),
        }
    }

    /// Leaves the innermost container, which ends before offset `end` of the input.
    pub fn leave(&mut self, end: usize) {
        if self.below > 0 {
            self.below = self.below.saturating_sub(1);
            return;
        }
        if self.stack.len() > 1
            && let Some(id) = self.stack.pop()
        {
            let end = self.view(0..end).end;
            if let Some(node) = self.nodes.get_mut(id as usize)
                && node.buffer == self.input.buffer
            {
                node.end = end.max(node.start);
            }
        }
    }

    /// Leaves the innermost container, which ends where `end` does, in the input or in a buffer of the decoder's own.
    pub fn leave_at(&mut self, end: View) {
        if self.below > 0 {
            self.below = self.below.saturating_sub(1);
            return;
        }
        if self.stack.len() > 1
            && let Some(id) = self.stack.pop()
            && let Some(node) = self.nodes.get_mut(id as usize)
            && node.buffer == end.buffer
        {
            node.end = end.end.max(node.start);
        }
    }

    /// Leaves every container.
    pub fn leave_all(&mut self, end: usize) {
        self.below = 0;
        while self.stack.len() > 1 {
            self.leave(end);
        }
    }

    /// The decoder undid a layer: `bytes` are the whole of its input, one layer less.
    pub fn whole(&mut self, bytes: Vec<u8>, reach: Reach, kind: Kind) {
        let view = self.buffer(bytes, reach);
        self.become_leaf(view, kind, true);
    }

    /// The decoder found one value that is all of its input but for what surrounds it.
    pub fn whole_view(&mut self, view: View, kind: Kind) {
        self.become_leaf(view, kind, view.buffer != self.input.buffer);
    }

    /// What was put out is kept only if some decoder can open it, or a field of it: on its own it could be chance.
    pub fn tentative(&mut self) {
        self.out.tentative = true;
    }

    /// The decoder undid a layer, and `bytes`, which it is about to put out, are kept only if some decoder can open them. An
    /// error where none would so much as try: then they need not be put out.
    pub fn tentative_if_opened(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        if let Some(hint) = self.inside {
            if !is_opened(hint, bytes) {
                self.out.spent = self.out.spent.saturating_add(bytes.len());
                return Err(Malformed::Illegal("layer of something"));
            }
            self.out.fits = true;
        }
        self.tentative();
        Ok(())
    }

    /// The input is cut short or damaged, and what was put out is what there is.
    pub fn damaged(&mut self) {
        if let Some(node) = self.nodes.get_mut(self.open as usize) {
            node.whole = false;
        }
    }

    /// What was read ends before offset `at` of the input. What stands behind it belongs to nothing that was put out: it
    /// becomes a field of its own, beside the decoder's, if there is anything.
    pub fn ends(&mut self, at: usize) {
        self.out.ends = Some(to_u32(at));
    }

    /// A budget bit.
    pub fn exhausted(&mut self, budget: &'static str) {
        if !self.out.exhausted.contains(&budget) {
            self.out.exhausted.push(budget);
        }
        self.damaged();
    }

    /// Succeeds if anything was put out; `what` was looked for.
    pub fn found(&self, what: &'static str) -> Result<(), Malformed> {
        if self.is_empty() { Err(Malformed::Illegal(what)) } else { Ok(()) }
    }

    /// How many bytes a decompression of `input` bytes may put out now, and the budget that says so.
    pub fn room(&self, input: usize) -> (usize, &'static str) {
        let left = self.room.saturating_sub(self.out.spent).saturating_sub(self.texts.len());
        let ratio = input.saturating_mul(budget::RATIO).max(budget::RATIO_FREE);
        if ratio < left { (ratio, "ratio") } else { (left, "decoded bytes") }
    }

    /// Whether no more fields can be put out.
    pub fn is_full(&self) -> bool {
        self.nodes.len() >= self.max_nodes
    }

    /// Starts a value in the shared buffer.
    pub fn begin_text(&mut self) {
        if self.texts_id.is_none() {
            self.texts_id = Some(self.next_buffer());
            self.out.buffers.push(Buffer { bytes: Cow::Borrowed(&[]), from: None, part: self.part });
        }
        self.text_start = to_u32(self.texts.len());
    }

    /// Appends bytes that stand in the input at `at` as they are.
    pub fn text(&mut self, bytes: &[u8], at: usize) {
        if !bytes.is_empty() {
            self.texts_way.push((to_u32(self.texts.len()), to_u32(at)));
            self.texts.extend_from_slice(bytes);
        }
    }

    /// Appends what the escape in the input at `at` stands for.
    pub fn escape(&mut self, bytes: &[u8], at: usize) {
        self.texts_way.push((to_u32(self.texts.len()), to_u32(at)));
        self.texts.extend_from_slice(bytes);
    }

    /// Ends a value of the shared buffer that ends before offset `end` of the input.
    pub fn end_text(&mut self, end: usize) -> View {
        let view = View {
            buffer: self.texts_id.unwrap_or(self.first_buffer),
            start: self.text_start,
            end: to_u32(self.texts.len()),
        };
        self.texts_way.push((view.end, to_u32(end)));
        self.texts.push(0);
        view
    }

    /// The bytes of a value of the shared buffer.
    pub fn text_bytes(&self, view: View) -> &[u8] {
        self.texts.get(view.start as usize..view.end as usize).unwrap_or_default()
    }

    fn buffer(&mut self, bytes: Vec<u8>, reach: Reach) -> View {
        let view = View { buffer: self.next_buffer(), start: 0, end: to_u32(bytes.len()) };
        self.out.spent = self.out.spent.saturating_add(bytes.len());
        self.out.buffers.push(Buffer {
            bytes: Cow::Owned(bytes),
            from: Some((self.input_node, reach)),
            part: self.part,
        });
        view
    }

    fn next_buffer(&self) -> BufferId {
        self.first_buffer.saturating_add(to_u32(self.out.buffers.len()))
    }

    fn become_leaf(&mut self, view: View, kind: Kind, fresh: bool) {
        self.became = true;
        if let Some(node) = self.nodes.get_mut(self.open as usize) {
            (node.buffer, node.start, node.end) = (view.buffer, view.start, view.end);
            (node.kind, node.fresh) = (kind, fresh);
        }
        if matches!(kind, Kind::Bytes | Kind::Text) {
            self.out.queue.push(Waiting { node: self.open, known: None, declared: true });
        }
    }

    #[inline]
    fn push(&mut self, step: Step, view: View, kind: Kind, shape: Shape) -> Option<NodeId> {
        if self.is_full() {
            self.exhausted("fields");
            return None;
        }
        let parent = self.stack.last().copied().unwrap_or(self.open);
        let id = to_u32(self.nodes.len());
        if let Some(parent) = self.nodes.get_mut(parent as usize) {
            parent.leaf = false;
        }
        self.nodes.push(Node {
            parent: Some(parent),
            step,
            buffer: view.buffer,
            start: view.start,
            end: view.end,
            fresh: view.buffer != self.input.buffer,
            leaf: !matches!(kind, Kind::Container),
            whole: true,
            kind,
            shape,
        });
        Some(id)
    }
}

/// Offsets in one message fit 32 bits: parts and decoded output are bounded far below.
#[inline]
pub(super) fn to_u32(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
