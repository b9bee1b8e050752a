//! Words and numbers for people: the same in every format.

use crate::model::report::ScenarioReport;
use crate::model::scenario::{App, Audience, Party};
use crate::model::sighting::Sighting;
use crate::model::time::Timestamp;
use crate::model::verdict::VerdictKind;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Text of evidence, fit for a terminal or a page: control characters become their pictures, and characters that
/// reorder or hide text their code points. Line breaks become pictures too.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().saturating_add(16));
    for c in text.chars() {
        match c {
            '\u{7f}' => out.push('\u{2421}'),
            '\0'..='\u{1f}' => out.push(char::from_u32(0x2400_u32.saturating_add(u32::from(c))).unwrap_or('\u{fffd}')),
            c if is_unprintable(c) => drop(write!(out, "⟨U+{:04X}⟩", u32::from(c))),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Controls, and characters that reorder (Unicode bidirectional controls) or hide text.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The mark that stands beside a verdict, so that colour is never alone in telling.
pub(crate) const fn mark(verdict: VerdictKind) -> &'static str {
    match verdict {
        VerdictKind::Contradicted => "✗",
        VerdictKind::Weakened => "!",
        VerdictKind::Inconclusive => "?",
        VerdictKind::Consistent => "✓",
    }
}

/// `1 flow`, `2 flows`, `1,234 flows`.
pub(crate) fn count(n: u64, one: &str) -> String {
    let plural = match one {
        _ if n == 1 => return format!("1 {one}"),
        one if one.ends_with("ch") || one.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {one}{plural}", thousands(n))
}

/// `12,345`.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().saturating_sub(index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `512 B`, `1.5 kB`, `2.0 MB`: powers of ten.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut unit = 1_000_u64;
    for name in ["kB", "MB", "GB"] {
        if bytes < unit.saturating_mul(1_000) {
            let tenths = bytes / (unit / 10);
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
        unit = unit.saturating_mul(1_000);
    }
    format!("{} TB", bytes / unit)
}

/// Whole percent, where 0 and 100 mean none and all.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 || part >= whole {
        return 100;
    }
    let share = u128::from(part) * 100 / u128::from(whole);
    u64::try_from(share).unwrap_or(100).clamp(u64::from(part > 0), 99)
}

/// A length as an ordinary number would be: `usize` to `u64`.
pub(crate) fn len<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// RFC 3339, in UTC, with the precision that the capture has; `None` for a time no calendar holds.
pub(crate) fn rfc3339(at: Timestamp) -> Option<String> {
    (at.0 != 0).then_some(())?;
    jiff::Timestamp::from_nanosecond(i128::from(at.0)).ok().map(|at| at.to_string())
}

/// `2026-11-02 09:14:05 UTC`, for people.
pub(crate) fn moment(at: Timestamp) -> Option<String> {
    let text = rfc3339(at)?;
    let (day, time) = text.split_once('T')?;
    Some(format!("{day} {} UTC", time.get(..8)?))
}

/// Times that stand together: to the second, or to the millisecond where two would look the same and are not.
pub(crate) fn moments(times: &[Timestamp]) -> Vec<Option<String>> {
    const SECOND: i64 = 1_000_000_000;
    let thousandth = |at: &Timestamp| at.0.rem_euclid(SECOND) / 1_000_000;
    let mut of: BTreeMap<i64, i64> = BTreeMap::new();
    let fine = times.iter().any(|at| *of.entry(at.0.div_euclid(SECOND)).or_insert(thousandth(at)) != thousandth(at));
    let told = |at: &Timestamp| {
        let text = moment(*at)?;
        let whole = text.strip_suffix(" UTC").filter(|_| fine)?;
        Some(format!("{whole}.{:03} UTC", thousandth(at)))
    };
    times.iter().map(|at| told(at).or_else(|| moment(*at))).collect()
}

