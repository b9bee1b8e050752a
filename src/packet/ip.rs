//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers, and the tunnels that carry IP in IP.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::fragment::{Fragment, FragmentId};
use super::{Skip, link, transport};
use crate::bytes::{Cursor, Malformed};
use crate::model::frame::Frame;
use crate::model::origin::FrameNo;
use crate::model::packet::{Packet, Segment};
use crate::model::time::Timestamp;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Tunnels one inside the other.
pub(super) const TUNNELS: u8 = 4;

/// What a frame holds.
#[derive(Clone, Copy, Debug)]
pub enum Parsed<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// A piece of one, for the [`Defragmenter`](super::Defragmenter).
    Fragment(Fragment<'a>),
}

/// Reads the headers of a frame.
#[inline]
pub fn parse<'a>(frame: &Frame<'a>) -> Result<Parsed<'a>, Skip> {
    let bytes = link::network(frame.link, frame.bytes)?;
    let beyond = (frame.wire_len as usize).saturating_sub(frame.bytes.len());
    ip(Carrier { frame: frame.number, at: frame.at, tunnels: 0 }, bytes, beyond)
}

/// The frame that carries what is being read, and how deep in tunnels we are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carrier {
    pub(super) frame: FrameNo,
    pub(super) at: Timestamp,
    pub(super) tunnels: u8,
}

/// What an IP header says of its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upper<'a> {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// Protocol number (IANA).
    pub(super) protocol: u8,
    /// What was captured.
    pub(super) payload: &'a [u8],
    /// Bytes that the header promises and the capture lacks.
    pub(super) missing: usize,
}

/// Reads an IP packet; `beyond` bytes of the frame were on the wire and are not in the capture.
#[inline]
fn ip(carrier: Carrier, bytes: &[u8], beyond: usize) -> Result<Parsed<'_>, Skip> {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => v4(carrier, bytes, beyond),
        Some(6) => v6(carrier, bytes, beyond),
        Some(_) => Err(Malformed::Illegal("IP version").into()),
        None => Err(Malformed::Short("IP header").into()),
    }
}

#[inline]
fn v4(carrier: Carrier, bytes: &[u8], beyond: usize) -> Result<Parsed<'_>, Skip> {
    let what = "IPv4 header";
    let mut cursor = Cursor::new(bytes);
    let header = usize::from(cursor.u8(what)? & 0x0f).saturating_mul(4);
    cursor.take(1, what)?;
    let total = usize::from(cursor.u16(what)?);
    let id = cursor.u16(what)?;
    let fragment = cursor.u16(what)?;
    cursor.take(1, what)?;
    let protocol = cursor.u8(what)?;
    cursor.take(2, what)?;
    let src = IpAddr::V4(Ipv4Addr::from(cursor.array::<4>(what)?));
    let dst = IpAddr::V4(Ipv4Addr::from(cursor.array::<4>(what)?));
    let options = header.checked_sub(20).ok_or(Malformed::Illegal("IPv4 header length"))?;
    cursor.take(options, "IPv4 options")?;
    let rest = cursor.rest();
    // Segmentation offload leaves the length empty: the packet goes to the end of the frame.
    let promised = match total {
        0 => rest.len().saturating_add(beyond),
        _ => total.checked_sub(header).ok_or(Malformed::Illegal("IPv4 total length"))?,
    };
    // What trails is padding of the link.
    let payload = rest.get(..promised).unwrap_or(rest);
    let missing = promised.saturating_sub(payload.len());
    let upper = Upper { src, dst, protocol, payload, missing };
    let (more, offset) = (fragment & 0x2000 != 0, usize::from(fragment & 0x1fff).saturating_mul(8));
    if more || offset > 0 {
        let id = FragmentId { src, dst, id: id.into(), protocol };
        return Ok(Parsed::Fragment(Fragment { id, upper, offset, more, carrier }));
    }
    inner(carrier, upper)
}

#[inline]
fn v6(carrier: Carrier, bytes: &[u8], beyond: usize) -> Result<Parsed<'_>, Skip> {
    let what = "IPv6 header";
    let mut cursor = Cursor::new(bytes);
    cursor.take(4, what)?;
    let total = usize::from(cursor.u16(what)?);
    let next = cursor.u8(what)?;
    cursor.take(1, what)?;
    let src = IpAddr::V6(Ipv6Addr::from(cursor.array::<16>(what)?));
    let dst = IpAddr::V6(Ipv6Addr::from(cursor.array::<16>(what)?));
    let rest = cursor.rest();
    // Empty: a jumbogram (RFC 2675), or segmentation offload.
    let promised = if total == 0 && next != 59 { rest.len().saturating_add(beyond) } else { total };
    let payload = rest.get(..promised).unwrap_or(rest);
    let missing = promised.saturating_sub(payload.len());
    inner(carrier, Upper { src, dst, protocol: next, payload, missing })
}

