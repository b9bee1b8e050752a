//! What must hold for every decoder, and for several one inside the other.

mod bombs;
mod continued;
mod guesses;
mod nesting;
mod rests;
mod shortcuts;
mod stencils;

use crate::field::decoder::DECODERS;
use crate::field::shape::Shape;
use crate::field::{Sample, candidates, message_of, message_of_parts, walk, walk_bytes};
use crate::model::field::{Kind, NodeId, Tree};
use crate::model::message::{Message, Part, PartKind};
use crate::model::origin::Origins;

/// The message of a sample, one frame a byte.
fn message(sample: &Sample, bytes: &[u8]) -> Message {
    let mut origins = Origins::new();
    for frame in 1..=bytes.len() as u64 {
        origins.push(1, frame);
    }
    let part = match sample.hint.strip_suffix(':') {
        Some("path") => Part::new(PartKind::Path, bytes.to_vec(), origins),
        Some("query") => Part::new(PartKind::Query, bytes.to_vec(), origins),
        Some(header) => Part::header(header, bytes.to_vec(), origins),
        None => {
            let mut part = Part::new(PartKind::Body, bytes.to_vec(), origins);
            part.content_type = (!sample.hint.is_empty()).then(|| sample.hint.to_owned());
            part
        }
    };
    message_of_parts(vec![part])
}

/// The trails of the places where `text` is shown: every buffer is searched once.
fn places(tree: &Tree<'_>, text: &str) -> Vec<(NodeId, String, (usize, usize))> {
    let mut places = Vec::new();
    for (id, buffer) in (0..).zip(&tree.buffers) {
        for at in memchr::memmem::find_iter(&buffer.bytes, text) {
            let node = tree.innermost(id, at, at + text.len()).expect("a hit belongs to some node");
            places.push((node, tree.trail(node).join(" > "), tree.reach(id, at, at + text.len())));
        }
    }
    places
}

fn all_trails(tree: &Tree<'_>) -> Vec<String> {
    tree.leaves()
        .map(|(id, node)| format!("{} = {:?}", tree.trail(id).join(" > "), String::from_utf8_lossy(tree.bytes(node))))
        .collect()
}

#[test]
fn names_are_unique_and_kebab_case() {
    let mut names: Vec<&str> = DECODERS.iter().map(|decoder| decoder.name).collect();
    assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), DECODERS.len());
}

/// A text as programs pack it: gzip, zlib or Zstandard.
pub(in crate::field) fn packed(text: &[u8], how: usize) -> Vec<u8> {
    use std::io::Write as _;
    let level = flate2::Compression::best();
    match how % 3 {
        0 => {
            let mut to = flate2::write::GzEncoder::new(Vec::new(), level);
            to.write_all(text).unwrap();
            to.finish().unwrap()
        }
        1 => {
            let mut to = flate2::write::ZlibEncoder::new(Vec::new(), level);
            to.write_all(text).unwrap();
            to.finish().unwrap()
        }
        _ => zstd::encode_all(text, 3).unwrap(),
    }
}

/// The sets of candidates say what the filters say.
#[test]
fn candidates_are_those_whose_filters_pass() {
    for bytes in DECODERS.iter().flat_map(|decoder| decoder.samples).map(|sample| sample.bytes) {
        for bytes in [bytes, bytes.get(..bytes.len() / 2).unwrap_or_default(), b"", b"+44 7700 900142", b"a"] {
            let shape = Shape::of(bytes);
            let found: Vec<&str> = candidates::candidates(shape, true).map(|decoder| decoder.name).collect();
            let all = DECODERS.iter().filter(|decoder| decoder.filter.passes(shape, usize::MAX));
            assert_eq!(found, all.map(|decoder| decoder.name).collect::<Vec<_>>());
            let found: Vec<&str> = candidates::candidates(shape, false).map(|decoder| decoder.name).collect();
            let all = DECODERS.iter().map(|decoder| (decoder.name, decoder.filter));
            let all = all.filter(|(_, filter)| filter.passes(shape, usize::MAX) && filter.goes_without(shape));
            assert_eq!(found, all.map(|(name, _)| name).collect::<Vec<_>>());
        }
    }
}

