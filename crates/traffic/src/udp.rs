//! Bytes into UDP datagrams, and DNS.

use crate::packet::{Packet, ip};
use std::net::{IpAddr, SocketAddr};

/// One datagram.
pub fn datagram(from: SocketAddr, to: SocketAddr, at: i64, payload: &[u8]) -> Packet {
    let step = ip(from, to).udp(from.port(), to.port());
    let mut bytes = Vec::with_capacity(step.size(payload.len()));
    step.write(&mut bytes, payload).expect("a payload that fits an IP packet");
    Packet::new(at, bytes)
}

/// A DNS query for the addresses of `name` and its answer (RFC 1035 section 4).
pub fn dns(id: u16, name: &str, answer: IpAddr) -> (Vec<u8>, Vec<u8>) {
    let (kind, data) = match answer {
        IpAddr::V4(v4) => (1_u16, v4.octets().to_vec()),
        IpAddr::V6(v6) => (28, v6.octets().to_vec()),
    };
    let mut question = Vec::new();
    for label in name.split('.') {
        assert!(label.len() < 64, "a label has at most 63 bytes");
        question.push(u8::try_from(label.len()).expect("below 64"));
        question.extend(label.bytes());
    }
    question.push(0);
    question.extend(kind.to_be_bytes());
    question.extend(1_u16.to_be_bytes());
    let header = |flags: u16, answers: u16| {
        let words = [id, flags, 1, answers, 0, 0];
        words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>()
    };
    let query = [header(0x0100, 0), question.clone()].concat();
    let mut reply = [header(0x8180, 1), question].concat();
    reply.extend([0xc0, 0x0c]);
    reply.extend(kind.to_be_bytes());
    reply.extend(1_u16.to_be_bytes());
    reply.extend(300_u32.to_be_bytes());
    reply.extend(u16::try_from(data.len()).expect("an address").to_be_bytes());
    reply.extend(data);
    (query, reply)
}
