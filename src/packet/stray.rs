//! What frames carry beside IP. What machines on a link tell each other to keep it working is passed over; anything else may
//! be the device's own words, and is handed on as a datagram between the addresses that IPv6 makes of theirs.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::owner;
use crate::bytes::{Cursor, Malformed};
use crate::model::frame::{Frame, LinkType};
use crate::model::packet::{Endpoint, Packet, Segment};
use std::net::{IpAddr, Ipv6Addr};

/// A protocol number that IP never carries (IANA: reserved).
const NO_PROTOCOL: u8 = 255;
/// What a header is called that is not what it has to be.
const WHAT: &str = "link header";

/// EtherTypes of protocols that carry nothing for apps: ARP, RARP, wake-up, stream reservation, MOP, AppleTalk's ARP, pause,
/// slow protocols, PPPoE discovery, HomePlug and its kin, EAPOL and what prepares it, Realtek's loop detection, LLDP, LLTD,
/// registration, precise time, redundancy, fault management, tunnelled direct links, IEEE 1905, loopback tests.
const CONTROL: [u16; 31] = [
    0x0806, 0x0842, 0x22ea, 0x22f0, 0x22f3, 0x6001, 0x6002, 0x6003, 0x8035, 0x80f3, 0x8808, 0x8809, 0x8863, 0x886c,
    0x887b, 0x888e, 0x8899, 0x88c7, 0x88cc, 0x88d9, 0x88e1, 0x88e3, 0x88f5, 0x88f6, 0x88f7, 0x88fb, 0x8902, 0x890d,
    0x8912, 0x893a, 0x9000,
];
/// Organisations whose SNAP protocols keep networks working: Cisco, Extreme, Foundry.
const OPERATORS: [[u8; 3]; 3] = [[0x00, 0x00, 0x0c], [0x00, 0xe0, 0x2b], [0x00, 0xe0, 0x52]];

/// What is left of a frame that holds no IP packet, if it is for somebody to read.
#[cold]
pub(super) fn stray<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    let (src, dst, payload) = read(frame.link, frame.bytes).ok().flatten()?;
    let end = |mac: Mac| Endpoint { ip: address(mac), port: 0 };
    // Frames are padded to the least that Ethernet carries.
    payload.iter().any(|byte| *byte != 0).then(|| Packet {
        frame: frame.number,
        at: frame.at,
        src: end(src),
        dst: end(dst),
        segment: Segment::Other { protocol: NO_PROTOCOL, payload },
        parts: &[],
    })
}

/// An address of a machine on its link.
type Mac = [u8; 6];

/// The link-local address that IPv6 makes of it (RFC 4291, appendix A).
fn address(mac: Mac) -> IpAddr {
    let [first, second, third, ..] = mac;
    let [.., fourth, fifth, sixth] = mac;
    let low = [first ^ 2, second, third, 0xff, 0xfe, fourth, fifth, sixth];
    let mut octets = Cursor::new(&low);
    let mut pair = || octets.u16(WHAT).unwrap_or_default();
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, pair(), pair(), pair(), pair()))
}

/// Who sent it, to whom, and what is in it.
type Stray<'a> = (Mac, Mac, &'a [u8]);

