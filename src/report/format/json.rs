//! JSON: the contract. These types mirror the model on purpose, so that the model may change and this may not: fields
//! are added, none renamed. `schema/report.schema.json` is generated from them.

use crate::model::evidence::Input;
use crate::model::exposure::{About, Exposure, Learned};
use crate::model::flow::Flow;
use crate::model::opacity::{Opacity, power};
use crate::model::pair::{Change, Compared};
use crate::model::portrait::Portrait;
use crate::model::report::{Report, ScenarioReport};
use crate::model::scenario::{HostRule, Parties};
use crate::model::sighting::{Place, Sighting, Strength};
use crate::model::time::Timestamp;
use crate::model::verdict::{Coverage, Judged};
use crate::model::weakness::{Exhibit, Weakness};
use crate::report::poor;
use crate::report::story;
use crate::report::words::{is_unprintable, rfc3339};
use crate::report::{Format, View};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The version of the contract.
const SCHEMA: &str = "plainsight/1";

/// For machines: all that is known, as the published schema describes it.
pub(super) struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> &'static str {
        "everything, for machines; described by schema/report.schema.json"
    }

    fn file(&self) -> &'static str {
        "report.json"
    }

    fn render(&self, report: &Report, view: &View, out: &mut dyn Write) -> io::Result<()> {
        let document = document(report, view);
        let mut writer = serde_json::Serializer::with_formatter(&mut *out, Printable(PrettyFormatter::new()));
        document.serialize(&mut writer)?;
        out.write_all(b"\n")
    }
}

/// The JSON Schema (draft 2020-12) of the document, as published.
pub fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<DocumentJson<'static>>();
    schema.insert("$id".to_owned(), "https://plainsight.example/schema/report-1.json".into());
    schema.insert("title".to_owned(), "plainsight report".into());
    schema.to_value()
}

/// Everything judged in one run.
#[derive(JsonSchema, Serialize)]
struct DocumentJson<'a> {
    /// Version of this contract: fields may be added, none renamed.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    tool: ToolJson,
    /// In the order named; exactly one for `inspect`.
    scenarios: Vec<ScenarioJson<'a>>,
}

/// What made this document.
#[derive(JsonSchema, Serialize)]
struct ToolJson {
    name: &'static str,
    version: &'static str,
}

/// One scenario, judged; or evidence, inspected.
#[derive(JsonSchema, Serialize)]
struct ScenarioJson<'a> {
    /// Its folder's name.
    id: &'a str,
    app: AppJson<'a>,
    /// Evidence was inspected without a scenario.
    inspected: bool,
    /// First time in the evidence, RFC 3339.
    first_seen: Option<String>,
    /// Last time in the evidence, RFC 3339.
    last_seen: Option<String>,
    parties: PartiesJson<'a>,
    planted: Vec<PlantedJson<'a>>,
    /// In the order of the scenario file; none when inspected.
    claims: Vec<ClaimJson<'a>>,
    sightings: Vec<SightingJson<'a>>,
    /// Planted values that were seen on their way and where they are kept, in the order of `planted`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stories: Vec<StoryJson<'a>>,
    /// Encryption that is none, or provably poor.
    weaknesses: Vec<WeaknessJson<'a>>,
    /// Runs of one action, held against each other; not there without any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pairs: Vec<ComparedJson<'a>>,
    #[schemars(with = "Vec<FlowJson<'static>>")]
    flows: Flows<'a>,
    /// What the dumps expose, all of them together; not there without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    exposure: Option<ExposureJson<'a>>,
    /// Of all flows.
    coverage: CoverageJson<'a>,
    inputs: Vec<InputJson<'a>>,
    /// What an auditor should know: unused planted values, missing sources, budgets that bit.
    warnings: &'a [String],
}

/// The app under test.
#[derive(JsonSchema, Serialize)]
struct AppJson<'a> {
    name: &'a str,
    version: Option<&'a str>,
    platform: Option<&'a str>,
}

/// Who is who, as the scenario says: domain suffixes, addresses, networks.
#[derive(JsonSchema, Serialize)]
struct PartiesJson<'a> {
    provider: Vec<String>,
    third: BTreeMap<&'a str, Vec<String>>,
}

/// A secret the auditor typed into the app.
#[derive(JsonSchema, Serialize)]
struct PlantedJson<'a> {
    id: &'a str,
    data: &'static str,
    value: &'a str,
}

