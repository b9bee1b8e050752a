//! Makes the large captures that speed is measured on, streaming, so that memory stays small.
//!
//! ```text
//! cargo run -p plainsight-traffic --release --bin bench-captures -- http 300MB http.pcap
//! cargo run -p plainsight-traffic --release --bin bench-captures -- tls 300MB tls.pcapng    # and tls.keys beside it
//! cargo run -p plainsight-traffic --release --bin bench-captures -- flows 1000000 flows.pcap
//! cargo run -p plainsight-traffic --release --bin bench-captures -- values 200              # what is planted in them
//! ```
//!
//! `http` is plain HTTP/1.1 with JSON, about 200 messages to a megabyte, a quarter of the bodies gzip and a quarter
//! chunked; `tls` is bulk TLS 1.3 (AES-128-GCM), about two megabytes to a connection, its secrets in blocks before each;
//! `flows` is tiny connections of one request each. One message in seventy-five carries one of the values that
//! `values` prints, each as an argument for `--plant`. Everything but ciphertext is the same in every run.

use plainsight_traffic::content::{json, value};
use plainsight_traffic::file::{Pcap, PcapNg};
use plainsight_traffic::packet::{Direction, Packet};
use plainsight_traffic::rng::Rng;
use plainsight_traffic::tcp::Tcp;
use plainsight_traffic::tls::{Step, Tls};
use plainsight_traffic::{edit, http};
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

const HOST: &str = "api.chatterly.example";
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), 80);
const SECURE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), 443);
const BEGIN: i64 = 1_793_610_000_000_000_000;
const VALUES: usize = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let told: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match told.as_slice() {
        ["http", size, path] => amount(size).and_then(|bytes| plain(bytes, path)),
        ["tls", size, path] => amount(size).and_then(|bytes| secure(bytes, path)),
        ["flows", count, path] => amount(count).and_then(|count| flows(count, path)),
        ["values", count] => amount(count).and_then(values),
        _ => Err(wrong("usage: bench-captures http|tls SIZE FILE, flows COUNT FILE, values COUNT")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(io::stderr(), "bench-captures: {error}"));
            ExitCode::from(2)
        }
    }
}

fn wrong(text: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, text)
}

/// `300MB`, `2GB`, `1000000`.
fn amount(text: &str) -> io::Result<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err(wrong("sizes end in kB, MB or GB")),
    };
    let number: u64 = digits.parse().map_err(|_| wrong("a size or a count is wanted"))?;
    Ok(number.saturating_mul(unit))
}

fn values(count: u64) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout());
    for index in 0..usize::try_from(count).unwrap_or(usize::MAX).min(VALUES) {
        writeln!(out, "messages={}", value(index))?;
    }
    out.flush()
}

/// A client address and port for connection `index`.
fn client(index: u64) -> SocketAddr {
    let [.., a, b, c] = u32::try_from(index / 20_000 + 1).unwrap_or(u32::MAX).to_be_bytes();
    let port = 20_000 + u16::try_from(index % 20_000).expect("below 20,000");
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, a, b, c)), port)
}

/// One request and its response, with bodies of about `bytes` together.
fn exchange(rng: &mut Rng, bytes: usize) -> [(Direction, Vec<u8>); 2] {
    let planted = |rng: &mut Rng| (rng.below(75) == 0).then(|| value(rng.below(VALUES)));
    let sent = bytes / 3 + rng.below(bytes / 3 + 1);
    let (first, second) = (planted(rng), planted(rng));
    let request = http::post(HOST, "/v1/sync", "application/json", &json(rng, sent, first.as_deref()));
    let body = json(rng, bytes - sent, second.as_deref());
    let kind = ("Content-Type", "application/json");
    let response = match rng.below(4) {
        0 => http::response("200 OK", &[kind, ("Content-Encoding", "gzip")], &http::gzip(&body)),
        1 => {
            let chunks = http::chunked(&body, &vec![1_000; body.len() / 1_000]);
            http::response("200 OK", &[kind, ("Transfer-Encoding", "chunked")], &chunks)
        }
        _ => http::response("200 OK", &[kind], &body),
    };
    [(Direction::ToServer, request), (Direction::ToClient, response)]
}

fn plain(bytes: u64, path: &str) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let file = Pcap::new();
    out.write_all(&file.header())?;
    let (mut rng, mut written, mut connection, mut at) = (Rng::new(80), 0_u64, 0_u64, BEGIN);
    while written < bytes {
        // Eight connections at a time, packet by packet in turn.
        let mut packets: Vec<Packet> = Vec::new();
        for _ in 0..8 {
            let mut tcp = Tcp::connect(client(connection), SERVER, at + i64::try_from(connection % 8).unwrap_or(0));
            for (direction, message) in (0..20).flat_map(|_| exchange(&mut rng, 9_600)) {
                tcp.send(direction, &message);
            }
            tcp.fin();
            connection += 1;
            packets = edit::merge(&packets, &tcp.into_packets());
        }
        at = packets.last().map_or(at, |packet| packet.at) + 1_000_000;
        for packet in &packets {
            let record = file.record(packet);
            written += u64::try_from(record.len()).expect("64 bits");
            out.write_all(&record)?;
        }
    }
    out.flush()
}

fn secure(bytes: u64, path: &str) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut keys = BufWriter::new(File::create(format!("{}.keys", path.trim_end_matches(".pcapng")))?);
    let (mut rng, mut written, mut connection, mut at) = (Rng::new(443), 0_u64, 0_u64, BEGIN);
    while written < bytes {
        let script = (0..16).flat_map(|_| exchange(&mut rng, 130_000));
        let steps: Vec<Step> = script.map(|(direction, message)| Step::Send(direction, message)).collect();
        let tls = Tls::new(HOST).alpn(&["http/1.1"]).suite("TLS13_AES_128_GCM_SHA256").seed(connection);
        let session = tls.session(&steps);
        let mut tcp = Tcp::connect(client(connection), SECURE, at).step(5_000);
        for (direction, flight) in &session.flights {
            tcp.send(*direction, flight);
        }
        tcp.fin();
        at = tcp.now() + 1_000_000;
        connection += 1;
        keys.write_all(session.key_log.as_bytes())?;
        let packets = tcp.into_packets();
        let section = PcapNg::new().secrets_first(&session.key_log);
        let blocks = if written == 0 { section.write(&packets) } else { section.write_more(&packets) };
        written += u64::try_from(blocks.len()).expect("64 bits");
        out.write_all(&blocks)?;
    }
    keys.flush()?;
    out.flush()
}

fn flows(count: u64, path: &str) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let file = Pcap::new();
    out.write_all(&file.header())?;
    let mut rng = Rng::new(1);
    for index in 0..count {
        let at = BEGIN + i64::try_from(index).unwrap_or(0).saturating_mul(500_000);
        let mut tcp = Tcp::connect(client(index), SERVER, at).step(20_000).without_acks();
        let target = format!("/p?i={index}&n={:08x}", rng.next() >> 32);
        tcp.send(Direction::ToServer, &http::get(HOST, &target));
        tcp.send(Direction::ToClient, &http::response("204 No Content", &[], b""));
        tcp.fin();
        for packet in tcp.into_packets() {
            out.write_all(&file.record(&packet))?;
        }
    }
    out.flush()
}
