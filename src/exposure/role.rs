//! Learns what the fields of a store's records are, from their names and, above all, from their values.

use crate::exposure::Leaf;
use crate::exposure::identity::other;
use crate::exposure::names::{is_counted, is_id, is_other_time, is_phone, is_talk, is_thing, party, says, words};
use crate::exposure::value::{Numbers, coordinate, is_email, is_prose, pair, scaled};
use crate::exposure::when::{day_and_month, stamp};
use crate::model::exposure::{Learned, Role};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Fields that are learned; a store has some hundred kinds of them.
const FIELDS: usize = 4_096;
/// Distinct values of one field that are told apart.
const DISTINCT: usize = 512;
/// Bytes of what people are called.
const NAME: usize = 64;
/// Years, in nanoseconds, that the times of a store span at most where nothing but their digits says that they are times.
const TIMES_SPAN: i64 = 20 * 365 * 86_400 * 1_000_000_000;

/// What the values of one field were, in the sample.
#[derive(Debug, Default)]
struct Stats {
    keys: Vec<Vec<String>>,
    field: String,
    /// It is called after a thing that has digits of its own: an order, a serial number.
    thing: bool,
    seen: u64,
    /// Telephone numbers with a sign in front, and without.
    signed: u64,
    bare: u64,
    /// With a sign in front, in no plan that is known: ranges kept for fiction, and new ones.
    possible: u64,
    /// Several numbers in one value, and several that no plan need know.
    joined: u64,
    joined_possible: u64,
    emails: u64,
    times: u64,
    /// Of these, written as dates rather than as numbers; and the first and the last of all.
    dates: u64,
    span: Option<(i64, i64)>,
    /// Dates that can only have the day in front, and only the month.
    day_first: u64,
    month_first: u64,
    latitudes: u64,
    coordinates: u64,
    /// The same in whole numbers of parts of degrees.
    scaled: u64,
    places: u64,
    /// It stands in a list.
    listed: bool,
    prose: u64,
    numeric: u64,
    /// Short words with a digit in them.
    ids: u64,
    /// Values with their digits blotted out.
    distinct: HashSet<u64, foldhash::fast::FixedState>,
    /// Short values as they are.
    values: HashSet<u64, foldhash::fast::FixedState>,
    /// Those that are identifiers, as keys.
    keys_met: HashSet<u64, foldhash::fast::FixedState>,
}

/// Gathers what values fields have.
#[derive(Debug)]
pub struct Learner {
    fields: BTreeMap<u64, Stats>,
    numbers: Numbers,
    possible: Numbers,
}

impl Default for Learner {
    fn default() -> Self {
        Self { fields: BTreeMap::new(), numbers: Numbers::default(), possible: Numbers::lenient() }
    }
}

