//! Who can be joined to whom by somebody who reads the store: people who wrote to or called each other, and what tells
//! who they are. Nobody is named: people are fingerprints, salted with all identifiers of the store, so that only who has
//! the store can tell whose they are.

use crate::exposure::identity::{Key, is_number};
use crate::model::budget;
use crate::model::exposure::{Contact, Edge, Identified, Linkability};
use crate::model::sighting::Masked;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// People drawn around the one with the most contacts.
const AROUND: usize = 11;
/// Bytes of a fingerprint.
const FINGERPRINT: usize = 4;

/// What tells who somebody is: bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    pub(super) number: bool,
    pub(super) other: bool,
}

impl Known {
    const fn by(self) -> Identified {
        match (self.number, self.other) {
            (true, true) => Identified::Both,
            (true, false) => Identified::Number,
            _ => Identified::Other,
        }
    }
}

/// A union-find over indices.
struct Groups(Vec<u32>);

impl Groups {
    fn root(&mut self, mut at: u32) -> u32 {
        while let Some(parent) = self.0.get(at as usize).copied().filter(|parent| *parent != at) {
            let grand = self.0.get(parent as usize).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(at as usize) {
                *slot = grand;
            }
            at = grand;
        }
        at
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(slot) = self.0.get_mut(a.max(b) as usize) {
            *slot = a.min(b);
        }
    }
}

/// Joins people over conversations (distinct sets of persons) and calls (distinct pairs of persons). `known`: what tells
/// who each person is; `identifiers`: all there are, in order, the salt of the fingerprints.
pub(super) fn linkability(
    conversations: &BTreeSet<Vec<Key>>,
    calls: &BTreeSet<(Key, Key)>,
    known: &BTreeMap<Key, Known>,
    identifiers: &[Key],
) -> Linkability {
    let mut people: Vec<Key> = conversations.iter().filter(|who| who.len() > 1).flatten().copied().collect();
    people.extend(calls.iter().flat_map(|(a, b)| [*a, *b]));
    people.sort_unstable();
    people.dedup();
    let index = |key: &Key| people.binary_search(key).ok().and_then(|at| u32::try_from(at).ok());
    let mut groups = Groups((0..).take(people.len()).collect());
    // Both ends, and whether they called.
    let mut pairs: Vec<(u32, u32, bool)> = Vec::new();
    let mut at_least = false;
    for who in conversations {
        let who: Vec<u32> = who.iter().filter_map(index).collect();
        for (at, a) in who.iter().enumerate() {
            for b in who.iter().skip(at.saturating_add(1)) {
                if pairs.len() < budget::LINKED_PAIRS {
                    pairs.push((*a, *b, false));
                } else {
                    at_least = true;
                    break;
                }
            }
        }
        for [a, b] in who.array_windows() {
            groups.join(*a, *b);
        }
    }
    for (a, b) in calls {
        let (Some(a), Some(b)) = (index(a), index(b)) else { continue };
        groups.join(a, b);
        if pairs.len() < budget::LINKED_PAIRS {
            pairs.push((a.min(b), a.max(b), true));
        } else {
            at_least = true;
        }
    }
    pairs.sort_unstable();
    let edges: Vec<Edge> = pairs
        .chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
        .filter_map(|alike| {
            let (from, to, _) = *alike.first()?;
            let talks = alike.iter().filter(|(_, _, call)| !call).count() as u64;
            let called = alike.iter().any(|(_, _, call)| *call);
            Some(Edge { from: from as usize, to: to as usize, conversations: talks, called })
        })
        .collect();
    let mut sizes: BTreeMap<u32, u64> = BTreeMap::new();
    for at in (0..).take(people.len()) {
        *sizes.entry(groups.root(at)).or_default() += 1;
    }
    let of = |at: usize| people.get(at).and_then(|key| known.get(key)).copied().unwrap_or_default();
    let mut by_identifier: BTreeMap<Identified, u64> = BTreeMap::new();
    let mut contacts = vec![0_u64; people.len()];
    for edge in &edges {
        let (a, b) = (of(edge.from), of(edge.to));
        let by = match (a.number && b.number, a.other && b.other) {
            (true, _) => Identified::Number,
            (false, true) => Identified::Other,
            (false, false) => Identified::Both,
        };
        *by_identifier.entry(by).or_default() += 1;
        for end in [edge.from, edge.to] {
            if let Some(sum) = contacts.get_mut(end) {
                *sum = sum.saturating_add(1);
            }
        }
    }
    let shown = around(&edges, &contacts);
    let salt = salt(identifiers);
    Linkability {
        connected: people.len() as u64,
        pairs: edges.len() as u64,
        groups: sizes.len() as u64,
        largest_group: sizes.values().copied().max().unwrap_or_default(),
        by_identifier,
        named_numbers: known.values().filter(|known| known.number && known.other).count() as u64,
        contacts: shown
            .iter()
            .map(|at| {
                // Of a person's identifiers the least stands for all, and numbers are less than the others.
                let key = people.get(*at).copied().unwrap_or_default();
                Contact {
                    fingerprint: fingerprint(&salt, key),
                    contacts: contacts.get(*at).copied().unwrap_or_default(),
                    identified: of(*at).by(),
                    number: is_number(key).then(|| Masked::new(format!("+{key}"))),
                }
            })
            .collect(),
        edges: edges
            .iter()
            .filter_map(|edge| {
                let place = |end: usize| shown.iter().position(|at| *at == end);
                Some(Edge { from: place(edge.from)?, to: place(edge.to)?, ..*edge })
            })
            .collect(),
        at_least,
    }
}

