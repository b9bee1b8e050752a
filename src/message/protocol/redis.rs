//! Redis (RESP2 and RESP3): commands and replies.

use crate::bytes::{Buffer, Malformed, Match};
use crate::message::raw::lost;
use crate::message::sink::Draft;
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::budget::{FIELDS, PART_BYTES};
use crate::model::flow::Blind;
use crate::model::message::{Part, PartKind};
use crate::model::opacity::Opacity;
use crate::model::stream::{Direction, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::ops::Range;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "redis",
    about: "Redis commands and replies (RESP2, RESP3), with credentials",
    probe,
    start: |meta| Box::new(Redis::new(meta)),
    samples: &[Sample {
        name: "a value is set and read",
        to_server:
            b"*2\r\n$4\r\nAUTH\r\n$9\r\nreed-bank\r\n*3\r\n$3\r\nSET\r\n$4\r\nnote\r\n$15\r\nThe heron lands\r\n",
        to_client: b"+OK\r\n+OK\r\n",
        shows: "The heron lands",
    }],
};

/// Arrays one inside the other.
const DEPTH: usize = 32;

fn probe(peek: &Peek<'_>) -> Match {
    if peek.meta.datagrams {
        return Match::No;
    }
    // An array of bulk strings: `*2\r\n$4\r\n`.
    let bytes = peek.to_server;
    let number = |from: usize| {
        let digits = bytes.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
        (digits, from.saturating_add(digits))
    };
    if bytes.first().is_some_and(|first| *first != b'*') {
        return Match::No;
    }
    let (digits, at) = number(1);
    let rest = bytes.get(at..).unwrap_or_default();
    if digits > 7 {
        return Match::No;
    }
    if digits == 0 || rest.len() < 3 {
        return if b"\r\n$".starts_with(rest) { Match::NeedMore } else { Match::No };
    }
    if !rest.starts_with(b"\r\n$") {
        return Match::No;
    }
    let (digits, at) = number(at.saturating_add(3));
    let rest = bytes.get(at..).unwrap_or_default();
    match (digits, rest) {
        (1..=9, [b'\r', b'\n', ..]) => Match::Certain,
        (0..=9, [] | [b'\r']) => Match::NeedMore,
        _ => Match::No,
    }
}

struct Redis {
    meta: StreamMeta,
    sides: [Side; 2],
}

struct Side {
    buffer: Buffer,
    at: Timestamp,
    lost: bool,
}

impl Redis {
    fn new(meta: &StreamMeta) -> Self {
        let side = || Side { buffer: Buffer::new(PART_BYTES * 2), at: meta.at, lost: false };
        Self { meta: meta.clone(), sides: [side(), side()] }
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        direction.of_mut(&mut self.sides)
    }

    fn step(&mut self, direction: Direction, sink: &mut Sink<'_>) -> Result<bool, Malformed> {
        let host = self.meta.host.clone();
        let side = self.side(direction);
        let held = side.buffer.bytes();
        if held.is_empty() {
            return Ok(false);
        }
        let mut values = Vec::new();
        let Some(end) = value(held, 0, 0, &mut values)? else { return Ok(false) };
        let bytes = held.get(..end).unwrap_or_default().to_vec();
        let origins = side.buffer.origins(0, end);
        let at = side.at;
        side.buffer.consume(end);
        let text = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
        let verb = values.first().map(|range| String::from_utf8_lossy(text(range)).to_ascii_uppercase());
        let command = direction == Direction::ToServer;
        let label = match verb {
            Some(verb) if command && verb.len() <= 40 => verb,
            _ if command => "command".to_owned(),
            _ => "reply".to_owned(),
        };
        let secret = matches!(label.as_str(), "AUTH" | "HELLO");
        let parts = values
            .iter()
            .skip(usize::from(command))
            .filter(|range| !range.is_empty())
            .map(|range| {
                let kind = if secret { PartKind::Header } else { PartKind::Body };
                let name = if secret { "authorization" } else { "" };
                Part {
                    name: name.to_owned(),
                    ..Part::new(kind, text(range).to_vec(), origins.slice(range.start, range.end))
                }
            })
            .collect();
        sink.message(Draft { direction, at, label, host, parts, whole: true });
        Ok(true)
    }
}