/// A sentence the vendor published, judged.
#[derive(JsonSchema, Serialize)]
struct ClaimJson<'a> {
    id: &'a str,
    /// Verbatim.
    text: &'a str,
    source: Option<&'a str>,
    /// When it was seen there, ISO 8601.
    seen: Option<&'a str>,
    promise: &'a str,
    data: Vec<&'static str>,
    #[schemars(extend("enum" = ["contradicted", "weakened", "inconclusive", "consistent"]))]
    verdict: &'static str,
    /// One sentence.
    reason: &'a str,
    /// Ids of the sightings that the verdict rests on.
    sightings: &'a [String],
    /// Ids of the weaknesses that the verdict rests on.
    weaknesses: &'a [String],
    /// Ids of sightings of the claim's data that do not contradict it: found by rule alone, or allowed.
    shown: &'a [String],
    coverage: CoverageJson<'a>,
    /// What traffic can never prove about this promise.
    cannot_prove: &'a str,
    not_tested: &'a [String],
    standards: Vec<StandardJson>,
}

/// A rule of law or a control that a promise maps to.
#[derive(JsonSchema, Serialize)]
struct StandardJson {
    body: &'static str,
    reference: &'static str,
}

/// How much could be read.
#[derive(JsonSchema, Serialize)]
struct CoverageJson<'a> {
    flows: u64,
    flows_read: u64,
    bytes: u64,
    bytes_read: u64,
    hosts: u64,
    hosts_read: u64,
    messages: u64,
    messages_read: u64,
    /// Why the rest was not read.
    unread: Vec<UnreadJson>,
    /// What shows that the planted action happened; null when nothing does.
    control: Option<&'a str>,
}

/// One reason for not having read something.
#[derive(JsonSchema, Serialize)]
struct UnreadJson {
    why: &'static str,
    says: &'static str,
    flows: u64,
    bytes: u64,
}

/// One piece of user data seen readable in one place.
#[derive(JsonSchema, Serialize)]
struct SightingJson<'a> {
    /// Stable: the same place and value give the same id in every run.
    id: String,
    data: &'static str,
    /// The planted value's id (with `--plant`, its data name); null for data found by rule alone.
    planted: Option<&'a str>,
    /// Who could read it there, widest first.
    #[schemars(extend("items" = { "type": "string", "enum": ["public", "network", "third-party", "provider"] }))]
    audiences: Vec<&'static str>,
    /// `provider`, the name of a known third party, or `unlisted`.
    party: &'a str,
    form: &'a str,
    /// Outermost first, joined by ` > `.
    trail: String,
    capture: &'a str,
    /// Numbers from 1 of the frames that carried it (of the lines, in a dump), ascending.
    frames: &'a [u64],
    reason: &'a str,
    /// The server's name where it is known.
    host: Option<&'a str>,
    /// Index into `flows`; null in a dump, or when flows were too many to list.
    flow: Option<usize>,
    #[schemars(extend("enum" = ["to-server", "to-client"]))]
    direction: &'static str,
    /// When its message was captured, RFC 3339.
    at: Option<String>,
    /// Half-open byte range in the message part that carried it, as transferred.
    bytes: [u64; 2],
    #[schemars(extend("enum" = ["value", "pseudonym"]))]
    strength: &'static str,
    detector: &'static str,
    excerpt: ExcerptJson,
    /// The first seconds of a call as a WAV file, as a data URL; only with `--reveal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    clip: Option<&'a str>,
}

/// One planted value, followed from the phone into a store.
#[derive(JsonSchema, Serialize)]
struct StoryJson<'a> {
    /// The planted value's id.
    planted: &'a str,
    /// Ids of the sightings on its way, in order of time.
    sent: Vec<String>,
    /// Ids of the sightings where it is kept, in order of dumps and lines.
    kept: Vec<String>,
}

/// Encryption that is none, or provably poor, with the messages that prove it.
#[derive(JsonSchema, Serialize)]
struct WeaknessJson<'a> {
    /// Stable: the same weakness in the same messages gives the same id in every run.
    id: String,
    detector: &'static str,
    title: &'static str,
    /// One sentence.
    reason: &'a str,
    /// How it was undone, as a trail step; null where nothing was read.
    undone: Option<&'a str>,
    /// The chance that sound encryption looks like this, and where the number comes from.
    bound: &'static str,
    /// In the order of their places.
    exhibits: Vec<ExhibitJson<'a>>,
    /// Messages that are not listed.
    more: u64,
}

