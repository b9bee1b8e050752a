//! Link-layer headers: everything in front of IP.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::Skip;
use crate::bytes::{Cursor, Malformed};
use crate::model::frame::LinkType;

/// Link types that are read, as numbers and as people call them.
pub const LINKS: &[(&str, &str)] = &[
    ("0, 108", "BSD loopback"),
    ("1", "Ethernet, with VLAN tags, MPLS, LLC/SNAP and PPPoE sessions inside"),
    ("9, 50", "PPP"),
    ("12, 14, 101, 228, 229", "raw IP"),
    ("51", "PPPoE"),
    ("105, 127", "IEEE 802.11 data frames that are not encrypted, bare and behind radiotap"),
    ("113, 276", "Linux cooked captures, version 1 and 2"),
    ("239", "Linux netfilter log (NFLOG)"),
];

/// The IP packet in a frame of type `link`, with whatever trails it.
#[inline]
pub(super) fn network(link: LinkType, bytes: &[u8]) -> Result<&[u8], Skip> {
    let mut cursor = Cursor::new(bytes);
    match link.0 {
        1 => ethernet(cursor),
        // BSD null and loop: the address family, in the byte order of the machine or of the network.
        0 | 108 => {
            let family: [u8; 4] = cursor.array("loopback header")?;
            let family = u32::from_be_bytes(family).min(u32::from_le_bytes(family));
            // AF_INET6 is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on Darwin.
            if matches!(family, 2 | 10 | 24 | 28 | 30) { Ok(cursor.rest()) } else { Err(Skip::NotIp) }
        }
        9 | 50 => ppp(cursor),
        105 => wifi(cursor),
        51 => pppoe(cursor),
        // Raw IP; 12 and 14 are what some systems wrote before 101 was assigned.
        12 | 14 | 101 | 228 | 229 => Ok(bytes),
        113 => {
            cursor.take(14, "Linux cooked header")?;
            let kind = cursor.u16("Linux cooked header")?;
            ethertype(kind, cursor)
        }
        127 => {
            // Radiotap: version 0, and its length in the byte order of the format.
            cursor.take(2, "radiotap header")?;
            let len = usize::from(u16::from_le_bytes(cursor.array("radiotap header")?));
            let rest = len.checked_sub(4).ok_or(Malformed::Illegal("radiotap header"))?;
            cursor.take(rest, "radiotap header")?;
            wifi(cursor)
        }
        239 => nflog(cursor),
        276 => {
            let kind = cursor.u16("Linux cooked header")?;
            cursor.take(18, "Linux cooked header")?;
            ethertype(kind, cursor)
        }
        149 | 258 => match super::owner::tap(bytes)? {
            (_, LinkType(149 | 258), _) => Err(Malformed::Illegal("packet tap in a packet tap").into()),
            (_, link, rest) => network(link, rest),
        },
        _ => Err(Skip::UnsupportedLink(link)),
    }
}

/// Ethernet II, or 802.3 with an LLC and SNAP header.
#[inline]
pub(super) fn ethernet(mut cursor: Cursor<'_>) -> Result<&[u8], Skip> {
    cursor.take(12, "Ethernet header")?;
    let kind = cursor.u16("Ethernet header")?;
    ethertype(kind, cursor)
}

#[inline]
fn ethertype(mut kind: u16, mut cursor: Cursor<'_>) -> Result<&[u8], Skip> {
    loop {
        match kind {
            0x0800 | 0x86dd => return Ok(cursor.rest()),
            // 802.1Q, 802.1ad and the older numbers for stacked tags.
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => {
                cursor.take(2, "VLAN tag")?;
                kind = cursor.u16("VLAN tag")?;
            }
            0x8864 => return pppoe(cursor),
            0x8847 | 0x8848 => return mpls(cursor),
            // A length: LLC follows. Linux cooked captures write 4 for the same.
            0..=1_500 => match cursor.rest() {
                [0xaa, 0xaa, 0x03, 0, 0, 0, ..] => {
                    cursor.take(6, "SNAP header")?;
                    kind = cursor.u16("SNAP header")?;
                    if kind <= 1_500 {
                        return Err(Skip::NotIp);
                    }
                }
                _ => return Err(Skip::NotIp),
            },
            _ => return Err(Skip::NotIp),
        }
    }
}

