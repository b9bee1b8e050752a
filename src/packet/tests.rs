use super::*;
use crate::model::frame::Frame;
use crate::model::packet::{Packet, Segment};
use crate::model::time::Timestamp;

/// UDP from port 4000 to 53: `hi!`.
const UDP: &[u8] = &[0x0f, 0xa0, 0, 53, 0, 11, 0, 0, b'h', b'i', b'!'];

fn v4_with(protocol: u8, payload: &[u8], fragment: u16, options: &[u8], total: Option<u16>) -> Vec<u8> {
    let header = 20 + options.len();
    let len = total.unwrap_or(u16::try_from(header + payload.len()).unwrap());
    let mut out = vec![0x40 | u8::try_from(header / 4).unwrap(), 0];
    out.extend(len.to_be_bytes());
    out.extend([0x12, 0x34]);
    out.extend(fragment.to_be_bytes());
    out.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    out.extend(options);
    out.extend(payload);
    out
}

fn v4(payload: &[u8]) -> Vec<u8> {
    v4_with(17, payload, 0, &[], None)
}

fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x60, 0, 0, 0];
    out.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    out.extend([next, 64]);
    out.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    out.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    out.extend(payload);
    out
}

fn after(front: &[u8], rest: &[u8]) -> Vec<u8> {
    [front, rest].concat()
}

fn ethernet(kind: u16, rest: &[u8]) -> Vec<u8> {
    [&[2; 12], kind.to_be_bytes().as_slice(), rest].concat()
}

fn frame(link: u32, bytes: &[u8], number: u64, wire_len: usize) -> Frame<'_> {
    let wire_len = u32::try_from(wire_len.max(bytes.len())).unwrap();
    Frame { number, at: Timestamp::from_parts(9, 0), link: LinkType(link), bytes, wire_len, process: None }
}

/// What frames come to: each packet as `src>dst protocol payload +missing`, with the frames of fragments.
fn told(frames: &[Frame<'_>]) -> Vec<String> {
    let mut reader = Reader::new();
    let mut out = Vec::new();
    let mut on = |packet: &Packet<'_>| {
        let (name, payload, missing) = match packet.segment {
            Segment::Tcp { payload, missing, .. } => ("tcp".to_owned(), payload, missing),
            Segment::Udp { payload, missing } => ("udp".to_owned(), payload, missing),
            Segment::Other { protocol, payload } => (format!("ip{protocol}"), payload, 0),
        };
        let parts: Vec<_> = packet.parts.iter().map(|run| (run.frame, run.len)).collect();
        let text = String::from_utf8_lossy(payload);
        let parts = if parts.is_empty() { String::new() } else { format!(" {parts:?}") };
        out.push(format!("{}>{} {name} {text} +{missing}{parts}", packet.src, packet.dst));
    };
    for frame in frames {
        reader.frame(frame, &mut on);
    }
    reader.finish(&mut on);
    out
}

fn one(link: u32, bytes: &[u8]) -> String {
    told(&[frame(link, bytes, 1, 0)]).concat()
}

const V4: &str = "10.0.0.1:4000>10.0.0.2:53 udp hi! +0";
const V6: &str = "[2001:db8::1]:4000>[2001:db8::2]:53 udp hi! +0";

