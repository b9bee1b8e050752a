//! What is read out of bytes that are all there: handshakes, header blocks, fields, scenarios.

use plainsight::field::decoder::DECODERS;
use plainsight::message::handshake::{certificate, hello, ja4};
use plainsight::message::hpack::decoder::Decoder;
use plainsight::message::hpack::huffman;
use plainsight::model::origin::Origins;
use plainsight::model::scenario::Planted;
use plainsight::model::taxonomy::Data;
use plainsight::scenario::{self, Look};
use plainsight::sighting::{self, Cx, Matcher, Scene};
use plainsight::verdict::promise;
use plainsight::{field, opacity};
use std::path::Path;
use std::sync::LazyLock;

static PLANTED: LazyLock<Vec<Planted>> = LazyLock::new(|| {
    let planted = |data: Data, value: &str| Planted { id: data.name().into(), data, value: value.into() };
    vec![
        planted(Data::Messages, "The heron lands at dusk"),
        planted(Data::PhoneNumber, "+447700900142"),
        planted(Data::PreciseLocation, "48.8583701,2.2944813"),
        planted(Data::DeviceId, "9f31c7e2-58ab-4d06-b1f4-72e0a95d3c68"),
    ]
});
static MATCHER: LazyLock<Matcher> = LazyLock::new(|| Matcher::new(&PLANTED));
/// What the decoders' own samples declare: each with some media type, header or nothing.
static DECLARED: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let samples = DECODERS.iter().flat_map(|decoder| decoder.samples);
    samples.map(|sample| sample.hint).filter(|hint| !hint.ends_with(':')).collect()
});

/// Every decoder and detector, on any bytes; the way back of every field must lead into the message.
pub(crate) fn field(bytes: &[u8]) {
    let _ = opacity::assess(bytes);
    look(bytes, None);
}

/// The same with a declared media type, chosen by the first byte, so that the decoders it calls for must open them.
pub(crate) fn decoder(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let declared = DECLARED[usize::from(*choice) % DECLARED.len()];
    look(rest, (!declared.is_empty()).then_some(declared));
}

fn look(bytes: &[u8], declared: Option<&str>) {
    field::walk_bytes(bytes, declared, |tree| {
        for (id, node) in tree.leaves() {
            let (start, end) = tree.reach(node.buffer, node.start as usize, node.end as usize);
            let (len, trail) = (bytes.len(), tree.trail(id));
            assert!(start <= end && end <= len, "{trail:?} leads from {start} to {end} of {len}: {bytes:02x?}");
        }
        let scene = Scene { capture: "fuzz", flow: None, flow_start: 1 };
        let _ = sighting::detect(tree, &Cx::new(&PLANTED, &MATCHER), &scene);
    });
}

/// Handshake messages: hellos and certificates of every version.
pub(crate) fn hello(bytes: &[u8]) {
    for read in [hello::ClientHello::parse(bytes), hello::ClientHello::parse_dtls(bytes)].into_iter().flatten() {
        let _ = (read.server_name(), read.alpn(), read.highest_version(), read.highest_dtls());
        let _ = (read.signature_algorithms(), ja4::ja4('t', &read));
    }
    if let Ok(read) = hello::ServerHello::parse(bytes) {
        let _ = (read.is_retry(), read.alpn(), read.group(), read.extension(43));
    }
    let _ = hello::chosen_alpn(bytes);
    let chains = [certificate::chain12(bytes), certificate::chain13(bytes)];
    for der in chains.into_iter().flatten().flatten().chain([bytes]) {
        let _ = certificate::summary(der);
    }
}

/// Header blocks of one connection, one after the other: a byte of length before each.
pub(crate) fn hpack(bytes: &[u8]) {
    let _ = huffman::decode(bytes);
    let mut decoder = Decoder::new(bytes.len().is_multiple_of(2));
    let mut rest = bytes;
    while let Some((len, after)) = rest.split_first() {
        let (block, next) = after.split_at(usize::from(*len).min(after.len()));
        rest = next;
        let _ = decoder.block(block, &Origins::one(block.len(), 1));
        if *len == 255 {
            decoder.lose();
        }
    }
}

/// Scenario files: any text gives a scenario or says what is wrong, with a place that can be shown.
pub(crate) fn scenario(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let folder = Path::new("fuzz");
    if let Err(problems) = scenario::read(text, "scenario.toml", folder, &promise::names(), &|_| Look::File) {
        assert!(!problems.render(false).is_empty());
    }
}
