//! Values that travel in pieces: a key press, a letter or a word at a time, each in a field of its own or in a message of
//! its own. Keyboards, live typing, recorders of sessions and crash reporters send them so, and no single field holds them.
//!
//! The pieces of one place (the same field of the same kind of message, array indices aside) are put together in the
//! order they came in; a planted value that stands in them, letter by letter, without anything between, was sent. By
//! chance letters spell [`SHORTEST`] given ones once in 26^8 places.

use super::assemble::{Detected, Scene, place};
use super::{Cx, Hit};
use crate::model::budget;
use crate::model::field::{Kind, Node, NodeId, Step, Tree};
use crate::model::origin::FrameNo;
use crate::model::scenario::{Party, Planted};
use crate::model::sighting::{Excerpt, Masked, Sighting, Strength};
use crate::model::stream::FlowKey;
use memchr::memmem;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Letters and digits that a value must have to be recognised in pieces.
const SHORTEST: usize = 8;
/// Bytes of a piece: more is no key press and no word.
const LONGEST_PIECE: usize = 64;
/// Wrong letters that may stand at the end until they are erased.
const MISTYPED: usize = 3;
/// The detector that says what this finds.
pub(super) const DETECTOR: &str = "spelled-out";
/// How it travelled.
const FORM: &str = "piece by piece";

/// Keys that write nothing, as the DOM names them (UI Events KeyboardEvent key Values).
const SILENT: &[&[u8]] = &[
    b"Shift",
    b"CapsLock",
    b"Alt",
    b"AltGraph",
    b"Control",
    b"Meta",
    b"Dead",
    b"Process",
    b"Unidentified",
    b"Enter",
    b"Tab",
    b"ArrowLeft",
    b"ArrowRight",
    b"Space",
    b"KEYCODE_SPACE",
    b"KEYCODE_SHIFT_LEFT",
];
/// Keys that take the last letter away.
const ERASING: &[&[u8]] = &[b"Backspace", b"KEYCODE_DEL"];
/// What stands in front of a letter in the names of keys.
const KEYS: &[&[u8]] = &[b"Key", b"Digit", b"KEYCODE_"];

/// A piece as it is compared: letters and digits, in lower case.
type Letters = SmallVec<[u8; 24]>;

/// Planted values as they are spelled.
#[derive(Debug, Default)]
pub(super) struct Spelling {
    values: Vec<(usize, Letters)>,
    /// One bit for each byte that one begins with.
    firsts: [u64; 4],
}

fn letters(text: &str) -> Letters {
    let mut out = Letters::new();
    if text.is_ascii() {
        for byte in text.bytes().filter(u8::is_ascii_alphanumeric) {
            out.push(byte.to_ascii_lowercase());
        }
        return out;
    }
    for letter in text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase) {
        out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out
}

impl Spelling {
    pub(super) fn new(planted: &[Planted]) -> Self {
        let values: Vec<(usize, Letters)> = planted
            .iter()
            .enumerate()
            .map(|(index, planted)| (index, letters(&planted.value)))
            .filter(|(_, value)| std::str::from_utf8(value).is_ok_and(|text| text.chars().count() >= SHORTEST))
            .collect();
        let mut firsts = [0; 4];
        for first in values.iter().filter_map(|(_, value)| value.first()) {
            if let Some(word) = firsts.get_mut(usize::from(first >> 6)) {
                *word |= 1 << (first & 63);
            }
        }
        Self { values, firsts }
    }

    fn is_first(&self, byte: u8) -> bool {
        self.firsts.get(usize::from(byte >> 6)).is_some_and(|word| word & (1 << (byte & 63)) != 0)
    }

    /// Whether a value may begin in a field, told from its bytes as they are: nearly all fields by this alone.
    fn may_begin(&self, bytes: &[u8]) -> bool {
        let is_piece = |from: usize| {
            let rest = bytes.get(from..).unwrap_or_default().iter().filter(|byte| byte.is_ascii_alphanumeric());
            let same = |value: &[u8]| {
                let mut rest = rest.clone();
                value.iter().all(|letter| rest.next().is_none_or(|byte| byte.to_ascii_lowercase() == *letter))
            };
            self.values.iter().any(|(_, value)| same(value))
        };
        !bytes.is_ascii() || (0..).zip(bytes).any(|(at, byte)| self.is_first(byte.to_ascii_lowercase()) && is_piece(at))
    }

