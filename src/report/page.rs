//! What a page shows, put into words and bounded, so that the templates only lay it out.

use crate::model::envelope::Envelope;
use crate::model::evidence::Input;
use crate::model::flow::Flow;
use crate::model::opacity::Opacity;
use crate::model::report::{Report, ScenarioReport};
use crate::model::scenario::Audience;
use crate::model::sighting::{Sighting, Strength};
use crate::model::stream::Direction;
use crate::model::time::Timestamp;
use crate::model::verdict::{Coverage, Judged, VerdictKind};
use crate::report::exposed;
use crate::report::picture::{self, Picture};
use crate::report::poor;
use crate::report::strip::{self, Layer};
use crate::report::words::{self, count, mark, size, thousands};
use crate::report::{View, view::Shown};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Cards of sightings on the page; the rest are counted, and are in the JSON document.
const CARDS: usize = 250;
/// Places listed on one card.
const PLACES: usize = 40;
/// Cards that one claim links to.
const LINKS: usize = 6;
/// Rows in the table of flows.
const ROWS: usize = 400;
/// Frames named for one place.
const FRAMES: usize = 24;

#[derive(Debug, Serialize)]
pub(crate) struct Page {
    title: String,
    version: &'static str,
    scenes: Vec<Scene>,
}

/// One scenario.
#[derive(Debug, Serialize)]
struct Scene {
    /// Keeps anchors of several scenarios apart.
    n: usize,
    id: String,
    inspected: bool,
    app: String,
    about: String,
    period: Option<String>,
    outcome: String,
    outcome_class: &'static str,
    tallies: Vec<Tally>,
    claims: Vec<Claim>,
    picture: Option<Picture>,
    sightings: String,
    cards: Vec<Card>,
    cards_left: Option<String>,
    weaknesses: Vec<poor::Card>,
    weaknesses_says: String,
    weaknesses_left: Option<String>,
    filter: Filter,
    flows: Vec<FlowRow>,
    flows_left: Option<String>,
    exposure: Option<exposed::Section>,
    coverage: Covered,
    limits: Vec<Limit>,
    planted: Vec<Planted>,
    inputs: Vec<InputRow>,
    warnings: Vec<String>,
    command: String,
}

#[derive(Debug, Serialize)]
struct Tally {
    verdict: &'static str,
    mark: &'static str,
    n: usize,
}

#[derive(Debug, Serialize)]
struct Claim {
    id: String,
    text: String,
    source: Option<String>,
    link: Option<String>,
    seen: Option<String>,
    promise: String,
    data: String,
    verdict: &'static str,
    mark: &'static str,
    reason: String,
    links: Vec<Link>,
    links_left: Option<String>,
    weaknesses: Vec<Link>,
    shown: Vec<Link>,
    not_tested: Vec<String>,
    cannot_prove: &'static str,
    standards: Vec<String>,
    coverage: Covered,
}

#[derive(Debug, Serialize)]
struct Link {
    to: usize,
    says: String,
}

/// Sightings of one thing in one kind of place: the first is shown, the others are listed.
#[derive(Debug, Serialize)]
struct Card {
    n: usize,
    title: String,
    by_rule: bool,
    pseudonym: bool,
    times: Option<String>,
    host: String,
    party: String,
    readers: Vec<Reader>,
    layers: Vec<Layer>,
    before: String,
    found: String,
    after: String,
    /// Audio to be played, as a data URL.
    clip: Option<String>,
    form: String,
    reason: String,
    capture: String,
    direction: &'static str,
    first: PlaceRow,
    places: Vec<PlaceRow>,
    places_left: Option<String>,
    claims: Vec<ClaimRef>,
    /// For the filter: claims, data and readers, space-separated.
    tokens: String,
    look: String,
}

#[derive(Debug, Serialize)]
struct Reader {
    class: &'static str,
    name: String,
}

#[derive(Debug, Serialize)]
struct ClaimRef {
    id: String,
    verdict: &'static str,
    mark: &'static str,
}

#[derive(Debug, Serialize)]
struct PlaceRow {
    id: String,
    frames: String,
    bytes: String,
    at: Option<String>,
    trail: String,
}

#[derive(Debug, Default, Serialize)]
struct Filter {
    claims: Vec<Choice>,
    data: Vec<Choice>,
    readers: Vec<Choice>,
}

