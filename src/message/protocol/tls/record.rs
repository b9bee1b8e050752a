//! The record layer: bytes of one direction → records, whatever the segments cut and the capture lost.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Malformed};
use crate::model::origin::Origins;
use crate::model::stream::{Chunk, Lost};
use crate::model::time::Timestamp;
use std::collections::VecDeque;

/// `change_cipher_spec`.
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
/// `alert`.
pub(super) const ALERT: u8 = 21;
/// `handshake`.
pub(super) const HANDSHAKE: u8 = 22;
/// `application_data`.
pub(super) const APPLICATION_DATA: u8 = 23;
/// `heartbeat` (RFC 6520).
pub(super) const HEARTBEAT: u8 = 24;

/// Bytes of a record header.
pub(super) const HEADER: usize = 5;
/// Bytes a record may hold: 2^14 of plaintext, and as much overhead as any version allows.
pub(super) const MAX_BODY: usize = 16_384 + 2_048;

/// What a waiting record takes beside its body, about.
pub(super) const RECORD: usize = 128;
/// Bytes of a record that must be there before room is made for the rest that its header claims.
const EARNED: usize = 4_096;

/// One record.
#[derive(Debug)]
pub(super) struct Record {
    /// When its last byte was captured.
    pub(super) at: Timestamp,
    /// Content type, as its header says.
    pub(super) kind: u8,
    /// Version, as its header says.
    pub(super) version: u16,
    /// What is behind the header; zeros where bytes are lost.
    pub(super) body: Vec<u8>,
    /// The frames that carried `body`.
    pub(super) origins: Origins,
    /// Ranges of `body` that are lost, ascending, with the reason.
    pub(super) holes: Vec<(usize, usize, Lost)>,
}

/// What comes out of the record layer.
#[derive(Debug)]
pub(super) enum Piece {
    /// A record.
    Record(Record),
    /// An unknown number of records is lost. `bytes`: how many of the stream, as far as known; `unread`: bytes that are
    /// in the capture and could not be told apart.
    Lost { at: Timestamp, bytes: u64, unread: u64, why: Lost },
    /// This direction ended.
    End(Timestamp),
}

/// A record header, if these bytes can be one.
pub(super) fn header(bytes: &[u8]) -> Option<(u8, u16, usize)> {
    let mut cursor = Cursor::new(bytes);
    let kind = cursor.u8("content type").ok()?;
    let version = cursor.u16("record version").ok()?;
    let len = usize::from(cursor.u16("record length").ok()?);
    let fine =
        (CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&kind) && (0x0300..=0x0304).contains(&version) && len <= MAX_BODY;
    fine.then_some((kind, version, len))
}

/// Looks for a record boundary after a loss.
#[derive(Debug)]
struct Search {
    bytes: Vec<u8>,
    origins: Origins,
    lost: u64,
    unread: u64,
    at: Timestamp,
    why: Lost,
}

/// Makes records out of one direction of a stream.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    head: [u8; HEADER],
    have: usize,
    partial: Option<(usize, Record)>,
    search: Option<Search>,
    version: Option<u16>,
    /// Bytes of records put out and not taken yet; whoever takes one subtracts it.
    pub(super) waiting: usize,
}

impl Assembler {
    fn put(&mut self, record: Record, out: &mut VecDeque<Piece>) {
        self.waiting = self.waiting.saturating_add(record.body.len().saturating_add(RECORD));
        out.push_back(Piece::Record(record));
    }

    /// Takes bytes and puts the records they complete into `out`.
    pub(super) fn feed(&mut self, chunk: &Chunk<'_>, out: &mut VecDeque<Piece>) -> Result<(), Malformed> {
        let Some(search) = &mut self.search else { return self.take(chunk.at, chunk.bytes, &chunk.origins, out) };
        search.bytes.extend_from_slice(chunk.bytes);
        search.origins.append(&chunk.origins);
        search.at = chunk.at;
        self.look(false, out)
    }

    /// Bytes are lost: `len` of them, 0 if that is not known.
    pub(super) fn gap(&mut self, at: Timestamp, len: u64, why: Lost, out: &mut VecDeque<Piece>) {
        if let Some(search) = &mut self.search {
            search.unread = search.unread.saturating_add(search.bytes.len() as u64);
            search.lost = search.lost.saturating_add(len);
            search.bytes.clear();
            search.origins.clear();
            return;
        }
        let mut left = len;
        if let Some((wanted, mut record)) = self.partial.take() {
            let missing = wanted.saturating_sub(record.body.len());
            // A gap of unknown length takes the rest of the record with it.
            let hole = usize::try_from(len).ok().filter(|&len| len > 0).unwrap_or(missing).min(missing);
            punch(&mut record, hole, why);
            record.at = at;
            if hole < missing {
                self.partial = Some((wanted, record));
                return;
            }
            self.put(record, out);
            left = len.saturating_sub(hole as u64);
            if left == 0 && len > 0 {
                return;
            }
        }
        let unread = self.have as u64;
        self.have = 0;
        self.search = Some(Search { bytes: Vec::new(), origins: Origins::new(), lost: left, unread, at, why });
    }

