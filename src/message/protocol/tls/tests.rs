//! Recorded sessions of real peers (`tests/fixtures/tls`, made by `crates/traffic/tls/record.py`), whole, cut, reordered,
//! with pieces missing and without their keys.

use crate::message::Sink;
use crate::message::protocol::tls::PROTOCOL;
use crate::message::sink::Output;
use crate::model::flow::Blind;
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::packet::Endpoint;
use crate::model::secret::{SecretBytes, Secrets, TlsSecret};
use crate::model::stream::{Chunk, Direction, Ending, FlowKey, Lost, StreamEvent, StreamMeta, Transport};
use crate::model::time::Timestamp;
use data_encoding::HEXLOWER;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

#[derive(Clone)]
struct Fixture {
    name: String,
    secrets: Secrets,
    lines: Vec<TlsSecret>,
    expect: [Vec<u8>; 2],
    facts: Vec<(String, String)>,
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Data(Direction, Vec<u8>),
    Gap(Direction, u64),
    End(Direction),
}

#[derive(Default)]
struct Seen {
    data: [Vec<u8>; 2],
    frames: [Vec<u64>; 2],
    gaps: usize,
    opened: usize,
    layer: String,
    secure: bool,
    hint: Option<String>,
    ends: usize,
    closed: usize,
    blind: Vec<(Blind, Direction, u64)>,
    facts: Vec<(String, String, bool)>,
    hosts: Vec<String>,
    wire: [u64; 2],
    sealed: [u64; 2],
    decrypted: usize,
    failed: bool,
}

fn direction(mark: &str) -> Direction {
    if mark == ">" { Direction::ToServer } else { Direction::ToClient }
}

fn fixtures() -> Vec<Fixture> {
    static ALL: std::sync::OnceLock<Vec<Fixture>> = std::sync::OnceLock::new();
    ALL.get_or_init(load_all).clone()
}

fn load_all() -> Vec<Fixture> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 40);
    paths.iter().map(load).collect()
}

fn fixture(name: &str) -> Fixture {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
    load(&folder.join(format!("{name}.tls")))
}

fn load(path: &PathBuf) -> Fixture {
    let mut out = Fixture {
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        secrets: Secrets::default(),
        lines: Vec::new(),
        expect: [Vec::new(), Vec::new()],
        facts: Vec::new(),
        items: Vec::new(),
    };
    let hex = |text: &str| HEXLOWER.decode(text.to_lowercase().as_bytes()).unwrap();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["#", ..] => {}
            ["secret", label, random, secret] => {
                let secret = TlsSecret {
                    label: (*label).to_owned(),
                    client_random: hex(random).try_into().unwrap(),
                    secret: SecretBytes(hex(secret)),
                };
                out.lines.push(secret.clone());
                out.secrets.add_tls(secret);
            }
            ["rsa", der] => out.secrets.add_rsa(hex(der)),
            ["expect", mark, text] => out.expect[direction(mark).index()] = hex(text),
            ["fact", name, value @ ..] => out.facts.push(((*name).to_owned(), value.join(" "))),
            ["end", mark] => out.items.push(Item::End(direction(mark))),
            [mark, data] => out.items.push(Item::Data(direction(mark), hex(data))),
            _ => panic!("{}: {line}", out.name),
        }
    }
    out
}

fn meta(from_start: bool) -> StreamMeta {
    let end = |port| Endpoint { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), port };
    StreamMeta {
        flow: FlowKey { transport: Transport::Tcp, client: end(40_000), server: end(443) },
        at: Timestamp(0),
        datagrams: false,
        layers: Vec::new(),
        host: None,
        hint: None,
        from_start,
    }
}

fn run(items: &[Item], secrets: &Secrets) -> Seen {
    run_from(items, secrets, true)
}

