//! What the words of a claim commit to, where a few of them leave no doubt: nobody shall read that one promise holds and
//! take it for another.

use crate::model::scenario::Claim;

/// The promise that the words below make.
pub const END_TO_END: &str = "end-to-end-encrypted";

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
pub fn is_understated(claim: &Claim, claims: &[Claim]) -> bool {
    let held = |other: &Claim| other.promise == END_TO_END && other.text.trim() == claim.text.trim();
    claim.promise != END_TO_END && says_end_to_end(&claim.text) && !claims.iter().any(held)
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
