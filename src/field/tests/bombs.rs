//! Inputs made to cost: each ends within its budget, told, with what was decoded kept.

use super::places;
use crate::field::{Limits, message_of, walk, walk_bytes, walk_within};
use std::io::Write as _;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn a_gzip_bomb_ends_at_the_ratio() {
    let mut plain = b"The heron lands at dusk".to_vec();
    plain.resize(64 << 20, b'0');
    let message = message_of(gzip(&plain), None);
    assert!(message.parts[0].bytes.len() < 80_000);
    let tree = walk(&message);
    assert!(!tree.exhausted.is_empty());
    assert!(tree.buffers.iter().map(|buffer| buffer.bytes.len()).sum::<usize>() < 40 << 20);
    assert_eq!(places(&tree, "The heron")[0].1, "gzip");
    assert!(!tree.nodes[1].whole);
}

#[test]
fn a_bomb_in_a_bomb_shares_one_budget() {
    let inner = gzip(&vec![0_u8; 30 << 20]);
    let many = serde_json::to_vec(&vec![data_encoding::BASE64.encode(&inner); 40]).unwrap();
    let message = message_of(many, None);
    let tree = walk(&message);
    assert!(tree.exhausted.contains(&"decoded bytes"));
    assert!(tree.buffers.iter().map(|buffer| buffer.bytes.len()).sum::<usize>() < 40 << 20);
}

#[test]
fn a_layer_inside_itself_ends_at_the_depth() {
    let mut bytes = b"The heron lands at dusk".to_vec();
    for _ in 0..40 {
        bytes = gzip(&bytes);
    }
    let message = message_of(bytes, None);
    let tree = walk(&message);
    assert_eq!(tree.exhausted, ["layers"]);
}

#[test]
fn ten_thousand_levels_are_read() {
    let levels = 10_000;
    let deep = format!("{}\"The \\u0068eron\"{}", "[".repeat(levels), "]".repeat(levels));
    walk_bytes(deep.clone(), None, |tree| {
        assert_eq!(tree.exhausted, ["nesting"]);
        assert_eq!(places(tree, "The heron").len(), 1, "found however deep");
    });
    let objects = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    walk_bytes(objects, None, |tree| assert_eq!(tree.exhausted, ["nesting"]));
    // Cut in the middle, it is still no reason to fall over.
    walk_bytes(&deep.as_bytes()[..levels + 3], None, |tree| assert!(!tree.nodes.is_empty()));
}

#[test]
fn fields_end_at_their_budget_and_text_is_still_there() {
    let limits = Limits { fields: 1_000, ..Limits::default() };
    let mut many: Vec<String> = (0..5_000).map(|n| n.to_string()).collect();
    many.push("\"The heron\"".to_owned());
    let message = message_of(format!("[{}]", many.join(",")), None);
    let tree = walk_within(&message, &limits);
    assert_eq!(tree.exhausted, ["fields"]);
    assert!(tree.nodes.len() <= 1_001);
    assert_eq!(places(&tree, "The heron")[0].1, "json");
}

#[test]
fn quoting_inside_quoting_ends() {
    let mut text = "The heron".to_owned();
    // Each level doubles the backslashes: 16 levels are a megabyte.
    for _ in 0..16 {
        text = serde_json::to_string(&text).unwrap();
    }
    walk_bytes(text, None, |tree| assert_eq!(places(tree, "The heron").len(), 16));
}

/// Ten thousand levels of something, and a sentence in the innermost.
const LEVELS: usize = 10_000;

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
    out
}

/// From the innermost out: what each level makes of the one inside it.
fn nested(inner: &[u8], wrap: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    (0..LEVELS).fold(inner.to_vec(), |bytes, _| wrap(&bytes))
}

fn around(open: &str, inner: &str, close: &str) -> Vec<u8> {
    [open.repeat(LEVELS), inner.to_owned(), close.repeat(LEVELS)].concat().into_bytes()
}

