//! One direction of a stream that is compressed from some byte on (RFC 4978, XEP-0138): deflate, bare or in zlib, flushed
//! whenever its sender waits for an answer.

use crate::message::Sink;
use crate::message::hpack::decoder::stretch;
use crate::model::budget::{RATIO, RATIO_FREE};
use crate::model::flow::Blind;
use crate::model::origin::Origins;
use crate::model::stream::Direction;
use flate2::{Decompress, FlushDecompress, Status};

/// Bytes put out at a time.
const STEP: usize = 16 << 10;

/// The inflater of one direction.
pub(super) struct Inflate {
    state: Decompress,
    read: usize,
    written: usize,
    /// Nothing more can be read.
    broken: bool,
}

impl Inflate {
    pub(super) fn new(zlib: bool) -> Self {
        Self { state: Decompress::new(zlib), read: 0, written: 0, broken: false }
    }

    /// Bytes were lost: what comes next goes back to them.
    pub(super) const fn lose(&mut self) {
        self.broken = true;
    }

    /// What `bytes` hold, in order, and the frames that carried it. What cannot be read is told.
    pub(super) fn take(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        origins: &Origins,
        sink: &mut Sink<'_>,
    ) -> Vec<(Vec<u8>, Origins)> {
        let mut out = Vec::new();
        let mut rest = bytes;
        self.read = self.read.saturating_add(bytes.len());
        let allowed = RATIO_FREE.saturating_add(self.read.saturating_mul(RATIO));
        while !self.broken {
            let mut step = Vec::with_capacity(STEP);
            let before = self.state.total_in();
            let result = self.state.decompress_vec(rest, &mut step, FlushDecompress::Sync);
            let used = usize::try_from(self.state.total_in().saturating_sub(before)).unwrap_or(usize::MAX);
            let at = bytes.len().saturating_sub(rest.len());
            rest = rest.get(used..).unwrap_or_default();
            self.written = self.written.saturating_add(step.len());
            let nothing = used == 0 && step.is_empty();
            if !step.is_empty() {
                let carried = origins.slice(at, at.saturating_add(used.max(1)));
                let carried = if carried.is_empty() { origins.clone() } else { carried };
                let origins = stretch(&carried, carried.len(), step.len());
                out.push((step, origins));
            }
            match result {
                _ if self.written > allowed => {
                    self.broken = true;
                    sink.blind(Blind::Budget, direction, rest.len() as u64, "a compressed stream");
                    return out;
                }
                // The stream ended; nobody says what may follow.
                Ok(Status::StreamEnd) if rest.is_empty() => self.broken = true,
                Ok(Status::StreamEnd) | Err(_) => {
                    self.broken = true;
                    sink.blind(Blind::Malformed, direction, rest.len() as u64, "a compressed stream");
                    return out;
                }
                Ok(_) if nothing => return out,
                Ok(_) => {}
            }
        }
        if !rest.is_empty() {
            sink.blind(Blind::Lost, direction, rest.len() as u64, "a compressed stream behind what was lost of it");
        }
        out
    }
}
