//! Packets into capture files.

use crate::packet::Packet;

/// What stands before each IP packet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Link {
    /// Ethernet.
    #[default]
    Ethernet,
    /// Ethernet with one 802.1Q tag.
    Vlan(u16),
    /// Ethernet with two tags (802.1ad).
    DoubleVlan(u16, u16),
    /// BSD loopback: the address family in the byte order of the machine, little-endian here.
    Null,
    /// Linux cooked, version 1.
    Sll,
    /// Linux cooked, version 2.
    Sll2,
    /// Nothing.
    Raw,
}

impl Link {
    /// As registered at tcpdump.org/linktypes.
    pub const fn number(self) -> u16 {
        match self {
            Self::Null => 0,
            Self::Ethernet | Self::Vlan(_) | Self::DoubleVlan(..) => 1,
            Self::Raw => 101,
            Self::Sll => 113,
            Self::Sll2 => 276,
        }
    }

    /// The header for one packet.
    pub fn header(self, ip: &[u8]) -> Vec<u8> {
        let six = ip.first().is_some_and(|byte| byte >> 4 == 6);
        let ether_type: [u8; 2] = if six { [0x86, 0xdd] } else { [0x08, 0x00] };
        let addresses = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        let tag = |kind: [u8; 2], id: u16| [kind, id.to_be_bytes()].concat();
        match self {
            Self::Ethernet => [&addresses[..], &ether_type].concat(),
            Self::Vlan(id) => [&addresses[..], &tag([0x81, 0], id), &ether_type].concat(),
            Self::DoubleVlan(outer, inner) => {
                [&addresses[..], &tag([0x88, 0xa8], outer), &tag([0x81, 0], inner), &ether_type].concat()
            }
            Self::Null => vec![if six { 30 } else { 2 }, 0, 0, 0],
            Self::Sll => [&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], &ether_type].concat(),
            Self::Sll2 => [&ether_type[..], &[0, 0, 0, 0, 0, 1, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0]].concat(),
            Self::Raw => Vec::new(),
        }
    }
}

/// Integers in one byte order.
struct Writer {
    big: bool,
    out: Vec<u8>,
}

impl Writer {
    fn u16(&mut self, value: u16) {
        self.out.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn u32(&mut self, value: u32) {
        self.out.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn len(&mut self, value: usize) {
        self.u32(u32::try_from(value).expect("32 bits"));
    }

    /// A pcapng block: type, length, body padded to four bytes, length again.
    fn block(&mut self, kind: u32, body: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.u32(kind);
        self.u32(0);
        body(self);
        self.pad();
        let total = u32::try_from(self.out.len() - start + 4).expect("32 bits");
        self.u32(total);
        let length = if self.big { total.to_be_bytes() } else { total.to_le_bytes() };
        self.out[start + 4..start + 8].copy_from_slice(&length);
    }

    fn pad(&mut self) {
        while !self.out.len().is_multiple_of(4) {
            self.out.push(0);
        }
    }
}

/// How a pcap file is to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pcap {
    link: Link,
    big: bool,
    nano: bool,
}

impl Pcap {
    /// Little-endian, microseconds, Ethernet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another link type.
    #[must_use]
    pub const fn link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// Big-endian.
    #[must_use]
    pub const fn big_endian(mut self) -> Self {
        self.big = true;
        self
    }

    /// Nanoseconds.
    #[must_use]
    pub const fn nanoseconds(mut self) -> Self {
        self.nano = true;
        self
    }

    /// The file's header alone: for writers that stream.
    pub fn header(self) -> Vec<u8> {
        let mut writer = Writer { big: self.big, out: Vec::new() };
        writer.u32(if self.nano { 0xa1b2_3c4d } else { 0xa1b2_c3d4 });
        writer.u16(2);
        writer.u16(4);
        writer.u32(0);
        writer.u32(0);
        writer.u32(262_144);
        writer.u32(u32::from(self.link.number()));
        writer.out
    }

    /// One packet's record: for writers that stream.
    pub fn record(self, packet: &Packet) -> Vec<u8> {
        let mut writer = Writer { big: self.big, out: Vec::with_capacity(packet.ip.len() + 48) };
        let unit = if self.nano { 1 } else { 1_000 };
        let header = self.link.header(&packet.ip);
        writer.u32(u32::try_from(packet.at.div_euclid(1_000_000_000)).expect("a time that pcap can say"));
        writer.u32(u32::try_from(packet.at.rem_euclid(1_000_000_000) / unit).expect("below a second"));
        writer.len(header.len() + packet.ip.len());
        writer.len(header.len() + packet.wire_len);
        writer.out.extend(header);
        writer.out.extend(&packet.ip);
        writer.out
    }

