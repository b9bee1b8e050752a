//! Stores as auditors get them: broken, cut, in several charsets, far too long, made to hurt. Through the binary: what is
//! lost is told with its file and line and counted, and nothing else is lost.

use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const WORDS: [&str; 16] = [
    "heron", "mill", "river", "bread", "train", "cat", "song", "tea", "lamp", "road", "door", "rain", "snow", "pear",
    "house", "letter",
];

/// What somebody wrote in message `n`.
fn words(n: u64) -> String {
    let pick = |k: u32| WORDS[(n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(k * 8) & 15) as usize];
    (0..7).map(pick).collect::<Vec<_>>().join(" ")
}

/// Message `n`: its sender and its recipient are in no other one.
fn record(n: u64) -> String {
    let (from, to, ts) = (447_700_900_000 + n, 447_911_100_000 + n, 1_793_610_000 + n);
    format!("{{\"ts\":{ts},\"event\":\"message\",\"from\":\"+{from}\",\"to\":\"+{to}\",\"text\":\"{}\"}}", words(n))
}

fn records(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|n| record(n).into_bytes()).collect()
}

fn joined(lines: &[Vec<u8>], end: &[u8]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_slice(), end].concat()).collect()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// What the binary says of a file.
struct Told {
    code: i32,
    err: String,
    scenario: Value,
    /// Most memory it held at once, in KiB.
    peak: u64,
}

fn inspect(path: &Path) -> Told {
    let folder = path.parent().unwrap();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("plainsight"))
        .args(["inspect", path.file_name().unwrap().to_str().unwrap(), "--format", "json"])
        .current_dir(folder)
        .stdout(fs::File::create(folder.join("out.json")).unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut peak, status) = (0, format!("/proc/{}/status", child.id()));
    let code = loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(peak).max(peak);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended.code().unwrap();
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    let report: Value = serde_json::from_slice(&fs::read(folder.join("out.json")).unwrap()).unwrap_or_default();
    Told { code, err, scenario: report["scenarios"][0].clone(), peak }
}

impl Told {
    /// Messages, people, and records that were skipped or not read in full.
    fn counts(&self) -> (u64, u64, u64) {
        let exposure = &self.scenario["exposure"];
        let skipped = self.scenario["inputs"][0]["skipped"].as_object().unwrap();
        let number = |value: &Value| value.as_u64().unwrap();
        (number(&exposure["messages"]), number(&exposure["people"]), skipped.values().map(number).sum())
    }

