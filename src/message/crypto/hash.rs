//! Hashes, HMAC, and the key derivations that the TLS family builds from them.

use hmac::{Hmac, KeyInit as _, Mac as _};

/// A hash function of the TLS family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hash {
    /// MD5: record MACs and the PRF of TLS 1.0 and 1.1.
    Md5,
    /// SHA-1: likewise.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
}

impl Hash {
    /// Bytes of a digest.
    pub const fn size(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    /// Digest of the concatenated `parts`.
    pub fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        fn run<D: sha2::Digest>(parts: &[&[u8]]) -> Vec<u8> {
            let mut hash = D::new();
            for part in parts {
                hash.update(part);
            }
            hash.finalize().to_vec()
        }
        match self {
            Self::Md5 => run::<md5::Md5>(parts),
            Self::Sha1 => run::<sha1::Sha1>(parts),
            Self::Sha256 => run::<sha2::Sha256>(parts),
            Self::Sha384 => run::<sha2::Sha384>(parts),
        }
    }

    /// HMAC of the concatenated `parts` (RFC 2104).
    pub fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        macro_rules! run {
            ($hash:ty) => {{
                // HMAC takes keys of any length; an empty answer could only come from a broken library.
                let Ok(mut mac) = Hmac::<$hash>::new_from_slice(key) else { return Vec::new() };
                for part in parts {
                    mac.update(part);
                }
                mac.finalize().into_bytes().to_vec()
            }};
        }
        match self {
            Self::Md5 => run!(md5::Md5),
            Self::Sha1 => run!(sha1::Sha1),
            Self::Sha256 => run!(sha2::Sha256),
            Self::Sha384 => run!(sha2::Sha384),
        }
    }

    /// `P_hash` of TLS (RFC 5246 section 5): `len` bytes from `secret` and the concatenated `seed`.
    fn expand(self, secret: &[u8], seed: &[&[u8]], len: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(len.saturating_add(self.size()));
        let mut a = self.hmac(secret, seed);
        while out.len() < len && !a.is_empty() {
            let mut parts = vec![a.as_slice()];
            parts.extend_from_slice(seed);
            out.extend_from_slice(&self.hmac(secret, &parts));
            a = self.hmac(secret, &[&a]);
        }
        out.truncate(len);
        out
    }

    /// HKDF-Extract (RFC 5869).
    pub fn hkdf_extract(self, salt: &[u8], ikm: &[u8]) -> Vec<u8> {
        self.hmac(salt, &[ikm])
    }

    /// HKDF-Expand-Label (RFC 8446 section 7.1). `prefix` is `tls13 ` for TLS and QUIC, `dtls13` for DTLS. `None` if the
    /// secret is shorter than the hash, or the output longer than HKDF can make.
    pub fn expand_label(self, prefix: &str, secret: &[u8], label: &str, context: &[u8], len: usize) -> Option<Vec<u8>> {
        let wide = u16::try_from(len).ok()?.to_be_bytes();
        let label_len = [u8::try_from(prefix.len().checked_add(label.len())?).ok()?];
        let context_len = [u8::try_from(context.len()).ok()?];
        let info: [&[u8]; 6] = [&wide, &label_len, prefix.as_bytes(), label.as_bytes(), &context_len, context];
        let mut out = vec![0; len];
        match self {
            Self::Sha256 => {
                hkdf::Hkdf::<sha2::Sha256>::from_prk(secret).ok()?.expand_multi_info(&info, &mut out).ok()?;
            }
            Self::Sha384 => {
                hkdf::Hkdf::<sha2::Sha384>::from_prk(secret).ok()?.expand_multi_info(&info, &mut out).ok()?;
            }
            Self::Md5 | Self::Sha1 => return None,
        }
        Some(out)
    }
}

/// The pseudo-random function of TLS 1.2 (RFC 5246 section 5).
pub fn prf12(hash: Hash, secret: &[u8], label: &str, seed: &[&[u8]], len: usize) -> Vec<u8> {
    let mut parts = vec![label.as_bytes()];
    parts.extend_from_slice(seed);
    hash.expand(secret, &parts, len)
}

/// The pseudo-random function of TLS 1.0 and 1.1 (RFC 2246 section 5): MD5 over one half of the secret, SHA-1 over the
/// other, together.
pub fn prf10(secret: &[u8], label: &str, seed: &[&[u8]], len: usize) -> Vec<u8> {
    let half = secret.len().div_ceil(2);
    let first = secret.get(..half).unwrap_or_default();
    let second = secret.get(secret.len().saturating_sub(half)..).unwrap_or_default();
    let mut out = prf12(Hash::Md5, first, label, seed, len);
    for (a, b) in out.iter_mut().zip(prf12(Hash::Sha1, second, label, seed, len)) {
        *a ^= b;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.replace([' ', '\n'], "").as_bytes()).unwrap()
    }

    /// RFC 8448 section 3: the server's handshake traffic secret becomes its write key and IV.
    #[test]
    fn expand_label_agrees_with_rfc_8448() {
        let secret = hex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        let key = Hash::Sha256.expand_label("tls13 ", &secret, "key", &[], 16).unwrap();
        let iv = Hash::Sha256.expand_label("tls13 ", &secret, "iv", &[], 12).unwrap();
        assert_eq!(key, hex("3fce516009c21727d0f2e4e86ee403bc"));
        assert_eq!(iv, hex("5d313eb2671276ee13000b30"));
    }

    /// The published test vector for the SHA-256 PRF of TLS 1.2.
    #[test]
    fn prf12_agrees_with_its_published_vector() {
        let secret = hex("9bbe436ba940f017b17652849a71db35");
        let seed = hex("a0ba9f936cda311827a6f796ffd5198c");
        let out = prf12(Hash::Sha256, &secret, "test label", &[&seed], 100);
        assert!(out.starts_with(&hex("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a")));
        assert_eq!(out.len(), 100);
    }

    #[test]
    fn a_short_secret_gives_nothing() {
        assert_eq!(Hash::Sha384.expand_label("tls13 ", &[1; 32], "key", &[], 32), None);
        assert_eq!(Hash::Sha256.expand_label("tls13 ", &[], "key", &[], 16), None);
    }
}
