//! One value of a row: a literal, or an expression in which every literal counts. Dumps write texts as calls of a few
//! functions, which are undone; of any other call the longest text stands for it, and the rest is kept beside.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::words::{SHORTEST, Token, is_number, plain};
use crate::capture::lines::text;
use crate::model::budget::RECORD_BYTES;

/// Calls one inside the other that are told apart; deeper ones count to the innermost.
const DEPTH: usize = 64;

/// A value that is being read.
#[derive(Default)]
pub(super) struct Value {
    /// What stands outside all calls.
    top: Arg,
    /// The calls around the next word, outermost first.
    calls: Vec<Call>,
    /// Brackets that are open beyond [`DEPTH`].
    deeper: usize,
    /// Literals that the value does not show.
    others: Vec<Vec<u8>>,
    /// Bytes of all literals; over the budget the rest is dropped.
    held: usize,
    /// Something of it was dropped.
    pub(super) short: bool,
}

/// A call: what it is of, the arguments that are complete, and the one at hand.
#[derive(Default)]
struct Call {
    of: String,
    args: Vec<Arg>,
    arg: Arg,
}

/// An argument, as far as it was read.
#[derive(Default)]
struct Arg {
    text: Option<Vec<u8>>,
    /// Its first word or name: what it is where it has no text.
    first: Option<(String, bool)>,
    /// The word that was read last: a function's name, if a bracket follows.
    last: String,
    /// What was read since its text.
    since: Since,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Since {
    #[default]
    Nothing,
    /// `||`: what follows continues the text.
    Bars,
    Other,
}

impl Arg {
    /// Adds a text: to the one at hand if it continues that; else the longer one stays. Hands back the other.
    fn put(&mut self, mut text: Vec<u8>) -> Option<Vec<u8>> {
        let since = std::mem::take(&mut self.since);
        match &mut self.text {
            None => self.text = Some(text),
            Some(known) if since != Since::Other => known.append(&mut text),
            Some(known) => {
                if text.len() > known.len() {
                    std::mem::swap(known, &mut text);
                }
                return Some(text);
            }
        }
        None
    }

    fn word(&mut self, word: String, quoted: bool) {
        if self.since == Since::Nothing && self.text.is_some() {
            self.since = Since::Other;
        }
        if self.first.is_none() {
            self.first = Some((word.clone(), quoted));
        }
        self.last = word;
    }

    /// Its first word as a whole number.
    fn number(&self) -> Option<u32> {
        self.first.as_ref()?.0.parse().ok()
    }
}

impl Value {
    /// Nothing has been read of it.
    pub(super) fn is_empty(&self) -> bool {
        self.top.text.is_none() && self.top.first.is_none() && self.calls.is_empty() && self.others.is_empty()
    }

    /// It is within a call: commas and brackets are its own.
    pub(super) fn is_open(&self) -> bool {
        !self.calls.is_empty()
    }

    fn arg(&mut self) -> &mut Arg {
        self.calls.last_mut().map_or(&mut self.top, |call| &mut call.arg)
    }

    fn put(&mut self, text: Vec<u8>) {
        let other = self.arg().put(text);
        self.others.extend(other);
    }

    /// Takes a literal, as far as there is room.
    fn literal(&mut self, text: &[u8]) {
        self.held = self.held.saturating_add(text.len());
        if self.held > RECORD_BYTES {
            self.short = true;
        } else {
            self.put(text.to_vec());
        }
    }

    /// Reads a word of the value.
    pub(super) fn take(&mut self, token: Token) {
        match token {
            Token::Text(text, kept) => {
                self.short |= !kept;
                self.literal(plain(&text));
            }
            Token::Torn(text) => {
                self.short = true;
                self.literal(plain(&text));
            }
            Token::Word(word) => {
                // In a call digits are a literal like a text; alone they are a number.
                if self.is_open() && word.starts_with("0x") {
                    self.literal(plain(word.as_bytes()));
                } else if self.is_open() && word.len() >= SHORTEST && is_number(&word) {
                    self.held = self.held.saturating_add(word.len());
                    if self.held <= RECORD_BYTES {
                        self.others.push(word.clone().into_bytes());
                    }
                    self.arg().word(word, false);
                } else {
                    self.arg().word(word, false);
                }
            }
            Token::Name(name) => self.arg().word(name, true),
            Token::Sign(b'(' | b'[') => {
                if self.calls.len() < DEPTH {
                    let of = std::mem::take(&mut self.arg().last).to_ascii_lowercase();
                    self.calls.push(Call { of, ..Call::default() });
                } else {
                    self.deeper = self.deeper.saturating_add(1);
                }
            }
            Token::Sign(b')' | b']') if self.deeper > 0 => self.deeper = self.deeper.saturating_sub(1),
            Token::Sign(b')' | b']') => self.close(),
            Token::Sign(b',') => {
                if let Some(call) = self.calls.last_mut()
                    && call.args.len() < 1_024
                {
                    let arg = std::mem::take(&mut call.arg);
                    call.args.push(arg);
                } else {
                    self.arg().since = Since::Other;
                }
            }
            Token::Sign(b'|') => self.arg().since = Since::Bars,
            Token::Sign(_) => self.arg().since = Since::Other,
        }
    }

