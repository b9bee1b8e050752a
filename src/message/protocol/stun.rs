//! STUN and TURN (RFC 8489, 8656), over datagrams and over streams: who asks as whom, which addresses are whose, and what
//! a relay carries, peer by peer.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Buffer, Cursor, Malformed, Match};
use crate::message::sink::{Child, ChildId, Draft};
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::budget::{CHILD_STREAMS, STUN_ATTRIBUTES};
use crate::model::flow::Blind;
use crate::model::message::Part;
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::stream::{Direction, Layer, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "stun",
    about: "STUN and TURN; what a relay carries is read peer by peer",
    probe,
    start,
    samples: &[Sample {
        name: "a binding request with a user name",
        to_server: b"\x00\x01\x00\x10\x21\x12\xa4\x42abcdefghijkl\x00\x06\x00\x09wren:dusk\x00\x00\x00",
        to_client: b"\x01\x01\x00\x0c\x21\x12\xa4\x42abcdefghijkl\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43",
        shows: "wren:dusk",
    }],
};

/// The magic cookie.
const COOKIE: u32 = 0x2112_a442;
/// Bytes of a header.
const HEADER: usize = 20;
/// The longest message, or piece of relayed data, over a stream.
const LONGEST: usize = (1 << 16) + HEADER;

const USERNAME: u16 = 0x0006;
const CHANNEL_NUMBER: u16 = 0x000c;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
const SEND: u16 = 0x006;
const DATA_METHOD: u16 = 0x007;
const CHANNEL_BIND: u16 = 0x009;
/// Class of indications.
const INDICATION: u16 = 1;

fn start(meta: &StreamMeta) -> Box<dyn Dissector> {
    Box::new(Stun {
        datagrams: meta.datagrams,
        buffers: [Buffer::new(LONGEST.saturating_mul(2)), Buffer::new(LONGEST.saturating_mul(2))],
        lost: [false; 2],
        channels: BTreeMap::new(),
        peers: BTreeMap::new(),
    })
}

fn probe(peek: &Peek<'_>) -> Match {
    if peek.meta.datagrams {
        let bytes = if peek.to_server.is_empty() { peek.to_client } else { peek.to_server };
        return match Unit::read(bytes, true) {
            Ok(Some((Unit::Message { .. }, _))) => Match::Certain,
            // Only a conversation that bound channels before has these.
            Ok(Some((Unit::Channel { .. }, _))) => Match::NeedMore,
            _ => Match::No,
        };
    }
    let side = |bytes: &[u8]| {
        let mut cursor = Cursor::new(bytes);
        let (Ok(kind), Ok(len)) = (cursor.u16("type"), cursor.u16("length")) else {
            return if bytes.first().is_none_or(|first| *first <= 1) { Match::NeedMore } else { Match::No };
        };
        if method(kind & 0x3eef).is_none() || kind >> 14 != 0 || !len.is_multiple_of(4) {
            return Match::No;
        }
        let cookie = COOKIE.to_be_bytes();
        match cursor.rest().get(..4) {
            Some(found) if found == cookie => Match::Certain,
            Some(_) => Match::No,
            None if cookie.starts_with(cursor.rest()) => Match::NeedMore,
            None => Match::No,
        }
    };
    match [side(peek.to_server), side(peek.to_client)] {
        [Match::No, _] | [_, Match::No] => Match::No,
        [a, b] => a.max(b),
    }
}

/// The name of a method, from the bits of a message type that are not its class.
const fn method(kind: u16) -> Option<&'static str> {
    Some(match kind {
        0x001 => "Binding",
        0x003 => "Allocate",
        0x004 => "Refresh",
        SEND => "Send",
        DATA_METHOD => "Data",
        0x008 => "CreatePermission",
        CHANNEL_BIND => "ChannelBind",
        0x00a => "Connect",
        0x00b => "ConnectionBind",
        0x00c => "ConnectionAttempt",
        _ => return None,
    })
}

/// The name of an attribute whose value says something; `None` for checksums, flags and numbers.
const fn attribute(kind: u16) -> Option<&'static str> {
    Some(match kind {
        0x0001 => "mapped-address",
        USERNAME => "username",
        0x0009 => "error-code",
        XOR_PEER_ADDRESS => "xor-peer-address",
        0x0014 => "realm",
        0x0015 => "nonce",
        0x0016 => "xor-relayed-address",
        0x0020 => "xor-mapped-address",
        0x8003 => "alternate-domain",
        0x8022 => "software",
        0x8023 => "alternate-server",
        0x802b => "response-origin",
        0x802c => "other-address",
        _ => return None,
    })
}

