//! Draws a message: where in its body opacity changes, and how random what is opaque is.

use crate::model::budget;
use crate::model::field::{Kind, Node, Step, Tree};
use crate::model::flow::Flow;
use crate::model::message::{Message, Part, PartKind};
use crate::model::opacity::{Opacity, Segment};
use crate::model::portrait::{Noise, Portrait};
use crate::opacity;
use crate::sighting::run::collect::Opaque;

/// What stands between fields, and in those that a format reads.
const STRUCTURE: &str = "structure";

/// Keeps how a message looks, if it is among the few of its flow that are shown; says whether it was drawn.
pub(super) fn draw(flow: &mut Flow, message: &Message, tree: &Tree<'_>, opaque: &[Opaque]) -> bool {
    let bodies = (0_u32..).zip(&message.parts).filter(|(_, part)| matches!(part.kind, PartKind::Body | PartKind::Raw));
    let Some((index, body)) = bodies.max_by_key(|(index, part)| (part.bytes.len(), u32::MAX - index)) else {
        return false;
    };
    let len = body.bytes.len() as u64;
    let frames = body.origins.frames();
    let (Some(first), Some(last)) = (frames.first().copied(), frames.last().copied()) else { return false };
    let shut: Vec<&Opaque> = opaque.iter().filter(|opaque| is_in(tree, opaque.node, index)).collect();
    let has_opaque = shut.iter().any(|opaque| opaque.class.is_opaque());
    if body.bytes.len() < opacity::SHORTEST
        || !flow.portraits.count(message.direction, &message.label, has_opaque, len, first)
    {
        return false;
    }
    flow.portraits.add(Portrait {
        direction: message.direction,
        frames: (first, last),
        label: message.label.clone(),
        times: 1,
        len,
        pieces: pieces(tree, index, body, opaque),
        noise: noise(tree, body, &shut),
    });
    true
}

fn is_in(tree: &Tree<'_>, node: u32, part: u32) -> bool {
    let buffer = tree.node(node).and_then(|node| tree.buffers.get(node.buffer as usize));
    buffer.is_some_and(|buffer| buffer.part == part)
}

/// The body by class, in order and without gaps.
fn pieces(tree: &Tree<'_>, index: u32, body: &Part, opaque: &[Opaque]) -> Vec<Segment> {
    let leaves: Vec<(u32, &Node)> = tree.leaves().filter(|(id, _)| is_in(tree, *id, index)).collect();
    // Nothing was made out in it: by its bytes alone.
    if let [(_, whole)] = leaves.as_slice()
        && whole.parent.is_none()
        && !matches!(whole.kind, Kind::Text)
    {
        let told = opacity::assess(&body.bytes);
        let parts = opacity::segments(&body.bytes);
        if told.class == Opacity::Unknown && parts.len() > 1 {
            return fit(parts, body.bytes.len() as u64);
        }
        return vec![Segment { start: 0, end: body.bytes.len() as u64, class: told.class, model: told.model }];
    }
    let mut fields: Vec<Segment> = Vec::new();
    let mut around = Opacity::Plaintext;
    for (id, node) in leaves {
        let way = way(tree, node);
        if let Some((Opacity::Compressed, 0)) = way {
            around = Opacity::Compressed;
        }
        let shut = opaque.binary_search_by_key(&id, |opaque| opaque.node).ok().and_then(|at| opaque.get(at));
        let class = match (shut, way) {
            (Some(shut), _) => shut.class,
            (None, Some((class, _))) => class,
            (None, None) if matches!(node.kind, Kind::Bytes) => opacity::assess(tree.bytes(node)).class,
            (None, None) => continue,
        };
        let (start, end) = tree.reach(node.buffer, node.start as usize, node.end as usize);
        fields.push(Segment { start: start as u64, end: end as u64, class, model: STRUCTURE });
    }
    fields.sort_by_key(|field| (field.start, field.end));
    let len = body.bytes.len() as u64;
    let mut out: Vec<Segment> = Vec::new();
    let mut at = 0;
    for field in fields {
        // Of what several fields came from, the first is shown.
        let (start, end) = (field.start.max(at), field.end.min(len));
        if start < end {
            out.push(Segment { start: at, end: start, class: around, model: STRUCTURE });
            out.push(Segment { start, end, ..field });
            at = end;
        }
    }
    out.push(Segment { start: at, end: len, class: around, model: STRUCTURE });
    fit(out, len)
}

/// What was undone on the way to a field: the class of the outermost such step, and how many others stand before it.
fn way(tree: &Tree<'_>, node: &Node) -> Option<(Opacity, usize)> {
    let mut steps = Vec::new();
    let mut at = Some(node);
    while let Some(node) = at {
        if let Step::Open(decoder) = node.step {
            steps.push(decoder);
        }
        at = node.parent.and_then(|parent| tree.node(parent));
    }
    steps.reverse();
    steps.iter().enumerate().find_map(|(at, step)| Some((Opacity::of_step(step)?, at)))
}

/// Joins neighbours of one class, and the shortest to what stands before them while they are too many.
fn fit(pieces: Vec<Segment>, len: u64) -> Vec<Segment> {
    let mut least = 0;
    let mut pieces = join(pieces, least);
    while pieces.len() > budget::PORTRAIT_PIECES && least < len {
        least = (least * 2).max(1);
        pieces = join(pieces, least);
    }
    pieces
}

fn join(pieces: Vec<Segment>, least: u64) -> Vec<Segment> {
    let mut out: Vec<Segment> = Vec::new();
    for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
        match out.last_mut() {
            Some(last) if last.class == piece.class || piece.len() <= least => last.end = piece.end,
            _ => out.push(piece),
        }
    }
    out
}

