//! What a field that was laid side by side says of the text.

use super::align::Row;
use super::law::{self, Fit};
use super::{Beside, Field, Mark, Ran, Says, is_same};
use crate::model::pair::{Reading, Relation, Sample};
use std::collections::BTreeSet;

/// Bits from which on no chance made a field's length follow the text: one in a hundred, for all fields together.
const SURE: f64 = 6.64;
/// Bytes at the start of two payloads whose likeness is told.
const BEGINNING: usize = 8;
/// Lengths of nonces and initial values.
const NONCE: std::ops::RangeInclusive<u64> = 8..=32;

/// What a field says, and why; `None` where it is the same in both runs and that says nothing. `tried`: how many opaque
/// fields changed. `others`: all fields of the message.
pub(super) fn relation(
    field: &Field<'_>,
    sample: &Sample,
    tried: usize,
    beside: &dyn Beside,
    others: &[Field<'_>],
) -> Option<(Relation, String)> {
    match (field.is_opaque(), field.is_same()) {
        (true, true) => nonce(field, others).or_else(|| still(field)),
        (false, true) => nonce(field, others),
        (true, false) => Some(readable(field, sample, beside).unwrap_or_else(|| follows(field, tried))),
        (false, false) => Some(readable(field, sample, beside).unwrap_or_else(|| depends(field))),
    }
}

/// An opaque field that is the same in both runs.
fn still(field: &Field<'_>) -> Option<(Relation, String)> {
    let [one, other] = texts(field)?;
    if one != other {
        let reason =
            "the same bytes though another text was sent: it carries neither, and is no sign that either was sent";
        return Some((Relation::CarriesNoText, reason.to_owned()));
    }
    // Only other texts tell a ciphertext that comes again from a token.
    let differs = field.seen().any(|(run, reading)| run.text.value != one && !is_same(reading, field.first));
    let stays = field.seen().any(|(run, reading)| run.text.value != one && is_same(reading, field.first));
    (differs && !stays).then(|| {
        let reason =
            "the same text gave the same bytes, another text others: whoever watches knows when it is sent again";
        (Relation::EqualCiphertext, reason.to_owned())
    })
}

/// A nonce or initial value that is the same in both runs, beside ciphertext that is not.
fn nonce(field: &Field<'_>, others: &[Field<'_>]) -> Option<(Relation, String)> {
    let named = |word: &str| word == "iv" || word.contains("nonce");
    if !NONCE.contains(&field.first.len) || !field.first.name.split(|c: char| !c.is_alphanumeric()).any(named) {
        return None;
    }
    let beside = others.iter().find(|other| other.is_opaque() && !other.is_same())?;
    let reason = format!(
        "the same in both runs while the ciphertext at {} changed: a weakness where the key is the same, which does not show \
         here",
        beside.position
    );
    Some((Relation::SameNonce, reason))
}

/// A field in which the planted value was seen.
fn readable(field: &Field<'_>, sample: &Sample, beside: &dyn Beside) -> Option<(Relation, String)> {
    let run = field.runs.get(field.at.0)?;
    let seen = beside.is_readable(run.capture, sample, field.first, &run.text.id);
    seen.then(|| (Relation::Readable, format!("\"{}\" is readable here: see its sightings", run.text.id)))
}

/// An opaque field that changed: whether its length follows the text.
fn follows(field: &Field<'_>, tried: usize) -> (Relation, String) {
    let points: Vec<(&str, u64)> = field.seen().map(|(run, reading)| (run.text.value.as_str(), reading.len)).collect();
    let texts: BTreeSet<&str> = points.iter().map(|(text, _)| *text).collect();
    let lengths: BTreeSet<u64> = points.iter().map(|(_, len)| *len).collect();
    let runs = points.len();
    let start = beginning(field);
    let tried = f64::from(u32::try_from(tried.max(1)).unwrap_or(u32::MAX)).log2();
    if let Some(fit) = law::fit(&points) {
        let says = says(fit);
        if fit.bits >= SURE + tried {
            let reason = format!(
                "{says}, in {runs} runs with {} texts{start}; unrelated lengths would look so in at most 1 of {} cases",
                texts.len(),
                one_in(fit.bits - tried)
            );
            return (Relation::FollowsLength, reason);
        }
        let reason = format!("{says}, but {runs} runs are too few to rule out chance{start}");
        return (Relation::MayFollowLength, reason);
    }
    let measures: BTreeSet<usize> = texts.iter().map(|text| text.len()).collect();
    match (lengths.len(), measures.len()) {
        (1, 1) => {
            let reason = format!("other bytes of the same length, as the texts have{start}: that tells nothing");
            (Relation::Untold, reason)
        }
        (1, _) => {
            let reason = format!("as long for texts of other lengths{start}: an identifier, a key, or padded");
            (Relation::KeepsLength, reason)
        }
        _ if varies_by_itself(field, |a, b| a.len == b.len) => {
            (Relation::Noise, format!("its length changes with the same text, too{start}"))
        }
        _ => (Relation::Untold, format!("its length changes, and not as the text's does{start}")),
    }
}

