//! GraphQL documents (October 2021 specification): the values that stand in a request's text, by field and argument.
//!
//! Variables travel beside the document, as JSON, and need no help.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_media_type;
use crate::field::text::utf16_to_utf8;
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::{Kind, View};
use std::ops::Range;

/// The entry.
pub(super) static GRAPHQL: Decoder = Decoder {
    name: "graphql",
    about: "GraphQL documents: values of arguments by field",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::BRACKET, none: Shape::NUL.or(Shape::CONTROL), min: 8, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: br#"{"query":"mutation { sendMessage(to: \"Ann\", text: \"The heron lands\") { id } }","variables":{"n":1}}"#,
            hint: "application/json",
            shows: "The heron lands",
            trail: "json $.query > graphql sendMessage.text",
        },
        Sample {
            bytes: b"query Near($n: Int = 3) {\n  places(at: {lat: 48.8584, lon: 2.2945}, tags: [\"The heron\"]) { name(first: $n) }\n}",
            hint: "application/graphql",
            shows: "The heron",
            trail: "graphql places.tags[0]",
        },
        Sample {
            bytes: b"{ note(text: \"\"\"\n  The heron\n  lands\n\"\"\") }",
            hint: "",
            shows: "The heron",
            trail: "graphql note.text",
        },
    ],
};

const WHAT: Malformed = Malformed::Illegal("GraphQL document");
/// Selections, lists and objects one inside the other.
const LEVELS: usize = 128;

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    if is_media_type(hint.content_type, &["application/graphql"]) {
        return Match::Certain;
    }
    // A name follows the brace: in JSON a quote would.
    let starts = match text {
        [b'{', rest @ ..] => rest.trim_ascii_start().first().is_some_and(|byte| is_start(*byte) || *byte == b'.'),
        _ => {
            ["query", "mutation", "subscription", "fragment", "#"].iter().any(|word| text.starts_with(word.as_bytes()))
        }
    };
    // Without arguments nothing is said.
    if starts && text.last() == Some(&b'}') && memchr::memchr2(b'(', b'$', text).is_some() {
        Match::Certain
    } else {
        Match::No
    }
}

const fn is_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(Range<usize>),
    /// A punctuator, by its first byte: `.` is the spread.
    Sign(u8),
    Number(Range<usize>),
    /// What stands between the quotes, and whether there are three.
    Text(Range<usize>, bool),
    End,
}

struct Reader<'b, 'f, 't> {
    bytes: &'b [u8],
    at: usize,
    /// Where the last token ended.
    ended: usize,
    next: Token,
    fields: &'f mut Fields<'t>,
    values: usize,
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut reader = Reader { bytes, at, ended: at, next: Token::End, fields, values: 0 };
    reader.advance()?;
    while reader.next != Token::End {
        reader.definition()?;
    }
    // A document without a value is text like any other.
    if reader.values == 0 { Err(WHAT) } else { Ok(()) }
}

