//! The files that a store was exported into: those that cannot be read cost no more than themselves, and coverage.

use crate::capture::{self, Wanted};
use crate::model::evidence::Input;
use crate::model::scenario::DumpRef;
use crate::pipeline::RunError;

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
    let (sha256, bytes) = capture::survey::digest(&dump.path).unwrap_or_default();
    Input { sha256, bytes, ..left(&dump.name, "") }
}
