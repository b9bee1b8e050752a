//! Elements of a JSON array that may be of any length: each is a record, and no more than one is held at a time.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::bytewise::Bytewise;
use super::extended::plain;
use super::lines::text;
use super::{Loss, Source, Stopped, Window};
use crate::model::budget::RECORD_BYTES;
use crate::model::item::Item;
use crate::model::origin::FrameNo;
use crate::model::record::{Record, Standing};

/// Bytes asked for at first when an element is not whole.
const STEP: usize = 64 << 10;
/// Keys remembered on the way to an array.
const KEYS: usize = 64;
/// Bytes of a key that are compared.
pub(super) const KEY: usize = 16;

/// Keys on the way to an array, and nothing for each array on it.
pub(super) type Path = Vec<Vec<u8>>;

/// Which arrays hold records.
pub(super) enum Where {
    /// The one that these keys lead to; none when it is the document.
    At(&'static [&'static [u8]]),
    /// The outermost ones of objects, but for these, in whose elements there are others. What stands around them is a
    /// record, too.
    Outermost(Vec<Path>),
}

/// What a reader comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Found {
    /// The first byte of an element.
    Element,
    /// The end of a document around which something stands beside its records.
    Document,
    /// The end of the file.
    End,
}

/// An element, or what stands around those of one document.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece {
    /// One of the array's.
    Element(Element),
    /// The rest of a document, which begins on this line; [`Elements::rest`] hands it out.
    Rest(FrameNo),
}

/// An element, still standing in the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    /// The line it begins on.
    pub(super) line: FrameNo,
    /// Its bytes; [`Elements::bytes`] shows them.
    pub(super) len: usize,
    /// The file broke off in it.
    pub(super) cut: bool,
}

/// Reads the elements of arrays, document by document.
pub(super) struct Elements {
    text: Bytewise,
    place: Where,
    /// The document without its records, and the line that it begins on.
    rest: Vec<u8>,
    begins: FrameNo,
    /// Containers around the next byte, and the key of the member that each of the outer ones is at.
    depth: usize,
    keys: Vec<Vec<u8>>,
    last: Vec<u8>,
    /// The next byte is in the array.
    inside: bool,
    held: usize,
    /// What stands in front of an element and how that begins: there a reader finds back from a broken one.
    mark: Vec<u8>,
    loss: Loss,
}

impl Elements {
    /// From the first byte on. `place`: where the records are.
    pub(super) fn new(window: Window, place: Where) -> Self {
        Self {
            text: Bytewise::new(window),
            place,
            rest: Vec::new(),
            begins: 1,
            depth: 0,
            keys: Vec::new(),
            last: Vec::new(),
            inside: false,
            held: 0,
            mark: Vec::new(),
            loss: Loss::default(),
        }
    }

    /// Moves to the next element's first byte; `false` at the end of the file.
    pub(super) fn find(&mut self) -> bool {
        loop {
            match self.advance() {
                Found::Element => return true,
                Found::Document => self.rest.clear(),
                Found::End => return false,
            }
        }
    }

    /// Moves to the next element's first byte, or to the end of the document at hand.
    fn advance(&mut self) -> Found {
        self.text.consume(std::mem::take(&mut self.held));
        loop {
            if self.inside {
                self.text.skip_while(|byte| byte.is_ascii_whitespace() || byte == b',');
                match self.text.peek() {
                    None => return Found::End,
                    Some(b']') => {
                        self.text.next();
                        self.keep(b']');
                        self.inside = false;
                        if self.depth == 0 && self.ends() {
                            return Found::Document;
                        }
                    }
                    // Nothing that a value begins with: without a byte taken nobody would get past it.
                    Some(b'}') => {
                        self.text.next();
                        let line = self.text.line();
                        self.loss
                            .record("array that breaks off", || format!("line {line}: a bracket that closes nothing"));
                    }
                    Some(_) => return Found::Element,
                }
            } else if let Some(ended) = self.enter() {
                return ended;
            }
        }
    }

    /// Whether a document that ends here has anything beside its records. One of which they are only a part is told as a
    /// whole, at the end of the file.
    fn ends(&mut self) -> bool {
        if matches!(self.place, Where::Outermost(_)) {
            return false;
        }
        let says = says(&self.rest);
        if !says {
            self.rest.clear();
        }
        says
    }

