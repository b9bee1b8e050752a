//! JA4, a fingerprint of the client's TLS stack, as FoxIO publishes it (the JA4 part is BSD 3-Clause).

use crate::message::handshake::hello::{ClientHello, EXT_ALPN, EXT_SERVER_NAME, is_grease};
use ring::digest::{SHA256, digest};
use std::fmt::Write as _;

/// The fingerprint. `transport` is `t` for TLS over TCP, `q` for QUIC, `d` for DTLS.
pub fn ja4(transport: char, hello: &ClientHello) -> String {
    let highest = if transport == 'd' { hello.highest_dtls() } else { hello.highest_version() };
    let version = match highest {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    };
    let name = if hello.extension(EXT_SERVER_NAME).is_some() { 'd' } else { 'i' };
    let mut suites: Vec<u16> = hello.suites.iter().copied().filter(|&suite| !is_grease(suite)).collect();
    let mut kinds: Vec<u16> = hello.extensions.iter().map(|e| e.id).filter(|&id| !is_grease(id)).collect();
    let (suite_count, kind_count) = (suites.len().min(99), kinds.len().min(99));
    suites.sort_unstable();
    kinds.retain(|&id| id != EXT_SERVER_NAME && id != EXT_ALPN);
    kinds.sort_unstable();
    let signatures: Vec<u16> = hello.signature_algorithms().into_iter().filter(|&s| !is_grease(s)).collect();
    let mut tail = list(&kinds);
    if !signatures.is_empty() {
        tail = format!("{tail}_{}", list(&signatures));
    }
    let alpn = ends(hello.alpn().first().map_or(&[], Vec::as_slice));
    let (b, c) = (hash(&list(&suites)), if kinds.is_empty() { hash("") } else { hash(&tail) });
    format!("{transport}{version}{name}{suite_count:02}{kind_count:02}{alpn}_{b}_{c}")
}

fn list(values: &[u16]) -> String {
    let mut out = String::new();
    for value in values {
        if !out.is_empty() {
            out.push(',');
        }
        let _ = write!(out, "{value:04x}");
    }
    out
}

/// The first twelve hex digits of SHA-256; zeros for nothing.
fn hash(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    let mut out = data_encoding::HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref());
    out.truncate(12);
    out
}

/// First and last character of the first protocol offered; of its hex form where one of them is not alphanumeric.
fn ends(id: &[u8]) -> String {
    let (Some(&first), Some(&last)) = (id.first(), id.last()) else { return "00".to_owned() };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return format!("{}{}", char::from(first), char::from(last));
    }
    let hex = data_encoding::HEXLOWER.encode(id);
    hex.chars().next().into_iter().chain(hex.chars().last()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::handshake::hello::{EXT_SIGNATURES, EXT_VERSIONS, Extension};

    fn be(values: &[u16]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_be_bytes()).collect()
    }

    /// The worked example of FoxIO's technical details: a Chrome hello with GREASE, in shuffled order.
    #[test]
    fn agrees_with_the_published_example() {
        let suites = [
            0xdada, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
            0x009d, 0x002f, 0x0035,
        ];
        let signatures = be(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]);
        let ids = [
            0x1a1a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
            0xff01, 0x000b, 0x000a, 0x0015, 0xdada,
        ];
        let extensions = ids.map(|id| {
            let data = match id {
                EXT_SIGNATURES => [&[0, 16], signatures.as_slice()].concat(),
                EXT_VERSIONS => vec![6, 0x2a, 0x2a, 3, 4, 3, 3],
                EXT_ALPN => b"\x00\x0c\x02h2\x08http/1.1".to_vec(),
                _ => Vec::new(),
            };
            Extension { id, data }
        });
        let hello = ClientHello {
            version: 0x0303,
            random: [0; 32],
            session_id: Vec::new(),
            suites: suites.to_vec(),
            extensions: extensions.to_vec(),
        };
        assert_eq!(ja4('t', &hello), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn protocol_ends_follow_the_published_table() {
        assert_eq!(ends(b"h2"), "h2");
        assert_eq!(ends(b"http/1.1"), "h1");
        assert_eq!(ends(b""), "00");
        assert_eq!(ends(&[0xab]), "ab");
        assert_eq!(ends(&[0xab, 0xcd]), "ad");
        assert_eq!(ends(&[0x30, 0xab]), "3b");
        assert_eq!(ends(&[0x30, 0x31, 0xab, 0xcd]), "3d");
        assert_eq!(ends(&[0x30, 0xab, 0xcd, 0x31]), "01");
    }
}
