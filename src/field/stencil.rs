//! The structure of records that are built alike: learned from one, and laid over the next.
//!
//! Programs write their records from a few statements, so between the values of one stand the very bytes that stand
//! between those of another. JSON is told from left to right: where these bytes are equal, everything but the values is,
//! and neither names nor containers need be read again. What is laid over a record is, node for node, what reading it
//! would have given; a record that differs anywhere is read.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::field::decoder::json::{self, FEWEST_BYTES, JSON, unescape};
use crate::field::fields::{Fields, to_u32};
use crate::field::shape::Shape;
use crate::model::budget;
use crate::model::field::{Kind, Node, NodeId, Reach, Step, Tree, View};
use std::ops::Range;

/// Values of a record whose structure is remembered.
const VALUES: usize = 256;
/// Structures that may follow one another at one place: more are no statement's.
const ALTERNATIVES: usize = 24;
/// Marks that there is no further edge.
const NONE: u32 = u32::MAX;

/// The structures of records met so far.
#[derive(Debug, Default)]
pub struct Stencils {
    /// For every place behind a value, and the beginning, the edge that was taken last.
    points: Vec<u32>,
    edges: Vec<Edge>,
    /// The bytes between values, one run after the other.
    literals: Vec<u8>,
    patterns: Vec<Pattern>,
    /// Nodes of all patterns.
    nodes: usize,
    /// Records that were looked at for a structure.
    tries: usize,
    /// What stands at the places for values in the record at hand.
    values: Vec<Value>,
    /// How much further every run of bytes between values stands in the record at hand than in the one it was learned from.
    shifts: Vec<u32>,
    /// Room for the nodes of the next record, from one that is done with.
    spare: Vec<Node>,
}

/// Bytes that may follow a value, or begin a record.
#[derive(Clone, Debug)]
struct Edge {
    literal: Range<usize>,
    /// Another that may.
    other: u32,
    to: To,
}

/// What follows bytes between values.
#[derive(Clone, Copy, Debug)]
enum To {
    /// A value in quotes, and the point behind it.
    Text(u32),
    /// A number, a truth value or null, and the point behind it.
    Bare(u32),
    /// The end: the record is of this pattern.
    End(u32),
}

/// A value of the record at hand.
#[derive(Clone, Copy, Debug)]
struct Value {
    start: u32,
    end: u32,
    /// Its first escape.
    escape: Option<u32>,
    /// The text that its escapes stand for, once they are undone.
    text: Option<View>,
    kind: Kind,
    shape: Shape,
}

/// All nodes of a structure behind the decoder's own.
#[derive(Debug)]
struct Pattern {
    marks: Vec<Mark>,
    /// Where its runs of bytes between values begin.
    starts: Vec<u32>,
}

/// A node, and what moves its ends.
#[derive(Debug)]
struct Mark {
    node: Node,
    /// The run of bytes that its key stands in.
    key: usize,
    span: Span,
}

#[derive(Clone, Copy, Debug)]
enum Span {
    /// It is the value at this place.
    Value(usize),
    /// It begins in one run of bytes between values, and ends in another.
    Literals(usize, usize),
}

impl Stencils {
    /// Room for nodes.
    pub(super) fn room(&mut self) -> Vec<Node> {
        let mut room = std::mem::take(&mut self.spare);
        room.clear();
        room
    }

    /// Takes the room of a tree that is done with, for the next one.
    pub fn reuse(&mut self, tree: Tree<'_>) {
        if tree.nodes.capacity() <= 4 * VALUES {
            self.spare = tree.nodes;
        }
    }

    /// Tells which known structure a record has; what its values are is remembered for [`Stencils::lay`].
    fn read(&mut self, bytes: &[u8]) -> Option<usize> {
        self.values.clear();
        self.shifts.clear();
        let (mut at, mut point) = (0_usize, 0_u32);
        loop {
            let rest = bytes.get(at..)?;
            let (to, value) = self.follow(bytes, at, rest, point)?;
            self.shifts.push(to_u32(at));
            match to {
                To::End(pattern) => {
                    let pattern = pattern as usize;
                    for (shift, start) in self.shifts.iter_mut().zip(&self.patterns.get(pattern)?.starts) {
                        *shift = shift.wrapping_sub(*start);
                    }
                    return Some(pattern);
                }
                To::Text(next) | To::Bare(next) => {
                    let value = value?;
                    at = value.end as usize;
                    self.values.push(value);
                    point = next;
                }
            }
        }
    }

