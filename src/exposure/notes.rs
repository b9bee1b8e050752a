//! Traces of somebody who was in the store before: ransom notes and where they want to be paid.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use ring::digest::{SHA256, digest};
use std::sync::LazyLock;

/// Words for money that nobody can call back, and for what is done with it: whole words.
const COIN: [&str; 8] = ["btc", "bitcoin", "bitcoins", "monero", "xmr", "usdt", "ransom", "rançon"];
/// Other words that ask for money.
const PAY: [&str; 5] = ["pay ", "payment", "zahl", "paiement", "pago"];
/// What became of the data, or will.
const THREAT: [&str; 19] = [
    "backed up",
    "back up",
    "backup",
    "recover",
    "restore",
    "deleted",
    "leak",
    "expose",
    "publish",
    "48 hours",
    "wiederherz",
    "wiederherst",
    "gesichert",
    "récupér",
    "sauvegard",
    "recuperar",
    "восстанов",
    "удален",
    "恢复",
];
/// Words that go with a threat, and with many a notice of an honest kind.
const TALK: [&str; 4] = ["your data", "your database", "gdpr", "contact us"];
/// Names of indices and databases that robots leave behind.
const NAMES: [&str; 9] = [
    "read_me",
    "readme_to_recover",
    "read-me",
    "readme",
    "recover_your_data",
    "how_to_restore",
    "please_read",
    "warning_your_data",
    "hacked",
];
/// Of these, what others call what they leave to be read.
const PLAIN: [&str; 4] = ["read-me", "readme", "please_read", "hacked"];

/// All words at once.
struct Words {
    search: AhoCorasick,
    /// Which word a pattern spells, in the order of the lists.
    spells: Vec<usize>,
}

/// Letters of ASCII match in either case; of words with others in them stand all spellings that people use.
static WORDS: LazyLock<Option<Words>> = LazyLock::new(|| {
    let (mut patterns, mut spells) = (Vec::new(), Vec::new());
    for (at, word) in COIN.iter().chain(&PAY).chain(&THREAT).chain(&TALK).enumerate() {
        let mut spellings = vec![(*word).to_owned()];
        if !word.is_ascii() {
            let mut letters = word.chars();
            let first = letters.next().into_iter().flat_map(char::to_uppercase);
            spellings.push(first.chain(letters).collect());
            spellings.push(word.to_uppercase());
        }
        spells.extend(spellings.iter().map(|_| at));
        patterns.extend(spellings);
    }
    let mut builder = AhoCorasick::builder();
    let search = builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(patterns).ok()?;
    Some(Words { search, spells })
});

/// Characters of a note without a name that gives it away.
const SHORTEST: usize = 30;

/// The name of what robots leave behind, if this is one.
pub(super) fn named(text: &str) -> Option<&'static str> {
    is_named(text.as_bytes())
}

/// The same for bytes.
fn is_named(bytes: &[u8]) -> Option<&'static str> {
    // Most values begin with none of these.
    if !matches!(bytes.first()?.to_ascii_lowercase(), b'r' | b'h' | b'p' | b'w') {
        return None;
    }
    NAMES.iter().find(|name| bytes.eq_ignore_ascii_case(name.as_bytes())).copied()
}

/// Whether [`find`] may find something in bytes under no telling name. Cheap: it is asked of every text.
pub(super) fn may_be(bytes: &[u8]) -> bool {
    let telling = |words: &Words| words.search.find(bytes).is_some();
    if bytes.len() < SHORTEST {
        return bytes.len() >= 6 && is_named(bytes.trim_ascii()).is_some();
    }
    WORDS.as_ref().is_none_or(telling)
}