    /// Ends the innermost call: what it comes to is a text of what stands around it.
    fn close(&mut self) {
        let Some(Call { of, mut args, arg }) = self.calls.pop() else { return };
        args.push(arg);
        let numbers = || args.iter().map(Arg::number).collect::<Option<Vec<u32>>>();
        let came = match of.as_str() {
            "char" | "chr" | "nchar" => {
                numbers().map(|all| all.into_iter().filter_map(char::from_u32).collect::<String>().into_bytes())
            }
            _ => None,
        };
        if let Some(came) = came {
            return self.put(came);
        }
        let mut texts: Vec<Vec<u8>> = args.into_iter().filter_map(|arg| arg.text).collect();
        match (of.as_str(), texts.as_slice()) {
            ("replace", [_, _, _]) => {
                let (by, from) = (texts.pop().unwrap_or_default(), texts.pop().unwrap_or_default());
                let all = replaced(&texts.pop().unwrap_or_default(), &from, &by);
                self.short |= all.len() >= RECORD_BYTES;
                // SQLite writes line ends so; anything else may be as much of a text as what it is replaced in.
                self.others.extend([from, by]);
                self.put(all);
            }
            ("unistr", [text]) => {
                let text = unistr(text);
                self.put(text);
            }
            ("concat", [_, ..]) => self.put(texts.concat()),
            ("concat_ws", [by, rest @ ..]) => {
                let all = rest.join(by.as_slice());
                self.put(all);
            }
            (_, []) => {}
            _ => {
                let longest = texts.iter().enumerate().rev().max_by_key(|(_, text)| text.len());
                let longest = longest.map_or(0, |(at, _)| at);
                let text = texts.swap_remove(longest);
                self.others.append(&mut texts);
                self.put(text);
            }
        }
    }

    /// The value as JSON, and the literals that it does not show, if any, as a list.
    pub(super) fn end(mut self) -> (Vec<u8>, Option<Vec<u8>>) {
        while self.is_open() {
            self.close();
        }
        let Self { top: Arg { text, first, .. }, mut others, .. } = self;
        let value = match (&text, first) {
            (Some(text), _) => quoted(text).into_bytes(),
            (None, Some((name, true))) => quoted(name.as_bytes()).into_bytes(),
            (None, Some((word, false))) => bare(&word),
            (None, None) => b"null".to_vec(),
        };
        let shown = text.unwrap_or_default();
        others.retain(|other| other.len() >= SHORTEST && memchr::memmem::find(&shown, other).is_none());
        let list = || others.iter().map(|other| quoted(other)).collect::<Vec<_>>().join(",");
        let beside = (!others.is_empty()).then(|| format!("[{}]", list()).into_bytes());
        (value, beside)
    }
}

/// A text with every `from` in it replaced, as far as there is room.
fn replaced(text: &[u8], from: &[u8], by: &[u8]) -> Vec<u8> {
    let (mut out, mut kept) = (Vec::with_capacity(text.len()), 0_usize);
    if !from.is_empty() {
        for at in memchr::memmem::find_iter(text, from) {
            if out.len() >= RECORD_BYTES {
                return out;
            }
            out.extend_from_slice(text.get(kept..at).unwrap_or_default());
            out.extend_from_slice(by);
            kept = at.saturating_add(from.len());
        }
    }
    out.extend_from_slice(text.get(kept..).unwrap_or_default());
    out
}

/// A text without the escapes of `unistr` (SQLite 3.50, PostgreSQL 14): `\XXXX`, `\uXXXX`, `\+XXXXXX`, `\UXXXXXXXX`, `\\`.
fn unistr(text: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    let mut units: Vec<u16> = Vec::new();
    let flush = |units: &mut Vec<u16>, out: &mut Vec<u8>| {
        out.extend_from_slice(String::from_utf16_lossy(units).as_bytes());
        units.clear();
    };
    while let Some((byte, behind)) = rest.split_first() {
        let (skip, digits) = match behind.first() {
            Some(b'u') => (1, 4),
            Some(b'+') => (1, 6),
            Some(b'U') => (1, 8),
            _ => (0, 4),
        };
        let code = behind.get(skip..).and_then(|behind| behind.get(..digits));
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u32::from_str_radix(digits, 16).ok()).filter(|_| *byte == b'\\');
        match code {
            // Halves of a pair come as two escapes.
            Some(code) if u16::try_from(code).is_ok() => units.push(u16::try_from(code).unwrap_or_default()),
            Some(code) => {
                flush(&mut units, &mut out);
                out.extend_from_slice(char::from_u32(code).unwrap_or('\u{fffd}').to_string().as_bytes());
            }
            None => {
                flush(&mut units, &mut out);
                out.push(*byte);
                let pair = *byte == b'\\' && behind.first() == Some(&b'\\');
                rest = behind.get(usize::from(pair)..).unwrap_or_default();
                continue;
            }
        }
        rest = behind.get(skip.saturating_add(digits)..).unwrap_or_default();
    }
    flush(&mut units, &mut out);
    out
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
    quoted(plain(word.as_bytes())).into_bytes()
}

