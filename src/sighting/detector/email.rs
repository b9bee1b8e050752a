//! E-mail addresses.

use crate::model::field::Tree;
use crate::model::taxonomy::Data;
use crate::sighting::rule::hit;
use crate::sighting::{Card, Cx, Detector, Example, Hit};

/// The detector.
pub(super) struct Emails;

static CARD: Card = Card {
    id: "email",
    title: "E-mail address",
    why: "An address names a person and joins what different services know of them.",
    hits: &[
        Example { body: b"{\"from\":\"priya.k+7@mail.example.org\"}", planted: &[] },
        Example { body: b"to <a_b@x-y.co>, ", planted: &[] },
    ],
    misses: &[
        Example { body: b"icon@2x.png", planted: &[] },
        Example { body: b"left-pad@1.3.0", planted: &[] },
        Example { body: b"@scope/package and a @ b", planted: &[] },
        Example { body: b"git@github.com:owner/name.git", planted: &[] },
        Example { body: b"https://user:pw@host.example/", planted: &[] },
    ],
};

/// What follows an `@` in names of files rather than addresses.
const FILES: [&str; 12] = ["png", "jpg", "jpeg", "gif", "webp", "svg", "css", "js", "json", "html", "mp4", "local"];

impl Detector for Emails {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn rule(&self) -> Option<Data> {
        Some(Data::Email)
    }

    fn on_message(&self, tree: &Tree<'_>, _: &Cx<'_>, out: &mut Vec<Hit>) {
        for (id, buffer) in (0..).zip(&tree.buffers) {
            for at in memchr::memchr_iter(b'@', &buffer.bytes) {
                if let Some(range) = address(&buffer.bytes, at) {
                    let reason = "An e-mail address that was not planted was readable";
                    out.push(hit(CARD.id, Data::Email, "e-mail address", id, range, reason));
                }
            }
        }
    }
}

/// The range of the address around the `@` at `at` (RFC 5321, as people have them).
fn address(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let local = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-' | b'%');
    let before = bytes.get(at.saturating_sub(65)..at)?;
    let len = before.iter().rev().take_while(|byte| local(byte)).count();
    let name = before.get(before.len() - len..)?;
    if !(1..=64).contains(&len) || name.starts_with(b".") || name.ends_with(b".") {
        return None;
    }
    let start = at - len;
    if matches!(start.checked_sub(1).and_then(|i| bytes.get(i)), Some(b':' | b'/')) {
        // Credentials in a URL, unless it is `mailto:`.
        if !bytes.get(..start)?.ends_with(b"mailto:") && !bytes.get(..start)?.ends_with(b"\":") {
            return None;
        }
    }
    let after = bytes.get(at + 1..)?;
    let host = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let len = after.iter().take(254).take_while(|byte| host(byte)).count();
    let domain = std::str::from_utf8(after.get(..len)?).ok()?.trim_end_matches(['.', '-']);
    let (head, top) = domain.rsplit_once('.')?;
    let labels = head.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    let real = (2..=24).contains(&top.len())
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !FILES.contains(&top.to_ascii_lowercase().as_str());
    if after.get(len) == Some(&b':')
        && after.get(len + 1).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'/')
    {
        return None;
    }
    (labels && real).then_some((start, at + 1 + domain.len()))
}