fn read(link: LinkType, bytes: &[u8]) -> Result<Option<Stray<'_>>, Malformed> {
    let mut cursor = Cursor::new(bytes);
    match link.0 {
        1 => {
            let (dst, src) = (cursor.array(WHAT)?, cursor.array(WHAT)?);
            let kind = cursor.u16(WHAT)?;
            Ok(payload(kind, cursor)?.map(|payload| (src, dst, payload)))
        }
        // Linux cooked captures tell the sender alone; on what is no network, something else.
        113 => {
            cursor.take(2, WHAT)?;
            let network = is_network(cursor.u16(WHAT)?);
            cursor.take(2, WHAT)?;
            let src = cursor.array(WHAT)?;
            cursor.take(2, WHAT)?;
            let kind = cursor.u16(WHAT)?;
            Ok(if network { payload(kind, cursor)?.map(|payload| (src, [0; 6], payload)) } else { None })
        }
        276 => {
            let kind = cursor.u16(WHAT)?;
            cursor.take(6, WHAT)?;
            let network = is_network(cursor.u16(WHAT)?);
            cursor.take(2, WHAT)?;
            let src = cursor.array(WHAT)?;
            cursor.take(2, WHAT)?;
            Ok(if network { payload(kind, cursor)?.map(|payload| (src, [0; 6], payload)) } else { None })
        }
        105 => wifi(cursor),
        127 => {
            cursor.take(2, WHAT)?;
            let len = usize::from(u16::from_le_bytes(cursor.array(WHAT)?));
            cursor.take(len.checked_sub(4).ok_or(Malformed::Illegal(WHAT))?, WHAT)?;
            wifi(cursor)
        }
        149 | 258 => match owner::tap(bytes)? {
            (_, LinkType(149 | 258), _) => Ok(None),
            (_, link, rest) => read(link, rest),
        },
        _ => Ok(None),
    }
}

/// Whether a kind of hardware (ARPHRD of Linux) is a network: Ethernet, loopback, Wi-Fi, a tunnel.
const fn is_network(hardware: u16) -> bool {
    matches!(hardware, 1 | 512 | 772 | 801..=803 | 0xfffe)
}

/// What stands behind a link header, if it is no control.
fn payload(mut kind: u16, mut cursor: Cursor<'_>) -> Result<Option<&[u8]>, Malformed> {
    loop {
        match kind {
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => {
                cursor.take(2, WHAT)?;
                kind = cursor.u16(WHAT)?;
            }
            // Told by whoever reads it for IP, and control for the rest.
            0x8864 | 0x8847 | 0x8848 | 0x0800 | 0x86dd => return Ok(None),
            0..=1_500 => {
                let rest = cursor.rest();
                // Linux writes small numbers for what it has no type for; a length ends the payload.
                let rest = if kind > 4 { rest.get(..usize::from(kind)).unwrap_or(rest) } else { rest };
                return Ok(match rest {
                    [0xaa, 0xaa, 0x03, 0, 0, 0, high, low, rest @ ..] => {
                        let kind = u16::from_be_bytes([*high, *low]);
                        (kind > 1_500 && !CONTROL.contains(&kind)).then_some(rest)
                    }
                    [0xaa, 0xaa, 0x03, a, b, c, _, _, rest @ ..] => {
                        (!OPERATORS.contains(&[*a, *b, *c])).then_some(rest)
                    }
                    // Spanning tree, IS-IS, and the exchange of identities.
                    [0x42 | 0xfe, ..] | [_, _, 0xaf | 0xbf, ..] => None,
                    [_, _, _, rest @ ..] => Some(rest),
                    _ => None,
                });
            }
            kind if CONTROL.contains(&kind) => return Ok(None),
            _ => return Ok(Some(cursor.rest())),
        }
    }
}

