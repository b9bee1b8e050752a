//! SQL dumps: rows of `COPY … FROM stdin` (pg_dump) and of `INSERT INTO … VALUES` (mysqldump, mariadb-dump, sqlite3,
//! pg_dump --inserts), as JSON objects of their table's columns. Comments and the texts of all other statements stand
//! beside the rows: they are searched and not counted.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod value;
mod words;

#[cfg(test)]
mod tests;

use crate::bytes::Match;
use crate::capture::bytewise::Bytewise;
use crate::capture::lines::{head_lines, is_text};
use crate::capture::{EvidenceKind, Format, Loss, Source, Stopped, Window};
use crate::model::budget::{RECORD_BYTES, STORE_TABLES};
use crate::model::item::Item;
use crate::model::origin::FrameNo;
use crate::model::record::{BESIDE, CUT, Record, Standing};
use std::collections::BTreeMap;
use value::{Value, quoted, unescaped};
use words::{Token, Words};

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "sql",
    about: "SQL dumps (pg_dump, mysqldump, mariadb-dump, sqlite3 .dump)",
    kind: EvidenceKind::Store,
    sniff,
    open,
    secrets: None,
};

/// Statements that a dump is made of, as they begin.
const BEGINNINGS: [&str; 9] =
    ["insert into ", "create table ", "copy ", "drop table ", "set ", "pragma ", "begin", "lock tables", "use "];

/// How dumps begin that name their tool, and whether backslashes escape in them.
const HEADERS: [(&[u8], bool); 5] = [
    (b"--\n-- PostgreSQL database dump", false),
    (b"PRAGMA foreign_keys=OFF;", false),
    (b"-- MySQL dump", true),
    (b"-- MariaDB dump", true),
    (b"/*M!999999", true),
];

/// Whether backslashes escape: MySQL's do, those of standard SQL, PostgreSQL and SQLite do not. Where no tool names
/// itself it shows in what stands outside texts, for a text may hold anything.
fn has_slashes(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if let Some((_, slashes)) = HEADERS.iter().find(|(header, _)| head.starts_with(header)) {
        return *slashes;
    }
    let mut rest = head;
    while let Some((byte, behind)) = rest.split_first() {
        let past =
            |end: &[u8]| memchr::memmem::find(behind, end).map_or(&[][..], |at| behind.get(at..).unwrap_or_default());
        rest = match byte {
            b'`' => return true,
            b'/' if behind.starts_with(b"*!") || behind.starts_with(b"*M!") => return true,
            b'/' if behind.starts_with(b"*") => past(b"*/"),
            b'-' if behind.starts_with(b"- MySQL dump") || behind.starts_with(b"- MariaDB dump") => return true,
            b'-' if behind.starts_with(b"-") => past(b"\n"),
            b'\'' | b'"' => past(&[*byte]).get(1..).unwrap_or_default(),
            b'E' | b'e' => {
                let behind_word = behind.strip_prefix(b"NGINE").or_else(|| behind.strip_prefix(b"ngine"));
                if behind_word.is_some_and(|behind| behind.trim_ascii_start().first() == Some(&b'=')) {
                    return true;
                }
                behind
            }
            _ => behind,
        };
    }
    false
}

