//! Stories: small random sessions of a messenger with a scenario for each, and what must come of it.
//!
//! A story tells planted values to somebody, one way or another, and knows which of its claims that contradicts. It is
//! what the laws of judging are stated over: whatever a seed makes, splitting its packets changes nothing, taking some
//! away never helps a claim, and the contradicted claims are the ones named here.

use crate::capture::{Capture, Exchange};
use crate::http;
use crate::packet::Direction;
use crate::rng::Rng;
use crate::tls::{Step, Tls};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The vendor's servers.
pub const PROVIDER: &str = "api.chatterly.example";
/// Somebody else's.
pub const THIRD: &str = "in.adzebra.example";

/// What the auditor planted: id, data, value. The last two are one person's, for `unlinkable`.
pub const PLANTED: [(&str, &str, &str); 5] = [
    ("greeting", "messages", "The heron lands at dusk behind the old mill"),
    ("place", "precise-location", "48.2081743,16.3738189"),
    ("device", "device-id", "9f31c7e2-58ab-4d06-b1f4-72e0a95d3c68"),
    ("number", "phone-number", "+447700900142"),
    ("nickname", "name", "Wren Ashdown-Quill"),
];

/// The claims of every story: id, promise, data.
pub const CLAIMS: [(&str, &str, &str); 8] = [
    ("sealed", "end-to-end-encrypted", r#"["messages"]"#),
    ("on-the-way", "encrypted-in-transit", r#"["messages", "phone-number"]"#),
    ("no-place", "not-collected", r#"["precise-location"]"#),
    ("no-device", "not-collected", r#"["device-id"]"#),
    ("place-kept", "not-shared-with-third-parties", r#"["precise-location"]"#),
    ("device-kept", "not-shared-with-third-parties", r#"["device-id"]"#),
    ("words-kept", "not-shared-with-third-parties", r#"["messages", "phone-number"]"#),
    ("apart", "unlinkable", r#"["phone-number", "name"]"#),
];

/// How a message's content goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// Readable, in JSON.
    Plain,
    /// Readable by anyone who undoes base64.
    Base64,
    /// Readable by anyone who undoes gzip.
    Gzip,
    /// Readable, in the query.
    Query,
    /// As good ciphertext: random bytes, longer than what they stand for.
    Sealed,
    /// As ciphertext of a block cipher in ECB mode: equal blocks stay equal.
    Ecb,
}

/// What carries it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Road {
    /// Plain HTTP.
    Clear,
    /// TLS whose secrets are in the capture.
    Tls,
    /// TLS whose secrets nobody kept.
    TlsWithoutSecrets,
}

/// One request of a story.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Telling {
    /// Indices into [`PLANTED`] of what is told together.
    pub planted: Vec<usize>,
    /// To the vendor, or to the third party.
    pub third: bool,
    /// How it is written.
    pub form: Form,
    /// What carries it.
    pub road: Road,
}

/// A session and what it tells.
#[derive(Clone, Debug)]
pub struct Story {
    /// Its requests, in order.
    pub tellings: Vec<Telling>,
    /// Its packets and secrets.
    pub capture: Capture,
}

impl Story {
    /// The story of a seed. All verdicts occur among the first hundred seeds.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x5354_4f52);
        let count = rng.below(4);
        let mut tellings: Vec<Telling> = (0..count).map(|_| telling(&mut rng)).collect();
        // Most apps do deliver messages, sealed; without one there is no control.
        if rng.below(4) != 0 {
            let road = if rng.below(6) == 0 { Road::TlsWithoutSecrets } else { Road::Tls };
            tellings.insert(0, Telling { planted: vec![0], third: false, form: Form::Sealed, road });
        }
        Self::of(seed, tellings)
    }

    /// The story with these requests.
    pub fn of(seed: u64, tellings: Vec<Telling>) -> Self {
        let mut rng = Rng::new(seed);
        let check = http::get("connectivitycheck.os-vendor.example", "/generate_204");
        let answer = Exchange::new(check, http::response("204 No Content", &[], b""));
        let mut capture = Capture::new(seed).plain_http("198.51.100.9", &[answer]);
        for (index, telling) in (0_u64..).zip(&tellings) {
            let (host, ip) = if telling.third { (THIRD, "198.51.100.7") } else { (PROVIDER, "203.0.113.7") };
            let exchange =
                Exchange::new(telling.request(host, &mut rng), http::ok("application/json", b"{\"ok\":true}"));
            capture = capture.dns(host, ip);
            capture = match telling.road {
                Road::Clear => capture.plain_http(ip, &[exchange]),
                Road::Tls => capture.tls_http(host, ip, &[exchange]),
                Road::TlsWithoutSecrets => {
                    let script = [
                        Step::Send(Direction::ToServer, exchange.request),
                        Step::Send(Direction::ToClient, exchange.response),
                    ];
                    let session = Tls::new(host).seed(seed.wrapping_mul(31).wrapping_add(index)).session(&script);
                    capture.tcp(&format!("{ip} 443"), &session.flights)
                }
            };
        }
        Self { tellings, capture }
    }

    /// Its scenario file; the capture is named `capture`, and holds its secrets.
    pub fn scenario(&self, capture: &str) -> String {
        let mut toml = String::from("[app]\nname = \"Chatterly\"\n\n[parties]\nprovider = [\"chatterly.example\"]\n\n");
        for (id, data, value) in PLANTED {
            write!(toml, "[[planted]]\nid = \"{id}\"\ndata = \"{data}\"\nvalue = \"{value}\"\n\n").expect("takes all");
        }
        for (id, promise, data) in CLAIMS {
            write!(
                toml,
                "[[claim]]\nid = \"{id}\"\ntext = \"We keep it to ourselves.\"\nsource = \"https://chatterly.example/\"\n\
                 seen = 2026-11-02\npromise = \"{promise}\"\ndata = {data}\n\n"
            )
            .expect("takes all");
        }
        writeln!(toml, "[[capture]]\npath = \"{capture}\"").expect("takes all");
        toml
    }

    /// The claims that what can be read contradicts: these, and no others.
    pub fn contradicted(&self) -> BTreeSet<&'static str> {
        let readable = self.tellings.iter().filter(|telling| telling.is_readable());
        let mut claims = BTreeSet::new();
        for telling in readable {
            let told: Vec<&str> = telling.planted.iter().map(|index| PLANTED[*index].1).collect();
            for (id, promise, data) in CLAIMS {
                let about = told.iter().filter(|data_told| data.contains(**data_told)).count();
                let broken = match promise {
                    "end-to-end-encrypted" | "not-collected" => about > 0,
                    "encrypted-in-transit" => about > 0 && telling.road == Road::Clear,
                    "not-shared-with-third-parties" => about > 0 && telling.third,
                    "unlinkable" => about > 1,
                    _ => unreachable!("the table above has no other promise"),
                };
                if broken {
                    claims.insert(id);
                }
            }
        }
        claims
    }
}

impl Telling {
    /// Whether somebody with the capture can read it.
    pub fn is_readable(&self) -> bool {
        !matches!(self.form, Form::Sealed | Form::Ecb) && self.road != Road::TlsWithoutSecrets
    }

    fn request(&self, host: &str, rng: &mut Rng) -> Vec<u8> {
        let members: Vec<String> = self.planted.iter().map(|index| member(*index)).collect();
        let plain = format!("{{{}}}", members.join(","));
        let wrapped = |name: &str, bytes: &[u8]| format!("{{\"v\":2,\"{name}\":\"{}\"}}", base64(bytes));
        let post = |body: &[u8]| http::post(host, "/v1/events", "application/json", body);
        match self.form {
            Form::Plain => post(plain.as_bytes()),
            Form::Base64 => post(wrapped("blob", plain.as_bytes()).as_bytes()),
            Form::Gzip => {
                let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
                http::request("POST", host, "/v1/events", &headers, &http::gzip(plain.as_bytes()))
            }
            Form::Query => http::get(host, &format!("/v1/px?e={}", percent(&plain))),
            Form::Sealed => {
                let sealed = rng.bytes(plain.len() + 64);
                post(wrapped("ciphertext", &sealed).as_bytes())
            }
            Form::Ecb => {
                let padded = format!("{plain}{}", " ".repeat(160));
                post(wrapped("ciphertext", &ecb(padded.as_bytes(), rng)).as_bytes())
            }
        }
    }
}

fn telling(rng: &mut Rng) -> Telling {
    let first = rng.below(PLANTED.len());
    // Number and nickname are one person's: told together, or the nickname not at all.
    let planted = match first {
        3 if rng.below(2) == 0 => vec![3, 4],
        4 => vec![4, 3],
        0 if rng.below(3) == 0 => vec![0, 2],
        only => vec![only],
    };
    let forms = [Form::Plain, Form::Base64, Form::Gzip, Form::Query, Form::Sealed, Form::Ecb];
    let roads = [Road::Clear, Road::Tls, Road::Tls, Road::Tls, Road::TlsWithoutSecrets];
    Telling { planted, third: rng.below(3) == 0, form: forms[rng.below(6)], road: roads[rng.below(5)] }
}

/// A planted value as a member of a JSON object.
fn member(index: usize) -> String {
    let (id, data, value) = PLANTED[index];
    match value.split_once(',').filter(|_| data == "precise-location") {
        Some((latitude, longitude)) => format!("\"{id}\":{{\"lat\":{latitude},\"lon\":{longitude}}}"),
        None => format!("\"{id}\":\"{value}\""),
    }
}

/// What ECB does: a table from block to block. The table is drawn rather than computed, which no reader can tell.
fn ecb(plain: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut table: Vec<(&[u8], Vec<u8>)> = Vec::new();
    let mut out = Vec::new();
    for block in plain.chunks(16) {
        let known = table.iter().find(|(from, _)| *from == block).map(|(_, to)| to.clone());
        let cipher = known.unwrap_or_else(|| {
            let drawn = rng.bytes(16);
            table.push((block, drawn.clone()));
            drawn
        });
        out.extend(cipher);
    }
    out
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut word = 0_u32;
        for index in 0..3 {
            word = word << 8 | u32::from(group.get(index).copied().unwrap_or(0));
        }
        for index in 0..4 {
            let six = usize::try_from(word >> (18 - 6 * index) & 63).expect("six bits");
            text.push(if index <= group.len() { char::from(ALPHABET[six]) } else { '=' });
        }
    }
    text
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes all");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stories_differ_and_break_every_claim_sometime() {
        let mut broken = BTreeSet::new();
        let mut quiet = 0;
        for seed in 0..100 {
            let story = Story::new(seed);
            quiet += usize::from(story.contradicted().is_empty());
            broken.extend(story.contradicted());
            assert_eq!(story.tellings, Story::new(seed).tellings);
        }
        assert_eq!(broken.len(), CLAIMS.len(), "{broken:?}");
        assert!((20..80).contains(&quiet), "{quiet}");
    }

    #[test]
    fn encodings_are_the_usual_ones() {
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
        assert_eq!(percent("+44 é"), "%2B44%20%C3%A9");
        let mut rng = Rng::new(1);
        let cipher = ecb(&[7; 64], &mut rng);
        assert!(cipher.len() == 64 && cipher[..16] == cipher[48..]);
    }
}
