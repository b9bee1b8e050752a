//! Conversations in lines: what SMTP, POP3, IMAP and FTP share. A [`Grammar`] says what a line means; here lines are put
//! together from the stream, blocks and literals are gathered, and what turns into TLS goes on in a child stream.
//!
//! Both directions are read on their own, each by what it shows itself: who recorded only one of them, or got them out
//! of step, still reads that one. TLS after an upgrade is known by its first record: no line begins with byte 22.
//! Compression is known by bytes that no line begins with, once it was asked for.

use crate::bytes::{Buffer, Malformed};
use crate::message::http::assembly::Assembly;
use crate::message::inflate::Inflate;
use crate::message::raw::lost;
use crate::message::sink::{Child, ChildId, Draft};
use crate::message::{Dissector, Sink};
use crate::model::budget::{FRAMING_LINE, PART_PIECE};
use crate::model::message::{Part, PartKind};
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::stream::{Direction, Ending, Layer, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::ops::Range;

/// What comes after a line, in its own direction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// Another line.
    Line,
    /// A body of lines up to one that is a lone dot; a dot in front of a line is taken off (RFC 5321 section 4.5.2).
    Block(Body),
    /// A body of so many bytes.
    Bytes(u64, Body),
    /// A body of so many bytes, and then the rest of the line (RFC 9051 section 4.3).
    Literal(u64, Body),
}

/// What a body is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Body {
    /// Its trail step.
    pub(super) label: String,
    /// Its media type, if the protocol says.
    pub(super) content_type: Option<&'static str>,
}

impl Body {
    /// An Internet message (RFC 5322).
    pub(super) fn mail(label: impl Into<String>) -> Self {
        Self { label: label.into(), content_type: Some("message/rfc822") }
    }
}

/// What a line says.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Its trail step; a line without one says nothing.
    pub(super) label: String,
    /// Its parts: what they are, and where they stand in the line.
    pub(super) parts: Vec<(PartKind, &'static str, Range<usize>)>,
    /// What follows.
    pub(super) next: Next,
}

impl Line {
    /// A line with one part from `start` on, if anything stands there.
    pub(super) fn of(label: impl Into<String>, line: &[u8], start: usize) -> Self {
        let mut said = Self { label: label.into(), parts: Vec::new(), next: Next::Line };
        if start < line.len() {
            said.parts.push((PartKind::Body, "", start..line.len()));
        }
        said
    }

    /// The same with a header in place of its body.
    pub(super) fn named(label: impl Into<String>, name: &'static str, range: Range<usize>) -> Self {
        Self { label: label.into(), parts: vec![(PartKind::Header, name, range)], next: Next::Line }
    }

    /// The same, followed by something.
    pub(super) fn then(mut self, next: Next) -> Self {
        self.next = next;
        self
    }
}

/// What lines mean in one protocol.
pub(super) trait Grammar: Send {
    /// Registry name, and the trail step of what runs inside after an upgrade.
    fn name(&self) -> &'static str;

    /// Reads a line without its line break.
    fn line(&mut self, direction: Direction, line: &[u8]) -> Result<Line, Malformed>;

    /// Whether what begins like `held` is not the body that was expected, because the other side refused it or none
    /// follows: lines go on. `None` when more must be seen.
    fn refused(&self, _direction: Direction, _held: &[u8]) -> Option<bool> {
        Some(false)
    }

    /// Whether deflate was asked for, so that either direction may go on compressed (RFC 4978).
    fn compresses(&self) -> bool {
        false
    }

    /// The server's name, once a line told it.
    fn host(&self) -> Option<String> {
        None
    }
}

/// The child stream that an upgrade opens.
const TLS: ChildId = 0;
/// A line of this length is told in pieces.
const LINE: usize = FRAMING_LINE;
/// Bytes by which lines are told from what is compressed.
const LOOK: usize = 16;

/// A dissector for a grammar.
pub(super) struct Dialogue<G> {
    grammar: G,
    meta: StreamMeta,
    sides: [Side; 2],
    /// The child stream is open.
    upgraded: bool,
}