/// One message that proves a weakness.
#[derive(JsonSchema, Serialize)]
struct ExhibitJson<'a> {
    capture: &'a str,
    /// Index into `flows`; null when flows were too many to list.
    flow: Option<usize>,
    frames: &'a [u64],
    #[schemars(extend("enum" = ["to-server", "to-client"]))]
    direction: &'static str,
    /// When its message was captured, RFC 3339.
    at: Option<String>,
    /// Outermost first, joined by ` > `.
    trail: String,
    party: &'a str,
    /// Who could see it there, widest first.
    #[schemars(extend("items" = { "type": "string", "enum": ["public", "network", "third-party", "provider"] }))]
    audiences: Vec<&'static str>,
    /// Length of the payload in bytes.
    len: u64,
    /// Its first bytes as they were sent, in hex.
    ciphertext: String,
    /// What they say, in pieces; null where nothing was read.
    recovered: Option<Vec<RunJson>>,
}

/// Two runs of one action, held against each other. Facts; none of them is a sighting.
#[derive(JsonSchema, Serialize)]
struct ComparedJson<'a> {
    first: &'a str,
    second: &'a str,
    /// Id of the planted value that was sent in the first.
    first_sent: &'a str,
    second_sent: &'a str,
    /// Runs of the same action that were looked at together with these two.
    runs: u64,
    /// Messages that were laid side by side.
    messages: u64,
    /// Fields of them that are in both.
    fields: u64,
    /// Of them those that are the same in both.
    same: u64,
    /// Where the text travels, and what these runs cannot tell.
    says: &'a [String],
    /// Fields that tell something of the text, or changed.
    changes: Vec<ChangeJson<'a>>,
    /// Changes that are not listed.
    more: u64,
    /// Messages that are not in both runs alike.
    apart: Vec<ApartJson<'a>>,
}

/// One field in two runs.
#[derive(JsonSchema, Serialize)]
struct ChangeJson<'a> {
    #[schemars(extend("enum" = ["follows-length", "may-follow-length", "readable", "depends-on-text", "equal-ciphertext", "same-nonce", "carries-no-text", "keeps-length", "noise", "untold"]))]
    relation: &'static str,
    reason: &'a str,
    message: &'a str,
    /// Which message of its kind, from 1.
    nth: u64,
    /// How the field was reached in it.
    position: &'a str,
    host: Option<&'a str>,
    party: &'a str,
    /// Null where the field is not opaque.
    opacity: Option<&'static str>,
    first: SideJson,
    second: SideJson,
}

/// A field in one run.
#[derive(JsonSchema, Serialize)]
struct SideJson {
    frame: u64,
    len: u64,
    /// Its first bytes in hex where nobody can read them, else their shape (`x` a letter, `0` a digit).
    value: String,
}

/// Messages of one kind that could not be laid side by side.
#[derive(JsonSchema, Serialize)]
struct ApartJson<'a> {
    message: &'a str,
    /// How many there are in the first run and in the second.
    counts: [u64; 2],
}

/// A stretch of recovered text: what was planted as it is, the rest as its shape (`x` a letter, `0` a digit).
#[derive(JsonSchema, Serialize)]
struct RunJson {
    text: String,
    planted: bool,
}

/// The words around a sighting; what is not planted is shown as its shape (`x` a letter, `0` a digit).
#[derive(JsonSchema, Serialize)]
struct ExcerptJson {
    before: String,
    found: String,
    after: String,
}

/// One conversation.
#[derive(JsonSchema, Serialize)]
struct FlowJson<'a> {
    capture: &'a str,
    #[schemars(extend("enum" = ["tcp", "udp", "ip"]))]
    transport: &'static str,
    /// `ip:port`.
    client: String,
    /// `ip:port`.
    server: String,
    host: Option<&'a str>,
    /// `sni`, `authority` or `dns`.
    host_from: Option<&'static str>,
    party: &'a str,
    /// Innermost recognised protocol, or `unknown`.
    protocol: &'static str,
    /// What a listener on the network sees: the class that covers most bytes.
    #[schemars(extend("enum" = ["plaintext", "encoded", "compressed", "weakly-encrypted", "unknown", "random-looking", "encrypted"]))]
    opacity: &'static str,
    /// Bytes by class, classes without any left out.
    opacity_bytes: BTreeMap<&'static str, u64>,
    /// Supplied secrets opened application data.
    decrypted: bool,
    /// Other captures that saw it: it is listed once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also_in: Vec<&'a str>,
    /// Who on the phone spoke, a process or an SDK, where the evidence says.
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<&'a str>,
    /// Transport payload, both directions.
    bytes: u64,
    bytes_each_way: PairJson,
    messages: PairJson,
    messages_read: PairJson,
    bytes_unread: PairJson,
    first_frame: u64,
    last_frame: u64,
    first_seen: Option<String>,
    last_seen: Option<String>,
    /// Flows this row sums up; 1 unless there were too many to list.
    count: u64,
    media_packets: u64,
    blind: Vec<BlindJson<'a>>,
    facts: Vec<FactJson<'a>>,
    opaque: Vec<OpaqueJson<'a>>,
    /// End-to-end envelopes recognised by structure, by kind: support for a control, never proof.
    envelopes: Vec<EnvelopeJson<'a>>,
    /// How some of its messages look, before any decoding: those with opaque fields, and the longest.
    portraits: Vec<PortraitJson<'a>>,
    /// Where the protocol is unknown: what its messages are made of, range by range.
    segments: Vec<SegmentJson>,
}

