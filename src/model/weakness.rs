//! Encryption that is provably poor, and the messages that prove it: a fact, without severity.

use crate::model::scenario::{Audience, Party};
use crate::model::sighting::{Masked, Place};

/// One weakness, seen in one or more messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Weakness {
    /// The detector's id.
    pub detector: &'static str,
    /// What such a weakness is called.
    pub title: &'static str,
    /// The chance that sound encryption looks like this, and where the number comes from.
    pub bound: &'static str,
    /// What is wrong: one sentence.
    pub reason: String,
    /// How it was undone, as a trail step; `None` where nothing was read.
    pub undone: Option<String>,
    /// The messages that prove it, in order; bounded.
    pub exhibits: Vec<Exhibit>,
    /// How many more there were.
    pub more: u64,
}

/// One message that proves a weakness.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exhibit {
    /// Where the payload was.
    pub place: Place,
    /// Length of the payload in bytes.
    pub len: u64,
    /// Its first bytes as they were sent.
    pub before: Vec<u8>,
    /// What they turned out to say, as far as it was recovered; planted values of it are marked by `planted`.
    pub after: Option<Masked>,
    /// Character ranges of `after` that are planted values, ascending.
    pub planted: Vec<(usize, usize)>,
    /// Whose server it went to; set when the flow's name is known.
    pub party: Party,
    /// Who could see it there; set when the party is known.
    pub audiences: Vec<Audience>,
}

impl Weakness {
    /// A stable id: the same weakness in the same messages gives the same id in every run.
    pub fn id(&self) -> String {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut eat = |bytes: &[u8]| {
            for byte in bytes.iter().chain(&[0xff]) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        eat(self.detector.as_bytes());
        eat(self.reason.as_bytes());
        for exhibit in &self.exhibits {
            eat(exhibit.place.capture.as_bytes());
            eat(&exhibit.place.flow_start.to_be_bytes());
            for frame in &exhibit.place.frames {
                eat(&frame.to_be_bytes());
            }
            for step in &exhibit.place.trail {
                eat(step.as_bytes());
            }
        }
        hash ^= hash >> 32;
        hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("w{:015x}", (hash ^ (hash >> 29)) >> 4)
    }

    /// The order weaknesses are listed in: by the first message, then by what was found.
    pub fn order(&self) -> impl Ord + '_ {
        let first = self.exhibits.first().map(|exhibit| {
            let place = &exhibit.place;
            (place.capture.as_str(), place.frames.as_slice(), place.flow_start, place.trail.as_slice())
        });
        (first, self.detector, self.reason.as_str())
    }
}
