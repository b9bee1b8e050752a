//! TCP (RFC 9293) and UDP (RFC 768) headers.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::Skip;
use super::ip::{Carrier, Upper};
use crate::bytes::{Cursor, Malformed};
use crate::model::packet::{Endpoint, Packet, Segment, TcpFlags};

/// Reads what an IP header carries.
#[inline]
pub(super) fn parse<'a>(carrier: Carrier, upper: &Upper<'a>) -> Result<Packet<'a>, Skip> {
    let ((src, dst), segment) = match upper.protocol {
        6 => tcp(upper)?,
        17 => udp(upper)?,
        protocol => ((0, 0), Segment::Other { protocol, payload: upper.payload }),
    };
    Ok(Packet {
        frame: carrier.frame,
        at: carrier.at,
        src: Endpoint { ip: upper.src, port: src },
        dst: Endpoint { ip: upper.dst, port: dst },
        segment,
        parts: &[],
    })
}

type Ports = (u16, u16);

#[inline]
fn tcp<'a>(upper: &Upper<'a>) -> Result<(Ports, Segment<'a>), Malformed> {
    let what = "TCP header";
    let mut cursor = Cursor::new(upper.payload);
    let ports = (cursor.u16(what)?, cursor.u16(what)?);
    let seq = cursor.u32(what)?;
    let ack = cursor.u32(what)?;
    let header = usize::from(cursor.u8(what)? >> 4).saturating_mul(4);
    let bits = cursor.u8(what)?;
    cursor.take(4, what)?;
    let urgent = cursor.u16(what)?;
    let options = header.checked_sub(20).ok_or(Malformed::Illegal("TCP data offset"))?;
    // A short snapshot length may have cut the options, and then all of the payload.
    let cut = options.saturating_sub(cursor.rest().len());
    let missing = upper.missing.checked_sub(cut).ok_or(Malformed::Illegal("TCP data offset"))?;
    let payload = cursor.rest().get(options..).unwrap_or_default();
    let flags = TcpFlags {
        syn: bits & 0x02 != 0,
        ack: bits & 0x10 != 0,
        fin: bits & 0x01 != 0,
        rst: bits & 0x04 != 0,
        urg: bits & 0x20 != 0,
    };
    let missing = u32::try_from(missing).unwrap_or(u32::MAX);
    Ok((ports, Segment::Tcp { seq, ack, flags, urgent, payload, missing }))
}

#[inline]
fn udp<'a>(upper: &Upper<'a>) -> Result<(Ports, Segment<'a>), Malformed> {
    let what = "UDP header";
    let mut cursor = Cursor::new(upper.payload);
    let ports = (cursor.u16(what)?, cursor.u16(what)?);
    let len = usize::from(cursor.u16(what)?);
    cursor.take(2, what)?;
    let rest = cursor.rest();
    // Empty: segmentation offload, or a jumbogram.
    let promised = match len {
        0 => rest.len().saturating_add(upper.missing),
        _ => len.checked_sub(8).ok_or(Malformed::Illegal("UDP length"))?,
    };
    let payload = rest.get(..promised).unwrap_or(rest);
    let missing = u32::try_from(promised.saturating_sub(payload.len())).unwrap_or(u32::MAX);
    Ok((ports, Segment::Udp { payload, missing }))
}