/// How one message looks.
#[derive(JsonSchema, Serialize)]
struct PortraitJson<'a> {
    #[schemars(extend("enum" = ["to-server", "to-client"]))]
    direction: &'static str,
    first_frame: u64,
    label: &'a str,
    /// Messages of the flow with that label, this way; the one that is shown is the longest with an opaque field, if any has.
    times: u64,
    /// Length of its body, as transferred.
    len: u64,
    /// What the body is made of, in order and without gaps: where each piece ends, and its opacity.
    pieces: Vec<(u64, &'static str)>,
    noise: NoiseJson<'a>,
}

/// How random the longest opaque field of a message is; of one without any, its body.
#[derive(JsonSchema, Serialize)]
struct NoiseJson<'a> {
    /// How the field was reached; empty for the body.
    position: &'a str,
    /// Bytes that were measured.
    len: u64,
    /// Bits a byte.
    entropy: f64,
    /// What as many uniform bytes have on average.
    expected: f64,
    /// One standard deviation of theirs.
    spread: f64,
}

/// A range of a flow's messages in one direction.
#[derive(JsonSchema, Serialize)]
struct SegmentJson {
    #[schemars(extend("enum" = ["to-server", "to-client"]))]
    direction: &'static str,
    start: u64,
    /// The byte behind the last; null where it reaches to the end of each message.
    end: Option<u64>,
    /// Over several messages `constant`, `counter`, `length`, `readable`, `random-looking`, `encrypted` or `unknown`; in
    /// one message its opacity.
    kind: &'static str,
    /// How many messages say so.
    messages: u64,
    /// Where it is random-looking: what the longest message would have shown in it, and what not.
    #[serde(skip_serializing_if = "Option::is_none")]
    power: Option<String>,
}

/// How many people a store exposes, and what of them. Counts only: nobody is named.
#[derive(JsonSchema, Serialize)]
struct ExposureJson<'a> {
    /// Persons, after joining the identifiers that a record ties together; a leased number is not another person.
    people: u64,
    /// Distinct telephone numbers.
    phone_numbers: u64,
    /// Records whose text can be read.
    messages: u64,
    /// Distinct sets of people who wrote to each other.
    conversations: u64,
    /// Of them, by the number of participants.
    conversation_sizes: BTreeMap<u64, u64>,
    /// Calls with both ends readable.
    calls: u64,
    /// Records with a place of three decimals or more.
    precise_locations: u64,
    /// Distinct pairs of a real and a leased number.
    number_links: u64,
    /// Records read.
    records: u64,
    /// When the first record was made.
    first_seen: Option<String>,
    /// When the last record was made.
    last_seen: Option<String>,
    /// The same per product.
    by_app: BTreeMap<&'a str, ShareJson>,
    /// By day (UTC).
    by_day: BTreeMap<&'a str, DayJson>,
    /// Own numbers by country calling code.
    countries: BTreeMap<u16, u64>,
    /// Traces of somebody who was there first.
    extortion_notes: Vec<ExtortionNoteJson<'a>>,
    /// What the fields of each dump were taken for.
    roles: BTreeMap<&'a str, Vec<RoleJson<'a>>>,
    /// More distinct values came than are kept: counts of distinct things are lower bounds.
    at_least: bool,
    /// Estimates, where counts are lower bounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<AboutJson>,
}

/// Of one product's users.
#[derive(JsonSchema, Serialize)]
struct ShareJson {
    people: u64,
    messages: u64,
}

/// Of one day.
#[derive(JsonSchema, Serialize)]
struct DayJson {
    records: u64,
    messages: u64,
}

/// A ransom note.
#[derive(JsonSchema, Serialize)]
struct ExtortionNoteJson<'a> {
    dump: &'a str,
    line: u64,
    /// What gives it away.
    signs: &'a [String],
    /// Payment addresses whose checksums are right.
    addresses: &'a [String],
}

