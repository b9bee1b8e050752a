//! Real TLS in memory: a rustls client and a rustls server that talk to each other.

use crate::packet::Direction;
use crate::rng::Rng;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ED25519, SerialNumber};
use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, KeyLog, RootCertStore, ServerConfig, ServerConnection};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::{Arc, Mutex};

/// Protocol version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// One thing that happens after the handshake.
#[derive(Clone, Debug)]
pub enum Step {
    /// Application data.
    Send(Direction, Vec<u8>),
    /// The sender changes its keys; TLS 1.3 alone.
    KeyUpdate(Direction),
    /// `close_notify`.
    Close(Direction),
}

/// How a session is to be made.
#[derive(Clone, Debug)]
pub struct Tls {
    host: String,
    version: Version,
    suite: Option<String>,
    alpn: Vec<Vec<u8>>,
    record: Option<usize>,
    seed: u64,
}

/// What went over the wire.
#[derive(Clone, Debug)]
pub struct Session {
    /// Bytes in order; each item is what one end wrote before the other answered.
    pub flights: Vec<(Direction, Vec<u8>)>,
    /// How many of the flights are the handshake.
    pub handshake: usize,
    /// NSS key log (RFC 9850).
    pub key_log: String,
    /// The suite agreed on, as IANA names it but for TLS 1.3's `TLS13_` prefix.
    pub suite: String,
    /// The application protocol agreed on.
    pub alpn: Option<Vec<u8>>,
}

impl Session {
    /// All bytes of one direction.
    pub fn bytes(&self, direction: Direction) -> Vec<u8> {
        let mine = self.flights.iter().filter(|(way, _)| *way == direction);
        mine.flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    }
}

impl Tls {
    /// TLS 1.3 with the suite the ends prefer, the server named `host`.
    pub fn new(host: &str) -> Self {
        Self { host: host.to_owned(), version: Version::Tls13, suite: None, alpn: Vec::new(), record: None, seed: 1 }
    }

    /// Chooses the version.
    #[must_use]
    pub const fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Allows one suite alone, as rustls spells it: `TLS13_AES_128_GCM_SHA256`,
    /// `TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256` … (see [`suites`]).
    #[must_use]
    pub fn suite(mut self, name: &str) -> Self {
        self.suite = Some(name.to_owned());
        self
    }

    /// Offers these application protocols, the first preferred.
    #[must_use]
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    /// Bytes of one record's fragment at most (32 to 16,389).
    #[must_use]
    pub const fn record(mut self, bytes: usize) -> Self {
        self.record = Some(bytes);
        self
    }