impl Learner {
    /// Looks at one record of the sample.
    pub fn look(&mut self, leaves: &[Leaf<'_>]) {
        for leaf in leaves {
            if self.fields.len() >= FIELDS && !self.fields.contains_key(&leaf.way.path) {
                continue;
            }
            let stats = self.fields.entry(leaf.way.path).or_insert_with(|| {
                // What a table is called says nothing of one column of it: `users.phone` is no list of users. Nor does what
                // search engines put around every record.
                let names = leaf.way.keys.iter().filter(|key| !key.starts_with("table ") && *key != "_source");
                let keys: Vec<Vec<String>> = names.map(|key| words(key)).collect();
                let thing = keys.last().is_some_and(|words| is_counted(words));
                Stats { keys, thing, field: leaf.way.keys.join("."), listed: leaf.way.listed, ..Stats::default() }
            });
            let text = leaf.text.as_ref();
            stats.seen += 1;
            let signed = self.numbers.read(text, false).is_some();
            stats.signed += u64::from(signed);
            stats.possible += u64::from(self.possible.read(text, false).is_some());
            if stats.thing {
                // The numbering plans need not be asked about every serial number.
                stats.bare += u64::from(signed);
            } else {
                stats.bare += u64::from(signed || self.numbers.read(text, true).is_some());
                stats.joined += u64::from(self.numbers.several(text, true).len() >= 2);
                stats.joined_possible += u64::from(self.possible.several(text, true).len() >= 2);
            }
            stats.emails += u64::from(is_email(text));
            if let Some(at) = stamp(text, false) {
                stats.times += 1;
                stats.dates += u64::from(text.bytes().any(|byte| matches!(byte, b'-' | b'/' | b':')));
                let (first, last) = stats.span.unwrap_or((at.0, at.0));
                stats.span = Some((first.min(at.0), last.max(at.0)));
            }
            match day_and_month(text) {
                Some((day, month)) if day > 12 && month <= 12 => stats.day_first += 1,
                Some((month, day)) if day > 12 && month <= 12 => stats.month_first += 1,
                _ => {}
            }
            stats.latitudes += u64::from(coordinate(text, 90.0).is_some());
            stats.coordinates += u64::from(coordinate(text, 180.0).is_some());
            stats.scaled += u64::from(scaled(text, 180.0).is_some());
            stats.places += u64::from(pair(text).is_some());
            stats.prose += u64::from(is_prose(text));
            stats.numeric += u64::from(text.parse::<f64>().is_ok());
            // Whoever numbers people begins with 1.
            let shortest = if is_part(&stats.keys) { 1 } else { 3 };
            let id = (shortest..=64).contains(&text.len())
                && text.bytes().any(|byte| byte.is_ascii_digit())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:@".contains(&byte));
            stats.ids += u64::from(id);
            if id && stats.keys_met.len() < DISTINCT {
                stats.keys_met.insert(other(text));
            }
            if stats.distinct.len() < DISTINCT {
                stats.distinct.insert(template(text));
            }
            if text.len() <= NAME && stats.values.len() < DISTINCT {
                stats.values.insert(other(text));
            }
        }
    }

    /// What the fields are. `fixed`: roles that an auditor gave to fields by name; they stand, whatever was learned.
    pub fn learn(self, fixed: &BTreeMap<String, Option<Role>>) -> Roles {
        let mut roles = Roles { met: self.fields.keys().copied().collect(), ..Roles::default() };
        let leases =
            self.fields.values().any(|stats| is_number(stats) && party(&stats.keys) == Some(Role::LeasedNumber));
        let mut found: BTreeMap<u64, (Option<Role>, u64)> = BTreeMap::new();
        for (path, stats) in &self.fields {
            found.insert(*path, role_of(stats, leases));
        }
        let referred = self.refer(&mut found);
        self.call_by_name(&mut found);
        let mut times: Vec<(bool, bool, bool, u64, Reverse<String>, u64)> = Vec::new();
        for (path, stats) in &self.fields {
            let given = given(fixed, &stats.field);
            let (role, fits) = match given {
                Some(role) => (*role, stats.seen),
                None => found.get(path).copied().unwrap_or_default(),
            };
            let Some(role) = role else { continue };
            if role == Role::Time {
                let named = says(&stats.keys, Role::Time) && !is_other_time(&stats.keys);
                let dated = stats.dates.saturating_mul(2) > stats.times;
                times.push((given.is_some(), named, dated, stats.seen, Reverse(stats.field.clone()), *path));
            }
            // Whoever says what a field holds need not be shown it.
            let counts = match given {
                Some(_) => Counts::All,
                None if is_bare(stats, role) => Counts::Numbers,
                None => Counts::Identifiers,
            };
            let month_first = stats.month_first > stats.day_first;
            roles.by_path.insert(
                *path,
                Given { role, counts, month_first, referred: referred.contains(path) && given.is_none(), rank: 0 },
            );
            let fits = u8::try_from(fits.saturating_mul(100) / stats.seen.max(1)).unwrap_or(100).min(100);
            let given = given.is_some();
            roles.learned.push(Learned { field: stats.field.clone(), role, seen: stats.seen, fits, given });
        }
        roles.fixed.clone_from(fixed);
        // Of several times the one that is called a time, that is written as one, and that most records have is when it
        // happened; records of other kinds have their own.
        times.sort_unstable_by(|a, b| b.cmp(a));
        for (rank, (given, .., path)) in (0_u16..).zip(times) {
            let named = given || self.fields.get(&path).is_some_and(|stats| says(&stats.keys, Role::Time));
            match roles.by_path.get_mut(&path) {
                Some(given) if rank == 0 || named => given.rank = rank,
                _ => drop(roles.by_path.remove(&path)),
            }
        }
        roles.learned.sort();
        roles.learned.dedup();
        roles
    }

    /// Fields that say who wrote to whom by names of no certain form: where people write to each other, who is named in one
    /// is named in the other as well, and again and again.
    fn call_by_name(&self, found: &mut BTreeMap<u64, (Option<Role>, u64)>) {
        // Where people have numbers, addresses or identifiers, their names add nobody, and namesakes would be taken for one.
        let known = |role: Role| is_anyone(role) && role != Role::Identity;
        let mut roles = found.values().filter_map(|(role, _)| *role);
        if roles.clone().any(known) || !roles.any(|role| role == Role::Text) {
            return;
        }
        let open = |(path, stats): &(&u64, &Stats)| {
            let names = stats.values.len() > 2 && (stats.values.len() as u64).saturating_mul(2) <= stats.seen;
            found.get(path).is_some_and(|(role, _)| role.is_none()) && is_part(&stats.keys) && !stats.thing && names
        };
        let fields: Vec<(&u64, &Stats)> = self.fields.iter().filter(open).collect();
        let named: Vec<(u64, Role, u64)> = fields
            .iter()
            .filter_map(|(path, stats)| Some((**path, party(&stats.keys)?, stats)))
            .filter(|(path, role, stats)| {
                fields.iter().any(|(other_path, other)| {
                    let shared = other.values.iter().filter(|value| stats.values.contains(value)).count();
                    **other_path != *path
                        && party(&other.keys) != Some(*role)
                        && shared.saturating_mul(2) >= other.values.len().min(stats.values.len())
                })
            })
            .map(|(path, role, stats)| (path, role, stats.seen))
            .collect();
        found.extend(named.into_iter().map(|(path, role, seen)| (path, (Some(role), seen))));
    }

    /// Fields whose values are the identifiers that other fields name people by: `id` in a table of users.
    fn refer(&self, found: &mut BTreeMap<u64, (Option<Role>, u64)>) -> BTreeSet<u64> {
        let mut referred = BTreeSet::new();
        let named = |role: Option<Role>| {
            matches!(
                role,
                Some(Role::Identity | Role::Sender | Role::Recipient | Role::Member | Role::Caller | Role::Callee)
            )
        };
        let people: Vec<&Stats> = (self.fields.iter())
            .filter(|(path, stats)| {
                found.get(path).is_some_and(|(role, _)| named(*role)) && !is_number(stats) && stats.keys_met.len() > 2
            })
            .map(|(_, stats)| stats)
            .collect();
        for (path, stats) in &self.fields {
            let open = found.get(path).is_some_and(|(role, _)| role.is_none());
            let key = stats.keys.last().is_some_and(|words| is_id(words)) && per_cent(stats.ids, stats) >= 90;
            if !(open && key) {
                continue;
            }
            let refers = |other: &&Stats| {
                let shared = other.keys_met.iter().filter(|value| stats.keys_met.contains(value)).count();
                shared.saturating_mul(2) >= other.keys_met.len().min(stats.keys_met.len()) && shared > 2
            };
            if people.iter().any(refers) {
                found.insert(*path, (Some(Role::Identity), stats.ids));
                referred.insert(*path);
            }
        }
        referred
    }
}

/// The role of a field as it is used in counting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    pub(super) role: Role,
    pub(super) counts: Counts,
    /// Dates have the month in front of the day.
    pub(super) month_first: bool,
    /// What other fields name people by: who stands beside it is that person, and alone it is nobody.
    pub(super) referred: bool,
    /// Of several times in one record the one of least rank counts.
    pub(super) rank: u16,
}