#[derive(Debug, Serialize)]
struct Choice {
    token: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct FlowRow {
    first_frame: u64,
    frames: String,
    capture: String,
    host: String,
    server: String,
    client: String,
    party: String,
    class: &'static str,
    protocol: &'static str,
    opacity: &'static str,
    bar: Vec<Slice>,
    decrypted: &'static str,
    /// Other captures that saw it.
    also: Vec<String>,
    /// Who on the phone spoke.
    app: Option<String>,
    up: u64,
    up_words: String,
    down: u64,
    down_words: String,
    messages: u64,
    count: Option<String>,
    blind: Vec<String>,
    facts: Vec<String>,
    weak: Vec<String>,
    segments: Vec<SegmentRow>,
    /// End-to-end envelopes: what, how many, where.
    envelopes: Vec<String>,
    /// What the statistics measured, and what they could not have seen.
    power: Vec<String>,
    sightings: u64,
}

/// What the messages of an unknown protocol are made of, one way.
#[derive(Debug, Serialize)]
struct SegmentRow {
    way: &'static str,
    says: String,
}

#[derive(Debug, Serialize)]
struct Slice {
    class: &'static str,
    x: u64,
    w: u64,
    title: String,
}

#[derive(Debug, Default, Serialize)]
struct Covered {
    bars: Vec<Bar>,
    unread: Vec<String>,
    control: Option<String>,
    nothing: bool,
}

#[derive(Debug, Serialize)]
struct Bar {
    name: &'static str,
    percent: u64,
    says: String,
}

#[derive(Debug, Serialize)]
struct Limit {
    text: String,
    claims: String,
}

#[derive(Debug, Serialize)]
struct Planted {
    id: String,
    data: &'static str,
    value: String,
    seen: String,
}

#[derive(Debug, Serialize)]
struct InputRow {
    name: String,
    format: String,
    size: String,
    frames: String,
    sha256: String,
    period: Option<String>,
    state: String,
    damaged: bool,
    notes: Vec<String>,
}

/// Puts a report into words.
pub(crate) fn page(report: &Report, view: &View) -> Page {
    let title = match report.scenarios.as_slice() {
        [one] => words::app(&one.app, &one.id),
        many => count(words::len(many), "scenario"),
    };
    let scenes = report.scenarios.iter().enumerate().map(|(n, scenario)| scene(n, scenario, view)).collect();
    Page { title, version: env!("CARGO_PKG_VERSION"), scenes }
}

fn scene(n: usize, scenario: &ScenarioReport, view: &View) -> Scene {
    let cards = Cards::gather(scenario, view);
    let claims = scenario.claims.iter().map(|judged| claim(judged, &cards, scenario)).collect();
    let (outcome, outcome_class) = outcome(scenario);
    let app = &scenario.app;
    let detail = [app.version.as_deref().map(|version| format!("version {version}")), app.platform.clone()];
    let flows = flows(scenario);
    let (weaknesses, weaknesses_says, weaknesses_left) = poor::cards(scenario, view);
    Scene {
        n,
        id: scenario.id.clone(),
        inspected: scenario.inspected,
        app: if app.name.is_empty() { scenario.id.clone() } else { app.name.clone() },
        about: detail.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        period: words::period(scenario),
        outcome,
        outcome_class,
        tallies: (VerdictKind::ALL.iter())
            .map(|kind| Tally {
                verdict: kind.name(),
                mark: mark(*kind),
                n: scenario.claims.iter().filter(|judged| judged.verdict == *kind).count(),
            })
            .filter(|tally| tally.n > 0)
            .collect(),
        claims,
        picture: picture::draw(scenario),
        sightings: count(words::len(&scenario.sightings), "sighting"),
        filter: cards.filter(scenario),
        cards_left: (cards.left > 0).then(|| {
            format!("{}, each with its trail and frames, in report.json.", count(cards.left, "more sighting"))
        }),
        cards: cards.shown,
        weaknesses,
        weaknesses_says,
        weaknesses_left,
        flows_left: (words::len(&scenario.flows).checked_sub(words::len(&flows)).filter(|left| *left > 0)).map(|left| {
            format!(
                "{} in report.json: shown here are those with sightings, those that could not be read, and the largest.",
                count(left, "more flow")
            )
        }),
        flows,
        exposure: exposed::section(scenario),
        coverage: covered(&scenario.coverage),
        limits: limits(&scenario.claims),
        planted: planted(scenario),
        inputs: scenario.inputs.iter().map(input).collect(),
        warnings: scenario.warnings.clone(),
        command: command(scenario),
    }
}

/// The whole in one sentence.
fn outcome(scenario: &ScenarioReport) -> (String, &'static str) {
    if scenario.inspected || scenario.claims.is_empty() {
        let seen = scenario.sightings.iter().filter(|sighting| sighting.planted.is_some()).count();
        return match (scenario.planted.is_empty(), seen) {
            (true, _) => {
                (format!("{} of personal data, by rule.", count(words::len(&scenario.sightings), "sighting")), "none")
            }
            (false, 0) => ("No planted value was readable in what could be read.".to_owned(), "none"),
            (false, seen) => {
                (format!("Planted values were readable in {}.", count(seen as u64, "place")), "contradicted")
            }
        };
    }
    let total = words::len(&scenario.claims);
    let with = |kind: VerdictKind| scenario.claims.iter().filter(|judged| judged.verdict == kind).count() as u64;
    let of = |n: u64| match (n, total) {
        (1, 1) => "The one claim is".to_owned(),
        (n, total) if n == total => format!("All {total} claims are"),
        (1, total) => format!("1 of {total} claims is"),
        (n, total) => format!("{n} of {total} claims are"),
    };
    let worst = scenario.claims.iter().map(|judged| judged.verdict).min().unwrap_or(VerdictKind::Inconclusive);
    let says = match worst {
        VerdictKind::Contradicted => "contradicted by the app’s own traffic.",
        VerdictKind::Weakened => "weakened: nothing was read, but the protection is provably poor.",
        VerdictKind::Inconclusive => "inconclusive: not enough was seen.",
        VerdictKind::Consistent => "consistent with what the app sent.",
    };
    (format!("{} {says}", of(with(worst))), worst.name())
}

/// Links to the weaknesses that a verdict rests on.
fn weak_links(judged: &Judged, scenario: &ScenarioReport) -> Vec<Link> {
    (scenario.weaknesses.iter().enumerate())
        .filter(|(_, weakness)| judged.weaknesses.contains(&weakness.id()))
        .filter(|(to, _)| *to < poor::CARDS)
        .take(LINKS)
        .map(|(to, weakness)| Link { to, says: weakness.title.to_owned() })
        .collect()
}

fn claim(judged: &Judged, cards: &Cards, scenario: &ScenarioReport) -> Claim {
    let claim = &judged.claim;
    let (links, left) = cards.links(&judged.sightings);
    let (shown, _) = cards.links(&judged.shown);
    let link = claim.source.as_deref().filter(|source| source.starts_with("https://") || source.starts_with("http://"));
    Claim {
        id: claim.id.clone(),
        text: claim.text.clone(),
        link: link.map(str::to_owned),
        source: claim.source.clone(),
        seen: claim.seen.clone(),
        promise: claim.promise.clone(),
        data: claim.data.iter().map(|data| data.label()).collect::<Vec<_>>().join(", "),
        verdict: judged.verdict.name(),
        mark: mark(judged.verdict),
        reason: judged.reason.clone(),
        links,
        weaknesses: weak_links(judged, scenario),
        links_left: (left > 0).then(|| format!("and {}", count(left, "more sighting"))),
        shown,
        not_tested: judged.not_tested.clone(),
        cannot_prove: judged.cannot_prove,
        standards: judged.standards.iter().map(|s| format!("{} {}", s.body, s.reference)).collect(),
        coverage: covered(&judged.coverage),
    }
}

/// Sightings, gathered into cards.
struct Cards {
    shown: Vec<Card>,
    /// Which card shows a sighting.
    of: BTreeMap<String, usize>,
    left: u64,
}

impl Cards {
    fn gather(scenario: &ScenarioReport, view: &View) -> Self {
        let mut groups: Vec<Vec<&Sighting>> = Vec::new();
        let mut known: BTreeMap<_, usize> = BTreeMap::new();
        for sighting in &scenario.sightings {
            let key = (
                (sighting.planted.is_none(), sighting.planted.as_deref(), sighting.data, sighting.form.as_str()),
                (sighting.detector, sighting.strength == Strength::Value, &sighting.party, words::host(sighting)),
                (&sighting.audiences, sighting.place.capture.as_str(), sighting.place.direction),
                sighting.place.trail.iter().map(|step| without_indices(step)).collect::<Vec<_>>(),
            );
            if let Some(group) = known.get(&key).and_then(|index| groups.get_mut(*index)) {
                group.push(sighting);
            } else {
                known.insert(key, groups.len());
                groups.push(vec![sighting]);
            }
        }
        drop(known);
        let mut rests: BTreeMap<&str, Vec<&Judged>> = BTreeMap::new();
        for judged in &scenario.claims {
            for id in &judged.sightings {
                rests.entry(id.as_str()).or_default().push(judged);
            }
        }
        // What verdicts rest on comes first, then what was planted, then by who could read it.
        let mut groups: Vec<(Vec<&Sighting>, Vec<&Judged>)> = (groups.into_iter())
            .map(|group| {
                let first = group.first().map(|sighting| sighting.id()).unwrap_or_default();
                let claims = rests.get(first.as_str()).cloned().unwrap_or_default();
                (group, claims)
            })
            .collect();
        groups.sort_by_key(|(group, claims)| {
            let first = group.first();
            let claim =
                claims.first().and_then(|judged| scenario.claims.iter().position(|c| c.claim.id == judged.claim.id));
            (
                claim.unwrap_or(usize::MAX),
                first.is_none_or(|s| s.planted.is_none()),
                first.and_then(|s| s.audiences.first().copied()),
            )
        });
        let mut cards = Self { shown: Vec::new(), of: BTreeMap::new(), left: 0 };
        for (group, claims) in groups {
            let number = cards.shown.len();
            match group.first() {
                Some(first) if number < CARDS => {
                    for sighting in &group {
                        cards.of.insert(sighting.id(), number);
                    }
                    cards.shown.push(card(number, first, &group, &claims, scenario, view));
                }
                _ => cards.left = cards.left.saturating_add(words::len(&group)),
            }
        }
        cards
    }

