//! mitmproxy's flow files: every conversation as the proxy read it, one typed netstring each. The format's version went
//! from the program's own (0.11 to 3.0) to a count of its own (4 and on); keys came, went and were renamed, and every name
//! that a value ever had is known here. What is missing is missing, and told.
//!
//! The proxy is a man in the middle: what it negotiated with the app and with the server are its own doings. They are
//! facts, and never a weakness of the app's; how well the app would have been protected without it is not in the file.
//! What the proxy changed, answered or replayed is told apart from what the app sent.
//!
//! Built against the files that mitmproxy 12, 8, 6, 4, 2 and 0.15 wrote (`crates/traffic/peers/mitmproxy.py`), and against its
//! own conversions of what is between them (`mitmproxy/io/compat.py`).
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod connection;
mod dns;
mod http;
#[cfg(test)]
mod tests;
mod tnetstring;

use crate::bytes::Match;
use crate::capture::{EvidenceKind, Format, Loss, Source, Stopped, Window};
use crate::model::account::{Account, Piece};
use crate::model::budget::BLOCK_BYTES;
use crate::model::item::Item;
use crate::model::origin::FrameNo;
use crate::model::stream::{Direction, Ending};
use crate::model::time::Timestamp;
use connection::Ends;
use http::Handshakes;
use tnetstring::Value;

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "mitmproxy",
    about: "mitmproxy flow file: HTTP, WebSocket, TCP, UDP and DNS, as the proxy in the middle read them",
    kind: EvidenceKind::Traffic,
    sniff,
    open,
    secrets: None,
};

/// Keys that flows of any version begin with.
const KEYS: &[&[u8]] = &[
    b"backup",
    b"client_conn",
    b"close_code",
    b"close_message",
    b"close_reason",
    b"close_sender",
    b"comment",
    b"error",
    b"id",
    b"intercepted",
    b"is_replay",
    b"marked",
    b"messages",
    b"metadata",
    b"mode",
    b"request",
    b"response",
    b"server_conn",
    b"timestamp_created",
    b"type",
    b"version",
    b"websocket",
];

fn sniff(head: &[u8]) -> Match {
    let Ok(Some((_, prefix))) = tnetstring::length(head) else { return Match::No };
    let inner = head.get(prefix..).unwrap_or_default();
    let Ok(Some((len, prefix))) = tnetstring::length(inner) else { return Match::No };
    let key = inner.get(prefix..prefix.saturating_add(len));
    let kind = inner.get(prefix.saturating_add(len));
    let known = key.is_some_and(|key| KEYS.contains(&key)) && matches!(kind, Some(b',' | b';'));
    if known { Match::Certain } else { Match::No }
}

#[expect(clippy::unnecessary_wraps, reason = "the registry's signature")]
fn open(window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    let flows = Flows { window, number: 0, handshakes: Handshakes::default(), loss: Loss::default(), held: 0 };
    Ok(Box::new(flows))
}

struct Flows {
    window: Window,
    number: FrameNo,
    handshakes: Handshakes,
    loss: Loss,
    /// Bytes of the record at hand, which still stand in the window.
    held: usize,
}

impl Source for Flows {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        loop {
            self.window.consume(std::mem::take(&mut self.held));
            let Some(size) = self.record()? else {
                let lost = self.handshakes.lost(&mut self.loss);
                return Ok(lost.map(|account| Item::Account(Box::new(account))));
            };
            self.held = size;
            self.number = self.number.saturating_add(1);
            let (number, offset) = (self.number, self.window.offset());
            let record = match tnetstring::parse(self.window.peek(size)) {
                Ok(record) if record.is_map() => record,
                Ok(_) => {
                    self.loss.record("unreadable flow", || format!("flow {number} at byte {offset}: it is no map"));
                    continue;
                }
                Err((at, why)) => {
                    let offset = offset.saturating_add(at as u64);
                    self.loss.record("unreadable flow", || format!("flow {number} at byte {offset}: {why}"));
                    continue;
                }
            };
            if let Some(account) = account(record, number, &mut self.handshakes, &mut self.loss) {
                return Ok(Some(Item::Account(Box::new(account))));
            }
        }
    }

    fn loss(&mut self) -> Loss {
        std::mem::take(&mut self.loss)
    }
}

