//! pcap, as tcpdump writes it: micro- and nanoseconds, both byte orders, and Kuznetzov's variant with longer headers.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Malformed, Match};
use crate::capture::order::Order;
use crate::capture::{EvidenceKind, Format, Source, Stopped, Window};
use crate::model::budget::BLOCK_BYTES;
use crate::model::frame::{Frame, LinkType};
use crate::model::item::Item;
use crate::model::time::Timestamp;

/// The registry entry.
pub(super) static FORMAT: Format =
    Format { name: "pcap", about: "pcap capture (tcpdump)", kind: EvidenceKind::Traffic, sniff, open, secrets: None };

const FILE_HEADER: usize = 24;

/// What the magic number says: byte order, nanoseconds per unit of the fraction, length of a record header.
struct Variant {
    order: Order,
    scale: i64,
    record_header: usize,
}

fn variant(magic: [u8; 4]) -> Option<Variant> {
    let read = |order, value| {
        let (scale, record_header) = match value {
            0xa1b2_c3d4_u32 => (1_000, 16),
            0xa1b2_3c4d => (1, 16),
            0xa1b2_cd34 => (1_000, 24),
            _ => return None,
        };
        Some(Variant { order, scale, record_header })
    };
    read(Order::Big, u32::from_be_bytes(magic)).or_else(|| read(Order::Little, u32::from_le_bytes(magic)))
}

fn sniff(head: &[u8]) -> Match {
    match head.first_chunk() {
        None => Match::NeedMore,
        Some(magic) if variant(*magic).is_some() => Match::Certain,
        Some(_) => Match::No,
    }
}

fn open(mut window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    window.need(FILE_HEADER, "pcap file header")?;
    let (variant, link) = file_header(window.peek(FILE_HEADER)).map_err(|why| window.stopped(why.to_string()))?;
    window.consume(FILE_HEADER);
    Ok(Box::new(Pcap { window, variant, link, number: 0 }))
}

fn file_header(bytes: &[u8]) -> Result<(Variant, LinkType), Malformed> {
    let mut cursor = Cursor::new(bytes);
    let variant = variant(cursor.array("pcap file header")?).ok_or(Malformed::Illegal("pcap magic number"))?;
    let major = variant.order.u16(&mut cursor, "pcap file header")?;
    if major != 2 {
        return Err(Malformed::Illegal("pcap version (only 2 is known)"));
    }
    cursor.take(14, "pcap file header")?;
    // The upper four bits tell of a frame check sequence, which the IP length trims anyway.
    let link = variant.order.u32(&mut cursor, "pcap file header")? & 0x0fff_ffff;
    Ok((variant, LinkType(link)))
}

struct Pcap {
    window: Window,
    variant: Variant,
    link: LinkType,
    number: u64,
}

impl Source for Pcap {
    #[inline]
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        let header = self.variant.record_header;
        if !self.window.need(header, "pcap record header")? {
            return Ok(None);
        }
        let order = self.variant.order;
        let read = |bytes| -> Result<_, Malformed> {
            let mut cursor = Cursor::new(bytes);
            let what = "pcap record header";
            Ok((
                order.u32(&mut cursor, what)?,
                order.u32(&mut cursor, what)?,
                order.u32(&mut cursor, what)?,
                order.u32(&mut cursor, what)?,
            ))
        };
        let (seconds, fraction, len, wire_len) =
            read(self.window.peek(header)).map_err(|why| self.window.stopped(why.to_string()))?;
        let size = len as usize;
        if size > BLOCK_BYTES {
            return Err(self.window.stopped(format!("a record claims {len} bytes; the file is damaged here")));
        }
        let whole = header.saturating_add(size);
        self.window.need(whole, "pcap record")?;
        self.window.consume(whole);
        self.number = self.number.saturating_add(1);
        let at = Timestamp::from_parts(seconds.into(), i64::from(fraction).saturating_mul(self.variant.scale));
        let bytes = self.window.behind(size);
        let (number, link, wire_len) = (self.number, self.link, wire_len.max(len));
        Ok(Some(Item::Frame(Frame { number, at, link, bytes, wire_len, process: None })))
    }
}