#[test]
fn every_link_type() {
    let ip = v4(UDP);
    let sll = [&[0; 14], [8, 0].as_slice()].concat();
    let sll2 = [[8, 0].as_slice(), &[0; 18]].concat();
    let nflog = |order: fn(u16) -> [u8; 2]| {
        let len = order(u16::try_from(ip.len() + 4).unwrap());
        [&[2, 0, 0, 0], order(5).as_slice(), &order(10), &[7, 0, 0, 0], &len, &order(9), &ip].concat()
    };
    let pppoe = [0x11, 0, 0, 1, 0, 33, 0, 0x21];
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], ip.as_slice()].concat();
    let table: Vec<(&str, u32, Vec<u8>)> = vec![
        ("Ethernet", 1, ethernet(0x0800, &ip)),
        ("Ethernet, padded", 1, [ethernet(0x0800, &ip), vec![0; 15]].concat()),
        ("VLAN", 1, ethernet(0x8100, &after(&[0, 5, 8, 0], &ip))),
        ("QinQ", 1, ethernet(0x88a8, &after(&[0, 5, 0x81, 0, 0, 6, 8, 0], &ip))),
        ("802.3 SNAP", 1, ethernet(46, &snap)),
        ("MPLS", 1, ethernet(0x8847, &after(&[0, 1, 0, 64, 0, 2, 1, 64], &ip))),
        ("PPPoE", 1, ethernet(0x8864, &after(&pppoe, &ip))),
        ("PPPoE bare", 51, after(&pppoe, &ip)),
        ("PPP", 9, after(&[0xff, 3, 0, 0x21], &ip)),
        ("PPP compressed", 9, after(&[0x21], &ip)),
        ("null, little-endian", 0, after(&[2, 0, 0, 0], &ip)),
        ("null, big-endian", 0, after(&[0, 0, 0, 2], &ip)),
        ("loop", 108, after(&[0, 0, 0, 2], &ip)),
        ("raw", 101, ip.clone()),
        ("raw, old", 12, ip.clone()),
        ("raw, BSD", 14, ip.clone()),
        ("IPv4", 228, ip.clone()),
        ("cooked", 113, after(&sll, &ip)),
        ("cooked v2", 276, after(&sll2, &ip)),
        ("802.11", 105, [&[8, 1][..], &[0; 22], &snap].concat()),
        ("802.11 between access points", 105, [&[8, 3][..], &[0; 28], &snap].concat()),
        ("802.11 QoS", 105, [&[0x88, 1][..], &[0; 22], &[6, 0], &snap].concat()),
        ("802.11 QoS with HT control", 105, [&[0x88, 0x82][..], &[0; 22], &[6, 0, 1, 2, 3, 4], &snap].concat()),
        ("radiotap", 127, [&[0, 0, 10, 0, 2, 0, 0, 0, 4, 9][..], &[8, 1], &[0; 22], &snap].concat()),
        ("NFLOG, little-endian", 239, nflog(u16::to_le_bytes)),
        ("NFLOG, big-endian", 239, nflog(u16::to_be_bytes)),
    ];
    for (name, link, bytes) in table {
        assert_eq!(one(link, &bytes), V4, "{name}");
        for len in 0..bytes.len() {
            let _ = parse(&frame(link, &bytes[..len], 1, bytes.len()));
        }
    }
    assert_eq!(one(0, &after(&[30, 0, 0, 0], &v6(17, UDP))), V6);
    assert_eq!(one(229, &v6(17, UDP)), V6);
}

#[test]
fn why_a_frame_yields_nothing() {
    let why = |link, bytes: &[u8]| parse(&frame(link, bytes, 1, 0)).unwrap_err().to_string();
    assert_eq!(why(1, &ethernet(0x0806, &[0; 28])), "not-ip");
    assert_eq!(why(147, &[0; 40]), "unsupported link type 147");
    // Encrypted on the air, a beacon, a frame of several packets, no data.
    for head in [[8, 0x41], [0x80, 0], [0x48, 1]] {
        assert_eq!(why(105, &[&head[..], &[0; 60]].concat()), "not-ip");
    }
    assert_eq!(why(105, &[&[0x88, 1][..], &[0; 22], &[0x80, 0], &[0; 40]].concat()), "not-ip");
    assert_eq!(why(127, &[0, 0, 2, 0]), "malformed: illegal radiotap header");
    assert_eq!(why(1, &[0; 9]), "malformed: Ethernet header is cut short");
    assert_eq!(why(101, &[0x45, 0, 0, 9]), "malformed: IPv4 header is cut short");
    assert_eq!(why(101, &v4_with(17, UDP, 0, &[], Some(12))), "malformed: illegal IPv4 total length");
    assert_eq!(why(101, &v4(&[0, 1, 0, 2, 0, 7, 0, 0])), "malformed: illegal UDP length");
}

