//! The files of a folder and of those below it: what a store was exported into. Whatever is left out is named, for it may
//! hold anything.

use crate::model::budget::{LISTED_FILES, LISTED_FOLDERS};
use std::fs;
use std::path::{Path, PathBuf};

/// What lies in a folder; paths start there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Listing {
    /// Its files, in order of their paths.
    pub files: Vec<PathBuf>,
    /// What was left out, and why.
    pub left: Vec<(PathBuf, String)>,
}

/// What systems put into every folder that they show.
const SYSTEMS: [&str; 4] = [".ds_store", "thumbs.db", "desktop.ini", ".gitkeep"];

/// Lists a folder.
pub fn listing(folder: &Path) -> Listing {
    let mut found = Listing::default();
    walk(folder, Path::new(""), 0, &mut found);
    found.files.sort();
    found.left.sort();
    found
}

fn walk(folder: &Path, below: &Path, depth: usize, found: &mut Listing) {
    let mut leave = |path: PathBuf, why: String| {
        if found.left.len() < LISTED_FILES {
            found.left.push((path, why));
        }
    };
    let entries = match fs::read_dir(folder.join(below)) {
        Ok(entries) => entries,
        Err(error) => return leave(below.to_owned(), error.to_string()),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                leave(below.to_owned(), error.to_string());
                continue;
            }
        };
        let path = below.join(entry.file_name());
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if SYSTEMS.contains(&name.as_str()) || name.starts_with("._") {
            continue;
        }
        // The kind of the entry itself: a link to a folder may lead back to where it stands.
        let linked = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        match fs::metadata(entry.path()) {
            Ok(meta) if meta.is_file() && found.files.len() < LISTED_FILES => found.files.push(path),
            Ok(meta) if meta.is_file() => {
                return leave(below.to_owned(), format!("it holds more than {LISTED_FILES} files"));
            }
            Ok(meta) if meta.is_dir() && linked => leave(path, "a link to a folder, which is not followed".to_owned()),
            Ok(meta) if meta.is_dir() => folders.push(path),
            Ok(_) => leave(path, "no regular file".to_owned()),
            Err(error) => leave(path, error.to_string()),
        }
    }
    folders.sort();
    for inner in folders {
        if depth >= LISTED_FOLDERS {
            let why = format!("it lies more than {LISTED_FOLDERS} folders deep");
            if found.left.len() < LISTED_FILES {
                found.left.push((inner, why));
            }
        } else {
            walk(folder, &inner, depth + 1, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_below_and_hidden_ones_are_listed_and_the_rest_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["b.log", ".hidden.log", "sub/a.log", "sub/.inner/c.log", ".DS_Store", "sub/._a.log", "Thumbs.db"] {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), "x").unwrap();
        }
        let mut deep = PathBuf::from("deep");
        for _ in 0..LISTED_FOLDERS {
            deep.push("d");
        }
        fs::create_dir_all(at("").join(&deep)).unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.path(), at("sub/loop")).unwrap();
            std::os::unix::fs::symlink(at("b.log"), at("linked.log")).unwrap();
            std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        }
        let found = listing(folder.path());
        let files: Vec<&str> = found.files.iter().filter_map(|path| path.to_str()).collect();
        let linked: &[&str] = if cfg!(unix) { &["linked.log"] } else { &[] };
        assert_eq!(files, [&[".hidden.log", "b.log"], linked, &["sub/.inner/c.log", "sub/a.log"]].concat());
        let left: Vec<&str> = found.left.iter().filter_map(|(path, _)| path.to_str()).collect();
        let deepest = deep.to_str().unwrap();
        assert_eq!(left, if cfg!(unix) { vec!["dangling", deepest, "sub/loop"] } else { vec![deepest] });
    }
}
