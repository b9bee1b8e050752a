//! The static and the dynamic table (RFC 7541 section 2.3).

use std::collections::VecDeque;

/// A name and a value; `None` where they refer to bytes that were not captured.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The name.
    pub name: Option<Vec<u8>>,
    /// The value.
    pub value: Option<Vec<u8>>,
}

impl Entry {
    /// What it takes of a table (RFC 7541 section 4.1, RFC 9204 section 3.2.1).
    pub fn size(&self) -> usize {
        let len = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        len(&self.name).saturating_add(len(&self.value)).saturating_add(32)
    }
}

/// The largest dynamic table followed; peers hardly ever agree on more than 64 KiB.
pub const TABLE_BYTES: usize = 1 << 20;
/// The size before anyone says otherwise.
const INITIAL_BYTES: usize = 4_096;

/// Both tables of one direction.
#[derive(Debug)]
pub struct Table {
    entries: VecDeque<Entry>,
    size: usize,
    limit: usize,
    /// Older entries exist that were not captured.
    lossy: bool,
}

impl Table {
    /// An empty table; `lossy`: the start of the connection is not captured.
    pub const fn new(lossy: bool) -> Self {
        let limit = if lossy { TABLE_BYTES } else { INITIAL_BYTES };
        Self { entries: VecDeque::new(), size: 0, limit, lossy }
    }

    /// Some block is lost: nothing that is older can be referred to any more. Keeping more entries than the peer is
    /// harmless, for they are counted from the newest.
    pub fn lose(&mut self) {
        *self = Self::new(true);
    }

    /// The entry with this index; `None` when there cannot be one.
    pub fn get(&self, index: usize) -> Option<Entry> {
        let nth = index.checked_sub(1)?;
        if let Some((name, value)) = STATIC.get(nth) {
            let bytes = |text: &str| Some(text.as_bytes().to_vec());
            return Some(Entry { name: bytes(name), value: bytes(value) });
        }
        let nth = nth.checked_sub(STATIC.len())?;
        // The smallest entry takes 32 bytes: no index beyond that can be meant.
        let unknown = self.lossy && nth < TABLE_BYTES / 32;
        self.entries.get(nth).cloned().or(if unknown { Some(Entry { name: None, value: None }) } else { None })
    }

    /// Adds an entry, and drops the oldest that have no room any more.
    pub fn insert(&mut self, entry: Entry) {
        self.size = self.size.saturating_add(entry.size());
        self.entries.push_front(entry);
        self.evict();
    }

    /// Follows a size update; false when it is larger than anyone may ask for.
    pub fn resize(&mut self, limit: usize) -> bool {
        if limit > TABLE_BYTES {
            return false;
        }
        self.limit = limit;
        self.evict();
        true
    }

    fn evict(&mut self) {
        while self.size > self.limit {
            let Some(oldest) = self.entries.pop_back() else { break };
            self.size = self.size.saturating_sub(oldest.size());
        }
    }

    /// Bytes held.
    pub const fn size(&self) -> usize {
        self.size
    }
}

/// RFC 7541 appendix A.
#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, value: &str) -> Entry {
        Entry { name: Some(name.into()), value: Some(value.into()) }
    }

    #[test]
    fn indices_count_from_the_newest_behind_the_static_table() {
        let mut table = Table::new(false);
        table.insert(entry("a", "1"));
        table.insert(entry("b", "2"));
        assert_eq!(table.get(2), Some(entry(":method", "GET")));
        assert_eq!(table.get(62), Some(entry("b", "2")));
        assert_eq!(table.get(63), Some(entry("a", "1")));
        assert_eq!((table.get(0), table.get(64)), (None, None));
        assert!(table.resize(40) && table.get(63).is_none());
        assert_eq!(table.size(), 34);
        assert!(!table.resize(TABLE_BYTES + 1));
        table.insert(entry("too", "long for what is left"));
        assert_eq!((table.size(), table.get(62)), (0, None));
    }

    #[test]
    fn what_was_not_captured_is_known_to_be_unknown() {
        let mut table = Table::new(true);
        assert_eq!(table.get(70), Some(Entry { name: None, value: None }));
        assert_eq!(table.get(100_000), None);
        table.insert(entry("a", "1"));
        assert_eq!(table.get(62), Some(entry("a", "1")));
    }
}
