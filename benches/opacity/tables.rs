//! The tables, as Markdown.

use crate::Told;
use crate::model::opacity::Opacity;
use crate::rules::RULES;
use std::collections::BTreeMap;

const LENGTHS: [usize; 9] = [16, 24, 32, 64, 128, 256, 512, 1024, 4096];
const CLASSES: [&str; 6] = ["plaintext", "encoded", "compressed", "weakly-encrypted", "random-looking", "fragment"];

fn percent(part: usize, of: usize) -> String {
    if of == 0 { "–".to_owned() } else { format!("{:.2}", 100.0 * part as f64 / of as f64) }
}

fn head(corner: &str) {
    let lengths = LENGTHS.map(|n| n.to_string()).join(" | ");
    println!("| {corner} | {lengths} |\n|---|{}", "---:|".repeat(LENGTHS.len()));
}

/// A table of shares: which row a field belongs in, and whether it counts.
fn table(all: &[Told], corner: &str, row: &dyn Fn(&Told) -> Option<String>, counts: &dyn Fn(&Told) -> bool) {
    head(corner);
    let mut rows: BTreeMap<String, BTreeMap<usize, (usize, usize)>> = BTreeMap::new();
    for told in all {
        if let Some(row) = row(told) {
            let cell = rows.entry(row).or_default().entry(told.0.n).or_default();
            cell.0 += usize::from(counts(told));
            cell.1 += 1;
        }
    }
    for (row, cells) in rows {
        let cells = LENGTHS.map(|n| cells.get(&n).map_or("–".to_owned(), |cell| percent(cell.0, cell.1)));
        println!("| {row} | {} |", cells.join(" | "));
    }
}

fn class_of_whole(told: &Told) -> Option<String> {
    told.0.whole().then(|| told.0.truth.clone())
}

fn right(told: &Told) -> bool {
    told.1.class.name() == told.0.truth
}

/// The key tables.
pub(crate) fn summary(all: &[Told]) {
    println!("{} fields.\n", all.len());
    table(all, "right, %", &class_of_whole, &right);
    println!();
    table(all, "unknown, %", &class_of_whole, &|told| told.1.class == Opacity::Unknown);
    println!();
    calibration(all);
    println!("\n| pieces called, % | plaintext | encoded | compressed | weakly-encrypted | unknown | random-looking |");
    println!("|---|{}", "---:|".repeat(6));
    let mut kinds: BTreeMap<&str, [usize; 7]> = BTreeMap::new();
    for (field, told) in all.iter().filter(|(field, _)| !field.whole()) {
        kinds.entry(&field.kind).or_default()[told.class.index()] += 1;
    }
    for (kind, counts) in kinds {
        let sum = counts.iter().sum();
        let cells: Vec<String> = counts[..6].iter().map(|count| percent(*count, sum)).collect();
        println!("| {kind} | {} |", cells.join(" | "));
    }
    confusion(all);
    aims(all);
}

/// Kinds below the aims, so that no average hides them.
fn aims(all: &[Told]) {
    let mut cells: BTreeMap<(&str, usize), (usize, usize)> = BTreeMap::new();
    for told in all.iter().filter(|told| told.0.whole() && told.0.truth != "random-looking") {
        let cell = cells.entry((&told.0.kind, told.0.n)).or_default();
        cell.0 += usize::from(right(told));
        cell.1 += 1;
    }
    let low: Vec<String> = (cells.iter())
        .filter(|((_, n), (right, of))| (*right as f64) < if *n < 24 { 0.96 } else { 0.99 } * *of as f64)
        .map(|((kind, n), (right, of))| format!("{kind} of {n} bytes {}", percent(*right, *of)))
        .collect();
    println!("\nBelow the aims of 96 % at 16 bytes and 99 % from 24: {}.", low.join("; "));
    let plain: Vec<_> = all.iter().filter(|told| told.0.truth == "plaintext" && told.0.n >= 32).collect();
    let lost = plain.iter().filter(|told| told.1.class == Opacity::RandomLooking).count();
    println!("Plaintext of 32 bytes and up called random-looking: {lost} of {}.", plain.len());
    let long: Vec<_> = all.iter().filter(|told| told.0.whole() && told.0.n >= 32).collect();
    let open = long.iter().filter(|told| told.1.class == Opacity::Unknown).count();
    println!("Whole fields of 32 bytes and up called unknown: {open} of {}.", long.len());
}

