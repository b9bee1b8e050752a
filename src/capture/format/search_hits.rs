//! Answers of Elasticsearch and OpenSearch to `_search` and scroll requests, one or many: every hit is a record.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::elements::{Elements, Records, Where};
use crate::capture::lines::is_text;
use crate::capture::{EvidenceKind, Format, Source, Stopped, Window};

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "search-hits",
    about: "pages of Elasticsearch or OpenSearch searches (hits.hits)",
    kind: EvidenceKind::Store,
    sniff,
    open,
    secrets: None,
};

/// Where the hits stand.
const HITS: &[&[u8]] = &[b"hits", b"hits"];

fn sniff(head: &[u8]) -> Match {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if text.first() != Some(&b'{') || !is_text(head) || memchr::memmem::find(text, b"\"hits\"").is_none() {
        return Match::No;
    }
    let mut elements = Elements::new(Window::new(Box::new(std::io::Cursor::new(head.to_vec()))), Where::At(HITS));
    if elements.find() { Match::Maybe } else { Match::No }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the registry's signature: other formats have a header that may be broken"
)]
fn open(window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    Ok(Box::new(Records::new(window, Where::At(HITS))))
}
