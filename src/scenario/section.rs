//! Reads a table of the file against its shape, and keeps everything that is wrong with it.

use crate::model::scenario::Party;
use crate::scenario::check;
use crate::scenario::problem::{Problem, Source, nearest};
use crate::scenario::shape::{Key, Kind, Vocabulary};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// A value, and where it stands.
pub type At<T> = (T, Range<usize>);

/// Collects what is wrong.
pub struct Reader<'a> {
    /// What problems point into.
    pub source: &'a Source,
    /// The promises of the registry.
    pub promises: &'a [&'a str],
    /// What is wrong so far.
    pub problems: Vec<Problem>,
}

/// One table that has been checked against its shape.
#[derive(Clone, Debug)]
pub struct Section<'t, 'i> {
    table: &'t DeTable<'i>,
    /// Its header.
    pub span: Range<usize>,
}

impl Reader<'_> {
    /// Keeps a problem.
    pub fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Checks a table: unknown keys, missing keys, wrong types, unknown names.
    pub fn table<'t, 'i>(
        &mut self,
        table: &'t DeTable<'i>,
        span: Range<usize>,
        keys: &'static [Key],
        name: &str,
    ) -> Section<'t, 'i> {
        let mut meant: Vec<&str> = Vec::new();
        for (key, value) in table {
            let written = key.get_ref().as_ref();
            match keys.iter().find(|known| known.name == written) {
                Some(known) => self.value(value.get_ref(), &value.span(), &key.span(), known),
                None => meant.extend(self.unknown_key(written, &key.span(), keys, name)),
            }
        }
        // What stands there under a name with a slip in it was told already.
        let is_missing = |key: &&Key| !table.contains_key(key.name) && !meant.contains(&key.name);
        for key in keys.iter().filter(|key| key.required).filter(is_missing) {
            let what = match key.kind {
                Kind::Table(_) => format!("`[{}]` is missing", key.name),
                Kind::Tables(_) => format!("`[[{}]]` is missing", key.name),
                _ => format!("`{}` is missing in {name}", key.name),
            };
            self.push(Problem::at(self.source, span.clone(), what).help(format!("{}: {}", key.name, key.about)));
        }
        Section { table, span }
    }

    /// Tells of a key that is none; the one that is meant, if one is near.
    fn unknown_key(
        &mut self,
        written: &str,
        span: &Range<usize>,
        keys: &'static [Key],
        name: &str,
    ) -> Option<&'static str> {
        let names: Vec<&'static str> = keys.iter().map(|key| key.name).collect();
        let problem = Problem::at(self.source, span.clone(), format!("unknown key `{written}` in {name}"));
        let meant = nearest(written, &names);
        let problem = match meant {
            Some(meant) => problem.did_you_mean(Some(meant)),
            None => problem.help(format!("known here: {}", names.join(", "))),
        };
        self.push(problem);
        meant
    }

    fn value(&mut self, value: &DeValue<'_>, span: &Range<usize>, key_span: &Range<usize>, key: &Key) {
        match key.kind {
            Kind::Text | Kind::Path => self.text(value, span, key),
            Kind::Paths => self.paths(value, span, key),
            Kind::Date => self.date(value, span, key),
            Kind::OneOf(vocabulary) => match value.as_str() {
                Some(name) => self.name(name, span, vocabulary),
                None => self.wrong_type(value, span, key, "text"),
            },
            Kind::Port => match value {
                DeValue::Integer(_) if port(value).is_none() => {
                    let problem = Problem::at(self.source, span.clone(), format!("`{}` is no port", key.name));
                    self.push(problem.help("a port is a whole number from 1 to 65535"));
                }
                DeValue::Integer(_) => {}
                _ => self.wrong_type(value, span, key, "a whole number"),
            },
            Kind::Flag => match value {
                DeValue::Boolean(_) => {}
                _ => self.wrong_type(value, span, key, "true or false"),
            },
            Kind::NamedOneOf(vocabulary) => match value.as_table() {
                Some(table) => {
                    for (name, item) in table {
                        if name.get_ref().trim().is_empty() {
                            self.push(Problem::at(self.source, name.span(), format!("`{}` needs names", key.name)));
                        }
                        match item.get_ref().as_str() {
                            Some(name) => self.name(name, &item.span(), vocabulary),
                            None => self.wrong_type(
                                item.get_ref(),
                                &item.span(),
                                key,
                                "a table of names with one name each",
                            ),
                        }
                    }
                }
                None => self.wrong_type(value, span, key, "a table of names with one name each"),
            },
            Kind::SomeOf(vocabulary) => self.names(value, span, key, vocabulary),
            Kind::Hosts => self.hosts(value, span, key.name),
            Kind::NamedHosts => match value.as_table() {
                Some(table) => {
                    for (name, hosts) in table {
                        let written = name.get_ref().trim();
                        if written.is_empty() {
                            self.push(Problem::at(self.source, name.span(), "a third party needs a name"));
                        }
                        // Reports and documents call others so: who has such a name would be taken for them.
                        let taken = [Party::Provider, Party::Unlisted];
                        if taken.iter().any(|party| written.eq_ignore_ascii_case(party.name())) {
                            let problem = format!("no third party can be called `{written}`");
                            let problem = Problem::at(self.source, name.span(), problem);
                            self.push(problem.help("reports call others so: choose another name"));
                        }
                        self.hosts(hosts.get_ref(), &hosts.span(), name.get_ref());
                    }
                }
                None => self.wrong_type(value, span, key, "a table of names with their hosts"),
            },
            Kind::Table(keys) => match value.as_table() {
                Some(table) => {
                    self.table(table, span.clone(), keys, &format!("`[{}]`", key.name));
                }
                None => self.wrong_type(value, key_span, key, &format!("a table, `[{}]`", key.name)),
            },
            Kind::Tables(keys) => match value.as_array() {
                Some(tables) => {
                    for item in tables {
                        match item.get_ref().as_table() {
                            Some(table) => {
                                self.table(table, item.span(), keys, &format!("`[[{}]]`", key.name));
                            }
                            None => {
                                self.wrong_type(item.get_ref(), &item.span(), key, &format!("`[[{}]]`", key.name));
                            }
                        }
                    }
                }
                None => self.wrong_type(value, key_span, key, &format!("a list of tables, `[[{}]]`", key.name)),
            },
        }
    }

    fn wrong_type(&mut self, value: &DeValue<'_>, span: &Range<usize>, key: &Key, wanted: &str) {
        let message = format!("`{}` must be {wanted}", key.name);
        let problem = Problem::at(self.source, span.clone(), message)
            .label(format!("this is {}", type_name(value)))
            .help(key.about);
        self.push(problem);
    }

    fn text(&mut self, value: &DeValue<'_>, span: &Range<usize>, key: &Key) {
        match value.as_str() {
            Some(text) if text.trim().is_empty() => {
                let problem = Problem::at(self.source, span.clone(), format!("`{}` is empty", key.name));
                self.push(problem.help(key.about));
            }
            Some(text) if key.name == "id" && text.chars().any(char::is_control) => {
                self.push(Problem::at(self.source, span.clone(), "an id must not hold control characters"));
            }
            Some(_) => {}
            None => self.wrong_type(value, span, key, "text"),
        }
    }

    fn paths(&mut self, value: &DeValue<'_>, span: &Range<usize>, key: &Key) {
        let Some(items) = value.as_array() else { return self.wrong_type(value, span, key, "a list of paths") };
        if items.is_empty() {
            let problem = Problem::at(self.source, span.clone(), format!("`{}` is empty", key.name));
            self.push(problem.help(key.about));
        }
        let mut seen: Vec<(&str, Range<usize>)> = Vec::new();
        for item in items {
            self.text(item.get_ref(), &item.span(), key);
            let Some(path) = item.get_ref().as_str() else { continue };
            match seen.iter().find(|(known, _)| *known == path) {
                Some((_, first)) => {
                    let problem = Problem::at(self.source, item.span(), format!("`{path}` stands here twice"));
                    self.push(problem.related(first.clone(), "first here"));
                }
                None => seen.push((path, item.span())),
            }
        }
    }

    fn date(&mut self, value: &DeValue<'_>, span: &Range<usize>, key: &Key) {
        if day(value).is_some() {
            return;
        }
        match value {
            DeValue::String(_) | DeValue::Datetime(_) => {
                let problem = Problem::at(self.source, span.clone(), format!("`{}` is no day", key.name));
                self.push(problem.help(format!("write year, month, day: {} = 2026-11-02", key.name)));
            }
            _ => self.wrong_type(value, span, key, "a day"),
        }
    }

    fn name(&mut self, written: &str, span: &Range<usize>, vocabulary: Vocabulary) {
        let names = vocabulary.names(self.promises);
        if names.contains(&written) {
            return;
        }
        let message = format!("unknown {} `{written}`", vocabulary.noun());
        let problem = Problem::at(self.source, span.clone(), message);
        let problem = match nearest(written, &names) {
            Some(meant) => problem.did_you_mean(Some(meant)),
            None => problem.help(format!("known: {}", names.join(", "))),
        };
        self.push(problem);
    }

    fn names(&mut self, value: &DeValue<'_>, span: &Range<usize>, key: &Key, vocabulary: Vocabulary) {
        let Some(items) = value.as_array() else {
            return self.wrong_type(value, span, key, "a list of names");
        };
        if items.is_empty() {
            let problem = Problem::at(self.source, span.clone(), format!("`{}` is empty", key.name));
            self.push(problem.help(key.about));
        }
        let mut seen: Vec<(&str, Range<usize>)> = Vec::new();
        for item in items {
            let Some(name) = item.get_ref().as_str() else {
                self.wrong_type(item.get_ref(), &item.span(), key, "a list of names");
                continue;
            };
            self.name(name, &item.span(), vocabulary);
            match seen.iter().find(|(known, _)| *known == name) {
                Some((_, first)) => {
                    let problem = Problem::at(self.source, item.span(), format!("`{name}` stands here twice"));
                    self.push(problem.related(first.clone(), "first here"));
                }
                None => seen.push((name, item.span())),
            }
        }
    }

    fn hosts(&mut self, value: &DeValue<'_>, span: &Range<usize>, name: &str) {
        let Some(items) = value.as_array() else {
            let problem = Problem::at(self.source, span.clone(), format!("`{name}` must be a list of hosts"));
            return self.push(
                problem
                    .label(format!("this is {}", type_name(value)))
                    .help(format!("write {name} = [\"chatterly.example\", \"203.0.113.7\", \"198.51.100.0/24\"]")),
            );
        };
        for item in items {
            let Some(text) = item.get_ref().as_str() else {
                let problem = Problem::at(self.source, item.span(), "a host must be text");
                self.push(problem.label(format!("this is {}", type_name(item.get_ref()))));
                continue;
            };
            if let Err(refusal) = check::host(text) {
                let problem = Problem::at(self.source, item.span(), refusal.message);
                self.push(match refusal.help {
                    Some(help) => problem.help(help),
                    None => problem,
                });
            }
        }
    }
}

