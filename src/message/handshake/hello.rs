//! `ClientHello`, `ServerHello` and the extensions that decide how a session is protected (RFC 8446 section 4.1).
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Malformed};

/// `server_name`.
pub const EXT_SERVER_NAME: u16 = 0;
/// `truncated_hmac` (RFC 6066).
pub const EXT_TRUNCATED_HMAC: u16 = 4;
/// `supported_groups`.
pub const EXT_GROUPS: u16 = 10;
/// `signature_algorithms`.
pub const EXT_SIGNATURES: u16 = 13;
/// `use_srtp` (RFC 5764).
pub const EXT_USE_SRTP: u16 = 14;
/// `application_layer_protocol_negotiation`.
pub const EXT_ALPN: u16 = 16;
/// `encrypt_then_mac` (RFC 7366).
pub const EXT_ENCRYPT_THEN_MAC: u16 = 22;
/// `extended_master_secret` (RFC 7627).
pub const EXT_EXTENDED_MASTER_SECRET: u16 = 23;
/// `pre_shared_key`.
pub const EXT_PRE_SHARED_KEY: u16 = 41;
/// `early_data`.
pub const EXT_EARLY_DATA: u16 = 42;
/// `supported_versions`.
pub const EXT_VERSIONS: u16 = 43;
/// `key_share`.
pub const EXT_KEY_SHARE: u16 = 51;
/// `connection_id` (RFC 9146).
pub const EXT_CONNECTION_ID: u16 = 54;
/// `encrypted_client_hello` (RFC 9849).
pub const EXT_ECH: u16 = 0xfe0d;

/// Extensions one hello may have; more is nothing any stack sends.
const EXTENSIONS: usize = 256;

/// The random of a `ServerHello` that is a `HelloRetryRequest` (RFC 8446 section 4.1.3).
const HELLO_RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Whether a registry value is one of the reserved ones that clients send to keep servers tolerant (RFC 8701).
pub const fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// One extension, uninterpreted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Extension {
    /// Its number.
    pub id: u16,
    /// Its content.
    pub data: Vec<u8>,
}

/// What a client offered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientHello {
    /// `legacy_version`.
    pub version: u16,
    /// Its random.
    pub random: [u8; 32],
    /// `legacy_session_id`.
    pub session_id: Vec<u8>,
    /// Cipher suites, in order.
    pub suites: Vec<u16>,
    /// Extensions, in order.
    pub extensions: Vec<Extension>,
}

/// What a server chose.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerHello {
    /// The version chosen, `supported_versions` taken into account.
    pub version: u16,
    /// Its random.
    pub random: [u8; 32],
    /// The session id it gives or repeats.
    pub session_id: Vec<u8>,
    /// The cipher suite.
    pub suite: u16,
    /// The compression method.
    pub compression: u8,
    /// Extensions, in order.
    pub extensions: Vec<Extension>,
}

fn extensions(cursor: &mut Cursor<'_>) -> Result<Vec<Extension>, Malformed> {
    let mut out = Vec::new();
    if cursor.is_empty() {
        return Ok(out);
    }
    let mut list = cursor.sub_u16("extensions")?;
    while !list.is_empty() {
        if out.len() >= EXTENSIONS {
            return Err(Malformed::TooLarge("extensions"));
        }
        let id = list.u16("extension type")?;
        let data = list.sub_u16("extension")?.rest().to_vec();
        out.push(Extension { id, data });
    }
    Ok(out)
}

fn find(extensions: &[Extension], id: u16) -> Option<&[u8]> {
    extensions.iter().find(|extension| extension.id == id).map(|extension| extension.data.as_slice())
}

/// A list of 16-bit values behind a two-byte length.
fn values(data: &[u8]) -> Vec<u16> {
    let mut cursor = Cursor::new(data);
    let mut out = Vec::new();
    if let Ok(mut list) = cursor.sub_u16("list") {
        while let Ok(value) = list.u16("value") {
            out.push(value);
        }
    }
    out
}

fn protocols(data: &[u8]) -> Vec<Vec<u8>> {
    let mut cursor = Cursor::new(data);
    let mut out = Vec::new();
    if let Ok(mut list) = cursor.sub_u16("protocol names") {
        while let Ok(name) = list.sub_u8("protocol name") {
            out.push(name.rest().to_vec());
        }
    }
    out
}