#[test]
fn oddities_of_ip() {
    assert_eq!(one(101, &v4_with(17, UDP, 0, &[1; 8], None)), V4, "options");
    assert_eq!(one(101, &v4_with(17, UDP, 0, &[], Some(0))), V4, "segmentation offload");
    assert_eq!(one(101, &v6(0, &after(&[60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0], UDP))), V6, "extensions");
    assert_eq!(one(101, &v6(44, &after(&[17, 0, 0, 0, 0, 0, 0, 1], UDP))), V6, "an atomic fragment");
    assert_eq!(one(101, &v4_with(4, &v4(UDP), 0, &[], None)), V4, "IP in IP");
    assert_eq!(one(101, &v4_with(41, &v6(17, UDP), 0, &[], None)), V6, "6in4");
    assert_eq!(one(101, &v4_with(47, &after(&[0x20, 0, 8, 0, 1, 2, 3, 4], &v4(UDP)), 0, &[], None)), V4, "GRE");
    assert_eq!(one(101, &v4_with(1, b"ping", 0, &[], None)), "10.0.0.1:0>10.0.0.2:0 ip1 ping +0");
    // A snapshot length of the header and one byte.
    let whole = ethernet(0x0800, &v4(UDP));
    assert_eq!(told(&[frame(1, &whole[..43], 1, 45)]), ["10.0.0.1:4000>10.0.0.2:53 udp h +2"]);
    let tcp = v4_with(
        6,
        &after(&[0, 80, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9], b"x"),
        0,
        &[],
        None,
    );
    assert_eq!(one(101, &tcp), "10.0.0.1:80>10.0.0.2:256 tcp x +0");
}

#[test]
fn what_vxlan_carries_is_read_beside_what_carries_it() {
    let datagram = |port: u8, head: [u8; 8], kind: u16| {
        let inside = [&head[..], &ethernet(kind, &v4(UDP))].concat();
        let len = u8::try_from(inside.len() + 8).unwrap();
        v4(&[&[0x30, 0, 0x12, port, 0, len, 0, 0][..], &inside].concat())
    };
    let seen = |packet: &[u8]| told(&[frame(101, packet, 1, packet.len())]);
    let head = [8, 0, 0, 0, 0, 0, 7, 0];
    let whole = seen(&datagram(0xb5, head, 0x0800));
    assert_eq!(whole.len(), 2);
    assert!(whole[0].starts_with("10.0.0.1:12288>10.0.0.2:4789 udp "), "{whole:?}");
    assert_eq!(whole[1], V4);
    // Another port, another flag, something in what is reserved, no IP inside: a datagram like any other.
    for (port, head, kind) in [
        (0xb6, head, 0x0800),
        (0xb5, [0, 0, 0, 0, 0, 0, 7, 0], 0x0800),
        (0xb5, [8, 0, 1, 0, 0, 0, 7, 0], 0x0800),
        (0xb5, [8, 0, 0, 0, 0, 0, 7, 1], 0x0800),
        (0xb5, head, 0x0806),
    ] {
        assert_eq!(seen(&datagram(port, head, kind)).len(), 1, "{port} {head:?} {kind}");
    }
    // One in the other, deeper than anybody follows.
    let mut deep = v4(UDP);
    for _ in 0..9 {
        let inside = [&head[..], &ethernet(0x0800, &deep)].concat();
        deep = v4(&[&[0x30, 0, 0x12, 0xb5, 0, 0, 0, 0][..], &inside].concat());
    }
    assert_eq!(seen(&deep).len(), 5);
}

