//! What a cipher suite stands for, read from its registered name.

use crate::message::crypto::aead::Algorithm;
use crate::message::crypto::cbc::Block;
use crate::message::crypto::hash::Hash;
use tls_parser::TlsCipherSuite;

/// How a suite protects records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cipher {
    /// An AEAD.
    Aead(Algorithm),
    /// CBC with an HMAC.
    Cbc(Block, Hash),
    /// RC4 with an HMAC.
    Rc4(Hash),
    /// Nothing but an HMAC, or not even that.
    Null(Option<Hash>),
    /// Something that is known by name only.
    Unsupported,
}

/// A cipher suite.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Suite {
    /// Its number.
    pub id: u16,
    /// Its registered name; `None` if it is not registered.
    pub name: Option<&'static str>,
    /// How it protects records.
    pub cipher: Cipher,
    /// The hash of its key schedule from TLS 1.2 on.
    pub hash: Hash,
}

impl Suite {
    /// The suite with this number.
    pub fn of(id: u16) -> Self {
        let Some(known) = TlsCipherSuite::from_id(id) else {
            return Self { id, name: None, cipher: Cipher::Unsupported, hash: Hash::Sha256 };
        };
        let name = known.name;
        // TLS 1.3 names have no key exchange in front.
        let tail = name.split_once("_WITH_").map_or_else(|| name.trim_start_matches("TLS_"), |(_, tail)| tail);
        let hash = if name.ends_with("_SHA384") { Hash::Sha384 } else { Hash::Sha256 };
        let cipher = if name.contains("_EXPORT_") { Cipher::Unsupported } else { cipher(tail) };
        Self { id, name: Some(name), cipher, hash }
    }

    /// Its name for people: as registered, else hex.
    pub fn label(&self) -> String {
        self.name.map_or_else(|| format!("0x{:04x}", self.id), str::to_owned)
    }

    /// Why sessions with this suite are provably weak, worst first; `None` if they are not.
    pub fn weakness(&self) -> Option<&'static str> {
        let name = self.name?;
        let has = |word: &str| name.contains(word);
        if has("_WITH_NULL_") || matches!(self.id, 0xc0b4 | 0xc0b5) {
            Some("no encryption (NULL cipher)")
        } else if has("_EXPORT_") {
            Some("export-grade encryption of 40 bits")
        } else if has("_anon_") {
            Some("server not authenticated (anonymous key exchange)")
        } else if has("_RC4_") {
            Some("RC4 (prohibited by RFC 7465)")
        } else if has("_3DES_") {
            Some("3DES (blocks of 64 bits)")
        } else if has("_DES") {
            Some("DES (keys of 56 bits)")
        } else {
            None
        }
    }

    /// Whether records of this suite hide their content.
    pub fn is_secret(&self) -> bool {
        !matches!(self.cipher, Cipher::Null(_)) && !matches!(self.id, 0xc0b4 | 0xc0b5)
    }

    /// The key exchange as the name says it: `ECDHE_RSA`, `RSA`, `PSK`; `None` for TLS 1.3.
    pub fn key_exchange(&self) -> Option<&'static str> {
        Some(self.name?.strip_prefix("TLS_")?.split_once("_WITH_")?.0)
    }
}

fn cipher(tail: &str) -> Cipher {
    let mac = || match tail.rsplit('_').next() {
        Some("MD5") => Some(Hash::Md5),
        Some("SHA") => Some(Hash::Sha1),
        Some("SHA256") => Some(Hash::Sha256),
        Some("SHA384") => Some(Hash::Sha384),
        _ => None,
    };
    let cbc = |block| mac().map_or(Cipher::Unsupported, |mac| Cipher::Cbc(block, mac));
    let starts = |prefix: &str| tail.starts_with(prefix);
    if starts("AES_128_GCM") {
        Cipher::Aead(Algorithm::Aes128Gcm)
    } else if starts("AES_256_GCM") {
        Cipher::Aead(Algorithm::Aes256Gcm)
    } else if starts("CHACHA20_POLY1305") {
        Cipher::Aead(Algorithm::ChaCha20Poly1305)
    } else if starts("AES_128_CCM_8") {
        Cipher::Aead(Algorithm::Aes128Ccm8)
    } else if starts("AES_256_CCM_8") {
        Cipher::Aead(Algorithm::Aes256Ccm8)
    } else if starts("AES_128_CCM") {
        Cipher::Aead(Algorithm::Aes128Ccm)
    } else if starts("AES_256_CCM") {
        Cipher::Aead(Algorithm::Aes256Ccm)
    } else if starts("AES_128_CBC") {
        cbc(Block::Aes128)
    } else if starts("AES_256_CBC") {
        cbc(Block::Aes256)
    } else if starts("3DES_EDE_CBC") {
        cbc(Block::TripleDes)
    } else if starts("DES_CBC") {
        cbc(Block::Des)
    } else if starts("RC4_128") {
        mac().map_or(Cipher::Unsupported, Cipher::Rc4)
    } else if starts("NULL") {
        Cipher::Null(mac())
    } else {
        Cipher::Unsupported
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_suites_do() {
        for (id, cipher, hash) in [
            (0x1301, Cipher::Aead(Algorithm::Aes128Gcm), Hash::Sha256),
            (0x1302, Cipher::Aead(Algorithm::Aes256Gcm), Hash::Sha384),
            (0x1303, Cipher::Aead(Algorithm::ChaCha20Poly1305), Hash::Sha256),
            (0x1304, Cipher::Aead(Algorithm::Aes128Ccm), Hash::Sha256),
            (0x1305, Cipher::Aead(Algorithm::Aes128Ccm8), Hash::Sha256),
            (0xc028, Cipher::Cbc(Block::Aes256, Hash::Sha384), Hash::Sha384),
            (0xc013, Cipher::Cbc(Block::Aes128, Hash::Sha1), Hash::Sha256),
            (0x0005, Cipher::Rc4(Hash::Sha1), Hash::Sha256),
            (0x0002, Cipher::Null(Some(Hash::Sha1)), Hash::Sha256),
            (0x0000, Cipher::Null(None), Hash::Sha256),
            (0x0003, Cipher::Unsupported, Hash::Sha256),
            (0xcafe, Cipher::Unsupported, Hash::Sha256),
        ] {
            let suite = Suite::of(id);
            assert_eq!((suite.cipher, suite.hash), (cipher, hash), "{id:04x}");
        }
        assert_eq!(Suite::of(0xcafe).label(), "0xcafe");
        assert_eq!(Suite::of(0xc02f).key_exchange(), Some("ECDHE_RSA"));
        assert_eq!(Suite::of(0x1301).key_exchange(), None);
    }

    #[test]
    fn exactly_the_obsolete_is_weak() {
        for (id, weak) in [
            (0x0002, true),  // NULL
            (0x0003, true),  // export
            (0x0034, true),  // anonymous
            (0x0005, true),  // RC4
            (0x0009, true),  // DES
            (0x000a, true),  // 3DES
            (0xc0b4, true),  // integrity only
            (0xc014, false), // ECDHE with CBC: a fact, no weakness
            (0x002f, false),
            (0x1301, false),
        ] {
            assert_eq!(Suite::of(id).weakness().is_some(), weak, "{id:04x}");
        }
    }
}