/// Distinct values, estimated; nineteen estimates of twenty are within the error.
#[derive(JsonSchema, Serialize)]
struct AboutJson {
    phone_numbers: u64,
    conversations: u64,
    error_percent: f64,
}

/// A learned role.
#[derive(JsonSchema, Serialize)]
struct RoleJson<'a> {
    field: &'a str,
    role: &'static str,
    /// Records of the sample in which the field stood.
    seen: u64,
    /// Per cent of its values that fit the role.
    fits: u8,
    /// The auditor gave it; left out where it was learned.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    given: bool,
}

fn exposure(found: &Exposure) -> ExposureJson<'_> {
    let at = |nanoseconds: Option<i64>| nanoseconds.and_then(|at| rfc3339(Timestamp(at)));
    ExposureJson {
        people: found.people,
        phone_numbers: found.phone_numbers,
        messages: found.messages,
        conversations: found.conversations,
        conversation_sizes: found.conversation_sizes.clone(),
        calls: found.calls,
        precise_locations: found.precise_locations,
        number_links: found.number_links,
        records: found.records,
        first_seen: at(found.first_seen),
        last_seen: at(found.last_seen),
        by_app: (found.by_app.iter())
            .map(|(app, share)| (app.as_str(), ShareJson { people: share.people, messages: share.messages }))
            .collect(),
        by_day: (found.by_day.iter())
            .map(|(day, counts)| (day.as_str(), DayJson { records: counts.records, messages: counts.messages }))
            .collect(),
        countries: found.countries.clone(),
        extortion_notes: (found.extortion_notes.iter())
            .map(|note| ExtortionNoteJson {
                dump: &note.dump,
                line: note.line,
                signs: &note.signs,
                addresses: &note.addresses,
            })
            .collect(),
        roles: (found.roles.iter())
            .map(|(dump, roles)| (dump.as_str(), roles.iter().map(role_json).collect()))
            .collect(),
        at_least: found.at_least,
        about: found.about.map(|about| AboutJson {
            phone_numbers: about.phone_numbers,
            conversations: about.conversations,
            error_percent: About::ERROR_PERCENT,
        }),
    }
}

fn role_json(learned: &Learned) -> RoleJson<'_> {
    RoleJson {
        field: &learned.field,
        role: learned.role.name(),
        seen: learned.seen,
        fits: learned.fits,
        given: learned.given,
    }
}

fn compared<'a>(pair: &'a Compared, view: &View) -> ComparedJson<'a> {
    let [first, second] = &pair.captures;
    let [first_sent, second_sent] = &pair.sent;
    ComparedJson {
        first,
        second,
        first_sent,
        second_sent,
        runs: pair.runs,
        messages: pair.messages,
        fields: pair.fields,
        same: pair.same,
        says: &pair.says,
        changes: pair.changes.iter().map(|change| self::change(change, view)).collect(),
        more: pair.more,
        apart: (pair.apart.iter()).map(|apart| ApartJson { message: &apart.message, counts: apart.counts }).collect(),
    }
}

fn change<'a>(change: &'a Change, view: &View) -> ChangeJson<'a> {
    let [first, second] =
        change.sides.each_ref().map(|side| SideJson { frame: side.frame, len: side.len, value: view.side(side) });
    ChangeJson {
        relation: change.relation.name(),
        reason: &change.reason,
        message: &change.message,
        nth: change.nth,
        position: &change.position,
        host: change.host.as_deref(),
        party: change.party.name(),
        opacity: change.opacity.map(Opacity::name),
        first,
        second,
    }
}

/// Rows of flows, each made when it is written: there may be many.
struct Flows<'a>(&'a [Flow]);

impl Serialize for Flows<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(flow))
    }
}

/// A number each way.
#[derive(JsonSchema, Serialize)]
struct PairJson {
    to_server: u64,
    to_client: u64,
}

/// A stretch of a flow that could not be read.
#[derive(JsonSchema, Serialize)]
struct BlindJson<'a> {
    why: &'static str,
    #[schemars(extend("enum" = ["to-server", "to-client"]))]
    direction: &'static str,
    detail: &'a str,
    bytes: u64,
}

/// Something learned about a flow.
#[derive(JsonSchema, Serialize)]
struct FactJson<'a> {
    name: &'static str,
    value: &'a str,
    /// Why this is a provable weakness of the transport; null for most facts.
    weakness: Option<&'static str>,
}

