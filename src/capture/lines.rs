//! Lines of a text file of any size, with their numbers; what makes bytes text, and what makes text a log.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::{Loss, Stopped, Window};
use crate::model::budget::RECORD_BYTES;
use crate::model::origin::FrameNo;
use std::borrow::Cow;

/// Bytes asked for at first when no whole line is at hand.
const STEP: usize = 64 << 10;

/// A line of the file, still standing in the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: FrameNo,
    /// Bytes of it, without the line's end; [`Lines::bytes`] shows them.
    pub(super) len: usize,
    /// The file broke off in it.
    pub(super) cut: bool,
}

/// Reads a file line by line.
pub(super) struct Lines {
    window: Window,
    /// What ends a line.
    end: u8,
    read: FrameNo,
    held: usize,
    /// Bytes of padding in front of the line at hand.
    skip: usize,
    loss: Loss,
}

impl Lines {
    /// From the first byte on; a byte order mark is no part of the first line.
    pub(super) fn new(mut window: Window) -> Self {
        if window.head(3) == b"\xef\xbb\xbf" {
            window.consume(3);
        }
        let end = line_end(window.head(super::open::HEAD));
        Self { window, end, read: 0, held: 0, skip: 0, loss: Loss::default() }
    }

    /// The next line. Lines over the budget are skipped, told and counted.
    pub(super) fn next(&mut self) -> Result<Option<Line>, Stopped> {
        self.window.consume(self.held);
        (self.held, self.skip) = (0, 0);
        let mut want = STEP;
        loop {
            let mut end = memchr::memchr(self.end, self.window.peek(usize::MAX));
            if end.is_none() {
                end = memchr::memchr(self.end, self.window.head(want));
            }
            if let Some(len) = end {
                let at_hand = self.window.peek(len);
                let crlf = len.checked_sub(1).and_then(|last| at_hand.get(last)) == Some(&b'\r');
                self.read = self.read.saturating_add(1);
                self.held = len.saturating_add(1);
                if len > RECORD_BYTES {
                    self.too_long(len as u64);
                    self.window.consume(self.held);
                    self.held = 0;
                    want = STEP;
                    continue;
                }
                return Ok(Some(self.line(len.saturating_sub(usize::from(crlf)), false)));
            }
            let have = self.window.head(want).len();
            if have < want {
                let broken = self.window.broken().map(str::to_owned);
                if have == 0 {
                    return broken.map_or(Ok(None), |why| Err(self.window.stopped(why)));
                }
                self.read = self.read.saturating_add(1);
                self.held = have;
                return Ok(Some(self.line(have, broken.is_some())));
            }
            if have > RECORD_BYTES {
                self.skip_line();
                want = STEP;
            } else {
                want = want.saturating_mul(2);
            }
        }
    }

    /// The line at hand, without the zeros that a crash or a full disk pads files with.
    fn line(&mut self, len: usize, cut: bool) -> Line {
        let bytes = self.window.peek(len);
        let inside = unpadded(bytes);
        let padding = bytes.len().saturating_sub(inside.len());
        let skip = if inside.is_empty() { 0 } else { bytes.iter().take_while(|byte| **byte == 0).count() };
        let len = inside.len();
        if padding > 0 {
            self.loss.remark("lines are padded with zeros, which were passed over");
        }
        self.skip = skip;
        Line { number: self.read, len, cut }
    }

    /// The bytes of the line that was read last.
    pub(super) fn bytes(&self, line: Line) -> &[u8] {
        self.window.peek(self.skip.saturating_add(line.len)).get(self.skip..).unwrap_or_default()
    }

    /// What was lost so far.
    pub(super) fn loss(&mut self) -> &mut Loss {
        &mut self.loss
    }

    /// Takes what was lost.
    pub(super) fn take_loss(&mut self) -> Loss {
        std::mem::take(&mut self.loss)
    }

    fn skip_line(&mut self) {
        self.read = self.read.saturating_add(1);
        let mut skipped = 0_u64;
        loop {
            let chunk = self.window.head(STEP);
            if chunk.is_empty() {
                break;
            }
            let (step, ended) =
                memchr::memchr(self.end, chunk).map_or((chunk.len(), false), |at| (at.saturating_add(1), true));
            skipped = skipped.saturating_add(step as u64);
            self.window.consume(step);
            if ended {
                break;
            }
        }
        self.too_long(skipped);
    }

