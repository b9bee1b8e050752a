//! MQTT 3.1, 3.1.1 and 5 (OASIS): connections with their credentials and wills, publications with their topics.

use crate::bytes::{Buffer, Cursor, Malformed, Match};
use crate::message::raw::lost;
use crate::message::sink::Draft;
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::budget::PART_BYTES;
use crate::model::flow::Blind;
use crate::model::message::{Part, PartKind};
use crate::model::opacity::Opacity;
use crate::model::stream::{Direction, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::collections::BTreeMap;
use std::ops::Range;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "mqtt",
    about: "MQTT 3.1, 3.1.1 and 5: credentials, wills, properties, topic aliases, payloads",
    probe,
    start: |meta| Box::new(Mqtt::new(meta)),
    samples: SAMPLES,
};

const SAMPLES: &[Sample] = &[
    Sample {
        name: "3.1.1 with a password",
        to_server: b"\x10\x1e\x00\x04MQTT\x04\xc2\x00\x3c\x00\x02me\x00\x03ann\x00\x09reed-bank\x32\x1d\x00\x04dusk\x00\x01The heron lands dusk\x00",
        to_client: b"\x20\x02\x00\x00\x40\x02\x00\x01",
        shows: "The heron lands",
    },
    Sample {
        name: "5 with properties and an alias",
        to_server: b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03abc\x30\x18\x00\x04dusk\x03\x23\x00\x01heron by topic\x30\x12\x00\x00\x03\x23\x00\x01heron alias\x00",
        to_client: b"\x20\x03\x00\x00\x00",
        shows: "heron alias",
    },
];

/// Topic aliases remembered.
const ALIASES: usize = 4_096;

fn probe(peek: &Peek<'_>) -> Match {
    if peek.meta.datagrams {
        return Match::No;
    }
    let bytes = peek.to_server;
    // A client begins with CONNECT: its type, a length, and the protocol's name (3.1.1 section 3.1).
    if bytes.first().is_some_and(|first| *first != 0x10) {
        return Match::No;
    }
    let Some((_, head)) = remaining(bytes.get(1..).unwrap_or_default()) else {
        return if bytes.len() < 6 { Match::NeedMore } else { Match::No };
    };
    let name = bytes.get(1_usize.saturating_add(head)..).unwrap_or_default();
    let names: [&[u8]; 2] = [b"\0\x04MQTT", b"\0\x06MQIsdp"];
    if names.iter().any(|known| name.starts_with(known)) {
        Match::Certain
    } else if names.iter().any(|known| known.starts_with(name)) {
        Match::NeedMore
    } else {
        Match::No
    }
}

/// A length in up to four bytes of seven bits, and how many bytes it took.
fn remaining(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at.saturating_add(1)));
        }
    }
    None
}

struct Mqtt {
    meta: StreamMeta,
    sides: [Side; 2],
    /// Version 5, which has properties.
    five: bool,
}

struct Side {
    buffer: Buffer,
    aliases: BTreeMap<u16, Vec<u8>>,
    at: Timestamp,
    lost: bool,
}