    /// Links to the cards of these sightings, and how many sightings are on none that is linked.
    fn links(&self, ids: &[String]) -> (Vec<Link>, u64) {
        let mut times: BTreeMap<usize, u64> = BTreeMap::new();
        for id in ids {
            if let Some(card) = self.of.get(id) {
                *times.entry(*card).or_default() += 1;
            }
        }
        let linked: u64 = times.values().take(LINKS).sum();
        let links = times.into_iter().take(LINKS).filter_map(|(number, n)| {
            let card = self.shown.get(number)?;
            let more = if n > 1 { format!(" and {}", count(n - 1, "more place")) } else { String::new() };
            Some(Link { to: number, says: format!("{} at {}, {}{more}", card.title, card.host, card.first.frames) })
        });
        (links.collect(), words::len(ids).saturating_sub(linked))
    }

    fn filter(&self, scenario: &ScenarioReport) -> Filter {
        let tokens: BTreeSet<&str> = self.shown.iter().flat_map(|card| card.tokens.split(' ')).collect();
        let choice = |token: String, name: String| tokens.contains(token.as_str()).then_some(Choice { token, name });
        let claims = scenario.claims.iter().enumerate();
        let mut data: Vec<_> = scenario.sightings.iter().map(|sighting| sighting.data).collect();
        data.sort_unstable();
        data.dedup();
        Filter {
            claims: claims.filter_map(|(n, judged)| choice(format!("c{n}"), judged.claim.id.clone())).collect(),
            data: data.into_iter().filter_map(|data| choice(format!("d-{data}"), data.label().to_owned())).collect(),
            readers: (Audience::ALL.iter())
                .filter_map(|audience| choice(format!("r-{}", audience.name()), audience.name().to_owned()))
                .collect(),
        }
    }
}

fn card(
    number: usize,
    first: &Sighting,
    group: &[&Sighting],
    claims: &[&Judged],
    scenario: &ScenarioReport,
    view: &View,
) -> Card {
    let place = &first.place;
    let Shown { before, found, after } = view.excerpt(first);
    let host = words::host(first).map(str::to_owned).or_else(|| place.flow.map(|key| key.server.to_string()));
    let mut tokens = vec![format!("d-{}", first.data)];
    tokens.extend(first.audiences.iter().map(|audience| format!("r-{}", audience.name())));
    for (n, judged) in scenario.claims.iter().enumerate() {
        if claims.iter().any(|claim| claim.claim.id == judged.claim.id) {
            tokens.push(format!("c{n}"));
        }
    }
    Card {
        n: number,
        title: words::subject(first),
        by_rule: first.planted.is_none(),
        pseudonym: first.strength == Strength::Pseudonym,
        times: (group.len() > 1).then(|| count(words::len(group), "place")),
        host: host.unwrap_or_else(|| place.capture.clone()),
        party: first.party.name().to_owned(),
        readers: (first.audiences.iter())
            .map(|audience| Reader {
                class: audience.name(),
                name: words::reader(*audience, &first.party, words::host(first)),
            })
            .collect(),
        layers: strip::layers(first, view),
        before,
        found,
        after,
        clip: view.clip(first).map(str::to_owned),
        form: first.form.clone(),
        reason: first.reason.clone(),
        capture: place.capture.clone(),
        direction: match place.direction {
            Direction::ToServer => "sent to the server",
            Direction::ToClient => "sent by the server",
        },
        first: row(first, view),
        places: group.iter().skip(1).take(PLACES).map(|sighting| row(sighting, view)).collect(),
        places_left: (words::len(group).checked_sub(1 + PLACES as u64).filter(|left| *left > 0))
            .map(|left| format!("{} in report.json", count(left, "more place"))),
        claims: (claims.iter())
            .map(|judged| ClaimRef {
                id: judged.claim.id.clone(),
                verdict: judged.verdict.name(),
                mark: mark(judged.verdict),
            })
            .collect(),
        tokens: tokens.join(" "),
        look: look_again(first),
    }
}

fn row(sighting: &Sighting, view: &View) -> PlaceRow {
    let (start, end) = sighting.place.bytes;
    PlaceRow {
        id: sighting.id(),
        frames: frames(sighting),
        bytes: format!("{}–{}", thousands(start), thousands(end)),
        at: words::moment(sighting.place.at),
        trail: view.trail(sighting),
    }
}

/// `frame 41`, `frames 41, 42`, `line 9`.
fn frames(sighting: &Sighting) -> String {
    let what = if sighting.place.flow.is_some() { "frame" } else { "line" };
    let frames = &sighting.place.frames;
    let named: Vec<String> = frames.iter().take(FRAMES).map(u64::to_string).collect();
    let more = if frames.len() > FRAMES { format!(" and {} more", frames.len() - FRAMES) } else { String::new() };
    format!("{what}{} {}{more}", if frames.len() == 1 { "" } else { "s" }, named.join(", "))
}

/// The command that shows the same bytes in somebody else's tool.
fn look_again(sighting: &Sighting) -> String {
    let file = quoted(&sighting.place.capture);
    let frames: Vec<String> = sighting.place.frames.iter().take(FRAMES).map(u64::to_string).collect();
    match sighting.place.flow {
        Some(_) => format!("tshark -r {file} -Y 'frame.number in {{{}}}' -V", frames.join(", ")),
        None => format!("sed -n '{}p' {file}", frames.join("p;")),
    }
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/+:@%".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// `json $.lines[3].payload` and `json $.lines[4].payload` are one kind of place.
fn without_indices(step: &str) -> String {
    let mut out = String::with_capacity(step.len());
    let mut inside = false;
    for c in step.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if inside && c.is_ascii_digit() => continue,
            _ => {}
        }
        out.push(c);
    }
    out
}