    /// Whether a value may begin within the first `within` bytes of `text` and go on to its end.
    fn begins(&self, text: &[u8], within: usize) -> bool {
        text.iter().take(within).enumerate().filter(|(_, byte)| self.is_first(**byte)).any(|(from, _)| {
            let rest = text.get(from..).unwrap_or_default();
            self.values.iter().any(|(_, value)| value.starts_with(rest) || rest.starts_with(value))
        })
    }
}

/// What a short field adds to the pieces before it.
enum Stroke {
    Letters(Letters),
    Erase,
    Nothing,
}

impl Stroke {
    /// Whether a value may begin with it.
    fn begins(&self, spelling: &Spelling) -> bool {
        matches!(self, Self::Letters(piece) if spelling.begins(piece, piece.len()))
    }
}

fn stroke(tree: &Tree<'_>, node: &Node) -> Option<Stroke> {
    let bytes = tree.bytes(node);
    if bytes.len() > LONGEST_PIECE {
        return None;
    }
    if let Kind::Integer(code) = node.kind {
        // A digit that was typed, or the code of a key that writes what ASCII says.
        return Some(match u8::try_from(code) {
            Ok(digit @ 0..=9) => Stroke::Letters(Letters::from_slice(&[b'0' + digit])),
            Ok(code @ 0x20..=0x7e) => {
                let code = code.to_ascii_lowercase();
                if code.is_ascii_alphanumeric() {
                    Stroke::Letters(Letters::from_slice(&[code]))
                } else {
                    Stroke::Nothing
                }
            }
            _ => return None,
        });
    }
    if !matches!(node.kind, Kind::Bytes | Kind::Text) || bytes.is_empty() {
        return None;
    }
    if ERASING.contains(&bytes) {
        return Some(Stroke::Erase);
    }
    if SILENT.contains(&bytes) {
        return Some(Stroke::Nothing);
    }
    let bare = KEYS.iter().find_map(|key| bytes.strip_prefix(*key).filter(|rest| rest.len() == 1));
    let letters = letters(std::str::from_utf8(bare.unwrap_or(bytes)).ok()?);
    Some(if letters.is_empty() { Stroke::Nothing } else { Stroke::Letters(letters) })
}

/// Pieces of one place, in the order they came in.
#[derive(Debug)]
struct Line<T> {
    text: Vec<u8>,
    /// Where each of them ends, and where it was seen.
    pieces: VecDeque<(usize, T)>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { text: Vec::new(), pieces: VecDeque::new() }
    }
}

impl<T> Line<T> {
    /// Adds what was seen; the planted value that it completes, and its pieces.
    fn push(&mut self, spelling: &Spelling, stroke: Stroke, at: T) -> Option<(usize, Vec<T>)> {
        let piece = match stroke {
            Stroke::Letters(piece) => piece,
            Stroke::Erase => {
                self.pieces.pop_back();
                self.text.truncate(self.pieces.back().map_or(0, |(end, _)| *end));
                return None;
            }
            Stroke::Nothing => return None,
        };
        self.text.extend_from_slice(&piece);
        self.pieces.push_back((self.text.len(), at));
        let found = spelling.values.iter().find_map(|(planted, value)| {
            let from = self.text.len().saturating_sub(piece.len().saturating_add(value.len()));
            let text = self.text.get(from..).filter(|text| text.len() >= value.len())?;
            let start = from.saturating_add(memmem::rfind(text, value)?);
            Some((*planted, start, start.saturating_add(value.len())))
        });
        let Some((planted, start, end)) = found else {
            self.forget(spelling);
            return None;
        };
        // A piece belongs to it if it ends behind its first letter and begins before its last.
        let first = self.pieces.partition_point(|(ends, _)| *ends <= start);
        let last = self.pieces.partition_point(|(ends, _)| *ends < end);
        let parts = last.saturating_sub(first).saturating_add(1);
        let pieces: Vec<T> = self.pieces.drain(..).map(|(_, at)| at).skip(first).take(parts).collect();
        self.text.clear();
        // What one field holds by itself is no news.
        (pieces.len() > 1).then_some((planted, pieces))
    }

