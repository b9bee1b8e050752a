//! What messages hold: fields, reached by peeling layer after layer.
//!
//! A [`Tree`] is all that was peeled from one message. Its nodes view bytes in a few buffers: the message's own parts
//! and what decoders put out. Every buffer is searched once; a hit belongs to the innermost node around it. A node that
//! merely views a range of its parent's bytes has no buffer of its own and is not searched again.

use crate::model::message::{Message, Part, PartKind};
use crate::model::origin::Origins;
use crate::model::shape::Shape;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// Index of a node in its tree.
pub type NodeId = u32;

/// Index of a buffer in its tree.
pub type BufferId = u32;

/// A range of a buffer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct View {
    /// The buffer.
    pub buffer: BufferId,
    /// First byte in it.
    pub start: u32,
    /// One past the last byte in it.
    pub end: u32,
}

/// How a node was reached from its parent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// It is part `n` of the message.
    Part(u32),
    /// The whole parent was opened by this decoder.
    Open(&'static str),
    /// The member whose key stands here, decoded.
    Key(View),
    /// The member that the format, not the message, calls by this name.
    Name(&'static str),
    /// The element with this index, from 0.
    Index(u32),
    /// The field with this number (protobuf).
    Number(u32),
}

/// How offsets in a decoded buffer lead back to the bytes they came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reach {
    /// Offset `o` here is offset `start + o` there.
    Exact {
        /// First byte there.
        start: u32,
    },
    /// `per` bytes there make `of` bytes here (hex 2 for 1, base64 4 for 3, UTF-16 2 for 1).
    Ratio {
        /// First byte there.
        start: u32,
        /// Encoded bytes in a group.
        per: u32,
        /// Decoded bytes in a group.
        of: u32,
    },
    /// Pairs (offset here, offset there), ascending in both: from each on, bytes run one to one up to the next.
    Table(Vec<(u32, u32)>),
    /// Pairs (offset here, offset there): bytes between two came from between the two. Of two pairs with the same
    /// offset here the first says where the bytes before it end, the second where those after it begin.
    Blocks(Vec<(u32, u32)>),
    /// Somewhere in `start..end` there: all of it is needed (checksummed or unaligned formats).
    Within {
        /// First byte there.
        start: u32,
        /// One past the last byte there.
        end: u32,
    },
}

/// Bytes that nodes view: a part of the message, or what one decoding put out. Several short values of one decoding
/// share a buffer, each followed by a NUL byte that no node views.
#[derive(Debug)]
pub struct Buffer<'m> {
    /// The bytes.
    pub bytes: Cow<'m, [u8]>,
    /// The node whose decoding made this buffer, and the way back to offsets in that node's bytes; `None` for a part
    /// of the message.
    pub from: Option<(NodeId, Reach)>,
    /// The part of the message it all came from.
    pub part: u32,
}

/// One place in what was peeled: a container, or a leaf that is a field.
#[derive(Clone, Debug)]
pub struct Node {
    /// The node it was reached from; a part of the message has none.
    pub parent: Option<NodeId>,
    /// How.
    pub step: Step,
    /// The buffer it views.
    pub buffer: BufferId,
    /// First byte in that buffer.
    pub start: u32,
    /// One past the last byte in that buffer.
    pub end: u32,
    /// These bytes are not part of its parent's: they are searched where their buffer is.
    pub fresh: bool,
    /// Nothing was reached from it: a field.
    pub leaf: bool,
    /// All of it was decoded; `false` when its encoding is cut short, damaged or over a budget.
    pub whole: bool,
    /// Numbers and other non-text leaves of typed formats.
    pub kind: Kind,
    /// Kinds of bytes that may stand in it; [`Shape::ANY`] where nobody looked.
    pub shape: Shape,
}

/// What a typed format says a leaf is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Kind {
    /// Bytes, untyped.
    #[default]
    Bytes,
    /// Text in some charset.
    Text,
    /// A whole number whose value the format fixes.
    Integer(i128),
    /// A floating-point number.
    Float(f64),
    /// A truth value or null.
    Simple,
    /// An object, array or other container.
    Container,
}

