//! `application/dns-message` (RFC 8484): DNS over HTTPS, whose names and texts are the message's fields.
//!
//! DNS over UDP, TCP, TLS and QUIC is read by the dissector `dns`.

use crate::bytes::domain::labels;
use crate::bytes::{Cursor, Malformed, Match};
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_media_type;
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::{Kind, Reach};
use std::net::Ipv4Addr;
use std::ops::Range;

/// The entry.
pub(super) static DNS_MESSAGE: Decoder = Decoder {
    name: "dns-message",
    about: "messages of DNS over HTTPS, as bodies and as the query's base64 (RFC 8484)",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::NUL, none: Shape::NONE, min: HEADER, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[Sample {
        bytes: b"\0\0\x81\x80\0\x01\0\x01\0\0\0\0\x05heron\x07example\0\0\x10\0\x01\xc0\x0c\0\x10\0\x01\0\0\0\x3c\0\x11\x04The \x0bheron lands",
        hint: "application/dns-message",
        shows: "The heron lands",
        trail: "dns-message answer[0].text",
    }],
};

/// Bytes of a message header.
const HEADER: usize = 12;
/// Records of one message, over all sections: more than the longest holds.
const RECORDS: u32 = 4_096;

const A: u16 = 1;
const CNAME: u16 = 5;
const PTR: u16 = 12;
const MX: u16 = 15;
const TXT: u16 = 16;
const SRV: u16 = 33;

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    if is_media_type(hint.content_type, &["application/dns-message"]) {
        return Match::Certain;
    }
    // Behind a GET the message is the query's parameter `dns` (section 4.1): a question, and its reserved bit is zero.
    let asked = matches!(bytes.get(2..6), Some([flags, low, 0, 1]) if flags & 0xf8 == 0 && low & 0x40 == 0);
    let named = hint.name.get() == Some("dns") && hint.within.contains(&"base64");
    if named && asked && skim(bytes).is_ok() { Match::Maybe } else { Match::No }
}

/// Counts of the four sections, if every one of them is there to its last byte.
fn skim(bytes: &[u8]) -> Result<[u16; 4], Malformed> {
    let mut cursor = Cursor::new(bytes);
    cursor.take(4, "header")?;
    let mut counts = [0_u16; 4];
    for count in &mut counts {
        *count = cursor.u16("counts")?;
    }
    if counts.iter().map(|count| u32::from(*count)).sum::<u32>() > RECORDS {
        return Err(Malformed::TooLarge("DNS message"));
    }
    let [questions, records @ ..] = counts;
    for _ in 0..questions {
        labels(bytes, &mut cursor)?;
        cursor.take(4, "question")?;
    }
    for _ in 0..records.iter().map(|count| u32::from(*count)).sum() {
        labels(bytes, &mut cursor)?;
        cursor.take(8, "record")?;
        let length = cursor.u16("record length")?;
        cursor.take(usize::from(length), "record")?;
    }
    cursor.finish("DNS message")?;
    Ok(counts)
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let counts = skim(bytes)?;
    let mut cursor = Cursor::new(bytes);
    cursor.take(HEADER, "header")?;
    let [questions, records @ ..] = counts;
    if questions > 0 {
        fields.enter(Key::Name("question"), fields.view(cursor.position()..cursor.position()));
        for index in 0..questions {
            let name = labels(bytes, &mut cursor)?;
            put_name(bytes, &name, Key::Index(u32::from(index)), fields);
            cursor.take(4, "question")?;
        }
        fields.leave(cursor.position());
    }
    for (section, count) in ["answer", "authority", "additional"].into_iter().zip(records) {
        if count == 0 {
            continue;
        }
        fields.enter(Key::Name(section), fields.view(cursor.position()..cursor.position()));
        for index in 0..count {
            fields.enter(Key::Index(u32::from(index)), fields.view(cursor.position()..cursor.position()));
            record(bytes, &mut cursor, fields)?;
            fields.leave(cursor.position());
        }
        fields.leave(cursor.position());
    }
    fields.found("DNS message")
}

fn record<'a>(bytes: &'a [u8], cursor: &mut Cursor<'a>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let owner = labels(bytes, cursor)?;
    put_name(bytes, &owner, Key::Name("name"), fields);
    let kind = cursor.u16("type")?;
    cursor.take(6, "record")?;
    let length = usize::from(cursor.u16("record length")?);
    let start = cursor.position();
    let end = start.saturating_add(length);
    let mut data = *cursor;
    cursor.take(length, "record")?;
    match kind {
        CNAME | PTR | MX | SRV => {
            let before = match kind {
                SRV => 6,
                MX => 2,
                _ => 0,
            };
            data.take(before, "record")?;
            let target = labels(bytes, &mut data)?;
            put_name(bytes, &target, Key::Name("target"), fields);
        }
        TXT => {
            // Strings of up to 255 bytes, which belong together (RFC 7208 section 3.3).
            fields.begin_text();
            while data.position() < end {
                let length = usize::from(data.u8("text")?);
                let from = data.position();
                fields.text(data.take(length, "text")?, from);
            }
            let view = fields.end_text(end);
            fields.leaf(Key::Name("text"), view, Kind::Text);
        }
        A if length == 4 => {
            let ip = bytes.get(start..end).and_then(|ip| <[u8; 4]>::try_from(ip).ok()).unwrap_or_default();
            fields.decoded(Key::Name("address"), Ipv4Addr::from(ip).to_string().into_bytes(), within(start, end), None);
        }
        _ if length == 0 => {}
        _ => {
            fields.leaf(Key::Name("data"), fields.view(start..end), Kind::Bytes);
        }
    }
    Ok(())
}

/// A name with dots, as people write it. Its labels may stand further back in the message, in any order.
fn put_name(bytes: &[u8], name: &[Range<usize>], key: Key, fields: &mut Fields<'_>) {
    let (Some(start), Some(end)) =
        (name.iter().map(|label| label.start).min(), name.iter().map(|label| label.end).max())
    else {
        return;
    };
    let labels: Vec<&[u8]> = name.iter().map(|label| bytes.get(label.clone()).unwrap_or_default()).collect();
    fields.decoded(key, labels.join(&b"."[..]), within(start, end), None);
}

fn within(start: usize, end: usize) -> Reach {
    Reach::Within { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_to_itself_ends_the_reading() {
        let message = b"\0\0\x01\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01";
        assert!(skim(message).is_err());
        let past = b"\0\0\x01\0\0\x01\0\0\0\0\0\0\xc0\xff\0\x01\0\x01";
        assert!(skim(past).is_err());
        let fine = b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x05heron\0\0\x01\0\x01";
        assert_eq!(skim(fine), Ok([1, 0, 0, 0]));
        assert!(skim(&fine[..fine.len() - 1]).is_err());
    }
}
