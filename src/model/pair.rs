//! Two runs of one action, held against each other: what changed between them, and what that says of the text that was
//! sent. Facts for the auditor, without severity: none of them is a sighting.

use crate::model::budget;
use crate::model::opacity::Opacity;
use crate::model::origin::FrameNo;
use crate::model::scenario::Party;
use crate::model::sighting::Masked;
use crate::model::stream::FlowKey;
use crate::model::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// One message to a server, in a capture that a pair names.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When it was captured.
    pub at: Timestamp,
    /// First frame that carried it.
    pub frame: FrameNo,
    /// The flow that carried it, and its first frame.
    pub flow: (Option<FlowKey>, FrameNo),
    /// What messages of its kind are called: server, protocol and label, numbers and identifiers left out.
    pub kind: String,
    /// Its trail step.
    pub label: String,
    /// The server's name as the message states it.
    pub authority: Option<String>,
    /// Its fields, in order.
    pub fields: Vec<Reading>,
}

/// What one field of a message holds.
#[derive(Clone, Debug)]
pub struct Reading {
    /// How it was reached inside its message, joined.
    pub position: String,
    /// The whole trail, layers and label included.
    pub trail: Vec<String>,
    /// What the field is called, lower case; empty when it has no name.
    pub name: String,
    /// What statistics say of it, where nobody could read it as it is.
    pub shut: Option<Opacity>,
    /// It is the whole of a message part, as transferred, and no layer hides it from the network.
    pub bare: bool,
    /// First frame that carried it.
    pub frame: FrameNo,
    /// Byte range in the message part that carried it, as transferred.
    pub bytes: (u64, u64),
    /// Its length in bytes, fully decoded.
    pub len: u64,
    /// The start of its SHA-256.
    pub digest: [u8; 16],
    /// Its first bytes, at most [`budget::PAIR_VALUE`].
    pub head: Vec<u8>,
}

/// The messages of captures that pairs name. A capture of which too much came holds none, and is named.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    by_capture: BTreeMap<String, (usize, Vec<Sample>)>,
    crowded: BTreeSet<String>,
}

impl Samples {
    /// Keeps a message of `capture`; more fields than [`budget::PAIR_FIELDS`], and none of that capture is kept.
    pub fn add(&mut self, capture: &str, sample: Sample) {
        if self.crowded.contains(capture) {
            return;
        }
        let (fields, samples) = self.by_capture.entry(capture.to_owned()).or_default();
        *fields = fields.saturating_add(sample.fields.len()).saturating_add(1);
        samples.push(sample);
        if *fields > budget::PAIR_FIELDS {
            self.by_capture.remove(capture);
            self.crowded.insert(capture.to_owned());
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: Self) {
        self.crowded.extend(other.crowded);
        for (capture, (fields, samples)) in other.by_capture {
            let (all, known) = self.by_capture.entry(capture).or_default();
            *all = all.saturating_add(fields);
            known.extend(samples);
        }
        let crowded = &self.crowded;
        self.by_capture.retain(|capture, _| !crowded.contains(capture));
    }

    /// The messages of a capture in the order they were sent; `None` where too much came.
    pub fn of(&self, capture: &str) -> Option<Vec<&Sample>> {
        if self.crowded.contains(capture) {
            return None;
        }
        let mut samples: Vec<&Sample> =
            self.by_capture.get(capture).map(|(_, samples)| samples.iter().collect()).unwrap_or_default();
        // Those of one flow were told in order, and stay in it.
        samples.sort_by_key(|sample| (sample.at, sample.frame, sample.flow.1, sample.flow.0));
        Some(samples)
    }
}

/// What a change between two runs says of the text. The order is the order of telling.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Relation {
    /// Opaque, and as long as the text and a constant, over enough runs that chance is out: the text travels here.
    FollowsLength,
    /// The same, and the runs are too few to rule out chance.
    MayFollowLength,
    /// The planted value is readable here.
    Readable,
    /// Not opaque, the same where the text is the same, and another where it is another.
    DependsOnText,
    /// Opaque, and the same in two runs with the same text.
    EqualCiphertext,
    /// A nonce or initial value that stayed the same while the ciphertext beside it changed.
    SameNonce,
    /// Opaque, and the same in two runs with different texts: it carries neither.
    CarriesNoText,
    /// Opaque, changes, and is as long for texts of other lengths: an identifier, a key, or padded.
    KeepsLength,
    /// Changes between runs with the same text, too: by itself.
    Noise,
    /// Changes, and these runs cannot say with what.
    Untold,
}