impl ClientHello {
    /// Reads the body of a `ClientHello`, without its four-byte handshake header.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        Self::read(body, false)
    }

    /// Reads the body of a `ClientHello` of DTLS, which has a cookie behind the session id (RFC 6347 section 4.2.1).
    pub fn parse_dtls(body: &[u8]) -> Result<Self, Malformed> {
        Self::read(body, true)
    }

    fn read(body: &[u8], cookie: bool) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        let version = cursor.u16("client version")?;
        let random = cursor.array("client random")?;
        let session_id = cursor.sub_u8("session id")?.rest().to_vec();
        if cookie {
            cursor.sub_u8("cookie")?;
        }
        let mut list = cursor.sub_u16("cipher suites")?;
        let mut suites = Vec::new();
        while !list.is_empty() {
            suites.push(list.u16("cipher suite")?);
        }
        cursor.sub_u8("compression methods")?;
        Ok(Self { version, random, session_id, suites, extensions: extensions(&mut cursor)? })
    }

    /// The content of an extension.
    pub fn extension(&self, id: u16) -> Option<&[u8]> {
        find(&self.extensions, id)
    }

    /// The host name it asks for, lower case, if it is one that can be printed.
    pub fn server_name(&self) -> Option<String> {
        let mut cursor = Cursor::new(self.extension(EXT_SERVER_NAME)?);
        let mut list = cursor.sub_u16("server names").ok()?;
        while !list.is_empty() {
            let kind = list.u8("name type").ok()?;
            let name = list.sub_u16("server name").ok()?.rest();
            if kind == 0 {
                return host_name(name);
            }
        }
        None
    }

    /// The host name as it stands there, whatever it is.
    pub fn raw_server_name(&self) -> Option<&[u8]> {
        let mut cursor = Cursor::new(self.extension(EXT_SERVER_NAME)?);
        let mut list = cursor.sub_u16("server names").ok()?;
        while !list.is_empty() {
            let kind = list.u8("name type").ok()?;
            let name = list.sub_u16("server name").ok()?.rest();
            if kind == 0 {
                return Some(name);
            }
        }
        None
    }

    /// What it says with `encrypted_client_hello` (RFC 9849 section 5), if it does.
    pub fn ech(&self) -> Option<Ech> {
        let data = self.extension(EXT_ECH)?;
        let mut cursor = Cursor::new(data);
        let read = |cursor: &mut Cursor<'_>| -> Result<Ech, Malformed> {
            if cursor.u8("ECH type")? == 1 {
                return Ok(Ech::Inner);
            }
            let (kdf, aead) = (cursor.u16("ECH KDF")?, cursor.u16("ECH AEAD")?);
            cursor.u8("ECH configuration")?;
            let key = cursor.sub_u16("ECH key")?.rest().len();
            let payload = cursor.sub_u16("ECH payload")?.rest().len();
            Ok(Ech::Outer { kdf, aead, key, payload })
        };
        Some(read(&mut cursor).unwrap_or(Ech::Malformed))
    }

    /// The application protocols it offers.
    pub fn alpn(&self) -> Vec<Vec<u8>> {
        self.extension(EXT_ALPN).map(protocols).unwrap_or_default()
    }

    /// The highest version it offers, GREASE left out.
    pub fn highest_version(&self) -> u16 {
        let Some(data) = self.extension(EXT_VERSIONS) else { return self.version };
        let mut cursor = Cursor::new(data);
        let mut best = None;
        if let Ok(mut list) = cursor.sub_u8("versions") {
            while let Ok(version) = list.u16("version") {
                if !is_grease(version) {
                    best = best.max(Some(version));
                }
            }
        }
        best.unwrap_or(self.version)
    }

    /// The highest version of DTLS it offers: their numbers go down.
    pub fn highest_dtls(&self) -> u16 {
        let listed = self.extension(EXT_VERSIONS).and_then(|data| {
            let mut list = Cursor::new(data).sub_u8("versions").ok()?;
            let mut best: Option<u16> = None;
            while let Ok(version) = list.u16("version") {
                if version >> 8 == 0xfe {
                    best = Some(best.map_or(version, |best| best.min(version)));
                }
            }
            best
        });
        listed.unwrap_or(self.version)
    }

    /// The signature algorithms it offers, in order.
    pub fn signature_algorithms(&self) -> Vec<u16> {
        self.extension(EXT_SIGNATURES).map(values).unwrap_or_default()
    }
}