/// All that was peeled from one message.
#[derive(Debug)]
pub struct Tree<'m> {
    /// The message.
    pub message: &'m Message,
    /// Its nodes; a parent stands before its children.
    pub nodes: Vec<Node>,
    /// Its buffers.
    pub buffers: Vec<Buffer<'m>>,
    /// Budgets that ended the peeling early, by name; empty when all was peeled.
    pub exhausted: Vec<&'static str>,
    /// How many of the first nodes are those of a structure that was met before, and its number: of all trees with that
    /// number these nodes are alike but for where they stand, what they say and whether more was reached from them.
    pub pattern: Option<(usize, usize)>,
    /// Nodes that go on with compression which began elsewhere, where nobody could follow it: what they say is not known.
    pub severed: Vec<NodeId>,
    /// Nodes by buffer, start and width: made when first asked for.
    order: OnceLock<Vec<(View, NodeId)>>,
}

impl<'m> Tree<'m> {
    /// A tree of which nothing was peeled yet.
    pub const fn new(message: &'m Message) -> Self {
        Self {
            message,
            nodes: Vec::new(),
            buffers: Vec::new(),
            exhausted: Vec::new(),
            pattern: None,
            severed: Vec::new(),
            order: OnceLock::new(),
        }
    }

    /// The bytes of a node.
    pub fn bytes(&self, node: &Node) -> &[u8] {
        self.view(node.view())
    }

    /// The bytes of a range.
    pub fn view(&self, view: View) -> &[u8] {
        let buffer = self.buffers.get(view.buffer as usize).map_or(&[][..], |buffer| &buffer.bytes);
        buffer.get(view.start as usize..view.end as usize).unwrap_or_default()
    }

