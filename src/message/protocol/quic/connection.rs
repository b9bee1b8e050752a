//! One QUIC connection: follows the handshake, opens packets, puts streams in order and hands them on.

mod shut;

use crate::bytes::{Cursor, Malformed};
use crate::message::Sink;
use crate::message::handshake::hello::{self, ClientHello, ServerHello};
use crate::message::handshake::suite::{Cipher, Suite};
use crate::message::handshake::{certificate, facts};
use crate::message::protocol::quic::handshake::Crypto;
use crate::message::protocol::quic::lane::Lane;
use crate::message::protocol::quic::level::{CANDIDATES, Level, Lot};
use crate::message::protocol::quic::ordered::Numbers;
use crate::message::protocol::quic::packet::CID;
use crate::message::protocol::quic::protection::Opened;
use crate::message::protocol::quic::streams::Streams;
use crate::message::protocol::quic::version::{VERSIONS, Version};
use crate::message::quic::frame::{self, Frame};
use crate::message::sink::Draft;
use crate::model::budget::{QUIC_HELD_BYTES, QUIC_IDS};
use crate::model::flow::{Blind, SESSION};
use crate::model::message::{Part, PartKind};
use crate::model::origin::Origins;
use crate::model::stream::{Direction, Ending};
use crate::model::time::Timestamp;
use data_encoding::HEXLOWER;
use std::borrow::Cow;

/// The suites of TLS 1.3.
const SUITES: std::ops::RangeInclusive<u16> = 0x1301..=0x1304;
/// Bytes of the client random that name a session.
const SESSION_BYTES: usize = 8;

/// One packet of a datagram.
#[derive(Clone, Debug)]
pub(super) struct Sealed<'a> {
    pub(super) direction: Direction,
    pub(super) at: Timestamp,
    pub(super) level: Level,
    pub(super) version: Version,
    pub(super) bytes: Cow<'a, [u8]>,
    /// Where its packet number begins.
    pub(super) pn_at: usize,
    pub(super) origins: Origins,
}

/// A connection.
#[expect(clippy::struct_excessive_bools, reason = "each is one thing seen or not seen, in any combination")]
pub(super) struct Connection {
    version: Version,
    /// The server has said which version it is.
    settled: bool,
    /// Connection IDs that Initial keys come from.
    origins: Vec<Vec<u8>>,
    /// Connection IDs that packets of each direction are addressed to.
    ids: [Vec<Vec<u8>>; 2],
    resets: Vec<[u8; 16]>,
    client: Option<ClientHello>,
    server: Option<ServerHello>,
    alpn: Option<Vec<u8>>,
    lanes: [Lane; 2],
    waiting: Vec<Sealed<'static>>,
    waiting_bytes: usize,
    /// The hello will not come any more: keys of any handshake may be the right ones.
    orphan: bool,
    streams: Streams,
    decrypted: bool,
    /// Application data went by that was not opened.
    missed: bool,
    told: bool,
    /// The fact that names its session was told.
    named: bool,
    ended: Option<Ending>,
}