impl Flows {
    /// Bytes of the next record, which then stands in the window; `None` behind the last.
    fn record(&mut self) -> Result<Option<usize>, Stopped> {
        let head = self.window.head(16);
        if head.is_empty() {
            return match self.window.broken() {
                Some(why) => Err(self.window.stopped(why)),
                None => Ok(None),
            };
        }
        let (len, prefix) = match tnetstring::length(head) {
            Ok(Some(length)) => length,
            Ok(None) => return Err(self.window.stopped("the flow file breaks off in the length of a flow")),
            Err(why) => return Err(self.window.stopped(format!("no flow where one should begin: {why}"))),
        };
        if len > BLOCK_BYTES {
            let why = format!("a flow claims {len} bytes, which is over its budget of {BLOCK_BYTES}");
            return Err(self.window.stopped(why));
        }
        let size = len.saturating_add(prefix).saturating_add(1);
        self.window.need(size, "a flow of the flow file")?;
        Ok(Some(size))
    }
}

/// What one record tells; `None` where it is of no concern.
fn account(record: Value<'_>, number: FrameNo, handshakes: &mut Handshakes, loss: &mut Loss) -> Option<Account> {
    let kind = record.get(&["type"]).and_then(Value::text);
    let kind = kind.unwrap_or_else(|| "http".to_owned());
    // What the app sent stands in the backup, where somebody changed it at the proxy.
    let sent = record.get(&["backup"]).filter(|backup| backup.is_map()).unwrap_or(record);
    if sent != record {
        loss.remark("flows were changed at the proxy; they are read as they were before");
    }
    let ends = Ends::of(record, number);
    let mut account = match kind.as_str() {
        "http" => http::account(record, sent, &ends, handshakes, loss)?,
        "websocket" => http::old_websocket(sent, &ends, handshakes, loss),
        "tcp" | "udp" => bytes(sent, &ends, loss),
        "dns" => dns::account(sent, &ends, loss),
        _ => {
            loss.record("flow of an unknown kind", || {
                let kind: String = kind.chars().filter(|c| !c.is_control()).take(40).collect();
                format!("flow {number}: it is of the kind \"{kind}\"")
            });
            return None;
        }
    };
    account.facts.extend(ends.facts());
    Some(account)
}

/// A flow whose protocol the proxy did not know: bytes, or datagrams.
fn bytes(record: Value<'_>, ends: &Ends, loss: &mut Loss) -> Account {
    let mut account = ends.account();
    for message in record.get(&["messages"]).into_iter().flat_map(Value::items) {
        let mut fields = message.items();
        match (fields.next(), fields.next().and_then(Value::bytes)) {
            (Some(from_client), Some(bytes)) => account.pieces.push(Piece {
                direction: direction(from_client),
                at: fields.next().map_or(account.meta.at, time),
                bytes: bytes.to_vec(),
            }),
            _ => loss.record("message left out of the flow file", || format!("flow {}: a message", ends.number)),
        }
    }
    account.ending = if ends.failed {
        Ending::Reset
    } else if ends.over {
        Ending::Clean
    } else {
        Ending::CaptureEnd
    };
    account
}

const fn direction(from_client: Value<'_>) -> Direction {
    if from_client.is_true() { Direction::ToServer } else { Direction::ToClient }
}

/// Seconds since the epoch, with a fraction: a float of this size holds microseconds.
fn time(value: Value<'_>) -> Timestamp {
    let seconds = value.number().unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, reason = "a float that is too large becomes the largest there is")]
    let micros = (seconds * 1e6).round() as i64;
    Timestamp(micros.saturating_mul(1_000))
}
