//! Reads scenario files.

use crate::model::door::Service;
use crate::model::exposure::Role;
use crate::model::scenario::{
    App, Audience, CaptureRef, Claim, DumpRef, HostRule, Pair, Parties, Planted, Scenario, StoreRef,
};
use crate::model::taxonomy::Data;
use crate::scenario::check;
use crate::scenario::listing::{Listing, listing};
use crate::scenario::problem::{Problem, Problems, Source, Warning, nearest, position};
use crate::scenario::section::{At, Reader, Section};
use crate::scenario::shape::{FORGED, SCENARIO};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// What a scenario folder's file is called.
pub const FILE_NAME: &str = "scenario.toml";

/// Bytes a scenario file may have: it names captures, it holds none.
const FILE_BYTES: u64 = 4 << 20;

/// Syntax errors told at once; one mistake often makes several.
const SYNTAX_ERRORS: usize = 5;

/// What lies at a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Look {
    /// A file.
    File,
    /// A folder, with what lies in it.
    Folder(Listing),
    /// Nothing that can be seen; with the names of what lies beside it.
    Missing(Vec<String>),
}

/// Reads the scenario at `path`, a folder with a `scenario.toml` or the file itself. `promises` are the names in the
/// registry.
pub fn load(path: &Path, promises: &[&str]) -> Result<(Scenario, Vec<Warning>), Problems> {
    let file = if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() };
    let folder = match file.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new(".").to_owned(),
        Some(parent) => parent.to_owned(),
        None => Path::new(".").to_owned(),
    };
    let shown = file.display().to_string();
    let fail = |text: &str, make: &dyn Fn(&Source) -> Problem| {
        let source = Source { file: shown.as_str().into(), text: text.into() };
        Problems::new(vec![make(&source)])
    };
    let bytes = slurp(&file).map_err(|why| {
        fail("", &|source| {
            let problem = Problem::whole(source, format!("cannot read {shown}: {why}"));
            if path.is_dir() {
                problem.help(format!("a scenario is a folder with a {FILE_NAME}; `plainsight new NAME` makes one"))
            } else {
                problem
            }
        })
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let lossy = String::from_utf8_lossy(error.as_bytes()).into_owned();
        fail(&lossy, &|source| Problem::at(source, good..good, "this is not UTF-8 text"))
    })?;
    read(&text, &shown, &folder, promises, &look)
}

fn slurp(file: &Path) -> Result<Vec<u8>, String> {
    let tell = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        _ => error.to_string(),
    };
    let open = std::fs::File::open(file).map_err(tell)?;
    let mut bytes = Vec::new();
    open.take(FILE_BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(tell)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err("it is far too large for a scenario file (captures are named in it)".to_owned());
    }
    Ok(bytes)
}

fn look(path: &Path) -> Look {
    if path.is_dir() {
        return Look::Folder(listing(path));
    }
    if path.exists() {
        return Look::File;
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = std::fs::read_dir(parent).into_iter().flatten().take(10_000).filter_map(Result::ok);
    let mut names: Vec<String> = beside.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Look::Missing(names)
}

/// Reads a scenario from its text. `file` is how problems call it, `folder` is where its paths start, `look` tells what
/// lies at a path.
pub fn read(
    text: &str,
    file: &str,
    folder: &Path,
    promises: &[&str],
    look: &dyn Fn(&Path) -> Look,
) -> Result<(Scenario, Vec<Warning>), Problems> {
    let source = Source { file: file.into(), text: text.into() };
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let problem = |error: &toml::de::Error| {
            let message = error.message().lines().next().unwrap_or("this is not TOML").to_owned();
            match error.span() {
                Some(span) => Problem::at(&source, span, message),
                None => Problem::whole(&source, message),
            }
        };
        return Err(Problems::new(errors.iter().take(SYNTAX_ERRORS).map(problem).collect()));
    }
    let mut reader = Reader { source: &source, promises, problems: Vec::new() };
    let root = reader.table(document.get_ref(), 0..0, SCENARIO, "the file");
    let mut builder = Builder { reader, warnings: Vec::new(), folder, look };
    let scenario = builder.scenario(&root);
    let Builder { reader, mut warnings, .. } = builder;
    if !reader.problems.is_empty() {
        return Err(Problems::new(reader.problems));
    }
    warnings.sort_by_key(|warning| warning.problem().position());
    Ok((scenario, warnings))
}