/// What a hello says with `encrypted_client_hello`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ech {
    /// It is an inner hello: nobody but the two ends should see it.
    Inner,
    /// It carries an inner hello, or noise of the same shape (GREASE): that the two cannot be told apart by others is
    /// what the noise is for. A key of length 0 is the second hello after a retry.
    Outer {
        /// HPKE key derivation.
        kdf: u16,
        /// HPKE cipher.
        aead: u16,
        /// Bytes of the encapsulated key.
        key: usize,
        /// Bytes of the payload.
        payload: usize,
    },
    /// It is not what the extension allows.
    Malformed,
}

impl Ech {
    /// For people. What gives noise away is a cipher that HPKE does not have, a key that no group has, or a payload too
    /// short for a hello.
    pub fn says(self) -> String {
        match self {
            Self::Inner => "inner hello".to_owned(),
            Self::Malformed => "malformed extension".to_owned(),
            Self::Outer { kdf, aead, key, payload } => {
                let known = matches!(kdf, 1..=3) && matches!(aead, 1..=3) && matches!(key, 0 | 32 | 56 | 65 | 97 | 133);
                // A tag, and the least a hello has: version, random, three lengths, a suite.
                let noise = !known || payload < 16 + 42;
                let what =
                    if noise { "GREASE: no such offer could be opened" } else { "outer hello, or GREASE of its shape" };
                format!("{what}; {payload} bytes")
            }
        }
    }
}

impl ServerHello {
    /// Reads the body of a `ServerHello`, without its four-byte handshake header.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        let mut version = cursor.u16("server version")?;
        let random = cursor.array("server random")?;
        let session_id = cursor.sub_u8("session id")?.rest().to_vec();
        let suite = cursor.u16("cipher suite")?;
        let compression = cursor.u8("compression method")?;
        let extensions = extensions(&mut cursor)?;
        if let Some(chosen) = find(&extensions, EXT_VERSIONS) {
            version = Cursor::new(chosen).u16("chosen version")?;
        }
        Ok(Self { version, random, session_id, suite, compression, extensions })
    }

    /// The content of an extension.
    pub fn extension(&self, id: u16) -> Option<&[u8]> {
        find(&self.extensions, id)
    }

    /// Whether this is a `HelloRetryRequest`.
    pub fn is_retry(&self) -> bool {
        self.random == HELLO_RETRY
    }

    /// The application protocol it chose (TLS 1.2 and below).
    pub fn alpn(&self) -> Option<Vec<u8>> {
        self.extension(EXT_ALPN).and_then(|data| protocols(data).into_iter().next())
    }

    /// The group of its key share (TLS 1.3).
    pub fn group(&self) -> Option<u16> {
        Cursor::new(self.extension(EXT_KEY_SHARE)?).u16("group").ok()
    }
}

/// The content of one of the `EncryptedExtensions` (TLS 1.3).
pub fn encrypted_extension(encrypted_extensions: &[u8], id: u16) -> Option<Vec<u8>> {
    let extensions = extensions(&mut Cursor::new(encrypted_extensions)).ok()?;
    find(&extensions, id).map(<[u8]>::to_vec)
}

/// The application protocol that `EncryptedExtensions` (TLS 1.3) choose.
pub fn chosen_alpn(encrypted_extensions: &[u8]) -> Option<Vec<u8>> {
    let extensions = extensions(&mut Cursor::new(encrypted_extensions)).ok()?;
    protocols(find(&extensions, EXT_ALPN)?).into_iter().next()
}

/// A host name as people write it; `None` for bytes that are none.
fn host_name(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let fine = !text.is_empty() && text.len() <= 255 && text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    fine.then(|| text.trim_end_matches('.').to_lowercase())
}

/// An application protocol id for people and hints: text where it is text, else hex.
pub fn alpn_text(id: &[u8]) -> String {
    if !id.is_empty() && id.iter().all(u8::is_ascii_graphic) {
        String::from_utf8_lossy(id).into_owned()
    } else {
        data_encoding::HEXLOWER.encode(id)
    }
}

