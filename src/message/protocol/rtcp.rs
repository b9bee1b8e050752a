//! RTCP (RFC 3550 section 6, 4585, 5506): who takes part in a call. Names of participants are personal data, and travel
//! here in clear wherever RTP does.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Malformed, Match};
use crate::message::sink::Draft;
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::message::Part;
use crate::model::opacity::Opacity;
use crate::model::stream::{Chunk, StreamEvent};

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "rtcp",
    about: "RTCP in clear: names of who takes part in a call",
    probe,
    start: |_| Box::new(Rtcp),
    samples: &[Sample {
        name: "a receiver report and a canonical name",
        to_server: b"\x80\xc9\x00\x01\x00\x00\x00\x2a\x81\xca\x00\x05\x00\x00\x00\x2a\x01\x0dwren@aviary.x\x00",
        to_client: b"",
        shows: "wren@aviary.x",
    }],
};

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const APPLICATION: u8 = 204;
/// Packets of one datagram that are read.
const COMPOUND: usize = 64;

/// One packet of a compound.
struct Packet<'a> {
    count: u8,
    kind: u8,
    body: &'a [u8],
    /// Where its body begins in the datagram.
    start: usize,
}

/// The packets of a datagram, which they fill to its last byte.
fn compound(bytes: &[u8]) -> Result<Vec<Packet<'_>>, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let mut out = Vec::new();
    while !cursor.is_empty() {
        let first = cursor.u8("first byte")?;
        let kind = cursor.u8("packet type")?;
        if first >> 6 != 2 || !(SENDER_REPORT..=207).contains(&kind) || out.len() >= COMPOUND {
            return Err(Malformed::Illegal("RTCP header"));
        }
        let words = usize::from(cursor.u16("length")?);
        let start = cursor.position();
        let body = cursor.take(words.saturating_mul(4), "RTCP packet")?;
        out.push(Packet { count: first & 0x1f, kind, body, start });
    }
    Ok(out)
}

fn probe(peek: &Peek<'_>) -> Match {
    if !peek.meta.datagrams {
        return Match::No;
    }
    let bytes = if peek.to_server.is_empty() { peek.to_client } else { peek.to_server };
    let Ok(packets) = compound(bytes) else { return Match::No };
    let reports = |packet: &Packet<'_>| match packet.kind {
        // Each block of a report has its length.
        SENDER_REPORT => packet.body.len() >= usize::from(packet.count).saturating_mul(24).saturating_add(24),
        RECEIVER_REPORT => packet.body.len() >= usize::from(packet.count).saturating_mul(24).saturating_add(4),
        DESCRIPTION => packet.count > 0 && packet.body.len() >= 8,
        BYE => packet.count > 0 && packet.body.len() >= 4,
        _ => packet.body.len() >= 8,
    };
    match packets.first() {
        Some(first) if packets.iter().all(reports) => match first.kind {
            // Alone, a few bytes that fit may be anybody's.
            SENDER_REPORT | RECEIVER_REPORT if packets.len() > 1 || first.count > 0 => Match::Certain,
            _ => Match::Maybe,
        },
        _ => Match::No,
    }
}

/// The name of a description's item (RFC 3550 section 6.5).
const fn item(kind: u8) -> &'static str {
    match kind {
        1 => "cname",
        2 => "name",
        3 => "email",
        4 => "phone",
        5 => "loc",
        6 => "tool",
        7 => "note",
        8 => "priv",
        _ => "item",
    }
}

struct Rtcp;

impl Dissector for Rtcp {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let StreamEvent::Data(chunk) = event else { return Ok(()) };
        let packets = compound(chunk.bytes)?;
        sink.wire(Opacity::Plaintext, chunk.bytes.len() as u64);
        let mut parts = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for packet in &packets {
            let (name, found) = match packet.kind {
                SENDER_REPORT => ("SR", Ok(())),
                RECEIVER_REPORT => ("RR", Ok(())),
                DESCRIPTION => ("SDES", describe(packet, &chunk, &mut parts)),
                BYE => ("BYE", bye(packet, &chunk, &mut parts)),
                APPLICATION => ("APP", application(packet, &chunk, &mut parts)),
                205 => ("RTPFB", Ok(())),
                206 => ("PSFB", Ok(())),
                _ => ("XR", Ok(())),
            };
            found?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        sink.message(Draft {
            direction: chunk.direction,
            at: chunk.at,
            label: names.join(" "),
            host: None,
            parts,
            whole: true,
        });
        Ok(())
    }
}

