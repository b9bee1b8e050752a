//! The bodies of the fuzz targets (`fuzz/`), run on real inputs, cut and mutated: what the engine would begin with.
//!
//! This keeps the targets building, and finds what a few thousand mutations find; `cargo fuzz run TARGET` finds the rest.

#[path = "../../fuzz/bodies/mod.rs"]
mod bodies;

use plainsight::capture::format::FORMATS;
use plainsight::capture::{self, Wanted};
use plainsight::field::decoder::DECODERS;
use plainsight::message::protocol::PROTOCOLS;
use plainsight::model::item::Item;
use plainsight_traffic::rng::Rng;
use std::fs;
use std::path::{Path, PathBuf};

/// Inputs of a target: at least two of each seed, and no more than this where seeds are many.
const INPUTS: usize = 2_000;
/// Inputs of one seed, where seeds are few.
const MUTATIONS: usize = 24;
/// Bytes that one target is given at the most, over all its inputs: bodies run unoptimised here.
const BYTES: usize = 6 << 20;
/// Bytes of a seed: longer ones are cut, as the engine cuts them.
const SEED_BYTES: usize = 4 << 10;

fn files(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extensions.iter().any(|known| extension == *known)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn heads(folder: &str, extensions: &[&str], len: usize) -> Vec<Vec<u8>> {
    let head = |path: PathBuf| {
        let mut bytes = fs::read(path).unwrap();
        bytes.truncate(len);
        bytes
    };
    files(folder, extensions).into_iter().map(head).collect()
}

fn with(front: &[u8], rest: &[u8]) -> Vec<u8> {
    [front, rest].concat()
}

/// Pieces as the targets of sessions take them, alternating: `long` has two bytes of length.
fn pieces(session: &[(bool, &[u8])], long: bool) -> Vec<u8> {
    let most = if long { 0x7fff } else { 0x7f };
    let mut out = Vec::new();
    for (to_server, bytes) in session {
        for piece in bytes.chunks(most) {
            let head = u16::try_from(piece.len() << 1 | usize::from(!to_server)).unwrap();
            let [high, low] = head.to_be_bytes();
            out.extend(long.then_some(high));
            out.push(low);
            out.extend_from_slice(piece);
        }
    }
    out
}

/// Payloads, and whether each goes to the server.
type Session = Vec<(bool, Vec<u8>)>;

/// A session of a recording.
struct Recorded {
    key_log: Vec<u8>,
    datagrams: bool,
    session: Session,
}

/// The first payloads of every recording of peers, with its key log: what a listener with secrets begins with.
fn recorded() -> Vec<Recorded> {
    let mut found = Vec::new();
    for path in files("tests/fixtures/peers", &["pcapng"]) {
        let keys = fs::read(path.with_extension("keys")).unwrap_or_default();
        let mut opened = capture::open(&path, Wanted::Capture).unwrap();
        // One session a transport and server's port, as it comes: good enough for a seed.
        let mut sessions: Vec<((u8, u16), Session)> = Vec::new();
        while let Some(item) = opened.source.next().unwrap() {
            let Item::Frame(frame) = item else { continue };
            let Some(ip) = frame.bytes.get(14..) else { continue };
            let header = usize::from(ip[0] & 15) * 4;
            let (transport, segment) = (ip[9], &ip[header..]);
            let payload = match transport {
                6 => &segment[usize::from(segment[12] >> 4) * 4..],
                17 => &segment[8..],
                _ => continue,
            };
            let port = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
            let (server, to_server) = (port(0).min(port(2)), port(2) < port(0));
            let at = sessions.iter().position(|(key, _)| *key == (transport, server)).unwrap_or_else(|| {
                sessions.push(((transport, server), Vec::new()));
                sessions.len() - 1
            });
            if !payload.is_empty() && sessions[at].1.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() < SEED_BYTES {
                sessions[at].1.push((to_server, payload.to_vec()));
            }
        }
        found.extend(sessions.into_iter().map(|((transport, _), session)| Recorded {
            key_log: keys.clone(),
            datagrams: transport == 17,
            session,
        }));
    }
    found
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let samples = || PROTOCOLS.iter().enumerate().flat_map(|(n, p)| p.samples.iter().map(move |sample| (n, sample)));
    let evidence = || {
        let mut found = heads("tests/fixtures", &["pcapng", "har", "ndjson", "csv", "log", "zst", "gz"], SEED_BYTES);
        found.extend(heads("scenarios", &["pcapng", "pcap", "har", "ndjson", "zst", "gz"], SEED_BYTES));
        found
    };
    match target {
        "capture" | "dump" => evidence(),
        "format" => {
            let choices = 0..u8::try_from(FORMATS.len()).unwrap();
            let all = evidence();
            choices.flat_map(|choice| all.iter().map(move |bytes| with(&[choice], bytes)).collect::<Vec<_>>()).collect()
        }
        "key_log" => heads("tests/fixtures/peers", &["keys"], SEED_BYTES),
        "frame" => {
            let mut found = Vec::new();
            for path in files("tests/fixtures/peers", &["pcapng"]) {
                let mut opened = capture::open(&path, Wanted::Capture).unwrap();
                let mut frames = Vec::new();
                while let Some(Item::Frame(frame)) = opened.source.next().unwrap() {
                    if frames.len() > SEED_BYTES {
                        break;
                    }
                    frames.extend_from_slice(&u16::try_from(frame.bytes.len()).unwrap().to_be_bytes());
                    frames.extend_from_slice(frame.bytes);
                }
                found.extend((0..16).map(|link| with(&[link], &frames)));
            }
            found
        }
        "message" => {
            let pieces = |sample: &plainsight::message::Sample| {
                pieces(&[(true, sample.to_server), (false, sample.to_client)], false)
            };
            let mut found: Vec<Vec<u8>> = samples().map(|(_, sample)| with(&[0], &pieces(sample))).collect();
            found.extend(samples().map(|(_, sample)| with(&[9], &pieces(sample))));
            found
        }
        "protocol" => {
            let mut found = Vec::new();
            for (number, protocol) in (0_u8..).zip(PROTOCOLS) {
                for sample in protocol.samples {
                    let session = pieces(&[(true, sample.to_server), (false, sample.to_client)], false);
                    found.extend([0, 1, 8].map(|mode| with(&[number, mode], &session)));
                }
                // Whoever has no sample of its own speaks inside others: a bit of everything, behind every hint.
                let text = b"data: {\"t\":1}\n\n\x00\x00\x00\x00\x05\x0a\x03abc\x81\x85abcdHERON\x16\x03\x03\x00\x20";
                found.extend(
                    (0..8).map(|hint| with(&[number, hint << 4], &pieces(&[(true, text), (false, text)], false))),
                );
            }
            found
        }
        "sealed" => {
            let session = |Recorded { key_log, datagrams, session }: &Recorded| {
                let session: Vec<(bool, &[u8])> = session.iter().map(|(to, bytes)| (*to, bytes.as_slice())).collect();
                let length = u16::try_from(key_log.len()).unwrap().to_be_bytes();
                [&length[..], key_log, &[u8::from(*datagrams)], &pieces(&session, true)].concat()
            };
            recorded().iter().map(session).collect()
        }
        "hello" | "hpack" => {
            let sessions = recorded().into_iter().flat_map(|recorded| recorded.session);
            // Past the headers of a record and of its first message.
            let bodies = sessions.filter_map(|(_, bytes)| bytes.get(9..).map(<[u8]>::to_vec));
            bodies.filter(|body| body.len() > 40).take(60).collect()
        }
        "field" => DECODERS.iter().flat_map(|decoder| decoder.samples).map(|sample| sample.bytes.to_vec()).collect(),
        "decoder" => {
            let all = DECODERS.iter().flat_map(|decoder| decoder.samples);
            let declared = all.filter(|sample| !sample.hint.ends_with(':'));
            (0_u8..=255).zip(declared).map(|(number, sample)| with(&[number], sample.bytes)).collect()
        }
        "scenario" => heads("scenarios", &["toml"], 16 << 10),
        other => panic!("{other}: no seeds"),
    }
}

/// One of the engine's mutations.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    const INTERESTING: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b'"', 0xc0];
    let at = rng.below(bytes.len());
    match rng.below(7) {
        0 => bytes.truncate(at),
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = INTERESTING[rng.below(INTERESTING.len())];
            }
        }
        3 => bytes.insert(at, INTERESTING[rng.below(INTERESTING.len())]),
        4 => {
            let end = (at + 1 + rng.below(64)).min(bytes.len());
            bytes.drain(at.min(end)..end);
        }
        5 => {
            let end = (at + 1 + rng.below(64)).min(bytes.len());
            let copy = bytes[at.min(end)..end].to_vec();
            bytes.splice(at..at, copy);
        }
        _ => {
            bytes.truncate(at);
            bytes.extend_from_slice(&other[rng.below(other.len())..]);
        }
    }
}

