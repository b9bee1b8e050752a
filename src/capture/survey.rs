//! The first pass over a file: its digest, its format and the secrets in it, before any packet is judged. Secrets may
//! stand after the packets that they open.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::open::{OpenError, Wanted, recognise, regular};
use super::{Carried, EvidenceKind};
use crate::model::secret::Secrets;
use ring::digest;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What the first pass learns of a file.
#[derive(Debug)]
pub struct Survey {
    /// SHA-256 of the file as it is on disk, in hexadecimal; `None` where nothing in it is needed beforehand: such a file
    /// is hashed when it is read for good ([`open_hashed`](super::open_hashed)).
    pub sha256: Option<String>,
    /// Its size on disk, in bytes.
    pub bytes: u64,
    /// Its format: registry name, with `.gz` or `.zst` when it is wrapped.
    pub format: String,
    /// What it is evidence of.
    pub kind: EvidenceKind,
    /// Secrets it carries.
    pub secrets: Secrets,
    /// What is wrong with them, one sentence each.
    pub problems: Vec<String>,
}

/// Reads a file once; one without secrets only as far as it takes to know what it is.
pub fn survey(path: &Path, wanted: Wanted) -> Result<Survey, OpenError> {
    let file = Hashed::new(regular(path)?);
    let (format, window, suffix) = recognise(Box::new(file.clone()), path, wanted)?;
    let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
    let (kind, name) = (format.kind, format!("{}{suffix}", format.name));
    let (carried, sha256, bytes) = if kind == EvidenceKind::Store && format.secrets.is_none() {
        (Carried::default(), None, std::fs::metadata(path).map_err(unreadable)?.len())
    } else {
        let carried = format.secrets.map(|secrets| secrets(window)).unwrap_or_default();
        let (sha256, bytes) = file.finish().map_err(unreadable)?;
        (carried, Some(sha256), bytes)
    };
    Ok(Survey { sha256, bytes, format: name, kind, secrets: carried.secrets, problems: carried.problems })
}

/// SHA-256 of a file as it is on disk, in hexadecimal, and its size: for inputs that are no evidence.
pub fn digest(path: &Path) -> Result<(String, u64), OpenError> {
    let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
    Hashed::new(regular(path)?).finish().map_err(unreadable)
}

/// A file that is hashed while it is read, by whoever reads it.
#[derive(Clone)]
pub struct Hashed(Arc<Mutex<Inner>>);

struct Inner {
    file: File,
    hash: digest::Context,
    bytes: u64,
}

impl Hashed {
    pub(super) fn new(file: File) -> Self {
        Self(Arc::new(Mutex::new(Inner { file, hash: digest::Context::new(&digest::SHA256), bytes: 0 })))
    }

    /// Reads what nobody has read, and tells digest and size.
    pub fn finish(mut self) -> io::Result<(String, u64)> {
        let mut rest = vec![0; 1 << 20];
        loop {
            match self.read(&mut rest) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = inner.hash.clone().finish();
        Ok((data_encoding::HEXLOWER.encode(digest.as_ref()), inner.bytes))
    }
}

impl Read for Hashed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = inner.file.read(out)?;
        inner.hash.update(out.get(..read).unwrap_or_default());
        inner.bytes = inner.bytes.saturating_add(read as u64);
        Ok(read)
    }
}
