//! One piece of user data seen readable in one place: a fact, without severity.

use crate::model::message::PartKind;
use crate::model::origin::FrameNo;
use crate::model::scenario::{Audience, Party};
use crate::model::stream::{Direction, FlowKey};
use crate::model::taxonomy::Data;
use crate::model::time::Timestamp;
use std::fmt;

/// Text of evidence that may hold somebody's personal data. It prints as dots; [`Masked::reveal`] is the only way in.
#[derive(Clone, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Masked(String);

impl Masked {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself. Whoever calls this answers for where it goes.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The shape of the value: letters as `x`, digits as `0`, the rest as it is.
    pub fn shape(&self) -> String {
        self.0
            .chars()
            .map(|c| match c {
                c if c.is_ascii_digit() || c.is_numeric() => '0',
                c if c.is_alphabetic() => 'x',
                c if c.is_control() => ' ',
                c => c,
            })
            .collect()
    }
}

impl fmt::Debug for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[masked]")
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[masked]")
    }
}

/// The form of what reads like the beginning of a planted text, cut short, and like the beginning of many others: it may be
/// its, and is nobody's for sure.
pub const COMMON_BEGINNING: &str = "a beginning that other texts share";

/// How an excerpt begins that is to be heard rather than read: a WAV file as a data URL, of the `call-audio` sightings
/// that have one.
pub const CLIP: &str = "data:audio/wav;base64,";

/// How what was seen relates to the value itself.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Strength {
    /// The value, in whatever reversible form.
    Value,
    /// A pseudonym of it: a hash that anyone who knows or guesses the value can match.
    Pseudonym,
}

/// The words around a sighting.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Excerpt {
    /// What stands before, at most some forty characters.
    pub before: Masked,
    /// What was found, as it stands in the decoded field.
    pub found: Masked,
    /// What stands after.
    pub after: Masked,
}

/// Where a sighting was made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The capture or dump, as the scenario names it.
    pub capture: String,
    /// The flow; `None` in a dump.
    pub flow: Option<FlowKey>,
    /// First frame of the flow, which tells apart flows with equal endpoints; number of the record in a dump.
    pub flow_start: FrameNo,
    /// Which way it went; what a store holds went to the server.
    pub direction: Direction,
    /// When its message was captured.
    pub at: Timestamp,
    /// The server's name as the message states it.
    pub authority: Option<String>,
    /// Some layer hides it from the network.
    pub secured: bool,
    /// The frames that carried it, ascending; line numbers in a dump.
    pub frames: Vec<FrameNo>,
    /// Which part of the message carried it; `None` where it is no message: a media stream, an answer at a door.
    pub part: Option<PartKind>,
    /// Half-open byte range in that part, as transferred.
    pub bytes: (u64, u64),
    /// How it was reached, outermost first, layers included.
    pub trail: Vec<String>,
}

/// One piece of user data seen readable in one place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sighting {
    /// The detector's id.
    pub detector: &'static str,
    /// Its category.
    pub data: Data,
    /// The planted value's id; `None` for data found by rule alone.
    pub planted: Option<String>,
    /// The form it was found in: `as-typed`, `base64`, `sha256`, `geohash` … Layers undone on the way are in the trail.
    pub form: String,
    /// The value, or a pseudonym.
    pub strength: Strength,
    /// Where.
    pub place: Place,
    /// The words around it.
    pub excerpt: Excerpt,
    /// Why this is that: one sentence.
    pub reason: String,
    /// Key material or media, which contradicts without being planted (design, section 3).
    pub conclusive: bool,
    /// Whose server the flow led to; set when the flow's name is known.
    pub party: Party,
    /// Who could read it there, widest first; set when the party is known.
    pub audiences: Vec<Audience>,
}

impl Sighting {
    /// Whether it may be what was planted, and may be somebody else's as well.
    pub fn is_doubtful(&self) -> bool {
        self.planted.is_none() && self.form == COMMON_BEGINNING
    }

    /// A stable id: the same place and value give the same id in every run. 16 hex digits of FNV-1a over what tells
    /// sightings apart, enough for the 50,000 a run keeps.
    pub fn id(&self) -> String {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut eat = |bytes: &[u8]| {
            for byte in bytes.iter().chain(&[0xff]) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        eat(self.detector.as_bytes());
        eat(self.data.name().as_bytes());
        eat(self.planted.as_deref().unwrap_or_default().as_bytes());
        eat(self.form.as_bytes());
        eat(self.place.capture.as_bytes());
        eat(&self.place.flow_start.to_be_bytes());
        for frame in &self.place.frames {
            eat(&frame.to_be_bytes());
        }
        for step in &self.place.trail {
            eat(step.as_bytes());
        }
        eat(&self.place.bytes.0.to_be_bytes());
        eat(&self.place.bytes.1.to_be_bytes());
        // A last mix, so that neighbouring places do not give neighbouring ids.
        hash ^= hash >> 32;
        hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{:016x}", hash ^ (hash >> 29))
    }

    /// The order sightings are listed in: by place, then by what was found.
    pub fn order(&self) -> impl Ord + '_ {
        (
            self.place.capture.as_str(),
            self.place.frames.as_slice(),
            self.place.flow_start,
            self.place.trail.as_slice(),
            self.place.bytes,
            self.data,
            self.planted.as_deref(),
            self.form.as_str(),
            self.detector,
        )
    }
}
