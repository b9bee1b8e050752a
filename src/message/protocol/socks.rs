//! SOCKS 4, 4a and 5 (RFC 1928, RFC 1929): who asks for what, with which password; what goes through is a stream of its own.

use crate::bytes::{Buffer, Malformed, Match};
use crate::message::raw::lost;
use crate::message::sink::{Child, ChildId, Draft};
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::budget::PART_PIECE;
use crate::model::message::{Part, PartKind};
use crate::model::opacity::Opacity;
use crate::model::stream::{Direction, Ending, Layer, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "socks",
    about: "SOCKS 4, 4a and 5 with passwords; the tunnel is read like any stream",
    probe,
    start: |meta| Box::new(Socks::new(meta)),
    samples: SAMPLES,
};

const SAMPLES: &[Sample] = &[Sample {
    name: "version 5 with a password, and HTTP inside",
    to_server: b"\x05\x01\x02\x01\x03ann\x04dusk\x05\x01\x00\x03\x0capi.example.\x00\x50POST /send HTTP/1.1\r\nHost: api.example\r\nContent-Length: 15\r\n\r\nThe heron lands",
    to_client: b"\x05\x02\x01\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50HTTP/1.1 204 No Content\r\n\r\n",
    shows: "dusk",
}];

/// The tunnel.
const TUNNEL: ChildId = 0;

