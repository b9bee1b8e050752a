//! SQL dumps: rows of `COPY … FROM stdin` (pg_dump) and of `INSERT INTO … VALUES` (mysqldump, mariadb-dump, sqlite3,
//! pg_dump --inserts), as JSON objects of their table's columns. Everything else in the dump is passed over.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod words;

use crate::bytes::Match;
use crate::capture::bytewise::Bytewise;
use crate::capture::lines::{head_lines, is_text, text};
use crate::capture::{EvidenceKind, Format, Loss, Source, Stopped, Window};
use crate::model::budget::{RECORD_BYTES, STORE_TABLES};
use crate::model::item::Item;
use crate::model::origin::FrameNo;
use crate::model::record::{CUT, Record};
use std::collections::BTreeMap;
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
    let named = head.starts_with(b"--\n-- PostgreSQL database dump")
        || head.starts_with(b"-- MySQL dump")
        || head.starts_with(b"-- MariaDB dump")
        || head.starts_with(b"/*M!999999")
        || head.starts_with(b"PRAGMA foreign_keys=OFF;");
    if named || (rows > 0 && (statements > 1 || others == 0)) { Match::Maybe } else { Match::No }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the registry's signature: other formats have a header that may be broken"
)]
fn open(mut window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    let head = window.head(crate::capture::open::HEAD);
    // MySQL escapes with backslashes; standard SQL, PostgreSQL and SQLite do not.
    let slashes = [&b"MySQL dump"[..], b"MariaDB dump", b"ENGINE=", b"INSERT INTO `", b"/*!40"]
        .iter()
        .any(|mark| memchr::memmem::find(head, mark).is_some());
    Ok(Box::new(Sql {
        words: Words::new(Bytewise::new(window), slashes),
        columns: BTreeMap::new(),
        kinds: BTreeMap::new(),
        rows: Rows::None,
        torn: false,
        row: Vec::new(),
        json: Vec::new(),
        records: 0,
        loss: Loss::default(),
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
    loss: Loss,
}

impl Sql {
    /// Reads a statement from its first word on; rows may follow.
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
                if token == Token::Sign(b';') {
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

    fn column(&mut self, table: &Table, index: usize, value: &[u8]) {
        if index > 0 {
            self.json.push(b',');
        }
        let name = table.columns.get(index).cloned().unwrap_or_else(|| format!("column {}", index.saturating_add(1)));
        self.json.extend_from_slice(quoted(name.as_bytes()).as_bytes());
        self.json.push(b':');
        self.json.extend_from_slice(value);
    }

    /// A column in which the file breaks off: half a value is none of its column. It is searched, and not counted.
    fn cut_column(&mut self, table: &Table, index: usize, value: &[u8]) {
        let mut cut = table.clone();
        if let Some(name) = cut.columns.get_mut(index) {
            name.push_str(CUT);
        }
        self.column(&cut, index, value);
    }

    /// Ends the row: `(columns read, all of it was there)`.
    fn end(&mut self, table: &Table, line: FrameNo, read: usize, whole: bool) -> bool {
        self.json.extend_from_slice(b"}}");
        let fits = table.columns.is_empty() || table.columns.len() == read;
        if !(whole && fits) {
            self.loss.record("broken SQL row", || {
                format!("the row at line {line} is not what its table's columns are; it was read as far as it goes")
            });
        }
        self.records = self.records.saturating_add(1);
        whole && fits
    }

    /// A row of an `INSERT`, behind its opening parenthesis.
    fn values(&mut self, table: &Table, line: FrameNo) -> bool {
        self.begin(table);
        let (mut index, mut value, mut whole) = (0_usize, Vec::new(), true);
        let mut depth = 0_usize;
        loop {
            let Some(token) = self.words.token() else {
                if !value.is_empty() {
                    self.cut_column(table, index, &value);
                    index = index.saturating_add(1);
                }
                return self.end(table, line, index, false);
            };
            match token {
                Token::Sign(b',') if depth == 0 => {
                    let done = if value.is_empty() { b"null".to_vec() } else { std::mem::take(&mut value) };
                    self.column(table, index, &done);
                    index = index.saturating_add(1);
                }
                Token::Sign(b')') if depth == 0 => {
                    let done = if value.is_empty() { b"null".to_vec() } else { value };
                    self.column(table, index, &done);
                    return self.end(table, line, index.saturating_add(1), whole);
                }
                Token::Sign(b'(') => depth = depth.saturating_add(1),
                Token::Sign(b')') => depth = depth.saturating_sub(1),
                Token::Torn(text) => {
                    let value = quoted(&text).into_bytes();
                    self.cut_column(table, index, &value);
                    self.torn = true;
                    return self.end(table, line, index.saturating_add(1), false);
                }
                Token::Text(text, kept) => {
                    whole &= kept;
                    // A text in a function's arguments is still a text; the last one stands.
                    value = quoted(&text).into_bytes();
                }
                Token::Word(word) if value.is_empty() => value = bare(&word),
                Token::Name(name) if value.is_empty() => value = quoted(name.as_bytes()).into_bytes(),
                _ => {}
            }
            if self.json.len() > RECORD_BYTES {
                whole = false;
                self.json.clear();
                self.begin(table);
                index = 0;
            }
        }
    }

    /// A row of a `COPY`: cells between tabs, with their escapes (PostgreSQL, COPY, text format).
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
            if ended && read == all {
                self.cut_column(table, index, value.as_bytes());
            } else {
                self.column(table, index, value.as_bytes());
            }
        }
        self.row = row;
        self.end(table, line, read, kept)
    }
}

impl Source for Sql {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        loop {
            let (kind, line, whole) = match std::mem::replace(&mut self.rows, Rows::None) {
                Rows::None => {
                    let Some(first) = self.words.token() else { break };
                    if self.statement(&first).is_none() {
                        break;
                    }
                    continue;
                }
                Rows::Values(table) => {
                    let found = self.words.token();
                    if found == Some(Token::Sign(b',')) {
                        self.rows = Rows::Values(table);
                        continue;
                    }
                    if found != Some(Token::Sign(b'(')) {
                        if found.is_some_and(|token| token != Token::Sign(b';')) {
                            self.words.skip_statement();
                        }
                        continue;
                    }
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
                        self.loss
                            .record("rows that break off", || format!("the file ends at line {line}, within a COPY"));
                        break;
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
            return Ok(Some(Item::Record(Record { number: self.records, line, bytes: &self.json, whole, kind })));
        }
        self.words.text.stopped().map_or(Ok(None), Err)
    }

    fn loss(&mut self) -> Loss {
        std::mem::take(&mut self.loss)
    }
}

/// A bare value as JSON.
fn bare(word: &str) -> Vec<u8> {
    if word.eq_ignore_ascii_case("null") {
        return b"null".to_vec();
    }
    if serde_json::from_str::<serde_json::Number>(word).is_ok() {
        return word.as_bytes().to_vec();
    }
    // `_binary`, `E`, `X`, `N` and charsets stand in front of a text, which then takes their place.
    quoted(word.strip_prefix("0x").unwrap_or(word).as_bytes()).into_bytes()
}

/// A text as JSON.
fn quoted(bytes: &[u8]) -> String {
    serde_json::Value::from(text(bytes).as_ref()).to_string()
}

/// A cell of a `COPY` row without its escapes.
fn unescaped(cell: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(cell.len());
    let mut bytes = cell.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'b') => out.push(8),
            Some(b'f') => out.push(12),
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b't') => out.push(b'\t'),
            Some(b'v') => out.push(11),
            // `\\x6869`: bytes in hexadecimal, which read on as such.
            Some(b'\\') if bytes.peek() == Some(&b'x') => drop(bytes.next()),
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit.wrapping_sub(b'0'));
                for _ in 0..2 {
                    if let Some(digit @ b'0'..=b'7') = bytes.peek().copied() {
                        value = value.saturating_mul(8).saturating_add(u32::from(digit.wrapping_sub(b'0')));
                        bytes.next();
                    }
                }
                out.push(u8::try_from(value & 0xff).unwrap_or_default());
            }
            Some(other) => out.push(other),
            None => out.push(b'\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8]) -> (Vec<(FrameNo, u32, String)>, Loss) {
        let mut source = open(Window::new(Box::new(std::io::Cursor::new(text.to_vec())))).unwrap();
        let mut out = Vec::new();
        while let Some(Item::Record(record)) = source.next().unwrap() {
            out.push((record.line, record.kind, String::from_utf8(record.bytes.to_vec()).unwrap()));
        }
        (out, source.loss())
    }

    #[test]
    fn rows_of_copy_are_read_with_their_escapes() {
        let dump = b"--\n-- PostgreSQL database dump\n--\nSET x = 'a;b';\nCREATE FUNCTION f() RETURNS int AS $$ INSERT INTO t VALUES (1); $$ LANGUAGE sql;\nCREATE TABLE public.chat (\n id bigint NOT NULL,\n \"text\" text DEFAULT 'a,b'::text,\n at timestamp(3),\n CONSTRAINT c CHECK (id > 0)\n);\nCOPY public.chat (id, \"text\", raw) FROM stdin;\n1\tone\\ttwo\\\\three\t\\N\n2\t\\101\t\\\\x6869\n\\.\n\nSELECT 1;\n";
        assert_eq!(sniff(dump), Match::Maybe);
        let (found, loss) = rows(dump);
        assert_eq!(
            found,
            [
                (13, 1, r#"{"table chat":{"id":"1","text":"one\ttwo\\three","raw":null}}"#.to_owned()),
                (14, 1, r#"{"table chat":{"id":"2","text":"A","raw":"6869"}}"#.to_owned()),
            ]
        );
        assert_eq!(loss.records(), 0);
    }

    #[test]
    fn rows_of_insert_are_read_in_every_dialect() {
        let mysql = b"-- MySQL dump 10.13\n/*!40101 SET NAMES utf8 */;\nCREATE TABLE `m` (\n `id` int,\n `t` text,\n KEY `k` (`id`)\n) ENGINE=InnoDB;\nINSERT INTO `m` VALUES (1,'it\\'s \\\"so\\\"; (x)\\n'),(-2.5,_binary 'ab''c'),(3,NULL),(4,0x6869);\n";
        let (found, loss) = rows(mysql);
        let found: Vec<&str> = found.iter().map(|(_, _, row)| row.as_str()).collect();
        assert_eq!(
            found,
            [
                r#"{"table m":{"id":1,"t":"it's \"so\"; (x)\n"}}"#,
                r#"{"table m":{"id":-2.5,"t":"ab'c"}}"#,
                r#"{"table m":{"id":3,"t":null}}"#,
                r#"{"table m":{"id":4,"t":"6869"}}"#,
            ]
        );
        assert_eq!(loss.records(), 0);
        let sqlite = b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE IF NOT EXISTS \"c\"(a,b);\nINSERT INTO c VALUES('C:\\',replace('x\\ny','\\n',char(10)));\nINSERT INTO c(b) VALUES(X'6869');\nCOMMIT;\n";
        assert_eq!(sniff(sqlite), Match::Maybe);
        let (found, _) = rows(sqlite);
        let found: Vec<&str> = found.iter().map(|(_, _, row)| row.as_str()).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with(r#"{"table c":{"a":"C:\\","b":"#), "{found:?}");
        assert_eq!(found[1], r#"{"table c":{"b":"6869"}}"#);
    }

    #[test]
    fn what_is_broken_is_told() {
        let (found, loss) = rows(b"CREATE TABLE a (x int, y int);\nINSERT INTO a VALUES (1,2),(3),(4,'unclosed");
        assert_eq!(found.len(), 3);
        assert_eq!(loss.records(), 2);
        let (found, loss) = rows(b"COPY a (x) FROM stdin;\n1\n2");
        assert_eq!((found.len(), loss.records()), (2, 1));
        assert_eq!(sniff(b"insert coin to play\nthen create a table for it\n"), Match::No);
    }
}