    /// A node by its index.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    /// The fields: nodes that nothing more was reached from.
    pub fn leaves(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.leaf)
            .map(|(id, node)| (u32::try_from(id).unwrap_or(u32::MAX), node))
    }

    /// The part of the message that a node came from.
    pub fn part(&self, node: &Node) -> Option<&'m Part> {
        let part = self.buffers.get(node.buffer as usize)?.part;
        self.message.parts.get(part as usize)
    }

    /// The range of the part of the message that bytes `start..end` of a buffer came from.
    pub fn reach(&self, buffer: BufferId, start: usize, end: usize) -> (usize, usize) {
        let (mut buffer, mut start, mut end) = (buffer, start, end);
        while let Some(Some((node, reach))) = self.buffers.get(buffer as usize).map(|b| b.from.as_ref()) {
            (start, end) = reach.back(start, end);
            let Some(parent) = self.node(*node) else { break };
            // A decoder sees only its parent's bytes, so the way back is relative to them.
            start = start.saturating_add(parent.start as usize).min(parent.end as usize);
            end = end.saturating_add(parent.start as usize).min(parent.end as usize);
            if parent.buffer == buffer {
                break;
            }
            buffer = parent.buffer;
        }
        (start, end)
    }

    /// The range of buffer `into` that bytes `start..end` of `buffer` came from; `None` if they did not come from there.
    pub fn reach_in(&self, into: BufferId, buffer: BufferId, start: usize, end: usize) -> Option<(usize, usize)> {
        let (mut buffer, mut start, mut end) = (buffer, start, end);
        while buffer != into {
            let (node, reach) = self.buffers.get(buffer as usize)?.from.as_ref()?;
            (start, end) = reach.back(start, end);
            let parent = self.node(*node)?;
            start = start.saturating_add(parent.start as usize).min(parent.end as usize);
            end = end.saturating_add(parent.start as usize).min(parent.end as usize);
            // Buffers stand in the order they were made in.
            if parent.buffer >= buffer {
                return None;
            }
            buffer = parent.buffer;
        }
        Some((start, end))
    }

    /// The frames that carried bytes `start..end` of a buffer.
    pub fn origins(&self, buffer: BufferId, start: usize, end: usize) -> Origins {
        let Some(part) = self.buffers.get(buffer as usize).and_then(|b| self.message.parts.get(b.part as usize)) else {
            return Origins::new();
        };
        let (start, end) = self.reach(buffer, start, end);
        let carried = part.origins.slice(start, end.max(start.saturating_add(1)));
        if !carried.is_empty() {
            return carried;
        }
        // The name of a header goes where its value goes, and with an empty one where its neighbours go.
        let mut others = std::iter::once(part).chain(&self.message.parts);
        let frame = others.find_map(|part| part.origins.first());
        frame.map_or_else(Origins::new, |frame| Origins::one(end.saturating_sub(start).max(1), frame))
    }

    /// The innermost node that views all of `start..end` of a buffer. What belongs to no single value of a shared
    /// buffer (a key) is the decoded node's.
    pub fn innermost(&self, buffer: BufferId, start: usize, end: usize) -> Option<NodeId> {
        let order = self.order.get_or_init(|| {
            let mut order: Vec<(View, NodeId)> = self.nodes.iter().map(Node::view).zip(0..).collect();
            // Views nest: sorted so, the nodes around a place stand before it, the innermost last.
            order.sort_by_key(|(view, id)| (view.buffer, view.start, u32::MAX - view.end, *id));
            order
        });
        let place = |view: &View| view.buffer < buffer || (view.buffer == buffer && view.start as usize <= start);
        let last = order.partition_point(|(view, _)| place(view)).checked_sub(1)?;
        let mut at = order.get(last).map(|(_, id)| *id);
        while let Some((id, node)) = at.and_then(|id| Some((id, self.node(id)?))) {
            if node.buffer == buffer && node.start as usize <= start && end <= node.end as usize {
                return Some(id);
            }
            at = node.parent;
        }
        self.buffers.get(buffer as usize)?.from.as_ref().map(|(id, _)| *id)
    }

    /// The last key, index or header name on the way to a node: what a person would call the field.
    pub fn name(&self, id: NodeId) -> Option<Cow<'_, str>> {
        let mut at = Some(id);
        while let Some(node) = at.and_then(|id| self.node(id)) {
            match node.step {
                Step::Key(key) => return Some(String::from_utf8_lossy(self.view(key))),
                Step::Name(name) => return Some(Cow::Borrowed(name)),
                Step::Part(part) => {
                    let part = self.message.parts.get(part as usize)?;
                    return (part.kind == PartKind::Header).then_some(Cow::Borrowed(part.name.as_str()));
                }
                Step::Number(number) => return Some(Cow::Owned(number.to_string())),
                Step::Open(_) | Step::Index(_) => at = node.parent,
            }
        }
        None
    }

    /// How a node was reached inside its message, outermost first: `["gzip", "json $.payload", "base64"]`,
    /// `["header cookie sid", "hex"]`, `["query q"]`.
    pub fn trail(&self, id: NodeId) -> Vec<String> {
        let mut way = Vec::new();
        let mut at = Some(id);
        while let Some(node) = at.and_then(|id| self.node(id)) {
            way.push(node.step);
            at = node.parent;
        }
        let mut trail: Vec<String> = Vec::new();
        // The first key of a step stands apart from the step's name.
        let mut first = true;
        let mut is_json = false;
        let mut part_kind = None;
        for step in way.into_iter().rev() {
            match step {
                Step::Part(part) => {
                    let Some(part) = self.message.parts.get(part as usize) else { continue };
                    match part.kind {
                        PartKind::Header => trail.push(format!("header {}", part.name)),
                        PartKind::Path => trail.push("path".to_owned()),
                        PartKind::Query => trail.push("query".to_owned()),
                        PartKind::Body | PartKind::Raw => {}
                    }
                    part_kind = Some(part.kind);
                    continue;
                }
                // A query is a form, a cookie header holds cookies: that goes without saying.
                Step::Open("form") if part_kind == Some(PartKind::Query) => {}
                Step::Open("path") if part_kind == Some(PartKind::Path) => {}
                Step::Open("cookie" | "params" | "authorization") if part_kind == Some(PartKind::Header) => {}
                Step::Open(decoder) => {
                    trail.push(decoder.to_owned());
                    first = true;
                    is_json = decoder == "json";
                }
                Step::Key(_) | Step::Name(_) | Step::Index(_) | Step::Number(_) => {
                    if trail.is_empty() {
                        trail.push(String::new());
                    }
                    let Some(path) = trail.last_mut() else { continue };
                    if first {
                        path.push_str(if is_json { " $" } else { " " });
                    }
                    self.push_key(path, step, first && !is_json);
                    first = false;
                }
            }
            part_kind = None;
        }
        trail
    }

    /// Writes one key of a path.
    fn push_key(&self, path: &mut String, step: Step, bare: bool) {
        let dot = if bare { "" } else { "." };
        let written = match step {
            Step::Index(index) => write!(path, "[{index}]"),
            Step::Number(number) => write!(path, "{dot}{number}"),
            Step::Name(name) => write!(path, "{dot}{name}"),
            Step::Key(key) => {
                let key = String::from_utf8_lossy(self.view(key));
                let simple = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@' | ':' | '/');
                if !key.is_empty() && key.len() <= KEY_SHOWN && key.chars().all(simple) {
                    write!(path, "{dot}{key}")
                } else {
                    let shown: String = key.chars().take(KEY_SHOWN).collect();
                    let more = if shown.len() < key.len() { "…" } else { "" };
                    write!(path, "[{shown:?}{more}]")
                }
            }
            Step::Part(_) | Step::Open(_) => Ok(()),
        };
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
}

