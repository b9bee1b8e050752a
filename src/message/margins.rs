//! What stands beside the messages of a connection and belongs to none: payloads of pings, values of settings, frames of
//! types that nobody knows. By kind it is joined over the connection, as a text may stand across several.

use crate::message::Sink;
use crate::message::sink::Draft;
use crate::model::budget::{MARGIN_BYTES, PART_OVERLAP};
use crate::model::message::{Part, PartKind};
use crate::model::origin::Origins;
use crate::model::stream::Direction;
use crate::model::time::Timestamp;
use std::collections::BTreeMap;

/// Kinds of what stands beside messages.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Beside {
    /// Payloads of pings: counters, times, noise.
    Ping,
    /// Values of settings that everybody knows.
    Setting,
    /// Numbers and values of other settings.
    OtherSetting,
    /// What streams depend on.
    Priority,
    /// Increments of windows.
    Window,
    /// Error codes.
    Code,
    /// Padding that is not zeros.
    Padding,
    /// Frames of types that are reserved for noise, to keep receivers tolerant.
    Reserved,
    /// Frames of other types.
    Unknown,
}

impl Beside {
    const fn label(self) -> &'static str {
        match self {
            Self::Ping => "payloads of pings",
            Self::Setting => "values of settings",
            Self::OtherSetting => "unknown settings",
            Self::Priority => "priorities",
            Self::Window => "increments of windows",
            Self::Code => "error codes",
            Self::Padding => "padding",
            Self::Reserved => "frames of reserved types",
            Self::Unknown => "frames of unknown types",
        }
    }

    /// Bytes that look random in honest traffic, too.
    const fn noise(self) -> u64 {
        match self {
            // Clients draw them at random, for as long as the connection is idle.
            Self::Ping | Self::Setting | Self::Priority | Self::Window | Self::Code => u64::MAX,
            Self::Reserved | Self::OtherSetting => 1_024,
            Self::Padding | Self::Unknown => 64,
        }
    }
}

/// All of it on one connection.
#[derive(Default)]
pub(super) struct Margins(BTreeMap<(Direction, Beside), Margin>);

#[derive(Default)]
struct Margin {
    bytes: Vec<u8>,
    origins: Origins,
    /// Bytes that were not told yet.
    fresh: usize,
    at: Timestamp,
}

impl Margins {
    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.0.values().map(|margin| margin.bytes.len()).sum()
    }

    /// Takes bytes.
    pub(super) fn note(
        &mut self,
        (direction, what): (Direction, Beside),
        bytes: &[u8],
        origins: &Origins,
        at: Timestamp,
        sink: &mut Sink<'_>,
    ) {
        if bytes.is_empty() {
            return;
        }
        let margin = self.0.entry((direction, what)).or_default();
        margin.at = at;
        let mut from = 0_usize;
        while let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) {
            let take = MARGIN_BYTES.saturating_sub(margin.bytes.len()).min(rest.len());
            margin.bytes.extend_from_slice(rest.get(..take).unwrap_or_default());
            margin.origins.append(&origins.slice(from, from.saturating_add(take)));
            margin.fresh = margin.fresh.saturating_add(take);
            from = from.saturating_add(take);
            if margin.bytes.len() >= MARGIN_BYTES {
                margin.tell(direction, what, sink);
            }
        }
    }

    /// The connection is over.
    pub(super) fn finish(&mut self, sink: &mut Sink<'_>) {
        for ((direction, what), mut margin) in std::mem::take(&mut self.0) {
            margin.tell(direction, what, sink);
        }
    }
}

impl Margin {
    /// Tells what is there, and keeps the end of it.
    fn tell(&mut self, direction: Direction, what: Beside, sink: &mut Sink<'_>) {
        if self.fresh == 0 {
            return;
        }
        let keep = self.bytes.len().saturating_sub(PART_OVERLAP.min(MARGIN_BYTES / 2));
        let rest = (self.bytes.get(keep..).unwrap_or_default().to_vec(), self.origins.slice(keep, self.bytes.len()));
        let (bytes, origins) =
            (std::mem::replace(&mut self.bytes, rest.0), std::mem::replace(&mut self.origins, rest.1));
        self.fresh = 0;
        let parts = vec![Part::new(PartKind::Body, bytes, origins)];
        let draft = Draft { direction, at: self.at, label: what.label().to_owned(), host: None, parts, whole: true };
        sink.beside(draft, what.noise());
    }
}