    /// Moves into the next array that `path` leads to, unless the document or the file ends before.
    fn enter(&mut self) -> Option<Found> {
        while let Some(byte) = self.text.next() {
            self.keep(byte);
            match byte {
                b'"' => self.string(),
                b':' => {
                    self.keys.truncate(self.depth.saturating_sub(1));
                    if self.keys.len() <= KEYS {
                        self.keys.push(std::mem::take(&mut self.last));
                    }
                }
                b'[' => {
                    if self.is_of_records() {
                        self.inside = true;
                        return None;
                    }
                    self.keys.truncate(self.depth);
                    if self.keys.len() <= KEYS {
                        self.keys.push(Vec::new());
                    }
                    self.depth = self.depth.saturating_add(1);
                }
                b'{' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.keys.truncate(self.depth);
                    if self.depth == 0 && self.ends() {
                        return Some(Found::Document);
                    }
                }
                _ => {}
            }
        }
        Some(Found::End)
    }

    /// Whether the array that begins here is one of records.
    fn is_of_records(&mut self) -> bool {
        match &self.place {
            Where::At(path) => self.depth == path.len() && self.keys.iter().map(Vec::as_slice).eq(path.iter().copied()),
            Where::Outermost(split) => {
                let way = self.keys.get(..self.depth).unwrap_or(&self.keys);
                let split = split.iter().any(|path| path.as_slice() == way);
                self.text.skip_while(|byte| byte.is_ascii_whitespace());
                !split && self.text.peek() == Some(b'{')
            }
        }
    }

    /// Keeps a byte that stands around the records.
    fn keep(&mut self, byte: u8) {
        if self.rest.is_empty() {
            if byte.is_ascii_whitespace() {
                return;
            }
            self.begins = self.text.line();
        }
        if self.rest.len() == RECORD_BYTES {
            let line = self.text.line();
            self.loss.record("record over the budget", || {
                format!(
                    "what stands around the records is over the budget at line {line}; it was read as far as it goes"
                )
            });
        }
        if self.rest.len() <= RECORD_BYTES {
            self.rest.push(byte);
        }
    }

    /// A string outside the array: its first bytes are kept, in case it is a key.
    fn string(&mut self) {
        self.last.clear();
        while let Some(byte) = self.text.next() {
            self.keep(byte);
            match byte {
                b'"' => return,
                b'\\' => {
                    if let Some(byte) = self.text.next() {
                        self.keep(byte);
                    }
                }
                byte if self.last.len() < KEY => self.last.push(byte),
                _ => {}
            }
        }
    }

    /// The next element, or what stood around those of a document. Elements over the budget are skipped, told and counted.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, Stopped> {
        'elements: loop {
            match self.advance() {
                Found::Element => {}
                Found::Document => return Ok(Some(Piece::Rest(self.begins))),
                Found::End => break,
            }
            let line = self.text.line();
            let mut scan = Scan::default();
            let (mut scanned, mut skipped, mut want) = (0_usize, 0_u64, STEP);
            loop {
                let at_hand = self.text.window().head(want);
                let found = scan.end(at_hand.get(scanned..).unwrap_or_default());
                let (have, ended) = (at_hand.len(), at_hand.len() < want);
                let found = found.map(|end| scanned.saturating_add(end));
                if scan.broken && !self.mark.is_empty() {
                    // The first byte is the element's own; what was looked through before may hold half a mark.
                    let from = scanned.saturating_sub(self.mark.len()).max(usize::from(skipped == 0));
                    let new = at_hand.get(from..found.unwrap_or(have)).unwrap_or_default();
                    if let Some(at) = memchr::memmem::find(new, &self.mark) {
                        let len = from.saturating_add(at);
                        self.held = len;
                        if skipped > 0 || len > RECORD_BYTES {
                            self.too_long(line, skipped.saturating_add(len as u64));
                            continue 'elements;
                        }
                        self.loss.record("broken record", || {
                            format!("the record at line {line} is no complete JSON; it was read as far as it goes")
                        });
                        return Ok(Some(Piece::Element(Element { line, len, cut: true })));
                    }
                }
                if let Some(len) = found {
                    if self.mark.is_empty() {
                        self.mark = mark(at_hand.get(len..).unwrap_or_default());
                    }
                    self.held = len;
                    if skipped > 0 || len > RECORD_BYTES {
                        self.too_long(line, skipped.saturating_add(len as u64));
                        continue 'elements;
                    }
                    return Ok(Some(Piece::Element(Element { line, len, cut: false })));
                }
                if ended {
                    self.held = have;
                    self.loss.record("array that breaks off", || format!("the record at line {line} breaks off"));
                    let len = have.min(RECORD_BYTES);
                    return Ok(Some(Piece::Element(Element { line, len, cut: true })));
                }
                scanned = have;
                if have > RECORD_BYTES {
                    // A mark may begin in what is passed over.
                    scanned = self.mark.len().min(have);
                    let over = have.saturating_sub(scanned);
                    skipped = skipped.saturating_add(over as u64);
                    self.text.consume(over);
                    want = STEP;
                } else {
                    want = want.saturating_mul(2);
                }
            }
        }
        if self.inside || self.depth > 0 {
            self.inside = false;
            self.depth = 0;
            let line = self.text.line();
            self.loss
                .record("array that breaks off", || format!("the array is not closed; the file ends at line {line}"));
        }
        self.text.stopped().map_or(Ok(None), Err)
    }

    fn too_long(&mut self, line: FrameNo, bytes: u64) {
        self.loss.record("record over the budget", || {
            format!("the record at line {line} is {bytes} bytes long and was skipped")
        });
    }

    /// What stands around the records, once those of a document, or of the file, were read.
    fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.rest)
    }

    /// The bytes of the element that was read last.
    pub(super) fn bytes(&mut self, element: Element) -> &[u8] {
        self.text.window().peek(element.len)
    }

    /// What was lost so far.
    pub(super) const fn loss(&mut self) -> &mut Loss {
        &mut self.loss
    }
}

