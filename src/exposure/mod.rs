//! Records of a store → how many people it exposes.
//!
//! In: the fields of each record. Out: an [`Exposure`](crate::model::exposure::Exposure). First the roles of its fields
//! are learned from its first records ([`Learner`]): who sends, to whom, what was said, where, when. Then every record
//! is counted by them ([`Ledger`]). Ledgers of parts of a store merge, in any order, to the same result.

mod identity;
mod ledger;
mod names;
mod notes;
mod role;
mod value;

#[cfg(test)]
mod tests;

pub use ledger::{EXTORTION_NOTE, Ledger, Shown};
pub use role::{Learner, Roles};

use crate::model::field::{Kind, Step, Tree};
use std::borrow::Cow;

/// One field of a record, as counting sees it.
#[derive(Clone, Debug)]
pub struct Leaf<'a> {
    /// Its path, indexes left out: equal for equal fields of all records.
    pub path: u64,
    /// The container it stands in; equal for fields of one object of one record.
    pub container: u32,
    /// The keys on the way to it, outermost first, at most [`KEYS`] of the innermost.
    pub keys: Vec<Cow<'a, str>>,
    /// It is an element of a list, or stands in one.
    pub listed: bool,
    /// What it says.
    pub text: Cow<'a, str>,
    /// It, in the record's tree.
    pub node: u32,
}

/// Keys remembered of one field's path.
pub const KEYS: usize = 4;
/// Fields looked at in one record; a record has some tens.
const LEAVES: usize = 512;
/// Bytes of one value that are looked at.
const VALUE: usize = 4_096;

/// The fields of a record that say something.
pub fn leaves<'a>(tree: &'a Tree<'_>) -> Vec<Leaf<'a>> {
    let mut found = Vec::new();
    for (id, node) in tree.leaves() {
        if found.len() >= LEAVES {
            break;
        }
        let text: Cow<'a, str> = match node.kind {
            Kind::Bytes | Kind::Text => {
                let bytes = tree.bytes(node);
                match std::str::from_utf8(bytes.get(..VALUE).unwrap_or(bytes)) {
                    Ok(text) => Cow::Borrowed(text),
                    Err(error) if error.error_len().is_none() => {
                        let whole = bytes.get(..error.valid_up_to()).unwrap_or_default();
                        Cow::Borrowed(std::str::from_utf8(whole).unwrap_or_default())
                    }
                    Err(_) => continue,
                }
            }
            Kind::Integer(number) => Cow::Owned(number.to_string()),
            Kind::Float(number) => Cow::Owned(number.to_string()),
            Kind::Simple | Kind::Container => continue,
        };
        if text.is_empty() {
            continue;
        }
        let (path, container, keys, listed) = way(tree, id);
        found.push(Leaf { path, container, keys, listed, text, node: id });
    }
    found
}

/// How a field is reached.
fn way<'a>(tree: &'a Tree<'_>, id: u32) -> (u64, u32, Vec<Cow<'a, str>>, bool) {
    let (mut hash, mut keys, mut listed) = (0xcbf2_9ce4_8422_2325_u64, Vec::new(), false);
    let mut container = None;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    let mut at = Some(id);
    while let Some(node) = at.and_then(|id| tree.node(id)) {
        let key: Option<Cow<'a, str>> = match node.step {
            Step::Key(view) => Some(String::from_utf8_lossy(tree.view(view))),
            Step::Name(name) => Some(Cow::Borrowed(name)),
            Step::Number(number) => Some(Cow::Owned(number.to_string())),
            Step::Index(_) => {
                // The rows of a table and the elements of the outermost list are records, not members.
                listed |= node
                    .parent
                    .and_then(|parent| tree.node(parent))
                    .is_some_and(|list| !matches!(list.step, Step::Open(_)));
                eat(b"[]");
                None
            }
            Step::Open(decoder) => {
                eat(decoder.as_bytes());
                None
            }
            Step::Part(_) => None,
        };
        if let Some(key) = key {
            eat(key.as_bytes());
            if container.is_none() {
                container = node.parent;
            }
            if keys.len() < KEYS {
                keys.push(key);
            }
        }
        at = node.parent;
    }
    keys.reverse();
    (hash, container.unwrap_or(0), keys, listed)
}
