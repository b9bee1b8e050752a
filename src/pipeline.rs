//! The line itself: the only file that sees every room. [`run`] reads top to bottom.

mod aside;
mod batch;
mod breaking;
mod calls;
mod envelopes;
mod exhibit;
mod hidden;
mod hooked;
mod ledger;
mod line;
mod ocsp;
pub mod overhear;
mod owners;
mod parts;
mod portrait;
mod public;
mod runs;
mod shape;
mod store;
mod talk;
mod told;
mod twins;
mod unmet;
mod worker;

use crate::capture::{self, EvidenceKind, OpenError, Wanted, keylog, protos};
use crate::exposure::{self, Learner, Roles};
use crate::model::budget;
use crate::model::door;
use crate::model::evidence::{Evidence, Input};
use crate::model::exposure::{Exposure, Role};
use crate::model::item::Item;
use crate::model::protos::Protos;
use crate::model::record::Standing;
use crate::model::report::ScenarioReport;
use crate::model::scenario::{App, Audience, Parties, Party, Planted, Scenario};
use crate::model::secret::Secrets;
use crate::model::sighting::Sighting;
use crate::sighting;
use crate::verdict;
use exhibit::{Exhibit, Looked};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How far a file has been read.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The file, as the scenario names it.
    pub file: &'a str,
    /// Bytes read.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Evidence that cannot be opened at all: the run cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A capture or dump.
    #[error(transparent)]
    Evidence(#[from] OpenError),
    /// A key log or key.
    #[error(transparent)]
    Keys(#[from] keylog::KeyLogError),
    /// A trace of sockets.
    #[error(transparent)]
    Sockets(#[from] capture::sockets::TraceError),
    /// A log of an app's encryption.
    #[error(transparent)]
    Hooks(#[from] capture::hooks::HooksError),
    /// A Protocol Buffers schema.
    #[error(transparent)]
    Protos(#[from] protos::ProtosError),
}

/// What to inspect without a scenario.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    /// The files, and folders of them.
    pub files: Vec<PathBuf>,
    /// Key logs and keys, for all of them.
    pub keys: Vec<PathBuf>,
    /// Protocol Buffers schemas, for all of them.
    pub protos: Vec<PathBuf>,
    /// A trace of the app's sockets, for all of them.
    pub sockets: Option<PathBuf>,
    /// A log of the app's encryption, for all of them.
    pub hooks: Option<PathBuf>,
    /// What was planted.
    pub planted: Vec<Planted>,
    /// Who is who.
    pub parties: Parties,
}

/// Judges a scenario.
pub fn run(scenario: &Scenario, progress: &mut dyn FnMut(Progress<'_>)) -> Result<ScenarioReport, RunError> {
    let matcher = sighting::Matcher::new(&scenario.planted);
    let cx = sighting::Cx::new(&scenario.planted, &matcher);
    let folder = &*scenario.folder;
    let mut exhibits = Vec::new();
    for capture in &scenario.captures {
        let keys: Vec<(String, PathBuf)> = capture.keys.iter().cloned().collect();
        let (name, path, protos) = (&*capture.name, &*capture.path, &*capture.protos);
        let (sockets, hooks) = (capture.sockets.as_ref(), capture.hooks.as_ref());
        let (wanted, roles, audience) = (Wanted::Capture, None, None);
        let paired = scenario.pairs.iter().any(|pair| pair.first == name || pair.second == name);
        exhibits.push(Exhibit { name, path, wanted, keys, sockets, hooks, protos, folder, roles, audience, paired });
    }
    // The parts of a store are alike: what the fields of one are is learned from all.
    let none = BTreeMap::new();
    let mut unread: Vec<Input> = scenario.unread.iter().map(|(name, why)| parts::left(name, why)).collect();
    let mut stores = Vec::new();
    for store in scenario.dumps.chunk_by(|a, b| a.store == b.store) {
        stores.push(parts::readable(store, &mut unread)?);
    }
    let mut learned = Vec::new();
    for store in &stores {
        let given = store.first().map_or(&none, |dump| &dump.roles);
        learned.push(learn(store.iter().map(|dump| dump.path.as_path()), Wanted::Dump, given)?);
    }
    for (dump, roles) in stores.iter().zip(&learned).flat_map(|(store, roles)| store.iter().map(move |d| (d, roles))) {
        let (name, path, keys, protos) = (&*dump.name, &*dump.path, Vec::new(), &[][..]);
        let (sockets, hooks) = (None, None);
        let (wanted, roles, audience, paired) = (Wanted::Dump, Some(roles), Some(dump.audience), false);
        exhibits.push(Exhibit { name, path, wanted, keys, sockets, hooks, protos, folder, roles, audience, paired });
    }
    let (mut evidence, exposed) = gather(&exhibits, &cx, progress)?;
    evidence.inputs.extend(unread);
    evidence.exposure = exposed.settle();
    let shut = breaking::break_open(&mut evidence, &cx, &scenario.pairs);
    hooked::open(&mut evidence, &shut, &scenario.planted);
    calls::listen_in(&mut evidence, &scenario.parties);
    let mut evidence = settle(evidence, &scenario.parties);
    runs::hold(&mut evidence, &shut, scenario);
    let claims = verdict::judge(scenario, &evidence);
    Ok(ScenarioReport {
        id: scenario.id.clone(),
        app: scenario.app.clone(),
        parties: scenario.parties.clone(),
        planted: scenario.planted.clone(),
        claims,
        ..report(evidence)
    })
}

/// Looks at evidence with the same eyes, without a scenario.
pub fn inspect(inspection: &Inspection, progress: &mut dyn FnMut(Progress<'_>)) -> Result<ScenarioReport, RunError> {
    let matcher = sighting::Matcher::new(&inspection.planted);
    let cx = sighting::Cx::new(&inspection.planted, &matcher);
    let named = |files: &[PathBuf]| files.iter().map(|file| (shown(file), file.clone())).collect::<Vec<_>>();
    let (keys, protos) = (named(&inspection.keys), named(&inspection.protos));
    let beside = |file: &Option<PathBuf>| file.as_ref().map(|file| (shown(file), file.clone()));
    let (sockets, hooks) = (beside(&inspection.sockets), beside(&inspection.hooks));
    let (mut files, mut unread, mut learned) = (Vec::new(), Vec::new(), Vec::new());
    for path in &inspection.files {
        if !path.is_dir() {
            files.push((shown(path), path.clone(), None));
            continue;
        }
        let mut folder = parts::of_folder(path, &shown)?;
        unread.append(&mut folder.unread);
        learned.push(learn(folder.store.iter().map(|(_, path)| path.as_path()), Wanted::Any, &BTreeMap::new())?);
        let roles = learned.len().checked_sub(1);
        files.extend(folder.store.into_iter().map(|(name, path)| (name, path, roles)));
        files.extend(folder.traffic.into_iter().map(|(name, path)| (name, path, None)));
    }
    // The same file twice shows nothing new.
    let mut told = BTreeSet::new();
    files.retain(|(name, ..)| told.insert(name.clone()));
    let exhibits: Vec<Exhibit<'_>> = files
        .iter()
        .map(|(name, path, roles)| Exhibit {
            name,
            path,
            wanted: Wanted::Any,
            keys: keys.clone(),
            sockets: sockets.as_ref(),
            hooks: hooks.as_ref(),
            protos: &protos,
            folder: Path::new("."),
            roles: roles.and_then(|roles| learned.get(roles)),
            audience: Some(Audience::Provider),
            paired: false,
        })
        .collect();
    let (mut evidence, exposed) = gather(&exhibits, &cx, progress)?;
    evidence.inputs.extend(unread);
    evidence.exposure = exposed.settle();
    let shut = breaking::break_open(&mut evidence, &cx, &[]);
    hooked::open(&mut evidence, &shut, &inspection.planted);
    calls::listen_in(&mut evidence, &inspection.parties);
    let evidence = settle(evidence, &inspection.parties);
    Ok(ScenarioReport {
        id: inspection.files.first().map(|file| stem(file)).unwrap_or_default(),
        app: App::default(),
        parties: inspection.parties.clone(),
        planted: inspection.planted.clone(),
        inspected: true,
        command: again(inspection),
        ..report(evidence)
    })
}

/// The words of the command that inspects the same again, and writes its report.
fn again(inspection: &Inspection) -> Vec<String> {
    let mut words = vec!["inspect".to_owned()];
    words.extend(inspection.files.iter().map(|file| argument(file)));
    let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    for keys in &inspection.keys {
        flag("keys", argument(keys));
    }
    for protos in &inspection.protos {
        flag("proto", argument(protos));
    }
    if let Some(sockets) = &inspection.sockets {
        flag("sockets", argument(sockets));
    }
    if let Some(hooks) = &inspection.hooks {
        flag("hooks", argument(hooks));
    }
    for planted in &inspection.planted {
        flag("plant", format!("{}={}", planted.data, planted.value));
    }
    for rule in &inspection.parties.provider {
        flag("provider", rule.to_string());
    }
    words
}

/// Every file, from its bytes to its evidence, and what several captures saw of one conversation joined. Secrets of all
/// files are gathered first: those of one capture may open another.
fn gather(
    exhibits: &[Exhibit<'_>],
    cx: &sighting::Cx<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(Evidence, Exposed), RunError> {
    let looked = exhibits.iter().map(exhibit::look).collect::<Result<Vec<Looked>, RunError>>()?;
    let (mut evidence, mut exposed) = (Evidence::default(), Exposed::default());
    let mut met = BTreeSet::new();
    for (index, (exhibit, looked_at)) in exhibits.iter().zip(&looked).enumerate() {
        let secrets = exhibit::secrets_for(index, &looked);
        let found = examine(exhibit, looked_at, &secrets, cx, &mut exposed, progress)?;
        met.extend(secrets.met().copied());
        evidence.secrets = secrets.len() as u64;
        evidence.merge(match exhibit.audience {
            Some(audience) => kept(found, exhibit.name, audience),
            None => found,
        });
    }
    evidence.notes.extend(exhibit::unfit(&looked, &met));
    twins::join(&mut evidence);
    Ok((evidence, exposed))
}

/// One file, from its bytes to its evidence.
fn examine(
    exhibit: &Exhibit<'_>,
    looked: &Looked,
    secrets: &Secrets,
    cx: &sighting::Cx<'_>,
    exposed: &mut Exposed,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Evidence, RunError> {
    let Exhibit { name, path, wanted, protos, folder, roles, paired, .. } = *exhibit;
    let (mut input, mut beside) = (looked.input.clone(), looked.beside.clone());
    let given = schemas(protos, folder, &mut beside)?;
    let learned = match roles {
        None if looked.kind == EvidenceKind::Store => learn([path].into_iter(), wanted, &BTreeMap::new())?,
        _ => Roles::default(),
    };
    let roles = roles.unwrap_or(&learned);
    let unmet = |field: &str| format!("the field `{field}`, whose role was given, is in no record of the sample");
    input.notes.extend(roles.unmet().map(unmet));
    let (opened, hash) = if looked.hashed {
        (capture::open(path, wanted)?, None)
    } else {
        let (opened, hash) = capture::open_hashed(path, wanted)?;
        (opened, Some(hash))
    };
    let brief = worker::Brief { capture: name, secrets, cx: *cx, roles, protos: given.as_ref(), paired };
    let (mut evidence, found) = line::follow(opened, input, &brief, progress);
    if let (Some(hash), [input]) = (hash, evidence.inputs.as_mut_slice()) {
        let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
        (input.sha256, input.bytes) = hash.finish().map_err(unreadable)?;
    }
    if looked.kind == EvidenceKind::Store
        && let Some(input) = evidence.inputs.first_mut()
    {
        let notes = parts::told(input.bare_format(), &found, roles);
        input.notes.extend(notes);
    }
    exposed.add(name, roles, found);
    owners::trace(&looked.sockets, name, &mut evidence.flows);
    if !looked.hooks.is_empty() {
        evidence.hooks.insert(name.to_owned(), looked.hooks.clone());
    }
    evidence.inputs.extend(beside);
    Ok(evidence)
}

/// The schemas that were given for a file; each is an input of its own.
fn schemas(files: &[(String, PathBuf)], folder: &Path, inputs: &mut Vec<Input>) -> Result<Option<Protos>, RunError> {
    for (name, path) in files {
        let (sha256, bytes) = capture::survey::digest(path)?;
        inputs.push(Input { name: name.clone(), format: "protos".to_owned(), sha256, bytes, ..Input::default() });
    }
    let paths: Vec<PathBuf> = files.iter().map(|(_, path)| path.clone()).collect();
    Ok(if paths.is_empty() { None } else { Some(protos::read(&paths, folder)?) })
}

/// What the fields of a store's records are, learned from the first ones of each part, and of each table in it. `fixed`:
/// roles that the auditor gave.
fn learn<'a>(
    parts: impl Iterator<Item = &'a Path>,
    wanted: Wanted,
    fixed: &BTreeMap<String, Option<Role>>,
) -> Result<Roles, RunError> {
    let mut learner = Learner::default();
    let mut desk = store::Desk::new(None);
    for path in parts {
        let mut source = capture::open(path, wanted)?.source;
        let (mut records, mut bytes) = (0_usize, 0_usize);
        let mut tables: BTreeMap<u32, usize> = BTreeMap::new();
        // Where it breaks is told when it is read for good.
        while let Ok(Some(Item::Record(record))) = source.next() {
            if record.standing != Standing::Record {
                continue;
            }
            // The tables of a dump come one after the other: none may use up the sample of the next.
            let seen = if record.kind == 0 { &mut records } else { tables.entry(record.kind).or_default() };
            let enough = *seen >= budget::LEARNED_RECORDS || bytes >= budget::LEARNED_BYTES;
            if enough && record.kind == 0 {
                break;
            }
            if !enough || *seen < budget::LEARNED_LEAST {
                *seen = seen.saturating_add(1);
                bytes = bytes.saturating_add(record.bytes.len());
                desk.learn(&record, &mut learner);
            }
        }
    }
    Ok(learner.learn(fixed))
}

/// What the dumps of a run expose, all of them together.
#[derive(Default)]
struct Exposed {
    ledger: exposure::Ledger,
    roles: BTreeMap<String, Vec<crate::model::exposure::Learned>>,
}

impl Exposed {
    fn add(&mut self, dump: &str, roles: &Roles, found: exposure::Ledger) {
        if !found.is_empty() {
            self.ledger.merge(found);
            self.roles.insert(dump.to_owned(), roles.learned().to_vec());
        }
    }

    fn settle(self) -> Option<Exposure> {
        let dumped = !self.ledger.is_empty();
        dumped.then(|| Exposure { roles: self.roles, ..self.ledger.settle() })
    }
}

/// Says who could read what a store keeps: it is the provider's, whoever else could read it.
fn kept(mut evidence: Evidence, dump: &str, audience: Audience) -> Evidence {
    let kept = |sighting: &&mut Sighting| sighting.place.flow.is_none() && sighting.place.capture == dump;
    for sighting in evidence.sightings.iter_mut().filter(kept) {
        sighting.party = Party::Provider;
        // Whoever left a note there needed no password, nor does whoever finds the door open.
        let anybody = [exposure::EXTORTION_NOTE, door::OPEN_STORE].contains(&sighting.detector);
        sighting.audiences = if anybody { vec![Audience::Public] } else { vec![audience] };
    }
    evidence
}

/// Everything in its order, with everyone's name on it.
fn settle(mut evidence: Evidence, parties: &Parties) -> Evidence {
    verdict::place_audiences(&mut evidence, parties);
    unmet::tell(&mut evidence, parties);
    ledger::fit(&mut evidence);
    evidence.settle();
    evidence
}

fn report(evidence: Evidence) -> ScenarioReport {
    let (coverage, secrets) = (verdict::coverage(&evidence), evidence.secrets);
    let mut warnings = Vec::new();
    for input in &evidence.inputs {
        if let Some(stopped) = &input.stopped {
            let stands =
                if input.format == parts::UNREAD { "nothing of it was read" } else { "what was read before stands" };
            warnings.push(format!("{}: {stopped}; {stands}", input.name));
        }
        warnings.extend(input.notes.iter().map(|note| format!("{}: {note}", input.name)));
    }
    if evidence.sightings_dropped > 0 {
        let dropped = evidence.sightings_dropped;
        warnings.push(if evidence.exposure.is_some() {
            format!(
                "at least {dropped} more sightings were met and not listed: in dumps, the first of what is found by rule stand \
                 for the rest, which is counted as exposure"
            )
        } else {
            format!("{dropped} more sightings were counted and not listed")
        });
    }
    if evidence.evicted > 0 {
        warnings.push(format!("{} conversations were closed early: too many were open at once", evidence.evicted));
    }
    warnings.extend(evidence.notes);
    ScenarioReport {
        sightings: evidence.sightings,
        weaknesses: evidence.weaknesses,
        pairs: evidence.pairs,
        flows: evidence.flows,
        coverage,
        secrets,
        exposure: evidence.exposure,
        inputs: evidence.inputs,
        warnings,
        ..ScenarioReport::default()
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A path as an argument: none is taken for a flag.
fn argument(path: &Path) -> String {
    let shown = shown(path);
    if shown.starts_with('-') { format!("./{shown}") } else { shown }
}

fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.split('.').next().filter(|stem| !stem.is_empty()).map_or(name.clone(), str::to_owned)
}
