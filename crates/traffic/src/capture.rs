//! Conversations on one timeline.

use crate::file::PcapNg;
use crate::packet::{Direction, Packet};
use crate::tcp::Tcp;
use crate::tls::{Session, Step, Tls};
use crate::udp;
use std::net::{IpAddr, SocketAddr};

/// One request and its response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exchange {
    /// What the client sends.
    pub request: Vec<u8>,
    /// What the server answers.
    pub response: Vec<u8>,
}

impl Exchange {
    /// A request and its response.
    pub const fn new(request: Vec<u8>, response: Vec<u8>) -> Self {
        Self { request, response }
    }
}

/// Packets and the secrets that open them, being put together. The client is 192.0.2.44 or 2001:db8::44.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The packets, in order of time.
    pub packets: Vec<Packet>,
    /// NSS key log of all TLS sessions.
    pub key_log: String,
    seed: u64,
    now: i64,
    port: u16,
    segment: usize,
}

impl Capture {
    /// An empty capture that starts on 2 November 2026, 09:00 UTC.
    pub const fn new(seed: u64) -> Self {
        Self {
            packets: Vec::new(),
            key_log: String::new(),
            seed,
            now: 1_793_610_000_000_000_000,
            port: 40_000,
            segment: 1_448,
        }
    }

    /// Bytes in one TCP segment of what is added from now on.
    #[must_use]
    pub const fn segment(mut self, bytes: usize) -> Self {
        self.segment = bytes;
        self
    }

    /// Plain HTTP on port 80, one connection for all exchanges; the host stands in the requests.
    #[must_use]
    pub fn plain_http(self, ip: &str, exchanges: &[Exchange]) -> Self {
        let script: Vec<_> = exchanges
            .iter()
            .flat_map(|each| {
                [(Direction::ToServer, each.request.clone()), (Direction::ToClient, each.response.clone())]
            })
            .collect();
        self.tcp(&format!("{ip} 80"), &script)
    }

    /// HTTP/1.1 over TLS 1.3 on port 443, one connection for all exchanges.
    #[must_use]
    pub fn tls_http(self, host: &str, ip: &str, exchanges: &[Exchange]) -> Self {
        let tls = Tls::new(host).alpn(&["http/1.1"]);
        self.tls_http_with(tls, ip, exchanges)
    }

    /// The same over TLS as configured.
    #[must_use]
    pub fn tls_http_with(self, tls: Tls, ip: &str, exchanges: &[Exchange]) -> Self {
        let mut steps: Vec<Step> = exchanges
            .iter()
            .flat_map(|each| {
                [
                    Step::Send(Direction::ToServer, each.request.clone()),
                    Step::Send(Direction::ToClient, each.response.clone()),
                ]
            })
            .collect();
        steps.push(Step::Close(Direction::ToServer));
        steps.push(Step::Close(Direction::ToClient));
        let seed = self.seed.wrapping_mul(0x1_0001).wrapping_add(u64::from(self.port));
        let session = tls.seed(seed).session(&steps);
        self.session(&format!("{ip} 443"), &session)
    }

    /// A TLS session made elsewhere; `server` is `ADDRESS PORT`.
    #[must_use]
    pub fn session(mut self, server: &str, session: &Session) -> Self {
        self.key_log.push_str(&session.key_log);
        self.tcp(server, &session.flights)
    }

    /// A TCP connection with any bytes; `server` is `ADDRESS PORT`.
    #[must_use]
    pub fn tcp(mut self, server: &str, script: &[(Direction, Vec<u8>)]) -> Self {
        let (client, server) = self.ends(server);
        let mut tcp = Tcp::connect(client, server, self.now).segment(self.segment);
        for (direction, bytes) in script {
            tcp.send(*direction, bytes).pause(2_000_000);
        }
        tcp.fin();
        self.now = tcp.now() + 20_000_000;
        self.packets.extend(tcp.into_packets());
        self
    }

    /// Datagrams to and fro; `server` is `ADDRESS PORT`.
    #[must_use]
    pub fn udp(mut self, server: &str, script: &[(Direction, Vec<u8>)]) -> Self {
        let (client, server) = self.ends(server);
        for (direction, bytes) in script {
            let (from, to) = match direction {
                Direction::ToServer => (client, server),
                Direction::ToClient => (server, client),
            };
            self.packets.push(udp::datagram(from, to, self.now, bytes));
            self.now += 5_000_000;
        }
        self
    }

    /// A DNS query to 192.0.2.53 (or 2001:db8::53) and the answer that `host` is at `ip`.
    #[must_use]
    pub fn dns(self, host: &str, ip: &str) -> Self {
        let address: IpAddr = ip.parse().expect("an address");
        let (query, reply) = udp::dns(self.port, host, address);
        self.udp("192.0.2.53 53", &[(Direction::ToServer, query), (Direction::ToClient, reply)])
    }

    /// The whole as pcapng: Ethernet, one interface, the key log in a Decryption Secrets Block at the start.
    pub fn pcapng(&self) -> Vec<u8> {
        PcapNg::new().secrets_first(&self.key_log).write(&self.packets)
    }

    fn ends(&mut self, server: &str) -> (SocketAddr, SocketAddr) {
        let (ip, port) = server.split_once(' ').expect("ADDRESS PORT");
        let server = SocketAddr::new(ip.parse().expect("an address"), port.parse().expect("a port"));
        let client: IpAddr = if server.is_ipv4() { "192.0.2.44" } else { "2001:db8::44" }.parse().expect("an address");
        self.port += 1;
        (SocketAddr::new(client, self.port), server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{Link, Pcap};
    use crate::http;

    #[test]
    fn times_ascend_and_every_link_fits_its_header() {
        let exchange = Exchange::new(http::get("a.example", "/"), http::ok("text/plain", b"hi"));
        let exchanges = [exchange.clone(), exchange];
        let capture = Capture::new(1)
            .dns("a.example", "203.0.113.7")
            .dns("a.example", "2001:db8::7")
            .tls_http("a.example", "203.0.113.7", &exchanges)
            .plain_http("2001:db8::7", &exchanges);
        assert!(capture.packets.is_sorted_by_key(|packet| packet.at));
        for link in
            [Link::Ethernet, Link::Vlan(7), Link::DoubleVlan(7, 8), Link::Null, Link::Sll, Link::Sll2, Link::Raw]
        {
            let bytes = Pcap::new().link(link).nanoseconds().big_endian().write(&capture.packets);
            let records: usize = capture.packets.iter().map(|p| 16 + link.header(&p.ip).len() + p.ip.len()).sum();
            assert_eq!(bytes.len(), 24 + records);
        }
    }
}
