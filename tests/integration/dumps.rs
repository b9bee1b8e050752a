//! Stored evidence, judged: what a store keeps counts against the promises like what travels.

use plainsight::model::report::ScenarioReport;
use plainsight::model::scenario::Audience;
use plainsight::model::verdict::VerdictKind;
use plainsight::pipeline::{self, Inspection, RunError};
use plainsight::{scenario, verdict};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use tempfile::TempDir;

const TEXT: &str = "The heron lands at dusk";
const NUMBER: &str = "+447700900142";

/// Judges a scenario whose evidence is this dump.
fn judge(name: &str, bytes: &[u8], audience: &str) -> Result<ScenarioReport, RunError> {
    judge_as("dump", name, bytes, &format!("audience = '{audience}'"))
}

fn judge_as(kind: &str, name: &str, bytes: &[u8], more: &str) -> Result<ScenarioReport, RunError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.toml");
    let claims = [
        ("e2ee", "end-to-end-encrypted", "['messages']"),
        ("absent", "not-collected", "['phone-number']"),
        ("kept", "not-shared-with-third-parties", "['messages']"),
        ("apart", "unlinkable", "['phone-number', 'messages']"),
        ("email", "not-collected", "['email']"),
    ];
    let mut text = format!(
        "[app]\nname = 'Chatterly'\n[parties]\nprovider = ['chatterly.example']\n\
         [[planted]]\nid = 'greeting'\ndata = 'messages'\nvalue = '{TEXT}'\n\
         [[planted]]\nid = 'number'\ndata = 'phone-number'\nvalue = '{NUMBER}'\n\
         [[{kind}]]\npath = '{name}'\n{more}\n"
    );
    for (id, promise, data) in claims {
        let _ = write!(text, "[[claim]]\nid = '{id}'\ntext = 't'\npromise = '{promise}'\ndata = {data}\n");
    }
    fs::write(&file, text).unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap();
    pipeline::run(&scenario, &mut |_| {})
}

fn verdict_of(report: &ScenarioReport, claim: &str) -> VerdictKind {
    report.claims.iter().find(|judged| judged.claim.id == claim).unwrap().verdict
}

/// Line numbers of the sightings of a planted value.
fn lines(report: &ScenarioReport, planted: &str) -> Vec<u64> {
    let of = |id: &Option<String>| id.as_deref() == Some(planted);
    report.sightings.iter().filter(|s| of(&s.planted)).flat_map(|s| s.place.frames.clone()).collect()
}

fn ndjson() -> Vec<u8> {
    let inner = format!("{{\\\"to\\\":\\\"{NUMBER}\\\"}}");
    format!(
        "{{\"level\":\"info\",\"n\":1}}\n\n{{\"_source\":{{\"text\":\"{TEXT}\",\"raw\":\"{inner}\"}}}}\n\
         {{\"blob\":\"VGhlIGhlcm9uIGxhbmRzIGF0IGR1c2s=\"}}\n"
    )
    .into_bytes()
}

#[test]
fn planted_values_are_found_in_every_kind_of_dump_with_their_lines() {
    let csv = format!("id,number,text\r\n1,{NUMBER},\"hello, you\"\r\n2,,\"{TEXT}\"\r\n").into_bytes();
    let logs = format!(
        "2026-11-02T10:11:12Z INFO started\n2026-11-02T10:11:13Z send to={NUMBER} body=\"{TEXT}\"\n\
         <34>Nov  2 10:11:14 host app: {TEXT}\n"
    )
    .into_bytes();
    let notes = format!("some text\n{TEXT}\nand {NUMBER}\n").into_bytes();
    for (name, bytes, text, number) in [
        ("a.ndjson", ndjson(), vec![3, 4], vec![3]),
        ("b.csv", csv, vec![3], vec![2]),
        ("c.log", logs, vec![2, 3], vec![2]),
        ("d.txt", notes, vec![2], vec![3]),
    ] {
        let report = judge(name, &bytes, "provider").unwrap();
        assert_eq!((lines(&report, "greeting"), lines(&report, "number")), (text, number), "{name}");
        assert!(report.sightings.iter().all(|s| s.place.flow.is_none() && s.party.name() == "provider"));
        assert!(report.sightings.iter().all(|s| s.audiences == [Audience::Provider]), "{name}");
        assert_eq!(report.inputs[0].stopped, None);
    }
}

