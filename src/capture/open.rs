//! Opens evidence by its content: unwraps gzip and zstd, and asks every format whether the bytes are its own.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::format::FORMATS;
use super::survey::Hashed;
use super::unpack::{self, Unpacked};
use super::{EvidenceKind, Format, Source, Stopped, Window};
use crate::bytes::Match;
use crate::model::budget::ZSTD_WINDOW_LOG;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that formats are shown when asked whether a file is theirs.
pub const HEAD: usize = 16 << 10;

/// Why a file cannot be used as evidence at all. Each names the file.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not there, or may not be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is a directory, a pipe or a device: evidence is read twice, so it must be a regular file.
    #[error("{}: not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// It is no evidence that this version can read.
    #[error("{}: no known capture format; it looks like {looks_like}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What it looks like, for people.
        looks_like: String,
    },
    /// It is evidence of another kind than what it was given as.
    #[error("{}: this is no {wanted}; it looks like {about}", path.display())]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        wanted: &'static str,
        /// What it is.
        about: &'static str,
    },
    /// It begins like evidence and cannot be read any further.
    #[error("{}: {stopped}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Where and why.
        stopped: Stopped,
    },
}

impl OpenError {
    /// Why, without the file's name.
    pub fn why(&self) -> String {
        match self {
            Self::Unreadable { source, .. } => source.to_string(),
            Self::NotAFile { .. } => "no regular file".to_owned(),
            Self::Unknown { looks_like, .. } => format!("no known format; it looks like {looks_like}"),
            Self::OtherKind { wanted, about, .. } => format!("no {wanted}; it looks like {about}"),
            Self::Broken { stopped, .. } => stopped.to_string(),
        }
    }

    /// The file holds nothing at all.
    pub fn is_of_nothing(&self) -> bool {
        matches!(self, Self::Unknown { looks_like, .. } if looks_like.starts_with(EMPTY))
    }
}

/// What an empty file looks like.
const EMPTY: &str = "an empty file";

/// What a file is given as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// Traffic, and nothing else.
    Capture,
    /// A store's content, and nothing else; any text is read as lines.
    Dump,
    /// Whatever it is.
    Any,
}

impl Wanted {
    const fn allows(self, kind: EvidenceKind) -> bool {
        match self {
            Self::Capture => matches!(kind, EvidenceKind::Traffic),
            Self::Dump => matches!(kind, EvidenceKind::Store),
            Self::Any => true,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture of traffic",
            Self::Dump => "dump of a store",
            Self::Any => "evidence",
        }
    }
}

/// Evidence that is ready to be read.
pub struct Opened {
    /// Its format: registry name, with `.gz` or `.zst` when it is wrapped.
    pub format: String,
    /// What it is evidence of.
    pub kind: EvidenceKind,
    /// What is in it.
    pub source: Box<dyn Source + Send>,
    /// Bytes of the file (as on disk) read so far: for progress.
    pub progress: Arc<AtomicU64>,
}

/// Opens a file by its content.
pub fn open(path: &Path, wanted: Wanted) -> Result<Opened, OpenError> {
    let file = regular(path)?;
    from_reader(Box::new(file), path, wanted)
}

/// Opens a file by its content, to be hashed while it is read.
pub fn open_hashed(path: &Path, wanted: Wanted) -> Result<(Opened, Hashed), OpenError> {
    let file = Hashed::new(regular(path)?);
    Ok((from_reader(Box::new(file.clone()), path, wanted)?, file))
}

/// Opens evidence that is already in memory; `name` is for errors.
pub fn open_bytes(bytes: Vec<u8>, name: &str, wanted: Wanted) -> Result<Opened, OpenError> {
    from_reader(Box::new(io::Cursor::new(bytes)), Path::new(name), wanted)
}

fn from_reader(file: Box<dyn Read + Send>, path: &Path, wanted: Wanted) -> Result<Opened, OpenError> {
    let progress = Arc::new(AtomicU64::new(0));
    let counted = Counted { file, read: Arc::clone(&progress) };
    let (format, window, suffix) = recognise(Box::new(counted), path, wanted)?;
    let source = (format.open)(window).map_err(|stopped| OpenError::Broken { path: path.to_owned(), stopped })?;
    Ok(Opened { format: format!("{}{suffix}", format.name), kind: format.kind, source, progress })
}

/// Opens a regular file, and nothing else: a pipe would block, a device would never end.
pub(super) fn regular(path: &Path) -> Result<File, OpenError> {
    let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(OpenError::NotAFile { path: path.to_owned() });
    }
    File::open(path).map_err(unreadable)
}