/// Which values of a field are what its role says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Counts {
    /// Identifiers, and numbers with a sign in front of them.
    Identifiers,
    /// Numbers, with a sign and without, and addresses.
    Numbers,
    /// Whatever stands there: an auditor said so.
    All,
}

impl Counts {
    /// Whether numbers count without a sign in front of them.
    pub(super) fn bare(self) -> bool {
        self != Self::Identifiers
    }
}

/// The roles of a store's fields.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    by_path: HashMap<u64, Given, foldhash::fast::FixedState>,
    learned: Vec<Learned>,
    fixed: BTreeMap<String, Option<Role>>,
    /// The fields of the sample, whether they have a role or none.
    met: HashSet<u64, foldhash::fast::FixedState>,
}

impl Roles {
    /// Whether a field is in no record of the sample, and was given no role.
    pub(super) fn knows_nothing_of(&self, path: u64, keys: &[String]) -> bool {
        !self.met.is_empty() && !self.met.contains(&path) && given(&self.fixed, &keys.join(".")).is_none()
    }

    /// The role of a field, if it has any; `keys` lead to it.
    pub(super) fn of(&self, path: u64, keys: &[String]) -> Option<Given> {
        // A field that was not in the sample may still have been given a role.
        let unseen = || {
            Some(Given {
                role: (*given(&self.fixed, &keys.join("."))?)?,
                counts: Counts::All,
                month_first: false,
                referred: false,
                rank: 0,
            })
        };
        self.by_path.get(&path).copied().or_else(unseen)
    }

