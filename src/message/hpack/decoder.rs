//! Reads header blocks.

use super::huffman;
use super::table::{Entry, Table};
use crate::bytes::{Cursor, Malformed};
use crate::message::http::exchange::Header;
use crate::model::budget::{HEAD_BYTES, HEADERS};
use crate::model::origin::Origins;

/// What a block holds.
#[derive(Debug, Default)]
pub struct Block {
    /// The headers, in order.
    pub headers: Vec<Header>,
    /// Headers left out, for the block says more than a head may.
    pub skipped: usize,
    /// The block is broken; the headers in front of the break are there.
    pub broken: Option<Malformed>,
}

/// One direction's decoder.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
}

impl Decoder {
    /// A decoder; `lossy`: the start of the connection is not captured.
    pub const fn new(lossy: bool) -> Self {
        Self { table: Table::new(lossy) }
    }

    /// A block is lost.
    pub fn lose(&mut self) {
        self.table.lose();
    }

    /// Bytes held.
    pub const fn held(&self) -> usize {
        self.table.size()
    }

    /// Reads a complete block that these frames carried.
    pub fn block(&mut self, bytes: &[u8], origins: &Origins) -> Block {
        let mut block = Block::default();
        let mut cursor = Cursor::new(bytes);
        let mut room = HEAD_BYTES;
        while !cursor.is_empty() {
            let from = cursor.position();
            match self.field(&mut cursor) {
                Ok(None) => {}
                Ok(Some((entry, literal))) => {
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
                    self.lose();
                    break;
                }
            }
        }
        block
    }