/// An opaque payload of the app's own.
#[derive(JsonSchema, Serialize)]
struct OpaqueJson<'a> {
    len: u64,
    opacity: &'static str,
    trail: &'a str,
    frame: u64,
    envelope: Option<&'static str>,
    /// Where nothing but its bytes calls it opaque: what they would have shown at this length, and what not.
    #[serde(skip_serializing_if = "Option::is_none")]
    power: Option<String>,
}

/// Envelopes of one kind that a flow carried one way.
#[derive(JsonSchema, Serialize)]
struct EnvelopeJson<'a> {
    /// Registry name: `signal`, `olm`, `jwe` …
    envelope: &'static str,
    /// What its specification calls it.
    kind: &'static str,
    /// Whose key opens it, as far as the structure says.
    #[schemars(extend("enum" = ["ratchet", "long-term", "shared", "untold"]))]
    keying: &'static str,
    #[schemars(extend("enum" = ["to-server", "to-client"]))]
    direction: &'static str,
    count: u64,
    /// Ciphertext of the longest, in bytes; 0 where such an envelope holds none.
    longest: u64,
    /// First frame of the longest.
    frame: u64,
    trail: &'a str,
}

/// One input file.
#[derive(JsonSchema, Serialize)]
struct InputJson<'a> {
    name: &'a str,
    format: &'a str,
    /// Lower-case hex.
    sha256: &'a str,
    bytes: u64,
    frames: u64,
    first_seen: Option<String>,
    last_seen: Option<String>,
    /// Why it could not be read to its end, with the offset.
    stopped: Option<&'a str>,
    /// Frames that hold no IP packet, or one that could not be read, by reason.
    skipped: &'a BTreeMap<String, u64>,
    cut_frames: u64,
    secrets: u64,
    notes: &'a [String],
}

fn document<'a>(report: &'a Report, view: &View) -> DocumentJson<'a> {
    DocumentJson {
        schema: SCHEMA,
        tool: ToolJson { name: "plainsight", version: env!("CARGO_PKG_VERSION") },
        scenarios: report.scenarios.iter().map(|scenario| self::scenario(scenario, view)).collect(),
    }
}

fn scenario<'a>(scenario: &'a ScenarioReport, view: &View) -> ScenarioJson<'a> {
    let span = crate::report::words::span(scenario);
    let flows: BTreeMap<_, _> =
        (scenario.flows.iter().enumerate()).flat_map(|(index, flow)| flow.ids().map(move |id| (id, index))).collect();
    ScenarioJson {
        id: &scenario.id,
        app: AppJson {
            name: &scenario.app.name,
            version: scenario.app.version.as_deref(),
            platform: scenario.app.platform.as_deref(),
        },
        inspected: scenario.inspected,
        first_seen: span.and_then(|(first, _)| rfc3339(first)),
        last_seen: span.and_then(|(_, last)| rfc3339(last)),
        parties: parties(&scenario.parties),
        planted: (scenario.planted.iter())
            .map(|planted| PlantedJson { id: &planted.id, data: planted.data.name(), value: &planted.value })
            .collect(),
        claims: scenario.claims.iter().map(claim).collect(),
        sightings: (scenario.sightings.iter())
            .map(|sighting| {
                let place = &sighting.place;
                let key = place.flow.map(|key| (place.capture.as_str(), key, place.flow_start));
                let flow = key.and_then(|key| flows.get(&key).copied());
                let listed = flow.and_then(|index| scenario.flows.get(index));
                SightingJson { flow, ..self::sighting(sighting, listed, view) }
            })
            .collect(),
        stories: (story::stories(scenario).into_iter())
            .map(|story| StoryJson {
                planted: story.planted,
                sent: story.sent.iter().map(|sighting| sighting.id()).collect(),
                kept: story.kept.iter().map(|sighting| sighting.id()).collect(),
            })
            .collect(),
        weaknesses: (scenario.weaknesses.iter())
            .map(|weakness| {
                let flow = |place: &Place| {
                    let key = place.flow.map(|key| (place.capture.as_str(), key, place.flow_start));
                    key.and_then(|key| flows.get(&key).copied())
                };
                self::weakness(weakness, &flow, view)
            })
            .collect(),
        pairs: scenario.pairs.iter().map(|pair| compared(pair, view)).collect(),
        flows: Flows(&scenario.flows),
        exposure: scenario.exposure.as_ref().map(exposure),
        coverage: coverage(&scenario.coverage),
        inputs: scenario.inputs.iter().map(input).collect(),
        warnings: &scenario.warnings,
    }
}

