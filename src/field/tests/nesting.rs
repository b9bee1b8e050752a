//! A value under random layers is found again, at the end of the trail that led there.

use super::{all_trails, places};
use crate::bytes::Match;
use crate::field::decoder::DECODERS;
use crate::field::shape::{Shape, is_plain};
use crate::field::{Hint, message_of, walk};
use data_encoding::{BASE64, BASE64_MIME, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use flate2::Compression;
use proptest::prelude::*;
use std::io::Write as _;

/// One layer: what it makes of bytes, and its trail step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Layer {
    Json,
    JsonEscaped,
    NdJson,
    Form,
    Percent,
    Base64,
    Base64Url,
    Base64Mime,
    Hex,
    HexUpper,
    Gzip,
    GzipMembers,
    Zlib,
    Utf16,
    HtmlEntities,
}

use Layer::{
    Base64, Base64Mime, Base64Url, Form, Gzip, GzipMembers, Hex, HexUpper, HtmlEntities, Json, JsonEscaped, NdJson,
    Percent, Utf16, Zlib,
};

const ANY: [Layer; 8] = [Base64, Base64Url, Base64Mime, Hex, HexUpper, Gzip, GzipMembers, Zlib];
const TEXT: [Layer; 7] = [Json, JsonEscaped, NdJson, Form, Percent, Utf16, HtmlEntities];

impl Layer {
    fn makes_text(self) -> bool {
        !matches!(self, Gzip | GzipMembers | Zlib | Utf16)
    }

    fn apply(self, inner: &[u8]) -> Vec<u8> {
        let text = || std::str::from_utf8(inner).expect("text layers are given text");
        match self {
            Json => serde_json::json!({"n": 1, "in": [text()]}).to_string().into_bytes(),
            JsonEscaped => {
                let escaped: Vec<String> = text().encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
                let escaped = escaped.concat();
                format!("{{\"a\":null,\"in\":\"{escaped}\"}}").into_bytes()
            }
            NdJson => format!("{}\n{}\n", serde_json::json!({"n": 1}), serde_json::json!({"in": text()})).into_bytes(),
            Form => {
                let value = inner.iter().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
                format!("n=1&in={value}").into_bytes()
            }
            Percent => inner.iter().flat_map(|byte| format!("%{byte:02x}").into_bytes()).collect(),
            HtmlEntities => text().chars().flat_map(|c| format!("&#{};", u32::from(c)).into_bytes()).collect(),
            Utf16 => text().encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Base64 => BASE64.encode(inner).into_bytes(),
            Base64Url => BASE64URL_NOPAD.encode(inner).into_bytes(),
            Base64Mime => BASE64_MIME.encode(inner).into_bytes(),
            Hex => HEXLOWER.encode(inner).into_bytes(),
            HexUpper => HEXUPPER.encode(inner).into_bytes(),
            Gzip => gzip(inner),
            GzipMembers => {
                let (a, b) = inner.split_at(inner.len() / 2);
                [gzip(a), gzip(b)].concat()
            }
            Zlib => {
                let mut out = flate2::write::ZlibEncoder::new(Vec::new(), Compression::best());
                out.write_all(inner).unwrap();
                out.finish().unwrap()
            }
        }
    }

    fn step(self) -> &'static str {
        match self {
            Json => "json $.in[0]",
            JsonEscaped => "json $.in",
            NdJson => "ndjson [1].in",
            Form => "form in",
            Percent => "percent",
            HtmlEntities => "html-entities",
            Utf16 => "utf16",
            Base64 | Base64Url | Base64Mime => "base64",
            Hex | HexUpper => "hex",
            Gzip | GzipMembers => "gzip",
            Zlib => "zlib",
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Layers from the innermost out, each applicable to what the one before makes.
fn layers() -> impl Strategy<Value = Vec<Layer>> {
    prop::collection::vec(any::<prop::sample::Index>(), 1..5).prop_map(|picks| {
        let mut layers: Vec<Layer> = Vec::new();
        for pick in picks {
            let text = layers.last().is_none_or(|last| last.makes_text());
            let choice: Vec<Layer> = if text { [&ANY[..], &TEXT[..]].concat() } else { ANY.to_vec() };
            layers.push(*pick.get(&choice));
        }
        layers
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_value_under_any_layers_is_found_at_the_end_of_its_trail(
        layers in layers(),
        value in "[A-Za-z]{4,8} [a-zéßж苍]{3,9} [a-z]{4,12}",
    ) {
        let mut bytes = value.clone().into_bytes();
        let mut trail: Vec<&str> = Vec::new();
        for layer in &layers {
            bytes = layer.apply(&bytes);
            trail.insert(0, layer.step());
        }
        let message = message_of(bytes, None);
        let tree = walk(&message);
        let trail = trail.join(" > ");
        let found = places(&tree, &value);
        prop_assert!(
            found.iter().any(|(_, at, _)| *at == trail),
            "expected at `{}`, found at {:?}; fields: {:#?}", trail, found, all_trails(&tree)
        );
        prop_assert!(tree.exhausted.is_empty());
    }

    #[test]
    fn bytes_that_mean_nothing_are_left_alone(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let message = message_of(bytes, None);
        let tree = walk(&message);
        prop_assert_eq!(tree.nodes.len(), 1, "{:?}", all_trails(&tree));
    }

    #[test]
    fn damage_never_panics_and_never_leaves_the_message(
        layers in layers(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = layers.iter().fold(b"The heron lands at dusk".to_vec(), |bytes, layer| layer.apply(&bytes));
        for (at, with) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= with;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let len = bytes.len();
        let message = message_of(bytes, None);
        let tree = walk(&message);
        for node in &tree.nodes {
            let (start, end) = tree.reach(node.buffer, node.start as usize, node.end as usize);
            prop_assert!(start <= end && end <= len);
        }
    }

    #[test]
    fn what_is_passed_over_as_plain_text_fits_no_decoder(text in "[A-Za-z][A-Za-z0-9.,-]{0,12}( [A-Za-z0-9.,-]{1,12}){1,6}") {
        let shape = Shape::of(text.as_bytes());
        prop_assume!(is_plain(shape, text.len()));
        let hint = Hint { part: None, content_type: None, encoding: None, name: crate::field::Name::NONE, within: &["json"], whole: true, protos: None };
        for decoder in DECODERS.iter().filter(|decoder| decoder.filter.passes(shape, text.len())) {
            prop_assert_eq!((decoder.fits)(&hint, text.as_bytes()), Match::No, "{}", decoder.name);
        }
    }
}
