//! SQL dumps: rows of `COPY … FROM stdin` (pg_dump) and of `INSERT INTO … VALUES` (mysqldump, mariadb-dump, sqlite3,
//! pg_dump --inserts), as JSON objects of their table's columns. Everything else in the dump is passed over.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::bytewise::Bytewise;
use crate::capture::lines::{head_lines, is_text, text};
use crate::capture::{EvidenceKind, Format, Loss, Source, Stopped, Window};
use crate::model::budget::{RECORD_BYTES, STORE_TABLES};
use crate::model::item::Item;
use crate::model::origin::FrameNo;
use crate::model::record::Record;
use std::collections::BTreeMap;

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
        text: Bytewise::new(window),
        slashes,
        columns: BTreeMap::new(),
        kinds: BTreeMap::new(),
        rows: Rows::None,
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
    text: Bytewise,
    slashes: bool,
    /// Columns by table, as `CREATE TABLE` names them.
    columns: BTreeMap<String, Vec<String>>,
    kinds: BTreeMap<String, u32>,
    rows: Rows,
    row: Vec<u8>,
    json: Vec<u8>,
    records: u64,
    loss: Loss,
}

/// One word of SQL.
#[derive(Debug, PartialEq)]
enum Token {
    /// A keyword, a bare name or a number.
    Word(String),
    /// A name in quotes.
    Name(String),
    /// A text, and whether all of it was kept.
    Text(Vec<u8>, bool),
    /// Anything else.
    Sign(u8),
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn name(self) -> Option<String> {
        match self {
            Self::Word(name) | Self::Name(name) => Some(name),
            Self::Text(bytes, _) => String::from_utf8(bytes).ok(),
            Self::Sign(_) => None,
        }
    }
}

/// Bytes of one word.
const WORD: usize = 256;

impl Sql {
    /// The next word; comments and white space are passed over.
    fn token(&mut self) -> Option<Token> {
        loop {
            let byte = self.text.next()?;
            match byte {
                byte if byte.is_ascii_whitespace() => {}
                b'-' if self.text.peek() == Some(b'-') => self.text.skip_while(|byte| byte != b'\n'),
                b'#' if self.slashes => self.text.skip_while(|byte| byte != b'\n'),
                b'/' if self.text.peek() == Some(b'*') => {
                    let mut last = 0;
                    self.text.next();
                    while let Some(byte) = self.text.next() {
                        if last == b'*' && byte == b'/' {
                            break;
                        }
                        last = byte;
                    }
                }
                b'\'' => {
                    let slashes = self.slashes;
                    return Some(self.text_until(b'\'', slashes));
                }
                b'"' if self.slashes => return Some(self.text_until(b'"', true)),
                b'"' | b'`' => {
                    let Token::Text(name, _) = self.text_until(byte, false) else { return None };
                    return Some(Token::Name(String::from_utf8_lossy(&name).chars().take(WORD).collect()));
                }
                byte if is_word(byte) || matches!(byte, b'-' | b'+') => {
                    let mut word = vec![byte];
                    // A number with its sign, its point and its exponent.
                    let number = byte.is_ascii_digit() || matches!(byte, b'-' | b'+');
                    while let Some(byte) = self.text.take_if(|next| is_word(next) || (number && next == b'.')) {
                        if word.len() < WORD {
                            word.push(byte);
                        }
                    }
                    return Some(Token::Word(String::from_utf8_lossy(&word).into_owned()));
                }
                byte => return Some(Token::Sign(byte)),
            }
        }
    }

    /// A text up to its closing quote, which doubled stands for itself.
    fn text_until(&mut self, quote: u8, slashes: bool) -> Token {
        let (mut text, mut kept) = (Vec::new(), true);
        while let Some(byte) = self.text.next() {
            let byte = match byte {
                b'\\' if slashes => match self.text.next() {
                    Some(b'n') => b'\n',
                    Some(b'r') => b'\r',
                    Some(b't') => b'\t',
                    Some(b'0') => 0,
                    Some(b'b') => 8,
                    Some(b'Z') => 26,
                    Some(other) => other,
                    None => return Token::Text(text, false),
                },
                byte if byte == quote => {
                    if self.text.take_if(|next| next == quote).is_none() {
                        return Token::Text(text, kept);
                    }
                    quote
                }
                byte => byte,
            };
            if text.len() < RECORD_BYTES {
                text.push(byte);
            } else {
                kept = false;
            }
        }
        Token::Text(text, false)
    }

    /// The rest of a statement.
    fn skip_statement(&mut self) {
        while let Some(token) = self.token() {
            match token {
                Token::Sign(b';') => return,
                // A body of a function between `$$` or `$name$`.
                Token::Sign(b'$') => self.skip_dollars(),
                _ => {}
            }
        }
    }

    fn skip_dollars(&mut self) {
        let mut tag = vec![b'$'];
        while let Some(byte) = self.text.take_if(is_word) {
            tag.push(byte);
        }
        if self.text.take_if(|byte| byte == b'$').is_none() {
            return;
        }
        tag.push(b'$');
        while self.text.peek().is_some() {
            if self.text.starts_with(&tag) {
                self.text.consume(tag.len());
                return;
            }
            self.text.next();
        }
    }

