//! The handshake of a DTLS session: what was agreed, and the keys that follow from it.

use crate::bytes::{Cursor, Malformed};
use crate::message::Sink;
use crate::message::handshake::hello::{self, ClientHello, ServerHello};
use crate::message::handshake::key_block::{expand, key_block};
use crate::message::handshake::protect::{Opener, Terms};
use crate::message::handshake::suite::{Cipher, Suite};
use crate::message::handshake::{certificate, facts};
use crate::message::protocol::dtls::fragments::Brought;
use crate::message::protocol::dtls::record;
use crate::message::protocol::dtls::session::{DTLS13, Guard, SRTP_LABEL, Session, tls_version};
use crate::message::protocol::dtls::unified::{Unified, Window};
use crate::model::budget::DTLS_EPOCHS;
use crate::model::flow::Blind;
use crate::model::media::{KeySource, MediaKey, Profile};
use crate::model::origin::Origins;
use crate::model::secret::SecretBytes;
use crate::model::stream::Direction;
use crate::model::time::Timestamp;
use std::borrow::Cow;

impl Session {
    pub(super) fn handshake(
        &mut self,
        direction: Direction,
        epoch: u16,
        body: &[u8],
        origins: &Origins,
        at: Timestamp,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(body);
        while !cursor.is_empty() {
            let fragment = record::fragment(&mut cursor)?;
            match self.half(direction).fragments.push(epoch, &fragment) {
                Brought::Nothing => {}
                Brought::Whole(kind, bytes) => {
                    if (direction, kind, epoch) == (Direction::ToServer, 1, 0)
                        && !self.told_client
                        && let Ok(client) = ClientHello::parse_dtls(&bytes)
                    {
                        facts::overhear(&client, body, origins, at, sink);
                    }
                    self.message(direction, epoch, kind, &bytes, sink)?;
                }
                Brought::Over => {
                    let bytes = fragment.bytes.len() as u64;
                    self.blind(direction, Blind::Budget, "handshake fragments".into(), bytes, sink);
                }
            }
        }
        Ok(())
    }

