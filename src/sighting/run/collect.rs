//! Out of a peeled message: its opaque payloads, and short values that may be keys to others.

use crate::model::budget;
use crate::model::field::{Kind, Node, NodeId, Step, Tree, View};
use crate::model::message::PartKind;
use crate::model::opacity::Opacity;
use crate::model::payload::{Payload, Token};
use crate::sighting::assemble::{Scene, place};
use std::sync::Arc;

/// What is known of one opaque field.
#[derive(Clone, Copy, Debug)]
pub struct Opaque {
    /// The field.
    pub node: NodeId,
    /// What statistics say of it.
    pub class: Opacity,
    /// A recognised envelope around it, by registry name, and the range of its ciphertext in the field's buffer.
    pub envelope: Option<(&'static str, View)>,
}

/// A payload as the pool keeps it.
pub fn payload(tree: &Tree<'_>, scene: &Scene<'_>, opaque: &Opaque, beside: &Arc<[Token]>) -> Option<Payload> {
    let node = tree.node(opaque.node)?;
    // Of an envelope the ciphertext: what stands around it is the same in many, and no part of the lock.
    let view = opaque.envelope.map_or(node.view(), |(_, sealed)| sealed);
    let bytes = tree.view(view);
    let message = tree.message;
    let place = place(tree, scene, Some(opaque.node), view.buffer, view.start as usize, view.end as usize);
    let slot = slot(place.authority.as_deref().unwrap_or_default(), &place.trail);
    Some(Payload {
        layers: Arc::clone(&message.layers),
        protocol: message.protocol,
        label: message.label.clone(),
        slot,
        bytes: bytes.get(..bytes.len().min(budget::PAYLOAD_BYTES)).unwrap_or_default().to_vec(),
        len: bytes.len() as u64,
        class: opaque.class,
        envelope: opaque.envelope.map(|(name, _)| name),
        bare: node.parent.is_none(),
        beside: Arc::clone(beside),
        place,
    })
}

/// What a place is called over many messages: runs of digits, and words with digits in them, are left out.
pub(in crate::sighting) fn slot(authority: &str, trail: &[String]) -> String {
    let mut out = authority.to_ascii_lowercase();
    for step in trail {
        out.push('\n');
        for word in step.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            let digits = bare.bytes().filter(u8::is_ascii_digit).count();
            // `v1` and `tls1` are names; `4711` and `7f3a9c` are not.
            if digits > 1 || (digits == 1 && bare.len() != 2 && !bare.starts_with(|c: char| c.is_ascii_alphabetic())) {
                out.push('#');
                out.push_str(word.get(bare.len()..).unwrap_or_default());
            } else {
                out.push_str(word);
            }
        }
    }
    out
}

/// Words in the names of fields that hold keys, nonces and what they are made from.
const TELLING: [&str; 14] =
    ["key", "kek", "dek", "secret", "iv", "nonce", "salt", "seed", "tag", "mac", "token", "pass", "wrap", "auth"];
/// Words in the names of fields that keys are derived from.
const NAMING: [&str; 9] = ["id", "user", "device", "session", "room", "chat", "phone", "time", "ts"];
/// Lengths of keys and nonces, raw.
const RAW: [usize; 6] = [8, 12, 16, 24, 32, 40];
/// Headers that say how messages are to be handled, and hold no value of the app's own (RFC 9110, 9111, Fetch).
const HANDLING: [&str; 52] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "alt-svc",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-security-policy",
    "content-type",
    "date",
    "dnt",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "last-modified",
    "link",
    "location",
    "max-forwards",
    "nel",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "report-to",
    "retry-after",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
];
/// What the names of more of them begin with.
const HANDLING_BEGIN: [&str; 5] = [":", "access-control-", "sec-", "strict-transport-", "proxy-"];

/// Whether keys and nonces are as long, raw or coded.
fn is_usual(len: usize) -> bool {
    RAW.contains(&len) || RAW.contains(&(len / 2)) || matches!(len, 22 | 43 | 44)
}

