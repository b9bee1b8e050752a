//! Plays sessions to dissectors in tests: sans-io, children included.

use crate::message::protocol::PROTOCOLS;
use crate::message::sink::{Draft, Output};
use crate::message::{Peek, Protocol, Sink};
use crate::model::flow::BlindSpot;
use crate::model::media::{MediaKey, MediaStream};
use crate::model::message::PartKind;
use crate::model::origin::Origins;
use crate::model::packet::Endpoint;
use crate::model::secret::Secrets;
use crate::model::stream::{Chunk, Direction, Ending, FlowKey, Lost, StreamEvent, StreamMeta, Transport};
use crate::model::time::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

/// What happens on a stream.
#[derive(Clone, Debug)]
pub(crate) enum Ev {
    Data(Direction, Vec<u8>),
    Gap(Direction, u64),
    End(Direction),
    Close(Ending),
}

pub(crate) fn up(bytes: impl AsRef<[u8]>) -> Ev {
    Ev::Data(Direction::ToServer, bytes.as_ref().to_vec())
}

pub(crate) fn down(bytes: impl AsRef<[u8]>) -> Ev {
    Ev::Data(Direction::ToClient, bytes.as_ref().to_vec())
}

pub(crate) fn meta() -> StreamMeta {
    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    StreamMeta {
        flow: FlowKey {
            transport: Transport::Tcp,
            client: Endpoint { ip, port: 40_000 },
            server: Endpoint { ip, port: 8_080 },
        },
        at: Timestamp::default(),
        datagrams: false,
        layers: Vec::new(),
        host: None,
        hint: None,
        from_start: true,
    }
}

/// What came out, children's things included.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Registry name of the protocol, and its message, in order of emission.
    pub(crate) messages: Vec<(&'static str, Draft)>,
    pub(crate) blind: Vec<BlindSpot>,
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Children nobody reads: their hint, and their bytes in both directions.
    pub(crate) raw: Vec<(Option<String>, [Vec<u8>; 2])>,
    pub(crate) hosts: Vec<String>,
    pub(crate) names: Vec<(IpAddr, String)>,
    pub(crate) aliases: Vec<(String, IpAddr, Vec<String>)>,
    pub(crate) hellos: Vec<Draft>,
    /// What stands beside messages, and how much of it may be noise.
    pub(crate) beside: Vec<(Draft, u64)>,
    pub(crate) media: Vec<MediaStream>,
    pub(crate) keys: Vec<MediaKey>,
    /// IP packets that tunnels carried.
    pub(crate) packets: Vec<Vec<u8>>,
}

impl Heard {
    /// One line a message: direction, protocol, label, then each part.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.messages.iter().map(|(protocol, draft)| line(protocol, draft)).collect()
    }

    pub(crate) fn of(&self, direction: Direction) -> Vec<String> {
        let of = self.messages.iter().filter(|(_, draft)| draft.direction == direction);
        of.map(|(protocol, draft)| line(protocol, draft)).collect()
    }

    /// The same with frames, for comparing splits.
    pub(crate) fn exact(&self) -> [Vec<String>; 2] {
        Direction::BOTH.map(|direction| {
            let of = self.messages.iter().filter(|(_, draft)| draft.direction == direction);
            of.map(|(protocol, draft)| {
                let frames: Vec<_> = draft.parts.iter().map(|part| part.origins.clone()).collect();
                format!("{} {frames:?}", line(protocol, draft))
            })
            .collect()
        })
    }

    /// Every part's origins cover its bytes, and hold frames of the input only.
    pub(crate) fn check(&self) {
        for (_, draft) in &self.messages {
            for part in &draft.parts {
                assert_eq!(part.origins.len(), part.bytes.len(), "origins of {} {part:?}", draft.label);
                assert!(part.origins.frames().iter().all(|frame| *frame > 0));
            }
        }
    }
}

fn line(protocol: &str, draft: &Draft) -> String {
    let way = if draft.direction == Direction::ToServer { '>' } else { '<' };
    let mut out = format!("{way} {protocol} {}", draft.label);
    if !draft.whole {
        out.push_str(" (not whole)");
    }
    for part in &draft.parts {
        let kind = match part.kind {
            PartKind::Path => "path",
            PartKind::Query => "query",
            PartKind::Header => part.name.as_str(),
            PartKind::Body => "body",
            PartKind::Raw => "raw",
        };
        let _ = write!(out, " | {kind}={}", part.bytes.escape_ascii());
        if part.offset > 0 {
            let _ = write!(out, " @{}", part.offset);
        }
        if !part.whole {
            out.push_str(" cut");
        }
        if !part.encodings.is_empty() {
            let _ = write!(out, " {:?}", part.encodings);
        }
    }
    out
}

/// Plays events to a protocol's dissector, and what its children get to theirs.
pub(crate) fn play(protocol: &Protocol, meta: &StreamMeta, limit: usize, events: &[Ev]) -> Heard {
    play_with(&Secrets::default(), protocol, meta, limit, events)
}

