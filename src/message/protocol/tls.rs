//! TLS 1.0 to 1.3 over a reliable stream, opened passively with the session secrets the auditor supplied.
//!
//! Specifications: RFC 8446 (1.3), 5246 (1.2), 4346, 2246, 5288, 5487, 6066, 6347, 6655, 7366, 7627, 7905, 9850 (key log).
//!
//! ```text
//! bytes → record (what segments cut) → session (handshake, epochs) → child stream of application data
//!                                      └ keys: openers, traffic secrets
//! ```
//!
//! Each direction goes through its own epochs. Where one cannot go on before the other has said something (the suite, a
//! key exchange), its records wait, within a bound: captures interleave the two as they like.

mod keys;
mod probe;
mod record;
mod rsa;
mod session;
#[cfg(test)]
mod tests;

use crate::message::Protocol;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "tls",
    about: "TLS 1.0 to 1.3, opened with a key log or an RSA key",
    probe: probe::probe,
    start: session::start,
    samples: &[],
};