    /// One representation (RFC 7541 section 6); the second is how many bytes a literal value took.
    fn field(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<(Entry, Option<usize>)>, Malformed> {
        let first = cursor.u8("header field")?;
        if first & 0x80 != 0 {
            let index = integer(cursor, first, 7)?;
            let entry = self.table.get(index).ok_or(Malformed::Illegal("header index"))?;
            return Ok(Some((entry, None)));
        }
        if first & 0xe0 == 0x20 {
            let limit = integer(cursor, first, 5)?;
            return if self.table.resize(limit) { Ok(None) } else { Err(Malformed::TooLarge("header table")) };
        }
        let inserts = first & 0x40 != 0;
        let index = integer(cursor, first, if inserts { 6 } else { 4 })?;
        let name = if index == 0 {
            Some(string(cursor)?.0)
        } else {
            self.table.get(index).ok_or(Malformed::Illegal("header index"))?.name
        };
        let (value, coded) = string(cursor)?;
        let entry = Entry { name, value: Some(value) };
        if inserts {
            self.table.insert(entry.clone());
        }
        Ok(Some((entry, Some(coded))))
    }
}

/// An integer with a prefix of `bits` bits in `first` (RFC 7541 section 5.1).
fn integer(cursor: &mut Cursor<'_>, first: u8, bits: u8) -> Result<usize, Malformed> {
    let mask = (1_u8 << bits).wrapping_sub(1);
    let mut value = usize::from(first & mask);
    if value < usize::from(mask) {
        return Ok(value);
    }
    for shift in [0_u32, 7, 14, 21] {
        let byte = cursor.u8("integer")?;
        value = value.saturating_add(usize::from(byte & 0x7f) << shift);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed::TooLarge("integer"))
}

/// A string literal (RFC 7541 section 5.2), and how many bytes its octets took on the wire.
fn string(cursor: &mut Cursor<'_>) -> Result<(Vec<u8>, usize), Malformed> {
    let first = cursor.u8("header string")?;
    let len = integer(cursor, first, 7)?;
    let octets = cursor.take(len, "header string")?;
    let bytes = if first & 0x80 == 0 { octets.to_vec() } else { huffman::decode(octets)? };
    Ok((bytes, len))
}

/// Origins of `wire` bytes, spread over the `len` bytes they decode to.
pub fn stretch(origins: &Origins, wire: usize, len: usize) -> Origins {
    if wire == len {
        return origins.clone();
    }
    if let [frame] = origins.frames().as_slice() {
        return Origins::one(len, *frame);
    }
    let mut out = Origins::new();
    for n in 0..len {
        let at = n.saturating_mul(wire).checked_div(len).unwrap_or(0);
        if let Some(frame) = origins.slice(at, at.saturating_add(1)).first().or_else(|| origins.first()) {
            out.push(1, frame);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER_PERMISSIVE;
    use proptest::prelude::*;

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER_PERMISSIVE.decode(text.replace(' ', "").as_bytes()).unwrap()
    }

    fn read(decoder: &mut Decoder, bytes: &[u8]) -> Vec<String> {
        let block = decoder.block(bytes, &Origins::one(bytes.len(), 1));
        assert!(block.broken.is_none(), "{:?}", block.broken);
        let text =
            |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or("?".into(), |b| String::from_utf8_lossy(b).into_owned());
        block.headers.iter().map(|h| format!("{}: {}", h.name.as_deref().unwrap_or("?"), text(&h.value))).collect()
    }

    /// RFC 7541 appendix C.6: responses with Huffman coding and eviction from a table of 256 bytes.
    #[test]
    fn the_responses_of_the_rfc_decode() {
        let mut decoder = Decoder::new(false);
        assert!(decoder.table.resize(256));
        let first = hex(
            "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        );
        assert_eq!(
            read(&mut decoder, &first),
            [
                ":status: 302",
                "cache-control: private",
                "date: Mon, 21 Oct 2013 20:13:21 GMT",
                "location: https://www.example.com",
            ]
        );
        assert_eq!(decoder.table.size(), 222);
        assert_eq!(read(&mut decoder, &hex("4883 640e ffc1 c0bf"))[0], ":status: 307");
        let third = hex(
            "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        );
        assert_eq!(
            read(&mut decoder, &third)[5],
            "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
        );
        assert_eq!(decoder.table.size(), 215);
    }

    #[test]
    fn a_capture_that_starts_in_the_middle_yields_what_it_can() {
        let mut decoder = Decoder::new(true);
        // Index 70, a literal whose name is index 71, and a literal of its own that goes into the table.
        let got =
            read(&mut decoder, &[&[0xc6, 0x7f, 0x08, 0x01, b'v'][..], &[0x40, 1, b'a', 1, b'b', 0xbe, 0xbf]].concat());
        assert_eq!(got, ["?: ?", "?: v", "a: b", "a: b", "?: v"]);
    }

    #[test]
    fn bombs_stay_within_a_head() {
        let mut decoder = Decoder::new(false);
        let mut bytes = vec![0x40, 1, b'a', 0x7f, 0xa1, 0x1e];
        bytes.extend_from_slice(&[b'x'; 4_000]);
        bytes.extend(std::iter::repeat_n(0xbe, 100_000));
        let block = decoder.block(&bytes, &Origins::one(bytes.len(), 1));
        let held: usize = block.headers.iter().filter_map(|h| h.value.as_ref()).map(Vec::len).sum();
        assert!(held <= HEAD_BYTES && block.skipped > 90_000 && block.broken.is_none());
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in [
            &[0x80][..],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            &[0x40, 0x05, b'a'],
            &[0x3f, 0xe1, 0xff, 0xff, 0x7f],
            &[0xbe],
        ] {
            let block = Decoder::new(false).block(bytes, &Origins::one(bytes.len(), 1));
            assert!(block.broken.is_some(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), lossy in any::<bool>()) {
            let mut decoder = Decoder::new(lossy);
            for _ in 0..2 {
                let block = decoder.block(&bytes, &Origins::one(bytes.len(), 1));
                for header in block.headers {
                    prop_assert_eq!(header.origins.len(), header.value.map_or(0, |value| value.len()));
                }
            }
        }
    }
}