    /// Chooses randoms, certificates and session ids.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Runs the handshake and then the script.
    pub fn session(&self, script: &[Step]) -> Session {
        reseed(self.seed);
        let log = Arc::new(Log::default());
        let mut pair = Pair { client: self.client(&log), server: self.server(), flights: Vec::new() };
        pair.pump();
        assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking(), "the handshake came to its end");
        let handshake = pair.flights.len();
        for step in script {
            match step {
                Step::Send(direction, bytes) => {
                    // One write at a time, so that records and segments interleave as on a real connection.
                    pair.end(*direction).writer().write_all(bytes).expect("no limit is set on the buffer");
                }
                Step::KeyUpdate(direction) => {
                    pair.end(*direction).refresh_traffic_keys().expect("a TLS 1.3 session");
                }
                Step::Close(direction) => pair.end(*direction).send_close_notify(),
            }
            pair.pump();
        }
        let suite = pair.client.negotiated_cipher_suite().expect("agreed on").suite();
        Session {
            handshake,
            suite: suite.as_str().unwrap_or("unnamed").to_owned(),
            alpn: pair.client.alpn_protocol().map(<[u8]>::to_vec),
            flights: pair.flights,
            key_log: log.0.lock().expect("one thread").clone(),
        }
    }

    fn provider(&self) -> Arc<CryptoProvider> {
        let mut provider = ring::default_provider();
        provider.secure_random = &Seeded;
        if let Some(name) = &self.suite {
            provider.cipher_suites.retain(|suite| suite.suite().as_str() == Some(name));
            assert!(!provider.cipher_suites.is_empty(), "rustls knows no suite {name}");
        }
        Arc::new(provider)
    }

    fn versions(&self) -> [&'static rustls::SupportedProtocolVersion; 1] {
        match self.version {
            Version::Tls12 => [&rustls::version::TLS12],
            Version::Tls13 => [&rustls::version::TLS13],
        }
    }

    fn client(&self, log: &Arc<Log>) -> Connection {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificates().0).expect("our own authority");
        let builder = ClientConfig::builder_with_provider(self.provider());
        let mut config = builder
            .with_protocol_versions(&self.versions())
            .expect("a suite for this version")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.key_log = Arc::<Log>::clone(log);
        config.alpn_protocols.clone_from(&self.alpn);
        config.max_fragment_size = self.record;
        let name = ServerName::try_from(self.host.clone()).expect("a host name or an address");
        let mut connection = ClientConnection::new(Arc::new(config), name).expect("a valid configuration");
        connection.set_buffer_limit(None);
        connection.into()
    }

    fn server(&self) -> Connection {
        let (_, chain, key) = self.certificates();
        let builder = ServerConfig::builder_with_provider(self.provider());
        let mut config = builder
            .with_protocol_versions(&self.versions())
            .expect("a suite for this version")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a key that fits its certificate");
        config.alpn_protocols.clone_from(&self.alpn);
        config.max_fragment_size = self.record;
        let mut connection = ServerConnection::new(Arc::new(config)).expect("a valid configuration");
        connection.set_buffer_limit(None);
        connection.into()
    }

    /// The authority's certificate, the server's chain and its key, all from the seed.
    fn certificates(&self) -> (CertificateDer<'static>, Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let mut rng = Rng::new(self.seed ^ 0x6365_7274);
        let (authority_key, _) = key(&mut rng);
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, "plainsight test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.serial_number = Some(SerialNumber::from(0x6000_u64));
        let authority = params.self_signed(&authority_key).expect("signs");
        let issuer = Issuer::new(params, authority_key);
        let (leaf_key, leaf_pkcs8) = key(&mut rng);
        let mut params = CertificateParams::new(vec![self.host.clone()]).expect("a host name or an address");
        params.distinguished_name.push(DnType::CommonName, self.host.as_str());
        params.serial_number = Some(SerialNumber::from(0x6001_u64));
        let leaf = params.signed_by(&leaf_key, &issuer).expect("signs");
        let chain = vec![leaf.der().clone()];
        (authority.der().clone(), chain, PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_pkcs8)))
    }
}

/// A session with TLS 1.3 and no more than application data in it.
pub fn tls(host: &str, script: &[(Direction, &[u8])]) -> Session {
    let steps: Vec<Step> = script.iter().map(|(way, bytes)| Step::Send(*way, bytes.to_vec())).collect();
    Tls::new(host).session(&steps)
}

/// The suites [`Tls::suite`] can choose for a version with the kind of key its certificates have.
pub fn suites(version: Version) -> Vec<&'static str> {
    let all = ring::default_provider().cipher_suites;
    let wanted = match version {
        Version::Tls12 => rustls::ProtocolVersion::TLSv1_2,
        Version::Tls13 => rustls::ProtocolVersion::TLSv1_3,
    };
    let mine = all.iter().filter(|suite| suite.version().version == wanted);
    mine.filter_map(|suite| suite.suite().as_str()).filter(|name| !name.contains("ECDHE_RSA")).collect()
}

/// An Ed25519 key out of reproducible randomness: its signatures have one length and depend on nothing else.
fn key(rng: &mut Rng) -> (KeyPair, Vec<u8>) {
    // RFC 8410 section 7: version 0, id-Ed25519, the seed as an octet string in an octet string.
    let mut pkcs8 = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    pkcs8.extend(rng.bytes(32));
    let der = PrivatePkcs8KeyDer::from(pkcs8.clone());
    (KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ED25519).expect("any 32 bytes are a key"), pkcs8)
}

