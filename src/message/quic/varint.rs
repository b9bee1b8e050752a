//! Variable-length integers (RFC 9000 section 16), as QUIC and HTTP/3 write nearly all of theirs.

use crate::bytes::{Cursor, Malformed};

/// A variable-length integer (RFC 9000 section 16).
pub fn varint(cursor: &mut Cursor<'_>, what: &'static str) -> Result<u64, Malformed> {
    let first = cursor.u8(what)?;
    let mut value = u64::from(first & 0x3f);
    for _ in 1..(1_u8 << (first >> 6)) {
        value = value << 8 | u64::from(cursor.u8(what)?);
    }
    Ok(value)
}

/// Appends a variable-length integer.
pub fn put_varint(out: &mut Vec<u8>, value: u64) {
    let bytes = value.to_be_bytes();
    let [.., a, b, c, d] = bytes;
    match value {
        0..=0x3f => out.push(d),
        0x40..=0x3fff => out.extend_from_slice(&[c | 0x40, d]),
        0x4000..=0x3fff_ffff => out.extend_from_slice(&[a | 0x80, b, c, d]),
        _ => {
            let [first, rest @ ..] = bytes;
            out.push(first & 0x3f | 0xc0);
            out.extend_from_slice(&rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_those_of_the_rfc() {
        for (hex, value) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ] {
            assert_eq!(varint(&mut Cursor::new(hex), "x").unwrap(), value);
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out, hex);
        }
        assert_eq!(varint(&mut Cursor::new(&[0x40, 0x25]), "x").unwrap(), 37);
        assert!(varint(&mut Cursor::new(&[0xc0, 1]), "x").is_err());
    }
}
