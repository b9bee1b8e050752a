//! Text: a summary one can read without scrolling.

use crate::model::report::{Report, ScenarioReport};
use crate::model::sighting::Sighting;
use crate::model::verdict::{Judged, VerdictKind};
use crate::report::words::{self, count, mark, printable, size};
use crate::report::{Format, View};
use crate::report::{claims, exposed, place};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Sightings told one by one when there are no claims to judge.
const LISTED: usize = 12;
/// Warnings told one by one.
const WARNINGS: usize = 5;
/// Where text after a verdict begins.
const MARGIN: usize = 17;

/// For people at a terminal.
pub(super) struct Text;

impl Format for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn about(&self) -> &'static str {
        "a summary for people at a terminal"
    }

    fn file(&self) -> &'static str {
        "report.txt"
    }

    fn render(&self, report: &Report, view: &View, out: &mut dyn Write) -> io::Result<()> {
        for (index, scenario) in report.scenarios.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            Summary { scenario, view, style: Style(view.styled) }.write(out)?;
        }
        Ok(())
    }
}

struct Summary<'a> {
    scenario: &'a ScenarioReport,
    view: &'a View,
    style: Style,
}

impl Summary<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { scenario, style, .. } = self;
        let title = if scenario.inspected { "inspected" } else { scenario.id.as_str() };
        let title = printable(title);
        let mut about = words::app(&scenario.app, &scenario.id);
        if let Some(period) = words::period(scenario) {
            about = format!("{about} · {period}");
        }
        let room = self.view.width.saturating_sub(title.chars().count() + 2);
        writeln!(out, "{}  {}", style.bold(&title), style.dim(&cut(&printable(&about), room.max(24))))?;
        for judged in &scenario.claims {
            self.claim(judged, out)?;
        }
        if scenario.claims.is_empty() {
            self.sightings(out)?;
        }
        writeln!(out)?;
        if let Some(found) = &scenario.exposure {
            self.line("exposed", &exposed::answer(found), out)?;
            if let Some(note) = found.extortion_notes.first() {
                self.line("intruder", &format!("a ransom note in {}, line {}", note.dump, note.line), out)?;
            }
        }
        self.line("coverage", &coverage(scenario), out)?;
        for input in &scenario.inputs {
            if let Some(stopped) = &input.stopped {
                self.line("damaged", &format!("{}: {stopped}", input.name), out)?;
            }
        }
        for warning in scenario.warnings.iter().take(WARNINGS) {
            self.line("warning", warning, out)?;
        }
        if let Some(more) = words::len(&scenario.warnings).checked_sub(WARNINGS as u64).filter(|more| *more > 0) {
            self.line("", &format!("and {} in the report", count(more, "more warning")), out)?;
        }
        if let Some(path) = &self.view.written {
            self.line("report", path, out)?;
        }
        Ok(())
    }

    fn claim(&self, judged: &Judged, out: &mut dyn Write) -> io::Result<()> {
        let Self { scenario, style, .. } = self;
        let verdict = format!("{} {:<12}", mark(judged.verdict), judged.verdict.name());
        let quote = format!("“{}”", printable(&judged.claim.text));
        let id = printable(&judged.claim.id);
        // The same words may be held to more than one promise.
        let room = self.view.width.saturating_sub(MARGIN + 2 + id.chars().count());
        let promise = cut(&printable(&judged.claim.promise), room);
        writeln!(out)?;
        writeln!(out, "  {} {}  {}", style.verdict(judged.verdict, &verdict), style.bold(&id), style.dim(&promise))?;
        let room = self.view.width.saturating_sub(MARGIN).max(24);
        writeln!(out, "{:MARGIN$}{}", "", style.dim(&cut(&quote, room)))?;
        self.wrapped(&judged.reason, out)?;
        let first = judged.sightings.iter().find_map(|id| scenario.sightings.iter().find(|s| s.id() == *id));
        if let Some(first) = first {
            let more = match words::len(&judged.sightings) {
                1 => String::new(),
                all => format!(" (the first of {})", words::thousands(all)),
            };
            self.wrapped(&format!("→ {}{more}", place(first, scenario, self.view)), out)?;
        }
        Ok(())
    }

    /// What was seen, for evidence without claims: the same thing in the same place of the same host is told once.
    fn sightings(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut order: Vec<(&Sighting, u64)> = Vec::new();
        let mut known: BTreeMap<_, usize> = BTreeMap::new();
        for sighting in &self.scenario.sightings {
            let key =
                (sighting.planted.is_none(), sighting.data, &sighting.form, words::host(sighting), &sighting.audiences);
            if let Some((_, times)) = known.get(&key).and_then(|index| order.get_mut(*index)) {
                *times = times.saturating_add(1);
            } else {
                known.insert(key, order.len());
                order.push((sighting, 1));
            }
        }
        order.sort_by_key(|(sighting, _)| {
            (sighting.planted.is_none(), sighting.audiences.first().copied(), sighting.data)
        });
        writeln!(out)?;
        if order.is_empty() {
            return self.line(
                "sightings",
                "none: no planted value and no recognisable personal data was readable",
                out,
            );
        }
        for (sighting, times) in order.iter().take(LISTED) {
            let times = if *times > 1 { format!(", {}", count(*times, "time")) } else { String::new() };
            let text = format!("{}, readable by {}{times}", words::subject(sighting), words::readers(sighting));
            self.line(if sighting.planted.is_some() { "planted" } else { "by rule" }, &text, out)?;
            self.wrapped(&format!("→ {}", place(sighting, self.scenario, self.view)), out)?;
        }
        if let Some(more) = words::len(&order).checked_sub(LISTED as u64).filter(|more| *more > 0) {
            self.line("", &format!("and {}: see --format json or --report", count(more, "more kind")), out)?;
        }
        Ok(())
    }

    /// A labelled line, wrapped to the right of its label.
    fn line(&self, label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
        let text = printable(text);
        for (index, line) in wrap(&text, self.view.width.saturating_sub(MARGIN)).into_iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            writeln!(out, "  {} {line}", self.style.dim(&format!("{label:<14}")))?;
        }
        Ok(())
    }

    fn wrapped(&self, text: &str, out: &mut dyn Write) -> io::Result<()> {
        self.line("", text, out)
    }
}

