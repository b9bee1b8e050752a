//! `[[claim]]`: what the vendor said. Of some words there is no doubt what they promise: nobody shall read that one promise
//! holds and take it for another.

use crate::model::scenario::Claim;
use crate::model::taxonomy::Data;
use crate::scenario::file::Builder;
use crate::scenario::problem::position;
use crate::scenario::section::Section;

/// The promise that the words below make.
const END_TO_END: &str = "end-to-end-encrypted";

/// How vendors say it, in lower case, their dashes as blanks.
const SAYS: [&str; 15] = [
    "end to end",
    "end2end",
    "e2ee",
    "e2e encrypt",
    "ende zu ende",
    "bout en bout",
    "extremo a extremo",
    "punto a punto",
    "ponta a ponta",
    "da un capo all'altro",
    "сквозн",
    "端到端",
    "端對端",
    "エンドツーエンド",
    "종단간",
];

/// Whether the words promise that nobody between the two ends can read along.
fn says_end_to_end(text: &str) -> bool {
    let text: String =
        text.to_lowercase().chars().map(|c| if "-\u{2010}\u{2011}\u{2013}".contains(c) { ' ' } else { c }).collect();
    SAYS.iter().any(|words| text.contains(words))
}

/// Whether a claim quotes words that promise end-to-end encryption and is judged by less, while no other claim holds the
/// same words to what they say.
fn is_understated(claim: &Claim, claims: &[Claim]) -> bool {
    let held = |other: &Claim| other.promise == END_TO_END && other.text.trim() == claim.text.trim();
    claim.promise != END_TO_END && says_end_to_end(&claim.text) && !claims.iter().any(held)
}

impl Builder<'_> {
    /// The claims that a file makes, and what their words leave open.
    pub(super) fn claims(&mut self, sections: &[Section<'_, '_>]) -> Vec<Claim> {
        self.unique(sections, "id", "claim id");
        let mut claims = Vec::new();
        for section in sections {
            let (line, _) = position(&self.reader.source.text, section.span.start);
            let missing: Vec<&str> = ["source", "seen"]
                .into_iter()
                .filter(|key| section.text(key).is_none() && section.day(key).is_none())
                .collect();
            if !missing.is_empty() {
                let id = section.string("id").unwrap_or_default();
                let message = format!("claim `{id}` has no `{}`", missing.join("` and no `"));
                let problem = self.problem(section.span.clone(), message);
                self.warn(problem.help("say where and when the vendor published it, so that it can be held to it"));
            }
            let max_age = section.text("max_age").and_then(|(text, span)| {
                let days = days(text);
                if days.is_none() {
                    let problem = self.problem(span, format!("`{text}` is no length of time"));
                    self.reader.push(problem.help("write a whole number and its unit: `12h`, `30d`, `6m` or `1y`"));
                }
                days
            });
            let data = section.texts("data").into_iter().filter_map(|(name, _)| Data::from_name(name)).collect();
            claims.push(Claim {
                id: section.string("id").unwrap_or_default(),
                text: section.string("text").unwrap_or_default(),
                source: section.string("source"),
                seen: section.day("seen"),
                promise: section.string("promise").unwrap_or_default(),
                data,
                max_age,
                line,
            });
        }
        for (claim, section) in claims.iter().zip(sections) {
            if is_understated(claim, &claims)
                && let Some((promise, span)) = section.text("promise")
            {
                let message =
                    format!("claim `{}` quotes end-to-end encryption, and `{promise}` promises less", claim.id);
                let help =
                    "a reader takes its verdict for one on the words: add a claim with the same `text` and promise";
                let problem = self.problem(span, message);
                self.warn(problem.help(format!("{help} = \"{END_TO_END}\", or quote other words")));
            }
        }
        claims
    }
}

/// A length of time in days, the started one counted: `12h`, `30d`, `6m` (of 30 days), `1y`.
fn days(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = number.trim().parse().ok()?;
    match unit {
        "h" => Some(number.div_ceil(24)),
        "d" => Some(number),
        "m" => number.checked_mul(30),
        "y" => number.checked_mul(365),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_end_to_end_are_told() {
        for text in [
            "End-to-end encrypted",
            "E2EE by default",
            "Ende-zu-Ende-verschlüsselt",
            "chiffré de bout en bout",
            "端到端加密",
        ] {
            assert!(says_end_to_end(text), "{text}");
        }
        for text in ["Encrypted in transit", "We never share your location", "at the end, to endure"] {
            assert!(!says_end_to_end(text), "{text}");
        }
    }
}