#[test]
fn a_store_contradicts_what_its_reader_was_not_to_see() {
    use VerdictKind::{Contradicted, Inconclusive};
    for (audience, shared) in [("provider", Inconclusive), ("public", Contradicted)] {
        let report = judge("a.ndjson", &ndjson(), audience).unwrap();
        for (claim, want) in
            [("e2ee", Contradicted), ("absent", Contradicted), ("kept", shared), ("apart", Contradicted)]
        {
            assert_eq!(verdict_of(&report, claim), want, "{claim}, {audience}");
        }
    }
}

#[test]
fn one_record_joins_and_two_do_not() {
    let apart = format!("{{\"number\":\"{NUMBER}\"}}\n{{\"text\":\"{TEXT}\"}}\n");
    assert_eq!(verdict_of(&judge("a.ndjson", apart.as_bytes(), "public").unwrap(), "apart"), VerdictKind::Inconclusive);
    let joined = format!("{{\"number\":\"{NUMBER}\",\"text\":\"{TEXT}\"}}\n{{}}\n");
    assert_eq!(
        verdict_of(&judge("a.ndjson", joined.as_bytes(), "public").unwrap(), "apart"),
        VerdictKind::Contradicted
    );
}

#[test]
fn what_a_rule_finds_in_a_store_counts() {
    let report = judge("a.ndjson", b"{\"mail\":\"priya.k@mail.example.org\"}\n{}\n", "provider").unwrap();
    assert_eq!(verdict_of(&report, "email"), VerdictKind::Contradicted);
}

#[test]
fn a_store_that_shows_nothing_proves_nothing() {
    let report = judge("a.ndjson", b"{\"level\":\"info\"}\n{\"level\":\"warn\"}\n", "public").unwrap();
    assert!(report.claims.iter().all(|judged| judged.verdict == VerdictKind::Inconclusive));
}

#[test]
fn broken_lines_and_cut_archives_are_told_and_the_rest_is_read() {
    let mut text = b"{\"a\":1}\n{\"broken\": \n".to_vec();
    text.extend_from_slice(&ndjson());
    text.extend_from_slice(b"{\"latin\":\"caf\xe9\"}\n");
    let report = judge("a.ndjson", &text, "provider").unwrap();
    assert_eq!(lines(&report, "greeting"), [5, 6]);
    assert!(report.warnings.iter().any(|w| w.contains("a.ndjson") && w.contains("line 2 ")), "{:?}", report.warnings);
    assert_eq!(report.inputs[0].skipped.get("broken JSON line"), Some(&1));

    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&ndjson()).unwrap();
    for n in 0..20_000 {
        writeln!(packed, "{{\"n\":{n},\"hash\":{}}}", n * 7919 % 104_729).unwrap();
    }
    let packed = packed.finish().unwrap();
    let report = judge("a.ndjson.gz", &packed[..packed.len() / 2], "provider").unwrap();
    assert_eq!(lines(&report, "greeting"), [3, 4]);
    assert!(report.inputs[0].stopped.is_some() && report.inputs[0].format == "ndjson.gz");
    assert!(report.inputs[0].frames > 1_000);
}

#[test]
fn captures_and_dumps_are_not_taken_for_each_other() {
    let told = judge_as("capture", "notes.log", b"2026-11-02 10:11:12 hello\n", "").unwrap_err().to_string();
    assert!(told.contains("notes.log") && told.contains("no capture of traffic"), "{told}");
    let told = judge_as("capture", "README", b"Words about things.\n", "").unwrap_err().to_string();
    assert!(told.contains("README") && told.contains("plain text"), "{told}");
    let pcap = plainsight_traffic::file::PcapNg::new().write(&[]);
    let told = judge("traffic.pcapng", &pcap, "public").unwrap_err().to_string();
    assert!(told.contains("traffic.pcapng") && told.contains("no dump of a store"), "{told}");
    let told = judge("noise", &[0, 1, 2, 3, 255, 254], "public").unwrap_err().to_string();
    assert!(told.contains("noise") && told.contains("unknown binary data"), "{told}");
}

