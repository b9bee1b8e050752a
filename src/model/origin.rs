//! Provenance: which frames of the capture carried which bytes.

use smallvec::SmallVec;

/// Number of a frame in its capture, from 1 (as Wireshark counts).
pub type FrameNo = u64;

/// `len` bytes carried by one frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Run {
    /// Bytes in this run.
    pub len: u32,
    /// The frame that carried them.
    pub frame: FrameNo,
}

/// Which frames carried the bytes of a buffer, as runs in buffer order. The lengths add up to the buffer's.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Origins {
    runs: SmallVec<[Run; 1]>,
}

impl Origins {
    /// No bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// `len` bytes that one frame carried.
    pub fn one(len: usize, frame: FrameNo) -> Self {
        let mut origins = Self::new();
        origins.push(len, frame);
        origins
    }

    /// Appends `len` bytes that `frame` carried.
    pub fn push(&mut self, len: usize, frame: FrameNo) {
        let mut left = len;
        while left > 0 {
            let take = left.min(u32::MAX as usize);
            left = left.saturating_sub(take);
            let take = u32::try_from(take).unwrap_or(u32::MAX);
            if let Some(last) = self.runs.last_mut()
                && last.frame == frame
                && let Some(sum) = last.len.checked_add(take)
            {
                last.len = sum;
                continue;
            }
            self.runs.push(Run { len: take, frame });
        }
    }

    /// Appends all of `other`.
    pub fn append(&mut self, other: &Self) {
        for run in &other.runs {
            self.push(run.len as usize, run.frame);
        }
    }

    /// The part for bytes `start..end`; what lies outside is left out.
    pub fn slice(&self, start: usize, end: usize) -> Self {
        let mut out = Self::new();
        let mut at = 0_usize;
        for run in &self.runs {
            let stop = at.saturating_add(run.len as usize);
            if stop > start && at < end {
                out.push(stop.min(end).saturating_sub(at.max(start)), run.frame);
            }
            if stop >= end {
                break;
            }
            at = stop;
        }
        out
    }

    /// Forgets the first `len` bytes.
    pub fn drop_front(&mut self, len: usize) {
        *self = self.slice(len, usize::MAX);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.runs.clear();
    }

    /// The frames, ascending, each once.
    pub fn frames(&self) -> Vec<FrameNo> {
        let mut frames: Vec<FrameNo> = self.runs.iter().map(|run| run.frame).collect();
        frames.sort_unstable();
        frames.dedup();
        frames
    }

    /// The first frame, in buffer order.
    pub fn first(&self) -> Option<FrameNo> {
        self.runs.first().map(|run| run.frame)
    }

    /// The runs, in buffer order.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// How many bytes these runs cover.
    pub fn len(&self) -> usize {
        self.runs.iter().map(|run| run.len as usize).sum()
    }

    /// Whether no bytes are covered.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_follow_bytes_to_frames() {
        let mut origins = Origins::one(10, 3);
        origins.push(10, 3);
        origins.push(5, 9);
        assert_eq!(origins.len(), 25);
        assert_eq!(origins.slice(0, 20).frames(), [3]);
        assert_eq!(origins.slice(19, 21).frames(), [3, 9]);
        assert_eq!(origins.slice(20, 99).len(), 5);
        origins.drop_front(20);
        assert_eq!(origins.first(), Some(9));
    }
}
