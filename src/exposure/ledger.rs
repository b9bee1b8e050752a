//! Counts people, messages, calls, places and links over the records of a store.

mod settle;

use crate::exposure::identity::{Identities, Key, is_number, other};
use crate::exposure::names::{is_call, is_message};
use crate::exposure::notes;
use crate::exposure::role::Counts;
use crate::exposure::sketch::Sketch;
use crate::exposure::value::{Numbers, PRECISE, coordinate, is_email, is_prose, pair, scaled};
use crate::exposure::when::stamp;
use crate::exposure::{Leaf, Way};
use crate::model::budget;
use crate::model::exposure::{Day, ExtortionNote, Role};
use crate::model::taxonomy::Data;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Who sees messages and calls in records, as detectors are called.
const RECORD: &str = "stored-record";
/// Products told apart.
const APPS: usize = 256;
/// Bytes of texts that are no words: in base64 no cipher's block is as short.
const SHORT: usize = 11;
/// Words of what somebody is called.
const NAME: usize = 4;
/// Kinds of events remembered.
const EVENTS: usize = 256;
/// Names of fields that are told.
const UNLEARNED: usize = 5;
/// Data whose age is told: what a record may hold of it shows when it is counted.
const AGING: [Data; 4] = [Data::Messages, Data::CallRecords, Data::PreciseLocation, Data::PhoneNumber];
/// Days told apart: a century.
const DAYS: usize = 36_525;

/// Something readable that a record shows, for a sighting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shown {
    /// The field.
    pub node: u32,
    /// Who saw it, as detectors are called.
    pub detector: &'static str,
    /// What it is.
    pub data: Data,
    /// What to say of it.
    pub reason: &'static str,
    /// It needs no further proof.
    pub conclusive: bool,
}

/// What somebody who was there first left behind, as detectors are called.
pub const EXTORTION_NOTE: &str = "extortion-note";

type Set<T> = HashSet<T, foldhash::fast::FixedState>;

/// What was counted so far.
#[derive(Debug)]
pub struct Ledger {
    numbers: Numbers,
    people: Identities,
    leased: Set<Key>,
    links: Set<(Key, Key)>,
    conversations: Set<Box<[Key]>>,
    /// Those that were not kept.
    more_conversations: Sketch,
    /// Who called whom, in the order of their keys.
    called: Set<(Key, Key)>,
    messages: u64,
    calls: u64,
    places: u64,
    records: u64,
    first: Option<i64>,
    last: Option<i64>,
    /// The first and the last time of a record with each of [`AGING`].
    ages: [Option<(i64, i64)>; 4],
    apps: BTreeMap<String, (Set<Key>, u64)>,
    days: BTreeMap<i64, Day>,
    notes: BTreeSet<ExtortionNote>,
    at_least: bool,
    /// Records with a field of which nothing was learned, and the names of these.
    unlearned: u64,
    unlearned_fields: BTreeSet<String>,
    /// Events, and whether they say that they are calls, or what else they are: worked out once.
    events: BTreeMap<String, Option<bool>>,
}

/// One party of a record.
#[derive(Clone, Copy)]
struct Party {
    role: Role,
    key: Key,
    container: u32,
    listed: bool,
    /// It is the key of the object that it stands in.
    is_key: bool,
    node: u32,
}

/// What the fields of one record say.
#[derive(Default)]
struct Says<'a> {
    parties: SmallVec<[Party; 8]>,
    texts: SmallVec<[u32; 4]>,
    /// When it happened, and the rank of the field that says so.
    time: Option<(u16, i64)>,
    app: Option<&'a str>,
    /// Whether what happened was a call, where the record says what it was.
    event_is_call: Option<bool>,
    duration: bool,
    /// Decimals of each.
    latitude: Option<usize>,
    longitude: Option<usize>,
    /// They are whole numbers of parts of degrees.
    scaled: bool,
    place: bool,
    /// A coordinate in a list, and what that stands in: the next one may belong to it.
    half: Option<(f64, u32)>,
}

