//! Planted texts under ciphers of pencil and paper.

use crate::model::field::{BufferId, Kind, NodeId, Tree};
use crate::model::sighting::Strength;
use crate::sighting::pencil::Found;
use crate::sighting::{Card, Cx, Detector, Example, Hit};

/// The detector.
pub(super) struct PencilCiphers;

static CARD: Card = Card {
    id: "pencil-cipher",
    title: "Planted value under a cipher of pencil and paper",
    why: "Whoever exchanges letters for others, always the same way, or moves them by a short key, hides them from nobody: \
          where letters come again shows the words.",
    // Each line stands for a field.
    hits: &[
        // Caesar, Atbash, ROT47.
        Example { body: b"Wkh khurq odqgv dw gxvn", planted: &[("messages", "The heron lands at dusk")] },
        Example { body: b"GSV SVILM OZMWH ZG WFHP", planted: &[("messages", "The heron lands at dusk")] },
        Example { body: b"to=7\n%96 96C@? =2?5D 2E 5FD<\nx", planted: &[("messages", "The heron lands at dusk")] },
        // Every character one on.
        Example { body: b"Uif!ifspo!mboet!bu!evtl", planted: &[("messages", "The heron lands at dusk")] },
        // Vigenère with the key `lemon`: by letters alone, and by places.
        Example { body: b"Elq vrcsz znyhe og oyey", planted: &[("messages", "The heron lands at dusk")] },
        Example { body: b"Elq upvab wezrf ef qfww", planted: &[("messages", "The heron lands at dusk")] },
        // Any letter for any other.
        Example { body: b"Zit itkgf sqfrl qz rxla", planted: &[("messages", "The heron lands at dusk")] },
        Example {
            body: b"note: xiu iuegz sqzfh qx fvhl kucqvhu xiu euf ygp hsuunh",
            planted: &[("messages", "the heron lands at dusk because the red fox sleeps")],
        },
        // Base64 with small letters for capitals, and turned round.
        Example { body: b"vgHLigHLCM9UigXHBMrZigf0igr1C2S=", planted: &[("messages", "The heron lands at dusk")] },
        Example { body: b"=s2c1RGI0FGIzRmbhxGIu9mclhGIlhGV", planted: &[("messages", "The heron lands at dusk")] },
    ],
    misses: &[
        // As it is, and another text out of the same template.
        Example { body: b"The heron lands at dusk", planted: &[("messages", "The heron lands at dusk")] },
        Example {
            body: b"meet me at seven by the old mill",
            planted: &[("messages", "meet me at eight by the old mill")],
        },
        Example {
            body: b"message number 2222 of the test",
            planted: &[("messages", "message number 1111 of the test")],
        },
        // Repetition alone is no text.
        Example { body: b"la la la la la la la la la la", planted: &[("messages", "ha ha ha ha ha ha ha ha ha ha")] },
        // Too short to be told from chance.
        Example { body: b"Wkh khurq", planted: &[("messages", "The heron")] },
        Example { body: b"558811011253", planted: &[("phone-number", "+447700900142")] },
    ],
};

/// Bytes of a text that may be taken for another encoding's.
const ENCODED: usize = 4 << 10;
/// Bytes of a text in which ciphers are looked for; in longer ones they are in each field.
const LOOKED: usize = 64 << 10;
/// Bytes of all fields of one message in which they are.
const FIELDS: usize = 256 << 10;

impl Detector for PencilCiphers {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn on_message(&self, tree: &Tree<'_>, cx: &Cx<'_>, out: &mut Vec<Hit>) {
        let pencil = &cx.matcher.pencil;
        // Stores have records by the million, and no reason to hide anything from themselves.
        if !pencil.may_hold(usize::MAX) || tree.message.protocol == "dump" {
            return;
        }
        let in_fields = |bytes: &[u8]| {
            // What is written as JSON or XML has its texts in fields: most of it is short, or no text.
            let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
            bytes.len() > LOOKED || matches!(first, Some(b'{' | b'[' | b'<'))
        };
        for (id, buffer) in (0..).zip(&tree.buffers) {
            if pencil.may_hold(buffer.bytes.len()) && !in_fields(&buffer.bytes) {
                pencil.find(&buffer.bytes, &mut |found| take(&found, cx, (id, 0, None), out));
            }
        }
        let mut left = FIELDS;
        for (id, node) in (0..).zip(&tree.nodes) {
            let len = node.end.saturating_sub(node.start) as usize;
            if !pencil.may_hold(len) || !matches!(node.kind, Kind::Bytes | Kind::Text) {
                continue;
            }
            let (bytes, place) = (tree.bytes(node), (node.buffer, node.start as usize, Some(id)));
            if pencil.may_fill(len) {
                pencil.fills(bytes, &mut |found| take(&found, cx, place, out));
            }
            let looked = tree.buffers.get(node.buffer as usize).is_none_or(|buffer| !in_fields(&buffer.bytes));
            // What was taken apart has fields of its own; what undid an encoding may have been mistaken.
            let field = len <= LOOKED && (node.leaf || len <= ENCODED);
            if !looked && field && len <= left {
                left -= len;
                pencil.find(bytes, &mut |found| take(&found, cx, place, out));
            }
        }
    }
}

fn take(found: &Found, cx: &Cx<'_>, (buffer, base, node): (BufferId, usize, Option<NodeId>), out: &mut Vec<Hit>) {
    let Some(value) = cx.planted.get(found.planted) else { return };
    let (start, end) = (base.saturating_add(found.range.0), base.saturating_add(found.range.1));
    // What can be read without a key needs no second find.
    let known =
        |hit: &Hit| (hit.planted, hit.buffer) == (Some(found.planted), buffer) && hit.start < end && start < hit.end;
    if out.iter().any(known) {
        return;
    }
    let (label, id, form) = (value.data.label(), &value.id, &found.form);
    let table = if found.table.is_empty() { String::new() } else { format!(": {}", found.table) };
    out.push(Hit {
        detector: CARD.id,
        data: value.data,
        planted: Some(found.planted),
        form: form.clone().into(),
        strength: Strength::Value,
        buffer,
        start,
        end,
        node,
        reason: format!("The planted {label} \"{id}\" was readable ({form}{table})").into(),
        conclusive: false,
    });
}
