//! The words of SQL, one after the other, as dumps of several databases write them. What is passed over between rows
//! (comments, texts of other statements) is kept beside: it is in the store as well, and searched.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::value::{is_hex, quoted};
use crate::capture::bytewise::Bytewise;
use crate::capture::{Loss, Window};
use crate::model::budget::RECORD_BYTES;
use crate::model::origin::FrameNo;
use crate::model::record::Standing;
use std::collections::VecDeque;

/// A dump, word by word.
pub(super) struct Words {
    /// Its bytes, for who reads past words.
    pub(super) text: Bytewise,
    /// Backslashes escape, and double quotes stand round texts.
    slashes: bool,
    /// It is the inside of a comment.
    nested: bool,
    /// What was passed over and nobody has taken yet, and its bytes.
    asides: VecDeque<Aside>,
    held: usize,
    /// Texts of the statement at hand, while it is not known to hold rows.
    noted: Option<Noted>,
    /// What was lost.
    pub(super) loss: Loss,
}

/// What was passed over.
pub(super) struct Aside {
    /// The line it begins on.
    pub(super) line: FrameNo,
    /// What it says.
    pub(super) bytes: Vec<u8>,
    /// Whether the database wrote it, or who dumped it.
    pub(super) standing: Standing,
}

/// Texts of a statement.
#[derive(Default)]
struct Noted {
    line: Option<FrameNo>,
    texts: Vec<Vec<u8>>,
    bytes: usize,
}

/// One word of SQL.
#[derive(Debug, PartialEq)]
pub(super) enum Token {
    /// A keyword, a bare name or a number.
    Word(String),
    /// A name in quotes.
    Name(String),
    /// A text, and whether all of it was kept.
    Text(Vec<u8>, bool),
    /// A text that the next statement breaks off.
    Torn(Vec<u8>),
    /// Anything else.
    Sign(u8),
}

impl Token {
    /// Whether it is this keyword.
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found.eq_ignore_ascii_case(word))
    }

    /// It as a name.
    pub(super) fn name(self) -> Option<String> {
        match self {
            Self::Word(name) | Self::Name(name) => Some(name),
            Self::Text(bytes, _) | Self::Torn(bytes) => String::from_utf8(bytes).ok(),
            Self::Sign(_) => None,
        }
    }
}

/// How the lines begin that dumps put rows on.
const STATEMENTS: [&[u8]; 2] = [b"INSERT INTO ", b"CREATE TABLE "];
/// Bytes in which the end of a text is looked for that holds such a line.
const AHEAD: usize = 64 << 10;

/// Bytes of one name or keyword. Numbers, whose digits may be a whole file's, go by the budget of records.
const WORD: usize = 256;
/// Bytes of the shortest value that is ever looked for.
pub(super) const SHORTEST: usize = 4;

impl Words {
    /// From the first byte on.
    pub(super) fn new(text: Bytewise, slashes: bool) -> Self {
        let (asides, loss) = (VecDeque::new(), Loss::default());
        Self { text, slashes, nested: false, asides, held: 0, noted: None, loss }
    }

    /// What was passed over so far, piece by piece.
    pub(super) fn aside(&mut self) -> Option<Aside> {
        let aside = self.asides.pop_front();
        if aside.is_none() {
            self.held = 0;
        }
        aside
    }

    fn set_aside(&mut self, aside: Aside) {
        self.held = self.held.saturating_add(aside.bytes.len());
        if self.held <= RECORD_BYTES.saturating_mul(2) {
            self.asides.push_back(aside);
        } else {
            let line = aside.line;
            self.loss.record("comment over the budget", || format!("the comment at line {line} was skipped"));
        }
    }

    /// Begins to keep the texts of a statement, until it is known that they are rows or where they end.
    pub(super) fn note(&mut self) {
        self.noted = Some(Noted::default());
    }

    /// Ends a statement: the texts that were passed over in it are set aside.
    pub(super) fn settle(&mut self) {
        let Some(noted) = self.noted.take() else { return };
        if noted.texts.iter().any(|text| text.len() >= SHORTEST) {
            let texts: Vec<String> = noted.texts.iter().map(|text| quoted(text)).collect();
            let bytes = format!("{{\"statement\":[{}]}}", texts.join(",")).into_bytes();
            let line = noted.line.unwrap_or_else(|| self.text.line());
            self.set_aside(Aside { line, bytes, standing: Standing::Beside });
        }
    }