    /// Drops the oldest pieces that no value can have begun with, mistypings that may still be erased aside.
    fn forget(&mut self, spelling: &Spelling) {
        while let Some(first) = self.pieces.front().map(|(end, _)| *end) {
            let ends = self.pieces.iter().rev().take(MISTYPED + 1).map(|(end, _)| *end);
            let may = |end: usize| self.text.get(..end).is_some_and(|text| spelling.begins(text, first));
            if ends.into_iter().any(may) {
                return;
            }
            self.pieces.pop_front();
            self.text.drain(..first.min(self.text.len()));
            for (end, _) in &mut self.pieces {
                *end = end.saturating_sub(first);
            }
        }
    }
}

/// The same field of the same kind of message, array indices and numbers in its label aside.
fn position(tree: &Tree<'_>, node: &Node) -> u64 {
    let mut hash = DefaultHasher::new();
    let message = tree.message;
    (message.protocol, message.direction.index(), &message.host).hash(&mut hash);
    message.label.bytes().filter(|byte| !byte.is_ascii_digit()).for_each(|byte| hash.write_u8(byte));
    let mut at = Some(node);
    while let Some(node) = at {
        match node.step {
            Step::Index(_) => {}
            Step::Key(key) => tree.view(key).hash(&mut hash),
            Step::Name(name) | Step::Open(name) => name.hash(&mut hash),
            Step::Number(number) => number.hash(&mut hash),
            Step::Part(part) => {
                if let Some(part) = message.parts.get(part as usize) {
                    (part.kind as u8, &part.name).hash(&mut hash);
                }
            }
        }
        at = node.parent.and_then(|id| tree.node(id));
    }
    hash.finish()
}

/// Whether a field is an item of a list, or stands in one.
fn is_listed(tree: &Tree<'_>, node: &Node) -> bool {
    let above = std::iter::successors(Some(node), |node| tree.node(node.parent?));
    above.take(4).any(|node| matches!(node.step, Step::Index(_)))
}

/// Values that the lists of one message spell out.
pub(super) fn in_message(tree: &Tree<'_>, cx: &Cx<'_>, out: &mut Vec<Hit>) {
    let spelling = &cx.matcher.spelling;
    // Most messages have no list at all, and what stands before the first is in none.
    let first = tree.nodes.iter().position(|node| matches!(node.step, Step::Index(_)));
    let Some(first) = first.filter(|_| !spelling.values.is_empty()) else { return };
    let mut lines: HashMap<u64, Line<NodeId>> = HashMap::new();
    // One place holds several fields of a message where they are items of a list.
    for (id, node) in (0..).zip(&tree.nodes).skip(first) {
        if !node.leaf || node.end.saturating_sub(node.start) as usize > LONGEST_PIECE || !is_listed(tree, node) {
            continue;
        }
        let is_text = matches!(node.kind, Kind::Bytes | Kind::Text);
        // Most fields are no part of anything: where they stand need not be known.
        if lines.is_empty() && is_text && !spelling.may_begin(tree.bytes(node)) {
            continue;
        }
        let Some(stroke) = stroke(tree, node) else { continue };
        let begins = stroke.begins(spelling);
        if !begins && lines.is_empty() {
            continue;
        }
        let at = position(tree, node);
        if !begins && !lines.contains_key(&at) {
            continue;
        }
        let line = lines.entry(at).or_default();
        let found = line.push(spelling, stroke, id);
        if line.pieces.is_empty() {
            lines.remove(&at);
        }
        let Some((planted, pieces)) = found else { continue };
        let (Some(first), Some(last)) = (pieces.first().and_then(|id| tree.node(*id)), tree.node(id)) else { continue };
        let start = if first.buffer == last.buffer { first.start } else { last.start };
        out.extend(cx.planted.get(planted).map(|value| Hit {
            detector: DETECTOR,
            data: value.data,
            planted: Some(planted),
            form: Cow::Borrowed(FORM),
            strength: Strength::Value,
            buffer: last.buffer,
            start: start as usize,
            end: last.end as usize,
            node: Some(id),
            reason: says(value, pieces.len()),
            conclusive: false,
        }));
    }
}

