//! RTP and SRTP (RFC 3550, 3711): media streams by their source, with the first seconds of each. Both look alike from
//! outside; which it is shows at the end of a run, when every key that went by is known.
//!
//! One packet says next to nothing: a version of two bits. So a flow is believed to carry media once several packets
//! agree: one source, one payload type, sequence numbers and timestamps that move on together.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Malformed, Match};
use crate::message::media::{self, Header};
use crate::message::{Dissector, Peek, Protocol, Sink};
use crate::model::budget::{MEDIA_SAMPLE_BYTES, MEDIA_SAMPLED, MEDIA_STREAMS, PART_PIECE};
use crate::model::flow::Blind;
use crate::model::media::{MediaPacket, MediaStream};
use crate::model::origin::FrameNo;
use crate::model::stream::{Chunk, Direction, StreamEvent};
use crate::model::time::Timestamp;
use std::collections::BTreeMap;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "rtp",
    about: "RTP and SRTP media streams, opened with keys from DTLS or a session description",
    probe,
    start: |_| Box::new(Rtp::default()),
    samples: &[],
};

/// Packets, with the one at hand, that must agree.
const AGREEING: usize = 4;
/// How far the sequence numbers of neighbours may be apart.
const APART: u16 = 64;
/// How far their timestamps may be apart: ten seconds of the fastest clock in use.
const TICKS: u32 = 900_000;

fn probe(peek: &Peek<'_>) -> Match {
    if !peek.meta.datagrams {
        return Match::No;
    }
    let (direction, bytes) = if peek.to_server.is_empty() {
        (Direction::ToClient, peek.to_client)
    } else {
        (Direction::ToServer, peek.to_server)
    };
    if is_control(bytes) {
        // Encrypted control packets of a call, if this is one.
        return Match::NeedMore;
    }
    let Some(now) = media_header(bytes) else { return Match::No };
    let mut seen = vec![now.sequence];
    for (way, earlier) in peek.waiting {
        if *way != direction {
            continue;
        }
        if let Some(before) = media_header(earlier)
            && follows(&before, &now)
            && !seen.contains(&before.sequence)
        {
            seen.push(before.sequence);
        }
    }
    if seen.len() >= AGREEING { Match::Certain } else { Match::NeedMore }
}

/// The header of a packet that has a payload and no payload type of RTCP's.
fn media_header(bytes: &[u8]) -> Option<Header> {
    media::header(bytes).filter(|header| media::is_media(header.payload_type) && bytes.len() > header.len)
}

/// Whether one packet may come some packets after another of the same stream.
fn follows(before: &Header, now: &Header) -> bool {
    let forward = now.sequence.wrapping_sub(before.sequence);
    let (steps, ticks) = if forward < 1 << 15 {
        (forward, now.timestamp.wrapping_sub(before.timestamp))
    } else {
        (before.sequence.wrapping_sub(now.sequence), before.timestamp.wrapping_sub(now.timestamp))
    };
    (before.ssrc, before.payload_type) == (now.ssrc, now.payload_type) && steps <= APART && ticks <= TICKS
}

/// Whether a datagram begins as RTCP does.
fn is_control(bytes: &[u8]) -> bool {
    bytes.len() >= 8 && matches!(bytes, [first, 200..=207, ..] if first >> 6 == 2)
}

/// One source in one direction.
struct Track {
    /// How many packets had which payload type; few types, bounded.
    types: Vec<(u8, u64)>,
    packets: u64,
    bytes: u64,
    at: Timestamp,
    /// The highest sequence number, wraps counted.
    highest: u64,
    sample: Vec<MediaPacket>,
    sampled: usize,
}

#[derive(Default)]
struct Rtp {
    tracks: BTreeMap<(usize, u32), Track>,
    /// Bytes of sources that are too many.
    over: [u64; 2],
    /// Bytes of control packets that are encrypted.
    control: [u64; 2],
}