/// What the whole fields that were told wrong are called instead: kinds and models, no texts.
pub(crate) fn misses(all: &[Told], n: Option<usize>) {
    type Instead<'a> = BTreeMap<(&'a str, &'a str), usize>;
    let mut cells: BTreeMap<(&str, usize), (usize, Instead<'_>)> = BTreeMap::new();
    for told in all.iter().filter(|told| told.0.whole() && n.is_none_or(|n| n == told.0.n)) {
        let cell = cells.entry((&told.0.kind, told.0.n)).or_default();
        cell.0 += 1;
        if !right(told) {
            *cell.1.entry((told.1.class.name(), told.1.model)).or_default() += 1;
        }
    }
    println!("| kind | bytes | fields | right, % | told instead |\n|---|---:|---:|---:|---|");
    for ((kind, n), (of, wrong)) in cells.into_iter().filter(|(_, (_, wrong))| !wrong.is_empty()) {
        let told: Vec<String> =
            wrong.iter().map(|((class, model), count)| format!("{count} {class} ({model})")).collect();
        println!("| {kind} | {n} | {of} | {} | {} |", percent(of - wrong.values().sum::<usize>(), of), told.join(", "));
    }
}

fn calibration(all: &[Told]) {
    head("|share right - mean odds|, %".replace('|', "\\|").as_str());
    let cells = LENGTHS.map(|n| {
        let mut bands = [(0_f64, 0_f64, 0_f64); 10];
        let told = all.iter().filter(|told| told.0.n == n && told.0.whole() && told.1.class != Opacity::Unknown);
        for one in told {
            let odds = one.1.confidence();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 9")]
            let band = &mut bands[((odds * 10.0) as usize).min(9)];
            band.0 += f64::from(u8::from(right(one)));
            band.1 += odds;
            band.2 += 1.0;
        }
        let all: f64 = bands.iter().map(|band| band.2).sum();
        format!("{:.2}", 100.0 * bands.iter().map(|band| (band.0 - band.1).abs()).sum::<f64>() / all)
    });
    println!("| whole fields told a class | {} |", cells.join(" | "));
}

fn confusion(all: &[Told]) {
    let mut confusion: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (field, told) in all {
        *confusion.entry((field.truth.as_str(), told.class.name())).or_default() += 1;
    }
    println!(
        "\n| all lengths: is \\ called | {} |\n|---|{}",
        Opacity::ALL.map(Opacity::name).join(" | "),
        "---:|".repeat(7)
    );
    for class in CLASSES {
        let cells = Opacity::ALL.map(|told| confusion.get(&(class, told.name())).copied().unwrap_or(0).to_string());
        println!("| {class} | {} |", cells.join(" | "));
    }
}

/// The long tables.
pub(crate) fn all(all: &[Told]) {
    println!("# Opacity: the long tables of the development set");
    println!("\nWritten by `benches/opacity/run.sh`; what they say in short is in [opacity.md](opacity.md).");
    println!("\n### Right, % of whole fields, by kind\n");
    table(all, "", &|told| told.0.whole().then(|| told.0.kind.clone()), &right);
    println!("\n### Called random-looking, %\n");
    let row = |told: &Told| {
        let field = &told.0;
        Some(if field.whole() { field.truth.clone() } else { format!("fragment {}", field.kind) })
    };
    table(all, "", &row, &|told| told.1.class == Opacity::RandomLooking);
    for (name, rule) in RULES {
        println!("\n### Called encrypted by a published rule, %: {name}\n");
        table(all, "", &class_of_whole, &|told| rule(&told.0.bytes));
    }
}