fn v4_parts(cuts: &[(usize, usize)]) -> Vec<Vec<u8>> {
    let all: Vec<u8> = [&[0x0f, 0xa0, 0, 53, 0, 32, 0, 0], b"abcdefghijklmnopqrstuvwx".as_slice()].concat();
    let part = |(start, end): &(usize, usize)| {
        let more = if *end < all.len() { 0x2000 } else { 0 };
        v4_with(17, &all[*start..*end], more | u16::try_from(start / 8).unwrap(), &[], None)
    };
    cuts.iter().map(part).collect()
}

fn frames(parts: &[Vec<u8>]) -> Vec<Frame<'_>> {
    (1..).zip(parts).map(|(number, part)| frame(101, part, number, 0)).collect()
}

#[test]
fn fragments_in_any_order_become_one_datagram() {
    let whole = "10.0.0.1:4000>10.0.0.2:53 udp abcdefghijklmnopqrstuvwx +0";
    let cuts = [(0, 8), (8, 24), (24, 32)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
        let parts = v4_parts(&order.map(|n| cuts[n]));
        let told = told(&frames(&parts));
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with(whole), "{told:?}");
    }
    assert_eq!(told(&frames(&v4_parts(&cuts))), [format!("{whole} [(2, 16), (3, 8)]")]);
    let copies = v4_parts(&[(0, 16), (0, 16), (8, 24), (24, 32)]);
    assert_eq!(told(&frames(&copies)), [format!("{whole} [(1, 8), (3, 8), (4, 8)]")]);
    let lost = v4_parts(&[(0, 16), (24, 32)]);
    assert_eq!(told(&frames(&lost)), ["10.0.0.1:4000>10.0.0.2:53 udp abcdefgh +16 [(1, 8)]"]);
}

#[test]
fn overlaps_first_wins_in_ipv4_and_nobody_in_ipv6() {
    let mut parts = v4_parts(&[(0, 16), (8, 24), (24, 32)]);
    parts[1][20] = b'X';
    assert!(told(&frames(&parts))[0].contains("abcdefghijklmnopqrstuvwx"));
    let mut reader = Reader::new();
    for frame in frames(&parts) {
        reader.frame(&frame, |_| {});
    }
    assert_eq!(reader.fragment_loss().conflicts, 1);
    let v6_part =
        |offset: u8, more: u8, payload: &[u8]| v6(44, &after(&[17, 0, 0, offset | more, 0, 0, 0, 7], payload));
    let good = [v6_part(0, 1, &[0x0f, 0xa0, 0, 53, 0, 11, 0, 0]), v6_part(8, 0, b"hi!")];
    assert_eq!(told(&frames(&good)), [format!("{V6} [(2, 3)]")]);
    let bad = [good[0].clone(), v6_part(0, 1, &[9; 16]), good[1].clone()];
    assert!(told(&frames(&bad)).is_empty());
}

#[test]
fn fragments_never_hold_more_than_their_budget() {
    let mut reader = Reader::new();
    let mut out = 0_usize;
    for number in 0..40_000_u64 {
        let mut part = v4_with(17, &[0; 1_400], 0x2000, &[], None);
        part[12..16].copy_from_slice(&u32::try_from(number).unwrap().to_be_bytes());
        reader.frame(&frame(101, &part, number, 0), |_| out += 1);
    }
    assert!(out > 30_000, "{out} were given up as far as they went");
    assert_eq!(reader.fragment_loss().incomplete, out as u64);
}

#[test]
fn both_directions_hash_alike() {
    let there = v4(UDP);
    let mut back = v4(&[&[0, 53, 0x0f, 0xa0], &UDP[4..]].concat());
    back[12..20].copy_from_slice(&[10, 0, 0, 2, 10, 0, 0, 1]);
    let hash = |bytes: &[u8]| match parse(&frame(101, bytes, 1, 0)) {
        Ok(Parsed::Packet(packet)) => flow_hash(&packet),
        _ => panic!("a packet"),
    };
    assert_eq!(hash(&there), hash(&back));
    let mut other = there.clone();
    other[21] ^= 1;
    assert_ne!(hash(&there), hash(&other));
}