impl Reader<'_, '_, '_> {
    /// Takes the token that is next, and reads the one after it.
    fn advance(&mut self) -> Result<Token, Malformed> {
        self.ended = self.at;
        let token = self.token()?;
        Ok(std::mem::replace(&mut self.next, token))
    }

    fn token(&mut self) -> Result<Token, Malformed> {
        loop {
            match self.bytes.get(self.at) {
                None => return Ok(Token::End),
                Some(b' ' | b'\t' | b'\r' | b'\n' | b',') => self.at = self.at.saturating_add(1),
                Some(b'#') => {
                    let rest = self.bytes.get(self.at..).unwrap_or_default();
                    let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                    self.at = self.at.saturating_add(end);
                }
                Some(_) => break,
            }
        }
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let run = |is: fn(&u8) -> bool| rest.iter().take_while(|byte| is(byte)).count();
        let (token, len) = match rest {
            [b'.', b'.', b'.', ..] => (Token::Sign(b'.'), 3),
            [sign @ (b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|' | b'}'), ..] => {
                (Token::Sign(*sign), 1)
            }
            [first, ..] if is_start(*first) => {
                let len = run(|byte| is_start(*byte) || byte.is_ascii_digit());
                (Token::Name(start..start.saturating_add(len)), len)
            }
            [b'-' | b'0'..=b'9', ..] => {
                let len = run(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
                (Token::Number(start..start.saturating_add(len)), len)
            }
            [b'"', b'"', b'"', inner @ ..] => {
                let end = memchr::memmem::find_iter(inner, b"\"\"\"")
                    .find(|at| at.checked_sub(1).and_then(|before| inner.get(before)) != Some(&b'\\'))
                    .ok_or(WHAT)?;
                let from = start.saturating_add(3);
                (Token::Text(from..from.saturating_add(end), true), end.saturating_add(6))
            }
            [b'"', inner @ ..] => {
                let mut escaped = false;
                let end = inner.iter().position(|byte| {
                    let closes = !escaped && *byte == b'"';
                    escaped = !escaped && *byte == b'\\';
                    closes
                });
                let end = end.ok_or(WHAT)?;
                if memchr::memchr2(b'\r', b'\n', inner.get(..end).unwrap_or_default()).is_some() {
                    return Err(WHAT);
                }
                let from = start.saturating_add(1);
                (Token::Text(from..from.saturating_add(end), false), end.saturating_add(2))
            }
            _ => return Err(WHAT),
        };
        self.at = start.saturating_add(len);
        Ok(token)
    }

    fn is(&self, sign: u8) -> bool {
        self.next == Token::Sign(sign)
    }

    fn take(&mut self, sign: u8) -> Result<bool, Malformed> {
        let is = self.is(sign);
        if is {
            self.advance()?;
        }
        Ok(is)
    }

    fn expect(&mut self, sign: u8) -> Result<(), Malformed> {
        if self.take(sign)? { Ok(()) } else { Err(WHAT) }
    }

    fn name(&mut self) -> Result<Range<usize>, Malformed> {
        match self.advance()? {
            Token::Name(name) => Ok(name),
            _ => Err(WHAT),
        }
    }

    fn key(&self, name: Range<usize>) -> Key {
        Key::At(self.fields.view(name))
    }

    /// An operation or a fragment.
    fn definition(&mut self) -> Result<(), Malformed> {
        if self.is(b'{') {
            return self.selections(0);
        }
        let kind = self.name()?;
        match self.bytes.get(kind) {
            Some(b"query" | b"mutation" | b"subscription") => {
                if matches!(self.next, Token::Name(_)) {
                    self.advance()?;
                }
                if self.take(b'(')? {
                    while !self.take(b')')? {
                        self.variable()?;
                    }
                }
            }
            Some(b"fragment") => {
                self.name()?;
                let on = self.name()?;
                if self.bytes.get(on) != Some(b"on") {
                    return Err(WHAT);
                }
                self.name()?;
            }
            _ => return Err(WHAT),
        }
        self.directives(0)?;
        self.selections(0)
    }

    /// `$name: [Type!]! = value @directive`.
    fn variable(&mut self) -> Result<(), Malformed> {
        self.expect(b'$')?;
        let name = self.name()?;
        self.expect(b':')?;
        let mut lists = 0_usize;
        while self.take(b'[')? {
            lists = lists.saturating_add(1);
        }
        self.name()?;
        self.take(b'!')?;
        for _ in 0..lists {
            self.expect(b']')?;
            self.take(b'!')?;
        }
        if self.take(b'=')? {
            let key = self.key(name);
            self.value(key, 0)?;
        }
        self.directives(0)
    }

    fn directives(&mut self, level: usize) -> Result<(), Malformed> {
        while self.take(b'@')? {
            self.name()?;
            self.arguments(level)?;
        }
        Ok(())
    }

    fn arguments(&mut self, level: usize) -> Result<(), Malformed> {
        if self.take(b'(')? {
            while !self.take(b')')? {
                let name = self.name()?;
                self.expect(b':')?;
                let key = self.key(name);
                self.value(key, level)?;
            }
        }
        Ok(())
    }

    /// `{ alias: field(argument: value) @directive { … } ...fragment }`.
    fn selections(&mut self, level: usize) -> Result<(), Malformed> {
        if level >= LEVELS {
            return Err(Malformed::TooLarge("nesting of a GraphQL document"));
        }
        self.expect(b'{')?;
        while !self.take(b'}')? {
            if self.take(b'.')? {
                if let Token::Name(name) = self.next.clone() {
                    self.advance()?;
                    if self.bytes.get(name) == Some(b"on") {
                        self.name()?;
                    }
                }
                self.directives(level)?;
                if self.is(b'{') {
                    self.selections(level.saturating_add(1))?;
                }
                continue;
            }
            let mut name = self.name()?;
            if self.take(b':')? {
                name = self.name()?;
            }
            if !matches!(self.next, Token::Sign(b'(' | b'{' | b'@')) {
                continue;
            }
            let view = self.fields.view(name.start..self.bytes.len());
            let key = self.key(name);
            self.fields.enter(key, view);
            self.arguments(level)?;
            self.directives(level)?;
            if self.is(b'{') {
                self.selections(level.saturating_add(1))?;
            }
            self.fields.leave(self.ended);
        }
        Ok(())
    }

    fn value(&mut self, key: Key, level: usize) -> Result<(), Malformed> {
        if level >= LEVELS {
            return Err(Malformed::TooLarge("nesting of a GraphQL document"));
        }
        let start = self.ended;
        match self.advance()? {
            Token::Text(range, block) => {
                let view = self.text(range, block)?;
                self.put(key, view, Kind::Text);
            }
            Token::Number(range) => {
                let text = self.bytes.get(range.clone()).and_then(|text| std::str::from_utf8(text).ok()).ok_or(WHAT)?;
                let kind = match text.parse() {
                    Ok(number) => Kind::Integer(number),
                    Err(_) => Kind::Float(text.parse().map_err(|_| WHAT)?),
                };
                let view = self.fields.view(range);
                self.put(key, view, kind);
            }
            Token::Name(name) => {
                let view = self.fields.view(name);
                self.fields.leaf(key, view, Kind::Simple);
            }
            Token::Sign(b'$') => {
                self.name()?;
            }
            Token::Sign(open @ (b'[' | b'{')) => {
                let view = self.fields.view(start..self.bytes.len());
                self.fields.enter(key, view);
                let mut index = 0_u32;
                while !self.take(if open == b'[' { b']' } else { b'}' })? {
                    let key = if open == b'[' {
                        Key::Index(index)
                    } else {
                        let name = self.name()?;
                        self.expect(b':')?;
                        self.key(name)
                    };
                    index = index.saturating_add(1);
                    self.value(key, level.saturating_add(1))?;
                }
                self.fields.leave(self.ended);
            }
            Token::Sign(_) | Token::End => return Err(WHAT),
        }
        Ok(())
    }

    fn put(&mut self, key: Key, view: View, kind: Kind) {
        self.values = self.values.saturating_add(1);
        self.fields.leaf(key, view, kind);
    }

    /// Where a string can be read without its escapes.
    fn text(&mut self, range: Range<usize>, block: bool) -> Result<View, Malformed> {
        let raw = self.bytes.get(range.clone()).unwrap_or_default();
        if block || memchr::memchr(b'\\', raw).is_none() {
            return Ok(self.fields.view(range));
        }
        self.fields.begin_text();
        let (mut verbatim, mut at) = (0_usize, 0_usize);
        while let Some(found) = memchr::memchr(b'\\', raw.get(at..).unwrap_or_default()) {
            let slash = at.saturating_add(found);
            let place = range.start.saturating_add(slash);
            self.fields.text(raw.get(verbatim..slash).unwrap_or_default(), range.start.saturating_add(verbatim));
            let rest = raw.get(slash.saturating_add(1)..).unwrap_or_default();
            let unit = |digits: &[u8]| {
                let digits = digits.get(..4).and_then(|digits| std::str::from_utf8(digits).ok());
                digits.and_then(|digits| u16::from_str_radix(digits, 16).ok())
            };
            let len = match rest {
                [b'u', more @ ..] => {
                    let low = more.get(4..).and_then(|low| low.strip_prefix(b"\\u")).and_then(unit);
                    let mut utf8 = [0; 4];
                    let (text, both) = utf16_to_utf8(unit(more).ok_or(WHAT)?, low, &mut utf8);
                    self.fields.escape(text, place);
                    if both { 12 } else { 6 }
                }
                [escaped, ..] => {
                    let stands = match escaped {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'b' => 8,
                        b'f' => 12,
                        b'"' | b'\\' | b'/' => *escaped,
                        _ => return Err(WHAT),
                    };
                    self.fields.escape(&[stands], place);
                    2
                }
                [] => return Err(WHAT),
            };
            at = slash.saturating_add(len);
            verbatim = at;
        }
        self.fields.text(raw.get(verbatim..).unwrap_or_default(), range.start.saturating_add(verbatim));
        Ok(self.fields.end_text(range.end))
    }
}