fn sniff(head: &[u8]) -> Match {
    // mysqldump writes bytes as they are; text there is none but for them.
    let text = is_text(head) || head.starts_with(b"-- MySQL dump") || head.starts_with(b"-- MariaDB dump");
    if !text {
        return Match::No;
    }
    let (mut statements, mut rows, mut others) = (0_usize, 0_usize, 0_usize);
    for line in head_lines(head).take(200) {
        let begin: Vec<u8> = line.iter().take(160).map(u8::to_ascii_lowercase).collect();
        if begin.starts_with(b"--") || begin.starts_with(b"/*") || begin.starts_with(b"(") {
            continue;
        }
        let copies = begin.starts_with(b"copy ") && begin.ends_with(b"from stdin;");
        let makes = begin.starts_with(b"create table ");
        rows = rows.saturating_add(usize::from(copies || makes || begin.starts_with(b"insert into ")));
        let known = BEGINNINGS.iter().any(|word| begin.starts_with(word.as_bytes()));
        statements = statements.saturating_add(usize::from(known));
        others = others.saturating_add(usize::from(!known));
    }
    let named = HEADERS.iter().any(|(header, _)| head.starts_with(header));
    if named || (rows > 0 && (statements > 1 || others == 0)) { Match::Maybe } else { Match::No }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the registry's signature: other formats have a header that may be broken"
)]
fn open(mut window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    let head = window.head(crate::capture::open::HEAD);
    let slashes = has_slashes(head);
    Ok(Box::new(Sql {
        words: Words::new(Bytewise::new(window), slashes),
        columns: BTreeMap::new(),
        kinds: BTreeMap::new(),
        rows: Rows::None,
        torn: false,
        row: Vec::new(),
        json: Vec::new(),
        records: 0,
    }))
}

/// What comes next in the file.
enum Rows {
    /// Statements.
    None,
    /// Rows of an `INSERT` in parentheses.
    Values(Table),
    /// Rows of a `COPY`, one a line.
    Copy(Table),
    /// Nothing more.
    End,
}

/// Whose rows come.
#[derive(Clone)]
struct Table {
    name: String,
    columns: Vec<String>,
    kind: u32,
}

struct Sql {
    words: Words,
    /// Columns by table, as `CREATE TABLE` names them.
    columns: BTreeMap<String, Vec<String>>,
    kinds: BTreeMap<String, u32>,
    rows: Rows,
    /// The row at hand ended where the next statement begins.
    torn: bool,
    row: Vec<u8>,
    json: Vec<u8>,
    records: u64,
}

impl Sql {
    /// Reads a statement from its first word on; rows may follow. `None` where the file ends in it.
    fn statement(&mut self, first: &Token) -> Option<()> {
        if first.is("insert") || first.is("replace") {
            loop {
                let word = self.words.token()?;
                if word.is("into") {
                    break;
                }
                if word == Token::Sign(b';') {
                    return Some(());
                }
            }
            let (name, mut next) = self.words.table_name()?;
            let mut columns = None;
            if next == Some(Token::Sign(b'(')) {
                columns = Some(self.words.names()?);
                next = self.words.token();
            }
            while let Some(token) = next {
                if token.is("values") {
                    self.rows = Rows::Values(self.table(name, columns));
                    return Some(());
                }
                if matches!(token, Token::Sign(b';') | Token::Torn(_)) {
                    return Some(());
                }
                // These have no rows of literals, and may have another `VALUES` in what they do on a conflict.
                if ["set", "select", "with", "table", "on"].iter().any(|word| token.is(word)) {
                    self.words.skip_statement();
                    return Some(());
                }
                next = self.words.token();
            }
        } else if first.is("copy") {
            let (name, mut next) = self.words.table_name()?;
            let mut columns = None;
            if next == Some(Token::Sign(b'(')) {
                columns = Some(self.words.names()?);
                next = self.words.token();
            }
            let from = next.is_some_and(|token| token.is("from"));
            let stdin = from && self.words.token()?.is("stdin");
            self.words.skip_statement();
            if stdin {
                self.words.text.skip_while(|byte| byte != b'\n');
                self.words.text.next();
                self.rows = Rows::Copy(self.table(name, columns));
            }
        } else if first.is("create") {
            loop {
                let word = self.words.token()?;
                if word.is("table") {
                    break;
                }
                if word == Token::Sign(b';') {
                    return Some(());
                }
                if !(word.is("temporary") || word.is("unlogged") || word.is("virtual") || word.is("foreign")) {
                    self.words.skip_statement();
                    return Some(());
                }
            }
            self.create_table()?;
        } else if *first != Token::Sign(b';') {
            self.words.skip_statement();
        }
        Some(())
    }

