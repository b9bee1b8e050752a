//! Passwords, tokens and authorisation headers.

use crate::model::field::{Step, Tree};
use crate::model::message::PartKind;
use crate::model::taxonomy::Data;
use crate::sighting::rule::{Words, hit, value_after};
use crate::sighting::{Card, Cx, Detector, Example, Hit};
use std::sync::LazyLock;

/// The detector.
pub(super) struct Credentials;

static CARD: Card = Card {
    id: "credentials",
    title: "Password or access token",
    why: "Whoever reads these can act as the user.",
    hits: &[
        Example { body: b"user=a&password=hunter2%21", planted: &[] },
        Example { body: b"{\"userPassword\":\"correct horse\"}", planted: &[] },
        Example { body: b"Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc", planted: &[] },
        Example { body: b"{\"access_token\":\"ya29.a0AfH6SMBx\"}", planted: &[] },
    ],
    misses: &[
        Example { body: b"{\"password\":\"\"}", planted: &[] },
        Example { body: b"{\"password\":null,\"passwordHint\":\"no\"}", planted: &[] },
        Example { body: b"Please enter your password: and go", planted: &[] },
        Example { body: b"{\"password\":\"********\"}", planted: &[] },
        Example { body: b"the bearer of news", planted: &[] },
    ],
};

/// One list, so that every byte is looked at once: first the schemes, then the names of fields.
static WORDS: LazyLock<Words> = LazyLock::new(|| Words::new(NAMES));

const NAMES: &[&str] = &[
    "bearer ",
    "basic ",
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "client_secret",
    "access_token",
    "refresh_token",
    "accesstoken",
    "refreshtoken",
    "auth_token",
    "authtoken",
    "session_token",
    "api_key",
    "apikey",
    "private_key",
    "secret_key",
];

/// How many of the words are schemes.
const SCHEMES: usize = 2;

/// Headers whose whole value is a credential.
const HEADERS: [&str; 5] = ["authorization", "proxy-authorization", "x-api-key", "x-auth-token", "x-access-token"];

impl Detector for Credentials {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn rule(&self) -> Option<Data> {
        Some(Data::Credentials)
    }

    fn words(&self) -> &'static [&'static str] {
        NAMES
    }

    fn on_message(&self, tree: &Tree<'_>, cx: &Cx<'_>, out: &mut Vec<Hit>) {
        let reason = "Credentials that were not planted were readable";
        for node in &tree.nodes {
            let Step::Part(part) = node.step else { continue };
            let Some(part) = tree.message.parts.get(part as usize) else { continue };
            if part.kind == PartKind::Header && HEADERS.contains(&part.name.as_str()) && node.end - node.start >= 6 {
                let range = (node.start as usize, node.end as usize);
                out.push(hit(CARD.id, Data::Credentials, "authorization header", node.buffer, range, reason));
            }
        }
        for (id, buffer) in (0..).zip(&tree.buffers).filter(|(id, _)| cx.may_hold_words(*id)) {
            let bytes = &buffer.bytes;
            WORDS.ends(bytes, |word, end| {
                if word < SCHEMES {
                    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
                    let len = bytes.get(end..).unwrap_or_default().iter().take(4_096).take_while(|b| token(b)).count();
                    let value = bytes.get(end..end + len).unwrap_or_default();
                    if len >= 16 && value.iter().any(u8::is_ascii_digit) {
                        out.push(hit(CARD.id, Data::Credentials, "bearer token", id, (end, end + len), reason));
                    }
                    return;
                }
                let Some((start, end)) = value_after(bytes, end) else { return };
                if is_secret(bytes.get(start..end).unwrap_or_default()) {
                    out.push(hit(CARD.id, Data::Credentials, "named field", id, (start, end), reason));
                }
            });
        }
    }
}

/// Not a placeholder, a word of prose or a literal.
fn is_secret(value: &[u8]) -> bool {
    let masked = value.iter().all(|byte| matches!(byte, b'*' | b'.' | b'x' | b'X' | b'-'));
    let literal = [&b"null"[..], b"true", b"false", b"undefined", b"none", b"and"].contains(&value);
    value.len() >= 4
        && value.len() <= 4_096
        && !masked
        && !literal
        && !matches!(value.first(), Some(b'{' | b'[' | b'<'))
}
