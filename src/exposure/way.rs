//! How fields are reached: equal for equal fields of all records, so that what is known of a field is worked out once.

mod keyed;

use crate::exposure::Leaf;
use crate::exposure::names::{party, tells, words};
use crate::exposure::notes;
use crate::exposure::role::{Given, Roles};
use crate::exposure::value::{Numbers, is_email};
use crate::model::budget;
use crate::model::exposure::Role;
use crate::model::field::{Kind, Node, NodeId, Step, Tree};
use crate::model::record::{BESIDE, CUT};
use keyed::{Keyed, keyed};
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher as _;

/// Keys remembered of one field's path.
const KEYS: usize = 4;
/// Characters remembered of one key.
const KEY: usize = 120;
/// Bytes of one value that are looked at: a list of recipients may stand in one.
const VALUE: usize = 64 << 10;

/// Fields of interest that few records exceed: what so little needs is at hand at once.
const FEW: usize = 12;

/// Marks of steps whose keys are values: no UTF-8, as those of steps without a key.
const KEY_OF_LEAF: u8 = 0xfa;
const KEY_OF_OBJECT: u8 = 0xfb;
/// What stands for keys that are values in the name of a field.
const IN_KEYS: &str = "(key)";

/// What can be told of a field that is in no record that roles were learned from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unlearned {
    /// It is in one, or its role was given.
    Not,
    /// Its name speaks of what is counted.
    Named,
    /// Its values have to be asked.
    Unnamed,
}

impl Unlearned {
    /// Whether a value of such a field would be counted.
    fn counts(self, bytes: &[u8]) -> bool {
        match self {
            Self::Not => false,
            Self::Named => !bytes.is_empty(),
            // Most values end here.
            Self::Unnamed if bytes.first() != Some(&b'+') && memchr::memchr(b'@', bytes).is_none() => false,
            Self::Unnamed => std::str::from_utf8(bytes).is_ok_and(|text| {
                text.len() <= 64 && (is_email(text) || Numbers::default().read(text, false).is_some())
            }),
        }
    }
}

/// The way to a field.
#[derive(Debug)]
pub struct Way {
    /// Its path, indexes left out.
    pub path: u64,
    /// The innermost keys on it, outermost first.
    pub keys: Vec<String>,
    /// The field is an element of a list, or stands in one.
    pub listed: bool,
    /// The key of an object is the field, not what stands under it.
    pub(super) is_key: bool,
    /// The field's role.
    pub(super) given: Option<Given>,
    /// What is known of it though it is in no record that roles were learned from.
    unlearned: Unlearned,
    /// The way to its key, where that is a value itself: a number, an address, an identifier.
    key: Option<u32>,
    /// A name of what robots leave behind is among its keys.
    pub(super) note: Option<&'static str>,
    /// The record breaks off in it.
    cut: bool,
    /// The way of what it stands in.
    from: u32,
    /// The last step from there: its key, or a mark for what has none.
    step: Box<[u8]>,
    /// The way that came after it the last time: records of one kind have their fields in one order.
    after: u32,
}

/// Whether a field is the last one of a record that breaks off, so that nobody knows how it went on.
fn is_cut(tree: &Tree<'_>, node: &Node) -> bool {
    let parts = tree.message.parts.first().filter(|part| !part.whole);
    node.buffer == 0 && parts.is_some_and(|part| node.end as usize >= part.bytes.len() && node.parent.is_some())
}

/// Whether text that was read as Windows-1252 is any: letters for the most part, few of them beyond ASCII, and those letters.
fn is_western(text: &str) -> bool {
    let (mut all, mut high) = (0_usize, 0_usize);
    for c in text.chars() {
        if (c.is_control() && !c.is_ascii_whitespace()) || c == char::REPLACEMENT_CHARACTER {
            return false;
        }
        all = all.saturating_add(1);
        if !c.is_ascii() {
            let sign = matches!(
                c,
                '\u{a0}'
                    | '«'
                    | '»'
                    | '’'
                    | '‘'
                    | '“'
                    | '”'
                    | '„'
                    | '–'
                    | '—'
                    | '…'
                    | '€'
                    | '£'
                    | '°'
                    | '¿'
                    | '¡'
            );
            if !c.is_alphabetic() && !sign {
                return false;
            }
            high = high.saturating_add(1);
        }
    }
    // Words have vowels without marks on them.
    high.saturating_mul(3) <= all
}

/// What a record says.
#[derive(Debug)]
pub struct Said<'a> {
    /// The fields that say something; where roles are known, those that may count.
    pub leaves: Vec<Leaf<'a>>,
    /// A field that may count, and of which nothing was learned.
    pub unlearned: Option<&'a Way>,
}

