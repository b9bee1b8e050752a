//! How packets travel from the reader to a worker: many in one allocation that goes back and forth.

use crate::model::account::Account;
use crate::model::message::Message;
use crate::model::origin::{FrameNo, Run};
use crate::model::packet::{Endpoint, Packet, Segment, TcpFlags};
use crate::model::record::{Record, Standing};
use crate::model::time::Timestamp;

/// Packets, copied out of the reader's buffer, in file order.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    heads: Vec<Head>,
    /// Number, line, whether whole, standing and length of records; a source yields either them or frames.
    records: Vec<(u64, FrameNo, bool, Standing, usize)>,
    /// Messages of sources that know messages.
    pub(super) messages: Vec<Message>,
    /// Conversations as sources tell them that know conversations.
    pub(super) accounts: Vec<Account>,
}

struct Head {
    frame: FrameNo,
    at: Timestamp,
    src: Endpoint,
    dst: Endpoint,
    kind: Kind,
    start: usize,
    end: usize,
    /// Runs of a payload that came in fragments; empty for nearly every packet.
    parts: Vec<Run>,
}

enum Kind {
    Tcp { seq: u32, ack: u32, flags: TcpFlags, urgent: u16, missing: u32 },
    Udp { missing: u32 },
    Other { protocol: u8 },
}

impl Batch {
    /// Payload bytes after which a batch is sent on.
    pub(super) const FULL: usize = 512 << 10;
    /// Packets after which a batch is sent on.
    pub(super) const MANY: usize = 4096;

    pub(super) fn push(&mut self, packet: &Packet<'_>) {
        let (kind, payload) = match packet.segment {
            Segment::Tcp { seq, ack, flags, urgent, payload, missing } => {
                (Kind::Tcp { seq, ack, flags, urgent, missing }, payload)
            }
            Segment::Udp { payload, missing } => (Kind::Udp { missing }, payload),
            Segment::Other { protocol, payload } => (Kind::Other { protocol }, payload),
        };
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        let end = self.bytes.len();
        self.heads.push(Head {
            frame: packet.frame,
            at: packet.at,
            src: packet.src,
            dst: packet.dst,
            kind,
            start,
            end,
            parts: packet.parts.to_vec(),
        });
    }

    /// A record, copied out of the reader's buffer.
    pub(super) fn push_record(&mut self, record: &Record<'_>) {
        self.bytes.extend_from_slice(record.bytes);
        self.records.push((record.number, record.line, record.whole, record.standing, record.bytes.len()));
    }

    pub(super) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let mut rest = self.bytes.as_slice();
        self.records.iter().map(move |(number, line, whole, standing, len)| {
            let (bytes, tail) = rest.split_at_checked(*len).unwrap_or_default();
            rest = tail;
            Record { number: *number, line: *line, bytes, whole: *whole, kind: 0, standing: *standing }
        })
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= Self::FULL
            || self.heads.len() >= Self::MANY
            || self.records.len() >= Self::MANY
            || self.messages.len() >= 16
            || self.accounts.len() >= 16
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty() && self.records.is_empty() && self.messages.is_empty() && self.accounts.is_empty()
    }

    pub(super) fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.heads.iter().map(|head| {
            let payload = self.bytes.get(head.start..head.end).unwrap_or_default();
            let segment = match head.kind {
                Kind::Tcp { seq, ack, flags, urgent, missing } => {
                    Segment::Tcp { seq, ack, flags, urgent, payload, missing }
                }
                Kind::Udp { missing } => Segment::Udp { payload, missing },
                Kind::Other { protocol } => Segment::Other { protocol, payload },
            };
            Packet { frame: head.frame, at: head.at, src: head.src, dst: head.dst, segment, parts: &head.parts }
        })
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.heads.clear();
        self.records.clear();
        self.messages.clear();
        self.accounts.clear();
    }
}