/// The one with the most contacts, and those who share most with them.
fn around(edges: &[Edge], contacts: &[u64]) -> Vec<usize> {
    let most = contacts.iter().copied().max().unwrap_or_default();
    let Some(center) = contacts.iter().position(|sum| *sum == most && most > 0) else { return Vec::new() };
    let mut near: Vec<(u64, u64, usize)> = edges
        .iter()
        .filter_map(|edge| {
            let other = match (edge.from == center, edge.to == center) {
                (true, false) => edge.to,
                (false, true) => edge.from,
                _ => return None,
            };
            Some((edge.conversations, contacts.get(other).copied().unwrap_or_default(), other))
        })
        .collect();
    near.sort_by_key(|(talks, sum, at)| (std::cmp::Reverse((*talks, *sum)), *at));
    std::iter::once(center).chain(near.into_iter().take(AROUND).map(|(_, _, at)| at)).collect()
}

fn salt(identifiers: &[Key]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for key in identifiers {
        hash.update(key.to_be_bytes());
    }
    hash.finalize().into()
}

fn fingerprint(salt: &[u8; 32], key: Key) -> String {
    let digest = Sha256::new().chain_update(salt).chain_update(key.to_be_bytes()).finalize();
    digest.iter().take(FINGERPRINT).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(keys: &[Key]) -> BTreeMap<Key, Known> {
        keys.iter().map(|key| (*key, Known { number: *key < 100, other: *key % 2 == 1 })).collect()
    }

    #[test]
    fn people_hang_together_over_others() {
        let talks: BTreeSet<Vec<Key>> =
            [vec![1, 2], vec![2, 3], vec![2, 3, 4], vec![10, 11], vec![20]].into_iter().collect();
        let calls = BTreeSet::from([(4, 5), (1, 2)]);
        let keys = [1, 2, 3, 4, 5, 10, 11, 20, 101];
        let found = linkability(&talks, &calls, &known(&keys), &keys);
        // Who wrote to nobody is joined to nobody.
        assert_eq!((found.connected, found.groups, found.largest_group), (7, 2, 5));
        // 1-2, 2-3, 2-4, 3-4, 4-5, 10-11.
        assert_eq!((found.pairs, found.at_least), (6, false));
        assert_eq!(found.by_identifier, BTreeMap::from([(Identified::Number, 6)]));
        assert_eq!(found.named_numbers, 4);
        // The best-connected of those with three contacts, the first by their identifier, stands in front.
        assert_eq!(found.contacts.iter().map(|contact| contact.contacts).collect::<Vec<_>>(), [3, 2, 3, 1]);
        let first = found.edges.iter().find(|edge| (edge.from, edge.to) == (3, 0)).unwrap();
        assert_eq!((first.conversations, first.called), (1, true));
    }

    #[test]
    fn fingerprints_need_the_store() {
        let talks: BTreeSet<Vec<Key>> = [vec![1, 2]].into_iter().collect();
        let of = |keys: &[Key]| linkability(&talks, &BTreeSet::new(), &known(&[1, 2]), keys).contacts;
        let (a, again, other) = (of(&[1, 2, 3]), of(&[1, 2, 3]), of(&[1, 2, 4]));
        assert_eq!(a, again);
        assert!(a.iter().all(|contact| other.iter().all(|else_| else_.fingerprint != contact.fingerprint)));
        assert!(a.iter().all(|contact| contact.fingerprint.len() == 2 * FINGERPRINT));
    }

    #[test]
    fn an_empty_store_joins_nobody() {
        let found = linkability(&BTreeSet::new(), &BTreeSet::new(), &BTreeMap::new(), &[]);
        assert_eq!(found, Linkability::default());
    }
}