/// What each decoder that puts out more than it was given, or nests, is given at its worst; and the budget that says so,
/// empty where the input is read to its end within all of them.
fn bombs() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let mut zeros = b"The heron lands at dusk".to_vec();
    zeros.resize(8 << 20, 0);
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(&zeros).unwrap();
    let flat = deflate(&zeros);
    let mut member = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0".to_vec();
    member.extend(u32::try_from(flat.len()).unwrap().to_le_bytes());
    member.extend(b"\xff\xff\xff\xff\x01\0\0\0a");
    member.extend(&flat);
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(&zeros).unwrap();
    let mut snappy = snap::write::FrameEncoder::new(Vec::new());
    snappy.write_all(&zeros).unwrap();
    let schema = br#"{"type":"record","name":"R","fields":[{"name":"t","type":"string"}]}"#;
    let record = [varint(2 * zeros.len()), zeros.clone()].concat();
    let block = deflate(&record);
    let avro = [
        &b"Obj\x01\x04\x14avro.codec\x0edeflate\x16avro.schema"[..],
        &varint(2 * schema.len()),
        schema,
        b"\x000123456789abcdef\x02",
        &varint(2 * block.len()),
        &block,
        b"0123456789abcdef",
    ]
    .concat();
    let bson = nested(b"\x16\0\0\0\x02t\0\x0a\0\0\0The heron\0\0", |inner| {
        let len = u32::try_from(inner.len() + 8).unwrap();
        [&len.to_le_bytes()[..], b"\x03a\0", inner, b"\0"].concat()
    });
    let length = |inner: &[u8]| [&b"\x0a"[..], &varint(inner.len()), inner].concat();
    let wide = format!(
        "{}\n{}",
        (0..4_096).map(|n| format!("c{n}")).collect::<Vec<_>>().join(","),
        format!("{}\n", "x,".repeat(4_095) + "y").repeat(80)
    );
    let zlib = zlib.finish().unwrap();
    let pdf =
        [b"%PDF-1.7\n1 0 obj <</Filter/FlateDecode>> stream\n", &zlib[..], b"\nendstream endobj\n%%EOF\n"].concat();
    vec![
        ("pdf", pdf, &["ratio", "decoded bytes"]),
        ("gzip", gzip(&zeros), &["ratio", "decoded bytes"]),
        ("zlib", zlib, &["ratio", "decoded bytes"]),
        ("deflate", flat, &["ratio", "decoded bytes"]),
        ("zip", member, &["ratio", "decoded bytes"]),
        ("zstd", zstd::encode_all(&zeros[..], 3).unwrap(), &["ratio", "decoded bytes"]),
        ("brotli", include_bytes!("fixtures/bombs/zeros.br").to_vec(), &["ratio", "decoded bytes"]),
        ("bzip2", include_bytes!("fixtures/bombs/zeros.bz2").to_vec(), &["ratio", "decoded bytes"]),
        ("xz", include_bytes!("fixtures/bombs/zeros.xz").to_vec(), &["ratio", "decoded bytes"]),
        ("xz", include_bytes!("fixtures/bombs/zeros.lzma").to_vec(), &["ratio", "decoded bytes"]),
        ("lz4", lz4.finish().unwrap(), &["ratio", "decoded bytes"]),
        ("snappy", snappy.into_inner().ok().unwrap(), &["ratio", "decoded bytes"]),
        ("avro", avro, &["ratio", "decoded bytes"]),
        ("json", around("[", "\"The heron\"", "]"), &["nesting"]),
        ("ndjson", [around("[", "\"The heron\"", "]"), b"\n[1]".to_vec()].concat(), &["nesting"]),
        ("xml", around("<a>", "The heron", "</a>"), &["nesting"]),
        (
            "plist",
            [&b"<plist>"[..], &around("<array>", "<string>The heron</string>", "</array>"), b"</plist>"].concat(),
            &["nesting"],
        ),
        ("msgpack", [vec![0x91; LEVELS], b"\xa9The heron".to_vec()].concat(), &["nesting"]),
        ("cbor", [vec![0x81; LEVELS], b"\x69The heron".to_vec()].concat(), &["nesting"]),
        ("bson", bson, &["nesting"]),
        ("protobuf", nested(b"\x0a\x17The heron lands at dusk\x10\x01\x18\x01", length), &[]),
        ("csv", wide.into_bytes(), &["fields"]),
        ("sqlite", overlapping(), &["fields"]),
        ("graphql", around("{a", "(t:\"The heron\")", "}"), &[]),
    ]
}

