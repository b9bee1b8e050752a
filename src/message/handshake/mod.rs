//! Structures of the TLS handshake, which TLS, DTLS and QUIC share: hellos, cipher suites, certificates, JA4.

pub mod certificate;
pub mod facts;
pub mod hello;
pub mod ja4;
pub mod key_block;
pub mod protect;
pub mod suite;