/// A data frame of IEEE 802.11 that is not encrypted, with one packet in it or several (A-MSDU).
fn wifi(mut cursor: Cursor<'_>) -> Result<Option<Stray<'_>>, Malformed> {
    let [control, flags] = cursor.array(WHAT)?;
    let (kind, subtype) = (control >> 2 & 3, control >> 4);
    if control & 3 != 0 || kind != 2 || subtype & 4 != 0 || flags & 0x40 != 0 {
        return Ok(None);
    }
    cursor.take(2, WHAT)?;
    let (to, from) = (cursor.array(WHAT)?, cursor.array(WHAT)?);
    cursor.take(8, WHAT)?;
    if flags & 3 == 3 {
        cursor.take(6, WHAT)?;
    }
    if subtype & 8 != 0 {
        let [qos, _] = cursor.array(WHAT)?;
        if flags & 0x80 != 0 {
            cursor.take(4, WHAT)?;
        }
        if qos & 0x80 != 0 {
            return Ok(Some((from, to, cursor.rest())));
        }
    }
    Ok(payload(0, cursor)?.map(|payload| (from, to, payload)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    fn of(link: u32, bytes: &[u8]) -> Option<(String, String, Vec<u8>)> {
        let frame = Frame {
            number: 1,
            at: Timestamp::default(),
            link: LinkType(link),
            bytes,
            wire_len: u32::try_from(bytes.len()).unwrap(),
            process: None,
        };
        let packet = stray(&frame)?;
        let Segment::Other { payload, .. } = packet.segment else { return None };
        Some((packet.src.ip.to_string(), packet.dst.ip.to_string(), payload.to_vec()))
    }

    fn ethernet(kind: u16, rest: &[u8]) -> Vec<u8> {
        let ends = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        [&ends[..], &kind.to_be_bytes(), rest].concat()
    }

    #[test]
    fn what_is_nobodys_protocol_is_handed_on_and_control_is_not() {
        let text = b"The heron lands at dusk";
        let len = u16::try_from(text.len()).unwrap();
        let with = |front: &[u8]| [front, text].concat();
        for (name, bytes, shows) in [
            ("an unknown type", ethernet(0x88b5, text), true),
            ("a tag in front", ethernet(0x8100, &with(b"\x00\x07\x88\xb5")), true),
            ("LLC", ethernet(len + 3, &with(b"\xe0\xe0\x03")), true),
            ("SNAP", ethernet(len + 8, &with(b"\xaa\xaa\x03\x00\x00\x00\x88\xb5")), true),
            ("SNAP of somebody", ethernet(len + 8, &with(b"\xaa\xaa\x03\x00\x12\x34\x00\x01")), true),
            ("ARP", ethernet(0x0806, text), false),
            ("EAPOL", ethernet(0x888e, text), false),
            ("LLDP", ethernet(0x88cc, text), false),
            ("CDP", ethernet(len + 8, &with(b"\xaa\xaa\x03\x00\x00\x0c\x20\x00")), false),
            ("spanning tree", ethernet(len + 3, &with(b"\x42\x42\x03")), false),
            ("padding", ethernet(0x88b5, &[0; 46]), false),
        ] {
            let got = of(1, &bytes);
            assert_eq!(got.as_ref().is_some_and(|(_, _, payload)| payload == text), shows, "{name}");
            if let Some((src, dst, _)) = got {
                assert_eq!((src.as_str(), dst.as_str()), ("fe80::ff:fe00:2", "fe80::ff:fe00:1"), "{name}");
            }
        }
        for cut in 0..14 {
            assert_eq!(of(1, &ethernet(0x88b5, text)[..cut]), None);
        }
        let cooked = |hardware: u8| with(&[0, 4, 0, hardware, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 0x88, 0xb5]);
        assert!(of(113, &cooked(1)).is_some_and(|(_, _, payload)| payload == text));
        assert_eq!(of(113, &cooked(56)), None);
    }

    #[test]
    fn data_frames_of_wifi_are_handed_on_where_they_are_not_encrypted() {
        let frame = |control: u8, flags: u8, rest: &[u8]| {
            let addresses = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3, 0, 0];
            [&[control, flags, 0, 0][..], &addresses, rest].concat()
        };
        let snap = b"\xaa\xaa\x03\x00\x00\x00\x88\xb5The heron";
        let shown = |bytes: &[u8]| of(105, bytes).map(|(_, _, payload)| payload);
        assert_eq!(shown(&frame(0x08, 1, snap)).as_deref(), Some(&b"The heron"[..]));
        let several = frame(0x88, 1, b"\x80\0\x02\0\0\0\0\x01\x02\0\0\0\0\x02\0\x09The heron");
        assert!(shown(&several).is_some_and(|payload| payload.ends_with(b"The heron")));
        for other in [frame(0x08, 0x41, snap), frame(0x80, 0, snap), frame(0x48, 1, snap)] {
            assert_eq!(shown(&other), None);
        }
    }
}
