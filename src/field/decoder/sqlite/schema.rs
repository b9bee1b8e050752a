//! What a table's columns are called, by the statement that made it.

use std::ops::Range;

/// A column that rows hold.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Column {
    /// Where its name stands in the statement.
    pub(super) name: Range<usize>,
    /// It is the row's number: an `INTEGER PRIMARY KEY`.
    pub(super) is_rowid: bool,
}

/// A word, a quoted name or text, or a sign.
#[derive(Clone, Debug)]
struct Token {
    range: Range<usize>,
    quoted: bool,
}

/// The next token from `at` on, and where it ends. A quoted one is what stands between the quotes.
fn token(sql: &[u8], mut at: usize) -> Option<(Token, usize)> {
    loop {
        let rest = sql.get(at..)?;
        let past =
            |end: &[u8]| memchr::memmem::find(rest, end).map_or(rest.len(), |found| found.saturating_add(end.len()));
        let len = match rest {
            [] => return None,
            [byte, ..] if byte.is_ascii_whitespace() => 1,
            [b'-', b'-', ..] => past(b"\n"),
            [b'/', b'*', ..] => past(b"*/"),
            _ => break,
        };
        at = at.saturating_add(len);
    }
    let rest = sql.get(at..)?;
    let first = *rest.first()?;
    let close = match first {
        b'"' | b'\'' | b'`' => first,
        b'[' => b']',
        _ => {
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii();
            let len = rest.iter().take_while(|byte| is_word(byte)).count().max(1);
            let end = at.saturating_add(len);
            return Some((Token { range: at..end, quoted: false }, end));
        }
    };
    let from = at.saturating_add(1);
    let mut end = from;
    // A quote in a quoted name is doubled.
    loop {
        let found = memchr::memchr(close, sql.get(end..)?)?;
        end = end.saturating_add(found);
        let next = end.saturating_add(1);
        if close == b']' || sql.get(next) != Some(&close) {
            return Some((Token { range: from..end, quoted: true }, next));
        }
        end = next.saturating_add(1);
    }
}

/// The columns of a `CREATE TABLE` statement in the order in which rows hold them; none where that is not known.
pub(super) fn columns(sql: &[u8]) -> Vec<Column> {
    let (mut columns, mut at, mut depth) = (Vec::new(), 0_usize, 0_usize);
    let mut piece: Vec<Token> = Vec::new();
    let mut keyed_first = false;
    let is = |token: &Token, word: &[u8]| {
        !token.quoted && sql.get(token.range.clone()).is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    while let Some((token, end)) = token(sql, at) {
        at = end;
        let sign = if token.quoted { None } else { sql.get(token.range.start) };
        match sign {
            Some(b'(') => {
                depth = depth.saturating_add(1);
                if depth == 1 {
                    piece.clear();
                }
            }
            Some(b')') if depth > 1 => depth = depth.saturating_sub(1),
            Some(b',' | b')') if depth == 1 => {
                let has = |word: &[u8]| piece.iter().skip(1).any(|token| is(token, word));
                let beside = |one: &[u8], other: &[u8]| {
                    piece.windows(2).any(|two| matches!(two, [a, b] if is(a, one) && is(b, other)))
                };
                let of_table = [&b"CONSTRAINT"[..], b"PRIMARY", b"UNIQUE", b"CHECK", b"FOREIGN"];
                if let Some(name) = piece.first().filter(|first| !of_table.iter().any(|word| is(first, word))) {
                    let key = beside(b"PRIMARY", b"KEY");
                    keyed_first |= key && columns.is_empty();
                    // What is made of other columns is kept only if it says so.
                    if !has(b"AS") || has(b"STORED") {
                        let number = piece.get(1).is_some_and(|kind| is(kind, b"INTEGER"));
                        columns.push(Column { name: name.range.clone(), is_rowid: key && number });
                    }
                }
                piece.clear();
                if sign == Some(&b')') {
                    depth = 0;
                    break;
                }
            }
            _ if depth == 1 => piece.push(token),
            _ => {}
        }
    }
    let mut without = false;
    while let Some((token, end)) = token(sql, at) {
        at = end;
        without |= is(&token, b"WITHOUT");
    }
    // Rows without numbers begin with what they are found by.
    if without && !keyed_first {
        columns.clear();
    }
    if without {
        for column in &mut columns {
            column.is_rowid = false;
        }
    }
    if depth == 0 { columns } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named() {
        let cases: [(&str, &[&str], Option<usize>); 9] = [
            ("CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT)", &["id", "text"], Some(0)),
            (
                "create table \"a(b\" ( [x y] text not null, `z` integer primary key autoincrement )",
                &["x y", "z"],
                Some(1),
            ),
            ("CREATE TABLE t(a, b, PRIMARY KEY(a, b), CHECK (a > (b)))", &["a", "b"], None),
            ("CREATE TABLE t(a DECIMAL(10,2) DEFAULT ',', -- c, d\n b /* e, */ TEXT)", &["a", "b"], None),
            ("CREATE TABLE t(a, b AS (a || 'x'), c GENERATED ALWAYS AS (a) STORED, d)", &["a", "c", "d"], None),
            ("CREATE TABLE t(id TEXT PRIMARY KEY, v) WITHOUT ROWID", &["id", "v"], None),
            ("CREATE TABLE t(v, id TEXT PRIMARY KEY) WITHOUT ROWID", &[], None),
            ("CREATE TABLE t(id INT PRIMARY KEY, \"as\" TEXT)", &["id", "as"], None),
            ("CREATE TABLE t(a, b", &[], None),
        ];
        for (sql, names, rowid) in cases {
            let found = columns(sql.as_bytes());
            let named: Vec<&str> = found.iter().map(|column| &sql[column.name.clone()]).collect();
            assert_eq!(named, names, "{sql}");
            assert_eq!(found.iter().position(|column| column.is_rowid), rowid, "{sql}");
        }
    }
}