fn flows(scenario: &ScenarioReport) -> Vec<FlowRow> {
    let mut seen: BTreeMap<_, u64> = BTreeMap::new();
    for sighting in &scenario.sightings {
        if let Some(key) = sighting.place.flow {
            *seen.entry((sighting.place.capture.as_str(), key, sighting.place.flow_start)).or_default() += 1;
        }
    }
    let sightings = |flow: &Flow| flow.ids().filter_map(|id| seen.get(&id)).sum();
    let mut order: Vec<(usize, &Flow)> = scenario.flows.iter().enumerate().collect();
    let bytes = |flow: &Flow| flow.bytes[0].saturating_add(flow.bytes[1]);
    order.sort_by_key(|(index, flow)| {
        (sightings(flow) == 0, flow.blind.is_empty(), std::cmp::Reverse(bytes(flow)), *index)
    });
    order.truncate(ROWS);
    order.sort_by_key(|(index, _)| *index);
    order.into_iter().map(|(_, flow)| flow_row(flow, sightings(flow))).collect()
}

fn flow_row(flow: &Flow, sightings: u64) -> FlowRow {
    let total: u64 = Opacity::ALL.iter().map(|class| flow.opacity.of(*class)).sum();
    let mut x = 0;
    let bar = (Opacity::ALL.iter())
        .filter(|class| flow.opacity.of(**class) > 0)
        .map(|class| {
            let bytes = flow.opacity.of(*class);
            // Two at least, so that a little is still seen.
            let w = (u128::from(bytes) * 100 / u128::from(total.max(1))).max(2);
            let w = u64::try_from(w).unwrap_or(100).min(100_u64.saturating_sub(x));
            let slice = Slice { class: class.name(), x, w, title: format!("{} {}", size(bytes), class.name()) };
            x = x.saturating_add(w);
            slice
        })
        .collect();
    let mut blind: Vec<String> = (flow.blind.iter())
        .map(|spot| {
            let bytes = if spot.bytes > 0 { format!(", {}", size(spot.bytes)) } else { String::new() };
            let detail = if spot.detail.is_empty() { String::new() } else { format!(" ({})", spot.detail) };
            format!("{}{bytes}{detail}", spot.why.says())
        })
        .collect();
    blind.dedup();
    FlowRow {
        first_frame: flow.first_frame,
        frames: format!("{}–{}", flow.first_frame, flow.last_frame),
        capture: flow.capture.clone(),
        host: flow.host.clone().unwrap_or_else(|| flow.key.server.to_string()),
        server: flow.key.server.to_string(),
        client: flow.key.client.to_string(),
        party: flow.party.name().to_owned(),
        class: flow.party.audience().name(),
        protocol: flow.protocol,
        opacity: flow.opacity.dominant().name(),
        bar,
        decrypted: if flow.decrypted { "yes" } else { "no" },
        also: flow.also.iter().map(|seen| seen.capture.clone()).collect(),
        app: flow.app.clone(),
        up: flow.bytes[0],
        up_words: size(flow.bytes[0]),
        down: flow.bytes[1],
        down_words: size(flow.bytes[1]),
        messages: flow.messages[0].saturating_add(flow.messages[1]),
        count: (flow.count > 1).then(|| count(flow.count, "flow")),
        blind,
        facts: (flow.facts.iter())
            .filter(|fact| fact.weakness.is_none())
            .map(|fact| format!("{} {}", fact.name, fact.value))
            .collect(),
        weak: flow.facts.iter().filter_map(|fact| fact.weakness.map(str::to_owned)).collect(),
        segments: [(true, "up"), (false, "down")]
            .into_iter()
            .filter_map(|(up, way)| segment_row(flow, up, way))
            .collect(),
        envelopes: flow.envelopes.iter().map(envelope_row).collect(),
        power: flow
            .facts
            .iter()
            .filter(|fact| fact.name.starts_with("opacity."))
            .map(|fact| fact.value.clone())
            .collect(),
        sightings,
    }
}