    /// What known bytes lead to from a point, and the value behind them.
    #[inline]
    fn follow(&mut self, bytes: &[u8], at: usize, rest: &[u8], point: u32) -> Option<(To, Option<Value>)> {
        let mut before = NONE;
        let mut index = *self.points.get(point as usize)?;
        loop {
            let Edge { literal, other, to } = self.edges.get(index as usize)?;
            let (other, to) = (*other, *to);
            let literal = self.literals.get(literal.clone())?;
            if rest.starts_with(literal) {
                let len = literal.len();
                let start = at.saturating_add(len);
                let value = match to {
                    To::Text(_) => Some(text(bytes, start)?),
                    To::Bare(_) => bare(bytes, start),
                    To::End(_) => None,
                };
                let fits = match to {
                    To::End(_) => len == rest.len(),
                    _ => value.is_some(),
                };
                if fits {
                    // What was met last is met again soon.
                    if before != NONE {
                        let first = self.points.get(point as usize).copied().unwrap_or(NONE);
                        if let Some(before) = self.edges.get_mut(before as usize) {
                            before.other = other;
                        }
                        if let Some(edge) = self.edges.get_mut(index as usize) {
                            edge.other = first;
                        }
                        if let Some(slot) = self.points.get_mut(point as usize) {
                            *slot = index;
                        }
                    }
                    return Some((to, value));
                }
            }
            before = index;
            index = other;
        }
    }

    /// Puts out what reading a record would have put out, if its structure is known: which one it is, and how many nodes
    /// there are.
    pub(super) fn lay(&mut self, bytes: &[u8], fields: &mut Fields<'_>) -> Option<(usize, usize)> {
        let index = self.read(bytes)?;
        for value in &mut self.values {
            if let Some(escape) = value.escape {
                let (text, shape) = unescape(bytes, value.start as usize..escape as usize, fields)?;
                (value.text, value.shape) = (Some(text), shape);
            }
        }
        let pattern = self.patterns.get(index)?;
        let moved = |offset: u32, literal: usize| offset.wrapping_add(self.shifts.get(literal).copied().unwrap_or(0));
        fields.stamp(pattern.marks.iter().map(|mark| {
            let mut node = mark.node.clone();
            if let Step::Key(view) = node.step {
                let (start, end) = (moved(view.start, mark.key), moved(view.end, mark.key));
                node.step = Step::Key(View { start, end, ..view });
            }
            match mark.span {
                Span::Value(place) => {
                    if let Some(value) = self.values.get(place) {
                        (node.start, node.end) = (value.start, value.end);
                        (node.kind, node.shape) = (value.kind, value.shape);
                        if let Some(text) = value.text {
                            (node.buffer, node.start, node.end) = (text.buffer, text.start, text.end);
                            node.fresh = true;
                        }
                    }
                }
                Span::Literals(first, last) => {
                    (node.start, node.end) = (moved(node.start, first), moved(node.end, last));
                }
            }
            node
        }));
        Some((index, pattern.marks.len()))
    }