/// Whether an attribute is known and its value says nothing of anybody.
const fn is_plumbing(kind: u16) -> bool {
    matches!(
        kind,
        0x0003 | 0x0008 | 0x000a | 0x000c | 0x000d | DATA | 0x0017
            ..=0x001e
                | 0x0022
                | 0x0024
                | 0x0025
                | 0x0026
                | 0x002a
                | 0x8000
                | 0x8002
                | 0x8004
                | 0x8028
                | 0x8029
                | 0x802a
    )
}

/// One attribute, and where its value begins in the message.
struct Attribute<'a> {
    kind: u16,
    value: &'a [u8],
    start: usize,
}

/// One thing that is sent.
enum Unit<'a> {
    Message {
        kind: u16,
        id: [u8; 12],
        attributes: Vec<Attribute<'a>>,
    },
    /// Relayed data of a channel, and where it begins.
    Channel {
        number: u16,
        data: &'a [u8],
        start: usize,
    },
}

impl<'a> Unit<'a> {
    /// The first unit of `bytes` and its length, padding included; `None` if more bytes are needed. A datagram holds one,
    /// and nothing behind it.
    fn read(bytes: &'a [u8], datagram: bool) -> Result<Option<(Self, usize)>, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let (Ok(kind), Ok(len)) = (cursor.u16("type"), cursor.u16("length")) else {
            return if datagram { Err(Malformed::Short("header")) } else { Ok(None) };
        };
        let size = usize::from(len);
        if (0x4000..0x5000).contains(&kind) {
            let start = cursor.position();
            let padded = if datagram { size } else { size.next_multiple_of(4) };
            let Some(data) = cursor.rest().get(..padded) else {
                return if datagram { Err(Malformed::Short("channel data")) } else { Ok(None) };
            };
            // Over datagrams padding is optional.
            if datagram && cursor.rest().len().saturating_sub(size) > 3 {
                return Err(Malformed::Trailing("channel data"));
            }
            let data = data.get(..size).unwrap_or_default();
            return Ok(Some((Self::Channel { number: kind, data, start }, start.saturating_add(padded))));
        }
        if kind >> 14 != 0 || !len.is_multiple_of(4) {
            return Err(Malformed::Illegal("message type"));
        }
        let Some(rest) = cursor.rest().get(..size.saturating_add(16)) else {
            return if datagram { Err(Malformed::Short("message")) } else { Ok(None) };
        };
        if datagram && cursor.rest().len() != rest.len() {
            return Err(Malformed::Trailing("message"));
        }
        let mut body = Cursor::new(rest);
        if body.u32("magic cookie")? != COOKIE {
            return Err(Malformed::Illegal("magic cookie"));
        }
        let id = body.array("transaction ID")?;
        let mut attributes = Vec::new();
        while !body.is_empty() {
            let kind = body.u16("attribute type")?;
            let len = usize::from(body.u16("attribute length")?);
            let start = body.position().saturating_add(4);
            let value = body.take(len, "attribute")?;
            body.take(len.next_multiple_of(4).saturating_sub(len), "padding")?;
            if attributes.len() >= STUN_ATTRIBUTES {
                return Err(Malformed::TooLarge("attributes"));
            }
            attributes.push(Attribute { kind, value, start });
        }
        Ok(Some((Self::Message { kind, id, attributes }, size.saturating_add(HEADER))))
    }
}

/// An address attribute; those named XOR are masked with the cookie and the transaction ID (RFC 8489 section 14.2).
fn address(value: &[u8], masked: bool, id: &[u8; 12]) -> Option<SocketAddr> {
    let mut cursor = Cursor::new(value);
    let family = cursor.u16("family").ok()?;
    let cookie = COOKIE.to_be_bytes();
    let mask = |at: usize| {
        let byte = cookie.iter().chain(id).nth(at).copied().unwrap_or_default();
        if masked { byte } else { 0 }
    };
    let port = cursor.array::<2>("port").ok()?;
    let [p0, p1] = port;
    let port = u16::from_be_bytes([p0 ^ mask(0), p1 ^ mask(1)]);
    let unmask = |bytes: &mut [u8]| {
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte ^= mask(at);
        }
    };
    let ip = match family & 0xff {
        1 => {
            let mut octets: [u8; 4] = cursor.array("address").ok()?;
            unmask(&mut octets);
            IpAddr::from(octets)
        }
        2 => {
            let mut octets: [u8; 16] = cursor.array("address").ok()?;
            unmask(&mut octets);
            IpAddr::from(octets)
        }
        _ => return None,
    };
    cursor.finish("address").ok()?;
    Some(SocketAddr::new(ip, port))
}

struct Stun {
    datagrams: bool,
    buffers: [Buffer; 2],
    /// Bytes of this direction are lost: where units begin is not known.
    lost: [bool; 2],
    /// Peers by channel.
    channels: BTreeMap<u16, SocketAddr>,
    /// Child streams by peer.
    peers: BTreeMap<SocketAddr, ChildId>,
}