    /// Whether a warning names the file and says all of this.
    fn warns(&self, name: &str, parts: &[&str]) -> bool {
        let warnings = self.scenario["warnings"].as_array().unwrap();
        let says = |text: &str| text.starts_with(name) && parts.iter().all(|part| text.contains(part));
        warnings.iter().any(|warning| says(warning.as_str().unwrap()))
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Looks at a file: how many messages and people must be counted, how many records told as lost, and what is said.
#[track_caller]
fn hold(name: &str, bytes: &[u8], counts: (u64, u64, u64), says: &[&[&str]]) {
    let folder = tempfile::tempdir().unwrap();
    let told = inspect(&write(folder.path(), name, bytes));
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(told.counts(), counts, "{name}: {:#}", told.scenario["warnings"]);
    for parts in says {
        assert!(told.warns(name, parts), "{name} does not say {parts:?}: {:#}", told.scenario["warnings"]);
    }
}

#[test]
fn broken_lines_are_told_one_by_one_and_the_others_are_counted() {
    let mut lines = records(300);
    lines[100].truncate(50);
    lines[101] = b"this is no JSON at all {{{".to_vec();
    lines[102] = br#"{"ts":1793610000,"from":}"#.to_vec();
    lines[103] = br#"{"ts" 1793610000}"#.to_vec();
    let says: &[&[&str]] = &[&["line 101 "], &["line 102 "], &["line 103 "], &["line 104 "]];
    hold("a.ndjson", &joined(&lines, b"\n"), (296, 592, 4), says);
    hold("a.ndjson.zst", &zst(&joined(&lines, b"\n")), (296, 592, 4), says);

    // Two records on one line, because its end is missing; and one that says nothing.
    let mut torn = records(300);
    let next = torn.remove(101);
    torn[100].extend_from_slice(&next);
    torn.push(b"{}".to_vec());
    hold("a.ndjson", &joined(&torn, b"\n"), (300, 600, 0), &[&["several records"]]);

    let array = |lines: &[Vec<u8>]| [b"[\n", lines.join(&b",\n"[..]).as_slice(), b"\n]\n"].concat();
    let mut elements = records(300);
    elements[100].truncate(50);
    elements[150].pop();
    hold("a.json", &array(&elements), (299, 598, 2), &[&["line 102 "], &["line 152 "]]);
}

/// One document with the records deep in it, as apps export chats: each record counts, and what stands around them is read.
#[test]
fn a_document_around_the_records_loses_nothing() {
    let indented = |n: u64| format!("    {}", record(n));
    let chat = |from: u64| {
        let messages = (from..from + 60).map(indented).collect::<Vec<_>>().join(",\n");
        format!("  {{\"name\": \"room {from}\", \"messages\": [\n{messages}\n  ]}}")
    };
    let chats = [chat(0), chat(60), chat(120)].join(",\n");
    let text = format!("{{\n \"owner\": {{\"phone\": \"+447700900999\"}},\n \"chats\": [\n{chats}\n ]\n}}\n");
    hold("export.json", text.as_bytes(), (180, 361, 0), &[]);
    let folder = tempfile::tempdir().unwrap();
    let told = inspect(&write(folder.path(), "export.json", text.as_bytes()));
    assert_eq!(told.scenario["inputs"][0]["format"], "json-document");
    assert_eq!(told.scenario["exposure"]["records"], 181);
}

#[test]
fn a_missing_quote_costs_one_row() {
    let mut rows: Vec<Vec<u8>> = vec![b"ts,from,to,text".to_vec()];
    for n in 0..300_u64 {
        let quote = if n == 200 { "" } else { "\"" };
        let text = if n == 7 { "two\nlines, ".to_owned() + &words(n) } else { words(n) };
        let (from, to) = (447_700_900_000 + n, 447_911_100_000 + n);
        rows.push(format!("{},+{from},+{to},\"{text}{quote}", 1_793_610_000 + n).into_bytes());
    }
    // The row with two lines makes it one line more.
    hold("a.csv", &joined(&rows, b"\r\n"), (300, 600, 1), &[&["line 203 "]]);

    let mut text = String::from(
        "-- MySQL dump 10.13\nCREATE TABLE `m` (\n `sender` text,\n `recipient` text,\n `body` text\n) ENGINE=InnoDB;\n",
    );
    for n in 0..300_u64 {
        let quote = if n == 200 { "" } else { "'" };
        let (from, to) = (447_700_900_000 + n, 447_911_100_000 + n);
        let row = format!("INSERT INTO `m` VALUES ('+{from}','+{to}','{}{quote});\n", words(n));
        text.push_str(&row);
    }
    hold("a.sql", text.as_bytes(), (299, 600, 1), &[&["line 207 "]]);
}

#[test]
fn a_cut_archive_is_counted_up_to_the_cut() {
    let text: Vec<Vec<u8>> = (0..6_000)
        .map(|n: u64| {
            let noise: u64 = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 0xffff_ffff_ffff;
            record(n).replacen('{', &format!("{{\"trace\":\"{noise:012x}\","), 1).into_bytes()
        })
        .collect();
    let text = joined(&text, b"\n");
    for (name, packed) in [("a.ndjson.gz", gz(&text)), ("a.ndjson.zst", zst(&text))] {
        let cut = &packed[..packed.len() * 2 / 3];
        // What is in there: another reader's account.
        let mut whole = Vec::new();
        let _ = if name.ends_with("gz") {
            flate2::read::MultiGzDecoder::new(cut).read_to_end(&mut whole)
        } else {
            zstd::Decoder::new(cut).unwrap().read_to_end(&mut whole)
        };
        let lines = memchr::memchr_iter(b'\n', &whole).count() as u64;
        assert!(lines > 1_000);
        let last = whole.rsplit(|byte| *byte == b'\n').next().unwrap();
        let torn = u64::from(!last.is_empty());
        let folder = tempfile::tempdir().unwrap();
        let told = inspect(&write(folder.path(), name, cut));
        let (messages, people, lost) = told.counts();
        // The line in which it breaks off may show who wrote to whom, and never half a number.
        assert!(messages.abs_diff(lines) <= torn && lost == torn, "{messages} of {lines}, {lost} lost");
        assert!(people >= 2 * lines && people <= 2 * lines + 2 * torn, "{people} of {lines}");
        assert!(told.warns(name, &["stopped at byte"]), "{:#}", told.scenario["warnings"]);
        assert!(torn == 0 || told.warns(name, &[&format!("line {} ", lines + 1)]), "{:#}", told.scenario["warnings"]);
    }
}

#[test]
fn half_a_number_is_nobody() {
    let text = joined(&records(100), b"\n");
    let to = memchr::memmem::rfind(&text, b"+4479111").unwrap();
    hold("a.ndjson", &text[..to + 11], (99, 199, 1), &[&["line 100 "]]);
    let row = |n: u64| format!("{},+{},+{}", words(n), 447_700_900_000 + n, 447_911_100_000 + n);
    let rows = (0..100).map(row).collect::<Vec<_>>().join("\n") + "\n";
    let copy = format!(
        "--\n-- PostgreSQL database dump\n--\nCOPY public.m (text, sender, recipient) FROM stdin;\n{}",
        rows.replace(',', "\t")
    );
    hold("a.sql", &copy.as_bytes()[..copy.len() - 3], (100, 199, 1), &[&["within a COPY"]]);
}

#[test]
fn members_and_frames_one_after_the_other_are_one_file() {
    let lines = records(300);
    let parts: Vec<Vec<u8>> = lines.chunks(50).map(|part| joined(part, b"\n")).collect();
    let members: Vec<u8> = parts.iter().flat_map(|part| gz(part)).collect();
    let frames: Vec<u8> = parts.iter().flat_map(|part| zst(part)).collect();
    hold("a.ndjson.gz", &members, (300, 600, 0), &[]);
    hold("a.ndjson.zst", &frames, (300, 600, 0), &[]);
    hold("a.ndjson.gz", &[members.as_slice(), &[0; 4_096]].concat(), (300, 600, 0), &[]);
    hold("a.ndjson.gz", &[&members[..], b"else"].concat(), (300, 600, 0), &[&["what follows the archive"]]);
    hold("a.ndjson.zst", &[&frames[..], b"else"].concat(), (300, 600, 0), &[&["stopped at byte"]]);
    // A skippable frame in front, as parallel compressors write them.
    hold("a.ndjson.zst", &[b"\x50\x2a\x4d\x18\x04\0\0\0abcd", &frames[..]].concat(), (300, 600, 0), &[]);
    let mut wrong = gz(&joined(&lines, b"\n"));
    let end = wrong.len() - 6;
    wrong[end] ^= 0x55;
    hold("a.ndjson.gz", &wrong, (300, 600, 0), &[&["checksum"]]);
}

#[test]
fn charsets_line_ends_and_padding_lose_nothing() {
    let lines = records(300);
    let text = joined(&lines, b"\n");
    let wide = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.iter().map(|byte| u16::from(*byte)));
        units.flat_map(order).collect()
    };
    let mut mixed = lines.clone();
    mixed[50] = record(50).replace("\"text\":\"", "\"text\":\"caf\u{e9} \u{e0} la ").chars().map(|c| c as u8).collect();
    mixed[51] = record(51).replace("\"text\":\"", "\"text\":\"caf\u{e9} \u{82cd}\u{9e6d} ").into_bytes();
    mixed[52] = record(52).encode_utf16().flat_map(u16::to_le_bytes).collect();
    mixed[53].extend_from_slice(&[0; 4_096]);
    mixed[54] = [&[0; 4_096][..], &mixed[54]].concat();
    for (bytes, says) in [
        (joined(&lines, b"\r\n"), None),
        (joined(&lines, b"\r"), None),
        ([b"\xef\xbb\xbf", text.as_slice()].concat(), None),
        (wide(u16::to_le_bytes), None),
        (wide(u16::to_be_bytes), None),
        (joined(&mixed, b"\n"), Some("padded with zeros")),
        ([&[0; 512], text.as_slice(), &[0; 8_192]].concat(), Some("padded with zeros")),
    ] {
        let says: Vec<&[&str]> = says.iter().map(std::slice::from_ref).collect();
        hold("a.ndjson", &bytes, (300, 600, 0), &says);
    }
}

