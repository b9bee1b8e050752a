//! Makes real test traffic: sessions in memory for tests and benches.
//!
//! Everything is made by real protocol code (rustls on both ends, checksummed packets) and follows from a seed, apart
//! from the ephemeral key shares that ring draws by itself: sizes, order and content are the same in every run, the
//! ciphertext is not.
//!
//! - [`Capture`] puts conversations one after the other on one timeline: packets and their key log.
//! - [`tls::Tls`] joins a rustls client and a rustls server in memory: the bytes both ways and the key log.
//! - [`tcp::Tcp`] and [`udp::datagram`] put bytes into packets; [`edit`] loses, doubles, splits and reorders them.
//! - [`mod@file`] writes packets as pcap or pcapng.
//! - [`runs::Run`] repeats one action with a text of one's choice, sealed one way or another.
//! - [`story::Story`] makes a random session, a scenario for it, and says which claims it contradicts.
//!
//! ```
//! use plainsight_traffic::{Capture, Exchange, edit, http};
//!
//! let host = "api.chatterly.example";
//! let capture = Capture::new(7)
//!     .dns(host, "203.0.113.7")
//!     .tls_http(host, "203.0.113.7", &[Exchange::new(
//!         http::post(host, "/v1/send", "application/json", br#"{"text":"The heron lands at dusk"}"#),
//!         http::ok("application/json", b"{}"),
//!     )])
//!     .plain_http("203.0.113.8", &[Exchange::new(
//!         http::get("log.chatterly.example", "/generate_204"),
//!         http::response("204 No Content", &[], b""),
//!     )]);
//! let bytes = capture.pcapng();                                  // secrets block first, then the packets
//! let split = edit::split(&capture.packets, 11);                 // the same bytes in segments of 11
//! assert!(split.len() > capture.packets.len());
//! assert_eq!(bytes.get(..4), Some(&[0x0a, 0x0d, 0x0d, 0x0a][..]));
//! assert!(capture.key_log.contains("CLIENT_TRAFFIC_SECRET_0"));
//! ```
#![expect(clippy::missing_panics_doc, reason = "made for tests: what cannot be made is a broken test and may panic")]

pub mod capture;
pub mod content;
pub mod edit;
pub mod file;
pub mod http;
pub mod packet;
pub mod rng;
pub mod runs;
pub mod story;
pub mod tcp;
pub mod tls;
pub mod udp;

pub use capture::{Capture, Exchange};
pub use packet::{Direction, Packet};