impl Says<'_> {
    /// Decimals of a coordinate.
    fn degrees(&mut self, text: &str, most: f64) -> Option<usize> {
        let written = coordinate(text, most);
        let whole = if written.is_none() { scaled(text, most) } else { None };
        self.scaled |= whole.is_some();
        written.or(whole).map(|(_, decimals)| decimals)
    }
}

/// Whether a value is a precise place.
fn is_place(text: &str) -> bool {
    pair(text).is_some_and(|(_, _, decimals)| decimals >= PRECISE)
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            numbers: Numbers::lenient(),
            people: Identities::default(),
            leased: Set::default(),
            links: Set::default(),
            conversations: Set::default(),
            more_conversations: Sketch::default(),
            called: Set::default(),
            messages: 0,
            calls: 0,
            places: 0,
            records: 0,
            first: None,
            last: None,
            ages: [None; 4],
            apps: BTreeMap::new(),
            days: BTreeMap::new(),
            notes: BTreeSet::new(),
            at_least: false,
            unlearned: 0,
            unlearned_fields: BTreeSet::new(),
            events: BTreeMap::new(),
        }
    }
}

impl Ledger {
    /// Notes that the record at hand has a field that may count, and of which nothing was learned.
    pub fn miss(&mut self, field: &Way) {
        self.unlearned = self.unlearned.saturating_add(1);
        self.unlearned_fields.insert(field.keys.join("."));
        while self.unlearned_fields.len() > UNLEARNED {
            self.unlearned_fields.pop_last();
        }
    }

    /// Records with fields that may count and of which nothing was learned, and the names of the first of these.
    pub fn missed(&self) -> (u64, impl Iterator<Item = &str>) {
        (self.unlearned, self.unlearned_fields.iter().map(String::as_str))
    }

