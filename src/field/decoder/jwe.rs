//! JSON Web Encryption in compact form (RFC 7516): five parts, of which the header alone can be read.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use data_encoding::BASE64URL_NOPAD;

/// The entry.
pub(super) static JWE: Decoder = Decoder {
    name: "jwe",
    about: "encrypted JSON web tokens: header, key, nonce, ciphertext, tag (RFC 7516)",
    layer: false,
    codings: &[],
    filter: Filter {
        any: Shape::DOT,
        none: Shape::ALNUM.or(Shape::DOT).or(Shape::MINUS).or(Shape::UNDERSCORE).complement(),
        min: 40, undeclared: Some(&[]) },
    fits,
    open,
    // RFC 7516, appendix A.2; its key, nonce and tag cut to what fits here.
    samples: &[Sample {
        bytes: b"eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.UGhIOguC7IuEvf_NPVaXsGMoLOmwvc1GyqlIKOK1nN94nHPoltGRhWhw7\
                 Zx0.AxY8DCtDaGlsbGljb3RoZQ.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.9hH0vgRfYgPnAHOd8stkvw",
        hint: "",
        shows: "A128CBC-HS256",
        trail: "jwe header > base64 > json $.enc",
    }],
};

/// The five parts, if their header names both algorithms (section 4.1).
fn parts(bytes: &[u8]) -> Option<[&[u8]; 5]> {
    let mut split = bytes.split(|byte| *byte == b'.');
    let parts = [split.next()?, split.next()?, split.next()?, split.next()?, split.next()?];
    let [header, _, _, ciphertext, tag] = parts;
    if split.next().is_some() || !header.starts_with(b"eyJ") || ciphertext.is_empty() || tag.is_empty() {
        return None;
    }
    let header = BASE64URL_NOPAD.decode(header).ok()?;
    let has = |name: &[u8]| memchr::memmem::find(&header, name).is_some();
    (has(b"\"enc\"") && has(b"\"alg\"")).then_some(parts)
}

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if bytes.starts_with(b"eyJ") && parts(bytes).is_some() { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let parts = parts(bytes).ok_or(Malformed::Illegal("encrypted web token"))?;
    let mut start = 0_usize;
    for (name, part) in ["header", "key", "iv", "ciphertext", "tag"].into_iter().zip(parts) {
        let end = start.saturating_add(part.len());
        // With a key agreed on directly there is none to carry.
        if !part.is_empty() {
            let view = fields.view(start..end);
            fields.leaf(Key::Name(name), view, Kind::Text);
        }
        start = end.saturating_add(1);
    }
    fields.found("encrypted web token")
}