fn run_from(items: &[Item], secrets: &Secrets, from_start: bool) -> Seen {
    let mut dissector = (PROTOCOL.start)(&meta(from_start));
    let mut sink = Sink::new(secrets, 1 << 20);
    let mut seen = Seen::default();
    let mut offsets = [0_u64; 2];
    let close = StreamEvent::Close { at: Timestamp(1), how: Ending::Clean };
    let mut frame = 0;
    let events = items.iter().map(|item| {
        frame += 1;
        match item {
            Item::Data(direction, bytes) => {
                let offset = offsets[direction.index()];
                offsets[direction.index()] += bytes.len() as u64;
                let origins = Origins::one(bytes.len(), frame);
                StreamEvent::Data(Chunk { direction: *direction, at: Timestamp(0), offset, bytes, origins })
            }
            Item::Gap(direction, len) => {
                let offset = offsets[direction.index()];
                offsets[direction.index()] += len;
                StreamEvent::Gap { direction: *direction, at: Timestamp(0), offset, len: *len, why: Lost::NotCaptured }
            }
            Item::End(direction) => StreamEvent::End { direction: *direction, at: Timestamp(0) },
        }
    });
    let mut done = false;
    for event in events.chain([close]) {
        if done {
            break;
        }
        done = dissector.on_event(event, &mut sink).is_err();
        seen.failed |= done;
        for output in sink.take() {
            seen.take(output);
        }
    }
    seen
}

impl Seen {
    fn take(&mut self, output: Output) {
        match output {
            Output::Open(_, child) => {
                self.opened += 1;
                self.layer = child.layer.name;
                self.secure = child.layer.secure;
                self.hint = child.hint;
            }
            Output::Data { direction, bytes, origins, .. } => {
                assert_eq!(origins.len(), bytes.len(), "every byte has its frame");
                self.data[direction.index()].extend(bytes);
                self.frames[direction.index()].extend(origins.frames());
            }
            Output::Gap { .. } => self.gaps += 1,
            Output::End(..) => self.ends += 1,
            Output::Close(..) => self.closed += 1,
            Output::Blind(spot) => self.blind.push((spot.why, spot.direction, spot.bytes)),
            Output::Fact(fact) => self.facts.push((fact.name.to_owned(), fact.value, fact.weakness.is_some())),
            Output::Host(name, _) => self.hosts.push(name),
            Output::Wire(class, bytes) => self.wire[usize::from(class == Opacity::Encrypted)] += bytes,
            Output::Sealed(direction, bytes) => {
                let most = &mut self.sealed[direction.index()];
                *most = (*most).max(bytes);
            }
            Output::Decrypted => self.decrypted += 1,
            Output::Hello(draft) => {
                assert!(draft.parts.iter().all(|part| part.origins.first().is_some()), "every part has its frame");
            }
            Output::Message(_)
            | Output::Beside(..)
            | Output::Name(..)
            | Output::Alias(..)
            | Output::Media(_)
            | Output::MediaStream(_)
            | Output::MediaKey(_)
            | Output::Packet { .. } => panic!("not of this protocol"),
        }
    }

