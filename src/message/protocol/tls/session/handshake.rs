//! The handshake of a TLS session: what was agreed, and the keys that follow from it.

use crate::bytes::{Cursor, Malformed};
use crate::message::Sink;
use crate::message::handshake::hello::{self, ClientHello, ServerHello};
use crate::message::handshake::key_block::key_block;
use crate::message::handshake::protect::{Opener, Terms};
use crate::message::handshake::suite::{Cipher, Suite};
use crate::message::handshake::{certificate, facts};
use crate::message::protocol::tls::keys::{Ladder, Legacy};
use crate::message::protocol::tls::record::Record;
use crate::message::protocol::tls::session::{CANDIDATES, Guard, Session};
use crate::model::budget::TLS_MESSAGE_BYTES;
use crate::model::flow::Blind;
use crate::model::stream::Direction;
use std::borrow::Cow;

impl Session {
    pub(super) fn handshake(
        &mut self,
        direction: Direction,
        record: &Record,
        protected: bool,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        let joiner = &mut self.half(direction).joiner;
        let skip = joiner.skip.min(record.body.len());
        joiner.skip = joiner.skip.saturating_sub(skip);
        joiner.bytes.extend_from_slice(record.body.get(skip..).unwrap_or_default());
        if !record.holes.is_empty() {
            joiner.tainted = joiner.bytes.len();
        }
        loop {
            let joiner = &mut self.half(direction).joiner;
            let mut cursor = Cursor::new(&joiner.bytes);
            let (Ok(kind), Ok(len)) = (cursor.u8("handshake type"), cursor.u24("handshake length")) else { break };
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            if len > TLS_MESSAGE_BYTES {
                let total = len.saturating_add(4);
                joiner.skip = total.saturating_sub(joiner.bytes.len());
                joiner.bytes.drain(..total.min(joiner.bytes.len()));
                continue;
            }
            let Ok(body) = cursor.take(len, "handshake message") else { break };
            let body = body.to_vec();
            let used = cursor.position();
            let intact = joiner.tainted == 0;
            joiner.bytes.drain(..used);
            joiner.tainted = joiner.tainted.saturating_sub(used);
            if intact {
                if (direction, kind) == (Direction::ToServer, 1)
                    && !protected
                    && self.client.is_none()
                    && let Ok(client) = ClientHello::parse(&body)
                {
                    facts::overhear(&client, &record.body, &record.origins, record.at, sink);
                }
                self.message(direction, kind, &body, protected, sink)?;
            }
        }
        Ok(())
    }

