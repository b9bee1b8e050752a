//! What a claim comes to.

use serde::Serialize;

/// The four verdicts, worst first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictKind {
    /// At least one reproducible sighting that the promise forbids.
    Contradicted,
    /// Nothing read, but the protection itself is provably poor.
    Weakened,
    /// Not enough was seen.
    Inconclusive,
    /// The harness would have seen a breach and did not.
    Consistent,
}

impl VerdictKind {
    /// All, worst first.
    pub const ALL: [Self; 4] = [Self::Contradicted, Self::Weakened, Self::Inconclusive, Self::Consistent];

    /// As JSON spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contradicted => "contradicted",
            Self::Weakened => "weakened",
            Self::Inconclusive => "inconclusive",
            Self::Consistent => "consistent",
        }
    }
}

/// How much of the traffic that a claim is about could be read.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Coverage {
    /// Flows to the audiences the claim is about.
    pub flows: u64,
    /// Of them, flows of which everything was read.
    pub flows_read: u64,
    /// Transport payload bytes of those flows.
    pub bytes: u64,
    /// Of them, bytes that were read.
    pub bytes_read: u64,
    /// Hosts they went to.
    pub hosts: u64,
    /// Of them, hosts all of whose flows were read.
    pub hosts_read: u64,
    /// Messages of those flows.
    pub messages: u64,
    /// Of them, messages read in full.
    pub messages_read: u64,
    /// Why the rest was not read: reason, flows, bytes; most bytes first.
    pub unread: Vec<Unread>,
    /// What shows that the planted action happened: one phrase; `None` when nothing does, and where nobody need ask, as
    /// the verdict rests on what was seen.
    pub control: Option<String>,
}

/// One reason for not having read something.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Unread {
    /// Why, as JSON spells it: `no-keys`, `lost` …
    pub why: &'static str,
    /// Why, for people.
    pub says: String,
    /// Flows it concerns, as far as known; 0 where it is about whole files.
    pub flows: u64,
    /// Bytes it concerns, as far as known.
    pub bytes: u64,
}

/// One claim, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The claim.
    pub claim: crate::model::scenario::Claim,
    /// The verdict.
    pub verdict: VerdictKind,
    /// Why, in one sentence that a lawyer can read.
    pub reason: String,
    /// Ids of the sightings (or, for `weakened`, none) that the verdict rests on.
    pub sightings: Vec<String>,
    /// Ids of the weaknesses that the verdict rests on.
    pub weaknesses: Vec<String>,
    /// Ids of sightings of the claim's data that do not contradict it (found by rule alone, or allowed).
    pub shown: Vec<String>,
    /// What could be seen.
    pub coverage: Coverage,
    /// What the claim is held to: what its promise commits to, one sentence.
    pub means: &'static str,
    /// What traffic can never prove about this promise.
    pub cannot_prove: &'static str,
    /// What was not tested for this claim: one phrase each.
    pub not_tested: Vec<String>,
    /// Standards the promise maps to.
    pub standards: &'static [Standard],
}

/// A rule of law or a control that a promise maps to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Standard {
    /// `GDPR`, `FTC Act`, `OWASP MASVS` …
    pub body: &'static str,
    /// `Article 32(1)(a)`, `Section 5`, `MASVS-NETWORK-1` …
    pub reference: &'static str,
}