fn part(name: &str, chunk: &Chunk<'_>, start: usize, bytes: &[u8]) -> Part {
    let origins = chunk.origins.slice(start, start.saturating_add(bytes.len()));
    Part::header(name, bytes.to_vec(), origins)
}

fn describe(packet: &Packet<'_>, chunk: &Chunk<'_>, parts: &mut Vec<Part>) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(packet.body);
    for _ in 0..packet.count {
        if cursor.is_empty() {
            break;
        }
        cursor.u32("SSRC")?;
        loop {
            let kind = cursor.u8("item")?;
            if kind == 0 {
                break;
            }
            let len = cursor.u8("item length")?;
            let start = packet.start.saturating_add(cursor.position());
            let text = cursor.take(usize::from(len), "item")?;
            parts.push(part(item(kind), chunk, start, text));
        }
        // Chunks begin at multiples of four bytes.
        while !cursor.position().is_multiple_of(4) {
            cursor.u8("padding")?;
        }
    }
    Ok(())
}

fn bye(packet: &Packet<'_>, chunk: &Chunk<'_>, parts: &mut Vec<Part>) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(packet.body);
    cursor.take(usize::from(packet.count).saturating_mul(4), "sources")?;
    if let Ok(len) = cursor.u8("reason length") {
        let start = packet.start.saturating_add(cursor.position());
        let text = cursor.take(usize::from(len), "reason")?;
        parts.push(part("reason", chunk, start, text));
    }
    Ok(())
}

fn application(packet: &Packet<'_>, chunk: &Chunk<'_>, parts: &mut Vec<Part>) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(packet.body);
    cursor.u32("SSRC")?;
    let start = packet.start.saturating_add(cursor.position());
    parts.push(part("app", chunk, start, cursor.rest()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::harness::{meta, play, up};
    use crate::model::stream::StreamMeta;

    fn judge(bytes: &[u8]) -> Match {
        let meta = StreamMeta { datagrams: true, ..meta() };
        probe(&Peek {
            meta: &meta,
            to_server: bytes,
            to_client: b"",
            waiting: &[],
            secrets: &crate::model::secret::Secrets::default(),
        })
    }

    #[test]
    fn compounds_fill_their_datagram_and_nothing_else_is_one() {
        let sample = PROTOCOL.samples[0].to_server;
        assert_eq!(judge(sample), Match::Certain);
        assert_eq!(judge(&[sample, &[0; 14]].concat()), Match::No, "encrypted control packets");
        assert_eq!(judge(&sample[..sample.len() - 1]), Match::No);
        assert_eq!(judge(b"\x80\x08\x00\x01\x00\x00\x00\x2a"), Match::No);
    }

    #[test]
    fn names_reasons_and_application_data_come_out() {
        let meta = StreamMeta { datagrams: true, ..meta() };
        let bye = b"\x80\xc9\x00\x01\x00\x00\x00\x2a\x81\xcb\x00\x03\x00\x00\x00\x2a\x06asleep\x00";
        let app = b"\x80\xc9\x00\x01\x00\x00\x00\x2a\x80\xcc\x00\x03\x00\x00\x00\x2aNAMEdata";
        let heard = play(&PROTOCOL, &meta, 1 << 20, &[up(PROTOCOL.samples[0].to_server), up(bye), up(app)]);
        assert_eq!(
            heard.lines(),
            ["> rtcp RR SDES | cname=wren@aviary.x", "> rtcp RR BYE | reason=asleep", "> rtcp RR APP | app=NAMEdata"]
        );
    }
}
