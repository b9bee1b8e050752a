//! Planted names whose words stand in two fields of one object: given names in one, family names in the other.

use crate::model::field::{Kind, Node, NodeId, Step, Tree};
use crate::model::sighting::Strength;
use crate::model::taxonomy::Data;
use crate::sighting::{Card, Cx, Detector, Example, Hit};
use std::borrow::Cow;

/// Fields of one message that are held against each other for one name.
const MANY: usize = 1_000;
/// The shortest word of a name that stands for it in a field of its own.
const SHORTEST: usize = 2;
/// The shortest of both together.
const SHORTEST_NAME: usize = 6;

/// The detector.
pub(super) struct PlantedNames;

static CARD: Card = Card {
    id: "planted-name",
    title: "Planted name in two fields",
    why: "The auditor gave the app this name: its first and last words stand in two fields of the same object, or side by side in a list.",
    hits: &[
        Example { body: b"7\nPriya\nCanary\nada", planted: &[("name", "Priya Canary")] },
        Example { body: b"CANARY\nPriya Anne", planted: &[("name", "Priya Anne Canary")] },
    ],
    misses: &[
        Example { body: b"Priya\nStone\nAda\nCanary", planted: &[("name", "Priya Canary")] },
        Example { body: b"Priyanka\nCanary", planted: &[("name", "Priya Canary")] },
        Example { body: b"Priya\nCanary Wharf", planted: &[("name", "Priya Canary")] },
        Example { body: b"Priya\nCanary", planted: &[("messages", "Priya Canary")] },
    ],
};

impl Detector for PlantedNames {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn on_message(&self, tree: &Tree<'_>, cx: &Cx<'_>, out: &mut Vec<Hit>) {
        for (index, planted) in cx.planted.iter().enumerate() {
            let name = planted.value.trim();
            if planted.data != Data::Name || name.len() < SHORTEST_NAME {
                continue;
            }
            for (at, _) in name.match_indices(' ') {
                let (head, tail) = (name.get(..at).unwrap_or_default(), name.get(at..).unwrap_or_default());
                let (head, tail) = (head.trim_end(), tail.trim_start());
                // Of several blanks the first parts the words.
                if head.len() < at || head.chars().count() < SHORTEST || tail.chars().count() < SHORTEST {
                    continue;
                }
                for (one, other) in pairs(tree, head, tail) {
                    let same = one.buffer == other.buffer;
                    let (start, end) =
                        if same { (one.start.min(other.start), one.end.max(other.end)) } else { (one.start, one.end) };
                    let id = &planted.id;
                    out.push(Hit {
                        detector: CARD.id,
                        data: planted.data,
                        planted: Some(index),
                        form: Cow::Borrowed("in two fields"),
                        strength: Strength::Value,
                        buffer: one.buffer,
                        start: start as usize,
                        end: end as usize,
                        node: None,
                        reason: Cow::Owned(format!("The planted name \"{id}\" was readable (in two fields)")),
                        conclusive: false,
                    });
                }
            }
        }
    }
}

/// Pairs of fields of one object of which one is `head` and the other `tail`.
fn pairs<'t>(tree: &'t Tree<'_>, head: &str, tail: &str) -> Vec<(&'t Node, &'t Node)> {
    let heads = fields(tree, head);
    if heads.is_empty() {
        return Vec::new();
    }
    let tails = fields(tree, tail);
    // Of a list they are neighbours.
    let beside = |one: &Node, other: &Node| match (one.step, other.step) {
        (Step::Index(one), Step::Index(other)) => one.abs_diff(other) == 1,
        _ => !std::ptr::eq(one, other),
    };
    let pair = |(object, one): (NodeId, &'t Node)| {
        let other = tails.iter().find(|(of, other)| *of == object && beside(one, other));
        other.map(|(_, other)| (one, *other))
    };
    heads.into_iter().filter_map(pair).collect()
}

/// Fields that are this text and nothing else, whatever the case of its letters, and the object that each is a member of.
fn fields<'t>(tree: &'t Tree<'_>, text: &str) -> Vec<(NodeId, &'t Node)> {
    let is_it = |node: &&Node| {
        let len = node.end.saturating_sub(node.start) as usize;
        let named = node.leaf && len == text.len() && matches!(node.kind, Kind::Bytes | Kind::Text);
        named && is_same(tree.bytes(node), text)
    };
    let member = |node: &'t Node| {
        let parent = node.parent?;
        // The text of an element is one level further in than a value.
        let inner = matches!(node.step, Step::Name("text"));
        let object = if inner { tree.node(parent)?.parent? } else { parent };
        Some((object, node))
    };
    tree.nodes.iter().filter(is_it).filter_map(member).take(MANY).collect()
}

fn is_same(bytes: &[u8], text: &str) -> bool {
    bytes.eq_ignore_ascii_case(text.as_bytes())
        || (!text.is_ascii()
            && std::str::from_utf8(bytes).is_ok_and(|bytes| bytes.to_lowercase() == text.to_lowercase()))
}
