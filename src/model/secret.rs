//! Session secrets the auditor supplied. They print as `[secret]`, never as themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes that must not be printed.
#[derive(Clone, Eq, PartialEq)]
pub struct SecretBytes(pub Vec<u8>);

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// One line of an NSS key log (RFC 9850): label, client random, secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsSecret {
    /// `CLIENT_RANDOM`, `CLIENT_TRAFFIC_SECRET_0` … kept as text: unknown labels are no error.
    pub label: String,
    /// The client random of the handshake it belongs to.
    pub client_random: [u8; 32],
    /// The secret itself.
    pub secret: SecretBytes,
}

/// What is known of the handshake with one client random.
#[derive(Clone, Debug, Default)]
struct Lines {
    lines: Vec<(String, SecretBytes)>,
    /// Somebody met that handshake. Copies share it: the order of meeting shows nowhere.
    met: Arc<AtomicBool>,
}

impl Lines {
    fn meet(&self) -> &[(String, SecretBytes)] {
        self.met.store(true, Ordering::Relaxed);
        &self.lines
    }
}

/// Everything that opens encrypted transports, gathered before the packets are read.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    tls: BTreeMap<[u8; 32], Lines>,
    rsa: Vec<SecretBytes>,
    wireguard: Vec<(String, SecretBytes)>,
}

impl Secrets {
    /// Adds one key-log line; the same line twice counts once.
    pub fn add_tls(&mut self, secret: TlsSecret) {
        let lines = &mut self.tls.entry(secret.client_random).or_default().lines;
        let line = (secret.label, secret.secret);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }

    /// Adds an RSA private key, as PKCS#8 or PKCS#1 DER.
    pub fn add_rsa(&mut self, der: Vec<u8>) {
        self.rsa.push(SecretBytes(der));
    }

    /// Adds one line of a WireGuard key log: label (`LOCAL_STATIC_PRIVATE_KEY` …) and key.
    pub fn add_wireguard(&mut self, label: String, key: Vec<u8>) {
        self.wireguard.push((label, SecretBytes(key)));
    }

    /// The secret with this label for the handshake with this client random.
    pub fn tls(&self, client_random: &[u8; 32], label: &str) -> Option<&[u8]> {
        let lines = self.tls.get(client_random)?;
        lines.meet().iter().find(|(name, _)| name == label).map(|(_, secret)| secret.0.as_slice())
    }

    /// Whether any secret is known for the handshake with this client random.
    pub fn knows(&self, client_random: &[u8; 32]) -> bool {
        self.tls.get(client_random).is_some_and(|lines| !lines.meet().is_empty())
    }

    /// Why nothing opens what a handshake agreed on, for engineers; `None` where there is no handshake.
    pub fn why_none(&self, client_random: Option<&[u8; 32]>) -> &'static str {
        match client_random {
            None => "the handshake is not in the capture",
            Some(_) if self.is_empty() => "no key log",
            Some(random) if self.knows(random) => "the key log lacks this session's traffic secrets",
            Some(_) => "client random not in the key log",
        }
    }

    /// The client randoms of handshakes that were met, of those known here.
    pub fn met(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.tls.iter().filter(|(_, lines)| lines.met.load(Ordering::Relaxed)).map(|(random, _)| random)
    }

    /// Whether these secrets open TLS alone, and none of it has a client random among `met`.
    pub fn fits_none(&self, met: &BTreeSet<[u8; 32]>) -> bool {
        let other = !self.rsa.is_empty() || !self.wireguard.is_empty();
        !other && !self.tls.is_empty() && self.tls.keys().all(|random| !met.contains(random))
    }

    /// The client randoms for which a secret with this label is known (to find the handshake of a resumed capture).
    pub fn with_label<'s>(&'s self, label: &'s str) -> impl Iterator<Item = (&'s [u8; 32], &'s [u8])> {
        self.tls.iter().filter_map(move |(random, lines)| {
            let (_, secret) = lines.lines.iter().find(|(name, _)| name == label)?;
            Some((random, secret.0.as_slice()))
        })
    }

    /// RSA private keys, DER.
    pub fn rsa(&self) -> impl Iterator<Item = &[u8]> {
        self.rsa.iter().map(|key| key.0.as_slice())
    }

    /// WireGuard keys with their labels.
    pub fn wireguard(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.wireguard.iter().map(|(label, key)| (label.as_str(), key.0.as_slice()))
    }

    /// How many secrets are known, of all kinds.
    pub fn len(&self) -> usize {
        self.tls.values().map(|known| known.lines.len()).sum::<usize>() + self.rsa.len() + self.wireguard.len()
    }

    /// Whether some are of sessions of TLS, DTLS or QUIC.
    pub fn has_sessions(&self) -> bool {
        !self.tls.is_empty()
    }

    /// Whether no secret is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds everything `other` knows.
    pub fn extend(&mut self, other: Self) {
        for (client_random, lines) in other.tls {
            for (label, secret) in lines.lines {
                self.add_tls(TlsSecret { label, client_random, secret });
            }
        }
        let known: BTreeSet<Vec<u8>> = self.rsa.iter().map(|key| key.0.clone()).collect();
        self.rsa.extend(other.rsa.into_iter().filter(|key| !known.contains(&key.0)));
        let known: BTreeSet<(String, Vec<u8>)> =
            self.wireguard.iter().map(|(label, key)| (label.clone(), key.0.clone())).collect();
        let new = |(label, key): &(String, SecretBytes)| !known.contains(&(label.clone(), key.0.clone()));
        self.wireguard.extend(other.wireguard.into_iter().filter(new));
    }
}