    /// Fields that were given roles, and that are in no record of the sample.
    pub fn unmet(&self) -> impl Iterator<Item = &str> {
        let met = |field: &str| self.learned.iter().any(|learned| learned.given && is_named(field, &learned.field));
        self.fixed
            .iter()
            .filter(|(_, role)| role.is_some())
            .map(|(field, _)| field.as_str())
            .filter(move |field| !met(field))
    }

    /// What was learned, by field.
    pub fn learned(&self) -> &[Learned] {
        &self.learned
    }
}

/// Whether what an auditor wrote names a field: all of its keys, or the innermost of them.
fn is_named(written: &str, field: &str) -> bool {
    field.strip_suffix(written).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The role that an auditor gave to a field: by the longest name that fits.
fn given<'f>(fixed: &'f BTreeMap<String, Option<Role>>, field: &str) -> Option<&'f Option<Role>> {
    let fitting = fixed.iter().filter(|(written, _)| is_named(written, field));
    fitting.max_by_key(|(written, _)| written.len()).map(|(_, role)| role)
}

fn per_cent(part: u64, stats: &Stats) -> u64 {
    part.saturating_mul(100) / stats.seen.max(1)
}

fn is_number(stats: &Stats) -> bool {
    let named = stats.keys.iter().any(|words| is_phone(words)) || party(&stats.keys).is_some();
    per_cent(stats.signed, stats) >= 60
        || (named && !stats.thing && per_cent(stats.bare.max(stats.possible), stats) >= 80)
}

/// Numbers without a sign count where the field was learned to hold numbers.
fn is_bare(stats: &Stats, role: Role) -> bool {
    is_anyone(role) && (is_number(stats) || is_joined(stats))
}

/// Whether several numbers stand in each value: valid ones, or possible ones under a name that speaks of members.
fn is_joined(stats: &Stats) -> bool {
    per_cent(stats.joined, stats) >= 60
        || (party(&stats.keys) == Some(Role::Member) && per_cent(stats.joined_possible, stats) >= 80)
}

