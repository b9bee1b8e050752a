//! Sessions that nobody recorded: every protocol's samples, TLS in every suite, and stories, as packets.

use crate::recordings::Recording;
use anyhow::{Context as _, Result};
use plainsight::message::protocol::PROTOCOLS;
use plainsight_traffic::file::PcapNg;
use plainsight_traffic::packet::Direction;
use plainsight_traffic::story::Story;
use plainsight_traffic::tls::{Tls, Version, suites};
use plainsight_traffic::{Capture, Exchange, http};
use std::fs;
use std::path::Path;

/// Where tshark expects a protocol: it goes by ports. What is not here is put on a port of nobody's.
const PORTS: &[(&str, Carrier, u16)] = &[
    ("dns", Carrier::Tcp, 53),
    ("ftp", Carrier::Tcp, 21),
    ("http1", Carrier::Tcp, 80),
    ("http2", Carrier::Tcp, 80),
    ("imap", Carrier::Tcp, 143),
    ("mqtt", Carrier::Tcp, 1883),
    ("pop3", Carrier::Tcp, 110),
    ("redis", Carrier::Tcp, 6379),
    ("rtcp", Carrier::Udp, 5005),
    ("sip", Carrier::Tcp, 5060),
    ("smtp", Carrier::Tcp, 25),
    ("socks", Carrier::Tcp, 1080),
    ("stun", Carrier::Udp, 3478),
    ("xmpp", Carrier::Tcp, 5222),
];
/// How many stories are told.
const STORIES: u64 = 24;

#[derive(Clone, Copy)]
enum Carrier {
    Tcp,
    Udp,
}

/// All of them, written into `folder`.
pub(crate) fn all(folder: &Path) -> Result<Vec<Recording>> {
    let mut found = Vec::new();
    for protocol in PROTOCOLS {
        let known = PORTS.iter().find(|(name, ..)| *name == protocol.name);
        let (carrier, port) = known.map_or((Carrier::Tcp, 40_404), |(_, carrier, port)| (*carrier, *port));
        for (number, sample) in protocol.samples.iter().enumerate() {
            let script =
                [(Direction::ToServer, sample.to_server.to_vec()), (Direction::ToClient, sample.to_client.to_vec())];
            let script: Vec<_> = script.into_iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
            let server = format!("203.0.113.9 {port}");
            let capture = match carrier {
                Carrier::Tcp => Capture::new(1).tcp(&server, &script),
                Carrier::Udp => Capture::new(1).udp(&server, &script),
            };
            found.push(write(folder, &format!("samples/{}-{number}", protocol.name), &capture)?);
        }
    }
    for (label, version) in [("1.2", Version::Tls12), ("1.3", Version::Tls13)] {
        for suite in suites(version) {
            let host = "api.chatterly.example";
            let exchanges: Vec<Exchange> = ["The heron lands at dusk", "and leaves at dawn"]
                .iter()
                .map(|text| {
                    let body = format!("{{\"text\":\"{text}\"}}");
                    let request = http::post(host, "/v1/send", "application/json", body.as_bytes());
                    Exchange::new(request, http::ok("application/json", b"{\"stored\":true}"))
                })
                .collect();
            let tls = Tls::new(host).version(version).suite(suite).alpn(&["http/1.1"]).record(200);
            let capture = Capture::new(2).tls_http_with(tls, "203.0.113.7", &exchanges);
            found.push(write(folder, &format!("tls{label}/{}", suite.to_lowercase()), &capture)?);
        }
    }
    for seed in 0..STORIES {
        found.push(write(folder, &format!("stories/{seed:02}"), &Story::new(seed).capture)?);
    }
    Ok(found)
}

fn write(folder: &Path, name: &str, capture: &Capture) -> Result<Recording> {
    let stem = name.replace('/', "-");
    let path = folder.join(format!("generated-{stem}.pcapng"));
    fs::write(&path, PcapNg::new().write(&capture.packets)).with_context(|| path.display().to_string())?;
    let keys = folder.join(format!("generated-{stem}.keys"));
    fs::write(&keys, &capture.key_log)?;
    let keys = (!capture.key_log.is_empty()).then_some(keys);
    Ok(Recording { name: format!("generated/{name}"), path, keys })
}