struct Side {
    buffer: Buffer,
    mode: Mode,
    /// The next bytes begin a line.
    fresh: bool,
    /// What comes is compressed.
    inflate: Option<Inflate>,
    at: Timestamp,
}

enum Mode {
    Lines,
    /// Lines of a body. The flag: the line so far went on without an end.
    Block(Assembly, bool),
    /// Bytes of a body; a line goes on behind a literal.
    Bytes(Assembly, u64),
    /// The child stream's.
    Tls,
    /// Nothing is known until the next line begins.
    Lost,
}

impl<G: Grammar> Dialogue<G> {
    pub(super) fn new(grammar: G, meta: &StreamMeta) -> Self {
        let side =
            || Side { buffer: Buffer::new(2 * PART_PIECE), mode: Mode::Lines, fresh: true, inflate: None, at: meta.at };
        Self { grammar, meta: meta.clone(), sides: [side(), side()], upgraded: false }
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        direction.of_mut(&mut self.sides)
    }

    /// Takes bytes, compressed or not, and reads what is whole.
    fn take(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        origins: &Origins,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        let side = self.side(direction);
        let Some(inflate) = &mut side.inflate else {
            side.buffer.push(bytes, origins)?;
            while self.step(direction, false, sink)? {}
            return Ok(());
        };
        for (bytes, origins) in inflate.take(direction, bytes, origins, sink) {
            self.side(direction).buffer.push(&bytes, &origins)?;
            while self.step(direction, false, sink)? {}
        }
        Ok(())
    }

    /// Reads one more thing; `false` when there is nothing whole.
    fn step(&mut self, direction: Direction, last: bool, sink: &mut Sink<'_>) -> Result<bool, Malformed> {
        let host = self.meta.host.clone();
        let side = direction.of_mut(&mut self.sides);
        let held = side.buffer.bytes();
        if held.is_empty() {
            return Ok(false);
        }
        match &mut side.mode {
            Mode::Tls => {
                let (bytes, origins) = (held.to_vec(), side.buffer.origins(0, held.len()));
                side.buffer.consume(bytes.len());
                let at = side.at;
                sink.data(TLS, direction, at, bytes, origins);
                Ok(true)
            }
            Mode::Bytes(body, left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(held.len());
                body.body(held.get(..take).unwrap_or_default(), &side.buffer.origins(0, take), side.at, sink);
                *left = left.saturating_sub(take as u64);
                side.buffer.consume(take);
                if *left == 0
                    && let Mode::Bytes(body, _) = std::mem::replace(&mut side.mode, Mode::Lines)
                {
                    body.finish(side.at, sink);
                    side.fresh = true;
                }
                Ok(true)
            }
            Mode::Block(..) if side.fresh => match self.grammar.refused(direction, held) {
                None if !last => Ok(false),
                Some(true) => {
                    side.mode = Mode::Lines;
                    Ok(true)
                }
                _ => Ok(self.block(direction, last, sink)),
            },
            Mode::Block(..) => Ok(self.block(direction, last, sink)),
            Mode::Lost => {
                let Some(end) = memchr::memchr(b'\n', held) else {
                    side.buffer.consume(held.len());
                    return Ok(false);
                };
                side.buffer.consume(end.saturating_add(1));
                (side.mode, side.fresh) = (Mode::Lines, true);
                Ok(true)
            }
            Mode::Lines => {
                if side.fresh && held.starts_with(&[0x16]) {
                    match held.get(1) {
                        Some(3) => {
                            side.mode = Mode::Tls;
                            self.upgrade(sink);
                            return Ok(true);
                        }
                        None if !last => return Ok(false),
                        _ => {}
                    }
                }
                if side.fresh && side.inflate.is_none() && self.grammar.compresses() {
                    match is_line(held) {
                        Some(false) => {
                            let (bytes, origins) = (held.to_vec(), side.buffer.origins(0, held.len()));
                            side.buffer.consume(bytes.len());
                            side.inflate = Some(Inflate::new(false));
                            self.take(direction, &bytes, &origins, sink)?;
                            return Ok(true);
                        }
                        None if !last => return Ok(false),
                        _ => {}
                    }
                }
                let (line, end) = match memchr::memchr(b'\n', held) {
                    Some(at) => (at, at.saturating_add(1)),
                    None if held.len() >= LINE || last => (held.len().min(LINE), held.len().min(LINE)),
                    None => return Ok(false),
                };
                let text = held.get(..line).unwrap_or_default();
                let text = text.strip_suffix(b"\r").unwrap_or(text).to_vec();
                let origins = side.buffer.origins(0, text.len());
                side.buffer.consume(end);
                let at = side.at;
                let said = self.grammar.line(direction, &text)?;
                let host = self.grammar.host().or(host);
                say(direction, &said, &text, &origins, at, host.clone(), sink);
                let whole = line < end;
                let body = |body: Body| {
                    let mut assembly = Assembly::new(direction, body.label, host, Vec::new());
                    assembly.declare(body.content_type.map(str::to_owned), Vec::new());
                    assembly
                };
                let side = self.side(direction);
                side.fresh = whole;
                match said.next {
                    _ if !whole => {}
                    Next::Line | Next::Bytes(0, _) | Next::Literal(0, _) => {}
                    Next::Block(what) => side.mode = Mode::Block(body(what), false),
                    Next::Bytes(len, what) | Next::Literal(len, what) => side.mode = Mode::Bytes(body(what), len),
                }
                Ok(true)
            }
        }
    }

