//! The key travels with the lock: values of the same traffic, and what is easily made from them, tried as keys.

mod candidates;
mod framed;

use crate::model::budget;
use crate::model::payload::{Payload, Token};
use crate::sighting::run::cipher::{Key, Lock, Opened, PROOF};
use crate::sighting::run::{Find, Proof, Purse, Run, RunCard, RunDetector, Session};
use candidates::{Candidate, STEP, candidates, decodings, derived, distinct, of_names, unwrapped};
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub(super) struct KeyInTraffic;

static CARD: RunCard = RunCard {
    id: "key-in-traffic",
    title: "The key travels with the lock",
    why: "Encryption whose key is sent along keeps nobody out who gets the message: the provider least of all.",
    bound: "A trial counts only if an authentication tag holds (2^-128), if planted text of eight bytes comes out (2^-64 for \
            each place), or text, padding and checksums that noise would give with 2^-64. At most 2^27 trials are made in a \
            run, so 2^-37 without planted text, 2^-25 with planted text over payloads of 4,096 bytes.",
    hits: &[
        // AES-128-CBC under the MD5 hash of a time, the initial value beside it; nothing planted.
        Session {
            payloads: &[
                "1edea919b62fce0f67caa063b5119c9cb7230bf3fc1d57328d6488fbfc74761d7b166b2f08743e3c5e741c8b59dbc360",
            ],
            tokens: &[("ts", "31373332373239303030"), ("iv", "0f0e0d0c0b0a09080706050403020100")],
            planted: &[],
            second: 0,
        },
        // DES-ECB under a masked time.
        Session {
            payloads: &[
                "ceca80d6e00fd8a710bb96dabc50af931f0e8dbcfc325f0948419f634e179c69097bb0b9799299a167934dcea9690a25",
            ],
            tokens: &[("time", "31373332373239303030313233")],
            planted: &[],
            second: 0,
        },
        // AES-256-CTR; key and counter block in hex.
        Session {
            payloads: &["7098fd9ffe9434e3d983f5488051cb21bb50efa4a150f1a17be4b3abaf84e4c05be0f35200edf2f3ab782e585a"],
            tokens: &[
                (
                    "k",
                    "30303131323233333434353536363737383839396161626263636464656566663030313132323333343435353636373738383939616162626363646465656666",
                ),
                ("nonce", "0f0e0d0c0b0a09080706050403020100"),
            ],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // A fresh key for the message, sealed (AES-256-GCM) under one that was sent.
        Session {
            payloads: &[
                "0480a93d2e9b094b89e08e014ccd740f99c84b01158fc7b39bc8358b9f549ef6d01766d86383bd387bc38cf4b9a79c1797b40469b3a320c8a97d6cd440e70b0ae7fccab1ba9f4540b1",
            ],
            tokens: &[
                ("chat_key", "b794385f2d1ef7ab4d9273d1906381b44f2f6f2588a3efb96a49188331984753"),
                (
                    "wrapped_key",
                    "676b8bb84ce7267dd520deca7d16c0e865479e1fa3bcc4b53ead4d7e50dd381a8237780d7c95dccca8bb5d2ac03f9c4d939f8ff1789614b65fe68332",
                ),
            ],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // JWE (RFC 7516): its tag speaks for the header as well; the key is a JWK's.
        Session {
            payloads: &["4ccd740f99c84b01158fc7b39bc8358b9f549ef6d01766d86383bd387bc38cf4b9a79c1797b40469b3a320c8a9"],
            tokens: &[
                ("k", "5a4b2d55303467683935337161356f4f464b336c4d2d766972545f6b47567762735f32594f377a6b4f6a6b"),
                ("header", "65794a68624763694f694a6b615849694c434a6c626d4d694f694a424d6a553252304e4e496e30"),
                ("iv", "0480a93d2e9b094b89e08e01"),
                ("tag", "6ce11784afd4df640c8b8aadca83c07e"),
            ],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // JWE with CBC and a MAC: the latter half of the key is the cipher's.
        Session {
            payloads: &[
                "2978a89460b3d0f48f741f501bbf9ddd6151ac088e52404ad087a6f7f93bf04e902a30f19e30ee22038f2c9932989d8f",
            ],
            tokens: &[
                ("k", "65412d47644664476b307837537751687a726e5376683034526f43457162644b34545a6f7767435a364367"),
                ("iv", "0ab306823035661bb8dba21cc2535231"),
            ],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // PBKDF2 (4,096 rounds of HMAC-SHA-256) of a passphrase, the salt beside it; nothing planted.
        Session {
            payloads: &[
                "676b8bb84ce7267dd520decabd07cca8f1b45173fd31288070729fd3a04510e4b432fa8aa37b8210c4522376ee01ae7240e9ea0858ccc0e698edba87fee6667ff61cc4fb25454da502",
            ],
            tokens: &[("passphrase", "74756c69702d37373130"), ("salt", "63479ad69a090b258277ec8fba6f9941")],
            planted: &[],
            second: 0,
        },
        // HKDF of a secret and a salt; initial value in front, HMAC behind.
        Session {
            payloads: &[
                "0ab306823035661bb8dba21cc253523102c6b3ddeb51aac97d8808b5f7c6fc0ce9d6fa49dbc7758a19a290705c37cd8e91d5a135e61b54e0e3e349e8ec0f952d1ce17526d50d905b87183ae60ef19d4f663f7a8ccfe7d56ac7ffaff978ef3a51",
            ],
            tokens: &[("secret", "a4d26868017c0ccffe2efe50944ef421"), ("salt", "63479ad69a090b258277ec8fba6f9941")],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        // openssl enc with a passphrase that was sent.
        Session {
            payloads: &[
                "53616c7465645f5f1cb7637b6957ac5d68780fa3ef45ad5bf0fcd62ba4481232d4fca805b8febaea9c81be35fb5496f3d3e09a32bab1627a12ab4b928e441ae2",
            ],
            tokens: &[("pw", "68656174686572")],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
    ],
    misses: &[
        // The right passphrase and another salt.
        Session {
            payloads: &[
                "676b8bb84ce7267dd520decabd07cca8f1b45173fd31288070729fd3a04510e4b432fa8aa37b8210c4522376ee01ae7240e9ea0858ccc0e698edba87fee6667ff61cc4fb25454da502",
            ],
            tokens: &[("passphrase", "74756c69702d37373130"), ("salt", "d9298a10d1b0735837dc4bd85dac641b")],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
        Session {
            payloads: &[
                "8b42bd9e62a39f3a90d33aae9f8e6da57c1de9f3d2b4856f90a5c1b7e86d32f0a1b9c3d5e7f6081293a4b5c6d7e8f90a",
                "2c9de37a51f0b8864e1d6a9f3b7c50e2d8f1a4c6b3905e7d2a8c4f1b6e3d9075",
            ],
            tokens: &[
                ("key", "00112233445566778899aabbccddeeff"),
                ("time", "31373332373239303030"),
                ("device_id", "33383430303030302d386366302d313162642d623233652d313062393665343030303064"),
            ],
            planted: &[("messages", "The heron lands at dusk")],
            second: 0,
        },
    ],
};

/// Payloads of one kind that every value is tried on.
const TRIED: usize = 8;
/// Of them, those that what is made of values is tried on.
const MADE: usize = 2;
/// Bytes of a payload that is long enough to show text, and short enough to be cheap.
const USUAL: u64 = 256;
/// Bits of evidence that are enough where another payload of the same kind was opened in the same way.
const ENOUGH: f64 = 32.0;
/// Bytes up to which a payload may be an identifier.
const SHORT: usize = 48;
/// Values of one length that are tried as nonce of such a payload, and of a longer one.
const FEW_STARTS: usize = 4;
const MANY_STARTS: usize = 16;
/// Names of fields that hold keys, nonces and tokens rather than content.
const NO_CONTENT: [&str; 10] = ["key", "nonce", "iv", "salt", "token", "tag", "mac", "sig", "id", "public"];

impl RunDetector for KeyInTraffic {
    fn card(&self) -> &'static RunCard {
        &CARD
    }

    fn on_run(&self, run: &Run<'_>, out: &mut Vec<Find>) {
        // Each part of the search has its own steps: whatever else was sent, a key that was sent as it is is tried.
        let known = run.purse(budget::KEYS_KNOWN);
        let mut opened: Doors = BTreeMap::new();
        let slots = run.slots();
        let kinds = kinds(run, &slots);
        let beside: Vec<Vec<(Vec<u8>, String)>> = run.payloads.iter().map(|payload| starts(payload)).collect();
        let lock = |index: usize, need: f64| {
            let payload = run.payloads.get(index)?;
            let lock = || {
                let beside = beside.get(index).map(Vec::as_slice).unwrap_or_default();
                (index, Lock::new(&payload.bytes, payload.is_whole(), beside, &run.cribs, need))
            };
            (payload.bytes.len() >= 8).then(lock)
        };
        // What stands in the same message first, then what was sent anywhere, then what is made of that.
        let mut rounds = alone(run, &kinds, &lock, &mut opened);
        let general = general(run);
        let (sent, made) = general.split_at(general.partition_point(Candidate::is_sent));
        together(run, &kinds, &mut rounds, (sent, made), &mut opened);
        let of_kind = |sample: &Vec<usize>| {
            slots.values().find(|members| sample.first().is_some_and(|index| members.contains(index)))
        };
        let alike: Vec<(&[usize], &[usize])> =
            kinds.iter().filter_map(|sample| Some((sample.as_slice(), of_kind(sample)?.as_slice()))).collect();
        let cuts = framed::behind(run, &alike, &beside, sent, &mut opened);
        let mut locks: Vec<(usize, Lock<'_>)> = rounds.into_iter().flatten().collect();
        locks.retain(|(index, _)| !opened.contains_key(index));
        let wrapped = run.purse(budget::KEYS_WRAPPED);
        let mut carried = unwrapped(run, &general, &wrapped);
        open(&known, &mut locks, true, &carried, &mut opened);
        // What takes longest comes last.
        let stretched = run.purse(budget::KEYS_STRETCHED);
        let derived = distinct(derived(run, &stretched));
        let inside = unwrapped(run, &derived, &stretched);
        open(&known, &mut locks, true, &inside, &mut opened);
        open(&stretched, &mut locks, true, &derived, &mut opened);
        carried.extend(inside);
        let names = run.purse(budget::KEYS_NAMED);
        framed::salted(run, &alike, &names, &mut opened);
        open(&names, &mut locks, true, &distinct(of_names(run, &names)), &mut opened);
        drop(locks);
        let lock = |index: usize, need: f64| {
            let (payload, cut) = (run.payloads.get(index)?, cuts.get(&index).copied().unwrap_or(0));
            let text = payload.bytes.get(cut..).filter(|text| text.len() >= 8)?;
            let beside = beside.get(index).map(Vec::as_slice).unwrap_or_default();
            Some((index, Lock::new(text, payload.is_whole(), beside, &run.cribs, need)))
        };
        follow(run, &slots, &carried, &lock, (&known, &beside), &mut opened);
        if [&known, &wrapped, &stretched, &names].into_iter().any(Purse::is_empty) {
            run.end_early([]);
        }
        tell(run, opened, out);
    }
}

/// What was opened, and with which key.
type Doors = BTreeMap<usize, (Opened, Candidate)>;
/// Payloads that keys are tried on.
type Locks<'l> = Vec<(usize, Lock<'l>)>;

/// Of each kind of payload those that every value is tried on, in the order in which they are. Kinds with long payloads
/// come first: keys, nonces and identifiers are payloads as well.
fn kinds(run: &Run<'_>, slots: &BTreeMap<(&str, bool), Vec<usize>>) -> Vec<Vec<usize>> {
    let len = |index: &usize| run.payloads.get(*index).map_or(0, |payload| payload.len);
    let mut kinds: Vec<Vec<usize>> = Vec::new();
    for members in slots.values() {
        let members: Vec<usize> = members.iter().copied().filter(|index| holds_content(run, *index)).collect();
        let usual = members.iter().min_by_key(|index| (len(index).abs_diff(USUAL), **index));
        let (longest, shortest) =
            (members.iter().max_by_key(|index| len(index)), members.iter().min_by_key(|index| len(index)));
        let between = (1..TRIED).filter_map(|part| members.get(members.len() * part / TRIED));
        let mut sample: Vec<usize> = Vec::new();
        for index in [usual, longest, shortest, members.first(), members.last()].into_iter().flatten().chain(between) {
            if sample.len() < TRIED && !sample.contains(index) {
                sample.push(*index);
            }
        }
        if !sample.is_empty() {
            kinds.push(sample);
        }
    }
    kinds.sort_by_key(|sample| (std::cmp::Reverse(sample.iter().map(len).max()), sample.first().copied()));
    kinds
}

/// All keys that values of the whole run may be, and what is made of them: the former first.
fn general(run: &Run<'_>) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = run.tokens.iter().flat_map(|token| candidates(token)).collect();
    all.sort_by_key(|candidate| !candidate.is_sent());
    distinct(all)
}

/// Tries on every payload the values of its own message. Gives back what stays shut of `kinds`, by round: the first of each
/// kind, the second of each …
fn alone<'l>(
    run: &Run<'_>,
    kinds: &[Vec<usize>],
    lock: &impl Fn(usize, f64) -> Option<(usize, Lock<'l>)>,
    opened: &mut Doors,
) -> Vec<Locks<'l>> {
    let purse = run.purse(budget::KEYS_BESIDE);
    let mut left: Vec<usize> = Vec::new();
    let mut alone = |locks: &mut Locks<'l>, index: usize, all: bool| {
        let beside = run.payloads.get(index).map(|payload| &*payload.beside).unwrap_or_default();
        let keys = distinct(beside.iter().flat_map(candidates).filter(|candidate| all || candidate.is_sent()));
        open(&purse, locks, true, &keys, opened);
        left.extend((purse.is_empty() && !locks.is_empty() && !keys.is_empty()).then_some(index));
    };
    let mut rounds: Vec<Locks<'l>> = Vec::new();
    let mut sampled: BTreeSet<usize> = BTreeSet::new();
    for round in 0..TRIED {
        let mut shut: Locks<'l> = Vec::new();
        for index in kinds.iter().filter_map(|sample| sample.get(round)) {
            sampled.insert(*index);
            let mut lock: Locks<'l> = lock(*index, PROOF).into_iter().collect();
            alone(&mut lock, *index, true);
            shut.append(&mut lock);
        }
        rounds.push(shut);
    }
    for index in (0..run.payloads.len()).filter(|index| !sampled.contains(index) && holds_content(run, *index)) {
        let mut lock: Locks<'l> = lock(index, PROOF).into_iter().collect();
        alone(&mut lock, index, false);
    }
    if purse.is_empty() {
        run.end_early(left);
    }
    rounds
}

/// Tries on the samples of every kind all values that were sent, and what is made of them.
fn together(
    run: &Run<'_>,
    kinds: &[Vec<usize>],
    rounds: &mut [Locks<'_>],
    (sent, made): (&[Candidate], &[Candidate]),
    opened: &mut Doors,
) {
    let kind: BTreeMap<usize, usize> =
        kinds.iter().enumerate().flat_map(|(kind, sample)| sample.iter().map(move |index| (*index, kind))).collect();
    for (keys, most, hard, times) in [(sent, TRIED, true, budget::KEYS_SENT), (made, MADE, false, budget::KEYS_MADE)] {
        let purse = run.purse(times);
        for (round, locks) in rounds.iter_mut().take(most).enumerate() {
            // A kind of which one is open is looked through later.
            let known: BTreeSet<usize> = opened.keys().filter_map(|index| kind.get(index)).copied().collect();
            locks.retain(|(index, _)| kind.get(index).is_none_or(|kind| !known.contains(kind)));
            open(&purse, locks, hard, keys, opened);
            if purse.is_empty() {
                // One of each kind is what a run owes.
                let owed = if round == 0 { locks.as_slice() } else { &[] };
                run.end_early(owed.iter().map(|(index, _)| *index));
                break;
            }
        }
    }
}

/// Tries what opened some payloads on the others.
fn follow<'l>(
    run: &Run<'_>,
    slots: &BTreeMap<(&str, bool), Vec<usize>>,
    carried: &[Candidate],
    lock: &impl Fn(usize, f64) -> Option<(usize, Lock<'l>)>,
    (purse, starts): (&Purse, &framed::Beside),
    opened: &mut Doors,
) {
    let known = keys(opened);
    // One payload opened: the others of its kind open the same way, with their own values beside them.
    for members in slots.values() {
        let Some(hows) = hows(members, opened) else { continue };
        let rest: Vec<usize> = members.iter().filter(|index| !opened.contains_key(*index)).copied().collect();
        for index in rest {
            let Some(payload) = run.payloads.get(index) else { continue };
            let beside = &*payload.beside;
            if hows.contains(framed::HOW) {
                let (skips, starts) = (framed::skips(run, members, payload), starts.get(index).map(Vec::as_slice));
                let starts = starts.unwrap_or_default();
                let found = framed::inside(payload, &skips, starts, &run.cribs, ENOUGH, purse);
                opened.extend(found.map(|found| (index, found)));
                continue;
            }
            let own = distinct(beside.iter().flat_map(candidates)).into_iter();
            let own = own.filter(|candidate| hows.contains(candidate.how));
            let keys: Vec<Candidate> = own.chain(known.values().cloned()).chain(carried.iter().cloned()).collect();
            let mut lock: Locks<'l> = lock(index, ENOUGH).into_iter().collect();
            open(purse, &mut lock, true, &keys, opened);
        }
    }
    // And a key found for one kind may open another.
    let known: Vec<Candidate> = keys(opened).into_values().collect();
    if !known.is_empty() {
        let rest = (0..run.payloads.len()).filter(|index| !opened.contains_key(index));
        let mut locks: Locks<'l> = rest.filter_map(|index| lock(index, PROOF)).collect();
        open(purse, &mut locks, true, &known, opened);
    }
}

/// Whether a payload may hold what people say: not one that is called a key or a nonce.
fn holds_content(run: &Run<'_>, index: usize) -> bool {
    run.payloads.get(index).is_some_and(|payload| {
        let short = payload.bytes.len() <= 64;
        let called = |token: &&Token| token.bytes == payload.bytes;
        let name = payload.beside.iter().find(called).map_or("", |token| token.name.as_str());
        payload.bytes.len() >= 8 && !(short && NO_CONTENT.iter().any(|word| name.contains(word)))
    })
}

/// How the payloads of one kind were opened, if any was.
fn hows(members: &[usize], opened: &Doors) -> Option<BTreeSet<&'static str>> {
    let hows: BTreeSet<&'static str> =
        members.iter().filter_map(|index| opened.get(index)).map(|(_, candidate)| candidate.how).collect();
    (!hows.is_empty()).then_some(hows)
}

/// Finds, one for each way of getting at the key.
fn tell(run: &Run<'_>, opened: Doors, out: &mut Vec<Find>) {
    type Group = (String, String, &'static str);
    let mut groups: BTreeMap<Group, Vec<(usize, Opened, Candidate)>> = BTreeMap::new();
    for (index, (found, candidate)) in opened {
        let slot = run.payloads.get(index).map_or("", |payload| payload.slot.as_str());
        let group = (slot.to_owned(), found.mode.clone(), candidate.how);
        groups.entry(group).or_default().push((index, found, candidate));
    }
    for ((_, mode, how), members) in groups {
        let Some((first, found, candidate)) = members.first() else { continue };
        let label = run.payloads.get(*first).map_or("", |payload| payload.label.as_str());
        let iv = if found.iv.is_empty() { String::new() } else { format!(", its initial value {}", found.iv) };
        out.push(Find {
            detector: CARD.id,
            reason: format!(
                "What goes by \"{label}\" is enciphered ({mode}) with a key that is {}{iv}: {}",
                candidate.from, found.proof
            ),
            undone: Some(format!("{mode} with {how}")),
            proof: members.into_iter().map(|(index, found, _)| Proof::read(index, found.plain)).collect(),
        });
    }
}

/// Tries every key on every lock as long as the purse lasts, and takes out the locks that open.
fn open(purse: &Purse, locks: &mut Locks<'_>, hard: bool, keys: &[Candidate], opened: &mut Doors) {
    let spend = |steps: usize| purse.spend(steps.saturating_mul(STEP));
    for candidate in keys {
        if locks.is_empty() || purse.is_empty() {
            break;
        }
        let key = Key::new(&candidate.key);
        locks.retain(|(index, lock)| {
            // A payload is no key to itself.
            if purse.is_empty() || candidate.key == lock.text() {
                return true;
            }
            let found = lock.open(&key, hard, &spend);
            let shut = found.is_none();
            opened.extend(found.map(|found| (*index, (found, candidate.clone()))));
            shut
        });
    }
}

/// The keys that opened something.
fn keys(opened: &Doors) -> BTreeMap<Vec<u8>, Candidate> {
    opened.values().map(|(_, candidate)| (candidate.key.clone(), candidate.clone())).collect()
}

/// Names of values that go with a ciphertext.
const COMPANIONS: [&str; 7] = ["iv", "nonce", "salt", "tag", "mac", "ctr", "counter"];

/// Values beside a payload that may be its nonce or tag. A short payload in a message with many values is most likely one of
/// them, an identifier in a list: of each length a few are tried on it, those that are called so first.
fn starts(payload: &Payload) -> Vec<(Vec<u8>, String)> {
    let mut out: Vec<(Vec<u8>, String)> = Vec::new();
    for token in payload.beside.iter() {
        for bytes in decodings(&token.bytes) {
            let header = matches!(token.name.as_str(), "header" | "protected" | "aad");
            if (header || matches!(bytes.len(), 8 | 12 | 16 | 24)) && bytes != payload.bytes {
                out.push((bytes, token.name.clone()));
            }
        }
    }
    out.dedup_by(|a, b| a.0 == b.0);
    let most = if payload.bytes.len() <= SHORT { FEW_STARTS } else { MANY_STARTS };
    if out.len() > most {
        out.sort_by_key(|(_, name)| !COMPANIONS.iter().any(|word| name.contains(word)));
        let mut kept: BTreeMap<usize, usize> = BTreeMap::new();
        out.retain(|(bytes, _)| {
            let kept = kept.entry(bytes.len()).or_default();
            *kept += 1;
            *kept <= most
        });
    }
    out
}