#[test]
fn equal_keys_deep_nesting_and_long_fields_lose_nothing_else() {
    let mut lines = records(300);
    lines[70] = record(70).replace('}', ",\"text\":\"The heron lands at dusk\"}").into_bytes();
    lines[80] =
        record(80).replacen('{', &format!("{{\"deep\":{}1{},", "[".repeat(10_000), "]".repeat(10_000)), 1).into_bytes();
    let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    lines[81] = [&lines[81][..lines[81].len() - 1], b",\"deep\":", deep.as_bytes(), b"}"].concat();
    lines[90] = record(90).replacen('{', &format!("{{\"blob\":\"{}\",", "x".repeat(4 << 20)), 1).into_bytes();
    lines[91] = record(91).replacen('{', &format!("{{\"blob\":\"{}\",", "x".repeat(9 << 20)), 1).into_bytes();
    let list: Vec<String> = (0..20_000_u64).map(|n| format!("\"+{}\"", 447_700_900_000 + n % 300)).collect();
    lines[92] = record(92).replacen('{', &format!("{{\"members\":[{}],", list.join(",")), 1).into_bytes();
    let says: &[&[&str]] = &[&["line 81 ", "nesting"], &["line 82 ", "nesting"], &["line 92 is ", "skipped"]];
    hold("a.ndjson", &joined(&lines, b"\n"), (299, 599, 3), says);
}

