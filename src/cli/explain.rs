//! `plainsight explain`: one card for everything a report may name, straight from the registries.

use crate::capture::EvidenceKind;
use crate::cli::exit;
use crate::cli::terminal::Terminal;
use crate::model::opacity::Opacity;
use crate::model::scenario::Audience;
use crate::model::taxonomy::Data;
use crate::scenario::problem::nearest;
use anyhow::bail;
use std::fmt::Write as _;

/// What is known about one name.
struct Card {
    kind: &'static str,
    id: &'static str,
    title: String,
    lines: Vec<String>,
}

pub(super) fn explain(id: Option<&str>, terminal: &mut Terminal) -> anyhow::Result<u8> {
    let cards = cards();
    let mut out = String::new();
    match id {
        None => index(&cards, &mut out)?,
        Some(id) => {
            let found: Vec<&Card> = cards.iter().filter(|card| card.id == id).collect();
            if found.is_empty() {
                let names: Vec<&str> = cards.iter().map(|card| card.id).collect();
                match nearest(id, &names) {
                    Some(near) => bail!("nothing is called `{id}`; did you mean `{near}`?"),
                    None => bail!("nothing is called `{id}`; `plainsight explain` lists all there is"),
                }
            }
            for (index, card) in found.into_iter().enumerate() {
                let gap = if index > 0 { "\n" } else { "" };
                writeln!(out, "{gap}{} ({}): {}", card.id, card.kind, card.title)?;
                for line in &card.lines {
                    writeln!(out, "\n{}", textwrapped(line, terminal.width))?;
                }
            }
        }
    }
    terminal.print(out.as_bytes())?;
    Ok(exit::FINE)
}

fn index(cards: &[Card], out: &mut String) -> std::fmt::Result {
    let mut kind = "";
    for card in cards {
        if card.kind != kind {
            let gap = if kind.is_empty() { "" } else { "\n" };
            kind = card.kind;
            let plural = match kind {
                "data" | "evidence" => "",
                "class" => "es of payloads",
                _ => "s",
            };
            writeln!(out, "{gap}{kind}{plural}")?;
        }
        writeln!(out, "  {:<30} {}", card.id, card.title)?;
    }
    writeln!(out, "\n`plainsight explain ID` says more.")
}

