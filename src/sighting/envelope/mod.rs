//! Fields → envelopes: what seals a message for its reader, recognised by structure.
//!
//! A recognised envelope says what the ciphertext is wrapped in, not who holds the key: it supports a control, it is
//! never proof, and it hides nothing. What a message holds is searched and tried for weak encryption as if there were
//! no envelope. To add one: one file here with a [`Recogniser`] that carries real samples and the bits that noise would
//! have to guess, and two lines below.
//!
//! Not here, as nothing in one message's bytes is enough: SFrame (RFC 9605: one byte of flags and no length), Noise
//! handshakes (no fixed byte at all; as a transport they end at the server), MTProto secret chats on the wire (inside
//! the client's own transport encryption: recognised only where that was opened).

mod age;
mod cms;
mod cose;
mod jwe;
mod mls;
mod mtproto_secret;
mod olm;
mod omemo;
mod openpgp;
mod signal;
pub(super) mod wire;

#[cfg(test)]
mod tests;

use crate::model::envelope::Keying;
use crate::model::field::{Kind, Node, NodeId, Tree, View};
use crate::model::message::PartKind;
use std::ops::Range;

/// Every envelope that is recognised; of two that fit, the first is told.
pub static RECOGNISERS: &[&Recogniser] = &[
    &signal::SIGNAL,
    &olm::OLM,
    &mls::MLS,
    &omemo::OMEMO,
    &openpgp::OPENPGP,
    &cms::CMS,
    &age::AGE,
    &jwe::JWE,
    &cose::COSE,
    &mtproto_secret::MTPROTO_SECRET,
];

/// A registry entry: one family of envelopes.
pub struct Recogniser {
    /// Registry name: unique, kebab-case.
    pub name: &'static str,
    /// What it is, in a few words, for the docs.
    pub about: &'static str,
    /// Where it is specified.
    pub source: &'static str,
    /// Bits of its structure that random bytes would have to guess: the chance of a false alarm on one field of noise
    /// is at most 2^-bits.
    pub bits: u32,
    /// Which bits those are.
    pub bound: &'static str,
    /// Tells it from the bytes of a field, or of an object, all of it.
    pub recognise: fn(&[u8]) -> Option<Found>,
    /// Envelopes that real implementations made.
    pub samples: &'static [Sample],
}

/// A real envelope.
pub struct Sample {
    /// The bytes, as a field holds them.
    pub bytes: &'static [u8],
    /// What it is called.
    pub kind: &'static str,
    /// Ciphertext in it, as it stands there, in bytes.
    pub sealed: usize,
}

/// An envelope that some bytes are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// What its specification calls it.
    pub kind: &'static str,
    /// Whose key opens it.
    pub keying: Keying,
    /// Where its ciphertext stands, piece by piece; empty where it holds none.
    pub sealed: Vec<Range<usize>>,
}

/// An envelope in a message.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Registry name.
    pub name: &'static str,
    /// What it is.
    pub found: Found,
    /// The field or object that it is.
    pub node: NodeId,
    /// Its ciphertext, in the node's buffer.
    pub sealed: Vec<View>,
}

/// No envelope is shorter.
const SHORTEST: usize = 24;

/// Every envelope in the bodies of a message. Headers and targets hold tokens that servers seal for themselves.
pub fn find(tree: &Tree<'_>) -> Vec<Seen> {
    let mut out: Vec<Seen> = Vec::new();
    for (id, node) in (0..).zip(&tree.nodes) {
        if !is_candidate(tree, node) {
            continue;
        }
        let bytes = tree.bytes(node);
        let found = RECOGNISERS.iter().find_map(|one| (one.recognise)(bytes).map(|found| (one.name, found)));
        if let Some((name, found)) = found {
            let at = |offset: usize| node.start.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX)).min(node.end);
            let view = |range: &Range<usize>| View { buffer: node.buffer, start: at(range.start), end: at(range.end) };
            let sealed = found.sealed.iter().map(view).collect();
            out.push(Seen { name, found, node: id, sealed });
        }
    }
    out
}

fn is_candidate(tree: &Tree<'_>, node: &Node) -> bool {
    let len = node.end.saturating_sub(node.start) as usize;
    if len < SHORTEST || !matches!(node.kind, Kind::Bytes | Kind::Text | Kind::Container) {
        return false;
    }
    // A decoder's own node views what it was given: that was looked at.
    let again = node.parent.and_then(|parent| tree.node(parent)).is_some_and(|parent| parent.view() == node.view());
    !again && tree.part(node).is_some_and(|part| matches!(part.kind, PartKind::Body | PartKind::Raw))
}