/// What gives a ransom note away, and the payment addresses in it; `None` for everything else. `beside`: such a name
/// among its keys.
pub(super) fn find(text: &str, beside: Option<&'static str>) -> Option<(Vec<String>, Vec<String>)> {
    let name = named(text.trim_ascii()).or(beside);
    if text.len() < SHORTEST && name.is_none() {
        return None;
    }
    let mut seen = [false; COIN.len() + PAY.len() + THREAT.len() + TALK.len()];
    let mut amount = false;
    for words in WORDS.iter() {
        for found in words.search.find_overlapping_iter(text) {
            let Some(word) = words.spells.get(found.pattern().as_usize()).copied() else { continue };
            let (before, after) = (text.get(..found.start()), text.get(found.end()..));
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            let coin = word < COIN.len();
            // No part of a longer word: of those that are declined, no end of one.
            let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphabetic() && u32::from(c) < 0x2e80);
            if joined(before.chars().next_back()) || (coin && joined(after.chars().next())) {
                continue;
            }
            amount |= coin && (before.trim_end().ends_with(is_digit) || after.trim_start().starts_with(is_digit));
            if let Some(seen) = seen.get_mut(word) {
                *seen = true;
            }
        }
    }
    let (coins, rest) = seen.split_at_checked(COIN.len()).unwrap_or_default();
    let (pays, rest) = rest.split_at_checked(PAY.len()).unwrap_or_default();
    let (threats, talks) = rest.split_at_checked(THREAT.len()).unwrap_or_default();
    let first =
        |words: &[&'static str], seen: &[bool]| words.iter().zip(seen).find(|(_, seen)| **seen).map(|(word, _)| *word);
    let coin = first(&COIN, coins);
    let pay = coin.or_else(|| first(&PAY, pays));
    let words: Vec<&str> = (THREAT.iter().zip(threats))
        .chain(TALK.iter().zip(talks))
        .filter(|(_, seen)| **seen)
        .map(|(word, _)| *word)
        .collect();
    let strong = threats.iter().filter(|seen| **seen).count();
    if pay.is_none() && words.is_empty() && name.is_none() {
        return None;
    }
    let addresses = addresses(text);
    let plain = name.is_some_and(|name| PLAIN.contains(&name));
    // Somebody who writes of a backup is no extortionist, nor who speaks of a payment; a demand, a threat and a place to pay
    // are, or a sum in such money, or a demand where robots leave theirs.
    let sure = (name.is_some() && !plain && (pay.is_some() || !words.is_empty() || !addresses.is_empty()))
        || (plain && (!addresses.is_empty() || (coin.is_some() && !words.is_empty())))
        || (!addresses.is_empty() && pay.is_some() && strong > 0 && words.len() >= 2)
        || (amount && strong >= 2);
    if !sure {
        return None;
    }
    let mut signs: Vec<String> = name.map(str::to_owned).into_iter().collect();
    signs.extend(pay.map(|word| word.trim().to_owned()));
    signs.extend(words.into_iter().map(str::to_owned));
    signs.truncate(6);
    Some((signs, addresses))
}

const fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// Payment addresses whose checksums are right.
fn addresses(text: &str) -> Vec<String> {
    let mut found: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| (26..=90).contains(&word.len()))
        .filter(|word| is_base58check(word) || is_bech32(word))
        .map(str::to_owned)
        .take(8)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Base58Check (Bitcoin and its kin): the last four bytes are the first of a double SHA-256 of the rest.
pub(super) fn is_base58check(word: &str) -> bool {
    let Ok(bytes) = bs58::decode(word).into_vec() else { return false };
    let Some((payload, check)) = bytes.split_last_chunk::<4>() else { return false };
    let twice = digest(&SHA256, digest(&SHA256, payload).as_ref());
    payload.len() == 21 && twice.as_ref().get(..4) == Some(&check[..])
}