    fn too_long(&mut self, bytes: u64) {
        let line = self.read;
        self.loss.record("line over the budget", || format!("line {line} is {bytes} bytes long and was skipped"));
    }
}

/// Bytes as text; what is not UTF-8 is read as Windows-1252, which has a character for every byte, and what has a zero
/// beside every other byte as UTF-16.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    if is_wide(bytes) {
        // Of the last character a zero was taken for padding.
        let even: Vec<u8> = bytes.iter().copied().chain((bytes.len() % 2 == 1).then_some(0)).collect();
        return Cow::Owned(encoding_rs::UTF_16LE.decode_without_bom_handling(&even).0.into_owned());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    // A broken character spoils none of its neighbours.
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.push_str(&encoding_rs::WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
    }
    Cow::Owned(out)
}

/// Whether bytes are letters in UTF-16, the less significant byte first: so they stand in a line whose padding was taken
/// off, whatever order the file has.
fn is_wide(bytes: &[u8]) -> bool {
    let zero = memchr::memchr(0, bytes);
    zero.is_some_and(|at| at < 64) && memchr::memchr_iter(0, bytes).count().saturating_mul(3) > bytes.len()
}

/// What ends a line: a carriage return where there is no line feed.
fn line_end(head: &[u8]) -> u8 {
    let (feed, carriage) = (memchr::memchr(b'\n', head), memchr::memchr(b'\r', head));
    if feed.is_none() && carriage.is_some() { b'\r' } else { b'\n' }
}

/// Whether bytes begin a text file: no control characters but in a few lines, and hardly any bytes that are not UTF-8 (a
/// legacy charset or a broken character does not make a log binary, nor do zeros that a crash left between lines).
pub(super) fn is_text(head: &[u8]) -> bool {
    let control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    if head.is_empty() {
        return false;
    }
    if head.iter().any(control) {
        let end = line_end(head);
        let (mut clean, mut all, mut lines) = (0_usize, 0_usize, 0_usize);
        for line in head.split(|byte| *byte == end) {
            let line = unpadded(line);
            all = all.saturating_add(line.len());
            if !line.is_empty() && !line.iter().any(control) {
                clean = clean.saturating_add(line.len());
                lines = lines.saturating_add(1);
            }
        }
        if lines < 3 || clean.saturating_mul(4) < all.saturating_mul(3) {
            return false;
        }
    }
    let strange: usize = head.utf8_chunks().map(|chunk| chunk.invalid().len()).sum();
    strange.saturating_mul(10) <= head.len()
}

/// A line without the zeros around it.
fn unpadded(mut line: &[u8]) -> &[u8] {
    while let Some((0, rest)) = line.split_first() {
        line = rest;
    }
    while let Some((0, rest)) = line.split_last() {
        line = rest;
    }
    line
}

/// The lines of a head that are complete, or its only one; without empty ones.
pub(super) fn head_lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let end = line_end(head);
    let whole = memchr::memrchr(end, head).and_then(|at| head.get(..at)).unwrap_or(head);
    // A file that is shorter than the head ends with a line, whether a line's end follows or not.
    let whole = if head.len() < super::open::HEAD { head } else { whole };
    let lines = whole.split(move |byte| *byte == end);
    lines.map(|line| unpadded(line).trim_ascii()).filter(|line| !line.is_empty())
}

/// Whether bytes have one of these shapes: `0` stands for any digit, everything else for itself.
fn like(bytes: &[u8], shapes: &[&[u8]]) -> bool {
    let fits = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    shapes.iter().any(|shape| bytes.len() == shape.len() && bytes.iter().zip(*shape).all(fits))
}

/// Whether a line looks as programs write logs: a time or date in it, a syslog priority, `key=value`, or JSON.
pub(super) fn is_log_line(line: &[u8]) -> bool {
    let clock = |window: &[u8]| like(window, &[b"00:00:00"]);
    let date = |window: &[u8]| like(window, &[b"0000-00-00", b"0000/00/00"]);
    let pair = |(at, byte): (usize, &u8)| {
        *byte == b'='
            && at.checked_sub(1).and_then(|i| line.get(i)).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
            && line.get(at.saturating_add(1)).is_some_and(|b| !b.is_ascii_whitespace() && *b != b'=')
    };
    line.windows(8).any(clock)
        || line.windows(10).any(date)
        || (line.first() == Some(&b'<') && line.get(1).is_some_and(u8::is_ascii_digit))
        || line.iter().enumerate().any(pair)
        || fronted(line).is_some()
}

