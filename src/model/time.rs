//! Capture time.

use serde::Serialize;

/// Nanoseconds since the Unix epoch, as the capture says; never the clock of this machine.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Whole seconds and nanoseconds.
    pub const fn from_parts(seconds: i64, nanos: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// Seconds from `earlier` to `self`; zero when the order is wrong.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        let nanos = self.0.saturating_sub(earlier.0);
        if nanos < 0 { 0 } else { nanos / 1_000_000_000 }
    }
}
