//! Recorded sessions of independent implementations (`tests/fixtures/peers`, made by `crates/traffic/peers/record.py`)
//! show what their `.toml` states: whole, cut up and reordered, and they survive every cut.

use plainsight::capture::{self, Wanted};
use plainsight::model::item::Item;
use plainsight::model::report::ScenarioReport;
use plainsight::model::scenario::{Parties, Planted};
use plainsight::model::taxonomy::Data;
use plainsight::pipeline::overhear::{Overheard, overhear};
use plainsight::pipeline::{self, Inspection};
use plainsight_traffic::edit;
use plainsight_traffic::file::PcapNg;
use plainsight_traffic::packet::Packet;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a recording must show.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stated {
    /// What happens in it.
    pub(crate) about: String,
    /// Whose client and whose server, with versions.
    pub(crate) peers: String,
    /// The recording's file name, where it is no pcapng.
    file: Option<String>,
    /// What recorded it, where that has another name than the recording.
    generator: Option<String>,
    /// Registry names that flows of it must have.
    #[serde(default)]
    pub(crate) protocols: Vec<String>,
    /// Other registry names that it proves: evidence formats and body formats.
    #[serde(default)]
    pub(crate) proves: Vec<String>,
    /// Its secrets open application data.
    #[serde(default)]
    decrypted: bool,
    /// Names of facts that some flow must state, or `name=value`.
    #[serde(default)]
    facts: Vec<String>,
    /// Datagrams put out of order change what can be read: the reordering law does not hold.
    #[serde(default)]
    ordered: bool,
    /// What must be seen.
    #[serde(default)]
    shows: Vec<Shown>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    /// Its kind.
    data: String,
    /// What was sent.
    value: String,
    /// What the trail of a sighting of it must hold.
    trail: String,
    /// At least so many sightings of it have that in their trail.
    #[serde(default = "one")]
    count: usize,
}

const fn one() -> usize {
    1
}

pub(crate) struct Session {
    pub(crate) name: String,
    path: PathBuf,
    keys: Vec<PathBuf>,
    protos: Vec<PathBuf>,
    pub(crate) stated: Stated,
}

impl Session {
    /// It has packets that can be cut and reordered.
    fn has_packets(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "pcapng")
    }
}

pub(crate) fn sessions() -> Vec<Session> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peers");
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    found.sort();
    let session = |toml: &PathBuf| {
        let stated: Stated =
            toml::from_str(&fs::read_to_string(toml).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", toml.display()));
        let keys = toml.with_extension("keys");
        Session {
            name: toml.file_stem().unwrap().to_string_lossy().into_owned(),
            path: match &stated.file {
                Some(file) => toml.with_file_name(file),
                None => toml.with_extension("pcapng"),
            },
            protos: Some(toml.with_extension("proto")).into_iter().filter(|path| path.is_file()).collect(),
            keys: if keys.is_file() { vec![keys] } else { Vec::new() },
            stated,
        }
    };
    found.iter().map(session).collect()
}

fn inspect(session: &Session, path: &Path) -> ScenarioReport {
    let planted = session.stated.shows.iter().enumerate().map(|(index, shown)| Planted {
        id: index.to_string(),
        data: *Data::ALL.iter().find(|data| data.name() == shown.data).unwrap(),
        value: shown.value.clone(),
    });
    let inspection = Inspection {
        files: vec![path.to_owned()],
        keys: session.keys.clone(),
        protos: session.protos.clone(),
        planted: planted.collect(),
        parties: Parties::default(),
        ..Inspection::default()
    };
    pipeline::inspect(&inspection, &mut |_| {}).unwrap_or_else(|error| panic!("{}: {error}", session.name))
}

/// The packets of a recording, without their Ethernet headers.
pub(crate) fn packets(path: &Path) -> Vec<Packet> {
    let mut opened = capture::open(path, Wanted::Capture).unwrap();
    let mut packets = Vec::new();
    while let Some(item) = opened.source.next().unwrap() {
        if let Item::Frame(frame) = item {
            packets.push(Packet::new(frame.at.0, frame.bytes[14..].to_vec()));
        }
    }
    packets
}

/// The same session in another file.
fn inspect_packets(session: &Session, packets: &[Packet]) -> ScenarioReport {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edited.pcapng");
    fs::write(&path, PcapNg::new().write(packets)).unwrap();
    inspect(session, &path)
}

/// What was seen of what was stated, apart from where in the file.
fn seen(report: &ScenarioReport) -> BTreeSet<(String, String)> {
    let planted = report.sightings.iter().filter_map(|s| Some((s.planted.clone()?, s.place.trail.join(" > "))));
    planted.collect()
}