/// A line of a gigabyte, lines of 64 MB that are JSON, an archive that is nothing but zeros: in a few kilobytes.
#[test]
fn lines_without_end_are_skipped_in_flat_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ndjson.zst");
    let mut packed = zstd::Encoder::new(fs::File::create(&path).unwrap(), 1).unwrap();
    packed.write_all(&joined(&records(100), b"\n")).unwrap();
    let piece = vec![b'x'; 1 << 20];
    packed.write_all(b"{\"x\":\"").unwrap();
    for _ in 0..1_024 {
        packed.write_all(&piece).unwrap();
    }
    packed.write_all(b"\"}\n{\"list\":[").unwrap();
    let element = record(1).into_bytes();
    for _ in 0..(64 << 20) / element.len() {
        packed.write_all(&element).unwrap();
        packed.write_all(b",").unwrap();
    }
    packed.write_all(b"1]}\n").unwrap();
    let after: Vec<Vec<u8>> = (100..200).map(|n| record(n).into_bytes()).collect();
    packed.write_all(&joined(&after, b"\n")).unwrap();
    packed.finish().unwrap();
    let told = inspect(&path);
    assert_eq!(told.counts(), (200, 400, 2), "{:#}", told.scenario["warnings"]);
    assert!(told.warns("a.ndjson.zst", &["line 101 is 1073741833 bytes long and was skipped"]));
    assert!(told.warns("a.ndjson.zst", &["line 102 is ", "skipped"]), "{:#}", told.scenario["warnings"]);
    assert!(told.peak > 0 && told.peak < 200 << 10, "{} KiB", told.peak);

    let path = folder.path().join("b.ndjson.gz");
    let mut packed = flate2::write::GzEncoder::new(fs::File::create(&path).unwrap(), flate2::Compression::fast());
    packed.write_all(&joined(&records(100), b"\n")).unwrap();
    for _ in 0..512 {
        packed.write_all(&vec![0; 1 << 20]).unwrap();
    }
    packed.write_all(&joined(&after, b"\n")).unwrap();
    packed.finish().unwrap();
    let told = inspect(&path);
    // What stood behind the zeros on their line is lost with it.
    assert_eq!(told.counts(), (199, 398, 1), "{:#}", told.scenario["warnings"]);
    assert!(told.warns("b.ndjson.gz", &["line 101 is ", "skipped"]));
    assert!(told.peak > 0 && told.peak < 200 << 10, "{} KiB", told.peak);
}

#[test]
fn what_is_no_dump_says_what_to_do() {
    let mut tar = vec![0; 1_024];
    tar[..5].copy_from_slice(b"a.log");
    tar[257..262].copy_from_slice(b"ustar");
    tar.extend_from_slice(&joined(&records(20), b"\n"));
    // Two log lines and a key, saved by Redis 7.0.15.
    let rdb = include_bytes!("../fixtures/dumps/redis-7.0.rdb").to_vec();
    for (name, bytes, says) in [
        ("a.tar", &tar, "tar archive"),
        ("a.tar.gz", &gz(&tar), "tar archive"),
        ("a.rdb", &rdb, "redis-cli --raw LRANGE"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let told = inspect(&write(folder.path(), name, bytes));
        assert_eq!(told.code, 2, "{name}");
        assert!(told.err.contains(name) && told.err.contains(says), "{}", told.err);
    }
}