impl Dissector for Rtp {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => self.packet(&chunk, sink),
            StreamEvent::Gap { .. } | StreamEvent::End { .. } => Ok(()),
            StreamEvent::Close { .. } => {
                self.close(sink);
                Ok(())
            }
        }
    }

    fn held(&self) -> usize {
        self.tracks.values().map(|track| track.sampled).sum()
    }
}

impl Rtp {
    fn packet(&mut self, chunk: &Chunk<'_>, sink: &Sink<'_>) -> Result<(), Malformed> {
        let side = chunk.direction.index();
        let Some(header) = media_header(chunk.bytes) else {
            if !is_control(chunk.bytes) {
                return Err(Malformed::Illegal("RTP packet"));
            }
            let sum = chunk.direction.of_mut(&mut self.control);
            *sum = sum.saturating_add(chunk.bytes.len() as u64);
            return Ok(());
        };
        let payload = chunk.bytes.len().saturating_sub(header.len) as u64;
        let key = (side, header.ssrc);
        if !self.tracks.contains_key(&key) && self.tracks.len() >= MEDIA_STREAMS {
            let sum = chunk.direction.of_mut(&mut self.over);
            *sum = sum.saturating_add(payload);
            return Ok(());
        }
        let sampling = self.tracks.len() < MEDIA_SAMPLED || self.tracks.contains_key(&key);
        let track = self.tracks.entry(key).or_insert_with(|| Track {
            types: Vec::new(),
            packets: 0,
            bytes: 0,
            at: chunk.at,
            highest: u64::from(header.sequence),
            sample: Vec::new(),
            sampled: if sampling { 0 } else { MEDIA_SAMPLE_BYTES },
        });
        track.take(&header, payload, chunk, sink.part_limit() > PART_PIECE);
        Ok(())
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        let mut stray = [0_u64; 2];
        for ((side, ssrc), track) in std::mem::take(&mut self.tracks) {
            let direction = if side == 0 { Direction::ToServer } else { Direction::ToClient };
            if track.packets < AGREEING as u64 {
                if let Some(sum) = stray.get_mut(side) {
                    *sum = sum.saturating_add(track.bytes);
                }
                continue;
            }
            let most = track.types.iter().max_by_key(|(kind, count)| (*count, std::cmp::Reverse(*kind)));
            sink.media_stream(MediaStream {
                direction,
                ssrc,
                payload_type: most.map_or(0, |(kind, _)| *kind),
                packets: track.packets,
                bytes: track.bytes,
                at: track.at,
                layers: Vec::new(),
                sample: track.sample,
            });
        }
        for direction in Direction::BOTH {
            let of = |sums: &[u64; 2]| *direction.of(sums);
            for (why, bytes, detail) in [
                (Blind::Budget, of(&self.over), "media streams"),
                (Blind::Opaque, of(&stray), "media packets that belong to no stream"),
                (Blind::Unsupported, of(&self.control), "encrypted RTCP"),
            ] {
                if bytes > 0 {
                    sink.blind(why, direction, bytes, detail);
                }
            }
        }
    }
}