#[test]
fn samples_open_where_they_say() {
    for decoder in DECODERS {
        assert!(!decoder.samples.is_empty(), "{} has no sample", decoder.name);
        for sample in decoder.samples {
            let message = message(sample, sample.bytes);
            let tree = walk(&message);
            let found = places(&tree, sample.shows);
            assert!(
                found.iter().any(|(_, trail, _)| trail == sample.trail),
                "{}: {:?} is not at `{}` but at {found:?}; fields: {:#?}",
                decoder.name,
                sample.shows,
                sample.trail,
                all_trails(&tree),
            );
        }
    }
}

#[test]
fn damaged_samples_are_survived() {
    for decoder in DECODERS {
        for sample in decoder.samples {
            for cut in 0..sample.bytes.len() {
                walk(&message(sample, &sample.bytes[..cut]));
            }
            for at in 0..sample.bytes.len() {
                for flip in [1_u8, 0x20, 0x80, 0xff] {
                    let mut bytes = sample.bytes.to_vec();
                    bytes[at] ^= flip;
                    walk(&message(sample, &bytes));
                }
            }
        }
    }
}

#[test]
fn trees_are_well_formed() {
    for decoder in DECODERS {
        for sample in decoder.samples {
            let message = message(sample, sample.bytes);
            let tree = walk(&message);
            for (id, node) in tree.nodes.iter().enumerate() {
                let buffer = &tree.buffers[node.buffer as usize];
                assert!(node.whole, "{}: {:?}", decoder.name, tree.trail(NodeId::try_from(id).unwrap()));
                assert!(node.start <= node.end && node.end as usize <= buffer.bytes.len(), "{}", decoder.name);
                let parent = node.parent.map(|parent| &tree.nodes[parent as usize]);
                assert!(node.parent.is_none_or(|parent| (parent as usize) < id), "{}", decoder.name);
                assert!(parent.is_none_or(|parent| !parent.leaf), "{}", decoder.name);
                // A node of its parent's buffer lies within its parent, or its way back could leave it.
                let inside = |outer: &crate::model::field::Node| {
                    outer.buffer != node.buffer || (outer.start <= node.start && node.end <= outer.end)
                };
                assert!(parent.is_none_or(inside), "{}: {:?}", decoder.name, tree.trail(NodeId::try_from(id).unwrap()));
                let (start, end) = tree.reach(node.buffer, node.start as usize, node.end as usize);
                assert!(start <= end && end <= sample.bytes.len(), "{}: {start}..{end}", decoder.name);
            }
        }
    }
}

