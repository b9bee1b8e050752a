//! In how many forms and places a planted value is found, beside what other tools find.

use data_encoding::{BASE32, BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use md5::Md5;
use plainsight::field::walk::walk;
use plainsight::model::message::{Message, Part, PartKind};
use plainsight::model::origin::Origins;
use plainsight::model::packet::Endpoint;
use plainsight::model::scenario::Planted;
use plainsight::model::sighting::{Sighting, Strength};
use plainsight::model::stream::{Direction, FlowKey, Transport};
use plainsight::model::taxonomy::Data;
use plainsight::model::time::Timestamp;
use plainsight::sighting::{Cx, Matcher, Scene, detect};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use std::fmt::Write as _;
use std::io::Write as _;

fn plant(data: &str, value: &str) -> Vec<Planted> {
    vec![Planted { id: "it".into(), data: Data::from_name(data).unwrap(), value: value.into() }]
}

fn message(parts: Vec<Part>) -> Message {
    let end = Endpoint { ip: [127, 0, 0, 1].into(), port: 443 };
    Message {
        flow: FlowKey { transport: Transport::Tcp, client: end, server: end },
        layers: Vec::new().into(),
        protocol: "http1",
        label: "POST api.example/v1".into(),
        direction: Direction::ToServer,
        at: Timestamp(0),
        host: None,
        parts,
        whole: true,
    }
}

fn part(kind: PartKind, bytes: &[u8]) -> Part {
    // Every five bytes another frame: a value is always cut.
    let mut origins = Origins::new();
    for (chunk, frame) in bytes.chunks(5).zip(1..) {
        origins.push(chunk.len(), frame);
    }
    Part::new(kind, bytes.to_vec(), origins)
}

fn see(parts: Vec<Part>, planted: &[Planted]) -> Vec<Sighting> {
    let message = message(parts);
    let matcher = Matcher::new(planted);
    let scene = Scene { capture: "c", flow: Some(message.flow), flow_start: 1 };
    detect(&walk(&message), &Cx::new(planted, &matcher), &scene).sightings
}

fn planted_only(seen: Vec<Sighting>) -> Vec<Sighting> {
    seen.into_iter().filter(|sighting| sighting.planted.is_some()).collect()
}

fn body(bytes: impl AsRef<[u8]>) -> Vec<Part> {
    vec![part(PartKind::Body, bytes.as_ref())]
}

fn typed(content_type: &str, bytes: impl AsRef<[u8]>) -> Vec<Part> {
    vec![Part { content_type: Some(content_type.into()), ..part(PartKind::Body, bytes.as_ref()) }]
}

fn header(name: &str, value: &str) -> Vec<Part> {
    vec![Part { name: name.into(), ..part(PartKind::Header, value.as_bytes()) }]
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = GzEncoder::new(Vec::new(), Compression::best());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut to = ZlibEncoder::new(Vec::new(), Compression::best());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

fn each(text: &str, mut write: impl FnMut(&mut String, char)) -> String {
    let mut out = String::new();
    text.chars().for_each(|c| write(&mut out, c));
    out
}

const ADDRESS: &str = "priya.canary7@example.test";

/// The 32 encodings of the published comparison; the third says whether a key would be needed, or a join of fields.
fn comparison() -> Vec<(&'static str, Vec<Part>, bool)> {
    let json = |value: &str| body(format!("{{\"user\":{{\"v\":\"{value}\"}},\"n\":1}}"));
    let form = |value: &str| typed("application/x-www-form-urlencoded", format!("a=1&e={value}&b=2"));
    let inner = format!("{{\"email\":\"{ADDRESS}\",\"n\":7}}");
    let percent = ADDRESS.replace('@', "%40");
    let all = each(ADDRESS, |out, c| write!(out, "%{:02x}", u32::from(c)).unwrap());
    let rot13 = each(ADDRESS, |out, c| {
        out.push(match c {
            'a'..='z' => char::from((c as u8 - b'a' + 13) % 26 + b'a'),
            c => c,
        });
    });
    let xor: Vec<u8> = ADDRESS.bytes().map(|byte| byte ^ 0x5a).collect();
    let multipart = format!("--B\r\nContent-Disposition: form-data; name=\"e\"\r\n\r\n{ADDRESS}\r\n--B--\r\n");
    let utf16: Vec<u8> = ADDRESS.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let base64 = BASE64.encode(ADDRESS.as_bytes());
    vec![
        ("plain", json(ADDRESS), false),
        ("nested json string", json(&inner.replace('"', "\\\"")), false),
        ("multipart part", typed("multipart/form-data; boundary=B", multipart), false),
        ("upper case", json(&ADDRESS.to_uppercase()), false),
        ("percent-encoded", form(&percent), false),
        ("percent-encoded throughout", form(&all), false),
        ("percent-encoded twice", form(&percent.replace('%', "%25")), false),
        ("base64", json(&base64), false),
        ("base32", json(&BASE32.encode(ADDRESS.as_bytes())), false),
        ("base64 of enclosing json", json(&BASE64.encode(inner.as_bytes())), false),
        ("base64url without padding", json(&BASE64URL_NOPAD.encode(ADDRESS.as_bytes())), false),
        ("base64 twice", json(&BASE64.encode(base64.as_bytes())), false),
        ("hex, upper case", json(&HEXUPPER.encode(ADDRESS.as_bytes())), false),
        ("hex, lower case", json(&HEXLOWER.encode(ADDRESS.as_bytes())), false),
        ("gzip, base64, json", json(&BASE64.encode(&gzip(inner.as_bytes()))), false),
        ("zlib, base64url, form", form(&BASE64URL_NOPAD.encode(&zlib(inner.as_bytes()))), false),
        ("gzip", body(gzip(inner.as_bytes())), false),
        ("json escapes", json(&each(ADDRESS, |o, c| write!(o, "\\u{:04x}", u32::from(c)).unwrap())), false),
        ("html entities", body(each(ADDRESS, |o, c| write!(o, "&#{};", u32::from(c)).unwrap())), false),
        ("utf-16le", body(utf16), false),
        ("reversed", json(&ADDRESS.chars().rev().collect::<String>()), false),
        ("rot13", json(&rot13), false),
        ("xor with one byte, base64", json(&BASE64.encode(&xor)), false),
        ("two fields", body("{\"local\":\"priya.canary7\",\"domain\":\"example.test\"}"), true),
        ("md5", json(&HEXLOWER.encode(&Md5::digest(ADDRESS))), false),
        ("sha1", json(&HEXLOWER.encode(&Sha1::digest(ADDRESS))), false),
        ("sha256", json(&HEXLOWER.encode(&Sha256::digest(ADDRESS))), false),
        ("sha512", json(&HEXLOWER.encode(&Sha512::digest(ADDRESS))), false),
        ("sha256 of upper case", json(&HEXLOWER.encode(&Sha256::digest(ADDRESS.to_uppercase()))), false),
        ("md5, upper case", json(&HEXUPPER.encode(&Md5::digest(ADDRESS))), false),
        ("sha256, base64", json(&BASE64.encode(&Sha256::digest(ADDRESS))), false),
        ("keyed hash", json(&HEXLOWER.encode(&Sha256::digest(format!("key{ADDRESS}")))), true),
    ]
}

#[test]
fn all_of_the_published_comparison_is_found_but_what_needs_a_key_or_a_join() {
    let planted = plant("email", ADDRESS);
    let cases = comparison();
    assert_eq!(cases.len(), 32);
    let mut missed = Vec::new();
    for (name, parts, hard) in cases {
        let seen = planted_only(see(parts, &planted));
        assert!(seen.len() <= 1, "{name}: one place is one sighting: {seen:#?}");
        if seen.is_empty() != hard {
            missed.push(name);
        }
    }
    assert_eq!(missed, Vec::<&str>::new());
}

#[test]
fn values_are_found_wherever_a_request_puts_them() {
    let text = ("messages", "The heron lands at dusk");
    let phone = ("phone-number", "+12025550143");
    let place = ("precise-location", "48.8583701,2.2944813");
    let device = ("device-id", "38400000-8cf0-11bd-b23e-10b96e40000d");
    let unicode = ("messages", "Café à Zürich, déjà vu");
    let name = ("name", "Ada!");
    let query = |text: &str| vec![part(PartKind::Query, text.as_bytes())];
    let path = |text: &str| vec![part(PartKind::Path, text.as_bytes())];
    let b64 = |bytes: &[u8]| BASE64.encode(bytes);
    let event = b"{\"e\":\"The heron lands at dusk\"}";
    let log = "noise The heron lands at dusk more";
    let utf16be: Vec<u8> = log.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let doubles: Vec<u8> = [48.858_370_1_f64, 2.294_481_3].iter().flat_map(|v| v.to_le_bytes()).collect();
    let proto = b"\x0a\x17The heron lands at dusk\x12\x0c+12025550143\x18\x07";
    let latin: Vec<u8> = unicode.1.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let raw_uuid = HEXLOWER.decode(b"384000008cf011bdb23e10b96e40000d").unwrap();
    let table: Vec<(&str, (&str, &str), Vec<Part>)> = vec![
        ("raw", text, vec![part(PartKind::Raw, b"\x00\x01the heron lands at dusk\x02")]),
        ("json", text, body("{\"m\":[{\"t\":\"The heron lands at dusk\"}]}")),
        ("form", text, typed("application/x-www-form-urlencoded", "m=The+heron+lands+at+dusk")),
        ("query", text, query("q=The%20heron%20lands%20at%20dusk")),
        ("path", text, path("/search/The%20heron%20lands%20at%20dusk")),
        ("header", text, header("x-note", "The heron lands at dusk")),
        ("cookie", text, header("cookie", "a=1; note=The%20heron%20lands%20at%20dusk")),
        ("cookie, base64", text, header("cookie", &format!("a=1; note={}", b64(event)))),
        ("nested twice", text, body(format!("{{\"a\":\"{}\"}}", b64(format!("x={}", b64(event)).as_bytes())))),
        ("gzip in base64 in gzip", text, body(gzip(format!("{{\"a\":\"{}\"}}", b64(&gzip(event))).as_bytes()))),
        (
            "base64 inside longer base64, offset 1",
            text,
            body(format!("log {}!", b64(format!("\u{1}{log}").as_bytes()))),
        ),
        ("protobuf", text, body(proto)),
        ("protobuf phone", phone, body(proto)),
        ("protobuf varint phone", phone, body(b"\x0a\x17The heron lands at dusk\x10\xbf\xaa\x9d\xe6\x2c\x1a\x05hello")),
        ("utf-16be", text, body(utf16be)),
        ("no spaces", text, body("TheHeronLandsAtDusk")),
        ("underscores", text, body("tag:the_heron_lands_at_dusk")),
        ("reversed", text, body("ksud ta sdnal noreh ehT")),
        (
            "json-escaped in a log line",
            unicode,
            body("12:00 sent {\\\"t\\\":\\\"Caf\\u00e9 \\u00e0 Z\\u00fcrich, d\\u00e9j\\u00e0 vu\\\"}"),
        ),
        ("other case", unicode, body("CAFÉ À ZÜRICH, DÉJÀ VU")),
        ("decomposed", unicode, body("Cafe\u{301} a\u{300} Zu\u{308}rich, de\u{301}ja\u{300} vu")),
        ("latin-1", unicode, body(latin)),
        ("quoted-printable", unicode, body("Caf=C3=A9 =C3=A0 Z=C3=BCrich, d=C3=A9j=C3=A0 vu")),
        ("html", unicode, body("<p>Caf&#233; &#224; Z&#252;rich, d&#233;j&#224; vu</p>")),
        ("short word", name, body("{\"n\":\"ada!\"}")),
        ("e.164", phone, body("{\"to\":\"+12025550143\"}")),
        ("number in json", phone, body("{\"to\":12025550143}")),
        ("national", phone, body("{\"to\":\"(202) 555-0143\"}")),
        ("percent-encoded plus", phone, query("to=%2B12025550143")),
        ("00 for plus", phone, query("to=0012025550143")),
        ("phone sha256", phone, body(HEXLOWER.encode(&Sha256::digest("12025550143")))),
        ("phone md5, base64", phone, body(format!("{{\"h\":\"{}\"}}", b64(&Md5::digest("+12025550143"))))),
        ("lat/lng", place, body("{\"lat\":48.85837,\"lng\":2.29448}")),
        ("geojson", place, body("{\"coordinates\":[2.29448,48.85837]}")),
        ("query coordinates", place, query("x=1&lat=48.8584&lon=2.2945")),
        ("header coordinates", place, [header("x-lat", "48.8584"), header("x-lon", "2.2945")].concat()),
        ("e7", place, body("{\"latE7\":488583701,\"lngE7\":22944813}")),
        ("micro-degrees", place, body("{\"lat\":48858370,\"lon\":2294481}")),
        ("wkt", place, body("{\"geom\":\"SRID=4326;POINT(2.2944813 48.8583701)\"}")),
        (
            "ewkb",
            place,
            body(format!(
                "{{\"geom\":\"0101000020E6100000{}\"}}",
                HEXUPPER.encode(&[2.294_481_3_f64.to_le_bytes(), 48.858_370_1_f64.to_le_bytes()].concat())
            )),
        ),
        ("geohash", place, body("{\"g\":\"u09tunqu\"}")),
        ("doubles", place, body([b"\x00\x01", doubles.as_slice()].concat())),
        ("two decimals", place, body("{\"lat\":48.86,\"lng\":2.29}")),
        ("uuid without dashes", device, body("{\"d\":\"384000008CF011BDB23E10B96E40000D\"}")),
        ("uuid raw", device, body([&b"\x0a\x10"[..], &raw_uuid].concat())),
        ("uuid base64", device, body(format!("{{\"d\":\"{}\"}}", b64(&raw_uuid)))),
        ("uuid sha1", device, body(HEXLOWER.encode(&Sha1::digest("384000008CF011BDB23E10B96E40000D")))),
    ];
    assert!(table.len() >= 40);
    let mut missed = Vec::new();
    for (name, (data, value), parts) in table {
        let whole = parts.iter().map(|part| part.bytes.len()).max().unwrap();
        let seen = planted_only(see(parts, &plant(data, value)));
        match seen.as_slice() {
            [] => missed.push(name),
            [one] => {
                assert!(!one.place.frames.is_empty() && one.place.bytes.1 > one.place.bytes.0, "{name}: {one:?}");
                assert!(one.place.bytes.1 <= whole as u64, "{name}: {one:?}");
                assert!(whole < 24 || one.place.frames.len() > 1, "{name} is cut over frames: {one:?}");
                assert!(one.reason.contains("\"it\"") && one.reason.ends_with('.'), "{}", one.reason);
            }
            more => panic!("{name}: one place is one sighting: {more:#?}"),
        }
    }
    assert_eq!(missed, Vec::<&str>::new());
}

#[test]
fn rounding_makes_a_precise_place_approximate() {
    let planted = plant("precise-location", "48.8583701,2.2944813");
    for (text, want, form) in [
        ("{\"lat\":48.8583701,\"lng\":2.2944813}", Data::PreciseLocation, "as-typed"),
        ("{\"lat\":48.858,\"lng\":2.294}", Data::PreciseLocation, "3 decimals"),
        ("{\"lat\":48.86,\"lng\":2.29}", Data::ApproximateLocation, "rounded to 2 decimals"),
        ("{\"lat\":48.9,\"lng\":2.3}", Data::ApproximateLocation, "rounded to 1 decimals"),
    ] {
        let seen = planted_only(see(body(text), &planted));
        let [one] = seen.as_slice() else { panic!("{text}: {seen:?}") };
        assert_eq!((one.data, one.form.as_str()), (want, form), "{text}");
    }
    let approximate = plant("approximate-location", "48.8583701,2.2944813");
    assert_eq!(planted_only(see(body("{\"lat\":48.88,\"lng\":2.31}"), &approximate)).len(), 1);
    assert_eq!(planted_only(see(body("{\"lat\":48.98,\"lng\":2.31}"), &approximate)).len(), 0);
}

/// What programs make of a value that somebody else's programs can tell again, and the same of other values.
#[test]
fn garbled_and_derived_forms_are_told_from_look_alikes() {
    let text = "Où est le héron 🦩 du lac ?";
    let other = "Où est le moulin 🦩 du lac ?";
    let garble = |text: &str| text.bytes().map(char::from).collect::<String>();
    let cesu = |text: &str| {
        let mut out = Vec::new();
        for unit in text.encode_utf16() {
            let [high, low] = [unit >> 6, unit & 0x3f].map(|part| u8::try_from(part & 0x3f).unwrap());
            match unit {
                0..0x80 => out.push(low | high << 6),
                0x80..0x800 => out.extend([0xc0 | high, 0x80 | low]),
                _ => out.extend([0xe0 | u8::try_from(unit >> 12).unwrap(), 0x80 | high, 0x80 | low]),
            }
        }
        out
    };
    // The UUIDs were made by Python's library (`uuid.uuid5(uuid.NAMESPACE_DNS, "12025550143")` and so on).
    let twice = |text: &str| HEXLOWER.encode(&Sha256::digest(HEXLOWER.encode(&Sha256::digest(text)).as_bytes()));
    let (message, email, phone) = (("messages", text), ("email", ADDRESS), ("phone-number", "+12025550143"));
    for (name, planted, body, found) in [
        ("utf-8 as latin-1", message, garble(text).into_bytes(), true),
        ("utf-8 as windows-1252", message, "OÃ¹ est le hÃ©ron ðŸ¦© du lac ?".into(), true),
        ("utf-8 as latin-1, another text", message, garble(other).into_bytes(), false),
        ("cesu-8", message, cesu(text), true),
        ("cesu-8, another text", message, cesu(other), false),
        ("uuid v5, dns", phone, b"390557c6-bc48-5b87-a298-1422061c0079".to_vec(), true),
        ("uuid v5, url, bare", phone, b"35def78e5d7b5d2f944fa977cc5b2d97".to_vec(), true),
        ("uuid v3, dns", email, b"52BE45B4-D3DD-30B6-9A7F-9961D010D14E".to_vec(), true),
        ("uuid v5 of another number", phone, b"ea7afd95-6f50-539c-ab40-1f01a1677fca".to_vec(), false),
        ("sha256 of the sha256", email, twice(ADDRESS).into_bytes(), true),
        ("sha256 of the sha256 of another address", email, twice("priya.canary8@example.test").into_bytes(), false),
        ("middle dots", phone, "+1\u{b7}202\u{b7}555\u{b7}0143".into(), true),
        ("thin spaces", phone, "+1\u{2009}202\u{2009}555\u{2009}0143".into(), true),
        ("underscores", phone, b"tel_+1_202_555_0143".to_vec(), true),
        ("a time", ("phone-number", "+12026113010"), b"at 2026:11:30:10, IMG_20261130_10".to_vec(), false),
    ] {
        let body = [b"{\"v\":\"".as_slice(), &body, b"\"}"].concat();
        let seen = planted_only(see(vec![part(PartKind::Body, &body)], &plant(planted.0, planted.1)));
        assert_eq!(!seen.is_empty(), found, "{name}: {seen:#?}");
        assert!(seen.len() <= 1, "{name}: {seen:#?}");
        let hashed = name.starts_with("uuid") || name.starts_with("sha");
        assert!(seen.iter().all(|one| (one.strength == Strength::Pseudonym) == hashed), "{name}");
    }
}

/// A length or a type is a byte like any other: some of them are letters.
#[test]
fn framing_that_is_a_letter_by_chance_hides_nothing() {
    for (data, value, other) in [
        ("email", "ana@mailbox.example", "di"),
        ("user-id", "8849157539", "12"),
        ("phone-number", "+4915753901846", "12"),
        ("phone-number", "4915753901846", "12"),
    ] {
        let planted = plant(data, if data == "phone-number" { "+4915753901846" } else { value });
        for frame in [b'0', b'a'] {
            for no_text in [&b"\x00"[..], b"\x01\x02", b"\xff", b"\xc5"] {
                let seen = |before: &[u8], after: &[u8]| {
                    let bytes = [b"\x02\xfe", before, value.as_bytes(), after, b"\xfe\x02"].concat();
                    !planted_only(see(body(bytes), &planted)).is_empty()
                };
                let (front, back) = ([no_text, &[frame]].concat(), [&[frame], no_text].concat());
                for (before, after) in [(&front[..], no_text), (no_text, &back), (&front, &back)] {
                    assert!(seen(before, after), "{value} between {before:x?} and {after:x?}");
                }
                let longer = [no_text, other.as_bytes()].concat();
                // What begins with a plus begins there.
                assert!(value.starts_with('+') || !seen(&longer, no_text), "{value} behind {longer:x?}");
                let longer = [other.as_bytes(), no_text].concat();
                assert!(!seen(no_text, &longer), "{value} before {longer:x?}");
            }
        }
    }
}

#[test]
fn hashes_are_pseudonyms() {
    let seen = see(body(HEXLOWER.encode(&Sha256::digest(ADDRESS))), &plant("email", &ADDRESS.to_uppercase()));
    let [one] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!(one.strength, Strength::Pseudonym);
    assert_eq!(one.form, "sha256 of the lower-cased value");
}

#[test]
fn nothing_is_found_where_nothing_is() {
    let values = [
        ("messages", "The heron lands at dusk"),
        ("name", "Ada!"),
        ("user-id", "u-48213"),
        ("phone-number", "+12025550143"),
        ("virtual-number", "+33639981234"),
        ("email", ADDRESS),
        ("precise-location", "48.8583701,2.2944813"),
        ("device-id", "38400000-8cf0-11bd-b23e-10b96e40000d"),
    ];
    let planted: Vec<Planted> = values.iter().flat_map(|(data, value)| plant(data, value)).collect();
    let matcher = Matcher::new(&planted);
    let mut state = 99_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[..4].to_vec()
    };
    let mut random: Vec<u8> = Vec::new();
    while random.len() < 1 << 19 {
        random.extend(next());
    }
    let mut hashes = String::new();
    let mut numbers = String::new();
    for n in 0..2_000_u32 {
        hashes.push_str(&HEXLOWER.encode(&Sha256::digest(n.to_be_bytes())));
        hashes.push_str(&BASE64.encode(&Md5::digest(n.to_be_bytes())));
        writeln!(numbers, "{{\"id\":{},\"ts\":166755{:07},\"r\":{}.{:05}}},", n * 7_919, n * 31, n % 90, n % 99_991)
            .unwrap();
    }
    let prose = "It was the best of times, it was the worst of times; lat and lon are words, 2025 550 1 is none. ";
    let inputs = [random, hashes.into_bytes(), numbers.into_bytes(), prose.repeat(2_000).into_bytes()];
    for input in inputs {
        let message = message(vec![Part::new(PartKind::Raw, input, Origins::one(1, 1))]);
        let scene = Scene { capture: "c", flow: None, flow_start: 1 };
        let seen = detect(&walk(&message), &Cx::new(&planted, &matcher), &scene);
        let told: Vec<String> = planted_only(seen.sightings).into_iter().take(3).map(|one| one.reason).collect();
        assert_eq!(told, Vec::<String>::new());
    }
}

/// Columns stand side by side in a database: each is a field, its numbers are numbers, and rows that were deleted are there.
#[test]
fn rows_of_databases_are_searched() {
    for bytes in [
        &include_bytes!("../../src/field/tests/fixtures/utf8.sqlite")[..],
        include_bytes!("../../src/field/tests/fixtures/utf16le.sqlite"),
        include_bytes!("../../src/field/tests/fixtures/utf16be.sqlite"),
    ] {
        for (data, value) in [
            ("email", "ada7@mail.example"),
            ("phone-number", "+447700900007"),
            ("phone-number", "+447700900142"),
            ("email", "ada9@mail.example"),
            ("name", "Ada7"),
            ("messages", "Graureiher \u{2013} \u{82cd}\u{9e6d} 77"),
            ("messages", "The heron lands 30 yyyyyyyyyyyyyyyyyyyy"),
            ("precise-location", "48.8583701,-2.5"),
        ] {
            let planted = plant(data, value);
            let seen = planted_only(see(body(bytes), &planted));
            assert!(!seen.is_empty(), "{data} {value}");
            assert!(
                seen.iter().any(|sighting| sighting.place.trail.iter().any(|step| step.starts_with("sqlite "))),
                "{value}"
            );
        }
    }
}

/// A table of bodies: what is planted, and how it is packed by formats that break values into lines, chunks and pieces.
#[test]
fn values_that_formats_break_are_found() {
    let text = "The heron lands at dusk behind the mill";
    let (one, two) = text.split_at(13);
    let long = serde_json::json!({ "m": text, "k": "0123456789abcdef".repeat(4) }).to_string();
    let indented = |data: &[u8]| {
        let coded = BASE64.encode(data);
        let lines: Vec<&str> = coded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        lines.join("\n      ")
    };
    let dump: String = text.as_bytes().chunks(16).enumerate().fold(String::new(), |mut out, (at, line)| {
        write!(out, "{:08x}:", at * 16).unwrap();
        for byte in line {
            write!(out, " {byte:02x}").unwrap();
        }
        writeln!(out, "  {}", String::from_utf8_lossy(line)).unwrap();
        out
    });
    let octal = each("Le héron se pose à l'étang", |out, c| {
        let mut utf8 = [0; 4];
        for byte in c.encode_utf8(&mut utf8).bytes() {
            if byte.is_ascii() { out.push(char::from(byte)) } else { write!(out, "\\{byte:o}").unwrap() }
        }
    });
    let signed: String = text.as_bytes().chunks(9).fold(String::new(), |mut out, chunk| {
        write!(out, "{:x};chunk-signature={:064x}\r\n{}\r\n", chunk.len(), 7, String::from_utf8_lossy(chunk)).unwrap();
        out
    });
    let packed = zlib(format!("BT /F1 12 Tf [({one}) -20 ({two})] TJ ET").as_bytes());
    let pdf =
        [b"%PDF-1.7\n1 0 obj <</Filter/FlateDecode>> stream\n", &packed[..], b"\nendstream endobj\n%%EOF\n"].concat();
    let mail = format!(
        "From: a@mail.example\r\nContent-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\nContent-Type: multipart/alternative; \
         boundary=\"B\"\r\n\r\n--B\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--B--\r\n--A--\r\n",
        BASE64.encode(text.as_bytes())
    );
    let place = "48.85837,2.29448";
    for (name, parts, data, value) in [
        ("vCard", body(format!("BEGIN:VCARD\r\nNOTE:{one}\r\n {two}\r\nEND:VCARD\r\n")), "messages", text),
        (
            "iCalendar",
            body(format!("BEGIN:VCALENDAR\r\nSUMMARY:{one}\r\n {two}\r\nEND:VCALENDAR\r\n")),
            "messages",
            text,
        ),
        ("LDIF", body(format!("dn: cn=a\ndescription: {one}\n {two}\n")), "messages", text),
        (
            "LDIF, coded",
            body(format!("dn: cn=a\nnote:: {}\n", indented(text.as_bytes()).replace("      ", " "))),
            "messages",
            text,
        ),
        ("YAML", body(format!("note: |\n      {}\nid: 5\n", indented(long.as_bytes()))), "messages", text),
        (
            "XML",
            typed("text/xml", format!("<a><b>\n      {}\n   </b></a>", indented(long.as_bytes()))),
            "messages",
            text,
        ),
        ("PDF", body(pdf), "messages", text),
        (
            "dump of bytes",
            body(format!("{{\"log\":{}}}", serde_json::json!(format!("sent\n{dump}ok")))),
            "messages",
            text,
        ),
        ("octal", body(format!("note: \"{octal}\" id: 5")), "messages", "Le héron se pose à l'étang"),
        ("signed chunks", body(format!("{signed}0;chunk-signature=00\r\n\r\n")), "messages", text),
        ("mail", body(mail), "messages", text),
        (
            "NMEA",
            body("at $GPGGA,123519,4851.5022,N,00217.6689,E,1,08,0.9,545.4,M,46.9,M,,*47 ok"),
            "precise-location",
            place,
        ),
    ] {
        let planted = plant(data, value);
        assert!(!planted_only(see(parts, &planted)).is_empty(), "{name}");
    }
}

/// Apps that look for known people send the first bytes of each number's hash.
#[test]
fn hashes_are_told_by_their_first_bytes() {
    let planted = plant("phone-number", "+12025550143");
    let hash = Sha256::digest("+12025550143");
    let list = |coded: &dyn Fn(&[u8]) -> String, len: usize| {
        let others = (0..4_u8).map(|other| coded(&Sha256::digest([other])[..len]));
        let all: Vec<String> = others.clone().chain([coded(&hash[..len])]).chain(others).collect();
        body(format!("{{\"contacts\":[\"{}\"]}}", all.join("\",\"")))
    };
    for len in [8, 10, 12, 16, 20, 24, 31] {
        for coded in [
            &(|bytes: &[u8]| HEXLOWER.encode(bytes)) as &dyn Fn(&[u8]) -> String,
            &|bytes: &[u8]| HEXUPPER.encode(bytes),
            &|bytes: &[u8]| BASE64.encode(bytes),
            &|bytes: &[u8]| BASE64URL_NOPAD.encode(bytes),
        ] {
            let seen = planted_only(see(list(coded, len), &planted));
            let [sighting] = seen.as_slice() else { panic!("{len} bytes, {}: {seen:#?}", coded(&hash[..len])) };
            assert!(sighting.form.ends_with("first bytes of the sha256 of the number with +"), "{}", sighting.form);
            assert_eq!(sighting.strength, Strength::Pseudonym);
            assert!(planted_only(see(list(coded, len), &plant("phone-number", "+12025550144"))).is_empty());
        }
        let raw: Vec<u8> = (0..9_u8)
            .flat_map(|n| if n == 5 { hash[..len].to_vec() } else { Sha256::digest([n])[..len].to_vec() })
            .collect();
        assert_eq!(planted_only(see(body(raw), &planted)).len(), 1, "{len} bytes, raw");
    }
    let whole = planted_only(see(list(&|bytes| HEXLOWER.encode(bytes), 32), &planted));
    assert_eq!(
        whole.iter().map(|sighting| sighting.form.as_str()).collect::<Vec<_>>(),
        ["sha256 of the number with +"]
    );
}

/// A name in two fields of one object is that name; of two objects it is two people's.
#[test]
fn names_in_two_fields_are_found() {
    let planted = plant("name", "Priya Canary");
    for (text, found) in [
        ("{\"user\":{\"first_name\":\"Priya\",\"id\":7,\"last_name\":\"CANARY\"}}", true),
        ("fn=Priya&x=1&ln=canary", true),
        ("<?xml version=\"1.0\"?><p><given>Priya</given><family>Canary</family></p>", true),
        ("[{\"first\":\"Priya\",\"last\":\"Stone\"},{\"first\":\"Ada\",\"last\":\"Canary\"}]", false),
        ("{\"first\":\"Priya\",\"pet\":{\"kind\":\"Canary\"}}", false),
        ("{\"first\":\"Priya\",\"last\":\"Canary-Stone\"}", false),
    ] {
        let seen = planted_only(see(body(text), &planted));
        assert_eq!(!seen.is_empty(), found, "{text}");
    }
}