fn inspect(folder: &TempDir, name: &str, bytes: &[u8]) -> Result<ScenarioReport, RunError> {
    let file = folder.path().join(name);
    fs::write(&file, bytes).unwrap();
    pipeline::inspect(&Inspection { files: vec![file], ..Inspection::default() }, &mut |_| {})
}

#[test]
fn a_dump_is_inspected_like_a_capture() {
    let folder = tempfile::tempdir().unwrap();
    let report = inspect(&folder, "x", b"{\"msisdn\":\"447400123456\"}\n{\"n\":1}\n").unwrap();
    assert_eq!((report.sightings.len(), report.inputs[0].frames), (1, 2));
    assert_eq!(
        (report.sightings[0].place.frames.as_slice(), report.sightings[0].audiences.as_slice()),
        (&[1][..], &[Audience::Provider][..])
    );
    assert!(inspect(&folder, "y", b"A README is no log.\n").is_err());
}

/// Judges a scenario whose evidence is a folder of these files.
fn judge_folder(files: &[(&str, &[u8])], path: &str) -> Result<ScenarioReport, RunError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let file = folder.path().join("store").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    let text = format!(
        "[app]\nname = 'Chatterly'\n[parties]\nprovider = ['chatterly.example']\n\
         [[planted]]\nid = 'greeting'\ndata = 'messages'\nvalue = '{TEXT}'\n\
         [[dump]]\npath = '{path}'\n\
         [[claim]]\nid = 'e2ee'\ntext = 't'\npromise = 'end-to-end-encrypted'\ndata = ['messages']\n"
    );
    fs::write(folder.path().join("scenario.toml"), text).unwrap();
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap();
    pipeline::run(&scenario, &mut |_| {})
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

#[test]
fn whatever_lies_in_a_folder_is_read() {
    let (good, planted) = (b"{\"a\":\"one\"}\n".as_slice(), format!("{{\"a\":\"{TEXT}\"}}\n"));
    for name in ["b.ndjson", "sub/b.ndjson", ".b.ndjson", "sub/.deep/er/b.log", "\u{fc}b.ndjson", "a.ndjson.d/b"] {
        for path in ["store", "store/*"] {
            let report = judge_folder(&[("a.ndjson", good), (name, planted.as_bytes())], path).unwrap();
            assert_eq!(verdict_of(&report, "e2ee"), VerdictKind::Contradicted, "{name} in {path}");
        }
    }
    let report = judge_folder(&[("a.ndjson", good), ("b.csv", planted.as_bytes())], "store/*.ndjson").unwrap();
    assert_ne!(verdict_of(&report, "e2ee"), VerdictKind::Contradicted, "a pattern stands for what fits it");
}

#[test]
fn what_cannot_be_read_in_a_folder_costs_no_more_than_itself() {
    let planted = format!("{{\"a\":\"{TEXT}\"}}\n");
    let broken = &packed(planted.as_bytes())[..8];
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01";
    for (name, bytes, lost) in [
        ("empty.ndjson", &b""[..], false),
        ("x.png", png, true),
        ("x.ndjson.gz", broken, true),
        ("sub/x.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0", true),
    ] {
        let report = judge_folder(&[("b.ndjson", planted.as_bytes()), (name, bytes)], "store").unwrap();
        assert_eq!(verdict_of(&report, "e2ee"), VerdictKind::Contradicted, "{name}");
        let input = report.inputs.iter().find(|input| input.name.ends_with(name)).unwrap();
        assert_eq!((input.stopped.is_some(), input.bytes), (lost, bytes.len() as u64), "{name}: {input:?}");
        assert!(report.warnings.iter().any(|warning| warning.contains(name)), "{name}: {:?}", report.warnings);
        let report = judge_folder(&[("a.ndjson", b"{\"a\":\"one\"}\n"), (name, bytes)], "store").unwrap();
        let judged = report.claims.first().unwrap();
        assert_eq!(judged.verdict, VerdictKind::Inconclusive, "{name}");
        assert_eq!(judged.reason.contains(name), lost, "{name}: {}", judged.reason);
        // Alone it is evidence that cannot be opened.
        assert!(judge_folder(&[(name, bytes)], "store").is_err(), "{name}");
    }
}
