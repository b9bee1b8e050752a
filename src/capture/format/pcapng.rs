//! pcapng (draft-ietf-opsawg-pcapng): several sections and interfaces, each with its own clock, and the secrets that
//! open what they hold.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Malformed, Match};
use crate::capture::order::Order;
use crate::capture::{Carried, EvidenceKind, Format, Source, Stopped, Window, keylog};
use crate::model::budget::{BLOCK_BYTES, INTERFACES, PROCESSES};
use crate::model::frame::{Frame, LinkType};
use crate::model::item::Item;
use crate::model::time::Timestamp;

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "pcapng",
    about: "pcapng capture (Wireshark)",
    kind: EvidenceKind::Traffic,
    sniff,
    open,
    secrets: Some(secrets),
};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;
/// Apple's block that describes a process, as Wireshark reads it (`BLOCK_TYPE_LEGACY_DPEB`): process id, then options, of
/// which 2 is its name.
const PROCESS: u32 = 0x8000_0001;
/// Options of a packet by Apple: the numbers of the process that sent it, and of the one that it was sent for.
const SENT_BY: u16 = 0x8001;
const SENT_FOR: u16 = 0x8003;

const TLS_KEY_LOG: u32 = 0x544c_534b;
const WIREGUARD_KEY_LOG: u32 = 0x5747_4b4c;

fn sniff(head: &[u8]) -> Match {
    match (head.first_chunk::<4>(), head.get(8..12)) {
        (None, _) => Match::NeedMore,
        (Some(kind), _) if *kind != SECTION.to_be_bytes() => Match::No,
        (_, None) => Match::NeedMore,
        (_, Some([0x1a, 0x2b, 0x3c, 0x4d] | [0x4d, 0x3c, 0x2b, 0x1a])) => Match::Certain,
        _ => Match::No,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the registry's signature")]
fn open(window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    Ok(Box::new(Pcapng {
        blocks: Blocks::new(window),
        interfaces: Vec::new(),
        processes: Vec::new(),
        number: 0,
        last: Timestamp(0),
    }))
}

fn secrets(window: Window) -> Carried {
    let mut blocks = Blocks::new(window);
    let mut carried = Carried::default();
    // Where the file breaks off is told by whoever reads the packets.
    while let Ok(Some(block)) = blocks.header() {
        if block.kind != DECRYPTION_SECRETS {
            if !blocks.window.skip(u64::from(block.len)) {
                break;
            }
            continue;
        }
        let at = blocks.window.offset();
        let Ok(size) = blocks.load(&block) else { break };
        if let Ok((kind, text)) = secrets_block(blocks.order, blocks.window.behind(size)) {
            if !matches!(kind, TLS_KEY_LOG | WIREGUARD_KEY_LOG) {
                continue;
            }
            match keylog::parse(text, "secrets block") {
                Ok(log) => {
                    carried.secrets.extend(log.secrets);
                    let told = |p: &keylog::Problem| format!("secrets block at byte {at}, line {}: {}", p.line, p.why);
                    carried.problems.extend(log.problems.iter().map(told));
                }
                Err(error) => carried.problems.push(format!("secrets block at byte {at}: {error}")),
            }
        } else {
            carried.problems.push(format!("secrets block at byte {at} is malformed"));
        }
    }
    carried
}

fn secrets_block(order: Order, block: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    let mut cursor = Cursor::new(block);
    cursor.take(8, "secrets block")?;
    let kind = order.u32(&mut cursor, "secrets type")?;
    let len = order.u32(&mut cursor, "secrets length")?;
    Ok((kind, cursor.take(len as usize, "secrets")?))
}

/// A block's header: its type, and the length of the whole block.
struct Block {
    kind: u32,
    len: u32,
}

/// Walks blocks, and knows the byte order of the current section.
struct Blocks {
    window: Window,
    order: Order,
    started: bool,
}

impl Blocks {
    fn new(window: Window) -> Self {
        Self { window, order: Order::Little, started: false }
    }

    /// The header of the next block, which stays unread; `None` at the end of the file.
    #[inline]
    fn header(&mut self) -> Result<Option<Block>, Stopped> {
        // No block is shorter than twelve bytes.
        if !self.window.need(12, "pcapng block")? {
            return Ok(None);
        }
        let mut cursor = Cursor::new(self.window.peek(12));
        let header = (|| -> Result<Block, Malformed> {
            // A section header's type reads the same in both orders; its own magic says which order follows.
            if cursor.rest().starts_with(&SECTION.to_be_bytes()) {
                self.order = match cursor.rest().get(8..12) {
                    Some([0x1a, 0x2b, 0x3c, 0x4d]) => Order::Big,
                    Some([0x4d, 0x3c, 0x2b, 0x1a]) => Order::Little,
                    _ => return Err(Malformed::Illegal("pcapng byte-order magic")),
                };
                self.started = true;
            }
            if !self.started {
                return Err(Malformed::Illegal("pcapng block before the first section header"));
            }
            let kind = self.order.u32(&mut cursor, "pcapng block type")?;
            Ok(Block { kind, len: self.order.u32(&mut cursor, "pcapng block length")? })
        })()
        .map_err(|why| self.window.stopped(why.to_string()))?;
        if header.len < 12 || !header.len.is_multiple_of(4) {
            let why = format!("a block claims {} bytes; the file is damaged here", header.len);
            return Err(self.window.stopped(why));
        }
        Ok(Some(header))
    }

    /// Reads the whole block, which then lies behind the window; its size in bytes.
    #[inline]
    fn load(&mut self, block: &Block) -> Result<usize, Stopped> {
        let size = block.len as usize;
        if size > BLOCK_BYTES {
            return Err(self.window.stopped(format!("a block claims {} bytes; the file is damaged here", block.len)));
        }
        self.window.need(size, "pcapng block")?;
        let mut trailer = Cursor::new(self.window.peek(size).get(size.saturating_sub(4)..).unwrap_or_default());
        if self.order.u32(&mut trailer, "pcapng block") != Ok(block.len) {
            return Err(self.window.stopped("the two lengths of a block differ; the file is damaged here"));
        }
        self.window.consume(size);
        Ok(size)
    }
}

/// An interface of the current section.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snap_len: u32,
    clock: Clock,
}

/// How timestamps of an interface count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Clock {
    /// `if_tsresol`: negative power of ten, or of two when the top bit is set.
    resolution: u8,
    /// `if_tsoffset`: seconds to add.
    offset: i64,
}

