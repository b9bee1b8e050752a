//! Every evidence format. To add one: its module and its entry in `FORMATS`.

mod csv;
mod har;
mod lines;
mod mitmproxy;
mod ndjson;
mod pcap;
mod pcapng;

use super::Format;

/// The registry, in the order formats are asked.
pub static FORMATS: &[&Format] = &[
    // One line each.
    &pcap::FORMAT,
    &pcapng::FORMAT,
    &har::FORMAT,
    &mitmproxy::FORMAT,
    &ndjson::FORMAT,
    &csv::FORMAT,
    &lines::FORMAT,
];
