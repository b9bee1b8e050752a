//! JSON (RFC 8259) and sequences of JSON texts, read so that no evidence is lost: equal keys are kept, lone surrogates
//! and raw control characters are kept, any depth is read, a text that is cut short is read as far as it goes.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::{hex_digit, is_media_type, is_text_so_far, utf16_to_utf8};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::{Kind, View};

/// One JSON text.
pub(in crate::field) static JSON: Decoder = Decoder {
    name: "json",
    about: "JSON, with every key, surrogate and depth kept (RFC 8259)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::BRACKET.or(Shape::QUOTE), none: Shape::NONE, min: 2, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample { bytes: br#"{"a":{"text":"The heron"}}"#, hint: "", shows: "The heron", trail: "json $.a.text" },
        Sample { bytes: br#"[1,{"t":"The \u0068eron"}]"#, hint: "", shows: "The heron", trail: "json $[1].t" },
        Sample {
            bytes: br#"{"p":"{\"t\":\"The heron\"}"}"#,
            hint: "application/json",
            shows: "The heron",
            trail: "json $.p > json $.t",
        },
        Sample { bytes: br#"{"t":"one","t":"The heron"}"#, hint: "", shows: "The heron", trail: "json $.t" },
        Sample {
            bytes: br#"{"d":[84,104,101,32,104,101,114,111,110,32,108,97,110,100,115,-30]}"#,
            hint: "",
            shows: "The heron",
            trail: "json $.d.bytes",
        },
        Sample {
            bytes: br#"[{"0":84,"1":104,"2":101,"3":32,"4":104,"5":101,"6":114,"7":111,"8":110,"9":32,"10":108,"11":97, "12" : 110,"13":100,"14":115,"15":46}]"#,
            hint: "",
            shows: "The heron",
            trail: "json $[0].bytes",
        },
    ],
};

/// Several JSON texts one after the other.
pub(super) static NDJSON: Decoder = Decoder {
    name: "ndjson",
    about: "JSON texts one after the other: JSON lines, JSON sequences (RFC 7464), concatenated",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::BRACKET, none: Shape::NONE, min: 4, undeclared: Some(&[]) },
    fits: fits_many,
    open: open_many,
    samples: &[Sample {
        bytes: b"{\"t\":1}\n{\"t\":\"The heron\"}\n",
        hint: "",
        shows: "The heron",
        trail: "ndjson [1].t",
    }],
};

const TYPES: &[&str] = &["application/json", "text/json", "+json", "application/csp-report", "text/x-json"];
const TYPES_MANY: &[&str] = &[
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/json-seq",
    "application/x-jsonlines",
];

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    let Some(first) = bytes.get(prefix(bytes)..).unwrap_or_default().iter().find(|byte| !byte.is_ascii_whitespace())
    else {
        return Match::No;
    };
    match first {
        b'{' | b'[' if is_media_type(hint.content_type, TYPES) => Match::Certain,
        b'{' | b'[' => Match::Maybe,
        b'"' if bytes.len() > 2 => Match::Maybe,
        _ => Match::No,
    }
}

fn fits_many(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    match bytes.iter().find(|byte| !is_between(**byte)) {
        Some(b'{' | b'[') if is_media_type(hint.content_type, TYPES_MANY) => Match::Certain,
        Some(b'{' | b'[') => Match::Maybe,
        _ => Match::No,
    }
}

/// What stands before a JSON text to keep browsers from running it, and a byte order mark.
fn prefix(bytes: &[u8]) -> usize {
    if matches!(bytes.first(), Some(b'{' | b'[' | b'"')) {
        return 0;
    }
    let guards: [&[u8]; 5] = [b"\xef\xbb\xbf", b")]}',\n", b")]}'\n", b"while(1);", b"for(;;);"];
    guards.iter().find(|guard| bytes.starts_with(guard)).map_or(0, |guard| guard.len())
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut reader = Reader { bytes, at: prefix(bytes), fields, levels: Vec::new(), values: 0 };
    reader.skip_space();
    let start = reader.at;
    let read = reader.text(None).and_then(|()| {
        reader.skip_space();
        if reader.at < bytes.len() { Err(Malformed::Trailing("JSON text")) } else { Ok(()) }
    });
    let read =
        Read { at: reader.at, len: reader.at.saturating_sub(start), values: reader.values, lines: false, result: read };
    finish(read, hint.whole, is_media_type(hint.content_type, TYPES), bytes, fields)
}