/// How random the longest opaque field is, else the body.
fn noise(tree: &Tree<'_>, body: &Part, shut: &[&Opaque]) -> Noise {
    let fields = shut.iter().filter(|opaque| opaque.class.is_opaque()).filter_map(|opaque| {
        let node = tree.node(opaque.node)?;
        let view = opaque.envelope.map_or(node.view(), |(_, sealed)| sealed);
        Some((opaque.node, tree.view(view)))
    });
    let longest = fields.max_by_key(|(node, bytes)| (bytes.len(), u32::MAX - node));
    let (position, bytes) = longest.map_or((String::new(), body.bytes.as_slice()), |(node, bytes)| {
        let steps: Vec<String> = tree.trail(node).into_iter().filter(|step| !step.is_empty()).collect();
        (steps.join(" > "), bytes)
    });
    let bytes = bytes.get(..bytes.len().min(budget::PORTRAIT_BYTES)).unwrap_or_default();
    Noise {
        position,
        len: bytes.len() as u64,
        entropy: opacity::entropy(bytes),
        expected: opacity::expected_entropy(bytes.len()),
        spread: opacity::entropy_spread(bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field;
    use crate::model::origin::Origins;
    use crate::model::packet::Endpoint;
    use crate::model::stream::{Direction, FlowKey, Transport};
    use crate::model::time::Timestamp;
    use std::io::Write as _;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    fn message(label: &str, frame: u64, body: Vec<u8>) -> Message {
        let end = |port| Endpoint { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), port };
        let origins = Origins::one(body.len(), frame);
        Message {
            flow: FlowKey { transport: Transport::Tcp, client: end(1), server: end(2) },
            layers: Arc::from([]),
            protocol: "http1",
            label: label.into(),
            direction: Direction::ToServer,
            at: Timestamp(1),
            host: None,
            parts: vec![Part::new(PartKind::Body, body, origins)],
            whole: true,
        }
    }

    fn flow() -> Flow {
        Flow::new("c", message("", 1, Vec::new()).flow, 1, Timestamp(1))
    }

    fn drawn(body: Vec<u8>) -> Portrait {
        let (mut flow, message) = (flow(), message("POST /", 1, body));
        let tree = field::walk(&message);
        let shut = |(node, leaf): (u32, &Node)| {
            let class = opacity::assess(tree.bytes(leaf)).class;
            (matches!(leaf.kind, Kind::Bytes) && class.is_opaque()).then_some(Opaque { node, class, envelope: None })
        };
        let opaque: Vec<Opaque> = tree.leaves().filter_map(shut).collect();
        draw(&mut flow, &message, &tree, &opaque);
        flow.portraits.iter().next().unwrap().clone()
    }

    fn noise() -> Vec<u8> {
        let mut state = 0x1234_5678_9abc_def1_u64;
        let step = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[2]
        };
        (0..96).map(step).collect()
    }

    #[test]
    fn a_strip_shows_where_opacity_changes() {
        let sealed = data_encoding::BASE64.encode(&noise());
        let body = format!(r#"{{"to":"ivo","ct":"{sealed}","kind":"text"}}"#);
        let portrait = drawn(body.clone().into_bytes());
        let classes: Vec<Opacity> = portrait.pieces.iter().map(|piece| piece.class).collect();
        assert_eq!(classes, [Opacity::Plaintext, Opacity::RandomLooking, Opacity::Plaintext]);
        let start = body.find(&sealed).unwrap() as u64;
        assert_eq!((portrait.pieces[1].start, portrait.pieces[1].end), (start, start + sealed.len() as u64));
        assert!((portrait.noise.entropy - portrait.noise.expected).abs() < 3.0 * portrait.noise.spread);
        assert_eq!((portrait.noise.position.as_str(), portrait.noise.len), ("json $.ct > base64", 96));
        // Readable text: nothing in it is opaque, and it is far from random.
        let portrait = drawn(br#"{"to":"ivo","text":"The heron lands at dusk behind the old mill"}"#.to_vec());
        assert_eq!(portrait.pieces.iter().map(|piece| piece.class).collect::<Vec<_>>(), [Opacity::Plaintext]);
        assert!(portrait.noise.entropy < portrait.noise.expected - 3.0 * portrait.noise.spread);
        // Compressed text.
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(br#"{"to":"ivo","text":"The heron lands at dusk behind the old mill"}"#).unwrap();
        let portrait = drawn(gzip.finish().unwrap());
        assert_eq!(portrait.pieces.iter().map(|piece| piece.class).collect::<Vec<_>>(), [Opacity::Compressed]);
        // Without any structure.
        assert_eq!(drawn(noise()).pieces[0].class, Opacity::RandomLooking);
    }

    #[test]
    fn strips_are_bounded_and_without_gaps() {
        let words: Vec<String> =
            (0..400).map(|n| data_encoding::BASE64.encode(format!("word number {n}").as_bytes())).collect();
        let portrait = drawn(serde_json::to_vec(&words).unwrap());
        assert!(portrait.pieces.len() <= budget::PORTRAIT_PIECES);
        let mut at = 0;
        for piece in &portrait.pieces {
            assert_eq!(piece.start, at);
            at = piece.end;
        }
        assert_eq!(at, portrait.len);
        let mut flow = flow();
        for n in 0..40_u64 {
            let message = message(&format!("POST /{}", n % 10), n + 1, vec![b'a'; 20 + usize::try_from(n).unwrap()]);
            let tree = field::walk(&message);
            draw(&mut flow, &message, &tree, &[]);
        }
        let kept: Vec<(&str, u64)> = flow.portraits.iter().map(|known| (known.label.as_str(), known.len)).collect();
        assert_eq!(kept, [("POST /6", 56), ("POST /7", 57), ("POST /8", 58), ("POST /9", 59)]);
    }
}
