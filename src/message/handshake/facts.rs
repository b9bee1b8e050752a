//! What a hello tells whoever listens, over whichever transport it came.

use crate::message::Sink;
use crate::message::handshake::hello::{ClientHello, EXT_EARLY_DATA};
use crate::message::handshake::ja4;

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