impl Track {
    fn take(&mut self, header: &Header, payload: u64, chunk: &Chunk<'_>, room: bool) {
        self.packets = self.packets.saturating_add(1);
        self.bytes = self.bytes.saturating_add(payload);
        let room_for_types = self.types.len() < 8;
        match self.types.iter_mut().find(|(kind, _)| *kind == header.payload_type) {
            Some((_, count)) => *count = count.saturating_add(1),
            None if room_for_types => self.types.push((header.payload_type, 1)),
            None => {}
        }
        let [.., high, low] = self.highest.to_be_bytes();
        let ahead = header.sequence.wrapping_sub(u16::from_be_bytes([high, low]));
        let sequence = if ahead < 1 << 15 {
            self.highest.saturating_add(u64::from(ahead))
        } else {
            self.highest.saturating_sub(u64::from(ahead.wrapping_neg()))
        };
        self.highest = self.highest.max(sequence);
        if !room {
            // Under pressure no more is kept of any stream.
            self.sampled = self.sampled.max(MEDIA_SAMPLE_BYTES);
        }
        let cost = chunk.bytes.len().saturating_add(64);
        if self.sampled.saturating_add(cost) <= MEDIA_SAMPLE_BYTES {
            self.sampled = self.sampled.saturating_add(cost);
            let frame: FrameNo = chunk.origins.first().unwrap_or(1);
            self.sample.push(MediaPacket { frame, sequence, bytes: chunk.bytes.to_vec() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::harness::{Ev, meta, play, up};
    use crate::model::stream::{Ending, StreamMeta};

    fn udp() -> StreamMeta {
        StreamMeta { datagrams: true, ..meta() }
    }

    fn packet(sequence: u16, ssrc: u32) -> Vec<u8> {
        let mut out = vec![0x80, 8];
        out.extend(sequence.to_be_bytes());
        out.extend((u32::from(sequence) * 160).to_be_bytes());
        out.extend(ssrc.to_be_bytes());
        out.extend([0xd5; 160]);
        out
    }

    fn judge(waiting: &[Vec<u8>], now: &[u8]) -> Match {
        let waiting: Vec<(Direction, &[u8])> = waiting.iter().map(|p| (Direction::ToServer, p.as_slice())).collect();
        probe(&Peek {
            meta: &udp(),
            to_server: now,
            to_client: b"",
            waiting: &waiting,
            secrets: &crate::model::secret::Secrets::default(),
        })
    }

    #[test]
    fn several_packets_that_agree_are_media_and_fewer_or_others_are_not() {
        let three: Vec<_> = [1, 3, 2].map(|n| packet(n, 7)).to_vec();
        assert_eq!(judge(&three, &packet(4, 7)), Match::Certain);
        assert_eq!(judge(&three[..2], &packet(4, 7)), Match::NeedMore);
        assert_eq!(judge(&three, &packet(4, 8)), Match::NeedMore);
        assert_eq!(judge(&three, &packet(1, 7)), Match::NeedMore, "a copy");
        assert_eq!(judge(&three, &packet(400, 7)), Match::NeedMore);
        assert_eq!(judge(&three, b"GET / HTTP/1.1\r\n\r\n"), Match::No);
        // Whatever generator: random datagrams never agree.
        let mut state = 1_u64;
        let mut noise = || -> Vec<u8> {
            (0..172)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                })
                .collect()
        };
        for _ in 0..2000 {
            let all: Vec<_> = (0..8).map(|_| noise()).collect();
            assert_ne!(judge(&all, &noise()), Match::Certain);
        }
    }

    #[test]
    fn streams_are_told_whole_and_wraps_are_counted() {
        let mut events: Vec<Ev> = [65_534, 65_535, 0, 1].map(|n| up(packet(n, 7))).to_vec();
        events.push(up(packet(9, 99)));
        events.push(Ev::Close(Ending::Clean));
        let heard = play(&PROTOCOL, &udp(), 1 << 20, &events);
        let [stream] = heard.media.as_slice() else { panic!("{:?}", heard.media) };
        assert_eq!((stream.ssrc, stream.payload_type, stream.packets, stream.bytes), (7, 8, 4, 640));
        let sequences: Vec<u64> = stream.sample.iter().map(|packet| packet.sequence).collect();
        assert_eq!(sequences, [65_534, 65_535, 65_536, 65_537]);
        assert_eq!(heard.blind.len(), 1);
    }

    #[test]
    fn a_flood_of_sources_is_bounded_and_told() {
        let mut events: Vec<Ev> = (0..5000_u32).flat_map(|n| [up(packet(1, n)), up(packet(2, n))]).collect();
        events.push(Ev::Close(Ending::Clean));
        let heard = play(&PROTOCOL, &udp(), 1 << 20, &events);
        assert!(heard.blind.iter().any(|spot| spot.why == Blind::Budget && spot.bytes > 0));
    }
}