/// Reads on behind the IP header: IPv6 extension headers, tunnels, transport.
#[inline]
pub(super) fn inner(carrier: Carrier, mut upper: Upper<'_>) -> Result<Parsed<'_>, Skip> {
    if matches!(upper.protocol, 6 | 17) {
        return transport::parse(carrier, &upper).map(Parsed::Packet);
    }
    if upper.src.is_ipv6() {
        loop {
            let mut cursor = Cursor::new(upper.payload);
            match upper.protocol {
                // Hop-by-hop, routing, destination options, host identity, shim6; authentication counts otherwise.
                0 | 43 | 51 | 60 | 139 | 140 => {
                    let next = cursor.u8("IPv6 extension header")?;
                    let len = usize::from(cursor.u8("IPv6 extension header")?);
                    let size = if upper.protocol == 51 {
                        len.saturating_mul(4).saturating_add(8)
                    } else {
                        len.saturating_mul(8).saturating_add(8)
                    };
                    cursor.take(size.saturating_sub(2), "IPv6 extension header")?;
                    upper = Upper { protocol: next, payload: cursor.rest(), ..upper };
                }
                44 => {
                    let next = cursor.u8("IPv6 fragment header")?;
                    cursor.take(1, "IPv6 fragment header")?;
                    let fragment = cursor.u16("IPv6 fragment header")?;
                    let id = cursor.u32("IPv6 fragment header")?;
                    upper = Upper { protocol: next, payload: cursor.rest(), ..upper };
                    let (more, offset) = (fragment & 1 != 0, usize::from(fragment & 0xfff8));
                    if more || offset > 0 {
                        // Unlike IPv4, the protocol is no part of what identifies a datagram.
                        let id = FragmentId { src: upper.src, dst: upper.dst, id, protocol: 0 };
                        return Ok(Parsed::Fragment(Fragment { id, upper, offset, more, carrier }));
                    }
                }
                _ => break,
            }
        }
    } else if upper.protocol == 51 {
        let mut cursor = Cursor::new(upper.payload);
        let next = cursor.u8("authentication header")?;
        let size = usize::from(cursor.u8("authentication header")?).saturating_mul(4).saturating_add(6);
        cursor.take(size, "authentication header")?;
        upper = Upper { protocol: next, payload: cursor.rest(), ..upper };
    }
    match upper.protocol {
        4 | 41 if carrier.tunnels < TUNNELS => {
            ip(Carrier { tunnels: carrier.tunnels.saturating_add(1), ..carrier }, upper.payload, upper.missing)
        }
        47 if carrier.tunnels < TUNNELS => match gre(upper.payload)? {
            Some(bytes) => ip(Carrier { tunnels: carrier.tunnels.saturating_add(1), ..carrier }, bytes, upper.missing),
            None => transport::parse(carrier, &upper).map(Parsed::Packet),
        },
        _ => transport::parse(carrier, &upper).map(Parsed::Packet),
    }
}

/// The IP packet in the Ethernet frame that VXLAN carries (RFC 7348, section 5), where the headers of both are what they have
/// to be.
///
/// Unlike other tunnels it begins at a port, where any app can write what it likes, so it takes nothing away: the datagram is
/// handed on as well, and whoever it goes to has read it, whatever address stands inside.
#[inline]
pub(super) fn vxlan<'a>(packet: &Packet<'a>) -> Option<Parsed<'a>> {
    let Segment::Udp { payload, missing } = packet.segment else { return None };
    if packet.dst.port != 4_789 {
        return None;
    }
    // Only the flag I, a network, and what is reserved empty.
    let [0x08, 0, 0, 0, _, _, _, 0, frame @ ..] = payload else { return None };
    let bytes = link::ethernet(Cursor::new(frame)).ok()?;
    let beyond = usize::try_from(missing).unwrap_or(usize::MAX);
    ip(Carrier { frame: packet.frame, at: packet.at, tunnels: 1 }, bytes, beyond).ok()
}

/// The IP packet in GRE (RFC 2784, 2890; version 1 is RFC 2637), if it carries one.
fn gre(bytes: &[u8]) -> Result<Option<&[u8]>, Skip> {
    let what = "GRE header";
    let mut cursor = Cursor::new(bytes);
    let flags = cursor.u16(what)?;
    let kind = cursor.u16(what)?;
    let has = |bit: u16| usize::from(flags & bit != 0).saturating_mul(4);
    match flags & 7 {
        0 => {
            // Checksum or routing, key, sequence number.
            if flags & 0x4000 != 0 {
                return Ok(None);
            }
            cursor.take(has(0x8000).saturating_add(has(0x2000)).saturating_add(has(0x1000)), what)?;
        }
        1 => {
            // Key, sequence number, acknowledgment.
            cursor.take(has(0x2000).saturating_add(has(0x1000)).saturating_add(has(0x0080)), what)?;
            if cursor.is_empty() {
                return Ok(None);
            }
        }
        _ => return Ok(None),
    }
    match kind {
        0x0800 | 0x86dd => Ok(Some(cursor.rest())),
        0x6558 => link::ethernet(cursor).map(Some),
        0x880b => link::ppp(cursor).map(Some),
        _ => Ok(None),
    }
}