    pub(super) fn message(
        &mut self,
        direction: Direction,
        epoch: u16,
        kind: u8,
        body: &[u8],
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        let dtls13 = self.version() == Some(DTLS13);
        match (direction, kind) {
            (Direction::ToServer, 1) => self.client_hello(epoch, ClientHello::parse_dtls(body)?, sink)?,
            (Direction::ToClient, 2) => self.server_hello(epoch, ServerHello::parse(body)?, sink)?,
            (Direction::ToClient, 8) if dtls13 => {
                if let Some(alpn) = hello::chosen_alpn(body) {
                    self.choose_alpn(alpn, sink);
                }
                if let Some(chosen) = hello::encrypted_extension(body, hello::EXT_USE_SRTP) {
                    self.use_srtp(&chosen, sink);
                }
            }
            (_, 11) => {
                let chain = if dtls13 { certificate::chain13(body) } else { certificate::chain12(body) };
                let name = match direction {
                    Direction::ToServer => "tls.client-certificate",
                    Direction::ToClient => "tls.certificate",
                };
                for der in chain.unwrap_or_default().into_iter().take(4) {
                    sink.fact(name, certificate::summary(der).unwrap_or_else(|| "unreadable".to_owned()));
                }
            }
            (Direction::ToClient, 12) if !dtls13 => {
                if let [3, high, low, ..] = body
                    && self.suite().and_then(|suite| suite.key_exchange()).is_some_and(|kx| kx.starts_with("ECDHE"))
                {
                    sink.fact("tls.key-exchange", hello::group_name(u16::from_be_bytes([*high, *low])));
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn choose_alpn(&mut self, alpn: Vec<u8>, sink: &mut Sink<'_>) {
        if self.alpn.is_none() {
            sink.fact("tls.alpn", hello::alpn_text(&alpn));
        }
        self.alpn = Some(alpn);
    }

    pub(super) fn client_hello(
        &mut self,
        epoch: u16,
        client: ClientHello,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        // After a HelloVerifyRequest or a HelloRetryRequest it comes again with the same random.
        if self.client.as_ref().is_some_and(|known| known.random == client.random) {
            return Ok(());
        }
        if !self.told_client {
            self.told_client = true;
            facts::tell(&client, 'd', sink);
            if let Some(offered) = client.extension(hello::EXT_USE_SRTP) {
                let names: Vec<String> = profiles(offered).map(Profile::label).collect();
                sink.fact("dtls.srtp-offered", names.join(", "));
            }
        }
        if self.server.take().is_some() && epoch == 0 {
            // The same ports, another association: the last records of the old one may still come.
            for half in &mut self.halves {
                half.past = std::mem::take(&mut half.guards);
                half.unified = None;
            }
            self.half(Direction::ToClient).fragments.clear();
        }
        // Records to the client carry the connection ID that it asks for, and the other way round.
        let cid = client.extension(hello::EXT_CONNECTION_ID).and_then(|data| data.first().copied());
        self.half(Direction::ToClient).cid = cid.map(usize::from);
        self.client = Some(client);
        self.resume(sink)
    }

    pub(super) fn server_hello(
        &mut self,
        epoch: u16,
        server: ServerHello,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        if server.is_retry() || self.server.as_ref().is_some_and(|known| known.random == server.random) {
            return Ok(());
        }
        let suite = Suite::of(server.suite);
        let name = hello::version_name(server.version);
        if server.version == 0xfeff {
            sink.weakness("tls.version", name, "transport below TLS 1.2");
        } else {
            sink.fact("tls.version", name);
        }
        match suite.weakness() {
            Some(why) => sink.weakness("tls.cipher-suite", suite.label(), why),
            None => sink.fact("tls.cipher-suite", suite.label()),
        }
        if let Some(alpn) = server.alpn() {
            self.choose_alpn(alpn, sink);
        }
        if server.version == DTLS13 {
            if let Some(group) = server.group() {
                sink.fact("tls.key-exchange", hello::group_name(group));
            }
            if server.extension(hello::EXT_PRE_SHARED_KEY).is_some() {
                sink.fact("tls.resumed", "true");
            }
        } else if let Some(kx) = suite.key_exchange()
            && !kx.starts_with("ECDHE")
        {
            sink.fact("tls.key-exchange", kx);
        }
        match server.extension(hello::EXT_CONNECTION_ID).and_then(|data| data.first().copied()) {
            Some(len) => {
                self.half(Direction::ToServer).cid = Some(usize::from(len));
                sink.fact("dtls.connection-id", format!("{len} bytes to the server"));
            }
            None => self.halves.iter_mut().for_each(|half| half.cid = None),
        }
        let chosen = server.extension(hello::EXT_USE_SRTP).map(<[u8]>::to_vec);
        let dtls13 = server.version == DTLS13;
        self.server = Some(server);
        if dtls13 {
            for direction in Direction::BOTH {
                let Some(client) = &self.client else { break };
                let unified = Unified::new(direction, sink.secrets(), &client.random, suite);
                self.half(direction).unified = Some(unified);
            }
        } else {
            let guards = self.agree(sink);
            let epoch = epoch.saturating_add(1);
            for (half, guard) in self.halves.iter_mut().zip(guards) {
                half.guards.insert(epoch, guard);
                if half.guards.len() > DTLS_EPOCHS {
                    half.guards.pop_first();
                }
            }
        }
        if let Some(chosen) = chosen {
            self.use_srtp(&chosen, sink);
        }
        self.resume(sink)
    }

    /// Up to DTLS 1.2: what protects both directions in the next epoch.
    pub(super) fn agree(&self, sink: &Sink<'_>) -> [Guard; 2] {
        let dark = |why: Blind, detail: Cow<'static, str>| [Guard::Dark(why, detail.clone()), Guard::Dark(why, detail)];
        let (Some(client), Some(server), Some(suite)) = (&self.client, &self.server, self.suite()) else {
            return dark(Blind::HandshakeMissing, "no client hello in the capture".into());
        };
        if !record::is_version(server.version) {
            return dark(Blind::Unsupported, hello::version_name(server.version).into());
        }
        if suite.cipher == Cipher::Unsupported {
            return dark(Blind::Unsupported, suite.label().into());
        }
        if server.compression != 0 {
            return dark(Blind::Unsupported, "TLS compression".into());
        }
        let terms = Terms {
            version: tls_version(server.version),
            encrypt_then_mac: server.extension(hello::EXT_ENCRYPT_THEN_MAC).is_some(),
            truncated_hmac: server.extension(hello::EXT_TRUNCATED_HMAC).is_some(),
        };
        let keys = match sink.secrets().tls(&client.random, "CLIENT_RANDOM") {
            Some(master) => key_block(suite, terms, master, &client.random, &server.random),
            None if !suite.is_secret() => Default::default(),
            None => {
                let (why, detail) = self.missing(sink);
                return dark(why, detail);
            }
        };
        keys.map(|keys| match Opener::tls12(suite, terms, &keys) {
            Some(opener) => Guard::Open(Box::new(opener), Window::default()),
            None => Guard::Dark(Blind::Unsupported, suite.label().into()),
        })
    }

    /// The server chose a profile of SRTP: its keys come from this handshake (RFC 5764).
    pub(super) fn use_srtp(&self, chosen: &[u8], sink: &mut Sink<'_>) {
        let Some(profile) = profiles(chosen).next() else { return };
        match profile {
            Profile::Null80 | Profile::Null32 => {
                sink.weakness("dtls.use-srtp", profile.label(), "no encryption of media (NULL cipher)");
            }
            _ => sink.fact("dtls.use-srtp", profile.label()),
        }
        let (Some(client), Some(server), Some(suite)) = (&self.client, &self.server, self.suite()) else { return };
        let (key, salt) = (profile.key_len(), profile.salt_len());
        let total = key.saturating_add(salt).saturating_mul(2);
        let secrets = sink.secrets();
        let material = if server.version == DTLS13 {
            secrets.tls(&client.random, "EXPORTER_SECRET").and_then(|secret| {
                let nothing = suite.hash.digest(&[]);
                let derived = suite.hash.expand_label("dtls13", secret, SRTP_LABEL, &nothing, suite.hash.size())?;
                suite.hash.expand_label("dtls13", &derived, "exporter", &nothing, total)
            })
        } else {
            secrets.tls(&client.random, "CLIENT_RANDOM").map(|master| {
                let seed: [&[u8]; 2] = [&client.random, &server.random];
                expand(suite, tls_version(server.version), master, SRTP_LABEL, &seed, total)
            })
        };
        let Some(material) = material else { return };
        let mut rest = Cursor::new(&material);
        let mut take = |len| rest.take(len, "keying material").map(<[u8]>::to_vec).unwrap_or_default();
        let keys = [take(key), take(key)];
        let salts = [take(salt), take(salt)];
        for (key, salt) in keys.into_iter().zip(salts) {
            sink.media_key(MediaKey {
                profile,
                key: SecretBytes(key),
                salt: SecretBytes(salt),
                source: KeySource::Dtls,
            });
        }
    }
}

/// The profiles of a `use_srtp` extension that are known.
pub(super) fn profiles(extension: &[u8]) -> impl Iterator<Item = Profile> {
    let list = Cursor::new(extension).sub_u16("SRTP profiles").map(|list| list.rest()).unwrap_or_default();
    list.chunks_exact(2).filter_map(|id| Profile::of(u16::from_be_bytes(id.try_into().ok()?)))
}