    pub(super) fn message(
        &mut self,
        direction: Direction,
        kind: u8,
        body: &[u8],
        protected: bool,
        sink: &mut Sink<'_>,
    ) -> Result<(), Malformed> {
        let tls13 = self.version() == Some(0x0304);
        if !tls13 && sink.secrets().rsa().next().is_some() {
            self.exchange.message(direction == Direction::ToServer, kind, body);
        }
        match (direction, kind) {
            (Direction::ToServer, 1) if !tls13 => self.client_hello(ClientHello::parse(body)?, sink),
            (Direction::ToClient, 2) if !tls13 => self.server_hello(ServerHello::parse(body)?, sink),
            (Direction::ToServer, 5) if tls13 && protected => self.advance(direction),
            (Direction::ToClient, 8) if tls13 => {
                if let Some(alpn) = hello::chosen_alpn(body) {
                    self.choose_alpn(alpn, sink);
                }
            }
            (_, 11) => {
                let chain = if tls13 { certificate::chain13(body) } else { certificate::chain12(body) };
                let name = match direction {
                    Direction::ToServer => "tls.client-certificate",
                    Direction::ToClient => "tls.certificate",
                };
                for der in chain.unwrap_or_default().into_iter().take(4) {
                    sink.fact(name, certificate::summary(der).unwrap_or_else(|| "unreadable".to_owned()));
                }
            }
            (Direction::ToClient, 12) if !tls13 => {
                // Only named curves say what they are; everything else is in the suite's name.
                if let [3, high, low, ..] = body
                    && self.suite().and_then(|suite| suite.key_exchange()).is_some_and(|kx| kx.starts_with("ECDHE"))
                {
                    sink.fact("tls.key-exchange", hello::group_name(u16::from_be_bytes([*high, *low])));
                }
            }
            (Direction::ToClient, 14) if !tls13 => self.done = true,
            (_, 20) if tls13 && protected => self.advance(direction),
            (_, 24) if tls13 && protected => {
                if let Guard::Ladder(ladder) = &mut self.half(direction).guard {
                    ladder.update();
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn advance(&mut self, direction: Direction) {
        if let Guard::Ladder(ladder) = &mut self.half(direction).guard {
            ladder.advance();
        }
    }

    pub(super) fn choose_alpn(&mut self, alpn: Vec<u8>, sink: &mut Sink<'_>) {
        if !self.chosen_alpn {
            self.chosen_alpn = true;
            sink.fact("tls.alpn", hello::alpn_text(&alpn));
        }
        self.alpn = Some(alpn);
    }

    pub(super) fn client_hello(&mut self, client: ClientHello, sink: &mut Sink<'_>) {
        // The second hello after a HelloRetryRequest repeats the first one's random.
        let known = self.next.as_ref().or(self.client.as_ref());
        if known.is_some_and(|known| known.random == client.random) {
            return;
        }
        if self.client.is_none() {
            facts::tell(&client, 't', sink);
            if let Some(offer) = client.ech() {
                sink.fact("tls.ech", offer.says());
            }
            // Early data comes before the server can choose; with one offer there is nothing to choose.
            if let [only] = client.alpn().as_slice() {
                self.alpn = Some(only.clone());
            }
        }
        if self.server.is_some() {
            // Renegotiation: what was agreed before holds until the server answers.
            self.next = Some(client);
        } else {
            self.client = Some(client);
        }
    }

    pub(super) fn server_hello(&mut self, server: ServerHello, sink: &mut Sink<'_>) {
        if server.is_retry() {
            return;
        }
        if let Some(next) = self.next.take() {
            self.client = Some(next);
            self.pending = None;
            self.done = false;
            for half in &mut self.halves {
                half.changed = false;
            }
        }
        let suite = Suite::of(server.suite);
        let name = hello::version_name(server.version);
        if server.version < 0x0303 {
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
        if server.version == 0x0304 {
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
        let tls13 = server.version == 0x0304;
        self.server = Some(server);
        if tls13 {
            for direction in Direction::BOTH {
                self.climb(direction, &[suite], sink);
            }
        }
    }

    /// TLS 1.3: from here on, records are protected.
    pub(super) fn climb(&mut self, direction: Direction, suites: &[Suite], sink: &Sink<'_>) {
        let secrets = sink.secrets();
        let randoms: Vec<[u8; 32]> = match &self.client {
            Some(client) if secrets.knows(&client.random) || client.extension(hello::EXT_ECH).is_none() => {
                vec![client.random]
            }
            // The hello is lost, or it is the outer one and the key log names the inner one's random: any may be it.
            _ => secrets.with_label("CLIENT_TRAFFIC_SECRET_0").map(|(random, _)| *random).take(CANDIDATES).collect(),
        };
        let guard = match &self.client {
            None if randoms.is_empty() => Guard::Dark(Blind::HandshakeMissing, "no client hello in the capture".into()),
            _ if suites.iter().all(|suite| !matches!(suite.cipher, Cipher::Aead(_))) => {
                let names: Vec<String> = suites.iter().map(Suite::label).collect();
                Guard::Dark(Blind::Unsupported, names.join(", ").into())
            }
            client => {
                let offered = client.as_ref().is_some_and(|client| client.extension(hello::EXT_EARLY_DATA).is_some());
                let early = direction == Direction::ToServer && offered;
                let mut ladder = Ladder::new(direction, secrets, &randoms, suites, early);
                if client.as_ref().is_none_or(|client| !secrets.knows(&client.random)) {
                    ladder.guess();
                }
                Guard::Ladder(Box::new(ladder))
            }
        };
        self.half(direction).guard = guard;
    }

    /// A record of application data, and nothing has said how it is protected.
    pub(super) fn guess(&mut self, direction: Direction, version: u16, sink: &mut Sink<'_>) {
        let tls13 = self.client.as_ref().is_some_and(|client| client.highest_version() == 0x0304);
        if self.server.is_some() && self.version() != Some(0x0304) {
            // The change of cipher is lost.
            self.change(direction, sink);
        } else if self.server.is_none() && tls13 {
            // The server's hello is lost, or not here yet: any suite the client offered will do.
            let offered: Vec<Suite> = self.client.as_ref().map_or_else(Vec::new, |client| {
                client.suites.iter().map(|&id| Suite::of(id)).filter(|suite| suite.id >> 8 == 0x13).collect()
            });
            self.climb(direction, &offered, sink);
        } else {
            if self.server.is_none() {
                // Records of TLS 1.2 and 1.3 carry the same version, those of older ones their own.
                match version {
                    0x0303 => sink.fact("tls.record.version", "TLS 1.2 or later, as its records say"),
                    old => sink.weakness("tls.record.version", hello::version_name(old), "transport below TLS 1.2"),
                }
            }
            let missing = Guard::Dark(Blind::HandshakeMissing, "the handshake is not in the capture".into());
            self.half(direction).guard = missing;
        }
    }

    /// Up to TLS 1.2: this direction changes to the keys agreed on.
    pub(super) fn change(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let Some(server) = &self.server else {
            // TLS 1.3 sends this for old middleboxes' sake; else the handshake is missing, as application data will tell.
            return;
        };
        if server.version == 0x0304 {
            return;
        }
        if direction == Direction::ToClient && !self.done && self.pending.is_none() {
            sink.fact("tls.resumed", "true");
        }
        if self.pending.is_none() {
            self.pending = Some(self.agree(sink));
        }
        let next = match &mut self.pending {
            Some(pair) => std::mem::take(direction.of_mut(pair)),
            None => return,
        };
        let half = self.half(direction);
        half.changed = true;
        if !matches!(next, Guard::Clear) {
            half.guard = next;
        }
    }

    /// Up to TLS 1.2: what protects both directions after the change.
    pub(super) fn agree(&self, sink: &Sink<'_>) -> [Guard; 2] {
        let dark = |why: Blind, detail: Cow<'static, str>| [Guard::Dark(why, detail.clone()), Guard::Dark(why, detail)];
        let (Some(server), Some(suite)) = (&self.server, self.suite()) else {
            return dark(Blind::HandshakeMissing, "no server hello in the capture".into());
        };
        if server.version < 0x0301 || server.version > 0x0303 {
            return dark(Blind::Unsupported, hello::version_name(server.version).into());
        }
        if suite.cipher == Cipher::Unsupported {
            return dark(Blind::Unsupported, suite.label().into());
        }
        if server.compression != 0 {
            return dark(Blind::Unsupported, "TLS compression".into());
        }
        let terms = Terms {
            version: server.version,
            encrypt_then_mac: server.extension(hello::EXT_ENCRYPT_THEN_MAC).is_some(),
            truncated_hmac: server.extension(hello::EXT_TRUNCATED_HMAC).is_some(),
        };
        let Some(client) = &self.client else {
            return dark(Blind::HandshakeMissing, "no client hello in the capture".into());
        };
        let secrets = sink.secrets();
        let with_rsa = suite.key_exchange() == Some("RSA") && secrets.rsa().next().is_some();
        let master = secrets.tls(&client.random, "CLIENT_RANDOM").map(<[u8]>::to_vec).or_else(|| {
            let extended = server.extension(hello::EXT_EXTENDED_MASTER_SECRET).is_some();
            let randoms = [client.random.as_slice(), &server.random];
            let open = || self.exchange.master(secrets, suite, server.version, extended, randoms);
            with_rsa.then(open).flatten()
        });
        let keys = match master {
            Some(master) => key_block(suite, terms, &master, &client.random, &server.random),
            None if with_rsa && self.done => {
                return dark(Blind::WrongKeys, "no supplied RSA key opens the key exchange".into());
            }
            None if !suite.is_secret() => Default::default(),
            None => return dark(Blind::NoKeys, self.missing_secret(sink)),
        };
        keys.map(|keys| match Opener::tls12(suite, terms, &keys) {
            Some(opener) => Guard::Legacy(Box::new(Legacy::new(opener))),
            None => Guard::Dark(Blind::Unsupported, suite.label().into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::message::harness::{Heard, meta, play, up};
    use crate::message::protocol::tls::PROTOCOL;

    fn extension(id: u8, data: &[u8]) -> Vec<u8> {
        [&[0, id, 0, u8::try_from(data.len()).unwrap()], data].concat()
    }

    fn listed(data: &[u8]) -> Vec<u8> {
        [&[0, u8::try_from(data.len()).unwrap()], data].concat()
    }

    /// Hello after hello, in a record each, cut in pieces of `step` bytes.
    fn heard(name: &str, offers: &[&str], random: &[u8], step: usize) -> Heard {
        let offered = |offer: &&str| [&[u8::try_from(offer.len()).unwrap()], offer.as_bytes()].concat();
        let mut extensions = extension(0, &listed(&[&[0][..], &listed(name.as_bytes())].concat()));
        if !offers.is_empty() {
            let all: Vec<u8> = offers.iter().flat_map(offered).collect();
            extensions.extend(extension(16, &listed(&all)));
        }
        let mut bytes = Vec::new();
        for byte in random {
            let body = [&[3, 3][..], &[*byte; 32], &[0, 0, 2, 0x13, 1, 1, 0], &listed(&extensions)].concat();
            let hello = [&[1, 0][..], &listed(&body)].concat();
            bytes.extend([&[0x16, 3, 1][..], &listed(&hello)].concat());
        }
        let events: Vec<_> = bytes.chunks(step).map(up).collect();
        play(&PROTOCOL, &meta(), 1 << 20, &events)
    }

    fn said(heard: &Heard) -> Vec<String> {
        let parts = heard.hellos.iter().flat_map(|hello| &hello.parts);
        parts.map(|part| String::from_utf8_lossy(&part.bytes).into_owned()).collect()
    }

    #[test]
    fn what_a_hello_says_in_clear_is_overheard_and_is_no_message() {
        for step in [1, 7, 1_000] {
            let heard = heard("Ada.push.a.example", &["h2", "the heron"], b"a", step);
            assert_eq!(said(&heard), ["Ada.push.a.example", "Adapushaexample", "h2", "the heron"]);
            assert!(heard.messages.is_empty() && heard.hosts == ["ada.push.a.example"]);
            assert!(heard.hellos[0].parts.iter().all(|part| part.origins.first().is_some()));
        }
        assert_eq!(said(&heard("a.example", &[], b"a", 9)), ["a.example"]);
        // It comes again after the server asked for another group, and says the same.
        assert_eq!(said(&heard("a.example", &[], b"aa", 9)), ["a.example"]);
        assert_eq!(said(&heard("", &[], b"a", 9)), [""; 0]);
    }
}
