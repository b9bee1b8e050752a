//! What was found: sightings, weaknesses, stories.

use crate::model::flow::Flow;
use crate::model::message::PartKind;
use crate::model::sighting::{Place, Sighting, Strength};
use crate::model::weakness::{Exhibit, Weakness};
use crate::report::View;
use crate::report::format::json::flow::direction;
use crate::report::poor;
use crate::report::story::Story;
use crate::report::words::rfc3339;
use schemars::JsonSchema;
use serde::Serialize;

/// One piece of user data seen readable in one place.
#[derive(JsonSchema, Serialize)]
pub(super) struct SightingJson<'a> {
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
    /// The part of the message that carried it; null where it is no message.
    #[schemars(extend("enum" = ["path", "query", "header", "body", "raw", null]))]
    part: Option<&'static str>,
    /// Half-open byte range in that part, as transferred.
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
pub(super) struct StoryJson<'a> {
    /// The planted value's id.
    planted: &'a str,
    /// Ids of the sightings on its way, in order of time.
    sent: Vec<String>,
    /// Ids of the sightings where it is kept, in order of dumps and lines.
    kept: Vec<String>,
}

/// Encryption that is none, or provably poor, with the messages that prove it.
#[derive(JsonSchema, Serialize)]
pub(super) struct WeaknessJson<'a> {
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
pub(super) struct ExhibitJson<'a> {
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

/// A stretch of recovered text: what was planted as it is, the rest as its shape (`x` a letter, `0` a digit).
#[derive(JsonSchema, Serialize)]
pub(super) struct RunJson {
    text: String,
    planted: bool,
}

/// The words around a sighting; what is not planted is shown as its shape (`x` a letter, `0` a digit).
#[derive(JsonSchema, Serialize)]
pub(super) struct ExcerptJson {
    before: String,
    found: String,
    after: String,
}

/// A sighting, with the index of its flow and the flow.
pub(super) fn sighting<'a>(sighting: &'a Sighting, flow: Option<(usize, &'a Flow)>, view: &View) -> SightingJson<'a> {
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
        host: place.authority.as_deref().or_else(|| flow?.1.host.as_deref()),
        flow: flow.map(|(index, _)| index),
        direction: direction(place.direction),
        at: rfc3339(place.at),
        part: place.part.map(part),
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

const fn part(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Path => "path",
        PartKind::Query => "query",
        PartKind::Header => "header",
        PartKind::Body => "body",
        PartKind::Raw => "raw",
    }
}

pub(super) fn weakness<'a>(
    weakness: &'a Weakness,
    flow: &dyn Fn(&Place) -> Option<usize>,
    view: &View,
) -> WeaknessJson<'a> {
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

pub(super) fn story_json<'a>(story: &Story<'a>) -> StoryJson<'a> {
    StoryJson {
        planted: story.planted,
        sent: story.sent.iter().map(|sighting| sighting.id()).collect(),
        kept: story.kept.iter().map(|sighting| sighting.id()).collect(),
    }
}