impl Connection {
    /// A connection whose client chose `dcid` for its first packets; without one, a connection that began elsewhere.
    /// `serial`: its number among those of its conversation.
    pub(super) fn new(version: Version, dcid: Option<&[u8]>, serial: u64) -> Self {
        Self {
            version,
            settled: false,
            origins: dcid.map(<[u8]>::to_vec).into_iter().collect(),
            ids: Default::default(),
            resets: Vec::new(),
            client: None,
            server: None,
            alpn: None,
            lanes: Default::default(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            orphan: dcid.is_none(),
            streams: Streams::new(serial),
            decrypted: false,
            missed: false,
            told: false,
            named: false,
            ended: None,
        }
    }

    /// Whether a packet with these connection IDs belongs to it.
    pub(super) fn knows(&self, direction: Direction, dcid: &[u8], scid: Option<&[u8]>) -> bool {
        let (to, from) = (direction.of(&self.ids), direction.reverse().of(&self.ids));
        let has = |ids: &[Vec<u8>], id: &[u8]| ids.iter().any(|known| known == id);
        has(to, dcid)
            || (direction == Direction::ToServer && has(&self.origins, dcid))
            || scid.is_some_and(|scid| !scid.is_empty() && has(from, scid))
    }

    /// The length of the connection ID of a packet with a short header, if it is one of this connection's.
    pub(super) fn short_cid(&self, direction: Direction, bytes: &[u8]) -> Option<usize> {
        let ids = direction.of(&self.ids);
        let rest = bytes.get(1..)?;
        ids.iter().filter(|id| rest.starts_with(id)).map(Vec::len).max()
    }

    /// A packet with a long header names both sides.
    pub(super) fn addressed(&mut self, direction: Direction, version: Version, dcid: &[u8], scid: &[u8]) {
        self.learn(direction.reverse(), scid);
        if direction == Direction::ToClient {
            self.learn(direction, dcid);
            if !self.settled {
                self.settled = true;
                self.version = version;
            }
        } else {
            if !self.settled {
                self.version = version;
            }
            if self.origins.is_empty() {
                self.learn(direction, dcid);
            } else if !self.knows(direction, dcid, None) {
                self.originates(dcid);
            }
        }
    }

    /// The server asked the client to begin again (Retry, Version Negotiation). Its hello may be another one then.
    pub(super) fn restart(&mut self) {
        if self.server.is_none() {
            self.client = None;
            self.settled = false;
            self.lanes = Default::default();
        }
    }

    /// Initial keys come from this connection ID as well (a Retry, or a client that changed its mind).
    pub(super) fn originates(&mut self, dcid: &[u8]) {
        if self.origins.len() < QUIC_IDS && !self.origins.iter().any(|known| known == dcid) {
            self.origins.push(dcid.to_vec());
        }
    }

    fn learn(&mut self, direction: Direction, id: &[u8]) {
        let ids = direction.of_mut(&mut self.ids);
        if id.len() <= CID && ids.len() < QUIC_IDS && !ids.iter().any(|known| known == id) {
            ids.push(id.to_vec());
        }
    }

    const fn lane(&mut self, direction: Direction) -> &mut Lane {
        direction.of_mut(&mut self.lanes)
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        let crypto: usize = self.lanes.iter().flat_map(|lane| &lane.crypto).map(Crypto::held).sum();
        crypto.saturating_add(self.waiting_bytes).saturating_add(self.streams.held())
    }

    /// Takes a packet.
    pub(super) fn packet(&mut self, packet: Sealed<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        if packet.level != Level::Initial && self.client.is_none() && !self.orphan {
            let len = packet.bytes.len();
            if self.waiting_bytes.saturating_add(len) <= QUIC_HELD_BYTES {
                self.waiting_bytes = self.waiting_bytes.saturating_add(len);
                self.waiting.push(Sealed { bytes: packet.bytes.into_owned().into(), ..packet });
                return Ok(());
            }
            self.orphan = true;
            self.release(sink)?;
        }
        let met = self.client.is_some();
        self.read(&packet, sink)?;
        if !met && self.client.is_some() {
            self.release(sink)?;
        }
        Ok(())
    }

    /// What waited for the hello goes on.
    fn release(&mut self, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        self.waiting_bytes = 0;
        for packet in std::mem::take(&mut self.waiting) {
            self.read(&packet, sink)?;
        }
        Ok(())
    }

    fn read(&mut self, packet: &Sealed<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let direction = packet.direction;
        if packet.level.is_application() {
            self.seal(packet, sink);
        }
        let Some(opened) = self.open(packet, sink) else {
            self.shut(packet, sink);
            return Ok(());
        };
        let space = packet.level.space();
        let fresh =
            self.lane(direction).seen.get_mut(space).is_none_or(|seen| seen.insert(opened.number, opened.number));
        if !fresh {
            // The same packet, captured twice.
            return Ok(());
        }
        let to = opened.at.saturating_add(opened.plain.len());
        let origins = packet.origins.slice(opened.at, to);
        let mut cursor = Cursor::new(&opened.plain);
        while !cursor.is_empty() {
            let frame = frame::next(&mut cursor)?;
            self.frame(packet, frame, cursor.position(), &origins, sink);
        }
        Ok(())
    }

    fn open(&mut self, packet: &Sealed<'_>, sink: &mut Sink<'_>) -> Option<Opened> {
        let (direction, level) = (packet.direction, packet.level);
        if level == Level::Initial {
            return direction.of_mut(&mut self.lanes).open_initial(packet, &self.origins);
        }
        if direction.of(&self.lanes).lot(level).is_none() {
            let lot = self.keys(direction, level, sink);
            self.lane(direction).put(level, lot);
        }
        let lane = self.lane(direction);
        let largest = lane.seen.get(level.space()).and_then(Numbers::largest);
        let opened = lane.lot_mut(level)?.open(&packet.bytes, packet.pn_at, largest)?;
        if level == Level::Application && !std::mem::replace(&mut self.named, true) {
            self.name_session(direction, sink);
        }
        Some(opened)
    }

    /// Which session it is: a connection that goes on at another address is told to be the same one by this.
    fn name_session(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let Some((random, version)) = self.lane(direction).lot(Level::Application).and_then(Lot::session) else {
            return;
        };
        sink.fact(SESSION, HEXLOWER.encode(random.get(..SESSION_BYTES).unwrap_or(&random)));
        if self.server.is_none() {
            // Not said by any hello that was captured, but by the keys that fit; QUIC has no older TLS (RFC 9001 section 4.2).
            sink.fact("quic.version", version.name);
            sink.fact("tls.version", hello::version_name(0x0304));
        }
    }

    /// The keys that one direction may have at one level.
    fn keys(&self, direction: Direction, level: Level, sink: &Sink<'_>) -> Lot {
        let secrets = sink.secrets();
        let label = level.label(direction);
        let randoms: Vec<[u8; 32]> = match &self.client {
            Some(client) if secrets.knows(&client.random) || client.extension(hello::EXT_ECH).is_none() => {
                vec![client.random]
            }
            // The hello is lost, or it is the outer one and the key log names the inner one's random: any may be it.
            _ => secrets.with_label(label).map(|(random, _)| *random).take(CANDIDATES).collect(),
        };
        let suites: Vec<Suite> = match (&self.server, level) {
            // Early data has the suite of the session it resumes, which need not be the one chosen now.
            (Some(server), Level::Handshake | Level::Application) => vec![Suite::of(server.suite)],
            _ => SUITES.map(Suite::of).collect(),
        };
        let mut versions = vec![self.version];
        if !self.settled {
            versions.extend(VERSIONS.into_iter().take(2).filter(|version| *version != self.version));
        }
        Lot::new(secrets, label, &randoms, &suites, &versions)
    }

    /// A frame; `end`: where in the packet's plaintext it ended.
    fn frame(&mut self, packet: &Sealed<'_>, frame: Frame<'_>, end: usize, origins: &Origins, sink: &mut Sink<'_>) {
        let (direction, level, at) = (packet.direction, packet.level, packet.at);
        let carried = |data: &[u8]| origins.slice(end.saturating_sub(data.len()), end);
        match frame {
            Frame::Crypto { offset, data } => {
                let crypto = self.lane(direction).crypto.get_mut(level.space());
                for (kind, body) in crypto.map_or_else(Vec::new, |crypto| crypto.push(offset, data)) {
                    // Initial packets are sealed with keys that anybody has (RFC 9001, section 5.2).
                    if (direction, kind, level) == (Direction::ToServer, 1, Level::Initial)
                        && self.client.is_none()
                        && self.server.is_none()
                        && let Ok(client) = ClientHello::parse(&body)
                    {
                        facts::overhear(&client, data, &carried(data), at, sink);
                    }
                    self.handshake(direction, kind, &body, sink);
                }
            }
            Frame::Ack(ranges) if level == Level::Application => {
                let other = self.lane(direction.reverse());
                for (first, last) in ranges {
                    other.acked.insert(first, last);
                }
            }
            Frame::NewConnectionId { cid, reset } => {
                self.learn(direction.reverse(), cid);
                if self.resets.len() < QUIC_IDS
                    && let Ok(token) = reset.try_into()
                {
                    self.resets.push(token);
                }
            }
            Frame::Stream { id, offset, data, fin } if level.is_application() => {
                self.opens(data, sink);
                let piece = (offset, data, fin);
                let fallback = origins.first().unwrap_or_default();
                self.streams.data(id, direction, at, piece, (&carried(data), fallback), sink);
            }
            Frame::ResetStream(id) if level.is_application() => {
                let fallback = origins.first().unwrap_or_default();
                self.streams.reset(id, direction, at, fallback, sink);
            }
            Frame::Datagram(data) if level.is_application() => {
                self.opens(data, sink);
                self.streams.datagram(direction, at, data, carried(data), sink);
            }
            Frame::Close { code, reason } => {
                self.ended = Some(Ending::Clean);
                if code != 0 && !self.told {
                    self.told = true;
                    sink.fact("quic.close", format!("error {code:#x}"));
                }
                if !reason.is_empty() && level == Level::Application {
                    // Text for people about the connection: it may well quote what was said on it.
                    sink.message(Draft {
                        direction,
                        at,
                        label: "CONNECTION_CLOSE".to_owned(),
                        host: None,
                        parts: vec![Part::new(PartKind::Raw, reason.to_vec(), carried(reason))],
                        whole: true,
                    });
                }
            }
            _ => {}
        }
    }

    /// Application data is there.
    fn opens(&mut self, data: &[u8], sink: &mut Sink<'_>) {
        if !self.decrypted && !data.is_empty() {
            self.decrypted = true;
            let offers: Vec<Vec<u8>> = self.client.as_ref().map(ClientHello::alpn).unwrap_or_default();
            let alpn = self.alpn.clone().or_else(|| {
                let http3 = offers.iter().find(|offer| offer.starts_with(b"h3"));
                http3.or_else(|| offers.first()).cloned()
            });
            let host = self.client.as_ref().and_then(ClientHello::server_name);
            self.streams.speak(alpn.as_deref(), host, self.client.is_some());
            sink.decrypted();
        }
    }

    /// A handshake message.
    fn handshake(&mut self, direction: Direction, kind: u8, body: &[u8], sink: &mut Sink<'_>) {
        match (direction, kind) {
            (Direction::ToServer, 1) => {
                if let Ok(client) = ClientHello::parse(body) {
                    self.client_hello(client, sink);
                }
            }
            (Direction::ToClient, 2) => {
                if let Ok(server) = ServerHello::parse(body) {
                    self.server_hello(server, sink);
                }
            }
            (Direction::ToClient, 8) => {
                if let Some(alpn) = hello::chosen_alpn(body) {
                    sink.fact("tls.alpn", hello::alpn_text(&alpn));
                    self.alpn = Some(alpn);
                }
            }
            (_, 11) => {
                let name = match direction {
                    Direction::ToServer => "tls.client-certificate",
                    Direction::ToClient => "tls.certificate",
                };
                for der in certificate::chain13(body).unwrap_or_default().into_iter().take(4) {
                    sink.fact(name, certificate::summary(der).unwrap_or_else(|| "unreadable".to_owned()));
                }
            }
            _ => {}
        }
    }

    fn client_hello(&mut self, client: ClientHello, sink: &mut Sink<'_>) {
        // The second hello after a HelloRetryRequest repeats the first one's random.
        if self.client.is_some() || self.server.is_some() {
            return;
        }
        facts::tell(&client, 'q', sink);
        if let Some(offer) = client.ech() {
            sink.fact("tls.ech", offer.says());
        }
        if let [only] = client.alpn().as_slice() {
            self.alpn = Some(only.clone());
        }
        self.client = Some(client);
    }

    fn server_hello(&mut self, server: ServerHello, sink: &mut Sink<'_>) {
        if server.is_retry() || self.server.is_some() {
            return;
        }
        let suite = Suite::of(server.suite);
        sink.fact("quic.version", self.version.name);
        sink.fact("tls.version", hello::version_name(server.version));
        sink.fact("tls.cipher-suite", suite.label());
        if let Some(group) = server.group() {
            sink.fact("tls.key-exchange", hello::group_name(group));
        }
        if server.extension(hello::EXT_PRE_SHARED_KEY).is_some() {
            sink.fact("tls.resumed", "true");
        }
        if !matches!(suite.cipher, Cipher::Aead(_)) {
            sink.blind(Blind::Unsupported, Direction::ToClient, 0, suite.label());
        }
        self.server = Some(server);
    }

    /// Looks for the keys of a packet of a connection that began elsewhere, and for the length of its connection ID.
    pub(super) fn adopt(&mut self, packet: &Sealed<'_>, sink: &Sink<'_>) -> Option<usize> {
        if packet.bytes.len() < 21 {
            return None;
        }
        let direction = packet.direction;
        // A copy of the keys, for most of what is tried is wrong.
        let mut lot = self.keys(direction, Level::Application, sink);
        if lot.is_empty() {
            return None;
        }
        let len = (0..=CID).find(|len| lot.open(&packet.bytes, len.saturating_add(1), None).is_some())?;
        let id = packet.bytes.get(1..len.saturating_add(1))?.to_vec();
        self.learn(direction, &id);
        Some(len)
    }

    /// Nothing more will come.
    pub(super) fn close(&mut self, at: Timestamp, how: Ending, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        self.orphan |= self.client.is_none();
        let result = self.release(sink);
        for direction in Direction::BOTH {
            self.flush(direction, sink);
            let lane = self.lane(direction);
            let lost = lane.seen.get(Level::Application.space()).map_or(0, |seen| seen.lacks(&lane.acked));
            if lost > 0 && self.decrypted {
                let detail = "packets that the other side acknowledged are not in the capture".into();
                self.blind(direction, Blind::Lost, detail, 0, sink);
            }
        }
        let how = self.ended.unwrap_or(how);
        let silent = !self.decrypted && !self.missed;
        if how == Ending::CaptureEnd && silent && self.client.is_some() {
            // Whatever the client wanted to say, it was about to.
            sink.blind(Blind::Truncated, Direction::ToServer, 0, "the capture ends during the handshake");
        }
        self.streams.close(at, how, sink);
        self.tell_blind(sink);
        result
    }
}