impl Dissector for Stun {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) if self.datagrams => {
                let (unit, _) = Unit::read(chunk.bytes, true)?.ok_or(Malformed::Short("message"))?;
                self.unit(&unit, chunk.bytes.len(), &chunk.origins, (chunk.direction, chunk.at), sink);
                Ok(())
            }
            StreamEvent::Data(chunk) => {
                if *chunk.direction.of(&self.lost) {
                    sink.blind(Blind::Lost, chunk.direction, chunk.bytes.len() as u64, "stun: after a gap");
                    return Ok(());
                }
                chunk.direction.of_mut(&mut self.buffers).push(chunk.bytes, &chunk.origins)?;
                loop {
                    let buffer = chunk.direction.of_mut(&mut self.buffers);
                    let held = buffer.bytes().to_vec();
                    let Some((unit, len)) = Unit::read(&held, false)? else { return Ok(()) };
                    let origins = buffer.origins(0, len);
                    buffer.consume(len);
                    self.unit(&unit, len, &origins, (chunk.direction, chunk.at), sink);
                }
            }
            StreamEvent::Gap { direction, len, .. } => {
                *direction.of_mut(&mut self.lost) = !self.datagrams;
                sink.blind(Blind::Lost, direction, len, "stun");
                Ok(())
            }
            StreamEvent::End { .. } => Ok(()),
            StreamEvent::Close { at, how } => {
                for (direction, buffer) in Direction::BOTH.into_iter().zip(&self.buffers) {
                    if !buffer.is_empty() {
                        sink.blind(Blind::Truncated, direction, buffer.len() as u64, "stun: part of a message");
                    }
                }
                for child in std::mem::take(&mut self.peers).into_values() {
                    sink.close(child, at, how);
                }
                Ok(())
            }
        }
    }

    fn held(&self) -> usize {
        self.buffers.iter().map(Buffer::len).sum()
    }
}

impl Stun {
    fn unit(
        &mut self,
        unit: &Unit<'_>,
        len: usize,
        origins: &Origins,
        (direction, at): (Direction, Timestamp),
        sink: &mut Sink<'_>,
    ) {
        let (kind, id, attributes) = match unit {
            Unit::Channel { number, data, start } => {
                sink.wire(Opacity::Plaintext, len.saturating_sub(data.len()) as u64);
                let origins = origins.slice(*start, start.saturating_add(data.len()));
                let peer = self.channels.get(number).copied();
                // Without the binding the peer is not known, but its channel is.
                let peer = peer.unwrap_or_else(|| SocketAddr::new(IpAddr::from([0, 0, 0, 0]), *number));
                return self.relay(peer, data, origins, (direction, at), sink);
            }
            Unit::Message { kind, id, attributes } => (*kind, id, attributes),
        };
        let class = ((kind >> 7) & 2) | ((kind >> 4) & 1);
        let number = kind & 0x3eef;
        let name = method(number).map_or_else(|| format!("method {number:#05x}"), str::to_owned);
        let class_name = match class {
            0 => "request",
            INDICATION => "indication",
            2 => "success",
            _ => "error",
        };
        let find = |kind| attributes.iter().find(|attribute| attribute.kind == kind);
        let peer = find(XOR_PEER_ADDRESS).and_then(|attribute| address(attribute.value, true, id));
        if let (CHANNEL_BIND, 0, Some(peer), Some(channel)) = (number, class, peer, find(CHANNEL_NUMBER))
            && let Ok(channel) = Cursor::new(channel.value).u16("channel number")
            && self.channels.len() < CHILD_STREAMS
        {
            self.channels.insert(channel, peer);
        }
        let mut parts = Vec::new();
        let mut data = None;
        for attribute in attributes {
            if attribute.kind == DATA && class == INDICATION && matches!(number, SEND | DATA_METHOD) {
                data = Some(attribute);
                continue;
            }
            if is_plumbing(attribute.kind) {
                continue;
            }
            let label = attribute_name(attribute.kind);
            let masked = label.starts_with("xor-");
            let slice = origins.slice(attribute.start, attribute.start.saturating_add(attribute.value.len()));
            let shown = label.ends_with("-address") || matches!(label.as_str(), "alternate-server" | "response-origin");
            match address(attribute.value, masked, id).filter(|_| shown) {
                Some(address) => {
                    let text = address.to_string().into_bytes();
                    let frame = slice.first().unwrap_or(1);
                    let origins = Origins::one(text.len(), frame);
                    parts.push(Part::header(label, text, origins));
                }
                None => parts.push(Part::header(label, attribute.value.to_vec(), slice)),
            }
        }
        let relayed = data.map_or(0, |data| data.value.len());
        sink.wire(Opacity::Plaintext, len.saturating_sub(relayed) as u64);
        // What only wraps relayed data says nothing more.
        if data.is_none() || peer.is_none() {
            let label = format!("{name} {class_name}");
            sink.message(Draft { direction, at, label, host: None, parts, whole: true });
        }
        if let (Some(data), Some(peer)) = (data, peer) {
            let origins = origins.slice(data.start, data.start.saturating_add(data.value.len()));
            self.relay(peer, data.value, origins, (direction, at), sink);
        }
    }

