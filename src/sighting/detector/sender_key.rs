//! Keys of group sessions, readable: Signal's sender keys, Megolm's session keys. They open what a whole group says next.
//!
//! Such keys travel inside pairwise envelopes; whoever can read one was given it. False alarms: a Megolm session key
//! carries an Ed25519 signature over itself, which noise has with a chance of 2^-252; a sender key's message is a version,
//! the tags and lengths of five fields, a type byte, and nothing else (more than 80 bits).

use crate::model::field::Tree;
use crate::model::taxonomy::Data;
use crate::sighting::envelope::wire::Protobuf;
use crate::sighting::rule::hit;
use crate::sighting::{Card, Cx, Detector, Example, Hit};
use ring::signature::{ED25519, UnparsedPublicKey};

/// The detector.
pub(super) struct SenderKeys;

static CARD: Card = Card {
    id: "group-session-key",
    title: "Key of a group session",
    why: "Whoever holds a group's session key reads everything that is said in the group from then on.",
    hits: &[
        Example {
            body: include_bytes!("../../../tests/fixtures/envelopes/signal-sender-key-distribution.bin"),
            planted: &[],
        },
        Example { body: include_bytes!("../../../tests/fixtures/keys/megolm-session-key.bin"), planted: &[] },
    ],
    misses: &[
        Example { body: include_bytes!("../../../tests/fixtures/envelopes/signal-sender-key.bin"), planted: &[] },
        Example { body: include_bytes!("../../../tests/fixtures/envelopes/megolm.bin"), planted: &[] },
        Example { body: b"\x02\x00\x00\x00\x00 and so on", planted: &[] },
    ],
};

/// Both hold two keys, at least, and more.
const SHORTEST: u32 = 64;
/// Bytes of a Megolm session key as it is shared: version, index, ratchet, public key, signature.
const MEGOLM: usize = 1 + 4 + 128 + 32 + 64;

impl Detector for SenderKeys {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn on_message(&self, tree: &Tree<'_>, _: &Cx<'_>, out: &mut Vec<Hit>) {
        for (id, node) in (0..).zip(&tree.nodes) {
            if !node.leaf || node.end.saturating_sub(node.start) < SHORTEST {
                continue;
            }
            let bytes = tree.bytes(node);
            let form = match bytes.first() {
                Some(2) if is_megolm(bytes) => "megolm session key",
                Some(0x33 | 0x34 | 0x44) if is_distribution(bytes) => "signal sender key",
                _ => continue,
            };
            let range = (node.start as usize, node.end as usize);
            let reason = "The key of a group session was readable";
            let hit = hit(CARD.id, Data::Credentials, form, node.buffer, range, reason);
            out.push(Hit { conclusive: true, node: Some(id), ..hit });
        }
    }
}

/// Matrix, Megolm group ratchet, "Session-sharing format".
fn is_megolm(bytes: &[u8]) -> bool {
    if bytes.len() != MEGOLM {
        return false;
    }
    let Some((signed, signature)) = bytes.split_at_checked(MEGOLM - 64) else { return false };
    let Some(key) = signed.get(MEGOLM - 96..) else { return false };
    UnparsedPublicKey::new(&ED25519, key).verify(signed, signature).is_ok()
}

/// `SenderKeyDistributionMessage` of libsignal: distribution, chain, iteration, chain key, signing key.
fn is_distribution(bytes: &[u8]) -> bool {
    let Some(fields) = Protobuf::read(bytes, 1..bytes.len(), &[1, 2, 3, 4, 5]) else { return false };
    fields.exact(1, 16).is_some()
        && fields.number(2).is_some()
        && fields.number(3).is_some()
        && fields.exact(4, 32).is_some()
        && fields.key(5)
}