/// What the evidence is from: `2026-11-02 09:14 – 09:21 UTC`, as far as it says.
pub(crate) fn period(scenario: &ScenarioReport) -> Option<String> {
    let (first, last) = span(scenario)?;
    let (first, last) = (moment(first)?, moment(last)?);
    let (day, start) = (first.get(..10)?, first.get(11..16)?);
    let (last_day, end) = (last.get(..10)?, last.get(11..16)?);
    Some(match (day == last_day, start == end) {
        (true, true) => format!("{day} {start} UTC"),
        (true, false) => format!("{day} {start} – {end} UTC"),
        (false, _) => format!("{day} {start} – {last_day} {end} UTC"),
    })
}

/// The same, and what it is the time of.
pub(crate) fn dated(scenario: &ScenarioReport) -> String {
    match (captured(scenario).is_some(), period(scenario)) {
        (true, Some(period)) => format!("captured {period}"),
        (false, Some(period)) => format!("records of {period}"),
        (_, None) if has_captures(scenario) => "capture without times".to_owned(),
        (_, None) => "evidence without times".to_owned(),
    }
}

/// First and last time in the captures, or, without any, in what the dumps keep.
pub(crate) fn span(scenario: &ScenarioReport) -> Option<(Timestamp, Timestamp)> {
    captured(scenario).or_else(|| {
        let found = scenario.exposure.as_ref()?;
        Some((Timestamp(found.first_seen?), Timestamp(found.last_seen?)))
    })
}

/// First and last time in the captures.
fn captured(scenario: &ScenarioReport) -> Option<(Timestamp, Timestamp)> {
    let inputs = || scenario.inputs.iter();
    let first = inputs().filter_map(|input| input.first_seen).filter(|at| *at != 0).min();
    let last = inputs().filter_map(|input| input.last_seen).filter(|at| *at != 0).max();
    let flows = || scenario.flows.iter();
    let first = first.or_else(|| flows().map(|flow| flow.first_seen.0).filter(|at| *at != 0).min())?;
    let last = last.or_else(|| flows().map(|flow| flow.last_seen.0).max())?;
    Some((Timestamp(first), Timestamp(last)))
}

/// Whether traffic was captured at all, whatever was in it.
pub(crate) fn has_captures(scenario: &ScenarioReport) -> bool {
    scenario.inputs.iter().any(|input| ["pcap", "pcapng", "har", "mitmproxy"].contains(&input.bare_format()))
}

/// How much of the dumps was read: `6,000 records of 1 dump read to the end`; `None` without any.
pub(crate) fn kept(scenario: &ScenarioReport) -> Option<String> {
    let found = scenario.exposure.as_ref()?;
    let of = |name: &String| scenario.inputs.iter().find(|input| input.name == *name);
    let dumps = found.roles.keys();
    let broken = dumps.clone().filter_map(of).any(|input| input.stopped.is_some());
    let end = if broken { "as far as they go" } else { "to the end" };
    Some(format!("{} of {} read {end}", count(found.records, "record"), count(dumps.count() as u64, "dump")))
}

/// `JusTalk 8.6.1 (android)`; the scenario's id for an app without a name.
pub(crate) fn app(app: &App, id: &str) -> String {
    let mut out = if app.name.is_empty() { id.to_owned() } else { app.name.clone() };
    if let Some(version) = &app.version {
        let _ = write!(out, " {version}");
    }
    if let Some(platform) = &app.platform {
        let _ = write!(out, " ({platform})");
    }
    out
}

/// The readers of a sighting as people name them: `anyone on the network, AdZebra`.
pub(crate) fn readers(sighting: &Sighting) -> String {
    let names: Vec<String> =
        sighting.audiences.iter().map(|audience| reader(*audience, &sighting.party, host(sighting))).collect();
    match names.as_slice() {
        [] => "nobody".to_owned(),
        names => names.join(", "),
    }
}

/// One reader as people name it.
pub(crate) fn reader(audience: Audience, party: &Party, host: Option<&str>) -> String {
    match (audience, party) {
        (Audience::Public, _) => "anyone on the internet".to_owned(),
        (Audience::Network, _) => "anyone on the network".to_owned(),
        (Audience::Provider, _) => "the provider".to_owned(),
        (Audience::ThirdParty, Party::Third(name)) => name.clone(),
        (Audience::ThirdParty, _) => host.map_or_else(|| "an unlisted host".to_owned(), str::to_owned),
    }
}