    /// `[IF NOT EXISTS] name (column type …, constraint …)`.
    fn create_table(&mut self) -> Option<()> {
        let mut word = self.words.token()?;
        while word.is("if") || word.is("not") || word.is("exists") {
            word = self.words.token()?;
        }
        let mut name = word.name()?;
        let mut next = self.words.token()?;
        while next == Token::Sign(b'.') {
            name = self.words.token()?.name()?;
            next = self.words.token()?;
        }
        if next != Token::Sign(b'(') {
            self.words.skip_statement();
            return Some(());
        }
        let (mut depth, mut begins, mut columns) = (1_usize, true, Vec::new());
        while depth > 0 {
            let token = self.words.token()?;
            match token {
                Token::Sign(b'(') => depth = depth.saturating_add(1),
                Token::Sign(b')') => depth = depth.saturating_sub(1),
                Token::Sign(b',') if depth == 1 => begins = true,
                token if begins => {
                    begins = false;
                    let constraint = [
                        "primary",
                        "unique",
                        "key",
                        "constraint",
                        "check",
                        "foreign",
                        "fulltext",
                        "index",
                        "exclude",
                        "spatial",
                        "like",
                    ];
                    let bare = matches!(token, Token::Word(_));
                    if !(bare && constraint.iter().any(|word| token.is(word))) && columns.len() < 4_096 {
                        columns.extend(token.name());
                    }
                }
                _ => {}
            }
        }
        self.words.skip_statement();
        if self.columns.len() < STORE_TABLES {
            self.columns.insert(name, columns);
        }
        Some(())
    }

    fn table(&mut self, name: String, columns: Option<Vec<String>>) -> Table {
        let columns = columns.or_else(|| self.columns.get(&name).cloned()).unwrap_or_default();
        let next = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX).saturating_add(1);
        let kind = match self.kinds.get(&name) {
            Some(kind) => *kind,
            None if self.kinds.len() < STORE_TABLES => {
                self.kinds.insert(name.clone(), next);
                next
            }
            None => next,
        };
        Table { name, columns, kind }
    }

    /// Begins the object of a row.
    fn begin(&mut self, table: &Table) {
        self.json.clear();
        self.json.extend_from_slice(b"{");
        self.json.extend_from_slice(quoted(format!("table {}", table.name).as_bytes()).as_bytes());
        self.json.extend_from_slice(b":{");
    }

    /// A column; `mark` stands behind its name.
    fn column(&mut self, table: &Table, index: usize, mark: &str, value: &[u8]) {
        if self.json.last() != Some(&b'{') {
            self.json.push(b',');
        }
        let name = table.columns.get(index).cloned().unwrap_or_else(|| format!("column {}", index.saturating_add(1)));
        self.json.extend_from_slice(quoted(format!("{name}{mark}").as_bytes()).as_bytes());
        self.json.push(b':');
        self.json.extend_from_slice(value);
    }

    /// A column with all its literals. Where the file breaks off in it, half a value is none of its column: it is
    /// searched, and not counted.
    fn value(&mut self, table: &Table, index: usize, mark: &str, value: Value) {
        let (value, beside) = value.end();
        self.column(table, index, mark, &value);
        if let Some(beside) = beside {
            self.column(table, index, BESIDE, &beside);
        }
    }

    /// Ends the row: `(columns read, all of it was there)`.
    fn end(&mut self, table: &Table, line: FrameNo, read: usize, whole: bool) -> bool {
        self.json.extend_from_slice(b"}}");
        let fits = table.columns.is_empty() || table.columns.len() == read;
        if !(whole && fits) {
            self.words.loss.record("broken SQL row", || {
                format!("the row at line {line} is not what its table's columns are; it was read as far as it goes")
            });
        }
        self.records = self.records.saturating_add(1);
        whole && fits
    }

    /// A row of an `INSERT`, behind its opening parenthesis.
    fn values(&mut self, table: &Table, line: FrameNo) -> bool {
        self.begin(table);
        let (mut index, mut value, mut whole) = (0_usize, Value::default(), true);
        loop {
            let Some(token) = self.words.token() else {
                if !value.is_empty() {
                    self.value(table, index, CUT, value);
                    index = index.saturating_add(1);
                }
                return self.end(table, line, index, false);
            };
            match token {
                Token::Sign(sign @ (b',' | b')')) if !value.is_open() => {
                    let done = std::mem::take(&mut value);
                    whole &= !done.short;
                    self.value(table, index, "", done);
                    index = index.saturating_add(1);
                    if sign == b')' {
                        return self.end(table, line, index, whole);
                    }
                }
                torn @ Token::Torn(_) => {
                    value.take(torn);
                    self.value(table, index, CUT, value);
                    self.torn = true;
                    return self.end(table, line, index.saturating_add(1), false);
                }
                token => value.take(token),
            }
            if self.json.len() > RECORD_BYTES {
                whole = false;
                self.json.clear();
                self.begin(table);
                index = 0;
            }
        }
    }

    /// A row of a `COPY`: cells between tabs.
    fn cells(&mut self, table: &Table, line: FrameNo, kept: bool) -> bool {
        self.begin(table);
        let row = std::mem::take(&mut self.row);
        let mut read = 0_usize;
        let all = memchr::memchr_iter(b'\t', &row).count().saturating_add(1);
        let ended = self.words.text.peek().is_none();
        for (index, cell) in row.split(|byte| *byte == b'\t').enumerate() {
            let value = if cell == br"\N" { "null".to_owned() } else { quoted(&unescaped(cell)) };
            read = index.saturating_add(1);
            // Rows end with a line's end; the last one, too, unless the file breaks off in it.
            let mark = if ended && read == all { CUT } else { "" };
            self.column(table, index, mark, value.as_bytes());
        }
        self.row = row;
        self.end(table, line, read, kept)
    }
}

