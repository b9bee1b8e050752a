//! Files: every format, key logs, and frames of every link.

use plainsight::capture::format::FORMATS;
use plainsight::capture::{self, Source, Wanted, Window, keylog};
use plainsight::field;
use plainsight::model::frame::{Frame, LinkType};
use plainsight::model::item::Item;
use plainsight::model::time::Timestamp;
use plainsight::packet;

/// A file of any kind, from its bytes to packets: formats told apart, compression, links, IP, fragments.
pub(crate) fn capture(bytes: &[u8]) {
    if let Ok(mut opened) = capture::open_bytes(bytes.to_vec(), "fuzz", Wanted::Any) {
        drain(&mut *opened.source);
    }
}

/// The same bytes given as a store's content: any text is read as lines.
pub(crate) fn dump(bytes: &[u8]) {
    if let Ok(mut opened) = capture::open_bytes(bytes.to_vec(), "fuzz", Wanted::Dump) {
        drain(&mut *opened.source);
    }
}

/// One format, chosen by the first byte, whatever the bytes look like; and the secrets it may carry.
pub(crate) fn format(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let format = FORMATS[usize::from(*choice) % FORMATS.len()];
    let window = || Window::new(Box::new(std::io::Cursor::new(rest.to_vec())));
    let _ = (format.sniff)(rest);
    if let Ok(mut source) = (format.open)(window()) {
        drain(&mut *source);
    }
    if let Some(secrets) = format.secrets {
        let _ = secrets(window());
    }
}

/// Key logs and keys of every kind.
pub(crate) fn key_log(bytes: &[u8]) {
    let _ = keylog::parse(bytes, "fuzz");
}

/// Frames of a link that the first byte chooses: a two-byte length before each.
pub(crate) fn frame(bytes: &[u8]) {
    // Links of pcap that are known, and some that are not.
    const LINKS: [u32; 16] = [1, 0, 108, 9, 50, 51, 12, 14, 101, 228, 229, 113, 239, 276, 105, 147];
    let Some((choice, mut rest)) = bytes.split_first() else { return };
    let link = LinkType(LINKS[usize::from(*choice) % LINKS.len()]);
    let mut reader = packet::Reader::new();
    let mut number = 0;
    while let Some(([high, low], after)) = rest.split_first_chunk() {
        let len = (usize::from(*high) << 8 | usize::from(*low)).min(after.len());
        let (bytes, next) = after.split_at(len);
        rest = next;
        number += 1;
        let wire_len = u32::try_from(len).unwrap_or(u32::MAX);
        reader.frame(&Frame { number, at: Timestamp(0), link, bytes, wire_len, process: None }, |packet| {
            let _ = packet::flow_hash(packet);
        });
    }
    reader.finish(|_| {});
}

fn drain(source: &mut dyn Source) {
    let mut reader = packet::Reader::new();
    let mut frames = 0_u64;
    let mut looked_at = 0;
    while let Ok(Some(item)) = source.next() {
        match item {
            Item::Frame(frame) => {
                assert!(frame.number > frames, "frames are numbered upwards");
                frames = frame.number;
                reader.frame(&frame, |packet| {
                    let _ = packet::flow_hash(packet);
                });
            }
            Item::Message(message) if looked_at < 64 => {
                looked_at += 1;
                let _ = field::walk(&message);
            }
            _ => {}
        }
    }
    reader.finish(|_| {});
    let _ = source.loss();
}