    /// Counts one record, and says what of it a reader could see.
    pub fn take(&mut self, leaves: &[Leaf<'_>], dump: &str, line: u64) -> Vec<Shown> {
        self.records = self.records.saturating_add(1);
        let mut shown = Vec::new();
        let says = self.read(leaves);
        // What somebody writes to somebody may speak of anything; robots write to nobody.
        if says.parties.is_empty() {
            shown.extend(self.note(leaves, dump, line));
        }
        self.count(&says, &mut shown);
        shown
    }

    /// What somebody who asks for money left in a record.
    fn note(&mut self, leaves: &[Leaf<'_>], dump: &str, line: u64) -> Option<Shown> {
        let may = |leaf: &&Leaf<'_>| leaf.way.note.is_some() || notes::may_be(leaf.text.as_bytes());
        let (node, (signs, addresses)) =
            leaves.iter().filter(may).find_map(|leaf| Some((leaf.node, notes::find(&leaf.text, leaf.way.note)?)))?;
        if self.notes.len() < budget::EXTORTION_NOTES {
            self.notes.insert(ExtortionNote { dump: dump.to_owned(), line, signs, addresses });
        } else {
            self.at_least = true;
        }
        let reason = "A note of somebody who asks for money: the store was open to the public";
        Some(Shown { node, detector: EXTORTION_NOTE, data: Data::Any, reason, conclusive: true })
    }

    fn read<'a>(&mut self, leaves: &'a [Leaf<'_>]) -> Says<'a> {
        let mut says = Says::default();
        let mut referred = Vec::new();
        for leaf in leaves {
            let Some(given) = leaf.way.given else { continue };
            let text = leaf.text.as_ref();
            match given.role {
                Role::Sender
                | Role::Recipient
                | Role::Member
                | Role::Caller
                | Role::Callee
                | Role::RealNumber
                | Role::LeasedNumber
                | Role::Identity => {
                    let party = |key| Party {
                        role: given.role,
                        key,
                        container: leaf.container,
                        listed: leaf.way.listed,
                        is_key: leaf.way.is_key,
                        node: leaf.node,
                    };
                    if given.referred {
                        referred.push(party(other(text)));
                        continue;
                    }
                    if let Some(number) = self.numbers.read(text, given.counts.bare()) {
                        says.parties.push(party(number));
                        continue;
                    }
                    let several = self.numbers.several(text, given.counts.bare());
                    if !several.is_empty() {
                        says.parties.extend(several.into_iter().map(|key| Party { role: Role::Member, ..party(key) }));
                    } else if is_email(text)
                        || match given.counts {
                            Counts::All => true,
                            Counts::Identifiers => text.split(' ').count() <= NAME,
                            Counts::Numbers => false,
                        }
                    {
                        says.parties.push(party(other(text)));
                    }
                }
                // Whoever says that a field is text need not be shown words; what is longer may be sealed.
                Role::Text if is_prose(text) || (given.counts == Counts::All && text.len() <= SHORT) => {
                    says.texts.push(leaf.node);
                }
                Role::Text => {}
                Role::Time if says.time.is_some_and(|(rank, _)| rank < given.rank) => {}
                Role::Time => {
                    says.time = stamp(text, given.month_first).map(|at| (given.rank, at.0)).or(says.time);
                }
                Role::App => says.app = says.app.or(Some(text)),
                Role::Event => {
                    let told = self.is_call(text);
                    says.event_is_call = if told == Some(true) { told } else { says.event_is_call.or(told) };
                }
                Role::Duration => says.duration = true,
                Role::Latitude => says.latitude = says.degrees(text, 90.0),
                Role::Longitude => says.longitude = says.degrees(text, 180.0),
                Role::Place if leaf.way.listed => {
                    // Two numbers in a list are a place; what is in one of them may be one, too.
                    let one = coordinate(text, 180.0).filter(|(_, decimals)| *decimals >= PRECISE);
                    let first = std::mem::replace(&mut says.half, one.map(|(degrees, _)| (degrees, leaf.container)));
                    let both = first.zip(one).is_some_and(|((first, container), (second, _))| {
                        container == leaf.container && first.abs().min(second.abs()) <= 90.0
                    });
                    if both || is_place(text) {
                        says.place = true;
                    }
                }
                Role::Place => {
                    if is_place(text) {
                        says.place = true;
                    }
                }
            }
        }
        if says.parties.iter().any(|party| party.role == Role::Identity && !party.listed) {
            says.parties.extend(referred);
        }
        says
    }

    /// Whether an event is a call, if it says so or what else it is; a store has few kinds of them.
    fn is_call(&mut self, event: &str) -> Option<bool> {
        if let Some(known) = self.events.get(event) {
            return *known;
        }
        let found = if is_call(event) { Some(true) } else { is_message(event).then_some(false) };
        if self.events.len() < EVENTS && event.len() <= 64 {
            self.events.insert(event.to_owned(), found);
        }
        found
    }

    fn count(&mut self, says: &Says<'_>, shown: &mut Vec<Shown>) {
        self.join(&says.parties);
        if let Some((_, at)) = says.time {
            self.first = Some(self.first.map_or(at, |first| first.min(at)));
            self.last = Some(self.last.map_or(at, |last| last.max(at)));
        }
        let has = |role| says.parties.iter().any(|party| party.role == role);
        let ends = has(Role::Caller) && has(Role::Callee);
        let to_and_from = has(Role::Sender) && has(Role::Recipient);
        // What the record says it is counts; a voice message and one with a timer last for a while, too.
        let lasts = says.texts.is_empty() && says.duration;
        let call = ends || (to_and_from && says.event_is_call.unwrap_or(lasts));
        let mut parties: SmallVec<[Key; 8]> = (says.parties.iter())
            .filter(|party| !matches!(party.role, Role::Identity | Role::RealNumber | Role::LeasedNumber))
            .map(|party| party.key)
            .collect();
        if parties.is_empty() {
            // Who is alone with a text wrote it.
            let mut alone = says.parties.iter().filter(|party| party.role == Role::Identity && !party.listed);
            parties.extend(alone.next().map(|party| party.key));
        }
        let message = !call && !says.texts.is_empty() && !parties.is_empty();
        if call {
            self.calls = self.calls.saturating_add(1);
            let node = says.parties.first().map_or(u32::MAX, |party| party.node);
            let reason = "Who called whom was readable";
            shown.push(Shown { node, detector: RECORD, data: Data::CallRecords, reason, conclusive: false });
            self.keep_call(&parties);
        }
        if message {
            self.messages = self.messages.saturating_add(1);
            let node = says.texts.first().copied().unwrap_or_default();
            let reason = "What one person wrote to another was readable";
            shown.push(Shown { node, detector: RECORD, data: Data::Messages, reason, conclusive: false });
            parties.sort_unstable();
            parties.dedup();
            if parties.len() >= 2 {
                self.keep_conversation(&parties);
            }
        }
        let precise = says.latitude.zip(says.longitude).is_some_and(|(a, b)| {
            // Zeros at the end of a whole number may be chance; both are rounded alike.
            let decimals = if says.scaled { a.max(b) } else { a.min(b) };
            decimals >= PRECISE
        });
        let place = says.place || precise;
        if place {
            self.places = self.places.saturating_add(1);
        }
        if let Some((_, at)) = says.time {
            let number = says.parties.iter().any(|party| is_number(party.key));
            for (age, held) in self.ages.iter_mut().zip([message, call, place, number]) {
                *age = if held { span(*age, Some((at, at))) } else { *age };
            }
        }
        self.links(&says.parties);
        self.tally(says, message);
    }

    /// Identifiers that a record ties together: those of one person in one object. Never the two ends of a chat.
    fn join(&mut self, parties: &[Party]) {
        for party in parties {
            if !self.people.add(party.key, budget::EXPOSED_IDENTIFIERS) {
                self.at_least = true;
            }
            if party.role == Role::LeasedNumber {
                self.leased.insert(party.key);
            }
        }
        for (index, a) in parties.iter().enumerate() {
            for b in parties.iter().skip(index.saturating_add(1)).take(16) {
                let one = a.role == b.role && a.container == b.container && !a.listed && !b.listed;
                // Two numbers in one object are two persons', unless they are spelled alike.
                let kinds = is_number(a.key) != is_number(b.key) || (!is_number(a.key) && !is_number(b.key));
                if one && kinds && (a.role != Role::Member || a.is_key != b.is_key) {
                    self.people.join(a.key, b.key, budget::EXPOSED_IDENTIFIERS);
                }
            }
        }
    }

    /// A real and a leased number in one record are one person's.
    fn links(&mut self, parties: &[Party]) {
        let is_one = |party: &Party| matches!(party.role, Role::LeasedNumber | Role::RealNumber | Role::Identity);
        if !parties.iter().any(is_one) {
            return;
        }
        let of = |role| {
            let mut keys: SmallVec<[Key; 8]> = parties
                .iter()
                .filter(|party| party.role == role && is_number(party.key))
                .map(|party| party.key)
                .collect();
            keys.sort_unstable();
            keys.dedup();
            keys
        };
        let leased = of(Role::LeasedNumber);
        let mut real = of(Role::RealNumber);
        if real.is_empty() {
            // Whose record it is, is whose number it is.
            real = of(Role::Identity);
        }
        if let ([real], [leased]) = (real.as_slice(), leased.as_slice())
            && real != leased
        {
            if self.links.len() < budget::EXPOSED_IDENTIFIERS {
                self.links.insert((*real, *leased));
            } else {
                self.at_least = true;
            }
            // They are one person's now; the next month the leased one is somebody else's. So they are not joined.
        }
        // Whoever the record is about has that number.
        if let [real] = real.as_slice() {
            for party in parties.iter().filter(|party| party.role == Role::Identity && !party.listed) {
                if !is_number(party.key) {
                    self.people.join(*real, party.key, budget::EXPOSED_IDENTIFIERS);
                }
            }
        }
    }

    fn keep_call(&mut self, parties: &[Key]) {
        let Some((a, b)) = parties.first().zip(parties.iter().find(|key| Some(*key) != parties.first())) else {
            return;
        };
        let pair = (*a.min(b), *a.max(b));
        if self.called.len() < budget::EXPOSED_CONVERSATIONS || self.called.contains(&pair) {
            self.called.insert(pair);
        } else {
            self.at_least = true;
        }
    }

    fn keep_conversation(&mut self, parties: &[Key]) {
        if self.conversations.contains(parties) {
            return;
        }
        if self.conversations.len() < budget::EXPOSED_CONVERSATIONS {
            self.conversations.insert(parties.into());
        } else {
            self.more_conversations.add(parties);
            self.at_least = true;
        }
    }

    fn tally(&mut self, says: &Says<'_>, message: bool) {
        if let Some(app) = says.app {
            let end = app.char_indices().nth(80).map_or(app.len(), |(end, _)| end);
            let app = app.get(..end).unwrap_or_default();
            if !self.apps.contains_key(app) && self.apps.len() < APPS {
                self.apps.insert(app.to_owned(), Default::default());
            }
            if let Some((people, messages)) = self.apps.get_mut(app) {
                if people.len() < budget::EXPOSED_IDENTIFIERS {
                    people.extend(says.parties.iter().map(|party| party.key));
                }
                *messages = messages.saturating_add(u64::from(message));
            } else {
                self.at_least = true;
            }
        }
        if let Some((_, at)) = says.time {
            let day = at.div_euclid(86_400_000_000_000);
            if self.days.len() < DAYS || self.days.contains_key(&day) {
                let day = self.days.entry(day).or_default();
                day.records = day.records.saturating_add(1);
                day.messages = day.messages.saturating_add(u64::from(message));
            }
        }
    }

    /// Adds all that `other` counted.
    pub fn merge(&mut self, other: Self) {
        self.people.merge(&other.people, budget::EXPOSED_IDENTIFIERS);
        self.leased.extend(other.leased);
        self.links.extend(other.links);
        self.conversations.extend(other.conversations);
        self.more_conversations.merge(&other.more_conversations);
        self.called.extend(other.called);
        self.messages = self.messages.saturating_add(other.messages);
        self.calls = self.calls.saturating_add(other.calls);
        self.places = self.places.saturating_add(other.places);
        self.records = self.records.saturating_add(other.records);
        let both = |a: Option<i64>, b: Option<i64>, pick: fn(i64, i64) -> i64| match (a, b) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            (a, b) => a.or(b),
        };
        self.first = both(self.first, other.first, i64::min);
        self.last = both(self.last, other.last, i64::max);
        for (age, theirs) in self.ages.iter_mut().zip(other.ages) {
            *age = span(*age, theirs);
        }
        for (app, (people, messages)) in other.apps {
            let (known, sum) = self.apps.entry(app).or_default();
            known.extend(people);
            *sum = sum.saturating_add(messages);
        }
        for (day, counts) in other.days {
            let sum = self.days.entry(day).or_default();
            sum.records = sum.records.saturating_add(counts.records);
            sum.messages = sum.messages.saturating_add(counts.messages);
        }
        self.notes.extend(other.notes);
        self.at_least |= other.at_least;
        self.unlearned = self.unlearned.saturating_add(other.unlearned);
        self.unlearned_fields.extend(other.unlearned_fields);
        while self.unlearned_fields.len() > UNLEARNED {
            self.unlearned_fields.pop_last();
        }
    }

    /// Whether no record was counted.
    pub const fn is_empty(&self) -> bool {
        self.records == 0
    }
}

/// The span of two.
fn span(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}