/// The registered name of a version.
pub fn version_name(version: u16) -> String {
    match version {
        0x0002 => "SSL 2.0".to_owned(),
        0x0300 => "SSL 3.0".to_owned(),
        0x0301 => "TLS 1.0".to_owned(),
        0x0302 => "TLS 1.1".to_owned(),
        0x0303 => "TLS 1.2".to_owned(),
        0x0304 => "TLS 1.3".to_owned(),
        0xfeff => "DTLS 1.0".to_owned(),
        0xfefd => "DTLS 1.2".to_owned(),
        0xfefc => "DTLS 1.3".to_owned(),
        other => format!("0x{other:04x}"),
    }
}

/// The registered name of a key exchange group.
pub fn group_name(group: u16) -> String {
    match group {
        19 => "secp192r1".to_owned(),
        21 => "secp224r1".to_owned(),
        22 => "secp256k1".to_owned(),
        23 => "secp256r1".to_owned(),
        24 => "secp384r1".to_owned(),
        25 => "secp521r1".to_owned(),
        26 => "brainpoolP256r1".to_owned(),
        27 => "brainpoolP384r1".to_owned(),
        28 => "brainpoolP512r1".to_owned(),
        29 => "x25519".to_owned(),
        30 => "x448".to_owned(),
        256 => "ffdhe2048".to_owned(),
        257 => "ffdhe3072".to_owned(),
        258 => "ffdhe4096".to_owned(),
        259 => "ffdhe6144".to_owned(),
        260 => "ffdhe8192".to_owned(),
        512 => "MLKEM512".to_owned(),
        513 => "MLKEM768".to_owned(),
        514 => "MLKEM1024".to_owned(),
        4587 => "SecP256r1MLKEM768".to_owned(),
        4588 => "X25519MLKEM768".to_owned(),
        4589 => "SecP384r1MLKEM1024".to_owned(),
        0x6399 => "X25519Kyber768Draft00".to_owned(),
        other => format!("0x{other:04x}"),
    }
}

/// The registered name of an alert.
pub const fn alert_name(code: u8) -> &'static str {
    match code {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        52 => "too_many_cids_requested",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        114 => "bad_certificate_hash_value",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        121 => "ech_required",
        _ => "unknown alert",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grease_is_told_from_versions_and_suites() {
        assert!(is_grease(0x0a0a) && is_grease(0xfafa));
        assert!(!is_grease(0x0a1a) && !is_grease(0x1301) && !is_grease(0x0304));
    }

    #[test]
    fn offers_of_ech_are_told_from_noise_where_they_can_be() {
        let hello = |data: Vec<u8>| ClientHello {
            version: 0x0303,
            random: [0; 32],
            session_id: Vec::new(),
            suites: vec![0x1301],
            extensions: vec![Extension { id: EXT_ECH, data }],
        };
        let outer = |kdf: u8, aead: u8, key: u8, payload: u8| {
            let sizes = (usize::from(key), usize::from(payload));
            [&[0, 0, kdf, 0, aead, 7, 0, key][..], &vec![1; sizes.0], &[0, payload], &vec![2; sizes.1]].concat()
        };
        for (data, says) in [
            (outer(1, 1, 32, 239), "outer hello, or GREASE of its shape; 239 bytes"),
            (outer(1, 3, 0, 223), "outer hello, or GREASE of its shape; 223 bytes"),
            (outer(1, 9, 32, 239), "GREASE: no such offer could be opened; 239 bytes"),
            (outer(1, 1, 31, 239), "GREASE: no such offer could be opened; 239 bytes"),
            (outer(1, 1, 32, 40), "GREASE: no such offer could be opened; 40 bytes"),
            (vec![1], "inner hello"),
            (vec![0, 0, 1], "malformed extension"),
        ] {
            assert_eq!(hello(data).ech().unwrap().says(), says);
        }
        assert!(ClientHello { extensions: Vec::new(), ..hello(vec![1]) }.ech().is_none());
    }

    #[test]
    fn host_names_that_cannot_be_printed_are_none() {
        assert_eq!(host_name(b"Api.Example."), Some("api.example".to_owned()));
        assert_eq!(host_name(b"a\x1b[31m"), None);
        assert_eq!(host_name(b"\xff"), None);
        assert_eq!(host_name(b""), None);
    }
}
