//! The two ends of a flow, and what the proxy did at each.

use super::time;
use super::tnetstring::Value;
use crate::model::account::Account;
use crate::model::flow::{Blind, BlindSpot, Fact};
use crate::model::origin::FrameNo;
use crate::model::packet::Endpoint;
use crate::model::stream::{Direction, Ending, FlowKey, Layer, StreamMeta, Transport};
use crate::model::time::Timestamp;
use data_encoding::{BASE64, HEXLOWER};
use ring::digest;
use std::net::{IpAddr, Ipv4Addr};

/// One of the proxy's two connections.
#[derive(Default)]
struct Leg {
    /// The peer, where its address is one; the name or address it was asked for.
    peer: Option<(String, u16)>,
    asked: Option<(String, u16)>,
    /// It speaks TLS, DTLS or QUIC.
    secure: bool,
    /// `TLSv1.3`, `QUICv1` …; the proxy's own choice.
    version: Option<String>,
    cipher: Option<String>,
    alpn: Option<String>,
    offers: Vec<String>,
    sni: Option<String>,
    /// How many certificates it sent, and the SHA-256 of the first.
    certificates: (usize, Option<String>),
    begun: Option<Timestamp>,
    over: bool,
    datagrams: bool,
    error: Option<String>,
}

impl Leg {
    fn of(conn: Value<'_>, is_client: bool) -> Self {
        let text = |keys: &[&str]| conn.get(keys).and_then(Value::text).filter(|text| !text.is_empty());
        let texts = |keys: &[&str]| -> Vec<String> {
            conn.get(keys).into_iter().flat_map(Value::items).filter_map(Value::text).take(16).collect()
        };
        let set_up = conn.get(&["timestamp_tls_setup", "timestamp_ssl_setup"]).is_some();
        // Older versions say so outright; the newest only when.
        let said =
            ["tls_established", "ssl_established"].iter().any(|key| conn.get(&[key]).is_some_and(Value::is_true));
        let certificates = conn.get(&["certificate_list"]).map(Value::items).into_iter().flatten();
        let certificates: Vec<Value<'_>> = certificates.chain(conn.get(&["cert", "clientcert"])).take(32).collect();
        let peer = if is_client { &["peername", "address"][..] } else { &["peername", "ip_address", "peer_address"] };
        Self {
            peer: conn.get(peer).and_then(address),
            asked: conn.get(&["address"]).and_then(address),
            secure: set_up || said,
            version: text(&["tls_version"]),
            cipher: text(&["cipher", "cipher_name"]),
            alpn: text(&["alpn", "alpn_proto_negotiated"]),
            offers: texts(&["alpn_offers"]),
            sni: text(&["sni"]),
            certificates: (certificates.len(), certificates.first().and_then(|first| fingerprint(*first))),
            begun: conn.get(&["timestamp_start"]).map(time).filter(|at| at.0 > 0),
            over: conn.get(&["timestamp_end"]).is_some(),
            datagrams: text(&["transport_protocol"]).is_some_and(|name| name == "udp"),
            error: text(&["error"]),
        }
    }

    /// What was negotiated, for people.
    fn negotiated(&self) -> Option<String> {
        if !self.secure {
            return None;
        }
        let version = self.version.clone().unwrap_or_else(|| "TLS".to_owned());
        let cipher = self.cipher.iter().map(|cipher| format!(", {cipher}"));
        let alpn = self.alpn.iter().map(|alpn| format!(", {alpn}"));
        Some(std::iter::once(version).chain(cipher).chain(alpn).collect())
    }
}

/// The two ends of a flow.
pub(super) struct Ends {
    pub(super) number: FrameNo,
    client: Leg,
    server: Leg,
    /// The flow ended by an error.
    pub(super) failed: bool,
    /// The conversation is over.
    pub(super) over: bool,
    error: Option<String>,
    /// How the proxy was reached: `regular`, `transparent`, `wireguard` …
    mode: Option<String>,
    /// The proxy sent the request, or made the response, by itself.
    pub(super) replayed: Option<String>,
    created: Timestamp,
    /// Nothing was ever sent to a server.
    pub(super) unconnected: bool,
}

impl Ends {
    pub(super) fn of(record: Value<'_>, number: FrameNo) -> Self {
        let leg = |key: &str, is_client| record.get(&[key]).map(|conn| Leg::of(conn, is_client)).unwrap_or_default();
        let (client, server) = (leg("client_conn", true), leg("server_conn", false));
        let error = record.get(&["error"]).map(|error| {
            error.get(&["msg"]).and_then(Value::text).unwrap_or_else(|| "an error that says nothing".to_owned())
        });
        let mode = record.get(&["client_conn"]).and_then(|conn| conn.get(&["proxy_mode"]));
        let replayed = |part: &str| {
            let flag = record.get(&[part]).and_then(|part| part.get(&["is_replay"]));
            flag.is_some_and(Value::is_true).then(|| part.to_owned())
        };
        let times = [&client, &server].map(|leg| leg.begun);
        let created = record.get(&["timestamp_created"]).map(time).filter(|at| at.0 > 0);
        Self {
            number,
            failed: error.is_some(),
            over: client.over || server.over,
            mode: mode.or_else(|| record.get(&["mode"])).and_then(Value::text),
            replayed: record
                .get(&["is_replay"])
                .and_then(Value::text)
                .or_else(|| replayed("request"))
                .or_else(|| replayed("response")),
            created: created.or_else(|| times.into_iter().flatten().min()).unwrap_or_default(),
            unconnected: server.begun.is_none() && record.get(&["server_conn"]).is_some(),
            error,
            client,
            server,
        }
    }

