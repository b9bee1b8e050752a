//! RSA key exchange, opened with the server's private key.
//!
//! Timing (RUSTSEC-2023-0071) is nobody's secret here: the key is the auditor's own and nothing answers a peer.

use crate::message::crypto::hash::Hash;
use crate::message::handshake::key_block::expand;
use crate::message::handshake::suite::Suite;
use crate::model::secret::Secrets;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::{Pkcs1v15Encrypt, PrivateKey};

/// Bytes of handshake messages of one direction that are kept for the session hash.
const TRANSCRIPT: usize = 256 << 10;

/// What the key exchange needs of the handshake messages.
#[derive(Default)]
pub(super) struct Exchange {
    /// `ClientHello`.
    first: Vec<u8>,
    /// `ServerHello` to `ServerHelloDone`.
    server: Vec<u8>,
    /// `ServerHelloDone` was seen: what the server says next (a ticket) is not part of it.
    done: bool,
    /// From there to `ClientKeyExchange`.
    client: Vec<u8>,
    /// `ClientKeyExchange` itself.
    encrypted: Option<Vec<u8>>,
}

impl Exchange {
    /// Takes a handshake message; each side's come in order, whatever the other has sent meanwhile.
    pub(super) fn message(&mut self, to_server: bool, kind: u8, body: &[u8]) {
        let slot = match (to_server, kind) {
            (true, 1) => {
                // A second hello begins another handshake. The server's answer cannot be here before it.
                *self = Self::default();
                &mut self.first
            }
            (true, _) if self.encrypted.is_none() => &mut self.client,
            (false, _) if !self.done => {
                self.done = kind == 14;
                &mut self.server
            }
            _ => return,
        };
        if slot.len().saturating_add(body.len()) > TRANSCRIPT {
            return;
        }
        slot.push(kind);
        slot.extend(u32::try_from(body.len()).unwrap_or_default().to_be_bytes().into_iter().skip(1));
        slot.extend_from_slice(body);
        if to_server && kind == 16 {
            self.encrypted = body.get(2..).map(<[u8]>::to_vec);
        }
    }

    /// The master secret, if one of the supplied keys opens the exchange.
    pub(super) fn master(
        &self,
        secrets: &Secrets,
        suite: Suite,
        version: u16,
        extended: bool,
        randoms: [&[u8]; 2],
    ) -> Option<Vec<u8>> {
        let encrypted = self.encrypted.as_deref()?;
        let premaster = secrets.rsa().find_map(|der| {
            let key = PrivateKey::from_pkcs8_der(der).or_else(|_| PrivateKey::from_pkcs1_der(der)).ok()?;
            key.decrypt(Pkcs1v15Encrypt, encrypted).ok().filter(|premaster| premaster.len() == 48)
        })?;
        if !extended {
            return Some(expand(suite, version, &premaster, "master secret", &randoms, 48));
        }
        let parts: [&[u8]; 3] = [&self.first, &self.server, &self.client];
        let hash = if version >= 0x0303 {
            suite.hash.digest(&parts)
        } else {
            [Hash::Md5.digest(&parts), Hash::Sha1.digest(&parts)].concat()
        };
        Some(expand(suite, version, &premaster, "extended master secret", &[&hash], 48))
    }
}
