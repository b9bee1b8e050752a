//! Syslog: the new form (RFC 5424) and the old one (RFC 3164), a message a datagram (RFC 5426) or a stream of them with
//! octet counts or line ends (RFC 6587).
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Buffer, Malformed, Match};
use crate::message::sink::Draft;
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::budget::PART_PIECE;
use crate::model::flow::Blind;
use crate::model::message::{Part, PartKind};
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::stream::{Direction, StreamEvent};
use crate::model::time::Timestamp;
use std::ops::Range;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "syslog",
    about: "syslog, RFC 5424 and RFC 3164, over UDP and TCP",
    probe,
    start: |meta| Box::new(Syslog { datagrams: meta.datagrams, sides: Default::default() }),
    samples: SAMPLES,
};

const SAMPLES: &[Sample] = &[
    Sample {
        name: "octet counts",
        to_server:
            b"92 <165>1 2026-11-02T09:00:00Z relay chat 812 ID47 [ex@0 from=\"ann\"] text=\"The heron lands\" n=1\
                     47 <165>1 2026-11-02T09:00:01Z relay chat - - - ok",
        to_client: b"",
        shows: "The heron lands",
    },
    Sample {
        name: "lines",
        to_server:
            b"<13>Nov  2 09:00:00 relay chat[812]: The heron lands at dusk\n<13>Nov  2 09:00:01 relay chat: ok\n",
        to_client: b"",
        shows: "The heron lands at dusk",
    },
];

/// Bytes of one message: senders stay far below (RFC 5424 section 6.1), and what does not end is no message.
const LONGEST: usize = 256 << 10;
/// Elements of structured data of one message, and their parameters.
const PARAMETERS: usize = 1_024;

/// `<0>` to `<191>`: its value, and its length.
fn priority(bytes: &[u8]) -> Option<(u8, usize)> {
    let digits = bytes.strip_prefix(b"<")?;
    let len = digits.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let text = digits.get(..len)?;
    let value: u16 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let fine = digits.get(len) == Some(&b'>') && value <= 191 && (len == 1 || text.first() != Some(&b'0'));
    fine.then_some((u8::try_from(value).ok()?, len.saturating_add(2)))
}

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// `Mmm dd hh:mm:ss` (RFC 3164 section 4.1.2).
fn is_old_time(bytes: &[u8]) -> bool {
    let Some(text) = bytes.get(..15) else { return false };
    let shape = text.iter().zip(b"Aaa 00 00:00:00").all(|(byte, like)| match like {
        b'0' => byte.is_ascii_digit() || *byte == b' ',
        b' ' | b':' => byte == like,
        _ => byte.is_ascii_alphabetic(),
    });
    shape && text.get(..3).is_some_and(|month| MONTHS.contains(&month))
}

/// `1 ` and a time or a dash (RFC 5424 section 6.2.3), or a full date in the old form's place, as many send.
fn is_new_head(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"1 ") else { return false };
    rest.starts_with(b"- ") || is_new_time(rest)
}

fn is_new_time(bytes: &[u8]) -> bool {
    bytes.get(..11).is_some_and(|text| {
        text.iter()
            .zip(b"0000-00-00T")
            .all(|(byte, like)| if *like == b'0' { byte.is_ascii_digit() } else { byte == like })
    })
}

/// How sure it is that a message begins here.
fn begins(bytes: &[u8]) -> Match {
    let head = bytes.get(..5).unwrap_or(bytes);
    let Some((_, len)) = priority(bytes) else {
        let open = bytes.first() == Some(&b'<') && head.len() < 5;
        let so_far = head.get(1..).unwrap_or_default().iter().all(u8::is_ascii_digit);
        return if (open && so_far) || bytes.is_empty() { Match::NeedMore } else { Match::No };
    };
    let rest = bytes.get(len..).unwrap_or_default();
    if is_old_time(rest) || is_new_head(rest) || is_new_time(rest) {
        return Match::Certain;
    }
    if rest.len() < 15 {
        return Match::NeedMore;
    }
    Match::No
}

/// `MSG-LEN SP` (RFC 6587 section 3.4.1): the length of the message, and of the count.
fn count(bytes: &[u8]) -> Option<(usize, usize)> {
    let len = bytes.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
    let fine = len > 0 && bytes.first() != Some(&b'0') && bytes.get(len) == Some(&b' ');
    let number = std::str::from_utf8(bytes.get(..len)?).ok()?.parse().ok()?;
    fine.then_some((number, len.saturating_add(1)))
}

