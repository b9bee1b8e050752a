//! One TLS session: follows the handshake, switches keys, and hands application data to the child stream.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Malformed;
use crate::message::handshake::hello::{self, ClientHello, ServerHello};
use crate::message::handshake::protect::{Bound, Plain, capacity};
use crate::message::handshake::suite::{Cipher, Suite};
use crate::message::protocol::tls::keys::{Epoch, Ladder, Legacy, Shut};
use crate::message::protocol::tls::record::{
    ALERT, APPLICATION_DATA, Assembler, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER, Piece, RECORD, Record,
};
use crate::message::protocol::tls::rsa::Exchange;
use crate::message::sink::Child;
use crate::message::{Dissector, Sink};
use crate::model::budget::TLS_HELD_BYTES;
use crate::model::flow::Blind;
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::stream::{Direction, Ending, Layer, Lost, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::borrow::Cow;
use std::collections::VecDeque;

mod damage;
mod handshake;

/// Handshakes of the key log that are tried where a session's own hello does not name it.
const CANDIDATES: usize = 128;
/// The one child stream.
const CHILD: u64 = 0;

/// Starts on a stream.
pub(super) fn start(meta: &StreamMeta) -> Box<dyn Dissector> {
    Box::new(Session {
        from_start: meta.from_start,
        halves: [Half::default(), Half::default()],
        client: None,
        server: None,
        next: None,
        alpn: None,
        chosen_alpn: false,
        pending: None,
        exchange: Exchange::default(),
        done: false,
        child: false,
        missed: false,
        decrypted: false,
        turns: 0,
        turn: Direction::ToClient,
        close: false,
    })
}

/// Protection of one direction.
#[derive(Default)]
enum Guard {
    /// None yet.
    #[default]
    Clear,
    /// TLS 1.3.
    Ladder(Box<Ladder>),
    /// Up to TLS 1.2.
    Legacy(Box<Legacy>),
    /// Some that cannot be opened.
    Dark(Blind, Cow<'static, str>),
}

/// Joins handshake messages out of records.
#[derive(Default)]
struct Joiner {
    bytes: Vec<u8>,
    /// Bytes up to this offset are damaged.
    tainted: usize,
    /// Bytes still to skip of a message that is too long.
    skip: usize,
}

#[derive(Default)]
struct Half {
    assembler: Assembler,
    queue: VecDeque<Piece>,
    joiner: Joiner,
    guard: Guard,
    /// Records of it are lost, or it is over: the other direction must not wait for it.
    gone: bool,
    ended: bool,
    changed: bool,
    blind: Option<(Blind, Cow<'static, str>, u64)>,
    run: u64,
}

#[expect(clippy::struct_excessive_bools, reason = "each is one thing seen or not seen, in any combination")]
struct Session {
    from_start: bool,
    halves: [Half; 2],
    client: Option<ClientHello>,
    server: Option<ServerHello>,
    /// The hello of a renegotiation that the server has not answered yet.
    next: Option<ClientHello>,
    alpn: Option<Vec<u8>>,
    chosen_alpn: bool,
    /// What protects each direction once it changes, up to TLS 1.2.
    pending: Option<[Guard; 2]>,
    exchange: Exchange,
    /// `ServerHelloDone` was seen: the handshake is a full one.
    done: bool,
    child: bool,
    /// Application data went by before the child stream was opened.
    missed: bool,
    decrypted: bool,
    turns: u8,
    turn: Direction,
    close: bool,
}

impl Dissector for Session {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let result = self.event(event, sink);
        for direction in Direction::BOTH {
            self.tell(direction, sink);
        }
        result
    }
}

impl Session {
    fn half(&mut self, direction: Direction) -> &mut Half {
        direction.of_mut(&mut self.halves)
    }

    fn event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => {
                let half = self.half(chunk.direction);
                half.assembler.feed(&chunk, &mut half.queue)?;
                self.drain(chunk.direction, sink)
            }
            StreamEvent::Gap { direction, at, len, why, .. } => {
                let half = self.half(direction);
                half.gone = true;
                half.assembler.gap(at, len, why, &mut half.queue);
                self.drain(direction, sink)
            }
            StreamEvent::End { direction, at } => {
                let half = self.half(direction);
                half.assembler.finish(at, &mut half.queue);
                half.queue.push_back(Piece::End(at));
                half.gone = true;
                self.drain(direction, sink)
            }
            StreamEvent::Close { at, how } => {
                self.close = true;
                for direction in Direction::BOTH {
                    let half = self.half(direction);
                    half.assembler.finish(at, &mut half.queue);
                }
                let result = self.drain(Direction::ToServer, sink);
                self.flush_run(Direction::ToServer, sink);
                self.flush_run(Direction::ToClient, sink);
                if self.child {
                    self.child = false;
                    sink.close(CHILD, at, how);
                } else if how == Ending::CaptureEnd && !self.missed && self.client.is_some() {
                    // Whatever the client wanted to say, it was about to.
                    sink.blind(Blind::Truncated, Direction::ToServer, 0, "the capture ends during the handshake");
                }
                result
            }
        }
    }

    /// Handles what is queued, in either direction, until both have to wait.
    fn drain(&mut self, first: Direction, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let mut direction = first;
        let mut idle = 0_u8;
        while idle < 2 {
            idle = if self.drain_one(direction, sink)? { 0 } else { idle.saturating_add(1) };
            direction = direction.reverse();
        }
        Ok(())
    }

    fn drain_one(&mut self, direction: Direction, sink: &mut Sink<'_>) -> Result<bool, Malformed> {
        let mut moved = false;
        while let Some(front) = self.half(direction).queue.front() {
            if let Piece::Record(record) = front {
                let (kind, len) = (record.kind, record.body.len());
                if self.must_wait(direction, kind, len) {
                    if self.half(direction).assembler.waiting <= TLS_HELD_BYTES {
                        break;
                    }
                    // Waited for too long: goes on with what is known.
                    self.half(direction.reverse()).gone = true;
                }
            }
            let Some(piece) = self.half(direction).queue.pop_front() else { break };
            moved = true;
            match piece {
                Piece::Record(record) => {
                    let assembler = &mut self.half(direction).assembler;
                    assembler.waiting = assembler.waiting.saturating_sub(record.body.len().saturating_add(RECORD));
                    self.record(direction, record, sink)?;
                }
                Piece::Lost { at, bytes, unread, why } => self.lost(direction, at, bytes, unread, why, sink),
                Piece::End(at) => self.end(direction, at, sink),
            }
        }
        Ok(moved)
    }

    /// Whether a record cannot be understood before the other direction has said more.
    fn must_wait(&mut self, direction: Direction, kind: u8, len: usize) -> bool {
        if self.close || self.half(direction.reverse()).gone {
            return false;
        }
        match direction {
            Direction::ToClient if self.client.is_none() => self.from_start,
            Direction::ToServer if self.client.is_some() && self.server.is_none() => {
                matches!(kind, CHANGE_CIPHER_SPEC | APPLICATION_DATA)
            }
            // A hello of the server's after the handshake answers a renegotiation. Inside protection it looks like any
            // handshake message, but for being longer than a HelloRequest can be.
            Direction::ToClient
                if kind == HANDSHAKE
                    && matches!(self.half(direction).guard, Guard::Legacy(_))
                    && self.half(direction).changed
                    && capacity(self.suite(), self.version(), len, Bound::Lower) >= 24 =>
            {
                self.next.is_none()
            }
            _ if kind != CHANGE_CIPHER_SPEC || self.version() == Some(0x0304) => false,
            // A full handshake changes the client's keys first, a resumed one the server's.
            Direction::ToServer if self.next.is_some() => true,
            Direction::ToServer => self.server.is_some() && !self.done && !self.half(Direction::ToClient).changed,
            Direction::ToClient => self.done && !self.half(Direction::ToServer).changed,
        }
    }

    fn is_ladder(&mut self, direction: Direction) -> bool {
        matches!(self.half(direction).guard, Guard::Ladder(_))
    }

    fn version(&self) -> Option<u16> {
        self.server.as_ref().map(|server| server.version)
    }

    fn suite(&self) -> Option<Suite> {
        self.server.as_ref().map(|server| Suite::of(server.suite))
    }

    fn record(&mut self, direction: Direction, mut record: Record, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let missing: usize = record.holes.iter().map(|(from, to, _)| to.saturating_sub(*from)).sum();
        let on_wire = record.body.len().saturating_sub(missing).saturating_add(HEADER) as u64;
        let secret = self.suite().is_none_or(|suite| suite.is_secret());
        let clear = !secret && record.kind == APPLICATION_DATA;
        sink.wire(if clear { Opacity::Plaintext } else { Opacity::Encrypted }, on_wire);
        let protected = !matches!(self.half(direction).guard, Guard::Clear);
        if !protected && missing > 0 {
            let reason = if self.close { Blind::Truncated } else { Blind::Lost };
            self.blind(direction, reason, "part of a record".into(), record.body.len() as u64, sink);
        }
        match record.kind {
            // A header that lies about its length swallows what follows: no longer than it must be, or not at all.
            CHANGE_CIPHER_SPEC if (!protected || self.is_ladder(direction)) && record.body.len() != 1 => {
                return Err(Malformed::Illegal("change_cipher_spec"));
            }
            ALERT if (!protected || self.is_ladder(direction)) && record.body.len() != 2 => {
                return Err(Malformed::Illegal("alert"));
            }
            HANDSHAKE if self.is_ladder(direction) && record.body.first() != Some(&1) => {
                return Err(Malformed::Illegal("handshake record in clear"));
            }
            CHANGE_CIPHER_SPEC if !protected => {
                self.change(direction, sink);
                return Ok(());
            }
            HANDSHAKE if !protected => return self.handshake(direction, &record, false, sink),
            ALERT if !protected => {
                self.alert(direction, record.at, &record.body, sink);
                return Ok(());
            }
            APPLICATION_DATA if !protected => self.guess(direction, record.version, sink),
            _ if !protected => return Ok(()),
            _ => {}
        }
        if !record.holes.is_empty() {
            self.damaged(direction, &mut record, sink);
            return Ok(());
        }
        let len = record.body.len();
        let opened = match &mut self.half(direction).guard {
            Guard::Clear => return Ok(()),
            Guard::Ladder(_) if record.kind == CHANGE_CIPHER_SPEC => return Ok(()),
            Guard::Ladder(_) if record.kind == HANDSHAKE => return self.handshake(direction, &record, false, sink),
            Guard::Ladder(_) if record.kind == ALERT => {
                self.alert(direction, record.at, &record.body, sink);
                return Ok(());
            }
            Guard::Ladder(ladder) => ladder.open(record.kind, record.version, &mut record.body),
            Guard::Legacy(legacy) => legacy.open(record.kind, record.version, &mut record.body),
            Guard::Dark(..) => Err(Shut::NoKeys),
        };
        match opened {
            Ok(plain) => {
                if plain.kind == APPLICATION_DATA && self.suite().is_none_or(|suite| suite.is_secret()) {
                    // Counted as if it had stayed shut: having the keys must not make less of what travels sealed.
                    self.sealed(direction, capacity(self.suite(), self.version(), len, Bound::Lower), sink);
                }
                self.opened(direction, record, plain, sink)
            }
            Err(shut) => {
                self.shut(direction, record.kind, len, record.at, shut, sink);
                Ok(())
            }
        }
    }

    /// An authentic record.
    fn opened(
        &mut self,
        direction: Direction,
        mut record: Record,
        plain: Plain,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        match plain.kind {
            APPLICATION_DATA => {
                let to = plain.lead.saturating_add(record.body.len());
                let origins = if plain.lead == 0 && record.origins.len() == to {
                    std::mem::take(&mut record.origins)
                } else {
                    record.origins.slice(plain.lead, to)
                };
                self.application(direction, record.at, record.body, origins, sink);
                Ok(())
            }
            HANDSHAKE => self.handshake(direction, &record, true, sink),
            ALERT => {
                self.alert(direction, record.at, &record.body, sink);
                Ok(())
            }
            CHANGE_CIPHER_SPEC => {
                self.change(direction, sink);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A record that stays shut.
    fn shut(&mut self, direction: Direction, kind: u8, len: usize, at: Timestamp, shut: Shut, sink: &mut Sink<'_>) {
        let version = self.version();
        let bytes = capacity(self.suite(), version, len, Bound::Upper);
        let ladder = matches!(self.half(direction).guard, Guard::Ladder(_));
        if ladder || version == Some(0x0304) {
            self.count_turn(direction);
        }
        // Below TLS 1.3, Finished and alerts are told apart by their type: nothing of the app's is lost with them.
        // But where there are keys, what they do not open may be anything.
        if kind != APPLICATION_DATA && shut == Shut::NoKeys {
            return;
        }
        let (why, detail) = match (&self.half(direction).guard, shut) {
            (Guard::Dark(why, detail), _) => (*why, detail.clone()),
            (_, Shut::NoKeys) => (Blind::NoKeys, self.missing_secret(sink)),
            (_, Shut::WrongKeys) => (Blind::WrongKeys, "the key log's secret does not open this session".into()),
            (_, Shut::Damaged) => (Blind::Malformed, "a record fails authentication".into()),
        };
        self.blind(direction, why, detail, bytes, sink);
        if self.child {
            sink.gap(CHILD, direction, at, bytes, Lost::NotCaptured);
        }
        // Alerts, key updates and EndOfEarlyData are this short in TLS 1.3; not much of the app's would be.
        let short = ladder && bytes <= 5;
        if (!ladder || self.is_application(direction, len)) && !short && kind == APPLICATION_DATA {
            self.missed = true;
            self.sealed(direction, capacity(self.suite(), version, len, Bound::Lower), sink);
        }
    }

    /// Why there is no key, in words.
    fn missing_secret(&self, sink: &Sink<'_>) -> Cow<'static, str> {
        sink.secrets().why_none(self.client.as_ref().map(|client| &client.random)).into()
    }

    /// Counts how often the client took its turn after the server, over protected records.
    fn count_turn(&mut self, direction: Direction) {
        if direction == Direction::ToServer && self.turn == Direction::ToClient {
            self.turns = self.turns.saturating_add(1);
        }
        self.turn = direction;
    }

    /// Whether a record of TLS 1.3 that stays shut is surely application data rather than handshake.
    ///
    /// Both look alike from outside. A client's handshake ends with `Finished`, whose record has a known length; after
    /// it, everything is application data but for tickets and key updates. A client that sent a certificate in the same
    /// record is only believed once it has taken its third turn. Both err towards "handshake", never the other way.
    fn is_application(&mut self, direction: Direction, len: usize) -> bool {
        let suite = self.suite();
        let turns = self.turns;
        let half = self.half(direction);
        if let Guard::Ladder(ladder) = &half.guard
            && matches!(ladder.epoch(), Epoch::Application(_))
        {
            return true;
        }
        if half.changed || turns >= 3 {
            return true;
        }
        let finished = suite.map_or(0, |suite| {
            let tag = match suite.cipher {
                Cipher::Aead(algorithm) => algorithm.tag_len(),
                _ => 16,
            };
            suite.hash.size().saturating_add(5).saturating_add(tag)
        });
        half.changed = len == finished;
        if direction == Direction::ToClient && turns >= 1 {
            half.changed = true;
        }
        false
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
                Some(0x0301) => "tls1.0",
                Some(0x0302) => "tls1.1",
                Some(0x0303) => "tls1.2",
                _ => "tls1.3",
            };
            sink.open(
                CHILD,
                Child {
                    layer: Layer { name: name.to_owned(), secure: secret, opened: secret },
                    datagrams: false,
                    hint: self.alpn.as_deref().map(hello::alpn_text),
                    host: self.client.as_ref().and_then(ClientHello::server_name),
                    from_start: self.server.is_some() && !self.missed,
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
            self.end(direction, at, sink);
        } else if level == 2 {
            let from = if direction == Direction::ToServer { "client" } else { "server" };
            sink.fact("tls.alert", format!("{from}: {}", hello::alert_name(code)));
        }
    }
}
