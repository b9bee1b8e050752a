//! What QUIC and what speaks over it share.

pub mod frame;
pub mod varint;
