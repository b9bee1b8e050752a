//! Key logs: NSS key log lines (RFC 9850), PEM RSA private keys and WireGuard key logs, told apart line by line.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::open::{OpenError, regular};
use crate::model::budget::{KEY_LOG_BYTES, KEY_LOG_LINES};
use crate::model::secret::{SecretBytes, Secrets, TlsSecret};
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use std::io::Read as _;
use std::path::Path;

/// Problems listed one by one; the rest are counted.
const LISTED: usize = 100;

/// The object identifier rsaEncryption (1.2.840.113549.1.1.1), as DER spells it.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// What a key log holds.
#[derive(Debug, Default)]
pub struct KeyLog {
    /// Its secrets.
    pub secrets: Secrets,
    /// Lines that could not be used; the others serve.
    pub problems: Vec<Problem>,
}

/// A line that could not be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// Line number, from 1.
    pub line: usize,
    /// Why, for people; never the secret itself.
    pub why: String,
}

/// Why a file is no key log.
#[derive(Debug, thiserror::Error)]
pub enum KeyLogError {
    /// It cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// None of its lines is a secret.
    #[error("{name}, line {line}: not a key log: {why}")]
    NotAKeyLog {
        /// The file.
        name: String,
        /// The first line that is no secret.
        line: usize,
        /// Why that line is none.
        why: String,
    },
    /// It is larger than any key log.
    #[error("{name}: not a key log: more than {KEY_LOG_BYTES} bytes")]
    TooLarge {
        /// The file.
        name: String,
    },
}

/// Reads a key log file.
pub fn read(path: &Path) -> Result<KeyLog, KeyLogError> {
    let mut text = Vec::new();
    let file = regular(path)?;
    let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
    file.take(KEY_LOG_BYTES.saturating_add(1)).read_to_end(&mut text).map_err(unreadable)?;
    let name = path.display().to_string();
    if text.len() as u64 > KEY_LOG_BYTES {
        return Err(KeyLogError::TooLarge { name });
    }
    parse(&text, &name)
}

/// Reads the lines of a key log; `name` is for errors. A file without any secret is an error unless it is empty but
/// for comments; single bad lines are problems.
pub fn parse(text: &[u8], name: &str) -> Result<KeyLog, KeyLogError> {
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = text {
        let why = "it is UTF-16 text; save it as UTF-8".to_owned();
        return Err(KeyLogError::NotAKeyLog { name: name.to_owned(), line: 1, why });
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut log = KeyLog::default();
    let mut unlisted = 0_usize;
    let mut last = 1;
    let mut pem: Option<Pem> = None;
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let number = index.saturating_add(1);
        last = number;
        if number > KEY_LOG_LINES {
            log.problems.push(Problem { line: number, why: format!("only the first {KEY_LOG_LINES} lines are read") });
            break;
        }
        let line = line.trim_ascii();
        let result = if let Some(open) = &mut pem {
            match open.line(line) {
                None => continue,
                Some(result) => {
                    pem = None;
                    result.and_then(|der| der.map_or(Ok(()), |der| add_rsa(&der, &mut log.secrets)))
                }
            }
        } else if line.is_empty() || line.starts_with(b"#") {
            continue;
        } else if line.starts_with(b"-----BEGIN ") {
            pem = Some(Pem::new(line, number));
            continue;
        } else {
            entry(line, &mut log.secrets)
        };
        if let Err(why) = result {
            if log.problems.len() < LISTED {
                log.problems.push(Problem { line: number, why });
            } else {
                unlisted = unlisted.saturating_add(1);
            }
        }
    }
    if let Some(open) = pem {
        log.problems.push(Problem { line: open.line, why: "the PEM block that begins here has no end".to_owned() });
    }
    if log.secrets.is_empty()
        && let Some(first) = log.problems.first()
    {
        return Err(KeyLogError::NotAKeyLog { name: name.to_owned(), line: first.line, why: first.why.clone() });
    }
    if log.secrets.is_empty() {
        log.problems.push(Problem { line: last, why: "the key log holds no secrets".to_owned() });
    }
    if unlisted > 0 {
        log.problems.push(Problem { line: last, why: format!("{unlisted} more lines could not be used") });
    }
    Ok(log)
}