/// Where a sighting was made: frame, host, trail.
fn place(sighting: &Sighting, scenario: &ScenarioReport, view: &View) -> String {
    let frame = place::first_frame(scenario, &sighting.place);
    format!("{}{frame}: {}", sighting.place.capture, view.trail(sighting))
}

/// `94 % of 1.2 MB read, 12 of 14 flows; not read: 2 flows (encrypted, no keys supplied)`.
fn coverage(scenario: &ScenarioReport) -> String {
    let coverage = &scenario.coverage;
    let mut read = Vec::new();
    if coverage.flows > 0 || coverage.messages > 0 {
        let damaged = scenario.inputs.iter().any(|input| input.stopped.is_some());
        let bytes = match words::percent(coverage.bytes_read, coverage.bytes) {
            100 if damaged => format!("all {} before the damage read", size(coverage.bytes)),
            percent => format!("{percent} % of {} read", size(coverage.bytes)),
        };
        let flows = count(coverage.flows, "flow");
        read.push(format!("{bytes}, {} of {flows}", words::thousands(coverage.flows_read)));
    }
    read.extend(words::kept(scenario));
    if read.is_empty() {
        read.push(claims::nothing(scenario).to_owned());
    }
    let mut out = read.join("; ");
    for (index, unread) in coverage.unread.iter().take(3).enumerate() {
        out.push_str(if index == 0 { "; not read: " } else { ", " });
        match unread.flows {
            0 => out.push_str(&unread.says),
            flows => drop(write!(out, "{} ({})", count(flows, "flow"), unread.says)),
        }
    }
    out
}

/// At most `width` columns, cut at a word.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let head: String = text.chars().take(width.saturating_sub(2)).collect();
    let head = head.rsplit_once(' ').map_or(head.as_str(), |(head, _)| head);
    let close = if text.ends_with('”') { "…”" } else { "…" };
    format!("{}{close}", head.trim_end_matches([',', ';', ':', ' ']))
}

/// Lines of at most `width` columns, broken at spaces; a longer word is broken where it must be.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(24);
    let mut lines = vec![String::new()];
    let mut used = 0_usize;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let letters: Vec<char> = word.chars().collect();
        for (index, piece) in letters.chunks(width).enumerate() {
            let fits = used.saturating_add(piece.len()).saturating_add(usize::from(used > 0)) <= width;
            if !fits || index > 0 {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                if used > 0 {
                    line.push(' ');
                    used = used.saturating_add(1);
                }
                line.extend(piece);
                used = used.saturating_add(piece.len());
            }
        }
    }
    lines
}

/// ANSI styles, or none.
#[derive(Clone, Copy)]
struct Style(bool);

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn verdict(self, verdict: VerdictKind, text: &str) -> String {
        let code = match verdict {
            VerdictKind::Contradicted => "1;31",
            VerdictKind::Weakened => "1;33",
            VerdictKind::Inconclusive => "1;34",
            VerdictKind::Consistent => "1;32",
        };
        self.paint(code, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_keeps_every_word_and_every_bound() {
        let text = "The planted message text was readable to the provider, see https://a-very-long-host.example/with/a/path/that/is/wider/than/the/column";
        for width in [24, 30, 61, 200] {
            let lines = wrap(text, width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:#?}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }

    #[test]
    fn cutting_ends_at_a_word_and_closes_the_quote() {
        assert_eq!(cut("“Only you, and the person”", 14), "“Only you…”");
        assert_eq!(cut("“short”", 14), "“short”");
    }
}