fn says(fit: Fit) -> String {
    let text = if fit.wide { "the text in UTF-16" } else { "the text" };
    match fit.step {
        1 => format!("as many bytes longer as {text} is"),
        step => format!("longer by whole blocks of {step} bytes, as {text} fills them"),
    }
}

/// `2^bits`, rounded down to one digit.
fn one_in(bits: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and a million")]
    let odds = bits.exp2().clamp(1.0, 1e6) as u64;
    let digit = 10_u64.pow(odds.ilog10());
    odds / digit * digit
}

/// What two payloads begin with alike.
fn beginning(field: &Field<'_>) -> String {
    let alike = field.first.head.iter().zip(&field.second.head).take_while(|(a, b)| a == b).count();
    let more = if alike == field.first.head.len().min(field.second.head.len()) { " or more" } else { "" };
    if alike < BEGINNING {
        return String::new();
    }
    format!(" (both begin with the same {alike} bytes{more}: a header, or a nonce that stays)")
}

/// A field that is not opaque, and changed: whether with the text.
fn depends(field: &Field<'_>) -> (Relation, String) {
    let by = number(field).unwrap_or_default();
    if varies_by_itself(field, is_same) {
        return (Relation::Noise, format!("changes with the same text, too{by}"));
    }
    let seen: Vec<(Ran<'_>, &Reading)> = field.seen().collect();
    let couples = || seen.iter().enumerate().flat_map(|(at, a)| seen.iter().skip(at + 1).map(move |b| (a, b)));
    let alike = couples().filter(|(a, b)| a.0.text.value == b.0.text.value).count();
    if alike == 0 {
        let reason =
            format!("changes{by}; without two runs of the same text nobody can say whether it does so by itself");
        return (Relation::Untold, reason);
    }
    if couples().any(|(a, b)| a.0.text.value != b.0.text.value && is_same(a.1, b.1)) {
        return (Relation::Untold, format!("changes{by}, but not with every text"));
    }
    let reason = format!(
        "the same in every two runs with the same text, another with another ({} runs){by}: it depends on what was sent, or \
         the runs differ in something else",
        seen.len()
    );
    (Relation::DependsOnText, reason)
}

/// Whether two runs with the same text differ in it.
fn varies_by_itself(field: &Field<'_>, alike: impl Fn(&Reading, &Reading) -> bool) -> bool {
    let seen: Vec<(Ran<'_>, &Reading)> = field.seen().collect();
    seen.iter().any(|a| seen.iter().any(|b| a.0.text.value == b.0.text.value && !alike(a.1, b.1)))
}

/// A number that grew by as much as the text.
fn number(field: &Field<'_>) -> Option<String> {
    let value = |reading: &Reading| std::str::from_utf8(&reading.head).ok()?.parse::<i64>().ok();
    let [one, other] = texts(field)?;
    let by = value(field.second)?.checked_sub(value(field.first)?)?;
    let longer = i64::try_from(other.len()).ok()?.checked_sub(i64::try_from(one.len()).ok()?)?;
    (by == longer && by != 0).then(|| ", by as much as the text's length".to_owned())
}

fn texts<'a>(field: &Field<'a>) -> Option<[&'a str; 2]> {
    let text = |at: usize| field.runs.get(at).map(|run| run.text.value.as_str());
    Some([text(field.at.0)?, text(field.at.1)?])
}

/// What a field's relation says of the payloads that it is in.
pub(super) fn marks(field: &Field<'_>, relation: Relation, row: &Row<'_>) -> Vec<Mark> {
    let mut out = Vec::new();
    let ids: BTreeSet<String> = (field.seen())
        .filter(|(_, reading)| is_same(reading, field.first))
        .map(|(run, _)| run.text.id.clone())
        .collect();
    for ((run, reading), sample) in field.runs.iter().zip(&field.readings).zip(&row.cells) {
        let (Some(reading), Some(sample)) = (reading, sample) else { continue };
        let says = match relation {
            Relation::FollowsLength => Says::Carries(run.text.id.clone()),
            Relation::MayFollowLength => Says::MayCarry(run.text.id.clone()),
            Relation::CarriesNoText if is_same(reading, field.first) => Says::CarriesNone(ids.clone()),
            _ => continue,
        };
        out.push(Mark {
            capture: run.capture.to_owned(),
            flow: sample.flow,
            frame: reading.frame,
            label: sample.label.clone(),
            position: reading.position.clone(),
            bytes: reading.bytes,
            len: reading.len,
            bare: reading.bare,
            says,
        });
    }
    out
}
