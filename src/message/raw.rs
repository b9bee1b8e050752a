//! Bytes that no protocol claims: messages as they are.

use crate::bytes::Buffer;
use crate::message::driver::{Scene, Told};
use crate::model::budget;
use crate::model::flow::{Blind, BlindSpot};
use crate::model::message::{Message, Part, PartKind};
use crate::model::stream::{Chunk, Direction, Lost, StreamEvent};
use crate::model::time::Timestamp;
use std::sync::Arc;

/// Bytes of an unrecognised protocol: one message for each direction, in pieces at fixed offsets, so that how the bytes
/// were cut into segments changes nothing.
#[derive(Default)]
pub(super) struct Raw {
    sides: [Option<Side>; 2],
    /// Why these bytes were not understood, when a dissector gave up on them.
    misread: Option<String>,
}

struct Side {
    buffer: Buffer,
    at: Timestamp,
    /// Bytes at the start of the buffer that the piece before already held.
    repeated: usize,
    /// No byte of the piece in hand is missing.
    whole: bool,
}

impl Raw {
    /// What follows bytes that `protocol` does not allow: searched as it stands, and told as not understood.
    pub(super) fn after_malformed(protocol: &str) -> Self {
        Self { misread: Some(format!("after malformed {protocol}")), ..Self::default() }
    }

    pub(super) fn on_event(&mut self, event: StreamEvent<'_>, scene: &Scene, tell: &mut dyn FnMut(Told)) {
        match event {
            StreamEvent::Data(chunk) if scene.meta.datagrams => {
                self.count_misread(chunk.direction, chunk.bytes.len(), tell);
                tell(Told::Message(raw_message(scene, &chunk, self.misread.is_none())));
            }
            StreamEvent::Data(chunk) => {
                self.count_misread(chunk.direction, chunk.bytes.len(), tell);
                self.take(&chunk, scene, tell);
            }
            StreamEvent::Gap { direction, offset, len, why, .. } => {
                tell(Told::Blind(lost(direction, len, why)));
                if let Some(side) = direction.of_mut(&mut self.sides) {
                    side.whole = false;
                    side.flush(direction, scene, tell);
                    side.buffer.skip_to(offset.saturating_add(len));
                    side.repeated = 0;
                    side.whole = false;
                }
            }
            StreamEvent::End { direction, .. } => {
                if let Some(side) = direction.of_mut(&mut self.sides) {
                    side.flush(direction, scene, tell);
                }
            }
            StreamEvent::Close { .. } => {
                for direction in Direction::BOTH {
                    if let Some(side) = direction.of_mut(&mut self.sides) {
                        side.flush(direction, scene, tell);
                    }
                }
            }
        }
    }

    fn count_misread(&self, direction: Direction, bytes: usize, tell: &mut dyn FnMut(Told)) {
        if let Some(detail) = &self.misread {
            let spot = BlindSpot { why: Blind::Malformed, direction, detail: detail.clone(), bytes: bytes as u64 };
            tell(Told::Blind(spot));
        }
    }

    fn take(&mut self, chunk: &Chunk<'_>, scene: &Scene, tell: &mut dyn FnMut(Told)) {
        let whole = self.misread.is_none();
        let side = chunk.direction.of_mut(&mut self.sides).get_or_insert_with(|| {
            let mut buffer = Buffer::new(budget::PART_PIECE.saturating_mul(2));
            buffer.skip_to(chunk.offset);
            Side { buffer, at: chunk.at, repeated: 0, whole }
        });
        side.at = chunk.at;
        let mut done = 0_usize;
        while let Some(rest) = chunk.bytes.get(done..).filter(|rest| !rest.is_empty()) {
            // Pieces end at fixed offsets of the stream, however it was segmented.
            let piece = budget::PART_PIECE as u64;
            let at = side.buffer.offset().saturating_add(side.buffer.len() as u64);
            let room = usize::try_from(piece.saturating_sub(at % piece)).unwrap_or(budget::PART_PIECE);
            let take = room.min(rest.len());
            let Some(bytes) = rest.get(..take) else { return };
            let end = done.saturating_add(take);
            if side.buffer.push(bytes, &chunk.origins.slice(done, end)).is_err() {
                return;
            }
            done = end;
            if take == room {
                side.flush(chunk.direction, scene, tell);
            }
        }
    }
}

impl Side {
    /// Emits the piece in hand and keeps its last bytes for the next.
    fn flush(&mut self, direction: Direction, scene: &Scene, tell: &mut dyn FnMut(Told)) {
        let len = self.buffer.len();
        if len > self.repeated {
            let bytes = self.buffer.bytes().to_vec();
            let mut part = Part::new(PartKind::Raw, bytes, self.buffer.origins(0, len));
            part.offset = self.buffer.offset();
            part.whole = self.whole && part.offset == 0 && len < budget::PART_PIECE;
            tell(Told::Message(Message {
                flow: scene.meta.flow,
                layers: Arc::clone(&scene.layers),
                protocol: "raw",
                label: "bytes".to_owned(),
                direction,
                at: self.at,
                host: scene.meta.host.clone(),
                parts: vec![part],
                whole: self.whole,
            }));
        }
        let keep = len.min(budget::PART_OVERLAP);
        self.buffer.consume(len.saturating_sub(keep));
        self.repeated = keep;
    }
}

pub(super) fn raw_message(scene: &Scene, chunk: &Chunk<'_>, whole: bool) -> Message {
    Message {
        flow: scene.meta.flow,
        layers: Arc::clone(&scene.layers),
        protocol: "raw",
        label: "datagram".to_owned(),
        direction: chunk.direction,
        at: chunk.at,
        host: scene.meta.host.clone(),
        parts: vec![Part::new(PartKind::Raw, chunk.bytes.to_vec(), chunk.origins.clone())],
        whole,
    }
}

pub(super) fn lost(direction: Direction, bytes: u64, why: Lost) -> BlindSpot {
    let (why, detail) = match why {
        Lost::NotCaptured => (Blind::Lost, "segments not in the capture"),
        Lost::CutFrame => (Blind::Lost, "frames cut by the snapshot length"),
        Lost::StartMissing => (Blind::Lost, "the capture starts in mid-stream"),
        Lost::Budget => (Blind::Budget, "out-of-order bytes over budget"),
    };
    BlindSpot { why, direction, detail: detail.to_owned(), bytes }
}
