//! Who on the machine sent a frame, where the capture says it frame by frame.
//!
//! Built against the layouts of `PCAPdroid`'s trailer (`pcapdroid_trailer_t`) and of Apple's packet tap
//! (`struct pktap_header`, link type 258, or 149 as macOS first numbered it).
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Malformed};
use crate::model::frame::{Frame, LinkType};

/// Bytes of the trailer: magic, user id, name, frame check sequence.
const TRAILER: usize = 32;
const MAGIC: [u8; 4] = [0x01, 0x07, 0x20, 0x21];
/// Bytes of the fields of a packet tap's header that are read; newer ones are longer.
const TAP: usize = 108;

/// Who sent it: a name, and the user id where the capture has one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Owner<'a> {
    /// App or process, as far as the capture's field goes; may be empty.
    pub name: &'a str,
    /// User id (Android gives each app its own).
    pub uid: Option<i32>,
    /// Process id.
    pub pid: Option<i32>,
}

/// Who sent a frame, if it says.
#[inline]
pub fn owner<'a>(frame: &Frame<'a>) -> Option<Owner<'a>> {
    if let Some(name) = frame.process {
        return Some(Owner { name, uid: None, pid: None });
    }
    match frame.link.0 {
        1 => trailer(frame.bytes),
        149 | 258 => tap(frame.bytes).ok().map(|(owner, ..)| owner).filter(|owner| !owner.name.is_empty()),
        _ => None,
    }
}

/// The trailer behind an IP packet in an Ethernet frame.
fn trailer(frame: &[u8]) -> Option<Owner<'_>> {
    let (packet, trailer) = frame.split_at_checked(frame.len().checked_sub(TRAILER)?)?;
    let mut cursor = Cursor::new(trailer);
    if cursor.array::<4>("trailer").ok()? != MAGIC {
        return None;
    }
    // Behind the packet, by its own length: what a packet carries is no trailer.
    let ip = packet.get(14..)?;
    let len = match ip.first()? >> 4 {
        4 => usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?])),
        6 => usize::from(u16::from_be_bytes([*ip.get(4)?, *ip.get(5)?])).saturating_add(40),
        _ => return None,
    };
    if len > ip.len() {
        return None;
    }
    let uid = i32::from_be_bytes(cursor.array("trailer").ok()?);
    let name = text(cursor.take(20, "trailer").ok()?);
    Some(Owner { name, uid: Some(uid), pid: None })
}

/// A packet tap's header: who sent it, and the frame behind it.
pub(super) fn tap(bytes: &[u8]) -> Result<(Owner<'_>, LinkType, &[u8]), Malformed> {
    let what = "packet tap header";
    // In the byte order of the machine: its own length, which is small, tells which.
    let first: [u8; 4] = Cursor::new(bytes).array(what)?;
    let little = u32::from_le_bytes(first) <= u32::from_be_bytes(first);
    let read = |cursor: &mut Cursor<'_>| -> Result<u32, Malformed> {
        let bytes = cursor.array(what)?;
        Ok(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let mut cursor = Cursor::new(bytes);
    let len = read(&mut cursor)? as usize;
    // The kind of what follows: 1 is a packet.
    let kind = read(&mut cursor)?;
    let link = read(&mut cursor)?;
    if kind != 1 || len < TAP {
        return Err(Malformed::Illegal(what));
    }
    // Interface name, flags, protocol family, lengths of the frame's own header and trailer.
    cursor.take(40, what)?;
    let pid = read(&mut cursor)?;
    let process = text(cursor.take(20, what)?);
    // Service class, type and unit of the interface; then whoever it was done for.
    cursor.take(8, what)?;
    let effective = read(&mut cursor)?;
    let on_behalf = text(cursor.take(20, what)?);
    let (name, pid) = if on_behalf.is_empty() { (process, pid) } else { (on_behalf, effective) };
    let pid = i32::try_from(pid).ok().filter(|pid| *pid > 0);
    Ok((Owner { name, uid: None, pid }, LinkType(link), bytes.get(len..).ok_or(Malformed::Short(what))?))
}

/// Text up to its zero, as far as it is text: a name may be cut within a character.
fn text(field: &[u8]) -> &str {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let field = field.get(..end).unwrap_or_default();
    match std::str::from_utf8(field) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(field.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    fn frame(link: u32, bytes: &[u8]) -> Frame<'_> {
        let wire_len = u32::try_from(bytes.len()).unwrap();
        Frame { number: 1, at: Timestamp(0), link: LinkType(link), bytes, wire_len, process: None }
    }

    /// An IPv4 packet of 24 bytes in an Ethernet frame, and a trailer.
    fn droid(len: u16, name: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 12];
        out.extend([8, 0, 0x45, 0]);
        out.extend(len.to_be_bytes());
        out.extend([0; 20]);
        out.extend(MAGIC);
        out.extend(10_123_i32.to_be_bytes());
        out.extend(name.iter().copied().chain(std::iter::repeat(0)).take(20));
        out.extend([1, 2, 3, 4]);
        out
    }

    #[test]
    fn a_trailer_names_the_app_behind_the_packet_only() {
        let bytes = droid(24, b"Chatterly");
        assert_eq!(owner(&frame(1, &bytes)), Some(Owner { name: "Chatterly", uid: Some(10_123), pid: None }));
        // A name that the field cut within a character.
        assert_eq!(owner(&frame(1, &droid(24, b"Reiherflug nach S\xc3"))).unwrap().name, "Reiherflug nach S");
        assert_eq!(owner(&frame(1, &droid(24 + 32, b"Chatterly"))), None, "inside the packet");
        assert_eq!(owner(&frame(101, &bytes)), None);
        for cut in 0..bytes.len() {
            assert_eq!(owner(&frame(1, &bytes[..cut])), None);
        }
    }

    fn tapped(process: &[u8], behalf: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for word in [108_u32, 1, 12] {
            out.extend(word.to_le_bytes());
        }
        out.extend(b"en0".iter().chain(&[0; 21]));
        out.extend([0; 16]);
        let name = |out: &mut Vec<u8>, pid: u32, name: &[u8]| {
            out.extend(pid.to_le_bytes());
            out.extend(name.iter().copied().chain(std::iter::repeat(0)).take(20));
        };
        name(&mut out, 77, process);
        out.extend([0; 8]);
        name(&mut out, 99, behalf);
        out.extend([0x45, 0, 0, 20]);
        out
    }

    #[test]
    fn a_packet_tap_names_the_process_and_whom_it_worked_for() {
        let bytes = tapped(b"Chatterly", b"");
        assert_eq!(owner(&frame(258, &bytes)), Some(Owner { name: "Chatterly", uid: None, pid: Some(77) }));
        let (_, link, rest) = tap(&bytes).unwrap();
        assert_eq!((link, rest), (LinkType(12), &[0x45, 0, 0, 20][..]));
        assert_eq!(owner(&frame(149, &tapped(b"nsurlsessiond", b"Chatterly"))).unwrap().pid, Some(99));
        for cut in 0..108 {
            assert_eq!(owner(&frame(258, &bytes[..cut])), None);
        }
    }
}