    /// The next word; comments and white space are passed over.
    pub(super) fn token(&mut self) -> Option<Token> {
        let token = self.read()?;
        let line = self.text.line();
        if let Some(noted) = &mut self.noted {
            noted.line.get_or_insert(line);
            let (text, kept) = match &token {
                Token::Text(text, kept) => (text.as_slice(), *kept),
                Token::Torn(text) => (text.as_slice(), false),
                Token::Word(word) if is_number(word) => (word.as_bytes(), true),
                _ => return Some(token),
            };
            let fits = noted.bytes.saturating_add(text.len()) <= RECORD_BYTES;
            if fits {
                noted.bytes = noted.bytes.saturating_add(text.len());
                noted.texts.push(plain(text).to_vec());
            }
            if !(fits && kept) {
                self.loss.record("statement over the budget", || {
                    format!("the statement at line {line} is broken or too long; it was read as far as it goes")
                });
            }
        }
        Some(token)
    }

    fn read(&mut self) -> Option<Token> {
        loop {
            let line = self.text.line();
            let byte = self.text.next()?;
            match byte {
                byte if byte.is_ascii_whitespace() => {}
                b'-' if self.text.peek() == Some(b'-') => self.line_comment(line),
                b'#' if self.slashes => self.line_comment(line),
                b'/' if self.text.peek() == Some(b'*') => self.block_comment(line),
                b'\'' => {
                    let slashes = self.slashes;
                    return Some(self.text_until(b'\'', slashes));
                }
                b'"' if self.slashes => return Some(self.text_until(b'"', true)),
                b'"' | b'`' => {
                    let (Token::Text(name, _) | Token::Torn(name)) = self.text_until(byte, false) else { return None };
                    let name = String::from_utf8_lossy(&name);
                    if name.chars().nth(WORD).is_some() {
                        self.cut(line);
                    }
                    return Some(Token::Name(name.chars().take(WORD).collect()));
                }
                // MySQL has names with dollars, and no texts between them.
                b'$' if !self.slashes => return Some(self.dollars()),
                byte if is_word(byte) || matches!(byte, b'-' | b'+') => {
                    let mut word = vec![byte];
                    // A number with its sign, its point and its exponent.
                    let number = byte.is_ascii_digit() || matches!(byte, b'-' | b'+');
                    let most = if number { RECORD_BYTES } else { WORD };
                    let mut whole = true;
                    while let Some(byte) = self.text.take_if(|next| is_word(next) || (number && next == b'.')) {
                        if word.len() < most {
                            word.push(byte);
                        } else {
                            whole = false;
                        }
                    }
                    if !whole {
                        self.cut(line);
                    }
                    // PostgreSQL's texts with escapes.
                    let escapes = !self.slashes && matches!(word.as_slice(), b"E" | b"e");
                    if escapes && self.text.take_if(|next| next == b'\'').is_some() {
                        return Some(self.text_until(b'\'', true));
                    }
                    return Some(Token::Word(String::from_utf8_lossy(&word).into_owned()));
                }
                byte => return Some(Token::Sign(byte)),
            }
        }
    }

    fn cut(&mut self, line: FrameNo) {
        self.loss.record("word over the budget", || {
            format!("a word at line {line} is too long for a name or a number; it was read as far as it goes")
        });
    }

    /// A comment up to the line's end.
    fn line_comment(&mut self, line: FrameNo) {
        let (mut text, mut over) = (Vec::new(), false);
        while let Some(byte) = self.text.take_if(|byte| byte != b'\n') {
            if text.len() < RECORD_BYTES {
                text.push(byte);
            } else {
                over = true;
            }
        }
        self.within(line, over);
        self.remark(line, text.strip_prefix(b"-").unwrap_or(&text));
    }

    /// A comment between `/*` and `*/`. What stands in `/*!` is a statement to MySQL: its texts are set aside as such.
    fn block_comment(&mut self, line: FrameNo) {
        let (mut text, mut last, mut over) = (Vec::new(), 0, false);
        self.text.next();
        while let Some(byte) = self.text.next() {
            if last == b'*' && byte == b'/' {
                if !over {
                    text.pop();
                }
                break;
            }
            last = byte;
            if text.len() < RECORD_BYTES {
                text.push(byte);
            } else {
                over = true;
            }
        }
        self.within(line, over);
        let conditional = text.starts_with(b"!") || text.starts_with(b"M!");
        if conditional && !self.nested && memchr::memchr2(b'\'', b'"', &text).is_some() {
            let window = Window::new(Box::new(std::io::Cursor::new(text)));
            let mut inner = Self { nested: true, ..Self::new(Bytewise::new(window), self.slashes) };
            inner.note();
            while inner.token().is_some() {}
            inner.settle();
            while let Some(aside) = inner.aside() {
                self.set_aside(Aside { line, ..aside });
            }
        } else {
            self.remark(line, &text);
        }
    }

