//! `aws-chunked`: bodies that are signed chunk by chunk, as clients of S3 and of what speaks like it upload (AWS Signature
//! Version 4, "Signature calculations … chunked upload").

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::hex_digit;
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};

/// The entry.
pub(super) static AWS_CHUNKED: Decoder = Decoder {
    name: "aws-chunked",
    about: "bodies in signed chunks, as S3 takes them",
    layer: true,
    codings: &["aws-chunked"],
    filter: Filter {
        any: Shape::SEMICOLON,
        none: Shape::NONE,
        min: 20,
        undeclared: Some(&[Shape::SEMICOLON, Shape::EQUALS, Shape::BREAK]),
    },
    fits,
    open,
    samples: &[Sample {
        bytes: b"9;chunk-signature=0a1b2c\r\nThe heron\r\n6;chunk-signature=3d4e5f\r\n lands\r\n0;chunk-signature=60\r\n\r\n",
        hint: "",
        shows: "The heron lands",
        trail: "aws-chunked",
    }],
};

const SIGNATURE: &[u8] = b";chunk-signature=";
const WHAT: &str = "aws-chunked body";
/// Bytes of a chunk's head.
const HEAD: usize = 512;

/// The length of the chunk whose head begins at `at`, and where its data begins.
fn head(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = bytes.get(at..)?;
    let end = memchr::memchr(b'\n', rest.get(..HEAD).unwrap_or(rest))?;
    let line = rest.get(..end)?.strip_suffix(b"\r")?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let behind = line.get(digits..)?;
    if !(1..=8).contains(&digits) || !(behind.is_empty() || behind.starts_with(b";")) {
        return None;
    }
    let len = line
        .get(..digits)?
        .iter()
        .try_fold(0, |sum: usize, digit| sum.checked_mul(16)?.checked_add(usize::from(hex_digit(*digit)?)))?;
    Some((len, at.saturating_add(end).saturating_add(1)))
}

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let digits = bytes.iter().take(9).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let signed = digits > 0 && bytes.get(digits..).is_some_and(|rest| rest.starts_with(SIGNATURE));
    if signed && head(bytes, 0).is_some() { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let (mut out, mut way, mut at) = (Vec::new(), Vec::new(), 0_usize);
    let mut whole = false;
    let (room, budget) = fields.room(bytes.len());
    if bytes.len() > room {
        fields.exhausted(budget);
        return Err(Malformed::TooLarge(WHAT));
    }
    while let Some((len, from)) = head(bytes, at) {
        if len == 0 {
            // Fields may stand behind the last chunk, and an empty line.
            whole = true;
            at = from;
            while let Some(line) = memchr::memchr(b'\n', bytes.get(at..).unwrap_or_default()) {
                let text = bytes.get(at..at.saturating_add(line)).unwrap_or_default().trim_ascii();
                if !text.is_empty() && !text.starts_with(b"x-amz-") {
                    break;
                }
                at = at.saturating_add(line).saturating_add(1);
            }
            break;
        }
        let to = from.saturating_add(len).min(bytes.len());
        way.push((to_u32(out.len()), to_u32(from)));
        out.extend_from_slice(bytes.get(from..to).unwrap_or_default());
        way.push((to_u32(out.len()), to_u32(to)));
        at = to;
        if let Some(b"\r\n") = bytes.get(to..to.saturating_add(2)) {
            at = to.saturating_add(2);
        } else {
            break;
        }
    }
    if out.is_empty() {
        return Err(Malformed::Illegal(WHAT));
    }
    if !whole {
        fields.damaged();
    }
    fields.ends(at);
    fields.whole(out, Reach::Blocks(way), Kind::Bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::field::tests::packed;
    use crate::field::{message_of, walk};

    /// Whatever is in it, wherever it is cut, with signatures or, where it is declared, without.
    #[test]
    fn chunks_are_put_together() {
        let text = b"{\"m\":\"The heron lands at dusk\"}";
        for how in 0..4 {
            let body = if how == 3 { text.to_vec() } else { packed(text, how) };
            for size in [3, 7, 16, 64] {
                for signature in [";chunk-signature=0123456789abcdef0123456789abcdef", ""] {
                    let mut wire = Vec::new();
                    for chunk in body.chunks(size).chain([&b""[..]]) {
                        wire.extend(format!("{:x}{signature}\r\n", chunk.len()).bytes());
                        wire.extend(chunk);
                        wire.extend(if chunk.is_empty() {
                            &b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n"[..]
                        } else {
                            b"\r\n"
                        });
                    }
                    let mut message = message_of(wire, None);
                    if signature.is_empty() {
                        message.parts[0].encodings = vec!["aws-chunked".to_owned()];
                    }
                    let tree = walk(&message);
                    let found = tree.leaves().any(|(_, node)| tree.bytes(node) == b"The heron lands at dusk");
                    assert!(found && tree.nodes.iter().all(|node| node.whole), "{how} {size} {signature:?}");
                }
            }
        }
    }
}
