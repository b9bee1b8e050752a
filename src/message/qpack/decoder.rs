//! Reads encoder streams and field sections.

use crate::bytes::{Buffer, Cursor, Malformed};
use crate::message::hpack::decoder::{Block, stretch};
use crate::message::hpack::huffman;
use crate::message::hpack::table::Entry;
use crate::message::http::exchange::Header;
use crate::message::qpack::table::Table;
use crate::model::budget::{HEAD_BYTES, HEADERS};
use crate::model::origin::Origins;

/// What became of a field section.
#[derive(Debug)]
pub enum Section {
    /// It is read.
    Read(Block),
    /// It refers to entries that have not come yet (RFC 9204 section 2.1.2).
    Blocked,
}

/// One direction's decoder.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    /// Instructions of the encoder stream that are not complete.
    instructions: Buffer,
    broken: bool,
}

impl Decoder {
    /// A decoder; `lossy`: the start of the connection is not captured.
    pub fn new(lossy: bool) -> Self {
        Self { table: Table::new(lossy), instructions: Buffer::new(HEAD_BYTES), broken: lossy }
    }

    /// Instructions are lost: what they put into the table is not known.
    pub fn lose(&mut self) {
        self.table.lose();
        self.broken = true;
    }

    /// The peer allows a table of so many bytes: it bounds how Required Insert Counts are written.
    pub const fn allow(&mut self, bytes: u64) {
        self.table.allow(bytes);
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.table.size().saturating_add(self.instructions.len())
    }

    /// Takes bytes of the encoder stream (RFC 9204 section 4.3). An error ends it.
    pub fn instructions(&mut self, bytes: &[u8], origins: &Origins) -> Result<(), Malformed> {
        if self.broken {
            return Ok(());
        }
        let result = self.instructions.push(bytes, origins).and_then(|()| self.follow());
        if result.is_err() {
            self.lose();
        }
        result
    }

    fn follow(&mut self) -> Result<(), Malformed> {
        let held = self.instructions.bytes().to_vec();
        let mut cursor = Cursor::new(&held);
        let mut used = 0_usize;
        let result = loop {
            if cursor.is_empty() {
                break Ok(());
            }
            match self.instruction(&mut cursor) {
                Ok(()) => used = cursor.position(),
                Err(Malformed::Short(_)) => break Ok(()),
                Err(malformed) => break Err(malformed),
            }
        };
        self.instructions.consume(used);
        result
    }

    fn instruction(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
        let first = cursor.u8("encoder instruction")?;
        if first & 0x80 != 0 {
            let index = integer(cursor, first, 6)?;
            let name = if first & 0x40 != 0 { Table::fixed(index) } else { self.table.newest(index) };
            let name = name.ok_or(Malformed::Illegal("name index"))?.name;
            let (value, _) = string(cursor, 7)?;
            self.table.insert(Entry { name, value: Some(value) });
        } else if first & 0x40 != 0 {
            let (name, _) = literal(cursor, first, 5)?;
            let (value, _) = string(cursor, 7)?;
            self.table.insert(Entry { name: Some(name), value: Some(value) });
        } else if first & 0x20 != 0 {
            let capacity = integer(cursor, first, 5)?;
            if !self.table.resize(capacity) {
                return Err(Malformed::TooLarge("dynamic table"));
            }
        } else {
            let index = integer(cursor, first, 5)?;
            let entry = self.table.newest(index).ok_or(Malformed::Illegal("duplicate index"))?;
            self.table.insert(entry);
        }
        Ok(())
    }

