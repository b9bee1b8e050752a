//! Rooms are strangers: each may import the nouns and itself, nothing else of ours.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and what it may import besides itself. Whatever is not listed here has no business under `src/`.
const ROOMS: &[(&str, &[&str])] = &[
    ("bytes", &["model"]),
    ("model", &[]),
    ("capture", &["bytes", "model"]),
    ("packet", &["bytes", "model"]),
    ("stream", &["bytes", "model"]),
    ("message", &["bytes", "model"]),
    ("field", &["bytes", "model"]),
    ("exposure", &["bytes", "model"]),
    ("opacity", &["bytes", "model"]),
    ("sighting", &["bytes", "model"]),
    ("scenario", &["bytes", "model"]),
    ("verdict", &["bytes", "model"]),
    ("report", &["bytes", "model"]),
    ("store", &["bytes", "model"]),
    (
        "pipeline",
        &[
            "bytes", "model", "capture", "packet", "stream", "message", "field", "exposure", "opacity", "sighting",
            "scenario", "verdict",
        ],
    ),
    (
        "cli",
        &[
            "bytes", "model", "capture", "packet", "stream", "message", "field", "exposure", "opacity", "sighting",
            "scenario", "verdict", "report", "pipeline", "store",
        ],
    ),
    ("main", &["cli"]),
    (
        "lib",
        &[
            "bytes", "model", "capture", "packet", "stream", "message", "field", "exposure", "opacity", "sighting",
            "scenario", "verdict", "report", "pipeline", "store", "cli",
        ],
    ),
];

/// Folders whose files are entries of a registry: none may know another.
const REGISTRIES: &[(&str, &str)] = &[
    ("message/protocol", "crate::message::protocol::"),
    ("field/decoder", "crate::field::decoder::"),
    ("sighting/detector", "crate::sighting::detector::"),
    ("verdict/promise", "crate::verdict::promise::"),
    ("report/format", "crate::report::format::"),
    ("store/service", "crate::store::service::"),
];

struct Source {
    path: PathBuf,
    text: String,
}

fn sources() -> Vec<Source> {
    fn collect(folder: &Path, found: &mut Vec<Source>) {
        let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source { text: fs::read_to_string(&path).unwrap(), path });
            }
        }
    }
    let mut found = Vec::new();
    collect(&src(), &mut found);
    assert!(found.len() > 30, "the sources are not where they were");
    found
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The room a file belongs to: the first part of its path below `src/`.
fn room(path: &Path) -> String {
    let first =
        path.strip_prefix(src()).unwrap().components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Every `crate::room` named in code, with its line; comments do not import anything.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for piece in code.split("crate::").skip(1) {
            let name: String = piece.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.push((index + 1, name));
        }
    }
    found
}

#[test]
fn rooms_are_strangers() {
    let mut wrong = Vec::new();
    for source in sources() {
        let room = room(&source.path);
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("{}: no such room in the plan", source.path.display()));
            continue;
        };
        for (line, target) in imports(&source.text) {
            if target != room && !allowed.contains(&target.as_str()) && ROOMS.iter().any(|(name, _)| *name == target) {
                wrong.push(format!("{}:{line}: `{room}` may not import `{target}`", source.path.display()));
            }
        }
        for (index, line) in source.text.lines().enumerate() {
            if line.contains("use crate::{") || line.contains("super::super") {
                wrong.push(format!("{}:{}: name the room", source.path.display(), index + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn entries_of_a_registry_do_not_know_each_other() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Ok(path) = source.path.strip_prefix(src()) else { continue };
        let Some((folder, prefix)) = REGISTRIES.iter().find(|(folder, _)| path.starts_with(folder)) else { continue };
        if path.ends_with("mod.rs") && path.components().count() == Path::new(folder).components().count() + 1 {
            continue;
        }
        // `tls/record.rs` may name `tls`; `http1.rs` may not.
        let entry =
            path.strip_prefix(folder).unwrap().components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let entry = entry.trim_end_matches(".rs");
        // Tests may play one protocol inside another.
        if path.ends_with("tests.rs") {
            continue;
        }
        let code = source.text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for (index, line) in code.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for piece in code.split(prefix).skip(1) {
                let name: String = piece.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if name != entry && src().join(folder).join(format!("{name}.rs")).exists() {
                    wrong.push(format!(
                        "{}:{}: `{entry}` knows its sibling `{name}`",
                        source.path.display(),
                        index + 1
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_file_system_and_the_clock_live_at_the_ends() {
    let mut wrong = Vec::new();
    for source in sources() {
        let room = room(&source.path);
        // A test may read its recordings.
        if source.path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs"))) {
            continue;
        }
        let code: String = source.text.split("[cfg(test)]").next().unwrap_or_default().to_owned();
        for (index, line) in code.lines().enumerate() {
            let line_code = line.split("//").next().unwrap_or_default();
            let files = line_code.contains("std::fs") || line_code.contains("File::open");
            if files && !matches!(room.as_str(), "capture" | "scenario" | "cli" | "pipeline") {
                wrong.push(format!(
                    "{}:{}: files are opened in capture, scenario and cli",
                    source.path.display(),
                    index + 1
                ));
            }
            if line_code.contains("std::net::TcpStream") || line_code.contains("UdpSocket") {
                wrong.push(format!("{}:{}: no room speaks to the network", source.path.display(), index + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