    /// Tells of a comment that was cut.
    fn within(&mut self, line: FrameNo, over: bool) {
        if over {
            self.loss.record("comment over the budget", || {
                format!("the comment at line {line} is too long; it was read as far as it goes")
            });
        }
    }

    fn remark(&mut self, line: FrameNo, text: &[u8]) {
        let bytes = text.trim_ascii();
        if bytes.len() >= SHORTEST {
            let bytes = crate::capture::lines::text(bytes).as_bytes().to_vec();
            self.set_aside(Aside { line, bytes, standing: Standing::Remark });
        }
    }

    /// A text up to its closing quote, which doubled stands for itself.
    fn text_until(&mut self, quote: u8, slashes: bool) -> Token {
        let (mut text, mut kept, mut closes) = (Vec::new(), true, false);
        while let Some(byte) = self.text.next() {
            if byte == b'\n' && !closes && STATEMENTS.iter().any(|begins| self.text.starts_with(begins)) {
                if !self.closes(quote, slashes) {
                    // A quote is missing: this is the next statement, and no text.
                    return Token::Torn(text);
                }
                closes = true;
            }
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

    /// Whether a text that holds a line like a statement's is closed behind it: what follows its quote then goes on with
    /// the row, while the first quote of a real statement opens a text.
    fn closes(&mut self, quote: u8, slashes: bool) -> bool {
        let ahead = self.text.window().head(AHEAD);
        let mut rest = ahead;
        while let Some(at) = memchr::memchr2(quote, b'\\', rest) {
            let found = rest.get(at).copied();
            let behind = rest.get(at.saturating_add(1)..).unwrap_or_default();
            if found == Some(quote) && behind.first() != Some(&quote) {
                let next = behind.trim_ascii_start();
                return match next.first() {
                    Some(b',' | b')' | b']' | b';') => true,
                    Some(b':') => next.starts_with(b"::"),
                    Some(b'|') => next.starts_with(b"||"),
                    Some(_) => false,
                    None => ahead.len() < AHEAD,
                };
            }
            let pair = found == Some(quote) || slashes;
            rest = behind.get(usize::from(pair)..).unwrap_or_default();
        }
        false
    }

    /// The rest of a statement.
    pub(super) fn skip_statement(&mut self) {
        while let Some(token) = self.token() {
            if matches!(token, Token::Sign(b';') | Token::Torn(_)) {
                return;
            }
        }
    }

    /// A text between `$$` or `$name$`, as bodies of functions are written, behind its first dollar.
    fn dollars(&mut self) -> Token {
        let mut tag = vec![b'$'];
        while let Some(byte) = self.text.take_if(is_word) {
            if tag.len() < WORD {
                tag.push(byte);
            }
        }
        let parameter = tag.get(1).is_some_and(u8::is_ascii_digit);
        if parameter || self.text.take_if(|byte| byte == b'$').is_none() {
            return Token::Word(String::from_utf8_lossy(&tag).into_owned());
        }
        tag.push(b'$');
        let (mut text, mut kept) = (Vec::new(), true);
        while self.text.peek().is_some() {
            if self.text.starts_with(&tag) {
                self.text.consume(tag.len());
                return Token::Text(text, kept);
            }
            match self.text.next() {
                Some(byte) if text.len() < RECORD_BYTES => text.push(byte),
                _ => kept = false,
            }
        }
        Token::Text(text, false)
    }

    /// A table's name: the last of `schema.table`; and the word after it.
    pub(super) fn table_name(&mut self) -> Option<(String, Option<Token>)> {
        let mut name = self.token()?.name()?;
        loop {
            match self.token() {
                Some(Token::Sign(b'.')) => name = self.token()?.name()?,
                next => return Some((name, next)),
            }
        }
    }

    /// Names in parentheses, of which the first was read.
    pub(super) fn names(&mut self) -> Option<Vec<String>> {
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
}

/// Digits without what says that they are hexadecimal: `0x6869`, PostgreSQL's `\x6869`.
pub(super) fn plain(text: &[u8]) -> &[u8] {
    let digits = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"\\x"));
    digits.filter(|digits| is_hex(digits)).unwrap_or(text)
}

/// Whether a word is a number, in whatever notation.
pub(super) fn is_number(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+'))
}

/// Bytes that words and numbers are made of.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_') || !byte.is_ascii()
}