#[cfg(test)]
mod tests {
    use crate::field::walk_bytes;

    fn trails(text: &str, declared: Option<&str>) -> Vec<String> {
        walk_bytes(text, declared, |tree| {
            let show = |(id, node): (u32, &_)| {
                format!("{} = {}", tree.trail(id).join(" > "), String::from_utf8_lossy(tree.bytes(node)))
            };
            tree.leaves().map(show).collect()
        })
    }

    #[test]
    fn arguments_are_named_by_their_fields() {
        let text = "query Q($n: [Int!]! = [3], $who: ID) @live(of: 2) { # a comment, with (signs) {\n\
                    me: user(id: $who, mail: \"ann@\\u0078.example\", kind: STAFF) { friends(first: 5) { ...F ... on U { a } } } }\n\
                    fragment F on User { pic(size: {w: 1.5e2, tag: \"a\\\"b\"}) }";
        assert_eq!(
            trails(text, None),
            [
                "graphql n[0] = 3",
                "graphql of = 2",
                "graphql user.mail = ann@x.example",
                "graphql user.kind = STAFF",
                "graphql user.friends.first = 5",
                "graphql pic.size.w = 1.5e2",
                "graphql pic.size.tag = a\"b",
            ]
        );
    }

    #[test]
    fn what_is_no_document_stays_as_it_is() {
        for text in [
            "query the database (please) {now}",
            "{ me { name } }",
            "{ a(b: ) }",
            "{ a(b: \"open) }",
            "mutation of the gene (BRCA1) { see below }",
            "{not json ($5)}",
        ] {
            assert!(!trails(text, None).iter().any(|trail| trail.starts_with("graphql")), "{text}");
        }
        let deep = format!("{}(x: 1){}", "{ a".repeat(10_000), "}".repeat(10_000));
        assert_eq!(trails(&deep, Some("application/graphql")).len(), 1);
    }

    #[test]
    fn persisted_queries_and_queries_of_a_url_are_read() {
        let text = r#"{"operationName":"Send","variables":{"text":"The heron"},"extensions":{"persistedQuery":{"version":1}}}"#;
        assert!(trails(text, None).contains(&"json $.variables.text = The heron".to_owned()));
        let form = "query=%7B+say%28text%3A+%22The+heron%22%29+%7D&variables=%7B%22to%22%3A%22Ann%22%7D";
        assert_eq!(
            trails(form, None),
            ["form query > graphql say.text = The heron", "form variables > json $.to = Ann"]
        );
    }
}
