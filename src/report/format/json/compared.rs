//! Runs of one action, held against each other.

use crate::model::opacity::Opacity;
use crate::model::pair::{Change, Compared};
use crate::report::View;
use schemars::JsonSchema;
use serde::Serialize;

/// Two runs of one action, held against each other. Facts; none of them is a sighting.
#[derive(JsonSchema, Serialize)]
pub(super) struct ComparedJson<'a> {
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
pub(super) struct ChangeJson<'a> {
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
pub(super) struct SideJson {
    frame: u64,
    len: u64,
    /// Its first bytes in hex where nobody can read them, else their shape (`x` a letter, `0` a digit).
    value: String,
}

/// Messages of one kind that could not be laid side by side.
#[derive(JsonSchema, Serialize)]
pub(super) struct ApartJson<'a> {
    message: &'a str,
    /// How many there are in the first run and in the second.
    counts: [u64; 2],
}

pub(super) fn compared<'a>(pair: &'a Compared, view: &View) -> ComparedJson<'a> {
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

pub(super) fn change<'a>(change: &'a Change, view: &View) -> ChangeJson<'a> {
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
