//! QPACK, the header compression of HTTP/3 (RFC 9204).

pub mod decoder;
mod table;