impl Clock {
    #[inline]
    fn at(self, high: u32, low: u32) -> Timestamp {
        let units = u64::from(high) << 32 | u64::from(low);
        let nanos = match self.resolution {
            6 => i64::try_from(units).unwrap_or(i64::MAX).saturating_mul(1_000),
            9 => i64::try_from(units).unwrap_or(i64::MAX),
            _ => i64::try_from(self.slow(units)).unwrap_or(i64::MAX),
        };
        Timestamp(nanos.saturating_add(self.offset.saturating_mul(1_000_000_000)))
    }

    fn slow(self, units: u64) -> u128 {
        let units = u128::from(units);
        let power = u32::from(self.resolution & 0x7f);
        if self.resolution & 0x80 != 0 {
            // 64 bits times a billion fit in 94.
            return units.saturating_mul(1_000_000_000).checked_shr(power).unwrap_or(0);
        }
        match power.checked_sub(9) {
            None => units.saturating_mul(10_u128.pow(9_u32.saturating_sub(power))),
            Some(over) => 10_u128.checked_pow(over).and_then(|scale| units.checked_div(scale)).unwrap_or(0),
        }
    }
}

struct Pcapng {
    blocks: Blocks,
    interfaces: Vec<Interface>,
    /// Names of the processes that the section has described, in order.
    processes: Vec<String>,
    number: u64,
    last: Timestamp,
}

/// A packet block, before its interface is looked up: positions are counted from the start of the block.
struct Captured {
    interface: u32,
    time: Option<(u32, u32)>,
    start: usize,
    len: u32,
    wire_len: u32,
}