/// A database of one page whose cells are all the same one.
fn overlapping() -> Vec<u8> {
    let mut page = b"SQLite format 3\0\0\x01\x01\x01\0\x40\x20\x20".to_vec();
    page.resize(56, 0);
    page.extend(1_u32.to_be_bytes());
    page.resize(100, 0);
    let (cells, at) = (30_000_u16, 65_000_u16);
    page.extend([13, 0, 0]);
    page.extend(cells.to_be_bytes());
    page.extend(at.to_be_bytes());
    page.push(0);
    for _ in 0..cells {
        page.extend(at.to_be_bytes());
    }
    page.resize(usize::from(at), 0);
    page.extend(b"\x14\x01\x0b\x1f\x08\x08\x08\x08\x08\x08\x08\x08\x08The heron");
    page.resize(65_536, 0);
    page
}

/// Decoders that neither nest nor put out more than a few times what they are given.
const HARMLESS: &[&str] = &[
    "exif",
    "vcard",
    "indented",
    "nmea",
    "hexdump",
    "aws-chunked",
    "tar",
    "utf16",
    "utf32",
    "charset",
    "path",
    "cookie",
    "authorization",
    "form",
    "mail",
    "multipart",
    "jwe",
    "jwt",
    "data-url",
    "params",
    "url",
    "percent",
    "logfmt",
    "logged-json",
    "escapes",
    "html-entities",
    "punycode",
    "hex",
    "joined",
    "prefixed",
    "embedded",
    "base58",
    "base64",
    "base32",
    "base85",
    "quoted-printable",
    "socket-io",
    "event-stream",
    "dns-message",
    "armor",
];

#[test]
fn every_decoder_holds_its_budgets() {
    let bombs = bombs();
    for decoder in crate::field::decoder::DECODERS {
        let has = bombs.iter().any(|(name, ..)| *name == decoder.name);
        assert!(
            has != HARMLESS.contains(&decoder.name),
            "{}: give it a bomb, or say that it is harmless",
            decoder.name
        );
    }
    for (name, bytes, budgets) in bombs {
        let len = bytes.len();
        // Alone, and in what nearly every body comes in. Brotli has no mark of its own and is believed where it is declared;
        // tags and lengths of ten thousand levels could be many things.
        let forms = if name == "brotli" { vec![bytes] } else { vec![gzip(&bytes), bytes] };
        for bytes in forms {
            let mut message = message_of(bytes, (name == "protobuf").then_some("application/x-protobuf"));
            message.parts[0].encodings.extend((name == "brotli").then(|| "br".to_owned()));
            // An eighth of what is allowed, so that this ends soon where nothing is optimised.
            let limits = Limits { decoded: 4 << 20, ..Limits::default() };
            let tree = walk_within(&message, &limits);
            let put: usize = tree.buffers.iter().map(|buffer| buffer.bytes.len()).sum();
            assert!(put < 5 << 20, "{name}: {put} bytes of {len}");
            assert!(tree.nodes.len() <= crate::model::budget::FIELDS + 2, "{name}: {} nodes", tree.nodes.len());
            let told = tree.exhausted.iter().any(|budget| budgets.contains(budget));
            assert!(told || budgets.is_empty(), "{name}: {:?} of {len} bytes", tree.exhausted);
            assert!(!places(&tree, "The heron").is_empty() || name == "csv", "{name}: what was there is not seen");
        }
    }
}

#[test]
fn lying_lengths_reserve_nothing() {
    let lies: [(&str, &[u8]); 12] = [
        ("a list", b"\xdd\xff\xff\xff\xff\xa9The heron"),
        ("a map", b"\xdf\xff\xff\xff\xff\xa9The heron"),
        ("a text", b"\x91\xdb\xff\xff\xff\xffThe heron"),
        ("a list", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x69The heron"),
        ("a text", b"\x81\x7b\xff\xff\xff\xff\xff\xff\xff\xffThe heron"),
        ("a field", b"\x0a\xff\xff\xff\xff\x07The heron"),
        ("a document", b"\xff\xff\xff\x7f\x02t\0\x0a\0\0\0The heron\0\0"),
        ("a member", b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0aThe heron"),
        ("a block", b"\xff\xff\xff\xff\x0f\x24The heron lands"),
        ("a block", b"\xff\xff\xff\x7f\xff\x00The heron lands"),
        ("objects", b"bplist00\xd1\x01\x02The heron\0\0\0\0\0\0\x08\x08\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("metadata", b"Obj\x01\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x16avro.schemaThe heron"),
    ];
    for (what, bytes) in lies {
        walk_bytes(bytes, None, |tree| {
            assert!(tree.nodes.len() < 16, "{what}: {}", bytes.escape_ascii());
            assert!(!places(tree, "The heron").is_empty());
        });
    }
}