/// All ways met so far.
#[derive(Debug)]
pub struct Ways<'r> {
    /// What fields are; without it every field is of interest.
    roles: Option<&'r Roles>,
    known: Vec<Way>,
    /// By the way of what it stands in and the hash of the step from there.
    next: HashMap<(u32, u64), u32, foldhash::fast::FixedState>,
    hasher: foldhash::fast::RandomState,
    /// Way and container of every node of the record at hand.
    nodes: Vec<(u32, u32)>,
    /// What is known of the nodes of structures that many records have.
    patterns: Vec<Option<Pattern>>,
}

/// The nodes of a structure that many records have.
#[derive(Debug)]
struct Pattern {
    /// Way and container of each.
    nodes: Box<[(u32, u32)]>,
    /// Those that may be fields of interest, in their order.
    fields: Box<[NodeId]>,
    /// The way of one of which nothing was learned.
    unlearned: Option<u32>,
}

impl<'r> Ways<'r> {
    /// Ways to fields of which `roles` are known; without roles to learn from.
    pub fn new(roles: Option<&'r Roles>) -> Self {
        let hasher = foldhash::fast::RandomState::default();
        Self { roles, known: Vec::new(), next: HashMap::default(), hasher, nodes: Vec::new(), patterns: Vec::new() }
    }