/// The role of a field and how many of its values fit it.
fn role_of(stats: &Stats, leases: bool) -> (Option<Role>, u64) {
    let named = party(&stats.keys);
    let thing = stats.keys.last().is_some_and(|words| is_thing(words));
    if is_joined(stats) && !thing {
        return (Some(Role::Member), stats.joined.max(stats.joined_possible));
    }
    if is_number(stats) {
        let role = match named {
            Some(Role::RealNumber) if !leases => Role::Identity,
            Some(role) => role,
            None => Role::Identity,
        };
        return (Some(role), stats.bare.max(stats.signed).max(stats.possible));
    }
    if per_cent(stats.emails, stats) >= 60 {
        let role = match named {
            None | Some(Role::RealNumber | Role::LeasedNumber) => Role::Identity,
            Some(role) => role,
        };
        return (Some(role), stats.emails);
    }
    for (role, fit) in [(Role::Latitude, stats.latitudes), (Role::Longitude, stats.coordinates)] {
        if says(&stats.keys, role) && per_cent(fit.max(stats.scaled), stats) >= 60 {
            return (Some(role), fit.max(stats.scaled));
        }
    }
    // Longitude and latitude, one after the other: GeoJSON.
    if stats.listed && says(&stats.keys, Role::Place) && per_cent(stats.coordinates, stats) >= 60 {
        return (Some(Role::Place), stats.coordinates);
    }
    if per_cent(stats.places, stats) >= if says(&stats.keys, Role::Place) { 60 } else { 95 } {
        return (Some(Role::Place), stats.places);
    }
    if is_time(stats, named, thing) {
        return (Some(Role::Time), stats.times);
    }
    let various = stats.distinct.len() as u64;
    // What people write is seldom the same twice; what programs write is, but for its numbers.
    let diverse = various.saturating_mul(3) >= stats.prose.min(DISTINCT as u64) && stats.prose > 0;
    let id = stats.keys.last().is_some_and(|words| is_id(words));
    if says(&stats.keys, Role::Text) && !id && diverse && per_cent(stats.prose, stats) >= 5 {
        return (Some(Role::Text), stats.prose);
    }
    if stats.seen >= 50
        && per_cent(stats.prose, stats) >= 90
        && various.saturating_mul(10) >= stats.prose.min(DISTINCT as u64).saturating_mul(9)
        && named.is_none()
        && !thing
    {
        return (Some(Role::Text), stats.prose);
    }
    if says(&stats.keys, Role::Duration) && per_cent(stats.numeric, stats) >= 90 {
        return (Some(Role::Duration), stats.numeric);
    }
    if says(&stats.keys, Role::Event) && various <= 64 {
        return (Some(Role::Event), stats.seen);
    }
    if says(&stats.keys, Role::App) && various <= 64 {
        return (Some(Role::App), stats.seen);
    }
    let account = stats.keys.last().is_some_and(|words| {
        words.iter().any(|word| {
            matches!(word.as_str(), "uid" | "userid" | "user" | "account" | "profile" | "member" | "subscriber")
        })
    });
    let people = stats.values.len() > 2;
    if per_cent(stats.ids, stats) >= 90 && !thing {
        // What a chat is called is no person.
        let part = named.filter(|role| *role != Role::Member || !is_talk(&stats.keys));
        return match part {
            Some(role @ (Role::Sender | Role::Recipient | Role::Member | Role::Caller | Role::Callee)) if people => {
                (Some(role), stats.ids)
            }
            _ if account && people => (Some(Role::Identity), stats.ids),
            _ => (None, 0),
        };
    }
    (None, 0)
}

/// Whether the values of a field are times: nearly all where its name does not say so, and then no identifiers, no numbers
/// of somebody's, and not spread over decades.
fn is_time(stats: &Stats, named: Option<Role>, thing: bool) -> bool {
    if says(&stats.keys, Role::Time) {
        return per_cent(stats.times, stats) >= 80;
    }
    let dated = stats.dates.saturating_mul(2) > stats.times;
    let other = thing || named.is_some() || stats.keys.last().is_some_and(|words| is_id(words) || is_phone(words));
    let near = stats.span.is_some_and(|(first, last)| last.saturating_sub(first) <= TIMES_SPAN);
    per_cent(stats.times, stats) >= 98 && (dated || (!other && near))
}

/// Whether a role is somebody's.
const fn is_anyone(role: Role) -> bool {
    matches!(
        role,
        Role::Sender
            | Role::Recipient
            | Role::Member
            | Role::Caller
            | Role::Callee
            | Role::RealNumber
            | Role::LeasedNumber
            | Role::Identity
    )
}

/// Whether a name speaks of somebody's part in a message or a call.
fn is_part(keys: &[Vec<String>]) -> bool {
    matches!(party(keys), Some(Role::Sender | Role::Recipient | Role::Caller | Role::Callee))
}

/// A value with its digits blotted out, hashed: equal for texts that differ in numbers alone.
fn template(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes().take(256) {
        let byte = if byte.is_ascii_digit() { b'0' } else { byte };
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}