impl Source for Sql {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        loop {
            if let Some(aside) = self.words.aside() {
                self.json = aside.bytes;
                self.records = self.records.saturating_add(1);
                let (number, line, bytes, standing) = (self.records, aside.line, &self.json, aside.standing);
                return Ok(Some(Item::Record(Record { number, line, bytes, whole: true, kind: 0, standing })));
            }
            let (kind, line, whole) = match std::mem::replace(&mut self.rows, Rows::None) {
                Rows::End => {
                    self.rows = Rows::End;
                    return self.words.text.stopped().map_or(Ok(None), Err);
                }
                Rows::None => {
                    self.words.note();
                    let first = self.words.token();
                    if first.and_then(|first| self.statement(&first)).is_none() {
                        self.rows = Rows::End;
                    }
                    self.words.settle();
                    continue;
                }
                Rows::Values(table) => {
                    self.words.note();
                    let found = self.words.token();
                    if found == Some(Token::Sign(b',')) {
                        self.rows = Rows::Values(table);
                        continue;
                    }
                    if found != Some(Token::Sign(b'(')) {
                        if found.is_some_and(|token| !matches!(token, Token::Sign(b';') | Token::Torn(_))) {
                            self.words.skip_statement();
                        }
                        self.words.settle();
                        continue;
                    }
                    self.words.settle();
                    let line = self.words.text.line();
                    let whole = self.values(&table, line);
                    let kind = table.kind;
                    if !std::mem::take(&mut self.torn) {
                        self.rows = Rows::Values(table);
                    }
                    (kind, line, whole)
                }
                Rows::Copy(table) => {
                    let line = self.words.text.line();
                    if self.words.text.peek().is_none() {
                        self.words
                            .loss
                            .record("rows that break off", || format!("the file ends at line {line}, within a COPY"));
                        self.rows = Rows::End;
                        continue;
                    }
                    let kept = self.words.text.rest_of_line(&mut self.row);
                    if self.row == br"\." {
                        continue;
                    }
                    let whole = self.cells(&table, line, kept);
                    let kind = table.kind;
                    self.rows = Rows::Copy(table);
                    (kind, line, whole)
                }
            };
            let (number, bytes, standing) = (self.records, &self.json, Standing::Record);
            return Ok(Some(Item::Record(Record { number, line, bytes, whole, kind, standing })));
        }
    }

    fn loss(&mut self) -> Loss {
        std::mem::take(&mut self.words.loss)
    }
}
