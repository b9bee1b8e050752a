//! The static and the dynamic table (RFC 9204 section 3).

use crate::message::hpack::table::{Entry, TABLE_BYTES};
use std::collections::VecDeque;

/// The dynamic table of one direction. Entries are counted from the first one ever inserted.
#[derive(Debug)]
pub(super) struct Table {
    entries: VecDeque<Entry>,
    size: usize,
    capacity: usize,
    /// How many were ever inserted.
    inserted: u64,
    /// Half the range in which Required Insert Counts are written.
    max_entries: u64,
    /// Entries exist that were not captured.
    lossy: bool,
}

impl Table {
    /// An empty table; `lossy`: the start of the connection is not captured.
    pub(super) const fn new(lossy: bool) -> Self {
        Self { entries: VecDeque::new(), size: 0, capacity: 0, inserted: 0, max_entries: 0, lossy }
    }

    /// The peer's SETTINGS_QPACK_MAX_TABLE_CAPACITY.
    pub(super) const fn allow(&mut self, bytes: u64) {
        self.max_entries = bytes / 32;
    }

    /// Instructions are lost: which entry has which number is not known any more.
    pub(super) fn lose(&mut self) {
        *self = Self { max_entries: self.max_entries, ..Self::new(true) };
    }

    /// How many entries were ever inserted.
    pub(super) const fn inserted(&self) -> u64 {
        self.inserted
    }

    /// Bytes held.
    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// The Required Insert Count that an encoded one stands for (RFC 9204 section 4.5.1.1).
    pub(super) fn required(&self, encoded: usize) -> Option<u64> {
        let encoded = encoded as u64;
        if encoded == 0 {
            return Some(0);
        }
        if self.max_entries == 0 {
            // The settings were not captured: there are so few inserts that nothing has wrapped, or nothing is known.
            return Some(encoded.saturating_sub(1));
        }
        let full = self.max_entries.saturating_mul(2);
        if encoded > full {
            return if self.lossy { Some(encoded) } else { None };
        }
        let most = self.inserted.saturating_add(self.max_entries);
        let wrapped = most.checked_div(full)?.saturating_mul(full);
        let required = wrapped.saturating_add(encoded).saturating_sub(1);
        if required > most { required.checked_sub(full).or(self.lossy.then_some(required)) } else { Some(required) }
    }

    /// The entry with this absolute index; `None` when there cannot be one.
    pub(super) fn absolute(&self, index: u64) -> Option<Entry> {
        let unknown = || Some(Entry { name: None, value: None });
        if self.lossy {
            return unknown();
        }
        if index >= self.inserted {
            // It was to come, and did not.
            return unknown();
        }
        let back = usize::try_from(self.inserted.saturating_sub(index).saturating_sub(1)).ok()?;
        // An evicted entry may not be referred to: the capture lacks what changed the table.
        self.entries.get(back).cloned().or_else(unknown)
    }

    /// The entry inserted so many before the newest.
    pub(super) fn newest(&self, back: usize) -> Option<Entry> {
        self.entries.get(back).cloned()
    }

    /// An entry of the static table.
    pub(super) fn fixed(index: usize) -> Option<Entry> {
        let (name, value) = STATIC.get(index)?;
        Some(Entry { name: Some(name.as_bytes().to_vec()), value: Some(value.as_bytes().to_vec()) })
    }

    /// Adds an entry, and drops the oldest that have no room any more.
    pub(super) fn insert(&mut self, entry: Entry) {
        self.size = self.size.saturating_add(entry.size());
        self.entries.push_front(entry);
        self.inserted = self.inserted.saturating_add(1);
        self.evict();
    }

    /// Follows a change of capacity; false when it is larger than anyone may ask for.
    pub(super) fn resize(&mut self, capacity: usize) -> bool {
        if capacity > TABLE_BYTES {
            return false;
        }
        self.capacity = capacity;
        self.evict();
        true
    }

    fn evict(&mut self) {
        while self.size > self.capacity {
            let Some(oldest) = self.entries.pop_back() else { break };
            self.size = self.size.saturating_sub(oldest.size());
        }
    }
}

/// RFC 9204 appendix A.
#[rustfmt::skip]
const STATIC: [(&str, &str); 99] = [
    (":authority", ""),
    (":path", "/"),
    ("age", "0"),
    ("content-disposition", ""),
    ("content-length", "0"),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("referer", ""),
    ("set-cookie", ""),
    (":method", "CONNECT"),
    (":method", "DELETE"),
    (":method", "GET"),
    (":method", "HEAD"),
    (":method", "OPTIONS"),
    (":method", "POST"),
    (":method", "PUT"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "103"),
    (":status", "200"),
    (":status", "304"),
    (":status", "404"),
    (":status", "503"),
    ("accept", "*/*"),
    ("accept", "application/dns-message"),
    ("accept-encoding", "gzip, deflate, br"),
    ("accept-ranges", "bytes"),
    ("access-control-allow-headers", "cache-control"),
    ("access-control-allow-headers", "content-type"),
    ("access-control-allow-origin", "*"),
    ("cache-control", "max-age=0"),
    ("cache-control", "max-age=2592000"),
    ("cache-control", "max-age=604800"),
    ("cache-control", "no-cache"),
    ("cache-control", "no-store"),
    ("cache-control", "public, max-age=31536000"),
    ("content-encoding", "br"),
    ("content-encoding", "gzip"),
    ("content-type", "application/dns-message"),
    ("content-type", "application/javascript"),
    ("content-type", "application/json"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("content-type", "image/gif"),
    ("content-type", "image/jpeg"),
    ("content-type", "image/png"),
    ("content-type", "text/css"),
    ("content-type", "text/html; charset=utf-8"),
    ("content-type", "text/plain"),
    ("content-type", "text/plain;charset=utf-8"),
    ("range", "bytes=0-"),
    ("strict-transport-security", "max-age=31536000"),
    ("strict-transport-security", "max-age=31536000; includesubdomains"),
    ("strict-transport-security", "max-age=31536000; includesubdomains; preload"),
    ("vary", "accept-encoding"),
    ("vary", "origin"),
    ("x-content-type-options", "nosniff"),
    ("x-xss-protection", "1; mode=block"),
    (":status", "100"),
    (":status", "204"),
    (":status", "206"),
    (":status", "302"),
    (":status", "400"),
    (":status", "403"),
    (":status", "421"),
    (":status", "425"),
    (":status", "500"),
    ("accept-language", ""),
    ("access-control-allow-credentials", "FALSE"),
    ("access-control-allow-credentials", "TRUE"),
    ("access-control-allow-headers", "*"),
    ("access-control-allow-methods", "get"),
    ("access-control-allow-methods", "get, post, options"),
    ("access-control-allow-methods", "options"),
    ("access-control-expose-headers", "content-length"),
    ("access-control-request-headers", "content-type"),
    ("access-control-request-method", "get"),
    ("access-control-request-method", "post"),
    ("alt-svc", "clear"),
    ("authorization", ""),
    ("content-security-policy", "script-src 'none'; object-src 'none'; base-uri 'none'"),
    ("early-data", "1"),
    ("expect-ct", ""),
    ("forwarded", ""),
    ("if-range", ""),
    ("origin", ""),
    ("purpose", "prefetch"),
    ("server", ""),
    ("timing-allow-origin", "*"),
    ("upgrade-insecure-requests", "1"),
    ("user-agent", ""),
    ("x-forwarded-for", ""),
    ("x-frame-options", "deny"),
    ("x-frame-options", "sameorigin"),
];
