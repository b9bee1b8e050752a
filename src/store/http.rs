//! As much of HTTP/1.1 (RFC 9112) as one answer takes.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::model::door::State;
use std::borrow::Cow;

/// One answer.
pub(super) struct Answer<'a> {
    /// Status code.
    pub(super) status: u16,
    head: &'a str,
    /// The body, as far as it came.
    pub(super) body: Cow<'a, [u8]>,
}

/// A request for a path, without a body.
pub(super) fn get(host: &str, port: u16, path: &str) -> Vec<u8> {
    request("GET", host, port, path, "")
}

/// A request with a JSON body.
pub(super) fn post(host: &str, port: u16, path: &str, body: &str) -> Vec<u8> {
    request("POST", host, port, path, body)
}

fn request(method: &str, host: &str, port: u16, path: &str, body: &str) -> Vec<u8> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let more = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: plainsight-door/{}\r\nAccept: */*\r\n{more}Connection: close\r\n\r\n{body}",
        env!("CARGO_PKG_VERSION")
    )
    .into_bytes()
}

/// The answer, once all of it has come. `None`: more must come. An answer that is no HTTP has status 0.
pub(super) fn answer(bytes: &[u8], ended: bool) -> Option<Answer<'_>> {
    let begins = bytes.starts_with(b"HTTP/1.") || b"HTTP/1.".starts_with(bytes);
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n").filter(|_| begins) else {
        let other = !begins || ended;
        return other.then_some(Answer { status: 0, head: "", body: Cow::Borrowed(bytes) });
    };
    let (head, rest) = bytes.split_at_checked(end)?;
    let head = std::str::from_utf8(head).unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = rest.get(4..).unwrap_or_default();
    let answer = Answer { status, head, body: Cow::Borrowed(body) };
    if answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        let (body, whole) = chunks(body);
        return (whole || ended).then_some(Answer { body: Cow::Owned(body), ..answer });
    }
    let whole =
        answer.header("content-length").and_then(|len| len.parse().ok()).is_some_and(|len: usize| body.len() >= len);
    (whole || ended).then_some(answer)
}

fn chunks(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    loop {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n") else { return (out, false) };
        let (line, rest) =
            (bytes.get(..end).unwrap_or_default(), bytes.get(end.saturating_add(2)..).unwrap_or_default());
        let size = std::str::from_utf8(line)
            .ok()
            .and_then(|line| usize::from_str_radix(line.split(';').next()?.trim(), 16).ok());
        let Some(size) = size else { return (out, true) };
        if size == 0 {
            return (out, true);
        }
        let piece = rest.get(..size.min(rest.len())).unwrap_or_default();
        out.extend_from_slice(piece);
        let Some(next) = rest.get(size.saturating_add(2)..) else { return (out, false) };
        bytes = next;
    }
}

impl Answer<'_> {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        fields.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// What the status says by itself: credentials are wanted, or this is something else. `None` for success.
    pub(super) const fn refusal(&self) -> Option<State> {
        match self.status {
            200..=299 => None,
            401 | 403 | 407 => Some(State::Locked),
            _ => Some(State::Other),
        }
    }
}