fn envelope_row(envelope: &Envelope) -> String {
    let way = if envelope.direction == Direction::ToServer { "up" } else { "down" };
    let most =
        if envelope.longest > 0 { format!(", up to {}", count(envelope.longest, "byte")) } else { String::new() };
    format!(
        "{way}: {} × {} ({} envelope){most}, sealed with {}; frame {}",
        thousands(envelope.count),
        envelope.kind,
        envelope.name,
        envelope.keying.says(),
        envelope.frame
    )
}

fn segment_row(flow: &Flow, up: bool, way: &'static str) -> Option<SegmentRow> {
    let ranges: Vec<String> = (flow.segments.iter())
        .filter(|range| range.to_server == up)
        .map(|range| match range.end {
            Some(end) => format!("{}–{end} {}", range.start, range.kind),
            None => format!("{}– {}", range.start, range.kind),
        })
        .collect();
    (!ranges.is_empty()).then(|| SegmentRow { way, says: ranges.join(" · ") })
}

fn covered(coverage: &Coverage) -> Covered {
    let bar = |name, read: u64, all: u64, say: fn(u64) -> String| Bar {
        name,
        percent: if all == 0 { 0 } else { words::percent(read, all) },
        says: format!("{} of {} read", say(read), say(all)),
    };
    Covered {
        bars: vec![
            bar("Bytes", coverage.bytes_read, coverage.bytes, size),
            bar("Flows", coverage.flows_read, coverage.flows, thousands),
            bar("Hosts", coverage.hosts_read, coverage.hosts, thousands),
            bar("Messages", coverage.messages_read, coverage.messages, thousands),
        ],
        unread: (coverage.unread.iter())
            .map(|unread| {
                let bytes = if unread.bytes > 0 { format!(", {}", size(unread.bytes)) } else { String::new() };
                format!("{}{bytes}: {}", count(unread.flows, "flow"), unread.says)
            })
            .collect(),
        control: coverage.control.clone(),
        nothing: coverage.flows == 0 && coverage.messages == 0,
    }
}

