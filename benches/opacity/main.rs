//! Runs the opacity room, and the published rules beside it, over the fields that `corpus.py test` drew.
//! The room is included by path: pure functions need nothing else of the product, so this builds in seconds.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints times")]
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
    #[path = "../../src/model/opacity.rs"]
    pub mod opacity;
}
#[path = "../../src/opacity/mod.rs"]
pub mod opacity;

use model::opacity::Opacity;
use std::collections::BTreeMap;
use std::time::Instant;

struct Field {
    truth: String,
    kind: String,
    n: usize,
    bytes: Vec<u8>,
}

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

fn noise(seed: &mut u64, bytes: &mut [u8]) {
    for eight in bytes.chunks_mut(8) {
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = *seed;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        eight.copy_from_slice(&(word ^ word >> 31).to_le_bytes()[..eight.len()]);
    }
}

/// Wu et al. 2023 (and nDPI since 4.10): everything that none of five rules exempts is taken for encrypted.
fn fully_encrypted(bytes: &[u8]) -> bool {
    let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
    let share = f64::from(ones) / bytes.len() as f64;
    let printable = |byte: &u8| matches!(byte, 0x20..=0x7e);
    let head = bytes.iter().take(6).all(printable);
    let many = bytes.iter().filter(|byte| printable(byte)).count() * 2 > bytes.len();
    let run = bytes.split(|byte| !printable(byte)).map(<[u8]>::len).max().unwrap_or(0) > 20;
    let tls = bytes.len() > 2 && matches!(bytes[0], 0x16 | 0x17) && bytes[1] == 3 && bytes[2] <= 9;
    !(share <= 3.4 || share >= 4.6 || head || many || run || tls)
}

/// Chi-square over bytes, two-sided at 0.1 % by the asymptotic quantiles (255 degrees of freedom).
fn chi_square(bytes: &[u8]) -> bool {
    let mut counts = [0_f64; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1.0;
    }
    let expected = bytes.len() as f64 / 256.0;
    let chi: f64 = counts.iter().map(|count| (count - expected).powi(2) / expected).sum();
    (184.0..=341.0).contains(&chi)
}

