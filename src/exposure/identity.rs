//! Which identifiers are one person's: what stands together in records is put together at the end, so that nothing depends on
//! the order of the records.

use crate::exposure::sketch::Sketch;
use std::collections::{HashMap, HashSet};

/// An identifier: the digits of a telephone number, or a hash with its top bit set.
pub(super) type Key = u64;

/// Marks keys that are no telephone numbers.
const OTHER: u64 = 1 << 63;

/// The key of an address or a name of a user.
pub(super) fn other(text: &str) -> Key {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.trim().bytes() {
        hash = (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3);
    }
    (hash ^ (hash >> 29)) | OTHER
}

/// Whether a key is a telephone number.
pub(super) const fn is_number(key: Key) -> bool {
    key & OTHER == 0
}

/// Numbers that one person has under one identifier: what stands beside more is nobody's own, as an address for questions, or
/// one that stands for none.
const OWN: usize = 4;

/// Identifiers, and which of them stood together.
#[derive(Clone, Debug, Default)]
pub(super) struct Identities {
    known: HashSet<Key, foldhash::fast::FixedState>,
    /// Pairs of one person's, the lesser first.
    ties: HashSet<(Key, Key), foldhash::fast::FixedState>,
    /// More came than are kept.
    pub(super) full: bool,
    /// The telephone numbers among those that were not kept.
    beyond: Sketch,
}

impl Identities {
    /// Notes an identifier; `false` when there is no room for another.
    pub(super) fn add(&mut self, key: Key, most: usize) -> bool {
        if self.known.len() >= most && !self.known.contains(&key) {
            self.full = true;
            if is_number(key) {
                self.beyond.add(&[key]);
            }
            return false;
        }
        self.known.insert(key);
        true
    }

    /// They are one person's. Both must have been added.
    pub(super) fn join(&mut self, a: Key, b: Key, most: usize) {
        let tie = (a.min(b), a.max(b));
        if a == b || !self.known.contains(&a) || !self.known.contains(&b) {
            return;
        }
        if self.ties.len() < most {
            self.ties.insert(tie);
        } else {
            self.full |= !self.ties.contains(&tie);
        }
    }

    /// Takes all that `other` knows.
    pub(super) fn merge(&mut self, other: &Self, most: usize) {
        self.full |= other.full;
        self.beyond.merge(&other.beyond);
        let mut keys: Vec<Key> = other.known.iter().copied().collect();
        keys.sort_unstable();
        for key in keys {
            self.add(key, most);
        }
        let mut ties: Vec<(Key, Key)> = other.ties.iter().copied().collect();
        ties.sort_unstable();
        for (a, b) in ties {
            self.join(a, b, most);
        }
    }

    /// Who they are.
    pub(super) fn persons(&self) -> Persons {
        let mut numbers: HashMap<Key, usize, foldhash::fast::FixedState> = HashMap::default();
        let ends = self.ties.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]);
        for (key, _) in ends.filter(|(key, other)| !is_number(*key) && is_number(*other)) {
            *numbers.entry(key).or_default() += 1;
        }
        let shared = |key: &Key| numbers.get(key).is_some_and(|count| *count > OWN);
        let mut persons = Persons(self.known.iter().map(|key| (*key, *key)).collect());
        for (a, b) in self.ties.iter().filter(|(a, b)| !shared(a) && !shared(b)) {
            persons.join(*a, *b);
        }
        persons
    }

    /// About how many telephone numbers there were, kept or not.
    pub(super) fn about_numbers(&self) -> u64 {
        let mut all = self.beyond.clone();
        for key in self.keys().into_iter().filter(|key| is_number(*key)) {
            all.add(&[key]);
        }
        all.count()
    }

    /// All identifiers, in order.
    pub(super) fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.known.iter().copied().collect();
        keys.sort_unstable();
        keys
    }
}

/// Persons: a union-find whose result does not depend on the order of its unions.
#[derive(Debug)]
pub(super) struct Persons(HashMap<Key, Key, foldhash::fast::FixedState>);

impl Persons {
    /// The least key of the person that `key` belongs to.
    pub(super) fn root(&mut self, key: Key) -> Key {
        let mut at = key;
        while let Some(parent) = self.0.get(&at).copied().filter(|parent| *parent != at) {
            // Halve the way for the next one.
            let grand = self.0.get(&parent).copied().unwrap_or(parent);
            self.0.insert(at, grand);
            at = grand;
        }
        at
    }

    fn join(&mut self, a: Key, b: Key) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.0.insert(a.max(b), a.min(b));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unions_do_not_depend_on_their_order() {
        let edges = [(1, 2), (3, 4), (2, 3), (9, 9), (7, 8)];
        let mut forward = Identities::default();
        let mut backward = Identities::default();
        for (identities, edges) in
            [(&mut forward, edges.to_vec()), (&mut backward, edges.iter().rev().copied().collect())]
        {
            for (a, b) in edges {
                identities.add(a, 100);
                identities.add(b, 100);
                identities.join(a, b, 100);
            }
        }
        let keys = forward.keys();
        let (mut forward, mut backward) = (forward.persons(), backward.persons());
        for key in keys {
            assert_eq!(forward.root(key), backward.root(key));
        }
        assert_eq!((forward.root(4), forward.root(9), forward.root(8)), (1, 9, 7));
        // What stands beside many numbers is nobody's own, and one's own stands beside a few.
        let mut identities = Identities::default();
        let (own, shared) = (other("ana@mail.example"), other("help@app.example"));
        for n in 0..20 {
            for key in [n, own, shared] {
                identities.add(key, 100);
            }
            identities.join(n, shared, 100);
            if n < 3 {
                identities.join(n, own, 100);
            }
        }
        let mut persons = identities.persons();
        let mut roots: Vec<Key> = identities.keys().into_iter().map(|key| persons.root(key)).collect();
        roots.sort_unstable();
        roots.dedup();
        assert_eq!((roots.len(), persons.root(own), persons.root(shared)), (19, 0, shared));
        // What is not kept is counted all the same, in any order and in parts.
        let (mut whole, mut parts) = (Identities::default(), Identities::default());
        for part in 0..4_u64 {
            let mut some = Identities::default();
            for n in (part..20_000).step_by(4) {
                whole.add(447_700_000_000 + n, 100);
                some.add(447_700_000_000 + n, 100);
                some.add(other(&format!("user{n}@mail.example")), 100);
            }
            parts.merge(&some, 100);
        }
        assert!(whole.about_numbers().abs_diff(20_000) < 700, "{}", whole.about_numbers());
        assert!(parts.full && parts.about_numbers().abs_diff(20_000) < 700, "{}", parts.about_numbers());
        let mut small = Identities::default();
        assert!(small.add(1, 1) && !small.add(2, 1) && small.full);
    }
}
