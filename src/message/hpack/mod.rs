//! HPACK (RFC 7541) as a listener needs it: a block that refers to what was never captured still yields the rest.

pub mod decoder;
pub mod huffman;
pub mod table;
