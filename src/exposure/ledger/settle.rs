//! What was counted comes to sums once all records were read.

use super::Ledger;
use crate::exposure::identity::{Key, Persons, is_number};
use crate::exposure::linked::{self, Known};
use crate::exposure::value::country;
use crate::model::exposure::{About, Exposure, Share};
use std::collections::{BTreeMap, BTreeSet};

impl Ledger {
    /// The sums.
    pub fn settle(self) -> Exposure {
        let keys = self.people.keys();
        let mut people = self.people.persons();
        let mut roots: BTreeMap<Key, bool> = BTreeMap::new();
        let mut known: BTreeMap<Key, Known> = BTreeMap::new();
        let mut countries: BTreeMap<u16, u64> = BTreeMap::new();
        for key in &keys {
            // Who is known by a leased number alone is nobody new.
            let own = !self.leased.contains(key);
            let root = people.root(*key);
            *roots.entry(root).or_default() |= own;
            let tells = known.entry(root).or_default();
            *(if is_number(*key) { &mut tells.number } else { &mut tells.other }) = true;
            if is_number(*key)
                && own
                && let Some(code) = country(*key)
            {
                *countries.entry(code).or_default() += 1;
            }
        }
        let persons = |keys: &[Key], people: &mut Persons| {
            let mut of: Vec<Key> = keys.iter().map(|key| people.root(*key)).collect();
            of.sort_unstable();
            of.dedup();
            of
        };
        let about = (self.at_least || self.people.full).then(|| {
            let mut talks = self.more_conversations.clone();
            let mut kept: Vec<&[Key]> = self.conversations.iter().map(AsRef::as_ref).collect();
            kept.sort_unstable();
            for parties in kept {
                talks.add(parties);
            }
            About { phone_numbers: self.people.about_numbers(), conversations: talks.count() }
        });
        let conversations: BTreeSet<Vec<Key>> =
            self.conversations.iter().map(|parties| persons(parties, &mut people)).collect();
        let calls: BTreeSet<(Key, Key)> = (self.called.iter())
            .map(|(a, b)| (people.root(*a), people.root(*b)))
            .filter(|(a, b)| a != b)
            .map(|(a, b)| (a.min(b), a.max(b)))
            .collect();
        let linkability = linked::linkability(&conversations, &calls, &known, &keys);
        let mut sizes: BTreeMap<u64, u64> = BTreeMap::new();
        for parties in &conversations {
            *sizes.entry(parties.len() as u64).or_default() += 1;
        }
        let mut by_app = BTreeMap::new();
        for (app, (keys, messages)) in &self.apps {
            let keys: Vec<Key> = keys.iter().copied().collect();
            let of = persons(&keys, &mut people);
            let people = of.iter().filter(|root| roots.get(*root).copied().unwrap_or_default()).count() as u64;
            by_app.insert(app.clone(), Share { people, messages: *messages });
        }
        Exposure {
            people: roots.values().filter(|own| **own).count() as u64,
            phone_numbers: keys.iter().filter(|key| is_number(**key)).count() as u64,
            messages: self.messages,
            conversations: conversations.len() as u64,
            conversation_sizes: sizes,
            calls: self.calls,
            precise_locations: self.places,
            number_links: self.links.len() as u64,
            records: self.records,
            first_seen: self.first,
            last_seen: self.last,
            ages: super::AGING.into_iter().zip(self.ages).filter_map(|(data, age)| Some((data, age?))).collect(),
            by_app,
            by_day: self.days.iter().map(|(day, counts)| (date(*day), *counts)).collect(),
            countries,
            linkability,
            extortion_notes: self.notes.into_iter().collect(),
            roles: BTreeMap::new(),
            at_least: self.at_least || self.people.full || self.unlearned > 0,
            about,
        }
    }
}

/// A day since the epoch as `2026-11-02`.
fn date(days: i64) -> String {
    // Hinnant, chrono-compatible low-level date algorithms.
    let z = days.saturating_add(719_468);
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * of_year + 2) / 153;
    let day = of_year - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