/// Something of that registry name was met in the recording.
fn occurs(name: &str, session: &Session, report: &ScenarioReport) -> bool {
    // `tls1.3` is a step of `tls`, `json $.text` one of `json`, `header cookie sid` one of `cookie`.
    let bare =
        |word: &str| word.strip_prefix(name).is_some_and(|rest| rest.chars().all(|c| c == '.' || c.is_ascii_digit()));
    let fact = format!("{name}.");
    let opened = capture::open(&session.path, Wanted::Capture);
    let format = opened.is_ok_and(|opened| opened.format.split('.').next() == Some(name));
    let mut spoke = false;
    let mut hear = |heard: Overheard<'_>| {
        if let Overheard::Message(message) = heard {
            spoke |= message.protocol == name;
        }
    };
    let met = format
        || report.flows.iter().any(|flow| flow.protocol == name)
        || report.flows.iter().flat_map(|flow| &flow.facts).any(|stated| stated.name.starts_with(&fact))
        || report.sightings.iter().flat_map(|s| &s.place.trail).any(|step| step.split(' ').any(bare));
    met || (overhear(&session.path, &session.keys, &mut hear).is_ok() && spoke)
}

#[test]
fn every_recording_shows_what_it_states() {
    let sessions = sessions();
    let mut wrong = Vec::new();
    for session in &sessions {
        let report = inspect(session, &session.path);
        let protocols: BTreeSet<&str> = report.flows.iter().map(|flow| flow.protocol).collect();
        for protocol in &session.stated.protocols {
            if !protocols.contains(protocol.as_str()) {
                wrong.push(format!("{}: no flow is {protocol}: {protocols:?}", session.name));
            }
        }
        wrong.extend(session.stated.proves.iter().filter(|name| !occurs(name, session, &report)).map(|name| {
            format!("{}: {name} is proven by nothing: no flow, no trail and no fact has it", session.name)
        }));
        if report.flows.iter().any(|flow| flow.decrypted) != session.stated.decrypted {
            wrong.push(format!("{}: decrypted is not as stated", session.name));
        }
        let facts: BTreeSet<String> = report
            .flows
            .iter()
            .flat_map(|flow| &flow.facts)
            .flat_map(|fact| [fact.name.to_owned(), format!("{}={}", fact.name, fact.value)])
            .collect();
        for fact in &session.stated.facts {
            if !facts.contains(fact) {
                wrong.push(format!("{}: no flow states {fact}: {facts:#?}", session.name));
            }
        }
        for (index, shown) in session.stated.shows.iter().enumerate() {
            let id = index.to_string();
            let of = report.sightings.iter().filter(|s| s.planted.as_deref() == Some(&id));
            let trails: Vec<String> = of.map(|s| s.place.trail.join(" > ")).collect();
            if trails.iter().filter(|trail| trail.contains(&shown.trail)).count() < shown.count {
                let Shown { value, trail, count, .. } = shown;
                wrong.push(format!("{}: {value:?} not {count} times by {trail:?}: {trails:#?}", session.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn recordings_read_the_same_however_their_segments_are_cut() {
    for session in sessions().into_iter().filter(Session::has_packets) {
        let packets = packets(&session.path);
        let before = seen(&inspect_packets(&session, &packets));
        let mut edits = vec![
            ("tiny segments", edit::split(&packets, 11)),
            ("random segments", edit::split_randomly(&packets, 7)),
            ("duplicated", edit::retransmit_overlapping(&packets, 7)),
        ];
        if !session.stated.ordered {
            edits.push(("reordered", edit::reorder(&edit::split_randomly(&packets, 3), 3, 5)));
        }
        for (what, edited) in edits {
            let after = seen(&inspect_packets(&session, &edited));
            assert_eq!(after, before, "{}: {what}", session.name);
        }
    }
}

/// In quarters, so that cores share them.
fn survive_losses_and_every_cut(quarter: usize) {
    for session in sessions().into_iter().skip(quarter).step_by(4) {
        let packets = if session.has_packets() { packets(&session.path) } else { Vec::new() };
        for seed in 0..3 {
            inspect_packets(&session, &edit::lose_randomly(&packets, seed, 7));
            inspect_packets(&session, &edit::snap(&packets, 90 + 200 * usize::try_from(seed).unwrap()));
        }
        for tenth in 1..10 {
            inspect_packets(&session, &edit::cut_end(&packets, packets.len() * tenth / 10));
        }
        let file = fs::read(&session.path).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(session.path.file_name().unwrap());
        for seventh in 1..7 {
            fs::write(&path, &file[..file.len() * seventh / 7]).unwrap();
            inspect(&session, &path);
        }
    }
}

#[test]
fn recordings_survive_losses_and_every_cut_0() {
    survive_losses_and_every_cut(0);
}

#[test]
fn recordings_survive_losses_and_every_cut_1() {
    survive_losses_and_every_cut(1);
}

#[test]
fn recordings_survive_losses_and_every_cut_2() {
    survive_losses_and_every_cut(2);
}

#[test]
fn recordings_survive_losses_and_every_cut_3() {
    survive_losses_and_every_cut(3);
}

/// A recording can be made again.
#[test]
fn every_recording_has_its_generator() {
    let generators = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/traffic/peers");
    for session in sessions() {
        let generator = session.stated.generator.as_ref().unwrap_or(&session.name);
        assert!(generators.join(format!("{generator}.py")).is_file(), "{}: no generator", session.name);
    }
}
