//! The registry: one file a protocol, two lines here.

pub mod dns;
pub mod ftp;
pub mod grpc;
pub mod http1;
pub mod http2;
pub mod imap;
pub mod pop3;
pub mod sip;
pub mod smtp;
pub mod sse;
pub mod tls;
pub mod websocket;
pub mod xmpp;

use crate::message::Protocol;

/// Every protocol; of two that are equally sure, the first wins.
pub static PROTOCOLS: &[&Protocol] = &[
    // One line each, by name.
    &dns::PROTOCOL,
    &ftp::PROTOCOL,
    &grpc::PROTOCOL,
    &http1::PROTOCOL,
    &http2::PROTOCOL,
    &imap::PROTOCOL,
    &pop3::PROTOCOL,
    &sip::PROTOCOL,
    &smtp::PROTOCOL,
    &sse::PROTOCOL,
    &tls::PROTOCOL,
    &websocket::PROTOCOL,
    &xmpp::PROTOCOL,
];

/// The protocol with this registry name.
pub fn by_name(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().copied().find(|protocol| protocol.name == name)
}
