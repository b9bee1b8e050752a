//! DTLS 1.0, 1.2 and 1.3: TLS over datagrams, opened passively with the session secrets the auditor supplied.
//!
//! Specifications: RFC 4347 (1.0), 6347 (1.2), 9147 (1.3), 9146 (connection IDs), 5764 (`use_srtp`), 7983 (who else may
//! speak on the same ports).
//!
//! ```text
//! datagram → record (headers, epochs) → session (handshake, keys) → child stream of application data, datagrams
//!                                       ├ fragments: handshake messages out of their pieces
//!                                       └ unified: one direction of DTLS 1.3, record numbers included
//! ```
//!
//! Datagrams come in any order, twice, or never. Each record says its epoch and number, so none depends on the one
//! before; those that come before their keys wait, within a bound.

mod fragments;
mod probe;
mod record;
mod session;
#[cfg(test)]
mod tests;
mod unified;

use crate::message::Protocol;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "dtls",
    about: "DTLS 1.0 to 1.3, opened with a key log; hands SRTP its keys",
    probe: probe::probe,
    start: session::start,
    samples: &[],
};