    /// A line of a body, or the lone dot that ends it.
    fn block(&mut self, direction: Direction, last: bool, sink: &mut Sink<'_>) -> bool {
        let side = self.side(direction);
        let at = side.at;
        let held = side.buffer.bytes();
        let end = match memchr::memchr(b'\n', held) {
            Some(end) => end.saturating_add(1),
            None if held.len() >= LINE || last => held.len(),
            None => return false,
        };
        let line = held.get(..end).unwrap_or_default();
        let Mode::Block(body, inside) = &mut side.mode else { return false };
        let begins = !std::mem::replace(inside, !line.ends_with(b"\n"));
        if begins && matches!(line, b".\r\n" | b".\n") {
            side.buffer.consume(end);
            if let Mode::Block(body, _) = std::mem::replace(&mut side.mode, Mode::Lines) {
                body.finish(at, sink);
            }
            side.fresh = true;
            return true;
        }
        let from = usize::from(begins && line.starts_with(b"."));
        body.body(line.get(from..).unwrap_or_default(), &side.buffer.origins(from, end), at, sink);
        side.buffer.consume(end);
        side.fresh = false;
        true
    }

    fn upgrade(&mut self, sink: &mut Sink<'_>) {
        if !std::mem::replace(&mut self.upgraded, true) {
            let layer = Layer { name: self.grammar.name().to_owned(), secure: false, opened: false };
            let host = self.grammar.host().or_else(|| self.meta.host.clone());
            sink.open(TLS, Child { layer, datagrams: false, hint: None, host, from_start: true });
        }
    }

    /// One direction is over.
    fn end(&mut self, direction: Direction, at: Timestamp, how: Ending, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        self.side(direction).at = at;
        while self.step(direction, true, sink)? {}
        let side = self.side(direction);
        match std::mem::replace(&mut side.mode, Mode::Lines) {
            Mode::Block(mut body, _) | Mode::Bytes(mut body, _) => {
                if how == Ending::Clean {
                    body.interrupted();
                } else {
                    body.damaged();
                }
                body.finish(at, sink);
            }
            Mode::Tls => {
                side.mode = Mode::Tls;
                sink.end(TLS, direction, at);
            }
            Mode::Lines | Mode::Lost => {}
        }
        Ok(())
    }
}