fn open_many(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut reader = Reader { bytes, at: 0, fields, levels: Vec::new(), values: 0 };
    let (mut read, mut lines) = (Ok(()), false);
    for index in 0.. {
        while reader.peek().is_some_and(is_between) {
            reader.at = reader.at.saturating_add(1);
        }
        if reader.at >= bytes.len() || reader.fields.is_full() {
            break;
        }
        if let Some(b'{' | b'[') = reader.peek() {
            read = reader.text(Some(Key::Index(to_u32(index))));
        } else {
            // Envelopes of reports hold what they attach behind lines that say what it is, as it is.
            let end = reader.at.saturating_add(BINARY_WITHIN).min(bytes.len());
            let next = bytes.get(reader.at..end).unwrap_or_default();
            let line = reader.at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'\n');
            lines = line && !is_text_so_far(next);
            read = Err(Malformed::Illegal("start of a JSON text"));
        }
        if read.is_err() {
            break;
        }
    }
    let read = Read { at: reader.at, len: reader.at, values: reader.values, lines, result: read };
    finish(read, hint.whole, is_media_type(hint.content_type, TYPES_MANY), bytes, fields)
}

/// What may stand between two JSON texts: white space, the record separator, a stray comma or NUL.
const fn is_between(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, 0x1e | b',' | 0)
}

/// Bytes behind lines of JSON among which some must be none of a text, for the lines to be lines in front of something else.
const BINARY_WITHIN: usize = 256;

/// How far a reading came.
#[derive(Clone, Copy)]
struct Read {
    /// Where it ended, and how many bytes were read.
    at: usize,
    len: usize,
    /// Leaf values read.
    values: usize,
    /// All that was read are whole lines of JSON, and what follows is no text.
    lines: bool,
    result: Result<(), Malformed>,
}

/// Whether what was read of a damaged text is kept.
fn finish(read: Read, whole: bool, declared: bool, bytes: &[u8], fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let Read { at, len, values, lines, result } = read;
    let Err(error) = result else { return Ok(()) };
    let cut = matches!(error, Malformed::Short(_));
    // Cut short: what came before is JSON if there is something of it. Damaged: only if it was said to be JSON, or
    // most of it is.
    let kept = match (cut, declared || !whole) {
        (true, true) => values > 0,
        (true, false) => values > 1,
        (false, true) => values > 0,
        (false, false) => (values > 3 && len.saturating_mul(2) > bytes.len()) || (lines && values > 0),
    };
    if !kept {
        return Err(error);
    }
    fields.leave_all(bytes.len());
    fields.damaged();
    if !cut {
        fields.ends(at);
    }
    Ok(())
}

/// An open container.
#[derive(Clone, Copy)]
struct Level {
    is_object: bool,
    /// Where it begins.
    start: usize,
    /// The next element.
    next: u32,
    /// So far it holds nothing but bytes as numbers: what `JSON.stringify` makes of a `Uint8Array`, a `Buffer`, a `byte[]`.
    bytes: bool,
}

struct Reader<'b, 'f, 't> {
    bytes: &'b [u8],
    at: usize,
    fields: &'f mut Fields<'t>,
    levels: Vec<Level>,
    /// Leaf values read.
    values: usize,
}

