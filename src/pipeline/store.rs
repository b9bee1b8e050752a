//! Records of a dump on their way through the line: each is one message that somebody keeps.

use crate::exposure::{self, Ledger, Roles, Ways};
use crate::field;
use crate::model::budget::LOSS_NOTES;
use crate::model::door::{Door, OPEN_STORE, State};
use crate::model::evidence::Input;
use crate::model::field::{Step, Tree};
use crate::model::message::{Message, Part, PartKind};
use crate::model::origin::Origins;
use crate::model::packet::Endpoint;
use crate::model::record::{Record, Standing};
use crate::model::scenario::{Audience, Party};
use crate::model::sighting::{Excerpt, Masked, Place, Sighting, Strength};
use crate::model::stream::{Direction, FlowKey, Transport};
use crate::model::taxonomy::Data;
use crate::model::time::Timestamp;
use crate::pipeline::talk::Finds;
use crate::pipeline::worker::Brief;
use crate::sighting::{self, Hit};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Where records are read, one after the other.
pub(super) struct Desk<'r> {
    message: Message,
    stencils: field::Stencils,
    ways: Ways<'r>,
}

impl<'r> Desk<'r> {
    /// For records of whose fields `roles` are known; without roles to learn from.
    pub(super) fn new(roles: Option<&'r Roles>) -> Self {
        let nowhere = Endpoint { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 0 };
        let message = Message {
            flow: FlowKey { transport: Transport::Tcp, client: nowhere, server: nowhere },
            layers: Arc::from([]),
            protocol: "dump",
            label: "record".to_owned(),
            direction: Direction::ToServer,
            at: Timestamp::default(),
            host: None,
            parts: vec![Part::new(PartKind::Body, Vec::new(), Origins::new())],
            whole: true,
        };
        Self { message, stencils: field::Stencils::default(), ways: Ways::new(roles) }
    }

    /// Peels a record and looks for what was planted.
    pub(super) fn read(&mut self, brief: &Brief<'_>, record: &Record<'_>, ledger: &mut Ledger, finds: &mut Finds) {
        let dump = brief.capture;
        self.lay(record);
        let tree = field::walk_known(&self.message, &mut self.stencils);
        if let Some(why) = unread(&tree, record) {
            finds.unread.note(why, record.line);
        }
        let scene = sighting::Scene { capture: dump, flow: None, flow_start: record.number };
        if record.standing != Standing::Record {
            let wants = |data| record.standing == Standing::Beside && finds.wants(data);
            let found = sighting::detect_beside(&tree, &brief.cx, &scene, Vec::new(), &wants);
            finds.take(found);
            self.stencils.reuse(tree);
            return;
        }
        let said = self.ways.said(&tree);
        let shown = ledger.take(&said.leaves, dump, record.line);
        if let Some(field) = said.unlearned {
            ledger.miss(field);
        }
        let wanted = shown.iter().filter(|shown| shown.conclusive || finds.wants(shown.data));
        let hits = wanted.filter_map(|shown| hit(&tree, shown)).collect();
        let found = sighting::detect_beside(&tree, &brief.cx, &scene, hits, &|data| finds.wants(data));
        finds.take(found);
        drop(said);
        self.stencils.reuse(tree);
    }

    /// Looks at a record of the sample that roles are learned from.
    pub(super) fn learn(&mut self, record: &Record<'_>, learner: &mut exposure::Learner) {
        self.lay(record);
        let tree = field::walk_known(&self.message, &mut self.stencils);
        learner.look(&self.ways.said(&tree).leaves);
        self.stencils.reuse(tree);
    }

    /// Makes the message of a record: nobody's flow, on its way to the store, its line where a message has frames.
    fn lay(&mut self, record: &Record<'_>) {
        self.message.whole = record.whole;
        for part in &mut self.message.parts {
            part.bytes.clear();
            part.bytes.extend_from_slice(record.bytes);
            part.origins = Origins::one(record.bytes.len(), record.line);
            part.whole = record.whole;
        }
    }
}

/// What is said of a line that claims to be JSON and is none.
const BROKEN: &str = "broken JSON line";

/// Why something of a record stayed unread, if it did. What its source knew to be damaged was told already.
fn unread(tree: &Tree<'_>, record: &Record<'_>) -> Option<&'static str> {
    if let Some(budget) = tree.exhausted.first() {
        return Some(budget);
    }
    let opened = tree.nodes.get(1).is_some_and(|node| node.whole && matches!(node.step, Step::Open(_)));
    // `{}` says nothing, and is whole.
    let says = memchr::memchr(b'"', record.bytes).is_some();
    let claims = record.whole && record.standing != Standing::Remark;
    (claims && record.bytes.first() == Some(&b'{') && says && !opened).then_some(BROKEN)
}

