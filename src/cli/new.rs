//! `plainsight new`: a commented scenario that runs.

use crate::cli::args::NewArgs;
use crate::cli::exit;
use crate::cli::terminal::Terminal;
use crate::report::printable;
use anyhow::{Context as _, bail};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;

pub(super) fn new(args: &NewArgs, terminal: &mut Terminal) -> anyhow::Result<u8> {
    let name = args.name.as_str();
    if name.is_empty()
        || name.starts_with(['.', '-'])
        || name.contains(['/', '\\', ':'])
        || name.contains(char::is_control)
    {
        bail!("`{}` is no name for a folder: use letters, digits and dashes", printable(name));
    }
    let folder = args.folder.join(name);
    fs::create_dir_all(&args.folder).with_context(|| format!("failed to make {}", args.folder.display()))?;
    match fs::create_dir(&folder) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} is there already, and nothing in it was touched: choose another name", folder.display());
        }
        Err(error) => return Err(error).with_context(|| format!("failed to make {}", folder.display())),
    }
    let mut out = String::new();
    for file in crate::scenario::template(name) {
        let path = folder.join(file.name);
        fs::write(&path, &file.bytes).with_context(|| format!("failed to write {}", path.display()))?;
        writeln!(out, "{}", path.display())?;
    }
    writeln!(out, "\nIt runs as it is: plainsight run {}", quoted(&folder.display().to_string()))?;
    terminal.print(out.as_bytes())?;
    Ok(exit::FINE)
}

/// A path as a shell takes it: in quotes where it would be taken apart, or for something else.
fn quoted(path: &str) -> Cow<'_, str> {
    let plain =
        |c: char| c.is_alphanumeric() || matches!(c, '/' | '\\' | '.' | '-' | '_' | ':' | '+' | ',' | '@' | '%');
    if !path.is_empty() && path.chars().all(plain) {
        Cow::Borrowed(path)
    } else {
        Cow::Owned(format!("'{}'", path.replace('\'', "'\\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_typed() {
        for (path, typed) in [
            ("scenarios/tessera", "scenarios/tessera"),
            ("scenarios/a b", "'scenarios/a b'"),
            ("scenarios/$(x)", "'scenarios/$(x)'"),
            ("scenarios/it's", "'scenarios/it'\\''s'"),
            ("szenarien/möwe", "szenarien/möwe"),
        ] {
            assert_eq!(quoted(path), typed);
        }
    }
}