fn probe(peek: &Peek<'_>) -> Match {
    let bytes = if peek.to_server.is_empty() { peek.to_client } else { peek.to_server };
    if peek.meta.datagrams {
        return match begins(bytes) {
            Match::Certain => Match::Certain,
            // Without a time it is a priority and text, or two dozen other things.
            _ => match priority(bytes).and_then(|(_, len)| bytes.get(len..)) {
                Some(text) if !text.is_empty() && is_line(text) => Match::Maybe,
                _ => Match::No,
            },
        };
    }
    // Nobody answers a syslog client.
    if !peek.to_client.is_empty() && !peek.to_server.is_empty() {
        return Match::No;
    }
    if let Some((len, head)) = count(bytes) {
        let rest = bytes.get(head..).unwrap_or_default();
        return if (4..=LONGEST).contains(&len) { begins(rest) } else { Match::No };
    }
    let digits = bytes.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == bytes.len() && digits < 7 && bytes.first() != Some(&b'0') { Match::NeedMore } else { begins(bytes) }
}

fn is_line(text: &[u8]) -> bool {
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    std::str::from_utf8(text).is_ok_and(|text| text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'))
}

#[derive(Default)]
struct Side {
    buffer: Option<Buffer>,
}

struct Syslog {
    datagrams: bool,
    sides: [Side; 2],
}

impl Syslog {
    fn buffer(&mut self, direction: Direction) -> &mut Buffer {
        let side = direction.of_mut(&mut self.sides);
        side.buffer.get_or_insert_with(|| Buffer::new(LONGEST.saturating_mul(2)))
    }

    /// Takes whole messages off the front; at the end, what is left too.
    fn drain(&mut self, direction: Direction, at: Timestamp, last: bool, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let buffer = self.buffer(direction);
        loop {
            let bytes = buffer.bytes();
            if bytes.is_empty() {
                return Ok(());
            }
            let (start, end, used, whole) = match count(bytes) {
                Some((len, _)) if len > LONGEST => return Err(Malformed::TooLarge("syslog message")),
                Some((len, head)) => {
                    let end = head.saturating_add(len);
                    if end > bytes.len() && !last {
                        return Ok(());
                    }
                    (head, end.min(bytes.len()), end.min(bytes.len()), end <= bytes.len())
                }
                None => match memchr::memchr2(b'\n', b'\0', bytes) {
                    Some(end) => (0, end, end.saturating_add(1), true),
                    None if last => (0, bytes.len(), bytes.len(), true),
                    None if bytes.len() > LONGEST => return Err(Malformed::TooLarge("syslog message")),
                    None => return Ok(()),
                },
            };
            let message = bytes.get(start..end).unwrap_or_default().to_vec();
            let origins = buffer.origins(start, end);
            buffer.consume(used);
            sink.wire(Opacity::Plaintext, used as u64);
            if !whole {
                sink.blind(Blind::Truncated, direction, 0, "it ended in the middle of a syslog message");
            }
            if !message.is_empty() {
                emit(&message, &origins, direction, at, whole, sink);
            }
        }
    }
}

impl Dissector for Syslog {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) if self.datagrams => {
                priority(chunk.bytes).ok_or(Malformed::Illegal("syslog priority"))?;
                sink.wire(Opacity::Plaintext, chunk.bytes.len() as u64);
                let bytes = chunk.bytes.strip_suffix(b"\0").unwrap_or(chunk.bytes);
                emit(bytes, &chunk.origins, chunk.direction, chunk.at, true, sink);
            }
            StreamEvent::Data(chunk) => {
                let mut from = 0_usize;
                for piece in chunk.bytes.chunks(PART_PIECE) {
                    let to = from.saturating_add(piece.len());
                    self.buffer(chunk.direction).push(piece, &chunk.origins.slice(from, to))?;
                    from = to;
                    self.drain(chunk.direction, chunk.at, false, sink)?;
                }
            }
            StreamEvent::Gap { direction, at, len, .. } => {
                sink.blind(Blind::Lost, direction, len, "bytes of a syslog connection");
                if !self.datagrams {
                    self.drain(direction, at, true, sink)?;
                    // Where the next message begins shows at a line's end, or not at all.
                    return Err(Malformed::Short("syslog message"));
                }
            }
            StreamEvent::End { direction, at } => self.drain(direction, at, true, sink)?,
            StreamEvent::Close { at, .. } => {
                for direction in Direction::BOTH {
                    self.drain(direction, at, true, sink)?;
                }
            }
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.sides.iter().filter_map(|side| side.buffer.as_ref()).map(Buffer::len).sum()
    }
}

