//! DNS flows. The proxy keeps queries and answers taken apart; they are put together again (RFC 1035 section 4), so that
//! whoever reads DNS reads these.

use super::connection::Ends;
use super::time;
use super::tnetstring::Value;
use crate::capture::Loss;
use crate::model::account::{Account, Piece};
use crate::model::stream::Direction;

/// Questions and records of one message that are put together.
const RECORDS: usize = 4_096;

/// One DNS flow: query and answer.
pub(super) fn account(record: Value<'_>, ends: &Ends, loss: &mut Loss) -> Account {
    let mut account = ends.account();
    // One message each, over whatever transport.
    account.meta.datagrams = true;
    account.meta.hint = Some("dns".to_owned());
    for (key, direction) in [("request", Direction::ToServer), ("response", Direction::ToClient)] {
        let Some(message) = record.get(&[key]) else {
            if direction == Direction::ToClient {
                account.blind.push(ends.cut_short(direction));
            }
            continue;
        };
        let at = message.get(&["timestamp"]).map_or(account.meta.at, time);
        match wire(message) {
            Some(bytes) => account.pieces.push(Piece { direction, at, bytes }),
            None => loss.record("unreadable DNS message", || format!("flow {}: the {key}", ends.number)),
        }
    }
    account
}

/// A message in wire format.
fn wire(message: Value<'_>) -> Option<Vec<u8>> {
    let int = |key: &str| message.get(&[key]).and_then(Value::int).unwrap_or(0);
    let flag = |key: &str, bit: u16| if message.get(&[key]).is_some_and(Value::is_true) { bit } else { 0 };
    let nibble = |key: &str| u16::try_from(int(key)).unwrap_or(0) & 15;
    let flags = (0x8000 ^ flag("query", 0x8000))
        | nibble("op_code") << 11
        | flag("authoritative_answer", 0x400)
        | flag("truncation", 0x200)
        | flag("recursion_desired", 0x100)
        | flag("recursion_available", 0x80)
        | nibble("response_code");
    let questions: Vec<Value<'_>> = items(message, "questions");
    let sections = ["answers", "authorities", "additionals"].map(|key| items(message, key));
    let count = |len: usize| u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
    let mut out = Vec::new();
    out.extend(u16::try_from(int("id")).ok()?.to_be_bytes());
    out.extend(flags.to_be_bytes());
    out.extend(count(questions.len()));
    out.extend(sections.iter().flat_map(|records| count(records.len())));
    for question in questions {
        head(question, &mut out)?;
    }
    for record in sections.iter().flatten() {
        head(*record, &mut out)?;
        let ttl = field(*record, "ttl", 2).and_then(Value::int).unwrap_or(0);
        out.extend(u32::try_from(ttl).unwrap_or(0).to_be_bytes());
        // Without a key: name, type, class, time to live, data.
        let data = field(*record, "data", 4).or_else(|| field(*record, "data", 3))?.bytes()?;
        out.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        out.extend(data);
    }
    Some(out)
}

fn items<'a>(message: Value<'a>, key: &str) -> Vec<Value<'a>> {
    message.get(&[key]).into_iter().flat_map(Value::items).take(RECORDS).collect()
}

/// A field of a question or record, which is a map, or a list in versions that had none.
fn field<'a>(record: Value<'a>, key: &str, place: usize) -> Option<Value<'a>> {
    if record.is_list() { record.items().nth(place) } else { record.get(&[key]) }
}

/// Name, type and class.
fn head(record: Value<'_>, out: &mut Vec<u8>) -> Option<()> {
    let name = field(record, "name", 0)?.bytes()?;
    for label in name.split(|byte| *byte == b'.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).ok().filter(|len| *len < 64)?);
        out.extend(label);
    }
    out.push(0);
    for (key, place) in [("type", 1), ("class_", 2)] {
        let value = field(record, key, place)?.int()?;
        out.extend(u16::try_from(value).ok()?.to_be_bytes());
    }
    Some(())
}
