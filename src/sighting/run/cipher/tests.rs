use super::sealed::TAG;
use super::*;
use crate::model::scenario::Planted;
use crate::model::taxonomy::Data;
use aes::Aes256;
use aes_gcm::AesGcm;
use aes_gcm::aead::AeadInOut as _;
use aes_gcm::aead::consts::U12;
use data_encoding::HEXLOWER;

const TEXT: &[u8] = br#"{"to":"ivo","text":"The heron lands at dusk"}"#;

fn open(text: &[u8], key: &[u8], beside: &[(Vec<u8>, String)], known: bool) -> Option<Opened> {
    let planted = [Planted { id: "m".into(), data: Data::Messages, value: "The heron lands at dusk".into() }];
    let cribs = crate::sighting::run::crib::cribs(if known { &planted } else { &[] });
    Lock::new(text, true, beside, &cribs, PROOF).open(&Key::new(key), true, &|_| true)
}

/// Every mode, with the initial value in front of the ciphertext, beside it, or none.
#[test]
fn usual_modes_open_with_the_right_key_and_no_other() {
    let key: Vec<u8> = (0..32).map(|i| i * 7 + 3).collect();
    let iv: Vec<u8> = (0..16).map(|i| 200 - i * 5).collect();
    for len in [16, 24, 32, 8] {
        for block in Block::all(&key[..len]) {
            let size = block.size();
            let mut padded = TEXT.to_vec();
            let pad = size - TEXT.len() % size;
            padded.resize(TEXT.len() + pad, u8::try_from(pad).unwrap());
            let mut ecb = padded.clone();
            ecb.chunks_exact_mut(size).for_each(|b| block.encrypt(b));
            let mut cbc = iv[..size].to_vec();
            for chunk in padded.chunks_exact(size) {
                let mut next = chunk.to_vec();
                let before = cbc[cbc.len() - size..].to_vec();
                xor(&mut next, &before);
                block.encrypt(&mut next);
                cbc.extend(next);
            }
            let ctr = [&iv[..size], &block.stream(Mode::Ctr, &iv[..size], TEXT)].concat();
            let ofb = block.stream(Mode::Ofb, &iv[..size], TEXT);
            let beside = [(iv[..size].to_vec(), "iv".to_owned())];
            for (mode, sent) in [("ecb", ecb), ("cbc", cbc.clone()), ("ctr", ctr), ("ofb", ofb)] {
                for known in [false, true] {
                    let opened = open(&sent, &key[..len], &beside, known).unwrap_or_else(|| panic!("{mode} {len}"));
                    assert_eq!(opened.plain, TEXT, "{mode} {len}");
                    assert_eq!(opened.mode, format!("{}-{mode}", block.name()));
                    let mut wrong = key[..len].to_vec();
                    wrong[3] ^= 0x40;
                    assert_eq!(open(&sent, &wrong, &beside, known), None, "{mode} {len}");
                }
            }
            let bare = open(&cbc[size..], &key[..len], &beside, true).unwrap();
            assert_eq!(bare.iv, "in \"iv\" beside it");
        }
    }
}

#[test]
fn tags_and_streams_open() {
    let key: Vec<u8> = (0..32_u8).map(|i| i.wrapping_mul(11).wrapping_add(1)).collect();
    let mut sealed = TEXT.to_vec();
    let nonce: [u8; 12] = std::array::from_fn(|i| u8::try_from(i * 3 + 9).unwrap());
    let cipher = AesGcm::<Aes256, U12>::new_from_slice(&key).unwrap();
    let tag = cipher.encrypt_inout_detached(&nonce.into(), b"", sealed.as_mut_slice().into()).unwrap();
    let sent = [&nonce[..], &sealed, &tag[..]].concat();
    let opened = open(&sent, &key, &[], false).unwrap();
    assert_eq!((opened.plain.as_slice(), opened.mode.as_str(), opened.proof), (TEXT, "aes-256-gcm", TAG));
    let apart = [(nonce.to_vec(), "n".to_owned()), (tag.to_vec(), "tag".to_owned())];
    assert_eq!(open(&sealed, &key, &apart, false).unwrap().plain, TEXT);
    let mut coded = TEXT.to_vec();
    let mut cipher = rc4::Rc4::new_from_slice(b"1732729000").unwrap();
    rc4::StreamCipher::apply_keystream(&mut cipher, &mut coded);
    assert_eq!(open(&coded, b"1732729000", &[], true).unwrap().mode, "rc4");
    assert_eq!(open(&coded, b"1732729001", &[], true), None);
}

#[test]
fn wrapped_keys_unwrap() {
    // RFC 3394, section 4.6.
    let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
    let kek = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    let wrapped = hex("28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21");
    let key = hex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
    assert_eq!(unwrap(&kek, &wrapped), Some(key));
    assert_eq!(unwrap(&kek[..16], &wrapped), None);
    assert_eq!(unwrap(&kek, &wrapped[..17]), None);
}