    /// Remembers the structure of a record that was read, if it is one that shows between its values alone.
    pub(super) fn learn(&mut self, tree: &Tree<'_>) {
        let Some(buffer) = tree.buffers.first().filter(|_| tree.buffers.len() <= 2) else { return };
        let bytes = &*buffer.bytes;
        if self.is_full() || bytes.len() > budget::STENCIL_RECORD {
            return;
        }
        self.tries = self.tries.saturating_add(1);
        let Some(([_, json], nodes)) = tree.nodes.split_first_chunk::<2>() else { return };
        let odd = Shape::of(bytes).meets(Shape::NUL.or(Shape::CONTROL)) || std::str::from_utf8(bytes).is_err();
        if odd || json.step != Step::Open(JSON.name) || !json.whole || nodes.is_empty() {
            return;
        }
        if !tree.exhausted.is_empty() || nodes.len() > 2 * VALUES {
            return;
        }
        // Where the values stand in the record, whether they were read from there or had to be decoded.
        let Some(nodes) = nodes.iter().map(|node| undecoded(tree, node)).collect::<Option<Vec<Node>>>() else { return };
        if !is_simple(&nodes, bytes) {
            return;
        }
        let nodes = nodes.as_slice();
        let leaves: Vec<&Node> = nodes.iter().filter(|node| node.leaf).collect();
        if leaves.len() > VALUES || has_number_lists(nodes) {
            return;
        }
        // The runs of bytes before each value and behind the last one.
        let mut runs: Vec<Range<usize>> = Vec::with_capacity(leaves.len().saturating_add(1));
        let mut at = 0;
        for leaf in &leaves {
            let (start, end) = (leaf.start as usize, leaf.end as usize);
            if start < at || end < start {
                return;
            }
            runs.push(at..start);
            at = end;
        }
        runs.push(at..bytes.len());
        let run_of = |offset: u32| runs.partition_point(|run| run.start <= offset as usize).saturating_sub(1);
        let mut place = 0_usize;
        let mut marks = Vec::with_capacity(nodes.len());
        for node in nodes {
            let key = if let Step::Key(view) = node.step { run_of(view.start) } else { 0 };
            let span = if node.leaf {
                place = place.saturating_add(1);
                Span::Value(place.saturating_sub(1))
            } else {
                Span::Literals(run_of(node.start), run_of(node.end.saturating_sub(1)))
            };
            marks.push(Mark { node: node.clone(), key, span });
        }
        let starts = runs.iter().map(|run| to_u32(run.start)).collect();
        let kinds: Vec<bool> = leaves.iter().map(|leaf| matches!(leaf.kind, Kind::Text)).collect();
        self.insert(bytes, &runs, &kinds, Pattern { marks, starts });
    }

    /// How many structures are remembered, and how many nodes of them.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> (usize, usize) {
        (self.patterns.len(), self.nodes)
    }

    /// Whether no more structures are remembered: a store has few, and what has many has none.
    fn is_full(&self) -> bool {
        self.patterns.len() >= budget::STENCILS
            || self.literals.len() >= budget::STENCIL_BYTES
            || self.nodes >= budget::STENCIL_NODES
            || self.tries >= budget::STENCIL_TRIES
    }

    fn insert(&mut self, bytes: &[u8], runs: &[Range<usize>], kinds: &[bool], pattern: Pattern) {
        if self.points.is_empty() {
            self.points.push(NONE);
        }
        let mut point = 0_u32;
        for (place, run) in runs.iter().enumerate() {
            let literal = bytes.get(run.clone()).unwrap_or_default();
            let text = kinds.get(place);
            let mut index = self.points.get(point as usize).copied().unwrap_or(NONE);
            let mut others = 0_usize;
            let next = loop {
                let Some(edge) = self.edges.get(index as usize) else { break None };
                if self.literals.get(edge.literal.clone()) == Some(literal) {
                    match (edge.to, text) {
                        (To::Text(next), Some(true)) | (To::Bare(next), Some(false)) => break Some(next),
                        (To::End(_), None) => return,
                        _ => {}
                    }
                }
                others = others.saturating_add(1);
                index = edge.other;
            };
            if let Some(next) = next {
                point = next;
                continue;
            }
            if others >= ALTERNATIVES {
                return;
            }
            let new = to_u32(self.points.len());
            let to = match text {
                Some(true) => To::Text(new),
                Some(false) => To::Bare(new),
                None => To::End(to_u32(self.patterns.len())),
            };
            let start = self.literals.len();
            self.literals.extend_from_slice(literal);
            let edge = to_u32(self.edges.len());
            if let Some(first) = self.points.get_mut(point as usize) {
                self.edges.push(Edge { literal: start..self.literals.len(), other: *first, to });
                *first = edge;
            }
            if text.is_some() {
                self.points.push(NONE);
                point = new;
            }
        }
        self.nodes = self.nodes.saturating_add(pattern.marks.len());
        self.patterns.push(pattern);
    }
}

/// A node with its range in the record itself; `None` if that is not known.
fn undecoded(tree: &Tree<'_>, node: &Node) -> Option<Node> {
    if node.buffer == 0 {
        return Some(node.clone());
    }
    let Some((0, Reach::Table(way))) = &tree.buffers.get(node.buffer as usize)?.from else { return None };
    let at = |here: u32| Some(way.get(way.binary_search_by_key(&here, |(here, _)| *here).ok()?)?.1);
    let (start, end) = (at(node.start)?, at(node.end)?);
    Some(Node { buffer: 0, start, end, fresh: false, shape: Shape::ANY, ..node.clone() })
}