type Rule = (&'static str, fn(&[u8]) -> bool);
const RULES: [Rule; 5] = [
    ("IMC'19: H/8 > 0.8", |bytes| opacity::entropy(bytes) > 6.4),
    ("nDPI: H >= 7.312", |bytes| opacity::entropy(bytes) >= 7.312),
    ("H >= length's mean - 4 sd", |bytes| opacity::entropy(bytes) > opacity::expected_entropy(bytes.len()) - 0.33),
    ("chi-square 0.1 %", chi_square),
    ("Wu 2023, nDPI", fully_encrypted),
];

fn percent(part: usize, of: usize) -> String {
    if of == 0 { "–".to_owned() } else { format!("{:.2}", 100.0 * part as f64 / of as f64) }
}

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let fields = load(&path);
    let lengths = [16, 24, 32, 64, 128, 256, 512, 1024, 4096];
    let told: Vec<_> = fields.iter().map(|field| opacity::assess(&field.bytes)).collect();
    let table = |title: &str,
                 key: &dyn Fn(&Field) -> Option<String>,
                 right: &dyn Fn(&Field, &model::opacity::Assessment) -> bool| {
        println!(
            "\n{title}\n\n| | {} |\n|---|{}",
            lengths.map(|n| n.to_string()).join(" | "),
            "---:|".repeat(lengths.len())
        );
        let mut rows: BTreeMap<String, BTreeMap<usize, (usize, usize)>> = BTreeMap::new();
        for (field, told) in fields.iter().zip(&told) {
            if let Some(key) = key(field) {
                let cell = rows.entry(key).or_default().entry(field.n).or_default();
                cell.0 += usize::from(right(field, told));
                cell.1 += 1;
            }
        }
        for (key, cells) in rows {
            let cells = lengths.map(|n| cells.get(&n).map_or("–".to_owned(), |cell| percent(cell.0, cell.1)));
            println!("| {key} | {} |", cells.join(" | "));
        }
    };
    let whole = |field: &Field| field.truth != "fragment";
    println!("{} fields", fields.len());
    table("Right, % of whole fields, by class", &|f| whole(f).then(|| f.truth.clone()), &|f, t| {
        t.class.name() == f.truth
    });
    table("Right, % of whole fields, by kind", &|f| whole(f).then(|| f.kind.clone()), &|f, t| {
        t.class.name() == f.truth
    });
    table("Called unknown, % of whole fields", &|f| whole(f).then(|| f.truth.clone()), &|_, t| {
        t.class == Opacity::Unknown
    });
    table(
        "Called random-looking, %",
        &|f| Some(if whole(f) { f.truth.clone() } else { format!("fragment {}", f.kind) }),
        &|_, t| t.class == Opacity::RandomLooking,
    );
    for (name, rule) in RULES {
        println!("\n### {name}");
        println!(
            "\n| called encrypted, % | {} |\n|---|{}",
            lengths.map(|n| n.to_string()).join(" | "),
            "---:|".repeat(lengths.len())
        );
        for class in ["plaintext", "encoded", "compressed", "weakly-encrypted", "random-looking"] {
            let cells = lengths.map(|n| {
                let here: Vec<_> = fields.iter().filter(|f| f.n == n && f.truth == class).collect();
                percent(here.iter().filter(|f| rule(&f.bytes)).count(), here.len())
            });
            println!("| {class} | {} |", cells.join(" | "));
        }
    }
    println!("\nConfusion, all lengths of 16 bytes and up (rows: truth)\n");
    let mut confusion: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (field, told) in fields.iter().zip(&told) {
        *confusion.entry((field.truth.as_str(), told.class.name())).or_default() += 1;
    }
    println!("| | {} |\n|---|{}", Opacity::ALL.map(Opacity::name).join(" | "), "---:|".repeat(7));
    for class in ["plaintext", "encoded", "compressed", "weakly-encrypted", "random-looking", "fragment"] {
        let cells = Opacity::ALL.map(|told| confusion.get(&(class, told.name())).copied().unwrap_or(0).to_string());
        println!("| {class} | {} |", cells.join(" | "));
    }
    println!(
        "\nCalibration: |share right - mean odds| over ten bands, weighted, %; whole fields that were told a class\n"
    );
    println!("| {} |\n|{}", lengths.map(|n| n.to_string()).join(" | "), "---:|".repeat(lengths.len()));
    let cells = lengths.map(|n| {
        let mut bands = [(0_f64, 0_f64, 0_f64); 10];
        for (field, told) in
            fields.iter().zip(&told).filter(|(f, t)| f.n == n && whole(f) && t.class != Opacity::Unknown)
        {
            let odds = told.confidence();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 9")]
            let band = &mut bands[((odds * 10.0) as usize).min(9)];
            band.0 += f64::from(u8::from(told.class.name() == field.truth));
            band.1 += odds;
            band.2 += 1.0;
        }
        let all: f64 = bands.iter().map(|band| band.2).sum();
        format!("{:.2}", 100.0 * bands.iter().map(|band| (band.0 - band.1).abs()).sum::<f64>() / all)
    });
    println!("| {} |", cells.join(" | "));

    println!(
        "\nNoise: fields of uniform bytes called neither random-looking nor unknown, of 100,000; and called unknown\n"
    );
    let mut seed = 20_261_127;
    for n in [12, 16, 20, 24, 32, 48, 64, 128, 256] {
        let (mut wrong, mut unknown) = (BTreeMap::<_, usize>::new(), 0);
        for _ in 0..100_000 {
            let mut bytes = vec![0; n];
            noise(&mut seed, &mut bytes);
            let told = opacity::assess(&bytes);
            match told.class {
                Opacity::RandomLooking => {}
                Opacity::Unknown => unknown += 1,
                _ => *wrong.entry(told.model).or_default() += 1,
            }
        }
        println!("{n}: wrong {wrong:?}, unknown {unknown}");
    }
    println!("\nSpeed, MB/s on one core");
    let texts: Vec<&Field> = fields.iter().filter(|f| f.n == 1024 && f.truth == "plaintext").collect();
    let text: Vec<Vec<u8>> = texts.iter().take(500).map(|f| f.bytes.clone()).collect();
    let of = |n: usize, count: usize, seed: &mut u64| -> Vec<Vec<u8>> {
        (0..count)
            .map(|_| {
                let mut b = vec![0; n];
                noise(seed, &mut b);
                b
            })
            .collect()
    };
    for (name, set) in [
        ("plain 1 KiB", text),
        ("noise 1 KiB", of(1024, 500, &mut seed)),
        ("noise 64 B", of(64, 2000, &mut seed)),
        ("noise 1 MiB", of(1 << 20, 20, &mut seed)),
    ] {
        let mut best = f64::MAX;
        for _ in 0..7 {
            let begun = Instant::now();
            for bytes in &set {
                std::hint::black_box(opacity::assess(bytes));
            }
            best = best.min(begun.elapsed().as_secs_f64());
        }
        println!("{name}: {:.0}", set.iter().map(Vec::len).sum::<usize>() as f64 / best / 1e6);
    }
    if let Some(shown) = std::env::args().nth(2) {
        for (field, told) in fields
            .iter()
            .zip(&told)
            .filter(|(f, t)| {
                whole(f)
                    && t.class.name() != f.truth
                    && f.kind.starts_with(shown.split('/').next().unwrap())
                    && shown.split('/').nth(1).is_none_or(|n| n.parse() == Ok(f.n))
            })
            .take(60)
        {
            println!(
                "{} {} {} {} {:.0} {:?}",
                field.kind,
                field.n,
                told.class.name(),
                told.model,
                told.bits,
                String::from_utf8_lossy(&field.bytes[..field.bytes.len().min(70)])
            );
        }
    }
}