fn parties(parties: &Parties) -> PartiesJson<'_> {
    let rules = |rules: &[HostRule]| {
        rules
            .iter()
            .map(|rule| match rule {
                HostRule::Domain(domain) => domain.clone(),
                HostRule::Net(net) if net.prefix_len() == net.max_prefix_len() => net.addr().to_string(),
                HostRule::Net(net) => net.to_string(),
            })
            .collect()
    };
    PartiesJson {
        provider: rules(&parties.provider),
        third: parties.third.iter().map(|(name, hosts)| (name.as_str(), rules(hosts))).collect(),
    }
}

fn claim(judged: &Judged) -> ClaimJson<'_> {
    let claim = &judged.claim;
    ClaimJson {
        id: &claim.id,
        text: &claim.text,
        source: claim.source.as_deref(),
        seen: claim.seen.as_deref(),
        promise: &claim.promise,
        data: claim.data.iter().map(|data| data.name()).collect(),
        verdict: judged.verdict.name(),
        reason: &judged.reason,
        sightings: &judged.sightings,
        weaknesses: &judged.weaknesses,
        shown: &judged.shown,
        coverage: coverage(&judged.coverage),
        cannot_prove: judged.cannot_prove,
        not_tested: &judged.not_tested,
        standards: (judged.standards.iter())
            .map(|standard| StandardJson { body: standard.body, reference: standard.reference })
            .collect(),
    }
}

fn coverage(coverage: &Coverage) -> CoverageJson<'_> {
    CoverageJson {
        flows: coverage.flows,
        flows_read: coverage.flows_read,
        bytes: coverage.bytes,
        bytes_read: coverage.bytes_read,
        hosts: coverage.hosts,
        hosts_read: coverage.hosts_read,
        messages: coverage.messages,
        messages_read: coverage.messages_read,
        unread: (coverage.unread.iter())
            .map(|unread| UnreadJson { why: unread.why, says: unread.says, flows: unread.flows, bytes: unread.bytes })
            .collect(),
        control: coverage.control.as_deref(),
    }
}

fn sighting<'a>(sighting: &'a Sighting, flow: Option<&'a Flow>, view: &View) -> SightingJson<'a> {
    let place = &sighting.place;
    let excerpt = view.excerpt(sighting);
    SightingJson {
        id: sighting.id(),
        data: sighting.data.name(),
        planted: sighting.planted.as_deref(),
        audiences: sighting.audiences.iter().map(|audience| audience.name()).collect(),
        party: sighting.party.name(),
        form: &sighting.form,
        trail: view.trail(sighting),
        capture: &place.capture,
        frames: &place.frames,
        reason: &sighting.reason,
        host: place.authority.as_deref().or_else(|| flow?.host.as_deref()),
        flow: None,
        direction: direction(place.direction),
        at: rfc3339(place.at),
        bytes: [place.bytes.0, place.bytes.1],
        strength: match sighting.strength {
            Strength::Value => "value",
            Strength::Pseudonym => "pseudonym",
        },
        detector: sighting.detector,
        excerpt: ExcerptJson { before: excerpt.before, found: excerpt.found, after: excerpt.after },
        clip: view.clip(sighting),
    }
}

fn weakness<'a>(weakness: &'a Weakness, flow: &dyn Fn(&Place) -> Option<usize>, view: &View) -> WeaknessJson<'a> {
    let exhibit = |exhibit: &'a Exhibit| {
        let place = &exhibit.place;
        let runs = poor::after(exhibit, view).into_iter();
        ExhibitJson {
            capture: &place.capture,
            flow: flow(place),
            frames: &place.frames,
            direction: direction(place.direction),
            at: rfc3339(place.at),
            trail: place.trail.join(" > "),
            party: exhibit.party.name(),
            audiences: exhibit.audiences.iter().map(|audience| audience.name()).collect(),
            len: exhibit.len,
            ciphertext: data_encoding::HEXLOWER.encode(&exhibit.before),
            recovered: exhibit
                .after
                .is_some()
                .then(|| runs.map(|run| RunJson { text: run.text, planted: run.planted }).collect()),
        }
    };
    WeaknessJson {
        id: weakness.id(),
        detector: weakness.detector,
        title: weakness.title,
        reason: &weakness.reason,
        undone: weakness.undone.as_deref(),
        bound: weakness.bound,
        exhibits: weakness.exhibits.iter().map(exhibit).collect(),
        more: weakness.more,
    }
}