/// What was not tested, and for which claims.
fn limits(claims: &[Judged]) -> Vec<Limit> {
    let mut limits: Vec<(&str, Vec<&str>)> = Vec::new();
    for judged in claims {
        for text in judged.not_tested.iter().map(String::as_str).chain([judged.cannot_prove]).filter(|t| !t.is_empty())
        {
            match limits.iter_mut().find(|(known, _)| *known == text) {
                Some((_, of)) => of.push(&judged.claim.id),
                None => limits.push((text, vec![&judged.claim.id])),
            }
        }
    }
    limits.into_iter().map(|(text, claims)| Limit { text: text.to_owned(), claims: claims.join(", ") }).collect()
}

fn planted(scenario: &ScenarioReport) -> Vec<Planted> {
    let mut times: BTreeMap<&str, u64> = BTreeMap::new();
    for sighting in &scenario.sightings {
        if let Some(id) = &sighting.planted {
            *times.entry(id.as_str()).or_default() += 1;
        }
    }
    (scenario.planted.iter())
        .map(|planted| Planted {
            id: planted.id.clone(),
            data: planted.data.label(),
            value: planted.value.clone(),
            seen: times.get(planted.id.as_str()).map_or_else(|| "not seen".to_owned(), |n| count(*n, "sighting")),
        })
        .collect()
}

