//! XML: elements, attributes, texts; SOAP and property lists with it. Entities are never expanded beyond single
//! characters, and what is not well-formed is not XML.

use crate::bytes::{Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::Kind;
use memchr::memmem;

/// The entry.
pub(super) static XML: Decoder = Decoder {
    name: "xml",
    about: "XML, with it SOAP and XML property lists",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::LESS, none: Shape::NUL, min: 7, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"<?xml version=\"1.0\"?>\n<m to='a'><body>The heron</body><e/></m>",
            hint: "",
            shows: "The heron",
            trail: "xml m.body",
        },
        Sample { bytes: b"<m><t at=\"The heron\">x</t></m>", hint: "", shows: "The heron", trail: "xml m.t.at" },
        Sample {
            bytes: b"<m><t>a <![CDATA[{\"t\":\"The heron\"}]]></t></m>",
            hint: "",
            shows: "The heron",
            trail: "xml m.t.text > json $.t",
        },
        Sample {
            bytes: b"<m><t>The&#32;heron</t></m>",
            hint: "",
            shows: "The heron",
            trail: "xml m.t > html-entities",
        },
    ],
};

const WHAT: Malformed = Malformed::Illegal("XML");

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    match text {
        [b'<', b'?' | b'!' | b'A'..=b'Z' | b'a'..=b'z' | b'_', .., b'>'] => Match::Maybe,
        _ => Match::No,
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn rest(&self) -> &'b [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, len: usize) {
        self.at = self.at.saturating_add(len).min(self.bytes.len());
    }

    /// Moves past the next `mark`; the offset where it begins.
    fn past(&mut self, mark: &[u8]) -> Result<usize, Malformed> {
        let found = memmem::find(self.rest(), mark).ok_or(Malformed::Short("XML"))?;
        let start = self.at.saturating_add(found);
        self.skip(found.saturating_add(mark.len()));
        Ok(start)
    }

    fn name(&mut self) -> Result<(usize, usize), Malformed> {
        let len = self.rest().iter().position(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/' | b'=' | b'<'));
        let len = len.filter(|len| *len > 0).ok_or(WHAT)?;
        let start = self.at;
        self.skip(len);
        Ok((start, self.at))
    }

    fn space(&mut self) {
        let len = self.rest().iter().take_while(|b| b.is_ascii_whitespace()).count();
        self.skip(len);
    }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut reader = Reader { bytes, at: if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 } };
    // Names of the open elements; an element with nothing in it but text is a field, not a container.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut elements = 0_usize;
    loop {
        let text = text_end(&reader);
        let blank = bytes.get(reader.at..text).unwrap_or_default().trim_ascii().is_empty();
        if open.is_empty() && !blank {
            return Err(WHAT);
        }
        if !blank {
            let view = fields.view(reader.at..text);
            fields.leaf(Key::Name("text"), view, Kind::Text);
        }
        reader.at = text;
        match reader.rest() {
            [] if open.is_empty() && elements > 0 => break,
            [] => return Err(Malformed::Short("XML")),
            rest if rest.starts_with(b"<!--") => drop(reader.past(b"-->")?),
            rest if rest.starts_with(b"<![CDATA[") => {
                reader.skip(9);
                let start = reader.at;
                let end = reader.past(b"]]>")?;
                let view = fields.view(start..end);
                fields.leaf(Key::Name("text"), view, Kind::Text);
            }
            [b'<', b'?', ..] => drop(reader.past(b"?>")?),
            [b'<', b'!', ..] => {
                // A document type is skipped whole, its own declarations included.
                let end = reader.past(b">")?;
                if memchr::memchr(b'[', bytes.get(text..end).unwrap_or_default()).is_some() {
                    reader.past(b"]")?;
                    reader.past(b">")?;
                }
            }
            [b'<', b'/', ..] => {
                reader.skip(2);
                let name = reader.name()?;
                reader.space();
                if reader.rest().first() != Some(&b'>') {
                    return Err(WHAT);
                }
                reader.skip(1);
                let (start, end) = open.pop().ok_or(WHAT)?;
                if bytes.get(start..end) != bytes.get(name.0..name.1) {
                    return Err(WHAT);
                }
                fields.leave(reader.at);
            }
            _ => {
                elements = elements.saturating_add(1);
                if open.is_empty() && elements > 1 {
                    return Err(WHAT);
                }
                element(&mut reader, &mut open, fields)?;
            }
        }
    }
    Ok(())
}

/// Where the text that begins here ends.
fn text_end(reader: &Reader<'_>) -> usize {
    memchr::memchr(b'<', reader.rest()).map_or(reader.bytes.len(), |at| reader.at.saturating_add(at))
}

/// A start tag, or an empty element, from its `<`; an element that holds only text is read to its end.
fn element(reader: &mut Reader<'_>, open: &mut Vec<(usize, usize)>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let start = reader.at;
    reader.skip(1);
    let name = reader.name()?;
    let key = Key::At(fields.view(name.0..name.1));
    let mut attributes = Vec::new();
    let empty = loop {
        reader.space();
        match reader.rest() {
            [b'>', ..] => {
                reader.skip(1);
                break false;
            }
            [b'/', b'>', ..] => {
                reader.skip(2);
                break true;
            }
            [] => return Err(Malformed::Short("XML tag")),
            _ => {
                let name = reader.name()?;
                reader.space();
                if reader.rest().first() != Some(&b'=') {
                    return Err(WHAT);
                }
                reader.skip(1);
                reader.space();
                let quote = reader.rest().first().copied().filter(|b| matches!(b, b'"' | b'\'')).ok_or(WHAT)?;
                reader.skip(1);
                let from = reader.at;
                attributes.push((name, (from, reader.past(&[quote])?)));
            }
        }
    };
    if attributes.is_empty() && !empty {
        let end = text_end(reader);
        let rest = reader.bytes.get(end..).unwrap_or_default();
        let close = rest.strip_prefix(b"</").and_then(|rest| rest.strip_prefix(reader.bytes.get(name.0..name.1)?));
        if close.is_some_and(|close| close.first() == Some(&b'>')) {
            let view = fields.view(reader.at..end);
            fields.leaf(key, view, Kind::Text);
            reader.at = end;
            reader.past(b">")?;
            return Ok(());
        }
    }
    let view = fields.view(start..reader.bytes.len());
    fields.enter(key, view);
    for (name, value) in attributes {
        let (key, value) = (fields.view(name.0..name.1), fields.view(value.0..value.1));
        fields.leaf(Key::At(key), value, Kind::Text);
    }
    if empty {
        fields.leave(reader.at);
    } else {
        open.push(name);
    }
    Ok(())
}
