//! Syslog, as RFC 5424 has it and as RFC 3164 described it: priority, time, host, tag and message taken apart.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::lines::head_lines;
use crate::capture::parted::{self, Part};
use crate::capture::{EvidenceKind, Format, Source, Stopped, Window};

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "syslog",
    about: "syslog lines (RFC 5424, RFC 3164)",
    kind: EvidenceKind::Store,
    sniff,
    open,
    secrets: None,
};

/// Lines of the head that are looked at.
const LOOK: usize = 100;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn sniff(head: &[u8]) -> Match {
    parted::sniff(head, head_lines(head).take(LOOK), parts)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the registry's signature: other formats have a header that may be broken"
)]
fn open(window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    Ok(parted::open(window, parts))
}

fn parts(line: &str) -> Option<Vec<Part<'_>>> {
    let (level, rest) = match line.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((level, rest)) if level.len() <= 3 && level.parse::<u8>().is_ok() => (Some(level), rest),
        Some(_) => return None,
        None => (None, line),
    };
    let mut found: Vec<Part<'_>> = level.map(|level| ("priority", level)).into_iter().collect();
    // RFC 5424, section 6: VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA [SP MSG].
    if let Some(rest) = rest.strip_prefix("1 ").filter(|_| level.is_some()) {
        let mut words = rest.splitn(6, ' ');
        let (time, host, app, _, _, rest) =
            (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
        let (data, message) = structured(rest)?;
        for part in [("time", time), ("host", host), ("tag", app), ("data", data), ("message", message)] {
            if part.1 != "-" && !part.1.is_empty() {
                found.push(part);
            }
        }
        return Some(found);
    }
    // RFC 3164, section 4.1: Mmm dd hh:mm:ss HOST TAG[PID]: MSG; or with the time as RFC 3339 has it.
    let (time, rest) = match rest.get(..3) {
        Some(month) if MONTHS.contains(&month) => {
            let clock = rest.get(7..15)?;
            let fits = clock.get(2..3) == Some(":") && clock.get(5..6) == Some(":") && rest.get(15..16) == Some(" ");
            (rest.get(..15).filter(|_| fits)?, rest.get(16..)?)
        }
        _ => {
            let (time, rest) = rest.split_once(' ')?;
            let fits = time.len() >= 20 && time.get(10..11) == Some("T") && time.get(13..14) == Some(":");
            (Some(time).filter(|_| fits)?, rest)
        }
    };
    let (host, rest) = rest.split_once(' ')?;
    let (tag, message) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, "")))?;
    let name = tag.split('[').next()?;
    if name.is_empty() || name.contains(' ') || host.contains(['=', ':', '"']) && !host.contains("::") {
        return None;
    }
    found.extend([("time", time), ("host", host), ("tag", name), ("message", message)]);
    Some(found)
}

/// The structured data and what follows it; quotes and brackets may be escaped inside.
fn structured(rest: &str) -> Option<(&str, &str)> {
    if let Some(message) = rest.strip_prefix('-') {
        return Some(("-", message.trim_start_matches([' ', '\u{feff}'])));
    }
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted && rest.as_bytes().get(at.saturating_add(1)) != Some(&b'[') => {
                let (data, message) = rest.split_at_checked(at.saturating_add(1))?;
                return data.starts_with('[').then_some((data, message.trim_start_matches([' ', '\u{feff}'])));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        for (line, want) in [
            (
                "<34>1 2026-11-02T09:00:00.003Z mx.example chat - ID47 [ex@1 a=\"x]\" b=\"y\"][z] from=+447700900142",
                vec![
                    ("priority", "34"),
                    ("time", "2026-11-02T09:00:00.003Z"),
                    ("host", "mx.example"),
                    ("tag", "chat"),
                    ("data", "[ex@1 a=\"x]\" b=\"y\"][z]"),
                    ("message", "from=+447700900142"),
                ],
            ),
            (
                "Nov  2 09:00:00 host sshd[12]: Accepted password for priya",
                vec![
                    ("time", "Nov  2 09:00:00"),
                    ("host", "host"),
                    ("tag", "sshd"),
                    ("message", "Accepted password for priya"),
                ],
            ),
            (
                "2026-11-02T09:00:00.1+01:00 host chat: hi: there",
                vec![
                    ("time", "2026-11-02T09:00:00.1+01:00"),
                    ("host", "host"),
                    ("tag", "chat"),
                    ("message", "hi: there"),
                ],
            ),
        ] {
            assert_eq!(parts(line), Some(want), "{line}");
        }
        for line in
            ["2026-11-02T09:00:00Z INFO chat from=+447700900142", "<html>1 2 3", "level=info msg=hello", "", "Nov"]
        {
            assert_eq!(parts(line), None, "{line}");
        }
    }
}