fn input(input: &Input) -> InputRow {
    let mut notes: Vec<String> = Vec::new();
    if input.cut_frames > 0 {
        notes.push(format!("{} cut by the snapshot length", count(input.cut_frames, "frame")));
    }
    notes.extend(input.skipped.iter().map(|(why, n)| format!("{} skipped: {why}", count(*n, "frame"))));
    if input.secrets > 0 {
        notes.push(format!("{} supplied", count(input.secrets, "secret")));
    }
    notes.extend(input.notes.iter().cloned());
    let times = [input.first_seen, input.last_seen].map(|at| at.and_then(|at| words::moment(Timestamp(at))));
    InputRow {
        name: input.name.clone(),
        format: input.format.clone(),
        size: size(input.bytes),
        frames: thousands(input.frames),
        sha256: input.sha256.clone(),
        period: match times {
            [Some(first), Some(last)] => Some(format!("{first} – {last}")),
            _ => None,
        },
        damaged: input.stopped.is_some(),
        state: input.stopped.clone().unwrap_or_else(|| "read to its end".to_owned()),
        notes,
    }
}

fn command(scenario: &ScenarioReport) -> String {
    if !scenario.inspected {
        return format!("plainsight run {}", quoted(&format!("scenarios/{}", scenario.id)));
    }
    let files: Vec<String> = scenario.inputs.iter().map(|input| quoted(&input.name)).collect();
    let plants = scenario.planted.iter().map(|p| format!(" --plant {}", quoted(&format!("{}={}", p.data, p.value))));
    format!("plainsight inspect {}{}", files.join(" "), plants.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_cannot_become_commands() {
        for (name, want) in [
            ("capture.pcapng", "capture.pcapng"),
            ("a b", "'a b'"),
            ("-rf", "'-rf'"),
            ("it's; rm -rf ~", r"'it'\''s; rm -rf ~'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(name), want);
        }
    }

    #[test]
    fn places_that_differ_by_index_are_one_kind() {
        assert_eq!(without_indices("json $.lines[13].p2[0]"), "json $.lines[].p2[]");
        assert_eq!(without_indices("form x[y]"), "form x[y]");
    }
}
