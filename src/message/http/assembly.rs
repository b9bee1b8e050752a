//! An HTTP message on its way: its head is known, its body is still coming.

use crate::message::Sink;
use crate::message::sink::Draft;
use crate::model::budget::PART_OVERLAP;
use crate::model::message::{Part, PartKind};
use crate::model::origin::Origins;
use crate::model::stream::Direction;
use crate::model::time::Timestamp;

/// A message that is being put together. A body over the part limit goes on in a next message.
#[derive(Debug)]
pub struct Assembly {
    direction: Direction,
    label: String,
    host: Option<String>,
    parts: Vec<Part>,
    trailers: Vec<Part>,
    content_type: Option<String>,
    encodings: Vec<String>,
    body: Vec<u8>,
    origins: Origins,
    /// Where the first byte of `body` is in the whole body.
    offset: u64,
    /// Bytes of `body` that no message has carried yet.
    fresh: usize,
    /// Some message of it is out.
    emitted: bool,
    /// The body is told in pieces.
    pieces: bool,
    whole: bool,
}

impl Assembly {
    /// A message with this head and no body yet.
    pub fn new(direction: Direction, label: String, host: Option<String>, parts: Vec<Part>) -> Self {
        Self {
            direction,
            label,
            host,
            parts,
            trailers: Vec::new(),
            content_type: None,
            encodings: Vec::new(),
            body: Vec::new(),
            origins: Origins::new(),
            offset: 0,
            fresh: 0,
            emitted: false,
            pieces: false,
            whole: true,
        }
    }

    /// Says what the body is declared to be.
    pub fn declare(&mut self, content_type: Option<String>, encodings: Vec<String>) {
        self.content_type = content_type;
        self.encodings = encodings;
    }

    /// Bytes of the body held at the moment.
    pub const fn held(&self) -> usize {
        self.body.len()
    }

    /// The body bytes held at the moment, and the frames that carried them.
    pub fn so_far(&self) -> (&[u8], &Origins) {
        (&self.body, &self.origins)
    }

    /// The frame that carried the last body byte held.
    pub fn last_frame(&self) -> Option<u64> {
        self.origins.slice(self.body.len().saturating_sub(1), self.body.len()).first()
    }

    /// Adds body bytes; emits a piece whenever the part limit is reached.
    pub fn body(&mut self, bytes: &[u8], origins: &Origins, at: Timestamp, sink: &mut Sink<'_>) {
        let limit = sink.part_limit().max(2);
        let mut from = 0_usize;
        while let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) {
            let room = limit.saturating_sub(self.body.len());
            if room == 0 {
                self.pieces = true;
                let keep = PART_OVERLAP.min(limit / 2);
                let tail = self.body.len().saturating_sub(keep);
                let again = self.body.get(tail..).unwrap_or_default().to_vec();
                let frames = self.origins.slice(tail, self.body.len());
                let next = self.offset.saturating_add(tail as u64);
                self.flush(at, sink);
                self.body = again;
                self.origins = frames;
                self.offset = next;
                continue;
            }
            let take = room.min(rest.len());
            self.body.extend_from_slice(rest.get(..take).unwrap_or_default());
            self.origins.append(&origins.slice(from, from.saturating_add(take)));
            self.fresh = self.fresh.saturating_add(take);
            from = from.saturating_add(take);
        }
    }

    /// `len` bytes of the body are lost: what is there is emitted, and the body goes on behind the hole.
    pub fn hole(&mut self, len: u64, at: Timestamp, sink: &mut Sink<'_>) {
        self.whole = false;
        self.pieces = true;
        let end = self.offset.saturating_add(self.body.len() as u64);
        if self.fresh > 0 {
            self.flush(at, sink);
        }
        self.body.clear();
        self.origins.clear();
        self.fresh = 0;
        self.offset = end.saturating_add(len);
    }

    /// Adds a trailer, or any other part that comes behind the body.
    pub fn trailer(&mut self, part: Part) {
        self.trailers.push(part);
    }

    /// Its sender never finished it: nothing that was sent is missing, and yet the body is not all of a body.
    pub const fn interrupted(&mut self) {
        self.pieces = true;
    }

    /// Something of it is missing.
    pub const fn damaged(&mut self) {
        self.whole = false;
    }

    /// Emits what has not been emitted.
    pub fn finish(mut self, at: Timestamp, sink: &mut Sink<'_>) {
        if self.fresh > 0 || !self.emitted || !self.parts.is_empty() || !self.trailers.is_empty() {
            self.flush(at, sink);
        }
    }

    /// Emits what is there, and keeps its name for what follows.
    pub fn flush(&mut self, at: Timestamp, sink: &mut Sink<'_>) {
        let mut parts = std::mem::take(&mut self.parts);
        let bytes = std::mem::take(&mut self.body);
        let origins = std::mem::take(&mut self.origins);
        let len = bytes.len() as u64;
        if self.fresh > 0 {
            parts.push(Part {
                offset: self.offset,
                content_type: self.content_type.clone(),
                encodings: self.encodings.clone(),
                whole: self.whole && !self.pieces,
                ..Part::new(PartKind::Body, bytes, origins)
            });
        }
        parts.append(&mut self.trailers);
        self.offset = self.offset.saturating_add(len);
        self.fresh = 0;
        self.emitted = true;
        sink.message(Draft {
            direction: self.direction,
            at,
            label: self.label.clone(),
            host: self.host.clone(),
            parts,
            whole: self.whole,
        });
    }
}
