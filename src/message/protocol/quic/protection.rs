//! Packet and header protection (RFC 9001 section 5), undone with a secret.

use crate::message::crypto::aead::{Aead, Algorithm};
use crate::message::crypto::hash::Hash;
use crate::message::handshake::suite::{Cipher, Suite};
use crate::message::protocol::quic::packet::number;
use crate::message::protocol::quic::version::Version;
use ring::aead::quic::{AES_128, AES_256, CHACHA20, HeaderProtectionKey};

/// The suite of Initial packets (RFC 9001 section 5.2).
const INITIAL_SUITE: u16 = 0x1301;
/// Packet numbers tried beyond the likely one, for packets behind a loss.
const TRIAL_NUMBERS: u64 = 64;
/// Generations of keys tried beyond the next one, for packets behind a loss.
const TRIAL_GENERATIONS: u32 = 4;

/// What a packet was.
#[derive(Debug)]
pub(super) struct Opened {
    /// Its number.
    pub(super) number: u64,
    /// Where in the packet the plaintext began.
    pub(super) at: usize,
    /// Its frames.
    pub(super) plain: Vec<u8>,
}

/// A header without its protection.
struct Bare {
    bytes: Vec<u8>,
    truncated: u64,
    pn_len: usize,
    phase: bool,
}

/// One generation of packet protection keys.
struct Generation {
    aead: Aead,
    iv: [u8; 12],
}

impl Generation {
    fn new(version: Version, suite: Suite, secret: &[u8]) -> Option<Self> {
        let Cipher::Aead(algorithm) = suite.cipher else { return None };
        let [key, iv, ..] = version.labels();
        let key = suite.hash.expand_label("tls13 ", secret, key, &[], algorithm.key_len())?;
        let iv = suite.hash.expand_label("tls13 ", secret, iv, &[], 12)?.try_into().ok()?;
        Some(Self { aead: Aead::new(algorithm, &key)?, iv })
    }

    fn open(&self, bare: &Bare, number: u64, packet: &[u8]) -> Option<Opened> {
        let mut nonce = self.iv;
        for (to, from) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *to ^= from;
        }
        let at = bare.bytes.len();
        let mut plain = packet.get(at..)?.to_vec();
        self.aead.open(nonce, &bare.bytes, &mut plain, 0).then_some(Opened { number, at, plain })
    }
}

/// Opens the packets of one direction at one level of encryption.
pub(super) struct Opener {
    /// The version it is for.
    pub(super) version: Version,
    suite: Suite,
    mask: HeaderProtectionKey,
    /// The secret of the next generation, once somebody asked for it.
    secret: Vec<u8>,
    previous: Option<Generation>,
    current: Generation,
    /// The key phase bit of the current generation.
    phase: bool,
    /// How many packets it opened.
    opened: u64,
}

impl Opener {
    /// From a traffic secret; `None` if the secret or the suite cannot be right.
    pub(super) fn new(version: Version, suite: Suite, secret: &[u8]) -> Option<Self> {
        if secret.len() != suite.hash.size() {
            return None;
        }
        let Cipher::Aead(algorithm) = suite.cipher else { return None };
        let [_, _, hp, _] = version.labels();
        let kind = match algorithm {
            Algorithm::Aes128Gcm | Algorithm::Aes128Ccm => &AES_128,
            Algorithm::Aes256Gcm => &AES_256,
            Algorithm::ChaCha20Poly1305 => &CHACHA20,
            // QUIC has no use for short tags (RFC 9001 section 5.3).
            _ => return None,
        };
        let key = suite.hash.expand_label("tls13 ", secret, hp, &[], algorithm.key_len())?;
        Some(Self {
            version,
            suite,
            mask: HeaderProtectionKey::new(kind, &key).ok()?,
            secret: secret.to_vec(),
            previous: None,
            current: Generation::new(version, suite, secret)?,
            phase: false,
            opened: 0,
        })
    }

    /// For the Initial packets of one side, from the connection ID that the client chose first.
    pub(super) fn initial(version: Version, dcid: &[u8], of_client: bool) -> Option<Self> {
        let secret = Hash::Sha256.hkdf_extract(&version.salt, dcid);
        let label = if of_client { "client in" } else { "server in" };
        let secret = Hash::Sha256.expand_label("tls13 ", &secret, label, &[], 32)?;
        Self::new(version, Suite::of(INITIAL_SUITE), &secret)
    }

    /// Opens a packet whose number begins at `pn_at`; `largest` is the largest packet number opened so far. `far`: the
    /// packets before it may be missing, so that its number may be far from the likely one.
    pub(super) fn open(&mut self, packet: &[u8], pn_at: usize, largest: Option<u64>, far: bool) -> Option<Opened> {
        let bare = self.unmask(packet, pn_at)?;
        let long = packet.first()? & 0x80 != 0;
        let likely = number(largest, bare.truncated, bare.pn_len);
        let opened = if long || bare.phase == self.phase {
            self.current.open(&bare, likely, packet)
        } else {
            self.previous.as_ref().and_then(|previous| previous.open(&bare, likely, packet))
        };
        let opened = match opened {
            Some(opened) => Some(opened),
            None if long => None,
            None => self.update(&bare, likely, packet),
        };
        let opened = match opened {
            None if far => self.search(&bare, likely, packet),
            other => other,
        };
        self.opened = self.opened.saturating_add(u64::from(opened.is_some()));
        opened
    }

