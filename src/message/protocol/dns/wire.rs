//! DNS messages as they are written (RFC 1035 section 4).

use crate::bytes::{Cursor, Malformed, domain};
use crate::model::message::{Part, PartKind};
use crate::model::origin::Origins;
use std::ops::Range;

/// Bytes of a message header.
pub(super) const HEADER: usize = 12;
/// Records of one message, over all sections: more than a datagram holds.
const RECORDS: u32 = 4_096;

pub(super) const A: u16 = 1;
pub(super) const CNAME: u16 = 5;
pub(super) const PTR: u16 = 12;
pub(super) const MX: u16 = 15;
pub(super) const TXT: u16 = 16;
pub(super) const AAAA: u16 = 28;
pub(super) const SRV: u16 = 33;
pub(super) const OPT: u16 = 41;

#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) flags: u16,
    pub(super) questions: u16,
    pub(super) records: u32,
}

impl Header {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        cursor.u16("id")?;
        let flags = cursor.u16("flags")?;
        let questions = cursor.u16("counts")?;
        let mut records = 0_u32;
        for _ in 0..3 {
            records = records.saturating_add(u32::from(cursor.u16("counts")?));
        }
        Ok(Self { flags, questions, records })
    }

    pub(super) const fn is_response(self) -> bool {
        self.flags & 0x8000 != 0
    }

    pub(super) const fn is_plausible(self) -> bool {
        let opcode = (self.flags >> 11) & 0x0f;
        // The reserved bit is zero (RFC 1035); opcodes 1 and 3 are not in use.
        self.flags & 0x0040 == 0 && matches!(opcode, 0 | 2 | 4 | 5) && self.questions <= 64 && self.records <= RECORDS
    }
}

/// A name: its labels, and where the bytes are that it begins with.
#[derive(Clone, Debug, Default)]
pub(super) struct Name {
    pub(super) labels: Vec<Vec<u8>>,
    /// Where each label's bytes are.
    pub(super) spans: Vec<Range<usize>>,
}

impl Name {
    /// The labels with `glue` between them.
    pub(super) fn part(&self, kind: PartKind, glue: &[u8], origins: &Origins) -> Part {
        let mut frames = Origins::new();
        for (n, span) in self.spans.iter().enumerate() {
            if n > 0 && !glue.is_empty() {
                // Where text has a dot, the wire has the length of the next label.
                frames.append(&origins.slice(span.start.saturating_sub(1), span.start));
            }
            frames.append(&origins.slice(span.start, span.end));
        }
        Part::new(kind, self.labels.join(glue), frames)
    }

    pub(super) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.labels.join(&b"."[..])).to_lowercase();
        text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) name: Name,
    pub(super) kind: u16,
    pub(super) class: u16,
}

#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) name: Name,
    pub(super) kind: u16,
    pub(super) class: u16,
    pub(super) data: Range<usize>,
}

pub(super) struct Message {
    pub(super) header: Header,
    pub(super) questions: Vec<Question>,
    pub(super) records: Vec<Record>,
}

impl Message {
    /// Reads a message to its last byte.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let header = Header::read(bytes)?;
        if u32::from(header.questions) > RECORDS || header.records > RECORDS {
            return Err(Malformed::TooLarge("DNS message"));
        }
        let mut cursor = Cursor::new(bytes);
        cursor.take(HEADER, "header")?;
        let mut questions = Vec::new();
        for _ in 0..header.questions {
            let name = name(bytes, &mut cursor)?;
            questions.push(Question { name, kind: cursor.u16("type")?, class: cursor.u16("class")? });
        }
        let mut records = Vec::new();
        for _ in 0..header.records {
            let name = name(bytes, &mut cursor)?;
            let (kind, class) = (cursor.u16("type")?, cursor.u16("class")?);
            cursor.u32("time to live")?;
            let len = usize::from(cursor.u16("record length")?);
            let from = cursor.position();
            cursor.take(len, "record")?;
            records.push(Record { name, kind, class, data: from..from.saturating_add(len) });
        }
        cursor.finish("DNS message")?;
        Ok(Self { header, questions, records })
    }
}

/// A name, following its pointers.
pub(super) fn name<'a>(message: &'a [u8], cursor: &mut Cursor<'a>) -> Result<Name, Malformed> {
    let spans = domain::labels(message, cursor)?;
    let labels = spans.iter().map(|span| message.get(span.clone()).unwrap_or_default().to_vec()).collect();
    Ok(Name { labels, spans })
}

/// How people call a record type.
pub(super) fn kind_name(kind: u16) -> String {
    let name = match kind {
        A => "A",
        2 => "NS",
        CNAME => "CNAME",
        6 => "SOA",
        PTR => "PTR",
        MX => "MX",
        TXT => "TXT",
        AAAA => "AAAA",
        SRV => "SRV",
        OPT => "OPT",
        43 => "DS",
        46 => "RRSIG",
        48 => "DNSKEY",
        64 => "SVCB",
        65 => "HTTPS",
        255 => "ANY",
        _ => return format!("TYPE{kind}"),
    };
    name.to_owned()
}

/// How people call a response code.
pub(super) fn code_name(code: u16) -> String {
    let name = match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        _ => return format!("RCODE{code}"),
    };
    name.to_owned()
}
