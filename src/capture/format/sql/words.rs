//! The words of SQL, one after the other, as dumps of several databases write them.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::capture::bytewise::Bytewise;
use crate::model::budget::RECORD_BYTES;

/// A dump, word by word.
pub(super) struct Words {
    /// Its bytes, for who reads past words.
    pub(super) text: Bytewise,
    /// Backslashes escape, and double quotes stand round texts.
    slashes: bool,
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

/// How the lines begin that dumps put rows on: no text has them at the start of a line.
const STATEMENTS: [&[u8]; 2] = [b"INSERT INTO ", b"CREATE TABLE "];

/// Bytes of one word.
const WORD: usize = 256;

impl Words {
    /// From the first byte on.
    pub(super) const fn new(text: Bytewise, slashes: bool) -> Self {
        Self { text, slashes }
    }

    /// The next word; comments and white space are passed over.
    pub(super) fn token(&mut self) -> Option<Token> {
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
            if byte == b'\n' && STATEMENTS.iter().any(|begins| self.text.starts_with(begins)) {
                // A quote is missing: this is the next statement, and no text.
                return Token::Torn(text);
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

    /// The rest of a statement.
    pub(super) fn skip_statement(&mut self) {
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

/// Bytes that words and numbers are made of.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_') || !byte.is_ascii()
}