/// The short values of a message that may be keys or nonces to something, with how likely they are: 0 by name, 1 beside
/// an opaque payload, 2 by length, 3 by a name that keys are derived from.
///
/// `wants` says whether a value of that rank would be kept at all.
pub fn tokens(tree: &Tree<'_>, scene: &Scene<'_>, beside: bool, wants: &dyn Fn(u8, &[u8]) -> bool) -> Vec<(u8, Token)> {
    let mut out: Vec<(u8, Token)> = Vec::new();
    let mut coded: Option<Vec<NodeId>> = None;
    for (id, node) in (0..).zip(&tree.nodes) {
        let len = node.end.saturating_sub(node.start) as usize;
        if !(4..=budget::TOKEN_BYTES).contains(&len) || !is_value(tree, node) {
            continue;
        }
        // What an encoding was undone of is a value, too.
        if !node.leaf && coded.get_or_insert_with(|| self::coded(tree)).binary_search(&id).is_err() {
            continue;
        }
        let bytes = tree.bytes(node);
        let name = tree.name(id).map(|name| name.to_ascii_lowercase()).unwrap_or_default();
        let by_length = is_usual(len);
        let rank = if TELLING.iter().any(|word| name.contains(word)) {
            0
        } else if beside {
            1
        } else if by_length && !bytes.contains(&b' ') {
            2
        } else if NAMING.iter().any(|word| name.contains(word)) {
            3
        } else {
            continue;
        };
        if out.len() >= budget::MESSAGE_TOKENS {
            break;
        }
        if out.iter().any(|(_, known)| known.bytes == bytes) || !wants(rank, bytes) {
            continue;
        }
        let place = place(tree, scene, Some(id), node.buffer, node.start as usize, node.end as usize);
        out.push((
            rank,
            Token {
                bytes: bytes.to_vec(),
                name,
                trail: place.trail,
                capture: place.capture,
                frame: place.frames.first().copied().unwrap_or(scene.flow_start),
            },
        ));
    }
    out
}

/// Nodes that base64 or hex was undone of, ascending.
fn coded(tree: &Tree<'_>) -> Vec<NodeId> {
    let coded = tree.nodes.iter().filter(|node| matches!(node.step, Step::Open("base64" | "hex")));
    let mut coded: Vec<NodeId> = coded.filter_map(|node| node.parent).collect();
    coded.sort_unstable();
    coded
}

/// Whether a node may be a value of the app's.
fn is_value(tree: &Tree<'_>, node: &Node) -> bool {
    if !matches!(node.kind, Kind::Bytes | Kind::Text | Kind::Integer(_)) {
        return false;
    }
    match tree.part(node) {
        // Request targets are no values, and whole bodies only if they are as long as a key; of headers, those that carry an
        // app's own.
        Some(part) if part.kind == PartKind::Header => {
            let name = part.name.as_str();
            !HANDLING.contains(&name) && !HANDLING_BEGIN.iter().any(|begin| name.starts_with(begin))
        }
        Some(part) if part.kind == PartKind::Body => {
            node.parent.is_some() || is_usual(node.end.saturating_sub(node.start) as usize)
        }
        Some(_) => node.parent.is_some(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::message::Part;
    use crate::model::origin::Origins;
    use crate::sighting::tests::{flat, message};

    fn header(name: &str, value: &str) -> Part {
        let part = Part::new(PartKind::Header, value.as_bytes().to_vec(), Origins::one(value.len(), 3));
        Part { name: name.to_owned(), ..part }
    }

    /// What is taken as a value of a message whose only part this is.
    fn taken(part: Part) -> usize {
        let mut message = message(b"");
        message.parts = vec![part];
        let scene = Scene { capture: "c", flow: None, flow_start: 1 };
        tokens(&flat(&message), &scene, false, &|_, _| true).len()
    }

    #[test]
    fn keys_in_headers_of_any_name_and_in_whole_bodies_are_values() {
        let key = "nvNVwt5qH1iZ8AKCm1nMJvK1cPZPRmyv";
        for name in ["x-key", "encryption-key", "session", "k", "authorization"] {
            assert_eq!(taken(header(name, key)), 1, "{name}");
        }
        for name in ["etag", "sec-websocket-key", "access-control-allow-origin", "content-type", ":path"] {
            assert_eq!(taken(header(name, key)), 0, "{name}");
        }
        let body = |bytes: &[u8]| Part::new(PartKind::Body, bytes.to_vec(), Origins::one(bytes.len(), 3));
        assert_eq!(taken(body(key.as_bytes())), 1);
        assert_eq!(taken(body(&[0x9c; 16])), 1);
        assert_eq!(taken(body(b"any other text, and no key")), 0);
    }

    #[test]
    fn a_slot_is_the_same_for_messages_of_one_kind() {
        let slot = |steps: &[&str]| slot("Api.example", &steps.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        let a = slot(&["tls1.3", "http1", "POST api.example/v1/rooms/4711/send", "json $.items[3].ct", "base64"]);
        let b = slot(&["tls1.3", "http1", "POST api.example/v1/rooms/93/send", "json $.items[11].ct", "base64"]);
        let c = slot(&["tls1.3", "http1", "POST api.example/v1/rooms/93/read", "json $.items[1].ct", "base64"]);
        assert!(a.contains("v1"));
        assert_eq!(a, b);
        assert_ne!(b, c);
    }
}