    /// A table's name: the last of `schema.table`; and the word after it.
    fn table_name(&mut self) -> Option<(String, Option<Token>)> {
        let mut name = self.token()?.name()?;
        loop {
            match self.token() {
                Some(Token::Sign(b'.')) => name = self.token()?.name()?,
                next => return Some((name, next)),
            }
        }
    }

    /// Reads a statement from its first word on; rows may follow.
    fn statement(&mut self, first: &Token) -> Option<()> {
        if first.is("insert") || first.is("replace") {
            loop {
                let word = self.token()?;
                if word.is("into") {
                    break;
                }
                if word == Token::Sign(b';') {
                    return Some(());
                }
            }
            let (name, mut next) = self.table_name()?;
            let mut columns = None;
            if next == Some(Token::Sign(b'(')) {
                columns = Some(self.names()?);
                next = self.token();
            }
            while let Some(token) = next {
                if token.is("values") {
                    self.rows = Rows::Values(self.table(name, columns));
                    return Some(());
                }
                if token == Token::Sign(b';') {
                    return Some(());
                }
                next = self.token();
            }
        } else if first.is("copy") {
            let (name, mut next) = self.table_name()?;
            let mut columns = None;
            if next == Some(Token::Sign(b'(')) {
                columns = Some(self.names()?);
                next = self.token();
            }
            let from = next.is_some_and(|token| token.is("from"));
            let stdin = from && self.token()?.is("stdin");
            self.skip_statement();
            if stdin {
                self.text.skip_while(|byte| byte != b'\n');
                self.text.next();
                self.rows = Rows::Copy(self.table(name, columns));
            }
        } else if first.is("create") {
            loop {
                let word = self.token()?;
                if word.is("table") {
                    break;
                }
                if word == Token::Sign(b';') {
                    return Some(());
                }
                if !(word.is("temporary") || word.is("unlogged") || word.is("virtual") || word.is("foreign")) {
                    self.skip_statement();
                    return Some(());
                }
            }
            self.create_table()?;
        } else if *first != Token::Sign(b';') {
            self.skip_statement();
        }
        Some(())
    }

    /// `[IF NOT EXISTS] name (column type …, constraint …)`.
    fn create_table(&mut self) -> Option<()> {
        let mut word = self.token()?;
        while word.is("if") || word.is("not") || word.is("exists") {
            word = self.token()?;
        }
        let mut name = word.name()?;
        let mut next = self.token()?;
        while next == Token::Sign(b'.') {
            name = self.token()?.name()?;
            next = self.token()?;
        }
        if next != Token::Sign(b'(') {
            self.skip_statement();
            return Some(());
        }
        let (mut depth, mut begins, mut columns) = (1_usize, true, Vec::new());
        while depth > 0 {
            let token = self.token()?;
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
        self.skip_statement();
        if self.columns.len() < STORE_TABLES {
            self.columns.insert(name, columns);
        }
        Some(())
    }

    /// Names in parentheses, of which the first was read.
    fn names(&mut self) -> Option<Vec<String>> {
        let mut names = Vec::new();
        loop {
            match self.token()? {
                Token::Sign(b')') => return Some(names),
                Token::Sign(_) => {}
                token if names.len() < 4_096 => names.extend(token.name()),
                _ => {}
            }
        }
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
            let Some(token) = self.token() else {
                if !value.is_empty() {
                    self.column(table, index, &value);
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
        for (index, cell) in row.split(|byte| *byte == b'\t').enumerate() {
            let value = if cell == br"\N" { "null".to_owned() } else { quoted(&unescaped(cell)) };
            self.column(table, index, value.as_bytes());
            read = index.saturating_add(1);
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
                    let Some(first) = self.token() else { break };
                    if self.statement(&first).is_none() {
                        break;
                    }
                    continue;
                }
                Rows::Values(table) => {
                    let found = self.token();
                    if found == Some(Token::Sign(b',')) {
                        self.rows = Rows::Values(table);
                        continue;
                    }
                    if found != Some(Token::Sign(b'(')) {
                        if found.is_some_and(|token| token != Token::Sign(b';')) {
                            self.skip_statement();
                        }
                        continue;
                    }
                    let line = self.text.line();
                    let whole = self.values(&table, line);
                    let kind = table.kind;
                    self.rows = Rows::Values(table);
                    (kind, line, whole)
                }
                Rows::Copy(table) => {
                    let line = self.text.line();
                    if self.text.peek().is_none() {
                        self.loss
                            .record("rows that break off", || format!("the file ends at line {line}, within a COPY"));
                        break;
                    }
                    let kept = self.text.rest_of_line(&mut self.row);
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
        self.text.stopped().map_or(Ok(None), Err)
    }

    fn loss(&mut self) -> Loss {
        std::mem::take(&mut self.loss)
    }
}

/// Bytes that words and numbers are made of.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_') || !byte.is_ascii()
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