/// Bytes that stand in front of the JSON object of a log line at most.
const FRONT: usize = 1 << 10;

/// The JSON object at the end of a line, behind what a log puts in front of it: `[app] INFO {…}`, `MESSAGE={…}`.
pub(super) fn fronted(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii();
    if line.last() != Some(&b'}') || matches!(line.first(), Some(b'{' | b'[')) && line.get(1) == Some(&b'"') {
        return None;
    }
    let front = line.get(..FRONT).unwrap_or(line);
    let at = |open: usize| {
        let before = open.checked_sub(1).and_then(|before| line.get(before));
        let begins = line.get(open.saturating_add(1)) == Some(&b'"');
        line.get(open..).filter(|_| begins && before.is_some_and(|byte| b" \t=:]|>".contains(byte)))
    };
    let is_json = |text: &&[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
    memchr::memchr_iter(b'{', front).filter_map(at).take(4).find(is_json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: Vec<u8>) -> (Vec<(FrameNo, usize)>, Loss) {
        let mut lines = Lines::new(Window::new(Box::new(std::io::Cursor::new(text))));
        let mut out = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            out.push((line.number, lines.bytes(line).len()));
        }
        (out, lines.take_loss())
    }

    #[test]
    fn lines_are_numbered_whatever_ends_them() {
        assert_eq!(lines(b"\xef\xbb\xbfa\r\n\nbcd".to_vec()).0, [(1, 1), (2, 0), (3, 3)]);
        assert_eq!(lines(Vec::new()).0, []);
        assert_eq!(lines(b"a\rbcd\r\re".to_vec()).0, [(1, 1), (2, 3), (3, 0), (4, 1)]);
        let (padded, loss) = lines(b"a\0\0\n\0\0\0bc\n\0\0\n\0".to_vec());
        assert_eq!((padded, loss.records()), (vec![(1, 1), (2, 2), (3, 0), (4, 0)], 0));
        assert_eq!(loss.notes(), ["4 lines are padded with zeros, which were passed over"]);
    }

    #[test]
    fn a_line_over_the_budget_is_skipped_and_told() {
        for end in [&b"\nshort\n"[..], b"\nshort"] {
            let mut text = b"first\n".to_vec();
            text.resize(RECORD_BYTES * 3, b'x');
            text.extend_from_slice(end);
            let (read, loss) = lines(text);
            assert_eq!(read, [(1, 5), (3, 5)]);
            assert_eq!(loss.records(), 1);
            assert!(loss.notes().iter().any(|note| note.contains("line 2 ")), "{:?}", loss.notes());
        }
    }

    #[test]
    fn charsets_are_told_apart_line_by_line() {
        for (bytes, want) in [
            (&b"caf\xe9 cr\xe8me"[..], "caf\u{e9} cr\u{e8}me"),
            (b"caf\xc3\xa9 and \xe9", "caf\u{e9} and \u{e9}"),
            (b"h\0\xe9\0r\0o\0n\0", "h\u{e9}ron"),
            (b"h\0e\0r\0o\0n", "heron"),
            (b"one\0zero", "one\0zero"),
        ] {
            assert_eq!(text(bytes), want, "{bytes:?}");
        }
    }

    #[test]
    fn text_and_logs_are_told_from_the_rest() {
        for (bytes, text) in [
            (&b"plain words\n"[..], true),
            (b"caf\xe9 au lait, latin-1 text\n", true),
            ("наш журнал\n".as_bytes(), true),
            (b"one line\ntwo lines\n\0\0\0\0three lines\0\nfo\0ur", true),
            (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", false),
            (b"\x89PNG\r\n\x1a\n", false),
            (b"", false),
        ] {
            assert_eq!(is_text(bytes), text, "{bytes:?}");
        }
        for (line, log) in [
            ("2026-11-02T10:11:12Z send ok", true),
            ("Nov  2 10:11:12 host sshd[1]: hello", true),
            ("11-02 10:11:12.345  1234  1250 I Chat: sent", true),
            ("level=info msg=hello", true),
            ("<34>1 - - - -", true),
            ("[app] INFO {\"from\":\"u1\"}", true),
            ("INFO: {\"from\":\"u1\"", false),
            ("if (x) {\"from\"; }", false),
            ("This is a README, about things.", false),
            ("a == b", false),
        ] {
            assert_eq!(is_log_line(line.as_bytes()), log, "{line}");
        }
    }
}
