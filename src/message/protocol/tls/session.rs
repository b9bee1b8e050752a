//! One TLS session: follows the handshake, switches keys, and hands application data to the child stream.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Malformed};
use crate::message::handshake::hello::{self, ClientHello, ServerHello};
use crate::message::handshake::key_block::key_block;
use crate::message::handshake::protect::{Bound, Opener, Plain, Terms, capacity};
use crate::message::handshake::suite::{Cipher, Suite};
use crate::message::handshake::{certificate, ja4};
use crate::message::protocol::tls::keys::{Epoch, Ladder, Legacy, Shut};
use crate::message::protocol::tls::record::{
    ALERT, APPLICATION_DATA, Assembler, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER, Piece, RECORD, Record,
};
use crate::message::protocol::tls::rsa::Exchange;
use crate::message::sink::Child;
use crate::message::{Dissector, Sink};
use crate::model::budget::{TLS_HELD_BYTES, TLS_MESSAGE_BYTES};
use crate::model::flow::Blind;
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::stream::{Direction, Ending, Layer, Lost, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::borrow::Cow;
use std::collections::VecDeque;

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
        let [to_server, to_client] = &mut self.halves;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
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
        match &self.client {
            None => "the handshake is not in the capture".into(),
            Some(_) if sink.secrets().is_empty() => "no key log".into(),
            Some(client) if sink.secrets().knows(&client.random) => {
                "the key log lacks this session's traffic secrets".into()
            }
            Some(_) => "client random not in the key log".into(),
        }
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

    /// A record of which bytes are lost: what can be deciphered without its tag goes on, the rest is told.
    fn damaged(&mut self, direction: Direction, record: &mut Record, sink: &mut Sink<'_>) {
        let bytes = capacity(self.suite(), self.version(), record.body.len(), Bound::Upper);
        let Some(&(first_hole, _, why)) = record.holes.first() else { return };
        let opener = match &mut self.half(direction).guard {
            Guard::Ladder(ladder) if record.kind == APPLICATION_DATA => ladder.certain(),
            Guard::Legacy(legacy) => legacy.certain(),
            _ => None,
        };
        let mut read = 0_u64;
        let mut pieces = Vec::new();
        if let Some(opener) = opener {
            let seq = opener.seq;
            opener.seq = seq.saturating_add(1);
            if let Some((lead, end)) = opener.peek(seq, &mut record.body, first_hole) {
                let mut from = lead;
                for &(hole, after, why) in &record.holes {
                    pieces.push((from, hole.min(end), Some(why)));
                    from = after.max(from);
                }
                pieces.push((from, end, None));
            }
        }
        if record.kind != APPLICATION_DATA {
            // By its header no data of the app's; but a header that makes a record too long swallows what follows.
            let reason = if self.close { Blind::Truncated } else { Blind::Lost };
            self.blind(direction, reason, "part of a record".into(), bytes, sink);
            return;
        }
        if matches!(self.half(direction).guard, Guard::Ladder(_)) {
            trim13(&record.body, first_hole, &mut pieces);
        }
        for (from, to, then) in pieces {
            if from < to
                && let Some(piece) = record.body.get(from..to)
            {
                read = read.saturating_add(piece.len() as u64);
                let origins = record.origins.slice(from, to);
                self.application(direction, record.at, piece.to_vec(), origins, sink);
            }
            if let Some(why) = then
                && self.child
            {
                sink.gap(CHILD, direction, record.at, 0, why);
            }
        }
        if read == 0 && self.child {
            sink.gap(CHILD, direction, record.at, bytes, why);
        }
        let reason = if self.close && why == Lost::NotCaptured { Blind::Truncated } else { Blind::Lost };
        self.blind(direction, reason, "part of a record".into(), bytes.saturating_sub(read), sink);
    }

    fn lost(&mut self, direction: Direction, at: Timestamp, bytes: u64, unread: u64, why: Lost, sink: &mut Sink<'_>) {
        if unread > 0 {
            sink.wire(Opacity::Encrypted, unread);
        }
        let total = bytes.saturating_add(unread);
        let half = self.half(direction);
        half.gone = true;
        half.joiner = Joiner::default();
        match &mut half.guard {
            Guard::Ladder(ladder) => ladder.lose(if bytes == 0 { 0 } else { total }),
            Guard::Legacy(legacy) => legacy.lose(if bytes == 0 { 0 } else { total }),
            Guard::Clear | Guard::Dark(..) => {}
        }
        let reason = if self.close && bytes == 0 { Blind::Truncated } else { Blind::Lost };
        self.blind(direction, reason, "between records".into(), total, sink);
        if self.child {
            sink.gap(CHILD, direction, at, 0, why);
        } else if !matches!(self.half(direction).guard, Guard::Clear) {
            self.missed = true;
        }
    }

    fn end(&mut self, direction: Direction, at: Timestamp, sink: &mut Sink<'_>) {
        self.flush_run(direction, sink);
        let child = self.child;
        let half = self.half(direction);
        half.gone = true;
        if !half.ended && child {
            half.ended = true;
            sink.end(CHILD, direction, at);
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

    fn handshake(
        &mut self,
        direction: Direction,
        record: &Record,
        protected: bool,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        let joiner = &mut self.half(direction).joiner;
        let skip = joiner.skip.min(record.body.len());
        joiner.skip = joiner.skip.saturating_sub(skip);
        joiner.bytes.extend_from_slice(record.body.get(skip..).unwrap_or_default());
        if !record.holes.is_empty() {
            joiner.tainted = joiner.bytes.len();
        }
        loop {
            let joiner = &mut self.half(direction).joiner;
            let mut cursor = Cursor::new(&joiner.bytes);
            let (Ok(kind), Ok(len)) = (cursor.u8("handshake type"), cursor.u24("handshake length")) else { break };
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            if len > TLS_MESSAGE_BYTES {
                let total = len.saturating_add(4);
                joiner.skip = total.saturating_sub(joiner.bytes.len());
                joiner.bytes.drain(..total.min(joiner.bytes.len()));
                continue;
            }
            let Ok(body) = cursor.take(len, "handshake message") else { break };
            let body = body.to_vec();
            let used = cursor.position();
            let intact = joiner.tainted == 0;
            joiner.bytes.drain(..used);
            joiner.tainted = joiner.tainted.saturating_sub(used);
            if intact {
                self.message(direction, kind, &body, protected, sink)?;
            }
        }
        Ok(())
    }

    fn message(
        &mut self,
        direction: Direction,
        kind: u8,
        body: &[u8],
        protected: bool,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        let tls13 = self.version() == Some(0x0304);
        if !tls13 && sink.secrets().rsa().next().is_some() {
            self.exchange.message(direction == Direction::ToServer, kind, body);
        }
        match (direction, kind) {
            (Direction::ToServer, 1) if !tls13 => self.client_hello(ClientHello::parse(body)?, sink),
            (Direction::ToClient, 2) if !tls13 => self.server_hello(ServerHello::parse(body)?, sink),
            (Direction::ToServer, 5) if tls13 && protected => self.advance(direction),
            (Direction::ToClient, 8) if tls13 => {
                if let Some(alpn) = hello::chosen_alpn(body) {
                    self.choose_alpn(alpn, sink);
                }
            }
            (_, 11) => {
                let chain = if tls13 { certificate::chain13(body) } else { certificate::chain12(body) };
                let name = match direction {
                    Direction::ToServer => "tls.client-certificate",
                    Direction::ToClient => "tls.certificate",
                };
                for der in chain.unwrap_or_default().into_iter().take(4) {
                    sink.fact(name, certificate::summary(der).unwrap_or_else(|| "unreadable".to_owned()));
                }
            }
            (Direction::ToClient, 12) if !tls13 => {
                // Only named curves say what they are; everything else is in the suite's name.
                if let [3, high, low, ..] = body
                    && self.suite().and_then(|suite| suite.key_exchange()).is_some_and(|kx| kx.starts_with("ECDHE"))
                {
                    sink.fact("tls.key-exchange", hello::group_name(u16::from_be_bytes([*high, *low])));
                }
            }
            (Direction::ToClient, 14) if !tls13 => self.done = true,
            (_, 20) if tls13 && protected => self.advance(direction),
            (_, 24) if tls13 && protected => {
                if let Guard::Ladder(ladder) = &mut self.half(direction).guard {
                    ladder.update();
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn advance(&mut self, direction: Direction) {
        if let Guard::Ladder(ladder) = &mut self.half(direction).guard {
            ladder.advance();
        }
    }

    fn choose_alpn(&mut self, alpn: Vec<u8>, sink: &mut Sink<'_>) {
        if !self.chosen_alpn {
            self.chosen_alpn = true;
            sink.fact("tls.alpn", hello::alpn_text(&alpn));
        }
        self.alpn = Some(alpn);
    }

    fn client_hello(&mut self, client: ClientHello, sink: &mut Sink<'_>) {
        // The second hello after a HelloRetryRequest repeats the first one's random.
        let known = self.next.as_ref().or(self.client.as_ref());
        if known.is_some_and(|known| known.random == client.random) {
            return;
        }
        if self.client.is_none() {
            if let Some(name) = client.server_name() {
                sink.fact("tls.sni", name.clone());
                sink.host(name, "sni");
            }
            sink.fact("tls.ja4", ja4::ja4('t', &client));
            if let Some(offer) = client.ech() {
                sink.fact("tls.ech", offer.says());
            }
            // Early data comes before the server can choose; with one offer there is nothing to choose.
            if let [only] = client.alpn().as_slice() {
                self.alpn = Some(only.clone());
            }
        }
        if self.server.is_some() {
            // Renegotiation: what was agreed before holds until the server answers.
            self.next = Some(client);
        } else {
            self.client = Some(client);
        }
    }

    fn server_hello(&mut self, server: ServerHello, sink: &mut Sink<'_>) {
        if server.is_retry() {
            return;
        }
        if let Some(next) = self.next.take() {
            self.client = Some(next);
            self.pending = None;
            self.done = false;
            for half in &mut self.halves {
                half.changed = false;
            }
        }
        let suite = Suite::of(server.suite);
        let name = hello::version_name(server.version);
        if server.version < 0x0303 {
            sink.weakness("tls.version", name, "transport below TLS 1.2");
        } else {
            sink.fact("tls.version", name);
        }
        match suite.weakness() {
            Some(why) => sink.weakness("tls.cipher-suite", suite.label(), why),
            None => sink.fact("tls.cipher-suite", suite.label()),
        }
        if let Some(alpn) = server.alpn() {
            self.choose_alpn(alpn, sink);
        }
        if server.version == 0x0304 {
            if let Some(group) = server.group() {
                sink.fact("tls.key-exchange", hello::group_name(group));
            }
            if server.extension(hello::EXT_PRE_SHARED_KEY).is_some() {
                sink.fact("tls.resumed", "true");
            }
        } else if let Some(kx) = suite.key_exchange()
            && !kx.starts_with("ECDHE")
        {
            sink.fact("tls.key-exchange", kx);
        }
        let tls13 = server.version == 0x0304;
        self.server = Some(server);
        if tls13 {
            for direction in Direction::BOTH {
                self.climb(direction, &[suite], sink);
            }
        }
    }

    /// TLS 1.3: from here on, records are protected.
    fn climb(&mut self, direction: Direction, suites: &[Suite], sink: &Sink<'_>) {
        let secrets = sink.secrets();
        let randoms: Vec<[u8; 32]> = match &self.client {
            Some(client) if secrets.knows(&client.random) || client.extension(hello::EXT_ECH).is_none() => {
                vec![client.random]
            }
            // The hello is lost, or it is the outer one and the key log names the inner one's random: any may be it.
            _ => secrets.with_label("CLIENT_TRAFFIC_SECRET_0").map(|(random, _)| *random).take(CANDIDATES).collect(),
        };
        let guard = match &self.client {
            None if randoms.is_empty() => Guard::Dark(Blind::HandshakeMissing, "no client hello in the capture".into()),
            _ if suites.iter().all(|suite| !matches!(suite.cipher, Cipher::Aead(_))) => {
                let names: Vec<String> = suites.iter().map(Suite::label).collect();
                Guard::Dark(Blind::Unsupported, names.join(", ").into())
            }
            client => {
                let offered = client.as_ref().is_some_and(|client| client.extension(hello::EXT_EARLY_DATA).is_some());
                let early = direction == Direction::ToServer && offered;
                let mut ladder = Ladder::new(direction, secrets, &randoms, suites, early);
                if client.as_ref().is_none_or(|client| !secrets.knows(&client.random)) {
                    ladder.guess();
                }
                Guard::Ladder(Box::new(ladder))
            }
        };
        self.half(direction).guard = guard;
    }

    /// A record of application data, and nothing has said how it is protected.
    fn guess(&mut self, direction: Direction, version: u16, sink: &mut Sink<'_>) {
        let tls13 = self.client.as_ref().is_some_and(|client| client.highest_version() == 0x0304);
        if self.server.is_some() && self.version() != Some(0x0304) {
            // The change of cipher is lost.
            self.change(direction, sink);
        } else if self.server.is_none() && tls13 {
            // The server's hello is lost, or not here yet: any suite the client offered will do.
            let offered: Vec<Suite> = self.client.as_ref().map_or_else(Vec::new, |client| {
                client.suites.iter().map(|&id| Suite::of(id)).filter(|suite| suite.id >> 8 == 0x13).collect()
            });
            self.climb(direction, &offered, sink);
        } else {
            if self.server.is_none() {
                // Records of TLS 1.2 and 1.3 carry the same version, those of older ones their own.
                match version {
                    0x0303 => sink.fact("tls.record.version", "TLS 1.2 or later, as its records say"),
                    old => sink.weakness("tls.record.version", hello::version_name(old), "transport below TLS 1.2"),
                }
            }
            let missing = Guard::Dark(Blind::HandshakeMissing, "the handshake is not in the capture".into());
            self.half(direction).guard = missing;
        }
    }

    /// Up to TLS 1.2: this direction changes to the keys agreed on.
    fn change(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let Some(server) = &self.server else {
            // TLS 1.3 sends this for old middleboxes' sake; else the handshake is missing, as application data will tell.
            return;
        };
        if server.version == 0x0304 {
            return;
        }
        if direction == Direction::ToClient && !self.done && self.pending.is_none() {
            sink.fact("tls.resumed", "true");
        }
        if self.pending.is_none() {
            self.pending = Some(self.agree(sink));
        }
        let next = match &mut self.pending {
            Some([to_server, to_client]) => {
                std::mem::take(if direction == Direction::ToServer { to_server } else { to_client })
            }
            None => return,
        };
        let half = self.half(direction);
        half.changed = true;
        if !matches!(next, Guard::Clear) {
            half.guard = next;
        }
    }

    /// Up to TLS 1.2: what protects both directions after the change.
    fn agree(&self, sink: &Sink<'_>) -> [Guard; 2] {
        let dark = |why: Blind, detail: Cow<'static, str>| [Guard::Dark(why, detail.clone()), Guard::Dark(why, detail)];
        let (Some(server), Some(suite)) = (&self.server, self.suite()) else {
            return dark(Blind::HandshakeMissing, "no server hello in the capture".into());
        };
        if server.version < 0x0301 || server.version > 0x0303 {
            return dark(Blind::Unsupported, hello::version_name(server.version).into());
        }
        if suite.cipher == Cipher::Unsupported {
            return dark(Blind::Unsupported, suite.label().into());
        }
        if server.compression != 0 {
            return dark(Blind::Unsupported, "TLS compression".into());
        }
        let terms = Terms {
            version: server.version,
            encrypt_then_mac: server.extension(hello::EXT_ENCRYPT_THEN_MAC).is_some(),
            truncated_hmac: server.extension(hello::EXT_TRUNCATED_HMAC).is_some(),
        };
        let Some(client) = &self.client else {
            return dark(Blind::HandshakeMissing, "no client hello in the capture".into());
        };
        let secrets = sink.secrets();
        let with_rsa = suite.key_exchange() == Some("RSA") && secrets.rsa().next().is_some();
        let master = secrets.tls(&client.random, "CLIENT_RANDOM").map(<[u8]>::to_vec).or_else(|| {
            let extended = server.extension(hello::EXT_EXTENDED_MASTER_SECRET).is_some();
            let randoms = [client.random.as_slice(), &server.random];
            let open = || self.exchange.master(secrets, suite, server.version, extended, randoms);
            with_rsa.then(open).flatten()
        });
        let keys = match master {
            Some(master) => key_block(suite, terms, &master, &client.random, &server.random),
            None if with_rsa && self.done => {
                return dark(Blind::WrongKeys, "no supplied RSA key opens the key exchange".into());
            }
            None if !suite.is_secret() => Default::default(),
            None => return dark(Blind::NoKeys, self.missing_secret(sink)),
        };
        keys.map(|keys| match Opener::tls12(suite, terms, &keys) {
            Some(opener) => Guard::Legacy(Box::new(Legacy::new(opener))),
            None => Guard::Dark(Blind::Unsupported, suite.label().into()),
        })
    }
}

/// Takes from the pieces of a TLS 1.3 record, of which bytes are lost, what is no content: padding and the type at its
/// end; all of them, if its front is a ticket or a key update.
fn trim13(body: &[u8], first_hole: usize, pieces: &mut Vec<(usize, usize, Option<Lost>)>) {
    if body.len() <= 2 + 1 + 16 {
        // No longer than an alert.
        pieces.clear();
        return;
    }
    if first_hole >= 4
        && let &[kind @ (4 | 24), a, b, c, ..] = body
    {
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        let room = body.len().saturating_sub(8 + 1 + 4);
        if len <= room && (kind == 4 || len == 1) {
            pieces.clear();
            return;
        }
    }
    // The shortest tag there is: CCM-8. A front this short may be a ticket's as well.
    pieces.retain(|&(from, ..)| from >= first_hole || first_hole >= 4);
    let Some((from, to, _)) = pieces.iter_mut().rfind(|(from, to, _)| from < to) else { return };
    let Some(text) = body.get(*from..*to) else { return };
    let content = text.iter().rposition(|&byte| byte != 0).map_or(0, |at| at.saturating_add(1));
    let ends_in_type = content.checked_sub(1).and_then(|at| text.get(at)) == Some(&APPLICATION_DATA);
    *to = from.saturating_add(if ends_in_type { content.saturating_sub(1) } else { content });
}
