//! Which worker a packet belongs to.

use crate::model::packet::{Packet, Segment};
use std::hash::BuildHasher as _;

/// A number that is the same for both directions of a conversation, in every run: for sharing flows out to workers.
/// Its seed is fixed, so nothing but the balance between workers may depend on it.
pub fn flow_hash(packet: &Packet<'_>) -> u64 {
    let protocol = match packet.segment {
        Segment::Tcp { .. } => 6,
        Segment::Udp { .. } => 17,
        Segment::Other { protocol, .. } => protocol,
    };
    let (low, high) = if packet.src <= packet.dst { (packet.src, packet.dst) } else { (packet.dst, packet.src) };
    foldhash::fast::FixedState::with_seed(0x5eed).hash_one((low, high, protocol))
}