/// Elements of arrays as records.
pub(super) struct Records {
    elements: Elements,
    record: Vec<u8>,
    number: u64,
    /// Why the file cannot be read on, once all that was read of it is told.
    stopped: Option<Stopped>,
}

impl Records {
    /// `place`: where the records are.
    pub(super) fn new(window: Window, place: Where) -> Self {
        Self { elements: Elements::new(window, place), record: Vec::new(), number: 0, stopped: None }
    }
}

impl Source for Records {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        if let Some(stopped) = self.stopped.take() {
            return Err(stopped);
        }
        let found = self.elements.next();
        self.number = self.number.saturating_add(1);
        let number = self.number;
        let (line, whole, standing) = match found {
            Ok(Some(Piece::Element(element))) => {
                self.record.clear();
                self.record.extend_from_slice(&plain(text(self.elements.bytes(element)).as_bytes()));
                (element.line, !element.cut, Standing::Record)
            }
            Ok(Some(Piece::Rest(line))) => {
                self.record = plain(text(&self.elements.rest()).as_bytes()).into_owned();
                (line, true, Standing::Beside)
            }
            ended => {
                self.record = self.elements.rest();
                if !says(&self.record) {
                    return ended.map(|_| None);
                }
                // What stands around the records comes last, also of a file that breaks off.
                let whole = ended.is_ok();
                self.stopped = ended.err();
                match self.elements.place {
                    Where::At(_) => (self.elements.begins, false, Standing::Beside),
                    Where::Outermost(_) => (1, whole, Standing::Record),
                }
            }
        };
        Ok(Some(Item::Record(Record { number, line, bytes: &self.record, whole, kind: 0, standing })))
    }

    fn loss(&mut self) -> Loss {
        std::mem::take(self.elements.loss())
    }
}

/// Whether there is more than brackets.
fn says(rest: &[u8]) -> bool {
    rest.iter().any(|byte| !matches!(byte, b'[' | b']' | b'{' | b'}' | b',') && !byte.is_ascii_whitespace())
}

/// A comma, and the brace and first key of the object behind it, if that is what stands here.
fn mark(text: &[u8]) -> Vec<u8> {
    let text = text.get(..MARK).unwrap_or(text);
    let key = || {
        let brace = text.trim_ascii_start().strip_prefix(b",")?.trim_ascii_start().strip_prefix(b"{")?;
        let key = brace.trim_ascii_start().strip_prefix(b"\"")?;
        let end = memchr::memchr2(b'"', b'\\', key).filter(|end| key.get(*end) == Some(&b'"'))?;
        text.len().checked_sub(key.len())?.checked_add(end)?.checked_add(1)
    };
    key().and_then(|len| text.get(..len)).unwrap_or_default().to_vec()
}

/// Looks for the end of one JSON value, piece by piece.
#[derive(Default)]
struct Scan {
    depth: usize,
    quoted: bool,
    escaped: bool,
    /// Which of the outer containers are objects; deeper ones are taken for lists.
    objects: Vec<bool>,
    /// The last byte that was no white space.
    last: u8,
    /// This is no JSON.
    broken: bool,
}

/// Containers one inside the other of which a scan knows what they are.
const KNOWN: usize = 64;
/// Bytes of a mark.
const MARK: usize = 128;

impl Scan {
    /// One past the value's last byte, if it ends in this piece.
    fn end(&mut self, piece: &[u8]) -> Option<usize> {
        for (at, byte) in piece.iter().enumerate() {
            let past = at.saturating_add(1);
            if self.quoted {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.quoted = false;
                        if self.depth == 0 {
                            return Some(past);
                        }
                    }
                    b'\n' => self.broken = true,
                    _ => {}
                }
                continue;
            }
            if byte.is_ascii_whitespace() {
                continue;
            }
            match byte {
                b'"' => self.quoted = true,
                b'{' | b'[' => {
                    let member = self.last == b',' && self.objects.get(self.depth.wrapping_sub(1)) == Some(&true);
                    self.broken |= member || !matches!(self.last, 0 | b':' | b'[' | b',');
                    self.objects.truncate(self.depth);
                    if self.depth < KNOWN {
                        self.objects.push(*byte == b'{');
                    }
                    self.depth = self.depth.saturating_add(1);
                }
                b'}' | b']' if self.depth <= 1 => return Some(if self.depth == 0 { at } else { past }),
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b',' if self.depth == 0 && self.last != 0 => return Some(at),
                b':' | b',' => {}
                byte if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.') => {
                    self.broken |= self.last == b'"';
                }
                _ => self.broken = true,
            }
            self.last = *byte;
        }
        None
    }
}

#[cfg(test)]
mod tests;