/// The bytes that a found value is said to have come from matter to it: damage them and it is gone; and nothing else of
/// the same layer has to be there.
#[test]
fn reach_leads_to_the_encoded_bytes() {
    let cases: &[(&[u8], &str, &[u8])] = &[
        (br#"{"a":1,"t":"The heron"}"#, "The heron", b"The heron"),
        (br#"{"a":1,"t":"x The \u0068eron y"}"#, "The heron", br"The \u0068eron"),
        (b"a=1&t=x+The+heron+y", "The heron", b"The+heron"),
        (b"a=1&t=x+The+hero%6e&u=1", "The heron", b"The+hero%6e"),
        (b"VGhlIGhlcm9uIGxhbmRzIGF0IGR1c2s=", "heron", b"IGhlcm9u"),
        (b"546865206865726f6e", "heron", b"6865726f6e"),
        (br#"{"t":"dGVsbCB0aGUgaGVyb24="}"#, "heron", b"aGVyb24="),
    ];
    for (bytes, shows, from) in cases {
        walk_bytes(*bytes, None, |tree| {
            let found = places(tree, shows);
            let ranges: Vec<_> = found.iter().map(|(_, _, (start, end))| &bytes[*start..*end]).collect();
            assert!(
                ranges.contains(from),
                "{:?} in {:?}",
                shows,
                ranges.iter().map(|r| r.escape_ascii().to_string()).collect::<Vec<_>>()
            );
        });
    }
}

#[test]
fn words_and_numbers_are_not_opened() {
    for text in [
        "deadbeef",
        "cafe",
        "test1234",
        "password",
        "internationalization",
        "applicationDidFinishLaunching2",
        "4155552671",
        "+14155552671",
        "550e8400-e29b-41d4-a716-446655440000",
        "2026-11-02T10:00:00Z",
        "com.example.messenger",
        "1699999999999",
        "The heron lands at dusk, they said",
        "en-US,en;q=0.9",
        "https://example.com/a/b",
        "user_display_name",
    ] {
        let body = format!("{{\"v\":\"{text}\"}}");
        walk_bytes(body, None, |tree| {
            let trails: Vec<_> = tree.leaves().map(|(id, _)| tree.trail(id).join(" > ")).collect();
            assert_eq!(trails, ["json $.v"], "{text}: {:?}", all_trails(tree));
        });
    }
}

#[test]
fn keys_and_hashes_are_opened_to_their_bytes() {
    for (text, len) in [
        ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", 32),
        ("n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", 32),
        ("n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg", 32),
    ] {
        let body = format!("{{\"v\":\"{text}\"}}");
        walk_bytes(body, None, |tree| {
            let leaf = tree.leaves().next().expect("one field");
            assert_eq!(tree.bytes(leaf.1).len(), len, "{text}");
            assert!(leaf.1.is_payload());
        });
    }
}

#[test]
fn declared_codings_come_off_in_reverse() {
    use std::io::Write as _;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(br#"{"t":"The heron lands at dusk"}"#).unwrap();
    let mut zl = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    zl.write_all(&gz.finish().unwrap()).unwrap();
    let mut message = message_of(zl.finish().unwrap(), Some("application/json"));
    message.parts[0].encodings = vec!["gzip".to_owned(), "deflate".to_owned()];
    let tree = walk(&message);
    assert_eq!(places(&tree, "The heron")[0].1, "deflate > gzip > json $.t");
    assert!(tree.exhausted.is_empty());
}

/// Input up to the end of a stretch's reach is enough to decode the stretch, and input before its start decodes nothing
/// of it: so the frames named are those that carried it.
#[test]
fn compressed_stretches_lead_to_the_input_that_carried_them() {
    use std::io::{Read as _, Write as _};
    let mut plain = Vec::new();
    for n in 0_u64..6_000 {
        let n = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        plain.extend_from_slice(format!("{{\"id\":{n},\"note\":\"value-{n}-heron\"}}\n").as_bytes());
    }
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&plain).unwrap();
    let packed = gz.finish().unwrap();
    let zstd = zstd::encode_all(&plain[..], 3).unwrap();
    let decode = |packed: &[u8], zstd: bool| {
        let mut out = Vec::new();
        let _ = if zstd {
            zstd::Decoder::new(packed).unwrap().read_to_end(&mut out)
        } else {
            flate2::read::GzDecoder::new(packed).read_to_end(&mut out)
        };
        out
    };
    for (bytes, is_zstd) in [(&packed, false), (&zstd, true)] {
        let message = message_of(bytes.clone(), None);
        let tree = walk(&message);
        let buffer = u32::try_from(tree.buffers.iter().position(|b| *b.bytes == plain).unwrap()).unwrap();
        for at in (0..plain.len() - 40).step_by(9_973) {
            let (start, end) = tree.reach(buffer, at, at + 40);
            assert!(start < end && end <= bytes.len());
            assert!(decode(&bytes[..end], is_zstd).len() >= at + 40 || is_zstd, "{at}: {start}..{end}");
            assert!(decode(&bytes[..start], is_zstd).len() <= at, "{at}: {start}..{end}");
            assert!(end - start < bytes.len() / if is_zstd { 1 } else { 8 }, "{at}: {start}..{end} of {}", bytes.len());
        }
    }
}

/// What independent encoders wrote is read in full; `fixtures/generate.py` made it.
#[test]
fn documents_of_other_encoders_are_read() {
    let documents: [(&str, &[u8]); 3] = [
        ("msgpack", include_bytes!("fixtures/document.msgpack")),
        ("cbor", include_bytes!("fixtures/document.cbor")),
        ("bson", include_bytes!("fixtures/document.bson")),
    ];
    for (format, bytes) in documents {
        walk_bytes(bytes, None, |tree| {
            let at = |text: &str| places(tree, text).pop().map(|(_, trail, _)| trail).unwrap_or_default();
            // BSON numbers the elements of a list by keys.
            let deep = if format == "bson" { "bson list.2.deep".to_owned() } else { format!("{format} list[2].deep") };
            assert_eq!(at("The heron lands"), format!("{format} note"));
            assert_eq!(at("The heron again"), deep);
            let kind = |name: &str| {
                let named = |(id, _): &(NodeId, _)| tree.trail(*id).join(" > ") == format!("{format} {name}");
                tree.leaves().find(named).map(|(_, node)| node.kind)
            };
            assert_eq!(kind("n"), Some(Kind::Integer(-5)), "{format}");
            assert_eq!(kind("big"), Some(Kind::Integer(1 << 40)), "{format}");
            assert_eq!(kind("lat"), Some(Kind::Float(48.858_370_1)), "{format}");
            assert_eq!(kind("ok"), Some(Kind::Simple), "{format}");
            assert_eq!(kind("bin"), Some(Kind::Bytes), "{format}");
            assert!(tree.nodes.len() > 310 && tree.nodes.iter().all(|node| node.whole), "{format}");
        });
    }
    let lists: [&[u8]; 2] = [include_bytes!("fixtures/document.bplist"), include_bytes!("fixtures/document.plist")];
    for bytes in lists {
        walk_bytes(bytes, None, |tree| {
            let at = |text: &str| places(tree, text).pop().map(|(_, trail, _)| trail).unwrap_or_default();
            assert_eq!(at("The heron lands"), "plist note");
            assert_eq!(at("The heron again"), "plist list[2].deep");
            assert_eq!(at("Graureiher – 苍鹭"), "plist Schlüssel");
            let leaf =
                |name: &str| tree.leaves().find(|(id, _)| tree.trail(*id).join(" > ") == name).expect("a field").1;
            assert_eq!(leaf("plist n").kind, Kind::Integer(-5));
            assert_eq!(leaf("plist big").kind, Kind::Integer(1 << 40));
            assert_eq!(leaf("plist lat").kind, Kind::Float(48.858_370_1));
            assert_eq!(tree.bytes(leaf("plist bin")), (200..240).collect::<Vec<u8>>());
            assert!(tree.nodes.len() > 310 && tree.nodes.iter().all(|node| node.whole));
        });
    }
    let mut message = message_of(*include_bytes!("fixtures/document.br"), Some("application/x-ndjson"));
    message.parts[0].encodings = vec!["br".to_owned()];
    let tree = walk(&message);
    assert_eq!(places(&tree, "The heron lands").len(), 40);
    assert!(tree.nodes.iter().all(|node| node.whole));
    assert_eq!(places(&tree, "The heron lands")[39].1, "brotli > ndjson [39].note");
}

/// Every codec of fastavro; the second block's records are numbered on.
#[test]
fn containers_of_other_encoders_are_read() {
    let containers: [(&str, &[u8]); 6] = [
        ("null", include_bytes!("fixtures/document.null.avro")),
        ("deflate", include_bytes!("fixtures/document.deflate.avro")),
        ("snappy", include_bytes!("fixtures/document.snappy.avro")),
        ("zstandard", include_bytes!("fixtures/document.zstandard.avro")),
        ("bzip2", include_bytes!("fixtures/document.bzip2.avro")),
        ("xz", include_bytes!("fixtures/document.xz.avro")),
    ];
    for (codec, bytes) in containers {
        walk_bytes(bytes, None, |tree| {
            let at =
                |text: &str| -> Vec<String> { places(tree, text).into_iter().map(|(_, trail, _)| trail).collect() };
            assert!(at("The heron again").contains(&"avro [0].next.note".to_owned()), "{codec}");
            // Snappy leaves the first of equal texts as it is: that one is also seen in the block.
            let lands = at("The heron lands");
            assert_eq!(lands.iter().filter(|at| at.ends_with("].note")).count(), 21, "{codec}: {lands:?}");
            assert!(
                lands.contains(&"avro [0].note".to_owned()) && lands.contains(&"avro [20].note".to_owned()),
                "{codec}"
            );
            assert!(at("wistful heron").contains(&"avro [0].tags.mood".to_owned()), "{codec}");
            let leaf =
                |name: &str| tree.leaves().find(|(id, _)| tree.trail(*id).join(" > ") == name).expect("a field").1;
            assert_eq!(leaf("avro [7].n").kind, Kind::Integer(6), "{codec}");
            assert_eq!(leaf("avro [7].big").kind, Kind::Integer(1 << 40), "{codec}");
            assert_eq!(leaf("avro [7].lat").kind, Kind::Float(48.858_370_1), "{codec}");
            assert_eq!(leaf("avro [7].many[299]").kind, Kind::Integer(299), "{codec}");
            assert_eq!(tree.bytes(leaf("avro [7].bin")), (200..240).collect::<Vec<u8>>(), "{codec}");
            assert!(tree.nodes.iter().all(|node| node.whole), "{codec}");
            assert!(tree.exhausted.is_empty(), "{codec}");
        });
    }
}

/// Layers as apps put them into each other, from other makers' documents.
#[test]
fn formats_inside_formats_are_read_to_the_last() {
    let cases: &[(&str, Option<&str>, &str, &str)] = &[
        (
            "https://a.example/r?u=https%3A%2F%2Fb.example%2Fx%3Fnext%3Dhttps%253A%252F%252Fc.example%252F%253Fq%253DThe%252Bheron",
            None,
            "The heron",
            "url query > form u > url query > form next > url query > form q",
        ),
        (
            "{\"img\":\"data:application/json;base64,eyJ0IjoiVGhlIGhlcm9uIn0=\"}",
            None,
            "The heron",
            "json $.img > data-url data > base64 > json $.t",
        ),
        ("data:,The%20heron", None, "The heron", "data-url data > percent"),
        (
            "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
             <m:Send to=\"Ann\" note=\"The heron at\"><m:text><![CDATA[{\"t\":\"The heron in\"}]]></m:text></m:Send></s:Body>\
             </s:Envelope>",
            Some("application/soap+xml"),
            "The heron at",
            "xml s:Envelope.s:Body.m:Send.note",
        ),
        (
            "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
             <m:Send to=\"Ann\"><m:text><![CDATA[{\"t\":\"The heron in\"}]]></m:text></m:Send></s:Body></s:Envelope>",
            Some("application/soap+xml"),
            "The heron in",
            "xml s:Envelope.s:Body.m:Send.m:text.text > json $.t",
        ),
        (
            "{\"a\":1}\n{\"p\":\"{\\\"t\\\":\\\"The heron\\\"}\"}\n",
            Some("application/x-ndjson"),
            "The heron",
            "ndjson [1].p > json $.t",
        ),
        (
            "--A\r\nContent-Disposition: form-data; name=\"f\"\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n\
             --B\r\nContent-Type: application/json\r\n\r\n{\"t\":\"The heron\"}\r\n--B--\r\n--A--\r\n",
            Some("multipart/form-data; boundary=A"),
            "The heron",
            "json $.t",
        ),
    ];
    for (text, declared, shows, trail) in cases {
        walk_bytes(*text, *declared, |tree| {
            let found = places(tree, shows);
            assert!(
                found.iter().any(|(_, at, _)| at == trail || (at.starts_with("multipart") && at.ends_with(trail))),
                "{text}: {found:?}; fields: {:#?}",
                all_trails(tree)
            );
        });
    }
}