/// Records of which something stayed unread: how many for each reason, and the first lines, whatever order they come in.
#[derive(Debug, Default)]
pub(super) struct Unread(BTreeMap<&'static str, (u64, BTreeSet<u64>)>);

impl Unread {
    fn note(&mut self, why: &'static str, line: u64) {
        self.add(why, 1, [line]);
    }

    fn add(&mut self, why: &'static str, records: u64, lines: impl IntoIterator<Item = u64>) {
        let (count, first) = self.0.entry(why).or_default();
        *count = count.saturating_add(records);
        first.extend(lines);
        while first.len() > LOSS_NOTES {
            first.pop_last();
        }
    }

    /// Adds all that `other` knows.
    pub(super) fn merge(&mut self, other: Self) {
        for (why, (records, lines)) in other.0 {
            self.add(why, records, lines);
        }
    }

    /// How many records there are.
    pub(super) fn records(&self) -> u64 {
        self.0.values().fold(0, |sum, (records, _)| sum.saturating_add(*records))
    }

    /// Says so of the file they are in.
    pub(super) fn tell(self, input: &mut Input) {
        for (why, (records, lines)) in self.0 {
            let known = lines.len() as u64;
            input.notes.extend(lines.into_iter().map(|line| match why {
                BROKEN => format!("line {line} is no complete JSON; it was searched as plain text"),
                budget => {
                    format!("the record at line {line} holds more {budget} than is read; it was read as far as it goes")
                }
            }));
            let kind = if why == BROKEN { BROKEN.to_owned() } else { format!("record over the budget of {why}") };
            if records > known {
                input.notes.push(format!("{} more: {kind}", records.saturating_sub(known)));
            }
            let skipped = input.skipped.entry(kind).or_default();
            *skipped = skipped.saturating_add(records);
        }
    }
}

/// What counting saw in a record, as a find.
fn hit(tree: &Tree<'_>, shown: &exposure::Shown) -> Option<Hit> {
    let node = tree.node(shown.node)?;
    Some(Hit {
        detector: shown.detector,
        data: shown.data,
        planted: None,
        form: Cow::Borrowed("record"),
        strength: Strength::Value,
        buffer: node.buffer,
        start: node.start as usize,
        end: node.end as usize,
        node: Some(shown.node),
        reason: Cow::Borrowed(shown.reason),
        conclusive: shown.conclusive,
    })
}

/// What an open door shows: that anybody can get in.
pub(super) fn at_the_door(door: &Door, file: &str, number: u64) -> Option<Sighting> {
    if door.state != State::Open {
        return None;
    }
    let host = if door.host.contains(':') { format!("[{}]", door.host) } else { door.host.clone() };
    let version = door.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let records = door.holds.iter().filter_map(|held| held.records).fold(0_u64, u64::saturating_add);
    let holds = match (door.holds.len(), records) {
        (0, _) => String::new(),
        (1, 0) => ", and named what it holds".to_owned(),
        (names, 0) => format!(", and named {names} things that it holds"),
        (_, records) => format!(", and said that it holds {records} records"),
    };
    let reason = format!("{}{version} at {host}:{} answered without credentials{holds}.", door.service, door.port);
    let names: Vec<&str> = door.holds.iter().take(20).map(|held| held.name.as_str()).collect();
    Some(Sighting {
        detector: OPEN_STORE,
        data: Data::Any,
        planted: None,
        form: "answer".to_owned(),
        strength: Strength::Value,
        place: Place {
            capture: file.to_owned(),
            flow: None,
            flow_start: number,
            direction: Direction::ToClient,
            at: Timestamp::default(),
            authority: Some(door.host.clone()),
            secured: false,
            frames: vec![number],
            part: None,
            bytes: (0, 0),
            trail: vec!["door".to_owned(), format!("{} {host}:{}", door.service, door.port)],
        },
        excerpt: Excerpt { found: Masked::new(names.join(", ")), ..Excerpt::default() },
        reason,
        conclusive: true,
        party: Party::Provider,
        audiences: vec![Audience::Public],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scenario::Planted;
    use crate::model::secret::Secrets;
    use std::fmt::Write as _;

    /// Records of a few kinds, whose values change in what they are and in what they hold.
    fn records() -> Vec<String> {
        let mut records = Vec::new();
        for n in 0..240_u32 {
            let (a, b) = (2_025_550_100 + n % 90, 2_025_550_100 + (n * 7 + 3) % 90);
            let time = format!("2026-10-03T0{}:{:02}:09.5Z", n % 9, n % 60);
            let word = |n: u32| ["see", "you", "at", "the", "mill", "dusk", "bring", "купи"][n as usize % 8];
            let plain = format!("{} {} {} {}", word(n), word(n / 8), word(n / 3), word(n * 5));
            let text = match n % 20 {
                9 => "VGhlIGhlcm9uIGxhbmRz",
                12 => "a=1&b=The+heron",
                _ => plain.as_str(),
            };
            let mut record = format!("{{\"ts\":\"{time}\",\"app\":\"app{}\",", n % 3);
            match n % 8 {
                0 | 1 => write!(
                    record,
                    "\"from\":{{\"uid\":\"u{a}\",\"phone\":\"+1{a}\"}},\"members\":[\"+1{a}\",\"+1{b}\"],\"msg\":\"{text}\"}}"
                ),
                2 => write!(record, "\"caller\":\"+1{a}\",\"callee\":\"+1{b}\",\"duration\":{}}}", n % 500),
                3 => write!(record, "\"caller\":\"+1{a}\",\"callee\":{},\"duration\":null}}", if n % 3 == 0 { "null" } else { "12" }),
                4 => write!(
                    record,
                    "\"from\":{{\"uid\":\"u{a}\",\"phone\":\"+1{a}\"}},\"members\":[\"+1{a}\",\"+1{b}\"],\"payload\":\"{{\\\"msg\\\":\\\"{text}\\\"}}\"}}"
                ),
                5 => write!(
                    record,
                    "\"user\":{{\"uid\":\"u{a}\",\"phone\":\"+1{a}\"}},\"loc\":{{\"lat\":4{}.85837{n},\"lon\":2.2944{n}}}}}",
                    n % 10
                ),
                6 => write!(record, "\"real\":\"+1{a}\",\"virtual\":\"+1{b}\",\"note\":\"{}\"}}", if n == 86 { "READ_ME" } else { "" }),
                _ if n == 95 => write!(record, "\"msg\":\"The heron lands at dusk\",\"imei\":\"490154203237518\"}}"),
                _ => write!(record, "\"msg\":\"flushed {n} rows\",\"imei\":\"490154203237518\",\"sha\":\"{:040x}\"}}", u64::from(n) << 40),
            }
            .unwrap();
            records.push(record);
        }
        records
    }

    #[test]
    fn what_is_known_of_records_changes_nothing() {
        let records = records();
        let laid: Vec<Record<'_>> = (1..)
            .zip(&records)
            .map(|(number, text)| Record {
                number,
                line: number,
                bytes: text.as_bytes(),
                whole: true,
                kind: 0,
                standing: Standing::Record,
            })
            .collect();
        let mut learner = exposure::Learner::default();
        let mut desk = Desk::new(None);
        for record in &laid {
            desk.learn(record, &mut learner);
        }
        let roles = learner.learn(&BTreeMap::new());
        let mut apart = exposure::Learner::default();
        for record in &laid {
            Desk::new(None).learn(record, &mut apart);
        }
        assert_eq!(roles.learned(), apart.learn(&BTreeMap::new()).learned());
        let plant = |id: &str, data, value: &str| Planted { id: id.into(), data, value: value.into() };
        let planted =
            [plant("m", Data::Messages, "The heron lands at dusk"), plant("p", Data::PhoneNumber, "+12025550142")];
        let matcher = sighting::Matcher::new(&planted);
        let secrets = Secrets::default();
        let cx = sighting::Cx::new(&planted, &matcher);
        let brief = Brief { capture: "dump", secrets: &secrets, cx, roles: &roles, protos: None, paired: false };
        let count = |one: bool| {
            let (mut ledger, mut finds) = (Ledger::default(), Finds::default());
            let mut desk = Desk::new(Some(&roles));
            for record in &laid {
                if !one {
                    desk = Desk::new(Some(&roles));
                }
                desk.read(&brief, record, &mut ledger, &mut finds);
            }
            (ledger.settle(), finds.sightings, finds.dropped)
        };
        let (known, plain) = (count(true), count(false));
        assert_eq!(format!("{:?}", known.0), format!("{:?}", plain.0));
        assert_eq!((known.1, known.2), (plain.1, plain.2));
        assert!(known.0.messages > 60 && known.0.calls >= 30 && known.0.number_links > 0, "{:?}", known.0);
        assert!(known.0.extortion_notes.len() <= 1 && known.0.precise_locations > 0);
    }
}
