//! JSON: the contract. These types mirror the model on purpose, so that the model may change and this may not: fields
//! are added, none renamed. `schema/report.schema.json` is generated from them.

use crate::model::evidence::Input;
use crate::model::report::{Report, ScenarioReport};
use crate::model::scenario::{HostRule, Parties};
use crate::model::sighting::Place;
use crate::model::time::Timestamp;
use crate::model::verdict::{Coverage, Judged};
use crate::report::format::json::compared::{ComparedJson, compared};
use crate::report::format::json::exposure::{ExposureJson, exposure};
use crate::report::format::json::flow::{FlowJson, Flows};
use crate::report::format::json::found::{SightingJson, StoryJson, WeaknessJson, sighting, story_json, weakness};
use crate::report::story;
use crate::report::words::{is_unprintable, rfc3339};
use crate::report::{Format, View};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter};
use std::collections::BTreeMap;
use std::io::{self, Write};

mod compared;
mod exposure;
mod flow;
mod found;

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
    /// First time in the captures, or, without any, in the records of the dumps; RFC 3339.
    first_seen: Option<String>,
    /// Last time there.
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
    /// What the claim is held to: what its promise commits to, one sentence.
    means: &'a str,
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
    unread: Vec<UnreadJson<'a>>,
    /// What shows that the planted action happened; null when nothing does, and for `contradicted` and `weakened`, which rest
    /// on what was seen.
    control: Option<&'a str>,
}

/// One reason for not having read something.
#[derive(JsonSchema, Serialize)]
struct UnreadJson<'a> {
    /// `no-keys`, `lost` …; `damaged` for what a damaged file held beyond the damage, of which no count is known.
    why: &'static str,
    says: &'a str,
    flows: u64,
    bytes: u64,
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
            .map(|found| {
                let place = &found.place;
                let key = place.flow.map(|key| (place.capture.as_str(), key, place.flow_start));
                let flow = key.and_then(|key| flows.get(&key).copied());
                sighting(found, flow.and_then(|index| Some((index, scenario.flows.get(index)?))), view)
            })
            .collect(),
        stories: (story::stories(scenario).into_iter()).map(|told| story_json(&told)).collect(),
        weaknesses: (scenario.weaknesses.iter())
            .map(|found| {
                let flow = |place: &Place| {
                    let key = place.flow.map(|key| (place.capture.as_str(), key, place.flow_start));
                    key.and_then(|key| flows.get(&key).copied())
                };
                weakness(found, &flow, view)
            })
            .collect(),
        pairs: scenario.pairs.iter().map(|pair| compared(pair, view)).collect(),
        flows: Flows(&scenario.flows),
        exposure: scenario.exposure.as_ref().map(|found| exposure(found, view)),
        coverage: coverage(&scenario.coverage),
        inputs: scenario.inputs.iter().map(input).collect(),
        warnings: &scenario.warnings,
    }
}

fn parties(parties: &Parties) -> PartiesJson<'_> {
    let rules = |rules: &[HostRule]| rules.iter().map(HostRule::to_string).collect();
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
        means: judged.means,
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
            .map(|unread| UnreadJson { why: unread.why, says: &unread.says, flows: unread.flows, bytes: unread.bytes })
            .collect(),
        control: coverage.control.as_deref(),
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