    /// A whole file.
    pub fn write(self, packets: &[Packet]) -> Vec<u8> {
        packets.iter().fold(self.header(), |mut out, packet| {
            out.extend(self.record(packet));
            out
        })
    }
}

/// How a pcapng file is to be written.
#[derive(Clone, Debug)]
pub struct PcapNg {
    links: Vec<Link>,
    big: bool,
    digits: u8,
    first: Option<String>,
    last: Option<String>,
}

impl Default for PcapNg {
    fn default() -> Self {
        Self { links: vec![Link::Ethernet], big: false, digits: 9, first: None, last: None }
    }
}

impl PcapNg {
    /// Little-endian, nanoseconds, one Ethernet interface, no secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// One interface for each of these; packets go over them in turn.
    #[must_use]
    pub fn links(mut self, links: &[Link]) -> Self {
        assert!(!links.is_empty(), "at least one interface");
        self.links = links.to_vec();
        self
    }

    /// Big-endian.
    #[must_use]
    pub const fn big_endian(mut self) -> Self {
        self.big = true;
        self
    }

    /// Digits after the second in times (`if_tsresol`), up to 9.
    #[must_use]
    pub const fn digits(mut self, digits: u8) -> Self {
        self.digits = digits;
        self
    }

    /// A Decryption Secrets Block before the packets.
    #[must_use]
    pub fn secrets_first(mut self, key_log: &str) -> Self {
        self.first = Some(key_log.to_owned()).filter(|text| !text.is_empty());
        self
    }

    /// A Decryption Secrets Block after the packets it opens.
    #[must_use]
    pub fn secrets_last(mut self, key_log: &str) -> Self {
        self.last = Some(key_log.to_owned()).filter(|text| !text.is_empty());
        self
    }

    /// One section with all of it; the results of several calls may be joined into one file.
    pub fn write(&self, packets: &[Packet]) -> Vec<u8> {
        let mut writer = Writer { big: self.big, out: Vec::new() };
        writer.block(0x0a0d_0d0a, |w| {
            w.u32(0x1a2b_3c4d);
            w.u16(1);
            w.u16(0);
            w.u32(u32::MAX);
            w.u32(u32::MAX);
        });
        for link in &self.links {
            writer.block(1, |w| {
                w.u16(link.number());
                w.u16(0);
                w.u32(0);
                w.u16(9);
                w.u16(1);
                w.out.push(self.digits);
                w.pad();
                w.u32(0);
            });
        }
        self.packets(&mut writer, packets);
        writer.out
    }

    /// More secrets and packets for a section that [`PcapNg::write`] began: for writers that stream.
    pub fn write_more(&self, packets: &[Packet]) -> Vec<u8> {
        let mut writer = Writer { big: self.big, out: Vec::new() };
        self.packets(&mut writer, packets);
        writer.out
    }

    fn packets(&self, writer: &mut Writer, packets: &[Packet]) {
        if let Some(key_log) = &self.first {
            secrets(writer, key_log);
        }
        let unit = 10_i64.pow(9 - u32::from(self.digits.min(9)));
        for (index, packet) in packets.iter().enumerate() {
            let interface = index % self.links.len();
            let header = self.links[interface].header(&packet.ip);
            let ticks = (packet.at.div_euclid(unit)).cast_unsigned();
            writer.block(6, |w| {
                w.len(interface);
                w.u32(u32::try_from(ticks >> 32).expect("the upper half"));
                w.u32(u32::try_from(ticks & u64::from(u32::MAX)).expect("the lower half"));
                w.len(header.len() + packet.ip.len());
                w.len(header.len() + packet.wire_len);
                w.out.extend(header);
                w.out.extend(&packet.ip);
            });
        }
        if let Some(key_log) = &self.last {
            secrets(writer, key_log);
        }
    }
}

/// A Decryption Secrets Block that holds a TLS key log.
fn secrets(writer: &mut Writer, key_log: &str) {
    writer.block(10, |w| {
        w.u32(0x544c_534b);
        w.len(key_log.len());
        w.out.extend(key_log.bytes());
    });
}
