//! The registry: one file a protocol, two lines here.

pub mod dns;
pub mod dtls;
pub mod ftp;
pub mod grpc;
pub mod http1;
pub mod http2;
pub mod http3;
pub mod imap;
pub mod mqtt;
pub mod mtproto;
pub mod pop3;
pub mod quic;
pub mod redis;
pub mod rtcp;
pub mod rtp;
pub mod sip;
pub mod smtp;
pub mod socks;
pub mod sse;
pub mod sslv2;
pub mod stun;
pub mod syslog;
pub mod tls;
pub mod websocket;
pub mod wireguard;
pub mod xmpp;

use crate::message::Protocol;

/// Every protocol; of two that are equally sure, the first wins.
pub static PROTOCOLS: &[&Protocol] = &[
    // One line each, by name.
    &dns::PROTOCOL,
    &dtls::PROTOCOL,
    &ftp::PROTOCOL,
    &grpc::PROTOCOL,
    &http1::PROTOCOL,
    &http2::PROTOCOL,
    &http3::PROTOCOL,
    &imap::PROTOCOL,
    &mqtt::PROTOCOL,
    &mtproto::PROTOCOL,
    &pop3::PROTOCOL,
    &quic::PROTOCOL,
    &rtcp::PROTOCOL,
    &rtp::PROTOCOL,
    &redis::PROTOCOL,
    &sip::PROTOCOL,
    &smtp::PROTOCOL,
    &socks::PROTOCOL,
    &sse::PROTOCOL,
    &sslv2::PROTOCOL,
    &stun::PROTOCOL,
    &syslog::PROTOCOL,
    &tls::PROTOCOL,
    &websocket::PROTOCOL,
    &wireguard::PROTOCOL,
    &xmpp::PROTOCOL,
];

/// The protocol with this registry name.
pub fn by_name(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().copied().find(|protocol| protocol.name == name)
}
