//! Fields → sightings: finds planted values and personal data in whatever was peeled.
//!
//! In: a message's [`Tree`]. Out: [`Hit`]s, which the assembler turns into
//! [`Sighting`](crate::model::sighting::Sighting)s. A detector states facts; it never judges. To add one: one file in
//! `detector/` with a [`Card`] that carries its own hits and misses, and two lines in `detector/mod.rs`.

mod around;
pub mod assemble;
mod beginning;
pub mod call;
mod coded;
pub mod detector;
mod digest;
mod edge;
mod engine;
pub mod envelope;
mod folded;
mod forms;
mod globe;
mod keyed;
mod listed;
pub mod matcher;
pub mod pair;
mod pencil;
mod phone;
mod place;
mod repeats;
mod rule;
pub mod run;
mod spell;
mod text;

#[cfg(test)]
mod tests;

use crate::model::field::{BufferId, NodeId, Tree};
use crate::model::scenario::Planted;
use crate::model::sighting::Strength;
use crate::model::taxonomy::Data;
pub use assemble::{Detected, Scene, detect, detect_beside};
pub use matcher::{Glance, Matcher};
pub use spell::Speller;
use std::borrow::Cow;

/// What a detector is, for docs, `explain` and machine-readable reports.
#[derive(Debug)]
pub struct Card {
    /// Unique, kebab-case.
    pub id: &'static str,
    /// A title for people.
    pub title: &'static str,
    /// Why it matters to a person whose data it is: a sentence or two.
    pub why: &'static str,
    /// Inputs it must find something in.
    pub hits: &'static [Example],
    /// Inputs it must find nothing in.
    pub misses: &'static [Example],
}

/// An input for a detector: a message body, and what was planted.
#[derive(Debug)]
pub struct Example {
    /// The body.
    pub body: &'static [u8],
    /// What was planted: data name and value.
    pub planted: &'static [(&'static str, &'static str)],
}

/// What detectors need besides the message.
#[derive(Clone, Copy, Debug)]
pub struct Cx<'a> {
    /// What was planted.
    pub planted: &'a [Planted],
    /// The same, compiled: [`Matcher::new`] of `planted`.
    pub matcher: &'a Matcher,
    /// What a first look at each buffer told; empty where nobody looked.
    pub glances: &'a [Glance],
    /// What its short fields decode to; `None` where nobody looked.
    coded: Option<&'a [coded::Coded]>,
}

impl<'a> Cx<'a> {
    /// For messages of which nothing is known yet.
    pub const fn new(planted: &'a [Planted], matcher: &'a Matcher) -> Self {
        Self { planted, matcher, glances: &[], coded: None }
    }

    /// What the short fields of a message decode to.
    fn coded(&self, tree: &Tree<'_>) -> Cow<'a, [coded::Coded]> {
        self.coded.map_or_else(|| Cow::Owned(coded::all(tree)), Cow::Borrowed)
    }

    /// Whether words that detectors go by may stand in a buffer.
    fn may_hold_words(&self, buffer: BufferId) -> bool {
        self.glances.get(buffer as usize).is_none_or(|glance| glance.words)
    }

    /// Whether forms of planted values may stand in a buffer.
    fn may_hold_planted(&self, buffer: BufferId) -> bool {
        self.glances.get(buffer as usize).is_none_or(|glance| glance.planted)
    }

    /// Whether a buffer is text in UTF-8.
    fn is_plain(&self, buffer: BufferId, bytes: &[u8]) -> bool {
        self.glances.get(buffer as usize).map_or_else(|| text::is_plain(bytes), |glance| glance.made.is_plain)
    }

    /// Whether bytes beyond ASCII may stand in a buffer.
    fn may_hold_high(&self, buffer: BufferId) -> bool {
        self.glances.get(buffer as usize).is_none_or(|glance| !glance.made.is_ascii)
    }

    /// Whether folding may change more of what stands in a buffer than the case of letters.
    fn may_fold(&self, buffer: BufferId) -> bool {
        self.glances.get(buffer as usize).is_none_or(|glance| !glance.made.is_even)
    }
}

/// One find, before it has a trail and a place.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The detector's id.
    pub detector: &'static str,
    /// Category of what was found.
    pub data: Data,
    /// Index of the planted value; `None` for data found by rule alone.
    pub planted: Option<usize>,
    /// The form.
    pub form: Cow<'static, str>,
    /// The value or a pseudonym.
    pub strength: Strength,
    /// The buffer it stands in.
    pub buffer: BufferId,
    /// First byte in the buffer.
    pub start: usize,
    /// One past the last byte in the buffer.
    pub end: usize,
    /// The node, when the detector knows it; else the innermost around the range.
    pub node: Option<NodeId>,
    /// One sentence, without its place and full stop.
    pub reason: Cow<'static, str>,
    /// Contradicts without being planted.
    pub conclusive: bool,
}

/// A detector: stateless, shared by all workers.
pub trait Detector: Sync {
    /// What it is.
    fn card(&self) -> &'static Card;
    /// The one kind of data that it finds, by rule and without proof; `None` for detectors that find more than that.
    fn rule(&self) -> Option<Data> {
        None
    }
    /// Words of four bytes or more, in either case: in buffers without them `Cx::may_hold_words` is false, if it is
    /// known.
    fn words(&self) -> &'static [&'static str] {
        &[]
    }
    /// Looks at all that was peeled from one message.
    fn on_message(&self, tree: &Tree<'_>, cx: &Cx<'_>, out: &mut Vec<Hit>);
}
