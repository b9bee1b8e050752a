//! What networks and recorders do to packets: the operations that laws are stated over.
//!
//! None of them changes its input. Times stay in order: where packets change places, they take each other's times.

use crate::packet::Packet;
use crate::rng::Rng;
use etherparse::{IpHeaders, PacketBuilder};
use std::collections::BTreeMap;

/// The same TCP bytes in segments of at most `size` bytes.
#[must_use]
pub fn split(packets: &[Packet], size: usize) -> Vec<Packet> {
    split_by(packets, |_| size)
}

/// The same TCP bytes in segments of random sizes.
#[must_use]
pub fn split_randomly(packets: &[Packet], seed: u64) -> Vec<Packet> {
    let mut rng = Rng::new(seed);
    split_by(packets, |left| 1 + rng.below(left))
}

fn split_by(packets: &[Packet], mut size: impl FnMut(usize) -> usize) -> Vec<Packet> {
    let mut out = Vec::with_capacity(packets.len());
    for packet in packets {
        let Some((ip, tcp, payload)) = packet.tcp().filter(|(_, _, payload)| payload.len() > 1) else {
            out.push(packet.clone());
            continue;
        };
        let mut start = 0;
        while start < payload.len() {
            let end = (start + size(payload.len() - start).max(1)).min(payload.len());
            let mut header = tcp.clone();
            header.sequence_number = tcp.sequence_number.wrapping_add(u32::try_from(start).expect("in a packet"));
            header.psh = tcp.psh && end == payload.len();
            header.fin = tcp.fin && end == payload.len();
            header.syn = tcp.syn && start == 0;
            let offset = i64::try_from(start).expect("in a packet");
            out.push(rebuild(packet.at + offset.min(40_000), ip.clone(), header, &payload[start..end]));
            start = end;
        }
    }
    // Pieces of one segment may reach past the next packet's time.
    out.sort_by_key(|packet| packet.at);
    out
}

/// Segments that carry bytes change places with others of their connection, at most `reach` such segments away.
#[must_use]
pub fn reorder(packets: &[Packet], seed: u64, reach: usize) -> Vec<Packet> {
    let mut rng = Rng::new(seed);
    let mut out = packets.to_vec();
    let mut connections: BTreeMap<[u16; 2], Vec<usize>> = BTreeMap::new();
    for (index, packet) in packets.iter().enumerate() {
        if let Some((_, tcp, _)) = packet.tcp().filter(|(_, _, payload)| !payload.is_empty()) {
            let mut ports = [tcp.source_port, tcp.destination_port];
            ports.sort_unstable();
            connections.entry(ports).or_default().push(index);
        }
    }
    for window in connections.values().flat_map(|movable| movable.chunks(reach.max(1) + 1)) {
        for last in (1..window.len()).rev() {
            let (a, b) = (window[last], window[rng.below(last + 1)]);
            out.swap(a, b);
            let time = out[a].at;
            out[a].at = out[b].at;
            out[b].at = time;
        }
    }
    out
}

/// One packet in `one_in` is sent again, a little later.
#[must_use]
pub fn duplicate(packets: &[Packet], seed: u64, one_in: usize) -> Vec<Packet> {
    let mut rng = Rng::new(seed);
    let mut out = packets.to_vec();
    for packet in packets {
        if rng.below(one_in.max(1)) == 0 {
            let late = i64::try_from(rng.below(400_000)).expect("small");
            out.push(Packet { at: packet.at + late, ..packet.clone() });
        }
    }
    out.sort_by_key(|packet| packet.at);
    out
}

/// Segments that carry bytes are retransmitted together with some of the bytes around them, as real stacks do.
#[must_use]
pub fn retransmit_overlapping(packets: &[Packet], seed: u64) -> Vec<Packet> {
    let mut rng = Rng::new(seed);
    let mut out = packets.to_vec();
    for pair in packets.windows(2) {
        let (Some((ip, tcp, first)), Some((_, next, second))) = (pair[0].tcp(), pair[1].tcp()) else { continue };
        let follows = tcp.source_port == next.source_port
            && tcp.sequence_number.wrapping_add(u32::try_from(first.len()).expect("in a packet"))
                == next.sequence_number;
        if !follows || first.is_empty() || second.is_empty() || tcp.syn || next.fin || tcp.fin {
            continue;
        }
        let (skip, take) = (rng.below(first.len()), 1 + rng.below(second.len()));
        let mut header = tcp;
        header.sequence_number = header.sequence_number.wrapping_add(u32::try_from(skip).expect("in a packet"));
        let bytes = [&first[skip..], &second[..take]].concat();
        out.push(rebuild(pair[1].at + 1, ip, header, &bytes));
    }
    out.sort_by_key(|packet| packet.at);
    out
}

/// Without the packets that `lost` names by index.
#[must_use]
pub fn lose(packets: &[Packet], mut lost: impl FnMut(usize, &Packet) -> bool) -> Vec<Packet> {
    let kept = packets.iter().enumerate().filter(|(index, packet)| !lost(*index, packet));
    kept.map(|(_, packet)| packet.clone()).collect()
}

/// Without one packet in `one_in`.
#[must_use]
pub fn lose_randomly(packets: &[Packet], seed: u64, one_in: usize) -> Vec<Packet> {
    let mut rng = Rng::new(seed);
    lose(packets, |_, _| rng.below(one_in.max(1)) == 0)
}