impl Reader<'_, '_, '_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at = self.at.saturating_add(1);
        }
    }

    /// One JSON text, without recursion: depth costs memory on the heap, and no more than one entry a level. Without a
    /// key it is the whole of the input.
    fn text(&mut self, key: Option<Key>) -> Result<(), Malformed> {
        let base = self.levels.len();
        let mut key = key;
        let mut root = key.is_none();
        loop {
            // A value.
            self.skip_space();
            let start = self.at;
            let byte = self.peek().ok_or(Malformed::Short("JSON value"))?;
            if matches!(byte, b'{' | b'[') {
                let is_object = byte == b'{';
                self.at = self.at.saturating_add(1);
                self.levels.push(Level { is_object, start, next: 0, bytes: true });
                if let Some(around) = self.levels.iter_mut().nth_back(1) {
                    around.bytes = false;
                }
                if !root {
                    let view = self.fields.view(start..self.bytes.len());
                    self.fields.enter(key.unwrap_or(Key::Index(0)), view);
                }
                root = false;
                self.skip_space();
                let close = if is_object { b'}' } else { b']' };
                if self.peek() != Some(close) {
                    key = Some(self.key()?);
                    continue;
                }
            } else {
                self.leaf(byte, key)?;
                self.values = self.values.saturating_add(1);
            }
            // What follows a value: the end of containers, or the next member.
            loop {
                if self.levels.len() == base {
                    return Ok(());
                }
                let Some(level) = self.levels.last().copied() else { return Ok(()) };
                self.skip_space();
                match self.peek().ok_or(Malformed::Short("JSON container"))? {
                    b',' => {
                        self.at = self.at.saturating_add(1);
                        self.skip_space();
                        key = Some(self.key()?);
                        break;
                    }
                    b'}' if level.is_object => {}
                    b']' if !level.is_object => {}
                    _ => return Err(Malformed::Illegal("byte after a JSON value")),
                }
                self.at = self.at.saturating_add(1);
                if level.bytes && level.next >= FEWEST_BYTES {
                    byte_list(self.bytes, level.start..self.at, level.is_object, self.fields);
                }
                self.levels.pop();
                self.fields.leave(self.at);
            }
        }
    }

    /// The key of the next member of the innermost container.
    fn key(&mut self) -> Result<Key, Malformed> {
        let Some(level) = self.levels.last_mut() else { return Err(Malformed::Illegal("JSON container")) };
        if !level.is_object {
            let index = level.next;
            level.next = level.next.saturating_add(1);
            return Ok(Key::Index(index));
        }
        match self.peek() {
            Some(b'"') => {}
            None => return Err(Malformed::Short("JSON key")),
            Some(_) => return Err(Malformed::Illegal("JSON key")),
        }
        let start = self.at.saturating_add(1);
        let view = self.name()?;
        let name = self.bytes.get(start..self.at.saturating_sub(1)).unwrap_or_default();
        if let Some(level) = self.levels.last_mut().filter(|level| level.bytes) {
            // Members called by their indices are a list as well.
            level.bytes = Kind::Integer(i128::from(level.next)) == number(name).unwrap_or(Kind::Simple);
            level.next = level.next.saturating_add(1);
        }
        self.skip_space();
        match self.peek() {
            Some(b':') => self.at = self.at.saturating_add(1),
            None => return Err(Malformed::Short("JSON member")),
            Some(_) => return Err(Malformed::Illegal("JSON member")),
        }
        Ok(Key::At(view))
    }

    fn leaf(&mut self, first: u8, key: Option<Key>) -> Result<(), Malformed> {
        let start = self.at;
        if let Some(level) = self.levels.last_mut().filter(|level| level.bytes) {
            // At most `-128`: longer words are no bytes.
            let rest = self.bytes.get(start..).unwrap_or_default();
            let len = rest.iter().take(5).take_while(|b| is_bare(**b)).count();
            level.bytes = rest.get(..len).and_then(byte).is_some();
        }
        if first == b'"' {
            let cut = self.string();
            let (view, shape) = match cut {
                Ok(string) => string,
                Err(error @ Malformed::Short(_)) if key.is_some() => {
                    // A string that is cut short is still what it says so far.
                    let view = self.fields.view(start.saturating_add(1)..self.bytes.len());
                    self.put(key, view, Kind::Text);
                    self.values = self.values.saturating_add(1);
                    return Err(error);
                }
                Err(error) => return Err(error),
            };
            match key {
                Some(key) => self.fields.shaped_leaf(key, view, shape),
                None => self.fields.whole_view(view, Kind::Text),
            }
            return Ok(());
        }
        let rest = self.bytes.get(start..).unwrap_or_default();
        let (len, kind) = bare(rest).ok_or(Malformed::Illegal("JSON value"))?;
        self.at = start.saturating_add(len);
        let view = self.fields.view(start..self.at);
        self.put(key, view, kind);
        Ok(())
    }

    fn put(&mut self, key: Option<Key>, view: View, kind: Kind) {
        match key {
            Some(key) => drop(self.fields.leaf(key, view, kind)),
            None => self.fields.whole_view(view, kind),
        }
    }

    /// A key, from its opening quote past its closing one: nobody asks for its shape.
    #[inline]
    fn name(&mut self) -> Result<View, Malformed> {
        let start = self.at.saturating_add(1);
        let rest = self.bytes.get(start..).unwrap_or_default();
        let len = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).ok_or(Malformed::Short("JSON string"))?;
        let at = start.saturating_add(len);
        if rest.get(len) == Some(&b'"') {
            self.at = at.saturating_add(1);
            Ok(self.fields.view(start..at))
        } else {
            Ok(self.escaped(start, at)?.0)
        }
    }

    /// A string, from its opening quote past its closing one: where it can be read decoded.
    #[inline]
    fn string(&mut self) -> Result<(View, Shape), Malformed> {
        const STOP: Shape = Shape::QUOTE.or(Shape::BACKSLASH);
        let start = self.at.saturating_add(1);
        let mut shape = Shape::NONE;
        let rest = self.bytes.get(start..).unwrap_or_default();
        for (len, byte) in rest.iter().enumerate() {
            let class = Shape::of_byte(*byte);
            if class.meets(STOP) {
                let at = start.saturating_add(len);
                if *byte != b'"' {
                    return self.escaped(start, at);
                }
                self.at = at.saturating_add(1);
                return Ok((self.fields.view(start..at), shape));
            }
            shape = shape | class;
        }
        Err(Malformed::Short("JSON string"))
    }

    /// A string whose first escape is at `at`.
    fn escaped(&mut self, start: usize, at: usize) -> Result<(View, Shape), Malformed> {
        self.fields.begin_text();
        let (mut verbatim, mut at) = (start, at);
        loop {
            self.fields.text(self.bytes.get(verbatim..at).unwrap_or_default(), verbatim);
            let rest = self.bytes.get(at..).unwrap_or_default();
            let len = match rest {
                [b'"', ..] => break,
                [b'\\', b'u', more @ ..] => {
                    let Some(unit) = unit(more) else {
                        let cut = more.len() < 4;
                        return Err(if cut {
                            Malformed::Short("JSON string")
                        } else {
                            Malformed::Illegal("JSON escape")
                        });
                    };
                    let low = match more.get(4..) {
                        Some([b'\\', b'u', low @ ..]) => self::unit(low),
                        _ => None,
                    };
                    let mut utf8 = [0; 4];
                    let (text, both) = utf16_to_utf8(unit, low, &mut utf8);
                    self.fields.escape(text, at);
                    if both { 12 } else { 6 }
                }
                [b'\\', escaped, ..] => {
                    let byte = match escaped {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'b' => 8,
                        b'f' => 12,
                        b'"' | b'\\' | b'/' | b'\'' => *escaped,
                        _ => return Err(Malformed::Illegal("JSON escape")),
                    };
                    self.fields.escape(&[byte], at);
                    2
                }
                _ => return Err(Malformed::Short("JSON string")),
            };
            verbatim = at.saturating_add(len);
            let rest = self.bytes.get(verbatim..).unwrap_or_default();
            at = verbatim.saturating_add(memchr::memchr2(b'"', b'\\', rest).ok_or(Malformed::Short("JSON string"))?);
        }
        self.at = at.saturating_add(1);
        let view = self.fields.end_text(at);
        Ok((view, Shape::of(self.fields.text_bytes(view))))
    }
}