/// Finds the format of what `file` holds; the window stands at its first byte. Also the suffix of its wrapping.
pub(super) fn recognise(
    file: Box<dyn Read + Send>,
    path: &Path,
    wanted: Wanted,
) -> Result<(&'static Format, Window, &'static str), OpenError> {
    let read = Arc::new(AtomicU64::new(0));
    let mut window = Window::new(Box::new(Counted { file, read: Arc::clone(&read) }));
    let mut suffix = "";
    let head = window.head(4);
    if head.starts_with(&[0x1f, 0x8b]) {
        suffix = ".gz";
        window = Window::new(Box::new(Unpacked::new(unpack::Members::new(window), read)));
    } else if is_zstd(head) {
        suffix = ".zst";
        let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
        let mut decoder = zstd::stream::read::Decoder::with_buffer(unpack::Sips(window)).map_err(unreadable)?;
        decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(unreadable)?;
        window = Window::new(Box::new(Unpacked::new(decoder, read)));
    }
    if let Some(decoder) = unpack::utf_16(window.head(4)) {
        window = Window::new(Box::new(unpack::Wide::new(window, decoder)));
    }
    let head = window.head(HEAD);
    // Who says that a file is a dump need not be shown that its text is one.
    let enough = |format: &Format| match (wanted, format.kind) {
        (Wanted::Dump, EvidenceKind::Store) if !head.is_empty() => Match::NeedMore,
        _ => Match::Maybe,
    };
    // Text in an archive is text with the archive's seams in it.
    let archive = head.get(257..262) == Some(b"ustar");
    let asked = FORMATS.iter().filter(|_| !archive).map(|format| ((format.sniff)(head), *format));
    let best =
        asked.filter(|(fit, format)| *fit >= enough(format)).fold(None, |best: Option<(Match, &Format)>, next| {
            if best.is_some_and(|(fit, _)| fit >= next.0) { best } else { Some(next) }
        });
    if let Some((_, format)) = best {
        if wanted.allows(format.kind) {
            return Ok((format, window, suffix));
        }
        return Err(OpenError::OtherKind { path: path.to_owned(), wanted: wanted.name(), about: format.about });
    }
    let looks_like = looks_like(head);
    Err(match window.broken() {
        Some(why) => {
            let stopped = Stopped { offset: head_len(&window), why: why.to_owned() };
            OpenError::Broken { path: path.to_owned(), stopped }
        }
        None if suffix.is_empty() => OpenError::Unknown { path: path.to_owned(), looks_like },
        None => OpenError::Unknown { path: path.to_owned(), looks_like: format!("{looks_like} ({suffix} inside)") },
    })
}

fn head_len(window: &Window) -> u64 {
    window.offset().saturating_add(window.peek(HEAD).len() as u64)
}

fn is_zstd(head: &[u8]) -> bool {
    // A frame, or a skippable frame in front of one (RFC 8878 section 3.1).
    matches!(head, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// What a file that is no evidence seems to be: so that the error tells people what they did.
fn looks_like(head: &[u8]) -> String {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"PK\x03\x04", "a ZIP archive (unpack it first)"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive (unpack it first)"),
        (b"\xfd7zXZ", "xz-compressed data (decompress it, or use .gz or .zst)"),
        (b"BZh", "bzip2-compressed data (decompress it, or use .gz or .zst)"),
        (b"\x04\x22\x4d\x18", "lz4-compressed data (decompress it, or use .gz or .zst)"),
        (
            b"REDIS0",
            "an RDB file of Redis (load it into a Redis of your own and write its lists as lines: `redis-cli --raw LRANGE KEY 0 -1 > KEY.ndjson`)",
        ),
        (b"\x1f\x8b", "gzip inside gzip (unwrap it once)"),
        (b"\x28\xb5\x2f\xfd", "zstd inside a wrapping (unwrap it once)"),
        (b"snoop\0", "a snoop capture (convert it with editcap)"),
        (b"\x47\x4d\x42\x55", "a Network Monitor capture (convert it with editcap)"),
        (b"\x7fELF", "a program"),
        (b"%PDF", "a PDF document"),
        (b"\x89PNG", "a PNG image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"-----BEGIN", "a PEM file (give it as `keys`)"),
        (b"CLIENT_RANDOM", "a TLS key log (give it as `keys`)"),
        (b"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "a TLS key log (give it as `keys`)"),
        (b"SERVER_HANDSHAKE_TRAFFIC_SECRET", "a TLS key log (give it as `keys`)"),
        (b"# TLS secrets log file", "a TLS key log (give it as `keys`)"),
        (b"<", "XML or HTML text"),
        (b"{", "JSON text"),
        (b"[", "JSON text"),
    ];
    if head.is_empty() {
        return EMPTY.to_owned();
    }
    if head.get(257..262) == Some(b"ustar") {
        return "a tar archive (unpack it: a folder of exports can be one dump)".to_owned();
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let known = MAGIC.iter().find(|(magic, _)| head.starts_with(magic) || text.starts_with(magic));
    if let Some((_, name)) = known {
        return (*name).to_owned();
    }
    let cut = head.len().saturating_sub(3);
    let printable = |text: &str| !text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace());
    let is_text = match std::str::from_utf8(head) {
        Ok(text) => printable(text),
        // A head may end within a character.
        Err(error) => error.valid_up_to() >= cut && error.valid_up_to() > 0 && error.error_len().is_none(),
    };
    if is_text {
        return "plain text".to_owned();
    }
    let digits: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("unknown binary data ({})", digits.join(" "))
}

/// Counts what is read of a file.
struct Counted {
    file: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(out)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
