//! What a hello tells whoever listens, over whichever transport it came.

use crate::message::Sink;
use crate::message::handshake::hello::{ClientHello, EXT_EARLY_DATA};
use crate::message::handshake::ja4;
use crate::message::sink::Draft;
use crate::model::message::{Part, PartKind};
use crate::model::origin::Origins;
use crate::model::stream::Direction;
use crate::model::time::Timestamp;
use memchr::memmem;

/// The server's name, the fingerprint, and whether early data may follow. `transport` as in [`ja4::ja4`].
pub fn tell(client: &ClientHello, transport: char, sink: &mut Sink<'_>) {
    if let Some(name) = client.server_name() {
        sink.fact("tls.sni", name.clone());
        sink.host(name, "sni");
    }
    sink.fact("tls.ja4", ja4::ja4(transport, client));
    if client.extension(EXT_EARLY_DATA).is_some() {
        sink.fact("tls.early-data", "offered");
    }
}

/// What an app can put into a hello: the server's name (RFC 6066, section 3) and the protocols it offers (RFC 7301). Anybody
/// can read both, whatever is sealed later, as they can a DNS question. `bytes` and `origins` carried the hello, or its end.
pub fn overhear(client: &ClientHello, bytes: &[u8], origins: &Origins, at: Timestamp, sink: &mut Sink<'_>) {
    let mut parts = Vec::new();
    let mut add = |text: Vec<u8>, frames: Origins| {
        if !text.is_empty() {
            parts.push(Part::new(PartKind::Path, text, frames));
        }
    };
    let carried = |text: &[u8]| match memmem::find(bytes, text) {
        Some(from) => origins.slice(from, from.saturating_add(text.len())),
        // Cut in two by a record: all frames that are known.
        None => origins.clone(),
    };
    if let Some(name) = client.raw_server_name() {
        add(name.to_vec(), carried(name));
        if name.split(|byte| *byte == b'.').nth(2).is_some() {
            // Data too long for one label goes on in the next.
            let mut frames = Origins::new();
            let mut joined = Vec::new();
            let mut from = memmem::find(bytes, name);
            for label in name.split(|byte| *byte == b'.') {
                joined.extend_from_slice(label);
                match &mut from {
                    Some(from) => {
                        frames.append(&origins.slice(*from, from.saturating_add(label.len())));
                        *from = from.saturating_add(label.len()).saturating_add(1);
                    }
                    None => frames.append(&carried(label)),
                }
            }
            add(joined, frames);
        }
    }
    for offer in client.alpn() {
        let frames = carried(&offer);
        add(offer, frames);
    }
    if !parts.is_empty() {
        let label = "ClientHello".to_owned();
        sink.hello(Draft { direction: Direction::ToServer, at, label, host: None, parts, whole: true });
    }
}
