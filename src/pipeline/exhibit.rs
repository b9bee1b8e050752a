//! One file of evidence, and what the first look at it tells: its format, its digest, and the secrets beside and in it.

use crate::capture::{self, EvidenceKind, Wanted, keylog};
use crate::exposure::Roles;
use crate::model::evidence::{Input, KeyFile};
use crate::model::hook::Hook;
use crate::model::scenario::Audience;
use crate::model::secret::Secrets;
use crate::model::socket::Socket;
use crate::pipeline::RunError;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One file of evidence.
pub(super) struct Exhibit<'a> {
    /// As reports name it.
    pub(super) name: &'a str,
    pub(super) path: &'a Path,
    /// What it is given as.
    pub(super) wanted: Wanted,
    /// Key logs and keys, as written and where they are.
    pub(super) keys: Vec<(String, PathBuf)>,
    /// A trace of the app's sockets, as written and where it is.
    pub(super) sockets: Option<&'a (String, PathBuf)>,
    /// A log of the app's own encryption, as written and where it is.
    pub(super) hooks: Option<&'a (String, PathBuf)>,
    /// Protocol Buffers schemas, as written and where they are; and where their imports may be.
    pub(super) protos: &'a [(String, PathBuf)],
    pub(super) folder: &'a Path,
    /// What the fields of a dump's records are, where that is known already.
    pub(super) roles: Option<&'a Roles>,
    /// Who could read it, if it turns out to be a store.
    pub(super) audience: Option<Audience>,
    /// A pair names it: its messages are held against those of other runs.
    pub(super) paired: bool,
}

/// What the first look at a file tells.
pub(super) struct Looked {
    pub(super) kind: EvidenceKind,
    /// Its digest is known; if not, it is taken when the file is read for good.
    pub(super) hashed: bool,
    pub(super) input: Input,
    /// Files beside it.
    pub(super) beside: Vec<Input>,
    /// Its own secrets: those beside it and those in it.
    pub(super) secrets: Secrets,
    /// Those beside it, file by file.
    pub(super) logs: Vec<(String, Secrets)>,
    /// Who opened its connections.
    pub(super) sockets: Vec<Socket>,
    /// What it was seen to encrypt.
    pub(super) hooks: Vec<Hook>,
}

/// Looks at a file before any of it is judged: secrets may stand behind what they open.
pub(super) fn look(exhibit: &Exhibit<'_>) -> Result<Looked, RunError> {
    let survey = capture::survey(exhibit.path, exhibit.wanted)?;
    let mut input = Input {
        name: exhibit.name.to_owned(),
        format: survey.format,
        sha256: survey.sha256.clone().unwrap_or_default(),
        bytes: survey.bytes,
        notes: survey.problems,
        ..Input::default()
    };
    let mut secrets = survey.secrets;
    let (mut beside, mut logs) = (Vec::new(), Vec::new());
    for (keys, path) in exhibit.keys.iter().filter(|_| survey.kind == EvidenceKind::Traffic) {
        let log = keylog::read(path)?;
        input
            .notes
            .extend(log.problems.iter().map(|problem| format!("{keys}, line {}: {}", problem.line, problem.why)));
        secrets.extend(log.secrets.clone());
        input.keys.push(KeyFile {
            name: keys.clone(),
            tls: log.secrets.has_sessions(),
            rsa: log.secrets.rsa().next().is_some(),
            wireguard: log.secrets.wireguard().next().is_some(),
        });
        logs.push((keys.clone(), log.secrets));
        let (sha256, bytes) = capture::survey::digest(path)?;
        beside.push(Input { name: keys.clone(), format: "keys".to_owned(), sha256, bytes, ..Input::default() });
    }
    input.secrets = secrets.len() as u64;
    let mut sockets = Vec::new();
    if let Some((name, path)) = exhibit.sockets {
        let trace = capture::sockets::read(path)?;
        input.notes.extend(trace.problems.iter().map(|problem| format!("{name}: {problem}")));
        sockets = trace.sockets;
        let (sha256, bytes) = capture::survey::digest(path)?;
        let format = "sockets".to_owned();
        beside.push(Input { name: name.clone(), format, sha256, bytes, ..Input::default() });
    }
    let mut hooks = Vec::new();
    if let Some((name, path)) = exhibit.hooks {
        let log = capture::hooks::read(path)?;
        input.notes.extend(log.problems.iter().map(|problem| format!("{name}: {problem}")));
        hooks = log.hooks;
        let (sha256, bytes) = capture::survey::digest(path)?;
        beside.push(Input { name: name.clone(), format: "hooks".to_owned(), sha256, bytes, ..Input::default() });
    }
    let hashed = survey.sha256.is_some();
    Ok(Looked { kind: survey.kind, hashed, input, beside, secrets, logs, sockets, hooks })
}

/// The secrets that may open one of the files: its own before those of the others, which come in the order of the files'
/// names, so that the order in which files are given changes nothing.
pub(super) fn secrets_for(index: usize, all: &[Looked]) -> Secrets {
    let own = all.get(index).map(|looked| looked.secrets.clone()).unwrap_or_default();
    let mut others: Vec<&Looked> = all
        .iter()
        .enumerate()
        .filter(|(other, looked)| *other != index && !looked.secrets.is_empty())
        .map(|(_, l)| l)
        .collect();
    others.sort_by(|a, b| a.input.name.cmp(&b.input.name));
    others.into_iter().fold(own, |mut secrets, looked| {
        secrets.extend(looked.secrets.clone());
        secrets
    })
}

/// Key logs that hold nothing for any handshake that was met, in words.
pub(super) fn unfit(all: &[Looked], met: &BTreeSet<[u8; 32]>) -> Vec<String> {
    let logs: BTreeMap<&str, &Secrets> =
        all.iter().flat_map(|looked| &looked.logs).map(|(name, secrets)| (name.as_str(), secrets)).collect();
    (logs.into_iter())
        .filter(|(_, secrets)| secrets.fits_none(met))
        .map(|(name, secrets)| match secrets.len() {
            1 => format!("{name}: its one secret fits no handshake of the evidence"),
            many => format!("{name}: none of its {many} secrets fits a handshake of the evidence"),
        })
        .collect()
}
