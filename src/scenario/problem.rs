//! What is wrong with a scenario file, and where: file, line, caret, suggestion.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The text that problems point into.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// Its text; empty when it could not be read.
    pub text: Arc<str>,
}

/// One thing wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    source: Source,
    span: Option<Range<usize>>,
    message: String,
    label: String,
    help: Option<String>,
    related: Option<(Range<usize>, String)>,
}

impl Problem {
    /// Something wrong at `span` of the file.
    pub fn at(source: &Source, span: Range<usize>, message: impl Into<String>) -> Self {
        let span = clip(&source.text, span);
        Self {
            source: source.clone(),
            span: Some(span),
            message: message.into(),
            label: String::new(),
            help: None,
            related: None,
        }
    }

    /// Something wrong with the file as a whole.
    pub fn whole(source: &Source, message: impl Into<String>) -> Self {
        Self {
            source: source.clone(),
            span: None,
            message: message.into(),
            label: String::new(),
            help: None,
            related: None,
        }
    }

    /// With a few words at the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With a suggestion.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With "did you mean", if there is anything to suggest.
    pub fn did_you_mean(self, name: Option<&str>) -> Self {
        match name {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// With another place that explains it.
    pub fn related(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related = Some((clip(&self.source.text, span), label.into()));
        self
    }

    /// What is wrong, in a few words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn suggestion(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Line and column, from 1, columns in characters; `None` when it concerns the file as a whole.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.span.as_ref().map(|span| position(&self.source.text, span.start))
    }

    /// Where it stands, for sorting: problems of the whole file first.
    fn order(&self) -> (Option<usize>, &str) {
        (self.span.as_ref().map(|span| span.start), &self.message)
    }

    fn render(&self, level: &Level<'_>, coloured: bool) -> String {
        let title = level.clone().primary_title(self.message.as_str());
        let mut group = match &self.span {
            Some(span) => {
                let mut primary = AnnotationKind::Primary.span(span.clone());
                if !self.label.is_empty() {
                    primary = primary.label(self.label.as_str());
                }
                let mut snippet = Snippet::source(&*self.source.text).path(&*self.source.file).annotation(primary);
                if let Some((span, label)) = &self.related {
                    snippet = snippet.annotation(AnnotationKind::Context.span(span.clone()).label(label.as_str()));
                }
                title.element(snippet)
            }
            None => Group::with_title(title),
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

impl fmt::Display for Problem {
    /// On one line: `scenario.toml:3:1: unknown key …; did you mean …?`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source.file)?;
        if let Some((line, column)) = self.position() {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(help) = &self.help {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}

/// Everything wrong with a scenario, in file order. There is at least one.
#[derive(Clone, Debug)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Puts them in order.
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| a.order().cmp(&b.order()));
        Self(problems)
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: a broken scenario has a reason.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them with their source lines and carets, for a terminal.
    pub fn render(&self, coloured: bool) -> String {
        let rendered: Vec<String> = self.0.iter().map(|problem| problem.render(&Level::ERROR, coloured)).collect();
        rendered.join("\n\n")
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

/// Something an auditor should know about a valid scenario.
#[derive(Clone, Debug)]
pub struct Warning(pub(crate) Problem);

impl Warning {
    /// What it is about, where, and what to do.
    pub const fn problem(&self) -> &Problem {
        &self.0
    }

    /// With its source line and caret, for a terminal.
    pub fn render(&self, coloured: bool) -> String {
        self.0.render(&Level::WARNING, coloured)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A span inside the text, on character boundaries, and on one line: a caret under forty lines helps nobody.
fn clip(text: &str, span: Range<usize>) -> Range<usize> {
    let start = floor(text, span.start);
    let end = floor(text, span.end).max(start);
    let line = text.get(start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| start.saturating_add(at));
    start..end.min(line)
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    at
}

/// Line and column of a byte, from 1.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..floor(text, at)).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
    (line, column)
}

/// The name that was probably meant.
pub fn nearest<'a>(written: &str, names: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.trim().to_lowercase().replace(['_', ' '], "-");
    let written = plain(written);
    if written.is_empty() {
        return None;
    }
    let within = (written.chars().count() / 3).max(2);
    let near = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&written, &plain(name)), *name))
        .filter(|(distance, name)| *distance <= within && *distance < plain(name).chars().count())
        .min();
    // Half a name, or a name with something around it: `phone`, `gps-location`.
    let part = || {
        names.iter().copied().find(|name| {
            let name = plain(name);
            written.len() >= 4 && (name.contains(&written) || (name.len() >= 4 && written.contains(&name)))
        })
    };
    near.map(|(_, name)| name).or_else(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { file: "scenarios/x/scenario.toml".into(), text: text.into() }
    }

    #[test]
    fn positions_count_characters_from_one() {
        assert_eq!(position("", 0), (1, 1));
        assert_eq!(position("a\nbç=", 5), (2, 3));
        assert_eq!(position("a\n", 99), (2, 1));
    }

    #[test]
    fn rendering_shows_file_line_caret_and_suggestion() {
        let source = source("[app]\nnmae = \"x\"\n");
        let problem = Problem::at(&source, 6..10, "unknown key `nmae`").did_you_mean(Some("name"));
        let text = Problems::new(vec![problem.clone()]).render(false);
        for part in ["error: unknown key `nmae`", "scenarios/x/scenario.toml:2:1", "nmae = \"x\"", "^^^^", "`name`?"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(!text.contains('\u{1b}'));
        assert!(Problems::new(vec![problem.clone()]).render(true).contains('\u{1b}'));
        assert_eq!(problem.to_string(), "scenarios/x/scenario.toml:2:1: unknown key `nmae`; did you mean `name`?");
    }

    #[test]
    fn suggestions_are_near_or_nothing() {
        let names = ["messages", "phone-number", "precise-location", "any"];
        for (written, want) in [
            ("mesages", Some("messages")),
            ("Messages", Some("messages")),
            ("phone_number", Some("phone-number")),
            ("phone", Some("phone-number")),
            ("location", Some("precise-location")),
            ("blood-group", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, &names), want, "{written}");
        }
    }

    #[test]
    fn hostile_text_cannot_reach_the_terminal_raw() {
        let source = source("a\u{1b}[31m = 1\n");
        let text = Problems::new(vec![Problem::at(&source, 0..5, "unknown key `a\u{1b}[31m`")]).render(false);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}