/// IEEE 802.11: a data frame with an LLC and SNAP header in it. What is encrypted on the air is nobody's to read here,
/// and neither are frames with several packets in one (A-MSDU).
fn wifi(mut cursor: Cursor<'_>) -> Result<&[u8], Skip> {
    let [control, flags] = cursor.array("802.11 header")?;
    let (kind, subtype) = (control >> 2 & 3, control >> 4);
    // Version 0, data, with a payload, not protected.
    if control & 3 != 0 || kind != 2 || subtype & 4 != 0 || flags & 0x40 != 0 {
        return Err(Skip::NotIp);
    }
    cursor.take(22, "802.11 header")?;
    // Between two access points a fourth address follows.
    if flags & 3 == 3 {
        cursor.take(6, "802.11 header")?;
    }
    if subtype & 8 != 0 {
        let [qos, _] = cursor.array("802.11 QoS control")?;
        if qos & 0x80 != 0 {
            return Err(Skip::NotIp);
        }
        if flags & 0x80 != 0 {
            cursor.take(4, "802.11 HT control")?;
        }
    }
    ethertype(0, cursor)
}

/// MPLS labels (RFC 3032); what follows the last one is told by its first digit only.
fn mpls(mut cursor: Cursor<'_>) -> Result<&[u8], Skip> {
    while cursor.u32("MPLS label")? & 0x100 == 0 {}
    by_version(cursor.rest())
}

fn by_version(bytes: &[u8]) -> Result<&[u8], Skip> {
    match bytes.first() {
        Some(0x40..=0x6f) => Ok(bytes),
        _ => Err(Skip::NotIp),
    }
}

/// PPPoE session (RFC 2516).
fn pppoe(mut cursor: Cursor<'_>) -> Result<&[u8], Skip> {
    let head = cursor.u16("PPPoE header")?;
    cursor.take(4, "PPPoE header")?;
    // Version 1, type 1, and code 0: a session.
    if head != 0x1100 {
        return Err(Skip::NotIp);
    }
    ppp(cursor)
}

/// PPP (RFC 1661), with or without address and control, protocol compressed or not.
pub(super) fn ppp(mut cursor: Cursor<'_>) -> Result<&[u8], Skip> {
    if cursor.rest().starts_with(&[0xff, 0x03]) {
        cursor.take(2, "PPP header")?;
    }
    let mut kind = u16::from(cursor.u8("PPP header")?);
    // The first byte of an uncompressed protocol number is even.
    if kind & 1 == 0 {
        kind = kind << 8 | u16::from(cursor.u8("PPP header")?);
    }
    if matches!(kind, 0x21 | 0x57) { Ok(cursor.rest()) } else { Err(Skip::NotIp) }
}

/// Linux netfilter log: attributes in the byte order of the machine, the packet in one of them.
fn nflog(mut cursor: Cursor<'_>) -> Result<&[u8], Skip> {
    const PAYLOAD: u16 = 9;
    cursor.take(4, "NFLOG header")?;
    let first: [u8; 2] = Cursor::new(cursor.rest()).array("NFLOG attribute")?;
    // The first attribute is a short one, so its length tells the order.
    let little = u16::from_le_bytes(first) <= u16::from_be_bytes(first);
    let read = |cursor: &mut Cursor<'_>| -> Result<u16, Malformed> {
        let bytes = cursor.array("NFLOG attribute")?;
        Ok(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    while !cursor.is_empty() {
        let len = usize::from(read(&mut cursor)?);
        let kind = read(&mut cursor)?;
        let size = len.checked_sub(4).ok_or(Malformed::Illegal("NFLOG attribute length"))?;
        if kind & 0x7fff == PAYLOAD {
            // A snapshot length may have cut it.
            let rest = cursor.rest();
            return by_version(rest.get(..size).unwrap_or(rest));
        }
        cursor.take(size, "NFLOG attribute")?;
        let padding = len.next_multiple_of(4).saturating_sub(len).min(cursor.rest().len());
        cursor.take(padding, "NFLOG attribute")?;
    }
    Err(Skip::NotIp)
}
