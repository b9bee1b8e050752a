//! Runs the opacity room, and the published rules beside it, over the fields that `corpus.py` drew.
//! The room is included by path: pure functions need nothing else of the product, so this builds in seconds.
//!
//! ```text
//! summary FIELDS            the tables of docs/opacity.md
//! tables FIELDS             those of docs/opacity-tables.md
//! noise COUNT [N]           what COUNT random fields of each length (or of N bytes) are called
//! speed FIELDS [NAME]       bytes a second of one core, beside a histogram and a sum of the same bytes
//! misses FIELDS [N]         how many whole fields of each kind (and of N bytes) were told what instead
//! wrong FIELDS KIND[/N]     fields of that kind (and length) that were told wrong
//! ```
#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark over its own file"
)]
#![expect(clippy::arithmetic_side_effects, reason = "counts")]
#![allow(dead_code, unreachable_pub, unused_imports, reason = "of the room, only the judgements are run here")]

/// The nouns that the room needs.
#[path = "."]
pub mod model {
    #[path = "../../src/model/letters.rs"]
    pub mod letters;
    #[path = "../../src/model/opacity.rs"]
    pub mod opacity;
}
#[path = "../../src/opacity/mod.rs"]
pub mod opacity;

mod noise;
mod rules;
mod speed;
mod tables;

use model::opacity::Assessment;

/// One drawn field, and what it is.
pub(crate) struct Field {
    /// Its class, or `fragment`.
    pub(crate) truth: String,
    pub(crate) kind: String,
    /// The length that was asked for.
    pub(crate) n: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Field {
    pub(crate) fn whole(&self) -> bool {
        self.truth != "fragment"
    }
}

pub(crate) type Told = (Field, Assessment);

fn load(path: &str) -> Vec<Field> {
    let raw = std::fs::read(path).unwrap();
    let mut rest = raw.as_slice();
    let mut out = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<6>() {
        let (text, len) = (
            u16::from_le_bytes([head[0], head[1]]) as usize,
            u32::from_le_bytes(head[2..].try_into().unwrap()) as usize,
        );
        let (truth, kind, _, n): (String, String, u8, usize) = serde_json::from_slice(&after[..text]).unwrap();
        out.push(Field { truth, kind, n, bytes: after[text..text + len].to_vec() });
        rest = &after[text + len..];
    }
    out
}

fn told(path: &str) -> Vec<Told> {
    let judge = |field: Field| {
        let told = opacity::assess(&field.bytes);
        (field, told)
    };
    load(path).into_iter().map(judge).collect()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["summary", path] => tables::summary(&told(path)),
        ["tables", path] => tables::all(&told(path)),
        ["noise", count] => noise::table(count.parse().unwrap(), &[12, 16, 20, 24, 32, 48, 64, 128, 256]),
        ["noise", count, n] => noise::table(count.parse().unwrap(), &[n.parse().unwrap()]),
        ["speed", path] => speed::table(&load(path), ""),
        ["speed", path, only] => speed::table(&load(path), only),
        ["misses", path] => tables::misses(&told(path), None),
        ["misses", path, n] => tables::misses(&told(path), Some(n.parse().unwrap())),
        ["wrong", path, kind] => wrong(&told(path), kind),
        _ => println!("summary|tables|speed|misses FIELDS, noise COUNT, wrong FIELDS KIND[/N]"),
    }
}

/// Shows what was told wrong, to look into.
fn wrong(all: &[Told], shown: &str) {
    let (kind, n) = shown.split_once('/').unwrap_or((shown, ""));
    let n: Option<usize> = n.parse().ok();
    let fits = |(field, told): &&Told| {
        field.kind.starts_with(kind)
            && n.is_none_or(|n| n == field.n)
            && (told.class.name() != field.truth && field.whole() || !field.whole() && !told.class.is_opaque())
    };
    for (field, told) in all.iter().filter(fits).take(80) {
        println!(
            "{} {} {} ({}) {:.0} bits: {}",
            field.kind,
            field.n,
            told.class.name(),
            told.model,
            told.bits,
            String::from_utf8_lossy(&field.bytes[..field.bytes.len().min(300)])
        );
    }
}