fn cards() -> Vec<Card> {
    let mut cards = Vec::new();
    for (id, title, line) in [
        (
            "contradicted",
            "at least one reproducible sighting that the promise forbids",
            "A planted value was readable, in whatever form, by somebody who the promise says can never read it. The sighting names the frames, so anyone can look again.",
        ),
        (
            "weakened",
            "nothing read, but the protection itself is provably poor",
            "No planted value was read. But the protection is one that is known to fail: an obsolete transport, ECB, a fixed IV, equal ciphertext for equal messages, or a forged certificate that the app accepted.",
        ),
        (
            "inconclusive",
            "not enough was seen",
            "Flows that could not be decrypted, no sign that the planted action happened, lost evidence, or a payload too short to tell. More evidence may move it either way.",
        ),
        (
            "consistent",
            "the harness would have seen a breach and did not",
            "Everything that the promise is about was read, and something shows that the planted action happened. Traffic can refute a promise, hardly ever prove it: this says only that nothing spoke against it here.",
        ),
    ] {
        cards.push(Card { kind: "verdict", id, title: title.to_owned(), lines: vec![line.to_owned()] });
    }
    for audience in Audience::ALL {
        let lines = vec![audience.readable_when().to_owned()];
        cards.push(Card { kind: "audience", id: audience.name(), title: audience.about().to_owned(), lines });
    }
    for class in Opacity::ALL {
        let line = match class {
            Opacity::Plaintext | Opacity::Encoded | Opacity::Compressed => {
                "It protects nothing: what is planted is looked for in it."
            }
            Opacity::WeaklyEncrypted => {
                "It protects from nobody who tries: what breaks it is tried, and what comes out is searched."
            }
            Opacity::Unknown => "It counts neither as read nor as protected.",
            Opacity::RandomLooking => {
                "It counts as opaque. Compressed and encrypted bytes can look alike: statistics alone never call it encrypted."
            }
            Opacity::Encrypted => {
                "It counts as opaque: a record layer, a known envelope, a law of lengths or a key that opens it says that this is ciphertext. It does not say who holds the key."
            }
        };
        cards.push(Card {
            kind: "class",
            id: class.name(),
            title: class.about().to_owned(),
            lines: vec![line.to_owned()],
        });
    }
    for promise in crate::verdict::promise::PROMISES {
        let forbids: Vec<&str> = promise.forbids.iter().map(|audience| audience.name()).collect();
        let standards: Vec<String> = promise.standards.iter().map(|s| format!("{} {}", s.body, s.reference)).collect();
        let lines = vec![
            format!("Never readable by: {}.", forbids.join(", ")),
            format!("Before it is called consistent: {}", promise.needs),
            format!("What traffic can never prove: {}", promise.cannot_prove),
            format!("Not tested: {}.", promise.not_tested.join("; ")),
            format!("Standards: {}.", standards.join(" · ")),
        ];
        cards.push(Card { kind: "promise", id: promise.name, title: promise.means.to_owned(), lines });
    }
    for detector in crate::sighting::detector::DETECTORS {
        let card = detector.card();
        cards.push(Card {
            kind: "detector",
            id: card.id,
            title: card.title.to_owned(),
            lines: vec![card.why.to_owned()],
        });
    }
    for detector in crate::sighting::detector::RUN_DETECTORS {
        let card = detector.card();
        cards.push(Card {
            kind: "detector",
            id: card.id,
            title: card.title.to_owned(),
            lines: vec![card.why.to_owned(), format!("False alarms: {}", card.bound)],
        });
    }
    for envelope in crate::sighting::envelope::RECOGNISERS {
        let lines = vec![
            "Recognised by its structure: it says what ciphertext is wrapped in, not who holds the key. Support for a control, never proof.".to_owned(),
            format!("Source: {}.", envelope.source),
            format!("False alarms: at most 2^-{} on a field of noise. {}", envelope.bits, envelope.bound),
        ];
        cards.push(Card { kind: "envelope", id: envelope.name, title: envelope.about.to_owned(), lines });
    }
    for detector in crate::sighting::detector::CALL_DETECTORS {
        let card = detector.card();
        let lines = vec![card.why.to_owned()];
        cards.push(Card { kind: "detector", id: card.id, title: card.title.to_owned(), lines });
    }
    for protocol in crate::message::protocol::PROTOCOLS {
        cards.push(Card { kind: "protocol", id: protocol.name, title: protocol.about.to_owned(), lines: Vec::new() });
    }
    for decoder in crate::field::decoder::DECODERS {
        let what = if decoder.layer { "It undoes a whole layer." } else { "It takes a structure apart." };
        cards.push(Card {
            kind: "decoder",
            id: decoder.name,
            title: decoder.about.to_owned(),
            lines: vec![what.to_owned()],
        });
    }
    for format in crate::capture::format::FORMATS {
        let what = match format.kind {
            EvidenceKind::Traffic => "Evidence of what an app sent: a capture.",
            EvidenceKind::Store => "Evidence of what somebody keeps: a dump.",
        };
        cards.push(Card {
            kind: "evidence",
            id: format.name,
            title: format.about.to_owned(),
            lines: vec![what.to_owned()],
        });
    }
    for format in crate::report::format::FORMATS {
        let file = format!("Written as {}.", format.file());
        cards.push(Card { kind: "format", id: format.name(), title: format.about().to_owned(), lines: vec![file] });
    }
    for data in Data::ALL {
        let entry = data.entry();
        let names = |names: &[&str]| if names.is_empty() { "no name of its own".to_owned() } else { names.join(", ") };
        let lines = vec![
            format!("Google Play Data safety: {}", names(entry.play)),
            format!("Apple privacy manifest: {}", names(entry.apple)),
            format!("W3C DPV: {}", entry.dpv),
        ];
        cards.push(Card { kind: "data", id: entry.name, title: entry.label.to_owned(), lines });
    }
    cards
}

/// A paragraph, broken at spaces.
fn textwrapped(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut used = 0_usize;
    for word in text.split(' ') {
        let letters = word.chars().count();
        if used > 0 && used.saturating_add(letters).saturating_add(1) > width {
            out.push('\n');
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used = used.saturating_add(1);
        }
        out.push_str(word);
        used = used.saturating_add(letters);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_says_something() {
        for card in cards() {
            assert!(!card.id.is_empty() && !card.title.is_empty(), "{} {}", card.kind, card.id);
            let fine = card.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            assert!(fine, "{} is not kebab-case", card.id);
        }
    }
}
