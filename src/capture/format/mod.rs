//! Every evidence format. To add one: its module and its entry in `FORMATS`.

mod banners;
mod bson;
mod bulk;
mod csv;
mod doors;
mod har;
mod json_array;
mod json_document;
mod lines;
mod logcat;
mod mitmproxy;
mod ndjson;
mod pcap;
mod pcapng;
mod search_hits;
mod sql;
mod syslog;

use super::Format;

/// The registry, in the order formats are asked.
pub static FORMATS: &[&Format] = &[
    // One line each.
    &pcap::FORMAT,
    &pcapng::FORMAT,
    &har::FORMAT,
    &mitmproxy::FORMAT,
    &doors::FORMAT,
    &banners::FORMAT,
    &search_hits::FORMAT,
    &json_array::FORMAT,
    &bulk::FORMAT,
    &bson::FORMAT,
    &sql::FORMAT,
    &logcat::FORMAT,
    &syslog::FORMAT,
    &ndjson::FORMAT,
    &json_document::FORMAT,
    &csv::FORMAT,
    &lines::FORMAT,
];
