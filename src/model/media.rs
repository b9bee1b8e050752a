//! Calls: media streams as a listener sees them, and the keys that open them.

use crate::model::origin::FrameNo;
use crate::model::secret::SecretBytes;
use crate::model::sighting::Place;
use crate::model::stream::{Direction, Layer};
use crate::model::time::Timestamp;

/// How SRTP protects packets: cipher, key lengths, tag.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Profile {
    /// AES-128 in counter mode, HMAC-SHA1 tag of 80 bits (RFC 3711).
    Aes128Cm80,
    /// The same, tag of 32 bits.
    Aes128Cm32,
    /// AES-256 in counter mode, tag of 80 bits (RFC 6188).
    Aes256Cm80,
    /// The same, tag of 32 bits.
    Aes256Cm32,
    /// No encryption, tag of 80 bits.
    Null80,
    /// No encryption, tag of 32 bits.
    Null32,
    /// AES-128-GCM (RFC 7714).
    Aes128Gcm,
    /// AES-256-GCM (RFC 7714).
    Aes256Gcm,
}

impl Profile {
    /// By its number in `use_srtp` (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
    pub const fn of(id: u16) -> Option<Self> {
        Some(match id {
            1 => Self::Aes128Cm80,
            2 => Self::Aes128Cm32,
            5 => Self::Null80,
            6 => Self::Null32,
            7 => Self::Aes128Gcm,
            8 => Self::Aes256Gcm,
            _ => return None,
        })
    }

    /// By its name in `a=crypto` (RFC 4568 section 6.2, RFC 6188, RFC 7714 section 14.1).
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "AES_CM_128_HMAC_SHA1_80" => Self::Aes128Cm80,
            "AES_CM_128_HMAC_SHA1_32" => Self::Aes128Cm32,
            "AES_256_CM_HMAC_SHA1_80" => Self::Aes256Cm80,
            "AES_256_CM_HMAC_SHA1_32" => Self::Aes256Cm32,
            "AEAD_AES_128_GCM" => Self::Aes128Gcm,
            "AEAD_AES_256_GCM" => Self::Aes256Gcm,
            _ => return None,
        })
    }

    /// Its name for people.
    pub fn label(self) -> String {
        match self {
            Self::Aes128Cm80 => "SRTP_AES128_CM_HMAC_SHA1_80",
            Self::Aes128Cm32 => "SRTP_AES128_CM_HMAC_SHA1_32",
            Self::Aes256Cm80 => "SRTP_AES256_CM_HMAC_SHA1_80",
            Self::Aes256Cm32 => "SRTP_AES256_CM_HMAC_SHA1_32",
            Self::Null80 => "SRTP_NULL_HMAC_SHA1_80",
            Self::Null32 => "SRTP_NULL_HMAC_SHA1_32",
            Self::Aes128Gcm => "SRTP_AEAD_AES_128_GCM",
            Self::Aes256Gcm => "SRTP_AEAD_AES_256_GCM",
        }
        .to_owned()
    }

    /// Bytes of a master key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes256Cm80 | Self::Aes256Cm32 | Self::Aes256Gcm => 32,
            _ => 16,
        }
    }

    /// Bytes of a master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => 12,
            _ => 14,
        }
    }

    /// Bytes of the tag behind each packet.
    pub const fn tag_len(self) -> usize {
        match self {
            Self::Aes128Cm80 | Self::Aes256Cm80 | Self::Null80 => 10,
            Self::Aes128Cm32 | Self::Aes256Cm32 | Self::Null32 => 4,
            Self::Aes128Gcm | Self::Aes256Gcm => 16,
        }
    }
}

/// Where a key of media was learned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySource {
    /// From the DTLS handshake on the same flow, with the auditor's key log.
    Dtls,
    /// From a session description that was read: `a=crypto` with an inline key (RFC 4568). Whoever could read the
    /// description can read the call.
    Description(Box<Place>),
}

/// A master key of SRTP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MediaKey {
    /// What it is for.
    pub profile: Profile,
    /// The master key.
    pub key: SecretBytes,
    /// The master salt.
    pub salt: SecretBytes,
    /// Where it was learned.
    pub source: KeySource,
}

/// One packet of a media stream, as it was on the wire.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MediaPacket {
    /// The frame that carried it.
    pub frame: FrameNo,
    /// Sequence number, wraps counted: the first packet's is its own.
    pub sequence: u64,
    /// All of it, header included.
    pub bytes: Vec<u8>,
}

/// One media stream: one source's packets in one direction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MediaStream {
    /// Which way.
    pub direction: Direction,
    /// Synchronization source (RFC 3550 section 3).
    pub ssrc: u32,
    /// The payload type of most of its packets.
    pub payload_type: u8,
    /// Packets seen.
    pub packets: u64,
    /// Their payload bytes, headers left out.
    pub bytes: u64,
    /// When the first was captured.
    pub at: Timestamp,
    /// The layers around it, outermost first.
    pub layers: Vec<Layer>,
    /// The first seconds of it, bounded; in order of arrival.
    pub sample: Vec<MediaPacket>,
}