/// Each packet cut to `bytes` of IP, as a snapshot length does.
#[must_use]
pub fn snap(packets: &[Packet], bytes: usize) -> Vec<Packet> {
    let cut = |packet: &Packet| {
        let mut packet = packet.clone();
        packet.ip.truncate(bytes);
        packet
    };
    packets.iter().map(cut).collect()
}

/// Without what came after the first `count` packets.
#[must_use]
pub fn cut_end(packets: &[Packet], count: usize) -> Vec<Packet> {
    packets.iter().take(count).cloned().collect()
}

/// Two captures as one, in order of time; at the same time, the first one's packets first.
#[must_use]
pub fn merge(first: &[Packet], second: &[Packet]) -> Vec<Packet> {
    let mut out = [first, second].concat();
    out.sort_by_key(|packet| packet.at);
    out
}

/// The same packets some time later, or earlier.
#[must_use]
pub fn shift(packets: &[Packet], nanoseconds: i64) -> Vec<Packet> {
    packets.iter().map(|packet| Packet { at: packet.at + nanoseconds, ..packet.clone() }).collect()
}

/// IPv4 packets in fragments of at most `bytes` of payload (rounded down to a multiple of 8).
#[must_use]
pub fn fragment(packets: &[Packet], bytes: usize) -> Vec<Packet> {
    let size = (bytes / 8).max(1) * 8;
    let mut out = Vec::new();
    let mut identification = 0_u16;
    for packet in packets {
        let Ok((header, payload)) = etherparse::Ipv4Header::from_slice(&packet.ip) else {
            out.push(packet.clone());
            continue;
        };
        if payload.len() <= size || packet.wire_len != packet.ip.len() {
            out.push(packet.clone());
            continue;
        }
        identification = identification.wrapping_add(1);
        let count = payload.chunks(size).count();
        for (index, piece) in payload.chunks(size).enumerate() {
            let mut header = header.clone();
            header.identification = identification;
            header.dont_fragment = false;
            header.more_fragments = index + 1 < count;
            let units = u16::try_from(index * size / 8).expect("in a packet");
            header.fragment_offset = units.try_into().expect("thirteen bits");
            header.set_payload_len(piece.len()).expect("in a packet");
            header.header_checksum = header.calc_header_checksum();
            let ip = [&header.to_bytes()[..], piece].concat();
            out.push(Packet::new(packet.at, ip));
        }
    }
    out
}

fn rebuild(at: i64, ip: IpHeaders, tcp: etherparse::TcpHeader, payload: &[u8]) -> Packet {
    let step = PacketBuilder::ip(ip).tcp_header(tcp);
    let mut bytes = Vec::with_capacity(step.size(payload.len()));
    step.write(&mut bytes, payload).expect("a payload that fits an IP packet");
    Packet::new(at, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Direction;
    use crate::tcp::Tcp;
    use std::collections::BTreeMap;
    use std::net::SocketAddr;

    fn connection() -> Vec<Packet> {
        let ends: [SocketAddr; 2] = ["192.0.2.44:40000".parse().unwrap(), "203.0.113.7:443".parse().unwrap()];
        let mut tcp = Tcp::connect(ends[0], ends[1], 1_000_000_000).sequence(u32::MAX - 900, 7);
        let bytes = Rng::new(1).bytes(9_000);
        tcp.send(Direction::ToServer, &bytes[..4_000]).send(Direction::ToClient, &bytes[4_000..]).fin();
        tcp.into_packets()
    }

    /// What a receiver makes of it: bytes by distance from the first sequence number, whatever the order.
    fn received(packets: &[Packet]) -> [Vec<u8>; 2] {
        let mut bytes: [BTreeMap<u32, u8>; 2] = Default::default();
        for packet in packets {
            let (_, tcp, payload) = packet.tcp().unwrap();
            let (side, first) = if tcp.destination_port == 443 { (0, u32::MAX - 900) } else { (1, 7) };
            for (index, byte) in (0_u32..).zip(payload) {
                let at = tcp.sequence_number.wrapping_add(index).wrapping_sub(first);
                assert_eq!(*bytes[side].entry(at).or_insert(*byte), *byte);
            }
        }
        bytes.map(|side| side.into_values().collect())
    }

    #[test]
    fn editing_keeps_what_a_receiver_reads() {
        let packets = connection();
        let whole = received(&packets);
        assert_eq!(whole.each_ref().map(Vec::len), [4_000, 5_000]);
        for seed in 0..20 {
            assert_eq!(received(&split_randomly(&packets, seed)), whole);
            assert_eq!(received(&reorder(&packets, seed, 5)), whole);
            assert_eq!(received(&duplicate(&packets, seed, 2)), whole);
            let more = retransmit_overlapping(&packets, seed);
            assert!(more.len() > packets.len());
            assert_eq!(received(&more), whole);
        }
        assert_ne!(reorder(&packets, 1, 5), packets);
        assert!(split(&packets, 1).len() > 9_000);
    }

    #[test]
    fn losing_and_cutting_take_away() {
        let packets = connection();
        assert!(lose_randomly(&packets, 3, 3).len() < packets.len());
        let cut = snap(&packets, 60);
        assert!(cut.iter().all(|packet| packet.ip.len() <= 60) && cut.iter().any(|packet| packet.wire_len > 60));
        let pieces = fragment(&packets, 500);
        assert!(pieces.len() > packets.len() + 10, "each of seven full segments makes three");
        let carried = |packets: &[Packet]| packets.iter().map(|packet| packet.ip.len() - 20).sum::<usize>();
        assert_eq!(carried(&pieces), carried(&packets));
    }
}