    /// Removes the header protection (RFC 9001 section 5.4).
    fn unmask(&self, packet: &[u8], pn_at: usize) -> Option<Bare> {
        let sample_at = pn_at.checked_add(4)?;
        let sample = packet.get(sample_at..sample_at.checked_add(16)?)?;
        let [first_mask, masks @ ..] = self.mask.new_mask(sample).ok()?;
        let first = *packet.first()?;
        let first = first ^ (first_mask & if first & 0x80 == 0 { 0x1f } else { 0x0f });
        // Reserved bits have to be zero: most packets that this key does not open end here.
        if first & if first & 0x80 == 0 { 0x18 } else { 0x0c } != 0 {
            return None;
        }
        let pn_len = usize::from(first & 3).saturating_add(1);
        let mut bytes = packet.get(..pn_at.checked_add(pn_len)?)?.to_vec();
        *bytes.first_mut()? = first;
        let mut truncated = 0_u64;
        for (byte, mask) in bytes.iter_mut().skip(pn_at).zip(masks) {
            *byte ^= mask;
            truncated = truncated << 8 | u64::from(*byte);
        }
        Some(Bare { bytes, truncated, pn_len, phase: first & 0x04 != 0 })
    }

    /// The next generation of keys, or one after it if updates are lost, may open it (RFC 9001 section 6).
    fn update(&mut self, bare: &Bare, number: u64, packet: &[u8]) -> Option<Opened> {
        if self.opened == 0 {
            // No generation is known to be right yet.
            return None;
        }
        let [.., label] = self.version.labels();
        let mut secret = self.secret.clone();
        let mut phase = self.phase;
        for _ in 0..=TRIAL_GENERATIONS {
            secret = self.suite.hash.expand_label("tls13 ", &secret, label, &[], self.suite.hash.size())?;
            phase = !phase;
            if phase != bare.phase {
                continue;
            }
            let next = Generation::new(self.version, self.suite, &secret)?;
            if let Some(opened) = next.open(bare, number, packet) {
                self.previous = Some(std::mem::replace(&mut self.current, next));
                (self.secret, self.phase) = (secret, phase);
                return Some(opened);
            }
        }
        None
    }

    /// Tries other numbers that end in the same bytes: the capture may lack the packets before.
    fn search(&self, bare: &Bare, likely: u64, packet: &[u8]) -> Option<Opened> {
        let window = 1_u64.checked_shl(u32::try_from(bare.pn_len.saturating_mul(8)).ok()?)?;
        (1..=TRIAL_NUMBERS).find_map(|n| {
            let number = likely.checked_add(window.checked_mul(n)?)?;
            self.current.open(bare, number, packet)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.replace([' ', '\n'], "").as_bytes()).unwrap()
    }

    /// RFC 9001 appendix A.3: the server's Initial packet.
    #[test]
    fn the_servers_initial_of_the_rfc_opens() {
        let packet = hex(
            "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee",
        );
        let version = Version::of(1).unwrap();
        let mut opener = Opener::initial(version, &hex("8394c8f03e515708"), false).unwrap();
        let opened = opener.open(&packet, 18, None, false).unwrap();
        assert_eq!((opened.number, opened.at), (1, 20));
        assert!(opened.plain.starts_with(&hex("02000000000600405a020000560303")));
        assert!(Opener::initial(version, b"another", false).unwrap().open(&packet, 18, None, false).is_none());
    }

    /// RFC 9001 appendix A.5: a short header packet with ChaCha20-Poly1305.
    #[test]
    fn the_short_packet_of_the_rfc_opens() {
        let secret = hex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b");
        let mut opener = Opener::new(Version::of(1).unwrap(), Suite::of(0x1303), &secret).unwrap();
        let packet = hex("4cfe4189655e5cd55c41f69080575d7999c25a5bfb");
        let opened = opener.open(&packet, 1, Some(654_360_563), false).unwrap();
        assert_eq!((opened.number, opened.plain.as_slice()), (654_360_564, &[1][..]));
    }

    /// RFC 9369 appendix A.3: the server's Initial packet of version 2.
    #[test]
    fn the_servers_initial_of_version_two_opens() {
        let packet = hex(
            "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf87263017915358230035f7fd3945d88965cf17f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca84bed8521e2e140",
        );
        let mut opener = Opener::initial(Version::of(0x6b33_43cf).unwrap(), &hex("8394c8f03e515708"), false).unwrap();
        assert_eq!(opener.open(&packet, 18, None, false).unwrap().number, 1);
    }
}