    /// What a record says.
    pub fn said<'a>(&'a mut self, tree: &'a Tree<'_>) -> Said<'a> {
        if self.known.is_empty() || self.known.len() > budget::STORE_FIELDS {
            self.next.clear();
            self.patterns.clear();
            self.known.clear();
            // A record that is one value has a role, too: a line of a log.
            let path = 0xcbf2_9ce4_8422_2325;
            self.known.push(Way {
                path,
                keys: Vec::new(),
                listed: false,
                is_key: false,
                given: self.roles.and_then(|roles| roles.of(path, &[])),
                unlearned: Unlearned::Not,
                key: None,
                note: None,
                cut: false,
                from: 0,
                step: Box::default(),
                after: 0,
            });
        }
        self.nodes.clear();
        let known = tree.pattern.and_then(|(index, _)| self.patterns.get(index)).and_then(Option::as_ref);
        if let Some(pattern) = known {
            self.nodes.extend_from_slice(&pattern.nodes);
        }
        let mut last = self.nodes.last().map_or(0, |(way, _)| *way);
        for node in tree.nodes.get(self.nodes.len()..).unwrap_or_default() {
            let found = self.way(tree, node, last);
            last = found.0;
            self.nodes.push(found);
        }
        if self.patterns.get(tree.pattern.map_or(usize::MAX, |(index, _)| index)).is_none_or(Option::is_none) {
            self.remember(tree);
        }
        let this: &'a Self = self;
        let pattern = tree.pattern.and_then(|(index, _)| this.patterns.get(index)).and_then(Option::as_ref);
        let fields = pattern.map_or(&[][..], |pattern| &pattern.fields);
        let rest = pattern.map_or(0, |pattern| pattern.nodes.len());
        let others = (0..).take(tree.nodes.len()).skip(rest);
        let mut found = Vec::with_capacity(FEW);
        let mut unlearned = pattern.and_then(|pattern| pattern.unlearned).and_then(|way| this.known.get(way as usize));
        for id in fields.iter().copied().chain(others) {
            let Some(node) = tree.node(id) else { continue };
            let Some((way, container)) = this.nodes.get(id as usize) else { continue };
            let Some(way) = this.known.get(*way as usize) else { continue };
            if let (Some(key), Step::Key(view)) = (way.key.and_then(|key| this.known.get(key as usize)), node.step)
                && (this.roles.is_none() || key.given.is_some())
                && let Ok(text) = std::str::from_utf8(tree.view(view))
            {
                let container = if node.leaf { *container } else { id };
                found.push(Leaf { way: key, container, text: Cow::Borrowed(text), node: id });
            }
            if !node.leaf {
                continue;
            }
            if way.unlearned != Unlearned::Not && !matches!(node.kind, Kind::Simple) && unlearned.is_none() {
                unlearned = Some(way).filter(|way| way.unlearned.counts(tree.bytes(node)));
            }
            // A value in which the record breaks off is not the value that stood there.
            if way.cut || is_cut(tree, node) {
                continue;
            }
            if let Some(text) = this.text(tree, node, way) {
                found.push(Leaf { way, container: *container, text, node: id });
            }
        }
        Said { leaves: found, unlearned }
    }

    /// Keeps what was found out of the nodes of a structure that other records have as well.
    fn remember(&mut self, tree: &Tree<'_>) {
        let Some((index, count)) = tree.pattern else { return };
        let nodes: Box<[(u32, u32)]> = self.nodes.get(..count).unwrap_or_default().into();
        let counts = |way: &Way| self.roles.is_none() || way.given.is_some();
        let may = |node: &Node, way: &Way| match node.kind {
            Kind::Container => false,
            Kind::Bytes | Kind::Text => !way.cut,
            // In the next record this may be a number where a word stood.
            Kind::Integer(_) | Kind::Float(_) | Kind::Simple => !way.cut && counts(way),
        };
        let fields = (0..).zip(&tree.nodes).zip(&nodes).filter_map(|((id, node), (way, _))| {
            let way = self.known.get(*way as usize)?;
            (may(node, way) || way.key.is_some()).then_some(id)
        });
        let fields = fields.collect();
        let unlearned = tree.nodes.iter().zip(&nodes).map(|(node, (way, _))| (node, *way)).find(|(node, way)| {
            node.leaf
                && !matches!(node.kind, Kind::Simple)
                && self.known.get(*way as usize).is_some_and(|way| way.unlearned == Unlearned::Named)
        });
        let unlearned = unlearned.map(|(_, way)| way);
        let pattern = Pattern { nodes, fields, unlearned };
        while self.patterns.len() <= index {
            self.patterns.push(None);
        }
        if let Some(slot) = self.patterns.get_mut(index) {
            *slot = Some(pattern);
        }
    }

    /// What a field says, if it may count.
    fn text<'a>(&self, tree: &'a Tree<'_>, node: &Node, way: &Way) -> Option<Cow<'a, str>> {
        let counts = self.roles.is_none() || way.given.is_some();
        let text = match node.kind {
            Kind::Bytes | Kind::Text => {
                let bytes = tree.bytes(node);
                if !counts && way.note.is_none() && !notes::may_be(bytes) {
                    return None;
                }
                match std::str::from_utf8(bytes.get(..VALUE).unwrap_or(bytes)) {
                    Ok(text) => Cow::Borrowed(text),
                    Err(error) if error.error_len().is_none() => {
                        let whole = bytes.get(..error.valid_up_to()).unwrap_or_default();
                        Cow::Borrowed(std::str::from_utf8(whole).unwrap_or_default())
                    }
                    // Another charset than the rest: of what a decoder made of something, nobody knows that it is text.
                    Err(_) => {
                        let bytes = bytes.get(..VALUE).unwrap_or(bytes);
                        let text = encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0;
                        let stands = node.buffer == 0 || matches!(node.kind, Kind::Text);
                        if !stands || !is_western(&text) {
                            return None;
                        }
                        text
                    }
                }
            }
            Kind::Integer(_) | Kind::Float(_) if !counts => return None,
            Kind::Integer(number) => match std::str::from_utf8(tree.bytes(node)) {
                // As a text format wrote it; in binary formats the bytes say something else.
                Ok(text) if !text.starts_with(['0', '-', '+']) && text.parse() == Ok(number) => Cow::Borrowed(text),
                _ => Cow::Owned(number.to_string()),
            },
            // How precise a place is shows in how it is written.
            Kind::Float(number) => match std::str::from_utf8(tree.bytes(node)) {
                Ok(text) if text.parse() == Ok(number) => Cow::Borrowed(text),
                _ => Cow::Owned(number.to_string()),
            },
            Kind::Simple | Kind::Container => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// The way to a node that follows one on the way `last`, and the container it stands in.
    fn way(&mut self, tree: &Tree<'_>, node: &Node, last: u32) -> (u32, u32) {
        let (from, within) =
            node.parent.and_then(|parent| self.nodes.get(parent as usize)).copied().unwrap_or_default();
        let digits;
        // The marks of steps without a key are no UTF-8: no key is like them.
        let (mark, key): (u8, &[u8]) = match node.step {
            Step::Part(_) => return (from, within),
            Step::Key(view) => match tree.view(view) {
                key if self.is_value(key, node, from) => (if node.leaf { KEY_OF_LEAF } else { KEY_OF_OBJECT }, &[]),
                key => (0, key),
            },
            Step::Name(name) => (0, name.as_bytes()),
            Step::Number(number) => {
                digits = number.to_be_bytes();
                (0xfd, &digits)
            }
            Step::Index(_) => {
                let list = node.parent.and_then(|parent| tree.node(parent));
                // The rows of a table and the elements of the outermost list are records, not members.
                let listed = list.is_some_and(|list| !matches!(list.step, Step::Open(_)));
                (if listed { 0xff } else { 0xfe }, &[])
            }
            Step::Open(decoder) => (0xfc, decoder.as_bytes()),
        };
        let container = if matches!(mark, 0 | 0xfd | KEY_OF_LEAF | KEY_OF_OBJECT) {
            node.parent.unwrap_or_default()
        } else {
            within
        };
        let same = |way: &Way| {
            way.from == from
                && match way.step.split_first() {
                    Some((first, rest)) if mark != 0 => *first == mark && rest == key,
                    _ => mark == 0 && *way.step == *key,
                }
        };
        let after = self.known.get(last as usize).map_or(0, |way| way.after);
        if after != 0 && self.known.get(after as usize).is_some_and(same) {
            return (after, container);
        }
        let hash = self.hasher.hash_one((mark, key));
        let known = self.next.get(&(from, hash)).copied();
        let id = known.filter(|id| self.known.get(*id as usize).is_some_and(same)).unwrap_or_else(|| {
            let id = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
            let mut way = self.further(from, mark, key);
            if matches!(mark, KEY_OF_LEAF | KEY_OF_OBJECT) {
                way.key = id.checked_add(1);
                let key = self.key_of(from, mark);
                self.known.push(way);
                self.known.push(key);
            } else {
                self.known.push(way);
            }
            self.next.insert((from, hash), id);
            id
        });
        if let Some(way) = self.known.get_mut(last as usize) {
            way.after = id;
        }
        (id, container)
    }

    /// The way that goes one step further than `from`.
    fn further(&self, from: u32, mark: u8, key: &[u8]) -> Way {
        let (mut path, mut keys, mut listed) = self
            .known
            .get(from as usize)
            .map_or((0, Vec::new(), false), |way| (way.path, way.keys.clone(), way.listed));
        for byte in [mark].iter().chain(key).chain(&[0xff]) {
            path = (path ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        match mark {
            0 => keys.push(String::from_utf8_lossy(key).chars().take(KEY).collect()),
            0xfd => keys.extend(key.first_chunk::<4>().map(|digits| u32::from_be_bytes(*digits).to_string())),
            0xff => listed = true,
            _ => {}
        }
        // What stands under a number or a name may be anything.
        let cut =
            mark == KEY_OF_LEAF || mark == 0 && (key.ends_with(CUT.as_bytes()) || key.ends_with(BESIDE.as_bytes()));
        let cut = cut || self.known.get(from as usize).is_some_and(|way| way.cut);
        keys.drain(..keys.len().saturating_sub(KEYS));
        let note = keys.iter().find_map(|key| notes::named(key));
        let given = self.roles.and_then(|roles| roles.of(path, &keys));
        // What a decoder makes of a text is no field that anybody gave a name.
        let unmet = matches!(mark, 0 | 0xfd) && !cut && given.is_none();
        let unlearned = match self.roles.filter(|roles| unmet && roles.knows_nothing_of(path, &keys)) {
            None => Unlearned::Not,
            Some(_) if tells(&keys.iter().map(|key| words(key)).collect::<Vec<_>>()) => Unlearned::Named,
            Some(_) => Unlearned::Unnamed,
        };
        let step = [mark].iter().filter(|_| mark != 0).chain(key).copied().collect();
        Way { path, keys, listed, is_key: false, given, unlearned, key: None, note, cut, from, step, after: 0 }
    }

    /// The way to the keys of what the way `from` leads to, where these are values.
    fn key_of(&self, from: u32, mark: u8) -> Way {
        let way = self.further(from, !mark, &[]);
        let mut keys = way.keys;
        keys.push(IN_KEYS.to_owned());
        keys.drain(..keys.len().saturating_sub(KEYS));
        let given = self.roles.and_then(|roles| roles.of(way.path, &keys));
        // Those of an object's members are a list of them; who has an object is the one it is about.
        let listed = way.listed || mark == KEY_OF_LEAF;
        Way { keys, listed, is_key: true, given, unlearned: Unlearned::Not, cut: false, ..way }
    }

    /// Whether a key is a value: a telephone number, an address, what tells records or people apart. Short ones are where
    /// what stands under them is an object, or where members are listed.
    fn is_value(&self, key: &[u8], node: &Node, from: u32) -> bool {
        match keyed(key) {
            Keyed::Name => false,
            Keyed::Value => true,
            Keyed::Maybe if !node.leaf => true,
            Keyed::Maybe => {
                let keys = self.known.get(from as usize).map_or(&[][..], |way| &way.keys);
                let words = keys.last().map(|key| vec![words(key)]);
                matches!(node.kind, Kind::Simple | Kind::Integer(_))
                    && words.is_some_and(|words| party(&words) == Some(Role::Member))
            }
        }
    }
}
