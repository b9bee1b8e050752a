//! Megabytes of decoded JSON text searched per second, with 1 and with 200 planted values of every kind.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints times")]

use plainsight::model::field::{Buffer, Kind, Node, Step, Tree};
use plainsight::model::message::{Message, Part, PartKind};
use plainsight::model::origin::Origins;
use plainsight::model::packet::Endpoint;
use plainsight::model::scenario::Planted;
use plainsight::model::shape::Shape;
use plainsight::model::stream::{Direction, FlowKey, Transport};
use plainsight::model::taxonomy::Data;
use plainsight::model::time::Timestamp;
use plainsight::sighting::detector::DETECTORS;
use plainsight::sighting::{Cx, Matcher, Scene, detect};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Instant;

fn planted(count: u64) -> Vec<Planted> {
    (0..count)
        .map(|n| {
            let (data, value) = match n % 5 {
                0 => (Data::Messages, format!("The heron number {n} lands at dusk by the mill")),
                1 => (Data::PhoneNumber, format!("+1202555{:04}", 1000 + n)),
                2 => (Data::Email, format!("priya.canary{n}@example.test")),
                3 => (Data::DeviceId, format!("38400000-8cf0-11bd-b23e-10b96e40{n:04}")),
                _ => (Data::PreciseLocation, format!("{}.8583{n:03},{}.2944{n:03}", 20 + n % 60, n % 170)),
            };
            Planted { id: format!("p{n}"), data, value }
        })
        .collect()
}

fn json(bytes: usize) -> Vec<u8> {
    let words = ["river", "lantern", "copper", "meadow", "signal", "orchard", "window", "harbour", "thunder", "velvet"];
    let mut state = 7_u64;
    let mut next = |limit: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let mut out = String::new();
    while out.len() < bytes {
        let _ =
            write!(out, "{{\"id\":{},\"ts\":{},\"text\":\"", next(1_000_000_000), 1_660_000_000_000 + next(1 << 34));
        for _ in 0..4 + next(12) {
            out.push_str(words.get(usize::try_from(next(10)).unwrap_or(0)).copied().unwrap_or_default());
            out.push(' ');
        }
        let _ = write!(
            out,
            "\",\"score\":{}.{:05},\"hash\":\"{:016x}{:016x}\"}},",
            next(90),
            next(99_999),
            next(1 << 31),
            next(1 << 31)
        );
    }
    out.into_bytes()
}

fn main() {
    let body = json(8 << 20);
    let end = Endpoint { ip: [127, 0, 0, 1].into(), port: 80 };
    let message = Message {
        flow: FlowKey { transport: Transport::Tcp, client: end, server: end },
        layers: Vec::new().into(),
        protocol: "http1",
        label: "POST api.example/v1".into(),
        direction: Direction::ToServer,
        at: Timestamp(0),
        host: None,
        parts: vec![Part::new(PartKind::Body, body.clone(), Origins::one(body.len(), 1))],
        whole: true,
    };
    let mut tree = Tree::new(&message);
    tree.nodes.push(Node {
        parent: None,
        step: Step::Part(0),
        buffer: 0,
        start: 0,
        end: u32::try_from(body.len()).unwrap_or(u32::MAX),
        fresh: true,
        leaf: true,
        whole: true,
        kind: Kind::Bytes,
        shape: Shape::ANY,
    });
    tree.buffers.push(Buffer { bytes: Cow::Borrowed(&body), from: None, part: 0 });
    let scene = Scene { capture: "bench", flow: None, flow_start: 1 };
    let report = |what: &str, run: &mut dyn FnMut() -> usize| {
        let mut best = f64::MAX;
        let mut seen = 0;
        for _ in 0..9 {
            let start = Instant::now();
            seen = run();
            best = best.min(start.elapsed().as_secs_f64());
        }
        #[expect(clippy::cast_precision_loss, reason = "a size for people")]
        let speed = body.len() as f64 / 1e6 / best;
        println!("{what:<44} {speed:>8.0} MB/s   {seen} seen");
    };
    for count in [0, 1, 2, 5, 200, 1_000] {
        let planted = planted(count);
        let start = Instant::now();
        let matcher = Matcher::new(&planted);
        println!("{count} values: {} patterns compiled in {:?}", matcher.patterns(), start.elapsed());
        let cx = Cx::new(&planted, &matcher);
        report(&format!("everything, {count} values"), &mut || detect(&tree, &cx, &scene).sightings.len());
        if count % 200 == 0 && count < 1_000 {
            for detector in DETECTORS {
                let mut hits = Vec::new();
                report(&format!("  {}", detector.card().id), &mut || {
                    hits.clear();
                    detector.on_message(&tree, &cx, &mut hits);
                    hits.len()
                });
            }
        }
    }
}