fn says(planted: &Planted, pieces: usize) -> Cow<'static, str> {
    Cow::Owned(format!("The planted {} \"{}\", piece by piece ({pieces} of them)", planted.data.label(), planted.id))
}

/// A flow, its first frame, and a place in its messages.
type At = (FlowKey, FrameNo, u64);
/// The number of a message, and the frames that carried a piece.
type Seen = (u64, SmallVec<[FrameNo; 2]>);

/// Follows what messages of the same flow spell out together.
#[derive(Debug, Default)]
pub struct Speller {
    lines: HashMap<At, Line<Seen>>,
    messages: u64,
    forgot: bool,
}

impl Speller {
    /// Takes a message; what it completes that earlier ones began.
    pub fn follow(&mut self, tree: &Tree<'_>, cx: &Cx<'_>, scene: &Scene<'_>) -> Detected {
        let mut detected = Detected::default();
        let (spelling, Some(flow)) = (&cx.matcher.spelling, scene.flow) else { return detected };
        if spelling.values.is_empty() {
            return detected;
        }
        self.messages = self.messages.saturating_add(1);
        for (id, node) in tree.leaves() {
            let Some(stroke) = stroke(tree, node) else { continue };
            let begins = stroke.begins(spelling);
            if !begins && self.lines.is_empty() {
                continue;
            }
            let key = (flow, scene.flow_start, position(tree, node));
            if !self.lines.contains_key(&key) {
                if !begins {
                    continue;
                }
                self.make_room();
            }
            let (start, end) = (node.start as usize, node.end as usize);
            let frames = tree.origins(node.buffer, start, end).frames();
            let line = self.lines.entry(key).or_default();
            let found = line.push(spelling, stroke, (self.messages, frames.into()));
            if line.pieces.is_empty() {
                self.lines.remove(&key);
            }
            let Some((planted, pieces)) = found else { continue };
            // What a list holds by itself is found in its message.
            let spread = !is_listed(tree, node) || pieces.iter().any(|(message, _)| *message != self.messages);
            let Some(value) = cx.planted.get(planted).filter(|_| spread) else { continue };
            let mut place = place(tree, scene, Some(id), node.buffer, start, end);
            place.frames = pieces
                .iter()
                .flat_map(|(_, frames)| frames.iter().copied())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
            detected.sightings.push(Sighting {
                detector: DETECTOR,
                data: value.data,
                planted: Some(value.id.clone()),
                form: FORM.to_owned(),
                strength: Strength::Value,
                excerpt: Excerpt {
                    before: Masked::new(String::new()),
                    found: Masked::new(value.value.clone()),
                    after: Masked::new(String::new()),
                },
                reason: format!(
                    "{}, the last in \"{}\" at {}.",
                    says(value, pieces.len()),
                    tree.message.label,
                    tree.trail(id).join(" > ")
                ),
                place,
                conclusive: false,
                party: Party::Unlisted,
                audiences: Vec::new(),
            });
        }
        detected
    }

    /// Whether pieces were forgotten since this was last asked: more fields were in the middle of a value than are kept.
    pub fn has_forgotten(&mut self) -> bool {
        std::mem::take(&mut self.forgot)
    }

    /// Forgets the line that has waited longest, if there are too many.
    fn make_room(&mut self) {
        if self.lines.len() < budget::SPELLED_PLACES {
            return;
        }
        let newest = |line: &Line<_>| line.pieces.back().map_or(0, |(_, (message, _))| *message);
        let oldest = self.lines.iter().min_by_key(|(key, line)| (newest(line), **key)).map(|(key, _)| *key);
        if let Some(line) = oldest.and_then(|key| self.lines.remove(&key)) {
            self.forgot |= line.text.len() >= SHORTEST / 2;
        }
    }
}
