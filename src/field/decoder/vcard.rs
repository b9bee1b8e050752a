//! Contacts, appointments and entries of directories: vCard (RFC 6350), iCalendar (RFC 5545) and LDIF (RFC 2849). Their lines are
//! folded anywhere, within words and within base64, and values of the first two escape commas, semicolons and line breaks.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::text::is_media_type;
use crate::field::{Decoder, Fields, Hint, Key, Sample, transfer};
use crate::model::field::{Kind, Reach};
use std::ops::Range;

/// The entry.
pub(super) static VCARD: Decoder = Decoder {
    name: "vcard",
    about: "contacts, appointments and directory entries, unfolded: vCard, iCalendar, LDIF",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::COLON, none: Shape::NUL, min: 20, undeclared: Some(&[Shape::BREAK]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"BEGIN:VCARD\r\nVERSION:3.0\r\nNOTE:The her\r\n on\\, who waits\\; at dusk\r\nEND:VCARD\r\n",
            hint: "",
            shows: "The heron, who waits; at dusk",
            trail: "vcard NOTE",
        },
        Sample {
            bytes: b"BEGIN:VCARD\nVERSION:3.0\nPHOTO;ENCODING=b;TYPE=JPEG:VGhlIGhlcm9uIGxhbmRz\n IGF0IGR1c2sgYmVoaW5k\n\tIHRoZSBtaWxs\nEND:VCARD\n",
            hint: "text/vcard",
            shows: "The heron lands at dusk behind the mill",
            trail: "vcard PHOTO > base64",
        },
        Sample {
            bytes: b"BEGIN:VCARD\r\nVERSION:2.1\r\nNOTE;ENCODING=QUOTED-PRINTABLE:The h=C3=A9r=\r\non lands\r\nEND:VCARD\r\n",
            hint: "",
            shows: "The h\u{e9}ron lands",
            trail: "vcard NOTE",
        },
        Sample {
            bytes: b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY;LANGUAGE=\"a:b\":The he\r\n ron lands\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            hint: "",
            shows: "The heron lands",
            trail: "vcard SUMMARY",
        },
        Sample {
            bytes: b"dn: cn=Ada,dc=example\ncn:: VGhlIGhlcm9u\n IGxhbmRz\ndescription: The otter sl\n eeps\n",
            hint: "",
            shows: "The heron lands",
            trail: "vcard cn",
        },
    ],
};

const TYPES: &[&str] = &["text/vcard", "text/x-vcard", "text/directory", "text/calendar"];

/// Whether bytes begin as a file of directory entries does.
fn is_ldif(text: &[u8]) -> bool {
    let entry = text.strip_prefix(b"version: 1").map_or(text, <[u8]>::trim_ascii_start);
    entry.starts_with(b"dn: ") || entry.starts_with(b"dn:: ")
}

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    let text = bytes.trim_ascii_start();
    if is_ldif(text) {
        return if memchr::memchr(b'\n', text).is_some() { Match::Maybe } else { Match::No };
    }
    let begins = text.get(..7).is_some_and(|begin| begin.eq_ignore_ascii_case(b"BEGIN:V"));
    let ends = memchr::memmem::rfind(text, b"END:V").is_some();
    let is_one = ends || !hint.whole || is_media_type(hint.content_type, TYPES);
    if begins && is_one && memchr::memchr(b'\n', text).is_some() { Match::Certain } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let is_ldif = is_ldif(bytes.trim_ascii_start());
    let mut at = 0_usize;
    while at < bytes.len() {
        let line = at..end(bytes, at);
        at = line.end;
        if fields.is_full() {
            fields.exhausted("fields");
            break;
        }
        property(bytes, line, is_ldif, fields);
    }
    fields.found("contacts")
}

/// Whether a line break stands at the end of `line`, and what it is.
fn broken(line: &[u8]) -> usize {
    match line {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}

/// The end of the line that begins at `at`, with those that continue it.
fn end(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        end = end.saturating_add(memchr::memchr(b'\n', rest).map_or(rest.len(), |len| len.saturating_add(1)));
        let folded = matches!(bytes.get(end), Some(b' ' | b'\t'));
        let line = bytes.get(at..end).unwrap_or_default();
        // vCard 2.1 breaks lines as mails do.
        let text = line.get(..line.len().saturating_sub(broken(line))).unwrap_or_default();
        let soft = text.ends_with(b"=") && is_printable(text.get(..text.len().min(256)).unwrap_or_default());
        if end >= bytes.len() || !(folded || soft) {
            return end;
        }
    }
}

fn is_printable(head: &[u8]) -> bool {
    memchr::memmem::find(&head.to_ascii_uppercase(), b"QUOTED-PRINTABLE").is_some()
}