/// A text as JSON.
pub(super) fn quoted(bytes: &[u8]) -> String {
    serde_json::Value::from(text(bytes).as_ref()).to_string()
}

/// Whether these are bytes in hexadecimal.
pub(super) fn is_hex(digits: &[u8]) -> bool {
    !digits.is_empty() && digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit)
}

/// A cell of a `COPY` row without its escapes (PostgreSQL, COPY, text format).
pub(super) fn unescaped(cell: &[u8]) -> Vec<u8> {
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

    /// A value as it stands in a row, read with standard escapes.
    fn value(sql: &str) -> (String, Option<String>) {
        let window = crate::capture::Window::new(Box::new(std::io::Cursor::new(sql.as_bytes().to_vec())));
        let mut words =
            crate::capture::format::sql::words::Words::new(crate::capture::bytewise::Bytewise::new(window), false);
        let mut value = Value::default();
        while let Some(token) = words.token() {
            value.take(token);
        }
        let (value, beside) = value.end();
        (String::from_utf8(value).unwrap(), beside.map(|beside| String::from_utf8(beside).unwrap()))
    }

    #[test]
    fn every_literal_of_a_value_is_kept() {
        for (sql, want, beside) in [
            ("'plain'", r#""plain""#, None),
            ("''", r#""""#, None),
            ("NULL", "null", None),
            ("-2.5", "-2.5", None),
            ("0x6869", r#""6869""#, None),
            ("_binary 'ab'", r#""ab""#, None),
            ("X'6869'", r#""6869""#, None),
            ("'\\x6869'", r#""6869""#, None),
            ("'\\xyz'", r#""\\xyz""#, None),
            ("E'it\\'s\\n'", r#""it's\n""#, None),
            ("$$it's $1$$", r#""it's $1""#, None),
            ("$a$x$$y$a$", r#""x$$y""#, None),
            ("'2026-11-02'::timestamp", r#""2026-11-02""#, None),
            ("CAST('heron' AS CHAR(20))", r#""heron""#, None),
            ("CAST(4915112345678 AS CHAR)", r#""CAST""#, Some(r#"["4915112345678"]"#)),
            ("CONVERT(0x6869 USING utf8)", r#""6869""#, None),
            // As SQLite writes line ends.
            ("replace('Hi\\nThere','\\n',char(10))", r#""Hi\nThere""#, None),
            ("replace(replace('a\\r\\nb','\\r',char(13)),'\\n',char(10))", r#""a\r\nb""#, None),
            ("replace('heron','','x')", r#""heron""#, None),
            ("replace('aXb','X','The heron lands')", r#""aThe heron landsb""#, None),
            ("replace('none','X','The heron lands')", r#""none""#, Some(r#"["The heron lands"]"#)),
            ("unistr('a\\u000ab\\\\c \\d83d\\dc26 \\+01f426')", "\"a\\nb\\\\c \u{1f426} \u{1f426}\"", None),
            // As databases join texts.
            ("CONCAT('The heron',' lands','')", r#""The heron lands""#, None),
            ("CONCAT_WS('-','The','heron')", r#""The-heron""#, None),
            ("'The heron' || ' lands' || chr(33)", r#""The heron lands!""#, None),
            ("'The heron'\n' lands'", r#""The heron lands""#, None),
            // Of any other call the longest stands for it.
            ("COALESCE('The heron','none')", r#""The heron""#, Some(r#"["none"]"#)),
            ("COALESCE('none','The heron')", r#""The heron""#, Some(r#"["none"]"#)),
            ("IF(1,'yes','no')", r#""yes""#, None),
            ("CASE WHEN a='left' THEN 'right one' ELSE 'other' END", r#""right one""#, Some(r#"["left","other"]"#)),
            ("ARRAY['heron','dusk!']", r#""heron""#, Some(r#"["dusk!"]"#)),
            ("f(g(h('deep one'),'side'),'outer one')", r#""outer one""#, Some(r#"["side","deep one"]"#)),
            ("f('open", r#""open""#, None),
            ("(((('in'))))", r#""in""#, None),
        ] {
            let (found, others) = value(sql);
            assert_eq!((found.as_str(), others.as_deref()), (want, beside), "{sql}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = format!("{}'heron'{}", "f(".repeat(5_000), ")".repeat(5_000));
        assert_eq!(value(&deep), (r#""heron""#.to_owned(), None));
        let long = format!("f('{}')", vec!["x".repeat(1 << 20); 20].join("','"));
        let (text, others) = value(&long);
        assert!(text.len() + others.map_or(0, |others| others.len()) < 2 * RECORD_BYTES);
        let grown = format!("replace('{}','x','{}')", "x".repeat(1 << 20), "y".repeat(1 << 20));
        assert!(value(&grown).0.len() < 2 * RECORD_BYTES);
    }
}
