//! Every decoder and detector, on any bytes; the way back of every field must lead into the message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plainsight::field;
use plainsight::model::scenario::Planted;
use plainsight::model::taxonomy::Data;
use plainsight::opacity;
use plainsight::sighting::{self, Cx, Matcher, Scene};
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

fuzz_target!(|bytes: &[u8]| {
    let _ = opacity::assess(bytes);
    field::walk_bytes(bytes, None, |tree| {
        for (id, node) in tree.leaves() {
            let (start, end) = tree.reach(node.buffer, node.start as usize, node.end as usize);
            assert!(start <= end && end <= bytes.len(), "{:?} leads outside", tree.trail(id));
        }
        let scene = Scene { capture: "fuzz", flow: None, flow_start: 1 };
        let _ = sighting::detect(tree, &Cx { planted: &PLANTED, matcher: &MATCHER }, &scene);
    });
});
