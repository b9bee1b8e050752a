//! One DTLS association: follows the handshake, keeps keys by epoch, and hands application data to the child stream.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Malformed};
use crate::message::handshake::hello::{self, ClientHello, ServerHello};
use crate::message::handshake::protect::{Bound, Opener, TLS12_CID, capacity};
use crate::message::handshake::suite::Suite;
use crate::message::protocol::dtls::fragments::Fragments;
use crate::message::protocol::dtls::record::{self, ACK, ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Head};
use crate::message::protocol::dtls::unified::{Shut, Unified, Window};
use crate::message::sink::Child;
use crate::message::{Dissector, Sink};
use crate::model::budget::DTLS_HELD_BYTES;
use crate::model::flow::Blind;
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::stream::{Chunk, Direction, Ending, Layer, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

mod handshake;

/// The one child stream.
const CHILD: u64 = 0;
/// DTLS 1.3, as its hellos number it.
const DTLS13: u16 = 0xfefc;
/// The label of the exporter that makes SRTP's keys (RFC 5764 section 4.2).
const SRTP_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// Starts on a stream.
pub(super) fn start(meta: &StreamMeta) -> Box<dyn Dissector> {
    let _ = meta;
    Box::new(Session::default())
}

/// Protection of one direction in one epoch, up to DTLS 1.2.
enum Guard {
    Open(Box<Opener>, Window),
    /// It cannot be opened.
    Dark(Blind, Cow<'static, str>),
}

/// A record out of its datagram.
struct Held {
    head: Head,
    body: Vec<u8>,
    origins: Origins,
    at: Timestamp,
}

#[derive(Default)]
struct Half {
    fragments: Fragments,
    guards: BTreeMap<u16, Guard>,
    /// Keys of the association before this one, whose last records may still be on their way.
    past: BTreeMap<u16, Guard>,
    unified: Option<Unified>,
    /// How long connection IDs are that this direction's records carry.
    cid: Option<usize>,
    ended: bool,
    blind: Option<(Blind, Cow<'static, str>, u64)>,
    run: u64,
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing seen or not seen, in any combination")]
struct Session {
    halves: [Half; 2],
    client: Option<ClientHello>,
    server: Option<ServerHello>,
    /// Facts of a hello are stated once.
    told_client: bool,
    alpn: Option<Vec<u8>>,
    /// Records that came before the handshake said how they are protected.
    waiting: VecDeque<(Direction, Held)>,
    waiting_bytes: usize,
    child: bool,
    missed: bool,
    decrypted: bool,
    /// Protected records were seen, from the client and from the server: each has finished, or is about to.
    sealed: [bool; 2],
    closing: bool,
}

impl Dissector for Session {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let result = match event {
            StreamEvent::Data(chunk) => self.datagram(&chunk, sink),
            StreamEvent::Gap { direction, len, why, .. } => {
                let _ = why;
                self.blind(direction, Blind::Lost, "datagrams".into(), len, sink);
                Ok(())
            }
            StreamEvent::End { .. } => Ok(()),
            StreamEvent::Close { at, how } => {
                self.close(at, how, sink);
                Ok(())
            }
        };
        for direction in Direction::BOTH {
            self.tell(direction, sink);
        }
        result
    }

    fn held(&self) -> usize {
        let [a, b] = &self.halves;
        self.waiting_bytes.saturating_add(a.fragments.held()).saturating_add(b.fragments.held())
    }
}

impl Session {
    fn half(&mut self, direction: Direction) -> &mut Half {
        direction.of_mut(&mut self.halves)
    }

    fn version(&self) -> Option<u16> {
        self.server.as_ref().map(|server| server.version)
    }

    fn suite(&self) -> Option<Suite> {
        self.server.as_ref().map(|server| Suite::of(server.suite))
    }

    /// The version that the record layer's overheads go by, in TLS's numbers.
    fn terms_version(&self) -> Option<u16> {
        self.version().map(tls_version)
    }

    fn datagram(&mut self, chunk: &Chunk<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let direction = chunk.direction;
        let mut cursor = Cursor::new(chunk.bytes);
        while !cursor.is_empty() {
            let cid = self.half(direction).cid;
            let record = record::next(&mut cursor, cid)?;
            let secret = self.suite().is_none_or(|suite| suite.is_secret());
            let clear = !secret && matches!(record.head, Head::Plain { kind: APPLICATION_DATA, .. });
            let len = record.body.len();
            // The header of the first record stands at the front of the datagram, others between two bodies.
            sink.wire(if clear { Opacity::Plaintext } else { Opacity::Encrypted }, len.saturating_add(13) as u64);
            let end = record.start.saturating_add(len);
            let held = Held {
                head: record.head,
                body: record.body.to_vec(),
                origins: chunk.origins.slice(record.start, end),
                at: chunk.at,
            };
            self.record(direction, held, sink)?;
        }
        Ok(())
    }

    fn record(&mut self, direction: Direction, held: Held, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match &held.head {
            Head::Plain { kind, epoch: 0, .. } => match *kind {
                HANDSHAKE => self.handshake(direction, 0, &held.body, &held.origins, held.at, sink),
                ALERT => {
                    self.alert(direction, held.at, &held.body, sink);
                    Ok(())
                }
                CHANGE_CIPHER_SPEC if held.body.len() != 1 => Err(Malformed::Illegal("change_cipher_spec")),
                CHANGE_CIPHER_SPEC | ACK => Ok(()),
                _ => Err(Malformed::Illegal("record in clear")),
            },
            Head::Plain { epoch, .. } => {
                let half = self.half(direction);
                if !half.guards.contains_key(epoch) && !half.past.contains_key(epoch) && self.is_early(&held.head) {
                    return self.wait(direction, held, sink);
                }
                self.protected(direction, &held, sink)
            }
            Head::Unified { .. } => {
                if self.half(direction).unified.is_none() && self.is_early(&held.head) {
                    return self.wait(direction, held, sink);
                }
                self.protected(direction, &held, sink)
            }
        }
    }

    /// Whether the handshake may still say how a record is protected.
    fn is_early(&self, head: &Head) -> bool {
        if self.closing {
            return false;
        }
        match head {
            Head::Plain { .. } => true,
            Head::Unified { .. } => self.server.is_none(),
        }
    }

    fn wait(&mut self, direction: Direction, held: Held, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        if self.waiting_bytes.saturating_add(held.body.len()) > DTLS_HELD_BYTES {
            return self.protected(direction, &held, sink);
        }
        self.waiting_bytes = self.waiting_bytes.saturating_add(held.body.len());
        self.waiting.push_back((direction, held));
        Ok(())
    }

    /// The handshake has moved on: what waited for it is looked at again.
    fn resume(&mut self, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        self.waiting_bytes = 0;
        for (direction, held) in std::mem::take(&mut self.waiting) {
            self.record(direction, held, sink)?;
        }
        Ok(())
    }

    /// A record that is protected.
    fn protected(&mut self, direction: Direction, held: &Held, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let len = held.body.len();
        *direction.of_mut(&mut self.sealed) = true;
        match held.head.clone() {
            Head::Plain { kind, version, epoch, number, cid } => {
                let seq = (u64::from(epoch) << 48) | number;
                let half = self.half(direction);
                let mut found = None;
                let mut dark = None;
                for guard in [half.guards.get_mut(&epoch), half.past.get_mut(&epoch)].into_iter().flatten() {
                    match guard {
                        Guard::Open(opener, window) => {
                            opener.cid.clone_from(&cid);
                            let mut body = held.body.clone();
                            if let Some(plain) = opener.open(seq, kind, version, &mut body) {
                                found = Some((plain, body, window.note(number)));
                                break;
                            }
                            dark = Some((Blind::WrongKeys, "the key log's secret does not open this session".into()));
                        }
                        Guard::Dark(why, detail) => dark = Some((*why, detail.clone())),
                    }
                }
                match found {
                    Some((_, _, false)) => Ok(()),
                    Some((plain, body, true)) => {
                        let to = plain.lead.saturating_add(body.len());
                        let origins = held.origins.slice(plain.lead, to);
                        if kind == TLS12_CID {
                            self.inner(direction, u64::from(epoch), body, &origins, len, held.at, sink)
                        } else {
                            self.opened(direction, (kind, epoch), body, origins, len, held.at, sink)
                        }
                    }
                    None => {
                        let (why, detail) = dark.unwrap_or_else(|| self.missing(sink));
                        self.shut(direction, kind, len, (why, detail), sink);
                        Ok(())
                    }
                }
            }
            Head::Unified { epoch, header, at, wide } => {
                let opened = match &mut self.half(direction).unified {
                    Some(unified) => unified.open(epoch, &header, at, wide, &held.body),
                    None => Err(Shut::NoKeys),
                };
                match opened {
                    Ok((_, _, false)) => Ok(()),
                    Ok((body, number, true)) => self.inner(direction, number, body, &held.origins, len, held.at, sink),
                    Err(shut) => {
                        let reason = match shut {
                            Shut::NoKeys => self.missing(sink),
                            Shut::WrongKeys => {
                                (Blind::WrongKeys, "the key log's secret does not open this session".into())
                            }
                        };
                        // In the epoch of the handshake nothing of the app's goes by.
                        let kind = if epoch == 2 { HANDSHAKE } else { APPLICATION_DATA };
                        self.shut(direction, kind, len, reason, sink);
                        Ok(())
                    }
                }
            }
        }
    }

    /// Plaintext with its type, and maybe padding, behind it (RFC 9146 section 4, RFC 8446 section 5.2).
    #[expect(clippy::too_many_arguments, reason = "one record, taken apart")]
    fn inner(
        &mut self,
        direction: Direction,
        epoch: u64,
        mut body: Vec<u8>,
        origins: &Origins,
        len: usize,
        at: Timestamp,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        let Some(end) = body.iter().rposition(|&byte| byte != 0) else { return Ok(()) };
        let kind = body.get(end).copied().unwrap_or_default();
        body.truncate(end);
        let origins = origins.slice(0, end);
        let epoch = u16::try_from(epoch).unwrap_or(u16::MAX);
        self.opened(direction, (kind, epoch), body, origins, len, at, sink)
    }

    /// An authentic record.
    #[expect(clippy::too_many_arguments, reason = "one record, taken apart")]
    fn opened(
        &mut self,
        direction: Direction,
        (kind, epoch): (u8, u16),
        body: Vec<u8>,
        origins: Origins,
        len: usize,
        at: Timestamp,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        match kind {
            APPLICATION_DATA => {
                if self.suite().is_none_or(|suite| suite.is_secret()) {
                    // Counted as if it had stayed shut: having the keys must not make less of what travels sealed.
                    let bytes = capacity(self.suite(), self.terms_version(), len, Bound::Lower);
                    self.sealed(direction, bytes, sink);
                }
                self.application(direction, at, body, origins, sink);
                Ok(())
            }
            HANDSHAKE => self.handshake(direction, epoch, &body, &origins, at, sink),
            ALERT => {
                self.alert(direction, at, &body, sink);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A record that stays shut.
    fn shut(
        &mut self,
        direction: Direction,
        kind: u8,
        len: usize,
        (why, detail): (Blind, Cow<'static, str>),
        sink: &mut Sink<'_>,
    ) {
        let keyless = matches!(why, Blind::NoKeys | Blind::HandshakeMissing | Blind::Unsupported);
        // Finished and alerts are told apart by their type: nothing of the app's is lost with them.
        if keyless && !matches!(kind, APPLICATION_DATA | TLS12_CID) {
            return;
        }
        let bytes = capacity(self.suite(), self.terms_version(), len, Bound::Upper);
        self.blind(direction, why, detail, bytes, sink);
        // Where the type is hidden, what is this short may be an alert, an acknowledgment or `Finished`.
        let hidden = kind == TLS12_CID || self.version() == Some(DTLS13);
        if kind != HANDSHAKE && !(hidden && len < 80) {
            self.missed = true;
            self.sealed(direction, capacity(self.suite(), self.terms_version(), len, Bound::Lower), sink);
        }
    }

    /// Why there is no key, in words.
    fn missing(&self, sink: &Sink<'_>) -> (Blind, Cow<'static, str>) {
        let both = self.client.as_ref().filter(|_| self.server.is_some());
        let why = if both.is_some() { Blind::NoKeys } else { Blind::HandshakeMissing };
        (why, sink.secrets().why_none(both.map(|client| &client.random)).into())
    }

    fn sealed(&mut self, direction: Direction, bytes: u64, sink: &mut Sink<'_>) {
        self.flush_run(direction.reverse(), sink);
        let half = self.half(direction);
        half.run = half.run.saturating_add(bytes);
    }

    fn flush_run(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let run = std::mem::take(&mut self.half(direction).run);
        if run > 0 {
            sink.sealed(direction, run);
        }
    }

    fn blind(&mut self, direction: Direction, why: Blind, detail: Cow<'static, str>, bytes: u64, sink: &mut Sink<'_>) {
        if let Some((known, text, sum)) = &mut self.half(direction).blind
            && *known == why
            && *text == detail
        {
            *sum = sum.saturating_add(bytes);
            return;
        }
        self.tell(direction, sink);
        self.half(direction).blind = Some((why, detail, bytes));
    }

    fn tell(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        if let Some((why, detail, bytes)) = self.half(direction).blind.take() {
            sink.blind(why, direction, bytes, detail);
        }
    }

    fn close(&mut self, at: Timestamp, how: Ending, sink: &mut Sink<'_>) {
        self.closing = true;
        // Nothing more comes that could open these.
        for (direction, held) in std::mem::take(&mut self.waiting) {
            let _ = self.protected(direction, &held, sink);
        }
        for direction in Direction::BOTH {
            self.flush_run(direction, sink);
        }
        if self.child {
            self.child = false;
            sink.close(CHILD, at, how);
        } else if how == Ending::CaptureEnd && self.sealed != [true; 2] && self.client.is_some() {
            // Whatever the client wanted to say, it was about to.
            sink.blind(Blind::Truncated, Direction::ToServer, 0, "the capture ends during the handshake");
        }
    }

    /// Application data of the child stream.
    fn application(
        &mut self,
        direction: Direction,
        at: Timestamp,
        bytes: Vec<u8>,
        origins: Origins,
        sink: &mut Sink<'_>,
    ) {
        let secret = self.suite().is_none_or(|suite| suite.is_secret());
        if !self.child {
            self.child = true;
            let name = match self.version() {
                Some(0xfeff) => "dtls1.0",
                Some(0xfefd) => "dtls1.2",
                _ => "dtls1.3",
            };
            sink.open(
                CHILD,
                Child {
                    layer: Layer { name: name.to_owned(), secure: secret, opened: secret },
                    datagrams: true,
                    hint: self.alpn.as_deref().map(hello::alpn_text),
                    host: self.client.as_ref().and_then(ClientHello::server_name),
                    from_start: !self.missed,
                },
            );
        }
        if secret && !self.decrypted && !bytes.is_empty() {
            self.decrypted = true;
            sink.decrypted();
        }
        sink.data(CHILD, direction, at, bytes, origins);
    }

    fn alert(&mut self, direction: Direction, at: Timestamp, body: &[u8], sink: &mut Sink<'_>) {
        let &[level, code] = body else { return };
        if code == 0 {
            self.flush_run(direction, sink);
            let child = self.child;
            let half = self.half(direction);
            if !half.ended && child {
                half.ended = true;
                sink.end(CHILD, direction, at);
            }
        } else if level == 2 {
            let from = if direction == Direction::ToServer { "client" } else { "server" };
            sink.fact("tls.alert", format!("{from}: {}", hello::alert_name(code)));
        }
    }
}

/// The version of TLS that a version of DTLS is built on.
const fn tls_version(version: u16) -> u16 {
    match version {
        0xfeff => 0x0302,
        DTLS13 => 0x0304,
        _ => 0x0303,
    }
}
