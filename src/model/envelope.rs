//! End-to-end envelopes: what seals a message for its reader, told by its structure. Support for a control, never proof.

use crate::model::origin::FrameNo;
use crate::model::stream::Direction;
use serde::Serialize;

/// Whose key opens an envelope, as far as its structure says.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keying {
    /// Keys that move on with the messages and are thrown away: a ratchet, the epochs of a group.
    Ratchet,
    /// The recipient's long-term key: whoever gets it later reads all that was ever sealed for it.
    LongTerm,
    /// A key or password that both ends know.
    Shared,
    /// The structure does not say.
    Untold,
}

impl Keying {
    /// As JSON spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ratchet => "ratchet",
            Self::LongTerm => "long-term",
            Self::Shared => "shared",
            Self::Untold => "untold",
        }
    }

    /// For people: "sealed with …".
    pub const fn says(self) -> &'static str {
        match self {
            Self::Ratchet => "keys that move on with the messages",
            Self::LongTerm => "the recipient's long-term key",
            Self::Shared => "a key or password that both ends know",
            Self::Untold => "a key that the structure does not tell of",
        }
    }
}

/// Envelopes of one kind that one flow carried one way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Envelope {
    /// Registry name: `signal`, `olm`, `jwe` …
    pub name: &'static str,
    /// What its specification calls it: `PreKeySignalMessage`, `EnvelopedData` …
    pub kind: &'static str,
    /// Whose key opens it.
    pub keying: Keying,
    /// Which way.
    pub direction: Direction,
    /// How many there were.
    pub count: u64,
    /// Ciphertext of the longest, in bytes; 0 where such an envelope holds none.
    pub longest: u64,
    /// First frame that carried one.
    pub frame: FrameNo,
    /// How that one was reached.
    pub trail: String,
}

impl Envelope {
    /// The order envelopes are listed in.
    pub fn order(&self) -> impl Ord + '_ {
        (self.name, self.kind, self.keying, self.direction)
    }

    /// Whether `other` is of the same kind.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.name, self.kind, self.keying, self.direction) == (other.name, other.kind, other.keying, other.direction)
    }
}