impl Source for Pcapng {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        let (size, captured) = loop {
            let Some(block) = self.blocks.header()? else { return Ok(None) };
            let at = self.blocks.window.offset();
            let stopped = |why: Malformed| Stopped { offset: at, why: why.to_string() };
            let order = self.blocks.order;
            match block.kind {
                SECTION => {
                    let size = self.blocks.load(&block)?;
                    section(order, self.blocks.window.behind(size)).map_err(stopped)?;
                    self.interfaces.clear();
                    self.processes.clear();
                }
                INTERFACE => {
                    let size = self.blocks.load(&block)?;
                    let interface = interface(order, self.blocks.window.behind(size)).map_err(stopped)?;
                    if self.interfaces.len() >= INTERFACES {
                        return Err(stopped(Malformed::TooLarge("number of interfaces")));
                    }
                    self.interfaces.push(interface);
                }
                PROCESS => {
                    let size = self.blocks.load(&block)?;
                    // Who sent what is worth no packet: a block that is damaged inside names nobody.
                    let name = process(order, self.blocks.window.behind(size)).unwrap_or_default();
                    if self.processes.len() < PROCESSES {
                        self.processes.push(name);
                    }
                }
                ENHANCED_PACKET | SIMPLE_PACKET | OBSOLETE_PACKET => {
                    let size = self.blocks.load(&block)?;
                    let captured = packet(order, block.kind, self.blocks.window.behind(size)).map_err(stopped)?;
                    let known = usize::try_from(captured.interface).ok().and_then(|id| self.interfaces.get(id));
                    let interface = known.ok_or_else(|| Stopped {
                        offset: at,
                        why: format!("a packet names interface {}, which is not described", captured.interface),
                    })?;
                    break (size, (captured, *interface));
                }
                _ => {
                    if !self.blocks.window.skip(u64::from(block.len)) {
                        let why = self.blocks.window.broken().map_or("pcapng block is cut short", |why| why);
                        return Err(Stopped { offset: at, why: why.to_owned() });
                    }
                }
            }
        };
        let (mut captured, interface) = captured;
        if captured.time.is_none() {
            // A simple packet block holds the snapshot length's worth of the packet, and no time.
            if interface.snap_len > 0 {
                captured.len = captured.len.min(interface.snap_len);
            }
        }
        if let Some((high, low)) = captured.time {
            self.last = interface.clock.at(high, low);
        }
        self.number = self.number.saturating_add(1);
        let block = self.blocks.window.behind(size);
        let stop = captured.start.saturating_add(captured.len as usize);
        let bytes = block.get(captured.start..stop).ok_or_else(|| Stopped {
            offset: self.blocks.window.offset().saturating_sub(size as u64),
            why: format!("a packet claims {} bytes, more than its block holds", captured.len),
        })?;
        let wire_len = captured.wire_len.max(captured.len);
        let process = if self.processes.is_empty() || captured.time.is_none() {
            None
        } else {
            sender(self.blocks.order, block.get(stop.next_multiple_of(4)..).unwrap_or_default())
                .and_then(|number| self.processes.get(usize::try_from(number).ok()?))
                .map(String::as_str)
                .filter(|name| !name.is_empty())
        };
        let (number, at, link) = (self.number, self.last, interface.link);
        Ok(Some(Item::Frame(Frame { number, at, link, bytes, wire_len, process })))
    }
}

fn section(order: Order, block: &[u8]) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(block);
    cursor.take(12, "section header")?;
    if order.u16(&mut cursor, "section header")? == 1 { Ok(()) } else { Err(Malformed::Illegal("pcapng version")) }
}

fn interface(order: Order, block: &[u8]) -> Result<Interface, Malformed> {
    let what = "interface description";
    let mut cursor = Cursor::new(block);
    cursor.take(8, what)?;
    let link = LinkType(order.u16(&mut cursor, what)?.into());
    cursor.take(2, what)?;
    let snap_len = order.u32(&mut cursor, what)?;
    let mut clock = Clock { resolution: 6, offset: 0 };
    let mut options = cursor.sub(cursor.rest().len().saturating_sub(4), what)?;
    while options.rest().len() >= 4 {
        let code = order.u16(&mut options, what)?;
        let len = usize::from(order.u16(&mut options, what)?);
        let mut value = Cursor::new(options.take(len, "interface option")?);
        options.take(len.next_multiple_of(4).saturating_sub(len), "interface option")?;
        match code {
            0 => break,
            9 => clock.resolution = value.u8("if_tsresol")?,
            14 => clock.offset = order.i64(&mut value, "if_tsoffset")?,
            _ => {}
        }
    }
    Ok(Interface { link, snap_len, clock })
}