impl<G: Grammar> Dissector for Dialogue<G> {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => {
                let direction = chunk.direction;
                let side = self.side(direction);
                side.at = chunk.at;
                if !matches!(side.mode, Mode::Tls) {
                    let packed = side.inflate.is_some();
                    let class = if packed { Opacity::Compressed } else { Opacity::Plaintext };
                    sink.wire(class, chunk.bytes.len() as u64);
                }
                let mut from = 0_usize;
                for piece in chunk.bytes.chunks(PART_PIECE) {
                    let to = from.saturating_add(piece.len());
                    self.take(direction, piece, &chunk.origins.slice(from, to), sink)?;
                    from = to;
                }
            }
            StreamEvent::Gap { direction, at, len, why, .. } => {
                while self.step(direction, true, sink)? {}
                let side = self.side(direction);
                side.at = at;
                if let Some(inflate) = &mut side.inflate {
                    inflate.lose();
                }
                match &mut side.mode {
                    Mode::Tls => {
                        sink.gap(TLS, direction, at, len, why);
                        return Ok(());
                    }
                    Mode::Bytes(body, left) if len > 0 && len < *left => {
                        body.hole(len, at, sink);
                        *left = left.saturating_sub(len);
                    }
                    Mode::Block(body, inside) => {
                        body.hole(len, at, sink);
                        *inside = true;
                    }
                    mode => {
                        if let Mode::Bytes(mut body, _) = std::mem::replace(mode, Mode::Lost) {
                            body.damaged();
                            body.finish(at, sink);
                        }
                    }
                }
                let spot = lost(direction, len, why);
                sink.blind(spot.why, direction, len, spot.detail);
            }
            StreamEvent::End { direction, at } => self.end(direction, at, Ending::Clean, sink)?,
            StreamEvent::Close { at, how } => {
                for direction in Direction::BOTH {
                    self.end(direction, at, how, sink)?;
                }
                if self.upgraded {
                    sink.close(TLS, at, how);
                }
            }
        }
        Ok(())
    }

    fn held(&self) -> usize {
        let side = |side: &Side| {
            let body = match &side.mode {
                Mode::Block(body, _) | Mode::Bytes(body, _) => body.held(),
                Mode::Lines | Mode::Tls | Mode::Lost => 0,
            };
            side.buffer.len().saturating_add(body)
        };
        let [up, down] = &self.sides;
        side(up).saturating_add(side(down))
    }
}

/// Emits what a line says, if anything.
fn say(
    direction: Direction,
    said: &Line,
    text: &[u8],
    origins: &Origins,
    at: Timestamp,
    host: Option<String>,
    sink: &mut Sink<'_>,
) {
    if said.label.is_empty() {
        return;
    }
    let part = |(kind, name, range): &(PartKind, &'static str, Range<usize>)| {
        let bytes = text.get(range.clone())?;
        (!bytes.is_empty()).then(|| Part {
            name: (*name).to_owned(),
            ..Part::new(*kind, bytes.to_vec(), origins.slice(range.start, range.end))
        })
    };
    let parts = said.parts.iter().filter_map(part).collect();
    sink.message(Draft { direction, at, label: said.label.clone(), host, parts, whole: true });
}

/// Whether bytes begin a line; `None` when more must be seen.
fn is_line(held: &[u8]) -> Option<bool> {
    for byte in held.iter().take(LOOK) {
        match byte {
            b'\n' => return Some(true),
            b' '..=b'~' | b'\r' | b'\t' => {}
            _ => return Some(false),
        }
    }
    (held.len() >= LOOK).then_some(true)
}

/// The first line of `bytes`, without its break; `None` when it is not all there.
pub(super) fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = bytes.get(..end)?;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// Whether what is there of a first line could go on to begin with `word`, in either case.
pub(super) fn could_begin(bytes: &[u8], word: &str) -> bool {
    let len = bytes.len().min(word.len());
    bytes.get(..len).zip(word.as_bytes().get(..len)).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// The first word of a line, and where the rest begins.
pub(super) fn word(line: &[u8]) -> (&[u8], usize) {
    let end = memchr::memchr(b' ', line).unwrap_or(line.len());
    (line.get(..end).unwrap_or_default(), end.saturating_add(1).min(line.len()))
}

/// A three-digit reply code at the start of a line, and whether more lines follow it (RFC 5321 section 4.2).
pub(super) fn reply(line: &[u8]) -> Option<(u16, bool)> {
    let digits = line.get(..3)?;
    let more = match line.get(3) {
        None | Some(b' ') => false,
        Some(b'-') => true,
        Some(_) => return None,
    };
    let code = std::str::from_utf8(digits).ok()?.parse::<u16>().ok()?;
    (digits.iter().all(u8::is_ascii_digit) && (100..700).contains(&code)).then_some((code, more))
}