/// The same with secrets.
pub(crate) fn play_with(
    secrets: &Secrets,
    protocol: &Protocol,
    meta: &StreamMeta,
    limit: usize,
    events: &[Ev],
) -> Heard {
    let mut heard = Heard::default();
    let mut offsets = [0_u64; 2];
    let events: Vec<Fed> = events
        .iter()
        .map(|event| match event {
            Ev::Data(direction, bytes) => {
                let at = &mut offsets[direction.index()];
                let mut origins = Origins::new();
                for n in 0..bytes.len() as u64 {
                    // Frames by place in the stream, so that they do not depend on the split.
                    origins.push(1, 1 + (*at + n) / 16 * 2 + direction.index() as u64);
                }
                *at += bytes.len() as u64;
                Fed::Data(*direction, bytes.clone(), origins)
            }
            Ev::Gap(direction, len) => {
                offsets[direction.index()] += len;
                Fed::Gap(*direction, *len, Lost::NotCaptured)
            }
            Ev::End(direction) => Fed::End(*direction),
            Ev::Close(how) => Fed::Close(*how),
        })
        .collect();
    run(secrets, protocol, meta, limit, &events, &mut heard);
    heard.check();
    heard
}

enum Fed {
    Data(Direction, Vec<u8>, Origins),
    Gap(Direction, u64, Lost),
    End(Direction),
    Close(Ending),
}

fn run(secrets: &Secrets, protocol: &Protocol, meta: &StreamMeta, limit: usize, events: &[Fed], heard: &mut Heard) {
    let mut sink = Sink::new(secrets, limit);
    let mut dissector = (protocol.start)(meta);
    let mut offsets = [0_u64; 2];
    let at = meta.at;
    let mut children: BTreeMap<u64, (StreamMeta, Vec<Fed>)> = BTreeMap::new();
    for event in events {
        let event = match event {
            Fed::Data(direction, bytes, origins) => {
                let offset = offsets[direction.index()];
                offsets[direction.index()] += bytes.len() as u64;
                StreamEvent::Data(Chunk { direction: *direction, at, offset, bytes, origins: origins.clone() })
            }
            Fed::Gap(direction, len, why) => {
                let offset = offsets[direction.index()];
                offsets[direction.index()] += len;
                StreamEvent::Gap { direction: *direction, at, offset, len: *len, why: *why }
            }
            Fed::End(direction) => StreamEvent::End { direction: *direction, at },
            Fed::Close(how) => StreamEvent::Close { at, how: *how },
        };
        let result = dissector.on_event(event, &mut sink);
        for output in sink.take() {
            match output {
                Output::Message(draft) => heard.messages.push((protocol.name, draft)),
                Output::Open(id, child) => {
                    let mut meta = meta.clone();
                    meta.layers.push(child.layer);
                    meta.datagrams = child.datagrams;
                    meta.hint = child.hint;
                    meta.host = child.host;
                    meta.from_start = child.from_start;
                    assert!(children.insert(id, (meta, Vec::new())).is_none(), "child {id} twice");
                }
                Output::Data { child, direction, bytes, origins, .. } => {
                    assert_eq!(bytes.len(), origins.len());
                    children.get_mut(&child).expect("opened").1.push(Fed::Data(direction, bytes, origins));
                }
                Output::Gap { child, direction, len, why, .. } => {
                    children.get_mut(&child).expect("opened").1.push(Fed::Gap(direction, len, why));
                }
                Output::End(child, direction, _) => {
                    children.get_mut(&child).expect("opened").1.push(Fed::End(direction));
                }
                Output::Close(child, _, how) => children.get_mut(&child).expect("opened").1.push(Fed::Close(how)),
                Output::Blind(spot) => heard.blind.push(spot),
                Output::Fact(fact) => heard.facts.push((fact.name, fact.value)),
                Output::Host(name, _) => heard.hosts.push(name),
                Output::Name(ip, name) => heard.names.push((ip, name)),
                Output::Alias(name, ip, others) => heard.aliases.push((name, ip, others)),
                Output::Hello(draft) => heard.hellos.push(draft),
                Output::Beside(draft, noise) => heard.beside.push((draft, noise)),
                Output::MediaStream(stream) => heard.media.push(*stream),
                Output::MediaKey(key) => heard.keys.push(*key),
                Output::Packet { bytes, .. } => heard.packets.push(bytes),
                Output::Wire(..) | Output::Sealed(..) | Output::Decrypted | Output::Media(_) => {}
            }
        }
        if result.is_err() {
            break;
        }
    }
    for (meta, events) in children.into_values() {
        let mut first = [Vec::new(), Vec::new()];
        for event in &events {
            if let Fed::Data(direction, bytes, _) = event {
                first[direction.index()].extend_from_slice(bytes);
            }
        }
        let peek = Peek {
            meta: &meta,
            to_server: &first[0],
            to_client: &first[1],
            waiting: &[],
            secrets: &Secrets::default(),
        };
        let best = PROTOCOLS.iter().rev().map(|p| ((p.probe)(&peek), *p)).max_by_key(|(fit, _)| *fit);
        match best.filter(|(fit, _)| *fit >= crate::bytes::Match::Maybe) {
            Some((_, protocol)) => run(secrets, protocol, &meta, limit, &events, heard),
            None => heard.raw.push((meta.hint, first)),
        }
    }
}