    fn blind_why(&self, why: Blind) -> u64 {
        self.blind.iter().filter(|spot| spot.0 == why).map(|spot| spot.2).sum()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_recorded_session_opens_completely() {
    for fixture in fixtures() {
        let name = &fixture.name;
        let seen = run(&fixture.items, &fixture.secrets);
        assert!(!seen.failed, "{name}");
        for direction in Direction::BOTH {
            let (got, want) = (&seen.data[direction.index()], &fixture.expect[direction.index()]);
            assert_eq!(text(got), text(want), "{name} {direction:?} {:?}", seen.blind);
        }
        assert_eq!(seen.blind, [], "{name}");
        assert_eq!((seen.opened, seen.closed, seen.ends, seen.gaps), (1, 1, 2, 0), "{name}");
        let null = name.contains("null");
        assert_eq!(seen.secure, !null, "{name}");
        assert_eq!(seen.decrypted, usize::from(!null), "{name}");
        let total: usize = fixture.items.iter().map(|item| if let Item::Data(_, b) = item { b.len() } else { 0 }).sum();
        assert_eq!(seen.wire.iter().sum::<u64>(), total as u64, "{name}");
        assert_eq!(seen.wire[0] > 0, null, "{name}: plaintext on the wire");
        for (fact, value) in &fixture.facts {
            assert!(
                seen.facts.iter().any(|(n, v, _)| n == fact && v == value),
                "{name}: {fact} {value} in {:?}",
                seen.facts
            );
        }
        assert!(seen.facts.iter().any(|(n, ..)| n == "tls.ja4"), "{name}");
    }
}

#[test]
fn data_is_traced_to_the_frames_that_carried_it() {
    let fixture = fixture("13-tiny-records");
    let seen = run(&fixture.items, &fixture.secrets);
    let first = &seen.frames[0];
    assert!(!first.is_empty());
    for frame in first {
        let item = &fixture.items[usize::try_from(*frame).unwrap() - 1];
        assert!(matches!(item, Item::Data(Direction::ToServer, bytes) if bytes[0] == 23), "{item:?}");
    }
}

#[test]
fn exactly_the_obsolete_is_stated_as_weak() {
    for fixture in fixtures() {
        let seen = run(&fixture.items, &fixture.secrets);
        let weak = |name: &str| seen.facts.iter().any(|(n, _, weak)| n == name && *weak);
        let old = fixture.name.starts_with("10-") || fixture.name.starts_with("11-");
        assert_eq!(weak("tls.version"), old, "{}", fixture.name);
        let bad = ["null", "adh", "aecdh", "3des", "arcfour"].iter().any(|word| fixture.name.contains(word));
        assert_eq!(weak("tls.cipher-suite"), bad, "{}: {:?}", fixture.name, seen.facts);
    }
}

#[test]
fn certificates_and_names_are_stated() {
    for name in ["13-alpn", "12-ecdhe-ecdsa-aes128-gcm-sha256"] {
        let fixture = fixture(name);
        let seen = run(&fixture.items, &fixture.secrets);
        let fact =
            |name: &str| seen.facts.iter().find(|(n, ..)| n == name).map(|(_, v, _)| v.clone()).unwrap_or_default();
        assert!(
            fact("tls.certificate").starts_with("O=Chatterly, CN=api.chatterly.example; issued by O=Chatterly"),
            "{name}"
        );
        assert_eq!(fact("tls.sni"), "api.chatterly.example");
        assert_eq!(seen.hosts, ["api.chatterly.example"]);
    }
    let alpn = fixture("13-alpn");
    assert_eq!(run(&alpn.items, &alpn.secrets).hint.as_deref(), Some("h2"));
}

#[test]
fn without_keys_nothing_is_read_and_everything_is_told() {
    for fixture in fixtures() {
        let name = &fixture.name;
        let seen = run(&fixture.items, &Secrets::default());
        if name.contains("null") {
            assert_eq!(text(&seen.data[0]), text(&fixture.expect[0]), "{name}: anyone reads NULL");
            continue;
        }
        assert_eq!((seen.opened, seen.decrypted), (0, 0), "{name}");
        let sent = fixture.expect[0].len() as u64;
        let told: u64 = seen.blind.iter().filter(|spot| spot.1 == Direction::ToServer).map(|spot| spot.2).sum();
        assert_eq!(seen.blind_why(Blind::NoKeys), seen.blind.iter().map(|spot| spot.2).sum::<u64>(), "{name}");
        assert!(told >= sent, "{name}: {told} of {sent}");
        // Padding is the peer's own affair: from outside it is content.
        let padding = if name == "13-padding" { 512 } else { 3 * 32 };
        assert!(seen.sealed[0] <= sent + padding, "{name}: {} of {sent}", seen.sealed[0]);
    }
}

#[test]
fn sealed_data_is_measured_without_the_handshake() {
    for (name, exact) in [
        ("13-aes-128-gcm-sha256", 40),
        ("13-aes-256-gcm-sha384", 40),
        ("13-resumed", 40),
        ("12-ecdhe-ecdsa-aes128-gcm-sha256", 40),
        ("12-ecdhe-ecdsa-chacha20-poly1305", 40),
    ] {
        let fixture = fixture(name);
        let seen = run(&fixture.items, &Secrets::default());
        assert_eq!(seen.sealed[0], exact, "{name}");
    }
    // Certificates of clients look like application data from outside; they must not count.
    let fixture = fixture("13-client-certificate");
    let seen = run(&fixture.items, &Secrets::default());
    assert!(seen.sealed[0] <= 80, "{}", seen.sealed[0]);
}

#[test]
fn keys_never_make_less_of_what_travels_sealed() {
    for fixture in fixtures() {
        let (with, without) = (run(&fixture.items, &fixture.secrets), run(&fixture.items, &Secrets::default()));
        // Towards the client a server's tickets look like data of its own; only what the app sends is a control.
        let (with, without) = (with.sealed[0], without.sealed[0]);
        assert!(with >= without, "{}: {with} with keys, {without} without", fixture.name);
    }
}

/// Takes bytes `from..to` of one direction away.
fn without_range(items: &[Item], direction: Direction, from: usize, to: usize, known: bool) -> Vec<Item> {
    let mut out = Vec::new();
    let mut at = 0;
    for item in items {
        match item {
            Item::Data(d, bytes) if *d == direction => {
                let (start, end) = (at, at + bytes.len());
                at = end;
                let (a, b) = (from.clamp(start, end) - start, to.clamp(start, end) - start);
                let gap = Item::Gap(direction, if known { (b - a) as u64 } else { 0 });
                out.push(Item::Data(*d, bytes[..a].to_vec()));
                if a < b {
                    out.push(gap);
                }
                out.push(Item::Data(*d, bytes[b..].to_vec()));
            }
            other => out.push(other.clone()),
        }
    }
    out.retain(|item| !matches!(item, Item::Data(_, bytes) if bytes.is_empty()));
    out
}

fn bytes_of(items: &[Item], wanted: Direction) -> usize {
    items
        .iter()
        .map(|item| {
            if let Item::Data(d, bytes) = item
                && *d == wanted
            {
                bytes.len()
            } else {
                0
            }
        })
        .sum()
}

/// Offset and content type of each record.
fn records(items: &[Item], wanted: Direction) -> Vec<(usize, u8)> {
    let mut bytes = Vec::new();
    for item in items {
        if let Item::Data(direction, data) = item
            && *direction == wanted
        {
            bytes.extend_from_slice(data);
        }
    }
    let mut out = Vec::new();
    let mut at = 0;
    while at + 5 <= bytes.len() {
        out.push((at, bytes[at]));
        at += 5 + usize::from(u16::from_be_bytes([bytes[at + 3], bytes[at + 4]]));
    }
    out
}

/// Where the thirty lines of the client begin: everything before is handshake.
fn data_start(fixture: &Fixture) -> usize {
    let mut at = 0;
    for item in &fixture.items {
        if let Item::Data(Direction::ToServer, bytes) = item {
            if bytes[0] == 23 && bytes.len() < 200 && !fixture.name.starts_with("13") {
                return at;
            }
            at += bytes.len();
            // TLS 1.3: the flight with Finished begins with a change of cipher.
            if fixture.name.starts_with("13") && bytes[0] == 20 {
                return at;
            }
        }
    }
    panic!("no data in {}", fixture.name)
}

const MANY: [&str; 4] = ["13-many", "12-many-aes128-gcm-sha256", "12-many-chacha20-poly1305", "12-many-aes128-sha256"];

#[test]
fn reading_goes_on_after_a_loss() {
    for name in MANY {
        let fixture = fixture(name);
        let start = data_start(&fixture);
        let total = bytes_of(&fixture.items, Direction::ToServer);
        let record = (total - start) / 30;
        for (skip, lose) in [(0, 1), (3, 1), (3, record), (3, 700), (record * 2, record), (record + 4, 900), (10, 1500)]
        {
            for known in [true, false] {
                let from = start + skip;
                let items = without_range(&fixture.items, Direction::ToServer, from, from + lose, known);
                let seen = run(&items, &fixture.secrets);
                let (got, what) = (text(&seen.data[0]), format!("{name}: {lose} at {skip}, known {known}"));
                assert!(!seen.failed, "{what}");
                // Records that the loss touches go, and up to two more until a boundary is found; no others.
                let whole = fixture.expect[0].split(|&b| b == 10).filter(|line| !line.is_empty());
                let kept = whole.filter(|line| got.contains(text(line).as_str())).count();
                let touched = lose / record + 2;
                assert!(kept + touched + 2 >= 30, "{what}: {kept} lines, {:?}", seen.blind);
                assert!(got.ends_with("(30)\n"), "{what}: {got}");
                assert!(seen.blind_why(Blind::Lost) > 0, "{what}: {:?}", seen.blind);
                assert!(seen.gaps > 0 || skip == 0 || !seen.data[0].starts_with(b"The"), "{what}");
                assert_eq!(text(&seen.data[1]), text(&fixture.expect[1]), "{what}: the other direction");
            }
        }
    }
}

#[test]
fn a_cut_record_is_read_around_its_hole() {
    for name in ["13-many", "12-many-aes128-gcm-sha256", "12-many-chacha20-poly1305"] {
        let fixture = fixture(name);
        // The second line's record, or the third's, from a byte in its middle on.
        let (at, _) = records(&fixture.items, Direction::ToServer)[6];
        let items = without_range(&fixture.items, Direction::ToServer, at + 25, at + 30, true);
        let seen = run(&items, &fixture.secrets);
        let got = text(&seen.data[0]);
        assert_eq!(got.len() + 5, fixture.expect[0].len(), "{name}: {got}");
        assert!(got.ends_with("(30)\n"), "{name}");
        assert_eq!((seen.gaps, seen.blind_why(Blind::Lost)), (1, 5), "{name}");
    }
}

#[test]
fn a_session_whose_client_hello_is_lost_is_found_in_the_key_log() {
    let whole = fixture("13-many");
    let first = records(&whole.items, Direction::ToServer)[1].0;
    let items = without_range(&whole.items, Direction::ToServer, 0, first, true);
    let mut many = fixture("13-alpn").secrets;
    many.extend(whole.secrets.clone());
    many.extend(fixture("13-padding").secrets);
    let seen = run(&items, &many);
    assert_eq!(text(&seen.data[0]), text(&whole.expect[0]), "{:?}", seen.blind);
    assert_eq!(text(&seen.data[1]), text(&whole.expect[1]));
    // Without its line in the key log, others' do not open it, and that is not called a wrong key.
    let seen = run(&items, &fixture("13-alpn").secrets);
    assert_eq!((seen.opened, seen.blind_why(Blind::WrongKeys)), (0, 0));
    assert!(seen.blind_why(Blind::NoKeys) + seen.blind_why(Blind::HandshakeMissing) > 1200);
}

#[test]
fn a_session_without_its_handshake_is_told() {
    for fixture in fixtures().into_iter().filter(|fixture| fixture.name.contains("many")) {
        let name = &fixture.name;
        let mut seen_data = false;
        let items: Vec<Item> = fixture
            .items
            .iter()
            .filter(|item| {
                seen_data |= matches!(item, Item::Data(_, bytes) if bytes[0] == 23 && bytes.len() < 200);
                seen_data
            })
            .cloned()
            .collect();
        let seen = run_from(&items, &Secrets::default(), false);
        assert_eq!(seen.opened, 0, "{name}");
        assert!(seen.blind_why(Blind::HandshakeMissing) > 0, "{name}: {:?}", seen.blind);
        assert_eq!(
            seen.blind_why(Blind::HandshakeMissing),
            seen.blind.iter().map(|spot| spot.2).sum::<u64>(),
            "{name}"
        );
    }
}

#[test]
fn wrong_secrets_are_told_from_missing_ones() {
    for name in [
        "13-aes-128-gcm-sha256",
        "13-aes-256-gcm-sha384",
        "12-ecdhe-ecdsa-aes128-gcm-sha256",
        "12-ecdhe-ecdsa-aes128-sha",
    ] {
        let fixture = fixture(name);
        let mut wrong = Secrets::default();
        for line in &fixture.lines {
            let mut line = line.clone();
            line.secret.0[0] ^= 1;
            wrong.add_tls(line);
        }
        let seen = run(&fixture.items, &wrong);
        assert_eq!(seen.opened, 0, "{name}");
        assert!(seen.blind_why(Blind::WrongKeys) >= 80, "{name}: {:?}", seen.blind);
        assert_eq!(seen.blind_why(Blind::NoKeys), 0, "{name}");
    }
    // An RSA key that is not the server's.
    let fixture = fixture("12-rsa-key");
    let other = recorded_key();
    assert_ne!(fixture.secrets.rsa().next().unwrap(), other);
    let mut wrong = Secrets::default();
    wrong.add_rsa(other);
    let seen = run(&fixture.items, &wrong);
    assert!(seen.blind_why(Blind::WrongKeys) >= 80, "{:?}", seen.blind);
}

/// Another key of the same size: one that is no server's.
fn recorded_key() -> Vec<u8> {
    fixture("12-rsa-key-cbc").secrets.rsa().next().map(<[u8]>::to_vec).unwrap()
}

#[test]
fn traffic_secrets_alone_open_application_data() {
    let fixture = fixture("13-aes-128-gcm-sha256");
    let mut some = Secrets::default();
    for line in fixture.lines.iter().filter(|line| line.label.contains("_TRAFFIC_SECRET_0")) {
        some.add_tls(line.clone());
    }
    let seen = run(&fixture.items, &some);
    assert_eq!(seen.data, fixture.expect);
    assert!(seen.blind_why(Blind::NoKeys) + seen.blind_why(Blind::WrongKeys) > 0, "the handshake stays unread");
}

/// All of one direction, then all of the other: a capture may well interleave them so.
fn one_then_other(fixture: &Fixture, first: Direction) -> Vec<Item> {
    let of = |wanted: Direction| {
        fixture.items.iter().filter(move |item| match item {
            Item::Data(direction, _) | Item::Gap(direction, _) | Item::End(direction) => *direction == wanted,
        })
    };
    of(first).chain(of(first.reverse())).cloned().collect()
}

#[test]
fn the_order_of_the_directions_does_not_matter() {
    for fixture in fixtures() {
        // An end of one direction is an end of waiting for it.
        let without_ends = |items: Vec<Item>| -> Vec<Item> {
            items.into_iter().filter(|item| !matches!(item, Item::End(_))).collect()
        };
        for first in Direction::BOTH {
            let seen = run(&without_ends(one_then_other(&fixture, first)), &fixture.secrets);
            assert_eq!(
                seen.data.each_ref().map(|d| text(d)),
                fixture.expect.each_ref().map(|d| text(d)),
                "{} {first:?}",
                fixture.name
            );
            assert_eq!(seen.blind, [], "{} {first:?}", fixture.name);
        }
    }
}

/// Cuts every chunk at the given points, cyclically.
fn split(items: &[Item], sizes: &[usize]) -> Vec<Item> {
    let mut out = Vec::new();
    let mut sizes = sizes.iter().copied().cycle();
    for item in items {
        match item {
            Item::Data(direction, bytes) => {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let (now, later) = rest.split_at(sizes.next().unwrap().clamp(1, rest.len()));
                    out.push(Item::Data(*direction, now.to_vec()));
                    rest = later;
                }
            }
            other => out.push(other.clone()),
        }
    }
    out
}

#[test]
fn byte_by_byte_is_the_same_as_whole() {
    for fixture in fixtures() {
        let seen = run(&split(&fixture.items, &[1]), &fixture.secrets);
        assert_eq!(seen.data, fixture.expect, "{}", fixture.name);
        assert_eq!(seen.blind, [], "{}", fixture.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn splitting_changes_nothing(which in 0..40_usize, sizes in prop::collection::vec(1..600_usize, 1..12)) {
        let fixture = fixtures().swap_remove(which);
        let seen = run(&split(&fixture.items, &sizes), &fixture.secrets);
        prop_assert_eq!(&seen.data, &fixture.expect);
        prop_assert!(seen.blind.is_empty());
    }

    #[test]
    fn truncation_leaves_a_prefix(which in 0..40_usize, at in 0..6000_usize) {
        let fixture = fixtures().swap_remove(which);
        let mut left = at;
        let mut items = Vec::new();
        for item in &fixture.items {
            match item {
                Item::Data(direction, bytes) => {
                    let take = left.min(bytes.len());
                    items.push(Item::Data(*direction, bytes[..take].to_vec()));
                    left -= take;
                }
                other => items.push(other.clone()),
            }
            if left == 0 {
                break;
            }
        }
        let seen = run(&items, &fixture.secrets);
        prop_assert!(!seen.failed);
        for (got, want) in seen.data.iter().zip(&fixture.expect) {
            prop_assert!(want.starts_with(got), "{}: {:?} {:?}", fixture.name, text(got), text(want));
        }
    }

    #[test]
    fn damaged_bytes_never_panic_and_never_look_like_more(
        which in 0..40_usize,
        flips in prop::collection::vec((0..6000_usize, 1..=255_u8), 1..6),
    ) {
        let fixture = fixtures().swap_remove(which);
        let mut items = fixture.items.clone();
        for (at, mask) in flips {
            let mut left = at;
            for item in &mut items {
                if let Item::Data(_, bytes) = item {
                    if left < bytes.len() {
                        bytes[left] ^= mask;
                        break;
                    }
                    left -= bytes.len();
                }
            }
        }
        let seen = run(&items, &fixture.secrets);
        let less = seen.data.iter().zip(&fixture.expect).any(|(got, want)| got.len() < want.len());
        prop_assert!(!less || seen.failed || !seen.blind.is_empty(), "{}: silent loss", fixture.name);
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), back in any::<bool>()) {
        let direction = if back { Direction::ToClient } else { Direction::ToServer };
        let mut noisy = vec![Item::Data(direction, bytes.clone())];
        run(&noisy, &Secrets::default());
        noisy.insert(0, Item::Gap(direction, 0));
        let seen = run(&noisy, &Secrets::default());
        prop_assert_eq!(seen.opened, 0);
    }
}