/// The name of a process.
fn process(order: Order, block: &[u8]) -> Result<String, Malformed> {
    let what = "process block";
    let mut cursor = Cursor::new(block);
    cursor.take(12, what)?;
    let mut options = cursor.sub(cursor.rest().len().saturating_sub(4), what)?;
    while options.rest().len() >= 4 {
        let (code, value) = option(order, &mut options)?;
        match code {
            0 => break,
            2 => {
                let name = String::from_utf8_lossy(value);
                return Ok(name.chars().filter(|c| !c.is_control()).take(120).collect());
            }
            _ => {}
        }
    }
    Ok(String::new())
}

/// The number of the process that a packet's options name: whom it was sent for, else who sent it.
fn sender(order: Order, options: &[u8]) -> Option<u32> {
    let mut options = Cursor::new(options);
    let mut sent_by = None;
    while options.rest().len() >= 4 {
        let (code, value) = option(order, &mut options).ok()?;
        let number = || order.u32(&mut Cursor::new(value), "process number").ok();
        match code {
            0 => break,
            SENT_FOR => return number(),
            SENT_BY => sent_by = number(),
            _ => {}
        }
    }
    sent_by
}

/// One option: its code and value.
fn option<'a>(order: Order, options: &mut Cursor<'a>) -> Result<(u16, &'a [u8]), Malformed> {
    let what = "option";
    let code = order.u16(options, what)?;
    let len = usize::from(order.u16(options, what)?);
    let value = options.take(len, what)?;
    options.take(len.next_multiple_of(4).saturating_sub(len), what)?;
    Ok((code, value))
}

#[inline]
fn packet(order: Order, kind: u32, block: &[u8]) -> Result<Captured, Malformed> {
    let what = "packet block";
    let mut cursor = Cursor::new(block);
    cursor.take(8, what)?;
    if kind == SIMPLE_PACKET {
        let wire_len = order.u32(&mut cursor, what)?;
        let room = block.len().saturating_sub(16);
        let len = u32::try_from(room).map_or(wire_len, |room| wire_len.min(room));
        return Ok(Captured { interface: 0, time: None, start: 12, len, wire_len });
    }
    let interface = if kind == ENHANCED_PACKET {
        order.u32(&mut cursor, what)?
    } else {
        let id = order.u16(&mut cursor, what)?;
        cursor.take(2, what)?;
        id.into()
    };
    let time = Some((order.u32(&mut cursor, what)?, order.u32(&mut cursor, what)?));
    let len = order.u32(&mut cursor, what)?;
    let wire_len = order.u32(&mut cursor, what)?;
    if len as usize > block.len().saturating_sub(32) {
        return Err(Malformed::Short("packet"));
    }
    Ok(Captured { interface, time, start: cursor.position(), len, wire_len })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_every_resolution() {
        let at = |resolution, units: u64, offset| {
            Clock { resolution, offset }.at((units >> 32) as u32, (units & 0xffff_ffff) as u32).0
        };
        let table: [(u8, u64, i64, i64); 9] = [
            (6, 1_700_000_000_123_456, 0, 1_700_000_000_123_456_000),
            (9, 1_700_000_000_123_456_789, 0, 1_700_000_000_123_456_789),
            (0, 1_700_000_000, 0, 1_700_000_000_000_000_000),
            (3, 1_700_000_000_123, 0, 1_700_000_000_123_000_000),
            (12, 1_500_000_000_000, 0, 1_500_000_000),
            (0x8a, 1_536, 0, 1_500_000_000),
            (0xa0, 3 << 31, 0, 1_500_000_000),
            (6, 500_000, -1, -500_000_000),
            (0x7f, u64::MAX, 2, 2_000_000_000),
        ];
        for (resolution, units, offset, nanos) in table {
            assert_eq!(at(resolution, units, offset), nanos, "resolution {resolution:#x}");
        }
        assert_eq!(at(0, u64::MAX, i64::MAX), i64::MAX);
    }
}
