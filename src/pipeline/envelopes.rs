//! Envelopes of a message: which fields hold their ciphertext, and whether that is ciphertext at all.

use crate::model::envelope::Envelope;
use crate::model::field::{Kind, NodeId, Tree, View};
use crate::model::flow::Flow;
use crate::model::message::Message;
use crate::model::opacity::Opacity;
use crate::opacity;
use crate::sighting::envelope::{self, Seen};
use std::collections::BTreeMap;

/// The ciphertext of an envelope, in one field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sealed {
    /// The envelope, by registry name.
    pub(super) name: &'static str,
    /// Its longest piece.
    pub(super) view: View,
    /// All its pieces, in bytes.
    pub(super) len: u64,
}

/// Notes the envelopes of a message on its flow; the fields that hold their ciphertext. What an envelope holds must be
/// random-looking: readable text in the dress of one is no envelope.
pub(super) fn note(flow: &mut Flow, message: &Message, tree: &Tree<'_>) -> BTreeMap<NodeId, Sealed> {
    let mut out = BTreeMap::new();
    for seen in envelope::find(tree) {
        let Some(node) = tree.node(seen.node) else { continue };
        let texts = texts(tree, &seen);
        let sound = |sealed: &Sealed| {
            let bytes = tree.view(sealed.view);
            bytes.len() < opacity::SHORTEST || opacity::assess(bytes).class == Opacity::RandomLooking
        };
        if !texts.iter().all(|(_, sealed)| sound(sealed)) {
            continue;
        }
        let standing: u64 = seen.sealed.iter().map(width).sum();
        let longest = texts.iter().map(|(_, sealed)| sealed.len).max().unwrap_or(standing);
        let bare = node.parent.is_none() && message.layers.is_empty();
        if bare && node.leaf {
            flow.opacity.shift(Opacity::RandomLooking, Opacity::Encrypted, longest);
        }
        let mut trail = vec![message.protocol.to_owned(), message.label.clone()];
        trail.extend(tree.trail(seen.node));
        flow.add_envelope(Envelope {
            name: seen.name,
            kind: seen.found.kind,
            keying: seen.found.keying,
            direction: message.direction,
            count: 1,
            longest,
            frame: tree
                .origins(node.buffer, node.start as usize, node.end as usize)
                .first()
                .unwrap_or(flow.first_frame),
            trail: trail.join(" > "),
        });
        out.extend(texts.into_iter().filter(|(_, sealed)| width(&sealed.view) >= opacity::SHORTEST as u64));
    }
    out
}

fn width(view: &View) -> u64 {
    u64::from(view.end.saturating_sub(view.start))
}

/// The fields that hold an envelope's ciphertext: the envelope itself, or what was decoded out of it.
fn texts(tree: &Tree<'_>, seen: &Seen) -> Vec<(NodeId, Sealed)> {
    let Some(longest) = seen.sealed.iter().copied().max_by_key(width) else { return Vec::new() };
    let len = seen.sealed.iter().map(width).sum();
    let sealed = |view: View, len: u64| Sealed { name: seen.name, view, len };
    if tree.node(seen.node).is_some_and(|node| node.leaf && node.kind == Kind::Bytes) {
        return vec![(seen.node, sealed(longest, len))];
    }
    let inside = |id: NodeId| {
        let mut at = Some(id);
        while let Some(id) = at {
            if id == seen.node {
                return true;
            }
            // Parents stand before their children.
            at = tree.node(id).and_then(|node| node.parent).filter(|parent| *parent >= seen.node);
        }
        false
    };
    tree.leaves()
        .filter(|(id, node)| *id > seen.node && node.kind == Kind::Bytes && inside(*id))
        .filter_map(|(id, node)| {
            let view = node.view();
            let (start, end) = tree.reach_in(longest.buffer, view.buffer, view.start as usize, view.end as usize)?;
            let (from, to) = (start.max(longest.start as usize), end.min(longest.end as usize));
            // Most of the field is of the ciphertext: groups of an encoding may reach beyond it.
            let most = to.saturating_sub(from).saturating_mul(2) > end.saturating_sub(start);
            most.then(|| (id, sealed(view, width(&view))))
        })
        .collect()
}