/// The next word, and where what follows its space begins.
fn word(bytes: &[u8], at: usize) -> (Range<usize>, usize) {
    let rest = bytes.get(at..).unwrap_or_default();
    let len = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let end = at.saturating_add(len);
    (at..end, end.saturating_add(1).min(bytes.len()))
}

/// Emits one message.
fn emit(bytes: &[u8], origins: &Origins, direction: Direction, at: Timestamp, whole: bool, sink: &mut Sink<'_>) {
    let mut parts = Vec::new();
    let part = |kind: PartKind, name: &str, range: Range<usize>| {
        let value = bytes.get(range.clone()).unwrap_or_default().to_vec();
        Part { kind, name: name.to_owned(), ..Part::new(kind, value, origins.slice(range.start, range.end)) }
    };
    let mut label = "syslog".to_owned();
    let mut from = 0_usize;
    if let Some((value, len)) = priority(bytes) {
        label = format!("syslog {}.{}", facility(value >> 3), severity(value & 7));
        from = len;
        let rest = bytes.get(len..).unwrap_or_default();
        if is_new_head(rest) {
            from = from.saturating_add(2);
            for name in ["timestamp", "hostname", "app-name", "procid", "msgid"] {
                let (range, next) = word(bytes, from);
                if bytes.get(range.clone()) != Some(b"-") && !range.is_empty() {
                    parts.push(part(PartKind::Header, name, range));
                }
                from = next;
            }
            from = structured(bytes, from, origins, &mut parts);
        } else if is_old_time(rest) || is_new_time(rest) {
            let end = if is_old_time(rest) { from.saturating_add(15) } else { word(bytes, from).0.end };
            parts.push(part(PartKind::Header, "timestamp", from..end));
            from = end.saturating_add(1).min(bytes.len());
            let (host, next) = word(bytes, from);
            // A sender that leaves its name out begins with the tag.
            if bytes.get(host.clone()).is_some_and(|word| !word.ends_with(b":") && !word.is_empty()) {
                parts.push(part(PartKind::Header, "hostname", host));
                from = next;
            }
            let rest = bytes.get(from..).unwrap_or_default();
            let tag = rest.iter().take(64).position(|byte| !(byte.is_ascii_alphanumeric() || b"-_./@".contains(byte)));
            if let Some(len) = tag.filter(|len| *len > 0 && matches!(rest.get(*len), Some(b':' | b'['))) {
                parts.push(part(PartKind::Header, "tag", from..from.saturating_add(len)));
                let colon = memchr::memchr(b':', rest).map_or(len, |colon| colon.saturating_add(1));
                let body = rest.get(colon..).unwrap_or_default();
                from = from.saturating_add(colon).saturating_add(usize::from(body.first() == Some(&b' ')));
            }
        }
    }
    let text = bytes.get(from..).unwrap_or_default();
    let bom = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let from = from.saturating_add(bom);
    if from < bytes.len() {
        parts.push(part(PartKind::Body, "", from..bytes.len()));
    }
    sink.message(Draft { direction, at, label, host: None, parts, whole });
}