fn flow(flow: &Flow) -> FlowJson<'_> {
    use crate::model::stream::Transport;
    let pair = |[to_server, to_client]: [u64; 2]| PairJson { to_server, to_client };
    FlowJson {
        capture: &flow.capture,
        transport: match flow.key.transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::Ip => "ip",
        },
        client: flow.key.client.to_string(),
        server: flow.key.server.to_string(),
        host: flow.host.as_deref(),
        host_from: flow.host_from,
        party: flow.party.name(),
        protocol: flow.protocol,
        opacity: flow.opacity.dominant().name(),
        opacity_bytes: (Opacity::ALL.iter())
            .map(|class| (class.name(), flow.opacity.of(*class)))
            .filter(|(_, bytes)| *bytes > 0)
            .collect(),
        decrypted: flow.decrypted,
        app: flow.app.as_deref(),
        also_in: flow.also.iter().map(|seen| seen.capture.as_str()).collect(),
        bytes: flow.bytes[0].saturating_add(flow.bytes[1]),
        bytes_each_way: pair(flow.bytes),
        messages: pair(flow.messages),
        messages_read: pair(flow.read_in_full),
        bytes_unread: pair(flow.unread),
        first_frame: flow.first_frame,
        last_frame: flow.last_frame,
        first_seen: rfc3339(flow.first_seen),
        last_seen: rfc3339(flow.last_seen),
        count: flow.count,
        media_packets: flow.media_packets,
        blind: (flow.blind.iter())
            .map(|spot| BlindJson {
                why: spot.why.name(),
                direction: direction(spot.direction),
                detail: &spot.detail,
                bytes: spot.bytes,
            })
            .collect(),
        facts: (flow.facts.iter())
            .map(|fact| FactJson { name: fact.name, value: &fact.value, weakness: fact.weakness })
            .collect(),
        opaque: (flow.opaque.iter())
            .map(|payload| OpaqueJson {
                len: payload.len,
                opacity: payload.opacity.name(),
                trail: &payload.trail,
                frame: payload.frame,
                envelope: payload.envelope,
                power: (payload.opacity == Opacity::RandomLooking).then(|| power(payload.len)),
            })
            .collect(),
        envelopes: (flow.envelopes.iter())
            .map(|envelope| EnvelopeJson {
                envelope: envelope.name,
                kind: envelope.kind,
                keying: envelope.keying.name(),
                direction: direction(envelope.direction),
                count: envelope.count,
                longest: envelope.longest,
                frame: envelope.frame,
                trail: &envelope.trail,
            })
            .collect(),
        portraits: flow.portraits.iter().map(portrait).collect(),
        segments: (flow.segments.iter())
            .map(|range| SegmentJson {
                direction: if range.to_server { "to-server" } else { "to-client" },
                start: range.start,
                end: range.end,
                kind: range.kind,
                messages: range.messages,
                power: (range.kind == Opacity::RandomLooking.name()).then(|| power(range.longest)),
            })
            .collect(),
    }
}

fn portrait(portrait: &Portrait) -> PortraitJson<'_> {
    // Their last digits are the machine's.
    let round = |bits: f64| (bits * 1_000.0).round() / 1_000.0;
    PortraitJson {
        direction: direction(portrait.direction),
        first_frame: portrait.frames.0,
        label: &portrait.label,
        times: portrait.times,
        len: portrait.len,
        pieces: portrait.pieces.iter().map(|piece| (piece.end, piece.class.name())).collect(),
        noise: NoiseJson {
            position: &portrait.noise.position,
            len: portrait.noise.len,
            entropy: round(portrait.noise.entropy),
            expected: round(portrait.noise.expected),
            spread: round(portrait.noise.spread),
        },
    }
}

fn direction(direction: crate::model::stream::Direction) -> &'static str {
    use crate::model::stream::Direction;
    match direction {
        Direction::ToServer => "to-server",
        Direction::ToClient => "to-client",
    }
}

fn input(input: &Input) -> InputJson<'_> {
    let time = |at: Option<i64>| at.and_then(|at| rfc3339(Timestamp(at)));
    InputJson {
        name: &input.name,
        format: &input.format,
        sha256: &input.sha256,
        bytes: input.bytes,
        frames: input.frames,
        first_seen: time(input.first_seen),
        last_seen: time(input.last_seen),
        stopped: input.stopped.as_deref(),
        skipped: &input.skipped,
        cut_frames: input.cut_frames,
        secrets: input.secrets,
        notes: &input.notes,
    }
}

/// Pretty JSON in which no character can drive a terminal or reorder what a person reads: such characters are written
/// as escapes, which every JSON reader undoes.
struct Printable<'i>(PrettyFormatter<'i>);

impl Formatter for Printable<'_> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_unprintable(*c)) {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut units = [0_u16; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = tail.get(c.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}
