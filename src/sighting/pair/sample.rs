//! Out of a peeled message: what each of its fields holds, for comparison with other runs.

use crate::model::budget;
use crate::model::field::{Kind, Tree};
use crate::model::message::{Part, PartKind};
use crate::model::pair::{Reading, Sample};
use crate::sighting::assemble::{Scene, place};
use crate::sighting::run::collect::{Opaque, slot};
use sha2::{Digest as _, Sha256};

/// A message as pairs compare it. `opaque`: its fields that nobody could read as they are, in order.
pub fn sample(tree: &Tree<'_>, scene: &Scene<'_>, opaque: &[Opaque]) -> Sample {
    let message = tree.message;
    let mut fields = Vec::new();
    for (id, node) in tree.leaves() {
        let told = tree.part(node).is_some_and(is_told) && !matches!(node.kind, Kind::Container);
        if !told || node.start >= node.end {
            continue;
        }
        let shut = opaque.binary_search_by_key(&id, |opaque| opaque.node).ok().and_then(|at| opaque.get(at));
        let view = shut.and_then(|opaque| opaque.envelope).map_or(node.view(), |(_, sealed)| sealed);
        let bytes = tree.view(view);
        let place = place(tree, scene, Some(id), view.buffer, view.start as usize, view.end as usize);
        let mut digest = [0; 16];
        for (to, from) in digest.iter_mut().zip(Sha256::digest(bytes)) {
            *to = from;
        }
        fields.push(Reading {
            position: tree.trail(id).into_iter().filter(|step| !step.is_empty()).collect::<Vec<_>>().join(" > "),
            trail: place.trail,
            name: tree.name(id).map(|name| name.to_lowercase()).unwrap_or_default(),
            shut: shut.map(|opaque| opaque.class),
            bare: node.parent.is_none() && !place.secured,
            frame: place.frames.first().copied().unwrap_or(scene.flow_start),
            bytes: place.bytes,
            len: bytes.len() as u64,
            digest,
            head: bytes.get(..bytes.len().min(budget::PAIR_VALUE)).unwrap_or_default().to_vec(),
        });
    }
    let kind = slot(message.host.as_deref().unwrap_or_default(), &[message.protocol.to_owned(), message.label.clone()]);
    Sample {
        at: message.at,
        frame: message.parts.iter().find_map(|part| part.origins.first()).unwrap_or(scene.flow_start),
        flow: (scene.flow, scene.flow_start),
        kind,
        label: message.label.clone(),
        authority: message.host.clone(),
        fields,
    }
}

/// Of headers those that carry an app's own values.
fn is_told(part: &Part) -> bool {
    part.kind != PartKind::Header
        || matches!(part.name.as_str(), "cookie" | "authorization")
        || part.name.starts_with("x-")
}
