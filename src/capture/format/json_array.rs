//! A JSON array of records, of any length: `mongoexport --jsonArray`, `jq -s`, exports of hosted databases.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::elements::{Records, Where};
use crate::capture::lines::is_text;
use crate::capture::{EvidenceKind, Format, Source, Stopped, Window};

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "json-array",
    about: "a JSON array of records (mongoexport, exports of hosted databases)",
    kind: EvidenceKind::Store,
    sniff,
    open,
    secrets: None,
};

fn sniff(head: &[u8]) -> Match {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let Some(inside) = text.strip_prefix(b"[") else { return Match::No };
    if is_text(head) && inside.trim_ascii_start().first() == Some(&b'{') { Match::Maybe } else { Match::No }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the registry's signature: other formats have a header that may be broken"
)]
fn open(window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    Ok(Box::new(Records::new(window, Where::At(&[]))))
}
