//! Fields in which anything may hide: texts that no decoder opens and no statistics call encrypted, as they are text, and
//! what is not opaque for the most part but somewhere.

use crate::model::field::{Kind, NodeId, Step, Tree, View};
use crate::model::flow::{Flow, OpaquePayload, Standing};
use crate::model::message::Message;
use crate::model::opacity::Opacity;
use crate::opacity;
use crate::pipeline::{aside, ocsp};
use std::collections::BTreeSet;

/// Notes the hiding places in the fields and names of a message. They are no sign that content was sent: only whoever must
/// not get it is asked what they hold.
pub(super) fn note(flow: &mut Flow, message: &Message, tree: &Tree<'_>) {
    for (id, node) in (0..).zip(&tree.nodes) {
        if let Step::Key(key) = node.step {
            look(flow, message, tree, id, key, false);
        }
        if node.leaf && matches!(node.kind, Kind::Text | Kind::Bytes) && !ocsp::asks(tree, node) {
            look(flow, message, tree, id, node.view(), matches!(node.kind, Kind::Bytes));
        }
    }
}

/// `weighed`: whether the bytes are weighed as a whole beside this; what claims to be text is not.
fn look(flow: &mut Flow, message: &Message, tree: &Tree<'_>, id: NodeId, view: View, weighed: bool) {
    let bytes = tree.view(view);
    let Some(found) = opacity::hidden(bytes).or_else(|| opacity::concealed(bytes, weighed)) else { return };
    let standing = match aside::standing(tree, id, false) {
        Standing::Credential => Standing::Credential,
        _ => Standing::Text,
    };
    if !flow.wants_opaque(message.direction, standing, found.bytes) {
        return;
    }
    let (start, end) = (
        (view.start as usize).saturating_add(found.range.start),
        (view.start as usize).saturating_add(found.range.end),
    );
    let mut trail = vec![message.protocol.to_owned(), message.label.clone()];
    trail.extend(tree.trail(id));
    flow.add_opaque(OpaquePayload {
        len: found.bytes,
        direction: message.direction,
        opacity: Opacity::RandomLooking,
        trail: trail.join(" > "),
        frame: tree.origins(view.buffer, start, end).first().unwrap_or(flow.first_frame),
        envelope: None,
        standing,
        digest: aside::digest(tree.view(view).get(found.range).unwrap_or_default()),
        carries_none_of: BTreeSet::new(),
        undone: false,
    });
}
