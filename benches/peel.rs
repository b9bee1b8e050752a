//! Megabytes of message bodies peeled per second: API-like JSON with the values apps send, forms, and opaque bytes.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints times")]

use plainsight::field::walk_bytes;
use std::fmt::Write as _;
use std::time::Instant;

const WORDS: [&str; 12] = [
    "river", "lantern", "copper", "meadow", "signal", "orchard", "window", "harbour", "thunder", "velvet", "été",
    "苍鹭",
];
const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A generator of its own, so that the bodies never change.
struct Lots(u64);

impl Lots {
    fn next(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn digits(&mut self, count: usize) -> String {
        let digit =
            |lots: &mut Self| DIGITS.get(usize::try_from(lots.next(64)).unwrap_or(0)).copied().map_or('A', char::from);
        (0..count).map(|_| digit(self)).collect()
    }

    fn sentence(&mut self) -> String {
        let words: Vec<&str> = (0..4 + self.next(12))
            .map(|_| WORDS.get(usize::try_from(self.next(12)).unwrap_or(0)).copied().unwrap_or_default())
            .collect();
        words.join(" ")
    }
}

fn json(lots: &mut Lots) -> Vec<u8> {
    let mut out = String::from("{\"events\":[");
    for n in 0..24 {
        let _ = write!(
            out,
            "{}{{\"id\":\"{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}\",\"ts\":{},\"name\":\"screen_view_{}\",\"text\":\"{}\",\
             \"score\":{}.{:05},\"hash\":\"{:016x}{:016x}\",\"session\":\"{}\",\"ref\":\"https://api.example/v{}/users/{}?tab={}\",\
             \"locale\":\"en-US\",\"token\":\"{}\",\"ua\":\"Mozilla/5.0 (Linux; Android 14; Pixel 8)\",\"when\":\"2026-11-{:02}T10:00:00Z\"}}",
            if n == 0 { "" } else { "," },
            lots.next(1 << 31),
            lots.next(1 << 16),
            lots.next(1 << 12),
            lots.next(1 << 12),
            lots.next(1 << 31),
            1_660_000_000_000 + lots.next(1 << 30),
            lots.next(40),
            lots.sentence(),
            lots.next(90),
            lots.next(99_999),
            lots.next(1 << 31),
            lots.next(1 << 31),
            lots.digits(22),
            lots.next(4),
            lots.next(1 << 30),
            lots.sentence().replace(' ', "+"),
            lots.digits(43),
            1 + lots.next(28)
        );
    }
    out.push_str("]}");
    out.into_bytes()
}

fn form(lots: &mut Lots) -> Vec<u8> {
    let pair = |n| format!("k{n}={}&s{n}={}", lots.sentence().replace(' ', "%20"), lots.digits(16));
    (0..24).map(pair).collect::<Vec<_>>().join("&").into_bytes()
}

fn opaque(lots: &mut Lots) -> Vec<u8> {
    (0..4_096).map(|_| u8::try_from(lots.next(256)).unwrap_or(0)).collect()
}

fn text(lots: &mut Lots) -> Vec<u8> {
    (0..60).map(|_| lots.sentence() + ", they (all) said; it was #1 & more!\n").collect::<String>().into_bytes()
}

/// Makes one body.
type Make = fn(&mut Lots) -> Vec<u8>;

fn main() {
    let kinds: [(&str, Make); 4] = [("json", json), ("form", form), ("opaque", opaque), ("text", text)];
    for (name, make) in kinds {
        let mut lots = Lots(7);
        let bodies: Vec<Vec<u8>> = (0..400).map(|_| make(&mut lots)).collect();
        let bytes: usize = bodies.iter().map(Vec::len).sum();
        let mut best = f64::MAX;
        let mut nodes = 0;
        for _ in 0..9 {
            let start = Instant::now();
            nodes = bodies.iter().map(|body| walk_bytes(body.clone(), None, |tree| tree.nodes.len())).sum::<usize>();
            best = best.min(start.elapsed().as_secs_f64());
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = bytes as f64 / best / 1e6;
        println!("{name:8} {rate:8.1} MB/s, {nodes} nodes");
    }
}