/// Whether all of the structure shows between the values: nothing of it was decoded, cut short or put out beside it.
fn is_simple(nodes: &[Node], bytes: &[u8]) -> bool {
    nodes.iter().all(|node| {
        let step = match node.step {
            Step::Key(view) => view.buffer == 0,
            Step::Index(_) => true,
            Step::Part(_) | Step::Open(_) | Step::Name(_) | Step::Number(_) => false,
        };
        let quoted = node.start.checked_sub(1).and_then(|before| bytes.get(before as usize)) == Some(&b'"')
            && bytes.get(node.end as usize) == Some(&b'"');
        let value = match node.kind {
            // One without members is all structure.
            Kind::Container => !node.leaf,
            Kind::Text => node.leaf && quoted,
            Kind::Integer(_) | Kind::Float(_) | Kind::Simple => node.leaf,
            Kind::Bytes => false,
        };
        node.buffer == 0 && step && node.whole && !node.fresh && value
    })
}

/// Whether some list is of numbers alone, and long: its bytes may be put out, which depends on what they are.
fn has_number_lists(nodes: &[Node]) -> bool {
    let mut members: Vec<(NodeId, u32, bool)> = Vec::new();
    for node in nodes {
        let parent = node.parent.unwrap_or_default();
        let bare = matches!(node.kind, Kind::Integer(_) | Kind::Float(_) | Kind::Simple);
        match members.iter_mut().rev().find(|(id, ..)| *id == parent) {
            Some((_, count, all)) => (*count, *all) = (count.saturating_add(1), *all && bare),
            None => members.push((parent, 1, bare)),
        }
    }
    members.iter().any(|(_, count, bare)| *bare && *count >= FEWEST_BYTES)
}

/// The text that begins at `start` and ends before a quote; `None` if it has no end, or holds what makes records be looked
/// at in another way. Its escapes are found and not undone.
#[inline]
fn text(bytes: &[u8], start: usize) -> Option<Value> {
    const STOP: Shape = Shape::QUOTE.or(Shape::BACKSLASH);
    let rest = bytes.get(start..)?;
    let (mut shape, mut len) = (Shape::NONE, 0_usize);
    for eight in rest.as_chunks::<8>().0 {
        let classes = eight.iter().fold(Shape::NONE, |classes, byte| classes | Shape::of_byte(*byte));
        if classes.meets(STOP) {
            break;
        }
        shape = shape | classes;
        len = len.saturating_add(8);
    }
    loop {
        let class = Shape::of_byte(*rest.get(len)?);
        if class.meets(STOP) {
            break;
        }
        shape = shape | class;
        len = len.saturating_add(1);
    }
    let end = to_u32(start.saturating_add(len));
    let value = Value { start: to_u32(start), end, escape: None, text: None, kind: Kind::Text, shape };
    if rest.get(len) != Some(&b'"') {
        // What it stands for is told later, if the record is one of a known structure.
        let len = len.saturating_add(escaped_len(rest.get(len..)?)?);
        let written = rest.get(..len)?;
        let odd = Shape::of(written).meets(Shape::NUL.or(Shape::CONTROL)) || std::str::from_utf8(written).is_err();
        return (!odd).then(|| Value { end: to_u32(start.saturating_add(len)), escape: Some(end), ..value });
    }
    let odd = shape.meets(Shape::NUL.or(Shape::CONTROL))
        || (shape.meets(Shape::HIGH) && std::str::from_utf8(rest.get(..len)?).is_err());
    (!odd).then_some(value)
}

/// Bytes from the first escape of a text to its closing quote.
fn escaped_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0_usize;
    loop {
        at = at.saturating_add(memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?);
        if bytes.get(at) == Some(&b'"') {
            return Some(at);
        }
        at = at.saturating_add(2);
    }
}

/// The number or word that begins at `start`.
#[inline]
fn bare(bytes: &[u8], start: usize) -> Option<Value> {
    let (len, kind) = json::bare(bytes.get(start..)?)?;
    Some(Value {
        start: to_u32(start),
        end: to_u32(start.saturating_add(len)),
        escape: None,
        text: None,
        kind,
        shape: Shape::ANY,
    })
}
