//! One JSON document with arrays of records somewhere in it, as apps export chats: each element is a record, and what
//! stands around the arrays is one more.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::elements::{KEY, Path, Records, Where};
use crate::capture::lines::is_text;
use crate::capture::{EvidenceKind, Format, Source, Stopped, Window};
use std::collections::BTreeMap;

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "json-document",
    about: "a JSON document with arrays of records in it (exports of chats)",
    kind: EvidenceKind::Store,
    sniff,
    open,
    secrets: None,
};

/// Fewest records of an array that make a document a store.
const FEWEST: u64 = 2;
/// Bytes from which it is learned where records are.
const SAMPLE: usize = 1 << 20;
/// Elements for each of the array around them that make the inner array the one of records.
const SHARE: u64 = 3;

fn sniff(head: &[u8]) -> Match {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    // A document on one line is a line of a log as likely.
    let lines =
        text.first() == Some(&b'{') && text.get(1..).is_some_and(|rest| rest.trim_ascii_start().first() == Some(&b'"'));
    let broken = memchr::memchr(b'\n', text)
        .is_some_and(|end| !text.get(..end).unwrap_or_default().trim_ascii_end().ends_with(b"}"));
    let records = || counts(text).values().any(|count| *count >= FEWEST);
    if lines && broken && is_text(head) && records() { Match::Maybe } else { Match::No }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the registry's signature: other formats have a header that may be broken"
)]
fn open(mut window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    let counts = counts(window.head(SAMPLE));
    let split = counts.iter().filter(|(path, count)| {
        let inner = counts.iter().filter(|(inner, _)| inner.len() > path.len() && inner.starts_with(path));
        inner.map(|(_, count)| *count).max().is_some_and(|most| most >= count.saturating_mul(SHARE))
    });
    let split: Vec<Path> = split.map(|(path, _)| path.clone()).collect();
    Ok(Box::new(Records::new(window, Where::Outermost(split))))
}

/// How many objects the arrays of a document hold, by the way to them: keys, and nothing for each array on it.
fn counts(text: &[u8]) -> BTreeMap<Path, u64> {
    let mut found: BTreeMap<Path, u64> = BTreeMap::new();
    // Whether each container is an array, and the key of the member that it is at.
    let mut open: Vec<(bool, Vec<u8>)> = Vec::new();
    let (mut quoted, mut escaped, mut last) = (false, false, Vec::new());
    for byte in text {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                byte if last.len() < KEY => last.push(*byte),
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => {
                quoted = true;
                last.clear();
            }
            b':' => {
                if let Some((false, key)) = open.last_mut() {
                    *key = std::mem::take(&mut last);
                }
            }
            b'{' | b'[' => {
                if open.last().is_some_and(|(array, _)| *array) && *byte == b'{' {
                    // The way to the array: without its own place in it.
                    let way = open.iter().take(open.len().saturating_sub(1)).map(|(_, key)| key.clone()).collect();
                    let count = found.entry(way).or_default();
                    *count = count.saturating_add(1);
                }
                if open.len() >= 64 || found.len() >= 1_024 {
                    break;
                }
                open.push((*byte == b'[', Vec::new()));
            }
            b'}' | b']' => drop(open.pop()),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Wanted, open_bytes};
    use crate::model::item::Item;

    #[test]
    fn records_are_found_where_they_are_and_the_rest_is_one_more() {
        let message = |n: u32| {
            format!("   {{\"id\": {n}, \"text\": \"a [{{\\\"\", \"marks\": [{{\"of\": {n}}}, {{\"of\": 0}}]}}")
        };
        let chat = |name: &str, from: u32| {
            let messages: Vec<String> = (from..from + 4).map(message).collect();
            format!("  {{\"name\": \"{name}\", \"messages\": [\n{}\n  ]}}", messages.join(",\n"))
        };
        let users = "[\n {\"user\": \"u1\"},\n {\"user\": \"u2\"}\n]";
        let text = format!(
            "{{\n \"about\": \"you\",\n \"chats\": {{\"list\": [\n{},\n{}\n ]}},\n \"users\": {users}\n}}\n",
            chat("x", 1),
            chat("y", 5)
        );
        assert_eq!(sniff(text.as_bytes()), Match::Maybe);
        let mut opened = open_bytes(text.into_bytes(), "export", Wanted::Any).unwrap();
        assert_eq!(opened.format, "json-document");
        let mut found = Vec::new();
        while let Some(Item::Record(record)) = opened.source.next().unwrap() {
            assert!(record.whole);
            found.push((record.line, serde_json::from_slice::<serde_json::Value>(record.bytes).unwrap()));
        }
        assert_eq!(opened.source.loss().records(), 0);
        let ids: Vec<u64> = found.iter().filter_map(|(_, value)| value["id"].as_u64()).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(found.iter().filter(|(_, value)| value["user"].is_string()).count(), 2);
        let (line, rest) = found.last().unwrap();
        assert_eq!((found.len(), *line), (11, 1));
        assert_eq!((&rest["about"], &rest["chats"]["list"][1]["name"]), (&"you".into(), &"y".into()));
    }

    #[test]
    fn other_documents_are_left() {
        for text in [
            "{\"a\":[{\"b\":1},{\"b\":2},{\"b\":3}]}\n{\"a\":1}\n",
            "{\n \"a\": [1, 2, 3]\n}\n",
            "[\n {\"a\": 1}\n]\n",
            "{",
        ] {
            assert_eq!(sniff(text.as_bytes()), Match::No, "{text}");
        }
    }
}