    /// Reads a complete field section (RFC 9204 section 4.5) that these frames carried. `last`: what it waits for will not
    /// come any more.
    pub fn section(&mut self, bytes: &[u8], origins: &Origins, last: bool) -> Section {
        let mut block = Block::default();
        let mut cursor = Cursor::new(bytes);
        let base = match self.prefix(&mut cursor, last || self.broken) {
            Ok(Some(base)) => base,
            Ok(None) => return Section::Blocked,
            Err(broken) => {
                block.broken = Some(broken);
                return Section::Read(block);
            }
        };
        let mut room = HEAD_BYTES;
        while !cursor.is_empty() {
            let from = cursor.position();
            match self.line(&mut cursor, base) {
                Ok((entry, literal)) => {
                    let len = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
                    let size = len(&entry.name).saturating_add(len(&entry.value));
                    if size > room || block.headers.len() >= HEADERS {
                        block.skipped = block.skipped.saturating_add(1);
                        continue;
                    }
                    room = room.saturating_sub(size);
                    let to = cursor.position();
                    let from = literal.map_or(from, |literal| to.saturating_sub(literal));
                    let origins = stretch(&origins.slice(from, to), to.saturating_sub(from), len(&entry.value));
                    let name = entry.name.map(|name| String::from_utf8_lossy(&name).to_ascii_lowercase());
                    block.headers.push(Header { name, value: entry.value, origins });
                }
                Err(broken) => {
                    block.broken = Some(broken);
                    break;
                }
            }
        }
        Section::Read(block)
    }

    /// Required Insert Count and Base; `None` where entries are still to come.
    fn prefix(&self, cursor: &mut Cursor<'_>, last: bool) -> Result<Option<u64>, Malformed> {
        let first = cursor.u8("Required Insert Count")?;
        let encoded = integer(cursor, first, 8)?;
        let required = self.table.required(encoded).ok_or(Malformed::Illegal("Required Insert Count"))?;
        let first = cursor.u8("Base")?;
        let delta = integer(cursor, first, 7)? as u64;
        let base = if first & 0x80 == 0 {
            required.checked_add(delta)
        } else {
            required.checked_sub(delta).and_then(|base| base.checked_sub(1))
        };
        let base = base.ok_or(Malformed::Illegal("Base"))?;
        Ok((last || required <= self.table.inserted()).then_some(base))
    }

    /// One field line (RFC 9204 section 4.5.2 and on); the second is how many bytes a literal value took.
    fn line(&self, cursor: &mut Cursor<'_>, base: u64) -> Result<(Entry, Option<usize>), Malformed> {
        let first = cursor.u8("field line")?;
        let below = |index: usize| base.checked_sub(index as u64).and_then(|at| at.checked_sub(1));
        let illegal = Malformed::Illegal("field index");
        if first & 0x80 != 0 {
            let index = integer(cursor, first, 6)?;
            let entry =
                if first & 0x40 != 0 { Table::fixed(index) } else { self.table.absolute(below(index).ok_or(illegal)?) };
            return Ok((entry.ok_or(illegal)?, None));
        }
        if first & 0xf0 == 0x10 {
            let index = integer(cursor, first, 4)?;
            let entry = self.table.absolute(base.saturating_add(index as u64));
            return Ok((entry.ok_or(illegal)?, None));
        }
        let name = if first & 0xc0 == 0x40 {
            let index = integer(cursor, first, 4)?;
            let entry =
                if first & 0x10 != 0 { Table::fixed(index) } else { self.table.absolute(below(index).ok_or(illegal)?) };
            entry.ok_or(illegal)?.name
        } else if first & 0xe0 == 0x20 {
            Some(literal(cursor, first, 3)?.0)
        } else {
            let index = integer(cursor, first, 3)?;
            self.table.absolute(base.saturating_add(index as u64)).ok_or(illegal)?.name
        };
        let (value, coded) = string(cursor, 7)?;
        Ok((Entry { name, value: Some(value) }, Some(coded)))
    }
}

/// An integer with a prefix of `bits` bits in `first` (RFC 7541 section 5.1, with the larger range of RFC 9204).
fn integer(cursor: &mut Cursor<'_>, first: u8, bits: u8) -> Result<usize, Malformed> {
    let mask = u8::MAX.checked_shr(u32::from(8_u8.saturating_sub(bits))).unwrap_or(u8::MAX);
    let mut value = usize::from(first & mask);
    if value < usize::from(mask) {
        return Ok(value);
    }
    for shift in [0_u32, 7, 14, 21, 28, 35] {
        let byte = cursor.u8("integer")?;
        value = value.saturating_add(usize::from(byte & 0x7f) << shift);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed::TooLarge("integer"))
}

/// A string literal with its length in `bits` bits of its first byte, and how many bytes its octets took on the wire.
fn string(cursor: &mut Cursor<'_>, bits: u8) -> Result<(Vec<u8>, usize), Malformed> {
    let first = cursor.u8("string")?;
    literal(cursor, first, bits)
}

