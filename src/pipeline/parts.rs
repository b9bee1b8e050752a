//! The files that a store was exported into: those that cannot be read cost no more than themselves, and coverage.

use crate::capture::{self, EvidenceKind, OpenError, Wanted};
use crate::exposure::{Ledger, Roles};
use crate::model::evidence::Input;
use crate::model::scenario::DumpRef;
use crate::pipeline::RunError;
use crate::scenario::listing::listing;
use std::path::{Path, PathBuf};

/// The format of a part that was not read.
pub(super) const UNREAD: &str = "unread";

/// The parts of a store that can be read. One that holds nothing is told; what is no export, or cannot be opened, lowers
/// coverage. A store of which no part can be read is evidence that cannot be opened at all.
pub(super) fn readable<'a>(store: &'a [DumpRef], unread: &mut Vec<Input>) -> Result<Vec<&'a DumpRef>, RunError> {
    let (mut parts, mut first) = (Vec::new(), None);
    let mut found = Vec::new();
    for dump in store {
        match capture::survey(&dump.path, Wanted::Dump) {
            Ok(_) => parts.push(dump),
            Err(error) if error.is_of_nothing() => {
                let notes = vec!["the file is empty".to_owned()];
                found.push(Input { stopped: None, notes, ..hashed(dump) });
                first.get_or_insert(error);
            }
            Err(error) => {
                found.push(Input { stopped: Some(error.why()), ..hashed(dump) });
                first.get_or_insert(error);
            }
        }
    }
    match first {
        Some(error) if parts.is_empty() => Err(error.into()),
        _ => {
            unread.extend(found);
            Ok(parts)
        }
    }
}

/// What was left out of a folder.
pub(super) fn left(name: &str, why: &str) -> Input {
    Input { name: name.to_owned(), format: UNREAD.to_owned(), stopped: Some(why.to_owned()), ..Input::default() }
}

fn hashed(dump: &DumpRef) -> Input {
    unread(&dump.name, &dump.path)
}

fn unread(name: &str, path: &Path) -> Input {
    let (sha256, bytes) = capture::survey::digest(path).unwrap_or_default();
    Input { sha256, bytes, ..left(name, "") }
}

/// What lies in a folder that is looked at without a scenario: names and paths.
#[derive(Default)]
pub(super) struct Folder {
    /// Parts of one store.
    pub(super) store: Vec<(String, PathBuf)>,
    /// Captures.
    pub(super) traffic: Vec<(String, PathBuf)>,
    /// What cannot be read.
    pub(super) unread: Vec<Input>,
}

/// Looks at all files of a folder and of those below it. One of which nothing can be read is evidence that cannot be opened
/// at all.
pub(super) fn of_folder(folder: &Path, shown: &dyn Fn(&Path) -> String) -> Result<Folder, RunError> {
    let listed = listing(folder);
    let mut found = Folder::default();
    let mut first = None;
    for file in listed.files {
        let path = folder.join(file);
        let name = shown(&path);
        match capture::survey(&path, Wanted::Any) {
            Ok(survey) if survey.kind == EvidenceKind::Store => found.store.push((name, path)),
            Ok(_) => found.traffic.push((name, path)),
            Err(error) => {
                let (stopped, notes) = if error.is_of_nothing() {
                    (None, vec!["the file is empty".to_owned()])
                } else {
                    (Some(error.why()), Vec::new())
                };
                found.unread.push(Input { stopped, notes, ..unread(&name, &path) });
                first.get_or_insert(error);
            }
        }
    }
    found.unread.extend(listed.left.iter().map(|(path, why)| left(&shown(&folder.join(path)), why)));
    if found.store.is_empty() && found.traffic.is_empty() {
        return Err(first.unwrap_or_else(|| OpenError::NotAFile { path: folder.to_owned() }).into());
    }
    Ok(found)
}

/// What counting cannot say of a store: that it has no records, that nothing is known of their fields, or of some of them.
pub(super) fn told(format: &str, found: &Ledger, roles: &Roles) -> Vec<String> {
    if DOORS.contains(&format) {
        return Vec::new();
    }
    let mut notes = Vec::new();
    if found.is_empty() {
        notes.push("no record was found in it".to_owned());
    } else if roles.learned().is_empty() {
        notes.push(
            "what its fields are was not learned: it was searched for what was planted, and nothing in it is counted"
                .to_owned(),
        );
    }
    let (records, fields) = found.missed();
    if records > 0 {
        let fields: Vec<String> = fields.map(|field| format!("`{field}`")).collect();
        notes.push(format!(
            "{records} records have fields that are in no record of the sample ({}): they were searched for what was \
             planted and are not counted, so that counts are lower bounds; a role can be given to each",
            fields.join(", ")
        ));
    }
    notes
}

/// Formats that hold answers of stores, and no records.
const DOORS: [&str; 2] = ["doors", "banners"];
