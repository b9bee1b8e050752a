//! Sound encryption sets nothing off: thousands of messages as honest apps send them, made here with real ciphers.

use super::plant;
use super::runs::payload;
use crate::model::opacity::Opacity;
use crate::model::payload::{Payload, Token};
use crate::sighting::detector::RUN_DETECTORS;
use crate::sighting::run::Run;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{AesGcm, aes::Aes256};
use chacha20poly1305::ChaCha20Poly1305;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use std::sync::Arc;

/// Messages in all.
const MESSAGES: usize = 12_000;
/// Messages of one run.
const RUN: usize = 300;
/// Kinds of payload.
const KINDS: usize = 12;
/// Steps that a detector may take in one of these runs: none of them may end early.
const WORK: u64 = u64::MAX;

/// A generator of bytes that are the same in every test run (SplitMix64).
pub(in crate::sighting) struct Dice(pub(in crate::sighting) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(in crate::sighting) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(in crate::sighting) fn bytes(&mut self, len: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next().to_le_bytes()).flatten().take(len).collect()
    }
}

const WORDS: [&str; 16] = [
    "harbour", "meet", "tomorrow", "letter", "the", "and", "nobody", "quiet", "at", "dusk", "roof", "key", "under",
    "stone", "is", "we",
];

/// A message as people write it: now and then the planted one.
fn text(dice: &mut Dice) -> Vec<u8> {
    if dice.below(10) == 0 {
        return br#"{"kind":"text","text":"The heron lands at dusk"}"#.to_vec();
    }
    let words: Vec<&str> = (0..3 + dice.below(14)).map(|_| WORDS[dice.below(WORDS.len())]).collect();
    format!(r#"{{"kind":"text","text":"{}"}}"#, words.join(" ")).into_bytes()
}

pub(super) fn seal<A: AeadInOut + KeyInit>(key: &[u8], nonce: &[u8], text: &[u8]) -> Vec<u8> {
    let mut sealed = text.to_vec();
    let cipher = A::new_from_slice(key).unwrap();
    let tag = cipher.encrypt_inout_detached(nonce.try_into().unwrap(), b"", sealed.as_mut_slice().into()).unwrap();
    [nonce, &sealed, &tag].concat()
}

/// CBC with a fresh initial value, and an HMAC's worth of noise behind it.
fn cbc(dice: &mut Dice, key: &[u8], text: &[u8]) -> Vec<u8> {
    use cbc::cipher::{Array, BlockModeEncrypt as _, KeyIvInit as _};
    let iv: [u8; 16] = dice.bytes(16).try_into().unwrap();
    let mut padded = text.to_vec();
    let pad = 16 - text.len() % 16;
    padded.resize(text.len() + pad, u8::try_from(pad).unwrap());
    let mut mode = cbc::Encryptor::<Aes256>::new_from_slices(key, &iv).unwrap();
    let (blocks, _) = Array::slice_as_chunks_mut(&mut padded);
    mode.encrypt_blocks(blocks);
    [&iv[..], &padded, &dice.bytes(32)].concat()
}

/// The shape of an Olm message: version, the ratchet key that several messages share, a counter, ciphertext, MAC.
fn olm(dice: &mut Dice, ratchet: &[u8], index: usize, key: &[u8], text: &[u8]) -> Vec<u8> {
    let sealed = cbc(dice, key, text);
    let body = &sealed[16..sealed.len() - 32];
    let mut out = vec![0x03, 0x0a, 0x20];
    out.extend_from_slice(ratchet);
    out.extend_from_slice(&[0x10, u8::try_from(index % 128).unwrap(), 0x22, u8::try_from(body.len() % 128).unwrap()]);
    out.extend_from_slice(body);
    out.extend(dice.bytes(8));
    out
}

pub(super) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// One run: twelve kinds of payload, each in its own slot, with ids, times, nonces and tokens beside them.
fn run(dice: &mut Dice) -> (Vec<Payload>, Vec<Token>) {
    let (gcm, chacha, chain) = (dice.bytes(32), dice.bytes(32), dice.bytes(32));
    let mut ratchet = dice.bytes(32);
    let (session, signature) = (dice.bytes(16), dice.bytes(64));
    let (key_id, identity) = (dice.bytes(16), dice.bytes(32));
    let ratchets: [Vec<u8>; 3] = std::array::from_fn(|_| dice.bytes(32));
    let (mut group, mut retry) = (dice.bytes(80), dice.bytes(80));
    let pictures: [&[u8]; 2] = [
        include_bytes!("../../../tests/fixtures/honest/clouds.jpg"),
        include_bytes!("../../../tests/fixtures/honest/grain.jpg"),
    ];
    let mut payloads = Vec::new();
    let mut tokens = Vec::new();
    for index in 0..RUN {
        let text = text(dice);
        let nonce = dice.bytes(12);
        let (slot, bytes) = match index % KINDS {
            0 => ("gcm", seal::<AesGcm<Aes256, U12>>(&gcm, &nonce, &text)),
            1 => ("chacha", seal::<ChaCha20Poly1305>(&chacha, &nonce, &text)),
            2 => {
                if dice.below(4) == 0 {
                    ratchet = dice.bytes(32);
                }
                ("olm", olm(dice, &ratchet, index / KINDS, &chain, &text))
            }
            // The signature of a token: the same in many messages.
            3 => ("jwt", if dice.below(3) > 0 { signature.clone() } else { dice.bytes(64) }),
            4 => {
                let picture = pictures[dice.below(2)];
                let at = dice.below(picture.len() / 2);
                ("jpeg", picture[at..picture.len().min(at + 700)].to_vec())
            }
            5 => ("gzip", gzip(&[text.as_slice(), &text, b" and again"].concat())),
            6 => ("cbc", cbc(dice, &gcm, &text)),
            // Whose key, which conversation, which ratchet: three depths at which messages part; the first of a
            // conversation has none of the latter.
            8 => {
                let mut head = key_id.clone();
                if dice.below(5) > 0 {
                    head.extend_from_slice(&identity);
                    head.extend_from_slice(&ratchets[dice.below(3)]);
                }
                head.extend(cbc(dice, &gcm, &text));
                ("conversation", head)
            }
            // One ciphertext for each member of a group.
            9 => {
                if dice.below(3) == 0 {
                    group = seal::<AesGcm<Aes256, U12>>(&gcm, &nonce, &text);
                }
                ("group", group.clone())
            }
            // Sent again at once, for it failed; nothing else comes again.
            10 => {
                let again = index == KINDS * 7 + 10;
                if !again {
                    retry = cbc(dice, &gcm, &text);
                }
                ("retry", retry.clone())
            }
            // A key's identifier in front of every message, an identifier of 16 bytes in the middle of some.
            7 => ("keyed", [key_id.as_slice(), &seal::<AesGcm<Aes256, U12>>(&gcm, &nonce, &text)].concat()),
            _ => ("ids", (0..4).flat_map(|_| uuid(dice)).chain(session.iter().copied()).collect()),
        };
        let token = |name: &str, bytes: Vec<u8>| Token {
            bytes,
            name: name.to_owned(),
            trail: Vec::new(),
            capture: "c".into(),
            frame: index as u64 + 1,
        };
        let time = 1_793_600_000_000 + dice.next() % 100_000_000;
        let beside = vec![
            token("time", time.to_string().into_bytes()),
            token("nonce", nonce),
            token("user_id", format!("u{:016x}", dice.next() % 7).into_bytes()),
            token("session_key_id", session.clone()),
        ];
        if index % 30 == 0 {
            tokens.extend(beside.iter().cloned());
        }
        let shared: Arc<[Token]> = beside.into();
        let class = if slot == "gzip" { Opacity::Compressed } else { Opacity::RandomLooking };
        payloads.push(Payload { slot: slot.to_owned(), class, ..payload(index, bytes, &shared) });
    }
    (payloads, tokens)
}

fn uuid(dice: &mut Dice) -> Vec<u8> {
    let mut id = dice.bytes(16);
    id[6] = 0x40 | id[6] & 15;
    id[8] = 0x80 | id[8] & 63;
    id
}

/// An eighth of all messages.
fn sets_nothing_off(seed: u64) {
    let planted = plant(&[
        ("messages", "The heron lands at dusk"),
        // The same, sent twice.
        ("messages", "The heron lands at dusk"),
        ("messages", "Ο φαροφύλακας αφήνει το κλειδί"),
        ("phone-number", "+447700900377"),
        ("precise-location", "48.8583701,2.2944813"),
    ]);
    let mut dice = Dice(seed);
    let mut all = 0;
    while all < MESSAGES / 8 {
        let (payloads, tokens) = run(&mut dice);
        all += payloads.len();
        let payloads: Vec<&Payload> = payloads.iter().collect();
        let tokens: Vec<&Token> = tokens.iter().collect();
        for detector in RUN_DETECTORS {
            let run = Run::new(&planted, &payloads, &tokens, &[], WORK);
            let mut finds = Vec::new();
            detector.on_run(&run, &mut finds);
            assert_eq!(finds, [], "{}", detector.card().id);
            assert!(!run.is_spent(), "{} ended early", detector.card().id);
        }
    }
}

/// In parts, so that they run side by side.
macro_rules! quiet {
    ($($name:ident: $seed:literal),*) => {$(
        #[test]
        fn $name() {
            sets_nothing_off($seed);
        }
    )*};
}

quiet!(
    sound_encryption_sets_nothing_off: 2026,
    sound_encryption_sets_nothing_off_2: 2027,
    sound_encryption_sets_nothing_off_3: 2028,
    sound_encryption_sets_nothing_off_4: 2029,
    sound_encryption_sets_nothing_off_5: 2030,
    sound_encryption_sets_nothing_off_6: 2031,
    sound_encryption_sets_nothing_off_7: 2032,
    sound_encryption_sets_nothing_off_8: 2033
);