impl Relation {
    /// All, in order.
    pub const ALL: [Self; 10] = [
        Self::FollowsLength,
        Self::MayFollowLength,
        Self::Readable,
        Self::DependsOnText,
        Self::EqualCiphertext,
        Self::SameNonce,
        Self::CarriesNoText,
        Self::KeepsLength,
        Self::Noise,
        Self::Untold,
    ];

    /// As JSON spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FollowsLength => "follows-length",
            Self::MayFollowLength => "may-follow-length",
            Self::Readable => "readable",
            Self::DependsOnText => "depends-on-text",
            Self::EqualCiphertext => "equal-ciphertext",
            Self::SameNonce => "same-nonce",
            Self::CarriesNoText => "carries-no-text",
            Self::KeepsLength => "keeps-length",
            Self::Noise => "noise",
            Self::Untold => "untold",
        }
    }

    /// For people, beside a change.
    pub const fn says(self) -> &'static str {
        match self {
            Self::FollowsLength => "carries the text",
            Self::MayFollowLength => "may carry the text",
            Self::Readable => "the text, readable",
            Self::DependsOnText => "depends on the text",
            Self::EqualCiphertext => "same text, same bytes",
            Self::SameNonce => "nonce stays",
            Self::CarriesNoText => "does not carry it",
            Self::KeepsLength => "length stays",
            Self::Noise => "changes by itself",
            Self::Untold => "cannot be told",
        }
    }
}

/// A field in one of two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// First frame that carried it.
    pub frame: FrameNo,
    /// Its length in bytes.
    pub len: u64,
    /// Its first bytes: in hex where nobody can read them, else as text.
    pub value: Masked,
    /// It goes on.
    pub more: bool,
    /// The value stands for ciphertext and the like: nothing in it is anybody's.
    pub opaque: bool,
}

/// One field that tells something of the text, or changed between two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What it says.
    pub relation: Relation,
    /// Why: one sentence.
    pub reason: String,
    /// Its message's trail step.
    pub message: String,
    /// Which message of its kind, from 1.
    pub nth: u64,
    /// How the field was reached in it.
    pub position: String,
    /// The server.
    pub host: Option<String>,
    /// Whose it is.
    pub party: Party,
    /// What statistics say of it, where nobody could read it as it is.
    pub opacity: Option<Opacity>,
    /// In the first run and in the second.
    pub sides: [Side; 2],
}

/// Messages of one kind that could not be laid side by side.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Apart {
    /// Their trail step.
    pub message: String,
    /// How many there are in the first run and in the second.
    pub counts: [u64; 2],
}

/// Two runs of one action, held against each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// The captures.
    pub captures: [String; 2],
    /// Ids of the planted values that were sent.
    pub sent: [String; 2],
    /// Runs of the same action that were looked at together with these two.
    pub runs: u64,
    /// Messages that were laid side by side.
    pub messages: u64,
    /// Fields of them that are in both.
    pub fields: u64,
    /// Of them those that are the same in both.
    pub same: u64,
    /// Fields that tell something, or changed, in the order of telling; bounded.
    pub changes: Vec<Change>,
    /// How many more there are.
    pub more: u64,
    /// Messages that are not in both runs alike; bounded.
    pub apart: Vec<Apart>,
    /// Where the text travels and what cannot be told, in sentences.
    pub says: Vec<String>,
}