fn probe(peek: &Peek<'_>) -> Match {
    if peek.meta.datagrams {
        return Match::No;
    }
    match peek.to_server {
        [] => Match::NeedMore,
        // Version 5: so many methods, each once, and the server picks one of them.
        [5, count @ 1..=8, methods @ ..] => {
            let count = usize::from(*count);
            let known = methods.iter().take(count).all(|method| matches!(method, 0..=9 | 0x80..=0xfe));
            if !known {
                return Match::No;
            }
            match peek.to_client {
                [] if methods.len() >= count || peek.to_server.len() < 3 => Match::NeedMore,
                [] => Match::NeedMore,
                [5] => Match::NeedMore,
                [5, picked, ..] if *picked == 0xff || methods.iter().take(count).any(|method| method == picked) => {
                    Match::Certain
                }
                _ => Match::No,
            }
        }
        [5] => Match::NeedMore,
        // Version 4: a command, a port, an address, a name.
        [4, 1 | 2, _, _, _, _, _, _, ..] => match peek.to_client {
            [] => Match::NeedMore,
            [0] => Match::NeedMore,
            [0, 0x5a..=0x5d, ..] => Match::Certain,
            _ => Match::No,
        },
        [4] | [4, 1 | 2, ..] if peek.to_server.len() < 8 => Match::NeedMore,
        _ => Match::No,
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// The client's greeting, or the server's pick.
    Greeting,
    /// A user name and a password, or the answer to them.
    Password,
    /// What is asked for, or the answer.
    Request,
    /// What goes through.
    Tunnel,
    /// Nothing that can be told.
    Lost,
}

struct Socks {
    meta: StreamMeta,
    sides: [Side; 2],
    /// The method that the server picked; 0 until known.
    method: Option<u8>,
    target: Option<String>,
    open: bool,
}

struct Side {
    buffer: Buffer,
    state: State,
    at: Timestamp,
}

impl Socks {
    fn new(meta: &StreamMeta) -> Self {
        let side = || Side { buffer: Buffer::new(2 * PART_PIECE), state: State::Greeting, at: meta.at };
        Self { meta: meta.clone(), sides: [side(), side()], method: None, target: None, open: false }
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        direction.of_mut(&mut self.sides)
    }

    fn take(&mut self, direction: Direction, len: usize) {
        self.side(direction).buffer.consume(len);
    }

    fn tunnel(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        if !std::mem::replace(&mut self.open, true) {
            let layer = Layer { name: "socks".to_owned(), secure: false, opened: false };
            let host = self.target.clone().or_else(|| self.meta.host.clone());
            sink.open(TUNNEL, Child { layer, datagrams: false, hint: None, host, from_start: true });
        }
        self.side(direction).state = State::Tunnel;
    }

    fn step(&mut self, direction: Direction, sink: &mut Sink<'_>) -> Result<bool, Malformed> {
        let method = self.method;
        let side = self.side(direction);
        let held = side.buffer.bytes().to_vec();
        let at = side.at;
        if held.is_empty() {
            return Ok(false);
        }
        if side.state == State::Tunnel {
            let origins = side.buffer.origins(0, held.len());
            side.buffer.consume(held.len());
            sink.data(TUNNEL, direction, at, held, origins);
            return Ok(true);
        }
        if direction == Direction::ToServer { self.asks(&held, method, at, sink) } else { self.answers(&held, sink) }
    }

    /// What the client sends before the tunnel.
    fn asks(&mut self, held: &[u8], method: Option<u8>, at: Timestamp, sink: &mut Sink<'_>) -> Result<bool, Malformed> {
        const UP: Direction = Direction::ToServer;
        let state = self.side(UP).state;
        match (state, held) {
            (State::Greeting, [4, ..]) => {
                let Some(end) = four(held) else { return Ok(false) };
                let (host, len) = end;
                self.request(held, host, len, at, sink);
                Ok(true)
            }
            (State::Greeting, [5, count, ..]) => {
                let len = usize::from(*count).saturating_add(2);
                if held.len() < len {
                    return Ok(false);
                }
                self.take(UP, len);
                // What comes next depends on the server's pick, and shows by its first byte.
                self.side(UP).state = State::Password;
                Ok(true)
            }
            (State::Password, [1, rest @ ..]) if method != Some(0) => {
                let Some((name, after)) = counted(rest) else { return Ok(false) };
                let Some((word, _)) = counted(after) else { return Ok(false) };
                let start = 2_usize.saturating_add(name.len()).saturating_add(1);
                let end = start.saturating_add(word.len());
                let side = self.side(UP);
                let name_part = Part::header(
                    "user-name",
                    name.to_vec(),
                    side.buffer.origins(2, 2_usize.saturating_add(name.len())),
                );
                let word_part = Part::header("authorization", word.to_vec(), side.buffer.origins(start, end));
                let host = self.meta.host.clone();
                let parts = vec![name_part, word_part];
                sink.message(Draft { direction: UP, at, label: "authenticate".to_owned(), host, parts, whole: true });
                self.take(UP, end);
                self.side(UP).state = State::Request;
                Ok(true)
            }
            (State::Password | State::Request, [5, _, 0, ..]) => {
                let Some((host, len)) = five(held)? else { return Ok(false) };
                self.request(held, host, len, at, sink);
                Ok(true)
            }
            (_, bytes) if bytes.len() < 3 => Ok(false),
            _ => Err(Malformed::Illegal("SOCKS request")),
        }
    }

    fn request(&mut self, held: &[u8], host: String, len: usize, at: Timestamp, sink: &mut Sink<'_>) {
        const UP: Direction = Direction::ToServer;
        let what = match held.get(1) {
            Some(1) => "CONNECT",
            Some(2) => "BIND",
            _ => "UDP ASSOCIATE",
        };
        let origins = self.side(UP).buffer.origins(0, len);
        let frame = origins.first().unwrap_or_default();
        let carried = crate::model::origin::Origins::one(host.len(), frame);
        let part = Part::new(PartKind::Path, host.clone().into_bytes(), carried);
        let label = format!("{what} {host}");
        sink.message(Draft { direction: UP, at, label, host: Some(host.clone()), parts: vec![part], whole: true });
        self.target = Some(host);
        self.take(UP, len);
        self.tunnel(UP, sink);
    }

    /// What the server answers before the tunnel.
    fn answers(&mut self, held: &[u8], sink: &mut Sink<'_>) -> Result<bool, Malformed> {
        const DOWN: Direction = Direction::ToClient;
        match (self.side(DOWN).state, held) {
            (State::Greeting, [0, _, ..]) => {
                if held.len() < 8 {
                    return Ok(false);
                }
                self.take(DOWN, 8);
                self.tunnel(DOWN, sink);
                Ok(true)
            }
            (State::Greeting, [5, method, ..]) => {
                self.method = Some(*method);
                self.take(DOWN, 2);
                self.side(DOWN).state = if *method == 2 { State::Password } else { State::Request };
                Ok(true)
            }
            (State::Password, [1, _, ..]) => {
                self.take(DOWN, 2);
                self.side(DOWN).state = State::Request;
                Ok(true)
            }
            (State::Request, [5, _, 0, ..]) => {
                let Some((_, len)) = five(held)? else { return Ok(false) };
                self.take(DOWN, len);
                self.tunnel(DOWN, sink);
                Ok(true)
            }
            (_, bytes) if bytes.len() < 3 => Ok(false),
            _ => Err(Malformed::Illegal("SOCKS reply")),
        }
    }
}

/// Bytes with their count in front, and what follows.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*count))
}

