//! A key that was sent is found, whatever else was sent: how much of it, in which order, how long, and what is inside.

use super::honest::{Dice, gzip, seal};
use super::plant;
use super::runs::payload;
use crate::model::budget;
use crate::model::payload::{Payload, Token};
use crate::sighting::detector::RUN_DETECTORS;
use crate::sighting::run::{Run, RunDetector};
use aes_gcm::AesGcm;
use aes_gcm::aead::consts::U12;
use aes_gcm::aes::Aes256;
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use data_encoding::{BASE64, HEXLOWER};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use sha2::Sha256;
use std::io::Write as _;
use std::sync::Arc;

const TEXT: &[u8] = br#"{"id":81,"text":"The heron lands at dusk"}"#;

fn detector() -> &'static dyn RunDetector {
    *RUN_DETECTORS.iter().find(|detector| detector.card().id == "key-in-traffic").unwrap()
}

fn token(name: &str, bytes: &[u8]) -> Token {
    Token { bytes: bytes.to_vec(), name: name.to_owned(), trail: Vec::new(), capture: "c".into(), frame: 1 }
}

/// Indices of the payloads that were opened, and of those that were not tried for want of steps.
fn opened(payloads: &[Payload], tokens: &[Token], work: u64) -> (Vec<usize>, Vec<usize>) {
    let planted = plant(&[("messages", "The heron lands at dusk")]);
    let (payloads, tokens): (Vec<&Payload>, Vec<&Token>) = (payloads.iter().collect(), tokens.iter().collect());
    let run = Run::new(&planted, &payloads, &tokens, &[], work);
    let mut finds = Vec::new();
    detector().on_run(&run, &mut finds);
    let mut opened: Vec<usize> = finds.iter().flat_map(|find| &find.proof).map(|proof| proof.payload).collect();
    opened.sort_unstable();
    (opened, run.untried().into_iter().collect())
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// What apps put inside: text, text in fields, text compressed.
fn insides(dice: &mut Dice) -> Vec<Vec<u8>> {
    let fields = [&[0x0a, 16][..], &dice.bytes(16), &[0x12, 32], &dice.bytes(32), &[0x22, 42], TEXT].concat();
    vec![TEXT.to_vec(), fields, gzip(TEXT), zlib(TEXT)]
}

/// Ids of such a length in characters.
fn ids(dice: &mut Dice, len: usize, many: usize) -> Vec<Token> {
    let mut id = || match len {
        24 => BASE64.encode(&dice.bytes(18)),
        32 => HEXLOWER.encode(&dice.bytes(16)),
        _ => BASE64.encode(&dice.bytes(32)),
    };
    (0..many).map(|_| token("token", id().as_bytes())).collect()
}

#[test]
fn a_key_sent_elsewhere_is_found_whatever_else_was_sent() {
    let mut dice = Dice(9);
    let alone: Arc<[Token]> = Arc::from([token("seq", b"81")]);
    for (many, lengths) in [(0, &[24][..]), (20, &[32]), (40, &[24, 44]), (100, &[32]), (400, &[24])] {
        for len in lengths.iter().copied() {
            let key = dice.bytes(32);
            let inside = insides(&mut dice).swap_remove(dice.below(4));
            let sealed: Vec<Vec<u8>> = (0..3)
                .map(|_| match dice.below(3) {
                    0 => seal::<AesGcm<Aes256, U12>>(&key, &dice.bytes(12), &inside),
                    1 => seal::<ChaCha20Poly1305>(&key, &dice.bytes(12), &inside),
                    _ => seal::<XChaCha20Poly1305>(&key, &dice.bytes(24), &inside),
                })
                .collect();
            let mut payloads: Vec<Payload> =
                sealed.into_iter().enumerate().map(|(at, bytes)| payload(at, bytes, &alone)).collect();
            // Other things are sealed as well.
            for at in 0..2 {
                let other = payload(3 + at, dice.bytes(100 + 40 * at), &alone);
                payloads.push(Payload { slot: format!("PUT /{at}"), ..other });
            }
            let mut tokens = ids(&mut dice, len, many);
            tokens.insert(dice.below(many + 1), token("it", BASE64.encode(&key).as_bytes()));
            let (opened, untried) = opened(&payloads, &tokens, budget::RUN_WORK);
            assert_eq!((opened, untried), (vec![0, 1, 2], vec![]), "{many} of {len}");
        }
    }
}

#[test]
fn one_message_of_many_with_its_own_key_is_found() {
    let mut dice = Dice(10);
    for many in [2, 6, 11, 40] {
        for at in [0, many / 2, many - 1] {
            for longer in [false, true] {
                let payloads: Vec<Payload> = (0..many)
                    .map(|index| {
                        let key = dice.bytes(32);
                        let text = if (index == at) == longer { [TEXT, TEXT].concat() } else { TEXT.to_vec() };
                        let sealed = seal::<AesGcm<Aes256, U12>>(&key, &dice.bytes(12), &text);
                        let told = if index == at { key } else { dice.bytes(32) };
                        payload(index, sealed, &Arc::from([token("kid", BASE64.encode(&told).as_bytes())]))
                    })
                    .collect();
                let all: Vec<Token> = Vec::new();
                assert_eq!(opened(&payloads, &all, budget::RUN_WORK).0, [at], "{at} of {many}");
            }
        }
    }
}

/// Ciphers without a tag, each with what is compressed: its checksum is the proof.
#[test]
fn compressed_text_is_proof_where_no_tag_is() {
    let mut dice = Dice(11);
    let alone: Arc<[Token]> = Arc::from([]);
    let (key, iv) = (dice.bytes(32), dice.bytes(16));
    for inside in [gzip(TEXT), zlib(TEXT)] {
        for sealed in [cbc(&key, &iv, &inside), ctr(&key, &iv, &inside), rc4(&key, &inside)] {
            for (told, want) in [(key.clone(), vec![0]), (dice.bytes(32), vec![])] {
                let tokens = [token("it", HEXLOWER.encode(&told).as_bytes())];
                let payloads = [payload(0, sealed.clone(), &alone)];
                assert_eq!(opened(&payloads, &tokens, budget::RUN_WORK).0, want);
            }
        }
    }
}

fn cbc(key: &[u8], iv: &[u8], text: &[u8]) -> Vec<u8> {
    use cbc::cipher::{Array, BlockModeEncrypt as _, KeyIvInit as _};
    let pad = 16 - text.len() % 16;
    let mut padded = text.to_vec();
    padded.resize(text.len() + pad, u8::try_from(pad).unwrap());
    let mut mode = cbc::Encryptor::<Aes256>::new_from_slices(key, iv).unwrap();
    mode.encrypt_blocks(Array::slice_as_chunks_mut(&mut padded).0);
    [iv, &padded].concat()
}

fn ctr(key: &[u8], iv: &[u8], text: &[u8]) -> Vec<u8> {
    use aes_gcm::aes::cipher::{KeyIvInit as _, StreamCipher as _};
    let mut sealed = text.to_vec();
    ctr::Ctr128BE::<Aes256>::new_from_slices(key, iv).unwrap().apply_keystream(&mut sealed);
    [iv, &sealed].concat()
}

fn rc4(key: &[u8], text: &[u8]) -> Vec<u8> {
    use aes_gcm::aes::cipher::KeyInit as _;
    let mut sealed = text.to_vec();
    rc4::StreamCipher::apply_keystream(&mut rc4::Rc4::new_from_slice(key).unwrap(), &mut sealed);
    sealed
}

/// Where steps run out the payloads that were not tried are told, and nothing else is.
#[test]
fn what_was_not_tried_is_told() {
    let mut dice = Dice(12);
    let alone: Arc<[Token]> = Arc::from([]);
    let payloads: Vec<Payload> = (0..5).map(|at| payload(at, dice.bytes(200), &alone)).collect();
    let tokens = ids(&mut dice, 44, 40);
    assert_eq!(opened(&payloads, &tokens, budget::RUN_WORK), (vec![], vec![]));
    let (found, untried) = opened(&payloads, &tokens, 2_000);
    assert_eq!((found.len(), untried.len()), (0, 1), "one of its kind is enough: {untried:?}");
    // Unwrapping keys with keys takes more than there is; that alone leaves no payload untried.
    let tokens: Vec<Token> = [24, 44].into_iter().flat_map(|len| ids(&mut dice, len, 150)).collect();
    assert_eq!(opened(&payloads, &tokens, budget::RUN_WORK), (vec![], vec![]));
}

/// Seals the text under a key, in one of three ways.
fn sealed(dice: &mut Dice, key: &[u8], way: usize) -> Vec<u8> {
    match way % 3 {
        0 => seal::<AesGcm<Aes256, U12>>(key, &dice.bytes(12), TEXT),
        1 => seal::<ChaCha20Poly1305>(key, &dice.bytes(12), TEXT),
        _ => seal::<XChaCha20Poly1305>(key, &dice.bytes(24), TEXT),
    }
}

/// Payloads of one kind, with nothing beside them.
fn alone(sent: Vec<Vec<u8>>) -> Vec<Payload> {
    let beside: Arc<[Token]> = Arc::from([]);
    sent.into_iter().enumerate().map(|(index, bytes)| payload(index, bytes, &beside)).collect()
}

#[test]
fn a_key_in_the_payload_itself_is_found_in_front_and_behind() {
    let mut dice = Dice(21);
    for way in 0..3 {
        for front in [&b""[..], &[1], b"ENC2", &[7, 0, 0, 1, 9]] {
            for behind in [false, true] {
                for many in [1, 5] {
                    // One payload alone does not tell a long head.
                    if many == 1 && front.len() == 5 {
                        continue;
                    }
                    let mut sent = Vec::new();
                    for _ in 0..many {
                        let key = dice.bytes(32);
                        let text = sealed(&mut dice, &key, way);
                        let parts = if behind { [front, &text, &key] } else { [front, &key, &text] };
                        sent.push(parts.concat());
                    }
                    let (opened, _) = opened(&alone(sent), &[], budget::RUN_WORK);
                    assert_eq!(opened, (0..many).collect::<Vec<_>>(), "{way}, behind {front:?}, {behind}");
                }
            }
        }
    }
    // Without its key nothing opens.
    let sent = (0..5).map(|_| [&dice.bytes(32)[..], &sealed(&mut Dice(5), &[7; 32], 0)].concat()).collect();
    assert_eq!(opened(&alone(sent), &[], budget::RUN_WORK).0, Vec::<usize>::new());
}

#[test]
fn what_stands_in_front_of_the_nonce_hides_no_key() {
    let mut dice = Dice(22);
    for way in 0..3 {
        for front in [vec![1], vec![0x80, 3], b"MSG1".to_vec(), dice.bytes(16), dice.bytes(33)] {
            let key = dice.bytes(32);
            let sent = (0..4).map(|_| [&front[..], &sealed(&mut dice, &key, way)].concat()).collect();
            let tokens = [token("k", &key), token("session", &dice.bytes(32))];
            let (opened, _) = opened(&alone(sent), &tokens, budget::RUN_WORK);
            assert_eq!(opened, [0, 1, 2, 3], "{way}, behind {front:?}");
        }
    }
}

#[test]
fn keys_made_of_values_and_names_are_found() {
    let mut dice = Dice(23);
    let (secret, salt) = (dice.bytes(32), dice.bytes(16));
    let hkdf = |salt: Option<&[u8]>, info: &[u8]| {
        let mut key = [0; 32];
        hkdf::Hkdf::<Sha256>::new(salt, &secret).expand(info, &mut key).unwrap();
        key.to_vec()
    };
    let stretch = |salt: &[u8], times: u32| {
        let mut key = [0; 32];
        let times = std::num::NonZeroU32::new(times).unwrap();
        ring::pbkdf2::derive(ring::pbkdf2::PBKDF2_HMAC_SHA256, times, salt, b"tulip-7710", &mut key);
        key.to_vec()
    };
    let (room, shared) = (token("room_secret", &secret), token("salt", &salt));
    let (pass, user) = (token("passphrase", b"tulip-7710"), token("user_id", b"u-81733"));
    let rounds = token("iterations", b"3000");
    for (what, key, tokens) in [
        ("a usual info", hkdf(None, b"encryption key"), vec![room.clone()]),
        ("no info, no salt", hkdf(None, b""), vec![room.clone()]),
        ("the app's name", hkdf(Some(&salt), b"chatterly"), vec![room.clone(), shared.clone()]),
        ("an info that was sent", hkdf(Some(&salt), b"room/81"), vec![room.clone(), shared, token("info", b"room/81")]),
        ("the user's id", stretch(b"u-81733", 1_000), vec![pass.clone(), user.clone()]),
        ("the user's id, so often", stretch(b"u-81733", 3_000), vec![pass.clone(), user, rounds]),
    ] {
        let mut payloads = alone((0..3).map(|way| sealed(&mut dice, &key, way)).collect());
        for payload in &mut payloads {
            payload.place.authority = Some("api.chatterly.example".into());
        }
        assert_eq!(opened(&payloads, &tokens, budget::RUN_WORK).0, [0, 1, 2], "{what}");
        let others = [token("room_secret", &dice.bytes(32)), token("passphrase", b"tulip-7711")];
        assert_eq!(opened(&payloads, &others, budget::RUN_WORK).0, Vec::<usize>::new(), "{what}, another value");
    }
}

#[test]
fn what_openssl_stretches_a_passphrase_for_is_opened() {
    // openssl enc -aes-256-cbc -pbkdf2 -pass pass:tulip-7710, and the same with another salt.
    let sent: Vec<Vec<u8>> = OPENSSL.iter().map(|hex| HEXLOWER.decode(hex.as_bytes()).unwrap()).collect();
    let payloads = alone(sent);
    assert_eq!(opened(&payloads, &[token("passphrase", b"tulip-7710")], budget::RUN_WORK).0, [0, 1]);
    assert_eq!(opened(&payloads, &[token("passphrase", b"tulip-7711")], budget::RUN_WORK).0, Vec::<usize>::new());
}

const OPENSSL: [&str; 2] = [
    "53616c7465645f5f1cb7637b6957ac5d9a98c5b94088415dd7b7d0ff9abc7d1f5e8e128c80536f9c611273b2a37a6afe18b610303f692eba995cd9b66342b774",
    "53616c7465645f5f00112233445566ff0b29b5f6d4ce1b07f5329fecb4e5d9eb45dd4b4d8c26081a44dd87306466cb94ea2bb303e5e6620e3c57b9fe66163e8e",
];
