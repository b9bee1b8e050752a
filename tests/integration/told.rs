//! What reports say of the evidence itself: what was read of it, what opened it, and how to look at it again.

use crate::cli::{here, run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn copy(peer: &str, to: &Path) {
    let from = root().join("tests/fixtures/peers").join(peer);
    fs::copy(from, to.join(peer)).unwrap();
}

/// What `inspect` says of files of this folder: the document, the page without its tags, the text.
fn inspect(folder: &Path, args: &[&str]) -> (Value, String, String) {
    let args = [&["inspect", "--no-progress", "--report", "out"][..], args].concat();
    let ended = run(folder, &args);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let written = fs::read_dir(folder.join("out")).unwrap().next().unwrap().unwrap().path();
    let document: Value = serde_json::from_slice(&fs::read(written.join("report.json")).unwrap()).unwrap();
    let page = fs::read_to_string(written.join("report.html")).unwrap();
    fs::remove_dir_all(folder.join("out")).unwrap();
    let text = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    (document["scenarios"][0].clone(), plain(&page), text)
}

/// The text of a page.
fn plain(page: &str) -> String {
    let body = page.split_once("<body>").unwrap().1;
    let pieces = body.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    let text = pieces.collect::<Vec<_>>().join(" ");
    let text = text.replace("&#39;", "'").replace("&quot;", "\"").replace("&gt;", ">").replace("&lt;", "<");
    text.replace("&amp;", "&").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn keys_that_fit_nothing_are_named_and_never_called_missing() {
    let here = here();
    for peer in ["http1.pcapng", "http1.keys", "http2.keys"] {
        copy(peer, here.path());
    }
    let none = inspect(here.path(), &["http1.pcapng"]);
    assert!(none.1.contains("encrypted, no keys supplied") && !none.1.contains("secrets supplied"));
    for (keys, unfit) in [(&["http2.keys"][..], true), (&["http1.keys"], false), (&["http2.keys", "http1.keys"], true)]
    {
        let flags: Vec<&str> = keys.iter().flat_map(|file| ["--keys", file]).collect();
        let (document, page, text) = inspect(here.path(), &[&["http1.pcapng"][..], &flags].concat());
        let warned = document["warnings"].as_array().unwrap().iter().any(|warning| {
            let warning = warning.as_str().unwrap();
            assert!(!warning.starts_with("http1.keys"), "{warning}");
            warning.starts_with("http2.keys: none of its ") && warning.ends_with("fits a handshake of the evidence")
        });
        assert_eq!(warned, unfit, "{keys:?}: {}", document["warnings"]);
        for said in [&page, &text] {
            assert!(!said.contains("no keys supplied"), "{keys:?}: {said}");
        }
        let sealed = keys == ["http2.keys"];
        assert_eq!(text.contains("secrets supplied fits"), sealed, "{text}");
        let why = document["coverage"]["unread"].as_array().unwrap().iter().any(|unread| unread["why"] == "no-keys");
        assert_eq!(why, sealed);
    }
}

#[test]
fn a_damaged_capture_lowers_coverage() {
    let here = here();
    let whole = fs::read(root().join("scenarios/tessera/capture.pcapng")).unwrap();
    let name = "capture.pcapng";
    for (len, damaged) in [(whole.len(), false), (9_000, true), (whole.len() - 3, true)] {
        fs::write(here.path().join(name), &whole[..len]).unwrap();
        let (document, page, text) = inspect(here.path(), &[name]);
        let unread = document["coverage"]["unread"].as_array().unwrap();
        assert_eq!(unread.iter().any(|unread| unread["why"] == "damaged"), damaged, "{len}");
        assert_eq!(page.contains("what follows the damage in 1 file"), damaged, "{len}");
        assert_eq!(text.contains("not read: what follows the damage"), damaged && unread.len() == 1, "{text}");
        if damaged {
            assert!(!page.contains("Everything that was captured could be read") && !text.contains("100 %"), "{text}");
        }
    }
}

#[test]
fn a_dump_alone_was_read_and_has_its_own_times() {
    let here = here();
    let records: Vec<String> = (0..40)
        .map(|n| {
            format!(r#"{{"ts":"2026-10-01T09:{n:02}:00Z","from":"+4477009001{n:02}","to":"+4477009002{n:02}","text":"The heron lands at dusk, {n}"}}"#)
        })
        .collect();
    fs::write(here.path().join("store.ndjson"), records.join("\n")).unwrap();
    let (document, page, text) =
        inspect(here.path(), &["store.ndjson", "--plant", "messages=The heron lands at dusk, 7"]);
    assert!(document["flows"].as_array().unwrap().is_empty());
    for said in [&page, &text] {
        assert!(said.contains("40 records of 1 dump read to the end"), "{said}");
        assert!(said.contains("2026-10-01 09:00 – 09:39 UTC"), "{said}");
        for lie in ["Nothing was sent", "nothing was sent", "without times", "sent to the server", "0 of 0"] {
            assert!(!said.contains(lie), "{lie}: {said}");
        }
    }
    assert!(page.contains("records of 2026-10-01"), "{page}");
    assert_eq!(document["first_seen"], "2026-10-01T09:00:00Z");
}

#[test]
fn the_command_on_the_page_makes_the_page_again() {
    let here = here();
    for peer in ["http1.pcapng", "http1.keys", "http2.keys", "mitmproxy_har.har", "protobuf.proto"] {
        copy(peer, here.path());
    }
    fs::rename(here.path().join("http1.pcapng"), here.path().join("-it's a.pcapng")).unwrap();
    fs::write(here.path().join("hooks.json"), "[]").unwrap();
    let args = [
        "inspect",
        "--no-progress",
        "--quiet",
        "--report",
        "reports",
        "--keys",
        "http1.keys",
        "--keys",
        "http2.keys",
        "--proto",
        "protobuf.proto",
        "--provider",
        "127.0.0.9",
        "--provider",
        "198.51.100.0/24",
        "--provider",
        "chatterly.example",
        "--plant",
        "messages=The heron's \"dusk\"\n$HOME",
        "--reveal",
        "./-it's a.pcapng",
        "mitmproxy_har.har",
    ];
    assert_eq!(run(here.path(), &args).code, 0);
    let written = fs::read_dir(here.path().join("reports")).unwrap().next().unwrap().unwrap().path();
    let file = written.join("report.html");
    let page = fs::read_to_string(&file).unwrap();
    let told = page.split("To derive this again").nth(1).unwrap().split("<code>").nth(1).unwrap();
    let told = plain(&format!("<body><code>{}", told.split("</code>").next().unwrap()));
    for part in ["--keys http1.keys", "--proto protobuf.proto", "--provider 198.51.100.0/24", "--reveal"] {
        assert!(told.contains(part), "{told}");
    }
    fs::remove_dir_all(here.path().join("reports")).unwrap();
    let folder = assert_cmd::cargo::cargo_bin!("plainsight").parent().unwrap();
    let script = format!("PATH='{}':$PATH; {told}", folder.display());
    let again = Command::new("bash").args(["-c", &script]).current_dir(here.path()).output().unwrap();
    assert!(again.status.success(), "{told}: {}", String::from_utf8_lossy(&again.stderr));
    assert!(fs::read_to_string(&file).unwrap() == page, "{told} makes another page");
}

#[test]
fn what_is_no_frame_is_not_called_one() {
    let here = here();
    for peer in ["mitmproxy_har.har", "mitmproxy_12.mitm", "quic.pcapng", "quic.keys"] {
        copy(peer, here.path());
    }
    for (args, unit, look) in [
        (&["mitmproxy_har.har"][..], "entry ", "jq '.log.entries["),
        (&["mitmproxy_12.mitm"], "entry ", "mitmdump -n --flow-detail 4 -r mitmproxy_12.mitm"),
        (&["quic.pcapng", "--keys", "quic.keys"], "frame ", "tshark -r quic.pcapng -o tls.keylog_file:quic.keys -Y"),
    ] {
        let text = "messages=The heron lands at dusk";
        let (document, page, _) = inspect(here.path(), &[args, &["--plant", text]].concat());
        assert!(!document["sightings"].as_array().unwrap().is_empty(), "{args:?}");
        assert!(page.contains(unit) && page.contains(look), "{args:?}: {page}");
        assert_eq!(page.contains("frame 1"), unit == "frame ", "{args:?}");
        assert_eq!(page.contains("tshark"), unit == "frame ", "{args:?}");
    }
}