struct Pair {
    client: Connection,
    server: Connection,
    flights: Vec<(Direction, Vec<u8>)>,
}

impl Pair {
    const fn end(&mut self, sender: Direction) -> &mut Connection {
        match sender {
            Direction::ToServer => &mut self.client,
            Direction::ToClient => &mut self.server,
        }
    }

    /// Carries bytes to and fro until both ends are silent.
    fn pump(&mut self) {
        while self.carry(Direction::ToServer) | self.carry(Direction::ToClient) {}
    }

    fn carry(&mut self, direction: Direction) -> bool {
        let mut flight = Vec::new();
        let sender = self.end(direction);
        while sender.wants_write() {
            sender.write_tls(&mut flight).expect("a vector takes all");
        }
        if flight.is_empty() {
            return false;
        }
        let receiver = self.end(direction.reverse());
        let mut rest = flight.as_slice();
        while !rest.is_empty() {
            receiver.read_tls(&mut rest).expect("a slice gives all");
            receiver.process_new_packets().expect("our own peer speaks well");
            let mut read = Vec::new();
            match receiver.reader().read_to_end(&mut read) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
                _ => {}
            }
        }
        self.flights.push((direction, flight));
        true
    }
}

#[derive(Debug, Default)]
struct Log(Mutex<String>);

impl KeyLog for Log {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut text = self.0.lock().expect("one thread");
        writeln!(text, "{label} {} {}", hex(client_random), hex(secret)).expect("a string takes all");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

thread_local! {
    static RANDOM: RefCell<Rng> = const { RefCell::new(Rng::new(0)) };
}

fn reseed(seed: u64) {
    RANDOM.with(|rng| *rng.borrow_mut() = Rng::new(seed));
}

/// A session is made by one thread from start to end, so its randomness may live there.
#[derive(Debug)]
struct Seeded;

impl SecureRandom for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        RANDOM.with(|rng| rng.borrow_mut().fill(bytes));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> Vec<Step> {
        let long = Rng::new(3).bytes(40_000);
        vec![
            Step::Send(Direction::ToServer, b"hello".to_vec()),
            Step::Send(Direction::ToClient, long),
            Step::Close(Direction::ToServer),
            Step::Close(Direction::ToClient),
        ]
    }

    #[test]
    fn every_suite_of_both_versions_makes_a_session() {
        for version in [Version::Tls12, Version::Tls13] {
            assert!(suites(version).len() >= 3, "{:?}", suites(version));
            for suite in suites(version) {
                let session = Tls::new("a.example").version(version).suite(suite).session(&script());
                assert_eq!(session.suite, suite);
                assert!(session.bytes(Direction::ToClient).len() > 40_000);
                let label = if version == Version::Tls12 { "CLIENT_RANDOM " } else { "SERVER_TRAFFIC_SECRET_0 " };
                assert!(session.key_log.contains(label), "{}", session.key_log);
            }
        }
    }

    #[test]
    fn two_sessions_of_one_seed_differ_in_ciphertext_alone() {
        let shape = |seed: u64| {
            let session = Tls::new("a.example").alpn(&["h2", "http/1.1"]).seed(seed).session(&script());
            assert_eq!(session.alpn.as_deref(), Some(&b"h2"[..]));
            let sizes: Vec<_> = session.flights.iter().map(|(way, bytes)| (*way, bytes.len())).collect();
            (sizes, session.flights[0].1[..43].to_vec())
        };
        assert_eq!(shape(5), shape(5));
        assert_ne!(shape(5).1, shape(6).1, "the client random follows from the seed");
    }

    #[test]
    fn keys_change_in_the_middle() {
        let mut steps = script();
        steps.insert(1, Step::KeyUpdate(Direction::ToServer));
        steps.insert(2, Step::Send(Direction::ToServer, b"under new keys".to_vec()));
        steps.insert(3, Step::KeyUpdate(Direction::ToClient));
        let session = Tls::new("a.example").record(512).session(&steps);
        assert!(session.flights.len() > session.handshake + 4);
    }
}
