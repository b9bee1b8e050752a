//! Runs: one action of a messenger, repeated with a text of the auditor's choice, as pairs of captures compare it.
//!
//! Each run signs on, sends one message and tells a log host of it, over TLS. Sessions, times and identifiers are fresh in
//! every run, as they are in life; what the ciphers make is real.

use crate::capture::{Capture, Exchange};
use crate::http;
use crate::rng::Rng;
use crate::story::{PROVIDER, THIRD, base64};
use aes::Aes256;
use cbc::cipher::{Array, BlockModeEncrypt as _, KeyIvInit as _};
use ring::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use std::fmt::Write as _;

/// How the app seals a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Seal {
    /// AES-256-GCM, a fresh nonce in front.
    Gcm,
    /// ChaCha20-Poly1305 over UTF-16, a fresh nonce in front.
    WideChaCha,
    /// AES-256-CBC, a fresh initial value in front.
    Cbc,
    /// AES-256-CBC with an initial value that never changes, which is sent beside.
    FixedCbc,
    /// AES-256-GCM over the text padded to 512 bytes.
    Padded,
}

/// What the app tells somebody else's log host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Log {
    /// A fresh session identifier and the time.
    Session,
    /// The text itself, sealed for that host.
    Sealed,
    /// How many vowels it has.
    Vowels,
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub struct Run<'t> {
    /// Everything that is fresh in it follows from this.
    pub seed: u64,
    /// What the auditor sends.
    pub text: &'t str,
    /// How it goes to the provider.
    pub seal: Seal,
    /// What goes to the log host.
    pub log: Log,
    /// Whether the message itself is sent: without it, the app only signs on.
    pub sends: bool,
}

impl Run<'_> {
    /// Its packets and secrets.
    pub fn capture(&self) -> Capture {
        let mut rng = Rng::new(self.seed ^ 0x5255_4e53);
        // The key that the app keeps, and its certificate for signing on: the same in every run.
        let kept = Rng::new(0x6b65_7073).bytes(48);
        let at = 1_793_610_000 + self.seed * 977;
        let answer = || http::ok("application/json", b"{\"ok\":true}");
        let post = |host: &str, path: &str, body: &str| {
            Exchange::new(http::post(host, path, "application/json", body.as_bytes()), answer())
        };
        let sign_on = format!(
            r#"{{"app":"8.6.1","install":"{}","session":"{}","at":{at}}}"#,
            base64(&kept),
            base64(&rng.bytes(24))
        );
        let mut exchanges = vec![post(PROVIDER, "/v1/sign-on", &sign_on)];
        if self.sends {
            let (beside, sealed) = self.sealed(&mut rng, 0x11);
            let id = rng.next();
            let body = format!(r#"{{"to":"ivo","id":"{id:016x}","at":{},{beside}"ct":"{}"}}"#, at + 3, base64(&sealed));
            exchanges.push(post(PROVIDER, "/v1/send", &body));
        }
        let told = match self.log {
            Log::Session => format!(r#""session":"{}""#, base64(&rng.bytes(33))),
            Log::Sealed => format!(r#""blob":"{}""#, base64(&gcm(&rng.bytes(12), 0x77, self.text.as_bytes()))),
            Log::Vowels => format!(r#""v":{}"#, self.text.chars().filter(|c| "aeiou".contains(*c)).count()),
        };
        let log = post(THIRD, "/v1/log", &format!(r#"{{"event":"sent","at":{},{told}}}"#, at + 4));
        Capture::new(self.seed)
            .dns(PROVIDER, "203.0.113.7")
            .tls_http(PROVIDER, "203.0.113.7", &exchanges)
            .dns(THIRD, "198.51.100.7")
            .tls_http(THIRD, "198.51.100.7", &[log])
    }

    /// Members to stand beside the ciphertext, and the ciphertext.
    fn sealed(&self, rng: &mut Rng, key: u8) -> (String, Vec<u8>) {
        let text = self.text.as_bytes();
        let bare = String::new();
        match self.seal {
            Seal::Gcm => (bare, gcm(&rng.bytes(12), key, text)),
            Seal::WideChaCha => {
                let wide: Vec<u8> = self.text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                let nonce = rng.bytes(12);
                (
                    bare,
                    seal(
                        &LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &[key; 32]).expect("32 bytes")),
                        &nonce,
                        &wide,
                    ),
                )
            }
            Seal::Cbc => {
                let iv = rng.bytes(16);
                (bare, [iv.clone(), cbc(&iv, key, text)].concat())
            }
            Seal::FixedCbc => {
                let iv = Rng::new(0x6976).bytes(16);
                let mut beside = String::new();
                write!(beside, r#""iv":"{}","#, base64(&iv)).expect("a string takes all");
                (beside, cbc(&iv, key, text))
            }
            Seal::Padded => {
                let mut padded = text.to_vec();
                padded.resize(text.len().next_multiple_of(512), 0);
                (bare, gcm(&rng.bytes(12), key, &padded))
            }
        }
    }
}

/// The nonce, the ciphertext and the tag.
fn gcm(nonce: &[u8], key: u8, text: &[u8]) -> Vec<u8> {
    seal(&LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[key; 32]).expect("32 bytes")), nonce, text)
}

fn seal(key: &LessSafeKey, nonce: &[u8], text: &[u8]) -> Vec<u8> {
    let mut sealed = text.to_vec();
    let fresh = Nonce::try_assume_unique_for_key(nonce).expect("12 bytes");
    key.seal_in_place_append_tag(fresh, Aad::empty(), &mut sealed).expect("short");
    [nonce, &sealed].concat()
}

/// The ciphertext, padded by PKCS#7.
fn cbc(iv: &[u8], key: u8, text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    let pad = 16 - text.len() % 16;
    text.resize(text.len() + pad, u8::try_from(pad).expect("16 at most"));
    let mut mode = cbc::Encryptor::<Aes256>::new_from_slices(&[key; 32], iv).expect("right lengths");
    let (blocks, _) = Array::slice_as_chunks_mut(&mut text);
    mode.encrypt_blocks(blocks);
    text
}