/// The text in quotes whose first escape stands at the end of `before` and which begins where that begins: where it can be
/// read decoded, and its shape. `None` if it is no JSON.
pub(in crate::field) fn unescape(
    bytes: &[u8],
    before: std::ops::Range<usize>,
    fields: &mut Fields<'_>,
) -> Option<(View, Shape)> {
    let mut reader = Reader { bytes, at: before.start, fields, levels: Vec::new(), values: 0 };
    reader.escaped(before.start, before.end).ok()
}

/// Fewest numbers that are taken for bytes.
pub(in crate::field) const FEWEST_BYTES: u32 = 16;

/// A number as a byte, signed or not.
fn byte(word: &[u8]) -> Option<u8> {
    let Some(Kind::Integer(value)) = number(word) else { return None };
    u8::try_from(value).ok().or_else(|| i8::try_from(value).ok().map(|signed| signed.to_le_bytes()[0]))
}

/// Puts out the bytes that the numbers of a list stand for, unless all of them are small: those count something.
fn byte_list(bytes: &[u8], range: std::ops::Range<usize>, is_object: bool, fields: &mut Fields<'_>) {
    let inside = range.start.saturating_add(1)..range.end.saturating_sub(1);
    let Some(list) = bytes.get(inside.clone()) else { return };
    let mut at = inside.start;
    let mut read: Vec<(u8, usize)> = Vec::new();
    for member in list.split(|byte| *byte == b',') {
        let name = if is_object { memchr::memchr(b':', member).map_or(0, |colon| colon.saturating_add(1)) } else { 0 };
        let word = member.get(name..).unwrap_or_default();
        let blank = word.len().saturating_sub(word.trim_ascii_start().len());
        let Some(value) = byte(word.trim_ascii()) else { return };
        read.push((value, at.saturating_add(name).saturating_add(blank)));
        at = at.saturating_add(member.len()).saturating_add(1);
    }
    if read.iter().all(|(value, _)| *value < 32 || *value >= 224) {
        return;
    }
    fields.begin_text();
    for (value, at) in read {
        fields.escape(&[value], at);
    }
    let view = fields.end_text(inside.end);
    fields.leaf(Key::Name("bytes"), view, Kind::Bytes);
}