/// Puts out the value of one property.
fn property(bytes: &[u8], line: Range<usize>, is_ldif: bool, fields: &mut Fields<'_>) {
    let text = bytes.get(line.clone()).unwrap_or_default();
    let mut quoted = false;
    let colon = text.iter().position(|byte| {
        quoted ^= *byte == b'"';
        *byte == b':' && !quoted
    });
    let Some(colon) = colon else {
        if !text.trim_ascii().is_empty() {
            let view = fields.view(line);
            fields.leaf(Key::Name("line"), view, Kind::Text);
        }
        return;
    };
    let head = text.get(..colon).unwrap_or_default();
    let name = head.iter().position(|byte| *byte == b';').unwrap_or(colon);
    let mut from = line.start.saturating_add(colon).saturating_add(1);
    let to = line.end.saturating_sub(broken(text)).max(from);
    let coded = is_ldif && bytes.get(from) == Some(&b':');
    if is_ldif {
        let signs = bytes.get(from..to).unwrap_or_default().iter().take_while(|byte| matches!(byte, b':' | b' '));
        from = from.saturating_add(signs.count());
    }
    let value = bytes.get(from..to).unwrap_or_default();
    let is_frame = |name: &[u8]| head.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    if value.is_empty() || (name == colon && (is_frame(b"BEGIN") || is_frame(b"END"))) {
        return;
    }
    let key = Key::At(fields.view(line.start..line.start.saturating_add(name)));
    if coded || is_printable(head) {
        let moved = |(here, there): (u32, u32)| (here, there.saturating_add(to_u32(from)));
        let (out, reach) = if coded { transfer::base64(value) } else { transfer::quoted_printable(value) };
        let reach = match reach {
            Reach::Table(pairs) => Reach::Table(pairs.into_iter().map(moved).collect()),
            Reach::Blocks(pairs) => Reach::Blocks(pairs.into_iter().map(moved).collect()),
            _ => Reach::Within { start: to_u32(from), end: to_u32(to) },
        };
        fields.decoded(key, out, reach, None);
        return;
    }
    if memchr::memchr2(b'\\', b'\n', value).is_none() {
        let view = fields.view(from..to);
        fields.leaf(key, view, Kind::Text);
        return;
    }
    fields.begin_text();
    let (mut verbatim, mut at) = (0_usize, 0_usize);
    while let Some(found) = memchr::memchr3(b'\\', b'\r', b'\n', value.get(at..).unwrap_or_default()) {
        at = at.saturating_add(found);
        let (said, len) = match value.get(at..).unwrap_or_default() {
            [b'\r', b'\n', b' ' | b'\t', ..] => (None, 3),
            [b'\n', b' ' | b'\t', ..] => (None, 2),
            [b'\\', b'n' | b'N', ..] if !is_ldif => (Some(b'\n'), 2),
            [b'\\', byte @ (b',' | b';' | b'\\' | b':'), ..] if !is_ldif => (Some(*byte), 2),
            _ => {
                at = at.saturating_add(1);
                continue;
            }
        };
        fields.text(value.get(verbatim..at).unwrap_or_default(), from.saturating_add(verbatim));
        if let Some(said) = said {
            fields.escape(&[said], from.saturating_add(at));
        }
        at = at.saturating_add(len);
        verbatim = at;
    }
    fields.text(value.get(verbatim..).unwrap_or_default(), from.saturating_add(verbatim));
    let view = fields.end_text(to);
    fields.leaf(key, view, Kind::Text);
}

#[cfg(test)]
mod tests {
    use crate::field::walk_bytes;

    fn shows(bytes: &str, text: &str) -> bool {
        walk_bytes(bytes, None, |tree| tree.leaves().any(|(_, node)| tree.bytes(node) == text.as_bytes()))
    }

    /// A value is found wherever its line is folded, in every form of line break.
    #[test]
    fn lines_are_unfolded_wherever_they_are_folded() {
        let text = "The heron lands at dusk";
        for at in 1..text.len() {
            let (one, two) = text.split_at(at);
            for fold in ["\r\n ", "\n ", "\n\t"] {
                let card = format!("BEGIN:VCARD\nVERSION:4.0\nNOTE:{one}{fold}{two}\nEND:VCARD\n");
                assert!(shows(&card, text), "{card:?}");
                let entry = format!("version: 1\n\ndn: cn=x\ndescription: {one}{fold}{two}\n");
                assert!(fold == "\n\t" || shows(&entry, text), "{entry:?}");
            }
        }
        let soft = "BEGIN:VCARD\r\nNOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:The heron=20=\r\nlands\r\nTEL:+447700900142\r\nEND:VCARD";
        assert!(shows(soft, "The heron lands") && shows(soft, "+447700900142"));
        assert!(shows("BEGIN:VEVENT\nLOCATION:By the mill\\, dusk\\nlate\nEND:VEVENT", "By the mill, dusk\nlate"));
    }

    #[test]
    fn talk_of_cards_is_none() {
        for text in ["BEGIN:VCARD is how they begin, she said", "dn is a name: it stands before others"] {
            walk_bytes(text, None, |tree| assert_eq!(tree.nodes.len(), 1, "{text}"));
        }
    }
}
