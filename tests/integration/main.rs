//! Everything that looks at the house from outside, or goes through the binary, in one test binary.
#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected should stop there")]

mod adversary;
mod architecture;
mod bombs;
mod calls;
mod cli;
mod conformance;
mod door;
mod dumps;
mod envelopes;
mod exposure;
mod forms;
mod fuzz;
mod har;
mod hooks;
mod hostile;
mod judging;
mod laws;
mod mitmproxy;
mod owners;
mod pairs;
mod peers;
mod quic;
mod scenarios;
mod schema;
mod spelled;
mod stores;
mod told;
mod transports;
mod twins;
mod unencrypted;
mod wire;