/// Structured data (RFC 5424 section 6.3); where what follows it begins.
fn structured(bytes: &[u8], from: usize, origins: &Origins, parts: &mut Vec<Part>) -> usize {
    let at = |index: usize| bytes.get(index).copied();
    let mut here = from;
    if at(here) == Some(b'-') {
        return here.saturating_add(2).min(bytes.len());
    }
    while at(here) == Some(b'[') {
        let until = |start: usize, stops: &[u8]| {
            let rest = bytes.get(start..).unwrap_or_default();
            start.saturating_add(rest.iter().position(|byte| stops.contains(byte)).unwrap_or(rest.len()))
        };
        let id_from = here.saturating_add(1);
        let id_to = until(id_from, b" ]");
        let id = String::from_utf8_lossy(bytes.get(id_from..id_to).unwrap_or_default()).to_ascii_lowercase();
        here = id_to;
        while at(here) == Some(b' ') && parts.len() < PARAMETERS {
            let name_from = here.saturating_add(1);
            let name_to = until(name_from, b"=]");
            let value_from = name_to.saturating_add(2);
            if bytes.get(name_to..value_from) != Some(b"=\"") {
                return from;
            }
            let mut value = Vec::new();
            let mut value_to = value_from;
            loop {
                match (at(value_to), at(value_to.saturating_add(1))) {
                    (None, _) => return from,
                    (Some(b'"'), _) => break,
                    (Some(b'\\'), Some(escaped @ (b'"' | b'\\' | b']'))) => {
                        value.push(escaped);
                        value_to = value_to.saturating_add(2);
                    }
                    (Some(byte), _) => {
                        value.push(byte);
                        value_to = value_to.saturating_add(1);
                    }
                }
            }
            let name = String::from_utf8_lossy(bytes.get(name_from..name_to).unwrap_or_default()).to_ascii_lowercase();
            let verbatim = value.len() == value_to.saturating_sub(value_from);
            let carried = origins.slice(value_from, value_to);
            // An escape moves what follows it: then all of the value's frames carried each byte.
            let carried = if verbatim { carried } else { spread(&carried, value.len()) };
            parts.push(Part::header(format!("{id}.{name}"), value, carried));
            here = value_to.saturating_add(1);
        }
        if at(here) != Some(b']') {
            return from;
        }
        here = here.saturating_add(1);
    }
    here.saturating_add(usize::from(at(here) == Some(b' '))).min(bytes.len())
}

/// The frames of `origins` over `len` bytes.
fn spread(origins: &Origins, len: usize) -> Origins {
    origins.first().map_or_else(Origins::new, |frame| Origins::one(len, frame))
}

const fn facility(number: u8) -> &'static str {
    match number {
        0 => "kern",
        1 => "user",
        2 => "mail",
        3 => "daemon",
        4 => "auth",
        5 => "syslog",
        6 => "lpr",
        7 => "news",
        8 => "uucp",
        9 => "cron",
        10 => "authpriv",
        11 => "ftp",
        12 => "ntp",
        13 => "audit",
        14 => "alert",
        15 => "clock",
        16 => "local0",
        17 => "local1",
        18 => "local2",
        19 => "local3",
        20 => "local4",
        21 => "local5",
        22 => "local6",
        _ => "local7",
    }
}

const fn severity(number: u8) -> &'static str {
    match number {
        0 => "emerg",
        1 => "alert",
        2 => "crit",
        3 => "err",
        4 => "warning",
        5 => "notice",
        6 => "info",
        _ => "debug",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::harness::{Ev, meta, play, up};
    use crate::model::stream::{Ending, StreamMeta};

    fn heard(bytes: &[u8], datagrams: bool) -> Vec<String> {
        let meta = StreamMeta { datagrams, ..meta() };
        play(&PROTOCOL, &meta, 1 << 20, &[up(bytes), Ev::Close(Ending::Clean)]).lines()
    }

    #[test]
    fn both_forms_are_read_to_their_parts() {
        assert_eq!(
            heard(b"<165>1 2003-10-11T22:14:15.003Z m.example evntslog - ID47 [a@1 iut=\"3\" x=\"a\\\"b\\]\"][b@1] \xef\xbb\xbfAn event", true),
            ["> syslog syslog local4.notice | timestamp=2003-10-11T22:14:15.003Z | hostname=m.example | app-name=evntslog \
              | msgid=ID47 | a@1.iut=3 | a@1.x=a\\\"b] | body=An event"]
        );
        assert_eq!(
            heard(b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed", true),
            [
                "> syslog syslog auth.crit | timestamp=Oct 11 22:14:15 | hostname=mymachine | tag=su | body=\\'su root\\' failed"
            ]
        );
        assert_eq!(heard(b"<14>heron here\0", true), ["> syslog syslog user.info | body=heron here"]);
    }

    #[test]
    fn other_texts_are_not_syslog() {
        for bytes in
            [&b"<html>"[..], b"<192>1 - x", b"<1a>", b"<013>Oct 11 22:14:15 x", b"GET / HTTP/1.1\r\n", b"12 apples"]
        {
            assert_eq!(begins(bytes), Match::No, "{}", bytes.escape_ascii());
        }
        for (bytes, want) in
            [(&b"<"[..], Match::NeedMore), (b"<34>Oct 11", Match::NeedMore), (b"<34>1 - ", Match::Certain)]
        {
            assert_eq!(begins(bytes), want);
        }
        assert_eq!(count(b"047 <"), None);
        assert_eq!(count(b"47 <1"), Some((47, 3)));
    }
}
