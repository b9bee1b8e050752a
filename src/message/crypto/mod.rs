//! Cryptography that several transports share: hashes and key derivation, AEADs, CBC and stream ciphers.
//!
//! Everything here takes lengths from algorithms, never from input, and answers `None` where a key does not fit.

pub mod aead;
pub mod cbc;
pub mod hash;
pub mod rc4;
pub mod srtp;
