//! SRTP: session keys from a master key, and packets opened with them (RFC 3711, 6188, 7714).
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::message::crypto::aead::{Aead, Algorithm};
use crate::message::crypto::hash::Hash;
use crate::message::media;
use crate::model::media::{MediaKey, Profile};
use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use ctr::Ctr128BE;

/// Label of the session encryption key (RFC 3711 section 4.3.1).
const ENCRYPTION: u8 = 0;
/// Label of the session authentication key.
const AUTHENTICATION: u8 = 1;
/// Label of the session salt.
const SALTING: u8 = 2;

enum Cipher {
    Counter(Vec<u8>),
    Gcm(Box<Aead>),
    Null,
}

/// Opens the packets of one master key.
pub struct Srtp {
    profile: Profile,
    cipher: Cipher,
    auth: Vec<u8>,
    salt: Vec<u8>,
}

impl Srtp {
    /// Derives the session keys; `None` if the master key or salt has the wrong length.
    pub fn new(key: &MediaKey) -> Option<Self> {
        let profile = key.profile;
        let (master, salt) = (key.key.0.as_slice(), key.salt.0.as_slice());
        if master.len() != profile.key_len() || salt.len() != profile.salt_len() {
            return None;
        }
        let encryption = derive(master, salt, ENCRYPTION, profile.key_len())?;
        let cipher = match profile {
            Profile::Aes128Gcm => Cipher::Gcm(Box::new(Aead::new(Algorithm::Aes128Gcm, &encryption)?)),
            Profile::Aes256Gcm => Cipher::Gcm(Box::new(Aead::new(Algorithm::Aes256Gcm, &encryption)?)),
            Profile::Null80 | Profile::Null32 => Cipher::Null,
            _ => Cipher::Counter(encryption),
        };
        let auth = derive(master, salt, AUTHENTICATION, 20)?;
        Some(Self { profile, cipher, auth, salt: derive(master, salt, SALTING, profile.salt_len())? })
    }

    /// Opens a packet with index `index` (rollover counter and sequence number): its payload, padding still behind it.
    /// `None` if it is not authentic.
    pub fn open(&self, packet: &[u8], index: u64) -> Option<Vec<u8>> {
        let header = media::header(packet)?;
        let text = packet.len().checked_sub(self.profile.tag_len())?;
        let roll = u32::try_from(index >> 16).ok()?.to_be_bytes();
        let [.., i0, i1, i2, i3, i4, i5] = index.to_be_bytes();
        let ssrc = header.ssrc.to_be_bytes();
        if let Cipher::Gcm(aead) = &self.cipher {
            let mut nonce = [0; 12];
            let parts = [0, 0].into_iter().chain(ssrc).chain([i0, i1, i2, i3, i4, i5]);
            for ((to, part), salt) in nonce.iter_mut().zip(parts).zip(&self.salt) {
                *to = part ^ salt;
            }
            let mut body = packet.get(header.len..)?.to_vec();
            return aead.open(nonce, packet.get(..header.len)?, &mut body, 0).then_some(body);
        }
        let (covered, tag) = packet.split_at_checked(text)?;
        if !Hash::Sha1.hmac(&self.auth, &[covered, &roll]).starts_with(tag) {
            return None;
        }
        let mut body = covered.get(header.len..)?.to_vec();
        if let Cipher::Counter(key) = &self.cipher {
            let mut iv = [0; 16];
            let parts = [0; 4].into_iter().chain(ssrc).chain([i0, i1, i2, i3, i4, i5]);
            for ((to, part), salt) in iv.iter_mut().zip(parts).zip(&self.salt) {
                *to = part ^ salt;
            }
            keystream(key, iv, &mut body)?;
        }
        Some(body)
    }
}

/// The key derivation function (RFC 3711 section 4.3.1), with a derivation rate of zero.
fn derive(master: &[u8], salt: &[u8], label: u8, len: usize) -> Option<Vec<u8>> {
    let mut block = [0; 16];
    for (to, from) in block.iter_mut().zip(salt.iter().take(14)) {
        *to = *from;
    }
    *block.get_mut(7)? ^= label;
    let mut out = vec![0; len];
    keystream(master, block, &mut out)?;
    Some(out)
}