    /// What goes to or comes from a peer of the relay.
    fn relay(
        &mut self,
        peer: SocketAddr,
        data: &[u8],
        origins: Origins,
        (direction, at): (Direction, Timestamp),
        sink: &mut Sink<'_>,
    ) {
        let next = self.peers.len() as u64;
        if !self.peers.contains_key(&peer) {
            if self.peers.len() >= CHILD_STREAMS {
                return sink.blind(Blind::Budget, direction, data.len() as u64, "peers of a relay");
            }
            let layer = Layer { name: "turn".to_owned(), secure: false, opened: false };
            sink.open(next, Child { layer, datagrams: true, hint: None, host: None, from_start: true });
        }
        let child = *self.peers.entry(peer).or_insert(next);
        sink.data(child, direction, at, data.to_vec(), origins);
    }
}

fn attribute_name(kind: u16) -> String {
    attribute(kind).map_or_else(|| format!("attribute-{kind:04x}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::harness::{Ev, down, meta, play, up};
    use crate::model::stream::Ending;

    fn udp() -> StreamMeta {
        StreamMeta { datagrams: true, ..meta() }
    }

    /// RFC 5769 section 2.2: sample IPv4 response.
    const RESPONSE: &[u8] = b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\x80\x28\x00\x04\xc0\x7d\x4c\x96";

    #[test]
    fn the_standards_response_reads_as_it_says() {
        let heard = play(&PROTOCOL, &udp(), 1 << 20, &[down(RESPONSE)]);
        assert_eq!(
            heard.lines(),
            ["< stun Binding success | software=test vector | xor-mapped-address=192.0.2.1:32853"]
        );
    }

    #[test]
    fn only_whole_messages_with_the_cookie_are_stun() {
        let judge = |bytes: &[u8]| {
            probe(&Peek {
                meta: &udp(),
                to_server: bytes,
                to_client: b"",
                waiting: &[],
                secrets: &crate::model::secret::Secrets::default(),
            })
        };
        assert_eq!(judge(RESPONSE), Match::Certain);
        assert_eq!(judge(&RESPONSE[..40]), Match::No);
        assert_eq!(judge(&[RESPONSE, b"x"].concat()), Match::No);
        let mut other = RESPONSE.to_vec();
        other[4] = 0;
        assert_eq!(judge(&other), Match::No);
        assert_eq!(judge(b"\x40\x00\x00\x04abcd"), Match::NeedMore);
        let stream = |bytes: &[u8]| {
            probe(&Peek {
                meta: &meta(),
                to_server: bytes,
                to_client: b"",
                waiting: &[],
                secrets: &crate::model::secret::Secrets::default(),
            })
        };
        assert_eq!(stream(&RESPONSE[..7]), Match::NeedMore);
        assert_eq!(stream(&RESPONSE[..8]), Match::Certain);
        assert_eq!(stream(b"GET "), Match::No);
        assert_eq!(stream(b"\x00\x07\x00\x04\x00\x00"), Match::No);
    }

    fn bind(channel: u16) -> Vec<u8> {
        let mut out = b"\x00\x09\x00\x14\x21\x12\xa4\x42abcdefghijkl\x00\x0c\x00\x04".to_vec();
        out.extend(channel.to_be_bytes());
        out.extend(b"\0\0\x00\x12\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43");
        out
    }

    #[test]
    fn relayed_data_is_one_stream_a_peer_however_it_is_wrapped() {
        let send = b"\x00\x16\x00\x18\x21\x12\xa4\x42abcdefghijkl\x00\x12\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\x00\x13\x00\x05heron\0\0\0";
        let channel = b"\x40\x01\x00\x05 duskx\0\0";
        let channel = [&channel[..4], b" dusk", b"\0\0\0"].concat();
        let heard =
            play(&PROTOCOL, &udp(), 1 << 20, &[up(send), up(bind(0x4001)), up(&channel), Ev::Close(Ending::Clean)]);
        assert_eq!(heard.raw.len(), 1, "{:?}", heard.raw);
        assert_eq!(heard.raw[0].1[0], b"heron dusk");
        // Over a stream, cut anywhere.
        let all = [bind(0x4001).as_slice(), &channel, &channel].concat();
        for cut in 1..all.len() {
            let heard =
                play(&PROTOCOL, &meta(), 1 << 20, &[up(&all[..cut]), up(&all[cut..]), Ev::Close(Ending::Clean)]);
            assert_eq!(heard.raw[0].1[0], b" dusk dusk", "{cut}");
        }
    }
}