fn smoke(target: &str) {
    let body = |bytes: &[u8]| bodies::run(target, bytes);
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "{target}: no seeds");
    body(&[]);
    let mut rng = Rng::new(0x5eed);
    for (number, seed) in seeds.iter().enumerate() {
        body(seed);
        let other = &seeds[(number + 1) % seeds.len()];
        let affordable = BYTES / seeds.len() / seed.len().max(1);
        for _ in 0..(INPUTS / seeds.len()).min(MUTATIONS).min(affordable).max(1) {
            let mut bytes = seed.clone();
            for _ in 0..=rng.below(4) {
                mutate(&mut bytes, other, &mut rng);
            }
            body(&bytes);
        }
    }
}

macro_rules! smoke {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            smoke(stringify!($target));
        })*

        /// Targets that have a test here.
        const TESTED: &[&str] = &[$(stringify!($target)),*];
    };
}

smoke!(capture format dump key_log frame message protocol sealed hello hpack field decoder scenario);

#[test]
fn every_target_has_its_file_and_its_test() {
    let names: Vec<&str> = bodies::TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, TESTED);
    let mut files: Vec<String> = files("fuzz/fuzz_targets", &["rs"])
        .iter()
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    files.sort();
    assert_eq!(files, sorted);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
    for name in names {
        let target = fs::read_to_string(root.join(format!("fuzz/fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("bodies::run(\"{name}\", bytes)")), "{name} runs another body");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not in fuzz/Cargo.toml");
    }
}