/// One line that is no comment: a TLS or a WireGuard secret.
fn entry(line: &[u8], secrets: &mut Secrets) -> Result<(), String> {
    let line = std::str::from_utf8(line).map_err(|_| "the line is not text".to_owned())?;
    if let Some((label, key)) = line.split_once('=')
        && label.trim_end().ends_with("_KEY")
    {
        return wireguard(label.trim_end(), key.trim(), secrets);
    }
    let mut words = line.split_ascii_whitespace();
    let (Some(label), Some(random), Some(secret), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("expected `LABEL client-random secret`".to_owned());
    };
    if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err("the label is not one of letters, digits and `_`".to_owned());
    }
    let label = label.to_ascii_uppercase();
    // Early QUIC stacks prefixed the labels of TLS 1.3.
    let label = label.strip_prefix("QUIC_").unwrap_or(&label).to_owned();
    if label == "RSA" {
        return Err("`RSA` lines hold a pre-master secret without its client random, which is not supported".to_owned());
    }
    let random = HEXLOWER_PERMISSIVE.decode(random.as_bytes());
    let random = random.ok().and_then(|random| <[u8; 32]>::try_from(random).ok());
    let client_random = random.ok_or("the client random is not 64 hexadecimal digits")?;
    let secret = HEXLOWER_PERMISSIVE.decode(secret.as_bytes()).map_err(|_| "the secret is not hexadecimal digits")?;
    let (fits, expected) = match label.as_str() {
        "CLIENT_RANDOM" => (secret.len() == 48, "96"),
        "ECH_CONFIG" => (!secret.is_empty(), "some"),
        _ => (matches!(secret.len(), 16..=255), "32 to 510"),
    };
    if !fits {
        let digits = secret.len().saturating_mul(2);
        return Err(format!("the secret of {label} has {digits} hexadecimal digits instead of {expected}"));
    }
    secrets.add_tls(TlsSecret { label, client_random, secret: SecretBytes(secret) });
    Ok(())
}

fn wireguard(label: &str, key: &str, secrets: &mut Secrets) -> Result<(), String> {
    const LABELS: [&str; 4] =
        ["LOCAL_STATIC_PRIVATE_KEY", "REMOTE_STATIC_PUBLIC_KEY", "LOCAL_EPHEMERAL_PRIVATE_KEY", "PRESHARED_KEY"];
    let label = label.to_ascii_uppercase();
    if !LABELS.contains(&label.as_str()) {
        return Err(format!("unknown kind of key; WireGuard key logs know {}", LABELS.join(", ")));
    }
    match BASE64.decode(key.as_bytes()) {
        Ok(key) if key.len() == 32 => {
            secrets.add_wireguard(label, key);
            Ok(())
        }
        _ => Err(format!("the key of {label} is not 32 bytes of base64")),
    }
}

fn add_rsa(der: &[u8], secrets: &mut Secrets) -> Result<(), String> {
    if der.first() != Some(&0x30) {
        return Err("the private key is not DER".to_owned());
    }
    secrets.add_rsa(der.to_vec());
    Ok(())
}

/// A PEM block (RFC 7468) that is being read.
struct Pem {
    line: usize,
    label: String,
    text: Vec<u8>,
    encrypted: bool,
}

impl Pem {
    fn new(line: &[u8], number: usize) -> Self {
        let label = line.strip_prefix(b"-----BEGIN ").unwrap_or_default();
        let label = label.strip_suffix(b"-----").unwrap_or(label);
        let label = String::from_utf8_lossy(label).into_owned();
        Self { line: number, label, text: Vec::new(), encrypted: false }
    }

    /// Takes a line; at the end of the block, its DER if it is an RSA private key, `None` if it is of no concern.
    fn line(&mut self, line: &[u8]) -> Option<Result<Option<Vec<u8>>, String>> {
        if !line.starts_with(b"-----END ") {
            if line.contains(&b':') {
                self.encrypted |= line.windows(9).any(|word| word == b"ENCRYPTED");
            } else {
                self.text.extend_from_slice(line);
            }
            return None;
        }
        Some(match self.label.as_str() {
            _ if self.encrypted => Err("the private key is encrypted; decrypt it first (openssl pkey)".to_owned()),
            "ENCRYPTED PRIVATE KEY" => Err("the private key is encrypted; decrypt it first (openssl pkey)".to_owned()),
            "RSA PRIVATE KEY" => self.der().map(Some),
            "PRIVATE KEY" => self.der().and_then(|der| {
                let rsa = der.windows(RSA_ENCRYPTION.len()).any(|oid| oid == RSA_ENCRYPTION);
                if rsa {
                    Ok(Some(der))
                } else {
                    Err("the private key is not RSA; only RSA keys open recordings".to_owned())
                }
            }),
            "EC PRIVATE KEY" => Err("the private key is not RSA; only RSA keys open recordings".to_owned()),
            _ => Ok(None),
        })
    }