    /// Nothing more will come: gives up what is unfinished.
    pub(super) fn finish(&mut self, at: Timestamp, out: &mut VecDeque<Piece>) {
        if self.search.is_some() {
            // The last record has no successor to vouch for it; its length must then end where the stream does.
            let _ = self.look(true, out);
        }
        if let Some(search) = self.search.take() {
            let unread = search.unread.saturating_add(search.bytes.len() as u64);
            out.push_back(Piece::Lost { at: search.at, bytes: search.lost, unread, why: search.why });
        }
        if let Some((wanted, mut record)) = self.partial.take() {
            let missing = wanted.saturating_sub(record.body.len());
            punch(&mut record, missing, Lost::NotCaptured);
            self.put(record, out);
        } else if self.have > 0 {
            out.push_back(Piece::Lost { at, bytes: 0, unread: self.have as u64, why: Lost::NotCaptured });
        }
        self.have = 0;
    }

    fn take(
        &mut self,
        at: Timestamp,
        mut bytes: &[u8],
        origins: &Origins,
        out: &mut VecDeque<Piece>,
    ) -> Result<(), Malformed> {
        let mut done = 0_usize;
        while !bytes.is_empty() {
            let Some((wanted, record)) = &mut self.partial else {
                let room = self.head.get_mut(self.have..).unwrap_or_default();
                let count = room.len().min(bytes.len());
                let (now, later) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
                for (to, from) in room.iter_mut().zip(now) {
                    *to = *from;
                }
                self.have = self.have.saturating_add(count);
                done = done.saturating_add(count);
                bytes = later;
                if self.have == HEADER {
                    let (kind, version, len) = header(&self.head).ok_or(Malformed::Illegal("TLS record header"))?;
                    self.have = 0;
                    self.version = Some(version);
                    let record =
                        Record { at, kind, version, body: Vec::new(), origins: Origins::new(), holes: Vec::new() };
                    if len == 0 {
                        self.put(record, out);
                    } else {
                        self.partial = Some((len, record));
                    }
                }
                continue;
            };
            let count = wanted.saturating_sub(record.body.len()).min(bytes.len());
            let (now, later) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
            // Made room for at once where it is there, or well begun: a length alone is a claim.
            let begun = record.body.len() >= EARNED;
            record.body.reserve_exact(if begun {
                wanted.saturating_sub(record.body.len())
            } else {
                count.max(EARNED.min(*wanted))
            });
            record.body.extend_from_slice(now);
            record.origins.append(&origins.slice(done, done.saturating_add(count)));
            record.at = at;
            done = done.saturating_add(count);
            bytes = later;
            if record.body.len() >= *wanted
                && let Some((_, record)) = self.partial.take()
            {
                self.put(record, out);
            }
        }
        Ok(())
    }

    /// Looks for a header whose record is followed by another header (or, when `last`, by the end of the stream).
    fn look(&mut self, last: bool, out: &mut VecDeque<Piece>) -> Result<(), Malformed> {
        let Some(search) = &mut self.search else { return Ok(()) };
        let version = self.version;
        let plausible = |bytes: &[u8]| header(bytes).filter(|&(_, v, _)| version.is_none_or(|known| known == v));
        let mut at = 0_usize;
        let mut found = false;
        while let Some(rest) = search.bytes.get(at..) {
            if rest.len() < HEADER {
                break;
            }
            if let Some((_, _, len)) = plausible(rest) {
                let next = rest.get(HEADER.saturating_add(len)..);
                match next {
                    Some([]) if last => found = true,
                    Some(next) if next.len() >= HEADER => found = plausible(next).is_some(),
                    // Cannot be told yet.
                    _ if !last => break,
                    _ => {}
                }
            }
            if found {
                break;
            }
            at = at.saturating_add(1);
        }
        search.bytes.drain(..at.min(search.bytes.len()));
        search.origins.drop_front(at);
        search.unread = search.unread.saturating_add(at as u64);
        if !found {
            return Ok(());
        }
        let Some(search) = self.search.take() else { return Ok(()) };
        out.push_back(Piece::Lost { at: search.at, bytes: search.lost, unread: search.unread, why: search.why });
        self.take(search.at, &search.bytes, &search.origins, out)
    }
}

/// Fills the next `len` bytes of `record` with a hole.
fn punch(record: &mut Record, len: usize, why: Lost) {
    let from = record.body.len();
    let to = from.saturating_add(len);
    if len == 0 {
        return;
    }
    record.body.resize(to, 0);
    // Nobody carried these; the number only keeps the lengths aligned.
    record.origins.push(len, record.origins.first().unwrap_or_default());
    record.holes.push((from, to, why));
}
