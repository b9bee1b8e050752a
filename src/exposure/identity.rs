//! Which identifiers are one person's: a union-find whose result does not depend on the order of its unions.

use crate::exposure::sketch::Sketch;
use std::collections::HashMap;

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

/// Identifiers and which of them belong together.
#[derive(Clone, Debug, Default)]
pub(super) struct Identities {
    parents: HashMap<Key, Key, foldhash::fast::FixedState>,
    /// More came than are kept.
    pub(super) full: bool,
    /// The telephone numbers among those that were not kept.
    beyond: Sketch,
}

impl Identities {
    /// Notes an identifier; `false` when there is no room for another.
    pub(super) fn add(&mut self, key: Key, most: usize) -> bool {
        if self.parents.len() >= most && !self.parents.contains_key(&key) {
            self.full = true;
            if is_number(key) {
                self.beyond.add(&[key]);
            }
            return false;
        }
        self.parents.entry(key).or_insert(key);
        true
    }

    /// The least key of the person that `key` belongs to.
    pub(super) fn root(&mut self, key: Key) -> Key {
        let mut at = key;
        while let Some(parent) = self.parents.get(&at).copied().filter(|parent| *parent != at) {
            // Halve the way for the next one.
            let grand = self.parents.get(&parent).copied().unwrap_or(parent);
            self.parents.insert(at, grand);
            at = grand;
        }
        at
    }

    /// They are one person's. Both must have been added.
    pub(super) fn join(&mut self, a: Key, b: Key) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        if low != high && self.parents.contains_key(&low) && self.parents.contains_key(&high) {
            self.parents.insert(high, low);
        }
    }

    /// Takes all that `other` knows.
    pub(super) fn merge(&mut self, other: &Self, most: usize) {
        self.full |= other.full;
        self.beyond.merge(&other.beyond);
        let mut keys: Vec<(Key, Key)> = other.parents.iter().map(|(key, parent)| (*key, *parent)).collect();
        keys.sort_unstable();
        for (key, parent) in keys {
            if self.add(key, most) && self.add(parent, most) {
                self.join(key, parent);
            }
        }
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
        let mut keys: Vec<Key> = self.parents.keys().copied().collect();
        keys.sort_unstable();
        keys
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
                identities.join(a, b);
            }
        }
        for key in forward.keys() {
            assert_eq!(forward.root(key), backward.root(key));
        }
        assert_eq!((forward.root(4), forward.root(9), forward.root(8)), (1, 9, 7));
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