/// A packet's parts: what they are, what they are called, where they stand.
type Parts = Vec<(PartKind, &'static str, Range<usize>)>;

impl Mqtt {
    fn new(meta: &StreamMeta) -> Self {
        let side = || Side { buffer: Buffer::new(PART_BYTES * 2), aliases: BTreeMap::new(), at: meta.at, lost: false };
        Self { meta: meta.clone(), sides: [side(), side()], five: false }
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        direction.of_mut(&mut self.sides)
    }

    fn step(&mut self, direction: Direction, sink: &mut Sink<'_>) -> Result<bool, Malformed> {
        let host = self.meta.host.clone();
        let five = self.five;
        let side = self.side(direction);
        let held = side.buffer.bytes();
        let Some(first) = held.first().copied() else { return Ok(false) };
        let Some((len, head)) = remaining(held.get(1..).unwrap_or_default()) else {
            return if held.len() > 4 { Err(Malformed::Illegal("MQTT length")) } else { Ok(false) };
        };
        let start = 1_usize.saturating_add(head);
        let end = start.saturating_add(len);
        if len > PART_BYTES {
            return Err(Malformed::TooLarge("MQTT packet"));
        }
        let Some(packet) = held.get(..end).map(<[u8]>::to_vec) else { return Ok(false) };
        let origins = side.buffer.origins(0, end);
        side.buffer.consume(end);
        let at = side.at;
        let (label, parts, topic) = match first >> 4 {
            1 => {
                let (version, parts) = connect(&packet, start)?;
                self.five = version >= 5;
                ("CONNECT".to_owned(), parts, None)
            }
            3 => self.publish(direction, &packet, start, first, five)?,
            8 => ("SUBSCRIBE".to_owned(), vec![(PartKind::Body, "", start..end)], None),
            10 => ("UNSUBSCRIBE".to_owned(), vec![(PartKind::Body, "", start..end)], None),
            15 => ("AUTH".to_owned(), vec![(PartKind::Header, "authorization", start..end)], None),
            2 => ("CONNACK".to_owned(), Vec::new(), None),
            4..=7 | 9 | 11..=13 => return Ok(true),
            14 => ("DISCONNECT".to_owned(), Vec::new(), None),
            _ => return Err(Malformed::Illegal("MQTT packet type")),
        };
        let mut out: Vec<Part> = parts
            .into_iter()
            .filter_map(|(kind, name, range)| {
                let bytes = packet.get(range.clone()).filter(|bytes| !bytes.is_empty())?;
                Some(Part {
                    name: name.to_owned(),
                    ..Part::new(kind, bytes.to_vec(), origins.slice(range.start, range.end))
                })
            })
            .collect();
        // A topic by alias was named in an earlier packet: this one carried its number.
        if let Some(topic) = topic {
            let frame = origins.first().unwrap_or_default();
            let carried = crate::model::origin::Origins::one(topic.len(), frame);
            out.insert(0, Part::new(PartKind::Path, topic, carried));
        }
        sink.message(Draft { direction, at, label, host, parts: out, whole: true });
        Ok(true)
    }

    /// PUBLISH (3.1.1 and 5, section 3.3).
    fn publish(
        &mut self,
        direction: Direction,
        packet: &[u8],
        start: usize,
        first: u8,
        five: bool,
    ) -> Result<(String, Parts, Option<Vec<u8>>), Malformed> {
        let mut cursor = Cursor::new(packet.get(start..).unwrap_or_default());
        let topic = text(&mut cursor, start, "MQTT topic")?;
        if first & 6 != 0 {
            cursor.u16("MQTT packet identifier")?;
        }
        let mut parts = vec![(PartKind::Path, "", topic.clone())];
        let mut aliased = None;
        if five {
            let alias = properties(&mut cursor, start, &mut parts)?;
            if let Some(alias) = alias {
                let side = self.side(direction);
                if topic.is_empty() {
                    aliased = side.aliases.get(&alias).cloned();
                } else if side.aliases.len() < ALIASES {
                    side.aliases.insert(alias, packet.get(topic).unwrap_or_default().to_vec());
                }
            }
        }
        let body = start.saturating_add(cursor.position())..packet.len();
        parts.push((PartKind::Body, "", body));
        Ok(("PUBLISH".to_owned(), parts, aliased))
    }
}

/// A text or bytes with two bytes of length in front: where it stands.
fn text(cursor: &mut Cursor<'_>, start: usize, what: &'static str) -> Result<Range<usize>, Malformed> {
    let len = usize::from(cursor.u16(what)?);
    let from = start.saturating_add(cursor.position());
    cursor.take(len, what)?;
    Ok(from..from.saturating_add(len))
}

/// CONNECT (section 3.1): the protocol's version, and who connects.
fn connect(packet: &[u8], start: usize) -> Result<(u8, Parts), Malformed> {
    const WHAT: &str = "MQTT CONNECT";
    let mut cursor = Cursor::new(packet.get(start..).unwrap_or_default());
    let mut parts = Parts::new();
    text(&mut cursor, start, WHAT)?;
    let version = cursor.u8(WHAT)?;
    let flags = cursor.u8(WHAT)?;
    cursor.u16(WHAT)?;
    if version >= 5 {
        properties(&mut cursor, start, &mut parts)?;
    }
    parts.push((PartKind::Header, "client-identifier", text(&mut cursor, start, WHAT)?));
    if flags & 4 != 0 {
        if version >= 5 {
            properties(&mut cursor, start, &mut parts)?;
        }
        parts.push((PartKind::Header, "will-topic", text(&mut cursor, start, WHAT)?));
        parts.push((PartKind::Body, "", text(&mut cursor, start, WHAT)?));
    }
    if flags & 0x80 != 0 {
        parts.push((PartKind::Header, "user-name", text(&mut cursor, start, WHAT)?));
    }
    if flags & 0x40 != 0 {
        parts.push((PartKind::Header, "authorization", text(&mut cursor, start, WHAT)?));
    }
    Ok((version, parts))
}

/// Properties of version 5 (section 2.2.2): those that carry text become parts; the topic alias is handed back.
fn properties(cursor: &mut Cursor<'_>, start: usize, parts: &mut Parts) -> Result<Option<u16>, Malformed> {
    const WHAT: &str = "MQTT properties";
    let (len, head) = remaining(cursor.rest()).ok_or(Malformed::Short(WHAT))?;
    cursor.take(head, WHAT)?;
    let base = start.saturating_add(cursor.position());
    let mut inner = cursor.sub(len, WHAT)?;
    let mut alias = None;
    while !inner.is_empty() {
        match inner.u8(WHAT)? {
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => {
                inner.u8(WHAT)?;
            }
            0x13 | 0x21 | 0x22 => {
                inner.u16(WHAT)?;
            }
            0x23 => alias = Some(inner.u16(WHAT)?),
            0x02 | 0x11 | 0x18 | 0x27 => {
                inner.u32(WHAT)?;
            }
            0x0b => {
                let (_, took) = remaining(inner.rest()).ok_or(Malformed::Short(WHAT))?;
                inner.take(took, WHAT)?;
            }
            0x03 => parts.push((PartKind::Header, "content-type", text(&mut inner, base, WHAT)?)),
            0x08 => parts.push((PartKind::Header, "response-topic", text(&mut inner, base, WHAT)?)),
            0x09 => parts.push((PartKind::Header, "correlation-data", text(&mut inner, base, WHAT)?)),
            0x16 => parts.push((PartKind::Header, "authorization", text(&mut inner, base, WHAT)?)),
            0x26 => {
                parts.push((PartKind::Header, "user-property", text(&mut inner, base, WHAT)?));
                parts.push((PartKind::Header, "user-property", text(&mut inner, base, WHAT)?));
            }
            0x12 | 0x15 | 0x1a | 0x1c | 0x1f => {
                parts.push((PartKind::Header, "property", text(&mut inner, base, WHAT)?));
            }
            _ => return Err(Malformed::Illegal("MQTT property")),
        }
    }
    Ok(alias)
}

impl Dissector for Mqtt {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => {
                let direction = chunk.direction;
                sink.wire(Opacity::Plaintext, chunk.bytes.len() as u64);
                let side = self.side(direction);
                side.at = chunk.at;
                if side.lost {
                    // Nothing in MQTT says where a packet begins.
                    sink.blind(Blind::Lost, direction, chunk.bytes.len() as u64, "MQTT behind a loss");
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
                        sink.blind(Blind::Truncated, direction, left as u64, "an MQTT packet is cut short");
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