fn unit(digits: &[u8]) -> Option<u16> {
    digits.get(..4)?.iter().try_fold(0_u16, |unit, digit| Some(unit << 4 | u16::from(hex_digit(*digit)?)))
}

/// Bytes that numbers and the three words are made of.
const fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// The number, truth value or null that bytes begin with: its length, and what it is.
pub(in crate::field) fn bare(bytes: &[u8]) -> Option<(usize, Kind)> {
    let len = bytes.iter().position(|byte| !is_bare(*byte)).unwrap_or(bytes.len());
    let word = bytes.get(..len)?;
    let kind = match word {
        b"true" | b"false" | b"null" => Kind::Simple,
        _ => number(word)?,
    };
    Some((len, kind))
}

/// The value of a number; what Python and JavaScript write for the values JSON lacks counts too.
fn number(word: &[u8]) -> Option<Kind> {
    let (negative, digits) = match word {
        [b'-', digits @ ..] => (true, digits),
        _ => (false, word),
    };
    if digits.len() <= 18 && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
        let value = digits
            .iter()
            .fold(0_i64, |value, digit| value.wrapping_mul(10).wrapping_add(i64::from(digit.wrapping_sub(b'0'))));
        return Some(Kind::Integer(i128::from(if negative { value.wrapping_neg() } else { value })));
    }
    if !matches!(digits.first(), Some(b'0'..=b'9' | b'N' | b'I')) {
        return None;
    }
    let text = std::str::from_utf8(word).ok()?;
    if let Ok(integer) = text.parse() {
        return Some(Kind::Integer(integer));
    }
    match text {
        "NaN" => Some(Kind::Float(f64::NAN)),
        _ => text.parse().ok().map(Kind::Float),
    }
}