    /// Whether what the app said was hidden on its way. Where the two sides of the proxy differ, one of them is the
    /// proxy's doing, and nobody can say which: then it was.
    pub(super) fn is_secure(&self, scheme: Option<&str>) -> bool {
        self.client.secure || self.server.secure || scheme.is_some_and(|scheme| matches!(scheme, "https" | "wss"))
    }

    /// The server's name, as the app's ClientHello says it.
    pub(super) fn sni(&self) -> Option<&str> {
        self.client.sni.as_deref()
    }

    /// The name that the app asked the proxy to connect to.
    pub(super) fn asked(&self) -> Option<&str> {
        let asked = self.server.asked.as_ref().map(|(host, _)| host.as_str());
        asked.filter(|host| !host.is_empty() && host.parse::<IpAddr>().is_err())
    }

    pub(super) fn layers(&self, scheme: Option<&str>) -> Vec<Layer> {
        if !self.is_secure(scheme) {
            return Vec::new();
        }
        let version = self.client.version.as_deref().unwrap_or_default();
        let name = if version.starts_with("QUIC") {
            "quic"
        } else if version.starts_with("DTLS") {
            "dtls"
        } else {
            "tls"
        };
        vec![Layer { name: name.to_owned(), secure: true, opened: true }]
    }

    /// The ends. The proxy's own address stands for neither of them.
    fn key(&self) -> FlowKey {
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let endpoint = |known: [Option<&(String, u16)>; 2]| {
            let known = known.into_iter().flatten();
            let ip = known.clone().find_map(|(host, _)| host.split('%').next()?.parse().ok());
            let port = known.map(|(_, port)| *port).find(|port| *port > 0);
            Endpoint { ip: ip.unwrap_or(nowhere), port: port.unwrap_or(0) }
        };
        FlowKey {
            transport: if self.client.datagrams { Transport::Udp } else { Transport::Tcp },
            client: endpoint([self.client.peer.as_ref(), None]),
            server: endpoint([self.server.peer.as_ref(), self.server.asked.as_ref()]),
        }
    }

    /// An account that tells nothing yet.
    pub(super) fn account(&self) -> Account {
        let meta = StreamMeta {
            flow: self.key(),
            at: self.created,
            datagrams: self.client.datagrams,
            layers: self.layers(None),
            host: self.sni().or_else(|| self.asked()).map(str::to_ascii_lowercase),
            hint: self.client.alpn.clone().filter(|_| self.client.secure),
            from_start: true,
        };
        Account {
            number: self.number,
            meta,
            host_from: if self.sni().is_some() { "sni" } else { "authority" },
            facts: Vec::new(),
            blind: Vec::new(),
            messages: Vec::new(),
            pieces: Vec::new(),
            ending: Ending::Clean,
        }
    }

    /// What the proxy knew.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let (count, first) = &self.server.certificates;
        let certificates = first.as_ref().map(|first| format!("{count}, the first has SHA-256 {first}"));
        let offers = (!self.client.offers.is_empty()).then(|| self.client.offers.join(", "));
        let error = self.error.clone().or_else(|| self.client.error.clone()).or_else(|| self.server.error.clone());
        let facts = [
            ("tls.sni", self.client.sni.clone().filter(|_| self.client.secure)),
            ("proxy.mode", self.mode.clone()),
            ("proxy.app-tls", self.client.negotiated()),
            ("proxy.app-alpn-offers", offers),
            ("proxy.server-tls", self.server.negotiated()),
            ("proxy.server-certificates", certificates),
            ("proxy.error", error),
        ];
        let fact = |(name, value): (&'static str, Option<String>)| {
            let value: String = value?.chars().filter(|c| !c.is_control()).take(300).collect();
            Some(Fact { name, value, weakness: None })
        };
        facts.into_iter().filter_map(fact).collect()
    }

    /// The flow stopped before it was over.
    pub(super) fn cut_short(&self, direction: Direction) -> BlindSpot {
        let detail = if self.failed { "the conversation failed at the proxy" } else { "the flow file ends before it" };
        BlindSpot { why: Blind::Truncated, direction, detail: detail.to_owned(), bytes: 0 }
    }
}

/// `[host, port, …]`, or the map that versions before 2.0 put around it.
fn address(value: Value<'_>) -> Option<(String, u16)> {
    let value = value.get(&["address"]).unwrap_or(value);
    let mut fields = value.items();
    let host = fields.next()?.text()?;
    let port = fields.next()?.int()?;
    Some((host, u16::try_from(port).ok()?))
}

/// SHA-256 of a certificate in PEM, in hexadecimal.
fn fingerprint(pem: Value<'_>) -> Option<String> {
    let text = std::str::from_utf8(pem.bytes()?).ok()?;
    let body = text.split_once("-----BEGIN CERTIFICATE-----")?.1.split_once("-----END")?.0;
    let digits: String = body.split_ascii_whitespace().collect();
    let der = BASE64.decode(digits.as_bytes()).ok()?;
    Some(HEXLOWER.encode(digest::digest(&digest::SHA256, &der).as_ref()))
}