/// What the folder is called.
fn folder_name(folder: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    name(folder)
        .or_else(|| folder.canonicalize().ok().as_deref().and_then(name))
        .unwrap_or_else(|| "scenario".to_owned())
}

pub(super) struct Builder<'a> {
    pub(super) reader: Reader<'a>,
    warnings: Vec<Warning>,
    folder: &'a Path,
    look: &'a dyn Fn(&Path) -> Look,
}

impl Builder<'_> {
    pub(super) fn problem(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        Problem::at(self.reader.source, span, message)
    }

    pub(super) fn warn(&mut self, problem: Problem) {
        self.warnings.push(Warning(problem));
    }

    fn scenario(&mut self, root: &Section<'_, '_>) -> Scenario {
        let app = root.section("app").map(|app| App {
            name: app.string("name").unwrap_or_default(),
            version: app.string("version"),
            platform: app.string("platform"),
        });
        let parties = root.section("parties").map(|parties| self.parties(&parties)).unwrap_or_default();
        let planted_at = root.sections("planted");
        let planted = self.planted(&planted_at);
        let claims_at = root.sections("claim");
        let claims = self.claims(&claims_at);
        let captures = self.captures(&root.sections("capture"));
        let (mut dumps, unread) = self.dumps(&root.sections("dump"));
        let stores = self.stores(&root.sections("store"), &mut dumps);
        let pairs = self.pairs(&root.sections("pair"), &captures, &planted);
        if ["capture", "dump", "store"].iter().all(|key| root.sections(key).is_empty()) {
            let end = self.reader.source.text.trim_end().len();
            let problem =
                self.problem(end..end, "there is no evidence: no `[[capture]]`, no `[[dump]]` and no `[[store]]`");
            self.reader.push(problem.help("add [[capture]] with path = \"capture.pcapng\""));
        }
        if claims_at.is_empty() && root.text("claim").is_none() && !self.reader.problems.iter().any(is_missing_claim) {
            let end = self.reader.source.text.trim_end().len();
            let problem = self.problem(end..end, "there is no `[[claim]]`: nothing to judge");
            self.reader.push(problem);
        }
        self.cross(&planted, &planted_at, &claims, &claims_at);
        Scenario {
            id: folder_name(self.folder),
            folder: self.folder.to_owned(),
            app: app.unwrap_or_default(),
            parties,
            planted,
            claims,
            captures,
            dumps,
            stores,
            unread,
            pairs,
        }
    }

    fn parties(&mut self, parties: &Section<'_, '_>) -> Parties {
        let rules = |texts: Vec<At<&str>>| -> Vec<At<HostRule>> {
            texts.into_iter().filter_map(|(text, span)| Some((HostRule::parse(text)?, span))).collect()
        };
        let provider = rules(parties.texts("provider"));
        let third = parties.named_texts("third").into_iter().map(|(name, hosts)| (name.to_owned(), rules(hosts)));
        let third: Vec<_> = third.collect();
        for (rule, span) in &provider {
            if let Some(why) = rule.too_wide() {
                let written = self.reader.source.text.get(span.clone()).unwrap_or_default().to_owned();
                let problem = self.problem(span.clone(), format!("{written} {why}"));
                self.warn(problem.help("list the hosts themselves, as \"chatterly.example\""));
            }
        }
        // A host is one party's: which of two lists decides must not hang on which is asked first.
        let mut seen: BTreeMap<&HostRule, (&str, Range<usize>)> = BTreeMap::new();
        let named = third.iter().map(|(name, hosts)| (name.as_str(), hosts));
        for (name, hosts) in [("provider", &provider)].into_iter().chain(named) {
            for rule in hosts {
                match seen.get(&rule.0) {
                    Some((other, _)) if *other == name => {}
                    Some((other, first)) => {
                        let message = format!("`{name}` and `{other}` have the same host");
                        let problem = self.problem(rule.1.clone(), message).related(first.clone(), "first here");
                        self.reader.push(problem.help("a host is one party's: take it out of one of the lists"));
                    }
                    None => drop(seen.insert(&rule.0, (name, rule.1.clone()))),
                }
            }
        }
        let bare = |rules: Vec<At<HostRule>>| rules.into_iter().map(|(rule, _)| rule).collect::<Vec<_>>();
        let provider = bare(provider);
        let third: Vec<_> = third.into_iter().map(|(name, rules)| (name, bare(rules))).collect();
        if provider.is_empty() && self.reader.problems.is_empty() {
            let problem = self.problem(parties.span.clone(), "no host is the provider's");
            self.warn(problem.help("every server will count as a third party's"));
        }
        Parties { provider, third }
    }

    /// Ids must be unique in their list.
    pub(super) fn unique(&mut self, sections: &[Section<'_, '_>], key: &'static str, what: &str) {
        let mut seen: BTreeMap<&str, Range<usize>> = BTreeMap::new();
        for section in sections {
            let Some((id, span)) = section.text(key) else { continue };
            match seen.get(id) {
                Some(first) => {
                    let (line, _) = position(&self.reader.source.text, first.start);
                    let problem = self.problem(span, format!("duplicate {what} `{id}`")).label("and again here");
                    let problem = problem.related(first.clone(), "first used here");
                    self.reader.push(problem.help(format!("it is used on line {line} already: choose another")));
                }
                None => drop(seen.insert(id, span)),
            }
        }
    }

    fn planted(&mut self, sections: &[Section<'_, '_>]) -> Vec<Planted> {
        self.unique(sections, "id", "planted id");
        let mut planted: Vec<Planted> = Vec::new();
        for section in sections {
            let (Some(id), Some((data, _)), Some((value, span))) =
                (section.string("id"), section.text("data"), section.text("value"))
            else {
                continue;
            };
            let Some(data) = Data::from_name(data) else { continue };
            if !value.trim().is_empty()
                && let Err(refusal) = check::planted(data, value)
            {
                let problem = self.problem(span.clone(), format!("`{id}`: {}", refusal.message));
                self.reader.push(match refusal.help {
                    Some(help) => problem.help(help),
                    None => problem,
                });
            }
            if let Some(twin) = planted.iter().find(|twin| twin.value == value && twin.data == data) {
                let problem = self.problem(span, format!("`{id}` has the same value as `{}`", twin.id));
                self.warn(problem.help("sightings cannot be told apart: plant a value of its own, unless it was sent twice to see whether its ciphertext comes again"));
            }
            planted.push(Planted { id, data, value: value.to_owned() });
        }
        planted
    }

    /// Where a path leads, if to a file.
    fn evidence(&mut self, section: &Section<'_, '_>, key: &'static str, what: &str) -> Option<(String, PathBuf)> {
        let (name, span) = section.text(key)?;
        self.file(name, span, what)
    }

    /// Where a name leads, if to a file.
    fn file(&mut self, name: &str, span: Range<usize>, what: &str) -> Option<(String, PathBuf)> {
        if name.trim().is_empty() {
            return None;
        }
        let path = self.folder.join(name);
        let problem = match (self.look)(&path) {
            Look::File => return Some((name.to_owned(), path)),
            Look::Folder(_) => self.problem(span, format!("the {what} `{name}` is a folder, not a file")),
            Look::Missing(beside) => {
                let beside: Vec<&str> = beside.iter().map(String::as_str).filter(|name| *name != FILE_NAME).collect();
                let file = Path::new(name).file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let problem = self.problem(span, format!("the {what} `{name}` does not exist"));
                let suggestion = nearest(file, &beside).map(|near| Path::new(name).with_file_name(near));
                match suggestion {
                    Some(near) => problem.did_you_mean(near.to_str()),
                    None => problem.help(format!("paths are relative to {}", self.folder.display())),
                }
            }
        };
        self.reader.push(problem);
        None
    }

    fn captures(&mut self, sections: &[Section<'_, '_>]) -> Vec<CaptureRef> {
        self.unique(sections, "path", "capture");
        let mut captures = Vec::new();
        for section in sections {
            let capture = self.evidence(section, "path", "capture");
            let keys = self.evidence(section, "keys", "key file");
            let sockets = self.evidence(section, "sockets", "trace of sockets");
            let hooks = self.evidence(section, "hooks", "log of hooks");
            let protos = section.texts("protos").into_iter();
            let protos = protos.filter_map(|(name, span)| self.file(name, span, "schema")).collect();
            if let Some((name, path)) = capture {
                let forged = section.text("certificate").is_some_and(|(name, _)| name == FORGED);
                captures.push(CaptureRef { name, path, keys, sockets, hooks, protos, forged });
            }
        }
        captures
    }

    /// Dumps, and what of them cannot be read.
    fn dumps(&mut self, sections: &[Section<'_, '_>]) -> (Vec<DumpRef>, Vec<(String, String)>) {
        self.unique(sections, "path", "dump");
        let (mut dumps, mut unread) = (Vec::new(), Vec::new());
        for (store, section) in sections.iter().enumerate() {
            let audience = section.text("audience").map_or(Some(Audience::Provider), |(name, _)| {
                Audience::ALL.into_iter().find(|audience| audience.name() == name)
            });
            let roles = section.named_text("roles").into_iter();
            let roles: BTreeMap<String, Option<Role>> =
                roles.map(|(field, role)| (field.to_owned(), Role::from_name(role))).collect();
            let Some(audience) = audience else { continue };
            for (name, path) in self.parts(section, &mut unread) {
                dumps.push(DumpRef { name, path, audience, store, roles: roles.clone() });
            }
        }
        (dumps, unread)
    }

    /// Stores that may be knocked at; what they answered before is evidence like a dump, of what anybody can read.
    fn stores(&mut self, sections: &[Section<'_, '_>], dumps: &mut Vec<DumpRef>) -> Vec<StoreRef> {
        let mut stores = Vec::new();
        for section in sections {
            let service = section.text("service").and_then(|(name, _)| Service::from_name(name));
            let Some(host) = section.string("host") else { continue };
            let strange = |c: char| c.is_whitespace() || c.is_control() || "/@?#".contains(c);
            if let Some((written, span)) = section.text("host").filter(|(host, _)| host.contains(strange)) {
                let problem = self.problem(span, format!("`{written}` is no host"));
                self.reader.push(problem.help("write a name or an address; the port goes into `port`"));
            }
            stores.push(StoreRef { host, port: section.port("port"), service, tls: section.flag("tls") });
            if let Some((name, path)) = self.evidence(section, "answers", "file of answers")
                && !dumps.iter().any(|dump| dump.path == path)
            {
                let store = dumps.last().map_or(0, |last| last.store.saturating_add(1));
                dumps.push(DumpRef { name, path, audience: Audience::Public, store, roles: BTreeMap::new() });
            }
        }
        stores
    }

    /// The files of a store: the one that its path names, those of a folder, or those that fit a pattern, in order; of
    /// folders those below them, too. `unread` gets what is no file that can be read.
    fn parts(&mut self, section: &Section<'_, '_>, unread: &mut Vec<(String, String)>) -> Vec<(String, PathBuf)> {
        let Some((written, span)) = section.text("path") else { return Vec::new() };
        let path = Path::new(written);
        let last = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (folder, pattern) = match (self.look)(&self.folder.join(path)) {
            Look::Folder(_) => (path, "*"),
            Look::Missing(_) if last.contains(['*', '?']) => (path.parent().unwrap_or(Path::new("")), last),
            Look::File | Look::Missing(_) => return self.evidence(section, "path", "dump").into_iter().collect(),
        };
        let Listing { files, left } = match (self.look)(&self.folder.join(folder)) {
            Look::Folder(listing) => listing,
            Look::File | Look::Missing(_) => Listing::default(),
        };
        let fitting = |path: &Path| {
            let first = path.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned());
            first.is_none_or(|first| fits(pattern, &first))
        };
        let shown = |path: &Path| folder.join(path).to_string_lossy().into_owned();
        let found: Vec<(String, PathBuf)> = (files.iter().filter(|path| fitting(path)))
            .filter(|path| path.as_os_str() != FILE_NAME)
            .map(|path| (shown(path), self.folder.join(folder).join(path)))
            .collect();
        unread.extend(left.into_iter().filter(|(path, _)| fitting(path)).map(|(path, why)| (shown(&path), why)));
        if found.is_empty() {
            let problem = self.problem(span, format!("no file is in `{written}`"));
            self.reader.push(
                problem.help(
                    "a folder stands for the files in it and in the folders below, a pattern for those that fit it",
                ),
            );
        }
        found
    }

    /// Pairs name captures and planted values of the same file.
    fn pairs(&mut self, sections: &[Section<'_, '_>], captures: &[CaptureRef], planted: &[Planted]) -> Vec<Pair> {
        let paths: Vec<&str> = captures.iter().map(|capture| capture.name.as_str()).collect();
        let ids: Vec<&str> = planted.iter().map(|planted| planted.id.as_str()).collect();
        let mut pairs = Vec::new();
        for section in sections {
            let mut named = |key: &str, known: &[&str], what: &str| {
                let (name, span) = section.text(key)?;
                if known.contains(&name) {
                    return Some(name.to_owned());
                }
                let problem = self.problem(span, format!("no {what} is called `{name}`"));
                let problem = match nearest(name, known) {
                    Some(meant) => problem.did_you_mean(Some(meant)),
                    None => problem.help(format!("known: {}", known.join(", "))),
                };
                self.reader.push(problem);
                None
            };
            let first = named("first", &paths, "capture");
            let second = named("second", &paths, "capture");
            let sent = (named("first_sent", &ids, "planted value"), named("second_sent", &ids, "planted value"));
            if let (Some(first), Some(second), (Some(one), Some(other))) = (first, second, sent) {
                if first == second {
                    let problem = self.problem(section.span.clone(), "a pair is of two captures, and this is one");
                    self.reader.push(problem);
                    continue;
                }
                pairs.push(Pair { first, second, planted: (one, other) });
            }
        }
        pairs
    }

    /// What claims and planted values say of each other.
    fn cross(
        &mut self,
        planted: &[Planted],
        planted_at: &[Section<'_, '_>],
        claims: &[Claim],
        claims_at: &[Section<'_, '_>],
    ) {
        if !self.reader.problems.is_empty() {
            return;
        }
        for (planted, at) in planted.iter().zip(planted_at) {
            let used = claims.iter().any(|claim| claim.data.iter().any(|data| data.covers(planted.data)));
            if !used {
                let message = format!("no claim is about `{}` ({})", planted.id, planted.data);
                let problem = self.problem(at.span.clone(), message);
                self.warn(problem.help("it is looked for and shown, and decides nothing"));
            }
        }
        for (claim, at) in claims.iter().zip(claims_at) {
            for (name, span) in at.texts("data") {
                let Some(data) = Data::from_name(name) else { continue };
                if data.can_be_planted() && !planted.iter().any(|planted| data.covers(planted.data)) {
                    let message = format!("claim `{}` is about {data}, and nothing of that is planted", claim.id);
                    let problem = self.problem(span, message);
                    self.warn(problem.help("without a planted value the verdict on it stays inconclusive"));
                }
            }
        }
    }
}

fn is_missing_claim(problem: &Problem) -> bool {
    problem.message() == "`[[claim]]` is missing"
}

/// Whether a name fits a pattern: `*` stands for any characters, `?` for one.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last star stands, and where what it stands for may end: only the last one needs to be tried again.
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = name.get(n) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(want) if *want == '?' || want == c => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((at, end)) = star else { return false };
                star = Some((at, end + 1));
                (p, n) = (at + 1, end + 1);
            }
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}