    fn der(&self) -> Result<Vec<u8>, String> {
        BASE64.decode(&self.text).map_err(|_| "the PEM block is not base64".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: &str = "52362c10a2665e323a2adb4b9da0c10d4a8823719272f8b4c97af24f92784812";

    fn log(text: &str) -> KeyLog {
        parse(text.as_bytes(), "keys.log").unwrap()
    }

    #[test]
    fn lines_of_every_kind_are_read() {
        let random = data_encoding::HEXLOWER.decode(RANDOM.as_bytes()).unwrap().try_into().unwrap();
        let upper = RANDOM.to_uppercase();
        let text = format!(
            "\u{feff}# comment\r\n\r\nCLIENT_RANDOM {RANDOM} {}\r\nserver_traffic_secret_0 {upper} {}\n\
             QUIC_CLIENT_TRAFFIC_SECRET_0 {RANDOM} {}\n  EXPORTER_SECRET\t{RANDOM}  {}  \nECH_CONFIG {RANDOM} {}\n\
             LOCAL_STATIC_PRIVATE_KEY = AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
            "ab".repeat(48),
            "Cd".repeat(32),
            "01".repeat(48),
            "02".repeat(32),
            "03".repeat(300),
        );
        let log = log(&text);
        assert_eq!(log.problems, []);
        assert_eq!(log.secrets.tls(&random, "CLIENT_RANDOM"), Some([0xab; 48].as_slice()));
        assert_eq!(log.secrets.tls(&random, "SERVER_TRAFFIC_SECRET_0"), Some([0xcd; 32].as_slice()));
        assert_eq!(log.secrets.tls(&random, "CLIENT_TRAFFIC_SECRET_0"), Some([1; 48].as_slice()));
        assert_eq!(log.secrets.tls(&random, "EXPORTER_SECRET"), Some([2; 32].as_slice()));
        let (label, key) = log.secrets.wireguard().next().unwrap();
        assert_eq!((label, key[31]), ("LOCAL_STATIC_PRIVATE_KEY", 31));
    }

    #[test]
    fn bad_lines_are_told_and_the_rest_serves() {
        let good = format!("CLIENT_RANDOM {RANDOM} {}", "ab".repeat(48));
        let log = log(&format!("{good}\nCLIENT_RANDOM {RANDOM} abc\n{good} more\nCLIENT_RANDOM {RANDOM} abcd\n"));
        assert_eq!(log.secrets.len(), 1);
        assert_eq!(log.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(log.problems[2].why, "the secret of CLIENT_RANDOM has 4 hexadecimal digits instead of 96");
    }

    #[test]
    fn what_is_no_key_log_says_so_with_its_line() {
        let told = |text: &[u8]| parse(text, "keys.log").unwrap_err().to_string();
        assert_eq!(
            told(b"# hello\n\nDear diary\n"),
            "keys.log, line 3: not a key log: expected `LABEL client-random secret`"
        );
        assert!(told(b"\xff\xfeC\0L\0").starts_with("keys.log, line 1: not a key log: it is UTF-16"));
        assert!(told(&[0xa1, 0xb2, 0xc3, 0xd4, 0, 1]).contains("line 1"));
        assert!(told(b"-----BEGIN PRIVATE KEY-----\nAAAA\n").contains("line 1: not a key log: the PEM block"));
        assert_eq!(log("# only comments\n").problems[0].why, "the key log holds no secrets");
    }

    #[test]
    fn pem_keys_of_both_forms() {
        let pkcs1 = BASE64.encode(&[&[0x30, 3, 2, 1, 0], [7; 60].as_slice()].concat());
        let pkcs8 = BASE64.encode(&[&[0x30, 0x20], RSA_ENCRYPTION, [7; 60].as_slice()].concat());
        let (front, back) = pkcs8.split_at(64);
        let text = format!(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n\
             -----BEGIN RSA PRIVATE KEY-----\r\n{pkcs1}\r\n-----END RSA PRIVATE KEY-----\r\n\
             -----BEGIN PRIVATE KEY-----\n{front}\n{back}\n-----END PRIVATE KEY-----\n\
             -----BEGIN EC PRIVATE KEY-----\nMAAA\n-----END EC PRIVATE KEY-----\n\
             -----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAAA\n-----END RSA PRIVATE KEY-----\n"
        );
        let log = log(&text);
        assert_eq!(log.secrets.rsa().count(), 2);
        assert_eq!(log.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [13, 18]);
        assert_eq!(format!("{:?}", log.secrets).matches("[secret]").count(), 2);
    }
}