/// Bech32 and Bech32m (BIP 173, BIP 350).
pub(super) fn is_bech32(word: &str) -> bool {
    const CHARSET: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let lower = word.to_ascii_lowercase();
    if lower != word && word.to_ascii_uppercase() != word {
        return false;
    }
    let Some((prefix, data)) = lower.rsplit_once('1') else { return false };
    if !matches!(prefix, "bc" | "tb" | "ltc" | "addr") || data.len() < 8 {
        return false;
    }
    let values: Option<Vec<u32>> = data
        .bytes()
        .map(|byte| CHARSET.iter().position(|c| *c == byte).and_then(|at| u32::try_from(at).ok()))
        .collect();
    let Some(values) = values else { return false };
    let high = prefix.bytes().map(|byte| u32::from(byte >> 5));
    let low = prefix.bytes().map(|byte| u32::from(byte & 31));
    let check = high.chain([0]).chain(low).chain(values).fold(1_u32, |check, value| {
        let top = check >> 25;
        let shifted = (check & 0x1ff_ffff) << 5 ^ value;
        GENERATOR
            .iter()
            .enumerate()
            .fold(shifted, |sum, (bit, generator)| if top >> bit & 1 == 1 { sum ^ generator } else { sum })
    });
    check == 1 || check == 0x2bc8_30a3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_met_in_either_case() {
        for name in NAMES {
            assert_eq!(named(&name.to_uppercase()), Some(name));
        }
    }

    #[test]
    fn addresses_are_held_to_their_checksums() {
        // The examples of the specifications (BIP 173, BIP 350) and the first address ever paid.
        for good in [
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        ] {
            assert_eq!(addresses(good), [good], "{good}");
        }
        for bad in [
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
            "deadbeefdeadbeefdeadbeefdeadbeef",
        ] {
            assert!(addresses(bad).is_empty(), "{bad}");
        }
    }

    #[test]
    fn notes_are_told_from_talk_of_backups() {
        let note = "All your data is backed up. You must pay 0.01 BTC to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa in 48 hours or we will leak it.";
        let (signs, addresses) = find(note, None).unwrap();
        assert!(!signs.is_empty() && addresses.len() == 1);
        assert!(
            find("Alle Ihre Daten sind gesichert. Zahlen Sie 0,01 Bitcoin, um sie wiederherzustellen.", None).is_some()
        );
        for talk in [
            "the nightly backup finished, 3 files deleted",
            "can you pay me back for lunch, please? it was 12 euros",
            "my phone was backed up before I restored it to factory settings",
            "payment-service: restored 3 rows from backup in 12 ms",
            "Your payment failed. Your data stays safe; contact us at any time",
            "We deleted your card. Payment records and your data are kept as the GDPR asks.",
            "payment worker restarted after memory leak, recovering queue",
            "Hi, can you pay rent? my phone is broken, I must restore the backup first",
            "sent you 0.01 BTC to bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4, your data plan is paid",
            "did you restore the bitcoin wallet from the backup?",
            "ok",
        ] {
            assert!(find(talk, None).is_none(), "{talk}");
        }
    }

    #[test]
    fn names_that_others_use_tell_nothing_by_themselves() {
        assert!(find("see docs to restore the app", Some("readme")).is_none());
        assert!(find("restore for 0.1 BTC, see docs", Some("readme")).is_some());
        assert!(find("see docs to restore the app", Some("how_to_restore")).is_some());
    }

    #[test]
    fn whatever_may_be_a_note_is_looked_at() {
        for note in [
            "PAY 0.1 BTC or your DATABASE is published, you have 48 HOURS",
            "ВСЕ УДАЛЕНО. Чтобы ВОССТАНОВИТЬ, заплатите 0.1 BTC",
            "recover: 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa now",
            "read_me",
            "Récupérez vos fichiers: PAIEMENT avant 48 heures",
            "RÉCUPÉRER VOS FICHIERS AVANT DEMAIN",
        ] {
            assert!(may_be(note.as_bytes()), "{note}");
        }
        assert!(find("ВСЕ УДАЛЕНО. Чтобы ВОССТАНОВИТЬ, заплатите 0.1 BTC", None).is_some());
        for other in [
            "Wir treffen uns in der Mühle, sag niemandem etwas davon",
            "2026-10-03T00:00:12.345Z and some more words",
            "u447700900142",
            "flushed 12 rows",
        ] {
            assert!(!may_be(other.as_bytes()), "{other}");
        }
        assert!(find("Your data is gone. Write to us at once, please", Some("read_me")).is_some());
    }
}
