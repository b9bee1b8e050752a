//! Android's log as `logcat` writes it (threadtime, time and brief): time, level, tag and message taken apart.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::lines::head_lines;
use crate::capture::parted::{self, Part};
use crate::capture::{EvidenceKind, Format, Source, Stopped, Window};

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "logcat",
    about: "Android logs (logcat -v threadtime, time or brief)",
    kind: EvidenceKind::Store,
    sniff,
    open,
    secrets: None,
};

/// Lines of the head that are looked at.
const LOOK: usize = 100;

fn sniff(head: &[u8]) -> Match {
    parted::sniff(head, head_lines(head).take(LOOK).filter(|line| !line.starts_with(b"---------")), parts)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the registry's signature: other formats have a header that may be broken"
)]
fn open(window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    Ok(parted::open(window, parts))
}

/// `MM-DD hh:mm:ss.mmm  PID  TID L Tag: message`, with a year in front, or `L/Tag(PID): message` with or without a time.
fn parts(line: &str) -> Option<Vec<Part<'_>>> {
    let (time, rest) = match line.split_once(' ').map(|(date, rest)| (date, rest.trim_start())) {
        Some((date, rest)) if is_date(date) => {
            let (clock, rest) = rest.split_once(' ')?;
            if !(clock.get(2..3) == Some(":") && clock.get(5..6) == Some(":")) {
                return None;
            }
            (Some(line.get(..line.len().checked_sub(rest.len())?.checked_sub(1)?)?), rest.trim_start())
        }
        _ => (None, line),
    };
    let level = |text: &str| matches!(text, "V" | "D" | "I" | "W" | "E" | "F" | "A" | "S");
    let mut found: Vec<Part<'_>> = time.map(|time| ("time", time)).into_iter().collect();
    if let Some((letter, rest)) = rest.split_once('/')
        && level(letter)
    {
        let (tag, message) = rest.split_once("): ").or_else(|| Some((rest.strip_suffix("):")?, "")))?;
        let (tag, pid) = tag.rsplit_once('(')?;
        pid.trim().parse::<u32>().ok()?;
        if tag.trim_end().is_empty() || tag.trim_end().contains(' ') {
            return None;
        }
        found.extend([("level", letter), ("tag", tag.trim_end()), ("message", message)]);
        return Some(found);
    }
    time?;
    let (pid, rest) = rest.split_once(' ')?;
    let (tid, rest) = rest.trim_start().split_once(' ')?;
    // Newer ones have a user before the process.
    let (tid, rest) = match rest.trim_start().split_once(' ') {
        Some((next, after)) if next.bytes().all(|byte| byte.is_ascii_digit()) => (next, after),
        _ => (tid, rest),
    };
    let (letter, rest) = rest.trim_start().split_once(' ')?;
    tid.parse::<u32>().ok()?;
    if pid.is_empty() || !level(letter) {
        return None;
    }
    let (tag, message) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, "")))?;
    found.extend([("level", letter), ("tag", tag.trim()), ("message", message)]);
    Some(found)
}

fn is_date(text: &str) -> bool {
    let shape: Vec<bool> = text.bytes().map(|byte| byte.is_ascii_digit()).collect();
    let dashes = text.bytes().filter(|byte| *byte == b'-').count();
    matches!((shape.len(), dashes), (5, 1) | (10, 2)) && shape.iter().filter(|digit| !**digit).count() == dashes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        for (line, want) in [
            (
                "11-02 09:00:00.123  812  815 D Relay: from=+447700900142 text=hi",
                vec![
                    ("time", "11-02 09:00:00.123"),
                    ("level", "D"),
                    ("tag", "Relay"),
                    ("message", "from=+447700900142 text=hi"),
                ],
            ),
            (
                "2026-11-02 09:00:00.123 10123  812  815 I Chat  : sent: ok",
                vec![("time", "2026-11-02 09:00:00.123"), ("level", "I"), ("tag", "Chat"), ("message", "sent: ok")],
            ),
            ("W/Chat( 812): late", vec![("level", "W"), ("tag", "Chat"), ("message", "late")]),
            (
                "11-02 09:00:00.123 E/Chat(812): late",
                vec![("time", "11-02 09:00:00.123"), ("level", "E"), ("tag", "Chat"), ("message", "late")],
            ),
        ] {
            assert_eq!(parts(line), Some(want), "{line}");
        }
        for line in
            ["2026-11-02 09:00:00 INFO [123] produkt=x", "hello: world", "", "A/B testing (12): yes", "GET /x HTTP/1.1"]
        {
            assert_eq!(parts(line), None, "{line}");
        }
    }
}
