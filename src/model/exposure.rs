//! What a store exposes: how many people, conversations, places, since when.

use crate::model::sighting::Masked;
use crate::model::taxonomy::Data;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a field of a store's records is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Who sends a message.
    Sender,
    /// To whom it goes.
    Recipient,
    /// Everybody in a chat.
    Member,
    /// What a person wrote.
    Text,
    /// Who calls.
    Caller,
    /// Who is called.
    Callee,
    /// Latitude.
    Latitude,
    /// Longitude.
    Longitude,
    /// Latitude and longitude in one value.
    Place,
    /// A person's own number.
    RealNumber,
    /// A number leased to a person.
    LeasedNumber,
    /// An identifier of the person a record is about.
    Identity,
    /// When it happened.
    Time,
    /// Which product.
    App,
    /// What happened.
    Event,
    /// How long a call took.
    Duration,
}

impl Role {
    /// All, as reports list them.
    pub const ALL: [Self; 16] = [
        Self::Sender,
        Self::Recipient,
        Self::Member,
        Self::Text,
        Self::Caller,
        Self::Callee,
        Self::Latitude,
        Self::Longitude,
        Self::Place,
        Self::RealNumber,
        Self::LeasedNumber,
        Self::Identity,
        Self::Time,
        Self::App,
        Self::Event,
        Self::Duration,
    ];

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// As scenario files and reports spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Member => "member",
            Self::Text => "text",
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::Latitude => "latitude",
            Self::Longitude => "longitude",
            Self::Place => "place",
            Self::RealNumber => "real-number",
            Self::LeasedNumber => "leased-number",
            Self::Identity => "identity",
            Self::Time => "time",
            Self::App => "app",
            Self::Event => "event",
            Self::Duration => "duration",
        }
    }
}

/// The role of one field, with its evidence.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Learned {
    /// The field: its keys, outermost first, joined by dots.
    pub field: String,
    /// Its role.
    pub role: Role,
    /// Records of the sample in which it stood.
    pub seen: u64,
    /// Of its values, so many per cent were of the role's shape.
    pub fits: u8,
    /// The auditor gave it, whatever its values look like.
    pub given: bool,
}

/// What is exposed of one product's users.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Share {
    /// Persons.
    pub people: u64,
    /// Readable messages.
    pub messages: u64,
}

/// A trace of somebody who was there first.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ExtortionNote {
    /// The dump.
    pub dump: String,
    /// Line of the record.
    pub line: u64,
    /// What gives it away: words of a ransom note, the name of an index.
    pub signs: Vec<String>,
    /// Payment addresses whose checksums are right.
    pub addresses: Vec<String>,
}

/// Messages, calls and so on of one day.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Day {
    /// Records of any kind.
    pub records: u64,
    /// Readable messages.
    pub messages: u64,
}

/// Estimates where more distinct values came than are kept: nineteen of twenty are within [`About::ERROR_PERCENT`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct About {
    /// Distinct telephone numbers.
    pub phone_numbers: u64,
    /// Distinct sets of identifiers that wrote to each other, before the identifiers of one person are joined.
    pub conversations: u64,
}

impl About {
    /// Twice the standard error of a HyperLogLog sketch with 16,384 registers (1.04 / sqrt(16,384)), in per cent.
    pub const ERROR_PERCENT: f64 = 1.63;
}

/// What tells who somebody is, or who both of two are.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identified {
    /// A telephone number.
    Number,
    /// Another identifier: a name, an address, an account.
    Other,
    /// Both kinds; of a pair: one of each.
    Both,
}

/// Somebody in the picture of who is joined to whom.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Contact {
    /// A salted fingerprint: the same person, the same letters, in this report alone.
    pub fingerprint: String,
    /// People they wrote to or called.
    pub contacts: u64,
    /// What tells who they are.
    pub identified: Identified,
    /// Their telephone number, where one is known: never told unless it is asked for.
    #[serde(skip)]
    pub number: Option<Masked>,
}

/// Two people who are joined.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Edge {
    /// One of them, by their place in the list.
    pub from: usize,
    /// The other.
    pub to: usize,
    /// Distinct conversations in which both stand.
    pub conversations: u64,
    /// One called the other.
    pub called: bool,
}

/// Who can be joined to whom by one reader of the store. Nobody is named but where numbers are asked for.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Linkability {
    /// People who wrote to or called somebody else in the store.
    pub connected: u64,
    /// Pairs of people who did.
    pub pairs: u64,
    /// Groups within which everybody leads to everybody, over others.
    pub groups: u64,
    /// People in the largest of them.
    pub largest_group: u64,
    /// Pairs by what tells who both are.
    pub by_identifier: BTreeMap<Identified, u64>,
    /// People whose number stands with another identifier of theirs.
    pub named_numbers: u64,
    /// The one with the most contacts, and those who share most with them.
    pub contacts: Vec<Contact>,
    /// Which of them are joined.
    pub edges: Vec<Edge>,
    /// More pairs came than are kept: their number is a lower bound.
    pub at_least: bool,
}

/// What a store exposes.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Exposure {
    /// Persons, after joining the identifiers that a record ties together; a leased number is not another person.
    pub people: u64,
    /// Distinct telephone numbers.
    pub phone_numbers: u64,
    /// Records whose text can be read.
    pub messages: u64,
    /// Distinct sets of people who wrote to each other.
    pub conversations: u64,
    /// Of them, by the number of participants.
    pub conversation_sizes: BTreeMap<u64, u64>,
    /// Calls with both ends readable.
    pub calls: u64,
    /// Records with a place of three decimals or more.
    pub precise_locations: u64,
    /// Distinct pairs of a real and a leased number.
    pub number_links: u64,
    /// Records.
    pub records: u64,
    /// When the first record was made, nanoseconds since the epoch.
    pub first_seen: Option<i64>,
    /// When the last was.
    pub last_seen: Option<i64>,
    /// The first and the last of the records that hold message text, calls, precise places or telephone numbers and say
    /// when they were made, nanoseconds since the epoch.
    #[serde(skip)]
    pub ages: BTreeMap<Data, (i64, i64)>,
    /// People and messages per product.
    pub by_app: BTreeMap<String, Share>,
    /// By day, `2026-11-02`.
    pub by_day: BTreeMap<String, Day>,
    /// People by the country of their numbers: calling code and count.
    pub countries: BTreeMap<u16, u64>,
    /// Who can be joined to whom.
    pub linkability: Linkability,
    /// Traces of somebody who was there first.
    pub extortion_notes: Vec<ExtortionNote>,
    /// What the fields were taken for, by dump.
    pub roles: BTreeMap<String, Vec<Learned>>,
    /// Counts are lower bounds: more distinct values came than are kept.
    pub at_least: bool,
    /// What it is about, then.
    pub about: Option<About>,
}