/// A request or reply of version 5: its address, and its length; `None` if not all of it is there.
fn five(held: &[u8]) -> Result<Option<(String, usize)>, Malformed> {
    let Some(kind) = held.get(3) else { return Ok(None) };
    let rest = held.get(4..).unwrap_or_default();
    let (host, len) = match kind {
        1 => match rest.first_chunk::<4>() {
            Some(address) => (Ipv4Addr::from(*address).to_string(), 4_usize),
            None => return Ok(None),
        },
        4 => match rest.first_chunk::<16>() {
            Some(address) => (Ipv6Addr::from(*address).to_string(), 16),
            None => return Ok(None),
        },
        3 => match counted(rest) {
            Some((name, _)) => {
                (String::from_utf8_lossy(name).trim_end_matches('.').to_owned(), name.len().saturating_add(1))
            }
            None => return Ok(None),
        },
        _ => return Err(Malformed::Illegal("SOCKS address type")),
    };
    let len = len.saturating_add(6);
    Ok((held.len() >= len).then_some((host, len)))
}

/// A request of version 4 or 4a.
fn four(held: &[u8]) -> Option<(String, usize)> {
    let address = held.get(4..8)?.first_chunk::<4>()?;
    let name = held.get(8..)?;
    let user = memchr::memchr(0, name)?;
    let after = 8_usize.saturating_add(user).saturating_add(1);
    // 4a: an address that cannot be stands for a name that follows.
    if matches!(address, [0, 0, 0, 1..=255]) {
        let host = held.get(after..)?;
        let end = memchr::memchr(0, host)?;
        let text = String::from_utf8_lossy(host.get(..end)?).into_owned();
        return Some((text, after.saturating_add(end).saturating_add(1)));
    }
    Some((Ipv4Addr::from(*address).to_string(), after))
}

impl Dissector for Socks {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => {
                let direction = chunk.direction;
                let side = self.side(direction);
                side.at = chunk.at;
                match side.state {
                    State::Lost => {
                        sink.blind(
                            crate::model::flow::Blind::Lost,
                            direction,
                            chunk.bytes.len() as u64,
                            "SOCKS behind a loss",
                        );
                        return Ok(());
                    }
                    State::Tunnel => {}
                    _ => sink.wire(Opacity::Plaintext, chunk.bytes.len() as u64),
                }
                let mut from = 0_usize;
                for piece in chunk.bytes.chunks(PART_PIECE) {
                    let to = from.saturating_add(piece.len());
                    self.side(direction).buffer.push(piece, &chunk.origins.slice(from, to))?;
                    from = to;
                    while self.step(direction, sink)? {}
                }
            }
            StreamEvent::Gap { direction, at, len, why, .. } => {
                if self.side(direction).state == State::Tunnel {
                    sink.gap(TUNNEL, direction, at, len, why);
                } else {
                    self.side(direction).state = State::Lost;
                    let spot = lost(direction, len, why);
                    sink.blind(spot.why, direction, len, spot.detail);
                }
            }
            StreamEvent::End { direction, at } => {
                if self.open && self.side(direction).state == State::Tunnel {
                    sink.end(TUNNEL, direction, at);
                }
            }
            StreamEvent::Close { at, how } => {
                if self.open {
                    sink.close(TUNNEL, at, how);
                } else if how != Ending::Clean {
                    sink.blind(
                        crate::model::flow::Blind::Truncated,
                        Direction::ToServer,
                        0,
                        "a SOCKS exchange is cut short",
                    );
                }
            }
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.sides.iter().map(|side| side.buffer.len()).sum()
    }
}