/// The server a sighting was made at: its name, else its address.
pub(crate) fn host(sighting: &Sighting) -> Option<&str> {
    sighting.place.authority.as_deref()
}

/// What messages of one kind are called: a label's path without the words that hold numbers or identifiers.
pub(crate) fn kind(label: &str) -> Cow<'_, str> {
    let numbered = |word: &str| word.bytes().filter(u8::is_ascii_digit).count() > 1;
    let Some((first, path)) = label.split_once('/').filter(|(_, path)| path.split('/').any(numbered)) else {
        return Cow::Borrowed(label);
    };
    let words: Vec<&str> = path.split('/').map(|word| if numbered(word) { "#" } else { word }).collect();
    Cow::Owned(format!("{first}/{}", words.join("/")))
}

/// What was seen, in words: `message text “greeting”`, `phone number (by rule)`, `hash of email “mail”`.
pub(crate) fn subject(sighting: &Sighting) -> String {
    use crate::model::sighting::Strength;
    let hash = if sighting.strength == Strength::Pseudonym { "pseudonym of " } else { "" };
    match &sighting.planted {
        Some(id) if id != sighting.data.name() => format!("{hash}{} “{id}”", sighting.data.label()),
        Some(_) => format!("{hash}{}", sighting.data.label()),
        None => format!("{hash}{}, by rule", sighting.data.label()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_cannot_drive_a_terminal() {
        for (raw, shown) in [
            ("plain – ascii, ünïcode, 鷺", "plain – ascii, ünïcode, 鷺"),
            ("\u{1b}[2J\r\n", "␛[2J␍␊"),
            ("user\u{202e}gpj.exe", "user⟨U+202E⟩gpj.exe"),
            ("\u{9b}31m\u{7f}", "⟨U+009B⟩31m␡"),
        ] {
            assert_eq!(printable(raw), shown);
        }
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 999, 1_500, 2_000_000, 3_210_000_000].map(size), ["0 B", "999 B", "1.5 kB", "2.0 MB", "3.2 GB"]);
        assert_eq!(size(u64::MAX), "18446744 TB");
        assert_eq!([count(1, "flow"), count(2, "flow"), count(2, "match")], ["1 flow", "2 flows", "2 matches"]);
        for (part, whole, want) in [(0, 0, 100), (0, 9, 0), (1, 1_000, 1), (999, 1_000, 99), (9, 9, 100)] {
            assert_eq!(percent(part, whole), want, "{part}/{whole}");
        }
        assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
    }

    #[test]
    fn messages_of_one_kind_are_called_alike() {
        assert_eq!(kind("GET api.x/v1/keys/u9a7d8fb2"), "GET api.x/v1/keys/#");
        assert_eq!(kind("POST api.x/v1/send"), "POST api.x/v1/send");
        assert_eq!(kind("tls1.3"), "tls1.3");
    }

    #[test]
    fn times_that_would_look_the_same_are_told_apart() {
        let at = |milliseconds: i64| Timestamp(1_793_956_445_000_000_000 + milliseconds * 1_000_000);
        let told = |times: &[i64]| {
            let told = moments(&times.iter().map(|time| at(*time)).collect::<Vec<_>>());
            told.into_iter().map(|text| text.unwrap()[17..].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(told(&[0, 1_250]), ["05 UTC", "06 UTC"]);
        assert_eq!(told(&[3, 3]), ["05 UTC", "05 UTC"]);
        assert_eq!(told(&[3, 250, 1_000]), ["05.003 UTC", "05.250 UTC", "06.000 UTC"]);
        assert_eq!(moments(&[Timestamp(0)]), [None]);
    }

    #[test]
    fn times_come_from_the_capture_alone() {
        assert_eq!(moment(Timestamp::from_parts(1_793_956_445, 5)).unwrap(), "2026-11-06 09:14:05 UTC");
        assert_eq!(rfc3339(Timestamp::from_parts(1_793_956_445, 500)).unwrap(), "2026-11-06T09:14:05.0000005Z");
        assert_eq!(rfc3339(Timestamp(0)), None);
        assert!(rfc3339(Timestamp(i64::MAX)).is_some());
    }
}