/// AES in counter mode over `text`, in place.
fn keystream(key: &[u8], iv: [u8; 16], text: &mut [u8]) -> Option<()> {
    match key.len() {
        16 => Ctr128BE::<aes::Aes128>::new_from_slices(key, &iv).ok()?.try_apply_keystream(text).ok(),
        _ => Ctr128BE::<aes::Aes256>::new_from_slices(key, &iv).ok()?.try_apply_keystream(text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::media::KeySource;
    use crate::model::secret::SecretBytes;

    fn hex(text: &str) -> Vec<u8> {
        let text: String = text.split_whitespace().collect();
        data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap()
    }

    /// RFC 3711 appendix B.2.
    #[test]
    fn counter_mode_agrees_with_the_standard() {
        let mut text = vec![0; 48];
        let iv = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
        keystream(&hex("2B7E151628AED2A6ABF7158809CF4F3C"), iv, &mut text).unwrap();
        assert_eq!(
            text,
            hex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0")
        );
    }

    /// RFC 3711 appendix B.3.
    #[test]
    fn key_derivation_agrees_with_the_standard() {
        let master = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
        assert_eq!(derive(&master, &salt, ENCRYPTION, 16).unwrap(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derive(&master, &salt, SALTING, 14).unwrap(), hex("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(
            derive(&master, &salt, AUTHENTICATION, 20).unwrap(),
            hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
        );
    }

    /// RFC 7714 section 16.1: the session key and salt are given, not the master's.
    #[test]
    fn gcm_agrees_with_the_standard() {
        let packet = "8040f17b 8041f8d3 5501a0b2";
        let text = b"Gallia est omnis divisa in partes tres".to_vec();
        let sealed = |len: usize| match len {
            16 => hex(
                "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
            ),
            _ => hex(
                "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
            ),
        };
        for (profile, algorithm, len) in
            [(Profile::Aes128Gcm, Algorithm::Aes128Gcm, 16_u8), (Profile::Aes256Gcm, Algorithm::Aes256Gcm, 32)]
        {
            let key: Vec<u8> = (0..len).collect();
            let srtp = Srtp {
                profile,
                cipher: Cipher::Gcm(Box::new(Aead::new(algorithm, &key).unwrap())),
                auth: Vec::new(),
                salt: hex("51756964 2070726f 2071756f"),
            };
            let packet = [hex(packet), sealed(usize::from(len))].concat();
            assert_eq!(srtp.open(&packet, 0xf17b).as_deref(), Some(text.as_slice()), "{profile:?}");
            assert_eq!(srtp.open(&packet, 0x1_f17b), None);
        }
    }

    #[test]
    fn a_wrong_key_a_wrong_index_and_a_changed_packet_open_nothing() {
        let key = |byte: u8| MediaKey {
            profile: Profile::Aes128Cm80,
            key: SecretBytes(vec![byte; 16]),
            salt: SecretBytes(vec![3; 14]),
            source: KeySource::Dtls,
        };
        let srtp = Srtp::new(&key(1)).unwrap();
        // Sealed by hand with what the other tests hold against the standard.
        let mut packet = hex("8000 0007 00000010 0000002a");
        let mut body = b"The heron lands at dusk".to_vec();
        let mut iv = [0; 16];
        let index = 7_u64;
        let parts = [0; 4].into_iter().chain([0, 0, 0, 0x2a]).chain([0, 0, 0, 0, 0, 7]);
        for ((to, part), salt) in iv.iter_mut().zip(parts).zip(&srtp.salt) {
            *to = part ^ salt;
        }
        let Cipher::Counter(session) = &srtp.cipher else { panic!() };
        keystream(session, iv, &mut body).unwrap();
        packet.extend(body);
        let tag = Hash::Sha1.hmac(&srtp.auth, &[&packet, &[0; 4]]);
        packet.extend(&tag[..10]);
        assert_eq!(srtp.open(&packet, index).as_deref(), Some(b"The heron lands at dusk".as_slice()));
        assert_eq!(srtp.open(&packet, index | 1 << 16), None);
        assert_eq!(Srtp::new(&key(2)).unwrap().open(&packet, index), None);
        packet[14] ^= 1;
        assert_eq!(srtp.open(&packet, index), None);
        assert!(Srtp::new(&MediaKey { key: SecretBytes(vec![1; 15]), ..key(1) }).is_none());
    }
}