/// The same behind a first byte that is read already; the bit above the length says whether it is Huffman coded.
fn literal(cursor: &mut Cursor<'_>, first: u8, bits: u8) -> Result<(Vec<u8>, usize), Malformed> {
    let len = integer(cursor, first, bits)?;
    if len > HEAD_BYTES {
        return Err(Malformed::TooLarge("string"));
    }
    let octets = cursor.take(len, "string")?;
    let coded = first & 1_u8.checked_shl(u32::from(bits)).unwrap_or_default() != 0;
    let bytes = if coded { huffman::decode(octets)? } else { octets.to_vec() };
    Ok((bytes, len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.replace(' ', "").as_bytes()).unwrap()
    }

    fn feed(decoder: &mut Decoder, bytes: &[u8]) {
        decoder.instructions(bytes, &Origins::one(bytes.len(), 1)).unwrap();
    }

    fn read(decoder: &mut Decoder, bytes: &[u8], last: bool) -> Option<Vec<String>> {
        let Section::Read(block) = decoder.section(bytes, &Origins::one(bytes.len(), 1), last) else { return None };
        assert!(block.broken.is_none(), "{:?}", block.broken);
        let text =
            |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or("?".into(), |b| String::from_utf8_lossy(b).into_owned());
        let lines = block.headers.iter().map(|h| format!("{}: {}", h.name.as_deref().unwrap_or("?"), text(&h.value)));
        Some(lines.collect())
    }

    /// RFC 9204 appendix B: a literal with a static name, inserts, post-base references, a duplicate and an eviction.
    #[test]
    fn the_session_of_the_rfc_decodes() {
        let mut decoder = Decoder::new(false);
        decoder.allow(220);
        assert_eq!(
            read(&mut decoder, &hex("0000 510b 2f69 6e64 6578 2e68 746d 6c"), false).unwrap(),
            [":path: /index.html"]
        );
        let blocked = hex("0381 1011");
        assert!(read(&mut decoder, &blocked, false).is_none(), "its entries have not come");
        feed(&mut decoder, &hex("3fbd01"));
        let inserts = hex("c00f 7777 772e 6578 616d 706c 652e 636f 6d c10c 2f73 616d 706c 652f 7061 7468");
        for byte in &inserts {
            feed(&mut decoder, &[*byte]);
        }
        assert_eq!(
            read(&mut decoder, &blocked, false).unwrap(),
            [":authority: www.example.com", ":path: /sample/path"]
        );
        feed(&mut decoder, &hex("4a63 7573 746f 6d2d 6b65 790c 6375 7374 6f6d 2d76 616c 7565"));
        feed(&mut decoder, &hex("02"));
        assert_eq!(
            read(&mut decoder, &hex("0500 80c1 81"), false).unwrap(),
            [":authority: www.example.com", ":path: /", "custom-key: custom-value"]
        );
        feed(&mut decoder, &hex("810d 6375 7374 6f6d 2d76 616c 7565 32"));
        assert_eq!(decoder.table.size(), 215);
    }

    #[test]
    fn what_is_not_captured_is_unknown_not_wrong() {
        let mut decoder = Decoder::new(true);
        let got = read(&mut decoder, &hex("0500 80c1 81"), false).unwrap();
        assert_eq!(got, ["?: ?", ":path: /", "?: ?"]);
    }

    #[test]
    fn what_never_comes_is_given_up() {
        let mut decoder = Decoder::new(false);
        decoder.allow(220);
        assert_eq!(read(&mut decoder, &hex("0381 10c1"), true).unwrap(), ["?: ?", ":path: /"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            section in prop::collection::vec(any::<u8>(), 0..200),
            lossy in any::<bool>(),
        ) {
            let mut decoder = Decoder::new(lossy);
            decoder.allow(4_096);
            let _ = decoder.instructions(&bytes, &Origins::one(bytes.len(), 1));
            if let Section::Read(block) = decoder.section(&section, &Origins::one(section.len(), 1), true) {
                for header in block.headers {
                    prop_assert_eq!(header.origins.len(), header.value.map_or(0, |value| value.len()));
                }
            }
        }
    }
}