/// Characters of one key that a trail shows.
const KEY_SHOWN: usize = 80;

impl Node {
    /// The range it views.
    pub const fn view(&self) -> View {
        View { buffer: self.buffer, start: self.start, end: self.end }
    }

    /// Whether it could be an opaque payload: bytes or text that nothing more was reached from.
    pub const fn is_payload(&self) -> bool {
        self.leaf && matches!(self.kind, Kind::Bytes | Kind::Text)
    }
}

impl Reach {
    /// The range there that holds `start..end` here, relative to the first byte the decoder was given.
    pub fn back(&self, start: usize, end: usize) -> (usize, usize) {
        match self {
            Self::Exact { start: from } => (start.saturating_add(*from as usize), end.saturating_add(*from as usize)),
            Self::Ratio { start: from, per, of } => {
                let (per, of, from) = (*per as usize, (*of).max(1) as usize, *from as usize);
                let first = (start / of).saturating_mul(per).saturating_add(from);
                let last = end.div_ceil(of).saturating_mul(per).saturating_add(from);
                (first, last)
            }
            Self::Table(pairs) => {
                let at = |here: usize, after: bool| {
                    let index = pairs.partition_point(|(o, _)| (*o as usize) <= here);
                    let (o, there) = index.checked_sub(1).and_then(|i| pairs.get(i)).copied().unwrap_or((0, 0));
                    let linear = (there as usize).saturating_add(here.saturating_sub(o as usize));
                    let next = pairs.get(index).map(|(_, t)| *t as usize);
                    match (after, next) {
                        // Past the last pair before `here`, bytes run one to one until the next pair.
                        (_, Some(next)) => linear.min(next),
                        (_, None) => linear,
                    }
                };
                let first = at(start, false);
                let last = at(end.saturating_sub(1), true).saturating_add(1);
                // The last byte here may be the first of a group there: take the group whole.
                let index = pairs.partition_point(|(o, _)| (*o as usize) < end);
                let group = pairs.get(index).map(|(_, t)| *t as usize);
                (
                    first,
                    group.map_or(last, |g| {
                        if index > 0 && g > last && pairs.get(index).is_some_and(|(o, _)| *o as usize == end) {
                            g
                        } else {
                            last
                        }
                    }),
                )
            }
            Self::Blocks(pairs) => {
                let from = pairs.partition_point(|(o, _)| *o as usize <= start).checked_sub(1);
                let first = from.and_then(|i| pairs.get(i)).map_or(0, |(_, t)| *t as usize);
                let to = pairs.get(pairs.partition_point(|(o, _)| (*o as usize) < end)).or(pairs.last());
                // An empty run may stand at an offset with two pairs: it ends where it begins.
                (first, to.map_or(first, |(_, t)| *t as usize).max(first))
            }
            Self::Within { start, end } => (*start as usize, *end as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_back_contains_the_source() {
        assert_eq!(Reach::Exact { start: 3 }.back(2, 5), (5, 8));
        assert_eq!(Reach::Ratio { start: 1, per: 4, of: 3 }.back(2, 4), (1, 9));
        // `a\u0041b`: three decoded bytes, eight encoded.
        let escapes = Reach::Table(vec![(0, 0), (1, 1), (2, 7)]);
        assert_eq!(escapes.back(1, 2), (1, 7));
        assert_eq!(escapes.back(0, 3), (0, 8));
        let blocks = Reach::Blocks(vec![(0, 10), (100, 50), (100, 60), (220, 90)]);
        assert_eq!(blocks.back(0, 100), (10, 50), "blocks may lie apart");
        assert_eq!(blocks.back(99, 101), (10, 90));
        assert_eq!(blocks.back(100, 220), (60, 90));
        assert_eq!(blocks.back(100, 100), (60, 60), "nothing, between two blocks that lie apart");
        assert_eq!(Reach::Within { start: 4, end: 90 }.back(1, 2), (4, 90));
    }
}