/// The value that begins at `at`: where it ends, `None` if not all of it is there. Simple values go into `found`.
fn value(bytes: &[u8], at: usize, depth: usize, found: &mut Vec<Range<usize>>) -> Result<Option<usize>, Malformed> {
    const WHAT: Malformed = Malformed::Illegal("Redis value");
    if depth > DEPTH || found.len() > FIELDS {
        return Err(Malformed::TooLarge("Redis value"));
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(line) = memchr::memchr(b'\n', rest) else {
        return if rest.len() > PART_BYTES { Err(Malformed::TooLarge("Redis value")) } else { Ok(None) };
    };
    let next = at.saturating_add(line).saturating_add(1);
    let end = next.saturating_sub(2);
    let head = bytes.get(at.saturating_add(1)..end).unwrap_or_default();
    let count = || std::str::from_utf8(head).ok().and_then(|text| text.parse::<i64>().ok()).ok_or(WHAT);
    match rest.first() {
        Some(b'+' | b'-' | b':' | b',' | b'(' | b'#' | b'_') => {
            found.push(at.saturating_add(1)..end);
            Ok(Some(next))
        }
        Some(b'$' | b'=' | b'!') => {
            let Ok(len) = usize::try_from(count()?) else { return Ok(Some(next)) };
            if len > PART_BYTES {
                return Err(Malformed::TooLarge("Redis value"));
            }
            let close = next.saturating_add(len);
            if bytes.len() < close.saturating_add(2) {
                return Ok(None);
            }
            if bytes.get(close..close.saturating_add(2)) != Some(b"\r\n") {
                return Err(WHAT);
            }
            found.push(next..close);
            Ok(Some(close.saturating_add(2)))
        }
        Some(kind @ (b'*' | b'~' | b'>' | b'%' | b'|')) => {
            let count = count()?;
            let each = if matches!(kind, b'%' | b'|') { 2 } else { 1 };
            let count = usize::try_from(count).unwrap_or(0).saturating_mul(each);
            if count > FIELDS {
                return Err(Malformed::TooLarge("Redis array"));
            }
            let mut at = next;
            for _ in 0..count {
                match value(bytes, at, depth.saturating_add(1), found)? {
                    Some(next) => at = next,
                    None => return Ok(None),
                }
            }
            Ok(Some(at))
        }
        // A command typed in a line (inline commands).
        Some(first) if first.is_ascii_alphabetic() && depth == 0 => {
            found.push(at..end.max(at));
            Ok(Some(next))
        }
        _ => Err(WHAT),
    }
}

impl Dissector for Redis {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => {
                let direction = chunk.direction;
                sink.wire(Opacity::Plaintext, chunk.bytes.len() as u64);
                let side = self.side(direction);
                side.at = chunk.at;
                if side.lost {
                    sink.blind(Blind::Lost, direction, chunk.bytes.len() as u64, "Redis behind a loss");
                    return Ok(());
                }
                let mut from = 0_usize;
                for piece in chunk.bytes.chunks(PART_BYTES / 2) {
                    let to = from.saturating_add(piece.len());
                    self.side(direction).buffer.push(piece, &chunk.origins.slice(from, to))?;
                    from = to;
                    while self.step(direction, sink)? {}
                }
            }
            StreamEvent::Gap { direction, at, len, why, .. } => {
                let side = self.side(direction);
                side.at = at;
                side.lost = true;
                let spot = lost(direction, len, why);
                sink.blind(spot.why, direction, len, spot.detail);
            }
            StreamEvent::End { .. } => {}
            StreamEvent::Close { .. } => {
                for direction in Direction::BOTH {
                    let left = self.side(direction).buffer.len();
                    if left > 0 {
                        sink.blind(Blind::Truncated, direction, left as u64, "a Redis value is cut short");
                    }
                }
            }
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.sides.iter().map(|side| side.buffer.len()).sum()
    }
}
