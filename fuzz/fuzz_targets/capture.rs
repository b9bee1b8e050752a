//! A file of any kind, from its bytes to packets: formats, compression, links, IP, fragments, key logs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plainsight::capture;
use plainsight::model::item::Item;
use plainsight::packet;

fuzz_target!(|bytes: &[u8]| {
    let _ = capture::keylog::parse(bytes, "fuzz");
    let Ok(opened) = capture::open_bytes(bytes.to_vec(), "fuzz") else { return };
    let mut source = opened.source;
    let mut reader = packet::Reader::new();
    let mut frames = 0_u64;
    while let Ok(Some(item)) = source.next() {
        if let Item::Frame(frame) = item {
            assert!(frame.number > frames, "frames are numbered upwards");
            frames = frame.number;
            reader.frame(&frame, |packet| {
                let _ = packet::flow_hash(packet);
            });
        }
    }
    reader.finish(|_| {});
});