impl<'t, 'i> Section<'t, 'i> {
    fn get(&self, key: &str) -> Option<At<&'t DeValue<'i>>> {
        self.table.get(key).map(|value| (value.get_ref(), value.span()))
    }

    /// Text behind a key.
    pub fn text(&self, key: &str) -> Option<At<&'t str>> {
        self.get(key).and_then(|(value, span)| Some((value.as_str()?, span)))
    }

    /// Text behind a key, owned.
    pub fn string(&self, key: &str) -> Option<String> {
        self.text(key).map(|(text, _)| text.to_owned())
    }

    /// A day behind a key, ISO 8601.
    pub fn day(&self, key: &str) -> Option<String> {
        self.get(key).and_then(|(value, _)| day(value))
    }

    /// Texts behind a key.
    pub fn texts(&self, key: &str) -> Vec<At<&'t str>> {
        self.get(key).map(|(value, _)| texts(value)).unwrap_or_default()
    }

    /// Names with their texts, in file order.
    pub fn named_texts(&self, key: &str) -> Vec<(&'t str, Vec<At<&'t str>>)> {
        let Some(table) = self.get(key).and_then(|(value, _)| value.as_table()) else { return Vec::new() };
        let mut rows: Vec<_> = table.iter().collect();
        rows.sort_by_key(|(name, _)| name.span().start);
        let row = |(name, hosts): &(&'t toml::Spanned<_>, &'t toml::Spanned<DeValue<'i>>)| {
            let name: &'t std::borrow::Cow<'i, str> = name.get_ref();
            (name.as_ref(), texts(hosts.get_ref()))
        };
        rows.iter().map(row).collect()
    }

    /// A port behind a key.
    pub fn port(&self, key: &str) -> Option<u16> {
        self.get(key).and_then(|(value, _)| port(value))
    }

    /// Whether a key says yes.
    pub fn flag(&self, key: &str) -> bool {
        self.get(key).is_some_and(|(value, _)| matches!(value, DeValue::Boolean(true)))
    }

    /// Names with one text each.
    pub fn named_text(&self, key: &str) -> Vec<(&'t str, &'t str)> {
        let Some(table) = self.get(key).and_then(|(value, _)| value.as_table()) else { return Vec::new() };
        table.iter().filter_map(|(name, item)| Some((name.get_ref().as_ref(), item.get_ref().as_str()?))).collect()
    }

    /// The table behind a key.
    pub fn section(&self, key: &str) -> Option<Self> {
        self.get(key).and_then(|(value, span)| Some(Self { table: value.as_table()?, span }))
    }

    /// The tables behind a key.
    pub fn sections(&self, key: &str) -> Vec<Self> {
        let Some(items) = self.get(key).and_then(|(value, _)| value.as_array()) else { return Vec::new() };
        items.iter().filter_map(|item| Some(Self { table: item.get_ref().as_table()?, span: item.span() })).collect()
    }
}

fn texts<'t>(value: &'t DeValue<'_>) -> Vec<At<&'t str>> {
    let Some(items) = value.as_array() else { return Vec::new() };
    items.iter().filter_map(|item| Some((item.get_ref().as_str()?, item.span()))).collect()
}

/// A day as TOML writes it, or as text.
fn day(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::Datetime(datetime) => datetime.date.map(|date| date.to_string()),
        DeValue::String(text) => check::is_day(text).then(|| text.as_ref().to_owned()),
        _ => None,
    }
}

fn port(value: &DeValue<'_>) -> Option<u16> {
    let number = value.as_integer()?;
    u16::from_str_radix(number.as_str(), number.radix()).ok().filter(|port| *port > 0)
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
